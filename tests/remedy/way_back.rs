//! A way back that is refused at first, for a while, or for as long as somebody does nothing about it.

use serde_json::{Value, json};

use super::{faults::cut_off, stage::Stage, world};

/// The data plane goes dark with the change, and so many requests of the way back are refused like this.
fn refused(kind: &str, times: u64) -> Stage {
    let mut world = world::quiet();
    world["actors"] = cut_off(&world["accounts"][0], times + 2);
    world["faults"] = json!([{"action": "ModifyPilotEipResource", "region_id": "*", "account_id": "*", "kind": kind,
        "skip": 1, "times": times}]);
    let stage = Stage::new(&world);
    stage.plan(vec![world::pilot()]);
    stage
}

/// The call that a person makes by hand.
fn tells_the_call(said: &str) {
    for part in ["servicemesh:ModifyPilotEipResource", "ServiceMeshId=c0mesh", "EipId=eip-pilot", "BindEip"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn what_refuses_three_times_is_asked_a_fourth_time() {
    std::thread::scope(|scope| {
        for kind in ["throttle", "deny"] {
            scope.spawn(move || {
                let stage = refused(kind, 3);
                let start = stage.server.snapshot();
                let applied = stage.apply(&[]);
                assert_eq!((applied.code, applied.ends()), (9, vec!["rolled-back".to_owned()]), "{kind}: {applied:#?}");
                assert_eq!(stage.server.snapshot(), start, "{kind}");
            });
        }
    });
}

/// Whoever settles what is due tries again, and says so until it is back; a person is told what to do.
#[test]
fn what_is_refused_for_longer_stays_open_and_is_told() {
    let stage = refused("deny", 6);
    let start = stage.server.snapshot();
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (10, vec!["way-back-refused".to_owned()]), "{applied:#?}");
    tells_the_call(&applied.stderr);
    assert_eq!(stage.open().len(), 1);
    // Nothing else is begun meanwhile.
    let account = stage.reach(&["verify"]).json()["accounts"][0].clone();
    assert!(account["breaker"].is_string(), "{account}");
    let mut codes = Vec::new();
    while !stage.open().is_empty() && codes.len() < 400 {
        let run = stage.reach(&["verify", "--due"]);
        if run.code == 10 {
            tells_the_call(&run.stderr);
        }
        codes.push(run.code);
    }
    assert_eq!((codes.first(), codes.last()), (Some(&10), Some(&9)), "{codes:?}");
    assert_eq!(stage.server.snapshot(), start);
}

/// A person who asks for it does not wait until the next try is due.
#[test]
fn a_person_may_ask_for_it_at_once() {
    let mut stage = refused("deny", 5);
    let start = stage.server.snapshot();
    assert_eq!(stage.apply(&[]).code, 10);
    // Slowly now: the next try would be due in some minutes.
    stage.time_scale = 1;
    let early = stage.reach(&["verify", "--due"]);
    assert_eq!((early.code, early.ends()), (10, vec!["way-back-refused".to_owned()]), "{early:#?}");
    stage.time_scale = 3_600;
    let back = stage.reach(&["rollback", "intent-pilot", "--confirm", "intent-pilot"]);
    assert_eq!((back.code, back.ends()), (0, vec!["rolled-back".to_owned()]), "{back:#?}");
    assert_eq!(stage.server.snapshot(), start);
}

/// What bars it is not ours to lift. Once it is lifted, the case is taken up again.
#[test]
fn a_case_that_needed_a_person_is_taken_up_again() {
    let mut world = world::quiet();
    let mut actors = cut_off(&world["accounts"][0], 2);
    let set = |at: Value, status: &str| json!({"at": at, "do": "set", "list": "vpc.eips", "id": "eip-pilot", "fields": {"BusinessStatus": status}});
    let more = [
        set(json!({"action": "ModifyPilotEipResource", "nth": 1, "when": "after"}), "FinancialLocked"),
        // Nobody but the scan below asks about that region.
        set(json!({"action": "DescribeEipAddresses", "match": {"RegionId": "cn-hangzhou"}, "when": "after"}), "Normal"),
    ];
    actors.as_array_mut().unwrap().extend(more);
    world["actors"] = actors;
    let stage = Stage::new(&world);
    let start = stage.server.snapshot();
    stage.plan(vec![world::pilot()]);
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (10, vec!["attention".to_owned()]), "{applied:#?}");
    tells_the_call(&applied.stderr);
    // Nothing is under way, and nothing is well.
    for _ in 0..2 {
        let due = stage.reach(&["verify", "--due"]);
        assert_eq!(due.code, 10, "{due:#?}");
        assert!(!due.stderr.contains("settled"), "{due:#?}");
        tells_the_call(&due.stderr);
    }
    let barred = stage.reach(&["rollback", "intent-pilot", "--confirm", "intent-pilot"]);
    assert_eq!((barred.code, barred.ends()), (10, vec!["attention".to_owned()]), "{barred:#?}");
    // Somebody pays.
    stage.run(&["scan", "--no-store", "--region", "cn-hangzhou", "--endpoint-url", &stage.server.url()]);
    assert_eq!(stage.eip("eip-pilot")["BusinessStatus"], "Normal");
    let back = stage.reach(&["rollback", "intent-pilot", "--confirm", "intent-pilot"]);
    assert_eq!((back.code, back.ends()), (0, vec!["rolled-back".to_owned()]), "{back:#?}");
    assert_eq!(stage.server.snapshot(), start);
    let due = stage.reach(&["verify", "--due"]);
    assert_eq!((due.code, due.ends()), (0, Vec::<String>::new()), "{due:#?}");
}

/// The kill switch stops the way back too, for as long as it is on and no longer.
#[test]
fn the_kill_switch_does_not_end_it() {
    let stage = refused("deny", 5);
    let start = stage.server.snapshot();
    assert_eq!(stage.apply(&[]).code, 10);
    std::fs::write(stage.path("STOP"), "").unwrap();
    let stopped = stage.reach(&["rollback", "intent-pilot", "--confirm", "intent-pilot"]);
    assert_eq!((stopped.code, stopped.ends()), (10, vec!["way-back-refused".to_owned()]), "{stopped:#?}");
    std::fs::remove_file(stage.path("STOP")).unwrap();
    let back = stage.reach(&["rollback", "intent-pilot", "--confirm", "intent-pilot"]);
    assert_eq!((back.code, back.ends()), (0, vec!["rolled-back".to_owned()]), "{back:#?}");
    assert_eq!(stage.server.snapshot(), start);
}

/// Clearing up waits for the kill switch, and the case with it.
#[test]
fn what_is_left_when_the_kill_switch_is_on_is_told_and_cleared_up_later() {
    let mut stage = Stage::new(&world::quiet());
    stage.plan(vec![world::pilot()]);
    // Slowly at first, so that it cannot soak to its end before the switch is turned, however long the program takes.
    stage.time_scale = 60;
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (0, vec!["soaking".to_owned()]), "{applied:#?}");
    std::fs::write(stage.path("STOP"), "").unwrap();
    stage.time_scale = 36_000;
    let left = (0..400)
        .map(|_| stage.reach(&["verify", "--due"]))
        .find(|run| run.code != 0 || stage.open().is_empty())
        .unwrap();
    assert_eq!((left.code, left.ends()), (8, vec!["not-cleared-up".to_owned()]), "{left:#?}");
    for part in ["kill switch", "deletion protection", "eip-pilot", "tag"] {
        assert!(left.stdout.contains(part), "{part}: {left:#?}");
    }
    let open = stage.open();
    assert_eq!(open.len(), 1);
    assert!(open[0]["state"].as_str().unwrap().contains("cleared up"), "{open:?}");
    std::fs::remove_file(stage.path("STOP")).unwrap();
    let runs = stage.settle();
    let ends: Vec<String> = runs.iter().flat_map(super::stage::Run::ends).collect();
    assert_eq!(ends.last().map(String::as_str), Some("mitigated"), "{runs:#?}");
    let eip: Value = stage.eip("eip-pilot");
    assert!(eip.get("DeletionProtection").is_none() && eip.get("Tags").is_none(), "{eip}");
}

/// A fence that is refused at the last moment leaves no list behind, once it may be taken away.
#[test]
fn a_fence_that_was_stopped_takes_its_list_away_later() {
    let stage = Stage::new(&world::needed());
    let start = stage.server.snapshot();
    stage.plan(vec![world::fence()]);
    let child = stage.begin(&["apply", "plan.json", "--approval", "plan.json.sig"]);
    // The switch is turned once the list is made.
    while stage.effects("CreateAccessControlList") == 0 {
        std::thread::yield_now();
    }
    std::fs::write(stage.path("STOP"), "").unwrap();
    let run = stage.end(child);
    assert_eq!(run.code, 8, "{run:#?}");
    assert_eq!(run.ends(), ["not-cleared-up"], "{run:#?}");
    assert!(run.stdout.contains("acl-") && run.stdout.contains("kill switch"), "{run:#?}");
    std::fs::remove_file(stage.path("STOP")).unwrap();
    stage.settle();
    assert_eq!(stage.server.snapshot(), start);
}

/// Somebody takes deletion protection off and releases the EIP, while the change is verified for the first time.
fn released(world: &mut Value) {
    let at = json!({"action": "DescribeServiceMeshProxyStatus", "nth": 2, "when": "before"});
    let off =
        json!({"at": at, "do": "set", "list": "vpc.eips", "id": "eip-pilot", "fields": {"DeletionProtection": false}});
    let release = json!({"at": at, "do": "release", "eip": "eip-pilot"});
    let actors = world["actors"].as_array().cloned().unwrap_or_default();
    world["actors"] = actors.into_iter().chain([off, release]).collect();
}

fn is_gone(stage: &Stage) -> bool {
    let snapshot = stage.server.snapshot();
    let eips = snapshot[world::ACCOUNT]["vpc.eips"].as_array().unwrap();
    eips.iter().all(|eip| eip["AllocationId"] != "eip-pilot")
}

/// An EIP that is gone does not come back: no call that would bind it is made or told.
#[test]
fn an_eip_that_was_released_is_not_waited_for() {
    let mut world = world::quiet();
    world["actors"] = cut_off(&world["accounts"][0], 9);
    released(&mut world);
    let stage = Stage::new(&world);
    stage.plan(vec![world::pilot()]);
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (10, vec!["attention".to_owned()]), "{applied:#?}");
    assert!(is_gone(&stage));
    assert_eq!(stage.effects("ModifyPilotEipResource"), 1, "{:?}", stage.writes());
    let back = stage.reach(&["rollback", "intent-pilot", "--confirm", "intent-pilot"]);
    assert_eq!(back.code, 8, "{back:#?}");
    let due = stage.reach(&["verify", "--due"]);
    assert_eq!(due.code, 10, "{due:#?}");
    for said in [&applied.stderr, &back.stderr, &due.stderr] {
        for part in ["released", "its address does not come back", "BindEip", "EipId=(another EIP)"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("EipId=eip-pilot"), "{said}");
    }
}

/// Nobody is cut off, but nobody could be helped: that is told at once, and nothing is claimed beside it.
#[test]
fn an_eip_that_was_released_though_all_is_well_is_told() {
    let mut world = world::quiet();
    released(&mut world);
    let stage = Stage::new(&world);
    stage.plan(vec![world::pilot()]);
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (10, vec!["attention".to_owned()]), "{applied:#?}");
    assert!(is_gone(&stage) && !applied.stderr.contains("cut off"), "{applied:#?}");
    let open = stage.reach(&["verify"]).json()["open"].clone();
    assert!(open[0]["attention"].to_string().contains("eip-pilot was released"), "{open:?}");
    assert_eq!(open[0]["by_hand"], json!([]));
}
