//! The simulation as a test: the corpus, a few hundred seeds, and the same seed twice. 100,000 are for `selftest` in
//! release.

use std::collections::BTreeSet;

use super::{CORPUS, Counts, run_seed};

/// Takes some ten seconds unoptimised on one core.
const SEEDS: u64 = 500;

fn must_hold(seed: u64) -> Counts {
    let outcome = run_seed(seed, false);
    if let Some(violation) = outcome.violation {
        let trace = run_seed(seed, true).trace.join("\n");
        panic!("{violation:?}\n{trace}\nrepeat it with: portcullis selftest --seed {seed}");
    }
    outcome.counts
}

#[test]
fn seeds_that_once_failed_hold() {
    for seed in CORPUS {
        must_hold(*seed);
    }
}

#[test]
fn invariants_hold_and_enough_goes_wrong_to_mean_something() {
    let mut counts = Counts::default();
    (0..SEEDS).for_each(|seed| counts.add(&must_hold(seed)));
    let Counts { changes, crashes, late, races, undone, soaked, attention, .. } = counts;
    for (what, count) in [
        ("changes", changes),
        ("crashes", crashes),
        ("late requests", late),
        ("ways back", undone),
        ("soaked", soaked),
        ("for a person", attention),
    ] {
        assert!(count >= 25, "only {count}: {what}");
    }
    assert!(races > 0);
}

/// I15.
#[test]
fn the_same_seed_gives_the_same_trace() {
    let digests: BTreeSet<u64> = (0..40)
        .map(|seed| {
            let (first, again) = (run_seed(seed, true), run_seed(seed, true));
            assert_eq!(first.digest, again.digest, "seed {seed}");
            assert_eq!(first.trace, again.trace, "seed {seed}");
            assert_eq!(first.digest, run_seed(seed, false).digest, "telling it changes it: seed {seed}");
            first.digest
        })
        .collect();
    assert_eq!(digests.len(), 40, "different seeds are different");
}
