//! The accounts of a scan after their first reading: who they are, how fast each may be asked, and
//! what was learnt on the way, so that more can be read without asking any of that again.

use std::{fmt, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    ScanError,
    evidence::{self, EvidenceSettings},
    network::{self, Memory},
    progress::Progress,
    reader::Reader,
    untrusted,
};
use crate::{
    cloud::client::{Client, Stats},
    model::{AccountId, EvidenceWanted, Inventory, Wanted},
};

/// Reads more of the accounts that a scan has identified.
pub struct Session {
    client: Client,
    /// In the order in which they were given.
    readers: Vec<(AccountId, Arc<Reader>)>,
    progress: Arc<dyn Progress>,
    cancel: CancellationToken,
    memory: Memory,
}

impl Session {
    pub(super) fn new(
        client: Client,
        readers: Vec<(AccountId, Arc<Reader>)>,
        progress: Arc<dyn Progress>,
        cancel: CancellationToken,
    ) -> Self {
        Self { client, readers, progress, cancel, memory: Memory::default() }
    }

    pub(super) async fn read_more(&self, inventory: Inventory, wanted: Vec<Wanted>) -> Result<Inventory, ScanError> {
        let round = network::Round {
            readers: &self.readers,
            progress: &self.progress,
            memory: &self.memory,
            inventory: &inventory,
        };
        let more = round.read(wanted).await;
        self.check_trust()?;
        let mut builder = inventory.into_builder();
        builder.merge(more);
        Ok(builder.build())
    }

    pub(super) async fn read_evidence(
        &self,
        inventory: Inventory,
        wanted: Vec<EvidenceWanted>,
        settings: EvidenceSettings,
    ) -> Result<Inventory, ScanError> {
        let round =
            evidence::Round { readers: &self.readers, progress: &self.progress, inventory: &inventory, settings };
        let read = round.read(wanted).await;
        self.check_trust()?;
        let mut builder = inventory.into_builder();
        builder.merge(read);
        Ok(builder.build())
    }

    /// Refuses to go on where the certificate of an endpoint could not be trusted.
    pub(super) fn check_trust(&self) -> Result<(), ScanError> {
        let error = self.readers.iter().find_map(|(_, reader)| reader.untrusted());
        error.map_or(Ok(()), |error| Err(untrusted(&error)))
    }

    pub(super) fn stats(&self) -> Stats {
        self.client.stats()
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accounts = self.readers.iter().map(|(account_id, _)| account_id);
        f.debug_list().entries(accounts).finish()
    }
}
