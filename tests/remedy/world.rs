//! A cloud in which every kind of change may be made: a mesh whose pilot nobody needs in public, one with a canary, a mesh
//! API server and a cluster API server whose audit logs hold nobody from the internet; and one that needs a fence.

use chrono::Utc;
use portcullis::{
    model::{AclId, ClusterId, EipId, MeshId},
    remediate::{AclKind, AclSetting, Action, Change, Endpoint, Target},
};
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "1000000000000001";
pub(crate) const REGION: &str = "cn-shanghai";
const PILOT: &str = "203.0.113.8";
const MESH_API: &str = "203.0.113.9";
const CANARY: &str = "203.0.113.10";
const CLUSTER_API: &str = "203.0.113.11";
const FAR_EGRESS: &str = "198.51.100.7";

/// How many times as fast as ours its time runs: half a minute of ours is a whole soak.
const TIME_SCALE: u32 = 3_600;

fn listener(balancer: &str, port: u16) -> Value {
    json!({"LoadBalancerId": balancer, "ListenerPort": port, "ListenerProtocol": "tcp", "Status": "running", "AclStatus": "off"})
}

fn balancer(id: &str, address: &str) -> Value {
    json!({"LoadBalancerId": id, "RegionId": REGION, "Address": address, "AddressType": "intranet", "AddressIPVersion": "ipv4",
        "LoadBalancerStatus": "active", "VpcId": "vpc-1", "VSwitchId": "vsw-1", "Tags": {"Tag": []}})
}

fn eip(id: &str, address: &str, balancer: &str) -> Value {
    json!({"AllocationId": id, "IpAddress": address, "Status": "InUse", "InstanceId": balancer, "InstanceType": "SlbInstance",
        "RegionId": REGION, "ServiceManaged": 0, "BusinessStatus": "Normal", "ChargeType": "PostPaid",
        "DeletionProtection": false, "OperationLocks": {"LockReason": []}, "Tags": {"Tag": []}})
}

fn vpc(number: u8) -> Value {
    json!({"VpcId": format!("vpc-{number}"), "RegionId": REGION, "CidrBlock": format!("10.{number}.0.0/16"), "Status": "Available"})
}

fn switch(number: u8) -> Value {
    json!({"VSwitchId": format!("vsw-{number}"), "VpcId": format!("vpc-{number}"), "CidrBlock": format!("10.{number}.0.0/24"),
        "RouteTable": {"RouteTableId": format!("vtb-{number}"), "RouteTableType": "System"}})
}

fn entry(id: &str, block: &str, kind: &str, hop: &str) -> Value {
    json!({"RouteEntryId": id, "DestinationCidrBlock": block, "Type": "Custom", "Status": "Available",
        "NextHops": {"NextHop": [{"NextHopType": kind, "NextHopId": hop, "Enabled": 1}]}})
}

fn table(number: u8, entries: Value) -> Value {
    json!({"RouteEntrys": {"RouteEntry": entries}, "RouteTableId": format!("vtb-{number}"), "RouteTableType": "System",
        "VpcId": format!("vpc-{number}"), "AssociateType": "VSwitch"})
}

fn cluster(id: &str, vpc: u8, public: Option<&str>, private: &str) -> Value {
    let url = json!({"api_server_endpoint": public.map(|it| format!("https://{it}:6443")).unwrap_or_default(),
        "intranet_api_server_endpoint": format!("https://{private}:6443")});
    json!({"cluster_id": id, "name": id, "region_id": REGION, "state": "running", "cluster_type": "ManagedKubernetes",
        "profile": "Default", "vpc_id": format!("vpc-{vpc}"), "vswitch_ids": [format!("vsw-{vpc}")], "security_group_id": "",
        "ip_stack": "ipv4", "container_cidr": "", "tags": [], "master_url": url.to_string(),
        "meta_data": json!({"Capabilities": {"PublicSLB": public.is_some()}}).to_string()})
}

fn in_data_plane(id: &str, vpc: u8) -> Value {
    json!({"ClusterId": id, "Name": id, "ClusterType": "ManagedKubernetes", "RegionId": REGION, "VpcId": format!("vpc-{vpc}"), "State": "running"})
}

fn proxy(number: u32) -> Value {
    json!({"ProxyId": format!("pod-{number}.default"), "IstioVersion": "1.22", "ClusterSynced": "SYNCED", "ListenerSynced": "SYNCED",
        "RouteSynced": "SYNCED", "EndpointSynced": "SYNCED"})
}

/// What a node in the VPC does each hour of the window.
fn audited() -> Value {
    let now = Utc::now().timestamp();
    let at = |hours: i64| {
        json!({"__time__": (now - 120 - hours * 3600).to_string(), "stage": "ResponseComplete", "sourceIPs": "[\"10.1.0.20\"]",
            "user.username": "system:node:n1", "userAgent": "kubelet", "responseStatus.code": "200"})
    };
    (0..=30 * 24).map(at).collect::<Vec<_>>().into()
}

/// The world without logs: small, for what does not go by them.
pub(crate) fn quiet() -> Value {
    json!({
        "world": "portcullis.world/v1",
        "accounts": [{
            "account_id": ACCOUNT,
            "access_keys": [{"access_key_id": "testid", "access_key_secret": "testsecret"}],
            "regions": ["cn-hangzhou", REGION],
            "servicemesh": {
                "meshes": [{
                    "ServiceMeshInfo": {"ServiceMeshId": "c0mesh", "Name": "mesh", "RegionId": REGION, "State": "running"},
                    "Endpoints": {"PublicPilotEndpoint": format!("{PILOT}:15011"), "IntranetPilotEndpoint": "10.1.0.5:15011",
                        "PublicApiServerEndpoint": format!("https://{MESH_API}:6443"), "IntranetApiServerEndpoint": "https://10.1.0.4:6443",
                        "PublicCanaryPilotEndpoint": "", "IntranetCanaryPilotEndpoint": ""},
                    "Spec": {
                        "LoadBalancer": {"PilotPublicEip": true, "PilotPublicEipId": "eip-pilot", "PilotPublicLoadbalancerId": "lb-pilot",
                            "ApiServerPublicEip": true, "ApiServerPublicEipId": "eip-mapi", "ApiServerLoadbalancerId": "lb-mapi",
                            "CanaryPilotPublicEipId": "", "CanaryPilotLoadBalancerId": ""},
                        "Network": {"VpcId": "vpc-1", "VSwitches": ["vsw-1"], "SecurityGroupId": "sg-mesh"},
                        "MeshConfig": {"Audit": {"Enabled": true, "Project": "project-of-mesh"}}},
                    "Clusters": ["c1far", "c1near"], "Tag": []}],
                "clusters": {"c0mesh": [in_data_plane("c1far", 2), in_data_plane("c1near", 1)]},
                "proxy_status": {"c0mesh": (0..10).map(proxy).collect::<Vec<_>>()},
            },
            "cs": {
                "clusters": [cluster("c1far", 2, None, "10.2.0.9"), cluster("c1near", 1, None, "10.1.0.11"),
                    cluster("c2api", 1, Some(CLUSTER_API), "10.1.0.9")],
                "resources": {"c2api": [{"cluster_id": "c2api", "instance_id": "lb-api", "resource_type": "SLB",
                    "resource_info": "{\"Id\": \"k8s_master_slb\"}", "state": "CREATE_COMPLETE", "creator_type": "system"}]}},
            "ecs": {"security_groups": [{"SecurityGroupId": "sg-mesh", "SecurityGroupName": "mesh", "SecurityGroupType": "normal",
                "VpcId": "vpc-1", "RegionId": REGION, "InnerAccessPolicy": "Drop", "Permissions": {"Permission": [{"SecurityGroupRuleId": "sgr-1",
                    "Direction": "ingress", "Policy": "Accept", "Priority": "1", "IpProtocol": "ALL", "PortRange": "-1/-1",
                    "SourceCidrIp": "0.0.0.0/0", "NicType": "intranet"}]}}]},
            "vpc": {
                "vpcs": [vpc(1), vpc(2)],
                "vswitches": [switch(1), switch(2)],
                "route_tables": [table(1, json!([entry("rte-1", "10.2.0.0/16", "VpcPeer", "pcc-1")])),
                    table(2, json!([entry("rte-2", "10.1.0.0/16", "VpcPeer", "pcc-1"), entry("rte-3", "0.0.0.0/0", "NatGateway", "ngw-2")]))],
                "eips": [eip("eip-pilot", PILOT, "lb-pilot"), eip("eip-mapi", MESH_API, "lb-mapi"), eip("eip-api", CLUSTER_API, "lb-api")],
                "nat_gateways": [{"NatGatewayId": "ngw-2", "VpcId": "vpc-2", "RegionId": REGION, "NetworkType": "internet",
                    "Status": "Available", "SnatTableIds": {"SnatTableId": ["stb-2"]}}],
                "snat_entries": [{"SnatEntryId": "snat-2", "SnatTableId": "stb-2", "NatGatewayId": "ngw-2", "SnatIp": FAR_EGRESS,
                    "SourceCIDR": "10.2.0.0/16", "SourceVSwitchId": "", "Status": "Available"}],
                "flow_logs": []},
            "vpcpeer": {"connections": [{"InstanceId": "pcc-1", "Status": "Activated", "RegionId": REGION, "AcceptingRegionId": REGION,
                "OwnerId": 1_000_000_000_000_001_u64, "AcceptingOwnerUid": 1_000_000_000_000_001_u64, "Vpc": {"VpcId": "vpc-2"},
                "AcceptingVpc": {"VpcId": "vpc-1"}}]},
            "slb": {
                "load_balancers": [balancer("lb-pilot", "10.1.0.5"), balancer("lb-mapi", "10.1.0.4"), balancer("lb-api", "10.1.0.9")],
                "listeners": [listener("lb-pilot", 15011), listener("lb-mapi", 6443), listener("lb-api", 6443)],
                "acls": []},
            "actiontrail": {"events": []},
            "sls": {"logs": {}}
        }],
        "faults": [],
        // An EIP takes ten seconds of the world's time to leave or to arrive.
        "behaviour": {"bind_delay_ms": 10_000, "time_scale": TIME_SCALE}
    })
}

/// With audit logs of the API servers.
pub(crate) fn logged() -> Value {
    let mut world = quiet();
    let logs = &mut world["accounts"][0]["sls"]["logs"];
    logs["k8s-log-c2api/audit-c2api"] = audited();
    logs["project-of-mesh/audit-c0mesh"] = audited();
    world
}

/// Without the peering: the far cluster needs the pilot in public, and comes from its NAT gateway.
pub(crate) fn needed() -> Value {
    let mut world = quiet();
    let account = &mut world["accounts"][0];
    account["vpcpeer"] = json!({"connections": []});
    account["vpc"]["route_tables"] =
        json!([table(1, json!([])), table(2, json!([entry("rte-3", "0.0.0.0/0", "NatGateway", "ngw-2")]))]);
    world
}

/// With a canary control plane beside the pilot, whose EIP nobody needs either.
pub(crate) fn with_canary() -> Value {
    let mut world = quiet();
    let account = &mut world["accounts"][0];
    let mesh = &mut account["servicemesh"]["meshes"][0];
    mesh["Endpoints"]["PublicCanaryPilotEndpoint"] = json!(format!("{CANARY}:15011"));
    mesh["Endpoints"]["IntranetCanaryPilotEndpoint"] = json!("10.1.0.6:15011");
    let balancers = &mut mesh["Spec"]["LoadBalancer"];
    balancers["CanaryPilotPublicEip"] = json!(true);
    balancers["CanaryPilotPublicEipId"] = json!("eip-canary");
    balancers["CanaryPilotLoadBalancerId"] = json!("lb-canary");
    account["vpc"]["eips"].as_array_mut().unwrap().push(eip("eip-canary", CANARY, "lb-canary"));
    account["slb"]["load_balancers"].as_array_mut().unwrap().push(balancer("lb-canary", "10.1.0.6"));
    account["slb"]["listeners"].as_array_mut().unwrap().push(listener("lb-canary", 15011));
    world
}

fn unbinding(eip: &str, address: &str) -> Change {
    Change::Unbind { eip: EipId::from(eip), address: address.to_owned() }
}

fn action(intent: &str, endpoint: Endpoint, balancer: &str, clusters: &[&str], change: Change) -> Action {
    Action {
        intent: intent.to_owned(),
        target: Target { account: ACCOUNT.into(), region: REGION.into(), endpoint },
        change,
        load_balancer: balancer.into(),
        clusters: clusters.iter().map(|id| (*id).to_owned()).collect(),
        evidence: vec!["sha256:00".to_owned()],
        environment: "untagged".to_owned(),
        group: intent.to_owned(),
        canary: false,
    }
}

pub(crate) fn pilot() -> Action {
    let mesh = Endpoint::Pilot(MeshId::from("c0mesh"));
    action("intent-pilot", mesh, "lb-pilot", &["c1far", "c1near"], unbinding("eip-pilot", PILOT))
}

pub(crate) fn canary_pilot() -> Action {
    let mesh = Endpoint::CanaryPilot(MeshId::from("c0mesh"));
    action("intent-canary", mesh, "lb-canary", &["c1far", "c1near"], unbinding("eip-canary", CANARY))
}

pub(crate) fn mesh_api_server() -> Action {
    let mesh = Endpoint::MeshApiServer(MeshId::from("c0mesh"));
    action("intent-mesh-api", mesh, "lb-mapi", &[], unbinding("eip-mapi", MESH_API))
}

pub(crate) fn cluster_api_server() -> Action {
    let cluster = Endpoint::ClusterApiServer(ClusterId::from("c2api"));
    action("intent-api", cluster, "lb-api", &["ci"], unbinding("eip-api", CLUSTER_API))
}

pub(crate) fn fence() -> Action {
    let before = AclSetting { on: false, kind: AclKind::White, ids: Vec::<AclId>::new() };
    let entries = vec!["10.1.0.0/16".to_owned(), format!("{FAR_EGRESS}/32")];
    let change = Change::Fence { port: 15011, before, entries };
    action("intent-fence", Endpoint::Pilot(MeshId::from("c0mesh")), "lb-pilot", &["c1far", "c1near"], change)
}

/// In front of the cluster's API server, which runs in a network without a way to it need.
pub(crate) fn cluster_fence() -> Action {
    let before = AclSetting { on: false, kind: AclKind::White, ids: Vec::<AclId>::new() };
    let blocks = ["10.1.0.0/16", "10.2.0.0/16", "100.104.0.0/16"].map(str::to_owned);
    let entries = blocks.into_iter().chain([format!("{FAR_EGRESS}/32")]).collect();
    let change = Change::Fence { port: 6443, before, entries };
    action("intent-cluster-fence", Endpoint::ClusterApiServer(ClusterId::from("c2api")), "lb-api", &["ci"], change)
}

/// The world with a soak of some seconds.
pub(crate) fn fast(world: Value) -> Value {
    scaled(world, 36_000)
}

/// The world with a time of its own.
pub(crate) fn scaled(mut world: Value, time_scale: u32) -> Value {
    world["behaviour"]["time_scale"] = json!(time_scale);
    world
}
