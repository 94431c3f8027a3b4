//! Who is told of what changed: the program as it is, and receivers on this machine.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use hmac::{KeyInit, Mac};
use serde_json::Value;

use crate::scratch::{EMPTY_WORLD, OPEN_WORLD, Run, Scratch, with_fault};

/// One message as it came in.
#[derive(Clone, Debug)]
struct Received {
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A receiver that answers the message with a number, counted from 0, as a function says: status and body.
struct Receiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    fn new(answer: impl Fn(usize, &Received) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let received = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some((message, mut stream)) = read(stream) else { continue };
                let mut log = log.lock().expect("no panic");
                let (status, body) = answer(log.len(), &message);
                log.push(message);
                drop(log);
                let head =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes());
            }
        });
        Self { url, received }
    }

    /// A receiver of one's own that takes everything.
    fn willing() -> Self {
        Self::new(|_, _| (204, String::new()))
    }

    /// What has come since the last time this was asked.
    fn take(&self) -> Vec<Received> {
        std::mem::take(&mut *self.received.lock().expect("no panic"))
    }
}

fn read(stream: TcpStream) -> Option<(Received, TcpStream)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((Received { target, headers, body: String::from_utf8(body).ok()? }, reader.into_inner()))
}

const WEBHOOK: &str = "version: 1\nnotify:\n  - webhook: {url_env: HOOK_URL, secret_env: HOOK_KEY}\n";

/// Scans the world and tells the receiver; gives the run and the JSON report.
fn scan(scratch: &Scratch, code: i32, world: &str, url: &str, more: &[&str]) -> (Run, Value) {
    scratch.write("world.json", world);
    let arguments = [&["scan", "--sandbox", "world.json", "-o", "json=report.json", "-o", "table"], more].concat();
    let output = scratch
        .command(&arguments)
        .env("HOOK_URL", format!("{url}/hook/t0ken"))
        .env("HOOK_KEY", "f00dKey")
        .output()
        .expect("the program starts");
    let run = Run::from(output);
    assert_eq!(run.code, code, "{}\n{}", run.stdout, run.stderr);
    let report = scratch.read("report.json");
    for text in [&run.stdout, &run.stderr, &report] {
        assert!(!text.contains("t0ken") && !text.contains("f00dKey"), "a secret was printed: {text}");
    }
    (run, crate::scratch::report(&report))
}

fn outcome(report: &Value) -> &str {
    report["run"]["notifications"][0]["outcome"].as_str().unwrap_or_else(|| panic!("no outcome: {}", report["run"]))
}

#[test]
fn a_receiver_is_told_of_what_changed_and_of_nothing_else() {
    let scratch = Scratch::new();
    let receiver = Receiver::willing();
    scratch.write("portcullis.yaml", WEBHOOK);
    let told = |code: i32, world: &str, wanted: &str| {
        let (_, report) = scan(&scratch, code, world, &receiver.url, &[]);
        assert_eq!(outcome(&report), wanted);
        (receiver.take(), report)
    };

    let (messages, report) = told(1, OPEN_WORLD, "sent");
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!(message.target, "/hook/t0ken");
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"f00dKey").expect("a key");
    mac.update(format!("{}.{}", message.header("x-portcullis-timestamp"), message.body).as_bytes());
    let code = data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes());
    assert_eq!(message.header("x-portcullis-signature"), format!("sha256={code}"));
    let body = message.json();
    assert_eq!(body["schema"], "portcullis.notification/v1");
    assert_eq!(body["delivery"], report["run"]["id"]);
    let open: Vec<&Value> =
        report["findings"].as_array().expect("a list").iter().filter(|finding| finding["status"] == "open").collect();
    assert!(!open.is_empty());
    let fingerprints = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list");
        list.iter().filter(|one| one["severity"] != "info").map(|one| one["fingerprint"].to_string()).collect()
    };
    let mut named = fingerprints(&body["changes"]);
    let mut wanted = fingerprints(&open.into_iter().cloned().collect());
    named.sort();
    wanted.sort();
    assert_eq!(named, wanted);
    assert_eq!(body["counts"]["new"], named.len());
    assert!(body["changes"].as_array().expect("a list").iter().all(|one| one["change"] == "new"));

    let (messages, _) = told(1, OPEN_WORLD, "unchanged");
    assert_eq!(messages.len(), 0);

    let (messages, _) = told(0, EMPTY_WORLD, "sent");
    let body = messages[0].json();
    assert_eq!((&body["counts"]["fixed"], &body["counts"]["new"]), (&named.len().into(), &0.into()));

    let (messages, _) = told(1, OPEN_WORLD, "sent");
    assert_eq!(messages[0].json()["counts"]["reopened"], named.len());
}

/// Accepted as the starting point, and then more get in by the same rules: the finding has a fingerprint that everybody
/// knows and counts all the same.
#[test]
fn what_outgrows_the_starting_point_is_told_as_worse() {
    let scratch = Scratch::new();
    let receiver = Receiver::willing();
    scratch.write("portcullis.yaml", WEBHOOK);
    let half = ["--trusted", "128.0.0.0/1"];
    scan(&scratch, 1, OPEN_WORLD, &receiver.url, &half);
    scratch.write("known.json", &scratch.read("report.json"));
    receiver.take();
    let known = ["--baseline", "known.json"];
    let (_, accepted) = scan(&scratch, 0, OPEN_WORLD, &receiver.url, &[&half[..], &known[..]].concat());
    assert_eq!((outcome(&accepted), receiver.take().len()), ("unchanged", 0));
    let (_, grown) = scan(&scratch, 1, OPEN_WORLD, &receiver.url, &known);
    assert_eq!(outcome(&grown), "sent");
    let body = receiver.take()[0].json();
    assert_eq!((&body["counts"]["reopened"], &body["counts"]["new"]), (&0.into(), &0.into()));
    let kinds: Vec<(&str, &str)> = body["changes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["rule_id"].as_str().expect("text"), one["change"].as_str().expect("text")))
        .collect();
    assert!(kinds.contains(&("control-plane-open-to-untrusted", "worse")), "{kinds:?}");
    assert!(kinds.iter().all(|(_, kind)| *kind == "worse"), "{kinds:?}");
    let (_, still) = scan(&scratch, 1, OPEN_WORLD, &receiver.url, &known);
    assert_eq!((outcome(&still), receiver.take().len()), ("unchanged", 0));
}

#[test]
fn what_cannot_be_read_is_told_at_the_third_time_and_once() {
    let scratch = Scratch::new();
    let receiver = Receiver::willing();
    scratch.write("portcullis.yaml", WEBHOOK);
    scan(&scratch, 1, OPEN_WORLD, &receiver.url, &[]);
    receiver.take();
    let blind = with_fault(EMPTY_WORLD, "DescribeClustersV1", "deny");
    let counts: Vec<usize> = (0..4)
        .map(|_| {
            scan(&scratch, 3, &blind, &receiver.url, &[]);
            receiver
                .take()
                .iter()
                .map(|message| message.json()["counts"]["unknown"].as_u64() > Some(0))
                .filter(|is| *is)
                .count()
        })
        .collect();
    assert_eq!(counts, [0, 0, 1, 0]);
}

#[test]
fn a_receiver_that_stumbles_is_tried_again() {
    let scratch = Scratch::new();
    let receiver = Receiver::new(|number, _| if number == 0 { (500, "oops".to_owned()) } else { (200, String::new()) });
    scratch.write("portcullis.yaml", WEBHOOK);
    let (run, report) = scan(&scratch, 1, OPEN_WORLD, &receiver.url, &[]);
    assert_eq!(outcome(&report), "sent");
    assert!(run.stdout.contains("Told            webhook sent\n"), "{}", run.stdout);
    let messages = receiver.take();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].body, messages[1].body);
}

#[test]
fn whoever_cannot_be_told_is_in_the_report_and_changes_no_exit_code() {
    let scratch = Scratch::new();
    let receiver = Receiver::new(|_, message| match message.target.as_str() {
        "/slack/t0ken" => (404, "no_service".to_owned()),
        _ => (200, r#"{"errcode":310000,"errmsg":"sign not match: t0ken","code":19021,"msg":"t0ken"}"#.to_owned()),
    });
    scratch.write(
        "portcullis.yaml",
        "version: 1\nnotify:\n  - dingtalk: {url_env: DING, secret_env: KEY}\n  - feishu: {url_env: FEISHU, secret_file: key}\n  \
         - slack: {url_file: slack}\n  - slack: {url_env: NOT_THERE}\n",
    );
    scratch.write("key", "f00dKey\n");
    scratch.write("slack", &format!("{}/slack/t0ken\n", receiver.url));
    scratch.write("world.json", OPEN_WORLD);
    let output = scratch
        .command(&["scan", "--quiet", "--sandbox", "world.json", "-o", "json=report.json", "-o", "prometheus"])
        .env("DING", format!("{}/ding?access_token=t0ken", receiver.url))
        .env("FEISHU", format!("{}/feishu/t0ken", receiver.url))
        .env("KEY", "f00dKey")
        .output()
        .expect("the program starts");
    let run = Run::from(output);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let report: Value = crate::scratch::report(&scratch.read("report.json"));
    let told: Vec<(String, String, String)> = report["run"]["notifications"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
            (text("channel"), text("outcome"), text("error"))
        })
        .collect();
    let wanted = [
        ("dingtalk", "errcode 310000"),
        ("feishu", "code 19021"),
        ("slack", "404 (no_service)"),
        ("slack", "NOT_THERE"),
    ];
    assert_eq!(told.len(), wanted.len());
    for ((channel, outcome, error), (known, words)) in told.iter().zip(wanted) {
        assert_eq!((channel.as_str(), outcome.as_str()), (known, "failed"));
        assert!(error.contains(words), "{error}");
        assert!(run.stderr.contains(&format!("warning: {channel} was not told: ")), "{}", run.stderr);
    }
    assert!(run.stdout.contains("portcullis_notifications{channel=\"slack\",outcome=\"failed\"} 2"), "{}", run.stdout);
    for text in [&run.stdout, &run.stderr, &report.to_string()] {
        assert!(!text.contains("t0ken") && !text.contains("f00dKey"), "a secret was printed: {text}");
    }
    let count = |target: &str| {
        receiver.received.lock().expect("no panic").iter().filter(|one| one.target.starts_with(target)).count()
    };
    assert_eq!((count("/ding"), count("/feishu"), count("/slack")), (3, 3, 1));
    assert_eq!(receiver.take().len(), 7);
    // What is rendered again is the run, not who was told of it.
    assert!(scratch.expect(0, &["report", "-o", "json"]).json()["run"]["notifications"].is_null());
}

/// What somebody called a cluster.
const NAME: &str = "shop-front";

#[test]
fn chats_are_told_in_their_own_words() {
    let scratch = Scratch::new();
    let receiver = Receiver::new(|_, message| match message.target.split('?').next() {
        Some("/ding") => (200, r#"{"errcode":0,"errmsg":"ok"}"#.to_owned()),
        Some("/feishu") => (200, r#"{"StatusCode":0,"code":0,"msg":"success"}"#.to_owned()),
        _ => (200, "ok".to_owned()),
    });
    scratch.write(
        "portcullis.yaml",
        "version: 1\nnotify:\n  - {dingtalk: {url_env: DING, secret_env: KEY}, min_severity: high}\n  \
         - {feishu: {url_env: FEISHU}, on: [new], details: true}\n  - {slack: {url_env: SLACK}, on: [fixed]}\n",
    );
    let mut world: Value = serde_json::from_str(OPEN_WORLD).expect("JSON");
    world["accounts"][0]["cs"]["clusters"][0]["name"] = NAME.into();
    scratch.write("world.json", &world.to_string());
    let output = scratch
        .command(&["scan", "--sandbox", "world.json", "-o", "json"])
        .env("DING", format!("{}/ding?access_token=t0ken", receiver.url))
        .env("FEISHU", format!("{}/feishu", receiver.url))
        .env("SLACK", format!("{}/slack", receiver.url))
        .env("KEY", "f00dKey")
        .output()
        .expect("the program starts");
    let run = Run::from(output);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let report = run.json();
    let outcomes: Vec<&str> = report["run"]["notifications"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["outcome"].as_str())
        .collect();
    assert_eq!(outcomes, ["sent", "sent", "unchanged"]);
    let mut messages = receiver.take();
    messages.sort_by(|a, b| a.target.cmp(&b.target));
    let [ding, feishu] = messages.as_slice() else { panic!("{messages:?}") };
    assert!(ding.target.starts_with("/ding?access_token=t0ken&timestamp=") && ding.target.contains("&sign="));
    let text = ding.json()["markdown"]["text"].as_str().expect("text").to_owned();
    let id = report["findings"][0]["resource_id"].as_str().expect("an id");
    assert!(text.contains(id) && !text.contains(NAME), "ids only: {text}");
    assert!(feishu.body.contains(NAME) && feishu.json()["sign"].is_null(), "{}", feishu.body);
}

#[test]
fn without_memory_nothing_is_news() {
    let scratch = Scratch::new();
    let receiver = Receiver::willing();
    scratch.write("portcullis.yaml", WEBHOOK);
    let (run, report) = scan(&scratch, 1, OPEN_WORLD, &receiver.url, &["--no-store"]);
    assert_eq!(outcome(&report), "skipped");
    assert!(run.stderr.contains("webhook was not told: the run was not kept"), "{}", run.stderr);
    assert_eq!(receiver.take().len(), 0);
}

#[test]
fn an_older_snapshot_is_no_news() {
    let scratch = Scratch::new();
    let receiver = Receiver::willing();
    scratch.write("portcullis.yaml", WEBHOOK);
    scan(&scratch, 1, OPEN_WORLD, &receiver.url, &["--save", "old.snapshot", "--no-store"]);
    scan(&scratch, 0, EMPTY_WORLD, &receiver.url, &[]);
    let output = scratch
        .command(&["scan", "--from", "old.snapshot", "-o", "json"])
        .env("HOOK_URL", &receiver.url)
        .env("HOOK_KEY", "f00dKey")
        .output()
        .expect("the program starts");
    let run = Run::from(output);
    assert_eq!(outcome(&run.json()), "skipped", "{}", run.stderr);
    assert_eq!(receiver.take().len(), 0);
}

#[test]
fn doctor_says_whether_channels_can_be_used() {
    let scratch = Scratch::new();
    scratch.write(
        "portcullis.yaml",
        "version: 1\nnotify:\n  - webhook: {url_env: HOOK_URL, secret_env: HOOK_KEY}\n  - slack: {url_file: slack}\n",
    );
    let output = scratch
        .command(&["doctor", "--sandbox", "empty"])
        .env("HOOK_URL", "https://receiver.example.com/t0ken")
        .output()
        .expect("the program starts");
    let run = Run::from(output);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let lines: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with("Tells")).collect();
    assert_eq!(lines.len(), 2, "{}", run.stdout);
    assert!(
        lines[0].contains("address in the variable HOOK_URL, key missing: the variable HOOK_KEY is not set"),
        "{lines:?}"
    );
    assert!(lines[1].contains("slack cannot be read"), "{lines:?}");
    assert!(!run.stdout.contains("t0ken"));
    let settings = scratch.expect(0, &["doctor", "--config"]).stdout;
    assert!(
        settings.contains("webhook (address from the variable HOOK_URL, key from the variable HOOK_KEY)"),
        "{settings}"
    );
}
