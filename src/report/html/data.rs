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
    model::{Exposure, UnitState},
    report::{
        Background, RuleTexts, TrendPoint,
        explain::{EndpointStory, ids_about},
        json,
        v1::{Document, EndpointV1, FindingV1, time},
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

/// An endpoint with what is said of it, and what could not be read about it.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    story: EndpointStory<'a>,
    unread: &'a [String],
    /// Places among the gaps.
    gaps: Vec<usize>,
}

/// Reads that failed, by what they would have been about.
struct GapsAbout<'a> {
    /// By account and the id that they name.
    of_resource: HashMap<(&'a str, &'a str), Vec<usize>>,
    /// Those that name none, by account and region: lists, of which any member may be missing.
    of_region: HashMap<(&'a str, &'a str), Vec<usize>>,
}

/// Gaps that one endpoint tells; all are in the list of them.
const MOST_GAPS: usize = 20;

impl<'a> GapsAbout<'a> {
    fn of(document: &'a Document<'_>) -> Self {
        let mut about = Self { of_resource: HashMap::new(), of_region: HashMap::new() };
        let gaps = document.coverage.gaps.iter().enumerate();
        for (place, gap) in gaps.filter(|(_, gap)| matches!(gap.state, UnitState::Denied | UnitState::Failed)) {
            let (places, name) = match gap.resource_id.as_str() {
                "" => (&mut about.of_region, gap.region_id.as_str()),
                id => (&mut about.of_resource, id),
            };
            places.entry((gap.account_id.as_str(), name)).or_default().push(place);
        }
        about
    }

    /// Of one of which it is not known whether it is exposed, the lists of its region too.
    fn of_endpoint(&self, endpoint: &EndpointV1<'_>) -> Vec<usize> {
        let account = endpoint.account_id.as_str();
        let of_resources = ids_about(endpoint).filter_map(|id| self.of_resource.get(&(account, id)));
        let of_region = self.of_region.get(&(account, endpoint.region_id.as_str()));
        let of_region = of_region.filter(|_| endpoint.exposure == Exposure::Unknown);
        let mut places: Vec<usize> = of_resources.chain(of_region).flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
        places.truncate(MOST_GAPS);
        places
    }
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
    let gaps = GapsAbout::of(document);
    let endpoint = |endpoint| {
        ("e", Told { story: EndpointStory::of(endpoint), unread: &endpoint.unread, gaps: gaps.of_endpoint(endpoint) })
    };
    json::write_lines(&document.endpoints, endpoint, out)?;
    json::write_lines(&rows, |row| ("f", row), out)?;
    for gap in &document.coverage.gaps {
        json::write_line(&("g", gap), out)?;
    }
    Ok(())
}
