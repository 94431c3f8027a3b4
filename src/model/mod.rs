//! The nouns: what was read (`Inventory`), what could not be read (`Coverage`), and what is
//! thought of it (`judgement`). Plain data: no clock, no files, no network.
//!
//! Resources carry the vendor's field names, so that a snapshot (product.md 9) reads like the
//! replies it was made from.

#![deny(clippy::disallowed_methods)]

mod builder;
mod coverage;
mod ids;
mod inventory;
mod judgement;
mod resource;
mod severity;
mod shared;
mod text;
mod trusted;

pub use builder::InventoryBuilder;
pub use coverage::{Coverage, Gap, Unit, UnitState};
pub use ids::*;
pub use inventory::{Caller, Inventory};
pub use judgement::*;
pub use resource::*;
pub use severity::Severity;
pub use shared::Shared;
pub use text::{Interner, Text};
pub use trusted::{TrustedEntry, TrustedList};
