//! VPN gateways with their connections, PrivateLink, and NAT gateways.

use serde::{Deserialize, Serialize};

use crate::model::{
    NatGatewayId, Scope, Text, VSwitchId, VpcEndpointId, VpcEndpointServiceId, VpcId, VpnConnectionId, VpnGatewayId,
    lenient,
};

/// A VPN gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VpnGateway {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub vpn_gateway_id: VpnGatewayId,
    #[serde(deserialize_with = "lenient::id")]
    pub vpc_id: VpcId,
    /// Only `active` carries traffic.
    #[serde(deserialize_with = "lenient::text")]
    pub status: Text,
}

/// An IPsec connection of a VPN gateway. Its keys are never read.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VpnConnection {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub vpn_connection_id: VpnConnectionId,
    #[serde(default, deserialize_with = "lenient::text")]
    pub vpn_gateway_id: VpnGatewayId,
    /// Blocks joined by commas.
    #[serde(deserialize_with = "lenient::text")]
    pub local_subnet: Text,
    /// Blocks joined by commas.
    #[serde(deserialize_with = "lenient::text")]
    pub remote_subnet: Text,
    /// The connection at the other end, where that is one of the cloud's. Anything else is on premises.
    #[serde(default, deserialize_with = "lenient::text")]
    pub peer_vpn_connection_id: VpnConnectionId,
    /// Only `ipsec_sa_established` carries traffic.
    #[serde(deserialize_with = "lenient::text")]
    pub status: Text,
}

/// An interface endpoint of PrivateLink.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VpcEndpoint {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub endpoint_id: VpcEndpointId,
    #[serde(deserialize_with = "lenient::id")]
    pub vpc_id: VpcId,
    /// `Interface`, `Reverse`, `GatewayLoadBalancer`; empty counts as the first.
    #[serde(default, deserialize_with = "lenient::text")]
    pub endpoint_type: Text,
    #[serde(deserialize_with = "lenient::text")]
    pub endpoint_status: Text,
    #[serde(deserialize_with = "lenient::text")]
    pub connection_status: Text,
    #[serde(deserialize_with = "lenient::id")]
    pub service_id: VpcEndpointServiceId,
}

/// A service of PrivateLink and where it leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VpcEndpointService {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub service_id: VpcEndpointServiceId,
    /// The VPC of the service's balancers.
    #[serde(default, deserialize_with = "lenient::text")]
    pub vpc_id: VpcId,
    #[serde(deserialize_with = "lenient::text")]
    pub service_status: Text,
    /// The listeners' ports; none where they do not limit it.
    #[serde(default, deserialize_with = "lenient::ports")]
    pub ports: Option<Vec<u16>>,
    /// The balancer's address, where it is known.
    #[serde(default, deserialize_with = "lenient::text")]
    pub target_ip: Text,
}

/// A NAT gateway of a VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NatGateway {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub nat_gateway_id: NatGatewayId,
    #[serde(deserialize_with = "lenient::id")]
    pub vpc_id: VpcId,
    /// `internet` or `intranet`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub network_type: Text,
    #[serde(default, deserialize_with = "lenient::text")]
    pub status: Text,
}

/// An instance with public addresses of its own, which are no EIPs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PublicInstance {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub instance_id: Text,
    #[serde(deserialize_with = "lenient::id")]
    pub vpc_id: VpcId,
    #[serde(deserialize_with = "lenient::texts")]
    pub public_ip_addresses: Vec<Text>,
}

/// A source-NAT entry: with which addresses some of a VPC leave for the internet.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SnatEntry {
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
    #[serde(deserialize_with = "lenient::id")]
    pub snat_entry_id: Text,
    #[serde(default, deserialize_with = "lenient::text")]
    pub nat_gateway_id: NatGatewayId,
    /// Addresses joined by commas.
    #[serde(deserialize_with = "lenient::text")]
    pub snat_ip: Text,
    #[serde(rename = "SourceCIDR", default, deserialize_with = "lenient::text")]
    pub source_cidr: Text,
    #[serde(rename = "SourceVSwitchId", default, deserialize_with = "lenient::text")]
    pub source_v_switch_id: VSwitchId,
    #[serde(default, deserialize_with = "lenient::text")]
    pub status: Text,
}
