//! Reads the cloud into an inventory. Does not judge, and cannot write: every request it can build
//! is a read.
//!
//! [`collect`] asks each account who it is, which regions and meshes it has, and then reads region
//! by region (`region`). What was read goes to an [`Inventory`]; how every planned read ended goes
//! to its ledger, so that nothing that was not read looks clean.
//!
//! The network between VPCs is read on demand (`network`): [`Scan::read_more`] reads what somebody who
//! looked at the inventory wants to know, and nothing else. So are logs (`evidence`), only if they are asked
//! for: [`Scan::read_evidence`].

mod account;
mod calls;
mod cluster;
mod convert;
mod eip;
mod evidence;
mod load_balancer;
mod mesh;
mod network;
mod network_load_balancer;
mod permission;
mod progress;
mod public;
mod read;
mod reader;
mod region;
mod roster;
mod security_group;
mod session;

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

pub use evidence::{EvidenceSettings, ExportedLog, FileProblem};
pub use permission::{Permission, organization_permissions, permissions, session_policy};
pub use progress::{Progress, Silent};
pub use roster::{BadPick, NO_SUCH_MEMBER, Organization, Pick, Picked, Root, Roster, Site, is_account_id, roster};
pub use session::Session;

use self::{
    account::{AccountScan, Regions},
    read::Failure,
    reader::Reader,
};
use crate::{
    cloud::{
        api::sts,
        client::{Account, Client, Stats},
        error::{CallError, Class},
    },
    model::{AccountId, Caller, Coverage, EvidenceWanted, Inventory, InventoryBuilder, RegionId, Unit, Wanted},
};

/// Accounts that are read at once. Each has limits of its own.
const ACCOUNTS_AT_ONCE: usize = 8;

/// Accounts that are asked at once who they are and which regions they have: a few small calls each.
const ACCOUNTS_ASKED_AT_ONCE: usize = 16;

/// What to read.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Empty: every region that the products list, and every region that has a mesh.
    pub regions: Vec<RegionId>,
    /// Regions to leave out, of those. They appear in the ledger as excluded.
    pub excluded_regions: Vec<RegionId>,
    /// Whose hosts are asked which regions there are; `None`: those of a region that has every product.
    pub list_region: Option<RegionId>,
}

/// What a scan brought.
#[derive(Debug)]
pub struct Scan {
    pub inventory: Inventory,
    pub stats: Stats,
    /// True if the scan was cut short; the ledger says what was not read.
    pub interrupted: bool,
    /// The accounts, for reading more.
    pub session: Session,
}

impl Scan {
    /// Adds what was asked before the accounts were read, and how it ended: the list of the accounts themselves.
    pub fn with_coverage(mut self, coverage: Coverage) -> Self {
        let mut builder = self.inventory.into_builder();
        builder.merge_coverage(coverage);
        self.inventory = builder.build();
        self
    }

    /// Reads what is wanted of the network into the inventory. What the ledger has already, well or
    /// not, is not asked again; every other read ends as one unit of it.
    ///
    /// # Errors
    /// Only where the connection cannot be trusted.
    pub async fn read_more(self, wanted: Vec<Wanted>) -> Result<Self, ScanError> {
        let Self { inventory, session, .. } = self;
        let inventory = session.read_more(inventory, wanted).await?;
        Ok(Self { inventory, stats: session.stats(), interrupted: session.is_interrupted(), session })
    }

    /// Reads logs and the audit trail into the inventory; a read that fails is a gap of the ledger.
    ///
    /// # Errors
    /// Only where the connection cannot be trusted.
    pub async fn read_evidence(
        self,
        wanted: Vec<EvidenceWanted>,
        settings: EvidenceSettings,
    ) -> Result<Self, ScanError> {
        let Self { inventory, session, .. } = self;
        let inventory = session.read_evidence(inventory, wanted, settings).await?;
        Ok(Self { inventory, stats: session.stats(), interrupted: session.is_interrupted(), session })
    }
}

/// Why nothing can be said of the cloud.
#[derive(Debug, Error)]
pub enum ScanError {
    /// A region that no product knows. Nothing but the lists of regions was read.
    #[error("the region \"{}\" does not exist{}", region.escape_debug(), suggestion.as_ref().map(|it| format!("; did you mean \"{it}\"?")).unwrap_or_default())]
    UnknownRegion { region: String, suggestion: Option<String> },
    /// No account let itself be read: keys, clock or certificates are wrong.
    #[error("no account could be read: {}", describe(failures))]
    NoAccount { failures: Vec<AccountFailure> },
    /// The certificate of an endpoint cannot be trusted, so nothing that it says can be.
    #[error("the connection to the cloud cannot be trusted: {message}")]
    Untrusted { message: String },
}

/// An account that could not be read at all.
#[derive(Clone, Debug)]
pub struct AccountFailure {
    /// The account's id, or the name that its keys were given.
    pub account: String,
    pub code: String,
    pub message: String,
}

fn describe(failures: &[AccountFailure]) -> String {
    let texts: Vec<String> =
        failures.iter().map(|it| format!("{}: {} ({})", it.account, it.message, it.code)).collect();
    if texts.is_empty() { "none was given".to_owned() } else { texts.join("; ") }
}

/// Reads the accounts into one inventory of the cloud at `taken_at`.
///
/// Triggering `cancel` ends the scan soon, with what was read until then; the rest is in the ledger
/// as `interrupted`.
///
/// # Errors
/// Only where nothing can be said: an unknown region, no account that could be read, or a connection
/// that cannot be trusted. Everything else that fails is in the inventory's ledger.
pub async fn collect(
    client: &Client,
    accounts: &[Account],
    settings: &Settings,
    taken_at: DateTime<Utc>,
    progress: Arc<dyn Progress>,
    cancel: &CancellationToken,
) -> Result<Scan, ScanError> {
    // A child, so that a certificate problem ends this scan without ending its caller.
    let cancel = cancel.child_token();
    let mut builder = InventoryBuilder::new(taken_at);
    let Identified { accounts: identified, failures } =
        identify(client, accounts, &progress, &cancel, &mut builder).await?;

    let with_regions = |(reader, account_id)| {
        let progress = Arc::clone(&progress);
        let mut scan = AccountScan { reader, progress, account_id, builder: InventoryBuilder::new(taken_at), taken_at };
        async move {
            let regions = scan.regions(settings).await;
            (scan, regions)
        }
    };
    let scans: Vec<_> = stream::iter(identified).map(with_regions).buffered(ACCOUNTS_ASKED_AT_ONCE).collect().await;
    check_regions(settings, scans.iter().map(|(_, regions)| regions))?;

    let readers = scans.iter().map(|(scan, _)| (scan.account_id.clone(), Arc::clone(&scan.reader))).collect();
    let session = Session::new(client.clone(), readers, Arc::clone(&progress), cancel);
    let mut read =
        stream::iter(scans).map(|(scan, regions)| scan.run(regions, settings)).buffer_unordered(ACCOUNTS_AT_ONCE);
    while let Some(account) = read.next().await {
        builder.merge(account);
    }
    drop(read);
    session.check_trust()?;
    // A gap for every read and nothing beside them: no account answered.
    if !session.is_interrupted() && builder.coverage().scanned_units().next().is_none() {
        return Err(ScanError::NoAccount { failures });
    }
    let inventory = builder.build();
    Ok(Scan { inventory, stats: session.stats(), interrupted: session.is_interrupted(), session })
}

/// The accounts that can be read, and what became of asking the others, and those of them that did not say who they are.
struct Identified {
    accounts: Vec<(Arc<Reader>, AccountId)>,
    failures: Vec<AccountFailure>,
}

/// Asks every account who it is. Equal answers are one account. One that does not answer is read where its number is
/// known without it: under a name of ours, everything in it would be another thing than in the next run.
async fn identify(
    client: &Client,
    accounts: &[Account],
    progress: &Arc<dyn Progress>,
    cancel: &CancellationToken,
    builder: &mut InventoryBuilder,
) -> Result<Identified, ScanError> {
    let mut identified: Vec<(Arc<Reader>, AccountId)> = Vec::new();
    let mut known: BTreeSet<AccountId> = BTreeSet::new();
    let mut failures = Vec::new();
    let ask = |account: &Account| {
        let (reader, account) = (Reader::new(client.clone(), account.clone(), cancel.clone()), account.clone());
        async move {
            progress.planned(1);
            let answer = account::caller(&reader).await;
            progress.finished(1);
            (account, reader, answer)
        }
    };
    let mut answers = stream::iter(accounts).map(ask).buffered(ACCOUNTS_ASKED_AT_ONCE);
    while let Some((account, reader, answer)) = answers.next().await {
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
                identity_known(builder, caller);
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
            identified.push((Arc::new(Reader::new(client.clone(), account, cancel.clone())), account_id));
        }
    }
    if identified.is_empty() {
        return Err(ScanError::NoAccount { failures });
    }
    Ok(Identified { accounts: identified, failures })
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

fn untrusted(error: &CallError) -> ScanError {
    ScanError::Untrusted { message: error.to_string() }
}

/// Refuses a region that no account has. Where a list of regions could not be read, an unlisted
/// region may exist: it is then read like any other.
fn check_regions<'a>(settings: &Settings, accounts: impl Iterator<Item = &'a Regions>) -> Result<(), ScanError> {
    let mut known: BTreeSet<RegionId> = BTreeSet::new();
    for regions in accounts {
        let Some(all) = regions.all_known() else { return Ok(()) };
        known.extend(all);
    }
    for region in settings.regions.iter().chain(&settings.excluded_regions) {
        if !known.contains(region) {
            return Err(ScanError::UnknownRegion { region: region.to_string(), suggestion: nearest(region, &known) });
        }
    }
    Ok(())
}

/// The known region that is spelt most alike, if any is at all.
fn nearest(region: &RegionId, known: &BTreeSet<RegionId>) -> Option<String> {
    let distance = |other: &RegionId| strsim::damerau_levenshtein(region.as_str(), other.as_str());
    let best = known.iter().min_by_key(|other| distance(other))?;
    (distance(best) <= 3).then(|| best.to_string())
}
