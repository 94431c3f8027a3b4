//! The statement of a bundle: what it is of, what is in it, and what came before it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FIRST_MEMBERS, MEMBERS, chain::Link, journal::Journal};

const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// Of bundles without views and without a journal.
const FIRST_PREDICATE: &str = "urn:portcullis:evidence:v1";
const PREDICATE: &str = "urn:portcullis:evidence:v2";

/// What a bundle says of its run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    pub run_id: String,
    pub started_at: String,
    pub finished_at: String,
    pub tool_version: String,
    pub verdict: String,
    pub exit_code: u8,
    pub interrupted: bool,
    /// Sorted.
    pub accounts: Vec<String>,
    /// Who asked.
    pub callers: Vec<String>,
    pub coverage_complete: bool,
    pub planned: usize,
    pub scanned: usize,
    /// `sha256:…` of what was read, as the program understood it.
    pub snapshot_digest: String,
    pub rules_digest: String,
    /// How much was trusted; `None` where the run did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowlist: Option<AllowlistWidth>,
    /// `sha256:…` of the program that read the cloud, where that was asked for; of all of them, with commas between, where
    /// there were several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_digest: Option<String>,
    /// By how much the cloud's clock was ahead of the reader's, as the replies told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
}

/// How much an allowlist trusted on the day of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowlistWidth {
    /// Entries in force.
    pub entries: usize,
    /// Those of them that count for some control planes only.
    pub limited: usize,
    /// Entries past their last day.
    pub expired: usize,
    /// Addresses that some entry in force holds. Text: there are more of them than numbers of JSON go.
    pub ipv4_addresses: String,
    pub ipv6_addresses: String,
}

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub name: String,
    pub bytes: u64,
    pub lines: u64,
    /// Hexadecimal.
    pub sha256: String,
}

/// A whole manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub facts: Facts,
    pub members: Vec<Member>,
    /// Its place among the bundles of these accounts; `None` where nobody counts them.
    pub link: Option<Link>,
    /// `None` in the first version, which had no place for it.
    pub journal: Option<Journal>,
}

/// The manifest as in-toto writes it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    name: String,
    digest: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Predicate {
    run: Facts,
    members: Vec<Member>,
    link: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    journal: Option<Journal>,
}

impl Manifest {
    /// The files that a bundle of its version has: every one of them, in this order.
    pub fn files(&self) -> &'static [&'static str] {
        match self.journal {
            Some(_) => &MEMBERS,
            None => &FIRST_MEMBERS,
        }
    }

    /// As bytes that are signed.
    pub fn to_json(&self) -> Vec<u8> {
        let subject = self.members.iter().map(|member| Subject {
            name: member.name.clone(),
            digest: [("sha256".to_owned(), member.sha256.clone())].into(),
        });
        let statement = Statement {
            kind: STATEMENT.to_owned(),
            subject: subject.collect(),
            predicate_type: if self.journal.is_some() { PREDICATE } else { FIRST_PREDICATE }.to_owned(),
            predicate: Predicate {
                run: self.facts.clone(),
                members: self.members.clone(),
                link: self.link.clone(),
                journal: self.journal.clone(),
            },
        };
        serde_json::to_vec(&statement).expect("texts and numbers only")
    }

    /// Reads what [`Self::to_json`] wrote; `None` for anything else, were it only another blank, or another version than its
    /// content has.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let statement: Statement = serde_json::from_slice(bytes).ok()?;
        let Predicate { run, members, link, journal } = statement.predicate;
        let manifest = Self { facts: run, members, link, journal };
        (manifest.to_json() == bytes).then_some(manifest)
    }
}
