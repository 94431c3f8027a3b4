//! Whether exposed endpoints are still needed, over clouds whose networks are read step by step: what
//! is wanted is read, and nothing else.

use crate::{
    analysis::{judge, wanted},
    model::{
        Connectivity, DataPlaneCluster, EndpointKind, Entrance, ForbiddenCluster, Inventory, KubeconfigIssue, Listener,
        LogReading, MeshOpinion, NamedConsumer, NamedConsumers, Need, Network, NetworkRead, NlbAddress, Observer,
        Reading,
        Reading::{Absent, Unread, Value},
        Requests, Staleness, StalenessVerdict, TrailReading, Unit, Via, Wanted,
    },
};

use super::cloud::{Cloud, account_id, gap, guarded, listener, nlb_listener, public_entrance, scope, taken_at};

/// `vpc-m` with the mesh, `vpc-d` with the cluster, and nothing between them.
const APART: &str = r#"{
  "Vpcs": [{"VpcId": "vpc-m", "CidrBlock": "10.0.0.0/16", "AccountId": "A", "RegionId": "R"},
           {"VpcId": "vpc-d", "CidrBlock": "10.1.0.0/16", "AccountId": "A", "RegionId": "R"},
           {"VpcId": "vpc-other", "CidrBlock": "10.2.0.0/16", "AccountId": "A", "RegionId": "R"}],
  "VSwitches": [
    {"VSwitchId": "vsw-m", "VpcId": "vpc-m", "CidrBlock": "10.0.0.0/24", "RouteTableId": "vtb-m", "NetworkAclId": null, "AccountId": "A", "RegionId": "R"},
    {"VSwitchId": "vsw-d", "VpcId": "vpc-d", "CidrBlock": "10.1.1.0/24", "RouteTableId": "vtb-d", "NetworkAclId": null, "AccountId": "A", "RegionId": "R"},
    {"VSwitchId": "vsw-o", "VpcId": "vpc-other", "CidrBlock": "10.2.0.0/24", "RouteTableId": "vtb-o", "NetworkAclId": null, "AccountId": "A", "RegionId": "R"}],
  "RouteTables": [
    {"RouteTableId": "vtb-m", "VpcId": "vpc-m", "RouteTableType": "System", "RouteEntrys": [], "AccountId": "A", "RegionId": "R"},
    {"RouteTableId": "vtb-d", "VpcId": "vpc-d", "RouteTableType": "System", "RouteEntrys": [], "AccountId": "A", "RegionId": "R"}],
  "NatGateways": [{"NatGatewayId": "ngw-d", "VpcId": "vpc-d", "NetworkType": "internet", "Status": "Available"}],
  "SnatEntries": [{"SnatEntryId": "snat-1", "NatGatewayId": "ngw-d", "SnatIp": "198.51.100.8", "SourceVSwitchId": "vsw-d"}]}"#;

/// `vpc-d` with a default route to its NAT gateway.
fn apart_with_a_way_out() -> String {
    let (before, after) = APART.rsplit_once("\"RouteEntrys\": []").expect("the second table is empty");
    format!("{before}\"RouteEntrys\": [{}]{after}", default_route("NatGateway", "ngw-d"))
}

fn default_route(kind: &str, id: &str) -> String {
    format!(
        r#"{{"DestinationCidrBlock": "0.0.0.0/0", "Type": "Custom", "Status": "Available",
            "NextHops": [{{"NextHopType": "{kind}", "NextHopId": "{id}"}}]}}"#
    )
}

fn network(text: &str) -> Network {
    let text =
        text.replace("\"A\"", &format!("\"{}\"", account_id())).replace("\"R\"", &format!("\"{}\"", scope().region_id));
    serde_json::from_str(&text).expect("the text is a network")
}

/// The same with a peering and routes over it, both ways.
pub(super) fn peered() -> Network {
    let route = |block: &str| {
        format!(
            r#""RouteEntrys": [{{"DestinationCidrBlock": "{block}", "Type": "Custom", "Status": "Available",
               "NextHops": [{{"NextHopType": "VpcPeer", "NextHopId": "pcc-1"}}]}}]"#
        )
    };
    let (to_cluster, to_mesh) = (route("10.1.0.0/16"), route("10.0.0.0/16"));
    let text = APART.replacen("\"RouteEntrys\": []", &to_cluster, 1).replacen("\"RouteEntrys\": []", &to_mesh, 1);
    let mut network = network(&text);
    network.vpc_peers = self::network(
        r#"{"VpcPeers": [{"InstanceId": "pcc-1", "VpcId": "vpc-m", "AcceptingVpcId": "vpc-d", "Status": "Activated",
            "AccountId": "A", "RegionId": "R"}]}"#,
    )
    .vpc_peers;
    network
}

/// A mesh whose pilot an EIP exposes, with one cluster.
pub(super) fn cloud(vpc: &str, change: impl Fn(&mut DataPlaneCluster)) -> Cloud {
    let mut seen = DataPlaneCluster {
        cluster_id: "cluster-1".into(),
        name: "one".into(),
        cluster_type: "ManagedKubernetes".into(),
        region_id: scope().region_id,
        vpc_id: vpc.into(),
        state: "running".into(),
    };
    change(&mut seen);
    let mut cloud = Cloud::new()
        .mesh(|mesh| {
            mesh.vpc_id = "vpc-m".into();
            mesh.v_switches = vec!["vsw-m".into()];
            mesh.security_group_id = "".into();
            mesh.clusters = vec![seen.cluster_id.clone()];
            mesh.data_plane = Value(vec![seen.clone()]);
            mesh.pilot = public_entrance("lb-pilot", 15011, "eip-1", "203.0.113.7");
        })
        .cluster(|cluster| {
            cluster.vpc_id = vpc.into();
            cluster.security_group_id = Absent;
        })
        .eip("eip-1", "203.0.113.7", "lb-pilot")
        .clb("lb-pilot", vec![listener(15011)]);
    cloud.builder.callers = vec![crate::model::Caller { account_id: account_id(), arn: String::new() }];
    cloud.builder.scanned(MESH_DETAIL.unit());
    cloud.builder.scanned(CLUSTER_DETAIL.unit());
    cloud
}

/// A read of one resource in the test's region.
struct Detail(&'static str, &'static str, &'static str);

const MESH_DETAIL: Detail = Detail("servicemesh", "DescribeServiceMeshDetail", "mesh-1");
const CLUSTER_DETAIL: Detail = Detail("cs", "DescribeClusterDetail", "cluster-1");

impl Detail {
    fn unit(&self) -> Unit {
        Unit::new(&account_id(), &scope().region_id, self.0, self.1, self.2)
    }
}

/// What a read brings, of a whole network.
fn part(whole: &Network, read: &NetworkRead) -> Network {
    let mut part = Network::default();
    match read {
        NetworkRead::VSwitches(id) => {
            part.vpcs = whole.vpcs.iter().filter(|one| one.vpc_id == *id).cloned().collect();
            part.v_switches = whole.v_switches.iter().filter(|one| one.vpc_id == *id).cloned().collect();
        }
        NetworkRead::RouteEntries { route_table_id: id, .. } => {
            part.route_tables = whole.route_tables.iter().filter(|one| one.route_table_id == *id).cloned().collect();
        }
        NetworkRead::VpcPeer(id) => {
            part.vpc_peers = whole.vpc_peers.iter().filter(|one| one.instance_id == *id).cloned().collect();
        }
        NetworkRead::Endpoints(id) => {
            part.vpc_endpoints = whole.vpc_endpoints.iter().filter(|one| one.vpc_id == *id).cloned().collect();
        }
        NetworkRead::Nat(id) => {
            part.nat_gateways = whole.nat_gateways.iter().filter(|one| one.vpc_id == *id).cloned().collect();
            let ids: Vec<_> = part.nat_gateways.iter().map(|one| one.nat_gateway_id.clone()).collect();
            part.snat_entries =
                whole.snat_entries.iter().filter(|one| ids.contains(&one.nat_gateway_id)).cloned().collect();
        }
        NetworkRead::Instances(id) => {
            part.public_instances = whole.public_instances.iter().filter(|one| one.vpc_id == *id).cloned().collect();
        }
        NetworkRead::Opinion(_) => {}
        other => panic!("nothing of this kind is planted: {other:?}"),
    }
    part
}

/// Reads what is wanted until nothing is, except what is refused; with the objects asked for, in order.
pub(super) fn read(
    cloud: &Cloud,
    whole: &Network,
    named: &NamedConsumers,
    refused: &[&str],
) -> (Inventory, Vec<String>) {
    let mut inventory = cloud.inventory();
    let mut asked = Vec::new();
    for _ in 0..20 {
        let round: Vec<Wanted> = wanted(&inventory, named);
        if round.is_empty() {
            return (inventory, asked);
        }
        let mut builder = inventory.into_builder();
        for one in round {
            let unit: Unit = one.unit();
            asked.push(format!("{} {}", unit.operation, unit.resource_id));
            if refused.contains(&unit.resource_id.as_str()) {
                builder.gap(gap(unit));
            } else {
                builder.scanned(unit);
                builder.network.merge(part(whole, &one.read));
            }
        }
        inventory = builder.build();
    }
    panic!("reads are wanted without end: {asked:?}");
}

fn staleness(inventory: &Inventory, kind: EndpointKind, named: &NamedConsumers) -> Staleness {
    let judgements = judge(inventory, &Default::default(), named);
    let found = judgements.endpoints.into_iter().find(|one| one.endpoint.kind == kind);
    found.expect("the test planted such an endpoint").staleness
}

fn pilot(cloud: &Cloud, whole: &Network, refused: &[&str]) -> (Staleness, Vec<String>) {
    let none = NamedConsumers::new();
    let (inventory, asked) = read(cloud, whole, &none, refused);
    (staleness(&inventory, EndpointKind::IstioPilot, &none), asked)
}

/// A field that a reply does not have is no filter that is not there.
#[test]
fn a_filter_that_a_reply_does_not_name_may_stand_in_the_way() {
    let mut cloud = cloud("vpc-d", |_| {});
    let mut whole = peered();
    assert_eq!(pilot(&cloud, &whole, &[]).0.verdict, StalenessVerdict::Stale);
    for (number, end, name) in [(1, "source", "vsw-d"), (0, "target", "vsw-m")] {
        whole.v_switches[number].network_acl_id = Unread;
        let said = pilot(&cloud, &whole, &[]).0;
        assert_eq!(said.verdict, StalenessVerdict::Unknown);
        assert_eq!(said.consumers[0].path.reasons, [format!("{end}:NaclUnreadable@{name}")]);
        assert!(said.deciding.contains(&format!("read which network ACL {name} has")), "{:?}", said.deciding);
        whole.v_switches[number].network_acl_id = Absent;
    }
    cloud.builder.clusters[0].security_group_id = Unread;
    let said = pilot(&cloud, &whole, &[]).0;
    assert_eq!(said.verdict, StalenessVerdict::Unknown);
    assert_eq!(said.consumers[0].path.reasons, ["source:FiltersUnreadable@cluster-1"]);
}

#[test]
fn nothing_is_asked_of_the_network_where_nothing_is_exposed() {
    let private = Cloud::new().mesh(|mesh| mesh.vpc_id = "vpc-m".into()).cluster(|_| {});
    assert!(wanted(&private.inventory(), &NamedConsumers::new()).is_empty());
}

#[test]
fn a_cluster_in_the_same_vpc_needs_no_eip() {
    let (said, asked) = pilot(&cloud("vpc-m", |_| {}), &network(APART), &[]);
    assert_eq!((said.verdict, said.confidence_percent, said.after_migration), (StalenessVerdict::Stale, 85, false));
    let consumer = &said.consumers[0];
    assert_eq!((consumer.need, consumer.path.via), (Need::NotNeeded, Some(Via::SameVpc)));
    // Local routes need no table, but a longer route in it would go before. Logs know the cluster by its addresses.
    assert_eq!(
        asked,
        [
            "DescribeVSwitches vpc-m",
            "DescribeSnatTableEntries vpc-m",
            "DescribeInstances vpc-m",
            "DescribeRouteEntryList vtb-m"
        ]
    );
    assert!(said.proposed_allowlist.is_empty());
}

#[test]
fn without_a_path_the_eip_is_required_and_the_clusters_addresses_are_proposed() {
    let (said, asked) = pilot(&cloud("vpc-d", |_| {}), &network(&apart_with_a_way_out()), &[]);
    assert_eq!((said.verdict, said.confidence_percent), (StalenessVerdict::Required, 80));
    let consumer = &said.consumers[0];
    assert_eq!((consumer.need, consumer.path.connectivity), (Need::Needed, Connectivity::Blocked));
    assert_eq!(consumer.path.reasons, ["forward:LeavesToInternet@ngw-d", "return:NoRoute@vtb-m"]);
    assert_eq!(said.proposed_allowlist, ["198.51.100.8/32".parse().expect("a host")]);
    assert!(said.proposal_complete);
    // Only the two VPCs, never the third.
    assert!(asked.iter().all(|one| !one.contains("other") && !one.contains("vtb-o")), "{asked:?}");
    assert!(asked.contains(&"ListVpcEndpoints vpc-d".to_owned()), "{asked:?}");
    assert!(asked.contains(&"DescribeSnatTableEntries vpc-d".to_owned()), "{asked:?}");
}

#[test]
fn a_peering_with_both_routes_makes_the_eip_stale() {
    let (said, asked) = pilot(&cloud("vpc-d", |_| {}), &peered(), &[]);
    assert_eq!((said.verdict, said.confidence_percent), (StalenessVerdict::Stale, 80));
    assert_eq!(said.consumers[0].path.via, Some(Via::Route));
    assert!(!said.consumers[0].path.forward.is_empty() && !said.consumers[0].path.r#return.is_empty());
    assert!(asked.contains(&"ListVpcPeerConnections pcc-1".to_owned()), "{asked:?}");
    assert!(asked.contains(&"DescribeCens mesh-1".to_owned()), "{asked:?}");
    let mut once = asked.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), asked.len(), "something was asked twice: {asked:?}");
}

/// What the mesh itself says is quoted where it contradicts a path, costs a tenth, and is not obeyed (analysis.md 2.1,
/// 3.3). Flags: 2 for no private connection, 3 for a conflict of blocks (alibaba-api.md 1.4).
#[test]
fn the_platform_s_own_opinion_is_quoted_where_it_contradicts_a_path() {
    let said = |whole: &Network, named: &[&str], flags: &[(&str, i64)]| {
        let mut cloud = cloud("vpc-d", |_| {});
        cloud.builder.opinions.push(MeshOpinion {
            scope: scope(),
            service_mesh_id: "mesh-1".into(),
            not_joined_by_cen: named.iter().map(|id| (*id).into()).collect(),
            forbidden: flags
                .iter()
                .map(|(id, flag)| ForbiddenCluster { cluster_id: (*id).into(), forbidden_flag: *flag })
                .collect(),
        });
        pilot(&cloud, whole, &[]).0
    };
    for (named, flags, quotes) in [
        (&["cluster-1"][..], &[][..], &["DescribeCens lists cluster-1"][..]),
        (&[], &[("cluster-1", 2)], &["ForbiddenFlag 2 says that cluster-1"]),
        (&[], &[("cluster-1", 3)], &["ForbiddenFlag 3 says that blocks of cluster-1"]),
        (
            &["cluster-1"],
            &[("cluster-1", 2), ("cluster-1", 3)],
            &["DescribeCens", "ForbiddenFlag 2", "ForbiddenFlag 3"],
        ),
        // Of others, and what is not about the network: 0 may join, 1 no administrator, 4 a namespace.
        (&["cluster-9"], &[("cluster-9", 2), ("cluster-1", 0), ("cluster-1", 1), ("cluster-1", 4)], &[]),
    ] {
        let routed = said(&peered(), named, flags);
        let begins: Vec<bool> =
            routed.platform_disagrees.iter().zip(quotes).map(|(said, begin)| said.starts_with(begin)).collect();
        assert_eq!(begins, vec![true; quotes.len()], "{:?}", routed.platform_disagrees);
        assert_eq!(routed.platform_disagrees.len(), quotes.len(), "{:?}", routed.platform_disagrees);
        let confidence = if quotes.is_empty() { 80 } else { 70 };
        assert_eq!((routed.verdict, routed.confidence_percent), (StalenessVerdict::Stale, confidence));
        // Without a path the platform agrees, whatever it says.
        let apart = said(&network(APART), named, flags);
        assert_eq!(apart.platform_disagrees, [""; 0]);
        assert_eq!((apart.verdict, apart.confidence_percent), (StalenessVerdict::Required, 80));
    }
}

/// Whichever single read is refused: never stale where it was required, never required where it was stale.
#[test]
fn a_refused_read_makes_unknown_what_it_hides() {
    for (whole, open) in [(network(APART), StalenessVerdict::Required), (peered(), StalenessVerdict::Stale)] {
        let cloud = cloud("vpc-d", |_| {});
        let (_, asked) = pilot(&cloud, &whole, &[]);
        for one in &asked {
            let object = one.split(' ').nth(1).unwrap_or_default();
            let (said, _) = pilot(&cloud, &whole, &[object]);
            assert!(
                said.verdict == open || said.verdict == StalenessVerdict::Unknown,
                "{object} refused: {:?} instead of {open:?}",
                said.verdict
            );
            if said.verdict == StalenessVerdict::Unknown {
                assert!(!said.deciding.is_empty(), "{object} refused, and nothing is said to decide");
            }
        }
    }
}

#[test]
fn a_cluster_that_its_api_does_not_know_is_gone_only_if_that_api_was_read() {
    let without = |cloud: Cloud| {
        let mut cloud = cloud;
        cloud.builder.clusters.clear();
        cloud
    };
    let (said, _) = pilot(&without(cloud("vpc-m", |_| {})), &network(APART), &[]);
    assert_eq!((said.verdict, said.confidence_percent), (StalenessVerdict::Orphaned, 85));
    let (said, _) = pilot(&without(cloud("vpc-d", |_| {}).deny("DescribeClustersV1")), &network(APART), &[]);
    assert_eq!(said.consumers[0].need, Need::Needed, "its VPC has no path, whatever its own API would say");
    // Imported by its kubeconfig: no list of clusters has it.
    let (said, _) = pilot(&without(cloud("vpc-m", |seen| seen.cluster_type = "Other".into())), &network(APART), &[]);
    assert_eq!(said.verdict, StalenessVerdict::Unknown);
    assert_eq!(said.consumers[0].need, Need::Undetermined);
}

#[test]
fn no_cluster_at_all_is_orphaned_only_if_the_list_was_read() {
    let empty = |data_plane| {
        let mut cloud = cloud("vpc-m", |_| {});
        let mesh = &mut cloud.builder.meshes[0];
        mesh.clusters.clear();
        mesh.data_plane = data_plane;
        pilot(&cloud, &network(APART), &[]).0
    };
    assert_eq!(empty(Value(Vec::new())).verdict, StalenessVerdict::Orphaned);
    let unread = empty(Unread);
    assert_eq!(unread.verdict, StalenessVerdict::Unknown);
    assert!(!unread.deciding.is_empty());
}

/// While a mesh is being changed, clusters and canary revisions are about to come (alibaba-api.md 16d).
#[test]
fn nothing_is_orphaned_while_its_mesh_is_being_changed() {
    let none = NamedConsumers::new();
    let canary = || {
        cloud("vpc-d", |_| {}).eip("eip-2", "203.0.113.8", "lb-canary").clb("lb-canary", vec![listener(15011)]).mesh(
            |mesh| {
                mesh.service_mesh_id = "mesh-2".into();
                mesh.data_plane = Value(Vec::new());
                mesh.canary_pilot = Value(Entrance {
                    public_endpoint: Absent,
                    intranet_endpoint: Absent,
                    ..public_entrance("lb-canary", 15011, "eip-2", "203.0.113.8")
                });
            },
        )
    };
    let empty = || {
        let mut cloud = cloud("vpc-d", |_| {});
        cloud.builder.meshes[0].clusters.clear();
        cloud.builder.meshes[0].data_plane = Value(Vec::new());
        cloud
    };
    let gone = || {
        let mut cloud = cloud("vpc-d", |_| {});
        cloud.builder.eips.clear();
        cloud
    };
    for (what, cloud, kind) in [
        ("no cluster", empty(), EndpointKind::IstioPilot),
        ("no canary revision", canary(), EndpointKind::IstioPilotCanary),
        ("no EIP", gone(), EndpointKind::IstioPilot),
    ] {
        for (state, verdict) in [
            ("running", StalenessVerdict::Orphaned),
            ("Running", StalenessVerdict::Orphaned),
            ("updating", StalenessVerdict::Unknown),
            ("", StalenessVerdict::Unknown),
        ] {
            let mut cloud = cloud.clone();
            cloud.builder.meshes.iter_mut().for_each(|mesh| mesh.state = state.into());
            let said = staleness(&cloud.inventory(), kind, &none);
            assert_eq!(said.verdict, verdict, "{what}, {state}");
            assert!(verdict == StalenessVerdict::Orphaned || !said.deciding.is_empty(), "{what}, {state}");
        }
    }
    let mut starting = cloud("vpc-m", |seen| seen.state = "starting".into());
    starting.builder.clusters.clear();
    let (said, _) = pilot(&starting, &network(APART), &[]);
    assert_eq!((said.verdict, said.consumers[0].need), (StalenessVerdict::Unknown, Need::Undetermined));
}

#[test]
fn an_api_server_without_evidence_is_unknown_and_with_a_consumer_without_path_required() {
    let cloud = Cloud::new()
        .cluster(|cluster| {
            cluster.vpc_id = "vpc-m".into();
            cluster.v_switches = vec!["vsw-m".into()];
            cluster.api_server = public_entrance("lb-cluster", 6443, "", "203.0.113.8");
        })
        .eip("eip-2", "203.0.113.8", "lb-cluster")
        .clb("lb-cluster", vec![listener(6443)]);
    let mut cloud = cloud;
    cloud.builder.callers = vec![crate::model::Caller { account_id: account_id(), arn: String::new() }];
    let none = NamedConsumers::new();
    let (inventory, asked) = read(&cloud, &network(APART), &none, &[]);
    let said = staleness(&inventory, EndpointKind::ClusterApiServer, &none);
    assert_eq!(said.verdict, StalenessVerdict::Unknown);
    assert!(said.deciding.iter().any(|one| one.contains("audit log")), "{:?}", said.deciding);
    assert!(asked.is_empty(), "nobody uses it, so no path is looked for: {asked:?}");

    let ci = NamedConsumer { name: "ci".into(), vpc_id: "vpc-d".into(), v_switch_id: None };
    let named: NamedConsumers = [("cluster-1".to_owned(), vec![ci])].into();
    let mut elsewhere = cloud.clone();
    // Something has to say where the consumer's VPC is.
    elsewhere.builder.network.vpcs = network(APART).vpcs;
    let (inventory, _) = read(&elsewhere, &network(APART), &named, &[]);
    let said = staleness(&inventory, EndpointKind::ClusterApiServer, &named);
    assert_eq!((said.verdict, said.confidence_percent), (StalenessVerdict::Required, 80));
    let (inventory, _) = read(&elsewhere, &peered(), &named, &[]);
    let said = staleness(&inventory, EndpointKind::ClusterApiServer, &named);
    assert_eq!(said.verdict, StalenessVerdict::Unknown, "a path is no evidence that nobody else uses it");
}

/// product.md 4: clusters that use the public API server of their mesh need it, and no read tells whether they do.
#[test]
fn the_api_server_of_a_mesh_whose_clusters_may_use_it_is_not_stale() {
    let exposed = |aggregation: Reading<bool>, listener: Listener| {
        let mut cloud = cloud("vpc-m", |_| {}).clb("lb-mesh-api", vec![listener]).acl("acl-1", &["10.0.0.0/8"]);
        let mesh = &mut cloud.builder.meshes[0];
        mesh.api_server = public_entrance("lb-mesh-api", 6443, "eip-2", "203.0.113.8");
        mesh.cr_aggregation = aggregation;
        cloud.eip("eip-2", "203.0.113.8", "lb-mesh-api")
    };
    let said = |cloud: &Cloud, logged: bool| {
        let mut cloud = cloud.clone();
        // Row 4: the whole window, and nobody came.
        cloud.builder.logs.extend(logged.then(|| LogReading {
            scope: scope(),
            observer: Observer::Mesh,
            observed: "mesh-1".to_owned(),
            from: taken_at() - chrono::TimeDelta::days(30),
            to: taken_at(),
            complete: true,
            note: String::new(),
            flows: Vec::new(),
            requests: Vec::new(),
        }));
        staleness(&cloud.inventory(), EndpointKind::MeshApiServer, &NamedConsumers::new())
    };
    let asks = |said: &Staleness, what: &str| said.deciding.iter().any(|one| one.contains(what));
    for off in [Absent, Value(false)] {
        let stale = said(&exposed(off.clone(), listener(6443)), true);
        assert_eq!((stale.verdict, stale.confidence_percent), (StalenessVerdict::Stale, 95), "{off:?}");
    }

    let on = exposed(Value(true), listener(6443));
    let unknown = said(&on, true);
    assert_eq!((unknown.verdict, unknown.confidence_percent), (StalenessVerdict::Unknown, 40));
    assert!(unknown.reason.contains("CRAggregationConfiguration"), "{}", unknown.reason);
    assert_eq!(unknown.deciding, ["ask whoever runs it whether UsePublicApiServer was set for mesh-1"]);
    let unlogged = said(&on, false);
    assert_eq!(unlogged.verdict, StalenessVerdict::Unknown);
    assert!(asks(&unlogged, "audit log") && asks(&unlogged, "UsePublicApiServer"), "{:?}", unlogged.deciding);

    let unread = said(&exposed(Unread, listener(6443)), true);
    assert_eq!(unread.verdict, StalenessVerdict::Unknown);
    assert_eq!(unread.deciding, ["read CRAggregationConfiguration in the detail of mesh-1"]);

    let mut alone = on;
    alone.builder.meshes[0].clusters.clear();
    alone.builder.meshes[0].data_plane = Value(Vec::new());
    assert_eq!(said(&alone, true).verdict, StalenessVerdict::Stale, "it has no clusters");

    // Row 1: a client came. A list of its address alone would cut off the clusters that may come as well.
    let listed = |aggregation: Reading<bool>| {
        let mut cloud = exposed(aggregation, listener(6443));
        cloud.builder.logs.push(LogReading {
            scope: scope(),
            observer: Observer::Mesh,
            observed: "mesh-1".to_owned(),
            from: taken_at() - chrono::TimeDelta::days(30),
            to: taken_at(),
            complete: true,
            note: String::new(),
            flows: Vec::new(),
            requests: vec![Requests {
                source: "198.51.100.20".parse().expect("an address"),
                user: "alice".to_owned(),
                authenticated: true,
                first_seen: taken_at() - chrono::TimeDelta::days(9),
                last_seen: taken_at() - chrono::TimeDelta::days(1),
                count: 7,
            }],
        });
        let said = said(&cloud, false);
        assert_eq!(said.verdict, StalenessVerdict::Required);
        said.proposal_complete
    };
    assert!(listed(Absent) && listed(Value(false)));
    assert!(!listed(Value(true)) && !listed(Unread));

    // Row 13: whatever the clusters are told, the list keeps them out.
    let fenced = said(&exposed(Value(true), guarded(6443, "white", &["acl-1"])), false);
    assert_eq!((fenced.verdict, fenced.confidence_percent), (StalenessVerdict::Stale, 95));
}

/// analysis.md 3.4 row 10: no log and no metric, no public kubeconfig for 180 days, and no list that names a public
/// source. The vendor keeps 90 days, so that only older readings in a snapshot reach so far.
#[test]
fn an_api_server_for_which_nobody_asked_in_half_a_year_leans_to_stale() {
    let judged = |days: i64, complete: bool, issued: bool, listener: Listener| {
        let mut cloud = Cloud::new()
            .cluster(|cluster| {
                cluster.vpc_id = "vpc-m".into();
                cluster.api_server = public_entrance("lb-cluster", 6443, "", "203.0.113.8");
            })
            .eip("eip-2", "203.0.113.8", "lb-cluster")
            .clb("lb-cluster", vec![listener])
            .acl("acl-1", &["198.51.100.0/24"]);
        let at = taken_at() - chrono::TimeDelta::days(100);
        cloud.builder.trails.push(TrailReading {
            scope: scope(),
            from: taken_at() - chrono::TimeDelta::days(days),
            to: taken_at(),
            complete,
            bindings: Vec::new(),
            kubeconfigs: issued.then(|| KubeconfigIssue { resource_id: "cluster-1".into(), at }).into_iter().collect(),
        });
        let said = staleness(&cloud.inventory(), EndpointKind::ClusterApiServer, &NamedConsumers::new());
        (said.verdict, said.confidence_percent)
    };
    let unknown = StalenessVerdict::Unknown;
    assert_eq!(judged(180, true, false, listener(6443)), (unknown, 50));
    assert_eq!(judged(179, true, false, listener(6443)), (unknown, 0));
    assert_eq!(judged(180, false, false, listener(6443)), (unknown, 0));
    assert_eq!(judged(180, true, true, listener(6443)), (unknown, 0), "one was handed out a hundred days ago");
    assert_eq!(judged(180, true, false, guarded(6443, "white", &["acl-1"])), (unknown, 0), "an office is let in");
}

/// The list stands in front of the private address as well: who it leaves out has no private path.
#[test]
fn a_white_list_without_the_private_ranges_blocks_the_private_path() {
    let behind = |entries: &[&str]| {
        let mut cloud = cloud("vpc-m", |_| {}).acl("acl-1", entries);
        cloud.builder.load_balancers[0].listeners = Value(vec![guarded(15011, "white", &["acl-1"])]);
        pilot(&cloud, &network(APART), &[]).0
    };
    assert_eq!(behind(&["203.0.113.0/24", "10.0.0.0/8"]).verdict, StalenessVerdict::Stale);
    let kept_out = behind(&["203.0.113.0/24"]);
    assert_eq!(kept_out.verdict, StalenessVerdict::Unknown);
    let consumer = &kept_out.consumers[0];
    assert_eq!((consumer.need, consumer.path.connectivity), (Need::Undetermined, Connectivity::Blocked));
    assert_eq!(consumer.path.reasons, ["target:ListenerAclDeny@lb-pilot/15011"]);
    assert_eq!(consumer.path.steps, ["admit 10.0.0.0/24 in the access control of lb-pilot/15011"]);
    let half = behind(&["10.0.0.0/25"]);
    assert_eq!((half.verdict, half.consumers[0].path.connectivity), (StalenessVerdict::Unknown, Connectivity::Partial));
    // A list that could not be read may leave anybody out.
    let mut unread = cloud("vpc-m", |_| {});
    unread.builder.load_balancers[0].listeners = Value(vec![guarded(15011, "white", &["acl-1"])]);
    let said = pilot(&unread, &network(APART), &[]).0;
    assert_eq!((said.verdict, said.consumers[0].path.connectivity), (StalenessVerdict::Unknown, Connectivity::Unknown));
}

/// What is not known of an end may have filters that nobody knows: no path is then told to be free.
#[test]
fn an_end_of_which_not_all_was_read_has_no_private_path_for_sure() {
    for detail in [MESH_DETAIL, CLUSTER_DETAIL] {
        let mut cloud = cloud("vpc-d", |_| {});
        cloud.builder.gap(gap(detail.unit()));
        let said = pilot(&cloud, &peered(), &[]).0;
        assert_eq!(said.verdict, StalenessVerdict::Unknown, "{}", detail.1);
        assert_eq!(said.consumers[0].path.connectivity, Connectivity::Unknown, "{}", detail.1);
    }
    // The list of clusters refused: the mesh names the cluster, and nothing says which group it is in.
    let mut unlisted = cloud("vpc-d", |_| {}).deny("DescribeClustersV1");
    unlisted.builder.clusters.clear();
    assert_eq!(pilot(&unlisted, &peered(), &[]).0.verdict, StalenessVerdict::Unknown);
    // A block of pods that cannot be understood may be anywhere.
    let mut odd = cloud("vpc-d", |_| {});
    odd.builder.clusters[0].container_cidr = Value("10.1.0.0/99".into());
    assert_eq!(pilot(&odd, &peered(), &[]).0.verdict, StalenessVerdict::Unknown);
}

#[test]
fn nodes_at_the_edge_are_outside_the_cloud() {
    let mut edge = cloud("vpc-m", |_| {});
    edge.builder.clusters[0].profile = "Edge".into();
    let said = pilot(&edge, &network(APART), &[]).0;
    assert_eq!((said.verdict, said.consumers[0].need), (StalenessVerdict::Unknown, Need::Undetermined));
}

/// The vSwitches of the cluster's own reply are those that it was made with: node pools may stand in any other of the VPC.
#[test]
fn a_node_pool_in_another_v_switch_needs_a_path_of_its_own() {
    let mut cloud = cloud("vpc-d", |_| {});
    cloud.builder.clusters[0].container_cidr = Value("10.1.1.0/24".into());
    cloud.builder.clusters[0].v_switches = vec!["vsw-d".into()];
    assert_eq!(pilot(&cloud, &peered(), &[]).0.verdict, StalenessVerdict::Stale);
    let mut whole = peered();
    whole.merge(network(
        r#"{"VSwitches": [{"VSwitchId": "vsw-d2", "VpcId": "vpc-d", "CidrBlock": "10.1.2.0/24", "RouteTableId": "vtb-d2", "NetworkAclId": null,
              "AccountId": "A", "RegionId": "R"}],
            "RouteTables": [{"RouteTableId": "vtb-d2", "VpcId": "vpc-d", "RouteTableType": "Custom", "RouteEntrys": [],
              "AccountId": "A", "RegionId": "R"}]}"#,
    ));
    let said = pilot(&cloud, &whole, &[]).0;
    assert_eq!((said.verdict, said.consumers[0].need), (StalenessVerdict::Unknown, Need::Undetermined));
    assert_eq!(said.consumers[0].path.reasons, ["forward:NoRoute@vtb-d2"]);
    // Without a way for its own vSwitch it needs the EIP, whatever others have.
    for table in &mut whole.route_tables {
        table.route_table_id = match table.route_table_id.as_str() {
            "vtb-d" => "vtb-d2".into(),
            "vtb-d2" => "vtb-d".into(),
            other => other.into(),
        };
    }
    assert_eq!(pilot(&cloud, &whole, &[]).0.verdict, StalenessVerdict::Required);
}

/// The same on its way to the internet: a proposal that leaves out a gateway of some nodes would cut these off.
#[test]
fn a_node_pool_in_another_v_switch_leaves_by_a_gateway_of_its_own() {
    let mut cloud = cloud("vpc-d", |_| {});
    cloud.builder.clusters[0].container_cidr = Value("10.1.1.0/24".into());
    cloud.builder.clusters[0].v_switches = vec!["vsw-d".into()];
    // Without a route of its own nobody knows by which of them it leaves: the proposal holds all, and is not complete.
    for (routes, complete) in [(default_route("NatGateway", "ngw-2"), true), (String::new(), false)] {
        let mut whole = network(&apart_with_a_way_out());
        whole.merge(network(&format!(
            r#"{{"VSwitches": [{{"VSwitchId": "vsw-d2", "VpcId": "vpc-d", "CidrBlock": "10.1.2.0/24", "RouteTableId": "vtb-d2", "NetworkAclId": null,
                   "AccountId": "A", "RegionId": "R"}}],
                 "RouteTables": [{{"RouteTableId": "vtb-d2", "VpcId": "vpc-d", "RouteTableType": "Custom", "RouteEntrys": [{routes}],
                   "AccountId": "A", "RegionId": "R"}}],
                 "NatGateways": [{{"NatGatewayId": "ngw-2", "VpcId": "vpc-d", "NetworkType": "internet", "Status": "Available"}}],
                 "SnatEntries": [{{"SnatEntryId": "snat-2", "NatGatewayId": "ngw-2", "SnatIp": "198.51.100.9", "SourceVSwitchId": "vsw-d2"}}]}}"#
        )));
        let said = pilot(&cloud, &whole, &[]).0;
        assert_eq!(said.verdict, StalenessVerdict::Required);
        assert_eq!(said.proposed_allowlist, ["198.51.100.8/31".parse().expect("a block")]);
        assert_eq!(said.proposal_complete, complete);
    }
}

/// Where a VPC is shared, clusters of other accounts stand in it, which are in no list of the owner's.
#[test]
fn a_cluster_in_a_shared_vpc_is_not_gone() {
    let mut cloud = cloud("vpc-m", |_| {});
    cloud.builder.clusters.clear();
    assert_eq!(pilot(&cloud, &network(APART), &[]).0.verdict, StalenessVerdict::Orphaned);
    let mut whole = network(APART);
    whole.vpcs.iter_mut().for_each(|vpc| vpc.shared = true);
    let said = pilot(&cloud, &whole, &[]).0;
    assert_eq!((said.verdict, said.consumers[0].need), (StalenessVerdict::Unknown, Need::Undetermined), "{said:?}");
}

/// The private entrance is where its balancer is: a path to the mesh's own VPC says nothing of another one.
#[test]
fn a_balancer_in_another_vpc_has_no_private_path_for_sure() {
    for (vpc_id, verdict) in [("vpc-m", StalenessVerdict::Stale), ("vpc-other", StalenessVerdict::Unknown)] {
        let mut cloud = cloud("vpc-m", |_| {});
        cloud.builder.load_balancers[0].vpc_id = vpc_id.into();
        let said = pilot(&cloud, &network(APART), &[]).0;
        assert_eq!(said.verdict, verdict, "{vpc_id}");
    }
}

/// What filters a private address was read only where the balancer that is judged has it.
#[test]
fn a_balancer_at_another_address_has_no_private_path_for_sure() {
    let with = |address: &str, kind: &str| {
        let mut cloud = cloud("vpc-d", |_| {});
        cloud.builder.load_balancers[0].address = address.into();
        cloud.builder.load_balancers[0].address_type = kind.into();
        pilot(&cloud, &peered(), &[]).0
    };
    assert_eq!(with("10.0.0.5", "intranet").verdict, StalenessVerdict::Stale);
    for (address, kind) in [("10.0.0.99", "intranet"), ("203.0.113.7", "internet"), ("", "intranet")] {
        let said = with(address, kind);
        assert_eq!(said.verdict, StalenessVerdict::Unknown, "{address}");
        assert_eq!(said.consumers[0].path.reasons, ["target:FiltersUnreadable@lb-pilot"], "{address}");
    }
}

/// Consumers may use any of the private addresses: there is a path only if there is one to each.
#[test]
fn every_private_address_has_to_be_reached() {
    let whole = || {
        let mut whole = peered();
        let mut apart = whole.v_switches[0].clone();
        apart.v_switch_id = "vsw-m2".into();
        apart.cidr_block = "10.9.0.0/24".into();
        whole.v_switches.push(apart);
        whole
    };
    let named = |endpoint: &str| {
        let mut cloud = cloud("vpc-d", |_| {});
        cloud.builder.meshes[0].pilot.intranet_endpoint = Value(endpoint.into());
        pilot(&cloud, &whole(), &[]).0
    };
    assert_eq!(named("10.0.0.5:15011").verdict, StalenessVerdict::Stale);
    assert_eq!(named("10.0.0.5:15011,10.9.0.5:15011").verdict, StalenessVerdict::Unknown);
    let zones = |second: &str| {
        let mut cloud = cloud("vpc-d", |_| {});
        cloud.builder.load_balancers.clear();
        cloud.builder.meshes[0].pilot.load_balancer_id = Value("nlb-1".into());
        cloud.builder.eips[0].instance_id = "nlb-1".into();
        let cloud = cloud.nlb_with("nlb-1", vec![nlb_listener(15011, 15011)], |balancer| {
            balancer.addresses = ["10.0.0.5", second]
                .into_iter()
                .map(|address| NlbAddress { private_ipv4_address: address.into(), ..NlbAddress::default() })
                .collect();
        });
        pilot(&cloud, &whole(), &[]).0
    };
    let both = zones("10.0.0.6");
    assert_eq!(both.consumers[0].path.connectivity, Connectivity::Connected, "{:?}", both.consumers[0].path.reasons);
    let half = zones("10.9.0.5");
    assert_eq!(half.consumers[0].path.connectivity, Connectivity::Partial, "{:?}", half.consumers[0].path.reasons);
    assert_ne!(half.verdict, StalenessVerdict::Stale);
}

/// A reply that does not say where the pods are does not say that they are in the vSwitches.
#[test]
fn a_cluster_whose_pods_nobody_names_has_no_private_path_for_sure() {
    for (block, verdict) in [(Absent, StalenessVerdict::Stale), (Unread, StalenessVerdict::Unknown)] {
        let mut cloud = cloud("vpc-d", |_| {});
        cloud.builder.clusters[0].container_cidr = block;
        assert_eq!(pilot(&cloud, &peered(), &[]).0.verdict, verdict);
    }
}

/// Each balancer has its own listeners: what one admits helps nobody at the other.
#[test]
fn a_second_balancer_admits_nobody_at_the_first() {
    let named: NamedConsumers = [(
        "cluster-1".to_owned(),
        vec![NamedConsumer { name: "ci".to_owned(), vpc_id: "vpc-d".to_owned(), v_switch_id: None }],
    )]
    .into();
    let reasons = |first: Listener| {
        let mut cloud = Cloud::new()
            .cluster(|cluster| {
                cluster.vpc_id = "vpc-m".into();
                cluster.api_server = public_entrance("lb-1", 6443, "eip-1", "203.0.113.7");
                cluster.other_load_balancers = vec!["lb-2".into()];
            })
            .eip("eip-1", "203.0.113.7", "lb-1")
            .eip("eip-2", "203.0.113.8", "lb-2")
            .acl("acl-1", &["192.0.2.0/24"])
            .clb("lb-1", vec![first])
            .clb("lb-2", vec![listener(6443)]);
        cloud.builder.callers = vec![crate::model::Caller { account_id: account_id(), arn: String::new() }];
        cloud.builder.scanned(CLUSTER_DETAIL.unit());
        let (inventory, _) = read(&cloud, &peered(), &named, &[]);
        let said = staleness(&inventory, EndpointKind::ClusterApiServer, &named);
        (said.consumers[0].path.connectivity, said.consumers[0].path.reasons.clone())
    };
    assert_eq!(reasons(listener(6443)).0, Connectivity::Connected);
    let (connectivity, reasons) = reasons(guarded(6443, "white", &["acl-1"]));
    assert_ne!(connectivity, Connectivity::Connected, "{reasons:?}");
}

/// The reply names no owner: a cluster in a VPC of nobody that was scanned may be somebody else's.
#[test]
fn a_cluster_in_a_vpc_of_somebody_else_is_not_gone() {
    let mut cloud = cloud("vpc-elsewhere", |_| {});
    cloud.builder.clusters.clear();
    let said = pilot(&cloud, &network(APART), &[]).0;
    assert_eq!(said.verdict, StalenessVerdict::Unknown, "{said:?}");
}

#[test]
fn every_port_of_the_data_plane_has_to_be_reached() {
    for port in [15010, 15012, 15017] {
        let mut cloud = cloud("vpc-m", |_| {}).acl("acl-1", &["203.0.113.0/24"]);
        cloud.builder.load_balancers[0].listeners = Value(vec![listener(15011), guarded(port, "white", &["acl-1"])]);
        let said = pilot(&cloud, &network(APART), &[]).0;
        assert_eq!(said.verdict, StalenessVerdict::Unknown, "{port}");
        assert_eq!(said.consumers[0].path.reasons, ["target:ListenerAclDeny@lb-pilot"], "{port}");
    }
}

#[test]
fn without_a_known_balancer_no_path_is_known() {
    let mut cloud = cloud("vpc-m", |_| {}).deny("DescribeEipAddresses");
    cloud.builder.eips.clear();
    cloud.builder.meshes[0].pilot.load_balancer_id = Unread;
    let said = pilot(&cloud, &network(APART), &[]).0;
    assert_eq!(said.verdict, StalenessVerdict::Unknown);
    assert!(said.consumers[0].path.reasons[0].starts_with("target:ListenerAclUnreadable@"), "{said:?}");
}

#[test]
fn nothing_is_orphaned_while_another_way_in_may_be_there() {
    use crate::model::EndpointKind::IstioPilot;
    let none = NamedConsumers::new();
    let verdict = |cloud: &Cloud| staleness(&cloud.inventory(), IstioPilot, &none).verdict;
    let gone = || {
        let mut cloud = cloud("vpc-d", |_| {});
        cloud.builder.eips.clear();
        cloud
    };
    assert_eq!(verdict(&gone()), StalenessVerdict::Orphaned);
    for list in ["DescribeEipAddresses", "DescribeLoadBalancers", "ListLoadBalancers"] {
        assert_ne!(verdict(&gone().deny(list)), StalenessVerdict::Orphaned, "{list} refused");
    }
    // The address that the mesh shows is another EIP's.
    assert_ne!(verdict(&gone().eip("eip-9", "203.0.113.7", "lb-other")), StalenessVerdict::Orphaned);
}

/// An allowlist is complete only where every list that could name another address was read.
#[test]
fn a_proposal_is_complete_only_if_nothing_can_be_missing() {
    let complete = |cloud: &Cloud, whole: &str| {
        let said = pilot(cloud, &network(whole), &[]).0;
        assert_eq!(said.verdict, StalenessVerdict::Required);
        said.proposal_complete
    };
    let apart = apart_with_a_way_out();
    assert!(complete(&cloud("vpc-d", |_| {}), &apart));
    assert!(!complete(&cloud("vpc-d", |_| {}).deny("DescribeEipAddresses"), &apart));
    let one_address = apart.replace("\"SourceVSwitchId\": \"vsw-d\"", "\"SourceCIDR\": \"10.1.1.9/32\"");
    assert!(!complete(&cloud("vpc-d", |_| {}), &one_address));
    let odd = apart.replace("198.51.100.8", "198.51.100.8,somewhere");
    assert!(!complete(&cloud("vpc-d", |_| {}), &odd));
    let behind_another = apart.replace("198.51.100.8", "10.1.1.77");
    assert!(!complete(&cloud("vpc-d", |_| {}), &behind_another), "a private address is translated once more");
    let with_node = |instance_type: &str, status: &str, vpc_id: &str| {
        let mut cloud = cloud("vpc-d", |_| {}).eip("eip-node", "198.51.100.9", "i-1");
        let node = cloud.builder.eips.iter_mut().find(|eip| eip.allocation_id.as_str() == "eip-node");
        let node = node.expect("it was planted");
        (node.instance_type, node.status, node.vpc_id) = (instance_type.into(), status.into(), vpc_id.into());
        cloud
    };
    for status in ["InUse", "Associating", ""] {
        assert!(!complete(&with_node("EcsInstance", status, ""), &apart), "{status}: of no VPC");
        assert!(complete(&with_node("EcsInstance", status, "vpc-d"), &apart), "{status}: it is in the list");
        assert!(!complete(&with_node("HaVip", status, "vpc-d"), &apart), "{status}: of something that leaves unseen");
    }
    assert!(complete(&with_node("EcsInstance", "Available", ""), &apart), "it is bound to nothing");
}

/// Which NAT gateway a vSwitch leaves by is in its route table, be it the system's or one of its own.
#[test]
fn a_proposal_holds_the_addresses_of_the_gateway_that_the_routes_lead_to() {
    let said = |whole: &str, refused: &[&str]| {
        let said = pilot(&cloud("vpc-d", |_| {}), &network(whole), refused).0;
        (said.proposed_allowlist.iter().map(ToString::to_string).collect::<Vec<_>>(), said.proposal_complete)
    };
    let one = |address: &str| vec![format!("{address}/32")];
    let both = ["198.51.100.8/32", "198.51.100.77/32"].map(str::to_owned).to_vec();
    assert_eq!(said(&apart_with_a_way_out(), &[]), (one("198.51.100.8"), true));
    assert_eq!(said(APART, &[]), (one("198.51.100.8"), false), "no route leads to it");
    assert_eq!(said(&apart_with_a_way_out(), &["vtb-d"]), (one("198.51.100.8"), false), "its table is not readable");

    // Two gateways with an entry for the vSwitch: the route decides.
    let second = r#""NatGateways": [{"NatGatewayId": "ngw-2", "VpcId": "vpc-d", "NetworkType": "internet", "Status": "Available"}, "#;
    let entry = r#""SnatEntries": [{"SnatEntryId": "snat-2", "NatGatewayId": "ngw-2", "SnatIp": "198.51.100.77", "SourceCIDR": "10.1.0.0/16"}, "#;
    let two = apart_with_a_way_out().replace("\"NatGateways\": [", second).replace("\"SnatEntries\": [", entry);
    assert_eq!(said(&two, &[]), (one("198.51.100.8"), true));
    let to_second = two.replace(&default_route("NatGateway", "ngw-d"), &default_route("NatGateway", "ngw-2"));
    assert_eq!(said(&to_second, &[]), (one("198.51.100.77"), true));
    // A longer route to the entrance goes before the default one.
    let longer = default_route("NatGateway", "ngw-2").replace("0.0.0.0/0", "203.0.113.0/24");
    let with_longer = |route: &str| {
        let default = default_route("NatGateway", "ngw-d");
        two.replace(&default, &format!("{default}, {route}"))
    };
    assert_eq!(said(&with_longer(&longer), &[]), (one("198.51.100.77"), true));
    let elsewhere = longer.replace("203.0.113.0/24", "8.8.8.0/24");
    assert_eq!(said(&with_longer(&elsewhere), &[]), (one("198.51.100.8"), true));
    // Through somebody else's hands: any of them, or none.
    for kind in ["Instance", "NetworkInterface", "Ipv4Gateway"] {
        let away = two.replace(&default_route("NatGateway", "ngw-d"), &default_route(kind, "x-1"));
        assert_eq!(said(&away, &[]), (both.clone(), false), "{kind}");
    }
    let unknown = two.replace(&default_route("NatGateway", "ngw-d"), &default_route("NatGateway", "ngw-gone"));
    assert_eq!(said(&unknown, &[]), (Vec::new(), false));

    // Another vSwitch of the VPC has a table of its own, without a way out.
    let custom = two
        .replace(r#""VSwitches": ["#, r#""VSwitches": [{"VSwitchId": "vsw-d2", "VpcId": "vpc-d", "CidrBlock": "10.1.2.0/24", "RouteTableId": "vtb-own", "NetworkAclId": null, "AccountId": "A", "RegionId": "R"}, "#)
        .replace(r#""RouteTables": ["#, r#""RouteTables": [{"RouteTableId": "vtb-own", "VpcId": "vpc-d", "RouteTableType": "Custom", "RouteEntrys": [], "AccountId": "A", "RegionId": "R"}, "#);
    let (addresses, complete) = said(&custom, &[]);
    assert!(!complete && addresses.contains(&"198.51.100.8/32".to_owned()), "{addresses:?}");
}

/// An address that an instance was given when it was made is no EIP, and in no list of these.
#[test]
fn a_proposal_holds_the_addresses_that_instances_were_given() {
    let instance = |vpc: &str, address: &str| {
        format!(
            r#""PublicInstances": [{{"InstanceId": "i-1", "VpcId": "{vpc}", "PublicIpAddresses": ["{address}"]}}], "Vpcs": ["#
        )
    };
    let said = |whole: &str, refused: &[&str]| {
        let said = pilot(&cloud("vpc-d", |_| {}), &network(whole), refused).0;
        (said.proposed_allowlist.iter().map(ToString::to_string).collect::<Vec<_>>(), said.proposal_complete)
    };
    let apart = apart_with_a_way_out();
    let with = |vpc: &str, address: &str| apart.replace("\"Vpcs\": [", &instance(vpc, address));
    let both = ["198.51.100.8/32", "198.51.100.40/32"].map(str::to_owned).to_vec();
    assert_eq!(said(&with("vpc-d", "198.51.100.40"), &[]), (both, true));
    let alone = vec!["198.51.100.8/32".to_owned()];
    assert_eq!(said(&with("vpc-other", "198.51.100.40"), &[]), (alone.clone(), true));
    assert_eq!(said(&with("vpc-d", "somewhere"), &[]), (alone, false));
    // Without the list of instances any of them may have one.
    let whole = network(&apart);
    let mut refusing = cloud("vpc-d", |_| {});
    refusing.builder.gap(gap(Unit::new(&account_id(), &scope().region_id, "ecs", "DescribeInstances", "vpc-d")));
    let refused = pilot(&refusing, &whole, &[]).0;
    assert_eq!((refused.proposed_allowlist.len(), refused.proposal_complete), (1, false));
}
