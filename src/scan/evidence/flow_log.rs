//! VPC flow logs: what the networks of consumers sent to public entrances.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use chrono::{DateTime, NaiveDateTime, Utc};

use super::{Ask, CUT, PARTIAL, is_partial, lessen};
use crate::{
    cloud::api::{
        sls::{self, FlowSource},
        vpc::{self, DESCRIBE_FLOW_LOGS},
        wire::Problems,
    },
    model::{Flow, InventoryBuilder, LogReading, Observer, VSwitchId, VpcId},
    scan::read::Failure,
};

/// A network whose traffic to these entrances is asked for.
pub(super) struct Sender {
    pub(super) vpc_id: VpcId,
    /// Empty where they are not known.
    pub(super) v_switches: BTreeSet<VSwitchId>,
    pub(super) entrances: BTreeSet<(IpAddr, u16)>,
}

/// A flow log that is being written.
struct Active {
    project: String,
    logstore: String,
    resource_type: String,
    resource_id: String,
    created: Option<DateTime<Utc>>,
    /// Why it is not all that its resource sent and received; empty where it is.
    shortcoming: &'static str,
}

/// The flow logs of a region, and of each sender what they say.
pub(super) async fn of_region(ask: &Ask<'_>, senders: &[Sender]) -> InventoryBuilder {
    let mut builder = ask.empty();
    let list = ask.unit(&DESCRIBE_FLOW_LOGS, "");
    let active = match active(ask).await {
        Ok(active) => active,
        Err(failure) => {
            builder.gap(failure.gap(list));
            return builder;
        }
    };
    builder.scanned(list);
    for sender in senders {
        of_sender(ask, sender, &active, &mut builder).await;
    }
    builder
}

/// Flow logs that are being written and may hold accepted traffic.
async fn active(ask: &Ask<'_>) -> Result<Vec<Active>, Failure> {
    let listing = ask.reader.list::<vpc::FlowLogs>(&vpc::describe_flow_logs(ask.region()), vpc::PAGING).await?;
    let mut problems = listing.head;
    let mut all = Vec::new();
    for item in listing.items {
        let Some(wire) = item.required("FlowLogs", &mut problems) else { continue };
        let (Some(status), Some(traffic)) = (
            wire.status.required_text("Status", &mut problems),
            wire.traffic_type.required_text("TrafficType", &mut problems),
        ) else {
            continue;
        };
        if !status.eq_ignore_ascii_case("active") || traffic.eq_ignore_ascii_case("drop") {
            continue;
        }
        let delivered = wire.flow_log_deliver_status.text("FlowLogDeliverStatus", &mut problems);
        let shortcoming = if !traffic.eq_ignore_ascii_case("all") {
            "the flow log does not hold all traffic"
        } else if !delivered.is_empty() && !delivered.eq_ignore_ascii_case("success") {
            "the flow log is not delivered"
        } else {
            ""
        };
        all.push(Active {
            project: wire.project_name.required_text("ProjectName", &mut problems).unwrap_or_default(),
            logstore: wire.log_store_name.required_text("LogStoreName", &mut problems).unwrap_or_default(),
            resource_type: wire.resource_type.required_text("ResourceType", &mut problems).unwrap_or_default(),
            resource_id: wire.resource_id.required_text("ResourceId", &mut problems).unwrap_or_default(),
            created: time(&wire.creation_time.text("CreationTime", &mut problems)),
            shortcoming,
        });
    }
    if problems.is_empty() { Ok(all) } else { Err(Failure::schema(problems.summary())) }
}

/// `2026-01-02T03:04:05Z`, or without seconds.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let short = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ").ok().map(|at| at.and_utc());
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()).or_else(short)
}

async fn of_sender(ask: &Ask<'_>, sender: &Sender, active: &[Active], builder: &mut InventoryBuilder) {
    let unit = ask.unit(&sls::GET_LOGS_V2, sender.vpc_id.as_str());
    let of_vpc =
        |log: &&Active| log.resource_type.eq_ignore_ascii_case("VPC") && log.resource_id == sender.vpc_id.as_str();
    let of_switch = |log: &&Active| {
        log.resource_type.eq_ignore_ascii_case("VSwitch")
            && sender.v_switches.iter().any(|id| id.as_str() == log.resource_id)
    };
    let whole: Vec<&Active> = active.iter().filter(of_vpc).collect();
    let parts: Vec<&Active> = active.iter().filter(of_switch).collect();
    if whole.is_empty() && parts.is_empty() {
        if ask.settings.flow_logs_expected {
            let message =
                "no active flow log of the VPC or of its vSwitches: create one, or set `evidence.flow_logs` to auto";
            builder.gap(Failure::new("no-flow-log", message).gap(unit));
        }
        return;
    }
    let mut reading = ask.reading(Observer::Vpc, sender.vpc_id.as_str());
    cover(ask, sender, &whole, &parts, &mut reading);
    let stores: BTreeSet<(&str, &str)> =
        whole.iter().chain(&parts).map(|log| (log.project.as_str(), log.logstore.as_str())).collect();
    let mut flows = BTreeMap::new();
    for (project, logstore) in stores {
        for (address, port) in &sender.entrances {
            match query(ask, project, logstore, *address, *port).await {
                Ok(found) => {
                    if found.is_cut {
                        lessen(&mut reading, CUT);
                    }
                    found.flows.into_iter().for_each(|flow| add(&mut flows, flow));
                }
                Err(failure) => {
                    if is_partial(&failure) {
                        lessen(&mut reading, PARTIAL);
                        reading.flows = flows.into_values().collect();
                        builder.logs.push(reading);
                    }
                    builder.gap(failure.gap(unit));
                    return;
                }
            }
        }
    }
    reading.flows = flows.into_values().collect();
    builder.scanned(unit);
    builder.logs.push(reading);
}

/// Whether the logs hold all that the network sent during the window: one of the VPC does, or one of
/// each of its vSwitches.
fn cover(ask: &Ask<'_>, sender: &Sender, whole: &[&Active], parts: &[&Active], reading: &mut LogReading) {
    let start = |log: &Active| log.created.map_or(ask.window.from, |at| ask.window.covered_from(at));
    let is_good = |log: &&&Active| log.shortcoming.is_empty();
    let of_vpc = whole.iter().filter(is_good).map(|log| start(log)).min();
    let of_switches = || {
        let first = |id: &VSwitchId| {
            let its = parts.iter().filter(is_good).filter(|log| log.resource_id == id.as_str());
            its.map(|log| start(log)).min()
        };
        let starts: Option<Vec<_>> = sender.v_switches.iter().map(first).collect();
        starts.and_then(|starts| starts.into_iter().max())
    };
    let from = of_vpc.into_iter().chain(of_switches()).min();
    match from {
        Some(from) => {
            reading.from = from;
            if from > ask.window.from {
                lessen(reading, "the flow log was created within the window");
            }
        }
        None => {
            let why = whole.iter().chain(parts).map(|log| log.shortcoming).find(|why| !why.is_empty());
            lessen(reading, why.unwrap_or("not every vSwitch of the VPC has a flow log"));
        }
    }
}

struct Found {
    flows: Vec<Flow>,
    is_cut: bool,
}

async fn query(ask: &Ask<'_>, project: &str, logstore: &str, address: IpAddr, port: u16) -> Result<Found, Failure> {
    let request = sls::flow_sources(ask.logstore(project, logstore), address, &[port]);
    let rows = ask.reader.rows::<FlowSource>(&request).await?;
    let mut problems = Problems::default();
    let flows = rows.rows.into_iter().filter_map(|row| flow(row, address, port, &mut problems)).collect();
    if problems.is_empty() {
        Ok(Found { flows, is_cut: rows.is_cut })
    } else {
        Err(Failure::schema(problems.summary()))
    }
}

fn flow(row: FlowSource, destination: IpAddr, port: u16, problems: &mut Problems) -> Option<Flow> {
    let source = row.source.required_text("source", problems)?;
    let Ok(source) = source.parse::<IpAddr>() else {
        problems.note("source", "is no address");
        return None;
    };
    Some(Flow {
        source,
        destination,
        port,
        first_seen: super::audit_log::at(row.first_seen, "first_seen", problems)?,
        last_seen: super::audit_log::at(row.last_seen, "last_seen", problems)?,
        records: row.records.required("records", problems)?,
        bytes: row.bytes.required("bytes", problems)?,
    })
}

/// Adds a flow; logs of several resources of a network may hold the same source.
pub(super) fn add(flows: &mut BTreeMap<(IpAddr, IpAddr, u16), Flow>, flow: Flow) {
    match flows.entry((flow.source, flow.destination, flow.port)) {
        std::collections::btree_map::Entry::Vacant(entry) => {
            entry.insert(flow);
        }
        std::collections::btree_map::Entry::Occupied(mut entry) => {
            let known = entry.get_mut();
            known.first_seen = known.first_seen.min(flow.first_seen);
            known.last_seen = known.last_seen.max(flow.last_seen);
            known.records = known.records.saturating_add(flow.records);
            known.bytes = known.bytes.saturating_add(flow.bytes);
        }
    }
}
