//! Which reads would decide what cannot be told yet: from the checks that did not know, back to the
//! object that leads there, and so to the place to ask.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    hash::Hash,
};

use crate::{
    analysis::connectivity::Code,
    model::{
        AccountId, Inventory, Network, NetworkRead, RegionId, Scope, Text, TransitRouterAttachment, TransitRouterId,
        VSwitch, Wanted,
    },
};

/// Where each object is, by whatever names it.
pub(super) struct References<'a> {
    inventory: &'a Inventory,
    accounts: HashSet<&'a AccountId>,
    vpcs: HashMap<&'a str, Scope>,
    /// vSwitches by route table and by network ACL.
    tables: HashMap<&'a str, &'a VSwitch>,
    acls: HashMap<&'a str, &'a VSwitch>,
    /// VPC and place of the table whose route leads to it.
    next_hops: HashMap<&'a str, (&'a str, Scope)>,
    opposite_interfaces: HashMap<&'a str, Scope>,
    attachments: HashMap<&'a str, &'a TransitRouterAttachment>,
    /// Router of a table, and of the table with an entry that leads to an attachment.
    router_of_table: HashMap<&'a str, (&'a TransitRouterId, Scope)>,
    router_of_hop: HashMap<&'a str, (TransitRouterId, Scope)>,
    routers: HashMap<&'a str, Scope>,
    groups: HashMap<&'a str, Scope>,
    services: HashMap<&'a str, &'a Scope>,
}

fn first<K: Eq + Hash, V>(items: impl Iterator<Item = (K, V)>) -> HashMap<K, V> {
    let mut map = HashMap::new();
    for (key, value) in items {
        map.entry(key).or_insert(value);
    }
    map
}

impl<'a> References<'a> {
    pub(super) fn new(inventory: &'a Inventory) -> Self {
        let network = inventory.network();
        let router_of_table: HashMap<&str, (&TransitRouterId, Scope)> =
            first(network.transit_router_route_tables.iter().map(|table| {
                (table.transit_router_route_table_id.as_str(), (&table.transit_router_id, table.scope.clone()))
            }));
        let router_of_hop = first(network.transit_router_route_entries.iter().filter_map(|entry| {
            let (router, scope) = router_of_table.get(entry.transit_router_route_table_id.as_str())?;
            Some((entry.next_hop_id.as_str(), ((*router).clone(), scope.clone())))
        }));
        Self {
            inventory,
            accounts: inventory.callers().iter().map(|caller| &caller.account_id).collect(),
            vpcs: vpcs(inventory, network),
            tables: first(network.v_switches.iter().map(|switch| (switch.route_table_id.as_str(), switch))),
            acls: first(
                network.v_switches.iter().filter_map(|switch| Some((switch.network_acl_id.value()?.as_str(), switch))),
            ),
            next_hops: next_hops(network),
            opposite_interfaces: first(network.router_interfaces.iter().map(|interface| {
                let far = moved(&interface.scope, &interface.opposite_region_id);
                let owner = Some(&interface.opposite_interface_owner_id).filter(|id| !id.is_empty());
                let account_id = owner.unwrap_or(&far.account_id).clone();
                (interface.opposite_interface_id.as_str(), Scope { account_id, ..far })
            })),
            attachments: first(
                network.transit_router_attachments.iter().map(|one| (one.transit_router_attachment_id.as_str(), one)),
            ),
            routers: routers(network),
            router_of_table,
            router_of_hop,
            groups: groups(inventory),
            services: first(
                network.vpc_endpoints.iter().map(|endpoint| (endpoint.service_id.as_str(), &endpoint.scope)),
            ),
        }
    }

    /// Where a VPC is, as far as something says.
    pub(super) fn vpc(&self, id: &str) -> Option<&Scope> {
        self.vpcs.get(id)
    }

    /// True if the account is one of the scan's own.
    pub(super) fn is_scanned(&self, account_id: &AccountId) -> bool {
        self.accounts.contains(account_id)
    }

    /// The read that would decide a check, where it can be asked and was not.
    pub(super) fn wanted(&self, code: Code, object: &str) -> Option<Wanted> {
        let (scope, read) = self.read(code, object)?;
        self.new_one(Wanted { scope, read })
    }

    /// The read, unless it was asked before or belongs to an account that is not scanned.
    pub(super) fn new_one(&self, wanted: Wanted) -> Option<Wanted> {
        let scanned = self.is_scanned(&wanted.scope.account_id);
        (scanned && self.inventory.coverage().state(&wanted.unit()).is_none()).then_some(wanted)
    }

    fn read(&self, code: Code, object: &str) -> Option<(Scope, NetworkRead)> {
        Some(match code {
            Code::VSwitchesUnreadable => (self.vpcs.get(object)?.clone(), NetworkRead::VSwitches(object.into())),
            Code::RouteTableUnreadable => {
                let switch = self.tables.get(object)?;
                let read = NetworkRead::RouteEntries { route_table_id: object.into(), vpc_id: switch.vpc_id.clone() };
                (switch.scope.clone(), read)
            }
            Code::PeerUnreadable => (self.hop(object)?, NetworkRead::VpcPeer(object.into())),
            Code::RouterInterfaceUnreadable => {
                let scope = self.opposite_interfaces.get(object).cloned().or_else(|| self.hop(object))?;
                (scope, NetworkRead::RouterInterface(object.into()))
            }
            Code::VpnUnreadable => (self.hop(object)?, NetworkRead::Vpn(object.into())),
            Code::CenUnreadable => (central(self.hop(object)?), NetworkRead::Cen(object.into())),
            Code::AttachmentUnreadable => self.attachment(object)?,
            Code::AssociationUnreadable => {
                let attachment = self.attachments.get(object)?;
                let read = NetworkRead::Association {
                    attachment_id: object.into(),
                    transit_router_id: attachment.transit_router_id.clone(),
                };
                (attachment.scope.clone(), read)
            }
            Code::TransitRouterUnreadable => {
                (self.routers.get(object)?.clone(), NetworkRead::TransitRouter(object.into()))
            }
            Code::TrRouteTableUnreadable => {
                let (router, scope) = self.router_of_table.get(object)?;
                let read =
                    NetworkRead::TransitRouterEntries { table_id: object.into(), transit_router_id: (*router).clone() };
                (scope.clone(), read)
            }
            // Why there is none, and so what would mend it.
            Code::TrNoRoute | Code::WrongTrTable => {
                let (router, scope) = self.router_of_table.get(object)?;
                let read = NetworkRead::Propagations { table_id: object.into(), transit_router_id: (*router).clone() };
                (scope.clone(), read)
            }
            Code::SecurityGroupUnreadable => {
                (self.groups.get(object)?.clone(), NetworkRead::SecurityGroup(object.into()))
            }
            Code::NaclUnreadable => (self.acls.get(object)?.scope.clone(), NetworkRead::NetworkAcl(object.into())),
            Code::EndpointsUnreadable => (self.vpcs.get(object)?.clone(), NetworkRead::Endpoints(object.into())),
            Code::EndpointServiceUnreadable => {
                ((*self.services.get(object)?).clone(), NetworkRead::EndpointService(object.into()))
            }
            _ => return None,
        })
    }

    fn hop(&self, id: &str) -> Option<Scope> {
        self.next_hops.get(id).map(|(_, scope)| scope.clone())
    }

    fn attachment(&self, id: &str) -> Option<(Scope, NetworkRead)> {
        if let Some((vpc_id, scope)) = self.next_hops.get(id) {
            let read = NetworkRead::VpcAttachment { attachment_id: id.into(), vpc_id: (*vpc_id).into() };
            return Some((scope.clone(), read));
        }
        let (router, scope) = self.router_of_hop.get(id)?;
        let read = NetworkRead::RouterAttachment { attachment_id: id.into(), transit_router_id: router.clone() };
        Some((scope.clone(), read))
    }
}

/// The same account in another region, where one is named.
fn moved(scope: &Scope, region_id: &RegionId) -> Scope {
    let region_id = if region_id.is_empty() { &scope.region_id } else { region_id };
    Scope { account_id: scope.account_id.clone(), region_id: region_id.clone() }
}

/// A central host answers for every region.
fn central(scope: Scope) -> Scope {
    Scope { region_id: RegionId::default(), ..scope }
}

fn vpcs<'a>(inventory: &'a Inventory, network: &'a Network) -> HashMap<&'a str, Scope> {
    let meshes = inventory.meshes().iter().map(|mesh| (mesh.vpc_id.as_str(), mesh.scope.clone()));
    let clusters = inventory.clusters().iter().map(|cluster| (cluster.vpc_id.as_str(), cluster.scope.clone()));
    let data_planes = inventory.meshes().iter().flat_map(|mesh| {
        let clusters = mesh.data_plane.value().into_iter().flatten();
        clusters.map(|cluster| (cluster.vpc_id.as_str(), moved(&mesh.scope, &cluster.region_id)))
    });
    let read = network.vpcs.iter().map(|vpc| (vpc.vpc_id.as_str(), vpc.scope.clone()));
    let peers = network.vpc_peers.iter().flat_map(|peer| {
        let accepting = moved(&peer.scope, &peer.accepting_region_id);
        let account_id = Some(&peer.accepting_owner_id).filter(|id| !id.is_empty()).unwrap_or(&peer.scope.account_id);
        let accepting = Scope { account_id: account_id.clone(), ..accepting };
        [(peer.vpc_id.as_str(), peer.scope.clone()), (peer.accepting_vpc_id.as_str(), accepting)]
    });
    let attached = network.transit_router_attachments.iter().map(|one| (one.vpc_id.as_str(), one.scope.clone()));
    let interfaces = network.router_interfaces.iter().map(|one| (one.vpc_id.as_str(), one.scope.clone()));
    let children = network
        .cen_child_instances
        .iter()
        .map(|child| (child.child_instance_id.as_str(), moved(&child.scope, &child.child_instance_region_id)));
    let gateways = network.vpn_gateways.iter().map(|gateway| (gateway.vpc_id.as_str(), gateway.scope.clone()));
    let all = read.chain(meshes).chain(clusters).chain(data_planes).chain(peers).chain(attached);
    first(all.chain(interfaces).chain(children).chain(gateways).filter(|(id, _)| !id.is_empty()))
}

fn next_hops(network: &Network) -> HashMap<&str, (&str, Scope)> {
    first(network.route_tables.iter().flat_map(|table| {
        table
            .route_entrys
            .iter()
            .flat_map(|entry| &entry.next_hops)
            .map(|hop| (hop.next_hop_id.as_str(), (table.vpc_id.as_str(), table.scope.clone())))
    }))
}

fn routers(network: &Network) -> HashMap<&str, Scope> {
    first(network.transit_router_attachments.iter().flat_map(|one| {
        let peer = moved(&one.scope, &one.peer_transit_router_region_id);
        [(one.transit_router_id.as_str(), one.scope.clone()), (one.peer_transit_router_id.as_str(), peer)]
    }))
}

fn groups(inventory: &Inventory) -> HashMap<&str, Scope> {
    let meshes = inventory.meshes().iter().map(|mesh| (mesh.security_group_id.as_str(), mesh.scope.clone()));
    let clusters = inventory.clusters().iter();
    let of_clusters =
        clusters.filter_map(|cluster| Some((cluster.security_group_id.value()?.as_str(), cluster.scope.clone())));
    first(meshes.filter(|(id, _)| !id.is_empty()).chain(of_clusters))
}

/// What to tell a person of a check that could not be made.
pub(super) fn in_words(unread: &BTreeSet<(Code, String)>) -> BTreeSet<String> {
    unread.iter().map(|(code, object)| sentence(*code, &Text::from(object.as_str()))).collect()
}

fn sentence(code: Code, object: &str) -> String {
    match code {
        Code::VSwitchUnreadable | Code::VSwitchesUnreadable => format!("read the vSwitches of {object}"),
        Code::RouteTableUnreadable => format!("read the route entries of {object}"),
        Code::PeerUnreadable => format!("read the VPC peering {object}"),
        Code::RouterInterfaceUnreadable => format!("read the router interface {object}"),
        Code::VpnUnreadable => format!("read the VPN {object}"),
        Code::CenUnreadable => format!("read the CEN {object}"),
        Code::AttachmentUnreadable => format!("read the transit-router attachment {object}"),
        Code::AssociationUnreadable => format!("read the table that the attachment {object} is associated with"),
        Code::TransitRouterUnreadable => format!("read the transit router {object}"),
        Code::TrRouteTableUnreadable => format!("read the entries of the transit router's table {object}"),
        Code::SecurityGroupUnreadable => format!("read the security group {object}"),
        Code::SecurityGroupUndecided => format!("read what the rules of {object} refer to"),
        // A vSwitch that did not say which one it has.
        Code::NaclUnreadable if object.starts_with("vsw-") => format!("read which network ACL {object} has"),
        Code::NaclUnreadable => format!("read the network ACL {object}"),
        Code::NaclPartial => {
            format!("let the network ACL {object} pass the whole range of client ports, 32768 to 60999")
        }
        Code::EndpointsUnreadable => format!("read the PrivateLink endpoints of {object}"),
        Code::EndpointServiceUnreadable => format!("read the PrivateLink service {object}"),
        Code::OnPremises => format!("ask who runs the network behind {object} for its routes"),
        Code::OpaqueNextHop => format!("look where {object} sends packets: no API shows it"),
        Code::TransitUnverified => {
            format!("look whether {object} forwards what comes from outside: nobody documents it")
        }
        Code::MoreSpecificThanLocal => format!("look at the route inside a vSwitch's block in {object}"),
        Code::EcmpMixed => format!("make the next hops of the route in {object} agree"),
        Code::CenRouteConflict => format!("end the conflict of blocks in {object}"),
        _ => format!("look at {object}"),
    }
}
