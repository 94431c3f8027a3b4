//! `plan` and `approve` over the simulated cloud: what is meant, what is planned, who approved it, and what is refused.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    published::Published,
    scratch::{self, Run, Scratch},
};

/// The shipped world whose ledger, planted.yaml, says what is wrong in it.
const WORLD: &str = include_str!("../../src/sandbox/worlds/demo/world.json");

/// The pilot of `prod-mesh`, tagged `env: prod`: stale by the ledger.
const STALE: &str = "c9d3412021444315a010ee904ecf172c7/istio-pilot";

/// The canary pilot of `staging-mesh`: stale by the ledger.
const STAGING: &str = "c6d83d23293bb6bef701e34d2bd2445d5/istio-pilot-canary";

/// The pilot of `eu-mesh`, which a cluster needs and which is open: `required-exposure-open` by the ledger.
const REQUIRED: &str = "cacbf4ece30ed2e58b72c2cb50c689dd6/istio-pilot";

/// Reads the demo cloud once, into the store of the scratch folder.
fn scanned() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("world.json", WORLD);
    scratch.expect(4, &["scan", "--sandbox", "world.json", "--quiet", "-o", "json=report.json"]);
    scratch
}

fn plan(scratch: &Scratch, code: i32, more: &[&str]) -> Run {
    scratch.expect(code, &[&["plan", "--planner", "ada"], more].concat())
}

/// The actions' endpoints and kinds.
fn actions(document: &Value) -> BTreeSet<(String, String)> {
    let word = |planned: &Value, key: &str| planned[key].as_str().unwrap_or_default().to_owned();
    let actions = document["actions"].as_array().expect("there is a list").iter();
    actions.map(|one| (word(one, "endpoint_id"), word(one, "kind"))).collect()
}

/// A key, and its public half as the configuration has it.
fn key(scratch: &Scratch, name: &str) -> String {
    let path = scratch.path(name);
    let made = scratch.expect(0, &["approve", "--new-key", path.to_str().expect("it is text")]);
    made.stdout.trim().to_owned()
}

fn configure(scratch: &Scratch, approvers: &[(&str, &str)]) {
    let entries = approvers.iter().map(|(name, key)| format!("    - {{name: {name}, public_key: \"{key}\"}}\n"));
    scratch
        .write("portcullis.yaml", &format!("version: 1\nremediation:\n  approvers:\n{}", entries.collect::<String>()));
}

#[test]
fn nothing_is_meant_by_saying_nothing() {
    let scratch = scanned();
    let preview = plan(&scratch, 0, &[]);
    assert!(preview.stdout.starts_with("0 actions: nothing is selected."), "{}", preview.stdout);
    assert!(preview.stdout.contains(STALE) && preview.stdout.contains("unbind"), "{}", preview.stdout);
    let document = plan(&scratch, 0, &["-o", "json"]).json();
    assert!(actions(&document).is_empty());
    for (more, told) in [
        (["--resource", "c-that-is-not-there"], "nothing in the run has --resource"),
        (["--region", "cn-nowhere-1"], "nothing in the run has --region"),
        (["--finding", "v1:00000000"], "nothing in the run has --finding"),
        (["--environment", "moon"], "nothing in the run has --environment"),
    ] {
        let run = plan(&scratch, 0, &[&more[..], &["-o", "json"]].concat());
        assert!(actions(&run.json()).is_empty(), "{more:?}");
        assert!(run.stderr.contains(told) && run.stderr.contains("0 actions"), "{}", run.stderr);
        let run = plan(&scratch, 0, &[&more[..], &["--all", "-o", "json"]].concat());
        assert!(actions(&run.json()).is_empty(), "what is said beside --all says less: {more:?}");
    }
    for empty in
        ["--endpoint", "--resource", "--account", "--region", "--kind", "--action", "--finding", "--environment"]
    {
        let run = plan(&scratch, 2, &["--all", empty, "", "-o", "json"]);
        assert!(run.stdout.is_empty(), "{empty}");
    }
}

#[test]
fn what_is_stale_is_planned_and_the_rest_says_why() {
    let scratch = scanned();
    let document = plan(&scratch, 0, &["--all", "-o", "json"]).json();
    let planned = actions(&document);
    assert!(planned.iter().any(|(endpoint, kind)| endpoint.ends_with(STALE) && kind == "unbind"), "{planned:?}");
    let report: Value = scratch::report(&scratch.read("report.json"));
    for endpoint in report["endpoints"].as_array().expect("there is a list") {
        let id = endpoint["id"].as_str().expect("it has an id");
        let verdict = endpoint["staleness"]["verdict"].as_str().unwrap_or_default();
        let kinds: Vec<&str> =
            planned.iter().filter(|(planned, _)| planned == id).map(|(_, kind)| kind.as_str()).collect();
        match kinds.as_slice() {
            [] => {}
            ["unbind"] => {
                assert!(matches!(verdict, "stale" | "orphaned"), "{id}: {verdict}");
                assert_eq!(endpoint["staleness"]["after_migration"], false, "{id}");
            }
            ["fence"] => assert_eq!(verdict, "required", "{id}"),
            other => panic!("{id}: {other:?}"),
        }
        let left_out = document["left_out"].as_array().expect("there is a list");
        let reasons: Vec<&Value> = left_out.iter().filter(|one| one["endpoint_id"] == id).collect();
        let is_meant = endpoint["exposure"] != "private";
        assert_eq!(reasons.len(), usize::from(is_meant && kinds.is_empty()), "{id} is planned, or says why not");
        for reason in reasons {
            let reasons = reason["reasons"].as_array().expect("there is a list");
            assert!(!reasons.is_empty(), "{id}");
            for one in reasons {
                assert_ne!(one["why"], "", "{id}");
                assert_ne!(one["until"], "", "{id}");
            }
        }
    }
    // The first, and nobody else, is the canary; every call back is there.
    for (at, one) in document["actions"].as_array().expect("there is a list").iter().enumerate() {
        assert_eq!(one["canary"], at == 0);
        assert!(!one["calls"]["inverse"].as_array().expect("there is a list").is_empty());
        assert!(!one["proof"]["text"].as_array().expect("there is a list").is_empty());
    }
}

#[test]
fn an_unbinding_is_told_with_calls_proof_and_way_back() {
    let scratch = scanned();
    let text = plan(&scratch, 0, &["--endpoint", STALE]).stdout;
    let mesh = "c9d3412021444315a010ee904ecf172c7";
    for told in [
        "1. unbind istio-pilot",
        "canary: it soaks alone first",
        &format!("servicemesh:ModifyPilotEipResource Operation=UnBindEip ServiceMeshId={mesh}"),
        "Operation=BindEip",
        "vpc:DeletionProtection",
        "stale-exposure",
        "There is no change window",
        "The budget `remediation.budgets.per_run` is 0",
        "Approvals that it needs: 2; 0 of those",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let markdown = plan(&scratch, 0, &["--endpoint", STALE, "-o", "markdown"]).stdout;
    assert!(
        markdown.starts_with("# Plan `") && markdown.contains("| inverse | `servicemesh:ModifyPilotEipResource"),
        "{markdown}"
    );
}

#[test]
fn a_needed_endpoint_is_fenced_or_says_what_is_missing() {
    let scratch = scanned();
    let document = plan(&scratch, 0, &["--endpoint", REQUIRED, "-o", "json"]).json();
    let told = actions(&document).len() + document["left_out"].as_array().expect("there is a list").len();
    assert_eq!(told, 1);
    let unbound = plan(&scratch, 0, &["--endpoint", REQUIRED, "--action", "unbind", "-o", "json"]).json();
    assert!(actions(&unbound).is_empty(), "what is needed is never unbound");
}

#[test]
fn marked_and_waived_endpoints_are_refused() {
    let scratch = Scratch::new();
    let mut world: Value = serde_json::from_str(WORLD).expect("it is JSON");
    for account in world["accounts"].as_array_mut().expect("there is a list") {
        for eip in account["vpc"]["eips"].as_array_mut().into_iter().flatten() {
            eip["Tags"] = serde_json::json!({"Tag": [{"Key": "portcullis:protect", "Value": "false"}]});
        }
    }
    scratch.write("world.json", &world.to_string());
    scratch.expect(4, &["scan", "--sandbox", "world.json", "--quiet"]);
    let marked = plan(&scratch, 0, &["--all", "-o", "json"]);
    assert!(actions(&marked.json()).is_empty());
    assert!(marked.stdout.contains("portcullis:protect"));

    let scratch = Scratch::new();
    scratch.write("world.json", WORLD);
    let expires = (chrono::Utc::now() + chrono::TimeDelta::days(30)).date_naive();
    scratch.write(
        "waivers.yaml",
        &format!(
            "version: 1\nwaivers:\n  - select: {{account: \"1000000000000001\", region: cn-hangzhou, kind: mesh, \
             resource: c9d3412021444315a010ee904ecf172c7, rule: control-plane-public-eip}}\n    reason: meant\n    \
             owner: team@example.com\n    expires: {expires}\n"
        ),
    );
    scratch.write("portcullis.yaml", "version: 1\nwaivers: waivers.yaml\n");
    scratch.expect(4, &["scan", "--sandbox", "world.json", "--quiet"]);
    let waived = plan(&scratch, 0, &["--endpoint", STALE, "-o", "json"]);
    assert!(actions(&waived.json()).is_empty());
    assert!(waived.stdout.contains("control-plane-public-eip is waived"), "{}", waived.stdout);
}

#[test]
fn a_plan_is_valid_for_four_hours_and_at_most_a_day() {
    let scratch = scanned();
    let span = |document: &Value| {
        let at = |key: &str| {
            let text = document[key].as_str().expect("it is text");
            chrono::DateTime::parse_from_rfc3339(text).expect("it is a time")
        };
        (at("expires") - at("not_before")).num_minutes()
    };
    assert_eq!(span(&plan(&scratch, 0, &["--all", "-o", "json"]).json()), 240);
    assert_eq!(span(&plan(&scratch, 0, &["--all", "-o", "json", "--expires", "24h"]).json()), 1440);
    for wrong in ["25h", "0m", "1d", "-1h", ""] {
        plan(&scratch, 2, &["--all", &format!("--expires={wrong}")]);
    }
}

#[test]
fn the_file_is_replaced_whole_and_the_forms_say_the_same() {
    let scratch = scanned();
    scratch.write("plan.json", "something older");
    let run = plan(&scratch, 0, &["--endpoint", STALE, "-o", "json=plan.json", "-o", "text"]);
    let document = scratch::plan(&scratch.read("plan.json"));
    assert_eq!(document["schema"], "portcullis.plan/v1");
    assert!(run.stdout.contains(document["id"].as_str().expect("it has an id")));
    // What is not planned any more is not left lying about.
    plan(&scratch, 0, &["--resource", "nothing", "-o", "json=plan.json"]);
    let empty: Value = serde_json::from_str(&scratch.read("plan.json")).expect("it is JSON");
    assert!(actions(&empty).is_empty());
    for refused in [["-o", "plan.json"], ["-o", "json="], ["-o", "json=no-folder/plan.json"], ["-o", "csv"]] {
        let code = if refused[1].starts_with("json=no") { 11 } else { 2 };
        plan(&scratch, code, &[&["--all"], &refused[..]].concat());
    }
    plan(&scratch, 2, &["--all", "-o", "json=a", "-o", "text=a"]);
}

/// What asks for a plan is approved with it.
#[test]
fn a_plan_names_its_ticket_and_the_program_that_made_it() {
    let scratch = scanned();
    let made =
        plan(&scratch, 0, &["--endpoint", STALE, "--ticket", " CAB-1234 ", "-o", "json=plan.json", "-o", "text"]);
    assert!(made.stdout.contains("CAB-1234"), "{}", made.stdout);
    let document = scratch::plan(&scratch.read("plan.json"));
    assert_eq!(document["ticket"], "CAB-1234");
    assert!(document["tool_digest"].as_str().is_some_and(|digest| digest.starts_with("sha256:")), "{document}");
    let bare = plan(&scratch, 0, &["--endpoint", STALE, "-o", "json"]).json();
    assert_eq!((&bare["ticket"], &bare["tool_digest"]), (&json!(""), &document["tool_digest"]));
    for wrong in ["", "two\nlines", "\u{1b}[2J", &"x".repeat(201)] {
        plan(&scratch, 2, &["--endpoint", STALE, "--ticket", wrong]);
    }
}

/// What is read of a plan is checked against its schema wherever it is read; here, that of every shipped world.
#[test]
fn the_plan_of_every_world_is_what_its_schema_says() {
    let (mut worlds, mut planned, mut left_out) = (0, 0, 0);
    for world in std::fs::read_dir("src/sandbox/worlds").expect("there are worlds") {
        let scratch = Scratch::new();
        let world = std::fs::read_to_string(world.expect("it is listed").path().join("world.json"));
        scratch.write("world.json", &world.expect("it can be read"));
        let read =
            scratch.run(&["scan", "--sandbox", "world.json", "--quiet", "--no-store", "--save", "cloud.snapshot"]);
        assert!(matches!(read.code, 0 | 1 | 3 | 4), "{}", read.stderr);
        let document = plan(&scratch, 0, &["--from", "cloud.snapshot", "--all", "-o", "json"]).json();
        worlds += 1;
        planned += actions(&document).len();
        left_out += document["left_out"].as_array().expect("there is a list").len();
    }
    assert!(worlds > 40 && planned > 5 && left_out > 5, "{worlds} worlds, {planned} actions, {left_out} left out");
}

/// A plan with an action of every kind, as the program writes it, with digests as long as they are.
fn both_kinds() -> Value {
    fn lengthen(value: &mut Value) {
        match value {
            Value::String(text) if text.starts_with("sha256:") => *text = format!("sha256:{}", "0".repeat(64)),
            Value::String(text) if text.starts_with("v1:") => *text = format!("v1:{}", "0".repeat(64)),
            Value::Array(items) => items.iter_mut().for_each(lengthen),
            Value::Object(fields) => fields.values_mut().for_each(lengthen),
            _ => {}
        }
    }
    let mut plan = serde_json::from_str(include_str!("../../src/cli/plan/golden/plan.json")).expect("it is JSON");
    lengthen(&mut plan);
    plan
}

/// The places of all objects in the value.
fn objects(value: &Value, place: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.push(place.to_owned());
            fields.iter().for_each(|(name, value)| objects(value, &format!("{place}/{name}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| objects(item, &format!("{place}/{at}"), found));
        }
        _ => {}
    }
}

/// No object of a plan takes a field that the schema does not know, misses one, or has one of another shape.
#[test]
fn the_schema_of_plans_is_strict_everywhere() {
    let (schema, whole) = (Published::plan(), both_kinds());
    assert_eq!(schema.complaints(&whole), Vec::<String>::new());
    let kinds: Vec<&Value> =
        whole["actions"].as_array().expect("there is a list").iter().map(|one| &one["kind"]).collect();
    assert_eq!(kinds, ["unbind", "fence"]);
    assert!(!whole["left_out"].as_array().expect("there is a list").is_empty());
    let is_valid = |place: &str, alter: &dyn Fn(&mut Map<String, Value>)| {
        let mut altered = whole.clone();
        alter(altered.pointer_mut(place).and_then(Value::as_object_mut).expect("an object is there"));
        schema.complaints(&altered).is_empty()
    };
    let mut found = Vec::new();
    objects(&whole, "", &mut found);
    for place in found {
        // What is sent with a call are texts, whatever their names.
        let is_free = place.ends_with("/parameters");
        let strange = |fields: &mut Map<String, Value>| drop(fields.insert("surprise".to_owned(), json!("x")));
        assert_eq!(is_valid(&place, &strange), is_free, "a strange field of {place}");
        for name in whole.pointer(&place).and_then(Value::as_object).expect("an object is there").keys() {
            let without = |fields: &mut Map<String, Value>| drop(fields.remove(name));
            assert_eq!(is_valid(&place, &without), is_free, "{place} without {name}");
            let other = |fields: &mut Map<String, Value>| fields[name] = json!({"surprise": [1]});
            assert!(!is_valid(&place, &other), "{name} of {place} may be anything");
        }
    }
    for (place, value) in [
        ("/actions/0/kind", json!("fence")),
        ("/actions/0/action/change", whole["actions"][1]["action"]["change"].clone()),
        ("/actions/0/action/target/endpoint", json!({"pilot": "m1", "mesh-api-server": "m1"})),
        ("/expires", json!("tomorrow")),
        ("/schema", json!("portcullis.plan/v2")),
    ] {
        let mut altered = whole.clone();
        *altered.pointer_mut(place).expect("it is there") = value;
        assert!(!schema.complaints(&altered).is_empty(), "{place}");
    }
}

#[test]
fn a_snapshot_is_planned_from_as_a_run_is() {
    let scratch = Scratch::new();
    scratch.write("world.json", WORLD);
    scratch.expect(4, &["scan", "--sandbox", "world.json", "--quiet", "--save", "cloud.snapshot"]);
    let of = |more: &[&str]| actions(&plan(&scratch, 0, &[&["--all", "-o", "json"], more].concat()).json());
    assert_eq!(of(&["--from", "cloud.snapshot"]), of(&[]));
    plan(&scratch, 2, &["no-such-run", "--all"]);
    plan(&scratch, 2, &["--from", "no-such-file", "--all"]);
}

#[test]
fn approvals_are_made_shown_and_counted() {
    let scratch = scanned();
    let (bo, cy) = (key(&scratch, "bo.key"), key(&scratch, "cy.key"));
    let own = key(&scratch, "ada.key");
    configure(&scratch, &[("Bo", &bo), ("Cy", &cy), ("Ada", &own)]);
    plan(&scratch, 0, &["--endpoint", STAGING, "-o", "json=plan.json"]);
    let before = scratch.expect(6, &["approve", "plan.json", "--check"]);
    assert!(before.stdout.contains("0 of 1 approvals: not enough"), "{}", before.stdout);

    let signed = scratch.expect(0, &["approve", "plan.json", "--key", "bo.key"]);
    for told in ["1. unbind istio-pilot", "Operation=UnBindEip", "Approved by Bo", "sha256:", "Valid"] {
        assert!(signed.stdout.contains(told), "{told}: {}", signed.stdout);
    }
    let after = scratch.expect(0, &["approve", "plan.json", "--check"]);
    assert!(
        after.stdout.contains("1 of 1 approvals: enough") && after.stdout.contains("approved by Bo"),
        "{}",
        after.stdout
    );
    // Once more is the same signature; somewhere else it is the same person.
    scratch.expect(0, &["approve", "plan.json", "--key", "bo.key"]);
    scratch.expect(0, &["approve", "plan.json", "--key", "bo.key", "-o", "again.sig"]);
    let twice = scratch.expect(0, &["approve", "plan.json", "--check", "--approval", "again.sig"]);
    assert!(twice.stdout.contains("has approved it already") && twice.stdout.contains("1 of 1"), "{}", twice.stdout);

    let own = scratch.expect(6, &["approve", "plan.json", "--key", "ada.key"]);
    assert!(own.stderr.contains("nobody approves their own"), "{}", own.stderr);
    key(&scratch, "stranger.key");
    let stranger = scratch.expect(6, &["approve", "plan.json", "--key", "stranger.key"]);
    assert!(stranger.stderr.contains("is nobody's in `remediation.approvers`"), "{}", stranger.stderr);
}

#[test]
fn production_needs_two_people() {
    let scratch = scanned();
    let (bo, cy) = (key(&scratch, "bo.key"), key(&scratch, "cy.key"));
    configure(&scratch, &[("Bo", &bo), ("Cy", &cy)]);
    plan(&scratch, 0, &["--endpoint", STALE, "-o", "json=plan.json"]);
    scratch.expect(0, &["approve", "plan.json", "--key", "bo.key"]);
    let one = scratch.expect(6, &["approve", "plan.json", "--check"]);
    assert!(one.stdout.contains("1 of 2 approvals: not enough"), "{}", one.stdout);
    scratch.expect(0, &["approve", "plan.json", "--key", "cy.key"]);
    let two = scratch.expect(0, &["approve", "plan.json", "--check"]);
    assert!(two.stdout.contains("2 of 2 approvals: enough"), "{}", two.stdout);
}

/// One byte of the plan, or of a signature: refused, or not counted. Every 41st and every 13th position; unit tests do all.
#[test]
fn a_flipped_byte_is_a_refusal() {
    let scratch = scanned();
    let bo = key(&scratch, "bo.key");
    configure(&scratch, &[("Bo", &bo)]);
    plan(&scratch, 0, &["--endpoint", STAGING, "-o", "json=plan.json"]);
    let plan = scratch.read("plan.json").into_bytes();
    scratch.expect(0, &["approve", "plan.json", "--key", "bo.key", "-o", "good.sig"]);
    for position in (0..plan.len()).step_by(plan.len() / 40) {
        let mut changed = plan.clone();
        changed[position] ^= 1;
        std::fs::write(scratch.path("changed.json"), &changed).expect("it can be written");
        let checked = scratch.expect(6, &["approve", "changed.json", "--check", "--approval", "good.sig"]);
        assert!(checked.stderr.contains("is refused:"), "{position}: {}", checked.stderr);
        scratch.expect(6, &["approve", "changed.json", "--key", "bo.key"]);
    }
    let signature = scratch.read("good.sig").into_bytes();
    let counted = |bytes: &[u8]| {
        std::fs::write(scratch.path("changed.sig"), bytes).expect("it can be written");
        scratch.run(&["approve", "plan.json", "--check", "--approval", "changed.sig"]).code
    };
    assert_eq!(counted(&signature), 0);
    // What the file says of digest and key is for people; the signature and what it is of decide.
    let text = String::from_utf8(signature.clone()).expect("it is text");
    let value =
        serde_json::from_str::<Value>(&text).expect("it is JSON")["signature"].as_str().expect("it is text").to_owned();
    let start = text.find(&value).expect("it is in there");
    for position in (start..start + value.len() - 4).step_by(13) {
        let mut changed = signature.clone();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        assert_eq!(counted(&changed), 6, "{position}");
    }
    for cut in [0, 1, signature.len() / 2] {
        assert_eq!(counted(&signature[..cut]), 6, "{cut}");
    }
}

#[test]
fn what_is_no_usable_plan_ends_with_6_and_says_why() {
    let scratch = scanned();
    let bo = key(&scratch, "bo.key");
    configure(&scratch, &[("Bo", &bo)]);
    plan(&scratch, 0, &["--endpoint", STAGING, "-o", "json=plan.json"]);
    plan(&scratch, 0, &["--resource", "nothing", "-o", "json=empty.json"]);
    scratch.write("other.json", "{\"schema\": \"portcullis.plan/v9\", \"tool_version\": \"\"}");
    scratch.write("text.json", "a plan");
    for (arguments, told) in [
        (vec!["approve", "empty.json", "--key", "bo.key"], "there is no action in it"),
        (vec!["approve", "other.json", "--key", "bo.key"], "portcullis.plan/v9"),
        (vec!["approve", "text.json", "--check"], "it is no plan"),
        (vec!["approve", "missing.json", "--check"], "cannot read"),
        (vec!["approve", "/dev/null", "--check"], "not a regular file"),
        (vec!["approve", "plan.json", "--check", "--account", "1000000000000009"], "is account 1000000000000009"),
        (vec!["approve", "plan.json", "--key", "bo.key", "--account", "1000000000000009"], "is account"),
        (vec!["approve", "plan.json", "--check", "--approval", "text.json"], ""),
    ] {
        let run = scratch.expect(6, &arguments);
        assert!(run.stderr.contains(told), "{arguments:?}: {}", run.stderr);
    }
    scratch.expect(2, &["approve", "plan.json"]);
    scratch.expect(2, &["approve"]);
    scratch.expect(2, &["approve", "plan.json", "--key", "bo.key", "--check"]);
    scratch.expect(2, &["approve", "plan.json", "--key", "plan.json"]);
}

#[cfg(unix)]
#[test]
fn keys_are_private_and_never_replaced() {
    use std::os::unix::fs::PermissionsExt;
    let scratch = Scratch::new();
    let public = key(&scratch, "a.key");
    assert!(public.starts_with("ed25519:"));
    let mode = std::fs::metadata(scratch.path("a.key")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = scratch.read("a.key");
    let again = scratch.expect(2, &["approve", "--new-key", "a.key"]);
    assert!(again.stderr.contains("a key is never replaced"), "{}", again.stderr);
    assert_eq!(scratch.read("a.key"), before);
    std::os::unix::fs::symlink("elsewhere.key", scratch.path("link.key")).expect("it can be made");
    scratch.expect(2, &["approve", "--new-key", "link.key"]);
    assert!(!scratch.path("elsewhere.key").exists(), "a link is not followed");
    assert!(!again.stdout.contains("PRIVATE") && !again.stderr.contains("PRIVATE"));
    std::fs::set_permissions(scratch.path("a.key"), std::fs::Permissions::from_mode(0o640)).expect("it can be set");
    scratch.write("plan.json", "x");
    let readable = scratch.expect(6, &["approve", "plan.json", "--key", "a.key"]);
    assert!(readable.stderr.contains("it is no plan"), "the plan is looked at first: {}", readable.stderr);
}

/// The API server of the stale pilot's mesh behind the same balancer, so that one EIP leads to both.
#[test]
fn an_eip_that_leads_to_two_endpoints_is_not_taken_from_one() {
    let scratch = Scratch::new();
    let mut world: Value = serde_json::from_str(WORLD).expect("worlds are JSON");
    let (mesh, _) = STALE.split_once('/').expect("a mesh and a kind");
    let meshes = world["accounts"][0]["servicemesh"]["meshes"].as_array_mut().expect("there are meshes");
    let shared = meshes.iter_mut().find(|one| one["ServiceMeshInfo"]["ServiceMeshId"] == mesh).expect("it is there");
    let address = shared["Endpoints"]["PublicPilotEndpoint"].as_str().expect("it is public").to_owned();
    let (address, _) = address.split_once(':').expect("an address and a port");
    shared["Endpoints"]["PublicApiServerEndpoint"] = format!("https://{address}:6443").into();
    let spec = &mut shared["Spec"]["LoadBalancer"];
    spec["ApiServerPublicEip"] = true.into();
    spec["ApiServerPublicEipId"] = spec["PilotPublicEipId"].clone();
    spec["ApiServerLoadbalancerId"] = spec["PilotPublicLoadbalancerId"].clone();
    scratch.write("world.json", &world.to_string());
    scratch.expect(4, &["scan", "--sandbox", "world.json", "--quiet", "-o", "json=report.json"]);
    let run = plan(&scratch, 0, &["--endpoint", STALE]);
    let told = format!("{mesh}/mesh-api-server is public by the same EIP");
    assert!(run.stdout.contains(&told), "{}", run.stdout);
    let document = plan(&scratch, 0, &["--all", "-o", "json"]).json();
    assert!(actions(&document).iter().all(|(endpoint, _)| !endpoint.contains(mesh)), "{document}");
}

/// A listener of somebody else on the balancer of the stale pilot: the EIP is not taken from it.
#[test]
fn an_eip_by_which_another_port_is_served_is_not_taken_away() {
    let scratch = Scratch::new();
    let mut world: Value = serde_json::from_str(WORLD).expect("worlds are JSON");
    let account = &mut world["accounts"][0];
    let (mesh, _) = STALE.split_once('/').expect("a mesh and a kind");
    let meshes = account["servicemesh"]["meshes"].as_array().expect("there are meshes").iter();
    let own = meshes.clone().find(|one| one["ServiceMeshInfo"]["ServiceMeshId"] == mesh).expect("it is there");
    let balancer = own["Spec"]["LoadBalancer"]["PilotPublicLoadbalancerId"].clone();
    let listeners = account["slb"]["listeners"].as_array_mut().expect("there are listeners");
    let mut other = listeners.iter().find(|one| one["LoadBalancerId"] == balancer).expect("it listens").clone();
    other["ListenerPort"] = 443.into();
    other["BackendServerPort"] = 8443.into();
    listeners.push(other);
    scratch.write("world.json", &world.to_string());
    scratch.expect(4, &["scan", "--sandbox", "world.json", "--quiet", "-o", "json=report.json"]);
    let run = plan(&scratch, 0, &["--endpoint", STALE]);
    assert!(run.stdout.contains("tcp/443 of its balancer is not its own"), "{}", run.stdout);
    let document = plan(&scratch, 0, &["--all", "-o", "json"]).json();
    assert!(
        !actions(&document).is_empty() && actions(&document).iter().all(|(endpoint, _)| !endpoint.ends_with(STALE))
    );
}
