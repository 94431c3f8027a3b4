//! What becomes of a reading, whoever brought it: it is judged, kept, told of and reported.

use std::path::Path;

use chrono::NaiveDate;

use super::{
    Done,
    args::{CloudArgs, ConfigArgs, JudgingArgs, StoreArgs},
    closing_line, evidence,
    exit::{Exit, Failure, OrExit, fail},
    fence, log, notify,
    output::{self, Target},
    pipeline::{self, Judging, Reading},
    report, setup,
    terminal::Terminal,
};
use crate::{
    config::{self, Config, Overrides},
    findings::Run,
    notify::Reach,
    report::{
        v1::{Document, NotificationV1},
        verdict_text,
    },
    scan::ExportedLog,
    store::{Store, snapshot},
};

/// Everything that a reading is concluded with. Made before anything is contacted.
pub(super) struct Conclusion<'a> {
    pub(super) config: Config,
    judging: Judging,
    logs: Vec<ExportedLog>,
    save: Option<&'a Path>,
    targets: Vec<Target>,
    terminal: &'a Terminal,
}

/// What came of it.
pub(super) struct Concluded {
    pub(super) done: Done,
    pub(super) run_id: String,
}

impl<'a> Conclusion<'a> {
    pub(super) fn new(
        args: &JudgingArgs,
        store: &StoreArgs,
        save: Option<&'a Path>,
        targets: Vec<Target>,
        config: Config,
        terminal: &'a Terminal,
    ) -> Result<Self, Failure> {
        if let Some(path) = save {
            output::check_place(path).or_exit(Exit::Output)?;
        }
        let judging = Judging::new(&config)?;
        let judging = match &args.baseline {
            Some(word) => with_baseline(judging, word, store, &config, terminal)?,
            None => judging,
        };
        let logs = evidence::files(&config.evidence.files, &args.evidence_files)?;
        Ok(Self { config, judging, logs, save, targets, terminal })
    }

    /// Judges a reading, keeps the run in the store where there is one, tells people, and reports.
    pub(super) fn conclude(
        &self,
        reading: Reading,
        store: Option<&mut (dyn Store + 'static)>,
        reach: Reach,
    ) -> Result<Concluded, Failure> {
        let Self { config, judging, logs, terminal, .. } = self;
        let reading = evidence::add(reading, logs, config.evidence.window_days, terminal);
        tell_expired(config, reading.inventory.taken_at().date_naive(), terminal);
        let saved = self.save.map_or(Ok(()), |path| save_snapshot(&reading, path));
        let mut run = pipeline::conclude(reading, judging);
        log::units_ended(&run);
        // Whatever becomes of it, the report is written.
        let (stored, store) = match store {
            Some(store) => (fence::apart("keeping the run", || keep(store, &mut run)), Some(&*store)),
            None => (Ok(()), None),
        };
        let kept = store.filter(|_| stored.is_ok());
        let notifications = tell(&run, kept, reach, config, terminal);
        let mut document = Document::of(&run);
        document.run.notifications = notifications;
        report::write(&document, &self.targets, terminal)?;
        saved.and(stored)?;
        log::run_ended(&run);
        let exit = Exit::from_code(run.header.exit_code).unwrap_or(Exit::Internal);
        let closing = Some(closing_line(exit, Some(verdict_text(run.verdict))));
        Ok(Concluded { done: Done { exit, closing }, run_id: run.header.id.clone() })
    }
}

/// The configuration with the command line's word over it.
pub(super) fn settings(
    file: &ConfigArgs,
    args: &JudgingArgs,
    cloud: Option<&CloudArgs>,
    terminal: &Terminal,
) -> Result<Config, Failure> {
    let config = setup::judging_config(file, &args.rules, terminal)?;
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
        profile: cloud.and_then(|cloud| cloud.profile.clone()),
        regions: cloud.map(|cloud| cloud.regions.clone()).unwrap_or_default(),
        trusted,
        rule_dirs: args.rules.clone(),
        fail_on: args.fail_on,
    }))
}

/// Tells people of what changed. That nobody could be told is in the report, and never more than that.
fn tell(
    run: &Run,
    store: Option<&dyn Store>,
    reach: Reach,
    config: &Config,
    terminal: &Terminal,
) -> Vec<NotificationV1<'static>> {
    let mut notifications = Vec::new();
    let told = fence::apart("telling people", || {
        notifications = notify::tell(run, store, reach, config, terminal);
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

/// Keeps what was read in a file.
pub(super) fn save_snapshot(reading: &Reading, path: &Path) -> Result<(), Failure> {
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
