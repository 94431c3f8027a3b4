//! Performs what a runner asks for, one effect after the other: readings, the store, the journal, signatures, requests,
//! sleep. It decides nothing, but for one thing: once it was asked to end, nothing more is signed or sent.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};

use super::{audit::Audit, local::LocalJournal, notices::Notices, watch::Watch};
use crate::{
    cli::{desk::Desk, prove::Prover, signals::Stop},
    remediate::{
        Ask, CloudTime, Effect, End, Event, EventKind, Hand, Heard, Machine, Mono, ReadFor, ReadWorld as _, Runner,
        StoreFailed, Verdict,
    },
    store::{Acquired, Lease, Store, StoreError},
};

/// How long the store may take before it counts as one that does not answer.
const STORE_PATIENCE: Duration = Duration::from_secs(10);

/// A sleep is looked at again after so long: the system's timers stand still while it is suspended.
const NAP: Duration = Duration::from_secs(2);

/// The world's side of a runner.
pub(crate) struct Driver<'a> {
    pub(crate) world: &'a Prover,
    pub(crate) desk: Desk,
    pub(crate) journal: LocalJournal,
    pub(crate) hand: Hand,
    pub(crate) stop: &'a Stop,
    pub(crate) notices: &'a Notices,
    pub(crate) audit: Audit,
    pub(crate) watch: Watch<'a>,
}

/// How an errand was carried.
pub(crate) struct Carried {
    /// By target; what could not begin at all has no name.
    pub(crate) ends: Vec<(String, End)>,
    pub(crate) verdict: Verdict,
    pub(crate) breaker: Option<String>,
    pub(crate) next_due: Option<CloudTime>,
    /// It was asked to end, and left what is named here for the next one.
    pub(crate) left: Option<String>,
}

impl Carried {
    /// Before anything is.
    pub(crate) fn nothing() -> Self {
        Self { ends: Vec::new(), verdict: Verdict::Done, breaker: None, next_due: None, left: None }
    }

    /// Both of them.
    pub(crate) fn add(&mut self, other: Self) {
        self.ends.extend(other.ends);
        self.verdict = self.verdict.min(other.verdict);
        self.breaker = self.breaker.take().or(other.breaker);
        self.next_due = [self.next_due, other.next_due].into_iter().flatten().min();
        self.left = self.left.take().or(other.left);
    }
}

impl Driver<'_> {
    /// Carries an errand to its end, or until somebody asks to end.
    pub(crate) async fn carry(&mut self, mut runner: Runner) -> Carried {
        let mut leases = BTreeMap::new();
        let mut kind = EventKind::Started;
        let mut left = None;
        loop {
            let effects = runner.step(Event { now: self.world.now(), kind });
            self.watch.look(&runner);
            let mut asked = None;
            for effect in effects {
                match effect {
                    Effect::Emit(notice) => self.notices.queue(&notice),
                    Effect::End(_) => {}
                    effect => asked = Some(effect),
                }
            }
            let Some(effect) = asked.filter(|_| !runner.finished()) else { break };
            let target = runner.machine().map(|machine| machine.target().clone());
            // While the first change soaks alone nothing is written, and whoever takes it back on this host needs the journal.
            let lends = runner.waits_for_canary();
            if lends {
                self.journal.lend();
            }
            let mut answer = self.perform(effect, runner.machine(), &mut leases).await;
            if lends && answer.is_some() && self.take_journal_back().await.is_none() {
                answer = None;
            }
            match answer {
                Some(answer) => kind = answer,
                None => {
                    left = Some(target.map_or_else(|| "what is due".to_owned(), |target| target.row()));
                    break;
                }
            }
        }
        // Whoever comes next need not wait until they end by themselves.
        for lease in leases.into_values() {
            self.give_back(lease).await;
        }
        Carried {
            ends: runner.ends().to_vec(),
            verdict: runner.verdict(),
            breaker: runner.breaker().map(str::to_owned),
            next_due: runner.next_due(),
            left,
        }
    }

    /// Does one thing; `None` if it is not done since somebody asked to end.
    async fn perform(
        &mut self,
        effect: Effect,
        machine: Option<&Machine>,
        leases: &mut BTreeMap<String, Lease>,
    ) -> Option<EventKind> {
        let stopping = self.stop.exit().is_some();
        Some(match effect {
            Effect::Read { what, target, action, plan, since } => {
                let ask = Ask { what, target: &target, action: action.as_deref(), plan: &plan, since };
                let keys = async {
                    // What comes next may be signed.
                    if matches!(what, ReadFor::Recheck | ReadFor::Prepared | ReadFor::Undo) {
                        self.hand.prepare().await;
                    }
                };
                let both = futures::future::join(self.world.read(ask), keys);
                let (readings, ()) = self.stop.token().run_until_cancelled_owned(both).await?;
                EventKind::Read(Box::new(readings))
            }
            Effect::Sleep { until } => {
                self.sleep(until).await?;
                EventKind::Woke
            }
            Effect::Acquire { row, holder, ttl, now } => {
                let asked = self.store(move |store| store.acquire_lease(&row, &holder, ttl, time(now))).await;
                if let Ok(Acquired::Ours(lease)) = &asked {
                    leases.insert(lease.name.clone(), lease.clone());
                }
                EventKind::Leased(asked)
            }
            Effect::Renew { lease, ttl, now } => {
                let name = lease.name.clone();
                let renewed = self.store(move |store| store.renew_lease(&lease, ttl, time(now))).await;
                match &renewed {
                    Ok(Some(lease)) => {
                        leases.insert(name, lease.clone());
                    }
                    Ok(None) => {
                        leases.remove(&name);
                    }
                    Err(StoreFailed) => {}
                }
                EventKind::Renewed(renewed)
            }
            Effect::Release { lease } => {
                leases.remove(&lease.name);
                self.give_back(lease).await;
                EventKind::Released
            }
            Effect::Records { row } => EventKind::Records(self.store(move |store| store.records(&row)).await),
            Effect::Append { row, epoch, version, body } => {
                let appended = self.store(move |store| store.append_record(&row, epoch, version, &body)).await;
                EventKind::Appended(appended)
            }
            Effect::Journal { payload } => {
                let began = self.audit.begins(self.world.now());
                let mut lines = began.into_iter().chain([payload]);
                let written = lines.try_for_each(|line| self.journal.append(&line));
                EventKind::Journaled(written.map_err(|error| error.to_string()))
            }
            Effect::Sign(_) if stopping => EventKind::Signed(Err("asked to end".to_owned())),
            Effect::Sign(order) => EventKind::Signed(match machine {
                Some(machine) => self.hand.sign(machine.target(), order).await,
                None => Err("there is no target".to_owned()),
            }),
            Effect::Send(_) if stopping => EventKind::Answered(Heard::Refused("not-sent".to_owned())),
            Effect::Send(signed) => {
                self.watch.sends(&signed);
                let answer = self.hand.send(&signed).await;
                self.watch.heard(&signed, &answer);
                self.world.sent(&answer.request_id);
                if let Some(machine) = machine {
                    let line = self.audit.request(machine, signed.order(), &answer, self.world.now());
                    // One that could not be written is told by the next record, which will not be either.
                    let _ = self.journal.append(&line);
                }
                EventKind::Answered(answer.heard)
            }
            // Neither waits for an answer.
            Effect::Emit(_) | Effect::End(_) => return None,
        })
    }

    async fn sleep(&self, until: Mono) -> Option<()> {
        loop {
            let left = until - self.world.now();
            if left.is_zero() && self.stop.exit().is_none() {
                return Some(());
            }
            self.stop.token().run_until_cancelled_owned(tokio::time::sleep(left.min(NAP))).await?;
        }
    }

    /// Waits until whoever has the journal meanwhile has ended. One that cannot be used any more is found out by the next
    /// record.
    async fn take_journal_back(&mut self) -> Option<()> {
        loop {
            match self.journal.take_back() {
                Ok(true) => return Some(()),
                Ok(false) => {}
                Err(failure) => {
                    self.watch.journal_failed(&failure.error.to_string());
                    return Some(());
                }
            }
            self.stop.token().run_until_cancelled_owned(tokio::time::sleep(NAP)).await?;
        }
    }

    async fn give_back(&self, lease: Lease) {
        // It ends by itself where this fails.
        let _ = self.store(move |store| store.release_lease(&lease)).await;
    }

    /// Asks the store; one that is slow or fails may have done it or not.
    async fn store<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreFailed> {
        match tokio::time::timeout(STORE_PATIENCE, self.desk.ask(work)).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(failure)) => {
                self.watch.store_failed(&failure.error.to_string());
                Err(StoreFailed)
            }
            Err(_) => {
                self.watch.store_failed("no answer in time");
                Err(StoreFailed)
            }
        }
    }
}

/// The cloud's time as the store takes it.
pub(crate) fn time(at: CloudTime) -> DateTime<Utc> {
    i64::try_from(at.0).ok().and_then(DateTime::from_timestamp_millis).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
