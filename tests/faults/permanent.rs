//! Trouble that stays: each operation of the demo's scan fails in each way for good. The report is
//! made all the same, says that it is not whole, and nothing in it looks better than it is.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::json;

use crate::{
    harness::{Case, block_on, complaints, fault, judge, reads},
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

/// With pages of three items, so that the lists have several.
#[test]
fn nothing_looks_better_while_pages_are_wrong() {
    let mut demo = Case::named("demo");
    demo.document["behaviour"] = json!({"page_cap": 3});
    let reads = block_on(reads(&demo.document));
    assert!(reads.paged.contains("DescribeEipAddresses") && reads.paged.contains("DescribeSecurityGroupAttribute"));
    nothing_looks_better(&demo, &reads.paged, &OF_PAGES);
}

/// Reads that ask for one object by its id: one that is not found is missing, and a path over it is broken or
/// cannot be told.
const OF_THE_NETWORK: [&str; 3] = ["DescribeVpcs", "ListTransitRouters", "ListTransitRouterVpcAttachments"];

fn nothing_looks_better(world: &Case, actions: &BTreeSet<String>, kinds: &[&'static str]) {
    let calm = block_on(judge(&world.document, &world.planted.trusted)).unwrap();
    assert_eq!(calm.said, world.planted.said());
    let before = Arc::new((Standing::of(&calm.report), calm.said));
    let cases: Vec<_> = actions
        .iter()
        .flat_map(|action| kinds.iter().map(move |kind| (action.clone(), *kind)))
        .map(|(action, kind)| {
            let document = world.with_lasting(fault(&action, kind, 0));
            (action, kind, document, Arc::clone(&before))
        })
        .collect();
    let wrong = complaints(cases, |(action, kind, document, before)| async move {
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
        if !matches!(judged.said.exit, 3 | 4) {
            wrong.push(format!("exit {}", judged.said.exit));
        }
        wrong.into_iter().map(|what| format!("{name}: {what}")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
