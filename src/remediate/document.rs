//! The plan file: what is to be changed, for people to read and approve, and for `apply` to check.
//!
//! A plan says everything twice: as an [`Action`], which is carried out, and readably, as calls, settings and proof. What
//! is readable is worked out from the action once more when a plan is read, so that nobody approves one thing and applies
//! another. Bytes are checked before anything in them is believed: they must be exactly those that this version writes, and
//! the checksum that they end with must be theirs. It shows accidents; who changes a plan on purpose is shown by the
//! [approvals](super::approval), which are over the same bytes.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{AclKind, AclSetting, Action, Calls, Change, CloudTime, Limits, Mode, NoSuchCall, PLAN_TAG, Plan};
use crate::model::AccountId;

/// The only value of `schema` that this version writes and reads.
pub const SCHEMA: &str = "portcullis.plan/v1";

/// What is signed is something of this type, so that a signature over a plan is none over anything else.
pub const PAYLOAD_TYPE: &str = "application/vnd.portcullis.plan+json";

/// A plan is never valid for longer.
pub const LONGEST: TimeDelta = TimeDelta::hours(24);

/// More bytes are no plan of ours.
const LARGEST: usize = 16 << 20;

/// The version of the program: what another version worked out is planned anew.
const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");

/// A plan as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub schema: String,
    pub tool_version: String,
    /// Of the program that made it; empty where it could not read itself.
    pub tool_digest: String,
    /// Unique. Sessions and tags bear it.
    pub id: String,
    /// Whose cloud is changed: a plan is about one account.
    pub account: AccountId,
    pub run: RunRef,
    /// Of the settings and waivers that it was made by.
    pub policy_digest: String,
    #[serde(with = "seconds")]
    pub not_before: DateTime<Utc>,
    #[serde(with = "seconds")]
    pub expires: DateTime<Utc>,
    pub planner: Planner,
    /// What asks for it, in words of whoever planned it; empty where nothing does.
    pub ticket: String,
    /// In the order in which they are carried out; the first is the canary.
    pub actions: Vec<Planned>,
    /// What was asked for and is not planned, and why.
    pub left_out: Vec<LeftOut>,
    /// SHA-256 of the file with this field empty.
    pub checksum: String,
}

/// The run that a plan was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRef {
    pub id: String,
    #[serde(with = "seconds")]
    pub taken_at: DateTime<Utc>,
    pub snapshot_digest: String,
    pub rules_digest: String,
}

/// Who made a plan, and may therefore not approve it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planner {
    pub name: String,
    /// As whom the account was read.
    pub arn: String,
}

/// One action, readably.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// `unbind` or `fence`.
    pub kind: String,
    /// The endpoint's id in reports.
    pub endpoint_id: String,
    pub name: String,
    pub canary: bool,
    /// The budget that it is paid from: its environment.
    pub budget_class: String,
    pub before: String,
    pub after: String,
    /// The findings that it ends.
    pub findings: Vec<FindingRef>,
    pub proof: Proof,
    pub calls: Calls,
    pub action: Action,
}

/// A finding that an action ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingRef {
    pub fingerprint: String,
    pub rule_id: String,
}

/// Why an action harms nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Of the judgement that it rests on.
    pub digest: String,
    /// One sentence a line.
    pub text: Vec<String>,
}

/// An endpoint, or a choice of them, for which nothing is planned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    pub endpoint_id: String,
    pub name: String,
    pub reasons: Vec<Reason>,
}

/// Why nothing is planned, and what would change it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub why: String,
    /// What has to become so.
    pub until: String,
}

/// Why a file is not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it is larger than any plan: is it the right file?")]
    TooLarge,
    #[error("it is no plan: {0}")]
    NotAPlan(String),
    #[error("it has the format `{found}`, and this version knows `{SCHEMA}`")]
    Schema { found: String },
    #[error("version {found} of the program made it, and this is {TOOL_VERSION}: make a new plan with this one")]
    ToolVersion { found: String },
    #[error("it was changed after it was made: {0}; make a new plan")]
    Changed(&'static str),
    #[error("action {intent} contradicts itself in `{what}`: make a new plan")]
    Inconsistent { intent: String, what: &'static str },
    /// It would be part of names, tags and lines of ours.
    #[error("its {what} is no word of letters, digits and dashes, up to 80: \"{seen}\"")]
    NoWord { what: &'static str, seen: String },
    #[error("there is no action in it")]
    Empty,
    #[error("two of its actions have the same intent or the same endpoint: {0}")]
    Twice(String),
    #[error("its times make no sense: a plan is valid for at most 24 hours, and ends after it begins")]
    Span,
    #[error("it expired at {0}: make a new plan")]
    Expired(String),
    #[error("it is not valid before {0}")]
    NotYet(String),
    #[error("it is for account {planned}, and this is account {found}")]
    OtherAccount { planned: AccountId, found: AccountId },
}

impl Planned {
    /// The readable form of an action of this plan.
    ///
    /// # Errors
    /// If no operation of the cloud does it or takes it back.
    pub fn of(
        action: Action,
        plan: &str,
        name: String,
        findings: Vec<FindingRef>,
        proof: Proof,
    ) -> Result<Self, NoSuchCall> {
        Ok(Self {
            kind: kind_of(&action).to_owned(),
            endpoint_id: action.target.judged().id(),
            name,
            canary: action.canary,
            budget_class: action.environment.clone(),
            before: before_in_words(&action),
            after: after_in_words(&action),
            findings,
            proof,
            calls: Calls::of(&action, plan)?,
            action,
        })
    }

    /// The first field that does not follow from the action.
    fn contradiction(&self, document: &Document) -> Option<&'static str> {
        let action = &self.action;
        let facts = [
            ("account", action.target.account == document.account),
            ("endpoint_id", self.endpoint_id == action.target.judged().id()),
            ("kind", self.kind == kind_of(action)),
            ("canary", self.canary == action.canary),
            ("budget_class", self.budget_class == action.environment),
            ("before", self.before == before_in_words(action)),
            ("after", self.after == after_in_words(action)),
            ("proof", action.evidence.contains(&self.proof.digest) && !self.proof.text.is_empty()),
            ("calls", Calls::of(action, &document.id).is_ok_and(|calls| calls == self.calls)),
        ];
        facts.into_iter().find(|(_, holds)| !holds).map(|(what, _)| what)
    }
}

/// The word of `--action`.
fn kind_of(action: &Action) -> &'static str {
    match action.change {
        Change::Unbind { .. } => "unbind",
        Change::Fence { .. } => "fence",
    }
}

fn before_in_words(action: &Action) -> String {
    match &action.change {
        Change::Unbind { eip, address } => format!("EIP {eip} ({address}) is bound to {}", action.load_balancer),
        Change::Fence { port, before, .. } => {
            format!("{}/{port}: {}", action.load_balancer, setting_in_words(before))
        }
    }
}

fn after_in_words(action: &Action) -> String {
    match &action.change {
        Change::Unbind { eip, .. } => {
            format!("no EIP; {eip} stays allocated, protected from release and tagged `{PLAN_TAG}` until the soak ends")
        }
        Change::Fence { port, entries, .. } => {
            format!("{}/{port}: white list {} of {}", action.load_balancer, action.acl_name(), entries.join(", "))
        }
    }
}

fn setting_in_words(setting: &AclSetting) -> String {
    if !setting.on {
        return "no access control".to_owned();
    }
    let ids: Vec<&str> = setting.ids.iter().map(|id| id.as_str()).collect();
    let kind = match setting.kind {
        AclKind::White => "white",
        AclKind::Black => "black",
    };
    format!("{kind} list {}", ids.join(", "))
}

impl Document {
    /// The file. The checksum is made here; whatever the field holds is not looked at.
    pub fn to_bytes(&self) -> Vec<u8> {
        let sealed = Self { checksum: self.own_checksum(), ..self.clone() };
        sealed.written()
    }

    fn own_checksum(&self) -> String {
        Self::digest(&Self { checksum: String::new(), ..self.clone() }.written())
    }

    /// Letters beyond ASCII are escaped: names come from outside, and no terminal is to obey one.
    fn written(&self) -> Vec<u8> {
        // Texts, numbers and lists only: this cannot fail.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        let mut bytes = Vec::with_capacity(text.len() + 1);
        for letter in text.chars() {
            match u8::try_from(letter) {
                Ok(ascii @ b'\n') | Ok(ascii @ b' '..=b'~') => bytes.push(ascii),
                _ => {
                    for unit in letter.encode_utf16(&mut [0; 2]) {
                        bytes.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                    }
                }
            }
        }
        bytes.push(b'\n');
        bytes
    }

    /// `sha256:…` of a file: what people compare, and approvals are over.
    pub fn digest(bytes: &[u8]) -> String {
        format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(bytes)))
    }

    /// Reads a plan. What it is used for is checked apart: [`Self::check_time`] and [`Self::check_account`].
    ///
    /// # Errors
    /// If it is none of this version, was changed, or contradicts itself.
    pub fn read(bytes: &[u8]) -> Result<Self, Refused> {
        #[derive(Deserialize)]
        struct Header {
            schema: String,
            tool_version: String,
        }
        if bytes.len() > LARGEST {
            return Err(Refused::TooLarge);
        }
        let not_a_plan = |error: serde_json::Error| Refused::NotAPlan(printable(&error.to_string()));
        let header: Header = serde_json::from_slice(bytes).map_err(not_a_plan)?;
        if header.schema != SCHEMA {
            return Err(Refused::Schema { found: printable(&header.schema) });
        }
        if header.tool_version != TOOL_VERSION {
            return Err(Refused::ToolVersion { found: printable(&header.tool_version) });
        }
        let document: Self = serde_json::from_slice(bytes).map_err(not_a_plan)?;
        if document.written() != bytes {
            return Err(Refused::Changed("it is not written as this program writes"));
        }
        if document.checksum != document.own_checksum() {
            return Err(Refused::Changed("its checksum is not its own"));
        }
        document.check()?;
        Ok(document)
    }

    fn check(&self) -> Result<(), Refused> {
        if self.expires <= self.not_before || self.expires - self.not_before > LONGEST {
            return Err(Refused::Span);
        }
        if self.actions.is_empty() {
            return Err(Refused::Empty);
        }
        if !is_word(&self.id) {
            return Err(Refused::NoWord { what: "id", seen: printable(&self.id) });
        }
        let (mut intents, mut targets) = (BTreeSet::new(), BTreeSet::new());
        for (at, planned) in self.actions.iter().enumerate() {
            let action = &planned.action;
            let inconsistent = |what| Refused::Inconsistent { intent: printable(&action.intent), what };
            if !is_word(&action.intent) {
                return Err(Refused::NoWord { what: "intent", seen: printable(&action.intent) });
            }
            if let Some(what) = planned.contradiction(self) {
                return Err(inconsistent(what));
            }
            // The first one alone is the canary: whatever else is planned waits for it.
            if planned.canary != (at == 0) {
                return Err(inconsistent("canary"));
            }
            if !intents.insert(&action.intent) || !targets.insert(action.target.row()) {
                return Err(Refused::Twice(printable(&action.intent)));
            }
        }
        Ok(())
    }

    /// # Errors
    /// If it is not valid at every moment that it can be now.
    pub fn check_time(&self, earliest: DateTime<Utc>, latest: DateTime<Utc>) -> Result<(), Refused> {
        if earliest < self.not_before {
            return Err(Refused::NotYet(time(&self.not_before)));
        }
        if latest >= self.expires {
            return Err(Refused::Expired(time(&self.expires)));
        }
        Ok(())
    }

    /// # Errors
    /// If it is for another account.
    pub fn check_account(&self, account: &AccountId) -> Result<(), Refused> {
        match self.account == *account {
            true => Ok(()),
            false => Err(Refused::OtherAccount { planned: self.account.clone(), found: account.clone() }),
        }
    }

    /// What a runner carries out.
    pub fn plan(&self, mode: Mode, limits: Limits) -> Plan {
        let cloud = |at: DateTime<Utc>| CloudTime(u64::try_from(at.timestamp_millis()).unwrap_or_default());
        Plan {
            id: self.id.clone(),
            account: self.account.clone(),
            not_before: cloud(self.not_before),
            expires: cloud(self.expires),
            mode,
            limits,
            actions: self.actions.iter().map(|planned| Arc::new(planned.action.clone())).collect(),
        }
    }
}

fn is_word(text: &str) -> bool {
    (1..=80).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Text of a file that nobody vouches for, inside a sentence of ours.
fn printable(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

/// As the file writes it.
pub fn time(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

mod seconds {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::time(at))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        DateTime::<Utc>::deserialize(deserializer)
    }
}

#[cfg(test)]
pub(crate) mod tests;
