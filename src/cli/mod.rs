//! The command line: the only module that prints or exits.
//!
//! `args` says what may be typed, one file per command says what happens, `pipeline` joins the
//! modules into a run, `output` writes what was made, and `exit` holds the codes. Results go to
//! standard output; everything else goes to standard error, through `terminal`.

mod access_cache;
mod approve;
mod args;
mod background;
mod bundle;
mod check;
mod completions;
mod conclude;
mod connect;
mod desk;
mod diff;
mod doctor;
mod evidence;
mod exit;
mod explain;
mod fence;
mod history;
mod log;
mod man;
mod notify;
mod output;
mod pack;
mod pipeline;
mod plain_file;
mod plan;
mod policy;
mod progress;
mod prove;
mod questions;
mod redact;
mod remedy;
mod report;
mod rules;
mod sandbox;
mod scan;
mod selftest;
mod setup;
mod shard;
mod signals;
mod suggest;
mod terminal;
mod tool;
#[cfg(feature = "otel")]
mod trace;
mod what_if;

use std::process::{self, ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Cli, Command};
use exit::{Exit, Outcome};
use terminal::Terminal;

use crate::scan::ScanError;

/// Runs the program.
pub fn main_impl() -> ExitCode {
    fence::guarded(run).into()
}

fn run() -> Exit {
    let (cli, command) = match parse() {
        Ok(parsed) => parsed,
        Err(error) => return report_usage(&error),
    };
    let terminal = Terminal::new(&cli.common);
    #[cfg(feature = "otel")]
    let traces = trace::Traces::start(&terminal);
    #[cfg(feature = "otel")]
    let spans = traces.as_ref().map(trace::Traces::layer);
    #[cfg(not(feature = "otel"))]
    let spans = None::<tracing_subscriber::layer::Identity>;
    log::start(&cli.common, spans);
    let outcome = tracing::info_span!("portcullis", command).in_scope(|| dispatch(cli.command, &terminal));
    #[cfg(feature = "otel")]
    if let Some(traces) = traces {
        traces.end(&terminal);
    }
    match outcome {
        Ok(done) => {
            if let Some(line) = done.closing {
                terminal.closing(&line);
            }
            done.exit
        }
        Err(failure) => {
            terminal.error(&failure.error);
            terminal.closing(&closing_of(&failure));
            failure.exit
        }
    }
}

/// What was typed, and the name of its command.
fn parse() -> Result<(Cli, String), clap::Error> {
    let mut matches = Cli::command().try_get_matches()?;
    let command = matches.subcommand_name().unwrap_or_default().to_owned();
    Ok((Cli::from_arg_matches_mut(&mut matches)?, command))
}

/// How a command ended, and the last line on stderr, where the command judged something.
struct Done {
    exit: Exit,
    closing: Option<String>,
}

impl From<Exit> for Done {
    fn from(exit: Exit) -> Self {
        Self { exit, closing: (exit != Exit::Clean).then(|| closing_line(exit, None)) }
    }
}

fn dispatch(command: Command, terminal: &Terminal) -> Result<Done, exit::Failure> {
    let plain = |outcome: Outcome| outcome.map(Done::from);
    match command {
        Command::Scan(args) => scan::run(&args, terminal),
        Command::Check(args) => check::run(&args, terminal),
        Command::Merge(args) => shard::merge::run(&args, terminal),
        Command::Access(args) => plain(questions::access(&args, terminal)),
        Command::Path(args) => plain(questions::path(&args, terminal)),
        Command::Apply(args) => remedy::apply::run(&args, terminal),
        Command::Rollback(args) => remedy::rollback::run(&args, terminal),
        Command::Verify(args) => remedy::verify::run(&args, terminal),
        Command::Journal(args) => remedy::journal::run(&args, terminal),
        Command::Selftest(args) => plain(selftest::run(&args, terminal)),
        Command::Sandbox(args) => plain(sandbox::run(&args, terminal)),
        Command::Doctor(args) => plain(doctor::run(&args, terminal)),
        Command::Report(args) => plain(report::run(&args, terminal)),
        Command::VerifyBundle(args) => plain(bundle::verify(&args)),
        Command::Diff(args) => plain(diff::run(&args, terminal)),
        Command::History(args) => plain(history::run(&args, terminal)),
        Command::Explain(args) => plain(explain::run(&args, terminal)),
        Command::Plan(args) => plain(plan::run(&args, terminal)),
        Command::Approve(args) => plain(approve::run(&args, terminal)),
        Command::Rules(args) => plain(rules::run(&args, terminal)),
        Command::Completions { shell } => plain(completions::run(shell)),
        Command::Man => plain(man::run()),
    }
}

/// The last line on stderr: code, meaning and verdict in words.
fn closing_line(exit: Exit, verdict: Option<&str>) -> String {
    match verdict {
        Some(verdict) => format!("exit {}: {} (verdict: {verdict})", exit.code(), exit.meaning()),
        None => format!("exit {}: {}", exit.code(), exit.meaning()),
    }
}

/// The last line of a command that failed. Which regions there are is asked of the cloud, so that a
/// wrong one is found when something was contacted.
fn closing_of(failure: &exit::Failure) -> String {
    match failure.error.downcast_ref() {
        Some(ScanError::UnknownRegion { .. }) => {
            format!(
                "exit {}: bad arguments or configuration; only the caller and the regions were read",
                failure.exit.code()
            )
        }
        _ => closing_line(failure.exit, None),
    }
}

/// Help and version go to stdout and are no failure; anything else is a usage error.
fn report_usage(error: &clap::Error) -> Exit {
    // Nobody can be told if this fails.
    let _ = error.print();
    if error.use_stderr() {
        terminal::stderr_line(&closing_line(Exit::Usage, None));
        return Exit::Usage;
    }
    Exit::Clean
}

/// Ends at once, when somebody asks a second time.
fn end_now(exit: Exit) -> ! {
    terminal::stderr_line(&closing_line(exit, None));
    process::exit(exit.code().into())
}
