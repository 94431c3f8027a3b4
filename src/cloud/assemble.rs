//! A call becomes the bytes of one HTTP request: headers, body and signature, for reads and writes alike.

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::ExposeSecret;

use super::{
    context::{HeaderText, HttpRequest, Method},
    credential::Credentials,
    endpoint::Target,
    request::Product,
    sign,
};

/// Who is calling, in the cloud's logs.
pub(super) const USER_AGENT: &str = concat!("portcullis/", env!("CARGO_PKG_VERSION"));

/// What stands in front of the version in it.
pub(super) const PROGRAM: &str = "portcullis";

/// What travels in the body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body<'a> {
    None,
    Form(&'a [(String, String)]),
    Json(&'a [u8]),
}

/// One call before it is signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unsigned<'a> {
    pub(super) product: Product,
    pub(super) action: &'static str,
    pub(super) method: Method,
    /// Percent-encoded.
    pub(super) path: &'a str,
    pub(super) query: &'a [(String, String)],
    pub(super) body: Body<'a>,
    pub(super) target: &'a Target,
    /// Who the cloud's audit trail says has called.
    pub(super) agent: &'a str,
}

impl Unsigned<'_> {
    /// The request as it is sent; without credentials it carries no signature.
    pub(super) fn sign(self, credentials: Option<&Credentials>, date: DateTime<Utc>, nonce: &str) -> HttpRequest {
        let query = sign::canonical_query(self.query);
        let (body, content_type) = match self.body {
            Body::None => (Vec::new(), ""),
            Body::Form(params) => (sign::form_body(params).into_bytes(), "application/x-www-form-urlencoded"),
            // As the vendor's SDK writes it; the header is signed.
            Body::Json(bytes) => (bytes.to_vec(), "application/json; charset=utf-8"),
        };
        let payload_hash = sign::payload_hash(&body);
        let mut headers: Vec<(&'static str, String)> = vec![
            ("host", self.target.host.clone()),
            ("x-acs-action", self.action.to_owned()),
            ("x-acs-version", self.product.version().to_owned()),
            ("x-acs-date", date.to_rfc3339_opts(SecondsFormat::Secs, true)),
            ("x-acs-signature-nonce", nonce.to_owned()),
            ("x-acs-content-sha256", payload_hash.clone()),
        ];
        if !body.is_empty() {
            headers.push(("content-type", content_type.to_owned()));
        }
        let mut sent: Vec<(&'static str, HeaderText)> = Vec::new();
        if let Some(credentials) = credentials {
            let mut signed: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            if let Some(token) = &credentials.security_token {
                signed.push(("x-acs-accesskey-id", &credentials.access_key_id));
                signed.push(("x-acs-security-token", token.expose_secret()));
                sent.push(("x-acs-accesskey-id", HeaderText::Plain(credentials.access_key_id.clone())));
                sent.push(("x-acs-security-token", HeaderText::Sensitive(token.clone())));
            }
            let canonical = sign::canonical(self.method.as_str(), self.path, &query, &signed, &payload_hash);
            let value = sign::authorization(&credentials.access_key_id, &credentials.access_key_secret, &canonical);
            sent.push(("authorization", HeaderText::Sensitive(value)));
        }
        sent.extend(headers.into_iter().map(|(name, value)| (name, HeaderText::Plain(value))));
        sent.push(("accept", HeaderText::Plain("application/json".to_owned())));
        sent.push(("user-agent", HeaderText::Plain(self.agent.to_owned())));
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{}{mark}{query}", self.target.base, self.path);
        HttpRequest { method: self.method, url, headers: sent, body, deadline: None, is_fresh: false }
    }
}
