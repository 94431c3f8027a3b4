//! What Portcullis judges with: sets of addresses, the inventory's nouns, and the judgements made from them. No clock, no
//! environment, no files. A package of its own, since it is built for speed and the rest for size.

pub mod analysis;
pub mod model;
pub mod netset;
