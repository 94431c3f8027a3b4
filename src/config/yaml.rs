//! YAML as a tree in which every node knows its bytes. The plain subset only: no anchors, aliases,
//! merge keys, tags, directives or second documents, so that what a reader sees is what counts.
//!
//! Built from the event parser below `serde-saphyr` rather than through serde, because serde stops at
//! the first error and drops where the values stood.

use std::ops::Range;

use serde_saphyr::granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, Span};

use super::{
    problem::{Problem, shown},
    source::Source,
};

/// Deeper nesting is refused.
const DEPTH_LIMIT: usize = 32;
/// More nodes are refused: ten thousand allowlist entries with every field fit four times.
const NODE_LIMIT: usize = 1_000_000;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Range<usize>,
    pub(crate) value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Scalar {
        text: String,
        /// Written without quotes, so that `1`, `true` and `~` are not text.
        plain: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<(Key, Node)>),
    /// Something outside the plain subset, already reported.
    Refused,
}

/// A key of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) at: Range<usize>,
    pub(crate) text: String,
}

/// What a plain scalar means in the core schema of YAML 1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Null,
    Bool,
    Integer,
    Float,
    Text,
}

impl Node {
    /// What the value is, for "expected …, found …".
    pub(crate) fn describe(&self) -> &'static str {
        match &self.value {
            Value::Scalar { text, plain } => match meaning(text, *plain) {
                Meaning::Null => "nothing",
                Meaning::Bool => "a boolean",
                Meaning::Integer => "a whole number",
                Meaning::Float => "a number with a fraction or exponent",
                Meaning::Text => "text",
            },
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Refused => "something refused",
        }
    }
}

/// What a scalar means.
pub(crate) fn meaning(text: &str, plain: bool) -> Meaning {
    if !plain {
        return Meaning::Text;
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Meaning::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Meaning::Bool,
        ".inf" | ".Inf" | ".INF" | "+.inf" | "-.inf" | ".nan" | ".NaN" | ".NAN" => return Meaning::Float,
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        || digits
            .strip_prefix("0x")
            .is_some_and(|hex| !hex.is_empty() && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
        || digits
            .strip_prefix("0o")
            .is_some_and(|octal| !octal.is_empty() && octal.bytes().all(|byte| matches!(byte, b'0'..=b'7')))
    {
        return Meaning::Integer;
    }
    let number = digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
        && digits.parse::<f64>().is_ok();
    if number { Meaning::Float } else { Meaning::Text }
}

/// Reads one document. `None` where there is no document to look at; the problems then say why.
pub(crate) fn parse(source: &Source, problems: &mut Vec<Problem>) -> Option<Node> {
    if let Some(problem) = lone_carriage_return(&source.text) {
        problems.push(problem);
        return None;
    }
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.disallow_directives = true;
    options.emit_unresolved_aliases = true;
    options.emit_anchor_events = true;
    options.flow_nesting_limit = DEPTH_LIMIT;
    options.block_nesting_limit = DEPTH_LIMIT;
    let mut builder = Builder { text: &source.text, open: Vec::new(), root: None, documents: 0, nodes: 0, problems };
    for next in Parser::new_from_str_with_options(&source.text, options) {
        let proceed = match next {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(source.text.len()).min(source.text.len());
                builder.problems.push(syntax_problem(at, error.kind(), &error.info()));
                false
            }
        };
        if !proceed {
            return None;
        }
    }
    builder.root
}

fn syntax_problem(at: usize, kind: &ErrorKind, info: &str) -> Problem {
    match kind {
        ErrorKind::RecursionLimitExceeded => too_deep(at),
        ErrorKind::DirectiveDisallowed => {
            Problem::new(at..at, "YAML directives (lines that start with `%`) are not accepted").help("delete the line")
        }
        _ => Problem::new(at..at, format!("this is not YAML: {}", shown(info)))
            .help("nothing after this place could be checked"),
    }
}

fn too_deep(at: usize) -> Problem {
    Problem::new(at..at, format!("nested more than {DEPTH_LIMIT} levels deep"))
        .help("no part of this file nests so deep")
}

/// A carriage return that no line feed follows: editors disagree on whether it ends a line.
fn lone_carriage_return(text: &str) -> Option<Problem> {
    let bytes = text.as_bytes();
    let at = memchr::memchr_iter(b'\r', bytes).find(|&at| bytes.get(at + 1) != Some(&b'\n'))?;
    Some(
        Problem::new(at..at, "a carriage return without a line feed: it would end a line for some programs only")
            .help("end lines with LF, or with CR LF"),
    )
}

/// An unfinished sequence or mapping.
enum Open {
    Sequence { start: usize, items: Vec<Node> },
    Mapping { start: usize, entries: Vec<(Key, Node)>, key: Option<Key> },
}

/// Assembles nodes from events. Each step returns false where going on makes no sense.
struct Builder<'t, 'p> {
    text: &'t str,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    problems: &'p mut Vec<Problem>,
}

impl Builder<'_, '_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let at = span.byte_range().unwrap_or(0..0);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.problems.push(
                        Problem::new(at, "a second document starts here; this file holds one").help("delete the `---`"),
                    );
                    return false;
                }
                true
            }
            Event::Scalar(text, style, _, tag) => {
                let refused = tag.is_some() && self.refuse_tag(&span);
                let plain = style == ScalarStyle::Plain;
                let value = if refused { Value::Refused } else { Value::Scalar { text: text.into_owned(), plain } };
                self.place(Node { at, value })
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.problems.push(
                    Problem::new(at.clone(), "aliases are not accepted: a value must stand where it counts")
                        .help("write the value out"),
                );
                self.place(Node { at, value: Value::Refused })
            }
            Event::Anchor(_, name) => {
                let what =
                    format!("the anchor `&{}` is not accepted: a value must stand where it counts", shown(&name));
                self.problems.push(Problem::new(at, what).help("delete the anchor and write values out"));
                true
            }
            Event::SequenceStart(_, _, tag) => {
                if tag.is_some() {
                    self.refuse_tag(&span);
                }
                self.descend(at.start, Open::Sequence { start: at.start, items: Vec::new() })
            }
            Event::MappingStart(_, _, tag) => {
                if tag.is_some() {
                    self.refuse_tag(&span);
                }
                self.descend(at.start, Open::Mapping { start: at.start, entries: Vec::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at.end),
            _ => true,
        }
    }

    fn refuse_tag(&mut self, span: &Span) -> bool {
        let whole = span.tag_span().and_then(|tag| tag.byte_range());
        let at = whole.or_else(|| span.byte_range()).unwrap_or(0..0);
        self.problems
            .push(Problem::new(at, "tags are not accepted: a value is what it looks like").help("delete the tag"));
        true
    }

    fn descend(&mut self, at: usize, open: Open) -> bool {
        if self.open.len() >= DEPTH_LIMIT {
            self.problems.push(too_deep(at));
            return false;
        }
        self.open.push(open);
        true
    }

    fn close(&mut self, end: usize) -> bool {
        let node = match self.open.pop() {
            Some(Open::Sequence { start, items }) => Node { at: start..end.max(start), value: Value::Sequence(items) },
            Some(Open::Mapping { start, entries, .. }) => {
                Node { at: start..end.max(start), value: Value::Mapping(entries) }
            }
            None => return true,
        };
        self.place(node)
    }

    /// Hands a finished node to what is open around it.
    fn place(&mut self, node: Node) -> bool {
        self.nodes += 1;
        if self.nodes > NODE_LIMIT {
            self.problems.push(Problem::new(node.at, format!("more than {NODE_LIMIT} values in one file")));
            return false;
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, key, .. }) => match key.take() {
                Some(named) => entries.push((named, node)),
                None => *key = Some(as_key(node, self.text, self.problems)),
            },
        }
        true
    }
}

/// A node that stands where a key is due.
fn as_key(node: Node, text: &str, problems: &mut Vec<Problem>) -> Key {
    match node.value {
        Value::Scalar { text, plain: true } if text == "<<" => {
            problems.push(
                Problem::new(node.at.clone(), "merge keys (`<<`) are not accepted: a value must stand where it counts")
                    .help("write the values out"),
            );
            Key { at: node.at, text }
        }
        Value::Scalar { text, .. } => Key { at: node.at, text },
        _ => {
            problems.push(Problem::new(node.at.clone(), "a key must be a word, not a list, a mapping or an alias"));
            let text = text.get(node.at.clone()).unwrap_or_default().to_owned();
            Key { at: node.at, text }
        }
    }
}
