//! The security groups of an end: what they admit is asked of `analysis::access`, once for each
//! stretch of the other axis on which the rules are the same.

use crate::{
    analysis::access::{Families, Group, Groups, Lists, Protocol, Query, RuleView, SourcePath, Stage, admitted},
    model::{Permission, SecurityGroup, SecurityGroupId},
    netset::{Address, Block, Interval, RangeSet},
};

use super::{
    topology::{Topology, narrow},
    verdict::Code,
    walk::{Fault, Packet},
};

/// Which rules of the groups count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Into the mesh: the rules' sources are the packet's.
    Ingress,
    /// Out of the cluster: the rules' destinations are the packet's.
    Egress,
}

/// The groups of one end.
pub(super) struct GroupFilter<'t, 'a, A> {
    topology: &'t Topology<'a>,
    groups: Vec<&'a SecurityGroup>,
    unread: Vec<&'a str>,
    /// All ids, joined by `+`.
    name: String,
    way: Way,
    port: u16,
    /// Members of the other end's groups; none where they are not known.
    others: &'a [SecurityGroupId],
    /// What is admitted, by stretches of the end's own axis.
    known: Vec<Admission<A>>,
}

/// What the groups admit for addresses of the end in a stretch.
struct Admission<A> {
    own: Interval<A>,
    lower: RangeSet<A>,
    upper: RangeSet<A>,
}

impl<'t, 'a, A: Address> GroupFilter<'t, 'a, A> {
    /// `None` where no group is named: there is nothing to check then.
    pub(super) fn new(
        topology: &'t Topology<'a>,
        ids: &'a [SecurityGroupId],
        others: &'a [SecurityGroupId],
        way: Way,
        port: u16,
    ) -> Option<Self> {
        let mut ids: Vec<&str> = ids.iter().map(SecurityGroupId::as_str).collect();
        ids.sort_unstable();
        ids.dedup();
        let (mut groups, mut unread) = (Vec::new(), Vec::new());
        for id in &ids {
            let group = topology.groups.get(id).copied();
            let refused = topology.is_unread(group, |group| &group.scope, "DescribeSecurityGroupAttribute", id);
            match group.filter(|_| !refused) {
                Some(group) => groups.push(group),
                None => unread.push(*id),
            }
        }
        let filter = Self { topology, groups, unread, name: ids.join("+"), way, port, others, known: Vec::new() };
        (!ids.is_empty()).then_some(filter)
    }

    /// Why the groups do not certainly let the packet pass.
    pub(super) fn check(&mut self, packet: &mut Packet<A>) -> Vec<Fault<'a>> {
        if !self.unread.is_empty() {
            return self.unread.iter().map(|id| (Code::SecurityGroupUnreadable, (*id).into())).collect();
        }
        let (own, other) = match self.way {
            Way::Ingress => (packet.destination, packet.source),
            Way::Egress => (packet.source, packet.destination),
        };
        let place = self.known.iter().position(|admission| admission.own.contains(own));
        let place = place.unwrap_or_else(|| {
            self.known.push(self.admission(own));
            self.known.len() - 1
        });
        let Some(admission) = self.known.get(place) else { return Vec::new() };
        let (own_range, other_range) = match self.way {
            Way::Ingress => (&mut packet.destinations, &mut packet.sources),
            Way::Egress => (&mut packet.sources, &mut packet.destinations),
        };
        narrow(own_range, own, admission.own);
        for set in [&admission.lower, &admission.upper] {
            narrow(other_range, other, stretch_of(set, other));
        }
        let code = if admission.lower.contains(other) {
            return Vec::new();
        } else if admission.upper.contains(other) {
            Code::SecurityGroupUndecided
        } else {
            Code::SecurityGroupDeny
        };
        vec![(code, self.name.clone().into())]
    }

    /// Asks what the groups admit from or to others, for one address of the end.
    fn admission(&self, own: A) -> Admission<A> {
        let mut stretch = Interval::FULL;
        for rule in self.groups.iter().flat_map(|group| &group.permissions).filter(|rule| self.counts(rule)) {
            let limit = match self.way {
                Way::Ingress => [&rule.dest_cidr_ip, &rule.ipv6_dest_cidr_ip],
                Way::Egress => [&rule.source_cidr_ip, &rule.ipv6_source_cidr_ip],
            };
            for block in limit.into_iter().filter_map(|text| A::of_block(Block::parse(text).ok()?)) {
                narrow(&mut stretch, own, block);
            }
        }
        let (mut lower, mut upper) = match self.default() {
            Default::Closed => self.ask(own, false),
            Default::Open => self.ask(own, true),
            Default::Either => (self.ask(own, false).0, self.ask(own, true).1),
        };
        match self.inner() {
            Inner::Apart => {}
            Inner::Together => (lower, upper) = (RangeSet::full(), RangeSet::full()),
            Inner::Either => upper = RangeSet::full(),
        }
        Admission { own: stretch, lower, upper }
    }

    fn counts(&self, rule: &Permission) -> bool {
        let other = if self.way == Way::Ingress { "egress" } else { "ingress" };
        !rule.direction.eq_ignore_ascii_case(other)
    }

    /// What happens to packets that no rule matches.
    fn default(&self) -> Default {
        if self.way == Way::Ingress {
            return Default::Closed;
        }
        let all = |word: &str| self.groups.iter().all(|group| kind(group).eq_ignore_ascii_case(word));
        if all("normal") {
            return Default::Open;
        }
        if all("enterprise") { Default::Closed } else { Default::Either }
    }

    /// Whether both ends are members of a basic group whose inner access is open.
    fn inner(&self) -> Inner {
        let mut inner = Inner::Apart;
        for group in &self.groups {
            let kind = kind(group);
            let may = !kind.eq_ignore_ascii_case("enterprise")
                && !group.inner_access_policy.eq_ignore_ascii_case("drop")
                && (self.others.is_empty() || self.others.contains(&group.security_group_id));
            if !may {
                continue;
            }
            let certain = kind.eq_ignore_ascii_case("normal")
                && group.inner_access_policy.eq_ignore_ascii_case("accept")
                && !self.others.is_empty();
            if certain {
                return Inner::Together;
            }
            inner = Inner::Either;
        }
        inner
    }

    /// Asks the access engine, with or without a weakest rule that accepts everything.
    fn ask(&self, own: A, open: bool) -> (RangeSet<A>, RangeSet<A>) {
        let mut groups: Vec<Group<'_>> = self.groups.iter().map(|group| self.group(group)).collect();
        if open && let Some(group) = groups.first_mut() {
            group.rules.push(accept_everything(if A::IS_V4 { ("0.0.0.0/0", "") } else { ("", "::/0") }));
        }
        let families = if A::IS_V4 { Families::Ipv4 } else { Families::Ipv6 };
        let ip = own.ip();
        let query = Query {
            protocol: Protocol::Tcp,
            port: self.port,
            families,
            path: SourcePath::Private,
            destination_v4: if let std::net::IpAddr::V4(ip) = ip { Some(ip) } else { None },
            destination_v6: if let std::net::IpAddr::V6(ip) = ip { Some(ip) } else { None },
        };
        let stage = Stage::SecurityGroup(Groups { groups, unread: false });
        let sources = match self.members() {
            Some(lists) => admitted(&query, &stage, &lists).sources,
            None => admitted(&query, &stage, &self.topology.lists).sources,
        };
        (A::part_of(&sources.lower).clone(), A::part_of(&sources.upper).clone())
    }

    /// The group as the access engine takes it. Inner access is judged by [`Self::inner`].
    fn group(&self, group: &'a SecurityGroup) -> Group<'a> {
        let rules = group.permissions.iter().filter(|rule| self.counts(rule));
        let rules = match self.way {
            Way::Ingress => rules.map(RuleView::from).collect(),
            Way::Egress => rules.map(egress).collect(),
        };
        Group { inner_access_policy: "Drop", ..Group::with_rules(group, rules) }
    }

    /// The lists, with the members of groups that rules name, where any does and members are known:
    /// the other end's groups hold all of its addresses, others hold none.
    fn members(&self) -> Option<Lists<'a>> {
        if self.others.is_empty() {
            return None;
        }
        let rules = self.groups.iter().flat_map(|group| &group.permissions).filter(|rule| self.counts(rule));
        let named = rules.map(|rule| match self.way {
            Way::Ingress => &rule.source_group_id,
            Way::Egress => &rule.dest_group_id,
        });
        let mut lists: Option<Lists<'a>> = None;
        for id in named.filter(|id| !id.is_empty()) {
            let is_other = self.others.iter().any(|other| other.as_str() == id.as_str());
            let members: &[&str] = if is_other { &["0.0.0.0/0", "::/0"] } else { &[] };
            let lists = lists.get_or_insert_with(|| self.topology.lists.clone());
            lists.add_group_members(id.as_str(), members.iter().copied());
        }
        lists
    }
}

/// `normal` or `enterprise`; empty where it was not read.
fn kind(group: &SecurityGroup) -> &str {
    group.security_group_type.value().map_or("", String::as_str)
}

/// What happens to packets that no rule matches.
enum Default {
    Closed,
    Open,
    Either,
}

/// Whether both ends are in one group that lets its members reach each other.
enum Inner {
    Apart,
    Together,
    Either,
}

/// The egress rule as if it were an ingress rule with its destinations as sources.
fn egress(rule: &Permission) -> RuleView<'_> {
    let view = RuleView::from(rule);
    let direction = if rule.direction.eq_ignore_ascii_case("egress") { "ingress" } else { view.direction };
    RuleView {
        direction,
        source_cidr: &rule.dest_cidr_ip,
        source_cidr_v6: &rule.ipv6_dest_cidr_ip,
        source_group_id: &rule.dest_group_id,
        source_prefix_list_id: &rule.dest_prefix_list_id,
        dest_cidr: &rule.source_cidr_ip,
        dest_cidr_v6: &rule.ipv6_source_cidr_ip,
        ..view
    }
}

/// Weaker than any rule that can be set.
fn accept_everything(source: (&'static str, &'static str)) -> RuleView<'static> {
    RuleView {
        direction: "ingress",
        policy: "Accept",
        priority: "110",
        protocol: "TCP",
        port_range: "-1/-1",
        source_cidr: source.0,
        source_cidr_v6: source.1,
        ..RuleView::default()
    }
}

/// The stretch around an address on which it is in the set, or is not.
fn stretch_of<A: Address>(set: &RangeSet<A>, address: A) -> Interval<A> {
    let ranges = set.intervals();
    let place = ranges.partition_point(|range| range.last() < address);
    match ranges.get(place) {
        Some(range) if range.contains(address) => *range,
        next => {
            let before = place.checked_sub(1).and_then(|before| ranges.get(before));
            let first = before.and_then(|before| before.last().succ()).unwrap_or(A::MIN);
            let last = next.and_then(|next| next.first().pred()).unwrap_or(A::MAX);
            Interval::new(first, last).unwrap_or(Interval::point(address))
        }
    }
}
