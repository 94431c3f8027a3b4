//! What is wrong with a file, all of it at once, drawn over the lines it is about.

use std::{error::Error, fmt, ops::Range};

use annotate_snippets::{Annotation, AnnotationKind, Element, Level, Renderer, Snippet};

use super::{
    secrets::{key_shaped, lexically},
    source::{Source, SourceError, masked, position},
};

/// So many problems are drawn; a count stands for the rest.
const DRAWN: usize = 50;

/// Longer lines are not drawn.
const LONGEST_LINE: usize = 4_000;

/// One problem at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The bytes it is about.
    pub(crate) at: Range<usize>,
    /// What is wrong, and why.
    pub(crate) what: String,
    /// A word at the place itself.
    pub(crate) label: String,
    /// What to do.
    pub(crate) help: Option<String>,
    /// Other places that belong to it.
    pub(crate) also: Vec<(Range<usize>, String)>,
}

impl Problem {
    pub(crate) fn new(at: Range<usize>, what: impl Into<String>) -> Self {
        Self { at, what: what.into(), label: String::new(), help: None, also: Vec::new() }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn also(mut self, at: Range<usize>, label: impl Into<String>) -> Self {
        self.also.push((at, label.into()));
        self
    }
}

/// A problem as callers see it: a place and two sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Counted from 1; 0 where the file could not be read at all.
    pub line: usize,
    /// Characters, counted from 1; 0 where the file could not be read at all.
    pub column: usize,
    /// What is wrong, and why.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Everything that is wrong with one file, in the order of the file. `Display` draws it without colours.
#[derive(Clone, Debug)]
pub struct ConfigErrors {
    name: String,
    /// The text to draw from, secrets starred out.
    text: String,
    problems: Vec<Problem>,
    unreadable: bool,
}

impl ConfigErrors {
    pub(crate) fn new(name: &str, text: String, mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|left, right| (left.at.start, &left.what).cmp(&(right.at.start, &right.what)));
        Self { name: name.to_owned(), text, problems, unreadable: false }
    }

    pub(crate) fn unreadable(name: &str, error: &SourceError) -> Self {
        let problem = Problem::new(0..0, format!("cannot read {name}: {error}"));
        Self { name: name.to_owned(), text: String::new(), problems: vec![problem], unreadable: true }
    }

    /// The file, as the user named it.
    pub fn file(&self) -> &str {
        &self.name
    }

    /// How many problems there are; never 0.
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// Every problem with line and column.
    pub fn iter(&self) -> impl Iterator<Item = Located> + '_ {
        self.problems.iter().map(|problem| {
            let (line, column) = if self.unreadable { (0, 0) } else { position(&self.text, problem.at.start) };
            Located { line, column, message: problem.what.clone(), help: problem.help.clone() }
        })
    }

    /// The drawing for people: each problem over its line.
    pub fn render(&self, colour: bool, width: usize) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.term_width(width.max(40));
        let mut drawn: Vec<String> =
            self.problems.iter().take(DRAWN).map(|problem| self.draw(&renderer, problem)).collect();
        if self.problems.len() > DRAWN {
            drawn.push(format!("error: and {} more", self.problems.len() - DRAWN));
        }
        drawn.join("\n\n")
    }

    fn draw(&self, renderer: &Renderer, problem: &Problem) -> String {
        let mut elements: Vec<Element<'_>> = Vec::new();
        if !self.unreadable {
            let line = self.line_of(problem.at.start);
            let (near, far): (Vec<_>, Vec<_>) = problem.also.iter().partition(|(at, _)| line.contains(&at.start));
            let mut marks = vec![mark(AnnotationKind::Primary, &self.clip(&problem.at), &line, &problem.label)];
            marks.extend(near.iter().map(|(at, label)| mark(AnnotationKind::Context, &self.clip(at), &line, label)));
            elements.push(self.lines(&line, marks));
            for (at, label) in far {
                let line = self.line_of(at.start);
                elements.push(self.lines(&line, vec![mark(AnnotationKind::Context, &self.clip(at), &line, label)]));
            }
        }
        elements.extend(problem.help.iter().map(|help| Level::HELP.message(help.as_str()).into()));
        renderer.render(&[Level::ERROR.primary_title(problem.what.as_str()).elements(elements)])
    }

    /// One line with its marks, which are relative to it. Only that line is handed over: to look through a large
    /// file for each problem would take long.
    fn lines<'a>(&'a self, line: &Range<usize>, marks: Vec<Annotation<'a>>) -> Element<'a> {
        let (number, _) = position(&self.text, line.start);
        if line.len() > LONGEST_LINE {
            return Level::NOTE.message(format!("in line {number} of {}, which is too long to show", self.name)).into();
        }
        let text = self.text.get(line.clone()).unwrap_or_default();
        Snippet::source(text).line_start(number).path(self.name.as_str()).annotations(marks).into()
    }

    /// The line around a byte offset, without its end.
    fn line_of(&self, offset: usize) -> Range<usize> {
        let offset = self.border(offset);
        let start = self.text[..offset].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[offset..].find('\n').map_or(self.text.len(), |length| offset + length);
        start..end
    }

    /// The last border of a character at or before an offset.
    fn border(&self, offset: usize) -> usize {
        let offset = offset.min(self.text.len());
        (0..=offset).rev().find(|&byte| self.text.is_char_boundary(byte)).unwrap_or(0)
    }

    /// A range on borders of characters and within one line: a mark over a whole section would draw the section.
    fn clip(&self, at: &Range<usize>) -> Range<usize> {
        let start = self.border(at.start);
        let line_end = self.text[start..].find(['\n', '\r']).map_or(self.text.len(), |length| start + length);
        start..self.border(at.end.min(line_end)).max(start)
    }
}

/// A mark, moved to where it stands in its line.
fn mark<'a>(kind: AnnotationKind, at: &Range<usize>, line: &Range<usize>, label: &'a str) -> Annotation<'a> {
    let annotation = kind.span(at.start.saturating_sub(line.start)..at.end.saturating_sub(line.start));
    if label.is_empty() { annotation } else { annotation.label(label) }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false, 120))
    }
}

impl Error for ConfigErrors {}

/// Problems of a source as errors; `hidden` are byte ranges that must not be drawn.
pub(crate) fn errors(source: &Source, hidden: &[Range<usize>], mut problems: Vec<Problem>) -> ConfigErrors {
    // A sentence may quote text in which somebody wrote a secret's key and value.
    for problem in &mut problems {
        problem.what = masked(&problem.what, &lexically(&problem.what));
    }
    ConfigErrors::new(&source.name, masked(&source.text, hidden), problems)
}

/// Text of the user as a message may show it: control characters and invisible ones escaped, what may be a key starred
/// out, and of that at most 80 characters.
pub(crate) fn shown(text: &str) -> String {
    let text = masked(text, &key_shaped(text));
    let mut out = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == 80 {
            out.push('…');
            break;
        }
        if is_plain(character) {
            out.push(character);
        } else {
            out.extend(character.escape_unicode());
        }
    }
    out
}

/// Visible without surprise: not a control character, a bidirectional mark or an invisible space.
fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(character,
            '\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
