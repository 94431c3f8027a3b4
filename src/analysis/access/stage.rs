//! The filters on a path, and what each admits between its two bounds.

use std::borrow::Cow;

use crate::{
    model::SecurityGroup,
    netset::{Address, Block, RangeSet},
};

use super::{
    attribute::{Marks, attribute},
    lists::Lists,
    rule::{self, Action, Query, RuleView, Scope, SourcePath},
    sweep::{Class, Sweep},
    table::{Bound, HOLE, RuleTable},
};

/// A filter on the path. Every stage on the path must admit a source.
#[derive(Clone, Debug)]
pub enum Stage<'a> {
    /// The security groups of an interface.
    SecurityGroup(Groups<'a>),
    /// The security groups that a network load balancer joined.
    NlbSecurityGroup(Groups<'a>),
    /// The ACL of a classic load balancer's listener.
    ListenerAcl(ListenerAcl<'a>),
}

/// The groups of one interface or balancer, whose rules are merged before any is looked at.
#[derive(Clone, Debug, Default)]
pub struct Groups<'a> {
    pub groups: Vec<Group<'a>>,
    /// True if there is a group whose rules could not be read. An interface always has a group,
    /// so that an empty list means the same there; a network load balancer need not have one.
    pub unread: bool,
}

/// A security group with all its rules.
#[derive(Clone, Debug, Default)]
pub struct Group<'a> {
    pub id: &'a str,
    /// `normal` or `enterprise`; empty where it was not read.
    pub group_type: &'a str,
    /// `Accept` or `Drop`; empty where it was not read.
    pub inner_access_policy: &'a str,
    /// Empty for a group of the classic network.
    pub vpc_id: &'a str,
    pub rules: Vec<RuleView<'a>>,
}

impl<'a> From<&'a SecurityGroup> for Group<'a> {
    fn from(group: &'a SecurityGroup) -> Self {
        Self::with_rules(group, group.permissions.iter().map(RuleView::from).collect())
    }
}

impl<'a> Group<'a> {
    /// The group with these of its rules.
    pub fn with_rules(group: &'a SecurityGroup, rules: Vec<RuleView<'a>>) -> Self {
        Self {
            id: group.security_group_id.as_str(),
            group_type: group.security_group_type.value().map_or("", String::as_str),
            inner_access_policy: &group.inner_access_policy,
            vpc_id: group.vpc_id.as_str(),
            rules,
        }
    }
}

/// The ACL settings of a listener.
#[derive(Clone, Debug, Default)]
pub struct ListenerAcl<'a> {
    /// `AclStatus`: `on` or `off`; empty where it was not read.
    pub status: &'a str,
    /// `AclType`: `white` or `black`.
    pub acl_type: &'a str,
    /// The listener's ACLs. All their entries are united.
    pub acls: Vec<AclEntries<'a>>,
    /// True if the listener's settings could not be read at all.
    pub unread: bool,
}

/// One ACL of a listener.
#[derive(Clone, Debug)]
pub enum AclEntries<'a> {
    /// The ACL is named by the listener and could not be read, or was not found.
    Unread,
    /// `AclEntryIP` of every entry.
    Read(Vec<&'a str>),
}

/// What a stage admits in one family, and why.
#[derive(Debug)]
pub(super) struct StageSets<'s, 'q, A> {
    pub(super) upper: RangeSet<A>,
    /// `None` where it is the same as the upper bound.
    lower: Option<RangeSet<A>>,
    cause: Cause<'s, 'q, A>,
    /// Rule ids and words for what could not be read.
    pub(super) unresolved: Vec<Cow<'q, str>>,
}

/// Who answers for what a stage admits.
#[derive(Debug)]
enum Cause<'s, 'q, A> {
    /// A hole that is no rule.
    Word(&'static str),
    Rules(Rules<'s, 'q, A>),
}

/// Rules that were merged.
#[derive(Debug)]
pub(super) struct Rules<'s, 'q, A> {
    pub(super) table: RuleTable<A>,
    pub(super) groups: &'s [Group<'q>],
    /// Members that reach each other whatever the rules say.
    pub(super) inner: Vec<(&'q str, RangeSet<A>)>,
}

/// Who is to blame for a residue.
#[derive(Debug, Default)]
pub(super) struct Blame<'q> {
    pub(super) blame: Vec<Cow<'q, str>>,
    pub(super) fix_set: Vec<Cow<'q, str>>,
}

/// The word for groups that could not be read, and for what a network load balancer admits of
/// itself.
const SECURITY_GROUPS: &str = "securitygroups";

impl<'s, 'q, A: Address> StageSets<'s, 'q, A> {
    pub(super) fn lower(&self) -> &RangeSet<A> {
        self.lower.as_ref().unwrap_or(&self.upper)
    }

    pub(super) fn is_exact(&self) -> bool {
        self.lower.is_none()
    }

    /// The rules behind it, where there are any.
    pub(super) fn rules(&self) -> Option<&Rules<'s, 'q, A>> {
        match &self.cause {
            Cause::Word(_) => None,
            Cause::Rules(rules) => Some(rules),
        }
    }

    /// Blames what lets untrusted sources in. `target` is every source that nobody trusts and all
    /// other stages admit.
    pub(super) fn blame(&self, query: &Query, target: &RangeSet<A>) -> Blame<'q> {
        match &self.cause {
            Cause::Word(word) if self.upper.meets(target) => {
                Blame { blame: vec![Cow::Borrowed(*word)], fix_set: Vec::new() }
            }
            Cause::Word(_) => Blame::default(),
            Cause::Rules(rules) => rules.blame(query, target),
        }
    }
}

impl<'q, A: Address> Rules<'_, 'q, A> {
    fn blame(&self, query: &Query, target: &RangeSet<A>) -> Blame<'q> {
        let Marks { blamed, exposing } = attribute(&self.table, query.port, target);
        let mut blame = names(self.groups, &blamed);
        let members = self.inner.iter().filter(|(_, members)| members.meets(target));
        blame.extend(members.map(|(group_id, _)| Cow::Owned(format!("inner:{group_id}"))));
        if blamed.contains(&HOLE) {
            blame.push(Cow::Borrowed(SECURITY_GROUPS));
        }
        Blame { blame, fix_set: names(self.groups, &exposing) }
    }
}

/// The names of rules by their numbers within the stage, which ascend.
pub(super) fn names<'q>(groups: &[Group<'q>], numbers: &[u32]) -> Vec<Cow<'q, str>> {
    let mut names = Vec::with_capacity(numbers.len());
    let mut wanted = numbers.iter().map(|number| *number as usize).peekable();
    let mut first = 0;
    for group in groups {
        let end = first + group.rules.len();
        while let Some(number) = wanted.next_if(|number| *number < end) {
            names.extend(group.rules.get(number - first).map(|rule| rule.name(group.id)));
        }
        first = end;
    }
    names
}

/// Reads a stage for one family.
pub(super) fn prepare<'s, 'q, A: Address>(
    stage: &'s Stage<'q>,
    query: &Query,
    destination: Option<A>,
    lists: &Lists<'_>,
) -> StageSets<'s, 'q, A> {
    match stage {
        Stage::SecurityGroup(groups) => {
            let unread = groups.unread || groups.groups.is_empty();
            let mut table = merge(&groups.groups, query, destination, lists, |_| true);
            if unread {
                table.push_hole(Class::STRONGEST_ACCEPT, Class::STRONGEST_DROP);
            }
            let members = if query.path == SourcePath::Internet {
                Vec::new()
            } else {
                groups.groups.iter().filter_map(|group| inner_members(group, lists)).collect()
            };
            admit(table, &groups.groups, members, unread, query)
        }
        Stage::NlbSecurityGroup(groups) => {
            // The balancer accepts everything at priority 100 of itself: only a Drop with a
            // smaller number restricts it.
            let matters = |rule: &rule::Rule<A>| {
                rule.action != Some(Action::Drop) || rule.priority.is_none_or(|p| p < NLB_ACCEPT)
            };
            let mut table = merge(&groups.groups, query, destination, lists, matters);
            table.push_hole(Class::new(NLB_ACCEPT, true), Class::new(NLB_ACCEPT, true));
            if groups.unread {
                table.push_hole(Class::STRONGEST_ACCEPT, Class::STRONGEST_DROP);
            }
            admit(table, &groups.groups, Vec::new(), groups.unread, query)
        }
        Stage::ListenerAcl(listener) => read_listener(listener),
    }
}

/// The priority at which a network load balancer accepts everything.
const NLB_ACCEPT: u8 = 100;

/// The rules of all groups that may match on the query's port in one table, numbered through.
pub(super) fn merge<A: Address>(
    groups: &[Group<'_>],
    query: &Query,
    destination: Option<A>,
    lists: &Lists<'_>,
    matters: impl Fn(&rule::Rule<A>) -> bool,
) -> RuleTable<A> {
    let mut table = RuleTable::with_capacity(groups.iter().map(|group| group.rules.len()).sum());
    let rules = groups.iter().flat_map(|group| group.rules.iter().map(move |rule| (group, rule)));
    for (number, (group, view)) in (0_u32..).zip(rules) {
        let classic = group.vpc_id.is_empty();
        let (protocol, port) = (query.protocol.number(), Some(query.port));
        let scope = Scope { protocol, path: query.path, destination, port, classic, lists };
        if let Some(rule) = rule::read(view, &scope).filter(&matters) {
            table.push_rule(number, &rule);
        }
    }
    table
}

/// The members of a basic group whose inner access is open, and whether that is certain.
struct Members<'q, A> {
    group_id: &'q str,
    upper: RangeSet<A>,
    lower: RangeSet<A>,
}

/// `None` where members of the group certainly do not reach each other by being members.
fn inner_members<'q, A: Address>(group: &Group<'q>, lists: &Lists<'_>) -> Option<Members<'q, A>> {
    let enterprise = group.group_type.eq_ignore_ascii_case("enterprise");
    let closed = group.inner_access_policy.eq_ignore_ascii_case("drop");
    if enterprise || closed {
        return None;
    }
    let certain =
        group.group_type.eq_ignore_ascii_case("normal") && group.inner_access_policy.eq_ignore_ascii_case("accept");
    let (known, upper) = match lists.group_members(group.id) {
        Some(members) => (members.known::<A>().clone(), members.largest::<A>()),
        None => (RangeSet::empty(), RangeSet::full()),
    };
    let lower = if certain { known } else { RangeSet::empty() };
    Some(Members { group_id: group.id, upper, lower })
}

fn admit<'s, 'q, A: Address>(
    table: RuleTable<A>,
    groups: &'s [Group<'q>],
    members: Vec<Members<'q, A>>,
    unread: bool,
    query: &Query,
) -> StageSets<'s, 'q, A> {
    let mut sweep = Sweep::default();
    let rules_upper = table.admitted(Bound::Upper, query.port, &mut sweep);
    let inner_is_exact = members.iter().all(|group| group.upper == group.lower);
    let lower = (!table.is_exact() || !inner_is_exact).then(|| {
        let rules = table.admitted(Bound::Lower, query.port, &mut sweep);
        members.iter().fold(rules, |admitted, group| admitted.union(&group.lower))
    });
    let upper = members.iter().fold(rules_upper, |admitted, group| admitted.union(&group.upper));
    let mut numbers: Vec<u32> = table.unresolved(query.port).collect();
    numbers.dedup();
    let mut unresolved = names(groups, &numbers);
    if unread || !inner_is_exact {
        unresolved.push(Cow::Borrowed(SECURITY_GROUPS));
    }
    let inner = members.into_iter().map(|group| (group.group_id, group.upper)).collect();
    StageSets { upper, lower, cause: Cause::Rules(Rules { table, groups, inner }), unresolved }
}

/// How a listener uses its ACLs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AclUse {
    White,
    Black,
    /// The type could not be read.
    Either,
}

fn read_listener<'s, 'q, A: Address>(listener: &ListenerAcl<'_>) -> StageSets<'s, 'q, A> {
    let exact = |upper, word| StageSets { upper, lower: None, cause: Cause::Word(word), unresolved: Vec::new() };
    let between = |lower, upper| StageSets {
        upper,
        lower: Some(lower),
        cause: Cause::Word("listener:unresolved"),
        unresolved: vec![Cow::Borrowed("listener")],
    };
    if listener.unread {
        return between(RangeSet::empty(), RangeSet::full());
    }
    if listener.status.eq_ignore_ascii_case("off") {
        return exact(RangeSet::full(), "listener:acl-off");
    }
    let entries = AclUnion::read(&listener.acls);
    let acl_use = match listener.acl_type {
        text if text.eq_ignore_ascii_case("white") => AclUse::White,
        text if text.eq_ignore_ascii_case("black") => AclUse::Black,
        _ => AclUse::Either,
    };
    if !listener.status.eq_ignore_ascii_case("on") {
        // Off would admit everything.
        return between(entries.admitted(acl_use).0, RangeSet::full());
    }
    let (lower, upper) = entries.admitted(acl_use);
    let word = match acl_use {
        // Without any entry both types forward everything, so the type need not be known.
        AclUse::Either => return between(lower, upper),
        _ if entries.unknown => return between(lower, upper),
        AclUse::White if entries.none => "listener:empty-whitelist",
        AclUse::Black if entries.none => "listener:empty-blacklist",
        AclUse::White => "listener:whitelist",
        AclUse::Black => "listener:blacklist",
    };
    exact(upper, word)
}

/// The entries of all ACLs of a listener.
struct AclUnion<A> {
    /// Entries of the family that were read.
    known: RangeSet<A>,
    /// True if there may be other entries.
    unknown: bool,
    /// True if no entry of either family is known to exist.
    none: bool,
}

impl<A: Address> AclUnion<A> {
    fn read(acls: &[AclEntries<'_>]) -> Self {
        let mut union = Self { known: RangeSet::empty(), unknown: false, none: true };
        let mut known = Vec::new();
        for acl in acls {
            let AclEntries::Read(texts) = acl else {
                union.unknown = true;
                continue;
            };
            union.none &= texts.is_empty();
            for text in texts {
                match Block::parse(text) {
                    Ok(block) => known.extend(A::of_block(block)),
                    Err(_) => union.unknown = true,
                }
            }
        }
        union.known = RangeSet::from_intervals(known);
        union
    }

    /// The least and the most that a listener with these entries admits while its ACL is on. A
    /// list without any entry forwards everything, whatever its type.
    fn admitted(&self, acl_use: AclUse) -> (RangeSet<A>, RangeSet<A>) {
        if self.none && !self.unknown {
            return (RangeSet::full(), RangeSet::full());
        }
        match acl_use {
            AclUse::White if self.unknown => (self.known.clone(), RangeSet::full()),
            AclUse::White => (self.known.clone(), self.known.clone()),
            AclUse::Black if self.unknown => (RangeSet::empty(), self.known.complement()),
            AclUse::Black => (self.known.complement(), self.known.complement()),
            AclUse::Either => (RangeSet::empty(), RangeSet::full()),
        }
    }
}
