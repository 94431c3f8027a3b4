//! The samples in `reports/` are what the program says about the embedded demo world, byte for byte, but for what no two
//! runs share. Run with `PORTCULLIS_BLESS=1` to write them anew, then read the difference.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, process::Command};

use serde_json::Value;

/// Every format with the extension of its sample.
const FORMATS: [(&str, &str); 11] = [
    ("table", "txt"),
    ("html", "html"),
    ("json", "json"),
    ("jsonl", "jsonl"),
    ("csv", "csv"),
    ("csv-endpoints", "endpoints.csv"),
    ("sarif", "sarif"),
    ("ocsf", "ocsf.jsonl"),
    ("junit", "junit.xml"),
    ("markdown", "md"),
    ("prometheus", "prom"),
];

/// Scans the demo world and writes one report of every format into `folder`.
fn scan(folder: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["scan", "--sandbox", "demo", "--no-store"]).env_clear().env("HOME", folder).current_dir(folder);
    for (format, extension) in FORMATS {
        command.args(["-o", &format!("{format}=sample.{extension}")]);
    }
    let output = command.output().unwrap();
    // What is planted in the demo world is found, and not all of it can be read.
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Every format of a pack with the extension of its sample.
const PACK_FORMATS: [(&str, &str); 4] =
    [("table", "pack.txt"), ("json", "pack.json"), ("csv", "pack.csv"), ("markdown", "pack.md")];

/// An Ed25519 key in PEM, and its public half: RFC 8032, section 7.1, test 3.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIMWqjfQ/n4N77bdELzHct7Fm04U1B28JS4XOOi4LRFj3\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "ed25519:/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=";

/// What differs from run to run, and what the samples say in its place.
fn masks(report: &str) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(report).unwrap();
    let run = &report["run"];
    let text = |key: &str| run[key].as_str().unwrap().to_owned();
    let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
    let time = "2026-01-02T03:04:05Z".to_owned();
    let version = text("tool_version");
    let mut masks = vec![
        (text("id"), "01a20000-0000-7000-8000-000000000001".to_owned()),
        (text("started_at"), time.clone()),
        (text("finished_at"), time),
        (text("snapshot_digest"), digest("1")),
        (text("rules_digest"), digest("2")),
        (format!("\"tool_version\": \"{version}\""), "\"tool_version\": \"0.0.0\"".to_owned()),
        (format!("\"tool_version\":\"{version}\""), "\"tool_version\":\"0.0.0\"".to_owned()),
    ];
    let unix = |key: &str| chrono::DateTime::parse_from_rfc3339(&text(key)).unwrap().timestamp();
    let (ended, took) = (unix("finished_at"), unix("finished_at") - unix("started_at"));
    let gauge = |name: &str, value: i64| format!("portcullis_run_{name}_seconds {value}\n");
    masks.push((gauge("timestamp", ended), gauge("timestamp", 1_767_323_045)));
    masks.push((gauge("duration", took), gauge("duration", 0)));
    // OCSF has milliseconds, and JUnit times without a zone.
    let bare = |text: &str| format!("timestamp=\"{}\"", text.trim_end_matches('Z'));
    masks.push((bare(&text("started_at")), bare("2026-01-02T03:04:05Z")));
    masks.push((format!("{ended}000"), "1767323045000".to_owned()));
    masks.push((format!(" time=\"{took}\">"), " time=\"0\">".to_owned()));
    masks.push((format!("\"semanticVersion\": \"{version}\""), "\"semanticVersion\": \"0.0.0\"".to_owned()));
    masks.push((format!("\"version\":\"{version}\""), "\"version\":\"0.0.0\"".to_owned()));
    masks.push((format!(", portcullis {version},"), ", portcullis 0.0.0,".to_owned()));
    masks.push((format!("{{version=\"{version}\"}}"), "{version=\"0.0.0\"}".to_owned()));
    for (number, id) in run["gap_requests"].as_object().unwrap().values().enumerate() {
        masks.push((id.as_str().unwrap().to_owned(), format!("00000000-0000-4000-8000-{:012}", number + 1)));
    }
    masks
}

#[test]
fn the_samples_are_what_the_program_says_about_the_demo_world() {
    let folder = tempfile::tempdir().unwrap();
    scan(folder.path());
    let masks = masks(&fs::read_to_string(folder.path().join("sample.json")).unwrap());
    for (_, extension) in FORMATS {
        let name = format!("sample.{extension}");
        let written = fs::read_to_string(folder.path().join(&name)).unwrap();
        let written = masks.iter().fold(written, |text, (varying, fixed)| text.replace(varying, fixed));
        compare(&name, &written);
    }
}

/// Holds what was written against the sample of that name, or writes it.
fn compare(name: &str, written: &str) {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports").join(name);
    if std::env::var_os("PORTCULLIS_BLESS").is_some() {
        fs::write(&sample, written).unwrap();
    }
    let differs = fs::read_to_string(&sample).unwrap() != written;
    assert!(!differs, "reports/{name} is out of date: run this test with PORTCULLIS_BLESS=1 and read the change");
}

#[test]
fn the_samples_of_a_pack_and_of_a_bundle_are_what_the_program_says_about_the_demo_world() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    fs::write(home.join("key.pem"), KEY).unwrap();
    fs::write(home.join("portcullis.yaml"), "version: 1\nevidence: {signing_key: key.pem}\n").unwrap();
    let run = |code: i32, arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(arguments).env_clear().env("HOME", home).env("XDG_DATA_HOME", home.join("data")).current_dir(home);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let trusted = ["--trusted", "203.0.113.0/24", "--trusted", "2001:db8:1::/48"];
    let scan = ["scan", "--sandbox", "demo", "-o", "json=report.json", "-o", "bundle=bundle"];
    run(4, &[&scan[..], &trusted[..]].concat());
    let mut masks = masks(&fs::read_to_string(home.join("report.json")).unwrap());
    let told = run(0, &["verify-bundle", "bundle", "--key", PUBLIC]);
    let between = |start: &str, end: &str| {
        let from = told.find(start).unwrap() + start.len();
        told[from..from + told[from..].find(end).unwrap()].to_owned()
    };
    masks.push((between("the program that read the cloud was ", "\n"), format!("sha256:{}", "3".repeat(64))));
    let offset = |number: &str| format!("was {number} ms ahead");
    masks.push((offset(&between("which tells whole seconds, was ", " ms ahead")), offset("0")));
    masks.push((format!(", portcullis {}\n", env!("CARGO_PKG_VERSION")), ", portcullis 0.0.0\n".to_owned()));
    let masked = |text: String| masks.iter().fold(text, |text, (varying, fixed)| text.replace(varying, fixed));
    compare("sample.bundle.txt", &masked(told.clone()));
    for (format, extension) in PACK_FORMATS {
        let written = run(0, &["report", "--pack", "cis-ack", "-o", format]);
        compare(&format!("sample.{extension}"), &masked(written));
    }
}
