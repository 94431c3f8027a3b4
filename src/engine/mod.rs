//! Rules as data: schema, loading, facts, evaluation, examples. Pure: rules arrive as text.
//!
//! A rule is one YAML file. Its condition is a CEL expression over facts, which are functions of
//! judgements in `facts`; it is evaluated at both ends of what could not be read. `guard` stands
//! in front of the expression parser, because rules may come from anybody.
#![deny(clippy::disallowed_methods)]

mod check;
mod condition;
mod evaluate;
mod facts;
mod guard;
mod load;
mod reference;
mod rule;
mod template;
#[cfg(test)]
mod tests;

pub use check::{CheckReport, ExampleFailure};
pub use load::{RuleError, RuleErrors, RuleSet};
pub use rule::{Example, ExampleStatus, Rule, RuleText, rule_schema};

pub use crate::findings::{Language, SubjectKind};
