//! The local journal: what this host announced and learned, each record chained to the ones before it.
//!
//! A record is `length (4, little endian) · CRC32C of length and payload (4) · SHA-256 of the chain so
//! far and the payload (32) · payload`. The first four bytes of the file are `PCJ1`. What is torn off at
//! the end was never announced, since the call that a record announces waits for the sync: it is dropped. A
//! bad record with others behind it is damage. The shared row is the truth about open intents; this is
//! for the audit, and for speed.

mod crc;
mod read;
mod write;

pub use read::{Damaged, Entry, Journal, read};
pub use write::{Disk, Writer};

/// First bytes of a journal, with its version.
pub const MAGIC: [u8; 4] = *b"PCJ1";

/// Longest payload: a longer length is damage, not a request for memory.
pub const PAYLOAD_LIMIT: usize = 1 << 20;

const HEAD: usize = 4 + 4 + 32;

/// SHA-256 over the chain so far and a payload.
pub type Chain = [u8; 32];

/// The chain with this payload behind it. Zeros are the chain before the first one.
pub fn link(chain: &Chain, payload: &[u8]) -> Chain {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(chain);
    hash.update(payload);
    hash.finalize().into()
}

fn checksum(length: [u8; 4], payload: &[u8]) -> [u8; 4] {
    crc::crc32c(&[&length, payload]).to_le_bytes()
}

#[cfg(test)]
mod tests;
