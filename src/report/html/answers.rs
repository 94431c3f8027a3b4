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
    model::{EndpointKind, Exposure, PortVerdict, Severity, StalenessVerdict, UnitState},
    report::{
        Allowlist, Background, Options, escape,
        table::{findings_sentence, port_label, ports_worst_first, who, who_zh, worst},
        v1::{Document, EndpointV1, SummaryV1},
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

/// One of what is counted. Texts are in English and Chinese.
struct Item {
    opens: Option<Opens>,
    title: (String, String),
    below: (String, String),
}

/// The detail that an item leads to.
enum Opens {
    Endpoint(String),
    /// By its fingerprint.
    Finding(String),
}

impl Opens {
    fn endpoint(endpoint: &EndpointV1<'_>) -> Option<Self> {
        Some(Self::Endpoint(endpoint.id.to_string()))
    }

    fn href(&self) -> String {
        match self {
            Self::Endpoint(id) => format!("#e={}", anchor(id)),
            Self::Finding(fingerprint) => format!("#f={}", anchor(fingerprint)),
        }
    }
}

/// The same in both languages.
fn both(text: String) -> (String, String) {
    (text.clone(), text)
}

/// Writes what the run found and was judged by, and the four answers.
pub(super) fn write(document: &Document<'_>, background: &Background, out: &mut dyn Write) -> io::Result<()> {
    write_findings(document, background, out)?;
    let cards = [open(document), needless(document), unread(document), changed(document, background)];
    // Where the cards stand below one another their numbers are together all the same, on the first screen.
    writeln!(out, "<ul class=\"strip\">")?;
    for (place, card) in cards.iter().enumerate() {
        let (count, mood) = (Safe(&card.count), card.mood);
        let (en, zh) = (Safe(card.question.0), Safe(card.question.1));
        writeln!(
            out,
            "<li><a href=\"#card-{place}\"><b class=\"{mood}\">{count}</b><span data-zh=\"{zh}\">{en}</span></a></li>"
        )?;
    }
    writeln!(out, "</ul>\n<div class=\"answers\">")?;
    for (place, card) in cards.iter().enumerate() {
        card.write(place, out)?;
    }
    writeln!(out, "</div>")
}

/// The findings by severity, those that are accepted too, and how much is trusted.
fn write_findings(document: &Document<'_>, background: &Background, out: &mut dyn Write) -> io::Result<()> {
    let found = findings_sentence(document, &Options::default());
    let zh = findings_zh(&document.summary);
    write!(out, "<p class=\"facts\"><span data-zh=\"发现：{}\">Findings: {}</span>", Safe(&zh), Safe(&found))?;
    if let Some(Allowlist { entries, ipv4_addresses, ipv6_addresses, .. }) = &background.allowlist {
        let (four, six) = (Safe(ipv4_addresses), Safe(ipv6_addresses));
        let six = (ipv6_addresses != "0").then_some(six);
        let (also, also_zh) = match six {
            Some(six) => (format!(" and {six} IPv6"), format!("和 {six} 个 IPv6 地址")),
            None => Default::default(),
        };
        if *entries == 0 {
            return writeln!(out, "<span data-zh=\"信任名单为空\">Allowlist: empty</span></p>");
        }
        let plural = if *entries == 1 { "entry" } else { "entries" };
        write!(
            out,
            "<span data-zh=\"信任名单：{entries} 条，{four} 个 IPv4 地址{also_zh}\">Allowlist: {entries} {plural}, {four} IPv4{also} \
             addresses</span>"
        )?;
    }
    writeln!(out, "</p>")
}

fn findings_zh(summary: &SummaryV1) -> String {
    let counts =
        Severity::WORST_FIRST.into_iter().map(|severity| (summary.findings.of(severity), severity_zh(severity)));
    let open: Vec<String> =
        counts.filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    let open = if open.is_empty() { "无".to_owned() } else { open.join("、") };
    let known =
        if summary.baselined == 0 { String::new() } else { format!("；基线中已有 {}", summary.baselined) };
    format!("未处理 {open}；无法判定 {}；已豁免 {}{known}", summary.undecided, summary.waived)
}

impl Card<'_> {
    fn write(&self, place: usize, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "<section class=\"card\" id=\"card-{place}\"><h2 data-zh=\"{}\">{}</h2><p class=\"big {}\">{}</p><p class=\"note\">",
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
            let (title, zh) = (Safe(&item.title.0), Safe(&item.title.1));
            match &item.opens {
                Some(opens) => {
                    write!(out, "<li><a href=\"{}\" data-open=\"\" data-zh=\"{zh}\">{title}</a>", opens.href())?;
                }
                None => write!(out, "<li><span data-zh=\"{zh}\">{title}</span>")?,
            }
            let (below, zh) = (Safe(&item.below.0), Safe(&item.below.1));
            writeln!(out, "<span class=\"sub\" data-zh=\"{zh}\">{below}</span></li>")?;
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

fn named(endpoint: &EndpointV1<'_>) -> (String, String) {
    let name = if endpoint.resource_name.is_empty() { &endpoint.resource_id } else { &endpoint.resource_name };
    let name = escape::name(name);
    (format!("{name} · {}", endpoint.kind.as_str()), format!("{name} · {}", kind_zh(endpoint.kind)))
}

fn kind_zh(kind: EndpointKind) -> &'static str {
    match kind {
        EndpointKind::ClusterApiServer => "集群 API Server",
        EndpointKind::MeshApiServer => "网格 API Server",
        EndpointKind::IstioPilot => "Istio Pilot",
        EndpointKind::IstioPilotCanary => "Istio Pilot（金丝雀）",
    }
}

fn verdict_zh(verdict: StalenessVerdict) -> &'static str {
    match verdict {
        StalenessVerdict::Required => "仍需要",
        StalenessVerdict::Stale => "已无必要",
        StalenessVerdict::Orphaned => "无人使用",
        StalenessVerdict::Unknown => "未知",
        StalenessVerdict::NotExposed => "未暴露",
    }
}

fn change_zh(change: Change) -> &'static str {
    match change {
        Change::New => "新增",
        Change::Reopened => "重新出现",
        Change::Unknown => "未知",
        Change::Fixed => "已修复",
        Change::Unchanged => "未变",
    }
}

fn severity_zh(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "紧急",
        Severity::High => "高",
        Severity::Medium => "中",
        Severity::Low => "低",
        Severity::Info => "提示",
    }
}

fn moved(change: Change, severity: Severity, name: &str) -> (String, String) {
    let name = escape::name(name);
    (
        format!("{} · {severity} · {name}", change.as_str()),
        format!("{} · {} · {name}", change_zh(change), severity_zh(severity)),
    )
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
        let reach_zh = first.map(|row| format!("{}：{}", port_label(row), who_zh(row))).unwrap_or_default();
        let address = endpoint.public_address.as_deref().map(|text| format!("{} ", escape::name(text)));
        let place = format!("{} · {}", escape::name(&endpoint.region_id), address.unwrap_or_default());
        Item {
            opens: Opens::endpoint(endpoint),
            title: named(endpoint),
            below: (
                format!("{place}{}", escape::capped(&reach, WIDE)),
                format!("{place}{}", escape::capped(&reach_zh, WIDE)),
            ),
        }
    });
    Card {
        question: ("Open to sources you did not name", "对未列入信任名单的来源开放"),
        count: open.len().to_string(),
        mood: mood(open.len(), "bad", undecided + untold(document)),
        notes: vec![match summary.endpoints {
            0 => (
                "No control plane was found: there was nothing to judge.".to_owned(),
                "没有找到控制面：没有可供判定的对象。".to_owned(),
            ),
            endpoints => (
                format!("{} of {endpoints} control planes are exposed, {undecided} undecided.", summary.exposed),
                format!("{endpoints} 个控制面中 {} 个已暴露，{undecided} 个无法判定。", summary.exposed),
            ),
        }],
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
    let items = can_go.iter().take(NAMED).map(|endpoint| {
        let staleness = &endpoint.staleness;
        let (region, why) =
            (escape::name(&endpoint.region_id), escape::capped(&escape::paragraph(&staleness.reason), WIDE));
        Item {
            opens: Opens::endpoint(endpoint),
            title: named(endpoint),
            below: (
                format!("{region} · {}: {why}", staleness.verdict),
                format!("{region} · {}：{why}", verdict_zh(staleness.verdict)),
            ),
        }
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
        title: both(format!("{}:{}", escape::name(product), escape::name(operation))),
        below: both(format!("{} · {count} × {}", escape::name(region), escape::name(code))),
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
            "Not compared with an earlier run: there is none of these accounts, or it was not at hand.".to_owned(),
            "未与更早的运行比较：没有这些账号的更早运行，或无法取得。".to_owned(),
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
    let come = told.iter().map(|(finding, change)| {
        let name = if finding.resource_name.is_empty() { &finding.resource_id } else { &finding.resource_name };
        Item {
            opens: Some(Opens::Finding(finding.fingerprint.to_string())),
            title: moved(*change, finding.severity, name),
            below: both(escape::capped(&escape::paragraph(&finding.message), WIDE)),
        }
    });
    let is_there = |id: &String| document.endpoints.iter().any(|endpoint| endpoint.id.as_str() == id);
    let left = background.gone.iter().map(|gone| Item {
        opens: gone.endpoint_id.clone().filter(is_there).map(Opens::Endpoint),
        title: moved(gone.change, gone.severity, &gone.name),
        below: both(format!("{} · {}", escape::name(&gone.region_id), escape::capped(&gone.title, WIDE))),
    });
    let items = come.chain(left).take(NAMED);
    let mut notes = vec![(
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
    if background.allowlist.as_ref().is_some_and(|allowlist| allowlist.is_another) {
        notes.push((
            "The run before was judged by another allowlist.".to_owned(),
            "上次运行使用了不同的信任名单。".to_owned(),
        ));
    }
    Card {
        question,
        count: told.len().to_string(),
        mood: mood(told.len(), "bad", count(Change::Unknown) + untold(document)),
        notes,
        items: items.collect(),
        total: told.len() + background.gone.len(),
    }
}
