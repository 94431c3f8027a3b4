//! Where reports go: standard output, files that are replaced whole or not at all, and pipes and
//! devices that are written through.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
};

use super::suggest;
use crate::report::Format;

/// One `--output`: a format and a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) format: Format,
    pub(crate) place: Place,
}

/// Where to write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Stdout,
    File(PathBuf),
}

/// Why an output cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    #[error("cannot write {path}: it is a folder; name a file in it")]
    Folder { path: PathBuf },
    #[error("cannot write {path}: the folder {folder} does not exist; make it first")]
    NoFolder { path: PathBuf, folder: PathBuf },
    #[error("cannot write {path}: it is there already, and evidence is never overwritten; name another folder")]
    Exists { path: PathBuf },
    #[error("cannot write {path}: free some space or choose another place")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot write to standard output")]
    Stdout(#[source] io::Error),
}

/// What one `--output` asks for: a report, or a folder of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Report(Target),
    Bundle(PathBuf),
}

/// How a bundle is asked for.
const BUNDLE: &str = "bundle=DIR";

impl Asked {
    /// Reads `FORMAT`, `FORMAT=PATH` or `bundle=DIR`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::parse_among(text, &[BUNDLE])
    }

    /// The same, where nobody is told of bundles, since none is made: who asks for one is told why.
    pub(crate) fn parse_where_no_bundle_is(text: &str) -> Result<Self, String> {
        Self::parse_among(text, &[])
    }

    fn parse_among(text: &str, others: &[&str]) -> Result<Self, String> {
        match text.split_once('=').unwrap_or((text, "")) {
            ("bundle", "" | "-") => Err(format!("a bundle is a folder that is made: write `{BUNDLE}`")),
            ("bundle", folder) => Ok(Self::Bundle(folder.into())),
            _ => Target::parse(text, others).map(Self::Report),
        }
    }

    pub(crate) fn report(&self) -> Option<&Target> {
        match self {
            Self::Report(target) => Some(target),
            Self::Bundle(_) => None,
        }
    }

    pub(crate) fn bundle(&self) -> Option<&Path> {
        match self {
            Self::Report(_) => None,
            Self::Bundle(folder) => Some(folder),
        }
    }
}

impl Target {
    /// Reads `FORMAT` or `FORMAT=PATH`; `-` is standard output. `others` is what else could have been named.
    fn parse(text: &str, others: &[&str]) -> Result<Self, String> {
        let (word, path) = match text.split_once('=') {
            Some((word, path)) => (word, Some(path)),
            None => (text, None),
        };
        let known = Format::ALL.map(Format::as_str).into_iter().chain(others.iter().copied());
        let format = word.parse::<Format>().map_err(|_| suggest::unknown("format", word, known))?;
        let place = match path {
            None | Some("-" | "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => Place::Stdout,
            Some("") => return Err("the path behind `=` is empty: name a file, or leave `=` out".to_owned()),
            Some(path) => Place::File(path.into()),
        };
        Ok(Self { format, place })
    }

    /// The table on standard output.
    pub(crate) fn default_table() -> Self {
        Self { format: Format::Table, place: Place::Stdout }
    }
}

/// Refuses two things in one place, which would be neither, and anything within a folder of evidence, which would not be
/// evidence any more.
pub(crate) fn check_distinct(asked: &[Asked], save: Option<&Path>) -> Result<(), String> {
    let own = "give one of them a path of its own";
    let mut seen = BTreeSet::new();
    let reports = asked.iter().filter_map(Asked::report).map(|target| target.place.clone());
    let folders: Vec<&Path> = asked.iter().filter_map(Asked::bundle).collect();
    let others = folders.iter().copied().chain(save).map(|path| Place::File(path.to_owned()));
    for place in reports.chain(others) {
        if !seen.insert(resolved(&place)) {
            return Err(match place {
                Place::Stdout => format!("two reports would go to standard output: {own} (FORMAT=PATH)"),
                Place::File(path) => format!("two outputs would go to {}: {own}", path.display()),
            });
        }
    }
    for folder in folders {
        let Place::File(within) = resolved(&Place::File(folder.to_owned())) else { continue };
        let inside = seen
            .iter()
            .find(|place| matches!(place, Place::File(path) if *path != within && path.starts_with(&within)));
        if let Some(Place::File(path)) = inside {
            let (path, folder) = (path.display(), folder.display());
            return Err(format!("{path} would lie within the evidence in {folder}, where nothing else may be: {own}"));
        }
    }
    Ok(())
}

/// The same place under one name, however it was written.
fn resolved(place: &Place) -> Place {
    let Place::File(path) = place else { return Place::Stdout };
    let there = fs::canonicalize(path).ok();
    let beside = || Some(fs::canonicalize(folder_of(path)).ok()?.join(path.file_name()?));
    Place::File(there.or_else(beside).unwrap_or_else(|| path.clone()))
}

/// Finds out before any work is done whether a file can be written there.
pub(crate) fn check_place(path: &Path) -> Result<(), OutputError> {
    if path.is_dir() {
        return Err(OutputError::Folder { path: path.to_owned() });
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(OutputError::NoFolder { path: path.to_owned(), folder });
    }
    Ok(())
}

/// Finds out before any work is done whether a folder can be made there.
pub(crate) fn check_new_folder(path: &Path) -> Result<(), OutputError> {
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(OutputError::NoFolder { path: path.to_owned(), folder });
    }
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(there) if there.is_dir() && fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()) => Ok(()),
        Ok(_) => Err(OutputError::Exists { path: path.to_owned() }),
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// What became of standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Everything was taken.
    Satisfied,
    /// The other end of the pipe has closed: it has seen enough, and that is no error.
    Gone,
}

/// Writes to standard output, buffered.
pub(crate) fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Reader, OutputError> {
    let stdout = io::stdout();
    let mut out = BufWriter::with_capacity(1 << 16, stdout.lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Ok(()) => Ok(Reader::Satisfied),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            // What is still in the buffer has no reader; dropping the writer must not try again.
            let _ = out.into_parts();
            Ok(Reader::Gone)
        }
        Err(error) => {
            let _ = out.into_parts();
            Err(OutputError::Stdout(error))
        }
    }
}

/// Writes a file: a regular one appears whole under its name or not at all; a pipe or device is
/// written through.
pub(crate) fn to_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Reader, OutputError> {
    check_place(path)?;
    let failed = |source| OutputError::Write { path: path.to_owned(), source };
    match fs::metadata(path) {
        Ok(there) if !there.is_file() => write_through(path, write).map_err(failed),
        // Behind a link, the file is replaced and the link stays.
        Ok(_) => replace(&fs::canonicalize(path).map_err(failed)?, permissions_of(path), write).map_err(failed),
        Err(_) => replace(path, permissions_of(path), write).map_err(failed),
    }
}

/// Replaces a regular file, or makes it, so that nobody else may read or change it.
pub(crate) fn to_private_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), OutputError> {
    // A temporary file is private of itself.
    replace(path, None, write).map(drop).map_err(|source| OutputError::Write { path: path.to_owned(), source })
}

fn write_through(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Reader> {
    let mut out = BufWriter::new(OpenOptions::new().append(true).open(path)?);
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            let _ = out.into_parts();
            Ok(Reader::Gone)
        }
        other => other.map(|()| Reader::Satisfied),
    }
}

/// Those of the file that is there, or those of any new file.
fn permissions_of(path: &Path) -> Option<fs::Permissions> {
    let permissions = fs::metadata(path).map(|there| there.permissions()).ok();
    #[cfg(unix)]
    let permissions = permissions.or_else(|| {
        use std::os::unix::fs::PermissionsExt;
        // The umask takes away what the user wants taken away.
        Some(fs::Permissions::from_mode(0o666))
    });
    permissions
}

fn replace(
    path: &Path,
    permissions: Option<fs::Permissions>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<Reader> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".portcullis-");
    if let Some(permissions) = permissions {
        builder.permissions(permissions);
    }
    let mut out = BufWriter::new(builder.tempfile_in(folder_of(path))?);
    write(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(Reader::Satisfied)
}

/// Columns to wrap to: those of the terminal on standard output, `None` in a pipe.
pub(crate) fn terminal_width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_slips_get_a_suggestion() {
        let parse = |text| Target::parse(text, &[]);
        assert_eq!(parse("json"), Ok(Target { format: Format::Json, place: Place::Stdout }));
        assert_eq!(parse("csv=a=b.csv"), Ok(Target { format: Format::Csv, place: Place::File("a=b.csv".into()) }));
        assert_eq!(parse("json=/dev/stdout"), parse("json=-"));
        assert!(parse("jsn").expect_err("no format").contains("did you mean `json`"));
        assert!(parse("json=").is_err());
        assert!(parse("").is_err());
    }

    #[test]
    fn two_things_in_one_place_are_refused() {
        let check = |outputs: &[&str], save: Option<&str>| {
            let asked: Vec<Asked> = outputs.iter().map(|text| Asked::parse(text).expect("an output")).collect();
            check_distinct(&asked, save.map(Path::new))
        };
        assert!(check(&["json", "table"], None).is_err());
        assert!(check(&["json=x", "csv=x"], None).is_err());
        assert!(check(&["json=x", "csv=./x"], None).is_err());
        assert!(check(&["json=x", "csv=src/../x"], None).is_err());
        assert!(check(&["json=x", "table"], None).is_ok());
        assert!(check(&["json=x"], Some("./x")).is_err());
        assert!(check(&["json=x"], Some("y")).is_ok());
        assert!(check(&["bundle=x", "json=x"], None).is_err());
        assert!(check(&["bundle=x", "bundle=./x"], None).is_err());
        assert!(check(&["bundle=src", "html=src/report.html"], None).is_err());
        assert!(check(&["bundle=src"], Some("src/cli/snapshot")).is_err());
        assert!(check(&["bundle=srca", "html=src/report.html"], None).is_ok());
    }

    #[test]
    fn the_help_names_every_format() {
        use crate::cli::args::{CheckArgs, OutputArgs};
        use clap::Args as _;
        for command in [OutputArgs::augment_args, CheckArgs::augment_args] {
            let command = command(clap::Command::new("x"));
            let argument = command.get_arguments().find(|argument| argument.get_id() == "outputs").expect("--output");
            let help = argument.get_help().expect("a help").to_string();
            let words: Vec<&str> = help.split(|c: char| c != '-' && !c.is_ascii_alphanumeric()).collect();
            for format in Format::ALL {
                assert!(words.contains(&format.as_str()), "{} in {help}", format.as_str());
            }
        }
    }

    #[test]
    fn a_failed_report_leaves_the_old_file_as_it_was() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("report.json");
        to_file(&path, |out| out.write_all(b"old")).expect("it writes");
        let failed = to_file(&path, |out| {
            out.write_all(b"half of the new")?;
            Err(io::Error::other("disk full"))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).expect("it is there"), b"old");
        assert_eq!(fs::read_dir(folder.path()).expect("it reads").count(), 1, "no debris");
        to_file(&path, |out| out.write_all(b"new")).expect("it writes");
        assert_eq!(fs::read(&path).expect("it is there"), b"new");
    }

    #[test]
    fn folders_and_missing_folders_are_refused_beforehand() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert!(matches!(check_place(folder.path()), Err(OutputError::Folder { .. })));
        assert!(matches!(check_place(&folder.path().join("no/report")), Err(OutputError::NoFolder { .. })));
    }
}
