//! `portcullis approve`: signs a plan, says whose signatures count, and makes keys. Nothing is contacted.

mod key;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use chrono::Utc;
use clap::{Args, ValueHint};

use super::{
    args::{ConfigArgs, account_id},
    exit::{Exit, Failure, OrExit, Outcome, fail},
    output, plan, setup,
    terminal::Terminal,
};
use crate::{
    config::Config,
    remediate::{
        Document,
        approval::{Approver, Votes},
        document::{PAYLOAD_TYPE, time},
    },
    report::{self, Options, escape_capped},
    seal::{Detached, SigningKey},
};

#[derive(Clone, Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The plan, as `plan -o json=FILE` wrote it
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath, required_unless_present = "new_key")]
    plan: Option<PathBuf>,
    /// Sign with this private key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present_any = ["check", "new_key"])]
    key: Option<PathBuf>,
    /// Say whose signatures count, and why others do not; exit code 6 if they are not enough
    #[arg(long, conflicts_with_all = ["key", "new_key"])]
    check: bool,
    /// A signature that lies elsewhere than beside the plan; repeatable
    #[arg(long = "approval", value_name = "FILE", value_hint = ValueHint::FilePath, requires = "check")]
    approvals: Vec<PathBuf>,
    /// The account that the plan has to be for
    #[arg(long, value_name = "ID", value_parser = account_id, conflicts_with = "new_key")]
    account: Option<String>,
    /// Where the signature goes [default: beside the plan, called like it with the key's name and `.sig`]
    #[arg(long = "output", short, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "key")]
    output: Option<PathBuf>,
    /// Make a key: the private one into this new file, the public one onto standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["plan", "key", "config"])]
    new_key: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &ApproveArgs, terminal: &Terminal) -> Outcome {
    if let Some(path) = &args.new_key {
        return new_key(path, terminal);
    }
    let Some(path) = &args.plan else { return fail(Exit::Usage, "name the plan") };
    let config = setup::config(&args.config, terminal)?;
    let (bytes, document) = plan::file::read(path)?;
    refuse_unusable(args, path, &document)?;
    match &args.key {
        Some(key) => sign(args, (path, &bytes, &document), &key::read(key)?, &config, terminal),
        None => check(args, (path, &bytes, &document), &config, terminal),
    }
}

/// What expired, is not valid yet or is for another account is neither signed nor counted.
fn refuse_unusable(args: &ApproveArgs, path: &Path, document: &Document) -> Result<(), Failure> {
    let now = Utc::now();
    let account = args.account.as_deref().map(Into::into);
    let usable =
        document.check_time(now, now).and_then(|()| account.map_or(Ok(()), |account| document.check_account(&account)));
    match usable {
        Ok(()) => Ok(()),
        Err(refused) => {
            let seen = escape_capped(&path.display().to_string(), 200);
            fail(Exit::Refused, format!("the plan {seen} is refused: {refused}"))
        }
    }
}

/// A plan as it was read: where from, its bytes, and what they say.
type Read<'a> = (&'a Path, &'a [u8], &'a Document);

fn sign(
    args: &ApproveArgs,
    (path, bytes, document): Read<'_>,
    key: &SigningKey,
    config: &Config,
    terminal: &Terminal,
) -> Outcome {
    let approver = approver(key, config)?;
    if approver.planned(&document.planner) {
        let name = escape_capped(&approver.name, 80);
        return fail(
            Exit::Refused,
            format!("{name} made this plan, and nobody approves their own: somebody else has to"),
        );
    }
    let options = Options { width: output::terminal_width(), color: terminal.stdout_color };
    output::to_stdout(|out| plan::write_document(document, out, &options)).or_exit(Exit::Output)?;
    let to = match &args.output {
        Some(to) => to.clone(),
        None => plan::file::signature_path(path, key.public_key().id().as_str()),
    };
    let signature = Detached::new(PAYLOAD_TYPE, bytes, key);
    output::to_file(&to, |out| out.write_all(signature.to_json().as_bytes())).or_exit(Exit::Output)?;
    output::to_stdout(|out| {
        writeln!(
            out,
            "Approved by {} with the key {}: {} until {}.\nSignature: {}",
            escape_capped(&approver.name, 80),
            key.public_key().id(),
            Document::digest(bytes),
            time(&document.expires),
            escape_capped(&to.display().to_string(), 200)
        )
    })
    .or_exit(Exit::Output)?;
    Ok(Exit::Clean)
}

/// Whose key it is. A signature that would count for nobody is not made.
fn approver<'c>(key: &SigningKey, config: &'c Config) -> Result<&'c Approver, Failure> {
    let public = key.public_key();
    match config.remediation.approvers.iter().find(|approver| approver.public_key == public) {
        Some(approver) => Ok(approver),
        None => fail(
            Exit::Refused,
            format!(
                "the key {} is nobody's in `remediation.approvers`, so its signature would not count: have its public key, \
                 {public}, added there",
                public.id()
            ),
        ),
    }
}

fn check(args: &ApproveArgs, (path, bytes, document): Read<'_>, config: &Config, terminal: &Terminal) -> Outcome {
    let signatures = plan::file::signatures(path, &args.approvals)?;
    let settings = &config.remediation;
    let votes = Votes::count(bytes, document, &signatures, &settings.approvers, &settings.approvals());
    let options = Options { width: output::terminal_width(), color: terminal.stdout_color };
    output::to_stdout(|out| write_votes(&votes, bytes, document, out, &options)).or_exit(Exit::Output)?;
    Ok(if votes.is_enough() { Exit::Clean } else { Exit::Refused })
}

fn write_votes(
    votes: &Votes,
    bytes: &[u8],
    document: &Document,
    out: &mut dyn Write,
    options: &Options,
) -> io::Result<()> {
    writeln!(out, "Plan {}, {}", escape_capped(&document.id, 80), Document::digest(bytes))?;
    writeln!(out, "Valid until {}\n", time(&document.expires))?;
    if !votes.votes.is_empty() {
        let rows = votes.votes.iter().map(|vote| {
            let (counts, why) = match &vote.counts {
                Ok(name) => ("yes", format!("approved by {}", escape_capped(name, 80))),
                Err(why) => ("no", report::escape_message(why)),
            };
            vec![escape_capped(&vote.file, 120), counts.to_owned(), why]
        });
        write!(out, "{}", report::grid(&["SIGNATURE", "COUNTS", "WHY"], rows.collect(), options))?;
        writeln!(out)?;
    }
    let enough = if votes.is_enough() { "enough" } else { "not enough" };
    writeln!(out, "{} of {} approvals: {enough}", votes.valid(), votes.needed)
}

fn new_key(path: &Path, terminal: &Terminal) -> Outcome {
    let key = key::make(path)?;
    let public = key.public_key();
    output::to_stdout(|out| writeln!(out, "{public}")).or_exit(Exit::Output)?;
    terminal.notice(&format!(
        "the key {} was made. Its public half stands above: add it to `remediation.approvers` with the approver's name. {} \
         is the only copy of the private half",
        public.id(),
        escape_capped(&path.display().to_string(), 200)
    ));
    Ok(Exit::Clean)
}
