//! Saved questions from a reader, answers to a writer, a chunk at a time.
//!
//! A chunk of whole lines is cut into batches, the batches are answered in parallel, and their
//! answers are written in the order of the questions. Memory is bounded by the chunk and the
//! longest line, however long the input is.

use std::{
    cell::LazyCell,
    fmt,
    io::{self, Read, Write},
    ops::Range,
};

use rayon::prelude::*;
use serde::Serialize;

/// How much is read before it is answered: little enough to stay in a processor's cache.
const CHUNK: usize = 1 << 18;

/// About how much one thread answers at a time.
const BATCH: usize = 32 << 10;

/// The longest question, in bytes.
const MAX_QUESTION: usize = 64 << 20;

/// How answers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, for programs.
    #[default]
    JsonLines,
    /// A few lines for each answer, for people.
    Text,
}

/// Why no more questions were answered.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error("failed to read questions")]
    Read(#[source] io::Error),
    #[error("failed to write answers")]
    Write(#[source] io::Error),
}

/// Why a question is no text that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("not UTF-8 from byte {offset} on; save the question as UTF-8")]
    Encoding { offset: usize },
    #[error("longer than {limit} bytes; split the question, or write JSON Lines with one question a line")]
    TooLong { limit: usize },
}

/// One question.
pub(super) struct Input<'b, 'l> {
    /// As it was saved.
    pub(super) bytes: &'b [u8],
    /// The number of its line, where it has one.
    pub(super) line: &'l dyn Fn() -> Option<u64>,
}

impl<'b> Input<'b, '_> {
    /// Its text, or why not, with what could be read before that.
    pub(super) fn text(&self) -> Result<&'b str, (TextError, &'b str)> {
        let readable = |end: usize| std::str::from_utf8(&self.bytes[..end]).unwrap_or_default();
        match std::str::from_utf8(self.bytes) {
            // One that was cut short is not to blame for how it ends.
            Err(error) if self.bytes.len() > MAX_QUESTION => {
                Err((TextError::TooLong { limit: MAX_QUESTION }, readable(error.valid_up_to())))
            }
            Err(error) => {
                let offset = error.valid_up_to();
                Err((TextError::Encoding { offset }, readable(offset)))
            }
            Ok(text) if text.len() > MAX_QUESTION => Err((TextError::TooLong { limit: MAX_QUESTION }, text)),
            Ok(text) => Ok(text),
        }
    }
}

/// Answers one kind of questions.
pub(super) trait Answerer: Sync {
    /// Answers the questions of a batch, whose bytes live as long as `'b`.
    type Batch<'a, 'b>: Batch<'b, Outcome = Self::Outcome>
    where
        Self: 'a;
    /// What a batch gives beside its text.
    type Outcome: Send;

    /// Made for each batch, on the thread that answers it.
    fn batch<'b>(&self) -> Self::Batch<'_, 'b>;

    /// Takes what batches gave, in the order of the questions; `text` is what the batch wrote.
    fn take(&mut self, outcome: Self::Outcome, text: &[u8]);
}

/// Questions that one thread answers, one after the other.
pub(super) trait Batch<'b> {
    type Outcome;

    /// Answers one question at the end of `out`.
    fn answer(&mut self, input: Input<'b, '_>, out: &mut Vec<u8>);

    fn finish(self) -> Self::Outcome;
}

/// Answers every question of `reader`: one JSON object (over several lines if need be), or JSON
/// Lines with one object a line.
///
/// # Errors
/// Where reading or writing fails; what was answered before that is written.
pub(super) fn answer_all(
    reader: impl Read,
    mut writer: impl Write,
    answerer: &mut impl Answerer,
) -> Result<(), AnswerError> {
    let mut source = Source { reader, buffer: Vec::new(), filled: 0, ended: false };
    source.fill(CHUNK).map_err(AnswerError::Read)?;
    if source.text().starts_with(b"\xef\xbb\xbf") {
        source.forget(3);
    }
    if is_one_object(source.text()) {
        source.fill(MAX_QUESTION + 1).map_err(AnswerError::Read)?;
        answer_one(source.text(), None, &mut writer, answerer)?;
    } else {
        answer_lines(source, &mut writer, answerer)?;
    }
    writer.flush().map_err(AnswerError::Write)
}

fn answer_one<A: Answerer>(
    bytes: &[u8],
    line: Option<u64>,
    writer: &mut impl Write,
    answerer: &mut A,
) -> Result<(), AnswerError> {
    let mut out = Vec::new();
    let mut batch = answerer.batch();
    batch.answer(Input { bytes, line: &|| line }, &mut out);
    let outcome = batch.finish();
    writer.write_all(&out).map_err(AnswerError::Write)?;
    answerer.take(outcome, &out);
    Ok(())
}

fn answer_lines<A: Answerer>(
    mut source: Source<impl Read>,
    writer: &mut impl Write,
    answerer: &mut A,
) -> Result<(), AnswerError> {
    let mut line = 1;
    while let Some(chunk) = source.next_chunk().map_err(AnswerError::Read)? {
        match chunk {
            Chunk::Lines(end) => {
                let chunk = &source.text()[..end];
                let shared = &*answerer;
                let answers: Vec<BatchAnswer<A::Outcome>> = batches(chunk)
                    .into_par_iter()
                    .map(|range| answer_batch(chunk, range, line, shared.batch()))
                    .collect();
                for BatchAnswer { text, outcome, lines } in answers {
                    writer.write_all(&text).map_err(AnswerError::Write)?;
                    answerer.take(outcome, &text);
                    line += lines;
                }
                source.forget(end);
            }
            Chunk::TooLong => {
                answer_one(source.text(), Some(line), writer, answerer)?;
                line += 1;
                source.skip_line().map_err(AnswerError::Read)?;
            }
        }
    }
    Ok(())
}

/// What became of a batch.
struct BatchAnswer<O> {
    text: Vec<u8>,
    outcome: O,
    /// Number of line ends.
    lines: u64,
}

/// Answers the lines in a range of a chunk whose first line has the number `first_line`.
fn answer_batch<'b, B: Batch<'b>>(
    chunk: &'b [u8],
    range: Range<usize>,
    first_line: u64,
    mut answering: B,
) -> BatchAnswer<B::Outcome> {
    // Only errors name their line, so that lines before the batch are counted where there is one.
    let before = LazyCell::new(|| first_line + memchr::memchr_iter(b'\n', &chunk[..range.start]).count() as u64);
    let batch = &chunk[range.clone()];
    let (mut out, mut lines) = (Vec::new(), 0);
    // `slice::split` would look at every byte on its own, and take as long as a third of the parse.
    let ends = memchr::memchr_iter(b'\n', batch).chain([batch.len()]);
    let mut start = 0;
    for (index, end) in (0..).zip(ends) {
        let bytes = &batch[start.min(end)..end];
        start = end + 1;
        // The last piece has no end of its own.
        lines = index;
        if !bytes.trim_ascii().is_empty() {
            answering.answer(Input { bytes, line: &|| Some(*before + index) }, &mut out);
        }
    }
    BatchAnswer { text: out, outcome: answering.finish(), lines }
}

/// True if the input is one object spread over lines: its first line is no whole object, and ends
/// where a line of a spread object ends. A line that was merely cut short does not.
fn is_one_object(start: &[u8]) -> bool {
    let start = start.trim_ascii_start();
    let Some(end) = memchr::memchr(b'\n', start) else { return false };
    matches!(start[..end].trim_ascii_end().last(), Some(b'{' | b'[' | b',' | b':'))
}

/// Bytes that were read and not yet answered.
struct Source<R> {
    reader: R,
    /// What was read, and behind it room that was cleared once and is used again.
    buffer: Vec<u8>,
    filled: usize,
    ended: bool,
}

/// What stands at the front of the buffer.
enum Chunk {
    /// Whole lines up to this length.
    Lines(usize),
    /// The beginning of a line that is longer than a question may be.
    TooLong,
}

impl<R: Read> Source<R> {
    /// What was read and not yet forgotten.
    fn text(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Forgets the first bytes of what was read.
    fn forget(&mut self, bytes: usize) {
        self.buffer.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
    }

    /// Reads until the buffer holds `target` bytes or the input ends.
    fn fill(&mut self, target: usize) -> io::Result<()> {
        while !self.ended && self.filled < target {
            if self.filled == self.buffer.len() {
                // Not all at once: the target may be far more than there is to be read.
                self.buffer.resize(target.min(self.filled + CHUNK), 0);
            }
            let end = target.min(self.buffer.len());
            match self.reader.read(&mut self.buffer[self.filled..end]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn next_chunk(&mut self) -> io::Result<Option<Chunk>> {
        let mut target = CHUNK;
        loop {
            self.fill(target)?;
            if self.ended {
                return Ok((self.filled > 0).then_some(Chunk::Lines(self.filled)));
            }
            if let Some(newline) = memchr::memrchr(b'\n', self.text()) {
                return Ok(Some(Chunk::Lines(newline + 1)));
            }
            if self.filled > MAX_QUESTION {
                return Ok(Some(Chunk::TooLong));
            }
            target = (self.filled + CHUNK).min(MAX_QUESTION + 1);
        }
    }

    /// Forgets the line at the front of the buffer, also what of it is still to be read.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            self.filled = 0;
            self.fill(CHUNK)?;
            if let Some(newline) = memchr::memchr(b'\n', self.text()) {
                self.forget(newline + 1);
                return Ok(());
            }
            if self.ended {
                self.filled = 0;
                return Ok(());
            }
        }
    }
}

/// Cuts whole lines into batches: where each begins and ends.
fn batches(chunk: &[u8]) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let mut start = 0;
    while start < chunk.len() {
        let from = chunk.len().min(start + BATCH) - 1;
        let end = memchr::memchr(b'\n', &chunk[from..]).map_or(chunk.len(), |newline| from + newline + 1);
        batches.push(start..end);
        start = end;
    }
    batches
}

/// Writes why a question was not understood; `line` is its number, where it has one.
pub(super) fn write_error(
    case_id: Option<&str>,
    error: &impl fmt::Display,
    line: Option<u64>,
    format: Format,
    out: &mut Vec<u8>,
) {
    let error = line.map_or_else(|| error.to_string(), |line| format!("line {line}: {error}"));
    match format {
        Format::JsonLines => write_object(&ErrorLine { case_id, error }, out),
        Format::Text => write_line(out, format_args!("{}  not understood: {}", name(case_id), printable(&error))),
    }
}

/// The answer to what could not be understood.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorLine<'a> {
    case_id: Option<&'a str>,
    error: String,
}

/// Writes a JSON object as a line.
pub(super) fn write_object(value: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, value).expect("texts and lists can be written to memory");
    out.push(b'\n');
}

pub(super) fn write_line(out: &mut Vec<u8>, line: fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect("text can be written to memory");
}

/// A question's name for people.
pub(super) fn name(case_id: Option<&str>) -> String {
    case_id.map_or_else(|| "(no CaseId)".to_owned(), printable)
}

/// Text from outside, safe for a terminal.
pub(super) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || is_format_character(character) {
            safe.extend(character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Characters that change how their neighbours are shown: bidirectional overrides, zero-width.
fn is_format_character(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}
