//! Which evidence a scan reads: what was asked for on the command line and in the configuration, and
//! the files with exported logs.

use std::{io::Read, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    exit::{Exit, Failure, fail},
    pipeline::Reading,
    plain_file,
    terminal::Terminal,
};
use crate::{
    config::{EvidenceSettings, LogUse},
    model::{EvidenceRead, EvidenceWanted},
    scan::{self, ExportedLog},
};

/// What is read of logs in the cloud.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    audit_logs: bool,
    flow_logs: bool,
    pub(crate) settings: scan::EvidenceSettings,
}

impl Plan {
    /// `None` where no evidence is read: it was not asked for, and no kind of log is to be read always.
    pub(crate) fn new(config: &EvidenceSettings, is_asked: bool) -> Option<Self> {
        let is_read = |of: LogUse| match of {
            LogUse::Auto => is_asked,
            LogUse::Always => true,
            LogUse::Never => false,
        };
        let (audit_logs, flow_logs) = (is_read(config.audit_logs), is_read(config.flow_logs));
        let settings = scan::EvidenceSettings {
            window_days: config.window_days,
            audit_logs_expected: config.audit_logs == LogUse::Always,
            flow_logs_expected: config.flow_logs == LogUse::Always,
        };
        (is_asked || audit_logs || flow_logs).then_some(Self { audit_logs, flow_logs, settings })
    }

    /// The wanted reads without those that are switched off.
    pub(crate) fn keep(&self, wanted: Vec<EvidenceWanted>) -> Vec<EvidenceWanted> {
        let is_kept = |one: &EvidenceWanted| match one.read {
            EvidenceRead::FlowLogs { .. } => self.flow_logs,
            EvidenceRead::ClusterAudit(_) | EvidenceRead::MeshAudit { .. } => self.audit_logs,
            EvidenceRead::Trail { .. } => true,
        };
        wanted.into_iter().filter(is_kept).collect()
    }
}

/// Reads files with exported logs; the first line that is not understood is told, before anything is
/// contacted.
pub(crate) fn files(configured: &[PathBuf], named: &[PathBuf]) -> Result<Vec<ExportedLog>, Failure> {
    let mut logs = Vec::new();
    for path in configured.iter().chain(named) {
        let mut text = String::new();
        if let Err(error) = plain_file::open(path).and_then(|mut file| file.read_to_string(&mut text)) {
            return fail(Exit::Usage, format!("failed to read the log {}: {error}", path.display()));
        }
        match ExportedLog::read(&path.to_string_lossy(), &text) {
            Ok(log) => logs.push(log),
            Err(problem) => return fail(Exit::Usage, format!("failed to read the log {}: {problem}", path.display())),
        }
    }
    Ok(logs)
}

/// Puts exported logs beside what was read of the cloud.
pub(crate) fn add(reading: Reading, logs: &[ExportedLog], window_days: u32, terminal: &Terminal) -> Reading {
    if logs.is_empty() {
        return reading;
    }
    let mut read = Vec::new();
    for log in logs {
        match log.reading(&reading.inventory, window_days) {
            Ok(one) => read.push(one),
            Err(why) => terminal.notice(&format!("a log says nothing: {why}")),
        }
    }
    let mut builder = reading.inventory.into_builder();
    builder.logs.extend(read);
    Reading { inventory: builder.build(), ..reading }
}
