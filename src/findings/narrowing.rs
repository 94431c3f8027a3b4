//! The vendor's command lines that would keep everybody from an endpoint but those who need it: text
//! for a person to read, change and run. Nothing here runs anything.
//!
//! A list at a listener filters the private address of the balancer as well as the public one, so
//! the private ranges stay admitted: consumers within the network must not be cut off.

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::model::{AccessRow, EndpointJudgement, Family, Gate, GateKind, PortVerdict};

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
    pub region_id: &'a str,
    pub load_balancer_id: Option<&'a str>,
    pub ports: Vec<NarrowPort<'a>>,
    /// Public addresses of those who need the endpoint.
    pub allowlist: &'a [IpNet],
    /// True if that is all of them.
    pub complete: bool,
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
            region_id: judgement.endpoint.region_id.as_str(),
            load_balancer_id: judgement.load_balancer_id.as_ref().map(|id| id.as_str()),
            ports: judgement.access.iter().map(port).collect(),
            allowlist: &judgement.staleness.proposed_allowlist,
            complete: judgement.staleness.proposal_complete,
        }
    }
}

impl Narrow<'_> {
    /// The commands that put the allowlist in force on every port that more than it gets through.
    pub fn commands(&self) -> Narrowing {
        let mut out = Narrowing::default();
        if !self.complete {
            out.notes.push(
                "The allowlist is not complete: the commands must not be applied before every address is in it.".into(),
            );
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
        for family in Family::ALL {
            let ports: Vec<&NarrowPort<'_>> =
                self.ports.iter().filter(|port| port.family == *family && lets_others_in(port.verdict)).collect();
            if !ports.is_empty() {
                self.narrow_family(*family, &ports, &mut out);
            }
        }
        if !out.commands.is_empty() {
            out.notes.push(
                "Private ranges stay admitted, since the list filters the private address too; narrow them to your own."
                    .into(),
            );
        }
        out
    }

    fn narrow_family(&self, family: Family, ports: &[&NarrowPort<'_>], out: &mut Narrowing) {
        let entries = self.entries(family);
        let behind = |kind: GateKind| -> Vec<&NarrowPort<'_>> {
            ports.iter().copied().filter(|port| port.gates.iter().any(|gate| gate.0 == kind)).collect()
        };
        let classic = behind(GateKind::ClbAcl);
        match self.load_balancer_id {
            Some(balancer) if !classic.is_empty() => self.white_list(balancer, family, &classic, &entries, out),
            None if !classic.is_empty() => out.notes.push("Its load balancer is not known: find it first.".into()),
            _ => {}
        }
        for port in behind(GateKind::MeshSecurityGroup) {
            self.groups(port, GateKind::MeshSecurityGroup, &entries, out);
        }
        for port in behind(GateKind::NlbSecurityGroups) {
            self.groups(port, GateKind::NlbSecurityGroups, &entries, out);
        }
    }

    /// The allowlist's blocks of a family and the private ranges, sorted.
    fn entries(&self, family: Family) -> Vec<String> {
        let of_family = |block: &&IpNet| matches!(block, IpNet::V4(_)) == (family == Family::Ipv4);
        let private: &[&str] = if family == Family::Ipv4 { &PRIVATE_V4 } else { &PRIVATE_V6 };
        let public = self.allowlist.iter().filter(of_family).map(ToString::to_string);
        public.chain(private.iter().map(|block| (*block).to_owned())).collect()
    }

    /// A list of its own, put in front of the listeners as a white list once it is filled.
    fn white_list(
        &self,
        balancer: &str,
        family: Family,
        ports: &[&NarrowPort<'_>],
        entries: &[String],
        out: &mut Narrowing,
    ) {
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

    /// Rules for those who need the port first, then the rules that let everybody else in are revoked. Behind a network
    /// load balancer everything is accepted that no rule drops, so a rule that drops is added.
    fn groups(&self, port: &NarrowPort<'_>, kind: GateKind, entries: &[String], out: &mut Narrowing) {
        let network = kind == GateKind::NlbSecurityGroups;
        let rules: Vec<&str> =
            port.fix_set.iter().map(String::as_str).filter(|rule| rule.starts_with("sgr-") && is_plain(rule)).collect();
        if rules.is_empty() && !network {
            return;
        }
        let groups = groups_of(port, kind);
        let [group] = groups.iter().copied().collect::<Vec<_>>()[..] else {
            let rules = if rules.is_empty() { "no rule".to_owned() } else { rules.join(", ") };
            out.notes.push(match groups.len() {
                0 => {
                    format!("No security group is known in front of port {}: join one that holds the list.", port.port)
                }
                _ => {
                    format!("Several security groups are in front of port {}: look up which holds {rules}.", port.port)
                }
            });
            return;
        };
        let head = format!("--RegionId {} --SecurityGroupId {group}", self.region_id);
        let mut permissions: Vec<(&str, u8, &str)> =
            entries.iter().map(|entry| (entry.as_str(), 1, "accept")).collect();
        if network {
            permissions.push((if port.family == Family::Ipv4 { "0.0.0.0/0" } else { "::/0" }, 99, "drop"));
        }
        for some in permissions.chunks(RULES_A_CALL) {
            let rules: Vec<String> =
                some.iter().enumerate().map(|(at, permission)| rule_arguments(at + 1, port, permission)).collect();
            out.commands.push(format!("aliyun ecs AuthorizeSecurityGroup {head} {}", rules.join(" ")));
        }
        for some in rules.chunks(RULES_A_CALL) {
            let ids: Vec<String> =
                some.iter().enumerate().map(|(at, rule)| format!("--SecurityGroupRuleId.{} {rule}", at + 1)).collect();
            out.commands.push(format!("aliyun ecs RevokeSecurityGroup {head} {}", ids.join(" ")));
        }
        if !rules.is_empty() {
            out.notes.push(format!(
                "Revoking {} takes away everything else that these rules of {group} admit.",
                rules.join(", ")
            ));
        }
    }
}

fn rule_arguments(number: usize, port: &NarrowPort<'_>, (source, priority, policy): &(&str, u8, &str)) -> String {
    let source_name = if port.family == Family::Ipv4 { "SourceCidrIp" } else { "Ipv6SourceCidrIp" };
    let (protocol, port) = (if port.protocol == "udp" { "UDP" } else { "TCP" }, port.port);
    let p = format!("--Permissions.{number}");
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
        Narrow { region_id: "cn-hangzhou", load_balancer_id: Some("lb-1"), ports, allowlist, complete: true }
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
    fn an_incomplete_or_empty_allowlist_is_said_first() {
        let allowlist = nets(&["203.0.113.9/32"]);
        let gates = || vec![(GateKind::ClbAcl, "lb-1/6443", "acl off")];
        let done = Narrow { complete: false, ..narrow(vec![port(gates(), &[])], &allowlist) }.commands();
        assert!(done.notes[0].contains("must not be applied"), "{:?}", done.notes);
        assert!(narrow(vec![port(gates(), &[])], &[]).commands().commands.is_empty());
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
