//! Facts about whether the public path of an endpoint is still needed, in words.

use chrono::{DateTime, SecondsFormat, Utc};
use ipnet::IpNet;

use crate::{
    engine::template::escape,
    findings::Narrow,
    model::{
        AccessRow, Binding, Client, Connectivity, Consumer, EndpointJudgement, Need, PortVerdict, StalenessVerdict,
    },
    netset::AddressSet,
};

/// `cluster c1 "web" in cn-hangzhou is needed (confidence 0.80): …`
pub(super) fn consumers(e: &EndpointJudgement) -> Vec<String> {
    let words = |consumer: &Consumer| {
        format!(
            "{} is {} (confidence {:.2}): {}",
            consumer_in_words(consumer),
            consumer.need,
            f64::from(consumer.confidence_percent) / 100.0,
            consumer.reason
        )
    };
    e.staleness.consumers.iter().map(words).collect()
}

/// The consumers with one need.
pub(super) fn with_need(e: &EndpointJudgement, need: Need) -> Vec<String> {
    e.staleness.consumers.iter().filter(|consumer| consumer.need == need).map(consumer_in_words).collect()
}

fn consumer_in_words(consumer: &Consumer) -> String {
    let name = if consumer.name.is_empty() { String::new() } else { format!(" \"{}\"", escape(&consumer.name)) };
    format!("{} {}{name}", consumer.kind, escape(&consumer.id))
}

/// Whether one change would give the consumer a private path.
pub(super) fn is_one_step_away(consumer: &Consumer) -> bool {
    consumer.path.connectivity == Connectivity::Blocked && consumer.path.steps.len() == 1
}

/// `cluster c1: accept the peering pcc-1`, for every step of the consumers wanted.
pub(super) fn steps(e: &EndpointJudgement, wanted: impl Fn(&Consumer) -> bool) -> Vec<String> {
    e.staleness
        .consumers
        .iter()
        .filter(|consumer| wanted(consumer))
        .flat_map(|consumer| consumer.path.steps.iter().map(|step| format!("{}: {step}", consumer_in_words(consumer))))
        .collect()
}

/// `198.51.100.7 (first 2026-11-01T…Z, last 2026-11-20T…Z, 12 seen, 3400 bytes) as alice`
pub(super) fn unexpected(e: &EndpointJudgement) -> Vec<String> {
    let words = |client: &Client| {
        let bytes = if client.bytes == 0 { String::new() } else { format!(", {} bytes", client.bytes) };
        let users = if client.users.is_empty() { String::new() } else { format!(" as {}", client.users.join(", ")) };
        format!(
            "{} (first {}, last {}, {} seen{bytes}){users}",
            client.address,
            time(&client.first_seen),
            time(&client.last_seen),
            client.count
        )
    };
    e.staleness.unexpected.iter().map(words).collect()
}

/// Somebody gets in who is not let in for the sake of the consumers that need it: a white list of the latter alone is
/// what there can be, whether or not the configuration trusts them.
pub(super) fn open_beyond_need<'e>(e: &'e EndpointJudgement, residue: impl Fn(&'e AccessRow) -> &'e [IpNet]) -> bool {
    let needed: AddressSet = e.staleness.proposed_allowlist.iter().copied().collect();
    let open = e.access.iter().filter(|row| row.verdict == PortVerdict::Open);
    // Of an open port whose sources nobody kept nothing milder is known.
    let beyond = |blocks: &[IpNet]| {
        let all: AddressSet = blocks.iter().copied().collect();
        all.is_empty() || all.subtract(&needed).is_routable()
    };
    open.map(residue).any(beyond)
}

/// Needed, and nobody untrusted on the internet gets through any port, all of which are known.
pub(super) fn required_and_fenced(e: &EndpointJudgement) -> bool {
    e.staleness.verdict == StalenessVerdict::Required
        && !e.access.is_empty()
        && e.access.iter().all(|row| matches!(row.verdict, PortVerdict::Restricted | PortVerdict::PrivateOnly))
}

/// `alice at 2026-11-01T00:00:00Z with ModifyPilotEipResource from 198.51.100.7`
pub(super) fn binding(binding: &Binding) -> String {
    let from = if binding.source_ip_address.is_empty() {
        String::new()
    } else {
        format!(" from {}", binding.source_ip_address)
    };
    format!("{} at {} with {}{from}", binding.user, time(&binding.at), binding.event_name)
}

/// Notes in one line, then the commands; each line but the last ends in `&&`, so that they stay a
/// command where lines are folded.
pub(super) fn narrowing(e: &EndpointJudgement) -> String {
    let narrowing = Narrow::from(e).commands();
    let notes = narrowing.notes.join(" ");
    match narrowing.commands.is_empty() {
        true => notes,
        false => format!("{notes} Commands, none of which was run:\n{}", narrowing.commands.join(" &&\n")),
    }
}

fn time(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
