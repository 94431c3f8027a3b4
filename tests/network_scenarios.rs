//! The worked scenarios end to end: each question about a path is built as a cloud, served, scanned
//! over HTTP and judged, and the mesh's consumer has to get the answer that was typed by hand.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[allow(dead_code, reason = "each test uses a part")]
#[path = "faults/harness.rs"]
mod harness;
#[allow(dead_code, reason = "each test uses a part")]
mod ledger;
mod scenario_world;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use portcullis::{cloud::client::Account, sandbox::World};
use serde_json::{Value, json};

const SCENARIOS: &str = include_str!("data/path-scenarios.jsonl");

/// Scenarios with something that no documented reply says.
const INEXPRESSIBLE: [(&str, &str); 7] = [
    (
        "scn-024",
        "where the mesh's address is not known its balancer was not read, nor its access control: nothing is certain",
    ),
    ("scn-035", "the same"),
    ("scn-050", "no reply says which blocks a network withdrew from a CEN (`WithdrawnCidrs`)"),
    ("scn-055", "no reply says which connection stands at the other end of a tunnel (`PeerVpnConnectionId`)"),
    ("scn-056", "the same: the end that is down is the other one's as well"),
    ("scn-057", "the same: the selectors of the other end would have to be found"),
    ("scn-082", "vSwitches are listed by VPC: one alone is never unreadable"),
];

fn scenarios() -> Vec<Value> {
    SCENARIOS.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn is_expressible(scenario: &Value) -> bool {
    INEXPRESSIBLE.iter().all(|(id, _)| scenario["CaseId"] != *id)
}

/// The answer for the only pair, in the words of reports, and the next hops in those of the API.
/// Hops are evidence: the scenarios have them for what is connected.
fn expected(scenario: &Value) -> Value {
    let pair = &scenario["Expected"]["Pairs"][0];
    let hops = |name: &str| -> Vec<String> {
        let hops = pair[name].as_array().unwrap().iter();
        hops.map(|hop| hop.as_str().unwrap().replace("-> Cen:", "-> CenBasic:")).collect()
    };
    let via = pair["Via"].as_str().map(|via| match via {
        "SameVpc" => "same-vpc",
        "Route" => "route",
        "PrivateLink" => "private-link",
        other => panic!("no way is called {other}"),
    });
    json!({
        "connectivity": pair["Verdict"].as_str().unwrap().to_lowercase(), "via": via,
        "forward": hops("Forward"), "return": hops("Return"), "reasons": pair["Reasons"],
    })
}

/// What the report says of the consumer of the mesh's pilot.
fn found(report: &Value) -> Value {
    let endpoints = report["endpoints"].as_array().unwrap();
    let pilots: Vec<&Value> = endpoints.iter().filter(|one| one["kind"] == "istio-pilot").collect();
    let [pilot] = pilots[..] else { panic!("{} pilots", pilots.len()) };
    assert_eq!(pilot["exposure"], "exposed");
    let consumers = pilot["staleness"]["consumers"].as_array().unwrap();
    let [consumer] = &consumers[..] else { panic!("{} consumers", consumers.len()) };
    assert_eq!(consumer["id"], scenario_world::CLUSTER);
    let field = |name: &str| consumer[name].clone();
    let connected = consumer["connectivity"] == "connected";
    let hops = |name: &str| if connected { field(name) } else { json!([]) };
    json!({
        "connectivity": field("connectivity"), "via": field("via"),
        "forward": hops("forward"), "return": hops("return"), "reasons": field("reasons"),
    })
}

#[test]
fn every_scenario_that_replies_can_express_is_answered_as_typed() {
    let all = scenarios();
    let expressible: Vec<Value> = all.iter().filter(|scenario| is_expressible(scenario)).cloned().collect();
    assert_eq!((all.len(), expressible.len()), (86, 79));
    let complaints = harness::complaints(expressible, |scenario| async move {
        let judged = harness::judge(&scenario_world::world(&scenario), &[]).await.unwrap();
        let (expected, found) = (expected(&scenario), found(&judged.report));
        if expected == found {
            return Vec::new();
        }
        vec![format!("{} {}\n  expected {expected}\n     found {found}", scenario["CaseId"], scenario["Title"])]
    });
    assert!(complaints.is_empty(), "{} differ:\n{}", complaints.len(), complaints.join("\n"));
}

/// Operations that read the network between VPCs.
const NETWORK: [&str; 20] = [
    "DescribeVpcs",
    "DescribeVSwitches",
    "DescribeRouteTableList",
    "DescribeRouteEntryList",
    "ListVpcPeerConnections",
    "DescribeRouterInterfaces",
    "DescribeVpnGateways",
    "DescribeVpnConnections",
    "DescribeCenAttachedChildInstances",
    "ListTransitRouterVpcAttachments",
    "ListTransitRouterPeerAttachments",
    "ListTransitRouters",
    "ListTransitRouterRouteTables",
    "ListTransitRouterRouteTableAssociations",
    "ListTransitRouterRouteTablePropagations",
    "ListTransitRouterRouteEntries",
    "DescribeNetworkAclAttributes",
    "DescribeSecurityGroupAttribute",
    "ListVpcEndpoints",
    "ListVpcEndpointServices",
];

fn refusing(action: &str, matched: Value) -> Value {
    json!({"action": action, "region_id": "*", "account_id": "*", "match": matched, "kind": "deny", "times": 0})
}

/// The world of a scenario in which something more is denied.
fn world_without(scenario: &Value, refusal: Value) -> Value {
    let mut world = scenario_world::world(scenario);
    world["faults"].as_array_mut().unwrap().push(refusal);
    world
}

/// In a VPC what is local needs no table (scn-004), so that one which is refused hides scn-084.
fn needs_no_table(scenario: &Value, action: &str) -> bool {
    action == "DescribeRouteEntryList" && scenario["CaseId"] == "scn-084"
}

#[test]
fn no_refused_read_connects_what_is_not() {
    let cut_off = scenarios().into_iter().filter(is_expressible).filter(|one| expected(one)["via"].is_null());
    let complaints = harness::complaints(cut_off, |scenario| async move {
        let asked = harness::reads(&scenario_world::world(&scenario)).await.actions;
        let mut complaints = Vec::new();
        for action in NETWORK.into_iter().filter(|action| asked.contains(*action)) {
            let world = world_without(&scenario, refusing(action, json!({})));
            let judged = harness::judge(&world, &[]).await.unwrap();
            if found(&judged.report)["connectivity"] == "connected" && !needs_no_table(&scenario, action) {
                complaints.push(format!("{} without {action}", scenario["CaseId"]));
            }
        }
        complaints
    });
    assert!(complaints.is_empty(), "connected:\n{}", complaints.join("\n"));
}

#[test]
fn a_network_of_the_same_cen_that_cannot_be_read_may_publish_the_same_block() {
    let scenario = scenarios().into_iter().find(|one| one["CaseId"] == "scn-051").unwrap();
    let world = world_without(&scenario, refusing("DescribeVSwitches", json!({"VpcId": "vpc-x"})));
    let judged = harness::block_on(harness::judge(&world, &[])).unwrap();
    let found = found(&judged.report);
    assert_eq!(found["connectivity"], "unknown");
    assert_eq!(found["reasons"], json!(["forward:VSwitchesUnreadable@vpc-x", "return:VSwitchesUnreadable@vpc-x"]));
}

/// Two VPCs with a transit router between them (scn-028), and 198 more on the same router, each with
/// a cluster of a mesh that nobody on the internet can reach.
fn crowded_world(exposed: bool) -> Value {
    let scenario = scenarios().into_iter().find(|one| one["CaseId"] == "scn-028").unwrap();
    let mut world = scenario_world::world(&scenario);
    let account = &mut world["accounts"][0];
    let push = |list: &mut Value, item: Value| list.as_array_mut().unwrap().push(item);
    let mut quiet = account["servicemesh"]["meshes"][0].clone();
    quiet["ServiceMeshInfo"]["ServiceMeshId"] = json!("c09quiet");
    quiet["Spec"]["Network"] = json!({"VpcId": "vpc-0", "VSwitches": ["vsw-0"], "SecurityGroupId": ""});
    conceal(&mut quiet);
    let mut members = Vec::new();
    for number in 0..198 {
        let (vpc, table, attachment) = (format!("vpc-{number}"), format!("vtb-{number}"), format!("att-{number}"));
        let (network, block) = (format!("10.{}.0.0/16", number + 2), format!("10.{}.1.0/24", number + 2));
        push(&mut account["vpc"]["vpcs"], json!({"VpcId": vpc, "RegionId": "cn-hangzhou", "CidrBlock": network}));
        push(
            &mut account["vpc"]["vswitches"],
            json!({"VSwitchId": format!("vsw-{number}"), "VpcId": vpc, "CidrBlock": block, "NetworkAclId": "",
                "RouteTable": {"RouteTableId": table, "RouteTableType": "System"}}),
        );
        let mut routes = account["vpc"]["route_tables"][0].clone();
        routes["RouteTableId"] = json!(table);
        routes["VpcId"] = json!(vpc);
        push(&mut account["vpc"]["route_tables"], routes);
        let router = &mut account["cbn"]["transit_routers"][0];
        push(
            &mut router["VpcAttachments"],
            json!({"TransitRouterAttachmentId": attachment, "VpcId": vpc, "Status": "Attached", "ZoneMappings": []}),
        );
        push(
            &mut router["RouteTables"][0]["RouteEntries"],
            json!({"TransitRouterRouteEntryId": format!("rte-{number}"), "TransitRouterRouteEntryDestinationCidrBlock": block,
                "TransitRouterRouteEntryNextHopType": "Attachment", "TransitRouterRouteEntryNextHopId": attachment,
                "TransitRouterRouteEntryStatus": "Active", "TransitRouterRouteEntryType": "Propagated"}),
        );
        let mut cluster = account["cs"]["clusters"][0].clone();
        let id = format!("c2quiet{number}");
        cluster["cluster_id"] = json!(id);
        cluster["vpc_id"] = json!(vpc);
        push(&mut account["cs"]["clusters"], cluster);
        members.push(json!({"ClusterId": id, "ClusterType": "ManagedKubernetes", "State": "running",
            "RegionId": "cn-hangzhou", "VpcId": vpc}));
    }
    quiet["Clusters"] = members.iter().map(|member| member["ClusterId"].clone()).collect();
    account["servicemesh"]["clusters"]["c09quiet"] = members.into();
    push(&mut account["servicemesh"]["meshes"], quiet);
    if !exposed {
        conceal(&mut account["servicemesh"]["meshes"][0]);
        account["vpc"]["eips"] = json!([]);
    }
    world
}

/// Takes the public entrance away.
fn conceal(mesh: &mut Value) {
    mesh["Endpoints"]["PublicPilotEndpoint"] = json!("");
    let balancer = &mut mesh["Spec"]["LoadBalancer"];
    balancer["PilotPublicEip"] = json!(false);
    balancer["PilotPublicEipId"] = json!("");
    balancer["PilotPublicLoadbalancerId"] = json!("lb-quiet");
}

/// The network reads that a scan of the world makes, as action and parameters.
fn network_reads(world: &Value) -> Vec<(String, BTreeMap<String, String>)> {
    harness::block_on(async {
        let cloud = harness::Cloud::start(world);
        let account = Account::new("sandbox", Arc::new(cloud.provider()));
        harness::judge_as(&cloud, account, &[]).await.unwrap();
        let journal = cloud.server.journal();
        tokio::task::spawn_blocking(move || drop(cloud)).await.unwrap();
        let network = journal.into_iter().filter(|entry| NETWORK.contains(&entry.action.as_str()));
        network.map(|entry| (entry.action, entry.params)).collect()
    })
}

#[test]
fn of_two_hundred_vpcs_only_the_two_on_the_way_are_asked_about() {
    let reads = network_reads(&crowded_world(true));
    let named = |parameter: &str| -> BTreeSet<String> {
        reads.iter().filter_map(|(_, params)| params.get(parameter)).cloned().collect()
    };
    assert_eq!(named("VpcId"), ["vpc-d", "vpc-m"].map(str::to_owned).into());
    assert_eq!(named("RouteTableId"), ["vtb-d", "vtb-m"].map(str::to_owned).into());
    assert_eq!(named("TransitRouterRouteTableId"), ["tr-1-sys".to_owned()].into());
    assert_eq!(named("TransitRouterAttachmentId"), ["att-d", "att-m"].map(str::to_owned).into());
    let distinct: BTreeSet<_> = reads.iter().collect();
    assert_eq!(distinct.len(), reads.len(), "something was asked twice");
    let without = ["VpcId", "RouteTableId", "TransitRouterRouteTableId", "TransitRouterAttachmentId"];
    let wider: Vec<&str> = reads
        .iter()
        .filter(|(_, params)| without.iter().all(|name| !params.contains_key(*name)))
        .map(|(action, _)| action.as_str())
        .collect();
    assert_eq!(wider, ["ListTransitRouters", "ListTransitRouterRouteTables"], "lists of whole accounts");
}

#[test]
fn where_nothing_is_exposed_no_network_is_read() {
    assert_eq!(network_reads(&crowded_world(false)), []);
}

#[test]
fn a_generated_world_has_ways_of_every_kind() {
    let world = World::open("generated:meshes=4,clusters=40,vpcs=120,regions=3,exposed=100").unwrap();
    let report = harness::block_on(async {
        let cloud = harness::Cloud::serve(world, |http| http);
        let account = Account::new("sandbox", Arc::new(cloud.provider()));
        let judged = harness::judge_as(&cloud, account, &[]).await.unwrap();
        tokio::task::spawn_blocking(move || drop(cloud)).await.unwrap();
        judged.report
    });
    assert_eq!(report["coverage"]["complete"], true, "{:#}", report["coverage"]["gaps"]);
    let endpoints = report["endpoints"].as_array().unwrap().iter();
    let pilots = endpoints.filter(|one| one["kind"] == "istio-pilot");
    let consumers: Vec<&Value> = pilots.flat_map(|one| one["staleness"]["consumers"].as_array().unwrap()).collect();
    let hops = |one: &Value| one["forward"].to_string();
    let ways = |connectivity: &str, over: &str| {
        consumers.iter().filter(|one| one["connectivity"] == connectivity && hops(one).contains(over)).count()
    };
    assert_eq!(consumers.len(), 40);
    assert!(ways("connected", "VpcPeer:") > 0, "{consumers:#?}");
    assert!(ways("connected", "tr-attach-line-") > 0, "{consumers:#?}");
    assert!(ways("blocked", "") > 0, "{consumers:#?}");
    assert_eq!(ways("unknown", ""), 0);
}
