//! Reads the world for remediation: the [`ReadWorld`] of `apply`, `verify` and `rollback`.
//!
//! One question is answered by reads that run at once, each part from its own: `target`, `eip` and `listener` ask for what
//! is changed, `scene` scans the target and judges it (`proof` and `policy` are taken from that), `trail`, `kill` and
//! `health` ask for what their names say. A part of which anything could not be read is unread; none has a default.
//! docs/remediation.md, *What is read*, holds the table.

mod ask;
mod clusters;
mod eip;
mod health;
mod kill;
mod listener;
mod policy;
mod proof;
mod scene;
mod target;
mod trail;
mod ways;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;

use self::{ask::Ask, scene::Scene, trail::Own};
pub(crate) use self::{
    kill::Records,
    policy::Decisions,
    ways::{Way, of_environment},
};
use crate::{
    cloud::{
        api::{sts, vpc::EipAddress, wire::Problems},
        client::{Account, Client},
    },
    config::Config,
    engine::RuleSet,
    model::{AccountId, EvidenceWanted, InventoryBuilder},
    remediate::{
        self, Action, Change, ClockReading, CloudTime, Health, Mono, Pace, Part, Prepared, ReadFor, ReadWorld, Reading,
        Readings, Replies, Seen, Source, Target, Unread,
    },
};

/// A reply's date cuts off what is less than a second, and the next gateway's clock is not quite the same.
const DATE_GRAIN: Duration = Duration::from_secs(2);

/// Tells the moments of readings.
pub(crate) type Now = Arc<dyn Fn() -> Mono + Send + Sync>;

/// Everything that is needed to read.
pub(crate) struct Means {
    pub(crate) client: Client,
    /// Every account that may be asked, each with its number.
    pub(crate) accounts: Vec<(AccountId, Account)>,
    pub(crate) now: Now,
    pub(crate) pace: Pace,
    pub(crate) rules: RuleSet,
    pub(crate) decisions: Arc<dyn Decisions>,
    pub(crate) records: Arc<dyn Records>,
    /// The kill switch of this host.
    pub(crate) kill_file: Option<PathBuf>,
    /// What of ours talks to which hosts.
    pub(crate) ways: BTreeSet<Way>,
}

/// Reads the world through the cloud's APIs, scan, analysis and engine.
pub(crate) struct Prover {
    client: Client,
    accounts: Vec<(AccountId, Account)>,
    now: Now,
    pace: Pace,
    rules: Arc<RuleSet>,
    decisions: Arc<dyn Decisions>,
    records: Arc<dyn Records>,
    kill_file: Option<PathBuf>,
    ways: BTreeSet<Way>,
    /// By target.
    logs: tokio::sync::Mutex<BTreeMap<String, Logs>>,
    /// Requests of ours that were answered.
    own: Mutex<BTreeSet<String>>,
    /// What the cloud's clock said last.
    told: Mutex<Option<ClockReading>>,
}

/// What logs said, when they were asked.
struct Logs {
    wanted: Vec<EvidenceWanted>,
    asked: Mono,
    read: InventoryBuilder,
}

impl Prover {
    pub(crate) fn new(means: Means) -> Self {
        let Means { client, accounts, now, pace, rules, decisions, records, kill_file, ways } = means;
        let (logs, own, rules) = (tokio::sync::Mutex::default(), Mutex::default(), Arc::new(rules));
        let told = Mutex::default();
        Self { client, accounts, now, pace, rules, decisions, records, kill_file, ways, logs, own, told }
    }

    /// Remembers a request of ours, by the id that its answer had: in the audit trail it is no stranger's.
    pub(crate) fn sent(&self, request_id: &str) {
        if !request_id.is_empty() {
            self.own.lock().unwrap_or_else(PoisonError::into_inner).insert(request_id.to_owned());
        }
    }
}

impl ReadWorld for Prover {
    fn read<'a>(&'a self, ask: remediate::Ask<'a>) -> BoxFuture<'a, Readings> {
        Box::pin(async move {
            let before = self.client.stats();
            let mut readings = self.answer(ask).await;
            let after = self.client.stats();
            readings.replies = Replies {
                all: after.api_calls.saturating_sub(before.api_calls),
                throttled: after.throttled.saturating_sub(before.throttled),
            };
            readings
        })
    }

    fn now(&self) -> Mono {
        (self.now)()
    }
}

impl Prover {
    async fn answer(&self, question: remediate::Ask<'_>) -> Readings {
        let remediate::Ask { what, target, action, plan, since } = question;
        let parts = what.parts();
        let wants = |part| parts.contains(&part);
        let Some((_, account)) = self.accounts.iter().find(|(id, _)| *id == target.account) else {
            return refused(parts, &Unread::Failed(format!("there are no keys of the account {}", target.account)));
        };
        let ask = Ask { client: &self.client, account, deadline: self.pace.call_deadline };
        let needs_scene = wants(Part::Proof) || wants(Part::Policy) || wants(Part::Health);
        let guards = matches!(what, ReadFor::Guards | ReadFor::Recheck);
        let config = if needs_scene || guards { self.decisions.config() } else { Ok(Config::default()) };
        let asked = self.now();
        let (clock, slot, eip, list, scene, kill, trail, proxies) = tokio::join!(
            self.clock(&ask, target, what != ReadFor::Kill),
            when(wants(Part::Target), self.target(&ask, question, guards, &config)),
            when(wants(Part::Eip) || wants(Part::Prepared), named_eip(&ask, target, action)),
            when(wants(Part::Prepared) || wants(Part::Health) && is_fence(action), prepared_list(&ask, target, action)),
            when(needs_scene, self.scene(target, &config, guards)),
            when(wants(Part::Kill), kill::read(&*self.records, target, self.kill_file.as_deref())),
            when(wants(Part::Trail), self.trail(&ask, target, action, plan, since)),
            when(wants(Part::Health), health::read(&ask, target)),
        );
        let clock = match clock {
            Ok(clock) => clock,
            Err(other) => return refused(parts, &other),
        };
        let dated = Dated { asked };
        let mut readings = Readings {
            clock,
            target: dated.of(slot),
            kill: dated.of(kill),
            trail: dated.of(trail),
            ..Readings::default()
        };
        if wants(Part::Eip) {
            readings.eip =
                dated.maybe(eip.clone().map(|eip| eip.and_then(|eip| eip.map(|it| eip::state(&it)).transpose())));
        }
        if wants(Part::Prepared) {
            readings.prepared = dated.of(prepared(action, eip, list.clone()));
        }
        let measured = proxies.map(|proxies| Measured { proxies, held: held(list) });
        self.take_scene(&mut readings, scene, measured, &config, question).await;
        readings
    }

    /// The parts that a scene is behind.
    async fn take_scene(
        &self,
        readings: &mut Readings,
        scene: Option<Result<Scene, Unread>>,
        measured: Option<Measured>,
        config: &Result<Config, String>,
        question: remediate::Ask<'_>,
    ) {
        let remediate::Ask { what, target, action, .. } = question;
        let wants = |part| what.parts().contains(&part);
        let (scene, config) = match (scene, config) {
            (None, _) => return,
            (Some(Ok(scene)), Ok(config)) => (scene, config),
            (Some(Err(unread)), _) => return not_read(readings, what, &unread),
            (_, Err(why)) => return not_read(readings, what, &Unread::Failed(why.clone())),
        };
        let dated = Dated { asked: scene.asked };
        let proof = proof::of(&scene, target, action);
        if wants(Part::Policy) {
            let policy = match &proof {
                Ok(proof) => policy::of(self, &scene, &proof.ledger, config, target, action).await,
                Err(unread) => Err(unread.clone()),
            };
            readings.policy = dated.of(Some(policy));
        }
        if wants(Part::Health) {
            let Measured { proxies, held } =
                measured.unwrap_or(Measured { proxies: Err(Unread::NotAsked), held: None });
            let health = proxies.map(|proxies| health_of(&scene, target, action, proxies, held.as_deref()));
            readings.health = dated.of(Some(health));
        }
        if wants(Part::Proof) {
            readings.proof = dated.of(Some(proof));
        }
    }

    /// The cloud's time, by the reply to a question that says whose keys these are as well.
    ///
    /// # Errors
    /// If they are another account's: then nothing that was read is about the target.
    async fn clock(&self, ask: &Ask<'_>, target: &Target, asks: bool) -> Result<Option<ClockReading>, Unread> {
        if !asks {
            return Ok(None);
        }
        let asked = self.now();
        let reply = ask.reply(&sts::get_caller_identity()).await;
        let (answered, wall) = (self.now(), self.client.context().clock.now());
        let Ok(reply) = reply else { return Ok(None) };
        let Ok(caller) = reply.parse::<sts::CallerIdentity>() else { return Ok(None) };
        let account = caller.account_id.required_text("AccountId", &mut Problems::default());
        if account.as_deref() != Some(target.account.as_str()) {
            return Err(Unread::Failed(format!("the keys are not those of the account {}", target.account)));
        }
        // Of this very reply: another one's may have been on its way for longer than this question has been asked.
        let Some(date) = reply.date() else { return Ok(None) };
        let reading = ClockReading {
            cloud: CloudTime(u64::try_from(date.timestamp_millis()).unwrap_or_default()),
            grain: DATE_GRAIN,
            ahead: Duration::ZERO,
            asked,
            answered,
            offset: Duration::from_millis((date - wall).num_milliseconds().unsigned_abs()),
        };
        Ok(Some(self.not_back(reading)))
    }

    /// The reading after the one before it.
    fn not_back(&self, reading: ClockReading) -> ClockReading {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = told.map_or(reading, |before| reading.after(&before));
        *told = Some(reading);
        reading
    }

    async fn target(
        &self,
        ask: &Ask<'_>,
        question: remediate::Ask<'_>,
        guards: bool,
        config: &Result<Config, String>,
    ) -> Result<remediate::TargetState, Unread> {
        let consumers = match (guards, config) {
            (false, _) => None,
            (true, Ok(config)) => Some(crate::cli::pipeline::consumers(config)),
            (true, Err(why)) => return Err(Unread::Failed(why.clone())),
        };
        let compares = guards || question.what == ReadFor::Health;
        let undoes = question.what == ReadFor::Undo;
        target::read(ask, question.target, question.action, consumers.as_ref(), compares, undoes).await
    }

    async fn scene(&self, target: &Target, config: &Result<Config, String>, with_logs: bool) -> Result<Scene, Unread> {
        match config {
            Ok(config) => scene::read(self, target, config, with_logs).await,
            Err(why) => Err(Unread::Failed(why.clone())),
        }
    }

    async fn trail(
        &self,
        ask: &Ask<'_>,
        target: &Target,
        action: Option<&Action>,
        plan: &str,
        since: Option<CloudTime>,
    ) -> Result<remediate::Trail, Unread> {
        let keys = ask.account.provider().credentials().await;
        let own = Own {
            plan: plan.to_owned(),
            access_key_id: keys.ok().map(|keys| keys.access_key_id.clone()),
            request_ids: self.own.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        };
        trail::read(ask, target, action, since, &own, self.cloud_now(), &self.pace).await
    }
}

/// What health goes by beside the scene.
struct Measured {
    proxies: Result<health::Proxies, Unread>,
    /// The entries of a fence's list; `None` where it is gone or was not read.
    held: Option<Vec<String>>,
}

/// Dates parts by when the question was asked.
struct Dated {
    asked: Mono,
}

impl Dated {
    /// A part that was not asked for stays so.
    fn of<T>(&self, part: Option<Result<T, Unread>>) -> Reading<T> {
        part.unwrap_or(Err(Unread::NotAsked)).map(|value| Seen { value, asked: self.asked })
    }

    /// As [`of`](Self::of), for what some actions do not have.
    fn maybe<T>(&self, part: Option<Result<Option<T>, Unread>>) -> Reading<T> {
        self.of(part.and_then(Result::transpose))
    }
}

async fn when<T>(asked: bool, read: impl Future<Output = Result<T, Unread>>) -> Option<Result<T, Unread>> {
    if asked { Some(read.await) } else { None }
}

/// The EIP of an unbinding; `None` for a fence, which names none.
async fn named_eip(ask: &Ask<'_>, target: &Target, action: Option<&Action>) -> Result<Option<EipAddress>, Unread> {
    match action.map(|action| &action.change) {
        Some(Change::Unbind { eip, .. }) => eip::read(ask, &target.region, eip).await.map(Some),
        Some(Change::Fence { .. }) => Ok(None),
        None => Err(Unread::Failed("nothing is open that names an EIP".to_owned())),
    }
}

async fn prepared_list(ask: &Ask<'_>, target: &Target, action: Option<&Action>) -> Result<Prepared, Unread> {
    match action {
        Some(action) => listener::prepared(ask, &target.region, action).await,
        None => Err(Unread::Failed("nothing is open that would be insured".to_owned())),
    }
}

fn prepared(
    action: Option<&Action>,
    eip: Option<Result<Option<EipAddress>, Unread>>,
    list: Option<Result<Prepared, Unread>>,
) -> Option<Result<Prepared, Unread>> {
    match action.map(|action| &action.change) {
        Some(Change::Unbind { .. }) => Some(match eip? {
            Ok(Some(eip)) => eip::prepared(&eip),
            Ok(None) => Err(Unread::NotAsked),
            Err(unread) => Err(unread),
        }),
        _ => list,
    }
}

fn is_fence(action: Option<&Action>) -> bool {
    action.is_some_and(|action| matches!(action.change, Change::Fence { .. }))
}

/// What is in the list of a fence; `None` where it is gone or was not read.
fn held(list: Option<Result<Prepared, Unread>>) -> Option<Vec<String>> {
    Some(list?.ok()?.acl?.1)
}

/// `held` is what a fence's list lets in now, whatever was planned.
fn health_of(
    scene: &Scene,
    target: &Target,
    action: Option<&Action>,
    proxies: health::Proxies,
    held: Option<&[String]>,
) -> Health {
    let health::Proxies { clusters, attributed } = proxies;
    let (rule_passes, sources) = match (action.map(|action| &action.change), &scene.judged) {
        (Some(change), judged) => {
            let sources = match (change, judged) {
                (Change::Fence { port, .. }, Some(judged)) => match held {
                    Some(held) => proof::admitted(judged, *port, held),
                    None => vec![Source { name: "the list".to_owned(), safe: remediate::Standing::Unknown }],
                },
                (Change::Unbind { .. }, Some(judged)) => proof::without(&judged.staleness),
                (_, None) => Vec::new(),
            };
            (proof::rule_passes(scene, target, change), sources)
        }
        (None, _) => (remediate::Standing::Unknown, Vec::new()),
    };
    Health { clusters, attributed, rule_passes, sources }
}

/// Nothing that was asked for was read.
fn refused(parts: &[Part], unread: &Unread) -> Readings {
    let mut readings = Readings::default();
    for part in parts {
        set(&mut readings, *part, unread);
    }
    readings
}

/// Nothing that a scene is behind was read.
fn not_read(readings: &mut Readings, what: ReadFor, unread: &Unread) {
    let behind = [Part::Proof, Part::Policy, Part::Health];
    for part in what.parts().iter().filter(|part| behind.contains(part)) {
        set(readings, *part, unread);
    }
}

fn set(readings: &mut Readings, part: Part, unread: &Unread) {
    match part {
        Part::Target => readings.target = Err(unread.clone()),
        Part::Eip => readings.eip = Err(unread.clone()),
        Part::Proof => readings.proof = Err(unread.clone()),
        Part::Policy => readings.policy = Err(unread.clone()),
        Part::Kill => readings.kill = Err(unread.clone()),
        Part::Trail => readings.trail = Err(unread.clone()),
        Part::Health => readings.health = Err(unread.clone()),
        Part::Prepared => readings.prepared = Err(unread.clone()),
    }
}
