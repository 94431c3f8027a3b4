//! What an answer to a write is worth: accepted, certainly without effect, or unknown.
//!
//! Accepted is not applied: only reading the state proves anything. *Certainly without effect* is kept to answers that are
//! given before anything is done: by the gateway (signature, date, key, flow control, an operation or a mandatory
//! parameter that does not exist), by the permission check for the very action that was asked for, and by the codes that
//! an operation lists as its product's own refusals. Everything else may or may not take effect until its signature ends.

use std::time::Duration;

use super::WriteOperation;
use crate::cloud::{
    client::{checked_id, hint, is_markup, reason},
    context::{HttpError, HttpResponse},
    error::{Class, by_code, by_status, printable},
    json,
    request::TopLevel,
};

/// The answer to a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The cloud has taken the request. What it does with it has to be observed.
    Acked(Ack),
    /// The request certainly has no effect, now or later.
    Rejected(WriteFailure),
    /// The request may have, get, or never have an effect, until its signature ends.
    Ambiguous(WriteFailure),
}

impl Outcome {
    /// The cloud's id of the call; empty if it gave none.
    pub fn request_id(&self) -> &str {
        match self {
            Self::Acked(ack) => &ack.request_id,
            Self::Rejected(failure) | Self::Ambiguous(failure) => &failure.request_id,
        }
    }
}

/// The cloud's word that it took a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The cloud's id of the call; empty if it gave none.
    pub request_id: String,
    fields: serde_json::Map<String, serde_json::Value>,
}

impl Ack {
    /// A text of the reply: `task_id`, `AclId`. `None` where it is missing, empty or no text.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty())
    }
}

/// Why a write was not taken, or is not known to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteFailure {
    /// What kind of failure it is.
    pub class: Class,
    /// The vendor's code, or one of ours in lower case: `timeout`, `reset`, `not-sent`, `not-json`.
    pub code: String,
    /// One line without control characters.
    pub reason: String,
    /// The cloud's id of the call; empty if it gave none.
    pub request_id: String,
    /// HTTP status, or 0 where there was no answer.
    pub status: u16,
    /// How long the cloud asks to wait before anything like it is tried again.
    pub wait: Option<Duration>,
}

/// Sorts an answer.
pub(super) fn judge(operation: &WriteOperation, response: &HttpResponse) -> Outcome {
    let status = response.status;
    let doubt = |class, code: &str, text: String| Outcome::Ambiguous(failure(response, class, code, text, ""));
    if (300..400).contains(&status) {
        return doubt(Class::Redirect, "redirect", format!("the endpoint redirects (HTTP {status})"));
    }
    if is_markup(response) {
        return doubt(Class::NotJson, "not-json", format!("the answer is HTML or XML, as of a proxy (HTTP {status})"));
    }
    let success = (200..300).contains(&status);
    match json::check(&response.body, success.then_some(TopLevel::Object)) {
        Ok(envelope) if success && !envelope.is_fault() => acked(response, &envelope),
        Ok(envelope) => refused(operation, response, &envelope),
        Err(problem) if problem.is_garbled() => doubt(Class::NotJson, "not-json", problem.to_string()),
        Err(problem) => doubt(Class::Schema, "schema", problem.to_string()),
    }
}

fn acked(response: &HttpResponse, envelope: &json::Envelope) -> Outcome {
    let Ok(fields) = serde_json::from_slice(&response.body) else {
        let text = "the answer is not an object".to_owned();
        return Outcome::Ambiguous(failure(response, Class::Schema, "schema", text, ""));
    };
    let id = if envelope.request_id.is_empty() { header_id(response) } else { &envelope.request_id };
    Outcome::Acked(Ack { request_id: checked_id(id), fields })
}

fn refused(operation: &WriteOperation, response: &HttpResponse, envelope: &json::Envelope) -> Outcome {
    let status = response.status;
    let product = operation.product().name();
    let known = by_code(product, &envelope.code, &envelope.message);
    let (_, class) = known.unwrap_or_else(|| by_status(if status < 300 { 400 } else { status }));
    let shown = printable(envelope.code.trim());
    let code = if shown.is_empty() { format!("http-{status}") } else { shown };
    let text = reason(class, &code, &envelope.message, &envelope.request_id);
    let failure = failure(response, class, &code, text, &envelope.request_id);
    // An error within a good status, or one of the server's own, may come from after the deed.
    let is_refusal = (400..500).contains(&status) && is_without_effect(operation, class, envelope);
    if is_refusal { Outcome::Rejected(failure) } else { Outcome::Ambiguous(failure) }
}

/// True for answers that are given before anything is done.
fn is_without_effect(operation: &WriteOperation, class: Class, envelope: &json::Envelope) -> bool {
    let code = envelope.code.trim().to_ascii_lowercase();
    let is_listed = |list: &[&str]| {
        list.iter().any(|known| if known.ends_with('.') { code.starts_with(known) } else { code == *known })
    };
    match class {
        // The gateway counts calls before it passes them on.
        Class::Throttled => true,
        // An operation of one product may act on another's resources in the name of the caller; a refusal of that second
        // step says nothing of the first.
        Class::Denied if is_listed(DENIALS) => {
            envelope.auth_action.is_empty() || envelope.auth_action.eq_ignore_ascii_case(&operation.ram_action())
        }
        _ => is_listed(GATEWAY) || is_listed(operation.refusals),
    }
}

/// Codes of the permission check. Others that speak of permission are the products' own, from anywhere in what they do.
const DENIALS: &[&str] = &["forbidden.ram", "nopermission"];

/// Codes of the gateway. `SignatureNonceUsed` is not among them: as a request is sent once, it means that the same request
/// arrived before.
const GATEWAY: &[&str] = &[
    "signaturedoesnotmatch",
    "incompletesignature",
    "invalidtimestamp.",
    "illegaltimestamp",
    "missingaccesskeyid",
    "invalidaccesskeyid.",
    "missingsecuritytoken",
    "invalidsecuritytoken.",
    "missingaction",
    "invalidaction.notfound",
    "invalidversion",
    "unsupportedhttpmethod",
    "missingparameter",
    "missingparameter.",
    "invalidregionid",
    "invalidregionid.notfound",
    "invalidoperation.notsupportedendpoint",
    "dryrunoperation",
];

/// What it means that there is no answer.
pub(super) fn unanswered(error: &HttpError) -> Outcome {
    let (class, code, is_unsent) = match error {
        // Without an address or a connection nothing leaves this machine.
        HttpError::UnknownHost { .. } => (Class::UnknownHost, "not-sent", true),
        HttpError::Dns { .. } => (Class::Dns, "not-sent", true),
        HttpError::ForbiddenAddress { .. } | HttpError::BadRequest { .. } => (Class::Request, "not-sent", true),
        HttpError::Connect { .. } => (Class::Connection, "not-sent", true),
        // A handshake that fails sends nothing, but a session can fail later too, and is not told apart here.
        HttpError::Tls { .. } => (Class::Tls, "tls", false),
        HttpError::Reset { .. } => (Class::Connection, "reset", false),
        HttpError::ResetMidBody { .. } => (Class::Connection, "reset-mid-body", false),
        HttpError::Timeout { .. } => (Class::Timeout, "timeout", false),
        HttpError::TooLarge { .. } => (Class::Schema, "too-large", false),
    };
    let failure = WriteFailure {
        class,
        code: code.to_owned(),
        reason: printable(&error.to_string()),
        request_id: String::new(),
        status: 0,
        wait: None,
    };
    if is_unsent { Outcome::Rejected(failure) } else { Outcome::Ambiguous(failure) }
}

fn failure(response: &HttpResponse, class: Class, code: &str, reason: String, id: &str) -> WriteFailure {
    let id = if id.is_empty() { header_id(response) } else { id };
    WriteFailure {
        class,
        code: code.to_owned(),
        reason,
        request_id: checked_id(id),
        status: response.status,
        wait: hint(response),
    }
}

fn header_id(response: &HttpResponse) -> &str {
    response.header("x-acs-request-id").unwrap_or_default()
}
