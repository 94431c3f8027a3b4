//! Temporary keys as the metadata service and credentials URIs hand them out.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use super::{Credentials, source::printable};
use crate::cloud::{json, request::TopLevel};

/// The reply of both services.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reply {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    access_key_id: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    access_key_secret: Option<SecretString>,
    #[serde(default, deserialize_with = "secret")]
    security_token: Option<SecretString>,
    #[serde(default)]
    expiration: Option<String>,
}

/// Reads a reply. The error never holds any of the body, which is made of secrets.
pub(super) fn read(body: &[u8]) -> Result<Credentials, String> {
    json::check(body, Some(TopLevel::Object)).map_err(|problem| problem.to_string())?;
    // serde's message would quote the value it stumbled over.
    let reply: Reply =
        serde_json::from_slice(body).map_err(|_| "the reply has a field of an unexpected type".to_owned())?;
    match reply.code.as_deref() {
        Some("Success") => {}
        Some(code) => return Err(format!("the reply has the code {:?} instead of \"Success\"", printable(code))),
        None => return Err("the reply has no `Code`, so it is not the service's".to_owned()),
    }
    let expiration = reply.expiration.ok_or("the reply has no `Expiration`")?;
    let expiration = instant(&expiration).ok_or("the reply's `Expiration` is no time such as 2026-01-02T09:00:00Z")?;
    Ok(Credentials {
        access_key_id: reply.access_key_id.filter(|id| !id.is_empty()).ok_or("the reply has no `AccessKeyId`")?,
        access_key_secret: reply.access_key_secret.ok_or("the reply has no `AccessKeySecret`")?,
        security_token: Some(reply.security_token.ok_or("the reply has no `SecurityToken`")?),
        expiration: Some(expiration),
    })
}

/// A time as the vendor writes it.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc())
}

/// Reads text into a secret; an empty one is none.
pub(super) fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.is_empty()).map(Into::into))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn reads_what_the_vendor_documents() {
        let body = r#"{"Code":"Success","AccessKeyId":"STS.x","AccessKeySecret":"s","SecurityToken":"t","Expiration":"2026-01-02T09:00:00Z","LastUpdated":"2026-01-02T03:00:00Z"}"#;
        let keys = read(body.as_bytes()).expect("keys");
        assert_eq!(keys.access_key_id, "STS.x");
        assert!(keys.security_token.is_some());
    }

    #[test]
    fn an_error_never_quotes_the_reply() {
        let hostile = [
            r#"{"Code":"Success","AccessKeyId":"hush","AccessKeySecret":["hush"],"SecurityToken":"hush"}"#,
            r#"{"Code":"Success","AccessKeyId":"hush","AccessKeySecret":"hush","SecurityToken":"hush","Expiration":"hush"}"#,
            r#"{"Code":"Success","AccessKeyId":"hush","AccessKeyId":"hush"}"#,
            r#"["hush"]"#,
            r#"{"Code":"Success","AccessKeySecret":"hush"#,
            "hush",
            r#"{"AccessKeyId":"hush"}"#,
        ];
        for body in hostile {
            let reason = read(body.as_bytes()).expect_err("refused");
            assert!(!reason.contains("hush"), "{reason}");
        }
    }
}
