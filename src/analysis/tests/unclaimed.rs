//! Public balancers that nobody names.

use crate::model::{
    Bounds, Gap, Listener,
    Reading::{Absent, Unread, Value},
    Unit,
};

use super::cloud::{Cloud, account_id, gap, listener, nlb_listener, public_entrance, scope};

fn found(cloud: &Cloud) -> Vec<(String, Vec<u16>, Bounds<bool>)> {
    let judged = cloud.judge().unclaimed_balancers;
    judged
        .into_iter()
        .map(|one| (one.load_balancer_id, one.control_plane_ports, one.looks_like_control_plane))
        .collect()
}

const MAYBE: Bounds<bool> = Bounds { lower: false, upper: true };

/// Which port the internet sees is whoever made the balancer's to choose.
#[test]
fn a_listener_that_forwards_to_a_control_plane_is_one_whatever_its_own_port() {
    let judged = |change: fn(&mut Listener)| {
        let mut other = Listener { backend_server_port: Value(6443), ..listener(8443) };
        change(&mut other);
        let cloud =
            Cloud::new().clb_with("lb-nobody", vec![other, listener(443)], |one| one.address_type = "internet".into());
        let unclaimed = cloud.judge().unclaimed_balancers;
        unclaimed.into_iter().map(|one| (one.control_plane_ports, one.looks_like_control_plane)).collect::<Vec<_>>()
    };
    assert_eq!(judged(|_| {}), [(vec![8443], Bounds::exact(true))]);
    assert!(judged(|one| one.backend_server_port = Value(443)).is_empty());
    // To a group of servers, and to nobody knows where.
    assert!(judged(|one| one.backend_server_port = Absent).is_empty());
    assert_eq!(judged(|one| one.backend_server_port = Unread), [(vec![], MAYBE)]);
    assert!(judged(|one| one.status = "stopped".into()).is_empty());
    assert!(judged(|one| one.listener_protocol = "udp".into()).is_empty());
}

#[test]
fn a_public_balancer_on_control_plane_ports_is_reported() {
    let cloud = Cloud::new().clb("lb-stray", vec![listener(443), listener(6443), listener(15010)]).eip(
        "eip-1",
        "203.0.113.7",
        "lb-stray",
    );
    assert_eq!(found(&cloud), [("lb-stray".to_owned(), vec![6443, 15010], Bounds::exact(true))]);
    let one = &cloud.judge().unclaimed_balancers[0];
    assert_eq!((one.public_address.as_str(), one.eip_id.clone()), ("203.0.113.7", Some("eip-1".into())));
}

#[test]
fn network_and_internet_facing_balancers_count_too() {
    let cloud = Cloud::new()
        .clb_with("lb-stray", vec![listener(6443)], |balancer| balancer.address_type = "internet".into())
        .nlb_with("nlb-stray", vec![nlb_listener(6000, 7000)], |_| {});
    let ids: Vec<_> = found(&cloud).into_iter().map(|(id, ..)| id).collect();
    assert_eq!(ids, ["lb-stray", "nlb-stray"]);
}

#[test]
fn private_balancers_and_other_ports_are_not() {
    let mut udp = listener(6443);
    udp.listener_protocol = "udp".into();
    let mut stopped = listener(6443);
    stopped.status = "stopped".into();
    let cloud = Cloud::new()
        .clb("lb-private", vec![listener(6443)])
        .clb("lb-web", vec![listener(443), udp, stopped])
        .eip("eip-1", "203.0.113.7", "lb-web");
    assert_eq!(found(&cloud), []);
}

#[test]
fn what_a_mesh_or_cluster_names_is_claimed() {
    let cloud = Cloud::new()
        .mesh(|mesh| mesh.pilot = public_entrance("lb-pilot", 15011, "eip-1", "203.0.113.7"))
        .cluster(|cluster| {
            // Its balancer was not found, but the address of the public endpoint is the EIP's.
            cluster.api_server.load_balancer_id = Unread;
            cluster.api_server.public_endpoint = Value("https://203.0.113.8:6443".into());
        })
        .clb("lb-pilot", vec![listener(15011)])
        .clb("lb-cluster", vec![listener(6443)])
        .eip("eip-1", "203.0.113.7", "lb-pilot")
        .eip("eip-2", "203.0.113.8", "lb-cluster");
    assert_eq!(found(&cloud), []);
}

#[test]
fn unread_listeners_or_owners_leave_it_open() {
    let stray = || Cloud::new().clb("lb-stray", vec![listener(6443)]).eip("eip-1", "203.0.113.7", "lb-stray");
    for operation in ["DescribeServiceMeshes", "DescribeClustersV1"] {
        assert_eq!(found(&stray().deny(operation)), [("lb-stray".to_owned(), vec![6443], MAYBE)], "{operation}");
    }
    let unread = stray().cluster(|cluster| cluster.api_server.load_balancer_id = Unread);
    assert_eq!(found(&unread), [("lb-stray".to_owned(), vec![6443], MAYBE)]);
    let mut listeners = stray();
    listeners.builder.load_balancers[0].listeners = Unread;
    assert_eq!(found(&listeners), [("lb-stray".to_owned(), vec![], MAYBE)]);
}

#[test]
fn a_balancer_that_only_its_eip_shows_is_unknown_if_its_read_failed() {
    let mut cloud = Cloud::new().eip("eip-1", "203.0.113.7", "lb-stray");
    assert_eq!(found(&cloud), []);
    assert_eq!(found(&cloud.clone().deny("DescribeLoadBalancers")), [("lb-stray".to_owned(), vec![], MAYBE)]);
    let unit = Unit::new(&account_id(), &scope().region_id, "slb", "DescribeLoadBalancerListeners", "lb-stray");
    let refused: Gap = gap(unit);
    cloud.builder.gap(refused);
    assert_eq!(found(&cloud), [("lb-stray".to_owned(), vec![], MAYBE)]);
}
