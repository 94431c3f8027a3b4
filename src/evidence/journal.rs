//! What a bundle says of the journal of remediations: how far the bundles before it hold it, and what was found of it now. The
//! lines themselves are a file of the bundle, which somebody makes who can read a journal.

use serde::{Deserialize, Serialize};

/// A place in a journal: behind so many entries, the last of which has this hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    pub number: u64,
    /// Hexadecimal.
    pub chain: String,
}

impl Mark {
    /// Before the first entry.
    pub fn start() -> Self {
        Self { number: 0, chain: "0".repeat(64) }
    }
}

/// Which part of the journal a bundle is to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// How far the bundles before hold it.
    pub after: Mark,
    /// Up to here, where the bundle is made again; else up to the journal's end.
    pub until: Option<Mark>,
}

impl Span {
    /// All of it.
    pub fn whole() -> Self {
        Self { after: Mark::start(), until: None }
    }
}

/// What a manifest says of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// How far the bundles before hold it; the start where that is another journal, or nobody knows.
    pub after: Mark,
    pub found: Found,
}

/// What was found of the journal when the bundle was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Found {
    /// There was none where the configuration keeps it.
    Absent,
    /// Nobody knows what is in it.
    Unreadable { why: String },
    Held {
        /// The last entry that was looked at.
        through: Mark,
        /// Entries in the bundle.
        entries: u64,
        /// Entries between, which are about other accounts and are not in the bundle.
        others: u64,
    },
}

impl Journal {
    /// How far this bundle and those before it hold it: where nothing could be read, no further than before.
    pub fn end(&self) -> &Mark {
        match &self.found {
            Found::Held { through, .. } => through,
            Found::Absent | Found::Unreadable { .. } => &self.after,
        }
    }
}

/// A part of the journal, as a bundle holds it.
#[derive(Clone, Debug)]
pub struct Slice {
    pub journal: Journal,
    /// The content of [`super::JOURNAL`].
    pub lines: Vec<u8>,
}
