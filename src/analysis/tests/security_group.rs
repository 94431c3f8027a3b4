//! What is said of security groups themselves.

use crate::model::{Bounds, Enforcement, Permission, Reading::Value, SecurityGroupJudgement};

use super::cloud::{Cloud, listener, nlb_listener, private_entrance, public_entrance, rule};

const YES: Bounds<bool> = Bounds { lower: true, upper: true };
const NO: Bounds<bool> = Bounds { lower: false, upper: false };
const MAYBE: Bounds<bool> = Bounds { lower: false, upper: true };

fn exposed_pilot() -> Cloud {
    Cloud::new()
        .mesh(|mesh| mesh.pilot = public_entrance("lb-pilot", 15011, "eip-1", "203.0.113.7"))
        .eip("eip-1", "203.0.113.7", "lb-pilot")
        .clb("lb-pilot", vec![listener(15011)])
}

fn judged(cloud: &Cloud) -> SecurityGroupJudgement {
    let mut groups = cloud.judge().security_groups;
    assert_eq!(groups.len(), 1, "{groups:#?}");
    groups.remove(0)
}

fn of_rules(rules: Vec<Permission>) -> SecurityGroupJudgement {
    judged(&exposed_pilot().group("sg-mesh", rules).trust("8.8.8.0/25"))
}

fn accept(id: &str, source: &str) -> Permission {
    rule(id, "accept", 1, "15011/15011", source)
}

#[test]
fn who_is_admitted_on_the_endpoints_ports() {
    let group = of_rules(vec![accept("sgr-1", "8.8.8.0/24"), rule("sgr-2", "accept", 1, "22/22", "0.0.0.0/0")]);
    assert_eq!(group.admits_untrusted, YES);
    assert_eq!(group.untrusted.iter().map(ToString::to_string).collect::<Vec<_>>(), ["8.8.8.128/25"]);
    assert_eq!(group.blame, ["sgr-1"]);
    assert_eq!(group.enforcement, Enforcement::Unverified);
    assert_eq!(group.endpoints, ["1000000000000001/cn-hangzhou/mesh/mesh-1/istio-pilot"]);
    assert_eq!((group.world_open, group.world_open_by_union), (NO, NO));
    assert_eq!(of_rules(vec![accept("sgr-1", "8.8.8.0/25"), accept("sgr-2", "10.0.0.0/8")]).admits_untrusted, NO);
}

#[test]
fn whom_a_rule_for_all_ports_lets_in() {
    let anywhere = |group: SecurityGroupJudgement| {
        let blocks = group.untrusted_anywhere.expect("a port is known");
        blocks.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let all = |cidr: &str| Permission { ip_protocol: "ALL".into(), ..rule("sgr-2", "accept", 9, "-1/-1", cidr) };
    let drop = rule("sgr-1", "drop", 1, "15011/15011", "0.0.0.0/0");
    let of = |rules| judged(&exposed_pilot().group("sg-mesh", rules).trust("128.0.0.0/1"));
    assert_eq!(anywhere(of(vec![accept("sgr-1", "8.8.8.0/24")])), ["8.8.8.0/24"]);
    let group = of(vec![drop, all("0.0.0.0/0")]);
    assert!(group.untrusted.is_empty(), "nobody on the endpoint's own port");
    assert_eq!(anywhere(group), ["0.0.0.0/1"]);
}

#[test]
fn the_world_in_one_rule_and_in_pieces() {
    let one = of_rules(vec![accept("sgr-1", "0.0.0.0/0")]);
    assert_eq!((one.world_open, one.world_open_by_union), (YES, NO));
    let halves = of_rules(vec![accept("sgr-1", "0.0.0.0/1"), accept("sgr-2", "128.0.0.0/1")]);
    assert_eq!((halves.world_open, halves.world_open_by_union), (YES, YES));
    let dropped = of_rules(vec![accept("sgr-1", "0.0.0.0/0"), rule("sgr-2", "drop", 1, "-1/-1", "8.8.8.8")]);
    assert_eq!(dropped.world_open, NO);
}

#[test]
fn rules_that_do_nothing_or_too_much() {
    let group = of_rules(vec![
        rule("sgr-1", "drop", 1, "1/65535", "10.0.0.0/8"),
        rule("sgr-2", "accept", 2, "15011/15011", "10.1.0.0/16"),
        Permission { ip_protocol: "ALL".into(), ..rule("sgr-3", "accept", 3, "-1/-1", "0.0.0.0/0") },
    ]);
    assert_eq!(group.shadowed_rules, ["sgr-2"]);
    assert_eq!(group.admit_everything_rules, ["sgr-3"]);
}

#[test]
fn unread_groups_and_lists_are_between_bounds() {
    let group = judged(&exposed_pilot());
    assert_eq!((group.admits_untrusted, group.world_open), (MAYBE, MAYBE));
    assert_eq!(group.unresolved, ["sg-mesh"]);
    let group = of_rules(vec![accept("sgr-1", "pl-unread"), accept("sgr-2", "10.0.0.0/8")]);
    assert_eq!((group.admits_untrusted, group.world_open), (MAYBE, MAYBE));
    assert_eq!(group.unresolved, ["sgr-1"]);
    let group = of_rules(vec![accept("sgr-1", "pl-unread"), accept("sgr-2", "9.9.9.9")]);
    assert_eq!(group.admits_untrusted, YES);
}

#[test]
fn a_group_that_stands_in_two_places_counts_as_the_stronger() {
    let cloud = exposed_pilot()
        .cluster(|cluster| {
            cluster.security_group_id = Value("sg-mesh".into());
            cluster.api_server.public_endpoint = Value("https://203.0.113.8:6443".into());
        })
        .eip("eip-2", "203.0.113.8", "lb-cluster")
        .clb("lb-cluster", vec![listener(6443)])
        .group("sg-mesh", vec![rule("sgr-1", "accept", 1, "6443/6443", "9.9.9.9")]);
    let group = judged(&cloud);
    assert_eq!(group.enforcement, Enforcement::Unverified);
    assert_eq!(group.endpoints.len(), 2);
    assert_eq!(group.admits_untrusted, YES);
}

#[test]
fn groups_of_a_network_load_balancer_admit_what_they_do_not_drop() {
    let cloud = |rules| {
        Cloud::new()
            .cluster(|cluster| cluster.api_server = private_entrance("nlb-1", 6443))
            .nlb_with("nlb-1", vec![nlb_listener(6443, 6443)], |balancer| {
                balancer.security_group_ids = Value(vec!["sg-nlb".into()]);
            })
            .group("sg-nlb", rules)
    };
    let open = judged(&cloud(vec![rule("sgr-1", "accept", 1, "6443/6443", "8.8.8.8")]));
    assert_eq!(open.enforcement, Enforcement::Enforced);
    assert_eq!((open.world_open, open.world_open_by_union, open.admits_untrusted), (YES, NO, YES));
    let closed = judged(&cloud(vec![rule("sgr-1", "drop", 1, "6443/6443", "0.0.0.0/0")]));
    assert_eq!((closed.world_open, closed.admits_untrusted), (NO, NO));
}

#[test]
fn a_reply_without_a_vpc_is_no_classic_network() {
    let mut cloud = exposed_pilot().group("sg-mesh", vec![accept("sgr-1", "9.9.9.9")]);
    cloud.builder.security_groups[0].vpc_id = "".into();
    assert_eq!(judged(&cloud).admits_untrusted, YES);
}

#[test]
fn groups_of_private_endpoints_are_not_judged() {
    let cloud = Cloud::new().mesh(|_| {}).cluster(|_| {}).group("sg-mesh", vec![accept("sgr-1", "0.0.0.0/0")]);
    assert!(cloud.judge().security_groups.is_empty());
}
