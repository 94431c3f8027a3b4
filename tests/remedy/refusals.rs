//! What is not carried out, the code that says so, and that nothing was sent.

use std::{fs, time::Duration};

use chrono::{TimeDelta, Utc};
use portcullis::{
    remediate::{Change, Endpoint},
    store::{Acquired, SqliteStore, Store},
};
use serde_json::json;

use super::{
    stage::{Run, Stage},
    world,
};

fn planned() -> Stage {
    let stage = Stage::new(&world::quiet());
    stage.plan(vec![world::pilot()]);
    stage
}

/// It ended so, and nothing was sent.
fn refused(stage: &Stage, run: &Run, code: i32, why: &str) {
    assert_eq!(run.code, code, "{run:#?}");
    assert!(run.stderr.contains(why) || run.stdout.contains(why), "{why}: {run:#?}");
    assert_eq!(stage.writes(), [], "{why}");
}

#[test]
fn a_plan_is_carried_out_as_it_was_approved_or_not_at_all() {
    let stage = planned();
    let path = stage.path("plan.json");
    let bytes = fs::read(&path).unwrap();
    for at in (0..bytes.len()).step_by(bytes.len() / 12) {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).unwrap();
        let run = stage.apply(&[]);
        assert_eq!(run.code, 6, "byte {at}: {run:#?}");
    }
    assert_eq!(stage.server.journal().len(), 0, "nobody was asked");
}

#[test]
fn its_time_is_now() {
    for (from, why) in [(TimeDelta::hours(-5), "expired"), (TimeDelta::hours(1), "not valid before")] {
        let stage = Stage::new(&world::quiet());
        stage.plan_called("plan", vec![world::pilot()], Utc::now() + from);
        refused(&stage, &stage.apply(&[]), 6, why);
    }
}

#[test]
fn it_is_for_this_account() {
    let stage = Stage::new(&world::quiet());
    let mut action = world::pilot();
    action.target.account = "1000000000000009".into();
    stage.plan(vec![action]);
    refused(&stage, &stage.apply(&[]), 6, "for account 1000000000000009");
}

#[test]
fn somebody_has_approved_it() {
    let stage = planned();
    refused(&stage, &stage.reach(&["apply", "plan.json"]), 6, "0 of 1 approvals are valid");
    // Somebody else's signature, and one over another plan.
    let other = planned();
    fs::copy(other.path("plan.json.sig"), stage.path("plan.json.sig")).unwrap();
    refused(&stage, &stage.apply(&[]), 6, "0 of 1 approvals are valid");
}

/// Without approvers the word of the person at the terminal counts: of nobody else.
#[test]
fn a_pipe_confirms_nothing() {
    let stage = planned();
    let text = fs::read_to_string(stage.path("portcullis.yaml")).unwrap();
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("approvers")).collect();
    fs::write(stage.path("portcullis.yaml"), without.join("\n")).unwrap();
    refused(&stage, &stage.reach(&["apply", "plan.json"]), 6, "confirm it on a terminal");
}

#[test]
fn a_plan_is_a_file() {
    let stage = planned();
    refused(&stage, &stage.reach(&["apply", "/dev/null"]), 6, "not a regular file");
    refused(&stage, &stage.reach(&["apply", "missing.json"]), 6, "cannot read");
}

#[test]
fn a_plan_is_carried_out_once() {
    let stage = planned();
    assert_eq!(stage.apply(&[]).code, 0);
    let sent = stage.writes().len();
    let again = stage.apply(&[]);
    assert_eq!((again.code, stage.writes().len()), (6, sent), "{again:#?}");
    assert!(again.stderr.contains("carried out once"), "{}", again.stderr);
}

#[test]
fn a_budget_of_nothing_is_nothing() {
    let stage = planned();
    for budgets in [
        "budgets: {}",
        "budgets: {per_run: 0, per_day: 9, per_environment: {untagged: 9}}",
        "budgets: {per_run: 9, per_day: 0, per_environment: {untagged: 9}}",
        "budgets: {per_run: 9, per_day: 9, per_environment: {prod: 9}}",
        "budgets: {per_run: 9, per_day: 9}",
    ] {
        stage.configure(budgets);
        refused(&stage, &stage.apply(&[]), 6, "budget");
    }
}

/// A fence is a change like any other: it has a budget class, and is approved, and has its window.
#[test]
fn a_fence_needs_what_every_change_needs() {
    let stage = Stage::new(&world::needed());
    stage.plan(vec![world::fence()]);
    for budgets in ["budgets: {}", "budgets: {per_run: 9, per_day: 9, per_environment: {prod: 9}}"] {
        stage.configure(budgets);
        refused(&stage, &stage.apply(&[]), 6, "budget");
    }
    refused(&stage, &stage.reach(&["apply", "plan.json"]), 6, "0 of 1 approvals are valid");
    stage.configure("budgets: {per_run: 9, per_day: 9, per_environment: {untagged: 9}}");
    let text = fs::read_to_string(stage.path("portcullis.yaml")).unwrap();
    let closed: Vec<&str> = text.lines().filter(|line| !line.contains("windows:")).collect();
    fs::write(stage.path("portcullis.yaml"), closed.join("\n")).unwrap();
    refused(&stage, &stage.apply(&[]), 6, "outside of the change windows");
}

#[test]
fn outside_of_the_window_nothing_is_done() {
    let stage = planned();
    let text = fs::read_to_string(stage.path("portcullis.yaml")).unwrap();
    let closed: Vec<&str> = text.lines().filter(|line| !line.contains("windows:")).collect();
    fs::write(stage.path("portcullis.yaml"), closed.join("\n")).unwrap();
    refused(&stage, &stage.apply(&[]), 6, "outside of the change windows");
}

#[test]
fn either_kill_switch_stops_it() {
    let stage = planned();
    fs::write(stage.path("STOP"), "").unwrap();
    refused(&stage, &stage.apply(&[]), 8, "the kill switch is on");
    fs::remove_file(stage.path("STOP")).unwrap();
    let account = ["--account", world::ACCOUNT, "--by", "carol"];
    assert_eq!(stage.run(&[&["journal", "kill", "on"], &account[..]].concat()).code, 0);
    refused(&stage, &stage.apply(&[]), 8, "the kill switch is on");
    assert_eq!(stage.run(&[&["journal", "kill", "off"], &account[..]].concat()).code, 0);
    assert_eq!(stage.apply(&[]).code, 0);
}

/// Whoever holds the account's row, alive or not: the switch is there for when something goes wrong.
#[test]
fn the_kill_switch_waits_for_nobody() {
    let stage = planned();
    assert_eq!(stage.apply(&["--dry-run"]).code, 0);
    let mut store = SqliteStore::open(&stage.path("store.db")).unwrap();
    let row = format!("account/{}", world::ACCOUNT);
    let held = store.acquire_lease(&row, "somebody who is gone", Duration::from_hours(1), Utc::now()).unwrap();
    assert!(matches!(held, Acquired::Ours(_)), "{held:?}");
    let killed = stage.run(&["journal", "kill", "on", "--account", world::ACCOUNT, "--by", "carol"]);
    assert_eq!(killed.code, 0, "{killed:#?}");
    let listed = stage.reach(&["verify"]);
    assert_eq!(listed.json()["accounts"][0]["killed"], true, "{listed:#?}");
    refused(&stage, &stage.apply(&["--dry-run"]), 8, "the kill switch is on");
}

/// What else belongs to a mesh waits until a change of it has soaked, whoever carries it out.
#[test]
fn components_of_one_mesh_are_changed_one_after_the_other() {
    let mut stage = Stage::new(&world::fast(world::logged()));
    stage.plan(vec![world::pilot()]);
    assert_eq!(stage.apply(&[]).code, 0);
    let sent = stage.writes().len();
    stage.plan_called("second", vec![world::mesh_api_server()], Utc::now() - TimeDelta::minutes(1));
    let words = ["apply", "second.json", "--approval", "second.json.sig"];
    let dry = [&words[..], &["--dry-run"]].concat();
    // Slowly now: the 25 hours are not over for some minutes.
    stage.time_scale = 60;
    for words in [&dry[..], &words] {
        let run = stage.reach(words);
        assert!([6, 8].contains(&run.code), "{run:#?}");
        for part in ["G15", "another component of the same mesh was changed a short time ago", "it has soaked"] {
            assert!(run.stdout.contains(part), "{part}: {run:#?}");
        }
        assert_eq!(stage.effects("ModifyApiServerEipResource"), 0, "{:?}", stage.writes());
    }
    // Of the first, no more than what was due.
    assert_eq!((stage.writes().len(), stage.eip("eip-mapi")["Status"].as_str()), (sent, Some("InUse")));
    stage.time_scale = 36_000;
    assert!((0..400).any(|_| !stage.reach(&dry).stdout.contains("G15")), "{:#?}", stage.reach(&dry));
}

/// What is not as it was planned is planned anew.
#[test]
fn drift_refuses() {
    let mut moved = world::pilot();
    if let Change::Unbind { eip, .. } = &mut moved.change {
        *eip = "eip-mapi".into();
    }
    let mut elsewhere = world::pilot();
    elsewhere.load_balancer = "lb-mapi".into();
    let mut joined = world::pilot();
    joined.clusters = vec!["c1near".to_owned()];
    for (action, guard) in [(moved, "G3"), (elsewhere, "G3"), (joined, "G4")] {
        let stage = Stage::new(&world::quiet());
        stage.plan(vec![action]);
        for words in [["--dry-run"].as_slice(), [].as_slice()] {
            refused(&stage, &stage.apply(words), 6, guard);
        }
    }
    let mut gone = world::pilot();
    gone.target.endpoint = Endpoint::Pilot("c0gone".into());
    let stage = Stage::new(&world::quiet());
    stage.plan(vec![gone]);
    refused(&stage, &stage.apply(&[]), 8, "skipped");
}

/// That something is under way is no fault of the plan: it may be carried out once that is over.
#[test]
fn what_is_busy_is_left_alone() {
    let mut busy = world::quiet();
    busy["accounts"][0]["servicemesh"]["meshes"][0]["ServiceMeshInfo"]["State"] = json!("updating");
    let stage = Stage::new(&busy);
    stage.plan(vec![world::pilot()]);
    refused(&stage, &stage.apply(&["--dry-run"]), 8, "G4");
    refused(&stage, &stage.apply(&[]), 8, "G4");
}

/// What may be changed is decided by what is trusted, waived and judged: other decisions are another plan. When and how often
/// is asked as it is now.
#[test]
fn a_plan_is_carried_out_under_the_decisions_that_it_was_made_under() {
    let stage = planned();
    let path = stage.path("portcullis.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(stage.path("waivers.yaml"), "version: 1\nwaivers: []\n").unwrap();
    for more in ["trusted: [203.0.113.0/24]\n", "rules: {disable: [stale-exposure]}\n", "waivers: waivers.yaml\n"] {
        fs::write(&path, format!("{text}{more}")).unwrap();
        for words in [["--dry-run"].as_slice(), [].as_slice()] {
            refused(&stage, &stage.apply(words), 6, "made under other settings or waivers");
        }
    }
    assert_eq!(stage.server.journal().len(), 0, "nobody was asked");
    let other_hours = text.replace("\"24:00\"", "\"23:59\"");
    assert_ne!(other_hours, text);
    fs::write(&path, other_hours).unwrap();
    assert_eq!(stage.apply(&["--dry-run"]).code, 0);
}

/// So is one whose run was judged by other rules: one more, one less, or one that says something else.
#[test]
fn a_plan_is_carried_out_by_the_rules_that_it_was_made_by() {
    let stage = Stage::new(&world::quiet());
    let path = stage.path("portcullis.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}rules: {{dirs: [ours]}}\n")).unwrap();
    fs::create_dir(stage.path("ours")).unwrap();
    let rule = fs::read_to_string("rules/staleness/stale-exposure.yaml")
        .unwrap()
        .replace("stale-exposure", "our-stale-exposure");
    let file = stage.path("ours/our-stale-exposure.yaml");
    fs::write(&file, &rule).unwrap();
    let checked = stage.run(&["rules", "check", "--rules", "ours"]);
    assert_eq!(checked.code, 0, "{checked:#?}");
    stage.plan(vec![world::pilot()]);

    fs::write(&file, format!("{rule}\n# another text\n")).unwrap();
    for words in [["--dry-run"].as_slice(), [].as_slice()] {
        refused(&stage, &stage.apply(words), 6, "judged by other rules");
    }
    fs::write(&file, &rule).unwrap();
    fs::write(stage.path("ours/more.yaml"), rule.replace("our-stale-exposure", "more")).unwrap();
    refused(&stage, &stage.apply(&[]), 6, "judged by other rules");
    fs::remove_file(stage.path("ours/more.yaml")).unwrap();
    fs::write(&path, &text).unwrap();
    refused(&stage, &stage.apply(&[]), 6, "judged by other rules");
    assert_eq!(stage.server.journal().len(), 0, "nobody was asked");
    // Elsewhere, but the same.
    fs::rename(stage.path("ours"), stage.path("theirs")).unwrap();
    fs::write(&path, format!("{text}rules: {{dirs: [theirs]}}\n")).unwrap();
    let dry = stage.apply(&["--dry-run"]);
    assert_eq!(dry.code, 0, "{dry:#?}");
}

/// A trial says what a run would refuse, by its code, and leaves nothing behind.
#[test]
fn a_trial_refuses_what_a_run_would_and_makes_nothing() {
    let stage = Stage::new(&world::quiet());
    stage.plan(vec![world::pilot()]);
    let dry = stage.apply(&["--dry-run"]);
    assert_eq!(dry.code, 0, "{dry:#?}");
    for file in ["store.db", "store.db-wal", "store.db-shm", "host.journal"] {
        assert!(!stage.path(file).exists(), "{file}");
    }
    // The budget of a run is spent by its first action.
    stage.configure("budgets: {per_run: 1, per_day: 9, per_environment: {untagged: 9}}");
    let mut other = world::pilot();
    (other.intent, other.group) = ("intent-other".to_owned(), "other".to_owned());
    other.target.endpoint = Endpoint::Pilot("c0other".into());
    stage.plan(vec![world::pilot(), other]);
    let dry = stage.apply(&["--dry-run"]);
    let actions = dry.json()["actions"].clone();
    assert_eq!((&actions[0]["passes"], &actions[1]["passes"]), (&json!(true), &json!(false)), "{dry:#?}");
    assert!(actions[1]["refusals"].to_string().contains("the run's budget of 1 is spent"), "{dry:#?}");
    // A damaged journal refuses a trial as well.
    fs::write(stage.path("host.journal"), b"this is no journal of ours").unwrap();
    refused(&stage, &stage.apply(&["--dry-run"]), 12, "journal");
}

/// What is open on an endpoint is carried on by a run, and not by a trial; neither begins anything new there, and both say so.
#[test]
fn a_trial_says_what_is_open_and_leaves_it_alone() {
    let mut stage = planned();
    // Slowly, so that it soaks for as long as is looked at it.
    stage.time_scale = 60;
    assert_eq!(stage.apply(&[]).code, 0);
    let mut other = world::pilot();
    (other.intent, other.group) = ("intent-other".to_owned(), "other".to_owned());
    stage.plan_called("other", vec![other], Utc::now() - TimeDelta::minutes(1));
    let words = ["apply", "other.json", "--approval", "other.json.sig", "--dry-run"];
    let files = || ["store.db", "host.journal"].map(|name| fs::read(stage.path(name)).unwrap());
    let (kept, sent) = (files(), stage.writes());

    let dry = stage.reach(&words);
    let action = dry.json()["actions"][0].clone();
    assert_eq!((dry.code, &action["passes"], &action["end"]), (8, &json!(false), &json!("not-started")), "{dry:#?}");
    assert!(action["why"].as_str().unwrap().contains("intent-pilot is open on it"), "{dry:#?}");
    assert_eq!(action["would_send"], json!([]), "{dry:#?}");
    assert!(files() == kept && stage.writes() == sent, "a trial leaves no trace");

    let run = stage.reach(&words[..4]);
    assert_eq!((run.code, run.ends()), (8, vec!["soaking".to_owned(), "not-started".to_owned()]), "{run:#?}");
    assert!(run.stdout.contains("intent-pilot is open on it"), "{run:#?}");
    assert_eq!(stage.writes(), sent);
    let open = stage.open();
    assert_eq!((open.len(), open[0]["intent"].as_str()), (1, Some("intent-pilot")), "{open:?}");
}

/// A store that an older version made is brought up to date by whoever may write, which a trial may not.
#[test]
fn a_trial_leaves_an_older_store_as_it_is() {
    let stage = planned();
    for switch in ["on", "off"] {
        let said = stage.run(&["journal", "kill", switch, "--account", world::ACCOUNT, "--by", "carol"]);
        assert_eq!(said.code, 0, "{said:#?}");
    }
    let store = rusqlite::Connection::open(stage.path("store.db")).unwrap();
    store
        .execute_batch(
            "DROP TABLE shard_parts; DROP TABLE shard_claims; DROP TABLE shared_runs;
             DELETE FROM schema_steps WHERE number = 3; PRAGMA user_version = 2;",
        )
        .unwrap();
    drop(store);
    let kept = fs::read(stage.path("store.db")).unwrap();
    let dry = stage.apply(&["--dry-run"]);
    refused(&stage, &dry, 2, "the store has schema 2, and this version brings it to 3");
    assert!(dry.stderr.contains("store.db") && dry.stderr.contains("portcullis history"), "{dry:#?}");
    assert!(fs::read(stage.path("store.db")).unwrap() == kept, "it was changed");
    assert_eq!(stage.server.journal().len(), 0, "nobody was asked");
    // What it says helps.
    stage.run(&["history"]);
    let dry = stage.apply(&["--dry-run"]);
    assert_eq!(dry.code, 0, "{dry:#?}");
}

#[test]
fn what_is_needed_is_not_closed() {
    let stage = Stage::new(&world::needed());
    stage.plan(vec![world::pilot()]);
    refused(&stage, &stage.apply(&["--dry-run"]), 8, "G5");
    refused(&stage, &stage.apply(&[]), 8, "G5");
}

/// Without a picture of the data plane before, nobody could tell afterwards that it has suffered.
#[test]
fn what_cannot_be_compared_afterwards_is_not_changed() {
    let mut dark = world::quiet();
    dark["faults"] = json!([{"action": "DescribeServiceMeshProxyStatus", "region_id": "*", "account_id": "*", "kind": "deny", "times": 0}]);
    let stage = Stage::new(&dark);
    stage.plan(vec![world::pilot()]);
    refused(&stage, &stage.apply(&["--dry-run"]), 8, "the data plane as it is before the change");
    refused(&stage, &stage.apply(&[]), 8, "the data plane as it is before the change");
}

#[test]
fn a_marker_protects() {
    let mut marked = world::quiet();
    marked["accounts"][0]["vpc"]["eips"][0]["Tags"]["Tag"] = json!([{"Key": "portcullis:protect", "Value": "???"}]);
    let stage = Stage::new(&marked);
    stage.plan(vec![world::pilot()]);
    refused(&stage, &stage.apply(&[]), 8, "G6");
}

#[test]
fn an_intent_that_is_not_in_the_plan_is_a_mistake() {
    let stage = planned();
    refused(&stage, &stage.apply(&["--intent", "intent-x"]), 2, "the plan has no action `intent-x`");
    refused(&stage, &stage.apply(&["--intent", ""]), 2, "empty");
}

#[test]
fn nothing_is_automatic_by_chance() {
    let stage = planned();
    refused(&stage, &stage.apply(&["--auto"]), 2, "`remediation.automatic.enabled` is not true");
}

#[test]
fn time_is_not_made_to_run_for_the_real_cloud() {
    let stage = planned();
    let run = stage.run(&["apply", "plan.json", "--approval", "plan.json.sig", "--time-scale", "60"]);
    refused(&stage, &run, 2, "--time-scale is for simulated clouds");
}

#[test]
fn what_nobody_did_is_not_taken_back() {
    let stage = planned();
    assert_eq!(stage.apply(&[]).code, 0);
    let sent = stage.writes().len();
    for (words, code) in [
        (["rollback", "intent-pilot", "--confirm", "intent-other"].as_slice(), 6),
        (["rollback", "intent-pilot"].as_slice(), 6),
        (["rollback", "intent-x", "--confirm", "intent-x"].as_slice(), 2),
    ] {
        let run = stage.reach(words);
        assert_eq!((run.code, stage.writes().len()), (code, sent), "{run:#?}");
    }
}

/// A plan is read once: what lies there later, approved or not, is not what is carried out.
#[test]
fn a_plan_that_is_swapped_once_it_was_read_changes_nothing() {
    let stage = Stage::new(&world::logged());
    let id = |name: &str| {
        let document: serde_json::Value = serde_json::from_slice(&fs::read(stage.path(name)).unwrap()).unwrap();
        document["id"].as_str().unwrap().to_owned()
    };
    stage.plan_called("other", vec![world::cluster_api_server()], Utc::now() - TimeDelta::hours(1));
    stage.plan(vec![world::pilot()]);
    let read = id("plan.json");
    let child = stage.begin(&["apply", "plan.json", "--approval", "plan.json.sig"]);
    // Whoever asks the cloud has read the plan.
    while stage.server.journal().is_empty() {
        std::thread::yield_now();
    }
    for name in ["plan.json", "plan.json.sig"] {
        fs::rename(stage.path(&name.replace("plan", "other")), stage.path(name)).unwrap();
    }
    let run = stage.end(child);
    assert_eq!((run.code, run.ends()), (0, vec!["soaking".to_owned()]), "{run:#?}");
    assert_eq!((stage.effects("ModifyPilotEipResource"), stage.effects("ModifyCluster")), (1, 0));
    let tags = stage.eip("eip-pilot")["Tags"].to_string();
    assert!(tags.contains(&read) && !tags.contains(&id("plan.json")), "{tags}");
}

/// A link that somebody else made may lead somewhere else at any time.
#[cfg(unix)]
#[test]
fn a_link_that_somebody_else_made_decides_nothing() {
    use std::os::unix::fs::{lchown, symlink};
    let stage = planned();
    let (link, file) = (stage.path("portcullis.yaml"), stage.path("real.yaml"));
    fs::rename(&link, &file).unwrap();
    symlink(&file, &link).unwrap();
    // One's own leads where one wants.
    let own = stage.apply(&["--dry-run"]);
    assert_eq!(own.code, 0, "{own:#?}");
    match lchown(&link, Some(65_534), None) {
        Ok(()) => {
            for words in [["--dry-run"].as_slice(), [].as_slice()] {
                refused(&stage, &stage.apply(words), 2, "is a link that somebody else made");
            }
            // What changes nothing follows it.
            let scan = stage.run(&["scan", "--no-store", "-o", "json", "--endpoint-url", &stage.server.url()]);
            assert!([1, 4].contains(&scan.code), "{scan:#?}");
            // The file itself is nobody else's.
            let words = ["apply", "plan.json", "--approval", "plan.json.sig", "--dry-run", "--config", "real.yaml"];
            let named = stage.reach(&words);
            assert_eq!(named.code, 0, "{named:#?}");
        }
        // Only an administrator can give a link away; whose links count is decided in `cli::setup`, and tested there.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied, "{error}"),
    }
}

#[cfg(unix)]
#[test]
fn what_anybody_may_write_decides_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let stage = planned();
    fs::set_permissions(stage.path("portcullis.yaml"), fs::Permissions::from_mode(0o666)).unwrap();
    refused(&stage, &stage.apply(&[]), 2, "mode 0666");
    fs::set_permissions(stage.path("portcullis.yaml"), fs::Permissions::from_mode(0o644)).unwrap();
    let text = fs::read_to_string(stage.path("portcullis.yaml")).unwrap();
    fs::write(stage.path("portcullis.yaml"), format!("{text}rules: {{dirs: [house]}}\n")).unwrap();
    fs::create_dir(stage.path("house")).unwrap();
    let rule = stage.path("house").join("rule.yaml");
    fs::write(&rule, "").unwrap();
    for (open, mode) in [(&rule, 0o666), (&stage.path("house"), 0o777)] {
        let before = fs::metadata(open).unwrap().permissions();
        fs::set_permissions(open, fs::Permissions::from_mode(mode)).unwrap();
        refused(&stage, &stage.apply(&[]), 2, &format!("mode {mode:04o}"));
        fs::set_permissions(open, before).unwrap();
    }
}
