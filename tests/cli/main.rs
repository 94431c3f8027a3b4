//! The program as a user meets it: run as a process, in an environment that holds nothing.

mod access;
mod hostile;
mod network;
mod output;
mod scan;
mod scratch;
mod signals;
mod store;
mod usage;
