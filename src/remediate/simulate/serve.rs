//! The world's side of every effect.

use super::{
    sim::{Sim, What},
    trace::Who,
    weather::{MINUTE, SECOND},
    world::EPOCH,
};
use crate::{
    remediate::{CloudTime, Effect, EventKind, Heard, SignOrder, Signed, StoreFailed, TargetRecord, row::ROW_VERSION},
    store::{Appended, Lease},
};

/// Begins every signature: nothing that is written or told may hold it.
pub(super) const SECRET: &str = "SECRET-SIGNATURE-";

impl Sim<'_> {
    pub(super) fn perform(&mut self, host: usize, life: u64, effect: Effect, answered: bool) {
        // A process that is gone asks for nothing more; what it had sent is on its way.
        if answered && self.hosts.get(host).is_none_or(|host| host.life != life || host.runner.is_none()) {
            return;
        }
        self.trace.mix(&[self.now, host as u64, 100]);
        let quick = self.prng.between(5, 60);
        match effect {
            Effect::Read { what, target, action, plan, since } => {
                let readings = self.observe(host, what, &target, action.as_deref(), &plan, since);
                let took = if self.prng.chance(30) {
                    self.prng.between(SECOND, 8 * SECOND)
                } else {
                    self.prng.between(20, 900)
                };
                let boot = self.hosts.get(host).map_or(0, |host| host.boot);
                let readings = readings.answered_at(self.now + took + boot);
                self.reply(host, life, took, EventKind::Read(Box::new(readings)));
            }
            Effect::Acquire { row, holder, ttl, now } => {
                let kind = self.stored(&row, |sim| sim.store.acquire(&row, &holder, ttl, now));
                self.reply(host, life, quick, EventKind::Leased(kind));
            }
            Effect::Renew { lease, ttl, now } => {
                let kind = self.stored(&lease.name.clone(), |sim| sim.store.renew(&lease, ttl, now));
                self.reply(host, life, quick, EventKind::Renewed(kind));
            }
            Effect::Release { lease } => self.release(host, life, quick, &lease),
            Effect::Records { row } => {
                let kind = self.stored(&row, |sim| sim.store.records(&row));
                self.reply(host, life, quick, EventKind::Records(kind));
            }
            Effect::Append { row, epoch, version, body } => {
                let kind = self.stored(&row, |sim| sim.append(&row, epoch, version, &body));
                self.reply(host, life, quick, EventKind::Appended(kind));
            }
            Effect::Journal { payload } => self.journal(host, life, quick, &payload),
            Effect::Sign(order) => self.sign(host, life, order),
            Effect::Send(signed) => self.send(host, life, signed, answered),
            Effect::Sleep { until } => {
                let boot = self.hosts.get(host).map_or(0, |host| host.boot);
                let wait = until.0.saturating_sub(self.now + boot);
                self.after(wait, What::Deliver { host, life, kind: Box::new(EventKind::Woke) });
            }
            Effect::Emit(_) | Effect::End(_) => {}
        }
    }

    /// Something asked of the store: done, done without an answer, or not done.
    fn stored<T>(&mut self, row: &str, work: impl FnOnce(&mut Self) -> T) -> Result<T, StoreFailed> {
        if self.prng.chance(self.weather.steal) {
            self.trace.say(self.now, Who::Store, || format!("forgets who holds {row}"));
            self.store.forget_holder(row);
        }
        if !self.prng.chance(self.weather.store) {
            return Ok(work(self));
        }
        let done = self.prng.chance(500);
        self.trace.say(self.now, Who::Store, || {
            format!("does not answer about {row} ({})", if done { "done" } else { "not done" })
        });
        if done {
            work(self);
        }
        Err(StoreFailed)
    }

    fn release(&mut self, host: usize, life: u64, took: u64, lease: &Lease) {
        if !self.prng.chance(self.weather.store) {
            self.store.release(lease);
        }
        self.reply(host, life, took, EventKind::Released);
    }

    pub(super) fn append(&mut self, row: &str, epoch: u64, version: u32, body: &[u8]) -> Appended {
        self.must_hold_no_secret(body);
        let appended = self.store.append(row, epoch, version, body);
        self.trace.mix_bytes(body);
        if let (Appended::At(_), Some(site)) = (appended, self.rows.get(row).copied()) {
            match serde_json::from_slice::<TargetRecord>(body) {
                Ok(record) => self.recorded(site, epoch, &record),
                Err(error) => self.violate("I4", format!("a record that nobody can read: {error}")),
            }
        }
        appended
    }

    fn journal(&mut self, index: usize, life: u64, took: u64, payload: &[u8]) {
        self.must_hold_no_secret(payload);
        let fails = self.prng.chance(self.weather.sync);
        let dies = self.prng.chance(self.weather.crash);
        let Some(host) = self.hosts.get_mut(index) else { return };
        let Some(writer) = &mut host.writer else { return };
        // The power goes between writing and syncing.
        writer.disk_mut().fails = fails || dies;
        let written = writer.append(payload);
        if dies {
            return self.crash(index);
        }
        if written.is_ok() {
            self.journaled(payload);
        }
        let kind = written.map_err(|error| error.to_string());
        self.reply(index, life, took, EventKind::Journaled(kind));
    }

    fn sign(&mut self, host: usize, life: u64, order: SignOrder) {
        if self.prng.chance(self.weather.keys) {
            self.trace.say(self.now, Who::Host(host), || "has no keys to sign with".to_owned());
            return self.reply(host, life, 1, EventKind::Signed(Err("the keys end".to_owned())));
        }
        let signature = format!("{SECRET}{}", self.signed_at.len());
        self.signed_at.push(self.now);
        if order.write().write.is_some()
            && let Some(site) = self.site_of(&order)
            && self.prng.chance(self.weather.spite)
        {
            let wait = self.prng.below(6 * SECOND);
            self.after(wait, What::Spite { site });
        }
        self.reply(host, life, 1, EventKind::Signed(Ok(Signed::new(order, signature))));
    }

    /// When a signature was made.
    pub(super) fn signing_time(&self, signed: &Signed) -> u64 {
        let number = signed.signature().strip_prefix(SECRET).and_then(|number| number.parse::<usize>().ok());
        number.and_then(|number| self.signed_at.get(number)).copied().unwrap_or(0)
    }

    fn send(&mut self, host: usize, life: u64, signed: Signed, answered: bool) {
        let deadline = 30 * SECOND;
        let w = self.weather.clone();
        let way = self.prng.between(20, 2 * SECOND);
        let draw = self.prng.below(1000);
        let (mut heard, mut took) = (Heard::Lost("no answer".to_owned()), deadline);
        let mut limit = w.refused;
        if draw < limit {
            (heard, took) = (Heard::Refused("Throttling.User".to_owned()), way);
        } else if draw < {
            limit += w.lost_before;
            limit
        } {
            self.trace.say(self.now, Who::Network, || "loses the request".to_owned());
        } else if draw < {
            limit += w.lost_after;
            limit
        } {
            self.after(way, What::Arrive { host, signed: Box::new(signed) });
            if self.prng.chance(300) {
                (heard, took) = (Heard::Lost("not JSON".to_owned()), 2 * way);
            }
        } else if draw < {
            limit += w.late;
            limit
        } {
            self.counts.late += 1;
            let late = self.prng.between(5 * SECOND, 20 * MINUTE);
            self.trace.say(self.now, Who::Network, || format!("holds the request for {} s", late / SECOND));
            self.after(late, What::Arrive { host, signed: Box::new(signed) });
        } else {
            let refused = self.arrive(host, &signed);
            (heard, took) = (refused.map_or(Heard::Accepted, Heard::Refused), way);
        }
        if answered {
            self.reply(host, life, took, EventKind::Answered(heard));
        }
    }

    /// What the cloud's clocks say: a second apart, and cut to seconds in replies.
    pub(super) fn cloud_now(&mut self) -> CloudTime {
        let off = self.prng.below(2 * SECOND);
        CloudTime((EPOCH + self.now + off - SECOND) / SECOND * SECOND)
    }

    /// An operator's record about the account or a target.
    pub(super) fn operator_writes(&mut self, row: &str, body: &[u8]) {
        self.store.operator(row, ROW_VERSION, body);
    }
}
