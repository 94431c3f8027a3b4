//! What the reason codes of a private path mean, one sentence each.

use serde::Serialize;

/// What a reason does to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// No packet gets further.
    Blocked,
    /// Something that would decide is not known.
    Unknown,
}

use Effect::{Blocked, Unknown};

/// Code, effect, sentence; `{}` stands for the object.
pub(super) const REASONS: &[(&str, Effect, &str)] = &[
    ("VSwitchUnreadable", Unknown, "The vSwitch {} could not be read."),
    (
        "VSwitchesUnreadable",
        Unknown,
        "The vSwitches of VPC {} could not be read, so where an address lies is not known.",
    ),
    ("RouteTableUnreadable", Unknown, "The route table of {} could not be read."),
    ("NoRoute", Blocked, "Route table {} has no route to the address."),
    ("NoNextHop", Blocked, "Route table {} has a route to the address, and all its next hops are disabled."),
    (
        "CloudServiceRange",
        Blocked,
        "The address lies in 100.64.0.0/10, which table {} keeps for the cloud's own services.",
    ),
    (
        "MoreSpecificThanLocal",
        Unknown,
        "Route table {} has an entry within a vSwitch's own block; which of them wins is not documented.",
    ),
    (
        "DeliveredElsewhere",
        Blocked,
        "The address is delivered in vSwitch {} of another network, which has the same block.",
    ),
    ("LeavesToInternet", Blocked, "The packet leaves to the internet through gateway {}."),
    ("BlackHole", Blocked, "The route in {} throws the packet away."),
    ("OpaqueNextHop", Unknown, "The route leads to {}, and what that does with the packet cannot be read."),
    ("UnsupportedNextHop", Unknown, "The route leads to a next hop of type {}, which this version cannot follow."),
    (
        "EcmpMixed",
        Unknown,
        "The next hops of a route in table {} lead to different ends, and which one is taken is not known.",
    ),
    ("RoutingLoop", Blocked, "The routes lead back to {}: the packet goes round."),
    ("TransitUnverified", Unknown, "The packet would pass through VPC {}, and whether that forwards it is not known."),
    ("PeerUnreadable", Unknown, "The VPC peering {} could not be read."),
    ("DanglingNextHop", Blocked, "The route leads to {}, which does not exist."),
    ("PeerNotActivated", Blocked, "The VPC peering {} is not activated."),
    (
        "PeeringNotTransitive",
        Blocked,
        "The packet arrived over a peering and would leave VPC {} over another, which peerings do not do.",
    ),
    ("RouterInterfaceUnreadable", Unknown, "The router interface {} could not be read."),
    ("RouterInterfaceDown", Blocked, "The router interface {} is not active."),
    ("OnPremises", Unknown, "The packet leaves the cloud at {}, and the routes on premises cannot be read."),
    ("VpnUnreadable", Unknown, "The VPN connections of {} could not be read."),
    ("VpnGatewayDown", Blocked, "The VPN gateway {} is not active."),
    ("VpnNoSelector", Blocked, "No traffic selector of {} covers both addresses."),
    ("VpnDown", Blocked, "The VPN connection {} is down: its second phase is not established."),
    ("CenUnreadable", Unknown, "The networks attached to CEN {} could not be read."),
    ("NotAttached", Blocked, "The VPC is not attached to CEN {}."),
    ("CenNoRoute", Blocked, "CEN {} has no route to the address."),
    (
        "CenRouteConflict",
        Unknown,
        "Several networks of CEN {} have the same block; which one receives the packet is not known.",
    ),
    ("NoInterRegionBandwidth", Blocked, "CEN {} has no bandwidth between the two regions."),
    ("RouteMapDeny", Blocked, "The route map {} denies the route."),
    ("AttachmentUnreadable", Unknown, "The transit router attachment {} could not be read."),
    ("AttachmentNotAttached", Blocked, "The transit router attachment {} is not attached."),
    ("AssociationUnreadable", Unknown, "The route table that attachment {} is associated with could not be read."),
    ("NoAssociation", Blocked, "The attachment {} is associated with no route table of its transit router."),
    ("TransitRouterUnreadable", Unknown, "The transit router {} could not be read."),
    ("TransitRouterDown", Blocked, "The transit router {} is not active."),
    ("TrRouteTableUnreadable", Unknown, "The routes of the transit router's table {} could not be read."),
    ("TrNoRoute", Blocked, "The transit router's table {} has no route to the address."),
    (
        "WrongTrTable",
        Blocked,
        "The attachment is associated with table {}, and another table of the same router has the route.",
    ),
    ("TrRouteRejected", Blocked, "The route in the transit router's table {} is rejected: it conflicts with another."),
    ("TrRouteProhibited", Blocked, "The route in the transit router's table {} is prohibited by a route policy."),
    (
        "TrRouteStandby",
        Blocked,
        "The route in the transit router's table {} is on standby, and no active one is there.",
    ),
    (
        "TrRouteCandidate",
        Blocked,
        "The route in the transit router's table {} is a candidate only, and no active one is there.",
    ),
    ("SecurityGroupDeny", Blocked, "The security group {} drops the connection."),
    (
        "SecurityGroupUndecided",
        Unknown,
        "Whether the security group {} lets the connection through is not decided by what was read.",
    ),
    ("SecurityGroupUnreadable", Unknown, "The security group {} could not be read."),
    ("NaclDeny", Blocked, "The network ACL {} drops the connection."),
    ("FiltersUnreadable", Unknown, "What is known of {} is not all, and filters that nobody knows may stand there."),
    (
        "ListenerAclDeny",
        Blocked,
        "The access control of listener {} does not admit the addresses, also not at its private address.",
    ),
    ("ListenerAclUnreadable", Unknown, "The access control of listener {} could not be read whole."),
    (
        "ListenerAclUndecided",
        Unknown,
        "The access control of listener {} does not admit every private address, and with which of them PrivateLink arrives is not known.",
    ),
    ("NaclPartial", Unknown, "The network ACL {} lets some of the addresses or ports through, and drops others."),
    ("NaclUnreadable", Unknown, "The network ACL {} could not be read."),
    ("EndpointsUnreadable", Unknown, "The PrivateLink endpoints in VPC {} could not be read."),
    ("EndpointServiceUnreadable", Unknown, "The PrivateLink endpoint service {} could not be read."),
    ("EndpointServiceDown", Blocked, "The PrivateLink endpoint service {} is not active."),
    ("EndpointPort", Blocked, "The PrivateLink endpoint service {} does not serve the port."),
    ("EndpointNotConnected", Blocked, "The PrivateLink endpoint {} is not connected to its service."),
];

/// A reason code in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReasonV1 {
    /// As in the report: `direction:Code@object`.
    pub reason: String,
    /// What it does; null for a code that this version does not know.
    pub effect: Option<Effect>,
    pub meaning: String,
}

impl ReasonV1 {
    /// Reads `direction:Code@object`; the direction may be missing, and the object may hold colons.
    pub(super) fn of(reason: &str) -> Self {
        let (head, object) = reason.split_once('@').unwrap_or((reason, ""));
        let (direction, code) = head.split_once(':').unwrap_or(("", head));
        let place = match direction {
            "forward" => "On the way there: ",
            "return" => "On the way back: ",
            "source" => "At the consumer's end: ",
            "target" => "At the endpoint's end: ",
            _ => "",
        };
        let known = REASONS.iter().find(|(known, ..)| *known == code);
        let meaning = match known {
            Some((.., sentence)) => {
                let object = if object.is_empty() { "(not named)" } else { object };
                format!("{place}{}", sentence.replace("{}", object))
            }
            None => format!("{place}This version has no words for the code {code}."),
        };
        Self { reason: reason.to_owned(), effect: known.map(|(_, effect, _)| *effect), meaning }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The codes that the analysis of connectivity gives, as its contract lists them, and those of the
    /// listener's access control in front of the private address.
    const BLOCKING: &str = "NoRoute NoNextHop CloudServiceRange DeliveredElsewhere LeavesToInternet BlackHole RoutingLoop \
        DanglingNextHop PeerNotActivated PeeringNotTransitive RouterInterfaceDown VpnGatewayDown VpnNoSelector VpnDown \
        NotAttached CenNoRoute NoInterRegionBandwidth RouteMapDeny AttachmentNotAttached NoAssociation TransitRouterDown \
        TrNoRoute WrongTrTable TrRouteRejected TrRouteProhibited TrRouteStandby TrRouteCandidate SecurityGroupDeny \
        NaclDeny EndpointServiceDown EndpointPort EndpointNotConnected ListenerAclDeny";
    const HIDING: &str = "VSwitchUnreadable VSwitchesUnreadable RouteTableUnreadable MoreSpecificThanLocal OpaqueNextHop \
        UnsupportedNextHop EcmpMixed TransitUnverified PeerUnreadable RouterInterfaceUnreadable OnPremises VpnUnreadable \
        CenUnreadable CenRouteConflict AttachmentUnreadable AssociationUnreadable TransitRouterUnreadable \
        TrRouteTableUnreadable SecurityGroupUndecided SecurityGroupUnreadable NaclPartial NaclUnreadable \
        EndpointsUnreadable EndpointServiceUnreadable ListenerAclUnreadable ListenerAclUndecided FiltersUnreadable";

    #[test]
    fn every_code_has_words_and_its_effect() {
        let words = |text: &'static str, effect| text.split_whitespace().map(move |code| (code, effect));
        let wanted: BTreeMap<&str, Effect> = words(BLOCKING, Blocked).chain(words(HIDING, Unknown)).collect();
        let found: BTreeMap<&str, Effect> = REASONS.iter().map(|(code, effect, _)| (*code, *effect)).collect();
        assert_eq!(found, wanted);
        assert_eq!(found.len(), REASONS.len(), "a code stands twice");
        for (code, _, sentence) in REASONS {
            assert!(sentence.ends_with('.') && sentence.matches("{}").count() == 1, "{code}: {sentence}");
        }
    }

    #[test]
    fn every_code_is_in_the_documentation() {
        let document = include_str!("../../../docs/explain.md");
        for (code, effect, sentence) in REASONS {
            let word = if *effect == Blocked { "blocked" } else { "unknown" };
            let row = format!("| `{code}` | {word} | {} |", sentence.replace("{}", "…"));
            assert!(document.contains(&row), "docs/explain.md lacks the row: {row}");
        }
    }

    #[test]
    fn a_reason_is_read_with_and_without_direction() {
        let words = |reason: &str| ReasonV1::of(reason).meaning;
        assert_eq!(words("forward:NoRoute@vtb-d"), "On the way there: Route table vtb-d has no route to the address.");
        assert_eq!(words("EndpointPort@epsrv-1"), "The PrivateLink endpoint service epsrv-1 does not serve the port.");
        assert!(words("return:OpaqueNextHop@Instance:i-1").contains("leads to Instance:i-1, and"));
        let strange = ReasonV1::of("source:Novel@x");
        assert_eq!((strange.effect, strange.meaning.contains("Novel")), (None, true));
        assert!(words("").contains("no words"));
    }
}
