//! What replies said beside their objects and later reads need, and which lists were read: so that
//! nothing is asked twice.
//!
//! What decides which reads there are is taken from the rounds before only: what else is under way, in this process or in
//! another one, changes nothing. What merely saves a call may be of this round too.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::transit_router::Kind;
use crate::model::{AccountId, CenId, NetworkLoadBalancer, RouteTableId, Text, TransitRouter, TransitRouterId};

/// Of one reading.
pub(in crate::scan) struct Memory {
    before: Arc<Notes>,
    now: Mutex<Notes>,
}

/// What is remembered. Notes of several readings are joined in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// As attachments name them.
    #[serde(with = "pairs")]
    cens: BTreeMap<TransitRouterId, BTreeSet<CenId>>,
    /// Two routers of one CEN.
    joined: BTreeSet<(TransitRouterId, TransitRouterId)>,
    #[serde(with = "pairs")]
    routers: BTreeMap<(AccountId, CenId), Vec<TransitRouter>>,
    listed: BTreeSet<(AccountId, TransitRouterId, Kind)>,
    #[serde(with = "pairs")]
    table_types: BTreeMap<RouteTableId, Text>,
    #[serde(with = "pairs")]
    balancers: BTreeMap<(AccountId, String), BalancerFacts>,
}

/// What was read of a balancer behind an endpoint service, as far as it was needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BalancerFacts {
    /// VPC and address.
    pub(super) place: Option<(String, String)>,
    pub(super) ports: Option<BTreeSet<u16>>,
    pub(super) network: Option<NetworkLoadBalancer>,
}

impl Notes {
    /// Adds what another reading noted.
    pub fn join(&mut self, other: Self) {
        for (router, cens) in other.cens {
            self.cens.entry(router).or_default().extend(cens);
        }
        self.joined.extend(other.joined);
        self.routers.extend(other.routers);
        self.listed.extend(other.listed);
        self.table_types.extend(other.table_types);
        for (balancer, facts) in other.balancers {
            let known = self.balancers.entry(balancer).or_default();
            known.place = facts.place.or(known.place.take());
            known.ports = facts.ports.or(known.ports.take());
            known.network = facts.network.or(known.network.take());
        }
    }

    /// The CEN of a router, as an attachment of it named it, or of the nearest one that it is joined with.
    fn cen_of(&self, router: &TransitRouterId) -> Option<CenId> {
        let mut seen = BTreeSet::from([router]);
        let mut queue = VecDeque::from([router]);
        while let Some(next) = queue.pop_front() {
            if let Some(cen) = self.cens.get(next).and_then(BTreeSet::first) {
                return Some(cen.clone());
            }
            let others = self.joined.iter().filter_map(|(one, other)| match (one == next, other == next) {
                (true, _) => Some(other),
                (_, true) => Some(one),
                _ => None,
            });
            queue.extend(others.filter(|other| seen.insert(other)));
        }
        None
    }
}

impl Memory {
    /// For a reading after those that noted this.
    pub(in crate::scan) fn after(before: Arc<Notes>) -> Self {
        Self { before, now: Mutex::default() }
    }

    /// What this reading noted.
    pub(in crate::scan) fn into_notes(self) -> Notes {
        self.now.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> MutexGuard<'_, Notes> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The CEN of a router.
    pub(super) fn cen_of(&self, router: &TransitRouterId) -> Option<CenId> {
        self.before.cen_of(router)
    }

    pub(super) fn note_cen(&self, router: &TransitRouterId, cen: &CenId) {
        if !router.is_empty() && !cen.is_empty() {
            self.now().cens.entry(router.clone()).or_default().insert(cen.clone());
        }
    }

    /// Notes that two routers are of one CEN.
    pub(super) fn note_joined(&self, one: &TransitRouterId, other: &TransitRouterId) {
        if one != other && !one.is_empty() && !other.is_empty() {
            let (one, other) = if one < other { (one, other) } else { (other, one) };
            self.now().joined.insert((one.clone(), other.clone()));
        }
    }

    /// The routers of a CEN, if they were listed.
    pub(super) fn routers_of(&self, account_id: &AccountId, cen: &CenId) -> Option<Vec<TransitRouter>> {
        let key = (account_id.clone(), cen.clone());
        self.before.routers.get(&key).cloned().or_else(|| self.now().routers.get(&key).cloned())
    }

    pub(super) fn note_routers(&self, account_id: &AccountId, cen: &CenId, routers: Vec<TransitRouter>) {
        self.now().routers.insert((account_id.clone(), cen.clone()), routers);
    }

    /// True if the attachments of a kind were listed for a router.
    pub(super) fn has_listed(&self, account_id: &AccountId, router: &TransitRouterId, kind: Kind) -> bool {
        self.before.listed.contains(&(account_id.clone(), router.clone(), kind))
    }

    pub(super) fn listed(&self, account_id: &AccountId, router: &TransitRouterId, kind: Kind) {
        self.now().listed.insert((account_id.clone(), router.clone(), kind));
    }

    pub(super) fn balancer(&self, account_id: &AccountId, id: &str) -> BalancerFacts {
        let key = (account_id.clone(), id.to_owned());
        let before = self.before.balancers.get(&key).cloned().unwrap_or_default();
        let now = self.now().balancers.get(&key).cloned().unwrap_or_default();
        BalancerFacts {
            place: now.place.or(before.place),
            ports: now.ports.or(before.ports),
            network: now.network.or(before.network),
        }
    }

    pub(super) fn note_place(&self, account_id: &AccountId, id: &str, place: (String, String)) {
        self.now().balancers.entry((account_id.clone(), id.to_owned())).or_default().place = Some(place);
    }

    pub(super) fn note_network(&self, account_id: &AccountId, balancer: NetworkLoadBalancer) {
        let key = (account_id.clone(), balancer.load_balancer_id.as_str().to_owned());
        self.now().balancers.entry(key).or_default().network = Some(balancer);
    }

    pub(super) fn note_ports(&self, account_id: &AccountId, id: &str, ports: BTreeSet<u16>) {
        self.now().balancers.entry((account_id.clone(), id.to_owned())).or_default().ports = Some(ports);
    }

    /// `System` or `Custom`, if a reply said it.
    pub(super) fn table_type(&self, table: &RouteTableId) -> Option<Text> {
        self.before.table_types.get(table).cloned().or_else(|| self.now().table_types.get(table).cloned())
    }

    pub(super) fn note_table(&self, table: &RouteTableId, kind: &str) {
        if !table.is_empty() && !kind.is_empty() {
            self.now().table_types.insert(table.clone(), kind.into());
        }
    }
}

mod pairs {
    //! JSON has text keys only, so a map is written as the list of its pairs.
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer, K: Serialize, V: Serialize>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub fn deserialize<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        D: Deserializer<'de>,
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        Vec::<(K, V)>::deserialize(deserializer).map(|pairs| pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;

    fn noted(note: impl Fn(&Memory)) -> Notes {
        let memory = Memory::after(Arc::default());
        note(&memory);
        memory.into_notes()
    }

    fn cen_after(notes: &[&Notes], router: &str) -> Option<String> {
        let mut all = Notes::default();
        notes.iter().for_each(|one| all.join((*one).clone()));
        Memory::after(Arc::new(all)).cen_of(&router.into()).map(|cen| cen.to_string())
    }

    #[test]
    fn a_router_is_of_the_cen_of_those_it_is_joined_with() {
        let named = noted(|memory| memory.note_cen(&"tr-1".into(), &"cen-1".into()));
        let joined = noted(|memory| {
            memory.note_joined(&"tr-3".into(), &"tr-2".into());
            memory.note_joined(&"tr-1".into(), &"tr-2".into());
        });
        // Whoever noted it, and in whichever order.
        for notes in [[&named, &joined], [&joined, &named]] {
            assert_eq!(cen_after(&notes, "tr-3").as_deref(), Some("cen-1"));
            assert_eq!(cen_after(&notes, "tr-4"), None);
        }
        assert_eq!(cen_after(&[&joined], "tr-3"), None);
    }

    #[test]
    fn what_is_under_way_decides_nothing() {
        let memory = Memory::after(Arc::default());
        memory.note_cen(&"tr-1".into(), &"cen-1".into());
        memory.listed(&"1".into(), &"tr-1".into(), Kind::Vpc);
        assert_eq!(memory.cen_of(&"tr-1".into()), None);
        assert!(!memory.has_listed(&"1".into(), &"tr-1".into(), Kind::Vpc));
        let next = Memory::after(Arc::new(memory.into_notes()));
        assert_eq!(next.cen_of(&"tr-1".into()), Some("cen-1".into()));
        assert!(next.has_listed(&"1".into(), &"tr-1".into(), Kind::Vpc));
    }

    #[test]
    fn notes_come_back_from_json() {
        let scope = Scope { account_id: "1".into(), region_id: "cn-hangzhou".into() };
        let router = TransitRouter { scope, transit_router_id: "tr-1".into(), ..TransitRouter::default() };
        let notes = noted(|memory| {
            memory.note_cen(&"tr-1".into(), &"cen-1".into());
            memory.note_joined(&"tr-1".into(), &"tr-2".into());
            memory.note_routers(&"1".into(), &"cen-1".into(), vec![router.clone()]);
            memory.listed(&"1".into(), &"tr-1".into(), Kind::Peer);
            memory.note_table(&"vtb-1".into(), "System");
            memory.note_place(&"1".into(), "lb-1", ("vpc-1".to_owned(), "10.0.0.1".to_owned()));
            memory.note_ports(&"1".into(), "lb-1", [443].into());
        });
        let text = serde_json::to_string(&notes).expect("lists of pairs have no keys");
        assert_eq!(serde_json::from_str::<Notes>(&text).expect("just written"), notes);
    }
}
