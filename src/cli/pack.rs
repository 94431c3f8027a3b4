//! `portcullis report --pack` and `portcullis rules packs`: what a run says of a framework's controls, and which
//! frameworks there are.

use std::io::Write;

use super::{
    exit::{Exit, Failure, OrExit, Outcome, fail},
    output::{self, Place, Target},
    setup, suggest,
    terminal::Terminal,
};
use crate::{
    config::Config,
    engine::RuleSet,
    findings::{self, Pack, Run},
    report::{self, Format, Options, PACK_FORMATS, escape_line, escape_message},
};

/// Refuses a pack that there is not, and formats that it is not told in, before anything is read.
pub(super) fn check(id: &str, targets: &[Target]) -> Result<(), Failure> {
    find(&setup::rules(&[])?, id)?;
    match targets.iter().find(|target| !PACK_FORMATS.contains(&target.format)) {
        None => Ok(()),
        Some(target) => {
            let known = PACK_FORMATS.map(Format::as_str).join(", ");
            fail(Exit::Usage, format!("--pack is told as {known}, and not as {}", target.format.as_str()))
        }
    }
}

fn find<'a>(rules: &'a RuleSet, id: &str) -> Result<&'a Pack, Failure> {
    match rules.packs().iter().find(|pack| pack.id == id) {
        Some(pack) => Ok(pack),
        None => {
            let known: Vec<&str> = rules.packs().iter().map(|pack| pack.id.as_str()).collect();
            fail(Exit::Usage, suggest::unknown("pack", id, known))
        }
    }
}

/// Writes what the run says of the pack to every output.
pub(super) fn write(
    id: &str,
    run: &Run,
    config: &Config,
    targets: &[Target],
    terminal: &Terminal,
) -> Result<(), Failure> {
    let rules = setup::rules(&config.rules.dirs)?;
    let pack = find(&rules, id)?;
    let assessed = findings::assess(pack, run);
    for target in targets {
        let on_stdout = Options { width: output::terminal_width(), color: terminal.stdout_color };
        let write = |out: &mut dyn Write, options: &Options| {
            report::render_pack(target.format, pack, &assessed, run, out, options)
        };
        match &target.place {
            Place::Stdout => output::to_stdout(|out| write(out, &on_stdout)).map(drop).or_exit(Exit::Output)?,
            Place::File(path) => {
                output::to_file(path, |out| write(out, &Options::default())).map(drop).or_exit(Exit::Output)?;
            }
        }
    }
    Ok(())
}

/// Lists the packs, or one in full.
pub(super) fn list(id: Option<&str>, terminal: &Terminal) -> Outcome {
    let rules = setup::rules(&[])?;
    let Some(id) = id else {
        let rows = rules.packs().iter().map(|pack| {
            let covered = pack.controls.iter().filter(|control| !control.rules.is_empty()).count();
            let controls = format!("{covered} of {}", pack.controls.len());
            vec![escape_line(&pack.id), escape_line(&pack.edition), controls, escape_line(&pack.title)]
        });
        let options = Options { width: output::terminal_width(), color: terminal.stdout_color };
        let text = report::grid(&["PACK", "EDITION", "EVIDENCED", "FRAMEWORK"], rows.collect(), &options);
        output::to_stdout(|out| out.write_all(text.as_bytes())).or_exit(Exit::Output)?;
        return Ok(Exit::Clean);
    };
    let pack = find(&rules, id)?;
    let written = output::to_stdout(|out| {
        writeln!(out, "{} {}, {}", escape_line(&pack.id), escape_line(&pack.title), escape_line(&pack.edition))?;
        for (head, text) in [("Lists", &pack.lists), ("Leaves out", &pack.leaves_out), ("Source", &pack.source)] {
            writeln!(out, "\n{head}\n  {}", escape_message(text.trim()))?;
        }
        writeln!(out, "\nControls")?;
        for control in &pack.controls {
            writeln!(out, "  {} {}", escape_line(&control.id), escape_line(&control.title))?;
            match control.rules.is_empty() {
                true => writeln!(out, "    not covered: {}", escape_message(control.why_not.trim()))?,
                false => writeln!(out, "    {}", escape_line(&control.rules.join(", ")))?,
            }
        }
        Ok(())
    });
    written.or_exit(Exit::Output)?;
    Ok(Exit::Clean)
}
