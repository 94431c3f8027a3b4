//! HMAC-SHA256, which every channel that signs asks for, each with its own text and spelling.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The code of `text` under `key`.
pub(super) fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is good for HMAC");
    mac.update(text);
    mac.finalize().into_bytes().into()
}
