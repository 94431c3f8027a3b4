//! What people decided, as it stands now: waivers, markers, change windows, approvals, scope.

use std::{collections::BTreeSet, net::IpAddr};

use super::{Prover, scene::Scene, ways};
use crate::{
    config::{self, Config},
    findings::{FindingStatus, Waiver},
    remediate::{Action, Approvals, Change, CloudTime, Ledger, Policy, Target, Unread, select::environment},
};

/// What people decided beside the cloud, read anew for each question.
pub(crate) trait Decisions: Send + Sync {
    /// The configuration as its file is now.
    ///
    /// # Errors
    /// Why it cannot be told.
    fn config(&self) -> Result<Config, String>;

    /// The change windows about a moment.
    fn windows(&self, config: &Config, now: CloudTime) -> Vec<(CloudTime, CloudTime)>;

    /// Who has approved the plan.
    ///
    /// # Errors
    /// Why it cannot be told.
    fn approvals(&self, config: &Config, target: &Target) -> Result<Approvals, String>;
}

/// Takes the decisions about the target from files and from the scene.
pub(super) async fn of(
    prover: &Prover,
    scene: &Scene,
    ledger: &Ledger,
    config: &Config,
    target: &Target,
    action: Option<&Action>,
) -> Result<Policy, Unread> {
    // A marker may stand on whatever was not read.
    if !ledger.complete() {
        return Err(Unread::Failed("not everything was read that a marker may stand on".to_owned()));
    }
    let Some(judged) = &scene.judged else {
        return Err(Unread::Failed("the endpoint was not found, so no marker on it is known".to_owned()));
    };
    let waived = scene.decided(waivers(prover, config)?).iter().any(|one| one.status == FindingStatus::Waived);
    let now = CloudTime(u64::try_from(prover.cloud_now().timestamp_millis()).unwrap_or_default());
    let planned = action.and_then(|action| match &action.change {
        Change::Unbind { address, .. } => Some(address.as_str()),
        Change::Fence { .. } => None,
    });
    let shown = [planned, judged.public_address.as_deref()].into_iter().flatten();
    let addresses: BTreeSet<IpAddr> = shown.filter_map(|text| text.parse().ok()).collect();
    if addresses.is_empty() {
        return Err(Unread::Failed(
            "no address of the endpoint is known, so none of our ways can be held to it".to_owned(),
        ));
    }
    let settings = &config.remediation.environments;
    Ok(Policy {
        waived,
        protected: !judged.protected_by.is_empty(),
        windows: prover.decisions.windows(config, now),
        approvals: prover.decisions.approvals(config, target).map_err(Unread::Failed)?,
        environment: environment(&judged.tags, &settings.tag, &settings.production),
        in_scope: in_scope(prover, config, target),
        we_depend: ways::using(&prover.ways, &addresses).await,
    })
}

/// The waivers as their file is now. A file that cannot be read may waive anything.
fn waivers(prover: &Prover, config: &Config) -> Result<Vec<Waiver>, Unread> {
    let Some(path) = &config.waivers else { return Ok(Vec::new()) };
    let known = prover.rules.ids().map(str::to_owned).collect();
    let today = prover.cloud_now().date_naive();
    config::load_waivers(path, today, &known).map_err(|errors| Unread::Failed(errors.to_string()))
}

/// The account is one of those that are read, and its region is not left out.
fn in_scope(prover: &Prover, config: &Config, target: &Target) -> bool {
    let account = prover.accounts.iter().any(|(id, _)| *id == target.account);
    account && (config.regions.is_empty() || config.regions.iter().any(|region| region == target.region.as_str()))
}
