//! Reads a journal, and says where it is torn or damaged.

use thiserror::Error;

use super::{Chain, HEAD, MAGIC, PAYLOAD_LIMIT, checksum, link};

/// A journal that is whole, but perhaps for the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journal {
    pub records: Vec<Vec<u8>>,
    /// Bytes that count; what is behind them was torn off while it was written.
    pub whole: usize,
    /// A tail was torn.
    pub torn: bool,
    pub(super) chain: Chain,
}

/// A record in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    pub payload: &'a [u8],
    /// The chain before it.
    pub follows: Chain,
    /// The chain with it.
    pub chain: Chain,
}

impl Journal {
    /// The records with the chain that holds them together.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.records.iter().scan([0; 32], |so_far, payload| {
            let follows = *so_far;
            *so_far = link(&follows, payload);
            Some(Entry { payload, follows, chain: *so_far })
        })
    }
}

/// Records are missing or were changed. Nothing is written to the cloud until `journal repair`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Damaged {
    #[error("this is no journal, or one of another version")]
    NotAJournal,
    #[error("record {record} at byte {at} is damaged ({why}), and {behind} bytes follow it")]
    Record { record: usize, at: usize, why: &'static str, behind: usize },
}

/// What stands at some place.
enum Found<'a> {
    Whole {
        payload: &'a [u8],
        chain: Chain,
        length: usize,
    },
    /// The file ends within it.
    Short,
    Bad {
        why: &'static str,
        length: usize,
    },
}

/// Reads all of a journal. An empty one is whole.
///
/// # Errors
/// If anything but the last record is bad.
pub fn read(bytes: &[u8]) -> Result<Journal, Damaged> {
    let mut journal = Journal { records: Vec::new(), whole: 0, torn: false, chain: [0; 32] };
    if bytes.len() < MAGIC.len() {
        journal.torn = !bytes.is_empty();
        return if MAGIC.starts_with(bytes) { Ok(journal) } else { Err(Damaged::NotAJournal) };
    }
    let Some(mut rest) = bytes.strip_prefix(&MAGIC) else { return Err(Damaged::NotAJournal) };
    journal.whole = MAGIC.len();
    while !rest.is_empty() {
        match next(rest, &journal.chain) {
            Found::Whole { payload, chain, length } => {
                journal.records.push(payload.to_vec());
                journal.chain = chain;
                journal.whole += length;
                rest = rest.get(length..).unwrap_or_default();
            }
            Found::Short => {
                journal.torn = true;
                break;
            }
            // A block that was not written whole may hold anything, or nothing yet, but only at the very end.
            Found::Bad { length, .. } if length == rest.len() || rest.iter().all(|byte| *byte == 0) => {
                journal.torn = true;
                break;
            }
            Found::Bad { why, length } => {
                return Err(Damaged::Record {
                    record: journal.records.len() + 1,
                    at: journal.whole,
                    why,
                    behind: rest.len().saturating_sub(length),
                });
            }
        }
    }
    Ok(journal)
}

fn next<'a>(rest: &'a [u8], chain: &Chain) -> Found<'a> {
    let Some((head, behind)) = rest.split_at_checked(HEAD) else { return Found::Short };
    let (Some(length), Some(crc), Some(linked)) = (
        head.first_chunk::<4>(),
        head.get(4..8).and_then(|four| four.first_chunk::<4>()),
        head.get(8..).and_then(|rest| rest.first_chunk::<32>()),
    ) else {
        return Found::Short;
    };
    let size = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if size > PAYLOAD_LIMIT {
        // Where the next one would begin cannot be known. Torn writes leave a beginning, not a wrong length.
        return Found::Bad { why: "its length cannot be", length: 0 };
    }
    let Some(payload) = behind.get(..size) else { return short_or_lost(rest, size) };
    let length_of = HEAD + size;
    if checksum(*length, payload) != *crc {
        return Found::Bad { why: "its checksum is wrong", length: length_of };
    }
    match link(chain, payload) {
        chain if chain == *linked => Found::Whole { payload, chain, length: length_of },
        _ => Found::Bad { why: "it does not follow the ones before it", length: length_of },
    }
}

/// A record that claims more bytes than there are is the torn one, unless a whole record stands within what it
/// claims: then its length was changed, and what is behind would be lost silently.
fn short_or_lost(rest: &[u8], size: usize) -> Found<'_> {
    let holds_another = (1..rest.len().saturating_sub(HEAD)).any(|at| {
        let Some(bytes) = rest.get(at..) else { return false };
        let Some((head, behind)) = bytes.split_at_checked(HEAD) else { return false };
        let (Some(length), Some(crc)) = (head.first_chunk::<4>(), head.get(4..8)) else { return false };
        let claimed = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        claimed > 0 && behind.get(..claimed).is_some_and(|payload| checksum(*length, payload) == *crc)
    });
    match holds_another {
        true => Found::Bad { why: "its length is wrong", length: HEAD + size },
        false => Found::Short,
    }
}
