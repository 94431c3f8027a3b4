//! A message in words, for every channel alike: counts, then one line a change. Ids only, unless details were asked
//! for; whatever a resource's owner may have written is made harmless here, and escaped once more by each channel.

use std::collections::BTreeSet;

use crate::{
    findings::{Finding, Run},
    model::{ResourceKind, Severity},
    report,
};

use super::{Change, Kind};

/// Changes that a chat message names before the rest is counted.
const LINES: usize = 20;

/// Bytes of all lines together: escaping makes four of one at most, and the services take some 20 kB.
const BYTES: usize = 4_500;

/// Columns of an id, a name and a sentence.
const ID_WIDTH: usize = 160;
const NAME_WIDTH: usize = 48;
const SENTENCE_WIDTH: usize = 200;

/// Accounts that are named before the rest is counted.
const ACCOUNTS: usize = 3;

/// What one channel is told at once.
pub(super) enum Message<'a> {
    Changes(RunMessage<'a>),
    Notice(&'a Notice),
}

/// Something that is no change of a finding: a change of the cloud that is coming, or that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same in every try.
    pub delivery: String,
    pub title: String,
    /// One line on what it is about.
    pub head: String,
    pub lines: Vec<String>,
}

impl Message<'_> {
    /// `Portcullis: …`.
    pub(super) fn title(&self) -> String {
        match self {
            Self::Changes(message) => message.title(),
            Self::Notice(notice) => format!("Portcullis: {}", harmless(&notice.title, SENTENCE_WIDTH)),
        }
    }

    pub(super) fn head(&self) -> String {
        match self {
            Self::Changes(message) => message.head(),
            Self::Notice(notice) => harmless(&notice.head, SENTENCE_WIDTH),
        }
    }

    /// None with a line end in it.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Changes(message) => message.lines(),
            Self::Notice(notice) => {
                notice.lines.iter().take(LINES).map(|line| harmless(line, SENTENCE_WIDTH)).collect()
            }
        }
    }

    /// The same in every try: the run's id, or the notice's.
    pub(super) fn delivery(&self) -> &str {
        match self {
            Self::Changes(message) => &message.run.header.id,
            Self::Notice(notice) => &notice.delivery,
        }
    }
}

/// What one channel is told of one run.
pub(super) struct RunMessage<'a> {
    pub(super) run: &'a Run,
    /// In the order in which they are told; never empty.
    pub(super) changes: Vec<Change<'a>>,
    /// Names and sentences as well.
    pub(super) details: bool,
}

impl RunMessage<'_> {
    /// How many changes of each kind there are.
    pub(super) fn count(&self, kind: Kind) -> usize {
        self.changes.iter().filter(|change| change.kind == kind).count()
    }

    /// `Portcullis: 2 new, 1 fixed`.
    pub(super) fn title(&self) -> String {
        let counts: Vec<String> = Kind::ALL
            .into_iter()
            .map(|kind| (self.count(kind), kind.as_str()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        format!("Portcullis: {}", counts.join(", "))
    }

    /// The verdict and the run, on one line.
    pub(super) fn head(&self) -> String {
        let header = &self.run.header;
        let coverage = if self.run.coverage.complete() { "" } else { ", not everything could be read" };
        format!(
            "verdict {}{coverage}; accounts {}; run {} at {}",
            report::verdict_text(self.run.verdict),
            accounts(self.run),
            harmless(&header.id, ID_WIDTH),
            report::time_text(&header.started_at),
        )
    }

    /// One line a change, and one for those that have no line; none with a line end in it.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut bytes = 0;
        for change in self.changes.iter().take(LINES) {
            let line = self.line(change);
            bytes += line.len();
            if bytes > BYTES {
                break;
            }
            lines.push(line);
        }
        let rest = self.changes.len() - lines.len();
        if rest > 0 {
            lines.push(format!("and {rest} more: portcullis diff"));
        }
        lines
    }

    fn line(&self, change: &Change<'_>) -> String {
        let finding = change.finding;
        let mut line = format!(
            "{} {} {} on {} ({})",
            change.kind.as_str(),
            finding.severity,
            harmless(&finding.rule_id, ID_WIDTH),
            harmless(&subject_id(finding), ID_WIDTH),
            short(&finding.fingerprint),
        );
        if self.details {
            if !finding.resource_name.is_empty() {
                line.push_str(&format!(" \"{}\"", harmless(&finding.resource_name, NAME_WIDTH)));
            }
            if !finding.message.is_empty() {
                line.push_str(&format!(": {}", harmless(&finding.message, SENTENCE_WIDTH)));
            }
        }
        line
    }
}

/// The endpoint's id, else account, region, kind and id of the resource.
fn subject_id(finding: &Finding) -> String {
    let subject = &finding.subject;
    subject.endpoint_id().unwrap_or_else(|| {
        format!("{}/{}/{}/{}", subject.account_id, subject.region_id, subject.resource_kind, subject.resource_id)
    })
}

/// As much of a fingerprint as `portcullis explain` needs to find it.
fn short(fingerprint: &str) -> String {
    harmless(fingerprint.get(..15).unwrap_or(fingerprint), ID_WIDTH)
}

fn accounts(run: &Run) -> String {
    let callers = &run.header.caller;
    let mut named: Vec<String> =
        callers.iter().take(ACCOUNTS).map(|caller| harmless(caller.account_id.as_str(), 40)).collect();
    if callers.len() > ACCOUNTS {
        named.push(format!("{} more", callers.len() - ACCOUNTS));
    }
    if named.is_empty() { "unknown".to_owned() } else { named.join(", ") }
}

/// Text from outside on one line: what a terminal or a chat would obey is shown instead, and an address cannot be
/// clicked on, since whoever names a resource would choose where it leads.
fn harmless(text: &str, width: usize) -> String {
    report::escape_capped(&text.replace("://", "[:]//"), width)
}

/// Changes at or above a severity, of the kinds that were asked for. The severity is that of exposures: what is to be
/// done about a waiver is told whatever it is, or its owner would hear of its end when it has ended.
pub(super) fn chosen<'a>(changes: &[Change<'a>], min_severity: Severity, on: &BTreeSet<Kind>) -> Vec<Change<'a>> {
    let wanted = |change: &&Change<'a>| {
        let finding = change.finding;
        let of_waiver = finding.subject.resource_kind == ResourceKind::Waiver;
        (of_waiver || finding.severity >= min_severity) && on.contains(&change.kind)
    };
    changes.iter().filter(wanted).copied().collect()
}
