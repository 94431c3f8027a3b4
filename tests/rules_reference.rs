//! docs/rules.md and docs/rule.schema.json are generated; this keeps the committed files equal to what the program would
//! write.

use std::{env, fs, path::Path};

use portcullis::engine::{RuleSet, rule_schema};

fn assert_current(name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, wanted).expect("docs/ is writable when it is to be updated");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "docs/{name} is not current: run UPDATE_DOCS=1 cargo test --test rules_reference");
}

#[test]
fn the_rule_reference_is_current() {
    let rules = RuleSet::embedded().unwrap_or_else(|errors| panic!("{errors}"));
    assert_current("rules.md", &rules.reference());
}

#[test]
fn the_schema_of_rule_files_is_current() {
    let mut text = serde_json::to_string_pretty(&rule_schema()).expect("a JSON value can be written");
    text.push('\n');
    assert_current("rule.schema.json", &text);
}
