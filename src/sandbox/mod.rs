//! A simulated cloud on loopback: an HTTP server that answers as the vendor's API does, from a
//! document that says what is in the cloud.
//!
//! It is an independent witness. It imports nothing of this crate and has its own reading of the
//! signature, of the shapes, of the paging dialects and of the errors, so that one misreading
//! cannot pass on both sides; `tests/conformance.rs` holds it against the vendor's own SDK.
//!
//! - [`World`]: the document `portcullis.world/v1`, read and indexed once by `collection`.
//! - [`Server`]: hyper on 127.0.0.1. One request walks through `host` (which product and region),
//!   `sign` and `identity` (who), the QPS limit, `fault` (what goes wrong), `operation` (the
//!   answer) and `journal`.
//! - [`generate`]: worlds of any size from a few numbers and a seed.
//!
//! To add a world, make `worlds/<name>/{world.json, planted.yaml}`; it is embedded by the build script.
//! To add a fault, add a case to `fault.rs`. To add a read, add a row to `operation/<product>.rs`, and
//! one to `kind` for what it lists.

mod collection;
mod embedded;
mod error;
mod fault;
pub mod generate;
mod host;
mod identity;
mod journal;
mod kind;
mod operation;
mod page;
mod reply;
mod server;
mod sign;
mod sign_log;
mod world;

pub use embedded::{EmbeddedWorld, worlds};
pub use error::SandboxError;
pub use journal::Entry;
pub use operation::{LOG_QUERIES, operations};
pub use server::{Server, serve};
pub use world::{AccessKey, Behaviour, World};
