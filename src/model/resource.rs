//! Resources, one struct per kind, with the vendor's field names. Only what a judgement uses is
//! here; a field that means "safe" when it is absent is a [`Reading`], never a plain default.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    AccountId, AclId, ClusterId, EipId, Interner, LoadBalancerId, MeshId, NetworkInterfaceId, PortRangeListId,
    PrefixListId, RegionId, SecurityGroupId, Text, VSwitchId, VpcId, lenient,
};

/// Where a resource lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Scope {
    pub account_id: AccountId,
    pub region_id: RegionId,
}

/// A fact that may not have been readable. In a snapshot a value is written as itself, an absent
/// one as `null`, and an unread one is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reading<T> {
    /// The read was refused or failed, or the reply did not hold the field: says nothing.
    #[default]
    Unread,
    /// Read, and there is none (or, for the canary pilot's flag, the API has no such field).
    Absent,
    /// Read.
    Value(T),
}

impl<T: Serialize> Serialize for Reading<T> {
    /// The struct that holds the field leaves it out where it is unread.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Reading<T> {
    /// Called only where the field is there; the struct's default stands for one that is not.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Absent, Self::Value))
    }
}

impl<T> Reading<T> {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Unread | Self::Absent => None,
        }
    }

    /// True where nothing can be said.
    pub fn is_unread(&self) -> bool {
        matches!(self, Self::Unread)
    }
}

/// What the product says of one control-plane entrance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entrance {
    /// The product's own boolean: `PilotPublicEip`, `ApiServerPublicEip`, `Capabilities.PublicSLB`.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub public_flag: Reading<bool>,
    /// As returned: `203.0.113.7:15011` or `https://203.0.113.7:6443`.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub public_endpoint: Reading<String>,
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub intranet_endpoint: Reading<String>,
    /// The EIP the product says it bound.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub eip_id: Reading<EipId>,
    /// The balancer in front. `Absent` also where it was not asked for, because no public balancer
    /// of the region is left that could be it.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub load_balancer_id: Reading<LoadBalancerId>,
}

/// A service mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Mesh {
    #[serde(flatten)]
    pub scope: Scope,
    pub service_mesh_id: MeshId,
    pub name: String,
    pub state: String,
    pub vpc_id: VpcId,
    pub v_switches: Vec<VSwitchId>,
    pub security_group_id: SecurityGroupId,
    pub pilot: Entrance,
    /// `None` where there is no canary pilot: detail read, and its endpoint, EIP id and balancer
    /// all empty.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub canary_pilot: Reading<Entrance>,
    pub api_server: Entrance,
    /// `Spec.MeshConfig.Audit.Enabled`.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub audit_enabled: Reading<bool>,
    /// `Spec.MeshConfig.Audit.Project`; empty where it is not named.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub audit_project: String,
    /// `Spec.MeshConfig.ExtraConfiguration.CRAggregationConfiguration.Enabled`: its clusters ask its API server, by
    /// the public endpoint or the private one. `Absent` where it was never switched on.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub cr_aggregation: Reading<bool>,
    /// Ids of the data-plane clusters, as the list names them.
    pub clusters: Vec<ClusterId>,
    /// The data-plane clusters in detail; `Unread` if that call failed.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub data_plane: Reading<Vec<DataPlaneCluster>>,
    pub tags: BTreeMap<String, String>,
}

/// A cluster as its mesh sees it (`DescribeClustersInServiceMesh`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DataPlaneCluster {
    pub cluster_id: ClusterId,
    pub name: String,
    pub cluster_type: String,
    pub region_id: RegionId,
    pub vpc_id: VpcId,
    pub state: String,
}

/// A Kubernetes cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Cluster {
    #[serde(flatten)]
    pub scope: Scope,
    pub cluster_id: ClusterId,
    pub name: String,
    /// `Kubernetes`, `ManagedKubernetes`, `ExternalKubernetes`, `Ask`, …
    pub cluster_type: String,
    pub profile: String,
    pub state: String,
    pub vpc_id: VpcId,
    /// Those of its control plane and nodes; empty where the reply did not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub v_switches: Vec<VSwitchId>,
    /// The block of its pods, where they have addresses of their own; absent where they take those of
    /// vSwitches.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub container_cidr: Reading<String>,
    /// When it last changed, as the reply has it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub updated: String,
    /// Of its nodes. Older snapshots have an empty text for none.
    #[serde(default, deserialize_with = "lenient::id_reading", skip_serializing_if = "Reading::is_unread")]
    pub security_group_id: Reading<SecurityGroupId>,
    /// `ipv4` or `dual`.
    pub ip_stack: String,
    pub api_server: Entrance,
    /// Balancers that may stand in front of the API server as well as the one of its entrance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_load_balancers: Vec<LoadBalancerId>,
    pub tags: BTreeMap<String, String>,
}

/// True in the one state in which a mesh is what it says. While it is made or taken down, or clusters and revisions are added,
/// what it lists is not all yet (alibaba-api.md 16d).
pub fn mesh_runs(state: &str) -> bool {
    state.eq_ignore_ascii_case("running")
}

impl Mesh {
    /// The clusters that it manages, by either reply, each once.
    pub fn cluster_ids(&self) -> BTreeSet<&ClusterId> {
        let detailed = self.data_plane.value().into_iter().flatten().map(|cluster| &cluster.cluster_id);
        self.clusters.iter().chain(detailed).collect()
    }
}

impl Cluster {
    /// Whether the vendor offers to bind and unbind the EIP of its API server: for managed, serverless and edge clusters.
    /// Dedicated ones have to be migrated first, registered ones have no such EIP; of other words nobody says anything.
    pub fn offers_eip_change(&self) -> Option<bool> {
        let is = |word: &str, known: &[&str]| known.iter().any(|known| known.eq_ignore_ascii_case(word));
        if is(&self.cluster_type, &["Kubernetes", "ExternalKubernetes"]) {
            return Some(false);
        }
        let offered = is(&self.cluster_type, &["ManagedKubernetes", "Ask"])
            && is(&self.profile, &["", "Default", "Serverless", "Edge"]);
        offered.then_some(true)
    }
}

/// An elastic IP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Eip {
    #[serde(flatten)]
    pub scope: Scope,
    pub allocation_id: EipId,
    pub ip_address: String,
    /// `Associating`, `Unassociating`, `InUse`, `Available`, `Releasing`.
    pub status: String,
    pub instance_id: String,
    /// `SlbInstance`, `EcsInstance`, `Nat`, …; unknown words occur.
    pub instance_type: String,
    pub private_ip_address: String,
    /// The VPC of the instance it is bound to, where the reply says.
    #[serde(default, skip_serializing_if = "VpcId::is_empty")]
    pub vpc_id: VpcId,
    pub service_managed: bool,
    pub tags: BTreeMap<String, String>,
}

/// A classic load balancer (CLB).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LoadBalancer {
    #[serde(flatten)]
    pub scope: Scope,
    pub load_balancer_id: LoadBalancerId,
    pub load_balancer_name: String,
    pub address: String,
    /// `internet` or `intranet`; stays `intranet` when an EIP is bound.
    pub address_type: String,
    #[serde(rename = "AddressIPVersion")]
    pub address_ip_version: String,
    pub load_balancer_status: String,
    pub vpc_id: VpcId,
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub listeners: Reading<Vec<Listener>>,
    pub tags: BTreeMap<String, String>,
}

/// A listener of a classic load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Listener {
    pub listener_port: u16,
    /// To which it forwards; absent where each backend server has a port of its own, unread where the reply did not say.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub backend_server_port: Reading<u16>,
    /// `tcp`, `udp`, `http`, `https`.
    pub listener_protocol: String,
    pub status: String,
    /// `on` or `off`; unread where the reply did not say.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub acl_status: Reading<String>,
    /// `white` or `black`.
    pub acl_type: String,
    pub acl_ids: Vec<AclId>,
}

/// A network load balancer (NLB).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkLoadBalancer {
    #[serde(flatten)]
    pub scope: Scope,
    pub load_balancer_id: LoadBalancerId,
    pub load_balancer_name: String,
    /// `Internet` or `Intranet`.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub address_type: Reading<String>,
    #[serde(rename = "Ipv6AddressType")]
    pub ipv6_address_type: String,
    #[serde(rename = "DNSName")]
    pub dns_name: String,
    pub load_balancer_status: String,
    /// What it is locked for, one word each, sorted: its status does not show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<String>,
    pub vpc_id: VpcId,
    /// Joined groups. `Absent`: none is joined, so everything is accepted.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub security_group_ids: Reading<Vec<SecurityGroupId>>,
    pub addresses: Vec<NlbAddress>,
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub listeners: Reading<Vec<NlbListener>>,
    pub tags: BTreeMap<String, String>,
}

/// One zone's addresses of a network load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NlbAddress {
    pub allocation_id: EipId,
    #[serde(rename = "PublicIPv4Address")]
    pub public_ipv4_address: String,
    #[serde(rename = "PrivateIPv4Address")]
    pub private_ipv4_address: String,
    #[serde(rename = "Ipv6Address")]
    pub ipv6_address: String,
}

/// A listener of a network load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NlbListener {
    pub listener_id: String,
    /// First port; equal to `end_port` unless the listener serves a range.
    pub start_port: u16,
    pub end_port: u16,
    /// `TCP`, `UDP`, `TCPSSL`.
    pub listener_protocol: String,
    pub listener_status: String,
}

/// An access control list of a classic load balancer, with all its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Acl {
    #[serde(flatten)]
    pub scope: Scope,
    pub acl_id: AclId,
    pub acl_name: String,
    #[serde(rename = "AddressIPVersion")]
    pub address_ip_version: String,
    /// `AclEntryIP` of every entry, as returned.
    pub entries: Vec<Box<str>>,
}

/// A security group with all pages of its rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecurityGroup {
    #[serde(flatten)]
    pub scope: Scope,
    pub security_group_id: SecurityGroupId,
    pub security_group_name: String,
    /// `normal` or `enterprise`; only `DescribeSecurityGroups` says.
    #[serde(default, skip_serializing_if = "Reading::is_unread")]
    pub security_group_type: Reading<String>,
    pub vpc_id: VpcId,
    pub inner_access_policy: String,
    pub service_managed: bool,
    pub permissions: Vec<Permission>,
    /// Only `DescribeSecurityGroups` says.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// A rule as `DescribeSecurityGroupAttribute` returns it: text throughout, empty means absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Permission {
    #[serde(skip_serializing_if = "is_empty")]
    pub security_group_rule_id: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub direction: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub policy: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub priority: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub ip_protocol: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub port_range: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub port_range_list_id: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub source_cidr_ip: Text,
    #[serde(skip_serializing_if = "is_empty", rename = "Ipv6SourceCidrIp")]
    pub ipv6_source_cidr_ip: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub source_group_id: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub source_prefix_list_id: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub source_port_range: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub dest_cidr_ip: Text,
    #[serde(skip_serializing_if = "is_empty", rename = "Ipv6DestCidrIp")]
    pub ipv6_dest_cidr_ip: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub dest_group_id: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub dest_prefix_list_id: Text,
    #[serde(skip_serializing_if = "is_empty")]
    pub nic_type: Text,
}

impl Permission {
    /// Shares the texts that many rules have in common; a rule's own id is not among them.
    pub fn share(&mut self, interner: &mut Interner) {
        let Self {
            security_group_rule_id: _,
            direction,
            policy,
            priority,
            ip_protocol,
            port_range,
            port_range_list_id,
            source_cidr_ip,
            ipv6_source_cidr_ip,
            source_group_id,
            source_prefix_list_id,
            source_port_range,
            dest_cidr_ip,
            ipv6_dest_cidr_ip,
            dest_group_id,
            dest_prefix_list_id,
            nic_type,
        } = self;
        for text in [
            direction,
            policy,
            priority,
            ip_protocol,
            port_range,
            port_range_list_id,
            source_cidr_ip,
            ipv6_source_cidr_ip,
            source_group_id,
            source_prefix_list_id,
            source_port_range,
            dest_cidr_ip,
            ipv6_dest_cidr_ip,
            dest_group_id,
            dest_prefix_list_id,
            nic_type,
        ] {
            interner.share(text);
        }
    }
}

fn is_empty(text: &str) -> bool {
    text.is_empty()
}

/// An ECS prefix list with its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PrefixList {
    #[serde(flatten)]
    pub scope: Scope,
    pub prefix_list_id: PrefixListId,
    /// `IPv4` or `IPv6`.
    pub address_family: String,
    /// `Cidr` of every entry, as returned.
    pub entries: Vec<Box<str>>,
}

/// An ECS port-range list with its entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PortRangeList {
    #[serde(flatten)]
    pub scope: Scope,
    pub port_range_list_id: PortRangeListId,
    /// `PortRange` of every entry, as returned.
    pub entries: Vec<Box<str>>,
}

/// A network interface: read only where a rule's destination narrows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NetworkInterface {
    #[serde(flatten)]
    pub scope: Scope,
    pub network_interface_id: NetworkInterfaceId,
    pub security_group_ids: Vec<SecurityGroupId>,
    pub private_ip_addresses: Vec<String>,
    pub ipv6_addresses: Vec<String>,
}
