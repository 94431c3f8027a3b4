//! The part of a report that says whether a public path is still needed, by whom, and who uses it.

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{List, Text, seconds};
use crate::model::{
    Binding, Client, Connectivity, Consumer, ConsumerKind, Need, Staleness, StalenessVerdict, Traffic, Via,
};

/// Whether the public path is still needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StalenessV1<'a> {
    pub verdict: StalenessVerdict,
    /// 0.00 to 1.00, in hundredths.
    pub confidence: f64,
    pub after_migration: bool,
    pub reason: Text<'a>,
    pub consumers: Vec<ConsumerV1<'a>>,
    /// Reads and logs that would decide an `unknown`.
    #[serde(default)]
    pub deciding: List<'a, String>,
    /// The smallest allowlist that would still serve the consumers that need the endpoint.
    #[serde(default)]
    pub proposed_allowlist: List<'a, IpNet>,
    /// True if that allowlist holds every address of every consumer that needs the endpoint.
    #[serde(default)]
    pub proposal_complete: bool,
    /// Whoever else an allowlist must not cut off: what is trusted there, and the blocks of its VPC.
    #[serde(default)]
    pub also_admit: List<'a, IpNet>,
    /// Sources in the logs that are none of the consumers.
    #[serde(default)]
    pub unexpected_clients: Vec<ClientV1<'a>>,
    /// Consumers that ought to be in the logs and are not.
    #[serde(default)]
    pub silent: List<'a, String>,
    /// Logs that were asked and do not show everything, and why.
    #[serde(default)]
    pub incomplete_logs: List<'a, String>,
    /// Where the platform's own opinion contradicts what was found.
    #[serde(default)]
    pub platform_disagrees: List<'a, String>,
    /// Requests without an authenticated user came from the internet.
    #[serde(default)]
    pub probed: bool,
}

/// Somebody who uses the endpoint, or may.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsumerV1<'a> {
    pub id: Text<'a>,
    pub kind: ConsumerKind,
    #[serde(default)]
    pub name: Text<'a>,
    #[serde(default)]
    pub account_id: Text<'a>,
    #[serde(default)]
    pub region_id: Text<'a>,
    pub vpc_id: Text<'a>,
    #[serde(default)]
    pub state: Text<'a>,
    pub need: Need,
    #[serde(default)]
    pub confidence: f64,
    #[serde(default)]
    pub reason: Text<'a>,
    pub connectivity: Connectivity,
    pub via: Option<Via>,
    pub forward: List<'a, String>,
    pub r#return: List<'a, String>,
    pub reasons: List<'a, String>,
    /// What would have to change for the nearest blocked path to open.
    #[serde(default)]
    pub steps: List<'a, String>,
    pub traffic: Traffic,
    /// Public addresses it comes from.
    #[serde(default)]
    pub egress: List<'a, IpNet>,
    /// True if those are all of them.
    #[serde(default)]
    pub egress_complete: bool,
}

/// A source seen in a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClientV1<'a> {
    pub address: std::net::IpAddr,
    #[serde(with = "seconds")]
    pub first_seen: DateTime<Utc>,
    #[serde(with = "seconds")]
    pub last_seen: DateTime<Utc>,
    pub count: u64,
    pub bytes: u64,
    pub users: List<'a, String>,
}

/// Who bound the EIP and when, by the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BindingV1<'a> {
    pub user: Text<'a>,
    #[serde(with = "seconds")]
    pub at: DateTime<Utc>,
    pub event_name: Text<'a>,
    pub event_id: Text<'a>,
    pub source_ip_address: Text<'a>,
}

impl<'a> From<&'a Staleness> for StalenessV1<'a> {
    fn from(staleness: &'a Staleness) -> Self {
        Self {
            verdict: staleness.verdict,
            confidence: hundredths(staleness.confidence_percent),
            after_migration: staleness.after_migration,
            reason: Text::Borrowed(&staleness.reason),
            consumers: staleness.consumers.iter().map(ConsumerV1::from).collect(),
            deciding: List::Borrowed(&staleness.deciding),
            proposed_allowlist: List::Borrowed(&staleness.proposed_allowlist),
            proposal_complete: staleness.proposal_complete,
            also_admit: List::Borrowed(&staleness.also_admit),
            unexpected_clients: staleness.unexpected.iter().map(ClientV1::from).collect(),
            silent: List::Borrowed(&staleness.silent),
            incomplete_logs: List::Borrowed(&staleness.incomplete_logs),
            platform_disagrees: List::Borrowed(&staleness.platform_disagrees),
            probed: staleness.probed,
        }
    }
}

impl<'a> From<&'a Consumer> for ConsumerV1<'a> {
    fn from(consumer: &'a Consumer) -> Self {
        let path = &consumer.path;
        Self {
            id: Text::Borrowed(&consumer.id),
            kind: consumer.kind,
            name: Text::Borrowed(&consumer.name),
            account_id: Text::Borrowed(consumer.account_id.as_str()),
            region_id: Text::Borrowed(consumer.region_id.as_str()),
            vpc_id: Text::Borrowed(consumer.vpc_id.as_str()),
            state: Text::Borrowed(&consumer.state),
            need: consumer.need,
            confidence: hundredths(consumer.confidence_percent),
            reason: Text::Borrowed(&consumer.reason),
            connectivity: path.connectivity,
            via: path.via,
            forward: List::Borrowed(&path.forward),
            r#return: List::Borrowed(&path.r#return),
            reasons: List::Borrowed(&path.reasons),
            steps: List::Borrowed(&path.steps),
            traffic: consumer.traffic,
            egress: List::Borrowed(&consumer.egress),
            egress_complete: consumer.egress_complete,
        }
    }
}

impl<'a> From<&'a Client> for ClientV1<'a> {
    fn from(client: &'a Client) -> Self {
        Self {
            address: client.address,
            first_seen: client.first_seen,
            last_seen: client.last_seen,
            count: client.count,
            bytes: client.bytes,
            users: List::Borrowed(&client.users),
        }
    }
}

impl<'a> From<&'a Binding> for BindingV1<'a> {
    fn from(binding: &'a Binding) -> Self {
        Self {
            user: Text::Borrowed(&binding.user),
            at: binding.at,
            event_name: Text::Borrowed(&binding.event_name),
            event_id: Text::Borrowed(&binding.event_id),
            source_ip_address: Text::Borrowed(&binding.source_ip_address),
        }
    }
}

fn hundredths(percent: u8) -> f64 {
    f64::from(percent) / 100.0
}
