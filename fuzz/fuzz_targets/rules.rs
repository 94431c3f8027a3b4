//! A user's rule: the guard in front of the expression parser keeps whatever the parser could not bear from it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::engine::RuleSet;

fuzz_target!(|text: &str| {
    if let Ok(rules) = RuleSet::load(vec![("fuzzed.yaml".to_owned(), text.to_owned())]) {
        // Its own examples are evaluated.
        let _ = rules.check();
    }
});
