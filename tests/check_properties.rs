//! A plan that says less never looks cleaner: every leaf of every plan in `tests/plans` is dropped, given another type, and
//! marked as known after apply, and what was exposed, open or unknown must not become private, restricted or clean.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use chrono::{DateTime, Utc};
use portcullis::{
    analysis,
    engine::RuleSet,
    findings::{self, GateSettings, RunVerdict},
    model::{Exposure, Inventory, NamedConsumers, PortVerdict, Severity, TrustedList},
    plan_input::{self, NOWHERE, Place},
};
use proptest::prelude::*;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

/// What a plan comes to.
struct Judged {
    verdict: RunVerdict,
    exposures: BTreeMap<String, Exposure>,
    /// True where some port of the endpoint is open, or may be.
    may_be_open: BTreeMap<String, bool>,
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn read(plan: &Value) -> Option<Inventory> {
    let place = Place { account_id: NOWHERE.into(), region_id: NOWHERE.into() };
    plan_input::read(plan.to_string().as_bytes(), &place, now()).ok().map(|planned| planned.inventory)
}

fn judge(inventory: Inventory, rules: &RuleSet) -> Judged {
    let judgements = analysis::judge(&inventory, &TrustedList::default(), &NamedConsumers::default());
    let (_, coverage) = inventory.into_ledger();
    let settings = GateSettings::new(now().date_naive(), coverage.complete());
    let findings = findings::apply(rules.evaluate(&judgements), &judgements, &settings);
    let outcome = findings::outcome(&findings, &coverage, &judgements, Severity::Low);
    let doubtful = |verdict| !matches!(verdict, PortVerdict::Restricted | PortVerdict::PrivateOnly);
    Judged {
        verdict: outcome.verdict,
        exposures: judgements.endpoints.iter().map(|it| (it.endpoint.id(), it.exposure)).collect(),
        may_be_open: judgements
            .endpoints
            .iter()
            .map(|it| (it.endpoint.id(), it.access.iter().any(|row| doubtful(row.verdict))))
            .collect(),
    }
}

fn plans() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans");
    let mut plans: Vec<(String, Value)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
        })
        .collect();
    plans.sort_by(|one, other| one.0.cmp(&other.0));
    plans
}

/// The pointers of all leaves.
fn leaves(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                leaves(field, &format!("{place}/{}", name.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, &format!("{place}/{index}"), found);
            }
        }
        _ => found.push(place.to_owned()),
    }
}

fn drop_leaf(plan: &mut Value, pointer: &str) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match plan.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.remove(&last.replace("~1", "/").replace("~0", "~"))),
        Value::Array(items) => drop(items.remove(last.parse().unwrap())),
        _ => unreachable!("only those have leaves"),
    }
}

/// Takes a planned value away and marks it as known after apply, as Terraform does both.
fn make_unknown(plan: &mut Value, pointer: &str) -> bool {
    let Some((resource, path)) = pointer.split_once("/values/") else { return false };
    let Some(address) = plan.pointer(&format!("{resource}/address")).cloned() else { return false };
    let changes = plan.get("resource_changes").and_then(Value::as_array);
    let Some(at) = changes.and_then(|changes| changes.iter().position(|change| change["address"] == address)) else {
        return false;
    };
    // What is in a list stays there as null, so that the rest keeps its place.
    if pointer.rsplit('/').next().is_some_and(|last| last.parse::<usize>().is_ok()) {
        *plan.pointer_mut(pointer).unwrap() = Value::Null;
    } else {
        drop_leaf(plan, pointer);
    }
    let mut mark = &mut plan["resource_changes"][at]["change"]["after_unknown"];
    for step in path.split('/') {
        mark = match step.parse::<usize>() {
            Ok(index) => {
                if !mark.is_array() {
                    *mark = json!([]);
                }
                let items = mark.as_array_mut().unwrap();
                while items.len() <= index {
                    items.push(json!({}));
                }
                &mut items[index]
            }
            Err(_) => {
                if !mark.is_object() {
                    *mark = Value::Object(Map::new());
                }
                mark.as_object_mut().unwrap().entry(step).or_insert(Value::Null)
            }
        };
    }
    *mark = Value::Bool(true);
    true
}

/// Fails if the plan says less than it did and looks cleaner for it. Where it is refused, or nothing that it says is used,
/// there is nothing to compare.
fn compare(what: &str, (was, before): (&Inventory, &Judged), plan: &Value, rules: &RuleSet) {
    let Some(is) = read(plan).filter(|is| is != was) else { return };
    let after = judge(is, rules);
    if before.verdict != RunVerdict::Pass {
        assert!(after.verdict != RunVerdict::Pass, "{what}: {:?} became a pass", before.verdict);
    }
    for (id, exposure) in &before.exposures {
        // The region is a part of the id, and may be what was lost.
        let resource = id.rsplit('/').take(2).collect::<Vec<_>>();
        let found = after.exposures.iter().find(|(other, _)| other.rsplit('/').take(2).collect::<Vec<_>>() == resource);
        let Some((other, found)) = found else {
            assert!(after.verdict != RunVerdict::Pass, "{what}: {id} is gone from a clean plan");
            continue;
        };
        if *exposure != Exposure::Private {
            assert!(*found != Exposure::Private, "{what}: {id} was {exposure:?} and became private");
        }
        if before.may_be_open[id] {
            let still = after.may_be_open[other] || *found == Exposure::Unknown;
            assert!(still, "{what}: a port of {id} was open or unknown and became closed");
        }
    }
}

#[test]
fn a_plan_that_says_less_never_looks_cleaner() {
    let rules = RuleSet::embedded().unwrap();
    let tried = AtomicUsize::new(0);
    plans().into_par_iter().for_each(|(name, plan)| {
        let inventory = read(&plan).unwrap_or_else(|| panic!("{name} is a plan"));
        let judged = judge(inventory.clone(), &rules);
        let before = (&inventory, &judged);
        let mut pointers = Vec::new();
        leaves(&plan, "", &mut pointers);
        pointers.par_iter().for_each(|pointer| {
            let what = |how: &str| format!("{name} {pointer} {how}");
            let mut dropped = plan.clone();
            drop_leaf(&mut dropped, pointer);
            compare(&what("dropped"), before, &dropped, &rules);
            let is = plan.pointer(pointer).unwrap();
            for strange in [json!("strange"), json!(-7), json!([{"strange": {}}])] {
                // A text in the place of a text, or a container in the place of one, is another value, not another type.
                let same = (strange.is_string() && is.is_string())
                    || (strange.is_number() && is.is_number())
                    || is.is_null()
                    || is.is_array()
                    || is.is_object();
                if same {
                    continue;
                }
                let mut changed = plan.clone();
                *changed.pointer_mut(pointer).unwrap() = strange.clone();
                compare(&what(&format!("as {strange}")), before, &changed, &rules);
                tried.fetch_add(1, Ordering::Relaxed);
            }
            let mut unknown = plan.clone();
            // What is null is not set, and what was never set decides nothing.
            if !is.is_null() && make_unknown(&mut unknown, pointer) {
                compare(&what("known after apply"), before, &unknown, &rules);
                tried.fetch_add(1, Ordering::Relaxed);
            }
        });
    });
    let tried = tried.into_inner();
    assert!(tried > 3000, "only {tried} mutations");
}

fn strange() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([null, true, "module.a"])),
        Just(json!({"references": ["module.fence", "each.value", "var."]})),
        Just(json!({"constant_value": {}})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands anywhere in a plan, be it a whole branch, nothing breaks.
    #[test]
    fn nothing_in_a_plan_breaks_the_program(
        which in any::<prop::sample::Index>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, strange()), 1..6),
    ) {
        let plans = plans();
        let (_, mut plan) = plans[which.index(plans.len())].clone();
        for (place, up, value) in places {
            let mut pointers = Vec::new();
            leaves(&plan, "", &mut pointers);
            let mut pointer = pointers[place.index(pointers.len())].as_str();
            for _ in 0..up {
                pointer = pointer.rsplit_once('/').map_or(pointer, |(parent, _)| parent);
            }
            if !pointer.is_empty() {
                *plan.pointer_mut(pointer).unwrap() = value;
            }
        }
        if let Some(inventory) = read(&plan) {
            analysis::judge(&inventory, &TrustedList::default(), &NamedConsumers::default());
        }
    }

    /// Bytes that are no plan are refused, with a sentence.
    #[test]
    fn bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let place = Place { account_id: NOWHERE.into(), region_id: NOWHERE.into() };
        let refused = plan_input::read(&bytes, &place, now());
        prop_assert!(refused.is_err_and(|error| !error.to_string().is_empty()));
    }
}
