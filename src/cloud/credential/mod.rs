//! Who we are to the cloud: a key pair, perhaps with a session token, and where it comes from.

//!
//! Each source has a file that says whether it is configured and how it is asked for keys; `chain` puts them in
//! order, `refresh` keeps temporary keys fresh, and [`Session`] holds them to one account.

mod assume;
mod chain;
mod ecs;
mod environment;
mod external;
mod ini;
mod oidc;
mod profile;
mod refresh;
mod session;
mod source;
mod stored;
mod sts;
mod temporary;
mod uri;

use std::{fmt, sync::Arc};

use chrono::{DateTime, SecondsFormat, Utc};
use futures::future::BoxFuture;
use secrecy::SecretString;

pub use chain::{SessionError, assume_role, chain, network, role_passed_over, session};
pub use session::Session;
pub use source::RoleToAssume;
pub use sts::{CallerIdentity, caller_identity};

/// One key pair. The secret and the session token are never printed and are wiped when dropped.
pub struct Credentials {
    /// The public half, `LTAI…` or `STS.…`.
    pub access_key_id: String,
    /// The secret half.
    pub access_key_secret: SecretString,
    /// Present with temporary keys of the token service.
    pub security_token: Option<SecretString>,
    /// When temporary keys end; `None` for long-lived ones.
    pub expiration: Option<DateTime<Utc>>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.access_key_id.chars().take(4).collect();
        f.debug_struct("Credentials")
            .field("access_key_id", &format_args!("{shown}…"))
            .field("temporary", &self.security_token.is_some())
            .field("expiration", &self.expiration)
            .finish_non_exhaustive()
    }
}

/// Why no key pair could be had. The text says which source failed, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("get credentials from {source_name}: {reason}")]
pub struct CredentialError {
    /// The source as the user knows it: `environment`, `profile "audit"`, `ECS role`.
    pub source_name: String,
    /// Why it failed and what to do about it; never any part of a secret.
    pub reason: String,
}

/// Where key pairs come from.
pub trait Provider: Send + Sync {
    /// The current key pair, fetched or refreshed where needed. Called before each attempt, so an
    /// implementation keeps what it has until it is about to expire.
    fn credentials(&self) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>>;

    /// A key pair that holds until then or, where no pair lives as long, one that was fetched just now: whoever begins
    /// something that takes a while knows that it could be ended too.
    ///
    /// # Errors
    /// Where there are only keys that end before, and no way to others.
    fn lasting(&self, until: DateTime<Utc>) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>> {
        Box::pin(async move {
            let keys = self.credentials().await?;
            match keys.expiration.filter(|end| *end < until) {
                None => Ok(keys),
                Some(end) => Err(ends_too_early(self.describe(), end)),
            }
        })
    }

    /// Says that the cloud refused `used` as expired. The next call of
    /// [`credentials`](Self::credentials) should fetch a new pair unless that has happened
    /// meanwhile; several callers may report the same pair.
    fn invalidate<'a>(&'a self, used: &'a Credentials) -> BoxFuture<'a, ()>;

    /// The source for reports and messages: `environment`, `profile "audit"`.
    fn describe(&self) -> String;
}

/// There are no keys that last.
fn ends_too_early(source: String, end: DateTime<Utc>) -> CredentialError {
    let end = end.to_rfc3339_opts(SecondsFormat::Secs, true);
    source::failed(source, format!("the keys end {end}, and there are no others yet"))
}

/// A fixed key pair.
#[derive(Debug)]
pub struct StaticProvider {
    name: String,
    credentials: Arc<Credentials>,
}

impl StaticProvider {
    /// A provider that always gives `credentials`; `name` says where they were found.
    pub fn new(name: impl Into<String>, credentials: Credentials) -> Self {
        Self::of(name.into(), Arc::new(credentials))
    }

    /// As [`new`](Self::new), for a pair that others hold too.
    fn of(name: String, credentials: Arc<Credentials>) -> Self {
        Self { name, credentials }
    }
}

impl Provider for StaticProvider {
    fn credentials(&self) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>> {
        Box::pin(async { Ok(Arc::clone(&self.credentials)) })
    }

    fn invalidate<'a>(&'a self, _used: &'a Credentials) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn describe(&self) -> String {
        self.name.clone()
    }
}

/// Keys that cannot be had: every call fails with the reason, and nothing else does.
pub struct Broken(CredentialError);

impl Broken {
    /// A provider that fails with `error`.
    pub fn new(error: CredentialError) -> Self {
        Self(error)
    }
}

impl Provider for Broken {
    fn credentials(&self) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>> {
        Box::pin(async { Err(self.0.clone()) })
    }

    fn invalidate<'a>(&'a self, _used: &'a Credentials) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn describe(&self) -> String {
        self.0.source_name.clone()
    }
}
