//! What only a named person may say: acknowledging, closing the breaker; and that the next change waits for it.

use serde_json::{Value, json};

use super::{stage::Stage, world};

/// Somebody binds another EIP while ours is on its way out: which one was let go, nobody can tell.
fn raced() -> Stage {
    let mut world = world::quiet();
    let account = &mut world["accounts"][0];
    let mut spare = account["vpc"]["eips"][0].clone();
    spare["AllocationId"] = json!("eip-spare");
    spare["IpAddress"] = json!("203.0.113.99");
    spare["Status"] = json!("Available");
    spare["InstanceId"] = json!("");
    spare["InstanceType"] = json!("");
    account["vpc"]["eips"].as_array_mut().unwrap().push(spare);
    world["actors"] = json!([
        {"at": {"action": "ModifyPilotEipResource", "nth": 1, "when": "before"}, "do": "bind", "mesh": "c0mesh", "eip": "eip-spare"}
    ]);
    let stage = Stage::new(&world::fast(world));
    stage.plan(vec![world::pilot()]);
    stage
}

#[test]
fn a_race_needs_a_person_and_blocks_until_one_has_looked() {
    let stage = raced();
    let applied = stage.apply(&[]);
    let last = stage.settle().pop().unwrap();
    assert!(applied.code == 10 || last.code == 10, "{applied:#?} {last:#?}");
    // The breaker is open, and the endpoint waits.
    let mut action = world::pilot();
    action.intent = "intent-again".to_owned();
    stage.plan_called("again", vec![action], chrono::Utc::now() - chrono::TimeDelta::minutes(1));
    let again = stage.reach(&["apply", "again.json", "--approval", "again.json.sig"]);
    assert_eq!(again.code, 10, "{again:#?}");
    // A trial says so as well, and changes nothing.
    let kept = std::fs::read(stage.path("store.db")).unwrap();
    let dry = stage.reach(&["apply", "again.json", "--approval", "again.json.sig", "--dry-run"]);
    assert_eq!((dry.code, dry.json()["actions"][0]["end"].as_str()), (10, Some("blocked")), "{dry:#?}");
    assert_eq!(std::fs::read(stage.path("store.db")).unwrap(), kept);
    let target = format!("{}/c0mesh/pilot", world::ACCOUNT);
    let listed = stage.reach(&["verify"]).json();
    assert_eq!(listed["accounts"][0]["account"], world::ACCOUNT);
    assert!(listed["accounts"][0]["breaker"].is_string(), "{listed}");

    let acked = stage.run(&["journal", "ack", &target, "--by", "carol"]);
    assert_eq!(acked.code, 0, "{acked:#?}");
    let closed = stage.run(&["journal", "close-breaker", "--account", world::ACCOUNT, "--by", "carol"]);
    assert_eq!(closed.code, 0, "{closed:#?}");
    assert!(stage.reach(&["verify"]).json()["accounts"][0]["breaker"].is_null());
    for words in [
        ["journal", "ack", target.as_str(), "--by", "carol"].as_slice(),
        ["journal", "close-breaker", "--account", world::ACCOUNT, "--by", "carol"].as_slice(),
    ] {
        let run = stage.run(words);
        assert_eq!(run.code, 8, "there is nothing to say any more: {run:#?}");
    }
}

/// A case that needed a person, who has put the EIP back by hand and acknowledged it; and a new plan for the same endpoint.
fn taken_over(faults: Value) -> Stage {
    let mut world = world::quiet();
    let proxies = world["accounts"][0]["servicemesh"]["proxy_status"]["c0mesh"].clone();
    let mut behind = proxies.clone();
    for proxy in behind.as_array_mut().unwrap() {
        proxy["ClusterSynced"] = json!("STALE");
    }
    let unbound = json!({"action": "ModifyPilotEipResource", "nth": 1, "when": "after"});
    // Nobody but the scan below asks about that region.
    let by_hand = json!({"action": "DescribeEipAddresses", "match": {"RegionId": "cn-hangzhou"}, "when": "after"});
    let replace = |at: &Value, items: &Value| json!({"at": at, "do": "replace", "list": "servicemesh.proxy_status", "id": "c0mesh", "items": items});
    let set = |at: &Value, status: &str| json!({"at": at, "do": "set", "list": "vpc.eips", "id": "eip-pilot", "fields": {"BusinessStatus": status}});
    world["actors"] = json!([
        replace(&unbound, &behind),
        set(&unbound, "FinancialLocked"),
        set(&by_hand, "Normal"),
        {"at": by_hand, "do": "bind", "mesh": "c0mesh", "eip": "eip-pilot"},
        replace(&by_hand, &proxies),
    ]);
    world["faults"] = faults;
    let stage = Stage::new(&world);
    stage.plan(vec![world::pilot()]);
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (10, vec!["attention".to_owned()]), "{applied:#?}");
    assert_eq!(insured(&stage), (true, true), "the way back may be wanted still");
    stage.run(&["scan", "--no-store", "--region", "cn-hangzhou", "--endpoint-url", &stage.server.url()]);
    assert_eq!(stage.eip("eip-pilot")["BusinessStatus"], "Normal");
    let target = format!("{}/c0mesh/pilot", world::ACCOUNT);
    let acked = stage.run(&["journal", "ack", &target, "--by", "carol"]);
    assert_eq!(acked.code, 0, "{acked:#?}");
    for part in ["eip-pilot keeps deletion protection and the tag of plan", "portcullis rollback intent-pilot"] {
        assert!(acked.stderr.contains(part), "{part}: {acked:#?}");
    }
    let closed = stage.run(&["journal", "close-breaker", "--account", world::ACCOUNT, "--by", "carol"]);
    assert_eq!(closed.code, 0, "{closed:#?}");
    let mut action = world::pilot();
    action.intent = "intent-again".to_owned();
    stage.plan_called("again", vec![action], chrono::Utc::now() - chrono::TimeDelta::minutes(1));
    // The same endpoint again is for another day, of the world's time; what was done by hand may be too new as well.
    let passes = || stage.reach(&["apply", "again.json", "--approval", "again.json.sig", "--dry-run"]);
    let refused = passes();
    assert!([6, 8].contains(&refused.code) && refused.stdout.contains("dependency group"), "{refused:#?}");
    assert!((0..400).any(|_| passes().code == 0), "{:#?}", passes());
    stage
}

/// Whether the EIP has deletion protection and a plan's tag.
fn insured(stage: &Stage) -> (bool, bool) {
    let eip = stage.eip("eip-pilot");
    (eip["DeletionProtection"] == true, eip["Tags"].to_string().contains("portcullis:plan"))
}

/// What a case that needed attention has left on the EIP is ours, and no owner's: the next one clears it up with its own.
#[test]
fn what_an_acknowledged_case_has_left_is_not_the_owners() {
    let stage = taken_over(json!([]));
    let again = stage.reach(&["apply", "again.json", "--approval", "again.json.sig"]);
    assert_eq!((again.code, again.ends()), (0, vec!["soaking".to_owned()]), "{again:#?}");
    assert_eq!(insured(&stage), (true, true));
    stage.settle();
    assert_eq!((stage.eip("eip-pilot")["Status"].as_str(), insured(&stage)), (Some("Available"), (false, false)));
}

/// Also where the next one never came to put its own tag there.
#[test]
fn the_tag_of_an_acknowledged_case_does_not_outlive_its_protection() {
    let denied =
        json!([{"action": "TagResources", "region_id": "*", "account_id": "*", "kind": "deny", "skip": 1, "times": 0}]);
    let stage = taken_over(denied);
    let again = stage.reach(&["apply", "again.json", "--approval", "again.json.sig"]);
    assert_eq!((again.code, again.ends()), (8, vec!["skipped".to_owned()]), "{again:#?}");
    stage.settle();
    assert_eq!((stage.eip("eip-pilot")["Status"].as_str(), insured(&stage)), (Some("InUse"), (false, false)));
}

#[test]
fn nobody_is_nobody() {
    let stage = Stage::new(&world::quiet());
    let run = stage.run(&["journal", "kill", "on", "--account", world::ACCOUNT]);
    assert_eq!(run.code, 2, "{run:#?}");
    let run = stage.run(&["journal", "ack", "pilot", "--by", "carol"]);
    assert_eq!(run.code, 2, "{run:#?}");
}
