//! A folder and an environment of a test's own.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::LazyLock,
};

use tempfile::TempDir;

use crate::published::Published;

/// Where a test runs the program: an empty folder as home, data folder and working folder.
pub(crate) struct Scratch {
    folder: TempDir,
}

/// How a run ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("the file can be written");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("the file is there")
    }

    /// The program with these arguments, ready to be run, in an environment without credentials.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let home: &Path = self.folder.path();
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command
            .args(arguments)
            .current_dir(home)
            .env_clear()
            .env("HOME", home)
            .env("XDG_DATA_HOME", home.join("data"))
            // Nothing may be asked of the network: instance metadata is where the chain would look last.
            .env("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::from(self.command(arguments).output().expect("the program starts"))
    }

    /// Runs the program and expects the exit code.
    pub(crate) fn expect(&self, code: i32, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, code, "{arguments:?}\nstdout: {}\nstderr: {}", run.stdout, run.stderr);
        run
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("everything printed is UTF-8");
        Self {
            code: output.status.code().expect("the program ends by itself"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// A report, which must be what the published schema says.
pub(crate) fn report(text: &str) -> serde_json::Value {
    static SCHEMA: LazyLock<Published> = LazyLock::new(Published::report);
    let report = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(SCHEMA.complaints(&report), Vec::<String>::new(), "{report:#}");
    report
}

/// A plan file, which must be what the published schema says.
pub(crate) fn plan(text: &str) -> serde_json::Value {
    static SCHEMA: LazyLock<Published> = LazyLock::new(Published::plan);
    let plan = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(SCHEMA.complaints(&plan), Vec::<String>::new(), "{plan:#}");
    plan
}

impl Run {
    /// Standard output as JSON; a report or a plan must be what its schema says.
    pub(crate) fn json(&self) -> serde_json::Value {
        let value: serde_json::Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout));
        match value["schema"].as_str() {
            Some("portcullis.report/v1") => report(&self.stdout),
            Some("portcullis.plan/v1") => plan(&self.stdout),
            _ => value,
        }
    }

    /// The last line on stderr.
    pub(crate) fn closing(&self) -> &str {
        self.stderr.lines().last().unwrap_or_default()
    }
}

/// A simulated cloud in a process of its own, ended with this value.
pub(crate) struct Sandbox {
    process: Child,
    pub(crate) url: String,
}

impl Sandbox {
    /// Serves a world, and keeps a journal in `journal.jsonl`.
    pub(crate) fn start(scratch: &Scratch, world: &str) -> Self {
        let mut process = scratch
            .command(&["sandbox", "--world", world, "--journal", "journal.jsonl"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().expect("it was piped"));
        stdout.read_line(&mut line).expect("the first line");
        let url = line.trim().strip_prefix("listening on ").expect("the address").to_owned();
        Self { process, url }
    }

    /// The program with these arguments, connected to this cloud with the shipped worlds' key.
    pub(crate) fn command(&self, scratch: &Scratch, arguments: &[&str]) -> Command {
        let mut command = scratch.command(arguments);
        command
            .args(["--endpoint-url", &self.url])
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid")
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testsecret");
        command
    }
}

#[cfg(unix)]
impl Sandbox {
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until it ends by itself; gives its exit code.
    pub(crate) fn wait(mut self) -> Option<i32> {
        self.process.wait().expect("it ends").code()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It may have ended already, and nobody can be told if it will not.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A world with one cluster whose API server everybody reaches, or nobody, as the sandbox serves it.
pub(crate) const OPEN_WORLD: &str = include_str!("../../src/sandbox/worlds/nlb-internet/world.json");

/// The same account, with nothing in it.
pub(crate) const EMPTY_WORLD: &str = include_str!("../../src/sandbox/worlds/empty/world.json");

/// The world with a fault for every call of an operation.
pub(crate) fn with_fault(world: &str, action: &str, kind: &str) -> String {
    let mut world: serde_json::Value = serde_json::from_str(world).expect("a world is JSON");
    world["faults"] = serde_json::json!([{"action": action, "kind": kind, "times": 0}]);
    world.to_string()
}
