//! `portcullis doctor`: who am I, what may I read, what is missing, and the policy to grant.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use super::{
    args::{ConfigArgs, DoctorArgs},
    connect::{self, Chosen},
    evidence,
    exit::{Exit, Failure, OrExit, Outcome},
    notify, output,
    pipeline::Judging,
    policy, setup,
    signals::{self, Stop},
    terminal::Terminal,
};
use crate::{
    cloud::{credential, request::Product},
    config::{self, Config, Overrides},
    model::{Coverage, Gap, Unit, UnitState},
    report::{self, Options, escape_capped, escape_line},
    scan::{self, Permission},
};

pub(crate) fn run(args: &DoctorArgs, terminal: &Terminal) -> Outcome {
    let file = ConfigArgs { config: args.file.clone() };
    let config = setup::judging_config(&file, &[], terminal)?.with(Overrides {
        profile: args.cloud.profile.clone(),
        regions: args.cloud.regions.clone(),
        ..Overrides::default()
    });
    if let Some(role) = args.policy {
        output::to_stdout(|out| policy::write(role, &config, out)).or_exit(Exit::Output)?;
        return Ok(Exit::Clean);
    }
    let options = Options { width: output::terminal_width(), color: terminal.stdout_color };
    if args.settings {
        output::to_stdout(|out| write_settings(&config, out, &options)).or_exit(Exit::Output)?;
        return Ok(Exit::Clean);
    }
    // Whatever a scan would refuse is refused here too, and before anything is asked.
    Judging::new(&config)?;
    evidence::files(&config.evidence.files, &[])?;
    let checkup = signals::block_on(examine(args, &config, terminal)).or_exit(Exit::Internal)??;
    output::to_stdout(|out| {
        notify::write_channels(&config, out)?;
        write_checkup(&checkup, config.organization.is_some(), out, &options)?;
        policy::write(policy::Role::Scan, &config, out)
    })
    .or_exit(Exit::Output)?;
    Ok(checkup.exit())
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
    /// What was asked of every account, and how it ended.
    coverage: Coverage,
    /// Set where a signal cut the reading short.
    ended: Option<Exit>,
}

struct AccountCheckup {
    keys: String,
    /// Account id and ARN.
    identity: Result<(String, String), String>,
}

impl Checkup {
    fn exit(&self) -> Exit {
        if self.accounts.iter().all(|account| account.identity.is_err()) {
            return Exit::Identity;
        }
        let unknown = self.accounts.iter().any(|account| account.identity.is_err());
        let judged = if unknown || !self.coverage.complete() { Exit::Incomplete } else { Exit::Clean };
        self.ended.unwrap_or(Exit::Clean).or(judged)
    }
}

/// Reads what a scan would read, so that the answer is about every permission and every region; judges nothing.
async fn examine(args: &DoctorArgs, config: &Config, terminal: &Terminal) -> Result<Checkup, Failure> {
    let stop = Stop::listen().or_exit(Exit::Internal)?;
    let connection = connect::open(&args.cloud, config, false, terminal).await?;
    let env = &connection.client.context().env;
    let proxies = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .filter(|name| env.var(name).is_some_and(|value| !value.is_empty()))
        .collect();
    let (mut accounts, mut known) = (Vec::new(), Vec::new());
    for account in connect::only(&connection, &args.cloud.accounts).await?.accounts {
        let keys = account.provider().describe();
        let identity = match credential::caller_identity(&connection.client, &account, "").await {
            Ok(caller) => {
                known.push(account.with_id(&caller.account_id));
                Ok((caller.account_id, caller.arn))
            }
            Err(error) => Err(format!("failed to {error}")),
        };
        accounts.push(AccountCheckup { keys, identity });
    }
    let (mut coverage, mut ended) = (Coverage::default(), None);
    if !known.is_empty() {
        let plan = evidence::Plan::new(&config.evidence, false);
        let reading = connect::read(&connection, &Chosen::of(known), config, plan, &stop, terminal).await?;
        ended = reading.ended;
        coverage = reading.inventory.into_ledger().1;
    }
    Ok(Checkup { accounts, proxies, coverage, ended })
}

fn write_checkup(checkup: &Checkup, organization: bool, out: &mut dyn Write, options: &Options) -> io::Result<()> {
    for variable in &checkup.proxies {
        writeln!(out, "Proxy    {variable} is set and honoured, except for loopback and instance metadata")?;
    }
    for account in &checkup.accounts {
        writeln!(out, "Keys     {}", escape_line(&account.keys))?;
        match &account.identity {
            Ok((id, arn)) => {
                writeln!(out, "Account  {} as {}\n", escape_line(id), escape_capped(arn, 200))?;
                let asked = scan::permissions().into_iter();
                let lister = organization.then(scan::organization_permissions).into_iter().flatten();
                // Members list nothing; whoever became a role in them could.
                let lister = lister.filter(|permission| Asked::of(id, &permission.action, &checkup.coverage).is_any());
                write_reads(id, asked.chain(lister).collect(), &checkup.coverage, out, options)?;
                write_remediation(id, &checkup.coverage, out)?;
            }
            Err(reason) => writeln!(out, "Account  unknown: {}", escape_capped(reason, 400))?,
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "The policy to grant: all that a scan needs, and no more (`portcullis doctor --policy` prints it alone, \
         `--policy=remediate` and `--policy=rollback` what changes need)"
    )
}

/// One line for each permission, then what is missing.
fn write_reads(
    account_id: &str,
    permissions: Vec<Permission>,
    coverage: &Coverage,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<()> {
    let (mut rows, mut missing, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for permission in permissions {
        let asked = Asked::of(account_id, &permission.action, coverage);
        if asked.in_state(UnitState::Denied).next().is_some() {
            missing.push(permission.action.clone());
        }
        if asked.in_state(UnitState::Failed).next().is_some() {
            failed.push(permission.action.clone());
        }
        rows.push(vec![permission.action, permission.why.to_owned(), asked.answer()]);
    }
    write!(out, "{}", report::grid(&["READ", "TELLS", "ANSWER"], rows, options))?;
    if missing.is_empty() && failed.is_empty() {
        return writeln!(
            out,
            "\nNothing is missing of what was asked for. What was not asked may still be refused once there is something \
             that needs it."
        );
    }
    writeln!(out, "\nWhat these would have shown stays unknown:")?;
    for (actions, advice) in [
        (missing, "the permission is missing: grant it as in the policy below"),
        (failed, "the read failed: `portcullis scan` tells why, under what was not read"),
    ] {
        for action in actions {
            writeln!(out, "  {action}: {advice}")?;
        }
    }
    Ok(())
}

/// What this identity lacks of the policy for changes, as far as it was seen. What was not asked stays unknown, and what
/// changes something is never called to find out.
fn write_remediation(account_id: &str, coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    let (mut allowed, mut missing, mut unknown) = (0, Vec::new(), Vec::new());
    for action in policy::remediation_reads() {
        let asked = Asked::of(account_id, &action, coverage);
        if asked.in_state(UnitState::Denied).next().is_some() {
            missing.push(action);
        } else if asked.read > 0 && asked.in_state(UnitState::Failed).next().is_none() {
            allowed += 1;
        } else {
            unknown.push(action);
        }
    }
    let writes = policy::remediation_writes();
    let listed = |actions: &[String]| if actions.is_empty() { "none".to_owned() } else { actions.join(", ") };
    writeln!(out, "\nOf what changes need beside (`--policy=remediate`), this identity:")?;
    writeln!(out, "  may      {allowed} of {} reads", allowed + missing.len() + unknown.len())?;
    writeln!(out, "  lacks    {}", listed(&missing))?;
    writeln!(out, "  unknown  {} (nothing that was seen needs them)", listed(&unknown))?;
    writeln!(out, "  unknown  {} (only a change would tell, and none is made)", listed(&writes))
}

/// What became of the reads of one account that need one permission.
struct Asked<'a> {
    read: usize,
    gaps: Vec<&'a Gap>,
}

impl<'a> Asked<'a> {
    fn of(account_id: &str, action: &str, coverage: &'a Coverage) -> Self {
        let about = |unit: &Unit| unit.account_id.as_str() == account_id && action_of(unit).as_deref() == Some(action);
        Self {
            read: coverage.scanned_units().filter(|unit| about(unit)).count(),
            gaps: coverage.gaps().filter(|gap| about(&gap.unit)).collect(),
        }
    }

    fn is_any(&self) -> bool {
        self.read > 0 || !self.gaps.is_empty()
    }

    fn in_state(&self, state: UnitState) -> impl Iterator<Item = &'a Gap> {
        self.gaps.iter().copied().filter(move |gap| gap.state == state)
    }

    /// `yes`, or where not and why. A product that does not serve a region is nothing missing.
    fn answer(&self) -> String {
        let refused: Vec<String> = [(UnitState::Denied, "denied"), (UnitState::Failed, "failed")]
            .into_iter()
            .filter_map(|(state, word)| {
                let gaps: Vec<&Gap> = self.in_state(state).collect();
                let first = gaps.first()?;
                let regions: BTreeSet<String> = gaps.iter().map(|gap| region_of(&gap.unit)).collect();
                let shown: Vec<String> = regions.iter().take(REGIONS_SHOWN).cloned().collect();
                let more = regions.len().saturating_sub(REGIONS_SHOWN);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                Some(format!("no in {}{more}: {} ({})", shown.join(", "), word, escape_capped(&first.code, 60)))
            })
            .collect();
        match (refused.is_empty(), self.read, self.gaps.is_empty()) {
            (false, 0, _) => refused.join("; "),
            (false, read, _) => format!("{}; {read} others could be read", refused.join("; ")),
            (true, 0, true) => "not asked: nothing that was seen needs it".to_owned(),
            (true, 0, false) => "not served here".to_owned(),
            (true, _, _) => "yes".to_owned(),
        }
    }
}

/// Regions that one line names.
const REGIONS_SHOWN: usize = 3;

fn region_of(unit: &Unit) -> String {
    if unit.region_id.as_str().is_empty() { "all regions".to_owned() } else { escape_line(unit.region_id.as_str()) }
}

/// The permission that a read needs.
fn action_of(unit: &Unit) -> Option<String> {
    Some(format!("{}:{}", Product::from_name(&unit.product)?.ram_code(), unit.operation))
}
