//! Ed25519 keys: made, read and told apart.

use std::{fmt, str::FromStr};

use aws_lc_rs::{
    digest, rand,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use data_encoding::{BASE64, HEXLOWER};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use thiserror::Error;
use zeroize::Zeroizing;

/// What an SPKI structure says before an Ed25519 key (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// How a public key is written on one line.
const ONE_LINE: &str = "ed25519:";

/// Why a text is no key. Never quotes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    #[error(
        "it is no Ed25519 private key in PEM; make one with `portcullis approve --new-key FILE` or \
         `openssl genpkey -algorithm ed25519`"
    )]
    NotAPrivateKey,
    #[error(
        "it is no Ed25519 public key; write `ed25519:` and the key's 32 bytes in base64, as `portcullis approve \
         --new-key` prints them, or what `openssl pkey -pubout` prints"
    )]
    NotAPublicKey,
    #[error("the system gave no random bytes for a key")]
    NoRandomness,
}

/// Names a key without showing it: the first 16 hexadecimal digits of its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    /// Sixteen hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A key that signs. It shows itself nowhere.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Makes a key; returns it and its PEM text, which is the only copy.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn generate() -> Result<(Self, Zeroizing<String>), KeyError> {
        let document =
            Ed25519KeyPair::generate_pkcs8(&rand::SystemRandom::new()).map_err(|_| KeyError::NoRandomness)?;
        let key = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|_| KeyError::NotAPrivateKey)?;
        let body = Zeroizing::new(BASE64.encode(document.as_ref()));
        let mut pem = Zeroizing::new(String::with_capacity(body.len() + 64));
        pem.push_str("-----BEGIN PRIVATE KEY-----\n");
        for line in body.as_bytes().chunks(64) {
            pem.extend(line.iter().copied().map(char::from));
            pem.push('\n');
        }
        pem.push_str("-----END PRIVATE KEY-----\n");
        Ok((Self(key), pem))
    }

    /// Reads a key from PEM (PKCS #8, with or without its public half).
    ///
    /// # Errors
    /// If it is anything else.
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(text).map_err(|_| KeyError::NotAPrivateKey)?;
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der());
        key.map(Self).map_err(|_| KeyError::NotAPrivateKey)
    }

    /// The key that checks this one's signatures.
    pub fn public_key(&self) -> PublicKey {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(self.0.public_key().as_ref()) {
            *to = *from;
        }
        PublicKey(bytes)
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        self.0.sign(bytes).as_ref().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public_key().id())
    }
}

/// A key that checks signatures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// What names the key.
    pub fn id(&self) -> KeyId {
        let digest = digest::digest(&digest::SHA256, &self.0);
        KeyId(HEXLOWER.encode(&digest.as_ref()[..8]))
    }

    pub(super) fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(bytes, signature).is_ok()
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    /// From `ed25519:…`, from the base64 of an SPKI structure, or from that in PEM.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let body: String = text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
        let raw = match body.strip_prefix(ONE_LINE) {
            Some(body) => BASE64.decode(body.as_bytes()).ok(),
            None => {
                BASE64.decode(body.as_bytes()).ok().and_then(|der| der.strip_prefix(&SPKI_PREFIX).map(<[u8]>::to_vec))
            }
        };
        raw.and_then(|raw| raw.try_into().ok()).map(Self).ok_or(KeyError::NotAPublicKey)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ONE_LINE}{}", BASE64.encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, test 3: the seed in PKCS #8 as RFC 8410 section 7 shows it.
    const SEED: &str = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
    const PUBLIC: &str = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
    const SIGNATURE: &str = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";

    fn hex(text: &str) -> Vec<u8> {
        HEXLOWER.decode(text.as_bytes()).expect("it is well made")
    }

    fn pem_of_the_seed() -> String {
        let mut der = hex("302e020100300506032b657004220420");
        der.extend(hex(SEED));
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", BASE64.encode(&der))
    }

    #[test]
    fn signatures_are_those_of_the_rfc() {
        let key = SigningKey::from_pem(pem_of_the_seed().as_bytes()).expect("it is well made");
        assert_eq!(key.public_key().0.to_vec(), hex(PUBLIC));
        assert_eq!(key.sign(&hex("af82")), hex(SIGNATURE));
        assert!(key.public_key().verifies(&hex("af82"), &hex(SIGNATURE)));
        assert!(!key.public_key().verifies(&hex("af83"), &hex(SIGNATURE)));
    }

    #[test]
    fn a_new_key_is_read_back_and_is_never_the_same() {
        let (key, pem) = SigningKey::generate().expect("it is well made");
        let read = SigningKey::from_pem(pem.as_bytes()).expect("it is well made");
        assert_eq!(read.public_key(), key.public_key());
        assert_ne!(SigningKey::generate().expect("it is well made").0.public_key(), key.public_key());
    }

    #[test]
    fn a_key_shows_nothing_but_its_name() {
        let key = SigningKey::from_pem(pem_of_the_seed().as_bytes()).expect("it is well made");
        assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.public_key().id()));
        assert_eq!(key.public_key().id().as_str().len(), 16);
    }

    #[test]
    fn public_keys_are_read_in_three_spellings() {
        let raw = hex(PUBLIC);
        let mut spki = SPKI_PREFIX.to_vec();
        spki.extend(&raw);
        let spki = BASE64.encode(&spki);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----\n");
        for text in [format!("ed25519:{}", BASE64.encode(&raw)), spki, pem] {
            let key: PublicKey = text.parse().expect("it is well made");
            assert_eq!(key.0.to_vec(), raw);
            assert_eq!(key.to_string().parse(), Ok(key));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let short = format!("ed25519:{}", BASE64.encode(&[1; 31]));
        for text in ["", "ed25519:", "age1fake", &short, "ed25519:!!!!", &BASE64.encode(&[1; 44])] {
            assert_eq!(text.parse::<PublicKey>(), Err(KeyError::NotAPublicKey), "{text}");
        }
        let rsa = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
        for text in ["", "secret", rsa] {
            assert_eq!(SigningKey::from_pem(text.as_bytes()).err(), Some(KeyError::NotAPrivateKey), "{text}");
        }
    }
}
