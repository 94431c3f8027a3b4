//! The table for people: worst first, and one screen answers what is open and why. In a pipe it is
//! as wide as it needs to be; on a terminal it wraps to the terminal's width.
//!
//! Sections: the verdict and the counts; exposed and undecided control planes, one line a port, with
//! who gets in and which rules let them; findings; what could not be read; what to do next.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap},
    io::{self, Write},
};

use anstyle::Style;
use ipnet::IpNet;
use tabled::{
    builder::Builder,
    settings::{Padding, Style as Frame, Width, peaker::Priority},
};

use super::{
    Options, escape,
    style::{
        BAD, DOUBT, GOOD, NARROWEST, columns, confidence_word, paint, severity_style, staleness_style, verdict_style,
        wrapped,
    },
    v1::{AccessV1, Document, EndpointV1, FindingV1, GapV1, time},
    verdict,
};
use crate::{
    findings::{FindingStatus, RunVerdict},
    model::{
        Enforcement, Exposure, Family, PortVerdict, Severity, StalenessVerdict, UnitState, cause_in_words, plan_code,
    },
};

/// Characters of an id that are shown.
const ID_WIDTH: usize = 160;

/// Ranges and rules named in a cell before the rest is counted.
const NAMED: usize = 2;

/// Subjects of one rule that are named on a terminal before the rest is counted.
const SUBJECTS: usize = 4;

/// Remedies listed under "Next".
const REMEDIES: usize = 5;

/// Columns that a message or remedy may take on a terminal, over all its lines.
const ON_TERMINAL: usize = 200;

/// Writes the document as tables.
pub(super) fn write(document: &Document<'_>, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    write_head(document, out, options)?;
    write_endpoints(document, out, options)?;
    write_findings(document, out, options)?;
    write_gaps(document, out, options)?;
    write_next(document, out, options)
}

fn write_head(document: &Document<'_>, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let summary = &document.summary;
    let coverage = &document.coverage;
    let (word, style) = match document.verdict {
        RunVerdict::Fail => ("FAIL", BAD),
        RunVerdict::Unknown => ("UNKNOWN", DOUBT),
        RunVerdict::Pass => ("PASS", GOOD),
    };
    write_fact(word, &paint(word, style, options), 2, &verdict::sentence(document), out, options)?;
    let counts = format!(
        "{}: {} exposed, {} private, {} unknown",
        summary.endpoints, summary.exposed, summary.private, summary.unknown
    );
    let mut facts = vec![("Control planes", counts)];
    facts.extend(needed_sentence(document).map(|text| ("Public paths", text)));
    facts.push(("Findings", findings_sentence(document, options)));
    let mut unread = Vec::new();
    for (count, word) in [
        (coverage.denied, "denied"),
        (coverage.failed, "failed"),
        (coverage.excluded, "excluded"),
        (coverage.not_served, "not served"),
    ] {
        if count > 0 {
            unread.push(format!("{count} {word}"));
        }
    }
    let unread = if unread.is_empty() { String::new() } else { format!("; {}", unread.join(", ")) };
    facts.push(("Reads", format!("{} of {} planned{unread}", coverage.scanned, coverage.planned)));
    for caller in &document.run.caller {
        let text = format!("{} as {}", escape::name(&caller.account_id), escape::capped(&caller.arn, 120));
        facts.push(("Account", text));
    }
    let run = format!(
        "{} at {}, {} API calls, {} retries",
        escape::name(&document.run.id),
        time(&document.run.started_at),
        document.run.api_calls,
        document.run.retries
    );
    facts.push(("Run", run));
    facts.extend(told_sentence(document).map(|text| ("Told", text)));
    for (word, text) in facts {
        write_fact(word, word, FACT_INDENT - word.len(), &text, out, options)?;
    }
    Ok(())
}

/// `dingtalk sent; slack failed: …`: who was told of what changed, where anybody was to be.
fn told_sentence(document: &Document<'_>) -> Option<String> {
    let told: Vec<String> = document
        .run
        .notifications
        .iter()
        .map(|one| {
            let error = one.error.as_deref().map(|error| format!(": {}", escape::capped(error, ON_TERMINAL)));
            format!("{} {}{}", escape::name(&one.channel), escape::name(&one.outcome), error.unwrap_or_default())
        })
        .collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// Columns in front of what the head tells.
const FACT_INDENT: usize = 16;

/// A word, `gap` blanks, and a text that hangs below itself where it is wrapped.
fn write_fact(
    word: &str,
    painted: &str,
    gap: usize,
    text: &str,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<()> {
    let margin = word.len() + gap;
    let width = options.width.map_or(usize::MAX, |width| width.max(NARROWEST) - margin);
    for (position, line) in wrapped(text, width).iter().enumerate() {
        match position {
            0 => writeln!(out, "{painted}{}{line}", " ".repeat(gap))?,
            _ => writeln!(out, "{}{line}", " ".repeat(margin))?,
        }
    }
    Ok(())
}

/// `1 critical, 2 high open; 1 undecided; 3 waived`: only what is open counts, so only that is told by severity.
pub(super) fn findings_sentence(document: &Document<'_>, options: &Options) -> String {
    let summary = &document.summary;
    let by_severity: Vec<String> = Severity::WORST_FIRST
        .into_iter()
        .map(|severity| (severity, summary.findings.of(severity)))
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| paint(&format!("{count} {severity}"), severity_style(severity), options))
        .collect();
    let open = if by_severity.is_empty() { "none".to_owned() } else { by_severity.join(", ") };
    let known = match summary.baselined {
        0 => String::new(),
        count => format!("; {count} known from the baseline and not listed"),
    };
    format!("{open} open; {} undecided; {} waived{known}", summary.undecided, summary.waived)
}

/// `2 can go, 1 after a move, 1 needed, 3 undecided`: what becomes of the public paths; nothing where there is none.
fn needed_sentence(document: &Document<'_>) -> Option<String> {
    let count = |wanted: &dyn Fn(&EndpointV1<'_>) -> bool| {
        document.endpoints.iter().filter(|endpoint| endpoint.exposure == Exposure::Exposed && wanted(endpoint)).count()
    };
    let can_go = |endpoint: &EndpointV1<'_>| {
        matches!(endpoint.staleness.verdict, StalenessVerdict::Stale | StalenessVerdict::Orphaned)
    };
    let counts = [
        (count(&|endpoint| can_go(endpoint) && !endpoint.staleness.after_migration), "can go"),
        (count(&|endpoint| can_go(endpoint) && endpoint.staleness.after_migration), "can go after a move"),
        (count(&|endpoint| endpoint.staleness.verdict == StalenessVerdict::Required), "needed"),
        (count(&|endpoint| endpoint.staleness.verdict == StalenessVerdict::Unknown), "undecided"),
    ];
    let told: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}")).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// `stale, high confidence`; a verdict that claims nothing has no confidence worth a word.
fn needed_words(endpoint: &EndpointV1<'_>) -> String {
    let staleness = &endpoint.staleness;
    let move_first = if staleness.after_migration { " after a move" } else { "" };
    match staleness.verdict {
        StalenessVerdict::NotExposed => "-".to_owned(),
        StalenessVerdict::Unknown if staleness.confidence == 0.0 => staleness.verdict.to_string(),
        verdict => format!("{verdict}{move_first}, {} confidence", confidence_word(staleness.confidence)),
    }
}

fn needed_cell(endpoint: &EndpointV1<'_>, options: &Options) -> String {
    paint(&needed_words(endpoint), staleness_style(endpoint.staleness.verdict), options)
}

fn write_endpoints(document: &Document<'_>, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let mut severities: HashMap<&str, Severity> = HashMap::new();
    for finding in
        document.findings.iter().filter(|finding| finding.status != FindingStatus::Waived && !finding.baselined)
    {
        if let Some(id) = &finding.endpoint_id {
            let known = severities.entry(id).or_insert(finding.severity);
            *known = (*known).max(finding.severity);
        }
    }
    let severity = |endpoint: &EndpointV1<'_>| severities.get(endpoint.id.as_str()).copied();
    let mut shown: Vec<&EndpointV1<'_>> =
        document.endpoints.iter().filter(|endpoint| endpoint.exposure != Exposure::Private).collect();
    shown.sort_by_key(|endpoint| (Reverse(severity(endpoint)), Reverse(badness(worst(endpoint))), &endpoint.id));
    if shown.is_empty() {
        return Ok(());
    }
    let several_accounts = several_accounts(document);
    let title = "Exposed or undecided control planes, worst first";
    if let Some(width) = options.width {
        write_title(title, out, options)?;
        for endpoint in shown {
            write_endpoint(endpoint, severity(endpoint), several_accounts, width, out, options)?;
        }
        return Ok(());
    }
    let rows =
        || shown.iter().flat_map(|endpoint| endpoint_rows(endpoint, severity(endpoint), several_accounts, options));
    write_section(
        title,
        &[
            "SEVERITY",
            "CONTROL PLANE",
            "EXPOSURE",
            "ADDRESS",
            "STILL NEEDED",
            "PORT",
            "VERDICT",
            "WHO CAN REACH IT",
            "BECAUSE",
        ],
        rows,
        out,
        options,
    )
}

/// One control plane on a terminal: what and where it is, then a line for all ports that say the same.
fn write_endpoint(
    endpoint: &EndpointV1<'_>,
    severity: Option<Severity>,
    several_accounts: bool,
    width: usize,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<()> {
    let place = endpoint_place(endpoint, several_accounts);
    let address = endpoint.public_address.as_deref().map(escape::name).unwrap_or_default();
    let head = join(&[&address, place.kind, &place.quoted_name(), &place.path()], " ");
    write_item(severity, &head, 0, width, out, options)?;
    write_still_needed(endpoint, width, out, options)?;
    let ports = ports_worst_first(endpoint);
    if ports.is_empty() {
        let line = format!("{}: {}", paint(endpoint.exposure.as_str(), DOUBT, options), no_ports(endpoint));
        return write_indented(&line, width, out);
    }
    for same in
        ports.chunk_by(|one, next| one.verdict == next.verdict && who(one) == who(next) && one.blame == next.blame)
    {
        let Some(first) = same.first() else { continue };
        let labels: Vec<String> = same.iter().map(|row| port_label(row)).collect();
        let verdict = paint(first.verdict.as_str(), verdict_style(first.verdict), options);
        let blame = if first.blame.is_empty() { String::new() } else { format!("; because: {}", blame(&first.blame)) };
        write_indented(&format!("{} {verdict}: {}{blame}", labels.join(", "), who(first)), width, out)?;
    }
    Ok(())
}

/// `still needed: stale, high confidence; …`; why something is unknown is for `explain`.
fn write_still_needed(
    endpoint: &EndpointV1<'_>,
    width: usize,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<()> {
    let staleness = &endpoint.staleness;
    let cell = needed_cell(endpoint, options);
    let line = match staleness.verdict {
        StalenessVerdict::NotExposed => return Ok(()),
        StalenessVerdict::Unknown => format!("still needed: {cell}"),
        StalenessVerdict::Required | StalenessVerdict::Stale | StalenessVerdict::Orphaned => {
            format!("still needed: {cell}; {}", cut(&escape::paragraph(&staleness.reason), ON_TERMINAL / 2))
        }
    };
    write_indented(&line, width, out)
}

/// Columns in front of everything that belongs to an item of a list on a terminal.
const INDENT: usize = 10;

/// A line that begins with a severity.
fn write_item(
    severity: Option<Severity>,
    text: &str,
    hang: usize,
    width: usize,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<()> {
    let word = severity.map_or("-", Severity::as_str);
    let painted = severity.map_or_else(|| word.to_owned(), |severity| severity_cell(severity, options));
    write_hanging(word, &painted, text, hang, width, out)
}

/// A word in the margin, and a text beside it, which goes on `hang` columns further in.
fn write_hanging(
    word: &str,
    painted: &str,
    text: &str,
    hang: usize,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let padding = " ".repeat(INDENT.saturating_sub(word.len()).max(1));
    for (position, line) in wrapped(text, width.max(NARROWEST) - INDENT - hang).iter().enumerate() {
        match position {
            0 => writeln!(out, "{painted}{padding}{line}")?,
            _ => writeln!(out, "{}{line}", " ".repeat(INDENT + hang))?,
        }
    }
    Ok(())
}

fn write_indented(text: &str, width: usize, out: &mut dyn Write) -> io::Result<()> {
    for (position, line) in wrapped(text, width.max(NARROWEST) - INDENT - 2).iter().enumerate() {
        writeln!(out, "{}{line}", " ".repeat(if position == 0 { INDENT } else { INDENT + 2 }))?;
    }
    Ok(())
}

pub(super) fn ports_worst_first<'a, 'b>(endpoint: &'a EndpointV1<'b>) -> Vec<&'a AccessV1<'b>> {
    let mut ports: Vec<&AccessV1<'_>> = endpoint.access.iter().collect();
    ports.sort_by_key(|row| (Reverse(badness(Some(row.verdict))), row.port, row.family));
    ports
}

/// Why there is nothing to say of single ports.
fn no_ports(endpoint: &EndpointV1<'_>) -> String {
    match endpoint.exposure {
        Exposure::Unknown => unread_words(endpoint),
        Exposure::Exposed => "unknown: none of its balancer's listeners is running".to_owned(),
        Exposure::Private => "no public address was found".to_owned(),
    }
}

fn endpoint_rows(
    endpoint: &EndpointV1<'_>,
    severity: Option<Severity>,
    several_accounts: bool,
    options: &Options,
) -> Vec<Vec<String>> {
    let head = [
        severity.map_or_else(|| "-".to_owned(), |severity| severity_cell(severity, options)),
        endpoint_place(endpoint, several_accounts).label(),
        match endpoint.exposure {
            Exposure::Exposed => "exposed".to_owned(),
            Exposure::Private => "private".to_owned(),
            Exposure::Unknown => paint("unknown", DOUBT, options),
        },
        endpoint.public_address.as_deref().map_or_else(|| "-".to_owned(), escape::name),
        needed_cell(endpoint, options),
    ];
    let ports = ports_worst_first(endpoint);
    if ports.is_empty() {
        let mut row = head.to_vec();
        row.extend(["-".to_owned(), "-".to_owned(), no_ports(endpoint), "-".to_owned()]);
        return vec![row];
    }
    ports
        .into_iter()
        .enumerate()
        .map(|(position, port)| {
            let mut row = if position == 0 { head.to_vec() } else { vec![String::new(); head.len()] };
            row.push(port_label(port));
            row.push(paint(port.verdict.as_str(), verdict_style(port.verdict), options));
            row.push(who(port));
            row.push(blame(&port.blame));
            row
        })
        .collect()
}

fn unread_words(endpoint: &EndpointV1<'_>) -> String {
    match &*endpoint.unread {
        [] => "could not be read".to_owned(),
        [only] => escape::capped(only, 160),
        [first, rest @ ..] => format!("{} (+{} more)", escape::capped(first, 160), rest.len()),
    }
}

fn endpoint_place<'a>(endpoint: &'a EndpointV1<'_>, several_accounts: bool) -> Place<'a> {
    Place {
        account: several_accounts.then_some(&*endpoint.account_id),
        region: &endpoint.region_id,
        id: &endpoint.resource_id,
        kind: endpoint.kind.as_str(),
        name: &endpoint.resource_name,
    }
}

/// Where something is, and what it is called.
struct Place<'a> {
    account: Option<&'a str>,
    region: &'a str,
    id: &'a str,
    kind: &'a str,
    name: &'a str,
}

impl Place<'_> {
    /// `cn-hangzhou/c1 cluster-api-server "name"`
    fn label(&self) -> String {
        join(&[&self.path(), self.kind, &self.quoted_name()], " ")
    }

    /// `cn-hangzhou/c1`
    fn path(&self) -> String {
        let parts: Vec<String> = self
            .account
            .iter()
            .chain([&self.region, &self.id])
            .filter(|part| !part.is_empty())
            .map(|part| id(part))
            .collect();
        parts.join("/")
    }

    fn quoted_name(&self) -> String {
        if self.name.is_empty() || self.name == self.id {
            String::new()
        } else {
            format!("\"{}\"", escape::name(self.name))
        }
    }
}

/// An id, which is of no use in part: an address in a Terraform plan has a hundred characters where modules are nested.
fn id(text: &str) -> String {
    escape::capped(text, ID_WIDTH)
}

/// The parts that are not empty.
fn join(parts: &[&str], between: &str) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(between)
}

fn several_accounts(document: &Document<'_>) -> bool {
    let mut accounts = document.endpoints.iter().map(|endpoint| &endpoint.account_id);
    accounts.next().is_some_and(|first| accounts.any(|other| other != first))
}

/// `tcp/6443`, and the family where it is not the usual one.
pub(super) fn port_label(row: &AccessV1<'_>) -> String {
    let family = if row.family == Family::Ipv6 { " ipv6" } else { "" };
    format!("{}/{}{family}", escape::name(&row.protocol), row.port)
}

pub(super) fn worst(endpoint: &EndpointV1<'_>) -> Option<PortVerdict> {
    endpoint.access.iter().map(|row| row.verdict).max_by_key(|verdict| badness(Some(*verdict)))
}

fn badness(verdict: Option<PortVerdict>) -> u8 {
    match verdict {
        Some(PortVerdict::Open) => 5,
        Some(PortVerdict::Unknown) => 4,
        Some(PortVerdict::Unverified) => 3,
        None => 2,
        Some(PortVerdict::PrivateOnly) => 1,
        Some(PortVerdict::Restricted) => 0,
    }
}

/// Who gets in, in words, with the first ranges and a witness.
pub(super) fn who(row: &AccessV1<'_>) -> String {
    let witness = row.witness.map(|witness| format!(", e.g. {witness}")).unwrap_or_default();
    match row.verdict {
        PortVerdict::Restricted => "trusted sources only".to_owned(),
        PortVerdict::PrivateOnly => format!("nobody on the internet, but {}", ranges(&row.untrusted)),
        PortVerdict::Open => {
            format!("{}{witness}", share(&witness_first(row), row.family))
        }
        PortVerdict::Unverified => {
            let gates: Vec<String> = row
                .gates
                .iter()
                .filter(|gate| gate.enforcement == Enforcement::Unverified)
                .map(|gate| id(&gate.id))
                .collect();
            format!(
                "only {} filters, which is not documented; else {}",
                gates.join(" and "),
                share(&row.untrusted, row.family)
            )
        }
        PortVerdict::Unknown => format!("at worst {}", share(&row.untrusted, row.family)),
    }
}

/// The untrusted ranges, that of the witness first: it is on the internet, where others may be private.
fn witness_first(row: &AccessV1<'_>) -> Vec<IpNet> {
    let mut blocks = row.untrusted.to_vec();
    blocks.sort_by_key(|block| !row.witness.is_some_and(|witness| block.contains(&witness)));
    blocks
}

/// How much of its family's addresses the blocks hold. The sum of powers of two is exact enough to choose a phrasing by.
fn portion(blocks: &[IpNet]) -> f64 {
    blocks.iter().map(|block| 0.5_f64.powi(i32::from(block.prefix_len()))).sum()
}

/// Per cent, in tenths, rounded down.
fn percent(portion: f64) -> f64 {
    (portion * 1000.0).floor() / 10.0
}

/// `99.9% of IPv4 (0.0.0.0/1, 128.0.0.0/2 +29 ranges)`
fn share(blocks: &[IpNet], family: Family) -> String {
    let (word, bits) = match family {
        Family::Ipv4 => ("IPv4", 32),
        Family::Ipv6 => ("IPv6", 128),
    };
    let part = portion(blocks);
    if part >= 1.0 {
        return format!("everyone on {word}");
    }
    if part >= 0.01 {
        return format!("{:.1}% of {word} ({})", percent(part), ranges(blocks));
    }
    if bits == 32 {
        let addresses: u64 = blocks.iter().map(|block| 1_u64 << 32_u8.saturating_sub(block.prefix_len())).sum();
        let noun = if addresses == 1 { "address" } else { "addresses" };
        return format!("{} ({addresses} {noun})", ranges(blocks));
    }
    ranges(blocks)
}

/// [`who`] of an open port in Chinese.
pub(super) fn who_zh(row: &AccessV1<'_>) -> String {
    let word = if row.family == Family::Ipv6 { "IPv6" } else { "IPv4" };
    let part = portion(&row.untrusted);
    let witness = row.witness.map(|witness| format!("，例如 {witness}")).unwrap_or_default();
    if part >= 1.0 {
        return format!("{word} 全部地址{witness}");
    }
    let blocks = witness_first(row);
    let named: Vec<String> = blocks.iter().take(NAMED).map(ToString::to_string).collect();
    let more = if blocks.len() > NAMED { format!(" 等 {} 个网段", blocks.len()) } else { String::new() };
    match part {
        part if part >= 0.01 => {
            format!("{word} 的 {:.1}%（{}{more}）{witness}", percent(part), named.join("、"))
        }
        _ => format!("{}{more}{witness}", named.join("、")),
    }
}

fn ranges(blocks: &[IpNet]) -> String {
    let named: Vec<String> = blocks.iter().take(NAMED).map(ToString::to_string).collect();
    match blocks.len() {
        0 => "nobody".to_owned(),
        count if count <= NAMED => named.join(", "),
        count => format!("{} +{} more", named.join(", "), count - NAMED),
    }
}

/// Rules by their ids; what is no rule in words.
fn blame(rules: &[String]) -> String {
    let named: Vec<String> = rules.iter().take(NAMED).map(|rule| escape::line(&cause_in_words(rule))).collect();
    match rules.len() {
        0 => "-".to_owned(),
        count if count <= NAMED => named.join(", "),
        count => format!("{} +{} more", named.join(", "), count - NAMED),
    }
}

fn write_findings(document: &Document<'_>, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    if document.findings.iter().all(|finding| finding.baselined) {
        return Ok(());
    }
    let endpoints: HashMap<&str, &EndpointV1<'_>> =
        document.endpoints.iter().map(|endpoint| (endpoint.id.as_str(), endpoint)).collect();
    let several_accounts = several_accounts(document);
    let mut findings: Vec<&FindingV1<'_>> = document.findings.iter().filter(|finding| !finding.baselined).collect();
    findings.sort_by_key(|finding| {
        (finding.status == FindingStatus::Waived, Reverse(finding.severity), finding.status == FindingStatus::Unknown)
    });
    let subject = |finding: &FindingV1<'_>| finding.endpoint_id.as_deref().and_then(|id| endpoints.get(id).copied());
    if let Some(width) = options.width {
        write_title("Findings, by rule", out, options)?;
        return write_by_rule(&findings, &subject, width, out, options);
    }
    let row = |finding: &&FindingV1<'_>| {
        vec![
            severity_cell(finding.severity, options),
            status_cell(finding.status, options),
            escape::name(&finding.rule_id),
            finding_place(finding, subject(finding), several_accounts).label(),
            what(finding),
        ]
    };
    let rows = || findings.iter().map(row);
    write_section("Findings", &["SEVERITY", "STATUS", "RULE", "ABOUT", "WHAT"], rows, out, options)
}

/// On a terminal, findings of one rule, severity and status are one item: a table of endless lines
/// answers nothing, and who gets in stands above already.
fn write_by_rule<'a, 'b: 'a>(
    findings: &[&'a FindingV1<'b>],
    endpoint_of: &dyn Fn(&FindingV1<'_>) -> Option<&'a EndpointV1<'b>>,
    width: usize,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<()> {
    let mut groups: BTreeMap<(FindingStatus, Reverse<Severity>, &str), Vec<&FindingV1<'_>>> = BTreeMap::new();
    for finding in findings {
        groups.entry((finding.status, Reverse(finding.severity), &finding.rule_id)).or_default().push(finding);
    }
    for ((status, Reverse(severity), rule_id), members) in groups {
        let title = members.first().map(|finding| escape::paragraph(&finding.title)).unwrap_or_default();
        let count = format!("{} {}", members.len(), status_cell(status, options));
        let head = join(&[&count, &escape::name(rule_id), &title], "  ");
        write_item(Some(severity), &head, 2, width, out, options)?;
        let mut subjects: Vec<String> =
            members.iter().take(SUBJECTS).map(|finding| short_subject(finding, endpoint_of(finding))).collect();
        if members.len() > SUBJECTS {
            subjects.push(format!("+{} more", members.len() - SUBJECTS));
        }
        write_indented(&subjects.join(", "), width, out)?;
    }
    Ok(())
}

/// The name of an endpoint, whose id is above; the id of everything else.
fn short_subject(finding: &FindingV1<'_>, endpoint: Option<&EndpointV1<'_>>) -> String {
    let waiver = finding.waiver.as_ref().filter(|_| finding.status == FindingStatus::Waived);
    let until = waiver.map(|waiver| format!(" (accepted until {})", waiver.expires)).unwrap_or_default();
    match endpoint {
        Some(endpoint) if !endpoint.resource_name.is_empty() => {
            format!("{} {}{until}", escape::name(&endpoint.resource_name), endpoint.kind)
        }
        Some(endpoint) => format!("{} {}{until}", id(&endpoint.resource_id), endpoint.kind),
        None => format!("{}{until}", id(&finding.resource_id)),
    }
}

fn what(finding: &FindingV1<'_>) -> String {
    // What follows the first line are commands to copy, for which a cell is no place.
    let message = escape::paragraph(finding.message.lines().next().unwrap_or_default());
    match finding.waiver.as_ref().filter(|_| finding.status == FindingStatus::Waived) {
        None => message,
        Some(waiver) => format!(
            "{message} (accepted until {} by {}: {})",
            waiver.expires,
            escape::name(&waiver.owner),
            escape::capped(&waiver.reason, 120)
        ),
    }
}

/// The first `width` columns, at a border of words where there is one.
fn cut(text: &str, width: usize) -> String {
    if escape::columns(text) <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    for word in text.split_inclusive(' ') {
        if escape::columns(&shown) + escape::columns(word) > width {
            break;
        }
        shown.push_str(word);
    }
    if shown.is_empty() {
        shown = text.chars().take(width / 2).collect();
    }
    format!("{}…", shown.trim_end())
}

fn finding_place<'a>(
    finding: &'a FindingV1<'_>,
    endpoint: Option<&'a EndpointV1<'_>>,
    several_accounts: bool,
) -> Place<'a> {
    Place {
        account: several_accounts.then_some(&*finding.account_id),
        region: &finding.region_id,
        id: &finding.resource_id,
        kind: endpoint.map_or(finding.resource_kind.as_str(), |endpoint| endpoint.kind.as_str()),
        name: finding_name(finding, endpoint),
    }
}

/// The name of what a finding is about; a report that was read back knows it from the endpoint only.
pub(super) fn finding_name<'a>(finding: &'a FindingV1<'_>, endpoint: Option<&'a EndpointV1<'_>>) -> &'a str {
    match endpoint {
        Some(endpoint) if finding.resource_name.is_empty() => &endpoint.resource_name,
        _ => &finding.resource_name,
    }
}

fn write_gaps(document: &Document<'_>, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    /// Gaps that differ in nothing but the resource are one line with a count.
    type Key<'a> = (UnitState, &'a str, &'a str, &'a str, &'a str, &'a str);
    let mut groups: BTreeMap<Key<'_>, Vec<&GapV1<'_>>> = BTreeMap::new();
    for gap in document.coverage.gaps.iter().filter(|gap| !is_left_out_region(gap)) {
        let key = (gap.state, &*gap.account_id, &*gap.region_id, &*gap.product, &*gap.operation, &*gap.code);
        groups.entry(key).or_default().push(gap);
    }
    let left_out = left_out_regions(document);
    if groups.is_empty() && left_out.is_empty() {
        return Ok(());
    }
    let title = if document.coverage.complete {
        "Left out"
    } else {
        "Not read: what these would have shown is unknown, not clean"
    };
    if let Some(width) = options.width {
        write_title(title, out, options)?;
        for ((state, _, region, product, operation, code), gaps) in groups {
            let why = match state {
                // The vendor's sentence about a missing permission says no more than its code.
                UnitState::Denied => "a permission is missing".to_owned(),
                // What a plan leaves open is in our own words, of which the last are those that count.
                _ if plan_code::ALL.contains(&code) => first_message(&gaps),
                _ => cut(&first_message(&gaps), ON_TERMINAL / 2),
            };
            let why = if code.is_empty() { why } else { format!("{why} ({})", escape::name(code)) };
            let line = format!(
                "{}: {why}",
                join(&[&gap_region(region), &gap_call(product, operation), &gap_resources(&gaps)], "  ")
            );
            let word = paint(state_word(state), state_style(state), options);
            write_hanging(state_word(state), &word, &line, 2, width, out)?;
        }
        for ((_, why), regions) in left_out {
            let line = format!("{}: {}", some_of(&regions), cut(&escape::paragraph(why), ON_TERMINAL / 2));
            let (word, style) = (state_word(UnitState::Excluded), state_style(UnitState::Excluded));
            write_hanging(word, &paint(word, style, options), &line, 2, width, out)?;
        }
        return Ok(());
    }
    let rows = groups.into_iter().map(|((state, account, region, product, operation, code), gaps)| {
        let resources = gap_resources(&gaps);
        vec![
            paint(state_word(state), state_style(state), options),
            gaps.len().to_string(),
            gap_region(region),
            gap_call(product, operation),
            if resources.is_empty() { "-".to_owned() } else { resources },
            if code.is_empty() { "-".to_owned() } else { escape::name(code) },
            escape::name(account),
            first_message(&gaps),
        ]
    });
    let whole_regions = left_out.into_iter().map(|((account, why), regions)| {
        let state = UnitState::Excluded;
        vec![
            paint(state_word(state), state_style(state), options),
            regions.len().to_string(),
            some_of(&regions),
            "-".to_owned(),
            "-".to_owned(),
            "-".to_owned(),
            escape::name(account),
            escape::paragraph(why),
        ]
    });
    let header = ["STATE", "COUNT", "REGION", "CALL", "RESOURCE", "CODE", "ACCOUNT", "WHY"];
    let rows: Vec<Vec<String>> = rows.chain(whole_regions).collect();
    write_section(title, &header, || rows.iter().cloned(), out, options)
}

fn first_message(gaps: &[&GapV1<'_>]) -> String {
    gaps.first().map_or_else(String::new, |gap| escape::paragraph(&gap.message))
}

/// True for a read of a region that was left out as a whole.
fn is_left_out_region(gap: &GapV1<'_>) -> bool {
    gap.state == UnitState::Excluded && !gap.region_id.is_empty()
}

/// The regions that were left out, by account and reason: one line each instead of one for each read.
fn left_out_regions<'a>(document: &'a Document<'_>) -> BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>> {
    let mut regions: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for gap in document.coverage.gaps.iter().filter(|gap| is_left_out_region(gap)) {
        regions.entry((&*gap.account_id, &*gap.message)).or_default().insert(&*gap.region_id);
    }
    regions
}

/// `cn-beijing, cn-hangzhou +26 more`
fn some_of(ids: &BTreeSet<&str>) -> String {
    let shown: Vec<String> = ids.iter().take(NAMED).map(|text| id(text)).collect();
    match ids.len() {
        count if count > NAMED => format!("{} +{} more", shown.join(", "), count - NAMED),
        _ => shown.join(", "),
    }
}

fn gap_region(region: &str) -> String {
    if region.is_empty() { "all regions".to_owned() } else { escape::name(region) }
}

fn gap_call(product: &str, operation: &str) -> String {
    format!("{}:{}", escape::name(product), escape::name(operation))
}

fn gap_resources(gaps: &[&GapV1<'_>]) -> String {
    some_of(&gaps.iter().map(|gap| &*gap.resource_id).filter(|id| !id.is_empty()).collect())
}

fn write_next(document: &Document<'_>, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let mut steps: Vec<String> = Vec::new();
    let mut seen: Vec<(&str, &str)> = Vec::new();
    let new = |finding: &&FindingV1<'_>| finding.status == FindingStatus::Open && !finding.baselined;
    for finding in document.findings.iter().filter(new) {
        let key = (&*finding.rule_id, &*finding.remedy);
        if finding.remedy.is_empty() || seen.contains(&key) {
            continue;
        }
        if seen.len() == REMEDIES {
            break;
        }
        seen.push(key);
        let remedy = escape::paragraph(&finding.remedy);
        let remedy = if options.width.is_some() { cut(&remedy, ON_TERMINAL) } else { remedy };
        steps.push(format!("{}: {remedy}", escape::name(&finding.rule_id)));
    }
    if document.coverage.denied > 0 {
        steps.push("Grant the denied reads and scan again; `portcullis doctor --policy` prints the policy.".to_owned());
    }
    let failed = || document.coverage.gaps.iter().filter(|gap| gap.state == UnitState::Failed);
    if failed().any(|gap| !plan_code::ALL.contains(&&*gap.code)) {
        steps.push("Scan again: the failed reads above may have been passing trouble.".to_owned());
    }
    if failed().any(|gap| plan_code::ALL.contains(&&*gap.code)) {
        steps.push("Write what the plan leaves open, and plan again; or scan after apply.".to_owned());
    }
    if !document.findings.is_empty() {
        // Nobody's cloud was read, so that it was a plan, of which no run is kept.
        let how = if document.run.caller.is_empty() {
            "`--output json=FILE`, `portcullis explain --run FILE ID`"
        } else {
            "`portcullis explain ID`"
        };
        steps.push(format!("One control plane or finding in full, with every consumer and path: {how}."));
        steps.push("Everything, with full address lists and fingerprints for waivers: `--output json`.".to_owned());
    }
    if steps.is_empty() {
        return Ok(());
    }
    write_title("Next", out, options)?;
    for (number, step) in steps.iter().enumerate() {
        let text = format!("{}. {step}", number + 1);
        let width = options.width.map_or(usize::MAX, |width| width.max(NARROWEST) - 3);
        for (row, line) in wrapped(&text, width).iter().enumerate() {
            writeln!(out, "{}{line}", if row == 0 { "" } else { "   " })?;
        }
    }
    Ok(())
}

fn write_title(title: &str, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    writeln!(out, "\n{}", paint(title, Style::new().bold(), options))
}

/// Writes rows under a header, as [`grid`] lays them out where nothing is wrapped. They are made twice, for the widths of
/// the columns and to be written: a hundred thousand of them are not kept.
fn write_section<I: Iterator<Item = Vec<String>>>(
    title: &str,
    header: &[&str],
    rows: impl Fn() -> I,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<()> {
    write_title(title, out, options)?;
    let all = || std::iter::once(head_row(header, options)).chain(rows());
    let mut widths = vec![0; header.len()];
    for row in all() {
        for (width, cell) in widths.iter_mut().zip(&row) {
            *width = columns(cell).max(*width);
        }
    }
    for row in all() {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(&row) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - columns(cell) + 2));
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn head_row(header: &[&str], options: &Options) -> Vec<String> {
    header.iter().map(|title| paint(title, Style::new().dimmed(), options)).collect()
}

/// Lays out rows under a header: two blanks between columns, no frame.
pub(crate) fn grid(header: &[&str], rows: Vec<Vec<String>>, options: &Options) -> String {
    let mut builder = Builder::with_capacity(rows.len() + 1, header.len());
    builder.push_record(head_row(header, options));
    for row in rows {
        builder.push_record(row);
    }
    let mut table = builder.build();
    table.with(Frame::empty()).with(Padding::new(0, 2, 0, 0));
    if let Some(width) = options.width {
        table.with(Width::wrap(width.max(NARROWEST)).keep_words(true).priority(Priority::max(true)));
    }
    let mut text = String::new();
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn state_style(state: UnitState) -> Style {
    match state {
        UnitState::Denied | UnitState::Failed => DOUBT,
        UnitState::Scanned | UnitState::Excluded | UnitState::NotServed => Style::new(),
    }
}

/// The word of reports for how a read ended.
pub(super) fn state_word(state: UnitState) -> &'static str {
    match state {
        UnitState::Scanned => "scanned",
        UnitState::Denied => "denied",
        UnitState::Failed => "failed",
        UnitState::Excluded => "excluded",
        UnitState::NotServed => "not-served",
    }
}

fn severity_cell(severity: Severity, options: &Options) -> String {
    paint(severity.as_str(), severity_style(severity), options)
}

fn status_cell(status: FindingStatus, options: &Options) -> String {
    match status {
        FindingStatus::Unknown => paint(status.as_str(), DOUBT, options),
        FindingStatus::Open | FindingStatus::Waived => status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_made_twice_look_like_rows_that_are_kept() {
        let header = ["NAME", "WHAT"];
        let rows = [["ab", "生产 \u{301}x"], ["生产", ""], ["", "👩\u{200d}🚀 \u{1b}[31mred\u{1b}[0m"], ["a  ", "b "]];
        let rows: Vec<Vec<String>> = rows.map(|row| row.map(str::to_owned).to_vec()).to_vec();
        for color in [false, true] {
            let options = Options { width: None, color };
            let mut out = Vec::new();
            write_section("Title", &header, || rows.iter().cloned(), &mut out, &options).expect("a Vec takes it");
            let title = paint("Title", Style::new().bold(), &options);
            let expected = format!("\n{title}\n{}", grid(&header, rows.clone(), &options));
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
