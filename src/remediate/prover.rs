//! The seam to the world: who reads it for remediation, and what an answer means.
//!
//! A machine asks with [`Effect::Read`](super::Effect::Read); whoever drives it hands the question to a [`ReadWorld`] and
//! the answer back. What is proved of a target, by scan, analysis and engine, is read here like everything else.
//!
//! | part | is read from | *unread* means |
//! |---|---|---|
//! | `clock` | the `Date` of one reply; what is certain by it never goes back, as far as the next one allows | no reply told the time: nothing is signed |
//! | `target` | the mesh's or cluster's detail, its clusters and tasks; for a fence also its listener | `NotFound` by the documented code only: perhaps it is gone; all else: not known what the slot holds |
//! | `eip` | the EIP that the action names | not known whether it is free, attached or locked |
//! | `proof` | a scan of the target and of what its judgements rest on, judged | the scan could not even begin; what it could not read is in its ledger, and makes sources `Unknown` |
//! | `policy` | the configuration's and waivers' files as they are now, marks on resources, approvals | not known what people decided, which is no |
//! | `kill` | the account's row and the local file | the switch counts as on |
//! | `trail` | the audit trail, own writes taken out | not known who wrote |
//! | `health` | the mesh's proxies by cluster, and the finding's own rule | not known whether anybody is cut off |
//! | `prepared` | the EIP's protection and tag, the fence's ACL | not known what insures the way back |
//!
//! A part is as old as the oldest reply in it: `asked` is when the first of its requests left. A part of several reads is
//! unread if one of them is. Parts that the question is not about are [`NotAsked`](super::Unread::NotAsked).

use futures::future::BoxFuture;

use super::{Action, CloudTime, Mono, ReadFor, Readings, Target};

/// One question: the fields of [`Effect::Read`](super::Effect::Read).
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Decides the parts, by [`ReadFor::parts`].
    pub what: ReadFor,
    pub target: &'a Target,
    /// `None` only where nothing is open on the target: then only the clock is asked for.
    pub action: Option<&'a Action>,
    /// The plan's id, by which own writes and tags are known; empty where there is none.
    pub plan: &'a str,
    /// Attribution: where the trail begins. Health: when the change took effect.
    pub since: Option<CloudTime>,
}

/// Reads the world. Never writes, never fails as a whole, and ends by itself: what has not been answered by the call's
/// deadline is an [`Unread`](super::Unread).
pub trait ReadWorld: Send + Sync {
    /// Reads the parts that the question is about.
    fn read<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Readings>;

    /// Now, by the clock that the readings' moments are of. Who drives a machine takes the moments of its events from
    /// here: two clocks would make a reading look younger than it is.
    fn now(&self) -> Mono;
}
