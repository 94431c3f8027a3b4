//! The formats that machines read, held against their published schemas, their specifications' words, and names that try
//! to act. What judges them here shares nothing with what writes them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod documents;
mod hostile;
mod junit;
mod markdown;
mod ocsf;
mod sarif;
mod xml;
