//! Shadowed rules, rules that admit everything, and groups that are open by union.

use portcullis::{
    analysis::access::{
        Families, Group, Groups, Lists, Query, RuleView, WorldOpen, admit_everything_rules, shadowed_rules, world_open,
    },
    model::Bounds,
};

fn rule<'a>(id: &'a str, priority: &'a str, policy: &'a str, source: &'a str) -> RuleView<'a> {
    let (source_cidr, source_cidr_v6) = if source.contains(':') { ("", source) } else { (source, "") };
    RuleView {
        id,
        direction: "ingress",
        policy,
        priority,
        protocol: "TCP",
        port_range: "443/443",
        source_cidr,
        source_cidr_v6,
        ..RuleView::default()
    }
}

fn group<'a>(rules: &[RuleView<'a>]) -> Vec<Group<'a>> {
    vec![Group { id: "sg", vpc_id: "vpc", group_type: "normal", inner_access_policy: "Drop", rules: rules.to_vec() }]
}

fn shadowed(rules: &[RuleView<'_>]) -> Vec<String> {
    shadowed_rules(&group(rules), &Lists::default())
}

const NONE: [&str; 0] = [];

#[test]
fn a_rule_is_shadowed_by_stronger_ones_together() {
    let halves = [rule("a", "1", "Accept", "8.8.8.0/25"), rule("b", "2", "Drop", "8.8.8.128/25")];
    let whole = rule("c", "3", "Accept", "8.8.8.0/24");
    assert_eq!(shadowed(&[halves[0], halves[1], whole]), ["c"]);
    assert_eq!(shadowed(&[halves[0], whole]), NONE);
    // In the same priority a Drop goes first, and Accepts decide together.
    let drop = rule("d", "3", "Drop", "8.8.0.0/16");
    assert_eq!(shadowed(&[whole, drop]), ["c"]);
    assert_eq!(shadowed(&[whole, rule("e", "3", "Accept", "8.8.0.0/16")]), NONE);
}

#[test]
fn ports_protocols_and_families_keep_a_rule_alive() {
    let narrow = rule("a", "1", "Drop", "0.0.0.0/0");
    let wide = |change: fn(&mut RuleView<'static>)| {
        let mut rule = rule("b", "2", "Accept", "8.8.8.0/24");
        change(&mut rule);
        rule
    };
    assert_eq!(shadowed(&[narrow, wide(|_| {})]), ["b"]);
    assert_eq!(shadowed(&[narrow, wide(|rule| rule.port_range = "443/444")]), NONE);
    assert_eq!(shadowed(&[narrow, wide(|rule| rule.protocol = "UDP")]), NONE);
    assert_eq!(shadowed(&[narrow, wide(|rule| (rule.protocol, rule.port_range) = ("ALL", "-1/-1"))]), NONE);
    assert_eq!(shadowed(&[narrow, rule("b", "2", "Accept", "::/0")]), NONE);
    let everything = RuleView { protocol: "ALL", port_range: "-1/-1", ..narrow };
    for protocol in ["ALL", "icmp", "GRE", "132", "17"] {
        assert_eq!(shadowed(&[everything, RuleView { protocol, port_range: "-1/-1", ..wide(|_| {}) }]), ["b"]);
    }
    // A range of source ports leaves the others.
    assert_eq!(shadowed(&[RuleView { source_port_range: "1/1024", ..narrow }, wide(|_| {})]), NONE);
}

#[test]
fn doubt_never_calls_a_rule_shadowed() {
    let weak = rule("b", "2", "Accept", "8.8.8.0/24");
    for strong in [
        rule("a", "x", "Drop", "0.0.0.0/0"),
        rule("a", "1", "x", "0.0.0.0/0"),
        rule("a", "1", "Drop", "010.0.0.0/0"),
        RuleView { port_range: "443", ..rule("a", "1", "Drop", "0.0.0.0/0") },
        RuleView { dest_cidr: "10.0.0.0/24", ..rule("a", "1", "Drop", "0.0.0.0/0") },
        RuleView { source_cidr: "", source_group_id: "sg-x", ..rule("a", "1", "Drop", "") },
    ] {
        assert_eq!(shadowed(&[strong, weak]), NONE, "{strong:?}");
    }
    let strong = rule("a", "1", "Drop", "0.0.0.0/0");
    for weak in [
        rule("b", "0", "Accept", "8.8.8.0/24"),
        RuleView { source_cidr: "", source_prefix_list_id: "pl-unread", port_range: "", ..weak },
    ] {
        assert_eq!(shadowed(&[strong, weak]), NONE, "{weak:?}");
    }
    // Whatever an unread list holds, a Drop of everything in front of it decides.
    let unread = RuleView { source_cidr: "", source_prefix_list_id: "pl-unread", ..weak };
    assert_eq!(shadowed(&[strong, rule("a6", "1", "Drop", "::/0"), unread]), ["b"]);
    // Egress rules and rules that match nothing are not shadowed.
    assert_eq!(shadowed(&[strong, RuleView { direction: "egress", ..weak }]), NONE);
}

#[test]
fn rules_that_admit_everything_are_named() {
    let all = |id, source| RuleView { protocol: "ALL", port_range: "-1/-1", ..rule(id, "50", "Accept", source) };
    let rules = [
        all("all", "0.0.0.0/0"),
        RuleView { protocol: "TCP", port_range: "1/65535", ..all("tcp", "::/0") },
        RuleView { port_range: "1/65534", protocol: "TCP", ..all("most ports", "0.0.0.0/0") },
        all("half", "0.0.0.0/1"),
        RuleView { policy: "Drop", ..all("drop", "0.0.0.0/0") },
        RuleView { protocol: "icmp", ..all("icmp", "0.0.0.0/0") },
        RuleView { dest_cidr: "10.0.0.0/24", ..all("limited", "0.0.0.0/0") },
        RuleView { source_cidr: "", source_prefix_list_id: "pl-world", ..all("list", "") },
        RuleView { source_cidr: "", source_prefix_list_id: "pl-unread", ..all("unread", "") },
    ];
    let mut lists = Lists::default();
    lists.add_prefix_list("pl-world", "IPv4", ["0.0.0.0/1", "128.0.0.0/1"]);
    assert_eq!(admit_everything_rules(&group(&rules), &lists), ["all", "list", "tcp"]);
}

fn open(rules: &[RuleView<'_>]) -> WorldOpen {
    let groups = Groups { groups: group(rules), unread: false };
    world_open(&Query::internet_tcp(443, Families::Both), &groups, &Lists::default())
}

#[test]
fn the_world_by_union_is_told_from_a_single_rule() {
    let exactly = |open, by_union| WorldOpen { open: Bounds::exact(open), by_union: Bounds::exact(by_union) };
    let halves = [rule("a", "1", "Accept", "0.0.0.0/1"), rule("b", "90", "Accept", "128.0.0.0/1")];
    assert_eq!(open(&halves), exactly(true, true));
    assert_eq!(open(&halves[..1]), exactly(false, false));
    assert_eq!(open(&[rule("a", "1", "Accept", "0.0.0.0/0")]), exactly(true, false));
    assert_eq!(open(&[halves[0], halves[1], rule("c", "99", "Accept", "0.0.0.0/0")]), exactly(true, false));
    assert_eq!(open(&[halves[0], halves[1], rule("c", "1", "Drop", "8.8.8.8")]), exactly(false, false));
    assert_eq!(open(&[rule("a", "1", "Accept", "::/1"), rule("b", "1", "Accept", "8000::/1")]), exactly(true, true));
    let unsure = open(&[halves[0], RuleView { port_range: "443", ..halves[1] }]);
    assert_eq!(unsure.open, Bounds { lower: false, upper: true });
    assert_eq!(unsure.by_union, Bounds { lower: false, upper: true });
    let unread = world_open(
        &Query::internet_tcp(443, Families::Ipv4),
        &Groups { groups: group(&halves), unread: true },
        &Lists::default(),
    );
    assert_eq!(unread.open, Bounds { lower: false, upper: true });
}

/// A port range on a rule of all protocols means that port, or nothing at all: where it means the
/// port, the Drop leaves the others to the Accept. No rule names a protocol here.
#[test]
fn rules_of_all_protocols_with_a_port_shadow_nothing_for_certain() {
    let all = |rule: RuleView<'static>| RuleView { protocol: "ALL", ..rule };
    let (drop, accept) = (all(rule("a", "1", "Drop", "0.0.0.0/0")), all(rule("b", "1", "Accept", "0.0.0.0/0")));
    assert_eq!(shadowed(&[drop, accept]), NONE);
    let whole = RuleView { port_range: "-1/-1", ..drop };
    assert_eq!(shadowed(&[whole, accept]), ["b"]);
}
