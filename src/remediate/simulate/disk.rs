//! A host's disk: what was synced survives a crash, of the rest any beginning may.

use std::io::{self, Write};

use super::prng::Prng;
use crate::remediate::journal::Disk;

/// A journal file.
#[derive(Clone, Debug, Default)]
pub(super) struct HostDisk {
    synced: Vec<u8>,
    pending: Vec<u8>,
    /// The next sync fails.
    pub(super) fails: bool,
}

impl HostDisk {
    /// The power goes: a beginning of what was not synced may be there.
    pub(super) fn crash(&mut self, prng: &mut Prng) {
        let kept = usize::try_from(prng.below(self.pending.len() as u64 + 1)).unwrap_or(0);
        self.pending.truncate(kept);
        self.synced.append(&mut self.pending);
        self.fails = false;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.synced
    }

    /// What does not count is cut off before anything is appended.
    pub(super) fn truncate(&mut self, whole: usize) {
        self.synced.truncate(whole);
    }
}

impl Write for HostDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk for HostDisk {
    fn sync(&mut self) -> io::Result<()> {
        if self.fails {
            return Err(io::Error::other("input/output error"));
        }
        self.synced.append(&mut self.pending);
        Ok(())
    }
}
