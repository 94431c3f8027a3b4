//! Keeps the lease: it is renewed before anything else once a third of it is over. Whether it still
//! holds is judged by this host's steady clock, counted from when it was asked for.

use super::{Doing, Effect, End, Machine, StoreFailed};
use crate::{
    remediate::Mono,
    store::{Acquired, Lease},
};

/// A lease, and until when it is ours by our own clock.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) lease: Lease,
    pub(super) until: Mono,
    renew_at: Mono,
    asked: Mono,
}

impl Held {
    /// A renewal is asked for now: what it gives counts from here.
    pub(super) fn ask(&mut self, now: Mono) {
        self.asked = now;
    }
}

impl Machine {
    pub(super) fn acquire(&mut self, now: Mono) -> Effect {
        self.lease_asked = now;
        Effect::Acquire {
            row: self.target().row(),
            holder: self.holder.clone(),
            ttl: self.pace.lease_ttl,
            now: self.stamp(now),
        }
    }

    pub(super) fn leased(&mut self, leased: Result<Acquired, StoreFailed>, now: Mono, out: &mut Vec<Effect>) {
        match leased {
            Ok(Acquired::Ours(lease)) => {
                self.hold(lease, self.lease_asked);
                self.start(Doing::Row, now, out);
            }
            Ok(Acquired::HeldBy(_)) | Err(StoreFailed) if now - self.since > self.pace.lease_ttl * 2 => {
                self.finish_with(End::LockHeld, now, out);
            }
            Ok(Acquired::HeldBy(_)) | Err(StoreFailed) => self.again_after(self.pace.settle_most, now, out),
        }
    }

    fn hold(&mut self, lease: Lease, asked: Mono) {
        let ttl = self.pace.lease_ttl;
        self.lease = Some(Held { lease, until: asked + ttl, renew_at: asked + ttl / 3, asked });
    }

    /// Hands an effect out, after the lease's renewal where that is due.
    pub(super) fn issue(&mut self, effect: Effect, now: Mono, out: &mut Vec<Effect>) {
        let Some(held) = &mut self.lease else { return out.push(effect) };
        if now >= held.renew_at {
            held.ask(now);
            let lease = held.lease.clone();
            self.held_back = Some(effect);
            return out.push(Effect::Renew { lease, ttl: self.pace.lease_ttl, now: self.stamp(now) });
        }
        match effect {
            Effect::Sleep { until } => out.push(Effect::Sleep { until: until.min(held.renew_at) }),
            effect => out.push(effect),
        }
    }

    /// The answer to a renewal that came before something else.
    pub(super) fn renewed(&mut self, renewed: Result<Option<Lease>, StoreFailed>, now: Mono, out: &mut Vec<Effect>) {
        if !self.take_renewal(renewed, now) {
            return self.lost(out);
        }
        match self.held_back.take() {
            Some(effect) => self.issue(effect, now, out),
            None => self.stop("was told of a renewal that it had not asked for", out),
        }
    }

    /// False if the lease is somebody else's.
    pub(super) fn take_renewal(&mut self, renewed: Result<Option<Lease>, StoreFailed>, now: Mono) -> bool {
        let Some(held) = &mut self.lease else { return false };
        match renewed {
            Ok(Some(lease)) => {
                let asked = held.asked;
                self.hold(lease, asked);
                true
            }
            Ok(None) => false,
            // Whether it is still ours is not known: reading goes on, writing does not, since `until` passes.
            Err(StoreFailed) => {
                held.renew_at = now + self.pace.retry;
                true
            }
        }
    }

    /// Somebody else acts on the target now, and finds in the row whatever is open.
    pub(super) fn lost(&mut self, out: &mut Vec<Effect>) {
        self.lease = None;
        self.doing = Doing::Ended;
        out.push(Effect::End(End::LeaseLost));
    }

    /// What is left of the lease covers a call and a margin.
    pub(super) fn lease_covers_a_call(&self, now: Mono) -> bool {
        let needed = self.pace.call_deadline + self.pace.lease_margin;
        self.lease.as_ref().is_some_and(|held| held.until - now >= needed)
    }
}
