//! The nouns: what was read (`Inventory`), what could not be read (`Coverage`), and what is
//! thought of it (`judgement`). Plain data: no clock, no files, no network.
//!
//! Resources carry the vendor's field names, so that a snapshot (product.md 9) reads like the
//! replies it was made from.

#![deny(clippy::disallowed_methods)]

mod builder;
mod claims;
mod consumers;
mod coverage;
mod evidence;
mod ids;
mod inventory;
mod judgement;
pub mod lenient;
mod network;
pub mod ports;
mod protection;
mod resource;
mod severity;
mod shared;
mod staleness;
mod text;
mod trusted;
mod words;

pub use builder::InventoryBuilder;
pub use claims::Claims;
pub use consumers::{NamedConsumer, NamedConsumers};
pub use coverage::{Coverage, Gap, NOT_OPEN, Unit, UnitState, plan_code};
pub use evidence::{
    BindingEvent, EvidenceRead, EvidenceWanted, Flow, ForbiddenCluster, KubeconfigIssue, LogReading, MeshOpinion,
    Observer, Requests, TrailReading, is_of_balancers, is_on_the_internet,
};
pub use ids::*;
pub use inventory::{Caller, Inventory};
pub use judgement::*;
pub use network::*;
pub use protection::is_protected;
pub use resource::*;
pub use severity::Severity;
pub use shared::{Pool, Shared};
pub use staleness::{
    Binding, Client, Connectivity, Consumer, ConsumerKind, ConsumerPath, Need, Staleness, StalenessVerdict, Traffic,
    Via,
};
pub use text::{Interner, Text};
pub use trusted::{TrustedEntry, TrustedList};
