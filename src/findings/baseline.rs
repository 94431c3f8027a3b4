//! What an earlier run had: its open findings, and how far each exposure reached.
//!
//! A finding is known only while it is no worse than it was. A fingerprint says what a finding is about and not how bad
//! it is: a port that was open to one address and is open to the world now has the same one.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;

use super::Finding;
use crate::model::{AccessRow, EndpointJudgement, Family, Severity};

/// An earlier run, as far as it decides what is new.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    findings: BTreeMap<String, KnownFinding>,
    endpoints: BTreeMap<String, KnownEndpoint>,
}

/// An open finding of the earlier run.
#[derive(Clone, Debug)]
pub struct KnownFinding {
    pub severity: Severity,
    /// What is compared where nothing says how far it reaches.
    pub message: String,
    /// Of a filter: the untrusted sources it let through, as the minimal cover of the set, where that was known.
    pub untrusted: Option<Vec<IpNet>>,
    /// Of a filter: the endpoints behind it.
    pub concerns: BTreeSet<String>,
}

impl KnownFinding {
    /// Why the filter is worse than it was, if it is.
    fn outgrown_by(&self, now: Filter<'_>, message: &str) -> Option<String> {
        let other = || (message != self.message).then(|| "it is about something else".to_owned());
        let (before, untrusted) = match (&self.untrusted, now.untrusted) {
            (Some(before), Some(untrusted)) => (before, untrusted),
            (None, None) => return other(),
            (None, Some(_)) => return Some("whom it let through is not known".to_owned()),
            (Some(_), None) => return Some("whom it lets through is not known any more".to_owned()),
        };
        if let Some(new) = outside(untrusted, before) {
            return Some(format!("{new} gets through too"));
        }
        if let Some(new) = now.endpoints.iter().find(|id| !self.concerns.contains(*id)) {
            return Some(format!("{new} is behind it too"));
        }
        // Its message tells of who gets through: where fewer do, another text is no bad news.
        let fewer = untrusted != before.as_slice() || now.endpoints.len() < self.concerns.len();
        if fewer { None } else { other() }
    }
}

/// What this run says of a finding's subject.
#[derive(Clone, Copy)]
pub(super) enum Now<'a> {
    Endpoint(&'a EndpointJudgement),
    Filter(Filter<'a>),
    /// Neither: it has no set of addresses.
    Other,
}

/// A security group or an ACL in front of endpoints.
#[derive(Clone, Copy)]
pub(super) struct Filter<'a> {
    /// Untrusted sources it lets through, upper bound, as the minimal cover of the set; `None` where that is not known.
    pub(super) untrusted: Option<&'a [IpNet]>,
    /// Ids of the endpoints behind it.
    pub(super) endpoints: &'a [String],
}

/// A block that is not in the set that `known` is the minimal cover of: one inside the set is inside one of its blocks.
fn outside<'a>(blocks: &'a [IpNet], known: &[IpNet]) -> Option<&'a IpNet> {
    blocks.iter().find(|block| !known.iter().any(|old| old.contains(*block)))
}

/// How far an endpoint's exposure reached.
#[derive(Clone, Debug, Default)]
pub struct KnownEndpoint {
    ports: BTreeMap<(String, u16, Family), KnownPort>,
    clients: BTreeSet<IpAddr>,
}

/// Untrusted sources that a port admitted, as minimal covers.
#[derive(Clone, Debug, Default)]
struct KnownPort {
    untrusted: Vec<IpNet>,
    /// If every gate filtered, those too that nobody documents to.
    all_gates: Vec<IpNet>,
}

impl KnownEndpoint {
    /// Untrusted sources that a port admitted past the gates that count, and past all of them, as minimal covers.
    pub fn port(mut self, protocol: &str, port: u16, family: Family, untrusted: &[IpNet], all_gates: &[IpNet]) -> Self {
        let known = KnownPort { untrusted: untrusted.to_vec(), all_gates: all_gates.to_vec() };
        self.ports.insert((protocol.to_owned(), port, family), known);
        self
    }

    /// A client that nobody expected.
    pub fn client(mut self, address: IpAddr) -> Self {
        self.clients.insert(address);
        self
    }

    /// Why the endpoint is worse than it was, if it is.
    fn outgrown_by(&self, now: &EndpointJudgement) -> Option<String> {
        let port = now.access.iter().find_map(|row| self.outgrown_on(row));
        port.or_else(|| {
            let new = now.staleness.unexpected.iter().find(|client| !self.clients.contains(&client.address))?;
            Some(format!("{} uses it too", new.address))
        })
    }

    fn outgrown_on(&self, row: &AccessRow) -> Option<String> {
        let nobody = KnownPort::default();
        let known = self.ports.get(&(row.protocol.clone(), row.port, row.family)).unwrap_or(&nobody);
        let reaches = |new: &IpNet, past: &str| format!("{new} reaches {}/{} too{past}", row.protocol, row.port);
        let past_enforced = outside(&row.untrusted, &known.untrusted).map(|new| reaches(new, ""));
        past_enforced.or_else(|| {
            let new = outside(&row.untrusted_all_gates, &known.all_gates)?;
            Some(reaches(new, ", past every gate"))
        })
    }
}

/// What the earlier run says of a finding of this one.
pub(super) enum Answer {
    /// It did not have it.
    New,
    /// It had it, and as bad.
    Known,
    /// It had it, and it is worse now; the text says how.
    Worse(String),
}

impl Baseline {
    /// Adds an open finding.
    pub fn add_finding(&mut self, fingerprint: &str, finding: KnownFinding) {
        self.findings.insert(fingerprint.to_owned(), finding);
    }

    /// Adds an endpoint by its id.
    pub fn add_endpoint(&mut self, id: &str, endpoint: KnownEndpoint) {
        self.endpoints.insert(id.to_owned(), endpoint);
    }

    /// `now` is what this run says of the finding's subject.
    pub(super) fn answer(&self, finding: &Finding, now: Now<'_>) -> Answer {
        let Some(known) = self.findings.get(&finding.fingerprint) else { return Answer::New };
        if finding.severity > known.severity {
            return Answer::Worse(format!("it was {}", known.severity));
        }
        let grown = match now {
            Now::Endpoint(now) => {
                let before = finding.subject.endpoint_id().and_then(|id| self.endpoints.get(&id));
                before.map_or(Some("how far it reached is not known".to_owned()), |before| before.outgrown_by(now))
            }
            Now::Filter(now) => known.outgrown_by(now, &finding.message),
            Now::Other => (finding.message != known.message).then(|| "it is about something else".to_owned()),
        };
        grown.map_or(Answer::Known, Answer::Worse)
    }
}
