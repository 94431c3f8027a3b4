//! What is asked over many runs.

use chrono::NaiveDate;
use portcullis::{
    findings::{FindingStatus, Run, WaiverNote},
    model::{ResourceKind, Severity},
};

use super::{HANGZHOU, Place, at, checks, memory, run, run_of, saved, unit};

checks![
    every_closing_is_kept_with_its_times,
    waivers_in_effect_are_those_of_the_newest_runs,
    nothing_was_there_at_first,
    a_finding_does_not_carry_the_accounts_of_its_run
];

/// With ten thousand accounts and twenty thousand findings that would be gigabytes.
fn a_finding_does_not_carry_the_accounts_of_its_run(place: &Place) {
    let mut store = place.store();
    let mut wide = run(1, &[HANGZHOU], &["a", "b"]);
    wide.findings[1].subject.resource_kind = ResourceKind::Waiver;
    for number in 0..2000_u64 {
        wide.coverage.scanned(unit(&(2_000_000_000_000_000 + number).to_string(), HANGZHOU));
    }
    let again = Run { findings: vec![wide.findings[0].clone()], ..wide.clone() };
    saved(&mut *store, wide);
    for rule in ["a", "b"] {
        assert!(memory(&*store, rule).seen_by.len() < 300, "{rule}");
    }
    // A waiver's finding that is gone: fixed by a run of the same accounts, and by no other.
    let of_one = run(2, &[HANGZHOU], &["a"]);
    saved(&mut *store, of_one);
    assert_eq!(memory(&*store, "b").fixed_at, None);
    let mut later = again;
    later.header.id = "0193499e-7d80-7000-8000-000000000003".to_owned();
    (later.header.started_at, later.header.finished_at) = (at(3), at(3));
    saved(&mut *store, later);
    assert_eq!(memory(&*store, "b").fixed_at, Some(at(3)));
}

fn every_closing_is_kept_with_its_times(place: &Place) {
    let mut store = place.store();
    saved(&mut *store, run(1, &[HANGZHOU], &["a", "b", "feared"]));
    let mut second = run(2, &[HANGZHOU], &["a", "feared"]);
    second.findings[1].status = FindingStatus::Unknown;
    // `b` was open from 1 to 2.
    saved(&mut *store, second);
    // `a` was open from 1 to 4; `feared` was not certain at last, so that nobody repaired it.
    saved(&mut *store, run(4, &[HANGZHOU], &[]));
    saved(&mut *store, run(5, &[HANGZHOU], &["a"]));
    let mut worse = run(6, &[HANGZHOU], &["a"]);
    worse.findings[0].severity = Severity::Critical;
    saved(&mut *store, worse);
    // `a` again from 5 to 9, and critical when it was closed.
    saved(&mut *store, run(9, &[HANGZHOU], &[]));
    // Found by nobody any more: nothing new is closed.
    saved(&mut *store, run(10, &[HANGZHOU], &[]));
    let closings = store.closings().expect("it reads");
    let told: Vec<_> =
        closings.iter().map(|one| (&*one.fingerprint, one.severity, one.opened_at, one.closed_at)).collect();
    assert_eq!(
        told,
        [
            ("v1:b", Severity::High, at(1), at(2)),
            ("v1:a", Severity::High, at(1), at(4)),
            ("v1:a", Severity::Critical, at(5), at(9)),
        ]
    );
    assert_eq!(store.reopenings().expect("it reads"), 1);
}

fn waivers_in_effect_are_those_of_the_newest_runs(place: &Place) {
    let mut store = place.store();
    let note = |owner: &str, day| WaiverNote {
        reason: "known".to_owned(),
        owner: owner.to_owned(),
        ticket: None,
        expires: NaiveDate::from_ymd_opt(2027, 1, day).expect("a day"),
    };
    let waived = |mut run: Run, owner: &str, day| {
        run.findings[0].status = FindingStatus::Waived;
        run.findings[0].waiver = Some(note(owner, day));
        run
    };
    saved(&mut *store, waived(run(1, &[HANGZHOU], &["a"]), "earlier", 1));
    saved(&mut *store, waived(run(2, &[HANGZHOU], &["a"]), "later", 9));
    saved(&mut *store, waived(run_of("2", 2, &[HANGZHOU], &["b"]), "others", 3));
    // A waiver that does not hold is noted on its finding, and accepts nothing.
    let mut exceeded = waived(run_of("3", 3, &[HANGZHOU], &["c"]), "exceeded", 4);
    exceeded.findings[0].status = FindingStatus::Open;
    saved(&mut *store, exceeded);
    let waivers = store.waivers().expect("it reads");
    let told: Vec<_> = waivers.iter().map(|one| (&*one.fingerprint, &*one.owner, one.expires.to_string())).collect();
    assert_eq!(told, [("v1:b", "others", "2027-01-03".to_owned()), ("v1:a", "later", "2027-01-09".to_owned())]);
    saved(&mut *store, run(4, &[HANGZHOU], &[]));
    assert_eq!(store.waivers().expect("it reads").len(), 1);
}

fn nothing_was_there_at_first(place: &Place) {
    let store = place.store();
    assert_eq!(store.runs(10).expect("it reads"), []);
    assert_eq!(store.latest().expect("it reads"), None);
    assert_eq!(store.before("x").expect("it reads"), None);
    assert_eq!(store.memory("v1:x").expect("it reads"), None);
    assert_eq!(store.closings().expect("it reads"), []);
    assert_eq!((store.reopened().expect("it reads").len(), store.reopenings().expect("it reads")), (0, 0));
    assert_eq!(store.waivers().expect("it reads"), []);
    assert_eq!(store.points("").expect("it reads"), []);
    assert_eq!(store.records("x").expect("it reads"), []);
}
