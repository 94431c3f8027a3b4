//! `portcullis plan`: which endpoints of a run may be changed, how, and why that harms nobody. Nothing is contacted, and
//! nothing is changed.

mod args;
mod draft;
pub(crate) mod file;
mod markdown;
mod text;

use std::{collections::BTreeSet, env};

use chrono::{SubsecRound, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(crate) use args::PlanArgs;
pub(crate) use text::{call_in_words, write_document};

use self::{
    args::{Form, Output},
    draft::Draft,
};
use super::{
    exit::{Exit, Failure, OrExit, Outcome, fail},
    output::{self, Place},
    pipeline::{self, Judging},
    scan::read_snapshot,
    setup,
    terminal::Terminal,
    tool,
};
use crate::{
    config::{self, Config},
    findings::Run,
    model::AccountId,
    remediate::{
        Document, Planner,
        document::{RunRef, SCHEMA},
        select,
    },
    report::Options,
};

pub(crate) fn run(args: &PlanArgs, terminal: &Terminal) -> Outcome {
    let outputs = outputs(args)?;
    let config = setup::judging_config(&args.config, &[], terminal)?;
    let run = match &args.from {
        Some(path) => pipeline::conclude(read_snapshot(path)?, &Judging::new(&config)?),
        None => {
            let store = setup::kept(&args.store, &config, terminal)?;
            setup::stored_run(&*store, &args.run)?
        }
    };
    let selector = args.selection.selector();
    let draft = Draft::of(&run, &selector, &config);
    for (dimension, word) in &draft.strangers {
        let seen = crate::report::escape_capped(word, 120);
        terminal.warning(&format!("nothing in the run has {} `{seen}`: it selects nothing", dimension.as_str()));
    }
    let document = document(args, &run, &draft, &config)?;
    let page = Page { document: &document, draft: &draft, cautions: cautions(&run, &document, &config) };
    for one in &outputs {
        write(&page, one, terminal)?;
    }
    if document.actions.is_empty() {
        terminal.notice(&draft.nothing());
    }
    Ok(Exit::Clean)
}

/// What a plan is shown by.
pub(super) struct Page<'a> {
    pub(super) document: &'a Document,
    pub(super) draft: &'a Draft,
    /// What keeps it from being applied as the settings are, one sentence each.
    pub(super) cautions: Vec<String>,
}

fn outputs(args: &PlanArgs) -> Result<Vec<Output>, Failure> {
    let outputs = match args.outputs.as_slice() {
        [] => vec![Output { form: Form::Text, place: Place::Stdout }],
        some => some.to_vec(),
    };
    let places: BTreeSet<&Place> = outputs.iter().map(|one| &one.place).collect();
    if places.len() < outputs.len() {
        return fail(
            Exit::Usage,
            "two forms of the plan would go to one place: give each a path of its own (FORMAT=PATH)",
        );
    }
    for one in &outputs {
        if let Place::File(path) = &one.place {
            output::check_place(path).or_exit(Exit::Output)?;
        }
    }
    Ok(outputs)
}

fn document(args: &PlanArgs, run: &Run, draft: &Draft, config: &Config) -> Result<Document, Failure> {
    let account = account(draft)?;
    let id = Uuid::now_v7().to_string();
    let now = Utc::now().trunc_subsecs(0);
    let (ordered, waiting) = select::arrange(draft.candidates.clone(), &config.remediation.environments.order);
    let (actions, impossible) = select::actions(ordered, &id, &run.header.snapshot_digest);
    let mut left_out = draft.left_out.clone();
    left_out.extend(waiting.into_iter().chain(impossible));
    left_out.sort();
    // Who makes no plan need not say who they are.
    let planner = if actions.is_empty() { String::new() } else { planner(args)? };
    let arn = run.header.caller.iter().find(|caller| caller.account_id == account).map(|caller| caller.arn.clone());
    Ok(Document {
        schema: SCHEMA.to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        tool_digest: tool::digest().unwrap_or_default(),
        id,
        account,
        run: RunRef {
            id: run.header.id.clone(),
            taken_at: run.header.started_at,
            snapshot_digest: run.header.snapshot_digest.clone(),
            rules_digest: run.header.rules_digest.clone(),
        },
        policy_digest: policy_digest(config)?,
        not_before: now,
        expires: now + args.expires,
        planner: Planner { name: planner, arn: arn.unwrap_or_default() },
        ticket: args.ticket.clone().unwrap_or_default(),
        actions,
        left_out,
        checksum: String::new(),
    })
}

/// The one account that the plan is about.
fn account(draft: &Draft) -> Result<AccountId, Failure> {
    let accounts: BTreeSet<&AccountId> = draft.candidates.iter().map(|one| &one.proposal.target.account).collect();
    let mut accounts = accounts.into_iter();
    match (accounts.next(), accounts.next()) {
        (Some(one), Some(other)) => fail(
            Exit::Usage,
            format!(
                "the selection is of several accounts, among them {one} and {other}: a plan is about one, so add --account"
            ),
        ),
        (Some(one), None) => Ok(one.clone()),
        (None, _) => Ok(draft.account.clone()),
    }
}

fn planner(args: &PlanArgs) -> Result<String, Failure> {
    let named = args.planner.clone().or_else(|| ["USER", "LOGNAME"].iter().find_map(|name| env::var(name).ok()));
    match named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()) {
        Some(name) => Ok(name),
        None => fail(
            Exit::Usage,
            "it is not known who makes the plan, and nobody may approve their own: say it with --planner NAME",
        ),
    }
}

/// Digest of what people decided about which endpoints are meant and why: settings by which they are judged, and waivers.
/// A plan is carried out under these and no others. Where things are kept is left out, so that two hosts with the same
/// decisions have the same digest; and when, how often and with whose approval something is changed, which is asked of the
/// settings as they are then.
pub(crate) fn policy_digest(config: &Config) -> Result<String, Failure> {
    const ELSEWHERE: [&str; 17] = [
        "deadline",
        "accounts",
        "organization",
        "waivers",
        "rules.dirs",
        "store.",
        "evidence.",
        "fail_on",
        "remediation.lease.",
        "remediation.approvers",
        "remediation.approvals.",
        "remediation.windows",
        "remediation.budgets.",
        "remediation.canary.",
        "remediation.automatic.",
        "notify",
        "endpoints",
    ];
    let mut hash = Sha256::new();
    for (key, value, _) in config::effective(config) {
        if !ELSEWHERE.iter().any(|other| key.starts_with(other)) {
            hash.update(format!("{key}\n{}\n{value}\n", value.len()));
        }
    }
    if let Some(path) = &config.waivers {
        hash.update(std::fs::read(path).or_exit(Exit::Usage)?);
    }
    Ok(format!("sha256:{}", data_encoding::HEXLOWER.encode(&hash.finalize())))
}

/// What keeps the plan from being applied as the settings are.
fn cautions(run: &Run, document: &Document, config: &Config) -> Vec<String> {
    let settings = &config.remediation;
    let mut told = Vec::new();
    if document.actions.is_empty() {
        return told;
    }
    if settings.windows.is_empty() {
        told.push("There is no change window: nothing is changed before `remediation.windows` has one.".to_owned());
    }
    for (key, budget) in [("per_run", settings.budgets.per_run), ("per_day", settings.budgets.per_day)] {
        if budget == 0 {
            told.push(format!("The budget `remediation.budgets.{key}` is 0: nothing is changed."));
        }
    }
    let classes: BTreeSet<&str> = document.actions.iter().map(|one| one.budget_class.as_str()).collect();
    for class in classes {
        if settings.budgets.per_environment.get(class).is_none_or(|budget| *budget == 0) {
            let class = crate::report::escape_capped(class, 80);
            told.push(format!(
                "The environment {class} has no budget: nothing is changed in it before \
                 `remediation.budgets.per_environment` names it."
            ));
        }
    }
    let needed = settings.approvals().by(document);
    let can: usize = settings.approvers.iter().filter(|approver| !approver.planned(&document.planner)).count();
    if can < usize::try_from(needed).unwrap_or(usize::MAX) {
        told.push(format!(
            "Approvals that it needs: {needed}; {can} of those in `remediation.approvers` may give one (nobody approves \
             what they planned)."
        ));
    }
    let age = document.not_before - run.header.started_at;
    if age > chrono::TimeDelta::hours(1) {
        told.push(format!(
            "The run is {} hours old. What has changed since is seen when the plan is applied, and refuses it then.",
            age.num_hours().max(1)
        ));
    }
    told
}

fn write(page: &Page<'_>, one: &Output, terminal: &Terminal) -> Result<(), Failure> {
    let on_stdout = Options { width: output::terminal_width(), color: terminal.stdout_color };
    let render = |out: &mut dyn std::io::Write, options: &Options| match one.form {
        Form::Json => out.write_all(&page.document.to_bytes()),
        Form::Text => text::write(page, out, options),
        Form::Markdown => markdown::write(page, out),
    };
    let written = match &one.place {
        Place::Stdout => output::to_stdout(|out| render(out, &on_stdout)),
        Place::File(path) => output::to_file(path, |out| render(out, &Options::default())),
    };
    written.map(drop).or_exit(Exit::Output)
}

#[cfg(test)]
mod tests;
