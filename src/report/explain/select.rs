//! Which endpoint or finding somebody means.

use crate::report::{
    escape,
    v1::{Document, EndpointV1, FindingV1},
};

/// Candidates that a refusal names.
const CANDIDATES: usize = 8;

/// Shorter words match too much to be the beginning of a fingerprint without its `v1:`.
const SHORTEST_PREFIX: usize = 6;

/// What is to be explained.
#[derive(Clone, Copy, Debug)]
pub(super) enum Selected<'d, 'a> {
    Endpoint(&'d EndpointV1<'a>),
    Finding(&'d FindingV1<'a>),
}

/// Nothing, or more than one thing, is named so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOne {
    #[error("`{word}` names nothing in this run{}", nearest_words(.candidates))]
    Nothing { word: String, candidates: Vec<String> },
    #[error("`{word}` names {count} things; say which: {}", listed(.candidates, *.count))]
    Several { word: String, count: usize, candidates: Vec<String> },
}

fn nearest_words(candidates: &[String]) -> String {
    match candidates {
        [] => ": there is no endpoint and no finding in it".to_owned(),
        _ => format!(
            "; nearest: {}. Give a finding's fingerprint or its beginning, or an endpoint's id or a part of it",
            candidates.join(", ")
        ),
    }
}

fn listed(candidates: &[String], count: usize) -> String {
    let more = if count > candidates.len() { format!(" and {} more", count - candidates.len()) } else { String::new() };
    format!("{}{more}", candidates.join(", "))
}

/// The one thing that `word` names: an endpoint by its id or a part of it, a finding by its
/// fingerprint or the beginning of it, or by the id of what it is about.
///
/// # Errors
/// With the nearest candidates, where that is not one thing.
pub(super) fn select<'d, 'a>(document: &'d Document<'a>, word: &str) -> Result<Selected<'d, 'a>, NotOne> {
    if let Some(endpoint) = document.endpoints.iter().find(|endpoint| endpoint.id == word) {
        return Ok(Selected::Endpoint(endpoint));
    }
    let is_prefix = |finding: &FindingV1<'_>| {
        let bare = finding.fingerprint.strip_prefix("v1:").unwrap_or(&finding.fingerprint);
        !word.is_empty()
            && (word.starts_with("v1:") && finding.fingerprint.starts_with(word)
                || word.len() >= SHORTEST_PREFIX && bare.starts_with(word))
    };
    let endpoints = document.endpoints.iter().filter(|endpoint| !word.is_empty() && endpoint.id.contains(word));
    let findings = document.findings.iter().filter(|finding| is_prefix(finding));
    let mut found: Vec<Selected<'d, 'a>> =
        endpoints.map(Selected::Endpoint).chain(findings.map(Selected::Finding)).collect();
    if found.is_empty() {
        let about = document.findings.iter().filter(|finding| !word.is_empty() && finding.resource_id == word);
        found = about.map(Selected::Finding).collect();
    }
    match found[..] {
        [one] => Ok(one),
        [] => Err(NotOne::Nothing { word: escape::capped(word, 80), candidates: nearest(document, word) }),
        _ => Err(NotOne::Several {
            word: escape::capped(word, 80),
            count: found.len(),
            candidates: found.iter().take(CANDIDATES).map(name).collect(),
        }),
    }
}

fn name(selected: &Selected<'_, '_>) -> String {
    match selected {
        Selected::Endpoint(endpoint) => escape::capped(&endpoint.id, 160),
        Selected::Finding(finding) => {
            format!("{} ({})", escape::capped(&finding.fingerprint, 80), escape::name(&finding.rule_id))
        }
    }
}

/// The endpoints and findings whose ids, names or fingerprints look most like the word.
fn nearest(document: &Document<'_>, word: &str) -> Vec<String> {
    let word = word.to_lowercase();
    let likeness =
        |texts: &[&str]| texts.iter().map(|text| strsim::jaro_winkler(&word, &text.to_lowercase())).fold(0.0, f64::max);
    let endpoints = document.endpoints.iter().map(|endpoint| {
        let like = likeness(&[&endpoint.id, &endpoint.resource_id, &endpoint.resource_name]);
        (like, name(&Selected::Endpoint(endpoint)))
    });
    let findings = document.findings.iter().map(|finding| {
        let like = likeness(&[&finding.fingerprint, &finding.resource_id]);
        (like, name(&Selected::Finding(finding)))
    });
    let mut all: Vec<(f64, String)> = endpoints.chain(findings).collect();
    all.sort_by(|(one, first), (other, second)| other.total_cmp(one).then_with(|| first.cmp(second)));
    all.into_iter().take(3).map(|(_, name)| name).collect()
}
