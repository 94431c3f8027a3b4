//! The signature `ACS3-HMAC-SHA256`: canonical text, string to sign, `Authorization`.
//!
//! Source: vendor, "V3 request syntax and signature method". No key derivation, no scoping by date
//! or region, no blanks after the commas of `Authorization`.

use std::fmt::Write;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// The algorithm's name, which is also the scheme of `Authorization`.
pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes a query name, a query value or a path variable.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The canonical query: sorted by name, both sides encoded. It is also what is sent.
pub fn canonical_query<N: AsRef<str>, V: AsRef<str>>(params: &[(N, V)]) -> String {
    joined(params, encode)
}

/// The body of a form-style request: sorted by name, a blank as `+`, as the vendor's SDK sends it.
pub fn form_body<N: AsRef<str>, V: AsRef<str>>(params: &[(N, V)]) -> String {
    joined(params, |text| encode(text).replace("%20", "+"))
}

fn joined<N: AsRef<str>, V: AsRef<str>>(params: &[(N, V)], encode: impl Fn(&str) -> String) -> String {
    let mut sorted: Vec<(&str, &str)> = params.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
    sorted.sort_unstable();
    let pairs: Vec<String> =
        sorted.into_iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

/// The hash of the exact bytes of the body, in lower-case hexadecimal.
pub fn payload_hash(body: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(body))
}

/// A request in the form that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical {
    /// The canonical request.
    pub request: String,
    /// The names of the signed headers, joined by `;`.
    pub signed_headers: String,
}

/// Brings a request into canonical form. `path` and `query` are taken as they are: encoded already.
/// All of `headers` are signed; `Authorization` must not be among them.
pub fn canonical<N: AsRef<str>, V: AsRef<str>>(
    method: &str,
    path: &str,
    query: &str,
    headers: &[(N, V)],
    payload_hash: &str,
) -> Canonical {
    let mut lines: Vec<(String, &str)> =
        headers.iter().map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.as_ref().trim())).collect();
    lines.sort_unstable();
    let signed_headers = lines.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let mut request = format!("{method}\n{path}\n{query}\n");
    for (name, value) in &lines {
        writeln!(request, "{name}:{value}").expect("writing to a string does not fail");
    }
    write!(request, "\n{signed_headers}\n{payload_hash}").expect("writing to a string does not fail");
    Canonical { request, signed_headers }
}

/// The text whose HMAC is the signature.
pub fn string_to_sign(canonical: &Canonical) -> String {
    format!("{ALGORITHM}\n{}", payload_hash(canonical.request.as_bytes()))
}

/// The value of the `Authorization` header.
pub fn authorization(access_key_id: &str, secret: &SecretString, canonical: &Canonical) -> SecretString {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
        .expect("a key of any length is good for HMAC");
    mac.update(string_to_sign(canonical).as_bytes());
    let mut tag = Zeroizing::new([0_u8; 32]);
    tag.copy_from_slice(&mac.finalize().into_bytes());
    let signature = Zeroizing::new(HEXLOWER.encode(&*tag));
    let signed_headers = &canonical.signed_headers;
    SecretString::from(format!(
        "{ALGORITHM} Credential={access_key_id},SignedHeaders={signed_headers},Signature={}",
        &**signature
    ))
}
