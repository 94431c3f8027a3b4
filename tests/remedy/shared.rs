//! Changes by hosts that share a store on a PostgreSQL server: automatic mode from its first notice to the change, and a
//! plan from its run to its way back by the commands that a person types. A part of `tests/postgres.rs`.

use std::{fs, process::Command};

use portcullis::remediate::Action;
use serde_json::{Value, json};

use crate::{
    hook::Hook,
    postgres_server::Server,
    stage::{Run, Stage},
    world,
};

/// A stage whose store is a schema of the server.
fn sharing(world: &Value, server: &Server) -> Stage {
    let stage = Stage::new(world);
    alter(&stage, |text| {
        let sqlite = format!("sqlite:{}", stage.path("store.db").display());
        assert!(text.contains(&sqlite), "{text}");
        text.replace(&sqlite, &server.fresh())
    });
    stage
}

fn alter(stage: &Stage, change: impl Fn(String) -> String) {
    let path = stage.path("portcullis.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, change(text)).unwrap();
}

/// The same with everything that automatic mode needs.
fn unattended(world: &Value, server: &Server) -> Stage {
    let stage = sharing(world, server);
    alter(&stage, |text| {
        let channel = "notify:\n  - webhook: {url_env: HOOK_URL, secret_env: HOOK_KEY}\n";
        format!("{text}  automatic: {{enabled: true}}\n{channel}")
    });
    stage
}

fn told(mut command: Command, owner: &Hook) -> Run {
    owner.for_program(&mut command);
    Run::of(command.output().unwrap())
}

/// A scan that is kept; what it tells nobody has to hear.
fn scan(stage: &Stage) {
    let words = ["scan", "--evidence", "-o", "json", "--no-progress", "--endpoint-url", &stage.server.url()];
    let mut command = stage.command(&words);
    command.env("HOOK_URL", "http://127.0.0.1:9/").env("HOOK_KEY", "key of the tests");
    let run = Run::of(command.output().unwrap());
    assert!([1, 4].contains(&run.code), "{run:#?}");
}

fn auto(stage: &Stage, owner: &Hook, more: &[&str]) -> Run {
    let words = [&["apply", "plan.json", "--approval", "plan.json.sig", "--auto"], more].concat();
    told(stage.reaching(&words), owner)
}

/// Scans, plans and applies, as a job does every day, until it is no plan any more that is refused.
fn day_by_day(stage: &Stage, owner: &Hook, action: &Action) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    while runs.last().is_none_or(|run| run.code == 6) {
        assert!(runs.len() < 600, "it never comes to it: {:#?}", runs.last());
        scan(stage);
        stage.plan(vec![Action { intent: format!("intent-{}", runs.len()), ..action.clone() }]);
        runs.push(auto(stage, owner, &[]));
    }
    runs
}

/// A fence, and what is unbound, each by the same job: told on the first day, and changed once a day has passed in which
/// every scan found the same.
#[test]
fn what_nobody_stands_by_for_is_told_a_day_ahead_and_then_changed() {
    let server = Server::start();
    // With one cluster in the mesh, proxies are told by it.
    let mut fenced = world::needed();
    let account = &mut fenced["accounts"][0];
    account["servicemesh"]["meshes"][0]["Clusters"] = json!(["c1far"]);
    account["servicemesh"]["clusters"]["c0mesh"].as_array_mut().unwrap().truncate(1);
    let mut fence = world::fence();
    fence.clusters = vec!["c1far".to_owned()];
    let cases = [
        (world::logged(), world::cluster_api_server(), "ModifyCluster"),
        (fenced, fence, "SetLoadBalancerTCPListenerAttribute"),
    ];
    for (world, action, operation) in cases {
        // A day of the world is some seconds of ours.
        let stage = unattended(&world::scaled(world, 14_400), &server);
        let owner = Hook::answering(204);
        stage.plan(vec![action.clone()]);

        // What is missing is refused, and nothing is sent: a signature, a window that is open, an owner who hears of it.
        let unsigned = told(stage.reaching(&["apply", "plan.json", "--auto"]), &owner);
        assert_eq!(unsigned.code, 6, "{operation}: {unsigned:#?}");
        assert!(unsigned.stderr.contains("automatic mode has no other way than signatures"), "{unsigned:#?}");
        assert_eq!(owner.heard().len(), 0, "{operation}");
        let deaf = auto(&stage, &Hook::answering(500), &[]);
        assert_eq!(deaf.code, 8, "{operation}: {deaf:#?}");
        assert!(deaf.stderr.contains("the owner could not be told"), "{deaf:#?}");
        let blind = auto(&stage, &owner, &["--dry-run"]);
        assert_eq!((blind.code, owner.heard().len()), (6, 0), "{operation}: {blind:#?}");
        assert!(blind.stdout.contains("no two scans a day apart agree"), "{blind:#?}");

        let runs = day_by_day(&stage, &owner, &action);
        let first = runs.first().unwrap();
        assert_eq!(first.code, 6, "{operation}: {first:#?}");
        assert!(first.stdout.contains("G9"), "{operation}: {first:#?}");
        let last = runs.last().unwrap();
        assert_eq!((last.code, last.ends()), (0, vec!["soaking".to_owned()]), "{operation}: {last:#?}");
        assert_eq!(stage.effects(operation), 1, "{operation}: {:?}", stage.writes());
        assert!(
            owner.heard().len() >= runs.len(),
            "each time the owner is told: {} of {}",
            owner.heard().len(),
            runs.len()
        );
    }
}

/// By the commands that a person types: a run, a plan of it, an approval, the change, what is open, and the way back.
#[test]
fn a_plan_is_carried_out_and_taken_back_over_a_shared_store() {
    let server = Server::start();
    let stage = sharing(&world::logged(), &server);
    let start = stage.server.snapshot();
    let made = stage.run(&["approve", "--new-key", "ada.key"]);
    assert_eq!(made.code, 0, "{made:#?}");
    let public = made.stdout.split_whitespace().find(|word| word.starts_with("ed25519:")).unwrap().to_owned();
    alter(&stage, |text| {
        let line = format!("  approvers: [{{name: ada, public_key: \"{public}\"}}]");
        let replaced = text.lines().map(|one| if one.contains("approvers:") { line.as_str() } else { one });
        replaced.collect::<Vec<_>>().join("\n") + "\n"
    });
    scan(&stage);
    let endpoint = "c2api/cluster-api-server";
    let planned = stage.run(&["plan", "--endpoint", endpoint, "--planner", "bob", "-o", "json=plan.json"]);
    assert_eq!(planned.code, 0, "{planned:#?}");
    let document: Value = serde_json::from_slice(&fs::read(stage.path("plan.json")).unwrap()).unwrap();
    let intent = document["actions"][0]["action"]["intent"].as_str().unwrap_or_else(|| panic!("{document}")).to_owned();
    let approved = stage.run(&["approve", "plan.json", "--key", "ada.key", "-o", "ada.sig"]);
    assert_eq!(approved.code, 0, "{approved:#?}");

    let applied = stage.reach(&["apply", "plan.json", "--approval", "ada.sig"]);
    assert_eq!((applied.code, applied.ends()), (0, vec!["soaking".to_owned()]), "{applied:#?}");
    assert_eq!(stage.eip("eip-api")["Status"], "Available");
    // Another host, with a journal of its own, knows of it.
    let open = stage.open();
    assert_eq!((open.len(), open[0]["intent"].as_str()), (1, Some(intent.as_str())), "{open:?}");
    let due = stage.reach(&["verify", "--due", "--journal", "other.journal"]);
    assert_eq!(due.code, 0, "{due:#?}");
    let back = stage.reach(&["rollback", &intent, "--confirm", &intent, "--journal", "other.journal"]);
    assert_eq!((back.code, back.ends()), (0, vec!["rolled-back".to_owned()]), "{back:#?}");
    assert_eq!(stage.server.snapshot(), start, "the world is what it was");
    assert!(stage.open().is_empty());
    let schema = stage.run(&["history", "--format", "json"]);
    assert_eq!(schema.code, 0, "{schema:#?}");
    assert!(!stage.path("store.db").exists(), "everything was kept on the server");
}

/// A trial makes no schema.
#[test]
fn a_trial_makes_nothing_on_the_server() {
    let server = Server::start();
    let stage = sharing(&world::quiet(), &server);
    stage.plan(vec![world::pilot()]);
    let dry = stage.apply(&["--dry-run"]);
    assert_eq!(dry.code, 0, "{dry:#?}");
    assert_eq!(server.sql("SELECT count(*) FROM pg_tables WHERE schemaname LIKE 'place_%'"), "0");
}
