//! `portcullis apply`: checks the plan as it is stored, who approved it and whose account it is for, and carries it out.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    audit::{Audit, Cause},
    by_hand, confirm,
    driver::{Carried, Driver},
    dry_run, holder, journal_path,
    local::{self, LocalJournal},
    notice_reach,
    notices::Notices,
    outcome,
    owner::Owner,
    rights,
    session::{Session, Sessions},
    watch::Watch,
    words,
    world::{self, Consent, Needs, Signed},
};
use crate::{
    cli::{
        Done,
        args::ApplyArgs,
        desk::{self, Desk},
        exit::{Exit, Failure, OrExit, fail},
        plan, setup,
        signals::{self, Stop},
        terminal::Terminal,
    },
    cloud,
    config::{Config, Overrides},
    model::AccountId,
    remediate::{
        Account, CloudTime, Document, Errand, Hand, Mode, Plan, Runner, Selection, account_row, heeding, kill_row,
    },
    report::{escape_capped, escape_message},
};

/// What is to be carried out, checked as far as it can be without asking anybody.
struct Order {
    signed: Signed,
    plan: Arc<Plan>,
    selection: Selection,
}

pub(crate) fn run(args: &ApplyArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let config = setup::changing_config(&args.config, terminal)?;
    let order = order(args, &config)?;
    check_policy(args, &order, &config)?;
    let config = config.with(Overrides { profile: args.reach.profile.clone(), ..Overrides::default() });
    if args.auto {
        may_be_automatic(args, &config)?;
    }
    let path = journal_path(&args.journal, &config)?;
    let (mut store, journal) = match args.dry_run {
        true => {
            local::check(&path)?;
            (setup::looked_at(&args.store, &config, terminal)?, None)
        }
        false => (setup::store(&args.store, &config, terminal)?, Some(open_journal(&path, terminal)?)),
    };
    desk::serve(&mut *store, |desk| {
        let work = async {
            let stop = Stop::listen().or_exit(Exit::Internal)?;
            carry(args, &config, order, journal, desk, &stop, terminal).await
        };
        signals::block_on(work).or_exit(Exit::Internal)?
    })
}

/// Opens the journal of this host, and says what was torn.
pub(super) fn open_journal(path: &Path, terminal: &Terminal) -> Result<LocalJournal, Failure> {
    let journal = LocalJournal::open(path)?;
    if journal.torn > 0 {
        terminal.notice(&format!(
            "the last record of the journal was torn ({} bytes), and dropped: what it announced was never done",
            journal.torn
        ));
    }
    Ok(journal)
}

fn order(args: &ApplyArgs, config: &Config) -> Result<Order, Failure> {
    let (bytes, document) = plan::file::read(&args.plan)?;
    let mode = if args.auto { Mode::Automatic } else { Mode::Attended };
    let plan = Arc::new(document.plan(mode, config.remediation.budgets.clone()));
    let selection = selection(&args.intents, &plan)?;
    let signatures = plan::file::signatures(&args.plan, &args.approvals)?;
    let signed = Signed { bytes, document, signatures, typed: false, mode };
    Ok(Order { signed, plan, selection })
}

/// What may be changed, and why, was judged by other decisions or rules than those that hold now: nobody has reviewed that.
/// When, how often and who approves is asked of the guards, as it is now.
fn check_policy(args: &ApplyArgs, order: &Order, config: &Config) -> Result<(), Failure> {
    let document = &order.signed.document;
    let (planned, now) = (&document.policy_digest, plan::policy_digest(config)?);
    if *planned != now {
        let why = format!(
            "it was made under other settings or waivers (policy {planned}) than hold now ({now}): make a new plan, and have \
             it approved"
        );
        return Err(not_carried_out(&args.plan, &escape_message(&why)));
    }
    let rules = setup::rules(&config.rules.dirs)?;
    let (planned, now) = (&document.run.rules_digest, rules.digest());
    if planned == now {
        return Ok(());
    }
    let why = format!(
        "its run was judged by other rules ({planned}) than are here ({now}): put the rules that belong to both into \
         `rules.dirs`, make a new plan, and have it approved"
    );
    Err(not_carried_out(&args.plan, &escape_message(&why)))
}

fn not_carried_out(path: &Path, refused: &impl std::fmt::Display) -> Failure {
    let shown = escape_capped(&path.display().to_string(), 200);
    Failure { exit: Exit::Refused, error: anyhow::Error::msg(format!("{shown} is not carried out: {refused}")) }
}

/// An intent that is not in the plan selects nothing, and is a mistake.
fn selection(intents: &[String], plan: &Plan) -> Result<Selection, Failure> {
    if intents.is_empty() {
        return Ok(Selection::Whole);
    }
    let known: BTreeSet<&str> = plan.actions.iter().map(|action| action.intent.as_str()).collect();
    if let Some(unknown) = intents.iter().find(|intent| !known.contains(intent.as_str())) {
        let known = known.into_iter().collect::<Vec<_>>().join(", ");
        let unknown = escape_capped(unknown, 80);
        return fail(Exit::Usage, format!("the plan has no action `{unknown}`: it has {known}"));
    }
    Ok(Selection::Intents(intents.iter().cloned().collect()))
}

/// What automatic mode needs of the configuration.
fn may_be_automatic(args: &ApplyArgs, config: &Config) -> Result<(), Failure> {
    let settings = &config.remediation;
    let missing = [
        (!settings.automatic.enabled, "`remediation.automatic.enabled` is not true"),
        (settings.windows.is_empty(), "`remediation.windows` has no window"),
        (settings.budgets.per_run == 0 || settings.budgets.per_day == 0, "`remediation.budgets` allows nothing"),
        (config.notify.is_empty(), "`notify` has no channel to tell the owner on"),
        (!setup::is_store_shared(&args.store, config)?, "the store is a file of this host, and no lease for several"),
    ];
    match missing.iter().find(|(is_missing, _)| *is_missing) {
        Some((_, what)) => fail(Exit::Usage, format!("nothing is changed automatically: {what}")),
        None => Ok(()),
    }
}

async fn carry(
    args: &ApplyArgs,
    config: &Config,
    mut order: Order,
    journal: Option<LocalJournal>,
    desk: Desk,
    stop: &Stop,
    terminal: &Terminal,
) -> Result<Done, Failure> {
    let open = rights::open_actions(&desk, &order.plan.account).await?;
    let sessions = Sessions::open(&args.reach, config, &rights::of_plan(&order.plan, &open), terminal).await?;
    let session = check_account(args, &order, &sessions)?;
    check_time(args, &order, &sessions).await?;
    if args.auto {
        check_keys(&session.account, &sessions.client).await?;
    }
    let account = account(&desk, &session.id).await?;
    check_unused(&account, &order.plan)?;
    order.signed.typed = approved(args, config, &order, terminal).await?;
    let run = uuid::Uuid::now_v7().to_string();
    let grounds = grounds(&order.signed, &run, config);
    let Order { signed, plan, selection } = order;
    let planned = signed.document.actions.clone();
    let needs = Needs {
        config,
        file: &args.config,
        profile: args.reach.profile.as_deref(),
        store: &args.store,
        desk: &desk,
        consent: Consent::Plan(Box::new(signed)),
    };
    let world = world::open(&sessions, needs)?;
    let Some(journal) = journal else {
        return dry_run::run(&world, &planned, (&plan, &selection), &desk, &sessions, args.format).await;
    };
    terminal.notice(&format!("run {run} carries plan {} out", plan.id));
    let reach = notice_reach(&sessions);
    if args.auto {
        let channels = &config.notify;
        let owner = Owner { context: sessions.client.context(), channels, reach, desk: &desk, terminal };
        // The latest that it can be: from then on a day has to pass.
        let (_, now) = sessions.cloud_now()?;
        owner.tell(&plan, &selection, CloudTime(u64::try_from(now.timestamp_millis()).unwrap_or_default())).await?;
    }
    let notices = Notices::begin(sessions.client.context(), &config.notify, reach);
    let holder = holder();
    let (now, _) = sessions.cloud_now()?;
    let at = CloudTime(u64::try_from(now.timestamp_millis()).unwrap_or_default());
    let cause = Cause { command: "apply", grounds, holder: &holder, session, at };
    let mut driver = Driver {
        world: &world,
        desk: desk.clone(),
        journal,
        hand: Hand::new(sessions.client.clone(), session.account.clone(), &sessions.pace),
        stop,
        notices: &notices,
        audit: Audit::of(cause),
        watch: Watch::new(terminal, &plan.id),
    };
    let errand = Errand::Apply { plan, selection, run };
    let carried = driver.carry(Runner::new(errand, holder, sessions.pace.clone())).await;
    drop(driver);
    notices.end(terminal).await;
    conclude(&carried, &desk, session, stop, args, terminal).await
}

/// For the audit: which plan, why, and who let it be carried out.
fn grounds(signed: &Signed, run: &str, config: &Config) -> Value {
    let document = &signed.document;
    let findings: BTreeMap<&str, Vec<&str>> = document
        .actions
        .iter()
        .map(|one| (&*one.action.intent, one.findings.iter().map(|finding| &*finding.fingerprint).collect()))
        .collect();
    let approvals: Vec<String> = signed.votes(config).votes.into_iter().filter_map(|vote| vote.counts.ok()).collect();
    json!({
        "run": run,
        "plan": document.id,
        "plan_digest": Document::digest(&signed.bytes),
        "planner": document.planner.name,
        "planner_tool_digest": document.tool_digest,
        "ticket": document.ticket,
        "policy_digest": document.policy_digest,
        "rules_digest": document.run.rules_digest,
        "findings": findings,
        "approvals": approvals,
        "typed_on_a_terminal": signed.typed,
        "automatic": signed.mode == Mode::Automatic,
    })
}

async fn conclude(
    carried: &Carried,
    desk: &Desk,
    session: &Session,
    stop: &Stop,
    args: &ApplyArgs,
    terminal: &Terminal,
) -> Result<Done, Failure> {
    // A budget that is spent refuses the plan; a breaker or a switch stops a good one.
    let is_stopped =
        account(desk, &session.id).await.map_or(true, |account| account.breaker().is_some() || account.killed());
    let exit = outcome::exit(carried, is_stopped, stop);
    let meaning =
        (exit == Exit::Clean).then_some("carried out and verified; what soaks is due later: `portcullis verify`");
    by_hand::look(desk, &session.id, terminal).await;
    outcome::tell(carried, args.format, exit, meaning, terminal)
}

fn check_account<'a>(args: &ApplyArgs, order: &Order, sessions: &'a Sessions) -> Result<&'a Session, Failure> {
    let planned = &order.signed.document.account;
    if let Some(session) = sessions.of(planned) {
        return Ok(session);
    }
    match sessions.sessions.first() {
        Some(other) => {
            let refused = order.signed.document.check_account(&other.id).err();
            let why = refused.map_or_else(|| "it is for another account".to_owned(), |refused| refused.to_string());
            Err(not_carried_out(&args.plan, &why))
        }
        None => fail(Exit::Identity, "no account could be reached"),
    }
}

async fn check_time(args: &ApplyArgs, order: &Order, sessions: &Sessions) -> Result<(), Failure> {
    let (earliest, latest) = sessions.cloud_now()?;
    let begins = order.signed.document.not_before;
    if earliest < begins && begins <= latest {
        // It was made a moment ago: soon it is certain that its time has come.
        tokio::time::sleep((begins - earliest).to_std().unwrap_or_default()).await;
    }
    let (earliest, latest) = sessions.cloud_now()?;
    order.signed.document.check_time(earliest, latest).map_err(|refused| not_carried_out(&args.plan, &refused))
}

/// A key that never ends is nothing to leave lying about in a scheduled job.
async fn check_keys(account: &cloud::client::Account, client: &cloud::client::Client) -> Result<(), Failure> {
    let keys = account.provider().credentials().await.failed_to(Exit::Identity)?;
    if keys.expiration.is_none() && !client.stays_on_this_machine() {
        return fail(Exit::Identity, "nothing is changed automatically with a long-lived key: use a role");
    }
    Ok(())
}

/// The account's row as it is.
pub(super) async fn account(desk: &Desk, id: &AccountId) -> Result<Account, Failure> {
    let row = format!("account/{id}");
    let records = desk.ask(move |store| store.records(&row)).await?;
    let row = kill_row(id);
    let switch = desk.ask(move |store| store.records(&row)).await?;
    account_row(&records).and_then(|account| heeding(account, &switch)).or_exit(Exit::Damaged)
}

fn check_unused(account: &Account, plan: &Plan) -> Result<(), Failure> {
    match account.run_of(&plan.id) {
        Some(run) => fail(
            Exit::Refused,
            format!(
                "the plan was used by run {run}, and is carried out once: `portcullis verify --due` goes on with what is \
                 open, a new plan has the rest"
            ),
        ),
        None => Ok(()),
    }
}

/// Says who approves, and refuses where too few do. True if the person at the terminal stands for them, which is so where
/// nobody is configured to approve.
async fn approved(args: &ApplyArgs, config: &Config, order: &Order, terminal: &Terminal) -> Result<bool, Failure> {
    let votes = order.signed.votes(config);
    for vote in &votes.votes {
        match &vote.counts {
            Ok(name) => terminal.notice(&format!("{} approves", escape_capped(name, 80))),
            Err(why) => terminal.warning(&format!("{} does not count: {why}", escape_capped(&vote.file, 200))),
        }
    }
    let alone = config.remediation.approvers.is_empty() && !args.auto;
    if alone && args.dry_run {
        // Whether a person stands for it is asked when it is carried out.
        terminal.notice("nobody is configured to approve: `apply` will have it confirmed on a terminal");
        return Ok(true);
    }
    if votes.is_enough() || args.dry_run {
        return Ok(false);
    }
    if alone && confirm::is_possible() {
        let mut what = vec![format!("Plan {} for account {}:", order.plan.id, order.plan.account)];
        let picked = order.plan.actions.iter().filter(|action| order.selection.picks(action));
        what.extend(picked.map(|action| format!("  {}", words::action(action))));
        if votes.needed > 1 {
            what.push(format!(
                "It needs {} approvals, and `remediation.approvers` names nobody: whoever confirms it stands for all of them.",
                votes.needed
            ));
        }
        let word = order.plan.account.to_string();
        let typed = tokio::task::spawn_blocking(move || confirm::typed(&what, &word)).await;
        typed.or_exit(Exit::Internal)??;
        return Ok(true);
    }
    let how = match (alone, args.auto) {
        (true, _) => "name approvers in `remediation.approvers`, or confirm it on a terminal",
        (false, true) => "automatic mode has no other way than signatures",
        (false, false) => "`portcullis approve` makes approvals, and --approval hands them in",
    };
    fail(Exit::Refused, format!("{} of {} approvals are valid: {how}", votes.valid(), votes.needed))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use chrono::{TimeDelta, Utc};

    use super::*;
    use crate::cloud::{
        client::{Client, Settings},
        context::{Context, HttpSettings},
        credential::{Credentials, StaticProvider},
        endpoint::Endpoints,
        throttle,
    };

    /// What automatic mode says to keys, where the cloud is real or simulated on this machine.
    async fn said(ends: bool, simulated: bool) -> Result<(), Failure> {
        let credentials = Credentials {
            access_key_id: "testid".to_owned(),
            access_key_secret: "testsecret".to_owned().into(),
            security_token: None,
            expiration: ends.then(|| Utc::now() + TimeDelta::hours(1)),
        };
        let endpoints = match simulated {
            true => Endpoints::default().with_endpoint_url("http://127.0.0.1:9").unwrap(),
            false => Endpoints::default(),
        };
        let context = Context::real(HttpSettings { use_proxy: false, ..HttpSettings::default() }).unwrap();
        let settings = Settings { throttle: throttle::Settings::loopback(), ..Settings::default() };
        let client = Client::new(context, endpoints, settings);
        let provider = Arc::new(StaticProvider::new("test", credentials));
        check_keys(&cloud::client::Account::new("1000000000000001", provider), &client).await
    }

    #[tokio::test]
    async fn nothing_is_changed_automatically_with_keys_that_never_end() {
        let refused = said(false, false).await.err().unwrap();
        assert_eq!(refused.exit, Exit::Identity);
        assert!(refused.error.to_string().contains("long-lived key: use a role"), "{}", refused.error);
        for (ends, simulated) in [(true, false), (true, true), (false, true)] {
            assert!(said(ends, simulated).await.is_ok(), "{ends} {simulated}");
        }
    }
}
