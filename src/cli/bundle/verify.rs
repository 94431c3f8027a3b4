//! `portcullis verify-bundle`: what folders of evidence prove, and what they do not. Whoever has no key to believe learns
//! that a bundle agrees with itself, and no more: who changes one without a key can make it agree again.

use std::{io::Read, path::Path};

use chrono::DateTime;

use super::{MAX_KEY, journal};
use crate::{
    cli::{
        args::VerifyBundleArgs,
        exit::{Exit, Failure, OrExit, Outcome, fail},
        output, plain_file,
    },
    evidence::{self, Facts, Found, Journal, MANIFEST, Manifest, Mark, VIEWS, Verified},
    report::{escape_capped, escape_line},
    seal::PublicKey,
};

/// Checks bundles, offline, and says what they prove.
pub(in crate::cli) fn verify(args: &VerifyBundleArgs) -> Outcome {
    let keys = args.keys.iter().map(|text| public_key(text)).collect::<Result<Vec<_>, _>>()?;
    let mut text = String::new();
    let mut before: Option<Verified> = None;
    let mut whole = true;
    for folder in &args.folders {
        let mut verified = evidence::verify(folder, &keys);
        if let (true, Some(manifest)) = (verified.problems.is_empty(), &verified.manifest) {
            verified.problems.extend(journal::check(folder, manifest).err());
        }
        let follows = before.as_ref().map(|before| follows(before, &verified));
        if let Some(Err(problem)) = &follows {
            verified.problems.push(problem.clone());
        }
        whole &= verified.problems.is_empty();
        let earlier = before.as_ref().filter(|_| matches!(follows, Some(Ok(()))));
        text += &told(folder, &verified, earlier, !keys.is_empty());
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
        plain_file::open(Path::new(text)).and_then(|opened| opened.take(MAX_KEY).read_to_string(&mut file)).ok()?;
        file.trim().parse().ok()
    };
    match text.parse().ok().or_else(read) {
        Some(key) => Ok(key),
        None => {
            fail(Exit::Usage, format!("`{}` is no Ed25519 public key, nor a file with one", escape_capped(text, 80)))
        }
    }
}

/// Whether a bundle is the next one after the one before: about the same accounts, by name and by number.
fn follows(before: &Verified, after: &Verified) -> Result<(), String> {
    let link = |verified: &Verified| verified.manifest.as_ref().and_then(|manifest| manifest.link.clone());
    let accounts = |verified: &Verified| verified.manifest.as_ref().map(|manifest| manifest.facts.accounts.clone());
    let Some(link_after) = link(after) else {
        return Err("it has no place among bundles: nothing says that it follows the one before".to_owned());
    };
    if accounts(before) != accounts(after) {
        return Err("it does not follow the bundle before: that one is about other accounts".to_owned());
    }
    if link_after.previous.as_deref() != Some(before.digest.as_str()) {
        return Err(format!(
            "it does not follow the bundle before: it is number {} and names another one, of the run {}",
            link_after.sequence,
            link_after.previous_run.as_deref().map_or_else(|| "(none)".to_owned(), escape_line)
        ));
    }
    let number = link(before).map(|link| link.sequence);
    if number.and_then(|number| number.checked_add(1)) != Some(link_after.sequence) {
        return Err(format!(
            "it names the bundle before, and its number is {}, which is not the next one after {}",
            link_after.sequence,
            number.map_or_else(|| "none".to_owned(), |number| number.to_string())
        ));
    }
    goes_on(before, after)
}

fn journal_of(verified: &Verified) -> Option<&Journal> {
    verified.manifest.as_ref()?.journal.as_ref()
}

/// Whether no entry of the journal is missing between two bundles. One may begin with the journal anew, which is another
/// host's then, or was repaired.
fn goes_on(before: &Verified, after: &Verified) -> Result<(), String> {
    let Some(journal_after) = journal_of(after) else { return Ok(()) };
    let end = journal_of(before).map_or_else(Mark::start, |journal| journal.end().clone());
    if journal_after.after == end || journal_after.after == Mark::start() {
        return Ok(());
    }
    Err(format!(
        "it goes on with the journal behind entry {}, and the bundle before ends with entry {}: what is between is in neither",
        journal_after.after.number, end.number
    ))
}

/// Says that the journal does not go on where the bundle before left it, where it does not.
fn begins_anew(before: &Verified, after: &Verified) -> Option<String> {
    let end = journal_of(before)?.end().number;
    let now = journal_of(after)?;
    if end > 0 && now.found == Found::Absent {
        return Some(format!(
            "there is no journal, and the bundle before held one up to entry {end}: it is another host's, or was deleted; ask who \
             keeps it"
        ));
    }
    (end > 0 && now.after == Mark::start()).then(|| {
        format!(
            "its journal begins anew, and the bundle before held one up to entry {end}: it is another host's, was repaired, or what it \
             held was cut off or written again; ask who keeps it"
        )
    })
}

/// Says that time runs backwards between two bundles, where it does, or that this cannot be told.
fn time_goes_back(before: &Facts, after: &Facts) -> Option<String> {
    let time = |text: &str| DateTime::parse_from_rfc3339(text).ok();
    match (time(&before.started_at), time(&after.started_at)) {
        (Some(earlier), Some(later)) if earlier <= later => None,
        _ => Some(format!(
            "its run began at {} and that of the bundle before at {}: it was bundled out of order, or a clock was set back",
            escape_capped(&after.started_at, 40),
            escape_capped(&before.started_at, 40)
        )),
    }
}

/// What is said of one bundle. `earlier` is the one that it follows, where that was found.
fn told(folder: &Path, verified: &Verified, earlier: Option<&Verified>, any_key: bool) -> String {
    let mut lines = vec![escape_capped(&folder.display().to_string(), 200)];
    for problem in &verified.problems {
        lines.push(format!("  WRONG       {}", escape_line(problem)));
    }
    if let (true, Some(manifest)) = (verified.problems.is_empty(), &verified.manifest) {
        // Without a signature that is believed, the digests are only what the folder says of itself.
        let proven = if verified.signers.is_empty() { "consistent" } else { "proven    " };
        let each_byte = match verified.signers.is_empty() {
            true => "every byte fits the manifest beside it, which shows damage and no forgery",
            false => "every byte is as it was written",
        };
        lines.push(format!("  {proven}  {each_byte}: {}", held(manifest)));
        for signer in &verified.signers {
            lines.push(format!("  proven      the holder of the key {} made it", signer.id()));
        }
        lines.extend(said(manifest).into_iter().map(|line| format!("  it says     {line}")));
        lines.push(place(manifest, earlier, proven));
        lines.extend(journal_told(manifest, proven));
        if let Some(told) = earlier.and_then(|before| begins_anew(before, verified)) {
            lines.push(format!("  WARNING     {told}"));
        }
        let facts_before = earlier.and_then(|before| before.manifest.as_ref()).map(|manifest| &manifest.facts);
        if let Some(told) = facts_before.and_then(|before| time_goes_back(before, &manifest.facts)) {
            lines.push(format!("  WARNING     {told}"));
        }
        if manifest.facts.allowlist.is_none() {
            lines.push("  not proven  by which allowlist it was judged: it was not kept with the run".to_owned());
        }
        if manifest.facts.tool_digest.is_none() {
            lines.push("  not proven  which program read the cloud: its digest was not kept".to_owned());
        }
        if VIEWS.iter().all(|view| manifest.files().contains(view)) {
            lines.push(format!(
                "  not proven  that {} show all that report.json holds: their digests tell that they are the files that were made \
                 with it then, and no more",
                VIEWS.join(", ")
            ));
        }
        if records(manifest, "replies.jsonl") == 0 {
            lines.push("  not proven  which replies it rests on: their digests were not kept".to_owned());
        }
    }
    match (verified.signed, any_key) {
        (None, _) => lines.push("  not proven  who made it: its manifest could not be read".to_owned()),
        (Some(false), _) => lines.push(
            "  not proven  who made it: it is not signed, so that whoever changed it could have made it fit".to_owned(),
        ),
        (Some(true), false) => lines.push(format!(
            "  not proven  who made it: {MANIFEST} is signed, and no key to believe was named (--key), so that whoever changed \
             it could have made it fit"
        )),
        (Some(true), true) => {}
    }
    lines.push(
        "  not proven  that no later bundle exists: one that was taken away from the end leaves no trace".to_owned(),
    );
    lines.push("  not proven  when it was made: the times in it are its maker's".to_owned());
    lines.push("  not proven  that the cloud told the truth".to_owned());
    lines.join("\n") + "\n"
}

fn records(manifest: &Manifest, name: &str) -> u64 {
    manifest.members.iter().find(|member| member.name == name).map_or(0, |one| one.lines)
}

/// How much is in it.
fn held(manifest: &Manifest) -> String {
    let of = |name: &str| records(manifest, name);
    format!(
        "{} findings, {} control planes, {} reads, {} replies",
        of("findings.jsonl"),
        of("inventory.jsonl"),
        of("ledger.jsonl"),
        of("replies.jsonl")
    )
}

/// What the manifest says of its run.
fn said(manifest: &Manifest) -> Vec<String> {
    let facts = &manifest.facts;
    let mut lines = vec![format!(
        "{} of {} planned reads of {} were made; the verdict is {}, exit {}; run {} at {}, portcullis {}",
        facts.scanned,
        facts.planned,
        escape_capped(&facts.accounts.join(", "), 200),
        escape_capped(&facts.verdict, 20),
        facts.exit_code,
        escape_capped(&facts.run_id, 80),
        escape_capped(&facts.started_at, 40),
        escape_capped(&facts.tool_version, 40)
    )];
    if let Some(width) = &facts.allowlist {
        lines.push(format!(
            "the allowlist had {} entries in force, {} of them limited to some control planes, and trusted {} IPv4 and {} IPv6 \
             addresses; {} entries had expired",
            width.entries,
            width.limited,
            escape_capped(&width.ipv4_addresses, 80),
            escape_capped(&width.ipv6_addresses, 80),
            width.expired
        ));
    }
    if let Some(digest) = &facts.tool_digest {
        // Where a run was read by several processes, theirs may differ.
        let program =
            if digest.contains(',') { "programs that read the cloud were" } else { "program that read the cloud was" };
        lines.push(format!("the {program} {}", escape_capped(digest, 400)));
    }
    if let Some(offset) = facts.clock_offset_ms {
        lines.push(format!("the cloud's clock, which tells whole seconds, was {offset} ms ahead of the reader's"));
    }
    lines
}

/// What it holds of the journal of remediations.
fn journal_told(manifest: &Manifest, proven: &str) -> Vec<String> {
    let Some(journal) = &manifest.journal else {
        return vec![
            "  not proven  what was changed: it is of the first version, which holds no journal entries".to_owned(),
        ];
    };
    let mut lines = Vec::new();
    match &journal.found {
        Found::Absent => lines.push(
            "  it says     it holds no journal entries: there was no journal where the configuration keeps it"
                .to_owned(),
        ),
        Found::Unreadable { why } => {
            return vec![format!(
                "  not proven  what was changed: it holds no journal entries, since there is a journal that could not be read ({})",
                escape_capped(why, 200)
            )];
        }
        Found::Held { through, entries: 0, .. } if through.number == journal.after.number => lines.push(format!(
            "  it says     it holds no journal entries: behind number {} there was none",
            through.number
        )),
        Found::Held { through, entries, others } => {
            let numbers = format!("numbers {} to {}", journal.after.number.saturating_add(1), through.number);
            lines.push(match entries {
                0 => {
                    format!("  it says     it holds no journal entries: none of the {numbers} is about these accounts")
                }
                _ => format!(
                    "  {proven}  {entries} journal entries are chained as the journal holds them, of the {numbers}"
                ),
            });
            if *others > 0 {
                lines
                    .push(format!("  not proven  that the {others} journal entries left out are about other accounts"));
            }
        }
    }
    lines.push("  not proven  that nothing else was changed: other hosts have journals of their own".to_owned());
    lines
}

/// What is known of its place among the bundles of its accounts.
fn place(manifest: &Manifest, earlier: Option<&Verified>, proven: &str) -> String {
    match &manifest.link {
        Some(link) if earlier.is_some() => format!("  {proven}  number {} follows the bundle before", link.sequence),
        Some(link) if link.previous.is_some() => format!(
            "  not proven  that number {} follows the bundle of the run {}: name that bundle in front of this one",
            link.sequence,
            escape_capped(link.previous_run.as_deref().unwrap_or_default(), 80)
        ),
        Some(_) => "  it says     it is the first bundle of these accounts".to_owned(),
        None => "  not proven  that no run before it is missing: it was made without a store".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::Link;

    fn verified(sequence: u64, previous: Option<&str>, account: &str, started_at: &str) -> Verified {
        let link = Link { sequence, previous: previous.map(str::to_owned), previous_run: None };
        let facts = Facts {
            run_id: format!("r{sequence}"),
            started_at: started_at.to_owned(),
            finished_at: started_at.to_owned(),
            tool_version: String::new(),
            verdict: "pass".to_owned(),
            exit_code: 0,
            interrupted: false,
            accounts: vec![account.to_owned()],
            callers: Vec::new(),
            coverage_complete: true,
            planned: 1,
            scanned: 1,
            snapshot_digest: String::new(),
            rules_digest: String::new(),
            allowlist: None,
            tool_digest: None,
            clock_offset_ms: None,
        };
        let manifest = Manifest { facts, members: Vec::new(), link: Some(link), journal: None };
        Verified { manifest: Some(manifest), digest: format!("sha256:{sequence}"), ..Verified::default() }
    }

    const NOON: &str = "2026-11-20T12:00:00Z";

    #[test]
    fn only_the_next_number_of_the_same_accounts_follows() {
        let first = verified(1, None, "1", NOON);
        assert_eq!(follows(&first, &verified(2, Some("sha256:1"), "1", NOON)), Ok(()));
        for (after, why) in [
            (verified(3, Some("sha256:1"), "1", NOON), "not the next one"),
            (verified(1, Some("sha256:1"), "1", NOON), "not the next one"),
            (verified(2, Some("sha256:1"), "2", NOON), "other accounts"),
            (verified(2, Some("sha256:9"), "1", NOON), "names another one"),
            (verified(2, None, "1", NOON), "names another one"),
        ] {
            let problem = follows(&first, &after).expect_err(why);
            assert!(problem.contains(why), "{problem}");
        }
        let last = verified(u64::MAX, None, "1", NOON);
        let digest = last.digest.clone();
        assert!(follows(&last, &verified(0, Some(&digest), "1", NOON)).is_err());
    }

    #[test]
    fn entries_of_the_journal_between_two_bundles_are_missed() {
        let mark = |number: u64| Mark { number, chain: format!("{number:064}") };
        let with = |sequence: u64, after: u64, found: Option<Found>| {
            let previous = format!("sha256:{}", sequence - 1);
            let mut verified = verified(sequence, Some(&previous), "1", NOON);
            if let Some(manifest) = &mut verified.manifest {
                manifest.journal = found.map(|found| Journal { after: mark(after), found });
            }
            verified
        };
        let held = |through: u64| Some(Found::Held { through: mark(through), entries: 1, others: 0 });
        let absent = || Some(Found::Absent);
        // Up to where the bundle before holds it, where this one goes on, and whether that follows.
        for (before, after, holds) in [
            (with(1, 0, held(5)), with(2, 5, held(9)), true),
            (with(1, 0, held(5)), with(2, 0, held(9)), true),
            (with(1, 0, held(5)), with(2, 5, absent()), true),
            (with(1, 5, absent()), with(2, 5, held(9)), true),
            (with(1, 0, None), with(2, 0, held(9)), true),
            (with(1, 0, held(5)), with(2, 0, None), true),
            (with(1, 0, held(5)), with(2, 6, held(9)), false),
            (with(1, 0, held(5)), with(2, 4, held(9)), false),
            (with(1, 0, held(5)), with(2, 6, absent()), false),
            (with(1, 5, absent()), with(2, 6, held(9)), false),
            (with(1, 0, None), with(2, 5, held(9)), false),
        ] {
            let follows = follows(&before, &after);
            assert_eq!(follows.is_ok(), holds, "{follows:?}");
            assert!(holds || follows.is_err_and(|problem| problem.contains("in neither")));
        }
    }

    #[test]
    fn a_journal_that_begins_anew_is_told() {
        let with = |sequence: u64, after: u64, through: u64| {
            let mark = |number: u64| match number {
                0 => Mark::start(),
                number => Mark { number, chain: format!("{number:064}") },
            };
            let mut verified = verified(sequence, Some("sha256:1"), "1", NOON);
            if let Some(manifest) = &mut verified.manifest {
                let found = Found::Held { through: mark(through), entries: 1, others: 0 };
                manifest.journal = Some(Journal { after: mark(after), found });
            }
            verified
        };
        let told_of = |before: &Verified, after: &Verified| told(Path::new("two"), after, Some(before), false);
        let text = told_of(&with(1, 0, 8), &with(2, 0, 4));
        assert!(
            text.contains("WARNING     its journal begins anew, and the bundle before held one up to entry 8"),
            "{text}"
        );
        let mut gone = with(2, 8, 9);
        if let Some(journal) = gone.manifest.as_mut().and_then(|manifest| manifest.journal.as_mut()) {
            journal.found = Found::Absent;
        }
        assert!(told_of(&with(1, 0, 8), &gone).contains("WARNING     there is no journal"));
        for (before, after) in [(with(1, 0, 8), with(2, 8, 9)), (with(1, 0, 0), with(2, 0, 4))] {
            assert!(!told_of(&before, &after).contains("WARNING"));
        }
    }

    #[test]
    fn what_a_manifest_says_does_not_act() {
        let hostile = "\u{1b}[2J\nproven      it\u{202e}";
        let mut forged = verified(2, Some("sha256:1"), hostile, hostile);
        if let Some(manifest) = &mut forged.manifest {
            let facts = &mut manifest.facts;
            for text in [&mut facts.run_id, &mut facts.verdict, &mut facts.tool_version] {
                *text = hostile.to_owned();
            }
            facts.tool_digest = Some(hostile.to_owned());
            let (ipv4_addresses, ipv6_addresses) = (hostile.to_owned(), hostile.to_owned());
            facts.allowlist =
                Some(evidence::AllowlistWidth { entries: 1, limited: 0, expired: 0, ipv4_addresses, ipv6_addresses });
            manifest.link = manifest.link.take().map(|link| Link { previous_run: Some(hostile.to_owned()), ..link });
            let found = Found::Unreadable { why: hostile.to_owned() };
            manifest.journal = Some(Journal { after: Mark::start(), found });
        }
        let first = verified(1, None, "1", hostile);
        for earlier in [None, Some(&first)] {
            let told = told(Path::new(hostile), &forged, earlier, false);
            assert!(!told.contains(|c: char| c.is_control() && c != '\n') && !told.contains('\u{202e}'), "{told:?}");
            assert!(!told.lines().any(|line| line.trim_start().starts_with("proven")), "{told}");
        }
    }

    #[test]
    fn a_run_that_began_before_the_one_that_it_follows_is_told() {
        let first = verified(1, None, "1", NOON);
        let told_of = |started_at: &str| {
            told(Path::new("two"), &verified(2, Some("sha256:1"), "1", started_at), Some(&first), false)
        };
        for later in [NOON, "2026-11-20T12:00:01Z", "2026-11-20T20:00:00+08:00"] {
            assert!(!told_of(later).contains("WARNING"), "{later}");
        }
        for earlier in ["2026-11-20T11:59:59Z", "2026-11-20T12:30:00+08:00", "yesterday"] {
            assert!(told_of(earlier).contains("WARNING"), "{earlier}");
        }
        let told = told_of(NOON);
        assert!(
            told.contains("not proven  by which allowlist") && told.contains("not proven  which program"),
            "{told}"
        );
    }
}
