//! Has a person type a word before something is changed. A pipe cannot.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::cli::exit::{Exit, Failure, fail};

/// True where somebody sits in front of this process.
pub(super) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Shows what will be done and takes the word that allows it.
pub(super) fn typed(what: &[String], word: &str) -> Result<(), Failure> {
    let asked = ask(what, word);
    match asked {
        Ok(answer) if answer.trim() == word => Ok(()),
        Ok(_) => fail(Exit::Refused, "it was not confirmed: nothing was changed"),
        Err(error) => fail(Exit::Refused, format!("the confirmation could not be read ({error}): nothing was changed")),
    }
}

fn ask(what: &[String], word: &str) -> io::Result<String> {
    let mut out = io::stderr().lock();
    for line in what {
        writeln!(out, "{}", crate::cli::terminal::clean(line))?;
    }
    write!(out, "Type {word} to go on: ")?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer)
}
