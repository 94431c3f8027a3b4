//! Being asked to end in the middle.
#![cfg(unix)]

use std::process::{Command, Stdio};

use crate::scratch::{OPEN_WORLD, Run, Sandbox, Scratch};

/// Sends a signal by name, as a user or an init system would.
fn send(signal: &str, process: u32) {
    let status =
        Command::new("kill").args([&format!("-{signal}"), &process.to_string()]).status().expect("kill is there");
    assert!(status.success());
}

#[test]
fn a_scan_that_is_asked_to_end_keeps_what_it_read() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let scratch = Scratch::new();
        // Every EIP list hangs, so that the scan is in the middle for as long as the test needs.
        let mut world: serde_json::Value = serde_json::from_str(OPEN_WORLD).expect("a world is JSON");
        world["faults"] =
            serde_json::json!([{"action": "DescribeEipAddresses", "kind": "slow", "ms": 600_000, "times": 0}]);
        scratch.write("world.json", &world.to_string());
        let sandbox = Sandbox::start(&scratch, "world.json");
        let scan = sandbox
            .command(&scratch, &["scan", "-o", "json", "--region", "cn-hangzhou"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // The scan is under way once the simulated cloud has been asked for clusters.
        while !std::fs::read_to_string(scratch.path("journal.jsonl")).unwrap_or_default().contains("DescribeClustersV1")
        {
            std::thread::yield_now();
        }
        send(signal, scan.id());
        let run = Run::from(scan.wait_with_output().expect("it ends"));
        send("TERM", sandbox.id());
        assert_eq!(sandbox.wait(), Some(0));
        assert_eq!(run.code, code, "{}", run.stderr);
        let report = run.json();
        assert_eq!(report["run"]["exit_code"], code);
        assert_ne!(report["verdict"], "pass");
        assert_eq!(report["coverage"]["complete"], false);
        assert!(run.closing().starts_with(&format!("exit {code}: ")), "{}", run.stderr);
        scratch.expect(0, &["report", "latest", "-o", "json"]);
    }
}
