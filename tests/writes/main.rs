//! Writes over real HTTP: our client against the simulated cloud. What is done, when it shows and where; what is refused;
//! what an answer is worth when the network or the cloud misbehaves; and others who change the same things.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod effects;
mod faults;
mod fence;
mod harness;
mod outsiders;
