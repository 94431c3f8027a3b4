//! What goes wrong on the way: answers that say nothing, or the wrong thing, and a data plane that does not come back.

use serde_json::{Value, json};

use super::{stage::Stage, world};

fn with_fault(kind: &str) -> Stage {
    let mut world = world::fast(world::quiet());
    world["faults"] =
        json!([{"action": "ModifyPilotEipResource", "region_id": "*", "account_id": "*", "kind": kind, "times": 1}]);
    let stage = Stage::new(&world);
    stage.plan(vec![world::pilot()]);
    stage
}

/// Whatever was answered, the request is sent once, and what became of it is what was seen.
#[test]
fn an_answer_is_never_taken_for_the_deed() {
    let cases = [
        ("throttle", false),
        ("deny", false),
        ("http-503", false),
        ("accepted-never-applied", false),
        ("reset-before-effect", false),
        ("applied-then-500", true),
        ("garbage", true),
        ("reset", true),
    ];
    std::thread::scope(|scope| {
        for (kind, is_done) in cases {
            scope.spawn(move || answered(kind, is_done));
        }
    });
}

fn answered(kind: &str, is_done: bool) {
    let stage = with_fault(kind);
    let applied = stage.apply(&[]);
    stage.settle();
    let sent = stage.server.journal().iter().filter(|entry| entry.action == "ModifyPilotEipResource").count();
    let status = if is_done { "Available" } else { "InUse" };
    assert_eq!((sent, stage.eip("eip-pilot")["Status"].as_str()), (1, Some(status)), "{kind}: {applied:#?}");
    assert_eq!(applied.code, if is_done { 0 } else { 8 }, "{kind}: {applied:#?}");
    let eip = stage.eip("eip-pilot");
    assert!(eip.get("DeletionProtection").is_none() && eip.get("Tags").is_none(), "{kind}: {eip}");
}

/// Proxies that get nothing any more once the EIP is gone, and everything again when it is back: with which request.
pub(crate) fn cut_off(account: &Value, back: u64) -> Value {
    let proxies = account["servicemesh"]["proxy_status"]["c0mesh"].clone();
    let mut behind = proxies.clone();
    for proxy in behind.as_array_mut().unwrap() {
        proxy["ClusterSynced"] = json!("STALE");
    }
    let replace = |nth: u64, items: Value| {
        json!({"at": {"action": "ModifyPilotEipResource", "nth": nth, "when": "after"}, "do": "replace",
            "list": "servicemesh.proxy_status", "id": "c0mesh", "items": items})
    };
    json!([replace(1, behind), replace(back, proxies)])
}

#[test]
fn who_is_cut_off_is_connected_again() {
    let mut world = world::quiet();
    world["actors"] = cut_off(&world["accounts"][0], 2);
    let stage = Stage::new(&world);
    let start = stage.server.snapshot();
    stage.plan(vec![world::pilot()]);
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (9, vec!["rolled-back".to_owned()]), "{applied:#?}");
    assert_eq!(stage.server.snapshot(), start);
    // Nothing new is started until somebody has found out why.
    let mut other = world::mesh_api_server();
    other.intent = "intent-other".to_owned();
    stage.plan_called("other", vec![other], chrono::Utc::now() - chrono::TimeDelta::minutes(1));
    let refused = stage.reach(&["apply", "other.json", "--approval", "other.json.sig"]);
    assert_eq!(refused.code, 8, "{refused:#?}");
    assert!(refused.stdout.contains("circuit breaker"), "{refused:#?}");
}

/// Replies that say that we ask too often stop whatever is new, here and in the next process, until somebody has looked.
///
/// The first change is refused on its first look whatever its readings say, so that there is one look and no race; of what
/// it asks for, each operation is throttled so many times before it is answered, and what gives up sooner only adds to the
/// share.
#[test]
fn too_many_throttled_replies_stop_whatever_is_new() {
    let mut world = world::logged();
    let throttled = [
        "DescribeServiceMeshProxyStatus",
        "DescribeServiceMeshes",
        "DescribeEipAddresses",
        "DescribeLoadBalancers",
        "DescribeLoadBalancerListeners",
        "DescribeSecurityGroups",
        "DescribeSecurityGroupAttribute",
        "DescribeClustersV1",
        "DescribeClusterDetail",
        "DescribeVpcs",
        "DescribeVSwitches",
        "DescribeRouteTableList",
        "DescribeRouteEntryList",
        "DescribeNatGateways",
        "LookupEvents",
    ];
    let fault = |action: &&str| json!({"action": action, "region_id": "*", "account_id": "*", "kind": "throttle", "retry_after_ms": 1, "times": 3});
    world["faults"] = throttled.iter().map(fault).collect();
    let stage = Stage::new(&world);
    let mut drifted = world::pilot();
    drifted.clusters = vec!["c1near".to_owned()];
    stage.plan(vec![drifted, world::cluster_api_server()]);
    let applied = stage.apply(&[]);
    let ends = vec!["skipped".to_owned(), "not-started".to_owned()];
    assert_eq!((applied.code, applied.ends()), (8, ends), "{applied:#?}");
    assert!(applied.stdout.contains("more than 30 % of the replies were throttled"), "{applied:#?}");
    // Another process, another plan: the account's row says it.
    stage.plan_called("next", vec![world::cluster_api_server()], chrono::Utc::now() - chrono::TimeDelta::minutes(1));
    let next = ["apply", "next.json", "--approval", "next.json.sig", "--dry-run"];
    for words in [&next[..4], &next] {
        let refused = stage.reach(words);
        assert_eq!(refused.code, 8, "{refused:#?}");
        let why = "the circuit breaker is open: more than 30 % of the replies were throttled";
        assert!(refused.stdout.contains(why), "{refused:#?}");
    }
    assert_eq!(stage.writes(), []);
    let closed = stage.run(&["journal", "close-breaker", "--account", world::ACCOUNT, "--by", "carol"]);
    assert_eq!(closed.code, 0, "{closed:#?}");
    let passes = stage.reach(&next);
    assert_eq!(passes.code, 0, "{passes:#?}");
}
