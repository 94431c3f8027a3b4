//! What a fence must leave as it is: everything that a listener is set to beside its access control.

use serde_json::{Value, json};

use super::{stage::Stage, world};

const SET: &str = "SetLoadBalancerTCPListenerAttribute";

/// After the n-th of these calls the listener has another scheduler.
fn scheduler(action: &str, nth: u64, word: &str) -> Value {
    json!({"at": {"action": action, "nth": nth, "when": "after"}, "do": "set", "list": "slb.listeners", "id": "lb-pilot/15011",
        "fields": {"Scheduler": word}})
}

/// A fence around a listener with settings of its own, and others at work.
fn fenced(actors: Value) -> Stage {
    let mut world = world::fast(world::needed());
    let listener = &mut world["accounts"][0]["slb"]["listeners"][0];
    listener["Scheduler"] = json!("wrr");
    listener["TCPListenerConfig"] = json!({"PersistenceTimeout": 0, "HealthCheck": "on"});
    world["actors"] = actors;
    let stage = Stage::new(&world);
    stage.plan(vec![world::fence()]);
    stage
}

fn listener(stage: &Stage) -> Value {
    let snapshot = stage.server.snapshot();
    let all = snapshot[world::ACCOUNT]["slb.listeners"].as_array().unwrap().clone();
    all.into_iter().find(|one| one["LoadBalancerId"] == "lb-pilot").unwrap()
}

/// A call that sets more than it was asked to is taken back, and what is left altered is told.
#[test]
fn what_a_call_resets_is_told_and_needs_a_person() {
    let stage = fenced(json!([scheduler(SET, 1, "wlc")]));
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (10, vec!["attention".to_owned()]), "{applied:#?}");
    assert_eq!(listener(&stage)["AclStatus"], "off", "it was taken back");
    let listed = stage.reach(&["verify"]).json();
    let told = listed["open"].to_string();
    assert!(told.contains("settings of the listener") && told.contains("Scheduler"), "{told}");
    assert!(!told.contains("PersistenceTimeout"), "{told}");
    assert!(listed["accounts"][0]["breaker"].is_string(), "{listed}");
}

/// Where the way back restores what the call had altered, all is as it was.
#[test]
fn what_the_way_back_restores_is_rolled_back() {
    let stage = fenced(json!([scheduler(SET, 1, "wlc"), scheduler(SET, 2, "wrr")]));
    let start = stage.server.snapshot();
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (9, vec!["rolled-back".to_owned()]), "{applied:#?}");
    assert_eq!(stage.server.snapshot(), start);
}

/// Somebody who changes the listener between the first look and the signature is not mistaken for our call.
#[test]
fn what_is_altered_meanwhile_refuses() {
    let stage = fenced(json!([scheduler("AddAccessControlListEntry", 1, "wlc")]));
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (6, vec!["skipped".to_owned()]), "{applied:#?}");
    assert!(applied.stdout.contains("changed since the first look: Scheduler"), "{applied:#?}");
    assert_eq!((stage.effects(SET), stage.effects("DeleteAccessControlList")), (0, 1), "{:?}", stage.writes());
}

/// What its owner changes while a fence soaks is the owner's business.
#[test]
fn what_is_altered_later_is_left_alone() {
    // Nobody but the scan below asks about that region.
    let stage = fenced(
        json!([{"at": {"action": "DescribeEipAddresses", "match": {"RegionId": "cn-hangzhou"}, "when": "after"},
        "do": "set", "list": "slb.listeners", "id": "lb-pilot/15011", "fields": {"Scheduler": "wlc"}}]),
    );
    assert_eq!(stage.apply(&[]).code, 0);
    stage.run(&["scan", "--no-store", "--region", "cn-hangzhou", "--endpoint-url", &stage.server.url()]);
    assert_eq!(listener(&stage)["Scheduler"], "wlc");
    let runs = stage.settle();
    let ends: Vec<String> = runs.iter().flat_map(super::stage::Run::ends).collect();
    assert_eq!(ends.last().map(String::as_str), Some("mitigated"), "{runs:#?}");
    assert_eq!((listener(&stage)["AclStatus"].clone(), stage.effects(SET)), (json!("on"), 1));
}

/// Without a picture of the listener before, nobody could tell afterwards what else was changed.
#[test]
fn what_cannot_be_read_whole_is_not_fenced() {
    let mut world = world::needed();
    world["faults"] = json!([{"action": "DescribeLoadBalancerTCPListenerAttribute", "region_id": "*", "account_id": "*",
        "kind": "deny", "times": 0}]);
    let stage = Stage::new(&world);
    stage.plan(vec![world::fence()]);
    for words in [["--dry-run"].as_slice(), [].as_slice()] {
        let run = stage.apply(words);
        assert_eq!((run.code, stage.writes().len()), (8, 0), "{run:#?}");
        assert!(run.stdout.contains("the endpoint may not be read"), "{run:#?}");
    }
}
