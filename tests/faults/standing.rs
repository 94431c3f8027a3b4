//! Whether one report looks better than another: the yardstick of every fault that stays.
//!
//! A report made with less knowledge may say *unknown* where the other was sure, and may admit more
//! sources than the other. It may not turn anything towards clean, and it may not be silent: what
//! it leaves out has a gap that says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;
use serde_json::Value;

use crate::ledger::text;

/// What a report says, by subject.
pub struct Standing {
    endpoints: BTreeMap<String, Endpoint>,
    findings: BTreeMap<(String, String), Finding>,
    gaps: BTreeSet<Gap>,
}

struct Endpoint {
    region: String,
    resource: String,
    balancer: String,
    exposure: String,
    rows: BTreeMap<String, Row>,
    /// What would be let in, and whether it is said to lack nobody.
    allowlist: Ranges,
    lacks_nobody: bool,
}

struct Row {
    verdict: String,
    untrusted: Ranges,
}

struct Finding {
    region: String,
    endpoint: Option<String>,
    resource: String,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Gap {
    region: String,
    operation: String,
    resource: String,
}

impl Standing {
    pub fn of(report: &Value) -> Self {
        let list = |key: &str| report[key].as_array().unwrap().iter();
        let region = |value: &Value| value["region_id"].as_str().unwrap_or_default().to_owned();
        Self {
            endpoints: list("endpoints").map(|e| (text(e, "id").to_owned(), endpoint(e))).collect(),
            findings: list("findings")
                .map(|f| {
                    let endpoint = f["endpoint_id"].as_str().map(str::to_owned);
                    let resource = text(f, "resource_id").to_owned();
                    let subject = endpoint.clone().unwrap_or_else(|| resource.clone());
                    let key = (text(f, "rule_id").to_owned(), subject);
                    (key, Finding { region: region(f), endpoint, resource })
                })
                .collect(),
            gaps: report["coverage"]["gaps"]
                .as_array()
                .unwrap()
                .iter()
                .map(|gap| Gap {
                    region: region(gap),
                    operation: text(gap, "operation").to_owned(),
                    resource: text(gap, "resource_id").to_owned(),
                })
                .collect(),
        }
    }

    /// True if some read ended otherwise than in `before`.
    pub fn has_new_gap(&self, before: &Self) -> bool {
        !self.gaps.is_subset(&before.gaps)
    }

    /// What looks better here than in `before`, a sentence each.
    pub fn better_than(&self, before: &Self) -> Vec<String> {
        let mut better = Vec::new();
        let new: Vec<&Gap> = self.gaps.difference(&before.gaps).collect();
        for (id, was) in &before.endpoints {
            match self.endpoints.get(id) {
                // Only a list, or the detail of its own resource, can hide a whole endpoint.
                None if new.iter().any(|gap| gap.is_about(&was.region, &[&was.resource])) => {}
                None => better.push(format!("{id} is gone without a gap")),
                Some(is) => better.extend(is.better_than(was).into_iter().map(|what| format!("{id}: {what}"))),
            }
        }
        for (key, was) in &before.findings {
            let judged_anew = ABOUT_NEED.contains(&key.0.as_str());
            if !self.findings.contains_key(key) && !judged_anew && !self.excuses(was, &new) {
                better.push(format!("{} of {} has vanished", key.0, key.1));
            }
        }
        for (rule, subject) in self.findings.keys().filter(|key| CAN_GO.contains(&key.0.as_str())) {
            // Under an account that could not be named, every subject has another id.
            let known = before.endpoints.contains_key(subject);
            if known && !before.findings.contains_key(&(rule.clone(), subject.clone())) {
                better.push(format!("{subject} can go, says {rule}, and before it did not"));
            }
        }
        better
    }

    /// A finding may go where something was not read that it is about: its subject, or what stands
    /// in front of it. Where a port's verdict is unknown, the worst that it can be takes the place of
    /// what it was.
    fn excuses(&self, finding: &Finding, new: &[&Gap]) -> bool {
        let Some(id) = &finding.endpoint else {
            // Where an owner is unknown, so is what stands in front of it.
            let mut here = self.endpoints.values().filter(|endpoint| endpoint.region == finding.region);
            if here.any(|endpoint| endpoint.exposure == "unknown") {
                return true;
            }
            return new
                .iter()
                .any(|gap| gap.is_about(&finding.region, &[&finding.resource]) || gap.hides_filters(&finding.region));
        };
        let Some(endpoint) = self.endpoints.get(id).filter(|endpoint| endpoint.exposure != "unknown") else {
            return true;
        };
        let feared = self.findings.contains_key(&(WORST.to_owned(), id.clone()));
        let unknown = endpoint.rows.values().any(|row| row.verdict == "unknown");
        (unknown && feared)
            || new.iter().any(|gap| gap.is_about(&endpoint.region, &[&endpoint.resource, &endpoint.balancer]))
    }
}

/// The rule for what an unknown verdict may stand for.
const WORST: &str = "control-plane-open-to-untrusted";

/// Rules about whether a public path is still needed. What was not read on the way makes that unknown, of
/// which no rule speaks; that the path is open is what other rules say.
const ABOUT_NEED: [&str; 7] = [
    "stale-exposure",
    "orphaned-exposure",
    "stale-after-migration",
    "required-exposure-open",
    "required-exposure-fenced",
    "unexpected-client",
    "private-path-one-step-away",
];

/// Those after which a public path would be taken away.
const CAN_GO: [&str; 3] = ["stale-exposure", "orphaned-exposure", "stale-after-migration"];

impl Gap {
    /// True if what was not read is one of these resources, or a list that holds them.
    fn is_about(&self, region: &str, resources: &[&str]) -> bool {
        (self.region.is_empty() || self.region == region)
            && (self.resource.is_empty() || resources.contains(&self.resource.as_str()))
    }

    /// True for the reads that lead to filters: without them nobody knows in front of what they stand.
    fn hides_filters(&self, region: &str) -> bool {
        const LEAD_TO_FILTERS: [&str; 6] = [
            "DescribeServiceMeshDetail",
            "DescribeClusterDetail",
            "DescribeLoadBalancers",
            "DescribeLoadBalancerListeners",
            "GetLoadBalancerAttribute",
            "DescribeSecurityGroupAttribute",
        ];
        self.region == region && LEAD_TO_FILTERS.contains(&self.operation.as_str())
    }
}

fn endpoint(value: &Value) -> Endpoint {
    let rows = value["access"].as_array().unwrap().iter();
    let proposed = value["staleness"]["proposed_allowlist"].as_array().into_iter().flatten();
    Endpoint {
        region: text(value, "region_id").to_owned(),
        resource: text(value, "resource_id").to_owned(),
        balancer: value["load_balancer_id"].as_str().unwrap_or_default().to_owned(),
        exposure: text(value, "exposure").to_owned(),
        allowlist: Ranges::of(proposed.filter_map(Value::as_str)),
        lacks_nobody: value["staleness"]["proposal_complete"] == true,
        rows: rows
            .map(|row| {
                let port = format!("{}/{}/{}", text(row, "protocol"), row["port"], text(row, "family"));
                let blocks = row["untrusted"].as_array().unwrap().iter().map(|cidr| cidr.as_str().unwrap());
                (port, Row { verdict: text(row, "verdict").to_owned(), untrusted: Ranges::of(blocks) })
            })
            .collect(),
    }
}

impl Endpoint {
    fn better_than(&self, was: &Self) -> Option<String> {
        if self.exposure != was.exposure && self.exposure != "unknown" {
            return Some(format!("was {}, is {}", was.exposure, self.exposure));
        }
        if self.lacks_nobody && (!was.lacks_nobody || !self.allowlist.covers(&was.allowlist)) {
            return Some("the allowlist lacks somebody and says that it does not".to_owned());
        }
        if self.exposure == "unknown" {
            return None;
        }
        // A port may only go where another is shown whose verdict is not known.
        let has_unknown = self.rows.values().any(|row| row.verdict == "unknown");
        was.rows.iter().find_map(|(port, was)| match self.rows.get(port) {
            None if has_unknown => None,
            None => Some(format!("port {port} is no longer shown")),
            Some(is) if badness(&is.verdict) < badness(&was.verdict) && was.verdict != "unknown" => {
                Some(format!("port {port} was {}, is {}", was.verdict, is.verdict))
            }
            Some(is) if was.verdict == "unknown" && !matches!(is.verdict.as_str(), "unknown" | "open") => {
                Some(format!("port {port} was unknown, is {}", is.verdict))
            }
            Some(is) if !is.untrusted.covers(&was.untrusted) => {
                Some(format!("port {port} admits fewer untrusted sources than it did"))
            }
            Some(_) => None,
        })
    }
}

/// How bad a verdict is; what is not known may stand for anything.
fn badness(verdict: &str) -> u8 {
    match verdict {
        "restricted" => 0,
        "private-only" => 1,
        "unverified" => 2,
        "open" => 3,
        "unknown" => 4,
        other => panic!("no verdict: {other}"),
    }
}

/// Addresses as sorted ranges that neither touch nor overlap; by family.
struct Ranges(BTreeMap<bool, Vec<(u128, u128)>>);

impl Ranges {
    fn of<'a>(blocks: impl Iterator<Item = &'a str>) -> Self {
        let mut by_family: BTreeMap<bool, Vec<(u128, u128)>> = BTreeMap::new();
        for block in blocks {
            let block: IpNet = block.parse().unwrap();
            let number = |address: IpAddr| match address {
                IpAddr::V4(address) => u128::from(u32::from(address)),
                IpAddr::V6(address) => u128::from(address),
            };
            let range = (number(block.network()), number(block.broadcast()));
            by_family.entry(block.addr().is_ipv4()).or_default().push(range);
        }
        for ranges in by_family.values_mut() {
            ranges.sort_unstable();
            ranges.dedup_by(|next, kept| {
                let joined = next.0 <= kept.1.saturating_add(1);
                if joined {
                    kept.1 = kept.1.max(next.1);
                }
                joined
            });
        }
        Self(by_family)
    }

    fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(family, ranges)| {
            let mine = self.0.get(family).map(Vec::as_slice).unwrap_or_default();
            ranges.iter().all(|range| mine.iter().any(|one| one.0 <= range.0 && range.1 <= one.1))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(exposure: &str, verdict: &str, untrusted: &[&str], findings: &[&str], gaps: &[&str]) -> Value {
        json!({
            "endpoints": [{
                "id": "1/r/mesh/m/istio-pilot", "region_id": "r", "resource_id": "m", "exposure": exposure,
                "access": [{"protocol": "tcp", "port": 15011, "family": "ipv4", "verdict": verdict, "untrusted": untrusted}]
            }],
            "findings": findings.iter().map(|rule| json!({
                "rule_id": rule, "endpoint_id": "1/r/mesh/m/istio-pilot", "resource_id": "m", "region_id": "r"
            })).collect::<Vec<_>>(),
            "coverage": {"gaps": gaps.iter().map(|resource| json!({
                "region_id": "r", "operation": "A", "resource_id": resource
            })).collect::<Vec<_>>()}
        })
    }

    #[test]
    fn what_looks_better_is_told() {
        let before = Standing::of(&report("exposed", "open", &["0.0.0.0/1", "128.0.0.0/1"], &["rule"], &[]));
        let better = |report: Value| Standing::of(&report).better_than(&before).len();
        assert_eq!(better(report("exposed", "open", &["0.0.0.0/0"], &["rule"], &[])), 0);
        assert_eq!(better(report("exposed", "unknown", &["0.0.0.0/0"], &["rule"], &["other"])), 0);
        assert_eq!(better(report("unknown", "unknown", &[], &[], &["other"])), 0);
        assert_eq!(better(report("private", "open", &["0.0.0.0/0"], &["rule"], &["other"])), 1);
        assert_eq!(better(report("exposed", "restricted", &["0.0.0.0/0"], &["rule"], &["other"])), 1);
        assert_eq!(better(report("exposed", "open", &["0.0.0.0/1"], &["rule"], &["other"])), 1);
        assert_eq!(better(report("exposed", "open", &["0.0.0.0/0"], &[], &["other"])), 1);
        assert_eq!(better(report("exposed", "open", &["0.0.0.0/0"], &[], &["m"])), 0);
        let proposing = |blocks: &[&str], complete: bool| {
            let mut report = report("exposed", "open", &["0.0.0.0/0"], &["rule"], &["other"]);
            report["endpoints"][0]["staleness"] = json!({"proposed_allowlist": blocks, "proposal_complete": complete});
            report
        };
        let whole = Standing::of(&proposing(&["198.51.100.0/25"], true));
        let part = Standing::of(&proposing(&["198.51.100.0/25"], false));
        for (blocks, complete, better) in [
            (&["198.51.100.0/24"][..], true, [0, 1]),
            (&["198.51.100.0/26"], true, [1, 1]),
            (&["198.51.100.0/26"], false, [0, 0]),
            (&[], true, [1, 1]),
            (&[], false, [0, 0]),
        ] {
            let is = Standing::of(&proposing(blocks, complete));
            assert_eq!([is.better_than(&whole).len(), is.better_than(&part).len()], better, "{blocks:?} {complete}");
        }
        let mut gone = report("exposed", "open", &[], &[], &[]);
        gone["endpoints"] = json!([]);
        assert_eq!(better(gone.clone()), 1, "the finding may go with its endpoint, which may not");
        gone["coverage"] = report("", "open", &[], &[], &["m"])["coverage"].clone();
        assert_eq!(better(gone), 0);
    }
}
