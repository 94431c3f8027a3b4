//! Whatever a guard rests on drifts between plan and apply, one field at a time: each drift is refused by its guard, and
//! nothing is signed.
//!
//! `DRIFTS=10000 cargo test --lib prove::tests::drift` tries so many; each draws its own values.

use chrono::Utc;
use futures::{StreamExt, stream};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use super::{
    drive,
    stage::{Setup, Stage, cluster_api_server, fence, mesh_api_server, pilot},
    world,
};
use crate::{
    cli::prove::Way,
    remediate::{
        AccountRecord, Action, CloudTime, End, ReadFor,
        guard::{Guard, Moment},
    },
    store::Record,
};

type Drift = (&'static str, Guard, fn(&mut Setup, &mut StdRng));

fn word(rng: &mut StdRng) -> String {
    (0..rng.random_range(3..12)).map(|_| rng.random_range(b'a'..=b'z') as char).collect()
}

fn one<'a>(rng: &mut StdRng, of: &[&'a str]) -> &'a str {
    of.choose(rng).unwrap()
}

/// A value of another type than any that is documented there.
fn junk(rng: &mut StdRng) -> Value {
    [json!({"a": 1}), json!([[1]]), json!(1.5)].choose(rng).unwrap().clone()
}

fn mesh(setup: &mut Setup) -> &mut Value {
    &mut setup.account()["servicemesh"]["meshes"][0]
}

fn eip<'a>(setup: &'a mut Setup, id: &str) -> &'a mut Value {
    let all = setup.account()["vpc"]["eips"].as_array_mut().unwrap();
    all.iter_mut().find(|eip| eip["AllocationId"] == id).unwrap()
}

fn cluster<'a>(setup: &'a mut Setup, id: &str) -> &'a mut Value {
    let all = setup.account()["cs"]["clusters"].as_array_mut().unwrap();
    all.iter_mut().find(|cluster| cluster["cluster_id"] == id).unwrap()
}

fn remove(setup: &mut Setup, product: &str, list: &str, keep: impl Fn(&Value) -> bool) {
    setup.account()[product][list].as_array_mut().unwrap().retain(keep);
}

fn waive(setup: &mut Setup, select: &str) {
    let end = (Utc::now() + chrono::TimeDelta::days(30)).format("%Y-%m-%d");
    let text = format!(
        "version: 1\nwaivers:\n  - select: {{account: \"{}\", region: {}, {select}}}\n    reason: r\n    owner: o\n    expires: {end}\n",
        world::ACCOUNT,
        world::REGION
    );
    let path = setup.file("waivers.yaml", &text);
    setup.said.config.as_mut().unwrap().waivers = Some(path);
}

fn marker(rng: &mut StdRng) -> Value {
    let key = one(
        rng,
        &[
            "portcullis:protect",
            "Portcullis:Protect",
            "portcullis : protect",
            "portcullis-protect",
            " portcullis:protect",
        ],
    );
    json!(key)
}

fn event(setup: &mut Setup, rng: &mut StdRng, names: &[&str], resource: &str) {
    let at = Utc::now() - chrono::TimeDelta::seconds(rng.random_range(20..800));
    let event = json!({"eventId": word(rng), "eventName": one(rng, names), "eventTime": at.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "eventRW": "Write", "eventType": "ConsoleOperation", "serviceName": "x", "acsRegion": world::REGION, "resourceName": resource,
        "userIdentity": {"type": "ram-user", "accountId": world::ACCOUNT, "userName": word(rng), "accessKeyId": word(rng)},
        "requestParameterJson": json!({"Id": resource}).to_string()});
    setup.account()["actiontrail"]["events"] = json!([event]);
}

/// What people decide, and our own ways: of every action.
fn decided() -> Vec<Drift> {
    use Guard::*;
    vec![
        ("the window closed", G7, |s, _| s.said.open = false),
        ("an approval ended", G9, |s, rng| s.said.approvals = Ok((rng.random_range(1..4), 0))),
        ("approvals cannot be told", G9, |s, _| s.said.approvals = Err("gone".to_owned())),
        ("the configuration cannot be read", G6, |s, _| s.said.config = Err("gone".to_owned())),
        ("the region left the scope", G1, |s, rng| {
            s.said.config.as_mut().unwrap().regions = vec![format!("cn-{}", word(rng))]
        }),
        ("the plan expired", G1, |s, rng| s.hours_left = -rng.random_range(1..40)),
        ("no budget is left", G8, |s, _| s.budget = 0),
        ("the waivers cannot be read", G6, |s, rng| {
            let path = s.file("waivers.yaml", &word(rng));
            s.said.config.as_mut().unwrap().waivers = Some(path);
        }),
        ("the kill switch was turned on", G10, |s, rng| {
            let kill = AccountRecord::Kill { on: true, by: word(rng), at: CloudTime(1) };
            s.rows.records.push(Record { position: 1, epoch: 1, version: 1, body: serde_json::to_vec(&kill).unwrap() });
        }),
        ("the account's row is of a later version", G10, |s, rng| {
            s.rows.records.push(Record { position: 1, epoch: 1, version: 900, body: word(rng).into_bytes() });
        }),
        ("the store does not answer", G10, |s, _| s.rows.fails = true),
        ("a kill file was written", G10, |s, rng| s.kill_file = Some(s.file("kill", &word(rng)))),
        ("the kill file cannot be looked for", G10, |s, rng| s.kill_file = Some(s.file("file", "").join(word(rng)))),
        ("something of ours is behind a name that nobody knows", G11, |s, rng| {
            s.ways.insert(Way { what: "the store".to_owned(), host: format!("{}.invalid", word(rng)) });
        }),
    ]
}

/// What a drift does to the world.
type Change = Box<dyn Fn(&mut Setup, &mut StdRng) + Send + Sync>;

/// Of an EIP on a slot.
fn of_eip(id: &'static str) -> Vec<(String, Guard, Change)> {
    use Guard::*;
    type Set = fn(&mut Value, &mut StdRng);
    let sets: [(&str, Guard, Set); 13] = [
        ("the EIP is on another balancer", G3, |e, rng| e["InstanceId"] = json!(format!("lb-{}", word(rng)))),
        ("the EIP moves", G3, |e, rng| e["Status"] = json!(one(rng, &["Associating", "Unassociating", "Releasing"]))),
        ("the EIP is in a state that nobody knows", G3, |e, rng| e["Status"] = json!(word(rng))),
        ("the EIP belongs to a product", G3, |e, _| e["ServiceManaged"] = json!(1)),
        ("nobody says whether the EIP belongs to a product", G3, |e, rng| e["ServiceManaged"] = junk(rng)),
        ("the EIP is financially locked", G3, |e, rng| {
            e["BusinessStatus"] = json!(one(rng, &["FinancialLocked", "SecurityLocked", "frozen"]))
        }),
        ("no business status", G3, |e, _| drop(e.as_object_mut().unwrap().remove("BusinessStatus"))),
        ("the EIP is locked", G3, |e, rng| {
            e["OperationLocks"] = json!({"LockReason": [{"LockReason": one(rng, &["financial", "security", "x"])}]})
        }),
        ("locks that nobody can read", G3, |e, rng| e["OperationLocks"] = junk(rng)),
        ("no charge type", G3, |e, _| drop(e.as_object_mut().unwrap().remove("ChargeType"))),
        ("the EIP's id is another", G3, |e, rng| e["AllocationId"] = json!(format!("eip-{}", word(rng)))),
        ("the EIP is marked", G6, |e, rng| e["Tags"] = json!({"Tag": [{"Key": marker(rng), "Value": word(rng)}]})),
        ("tags that nobody can read", G6, |e, rng| e["Tags"] = junk(rng)),
    ];
    let of = |(name, guard, set): (&str, Guard, Set)| {
        let change: Change = Box::new(move |s, rng| set(eip(s, id), rng));
        (name.to_owned(), guard, change)
    };
    sets.into_iter().map(of).collect()
}

/// Of a mesh as a whole.
fn of_mesh() -> Vec<Drift> {
    use Guard::*;
    vec![
        ("the mesh is not running", G4, |s, rng| {
            mesh(s)["ServiceMeshInfo"]["State"] =
                json!(one(rng, &["upgrading", "updating", "failed", "abnormal", "initial", "Running2"]))
        }),
        ("the mesh has no state", G4, |s, _| drop(mesh(s)["ServiceMeshInfo"].as_object_mut().unwrap().remove("State"))),
        ("the mesh's state is no text", G4, |s, rng| mesh(s)["ServiceMeshInfo"]["State"] = junk(rng)),
        ("a canary is alive", G4, |s, rng| {
            let field = one(rng, &["CanaryPilotLoadBalancerId", "CanaryPilotPublicEipId"]);
            mesh(s)["Spec"]["LoadBalancer"][field] = json!(format!("lb-{}", word(rng)));
        }),
        ("a canary has an endpoint", G4, |s, rng| {
            let field = one(rng, &["PublicCanaryPilotEndpoint", "IntranetCanaryPilotEndpoint"]);
            mesh(s)["Endpoints"][field] = json!("10.1.0.77:15012");
        }),
        ("the mesh is marked", G6, |s, rng| mesh(s)["Tag"] = json!([{"Key": marker(rng), "Value": word(rng)}])),
        ("the mesh went into production", G9, |s, rng| {
            mesh(s)["Tag"] = json!([{"Key": one(rng, &["env", "Env", " ENV"]), "Value": word(rng)}])
        }),
        ("the mesh's tags cannot be read", G6, |s, rng| mesh(s)["Tag"] = json!([junk(rng)])),
        ("the mesh is gone", G3, |s, _| remove(s, "servicemesh", "meshes", |_| false)),
        ("the mesh was waived", G6, |s, rng| {
            waive(s, one(rng, &["resource: c0mesh", "kind: mesh", "rule: control-plane-public-eip"]))
        }),
        ("somebody wrote to the mesh", G13, |s, rng| {
            event(s, rng, &["ModifyPilotEipResource", "ModifyApiServerEipResource", "UpdateMeshFeature"], "c0mesh")
        }),
        ("a trail that nobody can read", G13, |s, rng| {
            event(s, rng, &["ModifyPilotEipResource"], "c0mesh");
            s.account()["actiontrail"]["events"][0]["eventId"] = junk(rng);
        }),
        ("a write that may be to anything", G13, |s, rng| {
            event(s, rng, &["ModifyPilotEipResource"], "");
            let event = &mut s.account()["actiontrail"]["events"][0];
            event.as_object_mut().unwrap().remove("requestParameterJson");
            event[one(rng, &["requestParameters", "referencedResources"])] = json!([junk(rng)]);
        }),
    ]
}

fn of_pilot() -> Vec<Drift> {
    use Guard::*;
    vec![
        ("another EIP is on the slot", G3, |s, rng| {
            mesh(s)["Spec"]["LoadBalancer"]["PilotPublicEipId"] = json!(format!("eip-{}", word(rng)))
        }),
        ("the slot is empty, and still public", G3, |s, _| {
            mesh(s)["Spec"]["LoadBalancer"]["PilotPublicEipId"] = json!("")
        }),
        ("the slot is not told", G3, |s, _| {
            drop(mesh(s)["Spec"]["LoadBalancer"].as_object_mut().unwrap().remove("PilotPublicEipId"))
        }),
        ("the flag is no flag", G3, |s, rng| {
            mesh(s)["Spec"]["LoadBalancer"]["PilotPublicEip"] =
                [json!("true"), json!(1), Value::Null, junk(rng)].choose(rng).unwrap().clone()
        }),
        ("another balancer", G3, |s, rng| {
            mesh(s)["Spec"]["LoadBalancer"]["PilotPublicLoadbalancerId"] = json!(format!("lb-{}", word(rng)))
        }),
        ("no balancer", G3, |s, _| mesh(s)["Spec"]["LoadBalancer"]["PilotPublicLoadbalancerId"] = json!("")),
        ("a cluster joined", G4, |s, rng| {
            mesh(s)["Clusters"].as_array_mut().unwrap().push(json!(format!("c{}", word(rng))))
        }),
        ("a cluster joined the data plane", G4, |s, rng| {
            let id = format!("c{}", word(rng));
            let all = &mut s.account()["servicemesh"]["clusters"]["c0mesh"];
            let mut joined = all[0].clone();
            joined["ClusterId"] = json!(id);
            all.as_array_mut().unwrap().push(joined);
        }),
        ("a cluster is not running", G5, |s, rng| {
            s.account()["servicemesh"]["clusters"]["c0mesh"][rng.random_range(0..2)]["State"] =
                json!(one(rng, &["starting", "stopped", "frozen"]))
        }),
        ("a route there is gone", G5, |s, _| {
            s.account()["vpc"]["route_tables"][0]["RouteEntrys"] = json!({"RouteEntry": []})
        }),
        ("a route back is gone", G5, |s, _| {
            s.account()["vpc"]["route_tables"][1]["RouteEntrys"]["RouteEntry"].as_array_mut().unwrap().truncate(0)
        }),
        ("a route is not available", G5, |s, rng| {
            s.account()["vpc"]["route_tables"][rng.random_range(0..2)]["RouteEntrys"]["RouteEntry"][0]["Status"] =
                json!("Pending")
        }),
        ("a route leads elsewhere", G5, |s, rng| {
            s.account()["vpc"]["route_tables"][rng.random_range(0..2)]["RouteEntrys"]["RouteEntry"][0]["NextHops"]["NextHop"]
                [0]["NextHopId"] = json!(format!("pcc-{}", word(rng)))
        }),
        ("the peering is down", G5, |s, rng| {
            s.account()["vpcpeer"]["connections"][0]["Status"] =
                json!(one(rng, &["Inactive", "Expired", "Rejected", "Deleted"]))
        }),
        ("the peering is gone", G5, |s, _| s.account()["vpcpeer"]["connections"] = json!([])),
        ("somebody else is served there", G5, |s, rng| {
            let listeners = s.account()["slb"]["listeners"].as_array_mut().unwrap();
            let mut other = listeners.iter().find(|one| one["LoadBalancerId"] == "lb-pilot").unwrap().clone();
            other["ListenerPort"] = json!([80, 443, 6443, 8443][rng.random_range(0..4)]);
            listeners.push(other);
        }),
        ("the group lets nobody in", G5, |s, _| {
            s.account()["ecs"]["security_groups"][0]["Permissions"] = json!({"Permission": []})
        }),
        ("the listener lets no cluster in", G5, |s, rng| {
            s.account()["slb"]["acls"] = json!([{"AclId": "acl-9", "AclName": word(rng), "AddressIPVersion": "ipv4", "RegionId": world::REGION,
                "AclEntrys": {"AclEntry": [{"AclEntryIP": "198.51.100.0/24"}]}}]);
            let listener = &mut s.account()["slb"]["listeners"][0];
            listener["AclStatus"] = json!("on");
            listener["AclType"] = json!("white");
            listener["AclId"] = json!("acl-9");
            listener["AclIds"] = json!(["acl-9"]);
        }),
        ("a proxy is in a state that nobody knows", G12, |s, rng| {
            s.account()["servicemesh"]["proxy_status"]["c0mesh"][rng.random_range(0..10)]["RouteSynced"] =
                json!(word(rng))
        }),
        ("our proxy is behind it", G11, |s, _| {
            s.ways.insert(Way::to("the proxy", world::PILOT).unwrap());
        }),
        ("the balancer is marked", G6, |s, rng| {
            s.account()["slb"]["load_balancers"][0]["Tags"] =
                json!({"Tag": [{"TagKey": marker(rng), "TagValue": word(rng)}]})
        }),
        ("somebody wrote to the EIP", G13, |s, rng| {
            event(s, rng, &["AssociateEipAddress", "UnassociateEipAddress", "ModifyEipAddressAttribute"], "eip-pilot")
        }),
        ("somebody wrote to the balancer", G13, |s, rng| {
            event(s, rng, &["SetLoadBalancerTCPListenerAttribute", "SetLoadBalancerStatus"], "lb-pilot")
        }),
        ("it is not exposed any more", G2, |s, _| {
            remove(s, "vpc", "eips", |eip| eip["AllocationId"] != "eip-pilot");
            mesh(s)["Spec"]["LoadBalancer"]["PilotPublicEip"] = json!(false);
            mesh(s)["Spec"]["LoadBalancer"]["PilotPublicEipId"] = json!("");
            mesh(s)["Endpoints"]["PublicPilotEndpoint"] = json!("");
        }),
    ]
}

fn of_mesh_api_server() -> Vec<Drift> {
    use Guard::*;
    vec![
        ("another EIP is on the slot", G3, |s, rng| {
            mesh(s)["Spec"]["LoadBalancer"]["ApiServerPublicEipId"] = json!(format!("eip-{}", word(rng)))
        }),
        ("another balancer", G3, |s, rng| {
            mesh(s)["Spec"]["LoadBalancer"]["ApiServerLoadbalancerId"] = json!(format!("lb-{}", word(rng)))
        }),
        ("a client came from the internet", G5, |s, rng| seen(s, rng, "project-of-mesh/audit-c0mesh")),
        ("its clusters may use it", G5, |s, _| {
            mesh(s)["Spec"]["MeshConfig"]["ExtraConfiguration"] =
                json!({"CRAggregationConfiguration": {"Enabled": true}})
        }),
        ("the audit log is gone", G5, |s, _| {
            drop(s.account()["sls"]["logs"].as_object_mut().unwrap().remove("project-of-mesh/audit-c0mesh"))
        }),
        ("the audit log is young", G5, |s, _| {
            s.account()["sls"]["logs"]["project-of-mesh/audit-c0mesh"].as_array_mut().unwrap().truncate(240)
        }),
        ("our store is behind it", G11, |s, _| {
            s.ways.insert(Way::to("the store", world::MESH_API).unwrap());
        }),
    ]
}

/// An authenticated client of the internet in an audit log.
fn seen(setup: &mut Setup, rng: &mut StdRng, log: &str) {
    let at = Utc::now().timestamp() - rng.random_range(3600..20 * 86_400);
    let source = format!("198.51.100.{}", rng.random_range(20..250));
    let record = json!({"__time__": at.to_string(), "stage": "ResponseComplete", "sourceIPs": format!("[\"{source}\"]"),
        "user.username": word(rng), "userAgent": "kubectl", "responseStatus.code": "200"});
    setup.account()["sls"]["logs"][log].as_array_mut().unwrap().push(record);
}

fn of_cluster_api_server() -> Vec<Drift> {
    use Guard::*;
    vec![
        ("the cluster is busy", G4, |s, rng| {
            cluster(s, "c2api")["state"] = json!(one(rng, &["updating", "upgrading", "scaling", "removing", "failed"]))
        }),
        (
            "a task is under way",
            G4,
            |s, rng| s.account()["cs"]["tasks"] = json!([{"task_id": word(rng), "cluster_id": "c2api", "task_type": "cluster_modify", "state": one(rng, &["running", "pending"])}]),
        ),
        ("the type offers no such change", G4, |s, rng| {
            cluster(s, "c2api")["cluster_type"] = json!(one(rng, &["Kubernetes", "ExternalKubernetes", "x"]))
        }),
        ("the profile offers no such change", G4, |s, rng| {
            cluster(s, "c2api")["profile"] = json!(one(rng, &["Lingjun", "x"]))
        }),
        ("its addresses cannot be read", G3, |s, rng| cluster(s, "c2api")["master_url"] = json!(word(rng))),
        ("no flag", G3, |s, _| cluster(s, "c2api")["meta_data"] = json!("{\"Capabilities\":{}}")),
        ("another balancer", G3, |s, rng| {
            s.account()["cs"]["resources"]["c2api"][0]["instance_id"] = json!(format!("lb-{}", word(rng)))
        }),
        ("the cluster is gone", G3, |s, _| remove(s, "cs", "clusters", |it| it["cluster_id"] != "c2api")),
        ("a mesh manages it from elsewhere", G4, |s, _| {
            mesh(s)["Clusters"].as_array_mut().unwrap().push(json!("c2api"));
            mesh(s)["Spec"]["Network"]["VpcId"] = json!("vpc-2");
        }),
        ("a consumer's route is gone", G5, |s, _| {
            s.account()["vpc"]["route_tables"][1]["RouteEntrys"]["RouteEntry"].as_array_mut().unwrap().truncate(0)
        }),
        ("a consumer was named", G4, |s, rng| {
            let named = s.said.config.as_mut().unwrap().consumers.get_mut("c2api").unwrap();
            let mut other = named[0].clone();
            other.name = word(rng);
            named.push(other);
        }),
        ("a client came from the internet", G5, |s, rng| seen(s, rng, "k8s-log-c2api/audit-c2api")),
        ("the audit log is gone", G5, |s, _| {
            drop(s.account()["sls"]["logs"].as_object_mut().unwrap().remove("k8s-log-c2api/audit-c2api"))
        }),
        ("the cluster is marked", G6, |s, rng| {
            cluster(s, "c2api")["tags"] = json!([{"key": marker(rng), "value": word(rng)}])
        }),
        ("the cluster was waived", G6, |s, _| waive(s, "resource: c2api")),
        ("a kubeconfig of ours is behind it", G11, |s, _| {
            s.ways.insert(Way::to("the kubeconfig", &format!("https://{}:6443", world::CLUSTER_API)).unwrap());
        }),
        ("somebody wrote to the cluster", G13, |s, rng| {
            event(s, rng, &["ModifyCluster", "UpgradeCluster", "ScaleOutCluster"], "c2api")
        }),
    ]
}

fn of_fence() -> Vec<Drift> {
    use Guard::*;
    vec![
        ("the listener's list was switched on", G3, |s, rng| {
            let listener = &mut s.account()["slb"]["listeners"][0];
            listener["AclStatus"] = json!("on");
            listener["AclType"] = json!(one(rng, &["white", "black"]));
            listener["AclId"] = json!("acl-1");
            listener["AclIds"] = json!(["acl-1"]);
        }),
        ("the listener's setting is no word", G3, |s, rng| {
            s.account()["slb"]["listeners"][0]["AclStatus"] = json!(word(rng))
        }),
        ("the listener is gone", G3, |s, _| {
            s.account()["slb"]["listeners"].as_array_mut().unwrap().retain(|it| it["LoadBalancerId"] != "lb-pilot")
        }),
        ("the listener is on another port", G3, |s, rng| {
            s.account()["slb"]["listeners"][0]["ListenerPort"] = json!(rng.random_range(20000..30000))
        }),
        ("the listener is of another protocol", G3, |s, _| {
            s.account()["slb"]["listeners"][0]["ListenerProtocol"] = json!("udp")
        }),
        ("another balancer", G3, |s, rng| {
            mesh(s)["Spec"]["LoadBalancer"]["PilotPublicLoadbalancerId"] = json!(format!("lb-{}", word(rng)))
        }),
        ("somebody comes from elsewhere", G5, |s, rng| {
            s.account()["vpc"]["snat_entries"][0]["SnatIp"] = json!(format!("198.51.100.{}", rng.random_range(20..250)))
        }),
        ("nobody knows from where somebody comes", G5, |s, _| {
            s.account()["vpc"]["nat_gateways"] = json!([]);
            s.account()["vpc"]["snat_entries"] = json!([]);
        }),
        ("a block of the VPC is not let in", G5, |s, rng| {
            s.account()["vpc"]["vpcs"][0]["SecondaryCidrBlocks"] = {
                let block = format!("10.{}.0.0/16", rng.random_range(50..90));
                let mut switch = s.account()["vpc"]["vswitches"][0].clone();
                switch["VSwitchId"] = json!("vsw-new");
                switch["CidrBlock"] = json!(block);
                s.account()["vpc"]["vswitches"].as_array_mut().unwrap().push(switch);
                json!({"SecondaryCidrBlock": [block]})
            }
        }),
        ("somebody is trusted who is not let in", G5, |s, rng| {
            let cidr: ipnet::IpNet = format!("192.0.2.{}/32", rng.random_range(1..250)).parse().unwrap();
            s.said.config.as_mut().unwrap().trusted.entries.push(crate::model::TrustedEntry {
                cidr,
                name: None,
                kinds: Vec::new(),
                resources: Vec::new(),
                regions: Vec::new(),
                expires: None,
            });
        }),
        ("a cluster joined", G4, |s, rng| {
            mesh(s)["Clusters"].as_array_mut().unwrap().push(json!(format!("c{}", word(rng))))
        }),
        ("somebody wrote to the balancer", G13, |s, rng| {
            event(s, rng, &["SetLoadBalancerTCPListenerAttribute", "DeleteLoadBalancerListener"], "lb-pilot")
        }),
    ]
}

/// One action in the world in which it was planned, and everything that may drift.
struct Kind {
    setup: Setup,
    action: Action,
    drifts: Vec<(String, Guard, Change)>,
}

fn kinds() -> Vec<Kind> {
    let boxed = |drifts: Vec<Drift>| -> Vec<(String, Guard, Change)> {
        let one = |(name, guard, change): Drift| (name.to_owned(), guard, Box::new(change) as Change);
        drifts.into_iter().map(one).collect()
    };
    let kind = |world: Value, action: Action, lists: Vec<Vec<Drift>>, eip: Option<&'static str>| {
        let own = lists.into_iter().flat_map(boxed).chain(eip.into_iter().flat_map(of_eip));
        Kind { setup: Setup::of(world), action, drifts: own.chain(boxed(decided())).collect() }
    };
    vec![
        kind(world::quiet(), pilot(), vec![of_pilot(), of_mesh()], Some("eip-pilot")),
        kind(world::logged(), mesh_api_server(), vec![of_mesh_api_server(), of_mesh()], Some("eip-mapi")),
        kind(world::logged(), cluster_api_server(), vec![of_cluster_api_server()], Some("eip-api")),
        kind(world::needed(), fence(), vec![of_fence(), of_mesh()], None),
    ]
}

/// Without a drift everything is signed: what refuses in the other tests is the drift.
#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_drift_is_signed() {
    for Kind { setup, action, .. } in kinds() {
        let stage = Stage::new(setup);
        let end = drive::apply(&stage, &action).await;
        assert_eq!(end, None, "{:?}", action.target.endpoint);
    }
}

/// So many are carried out by the whole machine, which reads again what may pass by itself; of the others one reading is
/// judged, as the machine's first is.
const WITH_MACHINE: u64 = 1000;

/// Tries one drift and says what is wrong with what came of it.
async fn tried(kind: &Kind, number: u64, with_machine: bool) -> Option<String> {
    let mut rng = StdRng::seed_from_u64(number);
    let (name, guard, change) = kind.drifts.get(usize::try_from(number).unwrap() % kind.drifts.len()).unwrap();
    let mut setup = kind.setup.clone();
    change(&mut setup, &mut rng);
    let stage = Stage::new(setup);
    let what = format!("{number}: {:?}: {name}", kind.action.target.endpoint);
    let refusals = match with_machine {
        true => match drive::apply(&stage, &kind.action).await {
            Some(End::Skipped(refusals)) => refusals,
            other => return Some(format!("{what}: {other:?}")),
        },
        false => {
            let readings = stage.read(ReadFor::Guards, &kind.action).await;
            let refused = stage.judge(&readings, &kind.action, Moment::First).err();
            match refused {
                Some(refusals) => refusals,
                None if readings.health.is_err() => Vec::new(),
                None => return Some(format!("{what}: every guard let it pass")),
            }
        }
    };
    let writes = stage.writes();
    if writes > 0 {
        return Some(format!("{what}: {writes} writes"));
    }
    // A baseline that cannot be read has no guard of its own.
    let named = *guard == Guard::G12 || refusals.iter().any(|refusal| refusal.guard == *guard);
    (!named).then(|| format!("{what}: {refusals:?} and not {guard}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_drifts_is_refused_and_nothing_is_written() {
    let count: u64 = std::env::var("DRIFTS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    let kinds = kinds();
    let began = std::time::Instant::now();
    let total: u64 = kinds.iter().map(|kind| kind.drifts.len() as u64).sum();
    // Each kind gets as many as it has drifts, over and over.
    let of_number = |number: u64| {
        let mut place = number % total;
        for kind in &kinds {
            let own = kind.drifts.len() as u64;
            if place < own {
                return (kind, place + own * (number / total));
            }
            place -= own;
        }
        unreachable!("a place below the sum")
    };
    let all = stream::iter(0..count).map(|number| {
        let (kind, own) = of_number(number);
        tried(kind, own, number < WITH_MACHINE)
    });
    let wrong: Vec<String> = all.buffer_unordered(4).filter_map(|wrong| async { wrong }).collect().await;
    println!("{count} drifts of {total} kinds in {:?}", began.elapsed());
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
