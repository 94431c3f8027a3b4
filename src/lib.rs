//! Portcullis guards the control planes of Alibaba Cloud Service Mesh and Kubernetes clusters.
//!
//! docs/architecture.md says which module may import which; `tests/architecture.rs` enforces it.

pub mod cli;
pub mod cloud;
pub mod config;
pub mod engine;
pub mod evidence;
pub mod findings;
pub mod notify;
pub mod pieces;
pub mod plan_input;
pub mod remediate;
pub mod report;
pub mod sandbox;
pub mod scan;
pub mod seal;
pub mod store;

pub use cli::main_impl;
pub use portcullis_core::{analysis, model, netset};
