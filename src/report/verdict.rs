//! What the verdict of a run means, in a sentence of each language.

use std::collections::BTreeSet;

use super::{escape, table, v1::Document};
use crate::{
    findings::RunVerdict,
    model::{PortVerdict, UnitState},
};

/// Regions or accounts named before the rest is counted.
const NAMED: usize = 2;

/// What a verdict rests on: no language counts for itself.
enum Meaning {
    Pass,
    Unknown,
    /// So many control planes are open; there may be more where not everything could be judged.
    Fail {
        open: usize,
        settled: bool,
    },
}

impl Meaning {
    fn of(document: &Document<'_>) -> Self {
        match document.verdict {
            RunVerdict::Pass => Self::Pass,
            RunVerdict::Unknown => Self::Unknown,
            RunVerdict::Fail => {
                let endpoints = document.endpoints.iter();
                let open = endpoints.filter(|endpoint| table::worst(endpoint) == Some(PortVerdict::Open)).count();
                Self::Fail { open, settled: document.settled() }
            }
        }
    }
}

/// What the verdict means, in words, and what it is not about.
pub(super) fn sentence(document: &Document<'_>) -> String {
    let sentence = match Meaning::of(document) {
        Meaning::Pass => "No finding counts, and everything planned was read.".to_owned(),
        Meaning::Unknown => {
            "No finding counts so far, but not everything could be judged: unknown, not clean.".to_owned()
        }
        Meaning::Fail { open, settled } => {
            let rest = if settled { "" } else { " Not everything could be judged: there may be more." };
            match open {
                0 => format!("Findings count; no control plane is known to be open to sources you did not name.{rest}"),
                1 => format!("1 control plane is open to sources you did not name.{rest}"),
                _ => format!("{open} control planes are open to sources you did not name.{rest}"),
            }
        }
    };
    match left_out(document) {
        Some(left_out) => format!("{sentence} Left out on request: {left_out}."),
        None => sentence,
    }
}

/// The same in Chinese.
pub(super) fn sentence_zh(document: &Document<'_>) -> String {
    let sentence = match Meaning::of(document) {
        Meaning::Pass => "没有计入的发现，计划读取的内容已全部读取。".to_owned(),
        Meaning::Unknown => "目前没有计入的发现，但并非全部内容都能判定：结论为未知，而不是安全。".to_owned(),
        Meaning::Fail { open, settled } => {
            let rest = if settled { "" } else { "并非全部内容都能判定：可能还有更多。" };
            match open {
                0 => format!("存在计入的发现；未发现对未列入信任名单的来源开放的控制面。{rest}"),
                _ => format!("{open} 个控制面对未列入信任名单的来源开放。{rest}"),
            }
        }
    };
    match document.coverage.excluded {
        0 => sentence,
        excluded => format!("{sentence}按要求略过 {excluded} 项读取。"),
    }
}

/// `28 regions (ap-northeast-1, ap-south-1 and 26 more) and 1 account (1000000000000002)`: what the operator left out.
pub(super) fn left_out(document: &Document<'_>) -> Option<String> {
    let excluded = || document.coverage.gaps.iter().filter(|gap| gap.state == UnitState::Excluded);
    let regions: BTreeSet<&str> = excluded().map(|gap| &*gap.region_id).filter(|id| !id.is_empty()).collect();
    let accounts: BTreeSet<&str> =
        excluded().filter(|gap| gap.region_id.is_empty()).map(|gap| &*gap.account_id).collect();
    let words = |ids: BTreeSet<&str>, word: &str| {
        let named: Vec<String> = ids.iter().take(NAMED).map(|id| escape::name(id)).collect();
        let more = if ids.len() > NAMED { format!(" and {} more", ids.len() - NAMED) } else { String::new() };
        let plural = if ids.len() == 1 { "" } else { "s" };
        (!ids.is_empty()).then(|| format!("{} {word}{plural} ({}{more})", ids.len(), named.join(", ")))
    };
    let texts: Vec<String> = [words(regions, "region"), words(accounts, "account")].into_iter().flatten().collect();
    (!texts.is_empty()).then(|| texts.join(" and "))
}
