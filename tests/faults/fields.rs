//! Every field of every reply: once missing, once of another type. The fields are those that the
//! worlds' replies hold, so that a new one is tried by itself.
//!
//! A field that matters is a gap when it cannot be read. One that makes no difference to the report
//! is proven not to matter. What lies between, a reply that says something else without it and is
//! still whole, has its reason in [`SILENT`].

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use futures::{FutureExt, future::BoxFuture};
use portcullis::cloud::{
    client::Account,
    context::{HeaderText, Http, HttpError, HttpRequest, HttpResponse},
};
use serde_json::{Value, json};

use crate::{
    harness::{Case, Cloud, Judged, block_on, chosen, complaints, fault, judge, judge_as},
    ledger::Said,
    standing::Standing,
};

/// Small worlds that together have every read and every shape of a filter.
const WORLDS: [&str; 9] = [
    "acl-per-listener",
    "canary-only",
    "cluster-acl-field",
    "destination-narrowed",
    "ipv6-endpoint",
    "json-in-json",
    "lists-in-rules",
    "nlb-allow-only",
    "two-balancers",
];

/// Why a field's absence is neither a gap nor unknown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// The reply may leave it out, and what is said without it is worse.
    Worse,
    /// As `Worse`; and a filter that nobody names any more is not judged.
    NamesFilters,
    /// The vendor leaves the inner list of an empty list out, so that this is one (alibaba-api.md
    /// 13, number 11).
    Empty,
}

/// Fields whose absence changes what is said although the reply counts as whole.
const SILENT: [(&str, &str, Silence); 14] = [
    ("DescribeNetworkInterfaces", "NetworkInterfaceSets.NetworkInterfaceSet", Silence::Empty),
    ("DescribeNetworkInterfaces", "NetworkInterfaceSets.NetworkInterfaceSet.SecurityGroupIds", Silence::Worse),
    (
        "DescribeNetworkInterfaces",
        "NetworkInterfaceSets.NetworkInterfaceSet.SecurityGroupIds.SecurityGroupId",
        Silence::Empty,
    ),
    ("DescribePrefixListAttributes", "Entries.Entry", Silence::Empty),
    ("DescribeSecurityGroupAttribute", "Permissions.Permission", Silence::Empty),
    // The flag, the EIP inventory and the balancer are asked as well: they disagree with its silence.
    ("DescribeServiceMeshDetail", "ServiceMesh.Endpoints.PublicPilotEndpoint", Silence::Worse),
    ("DescribeServiceMeshDetail", "ServiceMesh.Endpoints.PublicCanaryPilotEndpoint", Silence::Worse),
    ("DescribeServiceMeshDetail", "ServiceMesh.Spec.LoadBalancer.PilotPublicEipId", Silence::Worse),
    ("DescribeServiceMeshDetail", "ServiceMesh.Spec.LoadBalancer.CanaryPilotPublicEipId", Silence::Worse),
    // Then the log counts as off.
    ("DescribeServiceMeshDetail", "ServiceMesh.Spec.MeshConfig", Silence::Worse),
    ("DescribeServiceMeshDetail", "ServiceMesh.Spec.MeshConfig.Audit", Silence::Worse),
    ("DescribeServiceMeshDetail", "ServiceMesh.Spec.MeshConfig.Audit.Enabled", Silence::Worse),
    // The id of the EIP and the kind of the balancer say so too; private ones have none.
    ("GetLoadBalancerAttribute", "ZoneMappings.LoadBalancerAddresses.PublicIPv4Address", Silence::Worse),
    // A balancer without groups accepts everything.
    ("GetLoadBalancerAttribute", "SecurityGroupIds", Silence::NamesFilters),
];

/// Some that every verdict stands on: proof that the fields come and that their type is minded.
const FIELDS_THAT_MATTER: [(&str, &str); 12] = [
    ("DescribeServiceMeshDetail", "ServiceMesh.Spec.LoadBalancer.PilotPublicEip"),
    ("DescribeServiceMeshDetail", "ServiceMesh.Endpoints.PublicPilotEndpoint"),
    ("DescribeClusterDetail", "master_url"),
    ("DescribeLoadBalancers", "LoadBalancers.LoadBalancer.AddressType"),
    ("DescribeLoadBalancerListeners", "Listeners.AclStatus"),
    ("DescribeAccessControlListAttribute", "AclEntrys.AclEntry.AclEntryIP"),
    ("DescribeEipAddresses", "EipAddresses.EipAddress.InstanceId"),
    ("DescribeSecurityGroupAttribute", "Permissions.Permission.Policy"),
    ("DescribeSecurityGroupAttribute", "Permissions.Permission.DestCidrIp"),
    ("DescribeSecurityGroups", "SecurityGroups.SecurityGroup.SecurityGroupType"),
    ("GetLoadBalancerAttribute", "SecurityGroupIds"),
    ("ListListeners", "Listeners.ListenerPort"),
];

/// Paths of the fields of each operation's replies; elements of a list share theirs.
type Fields = BTreeMap<String, BTreeSet<String>>;

/// Stands before the network and remembers which fields came.
struct Recorder {
    inner: Arc<dyn Http>,
    seen: Arc<Mutex<Fields>>,
}

impl Http for Recorder {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let action = request.headers.iter().find_map(|(name, value)| match value {
            HeaderText::Plain(text) if *name == "x-acs-action" => Some(text.clone()),
            _ => None,
        });
        async move {
            let response = self.inner.send(request).await?;
            if response.status == 200 {
                let body: Value = serde_json::from_slice(&response.body).unwrap();
                add_paths(&body, "", self.seen.lock().unwrap().entry(action.unwrap()).or_default());
            }
            Ok(response)
        }
        .boxed()
    }
}

fn add_paths(value: &Value, prefix: &str, paths: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| add_paths(item, prefix, paths)),
        Value::Object(fields) => {
            for (name, inner) in fields {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                add_paths(inner, &path, paths);
                paths.insert(path);
            }
        }
        _ => {}
    }
}

/// The fields of all replies of a scan of the world.
async fn fields(document: &Value) -> Fields {
    let seen = Arc::new(Mutex::new(Fields::new()));
    let recorded = Arc::clone(&seen);
    let cloud = Cloud::start_through(document, |inner| Arc::new(Recorder { inner, seen: recorded }));
    judge_as(&cloud, Account::new("sandbox", Arc::new(cloud.provider())), &[]).await.unwrap();
    std::mem::take(&mut *seen.lock().unwrap())
}

/// A world without trouble.
struct Calm {
    world: Case,
    standing: Standing,
    said: Said,
    report: Value,
}

impl Calm {
    fn named(name: &str) -> Self {
        let world = Case::named(name);
        let Judged { said, report } = block_on(judge(&world.document, &world.planted.trusted)).unwrap();
        assert_eq!(said, world.planted.said(), "{name}");
        Self { standing: Standing::of(&report), said, report: without_run(report), world }
    }
}

fn without_run(mut report: Value) -> Value {
    report.as_object_mut().unwrap().remove("run");
    report
}

/// One field of one operation, in one world.
#[derive(Clone)]
struct Try {
    calm: Arc<Calm>,
    action: String,
    path: String,
}

impl Try {
    /// What there is to complain about, and whether anything in the report is another.
    async fn with(&self, kind: &str) -> (Vec<String>, bool) {
        let name = format!("{} {} {} {kind}", self.calm.world.name, self.action, self.path);
        let mut spoilt = fault(&self.action, kind, 0);
        spoilt["field"] = json!(self.path);
        let world = &self.calm.world;
        let Some(judged) = judge(&world.with_lasting(spoilt), &world.planted.trusted).await else {
            // The cloud's word for who asks is needed for everything.
            let lost = self.action == "GetCallerIdentity";
            return (if lost { Vec::new() } else { vec![format!("{name}: no report")] }, true);
        };
        let after = Standing::of(&judged.report);
        let before = &self.calm.standing;
        let is_it = |(action, path, _): &&(&str, &str, Silence)| *action == self.action && *path == self.path;
        let silence = SILENT.iter().find(is_it).map(|(.., silence)| *silence).filter(|_| kind == "missing-field");
        let mut wrong = after.better_than(before);
        wrong.retain(|what| match silence {
            Some(Silence::Empty) => false,
            Some(Silence::NamesFilters) => !what.ends_with("has vanished"),
            Some(Silence::Worse) | None => true,
        });
        let told = after.has_new_gap(before) || judged.said.has_new_unknown(&self.calm.said);
        if judged.said != self.calm.said && !told && silence.is_none() {
            wrong.push("the report differs, and nothing tells why".to_owned());
        }
        let wrong = wrong.into_iter().map(|what| format!("{name}: {what}")).collect();
        (wrong, without_run(judged.report) != self.calm.report)
    }
}

#[test]
fn a_field_that_cannot_be_read_makes_nothing_look_better() {
    let mut tries: BTreeMap<(String, String), Vec<Try>> = BTreeMap::new();
    for calm in WORLDS.map(|name| Arc::new(Calm::named(name))) {
        for (action, paths) in block_on(fields(&calm.world.document)) {
            for path in paths {
                let one = Try { calm: Arc::clone(&calm), action: action.clone(), path: path.clone() };
                tries.entry((action.clone(), path)).or_default().push(one);
            }
        }
    }
    for must in FIELDS_THAT_MATTER {
        assert!(tries.keys().any(|(action, path)| (action.as_str(), path.as_str()) == must), "{must:?} never came");
    }
    let (must, others): (Vec<_>, Vec<_>) = tries
        .into_iter()
        .partition(|((action, path), _)| FIELDS_THAT_MATTER.contains(&(action.as_str(), path.as_str())));
    let tries = must.into_iter().chain(chosen(others)).map(|(_, tries)| tries);
    let wrong = complaints(tries, |tries| async move {
        let mut wrong = Vec::new();
        let mut matters = false;
        for (number, one) in tries.iter().enumerate() {
            // A field whose type nobody minds in two worlds is one that nobody reads.
            if number == 2 && !matters {
                break;
            }
            let (complaints, differs) = one.with("wrong-type").await;
            wrong.extend(complaints);
            matters |= differs;
            if matters {
                wrong.extend(one.with("missing-field").await.0);
            }
        }
        let (action, path) = (&tries[0].action, &tries[0].path);
        if FIELDS_THAT_MATTER.contains(&(action, path)) && !matters {
            wrong.push(format!("{action} {path} is not read, or its type is not minded"));
        }
        wrong
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
