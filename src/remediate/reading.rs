//! What is read before, between and after: every value with the moment at which it was asked for.
//! What could not be read is an [`Unread`], never a default.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{ClockReading, CloudTime, Mono, Slot, document::Reason};
use crate::model::{AclId, LoadBalancerId};

/// Something read, and when the request left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<T> {
    pub value: T,
    pub asked: Mono,
}

/// Why something was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    Throttled,
    Denied,
    /// The documented code for *there is no such thing*, and no other.
    NotFound,
    /// A reply that lacks a field or is not understood.
    Schema(String),
    Failed(String),
    /// Nobody asked.
    NotAsked,
}

/// One part of what was to be read.
pub type Reading<T> = Result<Seen<T>, Unread>;

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Yes,
    No,
    Unknown,
}

/// What a listener is set to beside its access control: names, and values as JSON. Whichever settings there are is the
/// vendor's matter; a change of the access control must leave all of them as they are.
pub type ListenerSettings = BTreeMap<String, String>;

/// The settings in which two looks at a listener differ.
pub(in crate::remediate) fn differing<'a>(before: &'a ListenerSettings, after: &'a ListenerSettings) -> Vec<&'a str> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).map(String::as_str).collect()
}

/// The endpoint and what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetState {
    pub slot: Slot,
    pub load_balancer: LoadBalancerId,
    /// State `running`.
    pub running: bool,
    /// An upgrade, a canary control plane beside the pilot, or a task is under way.
    pub upgrading: bool,
    pub canary: bool,
    pub task: bool,
    /// The cluster's type offers the change.
    pub offered: bool,
    /// Data-plane clusters or known consumers, sorted; `None` where the question does not need them, so that the way back
    /// waits for nothing else.
    pub clusters: Option<Vec<String>>,
    /// Of the listener of a fence; `None` where the question does not need them, and for an unbinding.
    pub settings: Option<ListenerSettings>,
    /// For the way back from a fence to a list of before: whether that list still lets in somebody, and not everybody by
    /// being empty. `None` where there is none, or nobody asked.
    pub previous: Option<Standing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EipStatus {
    Available,
    InUse,
    /// Associating, unassociating or releasing.
    Moving,
}

/// The EIP that the action names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EipState {
    pub status: EipStatus,
    /// Where it is attached.
    pub load_balancer: Option<LoadBalancerId>,
    pub service_managed: bool,
    /// Any operation lock.
    pub locked: bool,
    /// `BusinessStatus` is `Normal`.
    pub business_normal: bool,
    pub prepaid: bool,
}

/// Planned = scanned + denied + failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    pub planned: u32,
    pub scanned: u32,
    pub denied: u32,
    pub failed: u32,
}

impl Ledger {
    /// Everything was read, and the sum says so too.
    pub fn complete(&self) -> bool {
        self.planned > 0 && self.planned == self.scanned && self.denied == 0 && self.failed == 0
    }
}

/// Somebody who may need the endpoint, or a source that a white list must admit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub name: String,
    /// It has a proved private path, does not need the endpoint, or is admitted.
    pub safe: Standing,
}

/// What the analyses say of the target, on readings of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    pub scanned_at: CloudTime,
    pub ledger: Ledger,
    pub exposed: Standing,
    /// Every data-plane cluster, known consumer, or needed source.
    pub sources: Vec<Source>,
    /// The mesh has proved that it has no cluster.
    pub no_sources: bool,
    /// Logs or observations that were read whole and agree.
    pub evidence: u32,
    /// Why a plan that is made now would not have the action, though nobody needs the endpoint: none where it would.
    pub against: Vec<Reason>,
    pub digest: String,
}

/// Who signed the plan, or what stands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approvals {
    pub needed: u32,
    pub valid: u32,
    /// Times of the scans that agree, for automatic mode.
    pub agreeing: Option<(CloudTime, CloudTime)>,
    /// When the owner was told, for automatic mode.
    pub owner_told: Option<CloudTime>,
}

/// What people decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub waived: bool,
    /// A protection marker, whether it can be parsed or not.
    pub protected: bool,
    /// Change windows, from and until, out of the zone's own times.
    pub windows: Vec<(CloudTime, CloudTime)>,
    pub approvals: Approvals,
    /// Of the resource, by its tags as they are: approvals and budgets go by it.
    pub environment: String,
    /// The accounts that the configuration puts in scope hold the target's.
    pub in_scope: bool,
    /// What of ours reaches anything through this endpoint: runner, store, journal, way back.
    pub we_depend: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    On,
    Off,
}

/// A write that none of ours made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignWrite {
    /// The whole second in which it was done, which is all that the trail tells.
    pub at: CloudTime,
    pub who: String,
    pub what: String,
}

impl ForeignWrite {
    /// It was done before this moment.
    pub fn before(&self) -> CloudTime {
        self.at + Duration::from_secs(1)
    }
}

/// The audit trail about the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    pub foreign: Vec<ForeignWrite>,
    /// Everything until then is in it.
    pub complete_until: CloudTime,
}

/// Proxies of one cluster, or one consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterHealth {
    pub cluster: String,
    pub proxies: u32,
    /// Connected now: the cloud lists those that are.
    pub connected: u32,
    /// `STALE` or `NOT SENT`.
    pub behind: u32,
}

/// The data plane, and the finding's own rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub clusters: Vec<ClusterHealth>,
    /// Each proxy is told by its cluster. Else `clusters` is one entry for all of them together.
    pub attributed: bool,
    /// The rule finds nothing any more.
    pub rule_passes: Standing,
    /// Private paths, or admission, as in [`Proof`].
    pub sources: Vec<Source>,
}

/// What stands ready for the way back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    pub protected: bool,
    pub tag: Option<String>,
    /// The ACL of the action's name, with what is in it. With several, one that is whole.
    pub acl: Option<(AclId, Vec<String>)>,
    /// Others of that name: a call was answered by nothing, and was done.
    pub others: Vec<AclId>,
}

/// A part of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Target,
    Eip,
    Proof,
    Policy,
    Kill,
    Trail,
    Health,
    Prepared,
}

/// What is read, by what it is for. Every reply tells the cloud's time as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFor {
    Clock,
    /// All guards, and the data plane's baseline.
    Guards,
    /// All guards again, before signing.
    Recheck,
    /// The last look before signing.
    Kill,
    /// Where the change stands.
    Slot,
    /// Guards of the way back.
    Undo,
    /// Whether all is well after the change.
    Health,
    Attribution,
    Prepared,
}

impl ReadFor {
    pub fn parts(self) -> &'static [Part] {
        use Part::{Eip, Health, Kill, Policy, Prepared, Proof, Target, Trail};
        match self {
            Self::Clock => &[],
            Self::Guards => &[Target, Eip, Proof, Policy, Kill, Trail, Health, Prepared],
            Self::Recheck => &[Target, Eip, Proof, Policy, Kill, Trail, Prepared],
            Self::Kill => &[Kill],
            Self::Slot => &[Target, Eip],
            Self::Undo => &[Target, Eip, Kill],
            Self::Health => &[Target, Eip, Health],
            Self::Attribution => &[Trail],
            Self::Prepared => &[Kill, Prepared],
        }
    }
}

/// Replies that a reading took, those that were asked for again among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replies {
    pub all: u64,
    /// Those that said that we ask too often.
    pub throttled: u64,
}

/// What came of a reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readings {
    pub clock: Option<ClockReading>,
    pub replies: Replies,
    pub target: Reading<TargetState>,
    pub eip: Reading<EipState>,
    pub proof: Reading<Proof>,
    pub policy: Reading<Policy>,
    pub kill: Reading<Kill>,
    pub trail: Reading<Trail>,
    pub health: Reading<Health>,
    pub prepared: Reading<Prepared>,
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            clock: None,
            replies: Replies::default(),
            target: Err(Unread::NotAsked),
            eip: Err(Unread::NotAsked),
            proof: Err(Unread::NotAsked),
            policy: Err(Unread::NotAsked),
            kill: Err(Unread::NotAsked),
            trail: Err(Unread::NotAsked),
            health: Err(Unread::NotAsked),
            prepared: Err(Unread::NotAsked),
        }
    }
}

impl Readings {
    /// When the oldest part was asked for.
    pub fn oldest(&self) -> Option<Mono> {
        fn asked<T>(reading: &Reading<T>) -> Option<Mono> {
            reading.as_ref().ok().map(|seen| seen.asked)
        }
        [
            asked(&self.target),
            asked(&self.eip),
            asked(&self.proof),
            asked(&self.policy),
            asked(&self.kill),
            asked(&self.trail),
            asked(&self.health),
            asked(&self.prepared),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}
