//! Several at once, over one store: one of them does it, once.

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
