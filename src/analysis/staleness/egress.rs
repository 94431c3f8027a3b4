//! The public addresses with which the workloads of a VPC leave for the internet: source-NAT addresses of the gateways
//! to which their routes lead, EIPs of instances, and addresses that instances were given when they were made.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    net::IpAddr,
};

use super::logs::Entrance;
use crate::{
    analysis::connectivity::Topology,
    model::{Eip, Inventory, NatGateway, Scope, SnatEntry, VSwitch, is_on_the_internet},
    netset::{AddressSet, Block},
};

/// NAT and instance addresses by VPC.
pub(super) struct Egress<'a> {
    entries: HashMap<&'a str, Vec<&'a SnatEntry>>,
    instances: HashMap<&'a str, Vec<IpAddr>>,
    /// Where an EIP of an instance does not say in which VPC that is.
    unplaced: HashSet<&'a Scope>,
    /// VPCs with an EIP on something of which it is not known who leaves by it.
    unsure: HashSet<&'a str>,
    inventory: &'a Inventory,
}

/// Addresses that a consumer may come from.
pub(super) struct Addresses {
    pub set: AddressSet,
    /// True if there can be no other.
    pub complete: bool,
}

impl<'a> Egress<'a> {
    pub(super) fn new(inventory: &'a Inventory) -> Self {
        let network = inventory.network();
        let vpc_of: HashMap<&str, &str> = network
            .nat_gateways
            .iter()
            .filter(|gateway| leads_out(gateway))
            .map(|gateway: &NatGateway| (gateway.nat_gateway_id.as_str(), gateway.vpc_id.as_str()))
            .collect();
        let mut entries: HashMap<&str, Vec<&SnatEntry>> = HashMap::new();
        for entry in network.snat_entries.iter().filter(|entry| is_available(entry.status.as_str())) {
            if let Some(vpc) = vpc_of.get(entry.nat_gateway_id.as_str()) {
                entries.entry(vpc).or_default().push(entry);
            }
        }
        let mut instances: HashMap<&str, Vec<IpAddr>> = HashMap::new();
        let mut unplaced = HashSet::new();
        let mut unsure = HashSet::new();
        // Balancers answer and do not ask; what leaves by a gateway is in its entries.
        // One that is on its way to something, or does not say, may leave too: only `Available` is bound to nothing.
        let leaves =
            |eip: &&Eip| eip.status != "Available" && !matches!(eip.instance_type.as_str(), "SlbInstance" | "Nat");
        for eip in inventory.eips().iter().filter(leaves) {
            if !matches!(eip.instance_type.as_str(), "EcsInstance" | "NetworkInterface") {
                unsure.insert(eip.vpc_id.as_str());
            }
            match eip.ip_address.parse() {
                Ok(address) if !eip.vpc_id.is_empty() => {
                    instances.entry(eip.vpc_id.as_str()).or_default().push(address);
                }
                _ => {
                    unplaced.insert(&eip.scope);
                }
            }
        }
        for instance in &network.public_instances {
            let addresses = instances.entry(instance.vpc_id.as_str()).or_default();
            for text in &instance.public_ip_addresses {
                match text.parse() {
                    Ok(address) => addresses.push(address),
                    Err(_) => {
                        unsure.insert(instance.vpc_id.as_str());
                    }
                }
            }
        }
        Self { entries, instances, unplaced, unsure, inventory }
    }

    /// Addresses of workloads in these vSwitches of a VPC, with pods in `pods`, as the entrance sees them. All of them are
    /// known only where every list that could name another was read, and every vSwitch is translated as a whole by
    /// each gateway to which its routes lead.
    pub(super) fn of<'s>(
        &self,
        topology: &Topology<'s>,
        entrance: &Entrance,
        vpc_id: &str,
        switches: &[&'s VSwitch],
        pods: Option<Block>,
    ) -> Addresses {
        let entries = self.entries.get(vpc_id).map_or(&[][..], Vec::as_slice);
        let mut complete = !switches.is_empty() && !self.unsure.contains(vpc_id);
        let mut set: BTreeSet<IpAddr> = self.instances.get(vpc_id).into_iter().flatten().copied().collect();
        for switch in switches {
            complete &= self.lists_are_read(&switch.scope, vpc_id);
            let gateways = gateways(topology, entrance, switch);
            complete &= gateways.as_ref().is_some_and(|gateways| {
                let of_one = |id: &&str| {
                    let mut its = entries.iter().filter(|entry| entry.nat_gateway_id.as_str() == *id);
                    its.any(|entry| translates(entry, switch))
                };
                gateways.iter().all(of_one)
            });
            // Where its routes are not known, or lead elsewhere, it may be any: whoever is in need is not cut off.
            let may_take = |entry: &&&SnatEntry| {
                gateways.as_ref().is_none_or(|gateways| gateways.contains(entry.nat_gateway_id.as_str()))
            };
            for entry in entries.iter().filter(may_take).filter(|entry| applies(entry, switch, pods)) {
                for text in entry.snat_ip.split(',').map(str::trim).filter(|text| !text.is_empty()) {
                    match text.parse() {
                        Ok(address) if is_on_the_internet(address) => {
                            set.insert(address);
                        }
                        // Behind a private one there is another gateway.
                        _ => complete = false,
                    }
                }
            }
        }
        Addresses { set: set.into_iter().map(Block::host).collect(), complete }
    }

    /// True if the source-NAT entries and the instances of the VPC and every EIP of the region were read, and each EIP of an
    /// instance says in which VPC that is.
    fn lists_are_read(&self, scope: &Scope, vpc_id: &str) -> bool {
        let refused = &self.inventory.network().refused;
        !refused.covers(scope, "DescribeSnatTableEntries", vpc_id)
            && !refused.covers(scope, "DescribeInstances", vpc_id)
            && self.inventory.listed(&scope.account_id, &scope.region_id, "vpc", "DescribeEipAddresses")
            && !self.unplaced.contains(scope)
    }
}

/// The NAT gateways by which a vSwitch leaves for every address of the entrance; `None` where somebody else decides.
fn gateways<'s>(topology: &Topology<'s>, entrance: &Entrance, switch: &'s VSwitch) -> Option<BTreeSet<&'s str>> {
    let each = entrance.addresses.iter().map(|address| topology.nat_gateways_to(switch, *address));
    let all: Option<Vec<_>> = each.collect();
    all.filter(|all| !all.is_empty()).map(|all| all.into_iter().flatten().collect())
}

/// True if the gateway leads to the internet and is up.
fn leads_out(gateway: &NatGateway) -> bool {
    let kind = gateway.network_type.as_str();
    (kind.is_empty() || kind.eq_ignore_ascii_case("internet")) && is_available(gateway.status.as_str())
}

/// Older replies do not say.
fn is_available(status: &str) -> bool {
    status.is_empty() || status.eq_ignore_ascii_case("Available")
}

/// True if everything that leaves the vSwitch is translated by the entry.
fn translates(entry: &SnatEntry, switch: &VSwitch) -> bool {
    let whole = |source: Block| {
        Block::parse(&switch.cidr_block).is_ok_and(|block| {
            let (source, block): (AddressSet, AddressSet) =
                ([source].into_iter().collect(), [block].into_iter().collect());
            block.subtract(&source).is_empty()
        })
    };
    entry.source_v_switch_id == switch.v_switch_id || Block::parse(&entry.source_cidr).is_ok_and(whole)
}

/// True if what leaves a vSwitch, or its pods, is translated by the entry.
fn applies(entry: &SnatEntry, switch: &VSwitch, pods: Option<Block>) -> bool {
    if entry.source_v_switch_id == switch.v_switch_id {
        return true;
    }
    let Ok(source) = Block::parse(&entry.source_cidr) else { return false };
    let source: AddressSet = [source].into_iter().collect();
    let holds = |block: Block| {
        let block: AddressSet = [block].into_iter().collect();
        !source.intersect(&block).is_empty()
    };
    Block::parse(&switch.cidr_block).is_ok_and(holds) || pods.is_some_and(holds)
}
