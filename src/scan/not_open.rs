//! A product that says that it is not open, or does not serve a region, while something there can only be its own: then
//! it does not show what it has, and its list is denied instead of empty (reliability.md 2.2, row 34).

use super::public::{self, PublicBalancers};
use crate::model::{
    Claims, Entrance, Gap, InventoryBuilder, LoadBalancer, NOT_OPEN, Reading, RegionId, Scope, Unit, UnitState,
    is_network_balancer, ports,
};

/// Denies the lists that are not served by their product's own word, where what was read says otherwise.
pub(super) fn doubt(builder: &mut InventoryBuilder) {
    let not_served = builder.coverage().gaps().filter(|gap| gap.state == UnitState::NotServed);
    let doubted: Vec<Gap> = not_served
        .filter_map(|gap| {
            let evidence = Evidence::new(builder, &gap.unit).against()?;
            let message = format!("{}; yet {evidence}", gap.message);
            Some(Gap { state: UnitState::Denied, code: NOT_OPEN.to_owned(), message, ..gap.clone() })
        })
        .collect();
    doubted.into_iter().for_each(|gap| builder.gap(gap));
}

/// What was read of the account and region of a list.
struct Evidence<'a> {
    read: &'a InventoryBuilder,
    unit: &'a Unit,
}

impl<'a> Evidence<'a> {
    fn new(read: &'a InventoryBuilder, unit: &'a Unit) -> Self {
        Self { read, unit }
    }

    /// What speaks against the product's word, if anything does.
    fn against(&self) -> Option<String> {
        match (self.unit.product.as_str(), self.unit.operation.as_str()) {
            ("vpc", "DescribeEipAddresses") => self.eip(),
            ("slb", "DescribeLoadBalancers") => self.classic_balancer(),
            ("nlb", "ListLoadBalancers") => self.network_balancer(),
            ("cs", "DescribeClustersV1") => self.unclaimed(|port| port == ports::API_SERVER),
            // An API server that nobody claims may be of a cluster as well.
            ("servicemesh", "DescribeServiceMeshes") => self.unclaimed(|port| port != ports::API_SERVER),
            _ => None,
        }
    }

    /// True for what is in the list's account and region; the list of meshes is about all regions.
    fn holds(&self, scope: &Scope) -> bool {
        let Unit { account_id, region_id, .. } = self.unit;
        scope.account_id == *account_id && (*region_id == RegionId::default() || scope.region_id == *region_id)
    }

    /// Everything there that stands behind a balancer, with the id of what it belongs to.
    fn entrances(&self) -> impl Iterator<Item = (&'a str, &'a Entrance)> {
        let meshes = self.read.meshes.iter().filter(|mesh| self.holds(&mesh.scope));
        let of_meshes = meshes.flat_map(|mesh| public::entrances(mesh).map(|one| (mesh.service_mesh_id.as_str(), one)));
        let clusters = self.read.clusters.iter().filter(|cluster| self.holds(&cluster.scope));
        of_meshes.chain(clusters.map(|cluster| (cluster.cluster_id.as_str(), &cluster.api_server)))
    }

    fn eip(&self) -> Option<String> {
        let named = self.entrances().find_map(|(owner, entrance)| {
            let id = entrance.eip_id.value().filter(|id| !id.is_empty())?;
            Some(format!("{owner} names the EIP {id}"))
        });
        let zones = self.read.network_load_balancers.iter().filter(|balancer| self.holds(&balancer.scope));
        let on_zone =
            || zones.flat_map(|balancer| &balancer.addresses).map(|zone| &zone.allocation_id).find(|id| !id.is_empty());
        named.or_else(|| on_zone().map(|id| format!("a network load balancer names the EIP {id}")))
    }

    /// The balancer of the region that an EIP is bound to.
    fn bound(&self, is_kind: impl Fn(&str) -> bool) -> Option<String> {
        let eips = self.read.eips.iter().filter(|eip| self.holds(&eip.scope));
        let mut eips = eips.filter(|eip| eip.instance_type == "SlbInstance" || is_network_balancer(&eip.instance_id));
        let eip = eips.find(|eip| is_kind(&eip.instance_id))?;
        Some(format!("the EIP {} is bound to {}", eip.allocation_id, eip.instance_id))
    }

    /// Every control plane that has an address stands behind a balancer, and one that is not named is a classic one.
    fn classic_balancer(&self) -> Option<String> {
        let behind_one = |(owner, entrance): (&str, &Entrance)| match &entrance.load_balancer_id {
            Reading::Value(id) if is_network_balancer(id.as_str()) => None,
            Reading::Value(id) => Some(format!("{owner} names {id}")),
            Reading::Unread | Reading::Absent => {
                let has_address = entrance.intranet_endpoint.value().or(entrance.public_endpoint.value());
                has_address.map(|_| format!("{owner} has an address and so a balancer"))
            }
        };
        self.bound(|id| !is_network_balancer(id)).or_else(|| self.entrances().find_map(behind_one))
    }

    fn network_balancer(&self) -> Option<String> {
        let behind_one = |(owner, entrance): (&str, &Entrance)| {
            let id = entrance.load_balancer_id.value().filter(|id| is_network_balancer(id.as_str()))?;
            Some(format!("{owner} names {id}"))
        };
        self.bound(is_network_balancer).or_else(|| self.entrances().find_map(behind_one))
    }

    /// A public balancer that leads to such a port of a control plane and that no mesh or cluster names.
    fn unclaimed(&self, is_port: impl Fn(u16) -> bool) -> Option<String> {
        let read = self.read;
        let mut public = PublicBalancers::default();
        public.add_eips(&read.eips);
        let classic = read.load_balancers.iter().filter(|balancer| self.holds(&balancer.scope));
        let classic = classic
            .filter(|balancer| is_public_by_itself(balancer) || public.contains(balancer.load_balancer_id.as_str()))
            .filter_map(|one| Some((&one.load_balancer_id, ports::leads(one.listeners.value()?))));
        let network = read.network_load_balancers.iter().filter(|balancer| self.holds(&balancer.scope));
        // Of these, only public ones were read.
        let network =
            network.filter_map(|one| Some((&one.load_balancer_id, ports::network_leads(one.listeners.value()?))));
        let claims = Claims::of(&read.meshes, &read.clusters, &read.eips);
        let account_id = &self.unit.account_id;
        let mut unclaimed = classic.chain(network).filter(|(id, _)| !claims.has_balancer(account_id, id.as_str()));
        unclaimed.find_map(|(id, leads)| {
            let (port, led) = leads.certain.into_iter().find(|(_, led)| is_port(*led))?;
            let onward = if port == led { String::new() } else { format!(" and forwards to {led}") };
            Some(format!("the public balancer {id} listens on {port}{onward}, and nobody names it"))
        })
    }
}

/// A classic balancer with an address of its own that the internet can reach.
fn is_public_by_itself(balancer: &LoadBalancer) -> bool {
    !balancer.address_type.eq_ignore_ascii_case("intranet") || balancer.address_ip_version.eq_ignore_ascii_case("ipv6")
}
