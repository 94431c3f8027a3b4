//! VPC flow logs: what the networks of consumers sent to public entrances.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use chrono::{DateTime, NaiveDateTime, Utc};

use super::{
    Ask, CUT, PARTIAL, UNANSWERED,
    coverage::{Covered, Presence},
    is_partial, lessen,
};
use crate::{
    cloud::api::{
        sls::{self, FlowSource},
        vpc::{self, DESCRIBE_FLOW_LOGS},
        wire::{Field, Problems, is_plain_id},
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
pub(super) struct Active {
    project: String,
    logstore: String,
    resource_type: String,
    pub(super) resource_id: String,
    pub(super) created: Option<DateTime<Utc>>,
    /// Why it is not all that its resource sent and received; empty where it is.
    shortcoming: &'static str,
}

impl Active {
    /// Project and logstore.
    fn store(&self) -> (&str, &str) {
        (&self.project, &self.logstore)
    }
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
        let paths = wire.traffic_path.optional("TrafficPath", &mut problems);
        let delivered = wire.flow_log_deliver_status.text("FlowLogDeliverStatus", &mut problems);
        let shortcoming = if !traffic.eq_ignore_ascii_case("all") {
            "the flow log does not hold all traffic"
        } else if !paths.is_empty() && !paths.iter().any(|path| path.eq_ignore_ascii_case("all")) {
            "the flow log holds only the traffic of some paths"
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
            created: created(wire.creation_time, &mut problems),
            shortcoming,
        });
    }
    if problems.is_empty() { Ok(all) } else { Err(Failure::schema(problems.summary())) }
}

/// `None` where the reply does not say.
fn created(field: Field<String>, problems: &mut Problems) -> Option<DateTime<Utc>> {
    let text = field.text("CreationTime", problems);
    let at = time(&text);
    if at.is_none() && !text.is_empty() {
        problems.note("CreationTime", "is no time");
    }
    at
}

/// `2026-01-02T03:04:05Z`, or without seconds.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let short = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ").ok().map(|at| at.and_utc());
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc()).or_else(short)
}

/// The flow logs of a sender's network.
struct Kept<'a> {
    /// Of the VPC as a whole.
    whole: Vec<&'a Active>,
    /// Of its vSwitches.
    parts: Vec<&'a Active>,
}

impl<'a> Kept<'a> {
    fn of(sender: &Sender, active: &'a [Active]) -> Self {
        let of_vpc =
            |log: &&Active| log.resource_type.eq_ignore_ascii_case("VPC") && log.resource_id == sender.vpc_id.as_str();
        let of_switch = |log: &&Active| {
            log.resource_type.eq_ignore_ascii_case("VSwitch")
                && sender.v_switches.iter().any(|id| id.as_str() == log.resource_id)
        };
        Self { whole: active.iter().filter(of_vpc).collect(), parts: active.iter().filter(of_switch).collect() }
    }

    fn all(&self) -> impl Iterator<Item = &'a Active> {
        self.whole.iter().chain(&self.parts).copied()
    }

    /// Those that hold all that their resource sent.
    fn good(logs: &[&'a Active]) -> Vec<&'a Active> {
        logs.iter().copied().filter(|log| log.shortcoming.is_empty()).collect()
    }

    /// What of the window they hold all that the network sent of: one of the VPC does, or one of each of
    /// its vSwitches. Or why none can.
    async fn covered(&self, ask: &Ask<'_>, sender: &Sender) -> Result<Result<Covered, &'static str>, Failure> {
        let mut best = None;
        for log in Self::good(&self.whole) {
            let covered = covered(ask, sender, log, None).await?;
            best = Covered::best(best.into_iter().chain([covered]));
        }
        let is_whole = best.as_ref().is_some_and(Covered::is_whole);
        let parts = Self::good(&self.parts);
        let logged = |id: &VSwitchId| parts.iter().any(|log| log.resource_id == id.as_str());
        if !is_whole && !sender.v_switches.is_empty() && sender.v_switches.iter().all(logged) {
            let mut common: Option<Covered> = None;
            for id in &sender.v_switches {
                let mut of_one = None;
                for log in parts.iter().filter(|log| log.resource_id == id.as_str()) {
                    let covered = covered(ask, sender, log, Some(id)).await?;
                    of_one = Covered::best(of_one.into_iter().chain([covered]));
                }
                common = common.into_iter().chain(of_one).reduce(Covered::common);
            }
            best = Covered::best(best.into_iter().chain(common));
        }
        Ok(best.ok_or_else(|| {
            let why = self.all().map(|log| log.shortcoming).find(|why| !why.is_empty());
            why.unwrap_or("not every vSwitch of the VPC has a flow log")
        }))
    }
}

/// What a log of the VPC, or of one of its vSwitches, covers of the window.
async fn covered(
    ask: &Ask<'_>,
    sender: &Sender,
    log: &Active,
    v_switch_id: Option<&VSwitchId>,
) -> Result<Covered, Failure> {
    let (project, logstore) = log.store();
    let v_switch_id = v_switch_id.map(VSwitchId::as_str);
    if v_switch_id.is_some_and(|id| !is_plain_id(id)) {
        return Err(no_identifier("vSwitch"));
    }
    let request = sls::flow_hours(ask.logstore(project, logstore), sender.vpc_id.as_str(), v_switch_id);
    let presence = Presence::read(ask, &request, true).await?;
    Ok(Covered::of(ask.window, log, &presence))
}

/// Of something whose id would go into the text of a query.
fn no_identifier(kind: &str) -> Failure {
    Failure::new("no-identifier", format!("what the {kind} is called is no identifier, so its logs cannot be asked"))
}

async fn of_sender(ask: &Ask<'_>, sender: &Sender, active: &[Active], builder: &mut InventoryBuilder) {
    let unit = ask.unit(&sls::GET_LOGS_V2, sender.vpc_id.as_str());
    let logs = Kept::of(sender, active);
    if logs.all().next().is_none() {
        if ask.settings.flow_logs_expected {
            let message =
                "no active flow log of the VPC or of its vSwitches: create one, or set `evidence.flow_logs` to auto";
            builder.gap(Failure::new("no-flow-log", message).gap(unit));
        }
        return;
    }
    let mut reading = ask.reading(Observer::Vpc, sender.vpc_id.as_str());
    match fill(ask, sender, &logs, &mut reading).await {
        Ok(()) => builder.scanned(unit),
        Err(failure) => {
            builder.gap(failure.gap(unit));
            if is_partial(&failure) {
                lessen(&mut reading, PARTIAL);
            } else if reading.flows.is_empty() {
                return;
            }
            lessen(&mut reading, UNANSWERED);
        }
    }
    builder.logs.push(reading);
}

/// Reads the logs into the reading, which after a failure holds what was read until then.
async fn fill(ask: &Ask<'_>, sender: &Sender, logs: &Kept<'_>, reading: &mut LogReading) -> Result<(), Failure> {
    let vpc_id = sender.vpc_id.as_str();
    if !is_plain_id(vpc_id) {
        return Err(no_identifier("VPC"));
    }
    let names: BTreeSet<(&str, &str)> = logs.all().map(Active::store).collect();
    let mut flows = BTreeMap::new();
    for store in &names {
        for entrance in &sender.entrances {
            let found = query(ask, vpc_id, *store, *entrance).await;
            let found = found.inspect_err(|_| reading.flows = flows.values().cloned().collect())?;
            if found.is_cut {
                lessen(reading, CUT);
            }
            found.flows.into_iter().for_each(|flow| add(&mut flows, flow));
        }
    }
    reading.flows = flows.into_values().collect();
    match logs.covered(ask, sender).await? {
        Ok(Covered { from, to, why }) => {
            (reading.from, reading.to) = (from, to.max(from));
            if !why.is_empty() {
                lessen(reading, why);
            }
        }
        Err(why) => lessen(reading, why),
    }
    Ok(())
}

struct Found {
    flows: Vec<Flow>,
    is_cut: bool,
}

async fn query(
    ask: &Ask<'_>,
    vpc_id: &str,
    (project, logstore): (&str, &str),
    (address, port): (IpAddr, u16),
) -> Result<Found, Failure> {
    let request = sls::flow_sources(ask.logstore(project, logstore), vpc_id, address, &[port]);
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
