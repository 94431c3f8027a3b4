//! Ten thousand names that try to act, in every place where a stranger's text may stand, in every format.

use std::collections::BTreeMap;

use portcullis::{
    findings::Change,
    model::Severity,
    report::{
        Background, Format, Gone, read,
        v1::{Document, Text, WaiverV1},
    },
};
use serde_json::Value;

use super::{documents, junit, markdown};

const NAMES: usize = 10_000;
const A_DOCUMENT: usize = 50;

/// What names are put together from.
const PARTS: [&str; 56] = [
    "=cmd|' /C calc'!A0",
    "=1+1",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n",
    "\r\n",
    "＝1",
    "＋",
    "－",
    "＠",
    "\u{2212}1",
    "%0",
    "\u{1b}[2J",
    "\u{1b}]8;;http://evil.test\u{7}",
    "\u{9b}31m",
    "\u{7}",
    "\u{0}",
    "\u{b}",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{feff}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{fdd0}",
    "\u{1fffe}",
    "\u{e000}",
    "\u{10fffd}",
    "]]>",
    "<script>alert(1)</script>",
    "<!--",
    "<![CDATA[",
    "?>",
    "&amp;",
    "&#0;",
    "\"",
    "'",
    "`",
    "```",
    "|",
    "\\",
    "[x](http://evil.test)",
    "![x](//evil.test)",
    "@all",
    "#1",
    "www.evil.test",
    "{0}",
    "exit 0: clean and complete",
    "ts=forged level=info",
    "生产\u{301}\u{301}\u{301}",
];

/// A generator whose names are the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize
    }

    fn name(&mut self) -> String {
        (0..self.next() % 5 + 1)
            .map(|_| match self.next() % 4 {
                0 => char::from_u32(u32::try_from(self.next() % 0x11_0000).unwrap()).unwrap_or('x').to_string(),
                _ => PARTS[self.next() % PARTS.len()].to_owned(),
            })
            .collect()
    }
}

/// A document in which every text that comes from outside is one of the names.
fn document(names: &[String]) -> Document<'static> {
    let mut document = documents::demo();
    let (endpoint, finding, gap) =
        (document.endpoints[0].clone(), document.findings[0].clone(), document.coverage.gaps[0].clone());
    document.endpoints.clear();
    document.findings.clear();
    document.coverage.gaps.clear();
    document.run.caller[0].arn = names[0].clone().into();
    for (at, name) in names.iter().enumerate() {
        let text = || Text::from(name.clone());
        let mut endpoint = endpoint.clone();
        endpoint.id = format!("1/r/{name}/{at}/istio-pilot").into();
        endpoint.resource_id = text();
        endpoint.resource_name = text();
        endpoint.public_address = Some(text());
        endpoint.eip_id = Some(text());
        endpoint.staleness.reason = text();
        endpoint.access.truncate(1);
        for port in &mut endpoint.access {
            port.blame = vec![name.clone()].into();
            port.untrusted = port.untrusted.iter().take(2).copied().collect();
            port.untrusted_all_gates = Default::default();
            port.gates.truncate(1);
            port.gates.iter_mut().for_each(|gate| gate.id = text());
        }
        let mut finding = finding.clone();
        finding.fingerprint = format!("v1:{at:064x}").into();
        finding.endpoint_id = (at % 3 > 0).then(|| endpoint.id.clone());
        finding.account_id = text();
        finding.region_id = text();
        finding.resource_id = text();
        finding.resource_name = text();
        // Templates escape what they put in; a rule of somebody's own may hold anything.
        finding.message = if at % 2 == 0 { text() } else { portcullis::report::escape_line(name).into() };
        finding.remedy = text();
        finding.rule_id = if at % 7 == 0 { text() } else { "control-plane-open-to-untrusted".into() };
        finding.references = vec![name.clone()].into();
        finding.controls = vec![name.clone()].into();
        finding.severity = Severity::WORST_FIRST[at % 5];
        if at % 4 == 0 {
            finding.status = portcullis::findings::FindingStatus::Waived;
            let expires = chrono::NaiveDate::from_ymd_opt(2027, 1, 31).unwrap();
            finding.waiver = Some(Box::new(WaiverV1 { reason: text(), owner: text(), ticket: Some(text()), expires }));
        }
        let mut gap = gap.clone();
        gap.region_id = text();
        gap.resource_id = text();
        gap.operation = text();
        gap.code = text();
        gap.message = text();
        document.endpoints.push(endpoint);
        document.findings.push(finding);
        document.coverage.gaps.push(gap);
    }
    document
}

/// What no output may hold: what a terminal or an editor obeys instead of showing.
fn acts(c: char) -> bool {
    let code = u32::from(c);
    (c.is_control() && !matches!(c, '\n' | '\r'))
        || matches!(code, 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff | 0xfff9..=0xfffb | 0xfdd0..=0xfdef)
        || code & 0xfffe == 0xfffe
}

fn assert_sheet(text: &str, rows: usize) {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes());
    let mut seen = 0;
    for row in reader.records() {
        for cell in row.unwrap().iter() {
            let bare = cell.trim_start_matches([' ', '"']);
            let formula = bare.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
            assert!(!formula && !cell.contains('\0'), "{cell:?}");
        }
        seen += 1;
    }
    assert_eq!(seen, rows);
}

/// Every line is a comment, or a name, labels whose quotes and backslashes are escaped, and a number.
fn assert_metrics(text: &str) {
    for line in text.lines().filter(|line| !line.starts_with("# ")) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<u64>().is_ok(), "{line}");
        let (name, labels) = series.split_once('{').map_or((series, ""), |(name, labels)| (name, labels));
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
        let mut quoted = false;
        let mut characters = labels.chars();
        while let Some(c) = characters.next() {
            match c {
                '\\' => assert!(quoted && matches!(characters.next(), Some('n' | '"' | '\\')), "{line}"),
                '"' => quoted = !quoted,
                _ => assert!(quoted || c.is_ascii_lowercase() || "_=,}".contains(c), "{line}"),
            }
        }
        assert!(!quoted, "{line}");
    }
}

fn assert_uri(uri: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_~.%/".contains(&byte);
    assert!(uri.bytes().all(plain) && !uri.starts_with('/'), "{uri}");
    assert!(!uri.split('/').any(|part| matches!(part, "" | "." | "..")), "{uri}");
}

fn judge(format: Format, text: &str, document: &Document<'_>) {
    let acting: Vec<char> = text.chars().filter(|c| acts(*c)).collect();
    assert!(acting.is_empty(), "{format:?}: {acting:?}");
    let forged = |line: &str| line.starts_with("exit 0") || line.starts_with("ts=forged");
    let (findings, gaps) = (document.findings.len(), document.coverage.gaps.len());
    match format {
        Format::Table => assert!(!text.lines().any(forged)),
        Format::Json => {
            let again = read(text).unwrap();
            let names = |document: &Document<'_>| -> Vec<String> {
                document.endpoints.iter().map(|endpoint| endpoint.resource_name.to_string()).collect()
            };
            assert_eq!(names(&again), names(document), "the very text");
        }
        Format::Jsonl | Format::Ocsf => {
            let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert!(lines.len() >= findings + gaps);
        }
        Format::Csv => assert_sheet(text, findings + gaps),
        Format::CsvEndpoints => {
            let ports: usize = document.endpoints.iter().map(|endpoint| endpoint.access.len().max(1)).sum();
            let alone = |finding: &&portcullis::report::v1::FindingV1<'_>| {
                finding.endpoint_id.is_none() && finding.concerns.is_empty()
            };
            assert_sheet(text, ports + document.findings.iter().filter(alone).count() + gaps);
        }
        Format::Sarif => {
            let log: Value = serde_json::from_str(text).unwrap();
            let results = log["runs"][0]["results"].as_array().unwrap();
            assert_eq!(results.len(), findings);
            for result in results {
                let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
                assert_uri(place.as_str().unwrap());
                let message = result["message"]["text"].as_str().unwrap();
                assert_eq!(message.matches('[').count(), message.matches("\\[").count(), "{message}");
            }
        }
        Format::Html => {
            assert_eq!(text.matches("<script").count(), 2, "the data and the script");
            let (before, data) = text.split_once("type=\"application/x-ndjson\">\n").unwrap();
            let (data, _) = data.split_once("</script>").unwrap();
            assert!(!data.contains(['<', '>', '&']));
            let of = |what: &str| {
                let begins = format!("[\"{what}\",");
                data.lines().filter(|line| line.starts_with(&begins)).count()
            };
            assert_eq!((of("f"), of("g")), (findings, gaps));
            // Markup of ours only, and every attribute of it closed where we close it.
            let known = [
                "html", "head", "meta", "link", "title", "style", "body", "a", "b", "header", "h1", "h2", "span", "p",
                "div",
            ];
            let known =
                [&known[..], &["button", "main", "section", "ul", "li", "noscript", "footer", "dialog", "script"]]
                    .concat();
            let (_, body) = before.split_once("</style>").unwrap();
            for tag in format!("{body}>").split('<').skip(1) {
                let name: String =
                    tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
                assert!(known.contains(&name.as_str()), "<{tag}");
                assert!(tag.contains('>') && tag.split('>').next().unwrap().matches('"').count() % 2 == 0, "<{tag}");
            }
        }
        Format::Junit => {
            let cases = junit::cases(text);
            let of_gaps = cases.iter().filter(|(suite, ..)| suite == "coverage").count();
            let of_nothing = cases.iter().filter(|(suite, ..)| suite == "nothing-found").count();
            assert_eq!((cases.len() - of_gaps - of_nothing, of_gaps), (findings, gaps + 1));
        }
        Format::Markdown => {
            markdown::assert_harmless(text);
            assert!(text.len() <= 65_536);
        }
        Format::Prometheus => assert_metrics(text),
    }
}

fn gone(names: &[String]) -> Vec<Gone> {
    let of = |name: &String| Gone {
        change: Change::Fixed,
        severity: Severity::High,
        rule_id: name.clone(),
        title: name.clone(),
        endpoint_id: Some(name.clone()),
        region_id: name.clone(),
        name: name.clone(),
    };
    names.iter().take(40).map(of).collect()
}

#[test]
fn no_name_acts_in_any_format() {
    let mut random = Random(20_261_122);
    for _ in 0..NAMES / A_DOCUMENT {
        let names: Vec<String> = (0..A_DOCUMENT).map(|_| random.name()).collect();
        let document = document(&names);
        for format in Format::ALL {
            judge(format, &documents::text(format, &document, &Background::default()), &document);
        }
        // What is gone was named by the same people.
        let background = Background { changes: Some(BTreeMap::new()), gone: gone(&names), ..Background::default() };
        for format in [Format::Html, Format::Markdown] {
            judge(format, &documents::text(format, &document, &background), &document);
        }
    }
}
