//! Verification of `SLS4-HMAC-SHA256`, the log service's own signature, written from the vendor's
//! description and not from our client. The older `LOG` signature is refused.

use hmac::{Hmac, KeyInit, Mac};
use hyper::HeaderMap;
use sha2::{Digest, Sha256};

use super::{
    reply::ApiError,
    sign::{Incoming, canonical_query, header},
};

const ALGORITHM: &str = "SLS4-HMAC-SHA256";

/// The parts of an `Authorization` header. Which headers are signed is not among them: it follows
/// from their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Presented {
    pub(super) access_key_id: String,
    /// `{yyyymmdd}/{region}/sls/aliyun_v4_request`
    scope: String,
    signature: String,
}

impl Presented {
    /// Takes the header apart.
    pub(super) fn from_headers(headers: &HeaderMap) -> Result<Self, ApiError> {
        let value = header(headers, "authorization").ok_or_else(|| refused("there is no Authorization header"))?;
        let fields = value.strip_prefix(ALGORITHM).and_then(|rest| rest.strip_prefix(' '));
        let fields = fields.ok_or_else(|| refused("the Authorization header does not begin with SLS4-HMAC-SHA256"))?;
        let parts = fields.split_once(',').and_then(|(credential, signature)| {
            let (key, scope) = credential.strip_prefix("Credential=")?.split_once('/')?;
            Some((key, scope, signature.strip_prefix("Signature=")?))
        });
        let (key, scope, signature) =
            parts.ok_or_else(|| refused("the Authorization header lacks Credential or Signature"))?;
        Ok(Self { access_key_id: key.to_owned(), scope: scope.to_owned(), signature: signature.to_owned() })
    }

    /// Checks the request, which came to a host of `region`, against the secret of the key.
    pub(super) fn verify(&self, incoming: Incoming<'_>, region: &str, secret: &str) -> Result<(), ApiError> {
        let date = header(incoming.headers, "x-log-date").ok_or_else(|| refused("the header x-log-date is missing"))?;
        let day = date.get(..8).unwrap_or_default();
        if self.scope != format!("{day}/{region}/sls/aliyun_v4_request") {
            return Err(refused("the scope is not the request's day and the host's region"));
        }
        let hash = hex(&Sha256::digest(incoming.body));
        if header(incoming.headers, "x-log-content-sha256") != Some(&*hash) {
            return Err(refused("x-log-content-sha256 is not the hash of the body"));
        }
        let canonical = canonical_request(incoming, &hash);
        let text = format!("{ALGORITHM}\n{date}\n{}\n{}", self.scope, hex(&Sha256::digest(canonical.as_bytes())));
        let mut key = mac(format!("aliyun_v4{secret}").as_bytes(), day);
        for part in [region, "sls", "aliyun_v4_request"] {
            key = mac(&key, part);
        }
        if hex(&mac(&key, &text)) == self.signature { Ok(()) } else { Err(refused("the signature does not match")) }
    }
}

fn canonical_request(incoming: Incoming<'_>, hash: &str) -> String {
    let is_signed = |name: &str| {
        matches!(name, "host" | "content-type") || name.starts_with("x-log-") || name.starts_with("x-acs-")
    };
    let mut names: Vec<&str> =
        incoming.headers.keys().map(|name| name.as_str()).filter(|name| is_signed(name)).collect();
    names.sort_unstable();
    let line = |name: &&str| format!("{name}:{}\n", header(incoming.headers, name).unwrap_or_default().trim());
    let lines: String = names.iter().map(line).collect();
    let (method, path, query) = (incoming.method, incoming.path, canonical_query(incoming.query));
    format!("{method}\n{path}\n{query}\n{lines}\n{}\n{hash}", names.join(";"))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn refused(why: &str) -> ApiError {
    ApiError::new(401, "SignatureNotMatch", format!("signature is not matched: {why}"))
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
