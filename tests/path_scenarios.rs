//! The worked scenarios: questions about paths with answers that were typed by hand.

mod connectivity_reader;

use connectivity_reader::{Misreading, Reading};
use portcullis::analysis::{
    access::Format,
    connectivity::{PathQuestion, answer},
};
use serde_json::Value;

const SCENARIOS: &str = include_str!("data/path-scenarios.jsonl");

fn answers(questions: &str) -> Vec<Value> {
    let mut out = Vec::new();
    answer(questions.as_bytes(), &mut out, Format::JsonLines).expect("memory can be read and written");
    let text = String::from_utf8(out).expect("answers are UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("answers are JSON")).collect()
}

/// Verdict, way, reasons, and hops too, word for word.
#[test]
fn every_scenario_is_answered_field_for_field() {
    let expected: Vec<Value> = SCENARIOS
        .lines()
        .map(|line| {
            let mut scenario: Value = serde_json::from_str(line).expect("scenarios are JSON");
            serde_json::json!({"CaseId": scenario["CaseId"].take(), "Pairs": scenario["Expected"]["Pairs"].take()})
        })
        .collect();
    let answers = answers(SCENARIOS);
    assert_eq!((expected.len(), answers.len()), (86, 86));
    let wrong: Vec<String> = expected
        .iter()
        .zip(&answers)
        .filter(|(expected, answer)| expected != answer)
        .map(|(expected, answer)| format!("expected {expected}\n     got {answer}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn expected(scenario: &Value) -> Vec<Reading> {
    let pairs = scenario["Expected"]["Pairs"].as_array().expect("pairs are a list");
    let texts = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .expect("reasons are a list")
            .iter()
            .map(|one| one.as_str().expect("a text").to_owned())
            .collect()
    };
    pairs
        .iter()
        .map(|pair| Reading {
            verdict: pair["Verdict"].as_str().expect("a verdict").to_owned(),
            reasons: texts(&pair["Reasons"]),
        })
        .collect()
}

/// The literal reader agrees with the hand-typed answers, so that its variants can be judged by
/// them.
#[test]
fn the_literal_reader_agrees_with_every_scenario() {
    for line in SCENARIOS.lines() {
        let scenario: Value = serde_json::from_str(line).expect("scenarios are JSON");
        assert_eq!(connectivity_reader::read(&scenario, None), expected(&scenario), "{}", scenario["CaseId"]);
    }
}

/// Each common misreading gives another answer to at least one scenario.
#[test]
fn the_scenarios_tell_every_misreading_from_the_truth() {
    for misreading in Misreading::ALL {
        let caught = SCENARIOS.lines().filter(|line| {
            let scenario: Value = serde_json::from_str(line).expect("scenarios are JSON");
            connectivity_reader::read(&scenario, Some(misreading)) != expected(&scenario)
        });
        assert!(caught.count() > 0, "no scenario catches {misreading:?}");
    }
}

/// What each blocked scenario needs, in words.
#[test]
fn the_nearest_path_names_what_is_to_be_mended() {
    for (number, changes) in [
        (7, &["add route in vtb-m: 10.1.1.0/24 -> VpcPeer:pcc-1"][..]),
        (8, &["activate pcc-1"]),
        (18, &["add route in vtb-d: 10.0.1.0/24 -> VpcPeer:pcc-1"]),
        (29, &["associate att-d with tr-1-sys"]),
        (32, &["add route in tr-1-sys: 10.0.1.0/24 -> att-m"]),
        (39, &["attach att-d"]),
        (60, &["activate ri-d"]),
        (70, &["admit at target:SecurityGroupDeny@sg-m"]),
    ] {
        let text = SCENARIOS.lines().nth(number - 1).expect("there are 86");
        let question = PathQuestion::parse(text).expect("scenarios are understood");
        let topology = question.topology();
        let (_, mesh, cluster) = question.pairs().next().expect("each has a pair");
        let nearest = topology.pair(mesh, cluster).nearest;
        assert_eq!(
            nearest.map(|nearest| nearest.changes),
            Some(changes.iter().map(ToString::to_string).collect()),
            "{number}"
        );
    }
    let nothing_between = SCENARIOS.lines().nth(4).expect("there are 86");
    let question = PathQuestion::parse(nothing_between).expect("scenarios are understood");
    let topology = question.topology();
    let (_, mesh, cluster) = question.pairs().next().expect("each has a pair");
    assert_eq!(topology.pair(mesh, cluster).nearest, None);
}

/// Scenario 53 with a permit that is asked before the deny: it hides that only where both are about one way.
#[test]
fn a_map_that_permits_a_route_out_of_a_region_does_not_let_it_in() {
    let verdict = |permit: &str, deny: &str| {
        let text = SCENARIOS.lines().nth(52).expect("there are 86");
        let mut scenario: Value = serde_json::from_str(text).expect("scenarios are JSON");
        for map in scenario["Topology"]["CenRouteMaps"].as_array_mut().expect("it has two maps") {
            let way = if map["MapResult"] == "Permit" { permit } else { deny };
            map["TransmitDirection"] = way.into();
        }
        answers(&format!("{scenario}\n"))[0]["Pairs"][0].clone()
    };
    for way in ["RegionIn", "RegionOut"] {
        assert_eq!(verdict(way, way)["Verdict"], "Connected", "{way}");
    }
    for (permit, deny) in [("RegionIn", "RegionOut"), ("RegionOut", "RegionIn")] {
        let said = verdict(permit, deny);
        assert_eq!(said["Reasons"], serde_json::json!(["forward:RouteMapDeny@cenrmap-1"]), "{permit} before {deny}");
    }
}

/// Members of a group are interfaces. A pod with a block of its own has none, so that a rule for the nodes' group does not
/// certainly let it in, nor does the group's own inner access; a rule for its block does.
#[test]
fn a_rule_for_the_group_of_the_nodes_is_none_for_their_pods() {
    let said = |sources: Value, groups: [&str; 2], inner: &str, rule: Value| {
        let question = serde_json::json!({"CaseId": "pods",
            "Topology": {
                "Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}],
                "VSwitches": [
                    {"VSwitchId": "vsw-m", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24", "RouteTableId": "vtb-1"},
                    {"VSwitchId": "vsw-d", "VpcId": "vpc-1", "CidrBlock": "10.0.2.0/24", "RouteTableId": "vtb-1"}],
                "RouteTables": [{"RouteTableId": "vtb-1", "VpcId": "vpc-1", "RouteTableType": "System", "RouteEntrys": [
                    {"DestinationCidrBlock": "172.20.0.0/24", "Type": "Custom", "Status": "Available",
                     "NextHops": [{"NextHopType": "Instance", "NextHopId": "i-1", "Enabled": 1}]}]}],
                "SecurityGroups": groups.map(|id| serde_json::json!({"SecurityGroupId": id, "SecurityGroupType": "normal",
                    "InnerAccessPolicy": inner, "VpcId": "vpc-1", "Permissions": {"Permission": [rule]}}))},
            "Pairs": [{"PairId": "p1", "Mesh": {"VSwitchId": "vsw-m", "PrivateIp": "10.0.1.10", "Port": 15012, "SecurityGroupIds": [groups[0]]},
                "DataPlane": {"VSwitchId": "vsw-d", "SourceCidrs": sources, "SecurityGroupIds": [groups[1]]}}]});
        answers(&format!("{question}\n"))[0]["Pairs"][0].clone()
    };
    let accept = |key: &str, value: &str| {
        serde_json::json!({"SecurityGroupRuleId": "sgr-1", "Direction": "ingress", "IpProtocol": "TCP", "PortRange": "15012/15012",
            "Policy": "Accept", "Priority": "1", key: value})
    };
    let (nodes, pods) = (serde_json::json!(["10.0.2.0/24"]), serde_json::json!(["10.0.2.0/24", "172.20.0.0/24"]));
    let by_group = accept("SourceGroupId", "sg-d");
    assert_eq!(said(nodes.clone(), ["sg-m", "sg-d"], "Drop", by_group.clone())["Verdict"], "Connected");
    let undecided = said(pods.clone(), ["sg-m", "sg-d"], "Drop", by_group);
    assert_eq!(undecided["Verdict"], "Unknown");
    assert_eq!(undecided["Reasons"], serde_json::json!(["target:SecurityGroupUndecided@sg-m"]));
    let elsewhere = accept("SourceCidrIp", "10.9.0.0/16");
    assert_eq!(said(nodes, ["sg-1", "sg-1"], "Accept", elsewhere.clone())["Verdict"], "Connected");
    assert_eq!(said(pods.clone(), ["sg-1", "sg-1"], "Accept", elsewhere)["Verdict"], "Unknown");
    assert_eq!(said(pods, ["sg-m", "sg-d"], "Drop", accept("SourceCidrIp", "0.0.0.0/0"))["Verdict"], "Connected");
}

/// Scenario 28 with a table that is being taken away: nobody says what it still forwards.
#[test]
fn a_table_of_a_router_that_is_not_settled_is_not_relied_on() {
    let text = SCENARIOS.lines().nth(27).expect("there are 86");
    for (status, verdict) in [("Active", "Connected"), ("Deleting", "Unknown"), ("Creating", "Unknown")] {
        let mut scenario: Value = serde_json::from_str(text).expect("scenarios are JSON");
        for table in scenario["Topology"]["TransitRouterRouteTables"].as_array_mut().expect("it has one") {
            table["TransitRouterRouteTableStatus"] = status.into();
        }
        let said = answers(&format!("{scenario}\n"))[0]["Pairs"][0].clone();
        assert_eq!(said["Verdict"], verdict, "{status}");
    }
}
