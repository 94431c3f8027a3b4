//! `portcullis access`: who can reach a port, from saved API replies.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use super::{
    args::{AccessArgs, TextOrJson},
    exit::{Exit, Failure, Outcome, fail},
    output::{self, OutputError},
    terminal::Terminal,
};
use crate::analysis::access::{self, AnswerError, Format};

pub(crate) fn run(args: &AccessArgs, terminal: &Terminal) -> Outcome {
    let format = match args.format {
        TextOrJson::Json => Format::JsonLines,
        TextOrJson::Text => Format::Text,
    };
    let mut inputs = Vec::new();
    for path in &args.files {
        inputs.push((path, open(path)?));
    }
    let (mut failed, mut asked) = (0, 0);
    for (path, input) in inputs {
        let mut summary = None;
        let mut unread = None;
        let written = output::to_stdout(|out| match access::answer(input, &mut *out, format) {
            Ok(done) => {
                summary = Some(done);
                Ok(())
            }
            Err(AnswerError::Write(error)) => Err(error),
            Err(AnswerError::Read(error)) => {
                unread = Some(error);
                Ok(())
            }
        });
        let reader = written.map_err(|error| told(error, path))?;
        if let Some(error) = unread {
            return fail(Exit::Usage, format!("cannot read {}: {error}", path.display()));
        }
        if let Some(summary) = summary {
            failed += summary.failed;
            asked += summary.answered + summary.failed;
        }
        if reader == output::Reader::Gone {
            break;
        }
    }
    match failed {
        0 => {}
        1 => terminal.notice("1 question was not understood; its answer says why"),
        _ => terminal.notice(&format!("{failed} questions were not understood; their answers say why")),
    }
    if failed > 0 {
        return Ok(Exit::Usage);
    }
    // Silence would look like an answer to whoever piped in the output of something that failed.
    if asked == 0 {
        terminal.notice("there was no question to answer: the input is empty");
    }
    Ok(Exit::Clean)
}

fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(path) {
        Ok(file) if !path.is_dir() => Ok(Box::new(BufReader::new(file))),
        Ok(_) => fail(Exit::Usage, format!("cannot read {}: it is a folder; name files, or `-`", path.display())),
        Err(error) => fail(Exit::Usage, format!("cannot read {}: {error}", path.display())),
    }
}

fn told(error: OutputError, path: &Path) -> Failure {
    Failure {
        exit: Exit::Output,
        error: anyhow::Error::new(error).context(format!("failed to answer {}", path.display())),
    }
}
