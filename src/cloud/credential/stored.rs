//! What the vendor's command-line tool keeps of a person's log-in, in the modes CloudSSO and OAuth: a session, used while
//! it holds, and a token for which the log-in service hands out the next one.
//!
//! The tool's file is read and never written: a session that was fetched here is this program's alone. For the same
//! reason the refresh token of OAuth is left alone, since whoever uses it must store the one that replaces it.

use std::{path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    CredentialError, Credentials, profile,
    refresh::{Fetch, MARGIN},
    source::{Keys, failed, printable},
    temporary::{instant, secret},
    uri,
};
use crate::cloud::{
    context::{Context, HeaderText, HttpRequest, Method},
    json,
    request::TopLevel,
};

/// As long as the tool itself waits.
const LIMIT: Duration = Duration::from_secs(10);

/// What one profile keeps of a log-in.
pub(super) struct LogIn {
    /// The mode, as the profile writes it.
    pub(super) mode: String,
    /// How a person logs in again.
    pub(super) command: String,
    /// The session, where there is one.
    pub(super) session: Option<Keys>,
    /// How to get the next session; else what is missing for that.
    pub(super) exchange: Result<Exchange, String>,
}

/// A request that gives keys for the token of a log-in.
pub(super) struct Exchange {
    pub(super) service: Service,
    pub(super) token: SecretString,
    /// When the token ends.
    pub(super) ends: DateTime<Utc>,
}

/// Who hands out keys for a token.
pub(super) enum Service {
    /// `POST {sign-in host}/cloud-credentials`; the URL may be any of the sign-in host.
    CloudSso { sign_in_url: String, account_id: String, access_configuration: String },
    /// `POST {host}/v1/exchange`.
    OAuth { host: &'static str },
}

impl LogIn {
    /// Keys that hold for a while: the stored ones, else fresh ones, else the stored ones as long as they hold at all.
    async fn keys(self, context: &Context) -> Result<Credentials, String> {
        let now = context.clock.now();
        let ends = self.session.as_ref().map(|session| session.expiration);
        let left = match ends {
            None => Err("it stores no session".to_owned()),
            Some(None) => Err("the stored session does not say when it ends".to_owned()),
            Some(Some(end)) if end <= now => Err(format!("the stored session ended at {}", time(end))),
            Some(Some(end)) => Ok(end - now),
        };
        let held = self.session.filter(|_| left.is_ok());
        if let (Some(session), Ok(left)) = (held, left.clone()) {
            if left > MARGIN {
                return Ok(session.into());
            }
            let renewed = match self.exchange {
                Ok(exchange) if exchange.ends > now => exchange.send(context).await.ok(),
                _ => None,
            };
            return Ok(renewed.unwrap_or_else(|| session.into()));
        }
        let reason = match self.exchange {
            Ok(exchange) if exchange.ends <= now => format!("its access token ended at {}", time(exchange.ends)),
            Ok(exchange) => match exchange.send(context).await {
                Ok(keys) => return Ok(keys),
                Err(reason) => reason,
            },
            Err(missing) => missing,
        };
        let stored = left.err().unwrap_or_default();
        Err(format!("its mode is {}, and {stored}; {reason}. Log in with `{}`", printable(&self.mode), self.command))
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Exchange {
    /// Asks for keys. The reason quotes neither the token nor the reply.
    async fn send(&self, context: &Context) -> Result<Credentials, String> {
        let request = self.request()?;
        let host = reqwest::Url::parse(&request.url).ok();
        let host = host.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
        let reply = context.http.send(request).await.map_err(|error| error.to_string())?;
        if reply.status != 200 {
            let code = refusal(&reply.body).map(|code| format!(" ({code})")).unwrap_or_default();
            return Err(format!("{} answers its token with status {}{code}", printable(host), reply.status));
        }
        read(&reply.body).map_err(|reason| format!("the reply of {} {reason}", printable(host)))
    }

    fn request(&self) -> Result<HttpRequest, String> {
        let (url, body) = match &self.service {
            Service::CloudSso { sign_in_url, account_id, access_configuration } => {
                uri::check(sign_in_url).map_err(|reason| format!("its `cloud_sso_sign_in_url` {reason}"))?;
                let url = reqwest::Url::parse(sign_in_url).and_then(|url| url.join("/cloud-credentials"));
                let url = url.map_err(|_| "its `cloud_sso_sign_in_url` is no URL")?;
                let body = json!({"AccountId": account_id, "AccessConfigurationId": access_configuration});
                (String::from(url), body.to_string())
            }
            Service::OAuth { host } => (format!("https://{host}/v1/exchange"), String::new()),
        };
        let bearer = SecretString::from(format!("Bearer {}", self.token.expose_secret()));
        Ok(HttpRequest {
            method: Method::Post,
            url,
            headers: vec![
                ("accept", HeaderText::Plain("application/json".to_owned())),
                ("content-type", HeaderText::Plain("application/json".to_owned())),
                ("authorization", HeaderText::Sensitive(bearer)),
            ],
            body: body.into_bytes(),
            deadline: Some(LIMIT),
            is_fresh: false,
        })
    }
}

/// The code of a refusal, where it is a plain word: the rest of the body may repeat what was sent.
fn refusal(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        #[serde(alias = "ErrorCode", alias = "error")]
        code: String,
    }
    let code = parse::<Refusal>(body)?.code;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (code.len() <= 64 && code.bytes().all(plain)).then_some(code)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wrapped {
    cloud_credential: Fields,
}

/// The log-in service of CloudSSO writes names with a capital letter, that of OAuth without.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fields {
    #[serde(default, alias = "accessKeyId")]
    access_key_id: String,
    #[serde(default, alias = "accessKeySecret", deserialize_with = "secret")]
    access_key_secret: Option<SecretString>,
    #[serde(default, alias = "securityToken", deserialize_with = "secret")]
    security_token: Option<SecretString>,
    #[serde(default, alias = "expiration")]
    expiration: String,
}

/// The keys in a reply: in `CloudCredential`, or at the top as older services write them. The reason reads after
/// "the reply …".
fn read(body: &[u8]) -> Result<Credentials, &'static str> {
    json::check(body, Some(TopLevel::Object)).map_err(|_| "is no JSON object")?;
    let fields = parse::<Wrapped>(body).map(|wrapped| wrapped.cloud_credential);
    let fields = fields.or_else(|| parse(body)).ok_or("has a field of an unexpected type")?;
    if fields.access_key_id.is_empty() {
        return Err("has no `AccessKeyId`");
    }
    Ok(Credentials {
        access_key_id: fields.access_key_id,
        access_key_secret: fields.access_key_secret.ok_or("has no `AccessKeySecret`")?,
        security_token: Some(fields.security_token.ok_or("has no `SecurityToken`")?),
        expiration: Some(instant(&fields.expiration).ok_or("has no sound `Expiration`")?),
    })
}

/// serde's own message would quote the value it stumbled over.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}

/// Fetches the session of a profile, which the user may renew while we run: the file is read at each refresh.
pub(super) struct StoredFetch {
    pub(super) name: String,
    pub(super) context: Context,
    pub(super) file: PathBuf,
    pub(super) profile: String,
}

impl Fetch for StoredFetch {
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async {
            let log_in = profile::log_in(&self.context, &self.file, &self.profile);
            let log_in = log_in.map_err(|reason| failed(&self.name, reason))?;
            log_in.keys(&self.context).await.map_err(|reason| failed(&self.name, reason))
        })
    }

    fn name(&self) -> &str {
        &self.name
    }
}
