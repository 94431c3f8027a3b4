//! Writes a bundle: into a folder beside its place first, which then becomes it, so that it is there whole or not at all.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{DIGEST, Facts, JOURNAL, Link, MANIFEST, MEMBERS, Manifest, Member, PAYLOAD_TYPE, Slice, Span, digest};
use crate::seal::{Envelope, SigningKey};

/// Why a bundle was not written.
#[derive(Debug, Error)]
pub enum EvidenceError {
    #[error(
        "cannot write the bundle {path}: it is there already, and evidence is never overwritten; name another folder"
    )]
    Exists { path: PathBuf },
    #[error("cannot write the bundle {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot write the bundle {path}: its place among those of its accounts could not be had: {why}")]
    Chain { path: PathBuf, why: String },
}

/// Writes a file of a bundle, by its name.
pub type WriteMember<'a> = dyn FnMut(&str, &mut dyn Write) -> io::Result<()> + 'a;

/// An envelope, and the part of the journal that its manifest names.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub envelope: Vec<u8>,
    pub slice: Slice,
}

/// Gives a part of the journal.
pub type CutJournal<'a> = dyn FnMut(&Span) -> Slice + 'a;

/// Seals a manifest that knows its place, and remembers it; `Err` says why there is no place.
pub type Place<'a> = dyn FnMut(&mut dyn FnMut(Option<&Link>, &Span) -> Sealed) -> Result<Sealed, String> + 'a;

/// Writes a bundle into `folder`, which must not be there yet, unless it is empty. Without a key it is not signed. Which
/// part of the journal it holds depends on the place; all other files are the run's alone.
///
/// # Errors
/// If the folder is there, or something cannot be written.
pub fn write(
    folder: &Path,
    facts: &Facts,
    key: Option<&SigningKey>,
    member: &mut WriteMember<'_>,
    cut_journal: &mut CutJournal<'_>,
    place: &mut Place<'_>,
) -> Result<(), EvidenceError> {
    let failed = |source| EvidenceError::Write { path: folder.to_owned(), source };
    if !is_free(folder) {
        return Err(EvidenceError::Exists { path: folder.to_owned() });
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let building = tempfile::Builder::new().prefix(".portcullis-").tempdir_in(parent).map_err(failed)?;
    let mut members = Vec::new();
    for name in MEMBERS.into_iter().filter(|name| *name != JOURNAL) {
        members.push(write_member(&building.path().join(name), name, member).map_err(failed)?);
    }
    let mut seal = |link: Option<&Link>, span: &Span| {
        let slice = cut_journal(span);
        let mut members = members.clone();
        members.push(counted(&slice.lines).into_member(JOURNAL));
        let (link, journal) = (link.cloned(), Some(slice.journal.clone()));
        let manifest = Manifest { facts: facts.clone(), members, link, journal };
        let envelope = Envelope::new(PAYLOAD_TYPE, manifest.to_json());
        let envelope = key.map_or(envelope.clone(), |key| envelope.signed(key));
        Sealed { envelope: envelope.to_json().into_bytes(), slice }
    };
    let sealed = place(&mut seal).map_err(|why| EvidenceError::Chain { path: folder.to_owned(), why })?;
    let Sealed { envelope, slice } = sealed;
    let line = digest_line(&envelope);
    for (name, bytes) in [(JOURNAL, &*slice.lines), (MANIFEST, &*envelope), (DIGEST, line.as_bytes())] {
        write_file(&building.path().join(name), &mut |out| out.write_all(bytes)).map_err(failed)?;
    }
    // An empty folder is replaced by a rename, anything else refuses it.
    fs::rename(building.path(), folder).map_err(failed)?;
    // It is in its place: there is nothing left to tidy up.
    let _ = building.keep();
    Ok(())
}

/// What [`DIGEST`] holds, as `sha256sum` writes it.
pub(super) fn digest_line(envelope: &[u8]) -> String {
    let digest = digest(envelope);
    format!("{}  {MANIFEST}\n", digest.trim_start_matches("sha256:"))
}

fn is_free(folder: &Path) -> bool {
    match fs::symlink_metadata(folder) {
        Err(error) => error.kind() == io::ErrorKind::NotFound,
        Ok(there) => there.is_dir() && fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none()),
    }
}

fn write_member(path: &Path, name: &str, member: &mut WriteMember<'_>) -> io::Result<Member> {
    let mut counted = Counted::default();
    write_file(path, &mut |out| member(name, &mut Tee { out, counted: &mut counted }))?;
    Ok(counted.into_member(name))
}

fn counted(bytes: &[u8]) -> Counted {
    let mut counted = Counted::default();
    counted.add(bytes);
    counted
}

fn write_file(path: &Path, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::new(File::create_new(path)?);
    write(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// What is known of a file once it has gone by.
#[derive(Default)]
pub(super) struct Counted {
    pub(super) hash: Sha256,
    pub(super) bytes: u64,
    pub(super) lines: u64,
}

impl Counted {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
    }

    fn into_member(self, name: &str) -> Member {
        let Self { hash, bytes, lines } = self;
        Member { name: name.to_owned(), bytes, lines, sha256: HEXLOWER.encode(&hash.finalize()) }
    }
}

struct Tee<'a> {
    out: &'a mut dyn Write,
    counted: &'a mut Counted,
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.counted.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
