//! What if an object were not there, or there again: a changed topology answers as one that was
//! built so. And what would connect a blocked pair.

mod connectivity_worlds;

use connectivity_worlds::question;
use portcullis::{
    analysis::{
        access::Lists,
        connectivity::{Addition, DataPlaneEnd, MeshEnd, Part, PathQuestion, Topology},
    },
    model::Network,
};
use proptest::prelude::*;
use serde_json::Value;

fn network(question: &Value) -> Network {
    let mut network: Network =
        serde_json::from_value(question["Topology"].clone()).expect("the topology is understood");
    network.sort();
    network
}

fn answer(topology: &Topology<'_>) -> String {
    let mesh = MeshEnd { v_switch_id: "vsw-m".into(), port: 15012, ..MeshEnd::default() };
    let cluster = DataPlaneEnd { v_switch_id: "vsw-d".into(), ..DataPlaneEnd::default() };
    format!("{:?}", topology.pair(&mesh, &cluster))
}

/// Takes one object away, from the network and from the topology.
fn without(network: &Network, kind: usize) -> (Network, Part<'static>) {
    let mut less = network.clone();
    let part = match kind {
        0 => {
            less.vpc_peers.retain(|peer| peer.instance_id.as_str() != "pcc-1");
            Part::VpcPeer(Box::leak(Box::new("pcc-1".into())))
        }
        1 => {
            less.transit_router_attachments.retain(|one| one.transit_router_attachment_id.as_str() != "att-m");
            Part::Attachment(Box::leak(Box::new("att-m".into())))
        }
        2 => {
            less.transit_router_route_table_associations
                .retain(|one| one.transit_router_attachment_id.as_str() != "att-d");
            Part::Association(Box::leak(Box::new("att-d".into())))
        }
        3 => {
            for table in less.route_tables.iter_mut().filter(|table| table.route_table_id.as_str() == "vtb-d") {
                table.route_entrys.retain(|entry| entry.destination_cidr_block != "10.0.0.0/16");
            }
            Part::RouteEntry(Box::leak(Box::new("vtb-d".into())), "10.0.0.0/16")
        }
        4 => {
            less.transit_router_route_entries.retain(|entry| {
                entry.transit_router_route_table_id.as_str() != "tr-1-sys"
                    || entry.destination_cidr_block != "10.0.1.0/28"
            });
            Part::TransitRouterRouteEntry(Box::leak(Box::new("tr-1-sys".into())), "10.0.1.0/28")
        }
        5 => {
            less.router_interfaces.retain(|one| one.router_interface_id.as_str() != "ri-d");
            Part::RouterInterface(Box::leak(Box::new("ri-d".into())))
        }
        _ => {
            less.vpc_endpoints.clear();
            Part::VpcEndpoint(Box::leak(Box::new("ep-1".into())))
        }
    };
    (less, part)
}

/// Puts it back.
fn with<'a>(topology: Topology<'a>, network: &'a Network, kind: usize) -> Topology<'a> {
    let add = |topology: Topology<'a>, addition| topology.with(addition);
    match kind {
        0 => network
            .vpc_peers
            .iter()
            .filter(|one| one.instance_id.as_str() == "pcc-1")
            .map(Addition::VpcPeer)
            .fold(topology, add),
        1 => network
            .transit_router_attachments
            .iter()
            .filter(|one| one.transit_router_attachment_id.as_str() == "att-m")
            .map(Addition::Attachment)
            .fold(topology, add),
        2 => network
            .transit_router_route_table_associations
            .iter()
            .filter(|one| one.transit_router_attachment_id.as_str() == "att-d")
            .map(Addition::Association)
            .fold(topology, add),
        3 => network
            .route_tables
            .iter()
            .filter(|table| table.route_table_id.as_str() == "vtb-d")
            .flat_map(|table| table.route_entrys.iter().map(|entry| Addition::RouteEntry(&table.route_table_id, entry)))
            .filter(
                |one| matches!(one, Addition::RouteEntry(_, entry) if entry.destination_cidr_block == "10.0.0.0/16"),
            )
            .fold(topology, add),
        4 => network
            .transit_router_route_entries
            .iter()
            .filter(|one| {
                one.transit_router_route_table_id.as_str() == "tr-1-sys" && one.destination_cidr_block == "10.0.1.0/28"
            })
            .map(Addition::TransitRouterRouteEntry)
            .fold(topology, add),
        5 => network
            .router_interfaces
            .iter()
            .filter(|one| one.router_interface_id.as_str() == "ri-d")
            .map(Addition::RouterInterface)
            .fold(topology, add),
        _ => network.vpc_endpoints.iter().map(Addition::VpcEndpoint).fold(topology, add),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_topology_answers_as_one_built_so(seed in any::<u64>(), kind in 0_usize..7) {
        let full = network(&question(seed));
        let (less, part) = without(&full, kind);
        let topology = Topology::new(&full, &[], Lists::default());
        let changed = topology.without(part);
        prop_assert_eq!(answer(&changed), answer(&Topology::new(&less, &[], Lists::default())));
        prop_assert_eq!(answer(&with(changed, &full, kind)), answer(&topology));
    }
}

/// What each blocked scenario needs, in words.
#[test]
fn the_nearest_path_names_what_is_to_be_mended() {
    let scenarios = include_str!("data/path-scenarios.jsonl");
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
        let text = scenarios.lines().nth(number - 1).expect("there are 86");
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
    let nothing_between = scenarios.lines().nth(4).expect("there are 86");
    let question = PathQuestion::parse(nothing_between).expect("scenarios are understood");
    let topology = question.topology();
    let (_, mesh, cluster) = question.pairs().next().expect("each has a pair");
    assert_eq!(topology.pair(mesh, cluster).nearest, None);
}
