//! Reads endpoint strings as the products write them: `203.0.113.7:15011`,
//! `https://203.0.113.7:6443`, `https://[2408:4005::1]:6443`, a host name in place of the address,
//! or several of these with commas between. Nothing is refused: what holds no address is kept as a
//! name, because a public endpoint that cannot be understood is public all the same.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

/// Host and port of one endpoint string.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PublicAddress {
    pub host: Host,
    pub port: Option<u16>,
}

/// Where an endpoint string points.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Host {
    Ip(IpAddr),
    /// A host name, or text that is no address at all.
    Name(String),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Every address of an endpoint string, in its order; none if the text is blank.
pub(super) fn parse(text: &str) -> Vec<PublicAddress> {
    text.split([',', ';', ' ', '\t', '\n']).filter_map(parse_one).collect()
}

fn parse_one(text: &str) -> Option<PublicAddress> {
    let text = text.trim();
    let text = text.split_once("://").map_or(text, |(_scheme, rest)| rest);
    let text = text.split(['/', '?', '#']).next().unwrap_or_default();
    if text.is_empty() {
        return None;
    }
    if let Some(rest) = text.strip_prefix('[')
        && let Some((inside, after)) = rest.split_once(']')
        && let Ok(address) = inside.parse::<Ipv6Addr>()
    {
        let port = after.strip_prefix(':').and_then(|port| port.parse().ok());
        return Some(PublicAddress { host: Host::Ip(address.into()), port });
    }
    // An IPv6 address without brackets has no port: its last group would be taken for one.
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(PublicAddress { host: Host::Ip(address), port: None });
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (text, None),
    };
    let host = host.parse().map_or_else(|_| Host::Name(host.to_owned()), Host::Ip);
    Some(PublicAddress { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        parse(text).iter().map(|one| format!("{} {:?}", one.host, one.port)).collect()
    }

    #[test]
    fn the_forms_that_the_products_write() {
        assert_eq!(shown("203.0.113.7:15011"), ["203.0.113.7 Some(15011)"]);
        assert_eq!(shown("https://203.0.113.7:6443"), ["203.0.113.7 Some(6443)"]);
        assert_eq!(shown("https://203.0.113.7:6443/"), ["203.0.113.7 Some(6443)"]);
        assert_eq!(shown("https://[2408:4005::1]:6443"), ["2408:4005::1 Some(6443)"]);
        assert_eq!(shown("[2408:4005::1]"), ["2408:4005::1 None"]);
        assert_eq!(shown("2408:4005::1"), ["2408:4005::1 None"]);
        assert_eq!(
            shown("https://nlb-x.cn-hangzhou.nlb.aliyuncsslb.com:6443"),
            ["nlb-x.cn-hangzhou.nlb.aliyuncsslb.com Some(6443)"]
        );
        assert_eq!(
            shown("203.0.113.7:15011,[2408:4005::1]:15011"),
            ["203.0.113.7 Some(15011)", "2408:4005::1 Some(15011)"]
        );
    }

    #[test]
    fn blank_text_holds_nothing_and_odd_text_is_kept() {
        assert!(parse("").is_empty());
        assert!(parse("  ").is_empty());
        assert_eq!(shown("n/a"), ["n None"]);
        assert_eq!(shown("203.0.113.7:port"), ["203.0.113.7 None"]);
        assert_eq!(shown("203.0.113.7:99999"), ["203.0.113.7 None"]);
        assert_eq!(shown("[broken:6443"), ["[broken Some(6443)"]);
    }
}
