//! A network made ready to be walked: every object by its id, every route table as a longest-prefix
//! table. Built once, shared by all walks.

use std::collections::{BTreeMap, HashMap};

use crate::{
    analysis::access::Lists,
    model::{
        CenChildInstance, CenInterRegionBandwidthLimit, CenRouteMap, Network, NetworkAcl, Refused, RouteTable,
        RouterInterface, Scope, SecurityGroup, TransitRouter, TransitRouterAssociation, TransitRouterAttachment,
        TransitRouterPropagations, TransitRouterRouteEntry, TransitRouterRouteTable, VSwitch, VpcEndpoint,
        VpcEndpointService, VpcPeer, VpnConnection, VpnGateway,
    },
    netset::{Address, Block, Interval},
};

use super::{
    lpm::{Distance, Lpm},
    table::{Table, TrTable},
};

/// Objects by id.
pub(super) type Named<'a, T> = HashMap<&'a str, &'a T>;

/// Objects by the id of what they belong to, in order.
pub(super) type Grouped<'a, T> = HashMap<&'a str, Vec<&'a T>>;

/// A network with its look-ups.
#[derive(Debug)]
pub struct Topology<'a> {
    pub(super) refused: &'a Refused,
    pub(super) vpcs: HashMap<&'a str, VpcNode<'a>>,
    pub(super) switches: Named<'a, VSwitch>,
    pub(super) tables: HashMap<&'a str, Table<'a>>,
    pub(super) peers: Named<'a, VpcPeer>,
    /// Of either VPC.
    pub(super) peers_of: Grouped<'a, VpcPeer>,
    pub(super) interfaces: Named<'a, RouterInterface>,
    /// Of a VPC.
    pub(super) interfaces_of: Grouped<'a, RouterInterface>,
    pub(super) routers: Named<'a, TransitRouter>,
    pub(super) attachments: Named<'a, TransitRouterAttachment>,
    /// Of a VPC.
    pub(super) attachments_of: Grouped<'a, TransitRouterAttachment>,
    /// Of a router: its inter-region attachments.
    pub(super) links_of: Grouped<'a, TransitRouterAttachment>,
    /// Of an attachment.
    pub(super) associations: Grouped<'a, TransitRouterAssociation>,
    /// By table, of those that were asked.
    pub(super) propagations: Named<'a, TransitRouterPropagations>,
    pub(super) tr_table_names: Named<'a, TransitRouterRouteTable>,
    /// Of a router.
    pub(super) tr_tables_of: Grouped<'a, TransitRouterRouteTable>,
    /// Tables that have entries.
    pub(super) tr_tables: HashMap<&'a str, TrTable<'a>>,
    pub(super) cens: HashMap<&'a str, Cen<'a>>,
    pub(super) gateways: Named<'a, VpnGateway>,
    pub(super) connections: Named<'a, VpnConnection>,
    /// Of a gateway.
    pub(super) connections_of: Grouped<'a, VpnConnection>,
    /// Of a VPC.
    pub(super) endpoints: Grouped<'a, VpcEndpoint>,
    pub(super) services: Named<'a, VpcEndpointService>,
    pub(super) acls: Named<'a, NetworkAcl>,
    pub(super) groups: Named<'a, SecurityGroup>,
    pub(super) lists: Lists<'a>,
}

/// A VPC with its vSwitches.
#[derive(Clone, Debug)]
pub(super) struct VpcNode<'a> {
    pub(super) id: &'a str,
    pub(super) scope: &'a Scope,
    /// The VPC's own blocks; none where they are not known.
    blocks: Vec<Block>,
    pub(super) switches: Vec<&'a VSwitch>,
    v4: Lpm<u32>,
    v6: Lpm<u128>,
    /// True if there may be more vSwitches.
    pub(super) is_open: bool,
    /// The tables, by id.
    pub(super) tables: Vec<&'a str>,
    pub(super) system_table: Option<&'a str>,
}

/// A basic-edition CEN.
#[derive(Clone, Debug, Default)]
pub(super) struct Cen<'a> {
    /// True if any member is known, in whichever status.
    pub(super) is_listed: bool,
    pub(super) children: Vec<&'a CenChildInstance>,
    pub(super) limits: Vec<&'a CenInterRegionBandwidthLimit>,
    /// Those that count, the first to be matched first.
    pub(super) route_maps: Vec<&'a CenRouteMap>,
}

/// An address family that can be walked.
pub trait Family: Distance {
    /// The vSwitches of a VPC.
    #[doc(hidden)]
    fn pick<'l>(v4: &'l Lpm<u32>, v6: &'l Lpm<u128>) -> &'l Lpm<Self>;
}

impl Family for u32 {
    fn pick<'l>(v4: &'l Lpm<u32>, _: &'l Lpm<u128>) -> &'l Lpm<u32> {
        v4
    }
}

impl Family for u128 {
    fn pick<'l>(_: &'l Lpm<u32>, v6: &'l Lpm<u128>) -> &'l Lpm<u128> {
        v6
    }
}

impl<'a> VpcNode<'a> {
    /// The vSwitch that holds the address, its block, and the addresses around for which it is the
    /// same.
    pub(super) fn switch_at<A: Family>(&self, address: A) -> (Option<(&'a VSwitch, Interval<A>)>, Interval<A>) {
        let (number, stretch) = A::pick(&self.v4, &self.v6).stretch_of(address);
        let switch = number.and_then(|number| self.switches.get(number as usize).copied());
        (switch.and_then(|switch| Some((switch, block_of(switch)?))), stretch)
    }

    /// True if a vSwitch that was not read may hold the address; with the addresses around for
    /// which it is the same.
    pub(super) fn may_hold<A: Address>(&self, address: A, range: &mut Interval<A>) -> bool {
        if !self.is_open {
            return false;
        }
        let blocks: Vec<Interval<A>> = self.blocks.iter().copied().filter_map(A::of_block).collect();
        blocks.iter().for_each(|block| narrow(range, address, *block));
        self.blocks.is_empty() || blocks.iter().any(|block| block.contains(address))
    }

    /// The blocks in which its interfaces have their addresses; `None` where they are not known.
    pub(super) fn interfaces<A: Address>(&self) -> Option<Vec<Interval<A>>> {
        let mut blocks: Vec<Interval<A>> = self.switches.iter().filter_map(|switch| block_of(switch)).collect();
        if self.is_open {
            // One of the vSwitches that were not read may have any other address.
            let own: Vec<Interval<A>> = self.blocks.iter().copied().filter_map(A::of_block).collect();
            if own.is_empty() {
                return None;
            }
            blocks.extend(own);
        }
        (!blocks.is_empty()).then_some(blocks)
    }
}

/// The block of a vSwitch in a family.
pub(super) fn block_of<A: Address>(switch: &VSwitch) -> Option<Interval<A>> {
    let text = if A::IS_V4 { &switch.cidr_block } else { &switch.ipv6_cidr_block };
    Block::parse(text).ok().and_then(A::of_block)
}

/// Keeps of a range around an address what is on the same side of the block's ends.
pub(super) fn narrow<A: Address>(range: &mut Interval<A>, address: A, block: Interval<A>) {
    let side = if block.contains(address) {
        Some(block)
    } else if address < block.first() {
        block.first().pred().and_then(|last| Interval::new(A::MIN, last))
    } else {
        block.last().succ().and_then(|first| Interval::new(first, A::MAX))
    };
    if let Some(kept) = side.and_then(|side| range.intersect(side)) {
        *range = kept;
    }
}

/// By id; of several with the same id the least, so that the order of input does not matter.
fn named<'a, T: Ord>(items: &'a [T], id: impl Fn(&'a T) -> &'a str) -> Named<'a, T> {
    let mut map: HashMap<&str, &T> = HashMap::with_capacity(items.len());
    for item in items {
        map.entry(id(item)).and_modify(|known| *known = (*known).min(item)).or_insert(item);
    }
    map
}

/// By the ids of what they belong to, sorted; an empty id is none.
fn grouped<'a, T: Ord>(items: &'a [T], owners: impl Fn(&'a T) -> [&'a str; 2]) -> Grouped<'a, T> {
    let mut map: HashMap<&str, Vec<&T>> = HashMap::new();
    for item in items {
        let [one, other] = owners(item);
        for owner in [one, other].into_iter().filter(|owner| !owner.is_empty()) {
            map.entry(owner).or_default().push(item);
        }
    }
    map.values_mut().for_each(|items| items.sort_unstable());
    map
}

impl<'a> Topology<'a> {
    /// Makes a network ready. `groups` are those that ends may name, `lists` what their rules refer
    /// to.
    pub fn new(network: &'a Network, groups: &'a [SecurityGroup], lists: Lists<'a>) -> Self {
        let mut by_id: HashMap<&str, &SecurityGroup> = HashMap::with_capacity(groups.len());
        for group in groups {
            by_id.entry(group.security_group_id.as_str()).or_insert(group);
        }
        Self {
            refused: &network.refused,
            vpcs: vpcs(network),
            switches: named(&network.v_switches, |switch| switch.v_switch_id.as_str()),
            tables: tables(network),
            peers: named(&network.vpc_peers, |peer| peer.instance_id.as_str()),
            peers_of: grouped(&network.vpc_peers, |peer| [peer.vpc_id.as_str(), peer.accepting_vpc_id.as_str()]),
            interfaces_of: grouped(&network.router_interfaces, |one| [one.vpc_id.as_str(), ""]),
            attachments_of: grouped(&network.transit_router_attachments, |one| [one.vpc_id.as_str(), ""]),
            links_of: grouped(&network.transit_router_attachments, |one| {
                let is_link = one.resource_type.eq_ignore_ascii_case("TR");
                if is_link { [one.transit_router_id.as_str(), one.peer_transit_router_id.as_str()] } else { ["", ""] }
            }),
            interfaces: named(&network.router_interfaces, |interface| interface.router_interface_id.as_str()),
            routers: named(&network.transit_routers, |router| router.transit_router_id.as_str()),
            attachments: named(&network.transit_router_attachments, |one| one.transit_router_attachment_id.as_str()),
            propagations: named(&network.transit_router_route_table_propagations, |one| {
                one.transit_router_route_table_id.as_str()
            }),
            associations: grouped(&network.transit_router_route_table_associations, |one| {
                [one.transit_router_attachment_id.as_str(), ""]
            }),
            tr_table_names: named(&network.transit_router_route_tables, |table| {
                table.transit_router_route_table_id.as_str()
            }),
            tr_tables_of: grouped(&network.transit_router_route_tables, |table| [table.transit_router_id.as_str(), ""]),
            tr_tables: tr_tables(network),
            cens: cens(network),
            gateways: named(&network.vpn_gateways, |gateway| gateway.vpn_gateway_id.as_str()),
            connections: named(&network.vpn_connections, |connection| connection.vpn_connection_id.as_str()),
            connections_of: grouped(&network.vpn_connections, |connection| [connection.vpn_gateway_id.as_str(), ""]),
            endpoints: grouped(&network.vpc_endpoints, |endpoint| [endpoint.vpc_id.as_str(), ""]),
            services: named(&network.vpc_endpoint_services, |service| service.service_id.as_str()),
            acls: named(&network.network_acls, |acl| acl.network_acl_id.as_str()),
            groups: by_id,
            lists,
        }
    }

    /// True if the read of an object was refused. `scope` is what is known of where it is.
    pub fn is_refused(&self, scope: &Scope, action: &str, id: &str) -> bool {
        !self.refused.is_empty() && self.refused.covers(scope, action, id)
    }

    /// The same for an object that may be missing.
    pub(super) fn is_unread<T>(&self, found: Option<&T>, scope: fn(&T) -> &Scope, action: &str, id: &str) -> bool {
        if self.refused.is_empty() {
            return false;
        }
        match found {
            Some(found) => self.refused.covers(scope(found), action, id),
            None => self.refused.covers(&Scope::default(), action, id),
        }
    }

    /// The table in which packets from a vSwitch are looked up, or the object to name where it is
    /// not known.
    pub fn table_of(&self, switch: &'a VSwitch) -> Result<&'a str, &'a str> {
        if !switch.route_table_id.is_empty() {
            return Ok(switch.route_table_id.as_str());
        }
        let vpc = self.vpcs.get(switch.vpc_id.as_str());
        vpc.and_then(|vpc| vpc.system_table).ok_or(switch.vpc_id.as_str())
    }
}

fn vpcs(network: &Network) -> HashMap<&str, VpcNode<'_>> {
    let mut nodes: BTreeMap<&str, VpcNode<'_>> = BTreeMap::new();
    let empty = |id, scope| VpcNode {
        id,
        scope,
        blocks: Vec::new(),
        switches: Vec::new(),
        v4: Lpm::new(Vec::new()),
        v6: Lpm::new(Vec::new()),
        is_open: false,
        tables: Vec::new(),
        system_table: None,
    };
    for vpc in &network.vpcs {
        let node = nodes.entry(vpc.vpc_id.as_str()).or_insert_with(|| empty(vpc.vpc_id.as_str(), &vpc.scope));
        let texts = [&vpc.cidr_block, &vpc.ipv6_cidr_block].into_iter();
        let texts = texts.chain(&vpc.secondary_cidr_blocks).chain(&vpc.ipv6_cidr_blocks);
        node.blocks.extend(texts.filter_map(|text| Block::parse(text).ok()));
    }
    for switch in &network.v_switches {
        let node = nodes.entry(switch.vpc_id.as_str()).or_insert_with(|| empty(switch.vpc_id.as_str(), &switch.scope));
        node.switches.push(switch);
    }
    for table in &network.route_tables {
        let Some(node) = nodes.get_mut(table.vpc_id.as_str()) else { continue };
        node.tables.push(table.route_table_id.as_str());
        if table.route_table_type.eq_ignore_ascii_case("system") {
            let id = table.route_table_id.as_str();
            node.system_table = Some(node.system_table.map_or(id, |known| known.min(id)));
        }
    }
    for node in nodes.values_mut() {
        node.switches.sort_unstable();
        node.switches.dedup_by_key(|switch| &switch.v_switch_id);
        node.tables.sort_unstable();
        node.tables.dedup();
        node.v4 = Lpm::new(blocks(&node.switches));
        node.v6 = Lpm::new(blocks(&node.switches));
        node.is_open = !network.refused.is_empty() && network.refused.covers(node.scope, "DescribeVSwitches", node.id);
    }
    nodes.into_iter().collect()
}

fn blocks<A: Address>(switches: &[&VSwitch]) -> Vec<(Interval<A>, u32)> {
    (0..).zip(switches).filter_map(|(number, switch)| Some((block_of(switch)?, number))).collect()
}

fn tables(network: &Network) -> HashMap<&str, Table<'_>> {
    let mut chosen: HashMap<&str, &RouteTable> = HashMap::with_capacity(network.route_tables.len());
    for table in &network.route_tables {
        let id = table.route_table_id.as_str();
        chosen.entry(id).and_modify(|known| *known = (*known).min(table)).or_insert(table);
    }
    chosen
        .into_iter()
        .map(|(id, table)| {
            let refused =
                !network.refused.is_empty() && network.refused.covers(&table.scope, "DescribeRouteEntryList", id);
            (id, Table::new(table, refused))
        })
        .collect()
}

fn tr_tables(network: &Network) -> HashMap<&str, TrTable<'_>> {
    let mut entries: HashMap<&str, Vec<&TransitRouterRouteEntry>> = HashMap::new();
    for entry in &network.transit_router_route_entries {
        entries.entry(entry.transit_router_route_table_id.as_str()).or_default().push(entry);
    }
    let mut tables: HashMap<&str, TrTable<'_>> =
        entries.into_iter().map(|(id, entries)| (id, TrTable::new(entries))).collect();
    // What one forwards that is being made or taken away nobody says.
    let is_settled = |status: &str| status.is_empty() || status.eq_ignore_ascii_case("active");
    for named in network.transit_router_route_tables.iter() {
        if !is_settled(&named.transit_router_route_table_status)
            && let Some(table) = tables.get_mut(named.transit_router_route_table_id.as_str())
        {
            table.is_readable = false;
        }
    }
    tables
}

fn cens(network: &Network) -> HashMap<&str, Cen<'_>> {
    let mut cens: HashMap<&str, Cen<'_>> = HashMap::new();
    for child in &network.cen_child_instances {
        let cen = cens.entry(child.cen_id.as_str()).or_default();
        cen.is_listed = true;
        if child.status.eq_ignore_ascii_case("Attached") {
            cen.children.push(child);
        }
    }
    for limit in &network.cen_inter_region_bandwidth_limits {
        cens.entry(limit.cen_id.as_str()).or_default().limits.push(limit);
    }
    for map in network.cen_route_maps.iter().filter(|map| map.status.eq_ignore_ascii_case("Active")) {
        cens.entry(map.cen_id.as_str()).or_default().route_maps.push(map);
    }
    for cen in cens.values_mut() {
        cen.children.sort_unstable();
        cen.children.dedup_by_key(|child| &child.child_instance_id);
        cen.route_maps.sort_unstable_by_key(|map| (map.priority, &map.route_map_id));
    }
    cens
}
