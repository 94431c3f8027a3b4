//! The kinds of items that list calls serve: where a world document holds them, what places them in a
//! region, which views of them there are, and what calls filter by.

mod asset;
mod network;

/// What the simulated cloud knows of one kind of item.
#[derive(Debug)]
pub(super) struct Spec {
    /// `vpc` of `accounts[].vpc.eips`; empty for kinds that are parts of others.
    pub(super) section: &'static str,
    /// `eips` of `accounts[].vpc.eips`.
    pub(super) list: &'static str,
    /// Path of the id.
    pub(super) id: &'static str,
    /// Path of the region.
    pub(super) region: &'static str,
    /// False where the vendor's replies carry no region: it then places the item and is not served.
    pub(super) region_is_served: bool,
    /// What places an item without region, its VPC or its balancer, and the path of that one's id.
    pub(super) placed_by: Option<(Kind, &'static str)>,
    /// Paths that the list call does not show.
    pub(super) not_in_list: &'static [&'static str],
    /// Paths that the detail call does not show; `None` if there is no detail call that shows more.
    pub(super) not_in_detail: Option<&'static [&'static str]>,
    /// Path of a list that a paged call of its own serves: rules, entries.
    pub(super) children: &'static str,
    /// Lists inside the item that are kinds of their own, with their own filters.
    pub(super) parts: &'static [Part],
    /// What list calls filter by. The first is the index.
    pub(super) filters: &'static [Filter],
}

/// A list inside an item whose elements are served by list calls of their own.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    /// What an element takes over from its parent where it does not say so itself: field of the
    /// parent, field of the element.
    pub(super) inherits: &'static [(&'static str, &'static str)],
}

impl Spec {
    const fn new(section: &'static str, list: &'static str, id: &'static str) -> Self {
        Self {
            section,
            list,
            id,
            region: "",
            region_is_served: true,
            placed_by: None,
            not_in_list: &[],
            not_in_detail: None,
            children: "",
            parts: &[],
            filters: &[],
        }
    }

    /// A kind whose items stand inside others.
    const fn part(id: &'static str) -> Self {
        Self::new("", "", id)
    }

    const fn in_region(self, region: &'static str) -> Self {
        Self { region, ..self }
    }

    /// `RegionId` places the item and is not served.
    const fn in_hidden_region(self) -> Self {
        Self { region: "RegionId", region_is_served: false, ..self }
    }

    const fn placed_by(self, kind: Kind, path: &'static str) -> Self {
        Self { placed_by: Some((kind, path)), ..self }
    }

    const fn list_hides(self, not_in_list: &'static [&'static str]) -> Self {
        Self { not_in_list, ..self }
    }

    const fn detail_hides(self, not_in_detail: &'static [&'static str]) -> Self {
        Self { not_in_detail: Some(not_in_detail), ..self }
    }

    const fn children(self, children: &'static str) -> Self {
        Self { children, ..self }
    }

    const fn parts(self, parts: &'static [Part]) -> Self {
        Self { parts, ..self }
    }

    const fn filters(self, filters: &'static [Filter]) -> Self {
        Self { filters, ..self }
    }

    /// The position of a filter by its parameter.
    pub(super) fn filter(&self, parameter: &str) -> Option<usize> {
        self.filters.iter().position(|filter| filter.parameter == parameter)
    }
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
    /// `Name=a`, where this word asks for everything.
    OneOrAll(&'static str),
    /// `Name=a,b`, at most so many.
    Commas(usize),
    /// `Name.1=a&Name.2=b`, at most so many.
    Numbered(usize),
    /// `Name=["a","b"]`, at most so many.
    JsonList(usize),
    /// `Filter.1.Key=Name&Filter.1.Value.1=a&Filter.1.Value.2=b`.
    Keyed,
    /// `Tag.1.Key=a&Tag.1.Value=b`; every tag must match.
    Tags,
}

const fn filter(parameter: &'static str, form: FilterForm, paths: &'static [&'static str]) -> Filter {
    Filter { parameter, form, paths }
}

const fn one(parameter: &'static str, paths: &'static [&'static str]) -> Filter {
    filter(parameter, FilterForm::One, paths)
}

const fn commas(parameter: &'static str, most: usize, paths: &'static [&'static str]) -> Filter {
    filter(parameter, FilterForm::Commas(most), paths)
}

const fn numbered(parameter: &'static str, most: usize, paths: &'static [&'static str]) -> Filter {
    filter(parameter, FilterForm::Numbered(most), paths)
}

const fn keyed(parameter: &'static str, paths: &'static [&'static str]) -> Filter {
    filter(parameter, FilterForm::Keyed, paths)
}

const fn tags(paths: &'static [&'static str]) -> Filter {
    filter("Tag", FilterForm::Tags, paths)
}

/// Names the kinds and where each is described.
macro_rules! kinds {
    ($($name:ident => $spec:path),+ $(,)?) => {
        /// The kinds of items that list calls serve.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Kind {
            $($name),+
        }

        impl Kind {
            /// Every kind, in the order in which a world is read: what places others comes first.
            pub(super) const ALL: [Self; [$(stringify!($name)),+].len()] = [$(Self::$name),+];

            /// What is known of the kind.
            pub(super) fn spec(self) -> &'static Spec {
                match self {
                    $(Self::$name => &$spec),+
                }
            }
        }
    };
}

kinds! {
    Vpc => network::VPC,
    Clb => asset::CLB,
    Nlb => asset::NLB,
    Mesh => asset::MESH,
    Cluster => asset::CLUSTER,
    SecurityGroup => asset::SECURITY_GROUP,
    PrefixList => asset::PREFIX_LIST,
    PortRangeList => asset::PORT_RANGE_LIST,
    NetworkInterface => asset::NETWORK_INTERFACE,
    Instance => asset::INSTANCE,
    VSwitch => network::VSWITCH,
    Eip => network::EIP,
    ClbListener => asset::CLB_LISTENER,
    Acl => asset::ACL,
    NlbListener => asset::NLB_LISTENER,
    Member => asset::MEMBER,
    RouteTable => network::ROUTE_TABLE,
    RouteEntry => network::ROUTE_ENTRY,
    NatGateway => network::NAT_GATEWAY,
    SnatEntry => network::SNAT_ENTRY,
    ForwardEntry => network::FORWARD_ENTRY,
    VpnGateway => network::VPN_GATEWAY,
    VpnConnection => network::VPN_CONNECTION,
    RouterInterface => network::ROUTER_INTERFACE,
    BorderRouter => network::BORDER_ROUTER,
    NetworkAcl => network::NETWORK_ACL,
    FlowLog => network::FLOW_LOG,
    Peering => network::PEERING,
    Cen => network::CEN,
    CenChild => network::CEN_CHILD,
    CenBandwidth => network::CEN_BANDWIDTH,
    CenRouteMap => network::CEN_ROUTE_MAP,
    CenPackage => network::CEN_PACKAGE,
    TransitRouter => network::TRANSIT_ROUTER,
    TrVpcAttachment => network::TR_VPC_ATTACHMENT,
    TrPeerAttachment => network::TR_PEER_ATTACHMENT,
    TrVpnAttachment => network::TR_VPN_ATTACHMENT,
    TrVbrAttachment => network::TR_VBR_ATTACHMENT,
    TrRouteTable => network::TR_ROUTE_TABLE,
    TrAssociation => network::TR_ASSOCIATION,
    TrPropagation => network::TR_ASSOCIATION,
    TrRouteEntry => network::TR_ROUTE_ENTRY,
    Endpoint => network::ENDPOINT,
    EndpointService => network::ENDPOINT_SERVICE,
    EndpointResource => network::ENDPOINT_RESOURCE,
    AuditEvent => asset::AUDIT_EVENT,
}
