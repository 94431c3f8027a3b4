//! Planted misbehaviour: which calls a fault hits, and what it does to the reply.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    page::PageFault,
    reply::{Answer, ApiError, ErrorShape, Reply},
};

/// A fault of a world document.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Fault {
    kind: FaultKind,
    /// `*` or absent is every operation, region, account.
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    region_id: Option<String>,
    #[serde(default)]
    account_id: Option<String>,
    /// Parameters that the call must carry; a list parameter must contain the value.
    #[serde(default, rename = "match")]
    parameters: serde_json::Map<String, Value>,
    /// So many matching calls pass first.
    #[serde(default)]
    skip: u64,
    /// So many are hit; 0 is all.
    #[serde(default)]
    times: u64,
    /// Which field `wrong-type` and `missing-field` hit: a name, at any depth, or a path.
    #[serde(default)]
    field: Option<String>,
    /// Status of `html`.
    #[serde(default)]
    status: Option<u16>,
    /// Hint of `throttle`, milliseconds.
    #[serde(default)]
    retry_after_ms: Option<u64>,
    /// Hint of `http-429`, seconds.
    #[serde(default)]
    retry_after_s: Option<u64>,
    /// Delay of `slow`, real time; of `applied-late` and `late-landing`, and how far `stale-read` looks back, the world's.
    #[serde(default)]
    ms: u64,
}

/// Every kind of the world format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FaultKind {
    Throttle,
    #[serde(rename = "http-429")]
    Http429,
    #[serde(rename = "http-503")]
    Http503,
    InternalError,
    Deny,
    ExpiredToken,
    BadSignature,
    ClockSkew,
    NotFound,
    RegionNotServed,
    Reset,
    ResetMidBody,
    Truncate,
    Garbage,
    Html,
    WrongType,
    MissingField,
    EmptyPage,
    RepeatToken,
    ShiftPage,
    Slow,
    #[serde(rename = "inner-403")]
    Inner403,
    /// These are about writes and never hit a read. Taken, and nothing follows.
    AcceptedNeverApplied,
    /// Done, and answered with an error.
    #[serde(rename = "applied-then-500")]
    AppliedThen500,
    /// Taken at once, done later.
    AppliedLate,
    /// No answer, and nothing done.
    TimeoutBeforeEffect,
    /// Done, and no answer.
    TimeoutAfterEffect,
    /// No answer; the request arrives later, unless its signature has ended by then.
    LateLanding,
    /// The connection is reset, and nothing is done. `reset` resets it afterwards.
    ResetBeforeEffect,
    /// This one is about reads: they show what was some time ago.
    StaleRead,
}

impl FaultKind {
    fn is_about_writes(self) -> bool {
        matches!(
            self,
            Self::AcceptedNeverApplied
                | Self::AppliedThen500
                | Self::AppliedLate
                | Self::TimeoutBeforeEffect
                | Self::TimeoutAfterEffect
                | Self::LateLanding
                | Self::ResetBeforeEffect
        )
    }
}

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Done, and answered.
    Applied,
    /// Answered, and not done.
    Never,
    /// Answered, and done so many milliseconds later.
    Late(u64),
    /// Done, and answered with an error of the server.
    AppliedThenError,
    /// Done, and not answered.
    AppliedInSilence,
    /// Neither done nor answered.
    Lost,
    /// Not answered, and arrives so many milliseconds later.
    Delayed(u64),
    /// Neither done nor answered, and the connection is reset.
    Reset,
}

/// What a fault is matched against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) action: &'a str,
    pub(super) is_write: bool,
    pub(super) account_id: &'a str,
    /// The region of the call, and of the resource it asks a central host about.
    pub(super) regions: &'a [&'a str],
    pub(super) parameters: &'a [(String, String)],
}

/// The names that a fault of a document may have.
pub(super) const FIELDS: [&str; 12] = [
    "kind",
    "action",
    "region_id",
    "account_id",
    "match",
    "skip",
    "times",
    "field",
    "status",
    "retry_after_ms",
    "retry_after_s",
    "ms",
];

impl Fault {
    /// An account that may do nothing.
    pub(super) fn denying(account_id: String) -> Self {
        Self {
            kind: FaultKind::Deny,
            action: None,
            region_id: None,
            account_id: Some(account_id),
            parameters: serde_json::Map::new(),
            skip: 0,
            times: 0,
            field: None,
            status: None,
            retry_after_ms: None,
            retry_after_s: None,
            ms: 0,
        }
    }

    /// Reads a fault of a document; the problem is a sentence for the world's author.
    pub(super) fn from_value(value: Value) -> Result<Self, String> {
        let fault = Self::deserialize(value).map_err(|error| error.to_string())?;
        let is_read = fault.action.as_deref().is_some_and(|action| {
            ["Describe", "List", "Get", "Lookup", "AssumeRole"].iter().any(|verb| action.starts_with(verb))
        });
        if fault.kind.is_about_writes() && is_read {
            return Err("this kind is about writes, and the action is a read".to_owned());
        }
        let names_write = fault.action.as_deref().is_some_and(|action| action != "*") && !is_read;
        if fault.kind == FaultKind::StaleRead && names_write {
            return Err("this kind is about reads, and the action is a write".to_owned());
        }
        Ok(fault)
    }

    fn matches(&self, subject: Subject<'_>) -> bool {
        self.is_about(subject) && self.parameters.iter().all(|(name, value)| carries(subject.parameters, name, value))
    }

    /// True if the call is of the operation, account and region, whatever its parameters are.
    fn is_about(&self, subject: Subject<'_>) -> bool {
        let is = |wanted: &Option<String>, actual: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == "*" || wanted == actual)
        };
        (subject.is_write || !self.kind.is_about_writes())
            && !(subject.is_write && self.kind == FaultKind::StaleRead)
            && is(&self.action, subject.action)
            && is(&self.account_id, subject.account_id)
            && (is(&self.region_id, "") || subject.regions.iter().any(|region| is(&self.region_id, region)))
    }

    /// The names it matches by that the call does not have.
    fn names_beside<'f>(&'f self, subject: Subject<'_>) -> impl Iterator<Item = &'f String> {
        let names: Vec<&str> = subject.parameters.iter().map(|(given, _)| given.as_str()).collect();
        self.parameters.keys().filter(move |name| !names.iter().any(|given| is_named(given, name)))
    }
}

/// True if a request's parameter has the name, or is an element of the list with the name: `ClusterId` and `cluster_id` are
/// one name, since the products spell theirs in either way.
fn is_named(given: &str, name: &str) -> bool {
    let folded = |text: &str| text.replace('_', "").to_ascii_lowercase();
    let list = given.rsplit_once('.').filter(|(_, number)| number.parse::<u32>().is_ok());
    folded(given) == folded(name) || list.is_some_and(|(list, _)| folded(list) == folded(name))
}

/// True if a parameter, or an element of a list parameter in any of the vendor's spellings, has the value.
pub(super) fn carries(parameters: &[(String, String)], name: &str, value: &Value) -> bool {
    let wanted = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    parameters.iter().filter(|(given, _)| is_named(given, name)).any(|(_, given)| {
        *given == wanted
            || given.split(',').any(|part| part == wanted)
            || serde_json::from_str::<Vec<String>>(given).is_ok_and(|list| list.contains(&wanted))
    })
}

/// The faults of a running server, with how many calls each has seen.
#[derive(Debug)]
pub(super) struct Faults {
    faults: Vec<(Fault, AtomicU64)>,
    /// By fault: the names that no call it is about had so far; `None` before there was such a call.
    unknown_names: Vec<Mutex<Option<BTreeSet<String>>>>,
}

impl Faults {
    pub(super) fn new(faults: &[Fault]) -> Self {
        Self {
            faults: faults.iter().map(|fault| (fault.clone(), AtomicU64::new(0))).collect(),
            unknown_names: faults.iter().map(|_| Mutex::default()).collect(),
        }
    }

    /// Sentences about faults that could hit nothing, because no call that they are about had a parameter of the name.
    pub(super) fn unknown_parameters(&self) -> Vec<String> {
        let all = self.faults.iter().zip(&self.unknown_names).enumerate();
        all.filter_map(|(number, ((fault, _), names))| {
            let names = names.lock().unwrap_or_else(PoisonError::into_inner);
            let names: Vec<&str> = names.iter().flatten().map(String::as_str).collect();
            let action = fault.action.as_deref().unwrap_or("*");
            (!names.is_empty()).then(|| {
                format!(
                    "faults[{number}] hit nothing: no call of {} has the parameter {}",
                    action.escape_debug(),
                    names.join(", ").escape_debug()
                )
            })
        })
        .collect()
    }

    fn note_names(&self, subject: Subject<'_>) {
        for ((fault, _), names) in self.faults.iter().zip(&self.unknown_names) {
            if fault.parameters.is_empty() || !fault.is_about(subject) {
                continue;
            }
            let beside: BTreeSet<String> = fault.names_beside(subject).cloned().collect();
            let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
            *names = Some(match names.take() {
                Some(known) => known.intersection(&beside).cloned().collect(),
                None => beside,
            });
        }
    }

    /// The fault that hits this call, if any. A call is counted by every matching fault up to the
    /// one that hits it; those behind that one never see it.
    pub(super) fn strike(&self, subject: Subject<'_>) -> Option<&Fault> {
        self.note_names(subject);
        self.faults.iter().filter(|(fault, _)| fault.matches(subject)).find_map(|(fault, seen)| {
            let nth = seen.fetch_add(1, Ordering::Relaxed);
            let hits = nth >= fault.skip && (fault.times == 0 || nth - fault.skip < fault.times);
            hits.then_some(fault)
        })
    }
}

impl Fault {
    /// The error that replaces the operation, if this kind is one.
    pub(super) fn error(&self, not_found: (&'static str, u16)) -> Option<ApiError> {
        let new = ApiError::new;
        Some(match self.kind {
            FaultKind::Throttle => {
                let error = new(400, "Throttling.User", "Request was denied due to user flow control.");
                ApiError { retry_after_ms: self.retry_after_ms, ..error }
            }
            FaultKind::Http503 => {
                new(503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
            }
            FaultKind::InternalError => {
                new(500, "InternalError", "The request processing has failed due to some unknown error.")
            }
            FaultKind::Deny => new(
                403,
                "Forbidden.RAM",
                "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
            ),
            FaultKind::ExpiredToken => expired_token(),
            FaultKind::BadSignature => {
                new(400, "SignatureDoesNotMatch", "Specified signature does not match our calculation.")
            }
            FaultKind::ClockSkew => {
                new(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
            }
            FaultKind::NotFound => new(not_found.1, not_found.0, "The specified resource does not exist."),
            FaultKind::RegionNotServed => {
                new(404, "InvalidRegionId.NotFound", "The specified RegionId does not exist.")
            }
            _ => return None,
        })
    }

    /// True if the token of the call is dead from now on.
    pub(super) fn kills_token(&self) -> bool {
        self.kind == FaultKind::ExpiredToken
    }

    /// What becomes of a write that it hits.
    pub(super) fn fate(&self) -> Fate {
        match self.kind {
            FaultKind::AcceptedNeverApplied => Fate::Never,
            FaultKind::AppliedThen500 => Fate::AppliedThenError,
            FaultKind::AppliedLate => Fate::Late(self.ms),
            FaultKind::TimeoutBeforeEffect => Fate::Lost,
            FaultKind::TimeoutAfterEffect => Fate::AppliedInSilence,
            FaultKind::LateLanding => Fate::Delayed(self.ms),
            FaultKind::ResetBeforeEffect => Fate::Reset,
            _ => Fate::Applied,
        }
    }

    /// How far back a read looks, in milliseconds of the world's time.
    pub(super) fn looks_back_ms(&self) -> Option<u64> {
        (self.kind == FaultKind::StaleRead).then_some(self.ms)
    }

    /// How the fault cuts pages.
    pub(super) fn page(&self) -> Option<PageFault> {
        match self.kind {
            FaultKind::EmptyPage => Some(PageFault::Empty),
            FaultKind::RepeatToken => Some(PageFault::Repeat),
            FaultKind::ShiftPage => Some(PageFault::Shift),
            _ => None,
        }
    }

    /// Milliseconds that the reply waits beyond the usual.
    pub(super) fn delay_ms(&self) -> u64 {
        if self.kind == FaultKind::Slow { self.ms } else { 0 }
    }

    /// What becomes of a reply. An error is spoilt only by what does not look at bodies.
    pub(super) fn spoil(&self, answer: Answer, shape: ErrorShape, request_id: &str) -> Reply {
        let looks_at_body = matches!(
            self.kind,
            FaultKind::Truncate
                | FaultKind::WrongType
                | FaultKind::MissingField
                | FaultKind::Inner403
                | FaultKind::ResetMidBody
        );
        if answer.status >= 400 && (looks_at_body || !self.replaces_reply()) {
            return Reply::Answer(answer);
        }
        let body = String::from_utf8(answer.body).unwrap_or_default();
        Reply::Answer(match self.kind {
            FaultKind::Reset => return Reply::Reset,
            FaultKind::ResetMidBody => return Reply::ResetMidBody(Answer::json(200, body)),
            FaultKind::Truncate => Answer::json(200, cut(&body)),
            FaultKind::Garbage => Answer::json(200, GARBAGE),
            FaultKind::Html => Answer { content_type: "text/html", ..Answer::json(self.status.unwrap_or(502), HTML) },
            FaultKind::Http429 => Answer {
                content_type: "text/plain",
                headers: self.retry_after_s.map(|seconds| ("retry-after", seconds.to_string())).into_iter().collect(),
                ..Answer::json(429, "Too Many Requests")
            },
            FaultKind::WrongType => Answer::json(200, self.edit(&body, wrong_type)),
            FaultKind::MissingField => Answer::json(200, self.edit(&body, missing)),
            FaultKind::Inner403 => Answer::json(200, inner_403(shape, request_id)),
            _ => Answer::json(200, body),
        })
    }

    fn replaces_reply(&self) -> bool {
        matches!(self.kind, FaultKind::Reset | FaultKind::Garbage | FaultKind::Html | FaultKind::Http429)
    }

    /// Applies `change` to the fault's field: where that has dots along its path, else wherever the
    /// name occurs; without one to what the reply is about.
    fn edit(&self, body: &str, change: fn(&mut Value, &str)) -> String {
        let mut value: Value = serde_json::from_str(body).unwrap_or_default();
        match self.field.as_deref() {
            Some(path) if path.contains('.') => edit_path(&mut value, path, change),
            Some(name) => edit_everywhere(&mut value, name, change),
            None => match subject_of(&value) {
                Some(name) => change(&mut value, &name),
                None => value = json!({}),
            },
        }
        value.to_string()
    }
}

/// The reply to a token whose time is over.
pub(super) fn expired_token() -> ApiError {
    ApiError::new(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
}

/// Not UTF-8, not JSON.
const GARBAGE: &[u8] = b"\xff\xfe\x00\x80PORT\xc3\x28\xf0\x28\x8c\xbc";

const HTML: &str =
    "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>\n";

fn cut(body: &str) -> String {
    let mut middle = body.len() / 2;
    while !body.is_char_boundary(middle) {
        middle -= 1;
    }
    body[..middle].to_owned()
}

fn inner_403(shape: ErrorShape, request_id: &str) -> String {
    match shape {
        ErrorShape::Log => json!({"errorCode": "Unauthorized", "errorMessage": "no permission"}),
        ErrorShape::Rpc => json!({"RequestId": request_id, "Code": "403", "Success": "false", "Message": "Forbidden"}),
        ErrorShape::Roa => json!({"request_id": request_id, "code": "403", "success": false, "message": "Forbidden"}),
    }
    .to_string()
}

/// The field that a reply is about: its first list or object, else its first field, the request's
/// bookkeeping aside.
fn subject_of(value: &Value) -> Option<String> {
    let bookkeeping = [
        "RequestId",
        "NextToken",
        "TotalCount",
        "PageNumber",
        "PageSize",
        "MaxResults",
        "RegionId",
        "page_info",
        "PageResult",
    ];
    let fields = value.as_object()?;
    let candidates = || fields.iter().filter(|(name, _)| !bookkeeping.contains(&name.as_str()));
    let compound = candidates().find(|(_, value)| value.is_array() || value.is_object());
    compound.or_else(|| candidates().next()).map(|(name, _)| name.clone())
}

fn edit_path(value: &mut Value, path: &str, change: fn(&mut Value, &str)) {
    if let Value::Array(items) = value {
        return items.iter_mut().for_each(|item| edit_path(item, path, change));
    }
    match path.split_once('.') {
        None => change(value, path),
        Some((name, rest)) => {
            if let Some(inner) = value.get_mut(name) {
                edit_path(inner, rest, change);
            }
        }
    }
}

fn edit_everywhere(value: &mut Value, name: &str, change: fn(&mut Value, &str)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| edit_everywhere(item, name, change)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|inner| edit_everywhere(inner, name, change));
            change(value, name);
        }
        _ => {}
    }
}

/// A compound becomes a number and a scalar an object: types that no lenient reader accepts.
fn wrong_type(holder: &mut Value, name: &str) {
    let Some(field) = holder.get_mut(name) else { return };
    *field = if field.is_array() || field.is_object() { json!(7) } else { json!({"unexpected": "type"}) };
}

fn missing(holder: &mut Value, name: &str) {
    if let Value::Object(fields) = holder {
        fields.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(value: Value) -> Fault {
        Fault::from_value(value).expect("a fault")
    }

    fn hits(faults: &Faults, action: &str, region: &str, parameters: &[(&str, &str)]) -> bool {
        let parameters: Vec<_> =
            parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let is_write = !action.starts_with("Describe");
        faults
            .strike(Subject { action, is_write, account_id: "1", regions: &[region], parameters: &parameters })
            .is_some()
    }

    #[test]
    fn skip_and_times_count_matching_calls() {
        let faults = Faults::new(&[fault(json!({"kind": "throttle", "action": "A", "skip": 1, "times": 2}))]);
        assert_eq!([(); 5].map(|()| hits(&faults, "A", "r", &[])), [false, true, true, false, false]);
        assert!(!hits(&faults, "B", "r", &[]));
        let always = Faults::new(&[fault(json!({"kind": "deny", "region_id": "r", "account_id": "*"}))]);
        assert!((0..50).all(|_| hits(&always, "A", "r", &[])));
        assert!(!hits(&always, "A", "s", &[]));
    }

    #[test]
    fn a_list_parameter_matches_by_element() {
        let faults = Faults::new(&[fault(json!({"kind": "deny", "match": {"LoadBalancerId": "lb-1"}}))]);
        for (name, value) in [
            ("LoadBalancerId", "lb-1"),
            ("LoadBalancerId", "lb-0,lb-1"),
            ("LoadBalancerId.3", "lb-1"),
            ("LoadBalancerId", "[\"lb-1\"]"),
        ] {
            assert!(hits(&faults, "A", "r", &[(name, value)]), "{name}={value}");
        }
        for (name, value) in [("LoadBalancerId", "lb-12"), ("LoadBalancerIds", "lb-1"), ("LoadBalancerId.x", "lb-1")] {
            assert!(!hits(&faults, "A", "r", &[(name, value)]), "{name}={value}");
        }
    }

    #[test]
    fn a_parameter_has_one_name_in_either_spelling() {
        for (named, given) in [("ClusterId", "cluster_id"), ("cluster_id", "ClusterId"), ("ClusterId", "ClusterId")] {
            let faults = Faults::new(&[fault(json!({"kind": "deny", "match": {(named): "c1"}}))]);
            assert!(hits(&faults, "A", "r", &[(given, "c1")]), "{named} {given}");
            assert!(!hits(&faults, "A", "r", &[(given, "c2")]), "{named} {given}");
        }
    }

    #[test]
    fn a_name_that_no_call_has_is_told() {
        let faults = Faults::new(&[
            fault(json!({"kind": "deny", "action": "A", "match": {"Clusterid": "c1", "VpcId": "v"}})),
            fault(json!({"kind": "deny", "action": "B", "match": {"Other": "x"}})),
        ]);
        assert!(faults.unknown_parameters().is_empty(), "nobody asked yet");
        hits(&faults, "A", "r", &[("cluster_id", "c2")]);
        assert_eq!(faults.unknown_parameters(), ["faults[0] hit nothing: no call of A has the parameter VpcId"]);
        hits(&faults, "A", "r", &[("VpcId.1", "w")]);
        assert!(faults.unknown_parameters().is_empty(), "it matches another value");
    }

    #[test]
    fn write_faults_leave_reads_alone() {
        assert!(Fault::from_value(json!({"kind": "applied-late", "action": "DescribeVpcs"})).is_err());
        let faults = Faults::new(&[fault(json!({"kind": "applied-then-500"}))]);
        assert!(!hits(&faults, "DescribeVpcs", "r", &[]));
        assert!(hits(&faults, "TagResources", "r", &[]));
        assert!(Fault::from_value(json!({"kind": "stale-read", "action": "TagResources"})).is_err());
        let stale = Faults::new(&[fault(json!({"kind": "stale-read", "ms": 2000}))]);
        assert!(hits(&stale, "DescribeVpcs", "r", &[]) && !hits(&stale, "TagResources", "r", &[]));
    }

    #[test]
    fn fields_are_hit_by_name_by_path_and_by_default() {
        let body = r#"{"RequestId":"r","TotalCount":1,"Vpcs":{"Vpc":[{"VpcId":"a","Inner":{"VpcId":"b"}}]}}"#;
        let edit = |field: Value, change: fn(&mut Value, &str)| {
            let mut description = json!({"kind": "missing-field"});
            if !field.is_null() {
                description["field"] = field;
            }
            serde_json::from_str::<Value>(&fault(description).edit(body, change)).expect("JSON")
        };
        assert_eq!(edit(json!("VpcId"), missing)["Vpcs"]["Vpc"], json!([{"Inner": {}}]));
        assert_eq!(edit(json!("Vpcs.Vpc.Inner"), missing)["Vpcs"]["Vpc"], json!([{"VpcId": "a"}]));
        assert_eq!(edit(Value::Null, missing), json!({"RequestId": "r", "TotalCount": 1}));
        assert_eq!(edit(Value::Null, wrong_type)["Vpcs"], json!(7));
        assert_eq!(edit(json!("TotalCount"), wrong_type)["TotalCount"], json!({"unexpected": "type"}));
    }
}
