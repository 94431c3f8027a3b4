//! A cloud in which every kind of change may be made: a mesh whose pilot nobody needs in public, a mesh API server and a
//! cluster API server whose audit logs hold nobody from the internet; and one that needs a fence. For tests of the program,
//! and of what reads for it: data, which knows nothing of either.

use chrono::Utc;
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "1000000000000001";
pub(crate) const REGION: &str = "cn-shanghai";
pub(crate) const PILOT: &str = "203.0.113.8";
pub(crate) const MESH_API: &str = "203.0.113.9";
pub(crate) const CLUSTER_API: &str = "203.0.113.11";
pub(crate) const FAR_EGRESS: &str = "198.51.100.7";

pub(crate) fn listener(balancer: &str, port: u16) -> Value {
    json!({"LoadBalancerId": balancer, "ListenerPort": port, "ListenerProtocol": "tcp", "Status": "running", "AclStatus": "off"})
}

pub(crate) fn balancer(id: &str, address: &str) -> Value {
    json!({"LoadBalancerId": id, "RegionId": REGION, "Address": address, "AddressType": "intranet", "AddressIPVersion": "ipv4",
        "LoadBalancerStatus": "active", "VpcId": "vpc-1", "VSwitchId": "vsw-1", "Tags": {"Tag": []}})
}

pub(crate) fn eip(id: &str, address: &str, balancer: &str) -> Value {
    json!({"AllocationId": id, "IpAddress": address, "Status": "InUse", "InstanceId": balancer, "InstanceType": "SlbInstance",
        "RegionId": REGION, "ServiceManaged": 0, "BusinessStatus": "Normal", "ChargeType": "PostPaid",
        "DeletionProtection": false, "OperationLocks": {"LockReason": []}, "Tags": {"Tag": []}})
}

fn vpc(number: u8) -> Value {
    json!({"VpcId": format!("vpc-{number}"), "RegionId": REGION, "CidrBlock": format!("10.{number}.0.0/16"), "Status": "Available"})
}

fn switch(number: u8) -> Value {
    json!({"VSwitchId": format!("vsw-{number}"), "VpcId": format!("vpc-{number}"), "CidrBlock": format!("10.{number}.0.0/24"),
        "NetworkAclId": "", "RouteTable": {"RouteTableId": format!("vtb-{number}"), "RouteTableType": "System"}})
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
        "faults": []
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
