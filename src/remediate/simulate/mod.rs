//! Deterministic simulation: the shipped state machine against a hostile cloud, hostile hosts and people.
//!
//! One number draws a world, two plans over it, and everything that goes wrong: requests that land late, or never, or
//! whose answers are lost; readings that lag or fail; processes that crash, are paused or lose their lease; people at the
//! console at the worst moment. The invariants are checked after every step and at rest against the cloud as
//! it really is. The same number gives the same trace.

mod book;
mod check;
mod disk;
mod gateway;
mod host;
mod observe;
mod people;
mod prng;
mod serve;
mod sim;
mod site;
mod store;
mod trace;
mod weather;
mod world;

#[cfg(test)]
mod planted;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use book::Violation;
pub use sim::Counts;

use super::{Effect, Errand, EventKind, Pace};
use sim::Sim;

/// What stands between a process and the world. What ships lets everything through; tests plant bugs here.
pub trait Between {
    fn errand(&mut self, errand: Errand) -> Errand {
        errand
    }

    fn pace(&mut self, pace: &Arc<Pace>) -> Arc<Pace> {
        pace.clone()
    }

    /// What a process is told.
    fn incoming(&mut self, _host: usize, kind: EventKind) -> EventKind {
        kind
    }

    /// What it wants done.
    fn outgoing(&mut self, _host: usize, effect: Effect) -> Vec<Step> {
        vec![Step::Do(effect)]
    }
}

/// What becomes of an effect.
#[derive(Debug)]
pub enum Step {
    Do(Effect),
    /// Done as well, and its answer dropped.
    Also(Effect),
    /// Answered without being done.
    Answer(EventKind),
}

/// Lets everything through.
struct Straight;

impl Between for Straight {}

/// What came of a seed.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub seed: u64,
    pub violation: Option<Violation>,
    /// The same for the same seed.
    pub digest: u64,
    pub counts: Counts,
    /// Lines to read, where they were asked for.
    pub trace: Vec<String>,
}

/// Runs one seed.
pub fn run_seed(seed: u64, readable: bool) -> Outcome {
    run_between(seed, readable, &mut Straight)
}

/// Runs one seed with something in between.
pub fn run_between(seed: u64, readable: bool, between: &mut dyn Between) -> Outcome {
    let mut sim = Sim::new(seed, Arc::new(Pace::default()), readable, between);
    sim.run();
    let (violation, counts, trace) = (sim.violation.take(), sim.counts, sim.trace.clone());
    Outcome { seed, violation, digest: trace.digest(), counts, trace: trace.into_lines() }
}

/// Seeds that once broke an invariant, of the protocol or with a bug planted: they run first. What a number draws has
/// changed with the simulation since; what was learned from each stands in docs/remediation.md.
pub const CORPUS: &[u64] = &[
    40, 60, 151, 446, 1209, 1364, 3579, 3786, 4487, 6215, 7254, 7662, 9185, 10_068, 12_391, 16_446, 20_705, 33_972,
    66_054, 78_798,
];
