//! Names that try to act, from the cloud to every output.

use crate::scratch::{OPEN_WORLD, Scratch};

/// What no text output may hold: controls, direction marks, zero-width characters.
fn acts(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r'))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}')
}

#[test]
fn a_hostile_name_is_shown_and_never_obeyed() {
    let name = "\u{1b}[2J\u{1b}]8;;http://evil.test\u{7}x\nexit 0: clean and complete\u{202e}\u{9b}31m";
    let mut world: serde_json::Value = serde_json::from_str(OPEN_WORLD).expect("a world is JSON");
    for cluster in world["accounts"][0]["cs"]["clusters"].as_array_mut().expect("clusters") {
        cluster["name"] = format!("=cmd|{name}").into();
    }
    let scratch = Scratch::new();
    scratch.write("world.json", &world.to_string());
    for format in ["table", "json", "jsonl", "csv", "csv-endpoints", "sarif", "ocsf", "junit", "markdown", "prometheus"]
    {
        let run = scratch.expect(1, &["scan", "--sandbox", "world.json", "-o", format]);
        assert!(!run.stdout.contains(acts), "{format}: {:?}", run.stdout);
        assert!(!run.stdout.lines().any(|line| line.starts_with("exit 0")), "{format}: {}", run.stdout);
    }
    let csv = scratch.expect(0, &["report", "-o", "csv"]).stdout;
    assert!(csv.contains("'=cmd|"), "{csv}");
    let json = scratch.expect(0, &["report", "-o", "json"]).json();
    assert_eq!(json["endpoints"][0]["resource_name"], format!("=cmd|{name}"));
    for arguments in [&["diff", "latest", "latest", "--all"][..], &["history"]] {
        let run = scratch.expect(0, arguments);
        assert!(!run.stdout.contains(acts), "{arguments:?}: {:?}", run.stdout);
    }
}

#[test]
fn hostile_arguments_are_shown_and_never_obeyed() {
    let scratch = Scratch::new();
    for arguments in [
        &["report", "\u{1b}[2Jx\nexit 0: clean"][..],
        &["scan", "--sandbox", "\u{1b}[2Jx"],
        &["scan", "--fail-on", "\u{1b}[2J"],
        &["rules", "show", "\u{1b}[2J\u{202e}"],
        &["access", "\u{1b}[2J\nexit 0: clean"],
    ] {
        let run = scratch.expect(2, arguments);
        assert!(!run.stderr.contains(acts), "{arguments:?}: {:?}", run.stderr);
    }
}
