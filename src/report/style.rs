//! How text is laid out and coloured for people, in the table and in `explain`.

use anstyle::{AnsiColor, Style};

use super::{Options, escape};
use crate::model::{Connectivity, Need, PortVerdict, Severity, StalenessVerdict};

/// Narrower terminals are treated as this wide: below it, wrapping leaves nothing readable.
pub(super) const NARROWEST: usize = 60;

/// Columns that a text takes, colours aside.
pub(super) fn columns(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(escape::columns).sum()
}

/// Breaks at blanks, so that no line is wider, unless a word is.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let wide = columns(word);
        let line = lines.last_mut().expect("there is always a first line");
        if used > 0 && used + 1 + wide > width {
            lines.push(word.to_owned());
            used = wide;
        } else {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += wide;
        }
    }
    // Two blanks between columns are an empty word, which may end a line.
    lines.iter_mut().for_each(|line| line.truncate(line.trim_end().len()));
    lines
}

/// The text in a style, where colours are wanted.
pub(super) fn paint(text: &str, style: Style, options: &Options) -> String {
    if options.color && style != Style::new() { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

pub(super) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(super) const DOUBT: Style = AnsiColor::Yellow.on_default();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();

pub(super) fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Critical => BAD,
        Severity::High => AnsiColor::Red.on_default(),
        Severity::Medium => DOUBT,
        Severity::Low => AnsiColor::Cyan.on_default(),
        Severity::Info => Style::new(),
    }
}

pub(super) fn verdict_style(verdict: PortVerdict) -> Style {
    match verdict {
        PortVerdict::Open => BAD,
        PortVerdict::Unverified | PortVerdict::Unknown => DOUBT,
        PortVerdict::PrivateOnly | PortVerdict::Restricted => GOOD,
    }
}

pub(super) fn staleness_style(verdict: StalenessVerdict) -> Style {
    match verdict {
        StalenessVerdict::Stale | StalenessVerdict::Orphaned => BAD,
        StalenessVerdict::Unknown => DOUBT,
        StalenessVerdict::Required | StalenessVerdict::NotExposed => Style::new(),
    }
}

pub(super) fn need_style(need: Need) -> Style {
    match need {
        Need::Unexpected => BAD,
        Need::Misrouted | Need::Undetermined => DOUBT,
        Need::NotNeeded | Need::Gone => GOOD,
        Need::Needed => Style::new(),
    }
}

pub(super) fn connectivity_style(connectivity: Connectivity) -> Style {
    match connectivity {
        Connectivity::Connected => GOOD,
        Connectivity::Blocked => BAD,
        Connectivity::Partial | Connectivity::Unknown => DOUBT,
    }
}

/// `high`, `medium` or `low`: of 0.9 and more, 0.7 and more, and below.
pub(super) fn confidence_word(confidence: f64) -> &'static str {
    // Hundredths survive a float only approximately.
    match (confidence * 100.0).round() {
        percent if percent >= 90.0 => "high",
        percent if percent >= 70.0 => "medium",
        _ => "low",
    }
}
