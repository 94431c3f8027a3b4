//! A DSSE envelope: a typed payload and the signatures over it, in one JSON file.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{PublicKey, SigningKey, pre_authentication_encoding};

/// A payload that is signed, or is about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    payload_type: String,
    payload: Vec<u8>,
    signatures: Vec<SignatureText>,
}

/// The envelope as DSSE v1 writes it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    payload_type: String,
    payload: String,
    signatures: Vec<SignatureText>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SignatureText {
    #[serde(default)]
    keyid: String,
    sig: String,
}

/// Why bytes are no envelope.
#[derive(Debug, Error)]
pub enum EnvelopeError {
    #[error("it is no DSSE envelope")]
    NotAnEnvelope(#[source] serde_json::Error),
    #[error("its payload is no base64")]
    Payload,
    #[error("it holds `{}`, not `{wanted}`", found.escape_default())]
    OtherType { found: String, wanted: String },
}

impl Envelope {
    /// An envelope that nobody has signed yet.
    pub fn new(payload_type: &str, payload: Vec<u8>) -> Self {
        Self { payload_type: payload_type.to_owned(), payload, signatures: Vec::new() }
    }

    /// Adds a signature.
    #[must_use]
    pub fn signed(mut self, key: &SigningKey) -> Self {
        let signature = key.sign(&pre_authentication_encoding(&self.payload_type, &self.payload));
        let keyid = key.public_key().id().to_string();
        self.signatures.push(SignatureText { keyid, sig: BASE64.encode(&signature) });
        self
    }

    /// The envelope as a file.
    pub fn to_json(&self) -> String {
        let Self { payload_type, payload, signatures } = self.clone();
        let written = Written { payload_type, payload: BASE64.encode(&payload), signatures };
        let mut text = serde_json::to_string(&written).expect("texts only");
        text.push('\n');
        text
    }

    /// Reads an envelope whose payload is of this type. Says nothing of its signatures.
    ///
    /// # Errors
    /// If it is none, or holds something else.
    pub fn read(bytes: &[u8], payload_type: &str) -> Result<Self, EnvelopeError> {
        let written: Written = serde_json::from_slice(bytes).map_err(EnvelopeError::NotAnEnvelope)?;
        if written.payload_type != payload_type {
            let wanted = payload_type.to_owned();
            return Err(EnvelopeError::OtherType { found: written.payload_type, wanted });
        }
        let payload = BASE64.decode(written.payload.as_bytes()).map_err(|_| EnvelopeError::Payload)?;
        Ok(Self { payload_type: written.payload_type, payload, signatures: written.signatures })
    }

    /// What was put into it. It proves nothing before [`Self::signers`] has been asked.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// True if nobody claims to have signed it.
    pub fn is_unsigned(&self) -> bool {
        self.signatures.is_empty()
    }

    /// True if each signature on it is of one of `keys`, which it names, and none of them signed twice.
    pub fn is_signed_only_by(&self, keys: &[PublicKey]) -> bool {
        let bytes = pre_authentication_encoding(&self.payload_type, &self.payload);
        let mut named: Vec<&str> = Vec::new();
        self.signatures.iter().all(|one| {
            let is_new = !named.contains(&one.keyid.as_str());
            named.push(&one.keyid);
            let signature = BASE64.decode(one.sig.as_bytes());
            let is_of = |key: &PublicKey| {
                one.keyid == key.id().as_str()
                    && signature.as_ref().is_ok_and(|signature| key.verifies(&bytes, signature))
            };
            is_new && keys.iter().any(is_of)
        })
    }

    /// Those of `keys` whose signature is on it, each once, in their order. What an envelope says of its
    /// signers is not believed: every signature is tried with every key.
    pub fn signers<'k>(&self, keys: &'k [PublicKey]) -> Vec<&'k PublicKey> {
        let bytes = pre_authentication_encoding(&self.payload_type, &self.payload);
        let signatures: Vec<_> =
            self.signatures.iter().filter_map(|one| BASE64.decode(one.sig.as_bytes()).ok()).collect();
        let mut signers: Vec<&PublicKey> = Vec::new();
        for key in keys {
            if !signers.contains(&key) && signatures.iter().any(|signature| key.verifies(&bytes, signature)) {
                signers.push(key);
            }
        }
        signers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "application/vnd.portcullis.test+json";

    #[test]
    fn who_signed_is_told_whatever_the_envelope_says() {
        let (one, _) = SigningKey::generate().expect("it is well made");
        let (other, _) = SigningKey::generate().expect("it is well made");
        let keys = [other.public_key(), one.public_key(), one.public_key()];
        let envelope = Envelope::new(TYPE, b"{}".to_vec()).signed(&one);
        let text = envelope.to_json().replace(one.public_key().id().as_str(), other.public_key().id().as_str());
        let read = Envelope::read(text.as_bytes(), TYPE).expect("it is well made");
        assert_eq!(read.signers(&keys), [&one.public_key()]);
        assert_eq!(read.payload(), b"{}");
        assert_eq!(envelope.signed(&other).signers(&keys).len(), 2);
    }

    #[test]
    fn any_changed_byte_of_the_payload_undoes_the_signature() {
        let (key, _) = SigningKey::generate().expect("it is well made");
        let payload = br#"{"a": 1}"#.to_vec();
        let envelope = Envelope::new(TYPE, payload.clone()).signed(&key);
        for position in 0..payload.len() {
            let mut changed = envelope.clone();
            changed.payload[position] ^= 1;
            assert!(changed.signers(&[key.public_key()]).is_empty(), "{position}");
        }
        let other_type = Envelope { payload_type: format!("{TYPE}2"), ..envelope };
        assert!(other_type.signers(&[key.public_key()]).is_empty());
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "[]", "{}", r#"{"payloadType": "x", "payload": "", "signatures": []}"#] {
            assert!(Envelope::read(text.as_bytes(), TYPE).is_err(), "{text}");
        }
        let damaged = format!(r#"{{"payloadType": "{TYPE}", "payload": "?", "signatures": []}}"#);
        assert!(matches!(Envelope::read(damaged.as_bytes(), TYPE), Err(EnvelopeError::Payload)));
    }
}
