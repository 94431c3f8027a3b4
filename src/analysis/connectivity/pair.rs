//! A pair of ends: every check, for every address of both, and the verdict over all of them.

use std::net::IpAddr;

use crate::{
    model::{SecurityGroupId, VSwitch, VSwitchId},
    netset::{Address, Block, Interval},
};

use super::{
    acl::{self, End},
    groups::{GroupFilter, Way},
    nearest,
    private_link::{self, PrivateLink},
    topology::{Family, Topology, block_of, narrow},
    verdict::{Code, Direction, Hop, PairAnswer, Reason, Verdict, Via},
    walk::{Fault, Goal, Outcome, Packet, Walk},
};

/// The mesh's end of a pair: the balancer of its control plane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeshEnd {
    pub v_switch_id: VSwitchId,
    /// Every address of the vSwitch where it is not known.
    pub private_ip: Option<IpAddr>,
    /// The TCP port.
    pub port: u16,
    /// Not checked where empty.
    pub security_group_ids: Vec<SecurityGroupId>,
}

/// The cluster's end of a pair.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DataPlaneEnd {
    pub v_switch_id: VSwitchId,
    /// Nodes and pods; the vSwitch's own block where empty.
    pub source_cidrs: Vec<Block>,
    /// Not checked where empty.
    pub security_group_ids: Vec<SecurityGroupId>,
}

impl<'a> Topology<'a> {
    /// Whether the cluster's end reaches the mesh's end, and why not.
    pub fn pair(&self, mesh: &'a MeshEnd, cluster: &'a DataPlaneEnd) -> PairAnswer<'a> {
        self.judge(mesh, cluster, true)
    }

    /// The verdict of [`Self::pair`] alone, for less work.
    pub fn verdict(&self, mesh: &'a MeshEnd, cluster: &'a DataPlaneEnd) -> Verdict {
        self.judge(mesh, cluster, false).verdict
    }

    fn judge(&self, mesh: &'a MeshEnd, cluster: &'a DataPlaneEnd, nearest: bool) -> PairAnswer<'a> {
        let ends = [mesh.v_switch_id.as_str(), cluster.v_switch_id.as_str()].map(|id| (id, self.switches.get(id)));
        let [(_, Some(mesh_switch)), (_, Some(cluster_switch))] = ends else {
            let missing = ends.into_iter().filter(|(_, found)| found.is_none());
            return unreadable(missing.map(|(id, _)| id));
        };
        let wants_v6 = match mesh.private_ip {
            Some(address) => address.is_ipv6(),
            None => !cluster.source_cidrs.is_empty() && cluster.source_cidrs.iter().all(|b| matches!(b, Block::V6(_))),
        };
        let pair = Pair { topology: self, mesh, cluster, mesh_switch, cluster_switch };
        if wants_v6 { pair.answer::<u128>(nearest) } else { pair.answer::<u32>(nearest) }
    }
}

/// Nothing can be said of vSwitches that are not there.
fn unreadable<'a>(ids: impl Iterator<Item = &'a str>) -> PairAnswer<'a> {
    let reason = |id: &'a str| Reason { direction: None, code: Code::VSwitchUnreadable, object: id.into() };
    PairAnswer {
        verdict: Verdict::Unknown,
        via: None,
        reasons: sorted(ids.map(reason).collect()),
        forward: Vec::new(),
        back: Vec::new(),
        nearest: None,
        beside: Vec::new(),
    }
}

/// By their texts, as people look for them.
fn sorted(mut reasons: Vec<Reason<'_>>) -> Vec<Reason<'_>> {
    reasons.sort_by_cached_key(ToString::to_string);
    reasons.dedup();
    reasons
}

/// Two ends whose vSwitches are known.
#[derive(Clone, Copy)]
pub(super) struct Pair<'t, 'a> {
    pub(super) topology: &'t Topology<'a>,
    pub(super) mesh: &'a MeshEnd,
    pub(super) cluster: &'a DataPlaneEnd,
    pub(super) mesh_switch: &'a VSwitch,
    pub(super) cluster_switch: &'a VSwitch,
}

/// What is said of the addresses around one packet.
struct Atom<'a, A> {
    packet: Packet<A>,
    verdict: Verdict,
    reasons: Vec<Reason<'a>>,
    beside: Vec<Reason<'a>>,
    forward: Leg<'a>,
    back: Leg<'a>,
}

/// One direction of an atom.
struct Leg<'a> {
    hops: Vec<Hop<'a>>,
    /// Whether they lead to its end.
    delivered: bool,
}

/// The first pair of addresses that is blocked, and what is known of it.
struct Blocked<'a, A> {
    packet: Packet<A>,
    /// The block of the cluster that it is from.
    block: Interval<A>,
    /// The hops there and back, where the packet is delivered.
    passed: [Option<Vec<Hop<'a>>>; 2],
}

/// The filters of both ends, with what they have worked out.
struct Filters<'t, 'a, A> {
    source: Option<GroupFilter<'t, 'a, A>>,
    target: Option<GroupFilter<'t, 'a, A>>,
    /// The same for what is no member of the cluster's groups for sure; `None` where there is no such source.
    target_of_pods: Option<GroupFilter<'t, 'a, A>>,
}

impl<'t, 'a> Pair<'t, 'a> {
    fn answer<A: Family>(self, nearest: bool) -> PairAnswer<'a> {
        let Some(target) = self.target::<A>() else {
            return unreadable(std::iter::once(self.mesh_switch.v_switch_id.as_str()));
        };
        let sources = self.sources::<A>();
        if sources.is_empty() {
            return unreadable(std::iter::once(self.cluster_switch.v_switch_id.as_str()));
        }
        let mut answer = self.routed(&sources, target, nearest);
        if answer.verdict == Verdict::Connected {
            return answer;
        }
        either(&mut answer, private_link::judge(self, &sources, target));
        answer
    }

    /// The addresses of the mesh.
    fn target<A: Address>(self) -> Option<Interval<A>> {
        match self.mesh.private_ip {
            Some(address) => A::of_block(Block::host(address)),
            None => block_of(self.mesh_switch),
        }
    }

    /// The addresses of the cluster, block by block.
    fn sources<A: Address>(self) -> Vec<Interval<A>> {
        if self.cluster.source_cidrs.is_empty() {
            return block_of(self.cluster_switch).into_iter().collect();
        }
        self.cluster.source_cidrs.iter().copied().filter_map(A::of_block).collect()
    }

    /// The verdict over every pair of addresses.
    fn routed<A: Family>(self, sources: &[Interval<A>], target: Interval<A>, nearest: bool) -> PairAnswer<'a> {
        let (mesh_groups, cluster_groups) = (&self.mesh.security_group_ids, &self.cluster.security_group_ids);
        let mut filters = Filters {
            source: GroupFilter::new(self.topology, cluster_groups, mesh_groups, Way::Egress, self.mesh.port),
            target: GroupFilter::new(self.topology, mesh_groups, cluster_groups, Way::Ingress, self.mesh.port),
            target_of_pods: if cluster_groups.is_empty() || self.cluster.source_cidrs.is_empty() {
                None
            } else {
                GroupFilter::new(self.topology, mesh_groups, &[], Way::Ingress, self.mesh.port)
            },
        };
        let mut answer: Option<PairAnswer<'a>> = None;
        let mut first_blocked = None;
        for block in sources {
            let mut open = vec![(*block, target)];
            while let Some((sources, destinations)) = open.pop() {
                let atom = self.atom(&mut filters, *block, sources, destinations);
                rest(&mut open, (sources, destinations), &atom.packet);
                if nearest && atom.verdict == Verdict::Blocked && first_blocked.is_none() {
                    let passed = [&atom.forward, &atom.back].map(|way| way.delivered.then(|| way.hops.clone()));
                    first_blocked = Some(Blocked { packet: atom.packet, block: *block, passed });
                }
                answer = Some(add(answer, atom));
            }
        }
        // There is at least one source block, and each gives at least one atom.
        let mut answer = answer.unwrap_or_else(|| unreadable(std::iter::empty()));
        answer.reasons = sorted(answer.reasons);
        answer.beside = sorted(answer.beside);
        let same_vpc = self.mesh_switch.vpc_id == self.cluster_switch.vpc_id;
        answer.via = (answer.verdict == Verdict::Connected).then_some(if same_vpc { Via::SameVpc } else { Via::Route });
        if let (Verdict::Blocked | Verdict::Partial, Some(blocked)) = (answer.verdict, first_blocked) {
            let Blocked { mut packet, block, passed } = blocked;
            let broken = self.filter_faults(&mut filters, &mut packet);
            answer.nearest = nearest::path(self, (packet.source, packet.destination), block, passed, &broken);
        }
        answer
    }

    /// Every check for the first packet of two blocks.
    fn atom<A: Family>(
        self,
        filters: &mut Filters<'_, 'a, A>,
        block: Interval<A>,
        sources: Interval<A>,
        destinations: Interval<A>,
    ) -> Atom<'a, A> {
        let packet = Packet { source: sources.first(), destination: destinations.first(), sources, destinations };
        let goal = Goal { switch: self.mesh_switch, pods: None };
        let mut there = Walk::new(self.topology, packet, goal);
        let outcome = there.from(self.cluster_switch);
        let forward = Leg { hops: there.hops, delivered: outcome == Outcome::Delivered };
        let mut faults = tagged(Direction::Forward, outcome);
        let goal = Goal { switch: self.cluster_switch, pods: Some(block) };
        let mut back = Walk::new(self.topology, turned(there.packet), goal);
        let outcome = back.from(self.mesh_switch);
        let returning = Leg { hops: back.hops, delivered: outcome == Outcome::Delivered };
        faults.extend(tagged(Direction::Return, outcome));
        let mut packet = turned(back.packet);
        faults.extend(self.filter_faults(filters, &mut packet));
        let blocked = faults.iter().any(|reason| reason.code.blocks());
        let verdict = match (faults.is_empty(), blocked) {
            (true, _) => Verdict::Connected,
            (false, true) => Verdict::Blocked,
            (false, false) => Verdict::Unknown,
        };
        // All that blocks is to be mended; what is unknown beside it decides nothing.
        let (reasons, mut beside): (Vec<_>, Vec<_>) =
            faults.into_iter().partition(|reason| reason.code.blocks() == blocked);
        for (direction, walk) in [(Direction::Forward, there.beside), (Direction::Return, back.beside)] {
            beside.extend(walk.into_iter().map(|fault| named(direction, fault)));
        }
        Atom { packet, verdict, reasons, beside, forward, back: returning }
    }

    fn filter_faults<A: Family>(self, filters: &mut Filters<'_, 'a, A>, packet: &mut Packet<A>) -> Vec<Reason<'a>> {
        let mut reasons = Vec::new();
        let mut push =
            |direction, faults: Vec<Fault<'a>>| reasons.extend(faults.into_iter().map(|f| named(direction, f)));
        if let Some(filter) = &mut filters.source {
            push(Direction::Source, filter.check(packet));
        }
        let target = match &mut filters.target_of_pods {
            Some(pods) if !self.comes_from_an_interface(packet) => Some(pods),
            _ => filters.target.as_mut(),
        };
        if let Some(filter) = target {
            push(Direction::Target, filter.check(packet));
        }
        // An ACL stands at the edge of its vSwitch: what stays inside does not meet it.
        if self.mesh_switch.v_switch_id != self.cluster_switch.v_switch_id {
            let (topology, port) = (self.topology, self.mesh.port);
            let (source, destination) = (packet.source, packet.destination);
            let near =
                acl::check(topology, self.cluster_switch, End::Source, port, destination, &mut packet.destinations);
            push(Direction::Source, near);
            push(
                Direction::Target,
                acl::check(topology, self.mesh_switch, End::Target, port, source, &mut packet.sources),
            );
        }
        reasons
    }

    /// Members of a group are interfaces, which have addresses of vSwitches: pods with a block of their own are none.
    fn comes_from_an_interface<A: Family>(self, packet: &mut Packet<A>) -> bool {
        let Some(own) = block_of(self.cluster_switch) else { return false };
        narrow(&mut packet.sources, packet.source, own);
        own.contains(packet.source)
    }
}

/// The packet that answers.
fn turned<A: Copy>(packet: Packet<A>) -> Packet<A> {
    Packet {
        source: packet.destination,
        destination: packet.source,
        sources: packet.destinations,
        destinations: packet.sources,
    }
}

fn named<'a>(direction: Direction, (code, object): Fault<'a>) -> Reason<'a> {
    Reason { direction: Some(direction), code, object }
}

fn tagged<'a>(direction: Direction, outcome: Outcome<'a>) -> Vec<Reason<'a>> {
    match outcome {
        Outcome::Delivered => Vec::new(),
        Outcome::Blocked(faults) | Outcome::Unknown(faults) => {
            faults.into_iter().map(|fault| named(direction, fault)).collect()
        }
    }
}

/// Pushes what an atom, which begins at both first addresses, leaves of two blocks.
pub(super) fn rest<A: Family>(
    open: &mut Vec<(Interval<A>, Interval<A>)>,
    (sources, destinations): (Interval<A>, Interval<A>),
    atom: &Packet<A>,
) {
    let (own_sources, own_destinations) = (
        atom.sources.intersect(sources).unwrap_or(sources),
        atom.destinations.intersect(destinations).unwrap_or(destinations),
    );
    let after =
        |own: Interval<A>, whole: Interval<A>| own.last().succ().and_then(|first| Interval::new(first, whole.last()));
    if let Some(later) = after(own_sources, sources) {
        open.push((later, destinations));
    }
    if let Some(later) = after(own_destinations, destinations) {
        open.push((own_sources, later));
    }
}

/// Adds an atom to what was said of others; hops are those of the first.
fn add<'a, A>(answer: Option<PairAnswer<'a>>, atom: Atom<'a, A>) -> PairAnswer<'a> {
    let Some(mut answer) = answer else {
        return PairAnswer {
            verdict: atom.verdict,
            via: None,
            reasons: atom.reasons,
            forward: atom.forward.hops,
            back: atom.back.hops,
            nearest: None,
            beside: atom.beside,
        };
    };
    answer.verdict = Verdict::over([answer.verdict, atom.verdict]).unwrap_or(answer.verdict);
    answer.reasons.extend(atom.reasons);
    answer.beside.extend(atom.beside);
    answer
}

/// PrivateLink is another way: one of both is enough.
fn either<'a>(answer: &mut PairAnswer<'a>, link: PrivateLink<'a>) {
    if link.verdict == Verdict::Connected {
        let hops: Vec<Hop<'a>> = link.hop.into_iter().collect();
        *answer = PairAnswer {
            verdict: Verdict::Connected,
            via: Some(Via::PrivateLink),
            reasons: Vec::new(),
            forward: hops.clone(),
            back: hops,
            nearest: None,
            beside: Vec::new(),
        };
        return;
    }
    if link.verdict == Verdict::Unknown {
        answer.verdict = Verdict::Unknown;
        answer.nearest = None;
    }
    answer.reasons.extend(link.reasons);
    answer.reasons = sorted(std::mem::take(&mut answer.reasons));
}
