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

fn lines(scratch: &Scratch, name: &str) -> Vec<Value> {
    scratch.read(name).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn a_bundle_holds_the_run_and_says_what_it_proves() {
    let scratch = with_key();
    scratch.expect(1, &["scan", "--sandbox", "world.json", "-o", "bundle=first", "-o", "json=report.json"]);
    let report: Value = serde_json::from_str(&scratch.read("report.json")).expect("JSON");
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
    for file in ["manifest.dsse.json", "findings.jsonl", "replies.jsonl", "report.json"] {
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
