//! Runs of several real processes against one simulated cloud and one store, held against a scan by one process.
//! Processes are killed when the cloud has been asked so many times, which a seed draws: never after some time.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use portcullis::store::{self, Store, StoreOptions};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use tempfile::TempDir;

/// One simulated cloud, with all that processes need to read it.
pub struct Stage {
    folder: TempDir,
    sandbox: Child,
    url: String,
    /// Where shards and whoever merges them keep what they read.
    pub store: String,
}

/// How a process ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("everything printed is UTF-8");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

const OF_ORGANIZATION: &str = "version: 1\norganization: {role_name: audit}\n";

impl Stage {
    /// Serves a world; the store is a file where no other one is named.
    pub fn new(world: &Value, store: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("world.json"), world.to_string()).expect("it writes");
        fs::write(path("portcullis.yaml"), OF_ORGANIZATION).expect("it writes");
        let mut sandbox = program(&folder)
            .args(["sandbox", "--world", "world.json", "--journal", "journal.jsonl"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(sandbox.stdout.take().expect("it was piped"));
        stdout.read_line(&mut line).expect("the first line");
        let url = line.trim().strip_prefix("listening on ").expect("the address").to_owned();
        let store = store.unwrap_or_else(|| format!("sqlite:{}", path("shards.db").display()));
        Self { folder, sandbox, url, store }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn configure(&self, text: &str) {
        self.write("portcullis.yaml", text);
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("it is made");
        fs::write(path, text).expect("it writes");
    }

    /// The program, with the keys of the world.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(&self.folder);
        command
            .args(arguments)
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid")
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testsecret")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A scan by one process, in a store of its own: its report.
    pub fn single(&self, more: &[&str]) -> Value {
        let arguments = ["scan", "--endpoint-url", &self.url, "--store", "sqlite:single.db", "-o", "json"];
        let ended = Ended::from(self.command(&[&arguments, more].concat()).output().expect("it runs"));
        report(&ended)
    }

    pub fn start(&self, shard: u32, shards: u32, more: &[&str]) -> Child {
        self.start_of(&["--endpoint-url", &self.url], shard, shards, more)
    }

    fn start_of(&self, cloud: &[&str], shard: u32, shards: u32, more: &[&str]) -> Child {
        let spec = format!("{shard}/{shards}");
        let share = ["--shard", &spec, "--run", "nightly", "--store", &self.store];
        self.command(&[&["scan"], cloud, &share[..], more].concat()).spawn().expect("the program starts")
    }

    /// As [`shards`](Self::shards), of another cloud.
    pub fn shards_of(&self, cloud: &[&str], which: &[u32], shards: u32) -> Vec<Ended> {
        let started: Vec<Child> = which.iter().map(|shard| self.start_of(cloud, *shard, shards, &[])).collect();
        started.into_iter().map(ended).collect()
    }

    /// The shards that somebody has claimed.
    pub fn claimed(&self) -> Vec<u32> {
        let claims = self.open_store().shard_claims("nightly").expect("it answers");
        claims.into_iter().map(|claim| claim.shard).collect()
    }

    /// Runs all of these shards at once to their ends.
    pub fn shards(&self, which: &[u32], shards: u32, more: &[&str]) -> Vec<Ended> {
        let started: Vec<Child> = which.iter().map(|shard| self.start(*shard, shards, more)).collect();
        started.into_iter().map(ended).collect()
    }

    pub fn merge(&self, more: &[&str]) -> Ended {
        let arguments = ["merge", "--run", "nightly", "--store", &self.store, "-o", "json"];
        Ended::from(self.command(&[&arguments, more].concat()).output().expect("it runs"))
    }

    /// What the cloud has been asked, one line each.
    pub fn asked(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("journal.jsonl")).unwrap_or_default();
        // The last line may be half written.
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Comes back when the cloud has been asked so often, or none of the processes is there any more.
    pub fn until_asked(&self, times: usize, processes: &mut [Option<Child>]) {
        let is_there = |child: &mut Option<Child>| {
            child.as_mut().is_some_and(|child| child.try_wait().expect("it can be asked").is_none())
        };
        while self.asked().len() < times && processes.iter_mut().any(is_there) {
            std::thread::yield_now();
        }
    }

    pub fn open_store(&self) -> Box<dyn Store> {
        store::open_url(&self.store, StoreOptions::default()).expect("the store opens")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.sandbox.kill();
        let _ = self.sandbox.wait();
    }
}

fn program(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
    command
}

/// Sends a signal by name, as a user or an init system would.
#[cfg(unix)]
pub fn send(signal: &str, process: u32) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &process.to_string()]).status();
    assert!(sent.expect("kill is there").success());
}

pub fn ended(process: Child) -> Ended {
    process.wait_with_output().expect("it ends").into()
}

pub fn report(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", ended.stdout, ended.stderr))
}

/// All that may be compared of two runs: everything outside `run`, and in `run` what does not depend on when it was.
fn comparable(report: &Value) -> String {
    let mut report = report.clone();
    let run = report["run"].take();
    let began = run["started_at"].as_str().expect("it began");
    // Each store sees every finding for the first time.
    let text = report.to_string().replace(began, "the beginning");
    let kept = ["caller", "exit_code", "rules_digest", "tool_version"].map(|key| run[key].to_string());
    format!("{text} {}", kept.join(" "))
}

/// The same report, from the same inventory.
pub fn assert_same(merged: &Value, single: &Value, what: &str) {
    assert_same_report(merged, single, what);
    let gaps = single["coverage"]["gaps"].as_array().expect("a list");
    // The cloud gives every refusal an id of its own.
    if gaps.is_empty() {
        assert_eq!(merged["run"]["snapshot_digest"], single["run"]["snapshot_digest"], "{what}");
    }
}

pub fn assert_same_report(merged: &Value, single: &Value, what: &str) {
    let (merged_text, single_text) = (comparable(merged), comparable(single));
    if merged_text != single_text {
        let common = merged_text.bytes().zip(single_text.bytes()).take_while(|(one, other)| one == other).count();
        let near = |text: &str| text.chars().skip(common.saturating_sub(200)).take(400).collect::<String>();
        panic!("{what}: merged …{}… single …{}…", near(&merged_text), near(&single_text));
    }
}

/// A shipped world, with everything in it strewn over several accounts of one directory.
pub fn strewn(world: &str, accounts: usize, seed: u64) -> Value {
    let mut random = StdRng::seed_from_u64(seed);
    let whole: Value = serde_json::from_str(world).expect("a shipped world");
    let source = whole["accounts"][0].as_object().expect("an account");
    let ids: Vec<String> = (1..=accounts).map(|number| format!("100000000000000{number}")).collect();
    let mut all: Vec<Value> =
        ids.iter().map(|id| json!({"account_id": id, "roles": ["audit"], "regions": source["regions"]})).collect();
    for (product, collections) in source {
        for (collection, items) in collections.as_object().into_iter().flatten() {
            let Some(items) = items.as_array() else {
                // By the id of what it belongs to.
                all.iter_mut().for_each(|account| account[product][collection] = items.clone());
                continue;
            };
            all.iter_mut().for_each(|account| account[product][collection] = json!([]));
            for item in items {
                let owner = random.random_range(0..accounts);
                all[owner][product][collection].as_array_mut().expect("just made").push(item.clone());
            }
        }
    }
    all[0]["access_keys"] = source["access_keys"].clone();
    let members: Vec<Value> = ids[1..].iter().map(|id| json!({"AccountId": id, "Status": "CreateSuccess"})).collect();
    all[0]["resourcedirectory"] = json!({"accounts": members});
    let mut world = whole.clone();
    world["accounts"] = json!(all);
    world
}

pub const PEERING: &str = include_str!("../../src/sandbox/worlds/path-peering/world.json");
pub const TRANSIT_ROUTER: &str = include_str!("../../src/sandbox/worlds/path-transit-router/world.json");
const BASIC_CEN: &str = include_str!("../../src/sandbox/worlds/path-basic-cen/world.json");
const PRIVATE_LINK: &str = include_str!("../../src/sandbox/worlds/path-private-link/world.json");
const ROUTER_INTERFACE: &str = include_str!("../../src/sandbox/worlds/path-router-interface/world.json");
const VPN: &str = include_str!("../../src/sandbox/worlds/path-vpn/world.json");
const FILTERS: &str = include_str!("../../src/sandbox/worlds/path-filters/world.json");

/// Whatever leads from account to account, in however many shards: the same report.
pub fn shards_equal_a_single_run(new_store: impl Fn() -> Option<String>) {
    let worlds = [PEERING, TRANSIT_ROUTER, BASIC_CEN, PRIVATE_LINK, ROUTER_INTERFACE, VPN, FILTERS];
    for (seed, (world, shards)) in (1..).zip(worlds.into_iter().zip([3, 2, 1, 7, 3, 2, 4])) {
        let stage = Stage::new(&strewn(world, 4, seed), new_store());
        let single = stage.single(&[]);
        let which: Vec<u32> = (0..shards).collect();
        for shard in stage.shards(&which, shards, &[]) {
            assert_eq!(shard.code, Some(0), "world {seed}: {}", shard.stderr);
        }
        let merged = stage.merge(&[]);
        assert_same(&report(&merged), &single, &format!("world {seed}, {shards} shards"));
        assert_eq!(merged.code.map(Value::from), Some(single["run"]["exit_code"].clone()));
        assert!(has_later_rounds(&stage), "world {seed} needs more than one round");
    }
}

/// True if somebody asked for more than accounts are asked for at first.
fn has_later_rounds(stage: &Stage) -> bool {
    stage.asked().iter().any(|call| call["action"] == "DescribeVSwitches")
}

/// Shards die, at any time, and are started again: the same report, and no finished part is read again.
pub fn killed_shards_change_nothing(new_store: impl Fn() -> Option<String>, seeds: std::ops::Range<u64>) {
    const SHARDS: u32 = 3;
    for seed in seeds {
        let mut random = StdRng::seed_from_u64(seed);
        let world = [PEERING, TRANSIT_ROUTER].choose(&mut random).expect("two");
        let stage = Stage::new(&strewn(world, 6, seed), new_store());
        let single = stage.single(&[]);
        let calls = stage.asked().len();
        let mut running: Vec<Option<Child>> = (0..SHARDS).map(|shard| Some(stage.start(shard, SHARDS, &[]))).collect();
        let mut killed = 0;
        for _ in 0..6 {
            let now = stage.asked().len();
            stage.until_asked(now + random.random_range(1..=calls / 4), &mut running);
            let victim = random.random_range(0..SHARDS);
            let place = victim as usize;
            let mut process = running[place].take().expect("every shard was started");
            if process.try_wait().expect("it can be asked").is_none() {
                process.kill().expect("it is ours");
                killed += 1;
            }
            let _ = process.wait();
            let finished = finished_accounts(&stage);
            let before = stage.asked().len();
            running[place] = Some(stage.start(victim, SHARDS, &[]));
            // Whatever it asks now, and whatever the others ask, is of no account that was finished.
            stage.until_asked(before + random.random_range(1..=5), &mut running);
            for call in stage.asked().iter().skip(before).filter(|call| call["action"] == "DescribeServiceMeshes") {
                let account = call["account_id"].as_str().expect("it has a caller");
                assert!(!finished.contains(account), "seed {seed}: {account} is read again");
            }
        }
        for (shard, process) in running.into_iter().enumerate() {
            let shard_ended = ended(process.expect("every shard was started"));
            assert_eq!(shard_ended.code, Some(0), "seed {seed}, shard {shard}: {}", shard_ended.stderr);
        }
        assert_same(&report(&stage.merge(&[])), &single, &format!("seed {seed}, {killed} killed"));
        assert!(killed > 0, "seed {seed}: nobody was there to be killed");
    }
}

/// The accounts whose first reading is finished.
fn finished_accounts(stage: &Stage) -> BTreeSet<String> {
    let names = stage.open_store().finished_parts("nightly", 1).expect("it answers");
    names.into_iter().collect()
}

/// Without a shard nothing is clean, and the report says which.
pub fn a_missing_shard_is_named(new_store: impl Fn() -> Option<String>) {
    const SHARDS: u32 = 3;
    let stage = Stage::new(&strewn(PEERING, 6, 1), new_store());
    let single = stage.single(&[]);
    // Each of them alone is missing once; the others do not wait for it.
    let mut accounts: BTreeSet<String> = BTreeSet::new();
    let present: &[u32] = &[0, 2];
    for shard in stage.shards(present, SHARDS, &["--wait", "0"]) {
        // One of them may have found the other's share unfinished, too.
        assert_eq!(shard.code, Some(3), "{}", shard.stderr);
        let (_, others) = shard.stderr.split_once("these did not: ").expect("it names them");
        assert!(others.split(';').next().is_some_and(|list| list.split(", ").any(|one| one == "1")), "{others}");
    }
    let merged = stage.merge(&[]);
    let incomplete = report(&merged);
    assert!(merged.stderr.contains("shard 1 is missing: it never began"), "{}", merged.stderr);
    assert_eq!(incomplete["coverage"]["complete"], false);
    assert_ne!(incomplete["verdict"], "pass");
    assert!(matches!(merged.code, Some(3 | 4)), "{:?}", merged.code);
    for gap in incomplete["coverage"]["gaps"].as_array().expect("a list") {
        if gap["code"] == "shard-missing" {
            assert_eq!((&gap["state"], &gap["operation"]), (&"failed".into(), &"GetCallerIdentity".into()));
            assert!(gap["message"].as_str().expect("a text").contains("shard 1/3 of the run nightly never began"));
            accounts.insert(gap["account_id"].as_str().expect("a text").to_owned());
        }
    }
    let finished = finished_accounts(&stage);
    assert!(!accounts.is_empty() && accounts.is_disjoint(&finished));
    assert_eq!(accounts.len() + finished.len(), 6);
    // No endpoint whose need was open is called stale by what nobody has read.
    let stale = |report: &Value| -> BTreeSet<String> {
        let endpoints = report["endpoints"].as_array().expect("a list").iter();
        let stale =
            endpoints.filter(|one| one["staleness"]["verdict"] == "stale" || one["staleness"]["verdict"] == "orphaned");
        stale.map(|one| one["id"].as_str().expect("a text").to_owned()).collect()
    };
    assert!(stale(&incomplete).is_subset(&stale(&single)));
    // It comes after all, and the others again for the later rounds: then nothing is missing.
    for shard in stage.shards(&[0, 1, 2], SHARDS, &[]) {
        assert_eq!(shard.code, Some(0), "{}", shard.stderr);
    }
    assert_same(&report(&stage.merge(&[])), &single, "after the missing shard came");
    // And then it is over.
    let again = stage.merge(&[]);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("was merged already") && again.stdout.is_empty(), "{}", again.stderr);
    for late in stage.shards(&[1], SHARDS, &[]) {
        assert_eq!(late.code, Some(2));
        assert!(late.stderr.contains("was merged already"), "{}", late.stderr);
    }
    assert_eq!(stage.open_store().finished_parts("nightly", 1).expect("it answers"), [""; 0]);
}

/// A shard that dies between the rounds is missing in the next one.
pub fn a_shard_that_is_missing_in_a_later_round_is_named(new_store: impl Fn() -> Option<String>) {
    let stage = Stage::new(&strewn(PEERING, 6, 1), new_store());
    // Round one is finished by all; in round two nobody but the last to come has its share read.
    for shard in stage.shards(&[0, 1], 3, &["--wait", "0"]) {
        assert_eq!(shard.code, Some(3), "{}", shard.stderr);
    }
    for shard in stage.shards(&[2], 3, &["--wait", "0"]) {
        assert_eq!(shard.code, Some(3), "{}", shard.stderr);
        assert!(shard.stderr.contains("round 2"), "{}", shard.stderr);
    }
    let merged = stage.merge(&[]);
    let incomplete = report(&merged);
    assert_eq!(incomplete["coverage"]["complete"], false);
    let gaps = incomplete["coverage"]["gaps"].as_array().expect("a list").iter();
    let missing: Vec<&Value> = gaps.filter(|gap| gap["code"] == "shard-missing").collect();
    assert!(!missing.is_empty());
    assert!(missing.iter().all(|gap| gap["operation"] != "GetCallerIdentity"), "{missing:?}");
    let told = |gap: &&&Value| gap["message"].as_str().is_some_and(|text| text.contains(" began at "));
    assert_eq!(missing.iter().filter(told).count(), missing.len(), "{missing:?}");
}

/// What a bundle holds beside what differs from run to run: ids, times, and who assumed which role for it.
struct Evidence {
    /// The lines of its files.
    members: Vec<(&'static str, Vec<String>)>,
    tool_digest: Value,
}

impl Evidence {
    fn of(stage: &Stage, folder: &str, report: &Value) -> Self {
        let read = |name: &str| fs::read_to_string(stage.path(folder).join(name)).expect("the bundle has it");
        let lines = |name: &str| -> Vec<Value> {
            read(name).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
        };
        let began = report["run"]["started_at"].as_str().expect("it began");
        let names = ["findings.jsonl", "inventory.jsonl", "ledger.jsonl", "policy.json", "waivers.jsonl"];
        let mut members =
            names.map(|name| (name, lines(name).iter().map(|line| timeless(line, began)).collect())).to_vec();
        let all = lines("replies.jsonl");
        assert_eq!(
            all.len() as u64,
            report["run"]["api_calls"].as_u64().expect("a number"),
            "{folder}: a reply a call"
        );
        assert!(
            all.is_sorted_by_key(|reply| reply["received_at"].to_string()),
            "{folder}: in the order of their coming"
        );
        members.push(("replies.jsonl", replies(&all)));
        let envelope: Value = serde_json::from_str(&read("manifest.dsse.json")).expect("JSON");
        let payload = envelope["payload"].as_str().expect("a text").as_bytes();
        let statement: Value =
            serde_json::from_slice(&data_encoding::BASE64.decode(payload).expect("base64")).expect("JSON");
        let run = &statement["predicate"]["run"];
        assert!(run["clock_offset_ms"].as_i64().is_some_and(|offset| offset.abs() < 60_000), "{folder}: {run}");
        Self { members, tool_digest: run["tool_digest"].clone() }
    }
}

/// A line without the time of the run, and without the ids that the cloud gives its refusals.
fn timeless(line: &Value, began: &str) -> String {
    let mut line = line.clone();
    if let Some(fields) = line.as_object_mut() {
        fields.remove("request_id");
    }
    line.to_string().replace(began, "the beginning")
}

/// Of each reply: account, region, product, operation, resource and status. Every process assumes the roles that it needs,
/// so that the token service is left out.
fn replies(all: &[Value]) -> Vec<String> {
    let told = |reply: &Value| {
        assert!(reply["sha256"].as_str().is_some_and(|text| text.len() == 64), "{reply}");
        let names = ["account_id", "region_id", "product", "operation", "resource_id", "status"];
        names.map(|name| reply[name].to_string()).join(" ")
    };
    let mut replies: Vec<String> = all.iter().filter(|reply| reply["product"] != "sts").map(told).collect();
    replies.sort();
    replies
}

/// A merged run is as much evidence as one that a single process read.
pub fn evidence_equals_a_single_run(new_store: impl Fn() -> Option<String>) {
    let stage = Stage::new(&strewn(PEERING, 4, 6), new_store());
    let single = stage.single(&["-o", "bundle=single"]);
    let expected = Evidence::of(&stage, "single", &single);
    assert!(expected.tool_digest.as_str().is_some_and(|digest| digest.starts_with("sha256:")));
    for shard in stage.shards(&[0, 1, 2], 3, &[]) {
        assert_eq!(shard.code, Some(0), "{}", shard.stderr);
    }
    // Whether there is to be evidence, who merges says.
    let merged = report(&stage.merge(&["-o", "bundle=merged"]));
    assert_same(&merged, &single, "evidence");
    let of_all = Evidence::of(&stage, "merged", &merged);
    assert_eq!(of_all.tool_digest, expected.tool_digest);
    for ((name, merged), (_, single)) in of_all.members.iter().zip(&expected.members) {
        let differing: Vec<_> = merged.iter().zip(single).filter(|(merged, single)| merged != single).take(1).collect();
        assert!(differing.is_empty(), "{name}: {differing:?}");
        assert_eq!(merged.len(), single.len(), "{name}");
    }
    // The list of accounts is evidence, too.
    let (_, replies) = expected.members.last().expect("the replies");
    assert!(replies.iter().any(|reply| reply.contains("ListAccounts")));
    let verified = stage.command(&["verify-bundle", "single", "merged"]).output().expect("it runs");
    let told = String::from_utf8_lossy(&verified.stdout).into_owned();
    for missing in ["which replies it rests on", "which program read"] {
        assert!(!told.contains(missing), "{told}");
    }
}
