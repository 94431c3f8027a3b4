//! `--what-if`: a reading judged twice, as it is and as it would be.

use std::collections::BTreeSet;

use super::{
    exit::{Exit, Failure, OrExit, fail},
    output::{self, Place, Target},
    pipeline::{self, Judging, Kept, Reading},
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
    /// After the changes that take no public path away, so that the private paths which would be left can be
    /// seen: of an endpoint that is no longer public, consumers are not judged.
    still_public: Option<Run>,
    changes: Vec<String>,
}

/// Judges both.
pub(crate) fn judge(reading: Reading, changes: &[Change], judging: &Judging) -> Result<Twice, Failure> {
    let after_all = |changes: &[Change]| -> Result<Run, Failure> {
        let inventory: Inventory = what_if::after(&reading.inventory, changes).or_exit(Exit::Usage)?;
        let (api_calls, retries) = (reading.api_calls, reading.retries);
        Ok(pipeline::conclude(Reading { inventory, api_calls, retries, kept: Kept::default(), ended: None }, judging))
    };
    let others: Vec<Change> = changes.iter().filter(|change| !change.is_unbinding()).cloned().collect();
    let both = !others.is_empty() && others.len() < changes.len();
    let (after, still_public) = (after_all(changes)?, if both { Some(after_all(&others)?) } else { None });
    Ok(Twice {
        after,
        still_public,
        before: pipeline::conclude(reading, judging),
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
        let still_public = self.still_public.as_ref().map(Document::of);
        let answer = WhatIf::of(&before, &after, still_public.as_ref().unwrap_or(&before), self.changes.clone(), only);
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
