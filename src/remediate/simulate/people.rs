//! People at the console, and operators: they change what they like, when they like.

use super::{
    sim::{Sim, What},
    site::TrailEntry,
    trace::Who,
    weather::{MINUTE, SECOND},
    world::{ACCOUNT, EPOCH},
};
use crate::remediate::{
    AccountRecord, CloudTime, Ended, Part, Resolved, Slot, Target, TargetRecord, TargetRow, Unread, row::encode,
    target_row,
};

impl Sim<'_> {
    /// Somebody does something somewhere.
    pub(super) fn person(&mut self) {
        if self.calm {
            return;
        }
        let site = usize::try_from(self.prng.below(self.world.sites.len() as u64)).unwrap_or(0);
        match self.prng.below(20) {
            0 | 1 => self.swap(site),
            2 => self.unbind(site),
            3 | 4 => self.open_again(site),
            5 | 6 => self.break_path(site),
            7 => self.change(site, "mends a path", |state| state.broken.iter_mut().for_each(|broken| *broken = false)),
            8 => self.take_eip(site),
            9 => self.lock(site),
            10 => self.join_cluster(site),
            11 => self.change(site, "files a waiver", |state| state.waived = true),
            12 => self.upgrade(site),
            13 => self.canary(site),
            14 => self.delete(site),
            15 => self.kill(),
            16..=18 => self.lose_a_part(site),
            _ => self.operate(site),
        }
    }

    /// Somebody acts between a signature and its effect.
    pub(super) fn spite(&mut self, site: usize) {
        if self.calm {
            return;
        }
        match self.prng.below(8) {
            0 | 1 => self.swap(site),
            2 => self.unbind(site),
            3 | 4 => self.break_path(site),
            5 => self.take_eip(site),
            _ => self.open_again(site),
        }
    }

    /// What a guard has let pass is not so any more.
    pub(super) fn undo_a_guard(&mut self, site: usize) {
        match self.prng.below(7) {
            0 => self.swap(site),
            1 => self.change(site, "files a waiver", |state| state.waived = true),
            2 => self.break_path(site),
            3 => self.canary(site),
            4 => self.join_cluster(site),
            5 => self.kill(),
            _ => self.lose(site, Part::Policy, Unread::Schema("Waivers".to_owned())),
        }
    }

    /// Somebody adds an entry to the list of a fence, or takes one away; and then something keeps us from attaching it at once,
    /// or from reading it.
    pub(super) fn edit_list(&mut self, site: usize) {
        let Some(held) = self.world.sites.get(site) else { return };
        if held.now.acls.is_empty() {
            return;
        }
        let adds = self.prng.chance(500);
        self.change(site, "edits the new list", |state| {
            for acl in &mut state.acls {
                match adds {
                    true => acl.entries.push("0.0.0.0/0".to_owned()),
                    false => acl.entries.truncate(1),
                }
            }
        });
        let part = self.prng.pick(&[Part::Trail, Part::Prepared], Part::Trail);
        let until = self.now + self.prng.between(8 * SECOND, 15 * SECOND);
        self.outage = Some((part, Unread::Failed("garbage".to_owned()), until));
    }

    /// The right to read endpoints is taken away.
    pub(super) fn go_blind(&mut self) {
        self.lose(0, Part::Target, Unread::Denied);
    }

    fn change(&mut self, site: usize, what: &'static str, how: impl FnOnce(&mut super::site::SiteState)) {
        let now = self.now;
        self.trace.mix(&[now, 300, site as u64]);
        self.trace.say(now, Who::Console, || format!("{what} (site {site})"));
        if let Some(site) = self.world.sites.get_mut(site) {
            site.change(now, how);
        }
    }

    /// A change of the slot, which the audit trail shows.
    fn set(&mut self, site: usize, what: &'static str, slot: Slot) {
        let (now, shown) = (self.now, self.trail_delay());
        let Some(held) = self.world.sites.get_mut(site) else { return };
        if held.now.deleted || held.now.slot == slot {
            return;
        }
        let after = held.is_after(&slot);
        held.set_slot(slot, now);
        held.ours_since = held.ours_since.filter(|_| after);
        held.trail.push(TrailEntry { at: now, shown_at: now + shown, plan: None, what });
        self.trace.mix(&[now, 301, site as u64]);
        self.trace.say(now, Who::Console, || format!("{what} (site {site})"));
    }

    pub(super) fn swap(&mut self, site: usize) {
        let number = self.prng.below(1000);
        let Some(slot) = self.world.sites.get(site).map(|site| site.foreign_slot(number)) else { return };
        self.set(site, "binds another one", slot);
    }

    fn unbind(&mut self, site: usize) {
        let Some(held) = self.world.sites.get(site) else { return };
        if held.eip().is_some() {
            self.set(site, "unbinds it", Slot::Vacant);
        }
    }

    /// The planned setting comes back, by hand.
    fn open_again(&mut self, site: usize) {
        let Some(held) = self.world.sites.get(site) else { return };
        let (slot, free) = (held.action.before(), held.now.is_bindable());
        if free {
            self.set(site, "opens it again", slot);
        }
    }

    pub(super) fn break_path(&mut self, site: usize) {
        self.change(site, "breaks a path", |state| {
            if let Some(broken) = state.broken.first_mut() {
                *broken = true;
            }
        });
    }

    /// The EIP is free, and somebody uses it or lets it go.
    fn take_eip(&mut self, site: usize) {
        let means_it = self.prng.chance(200);
        let Some(held) = self.world.sites.get(site) else { return };
        let free = held.eip().is_some_and(|eip| held.now.slot != Slot::Eip(eip.clone()));
        // Protection does not stop somebody who takes it off first.
        let releasable = (!held.now.protected || means_it) && !held.prepaid;
        if !free || held.now.released.is_some() {
            return;
        }
        let now = self.now;
        match releasable && self.prng.chance(500) {
            true => self.change(site, "releases the EIP", |state| {
                (state.protected, state.tag, state.released) = (false, None, Some(now));
            }),
            false => self.change(site, "uses the EIP elsewhere", |state| state.elsewhere = true),
        }
    }

    fn lock(&mut self, site: usize) {
        self.change(site, "does not pay: the EIP is locked", |state| state.locked = true);
    }

    fn join_cluster(&mut self, site: usize) {
        self.change(site, "adds a cluster without a path", |state| state.broken.push(true));
    }

    fn upgrade(&mut self, site: usize) {
        let on = self.world.sites.get(site).is_some_and(|site| !site.now.upgrading);
        self.change(site, "begins or ends an upgrade", |state| state.upgrading = on);
        if on {
            let wait = self.prng.between(MINUTE, 30 * MINUTE);
            self.after(wait, What::Person);
            let until = self.now + wait;
            self.change(site, "will be done", |state| {
                state.upgrading = false;
                state.busy_until = state.busy_until.max(until);
            });
        }
    }

    fn canary(&mut self, site: usize) {
        let on = self.world.sites.get(site).is_some_and(|site| !site.now.canary);
        self.change(site, "starts or stops a canary", |state| state.canary = on);
    }

    fn delete(&mut self, site: usize) {
        if self.prng.chance(300) {
            self.change(site, "deletes the mesh", |state| {
                state.deleted = true;
                state.slot = Slot::Vacant;
            });
        }
    }

    fn kill(&mut self) {
        self.kill_since = match self.kill_since {
            Some(_) => None,
            None => Some(self.now),
        };
        let on = self.kill_since.is_some();
        self.trace.say(self.now, Who::Operator, || format!("kill switch {}", if on { "on" } else { "off" }));
        if on {
            let wait = self.prng.between(SECOND, 20 * MINUTE);
            self.after(wait, What::Person);
        }
    }

    /// A right is taken away, or replies change their shape, for a while; and just then somebody files a waiver.
    fn lose_a_part(&mut self, site: usize) {
        let part = self
            .prng
            .pick(&[Part::Target, Part::Policy, Part::Policy, Part::Trail, Part::Health, Part::Eip], Part::Target);
        let fault = match self.prng.below(3) {
            0 => Unread::Denied,
            1 => Unread::Schema("State".to_owned()),
            _ => Unread::Failed("garbage".to_owned()),
        };
        self.lose(site, part, fault);
    }

    fn lose(&mut self, site: usize, part: Part, fault: Unread) {
        let until = self.now + self.prng.between(10 * SECOND, 30 * MINUTE);
        self.trace.say(self.now, Who::Console, || {
            format!("makes {part:?} unreadable ({fault:?}) for {} s", (until - self.now) / SECOND)
        });
        self.outage = Some((part, fault, until));
        if part == Part::Policy {
            self.change(site, "files a waiver", |state| state.waived = true);
        }
    }

    /// An operator acknowledges what needed attention, and closes the breaker.
    fn operate(&mut self, site: usize) {
        self.trace.say(self.now, Who::Operator, || format!("acknowledges site {site}, closes the breaker"));
        let at = CloudTime(EPOCH + self.now);
        let Some(target) = self.world.sites.get(site).map(|site| site.action.target.clone()) else { return };
        if self.book.open_case(site).is_none() {
            let record = TargetRecord::Acknowledged { by: "operator".to_owned(), at };
            self.operator_writes(&target.row(), &encode(&record));
        }
        let record = AccountRecord::BreakerClosed { by: "operator".to_owned(), at };
        self.operator_writes(&format!("account/{ACCOUNT}"), &encode(&record));
        if self.prng.chance(500) {
            self.take_up(site, &target, at);
        }
    }

    /// Somebody looks after what needed attention, and has a plan carried out once more.
    pub(super) fn look_after(&mut self, site: usize) {
        self.operate(site);
        let plan = usize::try_from(self.prng.below(2)).unwrap_or(0);
        if let (Some(errand), Some(host)) = (self.world.errand(plan), self.hosts.first_mut()) {
            host.errands.push_back(self.between.errand(errand));
            let wait = self.prng.between(SECOND, MINUTE);
            self.after(wait, What::Start { host: 0 });
        }
    }

    /// Somebody asks for the way back of what needed attention.
    fn take_up(&mut self, site: usize, target: &Target, at: CloudTime) {
        let row = target_row(&self.store.records(&target.row())).ok();
        let Some(TargetRow { open: None, attention: Some(case), .. }) = row else { return };
        if case.restored || case.act() != Some(&Resolved::Effect) {
            return;
        }
        self.trace.say(self.now, Who::Operator, || format!("takes up what needed attention at site {site}"));
        let taken = TargetRecord::TakenUp { at };
        self.operator_writes(&target.row(), &encode(&taken));
        self.book.recorded(site, &taken, self.now);
        let ended = AccountRecord::Ended { intent: case.opened.action.intent, how: Ended::TakenUp, at };
        self.operator_writes(&format!("account/{ACCOUNT}"), &encode(&ended));
        self.settle_after(0, SECOND);
    }
}
