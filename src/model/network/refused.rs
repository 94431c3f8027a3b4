//! Which reads of the network were refused, so that what is missing can be told from what was not
//! readable.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Scope, Text, lenient};

/// A refused read: the API action, and the object it was asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Refusal {
    #[serde(deserialize_with = "lenient::id")]
    pub action: Text,
    /// `*` for every object of the scope.
    #[serde(deserialize_with = "lenient::id")]
    pub resource_id: Text,
    /// Where the read was refused; an empty account or region stands for every one.
    #[serde(flatten, deserialize_with = "lenient::scope")]
    pub scope: Scope,
}

/// What could not be read: in a saved question a list of refused reads, in an inventory everything
/// that was not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    listed: Vec<Refusal>,
    /// Where set, every read counts as refused but these: objects by action.
    all_but: Option<BTreeMap<Text, BTreeSet<Text>>>,
}

/// The object that stands for all of them.
const EVERY: &str = "*";

impl Refused {
    /// Every read but these, each an action and the object it was asked about.
    pub fn all_but(read: impl IntoIterator<Item = (Text, Text)>) -> Self {
        let mut all_but: BTreeMap<Text, BTreeSet<Text>> = BTreeMap::new();
        for (action, resource_id) in read {
            all_but.entry(action).or_default().insert(resource_id);
        }
        Self { listed: Vec::new(), all_but: Some(all_but) }
    }

    /// Records a refused read.
    pub fn add(&mut self, refusal: Refusal) {
        let place = self.listed.partition_point(|known| *known < refusal);
        if self.listed.get(place) != Some(&refusal) {
            self.listed.insert(place, refusal);
        }
    }

    /// True if the action was refused for the object, or for all objects of a scope that the
    /// object may be in. What is not known of the object's scope may be anything.
    pub fn covers(&self, scope: &Scope, action: &str, resource_id: &str) -> bool {
        if let Some(read) = &self.all_but
            && !read.get(action).is_some_and(|objects| objects.contains(resource_id))
        {
            return true;
        }
        [resource_id, EVERY].into_iter().any(|id| {
            let key = |refusal: &Refusal| (refusal.action.as_str(), refusal.resource_id.as_str()).cmp(&(action, id));
            let start = self.listed.partition_point(|refusal| key(refusal).is_lt());
            let same = self.listed.iter().skip(start).take_while(|refusal| key(refusal).is_eq());
            let mut same = same.map(|refusal| &refusal.scope);
            same.any(|refused| {
                agree(refused.account_id.as_str(), scope.account_id.as_str())
                    && agree(refused.region_id.as_str(), scope.region_id.as_str())
            })
        })
    }

    /// All of them, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Refusal> {
        self.listed.iter()
    }

    /// True if every read succeeded.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.all_but.is_none()
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.listed.extend(other.listed);
        self.all_but = match (self.all_but.take(), other.all_but) {
            (Some(mut read), Some(more)) => {
                for (action, objects) in more {
                    read.entry(action).or_default().extend(objects);
                }
                Some(read)
            }
            (one, other) => one.or(other),
        };
        self.sort();
    }

    pub(super) fn sort(&mut self) {
        self.listed.sort_unstable();
        self.listed.dedup();
    }
}

impl FromIterator<Refusal> for Refused {
    fn from_iter<I: IntoIterator<Item = Refusal>>(refusals: I) -> Self {
        let mut refused = Self { listed: refusals.into_iter().collect(), all_but: None };
        refused.sort();
        refused
    }
}

/// As the list of refusals: what was never asked is known to the ledger.
impl Serialize for Refused {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.listed.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Refused {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::items::<D, Refusal>(deserializer).map(Self::from_iter)
    }
}

/// True where two names may be one; an empty name may be any.
fn agree(one: &str, other: &str) -> bool {
    one.is_empty() || other.is_empty() || one == other
}
