//! What a rule was evaluated on in a run, and of how much of that it could say nothing. A rule that looked at nothing, or at
//! something of which too little is known, finds nothing; that is no evidence.

use std::{collections::BTreeSet, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Input, Run, Seen, Subject};
use crate::model::{AccountId, EndpointJudgement, Exposure, RegionId, ResourceKind};

/// What a rule is evaluated on, once each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectKind {
    /// A control-plane entrance.
    Endpoint,
    /// A security group in front of an exposed endpoint.
    SecurityGroup,
    /// An access control list of a listener in front of an exposed endpoint.
    Acl,
    /// A public balancer that nobody claims and that looks like a control plane.
    LoadBalancer,
    /// An elastic IP through which a control plane is exposed.
    Eip,
    /// A service mesh.
    Mesh,
    /// A Kubernetes cluster.
    Cluster,
}

impl SubjectKind {
    /// Every kind, in the order of the reference.
    pub const ALL: [Self; 7] =
        [Self::Endpoint, Self::SecurityGroup, Self::Acl, Self::LoadBalancer, Self::Eip, Self::Mesh, Self::Cluster];

    /// The word of rule files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::SecurityGroup => "security-group",
            Self::Acl => "acl",
            Self::LoadBalancer => "load-balancer",
            Self::Eip => "eip",
            Self::Mesh => "mesh",
            Self::Cluster => "cluster",
        }
    }
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a rule looked at, among resources of some kinds.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// What it was evaluated on.
    pub(super) subjects: usize,
    /// Those of which not all that it looks at is known.
    pub(super) undecided: usize,
    /// What is not known of them, where they are endpoints.
    pub(super) lacking: BTreeSet<Input>,
}

impl Looked {
    /// What the rule, which is about subjects of that kind, looked at among resources of `kinds`; all if there is none.
    pub(super) fn of(rule_id: &str, about: SubjectKind, kinds: &[ResourceKind], run: &Run, seen: &Seen<'_>) -> Self {
        let about_use = run.header.grounds.inputs(rule_id).into_iter().all(Input::is_about_use);
        let mut looked = Self::default();
        for (subject, endpoint) in subjects(about, run) {
            let is_meant = kinds.is_empty() || kinds.contains(&subject.resource_kind);
            // Nobody uses a public path that is not there, and no log of it could have been read.
            let is_idle = about_use && endpoint.is_some_and(|it| it.exposure == Exposure::Private);
            if !is_meant || is_idle {
                continue;
            }
            looked.subjects += 1;
            if !seen.read(rule_id, &subject, "") {
                looked.undecided += 1;
                looked.lacking.extend(endpoint.map(|it| seen.lacking(rule_id, it)).unwrap_or_default());
            }
        }
        looked
    }
}

/// Everything in a run that a rule about that kind is evaluated on, each once.
fn subjects(about: SubjectKind, run: &Run) -> Vec<(Subject, Option<&EndpointJudgement>)> {
    let judgements = &run.judgements;
    let plain = |account_id: &AccountId, region_id: &RegionId, resource_kind: ResourceKind, resource_id: &str| {
        let (account_id, region_id) = (account_id.clone(), region_id.clone());
        let resource_id = resource_id.to_owned();
        (Subject { account_id, region_id, resource_kind, resource_id, endpoint_kind: None }, None)
    };
    let resources = |kind: ResourceKind| {
        let of_kind = judgements.resources.iter().filter(move |it| it.resource_kind == kind);
        of_kind.map(|it| plain(&it.account_id, &it.region_id, kind, &it.resource_id)).collect()
    };
    match about {
        SubjectKind::Endpoint => judgements.endpoints.iter().map(|it| (Subject::of(&it.endpoint), Some(it))).collect(),
        SubjectKind::SecurityGroup => judgements
            .security_groups
            .iter()
            .map(|it| plain(&it.account_id, &it.region_id, ResourceKind::SecurityGroup, &it.security_group_id))
            .collect(),
        SubjectKind::Acl => judgements
            .acls
            .iter()
            .map(|it| plain(&it.account_id, &it.region_id, it.resource_kind, &it.acl_id))
            .collect(),
        SubjectKind::LoadBalancer => judgements
            .unclaimed_balancers
            .iter()
            .map(|it| plain(&it.account_id, &it.region_id, ResourceKind::LoadBalancer, &it.load_balancer_id))
            .collect(),
        SubjectKind::Eip => {
            let of_endpoints = judgements
                .endpoints
                .iter()
                .filter_map(|it| Some((&it.endpoint.account_id, &it.endpoint.region_id, it.eip_id.as_ref()?.as_str())));
            let of_balancers = judgements
                .unclaimed_balancers
                .iter()
                .filter_map(|it| Some((&it.account_id, &it.region_id, it.eip_id.as_ref()?.as_str())));
            let each: BTreeSet<_> = of_endpoints.chain(of_balancers).collect();
            each.into_iter().map(|(account, region, id)| plain(account, region, ResourceKind::Eip, id)).collect()
        }
        SubjectKind::Mesh => resources(ResourceKind::Mesh),
        SubjectKind::Cluster => resources(ResourceKind::Cluster),
    }
}
