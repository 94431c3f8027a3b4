//! What was read of logs and of the audit trail: who used an endpoint during a window, and who
//! bound its EIP.

use std::{collections::BTreeSet, net::IpAddr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Binding, Client, ClusterId, EipId, MeshId, Scope, Unit, VSwitchId, VpcId, words::words};

words! {
    /// Where a log is written, which decides what it can say.
    Observer {
        /// A VPC flow log: what the interfaces of a VPC sent.
        Vpc = "vpc",
        /// The audit log of a cluster's API server.
        Cluster = "cluster",
        /// The audit log of a mesh's API server.
        Mesh = "mesh",
        /// Exported records of what came in at an address.
        File = "file",
    }
}

/// One log, aggregated over a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LogReading {
    #[serde(flatten)]
    pub scope: Scope,
    pub observer: Observer,
    /// The VPC, cluster or mesh whose log it is, or the name of the file.
    pub observed: String,
    /// Start of what the log covers, at the earliest the start of the window.
    pub from: DateTime<Utc>,
    /// End of it, at the latest the end of the window.
    pub to: DateTime<Utc>,
    /// Everything of the window was in the answer: no progress was incomplete, no limit was
    /// reached, and the log covers all of what it is about. The log of an API server may be young:
    /// then it is complete from `from` on.
    pub complete: bool,
    /// What keeps it from being complete, in a sentence; empty where nothing does.
    pub note: String,
    pub flows: Vec<Flow>,
    pub requests: Vec<Requests>,
}

/// Traffic from one source to one destination.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Flow {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub port: u16,
    pub first_seen: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    /// Records of the log, each of which sums up the packets of some seconds or minutes.
    pub records: u64,
    pub bytes: u64,
}

/// Requests of one user from one source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Requests {
    pub source: IpAddr,
    /// Empty for an anonymous request, and for one that does not say who made it.
    pub user: String,
    /// False where the answer was 401 or 403 to nobody in particular, and where nobody knows.
    pub authenticated: bool,
    pub first_seen: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    pub count: u64,
}

/// True for an address that a client on the internet may have. Ranges for documentation count: nothing private has them.
pub fn is_on_the_internet(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let is_here = v4.is_loopback() || v4.is_link_local() || v4.is_unspecified();
            !(v4.is_private() || is_here || is_of_balancers(address))
        }
        IpAddr::V6(v6) => {
            !(v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback() || v6.is_unspecified())
        }
    }
}

/// The range from which classic balancers speak, 100.64.0.0/10.
pub fn is_of_balancers(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64,
        IpAddr::V6(_) => false,
    }
}

/// The audit trail of one region, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TrailReading {
    #[serde(flatten)]
    pub scope: Scope,
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    /// Every event between the two was in the answer.
    pub complete: bool,
    pub bindings: Vec<BindingEvent>,
    pub kubeconfigs: Vec<KubeconfigIssue>,
}

/// A kubeconfig for the public endpoint was handed out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct KubeconfigIssue {
    /// The cluster or mesh.
    pub resource_id: String,
    pub at: DateTime<Utc>,
}

/// An event of the audit trail that put an endpoint on the internet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BindingEvent {
    pub eip_id: EipId,
    /// The mesh or cluster, or the balancer, that it names; empty where it names none.
    pub resource_id: String,
    pub binding: Binding,
}

impl Requests {
    /// The source as a client; users only where they were authenticated.
    pub fn client(&self) -> Client {
        Client {
            address: self.source,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            count: self.count,
            bytes: 0,
            users: if self.authenticated && !self.user.is_empty() { vec![self.user.clone()] } else { Vec::new() },
        }
    }
}

impl Flow {
    /// The source as a client.
    pub fn client(&self) -> Client {
        Client {
            address: self.source,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            count: self.records,
            bytes: self.bytes,
            users: Vec::new(),
        }
    }
}

/// The service mesh's own opinion of its clusters (`DescribeCens`, `DescribeServiceMeshClusters`): quoted
/// where it contradicts what was found, never obeyed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MeshOpinion {
    #[serde(flatten)]
    pub scope: Scope,
    pub service_mesh_id: MeshId,
    /// Those in other VPCs that it calls not connected by CEN, sorted.
    pub not_joined_by_cen: Vec<ClusterId>,
    /// Those with a forbidden flag: 2 for no private connection, 3 for a conflict of blocks.
    pub forbidden: Vec<ForbiddenCluster>,
}

/// A cluster that the mesh would not take.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ForbiddenCluster {
    pub cluster_id: ClusterId,
    pub forbidden_flag: i64,
}

/// One read of logs or of the audit trail, and where to ask.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EvidenceWanted {
    pub scope: Scope,
    pub read: EvidenceRead,
}

impl EvidenceWanted {
    /// The unit of the ledger that stands for the read.
    pub fn unit(&self) -> Unit {
        let (product, operation, object) = match &self.read {
            EvidenceRead::FlowLogs { vpc_id, .. } => ("sls", "GetLogsV2", vpc_id.as_str()),
            EvidenceRead::ClusterAudit(id) => ("sls", "GetLogsV2", id.as_str()),
            EvidenceRead::MeshAudit { service_mesh_id, .. } => ("sls", "GetLogsV2", service_mesh_id.as_str()),
            EvidenceRead::Trail { .. } => ("actiontrail", "LookupEvents", ""),
        };
        Unit::new(&self.scope.account_id, &self.scope.region_id, product, operation, object)
    }
}

/// What to read of logs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceRead {
    /// What a VPC sent to public entrances.
    FlowLogs {
        vpc_id: VpcId,
        /// All vSwitches of the VPC; empty where they are not known.
        v_switches: BTreeSet<VSwitchId>,
        entrances: BTreeSet<(IpAddr, u16)>,
    },
    /// Who used a cluster's API server.
    ClusterAudit(ClusterId),
    /// Who used a mesh's API server.
    MeshAudit {
        service_mesh_id: MeshId,
        /// The project of the log service; `None` where the mesh is not known to keep an audit log.
        project: Option<String>,
    },
    /// Who bound EIPs in a region and was handed a kubeconfig, of which kinds of endpoints.
    Trail { of_meshes: bool, of_clusters: bool },
}
