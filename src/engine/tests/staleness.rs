//! What the built-in rules say of public paths that are, or are not, needed.

use std::net::{IpAddr, Ipv4Addr};

use chrono::DateTime;

use super::*;
use crate::model::{Client, Connectivity, Consumer, ConsumerKind, ConsumerPath, Gate, GateKind, Need, Traffic};

fn consumer(id: &str, need: Need, connectivity: Connectivity, steps: &[&str]) -> Consumer {
    Consumer {
        id: id.to_owned(),
        kind: ConsumerKind::Cluster,
        name: String::new(),
        account_id: "1000000000000001".into(),
        region_id: "cn-hangzhou".into(),
        vpc_id: "vpc-1".into(),
        state: "running".to_owned(),
        need,
        confidence_percent: 80,
        reason: "because".to_owned(),
        path: ConsumerPath {
            connectivity,
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            ..ConsumerPath::unknown(Vec::new())
        },
        traffic: Traffic::NotAvailable,
        egress: Vec::new(),
        egress_complete: false,
    }
}

fn judged(staleness: Staleness, port: PortVerdict) -> EndpointJudgement {
    let mut row = row(15011, port, port);
    row.gates = vec![Gate {
        kind: GateKind::ClbAcl,
        id: "lb-1/15011".to_owned(),
        enforcement: crate::model::Enforcement::Enforced,
        admits: Shared::default(),
        complete: true,
        note: "acl off".to_owned(),
    }];
    EndpointJudgement { staleness, load_balancer_id: Some("lb-1".into()), ..endpoint(Exposure::Exposed, vec![row]) }
}

/// The findings of the family, as `rule severity`.
fn said(judgement: EndpointJudgement) -> Vec<String> {
    evaluate(judgement)
        .into_iter()
        .filter(|(rule, ..)| rules().get(rule).is_some_and(|rule| rule.path.starts_with("staleness/")))
        .map(|(rule, status, severity)| {
            assert_eq!(status, FindingStatus::Open, "{rule}: these facts are exact");
            format!("{rule} {severity}")
        })
        .collect()
}

fn plain(verdict: StalenessVerdict) -> Staleness {
    Staleness::plain(verdict, 80, "because")
}

fn stranger() -> Client {
    let day = DateTime::from_timestamp(1_764_000_000, 0).expect("a day");
    Client {
        address: IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)),
        first_seen: day,
        last_seen: day,
        count: 3,
        bytes: 0,
        users: Vec::new(),
    }
}

#[test]
fn each_verdict_has_its_finding_and_openness_raises_it() {
    use PortVerdict::{Open, Restricted};
    use StalenessVerdict::{NotExposed, Orphaned, Required, Stale, Unknown};
    let move_first = || Staleness { after_migration: true, ..plain(Stale) };
    for (staleness, port, expected) in [
        (plain(Stale), Restricted, &["stale-exposure medium"][..]),
        (plain(Stale), Open, &["stale-exposure high"]),
        (Staleness { probed: true, ..plain(Stale) }, Restricted, &["stale-exposure high"]),
        (plain(Orphaned), Restricted, &["orphaned-exposure medium"]),
        (plain(Orphaned), Open, &["orphaned-exposure high"]),
        (Staleness { probed: true, ..plain(Orphaned) }, Restricted, &["orphaned-exposure high"]),
        (
            Staleness { unexpected: vec![stranger()], ..plain(Orphaned) },
            Restricted,
            &["orphaned-exposure high", "unexpected-client high"],
        ),
        (move_first(), Restricted, &["stale-after-migration low"]),
        (move_first(), Open, &["stale-after-migration medium"]),
        (plain(Required), Open, &["required-exposure-open high"]),
        (plain(Required), Restricted, &["required-exposure-fenced info"]),
        (plain(Required), PortVerdict::PrivateOnly, &["required-exposure-fenced info"]),
        (plain(Required), PortVerdict::Unverified, &[]),
        (Staleness { unexpected: vec![stranger()], ..plain(Unknown) }, Open, &["unexpected-client medium"]),
        (plain(Unknown), Open, &[]),
        (plain(NotExposed), Restricted, &[]),
    ] {
        assert_eq!(said(judged(staleness.clone(), port)), expected, "{staleness:?} {port}");
    }
}

/// A white list of those who need it is all that can be done: whether they are trusted is another rule's matter.
#[test]
fn only_those_who_need_it_getting_in_is_no_open_endpoint() {
    let net = |text: &str| -> ipnet::IpNet { text.parse().expect("a block") };
    let required = Staleness { proposed_allowlist: vec![net("47.96.1.7/32")], ..plain(StalenessVerdict::Required) };
    let open_to = |sources: &[&str]| {
        let sources: Vec<ipnet::IpNet> = sources.iter().map(|text| net(text)).collect();
        let mut judgement = judged(required.clone(), PortVerdict::Open);
        judgement.access[0].untrusted = sources.clone().into();
        judgement.access[0].untrusted_lower = sources.into();
        said(judgement)
    };
    assert_eq!(open_to(&["47.96.1.7/32"]), Vec::<String>::new());
    // What no router on the internet carries is nobody.
    assert_eq!(open_to(&["47.96.1.7/32", "10.0.0.0/8"]), Vec::<String>::new());
    assert_eq!(open_to(&["47.96.1.6/31"]), ["required-exposure-open high"]);
    assert_eq!(open_to(&["0.0.0.0/0"]), ["required-exposure-open high"]);
}

#[test]
fn traffic_that_nobody_can_attribute_raises_the_public_address() {
    use PortVerdict::Open;
    let severity = |staleness| {
        let found = evaluate(judged(staleness, Open));
        found.into_iter().find(|(rule, ..)| rule == "control-plane-public-eip").map(|(_, _, severity)| severity)
    };
    let unknown = plain(StalenessVerdict::Unknown);
    assert_eq!(severity(unknown.clone()), Some(Severity::Medium));
    assert_eq!(severity(Staleness { unattributed: true, ..unknown }), Some(Severity::High));
}

#[test]
fn an_undecided_port_makes_neither_a_finding_about_the_need_nor_a_fence() {
    let mut judgement = judged(plain(StalenessVerdict::Required), PortVerdict::Restricted);
    judgement.access.push(row(15012, PortVerdict::Restricted, PortVerdict::Open));
    assert_eq!(said(judgement), Vec::<String>::new());
}

#[test]
fn a_path_is_one_step_away_only_if_one_change_opens_it() {
    let with = |connectivity, steps: &[&str]| {
        let consumers = vec![consumer("c1", Need::Undetermined, connectivity, steps)];
        said(judged(Staleness { consumers, ..plain(StalenessVerdict::Unknown) }, PortVerdict::Restricted))
    };
    assert_eq!(with(Connectivity::Blocked, &["accept pcc-1"]), ["private-path-one-step-away info"]);
    assert!(with(Connectivity::Blocked, &["accept pcc-1", "add a route"]).is_empty());
    assert!(with(Connectivity::Blocked, &[]).is_empty());
    assert!(with(Connectivity::Unknown, &["accept pcc-1"]).is_empty());
    assert!(with(Connectivity::Partial, &["accept pcc-1"]).is_empty());
}

fn message(judgement: EndpointJudgement, rule: &str) -> String {
    let judgements = Judgements { endpoints: vec![judgement], ..Judgements::default() };
    let found = rules().evaluate(&judgements).into_iter().find(|finding| finding.rule_id == rule);
    found.expect("it is found").message
}

#[test]
fn a_needed_and_open_endpoint_is_told_with_the_commands_that_narrow_it_whole() {
    let staleness = Staleness {
        consumers: vec![consumer("c1", Need::Needed, Connectivity::Blocked, &[])],
        proposed_allowlist: (0..20).map(|n| format!("203.0.113.{n}/32").parse().expect("a block")).collect(),
        proposal_complete: true,
        ..plain(StalenessVerdict::Required)
    };
    let text = message(judged(staleness.clone(), PortVerdict::Open), "required-exposure-open");
    assert!(text.contains("needed in public at none by cluster c1"), "{text}");
    assert!(text.contains("{\"entry\":\"203.0.113.19/32\"}"), "nothing is cut off: {text}");
    assert!(!text.contains("would be cut off"), "{text}");
    let commands: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(commands.len(), 3, "{text}");
    assert!(commands[..2].iter().all(|command| command.ends_with(" &&")), "each only if the one before: {text}");
    assert!(commands[2].ends_with("--AclStatus on --AclType white --AclId \"$ACL_IPV4\""), "{text}");

    let partial = Staleness { proposal_complete: false, ..staleness };
    let text = message(judged(partial, PortVerdict::Open), "required-exposure-open");
    assert!(text.contains("would be cut off") && !text.contains("aliyun"), "{text}");
}

#[test]
fn the_step_and_the_strangers_are_named() {
    let consumers = vec![consumer("c1", Need::Needed, Connectivity::Blocked, &["accept the peering pcc-1"])];
    let staleness = Staleness { consumers, unexpected: vec![stranger()], ..plain(StalenessVerdict::Required) };
    let step = message(judged(staleness.clone(), PortVerdict::Restricted), "private-path-one-step-away");
    assert!(step.contains("cluster c1: accept the peering pcc-1"), "{step}");
    let strangers = message(judged(staleness, PortVerdict::Restricted), "unexpected-client");
    assert!(strangers.contains("198.51.100.7 (first 2025-11-24T16:00:00Z"), "{strangers}");
}
