//! The program killed at drawn instants, and asked to end: afterwards the row, the journal and the cloud agree, and nothing is
//! lost or done twice.
//!
//! `PORTCULLIS_KILLS=1000` kills as often; 20 times otherwise.

use std::{
    env,
    process::Child,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use portcullis::{
    remediate::{Action, Outcome, Target, TargetRow, target_row},
    store::{self, StoreOptions},
};
use serde_json::Value;

use super::{stage::Stage, world};

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// The n-th number of a sequence that looks like chance and is the same each time.
fn drawn(n: u64) -> u64 {
    let mut x = n.wrapping_add(1).wrapping_mul(SEED);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// What is carried out when it is killed.
#[derive(Clone, Copy, Debug)]
enum Killed {
    Pilot,
    ClusterApiServer,
    Fence,
}

impl Killed {
    const ALL: [Self; 3] = [Self::Pilot, Self::ClusterApiServer, Self::Fence];

    /// Of five, three are pilots, and one is each of the others.
    fn drawn(number: u64) -> Self {
        match number % 5 {
            3 => Self::ClusterApiServer,
            4 => Self::Fence,
            _ => Self::Pilot,
        }
    }

    fn world(self) -> Value {
        match self {
            Self::Pilot => world::quiet(),
            Self::ClusterApiServer => world::logged(),
            Self::Fence => world::needed(),
        }
    }

    fn action(self) -> Action {
        match self {
            Self::Pilot => world::pilot(),
            Self::ClusterApiServer => world::cluster_api_server(),
            Self::Fence => world::fence(),
        }
    }

    /// The call that changes it, and changes it back.
    fn operation(self) -> &'static str {
        match self {
            Self::Pilot => "ModifyPilotEipResource",
            Self::ClusterApiServer => "ModifyCluster",
            Self::Fence => "SetLoadBalancerTCPListenerAttribute",
        }
    }

    fn stage(self) -> Stage {
        let stage = Stage::new(&world::fast(self.world()));
        stage.plan(vec![self.action()]);
        stage
    }

    /// Whether the cloud holds the change; and that nothing of what insured its way back is left.
    fn is_done(self, stage: &Stage, what: &str) -> bool {
        if let Self::Fence = self {
            let snapshot = stage.server.snapshot();
            let account = &snapshot[world::ACCOUNT];
            let listeners = account["slb.listeners"].as_array().unwrap();
            let on = listeners.iter().any(|one| one["LoadBalancerId"] == "lb-pilot" && one["AclStatus"] == "on");
            let lists = account["slb.acls"].as_array().map_or(0, Vec::len);
            assert_eq!(lists, usize::from(on), "{what}: a list is there if it is attached");
            return on;
        }
        let eip = stage.eip(if let Self::Pilot = self { "eip-pilot" } else { "eip-api" });
        assert!(eip.get("DeletionProtection").is_none() && eip.get("Tags").is_none(), "{what}: {eip}");
        match eip["Status"].as_str().unwrap() {
            "Available" => true,
            "InUse" => false,
            other => panic!("{what}: {other}"),
        }
    }
}

fn row(stage: &Stage, target: &Target) -> TargetRow {
    let url = format!("sqlite:{}", stage.path("store.db").display());
    let store = store::open_url(&url, StoreOptions::default()).unwrap();
    target_row(&store.records(&target.row()).unwrap()).unwrap()
}

/// What the row says came of the intent is what the cloud holds and has seen.
fn agrees(stage: &Stage, kind: Killed, what: &str) {
    let action = kind.action();
    let row = row(stage, &action.target);
    assert!(row.open.is_none(), "{what}: something is open");
    let done = row.done.get(&action.intent);
    let expected = match done {
        Some(Outcome::Mitigated) => (true, 1),
        Some(Outcome::RolledBack) => (false, 2),
        Some(Outcome::NotExecuted) | None => (false, 0),
        other => panic!("{what}: {other:?}"),
    };
    let found = (kind.is_done(stage, what), stage.effects(kind.operation()));
    assert_eq!(found, expected, "{what}: {done:?}, {:?}", stage.writes());
    let shown = stage.run(&["journal", "show", "--format", "json"]);
    if stage.path("host.journal").exists() {
        assert_eq!(shown.code, 0, "{what}: {shown:#?}");
        let told: Vec<&str> = shown.stdout.lines().filter(|line| line.contains("\"closed\"")).collect();
        assert_eq!(told.len(), usize::from(done.is_some()), "{what}: the journal says it once: {told:?}");
    }
}

/// Kills it then, or finds that it has ended.
fn kill_after(mut child: Child, wait: Duration) -> bool {
    let until = Instant::now() + wait;
    while Instant::now() < until {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        thread::yield_now();
    }
    let killed = child.kill().is_ok();
    child.wait().unwrap();
    killed
}

fn killed_at(number: u64, longest: Duration) -> bool {
    let kind = Killed::drawn(number);
    let stage = kind.stage();
    let share = drawn(number) % 1000;
    let wait = longest * u32::try_from(share).unwrap() / 1000;
    let killed = kill_after(stage.begin(&["apply", "plan.json", "--approval", "plan.json.sig"]), wait);
    if stage.path("store.db").exists() {
        // Sometimes whoever comes next is killed as well.
        if drawn(number + 1_000_000).is_multiple_of(3) {
            let again = longest * u32::try_from(drawn(number + 2_000_000) % 1000).unwrap() / 500;
            kill_after(stage.begin(&["verify", "--due"]), again);
        }
        stage.settle();
    }
    agrees(&stage, kind, &format!("kill {number} of {kind:?} after {wait:?}"));
    killed
}

/// How long each takes when nobody kills it.
fn longest() -> [Duration; 3] {
    let measured = |kind: Killed| {
        let stage = kind.stage();
        let begun = Instant::now();
        let applied = stage.apply(&[]);
        assert_eq!(applied.code, 0, "{kind:?}: {applied:#?}");
        begun.elapsed()
    };
    thread::scope(|scope| Killed::ALL.map(|kind| scope.spawn(move || measured(kind))).map(|one| one.join().unwrap()))
}

#[test]
fn after_any_kill_everything_agrees() {
    let count: u64 = env::var("PORTCULLIS_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let longest = longest();
    let (next, killed) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        // Most of the time they wait for leases and fences.
        for _ in 0..20 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= count {
                        return;
                    }
                    let longest = longest[Killed::drawn(number) as usize];
                    killed.fetch_add(u64::from(killed_at(number, longest)), Ordering::SeqCst);
                }
            });
        }
    });
    let killed = killed.into_inner();
    assert!(killed * 2 >= count, "too few were killed to mean anything: {killed} of {count}");
}

/// Asked to end, it writes nothing more, says what it left, and whoever comes next carries it on.
#[cfg(unix)]
#[test]
fn asked_to_end_it_stops_before_the_next_write() {
    for (number, (signal, code)) in
        [("-INT", 130), ("-TERM", 143), ("-INT", 130), ("-TERM", 143)].into_iter().enumerate()
    {
        let stage = Killed::Pilot.stage();
        let child = stage.begin(&["apply", "plan.json", "--approval", "plan.json.sig"]);
        // After the first write, which insures the way back, or after the second.
        let wanted = number / 2 + 1;
        while stage.writes().len() < wanted {
            thread::yield_now();
        }
        let pid = child.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let run = stage.end(child);
        assert_eq!(run.code, code, "{run:#?}");
        assert!(stage.writes().len() <= wanted + 1, "{:?}", stage.writes());
        stage.settle();
        agrees(&stage, Killed::Pilot, &format!("{signal} after write {wanted}"));
    }
}
