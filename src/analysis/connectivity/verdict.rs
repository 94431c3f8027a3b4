//! What is said of a pair: the verdict, why, and the hops that a packet takes.

use std::{borrow::Cow, fmt};

use ipnet::IpNet;

/// Whether there is a private path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// From every address to every address.
    Connected,
    /// From none to any.
    Blocked,
    /// From some to some, and from others not.
    Partial,
    /// What could not be read, or leads out of sight, may decide.
    Unknown,
}

impl Verdict {
    /// The word of answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "Connected",
            Self::Blocked => "Blocked",
            Self::Partial => "Partial",
            Self::Unknown => "Unknown",
        }
    }

    /// The verdict over parts: address pairs, replicas of a mesh, vSwitches of a cluster. `None`
    /// without any part.
    pub fn over(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        parts.into_iter().reduce(|one, other| match (one, other) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            _ if one == other => one,
            _ => Self::Partial,
        })
    }
}

/// How connected ends reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// Within one VPC.
    SameVpc,
    /// Over routes.
    Route,
    /// Through an endpoint of PrivateLink.
    PrivateLink,
}

impl Via {
    /// The word of answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SameVpc => "SameVpc",
            Self::Route => "Route",
            Self::PrivateLink => "PrivateLink",
        }
    }
}

/// Where a check was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The way from the cluster to the mesh.
    Forward,
    /// The way back.
    Return,
    /// The filters at the cluster's end.
    Source,
    /// The filters at the mesh's end.
    Target,
}

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Return => "return",
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

macro_rules! codes {
    (Unknown { $($unknown:ident),+ $(,)? } Blocked { $($blocked:ident),+ $(,)? }) => {
        /// Why a check did not pass.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($unknown,)+ $($blocked,)+ }

        impl Code {
            /// The code as answers write it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$unknown => stringify!($unknown),)+
                    $(Self::$blocked => stringify!($blocked),)+
                }
            }

            /// True if it stops packets; otherwise it only cannot be told whether they pass.
            pub fn blocks(self) -> bool {
                match self {
                    $(Self::$unknown => false,)+
                    $(Self::$blocked => true,)+
                }
            }
        }
    };
}

codes! {
    Unknown {
        VSwitchUnreadable, VSwitchesUnreadable, RouteTableUnreadable, MoreSpecificThanLocal, OpaqueNextHop,
        UnsupportedNextHop, EcmpMixed, TransitUnverified, PeerUnreadable, RouterInterfaceUnreadable, OnPremises,
        VpnUnreadable, CenUnreadable, CenRouteConflict, AttachmentUnreadable, AssociationUnreadable,
        TransitRouterUnreadable, TrRouteTableUnreadable, SecurityGroupUndecided, SecurityGroupUnreadable, NaclPartial,
        NaclUnreadable, EndpointsUnreadable, EndpointServiceUnreadable,
    }
    Blocked {
        NoRoute, NoNextHop, CloudServiceRange, DeliveredElsewhere, LeavesToInternet, BlackHole, RoutingLoop,
        DanglingNextHop, PeerNotActivated, PeeringNotTransitive, RouterInterfaceDown, VpnGatewayDown, VpnNoSelector,
        VpnDown, NotAttached, CenNoRoute, NoInterRegionBandwidth, RouteMapDeny, AttachmentNotAttached, NoAssociation,
        TransitRouterDown, TrNoRoute, WrongTrTable, TrRouteRejected, TrRouteProhibited, TrRouteStandby,
        TrRouteCandidate, SecurityGroupDeny, NaclDeny, EndpointServiceDown, EndpointPort, EndpointNotConnected,
    }
}

/// A check that did not pass, and the object to look at: `forward:NoRoute@vtb-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason<'a> {
    /// None for PrivateLink, and for a vSwitch that cannot be read.
    pub direction: Option<Direction>,
    pub code: Code,
    pub object: Cow<'a, str>,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(direction) = self.direction {
            write!(f, "{}:", direction.as_str())?;
        }
        write!(f, "{}@{}", self.code.as_str(), self.object)
    }
}

/// One step of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hop<'a> {
    /// Looked up in the route table of a VPC.
    Table { vpc: &'a str, table: &'a str, prefix: IpNet, next_hop_type: &'a str, next_hop_id: &'a str },
    /// Looked up in the route table of a transit router.
    Transit { router: &'a str, table: &'a str, prefix: IpNet, attachment: &'a str },
    /// Delivered.
    Local { vpc: &'a str, v_switch: &'a str },
    /// Through PrivateLink.
    Endpoint { vpc: &'a str, endpoint: &'a str, service: &'a str },
}

impl fmt::Display for Hop<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table { vpc, table, prefix, next_hop_type, next_hop_id } => {
                write!(f, "{vpc}/{table} {prefix} -> {next_hop_type}:{next_hop_id}")
            }
            Self::Transit { router, table, prefix, attachment } => {
                write!(f, "{router}/{table} {prefix} -> {attachment}")
            }
            Self::Local { vpc, v_switch } => write!(f, "{vpc} local -> {v_switch}"),
            Self::Endpoint { vpc, endpoint, service } => write!(f, "{vpc} endpoint {endpoint} -> {service}"),
        }
    }
}

/// A path that would connect a blocked pair if its breaks were mended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearestPath {
    /// The places that a packet would come through, to the mesh and back.
    pub forward: Vec<String>,
    pub back: Vec<String>,
    /// What to mend, sorted: as few changes as there can be in each direction.
    pub changes: Vec<String>,
}

/// The answer for a pair of ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairAnswer<'a> {
    pub verdict: Verdict,
    /// Where connected.
    pub via: Option<Via>,
    /// Sorted by their texts. Of a blocked pair only what blocks it: all of it is to be mended.
    pub reasons: Vec<Reason<'a>>,
    /// The hops of the first address pair, up to where it is blocked.
    pub forward: Vec<Hop<'a>>,
    /// The hops back.
    pub back: Vec<Hop<'a>>,
    /// Where something blocks: what would connect the first blocked address pair.
    pub nearest: Option<NearestPath>,
    /// Checks that could not be made and are in no reason: the verdict stands without them, but they
    /// may say more of what blocks, or unsettle what is taken for delivered.
    pub beside: Vec<Reason<'a>>,
}
