//! Who is told when a change is taken back, when one needs a person, and when one ends; and that nothing waits for them.

use serde_json::{Value, json};

use super::{
    faults::cut_off,
    hook::Hook,
    stage::{Run, Stage},
    world,
};

/// A stage with a channel.
fn telling(world: &Value) -> Stage {
    let stage = Stage::new(world);
    stage.plan(vec![world::pilot()]);
    let path = stage.path("portcullis.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let channel = "notify:\n  - webhook: {url_env: HOOK_URL, secret_env: HOOK_KEY}\n";
    std::fs::write(path, format!("{text}{channel}")).unwrap();
    stage
}

fn applied(stage: &Stage, channel: &Hook) -> Run {
    let mut command = stage.reaching(&["apply", "plan.json", "--approval", "plan.json.sig"]);
    channel.for_program(&mut command);
    Run::of(command.output().unwrap())
}

/// The data plane goes dark with the change.
fn dark() -> Value {
    let mut world = world::quiet();
    world["actors"] = cut_off(&world["accounts"][0], 2);
    world
}

/// It names the endpoint, its account and the intent.
fn is_about_the_pilot(said: &str) {
    for part in ["c0mesh", world::ACCOUNT, "intent-pilot"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_way_back_is_told_and_so_is_the_end() {
    let stage = telling(&dark());
    let channel = Hook::answering(204);
    let run = applied(&stage, &channel);
    assert_eq!((run.code, run.ends()), (9, vec!["rolled-back".to_owned()]), "{run:#?}");
    let heard = channel.heard();
    let [back, end] = heard.as_slice() else { panic!("{heard:#?}") };
    assert!(back.contains("a change is taken back") && back.contains("proxies"), "{back}");
    assert!(end.contains("a change has ended") && end.contains("rolled-back"), "{end}");
    [back, end].into_iter().for_each(|said| is_about_the_pilot(said));
}

#[test]
fn what_needs_a_person_is_told() {
    let mut world = dark();
    let locked = json!({"at": {"action": "ModifyPilotEipResource", "nth": 1, "when": "after"}, "do": "set", "list": "vpc.eips",
        "id": "eip-pilot", "fields": {"BusinessStatus": "FinancialLocked"}});
    world["actors"].as_array_mut().unwrap().push(locked);
    let stage = telling(&world);
    let channel = Hook::answering(204);
    let run = applied(&stage, &channel);
    assert_eq!((run.code, run.ends()), (10, vec!["attention".to_owned()]), "{run:#?}");
    let heard = channel.heard();
    let told = heard.iter().find(|said| said.contains("a change needs attention now"));
    let told = told.unwrap_or_else(|| panic!("{heard:#?}"));
    assert!(told.contains("locked"), "{told}");
    is_about_the_pilot(told);
}

/// A change that stays as it is while it soaks is no news.
#[test]
fn what_goes_well_is_told_when_it_has_ended() {
    let stage = telling(&world::fast(world::quiet()));
    let channel = Hook::answering(204);
    let run = applied(&stage, &channel);
    assert_eq!((run.code, channel.heard()), (0, Vec::new()), "{run:#?}");
    while !stage.open().is_empty() {
        let mut command = stage.reaching(&["verify", "--due"]);
        channel.for_program(&mut command);
        assert_eq!(Run::of(command.output().unwrap()).code, 0);
    }
    let heard = channel.heard();
    let [end] = heard.as_slice() else { panic!("{heard:#?}") };
    assert!(end.contains("a change has ended"), "{end}");
    is_about_the_pilot(end);
}

/// Whoever cannot be told holds nothing up, and that they were not told is said.
#[test]
fn a_way_back_waits_for_nobody_who_is_told() {
    let stage = telling(&dark());
    let start = stage.server.snapshot();
    let run = applied(&stage, &Hook::answering(500));
    assert_eq!((run.code, run.ends()), (9, vec!["rolled-back".to_owned()]), "{run:#?}");
    assert_eq!(stage.server.snapshot(), start);
    assert!(run.stderr.contains("was not told"), "{run:#?}");
}
