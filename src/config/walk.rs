//! Walks a tree against what a file may hold, and goes on after every problem so that all are told at once.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use chrono::NaiveDate;

use super::{
    problem::{ConfigErrors, Problem, errors, shown},
    secrets,
    source::{Lines, Source},
    yaml::{self, Key, Meaning, Node, Value, meaning},
};

/// More problems are not kept.
const PROBLEM_LIMIT: usize = 5_000;

/// One walk over one file: the text, and the problems met so far.
pub(crate) struct Walk<'s> {
    source: &'s Source,
    lines: Lines,
    hidden: RefCell<Vec<Range<usize>>>,
    problems: RefCell<Vec<Problem>>,
}

impl<'s> Walk<'s> {
    /// Parses the text. The tree is `None` where there is none to walk; [`Walk::finish`] then says why.
    pub(crate) fn start(source: &'s Source) -> (Self, Option<Node>) {
        let mut problems = Vec::new();
        let root = yaml::parse(source, &mut problems);
        let mut hidden = secrets::lexically(&source.text);
        if let Some(root) = &root {
            secrets::in_tree(root, &mut hidden, &mut problems);
        }
        // Some other file, given by mistake: no name in it says what is a secret.
        match &root {
            Some(Node { value: Value::Mapping(entries), .. }) => {
                let strange = entries.iter().filter(|(key, _)| !secrets::key_shaped(&key.text).is_empty());
                hidden.extend(strange.map(|(key, _)| key.at.clone()));
            }
            _ => hidden.extend(secrets::key_shaped(&source.text)),
        }
        (
            Self {
                source,
                lines: Lines::of(&source.text),
                hidden: RefCell::new(hidden),
                problems: RefCell::new(problems),
            },
            root,
        )
    }

    /// Notes a problem. Beyond some thousands nobody reads on, and a hostile file could hold a million.
    pub(crate) fn report(&self, problem: Problem) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < PROBLEM_LIMIT {
            problems.push(problem);
        }
    }

    /// True where one more problem would not be kept, so that its sentence need not be made.
    fn is_full(&self) -> bool {
        self.problems.borrow().len() >= PROBLEM_LIMIT
    }

    /// Stars out a range in every drawing of this file.
    pub(crate) fn hide(&self, at: Range<usize>) {
        self.hidden.borrow_mut().push(at);
    }

    /// The value if nothing was wrong, else everything that was.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, ConfigErrors> {
        let mut problems = self.problems.into_inner();
        match value {
            Some(value) if problems.is_empty() => Ok(value),
            _ => {
                if problems.is_empty() {
                    problems.push(Problem::new(0..0, "the file is empty").help("start with an explicit `version: 1`"));
                }
                Err(errors(self.source, &self.hidden.into_inner(), problems))
            }
        }
    }

    /// Line of a byte offset, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.lines.line(offset)
    }

    /// Reports that `node` is not what is due.
    pub(crate) fn wrong_type(&self, node: &Node, path: &str, wanted: &str) {
        if matches!(node.value, Value::Refused) {
            return;
        }
        let seen = match &node.value {
            Value::Scalar { text, plain } if meaning(text, *plain) != Meaning::Null && !secrets::looks_secret(text) => {
                let quote = if *plain { "" } else { "\"" };
                format!("{} {quote}{}{quote}", node.describe(), shown(text))
            }
            _ => node.describe().to_owned(),
        };
        self.report(
            Problem::new(node.at.clone(), format!("`{path}` must be {wanted}, not {seen}"))
                .label(format!("expected {wanted}")),
        );
    }

    /// Non-empty text without control characters or blanks around it.
    pub(crate) fn text<'n>(&self, node: &'n Node, path: &str) -> Option<&'n str> {
        let Value::Scalar { text, plain } = &node.value else {
            self.wrong_type(node, path, "text");
            return None;
        };
        match meaning(text, *plain) {
            Meaning::Text => {}
            Meaning::Null => {
                self.report(
                    Problem::new(node.at.clone(), format!("`{path}` has no value"))
                        .help("give it one, or delete the key"),
                );
                return None;
            }
            _ => {
                self.wrong_type(node, path, "text");
                self.amend_last("put it in quotes");
                return None;
            }
        }
        if text.trim().is_empty() {
            self.report(
                Problem::new(node.at.clone(), format!("`{path}` is empty")).help("give it a value, or delete the key"),
            );
            return None;
        }
        if text.trim() != text || text.chars().any(char::is_control) {
            let what = format!("`{path}` has blanks around it or control characters in it: \"{}\"", shown(text));
            self.report(Problem::new(node.at.clone(), what).help("delete them"));
            return None;
        }
        Some(text)
    }

    fn amend_last(&self, help: &str) {
        if let Some(last) = self.problems.borrow_mut().last_mut() {
            last.help = Some(help.to_owned());
        }
    }

    /// A whole number within bounds, both included.
    pub(crate) fn integer(&self, node: &Node, path: &str, least: i64, most: i64) -> Option<i64> {
        let wanted = format!("a whole number from {least} to {most}");
        let Value::Scalar { text, plain } = &node.value else {
            self.wrong_type(node, path, &wanted);
            return None;
        };
        let digits = text.strip_prefix('-').unwrap_or(text);
        let decimal = *plain && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = digits.len() > 1 && digits.starts_with('0');
        let number = text.parse::<i64>().ok().filter(|_| decimal && !leading_zero);
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.wrong_type(node, path, &wanted);
        }
        number
    }

    /// One of some words.
    pub(crate) fn word<T: Copy>(&self, node: &Node, path: &str, words: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let text = match &node.value {
            Value::Scalar { text, plain } if meaning(text, *plain) == Meaning::Text => text,
            _ => {
                self.wrong_type(node, path, &format!("one of {}", names.join(", ")));
                return None;
            }
        };
        if let Some((_, value)) = words.iter().find(|(word, _)| word == text) {
            return Some(*value);
        }
        let what = format!("`{path}` cannot be \"{}\"", shown(text));
        let help = match nearest(text, &names) {
            Some(name) => format!("did you mean `{name}`? It is one of {}", names.join(", ")),
            None => format!("use one of {}", names.join(", ")),
        };
        self.report(Problem::new(node.at.clone(), what).help(help));
        None
    }

    /// `true` or `false`, without quotes.
    pub(crate) fn boolean(&self, node: &Node, path: &str) -> Option<bool> {
        if let Value::Scalar { text, plain: true } = &node.value {
            match text.as_str() {
                "true" => return Some(true),
                "false" => return Some(false),
                _ => {}
            }
        }
        self.wrong_type(node, path, "true or false");
        None
    }

    /// A calendar day.
    pub(crate) fn day(&self, node: &Node, path: &str) -> Option<NaiveDate> {
        let example = "a day in the form 2027-01-31; it counts to the end of that day in UTC";
        let text = match &node.value {
            Value::Scalar { text, .. } => text,
            _ => {
                self.wrong_type(node, path, "a day, as 2027-01-31");
                return None;
            }
        };
        let shaped = text.len() == 10
            && text
                .bytes()
                .enumerate()
                .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
        let day = shaped.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten();
        if day.is_none() {
            let what = match shaped {
                true => format!("`{path}`: there is no day {}", shown(text)),
                false => format!("`{path}` is not a day: \"{}\"", shown(text)),
            };
            self.report(Problem::new(node.at.clone(), what).help(format!("write {example}")));
        }
        day
    }

    /// Reports an id that names no rule: a misspelt one would leave on what was meant to be off.
    pub(crate) fn rule_id(&self, at: &Range<usize>, id: &str, known: &BTreeSet<String>) {
        if known.contains(id) || self.is_full() {
            return;
        }
        let names: Vec<&str> = known.iter().map(String::as_str).collect();
        let help = match nearest(id, &names) {
            Some(name) => format!("did you mean `{name}`?"),
            None => {
                "`portcullis rules list` prints every rule; the folders of your own go under `rules.dirs`".to_owned()
            }
        };
        let what = format!("there is no rule `{}`", shown(id));
        self.report(Problem::new(at.clone(), what).label("unknown rule").help(help));
    }

    /// The items of a list.
    pub(crate) fn list<'n>(&self, node: &'n Node, path: &str) -> Option<&'n [Node]> {
        match &node.value {
            Value::Sequence(items) => Some(items),
            _ => {
                self.wrong_type(node, path, "a list");
                None
            }
        }
    }

    /// A list of texts; bad items are reported and left out.
    pub(crate) fn texts(&self, node: &Node, path: &str) -> Option<Vec<String>> {
        let items = self.list(node, path)?;
        let texts = items.iter().enumerate().filter_map(|(index, item)| self.text(item, &format!("{path}[{index}]")));
        Some(texts.map(str::to_owned).collect())
    }

    /// A mapping with known keys.
    pub(crate) fn fields<'n>(&self, node: &'n Node, path: &str, known: &[&str]) -> Option<Fields<'n>> {
        let entries = self.entries(node, path)?;
        let mut found: BTreeMap<&str, &Node> = BTreeMap::new();
        for (key, value) in entries {
            if known.contains(&key.text.as_str()) {
                found.entry(key.text.as_str()).or_insert(value);
            } else if !self.is_full() && !secrets::is_secret_key(&key.text) && key.text != "<<" {
                self.report(unknown_key(key, path, known));
            }
        }
        Some(Fields { at: node.at.clone(), path: path.to_owned(), found })
    }

    /// A mapping with keys that the user chooses; duplicates are reported.
    pub(crate) fn entries<'n>(&self, node: &'n Node, path: &str) -> Option<&'n [(Key, Node)]> {
        let Value::Mapping(entries) = &node.value else {
            self.wrong_type(node, if path.is_empty() { "the file" } else { path }, "a mapping");
            return None;
        };
        let mut first: BTreeMap<&str, &Key> = BTreeMap::new();
        for (key, _) in entries {
            if let Some(earlier) = first.get(key.text.as_str()) {
                let what = format!("the key `{}` is given twice", shown(&key.text));
                self.report(
                    Problem::new(key.at.clone(), what)
                        .label("again here")
                        .also(earlier.at.clone(), "first here")
                        .help("keep one of them"),
                );
            } else {
                first.insert(&key.text, key);
            }
        }
        Some(entries)
    }
}

/// The known keys of one mapping.
pub(crate) struct Fields<'n> {
    pub(crate) at: Range<usize>,
    path: String,
    found: BTreeMap<&'n str, &'n Node>,
}

impl<'n> Fields<'n> {
    /// The value of a key, with the key's full path.
    pub(crate) fn get(&self, key: &str) -> Option<(&'n Node, String)> {
        self.found.get(key).map(|node| (*node, self.path_of(key)))
    }

    /// The value of a key that must be there.
    pub(crate) fn require(&self, walk: &Walk<'_>, key: &str, help: &str) -> Option<(&'n Node, String)> {
        let found = self.get(key);
        if found.is_none() {
            let at = self.at.start..self.at.start;
            let what = match self.path.is_empty() {
                true => format!("`{key}` is missing"),
                false => format!("`{}` has no `{key}`", self.path),
            };
            walk.report(Problem::new(at, what).help(help));
        }
        found
    }

    /// `section.key`.
    pub(crate) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

fn unknown_key(key: &Key, path: &str, known: &[&str]) -> Problem {
    let place = if path.is_empty() { "in this file".to_owned() } else { format!("in `{path}`") };
    let problem = Problem::new(key.at.clone(), format!("there is no key `{}` {place}", shown(&key.text)));
    if let Some(odd) = key.text.chars().find(|character| !character.is_ascii()) {
        let help = format!("it holds U+{:04X}, which only looks like a letter of a key", odd as u32);
        return problem.label("unknown key").help(help);
    }
    let help = match nearest(&key.text, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("the keys here are {}", known.join(", ")),
    };
    problem.label("unknown key").help(help)
}

/// The name a slip of the finger away, if there is one.
pub(crate) fn nearest<'n>(text: &str, names: &[&'n str]) -> Option<&'n str> {
    if text.len() > 64 {
        return None; // No name is half as long, and the distance takes quadratic time.
    }
    let folded = text.to_lowercase();
    names
        .iter()
        .map(|name| (strsim::osa_distance(&folded, &name.to_lowercase()), *name))
        .filter(|(distance, name)| {
            *distance <= (name.len() / 3).max(1) || name.starts_with(&folded) && folded.len() > 2
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
