//! Network ACLs of vSwitches. They keep no state, so that both ways of a connection are checked at
//! both ends: to the mesh's port, and back to whatever port the client chose.

use crate::{
    model::{NetworkAcl, NetworkAclEntry, Reading, VSwitch},
    netset::{Address, Block, Interval, PortSet, RangeSet, all_ports, parse_ports},
};

use super::{
    topology::{Topology, narrow},
    verdict::Code,
    walk::Fault,
};

/// The ports from which Linux clients connect.
const CLIENT_PORTS: (u16, u16) = (32_768, 60_999);

/// Whose packets an ACL is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Packets to the mesh's port leave, answers come back.
    Source,
    /// Packets to the mesh's port come in, answers leave.
    Target,
}

/// Why the ACL of a vSwitch does not certainly let a connection with the address at the other end
/// pass. Keeps of the range around the address what has the same answer.
pub(super) fn check<'a, A: Address>(
    topology: &Topology<'a>,
    switch: &'a VSwitch,
    end: End,
    port: u16,
    other: A,
    range: &mut Interval<A>,
) -> Vec<Fault<'a>> {
    let id = match &switch.network_acl_id {
        Reading::Value(id) => id.as_str(),
        Reading::Absent => return Vec::new(),
        // There may be one, whichever.
        Reading::Unread => return vec![(Code::NaclUnreadable, switch.v_switch_id.as_str().into())],
    };
    let acl = topology.acls.get(id).copied();
    if topology.is_unread(acl, |acl| &acl.scope, "DescribeNetworkAclAttributes", id) {
        return vec![(Code::NaclUnreadable, id.into())];
    }
    let Some(acl) = acl else { return vec![(Code::NaclUnreadable, id.into())] };
    let service = RangeSet::from(Interval::point(port));
    let client = Interval::new(CLIENT_PORTS.0, CLIENT_PORTS.1).map_or(RangeSet::empty(), RangeSet::from);
    let (ingress, egress) = match end {
        End::Source => (client, service),
        End::Target => (service, client),
    };
    let mut faults = Vec::new();
    for (direction, wanted) in [(Direction::Ingress, ingress), (Direction::Egress, egress)] {
        let (least, most) = passing(acl, direction, &wanted, other, range);
        let code = if least == wanted {
            continue;
        } else if most.is_empty() {
            Code::NaclDeny
        } else if least == most {
            Code::NaclPartial
        } else {
            Code::NaclUnreadable
        };
        faults.push((code, id.into()));
    }
    faults
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    Ingress,
    Egress,
}

/// Of the wanted ports those that certainly pass, and those that may.
fn passing<A: Address>(
    acl: &NetworkAcl,
    direction: Direction,
    wanted: &PortSet,
    other: A,
    range: &mut Interval<A>,
) -> (PortSet, PortSet) {
    let entries = match direction {
        Direction::Ingress => &acl.ingress_acl_entries,
        Direction::Egress => &acl.egress_acl_entries,
    };
    let (mut least, mut most) = (PortSet::empty(), PortSet::empty());
    // Ports that no entry has decided yet, if unreadable entries match nothing.
    let mut open = wanted.clone();
    // Ports that an unreadable entry may have decided before.
    let mut doubtful = PortSet::empty();
    for entry in entries {
        match read(entry, direction, other, range) {
            Effect::Nothing => {}
            Effect::Matches { ports, accepts } => {
                let decided = open.intersect(&ports);
                if accepts {
                    least = least.union(&decided.subtract(&doubtful));
                    most = most.union(&decided);
                }
                open = open.subtract(&decided);
            }
            Effect::Unreadable => {
                most = most.union(&open);
                doubtful = doubtful.union(&open);
            }
        }
    }
    (least, most)
}

/// What an entry does to TCP packets with the address at the other end.
enum Effect {
    Nothing,
    Matches { ports: PortSet, accepts: bool },
    Unreadable,
}

fn read<A: Address>(entry: &NetworkAclEntry, direction: Direction, other: A, range: &mut Interval<A>) -> Effect {
    let protocol = entry.protocol.as_str();
    let known = ["udp", "icmp", "icmpv6", "gre"];
    if known.iter().any(|word| protocol.eq_ignore_ascii_case(word)) {
        return Effect::Nothing;
    }
    let block = match direction {
        Direction::Ingress => &entry.source_cidr_ip,
        Direction::Egress => &entry.destination_cidr_ip,
    };
    let Ok(block) = Block::parse(block) else { return Effect::Unreadable };
    let Some(block) = A::of_block(block) else { return Effect::Nothing };
    narrow(range, other, block);
    if !block.contains(other) {
        return Effect::Nothing;
    }
    let any = protocol.eq_ignore_ascii_case("all");
    let accepts = entry.policy.eq_ignore_ascii_case("accept");
    if !(any || protocol.eq_ignore_ascii_case("tcp")) || !(accepts || entry.policy.eq_ignore_ascii_case("drop")) {
        return Effect::Unreadable;
    }
    let mut ports = Vec::new();
    // Ports mean nothing to all protocols at once.
    if any {
        ports.push(all_ports());
    } else if parse_ports(&entry.port, |range| ports.push(range)).is_err() {
        return Effect::Unreadable;
    }
    Effect::Matches { ports: RangeSet::from_intervals(ports), accepts }
}
