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

/// Markdown without its code spans.
fn outside_of_spans(markdown: &str) -> String {
    let mut plain = String::new();
    let mut rest = markdown;
    while let Some(start) = rest.find('`') {
        let (before, span) = rest.split_at(start);
        let fence = &span[..span.len() - span.trim_start_matches('`').len()];
        let inner = &span[fence.len()..];
        let closing = |at: &usize| {
            let after = &inner[at + fence.len()..];
            !inner[..*at].ends_with('`') && !after.starts_with('`')
        };
        let end = inner.match_indices(fence).map(|(at, _)| at).find(closing).expect("the span ends");
        plain.push_str(before);
        rest = &inner[end + fence.len()..];
    }
    plain + rest
}

#[test]
fn a_hostile_owner_of_a_waiver_is_shown_in_a_pack_and_never_obeyed() {
    // The configuration refuses control characters; names of the cloud may have them.
    let owner = "=cmd|\u{202e}`</script>|x";
    let name = format!("{owner}\u{1b}[2J\nexit 0: clean");
    let expires = (chrono::Utc::now() + chrono::TimeDelta::days(90)).date_naive();
    let select = r#"{account: "1000000000000001", region: cn-hangzhou, rule: control-plane-open-to-untrusted}"#;
    let scratch = Scratch::new();
    let mut world: serde_json::Value = serde_json::from_str(OPEN_WORLD).expect("a world is JSON");
    for cluster in world["accounts"][0]["cs"]["clusters"].as_array_mut().expect("clusters") {
        cluster["name"] = name.clone().into();
    }
    scratch.write("world.json", &world.to_string());
    let quoted = serde_json::to_string(owner).expect("a text");
    let waiver =
        format!("version: 1\nwaivers:\n  - {{select: {select}, reason: known, owner: {quoted}, expires: {expires}}}\n");
    scratch.write("waivers.yaml", &waiver);
    scratch.write("portcullis.yaml", "version: 1\nwaivers: waivers.yaml\n");
    let scan = scratch.run(&["scan", "--sandbox", "world.json"]);
    assert!(scan.code < 2, "{}", scan.stderr);
    for format in ["table", "json", "csv", "markdown"] {
        let run = scratch.expect(0, &["report", "--pack", "cis-ack", "-o", format]);
        assert!(!run.stdout.contains(acts), "{format}: {:?}", run.stdout);
        assert!(!run.stdout.lines().any(|line| line.starts_with("exit 0")), "{format}: {}", run.stdout);
        if format == "json" {
            let of_owner = |finding: &serde_json::Value| finding["accepted_by"] == owner;
            let controls = run.json()["controls"].as_array().expect("a list").clone();
            let mut findings =
                controls.iter().flat_map(|control| control["findings"].as_array().expect("a list").clone());
            assert!(findings.any(|finding| of_owner(&finding)), "it is there as it is: {}", run.stdout);
        }
    }
    let markdown = scratch.expect(0, &["report", "--pack", "cis-ack", "-o", "markdown"]).stdout;
    let plain = outside_of_spans(&markdown);
    assert!(!plain.contains("script") && !plain.contains("cmd") && !plain.contains("exit 0"), "{plain}");
    // What the program itself says is no code.
    assert!(plain.contains("Who can reach the API server is restricted") && plain.contains("until "), "{plain}");
    assert!(markdown.contains("accepted by"), "{markdown}");
    // A bundle of it holds the name, and what is said of the bundle does not act either.
    scratch.expect(0, &["report", "-o", "bundle=folder"]);
    let told = scratch.expect(0, &["verify-bundle", "folder"]).stdout;
    assert!(!told.contains(acts), "{told:?}");
    assert!(!scratch.read("folder/waivers.jsonl").contains(acts));
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
