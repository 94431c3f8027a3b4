//! What a plan would not have any more when it is carried out, and what shows only once the change is made.

use serde_json::{Value, json};

use super::{stage::Stage, world};
use portcullis::{
    model::AclId,
    remediate::{AclKind, AclSetting, Action, Change},
};

/// A world, and an action that was planned in another one: it is refused for this reason, and nothing is written.
fn is_left_alone(world: &Value, action: Action, why: &str) {
    let stage = Stage::new(world);
    stage.plan(vec![action]);
    for more in [&["--dry-run"][..], &[]] {
        let refused = stage.apply(more);
        // 6 where a new plan mends it.
        assert!([6, 8].contains(&refused.code), "{refused:#?}");
        assert!(refused.stdout.contains(why), "{why}: {refused:#?}");
    }
    assert_eq!(stage.writes(), []);
}

fn eip(id: &str, address: &str, balancer: &str) -> Value {
    let mut eip = world::quiet()["accounts"][0]["vpc"]["eips"][0].clone();
    (eip["AllocationId"], eip["IpAddress"], eip["InstanceId"]) = (json!(id), json!(address), json!(balancer));
    eip
}

#[test]
fn a_second_way_in_is_not_left_open() {
    let mut second = world::quiet();
    second["accounts"][0]["vpc"]["eips"].as_array_mut().unwrap().push(eip("eip-second", "203.0.113.77", "lb-pilot"));
    is_left_alone(&second, world::pilot(), "its balancer has several EIPs");
    let mut internet = world::quiet();
    let balancer = &mut internet["accounts"][0]["slb"]["load_balancers"][0];
    (balancer["AddressType"], balancer["Address"]) = (json!("internet"), json!("203.0.113.60"));
    is_left_alone(&internet, world::pilot(), "\"guard\":\"G5\"");
}

/// The other endpoint has no proof.
#[test]
fn an_eip_that_two_endpoints_came_to_share_stays() {
    let mut shared = world::quiet();
    let account = &mut shared["accounts"][0];
    let mesh = &mut account["servicemesh"]["meshes"][0];
    mesh["Spec"]["LoadBalancer"]["ApiServerPublicEipId"] = json!("eip-pilot");
    mesh["Spec"]["LoadBalancer"]["ApiServerLoadbalancerId"] = json!("lb-pilot");
    mesh["Endpoints"]["PublicApiServerEndpoint"] = json!("https://203.0.113.8:6443");
    account["slb"]["listeners"][1]["LoadBalancerId"] = json!("lb-pilot");
    account["vpc"]["eips"].as_array_mut().unwrap().retain(|eip| eip["AllocationId"] != "eip-mapi");
    is_left_alone(&shared, world::pilot(), "whoever uses tcp/6443 there");
}

/// Signs that disagree.
#[test]
fn what_contradicts_itself_is_left_alone() {
    let mut denied = world::quiet();
    denied["accounts"][0]["servicemesh"]["meshes"][0]["Spec"]["LoadBalancer"]["PilotPublicEip"] = json!(false);
    is_left_alone(&denied, world::pilot(), "what shows that it is exposed disagrees");
}

const FENCED: [&str; 4] = ["10.1.0.0/16", "10.2.0.0/16", "198.51.100.7/32", "8.8.0.0/16"];

/// The world of a fence, whose listener has a white list with these entries.
fn listed(entries: &[&str]) -> Value {
    let mut world = world::needed();
    let slb = &mut world["accounts"][0]["slb"];
    let entries: Vec<Value> = entries.iter().map(|entry| json!({"AclEntryIP": entry, "AclEntryComment": ""})).collect();
    slb["acls"] = json!([{"AclId": "acl-1", "AclName": "acl-1", "AddressIPVersion": "ipv4", "RegionId": world::REGION,
        "AclEntrys": {"AclEntry": entries}}]);
    for (field, value) in [("AclStatus", json!("on")), ("AclType", json!("white")), ("AclId", json!("acl-1"))] {
        slb["listeners"][0][field] = value;
    }
    slb["listeners"][0]["AclIds"] = json!(["acl-1"]);
    world
}

/// A fence before a listener with that list, which lets in as well whom the list let in when it was planned.
fn fence(also: Option<&str>) -> Action {
    let mut action = world::fence();
    let Change::Fence { before, entries, .. } = &mut action.change else { panic!("{action:?}") };
    *before = AclSetting { on: true, kind: AclKind::White, ids: vec![AclId::from("acl-1")] };
    entries.extend(also.map(str::to_owned));
    action
}

#[test]
fn a_fence_opens_nothing_that_was_closed_since() {
    is_left_alone(&listed(&FENCED), fence(Some("192.0.2.0/24")), "its listener refuses 192.0.2.0/24 now");
    // Nothing is open any more, so that there is nothing to fence.
    is_left_alone(&listed(&FENCED[..3]), fence(None), "a plan made now leaves it alone");
    let stage = Stage::new(&world::fast(listed(&FENCED)));
    stage.plan(vec![fence(None)]);
    let applied = stage.apply(&[]);
    assert_eq!(applied.code, 0, "{applied:#?}");
}

/// A proxy that was behind before the change is none of its doing.
#[test]
fn who_was_behind_before_stays_so() {
    let mut world = world::fast(world::quiet());
    world["accounts"][0]["servicemesh"]["proxy_status"]["c0mesh"][3]["ClusterSynced"] = json!("STALE");
    let stage = Stage::new(&world);
    stage.plan(vec![world::pilot()]);
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, stage.effects("ModifyPilotEipResource")), (0, 1), "{applied:#?}");
}

/// Once the EIP is gone, a cluster joins of which nothing is known.
#[test]
fn who_joins_has_to_be_known_to_do_without() {
    let mut world = world::quiet();
    let mut clusters = world["accounts"][0]["servicemesh"]["clusters"]["c0mesh"].clone();
    let mut joined = clusters[0].clone();
    (joined["ClusterId"], joined["ClusterType"], joined["VpcId"]) =
        (json!("c3new"), json!("ExternalKubernetes"), json!(""));
    clusters.as_array_mut().unwrap().push(joined);
    world["actors"] = json!([{"at": {"action": "ModifyPilotEipResource", "nth": 1, "when": "after"}, "do": "replace",
        "list": "servicemesh.clusters", "id": "c0mesh", "items": clusters}]);
    let stage = Stage::new(&world);
    stage.plan(vec![world::pilot()]);
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (9, vec!["rolled-back".to_owned()]), "{applied:#?}");
    assert_eq!(stage.eip("eip-pilot")["InstanceId"], "lb-pilot");
}

/// Bound beside the mesh, so that the mesh itself says that its slot is empty.
#[test]
fn the_way_back_does_not_push_out_an_eip_that_the_mesh_does_not_know() {
    let mut world = world::scaled(world::quiet(), 60);
    let mut spare = eip("eip-human", "203.0.113.99", "");
    spare["Status"] = json!("Available");
    world["accounts"][0]["vpc"]["eips"].as_array_mut().unwrap().push(spare);
    // Nobody but the scan below asks about that region.
    world["actors"] = json!([{"at": {"action": "DescribeEipAddresses", "match": {"RegionId": "cn-hangzhou"}, "when": "after"},
        "do": "attach", "eip": "eip-human", "instance": "lb-pilot"}]);
    let stage = Stage::new(&world);
    stage.plan(vec![world::pilot()]);
    let applied = stage.apply(&[]);
    assert_eq!(applied.code, 0, "{applied:#?}");
    stage.run(&["scan", "--no-store", "--region", "cn-hangzhou", "--endpoint-url", &stage.server.url()]);
    assert_eq!(stage.eip("eip-human")["InstanceId"], "lb-pilot");
    let back = stage.reach(&["rollback", "intent-pilot", "--confirm", "intent-pilot"]);
    assert_ne!(back.code, 0, "{back:#?}");
    assert_eq!(stage.effects("ModifyPilotEipResource"), 1, "{back:#?}");
}

/// The list of a fence is what is in it, not what was planned: once it lacks somebody who needs the endpoint, the way back
/// is taken.
#[test]
fn a_list_that_lost_who_needs_it_is_taken_off() {
    let mut world = world::needed();
    let entries = json!([{"AclEntryIP": "10.1.0.0/16", "AclEntryComment": ""}]);
    world["actors"] = json!([{"at": {"action": "SetLoadBalancerTCPListenerAttribute", "nth": 1, "when": "after"}, "do": "set",
        "list": "slb.acls", "id": "portcullis-intent-fence", "fields": {"AclEntrys.AclEntry": entries}}]);
    let stage = Stage::new(&world);
    stage.plan(vec![world::fence()]);
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (9, vec!["rolled-back".to_owned()]), "{applied:#?}");
}

/// A list that was emptied meanwhile would let everybody in: giving it back is for a person.
#[test]
fn an_emptied_list_is_not_given_back() {
    let mut world = world::scaled(listed(&FENCED), 60);
    // Nobody but the scan below asks about that region.
    world["actors"] = json!([{"at": {"action": "DescribeEipAddresses", "match": {"RegionId": "cn-hangzhou"}, "when": "after"},
        "do": "set", "list": "slb.acls", "id": "acl-1", "fields": {"AclEntrys.AclEntry": []}}]);
    let stage = Stage::new(&world);
    stage.plan(vec![fence(None)]);
    let applied = stage.apply(&[]);
    assert_eq!(applied.code, 0, "{applied:#?}");
    stage.run(&["scan", "--no-store", "--region", "cn-hangzhou", "--endpoint-url", &stage.server.url()]);
    let back = stage.reach(&["rollback", "intent-fence", "--confirm", "intent-fence"]);
    assert_ne!(back.code, 0, "{back:#?}");
    assert!(
        back.stdout.contains("would let everybody in") || back.stderr.contains("would let everybody in"),
        "{back:#?}"
    );
    assert_eq!(stage.effects("SetLoadBalancerTCPListenerAttribute"), 1, "{back:#?}");
}
