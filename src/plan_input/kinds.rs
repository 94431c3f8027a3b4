//! The resource types of the provider that say what is exposed, and to whom. A type that stands here and cannot be read makes
//! the answer unknown; one that does not stand here has no part in it.

use super::passage::Passage;

/// What a resource type is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Cluster(Shape),
    Mesh,
    SecurityGroup,
    SecurityGroupRule,
    PrefixList,
    ClassicBalancer,
    ClassicListener,
    Acl,
    AclEntry,
    NetworkBalancer,
    NetworkListener,
    NetworkBalancerGroup,
    EipAssociation,
    /// It may lead from the internet to a control plane.
    Passage(Passage),
    /// It makes, or may make, a control plane public, in a way that the plan does not show; why.
    NotRead(&'static str),
}

/// How a cluster's resource type says that its API server is public, and what it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The argument that puts a public address in front.
    pub switch: &'static str,
    /// What the provider takes where the argument is not written.
    pub default: bool,
    /// As the product's API calls it.
    pub cluster_type: &'static str,
    pub profile: &'static str,
    /// True if `connections` tells the endpoint of a cluster that is there. A serverless one has none: its switch is read
    /// back from the cloud instead.
    pub tells_endpoint: bool,
}

/// Type, the product whose reads its units are counted with, and what it is.
///
/// Sources are the pages `website/docs/r/<type without alicloud_>.html.markdown` of the provider, and its
/// `resource_alicloud_<…>.go` for defaults: `slb_internet_enabled` is true where it is not written, for managed, dedicated and
/// edge clusters; a serverless cluster has `endpoint_public_access_enabled` instead, which is false.
const KINDS: &[(&str, &str, Kind)] = &[
    ("alicloud_cs_managed_kubernetes", "cs", cluster("ManagedKubernetes", "Default")),
    ("alicloud_cs_kubernetes", "cs", cluster("Kubernetes", "Default")),
    ("alicloud_cs_edge_kubernetes", "cs", cluster("ManagedKubernetes", "Edge")),
    ("alicloud_cs_serverless_kubernetes", "cs", SERVERLESS),
    ("alicloud_service_mesh_service_mesh", "servicemesh", Kind::Mesh),
    ("alicloud_security_group", "ecs", Kind::SecurityGroup),
    (RULES, "ecs", Kind::SecurityGroupRule),
    ("alicloud_ecs_prefix_list", "ecs", Kind::PrefixList),
    ("alicloud_slb", "slb", Kind::ClassicBalancer),
    ("alicloud_slb_load_balancer", "slb", Kind::ClassicBalancer),
    (CLASSIC_LISTENERS, "slb", Kind::ClassicListener),
    ("alicloud_slb_acl", "slb", Kind::Acl),
    (ACL_ENTRIES, "slb", Kind::AclEntry),
    ("alicloud_nlb_load_balancer", "nlb", Kind::NetworkBalancer),
    (NETWORK_LISTENERS, "nlb", Kind::NetworkListener),
    (JOINED_GROUPS, "nlb", Kind::NetworkBalancerGroup),
    ("alicloud_eip_association", "vpc", Kind::EipAssociation),
    (
        "alicloud_eipanycast_anycast_eip_address_attachment",
        "vpc",
        Kind::Passage(Passage::Endpoint("bind_instance_type")),
    ),
    ("alicloud_forward_entry", "vpc", Kind::Passage(Passage::Dnat)),
    ("alicloud_ga_endpoint_group", "ga", Kind::Passage(Passage::Endpoints("endpoint_configurations"))),
    ("alicloud_ga_basic_endpoint", "ga", Kind::Passage(Passage::Endpoint("endpoint_type"))),
    ("alicloud_ga_basic_endpoint_group", "ga", Kind::Passage(Passage::Group("endpoint_type"))),
    (
        "alicloud_ga_custom_routing_endpoint",
        "ga",
        Kind::NotRead("a global accelerator leads to a whole vSwitch, in which a control plane may have its address"),
    ),
    (
        "alicloud_ack_one_cluster",
        "cs",
        Kind::NotRead("the API server of an ACK One fleet is a control plane, which is not judged"),
    ),
];

const fn cluster(cluster_type: &'static str, profile: &'static str) -> Kind {
    Kind::Cluster(Shape { switch: "slb_internet_enabled", default: true, cluster_type, profile, tells_endpoint: true })
}

const SERVERLESS: Kind = Kind::Cluster(Shape {
    switch: "endpoint_public_access_enabled",
    default: false,
    cluster_type: "Ask",
    profile: "Serverless",
    tells_endpoint: false,
});

impl Kind {
    /// `None` for a type that has no part in it.
    pub(super) fn of(resource_type: &str) -> Option<Self> {
        KINDS.iter().find(|(name, ..)| *name == resource_type).map(|(.., kind)| *kind)
    }
}

/// The product in whose reads a resource of the type is counted.
pub(super) fn product(resource_type: &str) -> &'static str {
    KINDS.iter().find(|(name, ..)| *name == resource_type).map_or("terraform", |(_, product, _)| product)
}

pub(super) const RULES: &str = "alicloud_security_group_rule";
pub(super) const CLASSIC_LISTENERS: &str = "alicloud_slb_listener";
pub(super) const ACL_ENTRIES: &str = "alicloud_slb_acl_entry_attachment";
pub(super) const NETWORK_LISTENERS: &str = "alicloud_nlb_listener";
pub(super) const JOINED_GROUPS: &str = "alicloud_nlb_load_balancer_security_group_attachment";

/// For what is a part of another resource: its type, and the argument that names whose it is.
pub(super) fn owner_argument(kind: Kind) -> Option<(&'static str, &'static str)> {
    match kind {
        Kind::SecurityGroupRule => Some((RULES, "security_group_id")),
        Kind::ClassicListener => Some((CLASSIC_LISTENERS, "load_balancer_id")),
        Kind::AclEntry => Some((ACL_ENTRIES, "acl_id")),
        Kind::NetworkListener => Some((NETWORK_LISTENERS, "load_balancer_id")),
        Kind::NetworkBalancerGroup => Some((JOINED_GROUPS, "load_balancer_id")),
        _ => None,
    }
}
