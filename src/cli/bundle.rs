//! `-o bundle=DIR` and `portcullis verify-bundle`: a run as evidence, and what a folder of it proves.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use chrono::Utc;
use serde::Serialize;

use super::{
    args::{OutputArgs, VerifyBundleArgs},
    exit::{Exit, Failure, OrExit, Outcome, fail},
    output::{self, Asked},
    terminal::Terminal,
};
use crate::{
    config::Config,
    evidence::{self, Facts, Link, MANIFEST, Verified},
    findings::Run,
    model::UnitState,
    report::{self, Background, Format, Options, escape_capped, escape_line, v1::Document},
    seal::{PublicKey, SigningKey},
    store::Store,
};

/// Longest key file.
const MAX_KEY: u64 = 64 << 10;

/// A bundle that is to be written; made before anything is contacted.
pub(super) struct Bundle {
    folder: PathBuf,
    key: Option<SigningKey>,
}

/// The bundle that is asked for, if one is.
pub(super) fn prepare(args: &OutputArgs, config: &Config, terminal: &Terminal) -> Result<Option<Bundle>, Failure> {
    let mut folders = args.outputs.iter().filter_map(Asked::bundle);
    let Some(folder) = folders.next() else { return Ok(None) };
    if folders.next().is_some() {
        return fail(Exit::Usage, "one bundle is enough: name one folder");
    }
    output::check_new_folder(folder).or_exit(Exit::Output)?;
    let key = config.evidence.signing_key.as_deref().map(|path| read_key(path, terminal)).transpose()?;
    if key.is_none() {
        terminal.notice("the bundle will not be signed: name a key under `evidence.signing_key`");
    }
    Ok(Some(Bundle { folder: folder.to_owned(), key }))
}

fn read_key(path: &Path, terminal: &Terminal) -> Result<SigningKey, Failure> {
    let cannot = |why: String| fail(Exit::Usage, format!("cannot sign with {}: {why}", path.display()));
    let mut text = zeroize::Zeroizing::new(Vec::new());
    let read = fs::File::open(path).and_then(|file| file.take(MAX_KEY).read_to_end(&mut text));
    if let Err(error) = read {
        return cannot(error.to_string());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if fs::metadata(path).is_ok_and(|there| there.permissions().mode() & 0o077 != 0) {
            terminal.warning(&format!("others may read the key {}: chmod 600", path.display()));
        }
    }
    SigningKey::from_pem(&text).or_else(|error| cannot(error.to_string()))
}

impl Bundle {
    /// Writes the bundle of a run. Its place among the others is kept in the store; without one it has none.
    pub(super) fn write(&self, run: &Run, store: Option<&mut (dyn Store + 'static)>) -> Result<(), Failure> {
        let facts = facts(run);
        let document = Document::of(run);
        let mut member = |name: &str, out: &mut dyn Write| write_member(name, run, &document, out);
        let mut store = store;
        let mut place = |seal: &mut dyn FnMut(Option<&Link>) -> Vec<u8>| match store.as_deref_mut() {
            None => Ok(seal(None)),
            Some(store) => {
                let made =
                    evidence::link(store, &facts.accounts, &facts.run_id, Utc::now(), &mut |link| seal(Some(link)));
                match made {
                    Ok(Some(envelope)) => Ok(envelope),
                    Ok(None) => Err("somebody else is writing one; try again".to_owned()),
                    Err(error) => Err(error.to_string()),
                }
            }
        };
        evidence::write(&self.folder, &facts, self.key.as_ref(), &mut member, &mut place).or_exit(Exit::Output)
    }
}

fn facts(run: &Run) -> Facts {
    let header = &run.header;
    let units = run.coverage.scanned_units().map(|unit| &unit.account_id);
    let lost = run.coverage.gaps().map(|gap| &gap.unit.account_id);
    let mut accounts: Vec<String> = units.chain(lost).map(|id| id.as_str().to_owned()).collect();
    accounts.sort();
    accounts.dedup();
    Facts {
        run_id: header.id.clone(),
        started_at: report::time_text(&header.started_at),
        finished_at: report::time_text(&header.finished_at),
        tool_version: header.tool_version.clone(),
        verdict: report::verdict_text(run.verdict).to_owned(),
        exit_code: header.exit_code,
        interrupted: header.interrupted,
        accounts,
        callers: header.caller.iter().map(|caller| caller.arn.clone()).collect(),
        coverage_complete: run.coverage.complete(),
        planned: run.coverage.planned(),
        scanned: run.coverage.count(UnitState::Scanned),
        snapshot_digest: header.snapshot_digest.clone(),
        rules_digest: header.rules_digest.clone(),
    }
}

/// One planned read.
#[derive(Serialize)]
struct LedgerLine<'a> {
    #[serde(flatten)]
    unit: &'a crate::model::Unit,
    state: UnitState,
    #[serde(skip_serializing_if = "str::is_empty")]
    code: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    request_id: &'a str,
}

/// What the findings were judged by.
#[derive(Serialize)]
struct Policy<'a> {
    rules_digest: &'a str,
    rules: &'a std::collections::BTreeSet<String>,
    fail_on: Option<crate::model::Severity>,
    grounds: &'a crate::findings::Grounds,
}

#[derive(Serialize)]
struct WaiverLine<'a> {
    fingerprint: &'a str,
    status: crate::findings::FindingStatus,
    reason: &'a str,
    owner: &'a str,
    ticket: Option<&'a str>,
    expires: String,
}

fn write_member(name: &str, run: &Run, document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut line = |value: String| writeln!(out, "{value}");
    match name {
        "findings.jsonl" => document.findings.iter().try_for_each(|finding| line(report::json_text(finding))),
        "inventory.jsonl" => document.endpoints.iter().try_for_each(|endpoint| line(report::json_text(endpoint))),
        "ledger.jsonl" => {
            let scanned = run.coverage.scanned_units().map(|unit| LedgerLine {
                unit,
                state: UnitState::Scanned,
                code: "",
                message: "",
                request_id: "",
            });
            let gaps = run.coverage.gaps().map(|gap| LedgerLine {
                unit: &gap.unit,
                state: gap.state,
                code: &gap.code,
                message: &gap.message,
                request_id: &gap.request_id,
            });
            scanned.chain(gaps).try_for_each(|unit| line(report::json_text(&unit)))
        }
        "policy.json" => {
            let header = &run.header;
            line(report::json_text(&Policy {
                rules_digest: &header.rules_digest,
                rules: &header.rules,
                fail_on: header.fail_on,
                grounds: &header.grounds,
            }))
        }
        "waivers.jsonl" => {
            let waived = run.findings.iter().filter_map(|finding| Some((finding, finding.waiver.as_ref()?)));
            let mut waived = waived.map(|(finding, waiver)| WaiverLine {
                fingerprint: &finding.fingerprint,
                status: finding.status,
                reason: &waiver.reason,
                owner: &waiver.owner,
                ticket: waiver.ticket.as_deref(),
                expires: waiver.expires.to_string(),
            });
            waived.try_for_each(|waiver| line(report::json_text(&waiver)))
        }
        "replies.jsonl" => run.header.replies.iter().try_for_each(|reply| line(report::json_text(reply))),
        "report.json" => {
            report::render_document(Format::Json, document, &Background::default(), out, &Options::default())
        }
        other => Err(io::Error::other(format!("nobody knows what `{other}` holds"))),
    }
}

/// Checks bundles, offline, and says what they prove.
pub(super) fn verify(args: &VerifyBundleArgs) -> Outcome {
    let keys = args.keys.iter().map(|text| public_key(text)).collect::<Result<Vec<_>, _>>()?;
    let mut text = String::new();
    let mut before: Option<Verified> = None;
    let mut whole = true;
    for folder in &args.folders {
        let mut verified = evidence::verify(folder, &keys);
        let follows = before.as_ref().map(|before| follows(before, &verified));
        if let Some(Err(problem)) = &follows {
            verified.problems.push(problem.clone());
        }
        whole &= verified.problems.is_empty();
        text += &told(folder, &verified, matches!(follows, Some(Ok(()))), !keys.is_empty());
        before = Some(verified);
    }
    output::to_stdout(|out| out.write_all(text.as_bytes())).or_exit(Exit::Output)?;
    match whole {
        true => Ok(Exit::Clean),
        false => fail(Exit::Output, "the evidence does not hold: see above"),
    }
}

/// A key as it is written, or the file that it is in.
fn public_key(text: &str) -> Result<PublicKey, Failure> {
    let read = || {
        let mut file = String::new();
        fs::File::open(text).and_then(|opened| opened.take(MAX_KEY).read_to_string(&mut file)).ok()?;
        file.trim().parse().ok()
    };
    match text.parse().ok().or_else(read) {
        Some(key) => Ok(key),
        None => {
            fail(Exit::Usage, format!("`{}` is no Ed25519 public key, nor a file with one", escape_capped(text, 80)))
        }
    }
}

/// True if a bundle names the one before as the one before it.
fn follows(before: &Verified, after: &Verified) -> Result<(), String> {
    let link = after.manifest.as_ref().and_then(|manifest| manifest.link.as_ref());
    match link {
        None => Err("it has no place among bundles: nothing says that it follows the one before".to_owned()),
        Some(link) if link.previous.as_deref() == Some(before.digest.as_str()) => Ok(()),
        Some(link) => Err(format!(
            "it does not follow the bundle before: it is number {} and names another one, of the run {}",
            link.sequence,
            link.previous_run.as_deref().map_or_else(|| "(none)".to_owned(), escape_line)
        )),
    }
}

fn told(folder: &Path, verified: &Verified, follows: bool, any_key: bool) -> String {
    let mut lines = vec![escape_capped(&folder.display().to_string(), 200)];
    for problem in &verified.problems {
        lines.push(format!("  WRONG       {}", escape_line(problem)));
    }
    if let (true, Some(manifest)) = (verified.problems.is_empty(), &verified.manifest) {
        let facts = &manifest.facts;
        let records =
            |name: &str| manifest.members.iter().find(|member| member.name == name).map_or(0, |one| one.lines);
        lines.push(format!(
            "  proven      every byte is as it was written: {} findings, {} control planes, {} reads, {} replies",
            records("findings.jsonl"),
            records("inventory.jsonl"),
            records("ledger.jsonl"),
            records("replies.jsonl")
        ));
        lines.push(format!(
            "  it says     {} of {} planned reads of {} were made; the verdict is {}, exit {}; run {} at {}, portcullis {}",
            facts.scanned,
            facts.planned,
            escape_capped(&facts.accounts.join(", "), 200),
            escape_line(&facts.verdict),
            facts.exit_code,
            escape_capped(&facts.run_id, 80),
            escape_line(&facts.started_at),
            escape_line(&facts.tool_version)
        ));
        for signer in &verified.signers {
            lines.push(format!("  proven      the holder of the key {} made it", signer.id()));
        }
        match &manifest.link {
            Some(link) if follows => {
                lines.push(format!("  proven      number {} follows the bundle before", link.sequence))
            }
            Some(link) if link.previous.is_some() => lines.push(format!(
                "  not proven  that number {} follows the bundle of the run {}: name that bundle in front of this one",
                link.sequence,
                escape_capped(link.previous_run.as_deref().unwrap_or_default(), 80)
            )),
            Some(_) => lines.push("  it says     it is the first bundle of these accounts".to_owned()),
            None => {
                lines.push("  not proven  that no run before it is missing: it was made without a store".to_owned())
            }
        }
        if records("replies.jsonl") == 0 {
            lines.push("  not proven  which replies it rests on: their digests were not kept".to_owned());
        }
    }
    match (verified.unsigned, any_key) {
        (true, _) => lines.push(
            "  not proven  who made it: it is not signed, so that whoever changed it could have made it fit".to_owned(),
        ),
        (false, false) => lines
            .push(format!("  not proven  who made it: {MANIFEST} is signed, and no key to believe was named (--key)")),
        (false, true) => {}
    }
    lines.push("  not proven  when it was made: the times in it are its maker's".to_owned());
    lines.push("  not proven  that the cloud told the truth".to_owned());
    lines.join("\n") + "\n"
}
