//! The second inventory: which balancers the internet can address, by the EIPs and by what the
//! balancers say of themselves. Used to decide what to read; what it means is judged elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Eip, Entrance, LoadBalancer, Mesh, NetworkLoadBalancer, Reading, is_network_balancer};

/// The balancers of one region with a public address.
#[derive(Debug, Default)]
pub(super) struct PublicBalancers {
    ids: BTreeSet<String>,
    /// What an EIP is bound to, by its id.
    by_eip: BTreeMap<String, String>,
    /// Balancers by their public address or DNS name.
    by_host: BTreeMap<String, String>,
    /// Names and tags of everything public, in which an owner may be mentioned.
    texts: Vec<String>,
}

impl PublicBalancers {
    /// Notes the balancers to which these EIPs are bound.
    pub(super) fn add_eips(&mut self, eips: &[Eip]) {
        for eip in eips {
            let bound_to_balancer = eip.instance_type == "SlbInstance" || is_balancer(&eip.instance_id);
            if !bound_to_balancer || !crate::cloud::api::wire::is_plain_id(&eip.instance_id) {
                continue;
            }
            self.ids.insert(eip.instance_id.clone());
            self.by_eip.insert(eip.allocation_id.as_str().to_owned(), eip.instance_id.clone());
            self.by_host.insert(eip.ip_address.clone(), eip.instance_id.clone());
            self.texts.extend(eip.tags.iter().flat_map(|(key, value)| [key.clone(), value.clone()]));
        }
    }

    /// Notes a balancer with a public address of its own.
    pub(super) fn add_balancer(&mut self, balancer: &LoadBalancer) {
        let id = balancer.load_balancer_id.as_str().to_owned();
        self.ids.insert(id.clone());
        self.by_host.insert(balancer.address.clone(), id);
        self.texts.push(balancer.load_balancer_name.clone());
        self.texts.extend(balancer.tags.iter().flat_map(|(key, value)| [key.clone(), value.clone()]));
    }

    /// Notes a network balancer and says true, if it has, or may have, a public address.
    pub(super) fn add_network_balancer(&mut self, balancer: &NetworkLoadBalancer) -> bool {
        let faces_internet = |kind: &str| kind.eq_ignore_ascii_case("internet");
        let ipv6_is_private = balancer.ipv6_address_type.eq_ignore_ascii_case("intranet");
        let public = balancer.address_type.value().is_none_or(|kind| faces_internet(kind))
            || faces_internet(&balancer.ipv6_address_type)
            || balancer.addresses.iter().any(|zone| {
                !zone.public_ipv4_address.is_empty()
                    || !zone.allocation_id.is_empty()
                    || (!zone.ipv6_address.is_empty() && !ipv6_is_private)
            });
        if !public {
            return false;
        }
        let id = balancer.load_balancer_id.as_str().to_owned();
        self.ids.insert(id.clone());
        let addresses = balancer.addresses.iter().flat_map(|zone| [&zone.public_ipv4_address, &zone.ipv6_address]);
        for host in addresses.chain([&balancer.dns_name]).filter(|host| !host.is_empty()) {
            self.by_host.insert(host.to_ascii_lowercase(), id.clone());
        }
        self.texts.push(balancer.load_balancer_name.clone());
        self.texts.extend(balancer.tags.iter().flat_map(|(key, value)| [key.clone(), value.clone()]));
        true
    }

    /// Every one, sorted.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.ids.iter().map(String::as_str)
    }

    /// True if the balancer is known to be public.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// True if anything says that the entrance is public.
    pub(super) fn exposes(&self, entrance: &Entrance) -> bool {
        entrance.public_flag == Reading::Value(true)
            || entrance.public_endpoint.value().is_some_and(|text| !text.trim().is_empty())
            || entrance.eip_id.value().is_some_and(|id| !id.is_empty())
            || entrance.load_balancer_id.value().is_some_and(|id| self.contains(id.as_str()))
    }

    /// The balancers to which the entrance's EIP and public addresses lead, other than the one it names.
    pub(super) fn led_to(&self, entrance: &Entrance) -> Vec<String> {
        let by_eip = entrance.eip_id.value().and_then(|id| self.by_eip.get(id.as_str()));
        let endpoint = entrance.public_endpoint.value().map(String::as_str).unwrap_or_default();
        let by_host = hosts(endpoint).filter_map(|host| self.by_host.get(&host));
        let named = entrance.load_balancer_id.value().map(|id| id.as_str());
        by_eip.into_iter().chain(by_host).filter(|id| Some(id.as_str()) != named).cloned().collect()
    }

    /// True if a name or tag of something public mentions the identifier.
    pub(super) fn mentions(&self, id: &str) -> bool {
        self.texts.iter().any(|text| text.contains(id))
    }
}

/// The entrances of a mesh that were read.
pub(super) fn entrances(mesh: &Mesh) -> impl Iterator<Item = &Entrance> {
    [&mesh.pilot, &mesh.api_server].into_iter().chain(mesh.canary_pilot.value())
}

/// True for balancers of either kind, by the shape of their id.
fn is_balancer(id: &str) -> bool {
    id.starts_with("lb-") || is_network_balancer(id)
}

/// Hosts of `ip:port`, `https://host:port` or `[ip]:port`, in lower case; several may be separated
/// by commas.
fn hosts(endpoint: &str) -> impl Iterator<Item = String> {
    endpoint.split(',').filter_map(|part| {
        let part = part.trim();
        let part = part.split_once("://").map_or(part, |(_, rest)| rest);
        let part = part.split(['/', '?', '#']).next().unwrap_or_default();
        let host = match part.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            // More than one colon without brackets is a bare IPv6 address.
            None if part.matches(':').count() > 1 => part,
            None => part.split(':').next().unwrap_or_default(),
        };
        (!host.is_empty()).then(|| host.to_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_in_every_form_of_endpoint() {
        let all = |text: &str| hosts(text).collect::<Vec<_>>();
        assert_eq!(all("203.0.113.7:15011"), ["203.0.113.7"]);
        assert_eq!(all("https://203.0.113.7:6443"), ["203.0.113.7"]);
        assert_eq!(all("https://[2001:db8::1]:6443/x"), ["2001:db8::1"]);
        assert_eq!(all("2001:db8::1"), ["2001:db8::1"]);
        assert_eq!(all("203.0.113.7:1, NLB-1.example.com"), ["203.0.113.7", "nlb-1.example.com"]);
        assert!(all("").is_empty());
    }

    #[test]
    fn an_eip_on_a_private_balancer_makes_it_public() {
        let mut public = PublicBalancers::default();
        let eip = |id: &str, instance: &str, kind: &str| Eip {
            allocation_id: id.into(),
            instance_id: instance.to_owned(),
            instance_type: kind.to_owned(),
            ..Eip::default()
        };
        public.add_eips(&[
            eip("eip-1", "lb-1", "SlbInstance"),
            eip("eip-2", "i-1", "EcsInstance"),
            eip("eip-3", "nlb-1", ""),
            eip("eip-4", "lb/../x", "SlbInstance"),
        ]);
        assert_eq!(public.ids().collect::<Vec<_>>(), ["lb-1", "nlb-1"]);
        let entrance = Entrance { load_balancer_id: Reading::Value("lb-1".into()), ..Entrance::default() };
        assert!(public.exposes(&entrance));
        assert!(!public.exposes(&Entrance::default()));
    }
}
