//! The program as a user meets it: run as a process, in an environment that holds nothing.

mod access;
mod baseline;
mod bundle;
mod evidence;
mod explain;
mod explained_worlds;
mod hostile;
mod network;
mod notify;
mod organization;
mod output;
mod pack;
mod path;
mod plan;
#[path = "../published/mod.rs"]
mod published;
mod scan;
mod scratch;
mod selftest;
mod share;
mod signals;
mod store;
mod unread;
mod usage;
mod what_if;
