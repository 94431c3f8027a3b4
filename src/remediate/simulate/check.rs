//! The invariants I1 to I14, checked where they can break. I15, the digest, is compared by who runs a seed twice.

use super::{
    book::{CaseEntry, PreparationEntry, was_dropped},
    serve::SECRET,
    sim::{Sim, What},
    site::{Landed, Site, SiteState},
    trace::Who,
    weather::{HOUR, MINUTE, SECOND},
    world::EPOCH,
};
use crate::{
    model::AclId,
    remediate::{CloudTime, Outcome, Purpose, Resolved, Selection, Signed, TargetRecord, WriteRef},
};

/// A proof is as old as its reading, what the reading lagged, and the clock's grain.
const PROOF: u64 = 5 * SECOND + 2 * SECOND + 100;

impl Sim<'_> {
    /// I13.
    pub(super) fn must_hold_no_secret(&mut self, bytes: &[u8]) {
        if memchr::memmem::find(bytes, SECRET.as_bytes()).is_some() {
            self.violate("I13", "a signature was written down or told".to_owned());
        }
    }

    /// A record reached a target's row.
    pub(super) fn recorded(&mut self, site: usize, epoch: u64, record: &TargetRecord) {
        self.trace.say(self.now, Who::Row, || format!("site {site} epoch {epoch}: {record:?}"));
        let closed = self.book.recorded(site, record, self.now);
        match record {
            TargetRecord::Closed { outcome, as_of } => {
                if *outcome == Outcome::Attention && self.prng.chance(300) {
                    let wait = self.prng.between(MINUTE, 30 * MINUTE);
                    self.after(wait, What::Looked { site });
                }
                if let Some((intent, _)) = closed {
                    self.must_be_true(site, &intent, outcome, *as_of);
                }
            }
            TargetRecord::Resolved { how, .. } if was_dropped(how) => self.must_be_unsent(site, record),
            TargetRecord::Resolved { write, how, .. } => self.must_have_happened(site, *write, how),
            // Whoever waits for a bad moment: guards were read and will be read again; a change is about to be made; the
            // way back is about to be taken.
            TargetRecord::Opened(_) if self.prng.chance(self.weather.spite) => {
                self.after(0, What::Guarded { site });
            }
            TargetRecord::Intent { purpose: Purpose::Act, .. } if self.prng.chance(self.weather.spite / 2) => {
                let wait = self.prng.below(20 * SECOND);
                self.after(wait, What::Blind);
            }
            TargetRecord::Prepared { .. } if self.prng.chance(self.weather.spite) => {
                let wait = self.prng.below(2 * SECOND);
                self.after(wait, What::Edit { site });
            }
            TargetRecord::Unhealthy { .. } if self.prng.chance(self.weather.spite) => {
                let wait = self.prng.below(5 * SECOND);
                self.after(wait, What::Swap { site });
            }
            _ => {}
        }
    }

    /// A record is in a synced journal: of an announcement, that is what the call waits for.
    pub(super) fn journaled(&mut self, payload: &[u8]) {
        #[derive(serde::Deserialize)]
        struct Line {
            row: String,
            record: TargetRecord,
        }
        // Only announcements begin so: reading all records would cost more than the rest of a step.
        let begins = |with: &[u8]| memchr::memmem::find(payload, with).is_some();
        if !begins(b"\"record\":{\"intent\"") && !begins(b"\"record\":{\"preparing\"") {
            return;
        }
        if let Ok(Line { row, record }) = serde_json::from_slice(payload)
            && let Some(site) = self.rows.get(&row).copied()
        {
            self.book.journaled(site, &record);
        }
    }

    /// I4: what a look concluded was so when it was looked.
    fn must_have_happened(&mut self, index: usize, write: u32, how: &Resolved) {
        let (Some(case), Some(site)) = (self.book.open_case(index), self.world.sites.get(index)) else { return };
        let purpose = usize::try_from(write).ok().and_then(|at| case.writes.get(at)).map(|entry| entry.purpose);
        let from = case.opened_at;
        let wrong = match (purpose, how) {
            (Some(Purpose::Act), Resolved::Effect) => !site.ever(from, self.now, |state| site.is_after(&state.slot)),
            (Some(Purpose::Undo), Resolved::Effect) => {
                let since = case.effects.last().copied().unwrap_or(from);
                !site.ever(since + 1, self.now, |state| state.slot == site.action.before())
            }
            (Some(_), Resolved::Gone) => !site.now.deleted,
            // What somebody else took back at once leaves nothing to see. The audit trail tells it before the case is closed.
            (Some(Purpose::Act), Resolved::NotExecuted(_)) => {
                let others = site.trail.iter().any(|entry| entry.plan.is_none() && entry.at >= from);
                !case.effects.is_empty() && !others
            }
            _ => false,
        };
        if wrong {
            self.violate("I4", format!("write {write} of site {index} is called {how:?}, and is not so"));
        }
    }

    /// A write that was called dropped has not been sent.
    fn must_be_unsent(&mut self, site: usize, record: &TargetRecord) {
        let TargetRecord::Resolved { write, .. } = record else { return };
        let sent = self.book.open_case(site).and_then(|case| case.writes.get(usize::try_from(*write).ok()?));
        if sent.is_some_and(|entry| entry.accepted > 0) {
            self.violate("I4", format!("write {write} of site {site} is called dropped, and was sent"));
        }
    }

    /// The gateway accepted a write.
    pub(super) fn accepted(&mut self, host: usize, site: usize, write: u32, signed: &Signed) {
        let intent = signed.order().write().intent.clone();
        let signing = self.signing_time(signed);
        let Some(case) = self.book.cases.get_mut(&intent) else {
            return self.violate("I3", format!("{intent} was sent without a case"));
        };
        if case.site != site {
            return self.violate("I3", format!("{intent} is about another endpoint than its request"));
        }
        let at = usize::try_from(write).unwrap_or(usize::MAX);
        let Some(entry) = case.writes.get_mut(at) else {
            return self.violate("I3", format!("write {write} of {intent} was sent before its intent was in the row"));
        };
        entry.accepted += 1;
        let (purpose, journaled, accepted) = (entry.purpose, entry.journaled, entry.accepted);
        // A later one of the same case may be open: this one was signed before, and lands late.
        let others_open = case.writes.iter().take(at).any(|other| !other.resolved);
        if !journaled {
            self.violate("I3", format!("write {write} of {intent} was sent before its intent was in the journal"));
        }
        if purpose == Purpose::Release {
            return;
        }
        if accepted > 1 {
            self.violate("I2", format!("write {write} of {intent} was accepted {accepted} times"));
        }
        let elsewhere = self.book.open_case(site).is_none_or(|open| !std::ptr::eq(open, &self.book.cases[&intent]));
        if others_open || elsewhere {
            self.violate("I10", format!("{intent} writes while something else may still take effect there"));
        }
        if self.kill_since.is_some_and(|since| signing > since + SECOND + 50) {
            self.violate("I12", format!("{intent} was signed after the kill switch was turned on"));
        }
        match purpose {
            Purpose::Act => self.must_be_proven(host, site, &intent, signing),
            Purpose::Undo => self.must_be_free(site, &intent, signing),
            Purpose::Release => {}
        }
    }

    /// I1: everything that lets an action pass was so within the proof's age. I9: on a whole reading.
    fn must_be_proven(&mut self, host: usize, index: usize, intent: &str, signing: u64) {
        let Some(site) = self.world.sites.get(index) else { return };
        let from = signing.saturating_sub(PROOF);
        let ever = |so: &dyn Fn(&SiteState) -> bool| site.ever(from, signing, so);
        let clusters = site.action.clusters.len();
        let canary_pilot = site.is_canary_pilot();
        let fence = site.eip().is_none();
        let list = self.book.cases.get(intent).and_then(|case| case.acl.as_ref());
        let questions: [(&str, bool); 10] = [
            ("the slot held what the plan says", ever(&|state| state.slot == site.action.before())),
            ("nobody was cut off", ever(&|state| !state.broken.contains(&true))),
            ("it was not waived", ever(&|state| !state.waived)),
            ("the clusters were the plan's", ever(&|state| state.broken.len() == clusters)),
            ("no canary was alive", canary_pilot || ever(&|state| !state.canary)),
            ("nothing was upgraded", ever(&|state| !state.upgrading)),
            ("the EIP was not locked", fence || ever(&|state| !state.locked)),
            ("it was quiet", ever(&|state| state.busy_until <= signing)),
            ("it was insured", fence || site.prepaid || ever(&|state| state.protected)),
            ("the list was the planned one", !fence || ever(&|state| site.holds_planned(state, list))),
        ];
        if let Some((what, _)) = questions.iter().find(|(_, so)| !so) {
            return self.violate("I1", format!("{intent} was signed, and not so: {what}"));
        }
        let (opens, closes) = self.world.decided.window;
        if signing + 2 * SECOND < opens || signing > closes + 2 * SECOND {
            return self.violate("I1", format!("{intent} was signed outside of the window"));
        }
        let whole = self.hosts.get(host).and_then(|host| host.proof_at);
        if whole.is_none_or(|at| signing > at + 5 * SECOND + 100) {
            return self.violate("I9", format!("{intent} was signed on a reading that was not whole"));
        }
        self.must_be_allowed(intent, signing);
    }

    /// I1, I3 and I12 of what insures the way back: it was announced, and is written to an endpoint that may be changed, and
    /// to no other.
    pub(super) fn must_be_touchable(&mut self, index: usize, signed: &Signed) {
        let Some(site) = self.world.sites.get(index) else { return };
        let (intent, signing) = (&signed.order().write().intent, self.signing_time(signed));
        let of_order = |call: &PreparationEntry| call.journaled && signed.order().at() <= call.sign_by;
        if !self.book.cases.get(intent).is_some_and(|case| case.preparations.iter().any(of_order)) {
            return self.violate("I3", format!("{intent} had its way back insured before that was announced"));
        }
        let from = signing.saturating_sub(PROOF);
        let (opens, closes) = self.world.decided.window;
        let planned = site.ever(from, signing, |state| state.slot == site.action.before());
        let questions = [
            ("it was not waived", site.ever(from, signing, |state| !state.waived && !state.marked)),
            ("the slot held what the plan says", planned),
            ("the window was open", signing + 2 * SECOND >= opens && signing <= closes + 2 * SECOND),
        ];
        if let Some((what, _)) = questions.iter().find(|(_, so)| !so) {
            return self.violate("I1", format!("{intent} had its way back insured, and not so: {what}"));
        }
        if self.kill_since.is_some_and(|since| signing > since + SECOND + 50) {
            self.violate("I12", format!("{intent} had its way back insured after the kill switch was turned on"));
        }
    }

    /// I1 and I2: the plan, what was picked of it, the budgets and the rate.
    fn must_be_allowed(&mut self, intent: &str, signing: u64) {
        let Some(case) = self.book.cases.get(intent) else { return };
        let plan_at = self.world.plans.iter().position(|plan| plan.id == case.plan);
        let Some((plan, selection)) =
            plan_at.and_then(|at| Some((self.world.plans.get(at)?, self.world.selections.get(at)?)))
        else {
            return self.violate("I1", format!("{intent} is of no plan"));
        };
        if EPOCH + signing > plan.expires.0 + 2 * SECOND {
            return self.violate("I1", format!("{intent} was signed after its plan had expired"));
        }
        if matches!(selection, Selection::Intents(picked) if !picked.contains(intent)) {
            return self.violate("I1", format!("{intent} was not picked"));
        }
        let recent = |more: &dyn Fn(&str) -> bool| {
            let counted =
                self.book.acts.iter().filter(|(at, other)| *at + 23 * HOUR > signing && other != intent && more(other));
            u32::try_from(counted.count()).unwrap_or(u32::MAX)
        };
        let of = |other: &str| self.book.cases.get(other);
        let environment = plan.limits.per_environment.get(&case.environment).copied().unwrap_or(0);
        let over = recent(&|_| true) >= plan.limits.per_day
            || recent(&|other| of(other).is_some_and(|other| other.plan == case.plan)) >= plan.limits.per_run
            || recent(&|other| of(other).is_some_and(|other| other.environment == case.environment)) >= environment;
        if over {
            return self.violate("I2", format!("{intent} is beyond a budget"));
        }
        if let Some((at, other)) = self.book.acts.iter().find(|(at, _)| at.abs_diff(signing) < 58 * SECOND) {
            return self.violate("I2", format!("{intent} at {signing} is too soon after {other} at {at}"));
        }
        self.book.acts.push((signing, intent.to_owned()));
    }

    /// I6: the way back leads onto what the change left, and was read to do so.
    fn must_be_free(&mut self, index: usize, intent: &str, signing: u64) {
        let Some(site) = self.world.sites.get(index) else { return };
        let from = signing.saturating_sub(PROOF);
        let free = site.ever(from, signing, |state| site.is_after(&state.slot));
        let ready = site.eip().is_none() || site.ever(from, signing, SiteState::is_bindable);
        if !free || !ready {
            self.violate(
                "I6",
                format!("{intent} was taken back onto what it had not left, or with an EIP that was not free"),
            );
        }
    }

    /// An act or its undoing took effect.
    pub(super) fn took_effect(&mut self, index: usize, purpose: Option<Purpose>, write: &WriteRef, landed: &Landed) {
        let now = self.now;
        let Some(case) = self.book.cases.get_mut(&write.intent) else { return };
        let closed = case.closed.is_some();
        case.foreign |= landed.foreign;
        if landed.effect && purpose == Some(Purpose::Act) {
            case.effects.push(now);
            self.counts.changes += 1;
        }
        self.counts.races += u64::from(landed.foreign);
        self.counts.undone += u64::from(landed.effect && purpose == Some(Purpose::Undo));
        if closed && landed.effect {
            return self.violate("I4", format!("{} took effect after its outcome was written down", write.intent));
        }
        if case.effects.len() > 1 {
            return self.violate("I2", format!("{} took effect twice", write.intent));
        }
        let Some(site) = self.world.sites.get(index) else { return };
        let act = landed.effect && purpose == Some(Purpose::Act);
        let released = site.now.released.is_some();
        let uninsured = act && site.eip().is_some() && !site.prepaid && !site.now.protected && !released;
        if uninsured {
            return self.violate("I11", format!("{} took effect without its way back insured", write.intent));
        }
        if act && self.prng.chance(self.weather.spite) {
            let wait = self.prng.between(SECOND, 2 * MINUTE);
            self.after(wait, What::Break { site: index });
        }
    }

    /// I4 of what insures the way back: once a case has ended, nothing of it comes about any more.
    pub(super) fn was_insured(&mut self, write: &WriteRef) {
        let closed = self.book.cases.get(&write.intent).and_then(|case| case.closed.as_ref());
        if closed.is_some_and(|(outcome, _)| *outcome != Outcome::Attention) {
            self.violate("I4", format!("{} was insured after its outcome was written down", write.intent));
        }
    }

    /// I11: the insurance went while something needs it.
    pub(super) fn lost_insurance(&mut self, index: usize) {
        let Some(case) = self.book.open_case(index) else { return };
        let Some(effect) = case.effects.last() else { return };
        let soaked = self.now >= effect + 25 * HOUR - MINUTE;
        let Some(site) = self.world.sites.get(index) else { return };
        // There is no way back to what was deleted.
        if site.ours_since.is_some() && !soaked && !case.reopened && !site.now.deleted {
            self.violate("I11", format!("site {index} lost its insurance before it had soaked"));
        }
    }

    /// I4, I5, I7, I8: an outcome that is written down is so.
    fn must_be_true(&mut self, index: usize, intent: &str, outcome: &Outcome, as_of: CloudTime) {
        let (Some(case), Some(site)) = (self.book.cases.get(intent), self.world.sites.get(index)) else { return };
        self.counts.soaked += u64::from(*outcome == Outcome::Mitigated);
        self.counts.attention += u64::from(*outcome == Outcome::Attention);
        if case.foreign && *outcome != Outcome::Attention {
            return self.violate("I7", format!("{intent} pushed out what no plan named, and is called {outcome:?}"));
        }
        let as_of = as_of.0.saturating_sub(EPOCH);
        let about =
            |so: &dyn Fn(&SiteState) -> bool| site.ever(as_of.saturating_sub(12 * SECOND), as_of + 12 * SECOND, so);
        let gone = site.now.deleted;
        let wrong = match outcome {
            Outcome::Mitigated if !about(&|state| site.is_after(&state.slot)) => Some(("I8", "it is open")),
            Outcome::Mitigated if site.is_dark(as_of.saturating_sub(12 * SECOND)) && site.is_dark(self.now) => {
                Some(("I5", "somebody is cut off"))
            }
            Outcome::Mitigated if case.effects.last().is_some_and(|at| as_of + MINUTE < at + 25 * HOUR) => {
                Some(("I11", "it has not soaked"))
            }
            Outcome::RolledBack if !about(&|state| state.slot == site.action.before()) => {
                Some(("I4", "it is not as it was"))
            }
            Outcome::NotExecuted if !case.effects.is_empty() => Some(("I4", "it took effect")),
            Outcome::Mitigated if site.lost_its_eip(as_of.saturating_sub(MINUTE), as_of) => {
                Some(("I11", "its EIP cannot come back, and nobody was told"))
            }
            Outcome::Gone if !gone => Some(("I4", "the target exists")),
            Outcome::Reopened if site.is_dark(self.now) && self.dark_by_us(site) => Some(("I5", "somebody is cut off")),
            _ => None,
        };
        if let Some((invariant, why)) = wrong {
            self.violate(invariant, format!("{intent} is called {outcome:?}, and {why}"));
        }
    }

    /// The slot is as our change left it, for a while already.
    fn dark_by_us(&self, site: &Site) -> bool {
        site.ours_since.is_some_and(|since| since + 10 * MINUTE < self.now)
    }

    /// I14.
    pub(super) fn must_have_rested(&mut self, since: u64) {
        let busy = self.book.cases.iter().find(|(_, case)| case.busy_since < since && case.is_busy());
        if let Some((intent, _)) = busy {
            let text = format!("{intent} has not come to rest within two fences after faults stopped");
            self.violate("I14", text);
        }
    }

    /// I4 and I5 once nothing happens any more.
    pub(super) fn at_rest(&mut self) {
        if let Some(intent) = self.book.left_open() {
            let text = format!("{intent} is open at rest");
            return self.violate("I4", text);
        }
        for (intent, case) in &self.book.cases {
            let Some(site) = self.world.sites.get(case.site) else { continue };
            let last =
                self.book.cases.values().filter(|other| other.site == case.site).map(|other| other.opened_at).max();
            let attention = matches!(case.closed, Some((Outcome::Attention | Outcome::Mitigated, _)));
            if last == Some(case.opened_at)
                && let Some(left) = self.left_behind(site, case)
            {
                let text = format!("{intent} has ended, and {left}");
                return self.violate("I4", text);
            }
            if last == Some(case.opened_at)
                && !attention
                && !case.effects.is_empty()
                && self.dark_by_us(site)
                && site.is_dark(self.now)
            {
                let text = format!("{intent} left somebody cut off, and nobody was told");
                return self.violate("I5", text);
            }
        }
    }

    /// What insured the way back of a site's last case, and is there though it has ended; or was the owner's, and is not.
    fn left_behind(&self, site: &Site, case: &CaseEntry) -> Option<String> {
        let of_site = || self.book.cases.values().filter(|other| other.site == case.site);
        if matches!(case.closed, Some((Outcome::Attention, _)) | None) || site.now.released.is_some() {
            return None;
        }
        let needed_attention = of_site().any(|other| matches!(other.closed, Some((Outcome::Attention, _))));
        if site.now.protected != site.owner_protects {
            return Some(format!("its EIP's deletion protection is {}", if site.now.protected { "on" } else { "off" }));
        }
        if let (Some(tag), false) = (&site.now.tag, needed_attention) {
            return Some(format!("its EIP has the tag {tag}"));
        }
        let attached = |id: &AclId| {
            of_site()
                .any(|other| other.acl.as_ref() == Some(id) && matches!(other.closed, Some((Outcome::Mitigated, _))))
        };
        let list = site.now.acls.iter().find(|acl| !needed_attention && !attached(&acl.id))?;
        Some(format!("the list {} is there", list.id))
    }
}
