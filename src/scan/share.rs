//! The first reading of accounts: who they are, which regions they have, and what is in them. Of all accounts of a
//! scan, or of those that one of several shards reads.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::{
    ScanError, Settings,
    account::{self, AccountScan, Regions},
    progress::Progress,
    read::Failure,
    reader::Reader,
    roster::is_account_id,
    untrusted,
};
use crate::{
    cloud::{
        api::sts,
        client::{Account, Client},
        error::Class,
    },
    model::{AccountId, Caller, Inventory, InventoryBuilder, RegionId, Unit},
};

/// Accounts that are read at once. Each has limits of its own.
const ACCOUNTS_AT_ONCE: usize = 8;

/// Accounts that are asked at once who they are and which regions they have: a few small calls each.
const ACCOUNTS_ASKED_AT_ONCE: usize = 16;

/// An account that could not be read at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFailure {
    /// The account's id, or the name that its keys were given.
    pub account: String,
    pub code: String,
    pub message: String,
}

/// An account that let itself be read, so that more can be asked of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readable {
    pub account_id: AccountId,
    /// Whose keys read it: the place in the list of accounts that was given.
    pub place: usize,
    /// `None` where its regions could not all be listed.
    pub regions: Option<BTreeSet<RegionId>>,
}

/// What the first reading of some accounts brought.
#[derive(Debug)]
pub struct Share {
    pub inventory: Inventory,
    pub readable: Vec<Readable>,
    pub failures: Vec<AccountFailure>,
    /// True if the reading was cut short.
    pub interrupted: bool,
}

/// Reads some of the accounts of a scan, for others to join with the rest. Whether a region exists is not checked: another
/// account may have it.
///
/// # Errors
/// Only where the connection cannot be trusted.
pub async fn read_share(
    client: &Client,
    accounts: &[Account],
    settings: &Settings,
    taken_at: DateTime<Utc>,
    progress: Arc<dyn Progress>,
    cancel: &CancellationToken,
) -> Result<Share, ScanError> {
    let cancel = cancel.child_token();
    let mut begun = begin(client, accounts, settings, taken_at, &progress, &cancel).await?;
    let failures = std::mem::take(&mut begun.failures);
    let readable = begun.readable();
    let readers: Vec<Arc<Reader>> = begun.scans.iter().map(|(scan, _)| Arc::clone(&scan.reader)).collect();
    let inventory = begun.read(settings).await.build();
    if let Some(error) = readers.iter().find_map(|reader| reader.untrusted()) {
        return Err(untrusted(&error));
    }
    Ok(Share { inventory, readable, failures, interrupted: cancel.is_cancelled() })
}

/// Accounts whose identities and regions are known.
pub(super) struct Begun {
    pub(super) scans: Vec<(AccountScan, Regions)>,
    pub(super) failures: Vec<AccountFailure>,
    /// Where each scan's account stands in the list that was given.
    places: Vec<usize>,
    builder: InventoryBuilder,
}

/// Asks accounts who they are and which regions they have.
pub(super) async fn begin(
    client: &Client,
    accounts: &[Account],
    settings: &Settings,
    taken_at: DateTime<Utc>,
    progress: &Arc<dyn Progress>,
    cancel: &CancellationToken,
) -> Result<Begun, ScanError> {
    let Identified { readers, failures, builder } = identify(client, accounts, taken_at, progress, cancel).await?;
    let (places, readers): (Vec<usize>, Vec<_>) = readers.into_iter().unzip();
    let with_regions = |(reader, account_id)| {
        let progress = Arc::clone(progress);
        let mut scan = AccountScan { reader, progress, account_id, builder: InventoryBuilder::new(taken_at), taken_at };
        async move {
            let regions = scan.regions(settings).await;
            (scan, regions)
        }
    };
    let scans = stream::iter(readers).map(with_regions).buffered(ACCOUNTS_ASKED_AT_ONCE).collect().await;
    Ok(Begun { scans, failures, places, builder })
}

impl Begun {
    fn readable(&self) -> Vec<Readable> {
        let readable = |(place, (scan, regions)): (&usize, &(AccountScan, Regions))| Readable {
            account_id: scan.account_id.clone(),
            place: *place,
            regions: regions.all_known(),
        };
        self.places.iter().zip(&self.scans).map(readable).collect()
    }

    /// Reads everything. Never fails: what could not be read is in the ledger.
    pub(super) async fn read(self, settings: &Settings) -> InventoryBuilder {
        let mut builder = self.builder;
        let mut read = stream::iter(self.scans)
            .map(|(scan, regions)| scan.run(regions, settings))
            .buffer_unordered(ACCOUNTS_AT_ONCE);
        while let Some(account) = read.next().await {
            builder.merge(account);
        }
        drop(read);
        builder
    }
}

/// Who the accounts are, in their order.
struct Identified {
    /// Each with its place among the accounts that were asked.
    readers: Vec<(usize, (Arc<Reader>, AccountId))>,
    /// Of those that did not say who they are; some of them are read all the same.
    failures: Vec<AccountFailure>,
    builder: InventoryBuilder,
}

/// Asks every account who it is. Equal answers are one account. One that does not answer is read where its number is
/// known without it: under a name of ours, everything in it would be another thing than in the next run.
async fn identify(
    client: &Client,
    accounts: &[Account],
    taken_at: DateTime<Utc>,
    progress: &Arc<dyn Progress>,
    cancel: &CancellationToken,
) -> Result<Identified, ScanError> {
    let mut builder = InventoryBuilder::new(taken_at);
    let mut readers = Vec::new();
    let mut known: BTreeSet<AccountId> = BTreeSet::new();
    let mut failures = Vec::new();
    let ask = |(place, account): (usize, &Account)| {
        let (reader, account) = (Reader::new(client.clone(), account.clone(), cancel.clone()), account.clone());
        async move {
            progress.planned(1);
            let answer = account::caller(&reader).await;
            progress.finished(1);
            (place, account, reader, answer)
        }
    };
    let mut answers = stream::iter(accounts.iter().enumerate()).map(ask).buffered(ACCOUNTS_ASKED_AT_ONCE);
    while let Some((place, account, reader, answer)) = answers.next().await {
        if let Some(error) = reader.untrusted() {
            return Err(untrusted(&error));
        }
        let account_id: AccountId = match &answer {
            Ok(caller) => caller.account_id.clone(),
            Err(_) => account.id().into(),
        };
        let unit = Unit::new(
            &account_id,
            &RegionId::default(),
            sts::GET_CALLER_IDENTITY.product().name(),
            sts::GET_CALLER_IDENTITY.action(),
            "",
        );
        match answer {
            // Read under its number, the account that was meant would be missing without a gap.
            Ok(caller) if is_account_id(account.id()) && account.id() != caller.account_id.as_str() => {
                let message = format!(
                    "its keys are those of account {}: correct the role, or the number it is listed under",
                    caller.account_id
                );
                let failure = Failure::new("other-account", message);
                failures.push(AccountFailure {
                    account: account.id().to_owned(),
                    code: failure.code.clone(),
                    message: failure.message.clone(),
                });
                builder.gap(failure.gap(Unit { account_id: account.id().into(), ..unit }));
                continue;
            }
            Ok(caller) => {
                builder.scanned(unit);
                identity_known(&mut builder, caller);
            }
            Err(failure) => {
                builder.gap(failure.gap(unit));
                let is_lost = ends_account(&failure) || !is_account_id(account.id());
                let Failure { code, message, .. } = failure;
                failures.push(AccountFailure { account: account.id().to_owned(), code, message });
                if is_lost {
                    continue;
                }
            }
        }
        if known.insert(account_id.clone()) {
            let account = account.with_id(account_id.as_str());
            let reader = Arc::new(Reader::new(client.clone(), account, cancel.clone()));
            readers.push((place, (reader, account_id)));
        }
    }
    drop(answers);
    Ok(Identified { readers, failures, builder })
}

fn identity_known(builder: &mut InventoryBuilder, caller: Caller) {
    if !builder.callers.contains(&caller) {
        builder.callers.push(caller);
    }
}

/// True where the keys or the clock are wrong, so that no other call would fare better.
fn ends_account(failure: &Failure) -> bool {
    failure.class.is_some_and(Class::ends_account)
}
