//! The world as `cloud` sees it: HTTP, clock, environment, files, programs and chance.
//!
//! Each is a small trait object, so that a test can inject its own. [`Context::real`] is the one
//! that touches the machine.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use secrecy::SecretString;

pub use super::transport::{BadEnvironment, Deadlines, HttpSettings, RealHttp, ResolveError, Resolver, SystemResolver};

/// Everything `cloud` needs from outside.
#[derive(Clone)]
pub struct Context {
    /// Sends requests.
    pub http: Arc<dyn Http>,
    /// Tells the time and waits.
    pub clock: Arc<dyn Clock>,
    /// Environment variables.
    pub env: Arc<dyn Env>,
    /// Reads files.
    pub files: Arc<dyn Files>,
    /// Runs the external program of a command-line profile.
    pub programs: Arc<dyn Programs>,
    /// Nonces and jitter.
    pub random: Arc<dyn Random>,
}

impl Context {
    /// The machine we run on. Fails if the environment names a proxy that cannot be understood.
    pub fn real(http: HttpSettings) -> Result<Self, BadEnvironment> {
        let env: Arc<dyn Env> = Arc::new(RealEnv);
        Ok(Self {
            http: Arc::new(RealHttp::new(http, &*env)?),
            clock: Arc::new(RealClock::default()),
            env,
            files: Arc::new(RealFiles),
            programs: Arc::new(RealPrograms),
            random: Arc::new(RealRandom),
        })
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

/// Request methods in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    Get,
    Post,
    Put,
}

impl Method {
    /// The method as it stands in the request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
        }
    }
}

/// A header's value. Sensitive ones are kept out of every output.
pub enum HeaderText {
    /// May be logged.
    Plain(String),
    /// A signature or token.
    Sensitive(SecretString),
}

impl fmt::Debug for HeaderText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => fmt::Debug::fmt(text, f),
            Self::Sensitive(_) => f.write_str("[redacted]"),
        }
    }
}

/// One attempt, ready to be sent as it is.
#[derive(Debug)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// Absolute; every byte is already encoded and is sent as it stands.
    pub url: String,
    /// In order; names in lower case. `host` may differ from the host of `url`.
    pub headers: Vec<(&'static str, HeaderText)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
    /// Overrides the deadline for the whole exchange; metadata services want about a second.
    pub deadline: Option<Duration>,
    /// True for what may arrive once only: it gets a connection of its own, since a client that finds a kept connection
    /// closed may send again on another.
    pub is_fresh: bool,
}

/// A whole reply.
#[derive(Clone, Debug, Default)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// Names in lower case, values as text; values that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The body, within the limit of [`HttpSettings`].
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// The first value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no reply. Each kind is something the caller treats differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The resolver says that the name does not exist.
    #[error("the name {host} does not exist")]
    UnknownHost { host: String },
    /// The resolver failed in another way.
    #[error("cannot resolve {host}: {reason}")]
    Dns { host: String, reason: String },
    /// The name resolves to an address to which no signed request may go.
    #[error("{host} resolves to {address}, to which no request may go")]
    ForbiddenAddress { host: String, address: String },
    /// No connection could be made.
    #[error("cannot connect to {host}: {reason}")]
    Connect { host: String, reason: String },
    /// The certificate or the handshake was refused.
    #[error("TLS with {host} failed: {reason}")]
    Tls { host: String, reason: String },
    /// The connection broke before the head of the reply.
    #[error("the connection broke before the reply: {reason}")]
    Reset { reason: String },
    /// The connection broke, or the reply ended, within the body.
    #[error("the connection broke within the reply: {reason}")]
    ResetMidBody { reason: String },
    /// A phase took too long: `connect`, `first byte`, `idle`, `call`.
    #[error("no answer in time ({phase}, {limit:?})")]
    Timeout { phase: &'static str, limit: Duration },
    /// The body or the head of the reply is larger than allowed, or compressed, which was not asked for.
    #[error("the reply is {what}")]
    TooLarge { what: &'static str },
    /// The request cannot be sent as it stands: our own mistake, or hostile text in it.
    #[error("the request cannot be sent: {reason}")]
    BadRequest { reason: String },
}

/// Sends one request and reads the whole reply: no redirect is followed, nothing is sent twice.
pub trait Http: Send + Sync {
    /// Sends `request`; every phase has a deadline.
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>>;
}

/// Time.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> DateTime<Utc>;
    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// Environment variables.
pub trait Env: Send + Sync {
    /// The value of a variable that is set to text, even to the empty one.
    fn var(&self, name: &str) -> Option<String>;
    /// The user's home directory.
    fn home(&self) -> Option<PathBuf>;
}

/// Files.
pub trait Files: Send + Sync {
    /// The content of a small file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// Other programs.
pub trait Programs: Send + Sync {
    /// Runs `program` without a shell and gives its standard output; fails on a non-zero exit or
    /// after `limit`, when it is killed.
    fn run<'a>(
        &'a self,
        program: &'a str,
        arguments: &'a [String],
        limit: Duration,
    ) -> BoxFuture<'a, io::Result<Vec<u8>>>;
}

/// Chance.
pub trait Random: Send + Sync {
    /// 64 random bits.
    fn bits(&self) -> u64;
}

impl dyn Random + '_ {
    /// A nonce: a random UUID.
    pub fn nonce(&self) -> String {
        let bytes = (u128::from(self.bits()) << 64 | u128::from(self.bits())).to_be_bytes();
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// A duration between zero and `most`, uniformly.
    pub fn up_to(&self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(if nanos == u64::MAX { self.bits() } else { self.bits() % (nanos + 1) })
    }
}

/// The system's clock. Waiting goes through tokio, so a test with paused time does not wait.
#[derive(Debug)]
pub struct RealClock {
    start: std::sync::OnceLock<tokio::time::Instant>,
}

impl Default for RealClock {
    fn default() -> Self {
        Self { start: std::sync::OnceLock::new() }
    }
}

impl Clock for RealClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn monotonic(&self) -> Duration {
        self.start.get_or_init(tokio::time::Instant::now).elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// The process's environment.
#[derive(Clone, Copy, Debug)]
pub struct RealEnv;

impl Env for RealEnv {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn home(&self) -> Option<PathBuf> {
        directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_path_buf())
    }
}

/// The machine's files.
#[derive(Clone, Copy, Debug)]
pub struct RealFiles;

/// Configuration and token files are small; anything larger is not one.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

impl Files for RealFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        use std::io::Read;
        // Looked at before it is opened: a pipe would hold us there, and a device has no end.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        let mut content = Vec::new();
        std::fs::File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut content)?;
        if content.len() as u64 > LARGEST_FILE {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "the file is larger than 4 MiB"));
        }
        Ok(content)
    }
}

/// Programs of the machine.
#[derive(Clone, Copy, Debug)]
pub struct RealPrograms;

impl Programs for RealPrograms {
    fn run<'a>(
        &'a self,
        program: &'a str,
        arguments: &'a [String],
        limit: Duration,
    ) -> BoxFuture<'a, io::Result<Vec<u8>>> {
        Box::pin(async move {
            let mut command = tokio::process::Command::new(program);
            command.args(arguments).stdin(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            command.kill_on_drop(true);
            let ended = tokio::time::timeout(limit, command.output()).await;
            let output =
                ended.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the program did not end in time"))??;
            if !output.status.success() {
                return Err(io::Error::other(format!("the program ended with {}", output.status)));
            }
            Ok(output.stdout)
        })
    }
}

/// The thread's generator, seeded by the system.
#[derive(Clone, Copy, Debug)]
pub struct RealRandom;

impl Random for RealRandom {
    fn bits(&self) -> u64 {
        rand::random()
    }
}
