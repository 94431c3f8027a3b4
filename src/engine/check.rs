//! Runs every rule's own examples.

use std::fmt;

use super::{
    RuleSet,
    condition::{Answer, FactSource},
    evaluate::decide,
    facts::{End, FactValue},
    rule::{Example, ExampleStatus, Rule},
};

/// How the examples of all rules went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    pub rules: usize,
    pub examples: usize,
    /// Examples of which the rule says something else than they do.
    pub failures: Vec<ExampleFailure>,
}

/// An example that did not turn out as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleFailure {
    pub rule_id: String,
    pub path: String,
    pub line: u64,
    pub example: String,
    pub expected: String,
    pub found: String,
}

impl fmt::Display for ExampleFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule_id, path, line, example, expected, found } = self;
        write!(f, "{path}:{line}: {rule_id}: example \"{example}\": expected {expected}, found {found}")
    }
}

impl RuleSet {
    /// Evaluates every example of every rule.
    pub fn check(&self) -> CheckReport {
        self.threads.install(|| {
            let mut report = CheckReport { rules: self.rules.len(), ..CheckReport::default() };
            for rule in &self.rules {
                report.examples += rule.examples.len();
                report.failures.extend(rule.examples.iter().filter_map(|example| run(rule, example)));
            }
            report
        })
    }
}

fn run(rule: &Rule, example: &Example) -> Option<ExampleFailure> {
    let decided = decide(rule, example);
    let found = match decided.answer {
        Answer::False => None,
        Answer::True => Some(ExampleStatus::Open),
        Answer::Undecided => Some(ExampleStatus::Unknown),
        Answer::Error(error) => return Some(failure(rule, example, format!("an error: {error}"))),
    };
    if found != example.expected {
        return Some(failure(rule, example, describe(found, None)));
    }
    match (found, example.severity) {
        (Some(_), Some(severity)) if severity != decided.severity => {
            Some(failure(rule, example, describe(found, Some(decided.severity.as_str()))))
        }
        _ => None,
    }
}

fn failure(rule: &Rule, example: &Example, found: String) -> ExampleFailure {
    ExampleFailure {
        rule_id: rule.id.clone(),
        path: rule.path.clone(),
        line: example.line,
        example: example.name.clone(),
        expected: describe(example.expected, example.severity.map(|severity| severity.as_str())),
        found,
    }
}

fn describe(status: Option<ExampleStatus>, severity: Option<&str>) -> String {
    let status = match status {
        None => "no finding",
        Some(ExampleStatus::Open) => "an open finding",
        Some(ExampleStatus::Unknown) => "an unknown finding",
    };
    match severity {
        Some(severity) => format!("{status} of severity {severity}"),
        None => status.to_owned(),
    }
}

impl FactSource for Example {
    fn fact(&self, name: &str, end: End) -> Option<FactValue> {
        let [lower, upper] = self.facts.get(name)?;
        Some(match end {
            End::Lower => lower.clone(),
            End::Upper => upper.clone(),
        })
    }
}
