//! What holds for every format.

use super::{Background, Format, Options, escape, fixture, read, render, render_document, v1::Document};
use crate::{
    findings::{Finding, Run},
    model::{AccessRow, Exposure, PortVerdict},
};

fn text(format: Format, run: &Run) -> String {
    let mut out = Vec::new();
    render(format, run, &mut out, &Options::default()).expect("a Vec takes everything");
    String::from_utf8(out).expect("reports are UTF-8")
}

/// The findings that a rendered report shows, recognised by format, as `rule status`.
fn found(format: Format, text: &str) -> Vec<String> {
    let word = |value: &serde_json::Value, key: &str| value[key].as_str().expect("a word").to_owned();
    let pair = |value: &serde_json::Value| format!("{} {}", word(value, "rule_id"), word(value, "status"));
    match format {
        Format::Json => {
            let document: serde_json::Value = serde_json::from_str(text).expect("JSON");
            document["findings"].as_array().expect("a list").iter().map(pair).collect()
        }
        Format::Jsonl => text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
            .filter(|line| line["type"] == "finding")
            .map(|line| pair(&line))
            .collect(),
        Format::Csv => ::csv::Reader::from_reader(text.as_bytes())
            .records()
            .map(|row| row.expect("RFC 4180"))
            .filter(|row| &row[0] == "finding")
            .map(|row| format!("{} {}", &row[3], &row[2]))
            .collect(),
        // Listed beside an endpoint that they are about or concern, or in a row of their own; one may stand at several.
        Format::CsvEndpoints => {
            let rows = ::csv::Reader::from_reader(text.as_bytes()).into_records().map(|row| row.expect("RFC 4180"));
            let listed: std::collections::BTreeSet<String> = rows
                .filter(|row| matches!(&row[0], "endpoint" | "finding"))
                .flat_map(|row| row[28].split("; ").map(str::to_owned).collect::<Vec<_>>())
                .filter(|one| !one.is_empty())
                .collect();
            let pair = |one: &String| {
                let words: Vec<&str> = one.split(' ').collect();
                format!("{} {}", words[2], words[1])
            };
            listed.iter().map(pair).collect()
        }
        Format::Sarif => {
            let log: serde_json::Value = serde_json::from_str(text).expect("JSON");
            let status = |result: &serde_json::Value| match (result["kind"].as_str(), &result["suppressions"][0]) {
                (Some("open"), _) => "unknown",
                (_, serde_json::Value::Null) => "open",
                _ => "waived",
            };
            let results = log["runs"][0]["results"].as_array().expect("a list").iter();
            results.map(|result| format!("{} {}", word(result, "ruleId"), status(result))).collect()
        }
        Format::Ocsf => text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
            .filter(|event| event["finding_info"]["uid"].as_str().expect("a word").starts_with("v1:"))
            .map(|event| {
                let status = match (event["compliance"]["status_id"].as_u64(), event["status_id"].as_u64()) {
                    (Some(2), Some(1)) => "unknown",
                    (Some(3), Some(1)) => "open",
                    (Some(3), Some(3)) => "waived",
                    other => panic!("{other:?}"),
                };
                format!("{} {status}", word(&event["metadata"], "event_code"))
            })
            .collect(),
        Format::Junit => {
            let mut suite = "";
            let mut shown = Vec::new();
            for line in text.lines().map(str::trim) {
                if let Some(rest) = line.strip_prefix("<testsuite name=\"") {
                    suite = rest.split('"').next().expect("a name");
                }
                if line.starts_with("<testcase ") && !matches!(suite, "nothing-found" | "coverage") {
                    let ending = ["<failure ", "<error ", "<skipped "].map(|element| line.contains(element));
                    let status = match ending {
                        [true, false, false] => "open",
                        [false, true, false] => "unknown",
                        [false, false, true] => "waived",
                        _ => panic!("{line}"),
                    };
                    shown.push(format!("{suite} {status}"));
                }
            }
            shown
        }
        Format::Markdown => text
            .lines()
            .skip_while(|line| *line != "### Findings")
            .skip(4)
            .take_while(|line| line.starts_with('|'))
            .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
            .map(|cells| format!("{} {}", cells[3].trim_matches('`'), cells[2]))
            .collect(),
        Format::Prometheus => text
            .lines()
            .filter(|line| line.starts_with("portcullis_rule_findings{"))
            .flat_map(|line| {
                let label =
                    |name: &str| line.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
                let pair = format!("{} {}", label("rule_id").expect("a rule"), label("status").expect("a status"));
                let count: usize = line.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a count");
                std::iter::repeat_n(pair, count)
            })
            .collect(),
        Format::Html => {
            let records = page_data(text);
            let rules = &records[0][1]["rules"];
            let rows = records.iter().filter(|record| record[0] == "f").map(|record| &record[1]);
            rows.map(|row| {
                let rule = &rules[row[1].as_u64().expect("a place") as usize];
                format!("{} {}", word(rule, "id"), row[3].as_str().expect("a status"))
            })
            .collect()
        }
        Format::Table => text
            .lines()
            .skip_while(|line| *line != "Findings")
            .skip(2)
            .take_while(|line| !line.is_empty())
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .map(|words| format!("{} {}", words[2], words[1]))
            .collect(),
    }
}

/// The records of a page's data, the head first.
fn page_data(page: &str) -> Vec<serde_json::Value> {
    let (_, data) = page.split_once("<script id=\"data\" type=\"application/x-ndjson\">\n").expect("data");
    let (data, _) = data.split_once("</script>").expect("an end");
    data.lines().map(|line| serde_json::from_str(line).expect("a record a line")).collect()
}

#[test]
fn every_format_shows_every_finding() {
    let run = fixture::run();
    let mut expected: Vec<String> =
        run.findings.iter().map(|finding| format!("{} {}", finding.rule_id, finding.status)).collect();
    expected.sort();
    for format in Format::ALL {
        let mut shown = found(format, &text(format, &run));
        shown.sort();
        assert_eq!(shown, expected, "{format:?}");
    }
}

#[test]
fn every_format_shows_every_gap() {
    let run = fixture::run();
    for format in Format::ALL {
        let text = text(format, &run);
        // A series for each resource would be one too many for a monitoring system.
        let named = format == Format::Prometheus || text.contains("c-cluster-2");
        assert!(text.contains("Forbidden.RAM") && named, "{format:?}: {text}");
    }
}

#[test]
fn a_large_page_is_compressed_and_says_the_same() {
    use std::io::Read as _;

    let mut run = fixture::run();
    let finding = run.findings[0].clone();
    for number in 0..5_000 {
        run.findings.push(Finding { fingerprint: format!("v1:{number:064}"), ..finding.clone() });
    }
    let page = text(Format::Html, &run);
    let (_, data) = page.split_once("<script id=\"data\" type=\"application/gzip\">").expect("packed data");
    let (data, _) = data.split_once("</script>").expect("an end");
    let bytes = data_encoding::BASE64.decode(data.as_bytes()).expect("Base64");
    let mut lines = String::new();
    flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut lines).expect("gzip");
    assert_eq!(lines.lines().filter(|line| line.starts_with("[\"f\",")).count(), run.findings.len());
    assert!(page.len() < 400_000, "{} bytes", page.len());
}

#[test]
fn no_format_lets_a_hostile_name_act() {
    let run = fixture::run();
    for format in Format::ALL {
        let text = text(format, &run);
        let unsafe_bytes: Vec<char> =
            text.chars().filter(|c| escape::is_unsafe(*c) && !matches!(c, '\n' | '\r')).collect();
        assert!(unsafe_bytes.is_empty(), "{format:?}: {unsafe_bytes:?}");
        assert!(!text.lines().any(|line| line.starts_with("ts=forged")), "{format:?}");
    }
    let csv = text(Format::Csv, &run);
    assert!(csv.contains("'=cmd|"), "{csv}");
    assert!(csv.contains("'\\t@SUM(1)"), "{csv}");
}

/// One line of the text format: the name, the labels with their escapes undone, and the number.
fn sample(line: &str) -> (String, Vec<(String, String)>, u64) {
    let (series, value) = line.rsplit_once(' ').expect("a number behind a blank");
    let value = value.parse().expect("a number");
    let Some((name, labels)) = series.split_once('{') else { return (series.to_owned(), Vec::new(), value) };
    let mut rest = labels.strip_suffix('}').expect("closed");
    let mut read = Vec::new();
    while !rest.is_empty() {
        let (label, more) = rest.split_once("=\"").expect("a label and a quoted value");
        assert!(label.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{label}");
        let mut text = String::new();
        let mut characters = more.char_indices();
        let end = loop {
            match characters.next().expect("the quote is closed") {
                (at, '"') => break at,
                (_, '\\') => text.push(match characters.next().expect("something is escaped").1 {
                    'n' => '\n',
                    escaped @ ('"' | '\\') => escaped,
                    other => panic!("no such escape: {other}"),
                }),
                (_, plain) => text.push(plain),
            }
        };
        read.push((label.to_owned(), text));
        rest = more[end + 1..].trim_start_matches(',');
    }
    (name.to_owned(), read, value)
}

#[test]
fn the_text_format_has_every_number_and_no_label_ends_early() {
    let mut run = fixture::run();
    let hostile = "x\" } 9\nportcullis_run_exit_code 0\n\\";
    run.findings[0].subject.region_id = hostile.into();
    let text = text(Format::Prometheus, &run);
    let samples: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(sample).collect();
    for name in samples.iter().map(|(name, ..)| name) {
        let about = |word: &str| text.matches(&format!("# {word} {name} ")).count();
        assert_eq!((about("HELP"), about("TYPE")), (1, 1), "{name}");
    }
    let of = |name: &str| -> Vec<_> { samples.iter().filter(|(known, ..)| known == name).collect() };
    let one = |name: &str| {
        assert_eq!(of(name).len(), 1, "{name}");
        of(name)[0].2
    };
    // 2026-11-20 06:00:00 UTC, as the fixture has it.
    assert_eq!(one("portcullis_run_timestamp_seconds"), 1_795_154_400);
    assert_eq!(one("portcullis_run_exit_code"), 4);
    assert_eq!((one("portcullis_api_calls"), one("portcullis_api_retries")), (57, 2));
    assert_eq!((one("portcullis_coverage_complete"), one("portcullis_run_duration_seconds")), (0, 0));
    let by = |name: &str, wanted: &[(&str, &str)]| -> u64 {
        let is = |labels: &[(String, String)]| {
            wanted.iter().all(|(label, text)| labels.iter().any(|(known, value)| known == label && value == text))
        };
        of(name).into_iter().filter(|(_, labels, _)| is(labels)).map(|(.., value)| value).sum()
    };
    assert_eq!(of("portcullis_findings").len(), 20, "every severity and status, zeros included");
    assert_eq!(by("portcullis_findings", &[("severity", "critical"), ("status", "open")]), 1);
    assert_eq!(by("portcullis_findings", &[("severity", "medium"), ("status", "unknown")]), 1);
    assert_eq!(by("portcullis_findings", &[("severity", "medium"), ("status", "open")]), 0);
    assert_eq!(by("portcullis_endpoints", &[("exposure", "exposed")]), 2);
    assert_eq!(by("portcullis_place_endpoints", &[("exposure", "exposed")]), 2);
    assert_eq!(by("portcullis_place_endpoints", &[]), by("portcullis_endpoints", &[]));
    assert_eq!(by("portcullis_coverage_units", &[("state", "denied")]), 1);
    assert_eq!(by("portcullis_coverage_gaps", &[("code", "Forbidden.RAM"), ("state", "denied")]), 1);
    assert_eq!(by("portcullis_run_verdict", &[("verdict", "fail")]), 1);
    assert_eq!(by("portcullis_run_verdict", &[("verdict", "pass")]), 0);
    let shown = "x\" } 9\\nportcullis_run_exit_code 0\\n\\\\";
    assert_eq!(by("portcullis_rule_findings", &[("region_id", shown)]), 1, "{text}");
}

#[test]
fn json_keeps_the_very_text_behind_the_escapes() {
    let document: serde_json::Value = serde_json::from_str(&text(Format::Json, &fixture::run())).expect("JSON");
    let names: Vec<&str> = document["endpoints"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|endpoint| endpoint["resource_name"].as_str())
        .collect();
    assert!(names.contains(&fixture::HOSTILE), "{names:?}");
}

#[test]
fn a_report_file_renders_to_itself() {
    let json = text(Format::Json, &fixture::run());
    let document = read(&json).expect("our own report");
    let mut again = Vec::new();
    render_document(Format::Json, &document, &Background::default(), &mut again, &Options::default())
        .expect("a Vec takes everything");
    assert_eq!(String::from_utf8(again).expect("UTF-8"), json);
}

#[test]
fn another_schema_is_refused_by_name() {
    let error = read(r#"{"schema": "portcullis.report/v2"}"#).expect_err("a newer schema");
    assert!(error.to_string().contains("portcullis.report/v2"), "{error}");
    assert!(read("[]").is_err());
    assert!(read("").is_err());
}

#[test]
fn keys_come_in_the_order_of_the_contract() {
    let json = text(Format::Json, &fixture::run());
    let order = |keys: &[&str]| {
        let mut from = 0;
        for key in keys {
            let quoted = format!("\"{key}\":");
            let at = json[from..].find(&quoted).unwrap_or_else(|| panic!("{key} is not behind the keys before it"));
            from += at + quoted.len();
        }
    };
    order(&["schema", "run", "verdict", "summary", "endpoints", "findings", "coverage"]);
    order(&[
        "id",
        "started_at",
        "finished_at",
        "tool_version",
        "exit_code",
        "caller",
        "api_calls",
        "retries",
        "snapshot_digest",
        "rules_digest",
        "gap_requests",
    ]);
    order(&[
        "id",
        "account_id",
        "region_id",
        "resource_kind",
        "resource_id",
        "resource_name",
        "kind",
        "exposure",
        "signs",
        "contradictions",
        "public_address",
        "private_address",
        "eip_id",
        "load_balancer_id",
        "access",
        "protocol",
        "port",
        "family",
        "verdict",
        "complete",
        "untrusted",
        "untrusted_all_gates",
        "witness",
        "blame",
        "gates",
        "staleness",
        "verdict",
        "confidence",
        "after_migration",
        "reason",
        "consumers",
        "bound_by",
    ]);
    order(&[
        "fingerprint",
        "rule_id",
        "severity",
        "status",
        "endpoint_id",
        "account_id",
        "region_id",
        "resource_kind",
        "resource_id",
        "message",
        "remedy",
        "references",
        "controls",
        "first_seen",
        "waiver",
    ]);
    order(&["complete", "planned", "scanned", "denied", "failed", "excluded", "not_served", "gaps"]);
}

#[test]
fn a_narrow_terminal_wraps_and_a_pipe_does_not() {
    let run = fixture::run();
    let mut narrow = Vec::new();
    render(Format::Table, &run, &mut narrow, &Options { width: Some(100), color: true }).expect("a Vec");
    let narrow = String::from_utf8(narrow).expect("UTF-8");
    assert!(narrow.contains('\u{1b}'), "colour was asked for");
    let plain = anstream::adapter::strip_str(&narrow).to_string();
    assert!(plain.contains("1 open  control-plane-open-to-untrusted"), "{plain}");
    assert!(plain.contains("1 waived  control-plane-public-eip"), "{plain}");
    for line in plain.lines() {
        assert!(escape::columns(line) <= 100, "{} columns: {line}", escape::columns(line));
    }
    assert!(text(Format::Table, &run).lines().any(|line| escape::columns(line) > 120));
}

#[test]
fn a_run_without_anything_still_says_so() {
    let mut run = fixture::run();
    run.findings.clear();
    run.judgements = crate::model::Judgements::default();
    run.coverage = crate::model::Coverage::default();
    run.verdict = crate::findings::RunVerdict::Unknown;
    for format in Format::ALL {
        assert!(!text(format, &run).is_empty());
    }
    assert!(!Document::of(&run).settled());
}

/// The moods of the four answers of the page.
fn moods(run: &Run) -> Vec<String> {
    let page = text(Format::Html, run);
    page.split("<p class=\"big ").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

#[test]
fn none_found_is_good_news_only_where_all_was_read_and_decided() {
    let mut run = fixture::run();
    run.findings.clear();
    run.judgements.endpoints.clear();
    assert_eq!(moods(&run), ["doubt", "doubt", "doubt", ""], "a read was denied");
    run.coverage = Default::default();
    assert_eq!(moods(&run), ["doubt", "doubt", "doubt", ""], "nothing was read");
    run.coverage.scanned(crate::model::Unit::new(&"1".into(), &"a".into(), "cs", "DescribeClustersV1", ""));
    assert_eq!(moods(&run), ["good", "good", "good", ""]);
    let mut endpoints = fixture::run().judgements.endpoints;
    endpoints.retain(|endpoint| endpoint.exposure == Exposure::Exposed);
    endpoints.truncate(1);
    endpoints[0].access.clear();
    run.judgements.endpoints = endpoints;
    assert_eq!(moods(&run)[0], "doubt", "exposed, and no listener says to whom");
    run.judgements.endpoints[0].exposure = Exposure::Unknown;
    assert_eq!(moods(&run)[0], "doubt");
}

/// An entrance that lets others in is no pass because the rules that would say so are off, nor is one that nobody knows.
#[test]
fn without_a_finding_only_what_is_known_and_closed_passes() {
    let whole = fixture::run();
    let with = |exposure: Exposure, verdicts: &[PortVerdict]| {
        let mut run = fixture::run();
        run.findings.clear();
        let mut endpoint = whole.judgements.endpoints[0].clone();
        let row = endpoint.access[0].clone();
        endpoint.exposure = exposure;
        endpoint.access = verdicts.iter().map(|verdict| AccessRow { verdict: *verdict, ..row.clone() }).collect();
        run.judgements.endpoints = vec![endpoint];
        let ocsf = text(Format::Ocsf, &run);
        let events = ocsf.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
        let about = |event: &serde_json::Value| {
            event["finding_info"]["uid"].as_str().is_some_and(|it| it.starts_with("endpoint:"))
        };
        let statuses: Vec<_> =
            events.filter(about).map(|it| it["compliance"]["status_id"].as_u64().expect("one")).collect();
        let junit = text(Format::Junit, &run);
        let suite =
            junit.split("<testsuite name=\"nothing-found\"").nth(1).expect("a suite").split("</testsuite>").next();
        let word = ["<error", "<skipped", "<failure"].into_iter().find(|word| suite.expect("its end").contains(word));
        (statuses, word)
    };
    use PortVerdict::{Open, PrivateOnly, Restricted, Unknown, Unverified};
    assert_eq!(with(Exposure::Private, &[]), (vec![1], None));
    assert_eq!(with(Exposure::Exposed, &[Restricted, PrivateOnly]), (vec![1], None));
    assert_eq!(with(Exposure::Exposed, &[Restricted, Open]), (vec![2], Some("<skipped")));
    assert_eq!(with(Exposure::Exposed, &[Unverified]), (vec![2], Some("<skipped")));
    assert_eq!(with(Exposure::Exposed, &[]), (vec![2], Some("<error")));
    assert_eq!(with(Exposure::Exposed, &[Unknown]), (vec![2], Some("<error")));
    assert_eq!(with(Exposure::Unknown, &[]), (vec![2], Some("<error")));
}

/// A report that somebody cut still has all its findings, in the sheet of endpoints as well.
#[test]
fn a_finding_about_an_endpoint_that_is_not_there_has_a_row() {
    let mut run = fixture::run();
    run.judgements.endpoints.clear();
    let sheet = text(Format::CsvEndpoints, &run);
    for finding in &run.findings {
        assert!(sheet.contains(&finding.fingerprint.to_string()), "{}", finding.fingerprint);
    }
}

#[test]
fn a_cell_is_no_formula_where_semicolons_part_cells() {
    assert_eq!(escape::cell("x;=HYPERLINK(\"http://evil.test\")"), "x;'=HYPERLINK(\"http://evil.test\")");
    assert_eq!(escape::cell("a; b; +1"), "a; b;' +1");
    assert_eq!(escape::cell("=a;b"), "'=a;b");
}

/// Code scanning drops what an earlier run of the same category found, so accounts have categories of their own.
#[test]
fn runs_of_different_accounts_do_not_replace_each_other() {
    let id = |account: &str| {
        let mut run = fixture::run();
        run.header.caller[0].account_id = account.into();
        let log: serde_json::Value = serde_json::from_str(&text(Format::Sarif, &run)).expect("JSON");
        let id = log["runs"][0]["automationDetails"]["id"].as_str().expect("an id").to_owned();
        id.rsplit_once('/').expect("a category").0.to_owned()
    };
    assert_eq!(id("1000000000000001"), "portcullis/1000000000000001");
    assert_ne!(id("1000000000000001"), id("1000000000000002"));
}

#[test]
fn causes_are_told_in_words_and_calls_in_one_piece() {
    let run = fixture::run();
    let mut narrow = Vec::new();
    render(Format::Table, &run, &mut narrow, &Options { width: Some(80), color: false }).expect("a Vec");
    let narrow = String::from_utf8(narrow).expect("UTF-8");
    for shown in [narrow.as_str(), &text(Format::Table, &run)] {
        assert!(!shown.contains("listener:"), "{shown}");
        assert!(shown.contains("cs:DescribeClusterDetail"), "{shown}");
    }
    assert!(text(Format::Table, &run).contains("listener ACL off"));
    assert!(text(Format::Json, &run).contains("\"listener:acl-off\""), "the words of JSON are fixed");
}

#[test]
fn only_open_findings_count_and_the_others_are_counted_apart() {
    let run = fixture::run();
    let summary = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON")["summary"].clone();
    let json = text(Format::Json, &run);
    let counted = summary(&json);
    let wanted = serde_json::json!({"critical": 1, "high": 1, "medium": 0, "low": 0, "info": 0});
    assert_eq!(counted["findings"], wanted, "the medium one is undecided, the low one waived");
    assert_eq!((&counted["undecided"], &counted["waived"]), (&1.into(), &1.into()));
    assert!(text(Format::Table, &run).contains("1 critical, 1 high open; 1 undecided; 1 waived"));

    // A report from before `undecided` was counted apart says the same once it is read.
    let older = json.replace("\"medium\": 0", "\"medium\": 1").replace(",\n    \"undecided\": 1", "");
    assert!(summary(&older)["undecided"].is_null());
    let mut again = Vec::new();
    let document = read(&older).expect("our own report");
    render_document(Format::Json, &document, &Background::default(), &mut again, &Options::default())
        .expect("a Vec takes everything");
    assert_eq!(String::from_utf8(again).expect("UTF-8"), json);
}

#[test]
fn a_waiver_that_has_ended_accepts_nothing() {
    let mut run = fixture::run();
    for finding in &mut run.findings {
        finding.status = crate::findings::FindingStatus::Open;
    }
    assert!(run.findings.iter().any(|finding| finding.waiver.is_some()));
    assert!(!text(Format::Table, &run).contains("accepted until"));
}

/// A report written by hand, with consumers, paths and hostile names.
fn written() -> Document<'static> {
    read(include_str!("../../tests/explain/report.json")).expect("a report")
}

#[test]
fn an_explanation_fits_the_terminal_and_a_pipe_is_not_wrapped() {
    let document = written();
    for word in ["c-required/istio-pilot", "c-stale", "sg-1"] {
        let explanation = super::explain::Explanation::of(&document, word).expect("it is one thing");
        let lines = |options: &Options| {
            let mut out = Vec::new();
            explanation.write_text(&mut out, options).expect("a Vec takes everything");
            let text = String::from_utf8(out).expect("UTF-8");
            // Commands are there to be copied, in one piece.
            let kept = |line: &&str| !line.contains("aliyun ");
            let plain = anstream::adapter::strip_str(&text).to_string();
            (text.contains('\u{1b}'), plain.lines().filter(kept).map(escape::columns).max())
        };
        let (coloured, widest) = lines(&Options { width: Some(100), color: true });
        assert!(coloured && widest <= Some(100), "{word}: {widest:?}");
        let (coloured, widest) = lines(&Options::default());
        assert!(!coloured && widest > Some(100), "{word}: {widest:?}");
    }
}

#[test]
fn the_first_screen_says_what_can_go() {
    let document = written();
    let table = |width| {
        let mut out = Vec::new();
        render_document(Format::Table, &document, &Background::default(), &mut out, &Options { width, color: false })
            .expect("a Vec");
        String::from_utf8(out).expect("UTF-8")
    };
    for width in [None, Some(120)] {
        let text = table(width);
        assert!(text.contains("Public paths    1 can go, 1 can go after a move, 1 needed\n"), "{text}");
        for words in ["required, high confidence", "stale, medium confidence", "stale after a move, medium confidence"]
        {
            assert!(text.contains(words), "{words}: {text}");
        }
        let line = "still needed: stale, medium confidence; every data-plane cluster has private connectivity";
        assert_eq!(text.contains(line), width.is_some(), "{text}");
        assert!(!text.contains("aliyun"), "commands belong into `explain`: {text}");
    }
}

#[test]
fn a_sheet_carries_whether_an_endpoint_is_needed() {
    let mut out = Vec::new();
    render_document(Format::Csv, &written(), &Background::default(), &mut out, &Options::default()).expect("a Vec");
    let mut reader = ::csv::Reader::from_reader(&out[..]);
    let header = reader.headers().expect("a header").clone();
    let at = |name: &str| header.iter().position(|column| column == name).expect("a column");
    let row = reader
        .records()
        .map(|row| row.expect("RFC 4180"))
        .find(|row| &row[at("rule_id")] == "required-exposure-open")
        .expect("a row");
    let cells =
        ["staleness", "staleness_confidence", "proposed_allowlist", "unexpected_clients"].map(|name| &row[at(name)]);
    assert_eq!(cells, ["required", "0.97", "203.0.113.9/32", "198.51.100.7"]);
}
