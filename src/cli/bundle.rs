//! `-o bundle=DIR`: a run as evidence. What a folder of it proves is for `verify` to say.

mod journal;
mod verify;

pub(super) use self::verify::verify;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use chrono::{NaiveDate, Utc};
use ipnet::IpNet;
use serde::Serialize;

use self::journal::HostJournal;
use super::{
    args::OutputArgs,
    exit::{Exit, Failure, OrExit, fail},
    output::{self, Asked},
    plain_file, remedy,
    terminal::Terminal,
};
use crate::{
    config::Config,
    evidence::{self, AllowlistWidth, Facts, Link, Sealed, Span},
    findings::{Run, WaiverEntry},
    model::{NamedConsumers, Severity, TrustedEntry, TrustedList, UnitState},
    netset::AddressSet,
    report::{self, Background, Format, Options, v1::Document},
    seal::SigningKey,
    store::Store,
};

/// Longest key file.
const MAX_KEY: u64 = 64 << 10;

/// A bundle that is to be written; made before anything is contacted.
pub(super) struct Bundle {
    folder: PathBuf,
    key: Option<SigningKey>,
    /// Where the journal of this host is.
    journal: Option<PathBuf>,
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
    Ok(Some(Bundle { folder: folder.to_owned(), key, journal: remedy::journal_of_host(config) }))
}

/// Whether replies are to be kept for a bundle: of this run as it is made, or of any run later.
pub(super) fn wants_replies(args: &OutputArgs, config: &Config) -> bool {
    config.evidence.signing_key.is_some() || args.outputs.iter().any(|asked| asked.bundle().is_some())
}

fn read_key(path: &Path, terminal: &Terminal) -> Result<SigningKey, Failure> {
    let cannot = |why: String| fail(Exit::Usage, format!("cannot sign with {}: {why}", path.display()));
    let mut text = zeroize::Zeroizing::new(Vec::new());
    let read = plain_file::open(path).and_then(|file| file.take(MAX_KEY).read_to_end(&mut text));
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
    pub(super) fn write(
        &self,
        run: &Run,
        store: Option<&mut (dyn Store + 'static)>,
        terminal: &Terminal,
    ) -> Result<(), Failure> {
        let facts = facts(run);
        let document = Document::of(run);
        let mut member = |name: &str, out: &mut dyn Write| write_member(name, run, &document, out);
        let journal = HostJournal::read(self.journal.as_deref());
        if let HostJournal::Unreadable(why) = &journal {
            terminal.warning(&format!(
                "the bundle holds no journal entries, and says so: the journal cannot be read: {why}"
            ));
        }
        let mut cut_journal = |span: &Span| journal.slice(&facts.accounts, span);
        let mut store = store;
        let mut place = |seal: &mut dyn FnMut(Option<&Link>, &Span) -> Sealed| match store.as_deref_mut() {
            None => Ok(seal(None, &Span::whole())),
            Some(store) => {
                let mut make = |link: &Link, span: &Span| seal(Some(link), span);
                let made = evidence::link(store, &facts.accounts, &facts.run_id, Utc::now(), &mut make);
                match made {
                    Ok(Some(sealed)) => Ok(sealed),
                    Ok(None) => Err("somebody else is writing one; try again".to_owned()),
                    Err(error) => Err(error.to_string()),
                }
            }
        };
        let key = self.key.as_ref();
        evidence::write(&self.folder, &facts, key, &mut member, &mut cut_journal, &mut place).or_exit(Exit::Output)
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
        allowlist: header.policy.as_ref().map(|policy| width(&policy.trusted, header.started_at.date_naive())),
        tool_digest: header.tool_digest.clone(),
        clock_offset_ms: header.clock_offset_ms,
    }
}

/// How much an allowlist trusted on that day, wherever it did.
pub(super) fn width(trusted: &TrustedList, day: NaiveDate) -> AllowlistWidth {
    let (in_force, expired): (Vec<&TrustedEntry>, Vec<&TrustedEntry>) =
        trusted.entries.iter().partition(|entry| entry.expires.is_none_or(|last_day| day <= last_day));
    let addresses = |of_family: fn(&IpNet) -> bool| {
        let blocks: AddressSet = in_force.iter().map(|entry| entry.cidr).filter(of_family).collect();
        blocks.count().to_string()
    };
    let is_limited =
        |entry: &&&TrustedEntry| !(entry.kinds.is_empty() && entry.resources.is_empty() && entry.regions.is_empty());
    AllowlistWidth {
        entries: in_force.len(),
        limited: in_force.iter().filter(is_limited).count(),
        expired: expired.len(),
        ipv4_addresses: addresses(|block| matches!(block, IpNet::V4(_))),
        ipv6_addresses: addresses(|block| matches!(block, IpNet::V6(_))),
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

/// What the findings were judged by. What was not kept with the run is null.
#[derive(Serialize)]
struct PolicyFile<'a> {
    rules_digest: &'a str,
    rules: &'a BTreeSet<String>,
    fail_on: Option<Severity>,
    grounds: &'a crate::findings::Grounds,
    /// Whole, what had expired included: `allowlist`, `consumers`, `disabled`, `severity` of the configuration.
    allowlist: Option<&'a [TrustedEntry]>,
    consumers: Option<&'a NamedConsumers>,
    disabled: Option<&'a BTreeSet<String>>,
    severity: Option<&'a BTreeMap<String, Severity>>,
    /// The run that was the starting point, if there was one.
    baseline: Option<&'a str>,
}

impl<'a> PolicyFile<'a> {
    fn of(run: &'a Run) -> Self {
        let header = &run.header;
        let policy = header.policy.as_ref();
        Self {
            rules_digest: &header.rules_digest,
            rules: &header.rules,
            fail_on: header.fail_on,
            grounds: &header.grounds,
            allowlist: policy.map(|policy| policy.trusted.entries.as_slice()),
            consumers: policy.map(|policy| &policy.consumers),
            disabled: policy.map(|policy| &policy.disabled),
            severity: policy.map(|policy| &policy.severity),
            baseline: policy.and_then(|policy| policy.baseline.as_deref()),
        }
    }
}

/// A line about waivers: an entry of the file, or a finding that is about one or accepted by one.
#[derive(Serialize)]
#[serde(untagged)]
enum WaiverLine<'a> {
    Entry(WaiverEntry<'a>),
    Finding(Accepted<'a>),
}

#[derive(Serialize)]
struct Accepted<'a> {
    finding: &'a str,
    status: crate::findings::FindingStatus,
    reason: &'a str,
    owner: &'a str,
    ticket: Option<&'a str>,
    expires: String,
}

fn waiver_lines(run: &Run) -> impl Iterator<Item = WaiverLine<'_>> {
    let entries = run.header.policy.iter().flat_map(|policy| &policy.waivers);
    let waived = run.findings.iter().filter_map(|finding| Some((finding, finding.waiver.as_ref()?)));
    let accepted = waived.map(|(finding, waiver)| Accepted {
        finding: &finding.fingerprint,
        status: finding.status,
        reason: &waiver.reason,
        owner: &waiver.owner,
        ticket: waiver.ticket.as_deref(),
        expires: waiver.expires.to_string(),
    });
    entries.map(|waiver| WaiverLine::Entry(waiver.entry())).chain(accepted.map(WaiverLine::Finding))
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
        "policy.json" => line(report::json_text(&PolicyFile::of(run))),
        "waivers.jsonl" => waiver_lines(run).try_for_each(|waiver| line(report::json_text(&waiver))),
        "replies.jsonl" => run.header.replies.iter().try_for_each(|reply| line(report::json_text(reply))),
        "report.json" => render(Format::Json, document, out),
        "report.html" => render(Format::Html, document, out),
        "findings.csv" => render(Format::Csv, document, out),
        "endpoints.csv" => render(Format::CsvEndpoints, document, out),
        other => Err(io::Error::other(format!("nobody knows what `{other}` holds"))),
    }
}

/// From the run alone: what a store or a configuration knows beside it may be another thing the next time, and the same run
/// makes the same bundle.
fn render(format: Format, document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    report::render_document(format, document, &Background::default(), out, &Options::default())
}
