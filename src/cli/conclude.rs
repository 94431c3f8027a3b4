//! What becomes of a reading, whoever brought it: it is judged, kept, told of and reported.

use std::{collections::BTreeSet, path::Path};

use chrono::NaiveDate;
use tracing::info_span;

use super::{
    Done,
    args::{CloudArgs, ConfigArgs, JudgingArgs, PolicyArgs, StoreArgs},
    background, bundle, closing_line, evidence,
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
    report::{
        left_out,
        v1::{Document, NotificationV1},
        verdict_text,
    },
    scan::ExportedLog,
    store::{RunSummary, Store, snapshot},
};

/// Everything that a reading is concluded with. Made before anything is contacted.
pub(super) struct Conclusion<'a> {
    pub(super) config: Config,
    judging: Judging,
    compared: Option<Compared>,
    logs: Vec<ExportedLog>,
    save: Option<&'a Path>,
    targets: Vec<Target>,
    pub(super) bundle: Option<bundle::Bundle>,
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
        let compared =
            args.baseline.as_deref().map(|word| Compared::find(word, store, &config, terminal)).transpose()?;
        let logs = evidence::files(&config.evidence.files, &args.evidence_files)?;
        Ok(Self { config, judging, compared, logs, save, targets, bundle: None, terminal })
    }

    /// Judges a reading, keeps the run in the store where there is one, tells people, and reports.
    pub(super) fn conclude(
        self,
        reading: Reading,
        store: Option<&mut (dyn Store + 'static)>,
        telling: notify::Telling,
    ) -> Result<Concluded, Failure> {
        let Self { config, judging, compared, logs, save, targets, bundle, terminal } = self;
        let reading = evidence::add(reading, &logs, config.evidence.window_days, terminal);
        let judging = match compared {
            Some(compared) => compared.known_to(judging, &reading, terminal)?,
            None => judging,
        };
        tell_expired(&config, reading.inventory.taken_at().date_naive(), terminal);
        let saved = save.map_or(Ok(()), |path| save_snapshot(&reading, path));
        let mut run = info_span!("judge").in_scope(|| pipeline::conclude(reading, &judging));
        log::units_ended(&run);
        // Whatever becomes of it, the report is written.
        let bundled;
        let (stored, store) = match store {
            Some(store) => {
                let stored = info_span!("keep").in_scope(|| fence::apart("keeping the run", || keep(store, &mut run)));
                let place = stored.is_ok().then_some(&mut *store);
                bundled = write_bundle(bundle.as_ref(), &run, place, terminal);
                (stored, Some(&*store))
            }
            None => {
                bundled = write_bundle(bundle.as_ref(), &run, None, terminal);
                (Ok(()), None)
            }
        };
        let kept = store.filter(|_| stored.is_ok());
        let notifications = info_span!("notify").in_scope(|| tell(&run, kept, telling, &config, terminal));
        let mut document = Document::of(&run);
        document.run.notifications = notifications;
        let background = background::of_run(&run, kept, &config, &targets, terminal);
        info_span!("report").in_scope(|| report::write(&document, &background, &targets, terminal))?;
        saved.and(stored).and(bundled)?;
        log::run_ended(&run);
        let exit = Exit::from_code(run.header.exit_code).unwrap_or(Exit::Internal);
        let verdict = match left_out(&document) {
            Some(left_out) => format!("{}; left out on request: {left_out}", verdict_text(run.verdict)),
            None => verdict_text(run.verdict).to_owned(),
        };
        let closing = Some(closing_line(exit, Some(&verdict)));
        Ok(Concluded { done: Done { exit, closing }, run_id: run.header.id.clone() })
    }
}

/// The configuration with the command line's word over it.
pub(super) fn settings(
    file: &ConfigArgs,
    args: &PolicyArgs,
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
        deadline: cloud.and_then(|cloud| cloud.deadline),
        trusted,
        rule_dirs: args.rules.clone(),
        fail_on: args.fail_on,
    }))
}

/// Tells people of what changed. That nobody could be told is in the report, and never more than that.
fn tell(
    run: &Run,
    store: Option<&dyn Store>,
    telling: notify::Telling,
    config: &Config,
    terminal: &Terminal,
) -> Vec<NotificationV1<'static>> {
    let mut notifications = Vec::new();
    let told = fence::apart("telling people", || {
        notifications = notify::tell(run, store, telling, config, terminal);
        Ok(())
    });
    if let Err(failure) = told {
        terminal.error(&failure.error);
        let channels = config.notify.iter().map(|settings| settings.channel.as_str());
        notifications = channels.map(|channel| NotificationV1::failed(channel, "an internal error")).collect();
    }
    notifications
}

/// The run whose findings are known. It is found before anything is contacted, but for the newest one: whose accounts
/// are read, only the cloud knows.
enum Compared {
    Report(Box<Document<'static>>),
    Run(Box<Run>),
    Newest(Box<dyn Store>),
}

impl Compared {
    fn find(word: &str, store: &StoreArgs, config: &Config, terminal: &Terminal) -> Result<Self, Failure> {
        if let Some(document) = report::report_file(word)? {
            return Ok(Self::Report(Box::new(document)));
        }
        let store = setup::kept(store, config, terminal)?;
        let run = setup::stored_run(&*store, word)?;
        Ok(if word == "latest" { Self::Newest(store) } else { Self::Run(Box::new(run)) })
    }

    /// Takes what the run had for known.
    fn known_to(self, judging: Judging, reading: &Reading, terminal: &Terminal) -> Result<Judging, Failure> {
        Ok(match self {
            Self::Report(document) => judging.with_baseline(&document),
            Self::Run(run) => judging.with_baseline(&Document::of(&run)),
            Self::Newest(store) => match newest_about(&*store, &pipeline::accounts(&reading.inventory))? {
                Some(run) => judging.with_baseline(&Document::of(&run)),
                None => {
                    terminal.notice(
                        "no run about all of these accounts is stored yet, so nothing is in the baseline: everything counts",
                    );
                    judging
                }
            },
        })
    }
}

/// The newest run about all of the accounts.
fn newest_about(store: &dyn Store, accounts: &BTreeSet<&str>) -> Result<Option<Run>, Failure> {
    let about_all = |run: &RunSummary| accounts.iter().all(|id| run.accounts.iter().any(|known| known == id));
    let runs = store.runs(usize::MAX).or_exit(Exit::Usage)?;
    match runs.iter().find(|run| about_all(run)) {
        Some(run) => store.run(&run.id).or_exit(Exit::Usage),
        None => Ok(None),
    }
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

fn write_bundle(
    bundle: Option<&bundle::Bundle>,
    run: &Run,
    store: Option<&mut (dyn Store + 'static)>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    bundle.map_or(Ok(()), |bundle| fence::apart("writing the evidence", || bundle.write(run, store, terminal)))
}

/// Keeps the run, which fills in when each finding was seen first. A run that cannot be kept is
/// reported all the same.
fn keep(store: &mut dyn Store, run: &mut Run) -> Result<(), Failure> {
    store.save_run(run).map_err(|error| Failure {
        exit: Exit::Output,
        error: anyhow::Error::new(error).context("the run was judged and reported, and could not be kept"),
    })
}
