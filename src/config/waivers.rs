//! The waiver file: its tree into the entries that `findings` checks, each problem at the key it is about.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use chrono::NaiveDate;

use crate::findings::{RawOnly, RawSelect, RawWaiver, Waiver};

use super::{
    file::{is_empty, version},
    problem::{ConfigErrors, Problem, shown},
    source::Source,
    walk::Walk,
    yaml::{Node, Value},
};

pub(crate) const FILE_KEYS: &[&str] = &["version", "waivers"];
pub(crate) const WAIVER_KEYS: &[&str] = &["fingerprint", "select", "only", "reason", "owner", "ticket", "expires"];
pub(crate) const SELECT_KEYS: &[&str] = &["account", "region", "kind", "resource", "rule", "tag"];
pub(crate) const ONLY_KEYS: &[&str] = &["port", "cidrs"];

/// Reads the waivers from text.
pub(crate) fn read(source: &Source, today: NaiveDate, rules: &BTreeSet<String>) -> Result<Vec<Waiver>, ConfigErrors> {
    let (walk, root) = Walk::start(source);
    let waivers = root.and_then(|root| file(&walk, &root, today, rules));
    walk.finish(waivers)
}

fn file(walk: &Walk<'_>, root: &Node, today: NaiveDate, rules: &BTreeSet<String>) -> Option<Vec<Waiver>> {
    if is_empty(root) {
        let problem = Problem::new(0..0, "the file is empty");
        walk.report(problem.help("start it with an explicit `version: 1` and `waivers: []`, or delete it"));
        return None;
    }
    let fields = walk.fields(root, "", FILE_KEYS)?;
    version(walk, &fields);
    let (node, path) = fields.require(walk, "waivers", "write `waivers: []` if there are none")?;
    let items = walk.list(node, &path)?;
    let waivers = items
        .iter()
        .enumerate()
        .filter_map(|(index, item)| waiver(walk, item, &format!("waivers[{index}]"), today, rules));
    Some(waivers.collect())
}

fn waiver(walk: &Walk<'_>, node: &Node, path: &str, today: NaiveDate, rules: &BTreeSet<String>) -> Option<Waiver> {
    let fields = walk.fields(node, path, WAIVER_KEYS)?;
    // A value of the wrong type is reported here; the checks of `findings` would then call it missing.
    let mut sound = true;
    let mut text = |key: &str| {
        let (node, path) = fields.get(key)?;
        let text = walk.text(node, &path).map(str::to_owned);
        sound &= text.is_some();
        text
    };
    let (fingerprint, reason, owner, ticket) = (text("fingerprint"), text("reason"), text("owner"), text("ticket"));
    let expires = match fields.get("expires") {
        Some((node, path)) => {
            let day = walk.day(node, &path);
            sound &= day.is_some();
            day.map(|day| day.to_string())
        }
        None => None,
    };
    let select = match fields.get("select") {
        Some((node, path)) => {
            let select = select(walk, node, &path, rules);
            sound &= select.is_some();
            select
        }
        None => None,
    };
    let only = match fields.get("only") {
        Some((node, path)) => {
            let only = only(walk, node, &path);
            sound &= only.is_some();
            only
        }
        None => None,
    };
    if !sound {
        return None;
    }
    match (RawWaiver { fingerprint, select, only, reason, owner, ticket, expires }).check(today) {
        Ok(waiver) => Some(waiver),
        Err(sentences) => {
            for sentence in sentences {
                let at = place_of(&sentence, node);
                walk.report(Problem::new(at, format!("`{path}`: {sentence}")));
            }
            None
        }
    }
}

fn select(walk: &Walk<'_>, node: &Node, path: &str, rules: &BTreeSet<String>) -> Option<RawSelect> {
    let fields = walk.fields(node, path, SELECT_KEYS)?;
    let mut sound = true;
    let mut text = |key: &str| {
        let (node, path) = fields.get(key)?;
        let text = walk.text(node, &path).map(str::to_owned);
        sound &= text.is_some();
        text
    };
    let (account, region, kind) = (text("account"), text("region"), text("kind"));
    let (resource, rule) = (text("resource"), text("rule"));
    if let (Some((node, _)), Some(id)) = (fields.get("rule"), &rule) {
        walk.rule_id(&node.at, id, rules);
    }
    let mut tag = BTreeMap::new();
    if let Some((node, path)) = fields.get("tag") {
        for (key, value) in walk.entries(node, &path)? {
            tag.insert(key.text.clone(), walk.text(value, &format!("{path}.{}", shown(&key.text)))?.to_owned());
        }
    }
    sound.then_some(RawSelect { account, region, kind, resource, rule, tag })
}

fn only(walk: &Walk<'_>, node: &Node, path: &str) -> Option<RawOnly> {
    let fields = walk.fields(node, path, ONLY_KEYS)?;
    let port = match fields.get("port") {
        Some((node, path)) => Some(walk.integer(node, &path, 1, 65535).and_then(|port| u16::try_from(port).ok())?),
        None => None,
    };
    let cidrs = match fields.get("cidrs") {
        Some((node, path)) => Some(walk.texts(node, &path)?),
        None => None,
    };
    Some(RawOnly { port, cidrs })
}

/// The value that a sentence names in backticks, else the beginning of the waiver.
fn place_of(sentence: &str, waiver: &Node) -> Range<usize> {
    let named = sentence.split('`').skip(1).step_by(2).find_map(|name| {
        let name = name.split([':', ' ']).next().unwrap_or_default();
        find(waiver, name.rsplit('.').next().unwrap_or_default())
    });
    named.unwrap_or(waiver.at.start..waiver.at.start)
}

fn find(node: &Node, key: &str) -> Option<Range<usize>> {
    let Value::Mapping(entries) = &node.value else { return None };
    let here = entries.iter().find(|(known, _)| known.text == key).map(|(_, value)| value.at.clone());
    here.or_else(|| entries.iter().find_map(|(_, value)| find(value, key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file in which the vendor hands out a key, given by mistake.
    #[test]
    fn a_file_of_keys_is_refused_without_showing_them() {
        let secret = "8Jk2mN4pQr6sTu8vWx0yZa2bCd4eFg";
        let line = format!("LTAI5tExampleKeyId000001,{secret}");
        // As text, as a list, as what is no YAML, and as a key of a mapping.
        let texts = [
            format!("AccessKey ID,AccessKey Secret\n{line}\n"),
            format!("- {line}\n"),
            format!("{{{line}"),
            format!("{line}: [1]\n"),
            format!("\"a, {line}\n"),
        ];
        for text in texts {
            let source = Source::decode("AccessKey.csv", text.as_bytes()).expect("UTF-8");
            let errors = read(&source, NaiveDate::default(), &BTreeSet::new()).expect_err("no waivers");
            let told: String = errors.iter().map(|it| it.message).chain([errors.to_string()]).collect();
            for start in 0..=secret.len() - 8 {
                assert!(!told.contains(&secret[start..start + 8]), "{told}");
            }
        }
    }
}
