//! The explanation for people. Each section takes what it tells and a page to write on, so that two
//! judgements of one endpoint can be shown one after the other.

use std::io::{self, Write};

use anstyle::Style;

use super::{
    EndpointStory, Explanation,
    consumer::write_consumer,
    page::{Page, blocks, confidence, id, quoted, sentence},
};
use crate::{
    findings::FindingStatus,
    model::{EndpointKind, Exposure, Family, PortVerdict, Sign, StalenessVerdict, UnitState, cause_in_words},
    report::{
        Options, escape,
        style::{BAD, DOUBT, GOOD, severity_style, staleness_style, verdict_style},
        table,
        v1::{AccessV1, ClientV1, EndpointV1, FindingV1, GapV1, time},
    },
};

/// Writes the whole explanation.
pub(super) fn write(explanation: &Explanation<'_>, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let mut page = Page { out, options };
    write_head(explanation, &mut page)?;
    for story in &explanation.endpoints {
        write_story(story, &mut page)?;
    }
    write_findings(&explanation.findings, explanation.finding, &mut page)?;
    write_gaps(&explanation.gaps, &mut page)
}

fn write_head(explanation: &Explanation<'_>, page: &mut Page<'_>) -> io::Result<()> {
    if let Some(finding) = explanation.finding {
        let words = format!(
            "Finding {} about {} {}{} in {}",
            escape::name(&finding.rule_id),
            finding.resource_kind,
            id(&finding.resource_id),
            quoted(&finding.resource_name, &finding.resource_id),
            place(&finding.region_id),
        );
        let words = page.paint(&words, Style::new().bold());
        page.paragraph(0, 2, &words)?;
        page.entry(0, "Fingerprint", &id(&finding.fingerprint))?;
        if finding.endpoint_id.is_none() && explanation.endpoints.is_empty() {
            page.entry(0, "Concerns", "no endpoint that this report names")?;
        }
    }
    let run = &explanation.run;
    page.entry(0, "Run", &format!("{} at {}", id(run.id), time(&run.started_at)))
}

fn place(region: &str) -> String {
    if region.is_empty() { "all regions".to_owned() } else { id(region) }
}

/// Everything about one endpoint but the findings.
fn write_story(story: &EndpointStory<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let endpoint = story.endpoint;
    write_exposure(endpoint, page)?;
    write_access(endpoint, page)?;
    write_need(story, page)?;
    write_proposal(story, page)
}

fn endpoint_words(endpoint: &EndpointV1<'_>) -> String {
    let entrance = match endpoint.kind {
        EndpointKind::IstioPilot => "Istio Pilot",
        EndpointKind::IstioPilotCanary => "Canary Istio Pilot",
        EndpointKind::MeshApiServer | EndpointKind::ClusterApiServer => "API server",
    };
    format!(
        "{entrance} of {} {}{}",
        endpoint.resource_kind,
        id(&endpoint.resource_id),
        quoted(&endpoint.resource_name, &endpoint.resource_id)
    )
}

fn write_exposure(endpoint: &EndpointV1<'_>, page: &mut Page<'_>) -> io::Result<()> {
    page.title(&endpoint_words(endpoint))?;
    page.entry(2, "Endpoint", &id(&endpoint.id))?;
    let style = match endpoint.exposure {
        Exposure::Exposed => BAD,
        Exposure::Private => GOOD,
        Exposure::Unknown => DOUBT,
    };
    let word = page.paint(endpoint.exposure.as_str(), style);
    page.entry(2, "Exposure", &word)?;
    let addresses = [
        ("Public address", endpoint.public_address.as_deref()),
        ("EIP", endpoint.eip_id.as_deref()),
        ("Load balancer", endpoint.load_balancer_id.as_deref()),
        ("Private address", endpoint.private_address.as_deref()),
    ];
    for (label, value) in addresses {
        if let Some(value) = value {
            page.entry(2, label, &id(value))?;
        }
    }
    if !endpoint.protected_by.is_empty() {
        let by: Vec<String> = endpoint.protected_by.iter().map(|tagged| id(tagged)).collect();
        page.entry(2, "Protected", &format!("never changed by Portcullis: portcullis:protect on {}", by.join(", ")))?;
    }
    page.list(2, "Signs", endpoint.signs.iter().map(|sign| format!("{sign}: {}", sign_words(*sign))))?;
    page.list(2, "Contradictions", endpoint.contradictions.iter().map(|text| sentence(text)))?;
    page.list(2, "Not read", endpoint.unread.iter().map(|text| sentence(text)))?;
    let bound = match &endpoint.bound_by {
        Some(binding) => {
            let from = match &*binding.source_ip_address {
                "" => String::new(),
                address => format!(" from {}", id(address)),
            };
            format!(
                "{} at {} with {}{from} (event {})",
                escape::name(&binding.user),
                time(&binding.at),
                id(&binding.event_name),
                id(&binding.event_id)
            )
        }
        None if endpoint.eip_id.is_some() => "not known: no audit trail that was read says so".to_owned(),
        None => return Ok(()),
    };
    page.entry(2, "Bound by", &bound)
}

fn sign_words(sign: Sign) -> &'static str {
    match sign {
        Sign::PublicFlag => "the product says that it is public",
        Sign::PublicEndpoint => "the product names a public endpoint",
        Sign::EipId => "the product names an EIP",
        Sign::EipOnLoadBalancer => "the list of EIPs shows one on its load balancer",
        Sign::InternetLoadBalancer => "its load balancer is of the internet type",
        Sign::NlbPublicAddress => "its network load balancer has a public address",
        Sign::Ipv6Address => "its load balancer has a public IPv6 address",
    }
}

fn write_access(endpoint: &EndpointV1<'_>, page: &mut Page<'_>) -> io::Result<()> {
    if endpoint.exposure == Exposure::Private {
        return Ok(());
    }
    page.title("Who gets in")?;
    if endpoint.access.is_empty() {
        return page.paragraph(2, 2, "No listener port is known, so who gets in is unknown.");
    }
    endpoint.access.iter().try_for_each(|row| write_port(row, page))
}

fn write_port(row: &AccessV1<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let family = if row.family == Family::Ipv6 { "IPv6" } else { "IPv4" };
    let label = format!("{}/{} over {family}", escape::name(&row.protocol), row.port);
    let verdict = page.paint(row.verdict.as_str(), verdict_style(row.verdict));
    let read = if row.complete { "" } else { " (not everything that filters it was read)" };
    page.paragraph(2, 2, &format!("{label}: {verdict}, {}{read}", verdict_words(row.verdict)))?;
    if !row.untrusted.is_empty() {
        let bound = if row.complete { "" } else { "at most " };
        page.entry(4, "Untrusted", &format!("{bound}{}", blocks(&row.untrusted)))?;
    }
    if let Some(witness) = row.witness {
        page.entry(4, "For example", &witness.to_string())?;
    }
    for gate in &row.gates {
        let note = if gate.note.is_empty() { String::new() } else { format!("; {}", sentence(&gate.note)) };
        let text =
            format!("{} {} ({}) admits {}{note}", gate.kind, id(&gate.id), gate.enforcement, blocks(&gate.admits));
        page.entry(4, "Gate", &text)?;
    }
    let ids = |rules: &[String]| rules.iter().map(|rule| id(&cause_in_words(rule))).collect::<Vec<_>>().join(", ");
    if !row.blame.is_empty() {
        page.entry(4, "Because of", &ids(&row.blame))?;
    }
    if !row.fix_set.is_empty() {
        page.entry(4, "Rules to delete", &ids(&row.fix_set))?;
    }
    Ok(())
}

fn verdict_words(verdict: PortVerdict) -> &'static str {
    match verdict {
        PortVerdict::Open => "untrusted internet addresses get in",
        PortVerdict::Unverified => "only a gate that nobody documents as effective stands in the way",
        PortVerdict::PrivateOnly => "nobody on the internet, but private or reserved addresses outside the allowlist",
        PortVerdict::Restricted => "trusted addresses only",
        PortVerdict::Unknown => "something that would decide could not be read",
    }
}

fn write_need(story: &EndpointStory<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let staleness = &story.endpoint.staleness;
    if staleness.verdict == StalenessVerdict::NotExposed {
        return Ok(());
    }
    page.title("Is the public path still needed")?;
    let word = page.paint(need_word(staleness.verdict), staleness_style(staleness.verdict));
    let confidence = match staleness.verdict {
        // Nothing was weighed.
        StalenessVerdict::Unknown if staleness.confidence == 0.0 => String::new(),
        _ => format!(", {}", confidence(staleness.confidence)),
    };
    page.entry(2, "Verdict", &format!("{word}{confidence}"))?;
    if staleness.after_migration {
        page.entry(2, "But first", "consumers that use it now must move: taking it away today would cut them off")?;
    }
    if !staleness.reason.is_empty() {
        page.entry(2, "Why", &sentence(&staleness.reason))?;
    }
    page.list(2, "Logs lack", staleness.incomplete_logs.iter().map(|text| sentence(text)))?;
    page.list(2, "Would decide", staleness.deciding.iter().map(|text| sentence(text)))?;
    page.list(2, "Platform says", staleness.platform_disagrees.iter().map(|text| sentence(text)))?;
    if staleness.probed {
        page.entry(2, "Probed", "requests without an authenticated user came from the internet")?;
    }
    page.list(2, "Unexpected", staleness.unexpected_clients.iter().map(client_words))?;
    page.list(2, "Silent", staleness.silent.iter().map(|consumer| format!("{} is in no log", id(consumer))))?;
    if staleness.consumers.is_empty() {
        return page.entry(2, "Consumers", "none are known");
    }
    staleness.consumers.iter().try_for_each(|consumer| write_consumer(consumer, &story.reasons, page))
}

fn need_word(verdict: StalenessVerdict) -> &'static str {
    match verdict {
        StalenessVerdict::Required => "required: somebody needs it",
        StalenessVerdict::Stale => "stale: nobody needs it",
        StalenessVerdict::Orphaned => "orphaned: nobody is left who could need it",
        StalenessVerdict::Unknown => "unknown",
        StalenessVerdict::NotExposed => "not exposed",
    }
}

fn client_words(client: &ClientV1<'_>) -> String {
    let bytes = if client.bytes == 0 { String::new() } else { format!(", {} bytes", client.bytes) };
    let users: Vec<String> = client.users.iter().map(|user| escape::name(user)).collect();
    let users = if users.is_empty() { String::new() } else { format!(", as {}", users.join(", ")) };
    format!(
        "{}: first {}, last {}, {} seen{bytes}{users}",
        client.address,
        time(&client.first_seen),
        time(&client.last_seen),
        client.count
    )
}

fn write_proposal(story: &EndpointStory<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let staleness = &story.endpoint.staleness;
    if staleness.proposed_allowlist.is_empty() && story.narrowing.is_none() {
        return Ok(());
    }
    page.title("Proposed allowlist")?;
    page.entry(2, "Admits", &blocks(&staleness.proposed_allowlist))?;
    let complete = if staleness.proposal_complete {
        "yes: every address of every consumer that needs the endpoint"
    } else {
        "no: addresses of consumers are missing, which it would cut off; it must not be applied as it is"
    };
    page.entry(2, "Complete", complete)?;
    let Some(narrowing) = &story.narrowing else { return Ok(()) };
    page.list(2, "Before", narrowing.notes.iter().map(|note| sentence(note)))?;
    if !narrowing.commands.is_empty() {
        page.paragraph(2, 2, "Commands, none of which was run; each only if the one before succeeded:")?;
    }
    // Made by the program out of words that it has checked; whoever copies one needs it whole.
    narrowing.commands.iter().try_for_each(|command| page.verbatim(4, &escape::message(command)))
}

fn write_findings(findings: &[&FindingV1<'_>], asked: Option<&FindingV1<'_>>, page: &mut Page<'_>) -> io::Result<()> {
    page.title("Findings")?;
    if findings.is_empty() {
        return page.paragraph(2, 2, "None in this run.");
    }
    let is_asked = |finding: &FindingV1<'_>| asked.is_some_and(|asked| asked.fingerprint == finding.fingerprint);
    let (first, rest): (Vec<&FindingV1<'_>>, Vec<_>) = findings.iter().copied().partition(|finding| is_asked(finding));
    first.into_iter().chain(rest).enumerate().try_for_each(|(position, finding)| {
        if position > 0 {
            writeln!(page.out)?;
        }
        write_finding(finding, page)
    })
}

/// What a finding says before its commands, without the words that announce them.
fn without_commands(message: &str) -> &str {
    let Some((said, _)) = message.split_once('\n') else { return message };
    said.strip_suffix("Commands, none of which was run:").unwrap_or(said).trim_end()
}

fn write_finding(finding: &FindingV1<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let severity = page.paint(finding.severity.as_str(), severity_style(finding.severity));
    let title = match sentence(&finding.title) {
        title if title.is_empty() => String::new(),
        title => format!(": {title}"),
    };
    page.paragraph(2, 2, &format!("{severity} {} {}{title}", finding.status, escape::name(&finding.rule_id)))?;
    if finding.endpoint_id.is_none() {
        page.entry(4, "About", &format!("{} {}", finding.resource_kind, id(&finding.resource_id)))?;
    }
    // What follows the first line are commands, which stand under the proposed allowlist.
    page.entry(4, "What", &sentence(without_commands(&finding.message)))?;
    page.entry(4, "What to do", &sentence(&finding.remedy))?;
    page.list(4, "References", finding.references.iter().map(|text| sentence(text)))?;
    if !finding.controls.is_empty() {
        page.entry(4, "Controls", &finding.controls.iter().map(|text| sentence(text)).collect::<Vec<_>>().join(", "))?;
    }
    page.entry(4, "Fingerprint", &id(&finding.fingerprint))?;
    if let Some(at) = &finding.first_seen {
        page.entry(4, "First seen", &time(at))?;
    }
    if let Some(waiver) = &finding.waiver {
        let ticket = waiver.ticket.as_deref().map(|ticket| format!(", {}", id(ticket))).unwrap_or_default();
        let state =
            if finding.status == FindingStatus::Waived { "accepted until" } else { "no longer accepted; ended" };
        let text = format!(
            "{state} {} by {}{ticket}: {}",
            waiver.expires,
            escape::name(&waiver.owner),
            sentence(&waiver.reason)
        );
        page.entry(4, "Waiver", &text)?;
    }
    Ok(())
}

fn write_gaps(gaps: &[&GapV1<'_>], page: &mut Page<'_>) -> io::Result<()> {
    let unread: Vec<_> = gaps.iter().filter(|gap| matches!(gap.state, UnitState::Denied | UnitState::Failed)).collect();
    if unread.is_empty() {
        return Ok(());
    }
    page.title("Not read: what these would have shown is unknown, not clean")?;
    for gap in unread {
        let text = format!(
            "{} {}:{} {}: {} ({})",
            table::state_word(gap.state),
            escape::name(&gap.product),
            escape::name(&gap.operation),
            id(&gap.resource_id),
            sentence(&gap.message),
            escape::name(&gap.code)
        );
        page.paragraph(2, 2, &text)?;
    }
    Ok(())
}
