//! What a scan needs to be allowed, for a least-privilege policy.

use crate::cloud::{
    api::{cs, ecs, nlb, servicemesh, slb, vpc},
    request::Operation,
};

/// One action of a RAM policy and what it is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// `vpc:DescribeEipAddresses`
    pub action: String,
    /// What is not known without it.
    pub why: &'static str,
}

/// Every action that a scan uses, sorted. `sts:GetCallerIdentity` needs no permission.
pub fn permissions() -> Vec<Permission> {
    let used: [(&Operation, &str); 20] = [
        (&servicemesh::DESCRIBE_SERVICE_MESHES, "which meshes there are"),
        (&servicemesh::DESCRIBE_SERVICE_MESH_DETAIL, "whether a mesh's pilots and API server are public"),
        (&servicemesh::DESCRIBE_CLUSTERS_IN_SERVICE_MESH, "which clusters use a mesh's control plane"),
        (&cs::DESCRIBE_REGIONS, "which regions have clusters"),
        (&cs::DESCRIBE_CLUSTERS_V1, "which clusters there are"),
        (&cs::DESCRIBE_CLUSTER_DETAIL, "whether a cluster's API server is public"),
        (&cs::DESCRIBE_CLUSTER_RESOURCES, "which load balancer is an API server's"),
        (&vpc::DESCRIBE_EIP_ADDRESSES, "which load balancers an EIP makes public"),
        (&slb::DESCRIBE_LOAD_BALANCERS, "which classic load balancers are public"),
        (&slb::DESCRIBE_LOAD_BALANCER_LISTENERS, "which ports are open, and whether an ACL filters them"),
        (&slb::DESCRIBE_ACCESS_CONTROL_LIST_ATTRIBUTE, "whom an ACL admits"),
        (&nlb::LIST_LOAD_BALANCERS, "which network load balancers are public"),
        (&nlb::GET_LOAD_BALANCER_ATTRIBUTE, "a network load balancer's addresses and security groups"),
        (&nlb::LIST_LISTENERS, "which ports of a network load balancer are open"),
        (&ecs::DESCRIBE_REGIONS, "which regions there are"),
        (&ecs::DESCRIBE_SECURITY_GROUPS, "of which type a security group is"),
        (&ecs::DESCRIBE_SECURITY_GROUP_ATTRIBUTE, "whom a security group admits"),
        (&ecs::DESCRIBE_PREFIX_LIST_ATTRIBUTES, "which sources a prefix list in a rule holds"),
        (&ecs::DESCRIBE_PORT_RANGE_LIST_ENTRIES, "which ports a port list in a rule holds"),
        (&ecs::DESCRIBE_NETWORK_INTERFACES, "to which addresses a rule with a destination applies"),
    ];
    let mut permissions: Vec<Permission> =
        used.into_iter().map(|(operation, why)| Permission { action: operation.ram_action(), why }).collect();
    permissions.sort();
    permissions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_reads_and_sorted() {
        let permissions = permissions();
        assert!(permissions.windows(2).all(|pair| pair[0].action < pair[1].action));
        assert!(permissions.iter().any(|one| one.action == "vpc:DescribeEipAddresses"));
    }
}
