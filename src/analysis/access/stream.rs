//! Answers saved questions from a reader to a writer, a chunk at a time.
//!
//! A chunk of whole lines is cut into batches, the batches are answered in parallel, and their
//! answers are written in the order of the questions. Memory is bounded by the chunk and the
//! longest line, however long the input is.

use std::{
    cell::LazyCell,
    io::{self, Read, Write},
    ops::Range,
};

use rayon::prelude::*;

use super::{
    evaluate::{Answer, Exposure},
    question::{ErrorLine, Question, QuestionError, Shown, case_id_of, write_answer_json},
};

/// How much is read before it is answered: little enough to stay in a processor's cache.
const CHUNK: usize = 1 << 20;

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

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Questions that were answered.
    pub answered: u64,
    /// Questions that could not be understood; their answers say why. Any of these means exit
    /// code 2.
    pub failed: u64,
    /// Answers by exposure.
    pub public: u64,
    pub private_only: u64,
    pub closed: u64,
    /// Answers whose residue is known between two bounds only.
    pub incomplete: u64,
}

impl Summary {
    fn count(&mut self, answer: &Answer) {
        self.answered += 1;
        self.incomplete += u64::from(!answer.is_complete());
        match answer.exposure {
            Exposure::Public => self.public += 1,
            Exposure::PrivateOnly => self.private_only += 1,
            Exposure::Closed => self.closed += 1,
        }
    }

    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.public += other.public;
        self.private_only += other.private_only;
        self.closed += other.closed;
        self.incomplete += other.incomplete;
    }
}

/// Why no more questions were answered.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    #[error("failed to read questions")]
    Read(#[source] io::Error),
    #[error("failed to write answers")]
    Write(#[source] io::Error),
}

/// Answers every question of `reader`: one JSON object (over several lines if need be), or JSON
/// Lines with one object a line. A question that cannot be understood is answered with its
/// `CaseId` and `Error`, and the rest go on.
///
/// # Errors
/// Where reading or writing fails; what was answered before that is written.
pub fn answer(reader: impl Read, mut writer: impl Write, format: Format) -> Result<Summary, AnswerError> {
    let mut source = Source { reader, buffer: Vec::new(), ended: false };
    let mut summary = Summary::default();
    source.fill(CHUNK).map_err(AnswerError::Read)?;
    if source.buffer.starts_with(b"\xef\xbb\xbf") {
        source.buffer.drain(..3);
    }
    if is_one_object(&source.buffer) {
        source.fill(MAX_QUESTION + 1).map_err(AnswerError::Read)?;
        let mut out = Vec::new();
        summary.add(answer_bytes(&source.buffer, || None, format, &mut out));
        writer.write_all(&out).map_err(AnswerError::Write)?;
        return writer.flush().map_err(AnswerError::Write).map(|()| summary);
    }
    let mut line = 1;
    while let Some(chunk) = source.next_chunk().map_err(AnswerError::Read)? {
        match chunk {
            Chunk::Lines(end) => {
                let chunk = &source.buffer[..end];
                let answers: Vec<BatchAnswer> =
                    batches(chunk).into_par_iter().map(|batch| answer_batch(chunk, batch, line, format)).collect();
                for batch in answers {
                    summary.add(batch.summary);
                    writer.write_all(&batch.text).map_err(AnswerError::Write)?;
                    line += batch.lines;
                }
                source.buffer.drain(..end);
            }
            Chunk::TooLong => {
                let mut out = Vec::new();
                let case_id = std::str::from_utf8(&source.buffer).ok().and_then(case_id_of);
                let error = QuestionError::TooLong { limit: MAX_QUESTION };
                write_error(case_id.as_deref(), &error, Some(line), format, &mut out);
                writer.write_all(&out).map_err(AnswerError::Write)?;
                summary.failed += 1;
                line += 1;
                source.skip_line().map_err(AnswerError::Read)?;
            }
        }
    }
    writer.flush().map_err(AnswerError::Write)?;
    Ok(summary)
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
    buffer: Vec<u8>,
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
    /// Reads until the buffer holds `target` bytes or the input ends.
    fn fill(&mut self, target: usize) -> io::Result<()> {
        let missing = target.saturating_sub(self.buffer.len());
        if self.ended || missing == 0 {
            return Ok(());
        }
        let read = (&mut self.reader).take(missing as u64).read_to_end(&mut self.buffer)?;
        self.ended = read < missing;
        Ok(())
    }

    fn next_chunk(&mut self) -> io::Result<Option<Chunk>> {
        let mut target = CHUNK;
        loop {
            self.fill(target)?;
            if self.ended {
                return Ok((!self.buffer.is_empty()).then_some(Chunk::Lines(self.buffer.len())));
            }
            if let Some(newline) = memchr::memrchr(b'\n', &self.buffer) {
                return Ok(Some(Chunk::Lines(newline + 1)));
            }
            if self.buffer.len() > MAX_QUESTION {
                return Ok(Some(Chunk::TooLong));
            }
            target = (self.buffer.len() + CHUNK).min(MAX_QUESTION + 1);
        }
    }

    /// Forgets the line at the front of the buffer, also what of it is still to be read.
    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            self.buffer.clear();
            self.fill(CHUNK)?;
            if let Some(newline) = memchr::memchr(b'\n', &self.buffer) {
                self.buffer.drain(..=newline);
                return Ok(());
            }
            if self.ended {
                self.buffer.clear();
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

/// What became of a batch.
struct BatchAnswer {
    text: Vec<u8>,
    summary: Summary,
    /// Number of line ends.
    lines: u64,
}

/// Answers a batch of a chunk whose first line has the number `first_line`.
fn answer_batch(chunk: &[u8], batch: Range<usize>, first_line: u64, format: Format) -> BatchAnswer {
    // Only errors name their line, so that lines before the batch are counted where there is one.
    let before = LazyCell::new(|| first_line + memchr::memchr_iter(b'\n', &chunk[..batch.start]).count() as u64);
    let batch = &chunk[batch.clone()];
    let (mut out, mut summary, mut lines) = (Vec::new(), Summary::default(), 0);
    // `slice::split` would look at every byte on its own, and take as long as a third of the parse.
    let ends = memchr::memchr_iter(b'\n', batch).chain([batch.len()]);
    let mut start = 0;
    for (index, end) in (0..).zip(ends) {
        let text = &batch[start.min(end)..end];
        start = end + 1;
        // The last piece has no end of its own.
        lines = index;
        if !text.trim_ascii().is_empty() {
            summary.add(answer_bytes(text, || Some(*before + index), format, &mut out));
        }
    }
    BatchAnswer { text: out, summary, lines }
}

/// Answers one question; `line` is its number, where it has one.
fn answer_bytes(bytes: &[u8], line: impl FnOnce() -> Option<u64>, format: Format, out: &mut Vec<u8>) -> Summary {
    let mut summary = Summary::default();
    let text = match checked_text(bytes) {
        Ok(text) => text,
        Err((error, readable)) => {
            write_error(case_id_of(readable).as_deref(), &error, line(), format, out);
            summary.failed += 1;
            return summary;
        }
    };
    let answered = Question::parse(text).and_then(|question| {
        let answer = question.answer()?;
        write_answer(question.case_id(), &answer, format, out);
        Ok(answer)
    });
    match answered {
        Ok(answer) => summary.count(&answer),
        Err(error) => {
            write_error(case_id_of(text).as_deref(), &error, line(), format, out);
            summary.failed += 1;
        }
    }
    summary
}

/// The bytes as text, or why not, with what could be read before that.
fn checked_text(bytes: &[u8]) -> Result<&str, (QuestionError, &str)> {
    let read = std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let readable = std::str::from_utf8(&bytes[..offset]).unwrap_or_default();
        (QuestionError::Encoding { offset }, readable)
    });
    match read {
        Ok(text) if text.len() > MAX_QUESTION => Err((QuestionError::TooLong { limit: MAX_QUESTION }, text)),
        other => other,
    }
}

fn write_answer(case_id: Option<&str>, answer: &Answer, format: Format, out: &mut Vec<u8>) {
    match format {
        Format::JsonLines => {
            write_answer_json(case_id, answer, out);
            out.push(b'\n');
        }
        Format::Text => write_text(case_id, answer, out),
    }
}

fn write_error(case_id: Option<&str>, error: &QuestionError, line: Option<u64>, format: Format, out: &mut Vec<u8>) {
    let error = line.map_or_else(|| error.to_string(), |line| format!("line {line}: {error}"));
    match format {
        Format::JsonLines => write_json(&ErrorLine { case_id, error }, out),
        Format::Text => write_line(out, format_args!("{}  not understood: {}", name(case_id), printable(&error))),
    }
}

fn write_json(value: &impl serde::Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, value).expect("texts and numbers can be written to memory");
    out.push(b'\n');
}

fn write_line(out: &mut Vec<u8>, line: std::fmt::Arguments<'_>) {
    writeln!(out, "{line}").expect("text can be written to memory");
}

/// More blocks than this are counted rather than shown to people.
const SHOWN_BLOCKS: usize = 12;

fn write_text(case_id: Option<&str>, answer: &Answer, out: &mut Vec<u8>) {
    let count = answer.residue.upper.count();
    let certainty = if answer.is_complete() { "" } else { "at most " };
    let addresses = if count.to_string() == "1" { "address" } else { "addresses" };
    write_line(
        out,
        format_args!("{}  {}: {certainty}{count} untrusted {addresses}", name(case_id), answer.exposure.as_str()),
    );
    let mut field = |label: &str, values: Vec<String>| {
        if !values.is_empty() {
            write_line(out, format_args!("  {label:<11}{}", values.join(" ")));
        }
    };
    field("gets in", answer.witness.iter().map(ToString::to_string).collect());
    field("untrusted", blocks(&answer.residue.upper));
    if !answer.is_complete() {
        let certain = blocks(&answer.residue.lower);
        field("certainly", if certain.is_empty() { vec!["none".to_owned()] } else { certain });
    }
    let printable_all = |texts: &[String]| texts.iter().map(|text| printable(text)).collect();
    field("blame", printable_all(&answer.blame));
    field("delete", printable_all(&answer.fix_set));
    field("unread", printable_all(&answer.unresolved));
}

fn blocks(set: &crate::netset::AddressSet) -> Vec<String> {
    let blocks = set.cover();
    let mut shown: Vec<String> = blocks.iter().take(SHOWN_BLOCKS).map(|net| Shown(*net).to_string()).collect();
    if blocks.len() > SHOWN_BLOCKS {
        shown.push(format!("and {} more", blocks.len() - SHOWN_BLOCKS));
    }
    shown
}

fn name(case_id: Option<&str>) -> String {
    case_id.map_or_else(|| "(no CaseId)".to_owned(), printable)
}

/// Text from outside, safe for a terminal.
fn printable(text: &str) -> String {
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
