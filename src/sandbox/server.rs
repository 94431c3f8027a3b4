//! The HTTP server: connections on loopback, one request from arrival to reply, and the end.

use std::{
    collections::HashMap,
    future::Future,
    io::{self, Write},
    net::{SocketAddr, TcpListener as StdListener},
    path::Path,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Limited};
use hyper::{
    Request, Response,
    body::{Body, Bytes, Frame, Incoming as IncomingBody, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::{
    collection::values_at,
    error::SandboxError,
    fault::{Fault, Faults, Subject},
    host::{self, Product, Target},
    identity::{Caller, Identities},
    journal::{Entry, Journal},
    kind::Kind,
    operation::{self, Call, Operation},
    page,
    reply::{Answer, ApiError, ErrorShape, Reply},
    sign::{self, Incoming, Parameters, Presented, header},
    world::{AccessKey, Account, Behaviour, World},
};

/// No request of the served operations is anywhere near this large.
const MOST_BODY_BYTES: usize = 1 << 20;

/// Replies under way get so long to be written when the server stops.
const GRACE: Duration = Duration::from_millis(500);

/// A running simulated cloud. It stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    cloud: Arc<Cloud>,
    first_key: Option<AccessKey>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `world` on a loopback address; port 0 lets the system choose. Requests are journalled
    /// in memory and, if a path is given, appended to that file as JSON Lines.
    ///
    /// The server has a thread and a runtime of its own, so that it can be started and dropped with
    /// or without one around.
    pub fn start(world: World, listen: SocketAddr, journal: Option<&Path>) -> Result<Self, SandboxError> {
        Self::start_with(world, listen, Journal::open(journal, true)?)
    }

    fn start_with(world: World, listen: SocketAddr, journal: Journal) -> Result<Self, SandboxError> {
        if !listen.ip().is_loopback() {
            return Err(SandboxError::NotLoopback { address: listen });
        }
        let refused = |source| SandboxError::Listen { address: listen, source };
        let listener = StdListener::bind(listen).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let first_key = world.first_access_key().cloned();
        let cloud = Arc::new(Cloud::new(&world, journal));
        let stop = CancellationToken::new();
        let thread = spawn(listener, Arc::clone(&cloud), stop.clone())?;
        Ok(Self { address, cloud, first_key, stop, thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address that is listened on.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The world's first key.
    pub fn first_access_key(&self) -> Option<&AccessKey> {
        self.first_key.as_ref()
    }

    /// Sentences for the world's author about faults that match by a parameter which no call of theirs has.
    pub fn unknown_parameters(&self) -> Vec<String> {
        self.cloud.faults.unknown_parameters()
    }

    /// Every request so far, in order of arrival.
    pub fn journal(&self) -> Vec<Entry> {
        self.cloud.journal.entries()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves until `stop` is done; the first line written to `out` says where. Gives what [`Server::unknown_parameters`] says
/// at the end.
pub async fn serve(
    world: World,
    listen: SocketAddr,
    journal: Option<&Path>,
    mut out: impl Write,
    stop: impl Future<Output = ()>,
) -> Result<Vec<String>, SandboxError> {
    // Nobody asks this server for its requests, and it may run for weeks.
    let server = Server::start_with(world, listen, Journal::open(journal, false)?)?;
    writeln!(out, "listening on {}", server.url())
        .and_then(|()| out.flush())
        .map_err(|source| SandboxError::Io { doing: "write the address of the simulated cloud", source })?;
    stop.await;
    let told = server.unknown_parameters();
    drop(server);
    Ok(told)
}

fn spawn(listener: StdListener, cloud: Arc<Cloud>, stop: CancellationToken) -> Result<JoinHandle<()>, SandboxError> {
    let failed = |source| SandboxError::Io { doing: "start the simulated cloud", source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let listener = {
        let _inside = runtime.enter();
        TcpListener::from_std(listener).map_err(failed)?
    };
    std::thread::Builder::new()
        .name("sandbox".to_owned())
        .spawn(move || runtime.block_on(accept(listener, cloud, stop)))
        .map_err(failed)
}

async fn accept(listener: TcpListener, cloud: Arc<Cloud>, stop: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => {
                // A connection that died in the queue is the peer's business.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&cloud), stop.clone()));
                }
            }
        }
    }
    connections.close();
    let _ = tokio::time::timeout(GRACE, connections.wait()).await;
}

async fn connection(stream: TcpStream, cloud: Arc<Cloud>, stop: CancellationToken) {
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let stream = TokioIo::new(Breakable { stream, reset: Arc::clone(&reset) });
    let service = service_fn(move |request| {
        let cloud = Arc::clone(&cloud);
        let reset = Arc::clone(&reset);
        async move { respond(&cloud, request, &reset).await }
    });
    let serving = http1::Builder::new().timer(TokioTimer::new()).serve_connection(stream, service);
    tokio::pin!(serving);
    tokio::select! {
        _ = serving.as_mut() => {}
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            let _ = serving.await;
        }
    }
}

/// A broken connection, on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the connection is reset on purpose")]
struct Broken;

async fn respond(
    cloud: &Cloud,
    request: Request<IncomingBody>,
    reset: &AtomicBool,
) -> Result<Response<ReplyBody>, Broken> {
    let (reply, delay, entry) = cloud.handle(request).await;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    cloud.journal.record(entry);
    match reply {
        Reply::Answer(answer) => Ok(response(answer, None)),
        Reply::Reset => {
            reset.store(true, Ordering::Relaxed);
            Err(Broken)
        }
        Reply::ResetMidBody(answer) => {
            reset.store(true, Ordering::Relaxed);
            let half = answer.body.len() / 2;
            Ok(response(answer, Some(half)))
        }
    }
}

fn response(answer: Answer, cut: Option<usize>) -> Response<ReplyBody> {
    let breaks = cut.is_some();
    let cut = cut.unwrap_or(answer.body.len());
    let mut response = Response::new(ReplyBody {
        promised: answer.body.len() as u64,
        piece: Some(Bytes::from(answer.body).slice(..cut)),
        breaks,
        is_flushed: false,
    });
    *response.status_mut() = hyper::StatusCode::from_u16(answer.status).unwrap_or(hyper::StatusCode::BAD_GATEWAY);
    let content_type = [("content-type", answer.content_type.to_owned())];
    for (name, value) in content_type.into_iter().chain(answer.headers) {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// A body of known length that may stop before its end.
#[derive(Debug)]
struct ReplyBody {
    promised: u64,
    piece: Option<Bytes>,
    breaks: bool,
    is_flushed: bool,
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(piece) = self.piece.take() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if !self.breaks {
            return Poll::Ready(None);
        }
        // Once more around, so that the first half is on the wire before the connection breaks.
        if !std::mem::replace(&mut self.is_flushed, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.breaks = false;
        Poll::Ready(Some(Err(Broken)))
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_none() && !self.breaks
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}

/// A stream that can be told to end with a reset rather than in good order.
#[derive(Debug)]
struct Breakable {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Breakable {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Breakable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Breakable {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

/// Everything that requests share.
#[derive(Debug)]
struct Cloud {
    identities: Identities,
    faults: Faults,
    behaviour: Behaviour,
    windows: Windows,
    journal: Journal,
    anonymous_account: Option<Arc<Account>>,
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
    fn new(world: &World, journal: Journal) -> Self {
        Self {
            identities: Identities::new(world),
            faults: Faults::new(world.faults()),
            behaviour: world.behaviour().clone(),
            windows: Windows::default(),
            journal,
            anonymous_account: world.accounts().first().cloned(),
            started: Instant::now(),
            requests: AtomicU64::new(0),
        }
    }

    /// The reply, how long it waits, and what to write down of it.
    async fn handle(&self, request: Request<IncomingBody>) -> (Reply, Duration, Entry) {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let mut entry = Entry {
            number,
            at_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            host: String::new(),
            product: String::new(),
            action: String::new(),
            region: String::new(),
            account_id: String::new(),
            params: std::collections::BTreeMap::new(),
            status: 0,
            code: String::new(),
            request_id: Uuid::new_v4().hyphenated().to_string().to_uppercase(),
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
        if let Reply::Answer(answer) = &reply {
            entry.status = answer.status;
        }
        (reply, delay, entry)
    }

    fn process(&self, arrived: &Arrived, entry: &mut Entry, delay: &mut Duration) -> Result<Reply, ApiError> {
        entry.host.clone_from(&arrived.host);
        entry.action = header(&arrived.headers, "x-acs-action").unwrap_or_default().to_owned();
        let parameters = arrived.query.iter().chain(&arrived.form);
        entry.params.extend(parameters.cloned());
        let route = route(arrived, entry)?;
        entry.params.extend(route.variables.iter().cloned());
        let caller = self.caller(arrived, &route)?;
        let account = caller.as_ref().map(|caller| &caller.account).or(self.anonymous_account.as_ref());
        let account = account.ok_or_else(|| ApiError::new(404, "EntityNotExist", "The world has no account."))?;
        if let Some(caller) = &caller {
            entry.account_id.clone_from(&caller.account.id);
        }
        let region = region_of(arrived, &route, account);
        if route.product.is_regional() {
            entry.region.clone_from(&region);
        }
        self.count(account, route.operation.action)?;
        let fault = self.strike(arrived, &route, account, &region, entry);
        if let Some(fault) = fault {
            *delay += Duration::from_millis(fault.delay_ms());
            if let Some(caller) = caller.as_ref().filter(|caller| fault.kills_token() && caller.token.is_some()) {
                self.identities.kill(&caller.access_key_id);
            }
            if let Some(error) = fault.error(route.operation.not_found) {
                return Err(error);
            }
        }
        let call = Call {
            operation: route.operation,
            caller: caller.as_ref(),
            account,
            region: &region,
            query: &arrived.query,
            form: &arrived.form,
            path: &route.variables,
            project: &route.project,
            body: &arrived.body,
            identities: &self.identities,
            page_cap: self.behaviour.page_cap,
            page_fault: fault.and_then(Fault::page),
            salt: entry.number ^ page::mix(self.behaviour.seed),
            request_id: &entry.request_id.clone(),
        };
        let shape = route.product.error_shape();
        let answer = match check_region(arrived, &route, account, &region).and_then(|()| route.operation.answer(&call))
        {
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

    fn strike(
        &self,
        arrived: &Arrived,
        route: &Route,
        account: &Account,
        region: &str,
        entry: &Entry,
    ) -> Option<&Fault> {
        let parameters: Vec<_> = entry.params.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let of_mesh = mesh_region(route, account, &parameters);
        let mut regions = vec![region];
        regions.extend(of_mesh.as_deref());
        // `RegionId` that contradicts the host is refused later; until then it says what was meant.
        let asked = arrived.query.iter().chain(&arrived.form);
        regions.extend(asked.filter(|(name, _)| name == "RegionId").map(|(_, value)| value.as_str()));
        self.faults.strike(Subject {
            action: route.operation.action,
            account_id: &account.id,
            regions: &regions,
            parameters: &parameters,
        })
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

    #[test]
    fn only_loopback_is_served() {
        let world = World::named("empty").expect("a shipped world");
        let refused = Server::start(world, "0.0.0.0:0".parse().expect("an address"), None);
        assert!(matches!(refused, Err(SandboxError::NotLoopback { .. })));
    }
}
