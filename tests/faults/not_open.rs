//! Row 34 of reliability.md 2.2: a product that says that it is not open, or does not serve the region, is believed where
//! nothing speaks against it, and nowhere else.

use serde_json::{Value, json};

use crate::harness::{Case, block_on, fault, judge};

const HANGZHOU: &str = "cn-hangzhou";

/// The clean world, changed, with the list not served; what the report says.
fn not_served(operation: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut world = Case::named("clean");
    change(&mut world.document["accounts"][0]);
    let document = world.with_lasting(fault(operation, "region-not-served", 0));
    block_on(judge(&document, &[])).unwrap().report
}

/// State and code of the list's gap, by region.
fn gaps<'a>(report: &'a Value, operation: &str) -> Vec<(&'a str, &'a str, &'a str)> {
    let gaps = report["coverage"]["gaps"].as_array().unwrap().iter();
    let word = |gap: &'a Value, name: &str| gap[name].as_str().unwrap();
    gaps.filter(|gap| gap["operation"] == operation && gap["resource_id"] == "")
        .map(|gap| (word(gap, "region_id"), word(gap, "state"), word(gap, "code")))
        .collect()
}

fn exposures(report: &Value) -> Vec<&str> {
    report["endpoints"].as_array().unwrap().iter().map(|one| one["exposure"].as_str().unwrap()).collect()
}

/// A public balancer of Hangzhou that nobody claims, and the port to which it forwards.
fn add_balancer(account: &mut Value, port: u16, backend: u16) {
    account["slb"]["load_balancers"].as_array_mut().unwrap().push(json!({
        "LoadBalancerId": "lb-nobody", "LoadBalancerName": "x", "Address": "47.96.1.2", "AddressType": "internet",
        "AddressIPVersion": "ipv4", "LoadBalancerStatus": "active", "RegionId": HANGZHOU, "VpcId": "",
        "Tags": {"Tag": []}
    }));
    account["slb"]["listeners"].as_array_mut().unwrap().push(json!({
        "LoadBalancerId": "lb-nobody", "ListenerPort": port, "BackendServerPort": backend, "ListenerProtocol": "tcp", "Status": "running",
        "AclStatus": "off", "AclType": "", "AclIds": []
    }));
}

/// Meshes whose balancers face the internet, in regions whose load balancing is said not to be open: nothing else tells
/// that they are public.
#[test]
fn a_control_plane_needs_a_balancer_whatever_the_product_says() {
    let report = not_served("DescribeLoadBalancers", |account| {
        for balancer in account["slb"]["load_balancers"].as_array_mut().unwrap() {
            balancer["AddressType"] = json!("internet");
            balancer["Address"] = json!("47.96.1.1");
        }
        account["cs"]["clusters"] = json!([]);
        account["servicemesh"]["clusters"] = json!({});
    });
    assert_eq!(
        gaps(&report, "DescribeLoadBalancers"),
        [(HANGZHOU, "denied", "not-open"), ("eu-central-1", "denied", "not-open")]
    );
    assert_eq!(exposures(&report), ["unknown"; 4]);
    assert_eq!((&report["verdict"], &report["coverage"]["complete"]), (&json!("unknown"), &json!(false)));
}

#[test]
fn a_cluster_behind_a_network_balancer_speaks_against_who_has_none() {
    let report = not_served("ListLoadBalancers", |account| {
        let eip = json!({"AllocationId": "eip-nlb", "IpAddress": "47.96.1.3", "Status": "InUse",
            "InstanceId": "nlb-somewhere", "InstanceType": "SlbInstance", "RegionId": HANGZHOU});
        account["vpc"]["eips"].as_array_mut().unwrap().push(eip);
    });
    let of_hangzhou = gaps(&report, "ListLoadBalancers").into_iter().find(|(region, ..)| *region == HANGZHOU);
    assert_eq!(of_hangzhou, Some((HANGZHOU, "denied", "not-open")));
    assert_eq!(report["coverage"]["complete"], false);
}

/// The finding about the balancer that nobody names stays what it is.
#[test]
fn a_balancer_that_looks_like_a_control_plane_speaks_against_the_product_that_would_have_made_it() {
    for (operation, region, port, backend) in [
        ("DescribeClustersV1", HANGZHOU, 6443, 6443),
        ("DescribeServiceMeshes", "", 15012, 15012),
        ("DescribeClustersV1", HANGZHOU, 443, 6443),
        ("DescribeServiceMeshes", "", 8443, 15012),
    ] {
        let report = not_served(operation, |account| {
            add_balancer(account, port, backend);
            account["servicemesh"]["meshes"] = json!([]);
            account["servicemesh"]["clusters"] = json!({});
        });
        let found = gaps(&report, operation);
        let doubted: Vec<_> = found.iter().filter(|(_, state, _)| *state == "denied").collect();
        assert_eq!(doubted, [&(region, "denied", "not-open")], "{operation}");
        let findings = report["findings"].as_array().unwrap().iter();
        let status = findings.filter(|one| one["resource_id"] == "lb-nobody").map(|one| &one["status"]);
        assert_eq!(status.collect::<Vec<_>>(), ["open"], "{operation}");
        assert_eq!(report["verdict"], "fail", "{operation}");
    }
}

/// Any other public balancer says nothing about clusters and meshes.
#[test]
fn a_product_is_believed_where_nothing_speaks_against_it() {
    for operation in ["DescribeClustersV1", "DescribeServiceMeshes"] {
        let report = not_served(operation, |account| {
            add_balancer(account, 443, 8443);
            account["servicemesh"]["meshes"] = json!([]);
            account["servicemesh"]["clusters"] = json!({});
        });
        assert!(gaps(&report, operation).iter().all(|(_, state, _)| *state == "not-served"), "{operation}");
        assert_eq!(
            (&report["verdict"], &report["coverage"]["complete"]),
            (&json!("pass"), &json!(true)),
            "{operation}"
        );
    }
}
