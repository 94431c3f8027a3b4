//! What is said of listener ACLs in front of exposed endpoints: switched on and empty, used as
//! black list, wider than the allowlist, or without the ranges that the vendor needs.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::Ipv4Addr,
    rc::Rc,
};

use ipnet::{IpNet, Ipv4Net};

use crate::{
    model::{
        AccountId, Acl, AclId, AclJudgement, Bounds, EndpointKind, Family, Listener, LoadBalancer, Reading, RegionId,
        ResourceKind, ports,
    },
    netset::{AddressSet, Block},
};

use super::{
    exposure::Assessed,
    gates::{self, Job},
    index::{self, Balancer, Index},
};

/// One judgement for each ACL, and for each listener whose ACL is on but names none; sorted by
/// account, region and id.
pub(super) fn judge(index: &Index<'_>, jobs: &[Job<'_, '_>]) -> Vec<AclJudgement> {
    let mut judging = Judging { index, lists: HashMap::new(), judgements: BTreeMap::new() };
    for job in jobs {
        judging.endpoint(job);
    }
    judging.judgements.into_values().map(Judging::finish).collect()
}

/// Account, region, id.
type Key = (AccountId, RegionId, String);

struct Judging<'a, 'i> {
    index: &'a Index<'i>,
    lists: HashMap<(&'i AccountId, &'i AclId), Rc<List<'i>>>,
    judgements: BTreeMap<Key, Collected>,
}

/// A judgement in the making.
struct Collected {
    judgement: AclJudgement,
    endpoints: BTreeSet<String>,
    listeners: BTreeSet<String>,
    untrusted: AddressSet,
    anyhow: AddressSet,
    /// Numbers of the trusted sets that were already taken away from this list, by family.
    done: BTreeSet<(usize, Family)>,
    missing_required: BTreeSet<IpNet>,
}

/// The entries of an ACL.
#[derive(Default)]
struct List<'i> {
    /// `None` where it was not read.
    acl: Option<&'i Acl>,
    entries: AddressSet,
    malformed: Vec<String>,
}

impl List<'_> {
    fn is_known(&self) -> bool {
        self.acl.is_some() && self.malformed.is_empty()
    }

    /// `None` where it was not read.
    fn is_empty(&self) -> Option<bool> {
        self.acl.map(|acl| acl.entries.is_empty())
    }
}

impl<'i> Judging<'_, 'i> {
    fn endpoint(&mut self, job: &Job<'_, 'i>) {
        let front = job.assessed.front.as_ref().map(|front| front.balancer);
        let Some(Balancer::Classic(Some(balancer))) = front else {
            return;
        };
        let Reading::Value(listeners) = &balancer.listeners else {
            return;
        };
        for listener in listeners.iter().filter(|one| !ports::is_stopped(&one.status) && is_on(one)) {
            self.listener(job, balancer, listener);
        }
    }

    fn listener(&mut self, job: &Job<'_, 'i>, balancer: &'i LoadBalancer, listener: &'i Listener) {
        let lists: Vec<_> = listener.acl_ids.iter().map(|id| self.list(job.assessed, id)).collect();
        let seen = Seen {
            listener_id: format!("{}/{}", balancer.load_balancer_id, listener.listener_port),
            empty: enabled_but_empty(&lists),
            is_black: listener.acl_type.eq_ignore_ascii_case("black"),
            is_white: listener.acl_type.eq_ignore_ascii_case("white"),
            family: family(balancer),
        };
        let missing = if seen.is_white { missing_required(job.assessed, seen.family, &lists) } else { Vec::new() };
        if lists.is_empty() {
            let id = seen.listener_id.clone();
            self.collected(job.assessed, id, ResourceKind::LoadBalancer, None).note(job, &seen, &missing);
        }
        for (id, list) in listener.acl_ids.iter().zip(&lists) {
            let id = id.as_str().to_owned();
            let collected = self.collected(job.assessed, id, ResourceKind::Acl, Some(list));
            collected.note(job, &seen, &missing);
            if seen.is_white {
                collected.admit(job, &seen, list);
            }
        }
        // A white list lets through what it holds, which is told already; any other use lets through all but a few.
        if !seen.is_white || seen.empty.upper {
            let kept_out = if seen.is_black { held_by_all(&lists) } else { AddressSet::empty() };
            let passing = gates::whole(seen.family).subtract(&kept_out).subtract(&job.trusted.addresses);
            let names = listener.acl_ids.iter().map(|id| (id.as_str().to_owned(), ResourceKind::Acl));
            let nameless = lists.is_empty().then(|| (seen.listener_id.clone(), ResourceKind::LoadBalancer));
            for (id, kind) in names.chain(nameless) {
                let collected = self.collected(job.assessed, id, kind, None);
                collected.anyhow = collected.anyhow.union(&passing);
            }
        }
    }

    /// The list, parsed once however many listeners use it.
    fn list(&mut self, assessed: &Assessed<'i>, id: &'i AclId) -> Rc<List<'i>> {
        let account_id = &assessed.scope.account_id;
        let inventory = self.index.inventory;
        let list = self.lists.entry((account_id, id)).or_insert_with(|| Rc::new(read(inventory.acl(account_id, id))));
        Rc::clone(list)
    }

    fn collected(
        &mut self,
        assessed: &Assessed<'_>,
        id: String,
        resource_kind: ResourceKind,
        list: Option<&List<'_>>,
    ) -> &mut Collected {
        let scope = assessed.scope;
        self.judgements.entry((scope.account_id.clone(), scope.region_id.clone(), id.clone())).or_insert_with(|| {
            let unread = list.filter(|list| list.acl.is_none()).map(|_| id.clone());
            let malformed = list.map(|list| list.malformed.clone()).unwrap_or_default();
            Collected {
                judgement: AclJudgement {
                    account_id: scope.account_id.clone(),
                    region_id: scope.region_id.clone(),
                    acl_id: id,
                    resource_kind,
                    name: list.and_then(|list| list.acl).map(|acl| acl.acl_name.clone()).unwrap_or_default(),
                    endpoints: Vec::new(),
                    listeners: Vec::new(),
                    enabled_but_empty: Bounds::exact(false),
                    black_list: false,
                    admits_untrusted: Bounds::exact(false),
                    untrusted: Vec::new(),
                    untrusted_anyhow: None,
                    missing_required: Vec::new(),
                    unresolved: malformed.into_iter().chain(unread).collect(),
                },
                endpoints: BTreeSet::new(),
                listeners: BTreeSet::new(),
                untrusted: AddressSet::empty(),
                anyhow: AddressSet::empty(),
                done: BTreeSet::new(),
                missing_required: BTreeSet::new(),
            }
        })
    }

    fn finish(collected: Collected) -> AclJudgement {
        AclJudgement {
            endpoints: collected.endpoints.into_iter().collect(),
            listeners: collected.listeners.into_iter().collect(),
            untrusted_anyhow: Some(collected.untrusted.union(&collected.anyhow).cover()),
            untrusted: collected.untrusted.cover(),
            missing_required: collected.missing_required.into_iter().collect(),
            ..collected.judgement
        }
    }
}

/// One listener with its ACL on.
struct Seen {
    listener_id: String,
    empty: Bounds<bool>,
    is_black: bool,
    is_white: bool,
    family: Family,
}

impl Collected {
    fn note(&mut self, job: &Job<'_, '_>, seen: &Seen, missing: &[IpNet]) {
        self.endpoints.insert(job.assessed.judgement.endpoint.id());
        self.listeners.insert(seen.listener_id.clone());
        self.judgement.enabled_but_empty = either(self.judgement.enabled_but_empty, seen.empty);
        self.judgement.black_list |= seen.is_black;
        self.missing_required.extend(missing);
    }

    /// Adds whom the list admits as a white list.
    fn admit(&mut self, job: &Job<'_, '_>, seen: &Seen, list: &List<'_>) {
        if !self.done.insert((job.trusted.number, seen.family)) {
            return;
        }
        let residue = untrusted(list, seen.family, &job.trusted.addresses);
        let bounds = Bounds { lower: residue.lower.is_routable(), upper: residue.upper.is_routable() };
        self.judgement.admits_untrusted = either(self.judgement.admits_untrusted, bounds);
        self.untrusted = self.untrusted.union(&residue.upper);
    }
}

/// Only what says `on` is a filter at all; where the reply did not say, the access row is unknown.
fn is_on(listener: &Listener) -> bool {
    listener.acl_status.value().is_some_and(|status| status.eq_ignore_ascii_case("on"))
}

fn read(acl: Option<&Acl>) -> List<'_> {
    let Some(acl) = acl else {
        return List::default();
    };
    let mut malformed = Vec::new();
    let entries = acl
        .entries
        .iter()
        .filter_map(|entry| Block::parse(entry).map_err(|_| malformed.push(entry.to_string())).ok())
        .collect();
    malformed.sort_unstable();
    malformed.dedup();
    List { acl: Some(acl), entries, malformed }
}

/// All lists of one listener together hold no entry: the vendor then forwards everything.
fn enabled_but_empty(lists: &[Rc<List<'_>>]) -> Bounds<bool> {
    let upper = lists.iter().all(|list| list.is_empty().unwrap_or(true));
    let lower = lists.iter().all(|list| list.is_empty().unwrap_or(false));
    Bounds { lower, upper }
}

fn either(one: Bounds<bool>, other: Bounds<bool>) -> Bounds<bool> {
    Bounds { lower: one.lower || other.lower, upper: one.upper || other.upper }
}

/// What the lists of one listener hold together, as far as they could be read: as black lists they keep out no less.
fn held_by_all(lists: &[Rc<List<'_>>]) -> AddressSet {
    lists.iter().fold(AddressSet::empty(), |sum, list| sum.union(&list.entries))
}

/// What a list admits by its own entries; that an empty one admits everything is said apart.
fn untrusted(list: &List<'_>, family: Family, trusted: &AddressSet) -> Bounds<AddressSet> {
    let whole = gates::whole(family);
    let lower = list.entries.intersect(&whole).subtract(trusted);
    let upper = if list.is_known() { lower.clone() } else { whole.subtract(trusted) };
    Bounds { lower, upper }
}

fn family(balancer: &LoadBalancer) -> Family {
    if index::is_ipv6(balancer) { Family::Ipv6 } else { Family::Ipv4 }
}

/// Ranges that a white list in front of an ACK API server lacks for certain.
fn missing_required(assessed: &Assessed<'_>, family: Family, lists: &[Rc<List<'_>>]) -> Vec<IpNet> {
    if family != Family::Ipv4 {
        return Vec::new();
    }
    if !lists.iter().all(|list| list.is_known()) || enabled_but_empty(lists).upper {
        return Vec::new();
    }
    let admitted = held_by_all(lists);
    let lacks = |range: &IpNet| !AddressSet::from_iter([*range]).subtract(&admitted).is_empty();
    required_by_vendor(assessed.judgement.endpoint.kind).into_iter().filter(lacks).collect()
}

/// Ranges that a white list in front of the endpoint has to hold whoever uses it.
pub fn required_by_vendor(kind: EndpointKind) -> Vec<IpNet> {
    if kind == EndpointKind::ClusterApiServer { vec![required_by_ack()] } else { Vec::new() }
}

/// From 100.104.0.0/16 the vendor's management side reaches an ACK API server; a white list
/// without it locks the console out. The other ranges that the vendor asks for are the customer's
/// own.
fn required_by_ack() -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(100, 104, 0, 0), 16))
}
