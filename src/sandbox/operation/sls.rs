//! The log service: `GetLogsV2`, for the query texts of docs/evidence.md and no others. They are
//! evaluated over the world's records; there is no SQL here.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Operation};
use crate::sandbox::{host::Product, page::PageFault, reply::ApiError};

pub(super) static OPERATIONS: &[Operation] = &[Operation::new(Product::Sls, "GetLogsV2", logs)
    .path("/logstores/{logstore}/logs")
    .not_found("LogStoreNotExist", 404)];

/// Who connected to an address, from VPC flow logs. `{address}` and `{ports}` are filled in.
const FLOW_SOURCES: &str = "* | SELECT srcaddr AS source, count(1) AS records, sum(TRY_CAST(bytes AS bigint)) AS bytes, min(TRY_CAST(\"start\" AS bigint)) AS first_seen, max(TRY_CAST(\"end\" AS bigint)) AS last_seen FROM log WHERE dstaddr = '{address}' AND TRY_CAST(dstport AS bigint) IN ({ports}) AND action = 'ACCEPT' GROUP BY srcaddr ORDER BY srcaddr LIMIT 10000";

/// Who used an API server, from audit logs.
const AUDIT_USERS: &str = "* | SELECT sourceIPs AS sources, \"user.username\" AS username, userAgent AS user_agent, TRY_CAST(\"responseStatus.code\" AS bigint) / 100 AS code_class, count(1) AS requests, min(__time__) AS first_seen, max(__time__) AS last_seen FROM log WHERE stage <> 'RequestReceived' GROUP BY sourceIPs, \"user.username\", userAgent, TRY_CAST(\"responseStatus.code\" AS bigint) / 100 ORDER BY sources, username, user_agent, code_class LIMIT 10000";

/// The texts that are answered, as docs/evidence.md has them.
pub const QUERIES: [&str; 2] = [FLOW_SOURCES, AUDIT_USERS];

/// The `LIMIT` of both texts.
const LIMIT: usize = 10_000;

/// What stands in the body of a request.
#[derive(Debug, Deserialize)]
struct Question {
    from: i64,
    to: i64,
    query: String,
}

fn logs(call: &Call<'_>) -> Result<String, ApiError> {
    let refuse = |why: String| ApiError::new(400, "ParameterInvalid", why);
    let question: Question = serde_json::from_slice(call.body).map_err(|error| refuse(error.to_string()))?;
    if question.from >= question.to {
        return Err(ApiError::new(400, "InvalidTimeRange", "from must be before to"));
    }
    let records = records(call)?;
    let window: Vec<&Value> = records.iter().filter(|record| is_within(record, &question)).collect();
    let rows = match Meant::of(&question.query) {
        Some(Meant::FlowSources { address, ports }) => flow_sources(&window, &address, &ports),
        Some(Meant::AuditUsers) => audit_users(&window),
        None => return Err(ApiError::new(400, "InvalidQueryString", "not a query of docs/evidence.md")),
    };
    // Partial results, which may be none at all.
    let is_partial = call.page_fault == Some(PageFault::Empty);
    let rows = if is_partial { Vec::new() } else { rows };
    let rows = &rows[..rows.len().min(LIMIT)];
    let meta = json!({"progress": if is_partial { "Incomplete" } else { "Complete" }, "count": rows.len(), "hasSQL": true,
        "limited": LIMIT, "processedRows": window.len(), "isAccurate": true, "mode": 0});
    Ok(json!({"meta": meta, "data": rows}).to_string())
}

fn records<'a>(call: &Call<'a>) -> Result<&'a [Value], ApiError> {
    let logstore = call.variable("logstore");
    let logs = &call.account.logs;
    if let Some(records) = logs.get(&format!("{}/{logstore}", call.project)) {
        return Ok(records);
    }
    let has_project = logs.keys().any(|name| name.split_once('/').is_some_and(|(owner, _)| owner == call.project));
    if has_project {
        return Err(call.operation.gone(logstore));
    }
    Err(ApiError::new(404, "ProjectNotExist", format!("The Project does not exist : {}", call.project)))
}

/// The window is half open.
fn is_within(record: &Value, question: &Question) -> bool {
    let time = number(record, "__time__").or_else(|| number(record, "end"));
    time.is_some_and(|time| (question.from..question.to).contains(&time))
}

/// What a query text asks.
enum Meant {
    FlowSources { address: String, ports: Vec<i64> },
    AuditUsers,
}

impl Meant {
    fn of(query: &str) -> Option<Self> {
        if query == AUDIT_USERS {
            return Some(Self::AuditUsers);
        }
        let (head, rest) = FLOW_SOURCES.split_once("{address}")?;
        let (middle, tail) = rest.split_once("{ports}")?;
        let (address, rest) = query.strip_prefix(head)?.split_once(middle)?;
        let ports = rest.strip_suffix(tail)?;
        address.parse::<std::net::IpAddr>().ok()?;
        let ports: Result<Vec<i64>, _> = ports.split(", ").map(str::parse).collect();
        Some(Self::FlowSources { address: address.to_owned(), ports: ports.ok()? })
    }
}

/// A field of a flat record: its name may hold dots.
fn field(record: &Value, name: &str) -> Option<String> {
    match record.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn number(record: &Value, name: &str) -> Option<i64> {
    field(record, name)?.parse().ok()
}

/// `NULL` in a row.
const NULL: &str = "null";

fn shown(number: Option<i64>) -> String {
    number.map_or_else(|| NULL.to_owned(), |number| number.to_string())
}

/// What a row adds up.
#[derive(Default)]
struct Sums {
    count: u64,
    bytes: Option<i64>,
    first: Option<i64>,
    last: Option<i64>,
}

impl Sums {
    fn add(&mut self, bytes: Option<i64>, first: Option<i64>, last: Option<i64>) {
        self.count += 1;
        self.bytes = self.bytes.into_iter().chain(bytes).reduce(i64::saturating_add);
        self.first = self.first.into_iter().chain(first).min();
        self.last = self.last.into_iter().chain(last).max();
    }
}

fn flow_sources(window: &[&Value], address: &str, ports: &[i64]) -> Vec<Value> {
    let is = |record: &Value, name: &str, value: &str| field(record, name).is_some_and(|text| text == value);
    let mut sources: BTreeMap<String, Sums> = BTreeMap::new();
    for record in window {
        let is_meant = is(record, "dstaddr", address)
            && is(record, "action", "ACCEPT")
            && number(record, "dstport").is_some_and(|port| ports.contains(&port));
        if let Some(source) = field(record, "srcaddr").filter(|_| is_meant) {
            let sums = sources.entry(source).or_default();
            sums.add(number(record, "bytes"), number(record, "start"), number(record, "end"));
        }
    }
    let row = |(source, sums): (String, Sums)| {
        json!({"source": source, "records": sums.count.to_string(), "bytes": shown(sums.bytes),
            "first_seen": shown(sums.first), "last_seen": shown(sums.last)})
    };
    sources.into_iter().map(row).collect()
}

fn audit_users(window: &[&Value]) -> Vec<Value> {
    let mut users: BTreeMap<[String; 4], Sums> = BTreeMap::new();
    for record in window {
        // A comparison with an absent field is not true.
        if field(record, "stage").is_none_or(|stage| stage == "RequestReceived") {
            continue;
        }
        let text = |name: &str| field(record, name).unwrap_or_else(|| NULL.to_owned());
        let class = shown(number(record, "responseStatus.code").map(|code| code / 100));
        let key = [text("sourceIPs"), text("user.username"), text("userAgent"), class];
        let time = number(record, "__time__");
        users.entry(key).or_default().add(None, time, time);
    }
    let row = |([sources, username, user_agent, code_class], sums): ([String; 4], Sums)| {
        json!({"sources": sources, "username": username, "user_agent": user_agent, "code_class": code_class,
            "requests": sums.count.to_string(), "first_seen": shown(sums.first), "last_seen": shown(sums.last)})
    };
    users.into_iter().map(row).collect()
}
