//! Why a call failed, sorted by what the reader can do about it.
//!
//! Codes decide first and statuses second: throttling arrives as HTTP 400, a refusal may arrive
//! within HTTP 200, and one code that begins with `Forbidden` means "not found".

use std::fmt;

use super::{context::HttpError, request::ReadRequest};

/// What kind of failure this is. One value per thing the caller does differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The caller lacks a permission. The scope is not assessed; it is never "nothing found".
    Denied,
    /// The resource is gone, by one of the documented codes.
    NotFound,
    /// The product does not serve the region or is not activated, by a documented code.
    NotServed,
    /// The host name does not exist. Means "not served" only together with the product's own list of regions.
    UnknownHost,
    /// Name resolution failed in another way.
    Dns,
    /// The cloud keeps saying that we ask too often.
    Throttled,
    /// The cloud says that it is busy or broken.
    Transient,
    /// No connection, or it broke.
    Connection,
    /// A phase of the call, or the whole unit, took too long.
    Timeout,
    /// The certificate or handshake was refused: nothing on this path can be trusted. Ends the run.
    Tls,
    /// The key, token or signature was refused, or no credentials could be had. Ends the account's units.
    Identity,
    /// Our clock and the cloud's differ by more than can be made up for. Ends the account's units.
    Clock,
    /// The reply is not JSON: HTML of a proxy, cut off, or not text.
    NotJson,
    /// The reply is JSON of another shape than documented, or beyond our limits.
    Schema,
    /// The pages of a list contradict each other.
    Pages,
    /// A redirect: never followed, since the signature is for one host.
    Redirect,
    /// The cloud refused the request for another reason; the code says which.
    Rejected,
    /// The request could not be built or sent: bad region, bad endpoint, forbidden address.
    Request,
}

impl Class {
    /// True where the failure concerns the caller's whole account, not one read.
    pub fn ends_account(self) -> bool {
        matches!(self, Self::Identity | Self::Clock | Self::Tls)
    }
}

/// A read that failed, after all retries that its class allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// What to do about it.
    pub class: Class,
    /// The vendor's code, or one of ours in lower case: `timeout`, `schema`, `not-json`, `reset`.
    pub code: String,
    /// Why it failed. One line, no control characters, the same for the same failure.
    pub reason: String,
    /// What the user can do; may be empty.
    pub advice: String,
    /// The vendor's request id; empty where there was no reply. Not part of the displayed text.
    pub request_id: String,
    /// HTTP status of the last reply, or 0.
    pub status: u16,
    /// The product's lower-case name.
    pub product: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// The region; empty for a central host.
    pub region: String,
    /// The resource asked about; empty for a list.
    pub resource: String,
}

impl CallError {
    /// A failure of `request`, to be filled in.
    pub fn new(request: &ReadRequest, class: Class, code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            class,
            code: code.into(),
            reason: reason.into(),
            advice: String::new(),
            request_id: String::new(),
            status: 0,
            product: request.operation().product().name(),
            operation: request.operation().action(),
            region: request.region().to_owned(),
            resource: request.resource_id().to_owned(),
        }
    }

    /// A reply whose shape is not the documented one.
    pub fn schema(request: &ReadRequest, reason: impl fmt::Display) -> Self {
        let mut error = Self::new(request, Class::Schema, "schema", printable(&reason.to_string()));
        error.advice = "report this reply's shape: it differs from the documented one".to_owned();
        error
    }

    pub(super) fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read {}:{}", self.product, self.operation)?;
        if !self.resource.is_empty() {
            write!(f, " of {}", printable(&self.resource))?;
        }
        if !self.region.is_empty() {
            write!(f, " in {}", printable(&self.region))?;
        }
        write!(f, ": {}", self.reason)?;
        if !self.reason.contains(self.code.as_str()) {
            write!(f, " ({})", self.code)?;
        }
        if !self.advice.is_empty() {
            write!(f, "; {}", self.advice)?;
        }
        Ok(())
    }
}

impl std::error::Error for CallError {}

/// `text` on one line and short, so that a hostile message cannot draw on the terminal.
pub(super) fn printable(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut line = String::new();
    for character in text.chars() {
        if line.len() >= LONGEST {
            line.push('…');
            break;
        }
        if character.is_control() || is_bidi_control(character) {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
    }
    line
}

/// Characters that turn the direction of text around.
fn is_bidi_control(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What one failed attempt means for the next. Finer than [`Class`]: several kinds end in one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Asked too often.
    Throttled,
    /// Busy or broken on the other side.
    Transient,
    /// No connection, or it broke.
    Connection,
    /// A phase took too long.
    Timeout,
    /// Name resolution failed.
    Dns,
    /// The reply is HTML, cut off, or not text.
    Garbled,
    /// The nonce was seen before.
    Nonce,
    /// The signature does not match.
    Signature,
    /// The date is off.
    Clock,
    /// The session token has expired.
    Expired,
    /// Trying again cannot help.
    Final,
}

/// One failed attempt.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    pub(super) error: CallError,
    /// How long the server asks us to wait.
    pub(super) hint: Option<std::time::Duration>,
    /// The server's `Date` header.
    pub(super) date: Option<chrono::DateTime<chrono::Utc>>,
}

impl Failure {
    pub(super) fn new(kind: Kind, error: CallError) -> Self {
        Self { kind, error, hint: None, date: None }
    }
}

/// What a code means, if it is one that we know; see [`by_status`] for the rest.
///
/// Sources: the vendor's error centre and product pages, and the codes that the Terraform provider
/// handles. The provider maps 403, 500 and 503 of a mesh read to "not found", which an auditor must not.
pub(super) fn by_code(product: &str, code: &str, message: &str) -> Option<(Kind, Class)> {
    let code = code.trim();
    let lower = code.to_ascii_lowercase();
    let starts = |prefix: &str| lower.starts_with(prefix);
    // The log service's words for it end so; the one for reads is not documented by name.
    let log_quota = product == "sls" && lower.ends_with("quotaexceed");
    if lower.contains("throttling") || lower == "429" || log_quota || mentions_qps_limit(&lower, message) {
        return Some((Kind::Throttled, Class::Throttled));
    }
    if NOT_FOUND.iter().any(|known| lower == *known) || starts("resourcenotfound.") {
        return Some((Kind::Final, Class::NotFound));
    }
    if product == "cbn" && matches!(lower.as_str(), "parameterceninstanceid" | "parameterinstanceid") {
        return Some((Kind::Final, Class::NotFound));
    }
    match lower.as_str() {
        "invalidregionid" | "invalidregionid.notfound" => return Some((Kind::Final, Class::NotServed)),
        "signaturenonceused" => return Some((Kind::Nonce, Class::Identity)),
        "signaturedoesnotmatch" | "incompletesignature" | "signaturenotmatch" => {
            return Some((Kind::Signature, Class::Identity));
        }
        "invalidsecuritytoken.expired" => return Some((Kind::Expired, Class::Identity)),
        "401" => return Some((Kind::Final, Class::Identity)),
        "403" => return Some((Kind::Final, Class::Denied)),
        "500" | "502" | "503" | "504" => return Some((Kind::Transient, Class::Transient)),
        _ => {}
    }
    if lower.contains("notopen") {
        return Some((Kind::Final, Class::NotServed));
    }
    if starts("illegaltimestamp") || starts("invalidtimestamp") || starts("requesttimetooskewed") {
        return Some((Kind::Clock, Class::Clock));
    }
    if IDENTITY.iter().any(|prefix| starts(prefix)) {
        return Some((Kind::Final, Class::Identity));
    }
    if TRANSIENT.iter().any(|prefix| lower == *prefix || starts(&format!("{prefix}."))) {
        return Some((Kind::Transient, Class::Transient));
    }
    if DENIED.iter().any(|prefix| starts(prefix)) || lower == "operation.forbidden" {
        return Some((Kind::Final, Class::Denied));
    }
    None
}

/// Container Service says so in words, under changing codes.
fn mentions_qps_limit(code: &str, message: &str) -> bool {
    code.contains("qps limit exceeded") || message.to_ascii_lowercase().contains("qps limit exceeded")
}

/// The documented codes for a resource that is gone. Nothing else is read as "gone": a 403 or 500
/// dressed up as not-found would hide an exposure.
const NOT_FOUND: &[&str] = &[
    "servicemesh.notfound",
    "errorclusternotfound",
    "invalidsecuritygroupid.notfound",
    "invalidprefixlistid.notfound",
    "invalidportrangelistid.notfound",
    "invalidvpcid.notfound",
    "invalidvswitchid.notfound",
    "forbidden.vpcnotfound",
    "invalidallocationid.notfound",
    "invalidloadbalancerid.notfound",
    "invalidsnattableid.notfound",
    "invalidvpnconnectioninstanceid.notfound",
    "aclnotexist",
    "invalidaclid.notfound",
    "endpointnotfound",
    "endpointservicenotfound",
    "projectnotexist",
    "logstorenotexist",
];

/// Prefixes of codes about the key, the token or the account as a whole.
const IDENTITY: &[&str] = &[
    "invalidaccesskeyid",
    "invalidsecuritytoken",
    "missingsecuritytoken",
    "missingaccesskeyid",
    "forbidden.riskcontrol",
    "forbidden.accesskey",
    "forbidden.accountclosed",
    "account.arrearage",
    "forbidden.arrearage",
    "invalidaccountstatus",
    "userdisable",
];

/// Codes that pass by themselves; a suffix after a dot may follow.
const TRANSIENT: &[&str] = &[
    "serviceunavailable",
    "internalerror",
    "internalservererror",
    "systembusy",
    "operationbusy",
    "operationfailed.lasttokenprocessing",
    "operationfailed.tokenisprocessing",
    "operationfailed.resourceisconfiguring",
    "lasttokenprocessing",
    "serviceisconfiguring",
    "serviceisstopping",
    "backendserver.configuring",
    "taskconflict",
    "operationconflict",
    "conflict.lock",
    "concurrentcallnotsupported",
    "stillinitializing",
    "operation.blocking",
    "lock_error",
    "unknownerror",
];

/// Prefixes of codes that mean a missing permission.
const DENIED: &[&str] =
    &["nopermission", "forbidden", "accessdenied", "statusforbidden", "notauthorized", "unauthorized"];

/// What a status means where the code says nothing.
pub(super) fn by_status(status: u16) -> (Kind, Class) {
    match status {
        300..=399 => (Kind::Final, Class::Redirect),
        401 => (Kind::Final, Class::Identity),
        403 => (Kind::Final, Class::Denied),
        408 => (Kind::Transient, Class::Transient),
        429 | 503 => (Kind::Throttled, Class::Throttled),
        500.. => (Kind::Transient, Class::Transient),
        _ => (Kind::Final, Class::Rejected),
    }
}

/// What the user can do about a refusal; `granted` is the action the cloud named, if it did.
pub(super) fn advice(class: Class, code: &str, request: &ReadRequest, granted: &str) -> String {
    let action = if granted.is_empty() { request.operation().ram_action() } else { granted.to_owned() };
    match class {
        Class::Denied => format!("grant {action} to the identity that scans"),
        Class::Identity if code.starts_with("Signature") || code == "IncompleteSignature" => {
            "check that the access key secret belongs to the access key id".to_owned()
        }
        Class::Identity if code.starts_with("InvalidSecurityToken") => {
            "get a new session token, or configure a source that renews it".to_owned()
        }
        Class::Identity => "check the access key and the state of the account".to_owned(),
        Class::Clock => "set this machine's clock; the cloud refuses dates more than 15 minutes off".to_owned(),
        Class::Throttled => "lower the rate, or run when fewer others call the same API".to_owned(),
        Class::NotServed | Class::NotFound | Class::Rejected => String::new(),
        Class::Tls => "check the certificates of this machine, and whether something intercepts its traffic".to_owned(),
        Class::Transient | Class::Connection | Class::Timeout | Class::Dns | Class::NotJson => {
            "try again; if it stays, check the network, the proxy and the endpoint".to_owned()
        }
        Class::Redirect => "check the endpoint: the real one does not redirect".to_owned(),
        Class::UnknownHost => "check the region's name and the resolver".to_owned(),
        Class::Schema | Class::Pages => "try again; if it stays, report the reply's shape".to_owned(),
        Class::Request => String::new(),
    }
}

/// What a failure to get any reply means.
pub(super) fn from_http(request: &ReadRequest, error: &HttpError) -> Failure {
    let (kind, class, code) = match error {
        HttpError::UnknownHost { .. } => (Kind::Dns, Class::UnknownHost, "unknown-host"),
        HttpError::Dns { .. } => (Kind::Dns, Class::Dns, "dns"),
        HttpError::ForbiddenAddress { .. } => (Kind::Final, Class::Request, "forbidden-address"),
        HttpError::Connect { .. } => (Kind::Connection, Class::Connection, "connect"),
        HttpError::Tls { .. } => (Kind::Final, Class::Tls, "tls"),
        HttpError::Reset { .. } => (Kind::Connection, Class::Connection, "reset"),
        HttpError::ResetMidBody { .. } => (Kind::Connection, Class::Connection, "reset-mid-body"),
        HttpError::Timeout { .. } => (Kind::Timeout, Class::Timeout, "timeout"),
        HttpError::TooLarge { .. } => (Kind::Final, Class::Schema, "too-large"),
        HttpError::BadRequest { .. } => (Kind::Final, Class::Request, "bad-request"),
    };
    let error = CallError::new(request, class, code, printable(&error.to_string()));
    let advice = advice(class, code, request, "");
    Failure::new(kind, error.with_advice(advice))
}
