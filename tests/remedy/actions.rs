//! Each kind of change: carried out, its rule passes and it soaks to the end; taken back, the world is what it was.

use portcullis::remediate::Action;
use serde_json::Value;

use super::{stage::Stage, world};

/// Each change, its world, and what it is called where it is found.
fn all() -> Vec<(&'static str, Value, Action, &'static str, &'static str)> {
    vec![
        ("pilot", world::quiet(), world::pilot(), "c0mesh", "istio-pilot"),
        ("canary pilot", world::with_canary(), world::canary_pilot(), "c0mesh", "istio-pilot-canary"),
        ("mesh API server", world::logged(), world::mesh_api_server(), "c0mesh", "mesh-api-server"),
        ("cluster API server", world::logged(), world::cluster_api_server(), "c2api", "cluster-api-server"),
        ("fence", world::needed(), world::fence(), "c0mesh", "istio-pilot"),
    ]
}

fn round_trip(name: &str) {
    let (_, world, action, resource, endpoint) = all().into_iter().find(|(known, ..)| *known == name).unwrap();
    let is_fence = name == "fence";
    let stage = Stage::new(&world);
    let start = stage.server.snapshot();
    let about = |stage: &Stage| -> Vec<String> {
        let open = "control-plane-open-to-untrusted";
        let fails = stage.rules_that_fail(resource).into_iter().filter(|found| found.ends_with(endpoint));
        fails.filter(|found| if is_fence { found.starts_with(open) } else { true }).collect()
    };
    assert!(!about(&stage).is_empty(), "{name}: nothing is wrong to begin with");
    stage.plan(vec![action.clone()]);

    let dry = stage.apply(&["--dry-run"]);
    assert_eq!(dry.code, 0, "{name}: {dry:#?}");
    assert_eq!(stage.writes(), [], "{name}: a trial sends nothing");
    assert!(!stage.path("host.journal").exists(), "{name}: and notes nothing");

    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (0, vec!["soaking".to_owned()]), "{name}: {applied:#?}");
    assert_eq!(about(&stage), Vec::<String>::new(), "{name}: the rule passes");
    assert_ne!(stage.server.snapshot(), start, "{name}");

    let back = stage.reach(&["rollback", &action.intent, "--confirm", &action.intent]);
    assert_eq!((back.code, back.ends()), (0, vec!["rolled-back".to_owned()]), "{name}: {back:#?}");
    assert_eq!(stage.server.snapshot(), start, "{name}: the world is what it was");
    assert!(stage.open().is_empty(), "{name}");
}

#[test]
fn a_pilot_there_and_back() {
    round_trip("pilot");
}

#[test]
fn a_canary_pilot_there_and_back() {
    round_trip("canary pilot");
}

#[test]
fn a_mesh_api_server_there_and_back() {
    round_trip("mesh API server");
}

#[test]
fn a_cluster_api_server_there_and_back() {
    round_trip("cluster API server");
}

#[test]
fn a_fence_there_and_back() {
    round_trip("fence");
}

#[test]
fn what_has_soaked_to_the_end_is_mitigated_and_leaves_nothing_behind() {
    let stage = Stage::new(&world::fast(world::quiet()));
    stage.plan(vec![world::pilot()]);
    assert_eq!(stage.apply(&[]).code, 0);
    let runs = stage.settle();
    assert!(runs.iter().all(|run| run.code == 0), "{runs:#?}");
    let eip = stage.eip("eip-pilot");
    assert_eq!(eip["Status"], "Available");
    assert!(eip.get("DeletionProtection").is_none() && eip.get("Tags").is_none(), "{eip}");
    // The way back is not insured any more: whoever wants it open again is told how, and what to look at first.
    let late = stage.reach(&["rollback", "intent-pilot", "--confirm", "intent-pilot"]);
    assert_eq!(late.code, 8, "{late:#?}");
    for part in ["by hand: servicemesh:ModifyPilotEipResource", "BindEip", "EipId=eip-pilot", "nothing is bound there"]
    {
        assert!(late.stderr.contains(part), "{part}: {late:#?}");
    }
    // Everything is in the journal, from the first record to the last.
    let shown = stage.run(&["journal", "show", "--format", "json"]);
    let names: Vec<String> = shown.stdout.lines().map(record_name).collect();
    assert_eq!(names.iter().take(2).collect::<Vec<_>>(), ["began", "opened"]);
    assert_eq!(names.last().map(String::as_str), Some("closed"));
    assert_eq!(names.iter().filter(|name| *name == "checked").count(), 5, "{names:?}");
}

fn record_name(line: &str) -> String {
    let value: Value = serde_json::from_str(line).unwrap();
    value["record"].as_object().unwrap().keys().next().unwrap().clone()
}

/// A time that runs so slowly that a soak of half an hour is not over before anybody waits for it, on a busy machine either.
const LEISURELY: u32 = 150;

/// The first change is alone until it has soaked for half an hour of the world's time; then comes the next.
#[test]
fn two_changes_of_one_plan_follow_each_other() {
    let stage = Stage::new(&world::scaled(world::logged(), LEISURELY));
    stage.plan(vec![world::pilot(), world::cluster_api_server()]);
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (0, vec!["soaking".to_owned(); 2]), "{applied:#?}");
    assert_eq!((stage.effects("ModifyPilotEipResource"), stage.effects("ModifyCluster")), (1, 1));
    assert!(applied.stderr.contains("alone until it has soaked"), "{}", applied.stderr);
}

#[test]
fn only_the_picked_action_is_carried_out() {
    let stage = Stage::new(&world::logged());
    stage.plan(vec![world::pilot(), world::cluster_api_server()]);
    let applied = stage.apply(&["--intent", "intent-api"]);
    assert_eq!((applied.code, applied.ends()), (0, vec!["soaking".to_owned()]), "{applied:#?}");
    assert_eq!((stage.effects("ModifyPilotEipResource"), stage.effects("ModifyCluster")), (0, 1));
}

/// So is a fence: whatever it is, the first change of a plan has soaked before the next one is begun.
#[test]
fn a_fence_is_alone_until_it_has_soaked() {
    let mut world = world::scaled(world::needed(), LEISURELY);
    // Who uses the cluster's API server is known from its log alone.
    world["accounts"][0]["sls"] = world::logged()["accounts"][0]["sls"].take();
    let stage = Stage::new(&world);
    stage.plan(vec![world::fence(), world::cluster_fence()]);
    let applied = stage.apply(&[]);
    assert_eq!((applied.code, applied.ends()), (0, vec!["soaking".to_owned(); 2]), "{applied:#?}");
    assert_eq!(stage.effects("SetLoadBalancerTCPListenerAttribute"), 2);
    assert!(applied.stderr.contains("alone until it has soaked"), "{}", applied.stderr);
}
