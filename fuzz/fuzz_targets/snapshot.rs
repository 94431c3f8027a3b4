//! A snapshot from anywhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::store::snapshot;

fuzz_target!(|data: &[u8]| {
    let _ = snapshot::read(data);
});
