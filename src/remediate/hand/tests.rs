//! Which keys sign what, and that what was signed is sent once or never.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use chrono::TimeDelta;
use futures::future::BoxFuture;

use super::*;
use crate::{
    cloud::{
        client::Settings,
        context::{Context, Http, HttpError, HttpRequest, HttpResponse, HttpSettings},
        credential::{CredentialError, Credentials, Provider},
        endpoint::Endpoints,
    },
    model::MeshId,
    remediate::{Endpoint, Request, WriteRef},
};

/// Accepts whatever it is sent, and counts.
#[derive(Default)]
struct Cloud(AtomicUsize);

impl Http for Cloud {
    fn send(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Box::pin(async { Ok(HttpResponse { status: 200, headers, body: br#"{"RequestId":"R-1"}"#.to_vec() }) })
    }
}

/// Keys of a role: a pair that ends, and the next one, which is fetched where that does not last.
struct Keys {
    ends: Mutex<Vec<Option<DateTime<Utc>>>>,
    fetched: AtomicUsize,
}

impl Keys {
    fn ending(ends: &[Option<DateTime<Utc>>]) -> Arc<Self> {
        Arc::new(Self { ends: Mutex::new(ends.to_vec()), fetched: AtomicUsize::new(0) })
    }

    fn end(&self) -> Option<DateTime<Utc>> {
        *self.ends.lock().unwrap().first().unwrap()
    }

    fn pair(&self) -> Arc<Credentials> {
        Arc::new(Credentials {
            access_key_id: "STS.test".to_owned(),
            access_key_secret: "testsecret".into(),
            security_token: Some("token".into()),
            expiration: self.end(),
        })
    }
}

impl Provider for Keys {
    fn credentials(&self) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>> {
        Box::pin(async { Ok(self.pair()) })
    }

    fn lasting(&self, until: DateTime<Utc>) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>> {
        Box::pin(async move {
            if self.end().is_some_and(|end| end < until) && self.ends.lock().unwrap().len() > 1 {
                self.ends.lock().unwrap().remove(0);
                self.fetched.fetch_add(1, Ordering::SeqCst);
            }
            match self.end().filter(|end| *end < until) {
                None => Ok(self.pair()),
                Some(_) => Err(CredentialError { source_name: "test".to_owned(), reason: "the keys end".to_owned() }),
            }
        })
    }

    fn invalidate<'a>(&'a self, _: &'a Credentials) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn describe(&self) -> String {
        "test".to_owned()
    }
}

fn hand(keys: &Arc<Keys>, pace: &Pace) -> (Hand, Arc<Cloud>) {
    let cloud = Arc::new(Cloud::default());
    let real = Context::real(HttpSettings { use_proxy: false, ..HttpSettings::default() }).unwrap();
    let context = Context { http: cloud.clone(), ..real };
    let client = Client::new(context, Endpoints::default(), Settings::default());
    (Hand::new(client, Account::new("1000000000000001", keys.clone()), pace), cloud)
}

/// When something is signed.
fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).unwrap()
}

fn target() -> Target {
    let endpoint = Endpoint::Pilot(MeshId::from("c0mesh"));
    Target { account: "1000000000000001".into(), region: "cn-shanghai".into(), endpoint }
}

fn order(purpose: Option<Purpose>, at: DateTime<Utc>) -> SignOrder {
    let request = Request::Unbind { endpoint: target().endpoint };
    let write = WriteRef { intent: "intent-1".to_owned(), write: purpose.map(|_| 0) };
    let at = CloudTime(u64::try_from(at.timestamp_millis()).unwrap());
    SignOrder::of_test(request, at, write, purpose)
}

/// Everything that is signed.
const PURPOSES: [Option<Purpose>; 4] = [None, Some(Purpose::Act), Some(Purpose::Release), Some(Purpose::Undo)];

/// Whoever changes something must be able to take it back: with keys that end in between, nothing is begun. An outage does not
/// wait for better keys, as long as they outlive the call.
#[tokio::test]
async fn keys_outlive_what_they_sign_and_the_way_back_takes_what_there_is() {
    let (pace, at) = (Pace::default(), at());
    let settled = at + pace.call_deadline + pace.fence();
    let second = TimeDelta::seconds(1);
    let cases: [(Option<DateTime<Utc>>, [bool; 4]); 5] = [
        (None, [true; 4]),
        (Some(settled), [true; 4]),
        (Some(settled - second), [false, false, false, true]),
        (Some(at + pace.call_deadline + second), [false, false, false, true]),
        (Some(at + pace.call_deadline), [false; 4]),
    ];
    for (end, expected) in cases {
        let keys = Keys::ending(&[end]);
        let (mut hand, cloud) = hand(&keys, &pace);
        for (purpose, is_signed) in PURPOSES.into_iter().zip(expected) {
            let signed = hand.sign(&target(), order(purpose, at)).await;
            assert_eq!(signed.is_ok(), is_signed, "{purpose:?} with keys until {end:?}: {signed:?}");
            if let Err(why) = signed {
                assert!(why.contains("the keys end"), "{why}");
            }
        }
        assert_eq!(cloud.0.load(Ordering::SeqCst), 0, "nothing is sent by signing");
    }
}

/// Keys that will not last are renewed beside a reading, once, so that the signature itself need not wait for it.
#[tokio::test]
async fn keys_are_renewed_ahead() {
    let (pace, hour) = (Pace::default(), TimeDelta::hours(1));
    let keys = Keys::ending(&[]);
    let (mut hand, _) = hand(&keys, &pace);
    let now = hand.client.context().clock.now();
    *keys.ends.lock().unwrap() = vec![Some(now + TimeDelta::minutes(10)), Some(now + hour), Some(now + hour * 2)];
    for _ in 0..3 {
        hand.prepare().await;
        assert_eq!((keys.fetched.load(Ordering::SeqCst), keys.end()), (1, Some(now + hour)));
    }
    hand.sign(&target(), order(Some(Purpose::Act), now)).await.unwrap();
    assert_eq!(keys.fetched.load(Ordering::SeqCst), 1);
}

/// One signature, one request: what was sent, or was signed before something else, is not sent any more.
#[tokio::test]
async fn what_was_signed_is_sent_once_or_never() {
    let (pace, now) = (Pace::default(), at());
    let not_sent = Answer { heard: Heard::Refused("not-sent".to_owned()), request_id: String::new() };
    let (mut hand, cloud) = hand(&Keys::ending(&[None]), &pace);
    let order = |purpose| order(Some(purpose), now);
    let first = hand.sign(&target(), order(Purpose::Act)).await.unwrap();
    assert_eq!(hand.send(&first).await, Answer { heard: Heard::Accepted, request_id: "R-1".to_owned() });
    assert_eq!(hand.send(&first).await, not_sent);
    let dropped = hand.sign(&target(), order(Purpose::Act)).await.unwrap();
    let last = hand.sign(&target(), order(Purpose::Undo)).await.unwrap();
    assert_eq!(hand.send(&dropped).await, not_sent);
    assert_eq!(hand.send(&last).await, not_sent, "somebody holds what was dropped: nothing is sent any more");
    assert_eq!(cloud.0.load(Ordering::SeqCst), 1);
}
