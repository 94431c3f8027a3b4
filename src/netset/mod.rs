//! Value arithmetic: address sets, CIDR parsing and covers, port sets.
//!
//! A set is a sorted list of disjoint closed intervals ([`RangeSet`]), so two spellings of one set
//! are equal and no verdict depends on how a rule was written. [`AddressSet`] holds one set for
//! each family: IPv4 and IPv6 are separate universes, and `::ffff:a.b.c.d` is IPv6 here.
//! [`Gaps`] is an allowlist turned inside out, against which a residue costs O(log n).
//!
//! Two parsers: [`Block::parse`] for what an API or a saved question says (bare addresses, host
//! bits, any width), and [`allowlist`] for what an operator configures, which refuses everything
//! that could mean something else than it says.
#![deny(clippy::disallowed_methods)]

pub mod allowlist;

mod address_set;
mod block;
mod count;
mod cover;
mod gaps;
mod point;
mod ports;
mod range_set;
mod routable;

pub use address_set::AddressSet;
pub use block::{Block, MalformedAddress};
pub use count::Count;
pub use cover::{Cover, block_count};
pub use gaps::{Gaps, Residue};
pub use point::{Address, Point};
pub use ports::{MalformedPorts, PortSet, all_ports, parse_ports};
pub use range_set::{Interval, RangeSet};
pub use routable::routable;
