//! Alibaba Cloud over HTTP: signing, endpoints, retries, limits, pages, errors.
//!
//! Knows nothing of the model. Everything it needs of the world comes through a
//! [`context::Context`], so that tests bring their own network, clock, environment and files.

pub mod api;
mod assemble;
pub mod client;
pub mod context;
pub mod credential;
pub mod endpoint;
pub mod error;
mod json;
pub mod log;
pub mod page;
pub mod request;
mod retry;
pub mod sign;
pub mod sign_log;
#[cfg(test)]
mod testing;
pub mod throttle;
mod transport;
pub mod write;
