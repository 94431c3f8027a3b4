//! What a run was judged by, as the operator set it: kept with the run, so that evidence says under which rules it was clean.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Waiver, waiver::Matcher};
use crate::model::{NamedConsumers, ResourceKind, Severity, TrustedList};

/// What a run was judged by besides its rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The allowlist, that of the command line included.
    #[serde(default)]
    pub trusted: TrustedList,
    /// Who uses which control plane, as the configuration says.
    #[serde(default)]
    pub consumers: NamedConsumers,
    /// Rules that were switched off.
    #[serde(default)]
    pub disabled: BTreeSet<String>,
    /// Severities that replaced those of the rules.
    #[serde(default)]
    pub severity: BTreeMap<String, Severity>,
    /// Every entry of the waiver file.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
    /// The id of the run whose findings were known already.
    #[serde(default)]
    pub baseline: Option<String>,
}

/// An entry of a waiver file, with the words of the file.
#[derive(Serialize)]
pub struct WaiverEntry<'a> {
    /// What findings about it call it.
    waiver: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    select: Option<SelectEntry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    only: Option<OnlyEntry<'a>>,
    reason: &'a str,
    owner: &'a str,
    ticket: Option<&'a str>,
    expires: String,
}

#[derive(Serialize)]
struct SelectEntry<'a> {
    account: &'a str,
    region: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<ResourceKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tag: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
struct OnlyEntry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cidrs: Option<&'a [IpNet]>,
}

impl Waiver {
    /// The entry of the file that it was read from.
    pub fn entry(&self) -> WaiverEntry<'_> {
        let (fingerprint, select) = match &self.matcher {
            Matcher::Fingerprint(text) => (Some(text.as_str()), None),
            Matcher::Select(select) => (
                None,
                Some(SelectEntry {
                    account: select.account_id.as_str(),
                    region: select.region_id.as_str(),
                    kind: select.kind,
                    resource: select.resource.as_deref(),
                    rule: select.rule.as_deref(),
                    tag: &select.tags,
                }),
            ),
        };
        WaiverEntry {
            waiver: self.id(),
            fingerprint,
            select,
            only: self.only.as_ref().map(|only| OnlyEntry { port: only.port, cidrs: only.cidrs.as_deref() }),
            reason: &self.reason,
            owner: &self.owner,
            ticket: self.ticket.as_deref(),
            expires: self.expires.to_string(),
        }
    }
}
