//! The consumers of an API server, and the facts that its table looks at.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, NaiveDateTime, Utc};

use crate::{
    analysis::exposure::Assessed,
    model::{
        AccessRow, AccountId, Client, Cluster, Connectivity, Consumer, ConsumerKind, ConsumerPath, EndpointKind,
        Enforcement, Family, GateKind, KubeconfigIssue, LogReading, Mesh, NamedConsumer, Need, Observer, PortVerdict,
        Reading, RegionId, ResourceKind, Traffic, VSwitch, VpcId,
    },
    netset::{AddressSet, Block},
};

use super::{
    Judged, Setting,
    api_server::{Audit, Case, EipTraffic, Kubeconfig, Life, Sources},
    data_plane::{self, Existence, State},
    entrance,
    logs::{self, Entrance, PublicRequests, Volume},
    mesh_of,
    path::{self, Source, Target},
};

/// A window shorter than this weakens what rests on logs.
const FULL_WINDOW_DAYS: i64 = 30;

/// What the audit log of the API server says.
pub(super) struct AuditLog {
    pub requests: PublicRequests,
    /// Read, whole, and with the addresses of clients.
    pub complete: bool,
    pub short_window: bool,
}

/// What was read of the audit log of the endpoint's API server.
pub(super) fn audit_readings<'a>(setting: &Setting<'a>, assessed: &Assessed<'_>) -> Vec<&'a LogReading> {
    let endpoint = &assessed.judgement.endpoint;
    let observer = match endpoint.resource_kind {
        ResourceKind::Mesh => Observer::Mesh,
        _ => Observer::Cluster,
    };
    setting.logs.of(observer, &endpoint.resource_id, &endpoint.account_id)
}

/// The audit log of the endpoint's API server.
pub(super) fn audit_log(setting: &Setting<'_>, assessed: &Assessed<'_>) -> AuditLog {
    let readings = audit_readings(setting, assessed);
    let own = assessed.judgement.private_address.iter().filter_map(|text| text.parse().ok()).collect();
    let requests = logs::public_requests(&readings, &own);
    // Only the balancer's addresses: who the clients are is not in it.
    let readable = !readings.is_empty() && requests.sources_are_clients;
    let whole = |reading: &&&LogReading| reading.complete;
    let days = readings.iter().filter(whole).map(|reading| (reading.to - reading.from).num_days()).min();
    AuditLog {
        // Each may be of one of several servers.
        complete: readable && readings.iter().all(|reading| reading.complete),
        short_window: days.is_some_and(|days| days < FULL_WINDOW_DAYS),
        requests,
    }
}

/// The consumers that are known beforehand: meshes that manage the cluster from another VPC, and those
/// that the operator names.
pub(super) fn known(
    setting: &Setting<'_>,
    assessed: &Assessed<'_>,
    target: &Target<'_>,
    audit: &AuditLog,
) -> Vec<Judged> {
    let endpoint = &assessed.judgement.endpoint;
    let at = Place { target, audit, entrance: &entrance(setting, assessed) };
    let mut judged = Vec::new();
    if endpoint.kind == EndpointKind::ClusterApiServer {
        let managing = setting.managing(&endpoint.resource_id).iter().copied();
        let elsewhere = managing.filter(|mesh| mesh.vpc_id.as_str() != target.vpc_id);
        judged.extend(elsewhere.map(|mesh| of_mesh(setting, mesh, &at)));
    }
    let named = setting.named.get(&endpoint.resource_id).into_iter().flatten();
    judged.extend(named.map(|consumer| of_name(setting, assessed, consumer, &at)));
    judged
}

/// The endpoint that a consumer is judged for.
struct Place<'a> {
    target: &'a Target<'a>,
    audit: &'a AuditLog,
    entrance: &'a Entrance,
}

fn of_mesh(setting: &Setting<'_>, mesh: &Mesh, at: &Place<'_>) -> Judged {
    let all = setting.switches_of(mesh.vpc_id.as_str());
    let own: Vec<&VSwitch> =
        all.iter().copied().filter(|switch| mesh.v_switches.contains(&switch.v_switch_id)).collect();
    let group = Some(mesh.security_group_id.as_str()).filter(|id| !id.is_empty());
    let source = Source {
        vpc_id: mesh.vpc_id.as_str(),
        switches: if own.is_empty() { all.to_vec() } else { own },
        pods: None,
        pod_blocks: Vec::new(),
        groups: group.into_iter().map(str::to_owned).collect(),
        unread: (!setting.mesh_is_read(mesh)).then_some(mesh.service_mesh_id.as_str()),
    };
    let about = About {
        id: mesh.service_mesh_id.as_str(),
        kind: ConsumerKind::Mesh,
        name: &mesh.name,
        region_id: &mesh.scope.region_id,
        state: &mesh.state,
    };
    judge(setting, &mesh.scope.account_id, &about, source, at)
}

fn of_name(setting: &Setting<'_>, assessed: &Assessed<'_>, named: &NamedConsumer, at: &Place<'_>) -> Judged {
    let all = setting.switches_of(&named.vpc_id);
    let wanted = |switch: &&&VSwitch| named.v_switch_id.as_ref().is_none_or(|id| switch.v_switch_id.as_str() == id);
    let source = Source {
        vpc_id: &named.vpc_id,
        switches: all.iter().filter(wanted).copied().collect(),
        pods: None,
        pod_blocks: Vec::new(),
        groups: Vec::new(),
        unread: None,
    };
    let about = About {
        id: &named.name,
        kind: ConsumerKind::Configured,
        name: &named.name,
        region_id: &assessed.judgement.endpoint.region_id,
        state: "",
    };
    judge(setting, &assessed.judgement.endpoint.account_id, &about, source, at)
}

struct About<'a> {
    id: &'a str,
    kind: ConsumerKind,
    name: &'a str,
    region_id: &'a RegionId,
    state: &'a str,
}

fn judge(
    setting: &Setting<'_>,
    account_id: &AccountId,
    about: &About<'_>,
    source: Source<'_>,
    at: &Place<'_>,
) -> Judged {
    let Place { target, audit, entrance } = at;
    let found = path::find(&setting.topology, target, &source);
    let leaving = setting.egress.of(&setting.topology, entrance, source.vpc_id, &source.switches, None);
    let seen = audit.requests.authenticated.iter().any(|client| leaving.set.contains(client.address));
    let traffic = match (seen, audit.complete && leaving.complete) {
        (true, _) => Traffic::Seen,
        (false, true) => Traffic::None,
        (false, false) => Traffic::NotAvailable,
    };
    let case = data_plane::Case { existence: Existence::Present, state: State::Running, path: found.class, traffic };
    let row = data_plane::judge(case);
    let consumer = Consumer {
        id: about.id.to_owned(),
        kind: about.kind,
        name: about.name.to_owned(),
        account_id: account_id.clone(),
        region_id: about.region_id.clone(),
        vpc_id: VpcId::from(source.vpc_id),
        state: about.state.to_owned(),
        need: row.need,
        confidence_percent: row.confidence,
        reason: row.reason.to_owned(),
        path: found.path.clone(),
        traffic,
        egress: leaving.set.cover(),
        egress_complete: leaving.complete,
    };
    Judged { consumer, found, addresses: leaving.set }
}

/// Authenticated clients on the internet that are none of the known consumers, as consumers.
pub(super) fn clients(audit: &AuditLog, known: &[Judged], now: DateTime<Utc>) -> Vec<Consumer> {
    let stranger = |client: &&Client| !known.iter().any(|one| one.addresses.contains(client.address));
    audit.requests.authenticated.iter().filter(stranger).map(|client| of_client(client, now)).collect()
}

fn of_client(client: &Client, now: DateTime<Utc>) -> Consumer {
    let users = if client.users.is_empty() { "somebody".to_owned() } else { client.users.join(", ") };
    Consumer {
        id: client.address.to_string(),
        kind: ConsumerKind::Client,
        name: client.users.join(", "),
        account_id: Default::default(),
        region_id: Default::default(),
        vpc_id: Default::default(),
        state: String::new(),
        need: Need::Needed,
        confidence_percent: if (now - client.last_seen).num_days() < 7 { 95 } else { 80 },
        reason: format!("{users} came from there, last on {}", client.last_seen.format("%Y-%m-%d")),
        path: ConsumerPath::unknown(Vec::new()),
        traffic: Traffic::Seen,
        egress: vec![client.address.into()],
        egress_complete: true,
    }
}

/// The facts of the table.
pub(super) fn case(
    setting: &Setting<'_>,
    assessed: &Assessed<'_>,
    rows: &[AccessRow],
    audit: &AuditLog,
    known: &[Judged],
    entrance: &Entrance,
) -> Case {
    let volume = setting.logs.volume(entrance);
    let audited = audit_case(audit, known, setting.now());
    let short = |volume: &Volume| volume.days < FULL_WINDOW_DAYS;
    Case {
        short_window: match audited {
            Audit::NotAvailable => volume.as_ref().is_some_and(short),
            Audit::Used { .. } | Audit::Unused { .. } => audit.short_window,
        },
        audit: audited,
        eip_traffic: match &volume {
            None => EipTraffic::NotAvailable,
            Some(volume) if volume.bytes_a_day < 1000 => EipTraffic::NearZero,
            Some(_) => EipTraffic::Present,
        },
        kubeconfig: kubeconfig(setting, assessed),
        life: life(setting, assessed),
        residue_public: rows
            .iter()
            .any(|row| !matches!(row.verdict, PortVerdict::Restricted | PortVerdict::PrivateOnly)),
        white_list_private_only: !rows.is_empty()
            && rows.iter().all(|row| white_list(row).is_some_and(|set| !is_public(&set))),
        acl_names_public_sources: rows
            .iter()
            .any(|row| white_list(row).is_none_or(|set| is_public(&set) && !admits_everybody(&set, row.family))),
        other_use: rows.iter().any(|row| row.port != assessed.port),
    }
}

fn audit_case(audit: &AuditLog, known: &[Judged], now: DateTime<Utc>) -> Audit {
    let clients = &audit.requests.authenticated;
    let Some(last) = clients.iter().map(|client| client.last_seen).max() else {
        return if audit.complete {
            Audit::Unused { probed: !audit.requests.others.is_empty() }
        } else {
            Audit::NotAvailable
        };
    };
    let all_are = |one: &dyn Fn(&Judged) -> bool| {
        clients.iter().all(|client| known.iter().any(|judged| one(judged) && judged.addresses.contains(client.address)))
    };
    let connected = |judged: &Judged| judged.consumer.path.connectivity == Connectivity::Connected;
    let control_plane = |judged: &Judged| judged.consumer.kind == ConsumerKind::Mesh && !connected(judged);
    let sources = if all_are(&connected) {
        Sources::PrivatelyConnected
    } else if all_are(&control_plane) {
        Sources::ControlPlaneWithoutPath
    } else {
        Sources::Others
    };
    Audit::Used { days_ago: (now - last).num_days(), sources }
}

/// What the listener's white list admits, where there is one and it was read whole.
fn white_list(row: &AccessRow) -> Option<AddressSet> {
    let gate =
        row.gates.iter().find(|gate| gate.kind == GateKind::ClbAcl && gate.enforcement == Enforcement::Enforced)?;
    gate.complete.then(|| gate.admits.iter().copied().collect())
}

/// True if the set keeps nobody of the family out, as an access control does that is off.
fn admits_everybody(set: &AddressSet, family: Family) -> bool {
    let kept_out = set.complement();
    match family {
        Family::Ipv4 => kept_out.v4.is_empty(),
        Family::Ipv6 => kept_out.v6.is_empty(),
    }
}

/// True if some address of the set may be a client's on the internet.
fn is_public(set: &AddressSet) -> bool {
    const PRIVATE: [&str; 7] =
        ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7"];
    let private: AddressSet = PRIVATE.into_iter().filter_map(|text| Block::parse(text).ok()).collect();
    !set.subtract(&private).is_empty()
}

/// Whether a kubeconfig for the public endpoint was handed out, by the trails of all regions that may
/// hold it.
fn kubeconfig(setting: &Setting<'_>, assessed: &Assessed<'_>) -> Kubeconfig {
    let endpoint = &assessed.judgement.endpoint;
    let now = setting.now();
    let trails = setting.inventory().trails().iter().filter(|trail| trail.scope.account_id == endpoint.account_id);
    let mut covered = false;
    for trail in trails {
        let recent = |issue: &&KubeconfigIssue| {
            issue.resource_id == endpoint.resource_id && now - issue.at <= Duration::days(30)
        };
        if trail.kubeconfigs.iter().any(|issue| recent(&issue)) {
            return Kubeconfig::Within30Days;
        }
        let ever = trail.kubeconfigs.iter().any(|issue| issue.resource_id == endpoint.resource_id);
        covered |= trail.complete
            && trail.scope.region_id == endpoint.region_id
            && !ever
            && now - trail.from >= Duration::days(180);
    }
    if covered { Kubeconfig::NoneFor180Days } else { Kubeconfig::NotAvailable }
}

/// Confidence in hundredths that such a doubt leaves.
pub(super) const DOUBT: u8 = 40;

/// Why the API server of a mesh may have clients of which nothing is known.
#[derive(Clone, Copy)]
pub(super) struct Doubt {
    /// Resources are aggregated; else that was not read.
    pub is_on: bool,
    pub reason: &'static str,
    /// What to find out, of the mesh.
    question: &'static str,
}

impl Doubt {
    /// What would decide.
    pub(super) fn deciding(&self, mesh_id: &str) -> String {
        format!("{} {mesh_id}", self.question)
    }
}

/// Data-plane clusters reach the API server of their mesh where resources are aggregated. By which endpoint was
/// said when that was switched on (`UsePublicApiServer`), and no read tells it (alibaba-api.md 1.8).
pub(super) fn aggregation(setting: &Setting<'_>, assessed: &Assessed<'_>) -> Option<Doubt> {
    let mesh = mesh_of(setting, assessed)?;
    let has_clusters = mesh.data_plane.is_unread() || !mesh.cluster_ids().is_empty();
    match mesh.cr_aggregation {
        Reading::Value(true) if has_clusters => Some(Doubt {
            is_on: true,
            reason: "its clusters get at mesh resources (CRAggregationConfiguration), perhaps by the public endpoint; \
                     whether they do cannot be read",
            question: "ask whoever runs it whether UsePublicApiServer was set for",
        }),
        Reading::Unread if has_clusters => Some(Doubt {
            is_on: false,
            reason: "whether its clusters get at mesh resources by the public endpoint was not read",
            question: "read CRAggregationConfiguration in the detail of",
        }),
        _ => None,
    }
}

fn life(setting: &Setting<'_>, assessed: &Assessed<'_>) -> Life {
    let endpoint = &assessed.judgement.endpoint;
    if endpoint.resource_kind != ResourceKind::Cluster {
        return Life::Serving;
    }
    let id = endpoint.resource_id.as_str().into();
    let Some(cluster) = setting.inventory().cluster(&endpoint.account_id, &id) else { return Life::Serving };
    life_of(cluster, setting.now())
}

fn life_of(cluster: &Cluster, now: DateTime<Utc>) -> Life {
    let old = || updated(&cluster.updated).is_some_and(|at| now - at >= Duration::days(30));
    match cluster.state.as_str() {
        "deleted" => Life::Ended,
        "failed" if old() => Life::Ended,
        "inactive" => Life::Hibernated,
        _ => Life::Serving,
    }
}

/// `2026-01-02T03:04:05+08:00` or `2026-01-02T03:04:05Z`; without offset it is taken as UTC.
fn updated(text: &str) -> Option<DateTime<Utc>> {
    let local = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").ok().map(|at| at.and_utc());
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()).or_else(local)
}

/// The VPC and vSwitches in which an API server has its private entrance.
pub(super) fn place_of<'a>(
    setting: &Setting<'a>,
    assessed: &Assessed<'_>,
) -> Option<(&'a str, BTreeSet<&'a str>, Vec<String>)> {
    let endpoint = &assessed.judgement.endpoint;
    let inventory = setting.inventory();
    match endpoint.resource_kind {
        ResourceKind::Mesh => {
            let mesh = inventory.mesh(&endpoint.account_id, &endpoint.resource_id.as_str().into())?;
            let groups = Some(mesh.security_group_id.as_str()).filter(|id| !id.is_empty());
            let switches = mesh.v_switches.iter().map(|id| id.as_str()).collect();
            Some((mesh.vpc_id.as_str(), switches, groups.into_iter().map(str::to_owned).collect()))
        }
        // The cluster's own group is documented not to filter what comes through the balancer.
        _ => {
            let cluster = inventory.cluster(&endpoint.account_id, &endpoint.resource_id.as_str().into())?;
            Some((cluster.vpc_id.as_str(), cluster.v_switches.iter().map(|id| id.as_str()).collect(), Vec::new()))
        }
    }
}
