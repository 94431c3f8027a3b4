//! Runs in shards, with the store in a SQLite file. What holds there holds on a server: tests/postgres.rs.

mod shard_runs;

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use shard_runs::{PEERING, Stage, assert_same, assert_same_report, report, strewn};

const FILE: fn() -> Option<String> = || None;

#[test]
fn shards_equal_a_single_run() {
    shard_runs::shards_equal_a_single_run(FILE);
}

#[test]
fn evidence_equals_a_single_run() {
    shard_runs::evidence_equals_a_single_run(FILE);
}

#[test]
fn killed_shards_change_nothing() {
    shard_runs::killed_shards_change_nothing(FILE, 1..4);
}

#[test]
fn a_missing_shard_is_named() {
    shard_runs::a_missing_shard_is_named(FILE);
}

#[test]
fn a_shard_that_is_missing_in_a_later_round_is_named() {
    shard_runs::a_shard_that_is_missing_in_a_later_round_is_named(FILE);
}

/// A world in which all accounts can be read whole.
fn readable() -> Value {
    json!({"world": "portcullis.world/v1", "accounts": [
        {"account_id": "1000000000000001", "regions": ["cn-hangzhou"], "roles": ["audit", "other"],
         "access_keys": [{"access_key_id": "testid", "access_key_secret": "testsecret"}],
         "resourcedirectory": {"accounts": [{"AccountId": "1000000000000002", "Status": "CreateSuccess"}]}},
        {"account_id": "1000000000000002", "regions": ["cn-hangzhou"], "roles": ["audit", "other"]},
        {"account_id": "1000000000000003", "regions": ["cn-hangzhou"], "roles": ["audit"]},
    ]})
}

/// However accounts are named, each is read once, and as a single process names it: by a key whose number nobody knows,
/// by several roles, twice.
#[test]
fn accounts_that_are_named_twice_are_read_once() {
    let stage = Stage::new(&readable(), None);
    let role = |number: u8, name: &str| format!("{{role_arn: \"acs:ram::100000000000000{number}:role/{name}\"}}");
    let keys = json!({"name": "own", "mode": "AK", "access_key_id": "testid", "access_key_secret": "testsecret"});
    stage.write(".aliyun/config.json", &json!({"current": "own", "profiles": [keys]}).to_string());
    let own = "{profile: own}".to_owned();
    let accounts = [role(2, "audit"), own, role(2, "other"), role(1, "other"), role(9, "audit")];
    stage.configure(&format!("version: 1\naccounts: [{}]\norganization: {{role_name: audit}}\n", accounts.join(", ")));
    let single = stage.single(&[]);
    assert_eq!(single["coverage"]["failed"], 1, "there is no account 9");
    for shard in stage.shards(&[0, 1], 2, &[]) {
        assert_eq!(shard.code, Some(0), "{}", shard.stderr);
    }
    assert_same(&report(&stage.merge(&[])), &single, "accounts that are named twice");
}

#[test]
fn an_account_that_is_picked_is_the_only_one() {
    let stage = Stage::new(&readable(), None);
    let only = ["--account", "1000000000000002"];
    let single = stage.single(&only);
    for shard in stage.shards(&[0, 1], 2, &only) {
        assert_eq!(shard.code, Some(0), "{}", shard.stderr);
    }
    assert_same(&report(&stage.merge(&[])), &single, "one account");
    assert_eq!(single["run"]["caller"].as_array().map(Vec::len), Some(1));
}

/// A log of an API server, and who bound its EIP; a minute more, as a log is delivered late.
fn with_logs() -> Value {
    let mut world: Value =
        serde_json::from_str(include_str!("../src/sandbox/worlds/cluster-acl-field/world.json")).expect("a world");
    let cluster = "c24aaaaaaaaaaaaaaaaaaaaaaaaaaaa01";
    let at = |days: i64| Utc::now() - TimeDelta::days(days) - TimeDelta::minutes(5);
    let row = |source: &str, user: &str, days: i64| {
        json!({"__time__": at(days).timestamp().to_string(), "stage": "ResponseComplete",
            "sourceIPs": format!("[\"{source}\"]"), "user.username": user, "userAgent": "kubectl",
            "responseStatus.code": "200"})
    };
    let rows = (0..30).map(|day| row("10.0.0.20", "system:node:n1", day)).chain([row("198.51.100.20", "alice", 2)]);
    let rows: Vec<Value> = rows.collect();
    world["accounts"][0]["sls"] = json!({"logs": {format!("k8s-log-{cluster}/audit-{cluster}"): rows}});
    let bound = at(5).to_rfc3339_opts(SecondsFormat::Secs, true);
    world["accounts"][0]["actiontrail"] = json!({"events": [{"eventId": "E-7", "eventName": "ModifyCluster",
        "eventTime": bound, "acsRegion": "cn-hangzhou", "sourceIpAddress": "198.51.100.30",
        "userIdentity": {"type": "ram-user", "userName": "carol"},
        "requestParameterJson": json!({"ClusterId": cluster, "api_server_eip": true, "api_server_eip_id": "eip-m"}).to_string()}]});
    world["accounts"][0]["resourcedirectory"] =
        json!({"accounts": [{"AccountId": "1000000000000002", "Status": "CreateSuccess"}]});
    let regions = world["accounts"][0]["regions"].clone();
    let other = json!({"account_id": "1000000000000002", "roles": ["audit"], "regions": regions});
    world["accounts"].as_array_mut().expect("a list").push(other);
    world
}

#[test]
fn evidence_is_read_in_a_round_of_its_own() {
    let stage = Stage::new(&with_logs(), None);
    let single = stage.single(&["--evidence"]);
    let bound_by = |report: &Value| {
        let endpoints = report["endpoints"].as_array().expect("a list").iter();
        endpoints.filter(|one| !one["bound_by"].is_null()).count()
    };
    assert_eq!(bound_by(&single), 1, "the trail says who bound the EIP");
    for shard in stage.shards(&[0, 1], 2, &["--evidence"]) {
        assert_eq!(shard.code, Some(0), "{}", shard.stderr);
    }
    let merged = report(&stage.merge(&[]));
    assert_eq!(bound_by(&merged), 1);
    let clients = |report: &Value| report["endpoints"].to_string().contains("198.51.100.20");
    assert!(clients(&merged) && clients(&single));
    // The window of logs ends when the run began.
    let without_days = |report: &Value| {
        let mut report = report.clone();
        for endpoint in report["endpoints"].as_array_mut().expect("a list") {
            endpoint["staleness"]["evidence"].take();
        }
        report
    };
    assert_same_report(&without_days(&merged), &without_days(&single), "evidence");
}

#[test]
fn whoever_disagrees_with_the_first_shard_is_refused() {
    let stage = Stage::new(&readable(), None);
    let refused = |ended: &shard_runs::Ended, why: &str| {
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(why) && ended.stdout.is_empty(), "{why}: {}", ended.stderr);
    };
    refused(&stage.merge(&[]), "no shard of the run nightly has begun in this store");
    assert_eq!(stage.shards(&[0], 2, &["--wait", "0"])[0].code, Some(3));
    let asked = stage.asked().len();
    refused(&stage.shards(&[1], 3, &[])[0], "was begun with 2 shards, not 3");
    for other in [&["--region", "cn-hangzhou"][..], &["--evidence"], &["--account", "1000000000000002"]] {
        refused(&stage.shards(&[1], 2, other)[0], "was begun with other accounts");
    }
    stage
        .configure("version: 1\norganization: {role_name: audit}\nconsumers: {c1: [{name: bastion, vpc_id: vpc-1}]}\n");
    refused(&stage.shards(&[1], 2, &[])[0], "was begun with other accounts");
    refused(&stage.merge(&[]), "other `consumers`");
    stage.configure("version: 1\norganization: {role_name: audit, exclude: ['tag:env']}\n");
    refused(&stage.shards(&[1], 2, &[])[0], "was begun with other accounts");
    assert_eq!(stage.asked().len(), asked, "nobody asked the cloud");
    // What decides no reading is everybody's own.
    stage.configure("version: 1\norganization: {role_name: audit}\nfail_on: critical\n");
    assert_eq!(stage.shards(&[1], 2, &[])[0].code, Some(0));
}

#[test]
fn where_nothing_can_be_read_or_a_region_does_not_exist_nothing_is_judged() {
    let stage = Stage::new(&readable(), None);
    stage.configure("version: 1\naccounts: [{role_arn: 'acs:ram::1000000000000008:role/audit'}]\n");
    let shard = &stage.shards(&[0], 1, &[])[0];
    assert_eq!(shard.code, Some(5), "{}", shard.stderr);
    let merged = stage.merge(&[]);
    assert_eq!(merged.code, Some(5), "{}", merged.stderr);
    assert!(merged.stderr.contains("no account could be read: 1000000000000008: "), "{}", merged.stderr);

    let stage = Stage::new(&readable(), None);
    let shards = stage.shards(&[0, 1], 2, &["--region", "cn-hangzou"]);
    assert!(shards.iter().all(|shard| shard.code == Some(2)), "{}", shards[0].stderr);
    assert!(shards[0].stderr.contains("did you mean \"cn-hangzhou\""), "{}", shards[0].stderr);
    assert_eq!(stage.merge(&[]).code, Some(2));
}

/// A report that could not be written takes nothing away: the run can be merged again.
#[test]
fn a_merge_that_could_not_report_can_be_repeated() {
    let stage = Stage::new(&readable(), None);
    assert_eq!(stage.shards(&[0], 1, &[])[0].code, Some(0));
    let failed = stage.merge(&["--save", "nowhere/snapshot"]);
    assert_eq!(failed.code, Some(11), "{}", failed.stderr);
    let merged = stage.merge(&["--save", "snapshot"]);
    assert_eq!(merged.code, Some(0), "{}", merged.stderr);
    assert!(stage.path("snapshot").is_file());
    // In the store it is a run like any other.
    let id = report(&merged)["run"]["id"].as_str().expect("it has an id").to_owned();
    assert!(stage.open_store().run(&id).expect("it reads").is_some());
}

/// Who waits for a run that begins and ends meanwhile gets it whole.
#[test]
fn whoever_merges_can_wait() {
    let stage = Stage::new(&strewn(PEERING, 3, 5), None);
    let single = stage.single(&[]);
    let merged = std::thread::scope(|scope| {
        let merging = scope.spawn(|| stage.merge(&["--wait", "10"]));
        assert!(stage.shards(&[0, 1], 2, &[]).iter().all(|shard| matches!(shard.code, Some(0 | 2 | 3))));
        merging.join().expect("it ends")
    });
    assert_same(&report(&merged), &single, "waited for");
}

#[test]
fn shards_of_the_embedded_cloud_need_no_key() {
    let stage = Stage::new(&readable(), None);
    stage.configure("version: 1\n");
    assert_eq!(stage.shards_of(&["--sandbox", "clean"], &[0], 1)[0].code, Some(0));
    assert_eq!(stage.merge(&[]).code, Some(0));
}

#[cfg(unix)]
mod signals {
    use super::*;
    use shard_runs::{ended, send};

    /// The first process is thought dead, and is not: what it still wants to finish is refused.
    #[test]
    fn a_process_that_was_taken_for_dead_does_no_harm() {
        let stage = Stage::new(&strewn(PEERING, 5, 3), None);
        let single = stage.single(&[]);
        let calls = stage.asked().len();
        let mut first = [Some(stage.start(0, 1, &[]))];
        stage.until_asked(calls + 20, &mut first);
        let [Some(first)] = first else { panic!("it was started") };
        send("STOP", first.id());
        assert_eq!(stage.shards(&[0], 1, &[])[0].code, Some(0));
        send("CONT", first.id());
        let first = ended(first);
        assert_eq!(first.code, Some(3), "{}", first.stderr);
        assert!(first.stderr.contains("another process has taken over shard 0"), "{}", first.stderr);
        assert_same(&report(&stage.merge(&[])), &single, "taken over");
    }

    #[test]
    fn a_shard_that_is_asked_to_end_keeps_what_it_finished() {
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            let stage = Stage::new(&strewn(PEERING, 5, 4), None);
            let single = stage.single(&[]);
            let calls = stage.asked().len();
            let mut first = [Some(stage.start(0, 1, &[]))];
            stage.until_asked(calls + 20, &mut first);
            let [Some(first)] = first else { panic!("it was started") };
            send(signal, first.id());
            let first = ended(first);
            assert_eq!(first.code, Some(code), "{}", first.stderr);
            assert!(first.stdout.contains("not all of its share is read: start it again"), "{}", first.stdout);
            assert!(report(&stage.merge(&[]))["coverage"]["complete"] == false);
            assert_eq!(stage.shards(&[0], 1, &[])[0].code, Some(0));
            assert_same(&report(&stage.merge(&[])), &single, signal);
        }
    }

    /// Also while it waits for others.
    #[test]
    fn a_shard_that_waits_can_be_asked_to_end() {
        let stage = Stage::new(&readable(), None);
        let first = stage.start(0, 4, &[]);
        // It waits once its share is finished, and nobody else comes.
        while stage.claimed().is_empty() {
            std::thread::yield_now();
        }
        send("TERM", first.id());
        let first = ended(first);
        assert_eq!(first.code, Some(143), "{}", first.stderr);
        let merged = report(&stage.merge(&[]));
        assert_eq!(merged["coverage"]["complete"], false);
        assert_eq!(stage.claimed(), [0]);
    }
}
