//! Writes a journal: append, then sync, and never again after a sync that failed.

use std::io::{self, Write};

use super::{Chain, HEAD, Journal, MAGIC, PAYLOAD_LIMIT, checksum, link};

/// Where a journal is kept: opened for appending, behind the bytes that count.
pub trait Disk: Write {
    /// Everything written so far survives a loss of power.
    ///
    /// # Errors
    /// If that cannot be said.
    fn sync(&mut self) -> io::Result<()>;
}

/// Appends records.
#[derive(Debug)]
pub struct Writer<D> {
    disk: D,
    chain: Chain,
    begun: bool,
    /// After a failure nobody knows what the file holds, and a second sync may call lost bytes safe.
    broken: bool,
}

impl<D: Disk> Writer<D> {
    /// Goes on behind what was read. The disk must end where `journal` is whole.
    pub fn after(journal: &Journal, disk: D) -> Self {
        Self { disk, chain: journal.chain, begun: journal.whole >= MAGIC.len(), broken: false }
    }

    /// Appends a record and makes it durable.
    ///
    /// # Errors
    /// If it may not be durable; from then on always.
    pub fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("the journal could not be written before"));
        }
        let appended = self.try_append(payload);
        self.broken = appended.is_err();
        appended
    }

    fn try_append(&mut self, payload: &[u8]) -> io::Result<()> {
        if payload.len() > PAYLOAD_LIMIT {
            return Err(io::Error::other("a record is too long"));
        }
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?.to_le_bytes();
        let chain = link(&self.chain, payload);
        let mut frame = Vec::with_capacity(MAGIC.len() + HEAD + payload.len());
        if !self.begun {
            frame.extend(MAGIC);
        }
        frame.extend(length);
        frame.extend(checksum(length, payload));
        frame.extend(chain);
        frame.extend(payload);
        self.disk.write_all(&frame)?;
        self.disk.flush()?;
        self.disk.sync()?;
        self.chain = chain;
        self.begun = true;
        Ok(())
    }

    /// Where it is kept.
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// Where it is kept, to change it.
    pub fn disk_mut(&mut self) -> &mut D {
        &mut self.disk
    }
}
