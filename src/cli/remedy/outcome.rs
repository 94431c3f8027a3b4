//! What came of an errand: told on standard output, and as an exit code.

use serde_json::json;

use super::{driver::Carried, watch::shown, words};
use crate::{
    cli::{
        Done,
        args::TextOrJson,
        closing_line,
        exit::{Exit, Failure, OrExit},
        output,
        signals::Stop,
        terminal::Terminal,
    },
    report,
};

/// The code that everything together deserves.
pub(super) fn exit(carried: &Carried, breaker_open: bool, stop: &Stop) -> Exit {
    let judged = carried.ends.iter().map(|(_, end)| words::exit_of(end, breaker_open)).fold(Exit::Clean, Exit::or);
    match stop.exit() {
        Some(asked) if carried.left.is_some() => asked.or(judged),
        _ => judged,
    }
}

/// Writes it, and gives what ends the program.
pub(super) fn tell(
    carried: &Carried,
    format: TextOrJson,
    exit: Exit,
    meaning: Option<&str>,
    terminal: &Terminal,
) -> Result<Done, Failure> {
    output::to_stdout(|out| match format {
        TextOrJson::Json => {
            let ends: Vec<_> = carried.ends.iter().map(|(row, end)| words::end_json(row, end)).collect();
            let value = json!({
                "ends": ends,
                "next_due": carried.next_due.map(words::at),
                "left": carried.left.as_deref().map(shown),
                "stopped_by": carried.breaker,
                "exit_code": exit.code(),
            });
            writeln!(out, "{}", report::json_text(&value))
        }
        TextOrJson::Text => {
            for (row, end) in &carried.ends {
                let mut lines = words::end(end).into_iter();
                let name = if row.is_empty() { String::new() } else { format!("{}: ", shown(row)) };
                writeln!(out, "{name}{}", clean(&lines.next().unwrap_or_default()))?;
                lines.try_for_each(|line| writeln!(out, "{}", clean(&line)))?;
            }
            if carried.ends.is_empty() && carried.left.is_none() {
                writeln!(out, "nothing was to be done")?;
            }
            Ok(())
        }
    })
    .or_exit(Exit::Output)?;
    if let Some(left) = &carried.left {
        terminal.warning(&format!(
            "{} was left as it is: `portcullis verify --due` carries it on, whatever is open",
            shown(left)
        ));
    }
    if let Some(why) = &carried.breaker {
        terminal.warning(&format!("nothing more was started: {why}"));
    }
    let line = meaning.map_or_else(|| closing_line(exit, None), |meaning| format!("exit {}: {meaning}", exit.code()));
    Ok(Done { exit, closing: Some(line) })
}

fn clean(line: &str) -> String {
    report::escape_message(line)
}
