//! Logs that were exported to files: flow records and audit records with the vendor's field names,
//! as JSON Lines or CSV. Strict: a line that is not understood ends the reading.

use std::{collections::BTreeMap, net::IpAddr};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    Window,
    audit_log::{Asked, Users},
    coverage::{PROBED, Presence},
    flow_log, lessen,
};
use crate::model::{Flow, Inventory, LogReading, Observer, Scope};

/// How the names of files with audit records begin, as those of the logstores do; the id of the
/// cluster or mesh follows.
const AUDIT: &str = "audit-";

/// The code of the answer to somebody whose credentials are none.
const UNAUTHORIZED: &str = "401";

/// No time in seconds is as late as this, the year 5138; one in milliseconds is later, but for the first years.
const LATEST: u64 = 100_000_000_000;

/// Fields without which a record says nothing.
const OF_FLOWS: [&str; 7] = ["srcaddr", "dstaddr", "dstport", "bytes", "start", "end", "action"];
const OF_REQUESTS: [&str; 3] = ["__time__", "stage", "sourceIPs"];

/// A log as a file has it.
#[derive(Clone, Debug)]
pub struct ExportedLog {
    name: String,
    records: Records,
    /// When there are records of any kind.
    presence: Presence,
}

#[derive(Clone, Debug)]
enum Records {
    Flows(Vec<Flow>),
    /// Of a cluster's or mesh's API server.
    Audit {
        id: String,
        requests: Vec<AuditRecord>,
    },
}

/// Why a file is not understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {message}")]
pub struct FileProblem {
    pub line: usize,
    pub message: String,
}

/// A record: every value as text.
type Record = BTreeMap<String, String>;

impl ExportedLog {
    /// Understands a file. Its name says what it holds: `audit-` and the id of a cluster or mesh, with
    /// any extension, for audit records, and anything else for flow records. A file that begins with
    /// `{` is JSON Lines, any other CSV with a line of names. A JSON array is refused.
    ///
    /// # Errors
    /// The first line that is not understood.
    pub fn read(name: &str, text: &str) -> Result<Self, FileProblem> {
        let file_name = name.rsplit('/').next().unwrap_or(name);
        let stem = file_name.split('.').next().unwrap_or(file_name);
        let audited = stem.strip_prefix(AUDIT).filter(|id| !id.is_empty());
        let records = records(text, if audited.is_some() { &OF_REQUESTS } else { &OF_FLOWS })?;
        let mut presence = Presence::default();
        let records = match audited {
            Some(id) => {
                let mut requests = Vec::new();
                for (line, record) in &records {
                    let read = audit_record(record).map_err(|message| FileProblem { line: *line, message })?;
                    presence.add(read.at, read.at);
                    if read.is_counted {
                        requests.push(read);
                    }
                }
                Records::Audit { id: id.to_owned(), requests }
            }
            None => {
                let mut flows = BTreeMap::new();
                for (line, record) in &records {
                    let read = flow_record(record).map_err(|message| FileProblem { line: *line, message })?;
                    // One that lasted was written when it was over, and shows nothing of the time between.
                    let (first, last) = read.span;
                    presence.add(first, first);
                    presence.add(last, last);
                    if read.is_lossy {
                        presence.lose();
                    }
                    read.flow.into_iter().for_each(|flow| flow_log::add(&mut flows, flow));
                }
                Records::Flows(flows.into_values().collect())
            }
        };
        Ok(Self { name: name.to_owned(), records, presence })
    }

    /// What the file says of the days before an inventory was taken. It is complete only where its
    /// records reach from the first of these days to the last.
    ///
    /// # Errors
    /// If no cluster or mesh of the inventory has the id of an audit file.
    pub fn reading(&self, inventory: &Inventory, window_days: u32) -> Result<LogReading, String> {
        let window = Window::new(inventory.taken_at(), window_days);
        let mut reading = LogReading {
            scope: Scope::default(),
            observer: Observer::File,
            observed: self.name.clone(),
            from: window.from,
            to: window.to,
            complete: true,
            note: String::new(),
            flows: Vec::new(),
            requests: Vec::new(),
        };
        let presence = self.presence.within(window);
        match &self.records {
            Records::Flows(flows) => {
                let is_recent = |flow: &&Flow| flow.last_seen >= window.from && flow.first_seen < window.to;
                reading.flows = flows.iter().filter(is_recent).cloned().collect();
                cover(&mut reading, window, &presence);
            }
            Records::Audit { id, requests } => {
                reading.observer = place(inventory, id, &mut reading.scope).ok_or_else(|| {
                    format!("no cluster or mesh of this scan is called {id}, by which the file is named")
                })?;
                reading.observed = id.clone();
                let mut users = Users::default();
                let recent = requests.iter().filter(|one| one.at >= window.from && one.at < window.to);
                recent.for_each(|one| users.add(&one.asked(), (one.at, one.at)));
                users.tell(&mut reading, window, Some(&presence));
            }
        }
        Ok(reading)
    }
}

/// Whose audit log it is.
fn place(inventory: &Inventory, id: &str, scope: &mut Scope) -> Option<Observer> {
    if let Some(mesh) = inventory.meshes().iter().find(|mesh| mesh.service_mesh_id.as_str() == id) {
        *scope = mesh.scope.clone();
        return Some(Observer::Mesh);
    }
    let cluster = inventory.clusters().iter().find(|cluster| cluster.cluster_id.as_str() == id)?;
    *scope = cluster.scope.clone();
    Some(Observer::Cluster)
}

/// Says what flow records cover of the window.
fn cover(reading: &mut LogReading, window: Window, presence: &Presence) {
    let Some((first, last)) = presence.span() else {
        lessen(reading, "the file holds no record of the window");
        return;
    };
    reading.from = window.covered_from(first).min(window.to);
    reading.to = window.covered_to(last).max(reading.from);
    if reading.to < window.to {
        lessen(reading, "the file ends before the day of the scan");
    } else if reading.from > window.from {
        lessen(reading, "the file begins within the window");
    }
    let why = presence.shortcoming(PROBED);
    if !why.is_empty() {
        lessen(reading, why);
    }
}

/// Records with the numbers of their lines; `names` are the fields that a line of names has to have.
fn records(text: &str, names: &[&str]) -> Result<Vec<(usize, Record)>, FileProblem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let refused = |place: usize, message: &str| {
        let before = text.bytes().take(place).filter(|byte| *byte == b'\n').count();
        Err(FileProblem { line: before + 1, message: message.to_owned() })
    };
    if let Some(place) = text.find('\0') {
        return refused(place, "it holds a byte of zero, so that it is no text");
    }
    match text.trim_start().chars().next() {
        None => Ok(Vec::new()),
        Some('{') => json_lines(text),
        Some('[') => refused(
            text.len() - text.trim_start().len(),
            "it is a JSON array: write each of its records on a line of its own",
        ),
        Some(_) => csv_lines(text, names),
    }
}

fn json_lines(text: &str) -> Result<Vec<(usize, Record)>, FileProblem> {
    let mut records = Vec::new();
    for (line, text) in (1..).zip(text.lines()).filter(|(_, text)| !text.trim().is_empty()) {
        let fields: Map<String, Value> = serde_json::from_str(text)
            .map_err(|error| FileProblem { line, message: format!("it is no JSON object: {error}") })?;
        let record = fields.into_iter().map(|(name, value)| (name, in_text(value))).collect();
        records.push((line, record));
    }
    Ok(records)
}

fn in_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn csv_lines(text: &str, required: &[&str]) -> Result<Vec<(usize, Record)>, FileProblem> {
    let problem = |error: &csv::Error| {
        let line = error.position().map_or(1, |position| usize::try_from(position.line()).unwrap_or(usize::MAX));
        FileProblem { line, message: "it is no CSV with as many fields as the first line has names".to_owned() }
    };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| problem(&error))?.clone();
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| problem(&error))?;
        let line = record.position().map_or(1, |position| usize::try_from(position.line()).unwrap_or(usize::MAX));
        let fields = names.iter().zip(&record).map(|(name, value)| (name.trim().to_owned(), value.to_owned()));
        records.push((line, fields.collect()));
    }
    let is_named = |field: &&&str| names.iter().any(|name| name.trim() == **field);
    match required.iter().find(|field| !is_named(field)) {
        // No record shows that something is missing.
        Some(field) if records.is_empty() => {
            Err(FileProblem { line: 1, message: format!("the first line does not name the field `{field}`") })
        }
        _ => Ok(records),
    }
}

fn required<'a>(record: &'a Record, name: &str) -> Result<&'a str, String> {
    let value = record.get(name).map(|value| value.trim());
    value.filter(|value| !value.is_empty()).ok_or_else(|| format!("the field `{name}` is missing"))
}

fn number(record: &Record, name: &str) -> Result<u64, String> {
    let value = required(record, name)?;
    value.parse().map_err(|_| format!("the field `{name}` holds {value:?}, which is no whole number"))
}

fn seconds(record: &Record, name: &str) -> Result<DateTime<Utc>, String> {
    let seconds = number(record, name)?;
    let at = i64::try_from(seconds).ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let at = at.filter(|_| seconds < LATEST);
    at.ok_or_else(|| format!("the field `{name}` holds {seconds}, which is no time in seconds since 1970"))
}

fn address(record: &Record, name: &str) -> Result<IpAddr, String> {
    let value = required(record, name)?;
    value.parse().map_err(|_| format!("the field `{name}` holds {value:?}, which is no address"))
}

struct FlowRecord {
    span: (DateTime<Utc>, DateTime<Utc>),
    /// `None` for a record without accepted traffic.
    flow: Option<Flow>,
    is_lossy: bool,
}

fn flow_record(record: &Record) -> Result<FlowRecord, String> {
    let span = (seconds(record, "start")?, seconds(record, "end")?);
    let status = record.get("log-status").map_or("OK", |value| value.trim());
    let is_accepted = match (status, record.get("action").map(|value| value.trim())) {
        ("NODATA" | "SKIPDATA", _) => false,
        (_, Some("ACCEPT")) => true,
        (_, Some("REJECT")) => false,
        (_, other) => {
            return Err(format!(
                "the field `action` holds {:?} instead of ACCEPT or REJECT",
                other.unwrap_or_default()
            ));
        }
    };
    if !is_accepted {
        return Ok(FlowRecord { span, flow: None, is_lossy: status == "SKIPDATA" });
    }
    let port = number(record, "dstport")?;
    let flow = Flow {
        source: address(record, "srcaddr")?,
        destination: address(record, "dstaddr")?,
        port: u16::try_from(port).map_err(|_| format!("the field `dstport` holds {port}, which is no port"))?,
        first_seen: span.0,
        last_seen: span.1,
        records: 1,
        bytes: number(record, "bytes")?,
    };
    Ok(FlowRecord { span, flow: Some(flow), is_lossy: false })
}

#[derive(Clone, Debug)]
struct AuditRecord {
    at: DateTime<Utc>,
    sources: String,
    user: String,
    code: String,
    /// False for the first of two records of a request.
    is_counted: bool,
}

impl AuditRecord {
    fn asked(&self) -> Asked<'_> {
        let rejected = u64::from(self.code == UNAUTHORIZED);
        Asked { sources: &self.sources, username: &self.user, requests: 1, rejected }
    }
}

fn audit_record(record: &Record) -> Result<AuditRecord, String> {
    Ok(AuditRecord {
        at: seconds(record, "__time__")?,
        sources: required(record, "sourceIPs")?.to_owned(),
        user: within(record, "user", "username"),
        code: within(record, "responseStatus", "code"),
        is_counted: required(record, "stage")? != "RequestReceived",
    })
}

/// A field of an object in the record: by its path, as the log service names it, or as the API server wrote the object.
fn within(record: &Record, object: &str, field: &str) -> String {
    if let Some(value) = record.get(&format!("{object}.{field}")) {
        return value.trim().to_owned();
    }
    let written: Option<Map<String, Value>> = record.get(object).and_then(|text| serde_json::from_str(text).ok());
    written.and_then(|mut fields| fields.remove(field)).map(in_text).unwrap_or_default()
}
