//! From settings to a client and the accounts to read: the simulated cloud, or the real one.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{SubsecRound, Utc};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info_span};

use super::{
    args::CloudArgs,
    evidence::Plan,
    exit::{Exit, Failure, OrExit, fail},
    pipeline::{self, Kept, Reading},
    progress::Bar,
    sandbox,
    signals::{self, Stop},
    terminal::Terminal,
    tool,
};
use crate::{
    analysis,
    cloud::{
        client::{Account, Client, ReplyDigest, Settings},
        context::{Context, Env, Files, HttpSettings, RealClock, RealHttp, RealPrograms, RealRandom},
        credential::{self, CredentialError, Credentials, Provider, RoleToAssume, StaticProvider},
        endpoint::Endpoints,
    },
    config::{AccountSettings, Config},
    findings,
    model::{Coverage, Gap, UnitState},
    sandbox::Server,
    scan::{self, Root, Roster, RosterAccount, Scan, ScanError, Site},
};

/// A client, and whose cloud to read with it.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) accounts: Vec<Account>,
    /// By which keys each is read.
    pub(crate) keys: Vec<Keys>,
    /// What listing them brought, where they were listed.
    pub(crate) listed: Coverage,
    /// The region to ask where any would do, if it matters which.
    pub(crate) home_region: Option<String>,
    /// Serves as long as the connection lives.
    server: Option<Server>,
}

/// A client and keys, before anybody listed the accounts of an organization.
pub(crate) struct Reach {
    pub(crate) client: Client,
    /// The accounts that the configuration names itself.
    configured: Vec<Account>,
    roots: Vec<Root>,
    pub(crate) home_region: Option<String>,
    server: Option<Server>,
}

/// By which keys an account is read: the same for every process with the same configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Keys {
    /// Those of `accounts`, by its place there.
    Configured(usize),
    Organization(RosterAccount),
}

/// Reads the accounts, until everything is read or somebody asks to end.
pub(crate) fn read_cloud(
    args: &CloudArgs,
    config: &Config,
    evidence: Option<Plan>,
    keep_replies: bool,
    terminal: &Terminal,
) -> Result<Reading, Failure> {
    signals::block_on(async {
        let stop = Stop::listen().or_exit(Exit::Internal)?;
        let connection = open(args, config, keep_replies, terminal).await?;
        let chosen = only(&connection, &args.accounts).await?;
        let mut reading = read(&connection, &chosen, config, evidence, &stop, terminal).await?;
        if keep_replies {
            reading.kept = take_kept(&connection.client);
        }
        Ok(reading)
    })
    .or_exit(Exit::Internal)?
}

/// Reads these accounts of an open connection.
pub(crate) async fn read(
    connection: &Connection,
    chosen: &Chosen,
    config: &Config,
    evidence: Option<Plan>,
    stop: &Stop,
    terminal: &Terminal,
) -> Result<Reading, Failure> {
    let settings = scan_settings(config, connection.home_region.as_deref());
    let progress = Arc::new(Bar::new(terminal));
    // Whole milliseconds: what is stored is what is reported.
    let taken_at = Utc::now().trunc_subsecs(3);
    let accounts = &chosen.accounts;
    let token = stop.token();
    let collect = scan::collect(&connection.client, accounts, &settings, taken_at, progress, &token);
    let scanned = collect.instrument(info_span!("inventory")).await;
    let scanned = scanned.map_err(|error| told(error, stop.exit()))?.with_coverage(connection.listed.clone());
    let scanned = scanned.with_coverage(chosen.left_out.clone());
    let networks = read_networks(scanned, config).instrument(info_span!("networks"));
    let scanned = networks.await.map_err(|error| told(error, stop.exit()))?;
    let scanned = match evidence {
        Some(plan) => {
            let logs = read_evidence(scanned, config, plan).instrument(info_span!("evidence"));
            logs.await.map_err(|error| told(error, stop.exit()))?
        }
        None => scanned,
    };
    for line in connection.server.iter().flat_map(Server::unknown_parameters) {
        terminal.notice(&line);
    }
    let Scan { inventory, stats, interrupted, session: _ } = scanned;
    Ok(Reading {
        inventory,
        api_calls: stats.api_calls,
        retries: stats.retries,
        kept: Kept::default(),
        ended: stop.exit().filter(|_| interrupted),
    })
}

/// What the client has kept since it was asked last, where it was told to keep replies.
pub(crate) fn take_kept(client: &Client) -> Kept {
    Kept {
        replies: client.take_replies().into_iter().map(kept).collect(),
        clock_offset_ms: client.clock_skew().map(|skew| skew.num_milliseconds()),
        tool_digest: tool::digest(),
    }
}

fn kept(reply: ReplyDigest) -> findings::ReplyDigest {
    findings::ReplyDigest {
        account_id: reply.account_id,
        region_id: reply.region,
        product: reply.product.to_owned(),
        operation: reply.action.to_owned(),
        resource_id: reply.resource_id,
        status: reply.status,
        request_id: reply.request_id,
        received_at: reply.received_at,
        bytes: reply.bytes,
        sha256: reply.sha256,
    }
}

/// What the configuration says about what to read.
pub(crate) fn scan_settings(config: &Config, home_region: Option<&str>) -> scan::Settings {
    scan::Settings {
        regions: config.regions.iter().map(|id| id.as_str().into()).collect(),
        regions_named_by: config.regions_named_by(),
        list_region: home_region.map(Into::into),
        ..scan::Settings::default()
    }
}

/// Rounds of reading more: a path leads through a few networks, and each round follows every path by one
/// step. What is still wanted after the last stays unknown.
pub(crate) const MAX_ROUNDS: usize = 24;

/// Reads of the network what would decide whether exposed endpoints are still needed, until nothing
/// more would.
async fn read_networks(mut scanned: Scan, config: &Config) -> Result<Scan, ScanError> {
    let consumers = pipeline::consumers(config);
    for _ in 0..MAX_ROUNDS {
        if scanned.interrupted {
            break;
        }
        let wanted = scan::unread(&scanned.inventory, analysis::wanted(&scanned.inventory, &consumers));
        if wanted.is_empty() {
            break;
        }
        scanned = scanned.read_more(wanted).await?;
    }
    Ok(scanned)
}

/// Reads the logs that say who uses exposed endpoints, once the network says who may.
async fn read_evidence(scanned: Scan, config: &Config, plan: Plan) -> Result<Scan, ScanError> {
    if scanned.interrupted {
        return Ok(scanned);
    }
    let wanted = plan.keep(analysis::evidence_wanted(&scanned.inventory, &pipeline::consumers(config)));
    if wanted.is_empty() { Ok(scanned) } else { scanned.read_evidence(wanted, plan.settings).await }
}

/// What a scan without a result ends with; one that was asked to end did not fail.
pub(crate) fn told(error: ScanError, asked: Option<Exit>) -> Failure {
    let exit = match (asked, &error) {
        (Some(asked), _) => asked,
        (None, ScanError::UnknownRegion { .. }) => Exit::Usage,
        (None, ScanError::NoAccount { .. } | ScanError::Untrusted { .. }) => Exit::Identity,
    };
    Failure { exit, error: error.into() }
}

/// The accounts to read, and a unit of the ledger for each of the others.
pub(crate) struct Chosen {
    pub(crate) accounts: Vec<Account>,
    left_out: Coverage,
}

impl Chosen {
    /// These accounts, and no word of others.
    pub(crate) fn of(accounts: Vec<Account>) -> Self {
        Self { accounts, left_out: Coverage::default() }
    }
}

/// The accounts that were asked for by id. Which account a key belongs to, only the cloud knows.
pub(crate) async fn only(connection: &Connection, ids: &[String]) -> Result<Chosen, Failure> {
    let Places { kept, left_out } = places(connection, ids).await?;
    let accounts = kept.into_iter().filter_map(|place| connection.accounts.get(place).cloned()).collect();
    Ok(Chosen { accounts, left_out })
}

/// As [`Chosen`], by where the accounts stand in the list.
pub(crate) struct Places {
    pub(crate) kept: Vec<usize>,
    pub(crate) left_out: Coverage,
}

/// As [`only`]: where they stand in the list of accounts.
pub(crate) async fn places(connection: &Connection, ids: &[String]) -> Result<Places, Failure> {
    if ids.is_empty() {
        return Ok(Places { kept: (0..connection.accounts.len()).collect(), left_out: Coverage::default() });
    }
    let (mut kept, mut known, mut untold) = (Vec::new(), Vec::new(), false);
    for (place, account) in connection.accounts.iter().enumerate() {
        // Behind a role of the account, whose number it is known by.
        if scan::is_account_id(account.id()) {
            if ids.iter().any(|id| id == account.id()) {
                kept.push(place);
            }
            known.push(account.id().to_owned());
            continue;
        }
        match credential::caller_identity(&connection.client, account, "").await {
            Ok(caller) => {
                if ids.contains(&caller.account_id) {
                    kept.push(place);
                }
                known.push(caller.account_id);
            }
            // Whose it is cannot be told, so it may be one that was asked for: the scan says why.
            Err(_) => {
                kept.push(place);
                untold = true;
            }
        }
    }
    let missing = ids.iter().find(|id| !known.contains(id));
    if let Some(why) = missing.and_then(|id| not_picked(&connection.listed, id)) {
        return fail(Exit::Usage, why);
    }
    let is_listed = connection.listed.gaps().all(|gap| gap.code == scan::NO_SUCH_MEMBER || is_left_out(gap));
    match missing {
        Some(id) if kept.is_empty() && !is_listed => fail(
            Exit::Identity,
            format!(
                "the accounts of `organization` could not all be listed, and the account {id} is not among the others"
            ),
        ),
        Some(id) if !untold => fail(
            Exit::Usage,
            format!(
                "no key leads into the account {id}; there are keys for {}: add its role to `accounts`",
                known.join(", ")
            ),
        ),
        _ => {
            let mut left_out = Coverage::default();
            for id in known.iter().filter(|id| !ids.contains(id)) {
                let why = "left out: `--account` names other accounts".to_owned();
                left_out.gap(scan::left_out_account(&id.as_str().into(), why));
            }
            Ok(Places { kept, left_out })
        }
    }
}

/// Why the list of the organization says that the account is not to be read, where it says so.
fn not_picked(listed: &Coverage, id: &str) -> Option<String> {
    let mut gaps = listed.gaps();
    gaps.find_map(|gap| match is_left_out(gap) {
        true if gap.unit.account_id.as_str() == id => {
            Some(format!("the account {id} is {}: name it in `accounts`, or change the pick, to read it", gap.message))
        }
        _ => (gap.code == scan::NO_SUCH_MEMBER && gap.unit.resource_id == id).then(|| gap.message.clone()),
    })
}

fn is_left_out(gap: &Gap) -> bool {
    gap.state == UnitState::Excluded
}

/// Gets ready to read. Of the cloud itself, at most the token service is asked, and who belongs to an organization; what
/// they reply is kept like what comes later.
pub(crate) async fn open(
    args: &CloudArgs,
    config: &Config,
    keep_replies: bool,
    terminal: &Terminal,
) -> Result<Connection, Failure> {
    reach(args, config, keep_replies, terminal).await?.list(config, terminal).await
}

/// What a session of a role may do, and what the audit trail calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) policy: String,
    pub(crate) session_name: String,
    pub(crate) duration_seconds: u32,
}

/// As [`open`], with sessions that have the rights to change something as well.
pub(crate) async fn open_to_change(
    args: &CloudArgs,
    config: &Config,
    rights: &Rights,
    terminal: &Terminal,
) -> Result<Connection, Failure> {
    reach_with(args, config, Some(rights), false, terminal).await?.list(config, terminal).await
}

/// Gets ready to read accounts that others have listed.
pub(crate) async fn reach(
    args: &CloudArgs,
    config: &Config,
    keep_replies: bool,
    terminal: &Terminal,
) -> Result<Reach, Failure> {
    reach_with(args, config, None, keep_replies, terminal).await
}

async fn reach_with(
    args: &CloudArgs,
    config: &Config,
    rights: Option<&Rights>,
    keep_replies: bool,
    terminal: &Terminal,
) -> Result<Reach, Failure> {
    // A change takes the time that its guards, settling and soak take.
    let deadline = rights.is_none().then(|| config.deadline.duration());
    match &args.sandbox {
        Some(world) => reach_sandbox(world, config, deadline, keep_replies, terminal),
        None => reach_cloud(args, config, rights, deadline, keep_replies, terminal).await,
    }
}

/// A client; whatever it is told from the first call on is kept where that is asked for.
fn client(context: Context, endpoints: Endpoints, deadline: Option<Duration>, keep_replies: bool) -> Client {
    let settings = Settings { run: deadline, ..Settings::for_endpoints(&endpoints) };
    let client = Client::new(context, endpoints, settings);
    if keep_replies {
        client.keep_replies();
    }
    client
}

/// Starts the simulated cloud and takes the key from its world. Neither the credential chain nor
/// the environment is looked at, so that a trial can touch no real account.
fn reach_sandbox(
    world: &str,
    config: &Config,
    deadline: Option<Duration>,
    keep_replies: bool,
    terminal: &Terminal,
) -> Result<Reach, Failure> {
    if !config.accounts.is_empty() || !config.endpoints.is_empty() {
        terminal
            .notice("the simulated cloud is scanned with its own key: configured accounts and endpoints do not count");
    }
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::start(sandbox::world(world, terminal)?, listen, None).or_exit(Exit::Usage)?;
    let Some(key) = server.first_access_key() else {
        return fail(
            Exit::Usage,
            format!("the world {world} has no access key to scan with: add one to `access_keys`"),
        );
    };
    let credentials = Credentials {
        access_key_id: key.access_key_id.clone(),
        access_key_secret: key.access_key_secret.clone().into(),
        security_token: None,
        expiration: None,
    };
    let http = HttpSettings { use_proxy: false, ..HttpSettings::default() };
    let context = Context {
        http: Arc::new(RealHttp::new(http, &Nothing).or_exit(Exit::Internal)?),
        clock: Arc::new(RealClock::default()),
        env: Arc::new(Nothing),
        files: Arc::new(Nothing),
        programs: Arc::new(RealPrograms),
        random: Arc::new(RealRandom),
    };
    let endpoints = Endpoints::default().with_endpoint_url(&server.url()).or_exit(Exit::Internal)?;
    let provider = StaticProvider::new("the simulated cloud's first key", credentials);
    let account = Account::new("sandbox", Arc::new(provider));
    let (configured, roots) = match config.organization {
        Some(_) => (Vec::new(), vec![Root { account, site: Site::China }]),
        None => (vec![account], Vec::new()),
    };
    let client = client(context, endpoints, deadline, keep_replies);
    Ok(Reach { client, configured, roots, home_region: None, server: Some(server) })
}

impl Reach {
    /// The account behind keys; `None` where this configuration has none of the kind.
    pub(crate) fn account(&self, keys: &Keys, config: &Config) -> Option<Account> {
        match keys {
            Keys::Configured(place) => self.configured.get(*place).cloned(),
            Keys::Organization(account) => {
                let organization = &config.organization.as_ref()?.organization;
                scan::roster_account(&self.client, &self.roots, organization, account)
            }
        }
    }

    /// Adds the accounts of the organization, if there is one.
    pub(crate) async fn list(self, config: &Config, terminal: &Terminal) -> Result<Connection, Failure> {
        let mut keys: Vec<Keys> = (0..self.configured.len()).map(Keys::Configured).collect();
        let mut listed = Coverage::default();
        if let Some(settings) = &config.organization {
            let named = self.configured.iter().map(|account| account.id().into()).collect();
            let cancel = CancellationToken::new();
            let roster = scan::roster(&self.client, &self.roots, &settings.organization, &named, &cancel).await;
            let Roster { accounts, coverage, notices } = roster.map_err(|error| told(error, None))?;
            notices.iter().for_each(|notice| terminal.notice(notice));
            keys.extend(accounts.into_iter().map(Keys::Organization));
            if keys.is_empty() {
                return nobody(&coverage);
            }
            listed = coverage;
        }
        let accounts = keys.iter().filter_map(|one| self.account(one, config)).collect();
        let Self { client, home_region, server, .. } = self;
        Ok(Connection { client, accounts, keys, listed, home_region, server })
    }
}

/// Why there is no account to read.
fn nobody<T>(listed: &Coverage) -> Result<T, Failure> {
    match listed.gaps().find(|gap| gap.state != UnitState::Excluded) {
        Some(gap) => fail(Exit::Identity, format!("cannot list the accounts of `organization`: {}", gap.message)),
        None => fail(Exit::Usage, "`organization` leaves every account out: change its `include` or `exclude`"),
    }
}

async fn reach_cloud(
    args: &CloudArgs,
    config: &Config,
    rights: Option<&Rights>,
    deadline: Option<Duration>,
    keep_replies: bool,
    terminal: &Terminal,
) -> Result<Reach, Failure> {
    let context = Context::real(HttpSettings::default()).failed_to(Exit::Usage)?;
    let endpoints = endpoints(args, config, &context)?;
    let home_region = endpoints.home_of_vpc().map(str::to_owned);
    warn_of_keys(config, &context, terminal);
    let client = client(context, endpoints, deadline, keep_replies);
    let mut accounts = Vec::new();
    let mut failures = Vec::new();
    for (position, settings) in wanted(config).iter().enumerate() {
        let name = account_name(settings, position);
        accounts.push(Account::new(&name, keys(provider(&client, settings, rights).await, &mut failures)));
    }
    let mut roots = Vec::new();
    for settings in config.organization.iter().flat_map(|it| &it.roots) {
        let name = settings.profile.as_ref().map_or_else(|| "caller".to_owned(), |name| format!("profile {name}"));
        let found = credential::chain(&client, settings.profile.as_deref()).await;
        roots.push(Root { account: Account::new(&name, keys(found, &mut failures)), site: settings.site });
    }
    // With one account left, the scan goes on: the others' reads are gaps.
    if failures.len() == accounts.len() + roots.len() {
        let first = failures.into_iter().next();
        return match first {
            Some(error) => Err(error).failed_to(Exit::Identity),
            None => fail(Exit::Usage, "no account is configured: leave `accounts` out for the caller's own"),
        };
    }
    for error in &failures {
        terminal.warning(&format!("an account cannot be read: failed to {error}"));
    }
    Ok(Reach { client, configured: accounts, roots, home_region, server: None })
}

/// A role's keys end by themselves; others are good for whoever finds them.
fn warn_of_keys(config: &Config, context: &Context, terminal: &Terminal) {
    let accounts = wanted(config).into_iter().map(|account| account.profile);
    let mut profiles =
        accounts.chain(config.organization.iter().flat_map(|it| it.roots.iter().map(|root| root.profile.clone())));
    if profiles.any(|profile| profile.is_none())
        && let Some(role) = credential::role_passed_over(context)
    {
        terminal
            .warning(&format!("keys that never end are used, and {role} is not: take the keys away, and it will be"));
    }
}

/// The accounts to scan whoever else belongs to the organization; the caller's own where nobody names any.
fn wanted(config: &Config) -> Vec<AccountSettings> {
    let own = config.accounts.is_empty() && config.organization.is_none();
    if own { vec![AccountSettings::default()] } else { config.accounts.clone() }
}

/// Keys, or their failure in every call that needs them.
fn keys(found: Result<Arc<dyn Provider>, CredentialError>, failures: &mut Vec<CredentialError>) -> Arc<dyn Provider> {
    found.unwrap_or_else(|error| {
        failures.push(error.clone());
        Arc::new(credential::Broken::new(error))
    })
}

fn endpoints(args: &CloudArgs, config: &Config, context: &Context) -> Result<Endpoints, Failure> {
    let mut endpoints = Endpoints::from_env(&*context.env).failed_to(Exit::Usage)?;
    let accounts = wanted(config).into_iter().map(|account| account.profile);
    let roots = config.organization.iter().flat_map(|it| it.roots.iter().map(|root| root.profile.clone()));
    for profile in accounts.chain(roots) {
        let (network, home) = credential::network(context, profile.as_deref()).failed_to(Exit::Usage)?;
        endpoints = endpoints.with_network(network, home);
    }
    for (product, host) in &config.endpoints {
        endpoints = endpoints.with_override(product, host).failed_to(Exit::Usage)?;
    }
    if let Some(url) = &args.endpoint_url {
        endpoints = endpoints.with_endpoint_url(url).failed_to(Exit::Usage)?;
    }
    endpoints.check().failed_to(Exit::Usage)?;
    Ok(endpoints)
}

/// A name for the account until the cloud has told its number; the role's name tells it already.
fn account_name(settings: &AccountSettings, position: usize) -> String {
    let from_role = settings.role_arn.as_deref().and_then(|arn| arn.split(':').nth(3)).filter(|id| !id.is_empty());
    match (from_role, &settings.profile) {
        (Some(id), _) => id.to_owned(),
        (None, Some(profile)) => format!("profile {profile}"),
        (None, None) if position == 0 => "caller".to_owned(),
        (None, None) => format!("account {}", position + 1),
    }
}

async fn provider(
    client: &Client,
    settings: &AccountSettings,
    rights: Option<&Rights>,
) -> Result<Arc<dyn Provider>, CredentialError> {
    let base = credential::chain(client, settings.profile.as_deref()).await?;
    let Some(role_arn) = &settings.role_arn else { return Ok(base) };
    let mut role = RoleToAssume::new(role_arn.clone());
    role.policy = Some(scan::session_policy());
    role.external_id = settings.external_id.clone();
    if let Some(name) = &settings.session_name {
        role.session_name = name.clone();
    }
    if let Some(rights) = rights {
        role.policy = Some(rights.policy.clone());
        role.session_name = rights.session_name.clone();
        role.duration_seconds = rights.duration_seconds;
    }
    credential::assume_role(client, base, role)
}

/// No environment and no files.
struct Nothing;

impl Env for Nothing {
    fn var(&self, _name: &str) -> Option<String> {
        None
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }
}

impl Files for Nothing {
    fn read(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}
