//! Holds the house to its plan: who may import whom. The table is the one of docs/architecture.md;
//! a module that is missing from it, or an import outside it, fails here.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Module, and what it may import besides itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("netset", &[]),
    ("model", &["netset"]),
    ("analysis", &["model", "netset"]),
    ("findings", &["model", "netset"]),
    ("engine", &["model", "netset", "analysis", "findings"]),
    ("report", &["model", "findings", "netset", "pieces"]),
    // Large JSON a piece at a time, for whoever keeps or reads runs.
    ("pieces", &[]),
    ("cloud", &[]),
    ("scan", &["cloud", "model", "netset"]),
    ("store", &["model", "findings", "pieces"]),
    // Who signs and who is believed are keys; the last bundle is remembered where runs are.
    ("evidence", &["model", "findings", "seal", "store"]),
    // The state machine is pure: it asks for effects. Who carries them out comes with cloud's Context and the store.
    // Approvals are signatures.
    ("remediate", &["cloud", "model", "netset", "findings", "seal", "store"]),
    // Messages are about findings and their severities; HTTP, clock, variables and files come through cloud's Context,
    // and text from outside is made harmless where reports do it.
    ("notify", &["cloud", "findings", "model", "report"]),
    // A plan is another source of an inventory, and nothing else.
    ("plan_input", &["model"]),
    ("sandbox", &[]),
    ("seal", &[]),
    // The Settings types of the modules it composes, and the types its values become.
    ("config", &["cloud", "findings", "model", "netset", "notify", "remediate", "scan", "seal", "store"]),
    (
        "cli",
        &[
            "analysis",
            "cloud",
            "config",
            "engine",
            "evidence",
            "findings",
            "model",
            "netset",
            "notify",
            "plan_input",
            "remediate",
            "report",
            "sandbox",
            "scan",
            "seal",
            "store",
        ],
    ),
];

/// Modules whose clippy list of forbidden calls (clock, environment, files) must be switched on.
const PURE: &[&str] =
    &["netset", "model", "analysis", "findings", "engine", "report", "remediate", "plan_input", "pieces"];

#[test]
fn imports_follow_the_table() {
    let table: BTreeMap<_, BTreeSet<_>> =
        MAY_IMPORT.iter().map(|(module, may)| (*module, may.iter().copied().collect())).collect();
    let mut breaches = Vec::new();
    for (module, file) in source_files() {
        let Some(may) = table.get(module.as_str()) else {
            breaches.push(format!("{}: module `{module}` is missing from the table", file.display()));
            continue;
        };
        let text = without_comments(&fs::read_to_string(&file).unwrap());
        for root in crate_roots(&text) {
            if root != module && !may.contains(root.as_str()) {
                breaches.push(format!("{}: imports {root}", file.display()));
            }
        }
        if text.contains("super::super::") {
            breaches
                .push(format!("{}: `super::super::` hides where an import leads; write `crate::…`", file.display()));
        }
    }
    assert!(breaches.is_empty(), "outside the table of docs/architecture.md:\n{}", breaches.join("\n"));
}

#[test]
fn every_row_of_the_table_is_a_module() {
    for (module, _) in MAY_IMPORT {
        assert!(Path::new("src").join(module).join("mod.rs").exists(), "no module `{module}`; drop its row");
    }
}

#[test]
fn pure_modules_forbid_clock_environment_and_files() {
    for module in PURE {
        let text = fs::read_to_string(Path::new("src").join(module).join("mod.rs")).unwrap();
        assert!(
            text.contains("#![deny(clippy::disallowed_methods)]"),
            "src/{module}/mod.rs: a pure module opens with #![deny(clippy::disallowed_methods)]"
        );
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for (_, file) in source_files() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//!"), "{}: begin with //! and what the module is for", file.display());
    }
}

#[test]
fn only_the_command_line_prints_or_exits() {
    for (module, file) in source_files().into_iter().filter(|(module, _)| module != "cli") {
        let text = without_comments(&fs::read_to_string(&file).unwrap());
        let text = text.split("#[cfg(test)]").next().unwrap();
        for call in ["println!(", "print!(", "process::exit("] {
            assert!(!text.contains(call), "{}: {module} must not call {call}…)", file.display());
        }
    }
}

/// What a write is built, signed and sent with.
const WRITES: &[&str] = &["WritePermit", "WriteRequest", "SignedWrite", "for_remediation", "sign_write", "send_write"];

/// Modules are one crate, so that no visibility can say it: who may change something is who may name these.
#[test]
fn nobody_but_remediation_can_write() {
    let mut named = 0;
    for (module, file) in source_files() {
        let text = without_comments(&fs::read_to_string(&file).unwrap());
        let names: Vec<_> = words(&text).filter(|word| WRITES.contains(word)).collect();
        match module.as_str() {
            "remediate" => {}
            // Where the types and the operations are; their tests stand beside them.
            "cloud" if file.starts_with("src/cloud/write") || file.starts_with("src/cloud/api/write") => {
                named += names.len();
                let makes_permits = names.iter().filter(|name| **name == "for_remediation").count();
                let is_definition = file == Path::new("src/cloud/write/mod.rs") && makes_permits == 1;
                let is_test = file == Path::new("src/cloud/write/tests.rs");
                assert!(makes_permits == 0 || is_definition || is_test, "{}: makes a permit", file.display());
            }
            _ => assert!(names.is_empty(), "{}: {module} must not name {names:?}", file.display()),
        }
    }
    assert!(named > 20, "the search found too little to mean anything");
}

/// The identifiers of a text.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

#[test]
fn the_document_holds_the_same_table() {
    let document = fs::read_to_string("docs/architecture.md").unwrap();
    for (module, may) in MAY_IMPORT {
        if *module == "cli" {
            assert!(document.contains("| `cli` | everything |"), "docs/architecture.md: row of `cli`");
            continue;
        }
        let cell = if may.is_empty() { "–".to_owned() } else { may.join(", ") };
        let row = format!("| `{module}` | {cell} |");
        assert!(document.contains(&row), "docs/architecture.md lacks the row: {row}");
    }
}

/// Whoever reads logs by machine goes by these words.
#[test]
fn every_event_of_the_log_is_documented_and_every_documented_one_is_logged() {
    let mut logged = BTreeSet::new();
    for (_, file) in source_files() {
        let text = without_comments(&fs::read_to_string(&file).unwrap());
        for level in ["trace", "debug", "info", "warn", "error"] {
            for call in text.split(&format!("tracing::{level}!(")).skip(1) {
                let event = call.trim_start().strip_prefix("event = \"").and_then(|rest| rest.split('"').next());
                logged.insert(
                    event.unwrap_or_else(|| panic!("{}: an event begins with its name", file.display())).to_owned(),
                );
            }
        }
    }
    let document = fs::read_to_string("docs/operations.md").unwrap();
    let section = document.split("### Logs\n").nth(1).unwrap().split("\n#").next().unwrap();
    let documented: BTreeSet<String> =
        section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned)).collect();
    assert!(logged.len() > 3, "the search found too little to mean anything");
    assert_eq!(logged, documented);
}

/// (top-level module, file) of every source file below a module's folder.
fn source_files() -> Vec<(String, PathBuf)> {
    fn walk(folder: &Path, module: &str, found: &mut Vec<(String, PathBuf)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, module, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((module.to_owned(), path));
            }
        }
    }
    let mut found = Vec::new();
    for entry in fs::read_dir("src").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            walk(&path, &name, &mut found);
        } else {
            assert!(
                matches!(name.as_str(), "core" | "lib" | "main"),
                "src/{name}.rs: a module is a folder; only core.rs, lib.rs and main.rs stand alone"
            );
        }
    }
    found.sort();
    assert!(found.len() > 20, "the walk found too little to mean anything");
    found
}

/// Roots of `crate::root::…`, also those inside `use crate::{a::…, b}`.
fn crate_roots(text: &str) -> BTreeSet<String> {
    let mut roots = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0usize;
            let mut item = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        roots.insert(root_of(&item));
                        item.clear();
                        continue;
                    }
                    _ => {}
                }
                item.push(c);
            }
            if !item.trim().is_empty() {
                roots.insert(root_of(&item));
            }
        } else {
            roots.insert(root_of(rest));
        }
    }
    roots
}

fn root_of(path: &str) -> String {
    path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The text without `//` comments, so that documentation may speak of any module.
fn without_comments(text: &str) -> String {
    text.lines()
        .map(|line| match line.trim_start().starts_with("//") {
            true => "",
            false => line,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_guard_sees_what_it_should() {
    let text = "use crate::{model::{A, B}, netset, cloud::client::X};\nlet x = crate::store::open();";
    let roots: Vec<_> = crate_roots(text).into_iter().collect();
    assert_eq!(roots, ["cloud", "model", "netset", "store"]);
    assert!(crate_roots(&without_comments("// crate::cloud\n/// [`crate::scan`]")).is_empty());
}
