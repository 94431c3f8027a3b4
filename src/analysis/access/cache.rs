//! Answers that are kept from one run to the next, by the digest of their question's bytes.
//!
//! The digest is XXH3 of 128 bits under a secret of the cache's own: whoever writes the texts of a
//! rule does not know the secret, so that no two questions can be made to share a digest. A file
//! of answers names the program that gave them; another program, and so another reading of the
//! same question, does not get them.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    io::{self, Write},
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use twox_hash::XxHash3_128;

use crate::analysis::saved::Format;

use super::{evaluate::Exposure, stream::Summary};

/// How long the secret of a cache is, in bytes.
pub const SECRET: usize = 192;

/// What a file of answers begins with.
const MAGIC: &[u8; 8] = b"PTCLACC\n";

/// The layout of files of answers.
const LAYOUT: u8 = 1;

/// Bytes of one answer in a file's table: digest, tally, length.
const ROW: usize = 16 + 1 + 4;

const CHECKSUM: usize = 16;

/// Answers by the digests of their questions, all in one format and given by one program.
#[derive(Debug)]
pub struct Cache {
    program: String,
    format: Format,
    secret: Box<[u8; SECRET]>,
    /// The file that the cache was read from; empty for a new one.
    file: Vec<u8>,
    /// Where the answers of the file are.
    old: Vec<Kept>,
    /// Answers that were given since, and where each is in `new_text`.
    new: Vec<Kept>,
    new_text: Vec<u8>,
    by_digest: HashMap<u128, Place, BuildHasherDefault<Ready>>,
}

/// Where an answer is: its number among those of the file, or among the new ones.
#[derive(Clone, Copy, Debug)]
enum Place {
    Old(usize),
    New,
}

#[derive(Debug)]
struct Kept {
    digest: u128,
    text: Range<usize>,
    tally: Tally,
    /// True once a question asked for it.
    used: AtomicBool,
}

/// What an answer adds to the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) exposure: Exposure,
    pub(super) incomplete: bool,
}

/// An answer that is to be kept, with its place in the text of its batch.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) digest: u128,
    pub(super) text: Range<usize>,
    pub(super) tally: Tally,
}

/// Why a file of answers is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableCache {
    #[error("it is no cache of answers")]
    Foreign,
    #[error("its layout is {found}, and this program writes {LAYOUT}")]
    Layout { found: u8 },
    #[error("its answers were given by another build of this program ({})", found.escape_default())]
    Program { found: String },
    #[error("its answers are in the other format")]
    Format,
    #[error("it is damaged")]
    Damaged,
}

impl Tally {
    pub(super) fn summary(self) -> Summary {
        let mut summary = Summary { answered: 1, incomplete: u64::from(self.incomplete), ..Summary::default() };
        match self.exposure {
            Exposure::Public => summary.public = 1,
            Exposure::PrivateOnly => summary.private_only = 1,
            Exposure::Closed => summary.closed = 1,
        }
        summary
    }

    fn to_byte(self) -> u8 {
        let exposure = match self.exposure {
            Exposure::Closed => 0,
            Exposure::PrivateOnly => 1,
            Exposure::Public => 2,
        };
        exposure | u8::from(self.incomplete) << 2
    }

    fn from_byte(byte: u8) -> Option<Self> {
        let exposure = match byte & 3 {
            0 => Exposure::Closed,
            1 => Exposure::PrivateOnly,
            2 => Exposure::Public,
            _ => return None,
        };
        (byte >> 3 == 0).then_some(Self { exposure, incomplete: byte & 4 != 0 })
    }
}

fn format_byte(format: Format) -> u8 {
    match format {
        Format::JsonLines => 0,
        Format::Text => 1,
    }
}

impl Cache {
    /// An empty cache. `program` names this very build, `secret` is random and known to nobody.
    pub fn new(program: &str, format: Format, secret: [u8; SECRET]) -> Self {
        Self {
            program: program.to_owned(),
            format,
            secret: Box::new(secret),
            file: Vec::new(),
            old: Vec::new(),
            new: Vec::new(),
            new_text: Vec::new(),
            by_digest: HashMap::default(),
        }
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    /// Where it is anything else, was written by another build of the program or holds answers in
    /// another format.
    pub fn read(program: &str, format: Format, file: Vec<u8>) -> Result<Self, UnusableCache> {
        let mut rest = match file.strip_prefix(MAGIC) {
            Some(rest) => rest,
            // Cut short so early that not even the beginning is whole.
            None if !file.is_empty() && MAGIC.starts_with(&file) => return Err(UnusableCache::Damaged),
            None => return Err(UnusableCache::Foreign),
        };
        let [layout] = *take(&mut rest)?;
        if layout != LAYOUT {
            return Err(UnusableCache::Layout { found: layout });
        }
        let Some((body, sum)) = file.split_last_chunk::<CHECKSUM>() else { return Err(UnusableCache::Damaged) };
        if XxHash3_128::oneshot(body) != u128::from_le_bytes(*sum) {
            return Err(UnusableCache::Damaged);
        }
        let [answers_format, name_length] = *take(&mut rest)?;
        let (name, mut rest) = rest.split_at_checked(name_length.into()).ok_or(UnusableCache::Damaged)?;
        if name != program.as_bytes() {
            return Err(UnusableCache::Program { found: String::from_utf8_lossy(name).into_owned() });
        }
        if answers_format != format_byte(format) {
            return Err(UnusableCache::Format);
        }
        let mut cache = Self::new(program, format, *take::<SECRET>(&mut rest)?);
        let count = u64::from_le_bytes(*take(&mut rest)?);
        let rows =
            usize::try_from(count).ok().and_then(|count| count.checked_mul(ROW)).ok_or(UnusableCache::Damaged)?;
        let (rows, texts) = rest.split_at_checked(rows).ok_or(UnusableCache::Damaged)?;
        let end = body.len();
        let mut start = file.len() - texts.len();
        for row in rows.chunks_exact(ROW) {
            let kept = Kept::read(row, start).filter(|kept| kept.text.end <= end).ok_or(UnusableCache::Damaged)?;
            start = kept.text.end;
            cache.by_digest.insert(kept.digest, Place::Old(cache.old.len()));
            cache.old.push(kept);
        }
        if start != end {
            return Err(UnusableCache::Damaged);
        }
        cache.file = file;
        Ok(cache)
    }

    /// How answers are written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// How many answers a question asked for or was given since the cache was made or read.
    pub fn in_use(&self) -> usize {
        self.old.iter().chain(&self.new).filter(|kept| kept.is_used()).count()
    }

    /// True if it differs from what it was read from: an answer is new, or one was not asked for.
    pub fn has_changed(&self) -> bool {
        !self.new.is_empty() || self.file.is_empty() || !self.old.iter().all(Kept::is_used)
    }

    /// Writes the answers that are in use.
    ///
    /// # Errors
    /// Where `out` does not take it.
    pub fn write(&self, out: impl Write) -> io::Result<()> {
        let mut out = Summed { out, sum: XxHash3_128::new() };
        let name = self.program.as_bytes();
        let name_length = u8::try_from(name.len()).map_err(io::Error::other)?;
        out.put(MAGIC)?;
        out.put(&[LAYOUT, format_byte(self.format), name_length])?;
        out.put(name)?;
        out.put(self.secret.as_slice())?;
        out.put(&(self.in_use() as u64).to_le_bytes())?;
        let texts = [(&self.old, &self.file), (&self.new, &self.new_text)];
        for (kept, _) in texts {
            for kept in kept.iter().filter(|kept| kept.is_used()) {
                out.put(&kept.row())?;
            }
        }
        for (kept, text) in texts {
            for kept in kept.iter().filter(|kept| kept.is_used()) {
                out.put(&text[kept.text.clone()])?;
            }
        }
        let sum = out.sum.finish_128();
        out.put(&sum.to_le_bytes())
    }

    /// The digest of a question.
    pub(super) fn digest(&self, question: &[u8]) -> u128 {
        XxHash3_128::oneshot_with_secret(self.secret.as_slice(), question).expect("the secret is longer than the least")
    }

    /// The answer to a question that an earlier run answered.
    pub(super) fn find(&self, digest: u128) -> Option<(&[u8], Tally)> {
        let Some(Place::Old(number)) = self.by_digest.get(&digest) else { return None };
        let kept = &self.old[*number];
        kept.used.store(true, Ordering::Relaxed);
        Some((&self.file[kept.text.clone()], kept.tally))
    }

    /// Keeps answers of a batch, whose text is `text`.
    pub(super) fn keep(&mut self, fresh: Vec<Fresh>, text: &[u8]) {
        for Fresh { digest, text: place, tally } in fresh {
            // The same question came twice, or the answer is too long for a row.
            if self.by_digest.contains_key(&digest) || u32::try_from(place.len()).is_err() {
                continue;
            }
            let start = self.new_text.len();
            self.new_text.extend_from_slice(&text[place]);
            let text = start..self.new_text.len();
            self.new.push(Kept { digest, text, tally, used: AtomicBool::new(true) });
            self.by_digest.insert(digest, Place::New);
        }
    }
}

impl Kept {
    fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    fn row(&self) -> [u8; ROW] {
        let mut row = [0; ROW];
        row[..16].copy_from_slice(&self.digest.to_le_bytes());
        row[16] = self.tally.to_byte();
        // `Cache::keep` keeps nothing that is longer.
        row[17..].copy_from_slice(&(self.text.len() as u32).to_le_bytes());
        row
    }

    /// Reads a row whose text begins at `start`.
    fn read(mut row: &[u8], start: usize) -> Option<Self> {
        let digest = u128::from_le_bytes(*take(&mut row).ok()?);
        let [tally] = *take(&mut row).ok()?;
        let length = usize::try_from(u32::from_le_bytes(*take(&mut row).ok()?)).ok()?;
        let text = start..start.checked_add(length)?;
        Some(Self { digest, text, tally: Tally::from_byte(tally)?, used: AtomicBool::new(false) })
    }
}

fn take<'b, const N: usize>(rest: &mut &'b [u8]) -> Result<&'b [u8; N], UnusableCache> {
    let (taken, after) = rest.split_first_chunk().ok_or(UnusableCache::Damaged)?;
    *rest = after;
    Ok(taken)
}

/// Writes, and sums up what was written.
struct Summed<W> {
    out: W,
    sum: XxHash3_128,
}

impl<W: Write> Summed<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.write(bytes);
        self.out.write_all(bytes)
    }
}

/// A digest is its own hash: nobody can choose its bits.
#[derive(Debug, Default)]
struct Ready(u64);

impl Hasher for Ready {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, digest: u128) {
        self.0 = digest as u64;
    }
}
