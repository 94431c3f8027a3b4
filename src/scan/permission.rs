//! What a scan needs to be allowed, for a least-privilege policy.

use std::collections::BTreeSet;

use crate::cloud::{
    api::{
        actiontrail,
        cbn::{self, transit_router},
        cs, ecs, nlb, privatelink, resource_directory, servicemesh, slb, sls,
        vpc::{self, acl, gateway, route},
        vpcpeer,
    },
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
    let used: [(&Operation, &str); 54] = [
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
        (&vpc::DESCRIBE_VPCS, "which blocks the VPCs of consumers have"),
        (&vpc::DESCRIBE_V_SWITCHES, "where consumers are, and which table and ACL they use"),
        (&route::DESCRIBE_ROUTE_TABLE_LIST, "which table a vSwitch uses that does not say it"),
        (&route::DESCRIBE_ROUTE_ENTRY_LIST, "where a VPC's routes lead"),
        (&route::DESCRIBE_ROUTER_INTERFACES, "where a private line leads"),
        (&acl::DESCRIBE_NETWORK_ACL_ATTRIBUTES, "what a vSwitch's ACL lets pass"),
        (&gateway::DESCRIBE_VPN_GATEWAYS, "whether a VPN gateway carries traffic"),
        (&gateway::DESCRIBE_VPN_CONNECTIONS, "for which networks a VPN connection is, and whether it is up"),
        (&gateway::DESCRIBE_NAT_GATEWAYS, "through which gateways consumers reach the internet"),
        (&gateway::DESCRIBE_SNAT_TABLE_ENTRIES, "with which addresses consumers reach the internet"),
        (&ecs::DESCRIBE_INSTANCES, "with which addresses of their own instances reach the internet"),
        (&vpcpeer::LIST_VPC_PEER_CONNECTIONS, "which VPCs a peering joins"),
        (&cbn::DESCRIBE_CENS, "whether a CEN carries traffic"),
        (&cbn::DESCRIBE_CEN_ATTACHED_CHILD_INSTANCES, "which networks a CEN joins"),
        (&cbn::DESCRIBE_CEN_INTER_REGION_BANDWIDTH_LIMITS, "whether a CEN carries traffic between regions"),
        (&cbn::DESCRIBE_CEN_ROUTE_MAPS, "which routes a CEN passes on"),
        (&transit_router::LIST_TRANSIT_ROUTERS, "whether a transit router forwards"),
        (&transit_router::LIST_TRANSIT_ROUTER_VPC_ATTACHMENTS, "which VPCs a transit router joins"),
        (&transit_router::LIST_TRANSIT_ROUTER_PEER_ATTACHMENTS, "to which routers of other regions it leads"),
        (&transit_router::LIST_TRANSIT_ROUTER_VBR_ATTACHMENTS, "to which premises it leads by a line"),
        (&transit_router::LIST_TRANSIT_ROUTER_VPN_ATTACHMENTS, "to which premises it leads by a tunnel"),
        (&transit_router::LIST_TRANSIT_ROUTER_ROUTE_TABLES, "which tables a transit router has"),
        (&transit_router::LIST_TRANSIT_ROUTER_ROUTE_TABLE_ASSOCIATIONS, "which table an attachment uses"),
        (&transit_router::LIST_TRANSIT_ROUTER_ROUTE_TABLE_PROPAGATIONS, "why a table lacks a route"),
        (&transit_router::LIST_TRANSIT_ROUTER_ROUTE_ENTRIES, "where a transit router's routes lead"),
        (&privatelink::LIST_VPC_ENDPOINTS, "which endpoints consumers have"),
        (&privatelink::LIST_VPC_ENDPOINT_SERVICES, "whether an endpoint's service is up"),
        (&privatelink::LIST_VPC_ENDPOINT_SERVICE_RESOURCES, "which balancer stands behind a service"),
        (&servicemesh::DESCRIBE_CENS, "which clusters a mesh calls not joined by CEN"),
        (&servicemesh::DESCRIBE_SERVICE_MESH_CLUSTERS, "which clusters a mesh forbids for their network"),
        (&vpc::DESCRIBE_FLOW_LOGS, "with --evidence: which flow logs the VPCs of consumers have"),
        (&cs::GET_CLUSTER_AUDIT_PROJECT, "with --evidence: where a cluster's audit log is"),
        (&sls::GET_LOGS_V2, "with --evidence: who used an exposed endpoint"),
        (&actiontrail::LOOKUP_EVENTS, "with --evidence: who bound an EIP"),
    ];
    let mut permissions: Vec<Permission> =
        used.into_iter().map(|(operation, why)| Permission { action: operation.ram_action(), why }).collect();
    permissions.sort();
    permissions
}

/// What the identity needs beside [`permissions`] that lists an organization and becomes a role in each of its accounts,
/// sorted.
pub fn organization_permissions() -> Vec<Permission> {
    let [get, list] =
        [&resource_directory::GET_RESOURCE_DIRECTORY, &resource_directory::LIST_ACCOUNTS].map(Operation::ram_action);
    vec![
        Permission { action: get, why: "which account manages the organization" },
        Permission { action: list, why: "which accounts the organization has" },
        Permission { action: "sts:AssumeRole".to_owned(), why: "everything in the other accounts" },
    ]
}

/// A policy that narrows a role for the length of a session to what [`permissions`] lists, of most products with the other
/// reads of the same verbs: the token service takes 2,048 characters. Nothing in it leads into a cluster, whatever the role
/// may do.
pub fn session_policy() -> String {
    let allowed = |permission: &Permission| match BY_NAME.iter().any(|product| permission.action.starts_with(product)) {
        true => permission.action.clone(),
        false => verb_of(&permission.action),
    };
    let verbs: BTreeSet<String> = permissions().iter().map(allowed).collect();
    let actions = verbs.into_iter().collect::<Vec<_>>().join("\",\"");
    let forbidden = KUBECONFIGS.join("\",\"");
    format!(
        r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":["{actions}"],"Resource":"*"}},{{"Effect":"Deny","Action":["{forbidden}"],"Resource":"*"}}]}}"#
    )
}

/// Reads that hand out a way into a cluster, by actions that begin like harmless ones.
const KUBECONFIGS: [&str; 4] = [
    "cs:DescribeClusterUserKubeconfig",
    "cs:DescribeClusterV2UserKubeconfig",
    "servicemesh:DescribeServiceMeshKubeconfig",
    "servicemesh:InvokeApiServer",
];

/// Products whose other reads hand out keys: of these, sessions get each action by its name.
const BY_NAME: [&str; 3] = ["cs:", "log:", "servicemesh:"];

/// `vpc:DescribeEipAddresses` → `vpc:Describe*`
fn verb_of(action: &str) -> String {
    let name = action.find(':').map_or(0, |colon| colon + 1);
    let next_word = action[name..].char_indices().skip(1).find(|(_, c)| c.is_ascii_uppercase());
    let end = next_word.map_or(action.len(), |(index, _)| name + index);
    format!("{}*", &action[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// True if RAM, where `*` stands for any text, lets a session with the policy do it.
    fn may(action: &str) -> bool {
        fn fits(pattern: &str, text: &str) -> bool {
            match pattern.split_once('*') {
                None => pattern == text,
                Some((start, rest)) => text.strip_prefix(start).is_some_and(|left| {
                    (0..=left.len()).any(|at| left.is_char_boundary(at) && fits(rest, &left[at..]))
                }),
            }
        }
        let policy: serde_json::Value = serde_json::from_str(&session_policy()).expect("it is JSON");
        let says = |effect: &str| {
            let statements = policy["Statement"].as_array().expect("a list").iter();
            let mut named = statements
                .filter(|one| one["Effect"] == effect)
                .flat_map(|one| one["Action"].as_array().expect("a list").iter().filter_map(serde_json::Value::as_str));
            named.any(|pattern| fits(pattern, action))
        };
        says("Allow") && !says("Deny")
    }

    #[test]
    fn a_session_may_read_what_a_scan_reads_and_nothing_that_writes_or_leads_into_a_cluster() {
        let policy = session_policy();
        assert!(policy.len() <= 2048, "{}", policy.len());
        for permission in permissions() {
            assert!(may(&permission.action), "{}", permission.action);
        }
        for forbidden in [
            "servicemesh:DescribeServiceMeshKubeconfig",
            "servicemesh:DescribeServiceMeshAdditionalStatus",
            "servicemesh:InvokeApiServer",
            "servicemesh:ModifyPilotEipResource",
            "cs:DescribeClusterUserKubeconfig",
            "cs:DescribeClusterV2UserKubeconfig",
            "cs:DescribeClusterAttachScripts",
            "cs:GetKubernetesTrigger",
            "cs:ModifyCluster",
            "log:GetLogStore",
            "log:ListProject",
            "vpc:UnassociateEipAddress",
            "vpc:ReleaseEipAddress",
            "ecs:AuthorizeSecurityGroup",
            "slb:SetLoadBalancerTCPListenerAttribute",
            "ram:CreateAccessKey",
            "sts:AssumeRole",
        ] {
            assert!(!may(forbidden), "{forbidden}");
        }
    }

    /// What is denied is denied also where a wider pattern would allow it.
    #[test]
    fn kubeconfigs_are_denied_by_name() {
        let policy: serde_json::Value = serde_json::from_str(&session_policy()).expect("it is JSON");
        let denied = policy["Statement"][1].to_string();
        assert!(denied.contains("Deny") && KUBECONFIGS.iter().all(|action| denied.contains(action)), "{denied}");
    }

    #[test]
    fn permissions_are_reads_and_sorted() {
        let permissions = permissions();
        assert!(permissions.windows(2).all(|pair| pair[0].action < pair[1].action));
        assert!(permissions.iter().any(|one| one.action == "vpc:DescribeEipAddresses"));
    }
}
