//! Message templates: `{fact}` is replaced by the fact, `{{` and `}}` stand for braces.
//!
//! Facts come from resource names and API replies, so every text is escaped and every list cut
//! before it enters a message.

use super::facts::{FactTable, FactValue};
use crate::model::cause_in_words;

/// Items of a list that a message shows.
const LIST_ITEMS: usize = 8;
/// Characters of a text that a message shows.
const TEXT_CHARS: usize = 120;

/// A parsed template, whose facts all exist.
#[derive(Clone, Debug)]
pub(super) struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Fact(String),
}

impl Template {
    /// Parses a template over the facts of a subject.
    ///
    /// # Errors
    ///
    /// A sentence: an unbalanced brace, or a fact that does not exist.
    pub(super) fn parse(source: &str, facts: FactTable) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut chars = source.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' | '}' if chars.peek() == Some(&c) => {
                    chars.next();
                    text.push(c);
                }
                '{' => {
                    let mut name = String::new();
                    loop {
                        match chars.next() {
                            Some('}') => break,
                            Some(c) => name.push(c),
                            None => return Err(format!("`{{{name}` is not closed; write `{{{{` for a brace")),
                        }
                    }
                    facts.require(&name)?;
                    if !text.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut text)));
                    }
                    parts.push(Part::Fact(name));
                }
                '}' => return Err("`}` closes nothing; write `}}` for a brace".to_owned()),
                _ => text.push(c),
            }
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Ok(Self { source: source.to_owned(), parts })
    }

    /// The template as written.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// The names of the facts it shows.
    #[cfg(test)]
    pub(super) fn facts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Fact(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Fills the template in; a fact that `get` does not know is shown as `?`.
    pub(super) fn render(&self, get: impl Fn(&str) -> Option<FactValue>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Fact(name) => match get(name) {
                    Some(value) => out.push_str(&show(&value)),
                    None => out.push('?'),
                },
            }
        }
        // Folded YAML texts end in a line break.
        out.truncate(out.trim_end().len());
        out
    }
}

/// A fact for people.
pub(super) fn show(value: &FactValue) -> String {
    match value {
        FactValue::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        FactValue::Int(value) => value.to_string(),
        FactValue::Text(text) if text.is_empty() => "none".to_owned(),
        FactValue::Text(text) => escape(text),
        FactValue::Whole(text) => text.clone(),
        FactValue::Texts(items) => list(items.iter().map(|item| escape(&cause_in_words(item)))),
        FactValue::Ints(items) => list(items.iter().map(i64::to_string)),
        FactValue::Map(map) => list(map.iter().map(|(key, value)| format!("{}={}", escape(key), escape(value)))),
        FactValue::Ports(ports) => list(ports.iter().map(|port| port.name())),
    }
}

/// `a, b and 3 more`; `none` for an empty list.
pub(super) fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    let total = items.len();
    if total == 0 {
        return "none".to_owned();
    }
    let shown: Vec<String> = items.take(LIST_ITEMS).collect();
    let mut text = shown.join(", ");
    if total > LIST_ITEMS {
        text.push_str(&format!(" and {} more", total - LIST_ITEMS));
    }
    text
}

/// Makes a text from outside harmless to look at: control characters, line breaks, characters
/// that turn the direction of text and invisible ones are written as `\u{…}`; long texts are cut.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(&mut out, text);
    out
}

/// [`escape`] behind a text.
pub(super) fn escape_into(out: &mut String, text: &str) {
    // Nearly every text, and it stays as it is.
    if text.len() <= TEXT_CHARS && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        out.push_str(text);
        return;
    }
    for (index, c) in text.chars().enumerate() {
        if index == TEXT_CHARS {
            out.push('…');
            break;
        }
        if c.is_control() || invisible(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
}

/// Characters that are not seen or that change how others are seen.
fn invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
            | '\u{300}'..='\u{36f}'
    )
}

#[cfg(test)]
mod tests {
    use super::{Template, escape, list};
    use crate::engine::{
        SubjectKind,
        facts::{FactTable, FactValue},
    };

    #[test]
    fn templates_are_filled_in_and_braces_can_be_written() {
        let table = FactTable::of(SubjectKind::Endpoint);
        let template = Template::parse("{{x}} {kind} of {resource_id}\n", table).expect("well-formed");
        let text = template.render(|name| Some(FactValue::Text(format!("<{name}>"))));
        assert_eq!(text, "{x} <kind> of <resource_id>");
    }

    #[test]
    fn a_fact_that_does_not_exist_is_refused_with_the_nearest_name() {
        let table = FactTable::of(SubjectKind::Endpoint);
        let problem = Template::parse("{resuorce_id}", table).expect_err("misspelt");
        assert!(problem.contains("resource_id"), "{problem}");
        assert!(Template::parse("{kind", table).is_err());
        assert!(Template::parse("kind}", table).is_err());
    }

    #[test]
    fn hostile_texts_become_harmless() {
        assert_eq!(escape("a\u{1b}[2Jb\nc\u{202e}d"), r"a\u{1b}[2Jb\u{a}c\u{202e}d");
        assert_eq!(escape(&"x".repeat(500)).chars().count(), 121);
        let items: Vec<String> = (0..11).map(|n| n.to_string()).collect();
        assert_eq!(list(items.into_iter()), "0, 1, 2, 3, 4, 5, 6, 7 and 3 more");
    }
}
