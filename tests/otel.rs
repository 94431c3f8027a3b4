//! Traces: what a scan sends to a collector, and what becomes of a scan whose collector is not there.

#![cfg(feature = "otel")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Command, Output},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::Value;

/// Takes every request, and keeps its head and body.
struct Collector {
    url: String,
    heard: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Collector {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || answer(stream.unwrap(), &kept));
            }
        });
        Self { url, heard }
    }

    fn heard(&self) -> Vec<(String, Value)> {
        self.heard.lock().unwrap().clone()
    }

    /// Name, id, parent, attributes and status of each span.
    fn spans(&self) -> Vec<Span> {
        let bodies = self.heard();
        let spans = bodies.iter().flat_map(|(_, body)| body["resourceSpans"].as_array().unwrap());
        let spans = spans.flat_map(|of| of["scopeSpans"].as_array().unwrap());
        spans.flat_map(|of| of["spans"].as_array().unwrap()).map(Span::read).collect()
    }
}

fn answer(stream: TcpStream, kept: &Mutex<Vec<(String, Value)>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        kept.lock().unwrap().push((head, serde_json::from_slice(&body).unwrap()));
        let reply = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
        (&stream).write_all(reply.as_bytes()).unwrap();
    }
}

#[derive(Debug)]
struct Span {
    name: String,
    id: String,
    parent: String,
    attributes: BTreeMap<String, String>,
    failed: bool,
}

impl Span {
    fn read(span: &Value) -> Self {
        let text = |name: &str| span[name].as_str().unwrap_or_default().to_owned();
        let attributes = span["attributes"].as_array().unwrap().iter().map(|attribute| {
            let value = attribute["value"].as_object().unwrap().values().next().unwrap();
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (attribute["key"].as_str().unwrap().to_owned(), value)
        });
        Self {
            name: text("name"),
            id: text("spanId"),
            parent: text("parentSpanId"),
            attributes: attributes.collect(),
            failed: span["status"]["code"] == 2,
        }
    }
}

fn scan(collector: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["scan", "--sandbox", "--no-store", "--output", "json"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-token=collector-secret-5d41")
        .env("OTEL_EXPORTER_OTLP_TIMEOUT", "2000")
        .output()
        .unwrap()
}

#[test]
fn a_scan_is_one_tree_of_phases_regions_and_every_attempt_of_a_call() {
    let collector = Collector::listen();
    let output = scan(&collector.url);
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let spans = collector.spans();
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "each span once");

    let roots: Vec<&Span> = spans.iter().filter(|span| !by_id.contains_key(span.parent.as_str())).collect();
    assert_eq!(roots.len(), 1, "{roots:#?}");
    assert_eq!((roots[0].name.as_str(), roots[0].attributes["command"].as_str()), ("portcullis", "scan"));

    let phases: BTreeSet<&str> =
        spans.iter().filter(|span| span.parent == roots[0].id).map(|span| span.name.as_str()).collect();
    for phase in ["inventory", "networks", "judge", "notify", "report"] {
        assert!(phases.contains(phase), "no {phase} in {phases:?}");
    }

    let calls: Vec<&Span> = spans.iter().filter(|span| span.name == "call").collect();
    assert_eq!(calls.len() as u64, report["run"]["api_calls"].as_u64().unwrap(), "every attempt is a span");
    assert!(calls.iter().all(|call| !call.attributes["action"].is_empty() && call.attributes.contains_key("attempt")));
    let denied: Vec<&&Span> = calls.iter().filter(|call| call.failed).collect();
    assert!(!denied.is_empty() && denied.iter().all(|call| !call.attributes["code"].is_empty()), "{denied:#?}");

    let regions: BTreeSet<&str> =
        spans.iter().filter(|span| span.name == "region").map(|span| span.attributes["region"].as_str()).collect();
    let read: BTreeSet<&str> =
        report["endpoints"].as_array().unwrap().iter().map(|it| it["region_id"].as_str().unwrap()).collect();
    assert!(read.is_subset(&regions), "{read:?} {regions:?}");
    let details: Vec<&&Span> =
        calls.iter().filter(|call| call.attributes["action"] == "DescribeServiceMeshDetail").collect();
    assert!(!details.is_empty());
    for detail in details {
        assert_eq!(by_id[detail.parent.as_str()].name, "region", "{detail:#?}");
    }
}

#[test]
fn no_parameter_and_no_key_leaves_with_a_trace() {
    let collector = Collector::listen();
    let output = scan(&collector.url);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let heard = collector.heard();
    assert!(heard.iter().all(|(head, _)| head.contains("collector-secret-5d41")), "the headers asked for go along");
    let bodies: String = heard.iter().map(|(_, body)| body.to_string()).collect();
    let endpoints = report["endpoints"].as_array().unwrap();
    assert!(!endpoints.is_empty());
    for endpoint in endpoints {
        for field in ["resource_id", "eip_id", "public_address"] {
            let value = endpoint[field].as_str().unwrap_or_default();
            assert!(value.is_empty() || !bodies.contains(value), "{field} {value} is in a trace");
        }
    }
    for secret in ["AccessKey", "Signature", "Authorization", "SecurityToken"] {
        assert!(!bodies.contains(secret), "{secret}");
    }
}

#[test]
fn a_collector_that_is_not_there_changes_nothing_but_a_warning() {
    // A port that nobody listens on any more.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = scan(&format!("http://{closed}"));
    assert_eq!(output.status.code(), Some(4));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["run"]["exit_code"], 4);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("traces were not delivered"), "{told}");
    assert!(!told.contains("collector-secret-5d41"), "{told}");
}
