//! The formats that machines read, held against their published schemas, their specifications' words, and names that try
//! to act. What judges them here shares nothing with what writes them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod documents;
mod hostile;
mod json;
mod junit;
mod markdown;
mod ocsf;
#[path = "../published/mod.rs"]
mod published;
mod sarif;
mod xml;
