//! The coverage ledger: every planned read and how it ended (reliability.md 2.1).
//!
//! A read that is not in the ledger was not planned; a planned read that has not ended is a bug,
//! and [`Coverage::gaps`] lists it as failed rather than lose it.

use std::collections::{BTreeMap, btree_map::Entry};

use serde::{Deserialize, Serialize};

use super::{AccountId, RegionId};

/// One planned read. The order is the order of reports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Unit {
    /// Whose cloud.
    pub account_id: AccountId,
    /// Empty for a central host that answers for all regions.
    pub region_id: RegionId,
    /// The product's name in lower case: `servicemesh`, `cs`, `ecs`, `vpc`, `slb`, `nlb`, `sts`.
    pub product: String,
    /// The API operation: `DescribeClusterDetail`.
    pub operation: String,
    /// The resource asked about; empty for a list. Several resources asked about in one call are
    /// one unit each.
    pub resource_id: String,
}

impl Unit {
    /// A unit from its parts.
    pub fn new(
        account_id: &AccountId,
        region_id: &RegionId,
        product: &str,
        operation: &str,
        resource_id: &str,
    ) -> Self {
        Self {
            account_id: account_id.clone(),
            region_id: region_id.clone(),
            product: product.to_owned(),
            operation: operation.to_owned(),
            resource_id: resource_id.to_owned(),
        }
    }
}

/// How a planned read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitState {
    /// Read whole.
    Scanned,
    /// The cloud refused: a permission is missing.
    Denied,
    /// Anything else went wrong.
    Failed,
    /// The operator left it out.
    Excluded,
    /// The product does not serve the region, by a documented code.
    NotServed,
}

/// Why a unit was not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    #[serde(flatten)]
    pub unit: Unit,
    pub state: UnitState,
    /// The vendor's error code, or one of ours in lower case: `timeout`, `schema`, `not-json`, `reset`, …
    pub code: String,
    /// For people: what failed and what to do.
    pub message: String,
    /// The vendor's request id, where there is one. Reports print it outside the stable part.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
}

/// Code of a list whose product says that it is not open, or does not serve the region, while something there can only
/// be its own: its unit is denied.
pub const NOT_OPEN: &str = "not-open";

/// Codes of gaps in what a plan tells: reading it again shows nothing new.
pub mod plan_code {
    /// The value is known only after apply, or may not be shown.
    pub const LATER: &str = "known-after-apply";
    /// It is made by the product, or is in another hand.
    pub const NOT_IN_PLAN: &str = "not-in-plan";
    /// A resource that makes a control plane public in a way that is not judged.
    pub const NOT_READ: &str = "not-read";
    /// The plan says of itself that it is a part, or contradicts itself.
    pub const INCOMPLETE: &str = "incomplete-plan";

    /// All of them.
    pub const ALL: [&str; 4] = [LATER, NOT_IN_PLAN, NOT_READ, INCOMPLETE];
}

/// The ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    scanned: std::collections::BTreeSet<Unit>,
    #[serde(with = "gap_list")]
    unread: BTreeMap<Unit, Gap>,
}

impl Coverage {
    /// Records a read that succeeded. A gap recorded earlier for the same unit stands: a unit is
    /// read whole or not at all.
    pub fn scanned(&mut self, unit: Unit) {
        if !self.unread.contains_key(&unit) {
            self.scanned.insert(unit);
        }
    }

    /// Records a read that did not succeed; `gap.state` says how it ended. Of two, the same one stands in whichever
    /// order they come: what was denied or failed before what was left out.
    pub fn gap(&mut self, gap: Gap) {
        debug_assert!(gap.state != UnitState::Scanned, "a gap is what was not scanned");
        self.scanned.remove(&gap.unit);
        let rank = |gap: &Gap| (gap.state, gap.code.clone(), gap.message.clone(), gap.request_id.clone());
        match self.unread.entry(gap.unit.clone()) {
            Entry::Vacant(place) => drop(place.insert(gap)),
            Entry::Occupied(mut place) => {
                if rank(&gap) < rank(place.get()) {
                    place.insert(gap);
                }
            }
        }
    }

    /// How the unit ended; `None` if it was never planned.
    pub fn state(&self, unit: &Unit) -> Option<UnitState> {
        if self.scanned.contains(unit) {
            return Some(UnitState::Scanned);
        }
        self.unread.get(unit).map(|gap| gap.state)
    }

    /// The gap of a unit that was planned and not read.
    pub fn gap_of(&self, unit: &Unit) -> Option<&Gap> {
        self.unread.get(unit)
    }

    /// Number of planned units.
    pub fn planned(&self) -> usize {
        self.scanned.len() + self.unread.len()
    }

    /// Number of units that ended in `state`.
    pub fn count(&self, state: UnitState) -> usize {
        match state {
            UnitState::Scanned => self.scanned.len(),
            _ => self.unread.values().filter(|gap| gap.state == state).count(),
        }
    }

    /// True if something was read, and no planned unit was denied or failed. Excluded and not-served
    /// units do not count (product.md 7). Where nothing at all was read nothing is known.
    pub fn complete(&self) -> bool {
        !self.scanned.is_empty()
            && !self.unread.values().any(|gap| matches!(gap.state, UnitState::Denied | UnitState::Failed))
    }

    /// True if the operator left the region out, or the account; without an account, if anything was left out.
    pub fn leaves_out(&self, account_id: &AccountId, region_id: &RegionId) -> bool {
        self.unread.values().filter(|gap| gap.state == UnitState::Excluded).any(|gap| {
            let unit = &gap.unit;
            account_id.is_empty()
                || (unit.account_id == *account_id && (unit.region_id.is_empty() || unit.region_id == *region_id))
        })
    }

    /// What the operator left out, and nothing else.
    pub fn left_out(&self) -> Self {
        let excluded = self.unread.iter().filter(|(_, gap)| gap.state == UnitState::Excluded);
        Self { unread: excluded.map(|(unit, gap)| (unit.clone(), gap.clone())).collect(), ..Self::default() }
    }

    /// Everything that was not scanned, in the order of [`Unit`].
    pub fn gaps(&self) -> impl Iterator<Item = &Gap> {
        self.unread.values()
    }

    /// Every unit that was scanned, in the order of [`Unit`].
    pub fn scanned_units(&self) -> impl Iterator<Item = &Unit> {
        self.scanned.iter()
    }

    /// Adds another ledger's entries; where both know a unit, a gap wins over a success.
    pub fn merge(&mut self, other: Self) {
        for unit in other.scanned {
            self.scanned(unit);
        }
        for gap in other.unread.into_values() {
            self.gap(gap);
        }
    }
}

mod gap_list {
    //! JSON has text keys only, so the map is written as the list of its values.
    use super::{BTreeMap, Gap, Unit};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(map: &BTreeMap<Unit, Gap>, serializer: S) -> Result<S::Ok, S::Error> {
        map.values().collect::<Vec<_>>().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Unit, Gap>, D::Error> {
        let gaps = Vec::<Gap>::deserialize(deserializer)?;
        Ok(gaps.into_iter().map(|gap| (gap.unit.clone(), gap)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_read_is_nothing_known() {
        let unit = Unit::new(&"1".into(), &"a".into(), "cs", "DescribeClustersV1", "");
        let mut coverage = Coverage::default();
        assert!(!coverage.complete(), "nothing was planned");
        coverage.gap(Gap {
            unit: Unit { region_id: "b".into(), ..unit.clone() },
            state: UnitState::Excluded,
            code: "excluded".to_owned(),
            message: String::new(),
            request_id: String::new(),
        });
        assert!(!coverage.complete(), "all was left out");
        coverage.scanned(unit);
        assert!(coverage.complete());
    }

    #[test]
    fn of_two_gaps_the_same_one_stands_in_either_order() {
        let gap = |state, code: &str, message: &str| Gap {
            unit: Unit::new(&"1".into(), &"a".into(), "cs", "DescribeClusterDetail", "c1"),
            state,
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: String::new(),
        };
        let denied = gap(UnitState::Denied, "Forbidden", "");
        let failed = gap(UnitState::Failed, "timeout", "");
        let excluded = gap(UnitState::Excluded, "excluded", "");
        let other_words = gap(UnitState::Failed, "timeout", "zzz");
        for (stands, other) in [(&denied, &failed), (&failed, &excluded), (&failed, &other_words)] {
            for [first, second] in [[stands, other], [other, stands]] {
                let mut coverage = Coverage::default();
                coverage.gap(first.clone());
                coverage.gap(second.clone());
                assert_eq!(coverage.gaps().collect::<Vec<_>>(), [stands]);
                // And never a success beside it.
                coverage.scanned(stands.unit.clone());
                assert_eq!((coverage.planned(), coverage.count(UnitState::Scanned)), (1, 0));
            }
        }
    }
}
