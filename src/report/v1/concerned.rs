//! Which endpoints a finding concerns that is about something else: a filter in front of them, the
//! EIP or balancer that exposes them, their mesh or cluster; and whom a filter lets through.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::Text;
use crate::{
    findings::{Run, Subject},
    model::{self, ResourceKind},
};

/// Account, region, kind and id of a resource.
type Place<'a> = (&'a str, &'a str, ResourceKind, &'a str);

/// Ids of endpoints, by what stands in front of them or owns them.
pub(super) struct Concerned<'a> {
    endpoints: BTreeMap<Place<'a>, BTreeSet<model::Text>>,
    /// Untrusted sources that filters let through.
    untrusted: BTreeMap<Place<'a>, &'a [IpNet]>,
}

impl<'a> Concerned<'a> {
    /// Looks only for what some finding is about.
    pub(super) fn of(run: &'a Run) -> Self {
        let mut endpoints: BTreeMap<Place<'a>, BTreeSet<model::Text>> =
            run.findings.iter().filter_map(|finding| Some((place(&finding.subject)?, BTreeSet::new()))).collect();
        let mut untrusted = BTreeMap::new();
        let mut add = |place: Place<'a>, ids: &mut dyn Iterator<Item = model::Text>| {
            if let Some(known) = endpoints.get_mut(&place) {
                known.extend(ids);
            }
        };
        for judgement in &run.judgements.endpoints {
            let at = &judgement.endpoint;
            let (account, region) = (at.account_id.as_str(), at.region_id.as_str());
            let id = model::Text::from(at.id());
            let owner = Some((at.resource_kind, at.resource_id.as_str()));
            let eip = judgement.eip_id.as_ref().map(|id| (ResourceKind::Eip, id.as_str()));
            let balancer = judgement.load_balancer_id.as_ref().map(|id| (ResourceKind::LoadBalancer, id.as_str()));
            for (kind, place) in [owner, eip, balancer].into_iter().flatten() {
                add((account, region, kind, place), &mut std::iter::once(id.clone()));
            }
        }
        for group in &run.judgements.security_groups {
            let (account, region) = (group.account_id.as_str(), group.region_id.as_str());
            let place = (account, region, ResourceKind::SecurityGroup, group.security_group_id.as_str());
            add(place, &mut group.endpoints.iter().map(|id| id.as_str().into()));
            untrusted.extend(group.untrusted_anywhere.as_deref().map(|blocks| (place, blocks)));
        }
        for acl in &run.judgements.acls {
            let place = (acl.account_id.as_str(), acl.region_id.as_str(), acl.resource_kind, acl.acl_id.as_str());
            add(place, &mut acl.endpoints.iter().map(|id| id.as_str().into()));
            untrusted.extend(acl.untrusted_anyhow.as_deref().map(|blocks| (place, blocks)));
        }
        Self { endpoints, untrusted }
    }

    /// The endpoints that a finding about this concerns; none where it is about an endpoint itself.
    pub(super) fn endpoints(&self, subject: &Subject) -> Vec<Text<'a>> {
        let found = place(subject).and_then(|place| self.endpoints.get(&place));
        found.into_iter().flatten().cloned().map(Text::Shared).collect()
    }

    /// Whom the filter lets through that a finding is about, as far as that is known.
    pub(super) fn untrusted(&self, subject: &Subject) -> Option<&'a [IpNet]> {
        place(subject).and_then(|place| self.untrusted.get(&place).copied())
    }
}

/// Where the subject is, unless it is an endpoint.
fn place(subject: &Subject) -> Option<Place<'_>> {
    subject.endpoint_kind.is_none().then_some((
        subject.account_id.as_str(),
        subject.region_id.as_str(),
        subject.resource_kind,
        subject.resource_id.as_str(),
    ))
}
