//! The log on stderr: one event a line, as text or JSON, with a fixed order of fields. Bodies are
//! never logged; every line passes the redaction filter.

use std::{
    fmt::{self, Write as _},
    sync::atomic::{AtomicU64, Ordering},
};

use chrono::{SecondsFormat, Utc};
use serde_json::Value;
use tracing::{Event, Level, Subscriber, field::Field, field::Visit};
use tracing_subscriber::{
    Layer, Registry,
    filter::Targets,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use super::{
    args::{Common, LogFormat},
    redact::redact,
    terminal,
};
use crate::{findings::Run, model::Unit, report};

/// Fields that come first, in this order; any others follow in the order in which they were given.
const ORDER: [&str; 12] = [
    "run",
    "plan",
    "intent",
    "unit",
    "action",
    "region",
    "request_id",
    "attempt",
    "took_ms",
    "outcome",
    "code",
    "reason",
];

/// Starts logging. Only our own events are shown: libraries below us log addresses and headers.
/// With a second layer, spans go where it takes them.
pub(super) fn start(common: &Common, traces: Option<impl Layer<Registry> + Send + Sync>) {
    let level = match (common.quiet, common.verbose) {
        (true, _) => Level::ERROR,
        (false, 0) => Level::WARN,
        (false, 1) => Level::INFO,
        (false, _) => Level::DEBUG,
    };
    let layer = Lines { format: common.log_format, seq: AtomicU64::new(1) };
    let ours = Targets::new().with_target("portcullis", level);
    // A second start within one process (a test) keeps the first log.
    let _ = tracing_subscriber::registry().with(traces).with(layer.with_filter(ours)).try_init();
}

/// One event a unit, its last one: what was planned and how it ended.
pub(crate) fn units_ended(run: &Run) {
    let log = |unit: &Unit, outcome: &str, code: &str, request_id: &str| {
        let name =
            format!("{}/{}/{}/{}/{}", unit.account_id, unit.region_id, unit.product, unit.operation, unit.resource_id);
        let action = format!("{}:{}", unit.product, unit.operation);
        tracing::info!(
            event = "unit-ended",
            run = run.header.id,
            unit = name,
            action,
            region = unit.region_id.as_str(),
            request_id,
            outcome,
            code,
        );
    };
    for unit in run.coverage.scanned_units() {
        log(unit, "scanned", "", "");
    }
    for gap in run.coverage.gaps() {
        log(&gap.unit, report::state_text(gap.state), &gap.code, &gap.request_id);
    }
}

/// The last event of a scan that came to a report.
pub(crate) fn run_ended(run: &Run) {
    let header = &run.header;
    let took_ms = u64::try_from((header.finished_at - header.started_at).num_milliseconds()).unwrap_or(0);
    let outcome = report::verdict_text(run.verdict);
    tracing::info!(event = "run-ended", run = header.id, took_ms, outcome, exit_code = u64::from(header.exit_code));
}

struct Lines {
    format: LogFormat,
    seq: AtomicU64,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let ts = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let seq = self.seq.fetch_add(1, Ordering::Relaxed);
        let line = match self.format {
            LogFormat::Json => json_line(&ts, seq, *event.metadata().level(), &fields),
            LogFormat::Text => text_line(&ts, *event.metadata().level(), &fields),
        };
        terminal::stderr_line(&redact(&line));
    }
}

/// What an event carries.
#[derive(Default)]
struct Fields {
    name: String,
    values: Vec<(&'static str, Value)>,
}

impl Fields {
    fn push(&mut self, field: &Field, value: Value) {
        match field.name() {
            "message" | "event" => self.name = value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            name => self.values.push((name, value)),
        }
    }

    fn in_order(&self) -> impl Iterator<Item = &(&'static str, Value)> {
        let rank = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
        let mut values: Vec<_> = self.values.iter().collect();
        values.sort_by_key(|(name, _)| rank(name));
        values.into_iter()
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, Value::String(value.to_owned()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value.into());
    }
}

fn json_line(ts: &str, seq: u64, level: Level, fields: &Fields) -> String {
    // Not a map: the order of keys is for people.
    let mut line = String::from("{");
    push_pair(&mut line, "ts", &ts.into());
    push_pair(&mut line, "seq", &seq.into());
    push_pair(&mut line, "level", &level.as_str().to_lowercase().into());
    push_pair(&mut line, "event", &fields.name.as_str().into());
    for (name, value) in fields.in_order() {
        push_pair(&mut line, name, value);
    }
    line.push('}');
    line
}

fn push_pair(line: &mut String, key: &str, value: &Value) {
    if line.len() > 1 {
        line.push(',');
    }
    line.push_str(&report::json_text(&key));
    line.push(':');
    line.push_str(&report::json_text(value));
}

fn text_line(ts: &str, level: Level, fields: &Fields) -> String {
    let mut line = format!("{ts} {level:5} {}", report::escape_line(&fields.name));
    for (name, value) in fields.in_order() {
        let text = value.as_str().map_or_else(|| value.to_string(), report::escape_line);
        let quoted = if text.contains([' ', '"']) || text.is_empty() {
            format!("\"{}\"", text.replace('"', "\\\""))
        } else {
            text
        };
        write!(line, " {name}={quoted}").expect("writing to a String cannot fail");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        Fields {
            name: "call-failed".to_owned(),
            values: vec![
                ("extra", "x\nts=forged".into()),
                ("attempt", 2.into()),
                ("region", "cn-hangzhou".into()),
                ("unit", "cs:DescribeClusterDetail".into()),
            ],
        }
    }

    #[test]
    fn json_lines_have_a_fixed_order_and_are_one_record_each() {
        assert_eq!(
            json_line("2026-11-20T06:00:00.000Z", 7, Level::WARN, &fields()),
            r#"{"ts":"2026-11-20T06:00:00.000Z","seq":7,"level":"warn","event":"call-failed","unit":"cs:DescribeClusterDetail","region":"cn-hangzhou","attempt":2,"extra":"x\nts=forged"}"#
        );
    }

    #[test]
    fn text_lines_are_one_record_each() {
        assert_eq!(
            text_line("T", Level::WARN, &fields()),
            r"T WARN  call-failed unit=cs:DescribeClusterDetail region=cn-hangzhou attempt=2 extra=x\nts=forged"
        );
    }
}
