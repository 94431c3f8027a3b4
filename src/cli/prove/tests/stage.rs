//! A simulated cloud with somebody who reads it, decisions that a test makes, and a store of a few records.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::world;
use crate::{
    cli::prove::{Decisions, Prover, Records, Way},
    cloud::{
        client::{Account, Client, RetrySettings, Settings},
        context::{Context, Http, HttpSettings},
        credential::{Credentials, StaticProvider},
        endpoint::Endpoints,
        throttle,
    },
    config::{Config, ConsumerSettings},
    engine::RuleSet,
    remediate::{
        AclSetting, Action, Approvals, Ask, Change, CloudTime, Endpoint, Limits, Mode, Mono, Pace, Plan, ReadFor,
        ReadWorld, Readings, StoreFailed, Target,
        guard::{Facts, Moment, Refusal, judge},
    },
    sandbox::{Behaviour, Server, World},
    store::Record,
};

/// What a test decides.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) config: Result<Config, String>,
    pub(super) open: bool,
    pub(super) approvals: Result<(u32, u32), String>,
}

impl Default for Said {
    fn default() -> Self {
        let ci = ConsumerSettings { name: "ci".to_owned(), vpc_id: "vpc-2".to_owned(), vswitch_id: None };
        let config = Config { consumers: [("c2api".to_owned(), vec![ci])].into(), ..Config::default() };
        Self { config: Ok(config), open: true, approvals: Ok((1, 1)) }
    }
}

impl Decisions for Said {
    fn config(&self) -> Result<Config, String> {
        self.config.clone()
    }

    fn windows(&self, _: &Config, now: CloudTime) -> Vec<(CloudTime, CloudTime)> {
        let hour = Duration::from_secs(3600);
        if self.open { vec![(now - hour, now + hour)] } else { vec![(now + hour, now + hour * 2)] }
    }

    fn approvals(&self, _: &Config, _: &Target) -> Result<Approvals, String> {
        let (needed, valid) = self.approvals.clone()?;
        Ok(Approvals { needed, valid, agreeing: None, owner_told: None })
    }
}

/// The account's row.
#[derive(Clone, Default)]
pub(super) struct Rows {
    pub(super) records: Vec<Record>,
    pub(super) fails: bool,
}

impl Records for Rows {
    fn records<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<Record>, StoreFailed>> {
        let found = if self.fails { Err(StoreFailed) } else { Ok(self.records.clone()) };
        Box::pin(async move { found })
    }
}

/// Everything that a reading goes by.
#[derive(Clone)]
pub(super) struct Setup {
    pub(super) world: Value,
    pub(super) said: Said,
    pub(super) rows: Rows,
    pub(super) kill_file: Option<PathBuf>,
    pub(super) ways: BTreeSet<Way>,
    pub(super) latency_ms: u64,
    /// What is allowed in all.
    pub(super) budget: u32,
    /// Hours from now until the plan ends.
    pub(super) hours_left: i32,
    /// Live as long as the setup.
    pub(super) files: Vec<Arc<tempfile::TempDir>>,
}

impl Setup {
    pub(super) fn of(world: Value) -> Self {
        Self {
            world,
            said: Said::default(),
            rows: Rows::default(),
            kill_file: None,
            ways: BTreeSet::new(),
            latency_ms: 0,
            budget: 1,
            hours_left: 1,
            files: Vec::new(),
        }
    }

    /// A file of this setup alone.
    pub(super) fn file(&mut self, name: &str, content: &str) -> PathBuf {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        self.files.push(folder);
        path
    }

    /// The first account of the world.
    pub(super) fn account(&mut self) -> &mut Value {
        &mut self.world["accounts"][0]
    }

    pub(super) fn fault(mut self, action: &str, kind: &str, more: Value) -> Self {
        let mut fault = json!({"action": action, "region_id": "*", "account_id": "*", "kind": kind, "times": 0});
        for (key, value) in more.as_object().into_iter().flatten() {
            fault[key] = value.clone();
        }
        self.world["faults"] = json!([fault]);
        self
    }
}

pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) prover: Prover,
    /// How far the clock was set forward instead of waiting.
    skipped: Arc<AtomicU64>,
    budget: u32,
    hours_left: i32,
    _files: Vec<Arc<tempfile::TempDir>>,
}

/// Compiled and connected once: thousands of worlds are read.
static RULES: LazyLock<Arc<RuleSet>> = LazyLock::new(|| Arc::new(RuleSet::load(Vec::new()).unwrap()));
static CONTEXT: LazyLock<Context> =
    LazyLock::new(|| Context::real(HttpSettings { use_proxy: false, ..HttpSettings::default() }).unwrap());

impl Stage {
    pub(super) fn new(setup: Setup) -> Self {
        Self::through(setup, |http| http)
    }

    /// With something between the client and the network.
    pub(super) fn through(setup: Setup, between: impl FnOnce(Arc<dyn Http>) -> Arc<dyn Http>) -> Self {
        let Setup { world, said, rows, kill_file, ways, latency_ms, budget, hours_left, files } = setup;
        let world = World::from_json("test", &world.to_string()).unwrap();
        let world = world.with_behaviour(Behaviour { latency_ms, ..Behaviour::default() });
        let server = Server::start(world, SocketAddr::from(([127, 0, 0, 1], 0)), None).unwrap();
        let endpoints = Endpoints::default().with_endpoint_url(&server.url()).unwrap();
        let patience = Duration::from_millis(20);
        let hasty = throttle::Settings { patience, cold_patience: patience, ..throttle::Settings::loopback() };
        // Nobody waits for a cloud in trouble.
        let retry =
            RetrySettings { base: Duration::from_millis(1), cap: Duration::from_millis(2), ..RetrySettings::default() };
        let settings = Settings { throttle: hasty, retry, run: None };
        let context = Context { http: between(CONTEXT.http.clone()), ..CONTEXT.clone() };
        let client = Client::new(context, endpoints, settings);
        let credentials = Credentials {
            access_key_id: "testid".to_owned(),
            access_key_secret: "testsecret".to_owned().into(),
            security_token: None,
            expiration: None,
        };
        let account = Account::new(world::ACCOUNT, Arc::new(StaticProvider::new("world", credentials)));
        let clock = client.context().clock.clone();
        let skipped = Arc::new(AtomicU64::new(0));
        let ahead = skipped.clone();
        let now = move || {
            let elapsed = u64::try_from(clock.monotonic().as_millis()).unwrap_or(u64::MAX);
            Mono(elapsed.saturating_add(ahead.load(Ordering::Relaxed)))
        };
        let prover = Prover {
            client,
            accounts: vec![(world::ACCOUNT.into(), account)],
            now: Arc::new(now),
            pace: Pace::default(),
            rules: RULES.clone(),
            decisions: Arc::new(said),
            records: Arc::new(rows),
            kill_file,
            ways,
            logs: tokio::sync::Mutex::default(),
            own: Mutex::default(),
            told: Mutex::default(),
        };
        Self { server, prover, skipped, budget, hours_left, _files: files }
    }

    /// Instead of waiting.
    pub(super) fn skip_to(&self, until: Mono) {
        let wait = u64::try_from((until - self.prover.now()).as_millis()).unwrap();
        self.skipped.fetch_add(wait, Ordering::Relaxed);
    }

    pub(super) async fn read(&self, what: ReadFor, action: &Action) -> Readings {
        let (target, plan) = (&action.target, world::PLAN);
        self.prover.read(Ask { what, target, action: Some(action), plan, since: None }).await
    }

    /// Who refuses an action, on these readings.
    pub(super) fn judge(&self, readings: &Readings, action: &Action, moment: Moment) -> Result<(), Vec<Refusal>> {
        let plan = self.plan(action, readings.clock.as_ref().map(|clock| clock.cloud).unwrap_or_default());
        let (account, pace) = (crate::remediate::Account::default(), Pace::default());
        // What the world has under the name of a fence's list.
        let list = crate::model::AclId::from("acl-1");
        let facts = Facts {
            action,
            plan: Some(&plan),
            run: "run",
            readings,
            account: Some(&account),
            acl: Some(&list),
            settings: None,
            moment,
            now: self.prover.now(),
            pace: &pace,
        };
        judge(&facts).map(drop)
    }

    /// The plan of one action.
    pub(super) fn plan(&self, action: &Action, now: CloudTime) -> Plan {
        let hour = Duration::from_secs(3600);
        let expires = match u32::try_from(self.hours_left) {
            Ok(hours) => now + hour * hours,
            Err(_) => now - hour * self.hours_left.unsigned_abs(),
        };
        let limits = Limits {
            per_run: self.budget,
            per_day: self.budget,
            per_environment: [("untagged".to_owned(), self.budget)].into(),
        };
        Plan {
            id: world::PLAN.to_owned(),
            account: world::ACCOUNT.into(),
            not_before: now - hour * 48,
            expires,
            mode: Mode::Attended,
            limits,
            actions: vec![Arc::new(action.clone())],
        }
    }

    /// Calls that would change something.
    pub(super) fn writes(&self) -> usize {
        let writes = ["Modify", "Set", "Create", "Add", "Delete", "Tag", "UnTag", "Deletion", "Associate", "Release"];
        self.server.journal().iter().filter(|entry| writes.iter().any(|word| entry.action.starts_with(word))).count()
    }
}

fn action(endpoint: Endpoint, balancer: &str, clusters: &[&str], change: Change) -> Action {
    Action {
        intent: "intent-1".to_owned(),
        target: Target { account: world::ACCOUNT.into(), region: world::REGION.into(), endpoint },
        change,
        load_balancer: balancer.into(),
        clusters: clusters.iter().map(|id| (*id).to_owned()).collect(),
        evidence: Vec::new(),
        environment: "untagged".to_owned(),
        group: "c0mesh".to_owned(),
        canary: false,
    }
}

fn unbinding(eip: &str, address: &str) -> Change {
    Change::Unbind { eip: eip.into(), address: address.to_owned() }
}

pub(super) fn pilot() -> Action {
    let change = unbinding("eip-pilot", world::PILOT);
    action(Endpoint::Pilot("c0mesh".into()), "lb-pilot", &["c1far", "c1near"], change)
}

pub(super) fn mesh_api_server() -> Action {
    action(Endpoint::MeshApiServer("c0mesh".into()), "lb-mapi", &[], unbinding("eip-mapi", world::MESH_API))
}

pub(super) fn cluster_api_server() -> Action {
    let change = unbinding("eip-api", world::CLUSTER_API);
    action(Endpoint::ClusterApiServer("c2api".into()), "lb-api", &["ci"], change)
}

pub(super) fn fence() -> Action {
    let entries = vec!["10.1.0.0/16".to_owned(), format!("{}/32", world::FAR_EGRESS)];
    let change = Change::Fence { port: 15011, before: AclSetting::off(), entries };
    action(Endpoint::Pilot("c0mesh".into()), "lb-pilot", &["c1far", "c1near"], change)
}
