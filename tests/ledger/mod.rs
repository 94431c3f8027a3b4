//! The ledger of a world, `planted.yaml`, and what a report says in the ledger's shape. Shares no
//! type with the program: a renamed word must not pass on both sides.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

/// `planted.yaml`: what is wrong in a world.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planted {
    #[serde(default)]
    pub trusted: Vec<String>,
    /// Logs are read too: those of the world, and these files beside it. Without it no log is read.
    pub evidence: Option<Vec<String>>,
    findings: Vec<PlantedFinding>,
    endpoints: Vec<PlantedEndpoint>,
    gaps: Vec<PlantedGap>,
    exit: i32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlantedFinding {
    rule: String,
    resource: String,
    endpoint: Option<String>,
    status: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlantedEndpoint {
    resource: String,
    endpoint: String,
    exposure: String,
    #[serde(default)]
    access: BTreeMap<String, String>,
    staleness: Option<PlantedStaleness>,
}

/// Whether the public path is still needed: said of every endpoint that has one, or may have one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlantedStaleness {
    verdict: String,
    confidence: f64,
    #[serde(default)]
    after_migration: bool,
    #[serde(default)]
    consumers: BTreeMap<String, PlantedConsumer>,
    deciding: Option<BTreeSet<String>>,
    allowlist: Option<PlantedAllowlist>,
    /// What the platform's own opinion contradicts, a sentence each; nothing where it is left out.
    #[serde(default)]
    platform_disagrees: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlantedConsumer {
    need: String,
    connectivity: String,
    via: Option<String>,
    #[serde(default)]
    reasons: BTreeSet<String>,
    steps: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlantedAllowlist {
    cidrs: BTreeSet<String>,
    complete: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlantedGap {
    region: String,
    product: String,
    operation: String,
    resource: String,
    state: String,
}

/// What a scan said, in the ledger's shape: one sorted line per fact.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub findings: BTreeSet<String>,
    pub endpoints: BTreeSet<String>,
    pub gaps: BTreeSet<String>,
    pub exit: i32,
}

impl Planted {
    pub fn said(&self) -> Said {
        Said {
            findings: self
                .findings
                .iter()
                .map(|f| format!("{} {} {} {}", f.rule, f.resource, f.endpoint.as_deref().unwrap_or("-"), f.status))
                .collect(),
            endpoints: self
                .endpoints
                .iter()
                .map(|e| format!("{} {} {} {:?}", e.resource, e.endpoint, e.exposure, e.access))
                .collect(),
            gaps: self
                .gaps
                .iter()
                .map(|g| format!("{} {} {} {} {}", g.region, g.product, g.operation, g.resource, g.state))
                .collect(),
            exit: self.exit,
        }
    }

    /// Where the report says otherwise of the staleness of endpoints, or the ledger leaves out one that is not
    /// private; empty if nowhere. Of a private one nothing is to be planted: there is no public path that anybody could
    /// need.
    #[allow(dead_code, reason = "not every test that has a ledger asks")]
    pub fn staleness_difference(&self, report: &Value) -> String {
        let mut wrong = String::new();
        for said in report["endpoints"].as_array().unwrap() {
            let name = format!("{} {}", text(said, "resource_id"), text(said, "kind"));
            let planted = self.endpoints.iter().find(|one| format!("{} {}", one.resource, one.endpoint) == name);
            match planted.and_then(|one| one.staleness.as_ref()) {
                Some(planted) => {
                    let (planted, said) = (planted.lines(), planted.lines_said(&said["staleness"]));
                    for missing in planted.difference(&said) {
                        wrong += &format!("  planted, not found: {name}: {missing}\n");
                    }
                    for extra in said.difference(&planted) {
                        wrong += &format!("  found, not planted: {name}: {extra}\n");
                    }
                }
                None if text(said, "exposure") == "private" => {
                    wrong += &needed_though_private(&name, &said["staleness"])
                }
                None => wrong += &format!("  nothing planted of the staleness of {name}\n"),
            }
        }
        wrong
    }
}

/// What is said of the need of a public path that is not there.
fn needed_though_private(name: &str, staleness: &Value) -> String {
    let consumers = staleness["consumers"].as_array().unwrap();
    if text(staleness, "verdict") == "not-exposed" && consumers.is_empty() {
        return String::new();
    }
    format!("  {name} is private, and yet: {} {consumers:?}\n", text(staleness, "verdict"))
}

impl PlantedStaleness {
    fn lines(&self) -> BTreeSet<String> {
        let mut lines = BTreeSet::from([
            format!("verdict {} {:.2}", self.verdict, self.confidence),
            format!("after migration: {}", self.after_migration),
        ]);
        for (id, one) in &self.consumers {
            let via = one.via.as_deref().unwrap_or("-");
            lines.insert(format!("{id} {} {} {via} {:?}", one.need, one.connectivity, one.reasons));
            lines.extend(one.steps.as_ref().map(|steps| format!("{id} steps {steps:?}")));
        }
        lines.extend(self.deciding.as_ref().map(|deciding| format!("deciding {deciding:?}")));
        lines.extend(self.allowlist.as_ref().map(|list| format!("allowlist {:?} {}", list.cidrs, list.complete)));
        lines.extend(self.platform_disagrees.iter().map(|sentence| format!("platform: {sentence}")));
        lines
    }

    /// What a report says of the same things.
    fn lines_said(&self, staleness: &Value) -> BTreeSet<String> {
        let texts = |value: &Value| -> BTreeSet<String> {
            value.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
        };
        let mut lines = BTreeSet::from([
            format!("verdict {} {:.2}", text(staleness, "verdict"), staleness["confidence"].as_f64().unwrap()),
            format!("after migration: {}", staleness["after_migration"].as_bool().unwrap()),
        ]);
        for one in staleness["consumers"].as_array().unwrap() {
            let (id, via) = (text(one, "id"), one["via"].as_str().unwrap_or("-"));
            let (need, connectivity) = (text(one, "need"), text(one, "connectivity"));
            lines.insert(format!("{id} {need} {connectivity} {via} {:?}", texts(&one["reasons"])));
            if self.consumers.get(id).is_some_and(|planted| planted.steps.is_some()) {
                let steps: Vec<&str> =
                    one["steps"].as_array().unwrap().iter().map(|step| step.as_str().unwrap()).collect();
                lines.insert(format!("{id} steps {steps:?}"));
            }
        }
        lines.extend(texts(&staleness["platform_disagrees"]).iter().map(|sentence| format!("platform: {sentence}")));
        if self.deciding.is_some() {
            lines.insert(format!("deciding {:?}", texts(&staleness["deciding"])));
        }
        if self.allowlist.is_some() {
            let cidrs = texts(&staleness["proposed_allowlist"]);
            lines.insert(format!("allowlist {cidrs:?} {}", staleness["proposal_complete"].as_bool().unwrap()));
        }
        lines
    }
}

impl Said {
    /// True if it calls something unknown that `before` did not.
    #[allow(dead_code, reason = "not every test that has a ledger asks")]
    pub fn has_new_unknown(&self, before: &Self) -> bool {
        let unknown = |said: &Self| -> BTreeSet<String> {
            said.endpoints.iter().chain(&said.findings).filter(|line| line.contains("unknown")).cloned().collect()
        };
        !unknown(self).is_subset(&unknown(before))
    }
}

pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is missing or no text in {value}"))
}

pub fn said(report: &Value, exit: i32) -> Said {
    let list = |value: &Value| value.as_array().unwrap().clone();
    Said {
        findings: list(&report["findings"])
            .iter()
            .map(|f| {
                let endpoint = f["endpoint_id"].as_str().and_then(|id| id.rsplit('/').next()).unwrap_or("-");
                format!("{} {} {} {}", text(f, "rule_id"), text(f, "resource_id"), endpoint, text(f, "status"))
            })
            .collect(),
        endpoints: list(&report["endpoints"])
            .iter()
            .map(|e| {
                let access: BTreeMap<_, _> = list(&e["access"])
                    .iter()
                    .map(|row| {
                        let port = format!("{}/{}/{}", text(row, "protocol"), row["port"], text(row, "family"));
                        (port, text(row, "verdict").to_owned())
                    })
                    .collect();
                format!("{} {} {} {:?}", text(e, "resource_id"), text(e, "kind"), text(e, "exposure"), access)
            })
            .collect(),
        gaps: list(&report["coverage"]["gaps"])
            .iter()
            .map(|g| {
                format!(
                    "{} {} {} {} {}",
                    text(g, "region_id"),
                    text(g, "product"),
                    text(g, "operation"),
                    text(g, "resource_id"),
                    text(g, "state")
                )
            })
            .collect(),
        exit,
    }
}

pub fn difference(planted: &Said, said: &Said) -> String {
    let mut text = String::new();
    for (what, planted, said) in [
        ("finding", &planted.findings, &said.findings),
        ("endpoint", &planted.endpoints, &said.endpoints),
        ("gap", &planted.gaps, &said.gaps),
    ] {
        for missing in planted.difference(said) {
            text += &format!("  planted, not found: {what} {missing}\n");
        }
        for extra in said.difference(planted) {
            text += &format!("  found, not planted: {what} {extra}\n");
        }
    }
    if planted.exit != said.exit {
        text += &format!("  exit code {} planted, {} found\n", planted.exit, said.exit);
    }
    text
}
