//! What is changed, where, and from what to what; the requests that do it and undo it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{
    self, AccountId, AclId, ClusterId, EipId, EndpointKind, LoadBalancerId, MeshId, RegionId, ResourceKind,
};

/// A control plane's way in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Endpoint {
    Pilot(MeshId),
    CanaryPilot(MeshId),
    MeshApiServer(MeshId),
    ClusterApiServer(ClusterId),
}

impl Endpoint {
    /// The mesh or the cluster: components of one are not changed within a day of each other.
    pub fn owner(&self) -> &str {
        match self {
            Self::Pilot(mesh) | Self::CanaryPilot(mesh) | Self::MeshApiServer(mesh) => mesh.as_str(),
            Self::ClusterApiServer(cluster) => cluster.as_str(),
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Pilot(_) => "pilot",
            Self::CanaryPilot(_) => "canary-pilot",
            Self::MeshApiServer(_) => "mesh-api-server",
            Self::ClusterApiServer(_) => "cluster-api-server",
        }
    }

    /// A change of its EIP rolls the API server.
    pub fn rolls(&self) -> bool {
        matches!(self, Self::ClusterApiServer(_))
    }
}

/// One endpoint of one account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    pub account: AccountId,
    pub region: RegionId,
    pub endpoint: Endpoint,
}

impl Target {
    /// Name of the lease and of the records about this endpoint, whatever is done to it.
    pub fn row(&self) -> String {
        format!("target/{}/{}/{}", self.account, self.endpoint.owner(), self.endpoint.word())
    }

    /// The endpoint that a judgement is about.
    pub fn of(judged: &model::Endpoint) -> Self {
        let id = judged.resource_id.as_str();
        let endpoint = match judged.kind {
            EndpointKind::IstioPilot => Endpoint::Pilot(id.into()),
            EndpointKind::IstioPilotCanary => Endpoint::CanaryPilot(id.into()),
            EndpointKind::MeshApiServer => Endpoint::MeshApiServer(id.into()),
            EndpointKind::ClusterApiServer => Endpoint::ClusterApiServer(id.into()),
        };
        Self { account: judged.account_id.clone(), region: judged.region_id.clone(), endpoint }
    }

    /// As judgements and reports name it.
    pub fn judged(&self) -> model::Endpoint {
        let (resource_kind, kind) = match self.endpoint {
            Endpoint::Pilot(_) => (ResourceKind::Mesh, EndpointKind::IstioPilot),
            Endpoint::CanaryPilot(_) => (ResourceKind::Mesh, EndpointKind::IstioPilotCanary),
            Endpoint::MeshApiServer(_) => (ResourceKind::Mesh, EndpointKind::MeshApiServer),
            Endpoint::ClusterApiServer(_) => (ResourceKind::Cluster, EndpointKind::ClusterApiServer),
        };
        model::Endpoint {
            account_id: self.account.clone(),
            region_id: self.region.clone(),
            resource_kind,
            resource_id: self.endpoint.owner().to_owned(),
            kind,
        }
    }

    /// Name of the lease and of the records about the account.
    pub fn account_row(&self) -> String {
        format!("account/{}", self.account)
    }
}

/// Kind of a listener's access control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AclKind {
    White,
    Black,
}

/// Access control of a listener: status, type and ids.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AclSetting {
    pub on: bool,
    pub kind: AclKind,
    pub ids: Vec<AclId>,
}

impl AclSetting {
    /// Access control that is off. The cloud keeps the kind and ids of before, which say nothing: they are left out, so
    /// that what is read after the way back is what was read before the change.
    pub fn off() -> Self {
        Self { on: false, kind: AclKind::White, ids: Vec::new() }
    }
}

/// What an action changes, as it was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// No EIP.
    Vacant,
    Eip(EipId),
    Acl(AclSetting),
}

/// From what to what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Takes the EIP off the endpoint. It stays allocated, and comes back with its address.
    Unbind { eip: EipId, address: String },
    /// Attaches a new white list, made for this, to the listener. An ACL that exists is never edited.
    Fence { port: u16, before: AclSetting, entries: Vec<String> },
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Unique: what happens under it happens once.
    pub intent: String,
    pub target: Target,
    pub change: Change,
    pub load_balancer: LoadBalancerId,
    /// The data-plane clusters, or known consumers, that the proof was about. Another set is another case.
    pub clusters: Vec<String>,
    /// Digests of what the plan rests on.
    pub evidence: Vec<String>,
    pub environment: String,
    /// At most one action of a dependency group at a time.
    pub group: String,
    pub canary: bool,
}

impl Action {
    /// What the slot holds before.
    pub fn before(&self) -> Slot {
        match &self.change {
            Change::Unbind { eip, .. } => Slot::Eip(eip.clone()),
            Change::Fence { before, .. } => Slot::Acl(before.clone()),
        }
    }

    /// What it holds afterwards; for a fence that is known once its ACL exists.
    pub fn after(&self, acl: Option<&AclId>) -> Slot {
        match (&self.change, acl) {
            (Change::Unbind { .. }, _) => Slot::Vacant,
            (Change::Fence { .. }, acl) => {
                Slot::Acl(AclSetting { on: true, kind: AclKind::White, ids: acl.into_iter().cloned().collect() })
            }
        }
    }

    /// What the endpoint belongs to, and who goes by it: whatever shares one of these with another depends on the same.
    pub fn depends(&self) -> BTreeSet<String> {
        self.clusters.iter().cloned().chain([self.target.endpoint.owner().to_owned()]).collect()
    }

    /// Name of the ACL that a fence makes: whoever finds it knows whose it is.
    pub fn acl_name(&self) -> String {
        format!("portcullis-{}", self.intent)
    }

    /// The request that makes the change.
    pub fn act(&self, acl: Option<&AclId>) -> Request {
        match self.after(acl) {
            Slot::Acl(setting) => self.set_acl(setting),
            Slot::Vacant | Slot::Eip(_) => Request::Unbind { endpoint: self.target.endpoint.clone() },
        }
    }

    /// The request that takes it back.
    pub fn undo(&self) -> Request {
        match &self.change {
            Change::Unbind { eip, .. } => Request::Bind { endpoint: self.target.endpoint.clone(), eip: eip.clone() },
            Change::Fence { before, .. } => self.set_acl(before.clone()),
        }
    }

    /// What insures the way back, and what is cleared up once nothing needs it.
    pub fn insurance(&self, plan: &str) -> (Vec<Request>, Vec<Request>) {
        match &self.change {
            Change::Unbind { eip, .. } => {
                let tag = |plan: Option<&str>| Request::Tag { eip: eip.clone(), plan: plan.map(str::to_owned) };
                let protect = |on| Request::Protect { eip: eip.clone(), on };
                (vec![protect(true), tag(Some(plan))], vec![protect(false), tag(None)])
            }
            Change::Fence { entries, .. } => {
                let acl = AclId::from(self.acl_name());
                let adds = entries
                    .chunks(Request::ACL_ENTRIES_A_CALL)
                    .map(|some| Request::AddAclEntries { acl: acl.clone(), entries: some.to_vec() });
                let create = Request::CreateAcl { name: self.acl_name() };
                (std::iter::once(create).chain(adds).collect(), vec![Request::DeleteAcl { acl: acl.clone() }])
            }
        }
    }

    fn set_acl(&self, setting: AclSetting) -> Request {
        let port = match self.change {
            Change::Fence { port, .. } => port,
            Change::Unbind { .. } => 0,
        };
        Request::SetListenerAcl { load_balancer: self.load_balancer.clone(), port, setting }
    }
}

/// A request that changes something. `cloud` learns to send these; nobody else may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `ModifyPilotEipResource` (`IsCanary` for a canary), `ModifyApiServerEipResource` or `ModifyCluster`. The EIP's id is
    /// left empty, as the vendor says: it is no condition.
    Unbind { endpoint: Endpoint },
    /// The same, the other way. Where an EIP is bound already it is pushed out.
    Bind { endpoint: Endpoint, eip: EipId },
    /// `SetLoadBalancerTCPListenerAttribute`.
    SetListenerAcl { load_balancer: LoadBalancerId, port: u16, setting: AclSetting },
    /// `DeletionProtection`.
    Protect { eip: EipId, on: bool },
    /// `TagResources` or, without a plan, `UnTagResources`.
    Tag { eip: EipId, plan: Option<String> },
    /// `CreateAccessControlList`.
    CreateAcl { name: String },
    /// `AddAccessControlListEntry`, at most [`ACL_ENTRIES_A_CALL`](Self::ACL_ENTRIES_A_CALL) at a time.
    AddAclEntries { acl: AclId, entries: Vec<String> },
    /// `DeleteAccessControlList`; the cloud refuses while a listener uses it.
    DeleteAcl { acl: AclId },
}

impl Request {
    pub const ACL_ENTRIES_A_CALL: usize = 50;
}

/// Which write of which intent a request belongs to: for the audit, and the session's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteRef {
    pub intent: String,
    /// Counted from 0 within the case; `None` for what prepares or clears up.
    pub write: Option<u32>,
}
