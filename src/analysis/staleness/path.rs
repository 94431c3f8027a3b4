//! The private path between a consumer and an endpoint: the walk of `connectivity` over every
//! vSwitch that may be at either end, put together.

use std::{collections::BTreeSet, net::IpAddr};

use crate::{
    analysis::connectivity::{
        Code, DataPlaneEnd, Hop, MeshEnd, PairAnswer, Reason, SERVICE_RANGES, Topology, Verdict, Via as Way,
    },
    model::{Connectivity, ConsumerPath, VSwitch, Via},
    netset::{AddressSet, Block},
};

use super::data_plane::Path;

/// The private entrance that consumers are to reach.
pub(super) struct Target<'a> {
    pub vpc_id: &'a str,
    /// Each of its private addresses: consumers may use any of them.
    pub places: Vec<Place<'a>>,
    pub ports: Vec<u16>,
    pub groups: Vec<String>,
    /// The access control of the listener: it stands in front of the private address as well.
    pub filter: Option<ListenerFilter>,
    /// What could not be read of it, so that filters may stand there that nobody knows.
    pub unread: Option<&'a str>,
}

/// One private address.
pub(super) struct Place<'a> {
    /// `None` where it was not read: any address of the vSwitches then.
    pub address: Option<IpAddr>,
    /// vSwitches in which it may be.
    pub switches: Vec<&'a VSwitch>,
}

/// What the balancer lets through on the ports of the entrance.
#[derive(Clone, Debug)]
pub(super) struct ListenerFilter {
    pub admits: AddressSet,
    /// False where that could not be read whole.
    pub complete: bool,
    /// `lb-…/port`.
    pub listener: String,
}

/// Where a consumer sends from.
pub(super) struct Source<'a> {
    pub vpc_id: &'a str,
    pub switches: Vec<&'a VSwitch>,
    pub pods: Option<Block>,
    /// The parts of `pods` where there can be any.
    pub pod_blocks: Vec<Block>,
    pub groups: Vec<String>,
    /// Its id where it could not be read, so that it may have filters and addresses that nobody knows.
    pub unread: Option<&'a str>,
}

impl Target<'_> {
    /// The entrance at every address, in every vSwitch that may hold it, once for each port.
    fn ends(&self) -> impl Iterator<Item = MeshEnd> {
        let switches =
            self.places.iter().flat_map(|place| place.switches.iter().map(|switch| (place.address, *switch)));
        switches.flat_map(move |(private_ip, switch)| {
            self.ports.iter().map(move |port| MeshEnd {
                v_switch_id: switch.v_switch_id.clone(),
                private_ip,
                port: *port,
                security_group_ids: self.groups.iter().map(|id| id.as_str().into()).collect(),
            })
        })
    }

    fn is_nowhere(&self) -> bool {
        self.places.iter().all(|place| place.switches.is_empty())
    }

    /// Of a set, the families in which it has private addresses. One that was not read is IPv4.
    fn own_families(&self, set: AddressSet) -> AddressSet {
        let (v6, v4): (Vec<&Place<'_>>, Vec<&Place<'_>>) =
            self.places.iter().partition(|place| place.address.is_some_and(|address| address.is_ipv6()));
        let mut kept = AddressSet::empty();
        if !v4.is_empty() {
            kept.v4 = set.v4;
        }
        if !v6.is_empty() {
            kept.v6 = set.v6;
        }
        kept
    }
}

impl Source<'_> {
    fn end(&self, switch: &VSwitch) -> DataPlaneEnd {
        DataPlaneEnd {
            v_switch_id: switch.v_switch_id.clone(),
            source_cidrs: if self.pod_blocks.is_empty() { Vec::new() } else { blocks(switch, &self.pod_blocks) },
            security_group_ids: self.groups.iter().map(|id| id.as_str().into()).collect(),
        }
    }

    /// Every private address that it may have.
    pub(super) fn blocks(&self) -> Option<AddressSet> {
        if self.switches.is_empty() {
            return None;
        }
        let texts = self.switches.iter().flat_map(|switch| [&switch.cidr_block, &switch.ipv6_cidr_block]);
        Some(texts.filter_map(|text| Block::parse(text).ok()).chain(self.pods).collect())
    }
}

/// A path, in the words of reports and in those of the table.
pub(super) struct Found {
    pub path: ConsumerPath,
    pub class: Path,
    /// What could not be read, as code and object.
    pub unread: BTreeSet<(Code, String)>,
    /// The same where it decides nothing so far: it may say more of what blocks, or unsettle what
    /// seems connected.
    pub beside: BTreeSet<(Code, String)>,
}

/// Walks from every vSwitch of the source to every one of the target, on every port.
pub(super) fn find(topology: &Topology<'_>, target: &Target<'_>, source: &Source<'_>) -> Found {
    for (vpc_id, is_nowhere) in [(source.vpc_id, source.switches.is_empty()), (target.vpc_id, target.is_nowhere())] {
        if is_nowhere {
            return unreadable(vpc_id);
        }
    }
    let ends: Vec<DataPlaneEnd> = source.switches.iter().map(|from| source.end(from)).collect();
    let entrances: Vec<MeshEnd> = target.ends().collect();
    let pairs = ends.iter().flat_map(|end| entrances.iter().map(move |entrance| (entrance, end)));
    let answers: Vec<PairAnswer<'_>> = pairs.map(|(entrance, end)| topology.pair(entrance, end)).collect();
    let found = uncertain(together(&answers), target, source);
    match &target.filter {
        Some(filter) if found.path.connectivity != Connectivity::Blocked => behind(found, filter, source, target),
        _ => found,
    }
}

/// The same for a consumer of which a part may be elsewhere: what is connected from here is so only if it is from there
/// too, the lattice of analysis.md 2.3.
pub(super) fn also(here: Found, elsewhere: Found) -> Found {
    let Found { path, class, mut unread, mut beside } = elsewhere;
    unread.extend(here.unread);
    beside.extend(here.beside);
    let (connectivity, class) = match path.connectivity {
        Connectivity::Connected => return Found { unread, beside, ..here },
        Connectivity::Blocked | Connectivity::Partial => (Connectivity::Partial, Path::Partial),
        Connectivity::Unknown => (Connectivity::Unknown, class),
    };
    Found { path: ConsumerPath { connectivity, via: None, ..path }, class, unread, beside }
}

/// A path on which nothing is known to stand is none that is known to be free: what could not be read of
/// either end may block it.
fn uncertain(found: Found, target: &Target<'_>, source: &Source<'_>) -> Found {
    if !matches!(found.path.connectivity, Connectivity::Connected | Connectivity::Partial) {
        return found;
    }
    let unread = [("source", source.unread), ("target", target.unread)];
    let doubts: Vec<String> =
        unread.iter().filter_map(|(end, id)| Some(format!("{end}:FiltersUnreadable@{}", (*id)?))).collect();
    if doubts.is_empty() {
        return found;
    }
    let mut reasons = found.path.reasons;
    reasons.extend(doubts);
    reasons.sort();
    let path = ConsumerPath { connectivity: Connectivity::Unknown, via: None, reasons, ..found.path };
    Found { path, class: Path::Unknown, ..found }
}

/// The same behind the listener's access control, in the families of the private addresses.
fn behind(found: Found, filter: &ListenerFilter, source: &Source<'_>, target: &Target<'_>) -> Found {
    let one_family = |set: AddressSet| target.own_families(set);
    let admits = one_family(filter.admits.clone());
    // Through PrivateLink the balancer sees addresses of the service, whichever of the private ones.
    let sources = if found.class == Path::PrivateLink { service_ranges() } else { source.blocks().unwrap_or_default() };
    let kept_out = one_family(sources.clone()).subtract(&admits);
    let (connectivity, class, code) = if !filter.complete {
        (Connectivity::Unknown, Path::Unknown, "ListenerAclUnreadable")
    } else if kept_out.is_empty() {
        return found;
    } else if found.class == Path::PrivateLink {
        (Connectivity::Unknown, Path::Unknown, "ListenerAclUndecided")
    } else if one_family(sources).intersect(&admits).is_empty() && found.path.connectivity == Connectivity::Connected {
        (Connectivity::Blocked, Path::FilteredOnly, "ListenerAclDeny")
    } else if found.path.connectivity == Connectivity::Unknown {
        (Connectivity::Unknown, found.class, "ListenerAclDeny")
    } else {
        (Connectivity::Partial, Path::Partial, "ListenerAclDeny")
    };
    let ConsumerPath { mut reasons, mut steps, .. } = found.path;
    reasons.push(format!("target:{code}@{}", filter.listener));
    reasons.sort();
    if code == "ListenerAclDeny" {
        let blocks: Vec<String> = kept_out.cover().iter().map(ToString::to_string).collect();
        steps.push(format!("admit {} in the access control of {}", blocks.join(", "), filter.listener));
        steps.sort();
    }
    Found { path: ConsumerPath { connectivity, via: None, reasons, steps, ..found.path }, class, ..found }
}

fn service_ranges() -> AddressSet {
    SERVICE_RANGES.into_iter().filter_map(|text| Block::parse(text).ok()).collect()
}

/// Nothing is known of the vSwitches of a VPC.
fn unreadable(vpc_id: &str) -> Found {
    if vpc_id.is_empty() {
        // It is in no VPC that anybody names, so there is nothing to read.
        let path = ConsumerPath::unknown(Vec::new());
        return Found { path, class: Path::Unknown, unread: BTreeSet::new(), beside: BTreeSet::new() };
    }
    let reason = Reason { direction: None, code: Code::VSwitchesUnreadable, object: vpc_id.into() };
    Found {
        path: ConsumerPath::unknown(vec![reason.to_string()]),
        class: Path::Unknown,
        unread: [(reason.code, vpc_id.to_owned())].into(),
        beside: BTreeSet::new(),
    }
}

/// The blocks of a vSwitch and of the pods behind it.
fn blocks(switch: &VSwitch, pods: &[Block]) -> Vec<Block> {
    let texts = [&switch.cidr_block, &switch.ipv6_cidr_block];
    texts.into_iter().filter_map(|text| Block::parse(text).ok()).chain(pods.iter().copied()).collect()
}

/// One answer over all: the lattice of analysis.md 2.3.
fn together(answers: &[PairAnswer<'_>]) -> Found {
    let verdict = Verdict::over(answers.iter().map(|answer| answer.verdict)).unwrap_or(Verdict::Unknown);
    // A blocked pair shows where; among connected ones the first stands for all.
    let telling = answers.iter().find(|answer| answer.verdict == verdict).or(answers.first());
    let counts = |reason: &&Reason<'_>| verdict != Verdict::Blocked || reason.code.blocks();
    let reasons: BTreeSet<String> =
        answers.iter().flat_map(|answer| &answer.reasons).filter(counts).map(ToString::to_string).collect();
    let codes: BTreeSet<Code> = answers.iter().flat_map(|answer| &answer.reasons).map(|reason| reason.code).collect();
    let object = |reason: &Reason<'_>| (reason.code, reason.object.clone().into_owned());
    let doubts = answers.iter().flat_map(|answer| &answer.reasons).filter(|reason| !reason.code.blocks());
    let unread = doubts.map(object).collect();
    let lacks_route = |reason: &&Reason<'_>| matches!(reason.code, Code::TrNoRoute | Code::WrongTrTable);
    let lacking = answers.iter().flat_map(|answer| &answer.reasons).filter(lacks_route);
    let beside = answers.iter().flat_map(|answer| &answer.beside).chain(lacking).map(object).collect();
    let via = telling.and_then(|answer| answer.via);
    let class = class(verdict, via, &codes);
    let hops = |pick: fn(&PairAnswer<'_>) -> Vec<String>| telling.map(pick).unwrap_or_default();
    let path = ConsumerPath {
        connectivity: match verdict {
            Verdict::Connected => Connectivity::Connected,
            Verdict::Blocked => Connectivity::Blocked,
            Verdict::Partial => Connectivity::Partial,
            Verdict::Unknown => Connectivity::Unknown,
        },
        via: via.filter(|_| verdict == Verdict::Connected).map(|via| match via {
            Way::SameVpc => Via::SameVpc,
            Way::Route => Via::Route,
            Way::PrivateLink => Via::PrivateLink,
        }),
        forward: hops(|answer| texts(&answer.forward)),
        r#return: hops(|answer| texts(&answer.back)),
        reasons: reasons.into_iter().collect(),
        steps: steps(answers),
    };
    Found { path, class, unread, beside }
}

fn texts(hops: &[Hop<'_>]) -> Vec<String> {
    hops.iter().map(ToString::to_string).collect()
}

/// What would open the nearest blocked path of every blocked pair, each change once.
fn steps(answers: &[PairAnswer<'_>]) -> Vec<String> {
    let changes: BTreeSet<&String> =
        answers.iter().filter_map(|answer| answer.nearest.as_ref()).flat_map(|path| &path.changes).collect();
    changes.into_iter().cloned().collect()
}

fn class(verdict: Verdict, via: Option<Way>, codes: &BTreeSet<Code>) -> Path {
    let filters = |code: &Code| matches!(code, Code::SecurityGroupDeny | Code::NaclDeny) || !code.blocks();
    match verdict {
        Verdict::Connected => match via {
            Some(Way::SameVpc) => Path::SameVpc,
            Some(Way::PrivateLink) => Path::PrivateLink,
            Some(Way::Route) | None => Path::Route,
        },
        Verdict::Blocked if codes.iter().all(filters) => Path::FilteredOnly,
        Verdict::Blocked => Path::Missing,
        Verdict::Partial => Path::Partial,
        Verdict::Unknown if codes.contains(&Code::OnPremises) => Path::OnPremises,
        Verdict::Unknown => Path::Unknown,
    }
}
