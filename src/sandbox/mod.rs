//! A simulated cloud on loopback: an HTTP server that answers as the vendor's API does, from a
//! document that says what is in the cloud.
//!
//! It is an independent witness. It imports nothing of this crate and has its own reading of the
//! signature, of the shapes, of the paging dialects and of the errors, so that one misreading
//! cannot pass on both sides; `tests/conformance.rs` holds it against the vendor's own SDK.
//!
//! - [`World`]: the document `portcullis.world/v1`, read and indexed once by `collection`.
//! - [`Server`]: hyper on 127.0.0.1. In `cloud`, one request walks through `host` (which product and region),
//!   `sign` and `identity` (who), the QPS limit, `actor` (who else is at work), `fault` (what goes
//!   wrong), `operation` (the answer) and `journal`. A write is a `plan` of steps on a `draft` of an
//!   account, which `state` takes when they are due; `binding` knows how EIPs come and go, and
//!   `clock` what time it is.
//! - [`generate`]: worlds of any size from a few numbers and a seed.
//!
//! To add a world, make `worlds/<name>/{world.json, planted.yaml}`; it is embedded by the build script.
//! To add a fault, add a case to `fault.rs`. To add a read, add a row to `operation/<product>.rs`, and
//! one to `kind` for what it lists. To add a write, add a row too, and what it plans to `operation/write/<product>.rs`.

mod actor;
mod binding;
mod clock;
mod cloud;
mod collection;
mod draft;
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
mod plan;
mod reply;
mod server;
mod sign;
mod sign_log;
mod state;
mod world;

pub use embedded::{EmbeddedWorld, worlds};
pub use error::SandboxError;
pub use journal::Entry;
pub use operation::{LOG_QUERIES, operations};
pub use server::{Server, serve};
pub use state::Change;
pub use world::{AccessKey, Behaviour, World};
