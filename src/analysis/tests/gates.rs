//! The verdict of each port, by what stands in front of it.

use ipnet::IpNet;

use crate::model::{
    AccessRow, EndpointKind, Enforcement, Entrance,
    Family::{self, Ipv4, Ipv6},
    GateKind, Listener, LoadBalancer, NetworkInterface, NetworkLoadBalancer, NlbAddress, Permission, PortVerdict,
    PortVerdict::{Open, PrivateOnly, Restricted, Unknown, Unverified},
    Reading::{Absent, Unread, Value},
    TrustedEntry,
};

use super::cloud::{Cloud, guarded, listener, nlb_listener, private_entrance, public_entrance, rule, scope};

/// A cluster whose API server has an EIP on `lb-cluster`.
fn exposed_cluster() -> Cloud {
    Cloud::new().cluster(|cluster| cluster.api_server.public_endpoint = Value("https://203.0.113.8:6443".into())).eip(
        "eip-2",
        "203.0.113.8",
        "lb-cluster",
    )
}

/// A mesh whose pilot has an EIP on `lb-pilot`.
fn exposed_pilot() -> Cloud {
    Cloud::new().mesh(|mesh| mesh.pilot = public_entrance("lb-pilot", 15011, "eip-1", "203.0.113.7")).eip(
        "eip-1",
        "203.0.113.7",
        "lb-pilot",
    )
}

/// A cluster whose API server is behind the public `nlb-1`.
fn exposed_nlb(groups: &[&str], change: impl FnOnce(&mut NetworkLoadBalancer)) -> Cloud {
    let ids: Vec<_> = groups.iter().map(|id| (*id).into()).collect();
    Cloud::new().cluster(|cluster| cluster.api_server = private_entrance("nlb-1", 6443)).nlb_with(
        "nlb-1",
        vec![nlb_listener(6443, 6443)],
        |balancer| {
            balancer.security_group_ids = if ids.is_empty() { Absent } else { Value(ids) };
            change(balancer);
        },
    )
}

fn only_row(cloud: &Cloud) -> AccessRow {
    let mut rows = cloud.rows();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows.remove(0)
}

fn shown(blocks: &[IpNet]) -> String {
    blocks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_listener_acl_is_enforced() {
    const EVERYTHING: &str = "0.0.0.0/0";
    const WORLD: &str = "8.8.8.0/24";
    type Lists = &'static [(&'static str, &'static [&'static str])];
    let table: Vec<(&str, Listener, Lists, PortVerdict, &str)> = vec![
        ("off", listener(6443), &[], Open, EVERYTHING),
        (
            "off, with a stale list",
            Listener { acl_status: Value("off".into()), ..guarded(6443, "white", &["acl-1"]) },
            &[("acl-1", &[WORLD])],
            Open,
            EVERYTHING,
        ),
        (
            "on in capitals",
            Listener { acl_status: Value("ON".into()), ..guarded(6443, "White", &["acl-1"]) },
            &[("acl-1", &[WORLD])],
            Open,
            WORLD,
        ),
        ("white", guarded(6443, "white", &["acl-1"]), &[("acl-1", &[WORLD])], Open, WORLD),
        (
            "white, two lists",
            guarded(6443, "white", &["acl-1", "acl-2"]),
            &[("acl-1", &[]), ("acl-2", &["9.9.9.9"])],
            Open,
            "9.9.9.9/32",
        ),
        ("white, empty", guarded(6443, "white", &["acl-1"]), &[("acl-1", &[])], Open, EVERYTHING),
        ("white, no list", guarded(6443, "white", &[]), &[], Open, EVERYTHING),
        ("black, empty", guarded(6443, "black", &["acl-1"]), &[("acl-1", &[])], Open, EVERYTHING),
        ("black", guarded(6443, "black", &["acl-1"]), &[("acl-1", &["0.0.0.0/1"])], Open, "128.0.0.0/1"),
        (
            "white, world in halves",
            guarded(6443, "white", &["acl-1"]),
            &[("acl-1", &["0.0.0.0/1", "128.0.0.0/1"])],
            Open,
            EVERYTHING,
        ),
        (
            "white, private",
            guarded(6443, "white", &["acl-1"]),
            &[("acl-1", &["10.0.0.0/8", "100.104.0.0/16"])],
            PrivateOnly,
            "10.0.0.0/8 100.104.0.0/16",
        ),
        ("white, trusted", guarded(6443, "white", &["acl-1"]), &[("acl-1", &["198.41.0.0/24"])], Restricted, ""),
        ("white, unread", guarded(6443, "white", &["acl-1"]), &[], Unknown, "0.0.0.0/1 128.0.0.0/2"),
        (
            "white, one of two unread",
            guarded(6443, "white", &["acl-1", "acl-2"]),
            &[("acl-1", &[WORLD])],
            Open,
            "0.0.0.0/1 128.0.0.0/2",
        ),
        ("black, unread", guarded(6443, "black", &["acl-1"]), &[], Unknown, "0.0.0.0/1 128.0.0.0/2"),
        (
            "status unread",
            Listener { acl_status: Unread, ..guarded(6443, "white", &["acl-1"]) },
            &[("acl-1", &["198.41.0.0/24"])],
            Unknown,
            "0.0.0.0/1 128.0.0.0/2",
        ),
        (
            "entry malformed",
            guarded(6443, "white", &["acl-1"]),
            &[("acl-1", &["010.0.0.1/8"])],
            Unknown,
            "0.0.0.0/1 128.0.0.0/2",
        ),
    ];
    for (name, listener, acls, verdict, untrusted) in table {
        let mut cloud = exposed_cluster().clb("lb-cluster", vec![listener]).trust("198.41.0.0/24");
        for (id, entries) in acls {
            cloud = cloud.acl(id, entries);
        }
        let row = only_row(&cloud);
        assert_eq!((row.protocol.as_str(), row.port, row.family), ("tcp", 6443, Ipv4), "{name}");
        assert_eq!(row.verdict, verdict, "{name}");
        // What is shown is without the trusted block; only the beginning where it is long.
        let expected: crate::netset::AddressSet = untrusted
            .split(' ')
            .filter(|text| !text.is_empty())
            .map(|text| text.parse::<IpNet>().expect(name))
            .collect();
        let expected = expected.subtract(&["198.41.0.0/24".parse::<IpNet>().expect(name)].into_iter().collect());
        let found: crate::netset::AddressSet = row.untrusted.iter().copied().collect();
        if verdict == Unknown || name.contains("unread") {
            assert!(expected.subtract(&found).is_empty(), "{name}");
            assert!(!row.complete, "{name}");
        } else {
            assert_eq!(found, expected, "{name}: {}", shown(&row.untrusted));
            assert!(row.complete, "{name}");
        }
        assert_eq!(row.witness.is_some(), matches!(verdict, Open | Unknown), "{name}");
        let gate = &row.gates[0];
        assert_eq!((gate.kind, gate.enforcement), (GateKind::ClbAcl, Enforcement::Enforced), "{name}");
        assert_eq!(gate.id, "lb-cluster/6443", "{name}");
    }
}

#[test]
fn the_gates_of_the_report_example() {
    let cloud = exposed_pilot()
        .clb("lb-pilot", vec![listener(15011)])
        .group("sg-mesh", vec![rule("sgr-1", "accept", 1, "-1/-1", "0.0.0.0/0")]);
    let row = only_row(&cloud);
    assert_eq!(row.gates[0].note, "acl off");
    assert_eq!(shown(&row.gates[0].admits), "0.0.0.0/0");
    assert!(row.gates[0].complete);
    assert_eq!(*row.blame, ["listener:acl-off", "sgr-1"]);
}

#[test]
fn an_acl_is_of_a_listener_not_of_a_balancer() {
    let cloud = exposed_pilot()
        .clb("lb-pilot", vec![guarded(15011, "white", &["acl-1"]), listener(15010), listener(15014)])
        .acl("acl-1", &["10.0.0.0/8"])
        .group("sg-mesh", vec![rule("sgr-1", "accept", 1, "1/65535", "0.0.0.0/0")]);
    let verdicts: Vec<_> = cloud.rows().into_iter().map(|row| (row.port, row.verdict)).collect();
    assert_eq!(verdicts, [(15010, Open), (15011, PrivateOnly), (15014, Open)]);
}

#[test]
fn whoever_gets_in_by_one_of_two_listeners_gets_in() {
    let two = |cloud: Cloud| {
        cloud.clb("lb-pilot", vec![guarded(15011, "white", &["acl-1"]), guarded(15011, "white", &["acl-2"])])
    };
    let lists = |cloud: Cloud| cloud.acl("acl-1", &["8.8.8.0/24"]).acl("acl-2", &["9.9.9.0/24"]);
    let cloud = two(lists(exposed_pilot())).group("sg-mesh", vec![rule("sgr-1", "Accept", 1, "-1/-1", "0.0.0.0/0")]);
    let row = only_row(&cloud);
    assert_eq!((row.verdict, row.complete), (Open, true));
    assert_eq!(shown(&row.untrusted), "8.8.8.0/24 9.9.9.0/24");
    assert_eq!(shown(&row.untrusted_lower), "8.8.8.0/24 9.9.9.0/24");
    // Also where neither is known to be the worse one, since the group could not be read.
    let row = only_row(&two(lists(exposed_pilot())));
    assert_eq!((row.verdict, row.complete), (Unknown, false));
    assert_eq!(shown(&row.untrusted), "8.8.8.0/24 9.9.9.0/24");
}

#[test]
fn the_group_of_a_mesh_is_unverified() {
    let accept = |source| vec![rule("sgr-1", "accept", 1, "15011/15011", source)];
    let table: Vec<(&str, Vec<Permission>, PortVerdict, &str)> = vec![
        ("admits everybody", accept("0.0.0.0/0"), Open, "0.0.0.0/0"),
        ("admits somebody", accept("8.8.8.0/24"), Open, "8.8.8.0/24"),
        ("admits private sources", accept("10.0.0.0/8"), Unverified, "10.0.0.0/8"),
        ("admits nobody", Vec::new(), Unverified, ""),
        ("another port", vec![rule("sgr-1", "accept", 1, "22/22", "0.0.0.0/0")], Unverified, ""),
        (
            "Drop wins inside a priority",
            vec![
                rule("sgr-1", "Accept", 1, "15011/15011", "0.0.0.0/0"),
                rule("sgr-2", "DROP", 1, "-1/-1", "0.0.0.0/0"),
            ],
            Unverified,
            "",
        ),
        (
            "priorities are numbers",
            vec![rule("sgr-1", "accept", 9, "-1/-1", "8.8.8.0/24"), rule("sgr-2", "drop", 10, "-1/-1", "0.0.0.0/0")],
            Open,
            "8.8.8.0/24",
        ),
        ("a prefix list", accept("pl-1"), Open, "8.8.4.0/24"),
        ("an unread prefix list", accept("pl-unread"), Unknown, "0.0.0.0/0"),
        (
            "limited to a destination that nobody knows",
            vec![Permission {
                dest_cidr_ip: "10.0.0.0/24".into(),
                ..rule("sgr-1", "accept", 1, "-1/-1", "8.8.8.0/24")
            }],
            Unknown,
            "8.8.8.0/24",
        ),
        (
            "an unread port-range list",
            vec![Permission {
                port_range_list_id: "prl-unread".into(),
                ..rule("sgr-1", "accept", 1, "", "8.8.8.0/24")
            }],
            Unknown,
            "8.8.8.0/24",
        ),
        (
            "another group as source",
            vec![Permission { source_group_id: "sg-x".into(), ..rule("sgr-1", "accept", 1, "-1/-1", "") }],
            Unverified,
            "",
        ),
        ("IPv6 only", accept("::/0"), Unverified, ""),
    ];
    for (name, rules, verdict, all_gates) in table {
        let cloud = exposed_pilot()
            .clb("lb-pilot", vec![listener(15011)])
            .group("sg-mesh", rules)
            .prefix_list("pl-1", &["8.8.4.0/24"]);
        let row = only_row(&cloud);
        assert_eq!(row.verdict, verdict, "{name}");
        assert_eq!(shown(&row.untrusted), "0.0.0.0/0", "{name}");
        assert_eq!(shown(&row.untrusted_all_gates), all_gates, "{name}");
        let gate = &row.gates[1];
        assert_eq!((gate.kind, gate.enforcement), (GateKind::MeshSecurityGroup, Enforcement::Unverified), "{name}");
        assert_eq!(gate.id, "sg-mesh", "{name}");
        assert_eq!(gate.complete, verdict != Unknown, "{name}");
    }
}

#[test]
fn an_unread_group_of_a_mesh_leaves_the_port_unknown() {
    let row = only_row(&exposed_pilot().clb("lb-pilot", vec![listener(15011)]));
    assert_eq!(row.verdict, Unknown);
    assert_eq!((row.verdict_bounds.lower, row.verdict_bounds.upper), (Unverified, Open));
    assert!(!row.complete);
    assert!(row.gates[1].note.ends_with("sg-mesh could not be read"), "{}", row.gates[1].note);
}

#[test]
fn both_gates_intersect_and_the_blame_names_both() {
    let cloud =
        exposed_pilot().clb("lb-pilot", vec![guarded(15011, "white", &["acl-1"])]).acl("acl-1", &["8.8.0.0/16"]).group(
            "sg-mesh",
            vec![
                rule("sgr-1", "accept", 1, "15011/15011", "8.8.8.0/24"),
                rule("sgr-2", "accept", 1, "15011/15011", "9.9.9.0/24"),
            ],
        );
    let row = only_row(&cloud);
    assert_eq!(row.verdict, Open);
    assert_eq!(shown(&row.untrusted), "8.8.0.0/16");
    assert_eq!(shown(&row.untrusted_all_gates), "8.8.8.0/24");
    assert_eq!(*row.blame, ["listener:whitelist", "sgr-1"]);
    assert_eq!(*row.fix_set, ["sgr-1"]);
    assert_eq!(row.witness, Some("8.8.8.1".parse().expect("an address")));
}

#[test]
fn the_group_of_a_cluster_is_reported_and_never_counted() {
    let cloud = exposed_cluster().clb("lb-cluster", vec![listener(6443)]).group("sg-cluster", Vec::new());
    let row = only_row(&cloud);
    assert_eq!(row.verdict, Open);
    assert!(row.complete);
    let gate = &row.gates[1];
    assert_eq!((gate.kind, gate.enforcement), (GateKind::ClusterSecurityGroup, Enforcement::Ineffective));
    assert!(gate.admits.is_empty());
    assert_eq!(row.untrusted, row.untrusted_all_gates);
    // Nor does it matter that it could not be read.
    assert_eq!(only_row(&exposed_cluster().clb("lb-cluster", vec![listener(6443)])).verdict, Open);
}

#[test]
fn the_groups_of_a_network_load_balancer_restrict_by_drop_rules_only() {
    let accept = rule("sgr-1", "accept", 1, "6443/6443", "8.8.8.0/24");
    let drop_all = |priority| rule("sgr-2", "drop", priority, "6443/6443", "0.0.0.0/0");
    let table: Vec<(&str, Vec<Permission>, PortVerdict, &str)> = vec![
        ("no rule", Vec::new(), Open, "0.0.0.0/0"),
        ("only accept rules", vec![accept.clone()], Open, "0.0.0.0/0"),
        ("a drop at 100", vec![accept.clone(), drop_all(100)], Open, "0.0.0.0/0"),
        ("a drop at 99", vec![accept.clone(), drop_all(99)], Open, "8.8.8.0/24"),
        ("a drop of everything", vec![drop_all(99)], Restricted, ""),
        ("a drop of some", vec![rule("sgr-2", "drop", 1, "-1/-1", "0.0.0.0/1")], Open, "128.0.0.0/1"),
        ("a drop on another port", vec![rule("sgr-2", "drop", 1, "22/22", "0.0.0.0/0")], Open, "0.0.0.0/0"),
        ("an unread drop", vec![rule("sgr-2", "drop", 1, "-1/-1", "pl-unread")], Unknown, "0.0.0.0/0"),
        (
            "an unread accept",
            vec![drop_all(99), rule("sgr-3", "accept", 1, "-1/-1", "pl-unread")],
            Unknown,
            "0.0.0.0/0",
        ),
    ];
    for (name, rules, verdict, untrusted) in table {
        let row = only_row(&exposed_nlb(&["sg-nlb"], |_| {}).group("sg-nlb", rules));
        assert_eq!(row.verdict, verdict, "{name}");
        assert_eq!(shown(&row.untrusted), untrusted, "{name}");
        assert_eq!(row.gates.len(), 1, "{name}");
        let gate = &row.gates[0];
        assert_eq!((gate.kind, gate.enforcement), (GateKind::NlbSecurityGroups, Enforcement::Enforced), "{name}");
        assert_eq!(gate.id, "nlb-1", "{name}");
    }
}

#[test]
fn the_rules_of_all_joined_groups_are_merged() {
    let cloud = exposed_nlb(&["sg-a", "sg-b"], |_| {})
        .group("sg-a", vec![rule("sgr-1", "drop", 2, "-1/-1", "0.0.0.0/0")])
        .group("sg-b", vec![rule("sgr-2", "accept", 1, "-1/-1", "8.8.8.0/24")]);
    assert_eq!(shown(&only_row(&cloud).untrusted), "8.8.8.0/24");
}

#[test]
fn a_network_load_balancer_without_groups_accepts_everything_and_with_unread_ones_nobody_knows() {
    let row = only_row(&exposed_nlb(&[], |_| {}));
    assert_eq!(row.verdict, Open);
    assert_eq!(row.gates[0].note, "no security group joined: everything is accepted");
    assert_eq!(only_row(&exposed_nlb(&["sg-unread"], |_| {})).verdict, Unknown);
    assert_eq!(only_row(&exposed_nlb(&[], |balancer| balancer.security_group_ids = Unread)).verdict, Unknown);
}

#[test]
fn rules_limited_to_a_destination_are_read_against_the_addresses_there_are() {
    let drop_at = |block: &'static str| {
        vec![Permission { dest_cidr_ip: block.into(), ..rule("sgr-1", "drop", 1, "-1/-1", "0.0.0.0/0") }]
    };
    let zone = |address: &str| NlbAddress { private_ipv4_address: address.into(), ..NlbAddress::default() };
    let verdict = |zones: &[&str], block| {
        let zones: Vec<_> = zones.iter().map(|address| zone(address)).collect();
        let cloud = exposed_nlb(&["sg-nlb"], |balancer| balancer.addresses = zones);
        only_row(&cloud.group("sg-nlb", drop_at(block))).verdict
    };
    assert_eq!(verdict(&["10.0.0.9"], "10.0.0.9/32"), Restricted);
    assert_eq!(verdict(&["10.0.0.9"], "10.0.1.0/24"), Open);
    assert_eq!(verdict(&["10.0.0.9", "10.0.0.8"], "10.0.0.0/24"), Restricted);
    assert_eq!(verdict(&["10.0.0.9", "10.0.1.9"], "10.0.0.0/24"), Unknown);
    assert_eq!(verdict(&["10.0.0.9", ""], "10.0.0.0/24"), Unknown);

    let pilot = |addresses: &[&str]| {
        let mut cloud = exposed_pilot().clb("lb-pilot", vec![listener(15011)]).group(
            "sg-mesh",
            vec![Permission {
                dest_cidr_ip: "10.0.0.0/24".into(),
                ..rule("sgr-1", "accept", 1, "-1/-1", "8.8.8.0/24")
            }],
        );
        for address in addresses {
            cloud.builder.network_interfaces.push(NetworkInterface {
                scope: scope(),
                network_interface_id: format!("eni-{address}").into(),
                security_group_ids: vec!["sg-mesh".into()],
                private_ip_addresses: vec![(*address).into()],
                ipv6_addresses: Vec::new(),
            });
        }
        only_row(&cloud).verdict
    };
    assert_eq!(pilot(&["10.0.0.5"]), Open);
    assert_eq!(pilot(&["10.0.1.5"]), Unverified);
    assert_eq!(pilot(&["10.0.0.5", "10.0.1.5"]), Unknown);
    assert_eq!(pilot(&["10.0.1.5", "not an address"]), Unknown);
    assert_eq!(pilot(&[]), Unknown);
}

#[test]
fn ranges_of_a_network_load_balancer() {
    let ports = |first, last, rules: Vec<Permission>| {
        let change = |balancer: &mut NetworkLoadBalancer| balancer.listeners = Value(vec![nlb_listener(first, last)]);
        let cloud = exposed_nlb(&["sg-nlb"], change).group("sg-nlb", rules);
        cloud.rows().into_iter().map(|row| (row.port, row.verdict)).collect::<Vec<_>>()
    };
    let drop_all = || vec![rule("sgr-1", "drop", 1, "-1/-1", "0.0.0.0/0")];
    assert_eq!(ports(6442, 6444, Vec::new()), [(6442, Open), (6443, Open), (6444, Open)]);
    assert_eq!(ports(1, 16, Vec::new()).len(), 16);
    assert_eq!(ports(6000, 15010, drop_all()), [(6000, Restricted), (6443, Restricted), (15010, Restricted)]);
    // The only open ports are inside, where none would be shown for its own sake.
    let but_one =
        vec![rule("sgr-1", "drop", 1, "1/6999", "0.0.0.0/0"), rule("sgr-2", "drop", 1, "7002/65535", "0.0.0.0/0")];
    assert_eq!(ports(6000, 8000, but_one), [(6000, Restricted), (6443, Restricted), (7000, Open), (8000, Restricted)]);
    assert_eq!(ports(1, 65535, drop_all()).len(), 8);
}

#[test]
fn listeners_that_could_not_be_listed_leave_the_endpoints_port_unknown() {
    let unread = |balancer: &mut LoadBalancer| balancer.listeners = Unread;
    let pilot = |port: u16| {
        Cloud::new()
            .mesh(move |mesh| mesh.pilot = public_entrance("lb-pilot", port, "eip-1", "203.0.113.7"))
            .eip("eip-1", "203.0.113.7", "lb-pilot")
            .group("sg-mesh", vec![rule("sgr-1", "accept", 1, "-1/-1", "0.0.0.0/0")])
    };
    for cloud in [pilot(15012).clb_with("lb-pilot", vec![], unread), pilot(15012)] {
        let row = only_row(&cloud);
        assert_eq!((row.port, row.verdict), (15012, Unknown));
        assert!(!row.complete);
        assert!(row.untrusted_lower.is_empty());
    }
    // A group that admits nobody is no reason to call it anything else.
    let closed = Cloud::new()
        .mesh(|mesh| mesh.pilot.public_flag = Value(true))
        .clb_with("lb-pilot", vec![], unread)
        .group("sg-mesh", Vec::new());
    assert_eq!((only_row(&closed).port, only_row(&closed).verdict), (15011, Unknown));
    let nlb = exposed_nlb(&[], |balancer| balancer.listeners = Unread);
    assert_eq!((only_row(&nlb).port, only_row(&nlb).verdict), (6443, Unknown));
    let dropped = exposed_nlb(&["sg-nlb"], |balancer| balancer.listeners = Unread)
        .group("sg-nlb", vec![rule("sgr-1", "drop", 1, "-1/-1", "0.0.0.0/0")]);
    assert_eq!(only_row(&dropped).verdict, Unknown);
}

#[test]
fn without_a_balancer_nothing_is_known_of_the_port() {
    let entrance = |mesh: &mut crate::model::Mesh| {
        mesh.pilot = Entrance { public_flag: Value(true), ..Entrance::default() };
    };
    let row = only_row(&Cloud::new().mesh(entrance));
    assert_eq!((row.port, row.verdict), (15011, Unknown));
    assert!(row.gates.is_empty());
}

#[test]
fn stopped_listeners_are_skipped_and_udp_counts() {
    let mut stopped = listener(15010);
    stopped.status = "stopped".into();
    let mut udp = listener(15011);
    udp.listener_protocol = "udp".into();
    let cloud = exposed_pilot()
        .clb("lb-pilot", vec![stopped, udp, listener(15011)])
        .group("sg-mesh", vec![rule("sgr-1", "accept", 1, "-1/-1", "0.0.0.0/0")]);
    let rows: Vec<_> = cloud.rows().into_iter().map(|row| (row.protocol, row.port, row.verdict)).collect();
    assert_eq!(rows, [("tcp".into(), 15011, Open), ("udp".into(), 15011, Unverified)]);
    assert!(exposed_pilot().clb("lb-pilot", Vec::new()).rows().is_empty());
}

#[test]
fn an_internet_facing_balancer_is_judged_without_an_eip() {
    let cloud = Cloud::new().cluster(|_| {}).clb_with("lb-cluster", vec![listener(6443)], |balancer| {
        balancer.address_type = "internet".into();
        balancer.address = "203.0.113.8".into();
    });
    assert_eq!(only_row(&cloud).verdict, Open);
}

#[test]
fn families_are_judged_apart() {
    let ipv6 = |entries: &[&str]| {
        let cloud = Cloud::new()
            .cluster(|_| {})
            .clb_with("lb-cluster", vec![guarded(6443, "white", &["acl-6"])], |balancer| {
                balancer.address_type = "internet".into();
                balancer.address_ip_version = "ipv6".into();
                balancer.address = "2408:4005::8".into();
            })
            .acl("acl-6", entries);
        let row = only_row(&cloud);
        assert_eq!(row.family, Ipv6);
        (row.verdict, shown(&row.untrusted))
    };
    assert_eq!(ipv6(&["2408:4005::/32"]), (Open, "2408:4005::/32".into()));
    assert_eq!(ipv6(&["2001:db8::/32"]), (PrivateOnly, "2001:db8::/32".into()));
    let verdicts = |rules: Vec<Permission>| -> Vec<(Family, PortVerdict)> {
        let dual = exposed_nlb(&["sg-nlb"], |balancer| balancer.ipv6_address_type = "Internet".into());
        dual.group("sg-nlb", rules).rows().into_iter().map(|row| (row.family, row.verdict)).collect()
    };
    assert_eq!(verdicts(vec![rule("sgr-1", "drop", 1, "-1/-1", "0.0.0.0/0")]), [(Ipv4, Restricted), (Ipv6, Open)]);
    assert_eq!(verdicts(vec![rule("sgr-1", "drop", 1, "-1/-1", "::/0")]), [(Ipv4, Open), (Ipv6, Restricted)]);
}

#[test]
fn a_balancer_of_the_other_family_says_nothing() {
    let cloud = Cloud::new()
        .cluster(|cluster| cluster.api_server.public_endpoint = Value("https://[2408:4005::8]:6443".into()))
        .clb("lb-cluster", vec![guarded(6443, "white", &["acl-1"])])
        .acl("acl-1", &["10.0.0.0/8"]);
    let row = only_row(&cloud);
    assert_eq!((row.family, row.verdict), (Ipv6, Unknown));
}

#[test]
fn a_balancer_that_was_found_by_its_eip_proves_only_what_is_open() {
    let cloud = |listener: Listener| {
        Cloud::new()
            .cluster(|cluster| {
                cluster.api_server.load_balancer_id = Unread;
                cluster.api_server.public_endpoint = Value("https://203.0.113.8:6443".into());
            })
            .eip("eip-2", "203.0.113.8", "lb-cluster")
            .clb("lb-cluster", vec![listener])
            .acl("acl-1", &["10.0.0.0/8"])
    };
    assert_eq!(only_row(&cloud(listener(6443))).verdict, Open);
    assert_eq!(only_row(&cloud(guarded(6443, "white", &["acl-1"]))).verdict, Unknown);
}

#[test]
fn an_address_that_cannot_be_traced_undoes_what_the_balancer_proves() {
    let verdict = |operation: Option<&'static str>| {
        let cloud = exposed_pilot()
            .clb("lb-pilot", vec![guarded(15011, "white", &["acl-1"])])
            .acl("acl-1", &["10.0.0.0/8"])
            .group("sg-mesh", Vec::new());
        let mut cloud = match operation {
            Some(operation) => cloud.deny(operation),
            None => cloud,
        };
        if operation == Some("DescribeEipAddresses") {
            cloud.builder.eips.clear();
        }
        only_row(&cloud).verdict
    };
    assert_eq!(verdict(None), PrivateOnly);
    // The EIP is where the product says, whatever other balancers there are.
    assert_eq!(verdict(Some("ListLoadBalancers")), PrivateOnly);
    assert_eq!(verdict(Some("DescribeEipAddresses")), Unknown);
}

#[test]
fn an_address_that_leads_elsewhere_undoes_what_the_balancer_proves() {
    let cloud = Cloud::new()
        .mesh(|mesh| mesh.pilot = public_entrance("lb-pilot", 15011, "eip-1", "203.0.113.7"))
        .eip("eip-1", "203.0.113.7", "lb-other")
        .clb("lb-pilot", vec![guarded(15011, "white", &["acl-1"])])
        .acl("acl-1", &["10.0.0.0/8"])
        .group("sg-mesh", Vec::new());
    assert_eq!(only_row(&cloud).verdict, Unknown);
}

#[test]
fn the_trusted_set_is_that_of_the_endpoint_on_the_day() {
    let verdict = |change: fn(&mut TrustedEntry)| {
        let mut cloud =
            exposed_cluster().clb("lb-cluster", vec![guarded(6443, "white", &["acl-1"])]).acl("acl-1", &["8.8.8.0/24"]);
        let mut entry = TrustedEntry::everywhere("8.8.8.0/24".parse().expect("a block"));
        change(&mut entry);
        cloud.trusted.entries.push(entry);
        only_row(&cloud).verdict
    };
    assert_eq!(verdict(|_| {}), Restricted);
    assert_eq!(verdict(|entry| entry.kinds = vec![EndpointKind::ClusterApiServer]), Restricted);
    assert_eq!(verdict(|entry| entry.kinds = vec![EndpointKind::IstioPilot]), Open);
    assert_eq!(verdict(|entry| entry.resources = vec!["cluster-1".into()]), Restricted);
    assert_eq!(verdict(|entry| entry.resources = vec!["cluster-2".into()]), Open);
    assert_eq!(verdict(|entry| entry.regions = vec!["cn-shanghai".into()]), Open);
    assert_eq!(verdict(|entry| entry.expires = chrono::NaiveDate::from_ymd_opt(2026, 1, 1)), Restricted);
    assert_eq!(verdict(|entry| entry.expires = chrono::NaiveDate::from_ymd_opt(2025, 12, 31)), Open);
}
