//! What is news, and what becomes of it on the way, over small hand-made runs and a network of functions.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeZone, Utc};
use data_encoding::BASE64;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    cloud::context::{
        Clock, Context, Env, Files, HeaderText, Http, HttpError, HttpRequest, HttpResponse, Programs, Random,
    },
    findings::{Finding, FindingStatus, Run, RunHeader, RunVerdict, Subject, fingerprint},
    model::{Caller, Coverage, EndpointKind, Gap, Judgements, ResourceKind, Severity, Shared, Text, Unit, UnitState},
};

const ACCOUNT: &str = "1000000000000001";
const REGION: &str = "cn-hangzhou";

fn at(day: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, day, 6, 0, 0).single().expect("a day")
}

fn finding(resource: &str, severity: Severity, status: FindingStatus) -> Finding {
    let subject = Subject {
        account_id: ACCOUNT.into(),
        region_id: REGION.into(),
        resource_kind: ResourceKind::Cluster,
        resource_id: resource.to_owned(),
        endpoint_kind: Some(EndpointKind::ClusterApiServer),
    };
    Finding {
        fingerprint: fingerprint("open", &subject),
        rule_id: "open".to_owned(),
        title: Text::default(),
        severity,
        status,
        subject,
        resource_name: "shop".to_owned(),
        message: "Anyone can walk in.".to_owned(),
        evidence: Vec::new(),
        remedy: Text::default(),
        references: Shared::default(),
        controls: Shared::default(),
        first_seen: None,
        waiver: None,
        about_coverage: false,
        baselined: false,
        outgrown: false,
        decisions: Vec::new(),
    }
}

/// A run of one day over one region, all of which was read.
fn run(day: u32, findings: Vec<Finding>) -> Run {
    let mut coverage = Coverage::default();
    coverage.scanned(unit(REGION));
    Run {
        header: RunHeader {
            id: format!("run-{day}"),
            started_at: at(day),
            finished_at: at(day),
            tool_version: "0.0.0".to_owned(),
            exit_code: 1,
            caller: vec![Caller { account_id: ACCOUNT.into(), arn: format!("acs:ram::{ACCOUNT}:user/audit") }],
            api_calls: 1,
            retries: 0,
            snapshot_digest: String::new(),
            rules_digest: String::new(),
            rules: BTreeSet::from(["open".to_owned()]),
            grounds: Default::default(),
            fail_on: None,
            policy: None,
            tool_digest: None,
            clock_offset_ms: None,
            replies: Vec::new(),
            interrupted: false,
        },
        verdict: RunVerdict::Fail,
        judgements: Judgements::default(),
        findings,
        coverage,
    }
}

fn unit(region: &str) -> Unit {
    Unit::new(&ACCOUNT.into(), &region.into(), "cs", "DescribeClustersV1", "")
}

/// As a run that could not read its region.
fn blind(mut run: Run) -> Run {
    run.coverage.gap(Gap {
        unit: unit(REGION),
        state: UnitState::Failed,
        code: "timeout".to_owned(),
        message: String::new(),
        request_id: String::new(),
    });
    run
}

/// As a run that had another region to read.
fn elsewhere(mut run: Run) -> Run {
    run.coverage = Coverage::default();
    run.coverage.scanned(unit("cn-beijing"));
    run
}

/// What one run says of the one finding there is.
#[derive(Clone, Copy)]
enum Said {
    Open(Severity),
    /// Part of the starting point.
    Known,
    /// The starting point had it, and it is worse now.
    Grown(Severity),
    Waived,
    Undecided,
    Absent,
    Unread,
    Elsewhere,
}
use Said::{Absent, Elsewhere, Grown, Known, Open, Undecided, Unread, Waived};

/// What is told of a finding by the last of these runs, which are in the order of time, with what a store would
/// remember of it.
fn told(story: &[Said]) -> Option<&'static str> {
    let with = |severity, status| vec![finding("c1", severity, status)];
    let mut runs: Vec<Run> = (1..)
        .zip(story)
        .map(|(day, said)| match said {
            Open(severity) => run(day, with(*severity, FindingStatus::Open)),
            Known => run(day, vec![Finding { baselined: true, ..finding("c1", Severity::High, FindingStatus::Open) }]),
            Grown(severity) => {
                run(day, vec![Finding { outgrown: true, ..finding("c1", *severity, FindingStatus::Open) }])
            }
            Waived => run(day, with(Severity::High, FindingStatus::Waived)),
            Undecided => blind(run(day, with(Severity::High, FindingStatus::Unknown))),
            Absent => run(day, Vec::new()),
            Unread => blind(run(day, Vec::new())),
            Elsewhere => elsewhere(run(day, Vec::new())),
        })
        .collect();
    let first = runs.iter().find(|run| !run.findings.is_empty()).map(|run| run.header.started_at);
    for finding in runs.iter_mut().flat_map(|run| &mut run.findings) {
        finding.first_seen = first;
    }
    // Remembered as found again: there now, and not in the last run before that looked.
    let had = |said: &Said| matches!(said, Open(_) | Known | Grown(_) | Waived | Undecided);
    let looked = story.iter().rev().skip(1).find(|said| !matches!(said, Unread | Elsewhere));
    let back = had(story.last().expect("a run")) && looked.is_some_and(|said| !had(said)) && {
        story.iter().rev().skip(1).any(had)
    };
    let reopened = if back {
        BTreeSet::from([finding("c1", Severity::High, FindingStatus::Open).fingerprint])
    } else {
        BTreeSet::new()
    };
    let now = runs.pop().expect("a run");
    runs.reverse();
    let changes = changes(&now, &runs, &reopened);
    assert!(changes.len() <= 1);
    changes.first().map(|change| change.kind.as_str())
}

#[test]
fn what_is_news_is_told_once() {
    let (high, low, grown) = (Open(Severity::High), Open(Severity::Low), Grown(Severity::High));
    let stories: &[(&[Said], Option<&str>)] = &[
        // There, and still there.
        (&[high], Some("new")),
        (&[high, high], None),
        (&[Absent, high], Some("new")),
        // Gone, and back.
        (&[high, Absent], Some("fixed")),
        (&[high, Absent, Absent], None),
        (&[high, Absent, high], Some("reopened")),
        (&[high, Absent, high, high], None),
        (&[high, Waived], None),
        (&[Waived, high], Some("reopened")),
        (&[Waived, Absent], None),
        // Worse, and better.
        (&[low, high], Some("worse")),
        (&[low, high, high], None),
        (&[high, low], None),
        (&[low, Unread, high], Some("worse")),
        // Worse than in the starting point, whatever the runs between said, and however bad it is called.
        (&[Known], None),
        (&[high, Known], None),
        (&[high, Known, grown], Some("worse")),
        (&[Known, grown], Some("worse")),
        (&[Known, Grown(Severity::Low)], Some("worse")),
        (&[Known, Unread, grown], Some("worse")),
        (&[high, grown], Some("worse")),
        (&[grown], Some("worse")),
        (&[Unread, grown], Some("worse")),
        (&[Known, grown, grown], None),
        (&[Known, grown, Unread, grown], None),
        (&[Known, Grown(Severity::Low), grown], Some("worse")),
        // Gone and back.
        (&[Known, Absent, grown], Some("reopened")),
        (&[Waived, grown], Some("reopened")),
        // Not read for a run or two: what was known before stands.
        (&[high, Unread], None),
        (&[high, Unread, high], None),
        (&[high, Unread, Absent], Some("fixed")),
        (&[high, Unread, Unread], None),
        (&[high, Undecided, high], None),
        // For the third time.
        (&[high, Unread, Unread, Unread], Some("unknown")),
        (&[high, Unread, Unread, Unread, Unread], None),
        (&[high, Undecided, Unread, Undecided], Some("unknown")),
        (&[Undecided], None),
        (&[Undecided, Undecided], None),
        (&[Undecided, Undecided, Undecided], Some("unknown")),
        (&[Absent, Undecided, Undecided, Undecided], Some("unknown")),
        (&[Undecided, Undecided, Undecided, Undecided], None),
        (&[Waived, Unread, Unread, Unread], None),
        // What was told of as unknown, or feared, and is now certain.
        (&[high, Unread, Unread, Unread, high], Some("worse")),
        (&[Undecided, high], Some("worse")),
        (&[Undecided, Undecided, Undecided, Absent], Some("fixed")),
        // Feared for a moment, and nobody was told.
        (&[Undecided, Absent], None),
        (&[Absent, Undecided, Absent], None),
        // A region that was not read before anybody knew of the finding is no doubt about it.
        (&[Unread, Unread, Undecided], None),
        (&[Unread, high], Some("new")),
        // Another scope says nothing.
        (&[high, Elsewhere], None),
        (&[high, Elsewhere, high], None),
        (&[high, Elsewhere, Absent], Some("fixed")),
        (&[high, Elsewhere, Elsewhere, Elsewhere, high], None),
        // However many runs over another scope come between.
        (&[high, Elsewhere, Elsewhere, Elsewhere, Absent], Some("fixed")),
        (&[Waived, Elsewhere, Elsewhere, Elsewhere, high], Some("reopened")),
        (&[low, Elsewhere, Elsewhere, Elsewhere, Elsewhere, high], Some("worse")),
        (&[high, Unread, Elsewhere, Elsewhere, Elsewhere, Unread, Unread], Some("unknown")),
        // Part of the starting point: known, and not news until it goes or becomes worse.
        (&[high, Known], None),
        (&[Known, Known], None),
        (&[Known, high], None),
        (&[Known, Grown(Severity::High)], Some("worse")),
        (&[Known, Absent], Some("fixed")),
        (&[Known, Absent, high], Some("reopened")),
    ];
    for (number, (story, wanted)) in stories.iter().enumerate() {
        assert_eq!(told(story), *wanted, "story {number}");
    }
}

#[test]
fn a_disabled_rule_repairs_nothing_and_a_snapshot_judged_twice_is_no_news() {
    let mut seen = finding("c1", Severity::High, FindingStatus::Open);
    seen.first_seen = Some(at(1));
    let mut without = run(2, Vec::new());
    without.header.rules = BTreeSet::from(["other".to_owned()]);
    assert_eq!(changes(&without, &[run(1, vec![seen.clone()])], &BTreeSet::new()), []);
    let reopened = BTreeSet::from([seen.fingerprint.clone()]);
    assert_eq!(changes(&run(1, vec![seen.clone()]), &[run(1, vec![seen])], &reopened), []);
}

/// Two runs at once: the one that began first is saved last, and each saw something that the other one did not.
#[test]
fn what_only_one_of_two_overlapping_runs_saw_is_told_once() {
    let of = |resource: &str, first_seen| {
        let mut finding = finding(resource, Severity::Critical, FindingStatus::Open);
        finding.first_seen = Some(first_seen);
        finding
    };
    let (late, early) = (of("late", at(1)), of("early", at(2)));
    let second = run(2, vec![early.clone()]);
    let first = run(1, vec![late.clone()]);
    let told = |run: &Run, earlier: &[Run]| -> Vec<(Kind, String)> {
        let changes = changes(run, earlier, &BTreeSet::new());
        let named = changes.iter().map(|change| (change.kind, change.finding.subject.resource_id.clone()));
        named.collect::<BTreeSet<_>>().into_iter().collect()
    };
    assert_eq!(told(&second, &[]), [(Kind::New, "early".to_owned())]);
    assert_eq!(told(&first, std::slice::from_ref(&second)), [(Kind::New, "late".to_owned())]);
    assert_eq!(told(&run(3, vec![early, late]), &[first.clone(), second.clone()]), []);
    let fixed = told(&run(3, Vec::new()), &[first, second]);
    assert_eq!(fixed, [(Kind::Fixed, "early".to_owned()), (Kind::Fixed, "late".to_owned())]);
}

#[test]
fn runs_over_less_do_not_count_as_wide() {
    let wide = |regions: &[&str]| {
        let mut run = run(1, Vec::new());
        regions.iter().for_each(|region| run.coverage.scanned(unit(region)));
        run
    };
    let both = wide(&["cn-beijing"]);
    assert!(looked_as_wide(&both, &both) && looked_as_wide(&both, &wide(&[])) && !looked_as_wide(&wide(&[]), &both));
    assert!(looked_as_wide(&blind(both.clone()), &both), "it meant to look");
}

#[test]
fn what_is_to_be_done_about_a_waiver_is_told_whatever_the_threshold() {
    let mut soon = finding("w-1", Severity::Info, FindingStatus::Open);
    soon.subject.resource_kind = ResourceKind::Waiver;
    soon.subject.endpoint_kind = None;
    let quiet = finding("c1", Severity::Info, FindingStatus::Open);
    let only = Settings { min_severity: Severity::High, ..settings(Channel::Slack) };
    let told =
        |finding| tell_of(&only, &run(1, vec![finding]), &[], Reach::Everybody, |_| taken(Channel::Slack)).outcome;
    assert_eq!(told(soon), Outcome::Sent);
    assert_eq!(told(quiet), Outcome::Unchanged);
}

#[test]
fn the_worst_comes_first_and_what_is_gone_last() {
    let status = FindingStatus::Open;
    let old = run(1, vec![finding("gone", Severity::Critical, status)]);
    let now = run(2, vec![finding("low", Severity::Low, status), finding("high", Severity::High, status)]);
    let order: Vec<(Kind, &str)> = changes(&now, std::slice::from_ref(&old), &BTreeSet::new())
        .iter()
        .map(|change| (change.kind, change.finding.subject.resource_id.as_str()))
        .collect();
    assert_eq!(order, [(Kind::New, "high"), (Kind::New, "low"), (Kind::Fixed, "gone")]);
}

/// A network, a clock, variables and chance of a test's own.
struct World<F> {
    answer: F,
    sent: Mutex<Vec<HttpRequest>>,
    slept: Mutex<Vec<Duration>>,
}

type Answer = Result<HttpResponse, HttpError>;

impl<F: Fn(usize) -> Answer + Send + Sync> Http for World<F> {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Answer> {
        let mut sent = self.sent.lock().expect("no panic");
        let answer = (self.answer)(sent.len());
        sent.push(request);
        Box::pin(async { answer })
    }
}

impl<F: Fn(usize) -> Answer + Send + Sync> Clock for World<F> {
    /// A second later at every pause.
    fn now(&self) -> DateTime<Utc> {
        let pauses = self.slept.lock().expect("no panic").len();
        at(20) + Duration::from_secs(u64::try_from(pauses).expect("few"))
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.slept.lock().expect("no panic").push(duration);
        Box::pin(async {})
    }
}

/// What is where: the address of each channel, and one key.
struct Place;

const URLS: [(&str, &str); 4] = [
    ("DINGTALK_URL", "https://oapi.dingtalk.com/robot/send?access_token=t0ken"),
    ("FEISHU_URL", "https://open.feishu.cn/open-apis/bot/v2/hook/t0ken"),
    ("SLACK_URL", "https://hooks.slack.com/services/T/B/t0ken"),
    ("WEBHOOK_URL", "https://receiver.example.com/t0ken"),
];

const KEY: &str = "f00dKey";

impl Env for Place {
    fn var(&self, name: &str) -> Option<String> {
        let url = URLS.into_iter().find(|(known, _)| *known == name);
        url.map(|(_, url)| url.to_owned()).or_else(|| (name == "KEY").then(|| KEY.to_owned()))
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }
}

impl Files for Place {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str() {
            Some("/run/secrets/key") => Ok(b"f00dKey\n".to_vec()),
            Some("/run/secrets/two-lines") => Ok(b"f00d\nKey\n".to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

impl Programs for Place {
    fn run<'a>(&'a self, _: &'a str, _: &'a [String], _: Duration) -> BoxFuture<'a, io::Result<Vec<u8>>> {
        Box::pin(async { Err(io::ErrorKind::NotFound.into()) })
    }
}

impl Random for Place {
    fn bits(&self) -> u64 {
        0
    }
}

fn variable(name: &str) -> SecretSource {
    SecretSource::Variable(name.to_owned())
}

fn settings(channel: Channel) -> Settings {
    Settings {
        channel,
        address: variable(&format!("{}_URL", channel.as_str().to_uppercase())),
        key: (channel != Channel::Slack).then(|| variable("KEY")),
        min_severity: Severity::Low,
        on: Kind::ALL.into(),
        details: false,
    }
}

fn reply(status: u16, body: &str) -> Answer {
    Ok(HttpResponse { status, headers: Vec::new(), body: body.into() })
}

/// What a channel answers to a message that it takes.
fn taken(channel: Channel) -> Answer {
    match channel {
        Channel::DingTalk => reply(200, r#"{"errcode":0,"errmsg":"ok"}"#),
        Channel::Feishu => reply(200, r#"{"code":0,"msg":"success","data":{}}"#),
        Channel::Slack => reply(200, "ok"),
        Channel::Webhook => reply(204, ""),
    }
}

/// What came of one channel, what was sent and how long was waited.
struct Told {
    outcome: Outcome,
    sent: Vec<HttpRequest>,
    slept: Vec<Duration>,
}

impl Told {
    fn body(&self, number: usize) -> serde_json::Value {
        serde_json::from_slice(&self.sent[number].body).expect("JSON")
    }

    fn header(&self, number: usize, name: &str) -> String {
        let found = self.sent[number].headers.iter().find(|(known, _)| *known == name);
        match found {
            Some((_, HeaderText::Plain(text))) => text.clone(),
            Some((_, HeaderText::Sensitive(text))) => secrecy::ExposeSecret::expose_secret(text).to_owned(),
            None => panic!("no header {name}"),
        }
    }
}

fn tell_of(
    settings: &Settings,
    now: &Run,
    earlier: &[Run],
    reach: Reach,
    answer: impl Fn(usize) -> Answer + Send + Sync + 'static,
) -> Told {
    let world = Arc::new(World { answer, sent: Mutex::default(), slept: Mutex::default() });
    let place = Arc::new(Place);
    let context = Context {
        http: world.clone(),
        clock: world.clone(),
        env: place.clone(),
        files: place.clone(),
        programs: place.clone(),
        random: place,
    };
    let changes = changes(now, earlier, &BTreeSet::new());
    let stop = CancellationToken::new();
    let told = tell(&context, std::slice::from_ref(settings), now, &changes, reach, &stop);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut told = runtime.block_on(told);
    assert_eq!(told.len(), 1);
    drop(context);
    let world = Arc::into_inner(world).expect("nobody else has it");
    Told {
        outcome: told.remove(0).outcome,
        sent: world.sent.into_inner().expect("no panic"),
        slept: world.slept.into_inner().expect("no panic"),
    }
}

/// A run with one new finding.
fn news() -> Run {
    run(1, vec![finding("c1", Severity::High, FindingStatus::Open)])
}

fn tell_news(settings: &Settings, answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Told {
    tell_of(settings, &news(), &[], Reach::Everybody, answer)
}

#[test]
fn every_channel_takes_one_message() {
    for channel in Channel::ALL {
        let told = tell_news(&settings(channel), move |_| taken(channel));
        assert_eq!(told.outcome, Outcome::Sent, "{channel}");
        assert_eq!((told.sent.len(), told.slept.len()), (1, 0), "{channel}");
        assert_eq!(told.sent[0].deadline, Some(Duration::from_secs(10)), "{channel}");
        let text = String::from_utf8(told.sent[0].body.clone()).expect("UTF-8");
        for wanted in ["open", "c1/cluster-api-server", "run-1"] {
            assert!(text.contains(wanted), "{channel}: {wanted}: {text}");
        }
        for unwanted in ["t0ken", KEY, "shop", "walk in"] {
            assert!(!text.contains(unwanted), "{channel}: {unwanted}: {text}");
        }
        let detailed = Settings { details: true, ..settings(channel) };
        let told = tell_news(&detailed, move |_| taken(channel));
        let text = String::from_utf8(told.sent[0].body.clone()).expect("UTF-8");
        assert!(text.contains("shop") && text.contains("walk in"), "{channel}: {text}");
    }
}

#[test]
fn nothing_is_sent_where_nothing_that_was_asked_for_has_changed() {
    let mut seen = finding("c1", Severity::High, FindingStatus::Open);
    seen.first_seen = Some(at(1));
    let (old, now) = (run(1, vec![seen.clone()]), run(2, vec![seen]));
    let quiet = |settings: &Settings, now: &Run, earlier: &[Run]| {
        let told = tell_of(settings, now, earlier, Reach::Everybody, |_| panic!("nothing may be sent"));
        assert_eq!(told.outcome, Outcome::Unchanged);
    };
    quiet(&settings(Channel::Slack), &now, &[old]);
    quiet(&Settings { min_severity: Severity::Critical, ..settings(Channel::Slack) }, &news(), &[]);
    quiet(&Settings { on: BTreeSet::from([Kind::Fixed]), ..settings(Channel::Slack) }, &news(), &[]);
}

#[test]
fn what_can_pass_is_tried_again_and_what_cannot_is_not() {
    type Broken = fn() -> Answer;
    let cases: &[(Channel, Broken, usize, &str)] = &[
        (Channel::Webhook, || reply(500, "oops"), 3, "status 500"),
        (Channel::Webhook, || reply(429, ""), 3, "status 429"),
        (Channel::Webhook, || reply(404, "t0ken"), 1, "status 404"),
        (Channel::Webhook, || reply(302, ""), 1, "status 302"),
        (Channel::Slack, || reply(403, "invalid_token"), 1, "status 403 (invalid_token)"),
        (Channel::Slack, || reply(403, "<b>t0ken</b>"), 1, "status 403 (1 try)"),
        (Channel::Slack, || reply(200, "no_service"), 3, "no_service"),
        (Channel::DingTalk, || reply(200, r#"{"errcode":310000,"errmsg":"sign t0ken"}"#), 3, "errcode 310000"),
        (Channel::DingTalk, || reply(200, "<html>"), 3, "none that the service gives"),
        (Channel::Feishu, || reply(200, r#"{"code":19021,"msg":"sign t0ken"}"#), 3, "code 19021"),
        (Channel::Webhook, || Err(HttpError::Timeout { phase: "call", limit: Duration::from_secs(10) }), 3, "in time"),
        (Channel::Webhook, || Err(HttpError::Reset { reason: "t0ken".into() }), 3, "broke"),
        (
            Channel::Webhook,
            || Err(HttpError::Connect { host: "t0ken.example.com".into(), reason: "t0ken".into() }),
            3,
            "no connection",
        ),
        (Channel::Webhook, || Err(HttpError::Tls { host: "t0ken".into(), reason: "t0ken".into() }), 1, "TLS"),
        (Channel::Webhook, || Err(HttpError::UnknownHost { host: "t0ken".into() }), 1, "does not exist"),
    ];
    for (channel, answer, tries, words) in cases {
        let answer = *answer;
        let told = tell_news(&settings(*channel), move |_| answer());
        let Outcome::Failed(reason) = &told.outcome else { panic!("{channel} {words}: {:?}", told.outcome) };
        assert!(reason.contains(words), "{channel}: {reason}");
        assert!(!reason.contains("t0ken") && !reason.contains(KEY), "{channel}: {reason}");
        assert_eq!((told.sent.len(), told.slept.len()), (*tries, tries - 1), "{channel}: {reason}");
        let limits = [Duration::from_millis(500), Duration::from_millis(2000)];
        for (slept, least) in told.slept.iter().zip(limits) {
            assert!(*slept >= least && *slept <= least * 2, "{channel}: {:?}", told.slept);
        }
    }
}

#[test]
fn a_message_that_is_taken_in_the_end_was_sent() {
    for channel in Channel::ALL {
        let told = tell_news(&settings(channel), move |number| match number {
            0 => reply(503, ""),
            1 => Err(HttpError::ResetMidBody { reason: String::new() }),
            _ => taken(channel),
        });
        assert_eq!((&told.outcome, told.sent.len()), (&Outcome::Sent, 3), "{channel}");
    }
}

#[test]
fn a_receiver_that_names_a_time_is_left_alone_until_then_or_for_good() {
    let busy = |seconds: &'static str| {
        tell_news(&settings(Channel::Slack), move |number| match number {
            0 => Ok(HttpResponse {
                status: 429,
                headers: vec![("retry-after".to_owned(), seconds.to_owned())],
                body: Vec::new(),
            }),
            _ => taken(Channel::Slack),
        })
    };
    let told = busy("7");
    assert_eq!((told.outcome, told.slept), (Outcome::Sent, vec![Duration::from_secs(7)]));
    let told = busy("3600");
    assert_eq!((told.sent.len(), told.slept.len()), (1, 0));
    assert!(matches!(told.outcome, Outcome::Failed(_)));
}

#[test]
fn every_try_is_signed_afresh() {
    // Independent of what is sent: the key as hex, the text as the vendors describe it.
    let code = |key: &[u8], text: &str| {
        use hmac::{KeyInit, Mac};
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(key).expect("a key");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes()
    };
    let twice = |channel: Channel| {
        tell_news(&settings(channel), move |number| if number == 0 { reply(500, "") } else { taken(channel) })
    };
    let seconds = at(20).timestamp();

    let told = twice(Channel::DingTalk);
    for (number, seconds) in [(0, seconds), (1, seconds + 1)] {
        let time = seconds * 1000;
        let sign = BASE64.encode(&code(KEY.as_bytes(), &format!("{time}\n{KEY}")));
        let sign = sign.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let wanted = format!("https://oapi.dingtalk.com/robot/send?access_token=t0ken&timestamp={time}&sign={sign}");
        assert_eq!(told.sent[number].url, wanted);
    }

    let told = twice(Channel::Feishu);
    for (number, seconds) in [(0, seconds), (1, seconds + 1)] {
        let body = told.body(number);
        assert_eq!(body["timestamp"], seconds.to_string());
        assert_eq!(body["sign"], BASE64.encode(&code(format!("{seconds}\n{KEY}").as_bytes(), "")));
    }
    let unsigned = tell_news(&Settings { key: None, ..settings(Channel::Feishu) }, |_| taken(Channel::Feishu));
    assert_eq!(unsigned.outcome, Outcome::Sent);
    assert!(unsigned.body(0)["sign"].is_null());

    let told = twice(Channel::Webhook);
    for (number, seconds) in [(0, seconds), (1, seconds + 1)] {
        let body = String::from_utf8(told.sent[number].body.clone()).expect("UTF-8");
        let wanted = data_encoding::HEXLOWER.encode(&code(KEY.as_bytes(), &format!("{seconds}.{body}")));
        assert_eq!(told.header(number, "x-portcullis-timestamp"), seconds.to_string());
        assert_eq!(told.header(number, "x-portcullis-signature"), format!("sha256={wanted}"));
    }
    assert_eq!(told.sent[0].body, told.sent[1].body, "one delivery, whatever the number of tries");
    let body = told.body(0);
    assert_eq!(body["schema"], "portcullis.notification/v1");
    assert_eq!((&body["delivery"], &body["run"]["accounts"][0]), (&"run-1".into(), &ACCOUNT.into()));
    assert_eq!((&body["counts"]["new"], &body["counts"]["fixed"], &body["omitted"]), (&1.into(), &0.into(), &0.into()));
    assert_eq!(body["changes"][0]["endpoint_id"], format!("{ACCOUNT}/{REGION}/cluster/c1/cluster-api-server"));
    assert!(body["changes"][0]["resource_name"].is_null());
}

#[test]
fn hostile_names_do_nothing_in_any_channel() {
    const HOSTILE: &str = "<!channel> <at user_id=\"all\"></at> @all [here](https://evil.example) ![x](http://evil.example) \
                           *b* `c` \u{1b}[2J\n# forged\u{202e}";
    let mut bad = finding(HOSTILE, Severity::High, FindingStatus::Open);
    bad.resource_name = HOSTILE.to_owned();
    bad.message = format!("Reachable: {HOSTILE}");
    bad.rule_id = format!("mine{HOSTILE}");
    let now = run(1, vec![bad]);
    for channel in Channel::ALL {
        let settings = Settings { details: true, ..settings(channel) };
        let told = tell_of(&settings, &now, &[], Reach::Everybody, move |_| taken(channel));
        assert_eq!(told.outcome, Outcome::Sent);
        let body = told.body(0);
        let text = match channel {
            Channel::DingTalk => body["markdown"]["text"].as_str().expect("text").to_owned(),
            Channel::Feishu => {
                let paragraphs = &body["content"]["post"]["en_us"]["content"];
                let paragraphs = paragraphs.as_array().expect("a list");
                assert!(
                    paragraphs.iter().all(|one| one[0]["tag"] == "text" && one.as_array().map(Vec::len) == Some(1))
                );
                paragraphs.iter().map(|one| one[0]["text"].as_str().expect("text")).collect::<Vec<_>>().join("\n")
            }
            Channel::Slack => body["text"].as_str().expect("text").to_owned(),
            Channel::Webhook => {
                // Exact for machines; whoever looks at the bytes is safe all the same.
                assert_eq!(body["changes"][0]["resource_name"], HOSTILE);
                let bytes = String::from_utf8(told.sent[0].body.clone()).expect("UTF-8");
                assert!(bytes.is_ascii() && !bytes.contains('\n') && !bytes.contains('\u{1b}'), "{bytes}");
                continue;
            }
        };
        assert!(!text.contains("://"), "{channel}: {text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{channel}: {text}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("# forged")), "{channel}: {text}");
        let (text, acts) = match channel {
            // What stands behind a backslash is text; the first four are the heading's own.
            Channel::DingTalk => (without_escapes(&text).replacen("#### ", "", 1), "`*_[]()<>#!|~@"),
            Channel::Feishu | Channel::Slack => (text, "<>"),
            Channel::Webhook => unreachable!("told apart above"),
        };
        assert!(!text.contains(|c| acts.contains(c)), "{channel}: {text}");
    }
}

/// Without the characters that are escaped, and what escapes them.
fn without_escapes(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c == '\\' {
            characters.next();
        } else {
            out.push(c);
        }
    }
    out
}

#[test]
fn a_flood_is_one_message_of_a_size_that_is_taken() {
    let wide = "生".repeat(500);
    let findings = (0..3000)
        .map(|number| {
            let mut one = finding(&format!("c{number}"), Severity::High, FindingStatus::Open);
            one.resource_name.clone_from(&wide);
            one.message = "*".repeat(5000);
            one
        })
        .collect();
    let now = run(1, findings);
    for channel in Channel::ALL {
        let settings = Settings { details: true, ..settings(channel) };
        let told = tell_of(&settings, &now, &[], Reach::Everybody, move |_| taken(channel));
        assert_eq!((&told.outcome, told.sent.len()), (&Outcome::Sent, 1));
        let (size, text) = (told.sent[0].body.len(), told.body(0).to_string());
        match channel {
            Channel::Webhook => {
                assert_eq!(told.body(0)["changes"].as_array().map(Vec::len), Some(200));
                assert_eq!(told.body(0)["omitted"], 2800);
            }
            // DingTalk and Feishu refuse bodies beyond 20 kB.
            _ => {
                assert!(size < 20_000 && text.contains("3000 new") && text.contains("more: portcullis diff"), "{size}")
            }
        }
    }
}

#[test]
fn a_channel_that_cannot_be_used_says_so_also_where_nothing_changed() {
    let quiet = run(1, Vec::new());
    let failed = |settings: Settings| {
        let told = tell_of(&settings, &quiet, &[], Reach::Everybody, |_| panic!("nothing may be sent"));
        match told.outcome {
            Outcome::Failed(reason) => reason,
            other => panic!("{other:?}"),
        }
    };
    let dingtalk = settings(Channel::DingTalk);
    let with_key = |path: &str| Settings { key: Some(SecretSource::File(path.into())), ..dingtalk.clone() };
    assert_eq!(
        failed(Settings { address: variable("NOT_THERE"), ..dingtalk.clone() }),
        "the variable NOT_THERE is not set"
    );
    assert!(failed(with_key("/run/secrets/none")).contains("/run/secrets/none cannot be read"));
    assert!(failed(with_key("/run/secrets/two-lines")).contains("one line of text"));
    assert!(failed(Settings { key: None, ..dingtalk.clone() }).contains("no key"));
    let reason = failed(Settings { address: variable("WEBHOOK_URL"), ..dingtalk.clone() });
    assert!(reason.contains("oapi.dingtalk.com") && !reason.contains("receiver"), "{reason}");
    let fine = tell_of(&with_key("/run/secrets/key"), &quiet, &[], Reach::Everybody, |_| panic!("nothing to tell"));
    assert_eq!(fine.outcome, Outcome::Unchanged);
}

#[test]
fn a_simulated_cloud_wakes_nobody() {
    let told = tell_of(&settings(Channel::Slack), &news(), &[], Reach::ThisMachine, |_| panic!("nothing may be sent"));
    assert!(matches!(told.outcome, Outcome::Skipped(_)), "{:?}", told.outcome);
}
