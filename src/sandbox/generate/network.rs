//! The network of a generated world: a block for each VPC, a transit router for each region that joins
//! them, lines between the routers, and peerings beside them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{REGIONS, Size, UNUSED_RULE_FIELDS, account_id, cluster_id, mesh_id};
use crate::sandbox::{kind::Kind, world::Account};

/// A region has a /12, a VPC a /24 of it, a vSwitch a half of that.
pub(super) const MOST_PER_REGION: usize = 4096;

const CEN: &str = "cen-0";
const SWITCHES: usize = 2;

/// VPCs of a hundred that no transit router joins.
const APART_PERCENT: u64 = 10;
/// One pair of a mesh's and a cluster's VPC of so many has a peering too.
const PEERED_ONE_IN: u64 = 4;

impl Size {
    /// The VPC of an object: of those of its region, in turn.
    pub(super) fn vpc_of(&self, index: usize) -> usize {
        let region = self.region(index);
        region + (index / self.regions) % self.vpcs_in(region) * self.regions
    }

    /// The first clusters are in other VPCs than the meshes, as long as there are others.
    pub(super) fn vpc_of_cluster(&self, index: usize) -> usize {
        self.vpc_of(self.shifted(index))
    }

    /// So far along that what follows the meshes is in the same region as before.
    fn shifted(&self, index: usize) -> usize {
        index + self.meshes.div_ceil(self.regions) * self.regions
    }

    fn vpcs_in(&self, region: usize) -> usize {
        (self.vpcs + self.regions - 1 - region) / self.regions
    }

    /// The mesh that manages a cluster.
    fn mesh_of(&self, cluster: usize) -> usize {
        cluster % self.meshes
    }

    /// An address in the first vSwitch of the VPC, never its first nor its last.
    pub(super) fn address_in(&self, vpc: usize, index: usize) -> String {
        let (second, third) = self.block_of(vpc);
        format!("10.{second}.{third}.{}", 4 + index % 100)
    }

    /// Second and third octet of the VPC's block.
    fn block_of(&self, vpc: usize) -> (usize, usize) {
        let (region, slot) = (vpc % self.regions, vpc / self.regions);
        (region * 16 + (slot >> 8), slot & 255)
    }

    fn cidr_of(&self, vpc: usize) -> String {
        let (second, third) = self.block_of(vpc);
        format!("10.{second}.{third}.0/24")
    }

    fn is_joined(&self, vpc: usize) -> bool {
        self.draw(4, vpc) % 100 >= APART_PERCENT
    }

    pub(super) fn push_networks(&self, account: &mut Account) {
        let mut routes: Vec<Vec<Value>> = (0..self.vpcs).map(|vpc| self.own_routes(vpc)).collect();
        self.push_peerings(account, &mut routes);
        for (vpc, routes) in routes.into_iter().enumerate() {
            self.push_vpc(account, vpc, routes);
        }
        account.push(Kind::Cen, json!({"CenId": CEN, "Name": "generated", "Status": "Active"}));
        (0..self.regions).for_each(|region| self.push_router(account, region));
        for cluster in 0..self.clusters {
            self.push_member(account, cluster);
        }
    }

    fn own_routes(&self, vpc: usize) -> Vec<Value> {
        let local = (0..SWITCHES).map(|number| route(&self.switch_cidr(vpc, number), "System", "local", ""));
        let out = self.is_joined(vpc).then(|| route("10.0.0.0/8", "Custom", "Attachment", &attachment_id(vpc)));
        local.chain(out).collect()
    }

    fn switch_cidr(&self, vpc: usize, number: usize) -> String {
        let (second, third) = self.block_of(vpc);
        format!("10.{second}.{third}.{}/25", number * 128)
    }

    fn push_vpc(&self, account: &mut Account, vpc: usize, routes: Vec<Value>) {
        let region = REGIONS[vpc % self.regions];
        let id = vpc_id(vpc);
        account.push(
            Kind::Vpc,
            json!({"VpcId": id, "RegionId": region, "CidrBlock": self.cidr_of(vpc), "Status": "Available", "OwnerId": account_id(0)}),
        );
        let table = format!("vtb-{vpc}");
        for number in 0..SWITCHES {
            account.push(
                Kind::VSwitch,
                json!({"VSwitchId": switch_id(vpc, number), "VpcId": id, "CidrBlock": self.switch_cidr(vpc, number), "NetworkAclId": "",
                    "RouteTable": {"RouteTableId": table, "RouteTableType": "System"}}),
            );
        }
        let routes: Vec<Value> =
            routes.into_iter().enumerate().map(|(number, route)| numbered(route, vpc, number)).collect();
        account.push(
            Kind::RouteTable,
            json!({"RouteTableId": table, "RouteTableType": "System", "VpcId": id, "AssociateType": "VSwitch",
                "RouteEntrys": {"RouteEntry": routes}}),
        );
    }

    /// Peerings between the VPCs of meshes and those of their clusters, each pair once.
    fn push_peerings(&self, account: &mut Account, routes: &mut [Vec<Value>]) {
        if self.meshes == 0 {
            return;
        }
        let pairs: BTreeSet<(usize, usize)> = (0..self.clusters)
            .filter(|cluster| self.draw(5, *cluster).is_multiple_of(PEERED_ONE_IN))
            .map(|cluster| (self.vpc_of(self.mesh_of(cluster)), self.vpc_of_cluster(cluster)))
            .filter(|(mesh, cluster)| mesh != cluster)
            .collect();
        for (mesh, cluster) in pairs {
            let id = format!("pcc-{mesh}-{cluster}");
            for (from, to) in [(mesh, cluster), (cluster, mesh)] {
                routes[from].push(route(&self.cidr_of(to), "Custom", "VpcPeer", &id));
            }
            account.push(
                Kind::Peering,
                json!({"InstanceId": id, "Status": "Activated", "BizStatus": "Normal", "RegionId": REGIONS[cluster % self.regions],
                    "AcceptingRegionId": REGIONS[mesh % self.regions], "OwnerId": account_id(0), "AcceptingOwnerUid": account_id(0),
                    "Vpc": {"VpcId": vpc_id(cluster)}, "AcceptingVpc": {"VpcId": vpc_id(mesh)}}),
            );
        }
    }

    /// The router of a region, whose one table has a route to each VPC of it and one to each other
    /// region.
    fn push_router(&self, account: &mut Account, region: usize) {
        let joined: Vec<usize> = (region..self.vpcs).step_by(self.regions).filter(|vpc| self.is_joined(*vpc)).collect();
        let others: Vec<usize> = (0..self.regions).filter(|other| *other != region).collect();
        let lines = others.iter().map(|other| (line_id(region, *other), router_id(*other), "TR"));
        let attachments = joined.iter().map(|vpc| (attachment_id(*vpc), vpc_id(*vpc), "VPC")).chain(lines);
        let associations: Vec<Value> = attachments
            .map(|(id, resource, kind)| json!({"TransitRouterAttachmentId": id, "ResourceId": resource, "ResourceType": kind, "Status": "Active"}))
            .collect();
        let own = joined.iter().map(|vpc| (self.cidr_of(*vpc), attachment_id(*vpc), "Propagated", "VPC"));
        let beyond =
            others.iter().map(|other| (format!("10.{}.0.0/12", other * 16), line_id(region, *other), "Static", "TR"));
        let entries: Vec<Value> = own
            .chain(beyond)
            .enumerate()
            .map(|(number, (block, hop, how, kind))| {
                json!({
                    "TransitRouterRouteEntryId": format!("rte-tr{region}-{number}"), "TransitRouterRouteEntryDestinationCidrBlock": block,
                    "TransitRouterRouteEntryNextHopType": "Attachment", "TransitRouterRouteEntryNextHopId": hop,
                    "TransitRouterRouteEntryNextHopResourceType": kind, "TransitRouterRouteEntryStatus": "Active",
                    "TransitRouterRouteEntryType": how,
                })
            })
            .collect();
        let to_vpcs: Vec<Value> = joined
            .iter()
            .map(|vpc| {
                json!({"TransitRouterAttachmentId": attachment_id(*vpc), "VpcId": vpc_id(*vpc), "Status": "Attached",
                "ZoneMappings": [{"VSwitchId": switch_id(*vpc, 0), "ZoneId": "a"}]})
            })
            .collect();
        // Each line once, under the router of the lower number.
        let to_routers: Vec<Value> = others
            .iter()
            .filter(|other| **other > region)
            .map(|other| {
                json!({"TransitRouterAttachmentId": line_id(region, *other), "PeerTransitRouterId": router_id(*other),
                "PeerTransitRouterRegionId": REGIONS[*other], "Status": "Attached", "Bandwidth": 5})
            })
            .collect();
        account.push(
            Kind::TransitRouter,
            json!({"TransitRouterId": router_id(region), "CenId": CEN, "RegionId": REGIONS[region], "Type": "Enterprise", "Status": "Active",
                "AliUid": account_id(0), "VpcAttachments": to_vpcs, "PeerAttachments": to_routers,
                "RouteTables": [{"TransitRouterRouteTableId": format!("vtb-tr{region}"), "TransitRouterRouteTableType": "System",
                    "TransitRouterRouteTableStatus": "Active", "Associations": associations, "RouteEntries": entries}]}),
        );
    }

    /// A cluster as its mesh lists it.
    fn push_member(&self, account: &mut Account, cluster: usize) {
        if self.meshes == 0 {
            return;
        }
        let vpc = self.vpc_of_cluster(cluster);
        let member = json!({"ClusterId": cluster_id(cluster), "Name": format!("cluster-{cluster}"), "ClusterType": "ManagedKubernetes",
            "RegionId": REGIONS[vpc % self.regions], "VpcId": vpc_id(vpc), "State": "running"});
        let mesh = mesh_id(self.mesh_of(cluster));
        account.mesh_clusters.entry(mesh).or_default().push(member.to_string().into());
    }
}

/// One more rule of a group: whatever comes from a VPC may come in.
pub(super) fn rule_for_vpcs(group: usize) -> String {
    format!(
        r#"{{"SecurityGroupRuleId":"sgr-vpcs-{group:08}","Direction":"ingress","Policy":"Accept","Priority":"1","IpProtocol":"TCP","PortRange":"1/65535","SourceCidrIp":"10.0.0.0/8",{UNUSED_RULE_FIELDS}}}"#
    )
}

pub(super) fn vpc_id(vpc: usize) -> String {
    format!("vpc-{vpc}")
}

pub(super) fn switch_id(vpc: usize, number: usize) -> String {
    format!("vsw-{vpc}-{number}")
}

fn attachment_id(vpc: usize) -> String {
    format!("tr-attach-{vpc}")
}

fn router_id(region: usize) -> String {
    format!("tr-{region}")
}

/// A line between two regions has one name, whichever end is asked.
fn line_id(one: usize, other: usize) -> String {
    format!("tr-attach-line-{}-{}", one.min(other), one.max(other))
}

fn route(block: &str, kind: &str, hop_type: &str, hop: &str) -> Value {
    json!({"DestinationCidrBlock": block, "Type": kind, "Status": "Available",
        "NextHops": {"NextHop": [{"NextHopType": hop_type, "NextHopId": hop, "Enabled": 1}]}})
}

fn numbered(mut route: Value, vpc: usize, number: usize) -> Value {
    route["RouteEntryId"] = format!("rte-{vpc}-{number}").into();
    route
}
