//! Identifiers. One type per kind of thing, so that a balancer's id cannot be handed over where a
//! security group's is wanted. The text is what the API returned; it is shared, not copied.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier as the API spells it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// True where the API gave no identifier.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self(Arc::from(""))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }
    )+};
}

/// True for the id of a network balancer, by its shape: where an id is all that there is, nothing else tells the two apart.
pub fn is_network_balancer(id: &str) -> bool {
    id.starts_with("nlb-")
}

impl LoadBalancerId {
    /// A network balancer; else a classic one.
    pub fn is_network(&self) -> bool {
        is_network_balancer(self.as_str())
    }
}

id! {
    /// A 16-digit account number, kept as text: it may exceed what a float can hold.
    AccountId,
    /// `cn-hangzhou`; empty for reads of a central host that serves all regions.
    RegionId,
    /// A mesh, `ServiceMeshId`.
    MeshId,
    /// A Kubernetes cluster, `cluster_id`.
    ClusterId,
    /// An elastic IP, `AllocationId`.
    EipId,
    /// A classic (`lb-…`) or network (`nlb-…`) load balancer.
    LoadBalancerId,
    /// An access control list of a classic load balancer.
    AclId,
    /// A security group.
    SecurityGroupId,
    /// A VPC.
    VpcId,
    /// A vSwitch.
    VSwitchId,
    /// An ECS prefix list, to which security-group rules refer.
    PrefixListId,
    /// An ECS port-range list, to which security-group rules refer.
    PortRangeListId,
    /// An elastic network interface.
    NetworkInterfaceId,
    /// A route table of a VPC.
    RouteTableId,
    /// A network ACL of vSwitches.
    NetworkAclId,
    /// A VPC peering connection.
    VpcPeerId,
    /// A router interface of Express Connect.
    RouterInterfaceId,
    /// A transit router.
    TransitRouterId,
    /// An attachment of a transit router.
    TransitRouterAttachmentId,
    /// A route table of a transit router.
    TransitRouterRouteTableId,
    /// A Cloud Enterprise Network.
    CenId,
    /// A route policy of a Cloud Enterprise Network.
    CenRouteMapId,
    /// A VPN gateway.
    VpnGatewayId,
    /// An IPsec connection.
    VpnConnectionId,
    /// A NAT gateway.
    NatGatewayId,
    /// An endpoint of PrivateLink.
    VpcEndpointId,
    /// A service of PrivateLink.
    VpcEndpointServiceId,
}
