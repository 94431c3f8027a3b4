//! A configuration file: checked whole, or every problem with its place.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use portcullis::config;

fuzz_target!(|data: &[u8]| {
    match config::parse("portcullis.yaml", data, Path::new("."), &|_| None) {
        Ok(config) => drop(config::effective(&config)),
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
});
