//! Processes on their hosts: started, told, crashed, paused, started again.

use super::{
    Step,
    sim::{Sim, What},
    trace::Who,
    weather::{HOUR, MINUTE, SECOND},
    world::EPOCH,
};
use crate::remediate::{
    Effect, Errand, Event, EventKind, Mono, Runner,
    journal::{self, Writer},
};

/// What a process is told late, at most.
const PAUSE: u64 = 40 * MINUTE;

impl Sim<'_> {
    pub(super) fn is_idle(&self, host: usize) -> bool {
        self.hosts.get(host).is_some_and(|host| host.runner.is_none())
    }

    pub(super) fn start_host(&mut self, index: usize) {
        let pace = self.between.pace(&self.pace);
        let Some(host) = self.hosts.get_mut(index) else { return };
        if host.runner.is_some() {
            return;
        }
        let Some(errand) = host.errands.pop_front() else { return };
        let journal = match journal::read(host.disk.bytes()) {
            Ok(journal) => journal,
            Err(damaged) => return self.violate("I4", format!("a crash left a damaged journal: {damaged}")),
        };
        host.disk.truncate(journal.whole);
        host.writer = Some(Writer::after(&journal, std::mem::take(&mut host.disk)));
        host.life += 1;
        let holder = format!("host-{index}-{}", host.life);
        self.trace.say(self.now, Who::Host(index), || format!("starts: {}", name_of(&errand)));
        host.current = Some(errand.clone());
        host.runner = Some(Runner::new(errand, holder, pace));
        let life = host.life;
        self.deliver(index, life, EventKind::Started);
    }

    /// Tells a process what happened, and takes what it wants done.
    pub(super) fn deliver(&mut self, index: usize, life: u64, kind: EventKind) {
        let Some(host) = self.hosts.get_mut(index).filter(|host| host.life == life) else { return };
        let Some(runner) = &mut host.runner else { return };
        let kind = self.between.incoming(index, kind);
        self.trace.mix(&[self.now, index as u64, kind_number(&kind)]);
        let now = Mono(self.now + host.boot);
        let effects = runner.step(Event { now, kind });
        let finished = runner.finished();
        for effect in effects {
            self.hand_out(index, life, effect);
        }
        if finished {
            self.finished(index);
        }
    }

    fn hand_out(&mut self, host: usize, life: u64, effect: Effect) {
        self.counts.effects += 1;
        if let Effect::Emit(notice) = &effect {
            let text = format!("{notice:?}");
            self.must_hold_no_secret(text.as_bytes());
            self.trace.say(self.now, Who::Host(host), || format!("tells people: {text}"));
            return;
        }
        for step in self.between.outgoing(host, effect) {
            match step {
                Step::Do(effect) => self.ask(host, life, effect, true),
                Step::Also(effect) => self.ask(host, life, effect, false),
                Step::Answer(kind) => self.after(1, What::Deliver { host, life, kind: Box::new(kind) }),
            }
        }
    }

    /// An effect on its way into the world: at once, late, or never.
    fn ask(&mut self, host: usize, life: u64, effect: Effect, answered: bool) {
        if matches!(effect, Effect::End(_)) {
            return;
        }
        if answered && self.prng.chance(self.weather.crash) && !matches!(effect, Effect::Sleep { .. }) {
            return self.crash(host);
        }
        let wait = if self.prng.chance(self.weather.pause) { self.pause() } else { 0 };
        match wait {
            0 => self.perform(host, life, effect, answered),
            wait => {
                self.trace.say(self.now, Who::Host(host), || format!("is paused for {} s", wait / SECOND));
                self.after(wait, What::Perform { host, life, effect: Box::new(effect), answered });
            }
        }
    }

    /// Some time, but not into the calm.
    fn pause(&mut self) -> u64 {
        let longest = if self.prng.chance(500) { 2 * MINUTE } else { PAUSE };
        self.prng.between(SECOND, longest).min(self.weather.calm_at.saturating_sub(self.now)).max(1)
    }

    /// Answers a process after a while. It may be paused before it hears it, or crash.
    pub(super) fn reply(&mut self, host: usize, life: u64, took: u64, kind: EventKind) {
        if self.prng.chance(self.weather.crash / 2) {
            return self.crash(host);
        }
        let paused = if self.prng.chance(self.weather.pause / 2) { self.pause() } else { 0 };
        self.after(took + paused, What::Deliver { host, life, kind: Box::new(kind) });
    }

    pub(super) fn crash(&mut self, index: usize) {
        let restart = match self.prng.below(4) {
            0 => self.prng.between(MINUTE, 40 * MINUTE),
            _ => self.prng.between(SECOND, 2 * MINUTE),
        };
        let restart = restart.min(self.weather.calm_at.saturating_sub(self.now)).max(SECOND);
        let again = self.prng.chance(600);
        let Some(host) = self.hosts.get_mut(index) else { return };
        if host.runner.take().is_none() {
            return;
        }
        self.counts.crashes += 1;
        host.life += 1;
        if let Some(mut writer) = host.writer.take() {
            writer.disk_mut().crash(&mut self.prng);
            host.disk = writer.disk().clone();
        }
        host.boot = self.prng.below(HOUR);
        self.trace.say(self.now, Who::Host(index), || "crashes".to_owned());
        let errand = host.current.take();
        match errand {
            Some(errand @ Errand::Apply { .. }) if again => host.errands.push_front(errand),
            _ => {}
        }
        self.settle_after(index, restart);
    }

    /// A process ended by itself. Somebody looks after what is due.
    fn finished(&mut self, index: usize) {
        let Some(host) = self.hosts.get_mut(index) else { return };
        let Some(runner) = host.runner.take() else { return };
        host.life += 1;
        if let Some(mut writer) = host.writer.take() {
            // What a failed sync left behind is as uncertain as after a crash.
            writer.disk_mut().crash(&mut self.prng);
            host.disk = writer.disk().clone();
        }
        host.current = None;
        self.trace.say(self.now, Who::Host(index), || format!("ends: {:?} {:?}", runner.verdict(), runner.ends()));
        let open = self.book.left_open().is_some();
        if !open && self.hosts.get(index).is_some_and(|host| host.errands.is_empty()) {
            return;
        }
        let due = runner.next_due().map(|due| due.0.saturating_sub(EPOCH).saturating_sub(self.now));
        let wait = match due {
            Some(due) => due + self.prng.between(SECOND, MINUTE),
            None => self.prng.between(MINUTE, 20 * MINUTE),
        };
        // What is not soaking is looked after soon.
        let busy = self.book.cases.values().any(super::book::CaseEntry::is_busy);
        let wait = if busy { wait.min(self.prng.between(SECOND, 3 * MINUTE)) } else { wait };
        self.settle_after(index, wait);
    }
}

fn name_of(errand: &Errand) -> String {
    match errand {
        Errand::Apply { plan, .. } => format!("apply {}", plan.id),
        Errand::Settle { .. } => "settle".to_owned(),
    }
}

fn kind_number(kind: &EventKind) -> u64 {
    match kind {
        EventKind::Started => 0,
        EventKind::Woke => 1,
        EventKind::Read(_) => 2,
        EventKind::Leased(leased) => 3 + u64::from(leased.is_ok()),
        EventKind::Renewed(renewed) => 5 + u64::from(renewed.is_ok()),
        EventKind::Released => 7,
        EventKind::Records(records) => 8 + u64::from(records.is_ok()),
        EventKind::Appended(appended) => 10 + u64::from(appended.is_ok()),
        EventKind::Journaled(journaled) => 12 + u64::from(journaled.is_ok()),
        EventKind::Signed(_) => 14,
        EventKind::Answered(_) => 15,
    }
}
