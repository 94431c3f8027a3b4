//! Every field of every reply, once missing and once of another type, and every call, refused in each way: a part is what
//! the world holds, or unread, and never a default.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use serde_json::{Value, json};

use super::{
    stage::{Setup, Stage, cluster_api_server, fence, pilot},
    world,
};
use crate::{
    cloud::context::{HeaderText, Http, HttpError, HttpRequest, HttpResponse},
    remediate::{Action, CloudTime, ForeignWrite, Kill, ReadFor, Reading, Readings, Slot, Unread, guard::Moment},
};

/// Paths of the fields of each operation's replies; elements of a list share theirs.
type Fields = BTreeMap<String, BTreeSet<String>>;

/// Stands before the network and remembers which fields came.
struct Recorder {
    inner: Arc<dyn Http>,
    seen: Arc<Mutex<Fields>>,
}

impl Http for Recorder {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let action = request.headers.iter().find_map(|(name, value)| match value {
            HeaderText::Plain(text) if *name == "x-acs-action" => Some(text.clone()),
            _ => None,
        });
        async move {
            let response = self.inner.send(request).await?;
            if let (200, Some(action)) = (response.status, action) {
                let body: Value = serde_json::from_slice(&response.body).unwrap();
                add_paths(&body, "", self.seen.lock().unwrap().entry(action).or_default());
            }
            Ok(response)
        }
        .boxed()
    }
}

fn add_paths(value: &Value, prefix: &str, paths: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| add_paths(item, prefix, paths)),
        Value::Object(fields) => {
            for (name, inner) in fields {
                let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                add_paths(inner, &path, paths);
                paths.insert(path);
            }
        }
        _ => {}
    }
}

fn cases() -> [(Setup, Action); 3] {
    [
        (Setup::of(world::quiet()), pilot()),
        (Setup::of(world::logged()), cluster_api_server()),
        (Setup::of(world::needed()), fence()),
    ]
}

/// The parts that are compared, in the order of [`values`].
const PARTS: [&str; 7] = ["target", "eip", "kill", "trail", "prepared", "proof", "policy"];

/// Parts that hold what the world holds, or are unread. The others are made of many reads, say what they lack, and are told
/// by the guards.
const PLAIN: usize = 5;

/// The parts in which something is taken for granted that was not read: another value, and no guard that minds.
fn defaults(readings: &Readings, expected: &[Option<String>; 7], passes: bool) -> Vec<&'static str> {
    let read = values(readings);
    let differs = |(read, expected): (&Option<String>, &Option<String>)| read.is_some() && read != expected;
    let wrong = read
        .iter()
        .zip(expected)
        .map(differs)
        .enumerate()
        .filter(|(place, wrong)| *wrong && (passes || *place < PLAIN));
    wrong.filter_map(|(place, _)| PARTS.get(place).copied()).collect()
}

/// What was read, without when.
fn values(readings: &Readings) -> [Option<String>; 7] {
    fn value<T: std::fmt::Debug>(reading: &Reading<T>) -> Option<String> {
        reading.as_ref().ok().map(|seen| format!("{:?}", seen.value))
    }
    let mut proof = readings.proof.clone();
    if let Ok(proof) = &mut proof {
        // Hours of logs move on, and so do times.
        (proof.value.scanned_at, proof.value.digest) = Default::default();
        proof.value.ledger = Default::default();
    }
    let mut policy = readings.policy.clone();
    if let Ok(policy) = &mut policy {
        policy.value.windows.clear();
    }
    let mut target = readings.target.clone();
    if let Ok(target) = &mut target {
        // Whatever a listener is set to is compared with what it was set to before, one that is missing as well.
        target.value.settings = None;
    }
    [
        value(&target),
        value(&readings.eip),
        value(&readings.kill),
        value(
            &readings.trail.clone().map(|seen| crate::remediate::Seen { value: seen.value.foreign, asked: seen.asked }),
        ),
        value(&readings.prepared),
        value(&proof),
        value(&policy),
    ]
}

/// An empty list is left out on the wire, and so is a tag's empty value: of the EIP's tags, that they are not there says that
/// there are none.
const EMPTY: [&str; 3] =
    ["EipAddresses.EipAddress.Tags", "EipAddresses.EipAddress.Tags.Tag", "EipAddresses.EipAddress.Tags.Tag.Value"];

/// What is read of a reply that lacks the field must be what the world holds, or nothing. A twentieth
/// of all are tried, another with each number that `FIELDS` is set to; `FIELDS=all` tries them all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_is_missing_or_of_another_type_is_never_a_default() {
    let asked = std::env::var("FIELDS").unwrap_or_default();
    let chosen = (asked != "all").then(|| asked.parse::<usize>().unwrap_or_default());
    let (mut wrong, mut tried_in_all) = (Vec::new(), 0);
    for (setup, action) in cases() {
        let seen = Arc::new(Mutex::new(Fields::new()));
        let recorded = seen.clone();
        let calm = Stage::through(setup.clone(), |inner| Arc::new(Recorder { inner, seen: recorded }));
        let readings = calm.read(ReadFor::Recheck, &action).await;
        assert_eq!(calm.judge(&readings, &action, Moment::Signing), Ok(()));
        let expected = values(&readings);
        let fields = std::mem::take(&mut *seen.lock().unwrap());
        assert!(fields.len() > 8, "{:?}", fields.keys());
        let tries: Vec<(String, String, &str)> = fields
            .iter()
            .flat_map(|(action, paths)| paths.iter().map(move |path| (action.clone(), path.clone())))
            .flat_map(|(action, path)| ["missing-field", "wrong-type"].map(|kind| (action.clone(), path.clone(), kind)))
            .filter(|(_, path, kind)| *kind != "missing-field" || !EMPTY.contains(&path.as_str()))
            .enumerate()
            .filter(|(place, _)| chosen.is_none_or(|chosen| place % 20 == chosen % 20))
            .map(|(_, one)| one)
            .collect();
        tried_in_all += tries.len();
        let (setup, action, expected) = (&setup, &action, &expected);
        let tried = stream::iter(tries).map(|(operation, path, kind)| async move {
            let stage = Stage::new(setup.clone().fault(&operation, kind, json!({"field": path})));
            let readings = stage.read(ReadFor::Recheck, action).await;
            let passes = stage.judge(&readings, action, Moment::Signing).is_ok();
            // What is unread is no other value; whether it may be unread is for the guards.
            let wrong = defaults(&readings, expected, passes);
            (!wrong.is_empty()).then(|| format!("{operation} {path} {kind}: {wrong:?}: {:#?}", values(&readings)))
        });
        let found: Vec<String> = tried.buffer_unordered(4).filter_map(|wrong| async { wrong }).collect().await;
        wrong.extend(found.into_iter().map(|one| format!("{:?} {one}", action.target.endpoint)));
    }
    println!("{tried_in_all} spoilt fields");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a careless reader would have made of a reply.
type Plant = fn(&mut Readings);

/// One value that was not read, in each part that is compared: every one is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_default_would_be_found_in_whichever_part_it_is() {
    let plants: [(&str, Plant); 9] = [
        ("target", |readings| readings.target.as_mut().unwrap().value.slot = Slot::Vacant),
        ("target", |readings| readings.target.as_mut().unwrap().value.clusters = Some(Vec::new())),
        ("eip", |readings| readings.eip.as_mut().unwrap().value.load_balancer = None),
        ("eip", |readings| readings.eip.as_mut().unwrap().value.prepaid = true),
        ("kill", |readings| readings.kill.as_mut().unwrap().value = Kill::On),
        ("trail", |readings| {
            let write = ForeignWrite { at: CloudTime(1), who: String::new(), what: String::new() };
            readings.trail.as_mut().unwrap().value.foreign.push(write);
        }),
        ("prepared", |readings| readings.prepared.as_mut().unwrap().value.tag = None),
        ("proof", |readings| readings.proof.as_mut().unwrap().value.no_sources = true),
        ("policy", |readings| readings.policy.as_mut().unwrap().value.approvals.valid = 2),
    ];
    for part in PARTS {
        assert!(plants.iter().any(|(planted, _)| *planted == part), "nothing is planted in {part}");
    }
    let action = pilot();
    let stage = Stage::new(Setup::of(world::quiet()));
    let calm = stage.read(ReadFor::Recheck, &action).await;
    let expected = values(&calm);
    assert_eq!(defaults(&calm, &expected, true), Vec::<&str>::new());
    for (part, plant) in plants {
        let mut readings = calm.clone();
        plant(&mut readings);
        let passes = stage.judge(&readings, &action, Moment::Signing).is_ok();
        assert_eq!(defaults(&readings, &expected, passes), [part]);
    }
}

/// Part, and the operation that it cannot do without.
const NEEDED: [(&str, &str); 12] = [
    ("target", "DescribeServiceMeshDetail"),
    ("target", "DescribeClustersInServiceMesh"),
    ("eip", "DescribeEipAddresses"),
    ("proof", "DescribeRouteEntryList"),
    ("proof", "DescribeVSwitches"),
    ("proof", "DescribeClusterDetail"),
    ("proof", "DescribeLoadBalancerListeners"),
    ("proof", "DescribeSecurityGroupAttribute"),
    ("policy", "DescribeServiceMeshes"),
    ("trail", "LookupEvents"),
    ("prepared", "DescribeEipAddresses"),
    ("clock", "GetCallerIdentity"),
];

/// True if the part says that it, or what it rests on, was not read.
fn is_unread(readings: &Readings, part: &str) -> bool {
    match part {
        "target" => readings.target.is_err(),
        "eip" => readings.eip.is_err(),
        // A scan says what it lacks in its ledger.
        "proof" => readings.proof.as_ref().map_or(true, |seen| !seen.value.ledger.complete()),
        "policy" => readings.policy.is_err(),
        "trail" => readings.trail.is_err(),
        "prepared" => readings.prepared.is_err(),
        "clock" => readings.clock.is_none(),
        other => panic!("no part {other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_fails_in_whatever_way_makes_its_part_unread() {
    let action = &pilot();
    let kinds = ["deny", "throttle", "internal-error", "html", "truncate", "inner-403", "reset", "http-503"];
    let all = NEEDED.iter().flat_map(|(part, operation)| kinds.map(|kind| (*part, *operation, kind)));
    let tried = stream::iter(all).map(|(part, operation, kind)| async move {
        let stage = Stage::new(Setup::of(world::quiet()).fault(operation, kind, json!({})));
        let readings = stage.read(ReadFor::Recheck, action).await;
        let passes = stage.judge(&readings, action, Moment::Signing).is_ok();
        (passes || !is_unread(&readings, part)).then(|| format!("{operation} {kind}: {readings:#?}"))
    });
    let wrong: Vec<String> = tried.buffer_unordered(4).filter_map(|wrong| async { wrong }).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The words of what was not read are told apart: a role without a right needs another remedy than a busy cloud.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_apart() {
    let action = pilot();
    for (kind, expected) in [
        ("deny", Some(Unread::Denied)),
        ("throttle", Some(Unread::Throttled)),
        ("not-found", Some(Unread::NotFound)),
        ("html", None),
    ] {
        let stage = Stage::new(Setup::of(world::quiet()).fault("DescribeServiceMeshDetail", kind, json!({})));
        let readings = stage.read(ReadFor::Slot, &action).await;
        match expected {
            Some(unread) => assert_eq!(readings.target, Err(unread), "{kind}"),
            None => assert!(matches!(readings.target, Err(Unread::Failed(_))), "{kind}: {:?}", readings.target),
        }
        assert!(readings.eip.is_ok(), "{kind}: another part");
    }
    let stage = Stage::new(Setup::of(world::quiet()).fault("DescribeClustersInServiceMesh", "not-found", json!({})));
    let readings = stage.read(ReadFor::Recheck, &action).await;
    assert!(matches!(readings.target, Err(Unread::Failed(_))), "beside the mesh: {:?}", readings.target);
}
