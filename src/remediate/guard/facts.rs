//! What guards are judged on.

use super::{Guard, Refusal};
use crate::{
    model::AclId,
    remediate::{
        Account, Action, ClockReading, CloudTime, ListenerSettings, Mono, Pace, Plan, Reading, Readings, Unread,
    },
};

/// When guards are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before anything is prepared.
    First,
    /// Right before something that insures the way back is made.
    Preparing,
    /// Right before signing.
    Signing,
    /// Right before signing the way back.
    Undo,
}

/// Everything that guards may look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub action: &'a Action,
    /// Not needed for the way back.
    pub plan: Option<&'a Plan>,
    pub run: &'a str,
    pub readings: &'a Readings,
    /// Of the last look at the account's row; the debit is made on a look of its own.
    pub account: Option<&'a Account>,
    /// Of the case: what its undo finds in the slot.
    pub acl: Option<&'a AclId>,
    /// Of the case: what the listener was set to beside its access control.
    pub settings: Option<&'a ListenerSettings>,
    pub moment: Moment,
    pub now: Mono,
    pub pace: &'a Pace,
}

/// A refusal that does not know its guard yet.
#[derive(Clone, Debug)]
pub struct No {
    pub(super) why: String,
    pub(super) until: String,
    pub(super) passing: bool,
}

impl No {
    pub(super) fn by(self, guard: Guard) -> Refusal {
        Refusal { guard, why: self.why, until: self.until, passing: self.passing }
    }
}

/// Says no, and what would change it.
pub(super) fn no<T>(why: impl Into<String>, until: impl Into<String>) -> Result<T, No> {
    Err(No { why: why.into(), until: until.into(), passing: false })
}

/// Says no for now.
pub(super) fn not_now<T>(why: impl Into<String>, until: impl Into<String>) -> Result<T, No> {
    Err(No { why: why.into(), until: until.into(), passing: true })
}

impl<'a> Facts<'a> {
    pub(super) fn read<T>(&self, what: &str, reading: &'a Reading<T>) -> Result<&'a T, No> {
        match reading {
            Ok(seen) => Ok(&seen.value),
            Err(Unread::NotFound) => no(format!("{what} does not exist"), "it exists again, under a new plan"),
            Err(Unread::Denied) => no(format!("{what} may not be read"), "the role has the right"),
            Err(Unread::Schema(field)) => {
                no(format!("{what} was answered without a usable `{field}`"), "the reply is understood")
            }
            Err(Unread::Throttled) => not_now(format!("{what} could not be read: throttled"), "it can be read"),
            Err(Unread::Failed(why)) => not_now(format!("{what} could not be read: {why}"), "it can be read"),
            Err(Unread::NotAsked) => not_now(format!("{what} was not read"), "it is read"),
        }
    }

    pub(super) fn clock(&self) -> Result<&'a ClockReading, No> {
        match &self.readings.clock {
            Some(clock) => Ok(clock),
            None => not_now("the cloud's time is not known", "a reply tells it"),
        }
    }

    /// The earliest and the latest that it can be now, by the cloud's clock.
    pub(super) fn cloud_now(&self) -> Result<(CloudTime, CloudTime), No> {
        let clock = self.clock()?;
        Ok((clock.earliest(self.now), clock.latest(self.now)))
    }
}
