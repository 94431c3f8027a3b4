//! The allowlist as an operator writes it, read strictly.
//!
//! Whoever is in the allowlist is trusted, so an entry that could mean something else than it says
//! is refused, and each refusal says what is wrong, what was seen and what to write instead. A bare
//! address means that one host, except where it ends in `.0`: then it may have been meant as a
//! network. Whatever is accepted but deserves a look comes back as a [`Notice`].

use std::{fmt, str::FromStr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{AddressSet, Block, Cover, Interval, block::escape};

/// More entries than this are refused: such a list was generated, and is to be aggregated first.
pub const MAX_ENTRIES: usize = 10_000;

/// Switches of the reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Refuses what is otherwise accepted with a notice: very wide prefixes.
    pub strict: bool,
    /// Accepts ranges that stand for IPv4 hosts inside of IPv6: IPv4-compatible, NAT64 and 6to4.
    pub accept_transition_ranges: bool,
}

/// Why one entry is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Nothing between the separators.
    #[error("the entry is empty; remove it or write a block such as 192.0.2.0/24")]
    Empty,
    /// `10.0.0.0/33`
    #[error("prefix {length} exceeds {max} in `{}`; write a prefix from 0 to {max}", escape(.seen))]
    PrefixTooLong { seen: String, length: String, max: u8 },
    /// `10.0.0.5/8`
    #[error("`{}` has host bits set; write `{network}` for the network or `{host}` for the one host", escape(.seen))]
    HostBits { seen: String, network: IpNet, host: IpNet },
    /// `010.0.0.0/8`
    #[error(
        "`{}` has an octet with a leading zero, which some programs read as octal; write it without the zero",
        escape(.seen)
    )]
    LeadingZero { seen: String },
    /// `10.0.0.0/08`, `10.0.0.0/+8`
    #[error("prefix `{}` in `{}` is not a plain number; write it without sign or leading zero", escape(.prefix), escape(.seen))]
    PrefixSpelling { seen: String, prefix: String },
    /// `10.0.0.0`
    #[error(
        "`{}` ends in .0 and has no prefix, so it may mean a network or a host; write `{host}` for the one host, or the \
         network with its prefix",
        escape(.seen)
    )]
    AmbiguousBareAddress { seen: String, host: IpNet },
    /// `10.0.0.0/`, `/8`, `10.0.0/8`
    #[error("{missing} is missing in `{}`; write a block such as 192.0.2.0/24", escape(.seen))]
    MissingPart { seen: String, missing: MissingPart },
    /// `10.0.0.0/255.0.0.0`
    #[error("`{}` gives a netmask; {}", escape(.seen), netmask_advice(.suggestion))]
    Netmask { seen: String, suggestion: Option<IpNet> },
    /// `0.0.0.0/0`, `::/0`, `::ffff:0:0/96`
    #[error("`{}` allows everyone; list the networks that are trusted", escape(.seen))]
    WorldOpen { seen: String },
    /// Shorter than /8 (IPv4) or /16 (IPv6), in strict mode.
    #[error("`{}` is wider than /{limit}; split it into the networks that are meant", escape(.seen))]
    TooWide { seen: String, limit: u8 },
    /// IPv4-compatible, NAT64 and 6to4 ranges.
    #[error(
        "`{}` is in the {range} range, through which unrelated IPv4 hosts appear; list their IPv4 networks instead",
        escape(.seen)
    )]
    TransitionRange { seen: String, range: &'static str },
    /// `fe80::1%eth0/64`
    #[error("`{}` names a zone, which has a meaning on one machine only; remove `%…`", escape(.seen))]
    ZoneId { seen: String },
    /// `0x0a.0.0.0/8`, `167772160/8`
    #[error("`{}` is not in dotted decimal form; write four decimal octets", escape(.seen))]
    NotDotted { seen: String },
    /// Digits of another script, no-break spaces, zero-width characters.
    #[error("`{}` has the character U+{code_point:04X} at column {column}; use plain ASCII", escape(.seen))]
    NotAscii { seen: String, code_point: u32, column: usize },
    /// Blanks or control characters.
    #[error("`{}` has {what} at column {column}; remove it", escape(.seen))]
    Blank { seen: String, what: &'static str, column: usize },
    /// `192.168.1.10-192.168.1.5`
    #[error("range `{}` is reversed: it ends before it begins; write CIDR blocks", escape(.seen))]
    ReversedRange { seen: String },
    /// `192.168.1.4-192.168.1.7`
    #[error("`{}` is a range; write CIDR blocks: {}", escape(.seen), shown(.blocks))]
    Range { seen: String, blocks: Vec<IpNet> },
    /// Multicast, loopback, link-local and the cloud's metadata network.
    #[error("`{}` is in the {range} range, from which no trusted connection comes; remove it", escape(.seen))]
    NoSource { seen: String, range: &'static str },
    /// Anything else.
    #[error("`{}` is no address block; write a block such as 192.0.2.0/24 or 2001:db8::/32", escape(.seen))]
    Malformed { seen: String },
}

/// What row 6 of bad entries lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingPart {
    Address,
    Prefix,
    Octets,
}

impl fmt::Display for MissingPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "the address before the slash",
            Self::Prefix => "the prefix after the slash",
            Self::Octets => "an octet",
        })
    }
}

fn netmask_advice(suggestion: &Option<IpNet>) -> String {
    match suggestion {
        Some(net) => format!("write `{net}`"),
        None => "and it is no contiguous one; write CIDR blocks".to_owned(),
    }
}

/// At most four blocks, so that a message stays a message.
fn shown(blocks: &[IpNet]) -> String {
    let mut text = blocks.iter().take(4).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if blocks.len() > 4 {
        text.push_str(&format!(" and {} more", blocks.len() - 4));
    }
    text
}

/// An entry that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub cidr: IpNet,
    /// True if it was written as IPv4 inside of IPv6 (`::ffff:10.0.0.0/104`).
    pub mapped: bool,
    /// True if it is shorter than /8 (IPv4) or /16 (IPv6).
    pub wide: bool,
}

/// Something that was accepted and deserves a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// `::ffff:10.0.0.0/104` was taken as `10.0.0.0/8`.
    Mapped { place: String, seen: String, cidr: IpNet },
    /// A prefix shorter than /8 (IPv4) or /16 (IPv6).
    Wide { place: String, cidr: IpNet },
    /// The block lies within another entry, or is that entry again.
    Redundant { place: String, cidr: IpNet, other_place: String, other: IpNet },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mapped { place, seen, cidr } => {
                write!(f, "{place}: `{}` is IPv4 inside of IPv6 and was taken as {cidr}", escape(seen))
            }
            Self::Wide { place, cidr } => write!(f, "{place}: {cidr} is very wide; is all of it trusted?"),
            Self::Redundant { place, cidr, other_place, other } if cidr == other => {
                write!(f, "{place}: {cidr} is listed again; {other_place} has it already")
            }
            Self::Redundant { place, cidr, other_place, other } => {
                write!(f, "{place}: {cidr} is part of {other} ({other_place}); one of them is enough")
            }
        }
    }
}

/// Why a list is refused. `place` is whatever the caller calls the entry's origin: an option, or
/// a file with line and column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    #[error("{place}: {error}")]
    Entry { place: String, error: EntryError },
    /// No entry is the world, but all together are.
    #[error(
        "the allowlist as a whole allows everyone over {family}: its entries add up to every address; list only the \
         networks that are trusted"
    )]
    WorldOpenByUnion { family: &'static str },
    #[error("the allowlist has {count} entries, more than {MAX_ENTRIES}; merge neighbouring blocks first")]
    TooManyEntries { count: usize },
}

/// A whole allowlist that was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowlist {
    /// The blocks in the order they were given, normalised but not merged: each may have a name
    /// and an expiry of its own.
    pub cidrs: Vec<IpNet>,
    pub notices: Vec<Notice>,
}

/// Blocks that the vendor, the internet's registries or plain sense rule out as a source.
const NO_SOURCE: &[(&str, &str)] = &[
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("100.100.0.0/16", "cloud metadata"),
    ("224.0.0.0/4", "multicast"),
    ("::1/128", "loopback"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast"),
];

const TRANSITION: &[(&str, &str)] =
    &[("::/96", "IPv4-compatible"), ("64:ff9b::/96", "NAT64"), ("64:ff9b:1::/48", "NAT64"), ("2002::/16", "6to4")];

/// Reads one entry.
///
/// # Errors
/// One variant for each way to be wrong.
pub fn parse_entry(text: &str, settings: Settings) -> Result<Entry, EntryError> {
    refuse_odd_characters(text)?;
    let seen = || text.to_owned();
    if let Some((first, last)) = text.split_once('-') {
        return Err(range_error(text, first, last));
    }
    if text.contains('%') {
        return Err(EntryError::ZoneId { seen: seen() });
    }
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    if address.is_empty() {
        return Err(EntryError::MissingPart { seen: seen(), missing: MissingPart::Address });
    }
    let written = if address.contains(':') {
        IpNet::V6(parse_v6(text, address, prefix)?)
    } else {
        IpNet::V4(parse_v4(text, address, prefix)?)
    };
    let cidr = unmapped(written);
    refuse_ambiguous_host(text, cidr, prefix.is_some())?;
    if cidr != cidr.trunc() {
        let (network, host) = (cidr.trunc(), IpNet::from(cidr.addr()));
        return Err(EntryError::HostBits { seen: seen(), network, host });
    }
    refuse_range(text, cidr, settings)?;
    let limit = if matches!(cidr, IpNet::V4(_)) { 8 } else { 16 };
    let wide = cidr.prefix_len() < limit;
    if wide && settings.strict {
        return Err(EntryError::TooWide { seen: seen(), limit });
    }
    Ok(Entry { cidr, mapped: cidr != written, wide })
}

/// Reads a whole list of `(place, text)`. All refusals are collected.
///
/// # Errors
/// Every refused entry, or that the entries together are too many or cover the world.
pub fn parse<'a, P: fmt::Display>(
    entries: impl IntoIterator<Item = (P, &'a str)>,
    settings: Settings,
) -> Result<Allowlist, Vec<ListError>> {
    let mut errors = Vec::new();
    let mut placed: Vec<(String, IpNet)> = Vec::new();
    let mut notices = Vec::new();
    let mut count = 0_usize;
    for (place, text) in entries {
        count += 1;
        if count > MAX_ENTRIES {
            continue;
        }
        let place = place.to_string();
        match parse_entry(text, settings) {
            Err(error) => errors.push(ListError::Entry { place, error }),
            Ok(entry) => {
                if entry.mapped {
                    notices.push(Notice::Mapped { place: place.clone(), seen: text.to_owned(), cidr: entry.cidr });
                }
                if entry.wide {
                    notices.push(Notice::Wide { place: place.clone(), cidr: entry.cidr });
                }
                placed.push((place, entry.cidr));
            }
        }
    }
    if count > MAX_ENTRIES {
        errors.push(ListError::TooManyEntries { count });
    }
    errors.extend(world_open(placed.iter().map(|(_, cidr)| *cidr)).err());
    if !errors.is_empty() {
        return Err(errors);
    }
    notices.extend(redundancies(&placed));
    Ok(Allowlist { cidrs: placed.into_iter().map(|(_, cidr)| cidr).collect(), notices })
}

/// Refuses blocks that together are every address of a family, however they are cut.
///
/// # Errors
/// Names the family.
pub fn world_open(cidrs: impl IntoIterator<Item = IpNet>) -> Result<(), ListError> {
    let union: AddressSet = cidrs.into_iter().collect();
    if union.v4.is_full() {
        return Err(ListError::WorldOpenByUnion { family: "IPv4" });
    }
    if union.v6.is_full() {
        return Err(ListError::WorldOpenByUnion { family: "IPv6" });
    }
    Ok(())
}

/// Entries that lie within another one. CIDR blocks nest or are disjoint, so that after sorting
/// each block need only look at the chain of blocks that are still open.
fn redundancies(placed: &[(String, IpNet)]) -> Vec<Notice> {
    let mut order: Vec<usize> = (0..placed.len()).collect();
    order.sort_by_key(|index| {
        let net = placed[*index].1;
        (net.network(), net.prefix_len(), *index)
    });
    let mut open: Vec<usize> = Vec::new();
    let mut found: Vec<(usize, usize)> = Vec::new();
    for index in order {
        while open.last().is_some_and(|outer| !placed[*outer].1.contains(&placed[index].1)) {
            open.pop();
        }
        if let Some(outer) = open.last() {
            found.push((index, *outer));
        }
        open.push(index);
    }
    found.sort_unstable();
    found
        .into_iter()
        .map(|(index, outer)| Notice::Redundant {
            place: placed[index].0.clone(),
            cidr: placed[index].1,
            other_place: placed[outer].0.clone(),
            other: placed[outer].1,
        })
        .collect()
}

fn refuse_odd_characters(text: &str) -> Result<(), EntryError> {
    if text.is_empty() {
        return Err(EntryError::Empty);
    }
    for (column, character) in (1..).zip(text.chars()) {
        if !character.is_ascii() {
            let code_point = u32::from(character);
            return Err(EntryError::NotAscii { seen: text.to_owned(), code_point, column });
        }
        let what = match character {
            ' ' => "a blank",
            '\t' => "a tab",
            '\0' => "a NUL",
            _ if character.is_ascii_control() => "a control character",
            _ => continue,
        };
        return Err(EntryError::Blank { seen: text.to_owned(), what, column });
    }
    Ok(())
}

fn range_error(text: &str, first: &str, last: &str) -> EntryError {
    let seen = text.to_owned();
    match (Block::parse(first), Block::parse(last)) {
        (Ok(Block::V4(first)), Ok(Block::V4(last))) => match Interval::new(first.first(), last.last()) {
            Some(range) => EntryError::Range { seen, blocks: Cover::of(range).collect() },
            None => EntryError::ReversedRange { seen },
        },
        (Ok(Block::V6(first)), Ok(Block::V6(last))) => match Interval::new(first.first(), last.last()) {
            Some(range) => EntryError::Range { seen, blocks: Cover::of(range).collect() },
            None => EntryError::ReversedRange { seen },
        },
        _ => EntryError::Malformed { seen },
    }
}

/// A prefix length as a plain decimal number.
fn parse_prefix(text: &str, prefix: &str, max: u8) -> Result<u8, EntryError> {
    let seen = || text.to_owned();
    if prefix.is_empty() {
        return Err(EntryError::MissingPart { seen: seen(), missing: MissingPart::Prefix });
    }
    let digits = prefix.trim_start_matches(['+', '-']);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(EntryError::Malformed { seen: seen() });
    }
    if digits.len() < prefix.len() || (digits.len() > 1 && digits.starts_with('0')) {
        return Err(EntryError::PrefixSpelling { seen: seen(), prefix: prefix.to_owned() });
    }
    let length = digits.parse().ok().filter(|length| *length <= max);
    length.ok_or_else(|| EntryError::PrefixTooLong { seen: seen(), length: digits.chars().take(20).collect(), max })
}

fn parse_v4(text: &str, address: &str, prefix: Option<&str>) -> Result<Ipv4Net, EntryError> {
    let seen = || text.to_owned();
    let octets: Vec<&str> = address.split('.').collect();
    let hexadecimal = |octet: &&str| octet.len() > 2 && octet.to_ascii_lowercase().starts_with("0x");
    if octets.iter().any(hexadecimal) || (octets.len() == 1 && is_number(address)) {
        return Err(EntryError::NotDotted { seen: seen() });
    }
    if octets.iter().any(|octet| !octet.is_empty() && !is_number(octet)) || octets.len() > 4 {
        return Err(EntryError::Malformed { seen: seen() });
    }
    if octets.len() < 4 || octets.iter().any(|octet| octet.is_empty()) {
        return Err(EntryError::MissingPart { seen: seen(), missing: MissingPart::Octets });
    }
    if octets.iter().any(|octet| octet.len() > 1 && octet.starts_with('0')) {
        return Err(EntryError::LeadingZero { seen: seen() });
    }
    let address: std::net::Ipv4Addr = address.parse().map_err(|_| EntryError::Malformed { seen: seen() })?;
    let Some(prefix) = prefix else { return Ok(Ipv4Net::from(address)) };
    if prefix.contains('.') {
        let mask = std::net::Ipv4Addr::from_str(prefix).map_err(|_| EntryError::Malformed { seen: seen() })?;
        let suggestion = Ipv4Net::with_netmask(address, mask).ok().map(|net| IpNet::V4(net.trunc()));
        return Err(EntryError::Netmask { seen: seen(), suggestion });
    }
    let length = parse_prefix(text, prefix, 32)?;
    Ipv4Net::new(address, length).map_err(|_| EntryError::Malformed { seen: seen() })
}

fn parse_v6(text: &str, address: &str, prefix: Option<&str>) -> Result<Ipv6Net, EntryError> {
    let seen = || text.to_owned();
    let dotted = address.rsplit(':').next().filter(|tail| tail.contains('.'));
    if dotted.is_some_and(|tail| tail.split('.').any(|octet| octet.len() > 1 && octet.starts_with('0'))) {
        return Err(EntryError::LeadingZero { seen: seen() });
    }
    let address: std::net::Ipv6Addr = address.parse().map_err(|_| EntryError::Malformed { seen: seen() })?;
    let length = prefix.map_or(Ok(128), |prefix| parse_prefix(text, prefix, 128))?;
    Ipv6Net::new(address, length).map_err(|_| EntryError::Malformed { seen: seen() })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `::ffff:10.0.0.0/104` names IPv4 hosts: the program would trust nobody by it.
fn unmapped(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    let mapped = v6.addr().to_ipv4_mapped().filter(|_| v6.prefix_len() >= 96);
    mapped.and_then(|address| Ipv4Net::new(address, v6.prefix_len() - 96).ok()).map_or(net, IpNet::V4)
}

fn refuse_ambiguous_host(text: &str, cidr: IpNet, has_prefix: bool) -> Result<(), EntryError> {
    let IpNet::V4(net) = cidr else { return Ok(()) };
    if has_prefix || net.addr().octets()[3] != 0 {
        return Ok(());
    }
    Err(EntryError::AmbiguousBareAddress { seen: text.to_owned(), host: cidr })
}

fn refuse_range(text: &str, cidr: IpNet, settings: Settings) -> Result<(), EntryError> {
    let seen = text.to_owned();
    if cidr.prefix_len() == 0 {
        return Err(EntryError::WorldOpen { seen });
    }
    if let Some(range) = named_range(NO_SOURCE, cidr) {
        return Err(EntryError::NoSource { seen, range });
    }
    match named_range(TRANSITION, cidr).filter(|_| !settings.accept_transition_ranges) {
        Some(range) => Err(EntryError::TransitionRange { seen, range }),
        None => Ok(()),
    }
}

/// The name of the first range in which the block lies.
fn named_range(ranges: &[(&str, &'static str)], cidr: IpNet) -> Option<&'static str> {
    let inside = |range: &str| range.parse::<IpNet>().is_ok_and(|range| range.contains(&cidr));
    ranges.iter().find(|(range, _)| inside(range)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::{EntryError, ListError, MAX_ENTRIES, MissingPart, Settings, parse, parse_entry};

    fn refusal(text: &str) -> EntryError {
        parse_entry(text, Settings::default()).expect_err(text)
    }

    fn accepted(text: &str) -> String {
        parse_entry(text, Settings::default()).expect(text).cidr.to_string()
    }

    /// One assertion for each row of the catalogue of hostile entries.
    #[test]
    fn each_bad_entry_has_its_own_refusal() {
        use EntryError as E;
        assert!(matches!(refusal("10.0.0.0/33"), E::PrefixTooLong { max: 32, .. }));
        assert!(matches!(refusal("10.0.0.5/8"), E::HostBits { .. }));
        assert!(matches!(refusal("010.0.0.0/8"), E::LeadingZero { .. }));
        assert!(matches!(refusal("10.0.0.0/08"), E::PrefixSpelling { .. }));
        assert!(matches!(refusal("10.0.0.0/+8"), E::PrefixSpelling { .. }));
        assert!(matches!(refusal("10.0.0.0"), E::AmbiguousBareAddress { .. }));
        assert!(matches!(refusal("10.0.0.0/"), E::MissingPart { missing: MissingPart::Prefix, .. }));
        assert!(matches!(refusal("/8"), E::MissingPart { missing: MissingPart::Address, .. }));
        assert!(matches!(refusal("10.0.0/8"), E::MissingPart { missing: MissingPart::Octets, .. }));
        assert!(matches!(refusal("10.0.0.0/255.0.0.0"), E::Netmask { suggestion: Some(_), .. }));
        assert!(matches!(refusal("10.0.0.0/255.0.255.0"), E::Netmask { suggestion: None, .. }));
        assert!(matches!(refusal("0.0.0.0/0"), E::WorldOpen { .. }));
        assert!(matches!(refusal("::/0"), E::WorldOpen { .. }));
        assert!(matches!(refusal("::ffff:0:0/96"), E::WorldOpen { .. }));
        assert!(matches!(refusal("::10.0.0.0/104"), E::TransitionRange { range: "IPv4-compatible", .. }));
        assert!(matches!(refusal("64:ff9b::/96"), E::TransitionRange { range: "NAT64", .. }));
        assert!(matches!(refusal("2002::/16"), E::TransitionRange { range: "6to4", .. }));
        assert!(matches!(refusal("fe80::1%eth0/64"), E::ZoneId { .. }));
        assert!(matches!(refusal("0x0a.0.0.0/8"), E::NotDotted { .. }));
        assert!(matches!(refusal("167772160/8"), E::NotDotted { .. }));
        assert!(matches!(refusal("1０.0.0.0/8"), E::NotAscii { code_point: 0xff10, column: 2, .. }));
        assert!(matches!(refusal("١٠.0.0.0/8"), E::NotAscii { column: 1, .. }));
        assert!(matches!(refusal("10.0.0.0/8\u{a0}"), E::NotAscii { code_point: 0xa0, column: 11, .. }));
        assert!(matches!(refusal("10.0.\u{200b}0.0/8"), E::NotAscii { code_point: 0x200b, .. }));
        assert!(matches!(refusal(" 10.0.0.0/8"), E::Blank { column: 1, .. }));
        assert!(matches!(refusal("10.0.0.0/8 "), E::Blank { column: 11, .. }));
        assert!(matches!(refusal("10.0.0.0/8\0"), E::Blank { what: "a NUL", .. }));
        assert!(matches!(refusal("192.168.1.10-192.168.1.5"), E::ReversedRange { .. }));
        assert!(matches!(refusal("192.168.1.5-192.168.1.10"), E::Range { .. }));
        for (text, name) in [
            ("224.0.0.0/4", "multicast"),
            ("239.1.1.1", "multicast"),
            ("127.0.0.1", "loopback"),
            ("169.254.0.0/16", "link-local"),
            ("100.100.0.0/16", "cloud metadata"),
            ("100.100.100.200", "cloud metadata"),
            ("::1", "loopback"),
            ("fe80::/10", "link-local"),
            ("ff02::1/128", "multicast"),
            ("::ffff:127.0.0.1", "loopback"),
        ] {
            assert!(matches!(refusal(text), E::NoSource { range, .. } if range == name), "{text}");
        }
        for text in ["hello", "10.0.0.256/8", "10.0.0.0/8/9", "10.0.0.1:443", "1.2.3.4.5", "10.0.0.0/x", ":::/8", "a-b"]
        {
            assert!(matches!(refusal(text), E::Malformed { .. }), "{text}");
        }
        assert_eq!(refusal(""), E::Empty);
        let strict = Settings { strict: true, ..Settings::default() };
        assert!(matches!(parse_entry("8.0.0.0/7", strict), Err(E::TooWide { limit: 8, .. })));
        assert!(matches!(parse_entry("2400::/12", strict), Err(E::TooWide { limit: 16, .. })));
    }

    #[test]
    fn refusals_say_what_to_write() {
        let text = refusal("10.0.0.5/8").to_string();
        assert!(text.contains("`10.0.0.0/8`") && text.contains("`10.0.0.5/32`"), "{text}");
        assert!(refusal("10.0.0.0/255.0.0.0").to_string().contains("`10.0.0.0/8`"));
        assert!(refusal("10.0.0.0").to_string().contains("`10.0.0.0/32`"));
        assert!(refusal("192.168.1.4-192.168.1.7").to_string().contains("192.168.1.4/30"));
        let hostile = refusal(&format!("\u{1b}[2J{}", "x".repeat(500))).to_string();
        assert!(
            hostile.contains("\\u{1b}") && !hostile.contains('\u{1b}') && hostile.chars().count() < 200,
            "{hostile}"
        );
    }

    #[test]
    fn accepts_what_has_one_meaning() {
        assert_eq!(accepted("203.0.113.9"), "203.0.113.9/32");
        assert_eq!(accepted("2001:db8::1"), "2001:db8::1/128");
        assert_eq!(accepted("10.0.0.0/8"), "10.0.0.0/8");
        assert_eq!(accepted("10.0.0.0/32"), "10.0.0.0/32");
        assert_eq!(accepted("100.64.0.0/10"), "100.64.0.0/10");
        assert_eq!(accepted("::ffff:10.0.0.0/104"), "10.0.0.0/8");
        assert_eq!(accepted("0.0.0.0/1"), "0.0.0.0/1");
        let named = Settings { accept_transition_ranges: true, ..Settings::default() };
        assert!(parse_entry("64:ff9b::/96", named).is_ok());
    }

    fn list(texts: &[&str]) -> Result<Vec<String>, Vec<ListError>> {
        let places = (1..).map(|line| format!("office.txt:{line}"));
        parse(places.zip(texts.iter().copied()), Settings::default())
            .map(|list| list.notices.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_world_in_pieces_is_still_the_world() {
        let halves = list(&["0.0.0.0/1", "128.0.0.0/1"]).expect_err("the world");
        assert_eq!(halves, [ListError::WorldOpenByUnion { family: "IPv4" }]);
        let mapped = list(&["::ffff:0.0.0.0/97", "128.0.0.0/1"]).expect_err("the world");
        assert_eq!(mapped, [ListError::WorldOpenByUnion { family: "IPv4" }]);
        let halves = list(&["::/1", "8000::/1"]).expect_err("the world");
        assert_eq!(halves, [ListError::WorldOpenByUnion { family: "IPv6" }]);
    }

    #[test]
    fn notices_name_both_lines() {
        let notices = list(&["8.8.8.0/24", "8.8.8.8", "9.0.0.0/8", "8.8.8.0/24", "0.0.0.0/2", "::ffff:200.0.0.0/104"]);
        assert_eq!(
            notices.expect("accepted"),
            [
                "office.txt:5: 0.0.0.0/2 is very wide; is all of it trusted?",
                "office.txt:6: `::ffff:200.0.0.0/104` is IPv4 inside of IPv6 and was taken as 200.0.0.0/8",
                "office.txt:1: 8.8.8.0/24 is part of 0.0.0.0/2 (office.txt:5); one of them is enough",
                "office.txt:2: 8.8.8.8/32 is part of 8.8.8.0/24 (office.txt:4); one of them is enough",
                "office.txt:3: 9.0.0.0/8 is part of 0.0.0.0/2 (office.txt:5); one of them is enough",
                "office.txt:4: 8.8.8.0/24 is listed again; office.txt:1 has it already",
            ]
        );
    }

    #[test]
    fn all_refusals_come_together() {
        let errors = list(&["10.0.0.5/8", "8.8.8.8", "010.0.0.0/8"]).expect_err("two refusals");
        let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(shown[0].starts_with("office.txt:1: ") && shown[1].starts_with("office.txt:3: "), "{shown:?}");
        assert_eq!(shown.len(), 2);
    }

    #[test]
    fn the_limit_is_named() {
        let text = |index: usize| format!("10.{}.{}.1", index / 256, index % 256);
        let many: Vec<String> = (0..=MAX_ENTRIES).map(text).collect();
        let entries = |count: usize| many[..count].iter().map(|text| ("list", text.as_str()));
        let errors = parse(entries(MAX_ENTRIES + 1), Settings::default()).expect_err("too many");
        assert_eq!(errors, [ListError::TooManyEntries { count: MAX_ENTRIES + 1 }]);
        assert!(errors[0].to_string().contains("10000"));
        assert!(parse(entries(MAX_ENTRIES), Settings::default()).is_ok());
    }
}
