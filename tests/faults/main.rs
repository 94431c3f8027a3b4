//! The whole way from the calls to the report while the cloud misbehaves: trouble that passes
//! changes nothing, trouble that stays makes nothing look better than it is.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod codes;
mod fields;
mod harness;
#[path = "../ledger/mod.rs"]
mod ledger;
mod not_open;
mod permanent;
mod standing;
mod suspended;
mod tokens;
mod transient;
