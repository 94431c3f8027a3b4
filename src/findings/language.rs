//! The languages that people are told things in.

use serde::{Deserialize, Serialize};

/// The language of texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English: every rule and every pack has it.
    #[default]
    En,
    /// Chinese: every pack has it, and a rule may; English otherwise.
    Zh,
}
