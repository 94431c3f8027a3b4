//! A world for tests: HTTP from a closure, no waiting, numbers in place of chance.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;

use super::{
    client::{Account, Client, Settings},
    context::{
        Clock, Context, Env, Files, HeaderText, Http, HttpError, HttpRequest, HttpResponse, Programs, Random, RealClock,
    },
    credential::{Credentials, StaticProvider},
    endpoint::Endpoints,
    request::{Operation, Product, ReadRequest},
};

pub(super) type Answer = Result<HttpResponse, HttpError>;

/// Answers requests from a function of the request and its number, counted from 0.
pub(super) struct ScriptedHttp<F> {
    answer: F,
    latency: Duration,
    sent: AtomicU64,
}

impl<F: Fn(u64, &HttpRequest) -> Answer + Send + Sync> Http for ScriptedHttp<F> {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Answer> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let answer = (self.answer)(number, &request);
        Box::pin(async move {
            tokio::time::sleep(self.latency).await;
            answer
        })
    }
}

/// Answers nothing: for what sends no request.
pub(super) struct Unreachable;

impl Http for Unreachable {
    fn send(&self, _: HttpRequest) -> BoxFuture<'_, Answer> {
        unreachable!("nobody sends anything")
    }
}

/// No environment.
pub(super) struct NoEnv;

impl Env for NoEnv {
    fn var(&self, _: &str) -> Option<String> {
        None
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }
}

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

impl Programs for NoFiles {
    fn run<'a>(&'a self, _: &'a str, _: &'a [String], _: Duration) -> BoxFuture<'a, io::Result<Vec<u8>>> {
        Box::pin(async { Err(io::ErrorKind::NotFound.into()) })
    }
}

/// A sequence that looks random and is always the same.
#[derive(Default)]
pub(super) struct Sequence(AtomicU64);

impl Random for Sequence {
    fn bits(&self) -> u64 {
        let step = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (step ^ (step >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

pub(super) fn context(http: impl Http + 'static, clock: impl Clock + 'static) -> Context {
    Context {
        http: Arc::new(http),
        clock: Arc::new(clock),
        env: Arc::new(NoEnv),
        files: Arc::new(NoFiles),
        programs: Arc::new(NoFiles),
        random: Arc::new(Sequence::default()),
    }
}

/// A client that is answered by `answer`, after `latency`.
pub(super) fn client_with(
    settings: Settings,
    latency: Duration,
    answer: impl Fn(u64, &HttpRequest) -> Answer + Send + Sync + 'static,
) -> Client {
    let http = ScriptedHttp { answer, latency, sent: AtomicU64::new(0) };
    Client::new(context(http, RealClock::default()), Endpoints::default(), settings)
}

pub(super) fn client(answer: impl Fn(u64, &HttpRequest) -> Answer + Send + Sync + 'static) -> Client {
    client_with(Settings::default(), Duration::from_millis(1), answer)
}

pub(super) fn account() -> Account {
    let credentials = Credentials {
        access_key_id: "testid".to_owned(),
        access_key_secret: "testsecret".into(),
        security_token: None,
        expiration: None,
    };
    Account::new("1000000000000001", Arc::new(StaticProvider::new("test", credentials)))
}

pub(super) const LIST: Operation = Operation::rpc_query(Product::Vpc, "DescribeEipAddresses");

pub(super) fn list() -> ReadRequest {
    ReadRequest::new(LIST, "cn-beijing").param("RegionId", "cn-beijing")
}

pub(super) fn json(status: u16, body: &str) -> Answer {
    let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
    Ok(HttpResponse { status, headers, body: body.as_bytes().to_vec() })
}

pub(super) fn with_header(answer: Answer, name: &str, value: &str) -> Answer {
    answer.map(|mut response| {
        response.headers.push((name.to_owned(), value.to_owned()));
        response
    })
}

pub(super) fn fault(status: u16, code: &str) -> Answer {
    json(status, &format!(r#"{{"Code":"{code}","Message":"because","RequestId":"0A1B-2C"}}"#))
}

/// The value of a query parameter of a request, as it was sent.
pub(super) fn query(request: &HttpRequest, name: &str) -> Option<String> {
    let (_, query) = request.url.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

pub(super) fn header(request: &HttpRequest, name: &str) -> Option<String> {
    use secrecy::ExposeSecret;
    let (_, value) = request.headers.iter().find(|(known, _)| *known == name)?;
    Some(match value {
        HeaderText::Plain(text) => text.clone(),
        HeaderText::Sensitive(text) => text.expose_secret().to_owned(),
    })
}

/// A list that closures can add to.
#[derive(Clone, Default)]
pub(super) struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Log<T> {
    pub(super) fn push(&self, entry: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    pub(super) fn all(&self) -> Vec<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
