//! What may stand on the command line.

use std::{fmt, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint, builder::styling::AnsiColor, builder::styling::Styles};

use super::{output::Asked, policy::Role};
use crate::{analysis::what_if::Change, config::Deadline, engine::Language, model::Severity};

const STYLES: Styles =
    Styles::styled().header(AnsiColor::Green.on_default().bold()).usage(AnsiColor::Green.on_default().bold());

const AFTER_HELP: &str = "\
Exit codes (the highest row wins):
   10  attention: the outcome of a change is uncertain or a rollback failed; a person is needed now
   12  journal damaged; recovery is needed before any write
   70  internal error
    9  a change failed and was rolled back, verified
    8  stopped by a guard, the breaker or the kill switch; nothing unsafe was done
    7  lock held by another, or lost
    6  plan refused: changed, expired, drifted, not approved, out of window, over budget
    5  identity, TLS, clock or account failure; nothing trustworthy was read
   11  a report or evidence could not be written or does not hold, or the run could not be kept
    2  bad arguments, configuration or rules; nothing was contacted
  130  interrupted (143: terminated); what was read is kept
    4  findings, and coverage incomplete
    3  coverage incomplete, no finding so far: unknown, not clean
    1  findings at or above --fail-on, coverage complete
    0  clean and complete

Try it without any account:  portcullis scan --sandbox";

/// Finds publicly exposed control planes of Alibaba Cloud Service Mesh and Kubernetes clusters,
/// and proves who can reach them.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, styles = STYLES, after_help = AFTER_HELP, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Common {
    /// No progress, no notices, no closing line; errors only
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// No progress on the terminal
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// When to use colours; `auto` respects NO_COLOR and pipes
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,
    /// Form of the log on stderr
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
    /// Log more: once for what happens, twice for every call
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Enumerate, analyse, judge and report: the main job
    Scan(Box<ScanArgs>),
    /// Judge and report what the shards of one run have read
    Merge(Box<MergeArgs>),
    /// Judge a Terraform plan: what it would open, before anything is applied
    Check(Box<CheckArgs>),
    /// Render a stored run or a report file again, in any format
    Report(ReportArgs),
    /// Check bundles of evidence, offline, and say what they prove
    VerifyBundle(VerifyBundleArgs),
    /// What changed between two runs: new, reopened, unknown, fixed, unchanged
    Diff(DiffArgs),
    /// Exposure over time
    History(HistoryArgs),
    /// One finding or endpoint in full: who, why, which rule, which path
    Explain(ExplainArgs),
    /// Who can reach a port, from saved API replies
    Access(AccessArgs),
    /// Whether there is a private path, from saved API replies
    Path(PathArgs),
    /// Write a remediation plan from a run: what may be changed, how, and why that harms nobody
    Plan(Box<super::plan::PlanArgs>),
    /// Sign a plan, say whose signatures count, or make a key
    Approve(super::approve::ApproveArgs),
    /// The rules: list, show, check
    Rules(RulesArgs),
    /// Carry a plan out
    Apply(Box<ApplyArgs>),
    /// Take a change back
    Rollback(Box<RollbackArgs>),
    /// Settle what is due: soak checks, and whatever is open, whoever left it
    Verify(Box<VerifyArgs>),
    /// What was announced and learned; acknowledging, the circuit breaker and the kill switch
    Journal(Box<JournalArgs>),
    /// The simulation of remediation: hostile cloud, hosts and people against the state machine
    Selftest(SelftestArgs),
    /// Serve a simulated cloud on 127.0.0.1
    Sandbox(SandboxArgs),
    /// Who am I, what may I read, what is missing
    Doctor(DoctorArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// Where configuration comes from.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file [default: ./portcullis.yaml where it exists]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
}

/// Where runs are kept.
#[derive(Clone, Debug, Args)]
pub(crate) struct StoreArgs {
    /// Run store, `sqlite:PATH` or `postgres://USER@HOST/DATABASE` [default: portcullis.db in the user's data directory]
    #[arg(long, value_name = "URL", help_heading = "Output")]
    pub(crate) store: Option<String>,
}

/// Where reports go.
#[derive(Clone, Debug, Args)]
pub(crate) struct OutputArgs {
    /// Report format, and where to: table (default), html, json, jsonl, csv, csv-endpoints, sarif, ocsf, junit, markdown or
    /// prometheus; or `bundle=DIR`, a folder of evidence; repeatable
    #[arg(long = "output", short, value_name = "FORMAT[=PATH]", value_parser = Asked::parse, help_heading = "Output")]
    pub(crate) outputs: Vec<Asked>,
}

/// How to reach the cloud.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Cloud")]
pub(crate) struct CloudArgs {
    /// Scan the embedded simulated cloud: a shipped world's name, or a world file
    #[arg(long, value_name = "WORLD", num_args = 0..=1, default_missing_value = "demo", conflicts_with_all = ["endpoint_url", "profile"])]
    pub(crate) sandbox: Option<String>,
    /// Connect to URL for every API call; host header, path and signature stay those of the real endpoint
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) endpoint_url: Option<String>,
    /// Profile of the vendor's command-line tool, instead of the configured accounts
    #[arg(long, value_name = "NAME", value_parser = not_empty)]
    pub(crate) profile: Option<String>,
    /// Only these accounts
    #[arg(long = "account", value_name = "ID", num_args = 1.., value_parser = account_id)]
    pub(crate) accounts: Vec<String>,
    /// Only these regions
    #[arg(long = "region", value_name = "ID", num_args = 1.., value_parser = region_id)]
    pub(crate) regions: Vec<String>,
    /// How long to read at most, as 90s, 30m or 2h; what is not read by then is unknown [default: 30m]
    #[arg(long, value_name = "TIME")]
    pub(crate) deadline: Option<Deadline>,
}

/// What a run is judged by.
#[derive(Clone, Debug, Args)]
pub(crate) struct JudgingArgs {
    /// An exported log, JSON Lines or CSV: flow records, or, called `audit-ID`, a cluster's or mesh's audit log; repeatable
    #[arg(long = "evidence-file", value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Evidence")]
    pub(crate) evidence_files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// Count only what a run did not have, or had milder: a stored run, a JSON report file, or `latest`; what it had is in
    /// the JSON report, marked, and in no table
    #[arg(long, value_name = "RUN|FILE", help_heading = "Judgement")]
    pub(crate) baseline: Option<String>,
}

/// What is right, wherever it is looked for.
#[derive(Clone, Debug, Args)]
pub(crate) struct PolicyArgs {
    /// Addresses to trust: a CIDR, or a file with one a line; added to the configured ones
    #[arg(long, value_name = "CIDR|@FILE", num_args = 1.., help_heading = "Judgement")]
    pub(crate) trusted: Vec<String>,
    /// More rules, beside the embedded ones
    #[arg(long = "rules", value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Judgement")]
    pub(crate) rules: Vec<PathBuf>,
    /// Lowest severity that counts for exit code 1 [default: low]
    #[arg(long, value_name = "SEVERITY", value_parser = severity, help_heading = "Judgement")]
    pub(crate) fail_on: Option<Severity>,
}

/// Which share of a run to read.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Several runners")]
pub(crate) struct ShareArgs {
    /// Read one of N shares of the accounts, I counted from 0, and keep it in the store; `portcullis merge` judges
    #[arg(long, value_name = "I/N", value_parser = Shard::parse, requires = "run", conflicts_with_all = [
        "from", "save", "evidence_files", "trusted", "rules", "fail_on", "baseline", "what_if", "outputs", "no_store",
    ])]
    pub(crate) shard: Option<Shard>,
    /// The name of the run, the same for all of its shards, and never used again
    #[arg(long, value_name = "NAME", value_parser = run_name, requires = "shard")]
    pub(crate) run: Option<String>,
    /// How long to wait for the other shards at the end of each round [default: 60]
    #[arg(long, value_name = "MINUTES", requires = "shard")]
    wait: Option<u32>,
}

impl ShareArgs {
    pub(crate) fn wait_minutes(&self) -> u32 {
        self.wait.unwrap_or(60)
    }
}

/// One of several shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Counted from 0, below `count`.
    pub(crate) index: u32,
    pub(crate) count: u32,
}

/// More shards than this are a mistake: each waits for all others.
const MOST_SHARDS: u32 = 1000;

impl Shard {
    fn parse(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u32>().ok())?;
        let parts = text.split_once('/').map(|(index, count)| (number(index), number(count)));
        match parts {
            Some((Some(_), Some(0))) => Err("a run has at least one shard: 0/1".to_owned()),
            Some((Some(_), Some(count))) if count > MOST_SHARDS => {
                Err(format!("a run has at most {MOST_SHARDS} shards"))
            }
            Some((Some(index), Some(count))) if index >= count => {
                Err(format!("shards are counted from 0: the last one of {count} is {}/{count}", count - 1))
            }
            Some((Some(index), Some(count))) => Ok(Self { index, count }),
            _ => Err("a shard is written like `0/3`: the first of three".to_owned()),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[derive(Clone, Debug, Args)]
pub(crate) struct MergeArgs {
    /// The name of the run
    #[arg(long, value_name = "NAME", value_parser = run_name, help_heading = "Several runners")]
    pub(crate) run: String,
    /// How long to wait for shards that are still reading; what is missing then is unknown
    #[arg(long, value_name = "MINUTES", default_value_t = 0, help_heading = "Several runners")]
    pub(crate) wait: u32,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Keep what was read in one file, to be judged again with `scan --from`
    #[arg(long, value_name = "SNAPSHOT", value_hint = ValueHint::FilePath, help_heading = "Several runners")]
    pub(crate) save: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) judging: JudgingArgs,
    #[command(flatten)]
    pub(crate) outputs: OutputArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ScanArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
    /// Judge a saved snapshot, without any API call, as of the time it was taken
    #[arg(long, value_name = "SNAPSHOT", value_hint = ValueHint::FilePath, help_heading = "Cloud",
          conflicts_with_all = ["sandbox", "endpoint_url", "profile", "accounts", "regions", "deadline", "save"])]
    pub(crate) from: Option<PathBuf>,
    /// Keep what was read in one file, to be judged again with --from
    #[arg(long, value_name = "SNAPSHOT", value_hint = ValueHint::FilePath, help_heading = "Cloud")]
    pub(crate) save: Option<PathBuf>,
    /// Read logs too: who used exposed endpoints during the window (30 days), and who bound their EIPs
    #[arg(long, help_heading = "Evidence", conflicts_with = "from")]
    pub(crate) evidence: bool,
    #[command(flatten)]
    pub(crate) judging: JudgingArgs,
    /// Say who would gain and who would lose access or a private path by a change, instead of reporting: unbind:EIP,
    /// add-cidr:LIST,CIDR, drop-cidr:LIST,CIDR, add-rule:GROUP,accept|drop,PROTOCOL,PORTS,CIDR (and ,PRIORITY), drop-rule:RULE,
    /// remove:ID (an attachment, peering, router interface, VPN connection or PrivateLink endpoint). Nothing is changed,
    /// and the run is not kept
    #[arg(long, value_name = "CHANGE", help_heading = "Judgement", conflicts_with = "baseline")]
    pub(crate) what_if: Vec<Change>,
    #[command(flatten)]
    pub(crate) share: ShareArgs,
    #[command(flatten)]
    pub(crate) outputs: OutputArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Do not keep the run
    #[arg(long, conflicts_with = "store", help_heading = "Output")]
    pub(crate) no_store: bool,
}

const AFTER_CHECK: &str = "\
Nothing is contacted, and the run is not kept. What Terraform knows only after apply is
unknown, never clean: exit code 3, or 4 beside findings. A resource is called by its
Terraform address, in findings, allowlists and waivers.

    terraform plan -out=tfplan && terraform show -json tfplan | portcullis check -";

/// A plan is no evidence: nothing is said of bundles.
const CHECK_OUTPUTS: &str = "Report format, and where to: table (default), html, json, jsonl, csv, csv-endpoints, sarif, \
                             ocsf, junit, markdown or prometheus; repeatable";

#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_CHECK)]
#[command(mut_arg("outputs", |arg| arg.help(CHECK_OUTPUTS).value_parser(Asked::parse_where_no_bundle_is)))]
pub(crate) struct CheckArgs {
    /// What `terraform show -json` prints of a plan, or of a state; `-` is standard input
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
    pub(crate) plan: PathBuf,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// The account that the plan is for, which a plan does not say
    #[arg(long, value_name = "ID", value_parser = account_id, help_heading = "Plan")]
    pub(crate) account: Option<String>,
    /// The region of resources whose provider block does not say it
    #[arg(long, value_name = "ID", value_parser = region_id, help_heading = "Plan")]
    pub(crate) region: Option<String>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// Count only what an earlier check did not have, or had milder: its JSON report
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Judgement")]
    pub(crate) baseline: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) outputs: OutputArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ReportArgs {
    /// A run's id or its beginning, a JSON report file, `-` for one on standard input, or `latest`
    #[arg(default_value = "latest", value_name = "RUN|FILE")]
    pub(crate) run: String,
    /// Tell a framework's controls instead, control by control: pass, fail, unknown or not covered, as table, json, csv or
    /// markdown; `portcullis rules packs` lists the frameworks
    #[arg(long, value_name = "PACK")]
    pub(crate) pack: Option<String>,
    /// The language of what --pack tells: its titles and reasons
    #[arg(long, value_name = "LANGUAGE", default_value = "en", requires = "pack")]
    pub(crate) lang: Lang,
    /// For people outside: account ids, public addresses and fingerprints under pseudonyms that are others each time; names
    /// stay, and nothing is told of earlier runs
    #[arg(long, conflicts_with = "pack")]
    pub(crate) share: bool,
    #[command(flatten)]
    pub(crate) outputs: OutputArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct VerifyBundleArgs {
    /// Folders of bundles; of several, each must follow the one before
    #[arg(required = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) folders: Vec<PathBuf>,
    /// A public key to believe, as `ed25519:…`, or a file with one; then one of them must have signed each bundle
    #[arg(long = "key", value_name = "KEY|FILE")]
    pub(crate) keys: Vec<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DiffArgs {
    /// The older run [default: the one before the newer]
    #[arg(value_name = "OLD")]
    pub(crate) old: Option<String>,
    /// The newer run [default: latest]
    #[arg(value_name = "NEW")]
    pub(crate) new: Option<String>,
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    /// Also list what did not change
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct HistoryArgs {
    /// A mesh, cluster or endpoint id, or a finding's fingerprint [default: all runs]
    #[arg(value_name = "SUBJECT", value_parser = not_empty)]
    pub(crate) subject: Option<String>,
    /// Runs to show
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = at_least_one)]
    pub(crate) limit: usize,
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ExplainArgs {
    /// A finding's fingerprint or its beginning, or an endpoint's id or a part of it
    #[arg(value_name = "FINDING|ENDPOINT", value_parser = not_empty)]
    pub(crate) subject: String,
    /// A run's id or its beginning, a JSON report file, `-` for one on standard input, or `latest`
    #[arg(long, default_value = "latest", value_name = "RUN|FILE", value_hint = ValueHint::FilePath)]
    pub(crate) run: String,
    /// Judge a saved snapshot instead of looking at a run
    #[arg(long, value_name = "SNAPSHOT", value_hint = ValueHint::FilePath, conflicts_with = "run")]
    pub(crate) from: Option<PathBuf>,
    /// With --from: who would gain and who would lose by a change; as for scan
    #[arg(long, value_name = "CHANGE", requires = "from")]
    pub(crate) what_if: Vec<Change>,
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// Form of short answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextOrJson {
    Text,
    Json,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct AccessArgs {
    /// Files with one question (JSON), or one a line (JSON Lines); `-` is standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// Form of the answers: one JSON object a line, or text for people
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    pub(crate) format: TextOrJson,
    /// Keep answers in FILE, and take those of questions that have not changed since from there
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) cache: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct PathArgs {
    /// Files with one question (JSON), or one a line (JSON Lines); `-` is standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// Form of the answers: one JSON object a line, or text for people
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    pub(crate) format: TextOrJson,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RulesArgs {
    #[command(subcommand)]
    pub(crate) command: RulesCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Every rule: id, severity, title
    List(RuleSource),
    /// One rule in full
    Show {
        /// The rule's id
        id: String,
        #[command(flatten)]
        source: RuleSource,
    },
    /// Read every rule and run its own examples
    Check(RuleSource),
    /// The frameworks whose controls rules evidence, or one of them in full
    Packs {
        /// The pack's id
        id: Option<String>,
        /// The language of its texts
        #[arg(long, value_name = "LANGUAGE", default_value = "en")]
        lang: Lang,
    },
}

/// A language that packs are told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// English
    En,
    /// Chinese
    Zh,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::En,
            Lang::Zh => Self::Zh,
        }
    }
}

/// Which rules.
#[derive(Clone, Debug, Args)]
pub(crate) struct RuleSource {
    /// More rules, beside the embedded ones
    #[arg(long = "rules", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) dirs: Vec<PathBuf>,
}

/// How to reach the cloud that is changed.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Cloud")]
pub(crate) struct ReachArgs {
    /// The embedded simulated cloud: a shipped world's name, or a world file
    #[arg(long, value_name = "WORLD", num_args = 0..=1, default_missing_value = "demo", conflicts_with_all = ["endpoint_url", "profile"])]
    pub(crate) sandbox: Option<String>,
    /// Connect to URL for every API call; host header, path and signature stay those of the real endpoint
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) endpoint_url: Option<String>,
    /// Profile of the vendor's command-line tool, instead of the configured accounts
    #[arg(long, value_name = "NAME", value_parser = not_empty)]
    pub(crate) profile: Option<String>,
    /// How many times as fast as ours a simulated cloud's time runs: waits are divided by it. Only where every call goes
    /// to this machine
    #[arg(long, value_name = "N")]
    pub(crate) time_scale: Option<u32>,
}

impl ReachArgs {
    pub(crate) fn cloud(&self) -> CloudArgs {
        CloudArgs {
            sandbox: self.sandbox.clone(),
            endpoint_url: self.endpoint_url.clone(),
            profile: self.profile.clone(),
            accounts: Vec::new(),
            regions: Vec::new(),
            deadline: None,
        }
    }
}

/// Where this host's journal is.
#[derive(Clone, Debug, Args)]
pub(crate) struct JournalFileArgs {
    /// The journal of this host [default: portcullis.journal in the user's data directory]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) journal: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The plan, a file that `portcullis plan` wrote
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
    pub(crate) plan: PathBuf,
    /// A signature that `portcullis approve` wrote elsewhere than beside the plan; repeatable. Without configured approvers,
    /// a single operator types the confirmation on a terminal instead
    #[arg(long = "approval", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) approvals: Vec<PathBuf>,
    /// Run every guard and every read, say what would be done, and send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Nobody stands by: two agreeing scans a day apart, a shared store, a window, budgets, and notice to the owner are
    /// needed as well
    #[arg(long)]
    pub(crate) auto: bool,
    /// Only this action of the plan; repeatable
    #[arg(long = "intent", value_name = "ID", value_parser = not_empty)]
    pub(crate) intents: Vec<String>,
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) journal: JournalFileArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RollbackArgs {
    /// An intent, or a run of `apply`
    #[arg(value_name = "INTENT|RUN", value_parser = not_empty)]
    pub(crate) subject: String,
    /// Confirms it where nobody sits at a terminal: the same intent or run once more
    #[arg(long, value_name = "INTENT|RUN")]
    pub(crate) confirm: Option<String>,
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) journal: JournalFileArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Settle it; without, say what is open
    #[arg(long)]
    pub(crate) due: bool,
    /// Form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) journal: JournalFileArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct JournalArgs {
    #[command(subcommand)]
    pub(crate) command: JournalCommand,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// The journal of this host, record by record
    Show {
        /// Form of the answer
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: TextOrJson,
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        journal: JournalFileArgs,
    },
    /// Say what is damaged; with --confirm, keep what is sound and put the damaged file aside
    Repair {
        /// Do it
        #[arg(long)]
        confirm: bool,
        #[command(flatten)]
        config: ConfigArgs,
        #[command(flatten)]
        journal: JournalFileArgs,
    },
    /// Say that a person has looked at what needed attention: the endpoint may be changed again
    Ack {
        /// The endpoint, `ACCOUNT/MESH|CLUSTER/COMPONENT`, as `verify` and messages name it
        #[arg(value_name = "TARGET", value_parser = not_empty)]
        target: String,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Close an account's circuit breaker, after somebody has found out why it opened
    CloseBreaker {
        /// The account
        #[arg(long, value_name = "ID", value_parser = account_id)]
        account: String,
        #[command(flatten)]
        operator: OperatorArgs,
    },
    /// Turn an account's kill switch on or off, for every host
    Kill {
        /// on: nothing is changed any more. off: it may be again
        #[arg(value_name = "on|off")]
        switch: Switch,
        /// The account
        #[arg(long, value_name = "ID", value_parser = account_id)]
        account: String,
        #[command(flatten)]
        operator: OperatorArgs,
    },
}

/// Who does something in person.
#[derive(Clone, Debug, Args)]
pub(crate) struct OperatorArgs {
    /// Your name: it is kept
    #[arg(long, value_name = "NAME", value_parser = not_empty)]
    pub(crate) by: String,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// A switch's two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct SelftestArgs {
    /// How many seeds, from 0 on; those that once failed run first
    #[arg(long, value_name = "N", default_value_t = 1000, conflicts_with = "seed")]
    pub(crate) seeds: u64,
    /// One seed only, told in full
    #[arg(long, value_name = "K")]
    pub(crate) seed: Option<u64>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct SandboxArgs {
    /// A shipped world's name, or a world file
    #[arg(long, value_name = "NAME|FILE", default_value = "demo")]
    pub(crate) world: String,
    /// Where to listen; a loopback address
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,
    /// Write every request to this file, one JSON object a line
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) journal: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Configuration file [default: ./portcullis.yaml where it exists]
    #[arg(short = 'c', long = "config-file", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
    /// Print every effective setting and where it came from, and contact nobody
    #[arg(long = "config", conflicts_with = "policy")]
    pub(crate) settings: bool,
    /// Print the least-privilege policy of a role, and contact nobody
    #[arg(long, value_name = "ROLE", num_args = 0..=1, require_equals = true, default_missing_value = "scan")]
    pub(crate) policy: Option<Role>,
}

pub(crate) fn not_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty: name one, or leave the option out for all".to_owned());
    }
    Ok(text.to_owned())
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("give a whole number, 1 or more".to_owned()),
    }
}

pub(crate) fn account_id(text: &str) -> Result<String, String> {
    if text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err("an account id has 16 digits: the console shows it under the avatar, `portcullis doctor` prints it".to_owned())
}

/// Names that every store and every shell takes as they are.
fn run_name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=200).contains(&text.len()) && text.bytes().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err("a run's name has up to 200 letters, digits, `-`, `_` and `.`: the name or uid of the job, for instance"
        .to_owned())
}

pub(crate) fn region_id(text: &str) -> Result<String, String> {
    not_empty(text)?;
    if crate::config::is_region(text) {
        return Ok(text.to_owned());
    }
    Err("a region id is written like `cn-hangzhou`".to_owned())
}

fn severity(text: &str) -> Result<Severity, String> {
    text.parse::<Severity>().map_err(|_| {
        let words = Severity::WORST_FIRST.map(Severity::as_str);
        super::suggest::unknown("severity", text, words)
    })
}
