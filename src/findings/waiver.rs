//! Waivers: who accepts which finding, why, and until when.
//!
//! [`RawWaiverFile`] is what the file says, [`Waiver`] what was checked. A waiver turns `open`
//! into `waived` and nothing else: what could not be read stays unknown, whoever accepts it.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use chrono::{Months, NaiveDate};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Finding, WaiverNote, fingerprint::digest};
use crate::model::{AccountId, RegionId, ResourceKind};

/// The only version of the waiver file so far.
pub const WAIVER_FILE_VERSION: u32 = 1;

/// Told where a selection asks for what no reply holds.
const NO_TAGS_OF_ACLS: &str = "It can match none: the replies about ACLs carry no tags. Name the ACL with `resource` instead \
                               of `tag`; it may still be needed.";

/// A waiver file as written. Its reader may wrap each entry in a type that knows its line.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWaiverFile<W = RawWaiver> {
    /// The version of the file's format: 1.
    pub version: u32,
    /// The waivers, in any order.
    pub waivers: Vec<W>,
}

/// One waiver as written, not yet checked.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWaiver {
    /// The fingerprint of one finding, as reports print it. Either this or `select`.
    pub fingerprint: Option<String>,
    /// Which findings are accepted. Either this or `fingerprint`.
    pub select: Option<RawSelect>,
    /// Limits what is accepted.
    pub only: Option<RawOnly>,
    /// Why the risk is acceptable.
    pub reason: Option<String>,
    /// Who answers for it: a person or a team.
    pub owner: Option<String>,
    /// Where it was decided.
    pub ticket: Option<String>,
    /// The last day on which it counts (UTC), `2027-01-31`, at most a year ahead.
    pub expires: Option<String>,
}

/// Which findings a waiver accepts: all of the fields that are given must match.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSelect {
    /// The account id. Required: a selection never reaches into an account that nobody named.
    pub account: Option<String>,
    /// The region id. Required.
    pub region: Option<String>,
    /// A resource kind: `mesh`, `cluster`, `load-balancer`, `security-group`, `acl`, `eip`.
    pub kind: Option<String>,
    /// The id of a mesh, cluster, balancer, group, ACL or EIP.
    pub resource: Option<String>,
    /// A rule id.
    pub rule: Option<String>,
    /// Tags that the resource must all carry with these values. The replies about ACLs carry no tags: name an ACL with
    /// `resource`.
    #[serde(default)]
    pub tag: BTreeMap<String, String>,
}

/// The waiver holds only while the untrusted sources stay inside.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOnly {
    /// The port that may be reachable; no other port may be.
    pub port: Option<u16>,
    /// The address ranges that may reach it; nothing outside may.
    pub cidrs: Option<Vec<String>>,
}

/// A checked waiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    pub(super) matcher: Matcher,
    pub(super) only: Option<Only>,
    pub(super) reason: String,
    pub(super) owner: String,
    pub(super) ticket: Option<String>,
    pub(super) expires: NaiveDate,
}

/// What a waiver applies to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Matcher {
    Fingerprint(String),
    Select(Select),
}

/// A checked selection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Select {
    pub(super) account_id: AccountId,
    pub(super) region_id: RegionId,
    pub(super) kind: Option<ResourceKind>,
    pub(super) resource: Option<String>,
    pub(super) rule: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
}

/// A checked limit. `cidrs` is minimal, so that a block lies inside the union of them exactly if
/// it lies inside one of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Only {
    pub(super) port: Option<u16>,
    pub(super) cidrs: Option<Vec<IpNet>>,
}

impl RawWaiver {
    /// Checks everything that can be wrong with a waiver; `today` is the day of the run (UTC).
    /// An expired waiver is valid: it is ignored and reported.
    ///
    /// # Errors
    ///
    /// Every problem, each a sentence that says what to write instead.
    pub fn check(self, today: NaiveDate) -> Result<Waiver, Vec<String>> {
        let mut problems = Vec::new();
        let matcher = matcher(self.fingerprint, self.select, &mut problems);
        let only = self.only.and_then(|raw| only(raw, &mut problems));
        let reason = required(self.reason, "reason", "say why the risk is acceptable", &mut problems);
        let owner = required(self.owner, "owner", "name who answers for it", &mut problems);
        let expires = expires(self.expires, today, &mut problems);
        match (matcher, expires) {
            (Some(matcher), Some(expires)) if problems.is_empty() => {
                Ok(Waiver { matcher, only, reason, owner, ticket: self.ticket, expires })
            }
            _ => Err(problems),
        }
    }
}

fn required(text: Option<String>, key: &str, advice: &str, problems: &mut Vec<String>) -> String {
    match text {
        Some(text) if !text.trim().is_empty() => text,
        _ => {
            problems.push(format!("a waiver needs `{key}`: {advice}"));
            String::new()
        }
    }
}

fn matcher(fingerprint: Option<String>, select: Option<RawSelect>, problems: &mut Vec<String>) -> Option<Matcher> {
    match (fingerprint, select) {
        (Some(text), None) => {
            let known = text.strip_prefix("v1:").is_some_and(|hex| {
                hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            });
            if !known {
                problems.push(
                    "`fingerprint` must be `v1:` and 64 hex digits in lower case: copy it from a report".to_owned(),
                );
                return None;
            }
            Some(Matcher::Fingerprint(text))
        }
        (None, Some(raw)) => check_select(raw, problems).map(Matcher::Select),
        (Some(_), Some(_)) => {
            problems.push("a waiver has either `fingerprint` or `select`, not both: write two waivers".to_owned());
            None
        }
        (None, None) => {
            problems.push(
                "a waiver needs `fingerprint` (of one finding) or `select` (account, region and more)".to_owned(),
            );
            None
        }
    }
}

fn check_select(raw: RawSelect, problems: &mut Vec<String>) -> Option<Select> {
    let before = problems.len();
    let account = exact("account", raw.account, problems);
    let region = exact("region", raw.region, problems);
    for (key, value) in [("account", &account), ("region", &region)] {
        if value.is_none() {
            problems.push(format!("`select` needs `{key}`: a waiver never reaches where nobody looked"));
        }
    }
    let kind = exact("kind", raw.kind, problems).and_then(|word| {
        let kind = ResourceKind::ALL.iter().copied().find(|kind| kind.as_str() == word);
        if kind.is_none() {
            let words: Vec<_> = ResourceKind::ALL.iter().map(|kind| kind.as_str()).collect();
            problems.push(format!("`{}` is no resource kind: use one of {}", word.escape_debug(), words.join(", ")));
        }
        kind
    });
    let resource = exact("resource", raw.resource, problems);
    let rule = exact("rule", raw.rule, problems);
    for (key, value) in &raw.tag {
        if key == "*" || value == "*" || key.is_empty() {
            problems.push("`tag` must name a key and a value: patterns such as `*` are refused".to_owned());
        }
    }
    if problems.len() == before && kind.is_none() && resource.is_none() && rule.is_none() && raw.tag.is_empty() {
        problems
            .push("`select` would accept everything in the region: add `resource`, `rule`, `kind` or `tag`".to_owned());
    }
    let (Some(account), Some(region)) = (account, region) else { return None };
    (problems.len() == before).then(|| Select {
        account_id: account.into(),
        region_id: region.into(),
        kind,
        resource,
        rule,
        tags: raw.tag,
    })
}

/// A value that must be written out: no pattern, not empty.
fn exact(key: &str, value: Option<String>, problems: &mut Vec<String>) -> Option<String> {
    let value = value?;
    if value.contains('*') {
        problems
            .push(format!("`{key}: {}` is a pattern: name what is accepted, one waiver each", value.escape_debug()));
    } else if value.trim().is_empty() {
        problems.push(format!("`{key}` is empty: leave it out or give it a value"));
    }
    Some(value)
}

fn only(raw: RawOnly, problems: &mut Vec<String>) -> Option<Only> {
    if raw.port.is_none() && raw.cidrs.is_none() {
        problems.push("`only` needs `port`, `cidrs` or both".to_owned());
        return None;
    }
    if raw.port == Some(0) {
        problems.push("`only.port` must be between 1 and 65535".to_owned());
    }
    let cidrs = raw.cidrs.map(|texts| {
        if texts.is_empty() {
            problems.push("`only.cidrs` is empty: leave it out or name the accepted ranges".to_owned());
        }
        let mut nets = Vec::new();
        for text in texts {
            match strict_cidr(&text) {
                Ok(net) => nets.push(net),
                Err(problem) => problems.push(format!("`only.cidrs`: `{}` {problem}", text.escape_debug())),
            }
        }
        IpNet::aggregate(&nets)
    });
    Some(Only { port: raw.port, cidrs })
}

/// Address and prefix length, canonical: no leading zeros, no host bits, no bare address.
fn strict_cidr(text: &str) -> Result<IpNet, String> {
    let Some((address, length)) = text.split_once('/') else {
        return Err("has no prefix length: write `/32` for one IPv4 host, `/128` for one IPv6 host".to_owned());
    };
    let canonical = !length.is_empty()
        && length.bytes().all(|byte| byte.is_ascii_digit())
        && (length == "0" || !length.starts_with('0'));
    let prefix: u8 = match length.parse() {
        Ok(prefix) if canonical => prefix,
        _ => return Err("has no plain prefix length such as `/24`".to_owned()),
    };
    // The standard library's parsers refuse leading zeros and everything else that is ambiguous.
    let net = if let Ok(address) = address.parse::<Ipv4Addr>() {
        Ipv4Net::new(address, prefix).map(IpNet::V4)
    } else if let Ok(address) = address.parse::<Ipv6Addr>() {
        Ipv6Net::new(address, prefix).map(IpNet::V6)
    } else {
        return Err("is no address range: write it as `203.0.113.0/24` or `2400:3200::/32`".to_owned());
    };
    let Ok(net) = net else { return Err(format!("has prefix length {prefix}, which exceeds that of its family")) };
    if net.addr() != net.network() {
        return Err(format!("has host bits set: write `{}` or `{}`", net.trunc(), IpNet::from(net.addr())));
    }
    Ok(net)
}

fn expires(text: Option<String>, today: NaiveDate, problems: &mut Vec<String>) -> Option<NaiveDate> {
    let Some(text) = text else {
        problems.push("a waiver needs `expires`: the last day on which it counts, such as `2027-01-31`".to_owned());
        return None;
    };
    // chrono takes `2027-1-3` and signs; the length leaves one spelling of each day.
    let date = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    let Some(date) = date else {
        problems.push(format!(
            "`expires: {}` is no day: write it as year, month and day, such as `2027-01-31`",
            text.escape_debug()
        ));
        return None;
    };
    let latest = today.checked_add_months(Months::new(12)).unwrap_or(NaiveDate::MAX);
    if date > latest {
        problems.push(format!("`expires: {date}` is more than a year ahead: the latest day is {latest}"));
        return None;
    }
    Some(date)
}

impl Waiver {
    /// Recognises the waiver from run to run: made of what it accepts, not of its place in the
    /// file or of texts and dates, so that renewing it does not make it another.
    pub fn id(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        match &self.matcher {
            Matcher::Fingerprint(text) => parts.extend(["fingerprint".to_owned(), text.clone()]),
            Matcher::Select(select) => {
                parts.extend(["select".to_owned(), select.account_id.to_string(), select.region_id.to_string()]);
                parts.push(select.kind.map_or("", ResourceKind::as_str).to_owned());
                parts.push(select.resource.clone().unwrap_or_default());
                parts.push(select.rule.clone().unwrap_or_default());
                parts.push(select.tags.len().to_string());
                parts.extend(select.tags.iter().flat_map(|(key, value)| [key.clone(), value.clone()]));
            }
        }
        if let Some(only) = &self.only {
            parts.push("only".to_owned());
            parts.push(only.port.map(|port| port.to_string()).unwrap_or_default());
            parts.extend(only.cidrs.iter().flatten().map(IpNet::to_string));
        }
        let hash = digest(parts.iter().map(String::as_str));
        format!("w-{}", &hash[..16])
    }

    /// The account and region that it speaks of; `None` where it names one finding, whose fingerprint does not tell.
    pub(super) fn place(&self) -> Option<(&AccountId, &RegionId)> {
        match &self.matcher {
            Matcher::Fingerprint(_) => None,
            Matcher::Select(select) => Some((&select.account_id, &select.region_id)),
        }
    }

    /// The last day on which it counts (UTC).
    pub fn expires(&self) -> NaiveDate {
        self.expires
    }

    /// True after its last day.
    pub fn expired(&self, today: NaiveDate) -> bool {
        today > self.expires
    }

    /// Why it can match nothing, however the cloud is.
    pub(super) fn never_matches(&self) -> Option<&'static str> {
        match &self.matcher {
            Matcher::Select(select) if select.kind == Some(ResourceKind::Acl) && !select.tags.is_empty() => {
                Some(NO_TAGS_OF_ACLS)
            }
            _ => None,
        }
    }

    /// What it accepts, for people.
    pub fn describe(&self) -> String {
        let mut text = match &self.matcher {
            Matcher::Fingerprint(text) => format!("fingerprint {text}"),
            Matcher::Select(select) => {
                let mut parts = vec![format!("account {}, region {}", select.account_id, select.region_id)];
                parts.extend(select.kind.map(|kind| format!("kind {kind}")));
                parts.extend(select.resource.iter().map(|id| format!("resource {id}")));
                parts.extend(select.rule.iter().map(|id| format!("rule {id}")));
                parts.extend(select.tags.iter().map(|(key, value)| format!("tag {key}={value}")));
                parts.join(", ")
            }
        };
        if let Some(only) = &self.only {
            text.push_str(" (only");
            if let Some(port) = only.port {
                text.push_str(&format!(" port {port}"));
            }
            if let Some(cidrs) = &only.cidrs {
                let cidrs: Vec<_> = cidrs.iter().map(IpNet::to_string).collect();
                text.push_str(&format!(" from {}", cidrs.join(", ")));
            }
            text.push(')');
        }
        text
    }

    /// What a report shows of it.
    pub fn note(&self) -> WaiverNote {
        WaiverNote {
            reason: self.reason.clone(),
            owner: self.owner.clone(),
            ticket: self.ticket.clone(),
            expires: self.expires,
        }
    }

    /// True if it speaks of the finding; `tags` are those of the finding's resource.
    pub(super) fn matches(&self, finding: &Finding, tags: &BTreeMap<String, String>) -> bool {
        match &self.matcher {
            Matcher::Fingerprint(text) => *text == finding.fingerprint,
            Matcher::Select(select) => {
                let subject = &finding.subject;
                select.account_id == subject.account_id
                    && select.region_id == subject.region_id
                    && select.kind.is_none_or(|kind| kind == subject.resource_kind)
                    && select.resource.as_ref().is_none_or(|id| *id == subject.resource_id)
                    && select.rule.as_ref().is_none_or(|id| *id == finding.rule_id)
                    && select.tags.iter().all(|(key, value)| tags.get(key) == Some(value))
            }
        }
    }
}

impl Only {
    /// Why the limit is exceeded by what `reach` says may get in; `None` while it holds.
    pub(super) fn exceeded(&self, reach: &[Reach<'_>]) -> Option<String> {
        if reach.is_empty() {
            return Some("who can reach it is not known".to_owned());
        }
        reach.iter().find_map(|reach| self.exceeded_by(reach))
    }

    fn exceeded_by(&self, reach: &Reach<'_>) -> Option<String> {
        if reach.unknown {
            return Some(format!("who can reach {} is not known", reach.describe()));
        }
        let first = reach.untrusted.first()?;
        if let Some(port) = self.port {
            match reach.port {
                Some(actual) if actual == port => {}
                Some(actual) => return Some(format!("{first} can reach port {actual}, not only port {port}")),
                None => return Some(format!("a limit to port {port} says nothing of this kind of finding")),
            }
        }
        let cidrs = self.cidrs.as_ref()?;
        let outside = reach.untrusted.iter().find(|block| !cidrs.iter().any(|cidr| cidr.contains(*block)))?;
        Some(format!("{outside} can reach {} and is not among the accepted ranges", reach.describe()))
    }
}

/// Who may reach one port of a finding's subject.
pub(super) struct Reach<'a> {
    /// `None` where the judgement does not tell ports apart.
    pub(super) port: Option<u16>,
    pub(super) untrusted: &'a [IpNet],
    /// True where `untrusted` is not even an upper bound.
    pub(super) unknown: bool,
}

impl Reach<'_> {
    fn describe(&self) -> String {
        self.port.map_or_else(|| "it".to_owned(), |port| format!("port {port}"))
    }
}
