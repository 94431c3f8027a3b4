//! Signs, their absence, and their disagreement.

use crate::model::{
    EndpointKind::{ClusterApiServer, IstioPilot, IstioPilotCanary, MeshApiServer},
    Entrance, Exposure,
    Family::{Ipv4, Ipv6},
    Listener, Mesh, Reading,
    Reading::{Absent, Unread, Value},
    Sign, StalenessVerdict,
};

use super::cloud::{Cloud, listener, nlb_listener, private_entrance, public_entrance};

#[test]
fn everything_read_and_denied_is_private() {
    let cloud = Cloud::new().mesh(|_| {}).cluster(|_| {});
    let judged = cloud.judge();
    assert_eq!(judged.endpoints.len(), 3);
    for one in judged.endpoints {
        assert_eq!(one.exposure, Exposure::Private, "{}", one.endpoint.id());
        assert!(one.signs.is_empty() && one.contradictions.is_empty() && one.unread.is_empty());
        assert!(one.access.is_empty());
        assert_eq!(one.public_address, None);
        assert_eq!(one.private_address.as_deref(), Some("10.0.0.5"));
        assert_eq!(one.staleness.verdict, StalenessVerdict::NotExposed);
    }
}

/// Row 37 of reliability.md 2.2: a mesh that does not run is never taken for private, and exposed by any sign.
#[test]
fn a_mesh_that_does_not_run_is_not_private() {
    for state in ["initial", "updating", "upgrading", "failed", "frozen", ""] {
        let judged = Cloud::new().mesh(|mesh| mesh.state = state.into()).judge();
        for one in &judged.endpoints {
            assert_eq!(one.exposure, Exposure::Unknown, "{state}");
            assert!(
                one.unread.iter().any(|why| why.contains(&format!("in the state \"{state}\""))),
                "{:?}",
                one.unread
            );
        }
        let bound = Cloud::new().mesh(|mesh| {
            mesh.state = state.into();
            mesh.pilot.eip_id = Value("eip-1".into());
        });
        assert_eq!(bound.endpoint(IstioPilot).exposure, Exposure::Exposed, "{state}");
    }
    let running = Cloud::new().mesh(|mesh| mesh.state = "Running".into()).judge();
    assert!(running.endpoints.iter().all(|one| one.exposure == Exposure::Private));
}

#[test]
fn every_sign_exposes_on_its_own() {
    let pilot = |change: fn(&mut Entrance)| Cloud::new().mesh(|mesh| change(&mut mesh.pilot));
    let nlb = |change: fn(&mut crate::model::NetworkLoadBalancer)| {
        Cloud::new().cluster(|cluster| cluster.api_server = private_entrance("nlb-1", 6443)).nlb_with(
            "nlb-1",
            vec![nlb_listener(6443, 6443)],
            |balancer| {
                balancer.address_type = Value("Intranet".into());
                balancer.addresses[0].public_ipv4_address.clear();
                change(balancer);
            },
        )
    };
    let table = [
        ("flag", Sign::PublicFlag, pilot(|pilot| pilot.public_flag = Value(true))),
        ("endpoint", Sign::PublicEndpoint, pilot(|pilot| pilot.public_endpoint = Value("203.0.113.7:15011".into()))),
        ("odd endpoint", Sign::PublicEndpoint, pilot(|pilot| pilot.public_endpoint = Value("?".into()))),
        ("EIP id", Sign::EipId, pilot(|pilot| pilot.eip_id = Value("eip-1".into()))),
        ("EIP on balancer", Sign::EipOnLoadBalancer, pilot(|_| {}).eip("eip-1", "203.0.113.7", "lb-pilot")),
        (
            "internet balancer",
            Sign::InternetLoadBalancer,
            pilot(|_| {}).clb_with("lb-pilot", vec![], |balancer| balancer.address_type = "internet".into()),
        ),
        (
            "IPv6 balancer",
            Sign::Ipv6Address,
            pilot(|_| {}).clb_with("lb-pilot", vec![], |balancer| balancer.address_ip_version = "ipv6".into()),
        ),
        ("internet NLB", Sign::InternetLoadBalancer, nlb(|balancer| balancer.address_type = Value("Internet".into()))),
        (
            "NLB address",
            Sign::NlbPublicAddress,
            nlb(|balancer| balancer.addresses[0].public_ipv4_address = "203.0.113.9".into()),
        ),
        ("NLB EIP", Sign::NlbPublicAddress, nlb(|balancer| balancer.addresses[0].allocation_id = "eip-1".into())),
        ("NLB IPv6", Sign::Ipv6Address, nlb(|balancer| balancer.ipv6_address_type = "Internet".into())),
    ];
    for (name, sign, cloud) in table {
        let judged = cloud.judge().endpoints;
        let exposed: Vec<_> = judged.iter().filter(|one| one.exposure == Exposure::Exposed).collect();
        assert_eq!(exposed.len(), 1, "{name}");
        assert_eq!(exposed[0].signs, [sign], "{name}");
        assert_ne!(exposed[0].staleness.verdict, StalenessVerdict::NotExposed, "{name}");
    }
}

#[test]
fn a_private_nlb_with_ipv6_is_private_only_if_its_ipv6_is() {
    let cloud = |kind: &'static str| {
        Cloud::new()
            .cluster(|cluster| cluster.api_server = private_entrance("nlb-1", 6443))
            .nlb_with("nlb-1", vec![], |balancer| {
                balancer.address_type = Value("Intranet".into());
                balancer.addresses[0].public_ipv4_address.clear();
                balancer.addresses[0].ipv6_address = "2408:4005::9".into();
                balancer.ipv6_address_type = kind.into();
            })
            .endpoint(ClusterApiServer)
            .exposure
    };
    assert_eq!(cloud("Intranet"), Exposure::Private);
    assert_eq!(cloud("Internet"), Exposure::Exposed);
    assert_eq!(cloud(""), Exposure::Exposed);
}

/// The list of network balancers is not limited to public ones, so that it must hold one which the
/// product names; that of classic balancers is, so that a private one is not in it.
#[test]
fn an_nlb_that_is_named_and_not_listed_makes_unknown() {
    let cluster = |id: &'static str| {
        let cloud = Cloud::new().cluster(move |cluster| cluster.api_server = private_entrance(id, 6443));
        let judged = cloud.endpoint(ClusterApiServer);
        (judged.exposure, judged.unread)
    };
    assert_eq!(cluster("lb-1"), (Exposure::Private, Vec::new()));
    let said = "nlb-1 is named by the product and in no list of network load balancers";
    assert_eq!(cluster("nlb-1"), (Exposure::Unknown, vec![said.to_owned()]));
    let mesh = Cloud::new().mesh(|mesh| mesh.pilot = private_entrance("nlb-1", 15011));
    assert_eq!(mesh.endpoint(IstioPilot).exposure, Exposure::Unknown);
    // A public sign is enough, whatever the lists hold.
    let bound = Cloud::new().cluster(|cluster| cluster.api_server = private_entrance("nlb-1", 6443)).eip(
        "eip-1",
        "203.0.113.7",
        "nlb-1",
    );
    assert_eq!(bound.endpoint(ClusterApiServer).exposure, Exposure::Exposed);
}

#[test]
fn a_bound_eip_counts_in_every_state_of_binding() {
    for status in ["InUse", "Associating", "Unassociating"] {
        let mut cloud = Cloud::new().mesh(|_| {}).eip("eip-1", "203.0.113.7", "lb-pilot");
        cloud.builder.eips[0].status = status.into();
        assert_eq!(cloud.endpoint(IstioPilot).exposure, Exposure::Exposed, "{status}");
    }
}

#[test]
fn a_balancer_id_alone_is_no_sign() {
    // The id of the pilot's balancer is there whether or not an EIP is bound.
    let cloud = Cloud::new().mesh(|_| {}).clb("lb-pilot", vec![listener(15011)]).eip("eip-1", "203.0.113.7", "");
    assert_eq!(cloud.endpoint(IstioPilot).exposure, Exposure::Private);
}

#[test]
fn each_unread_sign_makes_unknown() {
    let changes: [fn(&mut Entrance); 4] = [
        |pilot| pilot.public_flag = Unread,
        |pilot| pilot.public_endpoint = Unread,
        |pilot| pilot.eip_id = Unread,
        |pilot| pilot.load_balancer_id = Unread,
    ];
    for change in changes {
        let cloud = Cloud::new().mesh(|mesh| change(&mut mesh.pilot));
        let pilot = cloud.endpoint(IstioPilot);
        assert_eq!(pilot.exposure, Exposure::Unknown);
        assert_eq!(pilot.unread.len(), 1, "{:?}", pilot.unread);
        assert_eq!(cloud.endpoint(MeshApiServer).exposure, Exposure::Private);
    }
}

#[test]
fn unread_lists_make_unknown_what_they_hide_and_nothing_else() {
    let endpoints = |operation| {
        let judged = Cloud::new()
            .mesh(|_| {})
            .cluster(|_| {})
            .cluster(|cluster| {
                cluster.cluster_id = "cluster-2".into();
                cluster.api_server.load_balancer_id = Absent;
            })
            .deny(operation)
            .judge();
        judged.endpoints.into_iter().map(|one| one.exposure).collect::<Vec<_>>()
    };
    use Exposure::{Private, Unknown};
    // The pilot and the API server of the mesh, then the two clusters. All but the last have a
    // classic balancer; the last has none because no public balancer was left that could be it.
    assert_eq!(endpoints("DescribeEipAddresses"), [Unknown, Unknown, Unknown, Unknown]);
    assert_eq!(endpoints("DescribeLoadBalancers"), [Unknown, Unknown, Unknown, Unknown]);
    assert_eq!(endpoints("ListLoadBalancers"), [Private, Private, Private, Unknown]);
}

#[test]
fn a_positive_sign_stands_whatever_else_is_unread() {
    let cloud = Cloud::new()
        .mesh(|mesh| {
            mesh.pilot = Entrance { public_flag: Value(true), ..Entrance::default() };
            mesh.canary_pilot = Unread;
        })
        .deny("DescribeEipAddresses");
    let pilot = cloud.endpoint(IstioPilot);
    assert_eq!(pilot.exposure, Exposure::Exposed);
    assert!(pilot.unread.is_empty());
}

#[test]
fn a_canary_exists_only_where_something_of_it_is_set() {
    let kinds = |canary: Reading<Entrance>| {
        let judged = Cloud::new().mesh(|mesh| mesh.canary_pilot = canary).judge();
        judged.endpoints.into_iter().map(|one| one.endpoint.kind).collect::<Vec<_>>()
    };
    let nothing = Entrance {
        public_flag: Absent,
        public_endpoint: Value(String::new()),
        intranet_endpoint: Absent,
        eip_id: Absent,
        load_balancer_id: Value("".into()),
    };
    assert_eq!(kinds(Unread), [IstioPilot, MeshApiServer]);
    assert_eq!(kinds(Absent), [IstioPilot, MeshApiServer]);
    assert_eq!(kinds(Value(nothing.clone())), [IstioPilot, MeshApiServer]);
    let with_balancer = Entrance { load_balancer_id: Value("lb-canary".into()), ..nothing };
    assert_eq!(kinds(Value(with_balancer)), [IstioPilot, IstioPilotCanary, MeshApiServer]);
}

#[test]
fn a_canary_is_exposed_by_its_eip_id_alone_and_has_no_flag() {
    let canary = |mesh: &mut Mesh| {
        mesh.canary_pilot = Value(Entrance {
            public_flag: Unread,
            eip_id: Value("eip-9".into()),
            ..private_entrance("lb-canary", 15011)
        });
    };
    let judged = Cloud::new().mesh(canary).eip("eip-9", "203.0.113.9", "lb-canary").endpoint(IstioPilotCanary);
    assert_eq!(judged.exposure, Exposure::Exposed);
    assert_eq!(judged.signs, [Sign::EipId, Sign::EipOnLoadBalancer]);
    assert_eq!(judged.public_address.as_deref(), Some("203.0.113.9"));
}

#[test]
fn agreeing_signs_do_not_contradict() {
    let cloud = Cloud::new()
        .mesh(|mesh| mesh.pilot = public_entrance("lb-pilot", 15011, "eip-1", "203.0.113.7"))
        .cluster(|cluster| {
            cluster.api_server.public_endpoint = Value("https://203.0.113.8:6443".into());
        })
        .eip("eip-1", "203.0.113.7", "lb-pilot")
        .eip("eip-2", "203.0.113.8", "lb-cluster");
    for kind in [IstioPilot, ClusterApiServer] {
        let one = cloud.endpoint(kind);
        assert_eq!(one.exposure, Exposure::Exposed);
        assert!(one.contradictions.is_empty(), "{:?}", one.contradictions);
    }
    let pilot = cloud.endpoint(IstioPilot);
    assert_eq!(pilot.signs, [Sign::PublicFlag, Sign::PublicEndpoint, Sign::EipId, Sign::EipOnLoadBalancer]);
    assert_eq!(pilot.public_address.as_deref(), Some("203.0.113.7"));
    assert_eq!(pilot.eip_id, Some("eip-1".into()));
    assert_eq!(pilot.product_eip_id, Some("eip-1".into()));
    assert_eq!(cloud.endpoint(ClusterApiServer).eip_id, Some("eip-2".into()));
}

#[test]
fn contradictions_name_both_sides() {
    let table: Vec<(Cloud, &[&str])> = vec![
        (
            Cloud::new().mesh(|_| {}).eip("eip-1", "203.0.113.7", "lb-pilot"),
            &[
                "EIP id is empty but EIP eip-1 is bound to lb-pilot",
                "public endpoint is empty but EIP eip-1 is bound to lb-pilot",
                "public flag is false but EIP eip-1 is bound to lb-pilot",
            ],
        ),
        (
            Cloud::new()
                .mesh(|mesh| mesh.pilot = public_entrance("lb-pilot", 15011, "eip-1", "203.0.113.8"))
                .eip("eip-1", "203.0.113.7", "")
                .eip("eip-2", "203.0.113.8", "lb-pilot"),
            &["EIP bound behind the service's back: eip-2 is bound to lb-pilot, but the product names eip-1"],
        ),
        (
            Cloud::new()
                .mesh(|mesh| mesh.pilot = public_entrance("lb-pilot", 15011, "eip-1", "203.0.113.7"))
                .clb("lb-pilot", Vec::new()),
            &["no EIP is bound to lb-pilot but the public endpoint is 203.0.113.7:15011"],
        ),
        (
            Cloud::new()
                .mesh(|mesh| mesh.pilot = public_entrance("lb-pilot", 15011, "eip-1", "203.0.113.7"))
                .eip("eip-1", "203.0.113.7", "i-elsewhere")
                .clb("lb-pilot", Vec::new()),
            &[
                "no EIP is bound to lb-pilot but the public endpoint is 203.0.113.7:15011",
                "the product names EIP eip-1, which is bound to i-elsewhere",
            ],
        ),
        (
            Cloud::new().mesh(|mesh| mesh.pilot = public_entrance("lb-pilot", 15011, "eip-1", "10.0.0.7")).eip(
                "eip-1",
                "203.0.113.7",
                "lb-pilot",
            ),
            &[
                "the public endpoint names 10.0.0.7, which is a private address",
                "the public endpoint names 10.0.0.7, which is not the address of the bound EIP",
            ],
        ),
        (
            Cloud::new()
                .mesh(|mesh| {
                    mesh.pilot = public_entrance("lb-pilot", 15011, "eip-1", "203.0.113.7");
                    mesh.pilot.public_flag = Value(false);
                })
                .eip("eip-1", "203.0.113.7", "lb-pilot"),
            &["public flag is false but EIP eip-1 is bound to lb-pilot"],
        ),
    ];
    for (cloud, expected) in table {
        assert_eq!(cloud.endpoint(IstioPilot).contradictions, expected);
    }
}

#[test]
fn an_internet_facing_balancer_needs_no_eip() {
    let cloud = Cloud::new()
        .cluster(|cluster| cluster.api_server.public_endpoint = Value("https://203.0.113.8:6443".into()))
        .clb_with("lb-cluster", vec![listener(6443)], |balancer| {
            balancer.address_type = "internet".into();
            balancer.address = "203.0.113.8".into();
        });
    let one = cloud.endpoint(ClusterApiServer);
    assert_eq!(one.signs, [Sign::PublicEndpoint, Sign::InternetLoadBalancer]);
    assert!(one.contradictions.is_empty(), "{:?}", one.contradictions);
    assert_eq!(one.eip_id, None);
    assert_eq!(one.public_address.as_deref(), Some("203.0.113.8"));
}

#[test]
fn the_balancer_is_found_through_the_public_address() {
    let cloud = Cloud::new()
        .cluster(|cluster| {
            cluster.api_server.load_balancer_id = Unread;
            cluster.api_server.public_endpoint = Value("https://203.0.113.8:6443".into());
        })
        .eip("eip-2", "203.0.113.8", "lb-cluster");
    let one = cloud.endpoint(ClusterApiServer);
    assert_eq!(one.load_balancer_id, Some("lb-cluster".into()));
    assert_eq!(one.eip_id, Some("eip-2".into()));
}

#[test]
fn families_follow_the_addresses() {
    let families = |cloud: Cloud| {
        let inventory = cloud.inventory();
        let index = crate::analysis::index::Index::new(&inventory);
        let found = crate::analysis::exposure::endpoints(&index);
        found.into_iter().find(|one| one.judgement.exposure == Exposure::Exposed).map(|one| one.families)
    };
    let endpoint = |text: &'static str| Cloud::new().mesh(move |mesh| mesh.pilot.public_endpoint = Value(text.into()));
    assert_eq!(families(endpoint("203.0.113.7:15011")), Some(vec![Ipv4]));
    assert_eq!(families(endpoint("[2408:4005::1]:15011")), Some(vec![Ipv6]));
    assert_eq!(families(endpoint("203.0.113.7:15011,[2408:4005::1]:15011")), Some(vec![Ipv4, Ipv6]));
    assert_eq!(families(endpoint("pilot.example.com:15011")), Some(vec![Ipv4]));
    let ipv6 = |balancer: &mut crate::model::LoadBalancer| balancer.address_ip_version = "ipv6".into();
    assert_eq!(families(Cloud::new().mesh(|_| {}).clb_with("lb-pilot", vec![], ipv6)), Some(vec![Ipv6]));
    let dual = Cloud::new().cluster(|cluster| cluster.api_server = private_entrance("nlb-1", 6443)).nlb_with(
        "nlb-1",
        vec![],
        |balancer| balancer.ipv6_address_type = "Internet".into(),
    );
    assert_eq!(families(dual), Some(vec![Ipv4, Ipv6]));
    assert_eq!(families(Cloud::new().mesh(|_| {})), None);
}

#[test]
fn resources_sum_up_their_endpoints() {
    let judged = Cloud::new()
        .mesh(|mesh| mesh.pilot.public_flag = Value(true))
        .mesh(|mesh| {
            mesh.service_mesh_id = "mesh-2".into();
            mesh.audit_enabled = Unread;
            mesh.api_server.eip_id = Unread;
        })
        .mesh(|mesh| {
            mesh.service_mesh_id = "mesh-3".into();
            mesh.audit_enabled = Absent;
        })
        .cluster(|_| {})
        .judge();
    let bounds: Vec<_> = judged
        .resources
        .iter()
        .map(|one| {
            (
                one.resource_id.as_str(),
                one.exposed.lower,
                one.exposed.upper,
                one.audit_enabled.lower,
                one.audit_enabled.upper,
            )
        })
        .collect();
    assert_eq!(
        bounds,
        [
            ("mesh-1", true, true, true, true),
            ("mesh-2", false, true, false, true),
            ("mesh-3", false, false, false, false),
            ("cluster-1", false, false, true, true),
        ]
    );
}

/// Whoever takes the EIP away closes every port of the balancer.
#[test]
fn ports_of_the_balancer_that_are_somebody_else_s_are_told() {
    let beside = |listeners: Reading<Vec<Listener>>| {
        let mut cloud = Cloud::new()
            .mesh(|mesh| mesh.pilot = public_entrance("lb-pilot", 15011, "eip-1", "203.0.113.7"))
            .eip("eip-1", "203.0.113.7", "lb-pilot")
            .clb("lb-pilot", vec![listener(15011)]);
        cloud.builder.load_balancers[0].listeners = listeners;
        cloud.endpoint(IstioPilot).changing.other_ports
    };
    let webhook = Listener { backend_server_port: Value(15017), ..listener(443) };
    let stopped = Listener { status: "stopped".into(), ..listener(8080) };
    let udp = Listener { listener_protocol: "udp".into(), ..listener(15012) };
    assert_eq!(beside(Value(vec![listener(15010), listener(15011), listener(15012), webhook, stopped])), Some(vec![]));
    let others = beside(Value(vec![listener(15011), listener(443), listener(6443), udp]));
    assert_eq!(others, Some(vec!["tcp/443".to_owned(), "tcp/6443".to_owned(), "udp/15012".to_owned()]));
    assert_eq!(beside(Absent), Some(vec![]));
    assert_eq!(beside(Unread), None);
}
