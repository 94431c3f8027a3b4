//! The log service's own signatures: `SLS4-HMAC-SHA256`, which the client uses, and the older `LOG`.
//!
//! Source: vendor, "request signature" of the log service, and its SDK. Which headers are signed
//! follows from their names: `host`, `content-type`, and all that begin with `x-log-` or `x-acs-`.

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::sign::{self, Canonical, payload_hash};

/// The algorithm's name, which is also the scheme of `Authorization`.
pub const ALGORITHM: &str = "SLS4-HMAC-SHA256";

/// Brings a request into canonical form; headers that are not signed are left out.
pub fn canonical<N: AsRef<str>, V: AsRef<str>>(
    method: &str,
    path: &str,
    query: &str,
    headers: &[(N, V)],
    payload_hash: &str,
) -> Canonical {
    let is_signed = |name: &str| matches!(name, "host" | "content-type") || is_own(name);
    let signed: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_ref(), value.as_ref()))
        .filter(|(name, _)| is_signed(&name.to_ascii_lowercase()))
        .collect();
    sign::canonical(method, path, query, &signed, payload_hash)
}

/// What is signed: the canonical request under the date (`20260102T030405Z`) and the region.
pub fn string_to_sign(date: &str, region: &str, canonical: &Canonical) -> String {
    let hash = payload_hash(canonical.request.as_bytes());
    format!("{ALGORITHM}\n{date}\n{}\n{hash}", scope(date, region))
}

/// The value of `Authorization`.
pub fn authorization(
    access_key_id: &str,
    secret: &SecretString,
    date: &str,
    region: &str,
    canonical: &Canonical,
) -> SecretString {
    let day = day(date);
    let mut key = Zeroizing::new(format!("aliyun_v4{}", secret.expose_secret()).into_bytes());
    for part in [day, region, "sls", "aliyun_v4_request"] {
        key = mac(&key, part);
    }
    let signature = HEXLOWER.encode(&mac(&key, &string_to_sign(date, region, canonical)));
    format!("{ALGORITHM} Credential={access_key_id}/{},Signature={signature}", scope(date, region)).into()
}

/// The value of `Authorization` of the older signature, which is the SDK's default. `headers` are
/// all that are sent, the body's MD5 and the date among them; `resource` is the path with its query.
pub fn authorization_v1<N: AsRef<str>, V: AsRef<str>>(
    access_key_id: &str,
    secret: &SecretString,
    method: &str,
    resource: &str,
    headers: &[(N, V)],
) -> SecretString {
    let mut named: Vec<(String, &str)> =
        headers.iter().map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.as_ref())).collect();
    named.sort_unstable();
    let value = |wanted: &str| named.iter().find(|(name, _)| name == wanted).map_or("", |(_, value)| *value);
    let mut text = format!("{method}\n{}\n{}\n{}\n", value("content-md5"), value("content-type"), value("date"));
    for (name, value) in named.iter().filter(|(name, _)| is_own(name)) {
        text.push_str(&format!("{name}:{value}\n"));
    }
    text.push_str(resource);
    let key = Zeroizing::new(secret.expose_secret().as_bytes().to_vec());
    format!("LOG {access_key_id}:{}", BASE64.encode(&mac(&key, &text))).into()
}

fn is_own(name: &str) -> bool {
    name.starts_with("x-log-") || name.starts_with("x-acs-")
}

fn day(date: &str) -> &str {
    date.get(..8).unwrap_or(date)
}

fn scope(date: &str, region: &str) -> String {
    format!("{}/{region}/sls/aliyun_v4_request", day(date))
}

fn mac(key: &[u8], text: &str) -> Zeroizing<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}
