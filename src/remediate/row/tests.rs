//! What records fold into: at most one open case, and budgets, rate and breaker of an account.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{collections::BTreeMap, time::Duration};

use super::{
    Account, AccountRecord, Case, Credit, Debit, Dropped, Ended, Flag, NotExecuted, Opened, Outcome, Purpose, Resolved,
    RowError, TargetRecord, account_row, encode, target_row,
};
use crate::{
    model::{AccountId, ClusterId, EipId, LoadBalancerId, MeshId, RegionId},
    remediate::{Action, Change, CloudTime, Endpoint, Limits, Pace, Target},
    store::Record,
};

const NOW: CloudTime = CloudTime(1_700_000_000_000);

fn records<T: serde::Serialize>(of: &[T]) -> Vec<Record> {
    let record =
        |(at, record): (usize, &T)| Record { position: at as u64 + 1, epoch: 1, version: 1, body: encode(record) };
    of.iter().enumerate().map(record).collect()
}

fn action(intent: &str, endpoint: Endpoint) -> Action {
    Action {
        intent: intent.to_owned(),
        target: Target { account: AccountId::from("1"), region: RegionId::from("cn-hangzhou"), endpoint },
        change: Change::Unbind { eip: EipId::from("eip-1"), address: "198.51.100.1".to_owned() },
        load_balancer: LoadBalancerId::from("lb-1"),
        clusters: Vec::new(),
        evidence: Vec::new(),
        environment: "dev".to_owned(),
        group: intent.to_owned(),
        canary: false,
    }
}

fn pilot(mesh: &str) -> Endpoint {
    Endpoint::Pilot(MeshId::from(mesh))
}

fn opened(intent: &str) -> TargetRecord {
    TargetRecord::Opened(Box::new(Opened {
        action: action(intent, pilot("m")),
        plan: "p".to_owned(),
        run: "r".to_owned(),
        first_read: NOW,
        protected_before: false,
        baseline: BTreeMap::new(),
        behind: BTreeMap::new(),
        settings: BTreeMap::new(),
        proof: String::new(),
    }))
}

fn intent(write: u32, purpose: Purpose) -> TargetRecord {
    TargetRecord::Intent { write, purpose, sign_by: NOW }
}

fn fenced(write: u32) -> TargetRecord {
    TargetRecord::Resolved { write, how: Resolved::NotExecuted(NotExecuted::Fenced), at: NOW }
}

fn closed(outcome: Outcome) -> TargetRecord {
    TargetRecord::Closed { outcome, as_of: NOW }
}

#[test]
fn a_case_is_open_until_it_is_closed_and_attention_blocks_until_it_is_acknowledged() {
    let case = [opened("i"), intent(0, Purpose::Act), fenced(0)];
    let row = target_row(&records(&case)).unwrap();
    assert_eq!(row.open.unwrap().act(), Some(&Resolved::NotExecuted(NotExecuted::Fenced)));

    let mut all = case.to_vec();
    all.push(closed(Outcome::Attention));
    let row = target_row(&records(&all)).unwrap();
    assert!(row.open.is_none() && row.blocked);
    all.push(TargetRecord::Acknowledged { by: "somebody".to_owned(), at: NOW });
    let row = target_row(&records(&all)).unwrap();
    assert!(!row.blocked);
    assert_eq!(row.done.get("i"), Some(&Outcome::Attention));
}

#[test]
fn a_record_that_was_appended_twice_says_it_once() {
    let once = [
        opened("i"),
        intent(0, Purpose::Act),
        fenced(0),
        intent(1, Purpose::Act),
        fenced(1),
        closed(Outcome::NotExecuted),
    ];
    let twice: Vec<TargetRecord> = once.iter().flat_map(|record| [record.clone(), record.clone()]).collect();
    assert_eq!(target_row(&records(&twice)), target_row(&records(&once)));
}

#[test]
fn what_cannot_follow_is_an_error() {
    for wrong in [
        vec![intent(0, Purpose::Act)],
        vec![closed(Outcome::Mitigated)],
        vec![opened("i"), opened("j")],
        vec![opened("i"), intent(1, Purpose::Act)],
        vec![opened("i"), intent(0, Purpose::Act), intent(1, Purpose::Undo)],
        vec![opened("i"), fenced(0)],
    ] {
        assert!(matches!(target_row(&records(&wrong)), Err(RowError::Order { .. })), "{wrong:?}");
    }
}

#[test]
fn a_newer_or_an_unreadable_record_is_an_error() {
    let mut newer = records(&[opened("i")]);
    newer[0].version = 2;
    assert!(matches!(target_row(&newer), Err(RowError::Newer { version: 2, .. })));
    newer[0].version = 1;
    newer[0].body = b"{}".to_vec();
    assert!(matches!(target_row(&newer), Err(RowError::Unreadable { position: 1, .. })));
}

/// The ghost rule: an effect that is there proves nothing about a request whose answer never came.
#[test]
fn a_write_haunts_until_its_fence_unless_it_was_answered_or_never_sent() {
    let pace = Pace::default();
    let haunts = |more: Vec<TargetRecord>| {
        let mut all = vec![opened("i"), intent(0, Purpose::Act)];
        all.extend(more);
        target_row(&records(&all)).unwrap().open.unwrap().haunted_until(&pace)
    };
    let answered = |heard| TargetRecord::Answered { write: 0, heard, at: NOW };
    let effect = TargetRecord::Resolved { write: 0, how: Resolved::Effect, at: NOW };
    let fence = Some(NOW + Duration::from_mins(15) + Duration::from_secs(5 + 60 + 3));
    assert_eq!(haunts(vec![]), fence);
    assert_eq!(haunts(vec![effect.clone()]), fence);
    assert_eq!(haunts(vec![answered(super::Heard::Lost(String::new())), effect]), fence);
    assert_eq!(haunts(vec![answered(super::Heard::Accepted)]), Some(NOW + Duration::from_secs(5 + 60 + 3)));
    assert_eq!(haunts(vec![answered(super::Heard::Refused(String::new()))]), None);
    let dropped = Resolved::NotExecuted(NotExecuted::Dropped(Dropped::Stale));
    assert_eq!(haunts(vec![TargetRecord::Resolved { write: 0, how: dropped, at: NOW }]), None);
}

fn debit(action: &Action, plan: &str, at: CloudTime) -> AccountRecord {
    AccountRecord::Debit(Box::new(Debit {
        intent: action.intent.clone(),
        plan: plan.to_owned(),
        run: format!("run of {plan}"),
        target: action.target.clone(),
        environment: action.environment.clone(),
        group: action.group.clone(),
        depends: action.depends(),
        at,
    }))
}

fn ended(intent: &str, how: Ended) -> AccountRecord {
    AccountRecord::Ended { intent: intent.to_owned(), how, at: NOW }
}

fn account(of: &[AccountRecord]) -> Account {
    account_row(&records(of)).unwrap()
}

fn limits(per_run: u32, per_day: u32, dev: u32) -> Limits {
    Limits { per_run, per_day, per_environment: [("dev".to_owned(), dev)].into() }
}

fn asks(account: &Account, action: &Action, limits: &Limits) -> Credit {
    account.credit(action, ("p", "run of p"), limits, NOW, &Pace::default())
}

fn is_refused(credit: &Credit, word: &str) -> bool {
    matches!(credit, Credit::Refused { why, .. } if why.contains(word))
}

#[test]
fn zero_means_zero_and_a_budget_counts_a_day() {
    let (first, second) = (action("i", pilot("m1")), action("j", pilot("m2")));
    let empty = Account::default();
    assert_eq!(asks(&empty, &first, &limits(1, 1, 1)), Credit::Given);
    for none in [limits(0, 1, 1), limits(1, 0, 1), limits(1, 1, 0)] {
        assert!(is_refused(&asks(&empty, &first, &none), "no budget"), "{none:?}");
    }
    let hours = |hours| NOW - Duration::from_hours(hours);
    let of_another = |hours_ago| account(&[debit(&first, "other", hours(hours_ago))]);
    assert!(is_refused(&asks(&of_another(23), &second, &limits(9, 1, 9)), "a day"));
    assert_eq!(asks(&of_another(25), &second, &limits(9, 1, 9)), Credit::Given);
    assert_eq!(asks(&of_another(23), &second, &limits(1, 2, 9)), Credit::Given, "another run's");
    let own = account(&[debit(&first, "p", hours(1))]);
    assert!(is_refused(&asks(&own, &second, &limits(1, 9, 9)), "the run's"));
    assert_eq!(asks(&own, &first, &limits(1, 1, 1)), Credit::Given, "the same intent costs nothing twice");
}

#[test]
fn one_change_a_minute_one_api_server_at_a_time_and_one_of_a_group() {
    let plenty = limits(9, 9, 9);
    let cluster = |id: &str| action(id, Endpoint::ClusterApiServer(ClusterId::from(id)));
    let just = account(&[debit(&action("i", pilot("m1")), "p", NOW)]);
    // Announced within a minute, signed within another, and a minute between the two.
    assert_eq!(asks(&just, &action("j", pilot("m2")), &plenty), Credit::Later(NOW + Duration::from_mins(3)));

    let rolling = account(&[debit(&cluster("c1"), "p", NOW - Duration::from_mins(10))]);
    assert!(matches!(asks(&rolling, &cluster("c2"), &plenty), Credit::Later(_)));
    assert_eq!(asks(&rolling, &action("j", pilot("m2")), &plenty), Credit::Given);
    let rolled = account(&[debit(&cluster("c1"), "p", NOW - Duration::from_mins(10)), ended("c1", Ended::Verified)]);
    assert_eq!(asks(&rolled, &cluster("c2"), &plenty), Credit::Given);

    let mut other = action("j", pilot("m2"));
    other.group = "i".to_owned();
    let grouped = account(&[debit(&action("i", pilot("m1")), "p", NOW - Duration::from_hours(1))]);
    assert!(is_refused(&asks(&grouped, &other, &plenty), "group"));
}

#[test]
fn the_breaker_opens_at_the_first_that_goes_wrong_and_a_named_operator_closes_it() {
    let plenty = limits(9, 9, 9);
    let next = action("next", pilot("m2"));
    let nothing = || Ended::Closed(Outcome::NotExecuted);
    for opens in [
        vec![ended("i", Ended::Tripped)],
        vec![ended("i", Ended::Closed(Outcome::Attention))],
        vec![ended("i", Ended::Closed(Outcome::RolledBack))],
        vec![ended("i", nothing()), ended("j", nothing())],
    ] {
        assert!(is_refused(&asks(&account(&opens), &next, &plenty), "breaker"), "{opens:?}");
        let mut closed = opens.clone();
        closed.push(AccountRecord::BreakerClosed { by: "somebody".to_owned(), at: NOW });
        assert_eq!(asks(&account(&closed), &next, &plenty), Credit::Given);
        // Told once more, it is no news.
        closed.push(opens[0].clone());
        assert_eq!(asks(&account(&closed), &next, &plenty), Credit::Given);
    }
    for stays in [
        vec![ended("i", nothing())],
        vec![ended("i", nothing()), ended("j", Ended::Verified), ended("k", nothing())],
        vec![ended("i", Ended::Closed(Outcome::Mitigated))],
    ] {
        assert_eq!(asks(&account(&stays), &next, &plenty), Credit::Given, "{stays:?}");
    }
    let killed = account(&[AccountRecord::Kill { on: true, by: "somebody".to_owned(), at: NOW }]);
    assert!(is_refused(&asks(&killed, &next, &plenty), "kill switch"));
}

#[test]
fn a_plan_is_one_runs_and_components_of_a_mesh_rest_a_day() {
    let first = action("i", pilot("m"));
    let other_run = AccountRecord::Debit(Box::new(Debit {
        run: "another".to_owned(),
        ..match debit(&first, "p", NOW - Duration::from_hours(2)) {
            AccountRecord::Debit(debit) => *debit,
            _ => unreachable!("it is a debit"),
        }
    }));
    assert!(is_refused(
        &asks(&account(&[other_run]), &action("j", pilot("m2")), &limits(9, 9, 9)),
        "carries this plan out"
    ));

    let sibling = action("j", Endpoint::MeshApiServer(MeshId::from("m"))).target;
    let pace = Pace::default();
    let changed = |hours, more: &[AccountRecord]| {
        let mut all = vec![debit(&first, "p", NOW - Duration::from_hours(hours))];
        all.extend_from_slice(more);
        account(&all).component_changed(&sibling, NOW, &pace).is_some()
    };
    assert!(changed(24, &[]));
    assert!(!changed(25, &[]));
    assert!(!changed(24, &[ended("i", Ended::Closed(Outcome::NotExecuted))]), "nothing was changed");
    assert!(account(&[debit(&first, "p", NOW)]).component_changed(&first.target, NOW, &pace).is_none(), "itself");
}

#[test]
fn an_intent_is_one_plans() {
    let first = action("i", pilot("m"));
    let held = account(&[debit(&first, "another", NOW - Duration::from_hours(48))]);
    assert!(is_refused(&asks(&held, &action("i", pilot("m2")), &limits(9, 9, 9)), "plan another holds the intent i"));
}

/// The name of a group is that of one who is in it, and changes with who joins.
#[test]
fn a_group_is_who_is_in_it() {
    let with = |intent: &str, mesh: &str, clusters: &[&str]| Action {
        clusters: clusters.iter().map(|id| (*id).to_owned()).collect(),
        ..action(intent, pilot(mesh))
    };
    let changed = account(&[debit(&with("i", "m", &["c1", "c2"]), "another", NOW - Duration::from_hours(2))]);
    let plenty = limits(9, 9, 9);
    assert!(is_refused(&asks(&changed, &with("j", "m2", &["c0", "c1"]), &plenty), "was changed"));
    assert_eq!(asks(&changed, &with("j", "m2", &["c0"]), &plenty), Credit::Given);
    // Records of before say nothing of it.
    let old = serde_json::json!({"intent": "i", "plan": "p", "run": "r", "target": action("i", pilot("m")).target,
        "environment": "dev", "group": "g", "at": NOW});
    assert!(serde_json::from_value::<Debit>(old).unwrap().depends.is_empty());
}

#[test]
fn an_intent_is_pending_until_its_end_is_told() {
    let first = action("i", pilot("m"));
    let pending = |more: &[AccountRecord]| {
        let mut all = vec![debit(&first, "p", NOW)];
        all.extend_from_slice(more);
        !account(&all).pending().is_empty()
    };
    assert!(pending(&[]));
    assert!(pending(&[ended("i", Ended::Verified)]));
    assert!(pending(&[ended("i", Ended::Tripped)]));
    assert!(!pending(&[ended("i", Ended::Closed(Outcome::Mitigated))]));
    assert!(!pending(&[ended("i", Ended::NeverOpened)]));
    assert!(pending(&[ended("i", Ended::NeverOpened), debit(&first, "p", NOW)]), "begun again");
}

fn done(write: u32) -> TargetRecord {
    TargetRecord::Resolved { write, how: Resolved::Effect, at: NOW }
}

fn unhealthy() -> TargetRecord {
    TargetRecord::Unhealthy { why: "proxies have not connected again".to_owned(), at: NOW }
}

#[test]
fn a_case_that_needed_attention_is_taken_up_once() {
    let flag = Flag::NoWayBack("G3: the EIP is locked".to_owned());
    let mut said = vec![opened("a"), intent(0, Purpose::Act), done(0), unhealthy()];
    said.extend([TargetRecord::Flagged { flag, at: NOW }, closed(Outcome::Attention)]);
    let row = target_row(&records(&said)).unwrap();
    assert!(row.blocked && row.open.is_none(), "{row:?}");
    assert!(row.attention.as_deref().is_some_and(Case::is_dark), "{row:?}");
    let taken = TargetRecord::TakenUp { at: NOW };
    for _ in 0..2 {
        said.push(taken.clone());
        let row = target_row(&records(&said)).unwrap();
        let case = row.open.as_ref().unwrap();
        assert!(!row.blocked && row.attention.is_none() && row.done.is_empty(), "{row:?}");
        assert!(case.flags.is_empty() && case.unhealthy.is_some() && case.is_dark(), "{case:?}");
    }
    said.extend([intent(1, Purpose::Undo), done(1), closed(Outcome::RolledBack)]);
    let row = target_row(&records(&said)).unwrap();
    assert_eq!((row.blocked, row.done.get("a")), (false, Some(&Outcome::RolledBack)));
    said.push(taken);
    assert!(matches!(target_row(&records(&said)), Err(RowError::Order { .. })));
}

/// What was sent before somebody asked again does not count, nor what was never sent.
#[test]
fn ways_back_are_counted_from_when_they_were_asked_for() {
    let dropped = |write| TargetRecord::Resolved {
        write,
        how: Resolved::NotExecuted(NotExecuted::Dropped(Dropped::Stale)),
        at: NOW,
    };
    let mut said = vec![opened("a"), intent(0, Purpose::Act), done(0), unhealthy()];
    said.extend([intent(1, Purpose::Undo), dropped(1), intent(2, Purpose::Undo), fenced(2)]);
    said.push(TargetRecord::Barred { why: "no".to_owned(), at: NOW });
    let case = |said: &[TargetRecord]| target_row(&records(said)).unwrap().open.unwrap();
    assert_eq!((case(&said).ways_back().count(), case(&said).barred.is_some()), (1, true));
    said.push(unhealthy());
    assert_eq!((case(&said).ways_back().count(), case(&said).barred.is_some()), (0, false));
}

#[test]
fn what_is_taken_up_is_pending_again() {
    let of = |how| AccountRecord::Ended { intent: "a".to_owned(), how, at: NOW };
    let mut said = vec![debit(&action("a", pilot("m")), "p", NOW), of(Ended::Closed(Outcome::Attention))];
    assert!(account_row(&records(&said)).unwrap().pending().is_empty());
    said.push(AccountRecord::BreakerClosed { by: "carol".to_owned(), at: NOW });
    said.push(of(Ended::TakenUp));
    assert_eq!(account_row(&records(&said)).unwrap().pending().len(), 1);
    said.push(of(Ended::Closed(Outcome::RolledBack)));
    let account = account_row(&records(&said)).unwrap();
    assert!(account.pending().is_empty());
    assert_eq!(account.breaker(), None, "it was looked at before it was taken up");
}

/// One of them without its answer is enough to wait for; said twice it is said once.
#[test]
fn what_insures_the_way_back_is_waited_for_as_long_as_it_may_come_about() {
    let pace = Pace::default();
    let until = |more: &[TargetRecord]| {
        let mut all = vec![opened("i")];
        all.extend(more.iter().cloned());
        target_row(&records(&all)).unwrap().open.unwrap().prepared_until(&pace)
    };
    let preparing = |call| TargetRecord::Preparing { call, sign_by: NOW };
    let answered = |call, heard| TargetRecord::PreparationAnswered { call, heard, at: NOW };
    let (fence, accepted) = (Some(NOW + pace.fence()), Some(NOW + pace.accepted_fence()));
    assert_eq!(until(&[]), None);
    assert_eq!(until(&[preparing(0)]), fence);
    assert_eq!(until(&[preparing(0), answered(0, super::Heard::Accepted)]), accepted);
    assert_eq!(until(&[preparing(0), answered(0, super::Heard::Refused(String::new()))]), None);
    let both = [preparing(0), preparing(0), preparing(1), answered(1, super::Heard::Accepted)];
    assert_eq!(until(&both), fence);
    let wrong = [opened("i"), preparing(1)];
    assert!(matches!(target_row(&records(&wrong)), Err(RowError::Order { .. })));
}

/// There is no way back any more, which cuts nobody off who needs none.
#[test]
fn a_released_eip_needs_a_person_and_is_dark_only_where_somebody_is_cut_off() {
    let gone = TargetRecord::Flagged { flag: Flag::EipGone(EipId::from("eip-1")), at: NOW };
    let case = |said: Vec<TargetRecord>| *target_row(&records(&said)).unwrap().attention.unwrap();
    let end = closed(Outcome::Attention);
    let healthy = case(vec![opened("a"), intent(0, Purpose::Act), done(0), gone.clone(), end.clone()]);
    assert_eq!((healthy.eip_gone().is_some(), healthy.is_dark()), (true, false));
    let cut_off = case(vec![opened("a"), intent(0, Purpose::Act), done(0), unhealthy(), gone, end]);
    assert_eq!((cut_off.eip_gone().is_some(), cut_off.is_dark()), (true, true));
}
