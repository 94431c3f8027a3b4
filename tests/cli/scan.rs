//! `scan` against the simulated cloud: verdicts, exit codes, and what decides them.

use crate::scratch::{EMPTY_WORLD, OPEN_WORLD, Sandbox, Scratch, with_fault};

#[test]
fn each_state_of_the_cloud_has_its_code_and_its_words() {
    let scratch = Scratch::new();
    let denied_empty = with_fault(EMPTY_WORLD, "DescribeEipAddresses", "deny");
    let denied_open = with_fault(OPEN_WORLD, "DescribeEipAddresses", "deny");
    let refused = with_fault(EMPTY_WORLD, "*", "bad-signature");
    for (world, code, verdict, words) in [
        (EMPTY_WORLD, 0, "pass", "exit 0: clean and complete (verdict: pass)"),
        (OPEN_WORLD, 1, "fail", "exit 1: findings, coverage complete (verdict: fail)"),
        (
            &denied_empty,
            3,
            "unknown",
            "exit 3: coverage incomplete, no finding so far: unknown, not clean (verdict: unknown)",
        ),
        (&denied_open, 4, "fail", "exit 4: findings, and coverage incomplete (verdict: fail)"),
    ] {
        scratch.write("world.json", world);
        let run = scratch.expect(code, &["scan", "--sandbox", "world.json", "--no-store", "-o", "json"]);
        let report = run.json();
        assert_eq!(report["run"]["exit_code"], code);
        assert_eq!(report["verdict"], verdict);
        assert_eq!(run.closing(), words);
    }
    scratch.write("world.json", &refused);
    let run = scratch.expect(5, &["scan", "--sandbox", "world.json", "--no-store"]);
    assert!(run.stdout.is_empty(), "{}", run.stdout);
}

#[test]
fn the_threshold_changes_1_and_never_3() {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    scratch.write("portcullis.yaml", "version: 1\nrules:\n  severity:\n    control-plane-open-to-untrusted: low\n");
    let scan = |code, more: &[&str]| {
        let arguments = [&["scan", "--sandbox", "world.json", "--no-store", "-o", "json"][..], more].concat();
        scratch.expect(code, &arguments).json()
    };
    scan(1, &[]);
    assert_eq!(scan(0, &["--fail-on", "critical"])["verdict"], "pass");
    scratch.write("world.json", &with_fault(OPEN_WORLD, "DescribeEipAddresses", "deny"));
    scan(3, &["--fail-on", "critical"]);
}

/// Row 64 of reliability.md section 5.
#[test]
fn keys_that_never_end_are_warned_of_where_a_role_is_there() {
    let scratch = Scratch::new();
    scratch.write("world.json", EMPTY_WORLD);
    let server = Sandbox::start(&scratch, "world.json");
    let warned = |more: &[(&str, &str)]| {
        let mut command = server.command(&scratch, &["scan", "--no-store"]);
        let output = command.envs(more.iter().copied()).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        told.lines().find(|line| line.starts_with("warning: keys that never end")).map(str::to_owned)
    };
    assert_eq!(warned(&[]), None);
    let of_service_account = [
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1000000000000001:role/audit"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1000000000000001:oidc-provider/ack"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/var/run/token"),
    ];
    assert!(warned(&of_service_account).expect("it is warned of").contains("the role of the service account"));
    let of_instance = [("ALIBABA_CLOUD_ECS_METADATA", "audit"), ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "false")];
    assert!(warned(&of_instance).expect("it is warned of").contains("the role of the instance"));
}

#[test]
fn what_is_trusted_is_not_open() {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    scratch.write("trusted.txt", "# offices\n203.0.113.0/24\n");
    let report = scratch
        .expect(
            1,
            &[
                "scan",
                "--sandbox",
                "world.json",
                "--no-store",
                "-o",
                "json",
                "--trusted",
                "198.51.100.0/24",
                "@trusted.txt",
            ],
        )
        .json();
    let untrusted = report["endpoints"][0]["access"][0]["untrusted"].to_string();
    assert!(!untrusted.contains("\"0.0.0.0/0\""), "{untrusted}");
}

#[test]
fn the_environment_is_not_looked_at_in_the_simulated_cloud() {
    let scratch = Scratch::new();
    let output = scratch
        .command(&["scan", "--sandbox", "empty", "--no-store"])
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIotherotherother")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "other")
        .env("ALIBABA_CLOUD_ENDPOINT_VPC", "not a host")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("HTTP_PROXY", "::not a proxy::")
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_same_cloud_gives_the_same_bytes_outside_run() {
    let scratch = Scratch::new();
    let report = || {
        let mut report = scratch.expect(4, &["scan", "--sandbox", "demo", "--no-store", "-o", "json"]).json();
        report["run"] = serde_json::Value::Null;
        report.to_string()
    };
    assert_eq!(report(), report());
}

#[test]
fn a_saved_snapshot_is_judged_again_without_the_cloud() {
    let scratch = Scratch::new();
    let live = scratch
        .expect(4, &["scan", "--sandbox", "demo", "--no-store", "--save", "cloud.snapshot", "-o", "json"])
        .json();
    let again = scratch.expect(4, &["scan", "--from", "cloud.snapshot", "--no-store", "-o", "json"]).json();
    for part in ["verdict", "summary", "endpoints", "findings", "coverage"] {
        assert_eq!(live[part], again[part], "{part}");
    }
    assert_eq!(again["run"]["api_calls"], 0);
    assert_eq!(live["run"]["snapshot_digest"], again["run"]["snapshot_digest"]);
}

/// Nothing planned is nothing known, though nothing failed either.
#[test]
fn a_snapshot_in_which_nothing_was_read_is_unknown() {
    let scratch = Scratch::new();
    let nothing = portcullis::model::InventoryBuilder::new(chrono::DateTime::UNIX_EPOCH).build();
    let mut file = Vec::new();
    portcullis::store::snapshot::write(&nothing, "0.1.0", &mut file).expect("memory takes it");
    std::fs::write(scratch.path("empty.snapshot"), file).expect("the folder takes it");
    let report = scratch.expect(3, &["scan", "--from", "empty.snapshot", "--no-store", "-o", "json"]).json();
    assert_eq!(report["verdict"], "unknown");
    assert_eq!(report["coverage"]["complete"], false);
}

/// Which regions there are is asked of the cloud.
#[test]
fn a_region_that_is_not_there_is_found_out_and_said_so() {
    let scratch = Scratch::new();
    let run = scratch.expect(2, &["scan", "--sandbox", "demo", "--no-store", "--region", "cn-hangzou"]);
    assert!(run.stderr.contains("did you mean \"cn-hangzhou\""), "{}", run.stderr);
    assert_eq!(run.closing(), "exit 2: bad arguments or configuration; only the caller and the regions were read");
}

#[test]
fn a_waiver_file_that_is_missing_is_named_by_the_configuration() {
    let scratch = Scratch::new();
    scratch.write("portcullis.yaml", "version: 1\nwaivers: gone.yaml\n");
    let run = scratch.expect(2, &["scan", "--sandbox", "demo", "--no-store"]);
    assert!(run.stderr.contains("check the path under `waivers:` in the configuration"), "{}", run.stderr);
    let run = scratch.expect(2, &["scan", "--sandbox", "demo", "--no-store", "-c", "gone.yaml"]);
    assert!(run.stderr.contains("leave the option out"), "{}", run.stderr);
}

#[test]
fn one_region_of_many_can_be_scanned_alone() {
    let scratch = Scratch::new();
    let report =
        scratch.run(&["scan", "--sandbox", "demo", "--no-store", "-o", "json", "--region", "eu-central-1"]).json();
    let endpoints = report["endpoints"].as_array().expect("a list");
    assert!(!endpoints.is_empty());
    assert!(endpoints.iter().all(|endpoint| endpoint["region_id"] == "eu-central-1"), "{endpoints:?}");
}

#[test]
fn an_account_without_a_key_is_refused_by_name() {
    let scratch = Scratch::new();
    let run = scratch.expect(2, &["scan", "--sandbox", "demo", "--no-store", "--account", "1999999999999999"]);
    assert!(run.stderr.contains("1999999999999999") && run.stderr.contains("1000000000000001"), "{}", run.stderr);
    scratch.expect(4, &["scan", "--sandbox", "demo", "--no-store", "--account", "1000000000000001"]);
}

/// Under a made-up name, everything would be found twice: once there, and once under the account's number in the next run.
#[test]
fn an_account_that_does_not_say_who_it_is_is_not_read_under_a_name_of_ours() {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    let whole = scratch.expect(1, &["scan", "--sandbox", "world.json", "-o", "json"]).json();
    scratch.write("nobody.json", &with_fault(OPEN_WORLD, "GetCallerIdentity", "internal-error"));
    let run = scratch.expect(5, &["scan", "--sandbox", "nobody.json", "-o", "json"]);
    assert!(run.stdout.is_empty() && run.stderr.contains("no account could be read"), "{}", run.stderr);
    // A stumble is none: the same things have the same names.
    let mut stumbles: serde_json::Value = serde_json::from_str(OPEN_WORLD).expect("a world is JSON");
    stumbles["faults"] = serde_json::json!([{"action": "GetCallerIdentity", "kind": "http-503", "times": 1}]);
    scratch.write("stumbles.json", &stumbles.to_string());
    let again = scratch.expect(1, &["scan", "--sandbox", "stumbles.json", "-o", "json"]).json();
    let fingerprints = |report: &serde_json::Value| {
        let findings = report["findings"].as_array().expect("a list").iter();
        findings.map(|one| one["fingerprint"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(fingerprints(&whole), fingerprints(&again));
}

/// Nothing was read, and what was planned is not known: that is no incomplete run.
#[test]
fn without_a_network_the_answer_is_5_and_nothing_is_kept() {
    let scratch = Scratch::new();
    let output = scratch
        .command(&["scan"])
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testsecret")
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .output()
        .expect("the program starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(told.contains("no account could be read") && output.stdout.is_empty(), "{told}");
    scratch.expect(2, &["report", "latest"]);
}

/// Groups carry tags, and replies about ACLs carry none.
#[test]
fn waivers_by_tag_match_groups_and_say_that_they_cannot_match_acls() {
    let scratch = Scratch::new();
    let mut world: serde_json::Value =
        serde_json::from_str(include_str!("../../src/sandbox/worlds/demo/world.json")).expect("a world is JSON");
    let groups = world["accounts"][0]["ecs"]["security_groups"].as_array_mut().expect("a list");
    for group in groups {
        group["Tags"] = serde_json::json!({"Tag": [{"TagKey": "env", "TagValue": "dev"}]});
    }
    scratch.write("world.json", &world.to_string());
    let expires = (chrono::Utc::now() + chrono::Duration::days(60)).format("%Y-%m-%d");
    let waiver = |kind: &str| {
        format!(
            "  - select: {{account: \"1000000000000001\", region: cn-hangzhou, kind: {kind}, tag: {{env: dev}}}}\n    reason: \
             dev\n    owner: a@example.com\n    expires: {expires}\n"
        )
    };
    scratch.write("waivers.yaml", &format!("version: 1\nwaivers:\n{}{}", waiver("security-group"), waiver("acl")));
    scratch.write("portcullis.yaml", "version: 1\nwaivers: waivers.yaml\n");
    let report = scratch.expect(4, &["scan", "--sandbox", "world.json", "--no-store", "-o", "json"]).json();
    let findings = report["findings"].as_array().expect("a list");
    let of_groups: Vec<&serde_json::Value> = findings
        .iter()
        .filter(|one| one["resource_kind"] == "security-group" && one["region_id"] == "cn-hangzhou")
        .collect();
    assert!(!of_groups.is_empty());
    assert!(of_groups.iter().all(|one| one["status"] != "open"), "{of_groups:#?}");
    let unused: Vec<&str> = findings
        .iter()
        .filter(|one| one["rule_id"] == "waiver-unused")
        .filter_map(|one| one["message"].as_str())
        .collect();
    assert_eq!(unused.len(), 1, "{unused:?}");
    assert!(unused[0].contains("the replies about ACLs carry no tags"), "{unused:?}");
}

/// `ClusterId` of the world format is `cluster_id` of the request; a name that no request has is told.
#[test]
fn a_fault_matches_by_either_spelling_and_one_that_cannot_match_is_told() {
    let scratch = Scratch::new();
    let mut world: serde_json::Value = serde_json::from_str(OPEN_WORLD).expect("a world is JSON");
    let id = world["accounts"][0]["cs"]["clusters"][0]["cluster_id"].clone();
    let mut scan = |name: &str| {
        world["faults"] =
            serde_json::json!([{"action": "DescribeClusterDetail", "match": {(name): id}, "kind": "deny", "times": 0}]);
        scratch.write("world.json", &world.to_string());
        let run = scratch.run(&["scan", "--sandbox", "world.json", "--no-store"]);
        (run.code == 3 || run.code == 4, run.stderr)
    };
    for name in ["ClusterId", "cluster_id"] {
        let (hit, told) = scan(name);
        assert!(hit && !told.contains("hit nothing"), "{name}: {told}");
    }
    let (hit, told) = scan("MeshId");
    let sentence = "faults[0] hit nothing: no call of DescribeClusterDetail has the parameter MeshId";
    assert!(!hit && told.contains(sentence), "{told}");
}

/// A waiver with a limit does not accept what lets everybody in, however the limit's port is called.
#[test]
fn a_limit_accepts_no_list_that_lets_everybody_in() {
    let scratch = Scratch::new();
    let expires = (chrono::Utc::now() + chrono::Duration::days(60)).format("%Y-%m-%d");
    let waiver = |region: &str, kind: &str| {
        format!(
            "  - select: {{account: \"1000000000000001\", region: {region}, kind: {kind}}}\n    only: {{cidrs: \
             [203.0.113.0/24]}}\n    reason: office\n    owner: a@example.com\n    expires: {expires}\n"
        )
    };
    let regions = ["cn-hangzhou", "cn-shanghai", "eu-central-1"];
    let waivers: String = regions
        .iter()
        .flat_map(|region| ["acl", "load-balancer", "security-group"].map(|kind| waiver(region, kind)))
        .collect();
    scratch.write("waivers.yaml", &format!("version: 1\nwaivers:\n{waivers}"));
    scratch.write("portcullis.yaml", "version: 1\nwaivers: waivers.yaml\n");
    let report = scratch.expect(4, &["scan", "--sandbox", "demo", "--no-store", "-o", "json"]).json();
    let findings = report["findings"].as_array().expect("a list").iter();
    let everybody = ["acl-enabled-but-empty", "acl-black-list-only", "security-group-admits-everything-all-ports"];
    let of_these: Vec<_> = findings.filter(|one| everybody.iter().any(|rule| one["rule_id"] == **rule)).collect();
    assert!(!of_these.is_empty());
    assert!(of_these.iter().any(|one| one["status"] == "open"));
    assert!(of_these.iter().all(|one| one["status"] != "waived"), "{of_these:#?}");
}
