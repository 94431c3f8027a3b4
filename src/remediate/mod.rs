//! Safe remediation: changes that are proved needless at the moment of the call, announced on disk
//! before it, observed after it, and that have a way back.
//!
//! Everything here is sans-I/O: [`Machine::step`] and [`Runner::step`] take what happened and give
//! what is to be done. Whoever drives them performs one effect after the other and hands back the
//! answer; the drivers of production and of the [simulation](simulate) differ in nothing else.
//! docs/remediation.md tells the protocol; the reasons for its waits stand at [`Pace`].

#![deny(clippy::disallowed_methods)]

mod action;
pub mod approval;
pub mod document;
pub mod eligible;
pub mod guard;
mod hand;
pub mod journal;
mod machine;
mod pace;
mod plan;
mod prover;
mod reading;
mod row;
mod runner;
pub mod select;
pub mod simulate;
mod time;
mod window;
mod wire;
mod zone;

pub use action::{AclKind, AclSetting, Action, Change, Endpoint, Request, Slot, Target, WriteRef};
pub use document::{Document, LeftOut, Planned, Planner};
pub use hand::{Answer, Hand};
pub use machine::{
    Effect, End, Event, EventKind, Job, Machine, Notice, SignOrder, Signed, State, Stopped, StoppedBy, StoreFailed,
    journal_line,
};
pub use pace::Pace;
pub use plan::{Limits, Mode, Plan, Selection};
pub use prover::{Ask, ReadWorld};
pub use reading::{
    Approvals, ClusterHealth, EipState, EipStatus, ForeignWrite, Health, Kill, Ledger, ListenerSettings, Part, Policy,
    Prepared, Proof, ReadFor, Reading, Readings, Replies, Seen, Source, Standing, TargetState, Trail, Unread,
};
pub use row::{
    Account, AccountRecord, Case, Debit, Dropped, Ended, Flag, Heard, NotExecuted, Opened, Outcome, OwnerTold, Purpose,
    Resolved, RowError, TargetRecord, TargetRow, WriteLog, account_row, heeding, kill_row, notice_row, owner_told,
    target_row,
};
pub use runner::{Errand, Runner, Verdict};
pub use time::{ClockReading, CloudTime, Mono};
pub use window::{NotATime, TimeOfDay, Window, spans};
pub use wire::{Call, Calls, NoSuchCall, PLAN_TAG};
pub use zone::{NoSuchZone, Zone};
