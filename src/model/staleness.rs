//! Whether a public path is still needed (analysis.md 3): the words, the consumers of an endpoint and
//! what is known of each.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{AccountId, RegionId, VpcId, words::words};

words! {
    /// Whether the public path is still needed (product.md 4).
    StalenessVerdict {
        Required = "required",
        Stale = "stale",
        Orphaned = "orphaned",
        Unknown = "unknown",
        NotExposed = "not-exposed",
    }
}

words! {
    /// Whether one consumer needs the public path.
    Need {
        Needed = "needed",
        NotNeeded = "not-needed",
        /// A private path exists, and the consumer uses the public one.
        Misrouted = "misrouted",
        Gone = "gone",
        Undetermined = "undetermined",
        /// Somebody uses the endpoint who is none of its consumers.
        Unexpected = "unexpected",
    }
}

words! {
    /// Whether a consumer reaches the endpoint's private address, there and back.
    Connectivity {
        Connected = "connected",
        Blocked = "blocked",
        Partial = "partial",
        Unknown = "unknown",
    }
}

words! {
    /// What carries a private connection.
    Via {
        SameVpc = "same-vpc",
        Route = "route",
        PrivateLink = "private-link",
    }
}

words! {
    /// What kind of thing uses an endpoint.
    ConsumerKind {
        /// A data-plane cluster of a mesh.
        Cluster = "cluster",
        /// A mesh that manages the cluster.
        Mesh = "mesh",
        /// Named under `consumers` in the configuration.
        Configured = "configured",
        /// Seen in a log.
        Client = "client",
    }
}

words! {
    /// What logs say of a consumer's use of the public path during the window.
    Traffic {
        Seen = "seen",
        /// The logs cover the consumer for the whole window, and it is not in them.
        None = "none",
        /// No log covers it.
        NotAvailable = "not-available",
    }
}

/// Somebody who uses an endpoint, or may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// Cluster or mesh id, the name in the configuration, or the client's address.
    pub id: String,
    pub kind: ConsumerKind,
    pub name: String,
    pub account_id: AccountId,
    pub region_id: RegionId,
    pub vpc_id: VpcId,
    /// The state that its mesh or its own API gives; empty where there is none.
    pub state: String,
    pub need: Need,
    /// Hundredths.
    pub confidence_percent: u8,
    /// Why, in a sentence.
    pub reason: String,
    pub path: ConsumerPath,
    pub traffic: Traffic,
    /// Addresses it leaves its VPC with: NAT and node EIPs, as host blocks, sorted.
    pub egress: Vec<IpNet>,
    /// True if `egress` holds all of them.
    pub egress_complete: bool,
}

/// The private path between a consumer and the endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerPath {
    pub connectivity: Connectivity,
    pub via: Option<Via>,
    /// One text per hop, from the consumer to the endpoint.
    pub forward: Vec<String>,
    /// One text per hop, back.
    pub r#return: Vec<String>,
    /// `direction:Code@object`, sorted.
    pub reasons: Vec<String>,
    /// What would have to change for the nearest blocked path to open, in order.
    pub steps: Vec<String>,
}

impl ConsumerPath {
    /// Nothing is known of a path.
    pub fn unknown(reasons: Vec<String>) -> Self {
        Self {
            connectivity: Connectivity::Unknown,
            via: None,
            forward: Vec::new(),
            r#return: Vec::new(),
            reasons,
            steps: Vec::new(),
        }
    }
}

/// A source address seen in a log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Client {
    pub address: IpAddr,
    pub first_seen: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    /// Packets, connections or requests, as the log counts.
    pub count: u64,
    /// Zero where the log does not say.
    pub bytes: u64,
    /// Authenticated users, sorted; empty in flow logs and for anonymous or rejected requests.
    pub users: Vec<String>,
}

/// Whether the public path of an endpoint is still needed, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staleness {
    pub verdict: StalenessVerdict,
    /// Hundredths: 80 is 0.80. Integer, so that equal judgements are equal bytes.
    pub confidence_percent: u8,
    /// `stale`, but taking the public path away now would cut traffic that has yet to move.
    pub after_migration: bool,
    pub reason: String,
    /// Sorted by kind and id.
    pub consumers: Vec<Consumer>,
    /// Reads and logs that would decide an `unknown`, one sentence each, sorted.
    pub deciding: Vec<String>,
    /// The smallest allowlist that would still serve the consumers that need the endpoint.
    pub proposed_allowlist: Vec<IpNet>,
    /// True if `proposed_allowlist` holds every address of every consumer that needs it.
    pub proposal_complete: bool,
    /// Where somebody needs it: whoever else an allowlist must not cut off, which is what is trusted there
    /// and the blocks of its VPC.
    pub also_admit: Vec<IpNet>,
    /// Seen in logs, and none of the expected consumers, sorted by address.
    pub unexpected: Vec<Client>,
    /// True if logs hold all that came in at the public address, and no stranger is in them.
    #[serde(default)]
    pub strangers_known: bool,
    /// Ids of consumers that ought to be in the logs and are not, sorted.
    pub silent: Vec<String>,
    /// Logs that were asked and do not show everything, and why, one sentence each, sorted.
    pub incomplete_logs: Vec<String>,
    /// Logs about it, or about its consumers' networks, that were read whole.
    #[serde(default)]
    pub whole_logs: u32,
    /// Requests without an authenticated user came from the internet.
    pub probed: bool,
    /// Traffic passes the public address, untrusted sources get in, and no log tells use from scanning.
    #[serde(default)]
    pub unattributed: bool,
    /// What the platform itself says where it contradicts what was found, one sentence each.
    pub platform_disagrees: Vec<String>,
}

impl Staleness {
    /// A verdict for which no consumer had to be looked at.
    pub fn plain(verdict: StalenessVerdict, confidence_percent: u8, reason: &str) -> Self {
        Self {
            verdict,
            confidence_percent,
            after_migration: false,
            reason: reason.to_owned(),
            consumers: Vec::new(),
            deciding: Vec::new(),
            proposed_allowlist: Vec::new(),
            proposal_complete: false,
            also_admit: Vec::new(),
            unexpected: Vec::new(),
            strangers_known: false,
            silent: Vec::new(),
            incomplete_logs: Vec::new(),
            whole_logs: 0,
            probed: false,
            unattributed: false,
            platform_disagrees: Vec::new(),
        }
    }
}

/// Who bound an EIP to an endpoint, as the audit trail has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Binding {
    /// The user's name, or the kind of caller where there is none.
    pub user: String,
    pub at: DateTime<Utc>,
    /// The operation that bound it.
    pub event_name: String,
    pub event_id: String,
    pub source_ip_address: String,
}
