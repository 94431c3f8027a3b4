//! What reads show: the cloud as it was a moment ago, each part with its own fault.

use super::{
    sim::Sim,
    site::{Site, SiteState},
    weather::{MINUTE, SECOND},
    world::{EPOCH, name_of},
};
use crate::{
    model::LoadBalancerId,
    remediate::{
        Action, Approvals, ClockReading, CloudTime, ClusterHealth, EipState, EipStatus, ForeignWrite, Health, Kill,
        Ledger, Mono, Part, Policy, Prepared, Proof, ReadFor, Reading, Readings, Seen, Slot, Source, Standing, Target,
        TargetState, Trail, Unread,
    },
};

/// Proxies of a cluster.
const PROXIES: u32 = 10;

/// How long an EIP is on its way out.
const RELEASING: u64 = 10 * SECOND;

impl Readings {
    /// The reply was there then.
    pub(super) fn answered_at(mut self, time: u64) -> Self {
        if let Some(clock) = &mut self.clock {
            clock.answered = Mono(time);
        }
        self
    }
}

impl Sim<'_> {
    pub(super) fn observe(
        &mut self,
        host: usize,
        what: ReadFor,
        target: &Target,
        action: Option<&Action>,
        plan: &str,
        since: Option<CloudTime>,
    ) -> Readings {
        let (boot, off) = self.hosts.get(host).map_or((0, 0), |host| (host.boot, host.wall_off));
        let asked = Mono(self.now + boot);
        let mut readings = Readings::default();
        if !self.prng.chance(self.weather.read) {
            let cloud = self.cloud_now();
            let offset = std::time::Duration::from_millis(off);
            // Its bounds are held to be better than they are, which is worse for whoever believes them.
            let (grain, ahead) = Default::default();
            readings.clock = Some(ClockReading { cloud, grain, ahead, asked, answered: asked, offset });
        }
        if self.prng.chance(self.weather.clock_jump)
            && let Some(host) = self.hosts.get_mut(host)
        {
            host.wall_off = if host.wall_off < SECOND { 60 * MINUTE } else { 0 };
        }
        let Some(site) = self.rows.get(&target.row()).copied() else { return readings };
        for part in what.parts() {
            let fault = self.outage_of(*part).or_else(|| self.fault());
            let lag = self.prng.below(self.weather.stale + 1);
            readings.replies.all += 1;
            readings.replies.throttled += u64::from(fault == Some(Unread::Throttled));
            self.part(&mut readings, *part, host, site, action, plan, since, fault, lag, asked);
        }
        readings
    }

    fn outage_of(&self, part: Part) -> Option<Unread> {
        let (out, fault, until) = self.outage.as_ref()?;
        (*out == part && self.now < *until).then(|| fault.clone())
    }

    fn fault(&mut self) -> Option<Unread> {
        if self.prng.chance(self.weather.throttle) {
            return Some(Unread::Throttled);
        }
        if !self.prng.chance(self.weather.read) {
            return None;
        }
        Some(match self.prng.below(6) {
            0 => Unread::Denied,
            1 => Unread::Schema("State".to_owned()),
            2 | 3 => Unread::Failed("garbage".to_owned()),
            _ => Unread::Failed("no answer".to_owned()),
        })
    }

    #[expect(clippy::too_many_arguments, reason = "one reading, told apart by its part only")]
    fn part(
        &mut self,
        readings: &mut Readings,
        part: Part,
        host: usize,
        site: usize,
        action: Option<&Action>,
        plan: &str,
        since: Option<CloudTime>,
        fault: Option<Unread>,
        lag: u64,
        asked: Mono,
    ) {
        let now = self.now;
        let then = now.saturating_sub(lag);
        let Some(seen) = self.world.sites.get(site) else { return };
        let state = seen.at(then);
        match part {
            Part::Target => {
                let found = if state.deleted { Err(Unread::NotFound) } else { Ok(target_state(seen, state, then)) };
                readings.target = dated(found, fault, asked);
            }
            Part::Eip => readings.eip = dated(eip_state(seen, state, then), fault, asked),
            Part::Proof => {
                let ledger = Ledger { planned: 8, scanned: 8, denied: 0, failed: 0 };
                let mut proof = proof(seen, state, ledger, CloudTime(EPOCH + now - SECOND));
                // A unit that failed leaves the last path unproven, and says so.
                let whole = !self.prng.chance(self.weather.read);
                if !whole {
                    proof.ledger = Ledger { planned: 8, scanned: 7, denied: 0, failed: 1 };
                    if let Some(last) = proof.sources.last_mut() {
                        last.safe = Standing::Unknown;
                    }
                }
                if let (true, None, Some(host)) = (whole, &fault, self.hosts.get_mut(host)) {
                    host.proof_at = Some(now);
                }
                readings.proof = dated(Ok(proof), fault, asked);
            }
            Part::Policy => readings.policy = dated(Ok(self.policy(state, action)), fault, asked),
            Part::Kill => {
                let kill = if self.kill_since.is_some() { Kill::On } else { Kill::Off };
                readings.kill = dated(Ok(kill), fault, asked);
            }
            Part::Trail => readings.trail = dated(Ok(trail(seen, plan, now, since)), fault, asked),
            Part::Health => readings.health = dated(Ok(health(seen, state, then)), fault, asked),
            Part::Prepared => readings.prepared = dated(prepared(state, action, then), fault, asked),
        }
    }

    fn policy(&self, state: &SiteState, action: Option<&Action>) -> Policy {
        let decided = &self.world.decided;
        let (from, until) = decided.window;
        let day = 24 * 60 * MINUTE;
        Policy {
            waived: state.waived,
            protected: state.marked,
            windows: vec![
                (CloudTime(EPOCH + from), CloudTime(EPOCH + until)),
                (CloudTime(EPOCH + from + 4 * day), CloudTime(EPOCH + until + 4 * day)),
            ],
            approvals: Approvals {
                needed: decided.approvals.0,
                valid: decided.approvals.1,
                agreeing: decided.agreeing.then_some((CloudTime(EPOCH - 2 * day), CloudTime(EPOCH - MINUTE))),
                owner_told: decided.owner_told.then_some(CloudTime(EPOCH - 2 * day)),
            },
            environment: action.map(|action| action.environment.clone()).unwrap_or_default(),
            in_scope: true,
            we_depend: Vec::new(),
        }
    }
}

fn dated<T>(value: Result<T, Unread>, fault: Option<Unread>, asked: Mono) -> Reading<T> {
    match fault {
        Some(fault) => Err(fault),
        None => value.map(|value| Seen { value, asked }),
    }
}

fn target_state(site: &Site, state: &SiteState, then: u64) -> TargetState {
    TargetState {
        slot: state.slot.clone(),
        load_balancer: site.action.load_balancer.clone(),
        running: then >= state.busy_until,
        upgrading: state.upgrading,
        canary: state.canary,
        task: then < state.busy_until,
        offered: true,
        clusters: Some((0..state.broken.len() as u64).map(name_of).collect()),
        settings: None,
        previous: Some(Standing::Yes),
    }
}

/// An EIP that was let go for good shows `Releasing` first, and then there is no such EIP.
fn is_gone(state: &SiteState, then: u64) -> bool {
    state.released.is_some_and(|at| then >= at + RELEASING)
}

fn eip_state(site: &Site, state: &SiteState, then: u64) -> Result<EipState, Unread> {
    if is_gone(state, then) {
        return Err(Unread::NotFound);
    }
    let bound = site.eip().is_some_and(|eip| state.slot == Slot::Eip(eip.clone()));
    let status = match (bound || state.elsewhere, state.released.is_some()) {
        (_, true) => EipStatus::Moving,
        (true, false) => EipStatus::InUse,
        (false, false) => EipStatus::Available,
    };
    Ok(EipState {
        status,
        load_balancer: match (bound, state.elsewhere) {
            (true, _) => Some(site.action.load_balancer.clone()),
            (false, true) => Some(LoadBalancerId::from("lb-elsewhere")),
            (false, false) => None,
        },
        service_managed: false,
        locked: state.locked,
        business_normal: true,
        prepaid: site.prepaid,
    })
}

fn sources(state: &SiteState) -> Vec<Source> {
    let source = |(number, broken): (usize, &bool)| Source {
        name: name_of(number as u64),
        safe: if *broken { Standing::No } else { Standing::Yes },
    };
    state.broken.iter().enumerate().map(source).collect()
}

fn proof(site: &Site, state: &SiteState, ledger: Ledger, scanned_at: CloudTime) -> Proof {
    Proof {
        scanned_at,
        ledger,
        exposed: if site.is_after(&state.slot) { Standing::No } else { Standing::Yes },
        sources: sources(state),
        no_sources: false,
        evidence: 1,
        against: Vec::new(),
        digest: "sha256:proof".to_owned(),
    }
}

fn trail(site: &Site, plan: &str, now: u64, since: Option<CloudTime>) -> Trail {
    let shown = |entry: &&super::site::TrailEntry| {
        entry.shown_at <= now
            && entry.plan.as_deref() != Some(plan)
            && since.is_none_or(|since| EPOCH + entry.at >= since.0)
    };
    Trail {
        foreign: site
            .trail
            .iter()
            .filter(shown)
            .map(|entry| ForeignWrite {
                // In whole seconds, as the vendor writes them.
                at: CloudTime((EPOCH + entry.at) / 1000 * 1000),
                who: entry.plan.clone().unwrap_or_else(|| "console".to_owned()),
                what: entry.what.to_owned(),
            })
            .collect(),
        complete_until: CloudTime((EPOCH + now).saturating_sub(10 * MINUTE)),
    }
}

fn health(site: &Site, state: &SiteState, then: u64) -> Health {
    let after = site.is_after(&state.slot);
    let hidden = site.is_dark(then);
    let cluster = |(number, broken): (usize, &bool)| {
        let cut = (*broken && after) || (number == 0 && hidden);
        ClusterHealth {
            cluster: name_of(number as u64),
            proxies: PROXIES,
            connected: if cut { 0 } else { PROXIES },
            behind: 0,
        }
    };
    Health {
        clusters: state.broken.iter().enumerate().map(cluster).collect(),
        attributed: true,
        rule_passes: if after { Standing::Yes } else { Standing::No },
        sources: sources(state),
    }
}

fn prepared(state: &SiteState, action: Option<&Action>, then: u64) -> Result<Prepared, Unread> {
    if is_gone(state, then) {
        return Err(Unread::NotFound);
    }
    let name = action.map(Action::acl_name).unwrap_or_default();
    let named = || state.acls.iter().filter(|acl| acl.name == name);
    // With several of one name, the one that is most whole.
    let best = named().max_by_key(|acl| acl.entries.len());
    Ok(Prepared {
        protected: state.protected,
        tag: state.tag.clone(),
        acl: best.map(|acl| (acl.id.clone(), acl.entries.clone())),
        others: named().map(|acl| acl.id.clone()).filter(|id| best.is_some_and(|best| best.id != *id)).collect(),
    })
}
