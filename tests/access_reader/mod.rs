//! A literal reader of access questions: address by address, source port by source port, rule by
//! rule, as a person would read the list. It shares no code with the engine. Admission does not
//! change between two neighbouring ends of blocks, so one address of each such cell stands for all.
//!
//! [`Misreading`] holds the ways in which such lists are commonly read wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    str::FromStr,
};

use serde_json::Value;

/// A wrong reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misreading {
    SamePriorityAcceptWins,
    PriorityAsText,
    ListOrder,
    MostSpecificWins,
    UnionPerGroup,
    LastAddressExcluded,
    LastPortExcluded,
    SourcePortsIgnored,
    EmptyWhiteListDenies,
    UnresolvedIsClosed,
}

impl Misreading {
    pub const ALL: [Self; 10] = [
        Self::SamePriorityAcceptWins,
        Self::PriorityAsText,
        Self::ListOrder,
        Self::MostSpecificWins,
        Self::UnionPerGroup,
        Self::LastAddressExcluded,
        Self::LastPortExcluded,
        Self::SourcePortsIgnored,
        Self::EmptyWhiteListDenies,
        Self::UnresolvedIsClosed,
    ];
}

/// Whether a rule matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Match {
    No,
    Maybe,
    Yes,
}

fn yes(known: bool) -> Match {
    if known { Match::Yes } else { Match::No }
}

/// A block of a family (4 or 6) with its ends.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    v4: bool,
    first: u128,
    last: u128,
}

/// Reads `a.b.c.d`, `a.b.c.d/n` and the same of IPv6.
pub fn block(text: &str) -> Option<Block> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let (v4, bits, number) = match IpAddr::from_str(address).ok()? {
        IpAddr::V4(address) => (true, 32_u32, u128::from(u32::from(address))),
        IpAddr::V6(address) => (false, 128, u128::from(address)),
    };
    let length = match length {
        Some(length) => length.parse::<u32>().ok().filter(|n| *n <= bits && n.to_string() == length)?,
        None => bits,
    };
    let (mut first, mut last) = (number, number);
    for bit in 0..bits - length {
        first &= !(1 << bit);
        last |= 1 << bit;
    }
    Some(Block { v4, first, last })
}

impl Block {
    fn has(&self, v4: bool, address: u128) -> bool {
        self.v4 == v4 && self.first <= address && address <= self.last
    }
}

fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object[key].as_str().unwrap_or("")
}

fn items(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

/// Everything within a value that reads as a block: where cells may begin or end.
fn blocks_within(value: &Value, found: &mut Vec<Block>) {
    match value {
        Value::String(text) => found.extend(block(text)),
        Value::Array(list) => list.iter().for_each(|item| blocks_within(item, found)),
        Value::Object(object) => object.values().for_each(|item| blocks_within(item, found)),
        _ => {}
    }
}

/// A stretch of addresses that no block tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    pub not_v4: bool,
    pub first: u128,
    pub last: u128,
}

fn cells_of(v4: bool, blocks: &[Block]) -> Vec<Cell> {
    let max = if v4 { u128::from(u32::MAX) } else { u128::MAX };
    let mut starts = BTreeSet::from([0]);
    for block in blocks.iter().filter(|block| block.v4 == v4) {
        starts.insert(block.first);
        // The last address on its own, so that leaving it out shows.
        starts.insert(block.last);
        if block.last < max {
            starts.insert(block.last + 1);
        }
    }
    let starts: Vec<u128> = starts.into_iter().collect();
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([max]);
    starts.iter().zip(ends).map(|(first, last)| Cell { not_v4: !v4, first: *first, last }).collect()
}

/// A priority, whether it accepts, and the rule; `None` is a balancer's own accept.
type Settled<'s, 'q> = (u32, bool, Option<&'s Sight<'q>>);

/// What the reader says of a question. Each list holds cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub allowed: Vec<Cell>,
    pub residue: Vec<Cell>,
    pub residue_lower: Vec<Cell>,
    pub blame: BTreeSet<String>,
    pub fix_set: BTreeSet<String>,
    pub unresolved: BTreeSet<String>,
    /// For each name in `blame`, where it decides.
    pub decided: BTreeMap<String, BTreeSet<Cell>>,
}

/// Reads a question. `also` is anything else whose blocks must not lie across cells: the answer it
/// is to be compared with.
pub fn read(question: &Value, also: &Value, misreading: Option<Misreading>) -> Reading {
    let mut blocks = Vec::new();
    blocks_within(question, &mut blocks);
    blocks_within(also, &mut blocks);
    let family = text(&question["Query"], "AddressFamily");
    let mut reading = Reading::default();
    for v4 in [true, false] {
        if family == "both" || (family == "ipv4") == v4 {
            let reader = Reader::new(question, v4, misreading);
            for cell in cells_of(v4, &blocks) {
                reader.read_cell(cell, &mut reading);
            }
        }
    }
    reading
}

/// A reader of one family.
struct Reader<'q> {
    question: &'q Value,
    v4: bool,
    misreading: Option<Misreading>,
    port: u64,
    path: &'q str,
    source_ports: Vec<u16>,
}

/// A rule as it stands to one address and one source port.
struct Sight<'q> {
    rule: &'q Value,
    group: usize,
    matches: Match,
    /// `None`: unknown.
    accept: Option<bool>,
    /// `None`: unknown.
    priority: Option<u32>,
    priority_text: &'q str,
    /// Prefix length of the block that matched.
    specific: u32,
    order: usize,
}

impl<'q> Reader<'q> {
    fn new(question: &'q Value, v4: bool, misreading: Option<Misreading>) -> Self {
        let query = &question["Query"];
        let mut source_ports = BTreeSet::from([1, u16::MAX]);
        for group in items(&question["SecurityGroups"]) {
            for rule in items(&group["Permissions"]["Permission"]) {
                for (first, last) in ports_of(text(rule, "SourcePortRange")).unwrap_or_default() {
                    source_ports.extend([first, first.saturating_sub(1).max(1), last, last.saturating_add(1)]);
                }
            }
        }
        Self {
            question,
            v4,
            misreading,
            port: query["Port"].as_u64().expect("questions have a port"),
            path: text(query, "SourcePath"),
            source_ports: source_ports.into_iter().collect(),
        }
    }

    fn misreads(&self, misreading: Misreading) -> bool {
        self.misreading == Some(misreading)
    }

    fn in_list(&self, entries: &[Value], key: Option<&str>, address: u128) -> Match {
        let texts = || entries.iter().map(|entry| key.map_or(entry, |key| &entry[key]).as_str().unwrap_or(""));
        if texts().any(|text| self.inside(text, address) == Match::Yes) {
            return Match::Yes;
        }
        if texts().any(|text| block(text).is_none()) { Match::Maybe } else { Match::No }
    }

    fn inside(&self, text: &str, address: u128) -> Match {
        let Some(mut block) = block(text) else { return Match::Maybe };
        if self.misreads(Misreading::LastAddressExcluded) && block.first < block.last {
            block.last -= 1;
        }
        yes(block.has(self.v4, address))
    }

    fn sources(&self, rule: &Value, address: u128) -> Match {
        let (v4, v6) = (text(rule, "SourceCidrIp"), text(rule, "Ipv6SourceCidrIp"));
        let (own, other) = if self.v4 { (v4, v6) } else { (v6, v4) };
        if !own.is_empty() {
            return match block(own) {
                Some(block) if block.v4 == self.v4 => self.inside(own, address),
                _ => Match::Maybe,
            };
        }
        if !other.is_empty() {
            // A block of this family in the wrong field may be meant, and what is no block may
            // stand for anything.
            return match block(other) {
                None => Match::Maybe,
                Some(block) if block.has(self.v4, address) => Match::Maybe,
                Some(_) => Match::No,
            };
        }
        let group = text(rule, "SourceGroupId");
        if !group.is_empty() {
            if group.trim().is_empty() || group == "-" {
                return Match::Maybe;
            }
            if self.path == "internet" {
                return Match::No;
            }
            return match &self.question["SourceGroupMembers"][group] {
                Value::Array(members) => self.in_list(members, None, address),
                _ => Match::Maybe,
            };
        }
        let id = text(rule, "SourcePrefixListId");
        let list = items(&self.question["PrefixLists"]).iter().find(|list| text(list, "PrefixListId") == id);
        let Some(list) = list else { return Match::Maybe };
        let found = self.in_list(items(&list["Entries"]["Entry"]), Some("Cidr"), address);
        let other_family = if self.v4 { "IPv6" } else { "IPv4" };
        // An entry in a list that says to be of the other family: one of the two is wrong.
        if text(list, "AddressFamily") == other_family { found.min(Match::Maybe) } else { found }
    }

    fn listener_ports(&self, rule: &Value) -> Match {
        let written = text(rule, "PortRange");
        let found = if written.is_empty() {
            let id = text(rule, "PortRangeListId");
            let lists = items(&self.question["PortRangeLists"]);
            match lists.iter().find(|list| text(list, "PortRangeListId") == id) {
                None => Match::Maybe,
                Some(list) => {
                    let entries = items(&list["Entries"]["Entry"]).iter();
                    let found = entries.map(|entry| self.port_in(text(entry, "PortRange"))).collect::<Vec<_>>();
                    found.into_iter().max().unwrap_or(Match::No)
                }
            }
        } else {
            self.port_in(written)
        };
        let all = text(rule, "IpProtocol").eq_ignore_ascii_case("ALL");
        if all && found == Match::No { Match::Maybe } else { found }
    }

    fn port_in(&self, text: &str) -> Match {
        let Some(ranges) = ports_of(text) else { return Match::Maybe };
        yes(ranges.into_iter().any(|(first, last)| {
            let last = if self.misreads(Misreading::LastPortExcluded) { last.saturating_sub(1) } else { last };
            u64::from(first) <= self.port && self.port <= u64::from(last)
        }))
    }

    fn source_port(&self, rule: &Value, port: u16) -> Match {
        let written = text(rule, "SourcePortRange");
        if written.is_empty() || self.misreads(Misreading::SourcePortsIgnored) {
            return Match::Yes;
        }
        let Some(ranges) = ports_of(written) else { return Match::Maybe };
        yes(ranges.into_iter().any(|(first, last)| first <= port && port <= last))
    }

    fn destination(&self, rule: &Value) -> Match {
        let (v4, v6) = (text(rule, "DestCidrIp"), text(rule, "Ipv6DestCidrIp"));
        let (own, other) = if self.v4 { (v4, v6) } else { (v6, v4) };
        if own.is_empty() {
            return if other.is_empty() { Match::Yes } else { Match::Maybe };
        }
        let Some(limit) = block(own).filter(|block| block.v4 == self.v4) else { return Match::Maybe };
        if limit.first == 0 && limit.last == if self.v4 { u128::from(u32::MAX) } else { u128::MAX } {
            return Match::Yes;
        }
        let address = text(&self.question["DestinationIp"], if self.v4 { "IPv4" } else { "IPv6" });
        block(address).map_or(Match::Maybe, |address| yes(limit.has(self.v4, address.first)))
    }

    fn protocol(&self, rule: &Value) -> Match {
        let asked = text(&self.question["Query"], "IpProtocol").to_lowercase();
        match text(rule, "IpProtocol").to_lowercase().as_str() {
            "all" => Match::Yes,
            "tcp" | "6" => yes(asked == "tcp"),
            "udp" | "17" => yes(asked == "udp"),
            "icmp" | "icmpv6" | "gre" | "1" | "47" | "58" => Match::No,
            _ => Match::Maybe,
        }
    }

    fn interface(&self, group: &Value, rule: &Value) -> Match {
        if !text(group, "VpcId").is_empty() {
            return Match::Yes;
        }
        match (text(rule, "NicType"), self.path) {
            ("", _) | ("internet", "internet" | "any") | ("intranet", "private" | "any") => Match::Yes,
            ("internet" | "intranet", _) => Match::No,
            _ => Match::Maybe,
        }
    }

    fn sights(&self, address: u128, source_port: u16) -> Vec<Sight<'q>> {
        let mut sights = Vec::new();
        for (group_number, group) in items(&self.question["SecurityGroups"]).iter().enumerate() {
            for rule in items(&group["Permissions"]["Permission"]) {
                let direction = match text(rule, "Direction") {
                    "ingress" => Match::Yes,
                    "egress" => Match::No,
                    _ => Match::Maybe,
                };
                let matches = [
                    direction,
                    self.protocol(rule),
                    self.interface(group, rule),
                    self.destination(rule),
                    self.listener_ports(rule),
                    self.source_port(rule, source_port),
                    self.sources(rule, address),
                ];
                let accept = match text(rule, "Policy").to_lowercase().as_str() {
                    "accept" => Some(true),
                    "drop" => Some(false),
                    _ => None,
                };
                let priority_text = text(rule, "Priority");
                let priority: Option<u32> = priority_text.parse().ok();
                let source = if self.v4 { text(rule, "SourceCidrIp") } else { text(rule, "Ipv6SourceCidrIp") };
                sights.push(Sight {
                    rule,
                    group: group_number,
                    matches: matches.into_iter().min().expect("not empty"),
                    accept,
                    priority: priority.filter(|p| (1..=110).contains(p) && p.to_string() == priority_text),
                    priority_text,
                    specific: source.split_once('/').and_then(|(_, n)| n.parse().ok()).unwrap_or(32),
                    order: sights.len(),
                });
            }
        }
        sights
    }

    /// The rules as they are at one bound: `(priority, accept, sight)` of those that match.
    fn settle<'s>(&self, sights: &'s [Sight<'q>], may: bool) -> Vec<(u32, bool, &'s Sight<'q>)> {
        let may = may && !self.misreads(Misreading::UnresolvedIsClosed);
        let mut settled = Vec::new();
        for sight in sights {
            let accept = sight.accept.unwrap_or(may);
            // At the upper bound Accepts are helped, at the lower one Drops.
            let helped = accept == may;
            let known = sight.accept.is_some() && sight.priority.is_some();
            let matches = match sight.matches {
                Match::No => false,
                Match::Maybe => helped,
                Match::Yes => helped || known,
            };
            if matches {
                let priority = if known { sight.priority.unwrap_or(0) } else { 0 };
                settled.push((priority, accept, sight));
            }
        }
        settled
    }

    /// The rules that decide, best level first; empty if nothing matches.
    fn deciders<'s>(&self, settled: &[(u32, bool, &'s Sight<'q>)], nlb: bool) -> (bool, Vec<&'s Sight<'q>>, bool) {
        let mut settled: Vec<Settled<'_, 'q>> =
            settled.iter().map(|(priority, accept, sight)| (*priority, *accept, Some(*sight))).collect();
        if nlb {
            settled.retain(|(priority, accept, _)| *accept || *priority < 100);
            settled.push((100, true, None));
        }
        let best = |key: &dyn Fn(&Settled<'_, 'q>) -> String| {
            settled
                .iter()
                .map(key)
                .min()
                .map(|least| settled.iter().filter(|one| key(one) == least).collect::<Vec<_>>())
        };
        let order = |one: &Settled<'_, 'q>| one.2.map_or(usize::MAX, |sight| sight.order);
        let level = match self.misreading {
            Some(Misreading::PriorityAsText) => {
                best(&|one| one.2.map_or_else(|| "100".to_owned(), |sight| sight.priority_text.to_owned()))
            }
            Some(Misreading::ListOrder) => best(&|one| format!("{:020}", order(one))),
            Some(Misreading::MostSpecificWins) => {
                best(&|one| format!("{:03}", 200 - one.2.map_or(0, |sight| sight.specific)))
            }
            _ => best(&|one| format!("{:03}", one.0)),
        };
        let Some(level) = level else { return (false, Vec::new(), false) };
        let drops = level.iter().any(|one| !one.1);
        let accepts = level.iter().any(|one| one.1);
        let passes = if self.misreads(Misreading::SamePriorityAcceptWins) { accepts } else { !drops };
        if !passes {
            return (false, Vec::new(), false);
        }
        let hole = level.iter().any(|one| one.2.is_none());
        (true, level.into_iter().filter(|one| one.1).filter_map(|one| one.2).collect(), hole)
    }

    fn group_passes(&self, sights: &[Sight<'q>], may: bool, nlb: bool) -> bool {
        let settled = self.settle(sights, may);
        if self.misreads(Misreading::UnionPerGroup) {
            let groups = items(&self.question["SecurityGroups"]).len();
            return (0..groups).any(|group| {
                let own: Vec<_> = settled.iter().filter(|one| one.2.group == group).copied().collect();
                self.deciders(&own, nlb).0
            });
        }
        self.deciders(&settled, nlb).0
    }

    /// Whether the address reaches the interface as a member of each basic group, and the group.
    fn inner(&self, address: u128) -> Vec<(String, Match)> {
        if self.path == "internet" {
            return Vec::new();
        }
        let groups = items(&self.question["SecurityGroups"]).iter();
        groups
            .map(|group| {
                let id = text(group, "SecurityGroupId");
                let kind = match text(group, "SecurityGroupType") {
                    "normal" => Match::Yes,
                    "enterprise" => Match::No,
                    _ => Match::Maybe,
                };
                let policy = match text(group, "InnerAccessPolicy") {
                    "Accept" => Match::Yes,
                    "Drop" => Match::No,
                    _ => Match::Maybe,
                };
                let member = match &self.question["SourceGroupMembers"][id] {
                    Value::Array(members) => self.in_list(members, None, address),
                    _ => Match::Maybe,
                };
                (id.to_owned(), kind.min(policy).min(member))
            })
            .collect()
    }

    /// Whether the listener lets the address in, and the word for it.
    fn listener(&self, address: u128) -> (Match, String) {
        let listener = &self.question["Listener"];
        if listener.is_null() {
            return (Match::Maybe, "listener:unresolved".to_owned());
        }
        let status = text(listener, "AclStatus");
        if status == "off" {
            return (Match::Yes, "listener:acl-off".to_owned());
        }
        let mut known: Vec<Value> = Vec::new();
        let mut unknown = false;
        for id in items(&listener["AclIds"]["AclId"]) {
            match items(&self.question["Acls"]).iter().find(|acl| acl["AclId"] == *id) {
                Some(acl) => known.extend_from_slice(items(&acl["AclEntrys"]["AclEntry"])),
                None => unknown = true,
            }
        }
        unknown |= known.iter().any(|entry| block(text(entry, "AclEntryIP")).is_none());
        let kind = text(listener, "AclType");
        let none = known.is_empty() && !unknown;
        let listed = known.iter().any(|entry| self.inside(text(entry, "AclEntryIP"), address) == Match::Yes);
        let white = kind == "white";
        let admits = match kind {
            _ if none => yes(!(white && self.misreads(Misreading::EmptyWhiteListDenies))),
            "white" if listed => Match::Yes,
            "black" if listed => Match::No,
            "white" | "black" if unknown => Match::Maybe,
            "white" | "black" => yes(!white),
            _ => Match::Maybe,
        };
        if status != "on" {
            return (admits.max(Match::Maybe), "listener:unresolved".to_owned());
        }
        let word = match kind {
            "white" | "black" if unknown => "unresolved".to_owned(),
            "white" | "black" if none => format!("empty-{kind}list"),
            "white" | "black" => format!("{kind}list"),
            _ => "unresolved".to_owned(),
        };
        (admits, format!("listener:{word}"))
    }

    fn read_cell(&self, cell: Cell, reading: &mut Reading) {
        let address = cell.first;
        let stages = items(&self.question["Stages"]);
        let views: Vec<StageView<'q>> =
            stages.iter().map(|stage| self.stage(stage.as_str().unwrap_or(""), address)).collect();
        for view in &views {
            reading.unresolved.extend(view.unresolved.iter().cloned());
        }
        let trusted = items(&self.question["Allowlist"])
            .iter()
            .any(|entry| self.inside(entry.as_str().unwrap_or(""), address) == Match::Yes);
        if views.iter().all(|view| view.may) {
            reading.allowed.push(cell);
            if !trusted {
                reading.residue.push(cell);
            }
        }
        if !trusted && views.iter().all(|view| view.must) {
            reading.residue_lower.push(cell);
        }
        for (number, view) in views.iter().enumerate() {
            let others_admit = views.iter().enumerate().all(|(other, view)| other == number || view.may);
            if others_admit && !trusted {
                reading.blame.extend(view.blame.iter().cloned());
                reading.fix_set.extend(view.fix_set.iter().cloned());
                for name in &view.blame {
                    reading.decided.entry(name.clone()).or_default().insert(cell);
                }
            }
        }
    }

    fn stage(&self, stage: &str, address: u128) -> StageView<'q> {
        let mut view = StageView::default();
        if stage == "ListenerAcl" {
            let (admits, word) = self.listener(address);
            view.may =
                admits != Match::No && !(admits == Match::Maybe && self.misreads(Misreading::UnresolvedIsClosed));
            view.must = admits == Match::Yes;
            if word == "listener:unresolved" {
                view.unresolved.insert("listener".to_owned());
            }
            if view.may {
                view.blame.insert(word);
            }
            return view;
        }
        let nlb = stage == "NlbSecurityGroup";
        if !nlb && items(&self.question["SecurityGroups"]).is_empty() {
            view.may = !self.misreads(Misreading::UnresolvedIsClosed);
            view.unresolved.insert("securitygroups".to_owned());
            if view.may {
                view.blame.insert("securitygroups".to_owned());
            }
            return view;
        }
        for source_port in &self.source_ports {
            let mut sights = self.sights(address, *source_port);
            if nlb {
                // Drops at 100 and beyond come after the balancer's own accept.
                sights.retain(|sight| sight.accept != Some(false) || sight.priority.is_none_or(|p| p < 100));
            }
            view.may |= self.group_passes(&sights, true, nlb);
            view.must |= self.group_passes(&sights, false, nlb);
            let settled = self.settle(&sights, true);
            let (_, deciders, hole) = self.deciders(&settled, nlb);
            view.blame.extend(deciders.iter().map(|sight| text(sight.rule, "SecurityGroupRuleId").to_owned()));
            if hole {
                view.blame.insert("securitygroups".to_owned());
            }
            for (priority, _, sight) in settled.iter().filter(|one| one.1) {
                if !settled.iter().any(|(other, accept, _)| !accept && other <= priority) {
                    view.fix_set.insert(text(sight.rule, "SecurityGroupRuleId").to_owned());
                }
            }
            for sight in &sights {
                let strength_unknown = sight.accept.is_none() || sight.priority.is_none();
                if sight.matches == Match::Maybe || (sight.matches == Match::Yes && strength_unknown) {
                    view.unresolved.insert(text(sight.rule, "SecurityGroupRuleId").to_owned());
                }
            }
        }
        if !nlb {
            for (group, member) in self.inner(address) {
                let may =
                    member == Match::Yes || (member == Match::Maybe && !self.misreads(Misreading::UnresolvedIsClosed));
                view.may |= may;
                view.must |= member == Match::Yes;
                if may {
                    view.blame.insert(format!("inner:{group}"));
                }
                if member == Match::Maybe {
                    view.unresolved.insert("securitygroups".to_owned());
                }
            }
        }
        view
    }
}

#[derive(Default)]
struct StageView<'q> {
    may: bool,
    must: bool,
    blame: BTreeSet<String>,
    fix_set: BTreeSet<String>,
    unresolved: BTreeSet<String>,
    _question: std::marker::PhantomData<&'q ()>,
}

/// `a/b` and `-1/-1`, several with commas; `None` if any part is something else.
fn ports_of(text: &str) -> Option<Vec<(u16, u16)>> {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0 && port.to_string() == text);
    text.split(',')
        .map(|part| match part.split_once('/')? {
            ("-1", "-1") => Some((1, u16::MAX)),
            (first, last) => Some((port(first)?, port(last)?)).filter(|(first, last)| first <= last),
        })
        .collect()
}

/// Decimal digits of a sum of cell sizes: the whole of IPv6 does not fit any integer of ours.
pub fn count<'c>(cells: impl IntoIterator<Item = &'c Cell>) -> String {
    let mut digits: Vec<u8> = vec![0];
    for cell in cells {
        let mut carry = 0;
        let addend = (cell.last - cell.first).to_string().into_bytes();
        // last - first, and one more.
        for position in 0..digits.len().max(addend.len()) + 1 {
            if position == digits.len() {
                digits.push(0);
            }
            let own = addend.len().checked_sub(position + 1).map_or(0, |index| addend[index] - b'0');
            let sum = digits[position] + own + carry + u8::from(position == 0);
            digits[position] = sum % 10;
            carry = sum / 10;
        }
    }
    let text: String = digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect();
    let text = text.trim_start_matches('0');
    if text.is_empty() { "0".to_owned() } else { text.to_owned() }
}

/// Ranges from which nothing comes over the internet.
const RESERVED: [&str; 15] = [
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
const RESERVED_V6: [&str; 5] = ["2001:2::/48", "2001:10::/28", "2001:20::/28", "2001:db8::/32", "3fff::/20"];

fn routable(cell: &Cell) -> Vec<(u128, u128)> {
    let mut parts = vec![(cell.first, cell.last)];
    if cell.not_v4 {
        let global = block("2000::/3").expect("a block");
        parts = vec![(cell.first.max(global.first), cell.last.min(global.last))];
    }
    let reserved = RESERVED.iter().chain(&RESERVED_V6).filter_map(|text| block(text));
    for hole in reserved.filter(|block| block.v4 != cell.not_v4) {
        parts = parts
            .into_iter()
            .flat_map(|(first, last)| {
                let before = hole.first.checked_sub(1).map(|end| (first, last.min(end)));
                let after = hole.last.checked_add(1).map(|start| (first.max(start), last));
                before.into_iter().chain(after)
            })
            .filter(|(first, last)| first <= last)
            .collect();
    }
    parts.retain(|(first, last)| first <= last);
    parts
}

/// The word for a residue.
pub fn exposure(residue: &[Cell]) -> &'static str {
    if residue.iter().any(|cell| !routable(cell).is_empty()) {
        return "Public";
    }
    if residue.is_empty() { "Closed" } else { "PrivateOnly" }
}

/// The first differences between a reading and an answer in JSON, field by field.
pub fn differences(reading: &Reading, answer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let complete = reading.residue == reading.residue_lower;
    if answer["Complete"].as_bool() != Some(complete) {
        found.push(format!("Complete should be {complete}"));
    }
    let mut sets = vec![("Allowed", &reading.allowed), ("Residue", &reading.residue)];
    if complete {
        if !answer["ResidueLower"].is_null() {
            found.push("ResidueLower should be absent".to_owned());
        }
    } else {
        sets.push(("ResidueLower", &reading.residue_lower));
    }
    for (field, cells) in sets {
        let blocks: Vec<Block> = items(&answer[field]).iter().filter_map(|text| block(text.as_str()?)).collect();
        // Blocks never lie across cells, so that sizes and first addresses tell the sets apart.
        let told: Vec<Cell> =
            blocks.iter().map(|block| Cell { not_v4: !block.v4, first: block.first, last: block.last }).collect();
        let inside = cells.iter().all(|cell| blocks.iter().any(|block| block.has(!cell.not_v4, cell.first)));
        if !inside || count(&told) != count(cells) {
            found.push(format!("{field} should be {cells:?}"));
        }
    }
    if answer["ResidueCount"].as_str() != Some(&count(&reading.residue)) {
        found.push(format!("ResidueCount should be {}", count(&reading.residue)));
    }
    if answer["Exposure"].as_str() != Some(exposure(&reading.residue)) {
        found.push(format!("Exposure should be {}", exposure(&reading.residue)));
    }
    let witness_fits = match answer["Witness"].as_str().and_then(block) {
        Some(witness) => reading.residue.iter().any(|cell| {
            cell.not_v4 != witness.v4
                && routable(cell).iter().any(|(first, last)| *first <= witness.first && witness.first <= *last)
        }),
        None => exposure(&reading.residue) != "Public",
    };
    if !witness_fits {
        found.push("Witness should be routable and in the residue".to_owned());
    }
    for (field, names) in [("Blame", &reading.blame), ("FixSet", &reading.fix_set), ("Unresolved", &reading.unresolved)]
    {
        let told: Vec<&str> = items(&answer[field]).iter().filter_map(Value::as_str).collect();
        if !names.iter().map(String::as_str).eq(told.iter().copied()) {
            found.push(format!("{field} should be {names:?}"));
        }
    }
    found
}
