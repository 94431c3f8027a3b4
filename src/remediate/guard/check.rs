//! The questions of the table, one function each.

use super::{
    NEW_PLAN,
    facts::{Facts, Moment, No, no, not_now},
};
use crate::remediate::{
    Change, CloudTime, EipState, EipStatus, Endpoint, Kill, Mode, Proof, Standing, TargetState,
    reading::{Source, differing},
    row::Credit,
};

type Answer = Result<(), No>;

fn target<'a>(facts: &Facts<'a>) -> Result<&'a TargetState, No> {
    facts.read("the endpoint", &facts.readings.target)
}

fn eip<'a>(facts: &Facts<'a>) -> Result<&'a EipState, No> {
    facts.read("the EIP", &facts.readings.eip)
}

/// G1. The plan is of this account, and valid now.
pub(super) fn account_in_scope(facts: &Facts<'_>) -> Answer {
    let Some(plan) = facts.plan else { return no("there is no plan", "one names the action") };
    let action = facts.action;
    if plan.account != action.target.account || !plan.actions.iter().any(|planned| **planned == *action) {
        return no("the plan does not name this action on this account", "a plan names it");
    }
    let (earliest, latest) = facts.cloud_now()?;
    if earliest < plan.not_before {
        return not_now("the plan is not valid yet", "its time has come");
    }
    if latest >= plan.expires {
        return no("the plan has expired", NEW_PLAN);
    }
    match facts.read("the scope", &facts.readings.policy)?.in_scope {
        true => Ok(()),
        false => no("the configuration does not put the account in scope", "it names the account"),
    }
}

/// G2.
pub(super) fn still_exposed(facts: &Facts<'_>) -> Answer {
    let proof = facts.read("the exposure", &facts.readings.proof)?;
    if !proof.ledger.complete() {
        return not_now("the scan is not complete", "everything that was planned is read");
    }
    let (_, latest) = facts.cloud_now()?;
    if latest - proof.scanned_at > facts.pace.scan_age {
        return no("the scan is too old", "there is a newer one");
    }
    match proof.exposed {
        Standing::Yes => Ok(()),
        Standing::No => no("the endpoint is not exposed", "it is, which needs nothing done now"),
        Standing::Unknown => not_now("whether it is exposed is unknown", "it is known"),
    }
}

/// G3 of an unbinding: the same EIP on the same balancer, in use and free of locks.
pub(super) fn same_eip(facts: &Facts<'_>) -> Answer {
    let (target, eip) = (target(facts)?, eip(facts)?);
    if target.slot != facts.action.before() {
        return no("another EIP is bound than the plan says, or none", NEW_PLAN);
    }
    if target.load_balancer != facts.action.load_balancer
        || eip.load_balancer.as_ref() != Some(&facts.action.load_balancer)
    {
        return no("the EIP is not on the balancer that the plan says", NEW_PLAN);
    }
    match eip.status {
        EipStatus::InUse => free_of_locks(eip),
        EipStatus::Available | EipStatus::Moving => not_now("the EIP is not `InUse`", "it is"),
    }
}

fn free_of_locks(eip: &EipState) -> Answer {
    if eip.service_managed {
        return no("the EIP belongs to a product (`ServiceManaged`)", "another EIP is bound");
    }
    if eip.locked || !eip.business_normal {
        return no("the EIP is locked", "the lock is lifted");
    }
    Ok(())
}

/// G3 of a fence: status, type and ids as planned.
pub(super) fn same_listener(facts: &Facts<'_>) -> Answer {
    let target = target(facts)?;
    if target.load_balancer != facts.action.load_balancer {
        return no("the endpoint has another balancer than the plan says", NEW_PLAN);
    }
    if target.slot != facts.action.before() {
        return no("the listener's access control is not as the plan says", NEW_PLAN);
    }
    // The call is to leave them as they are, which is only seen if nobody else changes them meanwhile.
    match (facts.settings, &target.settings) {
        (Some(first), Some(now)) if first != now => {
            let names = differing(first, now).join(", ");
            no(format!("settings of the listener were changed since the first look: {names}"), NEW_PLAN)
        }
        (Some(_), None) => not_now("the listener's settings were not read", "they are read"),
        _ => Ok(()),
    }
}

/// G3 of the way back: an empty slot and a free EIP; or our own ACL, which gives way to what was.
pub(super) fn slot_is_ours_to_fill(facts: &Facts<'_>) -> Answer {
    let target = target(facts)?;
    if target.slot != facts.action.after(facts.acl) {
        return no("the slot does not hold what the change left in it", "a person decides between the two");
    }
    if let Change::Fence { before, .. } = &facts.action.change {
        return match (before.on, target.previous) {
            (false, _) | (true, Some(Standing::Yes)) => Ok(()),
            (true, Some(Standing::No)) => no(
                "the list that the listener had before is empty or gone, and would let everybody in",
                "it has entries again",
            ),
            (true, Some(Standing::Unknown) | None) => not_now("the list of before was not read", "it is read"),
        };
    }
    let eip = eip(facts)?;
    match eip.status {
        EipStatus::Available => free_of_locks(eip),
        EipStatus::Moving => not_now("the EIP is on its way", "it is `Available`"),
        EipStatus::InUse => no("the EIP is in use elsewhere", "it is let go there"),
    }
}

/// G4.
pub(super) fn quiet(facts: &Facts<'_>) -> Answer {
    let target = target(facts)?;
    if !target.offered {
        return no("this type of cluster does not offer the change", "the cluster is migrated");
    }
    if !target.running || target.upgrading || target.task {
        return not_now("it is not `running`, or something is under way", "it is quiet");
    }
    let canary_is_the_matter = matches!(facts.action.target.endpoint, Endpoint::CanaryPilot(_));
    if facts.moment == Moment::Undo {
        return Ok(());
    }
    if target.canary && !canary_is_the_matter {
        return not_now("a canary control plane is alive", "the canary is finished");
    }
    // A cluster that joined after the plan was made was not in its proof.
    if target.clusters.as_ref() != Some(&facts.action.clusters) {
        return no("the set of clusters or consumers is not the plan's", NEW_PLAN);
    }
    Ok(())
}

/// Every name of the action has a source that is safe, and nobody else is among them.
fn all_safe(facts: &Facts<'_>, sources: &[Source], what: &str) -> Answer {
    for name in &facts.action.clusters {
        match sources.iter().find(|source| source.name == *name).map(|source| source.safe) {
            Some(Standing::Yes) => {}
            Some(Standing::No) => return no(format!("{name}: {what} is broken"), "it works again, under a new plan"),
            Some(Standing::Unknown) | None => return not_now(format!("{name}: {what} is unproven"), "it is proved"),
        }
    }
    match sources.iter().find(|source| source.safe != Standing::Yes) {
        Some(source) => no(format!("{}: {what} is unproven", source.name), "it is proved"),
        None => Ok(()),
    }
}

/// What a plan looks at is looked at again: it may leave alone now what it changed then.
fn would_be_planned(proof: &Proof) -> Answer {
    match proof.against.first() {
        Some(reason) => no(format!("a plan made now leaves it alone: {}", reason.why), reason.until.clone()),
        None => Ok(()),
    }
}

/// G5 of pilots: a private path, proved, for every data-plane cluster.
pub(super) fn every_cluster_proven(facts: &Facts<'_>) -> Answer {
    let proof = facts.read("the private paths", &facts.readings.proof)?;
    if proof.sources.is_empty() && !proof.no_sources {
        return no("no cluster was found, and it is not proved that there is none", "clusters are read");
    }
    all_safe(facts, &proof.sources, "the private path")?;
    would_be_planned(proof)?;
    somebody_can_tell(facts)
}

/// Without anybody who stands by, what becomes of each cluster has to show in its proxies.
fn somebody_can_tell(facts: &Facts<'_>) -> Answer {
    if facts.moment != Moment::First || facts.plan.is_none_or(|plan| plan.mode == Mode::Attended) {
        return Ok(());
    }
    match facts.read("the proxies", &facts.readings.health)?.attributed {
        true => Ok(()),
        false => no("nobody can tell which cluster a proxy is of", "a person stands by"),
    }
}

/// G5 of API servers: every known consumer does without, and there is evidence.
pub(super) fn nobody_known_needs_it(facts: &Facts<'_>) -> Answer {
    let proof = facts.read("who needs it", &facts.readings.proof)?;
    if proof.evidence == 0 {
        return no("there is no evidence of who uses it", "a log or an observer was read whole");
    }
    all_safe(facts, &proof.sources, "doing without")?;
    would_be_planned(proof)
}

/// G5 of a fence: the new set lets in whoever needs it.
pub(super) fn admits_every_needed_source(facts: &Facts<'_>) -> Answer {
    let Change::Fence { entries, .. } = &facts.action.change else {
        return no("this is not a fence", "it is");
    };
    if entries.is_empty() {
        return no("an empty white list lets everybody in", "it has entries");
    }
    let proof = facts.read("who is admitted", &facts.readings.proof)?;
    if proof.sources.is_empty() && !proof.no_sources {
        return no("nobody is known who needs it, and it is not proved that nobody does", "consumers are read");
    }
    all_safe(facts, &proof.sources, "admission")?;
    would_be_planned(proof)?;
    somebody_can_tell(facts)?;
    if facts.moment == Moment::Signing { list_is_the_planned_one(facts, entries) } else { Ok(()) }
}

/// What is attached is what was judged: it was made a while ago, and may have been edited since.
fn list_is_the_planned_one(facts: &Facts<'_>, entries: &[String]) -> Answer {
    let prepared = facts.read("the new list", &facts.readings.prepared)?;
    let Some((acl, held)) = &prepared.acl else { return not_now("the new list is not there", "it is") };
    if Some(acl) != facts.acl {
        return not_now("another list than the one that was made is found by its name", "it is gone");
    }
    if held.iter().any(|entry| !entries.contains(entry)) {
        return no("the new list holds entries that nobody planned", NEW_PLAN);
    }
    match entries.iter().all(|entry| held.contains(entry)) {
        true => Ok(()),
        false => not_now("the new list lacks entries", "it has them"),
    }
}

/// G6. A marker that cannot be parsed protects as well.
pub(super) fn wanted_by_nobody(facts: &Facts<'_>) -> Answer {
    let policy = facts.read("waivers and markers", &facts.readings.policy)?;
    if policy.waived {
        return no("the exposure is waived", "the waiver ends");
    }
    match policy.protected {
        true => no("the resource is protected", "its owner takes the marker away"),
        false => Ok(()),
    }
}

/// G7, at both ends of what the time may be.
pub(super) fn within_window(facts: &Facts<'_>) -> Answer {
    let policy = facts.read("the change windows", &facts.readings.policy)?;
    let (earliest, latest) = facts.cloud_now()?;
    let inside = |(from, until): &(CloudTime, CloudTime)| *from <= earliest && latest < *until;
    match policy.windows.iter().any(inside) {
        true => Ok(()),
        false => no("it is outside of the change windows", "a window opens"),
    }
}

/// G8. The credit itself is taken under the account's lease; here it is asked whether there would be any.
pub(super) fn budget_left(facts: &Facts<'_>) -> Answer {
    let (Some(account), Some(plan)) = (facts.account, facts.plan) else {
        return not_now("the account's row was not read", "it is read");
    };
    let (earliest, _) = facts.cloud_now()?;
    match account.credit(facts.action, (&plan.id, facts.run), &plan.limits, earliest, facts.pace) {
        Credit::Given | Credit::Later(_) => Ok(()),
        Credit::Refused { why, until } => no(why, until),
    }
}

/// G9.
pub(super) fn approvals_valid(facts: &Facts<'_>) -> Answer {
    let policy = facts.read("the approvals", &facts.readings.policy)?;
    let (approvals, planned) = (&policy.approvals, &facts.action.environment);
    if policy.environment != *planned {
        return no(
            format!("it is in environment `{}`, and was approved as one in `{planned}`", policy.environment),
            "a new plan is made and approved",
        );
    }
    if approvals.valid < approvals.needed {
        return no(
            format!("{} of {} approvals are valid", approvals.valid, approvals.needed),
            "somebody else approves it",
        );
    }
    if facts.plan.is_none_or(|plan| plan.mode == Mode::Attended) {
        return Ok(());
    }
    let (earliest, _) = facts.cloud_now()?;
    match approvals.agreeing {
        Some((first, second)) if second - first >= facts.pace.agreeing_scans => {}
        _ => return no("no two scans a day apart agree on it", "they do"),
    }
    match approvals.owner_told {
        Some(told) if earliest - told >= facts.pace.owner_notice => Ok(()),
        _ => no("the owner was not told a day ahead", "a day has passed since"),
    }
}

/// G10. A switch that cannot be read is on.
pub(super) fn kill_switch_off(facts: &Facts<'_>) -> Answer {
    match facts.read("the kill switch", &facts.readings.kill)? {
        Kill::Off => Ok(()),
        Kill::On => no("the kill switch is on", "somebody turns it off"),
    }
}

/// G11.
pub(super) fn not_our_own_way(facts: &Facts<'_>) -> Answer {
    match facts.read("our own ways", &facts.readings.policy)?.we_depend.first() {
        None => Ok(()),
        Some(what) => no(format!("{what} uses this endpoint"), "it uses another way"),
    }
}

/// G12. Deletion protection is set and read back between the first look and signing; a prepaid EIP cannot be released.
pub(super) fn insurable(facts: &Facts<'_>) -> Answer {
    let is_prepaid = eip(facts)?.prepaid;
    if matches!(facts.moment, Moment::First | Moment::Preparing) {
        return Ok(());
    }
    match facts.read("the insurance", &facts.readings.prepared)?.protected || is_prepaid {
        true => Ok(()),
        false => not_now("the EIP's deletion protection is not on", "it is"),
    }
}

/// G13.
pub(super) fn trail_quiet(facts: &Facts<'_>) -> Answer {
    let trail = facts.read("the audit trail", &facts.readings.trail)?;
    let (earliest, _) = facts.cloud_now()?;
    match trail.foreign.iter().find(|write| write.before() + facts.pace.foreign_quiet > earliest) {
        Some(write) => not_now(format!("{} wrote to it ({})", write.who, write.what), "it has been left alone"),
        None => Ok(()),
    }
}

/// G14.
pub(super) fn clock_agrees(facts: &Facts<'_>) -> Answer {
    match facts.clock()?.offset < facts.pace.clock_offset {
        true => Ok(()),
        false => no("this host's clock is not the cloud's", "the clock is set"),
    }
}

/// G15.
pub(super) fn component_rested(facts: &Facts<'_>) -> Answer {
    let Some(account) = facts.account else {
        return not_now("the account's row was not read", "it is read");
    };
    let (earliest, _) = facts.cloud_now()?;
    match account.component_changed(&facts.action.target, earliest, facts.pace) {
        Some(_) => no("another component of the same mesh was changed a short time ago", "it has soaked"),
        None => Ok(()),
    }
}
