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

/// Who connected to an address, from the flow logs of a VPC. `{vpc}`, `{address}` and `{ports}` are filled in.
const FLOW_SOURCES: &str = "* | SELECT srcaddr AS source, count(1) AS records, sum(TRY_CAST(bytes AS bigint)) AS bytes, min(TRY_CAST(\"start\" AS bigint)) AS first_seen, max(TRY_CAST(\"end\" AS bigint)) AS last_seen FROM log WHERE \"vpc-id\" = '{vpc}' AND dstaddr = '{address}' AND TRY_CAST(dstport AS bigint) IN ({ports}) AND action = 'ACCEPT' GROUP BY srcaddr ORDER BY srcaddr LIMIT 10000";

/// In which hours the flow logs of a VPC have records. `{vpc}` is filled in.
const FLOW_HOURS: &str = "* | SELECT TRY_CAST(\"start\" AS bigint) / 3600 AS hour, min(TRY_CAST(\"start\" AS bigint)) AS first_seen, max(TRY_CAST(\"end\" AS bigint)) AS last_seen, count_if(\"log-status\" = 'SKIPDATA') AS skipped FROM log WHERE \"vpc-id\" = '{vpc}' AND TRY_CAST(\"start\" AS bigint) IS NOT NULL GROUP BY TRY_CAST(\"start\" AS bigint) / 3600 ORDER BY hour LIMIT 10000";

/// The same of one vSwitch. `{vpc}` and `{v_switch}` are filled in.
const SWITCH_HOURS: &str = "* | SELECT TRY_CAST(\"start\" AS bigint) / 3600 AS hour, min(TRY_CAST(\"start\" AS bigint)) AS first_seen, max(TRY_CAST(\"end\" AS bigint)) AS last_seen, count_if(\"log-status\" = 'SKIPDATA') AS skipped FROM log WHERE \"vpc-id\" = '{vpc}' AND \"vswitch-id\" = '{v_switch}' AND TRY_CAST(\"start\" AS bigint) IS NOT NULL GROUP BY TRY_CAST(\"start\" AS bigint) / 3600 ORDER BY hour LIMIT 10000";

/// Who used an API server, from audit logs.
const AUDIT_USERS: &str = "* | SELECT sourceIPs AS sources, \"user.username\" AS username, count(1) AS requests, count_if(CAST(\"responseStatus.code\" AS varchar) = '401') AS rejected, min(__time__) AS first_seen, max(__time__) AS last_seen FROM log WHERE stage <> 'RequestReceived' GROUP BY sourceIPs, \"user.username\" ORDER BY sources, username LIMIT 10000";

/// In which hours an audit log has records.
const AUDIT_HOURS: &str = "* | SELECT __time__ / 3600 AS hour, min(__time__) AS first_seen, max(__time__) AS last_seen FROM log GROUP BY __time__ / 3600 ORDER BY hour LIMIT 10000";

/// The texts that are answered, as docs/evidence.md has them.
pub const QUERIES: [&str; 5] = [FLOW_SOURCES, FLOW_HOURS, SWITCH_HOURS, AUDIT_USERS, AUDIT_HOURS];

/// The `LIMIT` of the texts.
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
        Some(Meant::FlowSources { vpc, address, ports }) => flow_sources(&window, vpc, address, &ports),
        Some(Meant::FlowHours { vpc, v_switch }) => flow_hours(&window, vpc, v_switch),
        Some(Meant::AuditUsers) => audit_users(&window),
        Some(Meant::AuditHours) => audit_hours(&window),
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
enum Meant<'a> {
    FlowSources { vpc: &'a str, address: &'a str, ports: Vec<i64> },
    FlowHours { vpc: &'a str, v_switch: Option<&'a str> },
    AuditUsers,
    AuditHours,
}

impl<'a> Meant<'a> {
    fn of(query: &'a str) -> Option<Self> {
        match query {
            AUDIT_USERS => return Some(Self::AuditUsers),
            AUDIT_HOURS => return Some(Self::AuditHours),
            _ => {}
        }
        if let Some([vpc, v_switch]) = filled_in(SWITCH_HOURS, ["{vpc}", "{v_switch}"], query) {
            let both = is_quotable(vpc) && is_quotable(v_switch);
            return both.then_some(Self::FlowHours { vpc, v_switch: Some(v_switch) });
        }
        if let Some([vpc]) = filled_in(FLOW_HOURS, ["{vpc}"], query) {
            return is_quotable(vpc).then_some(Self::FlowHours { vpc, v_switch: None });
        }
        let [vpc, address, ports] = filled_in(FLOW_SOURCES, ["{vpc}", "{address}", "{ports}"], query)?;
        address.parse::<std::net::IpAddr>().ok()?;
        let ports: Result<Vec<i64>, _> = ports.split(", ").map(str::parse).collect();
        is_quotable(vpc).then_some(Self::FlowSources { vpc, address, ports: ports.ok()? })
    }
}

/// What stands in a query in place of the blanks of its text, which come in this order.
fn filled_in<'a, const N: usize>(mut text: &str, blanks: [&str; N], mut query: &'a str) -> Option<[&'a str; N]> {
    let mut values = [""; N];
    for (blank, value) in blanks.into_iter().zip(&mut values) {
        let (before, after) = text.split_once(blank)?;
        query = query.strip_prefix(before)?;
        let until_next = after.split('{').next().unwrap_or(after);
        let end = query.find(until_next)?;
        (*value, query) = query.split_at_checked(end)?;
        text = after;
    }
    (query == text).then_some(values)
}

/// Text that ends a quotation would be another query.
fn is_quotable(text: &str) -> bool {
    !text.is_empty() && !text.contains('\'')
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

/// A comparison with an absent field is not true.
fn is(record: &Value, name: &str, value: &str) -> bool {
    field(record, name).is_some_and(|text| text == value)
}

fn flow_sources(window: &[&Value], vpc: &str, address: &str, ports: &[i64]) -> Vec<Value> {
    let mut sources: BTreeMap<String, Sums> = BTreeMap::new();
    for record in window {
        let is_meant = is(record, "vpc-id", vpc)
            && is(record, "dstaddr", address)
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

/// Sums by hour; `time` gives a record's first and last second, and a record without a first is in no hour.
fn by_hour<'a>(
    records: impl Iterator<Item = &'a Value>,
    time: impl Fn(&Value) -> (Option<i64>, Option<i64>),
) -> BTreeMap<i64, (Sums, u64)> {
    let mut hours: BTreeMap<i64, (Sums, u64)> = BTreeMap::new();
    for record in records {
        let (Some(first), last) = time(record) else { continue };
        let (sums, skipped) = hours.entry(first / 3600).or_default();
        sums.add(None, Some(first), last);
        *skipped += u64::from(is(record, "log-status", "SKIPDATA"));
    }
    hours
}

fn flow_hours(window: &[&Value], vpc: &str, v_switch: Option<&str>) -> Vec<Value> {
    let is_meant = |record: &&Value| {
        is(record, "vpc-id", vpc) && v_switch.is_none_or(|v_switch| is(record, "vswitch-id", v_switch))
    };
    let records = window.iter().copied().filter(is_meant);
    let hours = by_hour(records, |record| (number(record, "start"), number(record, "end")));
    let row = |(hour, (sums, skipped)): (i64, (Sums, u64))| {
        json!({"hour": hour.to_string(), "first_seen": shown(sums.first), "last_seen": shown(sums.last),
            "skipped": skipped.to_string()})
    };
    hours.into_iter().map(row).collect()
}

fn audit_users(window: &[&Value]) -> Vec<Value> {
    let mut users: BTreeMap<[String; 2], (Sums, u64)> = BTreeMap::new();
    for record in window {
        if field(record, "stage").is_none_or(|stage| stage == "RequestReceived") {
            continue;
        }
        let text = |name: &str| field(record, name).unwrap_or_else(|| NULL.to_owned());
        let key = [text("sourceIPs"), text("user.username")];
        let time = number(record, "__time__");
        let (sums, rejected) = users.entry(key).or_default();
        sums.add(None, time, time);
        *rejected += u64::from(is(record, "responseStatus.code", "401"));
    }
    let row = |([sources, username], (sums, rejected)): ([String; 2], (Sums, u64))| json!({"sources": sources, "username": username, "requests": sums.count.to_string(), "rejected": rejected.to_string(), "first_seen": shown(sums.first), "last_seen": shown(sums.last)});
    users.into_iter().map(row).collect()
}

fn audit_hours(window: &[&Value]) -> Vec<Value> {
    let time = |record: &Value| (number(record, "__time__"), number(record, "__time__"));
    let row = |(hour, (sums, _)): (i64, (Sums, u64))| json!({"hour": hour.to_string(), "first_seen": shown(sums.first), "last_seen": shown(sums.last)});
    by_hour(window.iter().copied(), time).into_iter().map(row).collect()
}
