//! The accounts of a scan after their first reading: who they are, how fast each may be asked, and
//! what was learnt on the way, so that more can be read without asking any of that again.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::{
    ScanError,
    evidence::{self, EvidenceSettings},
    network::{self, Memory, Notes},
    progress::Progress,
    reader::Reader,
    untrusted,
};
use crate::{
    cloud::client::{Account, Client, Stats},
    model::{AccountId, EvidenceWanted, Inventory, InventoryBuilder, Wanted},
};

/// Reads more of the accounts that a scan has identified.
pub struct Session {
    client: Client,
    /// In the order in which they were given.
    readers: Vec<(AccountId, Arc<Reader>)>,
    progress: Arc<dyn Progress>,
    cancel: CancellationToken,
    /// Of the rounds until now.
    notes: Mutex<Arc<Notes>>,
}

impl Session {
    pub(super) fn new(
        client: Client,
        readers: Vec<(AccountId, Arc<Reader>)>,
        progress: Arc<dyn Progress>,
        cancel: CancellationToken,
    ) -> Self {
        Self { client, readers, progress, cancel, notes: Mutex::default() }
    }

    /// For accounts that others have read for the first time, in the order of the scan, each with its number. Nobody
    /// asks for the keys of one that has nothing to be asked.
    pub fn of(
        client: &Client,
        accounts: impl IntoIterator<Item = Account>,
        progress: Arc<dyn Progress>,
        cancel: &CancellationToken,
    ) -> Self {
        let cancel = cancel.child_token();
        let reader = |account: Account| {
            let account_id = AccountId::from(account.id());
            (account_id, Arc::new(Reader::new(client.clone(), account, cancel.clone())))
        };
        let readers = accounts.into_iter().map(reader).collect();
        Self::new(client.clone(), readers, progress, cancel)
    }

    /// Takes over what others noted on the way.
    pub fn remember(&self, notes: Notes) {
        Arc::make_mut(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner)).join(notes);
    }

    /// Reads what is wanted and not yet in the ledger of the inventory: what came, and what was noted on the way.
    ///
    /// # Errors
    /// Only where the connection cannot be trusted.
    pub async fn read_network(
        &self,
        inventory: &Inventory,
        wanted: Vec<Wanted>,
    ) -> Result<(InventoryBuilder, Notes), ScanError> {
        let before = Arc::clone(&self.notes.lock().unwrap_or_else(PoisonError::into_inner));
        let memory = Memory::after(before);
        let round = network::Round { readers: &self.readers, progress: &self.progress, memory: &memory, inventory };
        let read = round.read(wanted).await;
        self.check_trust()?;
        Ok((read, memory.into_notes()))
    }

    /// Reads logs and the audit trail beside an inventory.
    ///
    /// # Errors
    /// Only where the connection cannot be trusted.
    pub async fn read_logs(
        &self,
        inventory: &Inventory,
        wanted: Vec<EvidenceWanted>,
        settings: EvidenceSettings,
    ) -> Result<InventoryBuilder, ScanError> {
        let round = evidence::Round { readers: &self.readers, progress: &self.progress, inventory, settings };
        let read = round.read(wanted).await;
        self.check_trust()?;
        Ok(read)
    }

    pub(super) async fn read_more(&self, inventory: Inventory, wanted: Vec<Wanted>) -> Result<Inventory, ScanError> {
        let (more, notes) = self.read_network(&inventory, wanted).await?;
        self.remember(notes);
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
        let read = self.read_logs(&inventory, wanted, settings).await?;
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

    /// True if what was read last may lack something that nobody had the time to ask for.
    pub fn is_interrupted(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accounts = self.readers.iter().map(|(account_id, _)| account_id);
        f.debug_list().entries(accounts).finish()
    }
}
