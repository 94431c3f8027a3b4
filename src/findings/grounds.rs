//! What a run's findings rest on besides the cloud itself: what each rule looks at, which logs were read, which waivers
//! were in force. Where a later run lacks any of it, the absence of a finding says nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Subject;
use crate::model::ResourceKind;

/// What a rule about an endpoint looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Input {
    /// Whether the internet can address it, and what shows that.
    Exposure,
    /// Who can reach which port.
    Ports,
    /// Whether the public path is still needed.
    Need,
    /// Every consumer, and its private path.
    Consumers,
    /// Who was seen at the public address that is none of the consumers.
    Strangers,
    /// The audit trail.
    Trail,
}

impl Input {
    /// Every input, for a rule of which nothing is known.
    pub const ALL: [Self; 6] = [Self::Exposure, Self::Ports, Self::Need, Self::Consumers, Self::Strangers, Self::Trail];

    /// True if logs may change it.
    fn rests_on_logs(self) -> bool {
        !matches!(self, Self::Exposure | Self::Ports)
    }

    /// True if it is only about those who use or have changed a public path, which only logs tell.
    pub(super) fn is_about_use(self) -> bool {
        matches!(self, Self::Strangers | Self::Trail)
    }

    /// What it says of an endpoint, for people.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Exposure => "whether it is public",
            Self::Ports => "who can reach it",
            Self::Need => "whether its public path is needed",
            Self::Consumers => "the private paths of those who use it",
            Self::Strangers => "by logs, who else uses it",
            Self::Trail => "who bound its address",
        }
    }

    /// The same in Chinese.
    pub(super) fn in_chinese(self) -> &'static str {
        match self {
            Self::Exposure => "是否暴露在公网",
            Self::Ports => "谁可以访问它",
            Self::Need => "是否仍需要其公网通道",
            Self::Consumers => "其使用方的私网通道",
            Self::Strangers => "日志中还有谁在使用它",
            Self::Trail => "谁绑定了它的地址",
        }
    }
}

/// What a run's findings rest on besides the cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grounds {
    /// What each rule about endpoints looks at. One that is not in it may look at anything.
    #[serde(default)]
    pub inputs: BTreeMap<String, BTreeSet<Input>>,
    /// The logs that were read: `vpc vpc-1`, `file`, `trail cn-hangzhou`.
    #[serde(default)]
    pub logs: BTreeSet<String>,
    /// The waiver file; empty without one.
    #[serde(default)]
    pub waiver_file: String,
    /// The ids of the waivers in it.
    #[serde(default)]
    pub waivers: BTreeSet<String>,
}

impl Grounds {
    /// What a rule looks at.
    pub(super) fn inputs(&self, rule_id: &str) -> BTreeSet<Input> {
        self.inputs.get(rule_id).cloned().unwrap_or_else(|| Input::ALL.into())
    }

    /// What a finding of this run rests on, as a word that is kept with it; empty where it rests on the cloud alone.
    pub(crate) fn behind(&self, rule_id: &str, subject: &Subject) -> String {
        if subject.resource_kind == ResourceKind::Waiver {
            return format!("waivers {}", self.waiver_file);
        }
        let by_logs = subject.endpoint_kind.is_some() && self.inputs(rule_id).into_iter().any(Input::rests_on_logs);
        match by_logs && !self.logs.is_empty() {
            true => format!("logs {}", self.logs.iter().cloned().collect::<Vec<_>>().join(",")),
            false => String::new(),
        }
    }

    /// True if this run had every log that `word` names.
    pub(super) fn has_logs_of(&self, word: &str) -> bool {
        word.strip_prefix("logs ").is_none_or(|logs| logs.split(',').all(|log| self.logs.contains(log)))
    }

    /// True if this run's waivers say something about one that an earlier run knew by a file that `word` names; without
    /// a word, it is the file of this run.
    pub(super) fn knows_waiver(&self, waiver_id: &str, word: &str) -> bool {
        let same_file = word.is_empty() || word.strip_prefix("waivers ") == Some(&self.waiver_file);
        !self.waiver_file.is_empty() && (self.waivers.contains(waiver_id) || same_file)
    }
}
