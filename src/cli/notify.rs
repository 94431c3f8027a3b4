//! Tells people of what changed, after a run has been kept and before it is reported: the report says who was told.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use super::{
    signals::{self, Stop},
    terminal::Terminal,
};
use crate::{
    cloud::context::{Context, HttpSettings, RealEnv, RealFiles},
    config::Config,
    findings::Run,
    notify::{self, Delivery, Outcome, Reach, SecretSource, Settings},
    report::{escape_line, v1::NotificationV1},
    store::{Store, StoreError},
};

/// What is told of, and to whom.
#[derive(Clone, Copy)]
pub(super) struct Telling {
    pub(super) reach: Reach,
    /// The cloud as it was, not as it is.
    pub(super) from_snapshot: bool,
}

/// Tells the configured channels, and gives what became of each. `store` is the one that holds this run; without one
/// nothing is news. No failure here is a failure of the run. Of a simulated cloud only this machine is told.
pub(crate) fn tell(
    run: &Run,
    store: Option<&dyn Store>,
    telling: Telling,
    config: &Config,
    terminal: &Terminal,
) -> Vec<NotificationV1<'static>> {
    let settings = &config.notify;
    if settings.is_empty() {
        return Vec::new();
    }
    let all = |outcome: Outcome| -> Vec<Delivery> {
        settings.iter().map(|one| Delivery { channel: one.channel, outcome: outcome.clone() }).collect()
    };
    let deliveries = match store.map(|store| Past::of(run, store)) {
        None => all(Outcome::Skipped("the run was not kept, so nothing is known to have changed".to_owned())),
        Some(Err(_)) => all(Outcome::Failed("the earlier runs could not be read from the store".to_owned())),
        // A run that began before another one and was saved after it saw something of its own, and is told.
        Some(Ok(past)) if telling.from_snapshot && past.is_newer_than(run) => {
            all(Outcome::Skipped("what was judged is older than the run before, so it is no news".to_owned()))
        }
        Some(Ok(past)) => {
            send(run, &past, settings, telling.reach).unwrap_or_else(|reason| all(Outcome::Failed(reason)))
        }
    };
    told(&deliveries, terminal);
    deliveries.iter().map(in_report).collect()
}

/// Runs that are read back to find some that looked as wide as this one. More narrower ones in a row hide what came
/// before them.
const MOST_RUNS: usize = 32;

/// What the store knows from before the run.
struct Past {
    /// Newest first.
    earlier: Vec<Run>,
    /// Fingerprints that had been fixed and are back in this run.
    reopened: BTreeSet<String>,
}

impl Past {
    /// Runs over less than this one are taken along and not counted, or three of them would hide what came before.
    fn of(run: &Run, store: &dyn Store) -> Result<Self, StoreError> {
        let mut earlier: Vec<Run> = Vec::new();
        let mut as_wide = 0;
        while as_wide < notify::WINDOW && earlier.len() < MOST_RUNS {
            let id = earlier.last().map_or(&run.header.id, |run| &run.header.id);
            let Some(before) = store.before(id)? else { break };
            as_wide += usize::from(notify::looked_as_wide(&before, run));
            earlier.push(before);
        }
        let now = run.header.started_at.timestamp_millis();
        let back = store.reopened()?.into_iter();
        let reopened = back
            .filter(|memory| memory.reopened_at.is_some_and(|at| at.timestamp_millis() == now))
            .map(|memory| memory.fingerprint)
            .collect();
        Ok(Self { earlier, reopened })
    }

    /// True where a snapshot is judged that was taken before the run kept last.
    fn is_newer_than(&self, run: &Run) -> bool {
        self.earlier.first().is_some_and(|before| before.header.started_at > run.header.started_at)
    }
}

/// # Errors
/// Why no channel could be tried.
fn send(run: &Run, past: &Past, settings: &[Settings], reach: Reach) -> Result<Vec<Delivery>, String> {
    let changes = notify::changes(run, &past.earlier, &past.reopened);
    let context = Context::real(HttpSettings::default()).map_err(|error| format!("failed to {error}"))?;
    let work = async {
        let stop = Stop::listen()?;
        Ok(notify::tell(&context, settings, run, &changes, reach, &stop.token()).await)
    };
    let sent: io::Result<Vec<Delivery>> = signals::block_on(work).and_then(|sent| sent);
    sent.map_err(|error| format!("nothing could be sent: {error}"))
}

/// Says on stderr who was not told.
fn told(deliveries: &[Delivery], terminal: &Terminal) {
    for delivery in deliveries {
        if let Some(reason) = delivery.outcome.reason() {
            let line = format!("{} was not told: {}", delivery.channel, escape_line(reason));
            match &delivery.outcome {
                Outcome::Failed(_) => terminal.warning(&line),
                _ => terminal.notice(&line),
            }
        }
    }
}

fn in_report(delivery: &Delivery) -> NotificationV1<'static> {
    NotificationV1 {
        channel: delivery.channel.as_str().into(),
        outcome: delivery.outcome.as_str().into(),
        error: delivery.outcome.reason().map(|reason| reason.to_owned().into()),
    }
}

/// For `doctor`: each channel, and whether its secrets are where the configuration says, also where the cloud is a
/// simulated one.
pub(crate) fn write_channels(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    let state = |source: &SecretSource| match source.read(&RealEnv, &RealFiles) {
        Ok(_) => format!("in {source}"),
        Err(error) => format!("missing: {error}"),
    };
    for settings in &config.notify {
        let key = settings.key.as_ref().map(|key| format!(", key {}", state(key))).unwrap_or_default();
        let text = format!("{}: address {}{key}", settings.channel, state(&settings.address));
        writeln!(out, "Tells    {}", escape_line(&text))?;
    }
    Ok(())
}
