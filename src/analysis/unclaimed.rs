//! Public balancers that look like control planes and that no mesh or cluster names: the second
//! inventory. What the products do not list, the EIPs and balancers may still show.

use std::collections::{BTreeMap, HashSet};

use crate::model::{
    AccountId, Bounds, Claims, Coverage, Eip, EipId, Entrance, LoadBalancer, LoadBalancerId, NOT_OPEN,
    NetworkLoadBalancer, Reading, RegionId, Scope, UnclaimedBalancerJudgement, Unit, UnitState, is_network_balancer,
    ports::{self, Leads},
};

use super::{
    exposure::Assessed,
    index::{self, Index},
};

/// One judgement for each public balancer that is, or may be, an unclaimed control plane; sorted
/// by account, region and id.
pub(super) fn judge(index: &Index<'_>, endpoints: &[Assessed<'_>]) -> Vec<UnclaimedBalancerJudgement> {
    let claims = Known::new(index, endpoints);
    let classic = index.inventory.load_balancers().iter().filter_map(|balancer| classic(index, balancer));
    let network = index.inventory.network_load_balancers().iter().filter_map(|balancer| network(index, balancer));
    let unread = unread_balancers(index);
    let mut judgements: Vec<_> = classic
        .chain(network)
        .chain(unread)
        .filter(|seen| !claims.hold(seen))
        .map(|seen| seen.judged(&claims))
        .filter(|one| one.looks_like_control_plane.upper)
        .collect();
    judgements.sort_by(|one, other| key(one).cmp(&key(other)));
    judgements
}

fn key(one: &UnclaimedBalancerJudgement) -> impl Ord + '_ {
    (&one.account_id, &one.region_id, &one.load_balancer_id)
}

/// A balancer with a public address.
struct Seen<'a> {
    scope: &'a Scope,
    id: LoadBalancerId,
    name: &'a str,
    tags: BTreeMap<String, String>,
    public_address: String,
    eip_id: Option<EipId>,
    /// Where its listeners lead; `None` where they could not be read.
    leads: Option<Leads>,
}

impl Seen<'_> {
    fn judged(self, claims: &Known<'_>) -> UnclaimedBalancerJudgement {
        let lower = self.leads.as_ref().is_some_and(|leads| !leads.certain.is_empty());
        let upper = self.leads.as_ref().is_none_or(|leads| !leads.certain.is_empty() || leads.possible);
        UnclaimedBalancerJudgement {
            account_id: self.scope.account_id.clone(),
            region_id: self.scope.region_id.clone(),
            load_balancer_id: self.id.as_str().to_owned(),
            name: self.name.to_owned(),
            tags: self.tags,
            public_address: self.public_address,
            eip_id: self.eip_id,
            control_plane_ports: self.leads.as_ref().map(Leads::ports).unwrap_or_default(),
            // "Nobody claims it" is only known where everybody could be asked.
            looks_like_control_plane: Bounds { lower: lower && claims.complete(self.scope), upper },
        }
    }
}

fn classic<'a>(index: &Index<'a>, balancer: &'a LoadBalancer) -> Option<Seen<'a>> {
    let eip = index.eips_on(&balancer.scope.account_id, &balancer.load_balancer_id).first();
    if eip.is_none() && !index::is_public_by_itself(balancer) {
        return None;
    }
    Some(Seen {
        scope: &balancer.scope,
        id: balancer.load_balancer_id.clone(),
        name: &balancer.load_balancer_name,
        tags: balancer.tags.clone(),
        public_address: eip.map_or(&balancer.address, |eip| &eip.ip_address).clone(),
        eip_id: eip.map(|eip| eip.allocation_id.clone()),
        leads: match &balancer.listeners {
            Reading::Value(listeners) => Some(ports::leads(listeners)),
            Reading::Absent => Some(Leads::default()),
            Reading::Unread => None,
        },
    })
}

fn network<'a>(index: &Index<'a>, balancer: &'a NetworkLoadBalancer) -> Option<Seen<'a>> {
    let eip = index.eips_on(&balancer.scope.account_id, &balancer.load_balancer_id).first();
    if eip.is_none() && !index::has_public_ipv4(balancer) && !index::has_public_ipv6(balancer) {
        return None;
    }
    let zones = || balancer.addresses.iter();
    let zone_address = zones()
        .map(|zone| &zone.public_ipv4_address)
        .chain(zones().map(|zone| &zone.ipv6_address))
        .find(|address| !address.is_empty());
    let zone_eip = zones().map(|zone| &zone.allocation_id).find(|id| !id.is_empty());
    Some(Seen {
        scope: &balancer.scope,
        id: balancer.load_balancer_id.clone(),
        name: &balancer.load_balancer_name,
        tags: balancer.tags.clone(),
        public_address: eip.map(|eip| &eip.ip_address).or(zone_address).cloned().unwrap_or_default(),
        eip_id: eip.map(|eip| &eip.allocation_id).or(zone_eip).cloned(),
        leads: match &balancer.listeners {
            Reading::Value(listeners) => Some(ports::network_leads(listeners)),
            Reading::Absent => Some(Leads::default()),
            Reading::Unread => None,
        },
    })
}

/// Balancers that only their EIP shows, because the read of the balancer itself failed.
fn unread_balancers<'a>(index: &Index<'a>) -> Vec<Seen<'a>> {
    let failed: HashSet<(&AccountId, &str)> = index
        .inventory
        .coverage()
        .gaps()
        .filter(|gap| matches!(gap.unit.product.as_str(), "slb" | "nlb") && !gap.unit.resource_id.is_empty())
        .map(|gap| (&gap.unit.account_id, gap.unit.resource_id.as_str()))
        .collect();
    let unread = |eip: &Eip| {
        let id = LoadBalancerId::from(&*eip.instance_id);
        let account_id = &eip.scope.account_id;
        let classic = is_classic(eip) && index.inventory.load_balancer(account_id, &id).is_none();
        let network = id.is_network() && index.inventory.network_load_balancer(account_id, &id).is_none();
        let listed = if network {
            index.network_balancers_listed(&eip.scope)
        } else {
            index.classic_balancers_listed(&eip.scope)
        };
        (classic || network) && (!listed || failed.contains(&(account_id, id.as_str())))
    };
    let mut seen = HashSet::new();
    let first_of_its_balancer = |eip: &&'a Eip| seen.insert((&eip.scope.account_id, eip.instance_id.as_str()));
    index
        .inventory
        .eips()
        .iter()
        .filter(|eip| unread(eip))
        .filter(first_of_its_balancer)
        .map(|eip| Seen {
            scope: &eip.scope,
            id: LoadBalancerId::from(&*eip.instance_id),
            name: "",
            tags: BTreeMap::new(),
            public_address: eip.ip_address.clone(),
            eip_id: Some(eip.allocation_id.clone()),
            leads: None,
        })
        .collect()
}

fn is_classic(eip: &Eip) -> bool {
    eip.instance_id.starts_with("lb-")
        || (eip.instance_type.eq_ignore_ascii_case("SlbInstance") && !is_network_balancer(&eip.instance_id))
}

/// What meshes and clusters name as theirs, and whether all of them could be asked.
struct Known<'a> {
    claims: Claims<'a>,
    /// Public addresses of endpoints.
    addresses: HashSet<(&'a AccountId, &'a str)>,
    /// Accounts and regions in which the balancer of some mesh or cluster could not be read.
    incomplete: HashSet<&'a Scope>,
    coverage: &'a Coverage,
}

impl<'a> Known<'a> {
    fn new(index: &Index<'a>, endpoints: &'a [Assessed<'a>]) -> Self {
        let inventory = index.inventory;
        let mut known = Self {
            claims: Claims::of(inventory.meshes(), inventory.clusters(), inventory.eips()),
            addresses: HashSet::new(),
            incomplete: HashSet::new(),
            coverage: index.inventory.coverage(),
        };
        for one in endpoints {
            let account_id = &one.scope.account_id;
            let judgement = &one.judgement;
            // Beside what they name, what was found out about them.
            judgement.load_balancer_id.iter().for_each(|id| known.claims.add_balancer(account_id, id.as_str()));
            judgement.eip_id.iter().for_each(|id| known.claims.add_eip(account_id, id));
            known.addresses.extend(judgement.public_address.as_ref().map(|text| (account_id, text.as_str())));
        }
        for mesh in index.inventory.meshes() {
            let canary_is_silent = match &mesh.canary_pilot {
                Reading::Unread => true,
                Reading::Value(canary) => is_silent(canary),
                Reading::Absent => false,
            };
            if canary_is_silent || is_silent(&mesh.pilot) || is_silent(&mesh.api_server) {
                known.incomplete.insert(&mesh.scope);
            }
        }
        for cluster in index.inventory.clusters() {
            if is_silent(&cluster.api_server) {
                known.incomplete.insert(&cluster.scope);
            }
        }
        known
    }

    fn hold(&self, seen: &Seen<'_>) -> bool {
        let account_id = &seen.scope.account_id;
        self.claims.has_balancer(account_id, seen.id.as_str())
            || seen.eip_id.as_ref().is_some_and(|id| self.claims.has_eip(account_id, id))
            || (!seen.public_address.is_empty() && self.addresses.contains(&(account_id, seen.public_address.as_str())))
    }

    /// True if every mesh and cluster that could own a balancer there was read, and every EIP by
    /// which it could. The mesh list answers for all regions at once.
    fn complete(&self, scope: &Scope) -> bool {
        let whole = |region_id: &RegionId, product, operation| {
            let unit = Unit::new(&scope.account_id, region_id, product, operation, "");
            match self.coverage.gap_of(&unit) {
                // The product says that it has nothing there, whatever else speaks against it.
                Some(gap) => gap.state == UnitState::NotServed || gap.code == NOT_OPEN,
                None => self.coverage.state(&unit) == Some(UnitState::Scanned),
            }
        };
        let meshes = whole(&RegionId::default(), "servicemesh", "DescribeServiceMeshes")
            || whole(&scope.region_id, "servicemesh", "DescribeServiceMeshes");
        meshes
            && whole(&scope.region_id, "cs", "DescribeClustersV1")
            && whole(&scope.region_id, "vpc", "DescribeEipAddresses")
            && !self.incomplete.contains(scope)
    }
}

/// True if the entrance may have something by which to claim a balancer that was not read. Who has
/// no EIP id in its API names none.
fn is_silent(entrance: &Entrance) -> bool {
    entrance.load_balancer_id.is_unread() || entrance.public_endpoint.is_unread() || entrance.eip_id.is_unread()
}
