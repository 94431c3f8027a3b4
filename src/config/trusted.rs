//! The allowlist as people write it: entries of the configuration, lines of a file, arguments.

use std::ops::Range;

use ipnet::IpNet;

use crate::{
    model::{EndpointKind, TrustedEntry},
    netset::{
        AddressSet,
        allowlist::{self, EntryError, MAX_ENTRIES, Settings},
        routable,
    },
};

use super::{
    Notice,
    file::is_region,
    problem::{ConfigErrors, Problem, errors, shown},
    secrets::lexically,
    source::{Lines, Source},
    walk::Walk,
    yaml::{Node, Value},
};

pub(crate) const ENTRY_KEYS: &[&str] = &["cidr", "name", "kinds", "resources", "regions", "expires"];
/// So many notices about one list are told; a count stands for the rest.
const NOTICE_LIMIT: usize = 20;

/// Entries that were read, and what is worth telling of them.
pub(crate) struct Read {
    pub(crate) entries: Vec<TrustedEntry>,
    pub(crate) notices: Vec<Notice>,
}

/// An entry and the bytes of its block.
struct Placed {
    entry: TrustedEntry,
    at: Range<usize>,
}

/// Reads the list under `trusted`.
pub(crate) fn from_nodes(walk: &Walk<'_>, items: &[Node], path: &str, source: &Source) -> Read {
    if items.len() > MAX_ENTRIES {
        walk.report(too_many(items[MAX_ENTRIES].at.clone(), items.len()));
        return Read { entries: Vec::new(), notices: Vec::new() };
    }
    let mut placed = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        match &item.value {
            Value::Mapping(_) => placed.extend(entry(walk, item, &path, source)),
            Value::Scalar { .. } => {
                let block = block(walk, item, &path, source);
                placed.extend(block.map(|(cidr, at)| Placed { entry: TrustedEntry::everywhere(cidr), at }));
            }
            _ => walk.wrong_type(item, &path, "an address block, as 203.0.113.0/24, or a mapping with `cidr`"),
        }
    }
    if let Some(problem) = world(&placed) {
        walk.report(problem);
    }
    let notices = remarks(&placed, source);
    Read { entries: placed.into_iter().map(|placed| placed.entry).collect(), notices }
}

fn entry(walk: &Walk<'_>, node: &Node, path: &str, source: &Source) -> Option<Placed> {
    let fields = walk.fields(node, path, ENTRY_KEYS)?;
    let cidr = fields.require(walk, "cidr", "give the block, as in `cidr: 203.0.113.0/24`");
    let cidr = cidr.and_then(|(node, path)| block(walk, node, &path, source));
    let name = fields.get("name").and_then(|(node, path)| walk.text(node, &path).map(str::to_owned));
    let kinds = fields.get("kinds").and_then(|(node, path)| kinds(walk, node, &path));
    let resources = fields.get("resources").and_then(|(node, path)| limit(walk, node, &path, |_| None));
    let bad_region = |text: &str| (!is_region(text)).then(|| "write it as `cn-hangzhou`".to_owned());
    let regions = fields.get("regions").and_then(|(node, path)| limit(walk, node, &path, bad_region));
    let expires = fields.get("expires").and_then(|(node, path)| walk.day(node, &path));
    let (cidr, at) = cidr?;
    let entry = TrustedEntry {
        cidr,
        name,
        kinds: kinds.unwrap_or_default(),
        resources: resources.unwrap_or_default(),
        regions: regions.unwrap_or_default(),
        expires,
    };
    Some(Placed { entry, at })
}

fn kinds(walk: &Walk<'_>, node: &Node, path: &str) -> Option<Vec<EndpointKind>> {
    let items = limits(walk, node, path)?;
    let words: Vec<_> = EndpointKind::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect();
    let kinds =
        items.iter().enumerate().filter_map(|(index, item)| walk.word(item, &format!("{path}[{index}]"), &words));
    Some(kinds.collect())
}

/// A list that limits where an entry counts; `wrong` says what to write instead of an item.
fn limit(walk: &Walk<'_>, node: &Node, path: &str, wrong: impl Fn(&str) -> Option<String>) -> Option<Vec<String>> {
    let items = limits(walk, node, path)?;
    let mut texts = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Some(text) = walk.text(item, &path) else { continue };
        let pattern = text.contains(['*', '?']).then(|| "patterns are not understood; write every id out".to_owned());
        match pattern.or_else(|| wrong(text)) {
            Some(help) => {
                let what = format!("`{path}` cannot be \"{}\"", shown(text));
                walk.report(Problem::new(item.at.clone(), what).help(help));
            }
            None => texts.push(text.to_owned()),
        }
    }
    Some(texts)
}

/// The items of a limit. An empty list could mean everywhere or nowhere.
fn limits<'n>(walk: &Walk<'_>, node: &'n Node, path: &str) -> Option<&'n [Node]> {
    let items = walk.list(node, path)?;
    if items.is_empty() {
        let what = format!("`{path}` is empty, which could mean everywhere or nowhere");
        walk.report(Problem::new(node.at.clone(), what).help("delete the key if the entry counts everywhere"));
    }
    Some(items)
}

/// The block of a scalar, and its bytes.
fn block(walk: &Walk<'_>, node: &Node, path: &str, source: &Source) -> Option<(IpNet, Range<usize>)> {
    let Value::Scalar { text, .. } = &node.value else {
        walk.wrong_type(node, path, "an address block, as 203.0.113.0/24");
        return None;
    };
    // The bytes of the text itself, inside quotes; where escapes were used, the whole scalar.
    let inner = source.text.get(node.at.clone()).and_then(|raw| raw.find(text.as_str()));
    let start = inner.map(|offset| node.at.start + offset);
    let place = |at: Range<usize>| match start {
        Some(start) => start + at.start..start + at.end,
        None => node.at.clone(),
    };
    match allowlist::parse_entry(text, Settings::default()) {
        Ok(entry) => Some((entry.cidr, place(0..text.len()))),
        Err(refusal) => {
            walk.report(refused(&refusal, text, place));
            None
        }
    }
}

/// Reads a file with one block a line; `#` begins a comment.
pub(crate) fn from_lines(source: &Source) -> Result<(Vec<TrustedEntry>, Vec<Notice>), ConfigErrors> {
    let mut problems = Vec::new();
    let mut placed = Vec::new();
    let mut line_start = 0;
    for line in source.text.split_inclusive('\n') {
        let content = line.strip_suffix('\n').unwrap_or(line);
        let content = content.strip_suffix('\r').unwrap_or(content);
        let content = content.split_once('#').map_or(content, |(before, _)| before);
        let text = content.trim_matches([' ', '\t']);
        let start = line_start + (text.as_ptr() as usize - line.as_ptr() as usize);
        line_start += line.len();
        if text.is_empty() {
            continue;
        }
        match allowlist::parse_entry(text, Settings::default()) {
            Ok(entry) => {
                placed.push(Placed { entry: TrustedEntry::everywhere(entry.cidr), at: start..start + text.len() });
            }
            Err(refusal) => problems.push(refused(&refusal, text, |at| start + at.start..start + at.end)),
        }
        if placed.len() + problems.len() > MAX_ENTRIES {
            problems.push(too_many(start..start + text.len(), placed.len() + problems.len()));
            break;
        }
    }
    if placed.is_empty() && problems.is_empty() {
        problems.push(
            Problem::new(0..0, "the file holds no address block").help("write one block a line, as 203.0.113.0/24"),
        );
    }
    problems.extend(world(&placed));
    if !problems.is_empty() {
        return Err(errors(source, &lexically(&source.text), problems));
    }
    let notices = remarks(&placed, source);
    Ok((placed.into_iter().map(|placed| placed.entry).collect(), notices))
}

/// Reads blocks of the command line; in messages, the first of them is line 1, the second line 2.
pub(crate) fn from_arguments(arguments: &[&str]) -> Result<(Vec<TrustedEntry>, Vec<Notice>), ConfigErrors> {
    let source = Source { name: "--trusted".to_owned(), text: arguments.join("\n"), had_bom: false };
    let mut problems = Vec::new();
    let mut placed = Vec::new();
    let mut start = 0;
    for argument in arguments {
        match allowlist::parse_entry(argument, Settings::default()) {
            Ok(entry) => {
                let at = start..start + argument.len();
                placed.push(Placed { entry: TrustedEntry::everywhere(entry.cidr), at });
            }
            Err(refusal) => problems.push(refused(&refusal, argument, |at| start + at.start..start + at.end)),
        }
        start += argument.len() + 1;
    }
    problems.extend(world(&placed));
    if !problems.is_empty() {
        return Err(errors(&source, &[], problems));
    }
    let notices = remarks(&placed, &source);
    Ok((placed.into_iter().map(|placed| placed.entry).collect(), notices))
}

/// Refuses blocks that together are everything from which a packet can come over the internet, whichever
/// endpoints each of them is limited to: no sound allowlist comes near.
pub(crate) fn refuse_world(cidrs: impl Iterator<Item = IpNet> + Clone) -> Result<(), String> {
    allowlist::world_open(cidrs.clone()).map_err(|error| error.to_string())?;
    let left = routable().subtract(&cidrs.collect::<AddressSet>());
    let family = match (left.v4.is_empty(), left.v6.is_empty()) {
        (false, false) => return Ok(()),
        (true, _) => "IPv4",
        (false, true) => "IPv6",
    };
    Err(format!(
        "the allowlist as a whole allows everyone over {family}: its entries add up to every address that the internet \
         routes; list only the networks that are trusted"
    ))
}

fn world(placed: &[Placed]) -> Option<Problem> {
    let sentence = refuse_world(placed.iter().map(|placed| placed.entry.cidr)).err()?;
    let widest = placed.iter().min_by_key(|placed| placed.entry.cidr.prefix_len())?;
    Some(sentence_problem(widest.at.clone(), &sentence))
}

/// A refusal of one entry; `place` turns byte positions in the entry into those of the file.
fn refused(refusal: &EntryError, text: &str, place: impl Fn(Range<usize>) -> Range<usize>) -> Problem {
    let at = match refusal {
        EntryError::NotAscii { column, .. } | EntryError::Blank { column, .. } => {
            let mut characters = text.char_indices().skip(column.saturating_sub(1));
            characters.next().map(|(at, character)| at..at + character.len_utf8())
        }
        _ => None,
    };
    sentence_problem(place(at.unwrap_or(0..text.len())), &refusal.to_string())
}

/// A sentence of the form "what is wrong; what to do".
fn sentence_problem(at: Range<usize>, sentence: &str) -> Problem {
    match sentence.split_once("; ") {
        Some((what, help)) => Problem::new(at, what).help(help),
        None => Problem::new(at, sentence),
    }
}

/// What deserves a look in a list that is accepted: very wide, mapped and redundant blocks.
fn remarks(placed: &[Placed], source: &Source) -> Vec<Notice> {
    // An entry that counts in some places only does not make another one redundant.
    let everywhere = placed.iter().filter(|placed| {
        TrustedEntry { name: None, ..placed.entry.clone() } == TrustedEntry::everywhere(placed.entry.cidr)
    });
    let lines = Lines::of(&source.text);
    let written = everywhere.map(|placed| {
        let line = lines.line(placed.at.start);
        let text = source.text.get(placed.at.clone()).unwrap_or_default();
        (format!("{}:{line}", source.name), text)
    });
    let told = allowlist::parse(written, Settings::default()).map(|list| list.notices).unwrap_or_default();
    let mut notices: Vec<Notice> =
        told.iter().take(NOTICE_LIMIT).map(|notice| Notice::new(notice.to_string())).collect();
    if told.len() > NOTICE_LIMIT {
        notices.push(Notice::new(format!("{}: and {} more such entries", source.name, told.len() - NOTICE_LIMIT)));
    }
    notices
}

fn too_many(at: Range<usize>, count: usize) -> Problem {
    Problem::new(at, format!("the allowlist has {count} entries or more; at most {MAX_ENTRIES} are read"))
        .help("merge neighbouring blocks; a list of this length rarely says who is trusted")
}
