//! `portcullis doctor`: who am I, what may I read, what is missing.

use std::io::{self, Write};

use futures::{StreamExt, stream};
use serde_json::json;

use super::{
    args::{ConfigArgs, DoctorArgs},
    connect::{self, Connection},
    exit::{Exit, Failure, OrExit, Outcome},
    output, setup, signals,
    terminal::Terminal,
};
use crate::{
    cloud::{
        api::{cs, ecs, nlb, servicemesh, slb, vpc},
        client::{Account, Client},
        credential,
        error::{CallError, Class},
        request::ReadRequest,
    },
    config::{self, Config, Overrides},
    report::{self, Options, escape_capped, escape_line},
    scan,
};

/// What a scan never needs and a later, wider grant must not give it.
const DENIED: [&str; 9] = [
    "servicemesh:DescribeServiceMeshKubeconfig",
    "servicemesh:InvokeApiServer",
    "servicemesh:Modify*",
    "servicemesh:Update*",
    "cs:DescribeClusterUserKubeconfig",
    "cs:DescribeClusterV2UserKubeconfig",
    "cs:Modify*",
    "vpc:ReleaseEipAddress",
    "vpc:UnassociateEipAddress",
];

/// Tried where no region is named.
const DEFAULT_REGION: &str = "cn-hangzhou";

/// Probes under way at once.
const AT_ONCE: usize = 4;

pub(crate) fn run(args: &DoctorArgs, terminal: &Terminal) -> Outcome {
    if args.policy {
        output::to_stdout(write_policy).or_exit(Exit::Output)?;
        return Ok(Exit::Clean);
    }
    let file = ConfigArgs { config: args.file.clone() };
    let config = setup::judging_config(&file, &[], terminal)?.with(Overrides {
        profile: args.cloud.profile.clone(),
        regions: args.cloud.regions.clone(),
        ..Overrides::default()
    });
    let options = Options { width: output::terminal_width(), color: terminal.stdout_color };
    if args.settings {
        output::to_stdout(|out| write_settings(&config, out, &options)).or_exit(Exit::Output)?;
        return Ok(Exit::Clean);
    }
    let checkup = signals::block_on(examine(args, &config, terminal)).or_exit(Exit::Internal)??;
    output::to_stdout(|out| write_checkup(&checkup, out, &options)).or_exit(Exit::Output)?;
    Ok(checkup.exit())
}

/// The least-privilege policy, to be attached to the scanning identity.
fn write_policy(out: &mut dyn Write) -> io::Result<()> {
    let actions: Vec<String> = scan::permissions().into_iter().map(|permission| permission.action).collect();
    let policy = json!({
        "Version": "1",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": "*",
             "Condition": {"Bool": {"acs:SecureTransport": "true"}}},
            {"Effect": "Deny", "Action": DENIED, "Resource": "*"},
        ],
    });
    serde_json::to_writer_pretty(&mut *out, &policy)?;
    writeln!(out)
}

fn write_settings(config: &Config, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    let rows = config::effective(config)
        .into_iter()
        .map(|(key, value, origin)| vec![key, escape_line(&value), origin.to_string()])
        .collect();
    write!(out, "{}", report::grid(&["SETTING", "VALUE", "FROM"], rows, options))
}

/// What was found out.
struct Checkup {
    accounts: Vec<AccountCheckup>,
    /// Variables that name a proxy, where one is set.
    proxies: Vec<&'static str>,
}

struct AccountCheckup {
    keys: String,
    /// Account id and ARN.
    identity: Result<(String, String), String>,
    probes: Vec<Probe>,
}

/// One read that was tried.
struct Probe {
    operation: String,
    region: String,
    result: Result<(), CallError>,
}

impl Checkup {
    fn exit(&self) -> Exit {
        if self.accounts.iter().all(|account| account.identity.is_err()) {
            return Exit::Identity;
        }
        let missing = |account: &AccountCheckup| account.identity.is_err() || account.probes.iter().any(Probe::failed);
        if self.accounts.iter().any(missing) { Exit::Incomplete } else { Exit::Clean }
    }
}

impl Probe {
    /// A product that does not serve the region is nothing missing.
    fn failed(&self) -> bool {
        self.result.as_ref().is_err_and(|error| error.class != Class::NotServed)
    }
}

async fn examine(args: &DoctorArgs, config: &Config, terminal: &Terminal) -> Result<Checkup, Failure> {
    let connection = connect::open(&args.cloud, config, terminal).await?;
    let env = &connection.client.context().env;
    let proxies = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .filter(|name| env.var(name).is_some_and(|value| !value.is_empty()))
        .collect();
    let default = [connection.home_region.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned())];
    let regions = if config.regions.is_empty() { &default[..] } else { &config.regions };
    let mut accounts = Vec::new();
    for account in &connection.accounts {
        accounts.push(examine_account(&connection, account, regions).await);
    }
    Ok(Checkup { accounts, proxies })
}

async fn examine_account(connection: &Connection, account: &Account, regions: &[String]) -> AccountCheckup {
    let keys = account.provider().describe();
    let client = &connection.client;
    let identity = credential::caller_identity(client, account, "").await;
    let identity = match identity {
        Ok(caller) => (caller.account_id, caller.arn),
        Err(error) => return AccountCheckup { keys, identity: Err(format!("failed to {error}")), probes: Vec::new() },
    };
    let account = account.with_id(&identity.0);
    let requests: Vec<ReadRequest> = probes(regions);
    let probes =
        stream::iter(requests).map(|request| probe(client, &account, request)).buffered(AT_ONCE).collect().await;
    AccountCheckup { keys, identity: Ok(identity), probes }
}

/// Reads that need no resource: the lists that every scan begins with.
fn probes(regions: &[String]) -> Vec<ReadRequest> {
    let mut requests = vec![servicemesh::describe_service_meshes()];
    for region in regions {
        requests.extend([
            cs::describe_clusters_v1(region),
            ecs::describe_regions(region),
            vpc::describe_eip_addresses(region),
            slb::describe_internet_load_balancers(region),
            nlb::list_load_balancers(region),
        ]);
    }
    requests
}

async fn probe(client: &Client, account: &Account, request: ReadRequest) -> Probe {
    let operation = request.operation();
    Probe {
        operation: operation.ram_action(),
        region: request.region().to_owned(),
        result: client.read(account, &request).await.map(drop),
    }
}

fn write_checkup(checkup: &Checkup, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    for variable in &checkup.proxies {
        writeln!(out, "Proxy    {variable} is set and honoured, except for loopback and instance metadata")?;
    }
    for account in &checkup.accounts {
        writeln!(out, "Keys     {}", escape_line(&account.keys))?;
        match &account.identity {
            Ok((id, arn)) => writeln!(out, "Account  {} as {}", escape_line(id), escape_capped(arn, 200))?,
            Err(reason) => {
                writeln!(out, "Account  unknown: {}", escape_capped(reason, 400))?;
                continue;
            }
        }
        let rows = account.probes.iter().map(probe_row).collect();
        write!(out, "\n{}\n", report::grid(&["READ", "REGION", "ANSWER", "WHAT TO DO"], rows, options))?;
        let refused = account.probes.iter().filter(|probe| probe.failed()).count();
        match refused {
            0 => writeln!(out, "All lists can be read {}.", where_asked(&account.probes))?,
            _ => writeln!(
                out,
                "{refused} of {} lists cannot be read: what they would show stays unknown. `portcullis doctor --policy` \
                 prints the policy that is needed.",
                account.probes.len()
            )?,
        }
    }
    Ok(())
}

/// Where the lists were asked for: a policy may deny one region and not another.
fn where_asked(probes: &[Probe]) -> String {
    let mut regions: Vec<String> =
        probes.iter().filter(|probe| !probe.region.is_empty()).map(|probe| escape_line(&probe.region)).collect();
    regions.sort();
    regions.dedup();
    format!("in {}; `--region ID` asks in others", regions.join(", "))
}

fn probe_row(probe: &Probe) -> Vec<String> {
    let region = if probe.region.is_empty() { "all".to_owned() } else { escape_line(&probe.region) };
    let (answer, advice) = match &probe.result {
        Ok(()) => ("yes".to_owned(), String::new()),
        Err(error) if error.class == Class::NotServed => ("not served here".to_owned(), String::new()),
        Err(error) => (
            format!("no: {} ({})", escape_capped(&error.reason, 160), escape_line(&error.code)),
            escape_capped(&error.advice, 200),
        ),
    };
    vec![probe.operation.clone(), region, answer, advice]
}
