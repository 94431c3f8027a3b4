//! One CIDR block or bare address, read as an API or a saved question writes it.

use std::{fmt, net::IpAddr, net::Ipv6Addr, str::FromStr};

use ipnet::IpNet;

use super::Interval;

/// A block of addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Block {
    V4(Interval<u32>),
    V6(Interval<u128>),
}

/// A text that is neither a CIDR block nor an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no address block; write 192.0.2.0/24, 2001:db8::/32 or a single address", escape(.text))]
pub struct MalformedAddress {
    /// The text as it was given.
    pub text: String,
}

/// The text with control and non-ASCII characters escaped, at most 80 characters of it.
pub(super) fn escape(text: &str) -> impl fmt::Display {
    let mut escaped: String = text.chars().flat_map(char::escape_default).take(80).collect();
    if text.chars().flat_map(char::escape_default).nth(80).is_some() {
        escaped.push('…');
    }
    escaped
}

impl Block {
    /// Reads a block: bare addresses mean one host, host bits are masked off, any width will do.
    /// Octets with a leading zero are refused: they are octal to some readers and decimal to others.
    ///
    /// # Errors
    /// Where the text is anything else.
    pub fn parse(text: &str) -> Result<Self, MalformedAddress> {
        // No text can be read as both.
        parse_v4(text.as_bytes()).or_else(|| parse_v6(text)).ok_or_else(|| MalformedAddress { text: text.to_owned() })
    }

    /// The single host.
    pub fn host(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(Interval::point(u32::from(address))),
            IpAddr::V6(address) => Self::V6(Interval::point(u128::from(address))),
        }
    }
}

impl From<IpNet> for Block {
    fn from(net: IpNet) -> Self {
        match net {
            IpNet::V4(net) => Self::V4(
                Interval::new(net.network().into(), net.broadcast().into()).expect("a network is not after its end"),
            ),
            IpNet::V6(net) => Self::V6(
                Interval::new(net.network().into(), net.broadcast().into()).expect("a network is not after its end"),
            ),
        }
    }
}

impl FromStr for Block {
    type Err = MalformedAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// A decimal number without sign or leading zero, at most `max`; with the bytes after it, which may
/// be further digits: what may follow a number is never a digit.
fn number(bytes: &[u8], max: u32) -> Option<(u32, &[u8])> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
    let (first, mut rest) = bytes.split_first()?;
    let mut value = digit(*first)?;
    // Nothing can be added to a zero, so that no leading zero is ever read over.
    while value != 0
        && let Some((next, after)) = rest.split_first()
        && let Some(next) = digit(*next)
    {
        value = value * 10 + next;
        rest = after;
        if value > max {
            return None;
        }
    }
    Some((value, rest))
}

/// The prefix length after the slash, or the full width if there is nothing.
fn prefix(rest: &[u8], bits: u32) -> Option<u32> {
    let Some((slash, digits)) = rest.split_first() else { return Some(bits) };
    if *slash != b'/' {
        return None;
    }
    number(digits, bits).filter(|(_, rest)| rest.is_empty()).map(|(length, _)| length)
}

/// By hand from bytes: rules are decoded a hundred thousand at a time.
fn parse_v4(bytes: &[u8]) -> Option<Block> {
    let (mut address, mut rest) = number(bytes, 255)?;
    for _ in 0..3 {
        let (octet, after) = number(rest.strip_prefix(b".")?, 255)?;
        address = address << 8 | octet;
        rest = after;
    }
    let hosts = u32::MAX.checked_shr(prefix(rest, 32)?).unwrap_or(0);
    Interval::new(address & !hosts, address | hosts).map(Block::V4)
}

fn parse_v6(text: &str) -> Option<Block> {
    let (address, rest) = text.split_at(text.find('/').unwrap_or(text.len()));
    let address = u128::from(Ipv6Addr::from_str(address).ok()?);
    let hosts = u128::MAX.checked_shr(prefix(rest.as_bytes(), 128)?).unwrap_or(0);
    Interval::new(address & !hosts, address | hosts).map(Block::V6)
}

#[cfg(test)]
mod tests {
    use super::Block;
    use crate::netset::Cover;

    fn shown(text: &str) -> String {
        match Block::parse(text) {
            Ok(Block::V4(interval)) => Cover::of(interval).map(|net| net.to_string()).collect(),
            Ok(Block::V6(interval)) => Cover::of(interval).map(|net| net.to_string()).collect(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn reads_what_apis_write() {
        for (text, block) in [
            ("8.8.8.8", "8.8.8.8/32"),
            ("8.8.8.77/24", "8.8.8.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("255.255.255.255/32", "255.255.255.255/32"),
            ("2001:DB8::1", "2001:db8::1/128"),
            ("::ffff:8.8.8.0/120", "::ffff:8.8.8.0/120"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(shown(text), block);
        }
    }

    #[test]
    fn refuses_what_has_two_readings() {
        for text in [
            "",
            "8",
            "8.8.8",
            "8.8.8.8.8",
            "010.0.0.1/8",
            "8.8.8.256",
            "8.8.8.8/33",
            "8.8.8.8/",
            "8.8.8.8/08",
            "8.8.8.8/+8",
            " 8.8.8.8",
            "8.8.8.8 ",
            "0x8.8.8.8",
            "8.8.8.0/255.255.255.0",
            "8.8.8.8-9",
            "fe80::1%eth0",
            "::1/129",
            ":::",
            "::ffff:010.0.0.1",
            "８.8.8.8",
            "8.8.8.8\0",
        ] {
            assert!(Block::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn hostile_text_is_escaped() {
        assert!(shown("\u{1b}[2J").starts_with("`\\u{1b}[2J` is no address block"));
    }
}
