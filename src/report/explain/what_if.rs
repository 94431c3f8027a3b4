//! Two judgements of one cloud side by side, as it is and as it would be: who gains and who loses
//! access or a private path.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use anstyle::Style;
use ipnet::IpNet;
use serde::Serialize;

use super::page::{Page, blocks, id, quoted};
use crate::{
    model::{Connectivity, Enforcement, Exposure, Family, Need, PortVerdict, StalenessVerdict},
    netset::AddressSet,
    report::{
        Options, json,
        style::{BAD, DOUBT, GOOD, connectivity_style, staleness_style, verdict_style},
        v1::{AccessV1, ConsumerV1, Document, EndpointV1},
    },
};

/// The only value of `schema` that this version writes.
pub const SCHEMA: &str = "portcullis.what-if/v1";

/// What changes would bring. Fields are added, never renamed or removed.
#[derive(Clone, Debug, Serialize)]
pub struct WhatIf<'d> {
    pub schema: &'static str,
    /// The changes in words, in their order.
    pub changes: Vec<String>,
    /// Endpoints that would be judged otherwise, sorted by id.
    pub endpoints: Vec<EndpointChange<'d>>,
    /// Endpoints for which nothing would change.
    pub unchanged: usize,
}

/// A word before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Turn<T> {
    pub before: T,
    pub after: T,
}

impl<T: PartialEq> Turn<T> {
    fn changes(&self) -> bool {
        self.before != self.after
    }
}

/// One endpoint.
#[derive(Clone, Debug, Serialize)]
pub struct EndpointChange<'d> {
    pub id: &'d str,
    pub resource_name: &'d str,
    pub exposure: Turn<Exposure>,
    pub staleness: Turn<StalenessVerdict>,
    /// Ports at which something changes.
    pub ports: Vec<PortChange<'d>>,
    /// Consumers for which something changes.
    pub consumers: Vec<ConsumerChange<'d>>,
}

/// One port in one family. A verdict is null where the port is not public.
#[derive(Clone, Debug, Serialize)]
pub struct PortChange<'d> {
    pub protocol: &'d str,
    pub port: u16,
    pub family: Family,
    pub verdict: Turn<Option<PortVerdict>>,
    /// Sources that would be let in and are not, at most.
    pub gain: Vec<IpNet>,
    /// Sources that are let in and would not be, at most.
    pub lose: Vec<IpNet>,
    /// False where a part of either could not be read.
    pub complete: bool,
}

/// One consumer.
#[derive(Clone, Debug, Serialize)]
pub struct ConsumerChange<'d> {
    pub id: &'d str,
    pub name: &'d str,
    pub connectivity: Turn<Connectivity>,
    /// What becomes of it.
    pub outcome: Outcome,
    /// Why its private path is as it would be.
    pub reasons: &'d [String],
}

/// What becomes of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It would have a private path and has none.
    GainsPrivatePath,
    /// It has a private path and would have none.
    LosesPrivatePath,
    /// The public path goes, and it keeps a private one.
    KeepsPrivatePath,
    /// The public path goes, and it has no other.
    CutOff,
    /// The public path goes, and whether it has another cannot be told.
    MayBeCutOff,
    /// Whether it has a private path could no longer be told, or could be told at last.
    Undecided,
}

impl<'d> WhatIf<'d> {
    /// Compares two judgements; `only` keeps the endpoints with these ids. `still_public` is the judgement
    /// after all changes but those that take a public path away: which private paths would be left.
    pub fn of(
        before: &'d Document<'d>,
        after: &'d Document<'d>,
        still_public: &'d Document<'d>,
        changes: Vec<String>,
        only: Option<&BTreeSet<String>>,
    ) -> Self {
        let counts = |endpoint: &&EndpointV1<'_>| only.is_none_or(|ids| ids.contains(endpoint.id.as_str()));
        let by_id = |document: &'d Document<'d>| -> BTreeMap<&'d str, &'d EndpointV1<'d>> {
            document.endpoints.iter().map(|endpoint| (endpoint.id.as_str(), endpoint)).collect()
        };
        let (later, still_public) = (by_id(after), by_id(still_public));
        let mut endpoints = Vec::new();
        let mut unchanged = 0;
        for endpoint in before.endpoints.iter().filter(counts) {
            let id = endpoint.id.as_str();
            let left = still_public.get(id).copied().unwrap_or(endpoint);
            let change = later.get(id).and_then(|later| compare(endpoint, later, left));
            match change {
                Some(change) => endpoints.push(change),
                None => unchanged += 1,
            }
        }
        Self { schema: SCHEMA, changes, endpoints, unchanged }
    }

    /// Writes it for people.
    ///
    /// # Errors
    /// Whatever the writer returns.
    pub fn write_text(&self, out: &mut dyn Write, options: &Options) -> io::Result<()> {
        let mut page = Page { out, options };
        page.list(0, "What if", self.changes.iter().map(|change| id(change)))?;
        self.endpoints.iter().try_for_each(|change| write_endpoint(change, &mut page))?;
        let rest = match (self.endpoints.len(), self.unchanged) {
            (0, 0) => "nothing is judged".to_owned(),
            (0, _) => "nobody gains or loses anything".to_owned(),
            (_, 0) => return Ok(()),
            (_, 1) => "1 other control plane stays as it is".to_owned(),
            (_, count) => format!("{count} other control planes stay as they are"),
        };
        writeln!(page.out)?;
        page.paragraph(0, 2, &rest)
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// Whatever the writer returns.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        json::write_pretty(self, out)
    }
}

/// `None` where both say the same.
fn compare<'d>(
    before: &'d EndpointV1<'d>,
    after: &'d EndpointV1<'d>,
    left: &'d EndpointV1<'d>,
) -> Option<EndpointChange<'d>> {
    let exposure = Turn { before: before.exposure, after: after.exposure };
    let staleness = Turn { before: before.staleness.verdict, after: after.staleness.verdict };
    let ports = ports(&before.access, &after.access);
    let goes = exposure.before == Exposure::Exposed && exposure.after != Exposure::Exposed;
    let consumers = if goes { without_public_path(before, left) } else { consumers(before, after) };
    let same = !exposure.changes() && !staleness.changes() && ports.is_empty() && consumers.is_empty();
    (!same).then(|| EndpointChange {
        id: &before.id,
        resource_name: &before.resource_name,
        exposure,
        staleness,
        ports,
        consumers,
    })
}

type PortKey<'d> = (u16, &'d str, Family);

fn ports<'d>(before: &'d [AccessV1<'d>], after: &'d [AccessV1<'d>]) -> Vec<PortChange<'d>> {
    let by_port = |rows: &'d [AccessV1<'d>]| -> BTreeMap<PortKey<'d>, &'d AccessV1<'d>> {
        rows.iter().map(|row| ((row.port, &*row.protocol, row.family), row)).collect()
    };
    let (old, new) = (by_port(before), by_port(after));
    let keys: BTreeSet<PortKey<'_>> = old.keys().chain(new.keys()).copied().collect();
    let mut changes = Vec::new();
    for key @ (port, protocol, family) in keys {
        let (old, new) = (old.get(&key), new.get(&key));
        let (was, would) = (
            old.map_or_else(AddressSet::empty, |row| admitted(row)),
            new.map_or_else(AddressSet::empty, |row| admitted(row)),
        );
        let verdict = Turn { before: old.map(|row| row.verdict), after: new.map(|row| row.verdict) };
        let (gain, lose) = (would.subtract(&was), was.subtract(&would));
        if verdict.changes() || !gain.is_empty() || !lose.is_empty() {
            let complete = [old, new].into_iter().flatten().all(|row| row.complete);
            changes.push(PortChange {
                protocol,
                port,
                family,
                verdict,
                gain: gain.cover(),
                lose: lose.cover(),
                complete,
            });
        }
    }
    changes
}

/// Everybody whom the enforced gates let in, trusted or not, at most.
fn admitted(row: &AccessV1<'_>) -> AddressSet {
    let everybody = AddressSet::full();
    let family = match row.family {
        Family::Ipv4 => AddressSet { v4: everybody.v4, ..AddressSet::empty() },
        Family::Ipv6 => AddressSet { v6: everybody.v6, ..AddressSet::empty() },
    };
    let enforced = row.gates.iter().filter(|gate| gate.enforcement == Enforcement::Enforced);
    enforced.fold(family, |set, gate| set.intersect(&gate.admits.iter().copied().collect()))
}

/// The endpoint is no longer public: whoever has no private path left is cut off.
fn without_public_path<'d>(before: &'d EndpointV1<'d>, left: &'d EndpointV1<'d>) -> Vec<ConsumerChange<'d>> {
    let was: BTreeMap<_, _> = before.staleness.consumers.iter().map(|one| ((one.kind, &*one.id), one)).collect();
    let staying = left.staleness.consumers.iter().filter(|consumer| consumer.need != Need::Gone);
    staying
        .map(|consumer| {
            let outcome = match (consumer.connectivity, consumer.need) {
                (Connectivity::Connected, _) => Outcome::KeepsPrivatePath,
                (_, Need::Needed | Need::Unexpected) => Outcome::CutOff,
                (Connectivity::Blocked, _) => Outcome::CutOff,
                _ => Outcome::MayBeCutOff,
            };
            let connectivity = Turn {
                before: was.get(&(consumer.kind, &*consumer.id)).map_or(consumer.connectivity, |was| was.connectivity),
                after: consumer.connectivity,
            };
            ConsumerChange { id: &consumer.id, name: &consumer.name, connectivity, outcome, reasons: &consumer.reasons }
        })
        .collect()
}

fn consumers<'d>(before: &'d EndpointV1<'d>, after: &'d EndpointV1<'d>) -> Vec<ConsumerChange<'d>> {
    let key = |consumer: &'d ConsumerV1<'d>| (consumer.kind, &*consumer.id);
    let later: BTreeMap<_, _> = after.staleness.consumers.iter().map(|consumer| (key(consumer), consumer)).collect();
    let mut changes = Vec::new();
    for consumer in &before.staleness.consumers {
        let Some(later) = later.get(&key(consumer)) else { continue };
        let connectivity = Turn { before: consumer.connectivity, after: later.connectivity };
        if !connectivity.changes() {
            continue;
        }
        let outcome = match (connectivity.before, connectivity.after) {
            (_, Connectivity::Connected) => Outcome::GainsPrivatePath,
            (Connectivity::Connected, Connectivity::Blocked | Connectivity::Partial) => Outcome::LosesPrivatePath,
            _ => Outcome::Undecided,
        };
        changes.push(ConsumerChange {
            id: &consumer.id,
            name: &consumer.name,
            connectivity,
            outcome,
            reasons: &later.reasons,
        });
    }
    changes
}

fn write_endpoint(change: &EndpointChange<'_>, page: &mut Page<'_>) -> io::Result<()> {
    page.title(&format!("{}{}", id(change.id), quoted(change.resource_name, change.id)))?;
    let exposure = |word: Exposure| match word {
        Exposure::Exposed => BAD,
        Exposure::Private => GOOD,
        Exposure::Unknown => DOUBT,
    };
    if change.exposure.changes() {
        let Turn { before, after } = change.exposure;
        let words = [(before.as_str(), exposure(before)), (after.as_str(), exposure(after))];
        write_turn("Exposure", words, page)?;
    }
    if change.staleness.changes() {
        let Turn { before, after } = change.staleness;
        let words = [(before.as_str(), staleness_style(before)), (after.as_str(), staleness_style(after))];
        write_turn("Still needed", words, page)?;
    }
    change.ports.iter().try_for_each(|port| write_port(port, page))?;
    change.consumers.iter().try_for_each(|consumer| write_consumer(consumer, page))
}

fn write_turn(label: &str, words: [(&str, Style); 2], page: &mut Page<'_>) -> io::Result<()> {
    let [before, after] = words.map(|(word, style)| page.paint(word, style));
    page.entry(2, label, &format!("{before} -> {after}"))
}

fn write_port(port: &PortChange<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let word = |verdict: Option<PortVerdict>| match verdict {
        Some(verdict) => (verdict.as_str(), verdict_style(verdict)),
        None => ("not public", GOOD),
    };
    let label = match port.family {
        Family::Ipv4 => format!("{}/{}", port.protocol, port.port),
        Family::Ipv6 => format!("{}/{} ipv6", port.protocol, port.port),
    };
    write_turn(&label, [word(port.verdict.before), word(port.verdict.after)], page)?;
    let certainty = if port.complete { "" } else { "at most " };
    if !port.gain.is_empty() {
        page.entry(4, "Gain access", &format!("{certainty}{}", blocks(&port.gain)))?;
    }
    if !port.lose.is_empty() {
        page.entry(4, "Lose access", &format!("{certainty}{}", blocks(&port.lose)))?;
    }
    Ok(())
}

fn write_consumer(consumer: &ConsumerChange<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let (words, style) = match consumer.outcome {
        Outcome::GainsPrivatePath => ("gains a private path", GOOD),
        Outcome::LosesPrivatePath => ("loses its private path", BAD),
        Outcome::KeepsPrivatePath => ("keeps its private path", GOOD),
        Outcome::CutOff => ("is cut off: it has no private path", BAD),
        Outcome::MayBeCutOff => ("may be cut off: whether it has a private path cannot be told", DOUBT),
        Outcome::Undecided => ("its private path is judged otherwise", DOUBT),
    };
    let words = page.paint(words, style);
    page.entry(2, "Consumer", &format!("{}{} {words}", id(consumer.id), quoted(consumer.name, consumer.id)))?;
    let Turn { before, after } = consumer.connectivity;
    if consumer.connectivity.changes() {
        let [before, after] = [before, after].map(|word| page.paint(word.as_str(), connectivity_style(word)));
        page.entry(4, "Private path", &format!("{before} -> {after}"))?;
    }
    page.list(4, "Because", consumer.reasons.iter().map(|reason| id(reason)))
}
