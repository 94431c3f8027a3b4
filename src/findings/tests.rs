//! Gate, waivers, verdict and diff over small hand-made runs.

use chrono::{DateTime, Duration, NaiveDate, Utc};

use super::*;
use crate::model::{
    AccessRow, AclJudgement, Bounds, Coverage, Endpoint, EndpointJudgement, EndpointKind, Enforcement, Exposure,
    Family, Gap, Judgements, PortVerdict, ResourceKind, SecurityGroupJudgement, Severity, Shared, Staleness,
    StalenessVerdict, Text, TrustedEntry, TrustedList, Unit, UnitState,
};

const ACCOUNT: &str = "1000000000000001";
const REGION: &str = "cn-hangzhou";

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn today() -> NaiveDate {
    day("2026-11-22")
}

fn finding(rule: &str, resource: &str, severity: Severity, status: FindingStatus) -> Finding {
    let subject = Subject {
        account_id: ACCOUNT.into(),
        region_id: REGION.into(),
        resource_kind: ResourceKind::Cluster,
        resource_id: resource.to_owned(),
        endpoint_kind: Some(EndpointKind::ClusterApiServer),
    };
    Finding {
        fingerprint: fingerprint(rule, &subject),
        rule_id: rule.to_owned(),
        title: Text::default(),
        severity,
        status,
        subject,
        resource_name: String::new(),
        message: String::new(),
        evidence: Vec::new(),
        remedy: Text::default(),
        references: Shared::default(),
        controls: Shared::default(),
        first_seen: None,
        waiver: None,
        about_coverage: false,
        baselined: false,
        outgrown: false,
        decisions: Vec::new(),
    }
}

/// A cluster's endpoint whose port 6443 admits `untrusted`.
fn endpoint(resource: &str, untrusted: &[&str]) -> EndpointJudgement {
    EndpointJudgement {
        endpoint: Endpoint {
            account_id: ACCOUNT.into(),
            region_id: REGION.into(),
            resource_kind: ResourceKind::Cluster,
            resource_id: resource.to_owned(),
            kind: EndpointKind::ClusterApiServer,
        },
        resource_name: String::new(),
        tags: [("env".to_owned(), "dev".to_owned())].into(),
        protected_by: Vec::new(),
        exposure: Exposure::Exposed,
        signs: Vec::new(),
        contradictions: Vec::new(),
        unread: Vec::new(),
        public_address: None,
        private_address: None,
        eip_id: None,
        product_eip_id: None,
        load_balancer_id: None,
        access: vec![AccessRow {
            protocol: "tcp".to_owned(),
            port: 6443,
            family: Family::Ipv4,
            verdict: PortVerdict::Open,
            verdict_bounds: Bounds::exact(PortVerdict::Open),
            complete: true,
            untrusted: untrusted.iter().map(|text| text.parse().expect("a block")).collect(),
            untrusted_lower: Shared::default(),
            untrusted_all_gates: Shared::default(),
            witness: None,
            blame: Shared::default(),
            fix_set: Shared::default(),
            gates: Vec::new(),
        }],
        staleness: Staleness::plain(StalenessVerdict::Unknown, 0, ""),
        bound_by: None,
        changing: Default::default(),
    }
}

fn judgements() -> Judgements {
    Judgements {
        endpoints: vec![endpoint("c1", &["8.8.8.0/24", "8.8.9.0/24"]), endpoint("c2", &["0.0.0.0/0"])],
        ..Judgements::default()
    }
}

/// A waiver from YAML, in the words of its file.
fn raw(yaml: &str) -> RawWaiver {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}"))
}

fn waiver(yaml: &str) -> Waiver {
    raw(yaml).check(today()).unwrap_or_else(|problems| panic!("{}", problems.join("\n")))
}

const REST: &str = "reason: accepted\nowner: team@example.com\nexpires: 2026-12-31\n";

fn select(more: &str) -> Waiver {
    waiver(&format!("select: {{account: \"{ACCOUNT}\", region: {REGION}{more}}}\n{REST}"))
}

fn settings(waivers: Vec<Waiver>) -> GateSettings {
    GateSettings { waivers, ..GateSettings::new(today(), true) }
}

fn open(resource: &str) -> Finding {
    finding("control-plane-open-to-untrusted", resource, Severity::Critical, FindingStatus::Open)
}

fn run_gate(findings: Vec<Finding>, settings: &GateSettings) -> Vec<Finding> {
    apply(findings, &judgements(), settings)
}

/// An earlier run with these findings, over the same judgements but for what `change` did since.
fn baseline(findings: &[&Finding], change: fn(&mut EndpointJudgement)) -> Baseline {
    let mut baseline = Baseline::default();
    for finding in findings {
        let known = known(finding, None);
        baseline.add_finding(&finding.fingerprint, known);
    }
    for mut endpoint in judgements().endpoints {
        change(&mut endpoint);
        let ports = endpoint.access.iter().fold(KnownEndpoint::default(), |known, row| {
            known.port(&row.protocol, row.port, row.family, &row.untrusted, &row.untrusted_all_gates)
        });
        let clients = endpoint.staleness.unexpected.iter();
        baseline.add_endpoint(&endpoint.endpoint.id(), clients.fold(ports, |known, one| known.client(one.address)));
    }
    baseline
}

fn blocks(texts: &[&str]) -> Vec<ipnet::IpNet> {
    texts.iter().map(|text| text.parse().expect("a block")).collect()
}

/// What an earlier run had of a finding, and whom the filter let through that it is about.
fn known(finding: &Finding, untrusted: Option<&[&str]>) -> KnownFinding {
    KnownFinding {
        severity: finding.severity,
        message: finding.message.clone(),
        untrusted: untrusted.map(blocks),
        concerns: ["an-endpoint".to_owned()].into(),
    }
}

/// A finding about a filter in front of an endpoint.
fn about_filter(rule: &str, kind: ResourceKind, id: &str) -> Finding {
    let subject = Subject {
        account_id: ACCOUNT.into(),
        region_id: REGION.into(),
        resource_kind: kind,
        resource_id: id.to_owned(),
        endpoint_kind: None,
    };
    let finding = finding(rule, id, Severity::High, FindingStatus::Open);
    Finding { fingerprint: fingerprint(rule, &subject), subject, ..finding }
}

/// An ACL and a group that let these through.
fn filters(untrusted: Option<&[&str]>) -> Judgements {
    let no = Bounds::exact(false);
    let acl = AclJudgement {
        account_id: ACCOUNT.into(),
        region_id: REGION.into(),
        acl_id: "acl-1".to_owned(),
        resource_kind: ResourceKind::Acl,
        name: String::new(),
        endpoints: vec!["an-endpoint".to_owned()],
        listeners: Vec::new(),
        enabled_but_empty: no,
        black_list: false,
        admits_untrusted: no,
        untrusted: Vec::new(),
        untrusted_anyhow: untrusted.map(blocks),
        missing_required: Vec::new(),
        unresolved: Vec::new(),
    };
    let group = SecurityGroupJudgement {
        account_id: ACCOUNT.into(),
        region_id: REGION.into(),
        security_group_id: "sg-1".to_owned(),
        name: String::new(),
        tags: [("env".to_owned(), "dev".to_owned())].into(),
        endpoints: vec!["an-endpoint".to_owned()],
        enforcement: Enforcement::Unverified,
        admits_untrusted: no,
        untrusted: Vec::new(),
        untrusted_anywhere: untrusted.map(blocks),
        world_open: no,
        world_open_by_union: no,
        shadowed_rules: Vec::new(),
        admit_everything_rules: Vec::new(),
        blame: Vec::new(),
        unresolved: Vec::new(),
    };
    Judgements { acls: vec![acl], security_groups: vec![group], ..Judgements::default() }
}

/// A limit speaks of what the filter lets through, however it is used, and not of what a white list would hold.
#[test]
fn a_limit_of_a_filter_holds_only_while_what_it_lets_through_stays_inside() {
    let limited = waiver(&format!(
        "select: {{account: \"{ACCOUNT}\", region: {REGION}, rule: a-rule}}\nonly: {{cidrs: [203.0.113.0/24]}}\n{REST}"
    ));
    for (kind, id) in [(ResourceKind::Acl, "acl-1"), (ResourceKind::SecurityGroup, "sg-1")] {
        let status = |untrusted: Option<&[&str]>| {
            let finding = about_filter("a-rule", kind, id);
            apply(vec![finding], &filters(untrusted), &settings(vec![limited.clone()]))[0].status
        };
        assert_eq!(status(Some(&["203.0.113.0/25"])), FindingStatus::Waived, "{id}");
        assert_eq!(status(Some(&["203.0.113.0/24", "8.8.8.8/32"])), FindingStatus::Open, "{id}");
        assert_eq!(status(Some(&["0.0.0.0/0"])), FindingStatus::Open, "{id}");
        assert_eq!(status(None), FindingStatus::Open, "{id}: not known");
    }
}

/// Messages show eight items of a list; the ninth counts all the same.
#[test]
fn a_filter_that_has_grown_since_the_baseline_counts() {
    for (kind, id) in [(ResourceKind::Acl, "acl-1"), (ResourceKind::SecurityGroup, "sg-1")] {
        let finding = about_filter("a-rule", kind, id);
        let answer = |before: Option<&[&str]>, now: Option<&[&str]>, message: &str| {
            let mut baseline = Baseline::default();
            baseline.add_finding(&finding.fingerprint, known(&finding, before));
            let settings = GateSettings { baseline, ..settings(Vec::new()) };
            let finding = Finding { message: message.to_owned(), ..finding.clone() };
            apply(vec![finding], &filters(now), &settings)[0].baselined
        };
        let ten = Some(["10.0.0.0/24", "10.0.1.0/24"].as_slice());
        assert!(answer(ten, ten, ""), "{id}");
        assert!(!answer(ten, Some(&["0.0.0.0/1", "10.0.0.0/24"]), ""), "{id}: the same text, half the internet");
        assert!(answer(ten, Some(&["10.0.0.0/25"]), "another text"), "{id}: fewer");
        assert!(!answer(ten, ten, "another text"), "{id}: as many, and something else");
        assert!(!answer(None, ten, ""), "{id}: it was not known");
        assert!(!answer(ten, None, ""), "{id}: it is not known any more");
        assert!(answer(None, None, ""), "{id}");
    }
}

/// What a security group narrows that nobody documents to filter is still less than everything.
#[test]
fn an_endpoint_that_more_reach_past_every_gate_counts() {
    let all_gates = |texts: &'static [&'static str]| {
        let mut judgements = judgements();
        judgements.endpoints[0].access[0].untrusted_all_gates = blocks(texts).into();
        judgements
    };
    let mut known_before = Baseline::default();
    known_before.add_finding(&open("c1").fingerprint, known(&open("c1"), None));
    let before = all_gates(&["8.8.8.0/28"]).endpoints.remove(0);
    let row = &before.access[0];
    let port = KnownEndpoint::default().port("tcp", 6443, Family::Ipv4, &row.untrusted, &row.untrusted_all_gates);
    known_before.add_endpoint(&before.endpoint.id(), port);
    let settings = GateSettings { baseline: known_before, ..settings(Vec::new()) };
    let baselined = |texts| apply(vec![open("c1")], &all_gates(texts), &settings)[0].baselined;
    assert!(baselined(&["8.8.8.0/28"]) && baselined(&["8.8.8.0/29"]));
    assert!(!baselined(&["8.8.8.0/24"]));
}

/// A fingerprint says what a finding is about, not how bad it is.
#[test]
fn what_has_grown_since_the_baseline_counts() {
    let of = |change: fn(&mut EndpointJudgement)| {
        let settings = GateSettings { baseline: baseline(&[&open("c1")], change), ..settings(Vec::new()) };
        let out = run_gate(vec![open("c1")], &settings);
        // One that is worse is not part of the starting point, and known to have been in it.
        assert_eq!(out[0].baselined, !out[0].outgrown);
        (out[0].baselined, out[0].decisions.join("; "))
    };
    assert!(of(|_| {}).0);
    assert!(
        of(|was| was
            .access
            .iter_mut()
            .for_each(|row| row.untrusted = vec!["0.0.0.0/0".parse().expect("a block")].into()))
        .0
    );
    let fewer = of(|was| was.access.iter_mut().for_each(|row| row.untrusted = Shared::default()));
    assert!(!fewer.0 && fewer.1.contains("worse now"), "{fewer:?}");
    let no_port = of(|was| was.access.clear());
    assert!(!no_port.0 && no_port.1.contains("reaches tcp/6443 too"), "{no_port:?}");
}

#[test]
fn what_a_waiver_no_longer_covers_is_not_what_the_baseline_knew() {
    let text = format!("select: {{account: \"{ACCOUNT}\", region: {REGION}, rule: control-plane-open-to-untrusted}}");
    let exceeded = waiver(&format!("{text}\nonly: {{port: 1}}\n{REST}"));
    let known = open("c1");
    let settings = GateSettings { baseline: baseline(&[&known], |_| {}), ..settings(vec![exceeded]) };
    let out = run_gate(vec![known], &settings);
    assert!(!out[0].baselined && counts(&out[0], Severity::Low), "{:?}", out[0].decisions);
}

#[test]
fn the_gate_decides_in_order_and_records_each_decision() {
    let waived = select(", resource: c1");
    let known = open("c2");
    let settings = GateSettings {
        severity: [("control-plane-open-to-untrusted".to_owned(), Severity::High)].into(),
        baseline: baseline(&[&known], |_| {}),
        fail_on: Severity::Critical,
        ..settings(vec![waived.clone()])
    };
    let out = run_gate(vec![open("c1"), known, open("c3")], &settings);
    let of = |id: &str| out.iter().find(|finding| finding.subject.resource_id == id).expect("it was given");
    let remapped = "severity remapped from critical to high by configuration".to_owned();
    let by = format!("waived by {} until 2026-12-31", waived.id());
    assert_eq!((of("c1").status, &of("c1").decisions), (FindingStatus::Waived, &vec![remapped.clone(), by]));
    let baseline = "in the baseline: reported, not counted".to_owned();
    assert_eq!((of("c2").baselined, &of("c2").decisions), (true, &vec![remapped.clone(), baseline]));
    let below = "does not count: high is below the threshold critical".to_owned();
    assert_eq!(of("c3").decisions, [remapped, below]);
    assert!(out.iter().all(|finding| !counts(finding, settings.fail_on)));
}

#[test]
fn a_waiver_never_touches_what_is_unknown() {
    let unknown = finding("control-plane-open-to-untrusted", "c1", Severity::Critical, FindingStatus::Unknown);
    let out = run_gate(vec![unknown], &settings(vec![select(", resource: c1")]));
    assert_eq!(out.len(), 1, "the waiver is not unused");
    assert_eq!((out[0].status, &out[0].waiver), (FindingStatus::Unknown, &None));
    assert!(out[0].decisions[0].contains("cannot be accepted"));
}

#[test]
fn a_waiver_lives_until_its_last_day_and_is_a_finding_afterwards() {
    let text = format!("fingerprint: \"{}\"\n{REST}", open("c1").fingerprint);
    let waiver = waiver(&text);
    let on = |today: &str| {
        let settings = GateSettings { today: day(today), ..settings(vec![waiver.clone()]) };
        run_gate(vec![open("c1")], &settings)
    };
    assert_eq!(on("2026-11-30").len(), 1, "31 days before");
    for soon in ["2026-12-01", "2026-12-31"] {
        let told = &on(soon)[1];
        assert_eq!((told.rule_id.as_str(), told.status), ("waiver-ends-soon", FindingStatus::Open));
        assert!(told.message.contains("2026-12-31. Owner: team@example.com"), "{}", told.message);
        assert!(told.about_coverage && !counts(told, Severity::Info));
    }
    let last_day = on("2026-12-31");
    assert_eq!(last_day[0].status, FindingStatus::Waived);
    assert_eq!(last_day[0].waiver.as_ref().map(|note| note.owner.as_str()), Some("team@example.com"));

    let next_day = on("2027-01-01");
    assert_eq!(next_day[0].status, FindingStatus::Open);
    assert!(next_day[0].decisions[0].ends_with("ignored: expired on 2026-12-31"));
    let expired = &next_day[1];
    assert_eq!((expired.rule_id.as_str(), expired.subject.resource_kind), ("waiver-expired", ResourceKind::Waiver));
    assert_eq!(expired.subject.resource_id, waiver.id());
    assert!(expired.about_coverage && !counts(expired, Severity::Info));
}

#[test]
fn a_waiver_that_accepts_nothing_is_a_finding() {
    let unused = select(", resource: gone");
    let out = run_gate(vec![open("c1")], &settings(vec![unused.clone()]));
    let about: Vec<_> = out.iter().filter(|finding| finding.rule_id == "waiver-unused").collect();
    assert_eq!(about.len(), 1);
    assert_eq!((about[0].status, &about[0].subject.resource_id), (FindingStatus::Open, &unused.id()));
    // Where something was not read, the finding that it accepts may only be hidden.
    let incomplete = GateSettings { coverage_complete: false, ..settings(vec![unused]) };
    let out = run_gate(Vec::new(), &incomplete);
    assert_eq!(out[0].status, FindingStatus::Unknown);
}

#[test]
fn a_limit_holds_only_while_the_residue_stays_inside() {
    let limited = |only: &str| {
        waiver(&format!(
            "select: {{account: \"{ACCOUNT}\", region: {REGION}, rule: control-plane-open-to-untrusted}}\nonly: \
             {only}\n{REST}"
        ))
    };
    let status = |only: &str, resource: &str| run_gate(vec![open(resource)], &settings(vec![limited(only)]))[0].status;
    // Two halves of one block count as the block.
    assert_eq!(status("{port: 6443, cidrs: [8.8.8.0/24, 8.8.9.0/24]}", "c1"), FindingStatus::Waived);
    assert_eq!(status("{port: 6443, cidrs: [8.8.8.0/23]}", "c1"), FindingStatus::Waived);
    assert_eq!(status("{cidrs: [8.0.0.0/8]}", "c1"), FindingStatus::Waived);
    assert_eq!(status("{port: 6443}", "c2"), FindingStatus::Waived);
    assert_eq!(status("{port: 443}", "c1"), FindingStatus::Open);
    assert_eq!(status("{cidrs: [8.8.8.0/24]}", "c1"), FindingStatus::Open);
    assert_eq!(status("{cidrs: [8.8.8.0/23]}", "c2"), FindingStatus::Open);
    // Of c3 nothing is judged, so nothing shows that the limit holds.
    assert_eq!(status("{cidrs: [8.8.8.0/23]}", "c3"), FindingStatus::Open);
}

#[test]
fn of_waivers_that_contradict_the_stricter_wins_and_both_are_named() {
    let wide = select(", resource: c2");
    let narrow = waiver(&format!(
        "select: {{account: \"{ACCOUNT}\", region: {REGION}, resource: c2}}\nonly: {{cidrs: [8.8.8.0/24]}}\n{REST}"
    ));
    for waivers in [vec![wide.clone(), narrow.clone()], vec![narrow.clone(), wide.clone()]] {
        let out = run_gate(vec![open("c2")], &settings(waivers));
        assert_eq!(out[0].status, FindingStatus::Open);
        let all = out[0].decisions.join("\n");
        assert!(all.contains(&wide.id()) && all.contains(&narrow.id()), "{all}");
    }
}

#[test]
fn a_selection_needs_every_field_it_names() {
    let status = |more: &str| run_gate(vec![open("c1")], &settings(vec![select(more)]))[0].status;
    assert_eq!(status(", tag: {env: dev}"), FindingStatus::Waived);
    assert_eq!(status(", tag: {env: prod}"), FindingStatus::Open);
    assert_eq!(status(", tag: {team: a}"), FindingStatus::Open, "a tag that is missing is not a match");
    assert_eq!(status(", kind: cluster"), FindingStatus::Waived);
    assert_eq!(status(", kind: mesh"), FindingStatus::Open);
    assert_eq!(status(", rule: control-plane-public-eip"), FindingStatus::Open);
    assert_eq!(status(", kind: cluster, resource: c2"), FindingStatus::Open);
}

#[test]
fn a_waiver_keeps_its_identity_when_it_is_renewed_and_no_other_has_it() {
    let base = select(", resource: c1");
    let renewed = waiver(&format!(
        "select: {{account: \"{ACCOUNT}\", region: {REGION}, resource: c1}}\nreason: again\nowner: other\nexpires: \
         2027-03-01\n"
    ));
    assert_eq!(base.id(), renewed.id());
    assert_ne!(base.id(), select(", rule: c1").id());
    assert_ne!(base.id(), select(", resource: c1, kind: cluster").id());
}

#[test]
fn bad_waivers_are_refused_with_all_their_problems() {
    let fingerprint = format!("fingerprint: \"{}\"\n", open("c1").fingerprint);
    let cases = [
        (REST.to_owned(), "needs `fingerprint`"),
        ("fingerprint: \"*\"\n".to_owned() + REST, "64 hex digits"),
        (fingerprint.clone() + "select: {account: \"1\", region: r, rule: x}\n" + REST, "not both"),
        ("select: {region: r, rule: x}\n".to_owned() + REST, "needs `account`"),
        ("select: {account: \"1\", rule: x}\n".to_owned() + REST, "needs `region`"),
        ("select: {account: \"1\", region: r}\n".to_owned() + REST, "everything in the region"),
        ("select: {account: \"1\", region: r, resource: \"*\"}\n".to_owned() + REST, "is a pattern"),
        ("select: {account: \"*\", region: r, rule: x}\n".to_owned() + REST, "is a pattern"),
        ("select: {account: \"1\", region: r, resource: \"c-*\"}\n".to_owned() + REST, "is a pattern"),
        ("select: {account: \"1\", region: r, tag: {env: \"*\"}}\n".to_owned() + REST, "patterns"),
        ("select: {account: \"1\", region: r, kind: pod}\n".to_owned() + REST, "no resource kind"),
        (fingerprint.clone() + "only: {}\n" + REST, "needs `port`"),
        (fingerprint.clone() + "only: {port: 0}\n" + REST, "between 1 and 65535"),
        (fingerprint.clone() + "only: {cidrs: []}\n" + REST, "is empty"),
        (fingerprint.clone() + "only: {cidrs: [10.0.0.0]}\n" + REST, "no prefix length"),
        (fingerprint.clone() + "only: {cidrs: [10.0.0.5/8]}\n" + REST, "host bits"),
        (fingerprint.clone() + "only: {cidrs: [010.0.0.0/8]}\n" + REST, "no address range"),
        (fingerprint.clone() + "only: {cidrs: [10.0.0.0/08]}\n" + REST, "no plain prefix length"),
        (fingerprint.clone() + "only: {cidrs: [10.0.0.0/33]}\n" + REST, "exceeds"),
        (fingerprint.clone() + "reason: r\nexpires: 2026-12-31\n", "needs `owner`"),
        (fingerprint.clone() + "owner: o\nexpires: 2026-12-31\n", "needs `reason`"),
        (fingerprint.clone() + "reason: \" \"\nowner: o\nexpires: 2026-12-31\n", "needs `reason`"),
        (fingerprint.clone() + "reason: r\nowner: o\n", "needs `expires`"),
        (fingerprint.clone() + "reason: r\nowner: o\nexpires: 2026-02-30\n", "is no day"),
        (fingerprint.clone() + "reason: r\nowner: o\nexpires: \"1767225600\"\n", "is no day"),
        (fingerprint.clone() + "reason: r\nowner: o\nexpires: 2027-1-3\n", "is no day"),
        (fingerprint.clone() + "reason: r\nowner: o\nexpires: 2027-11-23\n", "more than a year ahead"),
    ];
    for (yaml, wanted) in cases {
        let problems = raw(&yaml).check(today()).expect_err(&yaml);
        assert!(problems.iter().any(|problem| problem.contains(wanted)), "{yaml}: {problems:?}");
    }
    let all = raw("select: {}\n").check(today()).expect_err("nothing is right");
    assert!(all.len() >= 5, "all problems together: {all:?}");
    // Exactly a year ahead, and yesterday, are fine: the one is the limit, the other has expired.
    assert!(raw(&(fingerprint.clone() + "reason: r\nowner: o\nexpires: 2027-11-22\n")).check(today()).is_ok());
    assert!(raw(&(fingerprint + "reason: r\nowner: o\nexpires: 2026-11-21\n")).check(today()).is_ok());
}

#[test]
fn keys_that_a_waiver_does_not_have_are_refused() {
    assert!(serde_saphyr::from_str::<RawWaiver>("fingerprint: x\nreasn: r\n").is_err());
    assert!(serde_saphyr::from_str::<RawWaiverFile>("version: 1\nwaivers: []\nextra: 1\n").is_err());
}

#[test]
fn disabled_rules_are_dropped_and_their_waivers_are_not_unused() {
    let settings = GateSettings {
        disabled: ["control-plane-open-to-untrusted".to_owned()].into(),
        ..settings(vec![select(", resource: c1")])
    };
    assert_eq!(run_gate(vec![open("c1")], &settings), []);
}

fn unit(operation: &str, resource: &str) -> Unit {
    Unit::new(&ACCOUNT.into(), &REGION.into(), "cs", operation, resource)
}

fn gap(state: UnitState) -> Gap {
    Gap {
        unit: unit("DescribeClusterDetail", "c9"),
        state,
        code: String::new(),
        message: String::new(),
        request_id: String::new(),
    }
}

#[test]
fn the_verdict_follows_findings_and_coverage() {
    let mut complete = Coverage::default();
    complete.scanned(unit("DescribeClustersV1", ""));
    let mut denied = complete.clone();
    denied.gap(gap(UnitState::Denied));
    let mut excluded = complete.clone();
    excluded.gap(gap(UnitState::Excluded));
    let settled = judgements();
    let mut undecided = judgements();
    undecided.endpoints[0].access[0].verdict = PortVerdict::Unknown;

    let unknown = finding("r", "c1", Severity::Critical, FindingStatus::Unknown);
    let mut waived = open("c1");
    waived.status = FindingStatus::Waived;
    let low = finding("r", "c1", Severity::Info, FindingStatus::Open);
    let nothing = Coverage::default();
    let cases: [(&[Finding], &Coverage, &Judgements, u8, RunVerdict); 10] = [
        (&[], &complete, &settled, 0, RunVerdict::Pass),
        (&[], &nothing, &settled, 3, RunVerdict::Unknown),
        (&[], &excluded, &settled, 0, RunVerdict::Pass),
        (&[open("c1")], &complete, &settled, 1, RunVerdict::Fail),
        (&[], &denied, &settled, 3, RunVerdict::Unknown),
        (&[], &complete, &undecided, 3, RunVerdict::Unknown),
        (&[unknown], &complete, &settled, 3, RunVerdict::Unknown),
        (&[open("c1")], &denied, &settled, 4, RunVerdict::Fail),
        (&[waived], &denied, &settled, 3, RunVerdict::Unknown),
        (&[low], &complete, &settled, 0, RunVerdict::Pass),
    ];
    for (index, (findings, coverage, judgements, code, verdict)) in cases.into_iter().enumerate() {
        let outcome = outcome(findings, coverage, judgements, Severity::Low);
        assert_eq!((outcome.exit_code(), outcome.verdict), (code, verdict), "case {index}");
    }
}

fn started() -> DateTime<Utc> {
    "2026-11-22T00:00:00Z".parse().expect("a time")
}

fn run(findings: Vec<Finding>) -> Run {
    let mut coverage = Coverage::default();
    coverage.scanned(unit("DescribeClustersV1", ""));
    Run {
        header: RunHeader {
            id: String::new(),
            started_at: started(),
            finished_at: started(),
            tool_version: String::new(),
            exit_code: 0,
            caller: Vec::new(),
            api_calls: 0,
            retries: 0,
            snapshot_digest: String::new(),
            rules_digest: String::new(),
            rules: Default::default(),
            grounds: Grounds {
                inputs: [("control-plane-open-to-untrusted".to_owned(), [Input::Ports].into())].into(),
                ..Grounds::default()
            },
            fail_on: None,
            policy: None,
            tool_digest: None,
            clock_offset_ms: None,
            replies: Vec::new(),
            interrupted: false,
        },
        verdict: RunVerdict::Pass,
        judgements: judgements(),
        findings,
        coverage,
    }
}

#[test]
fn a_run_of_before_policies_were_kept_is_read_and_has_none() {
    let mut whole = run(Vec::new());
    let old = serde_json::to_value(&whole).expect("it is plain data");
    assert_eq!(old["header"].get("policy"), None);
    assert_eq!(serde_json::from_value::<Run>(old).expect("it is read"), whole);
    let trusted = TrustedList { entries: vec![TrustedEntry::everywhere("198.51.100.0/24".parse().expect("a block"))] };
    whole.header.policy = Some(Policy { trusted, ..Policy::default() });
    let kept = serde_json::to_value(&whole).expect("it is plain data");
    assert_eq!(serde_json::from_value::<Run>(kept).expect("it is read"), whole);
}

fn changes(old: &Run, new: &Run) -> Vec<(Change, String)> {
    diff(old, new).into_iter().map(|entry| (entry.change, entry.finding.subject.resource_id)).collect()
}

#[test]
fn what_is_gone_is_fixed_only_if_its_place_was_read() {
    let old = run(vec![open("c1"), open("gone")]);
    let fixed = |id: &str| (Change::Fixed, id.to_owned());
    let unknown = |id: &str| (Change::Unknown, id.to_owned());
    let sorted = |mut changes: Vec<(Change, String)>| {
        changes.sort();
        changes
    };
    assert_eq!(sorted(changes(&old, &run(Vec::new()))), [fixed("c1"), fixed("gone")]);

    // What is gone may be behind a list that was not read, and not behind another cluster's detail.
    let behind = |unit: Unit, state: UnitState| {
        let mut run = run(Vec::new());
        run.coverage.gap(Gap { unit, ..gap(state) });
        sorted(changes(&old, &run))
    };
    let detail = |id: &str| unit("DescribeClusterDetail", id);
    assert_eq!(behind(detail("c9"), UnitState::Denied), [fixed("c1"), fixed("gone")]);
    assert_eq!(behind(detail("c1"), UnitState::Denied), [unknown("c1"), fixed("gone")]);
    assert_eq!(behind(detail("gone"), UnitState::Failed), [unknown("gone"), fixed("c1")]);
    for state in [UnitState::Denied, UnitState::Failed, UnitState::Excluded, UnitState::NotServed] {
        let none = [unknown("c1"), unknown("gone")];
        assert_eq!(behind(unit("DescribeClustersV1", ""), state), none, "{state:?}");
        let eips = Unit { product: "vpc".to_owned(), ..unit("DescribeEipAddresses", "") };
        assert_eq!(behind(eips, state), none, "{state:?}");
        // Nor where the whole account was left out or could not be asked.
        let identity = Unit { product: "sts".to_owned(), region_id: "".into(), ..unit("GetCallerIdentity", "") };
        assert_eq!(behind(identity, state), none, "{state:?}");
    }
    // Many regions have no network load balancers.
    let balancers = Unit { product: "nlb".to_owned(), ..unit("ListLoadBalancers", "") };
    assert_eq!(behind(balancers, UnitState::NotServed), [fixed("c1"), fixed("gone")]);

    // A run over other regions, and one that was cut short, repair nothing.
    let mut elsewhere = run(Vec::new());
    elsewhere.judgements = Judgements::default();
    elsewhere.coverage = Coverage::default();
    assert_eq!(sorted(changes(&old, &elsewhere)), [unknown("c1"), unknown("gone")]);
    let mut cut_short = run(Vec::new());
    cut_short.header.interrupted = true;
    assert_eq!(sorted(changes(&old, &cut_short)), [unknown("c1"), unknown("gone")]);

    let mut hidden = run(Vec::new());
    hidden.judgements.endpoints[0].exposure = Exposure::Unknown;
    assert_eq!(sorted(changes(&old, &hidden)), [unknown("c1"), fixed("gone")]);
}

/// What becomes of a rule's finding about c1, where it is no longer found and the judgement is changed like this.
fn without(inputs: &[Input], change: fn(&mut Run)) -> Change {
    let old = run(vec![open("c1")]);
    let mut new = run(Vec::new());
    new.header.grounds.inputs = [(old.findings[0].rule_id.clone(), inputs.iter().copied().collect())].into();
    change(&mut new);
    changes(&old, &new)[0].0
}

fn c1(run: &mut Run) -> &mut EndpointJudgement {
    &mut run.judgements.endpoints[0]
}

#[test]
fn a_finding_is_fixed_only_where_all_that_its_rule_looks_at_is_known() {
    type Case = (&'static [Input], fn(&mut Run), Change);
    let needed = |run: &mut Run| c1(run).staleness.verdict = StalenessVerdict::Required;
    let cases: [Case; 15] = [
        (&[Input::Exposure], |_| {}, Change::Fixed),
        (&[Input::Ports], |_| {}, Change::Fixed),
        (&[Input::Ports], |run| c1(run).access[0].verdict = PortVerdict::Unknown, Change::Unknown),
        (&[Input::Ports], |run| c1(run).access[0].complete = false, Change::Unknown),
        (&[Input::Ports], |run| c1(run).access.clear(), Change::Unknown),
        (&[Input::Exposure], |run| c1(run).access[0].complete = false, Change::Fixed),
        (&[Input::Exposure], |run| c1(run).unread.push("its EIP".to_owned()), Change::Unknown),
        // Whether it is still needed is not known.
        (&[Input::Need], |_| {}, Change::Unknown),
        (&[Input::Need], needed, Change::Fixed),
        (&[Input::Consumers], needed, Change::Fixed),
        (
            &[Input::Consumers],
            |run| {
                c1(run).staleness.verdict = StalenessVerdict::Required;
                run.coverage.gap(gap(UnitState::Denied));
            },
            Change::Unknown,
        ),
        (&[Input::Strangers], needed, Change::Unknown),
        (&[Input::Strangers], |run| c1(run).staleness.strangers_known = true, Change::Fixed),
        // Private: then every sign was read, and nothing else matters.
        (&Input::ALL, |run| c1(run).exposure = Exposure::Private, Change::Fixed),
        (&Input::ALL, |run| c1(run).exposure = Exposure::Unknown, Change::Unknown),
    ];
    for (number, (inputs, change, wanted)) in cases.into_iter().enumerate() {
        assert_eq!(without(inputs, change), wanted, "case {number}");
    }
    // A run that was stored before this was kept says not what its rules looked at.
    let forgot: fn(&mut Run) = |run| run.header.grounds.inputs.clear();
    assert_eq!(without(&[Input::Ports], forgot), Change::Unknown);
}

#[test]
fn a_run_without_the_logs_of_the_earlier_one_repairs_nothing_that_rests_on_them() {
    let with = |findings, logs: &[&str]| {
        let mut run = run(findings);
        run.header.grounds.inputs = [("control-plane-open-to-untrusted".to_owned(), [Input::Need].into())].into();
        run.header.grounds.logs = logs.iter().map(|&log| log.to_owned()).collect();
        c1(&mut run).staleness.verdict = StalenessVerdict::Required;
        run
    };
    let change =
        |before: &[&str], after: &[&str]| changes(&with(vec![open("c1")], before), &with(Vec::new(), after))[0].0;
    assert_eq!(change(&[], &[]), Change::Fixed);
    assert_eq!(change(&[], &["file"]), Change::Fixed);
    assert_eq!(change(&["file"], &["file", "vpc vpc-1"]), Change::Fixed);
    assert_eq!(change(&["file"], &[]), Change::Unknown);
    assert_eq!(change(&["file", "vpc vpc-1"], &["file"]), Change::Unknown);
}

#[test]
fn a_run_without_the_waiver_file_repairs_no_waiver() {
    let with = |findings, file: &str, ids: &[String]| {
        let mut run = run(findings);
        run.header.grounds.waiver_file = file.to_owned();
        run.header.grounds.waivers = ids.iter().cloned().collect();
        run
    };
    let expired = GateSettings { today: day("2027-01-01"), ..settings(vec![select(", resource: c1")]) };
    let findings = run_gate(Vec::new(), &expired);
    let id = findings[0].subject.resource_id.clone();
    let old = with(findings, "/a.yaml", std::slice::from_ref(&id));
    let change = |file: &str, ids: &[String]| changes(&old, &with(Vec::new(), file, ids))[0].0;
    assert_eq!(change("", &[]), Change::Unknown);
    assert_eq!(change("/b.yaml", &[]), Change::Unknown);
    // It was renewed, or is another file's as well.
    assert_eq!(change("/a.yaml", std::slice::from_ref(&id)), Change::Fixed);
    assert_eq!(change("/b.yaml", std::slice::from_ref(&id)), Change::Fixed);
    // It was deleted.
    assert_eq!(change("/a.yaml", &[]), Change::Fixed);
    let mut elsewhere = with(Vec::new(), "/a.yaml", &[]);
    elsewhere.coverage.gap(Gap { unit: unit("DescribeClustersV1", ""), ..gap(UnitState::Excluded) });
    assert_eq!(changes(&old, &elsewhere)[0].0, Change::Unknown);
}

#[test]
fn a_group_is_fixed_only_where_everything_behind_it_is_known() {
    let mut group = open("sg-1");
    group.subject.resource_kind = ResourceKind::SecurityGroup;
    group.subject.endpoint_kind = None;
    let old = run(vec![group]);
    let change = |alter: fn(&mut Run)| {
        let mut new = run(Vec::new());
        alter(&mut new);
        changes(&old, &new)[0].0
    };
    assert_eq!(change(|_| {}), Change::Fixed);
    assert_eq!(change(|run| run.coverage.gap(gap(UnitState::Denied))), Change::Unknown);
    assert_eq!(change(|run| c1(run).exposure = Exposure::Unknown), Change::Unknown);
    assert_eq!(change(|run| c1(run).access[0].complete = false), Change::Unknown);
}

#[test]
fn of_what_was_left_out_no_waiver_is_unused() {
    let mut left_out = Coverage::default();
    left_out.gap(Gap { unit: unit("DescribeClustersV1", ""), ..gap(UnitState::Excluded) });
    let narrowed = |waiver| GateSettings { left_out: left_out.clone(), ..settings(vec![waiver]) };
    assert_eq!(run_gate(Vec::new(), &narrowed(select(", resource: c1"))), []);
    let elsewhere = waiver(&format!("select: {{account: \"{ACCOUNT}\", region: cn-beijing, resource: c1}}\n{REST}"));
    assert_eq!(run_gate(Vec::new(), &narrowed(elsewhere))[0].status, FindingStatus::Open);
    // Where the finding is that a fingerprint names, nobody knows.
    let named = waiver(&format!("fingerprint: {}\n{REST}", open("c1").fingerprint));
    assert_eq!(run_gate(Vec::new(), &narrowed(named))[0].status, FindingStatus::Unknown);
}

#[test]
fn what_no_rule_looked_for_is_not_fixed() {
    let old = run(vec![open("c1")]);
    let mut disabled = run(Vec::new());
    disabled.header.rules = ["another".to_owned()].into();
    assert_eq!(changes(&old, &disabled), [(Change::Unknown, "c1".to_owned())]);
    disabled.header.rules.insert(old.findings[0].rule_id.clone());
    assert_eq!(changes(&old, &disabled), [(Change::Fixed, "c1".to_owned())]);
}

#[test]
fn a_finding_moves_as_its_status_says() {
    use FindingStatus::{Open, Unknown, Waived};
    let with = |status| run(vec![finding("r", "c1", Severity::High, status)]);
    let change = |old, new| changes(&with(old), &with(new))[0].0;
    assert_eq!(change(Open, Open), Change::Unchanged);
    assert_eq!(change(Open, Waived), Change::Unchanged);
    assert_eq!(change(Open, Unknown), Change::Unknown);
    assert_eq!(change(Waived, Open), Change::Reopened);
    assert_eq!(change(Unknown, Open), Change::New);
    assert_eq!(change(Unknown, Unknown), Change::Unchanged);

    let mut seen_before = open("c1");
    seen_before.first_seen = Some(started() - Duration::days(3));
    assert_eq!(changes(&run(Vec::new()), &run(vec![seen_before]))[0].0, Change::Reopened);
    // An older run that did not look had not lost it.
    let mut still_there = open("c1");
    still_there.first_seen = Some(started() - Duration::days(3));
    let mut elsewhere = run(Vec::new());
    elsewhere.judgements = Judgements::default();
    elsewhere.coverage = Coverage::default();
    assert_eq!(changes(&elsewhere, &run(vec![still_there.clone()]))[0].0, Change::Unchanged);
    // What was doubted for a while and known before is not new.
    let doubted = run(vec![finding("control-plane-open-to-untrusted", "c1", Severity::Critical, Unknown)]);
    assert_eq!(changes(&doubted, &run(vec![still_there]))[0].0, Change::Unchanged);
    let mut first_now = open("c1");
    first_now.first_seen = Some(started() + Duration::days(1));
    assert_eq!(changes(&run(Vec::new()), &run(vec![first_now]))[0].0, Change::New);
    assert_eq!(changes(&run(Vec::new()), &run(vec![open("c1")]))[0].0, Change::New);
}
