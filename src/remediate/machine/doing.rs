//! What a machine waits for.

use super::State;
use crate::remediate::{Case, Purpose};

/// What is being done, and done again after a sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Clock,
    /// Reads the cloud's time again after a long wait.
    Tell,
    Lease,
    /// Reads the target's row.
    Row,
    /// Looks at the account's row.
    Look,
    Check,
    /// Reads what insures the way back, and makes what is missing.
    Prepare,
    /// Reads all guards for something that is to be made.
    PrepareCheck,
    PrepareKill,
    PrepareSign,
    PrepareSend,
    /// Works on the account's row.
    Account,
    Append,
    /// Reads the row to see whether an append was done.
    Reread,
    Journal,
    /// Has the whole lease before it before a write.
    Renew,
    Recheck,
    LastKill,
    Sign,
    Send,
    /// Looks where a write stands.
    Poll,
    Sample,
    /// Looks whether the way back holds.
    Watch,
    /// Looks whether the way back is free.
    LookBack,
    Attribute,
    Release,
    ReleaseSign,
    ReleaseSend,
    GiveBack,
    Ended,
}

impl Doing {
    pub(super) fn state(self, case: Option<&Case>) -> State {
        match self {
            Self::Clock | Self::Lease => State::Planned,
            Self::Row | Self::Look => State::Leased,
            Self::Check
            | Self::Prepare
            | Self::PrepareCheck
            | Self::PrepareKill
            | Self::PrepareSign
            | Self::PrepareSend => State::Checked,
            Self::Renew | Self::Recheck | Self::LastKill => State::Intent,
            Self::Sign => State::Signed,
            Self::Send => State::Sent,
            Self::Ended | Self::GiveBack => State::Ended,
            _ => case.map_or(State::Leased, of_case),
        }
    }
}

fn of_case(case: &Case) -> State {
    match case.open_write() {
        Some((_, write)) if write.purpose == Purpose::Release => State::Closing,
        _ if case.unhealthy.is_some() => State::RollingBack,
        Some(_) => State::Settling,
        None if case.effect_at().is_none() => State::Checked,
        None if case.verified.is_none() => State::Verifying,
        None => State::Soaking,
    }
}
