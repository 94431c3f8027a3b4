//! What only a named person may say: acknowledging, closing the breaker; and that the next change waits for it.

use serde_json::json;

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

#[test]
fn nobody_is_nobody() {
    let stage = Stage::new(&world::quiet());
    let run = stage.run(&["journal", "kill", "on", "--account", world::ACCOUNT]);
    assert_eq!(run.code, 2, "{run:#?}");
    let run = stage.run(&["journal", "ack", "pilot", "--by", "carol"]);
    assert_eq!(run.code, 2, "{run:#?}");
}
