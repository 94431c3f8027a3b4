//! Where keys come from, by scenario. Each folder of `tests/credentials` holds
//!
//! - `env.json`: the environment; `HOME` is the home directory,
//! - `files/`: what is at that path from the root of the machine,
//! - `traffic.json`: what is asked of the network and of programs, in order, and the replies,
//! - `expected.json`: what is done (`profile`, `assume_role`, `session`), and step by step what must come of it.
//!
//! Every secret of a scenario contains the word `hush`; it may be in no message.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, VecDeque},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use portcullis::cloud::{
    client::{Client, Settings},
    context::{Clock, Context, Env, Files, HeaderText, Http, HttpError, HttpRequest, HttpResponse, Programs, Random},
    credential::{self, Credentials, Provider, RoleToAssume, Session},
    endpoint::Endpoints,
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;

/// One request or run of a program that must come next, and what it gets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    /// `GET http://100.100.100.200/latest/…` without the query, or `run PROGRAM ARGUMENTS`.
    request: String,
    /// The whole query, decoded.
    #[serde(default)]
    query: BTreeMap<String, String>,
    /// The whole form, decoded.
    #[serde(default)]
    form: BTreeMap<String, String>,
    /// The whole body, where it is JSON.
    json: Option<Value>,
    /// Headers that must be there.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Headers that must not be there.
    #[serde(default)]
    without: Vec<String>,
    /// The id of the key that signed it; where absent, nothing may have.
    signed_by: Option<String>,
    #[serde(default)]
    reply: Answer,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    status: Option<u16>,
    json: Option<Value>,
    text: Option<String>,
    /// `connect`, `timeout` or `reset` instead of a reply; `exit` for a program.
    fails: Option<String>,
}

impl Answer {
    fn body(&self) -> Vec<u8> {
        match (&self.json, &self.text) {
            (Some(json), _) => json.to_string().into_bytes(),
            (None, text) => text.clone().unwrap_or_default().into_bytes(),
        }
    }
}

/// What is done, and what must come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    /// An explicit profile.
    profile: Option<String>,
    /// Roles assumed one after the other with the keys of the chain.
    #[serde(default)]
    assume_role: Vec<Role>,
    /// True: the keys are held to one account.
    #[serde(default)]
    session: bool,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    role_arn: String,
    external_id: Option<String>,
    session_name: Option<String>,
}

/// Some preparation, then one look at the keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// So much time passes first.
    #[serde(default)]
    after_seconds: i64,
    /// Files that change first.
    #[serde(default)]
    write: BTreeMap<PathBuf, String>,
    /// True: the cloud has refused the keys of the step before as expired.
    #[serde(default)]
    refused: bool,
    /// So many ask at once; each must get the same.
    callers: Option<usize>,
    keys: Option<Keys>,
    /// Parts of the error's text.
    error: Option<Vec<String>>,
    /// Account number and ARN of the session.
    identity: Option<(String, String)>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Keys {
    source: Option<String>,
    id: String,
    secret: String,
    token: Option<String>,
    expiration: Option<DateTime<Utc>>,
}

impl Keys {
    fn of(keys: &Credentials, source: Option<String>) -> Self {
        Self {
            source,
            id: keys.access_key_id.clone(),
            secret: keys.access_key_secret.expose_secret().to_owned(),
            token: keys.security_token.as_ref().map(|token| token.expose_secret().to_owned()),
            expiration: keys.expiration,
        }
    }
}

/// The machine of a scenario.
struct World {
    env: BTreeMap<String, String>,
    files: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
    traffic: Mutex<VecDeque<Exchange>>,
    elapsed: Mutex<Duration>,
    random: Mutex<u64>,
}

impl World {
    fn next(&self, request: &str) -> Exchange {
        let next = self.traffic.lock().unwrap().pop_front();
        let next = next.unwrap_or_else(|| panic!("nothing was to be asked any more, but this was: {request}"));
        assert_eq!(request, next.request, "another request was due");
        next
    }
}

impl Http for World {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let (url, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
        let next = self.next(&format!("{} {url}", request.method.as_str()));
        let headers: BTreeMap<&str, String> = request.headers.iter().map(|(name, text)| (*name, shown(text))).collect();
        assert_eq!(decoded(query), next.query, "query of {}", next.request);
        match &next.json {
            Some(json) => {
                assert_eq!(&serde_json::from_slice::<Value>(&request.body).unwrap(), json, "{}", next.request)
            }
            None => {
                let form = decoded(std::str::from_utf8(&request.body).unwrap());
                assert_eq!(form, next.form, "form of {}", next.request);
            }
        }
        for (name, value) in &next.headers {
            assert_eq!(headers.get(name.as_str()), Some(value), "header {name} of {}", next.request);
        }
        for name in &next.without {
            assert_eq!(headers.get(name.as_str()), None, "header {name} of {}", next.request);
        }
        let signature = headers.get("authorization").filter(|text| !text.starts_with("Bearer "));
        let signer = signature.map(|text| {
            let id = text.split_once("Credential=").unwrap().1;
            id.split_once(',').unwrap().0.to_owned()
        });
        assert_eq!(signer, next.signed_by, "signer of {}", next.request);
        let host = "fake".to_owned();
        let outcome = match next.reply.fails.as_deref() {
            Some("connect") => Err(HttpError::Connect { host, reason: "refused".to_owned() }),
            Some("timeout") => Err(HttpError::Timeout { phase: "call", limit: Duration::from_secs(1) }),
            Some("reset") => Err(HttpError::Reset { reason: "gone".to_owned() }),
            Some(other) => panic!("unknown failure {other}"),
            None => {
                let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
                Ok(HttpResponse { status: next.reply.status.unwrap_or(200), headers, body: next.reply.body() })
            }
        };
        // Gives others a turn, so that callers at once really are.
        Box::pin(async {
            tokio::task::yield_now().await;
            outcome
        })
    }
}

fn shown(text: &HeaderText) -> String {
    match text {
        HeaderText::Plain(text) => text.clone(),
        HeaderText::Sensitive(secret) => secret.expose_secret().to_owned(),
    }
}

fn decoded(query: &str) -> BTreeMap<String, String> {
    let text =
        |part: &str| percent_encoding::percent_decode_str(&part.replace('+', " ")).decode_utf8().unwrap().into_owned();
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap());
    pairs.map(|(name, value)| (text(name), text(value))).collect()
}

impl Clock for World {
    fn now(&self) -> DateTime<Utc> {
        let start: DateTime<Utc> = "2026-01-02T03:04:05Z".parse().unwrap();
        start + TimeDelta::from_std(self.monotonic()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        *self.elapsed.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        *self.elapsed.lock().unwrap() += duration;
        Box::pin(async {})
    }
}

impl Env for World {
    fn var(&self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }

    fn home(&self) -> Option<PathBuf> {
        self.env.get("HOME").map(PathBuf::from)
    }
}

impl Files for World {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.lock().unwrap().get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Programs for World {
    fn run<'a>(&'a self, program: &'a str, arguments: &'a [String], _: Duration) -> BoxFuture<'a, io::Result<Vec<u8>>> {
        let next = self.next(&format!("run {program} {}", arguments.join(" ")));
        Box::pin(async move {
            match next.reply.fails {
                Some(_) => Err(io::Error::other("the program ended with exit status: 1")),
                None => Ok(next.reply.body()),
            }
        })
    }
}

impl Random for World {
    fn bits(&self) -> u64 {
        let mut bits = self.random.lock().unwrap();
        *bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *bits
    }
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    let text = fs::read_to_string(path).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// Every file below `folder`, by its path from there, made absolute.
fn files(folder: &Path, place: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        let place = place.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => files(&entry.path(), &place, found),
            false => _ = found.insert(place, fs::read(entry.path()).unwrap()),
        }
    }
}

/// The keys to look at, opened on first use.
#[derive(Default)]
struct Opened {
    provider: Option<Arc<dyn Provider>>,
    session: Option<Arc<Session>>,
    last: Option<Arc<Credentials>>,
}

/// The role as the script says.
fn to_assume(role: &Role) -> RoleToAssume {
    let mut to_assume = RoleToAssume::new(&role.role_arn);
    to_assume.external_id.clone_from(&role.external_id);
    if let Some(name) = &role.session_name {
        to_assume.session_name.clone_from(name);
    }
    to_assume
}

async fn open(client: &Client, script: &Script) -> Result<Opened, String> {
    let profile = script.profile.as_deref();
    if script.session {
        let role = script.assume_role.first().map(to_assume);
        let session = credential::session(client, profile, role).await.map_err(|error| error.to_string())?;
        let provider: Arc<dyn Provider> = Arc::<Session>::clone(&session);
        return Ok(Opened { provider: Some(provider), session: Some(session), last: None });
    }
    let mut provider = credential::chain(client, profile).await.map_err(|error| error.to_string())?;
    for role in &script.assume_role {
        provider = credential::assume_role(client, provider, to_assume(role)).map_err(|error| error.to_string())?;
    }
    Ok(Opened { provider: Some(provider), session: None, last: None })
}

async fn take(
    step: &Step,
    script: &Script,
    client: &Client,
    world: &World,
    opened: &mut Opened,
) -> Result<Keys, String> {
    *world.elapsed.lock().unwrap() += Duration::from_secs(step.after_seconds.try_into().unwrap());
    for (path, text) in &step.write {
        world.files.lock().unwrap().insert(path.clone(), text.clone().into_bytes());
    }
    if opened.provider.is_none() {
        *opened = open(client, script).await?;
    }
    let provider = opened.provider.as_ref().unwrap();
    if step.refused {
        provider.invalidate(opened.last.as_ref().unwrap()).await;
    }
    let callers = (0..step.callers.unwrap_or(1)).map(|_| provider.credentials());
    let results = futures::future::join_all(callers).await;
    let mut keys = None;
    for result in results {
        let got = result.map_err(|error| error.to_string())?;
        let again = keys.get_or_insert_with(|| Arc::clone(&got));
        assert!(Arc::ptr_eq(again, &got), "callers at once got different keys");
    }
    let keys = keys.unwrap();
    assert!(!format!("{keys:?}").contains("hush"), "a secret is in the debug text");
    opened.last = Some(Arc::clone(&keys));
    Ok(Keys::of(&keys, Some(provider.describe())))
}

async fn run(folder: &Path) {
    let mut found = BTreeMap::new();
    files(&folder.join("files"), Path::new("/"), &mut found);
    let script: Script = json(&folder.join("expected.json")).expect("expected.json");
    let world = Arc::new(World {
        env: json(&folder.join("env.json")).unwrap_or_default(),
        files: Mutex::new(found),
        traffic: Mutex::new(json(&folder.join("traffic.json")).unwrap_or_default()),
        elapsed: Mutex::default(),
        random: Mutex::new(1),
    });
    let context = Context {
        http: Arc::<World>::clone(&world),
        clock: Arc::<World>::clone(&world),
        env: Arc::<World>::clone(&world),
        files: Arc::<World>::clone(&world),
        programs: Arc::<World>::clone(&world),
        random: Arc::<World>::clone(&world),
    };
    let endpoints = Endpoints::from_env(&*context.env).unwrap();
    let (network, home) = credential::network(&context, script.profile.as_deref()).unwrap();
    let endpoints = endpoints.with_network(network, home);
    let client = Client::new(context, endpoints, Settings::default());
    let mut opened = Opened::default();
    for (index, step) in script.steps.iter().enumerate() {
        let came = take(step, &script, &client, &world, &mut opened).await;
        match (&step.keys, &step.error, came) {
            (Some(wanted), None, Ok(mut came)) => {
                if wanted.source.is_none() {
                    came.source = None;
                }
                assert_eq!(&came, wanted, "step {index}");
            }
            (None, Some(parts), Err(came)) => {
                assert!(!came.contains("hush"), "step {index}: a secret is in {came}");
                for part in parts {
                    assert!(came.contains(part.as_str()), "step {index}: {part:?} is not in {came:?}");
                }
            }
            (_, _, came) => panic!("step {index}: {came:?} came instead of {step:?}"),
        }
        if let Some((account_id, arn)) = &step.identity {
            let identity = opened.session.as_ref().unwrap().identity();
            assert_eq!((&identity.account_id, &identity.arn), (account_id, arn), "step {index}");
        }
    }
    let left = world.traffic.lock().unwrap();
    assert!(left.is_empty(), "this was never asked: {left:?}");
}

#[test]
fn every_scenario_ends_as_expected() {
    let mut folders: Vec<PathBuf> =
        fs::read_dir("tests/credentials").unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut failed = Vec::new();
    for folder in &folders {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(run(folder))));
        if outcome.is_err() {
            failed.push(folder.display().to_string());
        }
    }
    assert!(folders.len() >= 25, "only {} scenarios", folders.len());
    assert!(failed.is_empty(), "failed: {}", failed.join(", "));
}
