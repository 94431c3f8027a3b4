//! One world in which everything passes, and what each single drift from it is refused by.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{sync::Arc, time::Duration};

use super::{Cell, Column, Facts, Guard, Moment, Refusal, TABLE, judge, judge_undo};
use crate::{
    model::{AccountId, AclId, ClusterId, EipId, LoadBalancerId, MeshId, RegionId},
    remediate::{
        Account, AclKind, AclSetting, Action, Approvals, Change, ClockReading, CloudTime, EipState, EipStatus,
        Endpoint, ForeignWrite, Health, Kill, Ledger, Limits, ListenerSettings, Mode, Mono, Pace, Plan, Policy,
        Prepared, Proof, Readings, Replies, Seen, Slot, Source, Standing, Target, TargetState, Trail, Unread,
    },
};

const NOW: Mono = Mono(100_000);
const CLOUD: u64 = 1_700_000_000_000;
const HOUR: Duration = Duration::from_hours(1);

/// Everything that is judged.
#[derive(Clone)]
struct World {
    action: Action,
    plan: Plan,
    readings: Readings,
    account: Account,
    /// The list that was made for a fence.
    acl: Option<AclId>,
}

fn seen<T>(value: T) -> Result<Seen<T>, Unread> {
    Ok(Seen { value, asked: NOW })
}

fn world(endpoint: Endpoint, fence: bool) -> World {
    let change = match fence {
        true => Change::Fence {
            port: 6443,
            before: AclSetting { on: false, kind: AclKind::White, ids: Vec::new() },
            entries: vec!["203.0.113.0/24".to_owned()],
        },
        false => Change::Unbind { eip: EipId::from("eip-1"), address: "198.51.100.1".to_owned() },
    };
    let action = Action {
        intent: "i1".to_owned(),
        target: Target { account: AccountId::from("1"), region: RegionId::from("cn-hangzhou"), endpoint },
        change,
        load_balancer: LoadBalancerId::from("lb-1"),
        clusters: vec!["c1".to_owned(), "c2".to_owned()],
        evidence: Vec::new(),
        environment: "dev".to_owned(),
        group: "g".to_owned(),
        canary: false,
    };
    let plan = Plan {
        id: "p".to_owned(),
        account: AccountId::from("1"),
        not_before: CloudTime(CLOUD) - HOUR,
        expires: CloudTime(CLOUD) + HOUR,
        mode: Mode::Attended,
        limits: Limits { per_run: 1, per_day: 1, per_environment: [("dev".to_owned(), 1)].into() },
        actions: vec![Arc::new(action.clone())],
    };
    let source = |name: &str| Source { name: name.to_owned(), safe: Standing::Yes };
    let readings = Readings {
        replies: Replies::default(),
        clock: Some(ClockReading {
            cloud: CloudTime(CLOUD),
            grain: Duration::ZERO,
            ahead: Duration::ZERO,
            asked: NOW,
            answered: NOW,
            offset: Duration::ZERO,
        }),
        target: seen(TargetState {
            slot: action.before(),
            load_balancer: LoadBalancerId::from("lb-1"),
            running: true,
            upgrading: false,
            canary: false,
            task: false,
            offered: true,
            clusters: Some(action.clusters.clone()),
            settings: None,
            previous: None,
        }),
        eip: seen(EipState {
            status: EipStatus::InUse,
            load_balancer: Some(LoadBalancerId::from("lb-1")),
            service_managed: false,
            locked: false,
            business_normal: true,
            prepaid: false,
        }),
        proof: seen(Proof {
            scanned_at: CloudTime(CLOUD) - HOUR / 2,
            ledger: Ledger { planned: 3, scanned: 3, denied: 0, failed: 0 },
            exposed: Standing::Yes,
            sources: vec![source("c1"), source("c2")],
            no_sources: false,
            evidence: 1,
            against: Vec::new(),
            digest: String::new(),
        }),
        policy: seen(Policy {
            waived: false,
            protected: false,
            windows: vec![(CloudTime(CLOUD) - HOUR, CloudTime(CLOUD) + HOUR)],
            approvals: Approvals { needed: 1, valid: 1, agreeing: None, owner_told: None },
            environment: "dev".to_owned(),
            in_scope: true,
            we_depend: Vec::new(),
        }),
        kill: seen(Kill::Off),
        trail: seen(Trail { foreign: Vec::new(), complete_until: CloudTime(CLOUD) }),
        health: Err(Unread::NotAsked),
        prepared: seen(Prepared {
            protected: !fence,
            tag: (!fence).then(|| "p".to_owned()),
            acl: fence.then(|| (AclId::from("acl-new"), vec!["203.0.113.0/24".to_owned()])),
            others: Vec::new(),
        }),
    };
    World { action, plan, readings, account: Account::default(), acl: fence.then(|| AclId::from("acl-new")) }
}

fn facts<'a>(world: &'a World, moment: Moment, pace: &'a Pace) -> Facts<'a> {
    Facts {
        action: &world.action,
        plan: Some(&world.plan),
        run: "r",
        readings: &world.readings,
        account: Some(&world.account),
        acl: world.acl.as_ref(),
        settings: None,
        moment,
        now: NOW,
        pace,
    }
}

/// Guards that refuse.
fn refusing(world: &World) -> Vec<Guard> {
    let pace = Pace::default();
    match judge(&facts(world, Moment::Signing, &pace)) {
        Ok(_) => Vec::new(),
        Err(refusals) => refusals.iter().map(|refusal| refusal.guard).collect(),
    }
}

fn worlds() -> [World; 5] {
    [
        world(Endpoint::Pilot(MeshId::from("m")), false),
        world(Endpoint::CanaryPilot(MeshId::from("m")), false),
        world(Endpoint::MeshApiServer(MeshId::from("m")), false),
        world(Endpoint::ClusterApiServer(ClusterId::from("c")), false),
        world(Endpoint::ClusterApiServer(ClusterId::from("c")), true),
    ]
}

fn of<T>(reading: &mut Result<Seen<T>, Unread>) -> &mut T {
    &mut reading.as_mut().unwrap().value
}

/// What changes a world.
type Drifting = fn(&mut World);

type Drift = (&'static str, &'static [Guard], Drifting);

/// Each drift, and the guards that have to refuse it for every kind of change.
const DRIFTS: &[Drift] = {
    use Guard::*;
    &[
        ("another account", &[G1], |w| w.plan.account = AccountId::from("2")),
        ("an action of another plan", &[G1], |w| w.plan.actions.clear()),
        ("a plan of tomorrow", &[G1], |w| w.plan.not_before = CloudTime(CLOUD) + HOUR),
        ("a plan that has expired", &[G1], |w| w.plan.expires = CloudTime(CLOUD)),
        ("not in scope", &[G1], |w| of(&mut w.readings.policy).in_scope = false),
        ("not exposed", &[G2], |w| of(&mut w.readings.proof).exposed = Standing::No),
        ("exposure unknown", &[G2], |w| of(&mut w.readings.proof).exposed = Standing::Unknown),
        ("one unit failed", &[G2], |w| {
            of(&mut w.readings.proof).ledger = Ledger { planned: 3, scanned: 2, denied: 0, failed: 1 };
        }),
        ("a ledger that does not add up", &[G2], |w| of(&mut w.readings.proof).ledger.planned = 4),
        ("nothing planned", &[G2], |w| of(&mut w.readings.proof).ledger = Ledger::default()),
        ("a scan of two hours ago", &[G2], |w| of(&mut w.readings.proof).scanned_at = CloudTime(CLOUD) - 2 * HOUR),
        ("another thing in the slot", &[G3], |w| of(&mut w.readings.target).slot = Slot::Eip(EipId::from("eip-2"))),
        ("another balancer", &[G3], |w| of(&mut w.readings.target).load_balancer = LoadBalancerId::from("lb-2")),
        ("not running", &[G4], |w| of(&mut w.readings.target).running = false),
        ("an upgrade", &[G4], |w| of(&mut w.readings.target).upgrading = true),
        ("a task", &[G4], |w| of(&mut w.readings.target).task = true),
        ("a cluster type without the change", &[G4], |w| of(&mut w.readings.target).offered = false),
        ("a cluster joined", &[G4], |w| of(&mut w.readings.target).clusters = Some(vec!["c3".to_owned()])),
        ("a path is broken", &[G5], |w| of(&mut w.readings.proof).sources[0].safe = Standing::No),
        ("a path is unproven", &[G5], |w| of(&mut w.readings.proof).sources[1].safe = Standing::Unknown),
        ("a path was not looked at", &[G5], |w| of(&mut w.readings.proof).sources.truncate(1)),
        ("no path at all", &[G5], |w| of(&mut w.readings.proof).sources.clear()),
        ("waived", &[G6], |w| of(&mut w.readings.policy).waived = true),
        ("protected", &[G6], |w| of(&mut w.readings.policy).protected = true),
        ("no window", &[G7], |w| of(&mut w.readings.policy).windows.clear()),
        ("the window ends now", &[G7], |w| of(&mut w.readings.policy).windows[0].1 = CloudTime(CLOUD)),
        ("the window begins in a moment", &[G7], |w| of(&mut w.readings.policy).windows[0].0 = CloudTime(CLOUD + 1)),
        ("a run's budget of 0", &[G8], |w| w.plan.limits.per_run = 0),
        ("a day's budget of 0", &[G8], |w| w.plan.limits.per_day = 0),
        ("an environment without a budget", &[G8], |w| w.plan.limits.per_environment.clear()),
        ("an approval is missing", &[G9], |w| of(&mut w.readings.policy).approvals.needed = 2),
        ("another environment than the approved one", &[G9], |w| {
            of(&mut w.readings.policy).environment = "prod".to_owned()
        }),
        ("automatic, and nobody was told", &[G9], |w| w.plan.mode = Mode::Automatic),
        ("the kill switch", &[G10], |w| *of(&mut w.readings.kill) = Kill::On),
        ("an unreadable kill switch", &[G10], |w| w.readings.kill = Err(Unread::Denied)),
        ("our own way in", &[G11], |w| of(&mut w.readings.policy).we_depend.push("store".to_owned())),
        ("somebody wrote to it", &[G13], |w| {
            let at = CloudTime(CLOUD) - Duration::from_mins(14);
            of(&mut w.readings.trail).foreign.push(ForeignWrite { at, who: "x".to_owned(), what: "y".to_owned() });
        }),
        ("somebody wrote to it at the end of a second that began too long ago", &[G13], |w| {
            let at = CloudTime(CLOUD) - Duration::from_mins(15) - Duration::from_millis(500);
            of(&mut w.readings.trail).foreign.push(ForeignWrite { at, who: "x".to_owned(), what: "y".to_owned() });
        }),
        ("the clock is 5 s off", &[G14], |w| {
            w.readings.clock.as_mut().unwrap().offset = Duration::from_secs(5);
        }),
    ]
};

#[test]
fn what_is_as_planned_passes() {
    for world in worlds() {
        assert_eq!(refusing(&world), [], "{:?}", world.action.target.endpoint);
    }
}

#[test]
fn every_single_drift_is_refused_by_its_guard_and_by_no_other() {
    for (what, guards, drift) in DRIFTS {
        for mut world in worlds() {
            drift(&mut world);
            assert_eq!(refusing(&world), *guards, "{what} ({:?})", world.action.target.endpoint);
        }
    }
}

#[test]
fn what_only_an_eip_has_is_asked_of_unbinding_only() {
    let drifts: [(&str, Guard, Drifting); 6] = [
        ("managed by a product", Guard::G3, |w| of(&mut w.readings.eip).service_managed = true),
        ("locked", Guard::G3, |w| of(&mut w.readings.eip).locked = true),
        ("not paid for", Guard::G3, |w| of(&mut w.readings.eip).business_normal = false),
        ("not in use", Guard::G3, |w| of(&mut w.readings.eip).status = EipStatus::Moving),
        ("on another balancer", Guard::G3, |w| of(&mut w.readings.eip).load_balancer = None),
        ("not protected", Guard::G12, |w| of(&mut w.readings.prepared).protected = false),
    ];
    for (what, guard, drift) in drifts {
        let [.., mut unbind, mut fence] = worlds();
        drift(&mut unbind);
        drift(&mut fence);
        assert_eq!(refusing(&unbind), [guard], "{what}");
        assert_eq!(refusing(&fence), [], "{what}");
    }
}

/// The list was made some time before it is attached.
#[test]
fn a_fence_attaches_the_list_that_was_planned_and_no_other() {
    let drifts: [(&str, Drifting); 5] = [
        ("the list is gone", |w| of(&mut w.readings.prepared).acl = None),
        ("another list", |w| of(&mut w.readings.prepared).acl.as_mut().unwrap().0 = AclId::from("acl-9")),
        ("an entry was taken away", |w| of(&mut w.readings.prepared).acl.as_mut().unwrap().1.clear()),
        ("an entry was added", |w| {
            of(&mut w.readings.prepared).acl.as_mut().unwrap().1.push("192.0.2.0/24".to_owned())
        }),
        ("it could not be read", |w| w.readings.prepared = Err(Unread::Throttled)),
    ];
    for (what, drift) in drifts {
        let [.., mut fence] = worlds();
        drift(&mut fence);
        assert_eq!(refusing(&fence), [Guard::G5], "{what}");
    }
}

#[test]
fn an_api_server_needs_evidence_and_a_pilot_a_canary_that_is_gone() {
    for mut world in worlds() {
        let column = Column::of(&world.action);
        of(&mut world.readings.proof).evidence = 0;
        let asks = matches!(column, Column::UnbindMeshApiServer | Column::UnbindClusterApiServer);
        assert_eq!(refusing(&world).contains(&Guard::G5), asks, "{}", column.title());
        of(&mut world.readings.proof).evidence = 1;
        of(&mut world.readings.target).canary = true;
        assert_eq!(refusing(&world).contains(&Guard::G4), column != Column::UnbindCanaryPilot, "{}", column.title());
    }
}

/// Whether an unbinding or a fence: where nobody stands by, it has to show in the proxies who is cut off.
#[test]
fn automatic_mode_needs_proxies_that_are_told_by_their_cluster() {
    let pace = Pace::default();
    let day = Duration::from_hours(24);
    for is_fence in [false, true] {
        let mut world = world(Endpoint::Pilot(MeshId::from("m")), is_fence);
        let approvals = &mut of(&mut world.readings.policy).approvals;
        approvals.agreeing = Some((CloudTime(CLOUD) - day, CloudTime(CLOUD)));
        approvals.owner_told = Some(CloudTime(CLOUD) - day);
        for (mode, attributed, guards) in [
            (Mode::Automatic, true, [].as_slice()),
            (Mode::Automatic, false, &[Guard::G5]),
            (Mode::Attended, false, &[]),
        ] {
            world.plan.mode = mode;
            let health = Health { clusters: Vec::new(), attributed, rule_passes: Standing::No, sources: Vec::new() };
            world.readings.health = seen(health);
            let refusals = judge(&facts(&world, Moment::First, &pace)).err().unwrap_or_default();
            let refusing: Vec<Guard> = refusals.iter().map(|refusal| refusal.guard).collect();
            assert_eq!(refusing, guards, "fence: {is_fence}, {mode:?}, {attributed}");
        }
    }
}

/// The rest of a listener's settings is compared with what it was when the case was opened.
#[test]
fn settings_of_a_listener_that_change_meanwhile_are_drift() {
    let pace = Pace::default();
    let set = |word: &str| ListenerSettings::from([("Scheduler".to_owned(), word.to_owned())]);
    let first = set("wrr");
    let mut world = world(Endpoint::Pilot(MeshId::from("m")), true);
    let refused = |world: &World| -> Vec<Refusal> {
        let facts = Facts { settings: Some(&first), ..facts(world, Moment::Signing, &pace) };
        judge(&facts).err().unwrap_or_default()
    };
    of(&mut world.readings.target).settings = Some(set("wrr"));
    assert_eq!(refused(&world), []);
    of(&mut world.readings.target).settings = Some(set("wlc"));
    let drift = refused(&world);
    assert!(matches!(drift.as_slice(), [no] if no.guard == Guard::G3 && no.needs_new_plan()), "{drift:?}");
    of(&mut world.readings.target).settings = None;
    let unread = refused(&world);
    assert!(matches!(unread.as_slice(), [no] if no.guard == Guard::G3 && no.passing), "{unread:?}");
}

#[test]
fn nothing_that_was_not_read_passes() {
    type Lose = fn(&mut Readings);
    let lose: [(&str, Lose); 7] = [
        ("target", |r| r.target = Err(Unread::Failed("x".to_owned()))),
        ("proof", |r| r.proof = Err(Unread::Schema("x".to_owned()))),
        ("policy", |r| r.policy = Err(Unread::Denied)),
        ("kill", |r| r.kill = Err(Unread::Throttled)),
        ("trail", |r| r.trail = Err(Unread::NotAsked)),
        ("clock", |r| r.clock = None),
        ("prepared", |r| r.prepared = Err(Unread::Failed("x".to_owned()))),
    ];
    for (what, lose) in lose {
        for mut world in worlds() {
            lose(&mut world.readings);
            assert!(!refusing(&world).is_empty(), "{what}");
        }
    }
}

#[test]
fn the_way_back_is_taken_onto_what_the_change_left_only() {
    let pace = Pace::default();
    let ok = |world: &World| judge_undo(&facts(world, Moment::Undo, &pace)).is_ok();
    let [mut unbind, .., mut fence] = worlds();
    of(&mut unbind.readings.target).slot = Slot::Vacant;
    of(&mut unbind.readings.eip).status = EipStatus::Available;
    assert!(ok(&unbind));
    // No window, no budget, a waiver, another set of clusters: an outage does not wait.
    of(&mut unbind.readings.policy).windows.clear();
    of(&mut unbind.readings.policy).waived = true;
    of(&mut unbind.readings.target).clusters = Some(vec!["c3".to_owned()]);
    unbind.plan.limits.per_day = 0;
    assert!(ok(&unbind));
    for drift in [
        (|w| of(&mut w.readings.target).slot = Slot::Eip(EipId::from("eip-2"))) as fn(&mut World),
        |w| of(&mut w.readings.eip).status = EipStatus::InUse,
        |w| of(&mut w.readings.eip).locked = true,
        |w| *of(&mut w.readings.kill) = Kill::On,
        |w| of(&mut w.readings.target).running = false,
        |w| w.readings.eip = Err(Unread::Denied),
    ] {
        let mut other = unbind.clone();
        drift(&mut other);
        assert!(!ok(&other));
    }
    assert!(!ok(&fence), "it holds what was before");
    of(&mut fence.readings.target).slot = fence.action.after(Some(&AclId::from("acl-9")));
    assert!(!ok(&fence), "it holds somebody else's list");
    of(&mut fence.readings.target).slot = fence.action.after(fence.acl.as_ref());
    assert!(ok(&fence));
}

#[test]
fn what_was_let_pass_goes_stale() {
    let pace = Pace::default();
    let [world, ..] = worlds();
    let cleared = judge(&facts(&world, Moment::Signing, &pace)).unwrap();
    assert!(cleared.holds(NOW + Duration::from_secs(1), &pace));
    assert!(!cleared.holds(NOW + Duration::from_millis(1001), &pace), "the kill switch was looked at too long ago");
    let looked = cleared.with_kill_read_at(NOW + Duration::from_secs(5));
    assert!(looked.holds(NOW + Duration::from_secs(5), &pace));
    assert!(!looked.holds(NOW + Duration::from_millis(5001), &pace), "the proof is too old");
    assert_eq!(looked.cloud(NOW + Duration::from_secs(2)), CloudTime(CLOUD + 2000));
}

/// The document's table is the code's.
#[test]
fn the_document_holds_the_table() {
    let document = include_str!("../../../docs/remediation.md");
    for row in &TABLE {
        let mut line = format!("| {} | {} |", row.guard, row.title);
        for column in Column::ALL {
            line += match row.cell(column) {
                Cell::Needs(_) => " asked |",
                Cell::Free(_) => " – |",
            };
        }
        assert!(document.contains(&line), "docs/remediation.md lacks the row: {line}");
    }
}
