//! Makes text that strangers wrote safe for one sink. Resource names, tags and error messages come
//! from whoever may create a resource, so every byte of them is hostile until it went through here.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

/// How many columns a name may take in a table before it is cut.
pub(crate) const NAME_WIDTH: usize = 48;

/// How many combining marks may follow one another; more would climb over the neighbouring lines.
const MARKS_IN_A_ROW: usize = 2;

/// True for characters that a terminal, an editor or a spreadsheet obeys instead of showing:
/// controls (C0, DEL, C1), line separators, bidirectional overrides and isolates, zero-width
/// characters, byte-order marks, tags, variation selectors and private use; and the noncharacters,
/// some of which XML cannot hold.
pub(crate) fn is_unsafe(c: char) -> bool {
    // Most of what is written is ASCII, so that nothing else is asked of it.
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || u32::from(c) & 0xfffe == 0xfffe
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e000}'..='\u{f8ff}'
            | '\u{e0000}'..='\u{e0fff}'
            | '\u{f0000}'..='\u{10ffff}')
}

/// True if every character is printable ASCII, of which nothing is obeyed anywhere but what a format itself reserves.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// One line of plain text for a terminal or a pipe. Unsafe characters become `\x1b` or `\u{202e}`,
/// a backslash becomes two, so that what is printed says what was there.
pub(crate) fn line(text: &str) -> String {
    if is_plain(text) && !text.contains('\\') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for c in text.chars() {
        let mark = !c.is_ascii() && !is_unsafe(c) && c.width() == Some(0);
        marks = if mark { marks + 1 } else { 0 };
        if is_unsafe(c) || marks > MARKS_IN_A_ROW {
            push_escaped(&mut out, c);
        } else if c == '\\' {
            out.push_str("\\\\");
        } else {
            out.push(c);
        }
    }
    out
}

/// [`line()`] for text that has been escaped once already: backslashes stay as they are.
pub(crate) fn message(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) { push_escaped(&mut out, c) } else { out.push(c) }
    }
    out
}

/// [`line()`], cut to `width` columns with an ellipsis.
pub(crate) fn capped(text: &str, width: usize) -> String {
    shortened(&line(text), width)
}

/// Text that is escaped already, cut to `width` columns with an ellipsis.
pub(crate) fn shortened(escaped: &str, width: usize) -> String {
    if columns(escaped) <= width {
        return escaped.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in escaped.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        out.push(c);
    }
    out.push('…');
    out
}

/// A name within a table: [`capped`] to [`NAME_WIDTH`].
pub(crate) fn name(text: &str) -> String {
    capped(text, NAME_WIDTH)
}

/// Running text of our own that may contain names: blanks and line ends are folded to one blank
/// each, then [`message`].
pub(crate) fn paragraph(text: &str) -> String {
    if is_plain(text) && !text.contains("  ") && !text.starts_with(' ') && !text.ends_with(' ') {
        return text.to_owned();
    }
    message(&text.split([' ', '\t', '\n', '\r']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

/// One CSV cell: [`line()`], and an apostrophe in front of whatever a spreadsheet would take for a
/// formula. Blanks, quotes and full-width forms in front of the formula's sign do not hide it, nor does a semicolon, at
/// which spreadsheets of many countries begin a new cell. Quoting is the writer's work.
pub(crate) fn cell(text: &str) -> String {
    let escaped = line(text);
    if !text.contains(';') {
        return guarded(text, escaped);
    }
    let parts = text.split(';').zip(escaped.split(';')).map(|(raw, part)| guarded(raw, part.to_owned()));
    parts.collect::<Vec<_>>().join(";")
}

fn guarded(text: &str, escaped: String) -> String {
    let bare = text.trim_start_matches(|c: char| c.is_whitespace() || is_unsafe(c) || matches!(c, '\'' | '"' | '`'));
    let formula = |text: &str| {
        matches!(text.chars().next(), Some('=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠' | '−'))
    };
    if formula(bare) || text.starts_with(['\t', '\r', '\n']) { format!("'{escaped}") } else { escaped }
}

/// A text or an attribute's value of an XML document, from text that is escaped already: what markup
/// reserves becomes a reference, and what XML 1.0 has no character for becomes U+FFFD.
pub(crate) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c| !is_xml_text(c)) {
        let (plain, odd) = rest.split_at(at);
        out.push_str(plain);
        let mut odd = odd.chars();
        out.push_str(match odd.next() {
            Some('&') => "&amp;",
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            Some('"') => "&quot;",
            Some('\'') => "&apos;",
            _ => "\u{fffd}",
        });
        rest = odd.as_str();
    }
    out.push_str(rest);
    out
}

/// True for a character that XML 1.0 has, and takes for text wherever it stands.
fn is_xml_text(c: char) -> bool {
    match c {
        '&' | '<' | '>' | '"' | '\'' => false,
        '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => true,
        _ => false,
    }
}

/// A code span of Markdown, from one line of text that is escaped already. Nothing in it is markup, a
/// link, a mention or HTML, and it may stand in a cell of a table.
pub(crate) fn code_span(text: &str) -> String {
    let fence = "`".repeat(longest_run_of_backticks(text) + 1);
    // One blank at each end is taken away again, where a backtick or a blank would be at an end.
    let edge = text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) || text.is_empty();
    let blank = if edge { " " } else { "" };
    format!("{fence}{blank}{}{blank}{fence}", text.replace('|', "\\|"))
}

/// The fence around a block of these lines that none of them ends.
pub(crate) fn code_fence(text: &str) -> String {
    "`".repeat((longest_run_of_backticks(text) + 1).max(3))
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// One segment of a URI's path: everything but letters, digits, `-`, `_` and `~` is percent-encoded, and so are dots
/// where they are all there is, since a path with `..` leads elsewhere.
pub(crate) fn path_segment(text: &str) -> String {
    let only_dots = text.bytes().all(|byte| byte == b'.');
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) || (byte == b'.' && !only_dots) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    out
}

/// Columns that the text takes on a terminal.
pub(crate) fn columns(text: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(text)
}

fn push_escaped(out: &mut String, c: char) {
    let code = u32::from(c);
    let written = match c {
        '\n' => out.write_str("\\n"),
        '\r' => out.write_str("\\r"),
        '\t' => out.write_str("\\t"),
        _ if code < 0x100 => write!(out, "\\x{code:02x}"),
        _ => write!(out, "\\u{{{code:x}}}"),
    };
    written.expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        assert_eq!(line("\u{1b}[2Jx"), "\\x1b[2Jx");
        assert_eq!(line("a\nts=1 level=info"), "a\\nts=1 level=info");
        assert_eq!(line("\u{202e}gpj.exe"), "\\u{202e}gpj.exe");
        assert_eq!(line("zero\u{200b}width"), "zero\\u{200b}width");
        assert_eq!(line("\u{9b}31m\u{7f}\u{7}"), "\\x9b31m\\x7f\\x07");
        assert_eq!(line("生产-mesh"), "生产-mesh");
        assert_eq!(line(r"\x1b"), r"\\x1b");
    }

    #[test]
    fn a_flood_of_combining_marks_is_cut() {
        let flood = format!("a{}", "\u{301}".repeat(5));
        assert_eq!(line(&flood), "a\u{301}\u{301}\\u{301}\\u{301}\\u{301}");
    }

    #[test]
    fn wide_characters_count_two_columns_when_a_name_is_cut() {
        assert_eq!(capped("生产环境", 8), "生产环境");
        assert_eq!(capped("生产环境x", 8), "生产环…");
        assert_eq!(capped("abcdefgh", 8), "abcdefgh");
        assert_eq!(capped("abcdefghi", 8), "abcdefg…");
    }

    #[test]
    fn formulas_are_marked_as_text_however_they_are_wrapped() {
        for formula in [
            "=1+1",
            "+1",
            "-1",
            "@x",
            "\t=1",
            "\r@x",
            "  =1",
            "\"=1\"",
            "'=1",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "\u{200b}=1",
        ] {
            assert!(cell(formula).starts_with('\''), "{formula:?}");
        }
        assert_eq!(cell("10.0.0.0/8"), "10.0.0.0/8");
        assert_eq!(cell("a=b"), "a=b");
        assert_eq!(cell("nul\0"), "nul\\x00");
    }

    #[test]
    fn markup_and_what_xml_cannot_hold_become_harmless() {
        assert_eq!(xml("<a b='\"'>&]]>"), "&lt;a b=&apos;&quot;&apos;&gt;&amp;]]&gt;");
        assert_eq!(xml("\u{0}\u{b}\u{ffff}\u{1f600}生"), "\u{fffd}\u{fffd}\u{fffd}\u{1f600}生");
        assert_eq!(line("\u{ffff}\u{fdd0}"), "\\u{ffff}\\u{fdd0}");
    }

    #[test]
    fn a_code_span_ends_where_it_should() {
        assert_eq!(code_span("a"), "`a`");
        assert_eq!(code_span("a`b|c"), "``a`b\\|c``");
        assert_eq!(code_span("``"), "``` `` ```");
        assert_eq!(code_span(""), "`  `");
        assert_eq!((code_fence("a"), code_fence("````")), ("```".to_owned(), "`````".to_owned()));
    }

    #[test]
    fn a_path_stays_below_where_it_begins() {
        assert_eq!(path_segment("c08.x-1"), "c08.x-1");
        assert_eq!(path_segment(".."), "%2E%2E");
        assert_eq!(path_segment("a/../b"), "a%2F..%2Fb");
        assert_eq!(path_segment("生?#%"), "%E7%94%9F%3F%23%25");
    }

    proptest! {
        #[test]
        fn no_raw_control_and_no_formula_gets_through(text in "\\PC*|[\\x00-\\x2f'\"=+@\u{80}-\u{a0}\u{2000}-\u{2070}\u{ff00}-\u{ff20}-]*") {
            for out in [line(&text), cell(&text), name(&text), paragraph(&text)] {
                prop_assert!(!out.chars().any(is_unsafe), "{out:?}");
            }
            let shown = cell(&text);
            let first = shown.trim_start_matches([' ', '"']).chars().next();
            prop_assert!(!matches!(first, Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')), "{shown:?}");
            prop_assert!(columns(&name(&text)) <= NAME_WIDTH);
        }
    }
}
