//! Markdown: what a comment may hold, and that nothing from outside is markup in it.

use portcullis::report::{Background, Format, v1::Document};

use super::documents::{background, demo, text};

/// The most that a comment on GitHub may have, in characters.
const LIMIT: usize = 65_536;

/// What is left of a comment once code blocks and code spans are taken out: words of the program's own. Fails where a
/// span or a block is not closed, or a table's row has another number of cells than its head.
pub(crate) fn outside_of_code(text: &str) -> Result<String, String> {
    let mut outside = String::new();
    let mut lines = text.lines();
    let mut cells = 0;
    while let Some(line) = lines.next() {
        let fence: String = line.chars().take_while(|c| *c == '`').collect();
        if fence.len() >= 3 && !line[fence.len()..].contains('`') {
            // Section 4.5 of CommonMark: a line of at least as many backticks, and nothing else, ends the block.
            let ends = |line: &str| line.trim().len() >= fence.len() && line.trim().chars().all(|c| c == '`');
            if !lines.by_ref().any(ends) {
                return Err(format!("a block without an end: {line}"));
            }
            continue;
        }
        if line.starts_with('|') {
            let parts = split_cells(line);
            if cells != 0 && parts.len() != cells {
                return Err(format!("{} cells instead of {cells}: {line}", parts.len()));
            }
            cells = parts.len();
            for part in parts {
                outside.push_str(&without_spans(&part)?);
                outside.push('|');
            }
        } else {
            cells = 0;
            outside.push_str(&without_spans(line)?);
        }
        outside.push('\n');
    }
    Ok(outside)
}

/// GFM section 4.10: a row is cut at pipes before anything else is looked at, unless a backslash is in front of them.
fn split_cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut before = ' ';
    for c in line.chars() {
        if c == '|' && before != '\\' {
            cells.push(String::new());
        } else {
            cells.last_mut().unwrap().push(c);
        }
        before = c;
    }
    cells
}

/// CommonMark section 6.1: a run of backticks opens a span that the next run of the same length ends.
fn without_spans(text: &str) -> Result<String, String> {
    let mut outside = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('`') {
        outside.push_str(&rest[..at]);
        let length = rest[at..].chars().take_while(|c| *c == '`').count();
        let mut inside = &rest[at + length..];
        loop {
            let next = inside.find('`').ok_or_else(|| format!("a span without an end: {text}"))?;
            let run = inside[next..].chars().take_while(|c| *c == '`').count();
            inside = &inside[next + run..];
            if run == length {
                break;
            }
        }
        rest = inside;
    }
    outside.push_str(rest);
    Ok(outside)
}

/// Fails where anything outside of code could be markup that the program did not mean.
pub(crate) fn assert_harmless(text: &str) {
    let outside = outside_of_code(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let ours = |c: char| c.is_ascii_alphanumeric() || " |\n#*-.,:;()".contains(c);
    let foreign: Vec<char> = outside.chars().filter(|c| !ours(*c)).collect();
    assert!(foreign.is_empty(), "{foreign:?} in {outside}");
    assert!(!outside.contains("http") && !outside.contains("www."), "{outside}");
}

/// The demo's findings, `times` over.
fn many(times: usize) -> Document<'static> {
    let mut document = demo();
    let findings = document.findings.clone();
    document.findings = findings.into_iter().cycle().take(times).collect();
    let gaps = document.coverage.gaps.clone();
    document.coverage.gaps = gaps.into_iter().cycle().take(times).collect();
    document
}

#[test]
fn a_comment_is_short_enough_and_counts_what_it_leaves_out() {
    for times in [0, 1, 55, 300, 20_000] {
        let document = many(times);
        let text = text(Format::Markdown, &document, &background(&document));
        assert!(text.len() <= LIMIT, "{times}: {} bytes", text.len());
        assert_harmless(&text);
        let section = |title: &'static str| {
            text.lines().skip_while(move |line| *line != title).skip(1).take_while(|line| !line.starts_with("### "))
        };
        let rows = |title| section(title).filter(|line| line.starts_with("| ")).count().saturating_sub(1);
        let number = |line: &str, word: usize| {
            line.trim_matches('*').split(' ').nth(word).and_then(|text| text.parse::<usize>().ok()).unwrap()
        };
        let left_out =
            |title, word| section(title).find(|line| line.starts_with("**")).map_or(0, |line| number(line, word));
        assert_eq!(rows("### Findings") + left_out("### Findings", 0), times);
        assert_eq!(rows("### Not read") + left_out("### Not read", 0), times);
        let told = section("### In detail").filter(|line| line.starts_with("v1:")).count();
        assert_eq!(told + left_out("### In detail", 0), times);
    }
}

#[test]
fn what_moved_since_the_run_before_is_told_where_it_is_known() {
    let document = demo();
    let with = text(Format::Markdown, &document, &background(&document));
    assert_eq!(with.matches("| new |").count(), 1);
    let without = text(Format::Markdown, &document, &Background::default());
    assert!(!without.contains("since the run before"));
}

#[test]
fn the_judge_sees_what_it_should() {
    for bad in ["`x", "```text\nx", "| a | b |\n| `x|y` |\n| c |", "| a |\n| b | c |"] {
        assert!(outside_of_code(bad).is_err(), "{bad}");
    }
    assert_eq!(outside_of_code("a `` ` `` b\n```\n<x>\n```\n| `x\\|y` |").unwrap(), "a  b\n|  ||\n");
}
