//! One run with something of everything, built by hand: hostile names in every place and findings of every status, which
//! no one world brings together.

use std::{collections::BTreeMap, net::IpAddr};

use chrono::{DateTime, NaiveDate, TimeZone, Utc};
use ipnet::IpNet;

use crate::{
    findings::{Finding, FindingStatus, Run, RunHeader, RunVerdict, Subject, WaiverNote},
    model::{
        AccessRow, Bounds, Caller, Coverage, Endpoint, EndpointJudgement, EndpointKind, Enforcement, Exposure, Family,
        Gap, Gate, GateKind, Judgements, PortVerdict, ResourceKind, Severity, Shared, Sign, Staleness,
        StalenessVerdict, Unit, UnitState,
    },
};

const ACCOUNT: &str = "1000000000000001";

/// A name that tries to clear the screen, forge a line and turn the text around.
pub(super) const HOSTILE: &str = "=cmd|' /C calc'!A0\u{1b}[2J\nts=forged\u{202e}";

fn day(hour: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, hour, 0, 0).single().expect("a real hour")
}

fn net(text: &str) -> IpNet {
    text.parse().expect("a real block")
}

/// The whole run.
pub(crate) fn run() -> Run {
    Run {
        header: RunHeader {
            id: "0193499e-7d80-7000-8000-000000000001".to_owned(),
            started_at: day(6),
            finished_at: day(6),
            tool_version: "0.0.0".to_owned(),
            exit_code: 4,
            caller: vec![Caller { account_id: ACCOUNT.into(), arn: format!("acs:ram::{ACCOUNT}:user/audit") }],
            api_calls: 57,
            retries: 2,
            snapshot_digest: format!("sha256:{}", "1".repeat(64)),
            rules_digest: format!("sha256:{}", "2".repeat(64)),
            rules: Default::default(),
            grounds: Default::default(),
            fail_on: Some(Severity::Low),
            policy: None,
            tool_digest: None,
            clock_offset_ms: None,
            replies: Vec::new(),
            interrupted: false,
        },
        verdict: RunVerdict::Fail,
        judgements: Judgements { endpoints: endpoints(), ..Judgements::default() },
        findings: findings(),
        coverage: coverage(),
    }
}

fn endpoints() -> Vec<EndpointJudgement> {
    let mut endpoints = vec![
        endpoint("c-mesh-1", "shop", EndpointKind::IstioPilot, Exposure::Exposed, vec![open_row()]),
        endpoint("c-mesh-1", "shop", EndpointKind::MeshApiServer, Exposure::Private, Vec::new()),
        endpoint(
            "c-cluster-1",
            HOSTILE,
            EndpointKind::ClusterApiServer,
            Exposure::Exposed,
            vec![unverified_row(), row(PortVerdict::Restricted, Family::Ipv6, &[])],
        ),
        endpoint("c-cluster-2", "生产", EndpointKind::ClusterApiServer, Exposure::Unknown, Vec::new()),
    ];
    endpoints.sort_by_key(|judgement| judgement.endpoint.clone());
    endpoints
}

fn endpoint(id: &str, name: &str, kind: EndpointKind, exposure: Exposure, access: Vec<AccessRow>) -> EndpointJudgement {
    let resource_kind = if kind == EndpointKind::ClusterApiServer { ResourceKind::Cluster } else { ResourceKind::Mesh };
    let exposed = exposure == Exposure::Exposed;
    EndpointJudgement {
        endpoint: Endpoint {
            account_id: ACCOUNT.into(),
            region_id: "cn-hangzhou".into(),
            resource_kind,
            resource_id: id.to_owned(),
            kind,
        },
        resource_name: name.to_owned(),
        tags: BTreeMap::new(),
        protected_by: Vec::new(),
        exposure,
        signs: if exposed { vec![Sign::PublicEndpoint, Sign::EipId] } else { Vec::new() },
        contradictions: if exposed { vec!["the public flag is off".to_owned()] } else { Vec::new() },
        unread: if exposure == Exposure::Unknown { vec!["its detail was denied".to_owned()] } else { Vec::new() },
        public_address: exposed.then(|| "203.0.113.7".to_owned()),
        private_address: Some("10.0.0.5".to_owned()),
        eip_id: exposed.then(|| "eip-1".into()),
        product_eip_id: exposed.then(|| "eip-1".into()),
        load_balancer_id: exposed.then(|| "lb-1".into()),
        access,
        staleness: Staleness::plain(
            if exposed { StalenessVerdict::Unknown } else { StalenessVerdict::NotExposed },
            0,
            "",
        ),
        bound_by: None,
        changing: Default::default(),
    }
}

fn open_row() -> AccessRow {
    AccessRow {
        gates: vec![gate(Enforcement::Enforced)],
        ..row(PortVerdict::Open, Family::Ipv4, &["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3"])
    }
}

fn unverified_row() -> AccessRow {
    AccessRow {
        gates: vec![gate(Enforcement::Unverified)],
        ..row(PortVerdict::Unverified, Family::Ipv4, &["0.0.0.0/0"])
    }
}

fn gate(enforcement: Enforcement) -> Gate {
    Gate {
        kind: if enforcement == Enforcement::Enforced { GateKind::ClbAcl } else { GateKind::MeshSecurityGroup },
        id: if enforcement == Enforcement::Enforced { "lb-1/15011" } else { "sg-1" }.to_owned(),
        enforcement,
        admits: vec![net("0.0.0.0/0")].into(),
        complete: true,
        note: "acl off".to_owned(),
    }
}

fn row(verdict: PortVerdict, family: Family, untrusted: &[&str]) -> AccessRow {
    let untrusted: Shared<IpNet> = untrusted.iter().map(|text| net(text)).collect();
    AccessRow {
        protocol: "tcp".to_owned(),
        port: 15011,
        family,
        verdict,
        verdict_bounds: Bounds::exact(verdict),
        complete: true,
        untrusted_lower: untrusted.clone(),
        untrusted_all_gates: Shared::default(),
        witness: (verdict == PortVerdict::Open).then(|| IpAddr::from([1, 0, 0, 1])),
        blame: if untrusted.is_empty() {
            Shared::default()
        } else {
            vec!["listener:acl-off".to_owned(), "sgr-1".to_owned(), "sgr-2".to_owned()].into()
        },
        untrusted,
        fix_set: Shared::default(),
        gates: Vec::new(),
    }
}

fn findings() -> Vec<Finding> {
    let mesh = Subject {
        account_id: ACCOUNT.into(),
        region_id: "cn-hangzhou".into(),
        resource_kind: ResourceKind::Mesh,
        resource_id: "c-mesh-1".to_owned(),
        endpoint_kind: Some(EndpointKind::IstioPilot),
    };
    let cluster = Subject {
        resource_kind: ResourceKind::Cluster,
        resource_id: "c-cluster-1".to_owned(),
        endpoint_kind: Some(EndpointKind::ClusterApiServer),
        ..mesh.clone()
    };
    let group = Subject {
        resource_kind: ResourceKind::SecurityGroup,
        resource_id: "sg-1".to_owned(),
        endpoint_kind: None,
        ..mesh.clone()
    };
    let mut waived = finding("control-plane-public-eip", Severity::Low, FindingStatus::Waived, &cluster, HOSTILE);
    waived.waiver = Some(WaiverNote {
        reason: "moves in January".to_owned(),
        owner: "platform@example.com".to_owned(),
        ticket: Some("CAB-1234".to_owned()),
        expires: NaiveDate::from_ymd_opt(2027, 1, 31).expect("a real day"),
    });
    waived.first_seen = Some(day(1));
    vec![
        finding("control-plane-open-to-untrusted", Severity::Critical, FindingStatus::Open, &mesh, "shop"),
        finding("control-plane-only-unverified-gate", Severity::High, FindingStatus::Open, &cluster, HOSTILE),
        finding("security-group-shadowed-rule", Severity::Medium, FindingStatus::Unknown, &group, "\t@SUM(1)"),
        waived,
    ]
}

fn finding(rule: &str, severity: Severity, status: FindingStatus, subject: &Subject, name: &str) -> Finding {
    Finding {
        fingerprint: format!("v1:{}", rule.bytes().map(|byte| format!("{byte:02x}")).take(32).collect::<String>()),
        rule_id: rule.to_owned(),
        title: format!("Title of {rule}").into(),
        severity,
        status,
        subject: subject.clone(),
        resource_name: name.to_owned(),
        message: format!("{rule} holds for {name}."),
        evidence: Vec::new(),
        remedy: format!("Mend {rule}:\nstep by step.").into(),
        references: vec!["https://example.com/a".to_owned()].into(),
        controls: vec!["cis-1.1".to_owned()].into(),
        first_seen: None,
        waiver: None,
        about_coverage: false,
        baselined: false,
        outgrown: false,
        decisions: Vec::new(),
    }
}

fn coverage() -> Coverage {
    let unit =
        |operation: &str, resource: &str| Unit::new(&ACCOUNT.into(), &"cn-hangzhou".into(), "cs", operation, resource);
    let mut coverage = Coverage::default();
    coverage.scanned(unit("DescribeClustersV1", ""));
    coverage.scanned(unit("DescribeClusterDetail", "c-cluster-1"));
    coverage.gap(Gap {
        unit: unit("DescribeClusterDetail", "c-cluster-2"),
        state: UnitState::Denied,
        code: "Forbidden.RAM".to_owned(),
        message: "the caller may not read it\u{7}".to_owned(),
        request_id: "0A1B".to_owned(),
    });
    coverage
}
