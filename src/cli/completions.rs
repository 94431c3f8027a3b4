//! `portcullis completions`: a script that teaches a shell our options.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{
    args::Cli,
    exit::{Exit, OrExit, Outcome},
    output,
};

pub(crate) fn run(shell: Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "portcullis", &mut script);
    output::to_stdout(|out| out.write_all(&script)).or_exit(Exit::Output)?;
    Ok(Exit::Clean)
}
