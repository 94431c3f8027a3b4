//! Runs that are kept: `report`, `diff` and `history` over several scans.

use crate::scratch::{EMPTY_WORLD, OPEN_WORLD, Scratch, with_fault};

fn scan(scratch: &Scratch, code: i32, world: &str) -> serde_json::Value {
    scratch.write("world.json", world);
    scratch.expect(code, &["scan", "--sandbox", "world.json", "-o", "json"]).json()
}

fn diff(scratch: &Scratch) -> serde_json::Value {
    scratch.expect(0, &["diff", "--format", "json"]).json()["summary"].clone()
}

#[test]
fn a_stored_run_renders_like_the_first_time_in_every_format() {
    let scratch = Scratch::new();
    let first = scan(&scratch, 1, OPEN_WORLD);
    assert!(scratch.path("data/portcullis/portcullis.db").is_file());
    let again = scratch.expect(0, &["report", "latest", "-o", "json"]).json();
    assert_eq!(first, again);
    let id = first["run"]["id"].as_str().expect("an id").to_owned();
    for format in ["table", "jsonl", "csv"] {
        assert!(scratch.expect(0, &["report", &id, "-o", format]).stdout.contains("control-plane-open-to-untrusted"));
    }
    scratch.write("saved.json", &scratch.expect(0, &["report", "-o", "json"]).stdout);
    for format in ["table", "jsonl", "csv", "json"] {
        let text = scratch.expect(0, &["report", "saved.json", "-o", format]).stdout;
        assert!(text.contains("control-plane-open-to-untrusted"), "{format}: {text}");
    }
    assert_eq!(scratch.read("saved.json"), scratch.expect(0, &["report", "saved.json", "-o", "json"]).stdout);
    let saved = std::fs::File::open(scratch.path("saved.json")).expect("it was written");
    let piped = scratch.command(&["report", "-", "-o", "json"]).stdin(saved).output().expect("the program starts");
    assert_eq!(String::from_utf8(piped.stdout).expect("UTF-8"), scratch.read("saved.json"));
}

#[test]
fn a_report_that_was_made_to_look_clean_is_refused() {
    let scratch = Scratch::new();
    let mut report = scan(&scratch, 1, OPEN_WORLD);
    report["verdict"] = "pass".into();
    report["run"]["exit_code"] = 0.into();
    scratch.write("forged.json", &report.to_string());
    for arguments in [&["report", "forged.json"][..], &["explain", "c1", "--run", "forged.json"]] {
        let refused = scratch.expect(2, arguments);
        assert!(refused.stderr.contains("come to `fail`: it was changed after it was written"), "{}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
}

#[test]
fn findings_are_new_unchanged_fixed_and_reopened() {
    let scratch = Scratch::new();
    let first = scan(&scratch, 1, OPEN_WORLD);
    let seen = first["findings"][0]["first_seen"].clone();
    assert!(seen.is_string(), "{seen}");
    scan(&scratch, 1, OPEN_WORLD);
    let summary = diff(&scratch);
    assert_eq!((&summary["new"], &summary["fixed"]), (&0.into(), &0.into()), "{summary}");
    assert!(summary["unchanged"].as_u64() > Some(0));
    scan(&scratch, 0, EMPTY_WORLD);
    let fixed = diff(&scratch)["fixed"].as_u64().expect("a count");
    assert!(fixed > 0);
    let back = scan(&scratch, 1, OPEN_WORLD);
    assert_eq!(diff(&scratch)["reopened"].as_u64(), Some(fixed));
    assert_eq!(back["findings"][0]["first_seen"], seen);
    let fingerprint = back["findings"][0]["fingerprint"].as_str().expect("a fingerprint");
    let memory = scratch.expect(0, &["history", fingerprint, "--format", "json"]).json();
    assert!(memory["reopened_at"].is_string() && memory["fixed_at"].is_null(), "{memory}");
}

#[test]
fn what_could_not_be_read_is_not_fixed() {
    let scratch = Scratch::new();
    let first = scan(&scratch, 1, OPEN_WORLD);
    scan(&scratch, 3, &with_fault(EMPTY_WORLD, "DescribeClustersV1", "deny"));
    let summary = diff(&scratch);
    assert_eq!(summary["fixed"], 0, "{summary}");
    assert_eq!(summary["unknown"].as_u64(), first["findings"].as_array().map(|findings| findings.len() as u64));
}

#[test]
fn history_shows_runs_and_the_spans_of_an_endpoint() {
    let scratch = Scratch::new();
    let report = scan(&scratch, 1, OPEN_WORLD);
    scan(&scratch, 1, OPEN_WORLD);
    scan(&scratch, 0, EMPTY_WORLD);
    let runs = scratch.expect(0, &["history"]).stdout;
    assert_eq!(runs.lines().take_while(|line| !line.is_empty()).count(), 4, "{runs}");
    let lines = scratch.expect(0, &["history", "-n", "1", "--format", "json"]).stdout;
    let newest: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap_or_default()).expect("JSON");
    assert_eq!(newest["exit_code"], 0);
    let cluster = report["endpoints"][0]["resource_id"].as_str().expect("an id");
    let spans = scratch.expect(0, &["history", cluster]).stdout;
    assert_eq!(spans.lines().count(), 2, "{spans}");
    assert!(spans.contains("exposed, open"), "{spans}");
}

#[test]
fn a_run_can_go_without_the_store_and_leaves_nothing_behind() {
    let scratch = Scratch::new();
    scratch.expect(0, &["scan", "--sandbox", "empty", "--no-store"]);
    assert!(!scratch.path("data").exists());
}

#[test]
fn the_store_can_be_elsewhere() {
    let scratch = Scratch::new();
    // A named folder is not made: its name may be wrong.
    let run = scratch.expect(11, &["scan", "--sandbox", "empty", "--store", "sqlite:elsewhere/runs.db"]);
    assert!(run.stderr.contains("make sure that the folder exists"), "{}", run.stderr);
    assert!(!scratch.path("elsewhere").exists());
    std::fs::create_dir(scratch.path("elsewhere")).expect("a folder");
    scratch.expect(0, &["scan", "--sandbox", "empty", "--store", "sqlite:elsewhere/runs.db"]);
    assert!(scratch.path("elsewhere/runs.db").is_file());
    scratch.expect(0, &["report", "--store", "sqlite:elsewhere/runs.db"]);
    scratch.write("portcullis.yaml", "version: 1\nstore: {url: \"sqlite:elsewhere/runs.db\"}\n");
    scratch.expect(0, &["history"]);
    scratch.write("notes.txt", "not a database, but notes of somebody, long enough to be looked at as a header of one");
    // What cannot be kept is judged and reported all the same.
    let run = scratch.expect(11, &["scan", "--sandbox", "empty", "--store", "sqlite:notes.txt", "--quiet"]);
    assert!(!run.stdout.is_empty());
    assert!(run.stderr.contains("could not be kept"), "{}", run.stderr);
    assert!(scratch.read("notes.txt").starts_with("not a database"));
}

#[test]
fn a_waiver_of_a_report_s_fingerprint_accepts_the_finding() {
    let scratch = Scratch::new();
    let report = scan(&scratch, 1, OPEN_WORLD);
    let mut waivers = String::from("version: 1\nwaivers:\n");
    let expires = (chrono::Utc::now() + chrono::Duration::days(30)).format("%Y-%m-%d");
    for finding in report["findings"].as_array().expect("a list") {
        let fingerprint = finding["fingerprint"].as_str().expect("a fingerprint");
        waivers += &format!(
            "  - fingerprint: \"{fingerprint}\"\n    reason: known\n    owner: team@example.com\n    expires: {expires}\n"
        );
    }
    scratch.write("waivers.yaml", &waivers);
    scratch.write("portcullis.yaml", "version: 1\nwaivers: waivers.yaml\n");
    let waived = scan(&scratch, 0, OPEN_WORLD);
    let history = scratch.expect(0, &["history"]).stdout;
    assert!(history.contains(&format!("by team@example.com until {expires}: known")), "{history}");
    assert_eq!(waived["summary"]["waived"].as_u64(), report["findings"].as_array().map(|list| list.len() as u64));
    assert_eq!(waived["findings"][0]["waiver"]["owner"], "team@example.com");
}
