//! What holds of the SQLite file itself, and how it comes from one version to the next. What every
//! store must hold is in `tests/store_suite`.

use std::path::Path;

use rusqlite::Connection;

use super::{
    Lease, Part, Retention, ShardClaim, SqliteStore, Store, StoreError, StoreOptions, StoreUrl, open, open_existing,
    open_url,
};

struct Scratch {
    folder: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("portcullis.db")
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.path()).expect("the store opens")
    }

    fn connection(&self) -> Connection {
        Connection::open(self.path()).expect("it opens")
    }

    /// A store as the first version left it: two runs of two sets of accounts, and three findings.
    fn of_version_1() -> Self {
        let scratch = Self::new();
        let connection = scratch.connection();
        let sql = include_str!("sqlite/migrations/0001_runs.sql");
        connection.execute_batch(sql).expect("the first schema");
        connection
            .execute_batch(
                "CREATE TABLE schema_steps (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT;
                 PRAGMA application_id = 1347375700; PRAGMA user_version = 1;
                 INSERT INTO schema_steps VALUES
                    (1, '0001_runs', '7c87cc7d633ea5eb47330f415327a772263d6731b29a82248ace41d978d8d9d8');
                 INSERT INTO runs (id, started_at, finished_at, tool_version, exit_code, verdict, interrupted,
                    snapshot_digest, rules_digest, complete, planned, scanned, critical, high, medium, low, info,
                    waived, body_version, body)
                 VALUES ('one', '2026-11-01T00:00:00.000Z', '2026-11-01T00:00:01.000Z', '0.1.0', 1, 'fail', 0, '', '',
                         1, 7, 7, 0, 2, 0, 0, 0, 0, 1, x'00'),
                        ('two', '2026-11-02T00:00:00.000Z', '2026-11-02T00:00:01.000Z', '0.1.0', 1, 'fail', 0, '', '',
                         1, 7, 7, 0, 1, 0, 0, 0, 0, 1, x'00');
                 INSERT INTO run_accounts VALUES ('one', '2'), ('one', '1'), ('two', '1');
                 INSERT INTO findings VALUES
                    ('v1:open', 'r', 'Open', 'high', 'open', '1', 'cn-hangzhou', 'eip', 'eip-1', NULL,
                     '2026-11-01T00:00:00.000Z', '2026-11-02T00:00:00.000Z', NULL, NULL),
                    ('v1:fixed', 'r', 'Fixed', 'low', 'open', '1', 'cn-hangzhou', 'eip', 'eip-2', NULL,
                     '2026-11-01T00:00:00.000Z', '2026-11-01T00:00:00.000Z', '2026-11-02T00:00:00.000Z', NULL),
                    ('v1:back', 'r', 'Back', 'low', 'open', '1', 'cn-hangzhou', 'eip', 'eip-3', NULL,
                     '2026-11-01T00:00:00.000Z', '2026-11-02T00:00:00.000Z', NULL, '2026-11-02T00:00:00.000Z');",
            )
            .expect("it writes");
        scratch
    }
}

#[test]
fn a_store_of_the_first_version_is_carried_over_whole() {
    let scratch = Scratch::of_version_1();
    let store = scratch.store();
    let runs = store.runs(10).expect("it reads");
    let told: Vec<_> =
        runs.iter().map(|run| (&*run.id, run.accounts.join("+"), run.findings[1], run.scanned)).collect();
    assert_eq!(told, [("two", "1".to_owned(), 1, 7), ("one", "1+2".to_owned(), 2, 7)]);
    let memory = |fingerprint: &str| store.memory(fingerprint).expect("it reads").expect("remembered");
    assert_eq!(
        (memory("v1:open").title.as_str(), memory("v1:open").fixed_at, memory("v1:open").reopenings),
        ("Open", None, 0)
    );
    assert_eq!(memory("v1:back").reopenings, 1);
    let closings = store.closings().expect("it reads");
    assert_eq!((closings.len(), closings[0].fingerprint.as_str()), (1, "v1:fixed"));
    assert_eq!((closings[0].closed_at - closings[0].opened_at).num_hours(), 24);
    // A second time there is nothing to do.
    assert_eq!(scratch.store().runs(10).expect("it reads").len(), 2);
}

#[test]
fn a_store_of_the_second_version_takes_shards() {
    let scratch = Scratch::of_version_1();
    let connection = scratch.connection();
    connection.execute_batch(include_str!("sqlite/migrations/0002_shared.sql")).expect("the second schema");
    connection
        .execute_batch(
            "INSERT INTO schema_steps VALUES
                (2, '0002_shared', 'c016b3f8062cc1fb0817e99b749c96b48ee3ecaf0a50955427d516366e5cc1b7');
             INSERT INTO leases VALUES ('x', 7, NULL, 0);
             PRAGMA user_version = 2;",
        )
        .expect("it writes");
    let mut store = scratch.store();
    let now = chrono::DateTime::UNIX_EPOCH;
    assert_eq!(store.begin_shared_run("nightly", 1, b"plan", now).expect("it answers").plan, b"plan");
    assert_eq!(store.claim_shard("nightly", 0, "a process", now).expect("it answers").expect("it is ours").epoch, 1);
    let epoch: i64 = connection.query_row("SELECT epoch FROM leases", [], |row| row.get(0)).expect("it reads");
    assert_eq!((epoch, store.runs(10).expect("it reads").len()), (7, 2));
}

#[test]
fn many_who_find_an_old_store_at_once_carry_it_over_once() {
    let scratch = Scratch::of_version_1();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(scratch.store().closings().expect("it reads").len(), 1));
        }
    });
}

#[test]
fn an_old_store_that_was_altered_is_left_alone() {
    let scratch = Scratch::of_version_1();
    let connection = scratch.connection();
    connection.execute("UPDATE schema_steps SET checksum = 'x'", []).expect("it writes");
    assert!(matches!(SqliteStore::open(&scratch.path()), Err(StoreError::Altered)));
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).expect("it reads");
    assert_eq!(version, 1);
}

/// Whoever only looks brings nothing up to date, and writes nothing into what is.
#[test]
fn a_store_that_is_looked_at_stays_as_it_is() {
    let scratch = Scratch::of_version_1();
    let url = StoreUrl::Sqlite(scratch.path());
    let look = || open_existing(&url, StoreOptions::default());
    let bytes = || std::fs::read(scratch.path()).expect("it reads");
    let old = bytes();
    assert!(matches!(look(), Err(StoreError::Older { found: 1, known: 3 })));
    assert_eq!(bytes(), old);
    drop(scratch.store());
    let new = bytes();
    let mut store = look().expect("it opens").expect("it is there");
    assert_eq!(store.runs(10).expect("it reads").len(), 2);
    let (ttl, now) = (std::time::Duration::from_secs(9), chrono::DateTime::UNIX_EPOCH);
    store.acquire_lease("x", "somebody", ttl, now).expect_err("nothing is written");
    drop(store);
    assert_eq!(bytes(), new);
    // An empty file is nobody's store yet, and no file none at all.
    std::fs::write(scratch.path(), b"").expect("it writes");
    assert!(look().expect("it opens").is_none() && bytes().is_empty());
    std::fs::remove_file(scratch.path()).expect("it goes");
    assert!(look().expect("it opens").is_none() && !scratch.path().exists());
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

/// An administrator could make a device private for everybody.
#[cfg(unix)]
#[test]
fn what_is_no_plain_file_is_no_store() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode();
    for path in [Path::new("/dev/null"), scratch.path().parent().expect("a folder")] {
        let before = mode(path);
        for error in [SqliteStore::open(path).err(), SqliteStore::open_existing(path).err()] {
            let Some(StoreError::Open { source, .. }) = error else { panic!("{}: {error:?}", path.display()) };
            assert_eq!(source.to_string(), "it is not a regular file");
        }
        assert_eq!(mode(path), before);
    }
}

#[test]
fn a_newer_schema_and_foreign_files_are_refused() {
    let scratch = Scratch::new();
    drop(scratch.store());
    let connection = scratch.connection();
    connection.pragma_update(None, "user_version", 99).expect("it writes");
    assert!(matches!(SqliteStore::open(&scratch.path()), Err(StoreError::Newer { found: 99, .. })));
    connection.pragma_update(None, "user_version", 2).expect("it writes");
    connection.execute("UPDATE schema_steps SET checksum = 'x' WHERE number = 2", []).expect("it writes");
    assert!(matches!(SqliteStore::open(&scratch.path()), Err(StoreError::Altered)));
    let foreign = scratch.folder.path().join("foreign.db");
    let other = Connection::open(&foreign).expect("it opens");
    other.execute("CREATE TABLE theirs (a)", []).expect("it writes");
    assert!(matches!(SqliteStore::open(&foreign), Err(StoreError::Foreign)));
    let text = scratch.folder.path().join("notes.txt");
    std::fs::write(&text, "these are my notes, and they are not a database at all").expect("it writes");
    assert!(SqliteStore::open(&text).is_err());
    assert!(std::fs::read_to_string(&text).expect("it reads").starts_with("these are my notes"));
}

/// Whatever fails says what was to be done, to which file, why, and what to do about it.
#[test]
fn a_failure_names_what_was_to_be_done_and_the_file() {
    let scratch = Scratch::new();
    let mut store = scratch.store();
    let connection = scratch.connection();
    for table in ["records", "leases", "shard_parts", "shard_claims", "shared_runs"] {
        connection.execute(&format!("DROP TABLE {table}"), []).expect("it writes");
    }
    let (now, ttl) = (chrono::DateTime::UNIX_EPOCH, std::time::Duration::from_secs(1));
    let lease = Lease { name: "x".to_owned(), holder: "me".to_owned(), epoch: 1, expires_at: now };
    let claim = ShardClaim { run: "r".to_owned(), shard: 0, epoch: 1, holder: "me".to_owned(), claimed_at: now };
    let part = Part { round: 1, name: "p".to_owned(), version: 1, body: Vec::new() };
    let failures = [
        ("take a lease in", store.acquire_lease("x", "me", ttl, now).map(drop)),
        ("renew a lease in", store.renew_lease(&lease, ttl, now).map(drop)),
        ("give a lease back in", store.release_lease(&lease).map(drop)),
        ("append a record in", store.append_record("x", 1, 1, b"").map(drop)),
        ("read from", store.records("x").map(drop)),
        ("begin a run of several shards in", store.begin_shared_run("r", 1, b"", now).map(drop)),
        ("read from", store.shared_run("r").map(drop)),
        ("claim a shard in", store.claim_shard("r", 0, "me", now).map(drop)),
        ("read from", store.shard_claims("r").map(drop)),
        ("keep what a shard has read in", store.finish_part(&claim, &part).map(drop)),
        ("read from", store.finished_parts("r", 1).map(drop)),
        ("read from", store.part("r", 1, "p").map(drop)),
        ("end a run of several shards in", store.end_shared_run("r", "id").map(drop)),
    ];
    for (what, outcome) in failures {
        let error = outcome.expect_err(what);
        let told = error.to_string();
        let named = format!("cannot {what} {}: make sure that", scratch.path().display());
        assert!(told.starts_with(&named), "{what}: {told}");
        let why = std::error::Error::source(&error).expect("the database said why").to_string();
        assert!(why.contains("no such table"), "{what}: {why}");
    }
}

#[test]
fn what_is_no_store_is_refused_without_its_password() {
    for url in ["mysql://user:secret@host/db", "postgres://user:secret@host", "sqlite:", "portcullis.db"] {
        let Err(StoreError::Url { shown, why }) = open_url(url, StoreOptions::default()) else {
            panic!("{url} was taken")
        };
        assert!(!format!("{shown} {why}").contains("secret"), "{shown} {why}");
    }
}

#[test]
fn looking_drops_nothing() {
    let scratch = Scratch::of_version_1();
    let options = StoreOptions {
        retention: Retention { keep_days: None, keep_runs: Some(1) },
        password: None,
        ..StoreOptions::default()
    };
    let store = open(&StoreUrl::Sqlite(scratch.path()), options).expect("it opens");
    assert_eq!(store.runs(10).expect("it reads").len(), 2, "nothing is dropped by looking");
}
