//! What a machine asks for, and what it is told.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    remediate::{
        Action, CloudTime, Flag, Heard, Mono, Outcome, Purpose, ReadFor, Readings, Request, Target, WriteRef,
        guard::Refusal,
    },
    store::{Acquired, Appended, Lease, Record},
};

/// The store did not answer. What was asked for may be done or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreFailed;

/// What may be signed: only a machine makes one, and only with everything before it done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOrder {
    pub(super) request: Request,
    pub(super) at: CloudTime,
    pub(super) write: WriteRef,
    pub(super) plan: String,
    /// `None` for what insures the way back.
    pub(super) purpose: Option<Purpose>,
}

impl SignOrder {
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The time that the signature bears. Nobody may sign with another: it is what the fence counts from.
    pub fn at(&self) -> CloudTime {
        self.at
    }

    pub fn write(&self) -> &WriteRef {
        &self.write
    }

    /// For tests of who is handed one.
    #[cfg(test)]
    pub(in crate::remediate) fn of_test(
        request: Request,
        at: CloudTime,
        write: WriteRef,
        purpose: Option<Purpose>,
    ) -> Self {
        Self { request, at, write, plan: "plan-1".to_owned(), purpose }
    }

    /// For a planted bug.
    #[cfg(test)]
    pub(in crate::remediate) fn alter(&mut self, change: impl FnOnce(&mut Request)) {
        change(&mut self.request);
    }

    /// What it is for; `None` for what insures the way back.
    pub fn purpose(&self) -> Option<Purpose> {
        self.purpose
    }

    /// Name of the session.
    pub fn plan(&self) -> &str {
        &self.plan
    }
}

/// A signed request, to be sent once.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    order: SignOrder,
    signature: String,
}

impl Signed {
    pub fn new(order: SignOrder, signature: String) -> Self {
        Self { order, signature }
    }

    pub fn order(&self) -> &SignOrder {
        &self.order
    }

    /// For the one who sends it.
    pub fn signature(&self) -> &str {
        &self.signature
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("order", &self.order).finish_non_exhaustive()
    }
}

/// Something that people are told. It is queued, and never waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A person is needed.
    Attention {
        target: Target,
        intent: String,
        flag: Flag,
    },
    RollingBack {
        target: Target,
        intent: String,
        why: String,
    },
    Closed {
        target: Target,
        intent: String,
        outcome: Outcome,
    },
}

/// What keeps a machine from going on. Nothing more is written by its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoppedBy {
    /// The cloud's time could not be read: nothing is signed without it, and nothing that is read can be dated.
    Clock,
    /// The journal or a row cannot be used.
    Damage,
    /// The machine itself is wrong.
    Itself,
}

/// It, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    pub by: StoppedBy,
    pub why: String,
}

/// How a machine ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Guards refused; nothing was changed.
    Skipped(Vec<Refusal>),
    /// Done since then and verified; the next check is due then.
    Soaking {
        intent: String,
        since: CloudTime,
        due: CloudTime,
    },
    /// Somebody may be cut off, and the way back is refused. It is open still, and tried again then.
    WayBackRefused {
        intent: String,
        why: String,
        due: CloudTime,
    },
    Closed(Outcome),
    /// It would have ended so, and something of ours is left, as far as it is known: the case stays open until it is not.
    NotClearedUp {
        intent: String,
        outcome: Outcome,
        left: Vec<Request>,
        why: String,
        refusals: Vec<Refusal>,
    },
    /// The intent had ended before, so.
    Before(Outcome),
    /// The breaker opened before it was begun.
    NotStarted(String),
    /// Something needs attention that nobody has acknowledged.
    Blocked,
    LockHeld,
    LeaseLost,
    /// Nothing was open.
    Nothing,
    Stopped(Stopped),
}

impl End {
    pub(in crate::remediate) fn damaged(why: String) -> Self {
        Self::Stopped(Stopped { by: StoppedBy::Damage, why })
    }

    /// Something else is open on the target.
    pub(crate) fn open_there(intent: &str) -> Self {
        Self::NotStarted(format!("{intent} is open on it: a run carries that on, and begins nothing new there"))
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Reads the parts that `what` is about. Each part says when it was asked for; a part that fails is
    /// an `Unread`, and the clock is read from any reply.
    Read {
        what: ReadFor,
        target: Target,
        action: Option<Arc<Action>>,
        plan: String,
        since: Option<CloudTime>,
    },
    Acquire {
        row: String,
        holder: String,
        ttl: Duration,
        now: CloudTime,
    },
    Renew {
        lease: Lease,
        ttl: Duration,
        now: CloudTime,
    },
    Release {
        lease: Lease,
    },
    Records {
        row: String,
    },
    Append {
        row: String,
        epoch: u64,
        version: u32,
        body: Vec<u8>,
    },
    /// Appends to the local journal and syncs it.
    Journal {
        payload: Vec<u8>,
    },
    Sign(SignOrder),
    /// Sends it once, and waits for the answer until the call's deadline.
    Send(Signed),
    Sleep {
        until: Mono,
    },
    /// Answered by nothing.
    Emit(Notice),
    /// The last effect.
    End(End),
}

/// What happened.
#[derive(Clone, Debug)]
pub struct Event {
    pub now: Mono,
    pub kind: EventKind,
}

/// The answers, one for each effect that has one.
#[derive(Clone, Debug)]
pub enum EventKind {
    Started,
    Woke,
    Read(Box<Readings>),
    Leased(Result<Acquired, StoreFailed>),
    Renewed(Result<Option<Lease>, StoreFailed>),
    /// Given back, or not: it ends by itself.
    Released,
    Records(Result<Vec<Record>, StoreFailed>),
    Appended(Result<Appended, StoreFailed>),
    /// An error means that nobody knows what the journal holds.
    Journaled(Result<(), String>),
    Signed(Result<Signed, String>),
    Answered(Heard),
}
