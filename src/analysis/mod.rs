//! Judgements from an inventory: which control planes are exposed, and who can reach them. Pure:
//! the inventory, the allowlist and the day come in as values.
//!
//! The order of work is: which endpoints there are and what says that they are public
//! (`exposure`), what filters each listener port of the exposed ones (`gates`), and what is to be
//! said of the filters themselves (`security_group`, `acl`), of balancers that nobody claims
//! (`unclaimed`) and of meshes and clusters as a whole (`resources`); last, whether anybody still needs
//! the public path (`staleness`), which asks `connectivity` whether there is a private one. `saved`
//! reads saved questions for it and for `access`.

#![deny(clippy::disallowed_methods)]

pub mod access;
pub mod connectivity;
pub mod what_if;

mod acl;
mod exposure;
mod gates;
mod index;
mod public_address;
mod resources;
mod saved;
mod security_group;
mod staleness;
mod trusted;
mod unclaimed;

use rayon::prelude::*;

pub use self::acl::required_by_vendor;
use crate::model::{
    AccessRow, Binding, Endpoint, EndpointJudgement, EvidenceWanted, Exposure, Inventory, Judgements, NamedConsumers,
    Staleness, TrustedList, Wanted,
};

use self::{
    exposure::Assessed,
    gates::{Job, ListsOf},
    index::Index,
    trusted::Trusted,
};

/// Judges everything in `inventory` against the allowlist and the consumers that the operator names,
/// as of the time at which the inventory was taken. Equal input gives equal judgements, every list
/// sorted by account, region and id.
pub fn judge(inventory: &Inventory, trusted: &TrustedList, consumers: &NamedConsumers) -> Judgements {
    let mut trusted = Trusted::new(trusted, inventory.taken_at().date_naive());
    let index = Index::new(inventory);
    let assessed = exposure::endpoints(&index);
    let exposed = assessed.iter().filter(|one| one.judgement.exposure == Exposure::Exposed);
    let jobs: Vec<Job<'_, '_>> =
        exposed.map(|one| Job { assessed: one, trusted: trusted.for_endpoint(&one.judgement.endpoint) }).collect();
    let lists = ListsOf::new(&index);
    let rows = gates::rows(&index, &lists, &jobs);
    let security_groups = security_group::judge(&index, &lists, &jobs, &rows);
    let acls = acl::judge(&index, &jobs);
    let setting = staleness::Setting::new(&index, ListsOf::of_everybody(&index), consumers);
    let needs: Vec<_> = jobs
        .par_iter()
        .zip(&rows)
        .map(|(job, rows)| staleness::judge(&setting, job.assessed, rows, &job.trusted.addresses))
        .collect();
    Judgements {
        security_groups,
        acls,
        unclaimed_balancers: unclaimed::judge(&index, &assessed),
        resources: resources::judge(inventory, &assessed),
        endpoints: finished(assessed, rows, needs),
    }
}

/// Judges one endpoint, and who needs it as if it were exposed: after a way in was closed, it is asked whether those who
/// had another still have it. `None` if the inventory does not hold the endpoint.
pub fn judge_endpoint(
    inventory: &Inventory,
    trusted: &TrustedList,
    consumers: &NamedConsumers,
    endpoint: &Endpoint,
) -> Option<EndpointJudgement> {
    let mut trusted = Trusted::new(trusted, inventory.taken_at().date_naive());
    let index = Index::new(inventory);
    let assessed = exposure::endpoints(&index).into_iter().find(|one| one.judgement.endpoint == *endpoint)?;
    let job = Job { assessed: &assessed, trusted: trusted.for_endpoint(endpoint) };
    let addresses = job.trusted.addresses.clone();
    let access = gates::rows(&index, &ListsOf::new(&index), &[job]).pop()?;
    let setting = staleness::Setting::new(&index, ListsOf::of_everybody(&index), consumers);
    let (staleness, bound_by) = staleness::judge(&setting, &assessed, &access, &addresses);
    Some(EndpointJudgement { access, staleness, bound_by, ..assessed.judgement })
}

/// As [`wanted`], for one endpoint, exposed or not.
pub fn wanted_of(inventory: &Inventory, consumers: &NamedConsumers, endpoint: &Endpoint) -> Vec<Wanted> {
    let index = Index::new(inventory);
    let all = exposure::endpoints(&index);
    let assessed: Vec<&Assessed<'_>> = all.iter().filter(|one| one.judgement.endpoint == *endpoint).collect();
    let setting = staleness::Setting::new(&index, ListsOf::of_everybody(&index), consumers);
    staleness::wanted(&setting, &assessed)
}

/// As [`evidence_wanted`], for one endpoint, exposed or not.
pub fn evidence_wanted_of(
    inventory: &Inventory,
    consumers: &NamedConsumers,
    endpoint: &Endpoint,
) -> Vec<EvidenceWanted> {
    let index = Index::new(inventory);
    let all = exposure::endpoints(&index);
    let assessed: Vec<&Assessed<'_>> = all.iter().filter(|one| one.judgement.endpoint == *endpoint).collect();
    let setting = staleness::Setting::new(&index, ListsOf::of_everybody(&index), consumers);
    staleness::evidence_wanted(&setting, &assessed)
}

/// The reads of the network that would decide which exposed endpoints are still needed, sorted. Empty
/// when nothing is exposed, or when everything was asked that can be.
pub fn wanted(inventory: &Inventory, consumers: &NamedConsumers) -> Vec<Wanted> {
    let index = Index::new(inventory);
    let assessed = exposure::endpoints(&index);
    let exposed: Vec<&Assessed<'_>> =
        assessed.iter().filter(|one| one.judgement.exposure == Exposure::Exposed).collect();
    if exposed.is_empty() {
        return Vec::new();
    }
    let setting = staleness::Setting::new(&index, ListsOf::of_everybody(&index), consumers);
    staleness::wanted(&setting, &exposed)
}

/// The logs that would say whether exposed endpoints are used, and by whom, sorted. Empty when
/// nothing is exposed. The network has to be read before: it says who the consumers are and which
/// vSwitches they send from.
pub fn evidence_wanted(inventory: &Inventory, consumers: &NamedConsumers) -> Vec<EvidenceWanted> {
    let index = Index::new(inventory);
    let assessed = exposure::endpoints(&index);
    let exposed: Vec<&Assessed<'_>> =
        assessed.iter().filter(|one| one.judgement.exposure == Exposure::Exposed).collect();
    if exposed.is_empty() {
        return Vec::new();
    }
    let setting = staleness::Setting::new(&index, ListsOf::of_everybody(&index), consumers);
    staleness::evidence_wanted(&setting, &exposed)
}

/// The finished endpoints; `rows` and `needs` are those of the exposed ones, in order.
fn finished(
    assessed: Vec<Assessed<'_>>,
    rows: Vec<Vec<AccessRow>>,
    needs: Vec<(Staleness, Option<Binding>)>,
) -> Vec<EndpointJudgement> {
    let mut of_exposed = rows.into_iter().zip(needs);
    let finish = |one: Assessed<'_>| {
        if one.judgement.exposure != Exposure::Exposed {
            return one.judgement;
        }
        let Some((access, (staleness, bound_by))) = of_exposed.next() else { return one.judgement };
        EndpointJudgement { access, staleness, bound_by, ..one.judgement }
    };
    assessed.into_iter().map(finish).collect()
}

#[cfg(test)]
mod tests;
