//! The first screen: four answers, each a count, what it counts, and the first few of it. Written as markup, so that it is there
//! before the script is, and without it.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    io::{self, Write},
};

use super::Safe;
use crate::{
    findings::Change,
    model::{Exposure, PortVerdict, StalenessVerdict, UnitState},
    report::{
        Background, escape,
        table::{port_label, ports_worst_first, who, worst},
        v1::{Document, EndpointV1},
    },
};

/// What is named before the rest is counted.
const NAMED: usize = 5;

/// Columns of a text in a card.
const WIDE: usize = 160;

/// One answer.
struct Card<'a> {
    /// In English and Chinese, as all words of ours.
    question: (&'a str, &'a str),
    count: String,
    /// `bad`, `doubt` or `good`.
    mood: &'a str,
    notes: Vec<(String, String)>,
    items: Vec<Item>,
    total: usize,
}

/// One of what is counted.
struct Item {
    /// The endpoint to open, where there is one.
    opens: Option<String>,
    title: String,
    below: String,
}

/// Writes the four answers.
pub(super) fn write(document: &Document<'_>, background: &Background, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<div class=\"answers\">")?;
    for card in [open(document), needless(document), unread(document), changed(document, background)] {
        card.write(out)?;
    }
    writeln!(out, "</div>")
}

impl Card<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "<section class=\"card\"><h2 data-zh=\"{}\">{}</h2><p class=\"big {}\">{}</p><p class=\"note\">",
            Safe(self.question.1),
            Safe(self.question.0),
            self.mood,
            Safe(&self.count)
        )?;
        for (en, zh) in &self.notes {
            write!(out, "<span data-zh=\"{}\">{}</span> ", Safe(zh), Safe(en))?;
        }
        writeln!(out, "</p><ul>")?;
        for item in &self.items {
            let title = Safe(&item.title);
            match &item.opens {
                Some(id) => write!(out, "<li><a href=\"#e={}\" data-open=\"{}\">{title}</a>", anchor(id), Safe(id))?,
                None => write!(out, "<li>{title}")?,
            }
            writeln!(out, "<span class=\"sub\">{}</span></li>", Safe(&item.below))?;
        }
        if self.total > self.items.len() {
            let more = self.total - self.items.len();
            writeln!(out, "<li class=\"note\"><span data-zh=\"另有 {more} 项\">and {more} more</span></li>")?;
        }
        writeln!(out, "</ul></section>")
    }
}

/// An id within a URL's fragment: everything but unreserved characters is percent-encoded.
fn anchor(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn named(endpoint: &EndpointV1<'_>) -> String {
    let name = if endpoint.resource_name.is_empty() { &endpoint.resource_id } else { &endpoint.resource_name };
    format!("{} · {} · {}", escape::name(name), endpoint.kind.as_str(), escape::name(&endpoint.region_id))
}

/// None is good news only where nothing is left that could be one.
fn mood(count: usize, word: &'static str, in_doubt: usize) -> &'static str {
    match (count, in_doubt) {
        (0, 0) => "good",
        (0, _) => "doubt",
        _ => word,
    }
}

/// Reads that did not succeed: what they would have shown may be more of anything.
fn missing(document: &Document<'_>) -> usize {
    document.coverage.denied + document.coverage.failed
}

/// The reads that leave something untold; where nothing was read at all that is all there is.
fn untold(document: &Document<'_>) -> usize {
    missing(document).max(usize::from(document.coverage.scanned == 0))
}

/// Who gets in.
fn open<'a>(document: &Document<'_>) -> Card<'a> {
    let mut open: Vec<&EndpointV1<'_>> =
        document.endpoints.iter().filter(|endpoint| worst(endpoint) == Some(PortVerdict::Open)).collect();
    let of_world = |endpoint: &EndpointV1<'_>| {
        endpoint.access.iter().flat_map(|row| row.untrusted.iter()).any(|block| block.prefix_len() == 0)
    };
    open.sort_by_key(|endpoint| (Reverse(of_world(endpoint)), &endpoint.id));
    let undecided = document
        .endpoints
        .iter()
        .filter(|endpoint| {
            endpoint.exposure == Exposure::Unknown
                || match worst(endpoint) {
                    None => endpoint.exposure == Exposure::Exposed,
                    Some(verdict) => matches!(verdict, PortVerdict::Unknown | PortVerdict::Unverified),
                }
        })
        .count();
    let summary = &document.summary;
    let items = open.iter().take(NAMED).map(|endpoint| {
        let ports = ports_worst_first(endpoint);
        let first = ports.first();
        let reach = first.map(|row| format!("{}: {}", port_label(row), who(row))).unwrap_or_default();
        let address = endpoint.public_address.as_deref().map(escape::name).unwrap_or_default();
        Item {
            opens: Some(endpoint.id.to_string()),
            title: named(endpoint),
            below: format!("{address} {}", escape::capped(&reach, WIDE)).trim_start().to_owned(),
        }
    });
    Card {
        question: ("Open to sources you did not name", "对未列入信任名单的来源开放"),
        count: open.len().to_string(),
        mood: mood(open.len(), "bad", undecided + untold(document)),
        notes: vec![(
            format!("{} of {} control planes are exposed, {undecided} undecided.", summary.exposed, summary.endpoints),
            format!("{} 个控制面中 {} 个已暴露，{undecided} 个无法判定。", summary.endpoints, summary.exposed),
        )],
        items: items.collect(),
        total: open.len(),
    }
}

/// What can go.
fn needless<'a>(document: &Document<'_>) -> Card<'a> {
    let exposed = || document.endpoints.iter().filter(|endpoint| endpoint.exposure == Exposure::Exposed);
    let with = |verdict| exposed().filter(move |endpoint| endpoint.staleness.verdict == verdict).count();
    let can_go: Vec<&EndpointV1<'_>> = exposed()
        .filter(|it| matches!(it.staleness.verdict, StalenessVerdict::Stale | StalenessVerdict::Orphaned))
        .collect();
    let later = can_go.iter().filter(|endpoint| endpoint.staleness.after_migration).count();
    let (needed, undecided) = (with(StalenessVerdict::Required), with(StalenessVerdict::Unknown));
    let items = can_go.iter().take(NAMED).map(|endpoint| Item {
        opens: Some(endpoint.id.to_string()),
        title: named(endpoint),
        below: format!(
            "{}: {}",
            endpoint.staleness.verdict,
            escape::capped(&escape::paragraph(&endpoint.staleness.reason), WIDE)
        ),
    });
    Card {
        question: ("Public paths that can go", "可以关闭的公网路径"),
        count: can_go.len().to_string(),
        mood: mood(can_go.len(), "doubt", undecided + untold(document)),
        notes: vec![(
            format!("{later} of them after a move. {needed} needed, {undecided} undecided."),
            format!("其中 {later} 个需先迁移。{needed} 个仍需要，{undecided} 个无法判定。"),
        )],
        items: items.collect(),
        total: can_go.len(),
    }
}

/// What could not be read.
fn unread<'a>(document: &Document<'_>) -> Card<'a> {
    let coverage = &document.coverage;
    let mut groups: BTreeMap<(&str, &str, &str, &str), usize> = BTreeMap::new();
    for gap in coverage.gaps.iter().filter(|gap| matches!(gap.state, UnitState::Denied | UnitState::Failed)) {
        *groups.entry((&gap.region_id, &gap.product, &gap.operation, &gap.code)).or_default() += 1;
    }
    let missing = missing(document);
    let total = groups.len();
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(key, count)| (Reverse(*count), *key));
    let items = groups.into_iter().take(NAMED).map(|((region, product, operation, code), count)| Item {
        opens: None,
        title: format!("{}:{} · {}", escape::name(product), escape::name(operation), escape::name(region)),
        below: format!("{count} × {}", escape::name(code)),
    });
    let unknown = document.summary.unknown;
    let left_out = coverage.excluded;
    Card {
        question: ("Reads that did not succeed", "未能完成的读取"),
        count: missing.to_string(),
        mood: mood(missing, "doubt", untold(document)),
        notes: vec![(
            format!(
                "{} of {} planned reads done, {left_out} left out on request; {unknown} control planes are unknown for it.",
                coverage.scanned, coverage.planned
            ),
            format!(
                "计划 {} 项，完成 {} 项，按要求略过 {left_out} 项；{unknown} 个控制面因此未知。",
                coverage.planned, coverage.scanned
            ),
        )],
        items: items.collect(),
        total,
    }
}

/// What changed since the run before.
fn changed<'a>(document: &Document<'_>, background: &Background) -> Card<'a> {
    let question = ("Changed since the last run", "自上次运行以来的变化");
    let Some(changes) = &background.changes else {
        let notes = vec![(
            "There is no earlier run of these accounts to compare with.".to_owned(),
            "没有可供比较的上次运行。".to_owned(),
        )];
        return Card { question, count: "–".to_owned(), mood: "", notes, items: Vec::new(), total: 0 };
    };
    let worse = |change: Change| matches!(change, Change::New | Change::Reopened);
    let told: Vec<_> = document
        .findings
        .iter()
        .filter_map(|finding| Some((finding, background.change(&finding.fingerprint)?)))
        .filter(|(_, change)| worse(*change))
        .collect();
    let count = |wanted: Change| changes.values().filter(|change| **change == wanted).count();
    let items = told.iter().take(NAMED).map(|(finding, change)| Item {
        opens: finding.endpoint_id.as_ref().map(ToString::to_string),
        title: format!("{} · {}", change.as_str(), finding.severity),
        below: escape::capped(&escape::paragraph(&finding.message), WIDE),
    });
    let notes = vec![(
        format!(
            "new or reopened; {} fixed, {} not known, {} unchanged.",
            count(Change::Fixed),
            count(Change::Unknown),
            count(Change::Unchanged)
        ),
        format!(
            "项新增或重现；{} 项已修复，{} 项未知，{} 项未变。",
            count(Change::Fixed),
            count(Change::Unknown),
            count(Change::Unchanged)
        ),
    )];
    Card {
        question,
        count: told.len().to_string(),
        mood: mood(told.len(), "bad", count(Change::Unknown) + untold(document)),
        notes,
        items: items.collect(),
        total: told.len(),
    }
}
