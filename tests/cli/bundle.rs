//! Bundles of evidence, from a scan to what an auditor is told.

use serde_json::Value;

use crate::scratch::{OPEN_WORLD, Scratch};

/// An Ed25519 key in PEM, and its public half: RFC 8032, section 7.1, test 3.
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIMWqjfQ/n4N77bdELzHct7Fm04U1B28JS4XOOi4LRFj3\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "ed25519:/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=";

fn with_key() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    let key = scratch.write("key.pem", KEY);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    }
    let _ = key;
    scratch.write("portcullis.yaml", "version: 1\nevidence: {signing_key: key.pem}\n");
    scratch
}

/// The statement in a bundle's envelope.
fn manifest(scratch: &Scratch, folder: &str) -> Value {
    let envelope: Value = serde_json::from_str(&scratch.read(&format!("{folder}/manifest.dsse.json"))).expect("JSON");
    let payload =
        data_encoding::BASE64.decode(envelope["payload"].as_str().expect("a text").as_bytes()).expect("base64");
    serde_json::from_slice(&payload).expect("JSON")
}

fn lines(scratch: &Scratch, name: &str) -> Vec<Value> {
    scratch.read(name).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_bundle_holds_the_run_and_says_what_it_proves() {
    let scratch = with_key();
    scratch.expect(1, &["scan", "--sandbox", "world.json", "-o", "bundle=first", "-o", "json=report.json"]);
    let report: Value = crate::scratch::report(&scratch.read("report.json"));
    assert_eq!(lines(&scratch, "first/findings.jsonl"), *report["findings"].as_array().expect("a list"));
    assert_eq!(lines(&scratch, "first/inventory.jsonl"), *report["endpoints"].as_array().expect("a list"));
    let planned = report["coverage"]["planned"].as_u64().expect("a number");
    assert_eq!(lines(&scratch, "first/ledger.jsonl").len() as u64, planned);
    // Every call of the API had a reply, and each reply is there with its digest.
    let replies = lines(&scratch, "first/replies.jsonl");
    assert_eq!(replies.len() as u64, report["run"]["api_calls"].as_u64().expect("a number"));
    for reply in &replies {
        let sha256 = reply["sha256"].as_str().expect("a word");
        assert!(sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit()), "{reply}");
        assert!(reply["bytes"].as_u64() > Some(0), "{reply}");
    }
    // Some operations of Container Service give their replies no id.
    assert!(replies.iter().any(|reply| reply["request_id"].as_str().is_some_and(|id| !id.is_empty())));
    let told = scratch.expect(0, &["verify-bundle", "first", "--key", PUBLIC]).stdout;
    for words in
        ["every byte is as it was written", "made it", "it is the first bundle", "that the cloud told the truth"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    let unbelieved = scratch.expect(0, &["verify-bundle", "first"]).stdout;
    assert!(unbelieved.contains("not proven  who made it"), "{unbelieved}");
    // The views are those of the same report, and named as no more than that.
    for (view, format) in [("findings.csv", "csv"), ("endpoints.csv", "csv-endpoints")] {
        let shown = scratch.expect(0, &["report", "latest", "-o", format]).stdout;
        assert_eq!(scratch.read(&format!("first/{view}")), shown, "{view}");
    }
    let run = report["run"]["id"].as_str().expect("an id");
    assert!(scratch.read("first/report.html").contains(run));
    assert!(told.contains("not proven  that report.html, findings.csv, endpoints.csv show all"), "{told}");
    assert!(told.contains("holds no journal entries: there was no journal"), "{told}");
    assert!(told.contains("not proven  that nothing else was changed"), "{told}");
    assert_eq!(scratch.read("first/journal.jsonl"), "");
    // Which program it was, and how far its clock was from the cloud's; the simulated cloud has the clock of this host.
    let manifest = manifest(&scratch, "first");
    let tool = manifest["predicate"]["run"]["tool_digest"].as_str().expect("a word");
    assert!(tool.starts_with("sha256:") && tool.len() == 71, "{tool}");
    let offset = manifest["predicate"]["run"]["clock_offset_ms"].as_i64().expect("a number");
    assert!(offset.abs() < 60_000, "{offset}");
    let other = "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let refused = scratch.expect(11, &["verify-bundle", "first", "--key", other]);
    assert!(refused.stdout.contains("no believed key signed it"), "{}", refused.stdout);
}

#[test]
fn bundles_follow_one_another_and_a_missing_one_shows() {
    let scratch = with_key();
    for name in ["one", "two", "three"] {
        scratch.expect(1, &["scan", "--sandbox", "world.json", "-o", &format!("bundle={name}")]);
    }
    let check =
        |code, folders: &[&str]| scratch.expect(code, &[&["verify-bundle", "--key", PUBLIC], folders].concat()).stdout;
    assert!(check(0, &["one", "two", "three"]).contains("number 3 follows the bundle before"));
    assert!(check(11, &["one", "three"]).contains("does not follow"));
    assert!(check(11, &["two", "one"]).contains("does not follow"));
    // The same run again is the same bundle, to the byte.
    scratch.expect(0, &["report", "latest", "-o", "bundle=again"]);
    let files = std::fs::read_dir(scratch.path("three")).expect("a folder");
    let files: Vec<String> =
        files.map(|file| file.expect("a file").file_name().into_string().expect("UTF-8")).collect();
    assert_eq!(files.len(), 13, "{files:?}");
    for file in files {
        assert_eq!(scratch.read(&format!("again/{file}")), scratch.read(&format!("three/{file}")), "{file}");
    }
}

#[test]
fn a_changed_bundle_is_11_and_an_unsigned_one_says_so() {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    let run = scratch.expect(1, &["scan", "--sandbox", "world.json", "--no-store", "-o", "bundle=folder"]);
    assert!(run.stderr.contains("will not be signed"), "{}", run.stderr);
    let told = scratch.expect(0, &["verify-bundle", "folder"]).stdout;
    assert!(told.contains("it is not signed") && told.contains("made without a store"), "{told}");
    assert!(!proves_something(&told) && told.contains("  consistent  every byte fits the manifest"), "{told}");
    scratch.expect(11, &["verify-bundle", "folder", "--key", PUBLIC]);
    // Evidence is never overwritten, and that is found out before anything is read.
    let again = scratch.expect(11, &["scan", "--sandbox", "world.json", "--no-store", "-o", "bundle=folder"]);
    assert!(again.stderr.contains("never overwritten"), "{}", again.stderr);
    let findings = scratch.read("folder/findings.jsonl").replacen("critical", "info", 1);
    scratch.write("folder/findings.jsonl", &findings);
    let spoilt = scratch.expect(11, &["verify-bundle", "folder"]);
    assert!(spoilt.stdout.contains("WRONG       findings.jsonl"), "{}", spoilt.stdout);
    scratch.expect(2, &["scan", "--sandbox", "world.json", "-o", "bundle"]);
    scratch.expect(11, &["verify-bundle", "nowhere"]);
}

#[test]
fn nothing_is_said_of_a_signature_that_could_not_be_read() {
    let scratch = with_key();
    scratch.expect(1, &["scan", "--sandbox", "world.json", "-o", "bundle=whole"]);
    let signed = scratch.read("whole/manifest.dsse.json");
    for (name, manifest) in [
        ("empty", None),
        ("torn", Some(signed[..signed.len() / 2].to_owned())),
        ("garbage", Some("{\"signatures\":[]}\n".to_owned())),
        ("rewritten", Some(signed.replacen(':', ": ", 1))),
        ("another thing", Some(signed.replacen("\"payload\":\"ey", "\"payload\":\"fX", 1))),
    ] {
        std::fs::create_dir(scratch.path(name)).expect("a folder");
        if let Some(text) = manifest {
            scratch.write(&format!("{name}/manifest.dsse.json"), &text);
        }
        for key in [&[][..], &["--key", PUBLIC]] {
            let told = scratch.expect(11, &[&["verify-bundle", name], key].concat()).stdout;
            assert!(told.contains("  WRONG       manifest.dsse.json"), "{name}: {told}");
            assert!(!told.contains("is signed"), "{name}: {told}");
            assert!(told.contains("not proven  who made it: its manifest could not be read"), "{name}: {told}");
        }
    }
    let nowhere = scratch.expect(11, &["verify-bundle", "nowhere"]).stdout;
    assert!(!nowhere.contains("is signed") && nowhere.contains("who made it: its manifest"), "{nowhere}");
}

#[test]
fn a_journal_that_cannot_be_read_is_told_of() {
    let scratch = with_key();
    let configuration = scratch.read("portcullis.yaml") + "remediation: {lease: {journal: host.journal}}\n";
    scratch.write("portcullis.yaml", &configuration);
    scratch.write("host.journal", "this is no journal");
    let scan = scratch.expect(1, &["scan", "--sandbox", "world.json", "-o", "bundle=one"]);
    assert!(scan.stderr.contains("the bundle holds no journal entries, and says so"), "{}", scan.stderr);
    assert_eq!(scratch.read("one/journal.jsonl"), "");
    let told = scratch.expect(0, &["verify-bundle", "one", "--key", PUBLIC]).stdout;
    assert!(
        told.contains("not proven  what was changed") && told.contains("could not be read (this is no journal"),
        "{told}"
    );
    let found = &manifest(&scratch, "one")["predicate"]["journal"]["found"];
    let why = found["unreadable"]["why"].as_str().expect("a reason");
    assert!(!why.contains("host.journal"), "nobody else need know where it is: {why}");
    // One that is there and empty is not one that is not there.
    scratch.write("host.journal", "");
    scratch.expect(1, &["scan", "--sandbox", "world.json", "-o", "bundle=two"]);
    let told = scratch.expect(0, &["verify-bundle", "one", "two", "--key", PUBLIC]).stdout;
    assert!(told.contains("it holds no journal entries: behind number 0 there was none"), "{told}");
}

/// True if some line says that something is proven.
fn proves_something(told: &str) -> bool {
    told.lines().any(|line| line.trim_start().starts_with("proven"))
}

#[test]
fn nothing_is_proven_to_who_believes_no_key() {
    let scratch = with_key();
    for name in ["one", "two"] {
        scratch.expect(1, &["scan", "--sandbox", "world.json", "-o", &format!("bundle={name}")]);
    }
    let told = scratch.expect(0, &["verify-bundle", "one", "two"]).stdout;
    assert!(!proves_something(&told) && told.contains("consistent  number 2 follows"), "{told}");
    let believed = scratch.expect(0, &["verify-bundle", "one", "two", "--key", PUBLIC]).stdout;
    assert!(proves_something(&believed) && !believed.contains("consistent"), "{believed}");
    for told in [told, believed] {
        assert_eq!(told.matches("not proven  that no later bundle exists").count(), 2, "{told}");
    }
}

#[test]
fn a_bundle_holds_what_it_was_judged_by() {
    let scratch = with_key();
    scratch.write(
        "portcullis.yaml",
        "version: 1\n\
         evidence: {signing_key: key.pem}\n\
         trusted:\n\
         \x20 - {cidr: 203.0.113.0/24, name: head office, kinds: [istio-pilot], resources: [c08], regions: [cn-hangzhou]}\n\
         \x20 - {cidr: 192.0.2.0/25, name: old office, expires: 2020-01-01}\n\
         \x20 - 2001:db8:1::/48\n\
         consumers: {c1: [{name: ci runners, vpc_id: vpc-1}]}\n\
         rules: {disable: [control-plane-public-eip], severity: {exposure-signs-disagree: info}}\n\
         fail_on: high\n\
         waivers: waivers.yaml\n",
    );
    let expires = (chrono::Utc::now() + chrono::TimeDelta::days(90)).date_naive().to_string();
    scratch.write(
        "waivers.yaml",
        &format!(
            "version: 1\nwaivers:\n  - select: {{account: \"1000000000000009\", region: cn-hangzhou, kind: cluster, resource: c9, tag: {{env: dev}}}}\n    \
             only: {{port: 6443, cidrs: [198.18.0.0/15]}}\n    reason: nobody matches this\n    owner: team@example.com\n    ticket: CAB-1\n    expires: {expires}\n"
        ),
    );
    scratch.expect(1, &["scan", "--sandbox", "world.json", "--trusted", "198.51.100.0/24", "-o", "bundle=one"]);
    let policy = &lines(&scratch, "one/policy.json")[0];
    let blocks: Vec<&Value> =
        policy["allowlist"].as_array().expect("a list").iter().map(|entry| &entry["cidr"]).collect();
    for block in ["203.0.113.0/24", "192.0.2.0/25", "2001:db8:1::/48", "198.51.100.0/24"] {
        assert!(blocks.iter().any(|one| **one == block), "{block}: {policy}");
    }
    assert_eq!(blocks.len(), 4);
    let named = |name: &str| {
        let entries = policy["allowlist"].as_array().expect("a list");
        entries.iter().find(|entry| entry["name"] == name).expect("it is there").clone()
    };
    assert_eq!(named("head office")["kinds"], serde_json::json!(["istio-pilot"]));
    assert_eq!(named("head office")["resources"], serde_json::json!(["c08"]));
    assert_eq!(named("head office")["regions"], serde_json::json!(["cn-hangzhou"]));
    assert_eq!(named("old office")["expires"], "2020-01-01");
    assert_eq!(policy["consumers"]["c1"][0]["name"], "ci runners");
    assert_eq!(policy["disabled"], serde_json::json!(["control-plane-public-eip"]));
    assert_eq!(policy["severity"], serde_json::json!({"exposure-signs-disagree": "info"}));
    assert_eq!(policy["fail_on"], "high");
    // The entry of the file is there although it accepts nothing.
    let waivers = lines(&scratch, "one/waivers.jsonl");
    let entry = waivers.iter().find(|line| line["waiver"].is_string()).expect("the entry");
    assert_eq!(entry["select"]["resource"], "c9");
    assert_eq!(entry["select"]["tag"], serde_json::json!({"env": "dev"}));
    assert_eq!(entry["only"], serde_json::json!({"port": 6443, "cidrs": ["198.18.0.0/15"]}));
    assert_eq!((&entry["owner"], &entry["ticket"]), (&"team@example.com".into(), &"CAB-1".into()));
    assert_eq!(entry["expires"], expires.as_str());
    // Three entries are in force: 2 x 256 addresses of IPv4, and 2^80 of IPv6.
    let told = scratch.expect(0, &["verify-bundle", "one", "--key", PUBLIC]).stdout;
    let wide = "3 entries in force, 1 of them limited to some control planes, and trusted 512 IPv4 and \
                1208925819614629174706176 IPv6 addresses; 1 entries had expired";
    assert!(told.contains(wide), "{told}");
    // The policy is under the signature like everything else.
    let narrower = scratch.read("one/policy.json").replace("203.0.113.0/24", "203.0.113.0/32");
    scratch.write("one/policy.json", &narrower);
    let spoilt = scratch.expect(11, &["verify-bundle", "one", "--key", PUBLIC]);
    assert!(spoilt.stdout.contains("policy.json"), "{}", spoilt.stdout);
}
