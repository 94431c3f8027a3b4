//! Runs come back, and what is remembered of findings follows what was read.

use portcullis::{
    findings::FindingStatus,
    model::{Caller, Coverage, Gap, Unit, UnitState},
    store::{Store, StoreError},
};

use super::{ACCOUNT, HANGZHOU, Place, at, checks, ids, memory, run, run_of, saved, unit};

checks![
    a_run_comes_back_as_it_was,
    the_beginning_of_an_id_is_enough_while_it_is_unique,
    only_open_findings_count_by_severity,
    first_seen_is_remembered_and_fixed_findings_come_back_as_reopened,
    what_was_not_looked_at_stays_as_it_was,
    a_run_of_an_earlier_day_saved_late_only_widens_the_span,
    the_run_before_is_one_of_the_same_accounts,
    what_no_rule_looked_for_is_not_remembered_as_fixed,
    waivers_of_another_runner_are_not_remembered_as_fixed,
    a_run_is_never_kept_twice_and_the_second_time_changes_nothing,
    any_text_can_be_kept,
    times_are_the_same_to_the_millisecond,
];

fn a_run_comes_back_as_it_was(place: &Place) {
    let kept = saved(&mut *place.store(), run(1, &[HANGZHOU], &["a", "b"]));
    let store = place.store();
    assert_eq!(store.latest().expect("it reads"), Some(kept.clone()));
    assert_eq!(store.run(&kept.header.id).expect("it reads"), Some(kept));
    assert_eq!(store.run("nothing").expect("it reads"), None);
}

fn the_beginning_of_an_id_is_enough_while_it_is_unique(place: &Place) {
    let mut store = place.store();
    assert_eq!(store.latest().expect("it reads"), None);
    saved(&mut *store, run(1, &[], &[]));
    assert!(store.run("0193").expect("it reads").is_some());
    let second = saved(&mut *store, run(2, &[], &[]));
    assert!(matches!(store.run("0193"), Err(StoreError::Ambiguous { .. })));
    assert!(store.run(&second.header.id).expect("it reads").is_some());
    assert!(store.run("0193_").expect("no pattern").is_none());
    assert!(store.run("0193%").expect("no pattern").is_none());
}

fn only_open_findings_count_by_severity(place: &Place) {
    let mut store = place.store();
    let mut mixed = run(1, &[HANGZHOU], &["a", "b", "c", "d"]);
    mixed.findings[1].status = FindingStatus::Unknown;
    mixed.findings[2].status = FindingStatus::Waived;
    saved(&mut *store, mixed);
    let listed = store.runs(1).expect("it reads");
    assert_eq!((listed[0].findings, listed[0].undecided, listed[0].waived), ([0, 2, 0, 0, 0], 1, 1));
    assert_eq!(
        (listed[0].started_at, listed[0].exit_code, &*listed[0].accounts),
        (at(1), 1, &[ACCOUNT.to_owned()][..])
    );
}

fn first_seen_is_remembered_and_fixed_findings_come_back_as_reopened(place: &Place) {
    let mut store = place.store();
    let first = saved(&mut *store, run(1, &[HANGZHOU], &["a"]));
    assert_eq!(first.findings[0].first_seen, Some(at(1)));
    assert_eq!(saved(&mut *store, run(2, &[HANGZHOU], &["a"])).findings[0].first_seen, Some(at(1)));
    saved(&mut *store, run(3, &[HANGZHOU], &[]));
    let fixed = memory(&*store, "a");
    assert_eq!((fixed.last_seen, fixed.fixed_at, fixed.reopened_at), (at(2), Some(at(3)), None));
    assert_eq!(store.reopened().expect("it reads"), []);
    let again = saved(&mut *store, run(4, &[HANGZHOU], &["a"]));
    assert_eq!(again.findings[0].first_seen, Some(at(1)));
    let back = store.reopened().expect("it reads");
    assert_eq!(back.len(), 1);
    assert_eq!((back[0].fixed_at, back[0].reopened_at, back[0].reopenings), (None, Some(at(4)), 1));
    assert_eq!(store.latest().expect("it reads").expect("kept").findings[0].first_seen, Some(at(1)));
}

fn what_was_not_looked_at_stays_as_it_was(place: &Place) {
    let mut store = place.store();
    saved(&mut *store, run(1, &[HANGZHOU], &["a"]));
    let untouched = |store: &dyn Store| {
        let memory = memory(store, "a");
        assert_eq!((memory.last_seen, memory.fixed_at), (at(1), None));
        assert_eq!(store.closings().expect("it reads"), []);
    };
    // Another region.
    saved(&mut *store, run(2, &["cn-shanghai"], &[]));
    untouched(&*store);
    // The region, but something in it was denied.
    let mut denied = run(3, &[HANGZHOU], &[]);
    denied.coverage.gap(Gap {
        unit: Unit::new(&ACCOUNT.into(), &HANGZHOU.into(), "slb", "DescribeLoadBalancers", ""),
        state: UnitState::Denied,
        code: "Forbidden.RAM".to_owned(),
        message: String::new(),
        request_id: String::new(),
    });
    saved(&mut *store, denied);
    untouched(&*store);
    let listed = store.runs(1).expect("it reads");
    assert_eq!((listed[0].complete, listed[0].planned, listed[0].scanned), (false, 2, 1));
    // Cut short by a signal.
    let mut cut = run(4, &[HANGZHOU], &[]);
    cut.header.interrupted = true;
    saved(&mut *store, cut);
    untouched(&*store);
    // Another account.
    saved(&mut *store, run_of("2", 5, &[HANGZHOU], &[]));
    untouched(&*store);
}

fn a_run_of_an_earlier_day_saved_late_only_widens_the_span(place: &Place) {
    let mut store = place.store();
    saved(&mut *store, run(3, &[HANGZHOU], &["a"]));
    saved(&mut *store, run(2, &[HANGZHOU], &[]));
    let narrow = memory(&*store, "a");
    assert_eq!((narrow.first_seen, narrow.last_seen, narrow.fixed_at), (at(3), at(3), None));
    saved(&mut *store, run(1, &[HANGZHOU], &["a"]));
    let wide = memory(&*store, "a");
    assert_eq!((wide.first_seen, wide.last_seen, wide.fixed_at), (at(1), at(3), None));
}

fn the_run_before_is_one_of_the_same_accounts(place: &Place) {
    let mut store = place.store();
    let first = saved(&mut *store, run(1, &[HANGZHOU], &[]));
    saved(&mut *store, run_of("2", 2, &[HANGZHOU], &[]));
    let last = saved(&mut *store, run(3, &[HANGZHOU], &[]));
    let before = store.before(&last.header.id).expect("it reads").expect("there is one");
    assert_eq!(before.header.id, first.header.id);
    assert_eq!(store.before(&first.header.id).expect("it reads"), None);
    assert_eq!(ids(&*store).len(), 3);
    assert_eq!(store.runs(2).expect("it reads").len(), 2);
    assert_eq!(ids(&*store)[0], last.header.id);
}

fn what_no_rule_looked_for_is_not_remembered_as_fixed(place: &Place) {
    let mut store = place.store();
    saved(&mut *store, run(1, &[HANGZHOU], &["a"]));
    let mut disabled = run(2, &[HANGZHOU], &[]);
    disabled.header.rules = ["b".to_owned()].into();
    saved(&mut *store, disabled);
    assert_eq!(memory(&*store, "a").fixed_at, None);
}

/// A waiver's upkeep is judged by the waiver file of a runner: another runner, with another file and
/// other accounts, did not look at it.
fn waivers_of_another_runner_are_not_remembered_as_fixed(place: &Place) {
    let mut store = place.store();
    let mut with_unused = run(1, &[HANGZHOU], &["unused"]);
    with_unused.findings[0].subject.resource_kind = portcullis::model::ResourceKind::Waiver;
    with_unused.findings[0].subject.account_id = "".into();
    with_unused.findings[0].subject.region_id = "".into();
    saved(&mut *store, with_unused);
    saved(&mut *store, run_of("2", 2, &[HANGZHOU], &[]));
    assert_eq!(memory(&*store, "unused").fixed_at, None);
    saved(&mut *store, run(3, &[HANGZHOU], &[]));
    assert_eq!(memory(&*store, "unused").fixed_at, Some(at(3)));
}

fn a_run_is_never_kept_twice_and_the_second_time_changes_nothing(place: &Place) {
    let mut store = place.store();
    saved(&mut *store, run(1, &[HANGZHOU], &["a"]));
    let mut same = run(2, &[HANGZHOU], &["b"]);
    same.header.id = run(1, &[], &[]).header.id;
    let before = same.clone();
    assert!(store.save_run(&mut same).is_err());
    assert_eq!(same, before);
    assert_eq!((store.memory("v1:b").expect("it reads"), memory(&*store, "a").fixed_at), (None, None));
    assert_eq!(ids(&*store).len(), 1);
    // And it goes on.
    saved(&mut *store, run(3, &[HANGZHOU], &["a"]));
    assert_eq!(memory(&*store, "a").last_seen, at(3));
}

fn any_text_can_be_kept(place: &Place) {
    let mut store = place.store();
    let mut odd = run(1, &[], &["a", "a"]);
    odd.findings[0].title = "zero \0, quote ' and \u{202e}".into();
    odd.findings[0].subject.resource_id = format!("eip-{}\0", "x".repeat(9000));
    odd.header.caller.push(Caller { account_id: "zero\0".into(), arn: String::new() });
    odd.coverage.gap(Gap {
        unit: Unit::new(&ACCOUNT.into(), &HANGZHOU.into(), "slb", "Describe\0", &"y".repeat(9000)),
        state: UnitState::Failed,
        code: "zero \0".to_owned(),
        message: String::new(),
        request_id: String::new(),
    });
    let kept = saved(&mut *store, odd);
    assert_eq!(store.latest().expect("it reads"), Some(kept));
}

fn times_are_the_same_to_the_millisecond(place: &Place) {
    let mut store = place.store();
    let mut precise = run(1, &[HANGZHOU], &["a"]);
    precise.header.started_at += chrono::TimeDelta::nanoseconds(123_456_789);
    precise.coverage = Coverage::default();
    precise.coverage.scanned(unit(ACCOUNT, HANGZHOU));
    let first_seen = saved(&mut *store, precise).findings[0].first_seen;
    assert_eq!(first_seen, Some(at(1) + chrono::TimeDelta::milliseconds(123)));
    assert_eq!(memory(&*store, "a").last_seen, at(1) + chrono::TimeDelta::milliseconds(123));
}
