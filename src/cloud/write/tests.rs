//! What an answer to a write is worth, and that a write leaves once and only as it was signed.

use std::time::Duration;

use super::*;
use crate::cloud::{
    api::write::{
        self as api, cs,
        servicemesh::{self, Slot},
        slb::{self, AccessControl, AclType, Family},
        vpc,
    },
    client::{Account, Settings},
    context::{HttpError, HttpResponse, RealClock},
    credential::{Credentials, StaticProvider},
    endpoint::Endpoints,
    error::Class,
    testing::{self, Answer, Log, account, client, fault, header, json, with_header},
};

const PERMIT: WritePermit = WritePermit::for_remediation();

fn unbind() -> WriteRequest {
    servicemesh::unbind_eip(&PERMIT, "cmesh1", Slot::Pilot)
}

async fn outcome_of(write: WriteRequest, answer: impl Fn() -> Answer + Send + Sync + 'static) -> Outcome {
    let client = client(move |_, _| answer());
    let signed = client.sign_write(&account(), write, Utc::now()).await.expect("a signed write");
    client.send_write(signed).await
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Acked(_) => "acked",
        Outcome::Rejected(_) => "rejected",
        Outcome::Ambiguous(_) => "ambiguous",
    }
}

#[tokio::test]
async fn only_what_is_said_before_anything_is_done_is_a_refusal() {
    let denied = |action: &str| {
        let body = format!(
            r#"{{"Code":"NoPermission","Message":"no","RequestId":"R-1","AccessDeniedDetail":{{"AuthAction":"{action}"}}}}"#
        );
        move || json(403, &body)
    };
    let broken = |error: HttpError| move || Err(error.clone());
    let html = || Ok(HttpResponse { status: 502, headers: vec![], body: b"<html>Bad Gateway</html>".to_vec() });
    let host = || "servicemesh.aliyuncs.com".to_owned();
    type Make = Box<dyn Fn() -> Answer + Send + Sync>;
    let cases: Vec<(&str, &str, Class, Make)> = vec![
        // The gateway and the permission check.
        ("throttled", "rejected", Class::Throttled, Box::new(|| fault(400, "Throttling.User"))),
        ("signature", "rejected", Class::Identity, Box::new(|| fault(400, "SignatureDoesNotMatch"))),
        ("expired date", "rejected", Class::Clock, Box::new(|| fault(400, "InvalidTimeStamp.Expired"))),
        ("expired token", "rejected", Class::Identity, Box::new(|| fault(400, "InvalidSecurityToken.Expired"))),
        ("unknown key", "rejected", Class::Identity, Box::new(|| fault(404, "InvalidAccessKeyId.NotFound"))),
        ("unknown operation", "rejected", Class::Rejected, Box::new(|| fault(404, "InvalidAction.NotFound"))),
        ("missing parameter", "rejected", Class::Rejected, Box::new(|| fault(400, "MissingParameter"))),
        ("region", "rejected", Class::NotServed, Box::new(|| fault(404, "InvalidRegionId.NotFound"))),
        ("denied", "rejected", Class::Denied, Box::new(|| fault(403, "Forbidden.RAM"))),
        ("denied this", "rejected", Class::Denied, Box::new(denied("servicemesh:ModifyPilotEipResource"))),
        ("no such mesh", "rejected", Class::NotFound, Box::new(|| fault(404, "ServiceMesh.NotFound"))),
        // Nothing left this machine.
        ("no name", "rejected", Class::UnknownHost, Box::new(broken(HttpError::UnknownHost { host: host() }))),
        (
            "no connection",
            "rejected",
            Class::Connection,
            Box::new(broken(HttpError::Connect { host: host(), reason: "refused".into() })),
        ),
        // An inner step was denied: the step before it may have been taken.
        ("denied another", "ambiguous", Class::Denied, Box::new(denied("vpc:AssociateEipAddress"))),
        ("state", "ambiguous", Class::Denied, Box::new(|| fault(403, "StatusForbidden"))),
        ("busy EIP", "ambiguous", Class::Rejected, Box::new(|| fault(400, "IncorrectEipStatus"))),
        // A nonce is used once: the same request arrived before.
        ("nonce", "ambiguous", Class::Identity, Box::new(|| fault(400, "SignatureNonceUsed"))),
        ("documented failure", "ambiguous", Class::Transient, Box::new(|| fault(500, "ERR500"))),
        ("throttled by the server", "ambiguous", Class::Throttled, Box::new(|| fault(503, "Throttling"))),
        ("denied by status", "ambiguous", Class::Denied, Box::new(|| json(403, "{}"))),
        ("not found by status", "ambiguous", Class::Rejected, Box::new(|| json(404, "{}"))),
        ("inner denial", "ambiguous", Class::Denied, Box::new(|| json(200, r#"{"Code":403,"Success":false}"#))),
        (
            "inner refusal",
            "ambiguous",
            Class::Denied,
            Box::new(|| json(200, r#"{"Code":"Forbidden.RAM","Message":"x"}"#)),
        ),
        ("redirect", "ambiguous", Class::Redirect, Box::new(|| json(302, "{}"))),
        ("html", "ambiguous", Class::NotJson, Box::new(html)),
        ("garbage", "ambiguous", Class::NotJson, Box::new(|| json(200, "\u{0}PORT"))),
        ("empty", "ambiguous", Class::NotJson, Box::new(|| json(200, ""))),
        ("cut off", "ambiguous", Class::NotJson, Box::new(|| json(200, r#"{"RequestId":"R"#))),
        ("a list", "ambiguous", Class::Schema, Box::new(|| json(200, "[]"))),
        ("a key twice", "ambiguous", Class::Schema, Box::new(|| json(200, r#"{"A":1,"A":2}"#))),
        (
            "refusal with a key twice",
            "ambiguous",
            Class::Schema,
            Box::new(|| json(403, r#"{"Code":"Forbidden.RAM","Code":"x"}"#)),
        ),
        ("reset", "ambiguous", Class::Connection, Box::new(broken(HttpError::Reset { reason: "reset".into() }))),
        (
            "tls",
            "ambiguous",
            Class::Tls,
            Box::new(broken(HttpError::Tls { host: host(), reason: "unknown issuer".into() })),
        ),
        (
            "late",
            "ambiguous",
            Class::Timeout,
            Box::new(broken(HttpError::Timeout { phase: "connect", limit: Duration::from_secs(8) })),
        ),
        ("large", "ambiguous", Class::Schema, Box::new(broken(HttpError::TooLarge { what: "larger than allowed" }))),
    ];
    for (name, expected, class, make) in cases {
        let outcome = outcome_of(unbind(), make).await;
        assert_eq!(word(&outcome), expected, "{name}: {outcome:?}");
        let (Outcome::Rejected(failure) | Outcome::Ambiguous(failure)) = &outcome else { continue };
        assert_eq!(failure.class, class, "{name}: {failure:?}");
    }
    let outcome = outcome_of(unbind(), || json(200, r#"{"RequestId":"R-1"}"#)).await;
    assert_eq!((word(&outcome), outcome.request_id()), ("acked", "R-1"));
}

#[tokio::test]
async fn products_have_refusals_of_their_own() {
    let protect = || vpc::eip_deletion_protection(&PERMIT, "cn-hangzhou", "eip-1", true, "t");
    let unbind_cluster = || cs::unbind_api_server_eip(&PERMIT, "cn-hangzhou", "c1", "t");
    let delete = || slb::delete_acl(&PERMIT, "cn-hangzhou", "acl-1");
    for (write, status, code, expected) in [
        (protect(), 400, "DeletionProtection.AlreadyEnabled", "rejected"),
        (unbind(), 400, "DeletionProtection.AlreadyEnabled", "ambiguous"),
        (unbind_cluster(), 404, "ErrorClusterNotFound", "rejected"),
        (unbind_cluster(), 400, "OperationConflict", "rejected"),
        (unbind(), 400, "OperationConflict", "ambiguous"),
        (delete(), 404, "AclNotExist", "rejected"),
        (delete(), 400, "AclInUsed", "rejected"),
        (delete(), 400, "OperationBusy", "ambiguous"),
        (delete(), 500, "AclInUsed", "ambiguous"),
    ] {
        let action = write.operation().action();
        let outcome = outcome_of(write, move || fault(status, code)).await;
        assert_eq!(word(&outcome), expected, "{action} {status} {code}: {outcome:?}");
    }
    let words = || json(400, r#"{"code":"Throttle","message":"QPS Limit Exceeded","requestId":"R"}"#);
    assert_eq!(word(&outcome_of(unbind_cluster(), words).await), "rejected");
    let wait = || with_header(fault(400, "Throttling"), "x-acs-retry-after", "7000");
    let Outcome::Rejected(failure) = outcome_of(unbind(), wait).await else { panic!("throttling is a refusal") };
    assert_eq!(failure.wait, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_write_leaves_once_whatever_becomes_of_it() {
    for answer in ["503", "reset", "throttle"] {
        let sent = Log::default();
        let seen = sent.clone();
        let client = client(move |number, request| {
            seen.push((number, request.is_fresh));
            match answer {
                "503" => fault(503, "ServiceUnavailable"),
                "reset" => Err(HttpError::Reset { reason: "reset".into() }),
                _ => fault(400, "Throttling.User"),
            }
        });
        let signed = client.sign_write(&account(), unbind(), Utc::now()).await.expect("a signed write");
        assert_eq!(sent.all(), [], "signing sends nothing");
        client.send_write(signed).await;
        assert_eq!(sent.all(), [(0, true)], "{answer}: once, and on a connection of its own");
    }
}

#[tokio::test]
async fn the_signature_says_until_when_it_can_take_effect() {
    let seen = Log::default();
    let log = seen.clone();
    let client = client(move |_, request| {
        log.push(header(request, "x-acs-date"));
        json(200, r#"{"RequestId":"R-1"}"#)
    });
    let asked = DateTime::from_timestamp_millis(1_767_225_600_999).expect("a date");
    let signed = client.sign_write(&account(), unbind(), asked).await.expect("a signed write");
    let (at, until) = (signed.signed_at(), signed.refused_from());
    assert_eq!(at.timestamp(), 1_767_225_600, "never later than it was asked for");
    assert_eq!((until - at, signed.keys_end()), (TimeDelta::minutes(15), None));
    client.send_write(signed).await;
    assert_eq!(seen.all(), [Some(at.format("%Y-%m-%dT%H:%M:%SZ").to_string())]);
}

#[tokio::test]
async fn the_clocks_difference_is_known_after_any_answer() {
    let client = client(|_, _| with_header(json(200, "{}"), "date", "Thu, 01 Jan 2026 00:00:00 GMT"));
    assert_eq!(client.clock_skew(), None);
    let signed = client.sign_write(&account(), unbind(), Utc::now()).await.expect("a signed write");
    client.send_write(signed).await;
    let skew = client.clock_skew().expect("an answer with a date");
    let expected = DateTime::from_timestamp(1_767_225_600, 0).expect("a date") - Utc::now();
    assert!((skew - expected).abs() < TimeDelta::seconds(5), "{skew}");
}

#[tokio::test]
async fn plain_http_goes_to_this_machine_only() {
    for (url, is_allowed) in
        [("http://127.0.0.1:1", true), ("http://[::1]:1", true), ("https://vpc.aliyuncs.com", true)]
    {
        let endpoints = Endpoints::default().with_endpoint_url(url).expect("an endpoint");
        let http = testing::context(NoHttp, RealClock::default());
        let client = Client::new(http, endpoints, Settings::default());
        assert_eq!(client.sign_write(&account(), unbind(), Utc::now()).await.is_ok(), is_allowed, "{url}");
    }
    let target = |base: &str| Target { host: "vpc.aliyuncs.com".to_owned(), base: base.to_owned() };
    for base in
        ["http://vpc.aliyuncs.com", "http://192.0.2.1:80", "http://localhost.example.com", "ftp://127.0.0.1", ""]
    {
        assert!(check_scheme(&target(base), "X").is_err(), "{base}");
    }
}

struct NoHttp;

impl crate::cloud::context::Http for NoHttp {
    fn send(&self, _: HttpRequest) -> futures::future::BoxFuture<'_, Answer> {
        Box::pin(async { Err(HttpError::Reset { reason: "nobody is there".into() }) })
    }
}

#[test]
fn every_operation_is_listed_and_by_post_or_put() {
    let requests = [
        unbind(),
        servicemesh::bind_eip(&PERMIT, "m", Slot::CanaryPilot, "eip-1"),
        servicemesh::unbind_eip(&PERMIT, "m", Slot::ApiServer),
        cs::bind_api_server_eip(&PERMIT, "r", "c", "eip-1", "t"),
        vpc::eip_deletion_protection(&PERMIT, "r", "eip-1", false, "t"),
        vpc::tag_eip(&PERMIT, "r", "eip-1", "k", "v"),
        vpc::untag_eip(&PERMIT, "r", "eip-1", "k"),
        slb::create_acl(&PERMIT, "r", "name", Family::Ipv4),
        slb::add_acl_entries(&PERMIT, "r", "acl-1", &[]),
        slb::delete_acl(&PERMIT, "r", "acl-1"),
    ];
    let on = AccessControl::On { acl_type: AclType::White, acl_id: "acl-1".to_owned() };
    let listener = slb::set_tcp_listener_access_control(&PERMIT, "r", "lb-1", 6443, &on);
    let mut built: Vec<_> = requests.iter().chain([&listener]).map(|request| request.operation().action()).collect();
    built.sort_unstable();
    built.dedup();
    let mut listed: Vec<_> = api::OPERATIONS.iter().map(WriteOperation::action).collect();
    listed.sort_unstable();
    assert_eq!(built, listed);
    assert!(api::OPERATIONS.iter().all(|operation| operation.method() != Method::Get));
}

/// Keys that cannot be renewed sign only what is over before they end.
#[tokio::test]
async fn a_write_waits_for_no_keys_that_end_before_it_is_settled() {
    let end = Utc::now() + TimeDelta::minutes(10);
    let keys = Credentials {
        access_key_id: "STS.test".to_owned(),
        access_key_secret: "testsecret".into(),
        security_token: Some("token".into()),
        expiration: Some(end),
    };
    let account = Account::new("a", std::sync::Arc::new(StaticProvider::new("test", keys)));
    let client = client(|_, _| json(200, "{}"));
    let signed = |until: Option<DateTime<Utc>>| {
        let write = unbind();
        client.sign_write(&account, until.map_or(write.clone(), |until| write.with_keys_until(until)), Utc::now())
    };
    assert_eq!(signed(None).await.expect("signed").keys_end(), Some(end));
    assert_eq!(signed(Some(end)).await.expect("signed").keys_end(), Some(end));
    let refused = signed(Some(end + TimeDelta::seconds(1))).await.expect_err("not signed");
    assert!(refused.to_string().contains("the keys end"), "{refused}");
}
