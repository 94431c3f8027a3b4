//! ECS, version 2014-05-26: RPC with its parameters in the query, tokens, rules that are paged too.

use std::borrow::Cow;

use serde_json::json;

use super::{Body, Call, Listing, Numbers, Operation, Paging, Tokens};
use crate::sandbox::{
    collection::{Child, Item, Wanted},
    host::Product,
    kind::Kind,
    reply::ApiError,
};

pub(super) static OPERATIONS: &[Operation] = &[
    Operation::new(Product::Ecs, "DescribeRegions", regions).not_found("InvalidRegionId.NotFound", 404),
    // No total with tokens: `TotalCount` belongs to the older dialect.
    listed("DescribeSecurityGroups", SECURITY_GROUPS, GROUP_GONE),
    Operation::new(Product::Ecs, "DescribeSecurityGroupAttribute", security_group)
        .needs_region()
        .not_found(GROUP_GONE, 404),
    listed("DescribePrefixLists", Listing::new(Kind::PrefixList, "PrefixLists.PrefixList", LISTS), PREFIX_LIST_GONE),
    Operation::new(Product::Ecs, "DescribePrefixListAttributes", prefix_list)
        .needs_region()
        .not_found(PREFIX_LIST_GONE, 404),
    listed("DescribePortRangeLists", Listing::new(Kind::PortRangeList, "PortRangeLists", LISTS), PORT_LIST_GONE),
    Operation::new(Product::Ecs, "DescribePortRangeListEntries", port_range_list)
        .needs_region()
        .not_found(PORT_LIST_GONE, 404),
    Operation::new(Product::Ecs, "DescribeNetworkInterfaces", network_interfaces)
        .needs_region()
        .not_found("InvalidEniId.NotFound", 404),
    listed(
        "DescribeInstances",
        Listing::new(
            Kind::Instance,
            "Instances.Instance",
            Paging::Both(Tokens::usual(1, 100, 10), Numbers::usual(100, 10)),
        ),
        "InvalidInstanceId.NotFound",
    ),
];

const fn listed(action: &'static str, listing: Listing, gone: &'static str) -> Operation {
    Operation::list(Product::Ecs, action, listing).needs_region().not_found(gone, 404)
}

const LISTS: Paging = Paging::Tokens(Tokens::usual(1, 100, 10));
const SECURITY_GROUPS: Listing = Listing::new(
    Kind::SecurityGroup,
    "SecurityGroups.SecurityGroup",
    Paging::Both(Tokens::usual(1, 100, 10), Numbers::usual(50, 10)),
);

const GROUP_GONE: &str = "InvalidSecurityGroupId.NotFound";
const PREFIX_LIST_GONE: &str = "InvalidPrefixListId.NotFound";
const PORT_LIST_GONE: &str = "InvalidPortRangeListId.NotFound";

fn regions(call: &Call<'_>) -> Result<String, ApiError> {
    let region = |region: &String| {
        json!({"RegionId": region, "LocalName": region, "RegionEndpoint": endpoint(region), "Status": "available"})
            .to_string()
    };
    let mut body = Body::new(call.request_id);
    body.list("Regions.Region", call.account.regions.iter().map(region));
    Ok(body.finish())
}

fn endpoint(region: &str) -> String {
    match region {
        "cn-hangzhou" => "ecs-cn-hangzhou.aliyuncs.com".to_owned(),
        region => format!("ecs.{region}.aliyuncs.com"),
    }
}

fn security_group(call: &Call<'_>) -> Result<String, ApiError> {
    let group = call.item(Kind::SecurityGroup, "SecurityGroupId")?;
    let rules = rules(call, group)?;
    let direction = call.param("Direction").unwrap_or("all");
    let dialect = Tokens::usual(10, 1000, 500);
    let (page, next, _) = call.token_page(rules.len(), &dialect, &[&group.id, direction])?;
    let mut body = Body::new(call.request_id);
    body.text("RegionId", call.region).text("NextToken", &next);
    if !group.detail().contains("\"InnerAccessPolicy\"") {
        body.text("InnerAccessPolicy", "Accept");
    }
    body.fields_of(group.detail()).list("Permissions.Permission", rules[page.items].iter().map(|rule| &rule.json));
    Ok(body.finish())
}

fn rules<'a>(call: &Call<'_>, group: &'a Item) -> Result<Vec<&'a Child>, ApiError> {
    let wanted = match call.param("Direction").unwrap_or("all") {
        "all" => None,
        "ingress" => Some(false),
        "egress" => Some(true),
        _ => return Err(ApiError::invalid("Direction", "expected ingress, egress or all")),
    };
    Ok(group.children.iter().filter(|rule| wanted.is_none_or(|egress| rule.is_egress == egress)).collect())
}

fn prefix_list(call: &Call<'_>) -> Result<String, ApiError> {
    let list = call.item(Kind::PrefixList, "PrefixListId")?;
    let mut body = Body::new(call.request_id);
    body.fields_of(list.detail()).list("Entries.Entry", list.children.iter().map(|entry| &entry.json));
    Ok(body.finish())
}

fn port_range_list(call: &Call<'_>) -> Result<String, ApiError> {
    let list = call.item(Kind::PortRangeList, "PortRangeListId")?;
    let mut body = Body::new(call.request_id);
    body.list("Entries", list.children.iter().map(|entry| &entry.json));
    Ok(body.finish())
}

fn network_interfaces(call: &Call<'_>) -> Result<String, ApiError> {
    let paging = Paging::Both(Tokens::usual(10, 500, 10), Numbers::usual(500, 10));
    let mut more = Vec::new();
    if call.param("SecurityGroupId").is_some() {
        // The vendor applies this filter to secondary interfaces only.
        let position = Kind::NetworkInterface.spec().filter("Type");
        more.extend(position.map(|filter| Wanted { filter, values: vec!["Secondary".to_owned()] }));
    }
    let listing = Listing::new(Kind::NetworkInterface, "NetworkInterfaceSets.NetworkInterfaceSet", paging);
    listing.answer_with(call, more, |text| Cow::Borrowed(text))
}
