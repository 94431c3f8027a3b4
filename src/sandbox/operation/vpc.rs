//! VPC, version 2016-04-28: RPC with its parameters in the query, wrapped lists, page numbers; route
//! entries by token.

use std::borrow::Cow;

use super::{Call, Listing, Numbers, Operation, Paging, Tokens, write::vpc as write};
use crate::sandbox::{collection::Wanted, host::Product, kind::Kind, reply::ApiError};

pub(super) static OPERATIONS: &[Operation] = &[
    Operation::new(Product::Vpc, "DescribeEipAddresses", eip_addresses)
        .needs_region()
        .not_found("InvalidAllocationId.NotFound", 404),
    listed("DescribeVpcs", Listing::numbered(Kind::Vpc, "Vpcs.Vpc", 50, 10), "InvalidVpcID.NotFound"),
    // Without `RegionId` if `VpcId` is there.
    Operation::list(Product::Vpc, "DescribeVSwitches", V_SWITCHES).not_found("InvalidVSwitchId.NotFound", 404),
    listed(
        "DescribeRouteTableList",
        Listing::numbered(Kind::RouteTable, "RouterTableList.RouterTableListType", 50, 10),
        "InvalidRouteTableId.NotFound",
    ),
    listed("DescribeRouteEntryList", ROUTE_ENTRIES, "InvalidRouteTableId.NotFound"),
    listed(
        "DescribeNatGateways",
        Listing::numbered(Kind::NatGateway, "NatGateways.NatGateway", 50, 10),
        "InvalidNatGatewayId.NotFound",
    ),
    listed(
        "DescribeSnatTableEntries",
        Listing::numbered(Kind::SnatEntry, "SnatTableEntries.SnatTableEntry", 50, 10)
            .any_of(&["SnatTableId", "NatGatewayId"]),
        "InvalidSnatTableId.NotFound",
    ),
    listed(
        "DescribeForwardTableEntries",
        Listing::numbered(Kind::ForwardEntry, "ForwardTableEntries.ForwardTableEntry", 50, 10)
            .any_of(&["ForwardTableId", "NatGatewayId"]),
        "InvalidForwardTableId.NotFound",
    ),
    listed(
        "DescribeVpnGateways",
        Listing::numbered(Kind::VpnGateway, "VpnGateways.VpnGateway", 50, 10),
        "InvalidVpnGatewayInstanceId.NotFound",
    ),
    listed(
        "DescribeVpnConnections",
        Listing::numbered(Kind::VpnConnection, "VpnConnections.VpnConnection", 50, 10),
        "InvalidVpnConnectionInstanceId.NotFound",
    ),
    listed(
        "DescribeRouterInterfaces",
        Listing::numbered(Kind::RouterInterface, "RouterInterfaceSet.RouterInterfaceType", 50, 10),
        "InvalidRouterInterfaceId.NotFound",
    ),
    listed(
        "DescribeVirtualBorderRouters",
        Listing::numbered(Kind::BorderRouter, "VirtualBorderRouterSet.VirtualBorderRouterType", 50, 10),
        "InvalidVbrId.NotFound",
    ),
    listed("DescribeNetworkAcls", NETWORK_ACLS, "InvalidNetworkAcl.NotFound"),
    Operation::wrapped_item(
        Product::Vpc,
        "DescribeNetworkAclAttributes",
        Kind::NetworkAcl,
        "NetworkAclId",
        "NetworkAclAttribute",
    )
    .needs_region()
    .not_found("InvalidNetworkAcl.NotFound", 404),
    listed("DescribeFlowLogs", FLOW_LOGS, "InvalidFlowLogId.NotFound"),
    Operation::write(Product::Vpc, "DeletionProtection", write::deletion_protection)
        .needs_region()
        .not_found("DeletionProtection.ResourceNotExist", 400),
    Operation::write(Product::Vpc, "TagResources", write::tag)
        .needs_region()
        .not_found("InvalidResourceId.NotFound", 404),
    Operation::write(Product::Vpc, "UnTagResources", write::untag)
        .needs_region()
        .not_found("InvalidResourceId.NotFound", 404),
    Operation::write(Product::Vpc, "ReleaseEipAddress", write::release).not_found("InvalidAllocationId.NotFound", 404),
];

const fn listed(action: &'static str, listing: Listing, gone: &'static str) -> Operation {
    Operation::list(Product::Vpc, action, listing).needs_region().not_found(gone, 404)
}

const V_SWITCHES: Listing =
    Listing::numbered(Kind::VSwitch, "VSwitches.VSwitch", 50, 10).any_of(&["RegionId", "VpcId"]);

/// The only list of the product that goes by token, and it says `MaxResult`.
const ROUTE_ENTRIES: Listing = Listing::new(
    Kind::RouteEntry,
    "RouteEntrys.RouteEntry",
    Paging::Tokens(Tokens { size: "MaxResult", has_total: true, ..Tokens::usual(1, 100, 10) }),
)
.of(Kind::RouteTable, "RouteTableId");

/// Numbers as text, as flow logs have them.
const TEXT_NUMBERS: Numbers = Numbers { writes_text: true, ..Numbers::usual(50, 10) };

const NETWORK_ACLS: Listing = Listing::new(Kind::NetworkAcl, "NetworkAcls.NetworkAcl", Paging::Numbers(TEXT_NUMBERS));

const FLOW_LOGS: Listing = Listing {
    says: &[("Success", "true")],
    ..Listing::new(Kind::FlowLog, "FlowLogs.FlowLog", Paging::Numbers(Numbers { default: 20, ..TEXT_NUMBERS }))
};

fn eip_addresses(call: &Call<'_>) -> Result<String, ApiError> {
    let mut more = Vec::new();
    // The parameter is a boolean and the field a number.
    if let Some(managed) = call.boolean("ServiceManaged")? {
        let position = Kind::Eip.spec().filter("ServiceManagedNumber");
        more.extend(position.map(|filter| Wanted { filter, values: vec![u8::from(managed).to_string()] }));
    }
    let listing = Listing::numbered(Kind::Eip, "EipAddresses.EipAddress", 100, 10);
    listing.answer_with(call, more, |text| Cow::Borrowed(text))
}
