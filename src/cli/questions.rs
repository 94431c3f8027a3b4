//! `portcullis access` and `portcullis path`: answers to saved questions.

use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use super::{
    access_cache::CacheFile,
    args::{AccessArgs, PathArgs, TextOrJson},
    exit::{Exit, Failure, Outcome, fail},
    output::{self, OutputError},
    terminal::Terminal,
};
use crate::analysis::{
    access::{self, AnswerError, Format},
    connectivity,
};

/// Who can reach a port.
pub(crate) fn access(args: &AccessArgs, terminal: &Terminal) -> Outcome {
    let format = format(args.format);
    let mut kept = match &args.cache {
        Some(path) => Some(CacheFile::open(path, format, terminal)?),
        None => None,
    };
    let answered = run(&args.files, |input, out| {
        let answered = match &mut kept {
            Some(kept) => access::answer_with(input, out, &mut kept.cache),
            None => access::answer(input, out, format),
        };
        answered.map(|summary| Count { failed: summary.failed, asked: summary.answered + summary.failed })
    })?;
    // After half a run it would forget the answers to the questions of the other half.
    if let Some(kept) = kept.filter(|_| answered.all_read) {
        kept.save()?;
    }
    Ok(exit(answered, terminal))
}

/// Whether there is a private path.
pub(crate) fn path(args: &PathArgs, terminal: &Terminal) -> Outcome {
    let answered = run(&args.files, |input, out| {
        let answered = connectivity::answer(input, out, format(args.format));
        answered.map(|summary| Count { failed: summary.failed, asked: summary.answered + summary.failed })
    })?;
    Ok(exit(answered, terminal))
}

fn format(format: TextOrJson) -> Format {
    match format {
        TextOrJson::Json => Format::JsonLines,
        TextOrJson::Text => Format::Text,
    }
}

/// How many questions came, and how many of them were not understood.
#[derive(Clone, Copy, Default)]
struct Count {
    asked: u64,
    failed: u64,
}

/// What became of all files.
struct Answered {
    count: Count,
    /// False where the reader went away before the end.
    all_read: bool,
}

/// Answers every file in turn.
fn run(
    files: &[PathBuf],
    mut answer: impl FnMut(Box<dyn Read>, &mut dyn Write) -> Result<Count, AnswerError>,
) -> Result<Answered, Failure> {
    let mut inputs = Vec::new();
    for path in files {
        inputs.push((path, open(path)?));
    }
    let mut answered = Answered { count: Count::default(), all_read: true };
    for (path, input) in inputs {
        let mut count = Count::default();
        let mut unread = None;
        let written = output::to_stdout(|out| match answer(input, &mut *out) {
            Ok(done) => {
                count = done;
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
        answered.count.failed += count.failed;
        answered.count.asked += count.asked;
        if reader == output::Reader::Gone {
            answered.all_read = false;
            break;
        }
    }
    Ok(answered)
}

fn exit(Answered { count: Count { asked, failed }, .. }: Answered, terminal: &Terminal) -> Exit {
    match failed {
        0 => {}
        1 => terminal.notice("1 question was not understood; its answer says why"),
        _ => terminal.notice(&format!("{failed} questions were not understood; their answers say why")),
    }
    if failed > 0 {
        return Exit::Usage;
    }
    // Silence would look like an answer to whoever piped in the output of something that failed.
    if asked == 0 {
        terminal.notice("there was no question to answer: the input is empty");
    }
    Exit::Clean
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
