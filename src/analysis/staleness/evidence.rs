//! Which logs would say whether an exposed endpoint is used: flow logs of the networks of its
//! consumers, the audit log of an API server, and the audit trail of the places that may know who
//! bound its EIP.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use crate::{
    analysis::exposure::Assessed,
    model::{
        AccountId, ConsumerKind, EndpointKind, EvidenceRead, EvidenceWanted, Reading, RegionId, ResourceKind, Scope,
        VpcId,
    },
};

use super::{Setting, consumers, entrance, mesh_of, target};

/// Where a data plane connects to a pilot: plain discovery, discovery over mutual TLS in its older and
/// newer form, and the webhooks.
const PILOT_PORTS: [u16; 4] = [15010, 15011, 15012, 15017];

/// Which region receives the events of the mesh product's central host is not documented, so this one
/// is asked beside the mesh's own.
const CENTRAL_REGION: &str = "cn-hangzhou";

/// The reads, each once, sorted.
pub(in crate::analysis) fn wanted(setting: &Setting<'_>, exposed: &[&Assessed<'_>]) -> Vec<EvidenceWanted> {
    let mut entrances: BTreeMap<(Scope, VpcId), BTreeSet<(IpAddr, u16)>> = BTreeMap::new();
    let mut trails: BTreeMap<Scope, (bool, bool)> = BTreeMap::new();
    let mut wanted = BTreeSet::new();
    for assessed in exposed {
        let endpoint = &assessed.judgement.endpoint;
        if !setting.references.is_scanned(&endpoint.account_id) {
            continue;
        }
        let is_mesh = endpoint.resource_kind == ResourceKind::Mesh;
        let central = is_mesh.then(|| RegionId::from(CENTRAL_REGION));
        for region_id in [Some(endpoint.region_id.clone()), central].into_iter().flatten() {
            let (of_meshes, of_clusters) = trails.entry(place(&endpoint.account_id, region_id)).or_default();
            *of_meshes |= is_mesh;
            *of_clusters |= !is_mesh;
        }
        match endpoint.kind {
            EndpointKind::IstioPilot | EndpointKind::IstioPilotCanary => senders(setting, assessed, &mut entrances),
            EndpointKind::MeshApiServer | EndpointKind::ClusterApiServer => wanted.extend(audit(setting, assessed)),
        }
    }
    let flows = entrances.into_iter().map(|((scope, vpc_id), entrances)| {
        let v_switches = setting.switches_of(vpc_id.as_str()).iter().map(|switch| switch.v_switch_id.clone()).collect();
        EvidenceWanted { scope, read: EvidenceRead::FlowLogs { vpc_id, v_switches, entrances } }
    });
    let trails = trails.into_iter().map(|(scope, (of_meshes, of_clusters))| EvidenceWanted {
        scope,
        read: EvidenceRead::Trail { of_meshes, of_clusters },
    });
    wanted.extend(flows.chain(trails));
    wanted.into_iter().collect()
}

fn place(account_id: &AccountId, region_id: RegionId) -> Scope {
    Scope { account_id: account_id.clone(), region_id }
}

/// The networks of a pilot's consumers, as far as they can be asked.
fn senders(
    setting: &Setting<'_>,
    assessed: &Assessed<'_>,
    entrances: &mut BTreeMap<(Scope, VpcId), BTreeSet<(IpAddr, u16)>>,
) {
    let Some(target) = target(setting, assessed) else { return };
    let ports: BTreeSet<u16> = PILOT_PORTS.into_iter().chain([assessed.port]).collect();
    let addresses = entrance(setting, assessed).addresses;
    for judged in consumers(setting, assessed, &target) {
        let consumer = judged.consumer;
        let located = setting.references.vpc(consumer.vpc_id.as_str()).map(|scope| scope.region_id.clone());
        let region_id = Some(consumer.region_id).filter(|id| !id.is_empty()).or(located);
        let (ConsumerKind::Cluster, Some(region_id)) = (consumer.kind, region_id) else { continue };
        if consumer.vpc_id.is_empty() || !setting.references.is_scanned(&consumer.account_id) {
            continue;
        }
        let asked = entrances.entry((place(&consumer.account_id, region_id), consumer.vpc_id)).or_default();
        asked.extend(addresses.iter().flat_map(|address| ports.iter().map(|port| (*address, *port))));
    }
    entrances.retain(|_, asked| !asked.is_empty());
}

fn audit(setting: &Setting<'_>, assessed: &Assessed<'_>) -> Option<EvidenceWanted> {
    let endpoint = &assessed.judgement.endpoint;
    let read = match endpoint.kind {
        EndpointKind::ClusterApiServer => EvidenceRead::ClusterAudit(endpoint.resource_id.as_str().into()),
        _ => {
            let mesh = mesh_of(setting, assessed)?;
            let named = Some(&mesh.audit_project).filter(|name| !name.is_empty()).cloned();
            let keeps_one = matches!(mesh.audit_enabled, Reading::Value(true));
            let project = keeps_one.then(|| named.unwrap_or_else(|| format!("mesh-log-{}", mesh.service_mesh_id)));
            EvidenceRead::MeshAudit { service_mesh_id: mesh.service_mesh_id.clone(), project }
        }
    };
    Some(EvidenceWanted { scope: place(&endpoint.account_id, endpoint.region_id.clone()), read })
}
