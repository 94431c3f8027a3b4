//! `portcullis.yaml`: the typed settings, and the walk that makes them from a tree.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::{Path, PathBuf},
};

use crate::{
    model::{Severity, TrustedList},
    notify,
    scan::{Organization, Pick, Picked, Site},
    store::{Retention, StoreUrl},
};

use super::{
    Deadline, NoDeadline, Notice, RuleIds, channels,
    effective::{Origin, Origins},
    problem::{ConfigErrors, Problem, shown},
    remediation::{self, RemediationSettings},
    secrets::looks_secret,
    source::Source,
    trusted,
    walk::{Fields, Walk},
    yaml::{Key, Node, Value},
};

/// The only version of the file so far.
pub(crate) const VERSION: i64 = 1;

/// Accounts or regions beyond this are a mistake of a generator.
const LIST_LIMIT: usize = 10_000;

/// Keys of every section, for the walk and for the test that holds the JSON Schema against it.
pub(crate) mod keys {
    pub(crate) const FILE: &[&str] = &[
        "version",
        "accounts",
        "organization",
        "regions",
        "deadline",
        "trusted",
        "consumers",
        "waivers",
        "rules",
        "fail_on",
        "store",
        "evidence",
        "remediation",
        "notify",
        "endpoints",
    ];
    pub(crate) const ACCOUNT: &[&str] = &["profile", "role_arn", "external_id", "session_name"];
    pub(crate) const ORGANIZATION: &[&str] =
        &["role_name", "external_id", "session_name", "roots", "include", "exclude"];
    pub(crate) const ROOT: &[&str] = &["profile", "site"];
    pub(crate) const CONSUMER: &[&str] = &["name", "vpc_id", "vswitch_id"];
    pub(crate) const RULES: &[&str] = &["dirs", "disable", "severity"];
    pub(crate) const STORE: &[&str] = &["url", "keep_days", "keep_runs"];
    pub(crate) const EVIDENCE: &[&str] = &["window_days", "audit_logs", "flow_logs", "files", "signing_key"];
    pub(crate) const REMEDIATION: &[&str] =
        &["approvers", "approvals", "environments", "windows", "budgets", "lease", "canary", "automatic"];
    pub(crate) const APPROVER: &[&str] = &["name", "public_key", "arn"];
    pub(crate) const APPROVALS: &[&str] = &["needed", "production"];
    pub(crate) const ENVIRONMENTS: &[&str] = &["tag", "order", "production"];
    pub(crate) const WINDOW: &[&str] = &["zone", "days", "from", "to", "overnight"];
    pub(crate) const BUDGETS: &[&str] = &["per_run", "per_day", "per_environment"];
    pub(crate) const LEASE: &[&str] = &["journal", "kill_file"];
    pub(crate) const CANARY: &[&str] = &["soak_minutes"];
    pub(crate) const AUTOMATIC: &[&str] = &["enabled", "notice_hours"];
    pub(crate) const NOTIFY: &[&str] = &["dingtalk", "feishu", "slack", "webhook", "min_severity", "on", "details"];
    pub(crate) const CHANNEL: &[&str] = &["url_env", "url_file", "secret_env", "secret_file"];
}

/// The settings of a scan. Every value is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Whom to scan as; empty: the credential chain's own account.
    pub accounts: Vec<AccountSettings>,
    /// Beside those, the accounts of resource directories.
    pub organization: Option<OrganizationSettings>,
    /// Which regions to scan; empty: all that the APIs list.
    pub regions: Vec<String>,
    /// How long a run may read.
    pub deadline: Deadline,
    /// The allowlist.
    pub trusted: TrustedList,
    /// Who uses an API server, by cluster or mesh id.
    pub consumers: BTreeMap<String, Vec<ConsumerSettings>>,
    /// The waiver file; relative paths of the file are taken from its own folder.
    pub waivers: Option<PathBuf>,
    /// Which rules run, and how bad their findings are.
    pub rules: RuleSettings,
    /// The lowest severity that counts for exit code 1.
    pub fail_on: Severity,
    /// Where runs are kept, and for how long.
    pub store: StoreSettings,
    /// Where evidence comes from.
    pub evidence: EvidenceSettings,
    /// What changes are made by.
    pub remediation: RemediationSettings,
    /// Who is told of changes.
    pub notify: Vec<notify::Settings>,
    /// Host overrides by lower-case product code, such as `slb`.
    pub endpoints: BTreeMap<String, String>,
    /// Things worth a line on stderr.
    pub notices: Vec<Notice>,
    pub(crate) origins: Origins,
}

/// How to get into one account: a profile, a role, or the role from the profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountSettings {
    /// A profile of the vendor's command-line tool; `None`: the credential chain.
    pub profile: Option<String>,
    /// The role to assume with those credentials.
    pub role_arn: Option<String>,
    pub external_id: Option<String>,
    /// The name that the audit trail shows; `None`: `portcullis`.
    pub session_name: Option<String>,
}

/// Which accounts of resource directories to scan, and who lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationSettings {
    pub organization: Organization,
    /// One directory each.
    pub roots: Vec<RootSettings>,
}

/// Whose keys list a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootSettings {
    /// A profile of the vendor's command-line tool; `None`: the credential chain.
    pub profile: Option<String>,
    /// Where the directory is.
    pub site: Site,
}

/// A consumer of an API server that only the operator knows of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerSettings {
    pub name: String,
    pub vpc_id: String,
    pub vswitch_id: Option<String>,
}

/// Which rules run, and how bad their findings are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSettings {
    /// Folders of rules beside the embedded ones.
    pub dirs: Vec<PathBuf>,
    /// Ids of rules that do not run.
    pub disable: Vec<String>,
    /// Severity by rule id, instead of the rule's own.
    pub severity: BTreeMap<String, Severity>,
}

/// Where runs are kept, and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreSettings {
    /// `None`: `portcullis.db` in the user's data directory.
    pub url: Option<StoreUrl>,
    pub retention: Retention,
}

/// Where evidence comes from. The key is read and checked; no command of this version signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceSettings {
    /// How far back logs are read.
    pub window_days: u32,
    pub audit_logs: LogUse,
    pub flow_logs: LogUse,
    /// Saved logs.
    pub files: Vec<PathBuf>,
    /// The file of the key that signs bundles.
    pub signing_key: Option<PathBuf>,
}

impl Default for EvidenceSettings {
    fn default() -> Self {
        Self {
            window_days: 30,
            audit_logs: LogUse::Auto,
            flow_logs: LogUse::Auto,
            files: Vec::new(),
            signing_key: None,
        }
    }
}

/// Whether a kind of log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogUse {
    /// Where there is one.
    Auto,
    /// Always; its absence is a gap.
    Always,
    /// Never.
    Never,
}

impl LogUse {
    /// The word of the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            accounts: Vec::new(),
            organization: None,
            regions: Vec::new(),
            deadline: Deadline::default(),
            trusted: TrustedList::default(),
            consumers: BTreeMap::new(),
            waivers: None,
            rules: RuleSettings::default(),
            fail_on: Severity::Low,
            store: StoreSettings::default(),
            evidence: EvidenceSettings::default(),
            remediation: RemediationSettings::default(),
            notify: Vec::new(),
            endpoints: BTreeMap::new(),
            notices: Vec::new(),
            origins: Origins::default(),
        }
    }
}

/// Reads the settings from text; relative paths are taken from `folder`.
pub(crate) fn read(source: &Source, folder: &Path, rules: RuleIds<'_>) -> Result<Config, ConfigErrors> {
    let (walk, root) = Walk::start(source);
    let config = root.and_then(|root| Reader { walk: &walk, folder, rules }.file(&root, source));
    walk.finish(config)
}

/// Checks that a file states the version that this program reads.
pub(crate) fn version(walk: &Walk<'_>, fields: &Fields<'_>) {
    let help = "start the file with `version: 1`, the only version so far";
    let Some((node, path)) = fields.require(walk, "version", help) else { return };
    if let Value::Scalar { plain: false, .. } = &node.value {
        walk.wrong_type(node, &path, "the number 1, without quotes");
        return;
    }
    let Some(version) = walk.integer(node, &path, 0, 1_000_000) else { return };
    if version != VERSION {
        let what = format!("version {version} is not supported; this program reads version {VERSION}");
        let help = match version > VERSION {
            true => "use a newer release of the program, or rewrite the file for version 1",
            false => "write `version: 1`",
        };
        walk.report(Problem::new(node.at.clone(), what).help(help));
    }
}

/// The walk over one file.
struct Reader<'a, 's> {
    walk: &'a Walk<'s>,
    folder: &'a Path,
    rules: RuleIds<'a>,
}

impl Reader<'_, '_> {
    fn file(&self, root: &Node, source: &Source) -> Option<Config> {
        if is_empty(root) {
            self.walk.report(
                Problem::new(0..0, "the file is empty, which is never taken for the defaults")
                    .help("start it with an explicit `version: 1`, or delete it"),
            );
            return None;
        }
        let fields = self.walk.fields(root, "", keys::FILE)?;
        version(self.walk, &fields);
        let mut config = Config::default();
        if source.had_bom {
            config.notices.push(Notice::new(format!(
                "{}: a byte-order mark was dropped; save the file without one",
                source.name
            )));
        }
        self.accounts(&fields, &mut config);
        self.organization(&fields, &mut config);
        self.regions(&fields, &mut config);
        self.deadline(&fields, &mut config);
        self.trusted(&fields, source, &mut config);
        self.consumers(&fields, &mut config);
        self.waivers(&fields, &mut config);
        self.rules(&fields, &mut config);
        self.fail_on(&fields, &mut config);
        self.store(&fields, &mut config);
        self.evidence(&fields, &mut config);
        self.remediation(&fields, &mut config);
        self.notify(&fields, &mut config);
        self.endpoints(&fields, &mut config);
        self.automatic(&fields, &config);
        Some(config)
    }

    /// Notes that a value of the file counts.
    fn came_from_file(&self, config: &mut Config, key: &str, node: &Node) {
        let line = self.walk.line(node.at.start);
        config.origins.set(key, Origin::File { line });
    }

    fn accounts(&self, fields: &Fields<'_>, config: &mut Config) {
        let Some((node, path)) = fields.get("accounts") else { return };
        let Some(items) = self.not_empty(node, &path, "leave the key out to scan the caller's own account") else {
            return;
        };
        for (index, item) in items.iter().enumerate() {
            let Some(account) = self.account(item, &format!("{path}[{index}]")) else { continue };
            let named = account.profile.is_some() || account.role_arn.is_some();
            if named && config.accounts.contains(&account) {
                self.walk.report(Problem::new(item.at.clone(), "the same account twice").help("delete one of them"));
            }
            config.accounts.push(account);
        }
        self.came_from_file(config, "accounts", node);
    }

    fn account(&self, node: &Node, path: &str) -> Option<AccountSettings> {
        let fields = self.walk.fields(node, path, keys::ACCOUNT)?;
        let text = |key: &str| fields.get(key).and_then(|(node, path)| self.walk.text(node, &path).map(str::to_owned));
        let account = AccountSettings {
            profile: text("profile"),
            role_arn: text("role_arn"),
            external_id: text("external_id"),
            session_name: text("session_name"),
        };
        if fields.get("profile").is_none() && fields.get("role_arn").is_none() {
            self.walk.report(
                Problem::new(node.at.clone(), format!("`{path}` names neither a profile nor a role"))
                    .help("give it `profile: NAME` or `role_arn: acs:ram::ACCOUNT:role/NAME`"),
            );
        }
        if let (Some(arn), Some((node, path))) = (&account.role_arn, fields.get("role_arn"))
            && !is_role_arn(arn)
        {
            self.walk.report(
                Problem::new(node.at.clone(), format!("`{path}` is no role: \"{}\"", shown(arn)))
                    .help("write it as `acs:ram::1000000000000001:role/portcullis-audit`"),
            );
        }
        if account.role_arn.is_none() {
            for key in ["external_id", "session_name"] {
                if let Some((node, path)) = fields.get(key) {
                    self.walk.report(
                        Problem::new(
                            node.at.clone(),
                            format!("`{path}` needs a `role_arn`, whose session it belongs to"),
                        )
                        .help("add `role_arn`, or delete it"),
                    );
                }
            }
        }
        self.check_role_options(&account.external_id, &account.session_name, &fields);
        Some(account)
    }

    /// The external id and the session name of a role.
    fn role_options(&self, fields: &Fields<'_>) -> (Option<String>, Option<String>) {
        let text = |key: &str| fields.get(key).and_then(|(node, path)| self.walk.text(node, &path).map(str::to_owned));
        let (external_id, session_name) = (text("external_id"), text("session_name"));
        self.check_role_options(&external_id, &session_name, fields);
        (external_id, session_name)
    }

    fn check_role_options(&self, external_id: &Option<String>, session_name: &Option<String>, fields: &Fields<'_>) {
        if let (Some(id), Some((node, path))) = (external_id, fields.get("external_id"))
            && !(2..=1224).contains(&id.chars().count())
        {
            self.walk.report(Problem::new(node.at.clone(), format!("`{path}` must have 2 to 1224 characters")));
        }
        if let (Some(name), Some((node, path))) = (session_name, fields.get("session_name"))
            && !is_session_name(name)
        {
            let what = format!("`{path}` must be 2 to 64 letters, digits or any of `@.-_=`: \"{}\"", shown(name));
            self.walk.report(Problem::new(node.at.clone(), what));
        }
    }

    fn organization(&self, fields: &Fields<'_>, config: &mut Config) {
        let Some((node, path)) = fields.get("organization") else { return };
        let Some(section) = self.walk.fields(node, &path, keys::ORGANIZATION) else { return };
        let mut organization = Organization::default();
        let help = "name the role to assume in every member account";
        if let Some((name, path)) = section.require(self.walk, "role_name", help)
            && let Some(text) = self.walk.text(name, &path)
        {
            if !is_role_name(text) {
                let what = format!("`{path}` is no role's name: \"{}\"", shown(text));
                self.walk.report(
                    Problem::new(name.at.clone(), what)
                        .help("write the name alone, as in `portcullis-audit`, without `acs:ram::…`"),
                );
            }
            organization.role_name = text.to_owned();
        }
        (organization.external_id, organization.session_name) = self.role_options(&section);
        organization.include = self.picks(&section, "include");
        organization.exclude = self.picks(&section, "exclude");
        let roots = self.roots(&section);
        config.organization = Some(OrganizationSettings { organization, roots });
        self.came_from_file(config, "organization", node);
    }

    /// Whose keys list directories; the chain's own where nobody says.
    fn roots(&self, section: &Fields<'_>) -> Vec<RootSettings> {
        let Some((node, path)) = section.get("roots") else { return vec![RootSettings::default()] };
        let help = "leave the key out to list the directory of the caller's own account";
        let Some(items) = self.not_empty(node, &path, help) else { return Vec::new() };
        let mut roots: Vec<RootSettings> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let Some(fields) = self.walk.fields(item, &path, keys::ROOT) else { continue };
            let sites = [("china", Site::China), ("international", Site::International)];
            let root = RootSettings {
                profile: fields.get("profile").and_then(|(node, path)| self.walk.text(node, &path).map(str::to_owned)),
                site: fields
                    .get("site")
                    .and_then(|(node, path)| self.walk.word(node, &path, &sites))
                    .unwrap_or_default(),
            };
            if roots.contains(&root) {
                self.walk.report(Problem::new(item.at.clone(), "the same root twice").help("delete one of them"));
            }
            roots.push(root);
        }
        roots
    }

    fn picks(&self, section: &Fields<'_>, key: &str) -> Vec<Picked> {
        let Some((node, path)) = section.get(key) else { return Vec::new() };
        let Some(items) = self.walk.list(node, &path) else { return Vec::new() };
        let mut picks = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let Some(text) = self.walk.text(item, &path) else { continue };
            match text.parse::<Pick>() {
                Ok(pick) => picks.push(Picked { pick, line: self.walk.line(item.at.start) }),
                Err(error) => self.walk.report(
                    Problem::new(item.at.clone(), format!("`{path}` {error}: \"{}\"", shown(text)))
                        .help("account ids need quotes: YAML takes them for numbers"),
                ),
            }
        }
        picks
    }

    fn regions(&self, fields: &Fields<'_>, config: &mut Config) {
        let Some((node, path)) = fields.get("regions") else { return };
        let Some(items) = self.not_empty(node, &path, "leave the key out to scan every region") else { return };
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let Some(region) = self.walk.text(item, &path) else { continue };
            if !is_region(region) {
                let what = format!("`{path}` is no region id: \"{}\"", shown(region));
                self.walk.report(Problem::new(item.at.clone(), what).help("write it as `cn-hangzhou`"));
            } else if config.regions.iter().any(|known| known == region) {
                self.walk.report(
                    Problem::new(item.at.clone(), format!("the region {region} is listed twice"))
                        .help("delete one of them"),
                );
            } else {
                config.regions.push(region.to_owned());
            }
        }
        self.came_from_file(config, "regions", node);
    }

    fn trusted(&self, fields: &Fields<'_>, source: &Source, config: &mut Config) {
        let Some((node, path)) = fields.get("trusted") else { return };
        let Some(items) = self.walk.list(node, &path) else { return };
        let read = trusted::from_nodes(self.walk, items, &path, source);
        config.trusted = TrustedList { entries: read.entries };
        config.notices.extend(read.notices);
        self.came_from_file(config, "trusted", node);
    }

    fn consumers(&self, fields: &Fields<'_>, config: &mut Config) {
        let Some((node, path)) = fields.get("consumers") else { return };
        let Some(entries) = self.walk.entries(node, &path) else { return };
        for (key, value) in entries {
            let path = format!("{path}.{}", shown(&key.text));
            self.plain_id(key, "a cluster's or mesh's id");
            let Some(items) = self.walk.list(value, &path) else { continue };
            let consumers =
                items.iter().enumerate().filter_map(|(index, item)| self.consumer(item, &format!("{path}[{index}]")));
            config.consumers.insert(key.text.clone(), consumers.collect());
        }
        self.came_from_file(config, "consumers", node);
    }

    fn consumer(&self, node: &Node, path: &str) -> Option<ConsumerSettings> {
        let fields = self.walk.fields(node, path, keys::CONSUMER)?;
        let needed = |key: &str, help: &str| {
            let (node, path) = fields.require(self.walk, key, help)?;
            self.walk.text(node, &path).map(str::to_owned)
        };
        let name = needed("name", "say who it is, for the report");
        let vpc_id = needed("vpc_id", "give the VPC it calls from");
        let vswitch_id =
            fields.get("vswitch_id").and_then(|(node, path)| self.walk.text(node, &path).map(str::to_owned));
        Some(ConsumerSettings { name: name?, vpc_id: vpc_id?, vswitch_id })
    }

    fn waivers(&self, fields: &Fields<'_>, config: &mut Config) {
        let Some((node, path)) = fields.get("waivers") else { return };
        let Some(text) = self.walk.text(node, &path) else { return };
        config.waivers = Some(self.folder.join(text));
        self.came_from_file(config, "waivers", node);
    }

    fn rules(&self, fields: &Fields<'_>, config: &mut Config) {
        let Some((node, path)) = fields.get("rules") else { return };
        let Some(section) = self.walk.fields(node, &path, keys::RULES) else { return };
        if let Some((node, path)) = section.get("dirs")
            && let Some(dirs) = self.walk.texts(node, &path)
        {
            config.rules.dirs = dirs.iter().map(|dir| self.folder.join(dir)).collect();
            self.came_from_file(config, "rules.dirs", node);
        }
        let mut named = Vec::new();
        if let Some((node, path)) = section.get("disable")
            && let Some(items) = self.walk.list(node, &path)
        {
            for (index, item) in items.iter().enumerate() {
                let Some(id) = self.walk.text(item, &format!("{path}[{index}]")) else { continue };
                named.push((item.at.clone(), id));
                config.rules.disable.push(id.to_owned());
            }
            self.came_from_file(config, "rules.disable", node);
        }
        if let Some((node, path)) = section.get("severity")
            && let Some(entries) = self.walk.entries(node, &path)
        {
            for (key, value) in entries {
                named.push((key.at.clone(), &key.text));
                if let Some(severity) = self.severity(value, &format!("{path}.{}", shown(&key.text))) {
                    config.rules.severity.insert(key.text.clone(), severity);
                }
            }
            self.came_from_file(config, "rules.severity", node);
        }
        self.rule_ids(&named, &config.rules.dirs);
    }

    /// Checks that every rule that is named is there.
    fn rule_ids(&self, named: &[(Range<usize>, &str)], dirs: &[PathBuf]) {
        if named.is_empty() {
            return;
        }
        let Some(known) = (self.rules)(dirs) else { return };
        for (at, id) in named {
            self.walk.rule_id(at, id, &known);
        }
    }

    fn severity(&self, node: &Node, path: &str) -> Option<Severity> {
        severity(self.walk, node, path)
    }

    fn deadline(&self, fields: &Fields<'_>, config: &mut Config) {
        let Some((node, path)) = fields.get("deadline") else { return };
        let text = match &node.value {
            // A number without its unit is told what it lacks, not that it is no text.
            Value::Scalar { text, .. } if text.starts_with(|first: char| first.is_ascii_digit()) => text,
            _ => match self.walk.text(node, &path) {
                Some(text) => text,
                None => return,
            },
        };
        match text.parse() {
            Ok(deadline) => {
                config.deadline = deadline;
                self.came_from_file(config, "deadline", node);
            }
            Err(NoDeadline) => {
                let what = format!("`{path}` cannot be \"{}\"", shown(text));
                self.walk.report(Problem::new(node.at.clone(), what).help(NoDeadline.to_string()));
            }
        }
    }

    fn fail_on(&self, fields: &Fields<'_>, config: &mut Config) {
        let Some((node, path)) = fields.get("fail_on") else { return };
        let Some(severity) = self.severity(node, &path) else { return };
        config.fail_on = severity;
        self.came_from_file(config, "fail_on", node);
    }

    fn store(&self, fields: &Fields<'_>, config: &mut Config) {
        let Some((node, path)) = fields.get("store") else { return };
        let Some(section) = self.walk.fields(node, &path, keys::STORE) else { return };
        if keys::STORE.iter().all(|key| section.get(key).is_none()) {
            let help = "write `url: \"sqlite:runs.db\"`, or leave `store` out";
            self.walk.report(Problem::new(node.at.clone(), format!("`{path}` says nothing")).help(help));
        }
        if let Some((node, path)) = section.get("url") {
            self.store_url(node, &path, config);
        }
        for key in ["keep_days", "keep_runs"] {
            let Some((node, path)) = section.get(key) else { continue };
            let Some(number) = self.walk.integer(node, &path, 1, 1_000_000) else { continue };
            let kept = match key {
                "keep_days" => &mut config.store.retention.keep_days,
                _ => &mut config.store.retention.keep_runs,
            };
            *kept = u32::try_from(number).ok();
            self.came_from_file(config, &path, node);
        }
    }

    fn store_url(&self, node: &Node, path: &str, config: &mut Config) {
        let Some(url) = self.walk.text(node, path) else { return };
        if looks_secret(url) {
            return; // Told already, without the text.
        }
        match StoreUrl::parse(url) {
            Ok(url) => {
                config.store.url = Some(url.within(self.folder));
                self.came_from_file(config, path, node);
            }
            Err(problem) => {
                // It may hold a password in a shape that is not known.
                self.walk.hide(node.at.clone());
                let help = "write `sqlite:` and the path of a file, as in `sqlite:runs.db`, or \
                            `postgres://USER@HOST/DATABASE`, with the password in PGPASSWORD";
                self.walk.report(Problem::new(node.at.clone(), format!("`{path}` {problem}")).help(help));
            }
        }
    }

    fn evidence(&self, fields: &Fields<'_>, config: &mut Config) {
        let Some((node, path)) = fields.get("evidence") else { return };
        let Some(section) = self.walk.fields(node, &path, keys::EVIDENCE) else { return };
        let evidence = &mut config.evidence;
        if let Some((node, path)) = section.get("window_days")
            && let Some(days) = self.walk.integer(node, &path, 0, 3650)
        {
            evidence.window_days = u32::try_from(days).unwrap_or_default();
        }
        let words = [LogUse::Auto, LogUse::Always, LogUse::Never].map(|word| (word.as_str(), word));
        let log_use = |key: &str| section.get(key).and_then(|(node, path)| self.walk.word(node, &path, &words));
        evidence.audit_logs = log_use("audit_logs").unwrap_or(evidence.audit_logs);
        evidence.flow_logs = log_use("flow_logs").unwrap_or(evidence.flow_logs);
        if let Some((node, path)) = section.get("files")
            && let Some(files) = self.walk.texts(node, &path)
        {
            evidence.files = files.iter().map(|file| self.folder.join(file)).collect();
        }
        if let Some((node, path)) = section.get("signing_key")
            && !is_quoted_empty(node)
            && let Some(file) = self.walk.text(node, &path)
        {
            evidence.signing_key = Some(self.folder.join(file));
        }
        for key in keys::EVIDENCE {
            if let Some((node, path)) = section.get(key) {
                self.came_from_file(config, &path, node);
            }
        }
    }

    fn remediation(&self, fields: &Fields<'_>, config: &mut Config) {
        let Some((node, path)) = fields.get("remediation") else { return };
        let (settings, said) = remediation::Section { walk: self.walk, folder: self.folder }.read(node, &path);
        for (key, node) in said {
            self.came_from_file(config, &key, node);
        }
        config.remediation = settings;
    }

    /// Automatic mode with less than it needs would wait for ever, or for the day on which the rest is added.
    fn automatic(&self, fields: &Fields<'_>, config: &Config) {
        let lacks = remediation::automatic_lacks(&config.remediation, !config.notify.is_empty());
        let (false, Some((node, path))) = (lacks.is_empty(), fields.get("remediation")) else { return };
        let what = format!("`{path}.automatic` is on without {}", lacks.join(", "));
        let help = "nobody stands by in automatic mode: give what is missing, or turn it off";
        self.walk.report(Problem::new(node.at.start..node.at.start, what).help(help));
    }

    fn notify(&self, fields: &Fields<'_>, config: &mut Config) {
        let Some((node, path)) = fields.get("notify") else { return };
        let Some(items) = self.walk.list(node, &path) else { return };
        config.notify = channels::read(self.walk, items, &path, self.folder);
        if items.len() > notify::MOST_CHANNELS {
            let what = format!("`{path}` has {} entries; at most {} are read", items.len(), notify::MOST_CHANNELS);
            self.walk.report(Problem::new(node.at.start..node.at.start, what));
        }
        self.came_from_file(config, "notify", node);
    }

    fn endpoints(&self, fields: &Fields<'_>, config: &mut Config) {
        let Some((node, path)) = fields.get("endpoints") else { return };
        let Some(entries) = self.walk.entries(node, &path) else { return };
        for (key, value) in entries {
            if !PRODUCTS.contains(&key.text.as_str()) {
                let what = format!("there is no product `{}`", shown(&key.text));
                let help = match super::walk::nearest(&key.text, PRODUCTS) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("the products are {}", PRODUCTS.join(", ")),
                };
                self.walk.report(Problem::new(key.at.clone(), what).help(help));
            }
            let path = format!("{path}.{}", shown(&key.text));
            let Some(host) = self.walk.text(value, &path).filter(|host| !looks_secret(host)) else { continue };
            match is_vendor_host(host) {
                true => {
                    config.endpoints.insert(key.text.clone(), host.to_owned());
                }
                false => {
                    let what = format!("`{path}` is no host of the vendor: \"{}\"", shown(host));
                    let help = "write a bare host name that ends in `.aliyuncs.com`; signed requests go nowhere else. To reach it by another address, use --endpoint-url";
                    self.walk.report(Problem::new(value.at.clone(), what).help(help));
                }
            }
        }
        self.came_from_file(config, "endpoints", node);
    }

    /// A list with at least one item, for an empty one could mean all or nothing, and of a sane length.
    fn not_empty<'n>(&self, node: &'n Node, path: &str, help: &str) -> Option<&'n [Node]> {
        let items = self.walk.list(node, path)?;
        if items.is_empty() {
            let what = format!("`{path}` is empty, which could mean all or nothing");
            self.walk.report(Problem::new(node.at.clone(), what).help(help));
        }
        if items.len() > LIST_LIMIT {
            let what = format!("`{path}` has {} items; at most {LIST_LIMIT} are read", items.len());
            self.walk.report(Problem::new(node.at.clone(), what));
            return None;
        }
        Some(items)
    }

    fn plain_id(&self, key: &Key, wanted: &str) {
        let plain = !key.text.is_empty()
            && key.text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte));
        if !plain {
            self.walk.report(Problem::new(key.at.clone(), format!("`{}` is not {wanted}", shown(&key.text))));
        }
    }
}

/// A severity's word.
pub(crate) fn severity(walk: &Walk<'_>, node: &Node, path: &str) -> Option<Severity> {
    let words = Severity::WORST_FIRST.map(|severity| (severity.as_str(), severity));
    walk.word(node, path, &words)
}

/// Products whose host may be overridden.
const PRODUCTS: &[&str] = &[
    "servicemesh",
    "cs",
    "ecs",
    "vpc",
    "slb",
    "nlb",
    "sts",
    "vpcpeer",
    "cbn",
    "privatelink",
    "resourcemanager",
    "resourcedirectory",
    "actiontrail",
    "sls",
    "location",
];

/// True for a document in which nothing is said: no text, comments only, `null`, `[]`, `{}`.
pub(crate) fn is_empty(root: &Node) -> bool {
    match &root.value {
        Value::Scalar { text, plain } => super::yaml::meaning(text, *plain) == super::yaml::Meaning::Null,
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(entries) => entries.is_empty(),
        Value::Refused => false,
    }
}

fn is_quoted_empty(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar { text, plain: false } if text.is_empty())
}

/// `acs:ram::<16 digits>:role/<name>`.
pub(crate) fn is_role_arn(text: &str) -> bool {
    let Some((account, name)) = text.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(":role/")) else {
        return false;
    };
    !account.is_empty()
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte))
}

/// The name of a role without its account.
fn is_role_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// What AssumeRole takes as RoleSessionName.
fn is_session_name(text: &str) -> bool {
    (2..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@.-_=".contains(&byte))
}

/// The shape of a region id: `cn-hangzhou`, `ap-southeast-1`, `cn-shanghai-finance-1`.
pub fn is_region(text: &str) -> bool {
    let parts: BTreeSet<bool> = text
        .split('-')
        .map(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
        .collect();
    text.contains('-')
        && text.len() <= 64
        && parts == BTreeSet::from([true])
        && text.starts_with(|first: char| first.is_ascii_lowercase())
}

/// A bare host name below the vendor's domain.
fn is_vendor_host(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.ends_with(".aliyuncs.com") && text.len() <= 253 && text.split('.').all(label)
}
