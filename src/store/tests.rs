//! What a store must hold, driven through the trait on a real file.

use chrono::{DateTime, TimeZone, Utc};

use super::{SqliteStore, Store, StoreError, open};
use crate::{
    findings::{Finding, FindingStatus, Run, RunHeader, RunVerdict},
    model::{Caller, Coverage, Gap, Judgements, ResourceKind, Severity, Unit, UnitState},
};

const ACCOUNT: &str = "1000000000000001";

fn at(hour: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, hour, 0, 0).single().expect("a real hour")
}

fn unit(region: &str) -> Unit {
    Unit::new(&ACCOUNT.into(), &region.into(), "vpc", "DescribeEipAddresses", "")
}

/// A run at that hour that read `regions` whole and found the named rules in cn-hangzhou.
fn run(hour: u32, regions: &[&str], rules: &[&str]) -> Run {
    let mut coverage = Coverage::default();
    for region in regions {
        coverage.scanned(unit(region));
    }
    Run {
        header: RunHeader {
            id: format!("0193499e-7d80-7000-8000-0000000000{hour:02}"),
            started_at: at(hour),
            finished_at: at(hour),
            tool_version: "0.1.0".to_owned(),
            exit_code: 1,
            caller: vec![Caller { account_id: ACCOUNT.into(), arn: "acs:ram::1:user/a".to_owned() }],
            api_calls: 1,
            retries: 0,
            snapshot_digest: "sha256:1".to_owned(),
            rules_digest: "sha256:2".to_owned(),
            rules: Default::default(),
            interrupted: false,
        },
        verdict: if rules.is_empty() { RunVerdict::Pass } else { RunVerdict::Fail },
        judgements: Judgements::default(),
        findings: rules.iter().map(|rule| finding(rule)).collect(),
        coverage,
    }
}

fn finding(rule: &str) -> Finding {
    serde_json::from_value(serde_json::json!({
        "fingerprint": format!("v1:{rule}"), "rule_id": rule, "title": rule, "severity": Severity::High,
        "status": FindingStatus::Open, "account_id": ACCOUNT, "region_id": "cn-hangzhou",
        "resource_kind": ResourceKind::Eip, "resource_id": "eip-1", "endpoint_kind": null, "resource_name": "",
        "message": rule, "evidence": [], "remedy": "", "references": [], "controls": [], "first_seen": null,
        "waiver": null, "about_coverage": false, "decisions": [],
    }))
    .expect("all fields are there")
}

struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("data/portcullis.db")
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.path()).expect("the store opens")
    }
}

fn saved(store: &mut dyn Store, mut run: Run) -> Run {
    store.save_run(&mut run).expect("the run is kept");
    run
}

#[test]
fn a_run_comes_back_as_it_was() {
    let scratch = Scratch::new();
    let kept = saved(&mut scratch.store(), run(1, &["cn-hangzhou"], &["a", "b"]));
    let store = scratch.store();
    assert_eq!(store.latest().expect("it reads"), Some(kept.clone()));
    assert_eq!(store.run(&kept.header.id).expect("it reads"), Some(kept));
    assert_eq!(store.run("nothing").expect("it reads"), None);
}

#[test]
fn the_beginning_of_an_id_is_enough_while_it_is_unique() {
    let scratch = Scratch::new();
    let mut store = scratch.store();
    saved(&mut store, run(1, &[], &[]));
    assert!(store.run("0193").expect("it reads").is_some());
    saved(&mut store, run(2, &[], &[]));
    assert!(matches!(store.run("0193"), Err(StoreError::Ambiguous { .. })));
    assert!(store.run("0193_").expect("no pattern").is_none());
}

#[test]
fn only_open_findings_count_by_severity() {
    let scratch = Scratch::new();
    let mut store = scratch.store();
    let mut mixed = run(1, &["cn-hangzhou"], &["a", "b", "c", "d"]);
    mixed.findings[1].status = FindingStatus::Unknown;
    mixed.findings[2].status = FindingStatus::Waived;
    saved(&mut store, mixed);
    let listed = store.runs(1).expect("it reads");
    assert_eq!((listed[0].findings, listed[0].undecided, listed[0].waived), ([0, 2, 0, 0, 0], 1, 1));
}

#[test]
fn first_seen_is_remembered_and_fixed_findings_come_back_as_reopened() {
    let scratch = Scratch::new();
    let mut store = scratch.store();
    let first = saved(&mut store, run(1, &["cn-hangzhou"], &["a"]));
    assert_eq!(first.findings[0].first_seen, Some(at(1)));
    assert_eq!(saved(&mut store, run(2, &["cn-hangzhou"], &["a"])).findings[0].first_seen, Some(at(1)));
    saved(&mut store, run(3, &["cn-hangzhou"], &[]));
    let memory = store.memory("v1:a").expect("it reads").expect("remembered");
    assert_eq!((memory.last_seen, memory.fixed_at, memory.reopened_at), (at(2), Some(at(3)), None));
    assert_eq!(store.reopened().expect("it reads"), []);
    let again = saved(&mut store, run(4, &["cn-hangzhou"], &["a"]));
    assert_eq!(again.findings[0].first_seen, Some(at(1)));
    let back = store.reopened().expect("it reads");
    assert_eq!(back.len(), 1);
    assert_eq!((back[0].fixed_at, back[0].reopened_at), (None, Some(at(4))));
}

#[test]
fn what_was_not_looked_at_stays_as_it_was() {
    let scratch = Scratch::new();
    let mut store = scratch.store();
    saved(&mut store, run(1, &["cn-hangzhou"], &["a"]));
    let untouched = |store: &SqliteStore| {
        let memory = store.memory("v1:a").expect("it reads").expect("remembered");
        assert_eq!((memory.last_seen, memory.fixed_at), (at(1), None));
    };
    // Another region.
    saved(&mut store, run(2, &["cn-shanghai"], &[]));
    untouched(&store);
    // The region, but something in it was denied.
    let mut denied = run(3, &["cn-hangzhou"], &[]);
    denied.coverage.gap(Gap {
        unit: Unit::new(&ACCOUNT.into(), &"cn-hangzhou".into(), "slb", "DescribeLoadBalancers", ""),
        state: UnitState::Denied,
        code: "Forbidden.RAM".to_owned(),
        message: String::new(),
        request_id: String::new(),
    });
    saved(&mut store, denied);
    untouched(&store);
    // Cut short by a signal.
    let mut cut = run(4, &["cn-hangzhou"], &[]);
    cut.header.interrupted = true;
    saved(&mut store, cut);
    untouched(&store);
    // Another account.
    let mut other = run(5, &["cn-hangzhou"], &[]);
    other.coverage = Coverage::default();
    other.coverage.scanned(Unit::new(&"2".into(), &"cn-hangzhou".into(), "vpc", "DescribeEipAddresses", ""));
    saved(&mut store, other);
    untouched(&store);
}

#[test]
fn a_run_of_an_earlier_day_saved_late_only_widens_the_span() {
    let scratch = Scratch::new();
    let mut store = scratch.store();
    saved(&mut store, run(3, &["cn-hangzhou"], &["a"]));
    saved(&mut store, run(2, &["cn-hangzhou"], &[]));
    let memory = store.memory("v1:a").expect("it reads").expect("remembered");
    assert_eq!((memory.first_seen, memory.last_seen, memory.fixed_at), (at(3), at(3), None));
    saved(&mut store, run(1, &["cn-hangzhou"], &["a"]));
    let memory = store.memory("v1:a").expect("it reads").expect("remembered");
    assert_eq!((memory.first_seen, memory.last_seen, memory.fixed_at), (at(1), at(3), None));
}

#[test]
fn the_run_before_is_one_of_the_same_accounts() {
    let scratch = Scratch::new();
    let mut store = scratch.store();
    let first = saved(&mut store, run(1, &["cn-hangzhou"], &[]));
    let mut other = run(2, &[], &[]);
    other.header.caller[0].account_id = "2".into();
    other.coverage.scanned(Unit::new(&"2".into(), &"cn-hangzhou".into(), "vpc", "DescribeEipAddresses", ""));
    saved(&mut store, other);
    let last = saved(&mut store, run(3, &["cn-hangzhou"], &[]));
    assert_eq!(
        store.before(&last.header.id).expect("it reads").map(|run| run.header.id),
        Some(first.header.id.clone())
    );
    assert_eq!(store.before(&first.header.id).expect("it reads"), None);
    let ids: Vec<String> = store.runs(2).expect("it reads").into_iter().map(|summary| summary.id).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], last.header.id);
}

#[test]
fn many_writers_at_once_all_succeed_on_a_new_file() {
    let scratch = Scratch::new();
    let path = scratch.path();
    std::thread::scope(|scope| {
        for hour in 0..8 {
            let path = &path;
            scope.spawn(move || {
                let mut store = SqliteStore::open(path).expect("the store opens");
                saved(&mut store, run(hour, &["cn-hangzhou"], &["a"]));
            });
        }
    });
    let store = scratch.store();
    assert_eq!(store.runs(100).expect("it reads").len(), 8);
    assert_eq!(store.memory("v1:a").expect("it reads").expect("remembered").first_seen, at(0));
}

#[test]
fn the_file_is_readable_by_its_owner_only() {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let scratch = Scratch::new();
        drop(scratch.store());
        let mode = std::fs::metadata(scratch.path()).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_newer_schema_and_foreign_files_are_refused() {
    let scratch = Scratch::new();
    drop(scratch.store());
    let connection = rusqlite::Connection::open(scratch.path()).expect("it opens");
    connection.pragma_update(None, "user_version", 99).expect("it writes");
    assert!(matches!(SqliteStore::open(&scratch.path()), Err(StoreError::Newer { found: 99, .. })));
    connection.pragma_update(None, "user_version", 1).expect("it writes");
    connection.execute("UPDATE schema_steps SET checksum = 'x'", []).expect("it writes");
    assert!(matches!(SqliteStore::open(&scratch.path()), Err(StoreError::Altered)));
    let foreign = scratch.folder.path().join("foreign.db");
    let other = rusqlite::Connection::open(&foreign).expect("it opens");
    other.execute("CREATE TABLE theirs (a)", []).expect("it writes");
    assert!(matches!(SqliteStore::open(&foreign), Err(StoreError::Foreign)));
    let text = scratch.folder.path().join("notes.txt");
    std::fs::write(&text, "these are my notes, and they are not a database at all").expect("it writes");
    assert!(SqliteStore::open(&text).is_err());
    assert!(std::fs::read_to_string(&text).expect("it reads").starts_with("these are my notes"));
}

#[test]
fn another_kind_of_store_is_refused_without_its_password() {
    for url in ["postgres://user:secret@host/db", "sqlite:", "portcullis.db"] {
        let Err(error) = open(url) else { panic!("{url} was taken") };
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn what_no_rule_looked_for_is_not_remembered_as_fixed() {
    let scratch = Scratch::new();
    let mut store = scratch.store();
    saved(&mut store, run(1, &["cn-hangzhou"], &["a"]));
    let mut disabled = run(2, &["cn-hangzhou"], &[]);
    disabled.header.rules = ["b".to_owned()].into();
    saved(&mut store, disabled);
    assert_eq!(store.memory("v1:a").expect("it reads").expect("remembered").fixed_at, None);
}
