//! What the operator says about one channel, and where its address and its key are.

use std::{collections::BTreeSet, fmt, path::PathBuf};

use secrecy::SecretString;

use super::Kind;
use crate::{
    cloud::context::{Env, Files},
    model::Severity,
};

/// Entries beyond this are refused, so that the message of one run stays below the 20 a minute that chat services take
/// even if all entries lead into one room.
pub const MOST_CHANNELS: usize = 10;

/// Longest address or key that is read from a file.
const LONGEST_SECRET: usize = 4096;

/// A kind of receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    DingTalk,
    Feishu,
    Slack,
    Webhook,
}

impl Channel {
    /// Every channel, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::DingTalk, Self::Feishu, Self::Slack, Self::Webhook];

    /// The key of the configuration and the word of reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DingTalk => "dingtalk",
            Self::Feishu => "feishu",
            Self::Slack => "slack",
            Self::Webhook => "webhook",
        }
    }

    /// Whether the channel signs what is sent to it: always, if it is told to, or never.
    pub fn signs(self) -> Signs {
        match self {
            Self::DingTalk | Self::Webhook => Signs::Always,
            Self::Feishu => Signs::Optionally,
            Self::Slack => Signs::Never,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether a channel has a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signs {
    Always,
    Optionally,
    Never,
}

/// Where a secret is; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A variable of the environment.
    Variable(String),
    /// A file, whose blanks at the end do not count.
    File(PathBuf),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

/// Why there is no secret where it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unset {
    #[error("{0} is not set")]
    Missing(SecretSource),
    #[error("{0} cannot be read")]
    Unreadable(SecretSource),
    #[error("{0} holds nothing that could be one: one line of text is due")]
    Odd(SecretSource),
}

impl SecretSource {
    /// The secret as it is now.
    ///
    /// # Errors
    /// Says which variable or file has none, and nothing of what it has.
    pub fn read(&self, env: &dyn Env, files: &dyn Files) -> Result<SecretString, Unset> {
        let text = match self {
            Self::Variable(name) => {
                let set = env.var(name).filter(|text| !text.trim().is_empty());
                set.ok_or_else(|| Unset::Missing(self.clone()))?
            }
            Self::File(path) => {
                let bytes = files.read(path).map_err(|_| Unset::Unreadable(self.clone()))?;
                String::from_utf8(bytes).map_err(|_| Unset::Odd(self.clone()))?
            }
        };
        let text = text.trim();
        if text.is_empty() || text.len() > LONGEST_SECRET || text.chars().any(char::is_control) {
            return Err(Unset::Odd(self.clone()));
        }
        Ok(text.into())
    }
}

/// One channel, and what it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub channel: Channel,
    /// Where the address is.
    pub address: SecretSource,
    /// Where the key is that signs, where the channel has one.
    pub key: Option<SecretSource>,
    /// Nothing below it is told.
    pub min_severity: Severity,
    /// What is told.
    pub on: BTreeSet<Kind>,
    /// Names and messages, which people of the scanned cloud wrote, and not ids and counts only.
    pub details: bool,
}
