//! Runs in shards, with the store in a SQLite file. What holds there holds on a server: tests/postgres.rs.

mod shard_runs;

use std::process::Command;

use serde_json::{Value, json};
use shard_runs::{PEERING, Stage, assert_same, ended, report, strewn};

const FILE: fn() -> Option<String> = || None;

#[test]
fn shards_equal_a_single_run() {
    shard_runs::shards_equal_a_single_run(FILE);
}

#[test]
fn killed_shards_change_nothing() {
    shard_runs::killed_shards_change_nothing(FILE, 1..4);
}

#[test]
fn a_missing_shard_is_named() {
    shard_runs::a_missing_shard_is_named(FILE);
}

#[test]
fn a_shard_that_is_missing_in_a_later_round_is_named() {
    shard_runs::a_shard_that_is_missing_in_a_later_round_is_named(FILE);
}
