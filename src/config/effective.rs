//! Which value counts for each setting, and where it came from.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use crate::{
    model::{Severity, TrustedEntry},
    notify,
    remediate::Window,
    scan::{Picked, Site},
};

use super::{AccountSettings, Config, Deadline, OrganizationSettings};

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The configuration file.
    File {
        /// Counted from 1.
        line: usize,
    },
    /// An option of the command line.
    Flag(&'static str),
    /// The file, and an option that adds to it.
    FileAndFlag {
        /// Counted from 1.
        line: usize,
        flag: &'static str,
    },
    /// A variable of the environment.
    Environment(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.pad("default"),
            Self::File { line } => f.pad(&format!("file, line {line}")),
            Self::Flag(flag) => f.pad(flag),
            Self::FileAndFlag { line, flag } => f.pad(&format!("file, line {line}, and {flag}")),
            Self::Environment(variable) => f.pad(&format!("environment {variable}")),
        }
    }
}

/// Where the values that are not defaults came from, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origins(BTreeMap<String, Origin>);

impl Origins {
    pub(crate) fn set(&mut self, key: &str, origin: Origin) {
        self.0.insert(key.to_owned(), origin);
    }

    fn of(&self, key: &str) -> Origin {
        self.0.get(key).copied().unwrap_or(Origin::Default)
    }
}

/// What the command line says; empty where it says nothing.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--profile`: instead of every configured account.
    pub profile: Option<String>,
    /// `--region`: instead of the configured regions.
    pub regions: Vec<String>,
    /// `--deadline`.
    pub deadline: Option<Deadline>,
    /// `--trusted`: added to the configured allowlist.
    pub trusted: Vec<TrustedEntry>,
    /// `--rules`: added to the configured folders.
    pub rule_dirs: Vec<PathBuf>,
    /// `--fail-on`.
    pub fail_on: Option<Severity>,
}

impl Config {
    /// The settings with the command line's word over the file's.
    pub fn with(mut self, overrides: Overrides) -> Self {
        if let Some(profile) = overrides.profile {
            self.accounts = vec![AccountSettings { profile: Some(profile), ..AccountSettings::default() }];
            self.organization = None;
            self.origins.set("accounts", Origin::Flag("--profile"));
            self.origins.set("organization", Origin::Flag("--profile"));
        }
        if !overrides.regions.is_empty() {
            self.regions = overrides.regions;
            self.origins.set("regions", Origin::Flag("--region"));
        }
        if let Some(deadline) = overrides.deadline {
            self.deadline = deadline;
            self.origins.set("deadline", Origin::Flag("--deadline"));
        }
        if !overrides.trusted.is_empty() {
            self.trusted.entries.extend(overrides.trusted);
            self.add_flag("trusted", "--trusted");
        }
        if !overrides.rule_dirs.is_empty() {
            self.rules.dirs.extend(overrides.rule_dirs);
            self.add_flag("rules.dirs", "--rules");
        }
        if let Some(severity) = overrides.fail_on {
            self.fail_on = severity;
            self.origins.set("fail_on", Origin::Flag("--fail-on"));
        }
        self
    }

    /// What names the regions to scan, in the words of the ledger.
    pub fn regions_named_by(&self) -> String {
        match self.origins.of("regions") {
            Origin::File { line } => format!("`regions`, line {line},"),
            origin => format!("`{origin}`"),
        }
    }

    fn add_flag(&mut self, key: &str, flag: &'static str) {
        let origin = match self.origins.of(key) {
            Origin::File { line } => Origin::FileAndFlag { line, flag },
            _ => Origin::Flag(flag),
        };
        self.origins.set(key, origin);
    }
}

/// Every setting with its value as the file would spell it, and where it came from; in the order of the documentation.
pub fn effective(config: &Config) -> Vec<(String, String, Origin)> {
    let paths = |paths: &[PathBuf]| list(paths.iter().map(|path| path.display().to_string()));
    let path = |path: &Option<PathBuf>, none: &str| {
        path.as_ref().map_or_else(|| none.to_owned(), |path| path.display().to_string())
    };
    let accounts = match config.accounts.as_slice() {
        [] if config.organization.is_some() => "none but the organization's".to_owned(),
        [] => "the caller's own".to_owned(),
        some => list(some.iter().map(account)),
    };
    let regions = match config.regions.as_slice() {
        [] => "all that the APIs list".to_owned(),
        some => list(some.iter().cloned()),
    };
    let consumers = config.consumers.iter().map(|(id, consumers)| {
        format!("{id}: {}", list(consumers.iter().map(|consumer| format!("{} in {}", consumer.name, consumer.vpc_id))))
    });
    let severities = config.rules.severity.iter().map(|(rule, severity)| format!("{rule}: {severity}"));
    let endpoints = config.endpoints.iter().map(|(product, host)| format!("{product}: {host}"));
    let evidence = &config.evidence;
    let remediation = &config.remediation;
    let (environments, budgets) = (&remediation.environments, &remediation.budgets);
    let rows = [
        ("accounts", accounts),
        ("organization", config.organization.as_ref().map_or_else(|| "none".to_owned(), organization)),
        ("regions", regions),
        ("deadline", config.deadline.to_string()),
        ("trusted", list(config.trusted.entries.iter().map(trusted))),
        ("consumers", list(consumers)),
        ("waivers", path(&config.waivers, "none")),
        ("rules.dirs", paths(&config.rules.dirs)),
        ("rules.disable", list(config.rules.disable.iter().cloned())),
        ("rules.severity", list(severities)),
        ("fail_on", config.fail_on.to_string()),
        (
            "store.url",
            config
                .store
                .url
                .as_ref()
                .map_or_else(|| "portcullis.db in the user's data directory".to_owned(), ToString::to_string),
        ),
        ("store.keep_days", kept(config.store.retention.keep_days)),
        ("store.keep_runs", kept(config.store.retention.keep_runs)),
        ("evidence.window_days", evidence.window_days.to_string()),
        ("evidence.audit_logs", evidence.audit_logs.as_str().to_owned()),
        ("evidence.flow_logs", evidence.flow_logs.as_str().to_owned()),
        ("evidence.files", paths(&evidence.files)),
        ("evidence.signing_key", path(&evidence.signing_key, "none")),
        ("remediation.approvers", list(remediation.approvers.iter().map(|approver| approver.name.clone()))),
        ("remediation.approvals.needed", remediation.needed.to_string()),
        ("remediation.approvals.production", remediation.needed_in_production.to_string()),
        ("remediation.environments.tag", environments.tag.clone()),
        ("remediation.environments.order", list(environments.order.iter().cloned())),
        ("remediation.environments.production", list(environments.production.iter().cloned())),
        ("remediation.windows", windows(&remediation.windows)),
        ("remediation.budgets.per_run", budget(budgets.per_run)),
        ("remediation.budgets.per_day", budget(budgets.per_day)),
        ("remediation.budgets.per_environment", per_environment(&budgets.per_environment)),
        ("remediation.lease.journal", path(&remediation.journal, "portcullis.journal in the user's data directory")),
        ("remediation.lease.kill_file", path(&remediation.kill_file, "portcullis.kill in the user's data directory")),
        ("remediation.canary.soak_minutes", remediation.canary_soak_minutes.to_string()),
        ("remediation.automatic.enabled", remediation.automatic.enabled.to_string()),
        ("remediation.automatic.notice_hours", remediation.automatic.notice_hours.to_string()),
        ("notify", list(config.notify.iter().map(channel))),
        ("endpoints", list(endpoints)),
    ];
    rows.into_iter().map(|(key, value)| (key.to_owned(), value, config.origins.of(key))).collect()
}

fn windows(windows: &[Window]) -> String {
    match windows {
        [] => "none: nothing is changed".to_owned(),
        some => list(some.iter().map(ToString::to_string)),
    }
}

fn budget(count: u32) -> String {
    match count {
        0 => "0: nothing is changed".to_owned(),
        count => count.to_string(),
    }
}

fn per_environment(budgets: &BTreeMap<String, u32>) -> String {
    match budgets.is_empty() {
        true => "none: nothing is changed in any".to_owned(),
        false => list(budgets.iter().map(|(name, count)| format!("{name}: {count}"))),
    }
}

fn kept(limit: Option<u32>) -> String {
    limit.map_or_else(|| "all".to_owned(), |limit| limit.to_string())
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// An external id is shared with a third party to keep others out; it is not printed.
fn account(account: &AccountSettings) -> String {
    let mut parts = Vec::new();
    parts.extend(account.profile.iter().map(|name| format!("profile {name}")));
    parts.extend(account.role_arn.iter().map(|arn| format!("role {arn}")));
    parts.extend(account.external_id.iter().map(|_| "with an external id".to_owned()));
    parts.join(" ")
}

fn organization(settings: &OrganizationSettings) -> String {
    let OrganizationSettings { organization, roots } = settings;
    let picks = |picks: &[Picked]| list(picks.iter().map(|it| it.pick.to_string()));
    let mut parts = vec![format!("role {}", organization.role_name)];
    parts.extend(organization.external_id.iter().map(|_| "with an external id".to_owned()));
    parts.extend(roots.iter().map(|root| match (&root.profile, root.site) {
        (Some(profile), Site::China) => format!("of profile {profile}"),
        (Some(profile), Site::International) => format!("of profile {profile} at the international site"),
        (None, Site::China) => "of the caller".to_owned(),
        (None, Site::International) => "of the caller at the international site".to_owned(),
    }));
    if !organization.include.is_empty() {
        parts.push(format!("only {}", picks(&organization.include)));
    }
    if !organization.exclude.is_empty() {
        parts.push(format!("without {}", picks(&organization.exclude)));
    }
    parts.join(" ")
}

/// Where its secrets are, and never what they are.
fn channel(settings: &notify::Settings) -> String {
    let key = settings.key.as_ref().map(|key| format!(", key from {key}")).unwrap_or_default();
    let on: Vec<&str> = settings.on.iter().map(|kind| kind.as_str()).collect();
    format!(
        "{} (address from {}{key}) from {} on {}{}",
        settings.channel,
        settings.address,
        settings.min_severity,
        on.join("/"),
        if settings.details { " with details" } else { "" }
    )
}

fn trusted(entry: &TrustedEntry) -> String {
    let mut text = entry.cidr.to_string();
    if let Some(name) = &entry.name {
        text.push_str(&format!(" ({name})"));
    }
    if !entry.kinds.is_empty() {
        text.push_str(&format!(" for {}", entry.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join("/")));
    }
    if !entry.resources.is_empty() {
        text.push_str(&format!(" of {}", entry.resources.join("/")));
    }
    if !entry.regions.is_empty() {
        text.push_str(&format!(" in {}", entry.regions.join("/")));
    }
    if let Some(day) = entry.expires {
        text.push_str(&format!(" until {day}"));
    }
    text
}
