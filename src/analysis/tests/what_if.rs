//! Changes in thought: what they change, and that nothing else changes.

use crate::{
    analysis::{
        judge,
        what_if::{Change, ChangeError, after},
    },
    model::{
        Connectivity, EndpointKind, Exposure, Inventory, Judgements, NamedConsumers, NlbAddress, PortVerdict,
        StalenessVerdict,
    },
};

use super::{
    cloud::{Cloud, guarded, listener, nlb_listener, public_entrance, rule},
    staleness::{cloud as mesh_with_cluster, peered, read},
};

fn change(text: &str) -> Change {
    text.parse().expect("the text is a change")
}

fn judged(inventory: &Inventory) -> Judgements {
    judge(inventory, &Default::default(), &NamedConsumers::new())
}

fn verdicts(inventory: &Inventory) -> Vec<PortVerdict> {
    judged(inventory).endpoints.iter().flat_map(|one| &one.access).map(|row| row.verdict).collect()
}

#[test]
fn changes_are_read_and_said() {
    for (text, said) in [
        ("unbind:eip-1", "unbind eip-1"),
        ("add-cidr:acl-1,203.0.113.0/24", "add 203.0.113.0/24 to acl-1"),
        ("drop-cidr:acl-1,203.0.113.7", "drop 203.0.113.7/32 from acl-1"),
        ("add-rule:sg-1, accept, tcp, 443/443, 2001:db8::/32", "accept TCP 443/443 from 2001:db8::/32 at 1 in sg-1"),
        ("add-rule:sg-1,drop,all,-1/-1,0.0.0.0/0,100", "drop ALL -1/-1 from 0.0.0.0/0 at 100 in sg-1"),
        ("drop-rule:sgr-1", "drop the rule sgr-1"),
        ("remove:tr-attach-1", "remove tr-attach-1"),
    ] {
        assert_eq!(change(text).to_string(), said, "{text}");
    }
    for text in ["", "unbind", "unbind:", "unbind:a,b", "bind:eip-1", "add-cidr:acl-1", "drop-rule:a,b", "remove:,"] {
        assert!(matches!(text.parse::<Change>(), Err(ChangeError::Form(_))), "{text}");
    }
    for text in [
        "add-cidr:acl-1,203.0.113.7/24",
        "add-cidr:acl-1,everybody",
        "add-rule:sg-1,permit,tcp,443/443,10.0.0.0/8",
        "add-rule:sg-1,accept,icmp,443/443,10.0.0.0/8",
        "add-rule:sg-1,accept,tcp,443-444,10.0.0.0/8",
        "add-rule:sg-1,accept,tcp,443/443,10.0.0.0/8,0",
        "add-rule:sg-1,accept,tcp,443/443,10.0.0.0/8,101",
    ] {
        assert!(matches!(text.parse::<Change>(), Err(ChangeError::Part { .. })), "{text}");
    }
}

#[test]
fn without_its_eip_an_entrance_is_private_and_others_stay() {
    let cloud = Cloud::new()
        .mesh(|mesh| {
            mesh.pilot = public_entrance("lb-pilot", 15011, "eip-1", "203.0.113.7");
            mesh.api_server = public_entrance("lb-mesh-api", 6443, "eip-2", "203.0.113.8");
        })
        .eip("eip-1", "203.0.113.7", "lb-pilot")
        .eip("eip-2", "203.0.113.8", "lb-mesh-api")
        .clb("lb-pilot", vec![listener(15011)])
        .clb("lb-mesh-api", vec![listener(6443)]);
    let inventory = cloud.inventory();
    let exposed = |inventory: &Inventory| -> Vec<EndpointKind> {
        let endpoints = judged(inventory).endpoints;
        endpoints.iter().filter(|one| one.exposure == Exposure::Exposed).map(|one| one.endpoint.kind).collect()
    };
    assert_eq!(exposed(&inventory), [EndpointKind::IstioPilot, EndpointKind::MeshApiServer]);
    let changed = after(&inventory, &[change("unbind:eip-1")]).expect("the EIP is there");
    assert_eq!(exposed(&changed), [EndpointKind::MeshApiServer]);
    let pilot = judged(&changed).endpoints.into_iter().find(|one| one.endpoint.kind == EndpointKind::IstioPilot);
    assert_eq!(pilot.map(|one| one.exposure), Some(Exposure::Private));
    assert!(after(&inventory, &[change("unbind:eip-9")]).is_err());
    assert_eq!(after(&inventory, &[]).expect("nothing is changed"), inventory);
}

/// A network load balancer is internal without its last EIP, and stays public with another one.
#[test]
fn without_its_last_eip_a_network_load_balancer_is_internal() {
    let with = |second: &str| {
        let zone = |id: &str, address: &str, private: &str| NlbAddress {
            allocation_id: id.into(),
            public_ipv4_address: address.into(),
            private_ipv4_address: private.into(),
            ..NlbAddress::default()
        };
        let cloud = Cloud::new()
            .cluster(|cluster| cluster.api_server = public_entrance("nlb-1", 6443, "eip-1", "203.0.113.7"))
            .eip("eip-1", "203.0.113.7", "eni-1")
            .nlb_with("nlb-1", vec![nlb_listener(6443, 6443)], |balancer| {
                balancer.addresses = vec![zone("eip-1", "203.0.113.7", "10.0.0.5"), zone("", second, "10.0.0.6")];
            });
        after(&cloud.inventory(), &[change("unbind:eip-1")]).expect("the EIP is there")
    };
    let alone = judged(&with("")).endpoints.remove(0);
    assert_eq!((alone.exposure, &alone.signs[..]), (Exposure::Private, &[][..]));
    assert_eq!(judged(&with("203.0.113.8")).endpoints.remove(0).exposure, Exposure::Exposed);
}

#[test]
fn entries_of_a_list_come_and_go() {
    let cloud = Cloud::new()
        .cluster(|cluster| cluster.api_server = public_entrance("lb-cluster", 6443, "", "203.0.113.8"))
        .eip("eip-1", "203.0.113.8", "lb-cluster")
        .clb("lb-cluster", vec![guarded(6443, "white", &["acl-1"])])
        .acl("acl-1", &["10.0.0.0/8", "8.8.8.0/24"]);
    let inventory = cloud.inventory();
    assert_eq!(verdicts(&inventory), [PortVerdict::Open]);
    let narrowed = after(&inventory, &[change("drop-cidr:acl-1,8.8.8.0/24")]).expect("the entry is there");
    assert_eq!(verdicts(&narrowed), [PortVerdict::PrivateOnly]);
    let widened = after(&narrowed, &[change("add-cidr:acl-1,9.9.9.0/24")]).expect("the list is there");
    assert_eq!(verdicts(&widened), [PortVerdict::Open]);
    // A part of an entry is no entry.
    assert!(after(&inventory, &[change("drop-cidr:acl-1,8.8.8.0/25")]).is_err());
    assert!(after(&inventory, &[change("add-cidr:acl-9,9.9.9.0/24")]).is_err());
}

#[test]
fn rules_come_and_go() {
    let cloud = Cloud::new()
        .cluster(|cluster| {
            cluster.api_server = public_entrance("nlb-1", 6443, "", "203.0.113.9");
        })
        .nlb_with("nlb-1", vec![nlb_listener(6443, 6443)], |balancer| {
            balancer.security_group_ids = crate::model::Reading::Value(vec!["sg-1".into()]);
        })
        .group("sg-1", vec![rule("sgr-drop", "Drop", 50, "6443/6443", "0.0.0.0/0")]);
    let inventory = cloud.inventory();
    assert_eq!(verdicts(&inventory), [PortVerdict::Restricted]);
    let open = after(&inventory, &[change("drop-rule:sgr-drop")]).expect("the rule is there");
    assert_eq!(verdicts(&open), [PortVerdict::Open]);
    let some = after(&inventory, &[change("add-rule:sg-1,accept,tcp,6443/6443,8.8.8.0/24,1")]).expect("it is there");
    assert_eq!(verdicts(&some), [PortVerdict::Open]);
    let other_port =
        after(&inventory, &[change("add-rule:sg-1,accept,tcp,443/443,8.8.8.0/24,1")]).expect("it is there");
    assert_eq!(verdicts(&other_port), [PortVerdict::Restricted]);
    assert!(after(&inventory, &[change("drop-rule:sgr-9")]).is_err());
}

#[test]
fn without_the_peering_the_private_path_is_gone() {
    let (inventory, _) = read(&mesh_with_cluster("vpc-d", |_| {}), &peered(), &NamedConsumers::new(), &[]);
    let pilot = |inventory: &Inventory| {
        let found = judged(inventory).endpoints.into_iter().find(|one| one.endpoint.kind == EndpointKind::IstioPilot);
        found.expect("it is there").staleness
    };
    assert_eq!(pilot(&inventory).verdict, StalenessVerdict::Stale);
    let changed = after(&inventory, &[change("remove:pcc-1")]).expect("the peering is there");
    let said = pilot(&changed);
    // What would then have to be asked, an endpoint of PrivateLink, was not read: never "connected" again.
    assert_ne!(said.verdict, StalenessVerdict::Stale);
    assert_ne!(said.consumers[0].path.connectivity, Connectivity::Connected);
    assert!(said.consumers[0].path.reasons.contains(&"forward:DanglingNextHop@pcc-1".to_owned()), "{said:?}");
    assert!(after(&inventory, &[change("remove:pcc-9")]).is_err());
}
