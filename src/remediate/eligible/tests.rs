//! What may be planned, by the words and the tables of analysis.md 3.2 to 3.4: one row a case, and what each refusal
//! says.

use chrono::NaiveDate;

use super::*;
use crate::{
    findings::{Subject, WaiverNote},
    model::{
        AccessRow, AccountId, Bounds, Changing, Client, Connectivity, Consumer, ConsumerPath, Endpoint, Enforcement,
        Gate, GateKind, ListenerSetting, RegionId, ResourceKind, Severity, Shared, Via, VpcId,
    },
};

fn net(text: &str) -> IpNet {
    text.parse().expect("it is a block")
}

fn ip(text: &str) -> std::net::IpAddr {
    text.parse().expect("it is an address")
}

fn consumer(id: &str, kind: ConsumerKind, need: Need) -> Consumer {
    Consumer {
        id: id.to_owned(),
        kind,
        name: String::new(),
        account_id: AccountId::from("1000000000000001"),
        region_id: RegionId::from("cn-hangzhou"),
        vpc_id: VpcId::from("vpc-2"),
        state: "running".to_owned(),
        need,
        confidence_percent: 80,
        reason: "a private path there and back".to_owned(),
        path: ConsumerPath {
            connectivity: Connectivity::Connected,
            via: Some(Via::Route),
            forward: vec!["vsw-2".to_owned(), "pcc-1".to_owned()],
            r#return: vec!["vsw-1".to_owned()],
            reasons: Vec::new(),
            steps: Vec::new(),
        },
        traffic: Traffic::NotAvailable,
        egress: vec![net("198.51.100.7/32")],
        egress_complete: true,
    }
}

fn row(port: u16, family: Family, verdict: PortVerdict) -> AccessRow {
    AccessRow {
        protocol: "tcp".to_owned(),
        port,
        family,
        verdict,
        verdict_bounds: Bounds::exact(verdict),
        complete: true,
        untrusted: vec![net("0.0.0.0/0")].into(),
        untrusted_lower: vec![net("0.0.0.0/0")].into(),
        untrusted_all_gates: Shared::default(),
        witness: None,
        blame: Shared::default(),
        fix_set: Shared::default(),
        gates: Vec::<Gate>::new(),
    }
}

fn listener(port: u16, status: Option<&str>, acl_type: &str, ids: &[&str]) -> ListenerSetting {
    ListenerSetting {
        port,
        protocol: "tcp".to_owned(),
        acl_status: status.map(str::to_owned),
        acl_type: acl_type.to_owned(),
        acl_ids: ids.iter().map(|id| AclId::from(*id)).collect(),
    }
}

/// An exposed pilot, stale by a cluster with a private path (row 4 of 3.2, T not available).
fn stale_pilot() -> EndpointJudgement {
    EndpointJudgement {
        endpoint: Endpoint {
            account_id: AccountId::from("1000000000000001"),
            region_id: RegionId::from("cn-hangzhou"),
            resource_kind: ResourceKind::Mesh,
            resource_id: "m1".to_owned(),
            kind: EndpointKind::IstioPilot,
        },
        resource_name: "prod".to_owned(),
        tags: Default::default(),
        exposure: Exposure::Exposed,
        protected_by: Vec::new(),
        signs: vec![Sign::PublicFlag, Sign::PublicEndpoint, Sign::EipId, Sign::EipOnLoadBalancer],
        contradictions: Vec::new(),
        unread: Vec::new(),
        public_address: Some("203.0.113.7".to_owned()),
        private_address: Some("10.0.0.5".to_owned()),
        eip_id: Some("eip-1".into()),
        product_eip_id: Some("eip-1".into()),
        load_balancer_id: Some("lb-1".into()),
        access: vec![row(15011, Family::Ipv4, PortVerdict::Open)],
        staleness: Staleness {
            consumers: vec![consumer("c1", ConsumerKind::Cluster, Need::NotNeeded)],
            ..Staleness::plain(StalenessVerdict::Stale, 80, "every data-plane cluster has private connectivity")
        },
        bound_by: None,
        changing: Changing {
            eip_offered: Some(true),
            state: "running".to_owned(),
            listeners: vec![listener(15011, Some("off"), "white", &["acl-stale-value"])],
            other_ports: Some(Vec::new()),
        },
    }
}

/// An exposed pilot that one cluster without a private path needs (row 9 of 3.2).
fn required_pilot() -> EndpointJudgement {
    let stale = stale_pilot();
    EndpointJudgement {
        staleness: Staleness {
            consumers: vec![consumer("c1", ConsumerKind::Cluster, Need::Needed)],
            proposed_allowlist: vec![net("198.51.100.7/32"), net("2001:db8::7/128")],
            proposal_complete: true,
            also_admit: vec![net("10.0.0.0/8"), net("203.0.113.0/24")],
            ..Staleness::plain(StalenessVerdict::Required, 80, "a data-plane cluster has no private path")
        },
        ..stale
    }
}

/// An API server of a managed cluster that nobody used (row 4 of 3.4).
fn stale_api_server() -> EndpointJudgement {
    let stale = stale_pilot();
    EndpointJudgement {
        endpoint: Endpoint {
            resource_kind: ResourceKind::Cluster,
            resource_id: "k1".to_owned(),
            kind: EndpointKind::ClusterApiServer,
            ..stale.endpoint
        },
        access: vec![row(6443, Family::Ipv4, PortVerdict::Open)],
        staleness: Staleness {
            whole_logs: 1,
            ..Staleness::plain(StalenessVerdict::Stale, 95, "no authenticated client on the internet used it")
        },
        ..stale
    }
}

fn finding(rule_id: &str, status: FindingStatus) -> Finding {
    let accepted = WaiverNote {
        reason: "known".to_owned(),
        owner: "team@example.com".to_owned(),
        ticket: None,
        expires: NaiveDate::from_ymd_opt(2026, 12, 31).expect("there is such a day"),
    };
    Finding {
        fingerprint: format!("v1:{rule_id}"),
        rule_id: rule_id.to_owned(),
        title: "".into(),
        severity: Severity::High,
        status,
        subject: Subject {
            account_id: AccountId::from("1000000000000001"),
            region_id: RegionId::from("cn-hangzhou"),
            resource_kind: ResourceKind::Mesh,
            resource_id: "m1".to_owned(),
            endpoint_kind: Some(EndpointKind::IstioPilot),
        },
        resource_name: String::new(),
        message: String::new(),
        evidence: Vec::new(),
        remedy: "".into(),
        references: Shared::default(),
        controls: Shared::default(),
        first_seen: None,
        waiver: (status == FindingStatus::Waived).then_some(accepted),
        about_coverage: false,
        baselined: false,
        outgrown: false,
        decisions: Vec::new(),
    }
}

/// The open findings that the rules give for such a verdict.
fn findings_of(judged: &EndpointJudgement) -> Vec<Finding> {
    let rule = match judged.staleness.verdict {
        StalenessVerdict::Stale => "stale-exposure",
        StalenessVerdict::Orphaned => "orphaned-exposure",
        _ => "required-exposure-open",
    };
    vec![finding("control-plane-public-eip", FindingStatus::Open), finding(rule, FindingStatus::Open)]
}

fn proposed(judged: &EndpointJudgement, findings: &[Finding], has_canary: bool) -> Result<Proposal, Vec<Reason>> {
    let findings: Vec<&Finding> = findings.iter().collect();
    propose(Known { judged, findings: &findings, has_canary, required: &[net("100.104.0.0/16")], sharing: &[] })
}

fn plain(judged: &EndpointJudgement) -> Result<Proposal, Vec<Reason>> {
    proposed(judged, &findings_of(judged), false)
}

/// Why nothing is planned, in one text.
fn refused(judged: &EndpointJudgement) -> String {
    words(plain(judged))
}

fn words(proposed: Result<Proposal, Vec<Reason>>) -> String {
    let reasons = proposed.expect_err("something is planned");
    assert!(!reasons.is_empty() && reasons.iter().all(|reason| !reason.why.is_empty() && !reason.until.is_empty()));
    reasons.iter().map(|reason| format!("{}; passes once {}\n", reason.why, reason.until)).collect()
}

/// The pilot may do without the EIP, and the API server at the same address may not.
#[test]
fn an_eip_with_a_second_endpoint_is_kept() {
    let judged = stale_pilot();
    let findings = findings_of(&judged);
    let findings: Vec<&Finding> = findings.iter().collect();
    let sharing = ["1000000000000001/cn-hangzhou/mesh/m1/mesh-api-server".to_owned()];
    let known = Known { judged: &judged, findings: &findings, has_canary: false, required: &[], sharing: &sharing };
    let said = words(propose(known));
    assert!(said.contains("mesh/m1/mesh-api-server is public by the same EIP"), "{said}");
}

/// Whose EIP, canary and findings it is: those of another account, mesh or endpoint are somebody else's.
#[test]
fn what_decides_beside_an_endpoint_is_told_by_whose_it_is() {
    let pilot = stale_pilot();
    let of = |account: &str, mesh: &str, kind, eip_id: Option<&str>| {
        let endpoint = Endpoint {
            account_id: AccountId::from(account),
            resource_id: mesh.to_owned(),
            kind,
            ..pilot.endpoint.clone()
        };
        EndpointJudgement { endpoint, eip_id: eip_id.map(Into::into), ..pilot.clone() }
    };
    let (own, other) = ("1000000000000001", "1000000000000002");
    let endpoints = [
        of(own, "m1", EndpointKind::IstioPilot, Some("eip-1")),
        of(own, "m1", EndpointKind::MeshApiServer, Some("eip-1")),
        of(own, "m1", EndpointKind::IstioPilotCanary, None),
        of(own, "m2", EndpointKind::IstioPilot, None),
        of(other, "m1", EndpointKind::IstioPilot, Some("eip-1")),
    ];
    let findings = findings_of(&pilot);
    let about = findings.first().and_then(|finding| finding.subject.endpoint_id());
    let surroundings = Surroundings::of(&endpoints, &findings);
    let known: Vec<(usize, bool, Vec<String>)> = endpoints
        .iter()
        .map(|judged| surroundings.known(judged, &[]))
        .map(|known| (known.findings.len(), known.has_canary, known.sharing.to_vec()))
        .collect();
    let id = |at: usize| endpoints.get(at).map(|one| one.endpoint.id()).unwrap_or_default();
    let count = |at: usize| if about == Some(id(at)) { findings.len() } else { 0 };
    let expected = [
        (count(0), true, vec![id(1)]),
        (count(1), true, vec![id(0)]),
        (count(2), true, vec![]),
        (count(3), false, vec![]),
        (count(4), false, vec![]),
    ];
    assert_eq!(known, expected);
    assert_eq!(count(0), 2, "the findings are about the first: {about:?}");
}

/// Nobody asked those who use the other ports of the balancer whether they can do without the EIP.
#[test]
fn an_eip_that_somebody_else_is_served_by_is_kept() {
    let with = |other_ports| {
        let stale = stale_pilot();
        EndpointJudgement { changing: Changing { other_ports, ..stale.changing.clone() }, ..stale }
    };
    let said = refused(&with(Some(vec!["tcp/443".to_owned(), "udp/53".to_owned()])));
    assert!(said.contains("tcp/443 of its balancer is not its own") && said.contains("udp/53"), "{said}");
    let said = refused(&with(None));
    assert!(said.contains("what else its balancer serves is not known"), "{said}");
    assert!(plain(&with(Some(Vec::new()))).is_ok());
}

#[test]
fn what_is_stale_is_unbound() {
    let proposal = plain(&stale_pilot()).expect("it may go");
    assert_eq!(proposal.change, Change::Unbind { eip: "eip-1".into(), address: "203.0.113.7".to_owned() });
    assert_eq!(proposal.clusters, ["c1"]);
    assert_eq!(proposal.load_balancer, "lb-1".into());
    let rules: Vec<&str> = proposal.findings.iter().map(|one| one.rule_id.as_str()).collect();
    assert_eq!(rules, ["control-plane-public-eip", "stale-exposure"]);
    let proof = proposal.proof.text.join("\n");
    for told in
        ["stale (80% sure)", "c1 is not-needed", "connected by route", "c1 there: vsw-2 > pcc-1", "c1 back: vsw-1"]
    {
        assert!(proof.contains(told), "{told}: {proof}");
    }
    assert!(plain(&stale_api_server()).is_ok());
}

#[test]
fn what_is_orphaned_is_unbound_if_nobody_was_seen() {
    let orphaned = |consumers: Vec<Consumer>| EndpointJudgement {
        staleness: Staleness { consumers, ..Staleness::plain(StalenessVerdict::Orphaned, 85, "no cluster is left") },
        ..stale_pilot()
    };
    let gone = |traffic| Consumer { traffic, ..consumer("c1", ConsumerKind::Cluster, Need::Gone) };
    assert!(plain(&orphaned(Vec::new())).is_ok());
    assert!(plain(&orphaned(vec![gone(Traffic::NotAvailable)])).is_ok());
    assert!(plain(&orphaned(vec![gone(Traffic::None)])).is_ok());
    assert!(refused(&orphaned(vec![gone(Traffic::Seen)])).contains("logs show that it is used: c1"));
    let client = consumer("198.51.100.9", ConsumerKind::Client, Need::NotNeeded);
    assert!(refused(&orphaned(vec![client])).contains("198.51.100.9"));
}

/// 3.3, and the issue: never unknown, never after a migration, never with an unexpected client.
#[test]
fn everything_else_is_left_alone_with_a_reason() {
    let mut unknown = stale_pilot();
    unknown.staleness.verdict = StalenessVerdict::Unknown;
    unknown.staleness.deciding = vec!["read 30 days of flow logs of vpc-2".to_owned()];
    assert!(refused(&unknown).contains("whether it is needed is unknown"));
    assert!(refused(&unknown).contains("read 30 days of flow logs of vpc-2"));

    let mut migrating = stale_pilot();
    migrating.staleness.after_migration = true;
    migrating.staleness.consumers[0].need = Need::Misrouted;
    assert!(refused(&migrating).contains("would cut traffic that has yet to move: c1"));

    let mut strangers = stale_pilot();
    strangers.staleness.unexpected = vec![Client {
        address: "192.0.2.1".parse().expect("an address"),
        first_seen: Default::default(),
        last_seen: Default::default(),
        count: 1,
        bytes: 0,
        users: Vec::new(),
    }];
    assert!(refused(&strangers).contains("nobody expected: 192.0.2.1"));

    for need in [Need::Needed, Need::Undetermined, Need::Unexpected] {
        let mut one = stale_pilot();
        one.staleness.consumers.push(consumer("c2", ConsumerKind::Cluster, need));
        assert!(refused(&one).contains(&format!("c2 is {need}")), "{need}");
    }
    for exposure in [Exposure::Private, Exposure::Unknown] {
        let mut one = stale_pilot();
        one.exposure = exposure;
        assert!(!refused(&one).is_empty());
    }
    let mut hidden = stale_pilot();
    hidden.staleness = Staleness::plain(StalenessVerdict::NotExposed, 0, "nothing is exposed");
    assert!(!refused(&hidden).is_empty());
}

#[test]
fn an_api_server_needs_a_log_that_was_read_whole() {
    let mut unseen = stale_api_server();
    unseen.staleness.whole_logs = 0;
    assert!(refused(&unseen).contains("no log that was read whole"));
    let mut mesh = stale_api_server();
    mesh.endpoint = Endpoint { kind: EndpointKind::MeshApiServer, ..stale_pilot().endpoint };
    assert!(plain(&mesh).is_ok());
    mesh.staleness.whole_logs = 0;
    assert!(refused(&mesh).contains("no log that was read whole"));
}

/// alibaba-api.md 2.1 and 2.2: a cluster shows its public endpoint, and no field of it names an EIP.
#[test]
fn a_cluster_that_shows_its_public_endpoint_knows_of_its_eip() {
    let mut cluster = stale_api_server();
    cluster.product_eip_id = None;
    cluster.signs = vec![Sign::PublicEndpoint, Sign::EipOnLoadBalancer];
    assert!(plain(&cluster).is_ok());
    cluster.signs = vec![Sign::EipOnLoadBalancer];
    assert!(refused(&cluster).contains("does not know that eip-1"));
}

/// alibaba-api.md 2.4: managed, serverless and edge clusters; dedicated and registered ones do not offer it.
#[test]
fn only_some_types_of_cluster_offer_it() {
    let cluster = |kind: &str, profile: &str| crate::model::Cluster {
        cluster_type: kind.to_owned(),
        profile: profile.to_owned(),
        ..Default::default()
    };
    for (kind, profile, offered) in [
        ("ManagedKubernetes", "Default", Some(true)),
        ("ManagedKubernetes", "", Some(true)),
        ("managedkubernetes", "Edge", Some(true)),
        ("ManagedKubernetes", "Serverless", Some(true)),
        ("Ask", "", Some(true)),
        ("Kubernetes", "Default", Some(false)),
        ("ExternalKubernetes", "Default", Some(false)),
        ("ManagedKubernetes", "LingJun", None),
        ("Frozen", "Default", None),
        ("", "", None),
    ] {
        assert_eq!(cluster(kind, profile).offers_eip_change(), offered, "{kind} {profile}");
    }
    for (offered, told) in [(Some(false), "does not offer"), (None, "nobody says")] {
        let mut one = stale_api_server();
        one.changing.eip_offered = offered;
        assert!(refused(&one).contains(told));
    }
}

#[test]
fn people_and_circumstances_can_forbid_it() {
    let mut marked = stale_pilot();
    marked.protected_by = vec!["eip-1".to_owned()];
    assert!(refused(&marked).contains("eip-1 is tagged `portcullis:protect`"));

    let waived =
        [finding("stale-exposure", FindingStatus::Open), finding("control-plane-public-eip", FindingStatus::Waived)];
    let told = words(proposed(&stale_pilot(), &waived, false));
    assert!(told.contains("control-plane-public-eip is waived") && told.contains("team@example.com"), "{told}");

    for findings in
        [vec![], vec![finding("stale-exposure", FindingStatus::Unknown)], vec![finding("other", FindingStatus::Open)]]
    {
        assert!(words(proposed(&stale_pilot(), &findings, false)).contains("is open"));
    }
    for state in ["updating", ""] {
        let mut busy = stale_pilot();
        busy.changing.state = state.to_owned();
        assert!(refused(&busy).contains("not running"), "{state}");
    }
    let open = findings_of(&stale_pilot());
    assert!(words(proposed(&stale_pilot(), &open, true)).contains("canary"));
    let mut canary = stale_pilot();
    canary.endpoint.kind = EndpointKind::IstioPilotCanary;
    assert!(proposed(&canary, &open, true).is_ok(), "the canary's own EIP is its own matter");
}

#[test]
fn an_unbinding_that_would_not_close_it_is_none() {
    for sign in [Sign::InternetLoadBalancer, Sign::NlbPublicAddress, Sign::Ipv6Address] {
        let mut one = stale_pilot();
        one.signs.push(sign);
        assert!(refused(&one).contains("public by more than its EIP"), "{sign}");
    }
    let mut gone = stale_pilot();
    gone.signs.retain(|sign| *sign != Sign::EipOnLoadBalancer);
    assert!(refused(&gone).contains("not seen on its load balancer"));
    let mut other = stale_pilot();
    other.product_eip_id = Some("eip-2".into());
    assert!(refused(&other).contains("the product names eip-2"));
    other.product_eip_id = None;
    assert!(refused(&other).contains("does not know that eip-1"));
    other.eip_id = None;
    assert!(refused(&other).contains("its EIP is not known"));
    let mut doubtful = stale_pilot();
    doubtful.contradictions = vec!["the public flag is off".to_owned()];
    assert!(refused(&doubtful).contains("disagrees"));
    for clear in [
        |one: &mut EndpointJudgement| one.public_address = None,
        |one: &mut EndpointJudgement| one.load_balancer_id = None,
    ] {
        let mut one = stale_pilot();
        clear(&mut one);
        assert!(refused(&one).contains("not known"));
    }
}

/// The issue: proposed allowlist, the required ranges of alibaba-api.md 16b, and the VPC's blocks; the way back is the setting.
#[test]
fn what_is_needed_and_open_is_fenced() {
    let proposal = plain(&required_pilot()).expect("it may be fenced");
    let entries = ["10.0.0.0/8", "100.104.0.0/16", "198.51.100.7/32", "203.0.113.0/24"].map(str::to_owned).to_vec();
    assert_eq!(proposal.change, Change::Fence { port: 15011, before: AclSetting::off(), entries });
    let rules: Vec<&str> = proposal.findings.iter().map(|one| one.rule_id.as_str()).collect();
    assert_eq!(rules, ["required-exposure-open"]);

    for (acl_type, kind) in [("black", AclKind::Black), ("white", AclKind::White)] {
        let mut listed = required_pilot();
        listed.changing.listeners = vec![listener(15011, Some("on"), acl_type, &["acl-1", "acl-1"])];
        let Ok(Proposal { change: Change::Fence { before, .. }, .. }) = plain(&listed) else { panic!("{acl_type}") };
        assert_eq!(before, AclSetting { on: true, kind, ids: vec!["acl-1".into()] });
    }
}

/// 203.0.113.66 was refused by a list of its own, and is within a block that is trusted.
#[test]
fn a_fence_opens_nothing_that_is_closed() {
    let mut listed = required_pilot();
    listed.changing.listeners = vec![listener(15011, Some("on"), "black", &["acl-1"])];
    let admits = AddressSet::full().subtract(&[net("203.0.113.66/32")].into_iter().collect()).cover();
    let gate = Gate {
        kind: GateKind::ClbAcl,
        id: "acl-1".to_owned(),
        enforcement: Enforcement::Enforced,
        admits: admits.into(),
        complete: true,
        note: String::new(),
    };
    listed.access[0].gates = vec![gate];
    let Ok(Proposal { change: Change::Fence { entries, .. }, .. }) = plain(&listed) else {
        panic!("{}", refused(&listed))
    };
    let set: AddressSet = entries.iter().map(|text| net(text)).collect();
    assert!(!set.contains(ip("203.0.113.66")), "{entries:?}");
    assert!(set.contains(ip("203.0.113.65")) && set.contains(ip("198.51.100.7")));

    let mut unread = listed.clone();
    unread.access[0].gates[0].complete = false;
    assert!(refused(&unread).contains("not known exactly"), "{}", refused(&unread));
    let mut cut = listed;
    cut.staleness.proposed_allowlist = vec![net("203.0.113.66/32")];
    assert!(refused(&cut).contains("refuses it now"), "{}", refused(&cut));
}

#[test]
fn a_fence_that_would_cut_somebody_off_or_leave_a_gap_is_none() {
    type Alter = fn(&mut EndpointJudgement);
    let cases: [(&str, Alter); 14] = [
        ("not all addresses are known", |one| one.staleness.proposal_complete = false),
        ("not all addresses are known", |one| one.staleness.proposed_allowlist.clear()),
        ("unknown on tcp/15012", |one| one.access.push(row(15012, Family::Ipv4, PortVerdict::Unknown))),
        ("one listener", |one| one.access.push(row(15012, Family::Ipv4, PortVerdict::Open))),
        ("nobody looked for consumers", |one| one.access.push(row(443, Family::Ipv4, PortVerdict::Open))),
        ("nobody looked for consumers", |one| one.access.push(row(15011, Family::Ipv6, PortVerdict::Open))),
        ("no port is open", |one| one.access[0].verdict = PortVerdict::Restricted),
        ("not known for certain", |one| one.changing.listeners.clear()),
        ("was not read", |one| one.changing.listeners = vec![listener(15011, None, "", &[])]),
        ("was not read", |one| one.changing.listeners = vec![listener(15011, Some("on"), "grey", &["acl-1"])]),
        ("uses 2 access control lists", |one| {
            one.changing.listeners = vec![listener(15011, Some("on"), "white", &["acl-1", "acl-2"])];
        }),
        ("uses 0 access control lists", |one| {
            one.changing.listeners = vec![listener(15011, Some("on"), "white", &[])];
        }),
        ("speaks https", |one| one.changing.listeners[0].protocol = "https".to_owned()),
        ("network load balancer", |one| one.load_balancer_id = Some("nlb-1".into())),
    ];
    for (told, alter) in cases {
        let mut one = required_pilot();
        alter(&mut one);
        assert!(refused(&one).contains(told), "{told}: {}", refused(&one));
    }
    let mut many = required_pilot();
    many.staleness.also_admit = (0..=255).map(|at| net(&format!("192.0.{at}.1/32"))).collect();
    assert!(refused(&many).contains("entries"));
    // Where only a gate of unknown worth stands in the way, the port is not open, and stays as it is.
    let mut beside = required_pilot();
    beside.access.push(row(15012, Family::Ipv4, PortVerdict::Unverified));
    assert!(plain(&beside).is_ok());
}

#[test]
fn the_proof_is_about_these_consumers_and_this_judgement() {
    let mut several = stale_pilot();
    several.staleness.consumers = vec![
        consumer("c2", ConsumerKind::Cluster, Need::NotNeeded),
        consumer("c1", ConsumerKind::Cluster, Need::Gone),
        consumer("198.51.100.9", ConsumerKind::Client, Need::NotNeeded),
    ];
    assert_eq!(known_consumers(&several.staleness), ["c1", "c2"]);
    let digest = |judged: &EndpointJudgement| plain(judged).expect("it may go").proof.digest;
    assert_eq!(digest(&stale_pilot()), digest(&stale_pilot()));
    assert_ne!(digest(&stale_pilot()), digest(&several));
}
