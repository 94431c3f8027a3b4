//! What an answer is worth when the network or the cloud misbehaves, and what really became of the write.

use portcullis::cloud::{api::vpc as vpc_reads, write::Outcome};
use serde_json::{Value, json};

use crate::harness::{Cloud, REGION, bind_pilot, unbind_pilot};

/// Kind of the fault, and then: what our client makes of it, its code, and whether the EIP left in the end.
const CASES: [(&str, &str, &str, bool); 17] = [
    ("throttle", "rejected", "Throttling.User", false),
    ("deny", "rejected", "Forbidden.RAM", false),
    ("bad-signature", "rejected", "SignatureDoesNotMatch", false),
    ("clock-skew", "rejected", "InvalidTimeStamp.Expired", false),
    ("http-429", "ambiguous", "not-json", true),
    ("http-503", "ambiguous", "ServiceUnavailable", false),
    ("internal-error", "ambiguous", "InternalError", false),
    ("applied-then-500", "ambiguous", "InternalError", true),
    ("reset", "ambiguous", "reset", true),
    ("reset-mid-body", "ambiguous", "reset-mid-body", true),
    ("reset-before-effect", "ambiguous", "reset", false),
    ("garbage", "ambiguous", "not-json", true),
    ("truncate", "ambiguous", "not-json", true),
    ("html", "ambiguous", "not-json", true),
    ("inner-403", "ambiguous", "403", true),
    ("accepted-never-applied", "acked", "", false),
    ("applied-late", "acked", "", true),
];

#[tokio::test]
async fn an_answer_says_no_more_than_it_can() {
    for (kind, expected, code, leaves) in CASES {
        let cloud = Cloud::with_faults(json!([{"kind": kind, "action": "ModifyPilotEipResource", "ms": 60_000}]));
        let found = match cloud.send(unbind_pilot()).await {
            Outcome::Acked(_) => ("acked", String::new()),
            Outcome::Rejected(failure) => ("rejected", failure.code),
            Outcome::Ambiguous(failure) => ("ambiguous", failure.code),
        };
        assert_eq!(found, (expected, code.to_owned()), "{kind}");
        if kind == "applied-late" {
            cloud.pass();
            assert_eq!(cloud.binding("eip-pilot").await.0, "InUse", "{kind}: not before its time");
            cloud.server.advance(std::time::Duration::from_secs(60));
        }
        cloud.server.snapshot();
        cloud.pass();
        let status = cloud.binding("eip-pilot").await.0;
        assert_eq!(status, if leaves { "Available" } else { "InUse" }, "{kind}");
    }
}

#[tokio::test]
async fn no_answer_may_mean_anything() {
    for (kind, effect, leaves) in [
        ("timeout-before-effect", "lost", false),
        ("timeout-after-effect", "applied", true),
        ("late-landing", "delayed", true),
    ] {
        let fault = json!([{"kind": kind, "action": "ModifyPilotEipResource", "ms": 840_000}]);
        let cloud = Cloud::hasty(fault);
        let Outcome::Ambiguous(failure) = cloud.send(unbind_pilot()).await else {
            panic!("{kind}: no answer is no answer")
        };
        assert_eq!(failure.code, "timeout", "{kind}");
        assert_eq!(cloud.effects(1).await, [effect], "{kind}");
        if kind == "late-landing" {
            assert_eq!(cloud.changes(), Vec::<String>::new(), "not before it lands");
            cloud.server.advance(std::time::Duration::from_secs(840));
        }
        assert_eq!(cloud.changes().is_empty(), !leaves, "{kind}");
        let changes = cloud.changes();
        let expected: &[&str] = if leaves { &["eip-pilot eip-unassociating"] } else { &[] };
        assert_eq!(changes, expected, "{kind}");
    }
}

#[tokio::test]
async fn what_never_left_has_no_effect() {
    let (client, account) = Cloud::new().gone();
    let signed = client.sign_write(&account, unbind_pilot(), chrono::Utc::now()).await.unwrap();
    let Outcome::Rejected(failure) = client.send_write(signed).await else { panic!("nobody was there to take it") };
    assert_eq!(failure.code, "not-sent");
}

#[tokio::test]
async fn a_request_that_lands_late_takes_what_it_finds() {
    // It was meant for another EIP, which a console user has swapped by then.
    let cloud =
        Cloud::hasty(json!([{"kind": "late-landing", "action": "ModifyPilotEipResource", "ms": 600_000, "times": 1}]));
    assert!(matches!(cloud.send(unbind_pilot()).await, Outcome::Ambiguous(_)));
    cloud.effects(1).await;
    cloud.acked(bind_pilot("eip-spare")).await;
    cloud.pass();
    cloud.server.snapshot();
    cloud.pass();
    assert_eq!(cloud.pilot().await, json!(["eip-spare", true, "203.0.113.9:15011"]));
    cloud.server.advance(std::time::Duration::from_secs(600));
    cloud.server.snapshot();
    cloud.pass();
    assert_eq!(cloud.binding("eip-spare").await.0, "Available");
    assert_eq!(cloud.pilot().await, json!(["", false, ""]));
}

#[tokio::test]
async fn reads_may_be_behind_a_write() {
    let stale = json!([{"kind": "stale-read", "action": "DescribeEipAddresses", "ms": 2_000, "times": 1}]);
    let cloud = Cloud::with_faults(stale);
    cloud.acked(unbind_pilot()).await;
    let seen = |reply: &Value| reply["EipAddresses"]["EipAddress"][0]["Status"].clone();
    let eip = || vpc_reads::describe_eip_addresses_by_id(REGION, &["eip-pilot".to_owned()]);
    let (first, second) = (cloud.read(eip()).await, cloud.read(eip()).await);
    assert_eq!((seen(&first), seen(&second)), (json!("InUse"), json!("Unassociating")));
}

#[tokio::test]
async fn a_write_fault_can_be_for_one_resource() {
    let cloud = Cloud::with_faults(
        json!([{"kind": "deny", "match": {"ServiceMeshId": "m-locked"}}, {"kind": "deny", "match": {"api_server_eip": "true"}}]),
    );
    cloud.acked(unbind_pilot()).await;
    let cluster = portcullis::cloud::api::write::cs::bind_api_server_eip;
    let bind = cluster(&crate::harness::PERMIT, REGION, "c1", "eip-spare", "t");
    assert_eq!(cloud.refused(bind).await, ("Forbidden.RAM".to_owned(), "rejected"));
}
