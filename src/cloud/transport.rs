//! The HTTP client under [`Context::real`](super::context::Context::real).
//!
//! HTTP/1.1 only, since the `Host` header may differ from the address we connect to. No redirect is
//! followed. No compression is asked for and none is accepted, so a small reply cannot unpack into a
//! large one. Every phase has a deadline.
//!
//! NOTE: the connection pool sends a request again by itself only if the connection it was given had
//! closed before a byte of it was written; no server can have seen such a request.

use std::{
    error::Error,
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::future::BoxFuture;
use reqwest::{
    Body, Client, ClientBuilder, NoProxy, Proxy, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{HeaderName, HeaderValue},
    redirect, retry,
};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::{
    context::{Env, HeaderText, Http, HttpError, HttpRequest, HttpResponse, Method},
    endpoint::{is_loopback_host, is_vendor_host},
};

/// Where instances ask for their own metadata.
const METADATA: &str = "100.100.100.200";

/// How long each phase of a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Resolving a name.
    pub dns: Duration,
    /// Making the TCP connection.
    pub connect: Duration,
    /// The TLS handshake. The two are timed together, since the connector does not tell them apart.
    pub tls: Duration,
    /// From sending to the head of the reply, connecting included.
    pub first_byte: Duration,
    /// Between two pieces of the body.
    pub idle: Duration,
    /// The whole call.
    pub call: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            dns: Duration::from_secs(2),
            connect: Duration::from_secs(3),
            tls: Duration::from_secs(5),
            first_byte: Duration::from_secs(10),
            idle: Duration::from_secs(5),
            call: Duration::from_secs(30),
        }
    }
}

/// How the real client behaves.
#[derive(Clone)]
pub struct HttpSettings {
    /// How long each phase may take.
    pub deadlines: Deadlines,
    /// Largest body, in bytes.
    pub max_body: usize,
    /// Largest sum of header names and values of a reply, in bytes.
    pub max_head: usize,
    /// Whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured. They never are
    /// for loopback and metadata addresses.
    pub use_proxy: bool,
    /// Finds addresses.
    pub resolver: Arc<dyn Resolver>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            deadlines: Deadlines::default(),
            max_body: 8 * 1024 * 1024,
            max_head: 64 * 1024,
            use_proxy: true,
            resolver: Arc::new(SystemResolver),
        }
    }
}

impl fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSettings")
            .field("deadlines", &self.deadlines)
            .field("max_body", &self.max_body)
            .field("use_proxy", &self.use_proxy)
            .finish_non_exhaustive()
    }
}

/// Finds the addresses of a name.
pub trait Resolver: Send + Sync {
    /// The addresses of `host`, in order of preference.
    fn resolve(&self, host: String) -> BoxFuture<'static, Result<Vec<IpAddr>, ResolveError>>;
}

/// Why a name has no usable address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name does not exist.
    #[error("no such name")]
    NoSuchName,
    /// The resolver could not tell.
    #[error("{0}")]
    Failed(String),
    /// The address is one to which no signed request may go.
    #[error("forbidden address {0}")]
    Forbidden(IpAddr),
}

/// The system's resolver.
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: String) -> BoxFuture<'static, Result<Vec<IpAddr>, ResolveError>> {
        Box::pin(async move {
            match tokio::net::lookup_host((host.as_str(), 0)).await {
                Ok(addresses) => Ok(addresses.map(|address| address.ip()).collect()),
                Err(error) if says_no_such_name(&error) => Err(ResolveError::NoSuchName),
                Err(error) => Err(ResolveError::Failed(error.to_string())),
            }
        })
    }
}

/// The resolver's error has no kind of its own, only the C library's words: glibc's two, musl's, and
/// those of the BSD family.
fn says_no_such_name(error: &io::Error) -> bool {
    let text = error.to_string();
    [
        "Name or service not known",
        "No address associated with hostname",
        "Name does not resolve",
        "nodename nor servname",
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// Adds the deadline and the check of addresses to a resolver.
struct Guarded {
    inner: Arc<dyn Resolver>,
    deadline: Duration,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let (found, deadline) = (self.inner.resolve(host.clone()), self.deadline);
        Box::pin(async move {
            let late = |_| ResolveError::Failed(format!("no answer in {deadline:?}"));
            let addresses = timeout(deadline, found).await.map_err(late)??;
            if let Some(bad) = addresses.iter().find(|address| is_vendor_host(&host) && is_forbidden(**address)) {
                return Err(ResolveError::Forbidden(*bad).into());
            }
            if addresses.is_empty() {
                return Err(ResolveError::NoSuchName.into());
            }
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// True for addresses that a vendor's name never has: this machine, the link, metadata. Private ones
/// are fine, since the vendor's VPC endpoints have them.
fn is_forbidden(address: IpAddr) -> bool {
    let address = match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    };
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    link_local
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.to_string() == METADATA
}

/// A variable of the environment by which no connection is made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEnvironment {
    /// A proxy that cannot be understood. The value may hold a password and is not repeated.
    #[error("use the proxy in {variable}: it is not a URL; write it as http://HOST:PORT, or unset the variable")]
    Proxy { variable: &'static str },
    /// Certificates of somebody's own.
    #[error(
        "trust certificates by the word of {variable}: unset it; whom this program trusts is decided by the system's \
         certificates, and a CA of one's own belongs among them"
    )]
    Certificates { variable: &'static str },
}

/// The variables by which the library that reads the system's certificates reads others instead.
const CERTIFICATE_VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Where systems keep certificates: images say so in the variables, which then change nothing.
const CERTIFICATE_FOLDERS: [&str; 4] = ["/etc/ssl/", "/etc/pki/", "/usr/lib/ssl/", "/nix/store/"];

/// Refuses certificates of another place than the system's: who sets a variable would read, and answer, every signed
/// request.
fn refuse_other_certificates(env: &dyn Env) -> Result<(), BadEnvironment> {
    let is_systems = |path: &str| {
        CERTIFICATE_FOLDERS.iter().any(|folder| path.starts_with(folder)) && !path.split('/').any(|part| part == "..")
    };
    for variable in CERTIFICATE_VARIABLES {
        let paths = env.var(variable).unwrap_or_default();
        if !paths.split(':').filter(|path| !path.is_empty()).all(is_systems) {
            return Err(BadEnvironment::Certificates { variable });
        }
    }
    Ok(())
}

/// How a request goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Without TLS and without a proxy.
    Plain,
    /// Without a proxy.
    Direct,
    Proxied,
}

/// Sends requests for real.
pub struct RealHttp {
    settings: HttpSettings,
    proxies: Vec<Proxy>,
    /// For plain http to this machine or the metadata service: reads no certificates, so that it
    /// works, and starts at once, where there are none.
    plain: OnceLock<Result<Client, String>>,
    direct: OnceLock<Result<Client, String>>,
    proxied: OnceLock<Result<Client, String>>,
}

impl RealHttp {
    /// A client that takes its proxies from `env`.
    pub fn new(settings: HttpSettings, env: &dyn Env) -> Result<Self, BadEnvironment> {
        refuse_other_certificates(env)?;
        let proxies = if settings.use_proxy { proxies(env)? } else { Vec::new() };
        Ok(Self { settings, proxies, plain: OnceLock::new(), direct: OnceLock::new(), proxied: OnceLock::new() })
    }

    fn builder(&self) -> ClientBuilder {
        let deadlines = &self.settings.deadlines;
        Client::builder()
            .no_proxy()
            .http1_only()
            .no_gzip()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .connect_timeout(deadlines.connect + deadlines.tls)
            .pool_idle_timeout(Duration::from_secs(20))
            .dns_resolver(Guarded { inner: Arc::clone(&self.settings.resolver), deadline: deadlines.dns })
    }

    /// The metadata service answers for the machine that asks: through a proxy it would be that of
    /// another one, or nobody.
    fn way(&self, url: &Url) -> Way {
        let host = url.host_str().unwrap_or_default();
        let local = is_loopback_host(host) || host == METADATA;
        match url.scheme() {
            "http" if local => Way::Plain,
            _ if local || self.proxies.is_empty() => Way::Direct,
            _ => Way::Proxied,
        }
    }

    fn client(&self, url: &Url, is_fresh: bool) -> Result<Client, HttpError> {
        let host = url.host_str().unwrap_or_default();
        let (slot, build): (_, &dyn Fn() -> ClientBuilder) = match self.way(url) {
            Way::Plain => (&self.plain, &|| self.builder().tls_certs_only([])),
            Way::Direct => (&self.direct, &|| self.builder()),
            Way::Proxied => {
                (&self.proxied, &|| self.proxies.iter().cloned().fold(self.builder(), ClientBuilder::proxy))
            }
        };
        let built = if is_fresh {
            build().pool_max_idle_per_host(0).build().map_err(|error| chain(&error))
        } else {
            slot.get_or_init(|| build().build().map_err(|error| chain(&error))).clone()
        };
        built.map_err(|reason| HttpError::Tls { host: host.to_owned(), reason })
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let deadlines = self.settings.deadlines;
        let is_fresh = request.is_fresh;
        let request = Prepared::new(request)?;
        let client = self.client(request.inner.url(), is_fresh)?;
        let head = timeout(deadlines.first_byte, client.execute(request.inner)).await;
        let head = head.map_err(|_| HttpError::Timeout { phase: "first byte", limit: deadlines.first_byte })?;
        let mut response = head.map_err(|error| head_error(&request.host, &error, &deadlines))?;
        let headers = self.headers(&response)?;
        let mut body = Vec::new();
        loop {
            let piece = timeout(deadlines.idle, response.chunk()).await;
            let piece = piece.map_err(|_| HttpError::Timeout { phase: "idle", limit: deadlines.idle })?;
            let piece = piece.map_err(|error| HttpError::ResetMidBody { reason: chain(&error) })?;
            let Some(piece) = piece else { break };
            if body.len() + piece.len() > self.settings.max_body {
                return Err(HttpError::TooLarge { what: "larger than allowed" });
            }
            body.extend_from_slice(&piece);
        }
        Ok(HttpResponse { status: response.status().as_u16(), headers, body })
    }

    fn headers(&self, response: &reqwest::Response) -> Result<Vec<(String, String)>, HttpError> {
        let size: usize = response.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if size > self.settings.max_head {
            return Err(HttpError::TooLarge { what: "headed by more than allowed" });
        }
        let plain = response.headers().get("content-encoding").is_none_or(|coding| coding == "identity");
        if !plain {
            return Err(HttpError::TooLarge { what: "compressed, which was not asked for" });
        }
        let texts = response.headers().iter().filter_map(|(name, value)| {
            let value = value.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        Ok(texts.collect())
    }
}

impl Http for RealHttp {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let limit = request.deadline.unwrap_or(self.settings.deadlines.call);
        Box::pin(async move {
            let ended = timeout(limit, self.exchange(request)).await;
            ended.unwrap_or(Err(HttpError::Timeout { phase: "call", limit }))
        })
    }
}

/// A request in the client's own type.
struct Prepared {
    inner: reqwest::Request,
    host: String,
}

impl Prepared {
    fn new(request: HttpRequest) -> Result<Self, HttpError> {
        let bad = |reason: String| HttpError::BadRequest { reason };
        let url = Url::parse(&request.url).map_err(|error| bad(format!("its URL: {error}")))?;
        // What is signed must be what is sent: a path such as `/clusters/..` would be changed.
        if url.as_str() != request.url {
            return Err(bad("its URL would be changed on the way".to_owned()));
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        let local = is_loopback_host(&host) || host == METADATA;
        if url.scheme() != "https" && !(url.scheme() == "http" && local) {
            return Err(bad(format!("plain http to {host}")));
        }
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
        };
        let mut inner = reqwest::Request::new(method, url);
        for (name, text) in &request.headers {
            let value = match text {
                HeaderText::Plain(text) => HeaderValue::from_str(text),
                HeaderText::Sensitive(text) => HeaderValue::from_str(text.expose_secret()).map(|mut value| {
                    value.set_sensitive(true);
                    value
                }),
            };
            let value = value.map_err(|_| bad(format!("the value of its header {name}")))?;
            inner.headers_mut().insert(HeaderName::from_static(name), value);
        }
        if !request.body.is_empty() {
            *inner.body_mut() = Some(Body::from(request.body));
        } else if request.method != Method::Get {
            inner.headers_mut().insert("content-length", HeaderValue::from_static("0"));
        }
        Ok(Self { inner, host })
    }
}

fn proxies(env: &dyn Env) -> Result<Vec<Proxy>, BadEnvironment> {
    let exclude =
        ["NO_PROXY", "no_proxy"].iter().find_map(|name| env.var(name)).and_then(|list| NoProxy::from_string(&list));
    let mut proxies = Vec::new();
    for (names, build) in [
        (["HTTPS_PROXY", "https_proxy"], Proxy::https as fn(Url) -> reqwest::Result<Proxy>),
        (["HTTP_PROXY", "http_proxy"], Proxy::http),
        (["ALL_PROXY", "all_proxy"], Proxy::all),
    ] {
        let found = names.into_iter().find_map(|name| Some((name, env.var(name).filter(|value| !value.is_empty())?)));
        let Some((variable, value)) = found else { continue };
        let url = if value.contains("://") { value } else { format!("http://{value}") };
        let proxy = Url::parse(&url).ok().and_then(|url| build(url).ok()).ok_or(BadEnvironment::Proxy { variable })?;
        proxies.push(proxy.no_proxy(exclude.clone()));
    }
    Ok(proxies)
}

/// Why there is no head of a reply.
fn head_error(host: &str, error: &reqwest::Error, deadlines: &Deadlines) -> HttpError {
    let host = host.to_owned();
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(resolve) = current.downcast_ref::<ResolveError>() {
            return match resolve {
                ResolveError::NoSuchName => HttpError::UnknownHost { host },
                ResolveError::Failed(reason) => HttpError::Dns { host, reason: reason.clone() },
                ResolveError::Forbidden(address) => HttpError::ForbiddenAddress { host, address: address.to_string() },
            };
        }
        if let Some(tls) = current.downcast_ref::<rustls::Error>() {
            return HttpError::Tls { host, reason: tls.to_string() };
        }
        cause = next_cause(current);
    }
    if error.is_timeout() {
        return HttpError::Timeout { phase: "connect", limit: deadlines.connect + deadlines.tls };
    }
    if error.is_connect() {
        return HttpError::Connect { host, reason: chain(error) };
    }
    if error.is_builder() {
        return HttpError::BadRequest { reason: chain(error) };
    }
    HttpError::Reset { reason: chain(error) }
}

/// The cause of an error. That of an I/O error made from another error is that error, which
/// `source` skips.
fn next_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// The innermost cause, which says most and holds no URL.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = next_cause(last) {
        last = cause;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::future::Future;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::cloud::testing::{Log, NoEnv};

    /// A server that hands each connection to `serve`; gives its address.
    async fn server<F, Fut>(serve: F) -> SocketAddr
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        address
    }

    /// Reads the head of a request.
    async fn head(stream: &mut TcpStream) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => bytes.push(byte),
                Err(_) => break,
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A server that answers every request with the same bytes and closes.
    async fn answering(bytes: impl Into<Vec<u8>>) -> SocketAddr {
        let bytes: Arc<[u8]> = bytes.into().into();
        server(move |mut stream| {
            let bytes = Arc::clone(&bytes);
            async move {
                head(&mut stream).await;
                // The client may have hung up already, which is what some tests are about.
                let _ = stream.write_all(&bytes).await;
            }
        })
        .await
    }

    /// What a real run uses: no test waits for a deadline unless the deadline is what it is about.
    fn patient() -> HttpSettings {
        HttpSettings::default()
    }

    /// Patient, but for the phases that `hurry` shortens.
    fn hasty(hurry: fn(&mut Deadlines, Duration)) -> HttpSettings {
        let mut settings = patient();
        hurry(&mut settings.deadlines, Duration::from_millis(200));
        settings
    }

    fn get(url: String) -> HttpRequest {
        let host = HeaderText::Plain("ecs.cn-beijing.aliyuncs.com".to_owned());
        HttpRequest {
            method: Method::Get,
            url,
            headers: vec![("host", host)],
            body: Vec::new(),
            deadline: None,
            is_fresh: false,
        }
    }

    async fn send(settings: HttpSettings, url: String) -> Result<HttpResponse, HttpError> {
        RealHttp::new(settings, &NoEnv).unwrap().send(get(url)).await
    }

    #[tokio::test]
    async fn the_host_header_and_the_bytes_of_the_url_stay_as_they_are() {
        let heads = Log::default();
        let log = heads.clone();
        let address = server(move |mut stream| {
            let log = log.clone();
            async move {
                log.push(head(&mut stream).await);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
            }
        })
        .await;
        let path = "/clusters/c%2Fa%20b~%2A%E4%B8%AD?Dots=%21%27%28%29-_.~&Empty=";
        let response = send(patient(), format!("http://{address}{path}")).await.unwrap();
        assert_eq!((response.status, response.body.as_slice()), (200, b"{}".as_slice()));
        let heads = heads.all();
        assert!(heads[0].starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{heads:?}");
        assert!(heads[0].contains("host: ecs.cn-beijing.aliyuncs.com\r\n"), "{heads:?}");
        assert!(!heads[0].contains("accept-encoding"), "{heads:?}");
    }

    #[tokio::test]
    async fn what_may_arrive_once_only_has_a_connection_of_its_own() {
        let seen = Log::default();
        let log = seen.clone();
        let address = server(move |mut stream| {
            let log = log.clone();
            async move {
                let peer = stream.peer_addr().unwrap().to_string();
                while !head(&mut stream).await.is_empty() {
                    log.push(peer.clone());
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
                }
            }
        })
        .await;
        let http = RealHttp::new(patient(), &NoEnv).unwrap();
        for is_fresh in [false, false, true, false, true] {
            let request = HttpRequest { is_fresh, ..get(format!("http://{address}/")) };
            http.send(request).await.unwrap();
        }
        let peers = seen.all();
        assert_eq!(peers.len(), 5);
        assert!(peers[0] == peers[1] && peers[1] == peers[3], "reads keep theirs: {peers:?}");
        assert!(peers[2] != peers[0] && peers[4] != peers[0] && peers[2] != peers[4], "writes do not: {peers:?}");
    }

    #[tokio::test]
    async fn a_url_that_would_be_changed_is_not_sent() {
        for url in ["http://127.0.0.1:1/clusters/..", "http://127.0.0.1:1/a b", "http://127.0.0.1:1/%2e%2e/x", "http:"]
        {
            let outcome = send(patient(), url.to_owned()).await;
            assert!(matches!(outcome, Err(HttpError::BadRequest { .. })), "{url}: {outcome:?}");
        }
        for url in ["http://ecs.aliyuncs.com/", "http://192.0.2.1/", "http://169.254.169.254/"] {
            let outcome = send(patient(), url.to_owned()).await;
            assert!(matches!(outcome, Err(HttpError::BadRequest { .. })), "{url}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn redirects_are_handed_back() {
        let other = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        let redirect = format!("HTTP/1.1 302 Found\r\nlocation: http://{other}/\r\ncontent-length: 0\r\n\r\n");
        let address = answering(redirect).await;
        assert_eq!(send(patient(), format!("http://{address}/")).await.unwrap().status, 302);
    }

    #[tokio::test]
    async fn replies_that_break_off_are_told_apart() {
        let reset = |outcome: &Result<HttpResponse, HttpError>| matches!(outcome, Err(HttpError::Reset { .. }));
        let within = |outcome: &Result<HttpResponse, HttpError>| matches!(outcome, Err(HttpError::ResetMidBody { .. }));
        let big = |outcome: &Result<HttpResponse, HttpError>| matches!(outcome, Err(HttpError::TooLarge { .. }));
        type Is = fn(&Result<HttpResponse, HttpError>) -> bool;
        let many = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(70_000));
        let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n{}", "y".repeat(2000));
        let cases: [(&str, &str, Is); 6] = [
            ("nothing", "", reset),
            ("short of its length", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", within),
            ("chunks not ended", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n", within),
            ("large head", &many, big),
            ("large body", &long, big),
            ("compressed", "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}", big),
        ];
        for (name, bytes, is) in cases {
            let address = answering(bytes).await;
            let outcome = send(HttpSettings { max_body: 1000, ..patient() }, format!("http://{address}/")).await;
            assert!(is(&outcome), "{name}: {outcome:?}");
        }
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let outcome = send(patient(), format!("http://{closed}/")).await;
        assert!(matches!(outcome, Err(HttpError::Connect { .. })), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_server_that_drips_is_left() {
        let silent = server(|mut stream| async move {
            head(&mut stream).await;
            std::future::pending().await
        })
        .await;
        let outcome = send(hasty(|of, short| of.first_byte = short), format!("http://{silent}/")).await;
        assert!(matches!(outcome, Err(HttpError::Timeout { phase: "first byte", .. })), "{outcome:?}");
        let stalling = server(|mut stream| async move {
            head(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{").await;
            std::future::pending().await
        })
        .await;
        let outcome = send(hasty(|of, short| of.idle = short), format!("http://{stalling}/")).await;
        assert!(matches!(outcome, Err(HttpError::Timeout { phase: "idle", .. })), "{outcome:?}");
        let dripping = server(|mut stream| async move {
            head(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n").await;
            let mut pace = tokio::time::interval(Duration::from_millis(50));
            while stream.write_all(b"{").await.is_ok() {
                pace.tick().await;
            }
        })
        .await;
        let outcome = send(hasty(|of, short| of.call = short), format!("http://{dripping}/")).await;
        assert!(matches!(outcome, Err(HttpError::Timeout { phase: "call", .. })), "{outcome:?}");
    }

    /// Answers by the first label of the name; never for the rest.
    struct Names(Vec<(&'static str, Result<Vec<IpAddr>, ResolveError>)>);

    impl Resolver for Names {
        fn resolve(&self, host: String) -> BoxFuture<'static, Result<Vec<IpAddr>, ResolveError>> {
            let label = host.split('.').next().unwrap_or_default();
            let answer = self.0.iter().find(|(known, _)| *known == label).map(|(_, answer)| answer.clone());
            Box::pin(async move {
                match answer {
                    Some(answer) => answer,
                    None => std::future::pending().await,
                }
            })
        }
    }

    #[tokio::test]
    async fn names_fail_in_three_ways() {
        let address = |text: &str| Ok(vec![text.parse().unwrap()]);
        let names = Names(vec![
            ("gone", Err(ResolveError::NoSuchName)),
            ("empty", Ok(vec![])),
            ("broken", Err(ResolveError::Failed("SERVFAIL".to_owned()))),
            ("link", address("169.254.169.254")),
            ("metadata", address("100.100.100.200")),
            ("loopback", address("127.0.0.1")),
            ("mapped", address("::ffff:127.0.0.1")),
            ("link6", address("fe80::1")),
        ]);
        let settings = hasty(|of, short| of.dns = short);
        let http = RealHttp::new(HttpSettings { resolver: Arc::new(names), ..settings }, &NoEnv).unwrap();
        for (label, code) in [
            ("gone", "unknown"),
            ("empty", "unknown"),
            ("broken", "dns"),
            ("silent", "dns"),
            ("link", "forbidden"),
            ("metadata", "forbidden"),
            ("loopback", "forbidden"),
            ("mapped", "forbidden"),
            ("link6", "forbidden"),
        ] {
            let outcome = http.send(get(format!("https://{label}.aliyuncs.com/"))).await;
            let found = match &outcome {
                Err(HttpError::UnknownHost { .. }) => "unknown",
                Err(HttpError::Dns { .. }) => "dns",
                Err(HttpError::ForbiddenAddress { .. }) => "forbidden",
                _ => "other",
            };
            assert_eq!(found, code, "{label}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn what_is_not_tls_is_a_tls_failure() {
        let eager = server(|mut stream| async move {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            std::future::pending().await
        })
        .await;
        let outcome = send(patient(), format!("https://{eager}/")).await;
        assert!(matches!(outcome, Err(HttpError::Tls { .. })), "{outcome:?}");
    }

    struct Vars(Vec<(&'static str, String)>);

    impl Env for Vars {
        fn var(&self, name: &str) -> Option<String> {
            self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
        }

        fn home(&self) -> Option<std::path::PathBuf> {
            None
        }
    }

    #[tokio::test]
    async fn proxies_are_used_for_the_cloud_and_not_for_this_machine() {
        let heads = Log::default();
        let log = heads.clone();
        let proxy = server(move |mut stream| {
            let log = log.clone();
            async move {
                log.push(head(&mut stream).await);
                let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
            }
        })
        .await;
        let own = answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        let names = ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"];
        let env = Vars(names.into_iter().map(|name| (name, format!("http://{proxy}"))).collect());
        let http = RealHttp::new(patient(), &env).unwrap();
        assert_eq!(http.send(get(format!("http://{own}/"))).await.unwrap().status, 200);
        assert!(heads.all().is_empty(), "{:?}", heads.all());
        let outcome = http.send(get("https://ecs.cn-beijing.aliyuncs.com/".to_owned())).await;
        assert!(matches!(outcome, Err(HttpError::Connect { .. })), "{outcome:?}");
        let heads = heads.all();
        assert!(heads[0].starts_with("CONNECT ecs.cn-beijing.aliyuncs.com:443 "), "{heads:?}");
    }

    #[test]
    fn the_metadata_service_is_never_asked_through_a_proxy() {
        let names = ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"];
        let env = Vars(names.into_iter().map(|name| (name, "http://proxy.example:8080".to_owned())).collect());
        let http = RealHttp::new(patient(), &env).unwrap();
        let way = |url: &str| http.way(&url.parse().unwrap());
        assert_eq!(way("http://100.100.100.200/latest/api/token"), Way::Plain);
        assert_eq!(way("https://100.100.100.200/"), Way::Direct);
        assert_eq!(way("https://ecs.cn-beijing.aliyuncs.com/"), Way::Proxied);
        assert_eq!(way("http://100.100.100.201/"), Way::Proxied);
        let http = RealHttp::new(patient(), &Vars(Vec::new())).unwrap();
        assert_eq!(http.way(&"https://ecs.cn-beijing.aliyuncs.com/".parse().unwrap()), Way::Direct);
    }

    #[test]
    fn nobody_is_trusted_by_the_word_of_a_variable() {
        let built = |variable, value: &str| RealHttp::new(patient(), &Vars(vec![(variable, value.to_owned())])).err();
        for variable in CERTIFICATE_VARIABLES {
            for value in
                ["/tmp/ca.pem", "ca.pem", "/etc/ssl/../../tmp/ca.pem", "/etc/ssl/certs:/tmp", "/etc/sslx/ca.pem"]
            {
                let refused = built(variable, value);
                assert_eq!(refused, Some(BadEnvironment::Certificates { variable }), "{value}");
            }
            // What images set to where the certificates are anyway.
            for value in ["", "/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs:/etc/pki/tls/certs"] {
                assert_eq!(built(variable, value), None, "{value}");
            }
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_understood_is_named_but_not_shown() {
        let env = Vars(vec![("HTTPS_PROXY", "http://user:hunter2@[nonsense".to_owned())]);
        let error = RealHttp::new(patient(), &env).err().unwrap();
        assert!(error.to_string().contains("HTTPS_PROXY") && !error.to_string().contains("hunter2"), "{error}");
    }
}
