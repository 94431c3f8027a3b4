//! Found = planted, both ways, in every shipped world: the real program scans the simulated cloud
//! over real HTTP, and what it says is compared with the world's ledger.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde::Deserialize;
use serde_json::{Value, json};

/// `planted.yaml`: what is wrong in a world.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Planted {
    #[serde(default)]
    trusted: Vec<String>,
    findings: Vec<PlantedFinding>,
    endpoints: Vec<PlantedEndpoint>,
    gaps: Vec<PlantedGap>,
    exit: i32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlantedFinding {
    rule: String,
    resource: String,
    endpoint: Option<String>,
    status: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlantedEndpoint {
    resource: String,
    endpoint: String,
    exposure: String,
    #[serde(default)]
    access: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlantedGap {
    region: String,
    product: String,
    operation: String,
    resource: String,
    state: String,
}

/// What a scan said, in the ledger's shape: one sorted line per fact.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    findings: BTreeSet<String>,
    endpoints: BTreeSet<String>,
    gaps: BTreeSet<String>,
    exit: i32,
}

impl Planted {
    fn said(&self) -> Said {
        Said {
            findings: self
                .findings
                .iter()
                .map(|f| format!("{} {} {} {}", f.rule, f.resource, f.endpoint.as_deref().unwrap_or("-"), f.status))
                .collect(),
            endpoints: self
                .endpoints
                .iter()
                .map(|e| format!("{} {} {} {:?}", e.resource, e.endpoint, e.exposure, e.access))
                .collect(),
            gaps: self
                .gaps
                .iter()
                .map(|g| format!("{} {} {} {} {}", g.region, g.product, g.operation, g.resource, g.state))
                .collect(),
            exit: self.exit,
        }
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is missing or no text in {value}"))
}

fn said(report: &Value, exit: i32) -> Said {
    let list = |value: &Value| value.as_array().unwrap().clone();
    Said {
        findings: list(&report["findings"])
            .iter()
            .map(|f| {
                let endpoint = f["endpoint_id"].as_str().and_then(|id| id.rsplit('/').next()).unwrap_or("-");
                format!("{} {} {} {}", text(f, "rule_id"), text(f, "resource_id"), endpoint, text(f, "status"))
            })
            .collect(),
        endpoints: list(&report["endpoints"])
            .iter()
            .map(|e| {
                let access: BTreeMap<_, _> = list(&e["access"])
                    .iter()
                    .map(|row| {
                        let port = format!("{}/{}/{}", text(row, "protocol"), row["port"], text(row, "family"));
                        (port, text(row, "verdict").to_owned())
                    })
                    .collect();
                format!("{} {} {} {:?}", text(e, "resource_id"), text(e, "kind"), text(e, "exposure"), access)
            })
            .collect(),
        gaps: list(&report["coverage"]["gaps"])
            .iter()
            .map(|g| {
                format!(
                    "{} {} {} {} {}",
                    text(g, "region_id"),
                    text(g, "product"),
                    text(g, "operation"),
                    text(g, "resource_id"),
                    text(g, "state")
                )
            })
            .collect(),
        exit,
    }
}

fn worlds() -> Vec<PathBuf> {
    let mut worlds: Vec<_> =
        fs::read_dir("src/sandbox/worlds").unwrap().map(|entry| entry.unwrap().path()).filter(|p| p.is_dir()).collect();
    worlds.sort();
    assert!(worlds.len() >= 20, "the worlds are not where this test looks for them");
    worlds
}

fn planted(world: &Path) -> Planted {
    let path = world.join("planted.yaml");
    serde_saphyr::from_str(&fs::read_to_string(&path).unwrap())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The program in an environment that holds nothing of the machine's own.
fn portcullis() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().env("HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

fn scan(world: &Path, trusted: &[String]) -> (Said, Value, Output) {
    let mut command = portcullis();
    command.args(["scan", "--no-store", "--no-progress", "-o", "json", "--sandbox"]).arg(world);
    for cidr in trusted {
        command.args(["--trusted", cidr]);
    }
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{}: no report ({error}):\n{}", world.display(), String::from_utf8_lossy(&output.stderr))
    });
    (said(&report, output.status.code().unwrap()), report, output)
}

/// A copy of the world with something changed, in the test's own folder.
fn changed(world: &Path, name: &str, change: impl FnOnce(&mut Value)) -> PathBuf {
    let mut document: Value = serde_json::from_str(&fs::read_to_string(world.join("world.json")).unwrap()).unwrap();
    change(&mut document);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("worlds");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(format!("{}-{name}.json", world.file_name().unwrap().to_string_lossy()));
    fs::write(&path, document.to_string()).unwrap();
    path
}

/// Adds faults that strike before the world's own: the first fault that matches a call is the one.
fn add_faults(document: &mut Value, faults: impl IntoIterator<Item = Value>) {
    let mut all: Vec<Value> = faults.into_iter().collect();
    all.extend(document["faults"].as_array().cloned().unwrap_or_default());
    document["faults"] = Value::Array(all);
}

/// Adds faults that strike where none of the world's own does: a slow reply must not stand in for a
/// refusal.
fn append_faults(document: &mut Value, faults: impl IntoIterator<Item = Value>) {
    let mut all = document["faults"].as_array().cloned().unwrap_or_default();
    all.extend(faults);
    document["faults"] = Value::Array(all);
}

fn fault(action: &str, kind: &str, times: u32) -> Value {
    json!({"action": action, "region_id": "*", "account_id": "*", "kind": kind, "skip": 0, "times": times})
}

/// Every operation of a scan, so that each is hit.
const ACTIONS: &[&str] = &[
    "GetCallerIdentity",
    "DescribeServiceMeshes",
    "DescribeServiceMeshDetail",
    "DescribeClustersInServiceMesh",
    "DescribeRegions",
    "DescribeClustersV1",
    "DescribeClusterDetail",
    "DescribeClusterResources",
    "DescribeEipAddresses",
    "DescribeLoadBalancers",
    "DescribeLoadBalancerListeners",
    "DescribeAccessControlListAttribute",
    "DescribeSecurityGroups",
    "DescribeSecurityGroupAttribute",
    "DescribePrefixListAttributes",
    "DescribePortRangeListEntries",
    "DescribeNetworkInterfaces",
    "ListLoadBalancers",
    "GetLoadBalancerAttribute",
    "ListListeners",
];

#[test]
fn found_equals_planted_in_every_world() {
    let mut wrong = String::new();
    for world in worlds() {
        let planted = planted(&world);
        let (said, _, _) = scan(&world.join("world.json"), &planted.trusted);
        if said != planted.said() {
            wrong += &format!("\n{}:\n{}", world.display(), difference(&planted.said(), &said));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn difference(planted: &Said, said: &Said) -> String {
    let mut text = String::new();
    for (what, planted, said) in [
        ("finding", &planted.findings, &said.findings),
        ("endpoint", &planted.endpoints, &said.endpoints),
        ("gap", &planted.gaps, &said.gaps),
    ] {
        for missing in planted.difference(said) {
            text += &format!("  planted, not found: {what} {missing}\n");
        }
        for extra in said.difference(planted) {
            text += &format!("  found, not planted: {what} {extra}\n");
        }
    }
    if planted.exit != said.exit {
        text += &format!("  exit code {} planted, {} found\n", planted.exit, said.exit);
    }
    text
}

/// Each kind strikes every operation once; a retry heals it, and nothing else may differ.
fn transient(kind: &str) {
    for world in ["demo", "clean", "paged-eips"] {
        let world = Path::new("src/sandbox/worlds").join(world);
        let planted = planted(&world);
        let path = changed(&world, kind, |document| {
            add_faults(document, ACTIONS.iter().map(|action| fault(action, kind, 1)));
        });
        let (said, report, _) = scan(&path, &planted.trusted);
        assert_eq!(said, planted.said(), "{} under {kind}:\n{}", world.display(), difference(&planted.said(), &said));
        assert!(report["run"]["retries"].as_u64().unwrap() > 0, "{kind} was never planted");
    }
}

macro_rules! transient_faults {
    ($($name:ident: $kind:literal),+ $(,)?) => {$(
        #[test]
        fn $name() {
            transient($kind);
        }
    )+};
}

transient_faults! {
    heals_throttle: "throttle",
    heals_http_429: "http-429",
    heals_http_503: "http-503",
    heals_internal_error: "internal-error",
    heals_reset: "reset",
    heals_reset_mid_body: "reset-mid-body",
    heals_truncate: "truncate",
    heals_garbage: "garbage",
    heals_html: "html",
}

#[test]
fn a_permanent_fault_hides_exactly_one_unit() {
    let world = Path::new("src/sandbox/worlds/demo");
    let planted = planted(world);
    let (before, report, _) = scan(&world.join("world.json"), &planted.trusted);
    let mesh = report["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .find(|e| text(e, "resource_kind") == "mesh" && text(e, "exposure") == "private")
        .map(|e| text(e, "resource_id").to_owned())
        .expect("the demo has a private mesh endpoint");
    for kind in ["deny", "internal-error", "throttle", "garbage", "wrong-type", "html"] {
        let path = changed(world, &format!("permanent-{kind}"), |document| {
            let mut planted = fault("DescribeServiceMeshDetail", kind, 0);
            planted["match"] = json!({"ServiceMeshId": mesh});
            planted["field"] = json!("PilotPublicEip");
            add_faults(document, [planted]);
        });
        let (said, _, _) = scan(&path, &planted.trusted);
        assert!(matches!(said.exit, 3 | 4), "{kind}: exit {}", said.exit);
        let hidden: Vec<_> = said.gaps.difference(&before.gaps).collect();
        assert_eq!(hidden.len(), 1, "{kind}: {hidden:?}");
        for line in said.endpoints.symmetric_difference(&before.endpoints) {
            assert!(line.starts_with(&mesh), "{kind} changed what it did not hide: {line}");
        }
        assert!(
            said.endpoints.iter().any(|line| line.starts_with(&mesh) && line.contains(" unknown ")),
            "{kind}: nothing of {mesh} became unknown: {:?}",
            said.endpoints
        );
    }
}

#[test]
fn slowness_below_the_deadline_changes_nothing() {
    let world = Path::new("src/sandbox/worlds/demo");
    let planted = planted(world);
    let path = changed(world, "slow", |document| {
        append_faults(
            document,
            ACTIONS.iter().map(|action| {
                let mut slow = fault(action, "slow", 1);
                slow["ms"] = json!(150);
                slow
            }),
        );
    });
    let (said, _, _) = scan(&path, &planted.trusted);
    assert_eq!(said, planted.said(), "{}", difference(&planted.said(), &said));
}

#[test]
fn a_region_that_is_not_served_leaves_the_coverage_complete() {
    let world = Path::new("src/sandbox/worlds/clean");
    let planted = planted(world);
    let path = changed(world, "not-served", |document| {
        add_faults(document, [fault("DescribeClustersV1", "region-not-served", 0)]);
    });
    let (said, report, _) = scan(&path, &planted.trusted);
    assert_eq!(report["coverage"]["complete"], json!(true));
    assert!(report["coverage"]["not_served"].as_u64().unwrap() > 0);
    assert_eq!(said.exit, 0);
}

#[test]
fn an_identity_that_never_works_gives_five() {
    for kind in ["bad-signature", "clock-skew"] {
        let world = Path::new("src/sandbox/worlds/demo");
        let path = changed(world, kind, |document| add_faults(document, [fault("*", kind, 0)]));
        let output = portcullis().args(["scan", "--no-store", "--sandbox"]).arg(&path).output().unwrap();
        assert_eq!(output.status.code(), Some(5), "{kind}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_hundred_runs_with_shuffled_latencies_give_one_report() {
    let world = Path::new("src/sandbox/worlds/demo");
    let mut reports = BTreeSet::new();
    for seed in 1..=100 {
        let path = changed(world, &format!("seed-{}", seed % 4), |document| {
            document["behaviour"] = json!({"jitter_ms": 10, "seed": seed});
        });
        let (_, mut report, _) = scan(&path, &[]);
        report.as_object_mut().unwrap().remove("run");
        reports.insert(report.to_string());
    }
    assert_eq!(reports.len(), 1);
}

/// Exposure and verdict per port of every endpoint.
fn standing(report: &Value) -> BTreeMap<String, (String, BTreeMap<String, String>)> {
    let endpoints = report["endpoints"].as_array().unwrap();
    let rows = |endpoint: &Value| {
        let rows = endpoint["access"].as_array().unwrap();
        rows.iter()
            .map(|row| (format!("{}/{}", row["port"], text(row, "family")), text(row, "verdict").to_owned()))
            .collect()
    };
    endpoints.iter().map(|e| (text(e, "id").to_owned(), (text(e, "exposure").to_owned(), rows(e)))).collect()
}

/// Whatever is hidden for good, nothing may look better than it is: it stays, or becomes unknown,
/// and what is no longer seen at all shows in the exit code.
fn nothing_looks_better(kind: &str) {
    let world = Path::new("src/sandbox/worlds/demo");
    let (_, report, _) = scan(&world.join("world.json"), &[]);
    let before = standing(&report);
    for action in ACTIONS {
        let path = changed(world, &format!("hidden-{kind}-{action}"), |document| {
            add_faults(document, [fault(action, kind, 0)]);
        });
        let output = portcullis().args(["scan", "--no-store", "-o", "json", "--sandbox"]).arg(&path).output().unwrap();
        let exit = output.status.code().unwrap();
        assert!(matches!(exit, 3..=5), "{kind} on {action}: exit {exit}");
        if exit == 5 {
            assert_eq!(*action, "GetCallerIdentity", "{kind}: only a lost identity may end without a report");
            continue;
        }
        let after = standing(&serde_json::from_slice(&output.stdout).unwrap());
        for (id, (exposure, rows)) in &after {
            let Some((was, were)) = before.get(id) else { continue };
            assert!(exposure == was || exposure == "unknown", "{kind} on {action}: {id} was {was}, is {exposure}");
            for (port, verdict) in rows {
                let Some(was) = were.get(port) else { continue };
                assert!(
                    verdict == was || verdict == "unknown" || verdict == "open",
                    "{kind} on {action}: port {port} of {id} was {was}, is {verdict}"
                );
            }
        }
    }
}

#[test]
fn nothing_looks_better_where_reads_are_denied() {
    nothing_looks_better("deny");
}

#[test]
fn nothing_looks_better_where_things_are_not_found() {
    nothing_looks_better("not-found");
}

#[test]
fn nothing_looks_better_where_a_reply_holds_a_refusal() {
    nothing_looks_better("inner-403");
}
