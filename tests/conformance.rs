//! The simulated cloud against the vendor's own client: the scripts of `tests/conformance/` drive it through the official
//! Python SDK in the virtual environment that `tests/conformance/setup.sh` makes. A shape that we misread fails here,
//! whatever our own client thinks of it. What changes something is sent by our client too, and must arrive as the SDK's.
#![cfg(feature = "external-tests")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use portcullis::{
    cloud::{
        api::write::{
            cs,
            servicemesh::{Slot, bind_eip, unbind_eip},
            slb::{self, AccessControl, AclType, Entry as AclEntry, Family},
            vpc,
        },
        client::{Account, Client, Settings},
        context::{Context, HttpSettings},
        credential::{Credentials, StaticProvider},
        endpoint::Endpoints,
        write::{Ack, Outcome, WritePermit, WriteRequest},
    },
    sandbox::{Entry, Server, World},
};
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn serve(world: &str) -> (Server, PathBuf) {
    let path = root().join(world);
    let world = World::from_file(&path).expect("the world of the conformance test");
    (Server::start(world, "127.0.0.1:0".parse().expect("an address"), None).expect("a server on loopback"), path)
}

/// Runs a script of the SDK against a server of its own; returns what was asked of it.
fn run(script: &str, world: &str) -> Vec<Entry> {
    let (server, world) = serve(world);
    let python = root().join(".venv/bin/python");
    assert!(python.exists(), "run tests/conformance/setup.sh first: it makes {}", python.display());
    let mut command = Command::new(python);
    command.arg(root().join("tests/conformance").join(script)).arg(server.url()).arg(world);
    // The SDK would reach around the simulated cloud, or find somebody's real credentials.
    for name in
        ["NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    {
        command.env_remove(name);
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let output = command.output().expect("Python runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    server.journal()
}

const WRITES_WORLD: &str = "tests/writes/world.json";

#[test]
fn the_vendors_sdk_understands_the_simulated_cloud() {
    // Every operation that the simulated cloud serves was asked for, and answered.
    let journals = [run("conformance.py", "tests/conformance/world.json"), run("writes.py", WRITES_WORLD)];
    let answered: BTreeSet<String> = journals
        .into_iter()
        .flatten()
        .filter(|entry| entry.status == 200)
        .map(|entry| format!("{}/{}", entry.product, entry.action))
        .collect();
    let served: BTreeSet<String> = portcullis::sandbox::operations().collect();
    assert_eq!(served, answered);
}

#[tokio::test]
async fn our_client_sends_what_the_vendors_sdk_sends() {
    let theirs: Vec<_> = writes(run("writes.py", WRITES_WORLD));
    let (server, _) = serve(WRITES_WORLD);
    send_all(&server).await;
    let ours = writes(server.journal());
    assert_eq!(ours.len(), 17);
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }
}

/// The simulated cloud serves them to others: fences stand before TCP listeners, and nothing is ever released.
const NEVER_SENT: [&str; 4] = [
    "ReleaseEipAddress",
    "SetLoadBalancerHTTPListenerAttribute",
    "SetLoadBalancerHTTPSListenerAttribute",
    "SetLoadBalancerUDPListenerAttribute",
];

/// What identifies a request that changed something: method, host, operation and parameters, the same text for the same
/// value. What we never send is left out.
fn writes(journal: Vec<Entry>) -> Vec<(String, String, String, BTreeMap<String, String>)> {
    let changing =
        journal.into_iter().filter(|entry| entry.effect == "applied" && !NEVER_SENT.contains(&entry.action.as_str()));
    changing
        .map(|entry| {
            let params = entry.params.into_iter().map(|(name, value)| (name.clone(), told(&name, &value))).collect();
            (entry.method, entry.host, format!("{}/{}", entry.product, entry.action), params)
        })
        .collect()
}

fn told(name: &str, value: &str) -> String {
    match name {
        // Made up by each cloud.
        "AclId" => "(an ACL)".to_owned(),
        "AclEntrys" => serde_json::from_str::<Value>(value).expect("JSON").to_string(),
        // The SDK for Python spells flags as Python does.
        _ if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") => value.to_ascii_lowercase(),
        _ => value.to_owned(),
    }
}

const PERMIT: WritePermit = WritePermit::for_remediation();
const REGION: &str = "cn-hangzhou";

/// The calls of `writes.py`.
async fn send_all(server: &Server) {
    for (slot, eip) in [(Slot::Pilot, "eip-pilot"), (Slot::CanaryPilot, "eip-canary"), (Slot::ApiServer, "eip-api")] {
        send(server, unbind_eip(&PERMIT, "m1", slot)).await;
        send(server, bind_eip(&PERMIT, "m1", slot, eip)).await;
    }
    send(server, cs::unbind_api_server_eip(&PERMIT, REGION, "c1", "token-1")).await;
    send(server, cs::bind_api_server_eip(&PERMIT, REGION, "c1", "eip-cluster", "token-2")).await;
    send(server, vpc::eip_deletion_protection(&PERMIT, REGION, "eip-pilot", true, "token-3")).await;
    send(server, vpc::eip_deletion_protection(&PERMIT, REGION, "eip-pilot", false, "token-4")).await;
    send(server, vpc::tag_eip(&PERMIT, REGION, "eip-pilot", "portcullis:plan", "plan 1/a")).await;
    send(server, vpc::untag_eip(&PERMIT, REGION, "eip-pilot", "portcullis:plan")).await;
    let created = send(server, slb::create_acl(&PERMIT, REGION, "portcullis-1", Family::Ipv4)).await;
    let acl_id = created.text("AclId").expect("the id of the ACL").to_owned();
    let entry = |cidr: &str, comment: &str| AclEntry { cidr: cidr.to_owned(), comment: comment.to_owned() };
    let entries = [entry("203.0.113.0/24", "head office"), entry("100.104.0.0/16", "")];
    send(server, slb::add_acl_entries(&PERMIT, REGION, &acl_id, &entries)).await;
    let on = AccessControl::On { acl_type: AclType::White, acl_id: acl_id.clone() };
    for control in [on, AccessControl::Off] {
        let set = slb::set_tcp_listener_access_control(&PERMIT, REGION, "lb-pilot", 15011, &control);
        send(server, set).await;
    }
    send(server, slb::delete_acl(&PERMIT, REGION, &acl_id)).await;
}

async fn send(server: &Server, write: WriteRequest) -> Ack {
    let endpoints = Endpoints::default().with_endpoint_url(&server.url()).expect("an endpoint");
    let settings = Settings::for_endpoints(&endpoints);
    let context = Context::real(HttpSettings::default()).expect("a context");
    let client = Client::new(context, endpoints, settings);
    let credentials = Credentials {
        access_key_id: "testid".to_owned(),
        access_key_secret: "testsecret".into(),
        security_token: None,
        expiration: None,
    };
    let account = Account::new("test", Arc::new(StaticProvider::new("world", credentials)));
    let signed = client.sign_write(&account, write, chrono::Utc::now()).await.expect("a signed write");
    match client.send_write(signed).await {
        Outcome::Acked(ack) => ack,
        other => panic!("{other:?}"),
    }
}
