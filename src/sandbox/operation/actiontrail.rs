//! ActionTrail, version 2020-07-06: RPC with its parameters in the query, events as they are, one
//! condition, and no token at all at the end.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Body, Call, Operation, Tokens};
use crate::sandbox::{collection::Item, host::Product, kind::Kind, reply::ApiError};

pub(super) static OPERATIONS: &[Operation] =
    &[Operation::new(Product::ActionTrail, "LookupEvents", events).not_found("EventNotFound", 404)];

/// How far back a look-up without times goes.
const USUAL_DAYS: TimeDelta = TimeDelta::days(7);

fn events(call: &Call<'_>) -> Result<String, ApiError> {
    let to = time(call, "EndTime")?.unwrap_or_else(|| call.identities.now().into());
    let from = time(call, "StartTime")?.unwrap_or(to - USUAL_DAYS);
    let is_meant = condition(call)?;
    let spec = Kind::AuditEvent.spec();
    let when = |item: &Item| item.values(spec, "EventTime").first().and_then(|text| parse(text));
    let collection = call.account.collection(Kind::AuditEvent);
    let here = collection.select(call.scope(), &[]);
    let mut found: Vec<(DateTime<Utc>, &Item)> = here
        .iter()
        .map(|position| collection.get(*position))
        .filter(|item| is_meant(item))
        .filter_map(|item| Some((when(item)?, item)))
        .filter(|(at, _)| (from..=to).contains(at))
        .collect();
    found.sort_by_key(|(at, _)| *at);
    if call.param("Direction").unwrap_or("BACKWARD") == "BACKWARD" {
        found.reverse();
    }
    let parts: Vec<&str> =
        call.query.iter().filter(|(name, _)| !is_about_pages(name)).map(|(_, value)| &**value).collect();
    let (page, next, _) = call.token_page(found.len(), &Tokens::usual(1, 50, 20), &parts)?;
    let mut body = Body::new(call.request_id);
    body.text("StartTime", &text(from)).text("EndTime", &text(to));
    body.list("Events", found[page.items].iter().map(|(_, item)| &item.listed));
    if !next.is_empty() {
        body.text("NextToken", &next);
    }
    Ok(body.finish())
}

fn is_about_pages(name: &str) -> bool {
    matches!(name, "NextToken" | "MaxResults")
}

/// The one condition that a look-up may have.
fn condition<'a>(call: &Call<'a>) -> Result<impl Fn(&Item) -> bool + use<'a>, ApiError> {
    if call.param("LookupAttribute.2.Key").is_some() {
        return Err(ApiError::invalid("LookupAttribute", "one condition is allowed"));
    }
    let spec = Kind::AuditEvent.spec();
    let key = call.param("LookupAttribute.1.Key").map(str::to_owned);
    if key.as_deref().is_some_and(|key| key == "EventTime" || spec.filter(key).is_none()) {
        return Err(ApiError::invalid("LookupAttribute.1.Key", "there is no such attribute"));
    }
    let value = call.param("LookupAttribute.1.Value").unwrap_or_default().to_owned();
    Ok(move |item: &Item| {
        key.as_deref().is_none_or(|key| item.values(Kind::AuditEvent.spec(), key).iter().any(|has| **has == *value))
    })
}

fn time(call: &Call<'_>, parameter: &str) -> Result<Option<DateTime<Utc>>, ApiError> {
    let parsed = |text| parse(text).ok_or_else(|| ApiError::invalid(parameter, "expected YYYY-MM-DDThh:mm:ssZ"));
    call.param(parameter).map(parsed).transpose()
}

fn parse(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.with_timezone(&Utc))
}

fn text(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
