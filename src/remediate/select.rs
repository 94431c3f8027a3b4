//! Which endpoints are meant, which of them go into one plan, and in which order.
//!
//! Nothing is meant by saying nothing: a selector that is missing, empty or matches nothing selects nothing, and whoever
//! means everything says so.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Action,
    document::{LeftOut, Planned, Reason},
    eligible::Proposal,
};
use crate::{
    findings::Finding,
    model::{ConsumerKind, EndpointJudgement, EndpointKind},
};

/// By what endpoints are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    Endpoint,
    Resource,
    Account,
    Region,
    Kind,
    Action,
    Finding,
    Environment,
}

impl Dimension {
    pub const ALL: [Self; 8] = [
        Self::Endpoint,
        Self::Resource,
        Self::Account,
        Self::Region,
        Self::Kind,
        Self::Action,
        Self::Finding,
        Self::Environment,
    ];

    /// The option's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "--endpoint",
            Self::Resource => "--resource",
            Self::Account => "--account",
            Self::Region => "--region",
            Self::Kind => "--kind",
            Self::Action => "--action",
            Self::Finding => "--finding",
            Self::Environment => "--environment",
        }
    }
}

/// The words under which something may be selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(BTreeMap<Dimension, BTreeSet<String>>);

impl Names {
    /// Those of an endpoint. `action` is the word of what is planned for it, if anything is.
    pub fn of(judged: &EndpointJudgement, findings: &[&Finding], environment: &str, action: Option<&str>) -> Self {
        let endpoint = &judged.endpoint;
        let short = format!("{}/{}", endpoint.resource_id, endpoint.kind);
        let one = |word: &str| BTreeSet::from([word.to_owned()]);
        Self(BTreeMap::from([
            (Dimension::Endpoint, BTreeSet::from([endpoint.id(), short])),
            (Dimension::Resource, one(&endpoint.resource_id)),
            (Dimension::Account, one(endpoint.account_id.as_str())),
            (Dimension::Region, one(endpoint.region_id.as_str())),
            (Dimension::Kind, one(endpoint.kind.as_str())),
            (Dimension::Action, action.into_iter().map(str::to_owned).collect()),
            (Dimension::Finding, findings.iter().map(|finding| finding.fingerprint.clone()).collect()),
            (Dimension::Environment, one(environment)),
        ]))
    }

    fn has(&self, dimension: Dimension, word: &str) -> bool {
        let known = self.0.get(&dimension).into_iter().flatten();
        match dimension {
            // The beginning of a fingerprint is enough.
            Dimension::Finding => known.into_iter().any(|name| !word.is_empty() && name.starts_with(word)),
            _ => known.into_iter().any(|name| name == word),
        }
    }
}

/// What is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Everything, as far as the words do not say less.
    all: bool,
    words: BTreeMap<Dimension, BTreeSet<String>>,
}

impl Selector {
    pub fn everything() -> Self {
        Self { all: true, ..Self::default() }
    }

    /// The same, and of a dimension only these words. No word at all: nothing.
    #[must_use]
    pub fn only(mut self, dimension: Dimension, words: impl IntoIterator<Item = String>) -> Self {
        self.words.entry(dimension).or_default().extend(words);
        self
    }

    /// Nothing is said that anything could be meant by.
    pub fn means_nothing(&self) -> bool {
        (!self.all && self.words.is_empty()) || self.words.values().any(BTreeSet::is_empty)
    }

    /// Endpoints are spoken of by name, and not by what they have in common with others.
    pub fn names_one(&self) -> bool {
        [Dimension::Endpoint, Dimension::Resource, Dimension::Finding].iter().any(|one| self.words.contains_key(one))
    }

    /// It has to have one of the words of every dimension that is spoken of.
    pub fn picks(&self, names: &Names) -> bool {
        !self.means_nothing()
            && self.words.iter().all(|(dimension, words)| words.iter().any(|word| names.has(*dimension, word)))
    }

    /// As [`Self::picks`], whatever is planned for it.
    pub fn picks_but_for_action(&self, names: &Names) -> bool {
        let mut others = self.clone();
        others.words.remove(&Dimension::Action);
        !self.means_nothing() && Self { all: true, ..others }.picks(names)
    }

    /// Words that nothing has.
    pub fn strangers<'a>(&self, known: impl Iterator<Item = &'a Names> + Clone) -> Vec<(Dimension, String)> {
        let words = self.words.iter().flat_map(|(dimension, words)| words.iter().map(|word| (*dimension, word)));
        words
            .filter(|(dimension, word)| !known.clone().any(|names| names.has(*dimension, word)))
            .map(|(dimension, word)| (dimension, word.clone()))
            .collect()
    }
}

/// The environment of a resource without the tag.
pub const UNTAGGED: &str = "untagged";

/// The environment that the tags name, in small letters. Where two tags disagree, one in production counts.
pub fn environment(tags: &BTreeMap<String, String>, key: &str, production: &BTreeSet<String>) -> String {
    let folded = |text: &str| text.trim().to_lowercase();
    let values: BTreeSet<String> = tags
        .iter()
        .filter(|(name, _)| folded(name) == folded(key))
        .map(|(_, value)| folded(value))
        .filter(|value| !value.is_empty())
        .collect();
    let found = values.iter().find(|value| production.contains(*value)).or(values.first());
    found.cloned().unwrap_or_else(|| UNTAGGED.to_owned())
}

/// Meshes and clusters that hang together, by id: a mesh and the clusters whose proxies it serves.
#[derive(Clone, Debug, Default)]
pub struct Groups(BTreeMap<String, String>);

impl Groups {
    pub fn of<'a>(judged: impl IntoIterator<Item = &'a EndpointJudgement>) -> Self {
        let mut groups = Self::default();
        for endpoint in judged {
            let is_pilot = matches!(endpoint.endpoint.kind, EndpointKind::IstioPilot | EndpointKind::IstioPilotCanary);
            let clusters = endpoint.staleness.consumers.iter().filter(|one| one.kind == ConsumerKind::Cluster);
            for cluster in clusters.filter(|_| is_pilot) {
                groups.join(&endpoint.endpoint.resource_id, &cluster.id);
            }
        }
        groups
    }

    fn join(&mut self, one: &str, other: &str) {
        let (one, other) = (self.name(one), self.name(other));
        let (first, second) = if one <= other { (one, other) } else { (other, one) };
        if first != second {
            self.0.insert(second, first);
        }
    }

    /// The same for everything of a group.
    pub fn name(&self, id: &str) -> String {
        let mut name = id;
        // Each step leads to a smaller name.
        while let Some(next) = self.0.get(name) {
            name = next;
        }
        name.to_owned()
    }
}

/// Something that may be planned, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub name: String,
    pub proposal: Proposal,
    pub environment: String,
    pub group: String,
}

/// Puts candidates into the order in which they are carried out: the lowest environment first, those that nobody listed
/// last. Of a group there is one; the others wait until that has soaked.
pub fn arrange(mut candidates: Vec<Candidate>, order: &[String]) -> (Vec<Candidate>, Vec<LeftOut>) {
    let rank =
        |candidate: &Candidate| order.iter().position(|name| *name == candidate.environment).unwrap_or(usize::MAX);
    candidates.sort_by(|one, other| {
        let key =
            |candidate: &Candidate| (rank(candidate), candidate.environment.clone(), candidate.proposal.target.clone());
        key(one).cmp(&key(other))
    });
    let (mut taken, mut left): (BTreeMap<String, String>, Vec<LeftOut>) = (BTreeMap::new(), Vec::new());
    candidates.retain(|candidate| {
        let id = candidate.proposal.target.judged().id();
        match taken.get(&candidate.group) {
            None => {
                taken.insert(candidate.group.clone(), id);
                true
            }
            Some(first) => {
                left.push(LeftOut {
                    endpoint_id: id,
                    name: candidate.name.clone(),
                    reasons: vec![Reason {
                        why: format!("it hangs together with {first}, and one of a group is changed at a time"),
                        until: "that has soaked for 25 hours, in a plan of its own".to_owned(),
                    }],
                });
                false
            }
        }
    });
    (candidates, left)
}

/// The actions of a plan, in their order: the first one is the canary. Those for which there is no call are left out.
pub fn actions(candidates: Vec<Candidate>, plan: &str, snapshot_digest: &str) -> (Vec<Planned>, Vec<LeftOut>) {
    let (mut planned, mut left) = (Vec::new(), Vec::new());
    for candidate in candidates {
        let Candidate { name, proposal, environment, group } = candidate;
        let action = Action {
            intent: format!("{plan}-{:02}", planned.len() + 1),
            target: proposal.target,
            change: proposal.change,
            load_balancer: proposal.load_balancer,
            clusters: proposal.clusters,
            evidence: vec![proposal.proof.digest.clone(), snapshot_digest.to_owned()],
            environment,
            group,
            canary: planned.is_empty(),
        };
        let endpoint_id = action.target.judged().id();
        match Planned::of(action, plan, name.clone(), proposal.findings, proposal.proof) {
            Ok(one) => planned.push(one),
            Err(error) => {
                let reason = Reason { why: error.to_string(), until: "its setting is another one".to_owned() };
                left.push(LeftOut { endpoint_id, name, reasons: vec![reason] });
            }
        }
    }
    (planned, left)
}

#[cfg(test)]
mod tests;
