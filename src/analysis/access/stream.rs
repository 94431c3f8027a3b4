//! Answers saved questions, as JSON Lines or as text, with or without a cache.

use std::io::{Read, Write};

use crate::analysis::saved::{self, AnswerError, Answerer, Format, Input, answer_all};

use super::{
    cache::{Cache, Fresh, Tally},
    question::{LastAllowlist, Question, QuestionError, case_id_of},
    write::{write_json, write_text},
};

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
    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.public += other.public;
        self.private_only += other.private_only;
        self.closed += other.closed;
        self.incomplete += other.incomplete;
    }
}

/// Answers every question of `reader`: one JSON object (over several lines if need be), or JSON
/// Lines with one object a line. A question that cannot be understood is answered with its
/// `CaseId` and `Error`, and the rest go on.
///
/// # Errors
/// Where reading or writing fails; what was answered before that is written.
pub fn answer(reader: impl Read, writer: impl Write, format: Format) -> Result<Summary, AnswerError> {
    Answering { format, cache: None, summary: Summary::default() }.run(reader, writer)
}

/// As [`answer`], in the cache's format: what it knows is not worked out again, and what it does
/// not know it keeps. Questions that cannot be understood are not kept.
///
/// # Errors
/// As [`answer`].
pub fn answer_with(reader: impl Read, writer: impl Write, cache: &mut Cache) -> Result<Summary, AnswerError> {
    Answering { format: cache.format(), cache: Some(cache), summary: Summary::default() }.run(reader, writer)
}

struct Answering<'c> {
    format: Format,
    cache: Option<&'c mut Cache>,
    summary: Summary,
}

impl Answering<'_> {
    fn run(mut self, reader: impl Read, writer: impl Write) -> Result<Summary, AnswerError> {
        answer_all(reader, writer, &mut self)?;
        Ok(self.summary)
    }
}

/// What became of a batch.
#[derive(Debug, Default)]
struct Answered {
    summary: Summary,
    /// Answers that a cache does not have yet.
    fresh: Vec<Fresh>,
}

impl Answerer for Answering<'_> {
    type Batch<'a, 'b>
        = Batch<'a, 'b>
    where
        Self: 'a;
    type Outcome = Answered;

    fn batch<'b>(&self) -> Self::Batch<'_, 'b> {
        Batch {
            format: self.format,
            cache: self.cache.as_deref(),
            allowlist: LastAllowlist::default(),
            answered: Answered::default(),
        }
    }

    fn take(&mut self, answered: Answered, text: &[u8]) {
        self.summary.add(answered.summary);
        if let Some(cache) = &mut self.cache {
            cache.keep(answered.fresh, text);
        }
    }
}

/// Questions that one thread answers, one after the other.
struct Batch<'c, 'b> {
    format: Format,
    cache: Option<&'c Cache>,
    allowlist: LastAllowlist<'b>,
    answered: Answered,
}

impl<'b> saved::Batch<'b> for Batch<'_, 'b> {
    type Outcome = Answered;

    fn answer(&mut self, input: Input<'b, '_>, out: &mut Vec<u8>) {
        let Some(cache) = self.cache else {
            self.work_out(&input, out);
            return;
        };
        let digest = cache.digest(input.bytes);
        if let Some((text, tally)) = cache.find(digest) {
            out.extend_from_slice(text);
            self.answered.summary.add(tally.summary());
            return;
        }
        let start = out.len();
        if let Some(tally) = self.work_out(&input, out) {
            self.answered.fresh.push(Fresh { digest, text: start..out.len(), tally });
        }
    }

    fn finish(self) -> Answered {
        self.answered
    }
}

impl<'b> Batch<'_, 'b> {
    /// `None` where the question cannot be understood.
    fn work_out(&mut self, input: &Input<'b, '_>, out: &mut Vec<u8>) -> Option<Tally> {
        let (answered, readable) = match input.text() {
            Ok(text) => (self.answer_text(text, out), text),
            Err((error, readable)) => (Err(error.into()), readable),
        };
        match answered {
            Ok(tally) => {
                self.answered.summary.add(tally.summary());
                Some(tally)
            }
            Err(error) => {
                saved::write_error(case_id_of(readable).as_deref(), &error, (input.line)(), self.format, out);
                self.answered.summary.failed += 1;
                None
            }
        }
    }

    fn answer_text(&mut self, text: &'b str, out: &mut Vec<u8>) -> Result<Tally, QuestionError> {
        let question = Question::parse(text)?;
        let answer = question.answer_borrowed(&mut self.allowlist)?;
        match self.format {
            Format::JsonLines => write_json(question.case_id(), &answer, out),
            // Only people are told, so that only they pay for it.
            Format::Text => write_text(question.case_id(), &answer, question.shares()?.as_deref(), out),
        }
        Ok(Tally { exposure: answer.exposure, incomplete: !answer.is_complete() })
    }
}
