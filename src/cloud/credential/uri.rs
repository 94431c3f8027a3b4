//! A service that hands out keys at a URL: over https, or over http on this machine only. Its reply is made of
//! secrets and is never shown.

use std::time::Duration;

use futures::future::BoxFuture;

use super::{
    CredentialError, Credentials,
    refresh::Fetch,
    source::{Look, Source, failed, variable},
    temporary,
};
use crate::cloud::{
    context::{Context, HeaderText, HttpRequest, Method},
    endpoint::is_loopback_host,
};

const VARIABLE: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";
const LIMIT: Duration = Duration::from_secs(5);

/// Looks for `ALIBABA_CLOUD_CREDENTIALS_URI`.
pub(super) fn look(context: &Context) -> Result<Look, CredentialError> {
    let Some(uri) = variable(context, VARIABLE) else {
        return Ok(Look::Absent(format!("the credentials URI: {VARIABLE} is not set")));
    };
    let name = "the credentials URI";
    check(&uri).map_err(|reason| failed(name, format!("{VARIABLE} {reason}")))?;
    Ok(Look::Found { name: name.to_owned(), source: Source::Uri(uri) })
}

/// Refuses a URL over which keys would travel in the open. The URL is not repeated: it may hold a token.
pub(super) fn check(uri: &str) -> Result<(), String> {
    let Ok(url) = reqwest::Url::parse(uri) else { return Err("is no URL".to_owned()) };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("has a user name or password in it; they are not sent".to_owned());
    }
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "https" if !host.is_empty() => Ok(()),
        "http" if is_loopback_host(host) => Ok(()),
        "http" => Err(format!(
            "is plain http to {host}, where others could read the keys; use https, or http on this machine only"
        )),
        scheme => Err(format!("has the scheme {scheme}; use https, or http on this machine only")),
    }
}

/// Fetches keys from a URL.
pub(super) struct UriFetch {
    pub(super) name: String,
    pub(super) context: Context,
    pub(super) uri: String,
}

impl Fetch for UriFetch {
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
        Box::pin(async {
            check(&self.uri).map_err(|reason| failed(&self.name, format!("the URL {reason}")))?;
            // The transport sends a URL only in its normal form.
            let url = reqwest::Url::parse(&self.uri).map(String::from).unwrap_or_default();
            let request = HttpRequest {
                method: Method::Get,
                url,
                headers: vec![("accept", HeaderText::Plain("application/json".to_owned()))],
                body: Vec::new(),
                deadline: Some(LIMIT),
                is_fresh: false,
            };
            let reply = self.context.http.send(request).await.map_err(|error| failed(&self.name, error))?;
            if reply.status != 200 {
                return Err(failed(&self.name, format!("the service answers with status {}", reply.status)));
            }
            temporary::read(&reply.body).map_err(|reason| failed(&self.name, reason))
        })
    }

    fn name(&self) -> &str {
        &self.name
    }
}
