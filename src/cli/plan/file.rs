//! A plan file and the signatures beside it, as bytes: read once, and checked before anything in them is believed.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use crate::{
    cli::{
        exit::{Exit, Failure, fail},
        plain_file,
    },
    remediate::Document,
    report::escape_capped,
};

/// More bytes are no plan and no signature.
const LARGEST: u64 = 16 << 20;

/// Signatures are called like their plan, with the key's name and this behind it.
const SUFFIX: &str = ".sig";

/// Where the signature made with a key belongs.
pub(crate) fn signature_path(plan: &Path, key: &str) -> PathBuf {
    let mut name = plan.as_os_str().to_owned();
    name.push(format!(".{key}{SUFFIX}"));
    name.into()
}

/// The plan and its bytes. A plan that is none, was changed or is of another version ends with exit code 6.
pub(crate) fn read(path: &Path) -> Result<(Vec<u8>, Document), Failure> {
    let bytes = bytes(path, Exit::Refused)?;
    match Document::read(&bytes) {
        Ok(document) => Ok((bytes, document)),
        Err(refused) => fail(Exit::Refused, format!("the plan {} is refused: {refused}", shown(path))),
    }
}

/// Signatures: those that lie beside the plan under its name, and those that were named; in order of their names, each
/// once.
pub(crate) fn signatures(plan: &Path, named: &[PathBuf]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut paths = beside(plan)?;
    paths.extend(named.iter().cloned());
    paths.sort();
    paths.dedup();
    paths.into_iter().map(|path| Ok((path.display().to_string(), bytes(&path, Exit::Refused)?))).collect()
}

fn beside(plan: &Path) -> Result<Vec<PathBuf>, Failure> {
    let Some(own) = plan.file_name().and_then(|name| name.to_str()) else { return Ok(Vec::new()) };
    let folder = match plan.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            return fail(Exit::Refused, format!("cannot look for signatures in {}: {error}", shown(folder)));
        }
    };
    let prefix = format!("{own}.");
    let is_one =
        |name: &str| name.len() > prefix.len() + SUFFIX.len() && name.starts_with(&prefix) && name.ends_with(SUFFIX);
    let names = entries.filter_map(Result::ok).filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter(|name| is_one(name)).map(|name| plan.with_file_name(name)).collect())
}

/// A regular file. Pipes and devices are refused: what is checked and what is read must be one thing.
fn bytes(path: &Path, exit: Exit) -> Result<Vec<u8>, Failure> {
    let refuse = |why: &str| fail(exit, format!("cannot read {}: {why}", shown(path)));
    let mut bytes = Vec::new();
    match plain_file::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)) {
        Ok(read) if read as u64 <= LARGEST => Ok(bytes),
        Ok(_) => refuse("it is larger than any plan"),
        Err(error) => refuse(&error.to_string()),
    }
}

fn shown(path: &Path) -> String {
    escape_capped(&path.display().to_string(), 200)
}
