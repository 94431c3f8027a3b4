//! The whole story of one endpoint or finding of a stored run: what is exposed and why, who gets in,
//! whether anybody needs it, and what to do; as text for people and as `portcullis.explain/v1`.
//!
//! Like every report, it is made from the frozen document, never from live state.

mod consumer;
mod page;
mod reasons;
mod select;
mod text;
mod what_if;

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use chrono::{DateTime, Utc};
use serde::Serialize;

use self::select::Selected;
pub use self::{
    reasons::{Effect, ReasonV1},
    select::NotOne,
    what_if::{ConsumerChange, EndpointChange, Outcome, PortChange, Turn, WhatIf},
};
use super::{
    Options, json, style,
    v1::{AccessV1, Document, EndpointV1, FindingV1, GapV1, Text},
};
use crate::{
    findings::{Narrow, NarrowPort},
    model::{PortVerdict, ResourceKind, StalenessVerdict},
};

/// The only value of `schema` that this version writes.
pub const SCHEMA: &str = "portcullis.explain/v1";

/// What is explained. Fields are added, never renamed or removed.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation<'d> {
    pub schema: &'static str,
    pub run: RunRef<'d>,
    pub subject: SubjectV1<'d>,
    /// The finding that was asked for; null where an endpoint was.
    pub finding: Option<&'d FindingV1<'d>>,
    /// The endpoint that was asked for, or those that the finding concerns, sorted by id.
    pub endpoints: Vec<EndpointStory<'d>>,
    /// Findings about the subject and about what stands in front of these endpoints or owns them,
    /// worst first; the one that was asked for is among them.
    pub findings: Vec<&'d FindingV1<'d>>,
    /// Reads about the subject, or about what stands in front of these endpoints, that did not succeed.
    pub gaps: Vec<&'d GapV1<'d>>,
}

/// The run that it is from.
#[derive(Clone, Debug, Serialize)]
pub struct RunRef<'d> {
    pub id: &'d str,
    #[serde(serialize_with = "whole_seconds")]
    pub started_at: DateTime<Utc>,
    pub tool_version: &'d str,
}

/// What was asked about.
#[derive(Clone, Debug, Serialize)]
pub struct SubjectV1<'d> {
    pub account_id: &'d str,
    pub region_id: &'d str,
    pub resource_kind: ResourceKind,
    pub resource_id: &'d str,
    pub resource_name: &'d str,
    pub endpoint_id: Option<&'d str>,
}

/// One endpoint with what follows from it.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointStory<'d> {
    pub endpoint: &'d EndpointV1<'d>,
    /// Something of it is tagged `portcullis:protect`: no remediation ever changes it.
    pub protected: bool,
    /// `high`, `medium` or `low`.
    pub confidence_word: &'static str,
    /// The reason codes of all consumers' paths in words, sorted.
    pub reasons: Vec<ReasonV1>,
    /// How the proposed allowlist would be put in force; null unless the endpoint is needed and open.
    pub narrowing: Option<NarrowingV1>,
}

/// Commands of the vendor's tool. Nothing here runs them.
#[derive(Clone, Debug, Serialize)]
pub struct NarrowingV1 {
    /// What to know before.
    pub notes: Vec<String>,
    /// In order, each only if the one before succeeded.
    pub commands: Vec<String>,
}

fn whole_seconds<S: serde::Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&super::v1::time(at))
}

impl<'d> Explanation<'d> {
    /// Explains what `word` names: an endpoint by its id or a part of it, a finding by its fingerprint
    /// or the beginning of it.
    ///
    /// # Errors
    /// If it names nothing or several things; with the nearest candidates.
    pub fn of(document: &'d Document<'d>, word: &str) -> Result<Self, NotOne> {
        let selected = select::select(document, word)?;
        let (subject, finding) = match selected {
            Selected::Endpoint(endpoint) => (SubjectV1::from(endpoint), None),
            Selected::Finding(finding) => (SubjectV1::from(finding), Some(finding)),
        };
        let concerned = concerned(document, &subject, finding);
        let endpoints: Vec<&EndpointV1<'_>> =
            document.endpoints.iter().filter(|endpoint| concerned.contains(endpoint.id.as_str())).collect();
        Ok(Self {
            schema: SCHEMA,
            run: RunRef {
                id: &document.run.id,
                started_at: document.run.started_at,
                tool_version: &document.run.tool_version,
            },
            findings: findings(document, &subject, &concerned),
            gaps: gaps(document, &subject, &endpoints),
            endpoints: endpoints.into_iter().map(EndpointStory::of).collect(),
            subject,
            finding,
        })
    }

    /// Ids of the endpoints that it is about.
    pub fn endpoint_ids(&self) -> BTreeSet<String> {
        self.endpoints.iter().map(|story| story.endpoint.id.to_string()).collect()
    }

    /// Writes it for people, or for terminals that are narrow or have colours.
    ///
    /// # Errors
    /// Whatever the writer returns.
    pub fn write_text(&self, out: &mut dyn Write, options: &Options) -> io::Result<()> {
        text::write(self, out, options)
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// Whatever the writer returns.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        json::write_pretty(self, out)
    }
}

/// Ids of the endpoints that the subject is, or concerns. A report from before findings named them
/// still tells the endpoints of a mesh, a cluster, a balancer or an EIP.
fn concerned<'d>(
    document: &'d Document<'d>,
    subject: &SubjectV1<'d>,
    finding: Option<&'d FindingV1<'d>>,
) -> BTreeSet<&'d str> {
    if let Some(id) = subject.endpoint_id {
        return BTreeSet::from([id]);
    }
    let named = finding.into_iter().flat_map(|finding| finding.concerns.iter().map(Text::as_str));
    let same = document.endpoints.iter().filter(|endpoint| {
        let id = Some(subject.resource_id);
        (&*endpoint.account_id, &*endpoint.region_id) == (subject.account_id, subject.region_id)
            && match subject.resource_kind {
                ResourceKind::Mesh | ResourceKind::Cluster => {
                    endpoint.resource_kind == subject.resource_kind && endpoint.resource_id == subject.resource_id
                }
                ResourceKind::LoadBalancer => endpoint.load_balancer_id.as_deref() == id,
                ResourceKind::Eip => endpoint.eip_id.as_deref() == id,
                _ => false,
            }
    });
    named.chain(same.map(|endpoint| endpoint.id.as_str())).collect()
}

/// Findings about the subject, the endpoints, or something in front of them.
fn findings<'d>(
    document: &'d Document<'d>,
    subject: &SubjectV1<'d>,
    concerned: &BTreeSet<&str>,
) -> Vec<&'d FindingV1<'d>> {
    let about = |finding: &&FindingV1<'_>| match finding.endpoint_id.as_deref() {
        Some(id) => concerned.contains(id),
        None => {
            let same = SubjectV1::from(*finding);
            (same.account_id, same.region_id, same.resource_kind, same.resource_id)
                == (subject.account_id, subject.region_id, subject.resource_kind, subject.resource_id)
                && subject.endpoint_id.is_none()
                || finding.concerns.iter().any(|id| concerned.contains(id.as_str()))
        }
    };
    document.findings.iter().filter(about).collect()
}

/// Ids that reads about the endpoint name: its resource's, those of what stands in front of it, and its consumers'.
pub(super) fn ids_about<'d>(endpoint: &'d EndpointV1<'_>) -> impl Iterator<Item = &'d str> {
    let front = endpoint.load_balancer_id.as_deref().into_iter().chain(endpoint.eip_id.as_deref());
    let acls = endpoint.listeners.iter().flat_map(|listener| &listener.acl_ids).map(Text::as_str);
    let consumers = endpoint.staleness.consumers.iter().map(|consumer| consumer.id.as_str());
    [endpoint.resource_id.as_str()].into_iter().chain(front).chain(acls).chain(consumers)
}

/// Reads that failed and name the subject, its endpoints' resource, balancer or EIP, or a consumer.
fn gaps<'d>(document: &'d Document<'d>, subject: &SubjectV1<'d>, endpoints: &[&EndpointV1<'_>]) -> Vec<&'d GapV1<'d>> {
    let mut ids: BTreeSet<&str> = BTreeSet::from([subject.resource_id]);
    for endpoint in endpoints {
        ids.extend(ids_about(endpoint));
    }
    let account = |gap: &GapV1<'_>| gap.account_id == subject.account_id;
    document
        .coverage
        .gaps
        .iter()
        .filter(|gap| account(gap) && !gap.resource_id.is_empty() && ids.contains(&*gap.resource_id))
        .collect()
}

impl<'d> EndpointStory<'d> {
    /// What follows from what is said of one endpoint.
    pub fn of(endpoint: &'d EndpointV1<'d>) -> Self {
        let staleness = &endpoint.staleness;
        let codes: BTreeSet<&str> =
            staleness.consumers.iter().flat_map(|consumer| consumer.reasons.iter().map(String::as_str)).collect();
        let open = endpoint.access.iter().any(|row| row.verdict == PortVerdict::Open);
        let narrowing = (open && staleness.verdict == StalenessVerdict::Required).then(|| {
            let narrowing = Narrow::from(endpoint).commands();
            NarrowingV1 { notes: narrowing.notes, commands: narrowing.commands }
        });
        Self {
            endpoint,
            protected: !endpoint.protected_by.is_empty(),
            confidence_word: style::confidence_word(staleness.confidence),
            reasons: codes.into_iter().map(ReasonV1::of).collect(),
            narrowing,
        }
    }
}

impl<'d> From<&'d EndpointV1<'d>> for Narrow<'d> {
    fn from(endpoint: &'d EndpointV1<'d>) -> Self {
        let port = |row: &'d AccessV1<'d>| NarrowPort {
            protocol: &row.protocol,
            port: row.port,
            family: row.family,
            verdict: row.verdict,
            gates: row.gates.iter().map(|gate| (gate.kind, &*gate.id, &*gate.note)).collect(),
            fix_set: &row.fix_set,
        };
        Self {
            kind: endpoint.kind,
            region_id: &endpoint.region_id,
            load_balancer_id: endpoint.load_balancer_id.as_deref(),
            ports: endpoint.access.iter().map(port).collect(),
            allowlist: &endpoint.staleness.proposed_allowlist,
            complete: endpoint.staleness.proposal_complete,
            also_admit: &endpoint.staleness.also_admit,
        }
    }
}

impl<'d> From<&'d EndpointV1<'d>> for SubjectV1<'d> {
    fn from(endpoint: &'d EndpointV1<'d>) -> Self {
        Self {
            account_id: &endpoint.account_id,
            region_id: &endpoint.region_id,
            resource_kind: endpoint.resource_kind,
            resource_id: &endpoint.resource_id,
            resource_name: &endpoint.resource_name,
            endpoint_id: Some(&endpoint.id),
        }
    }
}

impl<'d> From<&'d FindingV1<'d>> for SubjectV1<'d> {
    fn from(finding: &'d FindingV1<'d>) -> Self {
        Self {
            account_id: &finding.account_id,
            region_id: &finding.region_id,
            resource_kind: finding.resource_kind,
            resource_id: &finding.resource_id,
            resource_name: &finding.resource_name,
            endpoint_id: finding.endpoint_id.as_deref(),
        }
    }
}
