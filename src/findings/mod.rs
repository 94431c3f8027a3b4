//! Findings: what a rule says of a subject, how it is recognised from run to run, and the one
//! gate that decides whether it counts. Pure: no clock, no files.
#![deny(clippy::disallowed_methods)]

mod finding;
mod run;

pub use finding::{Finding, FindingStatus, Subject, WaiverNote};
pub use run::{Run, RunHeader, RunVerdict};
