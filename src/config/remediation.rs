//! `remediation`: who approves changes, when they may be made, how many, and what stops them.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    str::FromStr,
};

use chrono::Weekday;

use super::{
    file::keys,
    problem::{Problem, shown},
    walk::{Fields, Walk, nearest},
    yaml::Node,
};
use crate::{
    remediate::{
        Limits, NoSuchZone, Pace, TimeOfDay, Window, Zone,
        approval::{Approver, Needed},
    },
    seal::PublicKey,
};

/// Edges of windows are looked at for these years: the zones' rules are told ahead no further.
const YEARS: RangeInclusive<i32> = 2026..=2037;

/// More windows or approvers than this are a mistake of a generator.
const LIST_LIMIT: usize = 100;

/// Everything that changes are made by. What is not said allows nothing: no window, and budgets of 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemediationSettings {
    pub approvers: Vec<Approver>,
    /// How many people must approve a plan.
    pub needed: u32,
    /// The same where an action is in production.
    pub needed_in_production: u32,
    pub environments: EnvironmentSettings,
    pub windows: Vec<Window>,
    pub budgets: Limits,
    /// The journal of this host; `None`: `portcullis.journal` in the user's data directory.
    pub journal: Option<PathBuf>,
    /// While it exists, nothing is changed; `None`: `portcullis.kill` in the user's data directory.
    pub kill_file: Option<PathBuf>,
    /// How long the first change soaks alone.
    pub canary_soak_minutes: u32,
    pub automatic: AutomaticSettings,
}

/// What tells the environment of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentSettings {
    /// The tag's key.
    pub tag: String,
    /// The lowest first: from the lowest one in a plan comes its canary.
    pub order: Vec<String>,
    /// Whose changes more people must approve.
    pub production: BTreeSet<String>,
}

/// Changes with nobody standing by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutomaticSettings {
    pub enabled: bool,
    /// From the notice to the owner until the change.
    pub notice_hours: u32,
}

impl Default for RemediationSettings {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        Self {
            approvers: Vec::new(),
            needed: 1,
            needed_in_production: LEAST_IN_PRODUCTION,
            environments: EnvironmentSettings {
                tag: "env".to_owned(),
                order: words(&["dev", "test", "staging", "prod", "production"]),
                production: words(&["prod", "production"]).into_iter().collect(),
            },
            windows: Vec::new(),
            budgets: Limits { per_run: 0, per_day: 0, per_environment: BTreeMap::new() },
            journal: None,
            kill_file: None,
            canary_soak_minutes: LEAST_SOAK,
            automatic: AutomaticSettings { enabled: false, notice_hours: LEAST_NOTICE },
        }
    }
}

const LEAST_IN_PRODUCTION: u32 = 2;
const LEAST_SOAK: u32 = 30;
const LEAST_NOTICE: u32 = 24;

impl RemediationSettings {
    /// Who has to approve a plan.
    pub fn approvals(&self) -> Needed {
        Needed {
            any: self.needed,
            production: self.needed_in_production,
            production_environments: self.environments.production.clone(),
        }
    }

    /// The pace with the waits that are longer here. None can be made shorter.
    pub fn paced(&self, pace: Pace) -> Pace {
        let soak = std::time::Duration::from_mins(self.canary_soak_minutes.into());
        let notice = std::time::Duration::from_hours(self.automatic.notice_hours.into());
        Pace {
            canary_soak: pace.canary_soak.max(soak),
            canary_soak_automatic: pace.canary_soak_automatic.max(soak),
            owner_notice: pace.owner_notice.max(notice),
            ..pace
        }
    }
}

/// An environment's name as everything compares it.
pub(crate) fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The walk over the section. Keys that count are noted by their paths.
pub(crate) struct Section<'a, 's> {
    pub(crate) walk: &'a Walk<'s>,
    pub(crate) folder: &'a Path,
}

impl Section<'_, '_> {
    /// Reads the section; the keys that were said are given as path and node.
    pub(crate) fn read<'n>(&self, node: &'n Node, path: &str) -> (RemediationSettings, Vec<(String, &'n Node)>) {
        let mut settings = RemediationSettings::default();
        let mut said = Vec::new();
        let Some(section) = self.walk.fields(node, path, keys::REMEDIATION) else { return (settings, said) };
        if let Some((node, path)) = section.get("approvers") {
            settings.approvers = self.approvers(node, &path);
            said.push((path, node));
        }
        if let Some((node, path)) = section.get("windows") {
            settings.windows = self.windows(node, &path);
            said.push((path, node));
        }
        let mut sections = Sections { section: self, fields: &section, said: &mut said };
        sections.approvals(&mut settings);
        sections.environments(&mut settings.environments);
        sections.budgets(&mut settings.budgets);
        sections.lease(&mut settings);
        sections.canary(&mut settings);
        sections.automatic(&mut settings.automatic);
        (settings, said)
    }

    fn approvers(&self, node: &Node, path: &str) -> Vec<Approver> {
        let mut approvers: Vec<Approver> = Vec::new();
        for (index, item) in self.some(node, path).iter().enumerate() {
            let Some(approver) = self.approver(item, &format!("{path}[{index}]")) else { continue };
            let same = |other: &&Approver| {
                folded(&other.name) == folded(&approver.name) || other.public_key == approver.public_key
            };
            if let Some(other) = approvers.iter().find(same) {
                let what = format!("`{path}[{index}]` has the name or the key of \"{}\"", shown(&other.name));
                let help = "one entry a person: whoever has two keys still approves once";
                self.walk.report(Problem::new(item.at.clone(), what).help(help));
            }
            approvers.push(approver);
        }
        approvers
    }

    fn approver(&self, node: &Node, path: &str) -> Option<Approver> {
        let fields = self.walk.fields(node, path, keys::APPROVER)?;
        let needed = |key: &str, help: &str| {
            let (node, path) = fields.require(self.walk, key, help)?;
            self.walk.text(node, &path).map(str::to_owned)
        };
        let name = needed("name", "say who it is");
        let public_key = needed("public_key", "give the key that checks this person's approvals");
        let arn = fields.get("arn").and_then(|(node, path)| self.walk.text(node, &path).map(str::to_owned));
        let parsed = public_key?.parse::<PublicKey>();
        if let (Err(error), Some((node, path))) = (&parsed, fields.get("public_key")) {
            self.walk.report(Problem::new(node.at.clone(), format!("`{path}` is not understood: {error}")));
        }
        Some(Approver { name: name?, public_key: parsed.ok()?, arn })
    }

    fn windows(&self, node: &Node, path: &str) -> Vec<Window> {
        let items = self.some(node, path).iter().enumerate();
        items.filter_map(|(index, item)| self.window(item, &format!("{path}[{index}]"))).collect()
    }

    fn window(&self, node: &Node, path: &str) -> Option<Window> {
        let fields = self.walk.fields(node, path, keys::WINDOW)?;
        let zone = self.zone(&fields);
        let days = self.days(&fields);
        let from = self.time(&fields, "from", "say when it opens, as in `from: \"22:00\"`");
        let to = self.time(&fields, "to", "say when it ends, as in `to: \"23:30\"`; `24:00` is the end of the day");
        let overnight = fields.get("overnight").and_then(|(node, path)| self.walk.boolean(node, &path));
        let window = Window { zone: zone?, days: days?, from: from?, to: to? };
        let whole_day = window.from == window.to;
        let wrong = match (window.is_overnight(), overnight.unwrap_or(false)) {
            _ if whole_day => Some(("opens and ends at the same time", "for a whole day write `00:00` to `24:00`")),
            (true, false) => {
                Some(("ends before it opens", "say `overnight: true` if it ends on the next day, or change the two"))
            }
            (false, true) => Some(("ends on the day on which it opens, and says `overnight`", "delete `overnight`")),
            _ => None,
        };
        if let Some((what, help)) = wrong {
            self.walk.report(Problem::new(node.at.clone(), format!("`{path}` {what}")).help(help));
            return None;
        }
        if let Some((day, edge)) = window.edge_that_is_skipped(YEARS) {
            let what = format!(
                "`{path}` has an edge at {edge}, which {} has not on {day}: clocks are set forward over it",
                window.zone
            );
            let help = "move the edge out of the hour that is skipped: it cannot be told what it means on that day";
            self.walk.report(Problem::new(node.at.clone(), what).help(help));
            return None;
        }
        Some(window)
    }

    fn zone(&self, fields: &Fields<'_>) -> Option<Zone> {
        let help = "name the zone that the times are of, as in `zone: Asia/Shanghai`";
        let (node, path) = fields.require(self.walk, "zone", help)?;
        let text = self.walk.text(node, &path)?;
        let zone = Zone::from_str(text).ok();
        if zone.is_none() {
            let names = Zone::names();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let help = match nearest(text, &names) {
                Some(name) => format!("did you mean `{name}`?"),
                None => NoSuchZone.to_string(),
            };
            let what = format!("`{path}`: there is no zone \"{}\"", shown(text));
            self.walk.report(Problem::new(node.at.clone(), what).help(help));
        }
        zone
    }

    fn days(&self, fields: &Fields<'_>) -> Option<Vec<Weekday>> {
        const DAYS: [(&str, Weekday); 7] = [
            ("mon", Weekday::Mon),
            ("tue", Weekday::Tue),
            ("wed", Weekday::Wed),
            ("thu", Weekday::Thu),
            ("fri", Weekday::Fri),
            ("sat", Weekday::Sat),
            ("sun", Weekday::Sun),
        ];
        let help = "name the days on which it opens, as in `days: [mon, tue]`";
        let (node, path) = fields.require(self.walk, "days", help)?;
        let items = self.walk.list(node, &path)?;
        if items.is_empty() {
            let what = format!("`{path}` is empty: the window would never open");
            self.walk.report(Problem::new(node.at.clone(), what).help(help));
            return None;
        }
        let named: Vec<Option<Weekday>> = items
            .iter()
            .enumerate()
            .map(|(index, item)| self.walk.word(item, &format!("{path}[{index}]"), &DAYS))
            .collect();
        let named: Vec<Weekday> = named.into_iter().collect::<Option<_>>()?;
        Some(DAYS.iter().map(|(_, day)| *day).filter(|day| named.contains(day)).collect())
    }

    fn time(&self, fields: &Fields<'_>, key: &str, help: &str) -> Option<TimeOfDay> {
        let (node, path) = fields.require(self.walk, key, help)?;
        let text = self.walk.text(node, &path)?;
        let time = text.parse().ok();
        if time.is_none() {
            let what = format!("`{path}` is no time of a day: \"{}\"", shown(text));
            self.walk.report(Problem::new(node.at.clone(), what).help("write it as `09:30`, from `00:00` to `24:00`"));
        }
        time
    }

    /// The items of a list of a sane length.
    fn some<'n>(&self, node: &'n Node, path: &str) -> &'n [Node] {
        let items = self.walk.list(node, path).unwrap_or_default();
        if items.len() > LIST_LIMIT {
            let what = format!("`{path}` has {} items; at most {LIST_LIMIT} are read", items.len());
            self.walk.report(Problem::new(node.at.clone(), what));
            return &[];
        }
        items
    }
}

/// The mappings of the section, one after the other.
struct Sections<'a, 'n, 's> {
    section: &'a Section<'a, 's>,
    fields: &'a Fields<'n>,
    said: &'a mut Vec<(String, &'n Node)>,
}

impl<'n> Sections<'_, 'n, '_> {
    /// The keys of a mapping; those that are there count.
    fn of(&mut self, key: &str, known: &[&str]) -> Option<Fields<'n>> {
        let (node, path) = self.fields.get(key)?;
        let fields = self.section.walk.fields(node, &path, known)?;
        self.said.extend(known.iter().filter_map(|key| fields.get(key)).map(|(node, path)| (path, node)));
        Some(fields)
    }

    fn number(&self, fields: &Fields<'_>, key: &str, range: RangeInclusive<u32>, into: &mut u32) {
        let Some((node, path)) = fields.get(key) else { return };
        let number = self.section.walk.integer(node, &path, (*range.start()).into(), (*range.end()).into());
        *into = number.and_then(|number| u32::try_from(number).ok()).unwrap_or(*into);
    }

    fn words(&self, fields: &Fields<'_>, key: &str) -> Option<Vec<String>> {
        let (node, path) = fields.get(key)?;
        Some(self.section.walk.texts(node, &path)?.iter().map(|word| folded(word)).collect())
    }

    fn approvals(&mut self, settings: &mut RemediationSettings) {
        let Some(fields) = self.of("approvals", keys::APPROVALS) else { return };
        self.number(&fields, "needed", 1..=100, &mut settings.needed);
        self.number(&fields, "production", LEAST_IN_PRODUCTION..=100, &mut settings.needed_in_production);
    }

    fn environments(&mut self, settings: &mut EnvironmentSettings) {
        let Some(fields) = self.of("environments", keys::ENVIRONMENTS) else { return };
        if let Some((node, path)) = fields.get("tag")
            && let Some(tag) = self.section.walk.text(node, &path)
        {
            settings.tag = tag.to_owned();
        }
        if let Some(order) = self.words(&fields, "order") {
            settings.order = order;
        }
        if let Some(production) = self.words(&fields, "production") {
            settings.production = production.into_iter().collect();
        }
    }

    fn budgets(&mut self, settings: &mut Limits) {
        let Some(fields) = self.of("budgets", keys::BUDGETS) else { return };
        self.number(&fields, "per_run", 0..=1000, &mut settings.per_run);
        self.number(&fields, "per_day", 0..=1000, &mut settings.per_day);
        let walk = self.section.walk;
        let Some((node, path)) = fields.get("per_environment") else { return };
        for (key, value) in walk.entries(node, &path).into_iter().flatten() {
            let name = folded(&key.text);
            let path = format!("{path}.{}", shown(&key.text));
            let Some(number) = walk.integer(value, &path, 0, 1000).and_then(|number| u32::try_from(number).ok()) else {
                continue;
            };
            if name.is_empty() || settings.per_environment.insert(name, number).is_some() {
                let what = format!("`{path}` names no environment, or one that is named already");
                walk.report(Problem::new(key.at.clone(), what).help("names differ by more than blanks and case"));
            }
        }
    }

    fn lease(&mut self, settings: &mut RemediationSettings) {
        let Some(fields) = self.of("lease", keys::LEASE) else { return };
        let walk = self.section.walk;
        let file = |key: &str| {
            let (node, path) = fields.get(key)?;
            Some(self.section.folder.join(walk.text(node, &path)?))
        };
        settings.journal = file("journal");
        settings.kill_file = file("kill_file");
    }

    fn canary(&mut self, settings: &mut RemediationSettings) {
        let Some(fields) = self.of("canary", keys::CANARY) else { return };
        self.number(&fields, "soak_minutes", LEAST_SOAK..=10_080, &mut settings.canary_soak_minutes);
    }

    fn automatic(&mut self, settings: &mut AutomaticSettings) {
        let Some(fields) = self.of("automatic", keys::AUTOMATIC) else { return };
        let enabled = fields.get("enabled").and_then(|(node, path)| self.section.walk.boolean(node, &path));
        settings.enabled = enabled.unwrap_or(settings.enabled);
        self.number(&fields, "notice_hours", LEAST_NOTICE..=720, &mut settings.notice_hours);
    }
}

/// What automatic mode needs and the settings do not give.
pub(crate) fn automatic_lacks(settings: &RemediationSettings, has_channel: bool) -> Vec<&'static str> {
    let needs = [
        (!settings.windows.is_empty(), "a window in `remediation.windows`"),
        (
            settings.budgets.per_run > 0 && settings.budgets.per_day > 0,
            "`per_run` and `per_day` in `remediation.budgets`",
        ),
        (has_channel, "a channel in `notify` to tell owners by"),
    ];
    needs.into_iter().filter(|(given, _)| settings.automatic.enabled && !given).map(|(_, what)| what).collect()
}
