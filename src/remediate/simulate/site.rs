//! One endpoint of the simulated cloud, with everything that hangs on it, as it is and as it was.

use std::sync::Arc;

use super::weather::MINUTE;
use crate::{
    model::{AclId, EipId},
    remediate::{AclKind, AclSetting, Action, Change, Endpoint, Request, Slot},
};

/// An ACL of our making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SimAcl {
    pub(super) id: AclId,
    pub(super) name: String,
    pub(super) entries: Vec<String>,
}

/// What reads show.
#[derive(Clone, Debug)]
pub(super) struct SiteState {
    pub(super) slot: Slot,
    /// A task runs until then.
    pub(super) busy_until: u64,
    pub(super) upgrading: bool,
    pub(super) canary: bool,
    pub(super) deleted: bool,
    pub(super) waived: bool,
    pub(super) marked: bool,
    /// Cluster or consumer by number: broken without the endpoint.
    pub(super) broken: Vec<bool>,
    /// The planned EIP.
    pub(super) protected: bool,
    pub(super) tag: Option<String>,
    pub(super) locked: bool,
    /// Let go for good, since then.
    pub(super) released: Option<u64>,
    /// Attached to something else.
    pub(super) elsewhere: bool,
    pub(super) acls: Vec<SimAcl>,
}

impl SiteState {
    /// The planned EIP can be bound.
    pub(super) fn is_bindable(&self) -> bool {
        !(self.elsewhere || self.released.is_some() || self.locked)
    }
}

/// Somebody's write, as the audit trail has it.
#[derive(Clone, Debug)]
pub(super) struct TrailEntry {
    pub(super) at: u64,
    /// It can be read from then on.
    pub(super) shown_at: u64,
    /// A plan's session, or nobody's of ours.
    pub(super) plan: Option<String>,
    pub(super) what: &'static str,
}

/// An endpoint.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) action: Arc<Action>,
    pub(super) prepaid: bool,
    /// Deletion protection was on before anybody planned anything.
    pub(super) owner_protects: bool,
    /// Proxies that went by the public address though a path was proved: cut off, they are seen to be so after that long.
    pub(super) hidden: Option<u64>,
    pub(super) now: SiteState,
    /// When it became so, oldest first; the last one is `now`.
    past: Vec<(u64, SiteState)>,
    pub(super) trail: Vec<TrailEntry>,
    /// Since when the slot holds what we left in it.
    pub(super) ours_since: Option<u64>,
}

/// What a request did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Landed {
    /// The slot changed.
    pub(super) effect: bool,
    /// An EIP or a setting that no plan named was pushed out.
    pub(super) foreign: bool,
    /// The insurance was taken away.
    pub(super) uninsured: bool,
    /// Something of it came about.
    pub(super) insured: bool,
}

impl Site {
    pub(super) fn new(action: Arc<Action>, prepaid: bool, owner_protects: bool, hidden: Option<u64>) -> Self {
        let state = SiteState {
            slot: action.before(),
            busy_until: 0,
            upgrading: false,
            canary: false,
            deleted: false,
            waived: false,
            marked: false,
            broken: vec![false; action.clusters.len()],
            protected: owner_protects,
            tag: None,
            locked: false,
            released: None,
            elsewhere: false,
            acls: Vec::new(),
        };
        let past = vec![(0, state.clone())];
        Self { action, prepaid, owner_protects, hidden, now: state, past, trail: Vec::new(), ours_since: None }
    }

    /// As it was then.
    pub(super) fn at(&self, time: u64) -> &SiteState {
        self.past.iter().rev().find(|(since, _)| *since <= time).map_or(&self.now, |(_, state)| state)
    }

    /// Whether it was so at some moment of a span.
    pub(super) fn ever(&self, from: u64, until: u64, so: impl Fn(&SiteState) -> bool) -> bool {
        let begun = self.past.iter().rposition(|(since, _)| *since <= from).unwrap_or(0);
        self.past.iter().skip(begun).take_while(|(since, _)| *since <= until).any(|(_, state)| so(state))
    }

    /// Changes it.
    pub(super) fn change(&mut self, time: u64, how: impl FnOnce(&mut SiteState)) {
        how(&mut self.now);
        self.past.push((time, self.now.clone()));
    }

    /// The planned EIP.
    pub(super) fn eip(&self) -> Option<&EipId> {
        match &self.action.change {
            Change::Unbind { eip, .. } => Some(eip),
            Change::Fence { .. } => None,
        }
    }

    /// What the change leaves in the slot.
    pub(super) fn is_after(&self, slot: &Slot) -> bool {
        match (&self.action.change, slot) {
            (Change::Unbind { .. }, slot) => *slot == Slot::Vacant,
            (Change::Fence { .. }, Slot::Acl(setting)) => {
                setting.on && setting.ids.iter().any(|id| id.as_str().starts_with("acl-new"))
            }
            (Change::Fence { .. }, _) => false,
        }
    }

    /// Somebody is cut off, and it shows.
    pub(super) fn is_dark(&self, time: u64) -> bool {
        let state = self.at(time);
        if !self.is_after(&state.slot) || state.deleted {
            return false;
        }
        let cut = |(hidden, since): (u64, u64)| time >= since.saturating_add(hidden);
        state.broken.contains(&true) || self.hidden.zip(self.ours_since).is_some_and(cut)
    }

    /// The planned EIP was let go for good, or was on something else, all the time of a span.
    pub(super) fn lost_its_eip(&self, from: u64, until: u64) -> bool {
        self.eip().is_some() && !self.ever(from, until, |state| state.released.is_none() && !state.elsewhere)
    }

    pub(super) fn is_canary_pilot(&self) -> bool {
        matches!(self.action.target.endpoint, Endpoint::CanaryPilot(_))
    }

    /// A request takes effect.
    pub(super) fn land(&mut self, request: &Request, time: u64, rolls_for: u64) -> Landed {
        let mut landed = Landed::default();
        // EIP and lists outlive the mesh.
        let writes = matches!(request, Request::Unbind { .. } | Request::Bind { .. } | Request::SetListenerAcl { .. });
        if writes && self.now.deleted {
            return landed;
        }
        let before = self.action.before();
        let was = self.now.slot.clone();
        let (protected, tagged, lists) = (self.now.protected, self.now.tag.is_some(), self.listed());
        let ours = self.is_after(&was) || was == before;
        match request {
            Request::Unbind { .. } => self.set_slot(Slot::Vacant, time),
            Request::Bind { eip, .. } => {
                let free = Some(eip) != self.eip() || self.now.is_bindable();
                if free {
                    self.set_slot(Slot::Eip(eip.clone()), time);
                }
            }
            Request::SetListenerAcl { setting, .. } => self.set_slot(Slot::Acl(setting.clone()), time),
            // It is not there any more.
            Request::Protect { .. } | Request::Tag { .. } if self.now.released.is_some() => {}
            Request::Protect { on, .. } => {
                landed.uninsured = self.now.protected && !on;
                self.change(time, |state| state.protected = *on);
            }
            Request::Tag { plan, .. } => self.change(time, |state| state.tag = plan.clone()),
            Request::CreateAcl { name } => {
                let id = AclId::from(format!("acl-new-{}", time));
                self.change(time, |state| state.acls.push(SimAcl { id, name: name.clone(), entries: Vec::new() }));
            }
            Request::AddAclEntries { acl, entries } => self.change(time, |state| {
                if let Some(held) = state.acls.iter_mut().find(|held| held.id == *acl) {
                    held.entries.extend(
                        entries.iter().filter(|entry| !held.entries.contains(entry)).cloned().collect::<Vec<_>>(),
                    );
                }
            }),
            Request::DeleteAcl { acl } => {
                let used = matches!(&self.now.slot, Slot::Acl(setting) if setting.ids.contains(acl));
                if !used {
                    self.change(time, |state| state.acls.retain(|held| held.id != *acl));
                }
            }
        }
        landed.effect = self.now.slot != was;
        landed.insured =
            (self.now.protected && !protected) || (self.now.tag.is_some() && !tagged) || self.listed() > lists;
        landed.foreign = landed.effect && !ours;
        if landed.effect && rolls_for > 0 {
            self.change(time, |state| state.busy_until = time + rolls_for);
        }
        if landed.effect {
            let after = self.is_after(&self.now.slot);
            self.ours_since = after.then_some(time);
        }
        landed
    }

    /// Lists of ours, and their entries.
    fn listed(&self) -> usize {
        self.now.acls.iter().map(|acl| 1 + acl.entries.len()).sum()
    }

    /// A list of ours holds what was planned, and nothing else.
    pub(super) fn holds_planned(&self, state: &SiteState, list: Option<&AclId>) -> bool {
        let Change::Fence { entries, .. } = &self.action.change else { return false };
        let is_planned =
            |acl: &&SimAcl| acl.entries.len() == entries.len() && entries.iter().all(|it| acl.entries.contains(it));
        state.acls.iter().filter(|acl| Some(&acl.id) == list).any(|acl| is_planned(&acl))
    }

    /// The slot's new value; what is out of it is free.
    pub(super) fn set_slot(&mut self, slot: Slot, time: u64) {
        if self.now.slot != slot {
            self.change(time, |state| state.slot = slot);
        }
    }

    /// A setting that somebody at the console may make.
    pub(super) fn foreign_slot(&self, number: u64) -> Slot {
        match &self.action.change {
            Change::Unbind { .. } => Slot::Eip(EipId::from(format!("eip-other-{number}"))),
            Change::Fence { .. } => Slot::Acl(AclSetting {
                on: true,
                kind: AclKind::White,
                ids: vec![AclId::from(format!("acl-other-{number}"))],
            }),
        }
    }

    /// How long it is busy after a change.
    pub(super) fn rolls_for(&self, drawn: u64) -> u64 {
        match self.action.target.endpoint.rolls() && matches!(self.action.change, Change::Unbind { .. }) {
            true => MINUTE + drawn % (4 * MINUTE),
            false => drawn % (5 * 1000),
        }
    }
}
