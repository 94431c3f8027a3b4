//! The page's data: one JSON array a line, its first element saying of what it is. The head comes first (`h`), then the
//! endpoints (`e`) with what `explain` says of them, the findings (`f`) as rows that name endpoints and repeated texts by their
//! place, and the gaps (`g`).

use std::{
    collections::HashMap,
    io::{self, Write},
};

use serde::{Serialize, Serializer, ser::SerializeSeq as _};

use crate::{
    findings::Change,
    report::{
        Background, RuleTexts, TrendPoint,
        explain::EndpointStory,
        json,
        v1::{Document, FindingV1, time},
    },
};

#[derive(Serialize)]
struct Head<'a> {
    rules: Vec<Rule<'a>>,
    /// Remedies, each once.
    texts: &'a [&'a str],
    /// References and controls, each list once.
    lists: &'a [&'a [String]],
    trend: &'a [TrendPoint],
}

#[derive(Serialize)]
struct Rule<'a> {
    id: &'a str,
    #[serde(flatten)]
    texts: Option<&'a RuleTexts>,
}

/// Values in the order of their first use, and their places.
struct Places<'a, T: ?Sized> {
    places: HashMap<&'a T, usize>,
    values: Vec<&'a T>,
}

impl<'a, T: ?Sized + Eq + std::hash::Hash> Places<'a, T> {
    fn new() -> Self {
        Self { places: HashMap::new(), values: Vec::new() }
    }

    fn place(&mut self, value: &'a T) -> usize {
        let next = self.values.len();
        *self.places.entry(value).or_insert_with(|| {
            self.values.push(value);
            next
        })
    }
}

/// One finding, as the script takes it apart.
struct Row<'a> {
    finding: &'a FindingV1<'a>,
    rule: usize,
    remedy: usize,
    references: usize,
    controls: usize,
    endpoint: Option<usize>,
    concerns: Vec<usize>,
    change: Option<Change>,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let finding = self.finding;
        let mut row = serializer.serialize_seq(Some(19))?;
        row.serialize_element(&finding.fingerprint)?;
        row.serialize_element(&self.rule)?;
        row.serialize_element(&finding.severity)?;
        row.serialize_element(&finding.status)?;
        row.serialize_element(&self.endpoint.map_or(-1, |place| place as i64))?;
        row.serialize_element(&finding.account_id)?;
        row.serialize_element(&finding.region_id)?;
        row.serialize_element(&finding.resource_kind)?;
        row.serialize_element(&finding.resource_id)?;
        row.serialize_element(&finding.resource_name)?;
        row.serialize_element(&finding.message)?;
        row.serialize_element(&self.remedy)?;
        row.serialize_element(&self.references)?;
        row.serialize_element(&self.controls)?;
        row.serialize_element(&finding.first_seen.as_ref().map(time))?;
        row.serialize_element(&finding.waiver)?;
        row.serialize_element(&finding.baselined)?;
        row.serialize_element(&self.concerns)?;
        row.serialize_element(&self.change.map(Change::as_str))?;
        row.end()
    }
}

/// Writes all of it.
pub(super) fn write(document: &Document<'_>, background: &Background, out: &mut dyn Write) -> io::Result<()> {
    let (mut rules, mut texts, mut lists) = (Places::new(), Places::new(), Places::new());
    let endpoints: HashMap<&str, usize> =
        document.endpoints.iter().enumerate().map(|(place, endpoint)| (endpoint.id.as_str(), place)).collect();
    let place_of = |id: &str| endpoints.get(id).copied();
    let rows: Vec<Row<'_>> = document
        .findings
        .iter()
        .map(|finding| Row {
            finding,
            rule: rules.place(&*finding.rule_id),
            remedy: texts.place(&*finding.remedy),
            references: lists.place(&*finding.references),
            controls: lists.place(&*finding.controls),
            endpoint: finding.endpoint_id.as_deref().and_then(place_of),
            concerns: finding.concerns.iter().filter_map(|id| place_of(id)).collect(),
            change: background.change(&finding.fingerprint),
        })
        .collect();
    let head = Head {
        rules: rules.values.iter().map(|id| Rule { id, texts: background.rules.get(*id) }).collect(),
        texts: &texts.values,
        lists: &lists.values,
        trend: &background.trend,
    };
    json::write_line(&("h", head), out)?;
    json::write_lines(&document.endpoints, |endpoint| ("e", EndpointStory::of(endpoint)), out)?;
    json::write_lines(&rows, |row| ("f", row), out)?;
    for gap in &document.coverage.gaps {
        json::write_line(&("g", gap), out)?;
    }
    Ok(())
}
