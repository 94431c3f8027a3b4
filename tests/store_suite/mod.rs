//! What every store must hold, whatever is behind the trait. Expectations come from the documents; the
//! back ends are only opened, never looked into.

mod history;
mod lease;
mod retention;
mod run;
mod shards;
pub mod writers;

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use portcullis::{
    findings::{Finding, FindingStatus, Grounds, Run, RunHeader, RunVerdict},
    model::{Caller, Coverage, Judgements, ResourceKind, Severity, Unit},
    store::{FindingMemory, Retention, Store},
};

/// One store, empty at first, that can be opened several times.
pub struct Place {
    open: Box<dyn Fn(Retention) -> Box<dyn Store> + Send + Sync>,
}

impl Place {
    pub fn new(open: impl Fn(Retention) -> Box<dyn Store> + Send + Sync + 'static) -> Self {
        Self { open: Box::new(open) }
    }

    pub fn store(&self) -> Box<dyn Store> {
        (self.open)(Retention::default())
    }

    fn keeping(&self, retention: Retention) -> Box<dyn Store> {
        (self.open)(retention)
    }
}

type Check = (&'static str, fn(&Place));

/// Runs every check at a place of its own, and names those that fail.
pub fn holds(new_place: impl Fn() -> Place) {
    let checks: Vec<Check> = [run::CHECKS, history::CHECKS, retention::CHECKS, lease::CHECKS, shards::CHECKS].concat();
    let failed = checks.iter().filter(|(_, check)| {
        let place = new_place();
        catch_unwind(AssertUnwindSafe(|| check(&place))).is_err()
    });
    let failed: Vec<&str> = failed.map(|(name, _)| *name).collect();
    assert!(failed.is_empty(), "{} of {} failed: {}", failed.len(), checks.len(), failed.join(", "));
}

/// The names and functions of a file's checks.
macro_rules! checks {
    ($($name:ident),+ $(,)?) => {
        pub const CHECKS: &[$crate::store_suite::Check] = &[$((stringify!($name), $name)),+];
    };
}
pub(crate) use checks;

const ACCOUNT: &str = "1000000000000001";
pub const HANGZHOU: &str = "cn-hangzhou";

fn at(hour: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 0, 0, 0).single().expect("a real day") + TimeDelta::hours(hour)
}

fn unit(account: &str, region: &str) -> Unit {
    Unit::new(&account.into(), &region.into(), "vpc", "DescribeEipAddresses", "")
}

/// A run at that hour of an account that read `regions` whole and found the named rules in cn-hangzhou.
fn run_of(account: &str, hour: i64, regions: &[&str], rules: &[&str]) -> Run {
    let mut coverage = Coverage::default();
    for region in regions {
        coverage.scanned(unit(account, region));
    }
    Run {
        header: RunHeader {
            id: format!("0193499e-7d80-7000-8000-{account:0>8.8}{hour:04}"),
            started_at: at(hour),
            finished_at: at(hour),
            tool_version: "0.1.0".to_owned(),
            exit_code: 1,
            caller: vec![Caller { account_id: account.into(), arn: "acs:ram::1:user/a".to_owned() }],
            api_calls: 1,
            retries: 0,
            snapshot_digest: "sha256:1".to_owned(),
            rules_digest: "sha256:2".to_owned(),
            rules: Default::default(),
            grounds: Grounds { waiver_file: "/waivers.yaml".to_owned(), ..Grounds::default() },
            fail_on: None,
            policy: None,
            tool_digest: None,
            clock_offset_ms: None,
            replies: Vec::new(),
            interrupted: false,
        },
        verdict: if rules.is_empty() { RunVerdict::Pass } else { RunVerdict::Fail },
        judgements: Judgements::default(),
        findings: rules.iter().map(|rule| finding(account, rule)).collect(),
        coverage,
    }
}

pub fn run(hour: i64, regions: &[&str], rules: &[&str]) -> Run {
    run_of(ACCOUNT, hour, regions, rules)
}

fn finding(account: &str, rule: &str) -> Finding {
    serde_json::from_value(serde_json::json!({
        "fingerprint": format!("v1:{rule}"), "rule_id": rule, "title": rule, "severity": Severity::High,
        "status": FindingStatus::Open, "account_id": account, "region_id": HANGZHOU,
        "resource_kind": ResourceKind::Eip, "resource_id": "eip-1", "endpoint_kind": null, "resource_name": "",
        "message": rule, "evidence": [], "remedy": "", "references": [], "controls": [], "first_seen": null,
        "waiver": null, "about_coverage": false, "decisions": [],
    }))
    .expect("all fields are there")
}

pub fn saved(store: &mut dyn Store, mut run: Run) -> Run {
    store.save_run(&mut run).expect("the run is kept");
    run
}

fn memory(store: &dyn Store, rule: &str) -> FindingMemory {
    store.memory(&format!("v1:{rule}")).expect("it reads").expect("remembered")
}

fn ids(store: &dyn Store) -> Vec<String> {
    store.runs(1_000_000).expect("it reads").into_iter().map(|summary| summary.id).collect()
}
