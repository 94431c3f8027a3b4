//! The local journal as a file: one process at a time, appended and synced, torn ends cut off, damage refused.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use crate::{
    cli::{
        exit::{Exit, Failure, fail},
        plain_file,
    },
    remediate::journal::{self, Damaged, Disk, Journal, Writer},
    report::escape_capped,
};

/// Longest journal that is read: a thousand changes a day for years.
const LIMIT: u64 = 1 << 30;

/// A journal of this host, held by this process for as long as it lives, or until it is lent.
#[derive(Debug)]
pub(crate) struct LocalJournal {
    path: PathBuf,
    /// `None` while it is lent.
    writer: Option<Writer<JournalFile>>,
    /// Bytes of a torn end that were cut off when it was opened.
    pub(crate) torn: u64,
}

/// The file: every append goes to its end.
#[derive(Debug)]
struct JournalFile {
    file: File,
}

impl Write for JournalFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Disk for JournalFile {
    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// What is in a journal, without holding it.
pub(crate) enum Held {
    Missing,
    Whole { journal: Journal, bytes: u64 },
    Damaged(Damaged),
}

impl LocalJournal {
    /// Takes the journal for this process alone, and cuts off what was torn when the one before it ended.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let mut file = lock(path)?;
        let bytes = content(&mut file).or_else(|error| cannot(path, "read", &error))?;
        let journal = journal::read(&bytes).or_else(|damaged| refuse(path, &damaged))?;
        let torn = u64::try_from(bytes.len().saturating_sub(journal.whole)).unwrap_or(u64::MAX);
        if torn > 0 {
            let whole = u64::try_from(journal.whole).unwrap_or(u64::MAX);
            let cut = file.set_len(whole).and_then(|()| file.sync_all());
            cut.or_else(|error| cannot(path, "cut the torn end off", &error))?;
        }
        // The name survives a loss of power as well as the bytes.
        sync_folder(path).or_else(|error| cannot(path, "make durable", &error))?;
        Ok(Self { path: path.to_owned(), writer: Some(Writer::after(&journal, JournalFile { file })), torn })
    }

    /// Leaves it to whoever wants to write meanwhile.
    pub(crate) fn lend(&mut self) {
        self.writer = None;
    }

    /// Takes it again as it is now; false while another process has it.
    pub(crate) fn take_back(&mut self) -> Result<bool, Failure> {
        match Self::open(&self.path) {
            Ok(journal) => {
                *self = journal;
                Ok(true)
            }
            Err(failure) if failure.exit == Exit::Locked => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Appends a record and syncs it.
    ///
    /// # Errors
    /// If it may not be durable; from then on always.
    pub(crate) fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        match &mut self.writer {
            Some(writer) => writer.append(payload),
            None => Err(io::Error::other("it was lent, and could not be taken back")),
        }
    }
}

/// Looks at a journal, whoever holds it.
pub(crate) fn look(path: &Path) -> Result<Held, Failure> {
    check_kind(path)?;
    held(path).or_else(|error| cannot(path, "read", &error))
}

/// What is in a journal, whoever holds it.
///
/// # Errors
/// If it cannot be told, in words that do not name the file.
pub(crate) fn held(path: &Path) -> io::Result<Held> {
    let mut file = match plain_file::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Held::Missing),
        Err(error) => return Err(error),
    };
    let bytes = content(&mut file)?;
    Ok(match journal::read(&bytes) {
        Ok(journal) => Held::Whole { journal, bytes: bytes.len() as u64 },
        Err(damaged) => Held::Damaged(damaged),
    })
}

/// Refuses a damaged journal, and changes nothing of it.
pub(crate) fn check(path: &Path) -> Result<(), Failure> {
    match look(path)? {
        Held::Damaged(damaged) => refuse(path, &damaged),
        Held::Missing | Held::Whole { .. } => Ok(()),
    }
}

/// What a repair did.
pub(crate) struct Repaired {
    /// Where the damaged file is now.
    pub(crate) aside: PathBuf,
    pub(crate) kept: usize,
}

/// Keeps the records before the damage, chained as they were, and puts the damaged file aside. Nothing is thrown away.
pub(crate) fn repair(path: &Path) -> Result<Repaired, Failure> {
    let mut held = lock(path)?;
    let bytes = content(&mut held).or_else(|error| cannot(path, "read", &error))?;
    let sound = sound_beginning(&bytes);
    let aside = free_name(path);
    let made = fs::copy(path, &aside).and_then(|_| File::open(&aside)?.sync_all()).and_then(|()| sync_folder(path));
    made.or_else(|error| cannot(&aside, "keep the damaged journal as", &error))?;
    let cut = held.set_len(sound.whole as u64).and_then(|()| held.sync_all());
    cut.or_else(|error| cannot(path, "cut the damage off", &error))?;
    Ok(Repaired { aside, kept: sound.records.len() })
}

/// The records before the first bad one.
pub(crate) fn sound_beginning(bytes: &[u8]) -> Journal {
    let mut end = bytes.len();
    loop {
        match journal::read(bytes.get(..end).unwrap_or_default()) {
            Ok(journal) => return journal,
            // What stands before the damage is read as a file of its own.
            Err(Damaged::Record { at, .. }) if at < end => end = at,
            Err(_) => end = 0,
        }
    }
}

fn free_name(path: &Path) -> PathBuf {
    let name = |number: u32| {
        let mut text = path.as_os_str().to_owned();
        text.push(format!(".damaged-{number}"));
        PathBuf::from(text)
    };
    (1..u32::MAX).map(name).find(|name| !name.exists()).unwrap_or_else(|| name(0))
}

/// A pipe would hold whoever reads it, and what is written to a device is not kept.
fn check_kind(path: &Path) -> Result<(), Failure> {
    match plain_file::check_place(path) {
        Ok(()) => Ok(()),
        Err(error) => fail(Exit::Usage, format!("{} is no journal: {error}; name a file", shown(path))),
    }
}

/// Opens the file for appending, and locks it: two processes would tear each other's chains.
fn lock(path: &Path) -> Result<File, Failure> {
    check_kind(path)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).or_else(|error| cannot(folder, "make", &error))?;
    }
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path).or_else(|error| cannot(path, "open", &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => fail(
            Exit::Locked,
            format!("another process of this host writes to the journal {}: wait until it has ended", shown(path)),
        ),
        Err(TryLockError::Error(error)) => cannot(path, "lock", &error),
    }
}

fn content(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is longer than a journal can be"));
    }
    Ok(bytes)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn shown(path: &Path) -> String {
    escape_capped(&path.display().to_string(), 200)
}

fn refuse<T>(path: &Path, damaged: &Damaged) -> Result<T, Failure> {
    fail(
        Exit::Damaged,
        format!(
            "the journal {} is damaged: {damaged}; nothing is written to the cloud until `portcullis journal repair` was run",
            shown(path)
        ),
    )
}

fn cannot<T>(path: &Path, what: &str, error: &io::Error) -> Result<T, Failure> {
    fail(Exit::Damaged, format!("cannot {what} the journal {}: {error}", shown(path)))
}
