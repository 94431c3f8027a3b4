//! Found = planted, both ways, in every shipped world: the real program scans the simulated cloud
//! over real HTTP, and what it says is compared with the world's ledger.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod ledger;
mod published;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use ledger::{Planted, Said, difference, said, text};
use published::Published;
use serde_json::{Value, json};

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
    scan_with(world, trusted, &[])
}

fn scan_with(world: &Path, trusted: &[String], more: &[String]) -> (Said, Value, Output) {
    let mut command = portcullis();
    command.args(["scan", "--no-store", "--no-progress", "-o", "json", "--sandbox"]).arg(world).args(more);
    for cidr in trusted {
        command.args(["--trusted", cidr]);
    }
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{}: no report ({error}):\n{}", world.display(), String::from_utf8_lossy(&output.stderr))
    });
    (said(&report, output.status.code().unwrap()), report, output)
}

/// A world whose logs are read: copies of it and of the exported logs beside it, all as much later as brings the newest
/// record to two hours ago, and the arguments to read them by.
fn with_logs(world: &Path, exported: &[String]) -> (PathBuf, Vec<String>) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("worlds").join(world.file_name().unwrap());
    fs::create_dir_all(&folder).unwrap();
    let names = || exported.iter().map(String::as_str);
    let mut documents: Vec<(&str, Vec<Value>)> = ["world.json"]
        .into_iter()
        .chain(names())
        .map(|name| {
            let text = fs::read_to_string(world.join(name)).unwrap();
            (name, serde_json::Deserializer::from_str(&text).into_iter().map(Result::unwrap).collect())
        })
        .collect();
    let records = documents.iter_mut().flat_map(|(_, all)| all).flat_map(log_records);
    let mut times: Vec<&mut Value> =
        records.flat_map(|record| record.as_object_mut().unwrap()).filter_map(time_of_a_record).collect();
    let seconds = |time: &Value| -> i64 { time.as_str().unwrap().parse().unwrap() };
    let newest = times.iter().map(|time| seconds(time)).max().expect("the world has logs");
    let later = chrono::Utc::now().timestamp() - 2 * 3600 - newest;
    for time in &mut times {
        **time = (seconds(time) + later).to_string().into();
    }
    for (name, all) in &documents {
        let lines: Vec<String> = all.iter().map(Value::to_string).collect();
        fs::write(folder.join(name), lines.join("\n")).unwrap();
    }
    let file = |name: &str| ["--evidence-file".to_owned(), folder.join(name).to_str().unwrap().to_owned()];
    let arguments = ["--evidence".to_owned()].into_iter().chain(names().flat_map(file)).collect();
    (folder.join("world.json"), arguments)
}

/// The records of a world's logs; of an exported log's line that line itself.
fn log_records(document: &mut Value) -> Vec<&mut Value> {
    if document.get("world").is_none() {
        return vec![document];
    }
    let accounts = document["accounts"].as_array_mut().unwrap().iter_mut();
    let logs = accounts.filter_map(|account| account.get_mut("sls")?.get_mut("logs")?.as_object_mut());
    logs.flat_map(|logs| logs.values_mut()).flat_map(|records| records.as_array_mut().unwrap()).collect()
}

fn time_of_a_record<'a>((name, value): (&String, &'a mut Value)) -> Option<&'a mut Value> {
    ["start", "end", "__time__"].contains(&name.as_str()).then_some(value)
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
    "DescribeVpcs",
    "DescribeVSwitches",
    "DescribeRouteEntryList",
    "ListVpcPeerConnections",
    "ListTransitRouterVpcAttachments",
    "ListTransitRouters",
    "ListTransitRouterRouteTables",
    "ListTransitRouterRouteTableAssociations",
    "ListTransitRouterRouteEntries",
    "ListVpcEndpoints",
    "DescribeNatGateways",
    "DescribeSnatTableEntries",
    "DescribeInstances",
    "DescribeCens",
    "DescribeServiceMeshClusters",
];

#[test]
fn found_equals_planted_in_every_world() {
    let mut wrong = String::new();
    let schema = Published::report();
    for world in worlds() {
        let planted = planted(&world);
        let (path, logs) = match &planted.evidence {
            Some(exported) => with_logs(&world, exported),
            None => (world.join("world.json"), Vec::new()),
        };
        let (said, report, _) = scan_with(&path, &planted.trusted, &logs);
        assert_eq!(schema.complaints(&report), Vec::<String>::new(), "{}", world.display());
        let staleness = planted.staleness_difference(&report);
        if said != planted.said() || !staleness.is_empty() {
            wrong += &format!("\n{}:\n{}{staleness}", world.display(), difference(&planted.said(), &said));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
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

/// `tests/faults` holds what a report may say while something stays hidden; that there is one is
/// the program's affair.
#[test]
fn a_report_is_written_whatever_is_refused() {
    let world = Path::new("src/sandbox/worlds/demo");
    // Without an identity there may be nothing to report.
    for action in ACTIONS.iter().filter(|action| **action != "GetCallerIdentity") {
        let path = changed(world, &format!("hidden-{action}"), |document| {
            add_faults(document, [fault(action, "deny", 0)]);
        });
        let (said, report, _) = scan(&path, &[]);
        assert!(matches!(said.exit, 3 | 4), "{action}: exit {}", said.exit);
        assert_eq!(report["coverage"]["complete"], json!(false), "{action}");
    }
}

/// The traps of alibaba-api.md section 17 that change a verdict, and the worlds in which each is set.
const TRAPS: &[(u8, &[&str])] = &[
    (1, &["paged-eips", "paged-rules"]),
    (2, &["paged-eips"]),
    (3, &["path-transit-router"]),
    (4, &["paged-eips"]),
    (5, &["paged-rules"]),
    (8, &["shifting-pages", "shifting-rules"]),
    (13, &["priority-is-a-number"]),
    (15, &["letter-case"]),
    (16, &["json-in-json"]),
    (17, &["ipv6-endpoint"]),
    (19, &["canary-only", "canary-without-revision"]),
    (20, &["balancer-is-not-exposure"]),
    (21, &["eip-on-intranet-balancer", "nlb-internet", "nlb-ipv6-internet"]),
    (22, &["acl-per-listener", "acl-of-the-other-family"]),
    (23, &["nlb-allow-only"]),
    (24, &["cluster-acl-field"]),
    (25, &["path-transit-router"]),
    (27, &["path-peering", "path-router-interface"]),
    (29, &["lists-in-rules", "list-not-found"]),
    (30, &["destination-narrowed"]),
    (31, &["path-filters"]),
    (32, &["region-not-served", "eips-not-served"]),
    (33, &["forbidden-is-unknown"]),
];

/// The others, and what holds the program to them instead.
const TRAPS_ELSEWHERE: &[(u8, &str, &str)] = &[
    (6, "tests/conformance.rs", "the vendor's client asks as the vendor wants to be asked, and so does ours"),
    (7, "tests/cli/organization.rs", "lists of accounts"),
    (9, "tests/wire.rs", "shapes of replies, as the vendor's client reads them too (tests/conformance.rs)"),
    (10, "tests/wire.rs", "tags decide no verdict"),
    (11, "tests/faults/fields.rs", "a field that is missing, empty or of another type, each in turn"),
    (12, "tests/faults/fields.rs", "the same"),
    (14, "src/cloud/api/wire.rs", "numbers come as text too, and no float is made of one"),
    (18, "tests/wire.rs", "spelling of fields"),
    (26, "tests/contract.rs", "a parameter that is never sent"),
    (28, "tests/contract.rs", "a filter that is never sent"),
    (34, "tests/faults/codes.rs", "codes of errors"),
    (35, "tests/faults/transient.rs", "throttling passes, and changes nothing"),
    (36, "tests/faults/transient.rs", "each attempt is signed anew"),
    (37, "tests/worlds.rs", "a clock that is off ends the run with 5"),
    (38, "tests/sandbox.rs", "hosts are the vendor's"),
    (39, "tests/cli/organization.rs", "sites of directories"),
    (40, "tests/wire.rs", "secrets of replies are not kept"),
    (41, "tests/evidence_traps/mod.rs", "logs"),
    (42, "tests/evidence_traps/mod.rs", "logs"),
    (43, "tests/evidence_traps/mod.rs", "logs"),
    (44, "tests/credentials.rs", "modes of profiles"),
    (45, "tests/credentials.rs", "the metadata service"),
];

/// So that no trap is forgotten, and none is kept in a world that is gone.
#[test]
fn every_trap_is_set_somewhere() {
    let traps = TRAPS.iter().map(|(trap, _)| *trap).chain(TRAPS_ELSEWHERE.iter().map(|(trap, ..)| *trap));
    let mut traps: Vec<u8> = traps.collect();
    traps.sort_unstable();
    assert_eq!(traps, (1..=45).collect::<Vec<u8>>());
    let worlds: BTreeSet<String> =
        worlds().iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    for (trap, named) in TRAPS {
        assert!(!named.is_empty() && named.iter().all(|name| worlds.contains(*name)), "{trap}: {named:?}");
    }
    for (trap, file, why) in TRAPS_ELSEWHERE {
        assert!(Path::new(file).is_file() && !why.is_empty(), "{trap}: {file}");
    }
}
