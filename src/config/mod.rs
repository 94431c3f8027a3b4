//! The files that a person writes for this program: `portcullis.yaml` and the waivers.
//!
//! Each is read once from one handle, decoded, parsed into a tree that knows its bytes, and walked by a
//! validator that goes on after every problem. The result is either a fully checked value or all the
//! problems together, each with line and column.
//!
//! Phases: `source` (bytes to text) → `yaml` (text to tree) → `walk` and `secrets` (the tree against
//! what may be there) → `file`, `deadline`, `trusted`, `channels`, `remediation`, `waivers` (typed values) → `effective`.

mod channels;
mod deadline;
mod effective;
mod file;
mod problem;
mod remediation;
mod schema;
mod secrets;
mod source;
mod trusted;
mod waivers;
mod walk;
mod yaml;

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
};

use chrono::NaiveDate;

use crate::{findings::Waiver, model::TrustedEntry};

pub use deadline::{Deadline, NoDeadline};
pub use effective::{Origin, Overrides, effective};
pub use file::{
    AccountSettings, Config, ConsumerSettings, EvidenceSettings, LogUse, OrganizationSettings, RootSettings,
    RuleSettings, StoreSettings, is_region,
};
pub use problem::{ConfigErrors, Located};
pub use remediation::{AutomaticSettings, EnvironmentSettings, RemediationSettings};
pub use schema::{config_schema, waivers_schema};
pub use source::Check;

use source::{Source, SourceError};

/// Something worth a line on stderr that stops nothing: the place and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    text: String,
}

impl Notice {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// The ids of all rules, with those of the folders that the file names; `None` where they cannot be told, and then no
/// id is checked.
pub type RuleIds<'a> = &'a dyn Fn(&[PathBuf]) -> Option<BTreeSet<String>>;

/// Reads a configuration file. Relative paths in it are taken from its own folder.
///
/// # Errors
///
/// Everything that is wrong with the file.
pub fn load(path: &Path, rules: RuleIds<'_>) -> Result<Config, ConfigErrors> {
    load_if(path, rules, &|_| Ok(()))
}

/// As [`load`], if `check` believes the file, which is opened once.
///
/// # Errors
///
/// As [`load`], and if it does not.
pub fn load_if(path: &Path, rules: RuleIds<'_>, check: Check<'_>) -> Result<Config, ConfigErrors> {
    let source = read_if(path, "check the path, or leave the option out to use the defaults", check)?;
    file::read(&source, path.parent().unwrap_or(Path::new("")), rules)
}

/// As [`load`], for text that is already there; `name` stands for the file in messages.
///
/// # Errors
///
/// Everything that is wrong with the text.
pub fn parse(name: &str, bytes: &[u8], folder: &Path, rules: RuleIds<'_>) -> Result<Config, ConfigErrors> {
    file::read(&decode(name, bytes)?, folder, rules)
}

/// Reads a waiver file; `today` is the day of the run in UTC, `rules` are the ids of all rules. Expired waivers are kept:
/// they become findings.
///
/// # Errors
///
/// Everything that is wrong with the file.
pub fn load_waivers(path: &Path, today: NaiveDate, rules: &BTreeSet<String>) -> Result<Vec<Waiver>, ConfigErrors> {
    waivers::read(
        &read(path, "check the path under `waivers:` in the configuration, or delete that line")?,
        today,
        rules,
    )
}

/// As [`load_waivers`], for text that is already there.
///
/// # Errors
///
/// Everything that is wrong with the text.
pub fn parse_waivers(
    name: &str,
    bytes: &[u8],
    today: NaiveDate,
    rules: &BTreeSet<String>,
) -> Result<Vec<Waiver>, ConfigErrors> {
    waivers::read(&decode(name, bytes)?, today, rules)
}

/// Reads the arguments of `--trusted`: address blocks, and `@FILE` with one block a line and `#` comments.
///
/// # Errors
///
/// Everything that is wrong with the arguments, and with each file.
pub fn trusted_arguments(arguments: &[String]) -> Result<(Vec<TrustedEntry>, Vec<Notice>), Vec<ConfigErrors>> {
    let blocks: Vec<&str> = arguments.iter().map(String::as_str).filter(|text| !text.starts_with('@')).collect();
    let files = arguments.iter().filter_map(|text| text.strip_prefix('@')).map(Path::new);
    let mut lists = vec![trusted::from_arguments(&blocks)];
    lists.extend(files.map(|file| read(file, "check the path").and_then(|source| trusted::from_lines(&source))));
    let mut entries = Vec::new();
    let mut notices = Vec::new();
    let mut refused = Vec::new();
    for list in lists {
        match list {
            Ok((more, remarks)) => {
                entries.extend(more);
                notices.extend(remarks);
            }
            Err(errors) => refused.push(errors),
        }
    }
    if refused.is_empty() { Ok((entries, notices)) } else { Err(refused) }
}

/// Refuses an allowlist that lets everyone in, whichever files and options its entries come from.
///
/// # Errors
///
/// Says which family is covered, and by which blocks.
pub fn check_trusted(entries: &[TrustedEntry]) -> Result<(), String> {
    trusted::refuse_world(entries.iter().map(|entry| entry.cidr))
}

/// Reads a file; `missing` is what to do where there is none.
fn read(path: &Path, missing: &'static str) -> Result<Source, ConfigErrors> {
    read_if(path, missing, &|_| Ok(()))
}

fn read_if(path: &Path, missing: &'static str, check: Check<'_>) -> Result<Source, ConfigErrors> {
    let source = Source::read_if(path, check).map_err(|error| match error {
        SourceError::Missing(_) => SourceError::Missing(missing),
        error => error,
    });
    source.map_err(|error| ConfigErrors::unreadable(&path.display().to_string(), &error))
}

fn decode(name: &str, bytes: &[u8]) -> Result<Source, ConfigErrors> {
    Source::decode(name, bytes).map_err(|error| ConfigErrors::unreadable(name, &error))
}
