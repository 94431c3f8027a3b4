//! Whatever is changed in a bundle shows, and a bundle that was not changed holds.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use super::{DIGEST, Facts, Link, MANIFEST, MEMBERS, link, verify, write};
use crate::{
    seal::{PublicKey, SigningKey},
    store::SqliteStore,
};

fn facts(run_id: &str) -> Facts {
    Facts {
        run_id: run_id.to_owned(),
        started_at: "2026-11-20T06:00:00Z".to_owned(),
        finished_at: "2026-11-20T06:00:01Z".to_owned(),
        tool_version: "0.0.0".to_owned(),
        verdict: "fail".to_owned(),
        exit_code: 4,
        interrupted: false,
        accounts: vec!["1000000000000001".to_owned()],
        callers: vec!["acs:ram::1000000000000001:user/audit".to_owned()],
        coverage_complete: false,
        planned: 3,
        scanned: 2,
        snapshot_digest: "sha256:1".to_owned(),
        rules_digest: "sha256:2".to_owned(),
        allowlist: None,
        tool_digest: None,
        clock_offset_ms: None,
    }
}

/// Three lines a file, each of its own.
fn member(name: &str, out: &mut dyn Write) -> io::Result<()> {
    (0..3).try_for_each(|line| writeln!(out, "{{\"file\":\"{name}\",\"line\":{line}}}"))
}

fn make(folder: &Path, run_id: &str, key: Option<&SigningKey>, at: Option<&Link>) {
    let mut place = |seal: &mut dyn FnMut(Option<&Link>) -> Vec<u8>| Ok(seal(at));
    write(folder, &facts(run_id), key, &mut member, &mut place).expect("a bundle");
}

fn problems(folder: &Path, keys: &[PublicKey]) -> Vec<String> {
    verify(folder, keys).problems
}

#[test]
fn every_changed_byte_shows_whether_it_is_signed_or_not() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (key, _) = SigningKey::generate().expect("a key");
    for (name, signer) in [("signed", Some(&key)), ("unsigned", None)] {
        let folder = scratch.path().join(name);
        let at = Link { sequence: 2, previous: Some("sha256:3".to_owned()), previous_run: Some("r1".to_owned()) };
        make(&folder, "r2", signer, Some(&at));
        let keys: Vec<PublicKey> = signer.iter().map(|key| key.public_key()).collect();
        assert_eq!(problems(&folder, &keys), [""; 0]);
        for file in MEMBERS.into_iter().chain([MANIFEST, DIGEST]) {
            let path = folder.join(file);
            let whole = fs::read(&path).expect("it is there");
            for at in 0..whole.len() {
                let mut changed = whole.clone();
                changed[at] ^= 1 << (at % 8);
                fs::write(&path, changed).expect("it is ours");
                assert!(!problems(&folder, &keys).is_empty(), "{name} {file} byte {at}");
            }
            fs::write(&path, whole).expect("it is ours");
        }
        assert_eq!(problems(&folder, &keys), [""; 0]);
    }
}

#[test]
fn a_line_that_is_dropped_moved_or_added_shows() {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join("bundle");
    make(&folder, "r1", None, None);
    for file in MEMBERS {
        let path = folder.join(file);
        let whole = fs::read_to_string(&path).expect("it is there");
        let lines: Vec<&str> = whole.split_inclusive('\n').collect();
        let spoilt = [
            lines[1..].concat(),
            lines[..2].concat(),
            [lines[1], lines[0], lines[2]].concat(),
            [whole.as_str(), lines[0]].concat(),
            String::new(),
        ];
        for text in spoilt {
            fs::write(&path, text).expect("it is ours");
            assert!(problems(&folder, &[]).iter().any(|problem| problem.contains(file)), "{file}");
        }
        fs::remove_file(&path).expect("it is ours");
        assert!(problems(&folder, &[]).iter().any(|problem| problem.contains(file)), "{file} is gone");
        fs::write(&path, whole).expect("it is ours");
    }
    fs::write(folder.join("more.jsonl"), "").expect("it is ours");
    assert!(problems(&folder, &[]).iter().any(|problem| problem.contains("more.jsonl")));
}

#[test]
fn who_forges_a_bundle_has_no_key_for_it() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (ours, _) = SigningKey::generate().expect("a key");
    let (theirs, _) = SigningKey::generate().expect("a key");
    for (name, key) in [("theirs", Some(&theirs)), ("nobody's", None)] {
        let folder = scratch.path().join(name);
        make(&folder, "r1", key, None);
        assert_eq!(problems(&folder, &[]), [""; 0], "nobody is believed, so only damage would show");
        assert!(verify(&folder, &[]).signers.is_empty(), "and nothing is proven");
        assert_eq!(problems(&folder, &[ours.public_key()]).len(), 1);
    }
}

#[test]
fn a_signature_that_was_added_shows_to_who_believes_a_key() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (ours, _) = SigningKey::generate().expect("a key");
    let (theirs, _) = SigningKey::generate().expect("a key");
    let folder = scratch.path().join("bundle");
    make(&folder, "r1", Some(&ours), None);
    let whole = fs::read(folder.join(MANIFEST)).expect("it is there");
    let envelope: serde_json::Value = serde_json::from_slice(&whole).expect("JSON");
    let own = envelope["signatures"][0].clone();
    let of_theirs = serde_json::json!({"keyid": theirs.public_key().id().to_string(), "sig": own["sig"]});
    let of_nobody = serde_json::json!({"keyid": "", "sig": "AAAA"});
    let no_base64 = serde_json::json!({"keyid": own["keyid"], "sig": "?"});
    for added in [of_theirs, of_nobody, no_base64, own.clone()] {
        for place in [0, 1] {
            // As the program writes it: payload type, payload, signatures, a line.
            let mut signatures = vec![own.clone()];
            signatures.insert(place, added.clone());
            let text = format!(
                "{{\"payloadType\":{},\"payload\":{},\"signatures\":[{}]}}\n",
                envelope["payloadType"],
                envelope["payload"],
                signatures
                    .iter()
                    .map(|one| format!("{{\"keyid\":{},\"sig\":{}}}", one["keyid"], one["sig"]))
                    .collect::<Vec<_>>()
                    .join(",")
            );
            fs::write(folder.join(MANIFEST), &text).expect("it is ours");
            fs::write(folder.join(DIGEST), write::digest_line(text.as_bytes())).expect("it is ours");
            let told = problems(&folder, &[ours.public_key()]);
            assert!(told.len() == 1 && told[0].contains("no believed key made"), "{added} at {place}: {told:?}");
        }
    }
    fs::write(folder.join(MANIFEST), &whole).expect("it is ours");
    fs::write(folder.join(DIGEST), write::digest_line(&whole)).expect("it is ours");
    assert_eq!(problems(&folder, &[theirs.public_key(), ours.public_key()]), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_link_to_elsewhere_is_not_followed() {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join("bundle");
    make(&folder, "r1", None, None);
    let (file, elsewhere) = (folder.join(MEMBERS[0]), scratch.path().join("elsewhere"));
    fs::rename(&file, &elsewhere).expect("it is ours");
    std::os::unix::fs::symlink(&elsewhere, &file).expect("a link");
    assert!(problems(&folder, &[]).iter().any(|problem| problem.contains("no regular file")));
}

#[test]
fn what_is_there_is_never_overwritten() {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join("bundle");
    make(&folder, "r1", None, None);
    let mut place = |seal: &mut dyn FnMut(Option<&Link>) -> Vec<u8>| Ok(seal(None));
    assert!(write(&folder, &facts("r2"), None, &mut member, &mut place).is_err());
    assert_eq!(verify(&folder, &[]).manifest.expect("a manifest").facts.run_id, "r1");
    let empty = scratch.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    make(&empty, "r2", None, None);
    assert_eq!(problems(&empty, &[]), [""; 0]);
    let failing = scratch.path().join("failing");
    let mut broken = |_: &str, _: &mut dyn Write| Err(io::Error::other("disk full"));
    assert!(write(&failing, &facts("r3"), None, &mut broken, &mut place).is_err());
    assert_eq!(fs::read_dir(scratch.path()).expect("it reads").count(), 2, "no debris");
}

#[test]
fn each_bundle_knows_the_one_before_it_and_the_same_one_keeps_its_place() {
    let scratch = tempfile::tempdir().expect("a folder");
    let mut store = SqliteStore::open(&scratch.path().join("runs.db")).expect("a store");
    let accounts = ["1".to_owned()];
    let now = chrono::DateTime::UNIX_EPOCH;
    let mut links = Vec::new();
    let mut bundle = |accounts: &[String], run: &str| {
        let mut given = None;
        let mut seal = |at: &Link| {
            given = Some(at.clone());
            format!("{run} {at:?}").into_bytes()
        };
        let made = link(&mut store, accounts, run, now, &mut seal).expect("a store").expect("nobody else writes");
        links.push(given.expect("it was sealed"));
        super::digest(&made)
    };
    let first = bundle(&accounts, "r1");
    let second = bundle(&accounts, "r2");
    assert_eq!(bundle(&accounts, "r1"), first, "the same run has the place that it had");
    let third = bundle(&accounts, "r3");
    bundle(&["2".to_owned()], "r4");
    assert_ne!(second, third);
    let places: Vec<(u64, Option<String>)> = links.into_iter().map(|at| (at.sequence, at.previous)).collect();
    let expected = [(1, None), (2, Some(first)), (1, None), (3, Some(second)), (1, None)];
    assert_eq!(places, expected);
}
