//! What is said of the security groups in front of exposed endpoints, each taken alone: whom it
//! admits on the ports of those endpoints, and which of its rules do nothing or too much.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use rayon::prelude::*;

use crate::{
    model::{
        AccessRow, AccountId, Bounds, Enforcement, Family, GateKind, RegionId, SecurityGroup, SecurityGroupId,
        SecurityGroupJudgement,
    },
    netset::AddressSet,
};

use super::{
    access::{self, Group, Groups, Lists, Protocol, Query, Stage},
    gates::{self, Job, ListsOf},
    index::Index,
    trusted::TrustedSet,
};

/// One judgement for each group, sorted by account, region and id. `rows` are those of `jobs`.
pub(super) fn judge(
    index: &Index<'_>,
    lists: &ListsOf<'_>,
    jobs: &[Job<'_, '_>],
    rows: &[Vec<AccessRow>],
) -> Vec<SecurityGroupJudgement> {
    let mut uses: BTreeMap<Key<'_>, Use> = BTreeMap::new();
    for (job, rows) in jobs.iter().zip(rows) {
        collect(index, job, rows, &mut uses);
    }
    let uses: Vec<_> = uses.into_iter().collect();
    uses.par_iter().map(|(key, of_group)| judge_one(index, lists, *key, of_group)).collect()
}

type Key<'a> = (&'a AccountId, &'a RegionId, &'a SecurityGroupId);

/// Where a group stands.
struct Use {
    endpoints: BTreeSet<String>,
    enforcement: Enforcement,
    points: BTreeMap<Point, Arc<TrustedSet>>,
}

/// One question to a group. Endpoints with the same ports and the same trusted set ask the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    /// In front of a network load balancer, where everything is accepted that no rule drops.
    network: bool,
    udp: bool,
    port: u16,
    family: Family,
    destination: Option<IpAddr>,
    trusted: usize,
}

fn collect<'i>(index: &Index<'i>, job: &Job<'_, 'i>, rows: &[AccessRow], uses: &mut BTreeMap<Key<'i>, Use>) {
    let Some(groups) = gates::groups_in_front(job.assessed) else {
        return;
    };
    let scope = job.assessed.scope;
    for id in groups.ids.unwrap_or_default() {
        let of_group = uses.entry((&scope.account_id, &scope.region_id, id)).or_insert_with(|| Use {
            endpoints: BTreeSet::new(),
            enforcement: groups.enforcement,
            points: BTreeMap::new(),
        });
        of_group.endpoints.insert(job.assessed.judgement.endpoint.id());
        // The words are ordered from the strongest to the weakest.
        of_group.enforcement = of_group.enforcement.min(groups.enforcement);
        for row in rows {
            let point = Point {
                network: groups.kind == GateKind::NlbSecurityGroups,
                udp: row.protocol == "udp",
                port: row.port,
                family: row.family,
                destination: gates::destination(index, job.assessed, row.family),
                trusted: job.trusted.number,
            };
            of_group.points.entry(point).or_insert_with(|| Arc::clone(&job.trusted));
        }
    }
}

fn judge_one(
    index: &Index<'_>,
    lists: &ListsOf<'_>,
    (account_id, region_id, id): Key<'_>,
    of_group: &Use,
) -> SecurityGroupJudgement {
    let group = index.inventory.security_group(account_id, id);
    let lists = lists.of(account_id);
    let said = Said::of(group, lists, of_group);
    let alone: Vec<Group<'_>> = group.into_iter().map(gates::group_in_vpc).collect();
    let unread = group.is_none().then(|| id.as_str().to_owned());
    SecurityGroupJudgement {
        account_id: account_id.clone(),
        region_id: region_id.clone(),
        security_group_id: id.as_str().to_owned(),
        name: group.map(|group| group.security_group_name.clone()).unwrap_or_default(),
        tags: group.map(|group| group.tags.clone()).unwrap_or_default(),
        endpoints: of_group.endpoints.iter().cloned().collect(),
        enforcement: of_group.enforcement,
        admits_untrusted: said.admits_untrusted,
        untrusted: said.untrusted.cover(),
        untrusted_anywhere: anywhere(&said.untrusted, &alone, lists, of_group),
        world_open: said.world_open,
        world_open_by_union: said.world_open_by_union,
        shadowed_rules: access::shadowed_rules(&alone, lists),
        admit_everything_rules: access::admit_everything_rules(&alone, lists),
        blame: said.blame.into_iter().collect(),
        unresolved: said.unresolved.into_iter().chain(unread).collect(),
    }
}

/// Whom the group admits on some port that is judged, or that a rule for all ports opens. Nothing is known of a group
/// that nobody was asked about.
fn anywhere(
    on_ports: &AddressSet,
    group: &[Group<'_>],
    lists: &Lists<'_>,
    of_group: &Use,
) -> Option<Vec<ipnet::IpNet>> {
    if of_group.points.is_empty() {
        return None;
    }
    let trusted: BTreeMap<usize, &TrustedSet> =
        of_group.points.values().map(|trusted| (trusted.number, &**trusted)).collect();
    let mut admitted = on_ports.clone();
    for family in access::admit_everything_families(group, lists) {
        for trusted in trusted.values() {
            admitted = admitted.union(&gates::whole(family).subtract(&trusted.addresses));
        }
    }
    Some(admitted.cover())
}

/// The answers to all questions, united.
#[derive(Default)]
struct Said {
    admits_untrusted: Bounds<bool>,
    untrusted: AddressSet,
    world_open: Bounds<bool>,
    world_open_by_union: Bounds<bool>,
    blame: BTreeSet<String>,
    unresolved: BTreeSet<String>,
}

impl Said {
    fn of(group: Option<&SecurityGroup>, lists: &Lists<'_>, of_group: &Use) -> Self {
        let mut said = Self::default();
        for (point, trusted) in &of_group.points {
            said.ask(group, lists, point, trusted);
        }
        said
    }

    fn ask(&mut self, group: Option<&SecurityGroup>, lists: &Lists<'_>, point: &Point, trusted: &TrustedSet) {
        let groups = Groups { groups: group.into_iter().map(gates::group_in_vpc).collect(), unread: group.is_none() };
        let protocol = if point.udp { Protocol::Udp } else { Protocol::Tcp };
        let query = gates::internet_query(protocol, point.port, point.family, point.destination);
        let (open, by_union) = world_open(&query, &groups, lists, point);
        self.world_open = either(self.world_open, open);
        self.world_open_by_union = either(self.world_open_by_union, by_union);

        let stage = if point.network { Stage::NlbSecurityGroup(groups) } else { Stage::SecurityGroup(groups) };
        let answer = access::evaluate(&query, &[stage], lists, &trusted.gaps);
        let residue = answer.residue;
        let admits = Bounds { lower: residue.lower.is_routable(), upper: residue.upper.is_routable() };
        self.admits_untrusted = either(self.admits_untrusted, admits);
        self.untrusted = self.untrusted.union(&residue.upper);
        self.blame.extend(answer.blame);
        if group.is_some() {
            self.unresolved.extend(answer.unresolved);
        }
    }
}

/// Whether the group admits a whole family, and whether it takes several rules to do so. What a
/// network load balancer admits by itself is no union of rules.
fn world_open(query: &Query, groups: &Groups<'_>, lists: &Lists<'_>, point: &Point) -> (Bounds<bool>, Bounds<bool>) {
    if !point.network {
        let said = access::world_open(query, groups, lists);
        return (said.open, said.by_union);
    }
    let admitted = access::admitted(query, &Stage::NlbSecurityGroup(groups.clone()), lists).sources;
    let everybody = gates::whole(point.family);
    let open = Bounds { lower: admitted.lower == everybody, upper: admitted.upper == everybody };
    (open, Bounds::exact(false))
}

fn either(one: Bounds<bool>, other: Bounds<bool>) -> Bounds<bool> {
    Bounds { lower: one.lower || other.lower, upper: one.upper || other.upper }
}
