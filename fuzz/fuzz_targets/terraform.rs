//! `terraform show -json` of anything.
#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use portcullis::plan_input::{NOWHERE, Place, read};

fuzz_target!(|data: &[u8]| {
    let place = Place { account_id: NOWHERE.into(), region_id: NOWHERE.into() };
    let _ = read(data, &place, DateTime::UNIX_EPOCH);
});
