//! Twenty-five bugs, planted between the state machine and the world. Each has to be found within 20,000 seeds: one that
//! is not is a defect of the simulation.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{Between, Step, run_between};
use crate::{
    model::EipId,
    remediate::{
        AccountRecord, CloudTime, Effect, Endpoint, Errand, EventKind, Heard, Kill, Ledger, Mono, Pace, Plan, Policy,
        Purpose, ReadFor, Readings, Request, Seen, Selection, Slot, Standing, TargetRecord, Unread,
    },
    store::{Acquired, Appended},
};

/// Seeds within which a planted bug has to be found.
const GATE: u64 = 20_000;

/// What the planted code has in hand: what was asked for last, and what was heard before.
#[derive(Default)]
struct Host {
    asked: Option<ReadFor>,
    unbinds: bool,
    first: Option<Readings>,
    policy: Option<Policy>,
    kill: Option<Kill>,
    /// A record that is written later than it should be.
    held: Option<Effect>,
    accepted: bool,
    /// It has the account's lease, and what it wrote there.
    account: bool,
    own: Vec<Vec<u8>>,
}

#[derive(Default)]
struct State {
    hosts: BTreeMap<usize, Host>,
}

impl State {
    fn host(&mut self, host: usize) -> &mut Host {
        self.hosts.entry(host).or_default()
    }
}

type Errands = fn(Errand) -> Errand;
type Paces = fn(Pace) -> Pace;
type Incoming = fn(&mut Host, EventKind) -> EventKind;
type Outgoing = fn(&mut Host, Effect) -> Vec<Step>;

/// A bug: what it does to what goes by.
#[derive(Clone, Copy)]
struct Bug {
    name: &'static str,
    errand: Errands,
    pace: Paces,
    incoming: Incoming,
    outgoing: Outgoing,
}

const NONE: Bug = Bug {
    name: "none",
    errand: |errand| errand,
    pace: |pace| pace,
    incoming: |_, kind| kind,
    outgoing: |_, effect| vec![Step::Do(effect)],
};

struct Planted {
    bug: Bug,
    state: State,
}

impl Between for Planted {
    fn errand(&mut self, errand: Errand) -> Errand {
        (self.bug.errand)(errand)
    }

    fn pace(&mut self, pace: &Arc<Pace>) -> Arc<Pace> {
        Arc::new((self.bug.pace)((**pace).clone()))
    }

    fn incoming(&mut self, host: usize, kind: EventKind) -> EventKind {
        let host = self.state.host(host);
        if matches!(kind, EventKind::Started) {
            *host = Host::default();
        }
        (self.bug.incoming)(host, kind)
    }

    fn outgoing(&mut self, host: usize, effect: Effect) -> Vec<Step> {
        let host = self.state.host(host);
        if let Effect::Read { what, action, .. } = &effect {
            host.asked = Some(*what);
            host.unbinds = action.as_ref().is_some_and(|action| matches!(action.before(), Slot::Eip(_)));
        }
        (self.bug.outgoing)(host, effect)
    }
}

/// Changes readings that come in.
fn read(kind: EventKind, change: impl FnOnce(&mut Readings)) -> EventKind {
    match kind {
        EventKind::Read(mut readings) => {
            change(&mut readings);
            EventKind::Read(readings)
        }
        other => other,
    }
}

/// As if it had been read at the same time as the rest.
fn as_new<T: Clone>(old: &Seen<T>, asked: Mono) -> Seen<T> {
    Seen { value: old.value.clone(), asked }
}

fn asked(readings: &Readings) -> Mono {
    readings.clock.map_or_else(|| readings.oldest().unwrap_or_default(), |clock| clock.asked)
}

fn plan_of(errand: Errand, change: impl FnOnce(&mut Plan)) -> Errand {
    match errand {
        Errand::Apply { plan, selection, run } => {
            let mut plan = (*plan).clone();
            change(&mut plan);
            Errand::Apply { plan: Arc::new(plan), selection, run }
        }
        other => other,
    }
}

fn record(effect: &Effect) -> Option<TargetRecord> {
    match effect {
        Effect::Append { body, row, .. } if row.starts_with("target/") => serde_json::from_slice(body).ok(),
        _ => None,
    }
}

/// The slot as it would have to be for the machine to go on.
fn wished(readings: &mut Readings, slot: Slot) {
    if let Ok(target) = &mut readings.target {
        target.value.slot = slot;
    }
}

const BUGS: [Bug; 25] = [
    Bug { name: "no re-verify", incoming: no_reverify, ..NONE },
    Bug { name: "intent after call", outgoing: intent_after_call, ..NONE },
    Bug { name: "timeout = no", incoming: timeout_is_no, ..NONE },
    Bug { name: "no fence", pace: no_fence, ..NONE },
    Bug { name: "garbage = empty", incoming: garbage_is_empty, ..NONE },
    Bug { name: "no health check", incoming: no_health_check, ..NONE },
    Bug { name: "unguarded rollback", incoming: unguarded_rollback, ..NONE },
    Bug { name: "budget in memory", incoming: budget_in_memory, outgoing: remembers_own, ..NONE },
    Bug { name: "ledger drop", incoming: ledger_drop, ..NONE },
    Bug { name: "no lease", incoming: no_lease, ..NONE },
    Bug { name: "trust 200", incoming: trust_200, ..NONE },
    Bug { name: "no read-back", incoming: no_read_back, ..NONE },
    Bug { name: "blind POST retry", outgoing: blind_retry, ..NONE },
    Bug { name: "403 = not found", incoming: denied_is_gone, ..NONE },
    Bug { name: "missing field = false", incoming: missing_is_false, ..NONE },
    Bug { name: "first page only", incoming: first_page_only, ..NONE },
    Bug { name: "empty selector = all", errand: empty_is_all, ..NONE },
    Bug { name: "window off by zone", incoming: window_off_by_zone, ..NONE },
    Bug { name: "waiver read once", incoming: waiver_read_once, ..NONE },
    Bug { name: "plan expiry ignored", errand: expiry_ignored, ..NONE },
    Bug { name: "EIP id not compared", incoming: eip_not_compared, ..NONE },
    Bug { name: "canary Pilot forgotten", outgoing: canary_forgotten, ..NONE },
    Bug { name: "kill switch cached", incoming: kill_cached, ..NONE },
    Bug { name: "soak skipped", pace: soak_skipped, ..NONE },
    Bug { name: "rollback over a foreign EIP", incoming: rollback_over_foreign, ..NONE },
];

/// What was read first is taken for what is read before signing.
fn no_reverify(host: &mut Host, kind: EventKind) -> EventKind {
    let at = host.asked;
    let first = &mut host.first;
    read(kind, |readings| match (at, &first) {
        (Some(ReadFor::Guards), _) => *first = Some(readings.clone()),
        (Some(ReadFor::Recheck), Some(held)) => {
            let now = asked(readings);
            readings.target = held.target.clone().map(|seen| as_new(&seen, now));
            readings.eip = held.eip.clone().map(|seen| as_new(&seen, now));
            readings.proof = held.proof.clone().map(|seen| as_new(&seen, now));
            readings.policy = held.policy.clone().map(|seen| as_new(&seen, now));
        }
        _ => {}
    })
}

/// The intent is called written before it is, and is written once the call is made.
fn intent_after_call(host: &mut Host, effect: Effect) -> Vec<Step> {
    if matches!(record(&effect), Some(TargetRecord::Intent { purpose: Purpose::Act, .. })) {
        host.held = Some(effect);
        return vec![Step::Answer(EventKind::Appended(Ok(Appended::At(0))))];
    }
    match (effect, host.held.take()) {
        (send @ Effect::Send(_), Some(held)) => vec![Step::Do(send), Step::Also(held)],
        (effect, held) => {
            host.held = held;
            vec![Step::Do(effect)]
        }
    }
}

fn timeout_is_no(_: &mut Host, kind: EventKind) -> EventKind {
    match kind {
        EventKind::Answered(Heard::Lost(why)) => EventKind::Answered(Heard::Refused(why)),
        other => other,
    }
}

fn no_fence(pace: Pace) -> Pace {
    Pace { signature_life: Duration::ZERO, async_bound: Duration::ZERO, ..pace }
}

fn garbage_is_empty(host: &mut Host, kind: EventKind) -> EventKind {
    let held = host.first.clone();
    let kind = read(kind, |readings| {
        let garbage = matches!(&readings.target, Err(Unread::Failed(why)) if why == "garbage");
        if let (true, Some(Ok(known))) = (garbage, held.map(|held| held.target)) {
            let mut seen = as_new(&known, asked(readings));
            seen.value.slot = Slot::Vacant;
            readings.target = Ok(seen);
        }
    });
    if let EventKind::Read(readings) = &kind
        && readings.target.is_ok()
    {
        host.first = Some((**readings).clone());
    }
    kind
}

fn no_health_check(_: &mut Host, kind: EventKind) -> EventKind {
    read(kind, |readings| {
        if let Ok(health) = &mut readings.health {
            health.value.rule_passes = Standing::Yes;
            health.value.sources.iter_mut().for_each(|source| source.safe = Standing::Yes);
            health.value.clusters.iter_mut().for_each(|cluster| cluster.connected = cluster.proxies);
        }
    })
}

/// Whatever is in the slot, the way back is taken.
fn unguarded_rollback(host: &mut Host, kind: EventKind) -> EventKind {
    let (undo, unbinds) = (host.asked == Some(ReadFor::Undo), host.unbinds);
    read(kind, |readings| {
        if undo && unbinds {
            wished(readings, Slot::Vacant);
            if let Ok(eip) = &mut readings.eip {
                eip.value.status = crate::remediate::EipStatus::Available;
                eip.value.locked = false;
            }
        }
    })
}

/// Only what this process has written itself counts.
fn budget_in_memory(host: &mut Host, kind: EventKind) -> EventKind {
    match kind {
        EventKind::Records(Ok(records)) => {
            let credits = host.account;
            let mine = |body: &[u8]| match serde_json::from_slice(body) {
                Ok(AccountRecord::Debit(_)) if credits => host.own.iter().any(|own| own == body),
                _ => true,
            };
            EventKind::Records(Ok(records.into_iter().filter(|record| mine(&record.body)).collect()))
        }
        other => other,
    }
}

fn remembers_own(host: &mut Host, effect: Effect) -> Vec<Step> {
    match &effect {
        Effect::Acquire { row, .. } => host.account = row.starts_with("account/"),
        Effect::Release { .. } => host.account = false,
        Effect::Append { row, body, .. } if row.starts_with("account/") => host.own.push(body.clone()),
        _ => {}
    }
    vec![Step::Do(effect)]
}

/// A unit that failed is not counted, and what it was about is taken for proved.
fn ledger_drop(_: &mut Host, kind: EventKind) -> EventKind {
    read(kind, |readings| {
        if let Ok(proof) = &mut readings.proof {
            let Ledger { scanned, .. } = proof.value.ledger;
            proof.value.ledger = Ledger { planned: scanned, scanned, denied: 0, failed: 0 };
            let unknown = proof.value.sources.iter_mut().filter(|source| source.safe == Standing::Unknown);
            unknown.for_each(|source| source.safe = Standing::Yes);
        }
    })
}

fn no_lease(_: &mut Host, kind: EventKind) -> EventKind {
    match kind {
        EventKind::Leased(Ok(Acquired::HeldBy(lease))) => EventKind::Leased(Ok(Acquired::Ours(lease))),
        EventKind::Renewed(Ok(None)) => EventKind::Renewed(Err(crate::remediate::StoreFailed)),
        other => other,
    }
}

/// What was accepted is done.
fn trust_200(host: &mut Host, kind: EventKind) -> EventKind {
    if let EventKind::Answered(heard) = &kind {
        host.accepted = *heard == Heard::Accepted;
    }
    let trusts = host.accepted && host.asked == Some(ReadFor::Slot) && host.unbinds;
    read(kind, |readings| {
        if trusts {
            wished(readings, Slot::Vacant);
        }
    })
}

fn no_read_back(host: &mut Host, kind: EventKind) -> EventKind {
    let late = matches!(host.asked, Some(ReadFor::Prepared | ReadFor::Recheck));
    read(kind, |readings| {
        if let (true, Ok(prepared)) = (late, &mut readings.prepared) {
            prepared.value.protected = true;
            prepared.value.tag = Some("plan-a".to_owned());
        }
    })
}

/// A request without an answer is sent again, as many clients do.
fn blind_retry(_: &mut Host, effect: Effect) -> Vec<Step> {
    match effect {
        Effect::Send(signed) => vec![Step::Also(Effect::Send(signed.clone())), Step::Do(Effect::Send(signed))],
        other => vec![Step::Do(other)],
    }
}

fn denied_is_gone(_: &mut Host, kind: EventKind) -> EventKind {
    read(kind, |readings| {
        if readings.target == Err(Unread::Denied) {
            readings.target = Err(Unread::NotFound);
        }
    })
}

/// A reply about waivers and markers that lacks a field says that there are none.
fn missing_is_false(host: &mut Host, kind: EventKind) -> EventKind {
    let held = &mut host.policy;
    read(kind, |readings| match (&readings.policy, &held) {
        (Ok(policy), _) => *held = Some(policy.value.clone()),
        (Err(Unread::Schema(_)), Some(known)) => {
            let value = Policy { waived: false, protected: false, ..known.clone() };
            readings.policy = Ok(Seen { value, asked: asked(readings) });
        }
        _ => {}
    })
}

fn first_page_only(_: &mut Host, kind: EventKind) -> EventKind {
    read(kind, |readings| {
        if let (Ok(target), Ok(proof)) = (&mut readings.target, &mut readings.proof) {
            if let Some(clusters) = &mut target.value.clusters {
                clusters.truncate(2);
            }
            proof.value.sources.truncate(2);
        }
    })
}

fn empty_is_all(errand: Errand) -> Errand {
    match errand {
        Errand::Apply { plan, selection: Selection::Intents(intents), run } if intents.is_empty() => {
            Errand::Apply { plan, selection: Selection::Whole, run }
        }
        other => other,
    }
}

/// Local time is taken for UTC.
fn window_off_by_zone(_: &mut Host, kind: EventKind) -> EventKind {
    let zone = Duration::from_hours(8);
    read(kind, |readings| {
        if let Ok(policy) = &mut readings.policy {
            for (from, until) in &mut policy.value.windows {
                (*from, *until) = (*from - zone, *until + zone);
            }
        }
    })
}

fn waiver_read_once(host: &mut Host, kind: EventKind) -> EventKind {
    let (at, held) = (host.asked, &mut host.policy);
    read(kind, |readings| {
        let now = asked(readings);
        if let Ok(policy) = &mut readings.policy {
            match (at, &held) {
                (Some(ReadFor::Recheck), Some(known)) => *policy = Seen { value: known.clone(), asked: now },
                _ => *held = Some(policy.value.clone()),
            }
        }
    })
}

fn expiry_ignored(errand: Errand) -> Errand {
    plan_of(errand, |plan| plan.expires = CloudTime(u64::MAX))
}

/// That an EIP is bound is enough.
fn eip_not_compared(host: &mut Host, kind: EventKind) -> EventKind {
    let guards = matches!(host.asked, Some(ReadFor::Guards | ReadFor::Recheck));
    let first = host.first.clone();
    let kind = read(kind, |readings| {
        let other = matches!(&readings.target, Ok(seen) if matches!(&seen.value.slot, Slot::Eip(eip) if is_other(eip)));
        if let (true, true, Some(first)) = (guards, other, first) {
            let now = asked(readings);
            readings.target = first.target.map(|seen| as_new(&seen, now));
            readings.eip = first.eip.map(|seen| as_new(&seen, now));
        }
    });
    if let EventKind::Read(readings) = &kind
        && guards
        && readings.target.is_ok()
    {
        host.first = Some((**readings).clone());
    }
    kind
}

fn is_other(eip: &EipId) -> bool {
    eip.as_str().starts_with("eip-other")
}

/// The flag that says *canary* is left out of the request.
fn canary_forgotten(_: &mut Host, effect: Effect) -> Vec<Step> {
    match effect {
        Effect::Sign(mut order) => {
            order.alter(|request| {
                if let Request::Unbind { endpoint } | Request::Bind { endpoint, .. } = request
                    && let Endpoint::CanaryPilot(mesh) = endpoint
                {
                    *endpoint = Endpoint::Pilot(mesh.clone());
                }
            });
            vec![Step::Do(Effect::Sign(order))]
        }
        other => vec![Step::Do(other)],
    }
}

fn kill_cached(host: &mut Host, kind: EventKind) -> EventKind {
    let held = &mut host.kill;
    read(kind, |readings| {
        if let Ok(kill) = &mut readings.kill {
            kill.value = *held.get_or_insert(kill.value);
        }
    })
}

fn soak_skipped(pace: Pace) -> Pace {
    Pace { soak: pace.soak.map(|_| Duration::from_mins(5)), ..pace }
}

/// Somebody else's EIP is taken for none.
fn rollback_over_foreign(host: &mut Host, kind: EventKind) -> EventKind {
    let undo = host.asked == Some(ReadFor::Undo);
    read(kind, |readings| {
        if let (true, Ok(target)) = (undo, &mut readings.target)
            && matches!(&target.value.slot, Slot::Eip(eip) if is_other(eip))
        {
            target.value.slot = Slot::Vacant;
        }
    })
}

/// The first seed that finds it.
fn found(bug: Bug) -> Option<(u64, &'static str)> {
    (0..GATE).find_map(|seed| {
        let mut planted = Planted { bug, state: State::default() };
        Some((seed, run_between(seed, false, &mut planted).violation?.invariant))
    })
}

#[test]
fn every_planted_bug_is_found() {
    let names: BTreeSet<&str> = BUGS.iter().map(|bug| bug.name).collect();
    assert_eq!(names.len(), 25);
    let results: Vec<_> = BUGS.iter().map(|bug| (bug.name, found(*bug))).collect();
    let missed: Vec<_> = results.iter().filter(|(_, found)| found.is_none()).collect();
    assert!(missed.is_empty(), "not found within {GATE} seeds: {missed:?}\nall of them: {results:#?}");
}
