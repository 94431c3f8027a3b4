//! Others who change the same things, at a moment that the world document names.

use portcullis::cloud::write::Outcome;
use serde_json::json;

use crate::harness::{Cloud, REGION, unbind_pilot};

#[tokio::test]
async fn a_console_user_swaps_the_eip_between_our_read_and_our_write() {
    let cloud = Cloud::with_actors(json!([
        {"at": {"action": "ModifyPilotEipResource", "nth": 1, "when": "before"}, "do": "attach", "eip": "eip-spare", "instance": "i-1"},
        {"at": {"action": "ModifyPilotEipResource", "nth": 1, "when": "after", "match": {"ServiceMeshId": "m1"}}, "do": "set",
         "list": "vpc.eips", "id": "eip-api", "fields": {"BusinessStatus": "FinancialLocked"}}
    ]));
    assert_eq!(cloud.binding("eip-spare").await.0, "Available");
    cloud.acked(unbind_pilot()).await;
    assert_eq!(cloud.binding("eip-spare").await, ("InUse".to_owned(), "i-1".to_owned()));
    assert_eq!(cloud.eip("eip-api").await["BusinessStatus"], json!("FinancialLocked"));
    let by: Vec<String> = cloud.server.changes().into_iter().map(|change| change.by).collect();
    assert_eq!(by, ["actor 0", "request 2", "actor 1"]);
}

#[tokio::test]
async fn what_is_unbound_is_what_is_bound_on_arrival() {
    let cloud = Cloud::with_actors(
        json!([{"at": {"action": "DescribeServiceMeshDetail"}, "do": "bind", "mesh": "m1", "eip": "eip-spare"}]),
    );
    cloud.pilot().await;
    cloud.pass();
    cloud.server.snapshot();
    cloud.pass();
    cloud.acked(unbind_pilot()).await;
    assert_eq!(cloud.binding("eip-spare").await.0, "Unassociating");
    assert_eq!(cloud.binding("eip-pilot").await.0, "Available");
}

#[tokio::test]
async fn somebody_else_unbinds_while_we_do() {
    let cloud = Cloud::with_actors(json!([{"at": {"action": "ModifyPilotEipResource"}, "do": "unbind", "mesh": "m1"}]));
    // What comes second finds the EIP on its way.
    let Outcome::Ambiguous(failure) = cloud.send(unbind_pilot()).await else { panic!("it is being changed") };
    assert_eq!(failure.code, "OperationConflict");
    cloud.pass();
    assert_eq!(cloud.binding("eip-pilot").await.0, "Available");
    // The audit trail knows of it: without it nobody could tell whose the effect was.
    let now = chrono::Utc::now() + chrono::TimeDelta::minutes(1);
    let hour = now - chrono::TimeDelta::hours(1);
    let trail = portcullis::cloud::api::actiontrail::lookup_events(REGION, "ModifyPilotEipResource", hour, now);
    let events = cloud.read(trail).await;
    assert_eq!(events["Events"].as_array().unwrap().len(), 1, "{events}");
    assert_eq!(events["Events"][0]["userIdentity"]["userName"], json!("console-user"));
}

#[tokio::test]
async fn proxies_change_and_clusters_roll_without_us() {
    let cloud = Cloud::with_actors(json!([
        {"at": {"action": "DescribeServiceMeshDetail"}, "do": "replace", "list": "servicemesh.proxy_status", "id": "m1",
         "items": [{"ProxyId": "a.default", "ClusterSynced": "STALE"}]},
        {"at": {"action": "DescribeServiceMeshDetail"}, "do": "unbind", "cluster": "c1"},
        {"at": {"action": "DescribeServiceMeshDetail", "nth": 2}, "do": "advance-clock", "ms": 10000}
    ]));
    cloud.mesh("m1").await;
    let proxies = portcullis::cloud::api::servicemesh::describe_service_mesh_proxy_status("m1");
    assert_eq!(cloud.read(proxies).await["ProxyStatus"][0]["ClusterSynced"], json!("STALE"));
    assert_eq!(cloud.cluster("c1").await["state"], json!("updating"));
    assert_eq!(cloud.binding("eip-cluster").await.0, "Unassociating");
    cloud.mesh("m1").await;
    assert_eq!(cloud.binding("eip-cluster").await.0, "Available");
}

#[test]
fn a_deed_that_cannot_be_is_a_problem_of_the_document() {
    for (actor, part) in [
        (json!({"do": "unbind"}), "name a mesh or a cluster"),
        (json!({"do": "unbind", "mesh": "a", "cluster": "b"}), "name a mesh or a cluster"),
        (json!({"do": "set", "list": "vpc.eip", "id": "x", "fields": {}}), "there is no list vpc.eip"),
        (json!({"do": "replace", "list": "vpc.eips", "id": "x", "items": []}), "is none of"),
        (json!({"do": "dance"}), "dance"),
        (json!({"do": "unbind", "mesh": "a", "colour": 1}), "colour"),
        (json!({"do": "unbind", "mesh": "a", "at": {"moment": "after"}}), "moment"),
        (json!(7), "an object"),
    ] {
        let problem = crate::harness::world().with_actors(json!([actor])).unwrap_err().to_string();
        assert!(problem.contains("actors[0]") && problem.contains(part), "{part}: {problem}");
    }
}
