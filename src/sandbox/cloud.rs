//! One request from arrival to reply: where it goes, who it comes from, what goes wrong, and what is answered and done.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Limited};
use hyper::{
    Request,
    body::{Bytes, Incoming as IncomingBody},
};
use uuid::Uuid;

use super::{
    actor::Moment,
    clock::WorldClock,
    collection::values_at,
    fault::{Fate, Fault, Faults, Subject},
    host::{self, Product, Target},
    identity::{Caller, Identities},
    journal::{Entry, Journal},
    kind::Kind,
    operation::{self, Call, Operation},
    page,
    reply::{Answer, ApiError, ErrorShape, Reply},
    sign::{self, Incoming, Parameters, Presented, header},
    state::{Order, State},
    world::{Account, Behaviour, World},
};

/// No request of the served operations is anywhere near this large.
const MOST_BODY_BYTES: usize = 1 << 20;

/// Everything that requests share.
#[derive(Debug)]
pub(super) struct Cloud {
    identities: Identities,
    faults: Faults,
    behaviour: Behaviour,
    windows: Windows,
    journal: Journal,
    anonymous_account: Option<Arc<Account>>,
    clock: Arc<WorldClock>,
    state: Mutex<State>,
    started: Instant,
    requests: AtomicU64,
}

/// A request once it is whole.
struct Arrived {
    method: String,
    path: String,
    host: String,
    headers: hyper::HeaderMap,
    query: Parameters,
    form: Parameters,
    body: Bytes,
}

/// Where a request goes.
struct Route {
    product: Product,
    operation: &'static Operation,
    variables: Parameters,
    host_region: Option<String>,
    project: String,
}

impl Cloud {
    pub(super) fn new(world: &World, journal: Journal) -> Self {
        let clock = Arc::new(WorldClock::new(world.behaviour().time_scale));
        let memory_ms = world.faults().iter().filter_map(Fault::looks_back_ms).max().unwrap_or(0);
        Self {
            identities: Identities::new(world, Arc::clone(&clock)),
            state: Mutex::new(State::new(world, Arc::clone(&clock), memory_ms)),
            clock,
            faults: Faults::new(world.faults()),
            behaviour: world.behaviour().clone(),
            windows: Windows::default(),
            journal,
            anonymous_account: world.accounts().first().cloned(),
            started: Instant::now(),
            requests: AtomicU64::new(0),
        }
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// See [`Faults::unknown_parameters`].
    pub(super) fn unknown_parameters(&self) -> Vec<String> {
        self.faults.unknown_parameters()
    }

    /// Sets the world's clock forward.
    pub(super) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// The state, with everything done that is due.
    pub(super) fn settled(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance(&self.identities);
        state
    }

    /// The reply, how long it waits, and what to write down of it.
    pub(super) async fn handle(&self, request: Request<IncomingBody>) -> (Reply, Duration, Entry) {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let mut entry = Entry {
            number,
            at_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            method: String::new(),
            host: String::new(),
            product: String::new(),
            action: String::new(),
            region: String::new(),
            account_id: String::new(),
            params: std::collections::BTreeMap::new(),
            status: 0,
            code: String::new(),
            request_id: Uuid::new_v4().hyphenated().to_string().to_uppercase(),
            effect: String::new(),
        };
        let mut delay = self.delay(number);
        let result = match arrive(request).await {
            Ok(arrived) => self.process(&arrived, &mut entry, &mut delay),
            Err(error) => Err(error),
        };
        let shape = shape_of(&entry);
        let reply = match result {
            Ok(reply) => reply,
            Err(error) => Reply::Answer(failure(&error, shape, &mut entry)),
        };
        self.journal.record_changes(&self.settled().news());
        let reply = match reply {
            Reply::Answer(answer) => {
                entry.status = answer.status;
                Reply::Answer(self.dated(answer))
            }
            other => other,
        };
        (reply, delay, entry)
    }

    fn process(&self, arrived: &Arrived, entry: &mut Entry, delay: &mut Duration) -> Result<Reply, ApiError> {
        entry.method.clone_from(&arrived.method);
        entry.host.clone_from(&arrived.host);
        entry.action = header(&arrived.headers, "x-acs-action").unwrap_or_default().to_owned();
        let parameters = arrived.query.iter().chain(&arrived.form);
        entry.params.extend(parameters.cloned());
        let route = route(arrived, entry)?;
        if route.operation.is_write() {
            // Until it is known better.
            "refused".clone_into(&mut entry.effect);
        }
        entry.params.extend(route.variables.iter().cloned());
        if route.product == Product::Cs && !arrived.body.is_empty() {
            entry.params.extend(fields_of(&arrived.body));
        }
        let caller = self.caller(arrived, &route)?;
        let known = caller.as_ref().map(|caller| &caller.account).or(self.anonymous_account.as_ref());
        let known = known.ok_or_else(|| ApiError::new(404, "EntityNotExist", "The world has no account."))?;
        if let Some(caller) = &caller {
            entry.account_id.clone_from(&caller.account.id);
        }
        let region = region_of(arrived, &route, known);
        if route.product.is_regional() {
            entry.region.clone_from(&region);
        }
        self.count(known, route.operation.action)?;
        let parameters: Vec<_> = entry.params.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let of_mesh = mesh_region(&route, known, &parameters);
        let mut regions = vec![region.as_str()];
        regions.extend(of_mesh.as_deref());
        // `RegionId` that contradicts the host is refused later; until then it says what was meant.
        let asked = arrived.query.iter().chain(&arrived.form);
        regions.extend(asked.filter(|(name, _)| name == "RegionId").map(|(_, value)| value.as_str()));
        let subject = Subject {
            action: route.operation.action,
            is_write: route.operation.is_write(),
            account_id: &known.id,
            regions: &regions,
            parameters: &parameters,
        };
        self.settled().act(subject, Moment::Before, &self.identities);
        let known = Known { arrived, route: &route, caller: caller.as_ref(), region: &region, subject };
        let reply = self.answer(known, entry, delay);
        self.settled().act(subject, Moment::After, &self.identities);
        reply
    }

    /// The answer to a call that is known to come from somebody.
    fn answer(&self, known: Known<'_>, entry: &mut Entry, delay: &mut Duration) -> Result<Reply, ApiError> {
        let Known { arrived, route, caller, subject, .. } = known;
        let fault = self.faults.strike(subject);
        if let Some(fault) = fault {
            *delay += Duration::from_millis(fault.delay_ms());
            if let Some(caller) = caller.filter(|caller| fault.kills_token() && caller.token.is_some()) {
                self.identities.kill(&caller.access_key_id);
            }
            if let Some(error) = fault.error(route.operation.not_found) {
                return Err(error);
            }
        }
        let shape = route.product.error_shape();
        let answered = if route.operation.is_write() {
            match self.write(known, fault.map_or(Fate::Applied, Fault::fate), entry) {
                Written::Answered(body) => body,
                Written::Unanswered(reply) => return Ok(reply),
            }
        } else {
            self.read(known, fault, entry)
        };
        let answer = match answered {
            Ok(body) => Answer::json(200, body),
            Err(error) => failure(&error, shape, entry),
        };
        let reply = match fault {
            Some(fault) => fault.spoil(answer, shape, &entry.request_id),
            None => Reply::Answer(answer),
        };
        match (route.product, reply) {
            (Product::Sls, Reply::Answer(answer)) => compress(answer, arrived, &entry.request_id).map(Reply::Answer),
            (_, reply) => Ok(reply),
        }
    }

    fn read(&self, known: Known<'_>, fault: Option<&Fault>, entry: &Entry) -> Result<String, ApiError> {
        let Known { arrived, route, caller, region, subject } = known;
        let account = {
            let state = self.settled();
            match fault.and_then(Fault::looks_back_ms) {
                Some(ago) => state.account_before(subject.account_id, ago),
                None => state.account(subject.account_id),
            }
        };
        let account = account.unwrap_or_default();
        let call = Call {
            operation: route.operation,
            caller,
            account: &account,
            region,
            query: &arrived.query,
            form: &arrived.form,
            path: &route.variables,
            project: &route.project,
            body: &arrived.body,
            identities: &self.identities,
            page_cap: self.behaviour.page_cap,
            page_fault: fault.and_then(Fault::page),
            salt: entry.number ^ page::mix(self.behaviour.seed),
            request_id: &entry.request_id,
        };
        check_region(arrived, route, &account, region)?;
        route.operation.answer(&call)
    }

    /// What a write does, and whether it is answered.
    fn write(&self, known: Known<'_>, fate: Fate, entry: &mut Entry) -> Written {
        let order = known.order(entry);
        let mut state = self.settled();
        let mut effect = |word: &str| word.clone_into(&mut entry.effect);
        match fate {
            Fate::Lost => {
                effect("lost");
                return Written::Unanswered(Reply::Silence);
            }
            Fate::Reset => {
                effect("lost");
                return Written::Unanswered(Reply::Reset);
            }
            Fate::Delayed(ms) => {
                // Whoever holds a request back does not make its signature last longer.
                let is_expired = self.age_of(known.arrived).saturating_add(Duration::from_millis(ms)) > SIGNATURE_LIFE;
                effect(if is_expired { "expired" } else { "delayed" });
                if !is_expired {
                    state.land_later(order, ms);
                }
                return Written::Unanswered(Reply::Silence);
            }
            Fate::Applied | Fate::Never | Fate::Late(_) | Fate::AppliedThenError | Fate::AppliedInSilence => {}
        }
        let judged = state
            .account(&order.account_id)
            .ok_or_else(|| ApiError::new(404, "EntityNotExist", "The world has no such account."))
            .and_then(|account| check_region(known.arrived, known.route, &account, known.region))
            .and_then(|()| state.judge(&order, &self.identities));
        let (body, plan) = match judged {
            Ok(judged) => judged,
            Err(error) => {
                effect("refused");
                return Written::Answered(Err(error));
            }
        };
        match fate {
            Fate::Never => effect("never"),
            Fate::Late(ms) => {
                effect("late");
                state.land_later(order, ms);
            }
            _ => {
                effect("applied");
                state.carry_out_now(&order, plan, &self.identities);
            }
        }
        match fate {
            Fate::AppliedInSilence => Written::Unanswered(Reply::Silence),
            Fate::AppliedThenError => {
                let message = "The request processing has failed due to some unknown error.";
                Written::Answered(Err(ApiError::new(500, "InternalError", message)))
            }
            _ => Written::Answered(Ok(body)),
        }
    }

    /// How long ago a request was signed.
    fn age_of(&self, arrived: &Arrived) -> Duration {
        let date = header(&arrived.headers, "x-acs-date").unwrap_or_default();
        let date = chrono::NaiveDateTime::parse_from_str(date, "%Y-%m-%dT%H:%M:%SZ").map(|date| date.and_utc());
        let now = chrono::DateTime::<chrono::Utc>::from(self.clock.wall());
        date.ok().and_then(|date| (now - date).to_std().ok()).unwrap_or_default()
    }

    /// A reply that shows the world's clock, where that is not the machine's.
    fn dated(&self, mut answer: Answer) -> Answer {
        if !self.clock.advanced().is_zero() {
            let now = chrono::DateTime::<chrono::Utc>::from(self.clock.wall());
            answer.headers.push(("date", now.format("%a, %d %b %Y %H:%M:%S GMT").to_string()));
        }
        answer
    }

    fn caller(&self, arrived: &Arrived, route: &Route) -> Result<Option<Caller>, ApiError> {
        let incoming = Incoming {
            method: &arrived.method,
            path: &arrived.path,
            query: &arrived.query,
            headers: &arrived.headers,
            body: &arrived.body,
        };
        if route.product == Product::Sls {
            let region = route.host_region.as_deref().unwrap_or_default();
            return self.identities.authenticate_log(incoming, region).map(Some);
        }
        let presented = Presented::from_headers(&arrived.headers)?;
        let Some(presented) = presented else {
            if route.operation.is_anonymous {
                return Ok(None);
            }
            return Err(ApiError::new(400, "MissingAccessKeyId", "AccessKeyId is mandatory for this action."));
        };
        self.identities.authenticate(incoming, &presented).map(Some)
    }

    fn count(&self, account: &Account, action: &'static str) -> Result<(), ApiError> {
        let limit = self.behaviour.qps_per_account_api;
        if limit == 0 || self.windows.admit(&account.id, action, self.started.elapsed().as_secs(), limit) {
            return Ok(());
        }
        Err(ApiError::new(400, "Throttling.User", "Request was denied due to user flow control."))
    }

    /// The world's latency and a draw of its jitter.
    fn delay(&self, number: u64) -> Duration {
        let Behaviour { latency_ms, jitter_ms, seed, .. } = self.behaviour;
        let draw = page::mix(page::mix(seed) ^ number) % (jitter_ms.saturating_add(1).max(1));
        Duration::from_millis(latency_ms.saturating_add(draw))
    }
}

/// The fields of a JSON body, as parameters.
fn fields_of(body: &[u8]) -> Parameters {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    fields.into_iter().map(|(name, value)| (name, text(value))).collect()
}

/// How long a signature lasts.
const SIGNATURE_LIFE: Duration = Duration::from_secs(15 * 60);

/// What came of a write.
enum Written {
    Answered(Result<String, ApiError>),
    Unanswered(Reply),
}

/// A call of which it is known where it goes and who it comes from.
#[derive(Clone, Copy)]
struct Known<'a> {
    arrived: &'a Arrived,
    route: &'a Route,
    caller: Option<&'a Caller>,
    region: &'a str,
    subject: Subject<'a>,
}

impl Known<'_> {
    fn order(&self, entry: &Entry) -> Order {
        Order {
            operation: self.route.operation,
            account_id: self.subject.account_id.to_owned(),
            access_key_id: self.caller.map(|caller| caller.access_key_id.clone()).unwrap_or_default(),
            region: self.region.to_owned(),
            query: self.arrived.query.clone(),
            form: self.arrived.form.clone(),
            path: self.route.variables.clone(),
            body: self.arrived.body.clone(),
            request_id: entry.request_id.clone(),
            user_agent: header(&self.arrived.headers, "user-agent").unwrap_or_default().to_owned(),
            number: entry.number,
        }
    }
}

fn shape_of(entry: &Entry) -> ErrorShape {
    let product = Product::ALL.into_iter().find(|product| product.name() == entry.product);
    product.map_or(ErrorShape::Rpc, Product::error_shape)
}

/// The log service packs good replies as one raw block, which no `content-encoding` announces.
fn compress(mut answer: Answer, arrived: &Arrived, request_id: &str) -> Result<Answer, ApiError> {
    answer.headers.push(("x-log-requestid", request_id.to_owned()));
    if answer.status != 200 {
        return Ok(answer);
    }
    let accepted = header(&arrived.headers, "accept-encoding").unwrap_or_default();
    if !accepted.split(',').any(|coding| coding.trim() == "zstd") {
        let message = "The simulated cloud packs replies with zstd only: send accept-encoding: zstd.";
        return Err(ApiError::new(400, "ParameterInvalid", message));
    }
    let size = answer.body.len();
    answer.body = zstd::bulk::compress(&answer.body, 3)
        .map_err(|error| ApiError::new(500, "InternalServerError", error.to_string()))?;
    answer.headers.push(("x-log-compresstype", "zstd".to_owned()));
    answer.headers.push(("x-log-bodyrawsize", size.to_string()));
    Ok(answer)
}

fn failure(error: &ApiError, shape: ErrorShape, entry: &mut Entry) -> Answer {
    entry.code = error.code.clone().into_owned();
    let mut answer = Answer::json(error.status, error.body(shape, &entry.request_id, &entry.host));
    answer.headers.push(("x-acs-request-id", entry.request_id.clone()));
    answer.headers.extend(error.retry_after_ms.map(|ms| ("x-acs-retry-after", ms.to_string())));
    answer
}

async fn arrive(request: Request<IncomingBody>) -> Result<Arrived, ApiError> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MOST_BODY_BYTES).collect().await;
    let body =
        body.map_err(|_| ApiError::new(413, "RequestEntityTooLarge", "The request is too large or ended early."))?;
    let body = body.to_bytes();
    let query = sign::decode_pairs(head.uri.query().unwrap_or_default())?;
    let is_form =
        header(&head.headers, "content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let form = if is_form { sign::decode_pairs(&String::from_utf8_lossy(&body))? } else { Vec::new() };
    Ok(Arrived {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        host: header(&head.headers, "host").unwrap_or_default().to_owned(),
        headers: head.headers,
        query,
        form,
        body,
    })
}

fn route(arrived: &Arrived, entry: &mut Entry) -> Result<Route, ApiError> {
    let Some(Target { product, region, project }) = host::resolve(&arrived.host) else {
        // The real name would not resolve; there is no HTTP reply that says so.
        let message = format!("The vendor has no host \"{}\": no such name.", arrived.host);
        return Err(ApiError::new(421, "InvalidHost.NotFound", message));
    };
    if let Some(product) = product {
        entry.product = product.name().to_owned();
    }
    if product == Some(Product::Sls) {
        let project = project.unwrap_or_default();
        let (operation, variables) = operation::find_by_path(Product::Sls, &arrived.method, &arrived.path)?;
        operation.action.clone_into(&mut entry.action);
        entry.params.insert("project".to_owned(), project.clone());
        return Ok(Route { product: Product::Sls, operation, variables, host_region: region, project });
    }
    let version = header(&arrived.headers, "x-acs-version").unwrap_or_default();
    let by_version = Product::from_version(version);
    let product = by_version.filter(|found| product.is_none_or(|expected| expected == *found)).ok_or_else(|| {
        ApiError::new(
            400,
            "InvalidVersion",
            format!("Specified parameter Version \"{version}\" is not valid for this host."),
        )
    })?;
    entry.product = product.name().to_owned();
    if entry.action.is_empty() {
        return Err(ApiError::new(400, "MissingAction", "Action is mandatory: the header x-acs-action is missing."));
    }
    let (operation, variables) = operation::find(product, &entry.action, &arrived.method, &arrived.path)?;
    Ok(Route { product, operation, variables, host_region: region, project: String::new() })
}

/// The host's region, else `RegionId`, else the account's first.
fn region_of(arrived: &Arrived, route: &Route, account: &Account) -> String {
    let asked = || {
        arrived
            .query
            .iter()
            .find(|(name, value)| name == "RegionId" && !value.is_empty())
            .map(|(_, value)| value.clone())
    };
    let region = route.host_region.clone().or_else(asked).or_else(|| account.regions.first().cloned());
    region.unwrap_or_default()
}

fn check_region(arrived: &Arrived, route: &Route, account: &Account, region: &str) -> Result<(), ApiError> {
    if !route.product.is_regional() {
        return Ok(());
    }
    let asked = arrived.query.iter().find(|(name, value)| name == "RegionId" && !value.is_empty());
    if asked.is_none() && route.operation.needs_region {
        return Err(ApiError::missing("RegionId"));
    }
    if let Some((_, asked)) = asked.filter(|(_, asked)| asked != region) {
        return Err(ApiError::new(
            400,
            "InvalidOperation.NotSupportedEndpoint",
            format!("The specified endpoint can't operate this region: it serves {region}, RegionId says {asked}."),
        ));
    }
    if account.regions.iter().any(|known| known == region) {
        return Ok(());
    }
    Err(ApiError::new(404, "InvalidRegionId.NotFound", "The specified RegionId does not exist."))
}

/// The region of the mesh that a call to the central host is about.
fn mesh_region(route: &Route, account: &Account, parameters: &[(String, String)]) -> Option<Box<str>> {
    if route.product != Product::ServiceMesh {
        return None;
    }
    let (_, id) = parameters.iter().find(|(name, _)| name == "ServiceMeshId")?;
    let mesh = account.collection(Kind::Mesh).find(id, None).next()?;
    let mesh: serde_json::Value = serde_json::from_str(mesh.detail()).ok()?;
    values_at(&mesh, "ServiceMeshInfo.RegionId").into_iter().next()
}

/// Calls per account and operation in the current second.
#[derive(Debug, Default)]
struct Windows {
    counts: Mutex<HashMap<(String, &'static str), Window>>,
}

/// A second, and how many calls it has seen.
#[derive(Debug)]
struct Window {
    second: u64,
    calls: u32,
}

impl Windows {
    /// True if the call is within the limit. A second that overflows rejects until the next begins.
    fn admit(&self, account: &str, action: &'static str, second: u64, limit: u32) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let window = counts.entry((account.to_owned(), action)).or_insert(Window { second, calls: 0 });
        if window.second != second {
            *window = Window { second, calls: 0 };
        }
        window.calls = window.calls.saturating_add(1);
        window.calls <= limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_an_account_and_an_operation() {
        let windows = Windows::default();
        let admitted = |account, action, second| windows.admit(account, action, second, 2);
        assert_eq!([(); 3].map(|()| admitted("1", "A", 0)), [true, true, false]);
        assert!(admitted("1", "B", 0));
        assert!(admitted("2", "A", 0));
        assert!(admitted("1", "A", 1));
    }
}
