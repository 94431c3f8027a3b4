//! A receiver of the operator's own: one JSON object, signed so that the receiver can tell it from anybody else's.
//!
//! `X-Portcullis-Signature` is `sha256=` and the hex HMAC-SHA256 of `X-Portcullis-Timestamp`, a dot, and the body as it
//! was sent. A receiver refuses what is older than some minutes, and takes one `delivery` once.

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

use super::{
    Change, Kind,
    address::Address,
    message::{Message, RunMessage},
    send::Post,
    sign::hmac_sha256,
};
use crate::{cloud::context::HeaderText, report};

/// The only value of `schema` so far. Fields are added, never renamed or removed.
const SCHEMA: &str = "portcullis.notification/v1";

/// Changes that are listed; `omitted` counts the rest.
const LISTED: usize = 200;

/// Characters of one value.
const LONGEST: usize = 1000;

#[derive(Serialize)]
struct Body<'a> {
    schema: &'static str,
    /// The same in every try: the run's id.
    delivery: &'a str,
    run: RunBody<'a>,
    counts: Counts,
    changes: Vec<ChangeBody>,
    omitted: usize,
}

#[derive(Serialize)]
struct RunBody<'a> {
    id: &'a str,
    started_at: String,
    finished_at: String,
    tool_version: &'a str,
    verdict: &'static str,
    exit_code: u8,
    complete: bool,
    accounts: Vec<String>,
}

#[derive(Serialize)]
struct Counts {
    new: usize,
    reopened: usize,
    worse: usize,
    unknown: usize,
    fixed: usize,
}

#[derive(Serialize)]
struct ChangeBody {
    change: &'static str,
    severity: &'static str,
    rule_id: String,
    fingerprint: String,
    account_id: String,
    region_id: String,
    resource_kind: &'static str,
    resource_id: String,
    endpoint_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// The same of a notice.
const NOTICE_SCHEMA: &str = "portcullis.notice/v1";

#[derive(Serialize)]
struct NoticeBody<'a> {
    schema: &'static str,
    /// The same in every try.
    delivery: &'a str,
    title: String,
    about: String,
    lines: Vec<String>,
}

/// What is sent. The time is part of the signature, so every try has its own.
pub(super) fn post(message: &Message<'_>, address: &Address, secret: &SecretString, now: DateTime<Utc>) -> Post {
    let body = match message {
        Message::Changes(changes) => report::json_text(&body(changes)),
        Message::Notice(_) => report::json_text(&NoticeBody {
            schema: NOTICE_SCHEMA,
            delivery: message.delivery(),
            title: message.title(),
            about: message.head(),
            lines: message.lines(),
        }),
    };
    let time = now.timestamp().to_string();
    let signature = signature(&time, &body, secret.expose_secret());
    let headers = vec![
        ("x-portcullis-timestamp", HeaderText::Plain(time)),
        ("x-portcullis-signature", HeaderText::Sensitive(signature.into())),
    ];
    Post { url: address.as_text(), headers, body }
}

/// `sha256=` and the hex code of time, dot and body.
fn signature(time: &str, body: &str, secret: &str) -> String {
    let code = hmac_sha256(secret.as_bytes(), format!("{time}.{body}").as_bytes());
    format!("sha256={}", HEXLOWER.encode(&code))
}

fn body<'a>(message: &RunMessage<'a>) -> Body<'a> {
    let run = message.run;
    let header = &run.header;
    let count = |kind| message.count(kind);
    Body {
        schema: SCHEMA,
        delivery: &header.id,
        run: RunBody {
            id: &header.id,
            started_at: report::time_text(&header.started_at),
            finished_at: report::time_text(&header.finished_at),
            tool_version: &header.tool_version,
            verdict: report::verdict_text(run.verdict),
            exit_code: header.exit_code,
            complete: run.coverage.complete(),
            accounts: header.caller.iter().map(|caller| caller.account_id.to_string()).collect(),
        },
        counts: Counts {
            new: count(Kind::New),
            reopened: count(Kind::Reopened),
            worse: count(Kind::Worse),
            unknown: count(Kind::Unknown),
            fixed: count(Kind::Fixed),
        },
        changes: message.changes.iter().take(LISTED).map(|change| change_body(change, message.details)).collect(),
        omitted: message.changes.len().saturating_sub(LISTED),
    }
}

/// Values as they are, like those of the JSON report: a machine compares them. Whoever passes them on to people escapes
/// them for the place where they are shown.
fn change_body(change: &Change<'_>, details: bool) -> ChangeBody {
    let finding = change.finding;
    let subject = &finding.subject;
    let cut = |text: &str| text.chars().take(LONGEST).collect();
    ChangeBody {
        change: change.kind.as_str(),
        severity: finding.severity.as_str(),
        rule_id: cut(&finding.rule_id),
        fingerprint: finding.fingerprint.clone(),
        account_id: cut(subject.account_id.as_str()),
        region_id: cut(subject.region_id.as_str()),
        resource_kind: subject.resource_kind.as_str(),
        resource_id: cut(&subject.resource_id),
        endpoint_id: subject.endpoint_id().map(|id| cut(&id)),
        resource_name: details.then(|| cut(&finding.resource_name)),
        message: details.then(|| cut(&finding.message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_over_time_dot_body() {
        // python3 -c 'import hmac; print(hmac.new(b"f00d", b"1700000000.{\"a\":1}", "sha256").hexdigest())'
        assert_eq!(
            signature("1700000000", "{\"a\":1}", "f00d"),
            "sha256=85a244fc714230e30f0f3c7b07b827f52a14fd5f2261b7eec520a240513a2fae"
        );
    }
}
