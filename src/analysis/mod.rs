//! Judgements from an inventory: which control planes are exposed, and who can reach them. Pure:
//! the inventory, the allowlist and the day come in as values.
//!
//! The order of work is: which endpoints there are and what says that they are public
//! (`exposure`), what filters each listener port of the exposed ones (`gates`), and what is to be
//! said of the filters themselves (`security_group`, `acl`), of balancers that nobody claims
//! (`unclaimed`) and of meshes and clusters as a whole (`resources`).

#![deny(clippy::disallowed_methods)]

pub mod access;

mod acl;
mod exposure;
mod gates;
mod index;
mod ports;
mod public_address;
mod resources;
mod security_group;
mod trusted;
mod unclaimed;

use crate::model::{AccessRow, EndpointJudgement, Exposure, Inventory, Judgements, TrustedList};

use self::{
    exposure::Assessed,
    gates::{Job, ListsOf},
    index::Index,
    trusted::Trusted,
};

/// Judges everything in `inventory` against the allowlist, as of the day on which the inventory
/// was taken. The same inventory and allowlist give equal judgements, every list sorted by account,
/// region and id.
pub fn judge(inventory: &Inventory, trusted: &TrustedList) -> Judgements {
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
    Judgements {
        security_groups,
        acls,
        unclaimed_balancers: unclaimed::judge(&index, &assessed),
        resources: resources::judge(inventory, &assessed),
        endpoints: with_access(assessed, rows),
    }
}

/// The finished endpoints; `rows` are those of the exposed ones, in order.
fn with_access(assessed: Vec<Assessed<'_>>, rows: Vec<Vec<AccessRow>>) -> Vec<EndpointJudgement> {
    let mut rows = rows.into_iter();
    let finish = |one: Assessed<'_>| {
        let exposed = one.judgement.exposure == Exposure::Exposed;
        let access = if exposed { rows.next().unwrap_or_default() } else { Vec::new() };
        EndpointJudgement { access, ..one.judgement }
    };
    assessed.into_iter().map(finish).collect()
}

#[cfg(test)]
mod tests;
