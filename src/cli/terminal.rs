//! Standard error: messages, notices and the closing line, each through the redaction filter, and
//! never through a progress bar.

use std::{
    io::{self, IsTerminal, Write},
    sync::OnceLock,
};

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use indicatif::MultiProgress;

use super::{
    args::{Common, When},
    redact::redact,
};
use crate::report;

/// The bars on the terminal, if there are any; whoever prints must make them step aside.
static BARS: OnceLock<MultiProgress> = OnceLock::new();

/// The bars that later lines on stderr step around.
pub(super) fn bars() -> &'static MultiProgress {
    BARS.get_or_init(MultiProgress::new)
}

/// Writes one line to stderr. Nobody can be told if that fails.
pub(super) fn stderr_line(line: &str) {
    let print = || {
        let _ = writeln!(io::stderr().lock(), "{line}");
    };
    match BARS.get() {
        Some(bars) => bars.suspend(print),
        None => print(),
    }
}

/// What the user said about how to be spoken to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    pub(crate) quiet: bool,
    /// Bars are drawn.
    pub(crate) progress: bool,
    /// Colours on standard output.
    pub(crate) stdout_color: bool,
    stderr_color: bool,
}

impl Terminal {
    pub(crate) fn new(common: &Common) -> Self {
        let stderr = io::stderr();
        Self {
            quiet: common.quiet,
            progress: !common.quiet && !common.no_progress && stderr.is_terminal(),
            stdout_color: color(common.color, &io::stdout()),
            stderr_color: color(common.color, &stderr),
        }
    }

    /// Something worth a line that stops nothing.
    pub(crate) fn notice(&self, message: &str) {
        if !self.quiet {
            self.say("notice", AnsiColor::Yellow.on_default(), message);
        }
    }

    /// A step of something that takes its time.
    pub(crate) fn step(&self, line: &str) {
        if !self.quiet {
            stderr_line(&clean(line));
        }
    }

    /// Something went wrong that does not end the run: told however quiet it is to be.
    pub(crate) fn warning(&self, message: &str) {
        self.say("warning", AnsiColor::Yellow.on_default().bold(), message);
    }

    /// What went wrong, with its causes.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        let mut lines = error.to_string();
        let mut told = lines.clone();
        for cause in error.chain().skip(1).map(ToString::to_string) {
            // Some libraries repeat their cause in their own text.
            if !told.contains(&cause) {
                lines.push_str("\n  because ");
                lines.push_str(&cause);
                told = cause;
            }
        }
        // What is drawn with its source line begins with the word already.
        let lines = lines.strip_prefix("error: ").unwrap_or(&lines);
        self.say("error", AnsiColor::Red.on_default().bold(), lines);
    }

    /// The last line: the exit code, and what it means.
    pub(crate) fn closing(&self, line: &str) {
        if !self.quiet {
            stderr_line(&clean(line));
        }
    }

    fn say(&self, word: &str, style: Style, message: &str) {
        let word = if self.stderr_color { format!("{style}{word}{style:#}") } else { word.to_owned() };
        stderr_line(&format!("{word}: {}", clean(message)));
    }
}

/// Line by line free of what a terminal obeys, and without secrets.
pub(super) fn clean(text: &str) -> String {
    let lines: Vec<String> = redact(text).split('\n').map(report::escape_message).collect();
    lines.join("\n")
}

fn color(when: When, stream: &impl anstream::stream::RawStream) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => anstream::AutoStream::choice(stream) != ColorChoice::Never,
    }
}
