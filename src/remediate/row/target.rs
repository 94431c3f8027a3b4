//! The records about one target, and what they fold into: at most one open case, and what came of
//! the ones before it.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use serde::{Deserialize, Serialize};

use crate::{
    model::{AclId, EipId},
    remediate::{Action, CloudTime, ClusterHealth, ListenerSettings, Pace},
};

/// What a write is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The change itself.
    Act,
    /// The way back.
    Undo,
    /// Clearing up what insured the way back. Late, it would take the insurance from the next case: it
    /// is fenced like the others.
    Release,
}

/// What was heard of a request that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heard {
    /// Accepted, which is not done.
    Accepted,
    /// Refused by the gateway or the product: it cannot have an effect any more.
    Refused(String),
    /// Nothing, or nothing that can be trusted.
    Lost(String),
}

/// Why a request was not sent after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dropped {
    /// The proof had become too old when it was signed.
    Stale,
    /// Too little was left of the lease.
    LeaseShort,
    /// It would have been signed later than announced.
    Late,
    /// A guard refused.
    Guard,
    /// What a guard needs could not be read.
    Unread,
}

/// Why a write has no effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotExecuted {
    /// Its request was never sent.
    Dropped(Dropped),
    Refused(String),
    /// The fence passed, and nothing is to be seen.
    Fenced,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resolved {
    /// What it was to bring about is there.
    Effect,
    NotExecuted(NotExecuted),
    /// The fence passed, and there is something else.
    Unclear,
    /// The target is.
    Gone,
}

/// Something that a person has to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// Somebody else wrote to the target at the same time: which EIP was let go is for them to say.
    Race(String),
    /// The way back is barred.
    NoWayBack(String),
    /// The EIP that the way back would bind was let go for good.
    EipGone(EipId),
    /// Neither the effect nor its absence could be established.
    Uncertain(String),
    /// The audit trail could not be read, so that a race cannot be ruled out.
    Unattributed,
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Done, verified, soaked, and nobody else's doing.
    Mitigated,
    RolledBack,
    NotExecuted,
    /// The target does not exist any more.
    Gone,
    /// Somebody opened it again during the soak.
    Reopened,
    /// A person is needed. Nothing is written to the target until one acknowledges it.
    Attention,
}

/// A case's beginning: everything that a successor needs to carry it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    pub action: Action,
    pub plan: String,
    pub run: String,
    /// When the first guard was read: from there on nobody else may have written.
    pub first_read: CloudTime,
    /// Deletion protection was there before us, and stays.
    pub protected_before: bool,
    /// Proxies per cluster before the change.
    pub baseline: BTreeMap<String, u32>,
    /// Those of them that did not get what was sent to them even then; a cluster without any is left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub behind: BTreeMap<String, u32>,
    /// What the listener of a fence was set to beside its access control.
    #[serde(default, skip_serializing_if = "ListenerSettings::is_empty")]
    pub settings: ListenerSettings,
    /// Digest of the proof that it was opened on.
    pub proof: String,
}

impl Opened {
    pub(in crate::remediate) fn baseline_of(clusters: &[ClusterHealth]) -> BTreeMap<String, u32> {
        clusters.iter().map(|cluster| (cluster.cluster.clone(), cluster.connected)).collect()
    }

    pub(in crate::remediate) fn behind_of(clusters: &[ClusterHealth]) -> BTreeMap<String, u32> {
        let behind = clusters.iter().filter(|cluster| cluster.behind > 0);
        behind.map(|cluster| (cluster.cluster.clone(), cluster.behind)).collect()
    }
}

/// A record about a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetRecord {
    Opened(Box<Opened>),
    /// Announces a call that makes the way back sure; its signature's time is at most `sign_by`.
    Preparing {
        call: u32,
        sign_by: CloudTime,
    },
    /// What was heard of such a call; one that was never sent counts as refused.
    PreparationAnswered {
        call: u32,
        heard: Heard,
        at: CloudTime,
    },
    /// The way back is insured; for a fence, the ACL that it attaches.
    Prepared {
        acl: Option<AclId>,
        at: CloudTime,
    },
    /// Announces a write; its signature's time is at most `sign_by`.
    Intent {
        write: u32,
        purpose: Purpose,
        sign_by: CloudTime,
    },
    Answered {
        write: u32,
        heard: Heard,
        at: CloudTime,
    },
    Resolved {
        write: u32,
        how: Resolved,
        at: CloudTime,
    },
    Verified {
        at: CloudTime,
    },
    Checked {
        check: u32,
        at: CloudTime,
    },
    /// The way back is to be taken.
    Unhealthy {
        why: String,
        at: CloudTime,
    },
    /// The way back is refused, though the slot and the EIP allow it: people were told, and it is tried again.
    Barred {
        why: String,
        at: CloudTime,
    },
    /// A person asked for the way back of a case that had ended and needed attention.
    TakenUp {
        at: CloudTime,
    },
    /// The slot holds again what it held before.
    Restored {
        at: CloudTime,
    },
    Flagged {
        flag: Flag,
        at: CloudTime,
    },
    /// Nobody else wrote between the first read and then.
    Attributed {
        until: CloudTime,
        at: CloudTime,
    },
    Reopened {
        at: CloudTime,
    },
    Closed {
        outcome: Outcome,
        as_of: CloudTime,
    },
    /// A person has looked at what needed attention.
    Acknowledged {
        by: String,
        at: CloudTime,
    },
}

/// One write of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteLog {
    pub purpose: Purpose,
    pub sign_by: CloudTime,
    pub heard: Option<(Heard, CloudTime)>,
    pub resolved: Option<(Resolved, CloudTime)>,
}

impl WriteLog {
    /// Until when it may still have an effect, whatever has been seen; `None` when it cannot.
    ///
    /// An effect that is there proves nothing about whose it is: a request whose own answer never came
    /// may land after somebody else did the same, and after the way back was taken.
    pub fn haunts_until(&self, pace: &Pace) -> Option<CloudTime> {
        if matches!(self.resolved, Some((Resolved::NotExecuted(NotExecuted::Dropped(_)), _))) {
            return None;
        }
        haunts(self.sign_by, self.heard.as_ref(), pace)
    }
}

fn haunts(sign_by: CloudTime, heard: Option<&(Heard, CloudTime)>, pace: &Pace) -> Option<CloudTime> {
    match heard {
        Some((Heard::Refused(_), _)) => None,
        Some((Heard::Accepted, at)) => Some(*at + pace.accepted_fence()),
        Some((Heard::Lost(_), _)) | None => Some(sign_by + pace.fence()),
    }
}

/// A call that makes the way back sure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preparation {
    pub sign_by: CloudTime,
    pub heard: Option<(Heard, CloudTime)>,
}

/// What is under way on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    pub opened: Opened,
    pub acl: Option<AclId>,
    pub preparations: Vec<Preparation>,
    pub writes: Vec<WriteLog>,
    pub verified: Option<CloudTime>,
    /// Soak checks that passed.
    pub checks: u32,
    pub unhealthy: Option<String>,
    /// The way back was asked for, last when there were so many writes: those before do not count against it.
    back_from: usize,
    /// Why the way back is refused, as people were told.
    pub barred: Option<String>,
    /// The way back has led to where it should.
    pub restored: bool,
    pub flags: BTreeSet<Flag>,
    /// Until then nobody else wrote.
    pub attributed: Option<CloudTime>,
    pub reopened: bool,
}

impl Case {
    fn new(opened: Opened) -> Self {
        Self {
            opened,
            acl: None,
            preparations: Vec::new(),
            writes: Vec::new(),
            verified: None,
            checks: 0,
            unhealthy: None,
            back_from: 0,
            barred: None,
            restored: false,
            flags: BTreeSet::new(),
            attributed: None,
            reopened: false,
        }
    }

    /// The write that is not resolved, if there is one: there is never a second.
    pub fn open_write(&self) -> Option<(u32, &WriteLog)> {
        let last = self.writes.last()?;
        let index = u32::try_from(self.writes.len() - 1).ok()?;
        last.resolved.is_none().then_some((index, last))
    }

    pub fn last(&self, purpose: Purpose) -> Option<&WriteLog> {
        self.writes.iter().rev().find(|write| write.purpose == purpose)
    }

    /// The requests of the way back since it was last asked for, without those that were never sent.
    pub fn ways_back(&self) -> impl DoubleEndedIterator<Item = &WriteLog> {
        let dropped =
            |write: &WriteLog| matches!(write.resolved, Some((Resolved::NotExecuted(NotExecuted::Dropped(_)), _)));
        let since = self.writes.iter().skip(self.back_from);
        since.filter(move |write| write.purpose == Purpose::Undo && !dropped(write))
    }

    /// The change is there, or may be, and should not be: whoever needs the endpoint may be cut off.
    pub fn is_dark(&self) -> bool {
        let changed = matches!(self.act(), Some(Resolved::Effect | Resolved::Unclear));
        // That there is no way back cuts nobody off who needs none.
        let doubtful = |flag: &Flag| matches!(flag, Flag::Uncertain(_));
        changed && !self.restored && !self.reopened && (self.unhealthy.is_some() || self.flags.iter().any(doubtful))
    }

    /// The EIP that would be bound again, if it was let go for good.
    pub fn eip_gone(&self) -> Option<&EipId> {
        self.flags.iter().find_map(|flag| match flag {
            Flag::EipGone(eip) => Some(eip),
            _ => None,
        })
    }

    fn ask_back(&mut self, why: &str) {
        self.unhealthy = Some(why.to_owned());
        self.barred = None;
        self.back_from = self.writes.len();
    }

    /// What came of the change.
    pub fn act(&self) -> Option<&Resolved> {
        self.last(Purpose::Act)?.resolved.as_ref().map(|(how, _)| how)
    }

    /// When the effect was first seen.
    pub fn effect_at(&self) -> Option<CloudTime> {
        self.writes.iter().find_map(|write| match (&write.purpose, &write.resolved) {
            (Purpose::Act, Some((Resolved::Effect, at))) => Some(*at),
            _ => None,
        })
    }

    /// Some request of these may have reached the cloud.
    pub fn was_sent(&self, pace: &Pace) -> bool {
        self.haunted_until(pace).is_some()
    }

    /// The end of the last fence: until then a write of this case may take effect.
    pub fn haunted_until(&self, pace: &Pace) -> Option<CloudTime> {
        self.writes
            .iter()
            .filter(|write| write.purpose != Purpose::Release)
            .filter_map(|write| write.haunts_until(pace))
            .max()
    }

    /// Until then a call that made the way back sure may do so still: what is cleared up before would be there again.
    pub fn prepared_until(&self, pace: &Pace) -> Option<CloudTime> {
        self.preparations.iter().filter_map(|call| haunts(call.sign_by, call.heard.as_ref(), pace)).max()
    }

    /// Until when somebody else's write could be taken for one of these, or hide what one of these did: to the last
    /// fence, and to the last look that something was concluded from.
    pub fn attributable_until(&self, pace: &Pace) -> Option<CloudTime> {
        let ours = self.writes.iter().filter(|write| write.purpose != Purpose::Release);
        let concluded = ours.filter_map(|write| write.resolved.as_ref().map(|(_, at)| *at));
        self.haunted_until(pace).max(concluded.max())
    }

    fn write(&mut self, index: u32) -> Result<&mut WriteLog, &'static str> {
        usize::try_from(index).ok().and_then(|at| self.writes.get_mut(at)).ok_or("a write that was never announced")
    }

    fn apply(&mut self, record: &TargetRecord) -> Result<(), &'static str> {
        match record {
            TargetRecord::Intent { write, purpose, sign_by } => self.announce(*write, *purpose, *sign_by)?,
            TargetRecord::Answered { write, heard, at } => {
                self.write(*write)?.heard.get_or_insert_with(|| (heard.clone(), *at));
            }
            TargetRecord::Resolved { write, how, at } => {
                let log = self.write(*write)?;
                log.resolved.get_or_insert_with(|| (how.clone(), *at));
                let undone = log.purpose == Purpose::Undo && *how == Resolved::Effect;
                self.restored |= undone;
            }
            TargetRecord::Preparing { call, sign_by } => self.prepare(*call, *sign_by)?,
            TargetRecord::PreparationAnswered { call, heard, at } => {
                let call = usize::try_from(*call).ok().and_then(|at| self.preparations.get_mut(at));
                call.ok_or("an answer to what was never announced")?.heard.get_or_insert_with(|| (heard.clone(), *at));
            }
            TargetRecord::Prepared { acl, .. } => self.acl = acl.clone(),
            TargetRecord::Restored { .. } => self.restored = true,
            TargetRecord::Verified { at } => self.verified = Some(*at),
            TargetRecord::Checked { check, .. } => self.checks = self.checks.max(check + 1),
            TargetRecord::Unhealthy { why, .. } => self.ask_back(why),
            TargetRecord::Barred { why, .. } => self.barred = Some(why.clone()),
            TargetRecord::Flagged { flag, .. } => {
                self.flags.insert(flag.clone());
            }
            TargetRecord::Attributed { until, .. } => self.attributed = self.attributed.max(Some(*until)),
            TargetRecord::Reopened { .. } => self.reopened = true,
            TargetRecord::Opened(_)
            | TargetRecord::Closed { .. }
            | TargetRecord::Acknowledged { .. }
            | TargetRecord::TakenUp { .. } => {}
        }
        Ok(())
    }

    fn prepare(&mut self, call: u32, sign_by: CloudTime) -> Result<(), &'static str> {
        let next = u32::try_from(self.preparations.len()).map_err(|_| "more calls than can be")?;
        match call.cmp(&next) {
            // The same record once more, as below.
            Ordering::Less => Ok(()),
            Ordering::Equal => {
                self.preparations.push(Preparation { sign_by, heard: None });
                Ok(())
            }
            Ordering::Greater => Err("a call before the one that comes first"),
        }
    }

    fn announce(&mut self, write: u32, purpose: Purpose, sign_by: CloudTime) -> Result<(), &'static str> {
        let next = u32::try_from(self.writes.len()).map_err(|_| "more writes than can be")?;
        if write < next {
            // The same record once more: its first append was not known to have succeeded.
            return Ok(());
        }
        if write > next || self.open_write().is_some() {
            return Err("an intent while another is open");
        }
        // A way back that is taken once more: the slot was empty again.
        self.restored &= purpose != Purpose::Undo;
        self.writes.push(WriteLog { purpose, sign_by, heard: None, resolved: None });
        Ok(())
    }
}

/// What the records about a target fold into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetRow {
    pub open: Option<Case>,
    /// What came of earlier intents.
    pub done: BTreeMap<String, Outcome>,
    /// How they began.
    pub past: BTreeMap<String, Box<Opened>>,
    /// Needs attention that nobody has acknowledged.
    pub blocked: bool,
    /// The case that ended so, as long as nothing came after it.
    pub attention: Option<Box<Case>>,
}

impl TargetRow {
    /// # Errors
    /// What cannot follow, in words.
    pub fn apply(&mut self, record: &TargetRecord) -> Result<(), &'static str> {
        match record {
            TargetRecord::Opened(opened) => self.begin(opened),
            TargetRecord::Acknowledged { .. } => {
                self.blocked = false;
                Ok(())
            }
            TargetRecord::Closed { outcome, .. } => {
                let Some(case) = self.open.take() else {
                    // Once more, as above.
                    return if self.done.is_empty() { Err("the end of a case that never began") } else { Ok(()) };
                };
                let intent = &case.opened.action.intent;
                self.done.insert(intent.clone(), outcome.clone());
                self.past.insert(intent.clone(), Box::new(case.opened.clone()));
                if *outcome == Outcome::Attention {
                    self.blocked = true;
                    self.attention = Some(Box::new(case));
                }
                Ok(())
            }
            TargetRecord::TakenUp { .. } => self.take_up(),
            other => match &mut self.open {
                Some(case) => case.apply(other),
                None if self.done.is_empty() => Err("a record outside of a case"),
                None => Ok(()),
            },
        }
    }

    /// What insured the way back is still there: a case that needs attention clears nothing up.
    fn take_up(&mut self) -> Result<(), &'static str> {
        if self.open.is_some() {
            return Ok(());
        }
        let mut case = *self.attention.take().ok_or("a case taken up that did not need attention")?;
        self.blocked = false;
        self.done.remove(&case.opened.action.intent);
        case.flags.clear();
        case.ask_back("somebody asked for the way back");
        self.open = Some(case);
        Ok(())
    }

    fn begin(&mut self, opened: &Opened) -> Result<(), &'static str> {
        let intent = &opened.action.intent;
        if self.done.contains_key(intent) {
            return Ok(());
        }
        match &self.open {
            None => {
                self.attention = None;
                self.open = Some(Case::new(opened.clone()));
                Ok(())
            }
            Some(case) if case.opened.action.intent == *intent => Ok(()),
            Some(_) => Err("a case while another is open"),
        }
    }
}
