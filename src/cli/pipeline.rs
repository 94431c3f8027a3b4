//! Joins the modules into a run: an inventory is judged, rules are evaluated, findings pass the
//! gate, and what comes out has a verdict and an exit code. Nothing here reads the cloud or prints.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use chrono::Utc;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    exit::{Exit, Failure, OrExit, fail},
    setup,
};
use crate::{
    analysis,
    config::{self, Config},
    engine::RuleSet,
    findings::{
        self, Baseline, FindingStatus, GateSettings, Grounds, KnownEndpoint, KnownFinding, Policy, ReplyDigest, Run,
        RunHeader, RunVerdict, Waiver,
    },
    model::{AccountId, Inventory, NamedConsumer, NamedConsumers, Observer, Severity, TrustedList, UnitState},
    report::v1::Document,
    store::snapshot,
};

/// What an inventory is judged by. Made before anything is contacted.
pub(crate) struct Judging {
    trusted: TrustedList,
    consumers: NamedConsumers,
    rules: RuleSet,
    disabled: BTreeSet<String>,
    severity: BTreeMap<String, Severity>,
    waivers: Vec<Waiver>,
    /// Where they are from; empty without.
    waiver_file: String,
    fail_on: Severity,
    /// What is known already.
    baseline: Baseline,
    /// The run that knew it.
    baseline_run: Option<String>,
}

impl Judging {
    /// From the effective configuration; every mistake in it is told before anything is read.
    pub(crate) fn new(config: &Config) -> Result<Self, Failure> {
        if let Err(message) = config::check_trusted(&config.trusted.entries) {
            return fail(Exit::Usage, message);
        }
        let rules = setup::rules(&config.rules.dirs)?;
        let waivers = match &config.waivers {
            // The limit of a year counts from today, whenever the cloud was read.
            Some(path) => {
                let known = rules.ids().map(str::to_owned).collect();
                config::load_waivers(path, Utc::now().date_naive(), &known).or_exit(Exit::Usage)?
            }
            None => Vec::new(),
        };
        Ok(Self {
            trusted: config.trusted.clone(),
            consumers: consumers(config),
            rules,
            disabled: config.rules.disable.iter().cloned().collect(),
            severity: config.rules.severity.clone(),
            waivers,
            waiver_file: config.waivers.as_deref().map(place_of).transpose()?.unwrap_or_default(),
            fail_on: config.fail_on,
            baseline: Baseline::default(),
            baseline_run: None,
        })
    }

    /// Takes what an earlier run had for known.
    pub(crate) fn with_baseline(mut self, earlier: &Document<'_>) -> Self {
        self.baseline_run = Some(earlier.run.id.to_string());
        for finding in earlier.findings.iter().filter(|finding| finding.status == FindingStatus::Open) {
            let known = KnownFinding {
                severity: finding.severity,
                message: finding.message.to_string(),
                untrusted: finding.untrusted.as_deref().map(<[_]>::to_vec),
                concerns: finding.concerns.iter().map(ToString::to_string).collect(),
            };
            self.baseline.add_finding(&finding.fingerprint, known);
        }
        for endpoint in &earlier.endpoints {
            let ports = endpoint.access.iter().fold(KnownEndpoint::default(), |known, row| {
                known.port(&row.protocol, row.port, row.family, &row.untrusted, &row.untrusted_all_gates)
            });
            let clients = endpoint.staleness.unexpected_clients.iter();
            let known = clients.fold(ports, |known, client| known.client(client.address));
            self.baseline.add_endpoint(&endpoint.id, known);
        }
        self
    }

    /// What findings will rest on besides the cloud; which logs are read is not known yet.
    fn grounds(&self) -> Grounds {
        let waivers = self.waivers.iter().map(Waiver::id).collect();
        Grounds { inputs: self.rules.inputs(), logs: BTreeSet::new(), waiver_file: self.waiver_file.clone(), waivers }
    }

    /// What the operator set.
    fn policy(&self) -> Policy {
        Policy {
            trusted: self.trusted.clone(),
            consumers: self.consumers.clone(),
            disabled: self.disabled.clone(),
            severity: self.severity.clone(),
            waivers: self.waivers.clone(),
            baseline: self.baseline_run.clone(),
        }
    }

    /// The rules whose absence from the findings says something.
    fn evaluated(&self) -> BTreeSet<String> {
        self.rules.ids().filter(|id| !self.disabled.contains(*id)).map(str::to_owned).collect()
    }
}

/// Whose cloud was read, or was to be.
pub(crate) fn accounts(inventory: &Inventory) -> BTreeSet<&str> {
    let coverage = inventory.coverage();
    let units = coverage.scanned_units().map(|unit| &unit.account_id);
    let lost = coverage.gaps().filter(|gap| gap.state != UnitState::Excluded).map(|gap| &gap.unit.account_id);
    units.chain(lost).map(AccountId::as_str).collect()
}

/// A file as a later run from another folder names it.
fn place_of(path: &Path) -> Result<String, Failure> {
    Ok(std::path::absolute(path).or_exit(Exit::Usage)?.display().to_string())
}

/// The logs that were read, by what they are about: the file of another day is another file of the same place.
fn logs(inventory: &Inventory) -> BTreeSet<String> {
    let logs = inventory.logs().iter().filter(|log| log.complete).map(|log| match log.observer {
        Observer::File => Observer::File.to_string(),
        observer => format!("{observer} {}", log.observed),
    });
    let trails = inventory.trails().iter().filter(|trail| trail.complete);
    logs.chain(trails.map(|trail| format!("trail {} {}", trail.scope.account_id, trail.scope.region_id))).collect()
}

/// Who uses API servers, by the configuration.
pub(crate) fn consumers(config: &Config) -> NamedConsumers {
    let named = |consumer: &config::ConsumerSettings| NamedConsumer {
        name: consumer.name.clone(),
        vpc_id: consumer.vpc_id.clone(),
        v_switch_id: consumer.vswitch_id.clone(),
    };
    config.consumers.iter().map(|(id, consumers)| (id.clone(), consumers.iter().map(named).collect())).collect()
}

/// What was read, and how the reading ended.
pub(crate) struct Reading {
    pub(crate) inventory: Inventory,
    pub(crate) api_calls: u64,
    pub(crate) retries: u64,
    /// What makes it evidence, where that was asked for.
    pub(crate) kept: Kept,
    /// Set where a signal or a failure of identity decides the exit code.
    pub(crate) ended: Option<Exit>,
}

/// What is kept of a reading so that it can be evidence.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The digests of the replies.
    pub(crate) replies: Vec<ReplyDigest>,
    /// By how many milliseconds the cloud's clock was ahead of ours, where a reply told the time.
    pub(crate) clock_offset_ms: Option<i64>,
    /// `sha256:…` of the program that read; all of them, with commas between, where several did.
    pub(crate) tool_digest: Option<String>,
}

/// What several processes have kept of one reading.
#[derive(Debug, Default)]
pub(crate) struct KeptByAll {
    replies: Vec<ReplyDigest>,
    clock_offset_ms: Option<i64>,
    programs: BTreeSet<Option<String>>,
}

impl KeptByAll {
    pub(crate) fn add(&mut self, kept: Kept) {
        let Kept { replies, clock_offset_ms, tool_digest } = kept;
        self.replies.extend(replies);
        // Of several clocks the one that was furthest from the cloud's.
        let offsets = self.clock_offset_ms.into_iter().chain(clock_offset_ms);
        self.clock_offset_ms = offsets.max_by_key(|offset| offset.unsigned_abs());
        self.programs.insert(tool_digest);
    }

    /// In the order in which the replies came, by the clocks of those who got them. A program that nobody knows leaves open
    /// which ones it were.
    pub(crate) fn join(self) -> Kept {
        let Self { mut replies, clock_offset_ms, programs } = self;
        replies.sort_by_key(|reply| reply.received_at);
        let programs: Option<Vec<String>> = programs.into_iter().collect();
        let tool_digest = programs.filter(|all| !all.is_empty()).map(|all| all.join(","));
        Kept { replies, clock_offset_ms, tool_digest }
    }
}

/// Judges what was read. The day of the judgement is the day of the reading.
pub(crate) fn conclude(reading: Reading, judging: &Judging) -> Run {
    let Reading { inventory, api_calls, retries, kept, ended } = reading;
    let interrupted = matches!(ended, Some(Exit::Interrupted | Exit::Terminated));
    let taken_at = inventory.taken_at();
    let grounds = Grounds { logs: logs(&inventory), ..judging.grounds() };
    let judged = || analysis::judge(&inventory, &judging.trusted, &judging.consumers);
    let digested = || snapshot::digest(&inventory).to_string();
    let (judgements, snapshot_digest) = judging.rules.on_threads(|| rayon::join(judged, digested));
    // Judged: only the ledger is needed from here on, and the rest is most of the memory.
    let (caller, coverage) = inventory.into_ledger();
    let settings = GateSettings {
        disabled: judging.disabled.clone(),
        severity: judging.severity.clone(),
        waivers: judging.waivers.clone(),
        fail_on: judging.fail_on,
        baseline: judging.baseline.clone(),
        left_out: coverage.left_out(),
        ..GateSettings::new(taken_at.date_naive(), coverage.complete() && !interrupted)
    };
    let findings = findings::apply(judging.rules.evaluate(&judgements), &judgements, &settings);
    let outcome = findings::outcome(&findings, &coverage, &judgements, judging.fail_on);
    let judged = Exit::from_code(outcome.exit_code()).unwrap_or(Exit::Internal);
    // What a signal or a refused key kept from being read is unknown, whatever was seen before.
    let verdict = match (outcome.verdict, ended) {
        (RunVerdict::Pass, Some(_)) => RunVerdict::Unknown,
        (verdict, _) => verdict,
    };
    Run {
        header: RunHeader {
            id: Uuid::now_v7().to_string(),
            started_at: taken_at,
            finished_at: Utc::now(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            exit_code: ended.map_or(judged, |ended| ended.or(judged)).code(),
            caller,
            api_calls,
            retries,
            snapshot_digest,
            rules_digest: judging.rules.digest().to_owned(),
            rules: judging.evaluated(),
            grounds,
            fail_on: Some(judging.fail_on),
            policy: Some(judging.policy()),
            tool_digest: kept.tool_digest,
            clock_offset_ms: kept.clock_offset_ms,
            replies: kept.replies,
            interrupted,
        },
        verdict,
        judgements,
        findings,
        coverage,
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    fn kept(second: i64, clock_offset_ms: Option<i64>, program: Option<&str>) -> Kept {
        let reply = ReplyDigest {
            account_id: String::new(),
            region_id: String::new(),
            product: String::new(),
            operation: String::new(),
            resource_id: String::new(),
            status: 200,
            request_id: String::new(),
            received_at: DateTime::UNIX_EPOCH + TimeDelta::seconds(second),
            bytes: 0,
            sha256: second.to_string(),
        };
        Kept { replies: vec![reply], clock_offset_ms, tool_digest: program.map(str::to_owned) }
    }

    fn joined(all: impl IntoIterator<Item = Kept>) -> Kept {
        let mut by_all = KeptByAll::default();
        all.into_iter().for_each(|kept| by_all.add(kept));
        by_all.join()
    }

    #[test]
    fn what_several_kept_is_in_order_with_the_worst_clock_and_every_program() {
        let Kept { replies, clock_offset_ms, tool_digest } =
            joined([kept(3, Some(40), Some("b")), kept(1, Some(-900), Some("a")), kept(2, None, Some("b"))]);
        let order: Vec<&str> = replies.iter().map(|reply| &*reply.sha256).collect();
        assert_eq!(order, ["1", "2", "3"]);
        assert_eq!(clock_offset_ms, Some(-900));
        assert_eq!(tool_digest.as_deref(), Some("a,b"));
    }

    #[test]
    fn a_program_that_nobody_knows_leaves_all_open() {
        assert_eq!(joined([kept(1, None, Some("a")), kept(2, None, None)]).tool_digest, None);
        assert_eq!(joined([]).tool_digest, None);
    }
}
