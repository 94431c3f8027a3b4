//! The vendor's documented replies, one file per operation in `tests/contract`, read by the scanner
//! as they stand and compared with the inventory that they mean (`tests/contract/inventory.jsonl`,
//! the lines of a snapshot).
//!
//! A file is a list of cases: the reply of the first case whose `when` agrees with the request is
//! given. `UPDATE_CONTRACT=1 cargo test --test contract` writes the inventory anew.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

use chrono::DateTime;
use futures::future::BoxFuture;
use portcullis::{
    cloud::{
        client::{Account, Client, Settings as ClientSettings},
        context::{Context, HeaderText, Http, HttpError, HttpRequest, HttpResponse, HttpSettings},
        credential::{Credentials, StaticProvider},
        endpoint::Endpoints,
    },
    model::{EvidenceRead, EvidenceWanted, Inventory, Scope},
    scan::{self, EvidenceSettings, Settings, Silent},
    store::snapshot,
};
use serde::Deserialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

const FOLDER: &str = "tests/contract";

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// `path`, a parameter of the query or form, or a field of a JSON body.
    when: BTreeMap<String, String>,
    reply: Value,
}

/// Answers from the files, by product and operation.
struct Files {
    cases: BTreeMap<String, Vec<Case>>,
    used: Mutex<BTreeMap<String, usize>>,
}

impl Files {
    fn new() -> Self {
        let mut cases = BTreeMap::new();
        for product in fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
            for file in fs::read_dir(&product).unwrap().map(|entry| entry.unwrap().path()) {
                let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
                let read = serde_json::from_str(&fs::read_to_string(&file).unwrap())
                    .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
                cases.insert(format!("{}/{}", name(&product), name(&file)), read);
            }
        }
        Self { cases, used: Mutex::default() }
    }

    fn answer(&self, request: &HttpRequest) -> Value {
        let header = |name: &str| match request.headers.iter().find(|(known, _)| *known == name) {
            Some((_, HeaderText::Plain(text))) => text.clone(),
            other => panic!("{name}: {other:?}"),
        };
        let host = header("host");
        // The log service has no header for the operation, and the project before its host.
        let key = if host.ends_with(".log.aliyuncs.com") {
            "sls/GetLogsV2".to_owned()
        } else {
            format!("{}/{}", host.split(['.', '-']).next().unwrap(), header("x-acs-action"))
        };
        let said = asked(request);
        let case = self.cases[&key]
            .iter()
            .find(|case| case.when.iter().all(|(name, value)| said.get(name) == Some(value)))
            .unwrap_or_else(|| panic!("no case of {key} for {said:?}"));
        *self.used.lock().unwrap().entry(key).or_default() += 1;
        case.reply.clone()
    }
}

impl Http for Files {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let body = self.answer(&request).to_string().into_bytes();
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Box::pin(async { Ok(HttpResponse { status: 200, headers, body }) })
    }
}

/// Path and parameters of a request.
fn asked(request: &HttpRequest) -> BTreeMap<String, String> {
    let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let (_, rest) = request.url.split_once("://").unwrap();
    let (_, rest) = rest.split_once('/').unwrap();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let form = std::str::from_utf8(&request.body).unwrap();
    let path = ("path".to_owned(), format!("/{path}"));
    let json: BTreeMap<String, Value> = serde_json::from_str(form).unwrap_or_default();
    let fields = json.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
    let form = if form.starts_with('{') { "" } else { form };
    let params = query.split('&').chain(form.split('&')).filter_map(|pair| pair.split_once('='));
    params.map(|(name, value)| (decode(name), decode(value))).chain(fields).chain([path]).collect()
}

async fn read(files: Arc<Files>) -> Inventory {
    let context = Context { http: files, ..Context::real(HttpSettings::default()).unwrap() };
    let client = Client::new(context, Endpoints::default(), ClientSettings::default());
    let credentials = Credentials {
        access_key_id: "testid".to_owned(),
        access_key_secret: "testsecret".to_owned().into(),
        security_token: None,
        expiration: None,
    };
    let account = Account::new("test", Arc::new(StaticProvider::new("test", credentials)));
    let taken_at = DateTime::from_timestamp(1_767_323_045, 0).unwrap();
    let token = CancellationToken::new();
    let scan = scan::collect(&client, &[account], &Settings::default(), taken_at, Arc::new(Silent), &token).await;
    let settings = EvidenceSettings { window_days: 30, audit_logs_expected: true, flow_logs_expected: true };
    scan.unwrap().read_evidence(evidence(), settings).await.unwrap().inventory
}

/// Logs of what the replies hold.
fn evidence() -> Vec<EvidenceWanted> {
    let reads = [
        EvidenceRead::FlowLogs {
            vpc_id: "vpc-bp2".into(),
            v_switches: BTreeSet::new(),
            entrances: [("203.0.113.7".parse().unwrap(), 15011)].into(),
        },
        EvidenceRead::ClusterAudit("c82e6987e2961451182edacd74faf4321".into()),
        EvidenceRead::MeshAudit {
            service_mesh_id: "c08ba3fd1e6484b0f8cc1ad8fe10d1234".into(),
            project: Some("mesh-log-c08b".to_owned()),
        },
        EvidenceRead::Trail { of_meshes: true, of_clusters: true },
    ];
    let scope = Scope { account_id: "1000000000000001".into(), region_id: "cn-hangzhou".into() };
    reads.into_iter().map(|read| EvidenceWanted { scope: scope.clone(), read }).collect()
}

#[tokio::test]
async fn documented_replies_mean_what_they_say() {
    let files = Arc::new(Files::new());
    let inventory = read(files.clone()).await;
    let unused: Vec<_> = files.cases.keys().filter(|key| !files.used.lock().unwrap().contains_key(*key)).collect();
    assert!(unused.is_empty(), "never asked: {unused:?}");
    let gaps: Vec<_> = inventory.coverage().gaps().collect();
    assert!(gaps.is_empty(), "{gaps:#?}");

    let mut file = Vec::new();
    snapshot::write(&inventory, "0", &mut file).unwrap();
    let lines = String::from_utf8(zstd::decode_all(&*file).unwrap()).unwrap();
    let resources: String =
        lines.lines().filter(|line| line.contains("\"AccountId\"")).map(|line| format!("{line}\n")).collect();
    let golden = Path::new(FOLDER).join("inventory.jsonl");
    if std::env::var_os("UPDATE_CONTRACT").is_some() {
        fs::write(&golden, &resources).unwrap();
    }
    assert_eq!(resources, fs::read_to_string(&golden).unwrap());
}
