//! What was not read stays as it was: nothing is told fixed, in `diff`, in the store and to people, because a run could
//! not look, looked elsewhere, or was judged without what an earlier one had.

use std::{collections::BTreeSet, fs, path::Path, thread};

use serde_json::{Value, json};

use crate::scratch::{OPEN_WORLD, Scratch};

/// Worlds with findings of many rules, among them all about private paths. Of the first one it is also looked at what
/// becomes of it afterwards.
const WORLDS: [&str; 3] = ["demo", "path-transit-router", "path-peering"];

fn world(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox/worlds").join(name).join("world.json");
    serde_json::from_str(&fs::read_to_string(path).expect("it is shipped")).expect("a world is JSON")
}

fn summary(scratch: &Scratch) -> Value {
    scratch.expect(0, &["diff", "--format", "json"]).json()["summary"].clone()
}

/// The operations that a scan of the world calls.
fn operations(scratch: &Scratch, world: &str) -> BTreeSet<String> {
    let run = scratch.run(&["scan", "--sandbox", world, "--no-store", "-v", "--log-format", "json", "-o", "json"]);
    let lines = run.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ended = lines.filter(|line| line["event"] == "unit-ended");
    ended.filter_map(|line| Some(line["action"].as_str()?.split_once(':')?.1.to_owned())).collect()
}

/// A scan that is denied one operation repairs nothing, and one after it finds nothing again.
fn deny_each_operation(name: &str) {
    let base = Scratch::new();
    base.write("world.json", &world(name).to_string());
    base.run(&["scan", "--sandbox", "world.json", "--store", "sqlite:base.db", "-o", "json"]);
    let operations = operations(&base, "world.json");
    assert!(operations.len() > 8, "{operations:?}");
    for operation in operations {
        let scratch = Scratch::new();
        fs::create_dir_all(scratch.path("data/portcullis")).expect("a folder");
        fs::copy(base.path("base.db"), scratch.path("data/portcullis/portcullis.db")).expect("a copy");
        let mut denied = world(name);
        let fault = json!({"action": operation, "region_id": "*", "account_id": "*", "kind": "deny", "times": 0});
        denied["faults"].as_array_mut().expect("a list").insert(0, fault);
        scratch.write("denied.json", &denied.to_string());
        let run = scratch.run(&["scan", "--sandbox", "denied.json", "-o", "json"]);
        if run.code == 5 {
            assert_eq!(operation, "GetCallerIdentity", "the one operation without which there is no account to read");
            continue;
        }
        let after = summary(&scratch);
        assert_eq!(after["fixed"], 0, "{name} without {operation}: {after}");
        if name != WORLDS[0] {
            continue;
        }
        scratch.write("world.json", &world(name).to_string());
        scratch.run(&["scan", "--sandbox", "world.json", "-o", "json"]);
        let again = scratch.expect(0, &["diff", "--format", "json"]).json();
        // What was only feared without the operation may be refuted with it.
        let is_wrong =
            |one: &&Value| one["change"] == "reopened" || one["change"] == "fixed" && one["before"] == "open";
        let wrong: Vec<&Value> = again["changes"].as_array().expect("a list").iter().filter(is_wrong).collect();
        assert!(wrong.is_empty(), "{name} without {operation}: {wrong:?}");
        let history = scratch.expect(0, &["history"]).stdout;
        assert!(!history.contains("Fixed once, and back"), "{name} without {operation}: {history}");
    }
}

#[test]
fn an_operation_that_is_denied_repairs_nothing() {
    thread::scope(|scope| WORLDS.map(|name| scope.spawn(move || deny_each_operation(name))).map(|it| it.join()))
        .into_iter()
        .for_each(|joined| joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
}

#[test]
fn a_product_that_says_it_does_not_serve_the_region_repairs_nothing_there() {
    for operation in ["DescribeClustersV1", "DescribeEipAddresses", "DescribeLoadBalancers"] {
        let scratch = Scratch::new();
        scratch.run(&["scan", "--sandbox", "demo", "-o", "json"]);
        let mut without = world("demo");
        let fault =
            json!({"action": operation, "region_id": "*", "account_id": "*", "kind": "region-not-served", "times": 0});
        without["faults"].as_array_mut().expect("a list").insert(0, fault);
        scratch.write("without.json", &without.to_string());
        scratch.run(&["scan", "--sandbox", "without.json", "-o", "json"]);
        // What stands in meshes is read all the same where clusters are not served.
        let changes = scratch.expect(0, &["diff", "--format", "json"]).json();
        let fixed = changes["changes"].as_array().expect("a list").iter().filter(|one| one["change"] == "fixed");
        let of_clusters: Vec<&Value> = fixed.filter(|one| one["resource_kind"] == "cluster").collect();
        assert!(of_clusters.is_empty(), "{operation}: {of_clusters:?}");
    }
}

#[test]
fn a_run_over_fewer_regions_says_so_and_repairs_nothing_elsewhere() {
    let scratch = Scratch::new();
    scratch.run(&["scan", "--sandbox", "demo", "-o", "json"]);
    let narrow =
        scratch.run(&["scan", "--sandbox", "demo", "--region", "cn-hangzhou", "-o", "json=narrow.json", "-o", "table"]);
    assert_eq!(summary(&scratch)["fixed"], 0);
    scratch.run(&["scan", "--sandbox", "demo", "-o", "json"]);
    let back = summary(&scratch);
    assert_eq!((&back["reopened"], &back["new"]), (&json!(0), &json!(0)), "{back}");

    let report: Value = crate::scratch::report(&scratch.read("narrow.json"));
    assert!(report["coverage"]["excluded"].as_u64() > Some(0), "{}", report["coverage"]);
    let gaps = report["coverage"]["gaps"].as_array().expect("a list");
    let excluded: Vec<&Value> = gaps.iter().filter(|gap| gap["state"] == "excluded").collect();
    assert!(excluded.iter().all(|gap| gap["message"] == "left out: `--region` names other regions"), "{excluded:?}");
    assert!(excluded.iter().all(|gap| gap["region_id"] != "cn-hangzhou"), "{excluded:?}");
    assert!(narrow.stdout.contains("Left out on request: "), "{}", narrow.stdout);
    assert!(narrow.closing().contains("left out on request: "), "{}", narrow.closing());
}

#[test]
fn regions_of_the_configuration_are_named_with_their_line() {
    let scratch = Scratch::new();
    scratch.write("portcullis.yaml", "version: 1\nregions: [cn-hangzhou]\n");
    let report = scratch.run(&["scan", "--sandbox", "demo", "-o", "json"]).json();
    let gaps = report["coverage"]["gaps"].as_array().expect("a list");
    let excluded = gaps.iter().find(|gap| gap["state"] == "excluded").expect("a region was left out");
    assert_eq!(excluded["message"], "left out: `regions`, line 2, names other regions");
}

#[test]
fn a_run_without_the_waiver_file_repairs_no_waiver() {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    let waiver = "version: 1\nwaivers:\n  - select: {account: \"1000000000000001\", region: cn-hangzhou, resource: none}\n    \
                  reason: accepted\n    owner: team@example.com\n    expires: 2020-01-01\n";
    scratch.write("waivers.yaml", waiver);
    scratch.write("with.yaml", "version: 1\nwaivers: waivers.yaml\n");
    let scan = |config: &str| scratch.run(&["scan", "--sandbox", "world.json", "-c", config, "-o", "json"]);
    assert!(scan("with.yaml").stdout.contains("waiver-expired"));
    scratch.write("without.yaml", "version: 1\n");
    scan("without.yaml");
    assert_eq!(summary(&scratch)["fixed"], 0);
    scratch.write("waivers.yaml", "version: 1\nwaivers: []\n");
    scan("with.yaml");
    let shown = scratch.expect(0, &["diff", "--all", "--format", "json"]).stdout;
    assert!(!shown.contains("waiver-expired"), "the run before had none: {shown}");
    scratch.write("waivers.yaml", waiver);
    scan("with.yaml");
    scratch.write("waivers.yaml", "version: 1\nwaivers: []\n");
    scan("with.yaml");
    assert_eq!(summary(&scratch)["fixed"], 1, "it was deleted");
}

#[test]
fn what_the_baseline_has_is_counted_apart() {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    scratch.expect(1, &["scan", "--sandbox", "world.json", "-o", "json"]);
    let text =
        scratch.expect(0, &["scan", "--sandbox", "world.json", "--baseline", "latest", "-o", "prometheus"]).stdout;
    assert!(text.contains("portcullis_findings{severity=\"critical\",status=\"open\"} 0"), "{text}");
    assert!(text.contains("portcullis_findings{severity=\"critical\",status=\"baselined\"} 1"), "{text}");
    assert!(
        text.lines().all(|line| !line.starts_with("portcullis_rule_findings") || line.contains("baselined")),
        "{text}"
    );
    let runs = scratch.expect(0, &["history", "--format", "json"]).stdout;
    let newest: Value = serde_json::from_str(runs.lines().next().expect("a run")).expect("JSON");
    assert_eq!(newest["findings"]["critical"], 0, "{newest}");
}

#[test]
fn the_newest_baseline_is_one_of_the_same_accounts() {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    scratch.expect(1, &["scan", "--sandbox", "world.json", "-o", "json"]);
    scratch.write("other.json", &OPEN_WORLD.replace("1000000000000001", "1000000000000009"));
    scratch.expect(1, &["scan", "--sandbox", "other.json", "-o", "json"]);
    scratch.expect(0, &["scan", "--sandbox", "world.json", "--baseline", "latest", "-o", "json"]);
    scratch.write("third.json", &OPEN_WORLD.replace("1000000000000001", "1000000000000008"));
    let run = scratch.expect(1, &["scan", "--sandbox", "third.json", "--baseline", "latest", "-o", "json"]);
    assert!(run.stderr.contains("no run about all of these accounts is stored yet"), "{}", run.stderr);
}

#[test]
fn reading_makes_no_store_and_says_which_one_failed() {
    let scratch = Scratch::new();
    for command in [&["history"][..], &["diff"], &["report"], &["explain", "c1"]] {
        let run = scratch.expect(2, &[command, &["--store", "sqlite:none/none.db"]].concat());
        assert!(run.stderr.contains("none/none.db"), "{command:?}: {}", run.stderr);
        assert!(!scratch.path("none").exists(), "{command:?}");
    }
    scratch.write("notes.db", "these are my notes, and they are not a database at all");
    for command in [&["history"][..], &["diff"], &["report"], &["explain", "c1"]] {
        let run = scratch.expect(2, &[command, &["--store", "sqlite:notes.db"]].concat());
        assert!(run.stderr.contains("notes.db"), "{command:?}: {}", run.stderr);
    }
    let run = scratch.expect(11, &["scan", "--sandbox", "clean", "--store", "sqlite:notes.db"]);
    assert!(run.stderr.contains("notes.db"), "{}", run.stderr);
}

/// A database that is none of ours, and one of a later version, are named as well.
#[test]
fn a_store_that_cannot_be_used_is_named() {
    let scratch = Scratch::new();
    let foreign = rusqlite::Connection::open(scratch.path("theirs.db")).expect("it opens");
    foreign.execute("CREATE TABLE theirs (a)", []).expect("it writes");
    scratch.expect(0, &["scan", "--sandbox", "clean", "--store", "sqlite:later.db"]);
    let later = rusqlite::Connection::open(scratch.path("later.db")).expect("it opens");
    later.pragma_update(None, "user_version", 99).expect("it writes");
    for (file, why) in [("theirs.db", "belongs to another program"), ("later.db", "has schema 99")] {
        let store = format!("sqlite:{file}");
        for (code, command) in [(2, &["history"][..]), (11, &["scan", "--sandbox", "clean"])] {
            let run = scratch.expect(code, &[command, &["--store", &store]].concat());
            let told = format!("cannot use the store sqlite:{file}");
            assert!(run.stderr.contains(&told) && run.stderr.contains(why), "{command:?}: {}", run.stderr);
        }
    }
}

#[test]
fn a_finding_is_found_by_the_beginning_that_messages_print() {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    let report = scratch.expect(1, &["scan", "--sandbox", "world.json", "-o", "json"]).json();
    let fingerprint = report["findings"][0]["fingerprint"].as_str().expect("a fingerprint");
    let whole = scratch.expect(0, &["history", fingerprint]).stdout;
    assert_eq!(scratch.expect(0, &["history", &fingerprint[..15]]).stdout, whole);
    assert!(scratch.expect(2, &["history", "v1:"]).stderr.contains("is the beginning of several"));
    scratch.expect(2, &["history", "v1:zz"]);
}
