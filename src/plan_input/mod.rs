//! A Terraform plan as an inventory: what would be there after `terraform apply`, read from what `terraform show -json`
//! prints. Text comes in, an [`Inventory`] goes out, and nothing is judged here.
//!
//! A resource is named by its Terraform address, whether or not it has an id already, and whatever refers to it does so by
//! that address: through the id where it is known, else through the references of the configuration. A value that is known
//! only after apply, or that Terraform marks as sensitive, is unread; where it decides something, the ledger has a gap that
//! says so.
//!
//! `document` reads the shape of the JSON, `value` one value in it, `references` where a value comes from. `kinds` lists the
//! resource types that matter, and one file each turns those of one product into nouns: `cluster`, `mesh`, `balancer`,
//! `group`, `eip` and `passage`. `draft` collects them.

#![deny(clippy::disallowed_methods)]

mod balancer;
mod cluster;
mod document;
mod draft;
mod eip;
mod error;
mod group;
mod kinds;
mod mesh;
mod passage;
mod references;
mod value;

use chrono::{DateTime, Utc};

pub use self::error::PlanError;
use self::{document::Document, draft::Draft, kinds::Kind};
use crate::model::{AccountId, Inventory, RegionId};

/// What the plan does not say, or not always.
#[derive(Clone, Debug)]
pub struct Place {
    /// Whose cloud it is for: a plan names no account.
    pub account_id: AccountId,
    /// The region of resources whose provider takes its own from somewhere else.
    pub region_id: RegionId,
}

/// What stands for an account or a region that nobody knows.
pub const NOWHERE: &str = "-";

/// What was read of a plan.
#[derive(Clone, Debug)]
pub struct Planned {
    pub inventory: Inventory,
    /// Managed resources that the plan holds.
    pub resources: usize,
    /// Those of types that say what is exposed, and to whom.
    pub looked_at: usize,
}

/// Reads the JSON of a plan, or of a state, as what there will be at `now`.
pub fn read(text: &[u8], place: &Place, now: DateTime<Utc>) -> Result<Planned, PlanError> {
    let document = Document::read(text)?;
    let mut draft = Draft::new(&document, place, now);
    let mut looked_at = 0;
    for (resource, kind) in document.resources.iter().filter_map(|it| Some((it, Kind::of(&it.kind)?))) {
        looked_at += 1;
        draft.plan(resource);
        match kind {
            Kind::Cluster(shape) => cluster::read(&mut draft, resource, shape),
            Kind::Mesh => mesh::read(&mut draft, resource),
            Kind::SecurityGroup => group::read(&mut draft, resource),
            Kind::PrefixList => group::read_prefix_list(&mut draft, resource),
            Kind::ClassicBalancer => balancer::read_classic(&mut draft, resource),
            Kind::NetworkBalancer => balancer::read_network(&mut draft, resource),
            Kind::Acl => balancer::read_acl(&mut draft, resource),
            Kind::EipAssociation => eip::read(&mut draft, resource),
            Kind::Passage(passage) => passage::read(&mut draft, resource, passage),
            // These are parts of what they belong to, and are looked for there.
            Kind::SecurityGroupRule
            | Kind::ClassicListener
            | Kind::AclEntry
            | Kind::NetworkListener
            | Kind::NetworkBalancerGroup => {}
            Kind::NotRead(why) => draft.not_read(resource, why),
        }
    }
    for problem in &document.problems {
        draft.problem(problem);
    }
    Ok(Planned { inventory: draft.finish(), resources: document.resources.len(), looked_at })
}
