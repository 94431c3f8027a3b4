//! Logs and the audit trail against the simulated cloud, over real HTTP, and what is judged from
//! them: who uses an exposed endpoint, who does not, and who put it on the internet. A log that is
//! short, cut, partial or refused never says that nobody does.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod evidence_rows;
mod evidence_traps;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use portcullis::{
    analysis,
    cloud::{
        client::{Account, Client, Settings as ClientSettings},
        context::{Clock, Context, HttpSettings, RealClock},
        credential::{Credentials, StaticProvider},
        endpoint::Endpoints,
    },
    model::{
        EndpointJudgement, EndpointKind, Inventory, LogReading, NamedConsumers, Need, Observer, StalenessVerdict,
        Traffic, TrustedList, UnitState,
    },
    sandbox::{Server, World},
    scan::{self, EvidenceSettings, ExportedLog, Settings, Silent},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// 2026-06-30T00:00:00Z, the time of every scan here.
const NOW: i64 = 1_782_777_600;
const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
const PILOT: &str = "203.0.113.8";
const FAR_EGRESS: &str = "198.51.100.7";
const AUDIT: &str = "k8s-log-c2api/audit-c2api";

/// A mesh with a public pilot and a public API server, a cluster in another VPC without a private
/// path to it, and a cluster with a public API server.
fn world() -> Value {
    let listener = |balancer: &str, port: u16| json!({"LoadBalancerId": balancer, "ListenerPort": port, "ListenerProtocol": "tcp", "Status": "running", "AclStatus": "off"});
    let balancer = |id: &str, address: &str| {
        json!({"LoadBalancerId": id, "RegionId": "cn-shanghai", "Address": address, "AddressType": "intranet", "AddressIPVersion": "ipv4",
            "LoadBalancerStatus": "active", "VpcId": "vpc-1", "VSwitchId": "vsw-1"})
    };
    let eip = |id: &str, address: &str, balancer: &str| {
        json!({"AllocationId": id, "IpAddress": address, "Status": "InUse", "InstanceId": balancer,
            "InstanceType": "SlbInstance", "RegionId": "cn-shanghai"})
    };
    let switch = |number: u8, third: u8| {
        json!({"VSwitchId": format!("vsw-{number}{}", if third == 0 { "" } else { "b" }), "VpcId": format!("vpc-{number}"),
            "CidrBlock": format!("10.{number}.{third}.0/24"), "NetworkAclId": "",
            "RouteTable": {"RouteTableId": format!("vtb-{number}"), "RouteTableType": "System"}})
    };
    let vpc = |number: u8| {
        json!({"VpcId": format!("vpc-{number}"), "RegionId": "cn-shanghai", "CidrBlock": format!("10.{number}.0.0/16"),
            "Status": "Available"})
    };
    // The default route that a NAT gateway of the internet comes with.
    let out = |number: u8| {
        json!([{"RouteEntryId": format!("rte-{number}"), "DestinationCidrBlock": "0.0.0.0/0", "Type": "Custom", "Status": "Available",
            "NextHops": {"NextHop": [{"NextHopType": "NatGateway", "NextHopId": format!("ngw-{number}"), "Enabled": 1}]}}])
    };
    let table = |number: u8| {
        json!({"RouteEntrys": {"RouteEntry": if number == 2 { out(number) } else { json!([]) }}, "RouteTableId": format!("vtb-{number}"), "RouteTableType": "System", "VpcId": format!("vpc-{number}"),
            "AssociateType": "VSwitch"})
    };
    json!({
        "world": "portcullis.world/v1",
        "accounts": [{
            "account_id": "1000000000000001",
            "access_keys": [{"access_key_id": "testid", "access_key_secret": "testsecret"}],
            "regions": ["cn-hangzhou", "cn-shanghai"],
            "servicemesh": {
                "meshes": [{
                    "ServiceMeshInfo": {"ServiceMeshId": "c0mesh", "Name": "mesh", "RegionId": "cn-shanghai", "State": "running"},
                    "Endpoints": {"PublicPilotEndpoint": format!("{PILOT}:15011"), "IntranetPilotEndpoint": "10.1.0.5:15011",
                        "PublicApiServerEndpoint": "https://203.0.113.9:6443", "IntranetApiServerEndpoint": "https://10.1.0.4:6443"},
                    "Spec": {
                        "LoadBalancer": {"PilotPublicEip": true, "PilotPublicEipId": "eip-pilot", "PilotPublicLoadbalancerId": "lb-pilot",
                            "ApiServerPublicEip": true, "ApiServerPublicEipId": "eip-mapi", "ApiServerLoadbalancerId": "lb-mapi",
                            "CanaryPilotPublicEipId": "", "CanaryPilotLoadBalancerId": ""},
                        "Network": {"VpcId": "vpc-1", "VSwitches": ["vsw-1"], "SecurityGroupId": "sg-mesh"},
                        "MeshConfig": {"Audit": {"Enabled": true, "Project": "project-of-mesh"}}},
                    "Clusters": ["c1far"], "Tag": []}],
                "clusters": {"c0mesh": [{"ClusterId": "c1far", "Name": "far", "ClusterType": "ManagedKubernetes",
                    "RegionId": "cn-shanghai", "VpcId": "vpc-2", "State": "running"}]},
            },
            "cs": {
                "clusters": [
                    {"cluster_id": "c1far", "name": "far", "region_id": "cn-shanghai", "state": "running",
                     "cluster_type": "ManagedKubernetes", "profile": "Default", "vpc_id": "vpc-2", "vswitch_ids": ["vsw-2"],
                     "security_group_id": "", "container_cidr": "", "ip_stack": "ipv4", "tags": [],
                     "master_url": "{\"intranet_api_server_endpoint\":\"https://10.2.0.9:6443\"}",
                     "meta_data": "{\"Capabilities\":{\"PublicSLB\":false}}"},
                    {"cluster_id": "c2api", "name": "api", "region_id": "cn-shanghai", "state": "running",
                     "cluster_type": "ManagedKubernetes", "profile": "Default", "vpc_id": "vpc-1", "vswitch_ids": ["vsw-1"],
                     "security_group_id": "", "container_cidr": "", "ip_stack": "ipv4", "tags": [],
                     "master_url": "{\"api_server_endpoint\":\"https://203.0.113.11:6443\",\"intranet_api_server_endpoint\":\"https://10.1.0.9:6443\"}",
                     "meta_data": "{\"Capabilities\":{\"PublicSLB\":true}}"}],
                "resources": {"c2api": [{"cluster_id": "c2api", "instance_id": "lb-api", "resource_type": "SLB",
                    "resource_info": "{\"Id\": \"k8s_master_slb\"}", "state": "CREATE_COMPLETE", "creator_type": "system"}]}},
            "ecs": {"security_groups": [{"SecurityGroupId": "sg-mesh", "SecurityGroupName": "mesh", "SecurityGroupType": "normal",
                "VpcId": "vpc-1", "RegionId": "cn-shanghai", "InnerAccessPolicy": "Drop", "Permissions": {"Permission": [{"SecurityGroupRuleId": "sgr-1",
                    "Direction": "ingress", "Policy": "Accept", "Priority": "1", "IpProtocol": "ALL", "PortRange": "-1/-1",
                    "SourceCidrIp": "0.0.0.0/0", "NicType": "intranet"}]}}]},
            "vpc": {
                "vpcs": [vpc(1), vpc(2)],
                "vswitches": [switch(1, 0), switch(2, 0), switch(2, 1)],
                "route_tables": [table(1), table(2)],
                "eips": [eip("eip-pilot", PILOT, "lb-pilot"), eip("eip-mapi", "203.0.113.9", "lb-mapi"), eip("eip-api", "203.0.113.11", "lb-api")],
                "nat_gateways": [{"NatGatewayId": "ngw-2", "VpcId": "vpc-2", "RegionId": "cn-shanghai", "NetworkType": "internet",
                    "Status": "Available", "SnatTableIds": {"SnatTableId": ["stb-2"]}}],
                "snat_entries": [{"SnatEntryId": "snat-2", "SnatTableId": "stb-2", "NatGatewayId": "ngw-2", "SnatIp": FAR_EGRESS,
                    "SourceCIDR": "10.2.0.0/16", "SourceVSwitchId": "", "Status": "Available"}],
                "flow_logs": []},
            "slb": {
                "load_balancers": [balancer("lb-pilot", "10.1.0.5"), balancer("lb-mapi", "10.1.0.4"), balancer("lb-api", "10.1.0.9")],
                "listeners": [listener("lb-pilot", 15011), listener("lb-pilot", 15012), listener("lb-mapi", 6443), listener("lb-api", 6443)]},
            "actiontrail": {"events": []},
            "sls": {"logs": {}}
        }],
        "faults": []
    })
}

fn flow_log(kind: &str, id: &str, traffic: &str) -> Value {
    json!({"FlowLogId": format!("fl-{id}"), "FlowLogName": id, "RegionId": "cn-shanghai", "ProjectName": "flow", "LogStoreName": "store",
        "ResourceType": kind, "ResourceId": id, "TrafficType": traffic, "Status": "Active", "FlowLogDeliverStatus": "SUCCESS"})
}

/// A record of a VPC flow log, of accepted traffic to the pilot.
fn flow(source: &str, days_ago: i64, port: u16) -> Value {
    let end = NOW - days_ago * DAY;
    json!({"vpc-id": "vpc-2", "vswitch-id": "vsw-2", "srcaddr": source, "dstaddr": PILOT, "srcport": "40000", "dstport": port.to_string(), "protocol": "6", "packets": "10", "bytes": "1000",
        "start": (end - 60).to_string(), "end": end.to_string(), "action": "ACCEPT", "log-status": "OK"})
}

/// A record of a VPC flow log, of a minute in which an interface of the vSwitch had no traffic.
fn idle(v_switch: &str, days_ago: i64) -> Value {
    idle_until(v_switch, NOW - days_ago * DAY - 60)
}

fn idle_until(v_switch: &str, end: i64) -> Value {
    json!({"vpc-id": "vpc-2", "vswitch-id": v_switch, "start": (end - 60).to_string(), "end": end.to_string(), "log-status": "NODATA"})
}

/// The first second of each hour between days before the scan, as the latest is a minute before it.
fn hours(from_days_ago: i64, to_days_ago: i64) -> impl Iterator<Item = i64> {
    (to_days_ago * 24..=from_days_ago * 24).map(|hours| NOW - 60 - hours * HOUR)
}

/// Such records each hour.
fn idle_days(v_switch: &str, from_days_ago: i64, to_days_ago: i64) -> Vec<Value> {
    hours(from_days_ago, to_days_ago).map(|end| idle_until(v_switch, end)).collect()
}

/// Of both vSwitches, each hour from the first day of the window to the last.
fn whole_window() -> Vec<Value> {
    ["vsw-2", "vsw-2b"].iter().flat_map(|v_switch| idle_days(v_switch, 29, 0)).collect()
}

/// The whole window, with further records.
fn whole_window_and(more: &[Value]) -> Value {
    [&whole_window(), more].concat().into()
}

/// The same records, of another VPC.
fn of_vpc(mut records: Value, vpc: &str) -> Value {
    records.as_array_mut().unwrap().iter_mut().for_each(|record| record["vpc-id"] = vpc.into());
    records
}

/// A record of an audit log, a second earlier than whole days: the window is half open.
fn request(source: &str, user: &str, code: &str, days_ago: i64) -> Value {
    json!({"__time__": (NOW - days_ago * DAY - 1).to_string(), "stage": "ResponseComplete", "sourceIPs": format!("[\"{source}\"]"),
        "user.username": user, "userAgent": "kubectl", "responseStatus.code": code})
}

/// What a kubelet in the VPC does from the first day of the window on.
fn node(days_ago: i64) -> Value {
    request("10.1.0.20", "system:node:n1", "200", days_ago)
}

/// What it does each hour between days before the scan.
fn nodes(from_days_ago: i64, to_days_ago: i64) -> Vec<Value> {
    let at = |second: i64| {
        let mut record = node(0);
        record["__time__"] = second.to_string().into();
        record
    };
    hours(from_days_ago, to_days_ago).map(at).collect()
}

/// The same in all of the window, with further records.
fn awake_and(more: &[Value]) -> Value {
    [&nodes(29, 0), more].concat().into()
}

fn with_flows(logs: Value, records: Value) -> Value {
    let mut world = world();
    world["accounts"][0]["vpc"]["flow_logs"] = logs;
    world["accounts"][0]["sls"]["logs"]["flow/store"] = records;
    world
}

fn with_audit(records: Value) -> Value {
    let mut world = world();
    world["accounts"][0]["sls"]["logs"][AUDIT] = records;
    world
}

/// Without the audit log that the mesh says it keeps.
fn without_audit(mut world: Value) -> Value {
    world["accounts"][0]["servicemesh"]["meshes"][0]["Spec"]["MeshConfig"]["Audit"] = json!({"Enabled": false});
    world
}

fn with_fault(mut world: Value, action: &str, kind: &str) -> Value {
    world["faults"] = json!([{"action": action, "region_id": "*", "account_id": "*", "kind": kind, "times": 0}]);
    world
}

/// A clock that nobody waits for.
struct Hurried(RealClock);

impl Clock for Hurried {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic() * 1000
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration / 1000)
    }
}

const SETTINGS: EvidenceSettings =
    EvidenceSettings { window_days: 30, audit_logs_expected: false, flow_logs_expected: false };

async fn scan_of(world: &Value) -> Inventory {
    scan_with(world, Some(SETTINGS)).await
}

async fn scan_with(world: &Value, evidence: Option<EvidenceSettings>) -> Inventory {
    scan_for(world, evidence, &NamedConsumers::new()).await
}

async fn scan_for(world: &Value, evidence: Option<EvidenceSettings>, named: &NamedConsumers) -> Inventory {
    let world = World::from_json("test", &world.to_string()).unwrap();
    let server = Server::start(world, SocketAddr::from(([127, 0, 0, 1], 0)), None).unwrap();
    let endpoints = Endpoints::default().with_endpoint_url(&server.url()).unwrap();
    let settings = ClientSettings::for_endpoints(&endpoints);
    let http = HttpSettings { use_proxy: false, ..HttpSettings::default() };
    let context = Context { clock: Arc::new(Hurried(RealClock::default())), ..Context::real(http).unwrap() };
    let client = Client::new(context, endpoints, settings);
    let credentials = Credentials {
        access_key_id: "testid".to_owned(),
        access_key_secret: "testsecret".to_owned().into(),
        security_token: None,
        expiration: None,
    };
    let account = Account::new("test", Arc::new(StaticProvider::new("world", credentials)));
    let at: DateTime<Utc> = DateTime::from_timestamp(NOW, 0).unwrap();
    let token = CancellationToken::new();
    let mut scan =
        scan::collect(&client, &[account], &Settings::default(), at, Arc::new(Silent), &token).await.unwrap();
    loop {
        let wanted = analysis::wanted(&scan.inventory, named);
        if wanted.is_empty() {
            break;
        }
        scan = scan.read_more(wanted).await.unwrap();
    }
    if let Some(settings) = evidence {
        let wanted = analysis::evidence_wanted(&scan.inventory, named);
        scan = scan.read_evidence(wanted, settings).await.unwrap();
    }
    scan.inventory
}

fn judged(inventory: &Inventory, kind: EndpointKind) -> EndpointJudgement {
    let judgements = analysis::judge(inventory, &TrustedList::default(), &Default::default());
    judgements.endpoints.into_iter().find(|one| one.endpoint.kind == kind).unwrap()
}

fn pilot(inventory: &Inventory) -> EndpointJudgement {
    judged(inventory, EndpointKind::IstioPilot)
}

fn api_server(inventory: &Inventory) -> EndpointJudgement {
    let judgements = analysis::judge(inventory, &TrustedList::default(), &Default::default());
    judgements.endpoints.into_iter().find(|one| one.endpoint.resource_id == "c2api").unwrap()
}

fn log(inventory: &Inventory, observer: Observer) -> Option<&LogReading> {
    inventory.logs().iter().find(|log| log.observer == observer)
}

/// Gaps as `operation object state code`.
fn gaps(inventory: &Inventory) -> Vec<String> {
    let text = |state: UnitState| format!("{state:?}").to_lowercase();
    inventory
        .coverage()
        .gaps()
        .map(|gap| format!("{} {} {} {}", gap.unit.operation, gap.unit.resource_id, text(gap.state), gap.code))
        .collect()
}

/// Need and traffic of the far cluster.
fn far(pilot: &EndpointJudgement) -> (Need, Traffic, u8) {
    let far = pilot.staleness.consumers.iter().find(|consumer| consumer.id == "c1far").unwrap();
    (far.need, far.traffic, far.confidence_percent)
}

#[tokio::test]
async fn without_being_asked_no_log_is_read() {
    let inventory = scan_with(&with_flows(json!([flow_log("VPC", "vpc-2", "All")]), json!([])), None).await;
    assert_eq!((inventory.logs().len(), inventory.trails().len()), (0, 0));
    assert_eq!(gaps(&inventory), [""; 0]);
    assert_eq!(far(&pilot(&inventory)), (Need::Needed, Traffic::NotAvailable, 80));
}

#[tokio::test]
async fn a_cluster_in_the_flow_logs_of_its_vpc_is_seen() {
    let logs = json!([flow_log("VPC", "vpc-2", "All")]);
    let records =
        whole_window_and(&[flow("10.2.0.7", 3, 15012), flow("10.2.0.7", 1, 15012), flow("10.2.0.8", 40, 15012)]);
    let inventory = scan_of(&with_flows(logs, records)).await;
    let reading = log(&inventory, Observer::Vpc).unwrap();
    assert!(reading.complete, "{}", reading.note);
    assert_eq!((reading.observed.as_str(), (reading.to - reading.from).num_days()), ("vpc-2", 30));
    let [flow] = &*reading.flows else { panic!("{:?}", reading.flows) };
    assert_eq!((flow.source.to_string(), flow.destination.to_string()), ("10.2.0.7".to_owned(), PILOT.to_owned()));
    assert_eq!((flow.port, flow.records, flow.bytes), (15012, 2, 2000));
    assert_eq!((flow.first_seen.timestamp(), flow.last_seen.timestamp()), (NOW - 3 * DAY - 60, NOW - DAY));
    let pilot = pilot(&inventory);
    assert_eq!(far(&pilot), (Need::Needed, Traffic::Seen, 97));
    assert_eq!(pilot.staleness.verdict, StalenessVerdict::Required);
    assert_eq!(pilot.staleness.proposed_allowlist, [format!("{FAR_EGRESS}/32").parse().unwrap()]);
    assert!(pilot.staleness.proposal_complete && pilot.staleness.silent.is_empty());
}

/// A data plane uses the webhooks of the pilot as well as its discovery.
#[tokio::test]
async fn a_cluster_that_uses_any_port_of_the_data_plane_is_seen() {
    for (port, traffic) in [(15010, Traffic::Seen), (15017, Traffic::Seen), (443, Traffic::None)] {
        let records = whole_window_and(&[flow("10.2.0.7", 3, port)]);
        let inventory = scan_of(&with_flows(json!([flow_log("VPC", "vpc-2", "All")]), records)).await;
        assert_eq!(far(&pilot(&inventory)).1, traffic, "{port}");
    }
}

#[tokio::test]
async fn a_cluster_that_is_not_in_a_complete_log_is_silent() {
    let whole = json!([flow_log("VPC", "vpc-2", "All")]);
    let switches = json!([flow_log("VSwitch", "vsw-2", "All"), flow_log("VSwitch", "vsw-2b", "All")]);
    let mut young = flow_log("VPC", "vpc-2", "All");
    young["CreationTime"] = "2026-06-20T00:00:00Z".into();
    let beside_a_young_one = [&[young], &switches.as_array().unwrap()[..]].concat();
    for logs in [whole, switches, beside_a_young_one.into()] {
        let inventory = scan_of(&with_flows(logs, whole_window_and(&[flow("10.2.0.7", 40, 15012)]))).await;
        let pilot = pilot(&inventory);
        assert_eq!(far(&pilot), (Need::Needed, Traffic::None, 50));
        assert_eq!(pilot.staleness.silent, ["c1far"]);
    }
}

#[tokio::test]
async fn a_flow_log_that_is_not_whole_says_nothing_of_who_is_missing() {
    let changed = |field: &str, value: Value| {
        let mut log = flow_log("VPC", "vpc-2", "All");
        log[field] = value;
        json!([log])
    };
    for (logs, is_read) in [
        (json!([]), false),
        (json!([flow_log("VPC", "vpc-1", "All")]), false),
        (json!([flow_log("VSwitch", "vsw-2", "All")]), true),
        (json!([flow_log("VPC", "vpc-2", "Allow")]), true),
        (json!([flow_log("VPC", "vpc-2", "Drop")]), false),
        (changed("Status", "Inactive".into()), false),
        (changed("FlowLogDeliverStatus", "FAIL".into()), true),
        (changed("CreationTime", "2026-06-20T00:00:00Z".into()), true),
        (changed("TrafficPath", json!({"TrafficPathList": ["internetGateway"]})), true),
    ] {
        let inventory = scan_of(&with_flows(logs.clone(), whole_window().into())).await;
        assert_eq!(far(&pilot(&inventory)), (Need::Needed, Traffic::NotAvailable, 80), "{logs}");
        let reading = log(&inventory, Observer::Vpc);
        assert_eq!(reading.map(|log| (log.complete, log.note.is_empty())), is_read.then_some((false, false)), "{logs}");
    }
}

#[tokio::test]
async fn a_flow_log_of_every_path_is_whole() {
    let mut log_of_all = flow_log("VPC", "vpc-2", "All");
    log_of_all["TrafficPath"] = json!({"TrafficPathList": ["all"]});
    let inventory = scan_of(&with_flows(json!([log_of_all]), whole_window().into())).await;
    assert!(log(&inventory, Observer::Vpc).unwrap().complete);
}

#[tokio::test]
async fn a_flow_log_of_unknown_age_is_not_read() {
    let mut odd = flow_log("VPC", "vpc-2", "All");
    odd["CreationTime"] = "20th of June".into();
    let inventory = scan_of(&without_audit(with_flows(json!([odd]), whole_window().into()))).await;
    assert_eq!(gaps(&inventory), ["DescribeFlowLogs  failed schema"]);
    assert_eq!(far(&pilot(&inventory)), (Need::Needed, Traffic::NotAvailable, 80));
}

#[tokio::test]
async fn a_flow_log_whose_records_do_not_span_the_window_says_nothing_of_who_is_missing() {
    let of_vpc = json!([flow_log("VPC", "vpc-2", "All")]);
    let of_switches = json!([flow_log("VSwitch", "vsw-2", "All"), flow_log("VSwitch", "vsw-2b", "All")]);
    let mut skipped = idle("vsw-2", 9);
    skipped["log-status"] = "SKIPDATA".into();
    let mut of_another = whole_window();
    of_another.iter_mut().for_each(|record| record["vpc-id"] = "vpc-9".into());
    let half = |v_switch| [&idle_days("vsw-2", 29, 0)[..], &[idle(v_switch, 15)]].concat();
    for (logs, records, days, told) in [
        (&of_vpc, json!([]), (30, 0), "no record"),
        (&of_vpc, of_another.into(), (30, 0), "no record"),
        (&of_vpc, json!([idle("vsw-2", 10), idle("vsw-2", 0)]), (10, 0), "begins"),
        (&of_vpc, json!([idle("vsw-2", 29), idle("vsw-2b", 5)]), (30, 5), "ends"),
        (&of_vpc, whole_window_and(&[skipped.clone()]), (30, 0), "skipped"),
        (&of_switches, half("vsw-2").into(), (30, 0), "vsw-2b"),
        (
            &of_switches,
            [&half("vsw-2")[..], &[idle("vsw-2b", 0), idle("vsw-2b", 12)]].concat().into(),
            (12, 0),
            "begins",
        ),
        (&of_switches, [&half("vsw-2")[..], &[idle("vsw-2b", 29), idle("vsw-2b", 7)]].concat().into(), (30, 7), "ends"),
        (&of_switches, whole_window_and(&[skipped]), (30, 0), "skipped"),
    ] {
        let inventory = scan_of(&with_flows(logs.clone(), records.clone())).await;
        let reading = log(&inventory, Observer::Vpc).unwrap();
        assert!(!reading.complete && reading.note.contains(told), "{:?}", reading.note);
        let days_ago = |at: DateTime<Utc>| (NOW - at.timestamp()) / DAY;
        assert_eq!((days_ago(reading.from), days_ago(reading.to)), days, "{told}");
        assert_eq!(far(&pilot(&inventory)), (Need::Needed, Traffic::NotAvailable, 80), "{told}");
    }
}

/// The records without those of the hours between two times before the scan.
fn without_hours(records: Vec<Value>, from_hours_ago: i64, to_hours_ago: i64) -> Vec<Value> {
    let time = |record: &Value| {
        let field = record.get("__time__").or(record.get("end")).unwrap();
        field.as_str().unwrap().parse::<i64>().unwrap()
    };
    let is_left_out = |at: i64| (NOW - from_hours_ago * HOUR..NOW - to_hours_ago * HOUR).contains(&at);
    records.into_iter().filter(|record| !is_left_out(time(record))).collect()
}

/// What a log says that stopped in the middle of the window and went on: it has a record each hour, but none between
/// 242 and 240 hours before the scan.
const HOLE: &str = "no record from 2026-06-19T21:59:00Z to 2026-06-20T00:58:00Z";

#[tokio::test]
async fn a_flow_log_with_a_hole_in_its_middle_says_nothing_of_who_is_missing() {
    let of_vpc = json!([flow_log("VPC", "vpc-2", "All")]);
    let of_switches = json!([flow_log("VSwitch", "vsw-2", "All"), flow_log("VSwitch", "vsw-2b", "All")]);
    let holed = without_hours(whole_window(), 242, 240);
    let holed_in_one = [idle_days("vsw-2", 29, 0), without_hours(idle_days("vsw-2b", 29, 0), 242, 240)].concat();
    let both: Vec<Value> =
        ["vsw-2", "vsw-2b"].iter().flat_map(|one| without_hours(idle_days(one, 29, 0), 242, 240)).collect();
    assert_eq!(both, holed);
    for (logs, records, is_whole) in [
        (&of_vpc, holed.clone(), false),
        (&of_switches, holed, false),
        (&of_switches, holed_in_one.clone(), false),
        (&of_vpc, holed_in_one, true),
        // An hour that nobody wrote in lies between two records that are further apart than that.
        (&of_vpc, without_hours(whole_window(), 241, 240), false),
    ] {
        let inventory = scan_of(&with_flows(logs.clone(), records.into())).await;
        let reading = log(&inventory, Observer::Vpc).unwrap();
        assert_eq!(reading.complete, is_whole, "{}", reading.note);
        let judged = pilot(&inventory);
        let traffic =
            if is_whole { (Need::Needed, Traffic::None, 50) } else { (Need::Needed, Traffic::NotAvailable, 80) };
        assert_eq!(far(&judged), traffic);
        assert_eq!(judged.staleness.silent.is_empty(), !is_whole);
        assert_eq!(judged.staleness.incomplete_logs.is_empty(), is_whole);
        assert!(reading.note.is_empty() || judged.staleness.incomplete_logs[0].contains(&reading.note));
    }
}

#[tokio::test]
async fn the_hole_of_a_log_is_told() {
    let log_of_vpc = json!([flow_log("VPC", "vpc-2", "All")]);
    let flows = scan_of(&with_flows(log_of_vpc.clone(), without_hours(whole_window(), 242, 240).into())).await;
    let told = pilot(&flows).staleness.incomplete_logs;
    assert!(matches!(&*told, [one] if one.contains("vpc-2") && one.contains(HOLE)), "{told:?}");
    // The longest is named, and how many there are besides.
    let two = without_hours(without_hours(whole_window(), 242, 240), 500, 499);
    let flows = scan_of(&with_flows(log_of_vpc, two.into())).await;
    let told = pilot(&flows).staleness.incomplete_logs;
    assert!(told[0].contains(HOLE) && told[0].contains("1 more"), "{told:?}");
}

/// The same of an audit log, read or exported: without the hole nobody would use the API server.
#[tokio::test]
async fn an_audit_log_with_a_hole_in_its_middle_does_not_say_that_nobody_came() {
    let records = without_hours(nodes(29, 0), 242, 240);
    let read = scan_of(&with_audit(records.clone().into())).await;
    let exported = with_file(scan_with(&world(), None).await, "audit-c2api.jsonl", &lines(&records));
    for inventory in [read, exported] {
        let reading = log(&inventory, Observer::Cluster).unwrap();
        assert!(
            !reading.complete && reading.note.contains("no record from 2026-06-19T21:59:00Z to 2026-06-20T00:59:00Z"),
            "{}",
            reading.note
        );
        let staleness = api_server(&inventory).staleness;
        assert_eq!(staleness.verdict, StalenessVerdict::Unknown);
        assert!(staleness.incomplete_logs.iter().any(|one| one.contains("c2api") && one.contains(&reading.note)));
    }
    let whole = with_file(scan_with(&world(), None).await, "audit-c2api.jsonl", &lines(&nodes(29, 0)));
    assert_eq!(api_server(&whole).staleness.verdict, StalenessVerdict::Stale);
}

/// An allowlist made of who was seen is not all of it where somebody may have come unseen.
#[tokio::test]
async fn an_allowlist_from_a_log_with_a_hole_is_not_complete() {
    let alice = request("198.51.100.20", "alice", "200", 3);
    for (records, is_complete) in [(nodes(29, 0), true), (without_hours(nodes(29, 0), 242, 240), false)] {
        let records = [&records[..], std::slice::from_ref(&alice)].concat();
        let staleness = api_server(&scan_of(&with_audit(records.into())).await).staleness;
        assert_eq!((staleness.verdict, staleness.proposal_complete), (StalenessVerdict::Required, is_complete));
    }
}

/// Records of requests that are under way are signs of life too, and the log's users do not count them.
#[tokio::test]
async fn what_is_asked_and_not_yet_answered_shows_that_an_audit_log_goes_on() {
    let mut records = nodes(29, 0);
    for record in &mut records[200..250] {
        record["stage"] = "RequestReceived".into();
    }
    assert_eq!(api_server(&scan_of(&with_audit(records.into())).await).staleness.verdict, StalenessVerdict::Stale);
}

#[tokio::test]
async fn an_audit_log_whose_coverage_is_refused_shows_who_came_and_not_who_did_not() {
    let world = with_fault(with_audit(awake_and(&[request("198.51.100.20", "alice", "200", 3)])), "GetLogsV2", "deny");
    let mut world = without_audit(world);
    world["faults"][0]["skip"] = 1.into();
    let inventory = scan_of(&world).await;
    assert_eq!(gaps(&inventory), ["GetLogsV2 c2api denied Forbidden.RAM"]);
    let staleness = api_server(&inventory).staleness;
    assert_eq!((staleness.verdict, staleness.proposal_complete), (StalenessVerdict::Required, false));
}

#[tokio::test]
async fn what_was_seen_stays_seen_where_its_log_s_coverage_is_refused() {
    let logs = json!([flow_log("VPC", "vpc-2", "All")]);
    let world = without_audit(with_flows(logs, whole_window_and(&[flow("10.2.0.7", 3, 15012)])));
    let mut world = with_fault(world, "GetLogsV2", "deny");
    // Four ports are asked about before it.
    world["faults"][0]["skip"] = 4.into();
    let inventory = scan_of(&world).await;
    assert_eq!(gaps(&inventory), ["GetLogsV2 vpc-2 denied Forbidden.RAM"]);
    assert_eq!(far(&pilot(&inventory)).1, Traffic::Seen);
    assert!(!log(&inventory, Observer::Vpc).unwrap().complete);
}

#[tokio::test]
async fn in_a_shared_logstore_each_vpc_has_its_own_records() {
    let mut of_another = flow("10.2.0.7", 3, 15012);
    of_another["vpc-id"] = "vpc-9".into();
    let logs = json!([flow_log("VPC", "vpc-2", "All")]);
    let inventory = scan_of(&with_flows(logs, whole_window_and(&[of_another]))).await;
    assert_eq!(far(&pilot(&inventory)), (Need::Needed, Traffic::None, 50));
}

#[tokio::test]
async fn a_young_flow_log_says_when_it_begins() {
    let mut young = flow_log("VPC", "vpc-2", "All");
    young["CreationTime"] = "2026-06-20T00:00:00Z".into();
    // What is older was written by another flow log, of whatever traffic.
    let records = whole_window_and(&[flow("10.2.0.7", 3, 15011)]);
    let inventory = scan_of(&with_flows(json!([young]), records)).await;
    assert_eq!(log(&inventory, Observer::Vpc).unwrap().from.to_rfc3339(), "2026-06-20T00:00:00+00:00");
    assert_eq!(far(&pilot(&inventory)).1, Traffic::Seen);
}

#[tokio::test]
async fn partial_results_are_never_complete() {
    let logs = json!([flow_log("VPC", "vpc-2", "All")]);
    let mut world = with_fault(with_flows(logs, json!([])), "GetLogsV2", "empty-page");
    world["accounts"][0]["sls"]["logs"][AUDIT] = json!([node(29)]);
    world["accounts"][0]["sls"]["logs"]["project-of-mesh/audit-c0mesh"] = json!([node(29)]);
    let inventory = scan_of(&world).await;
    assert_eq!(inventory.logs().iter().map(|log| log.complete).collect::<Vec<_>>(), [false; 3]);
    assert!(inventory.logs().iter().all(|log| log.note.contains("partial")));
    for object in ["c0mesh", "c2api", "vpc-2"] {
        assert!(
            gaps(&inventory).contains(&format!("GetLogsV2 {object} failed log-incomplete")),
            "{:?}",
            gaps(&inventory)
        );
    }
    assert_eq!(far(&pilot(&inventory)).1, Traffic::NotAvailable);
    assert_eq!(api_server(&inventory).staleness.verdict, StalenessVerdict::Unknown);
}

#[tokio::test]
async fn a_refused_read_is_a_gap_and_nothing_else() {
    let mut world = with_flows(json!([flow_log("VPC", "vpc-2", "All")]), json!([]));
    world["accounts"][0]["sls"]["logs"][AUDIT] = json!([node(29)]);
    world["accounts"][0]["sls"]["logs"]["project-of-mesh/audit-c0mesh"] = json!([node(29)]);
    let plain = scan_with(&world, None).await;
    for (action, expected) in [
        ("DescribeFlowLogs", &["DescribeFlowLogs  denied Forbidden.RAM"][..]),
        ("GetClusterAuditProject", &["GetClusterAuditProject c2api denied Forbidden.RAM"]),
        ("LookupEvents", &["LookupEvents  denied Forbidden.RAM"; 2]),
    ] {
        let inventory = scan_of(&with_fault(world.clone(), action, "deny")).await;
        assert_eq!(gaps(&inventory), expected);
    }
    let mut refused = world;
    refused["faults"] = json!(
        ["GetLogsV2", "DescribeFlowLogs", "LookupEvents", "GetClusterAuditProject"]
            .map(|action| json!({"action": action, "region_id": "*", "account_id": "*", "kind": "deny", "times": 0}))
    );
    let inventory = scan_of(&refused).await;
    let judge = |inventory: &Inventory| analysis::judge(inventory, &TrustedList::default(), &Default::default());
    assert_eq!(judge(&inventory).endpoints, judge(&plain).endpoints);
}

#[tokio::test]
async fn what_is_always_to_be_there_and_is_not_is_a_gap() {
    let expecting = EvidenceSettings { audit_logs_expected: true, flow_logs_expected: true, ..SETTINGS };
    let world = without_audit(world());
    assert_eq!(gaps(&scan_of(&world).await), [""; 0]);
    let mut gaps = gaps(&scan_with(&world, Some(expecting)).await);
    gaps.sort();
    assert_eq!(
        gaps,
        [
            "GetLogsV2 c0mesh failed no-audit-log",
            "GetLogsV2 c2api failed no-audit-log",
            "GetLogsV2 vpc-2 failed no-flow-log"
        ]
    );
}

#[tokio::test]
async fn users_of_an_api_server_are_proposed_to_be_let_in() {
    let records = awake_and(&[
        request("198.51.100.20", "alice", "200", 3),
        request("198.51.100.99", "system:anonymous", "403", 1),
        json!({"__time__": (NOW - DAY).to_string(), "stage": "RequestReceived", "sourceIPs": "[\"198.51.100.50\"]", "user.username": "bob"}),
    ]);
    let inventory = scan_of(&with_audit(records)).await;
    let reading = log(&inventory, Observer::Cluster).unwrap();
    assert!(reading.complete, "{}", reading.note);
    assert_eq!((reading.to - reading.from).num_days(), 30);
    let staleness = api_server(&inventory).staleness;
    assert_eq!((staleness.verdict, staleness.confidence_percent), (StalenessVerdict::Required, 95));
    assert_eq!(staleness.proposed_allowlist, ["198.51.100.20/32".parse().unwrap()]);
    assert!(staleness.proposal_complete && staleness.probed);
}

#[tokio::test]
async fn an_api_server_without_users_is_stale_however_much_it_is_probed() {
    for (records, is_probed) in [
        (awake_and(&[]), false),
        (
            awake_and(&[
                request("198.51.100.99", "system:anonymous", "403", 1),
                request("198.51.100.98", "", "401", 1),
            ]),
            true,
        ),
    ] {
        let staleness = api_server(&scan_of(&with_audit(records)).await).staleness;
        assert_eq!((staleness.verdict, staleness.confidence_percent), (StalenessVerdict::Stale, 95));
        assert_eq!(staleness.probed, is_probed);
    }
}

#[tokio::test]
async fn an_audit_log_that_says_too_little_leaves_it_unknown() {
    let balancer = |days| request("100.64.0.3", "alice", "200", days);
    for records in [json!([]), json!([node(40)]), nodes(10, 0).into(), json!([balancer(29), balancer(1)])] {
        let staleness = api_server(&scan_of(&with_audit(records.clone())).await).staleness;
        assert_eq!(staleness.verdict, StalenessVerdict::Unknown, "{records}");
    }
    let inventory = scan_of(&with_audit(json!([node(10)]))).await;
    assert_eq!(log(&inventory, Observer::Cluster).unwrap().from.timestamp(), NOW - 10 * DAY - 1);
    let unplaced =
        awake_and(&[json!({"__time__": (NOW - DAY).to_string(), "stage": "Panic", "user.username": "alice"})]);
    let inventory = scan_of(&with_audit(unplaced)).await;
    assert!(!log(&inventory, Observer::Cluster).unwrap().complete);
}

/// What the API server asks itself does not show that the balancer keeps the addresses of others.
#[tokio::test]
async fn the_api_server_s_own_requests_are_no_clients() {
    let of = |source: &str, user: &str| {
        let record = |mut one: Value| {
            one["sourceIPs"] = format!("[\"{source}\"]").into();
            one["user.username"] = user.into();
            one
        };
        nodes(29, 0).into_iter().map(record).collect::<Vec<_>>()
    };
    let through_the_balancer = of("100.64.0.7", "alice");
    for (source, user, verdict) in [
        ("127.0.0.1", "system:apiserver", StalenessVerdict::Unknown),
        ("127.0.0.1", "admin", StalenessVerdict::Unknown),
        ("169.254.3.4", "admin", StalenessVerdict::Unknown),
        ("::1", "admin", StalenessVerdict::Unknown),
        ("0.0.0.0", "admin", StalenessVerdict::Unknown),
        ("10.1.0.9", "admin", StalenessVerdict::Unknown),
        ("10.1.0.77", "system:kube-scheduler", StalenessVerdict::Unknown),
        ("10.1.0.20", "system:node:n1", StalenessVerdict::Stale),
    ] {
        let records = [through_the_balancer.clone(), of(source, user)].concat();
        let staleness = api_server(&scan_of(&with_audit(records.into())).await).staleness;
        assert_eq!(staleness.verdict, verdict, "{source} {user}");
    }
}

/// Whoever stands behind a proxy is not known, and neither is whoever the record does not name: not that nobody came.
#[tokio::test]
async fn a_request_whose_client_is_not_known_leaves_it_unknown() {
    let with = |field: &str, value: Value| {
        let mut record = request("198.51.100.20", "alice", "200", 1);
        record[field] = value;
        record
    };
    let unnamed = with("user.username", Value::Null);
    for (record, note) in [
        (with("sourceIPs", "[\"198.51.100.20\",\"10.1.0.8\"]".into()), "another address"),
        (with("sourceIPs", "[\"198.51.100.20\",\"100.64.0.7\"]".into()), "another address"),
        (unnamed, "who made them"),
        (with("user.username", "".into()), "who made them"),
    ] {
        let records = [nodes(29, 0), vec![record.clone()]].concat();
        let read = scan_of(&with_audit(records.clone().into())).await;
        let exported = with_file(scan_with(&world(), None).await, "audit-c2api.jsonl", &lines(&records));
        for inventory in [read, exported] {
            let reading = log(&inventory, Observer::Cluster).unwrap();
            assert!(!reading.complete && reading.note.contains(note), "{record}: {}", reading.note);
            let staleness = api_server(&inventory).staleness;
            assert_eq!(staleness.verdict, StalenessVerdict::Unknown, "{record}");
            assert!(staleness.proposed_allowlist.is_empty(), "{record}");
        }
    }
}

#[tokio::test]
async fn an_audit_log_s_user_is_read_as_the_api_server_wrote_it() {
    let mut record = request("198.51.100.20", "", "", 3);
    let fields = record.as_object_mut().unwrap();
    fields.remove("user.username");
    fields.remove("responseStatus.code");
    let with = |user: Value, status: Value| {
        let mut record = record.clone();
        record["user"] = user;
        record["responseStatus"] = status;
        lines(&[nodes(29, 0), vec![record]].concat())
    };
    let judged =
        async |text: &str| api_server(&with_file(scan_with(&world(), None).await, "audit-c2api.jsonl", text)).staleness;
    let named = judged(&with(json!({"username": "alice"}), json!({"code": 200}))).await;
    assert_eq!((named.verdict, named.confidence_percent), (StalenessVerdict::Required, 95));
    assert_eq!(named.proposed_allowlist, ["198.51.100.20/32".parse().unwrap()]);
    let probe = judged(&with(json!({}), json!({"code": 401}))).await;
    assert_eq!((probe.verdict, probe.probed), (StalenessVerdict::Stale, true));
}

#[tokio::test]
async fn an_audit_log_that_stopped_says_nothing_of_the_days_since() {
    let records = nodes(29, 2);
    let read = scan_of(&with_audit(records.clone().into())).await;
    let exported = with_file(scan_with(&world(), None).await, "audit-c2api.jsonl", &lines(&records));
    for inventory in [read, exported] {
        let reading = log(&inventory, Observer::Cluster).unwrap();
        assert_eq!((reading.complete, reading.to.timestamp()), (false, NOW - 2 * DAY - 60));
        assert!(reading.note.contains("ends"), "{}", reading.note);
        assert_eq!(api_server(&inventory).staleness.verdict, StalenessVerdict::Unknown);
    }
}

#[tokio::test]
async fn a_mesh_s_audit_log_is_where_its_detail_says_or_where_it_is_documented() {
    for (audit, store, verdict) in [
        (
            json!({"Enabled": true, "Project": "project-of-mesh"}),
            "project-of-mesh/audit-c0mesh",
            StalenessVerdict::Stale,
        ),
        (json!({"Enabled": true}), "mesh-log-c0mesh/audit-c0mesh", StalenessVerdict::Stale),
        (json!({"Enabled": false}), "mesh-log-c0mesh/audit-c0mesh", StalenessVerdict::Unknown),
    ] {
        let mut world = world();
        world["accounts"][0]["servicemesh"]["meshes"][0]["Spec"]["MeshConfig"]["Audit"] = audit.clone();
        world["accounts"][0]["sls"]["logs"][store] = awake_and(&[]);
        let inventory = scan_of(&world).await;
        assert_eq!(judged(&inventory, EndpointKind::MeshApiServer).staleness.verdict, verdict, "{audit}");
        assert_eq!(gaps(&inventory), [""; 0]);
    }
}

fn event(id: &str, name: &str, region: &str, at: &str, parameters: &Value) -> Value {
    json!({"eventId": id, "eventName": name, "eventTime": at, "acsRegion": region, "eventRW": "Write", "eventType": "ApiCall",
        "sourceIpAddress": "198.51.100.20", "requestParameterJson": parameters.to_string(),
        "userIdentity": {"type": "ram-user", "userName": "alice"}})
}

#[tokio::test]
async fn the_trail_says_who_bound_an_eip_last() {
    let bind = |eip: &str| json!({"ServiceMeshId": "c0mesh", "Operation": "BindEip", "EipId": eip});
    let mut failed = event("e5", "ModifyPilotEipResource", "cn-shanghai", "2026-06-20T00:00:00Z", &bind("eip-pilot"));
    failed["errorCode"] = "StatusForbidden".into();
    let mut by_system = event(
        "e7",
        "AssociateEipAddress",
        "cn-shanghai",
        "2026-05-03T00:00:00Z",
        &json!({"AllocationId": "eip-mapi", "InstanceId": "lb-mapi"}),
    );
    by_system["userIdentity"] = json!({"type": "system"});
    let mut world = world();
    world["accounts"][0]["actiontrail"]["events"] = json!([
        event("e1", "ModifyPilotEipResource", "cn-shanghai", "2026-05-01T00:00:00Z", &bind("eip-pilot")),
        event("e2", "ModifyPilotEipResource", "cn-hangzhou", "2026-05-02T00:00:00Z", &bind("eip-pilot")),
        event("e2", "ModifyPilotEipResource", "cn-shanghai", "2026-05-02T00:00:00Z", &bind("eip-pilot")),
        event("e3", "ModifyPilotEipResource", "cn-shanghai", "2026-06-01T00:00:00Z", &bind("eip-other")),
        event(
            "e4",
            "ModifyPilotEipResource",
            "cn-shanghai",
            "2026-06-10T00:00:00Z",
            &json!({"ServiceMeshId": "c0mesh", "Operation": "UnBindEip"})
        ),
        failed,
        event(
            "e6",
            "ModifyCluster",
            "cn-shanghai",
            "2026-05-04T00:00:00Z",
            &json!({"ClusterId": "c2api", "body": "{\"api_server_eip\":true,\"api_server_eip_id\":\"eip-api\"}"})
        ),
        by_system,
        event("e8", "ModifyPilotEipResource", "cn-shanghai", "2026-03-01T00:00:00Z", &bind("eip-pilot")),
    ]);
    let inventory = scan_of(&world).await;
    let mut events: Vec<&str> = inventory
        .trails()
        .iter()
        .flat_map(|trail| &trail.bindings)
        .map(|event| event.binding.event_id.as_str())
        .collect();
    events.sort_unstable();
    assert_eq!(events, ["e1", "e2", "e3", "e6", "e7"]);
    assert!(inventory.trails().iter().all(|trail| trail.complete && (trail.to - trail.from).num_days() == 90));
    let bound = pilot(&inventory).bound_by.unwrap();
    assert_eq!(
        (bound.user.as_str(), bound.event_id.as_str(), bound.source_ip_address.as_str()),
        ("alice", "e2", "198.51.100.20")
    );
    assert_eq!(bound.at.to_rfc3339(), "2026-05-02T00:00:00+00:00");
    assert_eq!(api_server(&inventory).bound_by.unwrap().event_id, "e6");
    let by_system = judged(&inventory, EndpointKind::MeshApiServer).bound_by.unwrap();
    assert_eq!((by_system.user.as_str(), by_system.event_name.as_str()), ("system", "AssociateEipAddress"));
}

#[tokio::test]
async fn an_event_s_parameters_are_read_from_either_field_or_the_trail_is_not_complete() {
    let bind = json!({"ServiceMeshId": "c0mesh", "Operation": "BindEip", "EipId": "eip-pilot"});
    let with = |id: &str, at: &str, text: Value, object: Value| {
        let mut event = event(id, "ModifyPilotEipResource", "cn-shanghai", at, &json!({}));
        event["requestParameterJson"] = text;
        event["requestParameters"] = object;
        event
    };
    let readable = [
        with("e1", "2026-05-01T00:00:00Z", Value::Null, bind.clone()),
        with("e2", "2026-05-02T00:00:00Z", "".into(), bind.clone()),
        with("e3", "2026-05-03T00:00:00Z", "{\"ServiceMeshId\"".into(), bind.clone()),
        with("e4", "2026-05-04T00:00:00Z", "{}".into(), bind.clone()),
        with("e5", "2026-05-05T00:00:00Z", bind.to_string().into(), Value::Null),
    ];
    let unreadable = [
        with("e6", "2026-05-06T00:00:00Z", "".into(), Value::Null),
        with("e6", "2026-05-06T00:00:00Z", "{\"ServiceMeshId\"".into(), "{}".into()),
        with("e6", "2026-05-06T00:00:00Z", Value::Null, json!([])),
    ];
    for last in [None].into_iter().chain(unreadable.iter().map(Some)) {
        let events: Vec<&Value> = readable.iter().chain(last).collect();
        let mut world = without_audit(world());
        world["accounts"][0]["actiontrail"]["events"] = json!(events);
        let inventory = scan_of(&world).await;
        let trail = inventory.trails().iter().find(|trail| trail.scope.region_id.as_str() == "cn-shanghai").unwrap();
        let entered: Vec<&str> = trail.bindings.iter().map(|event| event.binding.event_id.as_str()).collect();
        assert_eq!(entered, ["e1", "e2", "e3", "e4", "e5"], "{last:?}");
        assert_eq!(trail.complete, last.is_none(), "{last:?}");
        let expected: &[&str] = if last.is_some() { &["LookupEvents  failed schema"] } else { &[] };
        assert_eq!(gaps(&inventory), expected, "{last:?}");
    }
}

#[tokio::test]
async fn an_eip_that_the_product_chose_itself_is_bound_by_whoever_asked_for_one() {
    let mut world = world();
    world["accounts"][0]["actiontrail"]["events"] = json!([
        event(
            "e1",
            "ModifyCluster",
            "cn-shanghai",
            "2026-05-04T00:00:00Z",
            &json!({"ClusterId": "c2api", "api_server_eip": true})
        ),
        event(
            "e2",
            "ModifyCluster",
            "cn-shanghai",
            "2026-05-05T00:00:00Z",
            &json!({"ClusterId": "c2api", "api_server_eip": false})
        ),
        event(
            "e3",
            "ModifyCluster",
            "cn-shanghai",
            "2026-05-06T00:00:00Z",
            &json!({"ClusterId": "c1far", "api_server_eip": true})
        ),
    ]);
    assert_eq!(api_server(&scan_of(&world).await).bound_by.unwrap().event_id, "e1");
}

#[tokio::test]
async fn a_public_kubeconfig_of_late_means_that_somebody_needs_the_api_server() {
    for (private, verdict) in [(false, StalenessVerdict::Required), (true, StalenessVerdict::Unknown)] {
        let mut world = world();
        let parameters = json!({"ClusterId": "c2api", "PrivateIpAddress": private});
        world["accounts"][0]["actiontrail"]["events"] =
            json!([event("e1", "DescribeClusterUserKubeconfig", "cn-shanghai", "2026-06-15T00:00:00Z", &parameters)]);
        assert_eq!(api_server(&scan_of(&world).await).staleness.verdict, verdict, "{private}");
    }
}

fn with_file(inventory: Inventory, name: &str, text: &str) -> Inventory {
    let reading = ExportedLog::read(name, text).unwrap().reading(&inventory, 30).unwrap();
    let mut builder = inventory.into_builder();
    builder.logs.push(reading);
    builder.build()
}

/// Records of an entrance, one a day over the window.
fn each_day(source: &str) -> Vec<Value> {
    (0..=30).map(|days_ago| flow(source, days_ago, 15012)).collect()
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

#[tokio::test]
async fn who_comes_to_the_entrance_and_is_no_consumer_is_unexpected() {
    let mut records = each_day(FAR_EGRESS);
    records.extend([flow("198.51.100.66", 5, 15012), flow("198.51.100.66", 2, 15011)]);
    let text = lines(&records);
    let pilot_of = |inventory: &Inventory| pilot(inventory).staleness;
    let staleness = pilot_of(&with_file(scan_with(&world(), None).await, "flows.jsonl", &text));
    let [stranger] = &*staleness.unexpected else { panic!("{:?}", staleness.unexpected) };
    assert_eq!((stranger.address.to_string(), stranger.count, stranger.bytes), ("198.51.100.66".to_owned(), 2, 2000));
    assert_eq!(staleness.consumers[0].traffic, Traffic::Seen);
    let names = ["srcaddr", "dstaddr", "dstport", "bytes", "start", "end", "action"];
    let row = |record: &Value| names.map(|name| record[name].as_str().unwrap().to_owned()).join(",");
    let csv = [names.join(",")].into_iter().chain(records.iter().map(row)).collect::<Vec<_>>().join("\n");
    let same = pilot_of(&with_file(scan_with(&world(), None).await, "flows.csv", &csv));
    assert_eq!(same, staleness);
}

#[tokio::test]
async fn a_file_is_complete_only_where_it_spans_the_window() {
    let inventory = scan_with(&world(), None).await;
    let reading =
        |records: &[Value]| ExportedLog::read("flows", &lines(records)).unwrap().reading(&inventory, 30).unwrap();
    let whole = each_day("198.51.100.66");
    assert!(reading(&whole).complete);
    let mut lossy = whole.clone();
    lossy.push(json!({"start": (NOW - DAY).to_string(), "end": NOW.to_string(), "log-status": "SKIPDATA"}));
    for records in [&whole[..29], &whole[2..], &[], &lossy] {
        let reading = reading(records);
        assert!(!reading.complete && !reading.note.is_empty(), "{records:?}");
    }
}

/// A public address is tried by somebody on any day: where there is none in a file, nothing was written.
#[tokio::test]
async fn a_file_without_a_record_of_a_day_is_not_complete() {
    let inventory = scan_with(&world(), None).await;
    let whole = each_day("198.51.100.66");
    for (left_out, is_complete) in [(0, true), (1, false), (2, false)] {
        let mut records = whole.clone();
        records.drain(10..10 + left_out);
        let reading = ExportedLog::read("flows", &lines(&records)).unwrap().reading(&inventory, 30).unwrap();
        assert_eq!(reading.complete, is_complete, "{}", reading.note);
        assert_eq!(reading.note.contains("no record from"), !is_complete);
        let staleness = pilot(&with_file(scan_with(&world(), None).await, "flows", &lines(&records))).staleness;
        assert_eq!(staleness.silent.is_empty(), !is_complete, "the consumer is not in it");
        assert_eq!(staleness.incomplete_logs.len(), usize::from(!is_complete));
    }
    // A session that lasts is written once, when it is over.
    let mut records = whole;
    records.drain(10..15);
    records[9]["start"] = (NOW - 16 * DAY).to_string().into();
    let reading = ExportedLog::read("flows", &lines(&records)).unwrap().reading(&inventory, 30).unwrap();
    assert!(!reading.complete);
}

#[tokio::test]
async fn an_exported_audit_log_is_its_cluster_s() {
    let inventory = scan_with(&world(), None).await;
    let text = lines(&[node(29), request("198.51.100.20", "alice", "200", 3)]);
    let inventory = with_file(inventory, "logs/audit-c2api.jsonl", &text);
    assert_eq!(api_server(&inventory).staleness.proposed_allowlist, ["198.51.100.20/32".parse().unwrap()]);
    let other = ExportedLog::read("audit-c9.jsonl", &text).unwrap().reading(&inventory, 30);
    assert!(other.unwrap_err().contains("c9"));
}

#[test]
fn a_line_that_is_not_understood_is_named() {
    let good = flow("198.51.100.66", 1, 15012);
    let bad = |field: &str, value: Value| {
        let mut record = good.clone();
        record[field] = value;
        lines(&[good.clone(), record])
    };
    for (name, text, line, part) in [
        ("f", bad("srcaddr", "nobody".into()), 2, "srcaddr"),
        ("f", bad("dstport", "70000".into()), 2, "dstport"),
        ("f", bad("start", Value::Null), 2, "start"),
        ("f", bad("action", "DENY".into()), 2, "action"),
        ("f", format!("{good}\n\n[1]\n"), 3, "JSON"),
        ("f", "srcaddr,dstaddr\n1.2.3.4\n".to_owned(), 2, "CSV"),
        ("audit-c2api", lines(std::slice::from_ref(&good)), 1, "__time__"),
        ("f", format!("[{good}]"), 1, "JSON array"),
        ("f", format!("\n\n[\n{good}\n]\n"), 3, "JSON array"),
        ("f", "\0\0".to_owned(), 1, "zero"),
        ("f", format!("{good}\n{good}\0\n"), 2, "zero"),
        ("f", bad("end", format!("{NOW}000").into()), 2, "end"),
        ("f", "srcaddr,dstaddr,dstport,bytes,start,end\n".to_owned(), 1, "action"),
        ("f", format!("({good},{good})"), 1, "srcaddr"),
        ("audit-c2api", "__time__,stage\n".to_owned(), 1, "sourceIPs"),
    ] {
        let problem = ExportedLog::read(name, &text).unwrap_err();
        assert_eq!(problem.line, line, "{problem}");
        assert!(problem.message.contains(part), "{problem}");
    }
}
