//! `portcullis report --pack` and `portcullis rules packs`: what a run says of a framework's controls, and which
//! frameworks there are.

use std::io::{self, Write};

use super::{
    exit::{Exit, Failure, OrExit, Outcome, fail},
    output::{self, Place, Target},
    setup, suggest,
    terminal::Terminal,
};
use crate::{
    config::Config,
    engine::{Language, RuleSet},
    findings::{self, Pack, Run},
    report::{self, Format, Options, PACK_FORMATS, PackReport, escape_line, escape_message},
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
    language: Language,
    run: &Run,
    config: &Config,
    targets: &[Target],
    terminal: &Terminal,
) -> Result<(), Failure> {
    let rules = setup::rules(&config.rules.dirs)?;
    let pack = find(&rules, id)?.in_language(language);
    let assessed = findings::assess(&pack, run, language);
    let told = PackReport { pack: &pack, assessed: &assessed, run, language };
    for target in targets {
        let on_stdout = Options { width: output::terminal_width(), color: terminal.stdout_color };
        let write = |out: &mut dyn Write, options: &Options| report::render_pack(target.format, &told, out, options);
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
pub(super) fn list(id: Option<&str>, language: Language, terminal: &Terminal) -> Outcome {
    let rules = setup::rules(&[])?;
    let Some(id) = id else {
        let rows = rules.packs().iter().map(|pack| {
            let pack = pack.in_language(language);
            let covered = pack.controls.iter().filter(|control| !control.rules.is_empty()).count();
            let controls = format!("{covered} of {}", pack.controls.len());
            vec![escape_line(&pack.id), escape_line(&pack.edition), controls, escape_line(&pack.title)]
        });
        let options = Options { width: output::terminal_width(), color: terminal.stdout_color };
        let text = report::grid(&["PACK", "EDITION", "EVIDENCED", "FRAMEWORK"], rows.collect(), &options);
        output::to_stdout(|out| out.write_all(text.as_bytes())).or_exit(Exit::Output)?;
        return Ok(Exit::Clean);
    };
    let pack = find(&rules, id)?.in_language(language);
    output::to_stdout(|out| write_pack(&pack, language, out)).or_exit(Exit::Output)?;
    Ok(Exit::Clean)
}

/// A pack in full.
fn write_pack(pack: &Pack, language: Language, out: &mut dyn Write) -> io::Result<()> {
    let [lists, leaves_out, source, controls, not_covered] = match language {
        Language::En => ["Lists", "Leaves out", "Source", "Controls", "not covered: "],
        Language::Zh => ["包含", "不包含", "来源", "控制项", "不覆盖："],
    };
    writeln!(out, "{} {}, {}", escape_line(&pack.id), escape_line(&pack.title), escape_line(&pack.edition))?;
    for (head, text) in [(lists, &pack.lists), (leaves_out, &pack.leaves_out), (source, &pack.source)] {
        writeln!(out, "\n{head}\n  {}", escape_message(text.trim()))?;
    }
    for page in &pack.source_pages {
        writeln!(out, "  {} ({})", escape_line(&page.url), escape_line(&page.version))?;
    }
    writeln!(out, "\n{controls}")?;
    for control in &pack.controls {
        writeln!(out, "  {} {}", escape_line(&control.id), escape_line(&control.title))?;
        match control.rules.is_empty() {
            true => writeln!(out, "    {not_covered}{}", escape_message(control.why_not.trim()))?,
            false => writeln!(out, "    {}", escape_line(&control.rules.join(", ")))?,
        }
    }
    Ok(())
}
