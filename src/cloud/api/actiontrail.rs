//! ActionTrail: who called which operation of the account, for ninety days back. Two calls a second.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    paged::page_of,
    wire::{Field, Object, object_elements},
};
use crate::cloud::{
    page::Paging,
    request::{Operation, Product, ReadRequest},
};

/// Events of one region, by token; the key is absent at the end.
pub const LOOKUP_EVENTS: Operation = Operation::rpc_query(Product::Actiontrail, "LookupEvents");

/// How events are paged.
pub const PAGING: Paging = Paging::next_token(50);

/// How far back events are kept.
pub const KEPT_DAYS: i64 = 90;

/// Asks for the calls of one operation, as `ModifyPilotEipResource`, in a region, newest first.
/// Without times the vendor looks back seven days only. The page driver adds the token.
pub fn lookup_events(region: &str, event_name: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> ReadRequest {
    lookup(region, "EventName", event_name, from, to)
}

/// Asks for every write in a region, newest first. The page driver adds the token.
pub fn lookup_writes(region: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> ReadRequest {
    lookup(region, "EventRW", "Write", from, to)
}

fn lookup(region: &str, key: &str, value: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> ReadRequest {
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    ReadRequest::new(LOOKUP_EVENTS, region)
        .param("StartTime", time(from))
        .param("EndTime", time(to))
        .param("Direction", "BACKWARD")
        .param("LookupAttribute.1.Key", key)
        .param("LookupAttribute.1.Value", value)
        .resource(value)
}

page_of! {
    /// One page of `LookupEvents`.
    Events { events: "Events" of Event } by event_id, token
}

/// One call. The same event may come from several regions: `event_id` tells.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    pub event_id: Field<String>,
    pub event_name: Field<String>,
    /// `2026-01-02T03:04:05Z`
    pub event_time: Field<String>,
    /// `Read` or `Write`.
    #[serde(rename = "eventRW")]
    pub event_rw: Field<String>,
    /// `ApiCall`, `ConsoleOperation`, `AliyunServiceEvent` and others.
    pub event_type: Field<String>,
    pub service_name: Field<String>,
    pub acs_region: Field<String>,
    pub source_ip_address: Field<String>,
    pub request_id: Field<String>,
    /// JSON in text.
    pub request_parameter_json: Field<String>,
    /// The same as an object. Either may be missing.
    pub request_parameters: Object<Map<String, Value>>,
    pub resource_name: Field<String>,
    pub resource_type: Field<String>,
    /// Ids by kind of resource.
    pub referenced_resources: Object<Map<String, Value>>,
    /// Set where the call failed: then it changed nothing.
    pub error_code: Field<String>,
    pub user_identity: Object<UserIdentity>,
    /// The program that called, in its own words.
    pub user_agent: Field<String>,
}
object_elements!(Event);

/// Who called.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserIdentity {
    /// `root-account`, `ram-user`, `assumed-role`, `cloudsso-user`, `system` and others.
    pub r#type: Field<String>,
    pub principal_id: Field<String>,
    pub account_id: Field<String>,
    pub user_name: Field<String>,
    pub access_key_id: Field<String>,
}
