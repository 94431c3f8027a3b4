//! The journal of a host: torn at any byte it goes on, damaged anywhere else nothing is written until it is repaired.

use std::fs;

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
