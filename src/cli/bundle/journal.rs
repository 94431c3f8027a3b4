//! The journal of remediations in a bundle: its entries about the run's accounts that no bundle before holds. Each has its
//! number and the journal's chain before and behind it, so that one that is dropped, moved or changed shows; those about other
//! accounts are only counted.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
};

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    cli::{
        plain_file,
        remedy::local::{self, Held},
    },
    evidence::{Found, JOURNAL, Journal, Manifest, Mark, Slice, Span},
    remediate::journal::{self, Chain},
    report,
    scan::is_account_id,
};

/// A line of the file: an entry as the journal holds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// From 1, among all entries of the journal.
    number: u64,
    /// The chain before it, and with it: SHA-256 of the chain before and the entry. Hexadecimal.
    follows: String,
    chain: String,
    #[serde(flatten)]
    payload: Payload,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Payload {
    Entry(String),
    /// Of bytes that are no text.
    EntryBase64(String),
}

impl Payload {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Entry(text.to_owned()),
            Err(_) => Self::EntryBase64(BASE64.encode(bytes)),
        }
    }

    fn bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Entry(text) => Some(text.clone().into_bytes()),
            Self::EntryBase64(text) => BASE64.decode(text.as_bytes()).ok(),
        }
    }
}

/// An entry of the journal.
pub(super) struct Entry {
    line: Line,
    /// Whom it is about, where that can be told.
    account: Option<String>,
}

impl Entry {
    fn new(number: u64, entry: &journal::Entry<'_>) -> Self {
        let value: Value = serde_json::from_slice(entry.payload).unwrap_or_default();
        let line = Line {
            number,
            follows: HEXLOWER.encode(&entry.follows),
            chain: HEXLOWER.encode(&entry.chain),
            payload: Payload::of(entry.payload),
        };
        Self { line, account: account(&value) }
    }

    /// Where that cannot be told, it is: what is left out is nobody's evidence.
    fn is_about(&self, accounts: &[String]) -> bool {
        self.account.as_ref().is_none_or(|account| accounts.contains(account))
    }
}

/// Whose row it stands in.
fn account(entry: &Value) -> Option<String> {
    let account = entry.get("row")?.as_str()?.split('/').nth(1)?;
    is_account_id(account).then(|| account.to_owned())
}

/// The journal of this host, as it is when a bundle is made.
pub(super) enum HostJournal {
    Absent,
    /// It is not known what is in it; why, without its path.
    Unreadable(String),
    Held(Vec<Entry>),
}

impl HostJournal {
    /// Reads it. `None` where nobody can tell where it would be.
    pub(super) fn read(path: Option<&Path>) -> Self {
        let Some(path) = path else {
            return Self::Unreadable("there is no home directory that it would be in".to_owned());
        };
        match local::held(path) {
            Ok(Held::Missing) => Self::Absent,
            Ok(Held::Whole { journal, .. }) => {
                Self::Held((1..).zip(journal.entries()).map(|(number, entry)| Entry::new(number, &entry)).collect())
            }
            Ok(Held::Damaged(damaged)) => Self::Unreadable(damaged.to_string()),
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }

    /// Its entries about these accounts in that part of it. Where that begins at no place of this journal, which may be another
    /// host's or have been repaired, it begins with the journal, and where it ends at none, it ends with it.
    pub(super) fn slice(&self, accounts: &[String], span: &Span) -> Slice {
        let entries = match self {
            Self::Absent => return without(&span.after, Found::Absent),
            Self::Unreadable(why) => return without(&span.after, Found::Unreadable { why: why.clone() }),
            Self::Held(entries) => entries,
        };
        let is_held = |mark: &&Mark| entries.iter().any(|entry| entry.is_at(mark));
        let after = Some(&span.after).filter(is_held).cloned().unwrap_or_else(Mark::start);
        let until = span.until.as_ref().filter(is_held).map_or(entries.len() as u64, |mark| mark.number);
        let new = || entries.iter().filter(|entry| entry.line.number > after.number && entry.line.number <= until);
        let ours: Vec<&Entry> = new().filter(|entry| entry.is_about(accounts)).collect();
        let found = Found::Held {
            through: new().next_back().map_or_else(|| after.clone(), |entry| entry.line.mark()),
            entries: ours.len() as u64,
            others: (new().count() - ours.len()) as u64,
        };
        let lines: String = ours.iter().map(|entry| report::json_text(&entry.line) + "\n").collect();
        Slice { journal: Journal { after, found }, lines: lines.into_bytes() }
    }
}

impl Entry {
    fn is_at(&self, mark: &Mark) -> bool {
        self.line.number == mark.number && self.line.chain == mark.chain
    }
}

impl Line {
    fn mark(&self) -> Mark {
        Mark { number: self.number, chain: self.chain.clone() }
    }

    /// Whether its chain is that of what it follows and of what it holds.
    fn is_linked(&self) -> bool {
        let follows = HEXLOWER.decode(self.follows.as_bytes()).ok().and_then(|bytes| Chain::try_from(bytes).ok());
        let linked = follows.zip(self.payload.bytes()).map(|(follows, payload)| journal::link(&follows, &payload));
        linked.is_some_and(|chain| HEXLOWER.encode(&chain) == self.chain)
    }
}

fn without(after: &Mark, found: Found) -> Slice {
    Slice { journal: Journal { after: after.clone(), found }, lines: Vec::new() }
}

/// Whether the file is the part of a journal that the manifest says it is: each entry is chained to the one before it, and
/// as many are there, and left out, as it says. Its bytes have been checked by then.
pub(super) fn check(folder: &Path, manifest: &Manifest) -> Result<(), String> {
    let Some(journal) = &manifest.journal else { return Ok(()) };
    let bytes = manifest.members.iter().find(|member| member.name == JOURNAL).map_or(0, |member| member.bytes);
    let Found::Held { through, entries, others } = &journal.found else {
        return match bytes {
            0 => Ok(()),
            _ => Err(format!("{JOURNAL} holds entries of a journal that the manifest says was not read")),
        };
    };
    let file = plain_file::open(&folder.join(JOURNAL)).map_err(|error| format!("{JOURNAL} cannot be read: {error}"))?;
    let (mut last, mut held, mut left_out) = (journal.after.clone(), 0, 0);
    for (at, text) in (1_u64..).zip(BufReader::new(file.take(bytes)).lines()) {
        let wrong = |why: &str| format!("{JOURNAL}: line {at} {why}");
        let text = text.map_err(|error| wrong(&format!("cannot be read: {error}")))?;
        let line: Line = serde_json::from_str(&text).map_err(|_| wrong("is no entry of a journal"))?;
        let between = line.number.checked_sub(last.number).and_then(|step| step.checked_sub(1));
        let between = between.ok_or_else(|| wrong("is out of order"))?;
        if between == 0 && line.follows != last.chain {
            return Err(wrong("does not follow the one before it"));
        }
        if !line.is_linked() {
            return Err(wrong("is not what the journal's chain holds"));
        }
        (last, held, left_out) = (line.mark(), held + 1, left_out + between);
    }
    let behind = through.number.checked_sub(last.number);
    let ends_there = behind.is_some_and(|behind| behind > 0 || *through == last);
    match ends_there && held == *entries && left_out + behind.unwrap_or_default() == *others {
        true => Ok(()),
        false => Err(format!("{JOURNAL} does not hold the entries that the manifest names")),
    }
}

#[cfg(test)]
mod tests;
