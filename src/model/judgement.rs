//! Judgements: what analysis says of what was read. Plain data with the words of product.md 2, 3
//! and 6; `analysis` makes them, `engine`, `findings` and `report` read them.

use std::{borrow::Cow, collections::BTreeMap};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{AccountId, AclId, Binding, EipId, LoadBalancerId, RegionId, Shared, Staleness, words::words};
use crate::netset::AddressSet;

/// A value known only between two ends. Where nothing was hidden both ends are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bounds<T> {
    /// What is certain: the value if every unread thing is as harmless as it can be.
    pub lower: T,
    /// What is possible: the value if every unread thing is as harmful as it can be.
    pub upper: T,
}

impl<T: PartialEq> Bounds<T> {
    /// A value that is known.
    pub fn exact(value: T) -> Self
    where
        T: Clone,
    {
        Self { lower: value.clone(), upper: value }
    }

    /// True if both ends agree.
    pub fn is_exact(&self) -> bool {
        self.lower == self.upper
    }
}

words! {
    /// One control-plane entrance.
    EndpointKind {
        IstioPilot = "istio-pilot",
        IstioPilotCanary = "istio-pilot-canary",
        MeshApiServer = "mesh-api-server",
        ClusterApiServer = "cluster-api-server",
    }
}

words! {
    /// What a finding or an endpoint is about.
    ResourceKind {
        Mesh = "mesh",
        Cluster = "cluster",
        LoadBalancer = "load-balancer",
        SecurityGroup = "security-group",
        Acl = "acl",
        Eip = "eip",
        Waiver = "waiver",
        Scope = "scope",
    }
}

words! {
    /// Whether the internet can address the endpoint at all.
    Exposure {
        Exposed = "exposed",
        Private = "private",
        Unknown = "unknown",
    }
}

words! {
    /// What made an endpoint `exposed`, each from a source of its own.
    Sign {
        PublicFlag = "public-flag",
        PublicEndpoint = "public-endpoint",
        EipId = "eip-id",
        EipOnLoadBalancer = "eip-on-load-balancer",
        InternetLoadBalancer = "internet-load-balancer",
        NlbPublicAddress = "nlb-public-address",
        Ipv6Address = "ipv6-address",
    }
}

words! {
    /// The verdict of one listener port (product.md 3). Ordered from harmless to worst, but for
    /// `Unknown`, which is not on the scale and comes last.
    PortVerdict {
        Restricted = "restricted",
        PrivateOnly = "private-only",
        Unverified = "unverified",
        Open = "open",
        Unknown = "unknown",
    }
}

words! {
    /// IPv4 and IPv6 are separate universes.
    Family {
        Ipv4 = "ipv4",
        Ipv6 = "ipv6",
    }
}

words! {
    /// What filters in front of an endpoint.
    GateKind {
        ClbAcl = "clb-acl",
        NlbSecurityGroups = "nlb-security-groups",
        MeshSecurityGroup = "mesh-security-group",
        ClusterSecurityGroup = "cluster-security-group",
    }
}

words! {
    /// Whether a gate counts.
    Enforcement {
        /// The vendor documents that it filters this traffic.
        Enforced = "enforced",
        /// Advised, but nobody documents that it filters traffic through a CLB.
        Unverified = "unverified",
        /// The vendor says that it does not.
        Ineffective = "ineffective",
    }
}

/// Which endpoint a judgement is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    pub account_id: AccountId,
    pub region_id: RegionId,
    pub resource_kind: ResourceKind,
    pub resource_id: String,
    pub kind: EndpointKind,
}

impl Endpoint {
    /// `account/region/mesh/c08…/istio-pilot`
    pub fn id(&self) -> String {
        format!("{}/{}/{}/{}/{}", self.account_id, self.region_id, self.resource_kind, self.resource_id, self.kind)
    }
}

/// Everything said of one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointJudgement {
    pub endpoint: Endpoint,
    pub resource_name: String,
    /// The resource's tags, for waivers that select by tag.
    pub tags: BTreeMap<String, String>,
    pub exposure: Exposure,
    /// Ids of what is tagged never to be changed, of the mesh or cluster itself, its EIP and its balancer.
    #[serde(default)]
    pub protected_by: Vec<String>,
    /// Positive signs, sorted.
    pub signs: Vec<Sign>,
    /// Signs that were read and deny what another affirms; sentences for people, sorted.
    pub contradictions: Vec<String>,
    /// What could not be read and would decide an `unknown`; sentences for people, sorted.
    pub unread: Vec<String>,
    pub public_address: Option<String>,
    pub private_address: Option<String>,
    pub eip_id: Option<EipId>,
    /// The id the product itself names as bound; differs from `eip_id` where an EIP was bound
    /// behind its back.
    pub product_eip_id: Option<EipId>,
    pub load_balancer_id: Option<LoadBalancerId>,
    /// One row per listener port and family with a public address; empty unless exposed.
    pub access: Vec<AccessRow>,
    pub staleness: Staleness,
    /// Who bound the EIP and when, where the audit trail says so.
    pub bound_by: Option<Binding>,
    /// What a change of it would start from.
    #[serde(default)]
    pub changing: Changing,
}

/// What a change of an endpoint would start from, as far as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changing {
    /// The vendor offers it to bind and unbind the EIP; `None` where nobody says so.
    pub eip_offered: Option<bool>,
    /// State of the mesh or cluster, in the vendor's word.
    pub state: String,
    /// Listeners of the classic balancer in front that are not stopped, by port. Empty where they were not read, or where
    /// another balancer may be on the path too.
    pub listeners: Vec<ListenerSetting>,
    /// Ports of the same balancer that are not the endpoint's own, as `tcp/443`, sorted: whoever takes its EIP away closes
    /// them too. `None` where they were not read.
    #[serde(default)]
    pub other_ports: Option<Vec<String>>,
}

/// The access control of a listener, as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerSetting {
    pub port: u16,
    /// `tcp`, `udp`, `http`, `https`.
    pub protocol: String,
    /// `on` or `off`; `None` where it was not read.
    pub acl_status: Option<String>,
    /// `white` or `black`. Says nothing where the status is `off`.
    pub acl_type: String,
    pub acl_ids: Vec<AclId>,
}

/// Who can reach one port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRow {
    /// `tcp` or `udp`.
    pub protocol: String,
    pub port: u16,
    pub family: Family,
    pub verdict: PortVerdict,
    /// The verdict at both ends of what could not be read.
    pub verdict_bounds: Bounds<PortVerdict>,
    /// True if both ends of the residue coincide.
    pub complete: bool,
    /// Residue of the enforced gates minus the trusted set, upper bound, minimal and sorted.
    pub untrusted: Shared<IpNet>,
    /// The same at the lower bound.
    pub untrusted_lower: Shared<IpNet>,
    /// Residue of all gates, unverified ones included, upper bound.
    pub untrusted_all_gates: Shared<IpNet>,
    /// One routable address that gets in.
    pub witness: Option<std::net::IpAddr>,
    /// Rules (and holes) that decide for some untrusted address.
    pub blame: Shared<String>,
    /// Accept rules each of which would expose an untrusted address on its own.
    pub fix_set: Shared<String>,
    pub gates: Vec<Gate>,
}

impl AccessRow {
    /// Whom the listener's own access control lets in, at most, and its lists of which that is not known exactly.
    pub fn let_in_by_listener(&self) -> (AddressSet, Vec<&str>) {
        let is_one = |gate: &&Gate| gate.kind == GateKind::ClbAcl && gate.enforcement == Enforcement::Enforced;
        let lists = || self.gates.iter().filter(is_one);
        let set = lists().fold(AddressSet::full(), |set, list| set.intersect(&list.admits.iter().copied().collect()));
        (set, lists().filter(|list| !list.complete).map(|list| list.id.as_str()).collect())
    }
}

/// One filter in front of a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    pub kind: GateKind,
    pub id: String,
    pub enforcement: Enforcement,
    /// What it lets through, upper bound, minimal and sorted.
    pub admits: Shared<IpNet>,
    /// True if what it lets through is known exactly.
    pub complete: bool,
    pub note: String,
}

/// What is said of a security group that stands in front of an exposed endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupJudgement {
    pub account_id: AccountId,
    pub region_id: RegionId,
    pub security_group_id: String,
    pub name: String,
    pub tags: BTreeMap<String, String>,
    /// Ids of the exposed endpoints it stands in front of, sorted.
    pub endpoints: Vec<String>,
    /// How it counts there; the strongest where it stands in front of several.
    pub enforcement: Enforcement,
    /// On the ports of those endpoints: admits a routable source outside the trusted set.
    pub admits_untrusted: Bounds<bool>,
    /// On those ports, the untrusted sources it admits, upper bound.
    pub untrusted: Vec<IpNet>,
    /// Untrusted sources it admits on any port that a finding may speak of, upper bound: those of the endpoints, and all
    /// ports where a rule admits everybody. `None` where no port of those endpoints is known.
    #[serde(default)]
    pub untrusted_anywhere: Option<Vec<IpNet>>,
    /// On those ports, admits every address of a family.
    pub world_open: Bounds<bool>,
    /// World-open although no single rule names `0.0.0.0/0` or `::/0`.
    pub world_open_by_union: Bounds<bool>,
    /// Ids of ingress rules that never decide for any source, port or protocol.
    pub shadowed_rules: Vec<String>,
    /// Ids of accept rules that admit a whole family on all ports.
    pub admit_everything_rules: Vec<String>,
    pub blame: Vec<String>,
    /// References of its rules that could not be read, sorted.
    pub unresolved: Vec<String>,
}

/// What is said of one listener's ACL in front of an exposed endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclJudgement {
    pub account_id: AccountId,
    pub region_id: RegionId,
    /// The ACL's id; where a listener has its ACL switched on without naming one, `lb-…/port`.
    pub acl_id: String,
    /// `acl`, or `load-balancer` for a listener that names no ACL.
    pub resource_kind: ResourceKind,
    pub name: String,
    pub endpoints: Vec<String>,
    /// `lb-…/port` of every listener that uses it, sorted.
    pub listeners: Vec<String>,
    /// Switched on and without any entry in all the lists of some listener.
    pub enabled_but_empty: Bounds<bool>,
    /// Used as black list by some listener.
    pub black_list: bool,
    /// Used as white list, and it admits a routable source outside the trusted set.
    pub admits_untrusted: Bounds<bool>,
    /// Untrusted sources that it holds as a white list, upper bound.
    pub untrusted: Vec<IpNet>,
    /// Untrusted sources it lets through, upper bound: as white list, as black list, and as a list without entries, which
    /// lets everybody through.
    #[serde(default)]
    pub untrusted_anyhow: Option<Vec<IpNet>>,
    /// Used as white list in front of an ACK API server without these ranges that the vendor
    /// requires (alibaba-api.md 16b).
    pub missing_required: Vec<IpNet>,
    /// Entries that could not be understood.
    pub unresolved: Vec<String>,
}

/// A public balancer that looks like a control plane and that no mesh or cluster names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnclaimedBalancerJudgement {
    pub account_id: AccountId,
    pub region_id: RegionId,
    pub load_balancer_id: String,
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub public_address: String,
    pub eip_id: Option<EipId>,
    /// Ports of its listeners that control planes use, or that forward to such a port; sorted.
    pub control_plane_ports: Vec<u16>,
    /// Whether it is one: the lower end is false where its listeners could not be read.
    pub looks_like_control_plane: Bounds<bool>,
}

/// What is said of a mesh or cluster as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceJudgement {
    pub account_id: AccountId,
    pub region_id: RegionId,
    pub resource_kind: ResourceKind,
    pub resource_id: String,
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub state: String,
    /// Some endpoint of it is exposed.
    pub exposed: Bounds<bool>,
    /// `Unread`-able: both ends differ where the audit switch could not be read. Always exactly
    /// `true` for clusters, whose audit switch no scan reads.
    pub audit_enabled: Bounds<bool>,
}

/// Everything that analysis says of one inventory. Lists are sorted by account, region and id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgements {
    pub endpoints: Vec<EndpointJudgement>,
    pub security_groups: Vec<SecurityGroupJudgement>,
    pub acls: Vec<AclJudgement>,
    pub unclaimed_balancers: Vec<UnclaimedBalancerJudgement>,
    pub resources: Vec<ResourceJudgement>,
}

/// What lets sources in, for people: rules keep their ids, what is no rule is told in words.
pub fn cause_in_words(cause: &str) -> Cow<'_, str> {
    Cow::Borrowed(match cause {
        "listener:acl-off" => "listener ACL off",
        "listener:empty-whitelist" => "listener white list empty",
        "listener:empty-blacklist" => "listener black list empty",
        "listener:whitelist" => "listener white list",
        "listener:blacklist" => "listener black list",
        "listener:unresolved" => "listener ACL unread",
        "securitygroups" => "no rule drops it",
        _ => match cause.strip_prefix("inner:") {
            Some(group) => return Cow::Owned(format!("members of {group} reach each other")),
            None => cause,
        },
    })
}
