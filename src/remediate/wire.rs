//! Requests as the cloud's operations: what is signed, and what a plan shows of it. Nobody else makes a permit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AclKind, AclSetting, Action, Endpoint, Request, SignOrder};
use crate::{
    cloud::{
        api::write::{cs, servicemesh, slb, vpc},
        write::{WritePermit, WriteRequest},
    },
    model::{EipId, RegionId},
};

/// The tag by which an EIP names the plan that let go of it.
pub const PLAN_TAG: &str = "portcullis:plan";

/// What stands in a plan for values that are made when a request is signed.
const CLIENT_TOKEN: &str = "(made when it is sent)";

const PERMIT: WritePermit = WritePermit::for_remediation();

/// Why there is no such call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchCall {
    #[error("a listener's access control cannot be switched on with {0} ACLs: a call sets one")]
    AclCount(usize),
}

/// What an order is to send. The token makes a request that arrives twice one request, where the product knows tokens.
///
/// # Errors
/// If no operation does it.
pub(super) fn write_request(
    order: &SignOrder,
    region: &RegionId,
    client_token: &str,
) -> Result<WriteRequest, NoSuchCall> {
    build(order.request(), region, &order.write().intent, client_token)
}

/// The comment says in an ACL whose entries these are.
fn build(request: &Request, region: &RegionId, intent: &str, client_token: &str) -> Result<WriteRequest, NoSuchCall> {
    let region = region.as_str();
    Ok(match request {
        Request::Unbind { endpoint } => unbind(endpoint, region, client_token),
        Request::Bind { endpoint, eip } => bind(endpoint, eip, region, client_token),
        // Control planes listen with TCP, whatever is spoken over it.
        Request::SetListenerAcl { load_balancer, port, setting } => {
            let control = access_control(setting)?;
            slb::set_tcp_listener_access_control(&PERMIT, region, load_balancer.as_str(), *port, &control)
        }
        Request::Protect { eip, on } => vpc::eip_deletion_protection(&PERMIT, region, eip.as_str(), *on, client_token),
        Request::Tag { eip, plan: Some(plan) } => vpc::tag_eip(&PERMIT, region, eip.as_str(), PLAN_TAG, plan),
        Request::Tag { eip, plan: None } => vpc::untag_eip(&PERMIT, region, eip.as_str(), PLAN_TAG),
        Request::CreateAcl { name } => slb::create_acl(&PERMIT, region, name, slb::Family::Ipv4),
        Request::AddAclEntries { acl, entries } => {
            let entry = |cidr: &String| slb::Entry { cidr: cidr.clone(), comment: intent.to_owned() };
            slb::add_acl_entries(&PERMIT, region, acl.as_str(), &entries.iter().map(entry).collect::<Vec<_>>())
        }
        Request::DeleteAcl { acl } => slb::delete_acl(&PERMIT, region, acl.as_str()),
    })
}

fn unbind(endpoint: &Endpoint, region: &str, client_token: &str) -> WriteRequest {
    match mesh_slot(endpoint) {
        Ok((mesh, slot)) => servicemesh::unbind_eip(&PERMIT, mesh, slot),
        Err(cluster) => cs::unbind_api_server_eip(&PERMIT, region, cluster, client_token),
    }
}

fn bind(endpoint: &Endpoint, eip: &EipId, region: &str, client_token: &str) -> WriteRequest {
    match mesh_slot(endpoint) {
        Ok((mesh, slot)) => servicemesh::bind_eip(&PERMIT, mesh, slot, eip.as_str()),
        Err(cluster) => cs::bind_api_server_eip(&PERMIT, region, cluster, eip.as_str(), client_token),
    }
}

/// The mesh and which of its endpoints; or else the cluster.
fn mesh_slot(endpoint: &Endpoint) -> Result<(&str, servicemesh::Slot), &str> {
    match endpoint {
        Endpoint::Pilot(mesh) => Ok((mesh.as_str(), servicemesh::Slot::Pilot)),
        Endpoint::CanaryPilot(mesh) => Ok((mesh.as_str(), servicemesh::Slot::CanaryPilot)),
        Endpoint::MeshApiServer(mesh) => Ok((mesh.as_str(), servicemesh::Slot::ApiServer)),
        Endpoint::ClusterApiServer(cluster) => Err(cluster.as_str()),
    }
}

fn access_control(setting: &AclSetting) -> Result<slb::AccessControl, NoSuchCall> {
    let acl_type = match setting.kind {
        AclKind::White => slb::AclType::White,
        AclKind::Black => slb::AclType::Black,
    };
    match (setting.on, setting.ids.as_slice()) {
        (false, _) => Ok(slb::AccessControl::Off),
        (true, [id]) => Ok(slb::AccessControl::On { acl_type, acl_id: id.as_str().to_owned() }),
        (true, ids) => Err(NoSuchCall::AclCount(ids.len())),
    }
}

/// A call as a plan shows it: the operation and everything that is sent with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// `servicemesh:ModifyPilotEipResource`.
    pub operation: String,
    /// Picks the host.
    pub region: String,
    pub parameters: BTreeMap<String, String>,
}

impl Call {
    fn of(request: &Request, region: &RegionId, intent: &str) -> Result<Self, NoSuchCall> {
        let built = build(request, region, intent, CLIENT_TOKEN)?;
        Ok(Self {
            operation: built.operation().ram_action(),
            region: region.as_str().to_owned(),
            parameters: built.parameters().into_iter().collect(),
        })
    }
}

/// The calls of an action, in the order in which they are made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calls {
    /// Make the way back sure. What is so already is not made again.
    pub prepare: Vec<Call>,
    /// The change.
    pub change: Vec<Call>,
    /// The way back, if it is needed.
    pub inverse: Vec<Call>,
    /// What is cleared up at the end; for a fence, only after its way back.
    pub clear: Vec<Call>,
}

impl Calls {
    /// Those of an action of this plan. The id of an ACL that is not there yet is the name under which it is made.
    ///
    /// # Errors
    /// If no operation does it, or takes it back.
    pub fn of(action: &Action, plan: &str) -> Result<Self, NoSuchCall> {
        let acl = action.acl_name().into();
        let calls = |requests: Vec<Request>| -> Result<Vec<Call>, NoSuchCall> {
            requests.iter().map(|request| Call::of(request, &action.target.region, &action.intent)).collect()
        };
        let (prepare, clear) = action.insurance(plan);
        Ok(Self {
            prepare: calls(prepare)?,
            change: calls(vec![action.act(Some(&acl))])?,
            inverse: calls(vec![action.undo()])?,
            clear: calls(clear)?,
        })
    }
}
