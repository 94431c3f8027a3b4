//! A simulated cloud, a folder of a test's own, an approved plan, and the program to carry it out.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use chrono::{DateTime, TimeDelta, Utc};
use portcullis::{
    remediate::{
        Action, Document, Planned, Planner,
        document::{FindingRef, PAYLOAD_TYPE, Proof, RunRef, SCHEMA},
    },
    sandbox::{Server, World},
    seal::{Detached, SigningKey},
};
use serde_json::Value;
use tempfile::TempDir;

use super::world::ACCOUNT;

pub(crate) struct Stage {
    pub(crate) server: Server,
    folder: TempDir,
    key: SigningKey,
    pub(crate) time_scale: u64,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The answer as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The words for how each endpoint ended.
    pub(crate) fn ends(&self) -> Vec<String> {
        let answer = self.json();
        answer["ends"].as_array().unwrap().iter().map(|end| end["end"].as_str().unwrap().to_owned()).collect()
    }
}

impl Stage {
    pub(crate) fn new(world: &Value) -> Self {
        let time_scale = world["behaviour"]["time_scale"].as_u64().unwrap();
        let world = World::from_json("remedy", &world.to_string()).unwrap();
        assert!(world.warnings().is_empty(), "{:?}", world.warnings());
        let server = Server::start(world, SocketAddr::from(([127, 0, 0, 1], 0)), None).unwrap();
        let (key, _) = SigningKey::generate().unwrap();
        let stage = Self { server, folder: tempfile::tempdir().unwrap(), key, time_scale };
        stage.configure("budgets: {per_run: 9, per_day: 9, per_environment: {untagged: 9}}");
        stage
    }

    /// The configuration, with `more` of its section about changes.
    pub(crate) fn configure(&self, more: &str) {
        let text = format!(
            "version: 1\nregions: [cn-shanghai]\nconsumers: {{c2api: [{{name: ci, vpc_id: vpc-2}}]}}\n\
             store: {{url: \"sqlite:{}\"}}\nremediation:\n  approvers: [{{name: alice, public_key: \"{}\"}}]\n  \
             windows: [{{zone: UTC, days: [mon, tue, wed, thu, fri, sat, sun], from: \"00:00\", to: \"24:00\"}}]\n  \
             lease: {{journal: host.journal, kill_file: STOP}}\n  {more}\n",
            self.path("store.db").display(),
            self.key.public_key(),
        );
        fs::write(self.path("portcullis.yaml"), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A plan of these actions, valid from an hour ago for four hours, and its approval.
    pub(crate) fn plan(&self, actions: Vec<Action>) -> PathBuf {
        self.plan_called("plan", actions, Utc::now() - TimeDelta::hours(1))
    }

    pub(crate) fn plan_called(&self, name: &str, mut actions: Vec<Action>, from: DateTime<Utc>) -> PathBuf {
        actions.iter_mut().enumerate().for_each(|(at, action)| action.canary = at == 0);
        let account = actions[0].target.account.clone();
        let id = format!("{name}-{}", uuid::Uuid::new_v4().simple());
        let planned = |action: Action| {
            let finding = FindingRef { fingerprint: "v1:00".to_owned(), rule_id: "stale-public-exposure".to_owned() };
            let proof = Proof { digest: "sha256:00".to_owned(), text: vec!["nobody needs it".to_owned()] };
            Planned::of(action, &id, String::new(), vec![finding], proof).unwrap()
        };
        let grounds = self.grounds();
        let word = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{grounds}")).to_owned();
        let document = Document {
            schema: SCHEMA.to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            tool_digest: String::new(),
            id: id.clone(),
            account,
            run: RunRef {
                id: "run-1".to_owned(),
                taken_at: from,
                snapshot_digest: "sha256:00".to_owned(),
                rules_digest: word(&grounds["run"]["rules_digest"]),
            },
            policy_digest: word(&grounds["policy_digest"]),
            not_before: from,
            expires: from + TimeDelta::hours(4),
            planner: Planner { name: "bob".to_owned(), arn: "acs:ram::1000000000000001:user/bob".to_owned() },
            ticket: "CAB-1234".to_owned(),
            actions: actions.into_iter().map(planned).collect(),
            left_out: Vec::new(),
            checksum: String::new(),
        };
        let path = self.path(&format!("{name}.json"));
        let bytes = document.to_bytes();
        fs::write(&path, &bytes).unwrap();
        let approval = Detached::new(PAYLOAD_TYPE, &bytes, &self.key).to_json();
        fs::write(self.path(&format!("{name}.json.sig")), approval).unwrap();
        path
    }

    /// What plans are made on here, as the program writes it into the plan of a cloud without anything: the digests of
    /// decisions and rules.
    fn grounds(&self) -> Value {
        let snapshot = self.path("nothing.snapshot");
        if !snapshot.exists() {
            fs::write(self.path("nothing.yaml"), "version: 1\n").unwrap();
            let words = ["scan", "--sandbox", "empty", "--no-store", "--config", "nothing.yaml", "-o", "json"];
            let saved = self.run(&[&words[..], &["--save", "nothing.snapshot"]].concat());
            assert!(snapshot.exists(), "{saved:#?}");
        }
        let planned = self.run(&["plan", "--from", "nothing.snapshot", "--planner", "bob", "-o", "json"]);
        planned.json()
    }

    /// The program with these words, its journal and store in the folder.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(words).current_dir(self.folder.path()).env_clear();
        command.env("HOME", self.folder.path()).env("XDG_DATA_HOME", self.folder.path());
        command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "testid").env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "testsecret");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A command that reaches the cloud.
    pub(crate) fn reaching(&self, words: &[&str]) -> Command {
        let mut command = self.command(words);
        command.args(["--format", "json", "--endpoint-url", &self.server.url()]);
        command.args(["--time-scale", &self.time_scale.to_string()]);
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Run {
        Run::of(self.command(words).output().unwrap())
    }

    pub(crate) fn reach(&self, words: &[&str]) -> Run {
        Run::of(self.reaching(words).output().unwrap())
    }

    /// `apply` of the plan called `plan`, approved.
    pub(crate) fn apply(&self, more: &[&str]) -> Run {
        let mut words = vec!["apply", "plan.json", "--approval", "plan.json.sig"];
        words.extend(more);
        self.reach(&words)
    }

    /// The same, under way.
    pub(crate) fn begin(&self, words: &[&str]) -> Child {
        self.reaching(words).spawn().unwrap()
    }

    pub(crate) fn end(&self, child: Child) -> Run {
        Run::of(child.wait_with_output().unwrap())
    }

    /// `verify --due` until nothing is open any more.
    pub(crate) fn settle(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        for _ in 0..400 {
            runs.push(self.reach(&["verify", "--due"]));
            if self.open().is_empty() {
                return runs;
            }
            // What soaks is due by the world's time, which passes while the program looks.
        }
        panic!("it never settles: {:#?}", runs.last());
    }

    /// The endpoints that something is open on.
    pub(crate) fn open(&self) -> Vec<Value> {
        let listed = self.reach(&["verify"]);
        assert_eq!(listed.code, 0, "{listed:#?}");
        let open = listed.json()["open"].as_array().unwrap().clone();
        open.into_iter().filter(|open| !open["intent"].is_null()).collect()
    }

    /// Requests that change something, as the cloud saw them: operation and what became of it.
    pub(crate) fn writes(&self) -> Vec<(String, String)> {
        let journal = self.server.journal();
        journal.into_iter().filter(|entry| !entry.effect.is_empty()).map(|entry| (entry.action, entry.effect)).collect()
    }

    /// How often an operation took effect.
    pub(crate) fn effects(&self, action: &str) -> usize {
        self.writes().iter().filter(|(name, effect)| name == action && effect == "applied").count()
    }

    /// What the newest run left of the endpoints of an account: a scan of now.
    pub(crate) fn rules_that_fail(&self, resource: &str) -> Vec<String> {
        let output = self
            .command(&["scan", "--no-store", "-o", "json", "--evidence", "--endpoint-url", &self.server.url()])
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        findings
            .filter(|finding| finding["resource_id"] == resource)
            .map(|finding| {
                format!("{} {}", finding["rule_id"].as_str().unwrap(), finding["endpoint_id"].as_str().unwrap_or(""))
            })
            .collect()
    }
}

impl Stage {
    /// An EIP as it is now.
    pub(crate) fn eip(&self, id: &str) -> Value {
        let snapshot = self.server.snapshot();
        let eips = snapshot[ACCOUNT]["vpc.eips"].as_array().unwrap();
        eips.iter().find(|eip| eip["AllocationId"] == id).unwrap().clone()
    }
}
