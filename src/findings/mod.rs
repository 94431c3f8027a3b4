//! Findings: what a rule says of a subject, how it is recognised from run to run, and the one
//! gate that decides whether it counts. Pure: no clock, no files.
#![deny(clippy::disallowed_methods)]

mod baseline;
mod diff;
mod finding;
mod fingerprint;
mod gate;
mod grounds;
mod language;
mod looked;
mod narrowing;
mod pack;
mod pack_words;
mod policy;
mod run;
mod seen;
#[cfg(test)]
mod tests;
mod verdict;
mod waiver;

pub use baseline::{Baseline, KnownEndpoint, KnownFinding};
pub use diff::{Change, DiffEntry, Moves, diff, moves};
pub use finding::{Finding, FindingStatus, Subject, WaiverNote};
pub use fingerprint::fingerprint;
pub(crate) use gate::sort;
pub use gate::{GATE_RULES, GateRule, GateSettings, WAIVER_ENDS_SOON, WAIVER_EXPIRED, WAIVER_UNUSED, apply};
pub use grounds::{Grounds, Input};
pub use language::Language;
pub use looked::SubjectKind;
pub use narrowing::{Narrow, NarrowPort, Narrowing};
pub use pack::{Assessed, Control, ControlStatus, ControlText, Pack, PackText, SourcePage, acceptance, assess};
pub use policy::{Policy, WaiverEntry};
pub use run::{ReplyDigest, Run, RunHeader, RunVerdict};
pub(crate) use seen::Seen;
pub use verdict::{Outcome, counts, outcome};
pub use waiver::{RawOnly, RawSelect, RawWaiver, RawWaiverFile, WAIVER_FILE_VERSION, Waiver};
