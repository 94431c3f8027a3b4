//! Virtual Private Cloud: elastic IPs, networks and their parts, flow logs.

pub mod acl;
pub mod gateway;
pub mod route;

use serde::Deserialize;

use super::{
    paged::page_of,
    wire::{Field, Lenient, List, Object, Tag, object_elements},
};
use crate::cloud::{
    page::Paging,
    request::{Operation, Product, ReadRequest},
};

/// Elastic IPs of one region, by page.
pub const DESCRIBE_EIP_ADDRESSES: Operation = Operation::rpc_query(Product::Vpc, "DescribeEipAddresses");

/// Networks of one region, by page. Without the parameter `IsDefault`, which hides all but one.
pub const DESCRIBE_VPCS: Operation = Operation::rpc_query(Product::Vpc, "DescribeVpcs");
/// vSwitches of one region or network, by page.
pub const DESCRIBE_V_SWITCHES: Operation = Operation::rpc_query(Product::Vpc, "DescribeVSwitches");
/// Flow logs of one region, by page, with totals written as text.
pub const DESCRIBE_FLOW_LOGS: Operation = Operation::rpc_query(Product::Vpc, "DescribeFlowLogs");

/// Most elastic IPs that one call may name.
pub const EIPS_PER_CALL: usize = 50;
/// Items per page; the default is 10.
pub const EIPS_PAGE_SIZE: u32 = 100;
/// How the other lists of the product are paged, but for route entries; the default is 10 a page.
pub const PAGING: Paging = Paging::page_number(50);

/// Asks for the elastic IPs of a region. The page driver adds the page.
pub fn describe_eip_addresses(region: &str) -> ReadRequest {
    regional(DESCRIBE_EIP_ADDRESSES, region)
}

/// Asks for up to [`EIPS_PER_CALL`] elastic IPs by id.
pub fn describe_eip_addresses_by_id(region: &str, eip_ids: &[String]) -> ReadRequest {
    let ids = eip_ids.join(",");
    describe_eip_addresses(region).param("AllocationId", &ids).resource(&ids)
}

/// Asks for the elastic IPs that are bound to a classic load balancer in a VPC; there is one at most.
pub fn describe_eip_addresses_of(region: &str, load_balancer_id: &str) -> ReadRequest {
    describe_eip_addresses(region)
        .param("AssociatedInstanceType", "SlbInstance")
        .param("AssociatedInstanceId", load_balancer_id)
        .resource(load_balancer_id)
}

/// Asks for the networks of a region. The page driver adds the page.
pub fn describe_vpcs(region: &str) -> ReadRequest {
    regional(DESCRIBE_VPCS, region)
}

/// Asks for one network. The page driver adds the page.
pub fn describe_vpc(region: &str, vpc_id: &str) -> ReadRequest {
    describe_vpcs(region).param("VpcId", vpc_id).resource(vpc_id)
}

/// Asks for the vSwitches of a network. The page driver adds the page.
pub fn describe_v_switches_of(region: &str, vpc_id: &str) -> ReadRequest {
    describe_v_switches(region).param("VpcId", vpc_id).resource(vpc_id)
}

/// Asks for the vSwitches of a region. The page driver adds the page.
pub fn describe_v_switches(region: &str) -> ReadRequest {
    regional(DESCRIBE_V_SWITCHES, region)
}

/// Asks for the flow logs of a region. The page driver adds the page.
pub fn describe_flow_logs(region: &str) -> ReadRequest {
    regional(DESCRIBE_FLOW_LOGS, region)
}

/// What every request of the product begins with.
fn regional(operation: Operation, region: &str) -> ReadRequest {
    ReadRequest::new(operation, region).param("RegionId", region)
}

page_of! {
    /// One page of `DescribeEipAddresses`.
    EipAddresses { eip_addresses: "EipAddresses" of EipAddress } by allocation_id, numbered
}

/// An elastic IP.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EipAddress {
    pub allocation_id: Field<String>,
    pub ip_address: Field<String>,
    pub region_id: Field<String>,
    /// `Associating`, `Unassociating`, `InUse`, `Available`, `Releasing`.
    pub status: Field<String>,
    pub instance_id: Field<String>,
    pub instance_type: Field<String>,
    pub private_ip_address: Field<String>,
    pub vpc_id: Field<String>,
    /// 0 or 1 here, a boolean elsewhere.
    pub service_managed: Field<Lenient>,
    /// True where a release is refused. Missing says nothing.
    pub deletion_protection: Field<bool>,
    /// `Normal`, `FinancialLocked`.
    pub business_status: Field<String>,
    /// Why the address is locked; empty where it is not.
    pub operation_locks: List<OperationLock>,
    /// `PrePaid` ones cannot be released, nor protected against it.
    pub charge_type: Field<String>,
    pub tags: List<Tag>,
}
object_elements!(OperationLock, EipAddress, Vpc, Ipv6Block, VSwitch, FlowLog);

/// Why an elastic IP is locked: `financial`, `security`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OperationLock {
    pub lock_reason: Field<String>,
}

page_of! {
    /// One page of `DescribeVpcs`.
    Vpcs { vpcs: "Vpcs" of Vpc } by vpc_id, numbered
}

/// A network.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Vpc {
    pub vpc_id: Field<String>,
    pub vpc_name: Field<String>,
    pub region_id: Field<String>,
    pub cidr_block: Field<String>,
    pub secondary_cidr_blocks: List<String>,
    /// Further blocks, of addresses that are public elsewhere.
    pub user_cidrs: List<String>,
    pub ipv6_cidr_block: Field<String>,
    /// All IPv6 blocks.
    pub ipv6_cidr_blocks: List<Ipv6Block>,
    /// `Available`, `Pending`.
    pub status: Field<String>,
    #[serde(rename = "VRouterId")]
    pub v_router_id: Field<String>,
    /// `Attached`, or nothing.
    pub cen_status: Field<String>,
    /// A number here, text in Service Mesh.
    pub owner_id: Field<String>,
    pub tags: List<Tag>,
}

/// An IPv6 block of a network.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Ipv6Block {
    pub ipv6_cidr_block: Field<String>,
}

page_of! {
    /// One page of `DescribeVSwitches`.
    VSwitches { v_switches: "VSwitches" of VSwitch } by v_switch_id, numbered
}

/// A vSwitch.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VSwitch {
    pub v_switch_id: Field<String>,
    pub vpc_id: Field<String>,
    pub zone_id: Field<String>,
    pub cidr_block: Field<String>,
    pub ipv6_cidr_block: Field<String>,
    pub route_table: Object<RouteTableOfVSwitch>,
    /// The network ACL that filters at the edge of the vSwitch; empty for none.
    pub network_acl_id: Field<String>,
    pub owner_id: Field<String>,
    /// `Sharing` for a vSwitch of another account.
    pub share_type: Field<String>,
    pub status: Field<String>,
}

/// The one table of a vSwitch.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RouteTableOfVSwitch {
    pub route_table_id: Field<String>,
    /// `System` or `Custom`.
    pub route_table_type: Field<String>,
}

page_of! {
    /// One page of `DescribeFlowLogs`.
    FlowLogs { flow_logs: "FlowLogs" of FlowLog } by flow_log_id, numbered
}

/// What of a network's traffic is logged, and where to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FlowLog {
    pub flow_log_id: Field<String>,
    pub region_id: Field<String>,
    /// The project of the log service, in the same region.
    pub project_name: Field<String>,
    pub log_store_name: Field<String>,
    /// `NetworkInterface`, `VSwitch`, `VPC`.
    pub resource_type: Field<String>,
    pub resource_id: Field<String>,
    /// `All`, `Allow`, `Drop`.
    pub traffic_type: Field<String>,
    /// `Active`, `Activating`, `Inactive`.
    pub status: Field<String>,
    /// `all`, or the gateways of which traffic is logged; empty where it is not restricted.
    pub traffic_path: List<String>,
    /// `SUCCESS`, or why nothing is delivered.
    pub flow_log_deliver_status: Field<String>,
    pub creation_time: Field<String>,
}
