//! Row 35 of reliability.md 2.2: an account that the vendor has suspended ends its own units, and nobody else's.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{FutureExt, future::BoxFuture};
use portcullis::cloud::{
    client::Account,
    context::{HeaderText, Http, HttpError, HttpRequest, HttpResponse},
    credential::{Credentials, StaticProvider},
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::harness::{Case, Cloud, Judged, block_on, judge_all};

const OTHER: &str = "1000000000000002";

/// Stands before the network and refuses what one key asks, once it has asked so often.
struct Suspending {
    inner: Arc<dyn Http>,
    code: &'static str,
    /// Calls that still pass.
    left: AtomicUsize,
}

impl Suspending {
    fn refuses(&self, request: &HttpRequest) -> bool {
        let is_of_key = request.headers.iter().any(|(name, value)| {
            let text = match value {
                HeaderText::Plain(text) => text.as_str(),
                HeaderText::Sensitive(text) => text.expose_secret(),
            };
            *name == "authorization" && text.contains("Credential=otherid")
        });
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| match is_of_key {
            true => left.checked_sub(1),
            false => Some(left),
        });
        left.is_err()
    }
}

impl Http for Suspending {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        if !self.refuses(&request) {
            return self.inner.send(request);
        }
        let body = json!({"Code": self.code, "Message": "The account is suspended.", "RequestId": "R-1"});
        let response = HttpResponse { status: 403, headers: Vec::new(), body: body.to_string().into_bytes() };
        async move { Ok(response) }.boxed()
    }
}

/// The world twice: in the account of its own, and in another with keys of its own.
fn two_accounts() -> Value {
    let mut document = Case::named("eip-on-intranet-balancer").document;
    let mut other = document["accounts"][0].clone();
    other["account_id"] = json!(OTHER);
    other["access_keys"] = json!([{"access_key_id": "otherid", "access_key_secret": "othersecret"}]);
    document["accounts"].as_array_mut().unwrap().push(other);
    document
}

fn keys(cloud: &Cloud) -> [Account; 2] {
    let other = Credentials {
        access_key_id: "otherid".to_owned(),
        access_key_secret: "othersecret".to_owned().into(),
        security_token: None,
        expiration: None,
    };
    let other = StaticProvider::new("the other account's key", other);
    [Account::new("own", Arc::new(cloud.provider())), Account::new("other", Arc::new(other))]
}

/// What is said of the accounts while one of them is suspended after so many calls.
fn said(code: &'static str, calls: usize) -> Value {
    let cloud = Cloud::start_through(&two_accounts(), |inner| {
        Arc::new(Suspending { inner, code, left: AtomicUsize::new(calls) })
    });
    let Judged { report, .. } = block_on(judge_all(&cloud, &keys(&cloud), &[])).unwrap();
    report
}

/// Endpoints and findings of one account.
fn about<'a>(report: &'a Value, account: &str) -> Vec<&'a Value> {
    let lists = ["endpoints", "findings"].map(|name| report[name].as_array().unwrap().iter());
    lists.into_iter().flatten().filter(|one| one["account_id"] == account).collect()
}

#[test]
fn a_suspended_account_hides_nothing_of_another() {
    let calm = said("", usize::MAX);
    let own = calm["endpoints"][0]["account_id"].as_str().unwrap();
    assert!(!about(&calm, own).is_empty() && !about(&calm, OTHER).is_empty());
    assert_eq!(calm["coverage"]["complete"], true);
    for code in ["Forbidden.AccountClosed", "InvalidAccountStatus", "Account.Arrearage", "Forbidden.RiskControl"] {
        for calls in [0, 1, 4, 8] {
            let report = said(code, calls);
            assert_eq!(about(&report, own), about(&calm, own), "{code} after {calls}");
            assert_eq!(report["coverage"]["complete"], false, "{code} after {calls}");
            let gaps = report["coverage"]["gaps"].as_array().unwrap();
            let accounts: BTreeSet<&str> = gaps.iter().map(|gap| gap["account_id"].as_str().unwrap()).collect();
            // Before it has said who it is, it goes by the name of its keys.
            let name = if calls == 0 { "other" } else { OTHER };
            assert_eq!(accounts, [name].into(), "{code} after {calls}");
            assert!(gaps.iter().any(|gap| gap["code"] == code), "{code} after {calls}: {gaps:?}");
            let clean = about(&report, OTHER).into_iter().filter(|one| one["exposure"] == "private");
            let was_clean = about(&calm, OTHER).into_iter().filter(|one| one["exposure"] == "private");
            assert!(clean.count() <= was_clean.count(), "{code} after {calls}");
        }
    }
}
