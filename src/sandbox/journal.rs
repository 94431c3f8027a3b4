//! What was asked and how it ended: in memory for tests, as JSON Lines for people. No headers and
//! no secrets; the only secret that a parameter can carry is an OIDC token, which is left out.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
    io::{BufWriter, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde::Serialize;

use super::{error::SandboxError, state::Change};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Numbered from 1 in order of arrival.
    pub number: u64,
    /// Milliseconds since the server started.
    pub at_ms: u64,
    pub method: String,
    pub host: String,
    /// Empty where neither host nor version told.
    pub product: String,
    pub action: String,
    /// Empty for products that one host serves for all regions.
    pub region: String,
    /// Whose data was asked for; empty for anonymous and refused requests.
    pub account_id: String,
    /// Query, form and path parameters.
    pub params: BTreeMap<String, String>,
    /// Status of the reply; 0 for a connection that was reset.
    pub status: u16,
    /// The vendor's error code; empty for success.
    pub code: String,
    pub request_id: String,
    /// What became of a write: `applied`, `never`, `late`, `lost`, `delayed`, `expired`, `refused`. Empty for reads.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub effect: String,
}

/// Memory is kept for so many requests; older ones are dropped.
const REMEMBERED: usize = 500_000;

/// Parameters whose values are credentials.
const SECRET: [&str; 2] = ["OIDCToken", "SecurityToken"];

/// Where entries go.
#[derive(Debug)]
pub(super) struct Journal {
    /// `None` where nobody will ask.
    memory: Option<Mutex<VecDeque<Entry>>>,
    file: Option<Mutex<BufWriter<File>>>,
}

impl Journal {
    /// Opens the file, if one is asked for; an existing one is appended to. `remember` keeps
    /// entries in memory too.
    pub(super) fn open(path: Option<&Path>, remember: bool) -> Result<Self, SandboxError> {
        let file = path
            .map(|path| {
                File::options()
                    .create(true)
                    .append(true)
                    .open(path)
                    .map_err(|source| SandboxError::Journal { path: path.to_owned(), source })
            })
            .transpose()?;
        Ok(Self { memory: remember.then(Mutex::default), file: file.map(|file| Mutex::new(BufWriter::new(file))) })
    }

    /// Records a request. A full disk must not change what the simulated cloud answers, so a line
    /// that cannot be written is lost.
    pub(super) fn record(&self, mut entry: Entry) {
        for name in SECRET {
            if let Some(value) = entry.params.get_mut(name) {
                *value = "(not recorded)".to_owned();
            }
        }
        self.write(&entry);
        let Some(memory) = &self.memory else { return };
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.len() == REMEMBERED {
            memory.pop_front();
        }
        memory.push_back(entry);
    }

    /// Records what happened to resources, as lines of their own: `{"change": {…}}`.
    pub(super) fn record_changes(&self, changes: &[Change]) {
        changes.iter().for_each(|change| self.write(&serde_json::json!({"change": change})));
    }

    fn write(&self, line: &impl Serialize) {
        let Some(file) = &self.file else { return };
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = serde_json::to_writer(&mut *file, line).map_err(std::io::Error::from);
        let _ = file.write_all(b"\n").and_then(|()| file.flush());
    }

    /// Everything remembered, in order of arrival.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let Some(memory) = &self.memory else { return Vec::new() };
        let memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries: Vec<Entry> = memory.iter().cloned().collect();
        entries.sort_by_key(|entry| entry.number);
        entries
    }
}
