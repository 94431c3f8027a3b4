//! `portcullis selftest`: the simulation of remediation, over as many seeds as are asked for.

use std::{
    io::{self, Write},
    ops::Range,
    time::Instant,
};

use super::{
    args::SelftestArgs,
    exit::{Exit, OrExit, Outcome, fail},
    output,
    terminal::Terminal,
};
use crate::remediate::simulate::{self, CORPUS, Counts};

/// Seeds between two lines of progress.
const BATCH: u64 = 5_000;

pub(crate) fn run(args: &SelftestArgs, terminal: &Terminal) -> Outcome {
    match args.seed {
        Some(seed) => one(seed),
        None => many(args.seeds, terminal),
    }
}

/// One seed, told in full.
fn one(seed: u64) -> Outcome {
    let outcome = simulate::run_seed(seed, true);
    output::to_stdout(|out| {
        for line in &outcome.trace {
            writeln!(out, "{line}")?;
        }
        writeln!(out, "seed {seed}: digest {:016x}", outcome.digest)
    })
    .or_exit(Exit::Output)?;
    match outcome.violation {
        None => Ok(Exit::Clean),
        Some(violation) => fail(Exit::Internal, told(seed, &violation)),
    }
}

fn told(seed: u64, violation: &simulate::Violation) -> String {
    format!(
        "{} is broken: {}\nrepeat it with: portcullis selftest --seed {seed}   (portcullis {})",
        violation.invariant,
        violation.what,
        env!("CARGO_PKG_VERSION")
    )
}

/// The corpus of seeds that once failed, and then the numbers from 0 on.
fn many(seeds: u64, terminal: &Terminal) -> Outcome {
    let begun = Instant::now();
    let mut counts = Counts::default();
    for seed in CORPUS {
        check(*seed, &mut counts)?;
    }
    let mut from = 0;
    while from < seeds {
        let until = seeds.min(from.saturating_add(BATCH));
        batch(from..until, &mut counts)?;
        terminal.notice(&format!("{until} of {seeds} seeds, no invariant broken"));
        from = until;
    }
    output::to_stdout(|out| summary(seeds, &counts, begun.elapsed().as_secs_f64(), out)).or_exit(Exit::Output)?;
    Ok(Exit::Clean)
}

fn batch(seeds: Range<u64>, counts: &mut Counts) -> Result<(), super::exit::Failure> {
    for seed in seeds {
        check(seed, counts)?;
    }
    Ok(())
}

fn check(seed: u64, counts: &mut Counts) -> Result<(), super::exit::Failure> {
    let outcome = simulate::run_seed(seed, false);
    counts.add(&outcome.counts);
    match outcome.violation {
        None => Ok(()),
        Some(violation) => fail(Exit::Internal, told(seed, &violation)),
    }
}

fn summary(seeds: u64, counts: &Counts, took: f64, out: &mut dyn Write) -> io::Result<()> {
    const DAY: u64 = 24 * 60 * 60 * 1000;
    writeln!(out, "{seeds} seeds and {} of the corpus: no invariant broken, in {took:.1} s", CORPUS.len())?;
    writeln!(
        out,
        "{} simulated days, {} effects, {} requests accepted, {} late ones, {} crashes",
        counts.time / DAY,
        counts.effects,
        counts.writes,
        counts.late,
        counts.crashes
    )?;
    writeln!(
        out,
        "{} changes, {} taken back, {} soaked to the end, {} races, {} for a person",
        counts.changes, counts.undone, counts.soaked, counts.races, counts.attention
    )
}
