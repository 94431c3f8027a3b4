//! Gateways of networks: address translation, and tunnels. The replies about tunnels hold the secrets
//! of both ends; no type here has a field for one, so none is ever kept.

use serde::Deserialize;

use super::regional;
use crate::cloud::{
    api::{
        paged::page_of,
        wire::{Field, Lenient, List, Object, object_elements},
    },
    request::{Operation, Product, ReadRequest},
};

/// NAT gateways, by page.
pub const DESCRIBE_NAT_GATEWAYS: Operation = Operation::rpc_query(Product::Vpc, "DescribeNatGateways");
/// The entries of SNAT tables, by page.
pub const DESCRIBE_SNAT_TABLE_ENTRIES: Operation = Operation::rpc_query(Product::Vpc, "DescribeSnatTableEntries");
/// VPN gateways, by page.
pub const DESCRIBE_VPN_GATEWAYS: Operation = Operation::rpc_query(Product::Vpc, "DescribeVpnGateways");
/// IPsec connections, by page.
pub const DESCRIBE_VPN_CONNECTIONS: Operation = Operation::rpc_query(Product::Vpc, "DescribeVpnConnections");

/// Asks for the NAT gateways of a region. The page driver adds the page.
pub fn describe_nat_gateways(region: &str) -> ReadRequest {
    regional(DESCRIBE_NAT_GATEWAYS, region)
}

/// Asks for the NAT gateways of a network. The page driver adds the page.
pub fn describe_nat_gateways_of(region: &str, vpc_id: &str) -> ReadRequest {
    describe_nat_gateways(region).param("VpcId", vpc_id).resource(vpc_id)
}

/// Asks for the SNAT entries of one NAT gateway, whatever tables it has. The page driver adds the page.
pub fn describe_snat_entries_of(region: &str, nat_gateway_id: &str) -> ReadRequest {
    regional(DESCRIBE_SNAT_TABLE_ENTRIES, region).param("NatGatewayId", nat_gateway_id).resource(nat_gateway_id)
}

/// Asks for the VPN gateways of a region. The page driver adds the page.
pub fn describe_vpn_gateways(region: &str) -> ReadRequest {
    regional(DESCRIBE_VPN_GATEWAYS, region)
}

/// Asks for the IPsec connections of a region. The page driver adds the page.
pub fn describe_vpn_connections(region: &str) -> ReadRequest {
    regional(DESCRIBE_VPN_CONNECTIONS, region)
}

/// Asks for one VPN gateway. The page driver adds the page.
pub fn describe_vpn_gateway(region: &str, vpn_gateway_id: &str) -> ReadRequest {
    describe_vpn_gateways(region).param("VpnGatewayId", vpn_gateway_id).resource(vpn_gateway_id)
}

/// Asks for the IPsec connections of one VPN gateway. The page driver adds the page.
pub fn describe_vpn_connections_of(region: &str, vpn_gateway_id: &str) -> ReadRequest {
    describe_vpn_connections(region).param("VpnGatewayId", vpn_gateway_id).resource(vpn_gateway_id)
}

page_of! {
    /// One page of `DescribeNatGateways`.
    NatGateways { nat_gateways: "NatGateways" of NatGateway } by nat_gateway_id, numbered
}

/// A NAT gateway.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NatGateway {
    pub nat_gateway_id: Field<String>,
    pub vpc_id: Field<String>,
    /// `internet` or `intranet`.
    pub network_type: Field<String>,
    pub status: Field<String>,
    /// `Normal`, or locked for debts or abuse.
    pub business_status: Field<String>,
    pub ip_lists: List<NatAddress>,
    pub snat_table_ids: List<String>,
}
object_elements!(NatGateway, NatAddress, SnatTableEntry, VpnGateway, VpnConnection, Tunnel);

/// An address of a NAT gateway.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NatAddress {
    pub allocation_id: Field<String>,
    pub ip_address: Field<String>,
}

page_of! {
    /// One page of `DescribeSnatTableEntries`.
    SnatTableEntries { snat_table_entries: "SnatTableEntries" of SnatTableEntry } by snat_entry_id, numbered
}

/// Whose traffic leaves from which addresses: of a vSwitch or of a block.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SnatTableEntry {
    pub snat_entry_id: Field<String>,
    pub snat_table_id: Field<String>,
    /// One address, or several joined by commas.
    pub snat_ip: Field<String>,
    #[serde(rename = "SourceCIDR")]
    pub source_cidr: Field<String>,
    #[serde(rename = "SourceVSwitchId")]
    pub source_v_switch_id: Field<String>,
    pub status: Field<String>,
}

page_of! {
    /// One page of `DescribeVpnGateways`.
    VpnGateways { vpn_gateways: "VpnGateways" of VpnGateway } by vpn_gateway_id, numbered
}

/// A VPN gateway.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VpnGateway {
    pub vpn_gateway_id: Field<String>,
    pub vpc_id: Field<String>,
    pub v_switch_id: Field<String>,
    pub internet_ip: Field<String>,
    /// `active` carries traffic.
    pub status: Field<String>,
    /// `Normal`, or locked for debts.
    pub business_status: Field<String>,
    /// `enable` or `disable`.
    pub ipsec_vpn: Field<String>,
    /// `enable` or `disable`.
    pub ssl_vpn: Field<String>,
}

page_of! {
    /// One page of `DescribeVpnConnections`.
    VpnConnections { vpn_connections: "VpnConnections" of VpnConnection } by vpn_connection_id, numbered
}

/// An IPsec connection.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VpnConnection {
    pub vpn_connection_id: Field<String>,
    pub vpn_gateway_id: Field<String>,
    pub customer_gateway_id: Field<String>,
    pub transit_router_id: Field<String>,
    /// `CEN`, `NO_ASSOCIATED`, `VpnGateway`.
    pub attach_type: Field<String>,
    /// Blocks joined by commas.
    pub local_subnet: Field<String>,
    /// Blocks joined by commas.
    pub remote_subnet: Field<String>,
    pub state: Field<String>,
    /// `ipsec_sa_established` means that phase 2 is up.
    pub status: Field<String>,
    /// True once the settings are in force.
    pub effect_immediately: Field<Lenient>,
    pub tunnel_options_specification: List<Tunnel>,
    /// The address of this end, for connections that hang on a transit router.
    pub internet_ip: Field<String>,
    pub vco_health_check: Object<HealthCheck>,
}

/// One of the two tunnels of a newer connection.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tunnel {
    pub tunnel_id: Field<String>,
    /// `master` or `slave`.
    pub role: Field<String>,
    pub state: Field<String>,
    pub status: Field<String>,
}

/// The connection's own probe of the far end.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HealthCheck {
    pub status: Field<String>,
}
