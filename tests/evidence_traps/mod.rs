//! Traps 41 to 43 of alibaba-api.md section 17. They are about logs and their windows, which count back from the time
//! of the scan, so that no shipped world with dates of its own can hold them.

use portcullis::model::{Inventory, Need, Observer, StalenessVerdict, Traffic};
use serde_json::{Value, json};

use crate::{
    DAY, FAR_EGRESS, NOW, api_server, awake_and, event, far, flow, flow_log, gaps, log, nodes, of_vpc, pilot, request,
    scan_of, whole_window_and, with_audit, with_fault, with_flows, world,
};

fn bound(id: &str, at: &str, eip: &str) -> Value {
    let parameters = json!({"ServiceMeshId": "c0mesh", "Operation": "BindEip", "EipId": eip});
    event(id, "ModifyPilotEipResource", "cn-shanghai", at, &parameters)
}

async fn scan_with_events(events: Vec<Value>) -> Inventory {
    let mut world = world();
    world["accounts"][0]["actiontrail"]["events"] = events.into();
    scan_of(&world).await
}

/// Trap 41: asked without times the trail answers for seven days, it holds ninety, and a page has fifty.
#[tokio::test]
async fn who_bound_an_eip_is_found_as_far_back_as_the_trail_goes() {
    for (at, is_found) in
        [("2026-06-22T00:00:00Z", true), ("2026-04-01T00:00:00Z", true), ("2026-03-31T23:59:59Z", false)]
    {
        let others = (0..120).map(|number| bound(&format!("other-{number}"), "2026-06-23T00:00:00Z", "eip-other"));
        let inventory = scan_with_events(others.chain([bound("e1", at, "eip-pilot")]).collect()).await;
        let author = pilot(&inventory).bound_by.map(|binding| binding.event_id);
        assert_eq!(author.as_deref(), is_found.then_some("e1"), "bound at {at}");
        let events: usize = inventory.trails().iter().map(|trail| trail.bindings.len()).sum();
        assert_eq!(events, 120 + usize::from(is_found), "no page is left out, and none counts twice");
        assert!(inventory.trails().iter().all(|trail| trail.complete));
    }
}

/// Trap 42: partial results come with status 200. They are asked for again, and are whole only when they say so.
#[tokio::test]
async fn partial_results_are_asked_for_again() {
    let mut world = with_fault(with_audit(awake_and(&[])), "GetLogsV2", "empty-page");
    world["faults"][0]["times"] = json!(1);
    world["faults"][0]["match"] = json!({"logstore": "audit-c2api"});
    let once = scan_of(&world).await;
    world["faults"][0]["times"] = json!(0);
    let always = scan_of(&world).await;
    let whole = |inventory: &Inventory| log(inventory, Observer::Cluster).is_some_and(|log| log.complete);
    assert!(whole(&once) && !whole(&always));
    assert_eq!(api_server(&once).staleness.verdict, StalenessVerdict::Stale);
    assert_eq!(api_server(&always).staleness.verdict, StalenessVerdict::Unknown);
    let is_told = |inventory: &Inventory| gaps(inventory).contains(&"GetLogsV2 c2api failed log-incomplete".to_owned());
    assert!(!is_told(&once) && is_told(&always));
}

/// Trap 42: a query that names no limit is answered with 100 rows.
#[tokio::test]
async fn more_than_a_hundred_users_are_all_there() {
    let user = |number: u8| request(&format!("198.51.100.{number}"), &format!("user-{number}"), "200", 1);
    let records = awake_and(&(1..=150).map(user).collect::<Vec<_>>());
    let staleness = api_server(&scan_of(&with_audit(records)).await).staleness;
    assert_eq!(staleness.consumers.len(), 150);
    assert!(staleness.proposal_complete);
}

/// Trap 42, its other end: where even the limit that is named is reached, some row may be missing.
#[tokio::test]
async fn a_log_with_more_rows_than_its_limit_never_says_that_nobody_came() {
    for (rows, verdict) in [(9_999, StalenessVerdict::Stale), (10_001, StalenessVerdict::Unknown)] {
        // The first is always there.
        let node = |number: usize| request("10.1.0.20", &format!("system:node:n{number}"), "200", 1);
        let inventory = scan_of(&with_audit(awake_and(&(1..=rows).map(node).collect::<Vec<_>>()))).await;
        assert_eq!(api_server(&inventory).staleness.verdict, verdict, "{rows} rows");
    }
}

/// Trap 42: the window holds its first second and not its last, so that two scans in a row count nothing twice.
#[tokio::test]
async fn the_window_is_half_open() {
    let at = |seconds: i64| {
        let mut record = request("198.51.100.20", "alice", "200", 0);
        record["__time__"] = seconds.to_string().into();
        record
    };
    for (seconds, is_seen) in [(NOW - 30 * DAY, true), (NOW - 30 * DAY - 1, false), (NOW - 1, true), (NOW, false)] {
        let records = [nodes(30, 1), vec![at(seconds)]].concat();
        let staleness = api_server(&scan_of(&with_audit(records.into())).await).staleness;
        assert_eq!(staleness.consumers.len(), usize::from(is_seen), "{} s before the scan", NOW - seconds);
    }
}

/// Trap 43: the balancer's own side is in no flow log. That of its VPC is whole without it, and says nothing of who
/// comes in from elsewhere.
#[tokio::test]
async fn the_flow_log_around_the_balancer_says_nothing_of_its_clients() {
    for more in [&[][..], &[flow(FAR_EGRESS, 3, 15012)]] {
        let records = of_vpc(whole_window_and(more), "vpc-1");
        let around = scan_of(&with_flows(json!([flow_log("VPC", "vpc-1", "All")]), records.clone())).await;
        let pilot_judged = pilot(&around);
        assert_eq!(far(&pilot_judged), (Need::Needed, Traffic::NotAvailable, 80), "{records}");
        assert!(pilot_judged.staleness.silent.is_empty() && pilot_judged.staleness.unexpected.is_empty());
    }
}
