//! `portcullis man`: the manual page, with every command in it.

use std::io::{self, Write};

use clap::CommandFactory;

use super::{
    args::Cli,
    exit::{Exit, OrExit, Outcome},
    output,
};

pub(crate) fn run() -> Outcome {
    output::to_stdout(write_pages).or_exit(Exit::Output)?;
    Ok(Exit::Clean)
}

/// The main page, then one section a command: a single file, so that `portcullis man | man -l -`
/// shows everything.
fn write_pages(out: &mut dyn Write) -> io::Result<()> {
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(out)?;
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        let page = clap_mangen::Man::new(subcommand.clone());
        writeln!(out, ".SH \"{}\"", subcommand.get_name().to_uppercase())?;
        page.render_description_section(out)?;
        page.render_synopsis_section(out)?;
        page.render_options_section(out)?;
    }
    Ok(())
}
