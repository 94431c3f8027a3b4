//! Which balancers and EIPs meshes and clusters call theirs: what nobody claims is looked at by itself.

use std::collections::HashSet;

use super::{AccountId, Cluster, Eip, EipId, Entrance, Mesh, Reading};

/// What is claimed, by account.
#[derive(Clone, Debug, Default)]
pub struct Claims<'a> {
    balancers: HashSet<(&'a AccountId, &'a str)>,
    eips: HashSet<(&'a AccountId, &'a EipId)>,
}

impl<'a> Claims<'a> {
    /// By their own words: a balancer by its id, or by the EIP that is bound to it.
    pub fn of(meshes: &'a [Mesh], clusters: &'a [Cluster], eips: &'a [Eip]) -> Self {
        let mut claims = Self::default();
        for mesh in meshes {
            let canary = mesh.canary_pilot.value();
            [&mesh.pilot, &mesh.api_server]
                .into_iter()
                .chain(canary)
                .for_each(|one| claims.add(&mesh.scope.account_id, one));
        }
        for cluster in clusters {
            let account_id = &cluster.scope.account_id;
            claims.add(account_id, &cluster.api_server);
            cluster.other_load_balancers.iter().for_each(|id| claims.add_balancer(account_id, id.as_str()));
        }
        for eip in eips {
            if claims.has_eip(&eip.scope.account_id, &eip.allocation_id) {
                claims.add_balancer(&eip.scope.account_id, &eip.instance_id);
            }
        }
        claims
    }

    fn add(&mut self, account_id: &'a AccountId, entrance: &'a Entrance) {
        if let Reading::Value(id) = &entrance.load_balancer_id {
            self.add_balancer(account_id, id.as_str());
        }
        if let Reading::Value(id) = &entrance.eip_id {
            self.add_eip(account_id, id);
        }
    }

    /// Adds a balancer that is known to be somebody's otherwise.
    pub fn add_balancer(&mut self, account_id: &'a AccountId, id: &'a str) {
        if !id.is_empty() {
            self.balancers.insert((account_id, id));
        }
    }

    /// The same for an EIP.
    pub fn add_eip(&mut self, account_id: &'a AccountId, id: &'a EipId) {
        if !id.is_empty() {
            self.eips.insert((account_id, id));
        }
    }

    /// Whether somebody claims the balancer.
    pub fn has_balancer(&self, account_id: &AccountId, id: &str) -> bool {
        self.balancers.contains(&(account_id, id))
    }

    /// Whether somebody claims the EIP.
    pub fn has_eip(&self, account_id: &AccountId, id: &EipId) -> bool {
        self.eips.contains(&(account_id, id))
    }
}
