//! The JSON Schemas of both files, for editors. The types here say what may be written; the walk decides.
//! Tests hold the keys of both against each other, and the committed schemas against these types.
#![expect(dead_code, reason = "the types exist for their schemas")]

use std::collections::BTreeMap;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};

use crate::{findings::RawWaiverFile, model::Severity};

/// The settings of Portcullis, `portcullis.yaml`.
#[derive(JsonSchema)]
#[schemars(rename = "portcullis.yaml", deny_unknown_fields)]
struct ConfigFile {
    /// The version of the file's format: 1.
    #[schemars(range(min = 1, max = 1))]
    version: u32,
    /// Whom to scan as. Default: the credential chain's own account.
    #[schemars(length(min = 1))]
    accounts: Option<Vec<AccountEntry>>,
    /// Beside the accounts: those of the resource directory.
    organization: Option<Organization>,
    /// Which regions to scan. Default: all that the APIs list.
    #[schemars(length(min = 1))]
    regions: Option<Vec<String>>,
    /// How long a run may read: seconds, minutes or hours, up to 24h. What is not read by then is unknown. Default: 30m.
    #[schemars(regex(pattern = r"^[0-9]+[smh]$"))]
    deadline: Option<String>,
    /// The allowlist: who may reach control planes.
    trusted: Option<Vec<Trusted>>,
    /// Who uses an API server, by cluster or mesh id.
    consumers: Option<BTreeMap<String, Vec<Consumer>>>,
    /// The waiver file, relative to this file's folder.
    waivers: Option<String>,
    /// Which rules run, and how bad their findings are.
    rules: Option<Rules>,
    /// The lowest severity that counts for exit code 1. Default: low.
    fail_on: Option<Severity>,
    /// Where runs are kept.
    store: Option<Store>,
    /// Where evidence comes from.
    evidence: Option<Evidence>,
    /// What changes are made by.
    remediation: Option<Remediation>,
    /// Who is told of changes: one channel an entry.
    #[schemars(length(max = 10))]
    notify: Option<Vec<NotifyEntry>>,
    /// Host overrides by product, such as `slb: slb.cn-hangzhou.aliyuncs.com`.
    endpoints: Option<BTreeMap<String, String>>,
}

/// How to get into one account: a profile, a role, or the role from the profile.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct AccountEntry {
    /// A profile of the vendor's command-line tool.
    profile: Option<String>,
    /// The role to assume, `acs:ram::1000000000000001:role/portcullis-audit`.
    role_arn: Option<String>,
    /// The external id that the role asks for.
    external_id: Option<String>,
    /// The session name that the audit trail shows. Default: portcullis.
    session_name: Option<String>,
}

/// Every account of the resource directory, the one that manages it included.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Organization {
    /// The role to assume in every account but the caller's own.
    role_name: String,
    /// The external id that the roles ask for.
    external_id: Option<String>,
    /// The session name that the audit trail shows. Default: portcullis.
    session_name: Option<String>,
    /// Who lists the directory. Default: the credential chain's own account, at the mainland's site.
    #[schemars(length(min = 1))]
    roots: Option<Vec<RootEntry>>,
    /// Account ids, folder ids (`fd-…`, `r-…`) or tags (`tag:KEY=VALUE`, `tag:KEY`). Default: every account.
    include: Option<Vec<String>>,
    /// The same, to be left out.
    exclude: Option<Vec<String>>,
}

/// Who lists a directory.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct RootEntry {
    /// A profile of the vendor's command-line tool. Default: the credential chain.
    profile: Option<String>,
    /// The site that the directory is at. Default: china.
    site: Option<SiteName>,
}

/// The vendor's sites.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum SiteName {
    China,
    International,
}

/// One block of the allowlist.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Trusted {
    /// An address block, `203.0.113.0/24`.
    Block(String),
    /// An address block with a name and limits.
    Entry(TrustedFields),
}

/// An address block with a name and limits.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct TrustedFields {
    /// An address block, `203.0.113.0/24`.
    cidr: String,
    /// Whose it is.
    name: Option<String>,
    /// Counts for these kinds of endpoint only.
    kinds: Option<Vec<Kind>>,
    /// Counts for these meshes and clusters only.
    resources: Option<Vec<String>>,
    /// Counts in these regions only.
    regions: Option<Vec<String>>,
    /// The last day on which it counts (UTC), `2027-01-31`.
    expires: Option<String>,
}

/// A kind of endpoint.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Kind {
    IstioPilot,
    IstioPilotCanary,
    MeshApiServer,
    ClusterApiServer,
}

/// Somebody who uses an API server.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Consumer {
    /// Who it is.
    name: String,
    /// The VPC it calls from.
    vpc_id: String,
    /// The vSwitch it calls from.
    vswitch_id: Option<String>,
}

/// Which rules run, and how bad their findings are.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Rules {
    /// Folders of rules beside the embedded ones, relative to this file's folder.
    dirs: Option<Vec<String>>,
    /// Ids of rules that do not run.
    disable: Option<Vec<String>>,
    /// Severity by rule id, instead of the rule's own.
    severity: Option<BTreeMap<String, Severity>>,
}

/// Where runs are kept.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Store {
    /// `sqlite:PATH`, relative to this file's folder, or `postgres://USER@HOST/DATABASE` with the password in PGPASSWORD.
    /// Default: portcullis.db in the user's data directory.
    url: Option<String>,
    /// Runs that began more days ago are dropped, but for the newest of every set of accounts. Default: none.
    #[schemars(range(min = 1, max = 1_000_000))]
    keep_days: Option<u32>,
    /// Of every set of accounts, the newest runs that are kept. Default: all.
    #[schemars(range(min = 1, max = 1_000_000))]
    keep_runs: Option<u32>,
}

/// Where evidence comes from.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Evidence {
    /// How far back logs are read. Default: 30.
    #[schemars(range(max = 3650))]
    window_days: Option<u32>,
    /// Default: auto.
    audit_logs: Option<LogUse>,
    /// Default: auto.
    flow_logs: Option<LogUse>,
    /// Saved logs, relative to this file's folder.
    files: Option<Vec<String>>,
    /// The file of the key that signs bundles; empty for none.
    signing_key: Option<String>,
}

/// Whether a kind of log is read: where there is one, always, never.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum LogUse {
    Auto,
    Always,
    Never,
}

/// What changes are made by. What is not said allows nothing: no window, and budgets of 0.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Remediation {
    /// Who may approve changes: one entry a person.
    #[schemars(length(max = 100))]
    approvers: Option<Vec<Approver>>,
    /// How many of them must approve a plan.
    approvals: Option<ApprovalCounts>,
    /// What tells the environment of a resource.
    environments: Option<Environments>,
    /// When changes may be made. Default: never.
    #[schemars(length(max = 100))]
    windows: Option<Vec<ChangeWindow>>,
    /// How many changes may be made. Default: none.
    budgets: Option<Budgets>,
    /// Files of this host. Leases and records are kept in the run store.
    lease: Option<Lease>,
    /// The first change of a plan.
    canary: Option<Canary>,
    /// Changes with nobody standing by.
    automatic: Option<Automatic>,
}

/// One person who may approve changes.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Approver {
    /// Who it is.
    name: String,
    /// The key that checks this person's approvals.
    public_key: String,
    /// As whom the cloud knows this person: a plan made with it is not theirs to approve.
    arn: Option<String>,
}

/// How many people must approve a plan.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ApprovalCounts {
    /// Default: 1.
    #[schemars(range(min = 1, max = 100))]
    needed: Option<u32>,
    /// Where an action is in production. Default: 2.
    #[schemars(range(min = 2, max = 100))]
    production: Option<u32>,
}

/// What tells the environment of a resource.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Environments {
    /// The key of the tag. Default: env.
    tag: Option<String>,
    /// The lowest first: the first change of a plan comes from there. Default: dev, test, staging, prod, production.
    order: Option<Vec<String>>,
    /// Whose changes more people must approve. Default: prod, production.
    production: Option<Vec<String>>,
}

/// When changes may be made, by the clocks of a zone.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ChangeWindow {
    /// A zone of the IANA database, `Asia/Shanghai`.
    zone: String,
    /// The days on which it opens.
    #[schemars(length(min = 1))]
    days: Vec<DayName>,
    /// When it opens, `22:00`.
    #[schemars(regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"))]
    from: String,
    /// When it ends, `23:30`; `24:00` is the end of the day.
    #[schemars(regex(pattern = r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"))]
    to: String,
    /// It ends on the day after. Default: false.
    overnight: Option<bool>,
}

/// A day of the week.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum DayName {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// How many changes may be made; 0 is none.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Budgets {
    /// By one run. Default: 0.
    #[schemars(range(max = 1000))]
    per_run: Option<u32>,
    /// In an account, within 24 hours. Default: 0.
    #[schemars(range(max = 1000))]
    per_day: Option<u32>,
    /// In an environment, within 24 hours; one that is not named has none. `untagged` is what has no tag.
    per_environment: Option<BTreeMap<String, u32>>,
}

/// Files of this host, relative to this file's folder.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Lease {
    /// The local journal. Default: portcullis.journal in the user's data directory.
    journal: Option<String>,
    /// While it exists, nothing is changed. Default: portcullis.kill in the user's data directory.
    kill_file: Option<String>,
}

/// The first change of a plan.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Canary {
    /// How long it soaks alone. Default: 30.
    #[schemars(range(min = 30, max = 10_080))]
    soak_minutes: Option<u32>,
}

/// Changes with nobody standing by.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Automatic {
    /// Needs a window, budgets, a channel in `notify` and a store that hosts share. Default: false.
    enabled: Option<bool>,
    /// From the notice to the owner until the change. Default: 24.
    #[schemars(range(min = 24, max = 720))]
    notice_hours: Option<u32>,
}

/// One channel, and what it is told: exactly one of `dingtalk`, `feishu`, `slack` and `webhook`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NotifyEntry {
    /// A DingTalk robot; needs its address and its key.
    dingtalk: Option<NotifyChannel>,
    /// A Feishu or Lark bot; needs its address, and its key where the bot checks signatures.
    feishu: Option<NotifyChannel>,
    /// A Slack incoming webhook; needs its address and has no key.
    slack: Option<NotifyChannel>,
    /// A receiver of your own; needs its address and the key that messages are signed with.
    webhook: Option<NotifyChannel>,
    /// Nothing below it is told. Default: low.
    min_severity: Option<Severity>,
    /// What is told. Default: all of them.
    #[schemars(length(min = 1))]
    on: Option<Vec<NotifyKind>>,
    /// Names and messages, and not ids and counts only. Default: false.
    details: Option<bool>,
}

/// Where a channel's secrets are: in a variable of the environment, or in a file relative to this file's folder.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NotifyChannel {
    /// The variable that holds the address.
    #[schemars(regex(pattern = r"^[A-Z_][A-Z0-9_]*$"))]
    url_env: Option<String>,
    /// The file that holds the address.
    url_file: Option<String>,
    /// The variable that holds the key.
    #[schemars(regex(pattern = r"^[A-Z_][A-Z0-9_]*$"))]
    secret_env: Option<String>,
    /// The file that holds the key.
    secret_file: Option<String>,
}

/// What became of a finding.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
enum NotifyKind {
    New,
    Reopened,
    Worse,
    Unknown,
    Fixed,
}

/// The JSON Schema of `portcullis.yaml`, as committed in docs.
pub fn config_schema() -> String {
    text(generator().into_root_schema_for::<ConfigFile>())
}

/// The JSON Schema of the waiver file, as committed in docs.
pub fn waivers_schema() -> String {
    text(generator().into_root_schema_for::<RawWaiverFile>())
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().into_generator()
}

fn text(schema: schemars::Schema) -> String {
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON already");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::{config_schema, waivers_schema};
    use crate::config::{file::keys, trusted, waivers};

    /// The keys of one mapping of a schema: `` is the top, else the name of a definition.
    fn keys_of(schema: &str, definition: &str) -> BTreeSet<String> {
        let schema: Value = serde_json::from_str(schema).expect("JSON");
        let object = match definition {
            "" => &schema,
            name => &schema["$defs"][name],
        };
        object["properties"].as_object().expect("properties").keys().cloned().collect()
    }

    #[test]
    fn the_schemas_have_the_keys_that_are_read() {
        let config = config_schema();
        let waiver = waivers_schema();
        let pairs = [
            (&config, "", keys::FILE),
            (&config, "AccountEntry", keys::ACCOUNT),
            (&config, "Organization", keys::ORGANIZATION),
            (&config, "RootEntry", keys::ROOT),
            (&config, "Consumer", keys::CONSUMER),
            (&config, "Rules", keys::RULES),
            (&config, "Store", keys::STORE),
            (&config, "Evidence", keys::EVIDENCE),
            (&config, "Remediation", keys::REMEDIATION),
            (&config, "Approver", keys::APPROVER),
            (&config, "ApprovalCounts", keys::APPROVALS),
            (&config, "Environments", keys::ENVIRONMENTS),
            (&config, "ChangeWindow", keys::WINDOW),
            (&config, "Budgets", keys::BUDGETS),
            (&config, "Lease", keys::LEASE),
            (&config, "Canary", keys::CANARY),
            (&config, "Automatic", keys::AUTOMATIC),
            (&config, "NotifyEntry", keys::NOTIFY),
            (&config, "NotifyChannel", keys::CHANNEL),
            (&config, "TrustedFields", trusted::ENTRY_KEYS),
            (&waiver, "", waivers::FILE_KEYS),
            (&waiver, "RawWaiver", waivers::WAIVER_KEYS),
            (&waiver, "RawSelect", waivers::SELECT_KEYS),
            (&waiver, "RawOnly", waivers::ONLY_KEYS),
        ];
        for (schema, definition, read) in pairs {
            let read: BTreeSet<String> = read.iter().map(|key| (*key).to_owned()).collect();
            assert_eq!(keys_of(schema, definition), read, "{definition}");
        }
    }
}
