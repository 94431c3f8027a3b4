//! The file in which `access` keeps answers between runs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    exit::{Exit, Failure, OrExit, fail},
    output,
    terminal::Terminal,
};
use crate::analysis::access::{Cache, Format, SECRET, UnusableCache};

/// Answers are good for the build that gave them.
const PROGRAM: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("PORTCULLIS_ENGINE"));

/// A cache and the file it is kept in.
pub(crate) struct CacheFile {
    path: PathBuf,
    pub(crate) cache: Cache,
}

impl CacheFile {
    /// Reads the file; where it is not there yet, or cannot be used, the cache begins empty.
    pub(crate) fn open(path: &Path, format: Format, terminal: &Terminal) -> Result<Self, Failure> {
        let empty = || Cache::new(PROGRAM, format, rand::random::<[u8; SECRET]>());
        // Behind a link, the file is replaced and the link stays.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if !path.exists() {
            output::check_place(&path).or_exit(Exit::Usage)?;
            return Ok(Self { cache: empty(), path });
        }
        if !path.is_file() {
            return fail(Exit::Usage, format!("cannot keep answers in {}: it is no regular file", path.display()));
        }
        let unused = |why: &str| {
            terminal.notice(&format!("the cache {} is not used: {why}; it is written anew", path.display()));
            empty()
        };
        if others_may_write(&path) {
            let cache = unused("others may write to it");
            return Ok(Self { cache, path });
        }
        let file = match fs::read(&path) {
            Ok(file) => file,
            Err(error) => return fail(Exit::Usage, format!("cannot read the cache {}: {error}", path.display())),
        };
        if file.is_empty() {
            return Ok(Self { cache: empty(), path });
        }
        let cache = match Cache::read(PROGRAM, format, file) {
            Ok(cache) => cache,
            // It may be anything, questions for example, and is not ours to replace.
            Err(error @ UnusableCache::Foreign) => {
                let advice = "name another file, or remove it";
                return fail(Exit::Usage, format!("cannot keep answers in {}: {error}; {advice}", path.display()));
            }
            Err(error) => unused(&error.to_string()),
        };
        Ok(Self { cache, path })
    }

    /// Writes the answers of this run. What no question asked for is left out.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        if !self.cache.has_changed() {
            return Ok(());
        }
        output::to_private_file(&self.path, |out| self.cache.write(out)).or_exit(Exit::Output)
    }
}

/// Who can write to the file can say that a port is closed.
#[cfg(unix)]
fn others_may_write(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|there| there.permissions().mode() & 0o022 != 0)
}

#[cfg(not(unix))]
fn others_may_write(_: &Path) -> bool {
    false
}
