//! Reads the texts of one security-group rule into what it matches: the largest set that it could,
//! and the smallest. Where everything is readable both are the same.

use std::{
    borrow::Cow,
    net::{Ipv4Addr, Ipv6Addr},
};

use crate::{
    model::Permission,
    netset::{Address, Block, Interval, Point, PortSet, RangeSet, all_ports, parse_ports},
};

use super::{lists::Lists, sweep::Class};

/// A transport protocol that has ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    /// The IANA number.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// Which families a query is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Families {
    Ipv4,
    Ipv6,
    Both,
}

/// From where the sources come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SourcePath {
    /// Over the internet: rules that name a group as source match nothing.
    Internet,
    /// From inside of the VPC.
    Private,
    /// Either.
    Any,
}

/// What is asked of the stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    pub protocol: Protocol,
    /// The listener's port, 1 to 65535.
    pub port: u16,
    pub families: Families,
    pub path: SourcePath,
    /// The interface's own address, for rules that are limited to some destinations; `None` where
    /// it is not known.
    pub destination_v4: Option<Ipv4Addr>,
    pub destination_v6: Option<Ipv6Addr>,
}

impl Query {
    /// A TCP port asked about from the internet, with no destination address known.
    pub fn internet_tcp(port: u16, families: Families) -> Self {
        Self {
            protocol: Protocol::Tcp,
            port,
            families,
            path: SourcePath::Internet,
            destination_v4: None,
            destination_v6: None,
        }
    }
}

/// A rule as `DescribeSecurityGroupAttribute` returns it: borrowed texts, empty where absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleView<'a> {
    /// `SecurityGroupRuleId`
    pub id: &'a str,
    pub direction: &'a str,
    pub policy: &'a str,
    pub priority: &'a str,
    /// `IpProtocol`
    pub protocol: &'a str,
    pub port_range: &'a str,
    pub port_range_list_id: &'a str,
    /// `SourceCidrIp`
    pub source_cidr: &'a str,
    /// `Ipv6SourceCidrIp`
    pub source_cidr_v6: &'a str,
    pub source_group_id: &'a str,
    pub source_prefix_list_id: &'a str,
    pub source_port_range: &'a str,
    /// `DestCidrIp`
    pub dest_cidr: &'a str,
    /// `Ipv6DestCidrIp`
    pub dest_cidr_v6: &'a str,
    pub nic_type: &'a str,
}

impl<'a> From<&'a Permission> for RuleView<'a> {
    fn from(rule: &'a Permission) -> Self {
        Self {
            id: &rule.security_group_rule_id,
            direction: &rule.direction,
            policy: &rule.policy,
            priority: &rule.priority,
            protocol: &rule.ip_protocol,
            port_range: &rule.port_range,
            port_range_list_id: &rule.port_range_list_id,
            source_cidr: &rule.source_cidr_ip,
            source_cidr_v6: &rule.ipv6_source_cidr_ip,
            source_group_id: &rule.source_group_id,
            source_prefix_list_id: &rule.source_prefix_list_id,
            source_port_range: &rule.source_port_range,
            dest_cidr: &rule.dest_cidr_ip,
            dest_cidr_v6: &rule.ipv6_dest_cidr_ip,
            nic_type: &rule.nic_type,
        }
    }
}

impl<'a> RuleView<'a> {
    /// The rule's id; where the API gave none, a description by which it is found in its group.
    pub(super) fn name(&self, group_id: &str) -> Cow<'a, str> {
        if !self.id.is_empty() {
            return Cow::Borrowed(self.id);
        }
        let source = [self.source_cidr, self.source_cidr_v6, self.source_group_id, self.source_prefix_list_id]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or("?");
        let ports = if self.port_range.is_empty() { self.port_range_list_id } else { self.port_range };
        Cow::Owned(format!("{group_id}:{}:{}:{}:{ports}:{source}", self.policy, self.priority, self.protocol))
    }
}

/// What a rule does with what it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Accept,
    Drop,
}

/// An answer that may be out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    No,
    Maybe,
    Yes,
}

impl From<bool> for Truth {
    fn from(known: bool) -> Self {
        if known { Self::Yes } else { Self::No }
    }
}

/// None, one or many, without memory for the first two: nearly every rule has one source and one
/// port range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Few<P> {
    None,
    One(Interval<P>),
    Many(RangeSet<P>),
}

impl<P: Point> Few<P> {
    /// Equal sets are equal values.
    fn from_set(set: RangeSet<P>) -> Self {
        match set.intervals() {
            [] => Self::None,
            [only] => Self::One(*only),
            _ => Self::Many(set),
        }
    }

    pub(super) fn as_slice(&self) -> &[Interval<P>] {
        match self {
            Self::None => &[],
            Self::One(interval) => std::slice::from_ref(interval),
            Self::Many(set) => set.intervals(),
        }
    }

    pub(super) fn to_set(&self) -> RangeSet<P> {
        RangeSet::from_canonical(self.as_slice().to_vec())
    }
}

/// The largest and the smallest set that a text can stand for.
#[derive(Clone, Debug)]
pub(super) struct Reading<P> {
    pub(super) largest: Few<P>,
    /// `None` where it is the same as the largest.
    smaller: Option<Few<P>>,
}

impl<P: Point> Reading<P> {
    fn exact(set: Few<P>) -> Self {
        Self { largest: set, smaller: None }
    }

    fn between(smallest: Few<P>, largest: Few<P>) -> Self {
        Self { smaller: (smallest != largest).then_some(smallest), largest }
    }

    pub(super) fn smallest(&self) -> &Few<P> {
        self.smaller.as_ref().unwrap_or(&self.largest)
    }

    pub(super) fn is_exact(&self) -> bool {
        self.smaller.is_none()
    }
}

/// A rule that may match something in the family and protocol asked about.
#[derive(Clone, Debug)]
pub(super) struct Rule<A> {
    /// `None` where the text names neither.
    pub(super) action: Option<Action>,
    /// 1 to 110; `None` where the text is no such number.
    pub(super) priority: Option<u8>,
    /// True where it certainly matches whatever its sources and ports say.
    pub(super) applies: bool,
    pub(super) ports: Reading<u16>,
    pub(super) sources: Reading<A>,
    pub(super) source_ports: Reading<u16>,
}

impl<A: Address> Rule<A> {
    /// The class in which the rule decides, where both its action and its priority are known.
    pub(super) fn class(&self) -> Option<Class> {
        Some(Class::new(self.priority?, self.action? == Action::Accept))
    }

    /// True if what it matches on a given port is known, as far as the port does not decide.
    pub(super) fn is_readable(&self) -> bool {
        self.applies && self.class().is_some() && self.sources.is_exact() && self.source_ports.is_exact()
    }

    /// The listener ports on which its effect cannot be told.
    pub(super) fn unresolved_ports(&self) -> PortSet {
        if !self.is_readable() {
            return self.ports.largest.to_set();
        }
        if self.ports.is_exact() {
            return PortSet::empty();
        }
        self.ports.largest.to_set().subtract(&self.ports.smallest().to_set())
    }
}

/// What a rule is read for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'q, 'a, A> {
    /// The IANA number of the protocol asked about.
    pub(super) protocol: u8,
    pub(super) path: SourcePath,
    pub(super) destination: Option<A>,
    /// The only listener port that matters; `None` where all of them do.
    pub(super) port: Option<u16>,
    /// True for a group outside of any VPC, where interfaces for the internet and for the
    /// internal network are apart.
    pub(super) classic: bool,
    pub(super) lists: &'q Lists<'a>,
}

/// Reads a rule; `None` if it certainly matches nothing.
pub(super) fn read<A: Address>(view: &RuleView<'_>, scope: &Scope<'_, '_, A>) -> Option<Rule<A>> {
    let named = ProtocolText::read(view.protocol);
    let protocol = match named {
        ProtocolText::All => Truth::Yes,
        ProtocolText::Number(number) => (number == scope.protocol).into(),
        ProtocolText::Unknown => Truth::Maybe,
    };
    let applies = read_direction(view.direction).min(protocol).min(read_nic(view.nic_type, scope));
    if applies == Truth::No {
        return None;
    }
    let (ports, source_ports) = if [Protocol::Tcp, Protocol::Udp].iter().any(|known| known.number() == scope.protocol) {
        (read_ports(view, named == ProtocolText::All, scope.lists), read_source_ports(view.source_port_range))
    } else {
        (Reading::exact(Few::One(all_ports())), Reading::exact(Few::One(all_ports())))
    };
    // Ports before sources: they are shorter, and most rules of a large group are for another port.
    if scope.port.is_some_and(|port| !ports.largest.as_slice().iter().any(|range| range.contains(port))) {
        return None;
    }
    let sources = read_sources::<A>(view, scope);
    if sources.largest.as_slice().is_empty() {
        return None;
    }
    let applies = applies.min(read_destination::<A>(view, scope));
    (applies != Truth::No).then(|| Rule {
        action: read_action(view.policy),
        priority: read_priority(view.priority),
        applies: applies == Truth::Yes,
        ports,
        sources,
        source_ports,
    })
}

fn read_direction(text: &str) -> Truth {
    if text.eq_ignore_ascii_case("egress") {
        return Truth::No;
    }
    if text.eq_ignore_ascii_case("ingress") { Truth::Yes } else { Truth::Maybe }
}

/// What `IpProtocol` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProtocolText {
    All,
    /// An IANA number.
    Number(u8),
    Unknown,
}

impl ProtocolText {
    /// Names come in any case, and in some regions as IANA numbers.
    pub(super) fn read(text: &str) -> Self {
        const NAMES: [(&str, u8); 5] = [("tcp", 6), ("udp", 17), ("icmp", 1), ("icmpv6", 58), ("gre", 47)];
        if text.eq_ignore_ascii_case("all") {
            return Self::All;
        }
        if let Some((_, number)) = NAMES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)) {
            return Self::Number(*number);
        }
        // A sign or a leading zero is no way the vendor writes a number.
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        plain.then(|| text.parse().ok()).flatten().map_or(Self::Unknown, Self::Number)
    }
}

/// In a VPC every rule is for both networks. In the classic network a rule is for one of them.
fn read_nic<A>(text: &str, scope: &Scope<'_, '_, A>) -> Truth {
    if !scope.classic || text.is_empty() {
        return Truth::Yes;
    }
    if text.eq_ignore_ascii_case("internet") {
        return (scope.path != SourcePath::Private).into();
    }
    if text.eq_ignore_ascii_case("intranet") {
        return (scope.path != SourcePath::Internet).into();
    }
    Truth::Maybe
}

fn read_action(text: &str) -> Option<Action> {
    if text.eq_ignore_ascii_case("accept") {
        return Some(Action::Accept);
    }
    text.eq_ignore_ascii_case("drop").then_some(Action::Drop)
}

/// 1 to 100, and 110 for default rules of old groups, in plain digits.
fn read_priority(text: &str) -> Option<u8> {
    if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|priority| (1..=Class::MAX_PRIORITY).contains(priority))
}

/// Reads a text of port ranges, all of it or nothing.
fn read_ranges(text: &str) -> Option<Few<u16>> {
    let mut ranges = Few::None;
    let mut more: Vec<Interval<u16>> = Vec::new();
    parse_ports(text, |range| match ranges {
        Few::None => ranges = Few::One(range),
        _ => more.push(range),
    })
    .ok()?;
    if more.is_empty() {
        return Some(ranges);
    }
    more.extend_from_slice(ranges.as_slice());
    Some(Few::from_set(RangeSet::from_intervals(more)))
}

/// The listener ports. `PortRange` wins over a list. For all protocols a range that is not the
/// whole has two readings: as written, or without meaning.
fn read_ports(view: &RuleView<'_>, any_protocol: bool, lists: &Lists<'_>) -> Reading<u16> {
    let all = || Few::One(all_ports());
    let written = if !view.port_range.is_empty() {
        read_ranges(view.port_range).map_or_else(|| Reading::between(Few::None, all()), Reading::exact)
    } else {
        match lists.port_range_list(view.port_range_list_id) {
            Some(list) if list.unknown => Reading::between(Few::from_set(list.known.clone()), all()),
            Some(list) => Reading::exact(Few::from_set(list.known.clone())),
            None => Reading::between(Few::None, all()),
        }
    };
    if any_protocol { Reading::between(written.smallest().clone(), all()) } else { written }
}

fn read_source_ports(text: &str) -> Reading<u16> {
    if text.is_empty() {
        return Reading::exact(Few::One(all_ports()));
    }
    read_ranges(text).map_or_else(|| Reading::between(Few::None, Few::One(all_ports())), Reading::exact)
}

/// A CIDR field of the family and the one of the other family.
fn own_and_other<'a, A: Address>(v4: &'a str, v6: &'a str) -> (&'a str, &'a str) {
    if A::IS_V4 { (v4, v6) } else { (v6, v4) }
}

/// The sources: CIDRs win over a group, a group wins over a prefix list. A field that cannot be read
/// may say anything, so that the sources may be every address whatever the fields after it say.
fn read_sources<A: Address>(view: &RuleView<'_>, scope: &Scope<'_, '_, A>) -> Reading<A> {
    let unknown = || Reading::between(Few::None, Few::One(Interval::FULL));
    let (own, other) = own_and_other::<A>(view.source_cidr, view.source_cidr_v6);
    if !own.is_empty() {
        let block = Block::parse(own).ok().and_then(A::of_block);
        return block.map_or_else(unknown, |interval| Reading::exact(Few::One(interval)));
    }
    if !other.is_empty() {
        let Ok(block) = Block::parse(other) else { return unknown() };
        // A block of this family in the other family's field: the field is wrong, or the text is.
        return A::of_block(block)
            .map_or(Reading::exact(Few::None), |interval| Reading::between(Few::None, Few::One(interval)));
    }
    let list = if !view.source_group_id.is_empty() {
        if !is_name(view.source_group_id) {
            return unknown();
        }
        if scope.path == SourcePath::Internet {
            return Reading::exact(Few::None);
        }
        scope.lists.group_members(view.source_group_id)
    } else {
        scope.lists.prefix_list(view.source_prefix_list_id)
    };
    match list {
        Some(list) if list.has_unknown::<A>() => {
            Reading::between(Few::from_set(list.known::<A>().clone()), Few::from_set(list.largest::<A>()))
        }
        Some(list) => Reading::exact(Few::from_set(list.known::<A>().clone())),
        None => unknown(),
    }
}

/// True of a text that may name a resource. A plan names what does not exist yet by its address, so
/// that more is allowed than the vendor's ids hold.
fn is_name(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_alphanumeric()) && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Whether the interface's address is among the destinations that the rule is limited to.
fn read_destination<A: Address>(view: &RuleView<'_>, scope: &Scope<'_, '_, A>) -> Truth {
    let (own, other) = own_and_other::<A>(view.dest_cidr, view.dest_cidr_v6);
    if own.is_empty() {
        return if other.is_empty() { Truth::Yes } else { Truth::Maybe };
    }
    let Some(block) = Block::parse(own).ok().and_then(A::of_block) else { return Truth::Maybe };
    if block.is_full() {
        return Truth::Yes;
    }
    scope.destination.map_or(Truth::Maybe, |address| block.contains(address).into())
}
