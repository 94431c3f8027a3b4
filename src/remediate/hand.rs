//! The hand that writes: an order of a machine becomes one signed request, which is sent once.
//!
//! Nobody else makes a permit. What was signed is kept here until it is sent or another is signed; it cannot be copied,
//! and what the machine holds of it is a name.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{AclKind, AclSetting, CloudTime, Endpoint, Heard, Request, SignOrder, Signed, Target};
use crate::{
    cloud::{
        api::{
            slb::Protocol,
            write::{
                cs,
                servicemesh::{self, Slot as MeshSlot},
                slb::{self, AccessControl, AclType, Entry, Family},
                vpc,
            },
        },
        client::{Account, Client},
        write::{Outcome, SignedWrite, WritePermit, WriteRequest},
    },
    model::RegionId,
};

/// The tag of an EIP that is to be kept for the way back; its value is the plan's id.
const PLAN_TAG: &str = "portcullis:plan";

/// Signs and sends for one account.
#[derive(Debug)]
pub struct Hand {
    client: Client,
    account: Account,
    /// How long an answer is waited for.
    deadline: Duration,
    /// Signed, and not sent.
    kept: Option<(String, SignedWrite)>,
    signed: u64,
}

/// What was heard, and the cloud's id of the call, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub heard: Heard,
    pub request_id: String,
}

impl Hand {
    pub fn new(client: Client, account: Account, deadline: Duration) -> Self {
        Self { client, account, deadline, kept: None, signed: 0 }
    }

    /// Signs an order, with the time that it bears. Nothing is sent.
    ///
    /// # Errors
    /// In words: no endpoint, no keys, keys that end before the call could.
    pub async fn sign(&mut self, target: &Target, order: SignOrder) -> Result<Signed, String> {
        self.kept = None;
        let at = date(order.at()).ok_or("the time to sign with is none")?;
        let write = request(&target.region, &order).ok_or("the change cannot be asked for in one request")?;
        let signed = self.client.sign_write(&self.account, write, at).await.map_err(|error| error.to_string())?;
        // Keys that end in the middle would leave a doubt that need not be.
        if signed.keys_end().is_some_and(|end| end <= at + self.deadline) {
            return Err("the keys end before the call could".to_owned());
        }
        self.signed += 1;
        let name = self.signed.to_string();
        self.kept = Some((name.clone(), signed));
        Ok(Signed::new(order, name))
    }

    /// Sends what was signed last, once.
    pub async fn send(&mut self, signed: &Signed) -> Answer {
        let Some((_, write)) = self.kept.take().filter(|(name, _)| name == signed.signature()) else {
            // It was dropped unsent, here and for good.
            return Answer { heard: Heard::Refused("not-sent".to_owned()), request_id: String::new() };
        };
        match tokio::time::timeout(self.deadline, self.client.send_write(write)).await {
            Ok(outcome) => Answer { request_id: outcome.request_id().to_owned(), heard: heard(outcome) },
            Err(_) => Answer { heard: Heard::Lost("no answer in time".to_owned()), request_id: String::new() },
        }
    }
}

fn heard(outcome: Outcome) -> Heard {
    match outcome {
        Outcome::Acked(_) => Heard::Accepted,
        Outcome::Rejected(failure) => Heard::Refused(failure.code),
        Outcome::Ambiguous(failure) => Heard::Lost(format!("{}: {}", failure.code, failure.reason)),
    }
}

fn date(at: CloudTime) -> Option<DateTime<Utc>> {
    i64::try_from(at.0).ok().and_then(DateTime::from_timestamp_millis)
}

const PERMIT: WritePermit = WritePermit::for_remediation();

/// The request as the cloud takes it; `None` for what has no such form.
fn request(region: &RegionId, order: &SignOrder) -> Option<WriteRequest> {
    let token = || token(order);
    let region = region.as_str();
    Some(match order.request() {
        Request::Unbind { endpoint } => match endpoint {
            Endpoint::ClusterApiServer(cluster) => {
                cs::unbind_api_server_eip(&PERMIT, region, cluster.as_str(), &token())
            }
            _ => servicemesh::unbind_eip(&PERMIT, endpoint.owner(), slot(endpoint)?),
        },
        Request::Bind { endpoint, eip } => match endpoint {
            Endpoint::ClusterApiServer(cluster) => {
                cs::bind_api_server_eip(&PERMIT, region, cluster.as_str(), eip.as_str(), &token())
            }
            _ => servicemesh::bind_eip(&PERMIT, endpoint.owner(), slot(endpoint)?, eip.as_str()),
        },
        Request::SetListenerAcl { load_balancer, port, setting } => {
            let control = control(setting)?;
            // Control planes listen with TCP, whatever is spoken over it.
            let (balancer, tcp) = (load_balancer.as_str(), Protocol::Tcp);
            slb::set_listener_access_control(&PERMIT, region, balancer, tcp, *port, &control)
        }
        Request::Protect { eip, on } => vpc::eip_deletion_protection(&PERMIT, region, eip.as_str(), *on, &token()),
        Request::Tag { eip, plan: Some(plan) } => vpc::tag_eip(&PERMIT, region, eip.as_str(), PLAN_TAG, plan),
        Request::Tag { eip, plan: None } => vpc::untag_eip(&PERMIT, region, eip.as_str(), PLAN_TAG),
        Request::CreateAcl { name } => slb::create_acl(&PERMIT, region, name, Family::Ipv4),
        Request::AddAclEntries { acl, entries } => {
            let comment = order.write().intent.clone();
            let entry = |cidr: &String| Entry { cidr: cidr.clone(), comment: comment.clone() };
            slb::add_acl_entries(&PERMIT, region, acl.as_str(), &entries.iter().map(entry).collect::<Vec<_>>())
        }
        Request::DeleteAcl { acl } => slb::delete_acl(&PERMIT, region, acl.as_str()),
    })
}

fn slot(endpoint: &Endpoint) -> Option<MeshSlot> {
    match endpoint {
        Endpoint::Pilot(_) => Some(MeshSlot::Pilot),
        Endpoint::CanaryPilot(_) => Some(MeshSlot::CanaryPilot),
        Endpoint::MeshApiServer(_) => Some(MeshSlot::ApiServer),
        Endpoint::ClusterApiServer(_) => None,
    }
}

/// The operation takes one list.
fn control(setting: &AclSetting) -> Option<AccessControl> {
    match (setting.on, setting.ids.as_slice()) {
        (false, _) => Some(AccessControl::Off),
        (true, [acl]) => {
            let acl_type = match setting.kind {
                AclKind::White => AclType::White,
                AclKind::Black => AclType::Black,
            };
            Some(AccessControl::On { acl_type, acl_id: acl.as_str().to_owned() })
        }
        (true, _) => None,
    }
}

/// One token for one order: the same request twice would be one, and another order is another request.
fn token(order: &SignOrder) -> String {
    use sha2::{Digest, Sha256};
    let write = order.write();
    let what = format!("{}|{:?}|{:?}|{}", write.intent, write.write, order.request(), order.at().0);
    data_encoding::HEXLOWER.encode(&Sha256::digest(what.as_bytes())[..16])
}
