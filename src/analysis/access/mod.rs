//! Who can reach a port: exact set arithmetic over security groups and listener ACLs.
//!
//! A [`Query`] names a port, a path and the families. Each [`Stage`] on the path admits a set of
//! sources, known between two bounds where something could not be read; what every stage admits
//! and nobody trusts is the residue. [`evaluate()`] answers with the residue, an address that gets
//! in, the rules to blame and the rules to delete; [`admitted`] answers for one stage alone.
//!
//! First match is decided without looking at single addresses: `sweep` walks the ends of all
//! blocks in order and keeps one counter for each (priority, action).
//!
//! Phases: `rule` reads a rule's texts into the largest and the smallest set that it can match;
//! `table` lays both out as entries for the sweep; `stage` asks the sweep for what a stage
//! admits; `attribute` finds Blame and FixSet; [`evaluate()`] intersects stages and takes the
//! trusted set away. `share` says how much of it
//! each rule answers for. `hygiene` finds rules that never decide and rules that decide too much.
//! `question`, `stream` and `write` read, answer and write saved questions;
//! `cache` keeps answers from one run to the next.

mod attribute;
mod cache;
mod evaluate;
mod hygiene;
mod lists;
mod question;
mod rule;
mod share;
mod stage;
mod stream;
mod sweep;
mod table;
mod write;

pub use cache::{Cache, SECRET, UnusableCache};
pub use evaluate::{Admitted, Answer, Exposure, Trusted, admitted, evaluate};
pub use hygiene::{WorldOpen, admit_everything_families, admit_everything_rules, shadowed_rules, world_open};
pub use lists::Lists;
pub use question::{Question, QuestionError};
pub(in crate::analysis) use question::{case_id_of, without_place};
pub use rule::{Families, Protocol, Query, RuleView, SourcePath};
pub use share::{Share, shares};
pub use stage::{AclEntries, Group, Groups, ListenerAcl, Stage};
pub use stream::{Summary, answer, answer_with};

pub use super::saved::{AnswerError, Format, TextError};
pub use sweep::{Class, Entry, Sweep};
