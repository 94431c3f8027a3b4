//! A bundle holds what is new of the journal and is about its accounts, and nothing of it can be changed without a trace.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::evidence::{Facts, Member};

const OURS: &str = "1000000000000001";
const OTHERS: &str = "1000000000000002";

fn entry(account: &str, name: &str) -> Vec<u8> {
    format!(r#"{{"row":"target/{account}/c1/pilot","epoch":1,"record":{{"{name}":{{"at":1}}}}}}"#).into_bytes()
}

/// A host with these entries in its journal.
struct Host {
    folder: TempDir,
    journal: local::LocalJournal,
}

impl Host {
    fn new(entries: &[Vec<u8>]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = local::LocalJournal::open(&folder.path().join("journal")).expect("a journal");
        let mut host = Self { folder, journal };
        host.append(entries);
        host
    }

    fn append(&mut self, entries: &[Vec<u8>]) {
        entries.iter().for_each(|entry| self.journal.append(entry).expect("it is durable"));
    }

    fn read(&self) -> HostJournal {
        HostJournal::read(Some(&self.folder.path().join("journal")))
    }

    fn slice(&self, after: &Mark, until: Option<&Mark>) -> Slice {
        self.read().slice(&[OURS.to_owned()], &Span { after: after.clone(), until: until.cloned() })
    }
}

fn lines(slice: &Slice) -> Vec<Line> {
    let text = std::str::from_utf8(&slice.lines).expect("JSON");
    text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect()
}

fn numbers(slice: &Slice) -> Vec<u64> {
    lines(slice).iter().map(|line| line.number).collect()
}

fn counts(slice: &Slice) -> (u64, u64, u64, u64) {
    let Found::Held { through, entries, others } = &slice.journal.found else { panic!("{:?}", slice.journal) };
    (slice.journal.after.number, through.number, *entries, *others)
}

/// Whether a folder with these lines is what the slice's manifest says.
fn checked(slice: &Slice, text: &[u8]) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(JOURNAL), text).expect("it is ours");
    let facts = Facts {
        run_id: String::new(),
        started_at: String::new(),
        finished_at: String::new(),
        tool_version: String::new(),
        verdict: String::new(),
        exit_code: 0,
        interrupted: false,
        accounts: Vec::new(),
        callers: Vec::new(),
        coverage_complete: true,
        planned: 0,
        scanned: 0,
        snapshot_digest: String::new(),
        rules_digest: String::new(),
        allowlist: None,
        tool_digest: None,
        clock_offset_ms: None,
    };
    let member = Member { name: JOURNAL.to_owned(), bytes: text.len() as u64, lines: 0, sha256: String::new() };
    let manifest = Manifest { facts, members: vec![member], link: None, journal: Some(slice.journal.clone()) };
    check(folder.path(), &manifest)
}

#[test]
fn a_slice_holds_what_is_new_and_about_its_accounts() {
    let mut host = Host::new(&[
        entry(OURS, "opened"),
        entry(OTHERS, "opened"),
        br#"{"row":"account/1000000000000001","record":{"began":{}}}"#.to_vec(),
        entry(OURS, "intent"),
    ]);
    let first = host.slice(&Mark::start(), None);
    assert_eq!((numbers(&first), counts(&first)), (vec![1, 3, 4], (0, 4, 3, 1)));
    assert_eq!(checked(&first, &first.lines), Ok(()));
    let end = first.journal.end().clone();
    // What is written later changes nothing of it where it is made again, and is in the next one.
    host.append(&[entry(OTHERS, "closed"), entry(OURS, "closed"), entry(OTHERS, "acknowledged")]);
    let again = host.slice(&Mark::start(), Some(&end));
    assert_eq!((&again.lines, &again.journal), (&first.lines, &first.journal));
    let next = host.slice(&end, None);
    assert_eq!((numbers(&next), counts(&next)), (vec![6], (4, 7, 1, 2)));
    assert_eq!(checked(&next, &next.lines), Ok(()));
    let nothing = host.slice(next.journal.end(), None);
    assert_eq!((numbers(&nothing), counts(&nothing)), (vec![], (7, 7, 0, 0)));
    assert_eq!((checked(&nothing, b""), nothing.journal.end()), (Ok(()), next.journal.end()));
}

#[test]
fn what_cannot_be_understood_is_not_left_out() {
    let strange = [&b"\xff\xfe"[..], b"", b"{}", br#"{"row":"target/somebody/x/y","record":{}}"#, b"[1]"];
    let entries = strange.map(<[u8]>::to_vec);
    let slice = Host::new(&entries).slice(&Mark::start(), None);
    assert_eq!((numbers(&slice), counts(&slice)), (vec![1, 2, 3, 4, 5], (0, 5, 5, 0)));
    assert_eq!(checked(&slice, &slice.lines), Ok(()));
    let held: Vec<Vec<u8>> = lines(&slice).iter().map(|line| line.payload.bytes().expect("bytes")).collect();
    assert_eq!(held, entries);
}

#[test]
fn behind_a_place_of_another_journal_everything_is_new() {
    let entries = [entry(OURS, "verified"), entry(OURS, "closed")];
    let (one, other) = (Host::new(&entries), Host::new(&[&entries[1..], &entries[..1]].concat()));
    let end = one.slice(&Mark::start(), None).journal.end().clone();
    assert_eq!(counts(&one.slice(&end, None)), (2, 2, 0, 0));
    let beyond = Mark { number: u64::MAX, ..end.clone() };
    for anew in [other.slice(&end, None), other.slice(&end, Some(&end)), one.slice(&beyond, Some(&beyond))] {
        assert_eq!(counts(&anew), (0, 2, 2, 0));
        assert_eq!(checked(&anew, &anew.lines), Ok(()));
    }
    // One that ends before it begins holds nothing.
    let begin = Mark { number: 1, chain: lines(&one.slice(&Mark::start(), None))[0].chain.clone() };
    assert_eq!(counts(&one.slice(&end, Some(&begin))), (2, 2, 0, 0));
}

#[test]
fn a_journal_that_cannot_be_read_is_not_one_that_is_not_there() {
    let host = Host::new(&[entry(OURS, "verified"), entry(OURS, "closed")]);
    let after = host.slice(&Mark::start(), None).journal.end().clone();
    let found = |journal: HostJournal| {
        let slice = journal.slice(&[OURS.to_owned()], &Span { after: after.clone(), until: None });
        assert_eq!((slice.journal.end(), slice.lines.len()), (&after, 0), "the place is kept for the next one");
        assert_eq!(checked(&slice, b""), Ok(()));
        assert!(checked(&slice, b"{}\n").is_err());
        slice.journal.found
    };
    assert_eq!(found(HostJournal::read(Some(&host.folder.path().join("nowhere")))), Found::Absent);
    let path = host.folder.path().join("journal");
    let mut bytes = fs::read(&path).expect("it is there");
    bytes[50] ^= 1;
    fs::write(&path, bytes).expect("it is ours");
    for journal in [host.read(), HostJournal::read(Some(host.folder.path())), HostJournal::read(None)] {
        let Found::Unreadable { why } = found(journal) else { panic!("it was read") };
        let folder = host.folder.path().to_string_lossy().into_owned();
        assert!(!why.is_empty() && !why.contains(&folder), "{why}");
    }
}

#[test]
fn every_byte_and_every_line_of_it_counts() {
    let entries = [
        entry(OURS, "verified"),
        entry(OURS, "verified"),
        entry(OTHERS, "verified"),
        entry(OURS, "verified"),
        entry(OTHERS, "verified"),
    ];
    let slice = Host::new(&entries).slice(&Mark::start(), None);
    assert_eq!(counts(&slice), (0, 5, 3, 2));
    for at in 0..slice.lines.len() {
        let mut changed = slice.lines.clone();
        changed[at] ^= 1 << (at % 7);
        assert!(checked(&slice, &changed).is_err(), "byte {at}");
    }
    let text = std::str::from_utf8(&slice.lines).expect("JSON");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let [one, two, three] = lines.as_slice() else { panic!("{text}") };
    for spoilt in
        [[one, two, ""], ["", two, three], [one, "", three], [two, one, three], [one, one, two], [one, three, two]]
    {
        assert!(checked(&slice, spoilt.concat().as_bytes()).is_err(), "{spoilt:?}");
    }
    let more = text.replacen("{\"number\"", "{\"more\":1,\"number\"", 1);
    assert!(checked(&slice, more.as_bytes()).is_err(), "{more}");
}
