//! Calls that change something. Each is built with a permit, signed in one step and sent in another, once.
//!
//! A [`ReadRequest`](super::request::ReadRequest) cannot express a write, and a [`WriteRequest`] cannot be built without
//! a [`WritePermit`], which `remediate` alone may name (`tests/architecture.rs`). The signature is the fence: the cloud
//! refuses a request that arrives a quarter of an hour after it was signed, so whoever has a [`SignedWrite`] knows until
//! when it can take effect, and whoever drops it unsent has done nothing.
//!
//! [`Client::send_write`] consumes what it sends, on a connection of its own, and never repeats it. Of what comes back
//! nothing proves an effect; see [`Outcome`].

mod outcome;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

pub use self::outcome::{Ack, Outcome, WriteFailure};
use super::{
    assemble::{Body, PROGRAM, USER_AGENT, Unsigned},
    client::{Account, Client},
    context::{HttpRequest, Method},
    endpoint::{Target, is_loopback_base},
    error::printable,
    request::Product,
    sign,
};

/// How long after its date the cloud accepts a signature.
pub const SIGNATURE_LIFE: TimeDelta = TimeDelta::minutes(15);

/// The right to build writes. `remediate` alone names this type, which a test watches over.
#[derive(Debug)]
pub struct WritePermit(());

impl WritePermit {
    /// For `remediate`, after every guard has agreed.
    pub const fn for_remediation() -> Self {
        Self(())
    }
}

/// How a write takes its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Style {
    /// By POST, in the query.
    Query,
    /// By POST, in a form.
    Form,
    /// By PUT of a path, in a JSON body.
    PutJson,
}

/// One operation that changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WriteOperation {
    product: Product,
    action: &'static str,
    style: Style,
    path: &'static str,
    /// The product's own codes that say that nothing was changed, in lower case; a code that ends in a dot stands for all
    /// that begin so. What any gateway says is in `outcome`.
    refusals: &'static [&'static str],
}

impl WriteOperation {
    /// RPC by POST with parameters in the query: VPC and SLB.
    pub(in crate::cloud) const fn rpc_query(product: Product, action: &'static str) -> Self {
        Self { product, action, style: Style::Query, path: "/", refusals: &[] }
    }

    /// RPC by POST with parameters in a form: Service Mesh.
    pub(in crate::cloud) const fn rpc_form(product: Product, action: &'static str) -> Self {
        Self { product, action, style: Style::Form, path: "/", refusals: &[] }
    }

    /// A PUT of a path with a JSON body: Container Service.
    pub(in crate::cloud) const fn roa_put(product: Product, action: &'static str, path: &'static str) -> Self {
        Self { product, action, style: Style::PutJson, path, refusals: &[] }
    }

    /// The same operation, with the codes by which its product says that nothing was changed.
    pub(in crate::cloud) const fn refused_by(mut self, codes: &'static [&'static str]) -> Self {
        self.refusals = codes;
        self
    }

    /// The product.
    pub const fn product(&self) -> Product {
        self.product
    }

    /// The operation's name: `ModifyPilotEipResource`.
    pub const fn action(&self) -> &'static str {
        self.action
    }

    /// The action to grant in a RAM policy: `servicemesh:ModifyPilotEipResource`.
    pub fn ram_action(&self) -> String {
        format!("{}:{}", self.product.ram_code(), self.action)
    }

    const fn method(&self) -> Method {
        match self.style {
            Style::Query | Style::Form => Method::Post,
            Style::PutJson => Method::Put,
        }
    }
}

/// One write, not yet signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteRequest {
    operation: WriteOperation,
    region: String,
    path: String,
    params: Vec<(String, String)>,
    json: serde_json::Map<String, serde_json::Value>,
    resource: String,
    /// As which program it is sent.
    agent: String,
    /// Until when the keys have to hold that sign it, unless they are new.
    keys_until: Option<DateTime<Utc>>,
}

/// As which program the writes of a plan are sent: the audit trail keeps it, whoever's keys sign and whichever process sends.
fn agent_of(plan: &str) -> String {
    let plan: String = plan.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
    format!("{USER_AGENT} (plan {plan})")
}

/// Whether an event of the audit trail is a write of this plan, by the program that it was sent as, in whichever version.
pub fn is_agent_of(agent: &str, plan: &str) -> bool {
    let (own, program) = (agent_of(plan), format!("{PROGRAM}/"));
    let mark = own.split_once(' ').map_or("", |(_, mark)| mark);
    !plan.is_empty() && agent.starts_with(&program) && agent.split_once(' ').is_some_and(|(_, seen)| seen == mark)
}

impl WriteRequest {
    /// A write of `operation` to `resource`. The region picks the host; it is empty for central hosts and becomes no
    /// parameter by itself.
    pub(in crate::cloud) fn new(_: &WritePermit, operation: WriteOperation, region: &str, resource: &str) -> Self {
        Self {
            operation,
            region: region.to_owned(),
            path: operation.path.to_owned(),
            params: Vec::new(),
            json: serde_json::Map::new(),
            resource: resource.to_owned(),
            agent: USER_AGENT.to_owned(),
            keys_until: None,
        }
    }

    /// Marks it as of this plan.
    #[must_use]
    pub fn of_plan(mut self, plan: &str) -> Self {
        self.agent = agent_of(plan);
        self
    }

    /// Signs it only with keys that hold until then, or that were fetched just now.
    #[must_use]
    pub fn with_keys_until(mut self, until: DateTime<Utc>) -> Self {
        self.keys_until = Some(until);
        self
    }

    /// Adds a parameter where the operation's style wants it.
    pub(in crate::cloud) fn param(mut self, name: &str, value: impl ToString) -> Self {
        self.params.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a field of the JSON body.
    pub(in crate::cloud) fn field(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.json.insert(name.to_owned(), value.into());
        self
    }

    /// Fills `{name}` of the path, percent-encoded.
    pub(in crate::cloud) fn path(mut self, name: &str, value: &str) -> Self {
        self.path = self.path.replace(&format!("{{{name}}}"), &sign::encode(value));
        self
    }

    /// The operation.
    pub fn operation(&self) -> &WriteOperation {
        &self.operation
    }

    /// The region; empty for a central host.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// What is to be changed.
    pub fn resource_id(&self) -> &str {
        &self.resource
    }

    /// The parameters as they will be sent, for plans and journals: none of them is a secret.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let fields = self.json.iter().map(|(name, value)| (name.clone(), value.to_string()));
        self.params.iter().cloned().chain(fields).collect()
    }

    fn sign(
        &self,
        target: &Target,
        credentials: &super::credential::Credentials,
        date: DateTime<Utc>,
        nonce: &str,
    ) -> HttpRequest {
        let json = serde_json::Value::Object(self.json.clone()).to_string();
        let (query, body): (&[_], _) = match self.operation.style {
            Style::Query => (&self.params, Body::None),
            Style::Form => (&[], Body::Form(&self.params)),
            Style::PutJson => (&[], Body::Json(json.as_bytes())),
        };
        let unsigned = Unsigned {
            product: self.operation.product,
            action: self.operation.action,
            method: self.operation.method(),
            path: &self.path,
            query,
            body,
            target,
            agent: &self.agent,
        };
        HttpRequest { is_fresh: true, ..unsigned.sign(Some(credentials), date, nonce) }
    }
}

/// A write that could be sent. It is sent once or dropped: it can be neither cloned nor taken apart.
#[derive(Debug)]
#[must_use = "a write that is signed and dropped changes nothing"]
pub struct SignedWrite {
    request: HttpRequest,
    operation: WriteOperation,
    region: String,
    signed_at: DateTime<Utc>,
    keys_end: Option<DateTime<Utc>>,
}

impl SignedWrite {
    /// The date that is signed; whole seconds.
    pub fn signed_at(&self) -> DateTime<Utc> {
        self.signed_at
    }

    /// From when on the cloud refuses the request, by the cloud's clock.
    pub fn refused_from(&self) -> DateTime<Utc> {
        self.signed_at + SIGNATURE_LIFE
    }

    /// When the keys end that it is signed with; `None` for long-lived ones.
    pub fn keys_end(&self) -> Option<DateTime<Utc>> {
        self.keys_end
    }

    /// The operation.
    pub fn operation(&self) -> &WriteOperation {
        &self.operation
    }
}

/// Why a write could not be signed. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The region or the configured endpoint is wrong.
    #[error("there is no endpoint for {action}: {reason}")]
    Endpoint { action: &'static str, reason: String },
    /// Writes go over HTTPS, to this machine excepted.
    #[error("{action} would go over plain HTTP to {host}")]
    PlainHttp { action: &'static str, host: String },
    /// No keys could be had.
    #[error("there are no credentials for {action}: {reason}")]
    Credentials { action: &'static str, reason: String },
}

impl Client {
    /// Signs a write with the keys of `account`, dated `at` by the cloud's clock: whoever announced until when it can take
    /// effect counts from there. Nothing is sent.
    pub async fn sign_write(
        &self,
        account: &Account,
        write: WriteRequest,
        at: DateTime<Utc>,
    ) -> Result<SignedWrite, SignError> {
        let operation = write.operation;
        let action = operation.action;
        let target = self
            .endpoints()
            .target(operation.product, &write.region)
            .map_err(|bad| SignError::Endpoint { action, reason: printable(&bad.to_string()) })?;
        check_scheme(&target, action)?;
        let provider = account.provider();
        let credentials = match write.keys_until {
            Some(until) => provider.lasting(until).await,
            None => provider.credentials().await,
        };
        let credentials =
            credentials.map_err(|failed| SignError::Credentials { action, reason: printable(&failed.to_string()) })?;
        let signed_at = at.trunc_subsecs(0);
        let request = write.sign(&target, &credentials, signed_at, &self.context().random.nonce());
        Ok(SignedWrite { request, operation, region: write.region, signed_at, keys_end: credentials.expiration })
    }

    /// Sends a signed write, once, and says what the answer is worth.
    pub async fn send_write(&self, write: SignedWrite) -> Outcome {
        let SignedWrite { request, operation, region, .. } = write;
        let clock = &self.context().clock;
        let begun = clock.monotonic();
        let sent = self.context().http.send(request).await.inspect(|response| self.note_date(response));
        let outcome = match sent {
            Ok(response) => outcome::judge(&operation, &response),
            Err(error) => outcome::unanswered(&error),
        };
        log(&operation, &region, clock.monotonic().saturating_sub(begun), &outcome);
        outcome
    }
}

/// HTTPS, or a loopback address.
fn check_scheme(target: &Target, action: &'static str) -> Result<(), SignError> {
    let is_plain = target.base.starts_with("http://");
    if target.base.starts_with("https://") || (is_plain && is_loopback_base(&target.base)) {
        return Ok(());
    }
    Err(SignError::PlainHttp { action, host: target.host.clone() })
}

/// One event a write; no body and no key is in it.
fn log(operation: &WriteOperation, region: &str, took: std::time::Duration, outcome: &Outcome) {
    let action = format!("{}:{}", operation.product.name(), operation.action);
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let (word, code) = match outcome {
        Outcome::Acked(_) => ("acked", ""),
        Outcome::Rejected(failure) => ("rejected", failure.code.as_str()),
        Outcome::Ambiguous(failure) => ("ambiguous", failure.code.as_str()),
    };
    let request_id = outcome.request_id();
    tracing::info!(event = "write-ended", action, region, request_id, took_ms, outcome = word, code);
}

#[cfg(test)]
mod tests;
