//! Which endpoints a plan may change, and how: decided from a run's judgements, for people to read. Nothing here is believed
//! when a change is made; the [guards](super::guard) ask everything again, afresh.
//!
//! What is judged *stale*, or *orphaned* with nobody seen, is unbound; what is needed and open to others as well is fenced;
//! all else is left alone, with every reason and what would end it.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use sha2::{Digest, Sha256};

use super::{
    AclKind, AclSetting, Change, Target,
    document::{FindingRef, Proof, Reason},
    guard::NEW_PLAN,
};
use crate::{
    findings::{Finding, FindingStatus},
    model::{
        AccountId, AclId, ConsumerKind, EndpointJudgement, EndpointKind, Exposure, Family, LoadBalancerId, Need,
        PortVerdict, Sign, Staleness, StalenessVerdict, Traffic,
    },
    netset::AddressSet,
};

mod fence;
mod proof;

/// The rules that a change ends, by what is changed. Verification asks them again.
pub const UNBIND_RULES: [&str; 3] = ["stale-exposure", "orphaned-exposure", "control-plane-public-eip"];
pub const FENCE_RULES: [&str; 1] = ["required-exposure-open"];

/// Of those that an unbinding ends, the ones that say that it may go.
const NEEDLESS_RULES: [&str; 2] = ["stale-exposure", "orphaned-exposure"];

/// An endpoint, and what else is known that decides.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub judged: &'a EndpointJudgement,
    /// Those about it, of the same run.
    pub findings: &'a [&'a Finding],
    /// The mesh has a canary pilot.
    pub has_canary: bool,
    /// What the vendor needs in every white list in front of it.
    pub required: &'a [IpNet],
    /// Other endpoints that are public by the same EIP: their ids.
    pub sharing: &'a [String],
}

/// What decides about an endpoint beside itself, gathered once for all endpoints of a run: whoever plans and whoever judges
/// the plan again look at the same.
#[derive(Debug)]
pub struct Surroundings<'a> {
    findings: BTreeMap<String, Vec<&'a Finding>>,
    /// Meshes that have a canary pilot.
    canaries: BTreeSet<(&'a AccountId, &'a str)>,
    /// For each endpoint, the others that are public by its EIP.
    sharing: BTreeMap<String, Vec<String>>,
}

impl<'a> Surroundings<'a> {
    pub fn of(endpoints: &'a [EndpointJudgement], findings: &'a [Finding]) -> Self {
        let mut about: BTreeMap<String, Vec<&Finding>> = BTreeMap::new();
        for finding in findings {
            if let Some(id) = finding.subject.endpoint_id() {
                about.entry(id).or_default().push(finding);
            }
        }
        let canary = |one: &&EndpointJudgement| one.endpoint.kind == EndpointKind::IstioPilotCanary;
        let mesh = |one: &'a EndpointJudgement| (&one.endpoint.account_id, one.endpoint.resource_id.as_str());
        Self {
            findings: about,
            canaries: endpoints.iter().filter(canary).map(mesh).collect(),
            sharing: shared(endpoints),
        }
    }

    /// All that decides about one of the endpoints; `required` is what its vendor needs in a white list.
    pub fn known<'b>(&'b self, judged: &'b EndpointJudgement, required: &'b [IpNet]) -> Known<'b> {
        let (endpoint, id) = (&judged.endpoint, judged.endpoint.id());
        Known {
            judged,
            findings: self.findings.get(&id).map(Vec::as_slice).unwrap_or_default(),
            has_canary: self.canaries.contains(&(&endpoint.account_id, endpoint.resource_id.as_str())),
            required,
            sharing: self.sharing.get(&id).map(Vec::as_slice).unwrap_or_default(),
        }
    }
}

/// Endpoints that are public by the EIP of another one, with those others.
fn shared(endpoints: &[EndpointJudgement]) -> BTreeMap<String, Vec<String>> {
    let mut by_eip: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for one in endpoints {
        if let Some(eip_id) = &one.eip_id {
            by_eip.entry((&one.endpoint.account_id, eip_id)).or_default().push(one.endpoint.id());
        }
    }
    let others = |all: &[String], own: &String| all.iter().filter(|id| *id != own).cloned().collect();
    let several = by_eip.into_values().filter(|all| all.len() > 1);
    several.flat_map(|all| all.iter().map(|own| (own.clone(), others(&all, own))).collect::<Vec<_>>()).collect()
}

/// A change that may be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub target: Target,
    pub change: Change,
    pub load_balancer: LoadBalancerId,
    /// Whom the proof is about.
    pub clusters: Vec<String>,
    pub findings: Vec<FindingRef>,
    pub proof: Proof,
}

/// Data-plane clusters, or consumers that are known beforehand: whom a proof is about. Clients seen in logs come and go.
pub fn known_consumers(staleness: &Staleness) -> Vec<String> {
    let known = staleness.consumers.iter().filter(|one| one.kind != ConsumerKind::Client);
    let ids: BTreeSet<String> = known.map(|one| one.id.clone()).collect();
    ids.into_iter().collect()
}

/// What may be planned for an endpoint.
///
/// # Errors
/// Every reason why nothing is, at least one.
pub fn propose(known: Known<'_>) -> Result<Proposal, Vec<Reason>> {
    let judged = known.judged;
    let mut reasons = Reasons::default();
    reasons.everywhere(known);
    let change = match judged.staleness.verdict {
        StalenessVerdict::Stale | StalenessVerdict::Orphaned => unbinding(known, &mut reasons),
        StalenessVerdict::Required => fence::fence(known, &mut reasons),
        StalenessVerdict::Unknown => {
            let deciding = judged.staleness.deciding.join("; ");
            let until =
                if deciding.is_empty() { "it is known who uses it".to_owned() } else { format!("done: {deciding}") };
            reasons.add(format!("whether it is needed is unknown: {}", judged.staleness.reason), until);
            None
        }
        StalenessVerdict::NotExposed => None,
    };
    match (change, judged.load_balancer_id.clone()) {
        (Some(change), Some(load_balancer)) if reasons.0.is_empty() => Ok(Proposal {
            target: Target::of(&judged.endpoint),
            findings: ended_by(&change, known.findings),
            clusters: known_consumers(&judged.staleness),
            proof: proof::of(judged, &change),
            load_balancer,
            change,
        }),
        _ => {
            if reasons.0.is_empty() {
                reasons.add("nothing can be planned for it", "a new scan says otherwise");
            }
            Err(reasons.0)
        }
    }
}

/// Why a plan that is made now would not have a change that one of before has: none where it would.
pub fn against(known: Known<'_>, planned: &Change) -> Vec<Reason> {
    let proposed = match propose(known) {
        Ok(proposal) => proposal.change,
        Err(reasons) => return reasons,
    };
    let other =
        |what: &str| vec![Reason { why: format!("it would change {what} instead"), until: NEW_PLAN.to_owned() }];
    match (&proposed, planned) {
        (Change::Unbind { .. }, Change::Unbind { .. }) if proposed == *planned => Vec::new(),
        (Change::Fence { port: one, .. }, Change::Fence { port, entries, .. }) if one == port => {
            fence::opens(known, *port, entries).into_iter().collect()
        }
        (Change::Unbind { eip, address }, _) => other(&format!("the EIP {eip} ({address})")),
        (Change::Fence { port, .. }, _) => other(&format!("the listener of port {port}")),
    }
}

/// Why nothing is planned, in the order of asking.
#[derive(Clone, Debug, Default)]
struct Reasons(Vec<Reason>);

impl Reasons {
    fn add(&mut self, why: impl Into<String>, until: impl Into<String>) {
        self.0.push(Reason { why: why.into(), until: until.into() });
    }

    /// What any change needs.
    fn everywhere(&mut self, known: Known<'_>) {
        let judged = known.judged;
        match judged.exposure {
            Exposure::Exposed => {}
            Exposure::Private => self.add("it is not exposed", "it is, which needs nothing done now"),
            Exposure::Unknown => {
                let unread = judged.unread.join("; ");
                self.add(format!("whether it is exposed is unknown: {unread}"), "that is read");
            }
        }
        if !judged.protected_by.is_empty() {
            let marked = judged.protected_by.join(", ");
            self.add(format!("{marked} is tagged `portcullis:protect`"), "its owner takes the tag away");
        }
        for finding in known.findings.iter().filter(|finding| finding.status == FindingStatus::Waived) {
            let until = match &finding.waiver {
                Some(waiver) => format!("the waiver of {} ends ({})", waiver.owner, waiver.expires),
                None => "the waiver ends".to_owned(),
            };
            self.add(format!("{} is waived", finding.rule_id), until);
        }
        if judged.exposure != Exposure::Exposed {
            return;
        }
        if !judged.changing.state.eq_ignore_ascii_case("running") {
            let state = if judged.changing.state.is_empty() { "not known" } else { judged.changing.state.as_str() };
            self.add(format!("its state is {state}, not running"), "a new scan sees it running");
        }
        if !judged.contradictions.is_empty() {
            let said = judged.contradictions.join("; ");
            self.add(format!("what shows that it is exposed disagrees: {said}"), "a new scan finds no contradiction");
        }
        if judged.load_balancer_id.as_ref().is_none_or(|id| id.is_empty()) {
            self.add("its load balancer is not known", "the load balancer is read");
        }
        let is_canary = judged.endpoint.kind == EndpointKind::IstioPilotCanary;
        if known.has_canary && !is_canary {
            self.add("its mesh has a canary pilot", "the canary is finished");
        }
    }
}

/// Takes the EIP off an endpoint that nobody needs.
fn unbinding(known: Known<'_>, reasons: &mut Reasons) -> Option<Change> {
    let judged = known.judged;
    nobody_needs_it(judged, reasons);
    for other in known.sharing {
        reasons.add(format!("{other} is public by the same EIP"), "each has an EIP of its own, or only one is public");
    }
    closes_nothing_else(judged, reasons);
    closes_it(judged, reasons);
    if judged.changing.eip_offered != Some(true) {
        let (why, until) = match judged.changing.eip_offered {
            Some(_) => {
                ("this type of cluster does not offer to unbind its EIP", "the cluster is migrated to a managed one")
            }
            None => (
                "nobody says that this type of cluster offers to unbind its EIP",
                "a scan of this version reads a type that does",
            ),
        };
        reasons.add(why, until);
    }
    has_open_finding(known.findings, &NEEDLESS_RULES, reasons);
    let eip = judged.eip_id.clone()?;
    Some(Change::Unbind { eip, address: judged.public_address.clone()? })
}

/// Every consumer does without, nobody else was seen, and for API servers somebody looked.
fn nobody_needs_it(judged: &EndpointJudgement, reasons: &mut Reasons) {
    let staleness = &judged.staleness;
    if staleness.after_migration {
        let who = with_need(staleness, Need::Misrouted);
        let who = if who.is_empty() { "its clients".to_owned() } else { who };
        reasons.add(
            format!("taking it away now would cut traffic that has yet to move: {who}"),
            "they use their private path, and logs of 30 days show it",
        );
    }
    if !staleness.unexpected.is_empty() {
        let seen: Vec<String> = staleness.unexpected.iter().map(|client| client.address.to_string()).collect();
        reasons.add(
            format!("somebody uses it whom nobody expected: {}", seen.join(", ")),
            "it is known who that is, and they are gone",
        );
    }
    for need in [Need::Needed, Need::Undetermined, Need::Unexpected] {
        let who = with_need(staleness, need);
        if !who.is_empty() {
            reasons.add(format!("{who} is {need}"), "it is shown to do without");
        }
    }
    let seen = staleness
        .consumers
        .iter()
        .filter(|one| one.traffic == Traffic::Seen || one.kind == ConsumerKind::Client)
        .map(|one| one.id.clone())
        .collect::<Vec<_>>();
    if staleness.verdict == StalenessVerdict::Orphaned && !seen.is_empty() {
        reasons.add(format!("logs show that it is used: {}", seen.join(", ")), "logs of 30 days show nobody");
    }
    let is_api_server = matches!(judged.endpoint.kind, EndpointKind::MeshApiServer | EndpointKind::ClusterApiServer);
    if is_api_server && staleness.whole_logs == 0 {
        reasons.add(
            "no log that was read whole says who uses the API server",
            "30 days of its audit log are read: `scan --evidence`",
        );
    }
}

fn with_need(staleness: &Staleness, need: Need) -> String {
    let with = staleness.consumers.iter().filter(|one| one.need == need).map(|one| one.id.as_str());
    with.collect::<Vec<_>>().join(", ")
}

/// The balancer has the EIP for all of its listeners.
fn closes_nothing_else(judged: &EndpointJudgement, reasons: &mut Reasons) {
    match &judged.changing.other_ports {
        Some(ports) => {
            for port in ports {
                let why = format!("{port} of its balancer is not its own, and would be closed with it");
                reasons.add(why, "that port is served elsewhere, or its listener is stopped");
            }
        }
        None => reasons.add("what else its balancer serves is not known", "a new scan reads its listeners"),
    }
}

/// Unbinding this EIP leaves no other way in, and the product knows it.
fn closes_it(judged: &EndpointJudgement, reasons: &mut Reasons) {
    let others = [Sign::InternetLoadBalancer, Sign::NlbPublicAddress, Sign::Ipv6Address];
    let others: Vec<&str> =
        judged.signs.iter().filter(|sign| others.contains(sign)).map(|sign| sign.as_str()).collect();
    if !others.is_empty() {
        reasons
            .add(format!("it is public by more than its EIP: {}", others.join(", ")), "that way in is closed by hand");
    }
    // A cluster names no EIP: that it shows a public endpoint is all that it says of one.
    let shows_it =
        judged.endpoint.kind == EndpointKind::ClusterApiServer && judged.signs.contains(&Sign::PublicEndpoint);
    match (&judged.eip_id, &judged.product_eip_id) {
        (Some(bound), Some(named)) if bound == named => {}
        (Some(bound), Some(named)) => {
            reasons.add(format!("{bound} is bound, and the product names {named}"), "both are the same");
        }
        (Some(_), None) if shows_it => {}
        (Some(bound), None) => {
            reasons.add(format!("the product does not know that {bound} is bound"), "it is bound through the product");
        }
        (None, _) => reasons.add("its EIP is not known", "the EIP is read"),
    }
    if !judged.signs.contains(&Sign::EipOnLoadBalancer) {
        reasons.add("its EIP was not seen on its load balancer", "the EIP exists and is in use there");
    }
    if judged.public_address.is_none() {
        reasons.add("its public address is not known", "the EIP is read");
    }
}

fn has_open_finding(findings: &[&Finding], rules: &[&str], reasons: &mut Reasons) {
    let of_rule = |finding: &&&Finding| rules.contains(&finding.rule_id.as_str());
    if !findings.iter().filter(of_rule).any(|finding| finding.status == FindingStatus::Open) {
        let why = format!("no finding of {} is open", rules.join(" or "));
        reasons.add(why, "the rule runs, and all that it looks at is read");
    }
}

/// The open findings that the change ends.
fn ended_by(change: &Change, findings: &[&Finding]) -> Vec<FindingRef> {
    let rules: &[&str] = match change {
        Change::Unbind { .. } => &UNBIND_RULES,
        Change::Fence { .. } => &FENCE_RULES,
    };
    let mut ended: Vec<FindingRef> = findings
        .iter()
        .filter(|finding| finding.status == FindingStatus::Open && rules.contains(&finding.rule_id.as_str()))
        .map(|finding| FindingRef { fingerprint: finding.fingerprint.clone(), rule_id: finding.rule_id.clone() })
        .collect();
    ended.sort_by(|one, other| (&one.rule_id, &one.fingerprint).cmp(&(&other.rule_id, &other.fingerprint)));
    ended
}

#[cfg(test)]
mod tests;
