//! The cloud of these tests, by whose time waits are short; one with a canary; and the changes that may be made there.

use portcullis::{
    model::{AclId, ClusterId, EipId, MeshId},
    remediate::{AclKind, AclSetting, Action, Change, Endpoint, Target},
};
use serde_json::{Value, json};

#[path = "cloud.rs"]
mod cloud;

pub(crate) use cloud::{ACCOUNT, REGION};
use cloud::{CLUSTER_API, FAR_EGRESS, MESH_API, PILOT, balancer, eip, listener};

const CANARY: &str = "203.0.113.10";

/// How many times as fast as ours its time runs: half a minute of ours is a whole soak.
const TIME_SCALE: u32 = 3_600;

/// An EIP takes ten seconds of the world's time to leave or to arrive.
fn timed(mut world: Value) -> Value {
    world["behaviour"] = json!({"bind_delay_ms": 10_000, "time_scale": TIME_SCALE});
    world
}

/// The world without logs: small, for what does not go by them.
pub(crate) fn quiet() -> Value {
    timed(cloud::quiet())
}

/// With audit logs of the API servers.
pub(crate) fn logged() -> Value {
    timed(cloud::logged())
}

/// Without the peering: the far cluster needs the pilot in public, and comes from its NAT gateway.
pub(crate) fn needed() -> Value {
    timed(cloud::needed())
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
