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
    v4: Gaps<u32>,
    v6: Gaps<u128>,
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

/// Everything said of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Sources that every stage admits.
    pub allowed: Bounds<AddressSet>,
    /// Those of them that nobody trusts.
    pub residue: Bounds<AddressSet>,
    /// Of the upper bound.
    pub exposure: Exposure,
    /// A globally routable address of the residue's upper bound.
    pub witness: Option<IpAddr>,
    /// Rule ids, and words for holes that are no rules. Sorted.
    pub blame: Vec<String>,
    /// The Accept rules to delete. Sorted.
    pub fix_set: Vec<String>,
    /// Rule ids, `listener` or `securitygroups`: what could not be read. Sorted.
    pub unresolved: Vec<String>,
}

impl Answer {
    /// True if the residue is known exactly, whatever could not be read.
    pub fn is_complete(&self) -> bool {
        self.residue.is_exact()
    }
}

/// What is said of one family.
struct FamilyAnswer<A: Address> {
    allowed: Bounds<RangeSet<A>>,
    residue: Bounds<RangeSet<A>>,
    blame: Vec<String>,
    fix_set: Vec<String>,
    unresolved: Vec<String>,
}

impl<A: Address> Default for FamilyAnswer<A> {
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

fn merged(mut one: Vec<String>, two: Vec<String>) -> Vec<String> {
    one.extend(two);
    one.sort_unstable();
    one.dedup();
    one
}

fn evaluate_family<A: Address>(
    query: &Query,
    stages: &[Stage<'_>],
    lists: &Lists<'_>,
    gaps: &Gaps<A>,
    destination: Option<A>,
) -> FamilyAnswer<A> {
    let mut stages: Vec<StageSets<'_, A>> =
        stages.iter().map(|stage| prepare(stage, query, destination, lists)).collect();
    let mut answer = FamilyAnswer {
        unresolved: stages.iter_mut().flat_map(|stage| std::mem::take(&mut stage.unresolved)).collect(),
        ..FamilyAnswer::default()
    };
    let upper = intersection(stages.iter().map(|stage| &stage.upper));
    let residue_upper = gaps.subtract_from(&upper);
    if !residue_upper.is_empty() {
        for (index, stage) in stages.iter().enumerate() {
            let others = stages.iter().enumerate().filter(|(other, _)| *other != index);
            let target = if stages.len() == 1 {
                Cow::Borrowed(gaps.untrusted())
            } else {
                Cow::Owned(gaps.subtract_from(&intersection(others.map(|(_, other)| &other.upper))))
            };
            let blame = stage.blame(query, &target);
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

/// What all sets have in common; everything if there is none.
fn intersection<'s, A: Address>(mut sets: impl Iterator<Item = &'s RangeSet<A>>) -> Cow<'s, RangeSet<A>> {
    let Some(first) = sets.next() else { return Cow::Owned(RangeSet::full()) };
    sets.fold(Cow::Borrowed(first), |common, set| Cow::Owned(common.intersect(set)))
}
