//! Loading rules: the built-in ones, and those that the user brings. All errors are reported
//! together, each with its file, line and column.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use sha2::{Digest, Sha256};

use super::{
    Language,
    condition::Condition,
    facts::{FactTable, FactType, FactValue, PortFact, nearest},
    guard,
    rule::{Example, ExampleStatus, Messages, RawExample, RawRule, Rule, RuleText},
    template::{Template, escape},
};
use crate::findings::{Control, GATE_RULES, Input, Pack};

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded_rules.rs"));
}

/// Longest rule file, in bytes.
const MAX_FILE: usize = 256 * 1024;

/// Rules that were checked, in the order of their ids.
pub struct RuleSet {
    pub(super) rules: Vec<Rule>,
    pub(super) language: Language,
    pub(super) threads: rayon::ThreadPool,
    /// In the order of their ids.
    packs: Vec<Pack>,
    digest: String,
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleSet").field("rules", &self.rules.len()).field("digest", &self.digest).finish()
    }
}

/// What is wrong with a rule file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleError {
    pub path: String,
    /// From 1; 0 where the error is not about one place.
    pub line: u64,
    /// From 1; 0 where the error is not about one place.
    pub column: u64,
    pub message: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, column, message } = self;
        match line {
            0 => write!(f, "{path}: {message}"),
            _ => write!(f, "{path}:{line}:{column}: {message}"),
        }
    }
}

/// Everything that is wrong with a set of rules; nothing of it is used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RuleErrors(pub Vec<RuleError>);

impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl RuleSet {
    /// The built-in rules.
    ///
    /// # Errors
    ///
    /// The system gave no threads. That the rules themselves are right is what tests are for.
    pub fn embedded() -> Result<Self, RuleErrors> {
        Self::load(Vec::new())
    }

    /// The built-in rules and the user's: (path, text) of each file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, together, in the order of paths and lines.
    pub fn load(extra: Vec<(String, String)>) -> Result<Self, RuleErrors> {
        Self::from_files(embedded::RULES, embedded::PACKS, extra)
    }

    pub(super) fn from_files(
        built_in: &[(&str, &str)],
        packs: &[(&str, &str)],
        extra: Vec<(String, String)>,
    ) -> Result<Self, RuleErrors> {
        let threads = guard::threads().map_err(|message| RuleErrors(vec![about("rules", message)]))?;
        let files: Vec<File<'_>> = built_in
            .iter()
            .map(|&(path, text)| File { path, text, built_in: true })
            .chain(extra.iter().map(|(path, text)| File { path, text, built_in: false }))
            .collect();
        let mut errors = Vec::new();
        let mut rules = threads.install(|| {
            let mut rules = Vec::new();
            for file in &files {
                match read(file) {
                    Ok(rule) => rules.push(rule),
                    Err(problems) => errors.extend(problems),
                }
            }
            rules
        });
        errors.extend(duplicates(&rules));
        let parsed = read_packs(&rules, packs, &mut errors);
        add_controls(&mut rules, &parsed);
        if !errors.is_empty() {
            errors.sort();
            return Err(RuleErrors(errors));
        }
        rules.sort_by(|a, b| a.id.cmp(&b.id));
        let digest = digest(&files, packs);
        Ok(Self { rules, language: Language::En, threads, packs: parsed, digest })
    }

    /// The same rules with texts in a language, where they have them.
    #[must_use]
    pub fn in_language(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// Every rule, in the order of ids.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.rules.iter()
    }

    /// The packs of frameworks, in the order of ids.
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// The rule with that id.
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules.binary_search_by(|rule| rule.id.as_str().cmp(id)).ok().map(|index| &self.rules[index])
    }

    /// True if `id` names a rule, of this set or of the gate.
    pub fn knows(&self, id: &str) -> bool {
        self.get(id).is_some() || GATE_RULES.iter().any(|rule| rule.id == id)
    }

    /// The ids of all rules, of this set and of the gate.
    pub fn ids(&self) -> impl Iterator<Item = &str> + Clone {
        self.rules.iter().map(|rule| rule.id.as_str()).chain(GATE_RULES.iter().map(|rule| rule.id))
    }

    /// What the rules about endpoints look at.
    pub fn inputs(&self) -> BTreeMap<String, BTreeSet<Input>> {
        self.rules.iter().filter_map(|rule| Some((rule.id.clone(), rule.inputs()?))).collect()
    }

    /// `sha256:…` of all rule files and packs: equal digests, equal rules.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

struct File<'a> {
    path: &'a str,
    text: &'a str,
    built_in: bool,
}

fn about(path: &str, message: impl Into<String>) -> RuleError {
    RuleError { path: path.to_owned(), line: 0, column: 0, message: message.into() }
}

/// Independent of the order in which files were found.
fn digest(files: &[File<'_>], packs: &[(&str, &str)]) -> String {
    let mut all: Vec<(&str, &str)> = files.iter().map(|file| (stem(file.path), file.text)).collect();
    all.sort_unstable();
    all.extend_from_slice(packs);
    let mut hash = Sha256::new();
    for part in all.iter().flat_map(|(name, text)| [name, text]) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&hash.finalize()))
}

/// The file's name without folders and ending.
fn stem(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name)
}

fn duplicates(rules: &[Rule]) -> Vec<RuleError> {
    let mut first: BTreeMap<&str, &Rule> = BTreeMap::new();
    let mut errors = Vec::new();
    for rule in rules {
        if GATE_RULES.iter().any(|gate| gate.id == rule.id) {
            errors.push(about(&rule.path, format!("the id `{}` belongs to a built-in rule; choose another", rule.id)));
            continue;
        }
        match first.get(rule.id.as_str()) {
            None => {
                first.insert(&rule.id, rule);
            }
            Some(earlier) if earlier.built_in => {
                errors.push(about(
                    &rule.path,
                    format!("the id `{}` belongs to a built-in rule; choose another", rule.id),
                ));
            }
            Some(earlier) => {
                errors.push(about(&rule.path, format!("the id `{}` is also used by {}", rule.id, earlier.path)));
            }
        }
    }
    errors
}

/// The packs, as far as they are right: each control once, with rules that there are or with the reason why not.
fn read_packs(rules: &[Rule], packs: &[(&str, &str)], errors: &mut Vec<RuleError>) -> Vec<Pack> {
    let mut parsed: Vec<Pack> = Vec::new();
    for (path, text) in packs {
        let mut pack: Pack = match parse(path, text) {
            Ok(pack) => pack,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let mut seen = BTreeSet::new();
        for control in &pack.controls {
            let id = escape(&control.id);
            if !seen.insert(&control.id) {
                errors.push(about(path, format!("the control `{id}` is in it twice")));
            }
            if control.rules.is_empty() == control.why_not.trim().is_empty() {
                errors
                    .push(about(path, format!("the control `{id}` has rules, or says in `why_not` why there is none")));
            }
            if control.why_not.trim().is_empty() != control.zh.why_not.trim().is_empty() {
                errors.push(about(path, format!("the control `{id}` says `why_not` in one language only")));
            }
            for rule in control.rules.iter().filter(|id| !rules.iter().any(|rule| rule.built_in && rule.id == **id)) {
                errors.push(about(path, format!("there is no built-in rule `{}`", escape(rule))));
            }
        }
        let used: BTreeSet<&String> = pack.controls.iter().flat_map(|control| &control.rules).collect();
        let of_pack = rules.iter().filter(|rule| rule.built_in && used.contains(&rule.id));
        pack.about = of_pack.map(|rule| (rule.id.clone(), rule.subject)).collect();
        if pack.source_pages.is_empty() || pack.source_pages.iter().any(|page| !page.url.starts_with("https://")) {
            errors.push(about(path, "`source_pages` names no public page, or one without https"));
        }
        if pack.id != stem(path) || parsed.iter().any(|other| other.id == pack.id) {
            errors.push(about(path, "its id is not its file's name, or not its alone"));
        }
        parsed.push(pack);
    }
    parsed.sort_by(|a, b| a.id.cmp(&b.id));
    parsed
}

fn add_controls(rules: &mut [Rule], packs: &[Pack]) {
    for rule in rules {
        let of_pack = |pack: &Pack| -> Vec<String> {
            let speaking = |control: &&Control| rule.built_in && control.rules.contains(&rule.id);
            pack.controls.iter().filter(speaking).map(|control| format!("{}:{}", pack.id, control.id)).collect()
        };
        let sorted: BTreeSet<String> = rule.controls.iter().cloned().chain(packs.iter().flat_map(of_pack)).collect();
        rule.controls = sorted.into_iter().collect();
    }
}

/// Reads YAML of the plain subset: no anchors, no merge keys, no tags, every key once.
fn parse<'de, T: Deserialize<'de>>(path: &str, text: &'de str) -> Result<T, RuleError> {
    if text.len() > MAX_FILE {
        return Err(about(path, format!("the file has {} bytes; the limit is {MAX_FILE}", text.len())));
    }
    if text.trim().is_empty() {
        return Err(about(path, "the file is empty"));
    }
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        merge_keys: serde_saphyr::MergeKeyPolicy::Error,
        budget: serde_saphyr::budget! { max_anchors: 0, max_aliases: 0, max_depth: 32, max_documents: 1 },
        strict_booleans: true,
        reject_unsupported_tags: true,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let plain = error.without_snippet();
        let location = error.location().unwrap_or(Location::UNKNOWN);
        RuleError {
            path: path.to_owned(),
            line: location.line(),
            column: location.column(),
            message: tidy(&plain.to_string()),
        }
    })
}

/// The parser's words without its idea of the place, which is printed in front already, and without
/// its advice to programmers. A key that does not exist gets the nearest one beside it.
fn tidy(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let line = line.rsplit_once(" at line ").map_or(line, |(message, _)| message);
    let line = line.split_once(", set ").map_or(line, |(message, _)| message);
    if let Some((key, others)) =
        line.strip_prefix("unknown field `").and_then(|rest| rest.split_once("`, expected one of "))
    {
        let near = nearest(key, others.split(", "));
        return format!("unknown key `{}`{near}", escape(key));
    }
    line.split(' ').map(escape).collect::<Vec<_>>().join(" ")
}

/// Collects the errors of one file.
struct Problems<'a> {
    path: &'a str,
    errors: Vec<RuleError>,
}

impl Problems<'_> {
    fn at(&mut self, location: &Location, message: impl Into<String>) {
        self.errors.push(RuleError {
            path: self.path.to_owned(),
            line: location.line(),
            column: location.column(),
            message: message.into(),
        });
    }

    /// The value, or `None` after taking note of what is wrong with it.
    fn keep<T>(&mut self, location: &Location, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.at(location, message)).ok()
    }
}

fn read(file: &File<'_>) -> Result<Rule, Vec<RuleError>> {
    let raw: RawRule = parse(file.path, file.text).map_err(|error| vec![error])?;
    let mut problems = Problems { path: file.path, errors: Vec::new() };
    check_id(&raw.id, file.path, &mut problems);
    let table = FactTable::of(raw.subject);
    let condition = compile(&raw.condition, table, &mut problems);
    let severity_when: Vec<_> = raw
        .severity_when
        .iter()
        .filter_map(|case| compile(&case.when, table, &mut problems).map(|when| (when, case.severity)))
        .collect();
    let messages = messages(&raw.message, raw.message_unknown.as_ref(), table, &mut problems);
    let zh_messages =
        raw.zh.as_ref().and_then(|zh| self::messages(&zh.message, zh.message_unknown.as_ref(), table, &mut problems));
    for name in &raw.evidence {
        match table.require(&name.value) {
            Err(message) => problems.at(&name.referenced, message),
            Ok(fact) if !fact.ty.is_texts() => {
                problems
                    .at(&name.referenced, format!("`{}` is no list of texts, which evidence is made of", fact.name));
            }
            Ok(_) => {}
        }
    }
    for (key, text) in [("title", &raw.title), ("finds", &raw.finds), ("why", &raw.why), ("remedy", &raw.remedy)] {
        if text.trim().is_empty() {
            problems.at(&raw.id.referenced, format!("`{key}` is empty"));
        }
    }
    let mut used: BTreeSet<&'static str> = BTreeSet::new();
    used.extend(condition.iter().chain(severity_when.iter().map(|(when, _)| when)).flat_map(Condition::facts));
    let examples = examples(&raw, table, &used, &mut problems);
    let (Some(condition), Some(messages), true) = (condition, messages, problems.errors.is_empty()) else {
        return Err(problems.errors);
    };
    Ok(Rule {
        id: raw.id.value,
        subject: raw.subject,
        severity: raw.severity,
        evidence: raw.evidence.into_iter().map(|name| name.value).collect(),
        references: raw.references.into(),
        controls: raw.controls.into(),
        path: file.path.to_owned(),
        built_in: file.built_in,
        text: text(raw.title, raw.finds, raw.why, raw.remedy),
        zh: raw.zh.map(|zh| text(zh.title, zh.finds, zh.why, zh.remedy)),
        messages,
        zh_messages,
        condition,
        severity_when,
        examples,
    })
}

/// Folded YAML texts end in a line break, which reports do not want.
fn text(title: String, finds: String, why: String, remedy: String) -> RuleText {
    let trim = |text: String| text.trim().to_owned();
    RuleText { title: trim(title).into(), finds: trim(finds), why: trim(why), remedy: trim(remedy).into() }
}

fn check_id(id: &Spanned<String>, path: &str, problems: &mut Problems<'_>) {
    let well_formed = !id.value.is_empty()
        && id.value.len() <= 64
        && id.value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if !well_formed {
        problems.at(
            &id.referenced,
            format!("`{}` is no rule id: use lower-case letters, digits and hyphens, at most 64", escape(&id.value)),
        );
    }
    if stem(path) != id.value {
        problems.at(
            &id.referenced,
            format!("the id is `{}`, but the file is named `{}`", escape(&id.value), escape(stem(path))),
        );
    }
}

fn compile(source: &Spanned<String>, table: FactTable, problems: &mut Problems<'_>) -> Option<Condition> {
    problems.keep(&source.referenced, Condition::compile(&source.value, table))
}

fn messages(
    open: &Spanned<String>,
    unknown: Option<&Spanned<String>>,
    table: FactTable,
    problems: &mut Problems<'_>,
) -> Option<Messages> {
    let open = problems.keep(&open.referenced, Template::parse(&open.value, table))?;
    let unknown = match unknown {
        None => None,
        Some(unknown) => Some(problems.keep(&unknown.referenced, Template::parse(&unknown.value, table))?),
    };
    Some(Messages { open, unknown })
}

fn examples(
    raw: &RawRule,
    table: FactTable,
    used: &BTreeSet<&'static str>,
    problems: &mut Problems<'_>,
) -> Vec<Example> {
    for (key, list) in [("failing", &raw.examples.failing), ("passing", &raw.examples.passing)] {
        if list.is_empty() {
            problems.at(&raw.id.referenced, format!("a rule needs a {key} example"));
        }
    }
    let failing = raw.examples.failing.iter().map(|example| (example, true));
    let passing = raw.examples.passing.iter().map(|example| (example, false));
    failing.chain(passing).filter_map(|(example, fails)| self::example(example, fails, table, used, problems)).collect()
}

fn example(
    spanned: &Spanned<RawExample>,
    fails: bool,
    table: FactTable,
    used: &BTreeSet<&'static str>,
    problems: &mut Problems<'_>,
) -> Option<Example> {
    let raw = &spanned.value;
    let before = problems.errors.len();
    let mut facts = BTreeMap::new();
    for (name, value) in &raw.facts {
        let given = table.require(name).and_then(|fact| {
            let ends = ends(&fact.ty, fact.bounded, value);
            ends.map_err(|problem| format!("the fact `{name}` {problem}"))
        });
        if let Some(ends) = problems.keep(&spanned.referenced, given) {
            facts.insert(name.clone(), ends);
        }
    }
    for name in used.iter().filter(|name| !raw.facts.contains_key(**name)) {
        problems.at(&spanned.referenced, format!("the example lacks the fact `{name}`, which the rule uses"));
    }
    if !fails && (raw.status.is_some() || raw.severity.is_some()) {
        problems.at(&spanned.referenced, "a passing example has neither status nor severity");
    }
    (problems.errors.len() == before).then(|| Example {
        name: raw.name.clone(),
        expected: fails.then(|| raw.status.unwrap_or(ExampleStatus::Open)),
        severity: raw.severity,
        written: raw.facts.clone(),
        line: spanned.referenced.line(),
        facts,
    })
}

/// Both ends of a fact as an example gives it.
fn ends(ty: &FactType, bounded: bool, value: &serde_json::Value) -> Result<[FactValue; 2], String> {
    if let Some(map) = value.as_object()
        && let (Some(lower), Some(upper), 2) = (map.get("lower"), map.get("upper"), map.len())
    {
        if !bounded {
            return Err("is never uncertain, so it cannot have a lower and an upper end".to_owned());
        }
        return Ok([given(ty, lower)?, given(ty, upper)?]);
    }
    let value = given(ty, value)?;
    Ok([value.clone(), value])
}

fn given(ty: &FactType, value: &serde_json::Value) -> Result<FactValue, String> {
    let wrong = || format!("must be {}", article(ty));
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
    let word = |words: &[&str], value: &serde_json::Value| {
        let word = text(value)?;
        if words.contains(&word.as_str()) { Ok(word) } else { Err(wrong()) }
    };
    let items = || value.as_array().ok_or_else(wrong);
    Ok(match ty {
        FactType::Bool => FactValue::Bool(value.as_bool().ok_or_else(wrong)?),
        FactType::Int => FactValue::Int(value.as_i64().ok_or_else(wrong)?),
        FactType::Text => FactValue::Text(text(value)?),
        FactType::Whole => FactValue::Whole(text(value)?),
        FactType::Word(words) => FactValue::Text(word(words, value)?),
        FactType::Texts => FactValue::Texts(items()?.iter().map(text).collect::<Result<_, _>>()?),
        FactType::Words(words) => {
            FactValue::Texts(items()?.iter().map(|item| word(words, item)).collect::<Result<_, _>>()?)
        }
        FactType::Ints => {
            FactValue::Ints(items()?.iter().map(|item| item.as_i64().ok_or_else(wrong)).collect::<Result<_, _>>()?)
        }
        FactType::Map => {
            let map = value.as_object().ok_or_else(wrong)?;
            FactValue::Map(
                map.iter().map(|(key, value)| Ok((key.clone(), text(value)?))).collect::<Result<_, String>>()?,
            )
        }
        FactType::Ports => FactValue::Ports(items()?.iter().map(port).collect::<Result<_, _>>()?),
    })
}

fn article(ty: &FactType) -> String {
    match ty {
        FactType::Bool | FactType::Word(_) => ty.describe(),
        _ => format!("a {}", ty.describe()),
    }
}

/// A port of an example; members that are left out are empty, `reported` is as `verdict`.
fn port(value: &serde_json::Value) -> Result<PortFact, String> {
    let map = value.as_object().ok_or("must be a list of ports, each with `port` and `verdict`")?;
    let mut fact = PortFact { protocol: "tcp".to_owned(), family: "ipv4".to_owned(), port: -1, ..PortFact::default() };
    for (member, value) in map {
        let Some((_, ty, _)) = super::facts::PORT_MEMBERS.iter().find(|(name, _, _)| name == member) else {
            return Err(format!("has a port with the unknown member `{}`", escape(member)));
        };
        let value = given(ty, value).map_err(|problem| format!("has a port whose `{member}` {problem}"))?;
        match (member.as_str(), value) {
            ("protocol", FactValue::Text(text)) => fact.protocol = text,
            ("port", FactValue::Int(port)) => fact.port = port,
            ("family", FactValue::Text(text)) => fact.family = text,
            ("verdict", FactValue::Text(text)) => fact.verdict = text,
            ("reported", FactValue::Text(text)) => fact.reported = text,
            ("witness", FactValue::Text(text)) => fact.witness = text,
            ("untrusted", FactValue::Texts(items)) => fact.untrusted = items,
            _ => return Err(format!("has a port whose `{member}` has the wrong type")),
        }
    }
    if fact.port < 0 || fact.verdict.is_empty() {
        return Err("has a port without `port` or `verdict`".to_owned());
    }
    if fact.reported.is_empty() {
        fact.reported.clone_from(&fact.verdict);
    }
    Ok(fact)
}
