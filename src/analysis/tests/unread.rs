//! Over random clouds: what is taken away never makes anything look better, and the order of
//! reading does not matter.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::model::{
    AccessRow, Cluster, EndpointJudgement, Entrance, Exposure, Judgements, Listener, Mesh, NlbAddress, PortVerdict,
    Reading::{self, Absent, Unread, Value},
};

use super::cloud::{Cloud, guarded, listener, nlb_listener, private_cluster, private_mesh, rule};

/// Decides from bytes, so that a failing case shrinks to few of them.
struct Dice<'a>(std::slice::Iter<'a, u8>);

impl Dice<'_> {
    fn roll(&mut self, sides: u8) -> usize {
        usize::from(self.0.next().copied().unwrap_or_default() % sides)
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let sides = u8::try_from(from.len()).expect("short lists");
        from[self.roll(sides)].clone()
    }
}

const BALANCERS: [&str; 5] = ["lb-0", "lb-1", "lb-2", "nlb-0", "nlb-1"];
const PORTS: [u16; 3] = [6443, 15010, 15011];
const BLOCKS: [&str; 7] =
    ["8.8.8.0/24", "10.0.0.0/8", "0.0.0.0/1", "128.0.0.0/1", "0.0.0.0/0", "198.41.0.0/24", "::/0"];

fn cloud(bytes: &[u8]) -> Cloud {
    let dice = &mut Dice(bytes.iter());
    let mut cloud = Cloud::new().trust("198.41.0.0/24");
    for number in 0..3 {
        let instance = dice.pick(&["", "lb-0", "lb-1", "nlb-0", "i-0"]);
        cloud = cloud.eip(&format!("eip-{number}"), &format!("47.0.0.{number}"), instance);
    }
    for id in ["lb-0", "lb-1"] {
        let listeners = (0..dice.roll(3)).map(|_| random_listener(dice)).collect();
        let (kind, version) = (dice.pick(&["intranet", "intranet", "internet"]), dice.pick(&["ipv4", "ipv4", "ipv6"]));
        let address = dice.pick(&["10.0.0.5", "47.0.1.1", "2408:4005::5"]);
        cloud = cloud.clb_with(id, listeners, |balancer| {
            balancer.address_type = kind.into();
            balancer.address_ip_version = version.into();
            balancer.address = address.into();
        });
    }
    let listeners = (0..dice.roll(3)).map(|_| dice.pick(&[nlb_listener(6443, 6443), nlb_listener(6000, 16000)]));
    let listeners = listeners.collect();
    let groups = dice.pick(&[Absent, Value(vec!["sg-0".into()]), Value(vec!["sg-0".into(), "sg-mesh".into()])]);
    let (kind, ipv6) = (dice.pick(&["Internet", "Intranet"]), dice.pick(&["Internet", "Intranet", ""]));
    let zones = dice.roll(3);
    cloud = cloud.nlb_with("nlb-0", listeners, |balancer| {
        balancer.address_type = Value(kind.into());
        balancer.ipv6_address_type = ipv6.into();
        balancer.security_group_ids = groups;
        let zone = NlbAddress { private_ipv4_address: "10.0.0.9".into(), ..NlbAddress::default() };
        balancer.addresses = vec![zone; zones];
    });
    for id in ["acl-0", "acl-1"] {
        let entries: Vec<_> = (0..dice.roll(3)).map(|_| dice.pick(&BLOCKS)).collect();
        cloud = cloud.acl(id, &entries);
    }
    for id in ["sg-mesh", "sg-0"] {
        let rules = (0..dice.roll(4)).map(|number| {
            let policy = dice.pick(&["Accept", "Drop"]);
            let priority = dice.pick(&[1, 2, 99, 100]);
            let ports = dice.pick(&["-1/-1", "6443/6443", "15000/15020"]);
            let source = if dice.roll(4) == 0 { "pl-0" } else { dice.pick(&BLOCKS) };
            rule(&format!("sgr-{number}"), policy, priority, ports, source)
        });
        let rules = rules.collect();
        cloud = cloud.group(id, rules);
    }
    cloud = cloud.prefix_list("pl-0", &[dice.pick(&BLOCKS)]);
    for number in 0..2 {
        cloud.builder.meshes.push(random_mesh(dice, number));
        cloud.builder.clusters.push(random_cluster(dice, number));
    }
    cloud
}

fn random_listener(dice: &mut Dice<'_>) -> Listener {
    let port = dice.pick(&PORTS);
    let ids: &[&str] = dice.pick(&[&["acl-0"][..], &["acl-0", "acl-1"], &[]]);
    match dice.roll(4) {
        0 => listener(port),
        1 => guarded(port, "black", ids),
        _ => guarded(port, "white", ids),
    }
}

fn random_entrance(dice: &mut Dice<'_>) -> Entrance {
    let addresses = ["47.0.0.0:15011", "https://47.0.0.1:6443", "[2408:4005::5]:6443", "47.0.1.1:15010", "10.0.0.1"];
    let id = |text: &str| if text.is_empty() { Absent } else { Value(text.into()) };
    Entrance {
        public_flag: dice.pick(&[Value(false), Value(true), Absent]),
        public_endpoint: if dice.roll(2) == 0 { Absent } else { Value(dice.pick(&addresses).into()) },
        intranet_endpoint: Absent,
        eip_id: match dice.pick(&["", "", "eip-0", "eip-1", "eip-9"]) {
            "" => Absent,
            id => Value(id.into()),
        },
        load_balancer_id: if dice.roll(5) == 0 { Absent } else { id(dice.pick(&BALANCERS)) },
    }
}

fn random_mesh(dice: &mut Dice<'_>, number: usize) -> Mesh {
    Mesh {
        service_mesh_id: format!("mesh-{number}").into(),
        pilot: random_entrance(dice),
        api_server: random_entrance(dice),
        canary_pilot: if dice.roll(3) == 0 { Value(random_entrance(dice)) } else { Absent },
        security_group_id: dice.pick(&["sg-mesh", "sg-0", "sg-gone", ""]).into(),
        ..private_mesh()
    }
}

fn random_cluster(dice: &mut Dice<'_>, number: usize) -> Cluster {
    let api_server = Entrance { eip_id: Absent, ..random_entrance(dice) };
    Cluster { cluster_id: format!("cluster-{number}").into(), api_server, ..private_cluster() }
}

/// What is left of an entrance when only the list was read, whose silence means nothing.
fn affirmed(entrance: &mut Entrance) {
    if entrance.public_flag != Value(true) {
        entrance.public_flag = Unread;
    }
    let unread_unless_set = |reading: &mut Reading<String>| {
        if reading.value().is_none() {
            *reading = Unread;
        }
    };
    unread_unless_set(&mut entrance.public_endpoint);
    unread_unless_set(&mut entrance.intranet_endpoint);
    if entrance.load_balancer_id.value().is_none() {
        entrance.load_balancer_id = Unread;
    }
}

/// Takes one read away.
fn remove(cloud: &mut Cloud, dice: &mut Dice<'_>) {
    let builder = &mut cloud.builder;
    let which = dice.roll(2);
    match dice.roll(11) {
        0 => {
            builder.eips.clear();
            cloud.denied.push("DescribeEipAddresses");
        }
        1 => {
            builder.load_balancers.clear();
            cloud.denied.push("DescribeLoadBalancers");
        }
        2 => {
            builder.network_load_balancers.clear();
            cloud.denied.push("ListLoadBalancers");
        }
        3 => builder.load_balancers.iter_mut().skip(which).for_each(|balancer| balancer.listeners = Unread),
        4 => builder.network_load_balancers.iter_mut().for_each(|balancer| match which {
            0 => balancer.listeners = Unread,
            _ => balancer.security_group_ids = Unread,
        }),
        5 => builder.acls.truncate(which),
        6 => builder.security_groups.truncate(which),
        7 => builder.prefix_lists.clear(),
        8 => builder.meshes.iter_mut().skip(which).for_each(|mesh| {
            for entrance in [&mut mesh.pilot, &mut mesh.api_server] {
                affirmed(entrance);
                entrance.eip_id = Unread;
            }
            mesh.canary_pilot = Unread;
            mesh.audit_enabled = Unread;
        }),
        9 => builder.clusters.iter_mut().skip(which).for_each(|cluster| affirmed(&mut cluster.api_server)),
        _ => builder.clusters.iter_mut().skip(which).for_each(|cluster| cluster.api_server.load_balancer_id = Unread),
    }
}

fn by_id(judgements: &Judgements) -> BTreeMap<String, &EndpointJudgement> {
    judgements.endpoints.iter().map(|one| (one.endpoint.id(), one)).collect()
}

fn check_rows(before: &EndpointJudgement, after: &EndpointJudgement) -> Result<(), TestCaseError> {
    let id = before.endpoint.id();
    let key = |row: &AccessRow| (row.protocol.clone(), row.port, row.family);
    let old: BTreeMap<_, _> = before.access.iter().map(|row| (key(row), row)).collect();
    for row in &after.access {
        // Of a family that had no address nothing was said before.
        let is_new_family = !before.access.iter().any(|old| old.family == row.family);
        let unclear = matches!(row.verdict, PortVerdict::Open | PortVerdict::Unknown);
        match old.get(&key(row)) {
            Some(old) => {
                // Where the balancer that the product names is no longer known, the one to which
                // the address leads is looked at, and may be seen to be open.
                let seen_open = (old.verdict, row.verdict) == (PortVerdict::Unknown, PortVerdict::Open);
                prop_assert!(
                    row.verdict == old.verdict || row.verdict == PortVerdict::Unknown || seen_open,
                    "{id} {}: {} became {}",
                    row.port,
                    old.verdict,
                    row.verdict
                );
                let upper = |row: &AccessRow| row.untrusted.iter().copied().collect::<crate::netset::AddressSet>();
                prop_assert!(upper(old).subtract(&upper(row)).is_empty(), "{id}: the residue shrank");
            }
            None => prop_assert!(unclear || is_new_family, "{id}: a new row for {} is {}", row.port, row.verdict),
        }
    }
    // A port or family that is no longer known of must leave something that is not clean.
    let lost = old.keys().any(|old| !after.access.iter().any(|row| key(row) == *old));
    if lost && after.exposure == Exposure::Exposed {
        let unclear = |row: &AccessRow| matches!(row.verdict, PortVerdict::Unknown | PortVerdict::Open);
        prop_assert!(after.access.iter().any(unclear), "{id}: a row was lost");
    }
    Ok(())
}

fn check(before: &Judgements, after: &Judgements) -> Result<(), TestCaseError> {
    let (old, new) = (by_id(before), by_id(after));
    for (id, after) in &new {
        let before = old.get(id);
        prop_assert!(before.is_some(), "{id} appeared");
        let Some(before) = before else { continue };
        prop_assert!(
            after.exposure == before.exposure || after.exposure == Exposure::Unknown,
            "{id}: {} became {}",
            before.exposure,
            after.exposure
        );
        check_rows(before, after)?;
    }
    for (one, other) in before.resources.iter().zip(&after.resources) {
        prop_assert_eq!(&one.resource_id, &other.resource_id);
        prop_assert!(one.exposed.lower || !other.exposed.lower);
        prop_assert!(!one.exposed.upper || other.exposed.upper);
    }
    for other in &after.unclaimed_balancers {
        let one = before.unclaimed_balancers.iter().find(|one| one.load_balancer_id == other.load_balancer_id);
        let was = one.is_some_and(|one| one.looks_like_control_plane.lower);
        prop_assert!(was || !other.looks_like_control_plane.lower, "{} is claimed", other.load_balancer_id);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_unread_never_looks_better(
        bytes in proptest::collection::vec(any::<u8>(), 0..160),
        removals in proptest::collection::vec(any::<[u8; 2]>(), 1..4),
    ) {
        let mut cloud = cloud(&bytes);
        let mut before = cloud.judge();
        for removal in removals {
            remove(&mut cloud, &mut Dice(removal.iter()));
            let after = cloud.judge();
            check(&before, &after)?;
            before = after;
        }
    }

    #[test]
    fn the_order_of_reading_does_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..160)) {
        let cloud = cloud(&bytes);
        let mut shuffled = cloud.clone();
        let builder = &mut shuffled.builder;
        builder.meshes.reverse();
        builder.clusters.reverse();
        builder.eips.rotate_left(1);
        builder.load_balancers.reverse();
        builder.acls.reverse();
        builder.security_groups.reverse();
        prop_assert_eq!(cloud.judge(), shuffled.judge());
    }
}
