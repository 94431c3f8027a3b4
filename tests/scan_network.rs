//! The reading of the network between VPCs against the simulated cloud, over real HTTP: every field
//! of every noun, what a refused or odd reply leaves behind, and that nothing is asked twice.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use portcullis::{
    cloud::{
        client::{Account, Client, Settings as ClientSettings},
        context::{Context, HttpSettings},
        credential::{Credentials, StaticProvider},
        endpoint::Endpoints,
    },
    model::{Inventory, Network, NetworkRead, Reading, Refused, Scope, UnitState, Wanted},
    sandbox::{Behaviour, Server, World},
    scan::{self, Progress, Scan, Settings, Silent},
    store::snapshot,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const ACCOUNT: &str = "1000000000000001";
const OTHER: &str = "1000000000000002";

fn document() -> Value {
    serde_json::from_str(include_str!("data/network-world.json")).unwrap()
}

fn world(document: &Value) -> World {
    World::from_json("test", &document.to_string()).unwrap()
}

fn serve(world: World) -> Server {
    Server::start(world, SocketAddr::from(([127, 0, 0, 1], 0)), None).unwrap()
}

fn with_faults(faults: Value) -> Server {
    let mut document = document();
    document["faults"] = faults;
    serve(world(&document))
}

fn refusing(action: &str) -> Server {
    with_faults(json!([{"action": action, "region_id": "*", "account_id": "*", "kind": "deny", "times": 0}]))
}

fn account(id: &str, secret: &str) -> Account {
    let credentials = Credentials {
        access_key_id: id.to_owned(),
        access_key_secret: secret.to_owned().into(),
        security_token: None,
        expiration: None,
    };
    Account::new(id, Arc::new(StaticProvider::new("world", credentials)))
}

async fn first_reading(server: &Server, accounts: &[Account]) -> Scan {
    reading_with(server, accounts, Arc::new(Silent)).await
}

async fn reading_with(server: &Server, accounts: &[Account], progress: Arc<dyn Progress>) -> Scan {
    let endpoints = Endpoints::default().with_endpoint_url(&server.url()).unwrap();
    let settings = ClientSettings::for_endpoints(&endpoints);
    let client = Client::new(Context::real(HttpSettings::default()).unwrap(), endpoints, settings);
    let at: DateTime<Utc> = DateTime::from_timestamp(1_767_323_045, 0).unwrap();
    let token = CancellationToken::new();
    scan::collect(&client, accounts, &Settings::default(), at, progress, &token).await.unwrap()
}

/// The first reading, and then each round.
async fn scan_rounds(server: &Server, rounds: &[Vec<Wanted>]) -> Inventory {
    let mut scan = first_reading(server, &[account("testid", "testsecret")]).await;
    for wanted in rounds {
        scan = scan.read_more(wanted.clone()).await.unwrap();
    }
    scan.inventory
}

async fn read(wanted: &[Wanted]) -> Inventory {
    scan_rounds(&serve(world(&document())), &[wanted.to_vec()]).await
}

fn wanted(region: &str, read: NetworkRead) -> Wanted {
    Wanted { scope: Scope { account_id: ACCOUNT.into(), region_id: region.into() }, read }
}

fn in_hangzhou(read: NetworkRead) -> Wanted {
    wanted("cn-hangzhou", read)
}

fn vpc_attachment() -> Wanted {
    in_hangzhou(NetworkRead::VpcAttachment { attachment_id: "tr-attach-1".into(), vpc_id: "vpc-1".into() })
}

fn router_attachment(id: &str) -> Wanted {
    in_hangzhou(NetworkRead::RouterAttachment { attachment_id: id.into(), transit_router_id: "tr-1".into() })
}

fn propagations(table: &str) -> Wanted {
    in_hangzhou(NetworkRead::Propagations { table_id: table.into(), transit_router_id: "tr-1".into() })
}

fn association(id: &str) -> Wanted {
    in_hangzhou(NetworkRead::Association { attachment_id: id.into(), transit_router_id: "tr-1".into() })
}

fn entries(table: &str, vpc: &str) -> Wanted {
    in_hangzhou(NetworkRead::RouteEntries { route_table_id: table.into(), vpc_id: vpc.into() })
}

fn router_entries() -> Wanted {
    in_hangzhou(NetworkRead::TransitRouterEntries { table_id: "vtb-tr-1".into(), transit_router_id: "tr-1".into() })
}

/// The network without what was not read.
fn network(inventory: &Inventory) -> Network {
    Network { refused: Refused::default(), ..inventory.network().clone() }
}

fn expected(nouns: Value) -> Network {
    let mut network: Network = serde_json::from_value(nouns).unwrap();
    network.sort();
    network
}

/// Puts an account and a region into a noun.
fn at(region: &str, mut noun: Value) -> Value {
    noun["AccountId"] = ACCOUNT.into();
    noun["RegionId"] = region.into();
    noun
}

fn here(noun: Value) -> Value {
    at("cn-hangzhou", noun)
}

fn gaps(inventory: &Inventory) -> Vec<String> {
    let line = |gap: &portcullis::model::Gap| {
        let state = serde_json::to_value(gap.state).unwrap();
        format!("{} {} {} {}", gap.unit.operation, gap.unit.resource_id, state.as_str().unwrap(), gap.code)
    };
    inventory.coverage().gaps().map(line).collect()
}

fn nothing() -> Network {
    Network::default()
}

#[tokio::test]
async fn v_switches_come_with_their_vpc_tables_and_acls() {
    let inventory = read(&[in_hangzhou(NetworkRead::VSwitches("vpc-1".into()))]).await;
    assert_eq!(gaps(&inventory), [""; 0]);
    let blocks = json!({"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "SecondaryCidrBlocks": ["10.8.0.0/16", "203.0.113.0/24"],
        "Ipv6CidrBlock": "2001:db8:1::/56", "Ipv6CidrBlocks": ["2001:db8:1::/56"]});
    let one = json!({"VSwitchId": "vsw-1", "VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24", "Ipv6CidrBlock": "2001:db8:1::/64",
        "RouteTableId": "vtb-1", "NetworkAclId": "nacl-1"});
    let two = json!({"VSwitchId": "vsw-2", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24", "RouteTableId": "vtb-1c",
        "NetworkAclId": null});
    assert_eq!(network(&inventory), expected(json!({"Vpcs": [here(blocks)], "VSwitches": [here(one), here(two)]})));
}

/// An empty field says that no ACL is bound, a missing one says nothing.
#[tokio::test]
async fn a_v_switch_without_the_field_of_its_acl_is_not_one_without_acl() {
    let mut document = document();
    let switches = document["accounts"][0]["vpc"]["vswitches"].as_array_mut().unwrap();
    switches
        .iter_mut()
        .find(|one| one["VSwitchId"] == "vsw-2")
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("NetworkAclId");
    let server = serve(world(&document));
    let rounds = [vec![in_hangzhou(NetworkRead::VSwitches("vpc-1".into()))]];
    let inventory = scan_rounds(&server, &rounds).await;
    assert_eq!(gaps(&inventory), [""; 0]);
    let switches = &inventory.network().v_switches;
    let acls: Vec<_> = switches.iter().map(|one| (one.v_switch_id.as_str(), one.network_acl_id.clone())).collect();
    assert_eq!(acls, [("vsw-1", Reading::Value("nacl-1".into())), ("vsw-2", Reading::Unread)]);
}

#[tokio::test]
async fn a_vpc_is_shared_if_it_is_another_account_s_or_one_of_its_v_switches_is() {
    let shared = async |change: fn(&mut Value)| {
        let mut document = document();
        change(&mut document["accounts"][0]["vpc"]);
        let server = serve(world(&document));
        let inventory = scan_rounds(&server, &[vec![in_hangzhou(NetworkRead::VSwitches("vpc-1".into()))]]).await;
        inventory.network().vpcs[0].shared
    };
    assert!(!shared(|_| {}).await);
    assert!(!shared(|vpc| vpc["vpcs"][0]["OwnerId"] = ACCOUNT.parse::<u64>().unwrap().into()).await);
    assert!(shared(|vpc| vpc["vpcs"][0]["OwnerId"] = OTHER.parse::<u64>().unwrap().into()).await);
    assert!(!shared(|vpc| vpc["vswitches"][0]["OwnerId"] = ACCOUNT.parse::<u64>().unwrap().into()).await);
    assert!(shared(|vpc| vpc["vswitches"][0]["OwnerId"] = OTHER.parse::<u64>().unwrap().into()).await);
    assert!(shared(|vpc| vpc["vswitches"][0]["ShareType"] = "Sharing".into()).await);
}

#[tokio::test]
async fn v_switches_that_do_not_name_their_table_get_it_from_the_list_of_tables() {
    let inventory = read(&[in_hangzhou(NetworkRead::VSwitches("vpc-3".into()))]).await;
    let tables: Vec<(&str, &str)> = inventory
        .network()
        .v_switches
        .iter()
        .map(|switch| (switch.v_switch_id.as_str(), switch.route_table_id.as_str()))
        .collect();
    // A table of a gateway is nobody's.
    assert_eq!(tables, [("vsw-3", "vtb-3"), ("vsw-4", "vtb-3c")]);
}

#[tokio::test]
async fn route_entries_keep_every_next_hop_in_one_spelling() {
    // The type is known from the vSwitches, or from the list of tables.
    for rounds in [
        vec![vec![entries("vtb-1", "vpc-1")]],
        vec![vec![in_hangzhou(NetworkRead::VSwitches("vpc-1".into()))], vec![entries("vtb-1", "vpc-1")]],
    ] {
        let server = serve(world(&document()));
        let inventory = scan_rounds(&server, &rounds).await;
        let lists = server.journal().iter().filter(|entry| entry.action == "DescribeRouteTableList").count();
        assert_eq!(lists, usize::from(rounds.len() == 1));
        let table = here(
            json!({"RouteTableId": "vtb-1", "VpcId": "vpc-1", "RouteTableType": "System", "RouteEntrys": [
            {"DestinationCidrBlock": "10.0.0.0/24", "Type": "System", "Status": "Available", "NextHops": [{"NextHopType": "local"}]},
            {"DestinationCidrBlock": "10.1.0.0/16", "Type": "Custom", "Status": "Available", "NextHops": [
                {"NextHopType": "RouterInterface", "NextHopId": "ri-1", "Enabled": 0},
                {"NextHopType": "VpcPeer", "NextHopId": "pcc-1", "NextHopRegionId": "cn-hangzhou", "Enabled": 1}]},
            {"DestinationCidrBlock": "10.4.0.0/16", "Type": "CEN", "Status": "Available",
             "NextHops": [{"NextHopType": "CenBasic", "NextHopId": "cen-9"}]},
            {"DestinationCidrBlock": "10.5.0.0/16", "Type": "Custom", "Status": "Creating",
             "NextHops": [{"NextHopType": "Unheard", "NextHopId": "x-1"}]}]}),
        );
        assert_eq!(inventory.network().route_tables, expected(json!({"RouteTables": [table]})).route_tables);
    }
}

#[tokio::test]
async fn a_table_without_entries_is_read_and_empty() {
    let inventory = read(&[entries("vtb-1c", "vpc-1")]).await;
    let table =
        here(json!({"RouteTableId": "vtb-1c", "VpcId": "vpc-1", "RouteTableType": "Custom", "RouteEntrys": []}));
    assert_eq!((gaps(&inventory), network(&inventory)), (vec![], expected(json!({"RouteTables": [table]}))));
}

#[tokio::test]
async fn a_peering_is_found_from_the_region_of_either_end() {
    for region in ["cn-hangzhou", "cn-shanghai"] {
        let inventory = read(&[wanted(region, NetworkRead::VpcPeer("pcc-1".into()))]).await;
        let peer = at(
            "cn-shanghai",
            json!({"InstanceId": "pcc-1", "VpcId": "vpc-2", "AcceptingVpcId": "vpc-1", "AcceptingRegionId": "cn-hangzhou",
                "AcceptingOwnerUid": OTHER, "Status": "Activated"}),
        );
        assert_eq!(network(&inventory), expected(json!({"VpcPeers": [peer]})));
    }
}

#[tokio::test]
async fn router_interfaces_say_where_their_other_end_is() {
    let both = ["ri-1", "ri-9"].map(|id| in_hangzhou(NetworkRead::RouterInterface(id.into())));
    let inventory = read(&both).await;
    let near = json!({"RouterInterfaceId": "ri-1", "RouterType": "VRouter", "OppositeInterfaceId": "ri-2",
        "OppositeRegionId": "cn-shanghai", "VpcId": "vpc-1", "Status": "Active"});
    let line = json!({"RouterInterfaceId": "ri-9", "RouterType": "VBR", "OppositeInterfaceId": "ri-1",
        "OppositeRegionId": "cn-hangzhou", "Status": "Inactive"});
    assert_eq!(network(&inventory), expected(json!({"RouterInterfaces": [here(near), here(line)]})));
}

#[tokio::test]
async fn a_vpn_gateway_comes_with_its_own_connections() {
    let inventory = read(&[in_hangzhou(NetworkRead::Vpn("vpn-1".into()))]).await;
    let gateway = json!({"VpnGatewayId": "vpn-1", "VpcId": "vpc-1", "Status": "active"});
    let one = json!({"VpnConnectionId": "vco-1", "VpnGatewayId": "vpn-1", "LocalSubnet": "10.0.0.0/16,10.8.0.0/16",
        "RemoteSubnet": "172.16.0.0/12", "Status": "ipsec_sa_established"});
    // One of its two tunnels is up.
    let two = json!({"VpnConnectionId": "vco-2", "VpnGatewayId": "vpn-1", "LocalSubnet": "0.0.0.0/0",
        "RemoteSubnet": "0.0.0.0/0", "Status": "ipsec_sa_established"});
    let all = json!({"VpnGateways": [here(gateway)], "VpnConnections": [here(one), here(two)]});
    assert_eq!(network(&inventory), expected(all));
}

#[tokio::test]
async fn a_cen_comes_with_its_networks_bandwidth_and_maps() {
    let inventory = read(&[in_hangzhou(NetworkRead::Cen("cen-9".into()))]).await;
    assert_eq!(gaps(&inventory), [""; 0]);
    let children = [
        here(json!({"CenId": "cen-9", "ChildInstanceId": "vpc-1", "ChildInstanceType": "VPC",
            "ChildInstanceRegionId": "cn-hangzhou", "Status": "Attached"})),
        at(
            "cn-shanghai",
            json!({"CenId": "cen-9", "ChildInstanceId": "vbr-1", "ChildInstanceType": "VBR",
            "ChildInstanceRegionId": "cn-shanghai", "Status": "Attaching"}),
        ),
    ];
    let limits = [
        at(
            "",
            json!({"CenId": "cen-9", "LocalRegionId": "cn-hangzhou", "OppositeRegionId": "cn-shanghai", "BandwidthLimit": 5}),
        ),
        // For tests only.
        at(
            "",
            json!({"CenId": "cen-9", "LocalRegionId": "cn-hangzhou", "OppositeRegionId": "eu-central-1", "BandwidthLimit": 0}),
        ),
    ];
    // The third map is about lines only.
    let maps = [
        at(
            "",
            json!({"CenId": "cen-9", "RouteMapId": "cenrmap-1", "Priority": 3, "MapResult": "Deny", "Status": "Active",
            "CenRegionId": "cn-hangzhou", "TransmitDirection": "RegionIn", "SourceInstanceIds": ["vpc-2"],
            "SourceInstanceIdsReverseMatch": true, "DestinationInstanceIds": ["vpc-1"], "SourceRegionIds": ["cn-shanghai"],
            "DestinationCidrBlocks": ["10.1.0.0/16"], "CidrMatchMode": "Include"}),
        ),
        at(
            "",
            json!({"CenId": "cen-9", "RouteMapId": "cenrmap-2", "Priority": 4, "MapResult": "Permit", "NextPriority": 7,
            "Status": "Active", "CenRegionId": "cn-hangzhou", "TransmitDirection": "RegionOut"}),
        ),
    ];
    let all = json!({"CenChildInstances": children, "CenInterRegionBandwidthLimits": limits, "CenRouteMaps": maps});
    assert_eq!(network(&inventory), expected(all));
}

#[tokio::test]
async fn a_map_with_a_condition_that_is_not_understood_fails_its_cen() {
    for condition in ["RouteTypes", "MatchAsns", "DestinationRegionIds", "SourceRouteTableIds"] {
        let mut document = document();
        document["accounts"][0]["cbn"]["route_maps"][0][condition] = json!({"X": ["1"]});
        let server = serve(world(&document));
        let inventory = scan_rounds(&server, &[vec![in_hangzhou(NetworkRead::Cen("cen-9".into()))]]).await;
        assert_eq!(gaps(&inventory), ["DescribeCenAttachedChildInstances cen-9 failed schema"], "{condition}");
        assert_eq!(network(&inventory), nothing());
    }
}

/// What a CEN carries that is being made or taken away nobody says, though its members stay attached.
#[tokio::test]
async fn a_cen_that_is_not_active_fails() {
    for (status, expected) in [
        (json!("Active"), None),
        (json!("Deleting"), Some("not-active")),
        (json!("Creating"), Some("not-active")),
        (json!(null), Some("schema")),
    ] {
        let mut document = document();
        let cens = document["accounts"][0]["cbn"]["cens"].as_array_mut().unwrap();
        cens.iter_mut().find(|cen| cen["CenId"] == "cen-9").unwrap()["Status"] = status.clone();
        let server = serve(world(&document));
        let inventory = scan_rounds(&server, &[vec![in_hangzhou(NetworkRead::Cen("cen-9".into()))]]).await;
        let gap = expected.map(|code| format!("DescribeCenAttachedChildInstances cen-9 failed {code}"));
        assert_eq!(gaps(&inventory), gap.into_iter().collect::<Vec<_>>(), "{status}");
        assert_eq!(network(&inventory) == nothing(), expected.is_some(), "{status}");
    }
}

#[tokio::test]
async fn a_map_with_a_result_that_is_not_understood_fails_its_cen() {
    let mut document = document();
    document["accounts"][0]["cbn"]["route_maps"][0]["MapResult"] = "Refuse".into();
    let server = serve(world(&document));
    let inventory = scan_rounds(&server, &[vec![in_hangzhou(NetworkRead::Cen("cen-9".into()))]]).await;
    assert_eq!(gaps(&inventory), ["DescribeCenAttachedChildInstances cen-9 failed schema"]);
}

fn peer_noun() -> Value {
    here(json!({"TransitRouterAttachmentId": "tr-attach-12", "TransitRouterId": "tr-1", "ResourceType": "TR",
        "PeerTransitRouterId": "tr-2", "PeerTransitRouterRegionId": "cn-shanghai", "Status": "Attached"}))
}

#[tokio::test]
async fn attachments_of_every_kind_are_found_and_bring_their_like() {
    let near =
        here(json!({"TransitRouterAttachmentId": "tr-attach-1", "TransitRouterId": "tr-1", "ResourceType": "VPC",
        "VpcId": "vpc-1", "VSwitchIds": ["vsw-1", "vsw-2"], "Status": "Attached"}));
    let inventory = read(&[vpc_attachment()]).await;
    assert_eq!(network(&inventory), expected(json!({"TransitRouterAttachments": [near.clone()]})));

    let server = serve(world(&document()));
    let rounds = [
        vec![vpc_attachment()],
        vec![router_attachment("tr-attach-12")],
        vec![router_attachment("tr-attach-3"), router_attachment("tr-attach-vpn")],
    ];
    let inventory = scan_rounds(&server, &rounds).await;
    assert_eq!(gaps(&inventory), [""; 0]);
    let all = [
        near,
        here(json!({"TransitRouterAttachmentId": "tr-attach-3", "TransitRouterId": "tr-1", "ResourceType": "VPC",
            "VpcId": "vpc-3", "Status": "Attaching"})),
        peer_noun(),
        here(
            json!({"TransitRouterAttachmentId": "tr-attach-vbr", "TransitRouterId": "tr-1", "ResourceType": "VBR", "Status": "Attached"}),
        ),
        here(
            json!({"TransitRouterAttachmentId": "tr-attach-vpn", "TransitRouterId": "tr-1", "ResourceType": "VPN", "Status": "Attached"}),
        ),
    ];
    assert_eq!(network(&inventory), expected(json!({"TransitRouterAttachments": all})));
    // What came along has a unit, so that it is not asked for again; and no list was read twice.
    for id in ["tr-attach-1", "tr-attach-3", "tr-attach-12", "tr-attach-vbr", "tr-attach-vpn"] {
        assert_eq!(inventory.coverage().state(&router_attachment(id).unit()), Some(UnitState::Scanned), "{id}");
    }
    assert_asked_once(&server);
}

#[tokio::test]
async fn an_attachment_is_unknown_while_one_of_its_lists_is_refused() {
    let server = refusing("ListTransitRouterVbrAttachments");
    let both = vec![router_attachment("tr-attach-vpn"), router_attachment("tr-attach-nowhere")];
    let inventory = scan_rounds(&server, &[both]).await;
    // The one was found all the same.
    assert_eq!(gaps(&inventory).len(), 1, "{:?}", gaps(&inventory));
    assert!(gaps(&inventory)[0].starts_with("ListTransitRouterVpcAttachments tr-attach-nowhere denied"));
}

#[tokio::test]
async fn transit_routers_come_with_their_tables() {
    let routers = ["tr-1", "tr-2"].map(|id| in_hangzhou(NetworkRead::TransitRouter(id.into())));
    let server = serve(world(&document()));
    let rounds = [vec![vpc_attachment(), router_attachment("tr-attach-12")], routers.to_vec()];
    let inventory = scan_rounds(&server, &rounds).await;
    assert_eq!(gaps(&inventory), [""; 0]);
    let router = |region: &str, id: &str| {
        at(region, json!({"TransitRouterId": id, "CenId": "cen-1", "Type": "Enterprise", "Status": "Active"}))
    };
    let table = |region: &str, router: &str, id: &str, kind: &str| {
        at(
            region,
            json!({"TransitRouterRouteTableId": id, "TransitRouterId": router, "TransitRouterRouteTableType": kind,
            "TransitRouterRouteTableStatus": "Active"}),
        )
    };
    let all = expected(json!({
        "TransitRouters": [router("cn-hangzhou", "tr-1"), router("cn-shanghai", "tr-2")],
        "TransitRouterRouteTables": [
            table("cn-hangzhou", "tr-1", "vtb-tr-1", "System"),
            table("cn-hangzhou", "tr-1", "vtb-tr-1c", "Custom"),
            table("cn-shanghai", "tr-2", "vtb-tr-2", "System")]
    }));
    assert_eq!(inventory.network().transit_routers, all.transit_routers);
    assert_eq!(inventory.network().transit_router_route_tables, all.transit_router_route_tables);
    assert_asked_once(&server);
}

#[tokio::test]
async fn a_router_of_which_nobody_knows_the_cen_is_a_gap() {
    let inventory = read(&[in_hangzhou(NetworkRead::TransitRouter("tr-1".into()))]).await;
    assert_eq!(gaps(&inventory), ["ListTransitRouters tr-1 failed cen-unknown"]);
}

#[tokio::test]
async fn a_line_between_regions_has_an_association_at_either_end() {
    let inventory = read(&[association("tr-attach-12")]).await;
    let one = |table: &str, status: &str| {
        here(json!({"TransitRouterAttachmentId": "tr-attach-12", "TransitRouterRouteTableId": table, "Status": status}))
    };
    let both = [one("vtb-tr-1", "Active"), one("vtb-tr-2", "Associating")];
    assert_eq!(network(&inventory), expected(json!({"TransitRouterRouteTableAssociations": both})));
}

#[tokio::test]
async fn what_a_table_learns_is_of_the_table_also_where_it_is_nothing() {
    let inventory = read(&[propagations("vtb-tr-1"), propagations("vtb-tr-1c"), propagations("vtb-nowhere")]).await;
    let learns = |table: &str, from: Value| here(json!({"TransitRouterRouteTableId": table, "Attachments": from}));
    let from = json!([
        {"TransitRouterAttachmentId": "tr-attach-1", "Status": "Active"},
        {"TransitRouterAttachmentId": "tr-attach-12", "Status": "Enabling"},
    ]);
    let both = [learns("vtb-tr-1", from), learns("vtb-tr-1c", json!([]))];
    assert_eq!(network(&inventory), expected(json!({"TransitRouterPropagationsOfTables": both})));
    assert_eq!(gaps(&inventory), ["ListTransitRouterRouteTablePropagations vtb-nowhere failed schema"]);
}

#[tokio::test]
async fn a_reply_without_list_is_not_an_empty_list() {
    let inventory = read(&[association("tr-attach-nowhere"), association("tr-attach-3")]).await;
    assert_eq!(gaps(&inventory), ["ListTransitRouterRouteTableAssociations tr-attach-nowhere failed schema"]);
    let unit = association("tr-attach-3").unit();
    assert_eq!(inventory.coverage().state(&unit), Some(UnitState::Scanned));
    assert_eq!(network(&inventory), nothing());
}

#[tokio::test]
async fn routes_of_a_transit_router_come_in_every_status() {
    let inventory = read(&[router_entries()]).await;
    assert_eq!(gaps(&inventory), [""; 0]);
    let entry = |destination: &str, kind: &str, hop: &str, status: &str, origin: &str| {
        here(
            json!({"TransitRouterRouteTableId": "vtb-tr-1", "TransitRouterRouteEntryDestinationCidrBlock": destination,
            "TransitRouterRouteEntryNextHopType": kind, "TransitRouterRouteEntryNextHopId": hop,
            "TransitRouterRouteEntryStatus": status, "TransitRouterRouteEntryType": origin}),
        )
    };
    let all = json!({
        "TransitRouterRouteEntries": [
            entry("10.1.0.0/24", "Attachment", "tr-attach-12", "Active", "Propagated"),
            entry("10.2.0.0/24", "Attachment", "tr-attach-3", "Prohibited", "Propagated"),
            entry("172.16.0.0/12", "BlackHole", "", "Active", "Static")]
    });
    assert_eq!(network(&inventory), expected(all));
}

#[tokio::test]
async fn an_active_route_to_an_attachment_of_another_kind_leads_somewhere() {
    let mut document = document();
    let table = &mut document["accounts"][0]["cbn"]["transit_routers"][0]["RouteTables"][0];
    let route = |id: &str, block: &str, status: &str, kind: &str| {
        json!({"TransitRouterRouteEntryId": id, "TransitRouterRouteEntryDestinationCidrBlock": block,
            "TransitRouterRouteEntryNextHopType": "Attachment", "TransitRouterRouteEntryNextHopId": format!("tr-attach-{id}"),
            "TransitRouterRouteEntryNextHopResourceType": kind, "TransitRouterRouteEntryStatus": status})
    };
    table["RouteEntries"] = json!([
        route("ecr", "10.7.0.0/16", "Active", "ECR"),
        route("ecr2", "10.8.0.0/16", "Standby", "ECR"),
        route("1", "10.0.0.0/24", "Active", "VPC")
    ]);
    let server = serve(world(&document));
    let inventory = scan_rounds(&server, &[vec![router_entries()]]).await;
    let beyond =
        here(json!({"TransitRouterAttachmentId": "tr-attach-ecr", "TransitRouterId": "tr-1", "ResourceType": "ECR",
        "Status": "Attached"}));
    let expected = expected(json!({"TransitRouterAttachments": [beyond]}));
    assert_eq!(inventory.network().transit_router_attachments, expected.transit_router_attachments);
    assert_eq!(inventory.coverage().state(&router_attachment("tr-attach-ecr").unit()), Some(UnitState::Scanned));
}

#[tokio::test]
async fn an_acl_keeps_its_entries_in_their_order() {
    let inventory = read(&[in_hangzhou(NetworkRead::NetworkAcl("nacl-1".into()))]).await;
    let acl = here(json!({"NetworkAclId": "nacl-1",
        "IngressAclEntries": [
            {"Policy": "drop", "Protocol": "tcp", "Port": "22/22", "SourceCidrIp": "0.0.0.0/0"},
            {"Policy": "accept", "Protocol": "all", "Port": "-1/-1", "SourceCidrIp": "10.0.0.0/8"}],
        "EgressAclEntries": [{"Policy": "accept", "Protocol": "all", "Port": "-1/-1", "DestinationCidrIp": "0.0.0.0/0"}]}));
    assert_eq!(network(&inventory), expected(json!({"NetworkAcls": [acl]})));
}

#[tokio::test]
async fn a_group_comes_with_rules_of_both_directions_its_type_and_its_lists() {
    let inventory = read(&[wanted("cn-shanghai", NetworkRead::SecurityGroup("sg-far".into()))]).await;
    assert_eq!(gaps(&inventory), [""; 0]);
    let account = ACCOUNT.into();
    let group = inventory.security_group(&account, &"sg-far".into()).unwrap();
    assert_eq!(group.security_group_type, Reading::Value("enterprise".to_owned()));
    assert_eq!(group.inner_access_policy, "Drop");
    let [inward, outward] = &*group.permissions else { panic!("{:?}", group.permissions) };
    assert_eq!((&*inward.direction, &*inward.source_cidr_ip), ("ingress", "10.0.0.0/8"));
    assert_eq!((&*outward.direction, &*outward.dest_prefix_list_id), ("egress", "pl-1"));
    assert_eq!(&*inventory.prefix_list(&account, &"pl-1".into()).unwrap().entries[0], "10.0.0.0/16");
    assert_eq!(&*inventory.port_range_list(&account, &"prl-1".into()).unwrap().entries[0], "15011/15012");
    // It stands in front of nothing, so nobody needs to know its interfaces.
    assert!(inventory.coverage().scanned_units().all(|unit| unit.operation != "DescribeNetworkInterfaces"));
}

#[tokio::test]
async fn endpoints_are_those_of_the_vpc() {
    let inventory = read(&[in_hangzhou(NetworkRead::Endpoints("vpc-3".into()))]).await;
    let endpoint = |id: &str, status: &str, connection: &str, service: &str| {
        here(json!({"EndpointId": id, "VpcId": "vpc-3", "EndpointType": "Interface", "EndpointStatus": status,
            "ConnectionStatus": connection, "ServiceId": service}))
    };
    let both =
        [endpoint("ep-1", "Active", "Connected", "epsrv-1"), endpoint("ep-2", "Pending", "Disconnected", "epsrv-9")];
    assert_eq!(network(&inventory), expected(json!({"VpcEndpoints": both})));
}

#[tokio::test]
async fn a_service_is_where_its_balancer_is_and_takes_what_its_listeners_take() {
    // The second names neither VPC nor address of its balancer: the balancer does.
    let both = ["epsrv-1", "epsrv-2"].map(|id| in_hangzhou(NetworkRead::EndpointService(id.into())));
    let server = serve(world(&document()));
    let inventory = scan_rounds(&server, &[both.to_vec()]).await;
    assert_eq!(gaps(&inventory), [""; 0]);
    let service = |id: &str| {
        here(
            json!({"ServiceId": id, "VpcId": "vpc-1", "ServiceStatus": "Active", "Ports": [15011, 15012], "TargetIp": "10.0.0.5"}),
        )
    };
    assert_eq!(network(&inventory), expected(json!({"VpcEndpointServices": [service("epsrv-1"), service("epsrv-2")]})));
    assert_asked_once(&server);
}

#[tokio::test]
async fn a_service_that_cannot_be_told_is_a_gap() {
    // One has two balancers, the other is not of this account.
    let both = ["epsrv-3", "epsrv-9"].map(|id| in_hangzhou(NetworkRead::EndpointService(id.into())));
    let inventory = read(&both).await;
    let expected = [
        "ListVpcEndpointServices epsrv-3 failed ambiguous-target",
        "ListVpcEndpointServices epsrv-9 failed other-owner",
    ];
    assert_eq!(gaps(&inventory), expected);
    assert_eq!(network(&inventory), nothing());
}

/// `DescribeInstances` of the vendor's SDK: an EIP is in `EipAddress`, never in `PublicIpAddress`.
#[tokio::test]
async fn instances_are_those_of_the_vpc_with_addresses_of_their_own() {
    let inventory = read(&[in_hangzhou(NetworkRead::Instances("vpc-1".into()))]).await;
    let one = json!({"InstanceId": "i-1", "VpcId": "vpc-1", "PublicIpAddresses": ["198.51.100.40"]});
    assert_eq!(network(&inventory), expected(json!({"PublicInstances": [here(one)]})));
}

#[tokio::test]
async fn nat_gateways_come_with_the_addresses_that_they_lend() {
    let inventory = read(&[in_hangzhou(NetworkRead::Nat("vpc-1".into()))]).await;
    let gateway = json!({"NatGatewayId": "ngw-1", "VpcId": "vpc-1", "NetworkType": "internet", "Status": "Available"});
    let one = json!({"SnatEntryId": "snat-1", "NatGatewayId": "ngw-1", "SnatIp": "203.0.113.9,203.0.113.10",
        "SourceCIDR": "10.0.0.0/24", "SourceVSwitchId": "vsw-1", "Status": "Available"});
    let two = json!({"SnatEntryId": "snat-2", "NatGatewayId": "ngw-1", "SnatIp": "203.0.113.11", "SourceCIDR": "10.0.1.0/24",
        "Status": "Pending"});
    let all = json!({"NatGateways": [here(gateway)], "SnatEntries": [here(one), here(two)]});
    assert_eq!(network(&inventory), expected(all));
}

#[tokio::test]
async fn a_mesh_gives_its_opinion_of_its_own_clusters() {
    // Of three it says something; the near one may join.
    for (own, not_joined, forbidden) in [
        (&["c0far", "c1far", "c2near"][..], &["c0far", "c1far"][..], &[("c1far", 2)][..]),
        (&["c0far", "c2near"], &["c0far"], &[]),
        (&["c1far"], &["c1far"], &[("c1far", 2)]),
        (&[], &[], &[]),
    ] {
        let mut document = document();
        let joined = own.iter().map(|id| {
            json!({"ClusterId": id, "Name": id, "ClusterType": "ManagedKubernetes", "RegionId": "cn-shanghai",
                "VpcId": "vpc-2", "State": "running"})
        });
        document["accounts"][0]["servicemesh"]["clusters"]["c08mesh"] = joined.collect();
        let wanted = vec![in_hangzhou(NetworkRead::Opinion("c08mesh".into()))];
        let inventory = scan_rounds(&serve(world(&document)), &[wanted]).await;
        assert_eq!(gaps(&inventory), [""; 0]);
        let [opinion] = inventory.opinions() else { panic!("{:?}", inventory.opinions()) };
        let said: Vec<_> = opinion.not_joined_by_cen.iter().map(|id| id.as_str()).collect();
        assert_eq!(said, not_joined);
        let flagged: Vec<_> =
            opinion.forbidden.iter().map(|one| (one.cluster_id.as_str(), one.forbidden_flag)).collect();
        assert_eq!(flagged, forbidden);
    }
}

/// Everything that the world has, in an order in which each can be asked for.
fn everything() -> [Vec<Wanted>; 2] {
    let group = wanted("cn-shanghai", NetworkRead::SecurityGroup("sg-far".into()));
    let mut first = vec![
        entries("vtb-1", "vpc-1"),
        group,
        vpc_attachment(),
        router_attachment("tr-attach-12"),
        router_attachment("tr-attach-vbr"),
        router_attachment("tr-attach-vpn"),
        association("tr-attach-1"),
        association("tr-attach-12"),
        propagations("vtb-tr-1"),
        router_entries(),
    ];
    first.extend(
        [
            NetworkRead::VSwitches("vpc-1".into()),
            NetworkRead::VSwitches("vpc-3".into()),
            NetworkRead::VpcPeer("pcc-1".into()),
            NetworkRead::RouterInterface("ri-1".into()),
            NetworkRead::Vpn("vpn-1".into()),
            NetworkRead::Vpn("vpn-2".into()),
            NetworkRead::Cen("cen-9".into()),
            NetworkRead::NetworkAcl("nacl-1".into()),
            NetworkRead::Endpoints("vpc-1".into()),
            NetworkRead::Endpoints("vpc-3".into()),
            NetworkRead::EndpointService("epsrv-1".into()),
            NetworkRead::Nat("vpc-1".into()),
            NetworkRead::Nat("vpc-3".into()),
            NetworkRead::Instances("vpc-1".into()),
            NetworkRead::Opinion("c08mesh".into()),
        ]
        .map(in_hangzhou),
    );
    let second = ["tr-1", "tr-2"].map(|id| in_hangzhou(NetworkRead::TransitRouter(id.into())));
    [first, second.to_vec()]
}

/// No two requests of the journal are the same.
fn assert_asked_once(server: &Server) {
    let mut seen = BTreeSet::new();
    for entry in server.journal() {
        // Whatever has not to do with what is asked travels in headers.
        let request = format!("{} {} {} {:?}", entry.product, entry.action, entry.region, entry.params);
        assert!(seen.insert(request.clone()), "asked twice: {request}");
    }
}

#[tokio::test]
async fn nothing_is_asked_twice_and_only_what_is_wanted() {
    let server = serve(world(&document()));
    let mut scan = first_reading(&server, &[account("testid", "testsecret")]).await;
    let before = server.journal().len();
    scan = scan.read_more(Vec::new()).await.unwrap();
    assert_eq!(server.journal().len(), before, "nothing was wanted");
    for wanted in everything().into_iter().chain(everything()) {
        scan = scan.read_more(wanted).await.unwrap();
    }
    assert_eq!(gaps(&scan.inventory), [""; 0]);
    for wanted in everything().concat() {
        assert_eq!(scan.inventory.coverage().state(&wanted.unit()), Some(UnitState::Scanned), "{wanted:?}");
    }
    assert!(scan.inventory.coverage().complete());
    assert_asked_once(&server);
    assert_eq!(scan.stats.api_calls, server.journal().len() as u64);
}

#[tokio::test]
async fn pages_of_one_item_bring_the_same_network() {
    let whole = scan_rounds(&serve(world(&document())), &everything()).await;
    for (page_cap, jitter_ms) in [(1, 0), (2, 3)] {
        let behaviour = Behaviour { page_cap, jitter_ms, seed: 7, ..Behaviour::default() };
        let server = serve(world(&document()).with_behaviour(behaviour));
        let paged = scan_rounds(&server, &everything()).await;
        assert_eq!(gaps(&paged), [""; 0], "{page_cap}");
        assert_eq!(paged, whole, "{page_cap}");
    }
}

#[tokio::test]
async fn the_network_survives_its_snapshot() {
    let inventory = scan_rounds(&serve(world(&document())), &everything()).await;
    let mut file = Vec::new();
    let digest = snapshot::write(&inventory, "0.1.0", &mut file).unwrap();
    let (back, same) = snapshot::read(&*file).unwrap();
    assert_eq!((&back, &same), (&inventory, &digest));
    // So does what was not read.
    let refused = scan_rounds(&refusing("ListVpcPeerConnections"), &everything()).await;
    let mut file = Vec::new();
    snapshot::write(&refused, "0.1.0", &mut file).unwrap();
    let back = snapshot::read(&*file).unwrap().0;
    assert_eq!(back, refused);
    assert!(back.network().refused.covers(&Scope::default(), "ListVpcPeerConnections", "pcc-1"));
    assert!(!back.network().refused.covers(&Scope::default(), "DescribeVSwitches", "vpc-1"));
}

/// A read, and the actions of which each may hide it.
fn refusals() -> Vec<(Wanted, &'static [&'static str])> {
    let here = in_hangzhou;
    vec![
        (
            here(NetworkRead::VSwitches("vpc-3".into())),
            &["DescribeVpcs", "DescribeVSwitches", "DescribeRouteTableList"],
        ),
        (entries("vtb-1", "vpc-1"), &["DescribeRouteEntryList", "DescribeRouteTableList"]),
        (here(NetworkRead::VpcPeer("pcc-1".into())), &["ListVpcPeerConnections"]),
        (here(NetworkRead::RouterInterface("ri-1".into())), &["DescribeRouterInterfaces"]),
        (here(NetworkRead::Vpn("vpn-1".into())), &["DescribeVpnGateways", "DescribeVpnConnections"]),
        (
            here(NetworkRead::Cen("cen-9".into())),
            &[
                "DescribeCens",
                "DescribeCenAttachedChildInstances",
                "DescribeCenInterRegionBandwidthLimits",
                "DescribeCenRouteMaps",
            ],
        ),
        (vpc_attachment(), &["ListTransitRouterVpcAttachments"]),
        (router_attachment("tr-attach-12"), &["ListTransitRouterPeerAttachments"]),
        (router_attachment("tr-attach-vpn"), &["ListTransitRouterVpnAttachments"]),
        (association("tr-attach-1"), &["ListTransitRouterRouteTableAssociations"]),
        (propagations("vtb-tr-1"), &["ListTransitRouterRouteTablePropagations"]),
        (router_entries(), &["ListTransitRouterRouteEntries"]),
        (here(NetworkRead::NetworkAcl("nacl-1".into())), &["DescribeNetworkAclAttributes"]),
        (here(NetworkRead::Endpoints("vpc-3".into())), &["ListVpcEndpoints"]),
        (
            here(NetworkRead::EndpointService("epsrv-1".into())),
            &["ListVpcEndpointServices", "ListVpcEndpointServiceResources", "DescribeLoadBalancerListeners"],
        ),
        (here(NetworkRead::Nat("vpc-1".into())), &["DescribeNatGateways", "DescribeSnatTableEntries"]),
        (here(NetworkRead::Instances("vpc-1".into())), &["DescribeInstances"]),
        (here(NetworkRead::Opinion("c08mesh".into())), &["DescribeCens", "DescribeServiceMeshClusters"]),
        (wanted("cn-shanghai", NetworkRead::SecurityGroup("sg-far".into())), &["DescribeSecurityGroupAttribute"]),
    ]
}

#[tokio::test]
async fn a_refused_read_is_one_gap_and_its_object_is_neither_there_nor_absent() {
    for (wanted, actions) in refusals() {
        for action in actions {
            let inventory = scan_rounds(&refusing(action), &[vec![wanted.clone()]]).await;
            let unit = wanted.unit();
            assert_eq!(inventory.coverage().state(&unit), Some(UnitState::Denied), "{action}");
            assert_eq!(gaps(&inventory).len(), 1, "{action}: {:?}", gaps(&inventory));
            assert!(inventory.network().refused.covers(&wanted.scope, &unit.operation, &unit.resource_id), "{action}");
            let object = unit.resource_id.as_str();
            let there = serde_json::to_string(&network(&inventory)).unwrap();
            assert!(!there.contains(&format!("{object:?}")), "{action}: {there}");
            assert!(inventory.opinions().is_empty() && inventory.security_groups().is_empty(), "{action}");
        }
    }
}

#[tokio::test]
async fn a_refused_router_is_a_gap_too() {
    for action in ["ListTransitRouters", "ListTransitRouterRouteTables"] {
        let rounds = [vec![vpc_attachment()], vec![in_hangzhou(NetworkRead::TransitRouter("tr-1".into()))]];
        let inventory = scan_rounds(&refusing(action), &rounds).await;
        let [gap] = &*gaps(&inventory) else { panic!("{:?}", gaps(&inventory)) };
        assert!(gap.starts_with("ListTransitRouters tr-1 denied"), "{gap}");
        assert!(inventory.network().transit_routers.is_empty());
    }
}

#[tokio::test]
async fn a_reply_of_another_shape_is_a_failure_and_not_an_absence() {
    for (wanted, action, field) in [
        (in_hangzhou(NetworkRead::VSwitches("vpc-1".into())), "DescribeVSwitches", "VSwitchId"),
        (in_hangzhou(NetworkRead::VSwitches("vpc-1".into())), "DescribeVSwitches", "CidrBlock"),
        (in_hangzhou(NetworkRead::VSwitches("vpc-1".into())), "DescribeVpcs", "VpcId"),
        (entries("vtb-1", "vpc-1"), "DescribeRouteEntryList", "RouteEntrys"),
        (entries("vtb-1", "vpc-1"), "DescribeRouteEntryList", "DestinationCidrBlock"),
        (entries("vtb-1", "vpc-1"), "DescribeRouteEntryList", "NextHops"),
        (in_hangzhou(NetworkRead::VpcPeer("pcc-1".into())), "ListVpcPeerConnections", "InstanceId"),
        (in_hangzhou(NetworkRead::VpcPeer("pcc-1".into())), "ListVpcPeerConnections", "Status"),
        (in_hangzhou(NetworkRead::VpcPeer("pcc-1".into())), "ListVpcPeerConnections", "AcceptingVpc"),
        (in_hangzhou(NetworkRead::RouterInterface("ri-1".into())), "DescribeRouterInterfaces", "VpcInstanceId"),
        (in_hangzhou(NetworkRead::Vpn("vpn-1".into())), "DescribeVpnConnections", "VpnConnectionId"),
        (in_hangzhou(NetworkRead::Cen("cen-9".into())), "DescribeCenAttachedChildInstances", "ChildInstanceType"),
        (in_hangzhou(NetworkRead::Cen("cen-9".into())), "DescribeCenRouteMaps", "MapResult"),
        (in_hangzhou(NetworkRead::Cen("cen-9".into())), "DescribeCens", "Status"),
        (vpc_attachment(), "ListTransitRouterVpcAttachments", "TransitRouterAttachments"),
        (vpc_attachment(), "ListTransitRouterVpcAttachments", "TransitRouterId"),
        (router_entries(), "ListTransitRouterRouteEntries", "TransitRouterRouteEntryStatus"),
        (association("tr-attach-1"), "ListTransitRouterRouteTableAssociations", "TransitRouterRouteTableId"),
        (propagations("vtb-tr-1"), "ListTransitRouterRouteTablePropagations", "Status"),
        (propagations("vtb-tr-1"), "ListTransitRouterRouteTablePropagations", "TransitRouterAttachmentId"),
        (in_hangzhou(NetworkRead::NetworkAcl("nacl-1".into())), "DescribeNetworkAclAttributes", "EgressAclEntries"),
        (in_hangzhou(NetworkRead::NetworkAcl("nacl-1".into())), "DescribeNetworkAclAttributes", "Policy"),
        (in_hangzhou(NetworkRead::Endpoints("vpc-3".into())), "ListVpcEndpoints", "ConnectionStatus"),
        (in_hangzhou(NetworkRead::EndpointService("epsrv-1".into())), "ListVpcEndpointServices", "ServiceStatus"),
        (in_hangzhou(NetworkRead::Nat("vpc-1".into())), "DescribeSnatTableEntries", "SnatIp"),
        (in_hangzhou(NetworkRead::Instances("vpc-1".into())), "DescribeInstances", "PublicIpAddress"),
        (in_hangzhou(NetworkRead::Instances("vpc-1".into())), "DescribeInstances", "VpcAttributes"),
        (in_hangzhou(NetworkRead::Opinion("c08mesh".into())), "DescribeCens", "Clusters"),
        (in_hangzhou(NetworkRead::Opinion("c08mesh".into())), "DescribeServiceMeshClusters", "ForbiddenFlag"),
    ] {
        for kind in ["missing-field", "wrong-type"] {
            let server = with_faults(json!([
                {"action": action, "region_id": "*", "account_id": "*", "kind": kind, "field": field, "times": 0}
            ]));
            let inventory = scan_rounds(&server, &[vec![wanted.clone()]]).await;
            let unit = wanted.unit();
            assert_eq!(inventory.coverage().state(&unit), Some(UnitState::Failed), "{kind} {action} {field}");
            assert_eq!(network(&inventory), nothing(), "{kind} {action} {field}");
            assert!(inventory.opinions().is_empty(), "{kind} {action} {field}");
        }
    }
}

/// The world with one field of one object set.
fn with_field(pointer: &str, field: &str, value: Value) -> Value {
    let mut document = document();
    document.pointer_mut(&format!("/accounts/0/{pointer}")).unwrap()[field] = value;
    document
}

/// What is locked is a gap that names it, and nothing of it is kept.
async fn assert_locked(document: &Value, wanted: &Wanted, object: &str, locked: &str) {
    let inventory = scan_rounds(&serve(world(document)), &[vec![wanted.clone()]]).await;
    let unit = wanted.unit();
    let [gap] = &*inventory.coverage().gaps().collect::<Vec<_>>() else { panic!("{object} {:?}", gaps(&inventory)) };
    assert_eq!((&gap.unit, gap.state, gap.code.as_str()), (&unit, UnitState::Failed, "locked"), "{object}");
    assert!(gap.message.contains(object) && gap.message.contains(locked), "{}", gap.message);
    assert_eq!(network(&inventory), nothing(), "{object}");
    assert!(inventory.network().refused.covers(&wanted.scope, &unit.operation, &unit.resource_id), "{object}");
}

#[tokio::test]
async fn a_locked_line_is_neither_a_way_nor_absent() {
    let here = in_hangzhou;
    for (wanted, pointer, field, object) in [
        (here(NetworkRead::VpcPeer("pcc-1".into())), "vpcpeer/connections/0", "BizStatus", "pcc-1"),
        (here(NetworkRead::RouterInterface("ri-1".into())), "vpc/router_interfaces/0", "BusinessStatus", "ri-1"),
        (here(NetworkRead::Vpn("vpn-1".into())), "vpc/vpn_gateways/0", "BusinessStatus", "vpn-1"),
        (here(NetworkRead::Endpoints("vpc-3".into())), "privatelink/endpoints/0", "EndpointBusinessStatus", "ep-1"),
        (
            here(NetworkRead::EndpointService("epsrv-1".into())),
            "privatelink/endpoint_services/0",
            "ServiceBusinessStatus",
            "epsrv-1",
        ),
        (here(NetworkRead::Nat("vpc-1".into())), "vpc/nat_gateways/0", "BusinessStatus", "ngw-1"),
    ] {
        for locked in ["FinancialLocked", "SecurityLocked", "Unheard"] {
            assert_locked(&with_field(pointer, field, locked.into()), &wanted, object, locked).await;
        }
        // What cannot be read is not in order either.
        let server = serve(world(&with_field(pointer, field, json!(["FinancialLocked"]))));
        let inventory = scan_rounds(&server, &[vec![wanted.clone()]]).await;
        assert_eq!(inventory.coverage().state(&wanted.unit()), Some(UnitState::Failed), "{field}");
        assert_eq!(network(&inventory), nothing(), "{field}");

        // The word for a line in order is written in either case, and left out for old ones.
        for fine in ["normal", "Normal", ""] {
            let server = serve(world(&with_field(pointer, field, fine.into())));
            let inventory = scan_rounds(&server, &[vec![wanted.clone()]]).await;
            assert_eq!(gaps(&inventory), [""; 0], "{field} {fine}");
        }
    }
}

#[tokio::test]
async fn a_service_with_a_locked_balancer_is_no_way() {
    // Whether or not the service says where its balancer is.
    for id in ["epsrv-1", "epsrv-2"] {
        let document = with_field("slb/load_balancers/0", "LoadBalancerStatus", "locked".into());
        assert_locked(&document, &in_hangzhou(NetworkRead::EndpointService(id.into())), "lb-pilot", "locked").await;
    }
}

/// A service on a network load balancer with these further fields.
fn behind_network_balancer(fields: Value) -> Value {
    let mut document = document();
    let account = &mut document["accounts"][0];
    let mut balancer = json!({"LoadBalancerId": "nlb-pilot", "LoadBalancerName": "pilot", "RegionId": "cn-hangzhou", "AddressType": "Intranet",
        "LoadBalancerStatus": "Active", "VpcId": "vpc-1",
        "ZoneMappings": [{"VSwitchId": "vsw-1", "LoadBalancerAddresses": [{"PrivateIPv4Address": "10.0.0.6"}]}]});
    for (field, value) in fields.as_object().unwrap() {
        balancer[field] = value.clone();
    }
    account["nlb"] = json!({"load_balancers": [balancer], "listeners": [{"ListenerId": "lsn-1", "LoadBalancerId": "nlb-pilot",
        "RegionId": "cn-hangzhou", "ListenerPort": 15012, "ListenerProtocol": "TCP", "ListenerStatus": "Running"}]});
    account["privatelink"]["endpoint_services"][0] = json!({"ServiceId": "epsrv-1", "ServiceStatus": "Active", "ServiceResourceType": "nlb",
        "RegionId": "cn-hangzhou", "Resources": [{"ResourceId": "nlb-pilot", "ResourceType": "nlb", "ZoneId": "a", "VpcId": "vpc-1",
        "Ip": "10.0.0.6"}]});
    document
}

/// The status of a locked one stays `Active`; what says so is its business status and the list of locks.
#[tokio::test]
async fn a_service_with_a_locked_network_balancer_is_no_way() {
    let wanted = in_hangzhou(NetworkRead::EndpointService("epsrv-1".into()));
    let lock = |kind: &str| json!([{"LockType": kind, "LockReason": "overdue"}]);
    for (fields, locked) in [
        (
            json!({"OperationLocks": lock("FinancialLocked"), "LoadBalancerBusinessStatus": "Abnormal"}),
            "FinancialLocked",
        ),
        (json!({"OperationLocks": lock("SecurityLocked")}), "SecurityLocked"),
        (json!({"OperationLocks": [{"LockReason": "overdue"}]}), "overdue"),
        (json!({"OperationLocks": [{}]}), "locked"),
        (json!({"LoadBalancerBusinessStatus": "Abnormal", "OperationLocks": []}), "Abnormal"),
    ] {
        assert_locked(&behind_network_balancer(fields), &wanted, "nlb-pilot", locked).await;
    }
    let ports = |inventory: &Inventory| inventory.network().vpc_endpoint_services[0].ports.clone();
    for (fields, expected) in [
        (json!({}), vec![15012]),
        (json!({"OperationLocks": [], "LoadBalancerBusinessStatus": "Normal"}), vec![15012]),
        (json!({"LoadBalancerStatus": "Configuring"}), vec![15012]),
        // Documented to forward nothing.
        (json!({"LoadBalancerStatus": "Inactive"}), vec![]),
        (json!({"LoadBalancerStatus": "CreateFailed"}), vec![]),
    ] {
        let server = serve(world(&behind_network_balancer(fields.clone())));
        let inventory = scan_rounds(&server, &[vec![wanted.clone()]]).await;
        assert_eq!((gaps(&inventory), ports(&inventory)), (vec![], Some(expected)), "{fields}");
        assert_asked_once(&server);
    }
    // Nobody knows whether it is locked.
    let mut refused = behind_network_balancer(json!({}));
    refused["faults"] = json!([{"action": "GetLoadBalancerAttribute", "region_id": "*", "account_id": "*", "kind": "deny", "times": 0}]);
    let inventory = scan_rounds(&serve(world(&refused)), &[vec![wanted]]).await;
    assert_eq!(gaps(&inventory), ["ListVpcEndpointServices epsrv-1 denied Forbidden.RAM"]);
    assert_eq!(network(&inventory), nothing());
}

/// Row 60 of the table of worlds: an unpaid one is inactive, and that is known to be no way.
#[tokio::test]
async fn a_locked_router_interface_that_is_down_is_down() {
    let mut document = with_field("vpc/router_interfaces/0", "BusinessStatus", "FinancialLocked".into());
    document.pointer_mut("/accounts/0/vpc/router_interfaces/0").unwrap()["Status"] = "Inactive".into();
    let wanted = in_hangzhou(NetworkRead::RouterInterface("ri-1".into()));
    let inventory = scan_rounds(&serve(world(&document)), &[vec![wanted]]).await;
    assert_eq!(gaps(&inventory), [""; 0]);
    let [interface] = &*inventory.network().router_interfaces else { panic!("{:?}", network(&inventory)) };
    assert_eq!(interface.status, "Inactive");
}

#[tokio::test]
async fn a_locked_endpoint_that_is_not_up_hides_nothing() {
    let server =
        serve(world(&with_field("privatelink/endpoints/1", "EndpointBusinessStatus", "FinancialLocked".into())));
    let inventory = scan_rounds(&server, &[vec![in_hangzhou(NetworkRead::Endpoints("vpc-3".into()))]]).await;
    assert_eq!((gaps(&inventory), inventory.network().vpc_endpoints.len()), (vec![], 2));
}

#[tokio::test]
async fn a_line_between_regions_without_bandwidth_is_unknown_and_the_others_are_not() {
    let line = |id: &str, bandwidth: u64| {
        json!({"TransitRouterAttachmentId": id, "PeerTransitRouterId": "tr-2", "PeerTransitRouterRegionId": "cn-shanghai",
            "Status": "Attached", "Bandwidth": bandwidth})
    };
    let lines = json!([line("tr-attach-12", 5), line("tr-attach-dry", 0), line("tr-attach-dry2", 0)]);
    let server = serve(world(&with_field("cbn/transit_routers/0", "PeerAttachments", lines)));
    let both = vec![router_attachment("tr-attach-12"), router_attachment("tr-attach-dry")];
    let inventory = scan_rounds(&server, &[both]).await;
    // The third came along. What it is will not be asked for again.
    let expected = ["tr-attach-dry", "tr-attach-dry2"]
        .map(|id| format!("ListTransitRouterVpcAttachments {id} failed no-bandwidth"));
    assert_eq!(gaps(&inventory), expected);
    assert!(inventory.coverage().gaps().all(|gap| gap.message.contains(&gap.unit.resource_id)));
    let known = &inventory.network().transit_router_attachments;
    let lines: Vec<&str> = known
        .iter()
        .filter(|one| one.resource_type == "TR")
        .map(|one| one.transit_router_attachment_id.as_str())
        .collect();
    assert_eq!(lines, ["tr-attach-12"]);
    assert_eq!(inventory.coverage().state(&router_attachment("tr-attach-12").unit()), Some(UnitState::Scanned));

    // One that does not say it may have none.
    for kind in ["missing-field", "wrong-type"] {
        let server =
            with_faults(json!([{"action": "ListTransitRouterPeerAttachments", "region_id": "*", "account_id": "*",
            "kind": kind, "field": "Bandwidth", "times": 0}]));
        let inventory = scan_rounds(&server, &[vec![router_attachment("tr-attach-12")]]).await;
        assert_eq!(gaps(&inventory), ["ListTransitRouterVpcAttachments tr-attach-12 failed schema"], "{kind}");
    }
}

#[tokio::test]
async fn what_a_whole_reply_lacks_is_read_and_really_missing() {
    let missing = [
        in_hangzhou(NetworkRead::VSwitches("vpc-9".into())),
        in_hangzhou(NetworkRead::VpcPeer("pcc-9".into())),
        in_hangzhou(NetworkRead::RouterInterface("ri-8".into())),
        in_hangzhou(NetworkRead::Vpn("vpn-9".into())),
        in_hangzhou(NetworkRead::Cen("cen-nowhere".into())),
        in_hangzhou(NetworkRead::Endpoints("vpc-9".into())),
        in_hangzhou(NetworkRead::Nat("vpc-9".into())),
        in_hangzhou(NetworkRead::Instances("vpc-9".into())),
        in_hangzhou(NetworkRead::VpcAttachment { attachment_id: "tr-attach-8".into(), vpc_id: "vpc-9".into() }),
        router_attachment("tr-attach-9"),
    ];
    let inventory = read(&missing).await;
    assert_eq!(gaps(&inventory), [""; 0]);
    for wanted in &missing {
        assert_eq!(inventory.coverage().state(&wanted.unit()), Some(UnitState::Scanned), "{wanted:?}");
        let unit = wanted.unit();
        assert!(!inventory.network().refused.covers(&wanted.scope, &unit.operation, &unit.resource_id), "{wanted:?}");
    }
    assert!(inventory.network().vpc_peers.is_empty() && inventory.network().vpcs.is_empty());
}

#[tokio::test]
async fn a_table_acl_or_group_that_something_uses_cannot_be_missing() {
    let gone = [
        entries("vtb-9", "vpc-1"),
        in_hangzhou(NetworkRead::NetworkAcl("nacl-9".into())),
        in_hangzhou(NetworkRead::SecurityGroup("sg-9".into())),
        in_hangzhou(NetworkRead::TransitRouterEntries {
            table_id: "vtb-tr-9".into(),
            transit_router_id: "tr-1".into(),
        }),
    ];
    let inventory = read(&gone).await;
    for wanted in &gone {
        assert_eq!(inventory.coverage().state(&wanted.unit()), Some(UnitState::Failed), "{wanted:?}");
    }
}

#[tokio::test]
async fn a_region_without_the_product_has_no_endpoints() {
    let server = with_faults(json!([
        {"action": "ListVpcEndpoints", "region_id": "*", "account_id": "*", "kind": "region-not-served", "times": 0}
    ]));
    let wanted = in_hangzhou(NetworkRead::Endpoints("vpc-1".into()));
    let inventory = scan_rounds(&server, &[vec![wanted.clone()]]).await;
    assert_eq!(inventory.coverage().state(&wanted.unit()), Some(UnitState::NotServed));
    assert!(inventory.coverage().complete());
    assert!(!inventory.network().refused.covers(&wanted.scope, "ListVpcEndpoints", "vpc-1"));
}

/// The world, with its transit routers and CENs owned by a second account.
fn two_accounts() -> Value {
    let mut document = document();
    let routers = document["accounts"][0]["cbn"].take();
    document["accounts"][0]["cbn"] = json!({});
    document["accounts"].as_array_mut().unwrap().push(json!({
        "account_id": OTHER, "access_keys": [{"access_key_id": "otherid", "access_key_secret": "othersecret"}],
        "regions": ["cn-hangzhou"], "cbn": routers
    }));
    document
}

#[tokio::test]
async fn what_another_account_of_the_scan_owns_is_found_there() {
    let server = serve(world(&two_accounts()));
    let both = [account("testid", "testsecret"), account("otherid", "othersecret")];
    let scan = first_reading(&server, &both).await.read_more(vec![vpc_attachment()]).await.unwrap();
    let [attachment] = &*scan.inventory.network().transit_router_attachments else { panic!("it was not found") };
    assert_eq!(attachment.scope.account_id.as_str(), OTHER);
    assert_eq!(scan.inventory.coverage().state(&vpc_attachment().unit()), Some(UnitState::Scanned));
}

#[tokio::test]
async fn what_belongs_to_an_account_without_key_is_a_gap() {
    let scope = Scope { account_id: "1000000000000009".into(), region_id: "cn-hangzhou".into() };
    let inventory = read(&[Wanted { scope, read: NetworkRead::VSwitches("vpc-1".into()) }]).await;
    assert_eq!(gaps(&inventory), ["DescribeVSwitches vpc-1 failed no-credentials"]);
    let inventory = read(&[in_hangzhou(NetworkRead::SecurityGroup("sg\"],[".into()))]).await;
    assert_eq!(gaps(&inventory), ["DescribeSecurityGroupAttribute sg\"],[ failed no-identifier"]);
}

#[tokio::test]
async fn an_interrupted_reading_owns_up_to_the_rest() {
    let server = serve(world(&document()));
    let endpoints = Endpoints::default().with_endpoint_url(&server.url()).unwrap();
    let settings = ClientSettings::for_endpoints(&endpoints);
    let client = Client::new(Context::real(HttpSettings::default()).unwrap(), endpoints, settings);
    let at: DateTime<Utc> = DateTime::from_timestamp(1_767_323_045, 0).unwrap();
    let token = CancellationToken::new();
    let accounts = [account("testid", "testsecret")];
    let scan = scan::collect(&client, &accounts, &Settings::default(), at, Arc::new(Silent), &token).await.unwrap();
    token.cancel();
    let scan = scan.read_more(everything()[0].clone()).await.unwrap();
    assert!(scan.interrupted);
    assert!(!gaps(&scan.inventory).is_empty());
    assert!(gaps(&scan.inventory).iter().all(|gap| gap.ends_with("failed interrupted")), "{:?}", gaps(&scan.inventory));
    assert_eq!(network(&scan.inventory), nothing());
}

/// Counts what it is told.
#[derive(Default)]
struct Counter {
    planned: AtomicU64,
    finished: AtomicU64,
}

impl Progress for Counter {
    fn planned(&self, units: u64) {
        self.planned.fetch_add(units, Ordering::Relaxed);
    }

    fn finished(&self, units: u64) {
        self.finished.fetch_add(units, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn progress_counts_every_unit_of_the_ledger() {
    let server = refusing("DescribeVpnGateways");
    let counter = Arc::new(Counter::default());
    let accounts = [account("testid", "testsecret")];
    let mut scan = reading_with(&server, &accounts, counter.clone()).await;
    for wanted in everything() {
        scan = scan.read_more(wanted).await.unwrap();
    }
    let units = scan.inventory.coverage().planned() as u64;
    assert_eq!(counter.planned.load(Ordering::Relaxed), units);
    assert_eq!(counter.finished.load(Ordering::Relaxed), units);
}

/// Lines of the log.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn keys_of_tunnels_are_never_kept_nor_told() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // With one subscriber alone, whether a place in the code is of interest goes by the thread that comes there first, and
    // other tests are on other threads, which have none.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let vpn = vec![in_hangzhou(NetworkRead::Vpn("vpn-1".into()))];
    let mut told = String::new();
    for (kind, field) in [
        ("slow", ""),
        ("truncate", ""),
        ("wrong-type", "Status"),
        ("wrong-type", "TunnelOptions"),
        ("wrong-type", "IkeConfig"),
        ("missing-field", "VpnConnectionId"),
        ("internal-error", ""),
    ] {
        let server = with_faults(json!([
            {"action": "DescribeVpnConnections", "region_id": "*", "account_id": "*", "kind": kind, "field": field, "times": 0}
        ]));
        let inventory = scan_rounds(&server, std::slice::from_ref(&vpn)).await;
        told.push_str(&format!("{inventory:?}"));
        let mut file = Vec::new();
        snapshot::write(&inventory, "0.1.0", &mut file).unwrap();
        told.push_str(&String::from_utf8(zstd::decode_all(&*file).unwrap()).unwrap());
    }
    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("DescribeVpnConnections"), "the log was not caught");
    assert!(told.contains("vco-1") && told.contains("DescribeVpnConnections"));
    for secret in ["plantedpsk", "plantedauthkey", "testsecret"] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(!told.contains(secret), "{secret} was kept");
    }
}
