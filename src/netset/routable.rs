//! The space from which a packet can come over the internet.

use std::sync::LazyLock;

use super::{AddressSet, Block};

/// IPv4 blocks that are not routed globally (IANA special-purpose registry, multicast, reserved).
const NOT_ROUTABLE_V4: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// The only IPv6 block that is allocated for global unicast. 6to4 and Teredo stay in: such sources
/// can exist.
const ROUTABLE_V6: &str = "2000::/3";

/// Blocks inside of it that are not routed globally: benchmarking, ORCHID, documentation.
const NOT_ROUTABLE_V6: &[&str] = &["2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "3fff::/20"];

/// The globally routable space. The ranges of a customer's own VPCs are not taken out: a VPC may
/// use public ranges, and internet hosts with these addresses exist too.
pub fn routable() -> &'static AddressSet {
    static ROUTABLE: LazyLock<AddressSet> = LazyLock::new(|| {
        let set = |texts: &[&str]| {
            texts.iter().map(|text| Block::parse(text).expect("the constants are blocks")).collect::<AddressSet>()
        };
        let everywhere = AddressSet { v6: set(&[ROUTABLE_V6]).v6, ..AddressSet::full() };
        everywhere.subtract(&set(NOT_ROUTABLE_V4)).subtract(&set(NOT_ROUTABLE_V6))
    });
    &ROUTABLE
}

#[cfg(test)]
mod tests {
    use super::routable;

    #[test]
    fn knows_private_from_public() {
        for public in ["1.0.0.1", "8.8.8.8", "11.0.0.0", "223.255.255.255", "2000::", "2408:4005::1", "2002::1"] {
            assert!(routable().contains(public.parse().expect("an address")), "{public}");
        }
        for private in
            ["0.1.2.3", "10.1.1.1", "100.100.100.200", "255.255.255.255", "::1", "fe80::1", "2001:db8::1", "4000::"]
        {
            assert!(!routable().contains(private.parse().expect("an address")), "{private}");
        }
    }
}
