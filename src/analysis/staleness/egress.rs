//! The public addresses with which the workloads of a VPC leave for the internet: source-NAT
//! addresses, and EIPs of instances.

use std::{collections::HashMap, net::IpAddr};

use crate::{
    model::{Inventory, NatGateway, SnatEntry, VSwitch},
    netset::{AddressSet, Block},
};

/// NAT and instance addresses by VPC.
pub(super) struct Egress<'a> {
    entries: HashMap<&'a str, Vec<&'a SnatEntry>>,
    instances: HashMap<&'a str, Vec<IpAddr>>,
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
            .map(|gateway: &NatGateway| (gateway.nat_gateway_id.as_str(), gateway.vpc_id.as_str()))
            .collect();
        let mut entries: HashMap<&str, Vec<&SnatEntry>> = HashMap::new();
        for entry in &network.snat_entries {
            if let Some(vpc) = vpc_of.get(entry.nat_gateway_id.as_str()) {
                entries.entry(vpc).or_default().push(entry);
            }
        }
        let mut instances: HashMap<&str, Vec<IpAddr>> = HashMap::new();
        for eip in inventory.eips() {
            let of_instance = matches!(eip.instance_type.as_str(), "EcsInstance" | "NetworkInterface");
            if let (true, false, Ok(address)) = (of_instance, eip.vpc_id.is_empty(), eip.ip_address.parse()) {
                instances.entry(eip.vpc_id.as_str()).or_default().push(address);
            }
        }
        Self { entries, instances, inventory }
    }

    /// Addresses of workloads in these vSwitches of a VPC, with pods in `pods`.
    pub(super) fn of(&self, vpc_id: &str, switches: &[&VSwitch], pods: Option<Block>) -> Addresses {
        let refused = &self.inventory.network().refused;
        let read =
            switches.first().is_some_and(|switch| !refused.covers(&switch.scope, "DescribeSnatTableEntries", vpc_id));
        let entries = self.entries.get(vpc_id).map_or(&[][..], Vec::as_slice);
        let mut covered = read && !switches.is_empty();
        let mut applying: Vec<&SnatEntry> = Vec::new();
        for switch in switches {
            let before = applying.len();
            applying.extend(entries.iter().filter(|entry| applies(entry, switch, pods)));
            covered &= applying.len() > before;
        }
        let translated =
            applying.iter().flat_map(|entry| entry.snat_ip.split(',')).filter_map(|text| text.trim().parse().ok());
        let instances = self.instances.get(vpc_id).into_iter().flatten().copied();
        let set = translated.chain(instances).map(Block::host).collect();
        Addresses { set, complete: covered }
    }
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
