//! A simulated cloud with somebody who reads it, decisions that a test makes, and a store of a few records.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::world;
use crate::{
    cli::prove::{Decisions, Means, Prover, Records, Way},
    cloud::{
        client::{Account, Client, Settings},
        context::{Context, HttpSettings},
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
}

impl Setup {
    pub(super) fn of(world: Value) -> Self {
        let (said, rows) = (Said::default(), Rows::default());
        Self { world, said, rows, kill_file: None, ways: BTreeSet::new(), latency_ms: 0 }
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
}

impl Stage {
    pub(super) fn new(setup: Setup) -> Self {
        let Setup { world, said, rows, kill_file, ways, latency_ms } = setup;
        let world = World::from_json("test", &world.to_string()).unwrap();
        let world = world.with_behaviour(Behaviour { latency_ms, ..Behaviour::default() });
        let server = Server::start(world, SocketAddr::from(([127, 0, 0, 1], 0)), None).unwrap();
        let endpoints = Endpoints::default().with_endpoint_url(&server.url()).unwrap();
        let patience = Duration::from_millis(20);
        let hasty = throttle::Settings { patience, cold_patience: patience, ..throttle::Settings::loopback() };
        let settings = Settings { throttle: hasty, ..Settings::for_endpoints(&endpoints) };
        let http = HttpSettings { use_proxy: false, ..HttpSettings::default() };
        let client = Client::new(Context::real(http).unwrap(), endpoints, settings);
        let credentials = Credentials {
            access_key_id: "testid".to_owned(),
            access_key_secret: "testsecret".to_owned().into(),
            security_token: None,
            expiration: None,
        };
        let account = Account::new(world::ACCOUNT, Arc::new(StaticProvider::new("world", credentials)));
        let clock = client.context().clock.clone();
        let now = move || Mono(u64::try_from(clock.monotonic().as_millis()).unwrap_or(u64::MAX));
        let prover = Prover::new(Means {
            client,
            accounts: vec![(world::ACCOUNT.into(), account)],
            now: Arc::new(now),
            pace: Pace::default(),
            rules: rules(),
            decisions: Arc::new(said),
            records: Arc::new(rows),
            kill_file,
            ways,
        });
        Self { server, prover }
    }

    pub(super) async fn read(&self, what: ReadFor, action: &Action) -> Readings {
        let (target, plan) = (&action.target, world::PLAN);
        self.prover.read(Ask { what, target, action: Some(action), plan, since: None }).await
    }

    /// Who refuses an action, on these readings.
    pub(super) fn judge(&self, readings: &Readings, action: &Action, moment: Moment) -> Result<(), Vec<Refusal>> {
        let plan = plan(action, readings);
        let (account, pace) = (crate::remediate::Account::default(), Pace::default());
        let facts = Facts {
            action,
            plan: Some(&plan),
            run: "run",
            readings,
            account: Some(&account),
            acl: None,
            moment,
            now: self.prover.now(),
            pace: &pace,
        };
        judge(&facts).map(drop)
    }

    /// Calls that would change something.
    pub(super) fn writes(&self) -> usize {
        let writes = ["Modify", "Set", "Create", "Add", "Delete", "Tag", "UnTag", "Deletion", "Associate", "Release"];
        self.server.journal().iter().filter(|entry| writes.iter().any(|word| entry.action.starts_with(word))).count()
    }
}

fn rules() -> RuleSet {
    // Loading compiles every rule: once is enough.
    static TEXTS: Mutex<()> = Mutex::new(());
    let _one = TEXTS.lock().unwrap();
    RuleSet::load(Vec::new()).unwrap()
}

fn plan(action: &Action, readings: &Readings) -> Plan {
    let now = readings.clock.as_ref().map(|clock| clock.cloud).unwrap_or_default();
    let hour = Duration::from_secs(3600);
    Plan {
        id: world::PLAN.to_owned(),
        account: world::ACCOUNT.into(),
        not_before: now - hour,
        expires: now + hour,
        mode: Mode::Attended,
        limits: Limits { per_run: 1, per_day: 1, per_environment: [("dev".to_owned(), 1)].into() },
        actions: vec![Arc::new(action.clone())],
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
        environment: "dev".to_owned(),
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
