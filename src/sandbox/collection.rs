//! A world's items, indexed once so that a reply is a matter of copying text.
//!
//! Every item is kept as the JSON text that is served (one text per view: a list and a detail call
//! show different fields), with the values its filters look at. Nothing is parsed per request.

use std::{borrow::Cow, collections::HashMap};

use serde_json::Value;

/// What the simulated cloud knows of one kind of item.
#[derive(Debug)]
pub(super) struct Spec {
    /// `vpc` of `accounts[].vpc.eips`.
    pub(super) section: &'static str,
    /// `eips` of `accounts[].vpc.eips`.
    pub(super) list: &'static str,
    /// Path of the id.
    pub(super) id: &'static str,
    /// Path of the region.
    pub(super) region: &'static str,
    /// False where the vendor's replies carry no region: it then places the item and is not served.
    pub(super) region_is_served: bool,
    /// Path of what places an item without region: its VPC or its balancer.
    pub(super) placed_by: &'static str,
    /// Paths that the list call does not show.
    pub(super) not_in_list: &'static [&'static str],
    /// Paths that the detail call does not show; `None` if there is no detail call that shows more.
    pub(super) not_in_detail: Option<&'static [&'static str]>,
    /// Path of a list that a paged call of its own serves: rules, entries.
    pub(super) children: &'static str,
    /// What list calls filter by. The first is the index.
    pub(super) filters: &'static [Filter],
}

/// One request parameter that narrows a list.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) parameter: &'static str,
    pub(super) form: FilterForm,
    /// Paths of the values that it is compared with; lists on the way are walked.
    pub(super) paths: &'static [&'static str],
}

/// How a filter's values are written in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FilterForm {
    /// `Name=a`
    One,
    /// `Name=a,b`, at most so many.
    Commas(usize),
    /// `Name.1=a&Name.2=b`, at most so many.
    Numbered(usize),
    /// `Name=["a","b"]`, at most so many.
    JsonList(usize),
    /// `Tag.1.Key=a&Tag.1.Value=b`; every tag must match.
    Tags,
}

/// The kinds of items that list calls serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Mesh,
    Cluster,
    SecurityGroup,
    PrefixList,
    PortRangeList,
    NetworkInterface,
    Vpc,
    VSwitch,
    Eip,
    Clb,
    ClbListener,
    Acl,
    Nlb,
    NlbListener,
    Member,
}

impl Kind {
    /// Every kind, in the order in which a world is read: what places others comes first.
    pub(super) const ALL: [Self; 15] = [
        Self::Vpc,
        Self::Clb,
        Self::Nlb,
        Self::Mesh,
        Self::Cluster,
        Self::SecurityGroup,
        Self::PrefixList,
        Self::PortRangeList,
        Self::NetworkInterface,
        Self::VSwitch,
        Self::Eip,
        Self::ClbListener,
        Self::Acl,
        Self::NlbListener,
        Self::Member,
    ];

    /// What is known of the kind.
    pub(super) fn spec(self) -> &'static Spec {
        match self {
            Self::Mesh => &MESH,
            Self::Cluster => &CLUSTER,
            Self::SecurityGroup => &SECURITY_GROUP,
            Self::PrefixList => &PREFIX_LIST,
            Self::PortRangeList => &PORT_RANGE_LIST,
            Self::NetworkInterface => &NETWORK_INTERFACE,
            Self::Vpc => &VPC,
            Self::VSwitch => &VSWITCH,
            Self::Eip => &EIP,
            Self::Clb => &CLB,
            Self::ClbListener => &CLB_LISTENER,
            Self::Acl => &ACL,
            Self::Nlb => &NLB,
            Self::NlbListener => &NLB_LISTENER,
            Self::Member => &MEMBER,
        }
    }
}

const fn one(parameter: &'static str, paths: &'static [&'static str]) -> Filter {
    Filter { parameter, form: FilterForm::One, paths }
}

const fn commas(parameter: &'static str, most: usize, paths: &'static [&'static str]) -> Filter {
    Filter { parameter, form: FilterForm::Commas(most), paths }
}

const fn numbered(parameter: &'static str, most: usize, paths: &'static [&'static str]) -> Filter {
    Filter { parameter, form: FilterForm::Numbered(most), paths }
}

const fn tags(paths: &'static [&'static str]) -> Filter {
    Filter { parameter: "Tag", form: FilterForm::Tags, paths }
}

static MESH: Spec = Spec {
    section: "servicemesh",
    list: "meshes",
    id: "ServiceMeshInfo.ServiceMeshId",
    region: "",
    region_is_served: true,
    placed_by: "",
    // The list shows neither EIP ids nor anything of a canary control plane.
    not_in_list: &[
        "Endpoints.PublicCanaryPilotEndpoint",
        "Endpoints.IntranetCanaryPilotEndpoint",
        "Spec.LoadBalancer.PilotPublicEipId",
        "Spec.LoadBalancer.ApiServerPublicEipId",
        "Spec.LoadBalancer.CanaryPilotPublicEipId",
        "Spec.LoadBalancer.CanaryPilotLoadBalancerId",
        "Spec.MeshConfig.AccessLog",
        "Spec.MeshConfig.Audit",
        "Spec.MeshConfig.ControlPlaneLogInfo",
        "Spec.MeshConfig.K8sNewAPIsSupport",
        "Spec.MeshConfig.Kiali",
    ],
    not_in_detail: Some(&["Tag", "Upgradable", "Endpoints.ReverseTunnelEndpoint"]),
    children: "",
    filters: &[one("ServiceMeshId", &["ServiceMeshInfo.ServiceMeshId"]), tags(&["Tag"])],
};

static CLUSTER: Spec = Spec {
    section: "cs",
    list: "clusters",
    id: "cluster_id",
    region: "region_id",
    region_is_served: true,
    placed_by: "vpc_id",
    not_in_list: &[
        "parameters",
        "control_plane_config",
        "control_plane_endpoints_config",
        "extra_sans",
        "rrsa_config",
        "auto_mode",
        "node_cidr_mask",
    ],
    not_in_detail: Some(&[]),
    children: "",
    filters: &[
        one("cluster_id", &["cluster_id"]),
        one("name", &["name"]),
        one("cluster_type", &["cluster_type"]),
        one("cluster_spec", &["cluster_spec"]),
        one("profile", &["profile"]),
    ],
};

static SECURITY_GROUP: Spec = Spec {
    section: "ecs",
    list: "security_groups",
    id: "SecurityGroupId",
    region: "RegionId",
    region_is_served: false,
    placed_by: "VpcId",
    not_in_list: &["InnerAccessPolicy", "SnapshotPolicyIds"],
    // The attribute call does not say which type the group is.
    not_in_detail: Some(&[
        "SecurityGroupType",
        "ServiceManaged",
        "ServiceID",
        "EcsCount",
        "RuleCount",
        "GroupToGroupRuleCount",
        "ResourceGroupId",
        "AvailableInstanceAmount",
        "CreationTime",
        "Tags",
    ]),
    children: "Permissions.Permission",
    filters: &[
        Filter { parameter: "SecurityGroupIds", form: FilterForm::JsonList(100), paths: &["SecurityGroupId"] },
        one("SecurityGroupId", &["SecurityGroupId"]),
        one("SecurityGroupName", &["SecurityGroupName"]),
        one("VpcId", &["VpcId"]),
        one("SecurityGroupType", &["SecurityGroupType"]),
        one("ServiceManaged", &["ServiceManaged"]),
        one("ResourceGroupId", &["ResourceGroupId"]),
        tags(&["Tags.Tag"]),
    ],
};

static PREFIX_LIST: Spec = Spec {
    section: "ecs",
    list: "prefix_lists",
    id: "PrefixListId",
    region: "RegionId",
    region_is_served: false,
    placed_by: "",
    not_in_list: &[],
    not_in_detail: Some(&["AssociationCount", "ResourceGroupId", "Tags"]),
    children: "Entries.Entry",
    filters: &[
        numbered("PrefixListId", 100, &["PrefixListId"]),
        one("PrefixListName", &["PrefixListName"]),
        one("AddressFamily", &["AddressFamily"]),
        tags(&["Tags.Tag"]),
    ],
};

static PORT_RANGE_LIST: Spec = Spec {
    section: "ecs",
    list: "port_range_lists",
    id: "PortRangeListId",
    region: "RegionId",
    region_is_served: false,
    placed_by: "",
    not_in_list: &[],
    not_in_detail: None,
    children: "Entries",
    filters: &[
        numbered("PortRangeListId", 100, &["PortRangeListId"]),
        one("PortRangeListName", &["PortRangeListName"]),
        tags(&["Tags"]),
    ],
};

static NETWORK_INTERFACE: Spec = Spec {
    section: "ecs",
    list: "network_interfaces",
    id: "NetworkInterfaceId",
    region: "RegionId",
    region_is_served: false,
    placed_by: "VpcId",
    not_in_list: &[],
    not_in_detail: None,
    children: "",
    filters: &[
        numbered("NetworkInterfaceId", 100, &["NetworkInterfaceId"]),
        one("VpcId", &["VpcId"]),
        one("VSwitchId", &["VSwitchId"]),
        one("InstanceId", &["InstanceId"]),
        one("Type", &["Type"]),
        one("ServiceManaged", &["ServiceManaged"]),
        one("PrimaryIpAddress", &["PrivateIpAddress"]),
        numbered("PrivateIpAddress", 100, &["PrivateIpAddress", "PrivateIpSets.PrivateIpSet.PrivateIpAddress"]),
        numbered("Ipv6Address", 100, &["Ipv6Sets.Ipv6Set.Ipv6Address"]),
        // The operation applies it to secondary interfaces only; see operation/ecs.rs.
        one("SecurityGroupId", &["SecurityGroupIds.SecurityGroupId"]),
        tags(&["Tags.Tag"]),
    ],
};

static VPC: Spec = Spec {
    section: "vpc",
    list: "vpcs",
    id: "VpcId",
    region: "RegionId",
    region_is_served: true,
    placed_by: "",
    not_in_list: &[],
    not_in_detail: None,
    children: "",
    filters: &[
        commas("VpcId", 20, &["VpcId"]),
        one("VpcName", &["VpcName"]),
        one("IsDefault", &["IsDefault"]),
        one("ResourceGroupId", &["ResourceGroupId"]),
        tags(&["Tags.Tag"]),
    ],
};

static VSWITCH: Spec = Spec {
    section: "vpc",
    list: "vswitches",
    id: "VSwitchId",
    region: "RegionId",
    region_is_served: false,
    placed_by: "VpcId",
    not_in_list: &[],
    not_in_detail: None,
    children: "",
    filters: &[
        one("VSwitchId", &["VSwitchId"]),
        one("VpcId", &["VpcId"]),
        one("ZoneId", &["ZoneId"]),
        one("VSwitchName", &["VSwitchName"]),
        tags(&["Tags.Tag"]),
    ],
};

static EIP: Spec = Spec {
    section: "vpc",
    list: "eips",
    id: "AllocationId",
    region: "RegionId",
    region_is_served: true,
    placed_by: "",
    not_in_list: &[],
    not_in_detail: None,
    children: "",
    filters: &[
        commas("AllocationId", 50, &["AllocationId"]),
        commas("EipAddress", 50, &["IpAddress"]),
        one("AssociatedInstanceId", &["InstanceId"]),
        one("AssociatedInstanceType", &["InstanceType"]),
        one("Status", &["Status"]),
        // `ServiceManaged` of the request is a boolean and of the item a number: operation/vpc.rs
        // translates. No request has this name.
        one("ServiceManagedNumber", &["ServiceManaged"]),
        one("EipName", &["Name"]),
        one("SegmentInstanceId", &["SegmentInstanceId"]),
        one("ResourceGroupId", &["ResourceGroupId"]),
        tags(&["Tags.Tag"]),
    ],
};

static CLB: Spec = Spec {
    section: "slb",
    list: "load_balancers",
    id: "LoadBalancerId",
    region: "RegionId",
    region_is_served: true,
    placed_by: "VpcId",
    not_in_list: &[
        "BackendServers",
        "ListenerPorts",
        "ListenerPortsAndProtocol",
        "ListenerPortsAndProtocal",
        "AutoReleaseTime",
        "EndTime",
        "EndTimeStamp",
    ],
    not_in_detail: Some(&[]),
    children: "",
    filters: &[
        commas("LoadBalancerId", 10, &["LoadBalancerId"]),
        one("LoadBalancerName", &["LoadBalancerName"]),
        one("Address", &["Address"]),
        one("AddressType", &["AddressType"]),
        one("AddressIPVersion", &["AddressIPVersion"]),
        one("NetworkType", &["NetworkType"]),
        one("LoadBalancerStatus", &["LoadBalancerStatus"]),
        one("VpcId", &["VpcId"]),
        one("VSwitchId", &["VSwitchId"]),
        one("ResourceGroupId", &["ResourceGroupId"]),
        tags(&["Tags.Tag"]),
    ],
};

static CLB_LISTENER: Spec = Spec {
    section: "slb",
    list: "listeners",
    id: "",
    region: "RegionId",
    region_is_served: false,
    placed_by: "LoadBalancerId",
    not_in_list: &[],
    not_in_detail: None,
    children: "",
    filters: &[
        numbered("LoadBalancerId", 10, &["LoadBalancerId"]),
        one("ListenerProtocol", &["ListenerProtocol"]),
        one("ListenerPort", &["ListenerPort"]),
        one("AclId", &["AclId", "AclIds"]),
        tags(&["Tags"]),
    ],
};

static ACL: Spec = Spec {
    section: "slb",
    list: "acls",
    id: "AclId",
    region: "RegionId",
    region_is_served: false,
    placed_by: "",
    not_in_list: &["RelatedListeners"],
    not_in_detail: Some(&[]),
    children: "AclEntrys.AclEntry",
    filters: &[
        one("AclId", &["AclId"]),
        one("AclName", &["AclName"]),
        one("AddressIPVersion", &["AddressIPVersion"]),
        one("ResourceGroupId", &["ResourceGroupId"]),
        tags(&["Tags.Tag"]),
    ],
};

static NLB: Spec = Spec {
    section: "nlb",
    list: "load_balancers",
    id: "LoadBalancerId",
    region: "RegionId",
    region_is_served: true,
    placed_by: "VpcId",
    not_in_list: &["Cps"],
    not_in_detail: Some(&[]),
    children: "",
    filters: &[
        numbered("LoadBalancerIds", 20, &["LoadBalancerId"]),
        numbered("LoadBalancerNames", 20, &["LoadBalancerName"]),
        numbered("VpcIds", 10, &["VpcId"]),
        one("AddressType", &["AddressType"]),
        one("AddressIpVersion", &["AddressIpVersion"]),
        one("Ipv6AddressType", &["Ipv6AddressType"]),
        one("DNSName", &["DNSName"]),
        one("LoadBalancerStatus", &["LoadBalancerStatus"]),
        tags(&["Tags"]),
    ],
};

static NLB_LISTENER: Spec = Spec {
    section: "nlb",
    list: "listeners",
    id: "ListenerId",
    region: "RegionId",
    region_is_served: true,
    placed_by: "LoadBalancerId",
    not_in_list: &[],
    not_in_detail: None,
    children: "",
    filters: &[
        numbered("LoadBalancerIds", 20, &["LoadBalancerId"]),
        numbered("ListenerIds", 20, &["ListenerId"]),
        one("ListenerProtocol", &["ListenerProtocol"]),
        tags(&["Tags"]),
    ],
};

static MEMBER: Spec = Spec {
    section: "resourcedirectory",
    list: "accounts",
    id: "AccountId",
    region: "",
    region_is_served: true,
    placed_by: "",
    not_in_list: &[],
    not_in_detail: None,
    children: "",
    filters: &[tags(&["Tags.Tag"])],
};

/// One item, as text.
#[derive(Debug)]
pub(super) struct Item {
    /// Empty where the world's author left it out, and for listeners, which have none.
    pub(super) id: Box<str>,
    /// `None` is everywhere.
    pub(super) region: Option<Box<str>>,
    /// The object of list replies.
    pub(super) listed: Box<str>,
    /// The object of detail replies, where that differs.
    detail: Option<Box<str>>,
    /// Rules or entries, each an object.
    pub(super) children: Vec<Child>,
    /// For each filter of the kind, what it is compared with.
    values: Box<[Vec<Box<str>>]>,
}

/// One rule or entry of an item.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) json: Box<str>,
    /// True for rules whose `Direction` is `egress`.
    pub(super) is_egress: bool,
}

impl Item {
    /// The object of detail replies.
    pub(super) fn detail(&self) -> &str {
        self.detail.as_deref().unwrap_or(&self.listed)
    }

    /// The values that the named filter looks at.
    pub(super) fn values(&self, spec: &Spec, parameter: &str) -> &[Box<str>] {
        let position = spec.filters.iter().position(|filter| filter.parameter == parameter);
        position.map_or(&[], |position| &self.values[position])
    }
}

/// What a request asks of one filter.
#[derive(Debug)]
pub(super) struct Wanted {
    /// Position in the kind's filters.
    pub(super) filter: usize,
    pub(super) values: Vec<String>,
}

/// All items of one kind in one account.
#[derive(Debug, Default)]
pub(super) struct Collection {
    items: Vec<Item>,
    by_index: HashMap<Box<str>, Vec<u32>>,
    by_region: HashMap<Box<str>, Vec<u32>>,
    everywhere: Vec<u32>,
}

impl Collection {
    /// Adds an item, with `children` beyond those in it. `place` finds the region of what places it.
    pub(super) fn push(
        &mut self,
        spec: &Spec,
        mut value: Value,
        mut children: Vec<Child>,
        place: impl Fn(&str) -> Option<Box<str>>,
    ) {
        let text = |path: &str| values_at(&value, path).into_iter().next();
        let id = text(spec.id).unwrap_or_default();
        let region = text(spec.region)
            .filter(|region| !region.is_empty())
            .or_else(|| text(spec.placed_by).and_then(|placed_by| place(&placed_by)));
        let values: Box<[Vec<Box<str>>]> = spec.filters.iter().map(|filter| filter.values(&value)).collect();
        children.extend(take_children(&mut value, spec.children));
        if !spec.region_is_served {
            remove(&mut value, spec.region);
        }
        let detail = spec.not_in_detail.map(|hidden| without(&value, hidden));
        let listed = without(&value, spec.not_in_list);
        let detail = detail.filter(|detail| *detail != listed);
        self.insert(Item { id, region, listed, detail, children, values });
    }

    fn insert(&mut self, item: Item) {
        let position = u32::try_from(self.items.len()).expect("a world of four billion items does not fit in memory");
        for key in item.values.first().into_iter().flatten() {
            self.by_index.entry(key.clone()).or_default().push(position);
        }
        match &item.region {
            Some(region) => self.by_region.entry(region.clone()).or_default().push(position),
            None => self.everywhere.push(position),
        }
        self.items.push(item);
    }

    /// The item at a position.
    pub(super) fn get(&self, position: u32) -> &Item {
        &self.items[position as usize]
    }

    /// Every item, wherever it is.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Item> {
        self.items.iter()
    }

    /// Regions that some item names.
    pub(super) fn regions(&self) -> impl Iterator<Item = &str> {
        self.by_region.keys().map(|region| &**region)
    }

    /// The items whose first filter's value is `key`, in a region.
    pub(super) fn find<'a>(&'a self, key: &str, region: Option<&str>) -> impl Iterator<Item = &'a Item> {
        let positions = self.by_index.get(key).map_or(&[][..], Vec::as_slice);
        positions.iter().map(|position| self.get(*position)).filter(move |item| is_in(item, region))
    }

    /// Positions of the items in a region (`None`: all) that match every filter, in the order of
    /// the document.
    pub(super) fn select(&self, region: Option<&str>, wanted: &[Wanted]) -> Cow<'_, [u32]> {
        let (first, rest) = match wanted {
            [first, rest @ ..] if first.filter == 0 => (Some(first), rest),
            _ => (None, wanted),
        };
        let candidates = match first {
            Some(wanted) => Cow::Owned(self.indexed(&wanted.values, region)),
            None => self.in_region(region),
        };
        if rest.is_empty() {
            return candidates;
        }
        let matches = |position: &u32| rest.iter().all(|wanted| wanted.accepts(self.get(*position)));
        Cow::Owned(candidates.iter().copied().filter(matches).collect())
    }

    fn indexed(&self, keys: &[String], region: Option<&str>) -> Vec<u32> {
        let found = keys.iter().filter_map(|key| self.by_index.get(key.as_str())).flatten().copied();
        let mut found: Vec<u32> = found.filter(|position| is_in(self.get(*position), region)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn in_region(&self, region: Option<&str>) -> Cow<'_, [u32]> {
        let Some(region) = region else {
            return Cow::Owned((0..u32::try_from(self.items.len()).unwrap_or(u32::MAX)).collect());
        };
        let here = self.by_region.get(region).map_or(&[][..], Vec::as_slice);
        if self.everywhere.is_empty() {
            return Cow::Borrowed(here);
        }
        let mut merged = [here, &self.everywhere].concat();
        merged.sort_unstable();
        Cow::Owned(merged)
    }
}

fn is_in(item: &Item, region: Option<&str>) -> bool {
    match (region, item.region.as_deref()) {
        (Some(region), Some(placed)) => region == placed,
        _ => true,
    }
}

impl Wanted {
    fn accepts(&self, item: &Item) -> bool {
        let has = &item.values[self.filter];
        self.values.iter().any(|wanted| has.iter().any(|value| **value == **wanted))
    }
}

impl Filter {
    fn values(&self, item: &Value) -> Vec<Box<str>> {
        if self.form == FilterForm::Tags {
            return self.paths.iter().flat_map(|path| tag_texts(item, path)).collect();
        }
        self.paths.iter().flat_map(|path| values_at(item, path)).collect()
    }
}

/// Texts by which a tag is found: `key` alone and `key=value`, whatever the product calls them.
fn tag_texts(item: &Value, path: &str) -> Vec<Box<str>> {
    let mut texts = Vec::new();
    let Some(Value::Array(tags)) = at(item, path) else { return texts };
    for tag in tags {
        let field = |names: [&str; 3]| names.iter().find_map(|name| tag.get(*name)).and_then(Value::as_str);
        let Some(key) = field(["Key", "TagKey", "key"]) else { continue };
        let value = field(["Value", "TagValue", "value"]).unwrap_or_default();
        texts.push(key.into());
        texts.push(format!("{key}={value}").into());
    }
    texts
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

/// The texts at a path; lists on the way and at its end are walked, numbers and booleans are
/// written as JSON does.
pub(super) fn values_at(value: &Value, path: &str) -> Vec<Box<str>> {
    if path.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    collect(value, path.split('.'), &mut found);
    found
}

fn collect<'a>(value: &Value, mut path: impl Iterator<Item = &'a str> + Clone, found: &mut Vec<Box<str>>) {
    if let Value::Array(items) = value {
        for item in items {
            collect(item, path.clone(), found);
        }
        return;
    }
    match (path.next(), value) {
        (Some(name), Value::Object(fields)) => {
            if let Some(value) = fields.get(name) {
                collect(value, path, found);
            }
        }
        (None, Value::String(text)) => found.push(text.as_str().into()),
        (None, Value::Bool(_) | Value::Number(_)) => found.push(value.to_string().into()),
        _ => {}
    }
}

fn take_children(value: &mut Value, path: &str) -> Vec<Child> {
    if path.is_empty() {
        return Vec::new();
    }
    let taken = take(value, path);
    // The wrapper that held them is served by the call that serves them.
    if let Some((wrapper, _)) = path.split_once('.') {
        remove(value, wrapper);
    }
    let Some(Value::Array(children)) = taken else { return Vec::new() };
    let child = |value: Value| Child {
        is_egress: value
            .get("Direction")
            .and_then(Value::as_str)
            .is_some_and(|text| text.eq_ignore_ascii_case("egress")),
        json: value.to_string().into(),
    };
    children.into_iter().map(child).collect()
}

fn take(value: &mut Value, path: &str) -> Option<Value> {
    match path.split_once('.') {
        Some((name, rest)) => take(value.get_mut(name)?, rest),
        None => value.as_object_mut()?.remove(path),
    }
}

fn remove(value: &mut Value, path: &str) {
    take(value, path);
}

fn without(value: &Value, hidden: &[&str]) -> Box<str> {
    if !hidden.iter().any(|path| at(value, path).is_some()) {
        return value.to_string().into();
    }
    let mut shown = value.clone();
    for path in hidden {
        remove(&mut shown, path);
    }
    shown.to_string().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn eips() -> Collection {
        let mut eips = Collection::default();
        for (id, region, lb) in [("eip-1", "a", "lb-1"), ("eip-2", "b", "lb-2"), ("eip-3", "a", "lb-2")] {
            let eip = json!({"AllocationId": id, "RegionId": region, "InstanceId": lb, "Extra": {"kept": true}});
            eips.push(&EIP, eip, Vec::new(), |_| None);
        }
        eips.push(&EIP, json!({"AllocationId": "eip-4", "InstanceId": "lb-1"}), Vec::new(), |_| None);
        eips
    }

    fn ids(eips: &Collection, region: Option<&str>, wanted: &[Wanted]) -> Vec<String> {
        eips.select(region, wanted).iter().map(|position| eips.get(*position).id.to_string()).collect()
    }

    #[test]
    fn selects_by_region_index_and_value() {
        let eips = eips();
        let wanted =
            |filter, values: &[&str]| Wanted { filter, values: values.iter().map(|&v| v.to_owned()).collect() };
        assert_eq!(ids(&eips, Some("a"), &[]), ["eip-1", "eip-3", "eip-4"]);
        assert_eq!(ids(&eips, Some("c"), &[]), ["eip-4"]);
        assert_eq!(ids(&eips, Some("a"), &[wanted(0, &["eip-3", "eip-2", "eip-1", "eip-3"])]), ["eip-1", "eip-3"]);
        assert_eq!(ids(&eips, Some("a"), &[wanted(2, &["lb-1"])]), ["eip-1", "eip-4"]);
        assert_eq!(ids(&eips, Some("a"), &[wanted(0, &["eip-3"]), wanted(2, &["lb-1"])]), Vec::<String>::new());
        assert!(eips.get(0).listed.contains("\"kept\":true"));
    }

    #[test]
    fn a_placing_region_is_not_served_and_rules_are_apart() {
        let mut groups = Collection::default();
        let group = json!({"SecurityGroupId": "sg-1", "VpcId": "vpc-1", "SecurityGroupType": "normal", "InnerAccessPolicy": "Drop",
            "Permissions": {"Permission": [{"Direction": "egress"}, {"Direction": "ingress", "New": 1}]}});
        groups.push(&SECURITY_GROUP, group, Vec::new(), |vpc| (vpc == "vpc-1").then(|| "a".into()));
        groups.push(&SECURITY_GROUP, json!({"SecurityGroupId": "sg-2", "RegionId": "b"}), Vec::new(), |_| None);
        let group = groups.get(0);
        assert_eq!(group.region.as_deref(), Some("a"));
        assert_eq!(&*group.listed, r#"{"SecurityGroupId":"sg-1","SecurityGroupType":"normal","VpcId":"vpc-1"}"#);
        assert_eq!(group.detail(), r#"{"InnerAccessPolicy":"Drop","SecurityGroupId":"sg-1","VpcId":"vpc-1"}"#);
        assert_eq!(group.children.iter().map(|rule| rule.is_egress).collect::<Vec<_>>(), [true, false]);
        assert_eq!(&*groups.get(1).listed, r#"{"SecurityGroupId":"sg-2"}"#);
    }

    #[test]
    fn tags_of_every_product_are_found() {
        assert_eq!(tag_texts(&json!({"Tag": [{"Key": "a", "Value": "b"}]}), "Tag"), ["a".into(), "a=b".into()]);
        assert_eq!(tag_texts(&json!({"T": {"Tag": [{"TagKey": "a"}]}}), "T.Tag"), ["a".into(), "a=".into()]);
    }
}
