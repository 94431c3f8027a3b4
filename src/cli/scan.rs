//! `portcullis scan`: enumerate, analyse, judge, report.

use std::{io::BufReader, path::Path};

use super::{
    Done,
    args::ScanArgs,
    bundle, closing_line,
    conclude::{self, Conclusion},
    connect, evidence,
    exit::{Exit, Failure, fail},
    notify::Telling,
    output::Target,
    pipeline::{Judging, Kept, Reading},
    plain_file, report, setup, shard,
    terminal::Terminal,
    what_if,
};
use crate::{
    config::Config,
    notify::Reach,
    report::verdict_text,
    store::{Store, snapshot},
};

pub(crate) fn run(args: &ScanArgs, terminal: &Terminal) -> Result<Done, Failure> {
    if let Some(shard) = args.share.shard {
        return shard::run(args, shard, terminal);
    }
    let targets = report::targets(&args.outputs, args.save.as_deref())?;
    if !args.what_if.is_empty() {
        if args.outputs.outputs.iter().any(|asked| asked.bundle().is_some()) {
            return fail(Exit::Usage, "what a change would bring is no evidence: leave the bundle out");
        }
        return what_if(args, targets, terminal);
    }
    let config = conclude::settings(&args.config, &args.judging.policy, Some(&args.cloud), terminal)?;
    let (mut store, opened) = open_store(args, &config, terminal)?;
    let mut conclusion = Conclusion::new(&args.judging, &args.store, args.save.as_deref(), targets, config, terminal)?;
    conclusion.bundle = bundle::prepare(&args.outputs, &conclusion.config, terminal)?;
    let reading = gather(args, &conclusion.config, terminal)?;
    let reach = if args.cloud.sandbox.is_some() { Reach::ThisMachine } else { Reach::Everybody };
    let telling = Telling { reach, from_snapshot: args.from.is_some() };
    let concluded = conclusion.conclude(reading, store.as_deref_mut(), telling)?;
    opened?;
    Ok(concluded.done)
}

/// The store, where there is one to keep the run in, and the failure that the run ends with where there should be.
type Opened = (Option<Box<dyn Store>>, Result<(), Failure>);

/// The store to keep the run in. One that cannot be opened keeps nobody from scanning: the run is judged and reported, and
/// ends with the failure that comes along.
fn open_store(args: &ScanArgs, config: &Config, terminal: &Terminal) -> Result<Opened, Failure> {
    if args.no_store {
        return Ok((None, Ok(())));
    }
    match setup::store(&args.store, config, terminal) {
        Ok(store) => Ok((Some(store), Ok(()))),
        Err(failure) if failure.exit == Exit::Output => {
            terminal.warning(&format!(
                "this run will be reported and not kept, and ends with {}: {}",
                Exit::Output.code(),
                failure.error
            ));
            let error = failure.error.context("the run was judged and reported, and could not be kept");
            Ok((None, Err(Failure { exit: Exit::Output, error })))
        }
        Err(failure) => Err(failure),
    }
}

/// What is to be judged: the cloud as it is now or as a snapshot has it.
fn gather(args: &ScanArgs, config: &Config, terminal: &Terminal) -> Result<Reading, Failure> {
    match &args.from {
        Some(path) => read_snapshot(path),
        None => {
            let plan = evidence::Plan::new(&config.evidence, args.evidence);
            let keep_replies = bundle::wants_replies(&args.outputs, config);
            connect::read_cloud(&args.cloud, config, plan, keep_replies, terminal)
        }
    }
}

/// Says what changes would bring, of the cloud as it is now or as a snapshot has it.
fn what_if(args: &ScanArgs, targets: Vec<Target>, terminal: &Terminal) -> Result<Done, Failure> {
    let target = what_if::target(targets)?;
    let config = conclude::settings(&args.config, &args.judging.policy, Some(&args.cloud), terminal)?;
    let judging = Judging::new(&config)?;
    let logs = evidence::files(&config.evidence.files, &args.judging.evidence_files)?;
    let reading = evidence::add(gather(args, &config, terminal)?, &logs, config.evidence.window_days, terminal);
    let saved = args.save.as_deref().map_or(Ok(()), |path| conclude::save_snapshot(&reading, path));
    let twice = what_if::judge(reading, &args.what_if, &judging)?;
    twice.write(None, &target, terminal)?;
    saved?;
    let exit = Exit::from_code(twice.before.header.exit_code).unwrap_or(Exit::Internal);
    Ok(Done { exit, closing: Some(closing_line(exit, Some(verdict_text(twice.before.verdict)))) })
}

pub(crate) fn read_snapshot(path: &Path) -> Result<Reading, Failure> {
    let usage = |error: anyhow::Error| Failure {
        exit: Exit::Usage,
        error: error.context(format!("cannot judge the snapshot {}", path.display())),
    };
    let file = plain_file::open(path).map_err(|error| usage(error.into()))?;
    let (inventory, _) = snapshot::read(BufReader::new(file)).map_err(|error| usage(error.into()))?;
    Ok(Reading { inventory, api_calls: 0, retries: 0, kept: Kept::default(), ended: None })
}
