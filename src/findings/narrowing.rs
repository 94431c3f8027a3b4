//! The vendor's command lines that would keep everybody from an endpoint but those who need it: text
//! for a person to read, change and run. Nothing here runs anything.
//!
//! A list at a listener filters the private address of the balancer as well as the public one, so
//! the private ranges stay admitted: consumers within the network must not be cut off.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use crate::model::{AccessRow, EndpointJudgement, EndpointKind, Family, Gate, GateKind, PortVerdict};

/// Ranges of private networks and of the vendor's own probes and consoles.
const PRIVATE_V4: [&str; 4] = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"];
/// The same for IPv6.
const PRIVATE_V6: [&str; 1] = ["fc00::/7"];

/// Entries that one call may add.
const ENTRIES_A_CALL: usize = 50;

/// Rules that one call may add or revoke.
const RULES_A_CALL: usize = 100;

/// What is to be narrowed, and to whom.
#[derive(Clone, Debug)]
pub struct Narrow<'a> {
    pub kind: EndpointKind,
    pub region_id: &'a str,
    pub load_balancer_id: Option<&'a str>,
    pub ports: Vec<NarrowPort<'a>>,
    /// Public addresses of those who need the endpoint.
    pub allowlist: &'a [IpNet],
    /// True if that is all of them.
    pub complete: bool,
    /// Whoever else must not be cut off: what is trusted there, and the blocks of its VPC.
    pub also_admit: &'a [IpNet],
}

/// One port that untrusted sources get through.
#[derive(Clone, Debug)]
pub struct NarrowPort<'a> {
    pub protocol: &'a str,
    pub port: u16,
    pub family: Family,
    pub verdict: PortVerdict,
    /// Kind, id and note of each gate.
    pub gates: Vec<(GateKind, &'a str, &'a str)>,
    pub fix_set: &'a [String],
}

/// Commands in the order in which they are to be run, each only if the one before succeeded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrowing {
    pub commands: Vec<String>,
    /// What to know before, one sentence each.
    pub notes: Vec<String>,
}

impl<'a> From<&'a EndpointJudgement> for Narrow<'a> {
    fn from(judgement: &'a EndpointJudgement) -> Self {
        let gate = |gate: &'a Gate| (gate.kind, gate.id.as_str(), gate.note.as_str());
        let port = |row: &'a AccessRow| NarrowPort {
            protocol: &row.protocol,
            port: row.port,
            family: row.family,
            verdict: row.verdict,
            gates: row.gates.iter().map(gate).collect(),
            fix_set: &row.fix_set,
        };
        Self {
            kind: judgement.endpoint.kind,
            region_id: judgement.endpoint.region_id.as_str(),
            load_balancer_id: judgement.load_balancer_id.as_ref().map(|id| id.as_str()),
            ports: judgement.access.iter().map(port).collect(),
            allowlist: &judgement.staleness.proposed_allowlist,
            complete: judgement.staleness.proposal_complete,
            also_admit: &judgement.staleness.also_admit,
        }
    }
}

impl<'a> Narrow<'a> {
    /// The commands that put the allowlist in force on every port that more than it gets through. None
    /// where the list would leave somebody out.
    pub fn commands(&self) -> Narrowing {
        let mut out = Narrowing::default();
        if !self.complete {
            out.notes.push(
                "The allowlist is not complete, so no commands are given: whoever is missing from it would be cut off."
                    .into(),
            );
            return out;
        }
        if self.allowlist.is_empty() {
            out.notes.push("No public address of a consumer is known, so there is no list to put in force.".into());
            return out;
        }
        if !is_plain(self.region_id) || self.load_balancer_id.is_some_and(|id| !is_plain(id)) {
            out.notes
                .push("Its ids hold characters that do not belong on a command line; no commands are given.".into());
            return out;
        }
        for port in self.ports.iter().filter(|port| port.verdict == PortVerdict::Unknown) {
            out.notes.push(format!(
                "Who can reach port {} over {} is not known: it is left as it is.",
                port.port,
                port.family.as_str()
            ));
        }
        // A balancer may serve others too, whose consumers nobody has looked for.
        let others = self.ports.iter().filter(|port| !self.is_own(port.port) && lets_others_in(port.verdict));
        let others: BTreeSet<u16> = others.map(|port| port.port).collect();
        out.notes.extend(
            others.iter().map(|port| {
                format!("Port {port} of the load balancer is none of {}'s: it is left as it is.", self.kind)
            }),
        );
        let mut open: Vec<(&NarrowPort<'a>, Vec<String>)> = Vec::new();
        for family in Family::ALL {
            let mut ports = self
                .ports
                .iter()
                .filter(|port| port.family == *family && self.is_own(port.port) && lets_others_in(port.verdict));
            let entries = self.entries(*family);
            if ports.clone().next().is_some() && !self.allowlist.iter().any(|block| is_of(block, *family)) {
                let family = family.as_str();
                out.notes.push(format!("No consumer has a public address of {family}: what is open over it is left."));
                continue;
            }
            open.extend(ports.by_ref().map(|port| (port, entries.clone())));
            self.white_list(*family, &open, &entries, &mut out);
        }
        for kind in [GateKind::MeshSecurityGroup, GateKind::NlbSecurityGroups] {
            self.groups(kind, &open, &mut out);
        }
        if !out.commands.is_empty() {
            out.notes.push(
                "Private ranges are admitted, since the list filters the private address too; narrow them to your own."
                    .into(),
            );
        }
        out
    }

    /// True for the ports that the endpoint's consumers use.
    fn is_own(&self, port: u16) -> bool {
        match self.kind {
            EndpointKind::IstioPilot | EndpointKind::IstioPilotCanary => matches!(port, 15010..=15012),
            EndpointKind::MeshApiServer | EndpointKind::ClusterApiServer => port == 6443,
        }
    }

    /// The blocks of a family that are to be admitted, and the private ranges.
    fn entries(&self, family: Family) -> Vec<String> {
        let private: &[&str] = if family == Family::Ipv4 { &PRIVATE_V4 } else { &PRIVATE_V6 };
        let public = self.allowlist.iter().chain(self.also_admit).filter(|block| is_of(block, family));
        let mut entries: Vec<String> = Vec::new();
        for entry in public.map(ToString::to_string).chain(private.iter().map(|block| (*block).to_owned())) {
            if !entries.contains(&entry) {
                entries.push(entry);
            }
        }
        entries
    }

    /// A list of its own, put in front of the listeners as a white list once it is filled.
    fn white_list(
        &self,
        family: Family,
        open: &[(&NarrowPort<'a>, Vec<String>)],
        entries: &[String],
        out: &mut Narrowing,
    ) {
        let has_list = |port: &&NarrowPort<'_>| port.gates.iter().any(|gate| gate.0 == GateKind::ClbAcl);
        let ports: Vec<&NarrowPort<'_>> =
            open.iter().map(|(port, _)| *port).filter(|port| port.family == family).filter(has_list).collect();
        if ports.is_empty() {
            return;
        }
        let Some(balancer) = self.load_balancer_id else {
            out.notes.push("Its load balancer is not known: find it first.".into());
            return;
        };
        let region = self.region_id;
        let list = format!("ACL_{}", family.as_str().to_uppercase());
        out.commands.push(format!(
            "{list}=$(aliyun slb CreateAccessControlList --RegionId {region} --AclName portcullis-{balancer}-{family} \
             --AddressIPVersion {family} | jq -er .AclId)"
        ));
        for some in entries.chunks(ENTRIES_A_CALL) {
            let blocks: Vec<String> = some.iter().map(|block| format!("{{\"entry\":\"{block}\"}}")).collect();
            out.commands.push(format!(
                "aliyun slb AddAccessControlListEntry --RegionId {region} --AclId \"${list}\" --AclEntrys '[{}]'",
                blocks.join(",")
            ));
        }
        for port in ports {
            if port.protocol != "tcp" {
                out.notes.push(format!("Port {} is no TCP listener: put the list in front of it by hand.", port.port));
                continue;
            }
            out.commands.push(format!(
                "aliyun slb SetLoadBalancerTCPListenerAttribute --RegionId {region} --LoadBalancerId {balancer} \
                 --ListenerPort {} --AclStatus on --AclType white --AclId \"${list}\"",
                port.port
            ));
        }
    }

    /// Rules for those who need the ports first, on all ports of a group; then the rules that let everybody else
    /// in are revoked, each once: one rule may open several ports. Behind a network load balancer everything is
    /// accepted that no rule drops, so a rule that drops is added.
    fn groups(&self, kind: GateKind, open: &[(&NarrowPort<'a>, Vec<String>)], out: &mut Narrowing) {
        let network = kind == GateKind::NlbSecurityGroups;
        let mut of_group: BTreeMap<&str, (Vec<String>, BTreeSet<&str>)> = BTreeMap::new();
        for (port, entries) in open.iter().filter(|(port, _)| port.gates.iter().any(|gate| gate.0 == kind)) {
            let rules: BTreeSet<&str> = port
                .fix_set
                .iter()
                .map(String::as_str)
                .filter(|rule| rule.starts_with("sgr-") && is_plain(rule))
                .collect();
            if rules.is_empty() && !network {
                continue;
            }
            let groups: Vec<&str> = groups_of(port, kind).into_iter().collect();
            let [group] = groups[..] else {
                out.notes.push(which_group(port, &groups, &rules));
                continue;
            };
            let (permissions, revoked) = of_group.entry(group).or_default();
            let accepts = entries.iter().map(|entry| (entry.as_str(), 1, "accept"));
            let everybody = if port.family == Family::Ipv4 { "0.0.0.0/0" } else { "::/0" };
            let drop = network.then_some((everybody, 99, "drop"));
            permissions.extend(accepts.chain(drop).map(|permission| permission_words(port, permission)));
            revoked.extend(rules);
        }
        for (group, (permissions, revoked)) in of_group {
            let head = format!("--RegionId {} --SecurityGroupId {group}", self.region_id);
            for some in permissions.chunks(RULES_A_CALL) {
                let numbered = some.iter().enumerate().map(|(at, words)| words.replace("{}", &(at + 1).to_string()));
                let arguments: Vec<String> = numbered.collect();
                out.commands.push(format!("aliyun ecs AuthorizeSecurityGroup {head} {}", arguments.join(" ")));
            }
            let revoked: Vec<&str> = revoked.into_iter().collect();
            for some in revoked.chunks(RULES_A_CALL) {
                let ids = some.iter().enumerate().map(|(at, rule)| format!("--SecurityGroupRuleId.{} {rule}", at + 1));
                let ids: Vec<String> = ids.collect();
                out.commands.push(format!("aliyun ecs RevokeSecurityGroup {head} {}", ids.join(" ")));
            }
            // Which they are, the command says; a list of sixty would drown what it warns of.
            let named = match &revoked[..] {
                [] => continue,
                [rule] => (*rule).to_owned(),
                rules => format!("{} rules", rules.len()),
            };
            out.notes.push(format!("Revoking {named} of {group} takes away everything else that they admit."));
        }
    }
}

fn which_group(port: &NarrowPort<'_>, groups: &[&str], rules: &BTreeSet<&str>) -> String {
    if groups.is_empty() {
        return format!("No security group is known in front of port {}: join one that holds the list.", port.port);
    }
    let rules: Vec<&str> = rules.iter().copied().collect();
    let rules = if rules.is_empty() { "no rule".to_owned() } else { rules.join(", ") };
    format!("Several security groups are in front of port {}: look up which holds {rules}.", port.port)
}

fn is_of(block: &IpNet, family: Family) -> bool {
    matches!(block, IpNet::V4(_)) == (family == Family::Ipv4)
}

/// One rule as arguments; `{}` stands for its number in the call.
fn permission_words(port: &NarrowPort<'_>, (source, priority, policy): (&str, u8, &str)) -> String {
    let source_name = if port.family == Family::Ipv4 { "SourceCidrIp" } else { "Ipv6SourceCidrIp" };
    let (protocol, port) = (if port.protocol == "udp" { "UDP" } else { "TCP" }, port.port);
    let p = "--Permissions.{}";
    format!(
        "{p}.IpProtocol {protocol} {p}.PortRange {port}/{port} {p}.{source_name} {source} {p}.Policy {policy} \
         {p}.Priority {priority}"
    )
}

/// The groups that a gate names: in its id, or for a network load balancer in its note.
fn groups_of<'a>(port: &NarrowPort<'a>, kind: GateKind) -> BTreeSet<&'a str> {
    let named = |text: &'a str| text.split([',', ' ', ';']).filter(|word| word.starts_with("sg-") && is_plain(word));
    port.gates.iter().filter(|gate| gate.0 == kind).flat_map(|gate| named(gate.1).chain(named(gate.2))).collect()
}

fn lets_others_in(verdict: PortVerdict) -> bool {
    matches!(verdict, PortVerdict::Open | PortVerdict::Unverified)
}

/// True for a word that no shell reads anything into.
fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with('-')
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(blocks: &[&str]) -> Vec<IpNet> {
        blocks.iter().map(|block| block.parse().expect("a block")).collect()
    }

    fn port<'a>(gates: Vec<(GateKind, &'a str, &'a str)>, fix_set: &'a [String]) -> NarrowPort<'a> {
        NarrowPort { protocol: "tcp", port: 6443, family: Family::Ipv4, verdict: PortVerdict::Open, gates, fix_set }
    }

    fn narrow<'a>(ports: Vec<NarrowPort<'a>>, allowlist: &'a [IpNet]) -> Narrow<'a> {
        Narrow {
            kind: EndpointKind::ClusterApiServer,
            region_id: "cn-hangzhou",
            load_balancer_id: Some("lb-1"),
            ports,
            allowlist,
            complete: true,
            also_admit: &[],
        }
    }

    #[test]
    fn a_listener_gets_a_filled_white_list_and_only_then_uses_it() {
        let allowlist = nets(&["203.0.113.9/32"]);
        let done = narrow(vec![port(vec![(GateKind::ClbAcl, "lb-1/6443", "acl off")], &[])], &allowlist).commands();
        assert_eq!(
            done.commands,
            [
                "ACL_IPV4=$(aliyun slb CreateAccessControlList --RegionId cn-hangzhou --AclName portcullis-lb-1-ipv4 \
                 --AddressIPVersion ipv4 | jq -er .AclId)",
                "aliyun slb AddAccessControlListEntry --RegionId cn-hangzhou --AclId \"$ACL_IPV4\" --AclEntrys \
                 '[{\"entry\":\"203.0.113.9/32\"},{\"entry\":\"10.0.0.0/8\"},{\"entry\":\"100.64.0.0/10\"},\
                 {\"entry\":\"172.16.0.0/12\"},{\"entry\":\"192.168.0.0/16\"}]'",
                "aliyun slb SetLoadBalancerTCPListenerAttribute --RegionId cn-hangzhou --LoadBalancerId lb-1 \
                 --ListenerPort 6443 --AclStatus on --AclType white --AclId \"$ACL_IPV4\"",
            ]
        );
    }

    #[test]
    fn what_else_the_balancer_serves_is_left_and_said() {
        let allowlist = nets(&["203.0.113.9/32"]);
        let gates = || vec![(GateKind::ClbAcl, "lb-1", "acl off")];
        let of = |number: u16| NarrowPort { port: number, ..port(gates(), &[]) };
        let ports = vec![of(15011), of(6443), of(443)];
        let done = Narrow { kind: EndpointKind::IstioPilot, ..narrow(ports, &allowlist) }.commands();
        let set: Vec<&String> = done.commands.iter().filter(|one| one.contains("SetLoadBalancer")).collect();
        assert!(set.len() == 1 && set[0].contains("--ListenerPort 15011 "), "{set:?}");
        for other in ["Port 443 ", "Port 6443 "] {
            assert!(done.notes.iter().any(|note| note.starts_with(other)), "{:?}", done.notes);
        }
    }

    #[test]
    fn no_call_adds_more_entries_than_the_vendor_takes() {
        let blocks: Vec<String> = (0..60).map(|n| format!("203.0.113.{n}/32")).collect();
        let allowlist = nets(&blocks.iter().map(String::as_str).collect::<Vec<_>>());
        let done = narrow(vec![port(vec![(GateKind::ClbAcl, "lb-1/6443", "acl off")], &[])], &allowlist).commands();
        let added: Vec<usize> = done
            .commands
            .iter()
            .filter(|command| command.contains("AddAccessControlListEntry"))
            .map(|command| command.matches("\"entry\"").count())
            .collect();
        assert_eq!(added, [50, 14]);
    }

    #[test]
    fn behind_a_network_load_balancer_the_needed_are_let_in_before_the_rest_is_dropped_and_revoked() {
        let (allowlist, fix_set) = (nets(&["203.0.113.9/32"]), vec!["sgr-1".to_owned()]);
        let gates = vec![(GateKind::NlbSecurityGroups, "nlb-1", "sg-1")];
        let done = narrow(vec![port(gates, &fix_set)], &allowlist).commands();
        let [authorize, revoke] = &done.commands[..] else { panic!("{:?}", done.commands) };
        assert!(authorize.starts_with(
            "aliyun ecs AuthorizeSecurityGroup --RegionId cn-hangzhou --SecurityGroupId sg-1 \
             --Permissions.1.IpProtocol TCP --Permissions.1.PortRange 6443/6443 --Permissions.1.SourceCidrIp \
             203.0.113.9/32 --Permissions.1.Policy accept --Permissions.1.Priority 1 "
        ));
        assert!(authorize.ends_with(
            "--Permissions.6.SourceCidrIp 0.0.0.0/0 --Permissions.6.Policy drop --Permissions.6.Priority 99"
        ));
        assert_eq!(
            revoke,
            "aliyun ecs RevokeSecurityGroup --RegionId cn-hangzhou --SecurityGroupId sg-1 --SecurityGroupRuleId.1 sgr-1"
        );
    }

    #[test]
    fn of_several_groups_none_is_guessed() {
        let (allowlist, fix_set) = (nets(&["203.0.113.9/32"]), vec!["sgr-1".to_owned()]);
        let gates = vec![(GateKind::NlbSecurityGroups, "nlb-1", "sg-1, sg-2")];
        let done = narrow(vec![port(gates, &fix_set)], &allowlist).commands();
        assert!(done.commands.is_empty(), "{:?}", done.commands);
        assert!(done.notes.iter().any(|note| note.contains("sgr-1")), "{:?}", done.notes);
    }

    #[test]
    fn an_incomplete_or_empty_allowlist_gives_no_command() {
        let allowlist = nets(&["203.0.113.9/32"]);
        let gates = || vec![(GateKind::ClbAcl, "lb-1/6443", "acl off")];
        let done = Narrow { complete: false, ..narrow(vec![port(gates(), &[])], &allowlist) }.commands();
        assert!(done.notes[0].contains("would be cut off"), "{:?}", done.notes);
        assert!(done.commands.is_empty(), "{:?}", done.commands);
        assert!(narrow(vec![port(gates(), &[])], &[]).commands().commands.is_empty());
    }

    #[test]
    fn of_ports_that_share_a_rule_all_are_served_before_it_is_revoked_once() {
        let (allowlist, fix_set) = (nets(&["203.0.113.9/32"]), vec!["sgr-1".to_owned()]);
        let on =
            |number| NarrowPort { port: number, ..port(vec![(GateKind::MeshSecurityGroup, "sg-1", "")], &fix_set) };
        let pilot = Narrow { kind: EndpointKind::IstioPilot, ..narrow(vec![on(15011), on(15012)], &allowlist) };
        let done = pilot.commands();
        let [authorize, revoke] = &done.commands[..] else { panic!("{:?}", done.commands) };
        assert!(authorize.contains("15011/15011") && authorize.contains("15012/15012"), "{authorize}");
        assert!(authorize.contains("--Permissions.10.PortRange 15012/15012"), "{authorize}");
        assert_eq!(revoke.matches("sgr-1").count(), 1, "{revoke}");
    }

    #[test]
    fn who_is_trusted_stays_admitted() {
        let (allowlist, trusted) = (nets(&["203.0.113.9/32"]), nets(&["198.51.100.0/24", "2001:db8::/32"]));
        let gates = vec![(GateKind::ClbAcl, "lb-1/6443", "acl off")];
        let narrow = Narrow { also_admit: &trusted, ..narrow(vec![port(gates, &[])], &allowlist) };
        let commands = narrow.commands().commands.join("\n");
        assert!(commands.contains("\"198.51.100.0/24\"") && !commands.contains("2001:db8"), "{commands}");
    }

    #[test]
    fn a_family_without_consumers_and_a_port_that_is_not_known_are_left_and_said() {
        let allowlist = nets(&["203.0.113.9/32"]);
        let gates = || vec![(GateKind::ClbAcl, "lb-1/6443", "acl off")];
        let v6 = NarrowPort { family: Family::Ipv6, ..port(gates(), &[]) };
        let unknown = NarrowPort { verdict: PortVerdict::Unknown, ..port(gates(), &[]) };
        let done = narrow(vec![v6, unknown], &allowlist).commands();
        assert!(done.commands.is_empty(), "{:?}", done.commands);
        assert_eq!(done.notes.len(), 2, "{:?}", done.notes);
    }

    #[test]
    fn a_hostile_id_gets_no_command_and_a_restricted_port_needs_none() {
        let allowlist = nets(&["203.0.113.9/32"]);
        let gates = || vec![(GateKind::ClbAcl, "lb-1/6443", "acl off")];
        for id in ["lb-1; rm -rf ~", "--force", "$(id)", "lb\n1", ""] {
            let done = Narrow { load_balancer_id: Some(id), ..narrow(vec![port(gates(), &[])], &allowlist) }.commands();
            assert!(done.commands.is_empty(), "{id:?}");
        }
        let restricted = NarrowPort { verdict: PortVerdict::Restricted, ..port(gates(), &[]) };
        assert_eq!(narrow(vec![restricted], &allowlist).commands(), Narrowing::default());
        let fix_set = vec!["sgr-1$(id)".to_owned(), "inner:sg-1".to_owned()];
        let gates = vec![(GateKind::MeshSecurityGroup, "sg-1", "")];
        assert!(narrow(vec![port(gates, &fix_set)], &allowlist).commands().commands.is_empty());
    }
}
