//! The HTTP server: connections on loopback, how a reply goes out, and the end.

use std::{
    future::Future,
    io::{self, Write},
    net::{SocketAddr, TcpListener as StdListener},
    path::Path,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    thread::JoinHandle,
    time::Duration,
};

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

use super::{
    cloud::Cloud,
    error::SandboxError,
    journal::{Entry, Journal},
    reply::{Answer, Reply},
    state::Change,
    world::{AccessKey, World},
};

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

    /// Sets the world's clock forward: what is due until then happens, and dates of requests are held against it.
    pub fn advance(&self, by: Duration) {
        self.cloud.advance(by);
    }

    /// What happened to resources so far, in order.
    pub fn changes(&self) -> Vec<Change> {
        self.cloud.settled().changes().to_vec()
    }

    /// The accounts as they are now, by section and list, the audit trail aside. Fields that say nothing (null, false,
    /// empty text and lists) are left out, so that two snapshots are equal where nothing is different.
    pub fn snapshot(&self) -> serde_json::Value {
        self.cloud.settled().snapshot()
    }

    /// Sentences for the world's author about faults that match by a parameter which no call of theirs has.
    pub fn unknown_parameters(&self) -> Vec<String> {
        self.cloud.unknown_parameters()
    }

    /// Every request so far, in order of arrival.
    pub fn journal(&self) -> Vec<Entry> {
        self.cloud.journal().entries()
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
    let stopped = stop.clone();
    let service = service_fn(move |request| {
        let cloud = Arc::clone(&cloud);
        let reset = Arc::clone(&reset);
        let stopped = stopped.clone();
        async move { respond(&cloud, request, &reset, &stopped).await }
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
    stop: &CancellationToken,
) -> Result<Response<ReplyBody>, Broken> {
    let (reply, delay, entry) = cloud.handle(request).await;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    cloud.journal().record(entry);
    match reply {
        Reply::Answer(answer) => Ok(response(answer, None)),
        Reply::Silence => {
            // The caller gives up first, which ends this; or the server stops.
            stop.cancelled().await;
            reset.store(true, Ordering::Relaxed);
            Err(Broken)
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_served() {
        let world = World::named("empty").expect("a shipped world");
        let refused = Server::start(world, "0.0.0.0:0".parse().expect("an address"), None);
        assert!(matches!(refused, Err(SandboxError::NotLoopback { .. })));
    }
}
