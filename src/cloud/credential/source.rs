//! What a configured source says, read and checked but not yet asked for keys.

use std::{fmt, path::PathBuf};

use chrono::{DateTime, Utc};
use secrecy::SecretString;

use super::{CredentialError, Credentials};
use crate::cloud::{context::Context, endpoint::is_yes};

/// One look at one source.
pub(super) enum Look {
    /// Nobody configured it; the text says what was looked for.
    Absent(String),
    /// Configured: it is used, and if it fails nothing else is tried.
    Found {
        /// The source as the user knows it.
        name: String,
        source: Source,
    },
}

/// Where keys come from, as configured.
pub(super) enum Source {
    /// Keys that stand in the configuration itself.
    Keys(Keys),
    /// A person's log-in with the vendor's command-line tool; read again at each refresh.
    Stored { file: PathBuf, profile: String },
    /// The role of the instance we run on.
    EcsRole { role: Option<String> },
    /// A role for the token of a service account.
    Oidc(OidcRole),
    /// A local or trusted service that hands out keys.
    Uri(String),
    /// A program that prints keys.
    Program(String),
    /// A role assumed with the keys of another source.
    Role { base: Box<Source>, role: RoleToAssume },
}

/// A key pair, perhaps with a session token.
pub(super) struct Keys {
    pub(super) id: String,
    pub(super) secret: SecretString,
    pub(super) token: Option<SecretString>,
    pub(super) expiration: Option<DateTime<Utc>>,
}

impl From<Keys> for Credentials {
    fn from(keys: Keys) -> Self {
        Self {
            access_key_id: keys.id,
            access_key_secret: keys.secret,
            security_token: keys.token,
            expiration: keys.expiration,
        }
    }
}

/// A role for the token of a service account (RRSA).
#[derive(Clone, Debug)]
pub(super) struct OidcRole {
    pub(super) provider_arn: String,
    /// Rotated by others: read at each refresh.
    pub(super) token_file: PathBuf,
    pub(super) role: RoleToAssume,
}

/// A role, and how to ask for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleToAssume {
    /// `acs:ram::1000000000000001:role/portcullis-audit`.
    pub role_arn: String,
    /// What the audit trail shows; 2 to 64 of `A-Za-z0-9@.-_=`.
    pub session_name: String,
    /// Asked for by roles that others may assume.
    pub external_id: Option<String>,
    /// A policy that narrows the role for this session.
    pub policy: Option<String>,
    /// Seconds, 900 or more; the role's own limit applies.
    pub duration_seconds: u32,
    /// Whose token service to ask; empty for the central one.
    pub sts_region: String,
}

/// The session name where nobody chose one.
const SESSION_NAME: &str = "portcullis";
/// An hour: every role allows it.
const DURATION_SECONDS: u32 = 3600;

impl RoleToAssume {
    /// The role with defaults for everything else.
    pub fn new(role_arn: impl Into<String>) -> Self {
        Self {
            role_arn: role_arn.into(),
            session_name: SESSION_NAME.to_owned(),
            external_id: None,
            policy: None,
            duration_seconds: DURATION_SECONDS,
            sts_region: String::new(),
        }
    }

    /// Checks what the token service would refuse in less helpful words.
    pub(super) fn check(&self) -> Result<(), String> {
        let arn_is_sound = self.role_arn.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(":role/"));
        if !arn_is_sound.is_some_and(|(account, name)| !account.is_empty() && !name.is_empty()) {
            return Err(format!(
                "{:?} is no role; write it as acs:ram::1000000000000001:role/NAME",
                printable(&self.role_arn)
            ));
        }
        let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"@.-_=".contains(&byte);
        if !(2..=64).contains(&self.session_name.len()) || !self.session_name.bytes().all(sound) {
            return Err(format!(
                "the session name {:?} must be 2 to 64 letters, digits or any of @.-_=",
                printable(&self.session_name)
            ));
        }
        if self.duration_seconds < 900 {
            return Err(format!("a session of {} seconds is too short; ask for 900 or more", self.duration_seconds));
        }
        Ok(())
    }
}

impl fmt::Display for RoleToAssume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "role {}", printable(&self.role_arn))
    }
}

/// Text from outside, for a message: no control characters, at most 200 characters.
pub(super) fn printable(text: &str) -> String {
    crate::cloud::error::printable(text)
}

/// The value of a variable that is set to something.
pub(super) fn variable(context: &Context, name: &str) -> Option<String> {
    context.env.var(name).filter(|value| !value.trim().is_empty())
}

/// True if a variable says yes: `true`, `1`, `yes` or `on`, in any case.
pub(super) fn flag(context: &Context, name: &str) -> bool {
    context.env.var(name).is_some_and(|value| is_yes(&value))
}

/// A failure of the source `name`.
pub(super) fn failed(name: impl Into<String>, reason: impl fmt::Display) -> CredentialError {
    CredentialError { source_name: name.into(), reason: reason.to_string() }
}
