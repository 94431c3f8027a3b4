//! What replies said beside their objects and later reads need, and which lists were read: so that
//! nothing is asked twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::transit_router::Kind;
use crate::model::{AccountId, CenId, NetworkLoadBalancer, RouteTableId, Text, TransitRouter, TransitRouterId};

/// Of one session.
#[derive(Default)]
pub(in crate::scan) struct Memory(Mutex<Facts>);

#[derive(Default)]
struct Facts {
    cens: BTreeMap<TransitRouterId, CenId>,
    routers: BTreeMap<(AccountId, CenId), Vec<TransitRouter>>,
    listed: BTreeSet<(AccountId, TransitRouterId, Kind)>,
    table_types: BTreeMap<RouteTableId, Text>,
    balancers: BTreeMap<(AccountId, String), BalancerFacts>,
}

/// What was read of a balancer behind an endpoint service, as far as it was needed.
#[derive(Clone, Default)]
pub(super) struct BalancerFacts {
    /// VPC and address.
    pub(super) place: Option<(String, String)>,
    pub(super) ports: Option<BTreeSet<u16>>,
    pub(super) network: Option<NetworkLoadBalancer>,
}

impl Memory {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The CEN of a router, as an attachment named it.
    pub(super) fn cen_of(&self, router: &TransitRouterId) -> Option<CenId> {
        self.facts().cens.get(router).cloned()
    }

    pub(super) fn note_cen(&self, router: &TransitRouterId, cen: &CenId) {
        if !router.is_empty() && !cen.is_empty() {
            self.facts().cens.insert(router.clone(), cen.clone());
        }
    }

    /// The routers of a CEN, if they were listed.
    pub(super) fn routers_of(&self, account_id: &AccountId, cen: &CenId) -> Option<Vec<TransitRouter>> {
        self.facts().routers.get(&(account_id.clone(), cen.clone())).cloned()
    }

    pub(super) fn note_routers(&self, account_id: &AccountId, cen: &CenId, routers: Vec<TransitRouter>) {
        self.facts().routers.insert((account_id.clone(), cen.clone()), routers);
    }

    /// True if the attachments of a kind were listed for a router.
    pub(super) fn has_listed(&self, account_id: &AccountId, router: &TransitRouterId, kind: Kind) -> bool {
        self.facts().listed.contains(&(account_id.clone(), router.clone(), kind))
    }

    pub(super) fn listed(&self, account_id: &AccountId, router: &TransitRouterId, kind: Kind) {
        self.facts().listed.insert((account_id.clone(), router.clone(), kind));
    }

    pub(super) fn balancer(&self, account_id: &AccountId, id: &str) -> BalancerFacts {
        self.facts().balancers.get(&(account_id.clone(), id.to_owned())).cloned().unwrap_or_default()
    }

    pub(super) fn note_place(&self, account_id: &AccountId, id: &str, place: (String, String)) {
        self.facts().balancers.entry((account_id.clone(), id.to_owned())).or_default().place = Some(place);
    }

    pub(super) fn note_network(&self, account_id: &AccountId, balancer: NetworkLoadBalancer) {
        let key = (account_id.clone(), balancer.load_balancer_id.as_str().to_owned());
        self.facts().balancers.entry(key).or_default().network = Some(balancer);
    }

    pub(super) fn note_ports(&self, account_id: &AccountId, id: &str, ports: BTreeSet<u16>) {
        self.facts().balancers.entry((account_id.clone(), id.to_owned())).or_default().ports = Some(ports);
    }

    /// `System` or `Custom`, if a reply said it.
    pub(super) fn table_type(&self, table: &RouteTableId) -> Option<Text> {
        self.facts().table_types.get(table).cloned()
    }

    pub(super) fn note_table(&self, table: &RouteTableId, kind: &str) {
        if !table.is_empty() && !kind.is_empty() {
            self.facts().table_types.insert(table.clone(), kind.into());
        }
    }
}
