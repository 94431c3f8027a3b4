//! `portcullis selftest`: the simulation as an auditor repeats it on site.

use crate::scratch::Scratch;

#[test]
fn seeds_are_run_and_counted() {
    let scratch = Scratch::new();
    for seeds in ["0", "3"] {
        let run = scratch.expect(0, &["selftest", "--seeds", seeds]);
        assert!(run.stdout.starts_with(&format!("{seeds} seeds and ")), "{}", run.stdout);
        for part in ["of the corpus: no invariant broken", "crashes", "soaked to the end"] {
            assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
        }
    }
}

/// The same seed is the same story to the last line, and another one is another.
#[test]
fn one_seed_is_told_in_full_and_the_same_each_time() {
    let scratch = Scratch::new();
    let told = |seed: &str| scratch.expect(0, &["selftest", "--seed", seed]).stdout;
    let (first, again, other) = (told("7"), told("7"), told("8"));
    assert_eq!(first, again);
    let digest = |told: &str| told.lines().last().unwrap_or_default().to_owned();
    assert!(digest(&first).starts_with("seed 7: digest ") && first.lines().count() > 20, "{first}");
    assert_ne!(digest(&first).split(' ').next_back(), digest(&other).split(' ').next_back());
}

#[test]
fn what_is_no_number_of_seeds_is_refused() {
    let scratch = Scratch::new();
    for (arguments, advice) in [
        (&["--seeds", "many"][..], "--seeds"),
        (&["--seeds", "-1"], "-1"),
        (&["--seeds", "1.5"], "--seeds"),
        (&["--seeds", "18446744073709551616"], "--seeds"),
        (&["--seeds"], "--seeds"),
        (&["--seed", ""], "--seed"),
        (&["--seed", "0x7"], "--seed"),
        (&["--seeds", "3", "--seed", "7"], "cannot be used with"),
        (&["--seeds", "3", "--seeds", "4"], "cannot be used multiple times"),
        (&["7"], "unexpected argument"),
    ] {
        let run = scratch.expect(2, &[&["selftest"][..], arguments].concat());
        assert!(run.stdout.is_empty() && run.stderr.contains(advice), "{arguments:?}: {}", run.stderr);
    }
}
