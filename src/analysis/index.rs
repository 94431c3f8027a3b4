//! Look-ups that the inventory's own order does not give: the EIPs of an instance, the EIP with an
//! address or an id, the balancer with a public address.

use std::collections::{HashMap, hash_map::Entry};

use crate::model::{
    AccountId, Eip, EipId, Inventory, LoadBalancer, LoadBalancerId, NetworkInterface, NetworkLoadBalancer, Scope,
    SecurityGroupId, Unit, UnitState,
};

/// By account, then by the text of an id or address. Nested, so that it can be asked with
/// borrows that do not live as long as the inventory.
struct ByAccount<'a, V>(HashMap<&'a AccountId, HashMap<&'a str, V>>);

impl<'a, V> ByAccount<'a, V> {
    fn new() -> Self {
        Self(HashMap::new())
    }

    fn entry(&mut self, scope: &'a Scope, text: &'a str) -> Entry<'_, &'a str, V> {
        self.0.entry(&scope.account_id).or_default().entry(text)
    }

    fn get(&self, account_id: &AccountId, text: &str) -> Option<&V> {
        self.0.get(account_id)?.get(text)
    }
}

/// The inventory with its look-ups. Every list of values keeps the inventory's order.
pub(super) struct Index<'a> {
    pub inventory: &'a Inventory,
    eips_by_instance: ByAccount<'a, Vec<&'a Eip>>,
    eips_by_address: ByAccount<'a, &'a Eip>,
    eips_by_id: ByAccount<'a, &'a Eip>,
    balancers_by_public_name: ByAccount<'a, &'a LoadBalancerId>,
    interfaces_by_group: ByAccount<'a, Vec<&'a NetworkInterface>>,
}

impl<'a> Index<'a> {
    pub(super) fn new(inventory: &'a Inventory) -> Self {
        let mut index = Self {
            inventory,
            eips_by_instance: ByAccount::new(),
            eips_by_address: ByAccount::new(),
            eips_by_id: ByAccount::new(),
            balancers_by_public_name: ByAccount::new(),
            interfaces_by_group: ByAccount::new(),
        };
        for eip in inventory.eips() {
            if !eip.instance_id.is_empty() {
                index.eips_by_instance.entry(&eip.scope, &eip.instance_id).or_default().push(eip);
            }
            index.eips_by_address.entry(&eip.scope, &eip.ip_address).or_insert(eip);
            index.eips_by_id.entry(&eip.scope, eip.allocation_id.as_str()).or_insert(eip);
        }
        for balancer in inventory.load_balancers().iter().filter(|balancer| is_public_by_itself(balancer)) {
            index.name_balancer(&balancer.scope, &balancer.address, &balancer.load_balancer_id);
        }
        for balancer in inventory.network_load_balancers() {
            index.name_balancer(&balancer.scope, &balancer.dns_name, &balancer.load_balancer_id);
            for zone in &balancer.addresses {
                index.name_balancer(&balancer.scope, &zone.public_ipv4_address, &balancer.load_balancer_id);
                index.name_balancer(&balancer.scope, &zone.ipv6_address, &balancer.load_balancer_id);
            }
        }
        for interface in inventory.network_interfaces() {
            for group_id in &interface.security_group_ids {
                let interfaces = index.interfaces_by_group.entry(&interface.scope, group_id.as_str());
                interfaces.or_default().push(interface);
            }
        }
        index
    }

    fn name_balancer(&mut self, scope: &'a Scope, name: &'a str, id: &'a LoadBalancerId) {
        if !name.is_empty() {
            self.balancers_by_public_name.entry(scope, name).or_insert(id);
        }
    }

    /// EIPs that name the instance as theirs, whatever their status: one that is just being bound
    /// or unbound is counted, because it opens or still opens the way.
    pub(super) fn eips_on(&self, account_id: &AccountId, instance_id: &LoadBalancerId) -> &[&'a Eip] {
        self.eips_by_instance.get(account_id, instance_id.as_str()).map_or(&[], Vec::as_slice)
    }

    pub(super) fn eip_with_address(&self, account_id: &AccountId, address: &str) -> Option<&'a Eip> {
        self.eips_by_address.get(account_id, address).copied()
    }

    pub(super) fn eip(&self, account_id: &AccountId, id: &EipId) -> Option<&'a Eip> {
        self.eips_by_id.get(account_id, id.as_str()).copied()
    }

    /// The balancer whose own public address, or whose domain name, is `name`.
    pub(super) fn balancer_named(&self, account_id: &AccountId, name: &str) -> Option<&'a LoadBalancerId> {
        self.balancers_by_public_name.get(account_id, name).copied()
    }

    /// The interfaces that were read of those that have joined the group.
    pub(super) fn interfaces_in(&self, account_id: &AccountId, group_id: &SecurityGroupId) -> &[&'a NetworkInterface] {
        self.interfaces_by_group.get(account_id, group_id.as_str()).map_or(&[], Vec::as_slice)
    }

    /// The balancer with that id, of whichever kind. One that was not read is told by its prefix.
    pub(super) fn balancer(&self, account_id: &AccountId, id: &LoadBalancerId) -> Balancer<'a> {
        if let Some(nlb) = self.inventory.network_load_balancer(account_id, id) {
            return Balancer::Network(Some(nlb));
        }
        if let Some(clb) = self.inventory.load_balancer(account_id, id) {
            return Balancer::Classic(Some(clb));
        }
        if id.is_network() { Balancer::Network(None) } else { Balancer::Classic(None) }
    }

    /// True if every EIP of the region was read. Asked only about regions in which there is
    /// something that needs a network: "not served" is no answer there.
    pub(super) fn eips_listed(&self, scope: &Scope) -> bool {
        let unit = Unit::new(&scope.account_id, &scope.region_id, "vpc", "DescribeEipAddresses", "");
        self.inventory.coverage().state(&unit) == Some(UnitState::Scanned)
    }

    /// True if every public classic balancer of the region was read.
    pub(super) fn classic_balancers_listed(&self, scope: &Scope) -> bool {
        self.listed(scope, "slb", "DescribeLoadBalancers")
    }

    /// True if every network load balancer of the region was read.
    pub(super) fn network_balancers_listed(&self, scope: &Scope) -> bool {
        self.listed(scope, "nlb", "ListLoadBalancers")
    }

    fn listed(&self, scope: &Scope, product: &str, operation: &str) -> bool {
        self.inventory.listed(&scope.account_id, &scope.region_id, product, operation)
    }
}

/// What stands in front of an endpoint; `None` inside where the balancer itself was not read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Balancer<'a> {
    Classic(Option<&'a LoadBalancer>),
    Network(Option<&'a NetworkLoadBalancer>),
}

/// Public by itself, without an EIP.
pub(super) fn is_public_by_itself(balancer: &LoadBalancer) -> bool {
    is_internet_facing(balancer) || is_ipv6(balancer)
}

/// A classic balancer that was made with a public address. One with an EIP stays `intranet`.
pub(super) fn is_internet_facing(balancer: &LoadBalancer) -> bool {
    balancer.address_type.eq_ignore_ascii_case("internet")
}

/// A classic balancer of the IPv6 kind; the vendor offers these with a public address only.
pub(super) fn is_ipv6(balancer: &LoadBalancer) -> bool {
    balancer.address_ip_version.eq_ignore_ascii_case("ipv6")
}

/// A network load balancer with a public IPv4 address, by its kind or by a zone's address.
pub(super) fn has_public_ipv4(balancer: &NetworkLoadBalancer) -> bool {
    balancer.address_type.value().is_some_and(|kind| kind.eq_ignore_ascii_case("internet"))
        || balancer.addresses.iter().any(|zone| !zone.public_ipv4_address.is_empty() || !zone.allocation_id.is_empty())
}

/// A network load balancer whose IPv6 addresses are public. Only the word `Intranet` makes them
/// private.
pub(super) fn has_public_ipv6(balancer: &NetworkLoadBalancer) -> bool {
    balancer.ipv6_address_type.eq_ignore_ascii_case("internet")
        || (!balancer.ipv6_address_type.eq_ignore_ascii_case("intranet")
            && balancer.addresses.iter().any(|zone| !zone.ipv6_address.is_empty()))
}
