//! The audit trail: who bound EIPs to control planes, and to whom a kubeconfig for the public
//! endpoint was handed out.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::{Ask, Window};
use crate::{
    cloud::{
        api::{
            actiontrail::{self, Event, Events, KEPT_DAYS, LOOKUP_EVENTS},
            wire::{Field, Object, Problems, inner_json},
        },
        error::Class,
    },
    model::{Binding, BindingEvent, InventoryBuilder, KubeconfigIssue, TrailReading, UnitState},
    scan::read::{Failure, Read},
};

/// Of which kinds of endpoints events are looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kinds {
    pub(super) of_meshes: bool,
    pub(super) of_clusters: bool,
}

/// What an operation means. Of the resource they name, both spellings of a product occur: in the
/// path or query as the SDK has them, and in the body as the API has them.
#[derive(Clone, Copy)]
enum Meaning {
    /// Binds the EIP of the first name to the resource of the second.
    Binds { eip: &'static str, resource: &'static str },
    /// Hands out a kubeconfig of the resource.
    HandsOut { resource: &'static str },
}

const OF_BOTH: &[(&str, Meaning)] =
    &[("AssociateEipAddress", Meaning::Binds { eip: "AllocationId", resource: "InstanceId" })];
const OF_MESHES: &[(&str, Meaning)] = &[
    ("ModifyPilotEipResource", Meaning::Binds { eip: "EipId", resource: "ServiceMeshId" }),
    ("ModifyApiServerEipResource", Meaning::Binds { eip: "ApiServerEipId", resource: "ServiceMeshId" }),
    ("DescribeServiceMeshKubeconfig", Meaning::HandsOut { resource: "ServiceMeshId" }),
];
const OF_CLUSTERS: &[(&str, Meaning)] = &[
    ("ModifyCluster", Meaning::Binds { eip: "api_server_eip_id", resource: "ClusterId" }),
    ("DescribeClusterUserKubeconfig", Meaning::HandsOut { resource: "ClusterId" }),
];

/// The trail of an account, region by region: an event that two regions have counts once.
pub(super) async fn of_account(regions: &[(Ask<'_>, Kinds)]) -> InventoryBuilder {
    let mut seen = BTreeSet::new();
    let mut all: Option<InventoryBuilder> = None;
    for (ask, kinds) in regions {
        let read = of_region(ask, *kinds, &mut seen).await;
        match &mut all {
            Some(builder) => builder.merge(read),
            None => all = Some(read),
        }
    }
    all.unwrap_or_else(|| InventoryBuilder::new(DateTime::<Utc>::default()))
}

async fn of_region(ask: &Ask<'_>, kinds: Kinds, seen: &mut BTreeSet<String>) -> InventoryBuilder {
    let mut builder = ask.empty();
    let unit = ask.unit(&LOOKUP_EVENTS, "");
    let window = Window { from: ask.taken_at - TimeDelta::days(KEPT_DAYS), to: ask.taken_at };
    let mut trail = TrailReading {
        scope: ask.scope.clone(),
        from: window.from,
        to: window.to,
        complete: true,
        bindings: Vec::new(),
        kubeconfigs: Vec::new(),
    };
    let tables = [(true, OF_BOTH), (kinds.of_meshes, OF_MESHES), (kinds.of_clusters, OF_CLUSTERS)];
    let mut trouble = None;
    for (name, meaning) in tables.into_iter().filter(|(is_asked, _)| *is_asked).flat_map(|(_, table)| table) {
        let read = events(ask, window, name).await;
        for event in read.value.into_iter().filter(|event| seen.insert(event.id.clone())) {
            enter(event, *meaning, &mut trail);
        }
        trouble = trouble.or(read.failure);
    }
    match trouble {
        Some(mut failure) => {
            trail.complete = false;
            if failure.class == Some(Class::NotServed) {
                failure.state = UnitState::NotServed;
            }
            builder.gap(failure.gap(unit));
        }
        None => builder.scanned(unit),
    }
    trail.bindings.sort_unstable();
    trail.kubeconfigs.sort_unstable();
    builder.trails.push(trail);
    builder
}

/// A call that went well.
struct Called {
    id: String,
    name: String,
    at: DateTime<Utc>,
    user: String,
    source_ip_address: String,
    resource: String,
    parameters: Value,
}

/// Events that are understood; one that is not takes nothing from the others.
async fn events(ask: &Ask<'_>, window: Window, name: &str) -> Read<Vec<Called>> {
    let request = actiontrail::lookup_events(ask.region(), name, window.from, window.to);
    let listing = match ask.reader.list::<Events>(&request, actiontrail::PAGING).await {
        Ok(listing) => listing,
        Err(failure) => return Read::nothing(failure),
    };
    let mut problems = listing.head;
    let mut all = Vec::new();
    for item in listing.items {
        let Some(event) = item.required("Events", &mut problems) else { continue };
        all.extend(called(event, name, &mut problems));
    }
    let failure = (!problems.is_empty()).then(|| Failure::schema(problems.summary()));
    Read { value: all, failure }
}

/// `None` for a call that failed, which changed nothing, and for another operation's, should the
/// condition not be honoured.
fn called(event: Event, name: &str, problems: &mut Problems) -> Option<Called> {
    let error_code = event.error_code.text("errorCode", problems);
    let seen = event.event_name.required_text("eventName", problems)?;
    if seen != name || !error_code.is_empty() {
        return None;
    }
    let time = event.event_time.required_text("eventTime", problems)?;
    let Ok(at) = DateTime::parse_from_rfc3339(&time) else {
        problems.note("eventTime", "is no time");
        return None;
    };
    let identity = event.user_identity.read("userIdentity", problems).unwrap_or_default();
    let user_name = identity.user_name.text("userIdentity.userName", problems);
    let kind = identity.r#type.text("userIdentity.type", problems);
    let parameters = parameters(&event.request_parameter_json, event.request_parameters, problems)?;
    Some(Called {
        id: event.event_id.required_text("eventId", problems)?,
        name: seen,
        at: at.to_utc(),
        user: if user_name.is_empty() { kind } else { user_name },
        source_ip_address: event.source_ip_address.text("sourceIpAddress", problems),
        resource: event.resource_name.text("resourceName", problems),
        parameters,
    })
}

/// What the call was given, from whichever of the two fields has something. Without either nobody
/// knows what the call did.
fn parameters(text: &Field<String>, object: Object<Map<String, Value>>, problems: &mut Problems) -> Option<Value> {
    let text = text.value().and_then(|text| inner_json::<Map<String, Value>>(text).ok().flatten());
    let object = match object.0 {
        Field::Value(fields) => Some(fields),
        _ => None,
    };
    let found = text.iter().chain(&object).find(|fields| !fields.is_empty()).cloned();
    let read = found.or(text).or(object);
    if read.is_none() {
        problems.note("requestParameterJson", "holds no parameters, nor does requestParameters");
    }
    read.map(Value::Object)
}

fn enter(event: Called, meaning: Meaning, trail: &mut TrailReading) {
    match meaning {
        Meaning::Binds { eip, resource } => {
            let binds = match event.name.as_str() {
                "ModifyCluster" => parameter(&event.parameters, "api_server_eip").as_deref() == Some("true"),
                "AssociateEipAddress" => true,
                _ => parameter(&event.parameters, "Operation").as_deref() == Some("BindEip"),
            };
            if !binds {
                return;
            }
            let eip_id = parameter(&event.parameters, eip).unwrap_or_default();
            let resource_id = parameter(&event.parameters, resource).unwrap_or(event.resource);
            let binding = Binding {
                user: event.user,
                at: event.at,
                event_name: event.name,
                event_id: event.id,
                source_ip_address: event.source_ip_address,
            };
            trail.bindings.push(BindingEvent { eip_id: eip_id.into(), resource_id, binding });
        }
        Meaning::HandsOut { resource } => {
            let is_private = parameter(&event.parameters, "PrivateIpAddress").as_deref() == Some("true");
            let resource_id = parameter(&event.parameters, resource).unwrap_or(event.resource);
            if !is_private && !resource_id.is_empty() {
                trail.kubeconfigs.push(KubeconfigIssue { resource_id, at: event.at });
            }
        }
    }
}

/// How deep a parameter may lie: in a body that is JSON in text.
const MOST_DEPTH: u8 = 4;

/// A parameter by its name, whichever spelling the product uses and wherever the request had it.
fn parameter(parameters: &Value, name: &str) -> Option<String> {
    find(parameters, &spelling(name), MOST_DEPTH)
}

fn spelling(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

fn find(value: &Value, name: &str, depth: u8) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Object(fields) => {
            let own = fields.iter().find(|(key, _)| spelling(key) == name).and_then(|(_, value)| scalar(value));
            own.or_else(|| fields.values().find_map(|value| find(value, name, depth)))
        }
        Value::String(text) if text.trim_start().starts_with('{') => {
            find(&serde_json::from_str(text).ok()?, name, depth)
        }
        _ => None,
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_found_in_any_spelling_and_in_bodies() {
        let flat = json!({"ServiceMeshId": "c1", "Operation": "BindEip"});
        assert_eq!(parameter(&flat, "ServiceMeshId").as_deref(), Some("c1"));
        let nested = json!({"cluster_id": "c2", "body": r#"{"api_server_eip": true, "api_server_eip_id": "eip-1"}"#});
        assert_eq!(parameter(&nested, "ClusterId").as_deref(), Some("c2"));
        assert_eq!(parameter(&nested, "api_server_eip").as_deref(), Some("true"));
        assert_eq!(parameter(&nested, "api_server_eip_id").as_deref(), Some("eip-1"));
        assert_eq!(parameter(&nested, "Operation"), None);
        assert_eq!(parameter(&Value::Null, "Operation"), None);
    }
}
