//! Logs and the audit trail, read for the endpoints that somebody wants to know about: flow logs
//! (`flow_log`, and `coverage` for what they leave out), audit logs (`audit_log`), the trail (`trail`), and logs that were exported (`file`).
//!
//! A log that is refused is a gap and nothing else. One that is cut, or does not reach from
//! the start of the window to its end, says so: what it shows was there, what it does not show is unknown.

mod audit_log;
mod coverage;
mod file;
mod flow_log;
mod trail;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, future::BoxFuture, stream};
use serde::{Deserialize, Serialize};

pub use self::file::{ExportedLog, FileProblem};
use super::{progress::Progress, read::Failure, reader::Reader};
use crate::{
    cloud::{api::sls, request::Operation},
    model::{
        AccountId, EvidenceRead, EvidenceWanted, Inventory, InventoryBuilder, LogReading, Observer, RegionId, Scope,
        Unit,
    },
};

/// Logs that are read at once.
const AT_ONCE: usize = 8;

/// A log that begins this late reaches back to the start of the window, and one that ends this early to
/// its end: clocks, the first record and the delivery of the last are not that exact.
const GRACE: TimeDelta = TimeDelta::days(1);

/// How logs are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceSettings {
    /// How far back; at least a day.
    pub window_days: u32,
    /// The absence of an audit log is a gap.
    pub audit_logs_expected: bool,
    /// The absence of a flow log is a gap.
    pub flow_logs_expected: bool,
}

/// Days `[from, to)` up to a time.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Window {
    fn new(to: DateTime<Utc>, days: u32) -> Self {
        Self { from: to - TimeDelta::days(i64::from(days.max(1))), to }
    }

    /// Where a log that begins at `start` begins to cover the window.
    fn covered_from(&self, start: DateTime<Utc>) -> DateTime<Utc> {
        if start - self.from <= GRACE { self.from } else { start }
    }

    /// Up to where a log with a last record at `end` covers the window.
    fn covered_to(&self, end: DateTime<Utc>) -> DateTime<Utc> {
        if self.to - end <= GRACE { self.to } else { end }
    }
}

/// One reading of logs.
pub(super) struct Round<'a> {
    pub(super) readers: &'a [(AccountId, Arc<Reader>)],
    pub(super) progress: &'a Arc<dyn Progress>,
    pub(super) inventory: &'a Inventory,
    pub(super) settings: EvidenceSettings,
}

/// One account and region that is asked.
struct Ask<'a> {
    reader: &'a Reader,
    scope: Scope,
    window: Window,
    settings: EvidenceSettings,
    taken_at: DateTime<Utc>,
}

impl Ask<'_> {
    fn region(&self) -> &str {
        self.scope.region_id.as_str()
    }

    fn unit(&self, operation: &Operation, id: &str) -> Unit {
        let Scope { account_id, region_id } = &self.scope;
        Unit::new(account_id, region_id, operation.product().name(), operation.action(), id)
    }

    fn empty(&self) -> InventoryBuilder {
        InventoryBuilder::new(self.taken_at)
    }

    /// A logstore over the window.
    fn logstore<'a>(&'a self, project: &'a str, logstore: &'a str) -> sls::Window<'a> {
        let Window { from, to } = self.window;
        sls::Window { region: self.region(), project, logstore, from: from.timestamp(), to: to.timestamp() }
    }

    /// A reading without content, which covers the window.
    fn reading(&self, observer: Observer, observed: &str) -> LogReading {
        LogReading {
            scope: self.scope.clone(),
            observer,
            observed: observed.to_owned(),
            from: self.window.from,
            to: self.window.to,
            complete: true,
            note: String::new(),
            flows: Vec::new(),
            requests: Vec::new(),
        }
    }
}

/// Says why a reading is not all of its window; the first reason stands.
fn lessen(reading: &mut LogReading, why: impl Into<String>) {
    reading.complete = false;
    if reading.note.is_empty() {
        reading.note = why.into();
    }
}

/// True where the service gave partial results only.
fn is_partial(failure: &Failure) -> bool {
    failure.code == "log-incomplete"
}

/// What is said of a reply that reached the limit of its query.
const CUT: &str = "the log service cut the answer, so that some sources may be missing";

/// What is said of a reply that never became complete.
const PARTIAL: &str = "the log service gave partial results only";

/// What is said where one of several queries failed.
const UNANSWERED: &str = "the log service did not answer everything that was asked";

impl<'a> Round<'a> {
    /// Reads what is wanted. Never fails: what could not be read is in the ledger of what it returns.
    pub(super) async fn read(&self, wanted: Vec<EvidenceWanted>) -> InventoryBuilder {
        let mut jobs: Vec<BoxFuture<'_, (u64, InventoryBuilder)>> = Vec::new();
        let mut flows: BTreeMap<Scope, Vec<flow_log::Sender>> = BTreeMap::new();
        let mut trails: BTreeMap<AccountId, Vec<(RegionId, trail::Kinds)>> = BTreeMap::new();
        self.progress.planned(wanted.len() as u64);
        for EvidenceWanted { scope, read } in wanted {
            match read {
                EvidenceRead::FlowLogs { vpc_id, v_switches, entrances } => {
                    flows.entry(scope).or_default().push(flow_log::Sender { vpc_id, v_switches, entrances });
                }
                EvidenceRead::Trail { of_meshes, of_clusters } => {
                    let kinds = trail::Kinds { of_meshes, of_clusters };
                    trails.entry(scope.account_id).or_default().push((scope.region_id, kinds));
                }
                EvidenceRead::ClusterAudit(id) => {
                    let Some(ask) = self.ask(scope) else { continue };
                    jobs.push(Box::pin(async move { (1, audit_log::of_cluster(&ask, &id).await) }));
                }
                EvidenceRead::MeshAudit { service_mesh_id, project } => {
                    let Some(ask) = self.ask(scope) else { continue };
                    jobs.push(Box::pin(async move {
                        (1, audit_log::of_mesh(&ask, &service_mesh_id, project.as_deref()).await)
                    }));
                }
            }
        }
        for (scope, senders) in flows {
            let Some(ask) = self.ask(scope) else { continue };
            jobs.push(Box::pin(async move { (senders.len() as u64, flow_log::of_region(&ask, &senders).await) }));
        }
        for (account_id, regions) in trails {
            let asks: Option<Vec<_>> = regions
                .into_iter()
                .map(|(region_id, kinds)| {
                    let scope = Scope { account_id: account_id.clone(), region_id };
                    self.ask(scope).map(|ask| (ask, kinds))
                })
                .collect();
            let Some(asks) = asks else { continue };
            jobs.push(Box::pin(async move { (asks.len() as u64, trail::of_account(&asks).await) }));
        }
        let mut builder = InventoryBuilder::new(self.inventory.taken_at());
        let mut reading = stream::iter(jobs).buffer_unordered(AT_ONCE);
        while let Some((units, read)) = reading.next().await {
            self.progress.finished(units);
            builder.merge(read);
        }
        builder
    }

    /// `None` for an account that the scan has no key of: nobody asks for its logs.
    fn ask(&self, scope: Scope) -> Option<Ask<'a>> {
        let (_, reader) = self.readers.iter().find(|(known, _)| *known == scope.account_id)?;
        let taken_at = self.inventory.taken_at();
        let window = Window::new(taken_at, self.settings.window_days);
        Some(Ask { reader, scope, window, settings: self.settings, taken_at })
    }
}
