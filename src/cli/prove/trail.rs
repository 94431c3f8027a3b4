//! The audit trail about the target: who else wrote to it, or to what its way back needs.
//!
//! The trail is asked for every write of a stretch of time, since a look-up takes one condition and two calls a second are
//! all that it allows; what is about the target is told here, by any of its ids in the event.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use futures::future;
use serde_json::{Map, Value};

use super::ask::{Ask, sound};
use crate::{
    cloud::{
        api::{
            actiontrail::{self, Event, Events},
            wire::{Field, Problems},
        },
        write::is_agent_of,
    },
    remediate::{Action, Change, CloudTime, Endpoint, ForeignWrite, Pace, Target, Trail, Unread},
};

/// Which region receives the events of the mesh product's central host is not documented, so this one is asked too.
const CENTRAL_REGION: &str = "cn-hangzhou";

/// By what own writes are known.
pub(super) struct Own {
    /// The plan, which names the session.
    pub(super) plan: String,
    /// The access key that signs. A long-lived one may be others' too; automatic mode refuses those.
    pub(super) access_key_id: Option<String>,
    /// Requests that were answered.
    pub(super) request_ids: BTreeSet<String>,
}

/// Reads the trail from a moment on, or for as long as the target has to have been left alone.
pub(super) async fn read(
    ask: &Ask<'_>,
    target: &Target,
    action: Option<&Action>,
    since: Option<CloudTime>,
    own: &Own,
    now: DateTime<Utc>,
    pace: &Pace,
) -> Result<Trail, Unread> {
    let span = |of: std::time::Duration| TimeDelta::from_std(of).unwrap_or(TimeDelta::days(1));
    let from = match since.and_then(moment) {
        Some(since) => since - TimeDelta::seconds(1),
        None => now - span(pace.foreign_quiet) - span(pace.trail_delay),
    };
    let mut regions = BTreeSet::from([target.region.as_str()]);
    if !matches!(target.endpoint, Endpoint::ClusterApiServer(_)) {
        regions.insert(CENTRAL_REGION);
    }
    let asked = regions.into_iter().map(|region| of_region(ask, region, from, now));
    let events: Vec<Seen> = future::try_join_all(asked).await?.into_iter().flatten().collect();
    let ids = ids(target, action);
    let mut met = BTreeSet::new();
    let foreign = events
        .into_iter()
        .filter(|event| met.insert(event.id.clone()) && event.is_about(&ids) && !event.is_own(own))
        .map(Seen::told)
        .collect();
    let complete_until = now - span(pace.trail_delay);
    Ok(Trail { foreign, complete_until: cloud(complete_until) })
}

fn moment(at: CloudTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(at.0).ok()?)
}

fn cloud(at: DateTime<Utc>) -> CloudTime {
    CloudTime(u64::try_from(at.timestamp_millis()).unwrap_or_default())
}

/// What the change and its way back touch.
fn ids(target: &Target, action: Option<&Action>) -> BTreeSet<String> {
    let mut ids = BTreeSet::from([target.endpoint.owner().to_owned()]);
    if let Some(action) = action {
        ids.insert(action.load_balancer.as_str().to_owned());
        match &action.change {
            Change::Unbind { eip, .. } => drop(ids.insert(eip.as_str().to_owned())),
            Change::Fence { before, .. } => ids.extend(before.ids.iter().map(|id| id.as_str().to_owned())),
        }
    }
    ids.remove("");
    ids
}

/// One write that went well.
struct Seen {
    id: String,
    name: String,
    at: DateTime<Utc>,
    who: String,
    /// Whoever assumed a role: the session's name.
    session: String,
    access_key_id: String,
    request_id: String,
    user_agent: String,
    /// Everything that may name a resource.
    mentions: BTreeSet<String>,
}

impl Seen {
    fn is_about(&self, ids: &BTreeSet<String>) -> bool {
        !self.mentions.is_disjoint(ids)
    }

    fn is_own(&self, own: &Own) -> bool {
        let session = !own.plan.is_empty() && self.session == own.plan;
        let key = own.access_key_id.as_ref().is_some_and(|id| !id.is_empty() && *id == self.access_key_id);
        let request = !self.request_id.is_empty() && own.request_ids.contains(&self.request_id);
        // Another process of ours, with keys of its own, that carried the same plan on.
        let program = is_agent_of(&self.user_agent, &own.plan);
        session || key || request || program
    }

    fn told(self) -> ForeignWrite {
        ForeignWrite { at: cloud(self.at), who: self.who, what: self.name }
    }
}

async fn of_region(ask: &Ask<'_>, region: &str, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Seen>, Unread> {
    let request = actiontrail::lookup_writes(region, from, to);
    let listing = ask.list::<Events>(&request, actiontrail::PAGING).await?;
    let mut problems = listing.head;
    let mut all = Vec::new();
    for item in listing.items {
        let Some(event) = item.required("Events", &mut problems) else { continue };
        all.extend(seen(event, &mut problems));
    }
    sound(Some(all), &problems)
}

/// `None` for what changed nothing. An event that cannot be understood is a problem of the whole: it may be the one.
fn seen(event: Event, problems: &mut Problems) -> Option<Seen> {
    let failed = !event.error_code.text("errorCode", problems).is_empty();
    let kind = event.event_rw.text("eventRW", problems);
    let id = event.event_id.required_text("eventId", problems)?;
    let name = event.event_name.required_text("eventName", problems)?;
    let time = event.event_time.required_text("eventTime", problems)?;
    let Ok(at) = DateTime::parse_from_rfc3339(&time) else {
        problems.note("eventTime", "is no time");
        return None;
    };
    let identity = event.user_identity.read("userIdentity", problems).unwrap_or_default();
    let user = identity.user_name.text("userIdentity.userName", problems);
    let principal = identity.principal_id.text("userIdentity.principalId", problems);
    let word = identity.r#type.text("userIdentity.type", problems);
    let access_key_id = identity.access_key_id.text("userIdentity.accessKeyId", problems);
    let mut mentions = BTreeSet::from([event.resource_name.text("resourceName", problems)]);
    match &event.request_parameter_json {
        Field::Value(text) => mention_text(text, &mut mentions, DEPTH),
        Field::Wrong(_) => problems.note("requestParameterJson", "is no text"),
        Field::Missing | Field::Null => {}
    }
    for (field, object) in
        [("requestParameters", event.request_parameters), ("referencedResources", event.referenced_resources)]
    {
        if let Some(fields) = object.read(field, problems) {
            mention_fields(&fields, &mut mentions, DEPTH);
        }
    }
    if failed || kind.eq_ignore_ascii_case("read") {
        return None;
    }
    let session = [&principal, &user].into_iter().find_map(|text| text.rsplit_once(':')).map(|(_, name)| name);
    Some(Seen {
        id,
        name,
        at: at.to_utc(),
        session: session.unwrap_or_default().to_owned(),
        who: [user, principal, word].into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
        access_key_id,
        request_id: event.request_id.text("requestId", problems),
        user_agent: event.user_agent.text("userAgent", problems),
        mentions,
    })
}

/// How deep parameters are looked into: a body may be JSON in text.
const DEPTH: u8 = 6;

fn mention_fields(fields: &Map<String, Value>, into: &mut BTreeSet<String>, depth: u8) {
    fields.values().for_each(|value| mention(value, into, depth));
}

fn mention(value: &Value, into: &mut BTreeSet<String>, depth: u8) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::Object(fields) => mention_fields(fields, into, depth),
        Value::Array(items) => items.iter().for_each(|item| mention(item, into, depth)),
        Value::String(text) => mention_text(text, into, depth),
        _ => {}
    }
}

/// The text itself, its parts where it is a list, and what is in it where it is JSON.
fn mention_text(text: &str, into: &mut BTreeSet<String>, depth: u8) {
    if let Ok(inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str::<Value>(text) {
        return mention(&inner, into, depth);
    }
    into.extend(text.split(',').map(|part| part.trim().to_owned()));
}
