//! Several at once, over one store: one of them does it, once.

use std::io::{BufRead, BufReader, Read};

use super::{
    stage::{Run, Stage},
    world,
};

/// So many hosts, each with a journal of its own, begin at the same moment.
fn at_once(stage: &Stage, plans: &[String]) -> Vec<Run> {
    let begun: Vec<_> = plans
        .iter()
        .enumerate()
        .map(|(host, plan)| {
            let (journal, approval) = (format!("host-{host}.journal"), format!("{plan}.sig"));
            stage.begin(&["apply", plan, "--approval", &approval, "--journal", &journal])
        })
        .collect();
    begun.into_iter().map(|child| stage.end(child)).collect()
}

fn done_once(stage: &Stage, runs: &[Run]) {
    // Who comes when it is done may find so.
    assert!(runs.iter().any(|run| run.code == 0), "{runs:#?}");
    assert!(runs.iter().all(|run| [0, 6, 7, 8].contains(&run.code)), "{runs:#?}");
    assert_eq!(stage.effects("ModifyPilotEipResource"), 1, "{:?}", stage.writes());
    assert_eq!(stage.eip("eip-pilot")["Status"], "Available");
    stage.settle();
    assert_eq!(stage.effects("ModifyPilotEipResource"), 1);
    assert_eq!(stage.eip("eip-pilot")["Status"], "Available");
}

#[test]
fn two_and_five_carry_one_plan_out_once() {
    for count in [2, 5] {
        let stage = Stage::new(&world::fast(world::quiet()));
        stage.plan(vec![world::pilot()]);
        let runs = at_once(&stage, &vec!["plan.json".to_owned(); count]);
        done_once(&stage, &runs);
    }
}

#[test]
fn five_plans_for_one_endpoint_are_one_change() {
    let stage = Stage::new(&world::fast(world::quiet()));
    let plans: Vec<String> = (0..5)
        .map(|number| {
            let mut action = world::pilot();
            action.intent = format!("intent-{number}");
            stage.plan_called(
                &format!("plan-{number}"),
                vec![action],
                chrono::Utc::now() - chrono::TimeDelta::minutes(1),
            );
            format!("plan-{number}.json")
        })
        .collect();
    let runs = at_once(&stage, &plans);
    done_once(&stage, &runs);
}

#[test]
fn one_journal_is_one_process_at_a_time() {
    let stage = Stage::new(&world::fast(world::quiet()));
    stage.plan(vec![world::pilot()]);
    let held = std::fs::OpenOptions::new().append(true).create(true).open(stage.path("host.journal")).unwrap();
    held.lock().unwrap();
    let run = stage.apply(&[]);
    assert_eq!((run.code, stage.writes().len()), (7, 0), "{run:#?}");
    drop(held);
    assert_eq!(stage.apply(&[]).code, 0);
}

/// While the first change soaks alone, whoever is on the same host may take it back, and what is to follow does not.
#[test]
fn a_change_is_taken_back_while_its_own_process_waits_for_it() {
    let mut stage = Stage::new(&world::logged());
    let start = stage.server.snapshot();
    stage.plan(vec![world::pilot(), world::cluster_api_server()]);
    // Slowly, so that it soaks for as long as it takes to take it back.
    stage.time_scale = 60;
    let mut child = stage.begin(&["apply", "plan.json", "--approval", "plan.json.sig"]);
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("alone until it has soaked") {
        assert_ne!(lines.read_line(&mut told).unwrap(), 0, "it ended before: {told}");
    }
    stage.time_scale = 3_600;
    let back = stage.reach(&["rollback", "intent-pilot", "--confirm", "intent-pilot"]);
    assert_eq!((back.code, back.ends()), (0, vec!["rolled-back".to_owned()]), "{back:#?}");
    lines.read_to_string(&mut told).unwrap();
    let applied = stage.end(child);
    assert_eq!(applied.code, 8, "{applied:#?}\n{told}");
    assert_eq!(stage.effects("ModifyCluster"), 0, "{:?}", stage.writes());
    assert_eq!(stage.server.snapshot(), start, "the world is what it was");
    // One journal holds what both have announced.
    let shown = stage.run(&["journal", "show"]);
    assert_eq!(shown.code, 0, "{shown:#?}");
    for word in ["opened", "verified", "unhealthy", "closed"] {
        assert!(shown.stdout.contains(word), "{word}: {shown:#?}");
    }
}

/// Roles give each process keys of its own: who carries a plan on is known by the plan, and is no stranger to it.
#[test]
fn who_carries_on_with_other_keys_is_no_stranger() {
    let mut world = world::fast(world::quiet());
    let keys = world["accounts"][0]["access_keys"].as_array_mut().unwrap();
    keys.push(serde_json::json!({"access_key_id": "otherid", "access_key_secret": "othersecret"}));
    let stage = Stage::new(&world);
    stage.plan(vec![world::pilot()]);
    assert_eq!(stage.apply(&[]).code, 0);
    for _ in 0..40 {
        let mut command = stage.reaching(&["verify", "--due"]);
        command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", "otherid").env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "othersecret");
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{told}");
        if stage.open().is_empty() {
            return;
        }
    }
    panic!("it never settles");
}
