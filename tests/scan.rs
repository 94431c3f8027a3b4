//! The scanner against the simulated cloud, over real HTTP: what is asked, what comes out, and how
//! every planned read ends, also when the cloud misbehaves.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{
        Arc,
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
    model::{Inventory, Reading, UnitState},
    sandbox::{Behaviour, Server, World, generate},
    scan::{self, Progress, Scan, ScanError, Settings, Silent},
    store::snapshot,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_323_045, 0).unwrap()
}

fn serve(world: World) -> Server {
    Server::start(world, SocketAddr::from(([127, 0, 0, 1], 0)), None).unwrap()
}

fn client(server: &Server) -> Client {
    let endpoints = Endpoints::default().with_endpoint_url(&server.url()).unwrap();
    let settings = ClientSettings::for_endpoints(&endpoints);
    Client::new(Context::real(HttpSettings::default()).unwrap(), endpoints, settings)
}

fn account(server: &Server) -> Account {
    let key = server.first_access_key().unwrap();
    let credentials = Credentials {
        access_key_id: key.access_key_id.clone(),
        access_key_secret: key.access_key_secret.clone().into(),
        security_token: None,
        expiration: None,
    };
    Account::new("test", Arc::new(StaticProvider::new("world", credentials)))
}

async fn scan_with(server: &Server, settings: &Settings, progress: Arc<dyn Progress>) -> Result<Scan, ScanError> {
    let token = CancellationToken::new();
    scan::collect(&client(server), &[account(server)], settings, at(), progress, &token).await
}

async fn scan(server: &Server) -> Inventory {
    scan_with(server, &Settings::default(), Arc::new(Silent)).await.unwrap().inventory
}

fn world(document: &Value) -> World {
    World::from_json("test", &document.to_string()).unwrap()
}

/// `region product operation resource state code` of everything that was not scanned.
fn gaps(inventory: &Inventory) -> Vec<String> {
    inventory
        .coverage()
        .gaps()
        .map(|gap| {
            let state = serde_json::to_value(gap.state).unwrap();
            let unit = &gap.unit;
            format!(
                "{} {} {} {} {} {}",
                unit.region_id,
                unit.product,
                unit.operation,
                unit.resource_id,
                state.as_str().unwrap(),
                gap.code
            )
        })
        .collect()
}

/// How often each operation was called.
fn calls(server: &Server) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for entry in server.journal() {
        *calls.entry(entry.action).or_default() += 1;
    }
    calls
}

/// Two meshes of which one is public with a canary, a public and a private cluster, a security group
/// with lists, a listener with an ACL.
fn small() -> Value {
    let mesh = |id: &str, public: bool, suffix: &str| {
        json!({
            "ServiceMeshInfo": {"ServiceMeshId": id, "Name": format!("mesh {suffix}"), "RegionId": "cn-hangzhou", "State": "running"},
            "Endpoints": {
                "PublicPilotEndpoint": if public { "203.0.113.7:15011" } else { "" },
                "IntranetPilotEndpoint": "10.0.0.5:15011",
                "PublicApiServerEndpoint": "", "IntranetApiServerEndpoint": "https://10.0.0.4:6443"
            },
            "Spec": {
                "LoadBalancer": {
                    "PilotPublicEip": public, "PilotPublicEipId": if public { "eip-1" } else { "" },
                    "PilotPublicLoadbalancerId": format!("lb-pilot{suffix}"),
                    "ApiServerPublicEip": false, "ApiServerPublicEipId": "",
                    "ApiServerLoadbalancerId": format!("lb-api{suffix}")
                },
                "Network": {"VpcId": "vpc-1", "VSwitches": ["vsw-1"], "SecurityGroupId": format!("sg-{suffix}")},
                "MeshConfig": {"Audit": {"Enabled": true}}
            },
            "Clusters": ["c1public"], "Tag": [{"Key": "env", "Value": "test"}]
        })
    };
    let cluster = |id: &str, public: bool| {
        let urls = if public {
            json!({"api_server_endpoint": "https://203.0.113.9:6443", "intranet_api_server_endpoint": "https://10.0.0.9:6443"})
        } else {
            json!({"api_server_endpoint": "", "intranet_api_server_endpoint": "https://10.0.0.10:6443"})
        };
        json!({
            "cluster_id": id, "name": id, "region_id": "cn-hangzhou", "state": "running",
            "cluster_type": "ManagedKubernetes", "profile": "Default", "vpc_id": "vpc-1",
            "security_group_id": "sg-cluster", "ip_stack": "ipv4", "master_url": urls.to_string(),
            "meta_data": json!({"Capabilities": {"PublicSLB": public}}).to_string(), "tags": []
        })
    };
    let rule = |id: &str, field: &str, value: &str| {
        json!({
            "SecurityGroupRuleId": id, "Direction": "ingress", "Policy": "Accept", "Priority": "1", "IpProtocol": "TCP",
            "PortRange": "15011/15011", field: value, "NicType": "intranet"
        })
    };
    let balancer = |id: &str| {
        json!({
            "LoadBalancerId": id, "LoadBalancerName": id, "RegionId": "cn-hangzhou", "Address": "10.0.0.5",
            "AddressType": "intranet", "AddressIPVersion": "ipv4", "LoadBalancerStatus": "active", "VpcId": "vpc-1"
        })
    };
    let eip = |id: &str, address: &str, balancer: &str| {
        json!({
            "AllocationId": id, "IpAddress": address, "RegionId": "cn-hangzhou", "Status": "InUse",
            "InstanceId": balancer, "InstanceType": "SlbInstance", "ServiceManaged": 0
        })
    };
    json!({
        "world": "portcullis.world/v1",
        "accounts": [{
            "account_id": "1000000000000001",
            "access_keys": [{"access_key_id": "testid", "access_key_secret": "testsecret"}],
            "regions": ["cn-hangzhou"],
            "servicemesh": {
                "meshes": [mesh("c08public", true, "1"), mesh("c08private", false, "2")],
                "clusters": {"c08public": [{"ClusterId": "c1public", "Name": "one", "ClusterType": "ManagedKubernetes",
                    "RegionId": "cn-hangzhou", "VpcId": "vpc-1", "State": "running"}]}
            },
            "cs": {
                "clusters": [cluster("c1public", true), cluster("c2private", false)],
                "resources": {
                    "c1public": [{"instance_id": "lb-cluster", "resource_type": "SLB", "resource_info": "{\"Id\":\"k8s_master_slb\"}"}],
                    "c2private": [{"instance_id": "lb-other", "resource_type": "SLB", "resource_info": "{\"Id\":\"k8s_master_slb\"}"}]
                }
            },
            "ecs": {
                "security_groups": [
                    {"SecurityGroupId": "sg-1", "SecurityGroupName": "mesh", "SecurityGroupType": "normal", "VpcId": "vpc-1",
                     "InnerAccessPolicy": "Accept", "RegionId": "cn-hangzhou", "Permissions": {"Permission": [
                        rule("sgr-1", "SourceCidrIp", "198.51.100.0/24"), rule("sgr-2", "SourcePrefixListId", "pl-1")]}},
                    {"SecurityGroupId": "sg-2", "SecurityGroupType": "normal", "VpcId": "vpc-1", "RegionId": "cn-hangzhou",
                     "Permissions": {"Permission": []}},
                    {"SecurityGroupId": "sg-cluster", "SecurityGroupType": "enterprise", "VpcId": "vpc-1",
                     "RegionId": "cn-hangzhou", "Permissions": {"Permission": [rule("sgr-3", "SourceCidrIp", "0.0.0.0/0")]}}
                ],
                "prefix_lists": [{"PrefixListId": "pl-1", "AddressFamily": "IPv4", "RegionId": "cn-hangzhou",
                    "Entries": {"Entry": [{"Cidr": "192.0.2.0/24"}]}}]
            },
            "vpc": {"vpcs": [{"VpcId": "vpc-1", "RegionId": "cn-hangzhou"}],
                    "eips": [eip("eip-1", "203.0.113.7", "lb-pilot1"), eip("eip-2", "203.0.113.9", "lb-cluster")]},
            "slb": {
                "load_balancers": [balancer("lb-pilot1"), balancer("lb-pilot2"), balancer("lb-api1"), balancer("lb-api2"),
                                   balancer("lb-cluster"), balancer("lb-other")],
                "listeners": [
                    {"LoadBalancerId": "lb-pilot1", "ListenerPort": 15011, "ListenerProtocol": "tcp", "Status": "running", "AclStatus": "off"},
                    {"LoadBalancerId": "lb-cluster", "ListenerPort": 6443, "ListenerProtocol": "tcp", "Status": "running",
                     "AclStatus": "on", "AclType": "white", "AclIds": ["acl-1"]}
                ],
                "acls": [{"AclId": "acl-1", "AclName": "offices", "AddressIPVersion": "ipv4", "RegionId": "cn-hangzhou",
                    "AclEntrys": {"AclEntry": [{"AclEntryIP": "203.0.113.0/24"}, {"AclEntryIP": "100.104.0.0/16"}]}}]
            }
        }]
    })
}

fn with_faults(faults: Value) -> Server {
    let mut document = small();
    document["faults"] = faults;
    serve(world(&document))
}

#[tokio::test]
async fn what_is_exposed_is_read_with_all_that_stands_in_front() {
    let server = serve(world(&small()));
    let inventory = scan(&server).await;
    assert_eq!(gaps(&inventory), [""; 0]);
    let account = "1000000000000001".into();

    let mesh = inventory.mesh(&account, &"c08public".into()).unwrap();
    assert_eq!(mesh.pilot.public_flag, Reading::Value(true));
    assert_eq!(mesh.pilot.public_endpoint, Reading::Value("203.0.113.7:15011".to_owned()));
    assert_eq!(mesh.pilot.eip_id, Reading::Value("eip-1".into()));
    assert_eq!(mesh.canary_pilot, Reading::Absent);
    assert_eq!(mesh.audit_enabled, Reading::Value(true));
    assert_eq!(mesh.tags["env"], "test");
    assert_eq!(mesh.data_plane.value().map(Vec::len), Some(1));

    let cluster = inventory.cluster(&account, &"c1public".into()).unwrap();
    assert_eq!(cluster.api_server.load_balancer_id, Reading::Value("lb-cluster".into()));
    let private = inventory.cluster(&account, &"c2private".into()).unwrap();
    assert_eq!(private.api_server.public_endpoint, Reading::Absent);
    assert_eq!(private.api_server.load_balancer_id, Reading::Absent);

    let balancer = inventory.load_balancer(&account, &"lb-cluster".into()).unwrap();
    assert_eq!(balancer.listeners.value().unwrap()[0].acl_ids, ["acl-1".into()]);
    let acl = inventory.acl(&account, &"acl-1".into()).unwrap();
    assert_eq!(acl.entries, ["100.104.0.0/16".into(), "203.0.113.0/24".into()]);
    let group = inventory.security_group(&account, &"sg-1".into()).unwrap();
    assert_eq!(group.security_group_type, Reading::Value("normal".to_owned()));
    assert_eq!(group.permissions.len(), 2);
    assert_eq!(inventory.prefix_list(&account, &"pl-1".into()).unwrap().entries, ["192.0.2.0/24".into()]);
}

#[tokio::test]
async fn whether_clusters_use_the_api_server_of_their_mesh_is_read_under_both_names() {
    let read = async |extra: Value| {
        let mut document = small();
        document["accounts"][0]["servicemesh"]["meshes"][0]["Spec"]["MeshConfig"]["ExtraConfiguration"] = extra;
        let inventory = scan(&serve(world(&document))).await;
        let complained = gaps(&inventory).iter().any(|gap| gap.contains("DescribeServiceMeshDetail"));
        let mesh = inventory.mesh(&"1000000000000001".into(), &"c08public".into()).unwrap();
        (mesh.cr_aggregation.clone(), complained)
    };
    let configured = |enabled: Value| json!({"CRAggregationConfiguration": {"Enabled": enabled}});
    assert_eq!(read(json!({})).await, (Reading::Absent, false));
    assert_eq!(read(configured(json!(true))).await, (Reading::Value(true), false));
    assert_eq!(read(configured(json!(false))).await, (Reading::Value(false), false));
    assert_eq!(read(json!({"CRAggregationEnabled": true})).await, (Reading::Value(true), false));
    let mut contradicting = configured(json!(false));
    contradicting["CRAggregationEnabled"] = json!(true);
    assert_eq!(read(contradicting).await, (Reading::Value(true), false), "one of them says that they do");
    for unreadable in [configured(json!([1])), json!({"CRAggregationConfiguration": 7}), json!([1])] {
        assert_eq!(read(unreadable.clone()).await, (Reading::Unread, true), "{unreadable}");
    }
}

#[tokio::test]
async fn nothing_is_asked_that_no_verdict_needs() {
    let server = serve(world(&small()));
    scan(&server).await;
    let calls = calls(&server);
    let expected: BTreeMap<String, usize> = [
        ("GetCallerIdentity", 1),
        ("DescribeServiceMeshes", 1),
        ("DescribeServiceMeshDetail", 2),
        ("DescribeClustersInServiceMesh", 2),
        ("DescribeClustersV1", 1),
        ("DescribeClusterDetail", 2),
        // Of the public cluster only: every public balancer is then claimed.
        ("DescribeClusterResources", 1),
        ("DescribeEipAddresses", 1),
        // The public ones of the region, and the two behind which something exposed stands.
        ("DescribeLoadBalancers", 2),
        ("ListLoadBalancers", 1),
        ("DescribeLoadBalancerListeners", 1),
        ("DescribeAccessControlListAttribute", 1),
        ("DescribeSecurityGroups", 1),
        ("DescribeSecurityGroupAttribute", 2),
        ("DescribePrefixListAttributes", 1),
        // Of two products.
        ("DescribeRegions", 2),
    ]
    .into_iter()
    .map(|(action, count)| (action.to_owned(), count))
    .collect();
    assert_eq!(calls, expected);
    let asked: BTreeSet<String> = server.journal().into_iter().flat_map(|entry| entry.params.into_values()).collect();
    for private in ["lb-other", "lb-pilot2", "lb-api2", "sg-2"] {
        assert!(!asked.iter().any(|value| value.contains(private)), "{private} was asked about");
    }
}

/// One call for the listeners of ten balancers, and none for fewer.
#[tokio::test]
async fn the_listeners_of_ten_balancers_are_one_call() {
    let mut document = small();
    for number in 0..23 {
        let balancer = json!({
            "LoadBalancerId": format!("lb-public{number}"), "LoadBalancerName": "", "RegionId": "cn-hangzhou",
            "Address": format!("203.0.113.{}", 100 + number), "AddressType": "internet", "AddressIPVersion": "ipv4",
            "LoadBalancerStatus": "active", "VpcId": "vpc-1"
        });
        document["accounts"][0]["slb"]["load_balancers"].as_array_mut().unwrap().push(balancer);
    }
    let server = serve(world(&document));
    scan(&server).await;
    let calls = server.journal().into_iter().filter(|entry| entry.action == "DescribeLoadBalancerListeners");
    let mut asked: Vec<BTreeSet<String>> = calls
        .map(|call| {
            call.params.into_iter().filter(|(name, _)| name.starts_with("LoadBalancerId")).map(|it| it.1).collect()
        })
        .collect();
    asked.sort_by_key(BTreeSet::len);
    let balancers: BTreeSet<&String> = asked.iter().flatten().collect();
    // The public ones, and the two behind which something exposed stands.
    assert_eq!(balancers.len(), 25);
    assert_eq!(asked.iter().map(BTreeSet::len).collect::<Vec<_>>(), [5, 10, 10]);
}

#[tokio::test]
async fn an_eip_bound_behind_a_clusters_back_is_found() {
    let mut document = small();
    document["accounts"][0]["vpc"]["eips"].as_array_mut().unwrap().push(json!({
        "AllocationId": "eip-3", "IpAddress": "203.0.113.10", "RegionId": "cn-hangzhou", "Status": "InUse",
        "InstanceId": "lb-other", "InstanceType": "SlbInstance", "ServiceManaged": 0
    }));
    let server = serve(world(&document));
    let inventory = scan(&server).await;
    assert_eq!(gaps(&inventory), [""; 0]);
    let account = "1000000000000001".into();
    let cluster = inventory.cluster(&account, &"c2private".into()).unwrap();
    assert_eq!(cluster.api_server.load_balancer_id, Reading::Value("lb-other".into()));
    assert!(inventory.load_balancer(&account, &"lb-other".into()).unwrap().listeners.value().is_some());
}

#[tokio::test]
async fn an_unclaimed_public_balancer_is_read_with_its_listeners() {
    let mut document = small();
    let slb = &mut document["accounts"][0]["slb"];
    slb["load_balancers"].as_array_mut().unwrap().push(json!({
        "LoadBalancerId": "lb-stray", "RegionId": "cn-hangzhou", "Address": "203.0.113.77", "AddressType": "internet",
        "AddressIPVersion": "ipv4", "LoadBalancerStatus": "active"
    }));
    slb["listeners"].as_array_mut().unwrap().push(json!(
        {"LoadBalancerId": "lb-stray", "ListenerPort": 6443, "ListenerProtocol": "tcp", "Status": "running", "AclStatus": "off"}
    ));
    let server = serve(world(&document));
    let inventory = scan(&server).await;
    assert_eq!(gaps(&inventory), [""; 0]);
    let stray = inventory.load_balancer(&"1000000000000001".into(), &"lb-stray".into()).unwrap();
    assert_eq!(stray.listeners.value().unwrap()[0].listener_port, 6443);
}

/// Every read that the small world needs, by operation.
const OPERATIONS: [&str; 14] = [
    "DescribeServiceMeshes",
    "DescribeServiceMeshDetail",
    "DescribeClustersInServiceMesh",
    "DescribeClustersV1",
    "DescribeClusterDetail",
    "DescribeClusterResources",
    "DescribeEipAddresses",
    "DescribeLoadBalancers",
    "ListLoadBalancers",
    "DescribeLoadBalancerListeners",
    "DescribeAccessControlListAttribute",
    "DescribeSecurityGroups",
    "DescribeSecurityGroupAttribute",
    "DescribePrefixListAttributes",
];

#[tokio::test]
async fn passing_trouble_changes_nothing() {
    let calm = scan(&serve(world(&small()))).await;
    for kind in ["throttle", "http-503", "internal-error", "reset", "reset-mid-body", "truncate", "html"] {
        let faults: Vec<Value> = OPERATIONS
            .iter()
            .map(|action| json!({"action": action, "region_id": "*", "account_id": "*", "kind": kind, "times": 1}))
            .collect();
        let server = with_faults(json!(faults));
        let inventory = scan(&server).await;
        assert_eq!(gaps(&inventory), [""; 0], "{kind}");
        assert_eq!(inventory, calm, "{kind}");
    }
}

#[tokio::test]
async fn a_refused_read_is_a_gap_for_exactly_what_it_hid() {
    for action in OPERATIONS {
        let server = with_faults(json!([
            {"action": action, "region_id": "*", "account_id": "*", "kind": "deny", "times": 0}
        ]));
        let inventory = scan(&server).await;
        let gaps = gaps(&inventory);
        assert!(!gaps.is_empty(), "{action}");
        for gap in &gaps {
            assert!(gap.contains(action) && gap.contains("denied"), "{action}: {gap}");
        }
    }
}

#[tokio::test]
async fn a_flag_that_is_missing_is_not_false() {
    let server = with_faults(json!([
        {"action": "DescribeServiceMeshDetail", "region_id": "*", "account_id": "*", "match": {"ServiceMeshId": "c08public"},
         "kind": "missing-field", "field": "PilotPublicEip", "times": 0}
    ]));
    let inventory = scan(&server).await;
    assert_eq!(gaps(&inventory), ["cn-hangzhou servicemesh DescribeServiceMeshDetail c08public failed schema"]);
    // The list and the other signs of the detail still count.
    let mesh = inventory.mesh(&"1000000000000001".into(), &"c08public".into()).unwrap();
    assert_eq!(mesh.pilot.public_flag, Reading::Value(true));
    assert_eq!(mesh.pilot.eip_id, Reading::Value("eip-1".into()));
}

/// It may have any address, so that a rule for one would seem to be for nobody.
/// The word of `control_plane_endpoints_config` is a sign like any other.
#[tokio::test]
async fn an_endpoint_that_is_called_public_is_one() {
    let read = async |kind: &str, endpoint: &str| {
        let mut document = small();
        let clusters = document["accounts"][0]["cs"]["clusters"].as_array_mut().unwrap();
        for cluster in clusters {
            let balancer = json!({"endpoint": endpoint, "endpoint_type": kind, "load_balancer_id": "lb-private"});
            cluster["master_url"] = json!("{\"intranet_api_server_endpoint\":\"https://10.0.0.9:6443\"}");
            cluster["meta_data"] = json!("{\"Capabilities\":{\"PublicSLB\":false}}");
            cluster["control_plane_endpoints_config"] = json!({"load_balancers_config": [balancer]});
        }
        let inventory = scan(&serve(world(&document))).await;
        let entrance = inventory.clusters()[0].api_server.clone();
        let failed = gaps(&inventory).iter().any(|gap| gap.contains("DescribeClusterDetail") && gap.contains("schema"));
        (entrance.public_endpoint, entrance.public_flag, failed)
    };
    let named = Reading::Value("nlb-1.nlb.aliyuncsslb.com".to_owned());
    let no = Reading::Value(false);
    assert_eq!(read("public", "nlb-1.nlb.aliyuncsslb.com").await, (named.clone(), no.clone(), false));
    assert_eq!(read("Public", "nlb-1.nlb.aliyuncsslb.com").await, (named, no.clone(), false));
    assert_eq!(read("public", "").await, (Reading::Absent, Reading::Value(true), false));
    assert_eq!(read("private", "nlb-1.nlb.aliyuncsslb.com").await, (Reading::Absent, no.clone(), false));
    assert_eq!(read("semi", "nlb-1.nlb.aliyuncsslb.com").await, (Reading::Absent, no, true));
}

#[tokio::test]
async fn where_a_listener_forwards_to_is_read_where_it_is_told() {
    for (told, group, read) in [
        (json!(6443), "", Reading::Value(6443)),
        (json!("6443"), "", Reading::Value(6443)),
        (json!(6443), "rsp-1", Reading::Value(6443)),
        (json!(-520), "", Reading::Absent),
        (json!(null), "rsp-1", Reading::Absent),
        (json!(null), "", Reading::Unread),
    ] {
        let mut document = small();
        document["accounts"][0]["slb"]["listeners"][0]["BackendServerPort"] = told.clone();
        document["accounts"][0]["slb"]["listeners"][0]["VServerGroupId"] = group.into();
        let inventory = scan(&serve(world(&document))).await;
        let balancer =
            inventory.load_balancers().iter().find(|one| one.load_balancer_id.as_str() == "lb-pilot1").unwrap();
        let listeners = balancer.listeners.value().unwrap();
        assert_eq!(listeners[0].backend_server_port, read, "{told}");
        assert!(!gaps(&inventory).iter().any(|gap| gap.contains("Listeners")), "{told}: {:?}", gaps(&inventory));
    }
}

/// What an EIP is bound to is known by its id: one that is none hides it.
#[tokio::test]
async fn an_eip_that_is_bound_to_no_id_is_a_gap() {
    for id in [" lb-1", "lb-1 ", "lb/1", "lb-1\n"] {
        let mut document = small();
        document["accounts"][0]["vpc"]["eips"][0]["InstanceId"] = json!(id);
        let inventory = scan(&serve(world(&document))).await;
        let gap = "cn-hangzhou vpc DescribeEipAddresses  failed schema".to_owned();
        assert!(gaps(&inventory).contains(&gap), "{id:?}: {:?}", gaps(&inventory));
    }
}

#[tokio::test]
async fn an_interface_that_shows_no_private_address_is_a_gap() {
    let text = std::fs::read_to_string("src/sandbox/worlds/destination-narrowed/world.json").unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let gap = ["cn-hangzhou ecs DescribeNetworkInterfaces sg-mesh failed schema"];
    for (primary, set, expected) in [
        (json!("10.0.0.50"), json!([{"PrivateIpAddress": "10.0.0.50"}]), &[][..]),
        (json!(""), json!([{"PrivateIpAddress": "10.0.0.50"}]), &[]),
        (json!("10.0.0.50"), json!([]), &[]),
        (json!(""), json!([]), &gap),
        (Value::Null, json!([]), &gap),
        (json!(["10.0.0.50"]), json!([]), &gap),
        (json!("10.0.0.50"), json!([{"PrivateIpAddress": ""}]), &gap),
        (json!("10.0.0.50"), json!([{"Primary": true}]), &gap),
    ] {
        let mut document = document.clone();
        let interface = document.pointer_mut("/accounts/0/ecs/network_interfaces/0").unwrap();
        interface["PrivateIpAddress"] = primary.clone();
        interface["PrivateIpSets"] = json!({"PrivateIpSet": set});
        let inventory = scan(&serve(world(&document))).await;
        assert_eq!(gaps(&inventory), expected, "{primary} {set}");
    }
}

#[tokio::test]
async fn a_bad_resource_does_not_hide_the_others_of_its_call() {
    let server = with_faults(json!([
        {"action": "DescribeLoadBalancers", "region_id": "*", "account_id": "*", "match": {"LoadBalancerId": "lb-cluster,lb-pilot1"},
         "kind": "not-found", "times": 0},
        {"action": "DescribeLoadBalancers", "region_id": "*", "account_id": "*", "match": {"LoadBalancerId": "lb-cluster"},
         "kind": "not-found", "times": 0}
    ]));
    let inventory = scan(&server).await;
    let gaps = gaps(&inventory);
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(gaps[0].starts_with("cn-hangzhou slb DescribeLoadBalancers lb-cluster failed"), "{gaps:?}");
    assert!(inventory.load_balancer(&"1000000000000001".into(), &"lb-pilot1".into()).is_some());
}

/// An empty field says that it has no group, a missing one says nothing.
#[tokio::test]
async fn a_cluster_without_the_field_of_its_group_is_not_one_without_group() {
    for (told, read) in [
        (Some(json!("sg-1")), Reading::Value("sg-1".into())),
        (Some(json!("")), Reading::Absent),
        (Some(json!(null)), Reading::Absent),
        (None, Reading::Unread),
    ] {
        let mut document = small();
        let clusters = document["accounts"][0]["cs"]["clusters"].as_array_mut().unwrap();
        let cluster = clusters[0].as_object_mut().unwrap();
        cluster.remove("security_group_id");
        cluster.extend(told.clone().map(|id| ("security_group_id".to_owned(), id)));
        let id = cluster["cluster_id"].as_str().unwrap().to_owned();
        let inventory = scan(&serve(world(&document))).await;
        let cluster = inventory.clusters().iter().find(|one| one.cluster_id.as_str() == id).unwrap();
        assert_eq!(cluster.security_group_id, read, "{told:?}");
        let missed = gaps(&inventory).iter().any(|gap| gap.contains(&format!("DescribeClusterDetail {id} failed")));
        assert_eq!(missed, told.is_none(), "{told:?}: {:?}", gaps(&inventory));
    }
}

#[tokio::test]
async fn a_listed_cluster_that_does_not_exist_is_gone_only_if_the_list_agrees() {
    let server = with_faults(json!([
        {"action": "DescribeClusterDetail", "region_id": "*", "account_id": "*", "match": {"cluster_id": "c2private"},
         "kind": "not-found", "times": 0}
    ]));
    let inventory = scan(&server).await;
    let gaps = gaps(&inventory);
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(gaps[0].starts_with("cn-hangzhou cs DescribeClusterDetail c2private failed"), "{gaps:?}");
    assert!(inventory.cluster(&"1000000000000001".into(), &"c2private".into()).is_some());
    assert_eq!(calls(&server)["DescribeClustersV1"], 2);
}

#[tokio::test]
async fn an_unknown_region_is_refused_with_a_suggestion() {
    let server = serve(world(&small()));
    let settings = Settings { regions: vec!["cn-hangzou".into()], ..Settings::default() };
    let error = scan_with(&server, &settings, Arc::new(Silent)).await.unwrap_err();
    assert!(error.to_string().contains("did you mean \"cn-hangzhou\""), "{error}");
    assert!(!calls(&server).contains_key("DescribeServiceMeshes"));
}

#[tokio::test]
async fn an_excluded_region_is_in_the_ledger_and_not_asked() {
    let server = serve(world(&small()));
    let settings = Settings { excluded_regions: vec!["cn-hangzhou".into()], ..Settings::default() };
    let inventory = scan_with(&server, &settings, Arc::new(Silent)).await.unwrap().inventory;
    assert!(inventory.coverage().complete());
    assert_eq!(inventory.coverage().count(UnitState::Excluded), 6);
    assert!(!calls(&server).contains_key("DescribeClustersV1"));
}

#[tokio::test]
async fn keys_that_are_refused_end_the_scan() {
    let server =
        with_faults(json!([{"action": "*", "region_id": "*", "account_id": "*", "kind": "bad-signature", "times": 0}]));
    let error = scan_with(&server, &Settings::default(), Arc::new(Silent)).await.unwrap_err();
    assert!(matches!(error, ScanError::NoAccount { .. }), "{error}");
}

/// Interrupts the scan at the n-th unit.
struct Interrupter {
    left: AtomicU64,
    token: CancellationToken,
    planned: AtomicU64,
    finished: AtomicU64,
}

impl Progress for Interrupter {
    fn planned(&self, units: u64) {
        self.planned.fetch_add(units, Ordering::Relaxed);
    }

    fn finished(&self, units: u64) {
        self.finished.fetch_add(units, Ordering::Relaxed);
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.token.cancel();
        }
    }
}

#[tokio::test]
async fn an_interrupted_scan_keeps_what_was_read_and_owns_up_to_the_rest() {
    for units in [1, 4, 8, 12] {
        let server = serve(world(&small()));
        let token = CancellationToken::new();
        let progress = Arc::new(Interrupter {
            left: AtomicU64::new(units),
            token: token.clone(),
            planned: AtomicU64::new(0),
            finished: AtomicU64::new(0),
        });
        let scan =
            scan::collect(&client(&server), &[account(&server)], &Settings::default(), at(), progress.clone(), &token)
                .await
                .unwrap();
        assert!(scan.interrupted);
        assert!(!scan.inventory.coverage().complete());
        assert!(gaps(&scan.inventory).iter().all(|gap| gap.ends_with("failed interrupted")));
        assert!(scan.inventory.coverage().count(UnitState::Scanned) >= 1);
        assert_eq!(progress.planned.load(Ordering::Relaxed), progress.finished.load(Ordering::Relaxed));
    }
}

#[tokio::test]
async fn progress_counts_every_unit_of_the_ledger() {
    let server = serve(world(&small()));
    let progress = Arc::new(Interrupter {
        left: AtomicU64::new(u64::MAX),
        token: CancellationToken::new(),
        planned: AtomicU64::new(0),
        finished: AtomicU64::new(0),
    });
    let scan = scan_with(&server, &Settings::default(), progress.clone()).await.unwrap();
    let planned = scan.inventory.coverage().planned() as u64;
    assert_eq!(progress.planned.load(Ordering::Relaxed), planned);
    assert_eq!(progress.finished.load(Ordering::Relaxed), planned);
}

#[tokio::test]
async fn the_order_of_answers_does_not_matter() {
    let size = generate::Size { meshes: 6, clusters: 60, eips: 40, groups: 12, rules: 60, ..generate::Size::default() };
    let calm = scan(&serve(size.world())).await;
    assert_eq!(gaps(&calm), [""; 0]);
    assert_eq!((calm.meshes().len(), calm.clusters().len()), (6, 60));
    for seed in 1..=5 {
        let behaviour = Behaviour { jitter_ms: 5, page_cap: 7, seed, ..Behaviour::default() };
        let inventory = scan(&serve(size.world().with_behaviour(behaviour))).await;
        assert_eq!(snapshot::digest(&inventory), snapshot::digest(&calm), "seed {seed}");
    }
}

#[tokio::test]
async fn replies_of_another_shape_fail_their_unit_and_no_other() {
    for (action, field) in [
        ("DescribeEipAddresses", "EipAddresses"),
        ("DescribeClusterDetail", "master_url"),
        ("DescribeLoadBalancerListeners", "AclStatus"),
        ("DescribeSecurityGroupAttribute", "Permissions"),
        ("DescribeAccessControlListAttribute", "AclEntrys"),
        ("DescribePrefixListAttributes", "Entries"),
        ("DescribeServiceMeshDetail", "ApiServerPublicEip"),
        ("DescribeServiceMeshes", "ServiceMeshes"),
        ("DescribeClustersV1", "clusters"),
        ("DescribeClustersInServiceMesh", "Clusters"),
        ("DescribeSecurityGroups", "SecurityGroupType"),
    ] {
        for kind in ["missing-field", "wrong-type"] {
            let server = with_faults(json!([
                {"action": action, "region_id": "*", "account_id": "*", "kind": kind, "field": field, "times": 0}
            ]));
            let gaps = gaps(&scan(&server).await);
            assert!(!gaps.is_empty(), "{kind} {field}: nothing was noticed");
            for gap in &gaps {
                // A page without its list is a page that holds nothing of what the total promises.
                let noticed = gap.ends_with("failed schema") || gap.ends_with("failed missing-page");
                assert!(gap.contains(action) && noticed, "{kind} {field}: {gap}");
            }
        }
    }
}

#[tokio::test]
async fn a_snapshot_of_a_scan_is_read_back_whole() {
    let inventory = scan(&serve(world(&small()))).await;
    let mut file = Vec::new();
    let digest = snapshot::write(&inventory, "0.1.0", &mut file).unwrap();
    assert_eq!(snapshot::read(&*file).unwrap(), (inventory, digest));
    let text = String::from_utf8(zstd::decode_all(&*file).unwrap()).unwrap();
    assert!(text.contains(r#""Kind":"mesh""#));
    assert!(!text.contains("testsecret"));
}
