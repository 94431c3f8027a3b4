//! `report --share`: a report for people outside, in which nothing is called by its account, address or fingerprint.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::scratch::Scratch;

const FORMATS: [&str; 11] =
    ["table", "html", "json", "jsonl", "csv", "csv-endpoints", "sarif", "ocsf", "junit", "markdown", "prometheus"];

fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => {
            found.extend(fields.keys().map(String::as_str));
            fields.values().for_each(|field| texts(field, found));
        }
        _ => {}
    }
}

/// The account ids of a report, and the addresses of its public ends.
fn told(report: &Value) -> BTreeSet<String> {
    let mut all = Vec::new();
    texts(report, &mut all);
    let accounts = all.iter().flat_map(|text| text.split(|c: char| !c.is_ascii_digit())).filter(|run| run.len() == 16);
    let ends = report["endpoints"].as_array().expect("a list").iter();
    let addresses =
        ends.filter_map(|end| end["public_address"].as_str()).filter(|text| text.parse::<std::net::IpAddr>().is_ok());
    accounts.chain(addresses).map(str::to_owned).collect()
}

#[test]
fn nothing_is_called_by_its_account_address_or_fingerprint() {
    let scratch = Scratch::new();
    scratch.expect(4, &["scan", "--sandbox", "demo", "-o", "json=report.json"]);
    // The demo's addresses are of ranges for documentation, in which a pseudonym is one of 256; these are of larger ones.
    let text = scratch.read("report.json").replace("203.0.113.", "47.98.113.").replace("198.51.100.", "8.209.100.");
    scratch.write("report.json", &text);
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let findings = report["findings"].as_array().expect("a list");
    let secrets: Vec<String> = told(&report)
        .into_iter()
        .chain(findings.iter().map(|finding| finding["fingerprint"].as_str().expect("text").to_owned()))
        .collect();
    assert!(secrets.len() > 60, "{secrets:?}");
    for format in FORMATS {
        let shared = scratch.expect(0, &["report", "report.json", "--share", "-o", format]).stdout;
        for secret in &secrets {
            assert!(!shared.contains(secret), "{format} tells {secret}");
        }
        assert!(shared.contains("account-0001") || format == "junit", "{format}");
        let of_store = scratch.expect(0, &["report", "latest", "--share", "-o", format]).stdout;
        for secret in secrets.iter().filter(|secret| !secret.contains('.')) {
            assert!(!of_store.contains(secret), "{format} tells {secret}");
        }
    }
}

#[test]
fn what_is_told_is_the_same_otherwise() {
    let scratch = Scratch::new();
    scratch.expect(4, &["scan", "--sandbox", "demo", "-o", "json=report.json"]);
    let own: Value = serde_json::from_str(&scratch.read("report.json")).expect("JSON");
    let one = scratch.expect(0, &["report", "--share", "-o", "json"]).json();
    let other = scratch.expect(0, &["report", "--share", "-o", "json"]).json();
    assert_eq!((&one["verdict"], &one["summary"]), (&own["verdict"], &own["summary"]));
    assert_ne!(one["endpoints"], other["endpoints"], "another key each time");
    let verdicts = |report: &Value| {
        let ends = report["endpoints"].as_array().expect("a list").iter();
        let rows = ends.map(|end| {
            let ports: Vec<_> =
                end["access"].as_array().expect("a list").iter().map(|row| row["verdict"].clone()).collect();
            (end["resource_id"].to_string(), end["kind"].to_string(), ports)
        });
        let mut rows: Vec<_> = rows.map(|row| format!("{row:?}")).collect();
        rows.sort();
        rows
    };
    assert_eq!(verdicts(&one), verdicts(&own));
    // It can be read again, and told in its turn.
    scratch.write("shared.json", &one.to_string());
    scratch.expect(0, &["report", "shared.json", "-o", "html"]);
    scratch.expect(2, &["report", "--share", "-o", "bundle=folder"]);
    scratch.expect(2, &["report", "--share", "--pack", "cis-ack"]);
}
