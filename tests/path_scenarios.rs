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

/// A table without a route may learn it, where it is known not to; the entries say already what came of learning, so that no
/// verdict changes.
#[test]
fn a_missing_route_is_mended_where_it_is_missing() {
    let route = "add route in tr-1-sys: 10.0.1.0/24 -> att-m";
    let text = SCENARIOS.lines().nth(31).expect("there are 86");
    for (learns, change) in [
        (serde_json::json!([]), format!("propagate att-m to tr-1-sys, or {route}")),
        (
            serde_json::json!([{"TransitRouterAttachmentId": "att-d", "Status": "Active"}]),
            format!("propagate att-m to tr-1-sys, or {route}"),
        ),
        (
            serde_json::json!([{"TransitRouterAttachmentId": "att-m", "Status": "Enabling"}]),
            format!("let the propagation of att-m to tr-1-sys become Active (it is Enabling), or {route}"),
        ),
        // A route map keeps it out.
        (serde_json::json!([{"TransitRouterAttachmentId": "att-m", "Status": "Active"}]), route.to_owned()),
    ] {
        let mut scenario: Value = serde_json::from_str(text).expect("scenarios are JSON");
        scenario["Topology"]["TransitRouterPropagationsOfTables"] =
            serde_json::json!([{"TransitRouterRouteTableId": "tr-1-sys", "Attachments": learns}]);
        let question = PathQuestion::parse(&scenario.to_string()).expect("it is understood");
        let topology = question.topology();
        let (_, mesh, cluster) = question.pairs().next().expect("it has a pair");
        assert_eq!(topology.pair(mesh, cluster).nearest.expect("there is a way").changes, [change]);
        assert_eq!(answers(&format!("{scenario}\n"))[0]["Pairs"][0], answers(&format!("{text}\n"))[0]["Pairs"][0]);
    }
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

/// A scenario, changed, and asked of both.
fn asked(number: usize, change: impl FnOnce(&mut Value)) -> Reading {
    let text = SCENARIOS.lines().nth(number - 1).expect("there are 86");
    let mut scenario: Value = serde_json::from_str(text).expect("scenarios are JSON");
    change(&mut scenario["Topology"]);
    let answer = answers(&format!("{scenario}\n"))[0].clone();
    let said = expected(&serde_json::json!({"Expected": answer})).remove(0);
    assert_eq!(said, connectivity_reader::read(&scenario, None).remove(0), "engine and reader, {scenario}");
    said
}

/// An entry of a route table, which is made.
fn route(topology: &mut Value, table: &str, block: &str, kind: &str, hop: &Value) {
    let entry =
        serde_json::json!({"DestinationCidrBlock": block, "Type": kind, "Status": "Available", "NextHops": [hop]});
    let mut tables = topology["RouteTables"].as_array_mut().expect("a list").iter_mut();
    let found = tables.find(|one| one["RouteTableId"] == table).expect("there is such a table");
    found["RouteEntrys"].as_array_mut().expect("a list").push(entry);
}

fn member(topology: &mut Value, id: &str, kind: &str) {
    topology["CenChildInstances"].as_array_mut().expect("a list").push(serde_json::json!({"CenId": "cen-9",
        "ChildInstanceId": id, "ChildInstanceRegionId": "cn-a", "ChildInstanceType": kind, "Status": "Attached"}));
}

/// Scenario 47 beside another network in the CEN: what that one announces cannot be seen, and a VPC announces its vSwitches
/// and nothing longer.
#[test]
fn a_route_of_another_network_in_the_cen_is_not_the_mesh_s() {
    let hop = serde_json::json!({"NextHopType": "Cen", "NextHopId": "cen-9", "Enabled": 1});
    let related = |kind: &str, id: &str| {
        let mut hop = hop.clone();
        hop["NextHopRelatedInfo"] = serde_json::json!({"InstanceType": kind, "InstanceId": id});
        hop
    };
    let with = |is_beside: bool, block: &str, hop: &Value| {
        asked(47, |topology| {
            if is_beside {
                member(topology, "vbr-1", "VBR");
            }
            for table in topology["RouteTables"].as_array_mut().expect("a list") {
                let is_there = table["RouteTableId"] == "vtb-d";
                for entry in table["RouteEntrys"].as_array_mut().expect("a list") {
                    entry["NextHops"][0]["NextHopRelatedInfo"] = serde_json::json!({"InstanceType": "VPC",
                        "InstanceId": if is_there { "vpc-m" } else { "vpc-d" }});
                }
            }
            route(topology, "vtb-d", block, "CEN", hop);
        })
    };
    for (is_beside, block, hop, verdict, reason) in [
        (true, "10.0.1.0/24", related("VPC", "vpc-m"), "Connected", ""),
        (false, "10.0.1.0/24", hop.clone(), "Connected", ""),
        (true, "10.0.1.0/24", hop.clone(), "Unknown", "forward:OnPremises@vbr-1"),
        (true, "10.0.1.0/25", hop.clone(), "Unknown", "forward:OnPremises@vbr-1"),
        (true, "10.0.1.0/25", related("VPC", "vpc-m"), "Unknown", "forward:OnPremises@vbr-1"),
        (true, "10.0.1.0/24", related("VBR", "vbr-1"), "Unknown", "forward:OnPremises@vbr-1"),
        (false, "10.0.1.0/24", related("CCN", "ccn-1"), "Unknown", "forward:OnPremises@ccn-1"),
        (false, "10.0.1.0/25", hop.clone(), "Unknown", "forward:CenRouteConflict@cen-9"),
        (false, "10.0.1.0/24", related("VPC", "vpc-x"), "Unknown", "forward:CenRouteConflict@cen-9"),
    ] {
        let said = with(is_beside, block, &hop);
        let reasons: &[&str] = if reason.is_empty() { &[] } else { &[reason] };
        assert_eq!(
            (said.verdict.as_str(), &said.reasons[..]),
            (verdict, &reasons.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>()[..]),
            "{block} {hop}"
        );
    }
}

/// Scenario 47 of which no member was shown: a route leads there, so that it has some.
#[test]
fn a_cen_of_which_nothing_is_shown_is_somebody_else_s() {
    let said = asked(47, |topology| topology["CenChildInstances"] = serde_json::json!([]));
    assert_eq!(said.verdict, "Unknown");
    assert_eq!(said.reasons, ["forward:CenUnreadable@cen-9", "return:CenUnreadable@cen-9"]);
}

/// A route for a part of the mesh's vSwitch takes what comes in from outside elsewhere, as it does within the VPC.
#[test]
fn a_longer_route_where_packets_arrive_is_not_passed_over() {
    let firewall = serde_json::json!({"NextHopType": "NetworkInterface", "NextHopId": "eni-1", "Enabled": 1});
    let with = |number: usize, table: &str, block: &str| {
        asked(number, |topology| {
            for one in topology["TransitRouterAttachments"].as_array_mut().into_iter().flatten() {
                if one["TransitRouterAttachmentId"] == "att-m" {
                    one["VSwitchIds"] = serde_json::json!(["vsw-m"]);
                }
            }
            route(topology, table, block, "Custom", &firewall);
        })
    };
    for (number, what) in [(6, "a peering"), (28, "a transit router"), (47, "a CEN"), (59, "a router interface")] {
        let said = with(number, "vtb-m", "10.0.1.0/25");
        assert_eq!(said.verdict, "Unknown", "through {what}");
        assert_eq!(said.reasons, ["forward:MoreSpecificThanLocal@vtb-m"], "through {what}");
        assert_eq!(with(number, "vtb-m", "10.0.0.0/20").verdict, "Connected", "through {what}");
        assert_eq!(with(number, "vtb-d", "10.1.1.0/25").reasons, ["return:MoreSpecificThanLocal@vtb-d"], "{what}");
    }
}

/// Replies differ in the case of their words.
#[test]
fn statuses_are_compared_without_case() {
    fn lower(value: &mut Value) {
        match value {
            Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| match value {
                Value::String(text) if name.ends_with("Status") => *text = text.to_ascii_lowercase(),
                other => lower(other),
            }),
            Value::Array(items) => items.iter_mut().for_each(lower),
            _ => {}
        }
    }
    for line in SCENARIOS.lines() {
        let mut scenario: Value = serde_json::from_str(line).expect("scenarios are JSON");
        for (collection, items) in scenario["Topology"].as_object_mut().expect("an object") {
            if !collection.starts_with("VpcEndpoint") {
                lower(items);
            }
        }
        let answer = answers(&format!("{scenario}\n"))[0].clone();
        assert_eq!(expected(&serde_json::json!({"Expected": answer})), expected(&scenario), "{}", scenario["CaseId"]);
    }
}

/// Scenario 62 with filters at its ends. Nobody says which address of the VPC the endpoint has, nor which one the
/// balancer sees, so that a filter decides only where it is the same for all of them.
#[test]
fn an_endpoint_is_behind_the_filters_of_both_ends() {
    let rule = |direction: &str, policy: &str, cidr: &str| {
        let key = if direction == "ingress" { "SourceCidrIp" } else { "DestCidrIp" };
        serde_json::json!({"Direction": direction, "IpProtocol": "TCP", "PortRange": "-1/-1", "Policy": policy, "Priority": "1", key: cidr})
    };
    let group = |id: &str, kind: &str, rules: &[Value]| serde_json::json!({"SecurityGroupId": id, "SecurityGroupType": kind, "InnerAccessPolicy": "Drop", "Permissions": {"Permission": rules}});
    let text = SCENARIOS.lines().nth(61).expect("there are 86");
    let said = |groups: &[(&str, Value)], acl: Option<(&str, Value)>| {
        let mut scenario: Value = serde_json::from_str(text).expect("scenarios are JSON");
        for (end, group) in groups {
            scenario["Pairs"][0][*end]["SecurityGroupIds"] = serde_json::json!([group["SecurityGroupId"]]);
        }
        scenario["Topology"]["SecurityGroups"] =
            groups.iter().map(|(_, group)| group).filter(|group| !group["Permissions"].is_null()).cloned().collect();
        if let Some((switch, entries)) = acl {
            let switches = scenario["Topology"]["VSwitches"].as_array_mut().expect("it has two");
            switches.iter_mut().find(|one| one["VSwitchId"] == switch).expect("it is there")["NetworkAclId"] =
                "nacl-1".into();
            switches.push(serde_json::json!({"VSwitchId": "vsw-e", "VpcId": "vpc-d", "CidrBlock": "10.1.2.0/24", "RouteTableId": "vtb-d"}));
            scenario["Topology"]["NetworkAcls"] = serde_json::json!([{"NetworkAclId": "nacl-1", "IngressAclEntries": entries, "EgressAclEntries": entries}]);
        }
        let answer = answers(&format!("{scenario}\n"))[0]["Pairs"][0].clone();
        let read = connectivity_reader::read(&scenario, None).remove(0);
        assert_eq!((answer["Verdict"].clone(), answer["Reasons"].clone()), (read.verdict.into(), read.reasons.into()));
        let reasons = answer["Reasons"].as_array().expect("a list").iter().filter_map(Value::as_str);
        let of_filters = reasons.filter(|reason| !reason.contains("NoRoute")).collect::<Vec<_>>().join(" ");
        (answer["Verdict"].as_str().expect("a text").to_owned(), of_filters)
    };
    let connected = ("Connected".to_owned(), String::new());
    let unless = |verdict: &str, reason: &str| (verdict.to_owned(), reason.to_owned());

    let closed = group("sg-d", "enterprise", &[]);
    assert_eq!(said(&[("DataPlane", closed)], None), unless("Blocked", "source:SecurityGroupDeny@sg-d"));
    let basic = group("sg-d", "normal", &[]);
    assert_eq!(said(&[("DataPlane", basic)], None), connected);
    let elsewhere = group("sg-d", "enterprise", &[rule("egress", "Accept", "10.0.1.10")]);
    assert_eq!(said(&[("DataPlane", elsewhere)], None), unless("Blocked", "source:SecurityGroupDeny@sg-d"));
    let own_vpc = group("sg-d", "enterprise", &[rule("egress", "Accept", "10.1.0.0/16")]);
    assert_eq!(said(&[("DataPlane", own_vpc)], None), connected);
    let rules = [rule("egress", "Accept", "10.0.1.10"), rule("egress", "Accept", "10.1.1.0/25")];
    let half = group("sg-d", "enterprise", &rules);
    assert_eq!(said(&[("DataPlane", half)], None), unless("Unknown", "source:SecurityGroupUndecided@sg-d"));
    let unread = serde_json::json!({"SecurityGroupId": "sg-d"});
    assert_eq!(said(&[("DataPlane", unread)], None), unless("Unknown", "source:SecurityGroupUnreadable@sg-d"));

    let internet = group("sg-m", "normal", &[rule("ingress", "Accept", "8.8.8.0/24")]);
    assert_eq!(said(&[("Mesh", internet)], None), unless("Blocked", "target:SecurityGroupDeny@sg-m"));
    let the_cluster = group("sg-m", "normal", &[rule("ingress", "Accept", "10.1.1.0/24")]);
    assert_eq!(said(&[("Mesh", the_cluster)], None), unless("Unknown", "target:SecurityGroupUndecided@sg-m"));
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"];
    let whole = group("sg-m", "normal", &private.map(|cidr| rule("ingress", "Accept", cidr)));
    assert_eq!(said(&[("Mesh", whole)], None), connected);

    let entry = |policy: &str, port: &str| serde_json::json!([{"Policy": policy, "Protocol": "tcp", "Port": port, "SourceCidrIp": "0.0.0.0/0", "DestinationCidrIp": "0.0.0.0/0"}]);
    for (switch, end) in [("vsw-d", "source"), ("vsw-m", "target")] {
        assert_eq!(said(&[], Some((switch, entry("accept", "1/65535")))), connected, "{switch}");
        // It denies every route; the endpoint may be in the same vSwitch, where it does not stand between.
        let doubt = format!("{end}:NaclDeny@nacl-1 {end}:NaclPartial@nacl-1");
        assert_eq!(said(&[], Some((switch, entry("drop", "1/65535")))), unless("Unknown", &doubt), "{switch}");
    }
}
