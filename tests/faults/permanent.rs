//! Trouble that stays: each operation of the demo's scan fails in each way for good. The report is
//! made all the same, says that it is not whole, and nothing in it looks better than it is.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use crate::{
    harness::{Case, block_on, chosen, complaints, fault, judge, reads},
    standing::Standing,
};

/// What hides a reply, or makes it useless.
const STAYING: [&str; 11] = [
    "throttle",
    "http-429",
    "http-503",
    "reset",
    "deny",
    "not-found",
    "garbage",
    "html",
    "truncate",
    "expired-token",
    "inner-403",
];

/// What spoils the pages of a list.
const OF_PAGES: [&str; 3] = ["empty-page", "repeat-token", "shift-page"];

#[test]
fn nothing_looks_better_while_an_operation_fails() {
    let demo = Case::named("demo");
    let reads = block_on(reads(&demo.document));
    nothing_looks_better(&demo, &reads.actions, &STAYING);
}

/// A product that says of itself that it is not open: what was read of the others tells that it has something there.
#[test]
fn nothing_looks_better_while_a_product_says_that_it_is_not_open() {
    const LISTS: [&str; 5] = [
        "DescribeServiceMeshes",
        "DescribeClustersV1",
        "DescribeEipAddresses",
        "DescribeLoadBalancers",
        "ListLoadBalancers",
    ];
    nothing_looks_better(&Case::named("demo"), &LISTS.map(str::to_owned).into(), &["region-not-served"]);
}

/// With pages of three items, so that the lists have several.
#[test]
fn nothing_looks_better_while_pages_are_wrong() {
    let mut demo = Case::named("demo");
    demo.document["behaviour"] = json!({"page_cap": 3});
    let reads = block_on(reads(&demo.document));
    assert!(reads.paged.contains("DescribeEipAddresses") && reads.paged.contains("DescribeSecurityGroupAttribute"));
    nothing_looks_better(&demo, &reads.paged, &OF_PAGES);
}

/// A read that is refused, one that says that there is nothing, one that never comes back, and one that is not understood.
const BETWEEN_NETWORKS: [&str; 4] = ["deny", "not-found", "reset", "garbage"];

/// The world whose networks take the most operations to read, with no more meshes than take them all.
#[test]
fn nothing_looks_better_while_a_read_between_networks_fails() {
    const LEFT_OUT: [&str; 4] = ["-no-association", "-blackhole", "-prohibited", "-no-route"];
    let mut world = Case::named("path-transit-router");
    let whole = block_on(reads(&world.document)).actions;
    let products = world.document["accounts"][0].as_object_mut().unwrap().values_mut();
    for list in products.filter_map(Value::as_object_mut).flat_map(|product| product.values_mut()) {
        let Some(items) = list.as_array_mut() else { continue };
        items.retain(|item| !LEFT_OUT.iter().any(|name| item.to_string().contains(name)));
    }
    let reads = block_on(reads(&world.document));
    assert_eq!(reads.actions, whole);
    assert!(whole.contains("ListTransitRouterRouteTableAssociations") && whole.contains("DescribeNatGateways"));
    nothing_looks_better(&world, &reads.actions, &BETWEEN_NETWORKS);
}

/// Reads that ask for one object by its id: one that is not found is missing, and a path over it is broken or
/// cannot be told.
const OF_THE_NETWORK: [&str; 4] =
    ["DescribeVpcs", "ListTransitRouters", "ListTransitRouterPeerAttachments", "ListTransitRouterVpcAttachments"];

fn nothing_looks_better(world: &Case, actions: &BTreeSet<String>, kinds: &[&'static str]) {
    let calm = block_on(judge(&world.document, &world.planted.trusted)).unwrap();
    let planted = world.planted.said();
    assert!(calm.said.endpoints.is_subset(&planted.endpoints) && calm.said.findings.is_subset(&planted.findings));
    let before = Arc::new((Standing::of(&calm.report), calm.said));
    let cases: Vec<_> = actions
        .iter()
        .flat_map(|action| kinds.iter().map(move |kind| (action.clone(), *kind)))
        .map(|(action, kind)| {
            let document = world.with_lasting(fault(&action, kind, 0));
            (action, kind, document, Arc::clone(&before))
        })
        .collect();
    let wrong = complaints(chosen(cases), |(action, kind, document, before)| async move {
        let name = format!("{action} under {kind}");
        let Some(judged) = judge(&document, &[]).await else {
            let lost = action == "GetCallerIdentity";
            return if lost { Vec::new() } else { vec![format!("{name}: nothing could be read")] };
        };
        let after = Standing::of(&judged.report);
        let mut wrong = after.better_than(&before.0);
        // Lists of one page do not notice what is wrong with the next.
        let harmless = OF_PAGES.contains(&kind) && judged.said == before.1;
        // Of the network, what a whole reply does not hold is not there.
        let absent = kind == "not-found" && OF_THE_NETWORK.contains(&action.as_str());
        if !harmless && !absent && !after.has_new_gap(&before.0) {
            wrong.push("no gap tells of it".to_owned());
        }
        // Beyond what is not there nothing more is read, so that nothing else may have been refused.
        let is_whole = absent && judged.said.exit == 1;
        if !is_whole && !matches!(judged.said.exit, 3 | 4) {
            wrong.push(format!("exit {}", judged.said.exit));
        }
        wrong.into_iter().map(|what| format!("{name}: {what}")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
