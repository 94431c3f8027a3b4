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
    /// What is compared where no endpoint says how far it reaches.
    pub message: String,
}

/// How far an endpoint's exposure reached.
#[derive(Clone, Debug, Default)]
pub struct KnownEndpoint {
    ports: BTreeMap<(String, u16, Family), Vec<IpNet>>,
    clients: BTreeSet<IpAddr>,
}

impl KnownEndpoint {
    /// Untrusted sources that a port admitted, as the minimal cover of the set.
    pub fn port(mut self, protocol: &str, port: u16, family: Family, untrusted: &[IpNet]) -> Self {
        self.ports.insert((protocol.to_owned(), port, family), untrusted.to_vec());
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

    /// A block inside a set is inside one block of the set's minimal cover.
    fn outgrown_on(&self, row: &AccessRow) -> Option<String> {
        let known = self.ports.get(&(row.protocol.clone(), row.port, row.family)).map_or(&[][..], Vec::as_slice);
        let new = row.untrusted.iter().find(|block| !known.iter().any(|old| old.contains(*block)))?;
        Some(format!("{new} reaches {}/{} too", row.protocol, row.port))
    }
}

/// How the gate's decision begins on a finding that the baseline has and that is worse now.
pub(super) const OUTGROWN: &str = "in the baseline, and worse now: ";

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

    /// `now` is what this run says of the finding's endpoint, where it is about one.
    pub(super) fn answer(&self, finding: &Finding, now: Option<&EndpointJudgement>) -> Answer {
        let Some(known) = self.findings.get(&finding.fingerprint) else { return Answer::New };
        if finding.severity > known.severity {
            return Answer::Worse(format!("it was {}", known.severity));
        }
        let grown = match now {
            Some(now) => {
                let before = finding.subject.endpoint_id().and_then(|id| self.endpoints.get(&id));
                before.map_or(Some("how far it reached is not known".to_owned()), |before| before.outgrown_by(now))
            }
            None => (finding.message != known.message).then(|| "it is about something else".to_owned()),
        };
        grown.map_or(Answer::Known, Answer::Worse)
    }
}
