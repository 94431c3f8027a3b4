//! `portcullis explain`: one finding or endpoint of a stored run, report file or snapshot, in full.

use std::path::Path;

use super::{
    args::{ExplainArgs, TextOrJson},
    exit::{Exit, OrExit, Outcome},
    output::{self, Place, Target},
    pipeline::{self, Judging},
    report::report_file,
    scan::read_snapshot,
    setup,
    terminal::Terminal,
    what_if,
};
use crate::report::{Format, Options, explain::Explanation, v1::Document};

pub(crate) fn run(args: &ExplainArgs, terminal: &Terminal) -> Outcome {
    if let Some(path) = &args.from {
        return of_snapshot(path, args, terminal);
    }
    if let Some(document) = report_file(&args.run)? {
        return explain(&document, args, terminal);
    }
    let config = setup::config(&args.config, terminal)?;
    let store = setup::kept(&args.store, &config, terminal)?;
    let run = setup::stored_run(&*store, &args.run)?;
    explain(&Document::of(&run), args, terminal)
}

/// The same of a snapshot, judged now; or what changes would bring to what is explained.
fn of_snapshot(path: &Path, args: &ExplainArgs, terminal: &Terminal) -> Outcome {
    let config = setup::config(&args.config, terminal)?;
    let judging = Judging::new(&config)?;
    let reading = read_snapshot(path)?;
    if args.what_if.is_empty() {
        return explain(&Document::of(&pipeline::conclude(reading, &judging)), args, terminal);
    }
    let twice = what_if::judge(reading, &args.what_if, &judging)?;
    let document = Document::of(&twice.before);
    let only = Explanation::of(&document, args.subject.trim()).or_exit(Exit::Usage)?.endpoint_ids();
    let format = match args.format {
        TextOrJson::Text => Format::Table,
        TextOrJson::Json => Format::Json,
    };
    twice.write(Some(&only), &Target { format, place: Place::Stdout }, terminal)?;
    Ok(Exit::Clean)
}

fn explain(document: &Document<'_>, args: &ExplainArgs, terminal: &Terminal) -> Outcome {
    let explanation = Explanation::of(document, args.subject.trim()).or_exit(Exit::Usage)?;
    let options = Options { width: output::terminal_width(), color: terminal.stdout_color };
    output::to_stdout(|out| match args.format {
        TextOrJson::Text => explanation.write_text(out, &options),
        TextOrJson::Json => explanation.write_json(out),
    })
    .or_exit(Exit::Output)?;
    Ok(Exit::Clean)
}
