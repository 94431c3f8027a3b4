//! What opens the breaker is told to the account, and what is not begun because of it is told to whoever asked for it.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{collections::BTreeMap, sync::Arc};

use chrono::DateTime;

use super::{Errand, Runner, Verdict};
use crate::{
    model::EipId,
    remediate::{
        Account, AccountRecord, Action, Change, ClockReading, CloudTime, Effect, End, Endpoint, Event, EventKind,
        Limits, Mode, Mono, Pace, Plan, Readings, Replies, Selection, Stopped, StoppedBy, Target, account_row,
        row::ROW_VERSION,
    },
    store::{Acquired, Appended, Lease, Record},
};

fn action(number: u32) -> Arc<Action> {
    Arc::new(Action {
        intent: format!("intent-{number}"),
        target: Target {
            account: "1000000000000001".into(),
            region: "cn-shanghai".into(),
            endpoint: Endpoint::Pilot(format!("mesh-{number}").into()),
        },
        change: Change::Unbind { eip: EipId::from("eip-1"), address: "203.0.113.8".to_owned() },
        load_balancer: "lb-1".into(),
        clusters: Vec::new(),
        evidence: Vec::new(),
        environment: "dev".to_owned(),
        group: format!("group-{number}"),
        canary: number == 0,
    })
}

fn plan() -> Arc<Plan> {
    let limits = Limits { per_run: 9, per_day: 9, per_environment: BTreeMap::from([("dev".to_owned(), 9)]) };
    Arc::new(Plan {
        id: "plan".to_owned(),
        account: "1000000000000001".into(),
        not_before: CloudTime(0),
        expires: CloudTime(u64::MAX),
        mode: Mode::Attended,
        limits,
        actions: vec![action(0), action(1)],
    })
}

fn runner() -> Runner {
    let errand = Errand::Apply { plan: plan(), selection: Selection::Whole, run: "run".to_owned() };
    Runner::new(errand, "host".to_owned(), Arc::new(Pace::default()))
}

fn lease(row: &str) -> Lease {
    Lease { name: row.to_owned(), holder: "other".to_owned(), epoch: 7, expires_at: DateTime::default() }
}

/// Plays it with a target whose lease somebody else has, replies of which so many were throttled, and an account's row
/// that takes records. Gives the row, and what everything ended as.
fn played(throttled: u64, tells_time: bool) -> (Account, Runner) {
    let mut runner = runner();
    let (mut now, mut rows): (Mono, Vec<Record>) = (Mono(0), Vec::new());
    let mut kind = EventKind::Started;
    for _ in 0..1000 {
        now = Mono(now.0 + 10);
        let Some(effect) = runner.step(Event { now, kind }).pop() else { break };
        kind = match effect {
            Effect::Records { .. } => EventKind::Records(Ok(Vec::new())),
            Effect::Read { .. } => {
                let clock = ClockReading {
                    cloud: CloudTime(9_000_000),
                    grain: Default::default(),
                    ahead: Default::default(),
                    asked: now,
                    answered: now,
                    offset: Default::default(),
                };
                let replies = Replies { all: 100, throttled };
                let clock = tells_time.then_some(clock);
                EventKind::Read(Box::new(Readings { clock, replies, ..Readings::default() }))
            }
            Effect::Acquire { row, .. } if row.starts_with("account/") => {
                EventKind::Leased(Ok(Acquired::Ours(lease(&row))))
            }
            Effect::Acquire { row, .. } => EventKind::Leased(Ok(Acquired::HeldBy(lease(&row)))),
            Effect::Append { row, epoch, version, body } => {
                assert_eq!((row.as_str(), epoch, version), ("account/1000000000000001", 7, ROW_VERSION));
                let position = rows.len() as u64;
                rows.push(Record { position, epoch, version, body });
                EventKind::Appended(Ok(Appended::At(position)))
            }
            Effect::Sleep { until } => {
                now = until;
                EventKind::Woke
            }
            Effect::End(_) => break,
            other => panic!("{other:?}"),
        };
    }
    assert!(runner.finished());
    (account_row(&rows).unwrap(), runner)
}

#[test]
fn replies_that_were_throttled_open_the_breaker_for_everybody() {
    let (account, runner) = played(47, true);
    assert_eq!(account.breaker(), Some("more than 30 % of the replies were throttled"));
    let ends: Vec<&End> = runner.ends().iter().map(|(_, end)| end).collect();
    assert!(matches!(ends.as_slice(), [End::LockHeld, End::NotStarted(_)]), "{ends:?}");
    assert_eq!(runner.verdict(), Verdict::Stopped);
    // An operator closes it.
    let mut account = account;
    account.apply(AccountRecord::BreakerClosed { by: "carol".to_owned(), at: CloudTime(1) });
    assert_eq!(account.breaker(), None);
}

#[test]
fn a_share_that_is_usual_opens_nothing() {
    let (account, runner) = played(30, true);
    assert_eq!((account.breaker(), runner.breaker()), (None, None));
    assert!(runner.ends().iter().all(|(_, end)| *end == End::LockHeld), "{:?}", runner.ends());
}

/// A first change that somebody else has held for so long is not known to be well: nothing follows it.
#[test]
fn nothing_follows_a_canary_that_somebody_else_has_in_hand() {
    let mut runner = runner();
    let soaking = |due| End::Soaking { intent: "intent-0".to_owned(), since: CloudTime(0), due: CloudTime(due) };
    runner.queue = super::fresh_jobs(&plan(), &Selection::Whole, "run");
    let mut out = Vec::new();
    let first = runner.queue.pop_front().unwrap().target().clone();
    runner.ended(first.clone(), soaking(300_000), Mono(1), &mut out);
    assert!(runner.waits_for_canary() && matches!(out.as_slice(), [Effect::Sleep { .. }]), "{out:?}");
    // The check that is due finds the lease in other hands.
    runner.asleep = None;
    runner.ended(first, End::LockHeld, Mono(400_000), &mut out);
    assert!(matches!(out.last(), Some(Effect::End(_))) && runner.finished(), "{out:?}");
    let ends: Vec<&End> = runner.ends().iter().map(|(_, end)| end).collect();
    assert!(matches!(ends.as_slice(), [End::LockHeld, End::NotStarted(_)]), "{ends:?}");
    assert_eq!(runner.verdict(), Verdict::Stopped);
}

/// Without the cloud's time nothing that is read can be dated: no action is tried, and no journal is to blame.
#[test]
fn without_the_clouds_time_nothing_is_begun() {
    let (_, runner) = played(0, false);
    let by_clock = |end: &End| matches!(end, End::Stopped(Stopped { by: StoppedBy::Clock, .. }));
    assert_eq!(runner.ends().len(), 2);
    assert!(runner.ends().iter().all(|(_, end)| by_clock(end)), "{:?}", runner.ends());
    assert_eq!(runner.verdict(), Verdict::Unread);
}
