//! `portcullis explain`: one finding or endpoint of a stored run or report file, in full.

use super::{
    args::{ExplainArgs, TextOrJson},
    exit::{Exit, OrExit, Outcome},
    output,
    report::report_file,
    setup,
    terminal::Terminal,
};
use crate::report::{Options, explain::Explanation, v1::Document};

pub(crate) fn run(args: &ExplainArgs, terminal: &Terminal) -> Outcome {
    if let Some(document) = report_file(&args.run)? {
        return explain(&document, args, terminal);
    }
    let config = setup::config(&args.config, terminal)?;
    let store = setup::store(&args.store, &config)?;
    let run = setup::stored_run(&*store, &args.run)?;
    explain(&Document::of(&run), args, terminal)
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
