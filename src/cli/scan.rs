//! `portcullis scan`: enumerate, analyse, judge, report.

use std::{fs::File, io::BufReader, path::Path};

use chrono::NaiveDate;

use super::{
    Done,
    args::{ScanArgs, StoreArgs},
    closing_line, connect, evidence,
    exit::{Exit, Failure, OrExit, fail},
    fence, log, notify,
    output::{self, Target},
    pipeline::{self, Judging, Reading},
    report, setup,
    terminal::Terminal,
    what_if,
};
use crate::{
    config::{self, Config, Overrides},
    findings::Run,
    report::{
        v1::{Document, NotificationV1},
        verdict_text,
    },
    store::{Store, snapshot},
};

pub(crate) fn run(args: &ScanArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let targets = report::targets(&args.outputs)?;
    if !args.what_if.is_empty() {
        return what_if(args, targets, terminal);
    }
    if let Some(path) = &args.save {
        output::check_place(path).or_exit(Exit::Output)?;
    }
    let config = settings(args, terminal)?;
    let judging = Judging::new(&config)?;
    let (store, opened) = open_store(args, &config, terminal)?;
    let judging = match &args.baseline {
        Some(word) => with_baseline(judging, word, &args.store, &config, terminal)?,
        None => judging,
    };
    let reading = gather(args, &config, terminal)?;
    tell_expired(&config, reading.inventory.taken_at().date_naive(), terminal);
    let saved = args.save.as_deref().map_or(Ok(()), |path| save_snapshot(&reading, path));
    let mut run = pipeline::conclude(reading, &judging);
    log::units_ended(&run);
    // Whatever becomes of it, the report is written.
    let (stored, store) = match store {
        Some(mut store) => (fence::apart("keeping the run", || keep(&mut *store, &mut run)), Some(store)),
        None => (opened, None),
    };
    let kept = store.as_deref().filter(|_| stored.is_ok());
    let notifications = tell(&run, kept, args, &config, terminal);
    let mut document = Document::of(&run);
    document.run.notifications = notifications;
    report::write(&document, &targets, terminal)?;
    saved.and(stored)?;
    log::run_ended(&run);
    let exit = Exit::from_code(run.header.exit_code).unwrap_or(Exit::Internal);
    Ok(Done { exit, closing: Some(closing_line(exit, Some(verdict_text(run.verdict)))) })
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

/// Tells people of what changed. That nobody could be told is in the report, and never more than that.
fn tell(
    run: &Run,
    store: Option<&dyn Store>,
    args: &ScanArgs,
    config: &Config,
    terminal: &Terminal,
) -> Vec<NotificationV1<'static>> {
    let mut notifications = Vec::new();
    let told = fence::apart("telling people", || {
        notifications = notify::tell(run, store, args, config, terminal);
        Ok(())
    });
    if let Err(failure) = told {
        terminal.error(&failure.error);
        let channels = config.notify.iter().map(|settings| settings.channel.as_str());
        notifications = channels.map(|channel| NotificationV1::failed(channel, "an internal error")).collect();
    }
    notifications
}

/// Takes what the run to compare with had for known; it is found before anything is contacted.
fn with_baseline(
    judging: Judging,
    word: &str,
    store: &StoreArgs,
    config: &Config,
    terminal: &Terminal,
) -> Result<Judging, Failure> {
    if let Some(document) = report::report_file(word)? {
        return Ok(judging.with_baseline(&document));
    }
    let run = setup::stored_run(&*setup::store(store, config, terminal)?, word)?;
    Ok(judging.with_baseline(&Document::of(&run)))
}

/// What is to be judged: the cloud as it is now or as a snapshot has it, with the logs that were asked for.
fn gather(args: &ScanArgs, config: &Config, terminal: &Terminal) -> Result<Reading, Failure> {
    let logs = evidence::files(&config.evidence.files, &args.evidence_files)?;
    let reading = match &args.from {
        Some(path) => read_snapshot(path)?,
        None => {
            let plan = evidence::Plan::new(&config.evidence, args.evidence);
            connect::read_cloud(&args.cloud, config, plan, terminal)?
        }
    };
    Ok(evidence::add(reading, &logs, config.evidence.window_days, terminal))
}

/// Says what changes would bring, of the cloud as it is now or as a snapshot has it.
fn what_if(args: &ScanArgs, targets: Vec<Target>, terminal: &Terminal) -> Result<Done, Failure> {
    let target = what_if::target(targets)?;
    let config = settings(args, terminal)?;
    let judging = Judging::new(&config)?;
    let reading = gather(args, &config, terminal)?;
    let saved = args.save.as_deref().map_or(Ok(()), |path| save_snapshot(&reading, path));
    let twice = what_if::judge(reading, &args.what_if, &judging)?;
    twice.write(None, &target, terminal)?;
    saved?;
    let exit = Exit::from_code(twice.before.header.exit_code).unwrap_or(Exit::Internal);
    Ok(Done { exit, closing: Some(closing_line(exit, Some(verdict_text(twice.before.verdict)))) })
}

/// The configuration with the command line's word over it.
fn settings(args: &ScanArgs, terminal: &Terminal) -> Result<Config, Failure> {
    let config = setup::judging_config(&args.config, &args.rules, terminal)?;
    let (trusted, notices) = match config::trusted_arguments(&args.trusted) {
        Ok(read) => read,
        Err(refused) => {
            let texts: Vec<String> = refused.iter().map(ToString::to_string).collect();
            return fail(Exit::Usage, texts.join("\n\n"));
        }
    };
    for notice in notices {
        terminal.notice(&notice.to_string());
    }
    Ok(config.with(Overrides {
        profile: args.cloud.profile.clone(),
        regions: args.cloud.regions.clone(),
        trusted,
        rule_dirs: args.rules.clone(),
        fail_on: args.fail_on,
    }))
}

/// An entry of the allowlist that no longer counts explains a finding that nobody expected.
fn tell_expired(config: &Config, today: NaiveDate, terminal: &Terminal) {
    for entry in &config.trusted.entries {
        if let Some(last_day) = entry.expires.filter(|last_day| *last_day < today) {
            let name = entry.name.as_deref().map(|name| format!(" \"{name}\"")).unwrap_or_default();
            terminal.notice(&format!(
                "the allowlist's entry {}{name} expired on {last_day} and no longer counts: renew or delete it",
                entry.cidr
            ));
        }
    }
}

pub(crate) fn read_snapshot(path: &Path) -> Result<Reading, Failure> {
    let usage = |error: anyhow::Error| Failure {
        exit: Exit::Usage,
        error: error.context(format!("cannot judge the snapshot {}", path.display())),
    };
    let file = File::open(path).map_err(|error| usage(error.into()))?;
    let (inventory, _) = snapshot::read(BufReader::new(file)).map_err(|error| usage(error.into()))?;
    Ok(Reading { inventory, api_calls: 0, retries: 0, ended: None })
}

fn save_snapshot(reading: &Reading, path: &Path) -> Result<(), Failure> {
    output::to_file(path, |out| {
        snapshot::write(&reading.inventory, env!("CARGO_PKG_VERSION"), out).map(drop).map_err(std::io::Error::other)
    })
    .map(drop)
    .or_exit(Exit::Output)
}

/// Keeps the run, which fills in when each finding was seen first. A run that cannot be kept is
/// reported all the same.
fn keep(store: &mut dyn Store, run: &mut Run) -> Result<(), Failure> {
    store.save_run(run).map_err(|error| Failure {
        exit: Exit::Output,
        error: anyhow::Error::new(error).context("the run was judged and reported, and could not be kept"),
    })
}
