//! Reads the cloud into an inventory. Does not judge, and cannot write: every request it can build
//! is a read.
//!
//! [`collect`] asks each account who it is, which regions and meshes it has (`share`), and then reads region
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
mod narrow;
mod network;
mod network_load_balancer;
mod not_open;
mod permission;
mod progress;
mod public;
mod read;
mod reader;
mod region;
mod roster;
mod security_group;
mod session;
mod share;

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

pub use evidence::{EvidenceSettings, ExportedLog, FileProblem};
pub use narrow::{Focus, collect_narrow};
pub use network::{Notes, unread};
pub use permission::{Permission, organization_permissions, permissions, session_policy};
pub use progress::{Progress, Silent};
pub use roster::{
    BadPick, NO_SUCH_MEMBER, Organization, Pick, Picked, Root, Roster, RosterAccount, Site, is_account_id,
    left_out_account, roster, roster_account, whole_account,
};
pub use session::Session;
pub use share::{AccountFailure, Readable, Share, read_share};

use crate::{
    cloud::{
        client::{Account, Client, Stats},
        error::CallError,
    },
    model::{Coverage, EvidenceWanted, Inventory, RegionId, Wanted},
};

/// What to read.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Empty: every region that the products list, and every region that has a mesh.
    pub regions: Vec<RegionId>,
    /// Regions to leave out, of those. They appear in the ledger as excluded.
    pub excluded_regions: Vec<RegionId>,
    /// What names `regions`, for the ledger: every other region is excluded by it.
    pub regions_named_by: String,
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
    let mut begun = share::begin(client, accounts, settings, taken_at, &progress, &cancel).await?;
    if begun.scans.is_empty() {
        return Err(ScanError::NoAccount { failures: begun.failures });
    }
    check_regions(settings, begun.scans.iter().map(|(_, regions)| regions.all_known()))?;

    let readers = begun.scans.iter().map(|(scan, _)| (scan.account_id.clone(), Arc::clone(&scan.reader))).collect();
    let session = Session::new(client.clone(), readers, Arc::clone(&progress), cancel);
    let failures = std::mem::take(&mut begun.failures);
    let inventory = begun.read(settings).await.build();
    session.check_trust()?;
    // A gap for every read and nothing beside them: no account answered.
    if !session.is_interrupted() && inventory.coverage().scanned_units().next().is_none() {
        return Err(ScanError::NoAccount { failures });
    }
    Ok(Scan { inventory, stats: session.stats(), interrupted: session.is_interrupted(), session })
}

fn untrusted(error: &CallError) -> ScanError {
    ScanError::Untrusted { message: error.to_string() }
}

/// Refuses a region that no account has; `accounts` are the regions of each, `None` where they could not all be listed.
/// An unlisted region may exist then: it is read like any other.
///
/// # Errors
/// [`ScanError::UnknownRegion`]
pub fn check_regions(
    settings: &Settings,
    accounts: impl Iterator<Item = Option<BTreeSet<RegionId>>>,
) -> Result<(), ScanError> {
    let mut known: BTreeSet<RegionId> = BTreeSet::new();
    for regions in accounts {
        let Some(all) = regions else { return Ok(()) };
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
