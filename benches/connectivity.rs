//! Private paths: all pairs by classes against walks, one pair with its evidence, and longest
//! prefix match beside four crates, on the same data in the same run.
//!
//! One transit router with 16 tables, each with the routes of three VPCs in four; three vSwitches a
//! VPC; one VPC in twenty has a peering of its own, and so is a class of its own.
#![expect(clippy::print_stdout, reason = "a bench reports to its terminal")]

use std::{net::Ipv4Addr, sync::LazyLock};

use divan::{Bencher, black_box, counter::ItemsCount};
use ip_network::Ipv4Network;
use ip_network_table::IpNetworkTable;
use ipnet::{IpNet, Ipv4Net};
use poptrie::Poptrie;
use portcullis::{
    analysis::{
        access::Lists,
        connectivity::{AllPairs, DataPlaneEnd, Lpm, MeshEnd, Topology, Verdict},
    },
    model::{
        Network, NextHop, Reading, RouteEntry, RouteTable, Text, TransitRouter, TransitRouterAssociation,
        TransitRouterAttachment, TransitRouterRouteEntry, TransitRouterRouteTable, VSwitch, Vpc, VpcPeer,
    },
    netset::{Block, Interval},
};
use prefix_trie::PrefixMap;
use treebitmap::IpLookupTable;

const TABLES: usize = 16;
const SWITCHES: usize = 3;
const PORT: u16 = 15012;

fn main() {
    verify();
    longest_prefix::verify();
    divan::main();
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }
}

/// The block of a vSwitch, counted through.
fn block(number: usize) -> Text {
    let address = Ipv4Addr::from(0x0a00_0000 + 256 * number as u32);
    format!("{address}/24").into()
}

fn route(block: Text, kind: &str, id: String) -> RouteEntry {
    let hop = NextHop { next_hop_type: kind.into(), next_hop_id: id.into(), enabled: true, ..NextHop::default() };
    RouteEntry {
        destination_cidr_block: block,
        r#type: "Custom".into(),
        status: "Available".into(),
        next_hops: vec![hop],
    }
}

fn network(vpcs: usize) -> Network {
    let mut network = Network::default();
    network.transit_routers.push(TransitRouter {
        transit_router_id: "tr-1".into(),
        status: "Active".into(),
        ..TransitRouter::default()
    });
    for table in 0..TABLES {
        network.transit_router_route_tables.push(TransitRouterRouteTable {
            transit_router_route_table_id: format!("t-{table}").into(),
            transit_router_id: "tr-1".into(),
            ..TransitRouterRouteTable::default()
        });
    }
    for number in 0..vpcs {
        vpc(&mut network, number, vpcs);
    }
    network.sort();
    network
}

fn vpc(network: &mut Network, number: usize, vpcs: usize) {
    let (id, table, attachment) = (format!("vpc-{number}"), format!("vtb-{number}"), format!("att-{number}"));
    network.vpcs.push(Vpc { vpc_id: id.as_str().into(), cidr_block: block(SWITCHES * number), ..Vpc::default() });
    for switch in 0..SWITCHES {
        network.v_switches.push(VSwitch {
            v_switch_id: format!("vsw-{number}-{switch}").into(),
            vpc_id: id.as_str().into(),
            cidr_block: block(SWITCHES * number + switch),
            route_table_id: table.as_str().into(),
            network_acl_id: Reading::Absent,
            ..VSwitch::default()
        });
        for tr_table in (0..TABLES).filter(|tr_table| !(number + tr_table).is_multiple_of(4)) {
            network.transit_router_route_entries.push(TransitRouterRouteEntry {
                transit_router_route_table_id: format!("t-{tr_table}").into(),
                destination_cidr_block: block(SWITCHES * number + switch),
                next_hop_type: "Attachment".into(),
                next_hop_id: attachment.as_str().into(),
                status: "Active".into(),
                r#type: "Propagated".into(),
                ..TransitRouterRouteEntry::default()
            });
        }
    }
    let mut entries = vec![route("10.0.0.0/8".into(), "Attachment", attachment.clone())];
    let peered = number - number % 20;
    if number < peered + 2 && peered + 1 < vpcs && (peered / 20).is_multiple_of(2) {
        let far = if number == peered { peered + 1 } else { peered };
        entries.push(route(block(SWITCHES * far), "VpcPeer", format!("pcc-{peered}")));
        if number == peered {
            network.vpc_peers.push(VpcPeer {
                instance_id: format!("pcc-{peered}").into(),
                vpc_id: id.as_str().into(),
                accepting_vpc_id: format!("vpc-{far}").into(),
                status: "Activated".into(),
                ..VpcPeer::default()
            });
        }
    }
    network.route_tables.push(RouteTable {
        route_table_id: table.into(),
        vpc_id: id.as_str().into(),
        route_table_type: "System".into(),
        route_entrys: entries,
        ..RouteTable::default()
    });
    network.transit_router_attachments.push(TransitRouterAttachment {
        transit_router_attachment_id: attachment.as_str().into(),
        transit_router_id: "tr-1".into(),
        resource_type: "VPC".into(),
        vpc_id: id.as_str().into(),
        status: "Attached".into(),
        ..TransitRouterAttachment::default()
    });
    network.transit_router_route_table_associations.push(TransitRouterAssociation {
        transit_router_attachment_id: attachment.as_str().into(),
        transit_router_route_table_id: format!("t-{}", number % TABLES).into(),
        status: "Active".into(),
        ..TransitRouterAssociation::default()
    });
}

fn ends(source: (usize, usize), target: (usize, usize)) -> (MeshEnd, DataPlaneEnd) {
    let id = |(vpc, switch): (usize, usize)| format!("vsw-{vpc}-{switch}").into();
    (
        MeshEnd { v_switch_id: id(target), port: PORT, ..MeshEnd::default() },
        DataPlaneEnd { v_switch_id: id(source), ..DataPlaneEnd::default() },
    )
}

/// Random pairs of ends.
fn pairs(vpcs: usize, count: usize) -> Vec<(MeshEnd, DataPlaneEnd)> {
    let mut random = Random(3);
    let mut end = || (random.next() as usize % vpcs, random.next() as usize % SWITCHES);
    (0..count).map(|_| ends(end(), end())).collect()
}

/// Classes and walks say the same, for every pair of a small network and for some of a large one.
fn verify() {
    let small = network(60);
    let topology = Topology::new(&small, &[], Lists::default());
    let all = AllPairs::new(&topology, PORT);
    let mut connected = 0;
    for source in (0..60).flat_map(|vpc| (0..SWITCHES).map(move |switch| (vpc, switch))) {
        for target in (0..60).flat_map(|vpc| (0..SWITCHES).map(move |switch| (vpc, switch))) {
            let (mesh, cluster) = ends(source, target);
            let walked = topology.verdict(&mesh, &cluster);
            connected += u64::from(walked == Verdict::Connected);
            assert_eq!(all.verdict(cluster.v_switch_id.as_str(), mesh.v_switch_id.as_str()), Some(walked));
        }
    }
    assert_eq!(all.count().connected, connected);
    let topology = Topology::new(&LARGE, &[], Lists::default());
    let all = AllPairs::new(&topology, PORT);
    for (mesh, cluster) in &pairs(5_000, 20_000) {
        let walked = topology.verdict(mesh, cluster);
        assert_eq!(all.verdict(cluster.v_switch_id.as_str(), mesh.v_switch_id.as_str()), Some(walked));
    }
    println!("5,000 VPCs: {} classes, {:?}", all.classes(), all.count());
}

static LARGE: LazyLock<Network> = LazyLock::new(|| network(5_000));

#[divan::bench_group(sample_size = 1, sample_count = 5)]
mod all_pairs {
    use super::*;

    /// One thread; the counter counts ordered pairs of vSwitches.
    #[divan::bench(args = [1_000, 5_000, 20_000])]
    fn a_classes(bencher: Bencher, vpcs: usize) {
        let network = network(vpcs);
        let topology = Topology::new(&network, &[], Lists::default());
        bencher
            .counter(ItemsCount::new((SWITCHES * vpcs).pow(2)))
            .bench_local(|| AllPairs::new(&topology, PORT).count());
    }

    /// The counter counts pairs; multiply by all pairs.
    #[divan::bench(args = [1_000, 5_000, 20_000])]
    fn b_walks(bencher: Bencher, vpcs: usize) {
        let network = network(vpcs);
        let topology = Topology::new(&network, &[], Lists::default());
        let pairs = pairs(vpcs, 100_000);
        bencher.counter(ItemsCount::new(pairs.len())).bench_local(|| {
            pairs.iter().filter(|(mesh, cluster)| topology.verdict(mesh, cluster) == Verdict::Connected).count()
        });
    }

    #[divan::bench(args = [1_000, 5_000, 20_000])]
    fn c_topology(bencher: Bencher, vpcs: usize) {
        let network = network(vpcs);
        bencher.bench_local(|| black_box(Topology::new(&network, &[], Lists::default())));
    }
}

/// Each pair is another one, so that nothing of it is in a cache of ours; among 5,000 VPCs.
#[divan::bench_group(sample_count = 5)]
mod one_pair {
    use super::*;

    #[divan::bench(args = [true, false])]
    fn with_evidence(bencher: Bencher, connected: bool) {
        let topology = Topology::new(&LARGE, &[], Lists::default());
        let all: Vec<_> = pairs(5_000, 20_000)
            .into_iter()
            .filter(|(mesh, cluster)| (topology.verdict(mesh, cluster) == Verdict::Connected) == connected)
            .take(2_000)
            .collect();
        bencher.counter(ItemsCount::new(all.len())).bench_local(|| {
            all.iter().map(|(mesh, cluster)| black_box(topology.pair(mesh, cluster)).reasons.len()).sum::<usize>()
        });
    }
}

#[divan::bench_group(sample_count = 5, sample_size = 1)]
mod longest_prefix {
    use super::*;

    const LOOKUPS: usize = 1_000_000;

    fn prefixes(count: usize) -> Vec<Ipv4Net> {
        let mut random = Random(5);
        let mut net =
            || Ipv4Net::new(Ipv4Addr::from(random.next()), (8 + random.next() % 21) as u8).expect("at most 28");
        (0..count).map(|_| net().trunc()).collect()
    }

    fn addresses() -> Vec<u32> {
        let mut random = Random(7);
        (0..LOOKUPS).map(|_| random.next()).collect()
    }

    fn table(prefixes: &[Ipv4Net]) -> Lpm<u32> {
        let interval = |net: Ipv4Net| match Block::from(IpNet::V4(net)) {
            Block::V4(block) => block,
            Block::V6(_) => Interval::FULL,
        };
        Lpm::new(prefixes.iter().map(|net| interval(*net)).zip(0..).collect())
    }

    /// What a structure finds of the addresses, summed: all must find the same.
    fn total(found: impl Iterator<Item = u32>) -> u32 {
        found.fold(0, u32::wrapping_add)
    }

    fn poptrie(prefixes: &[Ipv4Net]) -> Poptrie<(Ipv4Addr, u8), u32> {
        let mut trie = Poptrie::new();
        for (net, value) in prefixes.iter().zip(0..) {
            trie.insert((net.network(), net.prefix_len()), value);
        }
        trie
    }

    fn treebitmap(prefixes: &[Ipv4Net]) -> IpLookupTable<Ipv4Addr, u32> {
        let mut table = IpLookupTable::with_capacity(prefixes.len());
        for (net, value) in prefixes.iter().zip(0..) {
            table.insert(net.network(), net.prefix_len().into(), value);
        }
        table
    }

    fn ip_network_table(prefixes: &[Ipv4Net]) -> IpNetworkTable<u32> {
        let mut table = IpNetworkTable::with_capacity(prefixes.len(), 0);
        for (net, value) in prefixes.iter().zip(0..) {
            table.insert(Ipv4Network::new(net.network(), net.prefix_len()).expect("no bit of the host is set"), value);
        }
        table
    }

    /// Everybody finds the same before anybody is timed.
    pub(super) fn verify() {
        let mut prefixes = prefixes(100_000);
        // Of a prefix that comes twice the structures keep different ones.
        prefixes.sort_unstable();
        prefixes.dedup();
        let addresses: Vec<Ipv4Addr> = addresses().into_iter().map(Ipv4Addr::from).collect();
        let addresses = || addresses.iter().copied();
        let ours = table(&prefixes);
        let wanted = total(addresses().filter_map(|address| ours.get(address.into())));
        let (trie, tree, tables) = (poptrie(&prefixes), treebitmap(&prefixes), ip_network_table(&prefixes));
        let map: PrefixMap<Ipv4Net, u32> = prefixes.iter().copied().zip(0..).collect();
        assert_eq!(wanted, total(addresses().filter_map(|address| trie.lookup(address).copied())));
        assert_eq!(wanted, total(addresses().filter_map(|at| map.get_lpm(&at.into()).map(|(_, value)| *value))));
        assert_eq!(wanted, total(addresses().filter_map(|at| tree.longest_match(at).map(|(.., value)| *value))));
        assert_eq!(wanted, total(addresses().filter_map(|at| tables.longest_match_ipv4(at).map(|(_, value)| *value))));
    }

    #[divan::bench(args = [200, 1_000, 100_000])]
    fn a_boundaries(bencher: Bencher, count: usize) {
        let (table, addresses) = (table(&prefixes(count)), addresses());
        let find = || total(addresses.iter().filter_map(|address| table.get(*address)));
        bencher.counter(ItemsCount::new(LOOKUPS)).bench_local(find);
    }

    #[divan::bench(args = [200, 1_000, 100_000])]
    fn b_poptrie(bencher: Bencher, count: usize) {
        let trie = poptrie(&prefixes(count));
        let addresses: Vec<Ipv4Addr> = addresses().into_iter().map(Ipv4Addr::from).collect();
        let find = || total(addresses.iter().filter_map(|address| trie.lookup(*address).copied()));
        bencher.counter(ItemsCount::new(LOOKUPS)).bench_local(find);
    }

    #[divan::bench(args = [200, 1_000, 100_000])]
    fn c_prefix_trie(bencher: Bencher, count: usize) {
        let map: PrefixMap<Ipv4Net, u32> = prefixes(count).into_iter().zip(0..).collect();
        let addresses: Vec<Ipv4Net> =
            addresses().into_iter().map(|address| Ipv4Net::from(Ipv4Addr::from(address))).collect();
        let find = || total(addresses.iter().filter_map(|address| map.get_lpm(address).map(|(_, value)| *value)));
        bencher.counter(ItemsCount::new(LOOKUPS)).bench_local(find);
    }

    #[divan::bench(args = [200, 1_000, 100_000])]
    fn d_treebitmap(bencher: Bencher, count: usize) {
        let table = treebitmap(&prefixes(count));
        let addresses: Vec<Ipv4Addr> = addresses().into_iter().map(Ipv4Addr::from).collect();
        let find = || total(addresses.iter().filter_map(|at| table.longest_match(*at).map(|(.., value)| *value)));
        bencher.counter(ItemsCount::new(LOOKUPS)).bench_local(find);
    }

    #[divan::bench(args = [200, 1_000, 100_000])]
    fn e_ip_network_table(bencher: Bencher, count: usize) {
        let table = ip_network_table(&prefixes(count));
        let addresses: Vec<Ipv4Addr> = addresses().into_iter().map(Ipv4Addr::from).collect();
        let find = || total(addresses.iter().filter_map(|at| table.longest_match_ipv4(*at).map(|(_, value)| *value)));
        bencher.counter(ItemsCount::new(LOOKUPS)).bench_local(find);
    }
}
