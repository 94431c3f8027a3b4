//! The journal of a host: torn at any byte it goes on, damaged anywhere else nothing is written until it is repaired.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use super::{stage::Stage, world};

fn applied() -> (Stage, Vec<u8>) {
    let stage = Stage::new(&world::fast(world::quiet()));
    stage.plan(vec![world::pilot()]);
    assert_eq!(stage.apply(&[]).code, 0);
    let bytes = fs::read(stage.path("host.journal")).unwrap();
    (stage, bytes)
}

/// Where each record begins, and the end: after the first four bytes, each is 40 bytes and its payload.
fn borders(bytes: &[u8]) -> Vec<usize> {
    let mut borders = vec![4];
    while let Some(length) = bytes.get(*borders.last().unwrap()..).and_then(|rest| rest.first_chunk::<4>()) {
        borders.push(borders.last().unwrap() + 40 + u32::from_le_bytes(*length) as usize);
    }
    borders
}

#[test]
fn torn_at_any_byte_it_holds_the_records_before() {
    let (stage, bytes) = applied();
    let borders = borders(&bytes);
    assert_eq!(borders.last(), Some(&bytes.len()));
    // Every byte of the last record, and each border with its neighbours.
    let last = borders[borders.len() - 2];
    let near = borders.iter().flat_map(|border| [border - 1, *border, border + 1]);
    let mut cuts: Vec<usize> = (last..=bytes.len()).step_by(7).chain(near).filter(|cut| *cut <= bytes.len()).collect();
    cuts.sort_unstable();
    cuts.dedup();
    for cut in cuts {
        fs::write(stage.path("host.journal"), &bytes[..cut]).unwrap();
        let shown = stage.run(&["journal", "show", "--format", "json"]);
        let whole = borders.iter().filter(|border| **border <= cut).count().saturating_sub(1);
        assert_eq!((shown.code, shown.stdout.lines().count()), (0, whole), "cut at {cut}: {shown:#?}");
    }
}

/// Who, when, why, what and with whose consent: the audit of a change and of its way back.
#[test]
fn the_journal_tells_who_did_what_and_why() {
    let (stage, _) = applied();
    let back = stage.reach(&["rollback", "intent-pilot", "--confirm", "intent-pilot"]);
    assert_eq!(back.code, 0, "{back:#?}");
    let plan: Value = serde_json::from_slice(&fs::read(stage.path("plan.json")).unwrap()).unwrap();
    let shown = stage.run(&["journal", "show", "--format", "json"]);
    let lines: Vec<Value> = shown.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| -> Vec<Value> {
        lines.iter().map(|line| line["record"][name].clone()).filter(|record| !record.is_null()).collect()
    };
    let began = of("began");
    let [apply, rollback] = began.as_slice() else { panic!("{began:#?}") };
    assert_eq!(lines[0]["record"]["began"], *apply, "it stands before everything else");
    for (began, command) in [(apply, "apply"), (rollback, "rollback")] {
        assert_eq!((&began["command"], &began["account"]), (&json!(command), &json!(world::ACCOUNT)));
        assert!(began["caller"].as_str().unwrap().starts_with("acs:ram::1000000000000001:"), "{began}");
        assert_eq!(began["tool"]["version"], env!("CARGO_PKG_VERSION"));
        assert!(began["tool"]["digest"].as_str().unwrap().starts_with("sha256:"), "{began}");
        assert!(began["at"].as_u64().unwrap() > 0 && began["steady_ms"].as_u64().unwrap() > 0, "{began}");
    }
    let grounds = &apply["grounds"];
    for (name, value) in [
        ("plan", plan["id"].clone()),
        ("ticket", json!("CAB-1234")),
        ("policy_digest", plan["policy_digest"].clone()),
        ("rules_digest", plan["run"]["rules_digest"].clone()),
        ("findings", json!({"intent-pilot": ["v1:00"]})),
        ("approvals", json!(["alice"])),
        ("typed_on_a_terminal", json!(false)),
    ] {
        assert_eq!(grounds[name], value, "{name}: {grounds}");
    }
    // Each request is there once, as the cloud numbers it, under the plan's session.
    let requests = of("request");
    let sent: Vec<String> = stage.writes().into_iter().map(|(action, _)| action).collect();
    assert_eq!(requests.len(), sent.len(), "{requests:#?} {sent:?}");
    let ids: BTreeSet<&str> = requests.iter().map(|one| one["request_id"].as_str().unwrap()).collect();
    assert!(ids.len() == requests.len() && !ids.contains(""), "{ids:?}");
    assert!(requests.iter().all(|one| one["session"] == plan["id"] && one["intent"] == "intent-pilot"));
    let slot = |purpose: &str| requests.iter().find(|one| one["purpose"] == purpose).unwrap()["slot"].clone();
    let (act, undo) = (slot("act"), slot("undo"));
    assert!(act["before"].as_str().unwrap().starts_with("sha256:") && act["before"] != act["after"], "{act}");
    assert_eq!((&act["before"], &act["after"]), (&undo["after"], &undo["before"]));
    let text = stage.run(&["journal", "show"]);
    assert!(text.stdout.contains(" began ") && text.stdout.contains("CAB-1234"), "{text:#?}");
}

/// What a host announced and learned is in the evidence, once, and its chain can be followed from bundle to bundle.
#[test]
fn bundles_hold_what_the_journal_says_of_their_accounts() {
    let (stage, _) = applied();
    let bundle = |name: &str| {
        let url = stage.server.url();
        let scan = stage.run(&["scan", "--endpoint-url", &url, "-o", &format!("bundle={name}")]);
        assert!(stage.path(name).join("manifest.dsse.json").exists(), "{scan:#?}");
        scan
    };
    let held = |name: &str| -> Vec<Value> {
        let text = fs::read_to_string(stage.path(name).join("journal.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.map(|line| serde_json::from_str(line["entry"].as_str().unwrap()).unwrap()).collect()
    };
    let written = || -> Vec<Value> {
        let shown = stage.run(&["journal", "show", "--format", "json"]);
        shown.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    bundle("one");
    let first = written();
    assert!(!first.is_empty());
    assert_eq!(held("one"), first);
    bundle("two");
    assert_eq!(held("two"), [Value::Null; 0], "nothing was written since");
    assert_eq!(stage.reach(&["rollback", "intent-pilot", "--confirm", "intent-pilot"]).code, 0);
    bundle("three");
    let back = written();
    assert!(back.len() > first.len());
    assert_eq!(held("three"), back[first.len()..]);
    // A bundle that is made again holds what it held then, whatever was written since.
    let manifest = |name: &str| fs::read_to_string(stage.path(name).join("manifest.dsse.json")).unwrap();
    let report: Value = serde_json::from_slice(&fs::read(stage.path("one").join("report.json")).unwrap()).unwrap();
    let oldest = report["run"]["id"].as_str().unwrap();
    assert_eq!(stage.run(&["report", oldest, "-o", "bundle=again"]).code, 0);
    assert_eq!((manifest("again"), held("again")), (manifest("one"), first.clone()));
    let told = stage.run(&["verify-bundle", "one", "two", "three"]);
    assert_eq!(told.code, 0, "{told:#?}");
    for words in [
        format!(
            "{} journal entries are chained as the journal holds them, of the numbers 1 to {}",
            first.len(),
            first.len()
        ),
        format!("it holds no journal entries: behind number {} there was none", first.len()),
        format!("of the numbers {} to {}", first.len() + 1, back.len()),
    ] {
        assert!(told.stdout.contains(&words), "{words}: {}", told.stdout);
    }
    // Damage is no silence.
    let mut damaged = fs::read(stage.path("host.journal")).unwrap();
    damaged[60] ^= 0x40;
    fs::write(stage.path("host.journal"), &damaged).unwrap();
    let scan = bundle("four");
    assert!(scan.stderr.contains("the journal cannot be read"), "{scan:#?}");
    let told = stage.run(&["verify-bundle", "three", "four"]);
    assert_eq!(told.code, 0, "{told:#?}");
    assert!(told.stdout.contains("not proven  what was changed: it holds no journal entries"), "{}", told.stdout);
}

#[test]
fn whatever_was_torn_the_row_settles_it_and_the_journal_goes_on() {
    let (stage, bytes) = applied();
    let borders = borders(&bytes);
    for cut in [0, 3, 4, borders[1] + 13, borders[borders.len() - 2] + 41] {
        fs::write(stage.path("host.journal"), &bytes[..cut]).unwrap();
        let run = stage.reach(&["verify", "--due"]);
        assert!(run.code == 0, "cut at {cut}: {run:#?}");
        let shown = stage.run(&["journal", "show"]);
        assert_eq!(shown.code, 0, "cut at {cut}: {shown:#?}");
    }
    stage.settle();
    assert_eq!(stage.eip("eip-pilot")["Status"], "Available");
    assert_eq!(stage.effects("ModifyPilotEipResource"), 1);
}

#[test]
fn damage_stops_everything_until_it_is_repaired() {
    let (stage, bytes) = applied();
    let borders = borders(&bytes);
    stage.plan_called("other", vec![world::mesh_api_server()], chrono::Utc::now() - chrono::TimeDelta::minutes(1));
    let sent = stage.writes().len();
    let mut damaged = bytes.clone();
    damaged[borders[2] + 50] ^= 0x40;
    fs::write(stage.path("host.journal"), &damaged).unwrap();
    for words in [
        ["apply", "other.json", "--approval", "other.json.sig"].as_slice(),
        ["verify", "--due"].as_slice(),
        ["rollback", "intent-pilot", "--confirm", "intent-pilot"].as_slice(),
    ] {
        let run = stage.reach(words);
        assert_eq!((run.code, stage.writes().len()), (12, sent), "{run:#?}");
    }
    for words in [["journal", "show"].as_slice(), ["journal", "repair"].as_slice()] {
        let run = stage.run(words);
        assert_eq!(run.code, 12, "{run:#?}");
        assert!(run.stderr.contains("record 3 at byte"), "{}", run.stderr);
    }
    assert_eq!(fs::read(stage.path("host.journal")).unwrap(), damaged, "looking changes nothing");
    let repaired = stage.run(&["journal", "repair", "--confirm"]);
    assert_eq!(repaired.code, 0, "{repaired:#?}");
    assert_eq!(fs::read(stage.path("host.journal")).unwrap(), bytes[..borders[2]]);
    assert_eq!(fs::read(stage.path("host.journal.damaged-1")).unwrap(), damaged, "nothing is thrown away");
    assert_eq!(stage.reach(&["verify", "--due"]).code, 0);
}

/// A pipe would hold us until somebody writes to it, a device has no end: whatever is named to be read is a plain file.
#[cfg(unix)]
#[test]
fn what_is_no_plain_file_is_refused_and_not_waited_for() {
    use std::process::Command;

    use super::stage::Run;
    let stage = Stage::new(&world::quiet());
    stage.plan(vec![world::pilot()]);
    let pipe = stage.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Whoever waits is ended by a signal, and has no code.
    let in_time = |words: &[&str]| {
        let wanted = stage.command(words);
        let mut command = Command::new("timeout");
        command.args(["--signal=KILL", "30"]).arg(wanted.get_program()).args(wanted.get_args());
        command.current_dir(wanted.get_current_dir().unwrap()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(wanted.get_envs().filter_map(|(name, value)| Some((name, value?))).collect::<Vec<_>>());
        Run::of(command.output().unwrap())
    };
    let reached = ["--endpoint-url", &stage.server.url()];
    let cases: [(&[&str], i32); 11] = [
        (&["journal", "show", "--journal", "pipe"], 2),
        (&["journal", "show", "--journal", "/dev/zero"], 2),
        (&["journal", "show", "--journal", "."], 2),
        (&["journal", "repair", "--confirm", "--journal", "pipe"], 2),
        (&["apply", "plan.json", "--approval", "plan.json.sig", "--journal", "pipe", reached[0], reached[1]], 2),
        (&["apply", "plan.json", "--approval", "pipe", reached[0], reached[1]], 6),
        (&["apply", "pipe", "--approval", "plan.json.sig", reached[0], reached[1]], 6),
        (&["approve", "plan.json", "--key", "pipe"], 2),
        (&["scan", "--no-store", "--from", "pipe"], 2),
        (&["scan", "--no-store", "--evidence-file", "pipe", reached[0], reached[1]], 2),
        (&["scan", "--no-store", "--config", "pipe", reached[0], reached[1]], 2),
    ];
    for (words, code) in cases {
        let run = in_time(words);
        assert_eq!(run.code, code, "{words:?}: {run:#?}");
        assert!(run.stderr.contains("not a regular file"), "{words:?}: {run:#?}");
    }
    assert_eq!(stage.writes(), []);
}
