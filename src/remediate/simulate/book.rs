//! Keeps the books that invariants are checked against: what the row announced, what reached the gateway, what took
//! effect. It reads the records as a successor would, and the cloud as it really is.

use std::collections::BTreeMap;

use crate::{
    model::AclId,
    remediate::{CloudTime, Flag, NotExecuted, Outcome, Purpose, Resolved, TargetRecord},
};

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// `I1` to `I15`.
    pub invariant: &'static str,
    pub what: String,
}

/// A write as the books have it.
#[derive(Clone, Debug)]
pub(super) struct WriteEntry {
    pub(super) purpose: Purpose,
    pub(super) journaled: bool,
    pub(super) accepted: u32,
    pub(super) resolved: bool,
}

/// A call that makes the way back sure, as the books have it.
#[derive(Clone, Debug)]
pub(super) struct PreparationEntry {
    pub(super) sign_by: CloudTime,
    pub(super) journaled: bool,
}

/// A case as the books have it.
#[derive(Clone, Debug)]
pub(super) struct CaseEntry {
    pub(super) site: usize,
    pub(super) plan: String,
    pub(super) environment: String,
    pub(super) opened_at: u64,
    /// Since when something is to be done about it.
    pub(super) busy_since: u64,
    pub(super) preparations: Vec<PreparationEntry>,
    /// The list that a fence attaches.
    pub(super) acl: Option<AclId>,
    pub(super) writes: Vec<WriteEntry>,
    /// When the change took effect.
    pub(super) effects: Vec<u64>,
    /// Something that no plan named was pushed out by a write of this case.
    pub(super) foreign: bool,
    pub(super) flagged: bool,
    pub(super) verified: bool,
    pub(super) unhealthy: bool,
    pub(super) reopened: bool,
    pub(super) closed: Option<(Outcome, u64)>,
}

impl CaseEntry {
    /// Open, and not merely soaking.
    pub(super) fn is_busy(&self) -> bool {
        self.closed.is_none() && (!self.verified || self.unhealthy || self.flagged || self.reopened)
    }
}

/// The books of one seed.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    pub(super) cases: BTreeMap<String, CaseEntry>,
    /// The open case of a site.
    open: BTreeMap<usize, String>,
    /// Signing times of changes that were accepted.
    pub(super) acts: Vec<(u64, String)>,
}

impl Book {
    pub(super) fn open_case(&self, site: usize) -> Option<&CaseEntry> {
        self.cases.get(self.open.get(&site)?)
    }

    fn open_case_mut(&mut self, site: usize) -> Option<&mut CaseEntry> {
        self.cases.get_mut(self.open.get(&site)?)
    }

    /// A record reached the row of a site. Gives the case that it closed.
    pub(super) fn recorded(&mut self, site: usize, record: &TargetRecord, time: u64) -> Option<(String, Outcome)> {
        match record {
            TargetRecord::Opened(opened) => {
                let entry = CaseEntry {
                    site,
                    plan: opened.plan.clone(),
                    environment: opened.action.environment.clone(),
                    opened_at: time,
                    busy_since: time,
                    preparations: Vec::new(),
                    acl: None,
                    writes: Vec::new(),
                    effects: Vec::new(),
                    foreign: false,
                    flagged: false,
                    verified: false,
                    unhealthy: false,
                    reopened: false,
                    closed: None,
                };
                self.cases.entry(opened.action.intent.clone()).or_insert(entry);
                self.open.insert(site, opened.action.intent.clone());
            }
            TargetRecord::Closed { outcome, .. } => {
                let intent = self.open.remove(&site)?;
                self.cases.get_mut(&intent)?.closed = Some((outcome.clone(), time));
                return Some((intent, outcome.clone()));
            }
            TargetRecord::TakenUp { .. } => {
                let last = self.cases.iter_mut().filter(|(_, case)| case.site == site && case.closed.is_some());
                let (intent, case) = last.max_by_key(|(_, case)| case.opened_at)?;
                (case.closed, case.flagged, case.unhealthy, case.busy_since) = (None, false, true, time);
                self.open.insert(site, intent.clone());
            }
            other => self.noted(site, other, time),
        }
        None
    }

    fn noted(&mut self, site: usize, record: &TargetRecord, time: u64) {
        let Some(case) = self.open_case_mut(site) else { return };
        let busy = case.is_busy();
        match record {
            TargetRecord::Intent { write, purpose, .. } if case.writes.len() as u64 == u64::from(*write) => {
                case.writes.push(WriteEntry { purpose: *purpose, journaled: false, accepted: 0, resolved: false });
            }
            TargetRecord::Preparing { call, sign_by } if case.preparations.len() as u64 == u64::from(*call) => {
                case.preparations.push(PreparationEntry { sign_by: *sign_by, journaled: false });
            }
            TargetRecord::Prepared { acl, .. } => case.acl.clone_from(acl),
            TargetRecord::Resolved { write, how, .. } => {
                if let Some(entry) = usize::try_from(*write).ok().and_then(|at| case.writes.get_mut(at)) {
                    entry.resolved = true;
                }
                case.flagged |= *how == Resolved::Unclear;
            }
            TargetRecord::Verified { .. } => case.verified = true,
            TargetRecord::Unhealthy { .. } => case.unhealthy = true,
            TargetRecord::Reopened { .. } => case.reopened = true,
            TargetRecord::Flagged { flag, .. } => case.flagged |= is_flag(flag),
            _ => {}
        }
        if !busy && case.is_busy() {
            case.busy_since = time;
        }
    }

    /// An announcement is in the synced journal of the one who makes it.
    pub(super) fn journaled(&mut self, site: usize, record: &TargetRecord) {
        let Some(case) = self.open_case_mut(site) else { return };
        let journaled = match record {
            TargetRecord::Intent { write, .. } => {
                usize::try_from(*write).ok().and_then(|at| Some(&mut case.writes.get_mut(at)?.journaled))
            }
            TargetRecord::Preparing { call, .. } => {
                usize::try_from(*call).ok().and_then(|at| Some(&mut case.preparations.get_mut(at)?.journaled))
            }
            _ => None,
        };
        if let Some(journaled) = journaled {
            *journaled = true;
        }
    }

    /// Everything open, at rest.
    pub(super) fn left_open(&self) -> Option<&str> {
        self.open.values().next().map(String::as_str)
    }
}

fn is_flag(flag: &Flag) -> bool {
    matches!(flag, Flag::Race(_) | Flag::NoWayBack(_) | Flag::EipGone(_) | Flag::Uncertain(_) | Flag::Unattributed)
}

/// True for a write that was dropped before it was sent.
pub(super) fn was_dropped(how: &Resolved) -> bool {
    matches!(how, Resolved::NotExecuted(NotExecuted::Dropped(_)))
}
