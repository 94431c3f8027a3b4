//! The signature is the fence: what is signed and not sent in time never takes effect.

use std::time::Duration;

use portcullis::cloud::write::Outcome;

use crate::harness::{Cloud, unbind_pilot};

#[tokio::test]
async fn a_signature_ends_after_a_quarter_of_an_hour() {
    for (minutes, is_taken) in [(14, true), (16, false)] {
        let cloud = Cloud::new();
        let signed = cloud.client().sign_write(cloud.account(), unbind_pilot(), chrono::Utc::now()).await.unwrap();
        cloud.server.advance(Duration::from_secs(minutes * 60));
        let outcome = cloud.client().send_write(signed).await;
        match outcome {
            Outcome::Acked(_) => assert!(is_taken, "after {minutes} minutes"),
            Outcome::Rejected(failure) => {
                assert_eq!((is_taken, failure.code.as_str()), (false, "InvalidTimeStamp.Expired"))
            }
            Outcome::Ambiguous(failure) => panic!("{failure:?}"),
        }
        assert_eq!(cloud.changes().is_empty(), !is_taken);
    }
}

#[tokio::test]
async fn a_request_that_is_held_back_for_too_long_never_lands() {
    let fault = serde_json::json!([{"kind": "late-landing", "action": "ModifyPilotEipResource", "ms": 901_000}]);
    let cloud = Cloud::hasty(fault);
    assert!(matches!(cloud.send(unbind_pilot()).await, Outcome::Ambiguous(_)));
    assert_eq!(cloud.effects(1).await, ["expired"]);
    cloud.server.advance(Duration::from_secs(1200));
    assert_eq!(cloud.changes(), Vec::<String>::new());
}

#[tokio::test]
async fn the_clouds_clock_shows_in_any_answer() {
    let cloud = Cloud::new();
    cloud.server.advance(Duration::from_secs(120));
    cloud.pilot().await;
    let skew = cloud.client().clock_skew().unwrap();
    assert!((118..=121).contains(&skew.num_seconds()), "{skew}");
}

#[tokio::test]
async fn the_audit_trail_names_who_wrote() {
    let cloud = Cloud::new();
    let ack = cloud.acked(unbind_pilot()).await;
    let end = chrono::Utc::now() + chrono::TimeDelta::minutes(1);
    let request = portcullis::cloud::api::actiontrail::lookup_events(
        "cn-hangzhou",
        "ModifyPilotEipResource",
        end - chrono::TimeDelta::hours(1),
        end,
    );
    let events = cloud.read(request).await;
    let event = &events["Events"][0];
    assert_eq!((&event["eventId"], &event["resourceName"]), (&ack.request_id.into(), &"m1".into()));
    assert_eq!(event["userIdentity"]["accessKeyId"], "testid");
}
