//! The store in a SQLite file, held against the suite that both back ends must pass.

mod store_suite;

use std::{path::Path, process::Command};

use portcullis::store::{self, Retention, StoreOptions, StoreUrl};
use store_suite::{HANGZHOU, Place, holds, run, saved, writers};

/// A new file in a folder of its own, which ends with the place.
fn sqlite() -> Place {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Place::new(move |retention: Retention| {
        let url = StoreUrl::Sqlite(folder.path().join("data/portcullis.db"));
        store::open(&url, StoreOptions { retention, make_folder: true, ..StoreOptions::default() })
            .expect("the store opens")
    })
}

#[test]
fn the_suite_holds() {
    holds(sqlite);
}

#[test]
fn eight_writers_lose_nothing_and_count_nothing_twice() {
    let place = sqlite();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let place = &place;
            scope.spawn(move || writers::write(&mut *place.store(), writer, 10));
        }
    });
    writers::check(&*place.store(), 8, 10);
}

/// What `portcullis history` prints of a store.
fn history(folder: &Path, url: &str, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["history", "--store", url])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("everything printed is UTF-8")
}

#[test]
fn history_tells_the_time_to_close_and_what_came_back() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("runs.db").display());
    let mut store = store::open_url(&url, StoreOptions::default()).expect("the store opens");
    // `b` is closed after one hour; `a` after three, and again after nine; and then it is back.
    let found: [(i64, &[&str]); 6] = [(1, &["a", "b"]), (2, &["a"]), (4, &[]), (5, &["a"]), (14, &[]), (15, &["a"])];
    for (hour, rules) in found {
        saved(&mut *store, run(hour, &[HANGZHOU], rules));
    }
    let text = history(folder.path(), &url, &[]);
    let row = text.lines().find(|line| line.starts_with("high")).expect("a row").split_whitespace();
    assert_eq!(row.collect::<Vec<_>>(), ["high", "3", "3h", "0m", "9h", "0m"], "{text}");
    assert!(text.contains("Found again after a fix: 2 times"), "{text}");
    assert!(text.contains("high cn-hangzhou/eip-1 a (first seen 2026-11-20T01:00:00"), "{text}");

    let lines: Vec<serde_json::Value> = history(folder.path(), &url, &["-n", "2", "--format", "json"])
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!((&lines[0]["units_planned"], &lines[0]["units_scanned"]), (&1.into(), &1.into()));
    let expected = serde_json::json!({"summary": {
        "time_to_close": {"high": {"count": 3, "median_seconds": 10_800, "p90_seconds": 32_400}},
        "reopenings": 2, "reopened": ["v1:a"], "waivers": [],
    }});
    assert_eq!(lines[2], expected);
}
