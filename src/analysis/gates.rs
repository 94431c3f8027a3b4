//! Who can reach each listener port of an exposed endpoint: which filters stand in front of it,
//! how much each counts, and what gets through.
//!
//! A classic balancer's listener ACL filters what it forwards. A network load balancer's security
//! groups do. The security group of a mesh is advised by the vendor, but nobody documents that it
//! sees traffic through a balancer: it is *unverified*. The security group of a Kubernetes cluster
//! is documented not to: it is *ineffective*, reported and never counted.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use ipnet::IpNet;
use rayon::prelude::*;

use crate::{
    model::{
        AccessRow, AccountId, Acl, AclId, Bounds, EndpointKind, Enforcement, Family, Gate, GateKind, Listener,
        LoadBalancerId, NetworkLoadBalancer, NlbAddress, Permission, PortVerdict, Reading, SecurityGroup,
        SecurityGroupId, Shared, ports,
    },
    netset::{AddressSet, parse_ports},
};

use super::{
    access::{self, AclEntries, Families, Group, Groups, ListenerAcl, Lists, Protocol, Query, SourcePath, Stage},
    exposure::{Assessed, Front},
    index::{self, Balancer, Index},
    trusted::TrustedSet,
};

/// An endpoint and what is trusted there.
pub(super) struct Job<'a, 'i> {
    pub assessed: &'a Assessed<'i>,
    pub trusted: Arc<TrustedSet>,
}

/// The access rows of every job, in the order of the jobs; rows sorted by port, protocol, family.
pub(super) fn rows(index: &Index<'_>, lists: &ListsOf<'_>, jobs: &[Job<'_, '_>]) -> Vec<Vec<AccessRow>> {
    // Neighbours in the order of endpoints often share their filters, so that each chunk
    // remembers what it has seen. Results do not depend on where the chunks begin.
    const CHUNK: usize = 512;
    jobs.par_chunks(CHUNK)
        .flat_map_iter(|chunk| {
            let mut judging = Judging { index, lists, seen: HashMap::new(), admitted: HashMap::new() };
            chunk.iter().map(|job| judging.rows(job)).collect::<Vec<_>>()
        })
        .collect()
}

/// What security-group rules of each account may refer to.
pub(super) struct ListsOf<'a> {
    accounts: HashMap<&'a AccountId, Lists<'a>>,
    none: Lists<'a>,
}

impl<'a> ListsOf<'a> {
    pub(super) fn new(index: &Index<'a>) -> Self {
        let mut accounts: HashMap<&AccountId, Lists<'a>> = HashMap::new();
        for list in index.inventory.prefix_lists() {
            let entries = list.entries.iter().map(|entry| &**entry);
            accounts.entry(&list.scope.account_id).or_default().add_prefix_list(
                list.prefix_list_id.as_str(),
                &list.address_family,
                entries,
            );
        }
        for list in index.inventory.port_range_lists() {
            let entries = list.entries.iter().map(|entry| &**entry);
            accounts
                .entry(&list.scope.account_id)
                .or_default()
                .add_port_range_list(list.port_range_list_id.as_str(), entries);
        }
        Self { accounts, none: Lists::default() }
    }

    /// Those of every account together: ids are the vendor's, and no two accounts share one.
    pub(super) fn of_everybody(index: &Index<'a>) -> Lists<'a> {
        let mut all = Lists::default();
        for list in index.inventory.prefix_lists() {
            let entries = list.entries.iter().map(|entry| &**entry);
            all.add_prefix_list(list.prefix_list_id.as_str(), &list.address_family, entries);
        }
        for list in index.inventory.port_range_lists() {
            all.add_port_range_list(list.port_range_list_id.as_str(), list.entries.iter().map(|entry| &**entry));
        }
        all
    }

    pub(super) fn of(&self, account_id: &AccountId) -> &Lists<'a> {
        self.accounts.get(account_id).unwrap_or(&self.none)
    }
}

/// The security groups in front of an endpoint and how they count there.
pub(super) struct GroupsInFront<'a> {
    pub kind: GateKind,
    pub enforcement: Enforcement,
    /// `None` where it could not be read which they are.
    pub ids: Option<Vec<&'a SecurityGroupId>>,
}

/// `None` where no security group has any part in it.
pub(super) fn groups_in_front<'a>(assessed: &Assessed<'a>) -> Option<GroupsInFront<'a>> {
    let front = assessed.front.as_ref()?;
    let balancer = match front.balancer {
        Balancer::Network(balancer) => balancer,
        Balancer::Classic(_) => {
            let id = assessed.security_group_id?;
            let (kind, enforcement) = match assessed.judgement.endpoint.kind {
                EndpointKind::ClusterApiServer => (GateKind::ClusterSecurityGroup, Enforcement::Ineffective),
                EndpointKind::IstioPilot | EndpointKind::IstioPilotCanary | EndpointKind::MeshApiServer => {
                    (GateKind::MeshSecurityGroup, Enforcement::Unverified)
                }
            };
            return Some(GroupsInFront { kind, enforcement, ids: Some(vec![id]) });
        }
    };
    let ids = match balancer.map(|balancer| &balancer.security_group_ids) {
        Some(Reading::Value(ids)) => Some(ids.iter().collect()),
        Some(Reading::Absent) => Some(Vec::new()),
        Some(Reading::Unread) | None => None,
    };
    Some(GroupsInFront { kind: GateKind::NlbSecurityGroups, enforcement: Enforcement::Enforced, ids })
}

/// A port on which the endpoint's balancer listens, or may listen.
struct Slot<'a> {
    protocol: Protocol,
    port: u16,
    listener: SlotListener<'a>,
}

#[derive(Clone, Copy)]
enum SlotListener<'a> {
    /// The listeners could not be read, so that this port is a guess.
    Unread,
    /// Nothing listens here, but the public address may lead to another balancer.
    Elsewhere,
    Classic(&'a Listener),
    Network,
}

/// Everything on which the sources of a row depend, so that equal rows are worked out once.
#[derive(PartialEq, Eq, Hash)]
struct RowKey<'a> {
    account_id: &'a AccountId,
    /// Those that count.
    gates: Vec<GateKey<'a>>,
    /// What makes the row uncertain beyond its gates.
    doubt: Doubt,
    protocol: &'static str,
    port: u16,
    family: Family,
    destination: Option<IpAddr>,
    trusted: usize,
}

/// Everything on which it depends what one gate admits.
#[derive(PartialEq, Eq, Hash)]
struct AdmittedKey<'a> {
    account_id: &'a AccountId,
    gate: GateKey<'a>,
    protocol: &'static str,
    /// 0 for an ACL, which is the same on every port of a listener.
    port: u16,
    family: Family,
    destination: Option<IpAddr>,
}

/// What one gate admits.
struct Shown {
    admits: Shared<IpNet>,
    complete: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum GateKey<'a> {
    Acl { status: &'a str, kind: &'a str, ids: &'a [AclId] },
    UnreadAcl,
    Groups(GateKind, Option<Vec<&'a SecurityGroupId>>),
}

/// What else may be on the path.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Doubt {
    None,
    /// The filters are there, but another way in may pass them by.
    OtherWays,
    /// Whether anything listens here could not be read.
    Unlistened,
    /// Nothing listens here, but another way in may lead to something that does.
    Elsewhere,
    /// This balancer cannot carry the family, so that something else does.
    OtherFamily,
}

/// A filter, and how it is shown and counted.
struct Layer<'a> {
    kind: GateKind,
    id: String,
    enforcement: Enforcement,
    note: String,
    stage: Stage<'a>,
    key: GateKey<'a>,
}

/// Who gets through the gates of a row.
struct Reached {
    enforced: Bounds<AddressSet>,
    all_gates: Bounds<AddressSet>,
    blame: Shared<String>,
    fix_set: Shared<String>,
    /// The covers of `enforced.upper`, `enforced.lower` and `all_gates.upper`.
    untrusted: Shared<IpNet>,
    untrusted_lower: Shared<IpNet>,
    untrusted_all_gates: Shared<IpNet>,
}

struct Judging<'a, 'i> {
    index: &'a Index<'i>,
    lists: &'a ListsOf<'i>,
    seen: HashMap<RowKey<'i>, Arc<Reached>>,
    admitted: HashMap<AdmittedKey<'i>, Arc<Shown>>,
}

impl<'i> Judging<'_, 'i> {
    fn rows(&mut self, job: &Job<'_, 'i>) -> Vec<AccessRow> {
        let mut rows = BTreeMap::new();
        self.add_rows(job, &mut rows);
        for other in &job.assessed.others {
            self.add_rows(&Job { assessed: other, trusted: Arc::clone(&job.trusted) }, &mut rows);
        }
        rows.into_values().collect()
    }

    /// The rows of one balancer. A port for which there is a row already has one way in more.
    fn add_rows(&mut self, job: &Job<'_, 'i>, rows: &mut BTreeMap<(u16, &'static str, Family), AccessRow>) {
        let (certain, probes) = self.slots(job.assessed);
        for slot in &certain {
            for &family in &job.assessed.families {
                let row = self.row(job, slot, family);
                let key = (slot.port, protocol_word(slot.protocol), family);
                let row = match rows.remove(&key) {
                    Some(shown) => either_way(shown, row),
                    None => row,
                };
                rows.insert(key, row);
            }
        }
        self.probe(job, &probes, rows);
    }

    /// Ports inside of wide ranges at which some rule begins or ends to count are shown only
    /// where they are worse than all that is shown anyway.
    fn probe(
        &mut self,
        job: &Job<'_, 'i>,
        probes: &[Slot<'i>],
        rows: &mut BTreeMap<(u16, &'static str, Family), AccessRow>,
    ) {
        for &family in &job.assessed.families {
            for slot in probes {
                let row = self.row(job, slot, family);
                let shown = rows.values().filter(|row| row.family == family).map(|row| badness(row.verdict)).max();
                if shown.is_none_or(|worst| badness(row.verdict) > worst) {
                    rows.insert((slot.port, protocol_word(slot.protocol), family), row);
                }
            }
        }
    }

    /// The ports to show, and ports inside of wide ranges to look at. Where another balancer may be
    /// on the path, the endpoint's own port is among them.
    fn slots(&self, assessed: &Assessed<'i>) -> (Vec<Slot<'i>>, Vec<Slot<'i>>) {
        let (mut shown, probes) = self.listening(assessed);
        let certain = assessed.front.as_ref().is_none_or(|front| front.certain);
        if !certain && !shown.iter().any(|slot| slot.port == assessed.port && slot.protocol == Protocol::Tcp) {
            shown.push(Slot { protocol: Protocol::Tcp, port: assessed.port, listener: SlotListener::Elsewhere });
        }
        (shown, probes)
    }

    fn listening(&self, assessed: &Assessed<'i>) -> (Vec<Slot<'i>>, Vec<Slot<'i>>) {
        let guess = || vec![Slot { protocol: Protocol::Tcp, port: assessed.port, listener: SlotListener::Unread }];
        match assessed.front.as_ref().map(|front| front.balancer) {
            Some(Balancer::Classic(Some(balancer))) => match &balancer.listeners {
                Reading::Value(listeners) => (listeners.iter().filter_map(classic_slot).collect(), Vec::new()),
                Reading::Absent => (Vec::new(), Vec::new()),
                Reading::Unread => (guess(), Vec::new()),
            },
            Some(Balancer::Network(Some(balancer))) => match &balancer.listeners {
                Reading::Value(_) => self.network_slots(assessed, balancer),
                Reading::Absent => (Vec::new(), Vec::new()),
                Reading::Unread => (guess(), Vec::new()),
            },
            Some(Balancer::Classic(None) | Balancer::Network(None)) | None => (guess(), Vec::new()),
        }
    }

    fn network_slots(
        &self,
        assessed: &Assessed<'i>,
        balancer: &'i NetworkLoadBalancer,
    ) -> (Vec<Slot<'i>>, Vec<Slot<'i>>) {
        /// Ranges up to this many ports are shown port by port.
        const NARROW: u16 = 16;
        let (mut shown, mut probes) = (Vec::new(), Vec::new());
        let cuts = self.cuts(assessed);
        let listeners = balancer.listeners.value().map(Vec::as_slice).unwrap_or_default();
        for listener in listeners.iter().filter(|one| !ports::is_stopped(&one.listener_status)) {
            let (first, last) = (listener.start_port, listener.end_port);
            let slot =
                |port| Slot { protocol: protocol(&listener.listener_protocol), port, listener: SlotListener::Network };
            if last.saturating_sub(first) < NARROW {
                shown.extend((first..=last).map(slot));
                continue;
            }
            let inside = ports::CONTROL_PLANE.into_iter().filter(|port| (first..=last).contains(port));
            shown.extend(inside.chain([first, last]).map(slot));
            probes.extend(cuts.range(first..=last).copied().map(slot));
        }
        (shown, probes)
    }

    /// Ports at which some rule of the balancer's groups begins to count, or has just ended to.
    fn cuts(&self, assessed: &Assessed<'i>) -> BTreeSet<u16> {
        let ids = groups_in_front(assessed).and_then(|groups| groups.ids).unwrap_or_default();
        let account_id = &assessed.scope.account_id;
        let groups = ids.into_iter().filter_map(|id| self.index.inventory.security_group(account_id, id));
        let mut cuts = BTreeSet::new();
        let mut cut = |text: &str| {
            // A range that cannot be read makes its rule uncertain on every port.
            let _ = parse_ports(text, |range| {
                cuts.insert(range.first());
                cuts.extend(range.last().checked_add(1));
            });
        };
        for rule in groups.flat_map(|group| &group.permissions).filter(|rule| is_ingress(rule)) {
            cut(&rule.port_range);
            let id = crate::model::PortRangeListId::from(&*rule.port_range_list_id);
            let list = self.index.inventory.port_range_list(account_id, &id);
            list.map(|list| &list.entries).into_iter().flatten().for_each(|entry| cut(entry));
        }
        cuts
    }

    fn row(&mut self, job: &Job<'_, 'i>, slot: &Slot<'i>, family: Family) -> AccessRow {
        let assessed = job.assessed;
        let doubt = doubt(assessed, slot, family);
        let destination = destination(self.index, assessed, family);
        let query = internet_query(slot.protocol, slot.port, family, destination);
        let layers = self.layers(assessed, slot, family);
        let key = RowKey {
            account_id: &assessed.scope.account_id,
            gates: counting(&layers).map(|layer| layer.key.clone()).collect(),
            doubt,
            protocol: protocol_word(slot.protocol),
            port: slot.port,
            family,
            destination,
            trusted: job.trusted.number,
        };
        let lists = self.lists.of(&assessed.scope.account_id);
        let reached = self
            .seen
            .entry(key)
            .or_insert_with(|| Arc::new(reach(&query, &layers, lists, &job.trusted, doubt, family)));
        let reached = Arc::clone(reached);
        let gates = layers.into_iter().map(|layer| self.gate(assessed, &query, family, doubt, layer)).collect();
        row(slot, family, doubt, &reached, gates)
    }

    fn gate(&mut self, assessed: &Assessed<'i>, query: &Query, family: Family, doubt: Doubt, layer: Layer<'i>) -> Gate {
        let key = AdmittedKey {
            account_id: &assessed.scope.account_id,
            protocol: protocol_word(query.protocol),
            port: if layer.kind == GateKind::ClbAcl { 0 } else { query.port },
            family,
            destination: destination(self.index, assessed, family),
            gate: layer.key,
        };
        let lists = self.lists.of(&assessed.scope.account_id);
        let shown = self.admitted.entry(key).or_insert_with(|| {
            let sources = access::admitted(query, &layer.stage, lists).sources;
            Arc::new(Shown { complete: sources.is_exact(), admits: sources.upper.cover().into() })
        });
        Gate {
            kind: layer.kind,
            id: layer.id,
            enforcement: layer.enforcement,
            admits: shown.admits.clone(),
            complete: shown.complete,
            note: doubtful(layer.note, doubt),
        }
    }

    fn layers(&self, assessed: &Assessed<'i>, slot: &Slot<'i>, family: Family) -> Vec<Layer<'i>> {
        let Some(front) = &assessed.front else {
            return Vec::new();
        };
        let classic = matches!(front.balancer, Balancer::Classic(_));
        let acl = classic.then(|| self.acl_layer(assessed, front, slot, family));
        let groups = groups_in_front(assessed).map(|groups| self.groups_layer(assessed, &front.id, groups));
        acl.into_iter().chain(groups).collect()
    }

    fn acl_layer(&self, assessed: &Assessed<'i>, front: &Front<'i>, slot: &Slot<'i>, family: Family) -> Layer<'i> {
        let (acl, note) = match slot.listener {
            SlotListener::Classic(listener) => self.listener_acl(&assessed.scope.account_id, listener, family),
            SlotListener::Unread | SlotListener::Network => unread_acl("the listeners could not be read"),
            SlotListener::Elsewhere => unread_acl("nothing listens here"),
        };
        Layer {
            kind: GateKind::ClbAcl,
            id: format!("{}/{}", front.id, slot.port),
            enforcement: Enforcement::Enforced,
            note,
            stage: Stage::ListenerAcl(acl),
            key: acl_key(slot),
        }
    }

    fn listener_acl(
        &self,
        account_id: &AccountId,
        listener: &'i Listener,
        family: Family,
    ) -> (ListenerAcl<'i>, String) {
        let status = listener.acl_status.value().map_or("", String::as_str);
        if status.eq_ignore_ascii_case("off") {
            // What the listener still names may be stale.
            return (ListenerAcl { status, ..ListenerAcl::default() }, "acl off".to_owned());
        }
        let found = listener.acl_ids.iter().map(|id| (id, self.index.inventory.acl(account_id, id)));
        let found: Vec<_> = found.collect();
        let entries = |acl: &Option<&'i Acl>| match acl {
            // Lists are of their listener's family. What a white one of the other family does, nobody
            // documents: it must not be taken for one that keeps everybody out.
            Some(acl) if listener.acl_type.eq_ignore_ascii_case("white") && is_of_other_family(acl, family) => {
                AclEntries::Unread
            }
            Some(acl) => AclEntries::Read(acl.entries.iter().map(|entry| &**entry).collect()),
            None => AclEntries::Unread,
        };
        let acls = found.iter().map(|(_, acl)| entries(acl)).collect();
        let unread: Vec<_> = found.iter().filter(|(_, acl)| acl.is_none()).map(|(id, _)| id.as_str()).collect();
        let no_entry = found.iter().all(|(_, acl)| acl.is_some_and(|acl| acl.entries.is_empty()));
        let ids: Vec<_> = listener.acl_ids.iter().map(AclId::as_str).collect();
        let kind = match listener.acl_type.to_ascii_lowercase().as_str() {
            kind @ ("white" | "black") => format!("{kind} list"),
            _ => "list of unknown type".to_owned(),
        };
        let note = match (status.eq_ignore_ascii_case("on"), ids.is_empty(), no_entry) {
            (false, ..) => "whether the acl is on could not be read".to_owned(),
            (true, true, _) => "acl on without any list: everything is forwarded".to_owned(),
            (true, false, true) => format!("{kind} {} without entries: everything is forwarded", ids.join(", ")),
            (true, false, false) => format!("{kind} {}", ids.join(", ")),
        };
        let acl = ListenerAcl { status, acl_type: &listener.acl_type, acls, unread: false };
        (acl, with_unread(note, &unread))
    }

    fn groups_layer(&self, assessed: &Assessed<'i>, front: &LoadBalancerId, groups: GroupsInFront<'i>) -> Layer<'i> {
        let (found, unread) = self.find_groups(&assessed.scope.account_id, groups.ids.as_deref());
        let ids = || groups.ids.iter().flatten().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        let note = match (&groups.ids, groups.kind) {
            (None, _) => "which security groups the load balancer has joined could not be read".to_owned(),
            (Some(ids), _) if ids.is_empty() => "no security group joined: everything is accepted".to_owned(),
            (Some(_), GateKind::ClusterSecurityGroup) => {
                "does not filter traffic through the load balancer (vendor's documentation)".to_owned()
            }
            (Some(_), GateKind::MeshSecurityGroup) => {
                "nobody documents that it filters traffic through the load balancer".to_owned()
            }
            (Some(_), _) => ids(),
        };
        let id = match groups.kind {
            GateKind::NlbSecurityGroups => front.as_str().to_owned(),
            _ => ids(),
        };
        let is_unread = groups.ids.is_none() || !unread.is_empty();
        let merged = Groups { groups: found.into_iter().map(group_in_vpc).collect(), unread: is_unread };
        let stage = match groups.kind {
            GateKind::NlbSecurityGroups => Stage::NlbSecurityGroup(merged),
            _ => Stage::SecurityGroup(merged),
        };
        Layer {
            kind: groups.kind,
            id,
            enforcement: groups.enforcement,
            note: with_unread(note, &unread),
            stage,
            key: GateKey::Groups(groups.kind, groups.ids),
        }
    }

    fn find_groups(
        &self,
        account_id: &AccountId,
        ids: Option<&[&'i SecurityGroupId]>,
    ) -> (Vec<&'i SecurityGroup>, Vec<&'i str>) {
        let (mut found, mut unread) = (Vec::new(), Vec::new());
        for id in ids.unwrap_or_default() {
            match self.index.inventory.security_group(account_id, id) {
                Some(group) => found.push(group),
                None => unread.push(id.as_str()),
            }
        }
        (found, unread)
    }
}

/// True if the list has entries, and all of them are addresses of the other family.
fn is_of_other_family(acl: &Acl, family: Family) -> bool {
    let is_other = |entry: &str| {
        let address = entry.split('/').next().and_then(|host| host.trim().parse::<IpAddr>().ok());
        address.is_some_and(|address| address.is_ipv4() != (family == Family::Ipv4))
    };
    !acl.entries.is_empty() && acl.entries.iter().all(|entry| is_other(entry))
}

/// The group for asking. Meshes, clusters and network load balancers are always in a VPC, and so
/// are their groups: a reply without `VpcId` must not make one of the classic network, where rules
/// for the internal network would not count.
pub(super) fn group_in_vpc(group: &SecurityGroup) -> Group<'_> {
    let group = Group::from(group);
    if group.vpc_id.is_empty() { Group { vpc_id: "unread", ..group } } else { group }
}

fn with_unread(note: String, unread: &[&str]) -> String {
    if unread.is_empty() { note } else { format!("{note}; {} could not be read", unread.join(", ")) }
}

fn unread_acl<'a>(note: &str) -> (ListenerAcl<'a>, String) {
    (ListenerAcl { unread: true, ..ListenerAcl::default() }, note.to_owned())
}

fn classic_slot(listener: &Listener) -> Option<Slot<'_>> {
    (!ports::is_stopped(&listener.status)).then(|| Slot {
        protocol: protocol(&listener.listener_protocol),
        port: listener.listener_port,
        listener: SlotListener::Classic(listener),
    })
}

fn protocol(text: &str) -> Protocol {
    if ports::transport(text) == "udp" { Protocol::Udp } else { Protocol::Tcp }
}

fn protocol_word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

fn doubt(assessed: &Assessed<'_>, slot: &Slot<'_>, family: Family) -> Doubt {
    let Some(front) = &assessed.front else {
        return Doubt::Unlistened;
    };
    match slot.listener {
        SlotListener::Unread => return Doubt::Unlistened,
        SlotListener::Elsewhere => return Doubt::Elsewhere,
        SlotListener::Classic(_) | SlotListener::Network => {}
    }
    if let Balancer::Classic(Some(balancer)) = front.balancer
        && index::is_ipv6(balancer) != (family == Family::Ipv6)
    {
        return Doubt::OtherFamily;
    }
    if front.certain { Doubt::None } else { Doubt::OtherWays }
}

/// A question about what comes in over the internet.
pub(super) fn internet_query(protocol: Protocol, port: u16, family: Family, destination: Option<IpAddr>) -> Query {
    let (destination_v4, destination_v6) = match destination {
        Some(IpAddr::V4(address)) => (Some(address), None),
        Some(IpAddr::V6(address)) => (None, Some(address)),
        None => (None, None),
    };
    let families = match family {
        Family::Ipv4 => Families::Ipv4,
        Family::Ipv6 => Families::Ipv6,
    };
    Query { protocol, port, families, path: SourcePath::Internet, destination_v4, destination_v6 }
}

/// The address at which security groups see what comes in, for rules that are limited to some
/// destinations. `None` where no rule is, where the address is not known, or where it may be one of
/// several that these rules tell apart: such rules are then left between two bounds.
///
/// A network load balancer has an address per zone. Behind a classic one it is that of an
/// interface in the mesh's or cluster's group.
pub(super) fn destination(index: &Index<'_>, assessed: &Assessed<'_>, family: Family) -> Option<IpAddr> {
    let blocks = destination_blocks(index, assessed);
    if blocks.is_empty() {
        return None;
    }
    let addresses: BTreeSet<IpAddr> = match assessed.front.as_ref().map(|front| front.balancer)? {
        Balancer::Network(balancer) => {
            // One zone whose address is not known may be the way in.
            balancer?.addresses.iter().map(|zone| zone_address(zone, family)).collect::<Option<_>>()?
        }
        Balancer::Classic(_) => interface_addresses(index, assessed, family)?,
    };
    let first = addresses.first().copied()?;
    let tells_apart = |block: &IpNet| addresses.iter().any(|address| block.contains(address) != block.contains(&first));
    (!blocks.iter().any(tells_apart)).then_some(first)
}

fn zone_address(zone: &NlbAddress, family: Family) -> Option<IpAddr> {
    match family {
        Family::Ipv4 => zone.private_ipv4_address.parse().ok().map(IpAddr::V4),
        Family::Ipv6 => zone.ipv6_address.parse().ok().map(IpAddr::V6),
    }
}

/// The addresses of the interfaces in the group that stands in front; `None` if one cannot be
/// understood, since that may be the one on the way in.
fn interface_addresses(index: &Index<'_>, assessed: &Assessed<'_>, family: Family) -> Option<BTreeSet<IpAddr>> {
    let group = assessed.security_group_id;
    let interfaces = group.map_or(&[][..], |id| index.interfaces_in(&assessed.scope.account_id, id));
    let texts = interfaces.iter().flat_map(|interface| match family {
        Family::Ipv4 => &interface.private_ip_addresses,
        Family::Ipv6 => &interface.ipv6_addresses,
    });
    texts.map(|text| text.parse().ok()).collect()
}

/// The blocks to which rules of the groups in front limit their destination.
fn destination_blocks(index: &Index<'_>, assessed: &Assessed<'_>) -> Vec<IpNet> {
    let ids = groups_in_front(assessed).and_then(|groups| groups.ids).unwrap_or_default();
    let groups = ids.into_iter().filter_map(|id| index.inventory.security_group(&assessed.scope.account_id, id));
    let rules = groups.flat_map(|group| &group.permissions).filter(|rule| is_ingress(rule));
    let texts = rules.flat_map(|rule| [&rule.dest_cidr_ip, &rule.ipv6_dest_cidr_ip]);
    let block = |text: &str| text.parse().ok().or_else(|| text.parse().ok().map(|host: IpAddr| IpNet::from(host)));
    texts.filter(|text| !text.is_empty()).filter_map(|text| block(text)).collect()
}

/// Rules of the other direction decide nothing at a gate.
fn is_ingress(rule: &Permission) -> bool {
    !rule.direction.eq_ignore_ascii_case("egress")
}

fn acl_key<'i>(slot: &Slot<'i>) -> GateKey<'i> {
    match slot.listener {
        SlotListener::Classic(listener) => GateKey::Acl {
            status: listener.acl_status.value().map_or("", String::as_str),
            kind: &listener.acl_type,
            ids: &listener.acl_ids,
        },
        SlotListener::Unread | SlotListener::Elsewhere | SlotListener::Network => GateKey::UnreadAcl,
    }
}

/// The gates that have a part in the verdict.
fn counting<'s, 'a>(layers: &'s [Layer<'a>]) -> impl Iterator<Item = &'s Layer<'a>> {
    layers.iter().filter(|layer| layer.enforcement != Enforcement::Ineffective)
}

fn reach(
    query: &Query,
    layers: &[Layer<'_>],
    lists: &Lists<'_>,
    trusted: &TrustedSet,
    doubt: Doubt,
    family: Family,
) -> Reached {
    let all_stages: Vec<Stage<'_>> = counting(layers).map(|layer| layer.stage.clone()).collect();
    let enforced_stages: Vec<Stage<'_>> = counting(layers)
        .filter(|layer| layer.enforcement == Enforcement::Enforced)
        .map(|layer| layer.stage.clone())
        .collect();
    let enforced = access::evaluate(query, &enforced_stages, lists, &trusted.gaps);
    let all = if all_stages.len() == enforced_stages.len() {
        enforced.clone()
    } else {
        access::evaluate(query, &all_stages, lists, &trusted.gaps)
    };
    // Who gets through everything is to blame; where nobody does, who gets through what counts.
    let source = if all.residue.upper.is_routable() { &all } else { &enforced };
    let (blame, fix_set) = (source.blame.clone().into(), source.fix_set.clone().into());
    let widen = |residue: Bounds<AddressSet>| {
        let everybody = || whole(family).subtract(&trusted.addresses);
        match doubt {
            Doubt::None => residue,
            Doubt::OtherWays => Bounds { lower: residue.lower, upper: everybody() },
            Doubt::Unlistened | Doubt::Elsewhere | Doubt::OtherFamily => {
                Bounds { lower: AddressSet::empty(), upper: everybody() }
            }
        }
    };
    let (enforced, all_gates) = (widen(enforced.residue), widen(all.residue));
    let untrusted: Shared<IpNet> = enforced.upper.cover().into();
    let same_as_upper = |set: &AddressSet| {
        if *set == enforced.upper { untrusted.clone() } else { set.cover().into() }
    };
    let (untrusted_lower, untrusted_all_gates) = (same_as_upper(&enforced.lower), same_as_upper(&all_gates.upper));
    Reached { enforced, all_gates, blame, fix_set, untrusted, untrusted_lower, untrusted_all_gates }
}

/// Every address of one family.
pub(super) fn whole(family: Family) -> AddressSet {
    let full = AddressSet::full();
    match family {
        Family::Ipv4 => AddressSet { v4: full.v4, ..AddressSet::empty() },
        Family::Ipv6 => AddressSet { v6: full.v6, ..AddressSet::empty() },
    }
}

fn row(slot: &Slot<'_>, family: Family, doubt: Doubt, reached: &Reached, gates: Vec<Gate>) -> AccessRow {
    let verdict_bounds = Bounds {
        lower: verdict(&reached.enforced.lower, &reached.all_gates.lower),
        upper: verdict(&reached.enforced.upper, &reached.all_gates.upper),
    };
    let known = verdict_bounds.is_exact() && matches!(doubt, Doubt::None | Doubt::OtherWays);
    AccessRow {
        protocol: protocol_word(slot.protocol).to_owned(),
        port: slot.port,
        family,
        verdict: if known { verdict_bounds.upper } else { PortVerdict::Unknown },
        verdict_bounds,
        complete: reached.enforced.is_exact() && reached.all_gates.is_exact(),
        untrusted: reached.untrusted.clone(),
        untrusted_lower: reached.untrusted_lower.clone(),
        untrusted_all_gates: reached.untrusted_all_gates.clone(),
        witness: witness(reached),
        blame: reached.blame.clone(),
        fix_set: reached.fix_set.clone(),
        gates,
    }
}

/// A port with two ways in, which two listeners or two balancers make: the worse one is told, and
/// whoever gets in by either gets in.
fn either_way(one: AccessRow, other: AccessRow) -> AccessRow {
    let (worse, lesser) = if badness(other.verdict) > badness(one.verdict) { (other, one) } else { (one, other) };
    let both = |worse: Shared<IpNet>, lesser: &Shared<IpNet>| {
        if *lesser == worse {
            worse
        } else {
            worse.iter().chain(lesser).copied().collect::<AddressSet>().cover().into()
        }
    };
    let also = |worse: Shared<String>, lesser: &Shared<String>| match lesser.iter().all(|id| worse.contains(id)) {
        true => worse,
        false => worse.iter().chain(lesser.iter().filter(|id| !worse.contains(id))).cloned().collect(),
    };
    AccessRow {
        verdict_bounds: Bounds {
            lower: worse_of(worse.verdict_bounds.lower, lesser.verdict_bounds.lower),
            upper: worse_of(worse.verdict_bounds.upper, lesser.verdict_bounds.upper),
        },
        complete: worse.complete && lesser.complete,
        untrusted: both(worse.untrusted, &lesser.untrusted),
        untrusted_lower: both(worse.untrusted_lower, &lesser.untrusted_lower),
        untrusted_all_gates: both(worse.untrusted_all_gates, &lesser.untrusted_all_gates),
        blame: also(worse.blame, &lesser.blame),
        fix_set: also(worse.fix_set, &lesser.fix_set),
        ..worse
    }
}

fn worse_of(one: PortVerdict, other: PortVerdict) -> PortVerdict {
    if badness(other) > badness(one) { other } else { one }
}

fn doubtful(note: String, doubt: Doubt) -> String {
    match doubt {
        Doubt::None | Doubt::Unlistened => note,
        Doubt::OtherWays | Doubt::Elsewhere => format!("{note}; the public address may lead past this load balancer"),
        Doubt::OtherFamily => format!("{note}; this load balancer serves the other family only"),
    }
}

/// The verdict of one bound, from the untrusted sources that get through the enforced gates and
/// through all gates.
fn verdict(enforced: &AddressSet, all_gates: &AddressSet) -> PortVerdict {
    if !enforced.is_routable() {
        return if enforced.is_empty() { PortVerdict::Restricted } else { PortVerdict::PrivateOnly };
    }
    if all_gates.is_routable() { PortVerdict::Open } else { PortVerdict::Unverified }
}

/// An address that certainly gets in, as far as possible through all gates; else one that may.
fn witness(reached: &Reached) -> Option<IpAddr> {
    [&reached.all_gates.lower, &reached.enforced.lower, &reached.all_gates.upper, &reached.enforced.upper]
        .into_iter()
        .find_map(AddressSet::witness)
}

/// How bad a verdict is to have; what is not known is worse than all but what is known to be open.
fn badness(verdict: PortVerdict) -> u8 {
    match verdict {
        PortVerdict::Restricted => 0,
        PortVerdict::PrivateOnly => 1,
        PortVerdict::Unverified => 2,
        PortVerdict::Unknown => 3,
        PortVerdict::Open => 4,
    }
}
