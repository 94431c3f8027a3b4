//! `scan` against the simulated cloud: verdicts, exit codes, and what decides them.

use crate::scratch::{EMPTY_WORLD, OPEN_WORLD, Scratch, with_fault};

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
