//! A rule: what its file says ([`RawRule`]) and what was checked ([`Rule`]).

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_saphyr::Spanned;

use super::{
    condition::Condition,
    facts::{FactValue, inputs},
    template::Template,
};
use crate::{
    findings::{Input, Language, SubjectKind},
    model::{Severity, Shared, Text},
};

/// A rule file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    /// Lower-case words joined by hyphens; also the file's name.
    #[schemars(with = "String")]
    pub(super) id: Spanned<String>,
    /// One line: what is wrong.
    pub(super) title: String,
    /// What the rule is evaluated on.
    pub(super) subject: SubjectKind,
    /// The severity where no entry of `severity_when` applies.
    pub(super) severity: Severity,
    /// The first entry whose condition is true gives the severity.
    #[serde(default)]
    pub(super) severity_when: Vec<RawSeverityCase>,
    /// What it finds.
    pub(super) finds: String,
    /// Why that matters.
    pub(super) why: String,
    /// A CEL expression over the facts of the subject.
    #[schemars(with = "String")]
    pub(super) condition: Spanned<String>,
    /// What a finding says; `{fact}` is replaced.
    #[schemars(with = "String")]
    pub(super) message: Spanned<String>,
    /// What a finding says whose condition could not be decided.
    #[schemars(with = "Option<String>")]
    pub(super) message_unknown: Option<Spanned<String>>,
    /// Facts that are lists of texts: each text becomes a line of the finding's evidence.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) evidence: Vec<Spanned<String>>,
    /// What to do.
    pub(super) remedy: String,
    /// Pages to read: titles of the vendor's pages, or addresses.
    #[serde(default)]
    pub(super) references: Vec<String>,
    /// Requirements of frameworks that it speaks to: `framework:requirement`.
    #[serde(default)]
    pub(super) controls: Vec<String>,
    /// The texts in Chinese.
    pub(super) zh: Option<RawTranslation>,
    /// Facts and what the rule must say of them.
    pub(super) examples: RawExamples,
}

/// One case of a computed severity.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSeverityCase {
    /// A CEL expression over the facts of the subject.
    #[schemars(with = "String")]
    pub(super) when: Spanned<String>,
    pub(super) severity: Severity,
}

/// Texts in another language.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTranslation {
    pub(super) title: String,
    pub(super) finds: String,
    pub(super) why: String,
    #[schemars(with = "String")]
    pub(super) message: Spanned<String>,
    #[schemars(with = "Option<String>")]
    pub(super) message_unknown: Option<Spanned<String>>,
    pub(super) remedy: String,
}

/// Examples of both kinds; neither list may be empty.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExamples {
    /// The rule finds something.
    #[schemars(with = "Vec<RawExample>")]
    pub(super) failing: Vec<Spanned<RawExample>>,
    /// The rule finds nothing.
    #[schemars(with = "Vec<RawExample>")]
    pub(super) passing: Vec<Spanned<RawExample>>,
}

/// One example.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExample {
    /// What it shows.
    pub(super) name: String,
    /// The facts that the rule's expressions use. A bounded fact may be `{lower: …, upper: …}`.
    /// Facts that only messages use may be left out.
    #[serde(default)]
    pub(super) facts: BTreeMap<String, serde_json::Value>,
    /// `open` or `unknown`; a passing example has none.
    pub(super) status: Option<ExampleStatus>,
    /// The severity of what a failing example finds.
    pub(super) severity: Option<Severity>,
}

/// The outcome of a failing example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExampleStatus {
    Open,
    Unknown,
}

/// The JSON Schema of rule files, for editors.
pub fn rule_schema() -> serde_json::Value {
    schemars::schema_for!(RawRule).to_value()
}

/// The texts of a rule in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleText {
    pub title: Text,
    pub finds: String,
    pub why: String,
    pub remedy: Text,
}

/// Messages in one language.
#[derive(Clone, Debug)]
pub(super) struct Messages {
    pub(super) open: Template,
    pub(super) unknown: Option<Template>,
}

/// A rule that was checked: its expressions parse, have the type they need and name only facts
/// that exist.
#[derive(Debug)]
pub struct Rule {
    pub id: String,
    pub subject: SubjectKind,
    /// The severity where no case applies.
    pub severity: Severity,
    /// Facts that become evidence.
    pub evidence: Vec<String>,
    pub references: Shared<String>,
    /// Sorted, those of the framework packs included.
    pub controls: Shared<String>,
    /// Where it was read from: a path below `rules/` for a built-in rule, else the user's.
    pub path: String,
    /// True for rules that are part of the program.
    pub built_in: bool,
    pub(super) text: RuleText,
    pub(super) zh: Option<RuleText>,
    pub(super) messages: Messages,
    pub(super) zh_messages: Option<Messages>,
    pub(super) condition: Condition,
    pub(super) severity_when: Vec<(Condition, Severity)>,
    pub(super) examples: Vec<Example>,
}

impl Rule {
    /// The texts in a language, or in English where the rule has none in it.
    pub fn text(&self, language: Language) -> &RuleText {
        match (language, &self.zh) {
            (Language::Zh, Some(zh)) => zh,
            _ => &self.text,
        }
    }

    /// True if it has texts in Chinese.
    pub fn is_translated(&self) -> bool {
        self.zh.is_some()
    }

    /// The condition as written.
    pub fn condition(&self) -> &str {
        self.condition.source()
    }

    /// The cases of a computed severity: condition as written, severity. Empty for a fixed one.
    pub fn severity_cases(&self) -> impl Iterator<Item = (&str, Severity)> {
        self.severity_when.iter().map(|(condition, severity)| (condition.source(), *severity))
    }

    /// The message template as written.
    pub fn message(&self, language: Language) -> &str {
        self.messages(language).open.source()
    }

    /// What its condition looks at, for a rule about endpoints: everything, if that is not known of one of its facts.
    pub fn inputs(&self) -> Option<BTreeSet<Input>> {
        let endpoint = self.subject == SubjectKind::Endpoint;
        let of_fact = |name: &&'static str| inputs(name).unwrap_or(&Input::ALL).iter().copied();
        endpoint.then(|| self.condition.facts().iter().flat_map(of_fact).collect())
    }

    /// The examples, failing ones first, in the order of the file.
    pub fn examples(&self) -> &[Example] {
        &self.examples
    }

    pub(super) fn messages(&self, language: Language) -> &Messages {
        match (language, &self.zh_messages) {
            (Language::Zh, Some(zh)) => zh,
            _ => &self.messages,
        }
    }
}

/// A checked example.
#[derive(Clone, Debug)]
pub struct Example {
    pub name: String,
    /// `None`: the rule finds nothing.
    pub expected: Option<ExampleStatus>,
    pub severity: Option<Severity>,
    /// The facts as written, for people.
    pub written: BTreeMap<String, serde_json::Value>,
    /// Line of the example in its file.
    pub line: u64,
    /// Each fact at its lower and its upper end.
    pub(super) facts: BTreeMap<String, [FactValue; 2]>,
}
