//! The loop of a seed: hosts, messages and people by time, nothing else.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{
    Between,
    book::{Book, Violation},
    disk::HostDisk,
    prng::Prng,
    store::Leases,
    trace::Trace,
    trace::Who,
    weather::{HOUR, MINUTE, SECOND, Weather},
    world::{ACCOUNT, World},
};
use crate::{
    model::AccountId,
    remediate::{Effect, Errand, EventKind, Pace, Part, Request, Runner, Signed, Unread, WriteRef, journal::Writer},
};

/// Something that happens.
#[derive(Debug)]
pub(super) enum What {
    /// An effect reaches the world.
    Perform {
        host: usize,
        life: u64,
        effect: Box<Effect>,
        answered: bool,
    },
    /// An answer reaches a process.
    Deliver {
        host: usize,
        life: u64,
        kind: Box<EventKind>,
    },
    Start {
        host: usize,
    },
    /// A signed request reaches the gateway.
    Arrive {
        host: usize,
        signed: Box<Signed>,
    },
    /// An accepted request takes effect.
    Land {
        request: Box<Request>,
        write: WriteRef,
        plan: String,
    },
    Person,
    /// Somebody who waited for this very moment.
    Spite {
        site: usize,
    },
    /// Somebody binds another one, just now.
    Swap {
        site: usize,
    },
    /// Somebody edits the list that was made, before it is attached.
    Edit {
        site: usize,
    },
    /// Somebody changes what a guard has just let pass.
    Guarded {
        site: usize,
    },
    /// A person has had time to look at what needed attention.
    Looked {
        site: usize,
    },
    /// The endpoint cannot be read any more, just now.
    Blind,
    /// A path breaks, just now.
    Break {
        site: usize,
    },
    Calm,
    /// Everything that was open when it became calm must have come to rest.
    Rested {
        since: u64,
    },
}

/// A host and its process.
#[derive(Debug)]
pub(super) struct Host {
    /// Counts processes.
    pub(super) life: u64,
    pub(super) runner: Option<Runner>,
    pub(super) writer: Option<Writer<HostDisk>>,
    /// The disk while no process holds it.
    pub(super) disk: HostDisk,
    pub(super) errands: VecDeque<Errand>,
    pub(super) current: Option<Errand>,
    /// Start of the steady clock, and how far the wall clock is off.
    pub(super) boot: u64,
    pub(super) wall_off: u64,
    /// When the last proof was read whole.
    pub(super) proof_at: Option<u64>,
}

/// One seed.
pub(super) struct Sim<'a> {
    pub(super) now: u64,
    sequence: u64,
    queue: BTreeMap<(u64, u64), What>,
    pub(super) prng: Prng,
    pub(super) weather: Weather,
    pub(super) calm: bool,
    pub(super) world: World,
    pub(super) pace: Arc<Pace>,
    pub(super) store: Leases,
    pub(super) hosts: Vec<Host>,
    /// Row name to site.
    pub(super) rows: BTreeMap<String, usize>,
    pub(super) book: Book,
    /// Since when the kill switch is on.
    pub(super) kill_since: Option<u64>,
    /// A part that cannot be read for a while.
    pub(super) outage: Option<(Part, Unread, u64)>,
    /// When signatures were made, by number.
    pub(super) signed_at: Vec<u64>,
    pub(super) trace: Trace,
    pub(super) violation: Option<Violation>,
    pub(super) between: &'a mut dyn Between,
    pub(super) counts: Counts,
}

/// What a seed, or many, consisted of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub effects: u64,
    pub writes: u64,
    pub changes: u64,
    pub crashes: u64,
    pub late: u64,
    pub races: u64,
    pub undone: u64,
    pub soaked: u64,
    pub attention: u64,
    /// Simulated milliseconds.
    pub time: u64,
}

impl Counts {
    pub fn add(&mut self, other: &Self) {
        self.effects += other.effects;
        self.writes += other.writes;
        self.changes += other.changes;
        self.crashes += other.crashes;
        self.late += other.late;
        self.races += other.races;
        self.undone += other.undone;
        self.soaked += other.soaked;
        self.attention += other.attention;
        self.time += other.time;
    }
}

/// Longer than anything takes: a seed that is not at rest by then never is.
const END: u64 = 20 * 24 * HOUR;

/// More steps than any seed takes.
const STEPS: u64 = 200_000;

impl<'a> Sim<'a> {
    pub(super) fn new(seed: u64, pace: Arc<Pace>, readable: bool, between: &'a mut dyn Between) -> Self {
        let mut prng = Prng::new(seed);
        let weather = Weather::draw(&mut prng);
        let world = World::draw(&mut prng);
        let rows = world.sites.iter().enumerate().map(|(at, site)| (site.action.target.row(), at)).collect();
        Self {
            now: 0,
            sequence: 0,
            queue: BTreeMap::new(),
            prng,
            weather,
            calm: false,
            world,
            pace,
            store: Leases::default(),
            hosts: Vec::new(),
            rows,
            book: Book::default(),
            kill_since: None,
            outage: None,
            signed_at: Vec::new(),
            trace: Trace::new(readable),
            violation: None,
            between,
            counts: Counts::default(),
        }
    }

    pub(super) fn run(&mut self) {
        self.begin();
        let mut steps = 0;
        while let Some(((time, _), what)) = self.queue.pop_first() {
            self.now = time;
            steps += 1;
            if time > END || steps > STEPS {
                self.violate("I14", "it does not come to rest".to_owned());
            }
            if self.violation.is_some() {
                break;
            }
            self.happen(what);
        }
        if self.violation.is_none() {
            self.at_rest();
        }
        self.counts.time = self.now;
        if let Some(violation) = &self.violation {
            let text = format!("{} is broken: {}", violation.invariant, violation.what);
            self.trace.say(self.now, Who::Checker, || text);
        }
    }

    fn begin(&mut self) {
        let hosts = 2 + usize::from(self.prng.chance(100));
        for number in 0..hosts {
            let errands = self.world.errand(number % 2).into_iter().map(|errand| self.between.errand(errand)).collect();
            self.hosts.push(Host {
                life: 0,
                runner: None,
                writer: None,
                disk: HostDisk::default(),
                errands,
                current: None,
                boot: self.prng.below(HOUR),
                wall_off: self.prng.below(SECOND),
                proof_at: None,
            });
            // At once with the others, or when they have soaked for a while, or have gone wrong.
            let start = match (number, self.prng.below(3)) {
                (0, _) => self.prng.below(MINUTE),
                (_, 0) => self.prng.below(MINUTE),
                (_, 1) => self.prng.below(15 * MINUTE),
                _ => self.prng.below(3 * HOUR),
            };
            self.after(start, What::Start { host: number });
        }
        for _ in 0..self.prng.below(self.weather.people + 1) {
            let soon = self.prng.chance(700);
            let when = self.prng.below(if soon { HOUR } else { 26 * HOUR });
            self.after(when, What::Person);
        }
        self.after(self.weather.calm_at, What::Calm);
    }

    pub(super) fn after(&mut self, wait: u64, what: What) {
        self.sequence += 1;
        self.queue.insert((self.now + wait, self.sequence), what);
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Perform { host, life, effect, answered } => self.perform(host, life, *effect, answered),
            What::Deliver { host, life, kind } => self.deliver(host, life, *kind),
            What::Start { host } => self.start_host(host),
            What::Arrive { host, signed } => {
                self.arrive(host, &signed);
            }
            What::Land { request, write, plan } => self.land(&request, &write, &plan),
            What::Person => self.person(),
            What::Spite { site } => self.spite(site),
            What::Swap { site } if !self.calm => self.swap(site),
            What::Break { site } if !self.calm => self.break_path(site),
            What::Guarded { site } if !self.calm => self.undo_a_guard(site),
            What::Edit { site } if !self.calm => self.edit_list(site),
            What::Looked { site } if !self.calm => self.look_after(site),
            What::Blind if !self.calm => self.go_blind(),
            What::Swap { .. }
            | What::Break { .. }
            | What::Guarded { .. }
            | What::Edit { .. }
            | What::Looked { .. }
            | What::Blind => {}
            What::Calm => self.become_calm(),
            What::Rested { since } => self.must_have_rested(since),
        }
    }

    fn become_calm(&mut self) {
        self.calm = true;
        self.weather.calm();
        self.trace.say(self.now, Who::Weather, || "faults stop".to_owned());
        // Whoever turned it on turns it off, and the breaker is looked after: what is left is for the protocol.
        self.kill_since = None;
        self.outage = None;
        let now = self.now;
        for site in &mut self.world.sites {
            site.change(now, |state| {
                state.upgrading = false;
                state.busy_until = state.busy_until.min(now);
            });
        }
        for host in 0..self.hosts.len() {
            if self.is_idle(host) {
                let wait = self.prng.between(SECOND, 2 * MINUTE);
                self.settle_after(host, wait);
            }
            if let Some(host) = self.hosts.get_mut(host) {
                host.wall_off = 0;
            }
        }
        let fence = u64::try_from(self.pace.fence().as_millis()).unwrap_or(0);
        self.after(2 * fence + 3 * MINUTE, What::Rested { since: self.now });
    }

    /// A process that resolves what is open, some time from now.
    pub(super) fn settle_after(&mut self, host: usize, wait: u64) {
        let errand = Errand::Settle { account: AccountId::from(ACCOUNT), only: None };
        if let Some(host) = self.hosts.get_mut(host)
            && host.errands.is_empty()
        {
            host.errands.push_back(errand);
        }
        self.after(wait, What::Start { host });
    }

    pub(super) fn violate(&mut self, invariant: &'static str, what: String) {
        self.violation.get_or_insert(Violation { invariant, what });
    }
}
