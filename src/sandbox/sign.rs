//! Verification of ACS3-HMAC-SHA256, written from the vendor's signature page and not from our
//! client.
//!
//! Phases: take the `Authorization` header apart; check that the body is the one that was hashed
//! and that everything that must be signed is; rebuild the canonical request from what arrived;
//! compare in constant time.

use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::reply::ApiError;

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// Everything but the unreserved characters of RFC 3986 is percent-encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Names and values, decoded, in the order of the request.
pub(super) type Parameters = Vec<(String, String)>;

/// A request as it arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming<'a> {
    pub(super) method: &'a str,
    /// The path, still percent-encoded.
    pub(super) path: &'a str,
    /// The query in its parts, decoded.
    pub(super) query: &'a [(String, String)],
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// The parts of an `Authorization` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Presented {
    pub(super) access_key_id: String,
    signed_headers: Vec<String>,
    signature: String,
}

impl Presented {
    /// Takes the header apart. `None` if there is none, which only anonymous operations allow.
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let Some(value) = headers.get("authorization") else { return Ok(None) };
        let value = value.to_str().map_err(|_| incomplete("the Authorization header is not text"))?;
        let fields = value
            .strip_prefix(ALGORITHM)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or_else(|| incomplete("the Authorization header does not begin with ACS3-HMAC-SHA256"))?;
        let (mut key, mut names, mut signature) = (None, None, None);
        for field in fields.split(',') {
            match field.split_once('=') {
                Some(("Credential", value)) => key = Some(value),
                Some(("SignedHeaders", value)) => names = Some(value),
                Some(("Signature", value)) => signature = Some(value),
                _ => {
                    return Err(incomplete(
                        "the Authorization header has a part that is none of Credential, SignedHeaders and Signature",
                    ));
                }
            }
        }
        let (Some(key), Some(names), Some(signature)) = (key, names, signature) else {
            return Err(incomplete("the Authorization header lacks Credential, SignedHeaders or Signature"));
        };
        Ok(Some(Self {
            access_key_id: key.to_owned(),
            signed_headers: names.split(';').map(str::to_owned).collect(),
            signature: signature.to_owned(),
        }))
    }

    /// Checks the request against the secret of the key that it presents.
    pub(super) fn verify(&self, incoming: Incoming<'_>, secret: &str) -> Result<(), ApiError> {
        self.check_signed_headers(incoming.headers)?;
        check_body_hash(incoming)?;
        let canonical = self.canonical_request(incoming)?;
        let text = format!("{ALGORITHM}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
        let given = data_encoding::HEXLOWER.decode(self.signature.as_bytes()).unwrap_or_default();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        mac.verify_slice(&given).map_err(|_| mismatch(&canonical, &text))
    }

    /// `host`, every `x-acs-*` header and `content-type` must be signed where they are sent, and
    /// the names must be in order and lower case.
    fn check_signed_headers(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        if !self.signed_headers.is_sorted() || self.signed_headers.iter().any(|name| name.to_ascii_lowercase() != *name)
        {
            return Err(incomplete("SignedHeaders is not in order or not in lower case"));
        }
        for name in
            ["host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"]
        {
            if !headers.contains_key(name) {
                return Err(incomplete(&format!("the header {name} is missing")));
            }
        }
        for name in headers.keys().map(hyper::header::HeaderName::as_str) {
            let must = name == "host" || name == "content-type" || name.starts_with("x-acs-");
            if must && !self.signed_headers.iter().any(|signed| signed == name) {
                return Err(incomplete(&format!("the header {name} is not signed")));
            }
        }
        Ok(())
    }

    fn canonical_request(&self, incoming: Incoming<'_>) -> Result<String, ApiError> {
        let mut text = format!("{}\n{}\n{}\n", incoming.method, incoming.path, canonical_query(incoming.query));
        for name in &self.signed_headers {
            let value = header(incoming.headers, name)
                .ok_or_else(|| incomplete(&format!("the signed header {name} did not arrive")))?;
            text.push_str(&format!("{name}:{}\n", value.trim()));
        }
        text.push_str(&format!("\n{}\n{}", self.signed_headers.join(";"), hex(&Sha256::digest(incoming.body))));
        Ok(text)
    }
}

/// A header's value as text; `None` if absent or not text.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
}

fn check_body_hash(incoming: Incoming<'_>) -> Result<(), ApiError> {
    let claimed = header(incoming.headers, "x-acs-content-sha256").unwrap_or_default();
    if claimed == hex(&Sha256::digest(incoming.body)) {
        return Ok(());
    }
    Err(ApiError::new(
        400,
        "SignatureDoesNotMatch",
        "Specified signature does not match our calculation: x-acs-content-sha256 is not the hash of the body.",
    ))
}

/// Both sides percent-encoded, sorted by key, an absent value as empty.
pub(super) fn canonical_query(query: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = query.iter().collect();
    pairs.sort();
    pairs.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Decodes `a=b&c=d`, with a plus sign as space, of a query or of a form body.
pub(super) fn decode_pairs(text: &str) -> Result<Parameters, ApiError> {
    let decode = |part: &str| {
        percent_decode_str(&part.replace('+', " "))
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| ApiError::new(400, "InvalidParameter", "The parameters are not UTF-8."))
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(key)?, decode(value)?))
        })
        .collect()
}

fn incomplete(why: &str) -> ApiError {
    ApiError::new(
        400,
        "IncompleteSignature",
        format!("The request signature does not conform to Aliyun standards: {why}."),
    )
}

fn mismatch(canonical: &str, text: &str) -> ApiError {
    let shown = |text: &str| text.replace('\n', "\\n");
    ApiError::new(
        400,
        "SignatureDoesNotMatch",
        format!(
            "Specified signature does not match our calculation. Server's CanonicalRequest is [{}], server's StringToSign is [{}].",
            shown(canonical),
            shown(text)
        ),
    )
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (hyper::header::HeaderName::from_static(name), value.parse().expect("a header value")))
            .collect()
    }

    /// The worked example on the vendor's signature page.
    fn official() -> (HeaderMap, Vec<(String, String)>) {
        let signature = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0";
        let names = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version";
        let headers = headers(&[
            ("host", "ecs.cn-shanghai.aliyuncs.com"),
            ("x-acs-action", "RunInstances"),
            ("x-acs-version", "2014-05-26"),
            ("x-acs-date", "2023-10-26T10:22:32Z"),
            ("x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"),
            ("x-acs-content-sha256", EMPTY),
            (
                "authorization",
                &format!("ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders={names},Signature={signature}"),
            ),
        ]);
        let query = decode_pairs("RegionId=cn-shanghai&ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd")
            .expect("UTF-8");
        (headers, query)
    }

    fn verify(headers: &HeaderMap, query: &[(String, String)], body: &[u8]) -> Result<(), ApiError> {
        let presented = Presented::from_headers(headers)?.expect("there is an Authorization header");
        presented.verify(Incoming { method: "POST", path: "/", query, headers, body }, "YourAccessKeySecret")
    }

    #[test]
    fn the_vendors_example_passes() {
        let (headers, query) = official();
        assert_eq!(verify(&headers, &query, b""), Ok(()));
    }

    #[test]
    fn anything_changed_fails() {
        let (mut headers, mut query) = official();
        assert_eq!(verify(&headers, &query, b"x").map_err(|error| error.code), Err("SignatureDoesNotMatch".into()));
        query[0].1.push('x');
        assert_eq!(verify(&headers, &query, b"").map_err(|error| error.code), Err("SignatureDoesNotMatch".into()));
        query[0].1.pop();
        headers.insert("x-acs-security-token", "unsigned".parse().expect("a header value"));
        assert_eq!(verify(&headers, &query, b"").map_err(|error| error.code), Err("IncompleteSignature".into()));
        headers.remove("x-acs-security-token");
        headers.remove("x-acs-date");
        assert_eq!(verify(&headers, &query, b"").map_err(|error| error.code), Err("IncompleteSignature".into()));
    }

    #[test]
    fn reserved_characters_are_encoded_and_plus_is_a_space() {
        let query =
            decode_pairs("Name=%E5%AE%89%E5%85%A8%E7%BB%84+a%2Bb*c~d/e&Dots=!'()-_.~&NextToken=&Flag").expect("UTF-8");
        assert_eq!(
            canonical_query(&query),
            "Dots=%21%27%28%29-_.~&Flag=&Name=%E5%AE%89%E5%85%A8%E7%BB%84%20a%2Bb%2Ac~d%2Fe&NextToken="
        );
    }
}
