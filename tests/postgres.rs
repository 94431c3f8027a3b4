//! The store on a PostgreSQL server, held against the suite that both back ends must pass, and eight
//! processes that write a thousand runs each, on both. Needs `initdb`, `postgres` and `psql`.
#![cfg(all(feature = "external-tests", feature = "postgres"))]

mod postgres_server;
#[expect(dead_code, reason = "part of it is for the store in a file only")]
mod shard_runs;
mod store_suite;

#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#[path = "remedy/hook.rs"]
mod hook;
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#[path = "remedy/shared.rs"]
mod shared;
#[expect(dead_code, reason = "part of it is for hosts that share no store")]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#[path = "remedy/stage.rs"]
mod stage;
#[expect(dead_code, reason = "part of it is for hosts that share no store")]
#[allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#[path = "remedy/world.rs"]
mod world;

use std::{
    env,
    path::Path,
    process::{Command, Output},
};

use portcullis::store::{self, Password, Store, StoreError, StoreOptions};
use postgres_server::{PASSWORD, Server};
use sha2::{Digest, Sha256};
use store_suite::{holds, writers};

fn open(url: &str) -> Result<Box<dyn Store>, StoreError> {
    store::open_url(url, StoreOptions::default())
}

fn with_password(url: &str, password: &str) -> Result<Box<dyn Store>, StoreError> {
    store::open_url(url, StoreOptions { password: Some(Password::new(password)), ..StoreOptions::default() })
}

/// The whole chain of causes, as it is told.
fn told(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!("; {error}");
        cause = error.source();
    }
    text
}

fn refused(outcome: Result<Box<dyn Store>, StoreError>) -> String {
    match outcome {
        Ok(_) => panic!("it was let in"),
        Err(error) => told(&error),
    }
}

#[test]
fn the_suite_holds() {
    let server = Server::start();
    holds(|| server.place());
}

const URL: &str = "PORTCULLIS_TEST_STORE";
const WRITER: &str = "PORTCULLIS_TEST_WRITER";
const RUNS: usize = 1000;
const WRITERS: usize = 8;

/// One of the processes of [`processes_write`]; without its variables it has nothing to do.
#[test]
fn one_writer() {
    let (Ok(url), Ok(writer)) = (env::var(URL), env::var(WRITER)) else { return };
    let mut store = open(&url).expect("the store opens");
    writers::write(&mut *store, writer.parse().expect("a number"), RUNS);
}

/// Eight processes write at once to a store that none of them has seen.
#[expect(clippy::print_stdout, reason = "how long it took is shown with --nocapture")]
fn processes_write(url: &str) {
    let start = |writer: usize| {
        Command::new(env::current_exe().expect("the program of the tests"))
            .args(["--exact", "one_writer", "--nocapture"])
            .env(URL, url)
            .env(WRITER, writer.to_string())
            .output()
            .expect("the program of the tests runs")
    };
    let began = std::time::Instant::now();
    let ended: Vec<Output> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || start(writer))).collect();
        started.into_iter().map(|one| one.join().expect("it is waited for")).collect()
    });
    println!("{WRITERS} processes wrote {RUNS} runs each in {:.1} s", began.elapsed().as_secs_f64());
    for output in ended {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    writers::check(&*open(url).expect("the store opens"), WRITERS, RUNS);
}

#[test]
fn eight_processes_write_a_thousand_runs_each_to_a_server() {
    let server = Server::start();
    processes_write(&server.url("portcullis"));
    assert_eq!(server.sql("SELECT count(*), count(DISTINCT id) FROM portcullis.runs"), "8000\t8000");
}

#[test]
fn eight_processes_write_a_thousand_runs_each_to_a_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    processes_write(&format!("sqlite:{}", folder.path().join("runs.db").display()));
}

/// The program itself, with a home of its own.
fn portcullis(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(arguments)
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .env("PGPASSWORD", PASSWORD)
        .env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
        .output()
        .expect("the program runs")
}

#[test]
fn several_scans_at_once_share_a_store_that_the_configuration_names() {
    let server = Server::start();
    let home = tempfile::tempdir().expect("a temporary folder");
    let url = server.tcp("127.0.0.1", "sslmode=disable");
    let config = format!("version: 1\nstore: {{url: \"{url}\", keep_runs: 3}}\n");
    std::fs::write(home.path().join("portcullis.yaml"), config).expect("it writes");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let output = portcullis(home.path(), &["scan", "--sandbox", "nlb-internet", "-o", "json"]);
                assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
            });
        }
    });
    let output = portcullis(home.path(), &["history", "--format", "json"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        (output.status.code(), text.lines().count()),
        (Some(0), 4),
        "three runs are kept, and the summary: {text}"
    );
    assert_eq!(portcullis(home.path(), &["diff"]).status.code(), Some(0));
    assert_eq!(portcullis(home.path(), &["report", "latest"]).status.code(), Some(0));
    // A secret that is typed is warned of, and never told.
    let typed = url.replace("tester@", &format!("tester:{PASSWORD}@"));
    let output = portcullis(home.path(), &["history", "--store", &typed]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("PGPASSWORD") && !stderr.contains(PASSWORD), "{stderr}");
}

#[test]
fn a_server_that_lets_nobody_in_is_told_without_the_password() {
    let server = Server::start();
    let url = server.tcp("127.0.0.1", "sslmode=disable");
    assert!(with_password(&url, PASSWORD).is_ok());
    for text in [
        refused(with_password(&url, "not-the-word")),
        refused(open(&url)),
        refused(open(&url.replace("tester@", "tester:not-the-word@"))),
    ] {
        assert!(text.contains("127.0.0.1") && text.contains("PGPASSWORD") && text.contains("postgres"), "{text}");
        assert!(text.contains("password"), "{text}");
        assert!(!text.contains("not-the-word"), "{text}");
    }
    let text = refused(open(&server.url("portcullis").replace("/postgres?", "/nothing?")));
    assert!(text.contains("/nothing") && text.contains("does not exist"), "{text}");
    drop(server);
    assert!(refused(with_password(&url, PASSWORD)).contains("connecting"), "nobody listens");
}

#[test]
fn certificates_are_checked() {
    let server = Server::start();
    assert!(server.certificate().exists(), "openssl is needed");
    let roots = server.certificate().display().to_string();
    let ours = format!("sslrootcert={roots}");
    let mut store = with_password(&server.tcp("localhost", &ours), PASSWORD).expect("the certificate is ours");
    writers::write(&mut *store, 0, 2);
    let encrypted = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                     WHERE ssl AND application_name = 'portcullis'";
    assert_eq!(server.sql(encrypted), "1");
    // Nobody of the system signed it.
    let text = refused(with_password(&server.tcp("localhost", "sslmode=require"), PASSWORD));
    assert!(text.contains("sslrootcert") && text.to_lowercase().contains("certificate"), "{text}");
    // It is for another name.
    let text = refused(with_password(&server.tcp("127.0.0.1", &ours), PASSWORD));
    assert!(text.to_lowercase().contains("certificate"), "{text}");
    let text = refused(with_password(&server.tcp("localhost", "sslrootcert=/nothing.pem"), PASSWORD));
    assert!(text.contains("/nothing.pem"), "{text}");
}

/// What the schemas of earlier versions need to be taken for ours.
fn steps(schema: &str, made: &[(&str, &str)]) -> String {
    let rows: Vec<String> = (1..)
        .zip(made)
        .map(|(number, (name, sql))| {
            let checksum: String = Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("({number}, '{name}', '{checksum}')")
        })
        .collect();
    format!(
        "CREATE SCHEMA {schema}; SET search_path TO {schema};
         CREATE TABLE schema_steps (number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL);
         INSERT INTO schema_steps VALUES {};",
        rows.join(", ")
    )
}

const FIRST: &str = include_str!("../src/store/postgres/migrations/0001_runs.sql");

#[test]
fn a_store_of_the_first_version_is_carried_over_whole() {
    let server = Server::start();
    server.sql(&format!(
        "{} {FIRST}
         INSERT INTO runs (id, started_at, finished_at, tool_version, exit_code, verdict, interrupted, snapshot_digest,
            rules_digest, complete, planned, scanned, critical, high, medium, low, info, waived, body_version, body)
         VALUES ('one', '2026-11-01Z', '2026-11-01Z', '0.1.0', 1, 'fail', false, '', '', true, 7, 7, 0, 2, 0, 0, 0, 0, 1, ''),
                ('two', '2026-11-02Z', '2026-11-02Z', '0.1.0', 1, 'fail', false, '', '', true, 7, 7, 0, 1, 0, 0, 0, 0, 1, '');
         INSERT INTO run_accounts VALUES ('one', '2'), ('one', '1'), ('two', '1');
         INSERT INTO findings VALUES
            ('v1:fixed', 'r', 'Fixed', 'low', 'open', '1', 'cn-hangzhou', 'eip', 'eip-2', NULL,
             '2026-11-01Z', '2026-11-01Z', '2026-11-02Z', NULL),
            ('v1:back', 'r', 'Back', 'low', 'open', '1', 'cn-hangzhou', 'eip', 'eip-3', NULL,
             '2026-11-01Z', '2026-11-02Z', NULL, '2026-11-02Z');",
        steps("old", &[("0001_runs", FIRST)])
    ));
    // Several find it at once.
    let url = server.url("old");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(open(&url).expect("it opens").closings().expect("it reads").len(), 1));
        }
    });
    let store = open(&url).expect("it opens");
    let runs = store.runs(10).expect("it reads");
    let told: Vec<_> = runs.iter().map(|run| (&*run.id, run.accounts.join("+"), run.findings[1])).collect();
    assert_eq!(told, [("two", "1".to_owned(), 1), ("one", "1+2".to_owned(), 2)]);
    let closing = &store.closings().expect("it reads")[0];
    assert_eq!((&*closing.fingerprint, (closing.closed_at - closing.opened_at).num_hours()), ("v1:fixed", 24));
    assert_eq!(store.memory("v1:back").expect("it reads").expect("remembered").reopenings, 1);
}

const SECOND: &str = include_str!("../src/store/postgres/migrations/0002_shared.sql");

#[test]
fn a_store_of_the_second_version_takes_shards() {
    let server = Server::start();
    let made = [("0001_runs", FIRST), ("0002_shared", SECOND)];
    server.sql(&format!("{} {FIRST} {SECOND} INSERT INTO leases VALUES ('x', 7, NULL, 0)", steps("old", &made)));
    let mut store = open(&server.url("old")).expect("it opens");
    let now = chrono::DateTime::UNIX_EPOCH;
    assert_eq!(store.begin_shared_run("nightly", 1, b"plan", now).expect("it answers").plan, b"plan");
    assert_eq!(store.claim_shard("nightly", 0, "a process", now).expect("it answers").expect("it is ours").epoch, 1);
    assert_eq!(server.sql("SELECT epoch FROM old.leases"), "7");
}

#[test]
fn newer_altered_and_foreign_schemas_are_refused_and_left_alone() {
    let server = Server::start();
    open(&server.url("newer")).expect("it is made");
    server.sql("INSERT INTO newer.schema_steps VALUES (4, '0004_x', 'x')");
    assert!(matches!(open(&server.url("newer")), Err(StoreError::Newer { found: 4, known: 3 })));
    open(&server.url("altered")).expect("it is made");
    server.sql("UPDATE altered.schema_steps SET checksum = 'x' WHERE number = 2");
    assert!(matches!(open(&server.url("altered")), Err(StoreError::Altered)));
    server.sql(&format!("{} {FIRST}", steps("old", &[("0001_runs", "another text")])));
    assert!(matches!(open(&server.url("old")), Err(StoreError::Altered)));
    assert_eq!(server.sql("SELECT count(*) FROM old.schema_steps"), "1");
    server.sql("CREATE SCHEMA theirs; CREATE TABLE theirs.notes (a INT)");
    assert!(matches!(open(&server.url("theirs")), Err(StoreError::Foreign)));
    assert_eq!(server.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'theirs'"), "1");
}

/// The set-up of docs/operations.md: a role that owns its schema and may make nothing else.
#[test]
fn a_role_with_a_schema_of_its_own_is_enough() {
    let server = Server::start();
    server.sql("CREATE ROLE runner LOGIN; CREATE SCHEMA portcullis AUTHORIZATION runner");
    let url = server.url("portcullis").replace("tester@", "runner@");
    let mut store = open(&url).expect("it may");
    writers::write(&mut *store, 0, 2);
    let text = refused(open(&url.replace("schema=portcullis", "schema=other")));
    assert!(text.contains("permission denied") && text.contains("schema other"), "{text}");
}

/// A connection that the server has closed is made anew before a run is saved.
#[test]
fn a_broken_connection_is_made_anew() {
    let server = Server::start();
    let mut store = open(&server.url("portcullis")).expect("it opens");
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portcullis'");
    // A statement may find it out first.
    let _ = store.runs(1);
    writers::write(&mut *store, 0, 2);
    writers::check(&*store, 1, 2);
}

/// Shards on many machines share one server: stores of their own for each run.
#[test]
fn shards_equal_a_single_run() {
    let server = Server::start();
    shard_runs::shards_equal_a_single_run(|| Some(server.fresh()));
}

#[test]
fn evidence_equals_a_single_run() {
    let server = Server::start();
    shard_runs::evidence_equals_a_single_run(|| Some(server.fresh()));
}

#[test]
fn killed_shards_change_nothing() {
    let server = Server::start();
    shard_runs::killed_shards_change_nothing(|| Some(server.fresh()), 10..16);
}

#[test]
fn a_missing_shard_is_named() {
    let server = Server::start();
    shard_runs::a_missing_shard_is_named(|| Some(server.fresh()));
    shard_runs::a_shard_that_is_missing_in_a_later_round_is_named(|| Some(server.fresh()));
}
