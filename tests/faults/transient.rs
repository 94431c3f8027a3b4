//! Trouble that passes: fewer repeats than attempts, on every operation in every region of every
//! shipped world. What was planted is found, no more and no less.

use std::sync::Arc;

use crate::{
    harness::{Case, Reads, block_on, chosen, complaints, fault, judge, reads},
    ledger::difference,
};

/// One less than the attempts that reliability.md 2.2 gives the kind: five for what is busy or
/// breaks off, three for what cannot be parsed. Throttling is bounded by time instead.
const PASSING: [(&str, u32); 9] = [
    ("throttle", 3),
    ("http-429", 3),
    ("http-503", 3),
    ("internal-error", 4),
    ("reset", 4),
    ("reset-mid-body", 4),
    ("truncate", 2),
    ("garbage", 2),
    ("html", 2),
];

#[test]
fn trouble_that_passes_changes_nothing_in_any_world() {
    let worlds: Vec<Arc<Case>> = Case::all().into_iter().map(Arc::new).collect();
    assert!(worlds.len() >= 29, "the worlds are not embedded");
    let cases: Vec<_> = worlds
        .into_iter()
        .flat_map(|case| {
            let reads = Arc::new(block_on(reads(&case.document)));
            PASSING.map(|passing| (Arc::clone(&case), Arc::clone(&reads), passing))
        })
        .collect();
    let wrong =
        complaints(
            chosen(cases),
            |(case, reads, (kind, times))| async move { passes(&case, &reads, kind, times).await },
        );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn passes(case: &Case, reads: &Reads, kind: &str, times: u32) -> Vec<String> {
    let faults = reads.all.iter().map(|(action, region)| {
        let mut fault = fault(action, kind, times);
        fault["region_id"] = region.as_str().into();
        fault
    });
    let Some(judged) = judge(&case.with(faults), &case.planted.trusted).await else {
        return vec![format!("{} under {kind}: nothing could be read", case.name)];
    };
    let mut wrong = Vec::new();
    if judged.said != case.planted.said() {
        wrong.push(format!("{} under {kind}:\n{}", case.name, difference(&case.planted.said(), &judged.said)));
    }
    let retries = judged.report["run"]["retries"].as_u64().unwrap();
    if retries < reads.all.len() as u64 * u64::from(times) {
        wrong.push(format!("{} under {kind}: only {retries} retries", case.name));
    }
    wrong
}
