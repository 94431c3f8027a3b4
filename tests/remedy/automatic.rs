//! Changes that nobody stands by for: without each of the things that make up for that, nothing is begun, and nobody is asked.
//! That something is changed with all of them is shown where hosts can share a store, in `tests/postgres.rs`.

use std::fs;

use super::{stage::Stage, world};

/// The stage's configuration with everything that automatic mode needs, but for a store that hosts share.
fn given(stage: &Stage) -> String {
    let text = fs::read_to_string(stage.path("portcullis.yaml")).unwrap();
    let channel = "notify:\n  - webhook: {url_env: HOOK_URL, secret_env: HOOK_KEY}\n";
    format!("{text}  automatic: {{enabled: true}}\n{channel}")
}

fn without(text: &str, part: &str) -> String {
    let kept: Vec<&str> = text.lines().filter(|line| !line.contains(part)).collect();
    assert!(kept.len() < text.lines().count(), "{part} is not there");
    kept.join("\n") + "\n"
}

#[test]
fn whatever_is_missing_nothing_is_automatic() {
    let stage = Stage::new(&world::quiet());
    stage.plan(vec![world::pilot()]);
    let whole = given(&stage);
    let cases = [
        (without(&whole, "automatic:"), "`remediation.automatic.enabled` is not true"),
        (whole.replace("enabled: true", "enabled: false"), "`remediation.automatic.enabled` is not true"),
        (without(&whole, "windows:"), "a window in `remediation.windows`"),
        (without(&whole, "budgets:"), "`per_run` and `per_day` in `remediation.budgets`"),
        (whole.replace("per_run: 9", "per_run: 0"), "`per_run` and `per_day` in `remediation.budgets`"),
        (whole.replace("per_day: 9", "per_day: 0"), "`per_run` and `per_day` in `remediation.budgets`"),
        (without(&without(&whole, "webhook:"), "notify:"), "a channel in `notify`"),
        (whole.clone(), "the store is a file of this host"),
    ];
    for (text, why) in cases {
        fs::write(stage.path("portcullis.yaml"), text).unwrap();
        for words in [["--auto"].as_slice(), ["--auto", "--dry-run"].as_slice()] {
            let run = stage.apply(words);
            assert_eq!(run.code, 2, "{why}: {run:#?}");
            assert!(run.stderr.contains(why), "{why}: {run:#?}");
        }
    }
    assert_eq!(stage.server.journal().len(), 0, "nobody was asked");
    // Whoever stands by is not held to it.
    fs::write(stage.path("portcullis.yaml"), whole).unwrap();
    assert_eq!(stage.apply(&["--dry-run"]).code, 0);
}
