//! The trusted set of an endpoint, made once for all endpoints at which the same entries count:
//! most entries of an allowlist count everywhere.

use std::{collections::HashMap, sync::Arc};

use chrono::NaiveDate;

use crate::{
    model::{Endpoint, TrustedEntry, TrustedList},
    netset::AddressSet,
};

use super::access;

/// What is trusted at some endpoints.
#[derive(Debug)]
pub(super) struct TrustedSet {
    /// Two endpoints with the same number trust the same addresses.
    pub number: usize,
    pub addresses: AddressSet,
    /// The same, laid out for taking it away from many sets.
    pub gaps: access::Trusted,
}

/// An allowlist on one day.
pub(super) struct Trusted<'a> {
    today: NaiveDate,
    everywhere: AddressSet,
    limited: Vec<&'a TrustedEntry>,
    made: HashMap<Vec<usize>, Arc<TrustedSet>>,
}

impl<'a> Trusted<'a> {
    pub(super) fn new(list: &'a TrustedList, today: NaiveDate) -> Self {
        let unlimited = |entry: &&TrustedEntry| {
            entry.kinds.is_empty()
                && entry.resources.is_empty()
                && entry.regions.is_empty()
                && entry.expires.is_none_or(|last_day| today <= last_day)
        };
        let (everywhere, limited): (Vec<_>, Vec<_>) = list.entries.iter().partition(unlimited);
        let everywhere = everywhere.into_iter().map(|entry| entry.cidr).collect();
        Self { today, everywhere, limited, made: HashMap::new() }
    }

    /// Every address that is trusted at the endpoint.
    pub(super) fn for_endpoint(&mut self, endpoint: &Endpoint) -> Arc<TrustedSet> {
        let applies = |entry: &TrustedEntry| entry.applies_to(endpoint, self.today);
        let applying: Vec<usize> = (0..self.limited.len()).filter(|number| applies(self.limited[*number])).collect();
        if let Some(made) = self.made.get(&applying) {
            return Arc::clone(made);
        }
        let limited: AddressSet = applying.iter().map(|number| self.limited[*number].cidr).collect();
        let addresses = self.everywhere.union(&limited);
        let gaps = access::Trusted::new(&addresses);
        let set = Arc::new(TrustedSet { number: self.made.len(), addresses, gaps });
        self.made.insert(applying, Arc::clone(&set));
        set
    }
}
