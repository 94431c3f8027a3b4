//! From logs to verdicts, row by row: the set-up that a row of analysis.md 3.2 or 3.4 describes, read over
//! HTTP, and the word and the confidence that the row gives.

use portcullis::{
    analysis,
    model::{
        Connectivity, EndpointJudgement, Inventory, NamedConsumer, NamedConsumers, Need, Staleness,
        StalenessVerdict::{Orphaned, Required, Stale, Unknown},
        Traffic, TrustedEntry, TrustedList, Via,
    },
};
use serde_json::{Value, json};

use crate::{
    DAY, FAR_EGRESS, NOW, SETTINGS, awake_and, each_day, far, flow, flow_log, lines, nodes, of_vpc, pilot, request,
    scan_for, scan_of, scan_with, whole_window_and, with_audit, with_file, with_flows, world,
};

/// The address of the cluster's API server.
const API_SERVER: &str = "203.0.113.11";

fn account(world: &mut Value) -> &mut Value {
    &mut world["accounts"][0]
}

/// A peering between the two VPCs, and routes over it on both sides.
fn peered(mut world: Value) -> Value {
    let owner = 1_000_000_000_000_001_u64;
    account(&mut world)["vpcpeer"] = json!({"connections": [{"InstanceId": "pcc-1", "Status": "Activated", "RegionId": "cn-shanghai",
        "AcceptingRegionId": "cn-shanghai", "OwnerId": owner, "AcceptingOwnerUid": owner, "Vpc": {"VpcId": "vpc-2"},
        "AcceptingVpc": {"VpcId": "vpc-1"}}]});
    for (index, block) in [(0, "10.2.0.0/16"), (1, "10.1.0.0/16")] {
        account(&mut world)["vpc"]["route_tables"][index]["RouteEntrys"] = json!({"RouteEntry": [{"RouteEntryId": "rte-1",
            "DestinationCidrBlock": block, "Type": "Custom", "Status": "Available",
            "NextHops": {"NextHop": [{"NextHopType": "VpcPeer", "NextHopId": "pcc-1", "Enabled": 1}]}}]});
    }
    world
}

/// A PrivateLink endpoint in the cluster's VPC, connected to a service on the pilot's balancer.
fn linked(mut world: Value) -> Value {
    account(&mut world)["privatelink"] = json!({
        "endpoints": [{"EndpointId": "ep-1", "EndpointType": "Interface", "EndpointStatus": "Active", "ConnectionStatus": "Connected",
            "ServiceId": "epsrv-1", "VpcId": "vpc-2", "RegionId": "cn-shanghai"}],
        "endpoint_services": [{"ServiceId": "epsrv-1", "ServiceStatus": "Active", "ServiceResourceType": "slb", "RegionId": "cn-shanghai",
            "Resources": [{"ResourceId": "lb-pilot", "ResourceType": "slb", "ZoneId": "a", "VpcId": "vpc-1", "Ip": "10.1.0.5"}]}]});
    world
}

/// The cluster beside the mesh, in the mesh's own VPC.
fn in_the_mesh_s_vpc(mut world: Value) -> Value {
    let account = account(&mut world);
    account["servicemesh"]["clusters"]["c0mesh"][0]["VpcId"] = "vpc-1".into();
    account["cs"]["clusters"][0]["vpc_id"] = "vpc-1".into();
    account["cs"]["clusters"][0]["vswitch_ids"] = json!(["vsw-1"]);
    world
}

fn word(staleness: &Staleness) -> (portcullis::model::StalenessVerdict, u8, bool) {
    (staleness.verdict, staleness.confidence_percent, staleness.after_migration)
}

/// 3.2 rows 3, 5 and 7 and the third line of 3.3 that is about consumers: it has a private path, and the logs of its
/// VPC show that it uses the public one all the same.
#[tokio::test]
async fn connected_privately_and_seen_in_public_is_stale_after_migration() {
    for (row, change, vpc, source, via) in [
        (3, in_the_mesh_s_vpc as fn(Value) -> Value, "vpc-1", "10.1.0.20", Via::SameVpc),
        (5, peered, "vpc-2", "10.2.0.7", Via::Route),
        (7, linked, "vpc-2", "10.2.0.7", Via::PrivateLink),
    ] {
        let logs = json!([flow_log("VPC", vpc, "All")]);
        let seen =
            scan_of(&change(with_flows(logs.clone(), of_vpc(whole_window_and(&[flow(source, 3, 15012)]), vpc)))).await;
        let pilot_seen = pilot(&seen);
        assert_eq!(far(&pilot_seen), (Need::Misrouted, Traffic::Seen, 80), "row {row}");
        assert_eq!(pilot_seen.staleness.consumers[0].path.via, Some(via), "row {row}");
        assert_eq!(word(&pilot_seen.staleness), (Stale, 80, true), "row {row}");
        // Rows 1, 4 and 6: the same without a trace in a log of the whole window.
        let quiet = scan_of(&change(with_flows(logs, of_vpc(whole_window_and(&[flow(source, 40, 15012)]), vpc)))).await;
        let sure = if via == Via::SameVpc { 97 } else { 95 };
        assert_eq!(far(&pilot(&quiet)), (Need::NotNeeded, Traffic::None, sure), "row {row}");
        assert_eq!(word(&pilot(&quiet).staleness), (Stale, sure, false), "row {row}");
    }
}

/// The same where the traffic was seen at the entrance, from the address with which the cluster leaves for the
/// internet.
#[tokio::test]
async fn connected_privately_and_seen_at_the_entrance_is_stale_after_migration() {
    let inventory = scan_with(&peered(world()), None).await;
    let records = each_day(FAR_EGRESS);
    let staleness = pilot(&with_file(inventory, "flows.jsonl", &lines(&records))).staleness;
    assert_eq!(word(&staleness), (Stale, 80, true), "{staleness:?}");
    assert_eq!((staleness.consumers[0].need, staleness.unexpected.len()), (Need::Misrouted, 0));
}

/// The same where its NAT gateway is refused: who came may be the cluster, so that neither its silence nor its use is
/// known, and detaching may cut it off.
#[tokio::test]
async fn connected_privately_and_perhaps_seen_at_the_entrance_is_never_plainly_stale() {
    let refused = |mut world: Value| {
        world["faults"] = json!([{"action": "DescribeSnatTableEntries", "region_id": "*", "account_id": "*", "kind": "deny", "times": 0}]);
        world
    };
    for change in [peered as fn(Value) -> Value, linked, in_the_mesh_s_vpc] {
        let inventory = scan_with(&refused(change(world())), None).await;
        let quiet = pilot(&inventory).staleness;
        assert_eq!((quiet.verdict, quiet.after_migration), (Stale, false), "nobody was seen: {quiet:?}");
        let staleness = pilot(&with_file(inventory, "flows.jsonl", &lines(&each_day(FAR_EGRESS)))).staleness;
        assert_eq!((staleness.verdict, staleness.consumers[0].need), (Unknown, Need::Undetermined), "{staleness:?}");
        assert_eq!(staleness.unexpected.len(), 1, "nobody knows that it is a consumer");
        assert!(!staleness.deciding.is_empty());
    }
}

/// 3.2 rows 25 and 26, and the two lines of 3.3 for them: the mesh lists a cluster that its own API no longer knows.
#[tokio::test]
async fn a_cluster_that_is_gone_and_still_seen_is_an_unexpected_client() {
    let without_cluster = |mut world: Value| {
        account(&mut world)["cs"]["clusters"].as_array_mut().unwrap().remove(0);
        world
    };
    let logs = json!([flow_log("VPC", "vpc-2", "All")]);
    let seen = with_flows(logs.clone(), whole_window_and(&[flow("10.2.0.7", 3, 15012)]));
    let pilot_seen = pilot(&scan_of(&without_cluster(seen)).await);
    assert_eq!(far(&pilot_seen), (Need::Unexpected, Traffic::Seen, 90));
    assert_eq!(word(&pilot_seen.staleness), (Orphaned, 90, false));
    assert!(pilot_seen.staleness.proposed_allowlist.is_empty(), "nobody is to be let in for a cluster that is gone");

    let quiet = pilot(&scan_of(&without_cluster(with_flows(logs, whole_window_and(&[])))).await);
    assert_eq!(far(&quiet), (Need::Gone, Traffic::None, 95));
    assert_eq!(word(&quiet.staleness), (Orphaned, 85, false), "no log is of the entrance itself");
    let unlogged = pilot(&scan_of(&without_cluster(world())).await);
    assert_eq!(far(&unlogged), (Need::Gone, Traffic::NotAvailable, 85));
    assert_eq!(word(&unlogged.staleness), (Orphaned, 85, false));

    let records = each_day(FAR_EGRESS);
    let at_entrance = with_file(scan_with(&without_cluster(world()), None).await, "flows.jsonl", &lines(&records));
    let staleness = pilot(&at_entrance).staleness;
    assert_eq!(word(&staleness), (Orphaned, 90, false));
    let strangers: Vec<String> = staleness.unexpected.iter().map(|client| client.address.to_string()).collect();
    assert_eq!(strangers, [FAR_EGRESS]);
}

fn api_server_for(inventory: &Inventory, trusted: &[&str], named: &NamedConsumers) -> EndpointJudgement {
    let entries = trusted.iter().map(|cidr| TrustedEntry::everywhere(cidr.parse().unwrap())).collect();
    let judgements = analysis::judge(inventory, &TrustedList { entries }, named);
    judgements.endpoints.into_iter().find(|one| one.endpoint.resource_id == "c2api").unwrap()
}

fn api_server(inventory: &Inventory) -> Staleness {
    api_server_for(inventory, &[], &NamedConsumers::new()).staleness
}

/// 3.4 rows 1 and 2: the border is at seven days.
#[tokio::test]
async fn use_that_is_a_week_old_is_to_be_reviewed() {
    for (days, confidence) in [(6, 95), (7, 80), (29, 80)] {
        let records = awake_and(&[request("198.51.100.20", "alice", "200", days)]);
        let staleness = api_server(&scan_of(&with_audit(records)).await);
        assert_eq!(word(&staleness), (Required, confidence, false), "{days} days");
        assert_eq!(staleness.proposed_allowlist, ["198.51.100.20/32".parse().unwrap()], "{days} days");
        assert_eq!(staleness.reason.contains("review"), days >= 7, "{}", staleness.reason);
    }
}

/// 3.4 row 3: the only public source is a consumer that the operator names, and its VPC has a private path.
#[tokio::test]
async fn public_requests_of_somebody_with_a_private_path_are_stale_after_migration() {
    let ci = NamedConsumer { name: "ci".into(), vpc_id: "vpc-2".into(), v_switch_id: None };
    let named: NamedConsumers = [("c2api".to_owned(), vec![ci])].into();
    let by_ci = awake_and(&[request(FAR_EGRESS, "ci", "200", 1)]);
    // Somebody has to own up to where the VPC is: the far cluster does.
    for (change, expected) in
        [(peered as fn(Value) -> Value, (Stale, 80, true)), (|world| world, (Required, 97, false))]
    {
        let inventory = scan_for(&change(with_audit(by_ci.clone())), Some(SETTINGS), &named).await;
        let staleness = api_server_for(&inventory, &[], &named).staleness;
        assert_eq!(word(&staleness), expected, "{staleness:?}");
        assert_eq!(staleness.consumers.len(), 1, "the source is the consumer's, not a client's of its own");
    }
    // One more source without a private path, and row 1 applies.
    let with_alice = awake_and(&[request(FAR_EGRESS, "ci", "200", 1), request("198.51.100.20", "alice", "200", 2)]);
    let inventory = scan_for(&peered(with_audit(with_alice)), Some(SETTINGS), &named).await;
    assert_eq!(word(&api_server_for(&inventory, &[], &named).staleness), (Required, 95, false));
}

/// A flow record at the entrance of the API server.
fn at_api_server(days_ago: i64, bytes: u64) -> Value {
    let mut record = flow("198.51.100.77", days_ago, 6443);
    record["dstaddr"] = API_SERVER.into();
    record["bytes"] = bytes.to_string().into();
    record
}

/// Records of a day each in which nothing came in.
fn quiet_days() -> Vec<Value> {
    let quiet = |days_ago: i64| json!({"start": (NOW - days_ago * DAY).to_string(), "end": (NOW - days_ago * DAY).to_string(), "log-status": "NODATA"});
    (0..=30).map(quiet).collect()
}

/// A white list before the API server.
fn fenced(mut world: Value, entry: &str) -> Value {
    let slb = &mut account(&mut world)["slb"];
    slb["acls"] = json!([{"AclId": "acl-1", "AclName": "one", "AddressIPVersion": "ipv4", "RegionId": "cn-shanghai",
        "AclEntrys": {"AclEntry": [{"AclEntryIP": entry, "AclEntryComment": ""}]}}]);
    let listeners = slb["listeners"].as_array_mut().unwrap();
    let listener = listeners.iter_mut().find(|listener| listener["LoadBalancerId"] == "lb-api").unwrap();
    for (field, value) in [
        ("AclStatus", json!("on")),
        ("AclType", json!("white")),
        ("AclId", json!("acl-1")),
        ("AclIds", json!(["acl-1"])),
    ] {
        listener[field] = value;
    }
    world
}

/// 3.4 rows 6 to 8: no audit log, and records of what came in at the EIP.
#[tokio::test]
async fn traffic_at_the_eip_tells_little_and_its_lack_more() {
    const OFFICE: &str = "198.51.100.0/24";
    for (row, world, bytes, expected, reason) in [
        // 14 999 bytes at either end of 30 days are 999 a day.
        (6, world(), 14_999, (Stale, 75, false), "next to no traffic"),
        (8, world(), 15_000, (Unknown, 40, false), "scanning"),
        (7, fenced(world(), OFFICE), 15_000, (Unknown, 40, false), "whose"),
    ] {
        let inventory = scan_with(&world, None).await;
        let records = [&quiet_days()[..], &[at_api_server(30, bytes), at_api_server(0, bytes)]].concat();
        let inventory = with_file(inventory, "flows.jsonl", &lines(&records));
        let staleness = api_server_for(&inventory, &[OFFICE], &NamedConsumers::new()).staleness;
        assert_eq!(word(&staleness), expected, "row {row}: {staleness:?}");
        assert!(staleness.reason.contains(reason), "row {row}: {}", staleness.reason);
        let asks = staleness.deciding.iter().any(|one| one.contains("audit log of c2api"));
        assert_eq!(asks, staleness.verdict == Unknown, "row {row}: {:?}", staleness.deciding);
    }
}

/// 3.4 row 11, and what is not quite it.
#[tokio::test]
async fn a_cluster_that_failed_for_a_month_leaves_an_orphan() {
    for (state, updated, expected) in [
        ("failed", "2026-05-31T00:00:00Z", (Orphaned, 90, false)),
        ("failed", "2026-06-01T00:00:00Z", (Unknown, 0, false)),
        ("running", "2026-05-31T00:00:00Z", (Unknown, 0, false)),
    ] {
        let mut world = world();
        let cluster = &mut account(&mut world)["cs"]["clusters"][1];
        cluster["state"] = state.into();
        cluster["updated"] = updated.into();
        assert_eq!(word(&api_server(&scan_of(&world).await)), expected, "{state} since {updated}");
    }
}

/// 3.4 row 12: without nodes only the control plane's own controllers ask.
#[tokio::test]
async fn a_hibernated_cluster_without_public_requests_is_stale() {
    let mut own = nodes(29, 0);
    for record in &mut own {
        record["sourceIPs"] = "[\"10.1.0.9\"]".into();
        record["user.username"] = "system:kube-controller-manager".into();
    }
    let inactive = |records: Value| {
        let mut world = with_audit(records);
        account(&mut world)["cs"]["clusters"][1]["state"] = "inactive".into();
        world
    };
    let quiet = inactive(own.clone().into());
    assert_eq!(word(&api_server(&scan_of(&quiet).await)), (Stale, 85, false));
    own.push(request("198.51.100.20", "alice", "200", 1));
    let used = inactive(own.into());
    assert_eq!(word(&api_server(&scan_of(&used).await)), (Required, 95, false), "somebody needs it all the same");
    // That nobody asks is in the log alone.
    let mut unlogged = world();
    account(&mut unlogged)["cs"]["clusters"][1]["state"] = "inactive".into();
    assert_eq!(word(&api_server(&scan_of(&unlogged).await)), (Unknown, 0, false));
}

/// A second mesh, in the other VPC, that manages the cluster with the public API server.
fn managed_from_afar(mut world: Value) -> Value {
    let account = account(&mut world);
    let mut mesh = account["servicemesh"]["meshes"][0].clone();
    mesh["ServiceMeshInfo"] =
        json!({"ServiceMeshId": "c1mesh", "Name": "fleet", "RegionId": "cn-shanghai", "State": "running"});
    mesh["Endpoints"] = json!({"PublicPilotEndpoint": "", "IntranetPilotEndpoint": "10.2.0.5:15011",
        "PublicApiServerEndpoint": "", "IntranetApiServerEndpoint": "https://10.2.0.4:6443"});
    mesh["Spec"]["LoadBalancer"] = json!({"PilotPublicEip": false, "PilotPublicEipId": "", "PilotPublicLoadbalancerId": "",
        "ApiServerPublicEip": false, "ApiServerPublicEipId": "", "ApiServerLoadbalancerId": "", "CanaryPilotPublicEipId": "",
        "CanaryPilotLoadBalancerId": ""});
    mesh["Spec"]["Network"] = json!({"VpcId": "vpc-2", "VSwitches": ["vsw-2"], "SecurityGroupId": ""});
    mesh["Clusters"] = json!(["c2api"]);
    account["servicemesh"]["meshes"].as_array_mut().unwrap().push(mesh);
    account["servicemesh"]["clusters"]["c1mesh"] = json!([{"ClusterId": "c2api", "Name": "api", "ClusterType": "ManagedKubernetes",
        "RegionId": "cn-shanghai", "VpcId": "vpc-1", "State": "running"}]);
    world
}

/// 3.4 row 14: whoever is seen is the control plane of one mesh.
#[tokio::test]
async fn a_control_plane_that_comes_in_public_needs_it_only_without_a_private_path() {
    let by_mesh = awake_and(&[request(FAR_EGRESS, "mesh-controller", "200", 1)]);
    for (change, connectivity, expected) in [
        (peered as fn(Value) -> Value, Connectivity::Connected, (Stale, 80, true)),
        (|world| world, Connectivity::Blocked, (Required, 90, false)),
    ] {
        let inventory = scan_of(&change(managed_from_afar(with_audit(by_mesh.clone())))).await;
        let staleness = api_server(&inventory);
        let [mesh] = &*staleness.consumers else { panic!("{:?}", staleness.consumers) };
        assert_eq!((mesh.id.as_str(), mesh.path.connectivity), ("c1mesh", connectivity));
        assert_eq!(word(&staleness), expected, "{staleness:?}");
    }
}
