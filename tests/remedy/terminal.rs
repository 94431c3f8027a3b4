//! A single operator at a terminal: nobody else is configured to approve, and what is typed decides. Python gives the terminal.

#[cfg(feature = "external-tests")]
use super::{stage::Run, world::ACCOUNT};
use super::{stage::Stage, world};

/// A stage where nobody is configured to approve.
fn alone() -> Stage {
    let stage = Stage::new(&world::fast(world::quiet()));
    stage.plan(vec![world::pilot()]);
    without_approvers(&stage);
    stage
}

fn without_approvers(stage: &Stage) {
    let config = stage.path("portcullis.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("approvers:")).collect();
    std::fs::write(config, lines.join("\n")).unwrap();
}

#[cfg(feature = "external-tests")]
/// `apply` on a terminal, with this as the answer to its question.
fn typed(stage: &Stage, answer: &str) -> Run {
    let wanted = stage.reaching(&["apply", "plan.json"]);
    let mut command = std::process::Command::new("python3");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/remedy/terminal.py")).arg(answer);
    command.arg(wanted.get_program()).args(wanted.get_args()).current_dir(wanted.get_current_dir().unwrap());
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs(wanted.get_envs().filter_map(|(name, value)| Some((name, value?))).collect::<Vec<_>>());
    Run::of(command.output().unwrap())
}

#[cfg(feature = "external-tests")]
#[test]
fn what_is_typed_decides() {
    for wrong in ["", "yes", "1000000000000002"] {
        let stage = alone();
        let run = typed(&stage, wrong);
        assert_eq!(run.code, 6, "{run:#?}");
        assert!(run.stdout.contains("nothing was changed"), "{run:#?}");
        assert!(stage.writes().is_empty(), "{:?}", stage.writes());
    }
    let stage = alone();
    let run = typed(&stage, ACCOUNT);
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(stage.effects("ModifyPilotEipResource"), 1);
}

/// Where nobody is named to approve, one person stands for the two whom production asks for, and is told so.
#[cfg(feature = "external-tests")]
#[test]
fn a_single_operator_stands_for_two() {
    let mut world = world::fast(world::quiet());
    let mesh = &mut world["accounts"][0]["servicemesh"]["meshes"][0];
    mesh["Tag"] = serde_json::json!([{"Key": "env", "Value": "prod"}]);
    let stage = Stage::new(&world);
    stage.configure("budgets: {per_run: 9, per_day: 9, per_environment: {prod: 9}}");
    let mut action = world::pilot();
    action.environment = "prod".to_owned();
    stage.plan(vec![action]);
    // One of two is not enough where people are named.
    let one = stage.apply(&[]);
    assert_eq!(one.code, 6, "{one:#?}");
    assert!(one.stderr.contains("1 of 2 approvals are valid"), "{one:#?}");
    without_approvers(&stage);
    let run = typed(&stage, ACCOUNT);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.stdout.contains("It needs 2 approvals") && run.stdout.contains("stands for all of them"), "{run:#?}");
    assert_eq!(stage.effects("ModifyPilotEipResource"), 1);
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let stage = alone();
    let run = stage.reach(&["apply", "plan.json"]);
    assert_eq!(run.code, 6, "{run:#?}");
    assert!(stage.writes().is_empty());
}

/// What a dry run says of a plan that a person will confirm is what the guards say.
#[test]
fn a_dry_run_asks_nobody() {
    let stage = alone();
    let run = stage.reach(&["apply", "plan.json", "--dry-run"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.stderr.contains("confirmed on a terminal"), "{run:#?}");
    assert!(stage.writes().is_empty());
}
