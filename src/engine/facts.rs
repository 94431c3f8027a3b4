//! The facts that rules may use: one documented function each.
//!
//! A fact is a function of what `analysis` said of a subject. Facts marked *bounded* have two
//! values where something could not be read: at the lower end what is certain, at the upper end
//! what is possible; the upper end is the more harmful one. Conditions are evaluated at both.
//! The doc comments here are the fact reference in docs/rules.md.

use std::collections::{BTreeMap, BTreeSet};

mod input;
mod staleness;

pub(super) use self::input::inputs;

use ipnet::IpNet;

use super::{
    SubjectKind,
    template::{escape, list},
};
use crate::model::{
    AccessRow, AclJudgement, Endpoint, EndpointJudgement, EndpointKind, Exposure, Family, Need, PortVerdict,
    ResourceJudgement, SecurityGroupJudgement, Shared, Sign, UnclaimedBalancerJudgement, cause_in_words,
};

/// Which end of what could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// What is certain.
    Lower,
    /// What is possible.
    Upper,
}

impl End {
    pub(super) const BOTH: [Self; 2] = [Self::Lower, Self::Upper];

    fn of<T: Clone>(self, bounds: &crate::model::Bounds<T>) -> T {
        match self {
            Self::Lower => bounds.lower.clone(),
            Self::Upper => bounds.upper.clone(),
        }
    }
}

/// The type of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FactType {
    Bool,
    Int,
    Text,
    /// A text out of a fixed list.
    Word(&'static [&'static str]),
    Texts,
    /// Text of any length, which messages show whole.
    Whole,
    /// Texts out of a fixed list.
    Words(&'static [&'static str]),
    Ints,
    /// Text to text.
    Map,
    /// Records with the members of [`PORT_MEMBERS`].
    Ports,
}

impl FactType {
    /// The type in the words of the reference.
    pub(super) fn describe(&self) -> String {
        let words = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Int => "number".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Word(list) => format!("one of {}", words(list)),
            Self::Texts => "list of texts".to_owned(),
            Self::Whole => "text, shown whole".to_owned(),
            Self::Words(list) => format!("list of {}", words(list)),
            Self::Ints => "list of numbers".to_owned(),
            Self::Map => "map of text to text".to_owned(),
            Self::Ports => "list of ports".to_owned(),
        }
    }

    /// True for lists of texts, which evidence is made of.
    pub(super) fn is_texts(&self) -> bool {
        matches!(self, Self::Texts | Self::Words(_))
    }
}

/// The value of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FactValue {
    Bool(bool),
    Int(i64),
    Text(String),
    Texts(Vec<String>),
    /// Made by the program and escaped: shown as it is.
    Whole(String),
    Ints(Vec<i64>),
    Map(BTreeMap<String, String>),
    Ports(Vec<PortFact>),
}

/// One listener port and family of an endpoint, as conditions see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PortFact {
    pub(super) protocol: String,
    pub(super) port: i64,
    pub(super) family: String,
    /// The verdict at the end that is looked at; never `unknown`.
    pub(super) verdict: String,
    /// The verdict that is reported; `unknown` where the ends differ.
    pub(super) reported: String,
    pub(super) untrusted: Vec<String>,
    pub(super) witness: String,
}

impl PortFact {
    /// `tcp/15011 over IPv4`
    pub(super) fn name(&self) -> String {
        let family = if self.family == Family::Ipv6.as_str() { "IPv6" } else { "IPv4" };
        format!("{}/{} over {family}", escape(&self.protocol), self.port)
    }
}

/// The members of a port: name, type, meaning.
pub(super) const PORT_MEMBERS: &[(&str, FactType, &str)] = &[
    ("protocol", FactType::Word(&["tcp", "udp"]), "The protocol of the listener."),
    ("port", FactType::Int, "The port of the listener."),
    ("family", FactType::Word(&["ipv4", "ipv6"]), "The address family; each has a row of its own."),
    (
        "verdict",
        FactType::Word(VERDICTS_AT_AN_END),
        "Who can reach it, at the end that is looked at: `open` from untrusted internet addresses, `unverified` where \
         only a gate that nobody documents as effective stands in the way, `private-only` from private or reserved \
         addresses only, `restricted` from trusted addresses only.",
    ),
    ("reported", FactType::Word(VERDICTS), "The verdict as reported: `unknown` where the two ends differ."),
    ("untrusted", FactType::Texts, "The untrusted sources that the enforced gates admit, as address ranges."),
    ("witness", FactType::Text, "One untrusted internet address that gets in; empty where there is none."),
];

const ENDPOINT_KINDS: &[&str] = &["istio-pilot", "istio-pilot-canary", "mesh-api-server", "cluster-api-server"];
const EXPOSURES: &[&str] = &["exposed", "private", "unknown"];
const SIGNS: &[&str] = &[
    "public-flag",
    "public-endpoint",
    "eip-id",
    "eip-on-load-balancer",
    "internet-load-balancer",
    "nlb-public-address",
    "ipv6-address",
];
const VERDICTS_AT_AN_END: &[&str] = &["restricted", "private-only", "unverified", "open"];
const VERDICTS: &[&str] = &["restricted", "private-only", "unverified", "open", "unknown"];
const ENFORCEMENTS: &[&str] = &["enforced", "unverified", "ineffective"];
const STALENESS: &[&str] = &["required", "stale", "orphaned", "unknown", "not-exposed"];

/// An elastic IP through which something is exposed: gathered from what was said of endpoints and
/// balancers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EipUse {
    pub(super) account_id: crate::model::AccountId,
    pub(super) region_id: crate::model::RegionId,
    pub(super) eip_id: String,
    pub(super) addresses: BTreeSet<String>,
    pub(super) endpoints: BTreeSet<String>,
    pub(super) unclaimed_balancers: BTreeSet<String>,
}

/// One subject with what is said of it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Judged<'a> {
    Endpoint(&'a EndpointJudgement),
    SecurityGroup(&'a SecurityGroupJudgement),
    Acl(&'a AclJudgement),
    LoadBalancer(&'a UnclaimedBalancerJudgement),
    Eip(&'a EipUse),
    Resource(&'a ResourceJudgement),
}

/// How a fact is read off a subject.
#[derive(Clone, Copy)]
enum Read {
    Endpoint(fn(&EndpointJudgement, End) -> FactValue),
    SecurityGroup(fn(&SecurityGroupJudgement, End) -> FactValue),
    Acl(fn(&AclJudgement, End) -> FactValue),
    LoadBalancer(fn(&UnclaimedBalancerJudgement, End) -> FactValue),
    Eip(fn(&EipUse, End) -> FactValue),
    Resource(fn(&ResourceJudgement, End) -> FactValue),
}

/// A fact: name, type, meaning, function.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) ty: FactType,
    /// True if its two ends may differ.
    pub(super) bounded: bool,
    pub(super) doc: &'static str,
    read: Read,
}

impl Fact {
    /// The fact of a subject at one end; `None` if the subject is of another kind.
    pub(super) fn read(&self, judged: Judged<'_>, end: End) -> Option<FactValue> {
        Some(match (self.read, judged) {
            (Read::Endpoint(read), Judged::Endpoint(item)) => read(item, end),
            (Read::SecurityGroup(read), Judged::SecurityGroup(item)) => read(item, end),
            (Read::Acl(read), Judged::Acl(item)) => read(item, end),
            (Read::LoadBalancer(read), Judged::LoadBalancer(item)) => read(item, end),
            (Read::Eip(read), Judged::Eip(item)) => read(item, end),
            (Read::Resource(read), Judged::Resource(item)) => read(item, end),
            _ => return None,
        })
    }
}

/// The facts of one kind of subject.
#[derive(Clone, Copy)]
pub(super) struct FactTable {
    pub(super) subject: SubjectKind,
    pub(super) facts: &'static [Fact],
}

impl FactTable {
    /// The facts that rules about `subject` may use.
    pub(super) fn of(subject: SubjectKind) -> Self {
        let facts = match subject {
            SubjectKind::Endpoint => ENDPOINT,
            SubjectKind::SecurityGroup => SECURITY_GROUP,
            SubjectKind::Acl => ACL,
            SubjectKind::LoadBalancer => LOAD_BALANCER,
            SubjectKind::Eip => EIP,
            SubjectKind::Mesh | SubjectKind::Cluster => RESOURCE,
        };
        Self { subject, facts }
    }

    /// The fact of that name.
    pub(super) fn get(self, name: &str) -> Option<&'static Fact> {
        self.facts.iter().find(|fact| fact.name == name)
    }

    /// The fact of that name, or a sentence that names the nearest one.
    pub(super) fn require(self, name: &str) -> Result<&'static Fact, String> {
        self.get(name).ok_or_else(|| {
            let names = self.facts.iter().map(|fact| fact.name);
            format!("there is no fact `{}` about this subject ({}){}", escape(name), self.subject, nearest(name, names))
        })
    }
}

/// `; did you mean …?` where a name is near enough.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    names
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .map(|(_, candidate)| format!("; did you mean `{candidate}`?"))
        .unwrap_or_default()
}

/// Declares the table of one kind of subject: doc comment, type in brackets, name, value.
macro_rules! facts {
    ($table:ident, $kind:ident($subject:ty): $(
        $(#[doc = $doc:literal])+
        [$ty:expr $(, $bounded:ident)?] $name:ident($item:pat, $end:pat) => $value:expr;
    )+) => {
        const $table: &[Fact] = &[$(Fact {
            name: stringify!($name),
            ty: $ty,
            bounded: facts!(@bounded $($bounded)?),
            doc: concat!($($doc),+),
            read: Read::$kind(|$item: &$subject, $end: End| FactValue::from($value)),
        }),+];
    };
    (@bounded) => { false };
    (@bounded bounded) => { true };
}

facts! { ENDPOINT, Endpoint(EndpointJudgement):
    /// The endpoint in words, for messages: kind, resource, name and region.
    [FactType::Text] subject(e, _) => endpoint_in_words(e);
    /// Which entrance it is.
    [FactType::Word(ENDPOINT_KINDS)] kind(e, _) => e.endpoint.kind.as_str();
    /// The account that owns it.
    [FactType::Text] account_id(e, _) => e.endpoint.account_id.as_str();
    /// The region it is in.
    [FactType::Text] region_id(e, _) => e.endpoint.region_id.as_str();
    /// `mesh` or `cluster`.
    [FactType::Word(&["mesh", "cluster"])] resource_kind(e, _) => e.endpoint.resource_kind.as_str();
    /// The id of its mesh or cluster.
    [FactType::Text] resource_id(e, _) => e.endpoint.resource_id.as_str();
    /// The name of its mesh or cluster.
    [FactType::Text] resource_name(e, _) => e.resource_name.as_str();
    /// The tags of its mesh or cluster.
    [FactType::Map] tags(e, _) => e.tags.clone();
    /// Whether the internet can address it, as reported.
    [FactType::Word(EXPOSURES)] exposure(e, _) => e.exposure.as_str();
    /// The internet can address it: true at the upper end where that could not be read.
    [FactType::Bool, bounded] exposed(e, end) => match e.exposure {
        Exposure::Exposed => true,
        Exposure::Private => false,
        Exposure::Unknown => end == End::Upper,
    };
    /// What shows that it is public, each sign from a source of its own.
    [FactType::Words(SIGNS)] signs(e, _) => e.signs.iter().map(|sign| sign.as_str().to_owned()).collect::<Vec<_>>();
    /// Where one source says public and another denies it, one sentence each.
    [FactType::Texts] contradictions(e, _) => e.contradictions.clone();
    /// What could not be read and would decide, one sentence each.
    [FactType::Texts] unread(e, _) => unread(e);
    /// Its public address; empty where there is none.
    [FactType::Text] public_address(e, _) => e.public_address.clone();
    /// Its private address; empty where it was not read.
    [FactType::Text] private_address(e, _) => e.private_address.clone();
    /// The EIP that exposes it; empty where there is none.
    [FactType::Text] eip_id(e, _) => e.eip_id.as_ref().map(|id| id.as_str().to_owned());
    /// The EIP that the product itself names as bound; empty where it names none.
    [FactType::Text] product_eip_id(e, _) => e.product_eip_id.as_ref().map(|id| id.as_str().to_owned());
    /// The balancer in front; empty where it was not read.
    [FactType::Text] load_balancer_id(e, _) => e.load_balancer_id.as_ref().map(|id| id.as_str().to_owned());
    /// An EIP is bound to the balancer that the product does not know of: it names another, or
    /// it shows no public endpoint at all. False at the lower end where its word was not read.
    [FactType::Bool, bounded] eip_unknown_to_product(e, end) =>
        eip_unknown_to_product(e) && (end == End::Upper || !e.contradictions.is_empty());
    /// One entry per listener port and address family with a public address. Empty unless the
    /// endpoint is exposed.
    [FactType::Ports, bounded] ports(e, end) => ports(e, end, |_| true);
    /// Some port is open: untrusted internet addresses pass every gate. True at the upper end
    /// where exposure or who can reach it could not be read.
    [FactType::Bool, bounded] open_to_untrusted(e, end) => match end {
        End::Lower => e.access.iter().any(|row| verdict_at(row, end) == PortVerdict::Open),
        End::Upper => {
            undecided(e) || e.access.iter().any(|row| verdict_at(row, end) == PortVerdict::Open)
        }
    };
    /// On some port, untrusted internet addresses pass every documented gate, and only a gate
    /// that nobody documents as effective stands in the way.
    [FactType::Bool, bounded] unverified_gate_only(e, end) =>
        e.access.iter().any(|row| settled_as(row, PortVerdict::Unverified, end));
    /// Some port can be reached from private or reserved addresses outside the trusted set, and
    /// from no internet address outside it.
    [FactType::Bool, bounded] private_sources_only(e, end) =>
        e.access.iter().any(|row| settled_as(row, PortVerdict::PrivateOnly, end));
    /// The ports that are open.
    [FactType::Ports, bounded] open_ports(e, end) => ports(e, end, |verdict| verdict == PortVerdict::Open);
    /// The ports behind a gate that nobody documents as effective, and nothing else.
    [FactType::Ports, bounded] unverified_ports(e, end) => ports(e, end, |verdict| verdict == PortVerdict::Unverified);
    /// The ports that only private or reserved addresses outside the trusted set can reach.
    [FactType::Ports, bounded] private_ports(e, end) => ports(e, end, |verdict| verdict == PortVerdict::PrivateOnly);
    /// Untrusted sources that the enforced gates of any port admit, as address ranges.
    [FactType::Texts, bounded] untrusted(e, end) => untrusted(e, end, |_| true);
    /// The untrusted sources of the ports that are open.
    [FactType::Texts, bounded] open_sources(e, end) => untrusted(e, end, |verdict| verdict == PortVerdict::Open);
    /// The untrusted sources that only a gate that nobody documents as effective keeps out.
    [FactType::Texts, bounded] unverified_sources(e, end) =>
        untrusted(e, end, |verdict| verdict == PortVerdict::Unverified);
    /// The untrusted sources of the ports that only private or reserved addresses can reach.
    [FactType::Texts, bounded] private_sources(e, end) =>
        untrusted(e, end, |verdict| verdict == PortVerdict::PrivateOnly);
    /// One untrusted internet address that gets in; empty where there is none.
    [FactType::Text, bounded] witness(e, end) => {
        let mut open = e.access.iter().filter(|row| verdict_at(row, end) == PortVerdict::Open);
        open.find_map(|row| row.witness).map(|address| address.to_string())
    };
    /// The rules and holes that let untrusted sources in.
    [FactType::Texts, bounded] blame(e, end) => {
        union(e.access.iter().filter(|row| !residue_at(row, end).is_empty()).map(|row| &row.blame))
    };
    /// The rules to delete: each of them lets some untrusted source in on its own.
    [FactType::Texts] fix_set(e, _) => union(e.access.iter().map(|row| &row.fix_set));
    /// One sentence per gate: what it is, whether it counts, what it does.
    [FactType::Texts] gates(e, _) => gates(e);
    /// One sentence per port and family: verdict, sources, witness, rules to blame.
    [FactType::Texts] access_report(e, _) => e.access.iter().map(row_in_words).collect::<Vec<_>>();
    /// Whether the public path is still needed. Facts about that are never bounded: where it is
    /// unknown, nothing is said.
    [FactType::Word(STALENESS)] staleness(e, _) => e.staleness.verdict.as_str();
    /// Why the public path is or is not needed.
    [FactType::Text] staleness_reason(e, _) => e.staleness.reason.as_str();
    /// How sure that is, in percent.
    [FactType::Int] staleness_confidence(e, _) => i64::from(e.staleness.confidence_percent);
    /// The public path can go, but taking it away now would cut traffic that has yet to move.
    [FactType::Bool] after_migration(e, _) => e.staleness.after_migration;
    /// One sentence per consumer: who it is, whether it needs the public path, why.
    [FactType::Texts] consumers(e, _) => staleness::consumers(e);
    /// The consumers that need the public path, by kind and id.
    [FactType::Texts] needed_consumers(e, _) => staleness::with_need(e, Need::Needed);
    /// The consumers that use the public path although they have a private one, by kind and id.
    [FactType::Texts] misrouted_consumers(e, _) => staleness::with_need(e, Need::Misrouted);
    /// Reads and logs that would decide whether the public path is needed, one sentence each.
    [FactType::Texts] deciding(e, _) => e.staleness.deciding.clone();
    /// The smallest allowlist that would still serve the consumers that need the public path.
    [FactType::Texts] proposed_allowlist(e, _) => nets(&e.staleness.proposed_allowlist);
    /// That allowlist holds every address of every consumer that needs the public path.
    [FactType::Bool] proposal_complete(e, _) => e.staleness.proposal_complete;
    /// What to know before that allowlist is put in force, one sentence each, and the commands of
    /// the vendor's tool that would do it, one a line. Nothing runs them.
    [FactType::Whole] narrowing(e, _) => FactValue::Whole(staleness::narrowing(e));
    /// Sources seen in logs that are none of the consumers: address, first and last time, volume.
    [FactType::Texts] unexpected_clients(e, _) => staleness::unexpected(e);
    /// Consumers that ought to be in the logs and are not.
    [FactType::Texts] silent_consumers(e, _) => e.staleness.silent.clone();
    /// Requests without an authenticated user came from the internet.
    [FactType::Bool] probed(e, _) => e.staleness.probed;
    /// Traffic passes the public address, untrusted sources get in, and no log tells use from scanning.
    [FactType::Bool] unattributed_traffic(e, _) => e.staleness.unattributed;
    /// Where the platform's own opinion contradicts what was found, one sentence each.
    [FactType::Texts] platform_disagrees(e, _) => e.staleness.platform_disagrees.clone();
    /// What would have to change for the nearest private path of each consumer to open: consumer
    /// and step.
    [FactType::Texts] steps(e, _) => staleness::steps(e, |_| true);
    /// The steps of consumers whose private path is blocked and exactly one change away.
    [FactType::Texts] one_step_away(e, _) => staleness::steps(e, staleness::is_one_step_away);
    /// An open port admits untrusted internet addresses that are none of those in the proposed allowlist.
    [FactType::Bool, bounded] open_beyond_need(e, end) => staleness::open_beyond_need(e, |row| residue_at(row, end));
    /// The public path is needed, and every port is known to admit no untrusted internet address.
    [FactType::Bool] required_and_fenced(e, _) => staleness::required_and_fenced(e);
    /// Who bound the EIP, when, from where and with which operation; empty where the audit trail
    /// does not say.
    [FactType::Text] bound_by(e, _) => e.bound_by.as_ref().map(staleness::binding);
}

facts! { SECURITY_GROUP, SecurityGroup(SecurityGroupJudgement):
    /// The group in words, for messages: id, name and region.
    [FactType::Text] subject(g, _) => named("security group", &g.security_group_id, &g.name, g.region_id.as_str());
    /// The account that owns it.
    [FactType::Text] account_id(g, _) => g.account_id.as_str();
    /// The region it is in.
    [FactType::Text] region_id(g, _) => g.region_id.as_str();
    /// Its id.
    [FactType::Text] security_group_id(g, _) => g.security_group_id.as_str();
    /// Its name.
    [FactType::Text] name(g, _) => g.name.as_str();
    /// Its tags.
    [FactType::Map] tags(g, _) => g.tags.clone();
    /// The ids of the exposed endpoints it stands in front of.
    [FactType::Texts] endpoints(g, _) => g.endpoints.clone();
    /// Whether it counts there: the vendor documents that it filters this traffic (`enforced`),
    /// nobody documents it (`unverified`), or the vendor says that it does not (`ineffective`).
    [FactType::Word(ENFORCEMENTS)] enforcement(g, _) => g.enforcement.as_str();
    /// On the ports of those endpoints it admits an internet address outside the trusted set.
    [FactType::Bool, bounded] admits_untrusted(g, end) => end.of(&g.admits_untrusted);
    /// On those ports it admits every address of a family.
    [FactType::Bool, bounded] world_open(g, end) => end.of(&g.world_open);
    /// It admits every address of a family although no single rule names the whole of it.
    [FactType::Bool, bounded] world_open_by_union(g, end) => end.of(&g.world_open_by_union);
    /// The untrusted sources it admits on those ports, as address ranges.
    [FactType::Texts] untrusted(g, _) => nets(&g.untrusted);
    /// Rules that never decide anything, because others always decide before them.
    [FactType::Texts] shadowed_rules(g, _) => g.shadowed_rules.clone();
    /// Accept rules that admit a whole address family on all ports.
    [FactType::Texts] admit_everything_rules(g, _) => g.admit_everything_rules.clone();
    /// The rules that let untrusted sources in.
    [FactType::Texts] blame(g, _) => g.blame.clone();
    /// What its rules refer to and could not be read.
    [FactType::Texts] unresolved(g, _) => g.unresolved.clone();
}

facts! { ACL, Acl(AclJudgement):
    /// The list in words, for messages: id, name and region.
    [FactType::Text] subject(a, _) => acl_in_words(a);
    /// The account that owns it.
    [FactType::Text] account_id(a, _) => a.account_id.as_str();
    /// The region it is in.
    [FactType::Text] region_id(a, _) => a.region_id.as_str();
    /// Its id; balancer and port where a listener has its ACL switched on without naming one.
    [FactType::Text] acl_id(a, _) => a.acl_id.as_str();
    /// Its name.
    [FactType::Text] name(a, _) => a.name.as_str();
    /// The ids of the exposed endpoints it stands in front of.
    [FactType::Texts] endpoints(a, _) => a.endpoints.clone();
    /// Balancer and port of every listener that uses it.
    [FactType::Texts] listeners(a, _) => a.listeners.clone();
    /// Some listener has its ACL switched on, and all lists it uses are empty: everything passes.
    [FactType::Bool, bounded] enabled_but_empty(a, end) => end.of(&a.enabled_but_empty);
    /// Some listener uses it as black list.
    [FactType::Bool] black_list(a, _) => a.black_list;
    /// As white list it admits an internet address outside the trusted set.
    [FactType::Bool, bounded] admits_untrusted(a, end) => end.of(&a.admits_untrusted);
    /// The untrusted sources it admits, as address ranges.
    [FactType::Texts] untrusted(a, _) => nets(&a.untrusted);
    /// Ranges that the vendor requires in a white list in front of an ACK API server and that
    /// are missing.
    [FactType::Texts] missing_required(a, _) => nets(&a.missing_required);
    /// Entries that could not be understood.
    [FactType::Texts] unresolved(a, _) => a.unresolved.clone();
}

facts! { LOAD_BALANCER, LoadBalancer(UnclaimedBalancerJudgement):
    /// The balancer in words, for messages: id, name and region.
    [FactType::Text] subject(b, _) => named("load balancer", &b.load_balancer_id, &b.name, b.region_id.as_str());
    /// The account that owns it.
    [FactType::Text] account_id(b, _) => b.account_id.as_str();
    /// The region it is in.
    [FactType::Text] region_id(b, _) => b.region_id.as_str();
    /// Its id.
    [FactType::Text] load_balancer_id(b, _) => b.load_balancer_id.as_str();
    /// Its name.
    [FactType::Text] name(b, _) => b.name.as_str();
    /// Its tags.
    [FactType::Map] tags(b, _) => b.tags.clone();
    /// Its public address.
    [FactType::Text] public_address(b, _) => b.public_address.as_str();
    /// The EIP bound to it; empty where there is none.
    [FactType::Text] eip_id(b, _) => b.eip_id.as_ref().map(|id| id.as_str().to_owned());
    /// Its listener ports that control planes use, or that forward to such a port.
    [FactType::Ints] control_plane_ports(b, _) =>
        b.control_plane_ports.iter().map(|port| i64::from(*port)).collect::<Vec<_>>();
    /// It looks like the balancer of a control plane.
    [FactType::Bool, bounded] looks_like_control_plane(b, end) => end.of(&b.looks_like_control_plane);
}

facts! { EIP, Eip(EipUse):
    /// The EIP in words, for messages: id and region.
    [FactType::Text] subject(i, _) => named("EIP", &i.eip_id, "", i.region_id.as_str());
    /// The account that owns it.
    [FactType::Text] account_id(i, _) => i.account_id.as_str();
    /// The region it is in.
    [FactType::Text] region_id(i, _) => i.region_id.as_str();
    /// Its id.
    [FactType::Text] eip_id(i, _) => i.eip_id.as_str();
    /// Its addresses.
    [FactType::Texts] addresses(i, _) => i.addresses.iter().cloned().collect::<Vec<_>>();
    /// The ids of the endpoints that it exposes.
    [FactType::Texts] endpoints(i, _) => i.endpoints.iter().cloned().collect::<Vec<_>>();
    /// Balancers that it exposes, that look like a control plane and that nobody claims.
    [FactType::Texts] unclaimed_balancers(i, _) => i.unclaimed_balancers.iter().cloned().collect::<Vec<_>>();
}

facts! { RESOURCE, Resource(ResourceJudgement):
    /// The mesh or cluster in words, for messages: kind, id, name and region.
    [FactType::Text] subject(r, _) =>
        named(r.resource_kind.as_str(), &r.resource_id, &r.name, r.region_id.as_str());
    /// The account that owns it.
    [FactType::Text] account_id(r, _) => r.account_id.as_str();
    /// The region it is in.
    [FactType::Text] region_id(r, _) => r.region_id.as_str();
    /// Its id.
    [FactType::Text] resource_id(r, _) => r.resource_id.as_str();
    /// Its name.
    [FactType::Text] name(r, _) => r.name.as_str();
    /// Its tags.
    [FactType::Map] tags(r, _) => r.tags.clone();
    /// Its state, in the product's words, such as `running`.
    [FactType::Text] state(r, _) => r.state.as_str();
    /// Some endpoint of it is exposed.
    [FactType::Bool, bounded] exposed(r, end) => end.of(&r.exposed);
    /// The mesh's audit log is switched on. Always true for clusters, whose switch is not read.
    [FactType::Bool, bounded] audit_enabled(r, end) => end.of(&r.audit_enabled);
}

/// The verdict of a port at one end. Where the verdict is unknown although the ends agree, the
/// judgement knows of something that the ends do not show: anything is possible then.
fn verdict_at(row: &AccessRow, end: End) -> PortVerdict {
    let bounds = &row.verdict_bounds;
    let hidden = row.verdict == PortVerdict::Unknown && bounds.is_exact();
    let verdict = if hidden { PortVerdict::Unknown } else { end.of(bounds) };
    match (verdict, end) {
        (PortVerdict::Unknown, End::Lower) => PortVerdict::Restricted,
        (PortVerdict::Unknown, End::Upper) => PortVerdict::Open,
        _ => verdict,
    }
}

/// True if the port's verdict is at worst `verdict`; at the lower end only if it is exactly that.
/// A port that may be worse is not counted: the rule about the worse verdict speaks of it.
fn settled_as(row: &AccessRow, verdict: PortVerdict, end: End) -> bool {
    let worst = verdict_at(row, End::Upper) == verdict;
    match end {
        End::Lower => worst && verdict_at(row, End::Lower) == verdict,
        End::Upper => worst,
    }
}

/// Exposure is not known, or it is known and nothing is said of any port.
fn undecided(e: &EndpointJudgement) -> bool {
    match e.exposure {
        Exposure::Unknown => true,
        Exposure::Exposed => e.access.is_empty(),
        Exposure::Private => false,
    }
}

/// Whether the product's word was read at all shows in the contradictions: a product that was read
/// and denies what the EIP inventory affirms leaves one.
fn eip_unknown_to_product(e: &EndpointJudgement) -> bool {
    if !e.signs.contains(&Sign::EipOnLoadBalancer) {
        return false;
    }
    match (&e.product_eip_id, &e.eip_id) {
        (Some(product), Some(bound)) => product != bound,
        (Some(_), None) => false,
        // A cluster's flag says how it was created, not what is bound today.
        (None, _) => {
            let flag = e.signs.contains(&Sign::PublicFlag) && e.endpoint.kind != EndpointKind::ClusterApiServer;
            !flag && !e.signs.contains(&Sign::PublicEndpoint)
        }
    }
}

fn ports(e: &EndpointJudgement, end: End, wanted: impl Fn(PortVerdict) -> bool) -> Vec<PortFact> {
    e.access
        .iter()
        .filter(|row| wanted(verdict_at(row, end)))
        .map(|row| PortFact {
            protocol: row.protocol.clone(),
            port: row.port.into(),
            family: row.family.as_str().to_owned(),
            verdict: verdict_at(row, end).as_str().to_owned(),
            reported: row.verdict.as_str().to_owned(),
            untrusted: nets(residue_at(row, end)),
            witness: row.witness.map(|address| address.to_string()).unwrap_or_default(),
        })
        .collect()
}

fn residue_at(row: &AccessRow, end: End) -> &[IpNet] {
    match end {
        End::Lower => &row.untrusted_lower,
        End::Upper => &row.untrusted,
    }
}

fn untrusted(e: &EndpointJudgement, end: End, wanted: impl Fn(PortVerdict) -> bool) -> Vec<String> {
    let rows = e.access.iter().filter(|row| wanted(verdict_at(row, end)));
    let all: BTreeSet<IpNet> = rows.flat_map(|row| residue_at(row, end)).copied().collect();
    let all: Vec<IpNet> = all.into_iter().collect();
    nets(&IpNet::aggregate(&all))
}

fn union<'a>(lists: impl Iterator<Item = &'a Shared<String>>) -> Vec<String> {
    lists.flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

fn nets(nets: &[IpNet]) -> Vec<String> {
    nets.iter().map(IpNet::to_string).collect()
}

/// `security group sg-1 "web" in cn-hangzhou`
fn named(kind: &str, id: &str, name: &str, region: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!(" \"{}\"", escape(name)) };
    let region = if region.is_empty() { String::new() } else { format!(" in {region}") };
    format!("{kind} {id}{name}{region}")
}

fn endpoint_in_words(e: &EndpointJudgement) -> String {
    let Endpoint { resource_kind, resource_id, region_id, kind, .. } = &e.endpoint;
    let entrance = match kind {
        EndpointKind::IstioPilot => "Istio Pilot",
        EndpointKind::IstioPilotCanary => "canary Istio Pilot",
        EndpointKind::MeshApiServer | EndpointKind::ClusterApiServer => "API server",
    };
    format!("{entrance} of {}", named(resource_kind.as_str(), resource_id, &e.resource_name, region_id.as_str()))
}

fn acl_in_words(a: &AclJudgement) -> String {
    match a.resource_kind {
        crate::model::ResourceKind::Acl => named("access control list", &a.acl_id, &a.name, a.region_id.as_str()),
        _ => named("listener", &a.acl_id, &a.name, a.region_id.as_str()),
    }
}

/// What the judgement names, and the gates that leave a port undecided.
fn unread(e: &EndpointJudgement) -> Vec<String> {
    let mut sentences: BTreeSet<String> = e.unread.iter().cloned().collect();
    for row in e.access.iter().filter(|row| row.verdict == PortVerdict::Unknown) {
        let incomplete: Vec<_> = row.gates.iter().filter(|gate| !gate.complete).collect();
        if incomplete.is_empty() {
            sentences.insert(format!("what filters {}/{} could not be read whole", escape(&row.protocol), row.port));
        }
        sentences.extend(incomplete.iter().map(|gate| format!("{} {} could not be read whole", gate.kind, gate.id)));
    }
    if e.exposure == Exposure::Exposed && e.access.is_empty() {
        // Its listeners were read: without them there would be a row for the port that it names.
        let balancer =
            e.load_balancer_id.as_ref().map_or_else(String::new, |id| format!(" of {}", escape(id.as_str())));
        sentences.insert(format!(
            "no port, since none of the listeners{balancer} is running; one that is started there opens the way"
        ));
    }
    sentences.into_iter().collect()
}

fn gates(e: &EndpointJudgement) -> Vec<String> {
    let mut sentences = BTreeSet::new();
    for gate in e.access.iter().flat_map(|row| &row.gates) {
        let note = if gate.note.is_empty() { String::new() } else { format!(": {}", escape(&gate.note)) };
        let complete = if gate.complete { "" } else { ", not read whole" };
        sentences.insert(format!("{} {} ({}{complete}){note}", gate.kind, gate.id, gate.enforcement));
    }
    sentences.into_iter().collect()
}

/// `tcp/15011 over IPv4 is open to 0.0.0.0/0, for example 1.0.0.1; decided by sgr-1`
fn row_in_words(row: &AccessRow) -> String {
    let family = if row.family == Family::Ipv6 { "IPv6" } else { "IPv4" };
    let mut text = format!("{}/{} over {family} is {}", escape(&row.protocol), row.port, row.verdict);
    if !row.untrusted.is_empty() {
        let certainty = if row.complete { "" } else { "at most " };
        text.push_str(&format!(": untrusted sources {certainty}{}", list(nets(&row.untrusted).into_iter())));
    }
    if let Some(witness) = row.witness {
        text.push_str(&format!(", for example {witness}"));
    }
    if !row.blame.is_empty() {
        text.push_str(&format!("; decided by {}", list(row.blame.iter().map(|id| escape(&cause_in_words(id))))));
    }
    text
}

impl From<bool> for FactValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for FactValue {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for FactValue {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for FactValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

/// A text that may be missing is empty then.
impl From<Option<String>> for FactValue {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.unwrap_or_default())
    }
}

impl From<Vec<String>> for FactValue {
    fn from(value: Vec<String>) -> Self {
        Self::Texts(value)
    }
}

impl From<Vec<i64>> for FactValue {
    fn from(value: Vec<i64>) -> Self {
        Self::Ints(value)
    }
}

impl From<BTreeMap<String, String>> for FactValue {
    fn from(value: BTreeMap<String, String>) -> Self {
        Self::Map(value)
    }
}

impl From<Vec<PortFact>> for FactValue {
    fn from(value: Vec<PortFact>) -> Self {
        Self::Ports(value)
    }
}
