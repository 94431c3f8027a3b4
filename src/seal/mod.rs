//! Signatures over files: who approved a plan, who made a bundle of evidence.
//!
//! Keys are Ed25519 (RFC 8032). What is signed is never the bare bytes but their pre-authentication
//! encoding with a type, as DSSE v1 has it (github.com/secure-systems-lab/dsse/blob/master/protocol.md), so
//! that a signature over one kind of file is none over another. Stored bytes are checked before anything in
//! them is parsed: there is no canonical form to disagree about.

mod detached;
mod envelope;
mod key;

pub use detached::{Detached, DetachedError};
pub use envelope::{Envelope, EnvelopeError};
pub use key::{KeyError, KeyId, PublicKey, SigningKey};

/// What is signed: `DSSEv1`, the type's length and the type, the body's length and the body.
fn pre_authentication_encoding(payload_type: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_that_of_the_specification() {
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }
}
