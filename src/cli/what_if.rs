//! `--what-if`: a reading judged twice, as it is and as it would be.

use std::collections::BTreeSet;

use super::{
    exit::{Exit, Failure, OrExit, fail},
    output::{self, Place, Target},
    pipeline::{self, Judging, Reading},
    terminal::Terminal,
};
use crate::{
    analysis::what_if::{self, Change},
    findings::Run,
    model::Inventory,
    report::{Format, Options, explain::WhatIf, v1::Document},
};

/// A reading as it is, and the same after changes.
pub(crate) struct Twice {
    pub(crate) before: Run,
    after: Run,
    changes: Vec<String>,
}

/// Judges both.
pub(crate) fn judge(reading: Reading, changes: &[Change], judging: &Judging) -> Result<Twice, Failure> {
    let changed: Inventory = what_if::after(&reading.inventory, changes).or_exit(Exit::Usage)?;
    let after = Reading { inventory: changed, api_calls: reading.api_calls, retries: reading.retries, ended: None };
    Ok(Twice {
        before: pipeline::conclude(reading, judging),
        after: pipeline::conclude(after, judging),
        changes: changes.iter().map(ToString::to_string).collect(),
    })
}

/// Where an answer goes: at most one output, as text or JSON.
pub(crate) fn target(targets: Vec<Target>) -> Result<Target, Failure> {
    let mut targets = targets.into_iter();
    match (targets.next(), targets.next()) {
        (Some(target), None) if matches!(target.format, Format::Table | Format::Json) => Ok(target),
        _ => fail(
            Exit::Usage,
            "--what-if gives one answer, for people or as JSON: use it without -o, or with -o json[=PATH]".to_owned(),
        ),
    }
}

impl Twice {
    /// Writes who gains and who loses; `only` keeps the endpoints with these ids.
    pub(crate) fn write(
        &self,
        only: Option<&BTreeSet<String>>,
        target: &Target,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        let (before, after) = (Document::of(&self.before), Document::of(&self.after));
        let answer = WhatIf::of(&before, &after, self.changes.clone(), only);
        let on_stdout = Options { width: output::terminal_width(), color: terminal.stdout_color };
        let write = |out: &mut dyn std::io::Write, options: &Options| match target.format {
            Format::Json => answer.write_json(out),
            _ => answer.write_text(out, options),
        };
        let written = match &target.place {
            Place::Stdout => output::to_stdout(|out| write(out, &on_stdout)),
            Place::File(path) => output::to_file(path, |out| write(out, &Options::default())),
        };
        written.map(drop).or_exit(Exit::Output)
    }
}
