//! Plans carried out by the real program against a simulated cloud: what it changes, what it takes back, what it refuses, and
//! what is left when it is killed.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod actions;
mod automatic;
mod drifts;
mod faults;
mod hook;
mod kills;
mod listeners;
mod local_journal;
mod notices;
mod operators;
mod refusals;
mod rights;
mod runners;
mod stage;
mod terminal;
mod waits;
mod way_back;
mod world;
