//! `portcullis path`: any line gets an answer or a message, and the same twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis::analysis::{access::Format, connectivity::answer};

fuzz_target!(|data: &[u8]| {
    let said = || {
        let mut out = Vec::new();
        let ended = answer(data, &mut out, Format::JsonLines).is_ok();
        (ended, out)
    };
    assert_eq!(said(), said());
});
