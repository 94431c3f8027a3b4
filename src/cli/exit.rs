//! Exit codes. Where several apply, the one that stands first in [`Exit::WORST_FIRST`] wins.

use std::{error::Error, fmt, process::ExitCode};

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Clean and complete.
    Clean,
    /// Findings at or above the threshold, coverage complete.
    Findings,
    /// Bad arguments, configuration or rules; nothing was contacted.
    Usage,
    /// Coverage incomplete, no finding so far: unknown, not clean.
    Incomplete,
    /// Findings, and coverage incomplete.
    FindingsIncomplete,
    /// Identity, TLS, clock or account failure; nothing trustworthy was read.
    Identity,
    /// A plan is not carried out: changed, expired, not approved, out of window, over budget, or used before.
    Refused,
    /// The lock is held by another, or was lost.
    Locked,
    /// Stopped by a guard, the breaker or the kill switch; nothing unsafe was done.
    Stopped,
    /// A change failed and was taken back.
    RolledBack,
    /// The journal is damaged.
    Damaged,
    /// The outcome of a change is uncertain, or the way back failed.
    Attention,
    /// A report could not be written.
    Output,
    /// Our own mistake.
    Internal,
    /// Interrupted from the keyboard; what was read is kept.
    Interrupted,
    /// Asked to end by the system; what was read is kept.
    Terminated,
}

impl Exit {
    /// Every code of this version, the one that wins first.
    pub const WORST_FIRST: [Self; 16] = [
        Self::Attention,
        Self::Damaged,
        Self::Internal,
        Self::RolledBack,
        Self::Stopped,
        Self::Locked,
        Self::Refused,
        Self::Identity,
        Self::Output,
        Self::Usage,
        Self::Interrupted,
        Self::Terminated,
        Self::FindingsIncomplete,
        Self::Incomplete,
        Self::Findings,
        Self::Clean,
    ];

    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
            Self::FindingsIncomplete => 4,
            Self::Identity => 5,
            Self::Refused => 6,
            Self::Locked => 7,
            Self::Stopped => 8,
            Self::RolledBack => 9,
            Self::Attention => 10,
            Self::Output => 11,
            Self::Damaged => 12,
            Self::Internal => 70,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// What the number means.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Clean => "clean and complete",
            Self::Findings => "findings, coverage complete",
            Self::Usage => "bad arguments, configuration or rules; nothing was contacted",
            Self::Incomplete => "coverage incomplete, no finding so far: unknown, not clean",
            Self::FindingsIncomplete => "findings, and coverage incomplete",
            Self::Identity => "identity, TLS, clock or account failure; nothing trustworthy was read",
            Self::Refused => "plan refused; nothing was changed",
            Self::Locked => "the lock is held by another, or was lost",
            Self::Stopped => "stopped by a guard, the breaker or the kill switch; nothing unsafe was done",
            Self::RolledBack => "a change failed and was rolled back, verified",
            Self::Attention => "attention: an outcome is uncertain or a rollback failed; a person is needed now",
            Self::Damaged => "the journal is damaged; recovery is needed before any write",
            Self::Output => "a report or evidence could not be written or does not hold, or the run could not be kept",
            Self::Internal => "internal error",
            Self::Interrupted => "interrupted; what was read is kept",
            Self::Terminated => "terminated; what was read is kept",
        }
    }

    /// The code of a stored number; `None` for numbers that no run ends with.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::WORST_FIRST.into_iter().find(|exit| exit.code() == code)
    }

    /// The one of both that wins.
    pub fn or(self, other: Self) -> Self {
        Self::WORST_FIRST.into_iter().find(|exit| *exit == self || *exit == other).unwrap_or(Self::Internal)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// A failure with the code that it ends the program with.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) error: anyhow::Error,
}

/// What commands return: the code to end with, or what went wrong.
pub(crate) type Outcome = Result<Exit, Failure>;

/// Attaches an exit code to whatever failed.
pub(crate) trait OrExit<T> {
    /// The failure ends the program with `exit`.
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;

    /// [`or_exit`](Self::or_exit) for errors whose text is a fragment that reads after "failed to".
    fn failed_to(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Error + Send + Sync + 'static> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: error.into() })
    }

    fn failed_to(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: FailedTo(error).into() })
    }
}

/// A fragment made into a sentence.
#[derive(Debug)]
struct FailedTo<E>(E);

impl<E: fmt::Display> fmt::Display for FailedTo<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}", self.0)
    }
}

impl<E: Error> Error for FailedTo<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// A failure that is told in one sentence.
pub(crate) fn fail<T>(exit: Exit, message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure { exit, error: anyhow::Error::msg(message.into()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_row_wins() {
        assert_eq!(Exit::Findings.or(Exit::Incomplete), Exit::Incomplete);
        assert_eq!(Exit::Usage.or(Exit::FindingsIncomplete), Exit::Usage);
        assert_eq!(Exit::Output.or(Exit::Identity), Exit::Identity);
        assert_eq!(Exit::Interrupted.or(Exit::FindingsIncomplete), Exit::Interrupted);
        assert_eq!(Exit::Internal.or(Exit::Clean), Exit::Internal);
        assert_eq!(Exit::Clean.or(Exit::Clean), Exit::Clean);
    }

    #[test]
    fn codes_are_unique_and_come_back() {
        for exit in Exit::WORST_FIRST {
            assert_eq!(Exit::from_code(exit.code()), Some(exit));
        }
    }
}
