//! What is dropped, and what never is.

use portcullis::store::Retention;

use super::{HANGZHOU, Place, at, checks, ids, memory, run, run_of, saved};

checks![
    old_runs_are_dropped_and_what_is_remembered_stays,
    only_so_many_runs_are_kept_of_every_set_of_accounts,
    the_newest_run_of_every_set_of_accounts_stays,
    a_run_of_the_future_erases_nothing,
    the_run_that_is_saved_is_never_the_one_that_is_dropped,
];

const DAY: i64 = 24;

fn old_runs_are_dropped_and_what_is_remembered_stays(place: &Place) {
    let mut store = place.keeping(Retention { keep_days: Some(30), keep_runs: None });
    let first = saved(&mut *store, run(0, &[HANGZHOU], &["a"]));
    saved(&mut *store, run(DAY, &[HANGZHOU], &["a"]));
    saved(&mut *store, run(30 * DAY, &[HANGZHOU], &["a"]));
    assert_eq!(ids(&*store).len(), 3, "exactly thirty days are not more than thirty");
    saved(&mut *store, run(30 * DAY + 1, &[HANGZHOU], &["a"]));
    assert_eq!(ids(&*store).len(), 3);
    assert_eq!(store.run(&first.header.id).expect("it reads"), None);
    assert_eq!(memory(&*store, "a").first_seen, at(0));
    saved(&mut *store, run(30 * DAY + 2, &[HANGZHOU], &[]));
    saved(&mut *store, run(90 * DAY, &[HANGZHOU], &[]));
    assert_eq!(ids(&*store).len(), 1);
    let closings = store.closings().expect("it reads");
    assert_eq!((closings.len(), closings[0].opened_at, closings[0].closed_at), (1, at(0), at(30 * DAY + 2)));
}

fn only_so_many_runs_are_kept_of_every_set_of_accounts(place: &Place) {
    let mut store = place.keeping(Retention { keep_days: None, keep_runs: Some(2) });
    for hour in 1..=5 {
        saved(&mut *store, run(hour, &[HANGZHOU], &[]));
        saved(&mut *store, run_of("2", hour, &[HANGZHOU], &[]));
    }
    let kept: Vec<_> = [(5, "2"), (5, super::ACCOUNT), (4, "2"), (4, super::ACCOUNT)]
        .map(|(hour, account)| run_of(account, hour, &[], &[]).header.id)
        .into();
    assert_eq!(ids(&*store), kept);
}

fn the_newest_run_of_every_set_of_accounts_stays(place: &Place) {
    let mut store = place.keeping(Retention { keep_days: Some(1), keep_runs: Some(1) });
    let alone = saved(&mut *store, run_of("2", 0, &[HANGZHOU], &["a"]));
    let mut both = run_of("2", 1, &[HANGZHOU], &[]);
    both.coverage.scanned(super::unit("3", HANGZHOU));
    let both = saved(&mut *store, both);
    let last = saved(&mut *store, run(100 * DAY, &[HANGZHOU], &[]));
    assert_eq!(ids(&*store), [last.header.id, both.header.id, alone.header.id.clone()]);
    assert_eq!(store.run(&alone.header.id).expect("it reads"), Some(alone));
}

/// A snapshot can claim any day; when it was judged is what counts.
fn a_run_of_the_future_erases_nothing(place: &Place) {
    let mut store = place.keeping(Retention { keep_days: Some(7), keep_runs: None });
    saved(&mut *store, run(1, &[HANGZHOU], &[]));
    saved(&mut *store, run(2, &[HANGZHOU], &[]));
    let mut future = run(3, &[HANGZHOU], &[]);
    future.header.started_at = at(1000 * DAY);
    saved(&mut *store, future);
    assert_eq!(ids(&*store).len(), 3);
}

fn the_run_that_is_saved_is_never_the_one_that_is_dropped(place: &Place) {
    let mut store = place.keeping(Retention { keep_days: Some(1), keep_runs: Some(1) });
    saved(&mut *store, run(100 * DAY, &[HANGZHOU], &[]));
    let old = saved(&mut *store, run(1, &[HANGZHOU], &[]));
    assert_eq!(ids(&*store), [old.header.id]);
}
