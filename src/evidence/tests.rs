//! Whatever is changed in a bundle shows, and a bundle that was not changed holds.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use super::{
    DIGEST, FIRST_MEMBERS, Facts, Found, JOURNAL, Journal, Link, MANIFEST, MEMBERS, Mark, Sealed, Slice, Span, VIEWS,
    link, verify, write,
};
use crate::{
    seal::{PublicKey, SigningKey},
    store::{SqliteStore, Store as _},
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

/// Three more entries whenever somebody looks anew, none of which is about anybody else.
fn cut_journal(span: &Span) -> Slice {
    let after = &span.after;
    let end = || Mark { number: after.number + 3, chain: format!("{:064}", after.number + 3) };
    let through = span.until.clone().unwrap_or_else(end);
    let journal = Journal { after: after.clone(), found: Found::Held { through, entries: 3, others: 0 } };
    let lines: String = (1..=3).map(|line| format!("{{\"number\":{}}}\n", after.number + line)).collect();
    Slice { journal, lines: lines.into_bytes() }
}

fn make(folder: &Path, run_id: &str, key: Option<&SigningKey>, at: Option<&Link>) {
    let mut place = |seal: &mut dyn FnMut(Option<&Link>, &Span) -> Sealed| Ok(seal(at, &Span::whole()));
    write(folder, &facts(run_id), key, &mut member, &mut cut_journal, &mut place).expect("a bundle");
}

fn problems(folder: &Path, keys: &[PublicKey]) -> Vec<String> {
    verify(folder, keys).problems
}

/// Changes bytes of a file of a bundle, those whose place is picked.
fn change_bytes(folder: &Path, keys: &[PublicKey], file: &str, picked: impl Fn(usize) -> bool) {
    let path = folder.join(file);
    let whole = fs::read(&path).expect("it is there");
    for at in (0..whole.len()).filter(|at| picked(*at)) {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at / 2 % 8);
        fs::write(&path, changed).expect("it is ours");
        assert!(!problems(folder, keys).is_empty(), "{file} byte {at}");
    }
    fs::write(&path, whole).expect("it is ours");
}

#[test]
fn every_changed_byte_shows_whether_it_is_signed_or_not() {
    let scratch = tempfile::tempdir().expect("a folder");
    let (key, _) = SigningKey::generate().expect("a key");
    let keys = [key.public_key()];
    let at = Link { sequence: 2, previous: Some("sha256:3".to_owned()), previous_run: Some("r1".to_owned()) };
    let (signed, unsigned) = (scratch.path().join("signed"), scratch.path().join("unsigned"));
    make(&signed, "r2", Some(&key), Some(&at));
    make(&unsigned, "r2", None, Some(&at));
    let payload = fs::read(unsigned.join(MANIFEST)).expect("it is there").len();
    assert_eq!((problems(&signed, &keys), problems(&unsigned, &[])), (vec![], vec![]));
    // An envelope is long, and the same in both up to its signature: each looks at every other byte of it. No signature
    // covers the files themselves.
    std::thread::scope(|scope| {
        scope.spawn(|| change_bytes(&signed, &keys, MANIFEST, |at| at % 2 == 0 || at + 16 > payload));
        change_bytes(&unsigned, &[], MANIFEST, |at| at % 2 == 1 || at + 16 > payload);
        MEMBERS.into_iter().chain([DIGEST]).for_each(|file| change_bytes(&unsigned, &[], file, |_| true));
    });
    assert_eq!((problems(&signed, &keys), problems(&unsigned, &[])), (vec![], vec![]));
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
    let mut place = |seal: &mut dyn FnMut(Option<&Link>, &Span) -> Sealed| Ok(seal(None, &Span::whole()));
    assert!(write(&folder, &facts("r2"), None, &mut member, &mut cut_journal, &mut place).is_err());
    assert_eq!(verify(&folder, &[]).manifest.expect("a manifest").facts.run_id, "r1");
    let empty = scratch.path().join("empty");
    fs::create_dir(&empty).expect("a folder");
    make(&empty, "r2", None, None);
    assert_eq!(problems(&empty, &[]), [""; 0]);
    let failing = scratch.path().join("failing");
    let mut broken = |_: &str, _: &mut dyn Write| Err(io::Error::other("disk full"));
    assert!(write(&failing, &facts("r3"), None, &mut broken, &mut cut_journal, &mut place).is_err());
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
        let mut seal = |at: &Link, span: &Span| {
            given = Some(at.clone());
            let slice = cut_journal(span);
            Sealed { envelope: format!("{run} {at:?} {slice:?}").into_bytes(), slice }
        };
        let made = link(&mut store, accounts, run, now, &mut seal).expect("a store").expect("nobody else writes");
        links.push(given.expect("it was sealed"));
        super::digest(&made.envelope)
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

/// A store, and a folder for bundles.
struct Shelf {
    folder: tempfile::TempDir,
    store: SqliteStore,
}

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(&folder.path().join("runs.db")).expect("a store");
        Self { folder, store }
    }

    /// The bundle of a run, whose views look like this and whose journal is found so. It holds.
    fn bundle(&mut self, name: &str, run_id: &str, look: &str, cut: &dyn Fn(&Span) -> Slice) -> super::Verified {
        let folder = self.folder.path().join(name);
        let facts = facts(run_id);
        let mut member = |name: &str, out: &mut dyn Write| match VIEWS.contains(&name) {
            true => writeln!(out, "{name} {look}"),
            false => member(name, out),
        };
        let mut place = |seal: &mut dyn FnMut(Option<&Link>, &Span) -> Sealed| {
            let mut make = |at: &Link, span: &Span| seal(Some(at), span);
            let now = chrono::DateTime::UNIX_EPOCH;
            let linked = link(&mut self.store, &facts.accounts, run_id, now, &mut make);
            Ok(linked.expect("a store").expect("nobody else writes"))
        };
        write(&folder, &facts, None, &mut member, &mut |span| cut(span), &mut place).expect("a bundle");
        let verified = verify(&folder, &[]);
        assert_eq!(verified.problems, [""; 0], "{name}");
        verified
    }
}

fn link_of(verified: &super::Verified) -> Link {
    verified.manifest.clone().and_then(|manifest| manifest.link).expect("a place")
}

#[test]
fn a_run_that_is_rendered_differently_now_makes_a_bundle_that_fits_its_own_files() {
    let mut shelf = Shelf::new();
    let old = shelf.bundle("old", "r1", "old", &cut_journal);
    let next = shelf.bundle("next", "r2", "old", &cut_journal);
    let new = shelf.bundle("new", "r1", "new", &cut_journal);
    assert_ne!(new.digest, old.digest);
    assert_eq!(link_of(&new).sequence, 3, "it is another bundle, and has a place of its own");
    assert_eq!(link_of(&new).previous, Some(next.digest));
    // Each is made again, to the byte, by who renders it as it was then.
    for (name, look, made) in [("new again", "new", &new), ("old again", "old", &old)] {
        assert_eq!(shelf.bundle(name, "r1", look, &cut_journal).digest, made.digest, "{name}");
    }
}

#[test]
fn what_no_bundle_holds_of_the_journal_is_in_the_next_one() {
    let mut shelf = Shelf::new();
    let unread = |span: &Span| Slice {
        journal: Journal { after: span.after.clone(), found: Found::Unreadable { why: "damaged".to_owned() } },
        lines: Vec::new(),
    };
    let journal = |verified: &super::Verified| verified.manifest.clone().and_then(|manifest| manifest.journal);
    let first = shelf.bundle("first", "r1", "", &cut_journal);
    assert_eq!(journal(&first).map(|journal| journal.after), Some(Mark::start()));
    let end = journal(&first).map(|journal| journal.end().clone());
    // Where nothing could be read, the place is kept for the next one.
    let second = shelf.bundle("second", "r2", "", &unread);
    assert_eq!(journal(&second).map(|journal| journal.end().clone()), end);
    let third = shelf.bundle("third", "r3", "", &cut_journal);
    assert_eq!(journal(&third).map(|journal| journal.after), end);
    // The journal can be read again: the run that could not tell of it makes another bundle, behind all others.
    let again = shelf.bundle("again", "r2", "", &cut_journal);
    assert_eq!(link_of(&again).sequence, 4);
    assert_eq!(journal(&again).map(|journal| journal.after), journal(&third).map(|journal| journal.end().clone()));
}

#[test]
fn a_bundle_follows_one_of_the_first_version() {
    let mut shelf = Shelf::new();
    let stream = format!("evidence/{}", super::digest(facts("r1").accounts.join("\n").as_bytes()));
    let now = chrono::DateTime::UNIX_EPOCH;
    let lease = shelf.store.acquire_lease(&stream, "r1", std::time::Duration::from_secs(9), now).expect("a store");
    let crate::store::Acquired::Ours(lease) = lease else { panic!("nobody else holds it") };
    let kept = br#"{"run_id":"r1","link":{"sequence":1,"previous":null,"previous_run":null},"manifest":"sha256:1"}"#;
    shelf.store.append_record(&stream, lease.epoch, 1, kept).expect("a store");
    shelf.store.release_lease(&lease).expect("a store");
    let next = shelf.bundle("next", "r2", "", &cut_journal);
    assert_eq!(link_of(&next).sequence, 2);
    assert_eq!(link_of(&next).previous.as_deref(), Some("sha256:1"));
    let journal = next.manifest.and_then(|manifest| manifest.journal).expect("it holds one");
    assert_eq!(journal.after, Mark::start(), "no bundle before holds anything of the journal");
}

/// The statement of a bundle as the first version wrote it, of the files that `member` makes.
const FIRST_STATEMENT: &str = concat!(
    r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"findings.jsonl","#,
    r#""digest":{"sha256":"8b12630afcbeef86b2d3790f245d42aef653b7d7dbbcab8f1f4113f07f286b61"}},"#,
    r#"{"name":"inventory.jsonl","#,
    r#""digest":{"sha256":"f2fe5a79a356b844cc0cee542d8826fa9882a62738ae9085359d79b1f10b7b7a"}},"#,
    r#"{"name":"ledger.jsonl","#,
    r#""digest":{"sha256":"1caaa856c9d5436dda0ee70232e7c1cc4170e7111093c23ba5061bb824bf7865"}},"#,
    r#"{"name":"policy.json","#,
    r#""digest":{"sha256":"56f9ee335c211e336ddb3f5163c0208f37cf28ed47ff078d3adfae8172c273b7"}},"#,
    r#"{"name":"waivers.jsonl","#,
    r#""digest":{"sha256":"0fd8eb95b25191769dbffc7e0c2f3d5f61285e825191a7be3435e95d32894f97"}},"#,
    r#"{"name":"replies.jsonl","#,
    r#""digest":{"sha256":"6110ede7b7ea503fc45df3ee742c87e36a530abfe067d8dace9f443d360d8db4"}},"#,
    r#"{"name":"report.json","#,
    r#""digest":{"sha256":"ed8989d6013bddcad8183585e514a47cb898f18af55fff55a4dedbd7651fcade"}}],"#,
    r#""predicateType":"urn:portcullis:evidence:v1","predicate":{"run":{"run_id":"r1","#,
    r#""started_at":"2026-11-20T06:00:00Z","finished_at":"2026-11-20T06:00:01Z","#,
    r#""tool_version":"0.0.0","verdict":"fail","exit_code":4,"interrupted":false,"#,
    r#""accounts":["1000000000000001"],"callers":["acs:ram::1000000000000001:user/audit"],"#,
    r#""coverage_complete":false,"planned":3,"scanned":2,"snapshot_digest":"sha256:1","#,
    r#""rules_digest":"sha256:2"},"members":[{"name":"findings.jsonl","bytes":105,"lines":3,"#,
    r#""sha256":"8b12630afcbeef86b2d3790f245d42aef653b7d7dbbcab8f1f4113f07f286b61"},"#,
    r#"{"name":"inventory.jsonl","bytes":108,"lines":3,"#,
    r#""sha256":"f2fe5a79a356b844cc0cee542d8826fa9882a62738ae9085359d79b1f10b7b7a"},"#,
    r#"{"name":"ledger.jsonl","bytes":99,"lines":3,"#,
    r#""sha256":"1caaa856c9d5436dda0ee70232e7c1cc4170e7111093c23ba5061bb824bf7865"},"#,
    r#"{"name":"policy.json","bytes":96,"lines":3,"#,
    r#""sha256":"56f9ee335c211e336ddb3f5163c0208f37cf28ed47ff078d3adfae8172c273b7"},"#,
    r#"{"name":"waivers.jsonl","bytes":102,"lines":3,"#,
    r#""sha256":"0fd8eb95b25191769dbffc7e0c2f3d5f61285e825191a7be3435e95d32894f97"},"#,
    r#"{"name":"replies.jsonl","bytes":102,"lines":3,"#,
    r#""sha256":"6110ede7b7ea503fc45df3ee742c87e36a530abfe067d8dace9f443d360d8db4"},"#,
    r#"{"name":"report.json","bytes":96,"lines":3,"#,
    r#""sha256":"ed8989d6013bddcad8183585e514a47cb898f18af55fff55a4dedbd7651fcade"}],"#,
    r#""link":{"sequence":1,"previous":null,"previous_run":null}}}"#,
);

/// A bundle of the first version.
fn first_bundle(folder: &Path, statement: &str) {
    fs::create_dir(folder).expect("a folder");
    for name in FIRST_MEMBERS {
        let mut content = Vec::new();
        member(name, &mut content).expect("memory takes it");
        fs::write(folder.join(name), content).expect("it is ours");
    }
    let envelope = crate::seal::Envelope::new(super::PAYLOAD_TYPE, statement.as_bytes().to_vec()).to_json();
    fs::write(folder.join(MANIFEST), &envelope).expect("it is ours");
    fs::write(folder.join(DIGEST), write::digest_line(envelope.as_bytes())).expect("it is ours");
}

#[test]
fn bundles_of_the_first_version_hold_still() {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join("first");
    first_bundle(&folder, FIRST_STATEMENT);
    let verified = verify(&folder, &[]);
    assert_eq!(verified.problems, [""; 0]);
    assert!(verified.manifest.is_some_and(|manifest| manifest.journal.is_none()));
    // They have no other files, and all of their own.
    for name in VIEWS.into_iter().chain([JOURNAL]) {
        fs::write(folder.join(name), "").expect("it is ours");
        assert!(problems(&folder, &[]).iter().any(|problem| problem.contains(name)), "{name}");
        fs::remove_file(folder.join(name)).expect("it is ours");
    }
    fs::remove_file(folder.join("policy.json")).expect("it is ours");
    assert!(problems(&folder, &[]).iter().any(|problem| problem.contains("policy.json")));
}

#[test]
fn a_manifest_names_all_files_of_its_version() {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join("bundle");
    make(&folder, "r1", None, None);
    let whole = verify(&folder, &[]).manifest.expect("a manifest");
    for name in MEMBERS {
        let mut manifest = whole.clone();
        manifest.members.retain(|member| member.name != name);
        let (lacking, text) = (scratch.path().join(name), String::from_utf8(manifest.to_json()).expect("JSON"));
        first_bundle(&lacking, &text);
        assert!(problems(&lacking, &[]).iter().any(|problem| problem.contains("does not name the files")), "{name}");
    }
    // Whoever takes away what the first version did not have makes it none of the first version.
    let mut without = whole.clone();
    without.members.retain(|member| FIRST_MEMBERS.contains(&member.name.as_str()));
    let text = String::from_utf8(without.to_json()).expect("JSON");
    for (name, text) in [("v2", text.clone()), ("v1", text.replace("evidence:v2", "evidence:v1"))] {
        let folder = scratch.path().join(name);
        first_bundle(&folder, &text);
        assert!(!problems(&folder, &[]).is_empty(), "{name}");
    }
    let of_the_first = FIRST_STATEMENT.replace("evidence:v1", "evidence:v2");
    let folder = scratch.path().join("relabelled");
    first_bundle(&folder, &of_the_first);
    assert!(problems(&folder, &[]).iter().any(|problem| problem.contains("no manifest that this version knows")));
}
