//! The guards G1 to G15: what has to be so for a change to be signed.
//!
//! `table` is the document's table in code. Judging is a pure function of readings, each with
//! the moment at which it was asked for; [`Cleared`] is the only way to a signature, and says how long it
//! holds.

mod check;
mod facts;
mod table;

use std::{fmt, marker::PhantomData};

pub use facts::{Facts, Moment};
pub use table::{Cell, Column, TABLE, row};

use super::{CloudTime, Mono, Pace};

/// One of the guards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guard {
    G1,
    G2,
    G3,
    G4,
    G5,
    G6,
    G7,
    G8,
    G9,
    G10,
    G11,
    G12,
    G13,
    G14,
    G15,
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a guard does not let an action pass, and what would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub guard: Guard,
    pub why: String,
    /// What has to become so.
    pub until: String,
    /// It may pass by itself soon: something is busy, or could not be read this time.
    pub passing: bool,
}

/// What would change a refusal that is about the plan: the world is not the one that it was made for.
pub(in crate::remediate) const NEW_PLAN: &str = "a new plan is made";

impl Refusal {
    /// Whatever else happens, this plan is not carried out: what it names has drifted.
    pub fn needs_new_plan(&self) -> bool {
        self.until == NEW_PLAN
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; passes once {}", self.guard, self.why, self.until)
    }
}

/// The change was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act;

/// The way back was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo;

/// All guards of a column let it pass. Nobody else can make one, and it goes stale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared<For> {
    oldest: Mono,
    kill_asked: Mono,
    /// What a signature may bear.
    cloud_now: CloudTime,
    judged: Mono,
    of: PhantomData<For>,
}

impl<For> Cleared<For> {
    /// A signature made now may rest on it.
    pub fn holds(&self, now: Mono, pace: &Pace) -> bool {
        now - self.oldest <= pace.proof_age && now - self.kill_asked <= pace.kill_age
    }

    /// The cloud's time now, or a little earlier: what a signature bears.
    pub fn cloud(&self, now: Mono) -> CloudTime {
        self.cloud_now + (now - self.judged)
    }

    /// The kill switch has been looked at again.
    #[must_use]
    pub fn with_kill_read_at(self, asked: Mono) -> Self {
        Self { kill_asked: asked, ..self }
    }
}

/// Judges the change: every guard of its column.
///
/// # Errors
/// Every refusal, in the order of the guards.
pub fn judge(facts: &Facts<'_>) -> Result<Cleared<Act>, Vec<Refusal>> {
    judge_column(Column::of(facts.action), facts)
}

/// Judges the way back.
///
/// # Errors
/// As [`judge`].
pub fn judge_undo(facts: &Facts<'_>) -> Result<Cleared<Undo>, Vec<Refusal>> {
    judge_column(Column::Undo, facts)
}

/// What has to be remembered from before a change, and was not read: the data plane as it was, and what insures the way
/// back already.
pub fn unremembered(facts: &Facts<'_>) -> Vec<Refusal> {
    let health = facts.read("the data plane as it is before the change", &facts.readings.health);
    let prepared = facts.read("what insures the way back already", &facts.readings.prepared);
    let refusals = [health.err().map(|no| no.by(Guard::G5)), prepared.err().map(|no| no.by(Guard::G12))];
    refusals.into_iter().flatten().collect()
}

fn judge_column<For>(column: Column, facts: &Facts<'_>) -> Result<Cleared<For>, Vec<Refusal>> {
    let refusals: Vec<Refusal> = TABLE
        .iter()
        .filter_map(|row| match row.cell(column) {
            Cell::Needs(check) => check(facts).err().map(|no| no.by(row.guard)),
            Cell::Free(_) => None,
        })
        .collect();
    let (Some(oldest), Ok(kill), Some(clock), true) =
        (facts.readings.oldest(), &facts.readings.kill, &facts.readings.clock, refusals.is_empty())
    else {
        return Err(refusals);
    };
    Ok(Cleared {
        oldest,
        kill_asked: kill.asked,
        cloud_now: clock.earliest(facts.now),
        judged: facts.now,
        of: PhantomData,
    })
}

#[cfg(test)]
mod tests;
