//! The private path between a consumer and an endpoint: the walk of `connectivity` over every
//! vSwitch that may be at either end, put together.

use std::{collections::BTreeSet, net::IpAddr};

use crate::{
    analysis::connectivity::{Code, DataPlaneEnd, Hop, MeshEnd, PairAnswer, Reason, Topology, Verdict, Via as Way},
    model::{Connectivity, ConsumerPath, VSwitch, Via},
    netset::{AddressSet, Block},
};

use super::data_plane::Path;

/// The private entrance that consumers are to reach.
pub(super) struct Target<'a> {
    pub vpc_id: &'a str,
    /// vSwitches in which it may be.
    pub switches: Vec<&'a VSwitch>,
    /// `None` where it was not read: any address of the vSwitches then.
    pub address: Option<IpAddr>,
    pub ports: Vec<u16>,
    pub groups: Vec<String>,
}

/// Where a consumer sends from.
pub(super) struct Source<'a> {
    pub vpc_id: &'a str,
    pub switches: Vec<&'a VSwitch>,
    pub pods: Option<Block>,
    pub groups: Vec<String>,
}

impl Target<'_> {
    /// The entrance in one vSwitch, once for each port.
    fn ends(&self, switch: &VSwitch) -> impl Iterator<Item = MeshEnd> {
        self.ports.iter().map(|port| MeshEnd {
            v_switch_id: switch.v_switch_id.clone(),
            private_ip: self.address,
            port: *port,
            security_group_ids: self.groups.iter().map(|id| id.as_str().into()).collect(),
        })
    }
}

impl Source<'_> {
    fn end(&self, switch: &VSwitch) -> DataPlaneEnd {
        DataPlaneEnd {
            v_switch_id: switch.v_switch_id.clone(),
            source_cidrs: self.pods.map(|pods| blocks(switch, pods)).unwrap_or_default(),
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
}

/// Walks from every vSwitch of the source to every one of the target, on every port.
pub(super) fn find(topology: &Topology<'_>, target: &Target<'_>, source: &Source<'_>) -> Found {
    for (vpc_id, switches) in [(source.vpc_id, &source.switches), (target.vpc_id, &target.switches)] {
        if switches.is_empty() {
            return unreadable(vpc_id);
        }
    }
    let ends: Vec<DataPlaneEnd> = source.switches.iter().map(|from| source.end(from)).collect();
    let entrances: Vec<MeshEnd> = target.switches.iter().flat_map(|to| target.ends(to)).collect();
    let pairs = ends.iter().flat_map(|end| entrances.iter().map(move |entrance| (entrance, end)));
    let answers: Vec<PairAnswer<'_>> = pairs.map(|(entrance, end)| topology.pair(entrance, end)).collect();
    together(&answers)
}

/// Nothing is known of the vSwitches of a VPC.
fn unreadable(vpc_id: &str) -> Found {
    let reason = Reason { direction: None, code: Code::VSwitchesUnreadable, object: vpc_id.into() };
    Found {
        path: ConsumerPath::unknown(vec![reason.to_string()]),
        class: Path::Unknown,
        unread: [(reason.code, vpc_id.to_owned())].into(),
    }
}

/// The blocks of a vSwitch and of the pods behind it.
fn blocks(switch: &VSwitch, pods: Block) -> Vec<Block> {
    let texts = [&switch.cidr_block, &switch.ipv6_cidr_block];
    texts.into_iter().filter_map(|text| Block::parse(text).ok()).chain([pods]).collect()
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
    let unread = answers
        .iter()
        .flat_map(|answer| &answer.reasons)
        .filter(|reason| !reason.code.blocks())
        .map(|reason| (reason.code, reason.object.clone().into_owned()))
        .collect();
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
    Found { path, class, unread }
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
