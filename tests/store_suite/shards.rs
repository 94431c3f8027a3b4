//! Runs of several shards: the first plan counts, the last claim counts, and a part is finished once.

use portcullis::store::{Finished, Part, Retention, ShardClaim, Store};

use super::{HANGZHOU, Place, at, checks, run, saved};

checks![
    the_plan_of_who_comes_first_counts,
    of_many_who_begin_at_once_one_plan_counts,
    a_shard_of_no_run_cannot_be_claimed,
    a_claim_ends_the_one_before,
    a_part_is_finished_once,
    parts_are_of_their_run_and_round,
    of_many_who_finish_a_part_at_once_one_is_kept,
    a_merged_run_takes_nothing_more,
    what_nobody_merged_is_dropped_after_a_week,
    what_nobody_merged_is_dropped_with_the_runs_of_its_time,
];

fn begun(store: &mut dyn Store, name: &str, plan: &[u8]) -> Vec<u8> {
    store.begin_shared_run(name, 1, plan, at(0)).expect("it answers").plan
}

fn claimed(store: &mut dyn Store, run: &str, shard: u32) -> ShardClaim {
    store.claim_shard(run, shard, "a process", at(0)).expect("it answers").expect("the run is under way")
}

fn part(round: u32, name: &str, body: &[u8]) -> Part {
    Part { round, name: name.to_owned(), version: 1, body: body.to_vec() }
}

fn finished(store: &mut dyn Store, claim: &ShardClaim, part: &Part) -> Finished {
    store.finish_part(claim, part).expect("it answers")
}

fn the_plan_of_who_comes_first_counts(place: &Place) {
    let (mut one, mut two) = (place.store(), place.store());
    assert_eq!(one.shared_run("nightly").expect("it answers"), None);
    let begun = one.begin_shared_run("nightly", 7, b"one\0\xff", at(0)).expect("it answers");
    assert_eq!((&*begun.name, begun.began_at, begun.version), ("nightly", at(0), 7));
    assert_eq!((&*begun.plan, &begun.merged_as), (&b"one\0\xff"[..], &None));
    assert_eq!(two.begin_shared_run("nightly", 8, b"two", at(1)).expect("it answers"), begun);
    assert_eq!(two.shared_run("nightly").expect("it answers"), Some(begun));
    // Another name is another run.
    assert_eq!(two.begin_shared_run("Nightly", 1, b"two", at(1)).expect("it answers").plan, b"two");
}

fn of_many_who_begin_at_once_one_plan_counts(place: &Place) {
    drop(place.store());
    let begin = |number: u8| begun(&mut *place.store(), "nightly", &[number]);
    let plans: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|number| scope.spawn(move || begin(number))).collect();
        asked.into_iter().map(|one| one.join().expect("it answers")).collect()
    });
    assert!(plans.iter().all(|plan| *plan == plans[0]), "{plans:?}");
}

fn a_shard_of_no_run_cannot_be_claimed(place: &Place) {
    let mut store = place.store();
    assert_eq!(store.claim_shard("nightly", 0, "a process", at(0)).expect("it answers"), None);
    assert_eq!(store.shard_claims("nightly").expect("it answers"), []);
    assert!(!store.end_shared_run("nightly", "run-1").expect("it answers"));
}

fn a_claim_ends_the_one_before(place: &Place) {
    let (mut one, mut two) = (place.store(), place.store());
    begun(&mut *one, "nightly", b"");
    let first = claimed(&mut *one, "nightly", 2);
    assert_eq!((&*first.run, first.shard, first.epoch), ("nightly", 2, 1));
    assert_eq!(finished(&mut *one, &first, &part(1, "a", b"first")), Finished::Kept);
    // Not even the same name makes two processes one.
    let second = claimed(&mut *two, "nightly", 2);
    assert_eq!(second.epoch, 2);
    assert_eq!(finished(&mut *one, &first, &part(1, "b", b"first")), Finished::Superseded);
    assert_eq!(finished(&mut *one, &first, &part(1, "a", b"first")), Finished::Superseded);
    assert_eq!(finished(&mut *two, &second, &part(1, "b", b"second")), Finished::Kept);
    // Of another shard, of the future, and of no shard.
    let of_nobody = [
        ShardClaim { shard: 3, ..second.clone() },
        ShardClaim { epoch: 3, ..second.clone() },
        ShardClaim { epoch: u64::MAX, ..second.clone() },
        ShardClaim { run: "weekly".to_owned(), ..second.clone() },
    ];
    for claim in of_nobody {
        assert_eq!(finished(&mut *one, &claim, &part(1, "c", b"")), Finished::Superseded, "{claim:?}");
    }
    assert_eq!(one.finished_parts("nightly", 1).expect("it answers"), ["a", "b"]);
    assert_eq!(one.part("nightly", 1, "b").expect("it answers"), Some(part(1, "b", b"second")));
    claimed(&mut *two, "nightly", 0);
    let claims = one.shard_claims("nightly").expect("it answers");
    let told: Vec<_> =
        claims.iter().map(|claim| (claim.shard, claim.epoch, &*claim.holder, claim.claimed_at)).collect();
    assert_eq!(told, [(0, 1, "a process", at(0)), (2, 2, "a process", at(0))]);
}

fn a_part_is_finished_once(place: &Place) {
    let mut store = place.store();
    begun(&mut *store, "nightly", b"");
    let first = claimed(&mut *store, "nightly", 0);
    let large = part(1, "a", &[7; 100_000]);
    assert_eq!(finished(&mut *store, &first, &large), Finished::Kept);
    assert_eq!(finished(&mut *store, &first, &part(1, "a", b"again")), Finished::Already);
    let second = claimed(&mut *store, "nightly", 0);
    assert_eq!(finished(&mut *store, &second, &part(1, "a", b"again")), Finished::Already);
    assert_eq!(place.store().part("nightly", 1, "a").expect("it answers"), Some(large));
    assert_eq!(store.part("nightly", 1, "b").expect("it answers"), None);
}

fn parts_are_of_their_run_and_round(place: &Place) {
    let mut store = place.store();
    for name in ["nightly", "weekly"] {
        begun(&mut *store, name, b"");
        let claim = claimed(&mut *store, name, 0);
        for (round, part_name) in [(1, "b"), (1, "a"), (2, "a"), (2, "")] {
            assert_eq!(finished(&mut *store, &claim, &part(round, part_name, name.as_bytes())), Finished::Kept);
        }
    }
    assert_eq!(store.finished_parts("nightly", 1).expect("it answers"), ["a", "b"]);
    assert_eq!(store.finished_parts("nightly", 2).expect("it answers"), ["", "a"]);
    assert_eq!(store.finished_parts("nightly", 3).expect("it answers"), [""; 0]);
    let of_weekly = store.part("weekly", 2, "a").expect("it answers").expect("it is finished");
    assert_eq!(of_weekly.body, b"weekly");
}

fn of_many_who_finish_a_part_at_once_one_is_kept(place: &Place) {
    begun(&mut *place.store(), "nightly", b"");
    let claim = claimed(&mut *place.store(), "nightly", 0);
    let finish = |body: u8| finished(&mut *place.store(), &claim, &part(1, "a", &[body]));
    let outcomes: Vec<Finished> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|body| scope.spawn(move || finish(body))).collect();
        asked.into_iter().map(|one| one.join().expect("it answers")).collect()
    });
    assert_eq!(outcomes.iter().filter(|one| **one == Finished::Kept).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|one| **one == Finished::Already).count(), 7, "{outcomes:?}");
}

fn a_merged_run_takes_nothing_more(place: &Place) {
    let mut store = place.store();
    begun(&mut *store, "nightly", b"plan");
    begun(&mut *store, "weekly", b"plan");
    let other = claimed(&mut *store, "weekly", 0);
    assert_eq!(finished(&mut *store, &other, &part(1, "a", b"x")), Finished::Kept);
    let claim = claimed(&mut *store, "nightly", 0);
    assert_eq!(finished(&mut *store, &claim, &part(1, "a", b"x")), Finished::Kept);
    assert!(store.end_shared_run("nightly", "run-1").expect("it answers"));
    assert!(!store.end_shared_run("nightly", "run-2").expect("it answers"), "it was ended before");
    assert_eq!(finished(&mut *store, &claim, &part(1, "b", b"x")), Finished::Superseded);
    assert_eq!(store.claim_shard("nightly", 0, "late", at(1)).expect("it answers"), None);
    assert_eq!(store.finished_parts("nightly", 1).expect("it answers"), [""; 0]);
    let again = store.begin_shared_run("nightly", 1, b"another", at(1)).expect("it answers");
    assert_eq!((&*again.plan, again.merged_as.as_deref()), (&b"plan"[..], Some("run-1")));
    assert_eq!(store.finished_parts("weekly", 1).expect("it answers"), ["a"], "the other run is as it was");
}

const DAY: i64 = 24;

fn is_there(store: &mut dyn Store, name: &str) -> bool {
    store.shared_run(name).expect("it answers").is_some()
}

fn what_nobody_merged_is_dropped_after_a_week(place: &Place) {
    let mut store = place.store();
    begun(&mut *store, "old", b"");
    let claim = claimed(&mut *store, "old", 0);
    finished(&mut *store, &claim, &part(1, "a", b"x"));
    store.begin_shared_run("newer", 1, b"", at(7 * DAY)).expect("it answers");
    assert!(is_there(&mut *store, "old"), "exactly seven days are not more than seven");
    store.begin_shared_run("newest", 1, b"", at(7 * DAY + 1)).expect("it answers");
    assert!(!is_there(&mut *store, "old") && is_there(&mut *store, "newer"));
    assert_eq!(store.part("old", 1, "a").expect("it answers"), None);
    assert_eq!(finished(&mut *store, &claim, &part(1, "b", b"x")), Finished::Superseded);
    // The name is free again.
    assert_eq!(begun(&mut *store, "old", b"new plan"), b"new plan");
}

fn what_nobody_merged_is_dropped_with_the_runs_of_its_time(place: &Place) {
    let mut store = place.keeping(Retention { keep_days: Some(2), keep_runs: None });
    begun(&mut *store, "old", b"");
    saved(&mut *store, run(2 * DAY, &[HANGZHOU], &[]));
    assert!(is_there(&mut *store, "old"));
    saved(&mut *store, run(2 * DAY + 1, &[HANGZHOU], &[]));
    assert!(!is_there(&mut *store, "old"));
}
