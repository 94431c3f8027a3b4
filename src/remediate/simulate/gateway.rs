//! Where requests arrive: the signature's age is checked, then the state, and the effect comes some time later.

use super::{
    sim::{Sim, What},
    site::TrailEntry,
    trace::Who,
    weather::{MINUTE, SECOND},
    world::EPOCH,
};
use crate::remediate::{Purpose, Request, SignOrder, Signed, WriteRef};

/// A signature that is older, or newer, is refused.
const SIGNATURE_LIFE: u64 = 15 * MINUTE;

impl Sim<'_> {
    /// The endpoint that a request is about.
    pub(super) fn site_of(&self, order: &SignOrder) -> Option<usize> {
        self.site_of_request(order.request(), order.write())
    }

    fn site_of_request(&self, request: &Request, write: &WriteRef) -> Option<usize> {
        match request {
            Request::Unbind { endpoint } | Request::Bind { endpoint, .. } => {
                self.world.sites.iter().position(|site| site.action.target.endpoint == *endpoint)
            }
            _ => write.intent.rsplit('-').next()?.parse().ok(),
        }
    }

    /// A request at the gateway: accepted, or the code that refuses it.
    pub(super) fn arrive(&mut self, host: usize, signed: &Signed) -> Option<String> {
        let order = signed.order();
        let clock = (EPOCH + self.now + self.prng.below(2 * SECOND)).saturating_sub(SECOND);
        if clock.abs_diff(order.at().0) > SIGNATURE_LIFE {
            return self.refuse("InvalidTimeStamp.Expired");
        }
        let Some(site) = self.site_of(order) else {
            self.violate("I3", format!("a request about what nobody announced: {:?}", order.request()));
            return None;
        };
        let writes =
            matches!(order.request(), Request::Unbind { .. } | Request::Bind { .. } | Request::SetListenerAcl { .. });
        let state = self.world.sites.get(site).map(|site| &site.now)?;
        if writes && state.deleted {
            return self.refuse("ServiceMesh.NotFound");
        }
        if writes && (self.now < state.busy_until || state.upgrading) {
            return self.refuse("StatusForbidden");
        }
        if matches!(order.request(), Request::Bind { .. }) && !state.is_bindable() {
            return self.refuse("IncorrectEipStatus");
        }
        if matches!(order.request(), Request::Protect { .. } | Request::Tag { .. }) && state.released.is_some() {
            return self.refuse("InvalidAllocationId.NotFound");
        }
        self.counts.writes += 1;
        self.trace.say(self.now, Who::Gateway, || format!("accepts {:?} of {:?}", order.request(), order.write()));
        match order.write().write {
            Some(write) => self.accepted(host, site, write, signed),
            None => self.must_be_touchable(site, signed),
        }
        if self.prng.chance(self.weather.never) {
            self.trace.say(self.now, Who::Cloud, || "forgets it".to_owned());
            return None;
        }
        let slow = self.prng.chance(self.weather.slow);
        let wait = if slow { self.prng.between(5 * SECOND, 55 * SECOND) } else { self.prng.between(50, 4 * SECOND) };
        let (request, write, plan) =
            (Box::new(order.request().clone()), order.write().clone(), order.plan().to_owned());
        self.after(wait, What::Land { request, write, plan });
        None
    }

    fn refuse(&mut self, code: &str) -> Option<String> {
        let text = format!("refuses: {code}");
        self.trace.say(self.now, Who::Gateway, || text);
        Some(code.to_owned())
    }

    /// An accepted request takes effect.
    pub(super) fn land(&mut self, request: &Request, write: &WriteRef, plan: &str) {
        let Some(index) = self.site_of_request(request, write) else { return };
        let drawn = self.prng.next();
        let shown = self.trail_delay();
        let now = self.now;
        let Some(site) = self.world.sites.get_mut(index) else { return };
        let rolls = site.rolls_for(drawn);
        let landed = site.land(request, now, rolls);
        if landed.effect {
            site.trail.push(TrailEntry {
                at: now,
                shown_at: now + shown,
                plan: Some(plan.to_owned()),
                what: "a change of ours",
            });
        }
        self.trace.mix(&[now, 200, index as u64, u64::from(landed.effect)]);
        self.trace.say(now, Who::Cloud, || format!("{request:?} takes effect: {landed:?}"));
        let purpose = write.write.and_then(|number| {
            let case = self.book.cases.get(&write.intent)?;
            Some(case.writes.get(usize::try_from(number).ok()?)?.purpose)
        });
        match purpose {
            Some(Purpose::Act | Purpose::Undo) => self.took_effect(index, purpose, write, &landed),
            None if landed.insured => self.was_insured(write),
            Some(Purpose::Release) | None if landed.uninsured => self.lost_insurance(index),
            Some(Purpose::Release) | None => {}
        }
    }

    /// How long the audit trail takes to show something.
    pub(super) fn trail_delay(&mut self) -> u64 {
        self.prng.below(9 * MINUTE + 30 * SECOND)
    }
}
