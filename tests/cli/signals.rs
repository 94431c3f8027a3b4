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

/// What hangs is unknown when the time of the run is over; all else is judged as ever.
#[test]
fn a_scan_whose_time_is_over_tells_what_it_read() {
    let scratch = Scratch::new();
    let mut world: serde_json::Value = serde_json::from_str(OPEN_WORLD).expect("a world is JSON");
    // Longer than any other limit of the program, however often it is repeated.
    world["faults"] =
        serde_json::json!([{"action": "DescribeEipAddresses", "kind": "slow", "ms": 600_000, "times": 0}]);
    scratch.write("world.json", &world.to_string());
    scratch.write("portcullis.yaml", "version: 1\ndeadline: 24h\n");
    let sandbox = Sandbox::start(&scratch, "world.json");
    let scan =
        sandbox.command(&scratch, &["scan", "-o", "json", "--region", "cn-hangzhou", "--deadline", "2s"]).output();
    let run = Run::from(scan.expect("it ends"));
    send("TERM", sandbox.id());
    assert_eq!(sandbox.wait(), Some(0));
    let report = run.json();
    assert!([3, 4].contains(&run.code), "{}", run.stderr);
    assert_eq!(report["coverage"]["complete"], false);
    let gaps = report["coverage"]["gaps"].as_array().expect("a list");
    let late: Vec<_> = gaps.iter().filter(|gap| gap["code"] == "deadline").collect();
    assert!(late.iter().any(|gap| gap["operation"] == "DescribeEipAddresses"), "{gaps:?}");
    for gap in late {
        assert_eq!(gap["state"], "failed");
        let text = gap["message"].as_str().expect("a text");
        assert!(text.contains("the run's deadline of 2 s has passed") && text.contains("--deadline"), "{text}");
    }
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
