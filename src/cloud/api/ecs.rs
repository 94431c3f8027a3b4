//! Elastic Compute Service: regions, security groups, prefix lists, port-range lists, interfaces, instances.

use serde::Deserialize;

use super::{
    paged::page_of,
    wire::{Field, Lenient, List, Object, Problems, Tag, element_id, object_elements},
};
use crate::cloud::{
    page::{Page, Paging},
    request::{Operation, Product, ReadRequest},
};

/// The regions of the account.
pub const DESCRIBE_REGIONS: Operation = Operation::rpc_query(Product::Ecs, "DescribeRegions");
/// Security groups without their rules; the only place that tells a group's type.
pub const DESCRIBE_SECURITY_GROUPS: Operation = Operation::rpc_query(Product::Ecs, "DescribeSecurityGroups");
/// The rules of one group, by token.
pub const DESCRIBE_SECURITY_GROUP_ATTRIBUTE: Operation =
    Operation::rpc_query(Product::Ecs, "DescribeSecurityGroupAttribute");
/// The entries of one prefix list.
pub const DESCRIBE_PREFIX_LIST_ATTRIBUTES: Operation =
    Operation::rpc_query(Product::Ecs, "DescribePrefixListAttributes");
/// The entries of one port-range list.
pub const DESCRIBE_PORT_RANGE_LIST_ENTRIES: Operation =
    Operation::rpc_query(Product::Ecs, "DescribePortRangeListEntries");
/// Interfaces, by token.
pub const DESCRIBE_NETWORK_INTERFACES: Operation = Operation::rpc_query(Product::Ecs, "DescribeNetworkInterfaces");

/// Instances, by token.
pub const DESCRIBE_INSTANCES: Operation = Operation::rpc_query(Product::Ecs, "DescribeInstances");

/// Pages of instances.
pub const INSTANCE_PAGING: Paging = Paging::next_token(100);
/// Most groups that `SecurityGroupIds` takes.
pub const GROUPS_PER_CALL: usize = 100;
/// Items per page of the list of groups.
pub const GROUPS_PAGE_SIZE: u32 = 100;
/// Rules per page; the default of 500 would hide the rules behind it.
pub const RULES_PAGE_SIZE: u32 = 1000;
/// Interfaces per page.
pub const INTERFACES_PAGE_SIZE: u32 = 500;

/// Asks for the regions of the account, on the host of any region.
pub fn describe_regions(region: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_REGIONS, region)
}

/// Asks for the types of up to [`GROUPS_PER_CALL`] groups. The page driver adds the token.
pub fn describe_security_groups(region: &str, ids: &[String]) -> ReadRequest {
    // One parameter with a JSON array as its text. Identifiers need no escaping: they were checked.
    let list: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    ReadRequest::new(DESCRIBE_SECURITY_GROUPS, region)
        .param("RegionId", region)
        .param("SecurityGroupIds", format!("[{}]", list.join(",")))
        .resource(&ids.join(","))
}

/// Asks for the rules of one group, in both directions. The page driver adds the token.
pub fn describe_security_group_attribute(region: &str, id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_SECURITY_GROUP_ATTRIBUTE, region)
        .param("RegionId", region)
        .param("SecurityGroupId", id)
        .param("Direction", "all")
        .resource(id)
}

/// Asks for the entries of one prefix list.
pub fn describe_prefix_list_attributes(region: &str, id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_PREFIX_LIST_ATTRIBUTES, region)
        .param("RegionId", region)
        .param("PrefixListId", id)
        .resource(id)
}

/// Asks for the entries of one port-range list.
pub fn describe_port_range_list_entries(region: &str, id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_PORT_RANGE_LIST_ENTRIES, region)
        .param("RegionId", region)
        .param("PortRangeListId", id)
        .resource(id)
}

/// Asks for the interfaces that have joined a group. The page driver adds the token.
pub fn describe_network_interfaces(region: &str, security_group_id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_NETWORK_INTERFACES, region)
        .param("RegionId", region)
        .param("SecurityGroupId", security_group_id)
        .resource(security_group_id)
}

/// Asks for the instances of a VPC. The page driver adds the token.
pub fn describe_instances_of(region: &str, vpc_id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_INSTANCES, region).param("RegionId", region).param("VpcId", vpc_id).resource(vpc_id)
}

page_of! {
    /// One page of `DescribeInstances`.
    Instances { instances: "Instances" of Instance } by instance_id, token
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Instance {
    pub instance_id: Field<String>,
    /// Addresses that it was given when it was made; an EIP is not among them.
    pub public_ip_address: List<String>,
    pub vpc_attributes: Object<VpcAttributes>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VpcAttributes {
    pub vpc_id: Field<String>,
}

/// Reply of `DescribeRegions`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Regions {
    pub regions: List<Region>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Region {
    pub region_id: Field<String>,
}
object_elements!(
    Instance,
    Region,
    SecurityGroup,
    Permission,
    PrefixEntry,
    PortEntry,
    NetworkInterface,
    PrivateIp,
    Ipv6
);

/// One page of `DescribeSecurityGroups`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SecurityGroups {
    pub region_id: Field<String>,
    pub next_token: Field<String>,
    pub security_groups: List<SecurityGroup>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SecurityGroup {
    pub security_group_id: Field<String>,
    pub security_group_name: Field<String>,
    /// `normal` or `enterprise`.
    pub security_group_type: Field<String>,
    pub vpc_id: Field<String>,
    pub service_managed: Field<Lenient>,
    pub tags: List<Tag>,
}

/// One page of `DescribeSecurityGroupAttribute`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SecurityGroupAttribute {
    pub region_id: Field<String>,
    pub security_group_id: Field<String>,
    pub security_group_name: Field<String>,
    pub vpc_id: Field<String>,
    pub inner_access_policy: Field<String>,
    pub next_token: Field<String>,
    pub permissions: List<Permission>,
}

/// A rule: text throughout, unused fields empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Permission {
    pub security_group_rule_id: Field<Box<str>>,
    pub direction: Field<Box<str>>,
    pub policy: Field<Box<str>>,
    pub priority: Field<Box<str>>,
    pub ip_protocol: Field<Box<str>>,
    pub port_range: Field<Box<str>>,
    pub port_range_list_id: Field<Box<str>>,
    pub source_cidr_ip: Field<Box<str>>,
    #[serde(rename = "Ipv6SourceCidrIp")]
    pub ipv6_source_cidr_ip: Field<Box<str>>,
    pub source_group_id: Field<Box<str>>,
    pub source_prefix_list_id: Field<Box<str>>,
    pub source_port_range: Field<Box<str>>,
    pub dest_cidr_ip: Field<Box<str>>,
    #[serde(rename = "Ipv6DestCidrIp")]
    pub ipv6_dest_cidr_ip: Field<Box<str>>,
    pub dest_group_id: Field<Box<str>>,
    pub dest_prefix_list_id: Field<Box<str>>,
    pub nic_type: Field<Box<str>>,
}

/// Reply of `DescribePrefixListAttributes`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PrefixListAttributes {
    pub prefix_list_id: Field<String>,
    /// `IPv4` or `IPv6`.
    pub address_family: Field<String>,
    pub entries: List<PrefixEntry>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PrefixEntry {
    pub cidr: Field<Box<str>>,
}

/// Reply of `DescribePortRangeListEntries`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PortRangeListEntries {
    pub entries: List<PortEntry>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PortEntry {
    pub port_range: Field<Box<str>>,
}

/// One page of `DescribeNetworkInterfaces`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkInterfaces {
    pub next_token: Field<String>,
    pub network_interface_sets: List<NetworkInterface>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkInterface {
    pub network_interface_id: Field<String>,
    pub private_ip_address: Field<String>,
    pub private_ip_sets: List<PrivateIp>,
    pub ipv6_sets: List<Ipv6>,
    pub security_group_ids: List<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PrivateIp {
    pub private_ip_address: Field<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Ipv6 {
    pub ipv6_address: Field<String>,
}

impl Page for SecurityGroups {
    type Item = Field<SecurityGroup>;
    /// What is wrong with the list, and the region that the reply names.
    type Head = (Problems, Field<String>);

    fn id(item: &Self::Item) -> String {
        element_id(item, |group| &group.security_group_id)
    }

    fn next_token(&self) -> Option<&str> {
        self.next_token.value().map(String::as_str)
    }

    fn split(self) -> (Self::Head, Vec<Self::Item>) {
        let (problems, groups) = self.security_groups.into_page("SecurityGroups", None);
        ((problems, self.region_id), groups)
    }
}

impl Page for SecurityGroupAttribute {
    type Item = Field<Permission>;
    /// The group without rules.
    type Head = (Problems, Self);

    /// A rule without an id of its own is told by what it says.
    fn id(item: &Self::Item) -> String {
        let Some(rule) = item.value() else { return String::new() };
        match rule.security_group_rule_id.value() {
            Some(id) if !id.is_empty() => id.to_string(),
            _ => format!("{rule:?}"),
        }
    }

    fn next_token(&self) -> Option<&str> {
        self.next_token.value().map(String::as_str)
    }

    fn split(mut self) -> (Self::Head, Vec<Self::Item>) {
        let (problems, rules) = std::mem::take(&mut self.permissions).into_page("Permissions", None);
        ((problems, self), rules)
    }
}

impl Page for NetworkInterfaces {
    type Item = Field<NetworkInterface>;
    type Head = Problems;

    fn id(item: &Self::Item) -> String {
        element_id(item, |interface| &interface.network_interface_id)
    }

    fn next_token(&self) -> Option<&str> {
        self.next_token.value().map(String::as_str)
    }

    fn split(self) -> (Problems, Vec<Self::Item>) {
        self.network_interface_sets.into_page("NetworkInterfaceSets", None)
    }
}
