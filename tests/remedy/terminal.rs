//! A single operator at a terminal: nobody else is configured to approve, and what is typed decides. Python gives the terminal.

#[cfg(feature = "external-tests")]
use super::{stage::Run, world::ACCOUNT};
use super::{stage::Stage, world};

/// A stage where nobody is configured to approve.
fn alone() -> Stage {
    let stage = Stage::new(&world::fast(world::quiet()));
    stage.plan(vec![world::pilot()]);
    let config = stage.path("portcullis.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("approvers:")).collect();
    std::fs::write(config, lines.join("\n")).unwrap();
    stage
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
