//! A signature in a file of its own, beside the file that it is over.

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{PublicKey, SigningKey, pre_authentication_encoding};

/// The only value of `schema` that this version writes and reads.
const SCHEMA: &str = "portcullis.signature/v1";

/// A signature over a file that is kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detached {
    schema: String,
    payload_type: String,
    /// `sha256:…` of the file, for people: what counts is the signature.
    digest: String,
    key_id: String,
    signature: String,
}

/// Why a signature does not count.
#[derive(Debug, Error)]
pub enum DetachedError {
    #[error("it is no signature of `{SCHEMA}`")]
    NotASignature(#[source] serde_json::Error),
    #[error("it has the format `{}`, and this version knows `{SCHEMA}`", found.escape_default())]
    Version { found: String },
    #[error("it is over another file, whose digest is {}", digest.escape_default())]
    OtherFile { digest: String },
    #[error("it is over the same bytes as something else: `{}`", found.escape_default())]
    OtherType { found: String },
    #[error("it was not made with any known key; it names the key {}", key_id.escape_default())]
    UnknownKey { key_id: String },
}

impl Detached {
    /// Signs `bytes` as something of this type.
    pub fn new(payload_type: &str, bytes: &[u8], key: &SigningKey) -> Self {
        let signature = key.sign(&pre_authentication_encoding(payload_type, bytes));
        Self {
            schema: SCHEMA.to_owned(),
            payload_type: payload_type.to_owned(),
            digest: digest(bytes),
            key_id: key.public_key().id().to_string(),
            signature: BASE64.encode(&signature),
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// If it is no signature, or one of a later version.
    pub fn read(bytes: &[u8]) -> Result<Self, DetachedError> {
        #[derive(Deserialize)]
        struct Header {
            schema: String,
        }
        let Header { schema } = serde_json::from_slice(bytes).map_err(DetachedError::NotASignature)?;
        if schema != SCHEMA {
            return Err(DetachedError::Version { found: schema });
        }
        serde_json::from_slice(bytes).map_err(DetachedError::NotASignature)
    }

    /// The signature as a file.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("texts only");
        text.push('\n');
        text
    }

    /// Which of `keys` it was made with, over these bytes as something of this type.
    ///
    /// # Errors
    /// If it is over anything else, or made with another key.
    pub fn signer<'k>(
        &self,
        payload_type: &str,
        bytes: &[u8],
        keys: &'k [PublicKey],
    ) -> Result<&'k PublicKey, DetachedError> {
        let signature = BASE64.decode(self.signature.as_bytes()).unwrap_or_default();
        let signed = pre_authentication_encoding(payload_type, bytes);
        if let Some(key) = keys.iter().find(|key| key.verifies(&signed, &signature)) {
            return Ok(key);
        }
        // Why not, as far as the file says it.
        if self.digest != digest(bytes) {
            return Err(DetachedError::OtherFile { digest: self.digest.clone() });
        }
        if self.payload_type != payload_type {
            return Err(DetachedError::OtherType { found: self.payload_type.clone() });
        }
        Err(DetachedError::UnknownKey { key_id: self.key_id.clone() })
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "application/vnd.portcullis.test+json";

    #[test]
    fn a_signature_is_read_back_and_names_its_key() {
        let (key, _) = SigningKey::generate().expect("it is well made");
        let (other, _) = SigningKey::generate().expect("it is well made");
        let made = Detached::new(TYPE, b"a plan", &key);
        let read = Detached::read(made.to_json().as_bytes()).expect("it is well made");
        let keys = [other.public_key(), key.public_key()];
        assert_eq!(read.signer(TYPE, b"a plan", &keys).expect("it is well made"), &key.public_key());
    }

    #[test]
    fn why_it_does_not_count_is_told() {
        let (key, _) = SigningKey::generate().expect("it is well made");
        let keys = [key.public_key()];
        let made = Detached::new(TYPE, b"a plan", &key);
        assert!(matches!(made.signer(TYPE, b"a plan.", &keys), Err(DetachedError::OtherFile { .. })));
        assert!(matches!(made.signer("text/plain", b"a plan", &keys), Err(DetachedError::OtherType { .. })));
        assert!(matches!(made.signer(TYPE, b"a plan", &[]), Err(DetachedError::UnknownKey { .. })));
        // A digest that was made to fit does not help.
        let forged = Detached { digest: digest(b"a plan."), ..made };
        assert!(matches!(forged.signer(TYPE, b"a plan.", &keys), Err(DetachedError::UnknownKey { .. })));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "{}", r#"{"schema": "portcullis.signature/v1"}"#] {
            assert!(matches!(Detached::read(text.as_bytes()), Err(DetachedError::NotASignature(_))), "{text}");
        }
        let later = br#"{"schema": "portcullis.signature/v9", "what": 1}"#;
        assert!(matches!(Detached::read(later), Err(DetachedError::Version { .. })));
    }
}
