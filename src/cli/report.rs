//! `portcullis report`: a stored run, or a report file, in any format again.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::{
    args::{OutputArgs, ReportArgs},
    background, bundle,
    exit::{Exit, Failure, OrExit, Outcome, fail},
    output::{self, Asked, Place, Target},
    pack, setup,
    terminal::Terminal,
};
use crate::report::{self, Background, Options, v1::Document};

/// Largest report file that is read back.
const MAX_REPORT: u64 = 1 << 30;

pub(crate) fn run(args: &ReportArgs, terminal: &Terminal) -> Outcome {
    let targets = targets(&args.outputs, None)?;
    if let Some(id) = &args.pack {
        return of_pack(id, args, &targets, terminal);
    }
    if args.share {
        return for_others(args, &targets, terminal);
    }
    if let Some(document) = report_file(&args.run)? {
        if args.outputs.outputs.iter().any(|asked| asked.bundle().is_some()) {
            return fail(Exit::Usage, "a report file is no evidence: name a stored run for a bundle");
        }
        let background = background::of_rules(None, &targets, terminal);
        write(&document, &background, &targets, terminal)?;
        return Ok(Exit::Clean);
    }
    let config = setup::config(&args.config, terminal)?;
    let bundle = bundle::prepare(&args.outputs, &config, terminal)?;
    let mut store = setup::kept(&args.store, &config, terminal)?;
    let run = setup::stored_run(&*store, &args.run)?;
    if let Some(bundle) = bundle {
        bundle.write(&run, Some(&mut *store), terminal)?;
    }
    let background = background::of_run(&run, Some(&*store), &config, &targets, terminal);
    write(&Document::of(&run), &background, &targets, terminal)?;
    Ok(Exit::Clean)
}

/// Tells a run to people outside: under pseudonyms, without what the store knows beside it.
fn for_others(args: &ReportArgs, targets: &[Target], terminal: &Terminal) -> Outcome {
    if args.outputs.outputs.iter().any(|asked| asked.bundle().is_some()) {
        return fail(
            Exit::Usage,
            "a bundle calls everything by its name, or it would be no evidence: leave --share out",
        );
    }
    let (document, config) = match report_file(&args.run)? {
        Some(document) => (under_pseudonyms(&document)?, None),
        None => {
            let config = setup::config(&args.config, terminal)?;
            let store = setup::kept(&args.store, &config, terminal)?;
            (under_pseudonyms(&Document::of(&setup::stored_run(&*store, &args.run)?))?, Some(config))
        }
    };
    write(&document, &background::of_rules(config.as_ref(), targets, terminal), targets, terminal)?;
    Ok(Exit::Clean)
}

fn under_pseudonyms(document: &Document<'_>) -> Result<Document<'static>, Failure> {
    report::shared(document, rand::random()).map_err(|error| Failure {
        exit: Exit::Internal,
        error: anyhow::Error::from(error).context("cannot put the report under pseudonyms"),
    })
}

/// Tells a framework's controls: of a stored run only, since a report file does not say which rules were evaluated.
fn of_pack(id: &str, args: &ReportArgs, targets: &[Target], terminal: &Terminal) -> Outcome {
    pack::check(id, targets)?;
    if args.outputs.outputs.iter().any(|asked| asked.bundle().is_some()) {
        return fail(Exit::Usage, "a bundle is of a whole run: leave --pack out");
    }
    if report_file(&args.run)?.is_some() {
        return fail(
            Exit::Usage,
            "a report file does not say which rules were evaluated: name a stored run for --pack",
        );
    }
    let config = setup::config(&args.config, terminal)?;
    let store = setup::kept(&args.store, &config, terminal)?;
    let run = setup::stored_run(&*store, &args.run)?;
    pack::write(id, args.lang.into(), &run, &config, targets, terminal)?;
    Ok(Exit::Clean)
}

/// The report of that file, or on standard input, where the word names one.
pub(crate) fn report_file(word: &str) -> Result<Option<Document<'static>>, Failure> {
    if word == "-" {
        let read = report::read_from(io::stdin().take(MAX_REPORT));
        return read.map(Some).map_err(|error| Failure {
            exit: Exit::Usage,
            error: anyhow::Error::from(error).context("cannot report from standard input"),
        });
    }
    let path = Path::new(word);
    let seems_a_path = path.components().count() > 1 || path.extension().is_some();
    if seems_a_path && !path.is_file() {
        let seen = report::escape_capped(word, 200);
        return fail(Exit::Usage, format!("there is no report file `{seen}`; runs are named by their id, or `latest`"));
    }
    if word == "latest" || !path.is_file() {
        return Ok(None);
    }
    let told = |error: anyhow::Error| Failure {
        exit: Exit::Usage,
        error: error.context(format!("cannot report from {}", path.display())),
    };
    let file = open(path).map_err(|error| told(error.into()))?;
    report::read_from(file).map(Some).map_err(|error| told(error.into()))
}

/// The file, unless it is larger than any report is.
fn open(path: &Path) -> io::Result<impl Read + Send> {
    let file = File::open(path)?;
    match file.metadata()?.len() {
        bytes if bytes > MAX_REPORT => Err(io::Error::other("it is larger than 1 GiB")),
        _ => Ok(file.take(MAX_REPORT)),
    }
}

/// The outputs asked for, else the table; refuses beforehand what cannot be written.
pub(crate) fn targets(args: &OutputArgs, save: Option<&Path>) -> Result<Vec<Target>, Failure> {
    let asked: Vec<Target> = args.outputs.iter().filter_map(Asked::report).cloned().collect();
    let targets = if args.outputs.is_empty() { vec![Target::default_table()] } else { asked };
    if let Err(message) = output::check_distinct(&args.outputs, save) {
        return fail(Exit::Usage, message);
    }
    for target in &targets {
        if let Place::File(path) = &target.place {
            output::check_place(path).or_exit(Exit::Output)?;
        }
    }
    Ok(targets)
}

/// Writes every output. All are tried; the first failure is told.
pub(crate) fn write(
    document: &Document<'_>,
    background: &Background,
    targets: &[Target],
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut outcome = Ok(());
    for target in targets {
        let written = match &target.place {
            Place::Stdout => {
                let options = Options { width: output::terminal_width(), color: terminal.stdout_color };
                output::to_stdout(|out| report::render_document(target.format, document, background, out, &options))
            }
            Place::File(path) => output::to_file(path, |out| {
                report::render_document(target.format, document, background, out, &Options::default())
            }),
        };
        outcome = outcome.and(written.map(drop));
    }
    outcome.or_exit(Exit::Output)
}
