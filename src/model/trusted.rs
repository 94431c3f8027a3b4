//! The allowlist: trusted address blocks, each optionally limited to some endpoints.

use chrono::NaiveDate;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Endpoint, EndpointKind};

/// One block of the allowlist, already checked (reliability.md 5, rows 1–20).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedEntry {
    pub cidr: IpNet,
    pub name: Option<String>,
    /// Empty: every kind.
    pub kinds: Vec<EndpointKind>,
    /// Mesh or cluster ids; empty: every resource.
    pub resources: Vec<String>,
    /// Region ids; empty: every region.
    pub regions: Vec<String>,
    /// The last day on which it counts (UTC).
    pub expires: Option<NaiveDate>,
}

impl TrustedEntry {
    /// A block that counts everywhere and always.
    pub fn everywhere(cidr: IpNet) -> Self {
        Self { cidr, name: None, kinds: Vec::new(), resources: Vec::new(), regions: Vec::new(), expires: None }
    }

    /// True if the entry counts for the endpoint on that day.
    pub fn applies_to(&self, endpoint: &Endpoint, today: NaiveDate) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&endpoint.kind))
            && (self.resources.is_empty() || self.resources.contains(&endpoint.resource_id))
            && (self.regions.is_empty() || self.regions.iter().any(|id| id == endpoint.region_id.as_str()))
            && self.expires.is_none_or(|last_day| today <= last_day)
    }
}

/// The whole allowlist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedList {
    pub entries: Vec<TrustedEntry>,
}

impl TrustedList {
    /// The blocks that count for the endpoint on that day, in the order of the list.
    pub fn for_endpoint<'a>(&'a self, endpoint: &'a Endpoint, today: NaiveDate) -> impl Iterator<Item = IpNet> + 'a {
        self.entries.iter().filter(move |entry| entry.applies_to(endpoint, today)).map(|entry| entry.cidr)
    }
}
