//! A run as evidence: a folder of files, and a manifest over them that names the bundle before it and is signed.
//!
//! The manifest is an in-toto statement in a DSSE envelope: its bytes are signed as they are stored. Each file is in it with
//! its length, its lines and its SHA-256; so a byte that was changed, and a line that was dropped or moved, shows. `verify`
//! needs the folder and a public key, and nothing else.

mod chain;
mod journal;
mod manifest;
#[cfg(test)]
mod tests;
mod verify;
mod write;

pub use chain::{Link, link};
pub use journal::{Found, Journal, Mark, Slice, Span};
pub use manifest::{AllowlistWidth, Facts, Manifest, Member};
pub use verify::{Verified, verify};
pub use write::{EvidenceError, Sealed, write};

/// The envelope with the manifest.
pub const MANIFEST: &str = "manifest.dsse.json";

/// The manifest's digest, for who has no key: it shows damage, and no forgery.
pub const DIGEST: &str = "manifest.sha256";

/// Entries of the journal of remediations.
pub const JOURNAL: &str = "journal.jsonl";

/// The report once more, as people look at it.
pub const VIEWS: [&str; 3] = ["report.html", "findings.csv", "endpoints.csv"];

/// The files of a bundle, each of which is there, if only empty.
pub const MEMBERS: [&str; 11] = [
    "findings.jsonl",
    "inventory.jsonl",
    "ledger.jsonl",
    "policy.json",
    "waivers.jsonl",
    "replies.jsonl",
    "report.json",
    VIEWS[0],
    VIEWS[1],
    VIEWS[2],
    JOURNAL,
];

/// Those of them that bundles of the first version have.
const FIRST_MEMBERS: [&str; 7] = [MEMBERS[0], MEMBERS[1], MEMBERS[2], MEMBERS[3], MEMBERS[4], MEMBERS[5], MEMBERS[6]];

/// What an envelope says that it holds.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// `sha256:…` of these bytes.
fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)))
}
