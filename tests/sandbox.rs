//! The simulated cloud over real connections, with a client and a signer of this test's own.

use std::{collections::BTreeSet, io::Write, net::SocketAddr, sync::LazyLock, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portcullis::sandbox::{Behaviour, Server, World, worlds};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One client for all tests. Connections are not kept, since each belongs to a test's own runtime.
static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(|| {
    let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build();
    client.expect("a client without proxy")
});

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().expect("an address")
}

fn start(world: World) -> Server {
    Server::start(world, loopback(), None).expect("a server on loopback")
}

fn demo() -> World {
    World::named("demo").expect("a shipped world")
}

fn world(value: Value) -> World {
    World::from_json("test", &value.to_string()).expect("a world")
}

/// A world with so many EIPs in cn-hangzhou.
fn eips(count: usize) -> Value {
    let eips: Vec<Value> =
        (0..count).map(|index| json!({"AllocationId": format!("eip-{index:04}"), "RegionId": "cn-hangzhou"})).collect();
    json!({"accounts": [{"account_id": "1", "access_keys": [{"access_key_id": "testid", "access_key_secret": "testsecret"}],
        "roles": ["reader"], "regions": ["cn-hangzhou", "cn-shanghai"], "vpc": {"eips": eips}}]})
}

/// One request, to be bent out of shape by tests.
#[derive(Clone)]
struct Ask {
    method: &'static str,
    host: String,
    version: &'static str,
    action: String,
    path: String,
    query: Vec<(String, String)>,
    form: Vec<(String, String)>,
    key: (String, String),
    token: Option<String>,
    date: String,
    nonce: String,
    unsigned: Vec<&'static str>,
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Ask {
    fn rpc(host: &str, version: &'static str, action: &str, query: &[(&str, &str)]) -> Self {
        Self {
            method: "POST",
            host: host.to_owned(),
            version,
            action: action.to_owned(),
            path: "/".to_owned(),
            query: pairs(query),
            form: Vec::new(),
            key: ("testid".to_owned(), "testsecret".to_owned()),
            token: None,
            date: chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
            nonce: uuid::Uuid::new_v4().to_string(),
            unsigned: Vec::new(),
        }
    }

    fn vpc(action: &str, query: &[(&str, &str)]) -> Self {
        Self::rpc("vpc.aliyuncs.com", "2016-04-28", action, query)
    }

    fn eips(query: &[(&str, &str)]) -> Self {
        let mut ask = Self::vpc("DescribeEipAddresses", query);
        ask.query.push(("RegionId".to_owned(), "cn-hangzhou".to_owned()));
        ask
    }

    fn ecs(action: &str, query: &[(&str, &str)]) -> Self {
        let mut ask = Self::rpc("ecs-cn-hangzhou.aliyuncs.com", "2014-05-26", action, query);
        ask.query.push(("RegionId".to_owned(), "cn-hangzhou".to_owned()));
        ask
    }

    fn mesh(action: &str, form: &[(&str, &str)]) -> Self {
        Self { form: pairs(form), ..Self::rpc("servicemesh.aliyuncs.com", "2020-01-11", action, &[]) }
    }

    fn cs(action: &str, path: &str, query: &[(&str, &str)]) -> Self {
        let ask = Self::rpc("cs.cn-hangzhou.aliyuncs.com", "2015-12-15", action, query);
        Self { method: "GET", path: path.to_owned(), ..ask }
    }

    fn headers(&self, body: &str) -> Vec<(String, String)> {
        let mut headers = pairs(&[
            ("host", &self.host),
            ("x-acs-action", &self.action),
            ("x-acs-version", self.version),
            ("x-acs-date", &self.date),
            ("x-acs-signature-nonce", &self.nonce),
            ("x-acs-content-sha256", &hex(&Sha256::digest(body.as_bytes()))),
        ]);
        if !body.is_empty() {
            headers.extend(pairs(&[("content-type", "application/x-www-form-urlencoded")]));
        }
        headers.extend(self.token.clone().map(|token| ("x-acs-security-token".to_owned(), token)));
        headers.sort();
        headers
    }

    fn authorization(&self, headers: &[(String, String)], body: &str) -> String {
        let signed: Vec<_> = headers.iter().filter(|(name, _)| !self.unsigned.contains(&name.as_str())).collect();
        let names = signed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
        let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let mut query = self.query.clone();
        query.sort();
        let hash = hex(&Sha256::digest(body.as_bytes()));
        let canonical = format!("{}\n{}\n{}\n{lines}\n{names}\n{hash}", self.method, self.path, encode(&query));
        let text = format!("ACS3-HMAC-SHA256\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.1.as_bytes()).expect("a key of any length");
        mac.update(text.as_bytes());
        let signature = hex(&mac.finalize().into_bytes());
        format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}", self.key.0)
    }

    async fn send(&self, server: &Server) -> Result<Reply, reqwest::Error> {
        let body = encode(&self.form);
        let headers = self.headers(&body);
        let query = encode(&self.query);
        let separator = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{}{separator}{query}", server.url(), self.path);
        let mut request = CLIENT.request(self.method.parse().expect("a method"), url);
        request = request.header("authorization", self.authorization(&headers, &body));
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let response = request.body(body).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = response.bytes().await?.to_vec();
        Ok(Reply { status, headers, json: serde_json::from_slice(&bytes).unwrap_or_default(), bytes })
    }

    /// Status and code of the reply; the code is empty for success.
    async fn outcome(&self, server: &Server) -> (u16, String) {
        let reply = self.send(server).await.expect("a reply");
        (reply.status, reply.code())
    }
}

struct Reply {
    status: u16,
    headers: reqwest::header::HeaderMap,
    json: Value,
    bytes: Vec<u8>,
}

impl Reply {
    fn code(&self) -> String {
        ["Code", "code"].iter().find_map(|name| self.json[*name].as_str()).unwrap_or_default().to_owned()
    }

    fn ids(&self) -> Vec<String> {
        let items = self.json["EipAddresses"]["EipAddress"].as_array();
        items.into_iter().flatten().filter_map(|eip| eip["AllocationId"].as_str().map(str::to_owned)).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encode(pairs: &[(String, String)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

fn outcome(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn every_embedded_world_is_served() {
    for embedded in worlds() {
        let server = start(World::named(embedded.name).expect("a shipped world"));
        let reply = Ask::mesh("DescribeServiceMeshes", &[]).send(&server).await.expect("a reply");
        assert_eq!((reply.status, reply.json["ServiceMeshes"].is_array()), (200, true), "{}", embedded.name);
    }
}

#[tokio::test]
async fn a_request_must_be_fresh_and_signed_whole() {
    let server = start(world(eips(1)));
    let good = Ask::eips(&[]);
    assert_eq!(good.outcome(&server).await, outcome(200, ""));
    assert_eq!(good.outcome(&server).await, outcome(400, "SignatureNonceUsed"));

    let off = |minutes| {
        let date = chrono::Utc::now() + chrono::TimeDelta::minutes(minutes);
        Ask { date: date.format("%Y-%m-%dT%H:%M:%SZ").to_string(), ..Ask::eips(&[]) }
    };
    assert_eq!(off(-14).outcome(&server).await, outcome(200, ""));
    assert_eq!(off(-16).outcome(&server).await, outcome(400, "InvalidTimeStamp.Expired"));
    assert_eq!(off(16).outcome(&server).await, outcome(400, "InvalidTimeStamp.Expired"));

    let unsigned = Ask { unsigned: vec!["x-acs-action"], ..Ask::eips(&[]) };
    assert_eq!(unsigned.outcome(&server).await, outcome(400, "IncompleteSignature"));
    let wrong = Ask { key: ("testid".to_owned(), "other".to_owned()), ..Ask::eips(&[]) };
    assert_eq!(wrong.outcome(&server).await, outcome(400, "SignatureDoesNotMatch"));
    let nobody = Ask { key: ("nobody".to_owned(), "x".to_owned()), ..Ask::eips(&[]) };
    assert_eq!(nobody.outcome(&server).await, outcome(404, "InvalidAccessKeyId.NotFound"));
}

#[tokio::test]
async fn a_role_session_needs_its_token_and_may_be_killed() {
    let world = world(eips(1)).with_faults(json!([{"kind": "expired-token", "action": "DescribeVpcs", "times": 1}]));
    let server = start(world.expect("faults"));
    let role = [("RoleArn", "acs:ram::1:role/reader"), ("RoleSessionName", "test")];
    let reply = Ask::rpc("sts.aliyuncs.com", "2015-04-01", "AssumeRole", &role).send(&server).await.expect("a reply");
    let text = |name: &str| reply.json["Credentials"][name].as_str().expect("a text").to_owned();
    let session = |ask: Ask| Ask {
        key: (text("AccessKeyId"), text("AccessKeySecret")),
        token: Some(text("SecurityToken")),
        ..ask
    };
    let vpcs = || session(Ask::vpc("DescribeVpcs", &[("RegionId", "cn-hangzhou")]));
    assert_eq!(session(Ask::eips(&[])).outcome(&server).await, outcome(200, ""));
    let tokenless = Ask { token: None, ..session(Ask::eips(&[])) };
    assert_eq!(tokenless.outcome(&server).await, outcome(400, "MissingSecurityToken"));
    let unsigned = Ask { unsigned: vec!["x-acs-security-token"], ..session(Ask::eips(&[])) };
    assert_eq!(unsigned.outcome(&server).await, outcome(400, "IncompleteSignature"));
    assert_eq!(vpcs().outcome(&server).await, outcome(400, "InvalidSecurityToken.Expired"));
    // The fault hit once; the token stays dead.
    assert_eq!(vpcs().outcome(&server).await, outcome(400, "InvalidSecurityToken.Expired"));
    assert_eq!(session(Ask::eips(&[])).outcome(&server).await, outcome(400, "InvalidSecurityToken.Expired"));
}

#[tokio::test]
async fn hosts_and_regions_are_the_vendors() {
    let server = start(demo());
    let slb = |host: &str, query: &[(&str, &str)]| Ask::rpc(host, "2014-05-15", "DescribeLoadBalancers", query);
    let hz = [("RegionId", "cn-hangzhou")];
    let eu = [("RegionId", "eu-central-1")];
    assert_eq!(slb("slb.aliyuncs.com", &hz).outcome(&server).await, outcome(200, ""));
    assert_eq!(slb("slb.aliyuncs.com", &[]).outcome(&server).await, outcome(400, "MissingParameter"));
    assert_eq!(slb("slb.eu-central-1.aliyuncs.com", &eu).outcome(&server).await, outcome(200, ""));
    let contradiction = slb("slb.eu-central-1.aliyuncs.com", &hz).outcome(&server).await;
    assert_eq!(contradiction, outcome(400, "InvalidOperation.NotSupportedEndpoint"));
    let nowhere = slb("slb.cn-hangzhou.aliyuncs.com", &hz).outcome(&server).await;
    assert_eq!(nowhere, outcome(421, "InvalidHost.NotFound"));
    let unknown = slb("slb.aliyuncs.com", &[("RegionId", "mars-1")]).outcome(&server).await;
    assert_eq!(unknown, outcome(404, "InvalidRegionId.NotFound"));
    let other = Ask { host: "ecs-cn-hangzhou.aliyuncs.com".to_owned(), ..Ask::eips(&[]) };
    assert_eq!(other.outcome(&server).await, outcome(400, "InvalidVersion"));
}

#[tokio::test]
async fn parameters_are_read_where_the_vendor_reads_them() {
    let server = start(demo());
    let meshes = Ask::mesh("DescribeServiceMeshes", &[]).send(&server).await.expect("a reply");
    let id = meshes.json["ServiceMeshes"][0]["ServiceMeshInfo"]["ServiceMeshId"].as_str().expect("an id").to_owned();
    let form = Ask::mesh("DescribeServiceMeshDetail", &[("ServiceMeshId", &id)]);
    let query = Ask { query: form.form.clone(), form: Vec::new(), nonce: "q".to_owned(), ..form.clone() };
    assert_eq!(form.outcome(&server).await, outcome(200, ""));
    assert_eq!(query.outcome(&server).await, outcome(400, "MissingParameter"));
    let get = Ask { method: "GET", nonce: "g".to_owned(), ..query.clone() };
    assert_eq!(get.outcome(&server).await, outcome(405, "UnsupportedHTTPMethod"));
    let clusters = Ask { action: "DescribeClustersInServiceMesh".to_owned(), nonce: "c".to_owned(), ..query };
    assert_eq!(clusters.outcome(&server).await, outcome(200, ""));
    let wrong_path = Ask::cs("DescribeClustersV1", "/clusters", &[]);
    assert_eq!(wrong_path.outcome(&server).await, outcome(404, "InvalidAction.NotFound"));
    let encoded = Ask::cs("DescribeClusterDetail", "/clusters/c%2Fa%20b~%2A", &[]);
    assert_eq!(encoded.outcome(&server).await, outcome(404, "ErrorClusterNotFound"));
    let journal = server.journal();
    assert_eq!(journal.last().and_then(|entry| entry.params.get("cluster_id")).map(String::as_str), Some("c/a b~*"));
}

#[tokio::test]
async fn pages_and_tokens_lead_through_everything_once() {
    let everything: Vec<String> = (0..45).map(|index| format!("eip-{index:04}")).collect();
    for cap in [0, 7] {
        let server = start(world(eips(45)).with_behaviour(Behaviour { page_cap: cap, ..Behaviour::default() }));
        let mut seen = Vec::new();
        for number in 1.. {
            let reply = Ask::eips(&[("PageNumber", &number.to_string()), ("PageSize", "20")]).send(&server).await;
            let reply = reply.expect("a reply");
            assert_eq!(reply.json["TotalCount"], 45);
            seen.extend(reply.ids());
            if reply.ids().is_empty() {
                break;
            }
        }
        assert_eq!(seen, everything);
    }

    let server = start(demo());
    let group = Ask::ecs("DescribeSecurityGroups", &[("MaxResults", "1")]).send(&server).await.expect("a reply");
    let token = group.json["NextToken"].as_str().expect("a token").to_owned();
    assert!(!token.is_empty() && group.json.get("TotalCount").is_none());
    let next = Ask::ecs("DescribeSecurityGroups", &[("MaxResults", "1"), ("NextToken", &token)]);
    assert_eq!(next.outcome(&server).await, outcome(200, ""));
    let elsewhere = Ask::ecs("DescribePrefixLists", &[("NextToken", &token)]);
    assert_eq!(elsewhere.outcome(&server).await, outcome(400, "InvalidParameter.NextToken"));
    let changed = Ask::ecs("DescribeSecurityGroups", &[("VpcId", "vpc-1"), ("NextToken", &token)]);
    assert_eq!(changed.outcome(&server).await, outcome(400, "InvalidParameter.NextToken"));
}

/// Serves twelve EIPs with one fault and asks for them once.
async fn with_fault(fault: Value) -> Result<Reply, reqwest::Error> {
    let world = world(eips(12)).with_faults(json!([fault])).expect("a fault");
    Ask::eips(&[("PageSize", "5"), ("PageNumber", "2")]).send(&start(world)).await
}

#[tokio::test]
async fn every_fault_that_is_an_error_has_the_vendors_code() {
    for (kind, status, code) in [
        ("throttle", 400, "Throttling.User"),
        ("http-429", 429, ""),
        ("http-503", 503, "ServiceUnavailable"),
        ("internal-error", 500, "InternalError"),
        ("deny", 403, "Forbidden.RAM"),
        ("expired-token", 400, "InvalidSecurityToken.Expired"),
        ("bad-signature", 400, "SignatureDoesNotMatch"),
        ("clock-skew", 400, "InvalidTimeStamp.Expired"),
        ("not-found", 404, "InvalidAllocationId.NotFound"),
        ("region-not-served", 404, "InvalidRegionId.NotFound"),
        ("html", 502, ""),
        ("inner-403", 200, "403"),
    ] {
        let reply = with_fault(json!({"kind": kind})).await.expect("a reply");
        assert_eq!((reply.status, reply.code()), outcome(status, code), "{kind}");
    }
    let reply = with_fault(json!({"kind": "throttle", "retry_after_ms": 250})).await.expect("a reply");
    assert_eq!(reply.headers["x-acs-retry-after"], "250");
    let reply = with_fault(json!({"kind": "http-429", "retry_after_s": 3})).await.expect("a reply");
    assert_eq!(reply.headers["retry-after"], "3");
    let reply = with_fault(json!({"kind": "html", "status": 504})).await.expect("a reply");
    assert_eq!((reply.status, &reply.headers["content-type"] == "text/html"), (504, true));
}

#[tokio::test]
async fn faults_break_connections_and_bodies() {
    let error = with_fault(json!({"kind": "reset"})).await.err().expect("no reply");
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    let error = with_fault(json!({"kind": "reset-mid-body"})).await.err().expect("no whole reply");
    assert!(error.is_body() || error.is_decode() || error.is_request(), "{error:?}");

    let truncated = with_fault(json!({"kind": "truncate"})).await.expect("a reply");
    let text = String::from_utf8(truncated.bytes).expect("text");
    assert!(truncated.status == 200 && text.starts_with('{') && serde_json::from_str::<Value>(&text).is_err());
    let garbage = with_fault(json!({"kind": "garbage"})).await.expect("a reply");
    assert!(garbage.status == 200 && String::from_utf8(garbage.bytes).is_err());

    let wrong = with_fault(json!({"kind": "wrong-type", "field": "AllocationId"})).await.expect("a reply");
    assert!(wrong.json["EipAddresses"]["EipAddress"][0]["AllocationId"].is_object());
    let wrong = with_fault(json!({"kind": "wrong-type"})).await.expect("a reply");
    assert!(wrong.json["EipAddresses"].is_number());
    let missing = with_fault(json!({"kind": "missing-field", "field": "TotalCount"})).await.expect("a reply");
    assert!(missing.json.get("TotalCount").is_none() && missing.ids().len() == 5);
}

#[tokio::test]
async fn faults_of_pages_leave_a_trace() {
    let empty = with_fault(json!({"kind": "empty-page"})).await.expect("a reply");
    assert_eq!((empty.ids().len(), &empty.json["TotalCount"]), (0, &json!(12)));
    let repeated = with_fault(json!({"kind": "repeat-token"})).await.expect("a reply");
    assert_eq!(repeated.ids()[0], "eip-0000");
    let shifted = with_fault(json!({"kind": "shift-page"})).await.expect("a reply");
    assert_eq!((shifted.ids()[0].as_str(), &shifted.json["TotalCount"]), ("eip-0004", &json!(13)));

    let faults = json!([{"kind": "repeat-token", "skip": 1}]);
    let server = start(demo().with_faults(faults).expect("a fault"));
    let first = Ask::ecs("DescribeSecurityGroups", &[("MaxResults", "1")]).send(&server).await.expect("a reply");
    let token = first.json["NextToken"].as_str().expect("a token").to_owned();
    let second = Ask::ecs("DescribeSecurityGroups", &[("MaxResults", "1"), ("NextToken", &token)]);
    assert_eq!(second.send(&server).await.expect("a reply").json["NextToken"], json!(token));
}

#[tokio::test]
async fn faults_hit_by_region_and_parameter_and_only_so_often() {
    let faults = json!([
        {"kind": "throttle", "action": "DescribeEipAddresses", "region_id": "cn-hangzhou", "match": {"PageNumber": 2}, "skip": 1, "times": 2}]);
    let server = start(world(eips(12)).with_faults(faults).expect("a fault"));
    let ask = |number: &str| Ask::eips(&[("PageNumber", number)]);
    let mut statuses = Vec::new();
    for number in ["1", "2", "2", "1", "2", "2"] {
        statuses.push(ask(number).outcome(&server).await.0);
    }
    assert_eq!(statuses, [200, 200, 400, 200, 400, 200]);
}

#[tokio::test]
async fn the_denied_region_of_the_demo_is_denied_there_only() {
    let server = start(demo());
    let regions = [("cn-hangzhou", "vpc.aliyuncs.com", 200), ("cn-shanghai", "vpc.cn-shanghai.aliyuncs.com", 403)];
    for (region, host, status) in regions {
        let ask = Ask::rpc(host, "2016-04-28", "DescribeEipAddresses", &[("RegionId", region)]);
        assert_eq!(ask.outcome(&server).await.0, status, "{region}");
        let host = format!("cs.{region}.aliyuncs.com");
        let ask = Ask { host, ..Ask::cs("DescribeClustersV1", "/api/v1/clusters", &[("region_id", region)]) };
        let reply = ask.send(&server).await.expect("a reply");
        assert_eq!((reply.status, reply.code().is_empty()), (status, status == 200), "{region}");
        // The container service writes its errors in lower case.
        assert_eq!(reply.json.get("code").is_some(), status == 403, "{region}");
    }
}

#[tokio::test]
async fn the_limit_counts_one_operation_over_all_regions() {
    let behaviour = Behaviour { qps_per_account_api: 3, ..Behaviour::default() };
    let server = start(world(eips(1)).with_behaviour(behaviour));
    let asks: Vec<Ask> = (0..60)
        .map(|index| match index % 2 {
            0 => Ask::eips(&[]),
            _ => Ask::rpc(
                "vpc.cn-shanghai.aliyuncs.com",
                "2016-04-28",
                "DescribeEipAddresses",
                &[("RegionId", "cn-shanghai")],
            ),
        })
        .collect();
    let outcomes = futures::future::join_all(asks.iter().map(|ask| ask.outcome(&server))).await;
    let passed = outcomes.iter().filter(|(status, _)| *status == 200).count();
    let seconds: BTreeSet<u64> = server.journal().iter().map(|entry| entry.at_ms / 1000).collect();
    // A call that arrives at the end of one second may be counted in the next.
    assert!((3..=3 * (seconds.len() + 1)).contains(&passed), "{passed} calls passed in {} s", seconds.len());
    assert!(outcomes.contains(&outcome(400, "Throttling.User")));
}

#[tokio::test]
async fn latency_holds_up_nobody_else_and_shuffles_replies() {
    let behaviour = Behaviour { latency_ms: 100, jitter_ms: 100, seed: 7, ..Behaviour::default() };
    let server = start(world(eips(1)).with_behaviour(behaviour));
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let started = std::time::Instant::now();
    let calls = (0..30).map(|index| {
        let sender = sender.clone();
        let server = &server;
        async move {
            assert_eq!(Ask::eips(&[]).outcome(server).await.0, 200);
            sender.send(index).expect("the receiver lives");
        }
    });
    futures::future::join_all(calls).await;
    let elapsed = started.elapsed();
    assert!(elapsed >= Duration::from_millis(100), "{elapsed:?}");
    // One after the other they would take at least 3 s.
    assert!(elapsed < Duration::from_secs(2), "{elapsed:?}");
    let order: Vec<usize> = (0..30).map(|_| receiver.try_recv().expect("thirty replies")).collect();
    assert!(!order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn the_journal_holds_requests_and_no_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal.jsonl");
    let server = Server::start(world(eips(1)), loopback(), Some(&path)).expect("a server");
    Ask::eips(&[("PageSize", "5")]).send(&server).await.expect("a reply");
    let oidc = [
        ("RoleArn", "acs:ram::1:role/reader"),
        ("RoleSessionName", "test"),
        ("OIDCProviderArn", "acs:ram::1:oidc-provider/ack"),
        ("OIDCToken", "very.secret.token"),
    ];
    let reply = Ask::rpc("sts.aliyuncs.com", "2015-04-01", "AssumeRoleWithOIDC", &oidc).send(&server).await;
    assert_eq!(reply.expect("a reply").status, 200);
    let text = std::fs::read_to_string(&path).expect("the journal");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!((&lines[0]["action"], &lines[0]["region"]), (&json!("DescribeEipAddresses"), &json!("cn-hangzhou")));
    assert_eq!((&lines[0]["params"]["PageSize"], &lines[0]["status"]), (&json!("5"), &json!(200)));
    assert!(!text.contains("very.secret.token") && !text.contains("testsecret"), "{text}");
    let entries = server.journal();
    assert_eq!(entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let server = start(world(eips(1)));
    let address = server.addr();
    assert!(tokio::net::TcpStream::connect(address).await.is_ok());
    drop(server);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn serving_says_where_first() {
    #[derive(Clone, Default)]
    struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);
    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let out = Shared::default();
    portcullis::sandbox::serve(demo(), loopback(), None, out.clone(), std::future::ready(())).await.expect("served");
    let text = String::from_utf8(out.0.lock().expect("not poisoned").clone()).expect("text");
    assert!(text.starts_with("listening on http://127.0.0.1:") && text.ends_with('\n'), "{text}");
}

#[tokio::test]
async fn a_generated_world_is_served_and_the_same_every_time() {
    let bodies = || async {
        let world = World::open("generated:meshes=3,clusters=5,eips=7,groups=2,rules=40,regions=1,exposed=50")
            .expect("a world");
        let server = start(world);
        let mut eips = Ask::eips(&[("PageSize", "100")]).send(&server).await.expect("a reply").json;
        eips["RequestId"] = Value::Null;
        let rules = Ask::ecs("DescribeSecurityGroupAttribute", &[("SecurityGroupId", "sg-00000000")]);
        let rules = rules.send(&server).await.expect("a reply").json["Permissions"].clone();
        (eips, rules)
    };
    let (eips, rules) = bodies().await;
    assert!(eips["TotalCount"].as_u64().is_some_and(|total| total >= 7));
    assert_eq!(rules["Permission"].as_array().map(Vec::len), Some(20));
    assert_eq!(bodies().await, (eips, rules));
}
