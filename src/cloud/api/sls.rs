//! The log service (SLS): aggregates over log records, by the queries of docs/evidence.md. It has a
//! REST dialect and a signature of its own, and the project in the host.

use std::net::IpAddr;

use serde::{Deserialize, de::DeserializeOwned};

use super::wire::{Field, Object};
use crate::cloud::request::{Operation, ReadRequest};

/// Queries a logstore.
pub const GET_LOGS_V2: Operation = Operation::log_post("GetLogsV2", "/logstores/{logstore}/logs");

/// Who connected to an address, from the flow logs of a VPC. `{vpc}`, `{address}` and `{ports}` are filled in.
pub const FLOW_SOURCES: &str = "* | SELECT srcaddr AS source, count(1) AS records, sum(TRY_CAST(bytes AS bigint)) AS bytes, min(TRY_CAST(\"start\" AS bigint)) AS first_seen, max(TRY_CAST(\"end\" AS bigint)) AS last_seen FROM log WHERE \"vpc-id\" = '{vpc}' AND dstaddr = '{address}' AND TRY_CAST(dstport AS bigint) IN ({ports}) AND action = 'ACCEPT' GROUP BY srcaddr ORDER BY srcaddr LIMIT 10000";

/// In which hours the flow logs of a VPC have records. `{vpc}` is filled in.
pub const FLOW_HOURS: &str = "* | SELECT TRY_CAST(\"start\" AS bigint) / 3600 AS hour, min(TRY_CAST(\"start\" AS bigint)) AS first_seen, max(TRY_CAST(\"end\" AS bigint)) AS last_seen, count_if(\"log-status\" = 'SKIPDATA') AS skipped FROM log WHERE \"vpc-id\" = '{vpc}' AND TRY_CAST(\"start\" AS bigint) IS NOT NULL GROUP BY TRY_CAST(\"start\" AS bigint) / 3600 ORDER BY hour LIMIT 10000";

/// The same of one vSwitch. `{vpc}` and `{v_switch}` are filled in.
pub const SWITCH_HOURS: &str = "* | SELECT TRY_CAST(\"start\" AS bigint) / 3600 AS hour, min(TRY_CAST(\"start\" AS bigint)) AS first_seen, max(TRY_CAST(\"end\" AS bigint)) AS last_seen, count_if(\"log-status\" = 'SKIPDATA') AS skipped FROM log WHERE \"vpc-id\" = '{vpc}' AND \"vswitch-id\" = '{v_switch}' AND TRY_CAST(\"start\" AS bigint) IS NOT NULL GROUP BY TRY_CAST(\"start\" AS bigint) / 3600 ORDER BY hour LIMIT 10000";

/// Who used an API server, from audit logs.
pub const AUDIT_USERS: &str = "* | SELECT sourceIPs AS sources, \"user.username\" AS username, count(1) AS requests, count_if(CAST(\"responseStatus.code\" AS varchar) = '401') AS rejected, min(__time__) AS first_seen, max(__time__) AS last_seen FROM log WHERE stage <> 'RequestReceived' GROUP BY sourceIPs, \"user.username\" ORDER BY sources, username LIMIT 10000";

/// In which hours an audit log has records.
pub const AUDIT_HOURS: &str = "* | SELECT __time__ / 3600 AS hour, min(__time__) AS first_seen, max(__time__) AS last_seen FROM log GROUP BY __time__ / 3600 ORDER BY hour LIMIT 10000";

/// The `LIMIT` of the queries: a reply with so many rows may have lost some.
pub const MOST_ROWS: u64 = 10_000;

/// A logstore, and seconds `[from, to)` since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window<'a> {
    pub region: &'a str,
    pub project: &'a str,
    pub logstore: &'a str,
    pub from: i64,
    pub to: i64,
}

/// Asks who of a VPC connected to `ports` of an address; `vpc_id` is a plain id. Use
/// [`crate::cloud::log::read`] to send it.
pub fn flow_sources(window: Window<'_>, vpc_id: &str, address: IpAddr, ports: &[u16]) -> ReadRequest {
    let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let query = FLOW_SOURCES.replace("{address}", &address.to_string()).replace("{ports}", &ports.join(", "));
    get_logs(window, &query.replace("{vpc}", vpc_id))
}

/// Asks in which hours there are records of a VPC, or of one of its vSwitches; both are plain ids. Use
/// [`crate::cloud::log::read`] to send it.
pub fn flow_hours(window: Window<'_>, vpc_id: &str, v_switch_id: Option<&str>) -> ReadRequest {
    let query = match v_switch_id {
        Some(id) => SWITCH_HOURS.replace("{v_switch}", id),
        None => FLOW_HOURS.to_owned(),
    };
    get_logs(window, &query.replace("{vpc}", vpc_id))
}

/// Asks who used an API server. Use [`crate::cloud::log::read`] to send it.
pub fn audit_users(window: Window<'_>) -> ReadRequest {
    get_logs(window, AUDIT_USERS)
}

/// Asks in which hours an audit log has records. Use [`crate::cloud::log::read`] to send it.
pub fn audit_hours(window: Window<'_>) -> ReadRequest {
    get_logs(window, AUDIT_HOURS)
}

fn get_logs(window: Window<'_>, query: &str) -> ReadRequest {
    let body = serde_json::json!({"from": window.from, "to": window.to, "query": query});
    ReadRequest::new(GET_LOGS_V2, window.region)
        .project(window.project)
        .path("logstore", window.logstore)
        .json(&body)
        .resource(&format!("{}/{}", window.project, window.logstore))
}

/// Reply of `GetLogsV2`. Every value of a row is text.
#[derive(Clone, Debug, Deserialize)]
#[serde(bound(deserialize = "T: DeserializeOwned"))]
pub struct GetLogs<T> {
    pub meta: Object<Meta>,
    pub data: Vec<T>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Meta {
    /// `Complete` or `Incomplete`.
    pub progress: Field<String>,
    /// To how many rows the service limited itself.
    pub limited: Field<u64>,
}

/// A row of [`FLOW_SOURCES`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct FlowSource {
    pub source: Field<String>,
    pub records: Field<u64>,
    pub bytes: Field<u64>,
    /// Seconds since 1970.
    pub first_seen: Field<u64>,
    pub last_seen: Field<u64>,
}

/// A row of [`FLOW_HOURS`], [`SWITCH_HOURS`] or [`AUDIT_HOURS`]: an hour with records of any kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Hour {
    /// Seconds since 1970.
    pub first_seen: Field<u64>,
    pub last_seen: Field<u64>,
    /// Flow records that say that others were skipped; audit logs have none.
    pub skipped: Field<u64>,
}

/// A row of [`AUDIT_USERS`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct AuditUser {
    /// JSON in text: a list of addresses, of which only the last is not the client's claim.
    pub sources: Field<String>,
    pub username: Field<String>,
    pub requests: Field<u64>,
    /// Of these: those of somebody who could not authenticate.
    pub rejected: Field<u64>,
    /// Seconds since 1970.
    pub first_seen: Field<u64>,
    pub last_seen: Field<u64>,
}
