//! A run as evidence: a folder of files, and a manifest over them that names the bundle before it and is signed.
//!
//! The manifest is an in-toto statement in a DSSE envelope: its bytes are signed as they are stored. Each file is in it with
//! its length, its lines and its SHA-256; so a byte that was changed, and a line that was dropped or moved, shows. `verify`
//! needs the folder and a public key, and nothing else.

mod chain;
mod manifest;
#[cfg(test)]
mod tests;
mod verify;
mod write;

pub use chain::{Link, link};
pub use manifest::{AllowlistWidth, Facts, Manifest, Member};
pub use verify::{Verified, verify};
pub use write::{EvidenceError, write};

/// The envelope with the manifest.
pub const MANIFEST: &str = "manifest.dsse.json";

/// The manifest's digest, for who has no key: it shows damage, and no forgery.
pub const DIGEST: &str = "manifest.sha256";

/// The files of a bundle, each of which is there, if only empty.
pub const MEMBERS: [&str; 7] = [
    "findings.jsonl",
    "inventory.jsonl",
    "ledger.jsonl",
    "policy.json",
    "waivers.jsonl",
    "replies.jsonl",
    "report.json",
];

/// What an envelope says that it holds.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// `sha256:…` of these bytes.
fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)))
}
