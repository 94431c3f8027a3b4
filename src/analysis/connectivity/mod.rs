//! Whether there is a private path from a cluster to its mesh, and why not.
//!
//! A [`Topology`] is a [`Network`](crate::model::Network) made ready; [`Topology::pair`] answers for
//! one pair of ends. One packet is walked by longest prefix to the mesh and another one back,
//! over tables as the API returned them, and the filters of both ends are asked. A packet stands
//! for all addresses around it for which every step is the same, so that a pair is walked once for
//! each stretch of addresses. PrivateLink is an alternative to all of that.
//!
//! What was refused gives [`Verdict::Unknown`], never [`Verdict::Blocked`]: reading more of an
//! account only ever resolves what was unknown.
//!
//! Phases: `lpm` and `table` make route tables ready, `topology` everything else; `walk` walks,
//! with `leave`, `transit` and `cen` for the ways between VPCs; `groups` and `acl` are the filters,
//! `private_link` the alternative, `nat` the way to the internet; `pair` puts it together; `nearest` finds what would connect a
//! blocked pair, `all_pairs` judges all pairs at once, `question` answers saved questions.

mod acl;
mod all_pairs;
mod bits;
mod cen;
mod groups;
mod leave;
mod lpm;
mod nat;
mod nearest;
mod pair;
mod private_link;
mod question;
mod table;
mod topology;
mod transit;
mod verdict;
mod walk;

pub use all_pairs::{AllPairs, PairCounts};
pub use lpm::{Distance, Lpm};
pub use pair::{DataPlaneEnd, MeshEnd};
pub use private_link::SERVICE_RANGES;
pub use question::{PathQuestion, PathQuestionError, PathSummary, answer};
pub use topology::{Family, Topology};
pub use verdict::{Code, Direction, Hop, NearestPath, PairAnswer, Reason, Verdict, Via};
