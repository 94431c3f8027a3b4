//! Scans in this process, many at a time: the world over real HTTP, the whole way from the calls to
//! the report, with waits of milliseconds in place of seconds.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, LazyLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures::{StreamExt, future::BoxFuture, stream};
use portcullis::{
    analysis,
    cloud::{
        client::{Account, Client, Settings as ClientSettings},
        context::{Clock, Context, Http, HttpSettings, RealClock},
        credential::{Credentials, StaticProvider},
        endpoint::Endpoints,
    },
    engine::RuleSet,
    findings::{self, GateSettings, Run, RunHeader},
    model::{NamedConsumers, Severity, TrustedEntry, TrustedList},
    report::v1::Document,
    sandbox::{Entry, Server, World, worlds},
    scan::{self, Scan, ScanError, Settings, Silent},
    store::snapshot,
};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use crate::ledger::{self, Planted, Said};

/// A shipped world with its ledger.
pub struct Case {
    pub name: &'static str,
    pub document: Value,
    pub planted: Planted,
}

impl Case {
    pub fn named(name: &str) -> Self {
        let world = worlds().iter().find(|world| world.name == name).unwrap();
        Self {
            name: world.name,
            document: serde_json::from_str(world.world_json).unwrap(),
            planted: serde_saphyr::from_str(world.planted_yaml).unwrap(),
        }
    }

    pub fn all() -> Vec<Self> {
        let all = worlds().iter().map(|world| Self::named(world.name));
        // Without its logs, which nothing here reads, a world does not say what is planted there.
        all.filter(|case| case.planted.evidence.is_none()).collect()
    }

    /// The document with faults that strike before its own: the first fault that matches a call is
    /// the one. For those that pass.
    pub fn with(&self, faults: impl IntoIterator<Item = Value>) -> Value {
        let mut document = self.document.clone();
        let mut all: Vec<Value> = faults.into_iter().collect();
        all.extend(document["faults"].as_array().cloned().unwrap_or_default());
        document["faults"] = Value::Array(all);
        document
    }

    /// The document with a fault that strikes where none of its own does: one that stays must not
    /// stand in for a refusal.
    pub fn with_lasting(&self, fault: Value) -> Value {
        let mut document = self.document.clone();
        let mut all = document["faults"].as_array().cloned().unwrap_or_default();
        all.push(fault);
        document["faults"] = Value::Array(all);
        document
    }
}

/// A fault that strikes an operation everywhere; 0 times is always.
pub fn fault(action: &str, kind: &str, times: u32) -> Value {
    json!({"action": action, "region_id": "*", "account_id": "*", "kind": kind, "skip": 0, "times": times})
}

/// A running world and a client that leads to it.
pub struct Cloud {
    pub server: Server,
    pub client: Client,
}

impl Cloud {
    pub fn start(document: &Value) -> Self {
        Self::start_through(document, |http| http)
    }

    /// `wrap` stands between the client and the network.
    pub fn start_through(document: &Value, wrap: impl FnOnce(Arc<dyn Http>) -> Arc<dyn Http>) -> Self {
        Self::serve(World::from_json("test", &document.to_string()).unwrap(), wrap)
    }

    pub fn serve(world: World, wrap: impl FnOnce(Arc<dyn Http>) -> Arc<dyn Http>) -> Self {
        let server = Server::start(world, SocketAddr::from(([127, 0, 0, 1], 0)), None).unwrap();
        let endpoints = Endpoints::default().with_endpoint_url(&server.url()).unwrap();
        let mut context = CONTEXT.clone();
        context.http = wrap(context.http);
        context.clock = Arc::new(FastClock(RealClock::default()));
        let mut settings = ClientSettings::for_endpoints(&endpoints);
        // Every read is hit several times, which no run in earnest would put up with.
        settings.retry.least = 100_000;
        Self { server, client: Client::new(context, endpoints, settings) }
    }

    /// The world's first key, as `scan --sandbox` uses it.
    pub fn provider(&self) -> StaticProvider {
        let key = self.server.first_access_key().unwrap();
        let credentials = Credentials {
            access_key_id: key.access_key_id.clone(),
            access_key_secret: key.access_key_secret.clone().into(),
            security_token: None,
            expiration: None,
        };
        StaticProvider::new("the world's first key", credentials)
    }
}

/// One for all, since its certificates take longer to read than a small world.
static CONTEXT: LazyLock<Context> =
    LazyLock::new(|| Context::real(HttpSettings { use_proxy: false, ..HttpSettings::default() }).unwrap());

/// A clock on which everything passes faster, waits included, so that their proportions stay.
struct FastClock(RealClock);

const FASTER: u32 = 50;

impl Clock for FastClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic() * FASTER
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration / FASTER)
    }
}

/// What a scan said.
pub struct Judged {
    pub said: Said,
    pub report: Value,
}

/// Scans a world as `scan --sandbox` does; `None` where nothing at all could be read, which is
/// exit code 5 and no report.
pub async fn judge(document: &Value, trusted: &[String]) -> Option<Judged> {
    let cloud = Cloud::start(document);
    let account = Account::new("sandbox", Arc::new(cloud.provider()));
    let judged = judge_as(&cloud, account, trusted).await;
    // Waits for the server's thread, which must not hold up the others.
    tokio::task::spawn_blocking(move || drop(cloud)).await.unwrap();
    judged
}

/// The same with keys of one's own.
pub async fn judge_as(cloud: &Cloud, account: Account, trusted: &[String]) -> Option<Judged> {
    judge_all(cloud, &[account], trusted).await
}

/// The same of several accounts.
pub async fn judge_all(cloud: &Cloud, accounts: &[Account], trusted: &[String]) -> Option<Judged> {
    let token = CancellationToken::new();
    let taken_at = DateTime::from_timestamp(1_767_323_045, 0).unwrap();
    let read = scan::collect(&cloud.client, accounts, &Settings::default(), taken_at, Arc::new(Silent), &token).await;
    match read {
        Ok(scan) => Some(conclude(read_networks(scan).await, trusted, taken_at)),
        Err(ScanError::NoAccount { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Reads what would decide whether exposed endpoints are still needed, until nothing more would.
async fn read_networks(mut scan: Scan) -> Scan {
    for _ in 0..24 {
        let wanted = analysis::wanted(&scan.inventory, &NamedConsumers::new());
        if wanted.is_empty() {
            return scan;
        }
        scan = scan.read_more(wanted).await.unwrap();
    }
    panic!("reads are wanted without end");
}

/// The rules are the same for every scan, and compiling them takes longer than one.
static RULES: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::embedded().unwrap());

/// From what was read to the report, without the parts of it that need a command line.
fn conclude(scan: Scan, trusted: &[String], taken_at: DateTime<Utc>) -> Judged {
    let entries = trusted.iter().map(|cidr| TrustedEntry::everywhere(cidr.parse().unwrap())).collect();
    let snapshot_digest = snapshot::digest(&scan.inventory).to_string();
    let judgements = analysis::judge(&scan.inventory, &TrustedList { entries }, &NamedConsumers::new());
    let (caller, coverage) = scan.inventory.into_ledger();
    let gate = GateSettings::new(taken_at.date_naive(), coverage.complete());
    let findings = findings::apply(RULES.evaluate(&judgements), &judgements, &gate);
    let outcome = findings::outcome(&findings, &coverage, &judgements, Severity::Low);
    let header = RunHeader {
        id: String::new(),
        started_at: taken_at,
        finished_at: taken_at,
        tool_version: String::new(),
        exit_code: outcome.exit_code(),
        caller,
        api_calls: scan.stats.api_calls,
        retries: scan.stats.retries,
        snapshot_digest,
        rules_digest: RULES.digest().to_owned(),
        rules: RULES.ids().map(str::to_owned).collect(),
        grounds: Default::default(),
        fail_on: None,
        policy: None,
        tool_digest: None,
        clock_offset_ms: None,
        replies: Vec::new(),
        interrupted: scan.interrupted,
    };
    let run = Run { header, verdict: outcome.verdict, judgements, findings, coverage };
    let report = serde_json::to_value(Document::of(&run)).unwrap();
    Judged { said: ledger::said(&report, outcome.exit_code().into()), report }
}

/// One for all as well: connections that are kept open belong to it.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// Every fifth of the cases; another fifth with each number that `FAULTS` is set to, and all of them with `FAULTS=all`. All
/// of them take minutes, unoptimised.
pub fn chosen<T>(cases: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
    let asked = std::env::var("FAULTS").unwrap_or_default();
    let fifth = (asked != "all").then(|| asked.parse::<usize>().unwrap_or_default() % 5);
    let cases = cases.into_iter().enumerate();
    cases.filter(move |(place, _)| fifth.is_none_or(|fifth| place % 5 == fifth)).map(|(_, case)| case)
}

/// Runs the cases, as many at a time as pay, and gathers what each has to complain about.
pub fn complaints<T: Send + 'static, F: Future<Output = Vec<String>> + Send + 'static>(
    cases: impl IntoIterator<Item = T>,
    check: impl Fn(T) -> F,
) -> Vec<String> {
    const AT_ONCE: usize = 6;
    let mut all: Vec<String> = block_on(async {
        stream::iter(cases)
            .map(|case| tokio::spawn(check(case)))
            .buffer_unordered(AT_ONCE)
            .map(|checked| checked.unwrap())
            .concat()
            .await
    });
    all.sort();
    all
}

/// What a scan reads.
pub struct Reads {
    /// Operation and region, `*` for what no region has.
    pub all: BTreeSet<(String, String)>,
    pub actions: BTreeSet<String>,
    /// The operations that have pages.
    pub paged: BTreeSet<String>,
}

/// Parameters that only lists with pages have.
const PAGING: [&str; 4] = ["PageSize", "page_size", "MaxResults", "MaxResult"];

/// The reads that a scan of the world makes, and that are answered.
pub async fn reads(document: &Value) -> Reads {
    let cloud = Cloud::start(document);
    judge_as(&cloud, Account::new("sandbox", Arc::new(cloud.provider())), &[]).await.unwrap();
    let region = |region: &str| if region.is_empty() { "*".to_owned() } else { region.to_owned() };
    // An answer that is an error already has no body to spoil.
    let answered: Vec<_> = cloud.server.journal().into_iter().filter(|entry| entry.code.is_empty()).collect();
    let is_paged = |entry: &&Entry| entry.params.keys().any(|name| PAGING.contains(&name.as_str()));
    let reads = Reads {
        all: answered.iter().map(|entry| (entry.action.clone(), region(&entry.region))).collect(),
        actions: answered.iter().map(|entry| entry.action.clone()).collect(),
        paged: answered.iter().filter(is_paged).map(|entry| entry.action.clone()).collect(),
    };
    tokio::task::spawn_blocking(move || drop(cloud)).await.unwrap();
    reads
}
