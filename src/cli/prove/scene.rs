//! A fresh narrow scan of the target and of what its judgements rest on, judged: what a proof, and what people decided
//! about it, are taken from.
//!
//! Logs take longer than a proof may be old, and their last minutes are not in them anyway: they are read with the first
//! look at the guards, and hold for as long as a scan holds. The network, the lists and the details are read anew each
//! time.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use tokio_util::sync::CancellationToken;

use super::{Logs, Prover};
use crate::{
    analysis,
    cli::{connect::MAX_ROUNDS, evidence, pipeline},
    config::Config,
    findings::{Finding, GateSettings, Waiver, apply},
    model::{EndpointJudgement, EvidenceWanted, Inventory, Judgements},
    remediate::{Endpoint, Mono, Target, Unread},
    scan::{self, Focus, Scan, ScanError},
};

/// What was read, and what it means.
pub(super) struct Scene {
    pub(super) asked: Mono,
    pub(super) inventory: Inventory,
    /// The endpoint, and who needs it, whether or not it is exposed; `None` if it was not found.
    pub(super) judged: Option<EndpointJudgement>,
    pub(super) judgements: Judgements,
    /// Of every rule, before anybody's decision.
    pub(super) findings: Vec<Finding>,
    /// Not everything could be asked in time.
    pub(super) interrupted: bool,
}

impl Scene {
    /// The findings about the endpoint as waivers leave them. What is not certain counts as if it were: whoever accepts
    /// the exposure wants it.
    pub(super) fn decided(&self, waivers: Vec<Waiver>) -> Vec<Finding> {
        let Some(judged) = &self.judged else { return Vec::new() };
        let id = judged.endpoint.id();
        let about = |finding: &&Finding| finding.subject.endpoint_id().as_ref() == Some(&id);
        let certain = |finding: &Finding| Finding { status: crate::findings::FindingStatus::Open, ..finding.clone() };
        let findings = self.findings.iter().filter(about).map(certain).collect();
        let today = self.inventory.taken_at().date_naive();
        let settings = GateSettings { waivers, ..GateSettings::new(today, false) };
        let decided = apply(findings, &self.judgements, &settings);
        decided.into_iter().filter(|finding| finding.subject.endpoint_id().as_ref() == Some(&id)).collect()
    }
}

/// How long a scene may take where logs are read as well.
const WITH_LOGS: Duration = Duration::from_secs(90);

/// Reads and judges. Fails only where nothing could be asked at all.
pub(super) async fn read(prover: &Prover, target: &Target, config: &Config, with_logs: bool) -> Result<Scene, Unread> {
    let asked = (prover.now)();
    let cancel = CancellationToken::new();
    let limit = if with_logs { WITH_LOGS.max(prover.pace.call_deadline) } else { prover.pace.call_deadline };
    let clock = &prover.client.context().clock;
    let watch = clock.sleep(limit);
    let reading = scanned(prover, target, config, with_logs, &cancel);
    tokio::pin!(reading);
    let scan = tokio::select! {
        biased;
        scan = &mut reading => scan,
        () = watch => {
            cancel.cancel();
            reading.await
        }
    };
    let scan = scan.map_err(|error| Unread::Failed(error.to_string()))?;
    let consumers = pipeline::consumers(config);
    let inventory = scan.inventory;
    let judged = analysis::judge_endpoint(&inventory, &config.trusted, &consumers, &target.judged());
    let judgements = analysis::judge(&inventory, &config.trusted, &consumers);
    let findings = prover.rules.evaluate(&judgements);
    Ok(Scene { asked, inventory, judged, judgements, findings, interrupted: scan.interrupted })
}

async fn scanned(
    prover: &Prover,
    target: &Target,
    config: &Config,
    with_logs: bool,
    cancel: &CancellationToken,
) -> Result<Scan, ScanError> {
    let focus = match &target.endpoint {
        Endpoint::Pilot(mesh) | Endpoint::CanaryPilot(mesh) | Endpoint::MeshApiServer(mesh) => {
            Focus::Mesh(mesh.clone())
        }
        Endpoint::ClusterApiServer(cluster) => Focus::Cluster(cluster.clone()),
    };
    let place = crate::model::Scope { account_id: target.account.clone(), region_id: target.region.clone() };
    let taken_at = prover.cloud_now();
    let accounts = &prover.accounts;
    let mut scan = scan::collect_narrow(&prover.client, accounts, &place, &focus, taken_at, cancel).await?;
    let endpoint = target.judged();
    let consumers = pipeline::consumers(config);
    for _ in 0..MAX_ROUNDS {
        if scan.interrupted {
            break;
        }
        let wanted = analysis::wanted_of(&scan.inventory, &consumers, &endpoint);
        let wanted = scan::unread(&scan.inventory, wanted);
        if wanted.is_empty() {
            break;
        }
        scan = scan.read_more(wanted).await?;
    }
    if with_logs && !scan.interrupted {
        scan = with_evidence(prover, target, config, scan).await?;
    }
    Ok(scan)
}

/// Adds what logs say: as they were read with an earlier look, where that is not too old and asked for the same.
async fn with_evidence(prover: &Prover, target: &Target, config: &Config, scan: Scan) -> Result<Scan, ScanError> {
    let Some(plan) = evidence::Plan::new(&config.evidence, true) else { return Ok(scan) };
    let consumers = pipeline::consumers(config);
    let wanted: Vec<EvidenceWanted> =
        plan.keep(analysis::evidence_wanted_of(&scan.inventory, &consumers, &target.judged()));
    let row = target.row();
    let mut kept = prover.logs.lock().await;
    let holds = |logs: &&Logs| logs.wanted == wanted && (prover.now)() - logs.asked <= prover.pace.scan_age;
    if kept.get(&row).filter(holds).is_none() {
        let asked = (prover.now)();
        let mut read = scan.session.read_logs(&scan.inventory, wanted.clone(), plan.settings).await?;
        // A file that cannot be read says nothing, and so there is less evidence.
        if let Ok(files) = evidence::files(&config.evidence.files, &[]) {
            let days = config.evidence.window_days;
            read.logs.extend(files.iter().filter_map(|log| log.reading(&scan.inventory, days).ok()));
        }
        kept.insert(row.clone(), Logs { wanted, asked, read });
    }
    let Some(logs) = kept.get(&row) else { return Ok(scan) };
    let mut builder = scan.inventory.into_builder();
    builder.merge(logs.read.clone());
    Ok(Scan { inventory: builder.build(), ..scan })
}

impl Prover {
    /// The cloud's time, as far as replies have told it; whole milliseconds.
    pub(super) fn cloud_now(&self) -> DateTime<Utc> {
        let skew = self.client.clock_skew().unwrap_or_default();
        (self.client.context().clock.now() + skew).trunc_subsecs(3)
    }
}
