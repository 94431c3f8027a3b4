//! Where results go, and what they look like there.

use std::{
    io::{Read, Write},
    process::Stdio,
};

use crate::scratch::{OPEN_WORLD, Run, Scratch};

fn scratch() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    scratch
}

const SCAN: [&str; 4] = ["scan", "--sandbox", "world.json", "--no-store"];

fn scan<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SCAN[..], more].concat()
}

#[test]
fn several_reports_go_where_each_was_sent() {
    let scratch = scratch();
    scratch.write("old.json", "what was there before");
    let run = scratch.expect(1, &scan(&["-o", "json=old.json", "-o", "csv=report.csv", "-o", "jsonl"]));
    assert!(run.stdout.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert!(scratch.read("old.json").contains("portcullis.report/v1"));
    assert!(scratch.read("report.csv").starts_with("record,severity"));
    let debris: Vec<_> = std::fs::read_dir(scratch.path(".")).expect("it reads").filter_map(Result::ok).collect();
    assert!(!debris.iter().any(|entry| entry.file_name().to_string_lossy().starts_with(".portcullis-")), "{debris:?}");
}

#[test]
fn a_folder_or_a_missing_folder_is_11_before_anything_is_done() {
    let scratch = scratch();
    std::fs::create_dir(scratch.path("folder")).expect("a folder");
    for target in ["json=folder", "json=missing/report.json"] {
        let run = scratch.expect(11, &scan(&["-o", target]));
        assert!(run.closing().starts_with("exit 11"), "{}", run.stderr);
        assert!(run.stdout.is_empty());
    }
    scratch.expect(11, &scan(&["--save", "folder"]));
}

#[test]
fn a_full_device_is_11() {
    if std::path::Path::new("/dev/full").exists() {
        let run = scratch().expect(11, &scan(&["-o", "json=/dev/full"]));
        assert!(run.stderr.contains("/dev/full"), "{}", run.stderr);
    }
}

#[test]
fn devices_are_written_through() {
    let run = scratch().expect(1, &scan(&["-o", "json=/dev/stdout"]));
    assert_eq!(run.json()["verdict"], "fail");
    scratch().expect(1, &scan(&["-o", "json=/dev/null"]));
}

#[test]
fn a_link_stays_and_its_file_is_replaced() {
    #[cfg(unix)]
    {
        let scratch = scratch();
        scratch.write("real.json", "old");
        std::os::unix::fs::symlink("real.json", scratch.path("link.json")).expect("a link");
        scratch.expect(1, &scan(&["-o", "json=link.json"]));
        assert!(std::fs::symlink_metadata(scratch.path("link.json")).expect("it is there").is_symlink());
        assert!(scratch.read("real.json").contains("portcullis.report/v1"));
    }
}

#[test]
fn a_reader_that_leaves_early_changes_nothing_about_the_verdict() {
    let scratch = scratch();
    let mut child = scratch
        .command(&scan(&["-o", "json"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().expect("it was piped").read_to_string(&mut stderr).expect("UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "{stderr}");
    assert!(!stderr.contains("error"), "{stderr}");
}

#[test]
fn colours_appear_only_when_asked_for_in_a_pipe() {
    let scratch = scratch();
    let colourful = |run: &Run| run.stdout.contains('\u{1b}');
    assert!(!colourful(&scratch.expect(1, &SCAN)));
    assert!(colourful(&scratch.expect(1, &scan(&["--color", "always"]))));
    let run = |name: &str, value: &str, more: &[&str]| {
        Run::from(scratch.command(&scan(more)).env(name, value).output().expect("the program starts"))
    };
    // Where there would be colours without it.
    let forced = |no_color: Option<&str>| {
        let mut command = scratch.command(&scan(&[]));
        command.env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR");
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        Run::from(command.output().expect("the program starts"))
    };
    assert!(colourful(&forced(None)));
    assert!(!colourful(&forced(Some("1"))));
    assert!(!colourful(&run("CLICOLOR_FORCE", "1", &["--color", "never"])));
}

#[test]
fn quiet_is_quiet_and_a_pipe_sees_no_progress() {
    let scratch = scratch();
    assert_eq!(scratch.expect(1, &scan(&["--quiet"])).stderr, "");
    let stderr = scratch.expect(1, &SCAN).stderr;
    assert!(stderr.lines().all(|line| line.starts_with("exit ") || line.starts_with("notice: ")), "{stderr}");
}

#[test]
fn logs_can_be_json_one_record_a_line() {
    let scratch = scratch();
    let run = scratch.expect(1, &scan(&["-vv", "--log-format", "json"]));
    let records: Vec<serde_json::Value> = run
        .stderr
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).expect("one JSON object a line"))
        .collect();
    for record in &records {
        for field in ["ts", "seq", "level", "event"] {
            assert!(!record[field].is_null(), "{field}: {record}");
        }
    }
    assert!(!run.stderr.contains("testsecret"));
    let of =
        |event: &str| -> Vec<&serde_json::Value> { records.iter().filter(|record| record["event"] == event).collect() };
    for (position, record) in records.iter().enumerate() {
        assert_eq!(record["seq"], position + 1, "{record}");
    }
    let calls = of("call-ended");
    assert!(!calls.is_empty());
    for call in calls {
        for field in ["action", "region", "request_id", "attempt", "took_ms"] {
            assert!(!call[field].is_null(), "{field}: {call}");
        }
        assert_eq!(call["outcome"], "answered", "{call}");
    }
    let [ended] = of("run-ended")[..] else { panic!("a run ends once: {}", run.stderr) };
    assert_eq!((&ended["outcome"], &ended["exit_code"]), (&"fail".into(), &1.into()));
    let mut units: Vec<&str> = of("unit-ended").iter().filter_map(|unit| unit["unit"].as_str()).collect();
    assert!(units.len() > 3 && of("unit-ended").iter().all(|unit| unit["run"] == ended["run"]));
    let count = units.len();
    units.sort_unstable();
    units.dedup();
    assert_eq!(units.len(), count, "one unit has one last event");
}

#[test]
fn the_place_and_time_of_the_terminal_change_no_byte() {
    let scratch = scratch();
    scratch.expect(1, &scan(&["--save", "cloud.snapshot"]));
    let report = |name: &str, value: &str| {
        let output = scratch
            .command(&["scan", "--from", "cloud.snapshot", "--no-store", "-o", "table"])
            .env(name, value)
            .output()
            .expect("the program starts");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines().filter(|line| !line.starts_with("Run ")).collect::<Vec<_>>().join("\n")
    };
    let plain = report("LANG", "C");
    for (name, value) in
        [("LANG", "zh_CN.UTF-8"), ("LC_ALL", "tr_TR"), ("TZ", "Asia/Shanghai"), ("COLUMNS", "0"), ("COLUMNS", "20")]
    {
        assert_eq!(report(name, value), plain, "{name}={value}");
    }
}

#[test]
fn a_closed_stdin_does_not_matter_and_access_reads_it_when_asked() {
    let scratch = scratch();
    let mut child = scratch
        .command(&["access", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("it was piped").write_all(b"{\"CaseId\": \"x\"}\n").expect("it reads");
    let run = Run::from(child.wait_with_output().expect("it ends"));
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stdout.contains("\"x\"") && run.stdout.contains("Error"), "{}", run.stdout);
}
