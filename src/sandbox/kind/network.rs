//! Networks and what connects them: VPCs, routes, gateways, peerings, transit routers, endpoints.

use super::{FilterForm, Kind, Part, Spec, commas, filter, keyed, numbered, one, tags};

pub(super) static VPC: Spec = Spec::new("vpc", "vpcs", "VpcId").in_region("RegionId").filters(&[
    commas("VpcId", 20, &["VpcId"]),
    one("VpcName", &["VpcName"]),
    one("IsDefault", &["IsDefault"]),
    one("ResourceGroupId", &["ResourceGroupId"]),
    tags(&["Tags.Tag"]),
]);

pub(super) static VSWITCH: Spec =
    Spec::new("vpc", "vswitches", "VSwitchId").in_hidden_region().placed_by(Kind::Vpc, "VpcId").filters(&[
        one("VSwitchId", &["VSwitchId"]),
        one("VpcId", &["VpcId"]),
        one("ZoneId", &["ZoneId"]),
        one("VSwitchName", &["VSwitchName"]),
        tags(&["Tags.Tag"]),
    ]);

pub(super) static EIP: Spec = Spec::new("vpc", "eips", "AllocationId").in_region("RegionId").filters(&[
    commas("AllocationId", 50, &["AllocationId"]),
    commas("EipAddress", 50, &["IpAddress"]),
    one("AssociatedInstanceId", &["InstanceId"]),
    one("AssociatedInstanceType", &["InstanceType"]),
    one("Status", &["Status"]),
    // `ServiceManaged` of the request is a boolean and of the item a number: operation/vpc.rs
    // translates. No request has this name.
    one("ServiceManagedNumber", &["ServiceManaged"]),
    one("EipName", &["Name"]),
    one("SegmentInstanceId", &["SegmentInstanceId"]),
    one("ResourceGroupId", &["ResourceGroupId"]),
    tags(&["Tags.Tag"]),
]);

pub(super) static ROUTE_TABLE: Spec = Spec::new("vpc", "route_tables", "RouteTableId")
    .in_hidden_region()
    .placed_by(Kind::Vpc, "VpcId")
    .parts(&[Part {
        path: "RouteEntrys.RouteEntry",
        kind: Kind::RouteEntry,
        inherits: &[("RouteTableId", "RouteTableId")],
    }])
    .filters(&[
        one("RouteTableId", &["RouteTableId"]),
        one("RouteTableName", &["RouteTableName"]),
        one("RouteTableType", &["RouteTableType"]),
        one("RouterId", &["RouterId"]),
        one("RouterType", &["RouterType"]),
        one("VpcId", &["VpcId"]),
        one("ResourceGroupId", &["ResourceGroupId"]),
        tags(&["Tags.Tag"]),
    ]);

pub(super) static ROUTE_ENTRY: Spec = Spec::part("RouteEntryId").filters(&[
    one("RouteTableId", &["RouteTableId"]),
    one("RouteEntryId", &["RouteEntryId"]),
    one("RouteEntryName", &["RouteEntryName"]),
    one("RouteEntryType", &["Type"]),
    one("DestinationCidrBlock", &["DestinationCidrBlock"]),
    one("IpVersion", &["IpVersion"]),
    one("NextHopType", &["NextHops.NextHop.NextHopType"]),
    one("NextHopId", &["NextHops.NextHop.NextHopId"]),
    one("ServiceType", &["ServiceType"]),
]);

pub(super) static NAT_GATEWAY: Spec =
    Spec::new("vpc", "nat_gateways", "NatGatewayId").in_region("RegionId").placed_by(Kind::Vpc, "VpcId").filters(&[
        one("NatGatewayId", &["NatGatewayId"]),
        one("VpcId", &["VpcId"]),
        one("NatType", &["NatType"]),
        one("NetworkType", &["NetworkType"]),
        one("Status", &["Status"]),
        one("Name", &["Name"]),
        tags(&["Tags.Tag"]),
    ]);

pub(super) static SNAT_ENTRY: Spec = Spec::new("vpc", "snat_entries", "SnatEntryId")
    .in_hidden_region()
    .placed_by(Kind::NatGateway, "NatGatewayId")
    .filters(&[
        one("SnatTableId", &["SnatTableId"]),
        one("NatGatewayId", &["NatGatewayId"]),
        one("SnatEntryId", &["SnatEntryId"]),
        one("SnatIp", &["SnatIp"]),
        one("SourceCIDR", &["SourceCIDR"]),
        one("SourceVSwitchId", &["SourceVSwitchId"]),
    ]);

pub(super) static FORWARD_ENTRY: Spec = Spec::new("vpc", "forward_entries", "ForwardEntryId")
    .in_hidden_region()
    .placed_by(Kind::NatGateway, "NatGatewayId")
    .filters(&[
        one("ForwardTableId", &["ForwardTableId"]),
        one("NatGatewayId", &["NatGatewayId"]),
        one("ForwardEntryId", &["ForwardEntryId"]),
        one("ExternalIp", &["ExternalIp"]),
        one("InternalIp", &["InternalIp"]),
        one("IpProtocol", &["IpProtocol"]),
    ]);

pub(super) static VPN_GATEWAY: Spec =
    Spec::new("vpc", "vpn_gateways", "VpnGatewayId").in_hidden_region().placed_by(Kind::Vpc, "VpcId").filters(&[
        one("VpnGatewayId", &["VpnGatewayId"]),
        one("VpcId", &["VpcId"]),
        one("Status", &["Status"]),
        one("BusinessStatus", &["BusinessStatus"]),
        tags(&["Tags.Tag"]),
    ]);

pub(super) static VPN_CONNECTION: Spec = Spec::new("vpc", "vpn_connections", "VpnConnectionId")
    .in_hidden_region()
    .placed_by(Kind::VpnGateway, "VpnGatewayId")
    .filters(&[
        one("VpnConnectionId", &["VpnConnectionId"]),
        one("VpnGatewayId", &["VpnGatewayId"]),
        one("CustomerGatewayId", &["CustomerGatewayId"]),
        tags(&["Tag.Tag"]),
    ]);

pub(super) static ROUTER_INTERFACE: Spec = Spec::new("vpc", "router_interfaces", "RouterInterfaceId")
    .in_hidden_region()
    .placed_by(Kind::Vpc, "VpcInstanceId")
    .filters(&[
        keyed("RouterInterfaceId", &["RouterInterfaceId"]),
        keyed("RouterId", &["RouterId"]),
        keyed("RouterType", &["RouterType"]),
        keyed("OppositeInterfaceId", &["OppositeInterfaceId"]),
        keyed("OppositeInterfaceOwnerId", &["OppositeInterfaceOwnerId"]),
        keyed("Status", &["Status"]),
    ]);

pub(super) static BORDER_ROUTER: Spec =
    Spec::new("vpc", "virtual_border_routers", "VbrId").in_hidden_region().filters(&[
        keyed("VbrId", &["VbrId"]),
        keyed("PhysicalConnectionId", &["PhysicalConnectionId"]),
        keyed("Status", &["Status"]),
        keyed("Name", &["Name"]),
    ]);

pub(super) static NETWORK_ACL: Spec =
    Spec::new("vpc", "network_acls", "NetworkAclId").in_region("RegionId").placed_by(Kind::Vpc, "VpcId").filters(&[
        one("NetworkAclId", &["NetworkAclId"]),
        one("NetworkAclName", &["NetworkAclName"]),
        one("VpcId", &["VpcId"]),
        one("ResourceId", &["Resources.Resource.ResourceId"]),
        one("ResourceType", &["Resources.Resource.ResourceType"]),
    ]);

pub(super) static FLOW_LOG: Spec = Spec::new("vpc", "flow_logs", "FlowLogId").in_region("RegionId").filters(&[
    one("FlowLogId", &["FlowLogId"]),
    one("FlowLogName", &["FlowLogName"]),
    one("LogStoreName", &["LogStoreName"]),
    one("ProjectName", &["ProjectName"]),
    one("ResourceId", &["ResourceId"]),
    one("ResourceType", &["ResourceType"]),
    one("TrafficType", &["TrafficType"]),
    one("Status", &["Status"]),
]);

/// Shows in the lists of the regions of both its ends.
pub(super) static PEERING: Spec = Spec::new("vpcpeer", "connections", "InstanceId").filters(&[
    one("InstanceId", &["InstanceId"]),
    one("RegionId", &["RegionId", "AcceptingRegionId"]),
    one("Name", &["Name"]),
    commas("VpcId", 10, &["Vpc.VpcId", "AcceptingVpc.VpcId"]),
]);

pub(super) static CEN: Spec = Spec::new("cbn", "cens", "CenId")
    .parts(&[
        Part { path: "ChildInstances.ChildInstance", kind: Kind::CenChild, inherits: &[("CenId", "CenId")] },
        Part {
            path: "CenInterRegionBandwidthLimits.CenInterRegionBandwidthLimit",
            kind: Kind::CenBandwidth,
            inherits: &[("CenId", "CenId")],
        },
    ])
    .filters(&[keyed("CenId", &["CenId"]), keyed("Name", &["Name"]), tags(&["Tags.Tag"])]);

pub(super) static CEN_CHILD: Spec = Spec::part("ChildInstanceId").filters(&[
    one("CenId", &["CenId"]),
    one("ChildInstanceRegionId", &["ChildInstanceRegionId"]),
    one("ChildInstanceType", &["ChildInstanceType"]),
]);

pub(super) static CEN_BANDWIDTH: Spec =
    Spec::part("").filters(&[one("CenId", &["CenId"]), one("TrRegionId", &["LocalRegionId", "OppositeRegionId"])]);

pub(super) static CEN_ROUTE_MAP: Spec = Spec::new("cbn", "route_maps", "RouteMapId").filters(&[
    one("CenId", &["CenId"]),
    one("CenRegionId", &["CenRegionId"]),
    one("RouteMapId", &["RouteMapId"]),
    one("TransitRouterRouteTableId", &["TransitRouterRouteTableId"]),
    one("TransmitDirection", &["TransmitDirection"]),
]);

pub(super) static CEN_PACKAGE: Spec = Spec::new("cbn", "bandwidth_packages", "CenBandwidthPackageId").filters(&[
    keyed("CenBandwidthPackageId", &["CenBandwidthPackageId"]),
    keyed("CenId", &["CenIds.CenId"]),
    keyed("Status", &["Status"]),
    tags(&["Tags.Tag"]),
]);

/// What an attachment takes over from its transit router.
const OF_ROUTER: (&str, &str) = ("TransitRouterId", "TransitRouterId");
const OF_CEN: (&str, &str) = ("CenId", "CenId");
const OF_REGION: (&str, &str) = ("RegionId", "RegionId");
/// What an element takes over from its route table.
const OF_TABLE: &[(&str, &str)] = &[("TransitRouterRouteTableId", "TransitRouterRouteTableId")];

pub(super) static TRANSIT_ROUTER: Spec = Spec::new("cbn", "transit_routers", "TransitRouterId")
    .parts(&[
        Part {
            path: "VpcAttachments",
            kind: Kind::TrVpcAttachment,
            inherits: &[OF_ROUTER, OF_CEN, ("RegionId", "VpcRegionId")],
        },
        Part { path: "PeerAttachments", kind: Kind::TrPeerAttachment, inherits: &[OF_ROUTER, OF_CEN, OF_REGION] },
        Part {
            path: "VpnAttachments",
            kind: Kind::TrVpnAttachment,
            inherits: &[OF_ROUTER, OF_CEN, ("RegionId", "VpnRegionId")],
        },
        Part {
            path: "VbrAttachments",
            kind: Kind::TrVbrAttachment,
            inherits: &[OF_ROUTER, OF_CEN, ("RegionId", "VbrRegionId")],
        },
        Part { path: "RouteTables", kind: Kind::TrRouteTable, inherits: &[OF_ROUTER, OF_REGION] },
    ])
    .filters(&[
        one("TransitRouterId", &["TransitRouterId"]),
        one("CenId", &["CenId"]),
        one("RegionId", &["RegionId"]),
        one("Type", &["Type"]),
        one("Status", &["Status"]),
        one("TransitRouterName", &["TransitRouterName"]),
        tags(&["Tags"]),
    ]);

pub(super) static TR_VPC_ATTACHMENT: Spec = Spec::part("TransitRouterAttachmentId").filters(&[
    one("TransitRouterId", &["TransitRouterId"]),
    one("CenId", &["CenId"]),
    one("RegionId", &["VpcRegionId"]),
    one("VpcId", &["VpcId"]),
    one("Status", &["Status"]),
    one("TransitRouterAttachmentId", &["TransitRouterAttachmentId"]),
    tags(&["Tags"]),
]);

/// Stored under one transit router and served for both.
pub(super) static TR_PEER_ATTACHMENT: Spec = Spec::part("TransitRouterAttachmentId").filters(&[
    one("TransitRouterId", &["TransitRouterId", "PeerTransitRouterId"]),
    one("CenId", &["CenId"]),
    one("RegionId", &["RegionId", "PeerTransitRouterRegionId"]),
    one("TransitRouterAttachmentId", &["TransitRouterAttachmentId"]),
    tags(&["Tags"]),
]);

pub(super) static TR_VPN_ATTACHMENT: Spec = Spec::part("TransitRouterAttachmentId").filters(&[
    one("TransitRouterId", &["TransitRouterId"]),
    one("CenId", &["CenId"]),
    one("RegionId", &["VpnRegionId"]),
    one("TransitRouterAttachmentId", &["TransitRouterAttachmentId"]),
    tags(&["Tags"]),
]);

pub(super) static TR_VBR_ATTACHMENT: Spec = Spec::part("TransitRouterAttachmentId").filters(&[
    one("TransitRouterId", &["TransitRouterId"]),
    one("CenId", &["CenId"]),
    one("RegionId", &["VbrRegionId"]),
    one("TransitRouterAttachmentId", &["TransitRouterAttachmentId"]),
    tags(&["Tags"]),
]);

pub(super) static TR_ROUTE_TABLE: Spec = Spec::part("TransitRouterRouteTableId")
    .parts(&[
        Part { path: "Associations", kind: Kind::TrAssociation, inherits: OF_TABLE },
        Part { path: "Propagations", kind: Kind::TrPropagation, inherits: OF_TABLE },
        Part { path: "RouteEntries", kind: Kind::TrRouteEntry, inherits: OF_TABLE },
    ])
    .filters(&[
        // The index, so that a table is found by its id.
        numbered("TransitRouterRouteTableIds", 20, &["TransitRouterRouteTableId"]),
        one("TransitRouterId", &["TransitRouterId"]),
        one("TransitRouterRouteTableType", &["TransitRouterRouteTableType"]),
        one("TransitRouterRouteTableStatus", &["TransitRouterRouteTableStatus"]),
        tags(&["Tags"]),
    ]);

/// Of propagations as well, which are asked for in the same way.
pub(super) static TR_ASSOCIATION: Spec = Spec::part("").filters(&[
    one("TransitRouterRouteTableId", &["TransitRouterRouteTableId"]),
    one("TransitRouterAttachmentId", &["TransitRouterAttachmentId"]),
    one("TransitRouterAttachmentResourceId", &["ResourceId"]),
    one("TransitRouterAttachmentResourceType", &["ResourceType"]),
    one("Status", &["Status"]),
]);

/// Its reply does not name the table.
pub(super) static TR_ROUTE_ENTRY: Spec =
    Spec::part("TransitRouterRouteEntryId").list_hides(&["TransitRouterRouteTableId"]).filters(&[
        one("TransitRouterRouteTableId", &["TransitRouterRouteTableId"]),
        filter("TransitRouterRouteEntryStatus", FilterForm::OneOrAll("All"), &["TransitRouterRouteEntryStatus"]),
        one("TransitRouterRouteEntryType", &["TransitRouterRouteEntryType"]),
        one("TransitRouterRouteEntryDestinationCidrBlock", &["TransitRouterRouteEntryDestinationCidrBlock"]),
        one("TransitRouterRouteEntryNextHopType", &["TransitRouterRouteEntryNextHopType"]),
        one("TransitRouterRouteEntryNextHopId", &["TransitRouterRouteEntryNextHopId"]),
        one("PrefixListId", &["PrefixListId"]),
    ]);

pub(super) static ENDPOINT: Spec = Spec::new("privatelink", "endpoints", "EndpointId")
    .in_region("RegionId")
    .placed_by(Kind::Vpc, "VpcId")
    .detail_hides(&["Tags"])
    .filters(&[
        one("EndpointId", &["EndpointId"]),
        one("VpcId", &["VpcId"]),
        one("EndpointType", &["EndpointType"]),
        one("EndpointStatus", &["EndpointStatus"]),
        one("EndpointName", &["EndpointName"]),
        one("ConnectionStatus", &["ConnectionStatus"]),
        one("ServiceName", &["ServiceName"]),
        tags(&["Tags"]),
    ]);

pub(super) static ENDPOINT_SERVICE: Spec = Spec::new("privatelink", "endpoint_services", "ServiceId")
    .in_region("RegionId")
    .parts(&[Part { path: "Resources", kind: Kind::EndpointResource, inherits: &[("ServiceId", "ServiceId")] }])
    .filters(&[
        one("ServiceId", &["ServiceId"]),
        one("ServiceName", &["ServiceName"]),
        one("ResourceId", &["Resources.ResourceId"]),
        one("ServiceResourceType", &["ServiceResourceType", "Resources.ResourceType"]),
        one("ServiceStatus", &["ServiceStatus"]),
        tags(&["Tags"]),
    ]);

/// Its reply does not name the service.
pub(super) static ENDPOINT_RESOURCE: Spec =
    Spec::part("ResourceId").list_hides(&["ServiceId"]).filters(&[one("ServiceId", &["ServiceId"])]);
