//! A run as it is kept: JSON in zstd. It is written and read a record at a time, so that its text is never in memory
//! whole, and what records hold alike is held once, as in a run just made.

use std::{
    collections::BTreeSet,
    io::{self, Read},
};

use ipnet::IpNet;
use serde::de::DeserializeOwned;

use super::StoreError;
use crate::{
    findings::{Finding, Run, RunHeader, RunVerdict},
    model::{AccountId, Coverage, EndpointJudgement, Gap, Judgements, Pool, RegionId, Shared, Text, Unit, UnitState},
    pieces::{PieceError, Pieces},
};

/// Version of the JSON.
pub(super) const BODY_VERSION: i64 = 1;

/// Compression level: beyond it, time grows faster than the file shrinks.
const COMPRESSION: i32 = 3;

/// The run as compressed JSON.
pub(super) fn body(run: &Run) -> Vec<u8> {
    let written = || -> io::Result<Vec<u8>> {
        let mut out = io::BufWriter::new(zstd::Encoder::new(Vec::new(), COMPRESSION)?);
        serde_json::to_writer(&mut out, run)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()
    };
    written().expect("a run has text keys only, and compressing in memory cannot fail")
}

/// A run from its compressed JSON.
pub(super) fn run_of(id: &str, version: i64, body: &[u8]) -> Result<Run, StoreError> {
    let damaged = |why: String| StoreError::Damaged { id: id.to_owned(), why };
    if version > BODY_VERSION {
        return Err(damaged(format!(
            "it has format {version}, and this version knows {BODY_VERSION}; use the newer portcullis that wrote it"
        )));
    }
    read(body).map_err(|error| damaged(error.to_string()))
}

fn read(body: &[u8]) -> Result<Run, PieceError> {
    let mut pieces = Pieces::new(zstd::Decoder::new(body)?);
    let mut members = Members::default();
    pieces.object(|pieces, name| members.take(name, pieces))?;
    let run = members.run(&pieces)?;
    pieces.end()?;
    Ok(run)
}

/// The members of a run, as far as they were read.
#[derive(Default)]
struct Members {
    header: Option<RunHeader>,
    verdict: Option<RunVerdict>,
    judgements: Option<Judgements>,
    findings: Option<Vec<Finding>>,
    coverage: Option<Coverage>,
    known: Known,
}

impl Members {
    fn take<R: Read + Send>(&mut self, name: &str, pieces: &mut Pieces<R>) -> Result<(), PieceError> {
        match name {
            "header" => self.header = Some(pieces.value()?),
            "verdict" => self.verdict = Some(pieces.value()?),
            "judgements" => self.judgements = Some(judgements(pieces, &mut self.known)?),
            "findings" => self.findings = Some(list(pieces, |finding| self.known.finding(finding))?),
            "coverage" => self.coverage = Some(coverage(pieces, &mut self.known)?),
            _ => pieces.skip()?,
        }
        Ok(())
    }

    fn run<R: Read>(self, pieces: &Pieces<R>) -> Result<Run, PieceError> {
        Ok(Run {
            header: there(self.header, "header", pieces)?,
            verdict: there(self.verdict, "verdict", pieces)?,
            judgements: there(self.judgements, "judgements", pieces)?,
            findings: there(self.findings, "findings", pieces)?,
            coverage: there(self.coverage, "coverage", pieces)?,
        })
    }
}

fn judgements<R: Read + Send>(pieces: &mut Pieces<R>, known: &mut Known) -> Result<Judgements, PieceError> {
    let (mut endpoints, mut security_groups, mut acls) = (None, None, None);
    let (mut unclaimed_balancers, mut resources) = (None, None);
    pieces.object(|pieces, name| {
        match name {
            "endpoints" => endpoints = Some(list(pieces, |endpoint| known.endpoint(endpoint))?),
            "security_groups" => security_groups = Some(list(pieces, |_| {})?),
            "acls" => acls = Some(list(pieces, |_| {})?),
            "unclaimed_balancers" => unclaimed_balancers = Some(list(pieces, |_| {})?),
            "resources" => resources = Some(list(pieces, |_| {})?),
            _ => pieces.skip()?,
        }
        Ok::<_, PieceError>(())
    })?;
    Ok(Judgements {
        endpoints: there(endpoints, "endpoints", pieces)?,
        security_groups: there(security_groups, "security_groups", pieces)?,
        acls: there(acls, "acls", pieces)?,
        unclaimed_balancers: there(unclaimed_balancers, "unclaimed_balancers", pieces)?,
        resources: there(resources, "resources", pieces)?,
    })
}

/// The ledger: the longest list of a run, in which most words are always the same.
fn coverage<R: Read + Send>(pieces: &mut Pieces<R>, known: &mut Known) -> Result<Coverage, PieceError> {
    let mut coverage = Coverage::default();
    let mut members = BTreeSet::new();
    pieces.object(|pieces, name| {
        match name {
            "scanned" => pieces.list(|mut unit| {
                known.unit(&mut unit);
                coverage.scanned(unit);
            })?,
            "unread" => pieces.list(|mut gap: Gap| {
                known.unit(&mut gap.unit);
                // What stands among the unread was not read, whatever it says.
                if gap.state == UnitState::Scanned {
                    gap.state = UnitState::Failed;
                }
                coverage.gap(gap);
            })?,
            _ => pieces.skip()?,
        }
        members.insert(name.to_owned());
        Ok::<_, PieceError>(())
    })?;
    for name in ["scanned", "unread"] {
        there(members.get(name), name, pieces)?;
    }
    Ok(coverage)
}

fn there<T, R: Read>(member: Option<T>, name: &str, pieces: &Pieces<R>) -> Result<T, PieceError> {
    member.ok_or_else(|| pieces.wrong(&format!("missing field `{name}`")))
}

/// A list whose elements go through `share` before the next ones are read.
fn list<T: DeserializeOwned + Send, R: Read + Send>(
    pieces: &mut Pieces<R>,
    mut share: impl FnMut(&mut T),
) -> Result<Vec<T>, PieceError> {
    let mut elements = Vec::new();
    pieces.list(|mut element| {
        share(&mut element);
        elements.push(element);
    })?;
    Ok(elements)
}

/// What was read so far that may come again.
#[derive(Default)]
struct Known {
    accounts: Pool<AccountId>,
    regions: Pool<RegionId>,
    texts: Pool<Text>,
    words: Pool<Shared<String>>,
    blocks: Pool<Shared<IpNet>>,
}

impl Known {
    fn unit(&mut self, unit: &mut Unit) {
        self.accounts.share(&mut unit.account_id);
        self.regions.share(&mut unit.region_id);
    }

    fn endpoint(&mut self, judgement: &mut EndpointJudgement) {
        self.accounts.share(&mut judgement.endpoint.account_id);
        self.regions.share(&mut judgement.endpoint.region_id);
        judgement.access.shrink_to_fit();
        for row in &mut judgement.access {
            for list in [&mut row.untrusted, &mut row.untrusted_lower, &mut row.untrusted_all_gates] {
                self.blocks.share(list);
            }
            for list in [&mut row.blame, &mut row.fix_set] {
                self.words.share(list);
            }
            row.gates.shrink_to_fit();
            for gate in &mut row.gates {
                self.blocks.share(&mut gate.admits);
            }
        }
        // A list grows to four elements at once.
        judgement.signs.shrink_to_fit();
        judgement.changing.listeners.shrink_to_fit();
        judgement.staleness.deciding.shrink_to_fit();
        judgement.staleness.consumers.shrink_to_fit();
    }

    fn finding(&mut self, finding: &mut Finding) {
        self.accounts.share(&mut finding.subject.account_id);
        self.regions.share(&mut finding.subject.region_id);
        for text in [&mut finding.title, &mut finding.remedy] {
            self.texts.share(text);
        }
        for list in [&mut finding.references, &mut finding.controls] {
            self.words.share(list);
        }
        finding.evidence.shrink_to_fit();
        finding.decisions.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use serde_json::{Value, json};

    use super::*;

    fn finding(number: u8) -> Value {
        json!({
            "fingerprint": format!("v1:{number}"), "rule_id": "r", "title": "Title", "severity": "high", "status": "open",
            "account_id": "1", "region_id": "cn-hangzhou", "resource_kind": "eip", "resource_id": format!("eip-{number}"),
            "endpoint_kind": null, "resource_name": "", "message": "It is so.", "evidence": ["so it is"],
            "remedy": "Mend it.", "references": ["a page"], "controls": ["nist-800-53-r5:SC-7"], "first_seen": null,
            "waiver": null, "about_coverage": false, "decisions": []
        })
    }

    fn run() -> Run {
        let run = json!({
            "header": {
                "id": "one", "started_at": "2026-11-01T00:00:00.123Z", "finished_at": "2026-11-01T00:00:01Z",
                "tool_version": "0.1.0", "exit_code": 1, "caller": [], "api_calls": 1, "retries": 0,
                "snapshot_digest": "", "rules_digest": "", "interrupted": false
            },
            "verdict": "fail",
            "judgements": Judgements::default(),
            "findings": [finding(1), finding(2)],
            "coverage": Coverage::default(),
        });
        serde_json::from_value(run).expect("a run")
    }

    #[test]
    fn what_was_kept_comes_back_and_is_held_once() {
        let back = run_of("one", BODY_VERSION, &body(&run())).expect("it can be read");
        assert_eq!(back, run());
        let [one, other] = &*back.findings else { panic!("there are two") };
        assert!(ptr::eq(one.remedy.as_str(), other.remedy.as_str()) && ptr::eq(&*one.controls, &*other.controls));
        assert!(ptr::eq(one.subject.account_id.as_str(), other.subject.account_id.as_str()));
    }

    #[test]
    fn what_is_cut_short_lacks_a_part_or_is_newer_is_damaged() {
        let whole = body(&run());
        for cut in 0..whole.len() {
            assert!(run_of("one", BODY_VERSION, &whole[..cut]).is_err(), "{cut}");
        }
        assert!(matches!(run_of("one", BODY_VERSION + 1, &whole), Err(StoreError::Damaged { .. })));
        let value = serde_json::to_value(run()).expect("text keys");
        for place in
            ["/findings", "/coverage", "/coverage/scanned", "/coverage/unread", "/judgements/acls", "/header/id"]
        {
            let (parent, name) = place.rsplit_once('/').expect("a path");
            let mut without = value.clone();
            without.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object").remove(name);
            let packed = zstd::encode_all(without.to_string().as_bytes(), 1).expect("memory takes it");
            let error = run_of("one", BODY_VERSION, &packed).expect_err("a part is missing").to_string();
            assert!(error.contains(&format!("missing field `{name}`")), "{error}");
        }
    }

    /// A ledger that contradicts itself makes nothing complete.
    #[test]
    fn what_stands_among_the_unread_was_not_read() {
        let unit = json!({
            "account_id": "1", "region_id": "cn-hangzhou", "product": "cs", "operation": "DescribeClustersV1",
            "resource_id": ""
        });
        let mut kept = serde_json::to_value(run()).expect("text keys");
        for state in ["scanned", "failed"] {
            let mut gap = unit.clone();
            (gap["state"], gap["code"], gap["message"]) = (json!(state), json!(""), json!(""));
            kept["coverage"] = json!({"scanned": [unit], "unread": [gap]});
            let packed = zstd::encode_all(kept.to_string().as_bytes(), 1).expect("memory takes it");
            let coverage = run_of("one", BODY_VERSION, &packed).expect("it can be read").coverage;
            assert_eq!((coverage.planned(), coverage.count(UnitState::Failed)), (1, 1), "{state}");
            assert!(!coverage.complete(), "{state}");
        }
    }
}
