//! Messages to people about what changed since the last run: at most one for each channel and run.
//!
//! `change` says what is news, `message` puts it into words that are safe to pass on, one file per channel says how
//! that channel wants to be asked and how it answers, and `send` asks it. Addresses and keys of channels are secrets:
//! they come from the environment or from files, and appear in no message, log or report.

mod address;
mod change;
mod dingtalk;
mod feishu;
mod message;
mod send;
mod settings;
mod sign;
mod slack;
mod webhook;

#[cfg(test)]
mod tests;

pub use change::{Change, Kind, WINDOW, changes, looked_as_wide};
pub use message::Notice;
pub use send::{Delivery, Outcome, Reach, announce, tell};
pub use settings::{Channel, MOST_CHANNELS, SecretSource, Settings, Signs, Unset};
