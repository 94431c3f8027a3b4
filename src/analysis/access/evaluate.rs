//! Stages together: allowed, residue, exposure, witness and who is to blame.

use std::{borrow::Cow, net::IpAddr};

use ipnet::IpNet;

use crate::{
    model::Bounds,
    netset::{Address, AddressSet, Gaps, RangeSet},
};

use super::{
    lists::Lists,
    rule::{Families, Query},
    stage::{Stage, StageSets, prepare},
};

/// The allowlist, made ready once for any number of queries.
#[derive(Clone, Debug)]
pub struct Trusted {
    pub(super) v4: Gaps<u32>,
    pub(super) v6: Gaps<u128>,
}

impl Trusted {
    /// Trusts the addresses of a set.
    pub fn new(trusted: &AddressSet) -> Self {
        Self { v4: Gaps::new(&trusted.v4), v6: Gaps::new(&trusted.v6) }
    }

    /// Trusts nobody.
    pub fn nobody() -> Self {
        Self::new(&AddressSet::empty())
    }
}

impl FromIterator<IpNet> for Trusted {
    fn from_iter<I: IntoIterator<Item = IpNet>>(nets: I) -> Self {
        Self::new(&nets.into_iter().collect())
    }
}

/// Who gets in, as far as the internet is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exposure {
    /// Nobody who is not trusted.
    Closed,
    /// Somebody, but from no globally routable address.
    PrivateOnly,
    /// Somebody from a globally routable address.
    Public,
}

impl Exposure {
    /// How far a residue reaches.
    pub fn of(residue: &AddressSet) -> Self {
        if residue.is_routable() {
            return Self::Public;
        }
        if residue.is_empty() { Self::Closed } else { Self::PrivateOnly }
    }

    /// The word of answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "Closed",
            Self::PrivateOnly => "PrivateOnly",
            Self::Public => "Public",
        }
    }
}

/// What one stage admits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The sources that get through, at both ends of what could not be read. Families that were
    /// not asked about are empty.
    pub sources: Bounds<AddressSet>,
    /// Rule ids, `listener` or `securitygroups`: what could not be read. Sorted.
    pub unresolved: Vec<String>,
}

/// Everything said of a query. `N` is what ids and words are kept in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<N = String> {
    /// Sources that every stage admits.
    pub allowed: Bounds<AddressSet>,
    /// Those of them that nobody trusts.
    pub residue: Bounds<AddressSet>,
    /// Of the upper bound.
    pub exposure: Exposure,
    /// A globally routable address of the residue's upper bound.
    pub witness: Option<IpAddr>,
    /// Rule ids, and words for holes that are no rules. Sorted.
    pub blame: Vec<N>,
    /// The Accept rules to delete. Sorted.
    pub fix_set: Vec<N>,
    /// Rule ids, `listener` or `securitygroups`: what could not be read. Sorted.
    pub unresolved: Vec<N>,
}

impl<N> Answer<N> {
    /// True if the residue is known exactly, whatever could not be read.
    pub fn is_complete(&self) -> bool {
        self.residue.is_exact()
    }
}

impl Answer<Cow<'_, str>> {
    /// The same with ids and words of its own.
    pub fn into_owned(self) -> Answer {
        let owned = |names: Vec<Cow<'_, str>>| names.into_iter().map(Cow::into_owned).collect();
        Answer {
            allowed: self.allowed,
            residue: self.residue,
            exposure: self.exposure,
            witness: self.witness,
            blame: owned(self.blame),
            fix_set: owned(self.fix_set),
            unresolved: owned(self.unresolved),
        }
    }
}

/// What is said of one family.
struct FamilyAnswer<'q, A: Address> {
    allowed: Bounds<RangeSet<A>>,
    residue: Bounds<RangeSet<A>>,
    blame: Vec<Cow<'q, str>>,
    fix_set: Vec<Cow<'q, str>>,
    unresolved: Vec<Cow<'q, str>>,
}

impl<A: Address> Default for FamilyAnswer<'_, A> {
    fn default() -> Self {
        Self {
            allowed: Bounds::exact(RangeSet::empty()),
            residue: Bounds::exact(RangeSet::empty()),
            blame: Vec::new(),
            fix_set: Vec::new(),
            unresolved: Vec::new(),
        }
    }
}

/// Answers a query: who gets through all stages and is not trusted. No stage admits everybody.
pub fn evaluate(query: &Query, stages: &[Stage<'_>], lists: &Lists<'_>, trusted: &Trusted) -> Answer {
    evaluate_borrowed(query, stages, lists, trusted).into_owned()
}

/// As [`evaluate()`], with ids borrowed from the rules.
pub(super) fn evaluate_borrowed<'q>(
    query: &Query,
    stages: &[Stage<'q>],
    lists: &Lists<'_>,
    trusted: &Trusted,
) -> Answer<Cow<'q, str>> {
    let v4 = match query.families {
        Families::Ipv6 => FamilyAnswer::default(),
        _ => evaluate_family(query, stages, lists, &trusted.v4, query.destination_v4.map(u32::from)),
    };
    let v6 = match query.families {
        Families::Ipv4 => FamilyAnswer::default(),
        _ => evaluate_family(query, stages, lists, &trusted.v6, query.destination_v6.map(u128::from)),
    };
    let residue = join(v4.residue, v6.residue);
    Answer {
        allowed: join(v4.allowed, v6.allowed),
        exposure: Exposure::of(&residue.upper),
        witness: residue.upper.witness(),
        residue,
        blame: merged(v4.blame, v6.blame),
        fix_set: merged(v4.fix_set, v6.fix_set),
        unresolved: merged(v4.unresolved, v6.unresolved),
    }
}

/// What one stage admits, whoever is trusted.
pub fn admitted(query: &Query, stage: &Stage<'_>, lists: &Lists<'_>) -> Admitted {
    let answer = evaluate(query, std::slice::from_ref(stage), lists, &Trusted::new(&AddressSet::full()));
    Admitted { sources: answer.allowed, unresolved: answer.unresolved }
}

fn join(v4: Bounds<RangeSet<u32>>, v6: Bounds<RangeSet<u128>>) -> Bounds<AddressSet> {
    Bounds { lower: AddressSet { v4: v4.lower, v6: v6.lower }, upper: AddressSet { v4: v4.upper, v6: v6.upper } }
}

fn merged<'q>(mut one: Vec<Cow<'q, str>>, two: Vec<Cow<'q, str>>) -> Vec<Cow<'q, str>> {
    one.extend(two);
    one.sort_unstable();
    one.dedup();
    one
}

fn evaluate_family<'q, A: Address>(
    query: &Query,
    stages: &[Stage<'q>],
    lists: &Lists<'_>,
    gaps: &Gaps<A>,
    destination: Option<A>,
) -> FamilyAnswer<'q, A> {
    let mut stages: Vec<StageSets<'_, 'q, A>> =
        stages.iter().map(|stage| prepare(stage, query, destination, lists)).collect();
    let mut answer = FamilyAnswer {
        unresolved: stages.iter_mut().flat_map(|stage| std::mem::take(&mut stage.unresolved)).collect(),
        ..FamilyAnswer::default()
    };
    let upper = intersection(stages.iter().map(|stage| &stage.upper));
    let residue_upper = gaps.subtract_from(&upper);
    if !residue_upper.is_empty() {
        for (index, stage) in stages.iter().enumerate() {
            let blame = stage.blame(query, &untrusted_at(&stages, index, gaps));
            answer.blame.extend(blame.blame);
            answer.fix_set.extend(blame.fix_set);
        }
    }
    if stages.iter().all(StageSets::is_exact) {
        answer.allowed = Bounds::exact(upper.into_owned());
        answer.residue = Bounds::exact(residue_upper);
    } else {
        let lower = intersection(stages.iter().map(StageSets::lower));
        answer.residue = Bounds { lower: gaps.subtract_from(&lower), upper: residue_upper };
        answer.allowed = Bounds { lower: lower.into_owned(), upper: upper.into_owned() };
    }
    answer
}

/// Every source that nobody trusts and all stages but one admit.
pub(super) fn untrusted_at<'g, A: Address>(
    stages: &[StageSets<'_, '_, A>],
    index: usize,
    gaps: &'g Gaps<A>,
) -> Cow<'g, RangeSet<A>> {
    if stages.len() == 1 {
        return Cow::Borrowed(gaps.untrusted());
    }
    let others = stages.iter().enumerate().filter(|(other, _)| *other != index);
    Cow::Owned(gaps.subtract_from(&intersection(others.map(|(_, other)| &other.upper))))
}

/// What all sets have in common; everything if there is none.
fn intersection<'s, A: Address>(mut sets: impl Iterator<Item = &'s RangeSet<A>>) -> Cow<'s, RangeSet<A>> {
    let Some(first) = sets.next() else { return Cow::Owned(RangeSet::full()) };
    sets.fold(Cow::Borrowed(first), |common, set| Cow::Owned(common.intersect(set)))
}
