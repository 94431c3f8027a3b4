//! What a scene proves: that the endpoint is exposed still, and that nobody who is known needs it, or that a white list
//! admits whoever does.

use ipnet::IpNet;
use sha2::{Digest, Sha256};

use super::scene::Scene;
use crate::{
    analysis,
    findings::{Finding, FindingStatus},
    model::{
        Consumer, EndpointJudgement, Exposure, Family, LogReading, Need, Observer, Staleness, StalenessVerdict,
        UnitState,
    },
    netset::{AddressSet, Block},
    remediate::{
        Action, Change, CloudTime, Ledger, Proof, Source, Standing, Target, Unread,
        document::Reason,
        eligible::{self, Surroundings},
    },
};

/// Under this name stands whether the verdict as a whole lets the endpoint be closed, or fenced.
const VERDICT: &str = "the verdict on the endpoint";

/// The proof for an action.
pub(super) fn of(scene: &Scene, target: &Target, action: Option<&Action>) -> Result<Proof, Unread> {
    let ledger = ledger(scene);
    let exposed = scene.judged.as_ref().map_or(Standing::Unknown, |judged| match judged.exposure {
        Exposure::Exposed => Standing::Yes,
        Exposure::Private => Standing::No,
        Exposure::Unknown => Standing::Unknown,
    });
    let sources = match (&scene.judged, action.map(|action| &action.change)) {
        (Some(judged), Some(Change::Fence { port, entries, .. })) => admitted(judged, *port, entries),
        (Some(judged), _) => doing_without(judged),
        (None, _) => vec![Source { name: VERDICT.to_owned(), safe: Standing::Unknown }],
    };
    let evidence = scene.judged.as_ref().map_or(0, |judged| evidence(scene, judged));
    let millis = u64::try_from(scene.inventory.taken_at().timestamp_millis()).unwrap_or_default();
    let mut proof = Proof {
        scanned_at: CloudTime(millis),
        ledger,
        exposed,
        sources,
        no_sources: no_clusters(scene, target),
        evidence,
        against: action.map(|action| against(scene, &action.change)).unwrap_or_default(),
        digest: String::new(),
    };
    proof.digest = digest(&proof, scene)?;
    Ok(proof)
}

/// What a plan looks at beside who needs the endpoint: that it closes what it is for, and opens nothing.
fn against(scene: &Scene, planned: &Change) -> Vec<Reason> {
    // What is not exposed, or not known to be, is told by itself.
    let Some(judged) = scene.judged.as_ref().filter(|judged| judged.exposure == Exposure::Exposed) else {
        return Vec::new();
    };
    let surroundings = Surroundings::of(&scene.judgements.endpoints, &scene.findings);
    let required = analysis::required_by_vendor(judged.endpoint.kind);
    eligible::against(surroundings.known(judged, &required), planned)
}

/// Planned = scanned + denied + failed. What is not served there, or was left out, was not planned.
fn ledger(scene: &Scene) -> Ledger {
    let coverage = scene.inventory.coverage();
    let count = |state| u32::try_from(coverage.count(state)).unwrap_or(u32::MAX);
    let (scanned, denied) = (count(UnitState::Scanned), count(UnitState::Denied));
    let failed = count(UnitState::Failed).saturating_add(u32::from(scene.interrupted));
    Ledger { planned: scanned.saturating_add(denied).saturating_add(failed), scanned, denied, failed }
}

/// The mesh was read with its list of clusters, and neither names any.
fn no_clusters(scene: &Scene, target: &Target) -> bool {
    let id = target.endpoint.owner();
    let own = scene.inventory.meshes().iter().find(|mesh| mesh.service_mesh_id.as_str() == id);
    own.is_some_and(|mesh| mesh.clusters.is_empty() && mesh.data_plane.value().is_some_and(Vec::is_empty))
}

/// Everybody who may need the endpoint, and whether they do without. A verdict that does not let it be closed is one more
/// of them, so that nothing closes what a new scan would not call needless.
fn doing_without(judged: &EndpointJudgement) -> Vec<Source> {
    let staleness = &judged.staleness;
    let mut sources = without(staleness);
    if judged.exposure == Exposure::Exposed {
        let safe = match staleness.verdict {
            StalenessVerdict::Stale if !staleness.after_migration => Standing::Yes,
            StalenessVerdict::Orphaned if staleness.unexpected.is_empty() => Standing::Yes,
            StalenessVerdict::Unknown | StalenessVerdict::NotExposed => Standing::Unknown,
            StalenessVerdict::Stale | StalenessVerdict::Orphaned | StalenessVerdict::Required => Standing::No,
        };
        if safe != Standing::Yes {
            sources.push(Source { name: format!("{VERDICT} ({})", staleness.verdict), safe });
        }
        sources.extend(users_of_other_ports(judged));
    }
    sources
}

/// Whoever uses other ports of the balancer has no other way than the EIP, as far as anybody knows.
fn users_of_other_ports(judged: &EndpointJudgement) -> Vec<Source> {
    match &judged.changing.other_ports {
        Some(ports) => {
            let user = |port: &String| Source { name: format!("whoever uses {port} there"), safe: Standing::No };
            ports.iter().map(user).collect()
        }
        None => vec![Source { name: "whoever uses other ports there".to_owned(), safe: Standing::Unknown }],
    }
}

/// Consumers, and strangers in logs.
pub(super) fn without(staleness: &Staleness) -> Vec<Source> {
    let consumer = |one: &Consumer| Source { name: one.id.clone(), safe: does_without(one) };
    let stranger = |address: String| Source { name: address, safe: Standing::No };
    let strangers = staleness.unexpected.iter().map(|client| stranger(client.address.to_string()));
    staleness.consumers.iter().map(consumer).chain(strangers).collect()
}

fn does_without(consumer: &Consumer) -> Standing {
    match consumer.need {
        Need::NotNeeded | Need::Gone => Standing::Yes,
        Need::Needed | Need::Misrouted | Need::Unexpected => Standing::No,
        Need::Undetermined => Standing::Unknown,
    }
}

/// A list has one family, and what it stands in front of is reached over IPv4 alone.
fn ipv4(blocks: &[IpNet]) -> AddressSet {
    blocks.iter().filter(|block| matches!(block, IpNet::V4(_))).copied().collect()
}

/// Everybody whom the new white list of a port has to let in.
pub(super) fn admitted(judged: &EndpointJudgement, port: u16, entries: &[String]) -> Vec<Source> {
    let parsed: Result<Vec<Block>, _> = entries.iter().map(|entry| Block::parse(entry)).collect();
    let staleness = &judged.staleness;
    let Ok(blocks) = parsed else {
        return vec![Source { name: "the entries of the new list".to_owned(), safe: Standing::No }];
    };
    let list: AddressSet = blocks.into_iter().collect();
    let lets_in = |set: AddressSet| match set.subtract(&list).is_empty() {
        true => Standing::Yes,
        false => Standing::No,
    };
    let of_consumer = |one: &Consumer| {
        let egress = ipv4(&one.egress);
        let safe = match (one.need, lets_in(egress)) {
            (Need::NotNeeded | Need::Gone, _) => Standing::Yes,
            (_, Standing::No) => Standing::No,
            // Where it comes from is not known, or not all of it.
            _ if one.egress.is_empty() || !one.egress_complete => Standing::Unknown,
            (_, standing) => standing,
        };
        Source { name: one.id.clone(), safe }
    };
    let mut sources: Vec<Source> = staleness.consumers.iter().map(of_consumer).collect();
    let named = |name: &str, safe| Source { name: name.to_owned(), safe };
    // Whom the listener refuses now stays refused.
    let row = judged.access.iter().find(|row| row.port == port && row.protocol == "tcp" && row.family == Family::Ipv4);
    let now = row.map_or_else(AddressSet::full, |row| row.let_in_by_listener().0);
    let trusted = ipv4(&staleness.also_admit).intersect(&now);
    sources.push(named("what is trusted there, and the blocks of the VPCs", lets_in(trusted)));
    let required: AddressSet = analysis::required_by_vendor(judged.endpoint.kind).into_iter().collect();
    sources.push(named("what the vendor requires", lets_in(required)));
    if judged.exposure == Exposure::Exposed && staleness.verdict != StalenessVerdict::Required {
        sources.push(Source { name: format!("{VERDICT} ({})", staleness.verdict), safe: Standing::Unknown });
    }
    sources
}

/// Logs about the endpoint, or the networks of its consumers, that were read whole.
fn evidence(scene: &Scene, judged: &EndpointJudgement) -> u32 {
    let networks: Vec<&str> = judged.staleness.consumers.iter().map(|one| one.vpc_id.as_str()).collect();
    let about = |log: &&LogReading| match log.observer {
        Observer::Mesh | Observer::Cluster => log.observed == judged.endpoint.resource_id,
        Observer::Vpc => networks.contains(&log.observed.as_str()),
        Observer::File => true,
    };
    let whole = scene.inventory.logs().iter().filter(|log| log.complete).filter(about).count();
    u32::try_from(whole).unwrap_or(u32::MAX)
}

/// Whether the findings that the change is for are gone.
pub(super) fn rule_passes(scene: &Scene, target: &Target, change: &Change) -> Standing {
    let Some(judged) = &scene.judged else { return without_endpoint(scene, target) };
    let (rules, may_be): (&[&str], _) = match change {
        Change::Unbind { .. } => (&UNBOUND, judged.exposure == Exposure::Private),
        Change::Fence { .. } => (&FENCED, judged.exposure == Exposure::Exposed),
    };
    let id = judged.endpoint.id();
    let own = |finding: &&Finding| {
        rules.contains(&finding.rule_id.as_str()) && finding.subject.endpoint_id().as_ref() == Some(&id)
    };
    let worst = scene.findings.iter().filter(own).map(|finding| finding.status);
    let statuses: Vec<FindingStatus> = worst.collect();
    match statuses.as_slice() {
        all if all.contains(&FindingStatus::Open) => Standing::No,
        [] if may_be && ledger(scene).complete() => Standing::Yes,
        _ => Standing::Unknown,
    }
}

/// The rules by which a plan closes an endpoint.
const UNBOUND: [&str; 3] = ["stale-exposure", "orphaned-exposure", "control-plane-public-eip"];

/// The rules by which a plan fences one.
const FENCED: [&str; 1] = ["required-exposure-open"];

/// A canary pilot that is over is no endpoint any more.
fn without_endpoint(scene: &Scene, target: &Target) -> Standing {
    let id = target.endpoint.owner();
    let over = matches!(target.endpoint, crate::remediate::Endpoint::CanaryPilot(_))
        && scene
            .inventory
            .meshes()
            .iter()
            .any(|mesh| mesh.service_mesh_id.as_str() == id && mesh.canary_pilot == crate::model::Reading::Absent);
    if over && ledger(scene).complete() { Standing::Yes } else { Standing::Unknown }
}

fn digest(proof: &Proof, scene: &Scene) -> Result<String, Unread> {
    let judged = serde_json::to_vec(&scene.judged).map_err(|error| Unread::Failed(error.to_string()))?;
    let mut hash = Sha256::new();
    hash.update(format!("{:?} {:?} {}", proof.ledger, proof.sources, proof.no_sources));
    hash.update(judged);
    Ok(format!("sha256:{}", data_encoding::HEXLOWER.encode(&hash.finalize())))
}
