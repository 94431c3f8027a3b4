//! Reads of the network that an inventory asks for: what would have to be known to tell whether a
//! private path exists. `analysis` says what is wanted, `scan` reads it.

use crate::model::{
    CenId, MeshId, NetworkAclId, RouteTableId, RouterInterfaceId, Scope, SecurityGroupId, TransitRouterAttachmentId,
    TransitRouterId, TransitRouterRouteTableId, Unit, VpcEndpointServiceId, VpcId, VpcPeerId, VpnGatewayId,
};

/// One read, and where to ask.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wanted {
    pub scope: Scope,
    pub read: NetworkRead,
}

/// What to read. Each is one unit of the ledger, whatever the number of calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkRead {
    /// The VPC with all its vSwitches and the tables that these use.
    VSwitches(VpcId),
    /// All entries of a route table.
    RouteEntries {
        route_table_id: RouteTableId,
        vpc_id: VpcId,
    },
    VpcPeer(VpcPeerId),
    /// A router interface; its other end is one of its own.
    RouterInterface(RouterInterfaceId),
    /// A VPN gateway with its connections.
    Vpn(VpnGatewayId),
    /// A CEN of the basic edition: attached networks, bandwidth between regions, route policies.
    Cen(CenId),
    /// The attachment to which a VPC's route leads.
    VpcAttachment {
        attachment_id: TransitRouterAttachmentId,
        vpc_id: VpcId,
    },
    /// The attachment to which an entry of a transit router leads, of whatever kind.
    RouterAttachment {
        attachment_id: TransitRouterAttachmentId,
        transit_router_id: TransitRouterId,
    },
    /// A transit router with its route tables.
    TransitRouter(TransitRouterId),
    /// The table with which an attachment is associated.
    Association {
        attachment_id: TransitRouterAttachmentId,
        transit_router_id: TransitRouterId,
    },
    /// From which attachments a transit router's table learns: why it has no route.
    Propagations {
        table_id: TransitRouterRouteTableId,
        transit_router_id: TransitRouterId,
    },
    /// The entries of a transit router's table, in every status.
    TransitRouterEntries {
        table_id: TransitRouterRouteTableId,
        transit_router_id: TransitRouterId,
    },
    NetworkAcl(NetworkAclId),
    /// The rules and the type of a security group.
    SecurityGroup(SecurityGroupId),
    /// The PrivateLink endpoints of a VPC.
    Endpoints(VpcId),
    /// A PrivateLink service and the balancers behind it.
    EndpointService(VpcEndpointServiceId),
    /// The NAT gateways of a VPC with their source-NAT entries.
    Nat(VpcId),
    /// The instances of a VPC with public addresses of their own.
    Instances(VpcId),
    /// What the mesh itself says of clusters in other VPCs.
    Opinion(MeshId),
}

impl NetworkRead {
    /// Product, operation and object of the unit.
    pub fn parts(&self) -> (&'static str, &'static str, &str) {
        match self {
            Self::VSwitches(id) => ("vpc", "DescribeVSwitches", id.as_str()),
            Self::RouteEntries { route_table_id, .. } => ("vpc", "DescribeRouteEntryList", route_table_id.as_str()),
            Self::VpcPeer(id) => ("vpcpeer", "ListVpcPeerConnections", id.as_str()),
            Self::RouterInterface(id) => ("vpc", "DescribeRouterInterfaces", id.as_str()),
            Self::Vpn(id) => ("vpc", "DescribeVpnConnections", id.as_str()),
            Self::Cen(id) => ("cbn", "DescribeCenAttachedChildInstances", id.as_str()),
            Self::VpcAttachment { attachment_id, .. } | Self::RouterAttachment { attachment_id, .. } => {
                ("cbn", "ListTransitRouterVpcAttachments", attachment_id.as_str())
            }
            Self::TransitRouter(id) => ("cbn", "ListTransitRouters", id.as_str()),
            Self::Association { attachment_id, .. } => {
                ("cbn", "ListTransitRouterRouteTableAssociations", attachment_id.as_str())
            }
            Self::Propagations { table_id, .. } => {
                ("cbn", "ListTransitRouterRouteTablePropagations", table_id.as_str())
            }
            Self::TransitRouterEntries { table_id, .. } => ("cbn", "ListTransitRouterRouteEntries", table_id.as_str()),
            Self::NetworkAcl(id) => ("vpc", "DescribeNetworkAclAttributes", id.as_str()),
            Self::SecurityGroup(id) => ("ecs", "DescribeSecurityGroupAttribute", id.as_str()),
            Self::Endpoints(id) => ("privatelink", "ListVpcEndpoints", id.as_str()),
            Self::EndpointService(id) => ("privatelink", "ListVpcEndpointServices", id.as_str()),
            Self::Nat(id) => ("vpc", "DescribeSnatTableEntries", id.as_str()),
            Self::Instances(id) => ("ecs", "DescribeInstances", id.as_str()),
            Self::Opinion(id) => ("servicemesh", "DescribeCens", id.as_str()),
        }
    }
}

impl Wanted {
    /// The unit of the ledger that the read ends.
    pub fn unit(&self) -> Unit {
        let (product, operation, object) = self.read.parts();
        Unit::new(&self.scope.account_id, &self.scope.region_id, product, operation, object)
    }
}
