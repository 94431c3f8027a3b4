//! Many writers at once: nothing is lost, and nothing counts twice.

use chrono::TimeDelta;
use portcullis::store::Store;

use super::{HANGZHOU, at, finding, ids, memory, run_of, saved, unit};

/// The account that all writers read.
const SHARED: &str = "100";

/// Saves `runs` runs as the writer of that number. All writers find `shared` every time; each finds a
/// thing of its own account in every other run, the first included, and not in the last.
pub fn write(store: &mut dyn Store, writer: usize, runs: usize) {
    assert!(runs.is_multiple_of(2) && writer < 50);
    let account = format!("{}", 200 + writer);
    for round in 0..runs {
        let own = format!("own-{writer}");
        let found: &[&str] = if round.is_multiple_of(2) { &[&own] } else { &[] };
        let mut run = run_of(&account, 0, &[HANGZHOU], found);
        run.header.id = format!("0193499e-7d80-7000-{writer:04}-{round:012}");
        run.header.started_at = time(writer, round);
        run.findings.push(finding(SHARED, "shared"));
        run.coverage.scanned(unit(SHARED, HANGZHOU));
        saved(store, run);
    }
}

/// Writers take turns by the second.
fn time(writer: usize, round: usize) -> chrono::DateTime<chrono::Utc> {
    at(0) + TimeDelta::seconds(i64::try_from(round * 50 + writer).expect("a small number"))
}

/// Looks whether the store holds what so many writers wrote, no more and no less.
pub fn check(store: &dyn Store, writers: usize, runs: usize) {
    let mut found = ids(store);
    assert_eq!(found.len(), writers * runs, "runs");
    found.sort();
    found.dedup();
    assert_eq!(found.len(), writers * runs, "different runs");

    let shared = memory(store, "shared");
    assert_eq!((shared.first_seen, shared.last_seen), (time(0, 0), time(writers - 1, runs - 1)));
    assert_eq!((shared.fixed_at, shared.reopenings), (None, 0));

    // Each own finding was fixed in every second run, and found again after each but the last.
    let closings = store.closings().expect("it reads");
    assert_eq!(closings.len(), writers * runs / 2, "closings");
    assert_eq!(store.reopenings().expect("it reads"), (writers * (runs / 2 - 1)) as u64, "reopenings");
    for writer in 0..writers {
        let own = memory(store, &format!("own-{writer}"));
        assert_eq!((own.first_seen, own.last_seen), (time(writer, 0), time(writer, runs - 2)));
        assert_eq!((own.fixed_at, own.reopenings), (Some(time(writer, runs - 1)), (runs / 2 - 1) as u64));
        let own_closings = closings.iter().filter(|one| one.fingerprint == own.fingerprint);
        for (round, closing) in own_closings.enumerate() {
            assert_eq!(closing.opened_at, time(writer, 2 * round));
            assert_eq!(closing.closed_at, time(writer, 2 * round + 1));
        }
    }
    for summary in store.runs(writers * runs).expect("it reads") {
        let high = summary.findings[1];
        let round: usize = summary.id[24..].parse().expect("a number");
        assert_eq!(high, if round.is_multiple_of(2) { 2 } else { 1 }, "findings of {}", summary.id);
    }
}
