//! One read of the cloud, from request to sound reply: limiter, credentials, signature, exchange,
//! classification, repeats.
//!
//! Each attempt is signed afresh inside the loop, with its own nonce and date: the cloud refuses a
//! nonce that it has seen.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tracing::{Instrument as _, Span, field::Empty};

use super::{
    assemble::{Body, USER_AGENT, Unsigned},
    context::{Context, HeaderText, HttpRequest, HttpResponse},
    credential::{Credentials, Provider},
    endpoint::{Endpoints, Target},
    error::{self, CallError, Class, Failure, Kind, printable},
    json,
    request::{ReadRequest, Style},
    retry, sign, sign_log, throttle,
};

/// How the client behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Settings {
    /// How often and how long a failed attempt is repeated.
    pub retry: retry::Settings,
    /// How fast we ask.
    pub throttle: throttle::Settings,
    /// How long after the client was made a read is still waited for. `None`: whoever makes changes has waits of its own.
    pub run: Option<Duration>,
}

impl Settings {
    /// The defaults for where `endpoints` lead: polite towards the real cloud, fast on this machine.
    pub fn for_endpoints(endpoints: &Endpoints) -> Self {
        let throttle =
            if endpoints.all_loopback() { throttle::Settings::loopback() } else { throttle::Settings::default() };
        Self { throttle, ..Self::default() }
    }
}

pub use super::retry::Settings as RetrySettings;

/// Whose cloud is read, and with which keys. Cheap to clone.
#[derive(Clone)]
pub struct Account {
    id: Arc<str>,
    provider: Arc<dyn Provider>,
}

impl Account {
    /// An account. The id also names its limits: the cloud counts calls by account. Where the id is
    /// not known yet, any name for the keys will do.
    pub fn new(id: &str, provider: Arc<dyn Provider>) -> Self {
        Self { id: Arc::from(id), provider }
    }

    /// The account's number, or the name it was given.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where its keys come from.
    pub fn provider(&self) -> &Arc<dyn Provider> {
        &self.provider
    }

    /// The same keys under another id, once the cloud has told it.
    pub fn with_id(&self, id: &str) -> Self {
        Self { id: Arc::from(id), provider: Arc::clone(&self.provider) }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("id", &self.id).field("keys", &self.provider.describe()).finish()
    }
}

/// What the client has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests sent, repeats included.
    pub api_calls: u64,
    /// Requests sent beyond the first of each read.
    pub retries: u64,
    /// Replies that said we ask too often.
    pub throttled: u64,
}

/// What is kept of a reply for who asks later what the findings rest on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyDigest {
    pub account_id: String,
    pub region: String,
    pub product: &'static str,
    pub action: &'static str,
    pub resource_id: String,
    pub status: u16,
    pub request_id: String,
    pub received_at: DateTime<Utc>,
    pub bytes: u64,
    /// Hexadecimal, of the body as it came, once it was unpacked.
    pub sha256: String,
}

#[derive(Debug, Default)]
struct Counters {
    api_calls: AtomicU64,
    retries: AtomicU64,
    throttled: AtomicU64,
}

/// A sound reply: whole, of the expected kind at the top, and without an error inside.
#[derive(Clone)]
pub struct Reply {
    request: ReadRequest,
    body: Vec<u8>,
    request_id: String,
    date: Option<DateTime<Utc>>,
}

impl Reply {
    /// Reads the reply into a type. Its shape being another is a failure of class
    /// [`Class::Schema`], never an empty result.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(|error| self.unlike(error))
    }

    /// A [`Class::Schema`] failure of this reply, for what types alone cannot check.
    pub fn unlike(&self, reason: impl fmt::Display) -> CallError {
        CallError { request_id: self.request_id.clone(), status: 200, ..CallError::schema(&self.request, reason) }
    }

    /// The body as it came. It may hold secrets: not for logs.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The cloud's id of this call; empty if it gave none.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The cloud's time when it answered, in whole seconds: it is so late at least.
    pub fn date(&self) -> Option<DateTime<Utc>> {
        self.date
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("operation", &self.request.operation().action())
            .field("bytes", &self.body.len())
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// The client. Cheap to clone; clones share limits, budget and statistics.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    /// When the client was made, by the clock that never goes back.
    began: Duration,
    context: Context,
    endpoints: Endpoints,
    settings: Settings,
    limiter: throttle::Limiter,
    budget: retry::Budget,
    counters: Counters,
    /// The cloud's clock minus ours in milliseconds; [`UNMEASURED`] until a date was refused.
    offset_ms: AtomicI64,
    /// The same as the latest reply shows it, whether or not anything was refused.
    skew_ms: AtomicI64,
    /// Digests of the replies, if they are to be kept.
    replies: Mutex<Option<Vec<ReplyDigest>>>,
}

/// No clock is off by this much.
const UNMEASURED: i64 = i64::MIN;

/// The cloud refuses dates that are off by more than this.
const LARGEST_OFFSET_MS: i64 = 15 * 60 * 1000;

/// A measured offset that differs by more than this from the one in use means that a clock jumps.
const OFFSET_JUMP_MS: i64 = 60 * 1000;

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

fn out_of_time(request: &ReadRequest, limit: Duration) -> CallError {
    let reason = format!("the run's deadline of {} s has passed", limit.as_secs());
    CallError::new(request, Class::Timeout, "deadline", reason)
        .with_advice("give the run more time (`deadline`, or --deadline), or fewer accounts and regions")
}

/// A request for every layer: what one attempt needs.
struct Call<'a> {
    account: &'a Account,
    request: &'a ReadRequest,
    target: &'a Target,
}

impl Client {
    /// A client of the cloud behind `endpoints`.
    pub fn new(context: Context, endpoints: Endpoints, settings: Settings) -> Self {
        let limiter = throttle::Limiter::new(Arc::clone(&context.clock), settings.throttle);
        let inner = Inner {
            began: context.clock.monotonic(),
            context,
            endpoints,
            settings,
            limiter,
            budget: retry::Budget::default(),
            counters: Counters::default(),
            offset_ms: AtomicI64::new(UNMEASURED),
            skew_ms: AtomicI64::new(UNMEASURED),
            replies: Mutex::new(None),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The world the client works in.
    pub fn context(&self) -> &Context {
        &self.inner.context
    }

    /// What has been done so far.
    pub fn stats(&self) -> Stats {
        let counters = &self.inner.counters;
        Stats {
            api_calls: counters.api_calls.load(Ordering::Relaxed),
            retries: counters.retries.load(Ordering::Relaxed),
            throttled: counters.throttled.load(Ordering::Relaxed),
        }
    }

    /// Keeps the digest of every reply from now on.
    pub fn keep_replies(&self) {
        self.inner.kept().get_or_insert_default();
    }

    /// The digests that were kept, in the order in which the replies came.
    pub fn take_replies(&self) -> Vec<ReplyDigest> {
        self.inner.kept().as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// How far the cloud's clock is before ours, by the `Date` of the latest reply, which counts whole seconds. `None`
    /// before the first reply that has one.
    pub fn clock_skew(&self) -> Option<TimeDelta> {
        let skew = self.inner.skew_ms.load(Ordering::Relaxed);
        (skew != UNMEASURED).then(|| TimeDelta::milliseconds(skew))
    }

    /// No call goes further than a loopback address.
    pub fn stays_on_this_machine(&self) -> bool {
        self.inner.endpoints.all_loopback()
    }

    pub(super) fn endpoints(&self) -> &Endpoints {
        &self.inner.endpoints
    }

    pub(super) fn note_date(&self, response: &HttpResponse) {
        self.inner.note_date(response);
    }

    /// Sends `request` with the keys of `account` until there is a sound reply, no attempt is left, or the run is over.
    pub async fn read(&self, account: &Account, request: &ReadRequest) -> Result<Reply, CallError> {
        let inner = &*self.inner;
        let Some(limit) = inner.settings.run else { return self.read_at_length(account, request).await };
        let left = limit.saturating_sub(inner.context.clock.monotonic().saturating_sub(inner.began));
        if left.is_zero() {
            return Err(out_of_time(request, limit));
        }
        tokio::select! {
            biased;
            reply = self.read_at_length(account, request) => reply,
            () = inner.context.clock.sleep(left) => Err(out_of_time(request, limit)),
        }
    }

    async fn read_at_length(&self, account: &Account, request: &ReadRequest) -> Result<Reply, CallError> {
        let inner = &*self.inner;
        let operation = request.operation();
        let target = inner
            .endpoints
            .target(operation.product(), request.region())
            .and_then(|target| match operation.style() {
                Style::Log => target.of_project(request.project_name()),
                _ => Ok(target),
            })
            .map_err(|bad| CallError::new(request, Class::Request, "bad-endpoint", printable(&bad.to_string())))?;
        let key = throttle::Key {
            account: Arc::clone(&account.id),
            product: operation.product(),
            region: request.region().to_owned(),
            action: operation.action(),
        };
        let call = Call { account, request, target: &target };
        let mut attempts = retry::Attempts::default();
        let mut tries = 0;
        inner.budget.call();
        loop {
            let turn = inner.limiter.turn(&key).await;
            let begun = inner.context.clock.monotonic();
            tries += 1;
            let span = span(request, tries);
            let outcome = inner.attempt(&call).instrument(span.clone()).await;
            record(&span, &outcome);
            log(request, tries, inner.context.clock.monotonic().saturating_sub(begun), &outcome);
            let failure = match outcome {
                Ok(reply) => {
                    turn.succeeded();
                    return Ok(reply);
                }
                Err(failure) => failure,
            };
            attempts.note(failure.kind);
            let give_up = match failure.kind {
                Kind::Throttled => {
                    inner.counters.throttled.fetch_add(1, Ordering::Relaxed);
                    turn.throttled(failure.hint, attempts.throttled())
                }
                _ => {
                    attempts.spent += inner.context.clock.monotonic().saturating_sub(begun);
                    drop(turn);
                    false
                }
            };
            let wait = if give_up { None } else { inner.next(&mut attempts, &failure) };
            let Some(wait) = wait else { return Err(failure.error) };
            if !wait.is_zero() {
                inner.context.clock.sleep(wait).await;
            }
            inner.counters.retries.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Inner {
    /// The wait before the next attempt, if there is to be one.
    fn next(&self, attempts: &mut retry::Attempts, failure: &Failure) -> Option<Duration> {
        if failure.kind == Kind::Clock && !self.measure_offset(failure.date) {
            return None;
        }
        attempts.next(failure, &self.budget, &self.settings.retry, &*self.context.random)
    }

    /// Learns the clock's offset from the server's date. False if it cannot be made up for.
    fn measure_offset(&self, date: Option<DateTime<Utc>>) -> bool {
        let Some(date) = date else { return false };
        let measured = (date - self.context.clock.now()).num_milliseconds();
        let known = self.offset_ms.load(Ordering::Relaxed);
        if measured.abs() > LARGEST_OFFSET_MS || (known != UNMEASURED && (measured - known).abs() > OFFSET_JUMP_MS) {
            return false;
        }
        self.offset_ms.store(measured, Ordering::Relaxed);
        true
    }

    /// Our time as the cloud sees it.
    fn cloud_now(&self) -> DateTime<Utc> {
        let now = self.context.clock.now();
        match self.offset_ms.load(Ordering::Relaxed) {
            UNMEASURED => now,
            offset => now + TimeDelta::milliseconds(offset),
        }
    }

    fn note_date(&self, response: &HttpResponse) {
        if let Some(date) = date(response) {
            let skew = (date - self.context.clock.now()).num_milliseconds();
            self.skew_ms.store(skew, Ordering::Relaxed);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<Vec<ReplyDigest>>> {
        // Nobody panics while holding it, and a list that is shorter is still one.
        self.replies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The digest of a reply, if digests are kept. Whose call it was is known once the reply was looked into.
    fn seen(&self, call: &Call<'_>, response: &HttpResponse) -> Option<ReplyDigest> {
        self.kept().as_ref()?;
        let operation = call.request.operation();
        Some(ReplyDigest {
            account_id: call.account.id().to_owned(),
            region: call.request.region().to_owned(),
            product: operation.product().name(),
            action: operation.action(),
            resource_id: call.request.resource_id().to_owned(),
            status: response.status,
            request_id: String::new(),
            received_at: self.context.clock.now(),
            bytes: response.body.len() as u64,
            sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(&response.body)),
        })
    }

    fn keep(&self, seen: Option<ReplyDigest>, request_id: &str) {
        if let (Some(mut reply), Some(kept)) = (seen, self.kept().as_mut()) {
            request_id.clone_into(&mut reply.request_id);
            kept.push(reply);
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let request = call.request;
        let credentials = if request.operation().is_signed() {
            let got = call.account.provider.credentials().await;
            Some(got.map_err(|failed| {
                let reason = printable(&failed.to_string());
                Failure::new(Kind::Final, CallError::new(request, Class::Identity, "no-credentials", reason))
            })?)
        } else {
            None
        };
        let prepared = prepare(call, credentials.as_deref(), self.cloud_now(), &self.context.random.nonce());
        let _slot = self.limiter.slot().await;
        self.counters.api_calls.fetch_add(1, Ordering::Relaxed);
        let sent = self.context.http.send(prepared).await.inspect(|response| self.note_date(response));
        let outcome = match sent {
            Ok(response) => unpack(request, response).and_then(|response| {
                let seen = self.seen(call, &response);
                let judged = judge(request, response);
                let request_id = match &judged {
                    Ok(reply) => &reply.request_id,
                    Err(failure) => &failure.error.request_id,
                };
                self.keep(seen, request_id);
                judged
            }),
            Err(failed) => Err(error::from_http(request, &failed)),
        };
        if let (Err(Failure { kind: Kind::Expired, .. }), Some(used)) = (&outcome, &credentials) {
            call.account.provider.invalidate(used).await;
        }
        outcome
    }
}

/// One attempt in a trace; no parameter, body or key is in it.
fn span(request: &ReadRequest, attempt: u32) -> Span {
    let operation = request.operation();
    tracing::debug_span!(
        "call",
        otel.kind = "client",
        otel.status_code = Empty,
        product = operation.product().name(),
        action = operation.action(),
        region = request.region(),
        attempt,
        request_id = Empty,
        code = Empty,
    )
}

/// How the attempt ended.
fn record(span: &Span, outcome: &Result<Reply, Failure>) {
    match outcome {
        Ok(reply) => {
            span.record("request_id", reply.request_id.as_str());
        }
        Err(failure) => {
            span.record("request_id", failure.error.request_id.as_str());
            span.record("code", failure.error.code.as_str());
            span.record("otel.status_code", "ERROR");
        }
    }
}

/// One event an attempt; no body and no key is in it.
fn log(request: &ReadRequest, attempt: u32, took: Duration, outcome: &Result<Reply, Failure>) {
    let operation = request.operation();
    let action = format!("{}:{}", operation.product().name(), operation.action());
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match outcome {
        Ok(reply) => tracing::debug!(
            event = "call-ended",
            action,
            region = request.region(),
            request_id = reply.request_id,
            attempt,
            took_ms,
            outcome = "answered",
        ),
        Err(failure) => tracing::debug!(
            event = "call-ended",
            action,
            region = request.region(),
            request_id = failure.error.request_id,
            attempt,
            took_ms,
            outcome = "failed",
            code = failure.error.code,
        ),
    }
}

/// Builds and signs one attempt.
fn prepare(call: &Call<'_>, credentials: Option<&Credentials>, date: DateTime<Utc>, nonce: &str) -> HttpRequest {
    let request = call.request;
    let operation = request.operation();
    if operation.style() == Style::Log {
        return prepare_log(call, credentials, date);
    }
    let body = match operation.style() {
        Style::RpcForm => Body::Form(request.form_params()),
        Style::RpcQuery | Style::Roa | Style::Log => Body::None,
    };
    let unsigned = Unsigned {
        product: operation.product(),
        action: operation.action(),
        method: operation.method(),
        path: request.encoded_path(),
        query: request.query_params(),
        body,
        target: call.target,
        agent: USER_AGENT,
    };
    unsigned.sign(credentials, date, nonce)
}

/// Builds and signs one attempt for the log service, which has headers of its own.
fn prepare_log(call: &Call<'_>, credentials: Option<&Credentials>, date: DateTime<Utc>) -> HttpRequest {
    let request = call.request;
    let operation = request.operation();
    let query = sign::canonical_query(request.query_params());
    let body = request.json_body().to_vec();
    let payload_hash = sign::payload_hash(&body);
    let date = date.format("%Y%m%dT%H%M%SZ").to_string();
    let headers: Vec<(&'static str, String)> = vec![
        ("host", call.target.host.clone()),
        ("content-type", "application/json".to_owned()),
        ("x-log-apiversion", "0.6.0".to_owned()),
        ("x-log-bodyrawsize", body.len().to_string()),
        ("x-log-content-sha256", payload_hash.clone()),
        ("x-log-date", date.clone()),
    ];
    let mut sent: Vec<(&'static str, HeaderText)> = Vec::new();
    if let Some(credentials) = credentials {
        let mut signed: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if let Some(token) = &credentials.security_token {
            signed.push(("x-acs-security-token", token.expose_secret()));
            sent.push(("x-acs-security-token", HeaderText::Sensitive(token.clone())));
        }
        let method = operation.method().as_str();
        let canonical = sign_log::canonical(method, request.encoded_path(), &query, &signed, &payload_hash);
        let secret = &credentials.access_key_secret;
        let value = sign_log::authorization(&credentials.access_key_id, secret, &date, request.region(), &canonical);
        sent.push(("authorization", HeaderText::Sensitive(value)));
    }
    sent.extend(headers.into_iter().map(|(name, value)| (name, HeaderText::Plain(value))));
    for (name, value) in [("accept", "application/json"), ("accept-encoding", PACKING), ("user-agent", USER_AGENT)] {
        sent.push((name, HeaderText::Plain(value.to_owned())));
    }
    let mark = if query.is_empty() { "" } else { "?" };
    let url = format!("{}{}{mark}{query}", call.target.base, request.encoded_path());
    HttpRequest { method: operation.method(), url, headers: sent, body, deadline: None, is_fresh: false }
}

/// How the log service packs its replies, in a header of its own.
const PACKING: &str = "zstd";

/// No reply of the log service is larger than this once it is unpacked.
const MOST_UNPACKED_BYTES: usize = 32 << 20;

/// Unpacks a reply of the log service; everything else is passed on as it is.
fn unpack(request: &ReadRequest, mut response: HttpResponse) -> Result<HttpResponse, Failure> {
    let Some(packing) = response.header("x-log-compresstype").filter(|_| request.operation().style() == Style::Log)
    else {
        return Ok(response);
    };
    let unlike = |reason: &str| Failure::new(Kind::Final, CallError::schema(request, reason));
    if packing != PACKING {
        return Err(unlike("the reply is packed in another way than was asked for"));
    }
    let size = response.header("x-log-bodyrawsize").and_then(|size| size.trim().parse::<usize>().ok());
    let Some(size) = size.filter(|size| *size <= MOST_UNPACKED_BYTES) else {
        return Err(unlike("the packed reply does not say its size, or is too large"));
    };
    response.body = zstd::bulk::decompress(&response.body, size)
        .map_err(|_| unlike("the packed reply is not whole, or larger than it says"))?;
    Ok(response)
}

/// Sorts a reply into sound ones and failures.
fn judge(request: &ReadRequest, response: HttpResponse) -> Result<Reply, Failure> {
    let header_id = response.header("x-acs-request-id").unwrap_or_default();
    let fail = |kind, class, code: &str, reason: String, id: &str| {
        let mut failed =
            CallError::new(request, class, code, reason).with_advice(error::advice(class, code, request, ""));
        failed.request_id = checked_id(if id.is_empty() { header_id } else { id });
        failed.status = response.status;
        let hint = hint(&response);
        Failure { kind, error: failed, hint, date: date(&response) }
    };
    let status = response.status;
    if (300..400).contains(&status) {
        let reason = format!("the endpoint redirects (HTTP {status})");
        return Err(fail(Kind::Final, Class::Redirect, "redirect", reason, ""));
    }
    if is_markup(&response) {
        let reason = format!("the reply is HTML or XML, as of a proxy, and not JSON (HTTP {status})");
        // A proxy that says how long to wait is obeyed; otherwise a page of HTML is no throttling.
        if matches!(status, 429 | 503) && hint(&response).is_some() {
            return Err(fail(Kind::Throttled, Class::Throttled, "throttled", reason, ""));
        }
        return Err(fail(Kind::Garbled, Class::NotJson, "not-json", reason, ""));
    }
    let success = (200..300).contains(&status);
    let envelope = match json::check(&response.body, success.then(|| request.operation().reply())) {
        Ok(envelope) => envelope,
        Err(problem) if success && problem.is_garbled() => {
            return Err(fail(Kind::Garbled, Class::NotJson, "not-json", problem.to_string(), ""));
        }
        Err(problem) if success => return Err(fail(Kind::Final, Class::Schema, "schema", problem.to_string(), "")),
        Err(_) => json::Envelope::default(),
    };
    if success && !envelope.is_fault() {
        let id = if envelope.request_id.is_empty() { header_id } else { &envelope.request_id };
        let request_id = checked_id(id);
        let date = date(&response);
        return Ok(Reply { request: request.clone(), body: response.body, request_id, date });
    }
    Err(refusal(request, &response, &envelope))
}

/// What an error body says.
fn refusal(request: &ReadRequest, response: &HttpResponse, envelope: &json::Envelope) -> Failure {
    let product = request.operation().product().name();
    let status = response.status;
    let known = error::by_code(product, &envelope.code, &envelope.message);
    // Within a good status, an error whose code says nothing is a refusal of the request.
    let (kind, class) = known.unwrap_or_else(|| error::by_status(if status < 300 { 400 } else { status }));
    let shown = printable(envelope.code.trim());
    let code = if shown.is_empty() { format!("http-{status}") } else { shown };
    let reason = reason(class, &code, &envelope.message, &envelope.request_id);
    let advice = error::advice(class, &code, request, &printable(&envelope.auth_action));
    let mut failed = CallError::new(request, class, code, reason).with_advice(advice);
    let header_id = response.header("x-acs-request-id").unwrap_or_default();
    failed.request_id = checked_id(if envelope.request_id.is_empty() { header_id } else { &envelope.request_id });
    failed.status = status;
    Failure { kind, error: failed, hint: hint(response), date: date(response) }
}

/// Our words for the class, then the cloud's own. Those of signature and token errors are left out:
/// they repeat the signed text and parts of the key.
pub(super) fn reason(class: Class, code: &str, message: &str, request_id: &str) -> String {
    let ours = match class {
        Class::Denied => "the caller is not permitted to",
        Class::NotFound => "it does not exist",
        Class::NotServed => "the product does not serve the region, or is not activated",
        Class::Throttled => "the cloud says that we ask too often",
        Class::Transient => "the cloud says that it is busy",
        Class::Identity => "the cloud refuses the key, the token, the signature or the account",
        Class::Clock => "the cloud refuses the date of the request",
        _ => "the cloud refuses the request",
    };
    let message = message.trim();
    if message.is_empty() || matches!(class, Class::Identity | Class::Clock) {
        return format!("{ours} ({code})");
    }
    // The id would make two equal failures differ.
    let message = if request_id.is_empty() { message.to_owned() } else { message.replace(request_id, "…") };
    format!("{ours} ({code}: {})", printable(&message))
}

/// True for HTML and XML, by header or by first byte.
pub(super) fn is_markup(response: &HttpResponse) -> bool {
    let kind = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let first = response.body.iter().find(|byte| !byte.is_ascii_whitespace());
    kind.contains("html") || kind.contains("xml") || first == Some(&b'<')
}

/// How long the server asks us to wait: `x-acs-retry-after` in milliseconds, or `Retry-After` in
/// seconds or as a date. Zero and nonsense are no hint.
pub(super) fn hint(response: &HttpResponse) -> Option<Duration> {
    let millis = response.header("x-acs-retry-after").and_then(|text| text.trim().parse::<u64>().ok());
    if let Some(millis) = millis.filter(|millis| *millis > 0) {
        return Some(Duration::from_millis(millis).min(HINT_CAP));
    }
    let text = response.header("retry-after")?.trim();
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let until = DateTime::parse_from_rfc2822(text).ok()?.with_timezone(&Utc);
            u64::try_from((until - date(response)?).num_seconds()).ok()?
        }
    };
    (seconds > 0).then(|| Duration::from_secs(seconds).min(HINT_CAP))
}

/// No hint is followed for longer than this.
const HINT_CAP: Duration = Duration::from_secs(120);

fn date(response: &HttpResponse) -> Option<DateTime<Utc>> {
    let text = response.header("date")?;
    DateTime::parse_from_rfc2822(text).ok().map(|date| date.with_timezone(&Utc))
}

/// A request id of the usual form, or nothing: it is printed, so it may not be just any text.
pub(super) fn checked_id(text: &str) -> String {
    let usual = text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if usual { text.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::sync::Mutex;

    use futures::future::{BoxFuture, join_all};

    use super::*;
    use crate::cloud::{
        context::{Clock, Http, HttpError, RealClock},
        credential::CredentialError,
        request::{Operation, Product},
        testing::{self, Answer, Log, account, client, client_with, fault, header, json, list, with_header},
    };

    const GOOD: &str = r#"{"RequestId":"R-1","EipAddresses":{"EipAddress":[]},"TotalCount":0}"#;

    /// Fails the first `times` attempts with `answer`, then succeeds; returns the outcome and the
    /// number of attempts.
    async fn after(times: u64, answer: impl Fn() -> Answer + Send + Sync + 'static) -> (Result<Reply, CallError>, u64) {
        let client = client(move |number, _| if number < times { answer() } else { json(200, GOOD) });
        let outcome = client.read(&account(), &list()).await;
        (outcome, client.stats().api_calls)
    }

    /// Whatever a read waits for: the reply, the next attempt, or its turn. Nothing is sent any more.
    #[tokio::test(start_paused = true)]
    async fn when_the_run_is_over_nothing_is_waited_for() {
        let run = Some(Duration::from_secs(7));
        let late = |latency: u64, answer: fn() -> Answer| {
            let settings = Settings { run, ..Settings::default() };
            client_with(settings, Duration::from_secs(latency), move |_, _| answer())
        };
        for (client, waits_for) in [
            (late(3600, || json(200, GOOD)), "the reply"),
            (late(0, || fault(503, "ServiceUnavailable")), "the next attempt"),
            (late(1, || fault(400, "Throttling.User")), "its turn"),
        ] {
            let start = tokio::time::Instant::now();
            let reads = join_all((0..300).map(async |_| client.read(&account(), &list()).await)).await;
            assert!(start.elapsed() <= Duration::from_millis(7_010), "{waits_for}: {:?}", start.elapsed());
            let codes: Vec<String> = reads.into_iter().map(|read| read.unwrap_err().code).collect();
            assert!(codes.iter().any(|code| code == "deadline"), "{waits_for}: {codes:?}");
            tokio::time::advance(Duration::from_secs(7)).await;
            let sent = client.stats().api_calls;
            let error = client.read(&account(), &list()).await.unwrap_err();
            assert_eq!((error.class, error.code.as_str()), (Class::Timeout, "deadline"));
            assert!(error.to_string().contains("deadline of 7 s has passed"), "{error}");
            assert_eq!(client.stats().api_calls, sent, "{waits_for}");
        }
        let in_time = late(6, || json(200, GOOD));
        assert!(in_time.read(&account(), &list()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_repeated_as_often_as_their_class_is_worth() {
        let html = || Ok(HttpResponse { status: 502, headers: vec![], body: b"<html>Bad Gateway</html>".to_vec() });
        let text = |body: &'static [u8]| move || Ok(HttpResponse { status: 200, headers: vec![], body: body.to_vec() });
        let broken = |error: HttpError| move || Err(error.clone());
        let reset = HttpError::Reset { reason: "connection reset".into() };
        let late = HttpError::Timeout { phase: "first byte", limit: Duration::from_secs(10) };
        let dns = HttpError::Dns { host: "h".into(), reason: "try again".into() };
        let unknown = HttpError::UnknownHost { host: "h".into() };
        let tls = HttpError::Tls { host: "h".into(), reason: "unknown issuer".into() };
        let large = HttpError::TooLarge { what: "larger than allowed" };
        type Make = Box<dyn Fn() -> Answer + Send + Sync>;
        let cases: Vec<(&str, u64, Class, Make)> = vec![
            ("internal error", 5, Class::Transient, Box::new(|| fault(500, "InternalError"))),
            ("busy", 5, Class::Transient, Box::new(|| fault(400, "SystemBusy"))),
            ("gateway without code", 5, Class::Transient, Box::new(|| json(502, "{}"))),
            ("reset", 5, Class::Connection, Box::new(broken(reset))),
            ("timeout", 3, Class::Timeout, Box::new(broken(late))),
            ("dns", 3, Class::Dns, Box::new(broken(dns))),
            ("no such host", 3, Class::UnknownHost, Box::new(broken(unknown))),
            ("html", 3, Class::NotJson, Box::new(html)),
            ("cut off", 3, Class::NotJson, Box::new(text(br#"{"EipAddresses":{"Ei"#))),
            ("not text", 3, Class::NotJson, Box::new(text(b"\xff\xfe\x00"))),
            ("empty", 3, Class::NotJson, Box::new(text(b""))),
            ("nonce", 3, Class::Identity, Box::new(|| fault(400, "SignatureNonceUsed"))),
            ("signature", 2, Class::Identity, Box::new(|| fault(400, "SignatureDoesNotMatch"))),
            ("expired token", 2, Class::Identity, Box::new(|| fault(400, "InvalidSecurityToken.Expired"))),
            ("tls", 1, Class::Tls, Box::new(broken(tls))),
            ("too large", 1, Class::Schema, Box::new(broken(large))),
            ("top level", 1, Class::Schema, Box::new(|| json(200, "[]"))),
            ("null", 1, Class::Schema, Box::new(|| json(200, "null"))),
            ("twice the same key", 1, Class::Schema, Box::new(|| json(200, r#"{"A":1,"A":2}"#))),
            ("denied", 1, Class::Denied, Box::new(|| fault(403, "Forbidden.RAM"))),
            ("denied by status", 1, Class::Denied, Box::new(|| json(403, "{}"))),
            ("inner denial", 1, Class::Denied, Box::new(|| json(200, r#"{"Code":403,"Success":false}"#))),
            ("inner 500", 5, Class::Transient, Box::new(|| json(200, r#"{"Code":"500","Success":"false"}"#))),
            ("inner failure", 1, Class::Rejected, Box::new(|| json(200, r#"{"Success":false}"#))),
            ("gone", 1, Class::NotFound, Box::new(|| fault(404, "ServiceMesh.NotFound"))),
            ("404 without code", 1, Class::Rejected, Box::new(|| json(404, "{}"))),
            ("gone despite its name", 1, Class::NotFound, Box::new(|| fault(403, "Forbidden.VpcNotFound"))),
            ("region", 1, Class::NotServed, Box::new(|| fault(404, "InvalidRegionId.NotFound"))),
            ("not open", 1, Class::NotServed, Box::new(|| fault(400, "ServiceNotOpen"))),
            ("key", 1, Class::Identity, Box::new(|| fault(404, "InvalidAccessKeyId.NotFound"))),
            ("suspended", 1, Class::Identity, Box::new(|| fault(403, "Forbidden.RiskControl"))),
            ("redirect", 1, Class::Redirect, Box::new(|| json(302, "{}"))),
            ("parameter", 1, Class::Rejected, Box::new(|| fault(400, "InvalidParameter"))),
        ];
        for (name, worth, class, make) in cases {
            let make = Arc::new(make);
            let answer = Arc::clone(&make);
            let (outcome, attempts) = after(u64::MAX, move || answer()).await;
            let error = outcome.expect_err(name);
            assert_eq!((error.class, attempts), (class, worth), "{name}: {error}");
            let (outcome, attempts) = after(worth - 1, move || make()).await;
            assert!(outcome.is_ok(), "{name} passes on attempt {worth}: {outcome:?}");
            assert_eq!(attempts, worth, "{name}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_attempt_has_its_own_nonce_and_signature() {
        let seen = Log::default();
        let log = seen.clone();
        let client = client(move |number, request| {
            log.push((header(request, "x-acs-signature-nonce"), header(request, "authorization")));
            if number < 4 { fault(503, "ServiceUnavailable") } else { json(200, GOOD) }
        });
        let reply = client.read(&account(), &list()).await.unwrap();
        assert_eq!(reply.request_id(), "R-1");
        let mut seen = seen.all();
        assert_eq!(seen.len(), 5);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 5);
        assert_eq!(client.stats(), Stats { api_calls: 5, retries: 4, throttled: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn throttling_waits_for_as_long_as_the_server_says() {
        for (name, header, value, least) in [
            ("milliseconds", "x-acs-retry-after", "7000", 7),
            ("seconds", "retry-after", "9", 9),
            ("at most two minutes", "retry-after", "86400", 120),
            ("zero is no hint", "x-acs-retry-after", "0", 0),
        ] {
            let client = client(move |number, _| match number {
                0 => with_header(fault(400, "Throttling.User"), header, value),
                _ => json(200, GOOD),
            });
            let start = tokio::time::Instant::now();
            client.read(&account(), &list()).await.unwrap();
            let waited = start.elapsed().as_secs();
            assert!((least..=least + 4).contains(&waited), "{name}: waited {waited} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_that_stays_throttled_gives_up_and_says_so_to_the_others() {
        let client = client(|_, _| fault(400, "Throttling.Api"));
        let start = tokio::time::Instant::now();
        let error = client.read(&account(), &list()).await.unwrap_err();
        assert_eq!(error.class, Class::Throttled);
        let waited = start.elapsed();
        assert!((20..60).contains(&waited.as_secs()), "{waited:?}");
        let calls = client.stats().api_calls;
        assert!((5..20).contains(&calls), "{calls} calls");
        client.read(&account(), &list()).await.unwrap_err();
        assert_eq!(client.stats().api_calls, calls + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn messages_say_what_to_do_and_nothing_that_varies() {
        let denial = r#"{"Code":"NoPermission","Message":"no \u001b[2J way, see ABC-1","RequestId":"ABC-1",
            "AccessDeniedDetail":{"AuthAction":"eip:DescribeEipAddresses"}}"#;
        let client = client(move |_, _| json(403, denial));
        let error = client.read(&account(), &list().resource("eip-1")).await.unwrap_err();
        assert_eq!(error.request_id, "ABC-1");
        assert_eq!(
            error.to_string(),
            "read vpc:DescribeEipAddresses of eip-1 in cn-beijing: the caller is not permitted to \
             (NoPermission: no \\u{1b}[2J way, see …); grant eip:DescribeEipAddresses to the identity that scans"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn container_service_errors_are_lower_case() {
        const CLUSTER: Operation = Operation::roa_get(Product::Cs, "DescribeClusterDetail", "/clusters/{cluster_id}");
        let client = client(|_, _| json(404, r#"{"code":"ErrorClusterNotFound","message":"gone","requestId":"X"}"#));
        let request = ReadRequest::new(CLUSTER, "cn-beijing").path("cluster_id", "c1").resource("c1");
        let error = client.read(&account(), &request).await.unwrap_err();
        assert_eq!((error.class, error.request_id.as_str()), (Class::NotFound, "X"));
    }

    #[tokio::test(start_paused = true)]
    async fn repeats_end_with_the_runs_budget() {
        let mut settings = Settings::default();
        settings.retry.least = 3;
        settings.retry.share = 0.0;
        let client = client_with(settings, Duration::from_millis(1), |_, _| fault(500, "InternalError"));
        client.read(&account(), &list()).await.unwrap_err();
        client.read(&account(), &list()).await.unwrap_err();
        assert_eq!(client.stats(), Stats { api_calls: 5, retries: 3, throttled: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_unit_has_an_end() {
        let slow = Duration::from_secs(40);
        let client = client_with(Settings::default(), slow, |_, _| fault(500, "InternalError"));
        let start = tokio::time::Instant::now();
        client.read(&account(), &list()).await.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(90 + 40), "{:?}", start.elapsed());
    }

    /// A clock whose wall time is off.
    struct Off(RealClock, TimeDelta);

    impl Clock for Off {
        fn now(&self) -> DateTime<Utc> {
            true_time() + self.1
        }

        fn monotonic(&self) -> Duration {
            self.0.monotonic()
        }

        fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
            self.0.sleep(duration)
        }
    }

    fn true_time() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_323_045, 0).expect("the second is in range")
    }

    /// Reads with a clock that is off; the server accepts dates within a minute.
    async fn with_clock(minutes: i64) -> (Result<Reply, CallError>, u64) {
        struct Strict;
        impl Http for Strict {
            fn send(&self, request: HttpRequest) -> BoxFuture<'_, Answer> {
                let date = header(&request, "x-acs-date").and_then(|text| DateTime::parse_from_rfc3339(&text).ok());
                let off = date.map_or(i64::MAX, |date| (date.with_timezone(&Utc) - true_time()).num_seconds().abs());
                let answer = if off < 60 { json(200, GOOD) } else { fault(400, "InvalidTimeStamp.Expired") };
                let now = true_time().to_rfc2822();
                Box::pin(async move { with_header(answer, "date", &now) })
            }
        }
        let clock = Off(Default::default(), TimeDelta::minutes(minutes));
        let client = Client::new(testing::context(Strict, clock), Endpoints::default(), Settings::default());
        let first = client.read(&account(), &list()).await;
        if first.is_ok() {
            // What was learnt is kept.
            client.read(&account(), &list()).await.unwrap();
        }
        (first, client.stats().api_calls)
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_off_is_made_up_for_within_a_quarter_of_an_hour() {
        assert!(matches!(with_clock(0).await, (Ok(_), 2)));
        assert!(matches!(with_clock(14).await, (Ok(_), 3)));
        assert!(matches!(with_clock(-14).await, (Ok(_), 3)));
        let (outcome, calls) = with_clock(16).await;
        assert_eq!((outcome.unwrap_err().class, calls), (Class::Clock, 1));
    }

    /// Tokens `token-0`, `token-1`, …; counts how many were made.
    struct Renewing {
        current: Mutex<(u32, Arc<Credentials>)>,
    }

    fn token(number: u32) -> Arc<Credentials> {
        Arc::new(Credentials {
            access_key_id: "STS.test".to_owned(),
            access_key_secret: "testsecret".into(),
            security_token: Some(format!("token-{number}").into()),
            expiration: None,
        })
    }

    impl Provider for Renewing {
        fn credentials(&self) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>> {
            Box::pin(async { Ok(Arc::clone(&self.current.lock().expect("no panic holds it").1)) })
        }

        fn invalidate<'a>(&'a self, used: &'a Credentials) -> BoxFuture<'a, ()> {
            Box::pin(async move {
                let mut current = self.current.lock().expect("no panic holds it");
                let text = |of: &Credentials| of.security_token.as_ref().map(|token| token.expose_secret().to_owned());
                if text(used) == text(&current.1) {
                    let next = current.0 + 1;
                    *current = (next, token(next));
                }
            })
        }

        fn describe(&self) -> String {
            "renewing".to_owned()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_expired_token_is_renewed_once_for_all_calls() {
        let client = client(|_, request| match header(request, "x-acs-security-token").as_deref() {
            Some("token-1") => json(200, GOOD),
            _ => fault(400, "InvalidSecurityToken.Expired"),
        });
        let provider = Arc::new(Renewing { current: Mutex::new((0, token(0))) });
        let account = Account::new("a", Arc::clone(&provider) as Arc<dyn Provider>);
        let request = list();
        let outcomes = join_all((0..20).map(|_| client.read(&account, &request))).await;
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(provider.current.lock().unwrap().0, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_source_of_credentials_sends_nothing() {
        struct Broken;
        impl Provider for Broken {
            fn credentials(&self) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>> {
                let source_name = "profile \"x\"".to_owned();
                Box::pin(async { Err(CredentialError { source_name, reason: "it is missing".to_owned() }) })
            }

            fn invalidate<'a>(&'a self, _: &'a Credentials) -> BoxFuture<'a, ()> {
                Box::pin(async {})
            }

            fn describe(&self) -> String {
                "broken".to_owned()
            }
        }
        let client = client(|_, _| json(200, GOOD));
        let error = client.read(&Account::new("a", Arc::new(Broken)), &list()).await.unwrap_err();
        assert_eq!((error.class, client.stats().api_calls), (Class::Identity, 0));
        assert!(error.to_string().contains("profile \"x\""), "{error}");
    }

    #[test]
    fn what_is_sent_is_what_the_vendor_signs() {
        const EIPS: Operation = Operation::rpc_query(Product::Vpc, "DescribeEipAddresses");
        const CLUSTERS: Operation = Operation::roa_get(Product::Cs, "DescribeClustersV1", "/api/v1/clusters");
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/data/signature-vectors.json")).unwrap();
        let eips = ReadRequest::new(EIPS, "cn-shanghai")
            .param("PageNumber", 1)
            .param("RegionId", "cn-shanghai")
            .param("PageSize", 100)
            .param("AssociatedInstanceType", "SlbInstance");
        let clusters = ReadRequest::new(CLUSTERS, "cn-hangzhou")
            .param("region_id", "cn-hangzhou")
            .param("page_number", 2)
            .param("page_size", 50);
        for (name, request) in [("rpc_post_query_empty_body", eips), ("roa_get_query", clusters)] {
            let list = vectors["acs3"].as_array().unwrap();
            let vector = list.iter().find(|vector| vector["name"] == name).unwrap();
            let input = |name: &str| vector["signed_headers_input"][name].as_str().unwrap().to_owned();
            let target = Target { host: input("host"), base: "http://127.0.0.1:1".to_owned() };
            let call = Call { account: &account(), request: &request, target: &target };
            let date = DateTime::parse_from_rfc3339(&input("x-acs-date")).unwrap().with_timezone(&Utc);
            let credentials = Credentials {
                access_key_id: "testid".to_owned(),
                access_key_secret: "testsecret".into(),
                security_token: None,
                expiration: None,
            };
            let sent = prepare(&call, Some(&credentials), date, &input("x-acs-signature-nonce"));
            assert_eq!(header(&sent, "authorization").as_deref(), vector["authorization"].as_str(), "{name}");
            let path = vector["pathname"].as_str().unwrap();
            let query = vector["canonical_query_string"].as_str().unwrap();
            assert_eq!(sent.url, format!("http://127.0.0.1:1{path}?{query}"));
            assert_eq!(header(&sent, "host"), Some(input("host")));
        }
    }

    #[test]
    fn reads_can_be_spawned() {
        fn spawnable<T: Send>(_: &T) {}
        let client = client(|_, _| json(200, GOOD));
        let (account, request) = (account(), list());
        spawnable(&client.read(&account, &request));
    }

    #[test]
    fn secrets_are_not_shown() {
        let request = list();
        let target = Target { host: "h".to_owned(), base: "http://127.0.0.1:1".to_owned() };
        let call = Call { account: &account(), request: &request, target: &target };
        let credentials = token(7);
        let sent = prepare(&call, Some(&credentials), true_time(), "n");
        let shown = format!("{sent:?} {credentials:?} {:?}", account());
        for secret in ["testsecret", "token-7", "Signature="] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
}
