//! Reads a JSON report back, a record at a time: its text is never in memory whole, and what records hold alike is held
//! once.

use std::io::Read;

use serde::de::DeserializeOwned;

use super::{
    ReadError, escape,
    v1::{self, CoverageV1, Document, EndpointV1, FindingV1, GapV1, Known, RunV1, SummaryV1},
    verdict_text,
};
use crate::{
    findings::{FindingStatus, GATE_RULES, RunVerdict},
    model::{Severity, UnitState},
    pieces::Pieces,
};

/// Reads a report that an earlier run wrote.
///
/// # Errors
/// If the text is no JSON, of another schema, or of a newer version of it.
pub fn read(text: &str) -> Result<Document<'static>, ReadError> {
    read_from(text.as_bytes())
}

/// Reads a report from where it is.
///
/// # Errors
/// As [`read`], and if the text cannot be read.
pub fn read_from(text: impl Read + Send) -> Result<Document<'static>, ReadError> {
    let mut pieces = Pieces::new(text);
    let mut members = Members::default();
    pieces.object(|pieces, name| members.take(name, pieces))?;
    let document = members.document(&pieces)?;
    pieces.end()?;
    Ok(document)
}

/// The members of a report, as far as they were read.
#[derive(Default)]
struct Members {
    schema: Option<String>,
    run: Option<RunV1<'static>>,
    verdict: Option<RunVerdict>,
    summary: Option<SummaryV1>,
    endpoints: Option<Vec<EndpointV1<'static>>>,
    findings: Option<Vec<FindingV1<'static>>>,
    coverage: Option<CoverageV1<'static>>,
    known: Known,
}

impl Members {
    fn take<R: Read + Send>(&mut self, name: &str, pieces: &mut Pieces<R>) -> Result<(), ReadError> {
        let known = &mut self.known;
        match name {
            "schema" => {
                once(&mut self.schema, name, pieces)?;
                self.is_ours()
            }
            "run" => once(&mut self.run, name, pieces),
            "verdict" => once(&mut self.verdict, name, pieces),
            "summary" => once(&mut self.summary, name, pieces),
            "endpoints" => list(&mut self.endpoints, name, pieces, |endpoint| known.endpoint(endpoint)),
            "findings" => list(&mut self.findings, name, pieces, |finding| known.finding(finding)),
            "coverage" => once(&mut self.coverage, name, pieces),
            // Fields are added as time goes by.
            _ => Ok(pieces.skip()?),
        }
    }

    /// Another document is refused before all of it is read.
    fn is_ours(&self) -> Result<(), ReadError> {
        match self.schema.as_deref() {
            None | Some(v1::SCHEMA) => Ok(()),
            Some(other) => Err(ReadError::Schema { seen: escape::capped(other, 80) }),
        }
    }

    fn document<R: Read>(self, pieces: &Pieces<R>) -> Result<Document<'static>, ReadError> {
        fn there<T, R: Read>(member: Option<T>, name: &str, pieces: &Pieces<R>) -> Result<T, ReadError> {
            member.ok_or_else(|| pieces.wrong(&format!("missing field `{name}`")).into())
        }
        let mut document = Document {
            schema: there(self.schema, "schema", pieces)?.into(),
            run: there(self.run, "run", pieces)?,
            verdict: there(self.verdict, "verdict", pieces)?,
            summary: there(self.summary, "summary", pieces)?,
            endpoints: there(self.endpoints, "endpoints", pieces)?,
            findings: there(self.findings, "findings", pieces)?,
            coverage: there(self.coverage, "coverage", pieces)?,
        };
        // The lists count: an older report has no `undecided`, and a report that was cut down by hand has old counts.
        document.summary.count(&document.findings);
        document.summary.count_endpoints(document.endpoints.iter().map(|endpoint| endpoint.exposure));
        is_earned(&document)?;
        Ok(document)
    }
}

/// Nobody is told that all is well by a report that holds the contrary. One that says worse than it holds was cut down.
fn is_earned(document: &Document<'_>) -> Result<(), ReadError> {
    let rank = |verdict| match verdict {
        RunVerdict::Pass => 0,
        RunVerdict::Unknown => 1,
        RunVerdict::Fail => 2,
    };
    let (said, held) = (document.verdict, held(document));
    // Code 0 says the same as the verdict.
    let told = if document.run.exit_code == 0 { RunVerdict::Pass } else { said };
    match rank(held) > rank(said) || rank(held) > rank(told) {
        true => Err(ReadError::Contradiction {
            said: verdict_text(said),
            exit_code: document.run.exit_code,
            held: verdict_text(held),
        }),
        false => Ok(()),
    }
}

/// What the records come to, as `findings::outcome` has it for a run.
fn held(document: &Document<'_>) -> RunVerdict {
    // What is about a waiver never counts.
    let is_of_waiver = |finding: &FindingV1<'_>| GATE_RULES.iter().any(|rule| rule.id == finding.rule_id.as_str());
    let of_cloud = || document.findings.iter().filter(|finding| !is_of_waiver(finding));
    // Where the threshold was not kept, only the worst is sure to have counted.
    let fail_on = document.run.fail_on.unwrap_or(Severity::Critical);
    let counts = |finding: &FindingV1<'_>| {
        // Nothing is accepted by nobody.
        let is_open = match finding.status {
            FindingStatus::Open => !finding.baselined,
            FindingStatus::Waived => finding.waiver.is_none(),
            FindingStatus::Unknown => false,
        };
        is_open && finding.severity >= fail_on
    };
    let was_lost = |gap: &GapV1<'_>| matches!(gap.state, UnitState::Denied | UnitState::Failed);
    if of_cloud().any(counts) {
        return RunVerdict::Fail;
    }
    let CoverageV1 { planned, scanned, denied, failed, excluded, not_served, gaps, .. } = &document.coverage;
    let ended = scanned.saturating_add(*excluded).saturating_add(*not_served);
    let is_counted = *scanned > 0 && (*denied, *failed) == (0, 0) && ended >= *planned;
    let is_whole = document.settled() && is_counted && !gaps.iter().any(was_lost);
    match is_whole && !of_cloud().any(|finding| finding.status == FindingStatus::Unknown) {
        true => RunVerdict::Pass,
        false => RunVerdict::Unknown,
    }
}

fn once<T: DeserializeOwned, R: Read>(
    member: &mut Option<T>,
    name: &str,
    pieces: &mut Pieces<R>,
) -> Result<(), ReadError> {
    refuse_again(member, name, pieces)?;
    *member = Some(pieces.value()?);
    Ok(())
}

/// A list whose elements go through `share` before the next ones are read.
fn list<T: DeserializeOwned + Send, R: Read + Send>(
    member: &mut Option<Vec<T>>,
    name: &str,
    pieces: &mut Pieces<R>,
    mut share: impl FnMut(&mut T),
) -> Result<(), ReadError> {
    refuse_again(member, name, pieces)?;
    let mut elements = Vec::new();
    pieces.list(|mut element| {
        share(&mut element);
        elements.push(element);
    })?;
    *member = Some(elements);
    Ok(())
}

/// Of two members with one name nobody knows which is meant.
fn refuse_again<T, R: Read>(member: &Option<T>, name: &str, pieces: &Pieces<R>) -> Result<(), ReadError> {
    match member {
        None => Ok(()),
        Some(_) => Err(pieces.wrong(&format!("duplicate field `{name}`")).into()),
    }
}

#[cfg(test)]
mod tests {
    use std::{io, ptr};

    use serde_json::{Map, Value, json};

    use super::*;

    const SAMPLE: &str = include_str!("../../reports/sample.json");

    fn members() -> Map<String, Value> {
        serde_json::from_str(SAMPLE).expect("it is an object")
    }

    fn told(text: &str) -> String {
        read(text).expect_err(text.get(..80).unwrap_or(text)).to_string()
    }

    #[test]
    fn what_records_hold_alike_is_held_once() {
        let document = read(SAMPLE).expect("our own report");
        let of_rule = |finding: &&FindingV1<'_>| finding.rule_id == "control-plane-open-to-untrusted";
        let [one, other, ..] = document.findings.iter().filter(of_rule).collect::<Vec<_>>()[..] else {
            panic!("there are several findings of the rule")
        };
        assert!(ptr::eq(one.remedy.as_str(), other.remedy.as_str()));
        assert!(ptr::eq(&*one.references, &*other.references) && ptr::eq(&*one.controls, &*other.controls));
        let id = one.endpoint_id.as_ref().expect("it is about an endpoint");
        let endpoint = document.endpoints.iter().find(|endpoint| endpoint.id == *id).expect("it is there");
        assert!(ptr::eq(endpoint.id.as_str(), id.as_str()));
        assert!(!ptr::eq(one.message.as_str(), other.message.as_str()));
    }

    #[test]
    fn members_may_come_in_any_order_and_with_others() {
        let document = read(SAMPLE).expect("our own report");
        let mut members = members();
        members.insert("a later field".to_owned(), json!({"schema": [1, {}]}));
        // Sorted by name: the schema does not come first.
        let text = Value::Object(members).to_string();
        assert!(text.find("\"endpoints\":[") < text.find("\"schema\":\"portcullis"));
        assert_eq!(read(&text).expect("the same report"), document);
    }

    #[test]
    fn a_member_that_is_missing_there_twice_or_of_another_shape_is_told() {
        for name in members().keys() {
            let mut without = members();
            let value = without.remove(name).expect("it was there");
            let text = Value::Object(without).to_string();
            assert!(told(&text).contains(&format!("missing field `{name}`")), "{}", told(&text));
            let twice = format!("{},{}:{value}}}", SAMPLE.trim_end().trim_end_matches('}'), json!(name));
            assert!(told(&twice).contains(&format!("duplicate field `{name}`")), "{}", told(&twice));
            let mut other = members();
            other.insert(name.clone(), json!([{"surprise": 1}]));
            told(&Value::Object(other).to_string());
        }
        told(&format!("{SAMPLE}{{}}"));
    }

    #[test]
    fn another_document_is_refused_before_the_rest_of_it_is_read() {
        let error = told("{\"schema\": \"portcullis.plan/v1\", \"actions\": ");
        assert!(error.contains("its schema is `portcullis.plan/v1`"), "{error}");
    }

    /// The sample: findings that count, and reads that were denied.
    #[test]
    fn a_verdict_that_is_better_than_what_the_report_holds_is_refused() {
        let with = |verdict: &str, exit_code: u8, change: &dyn Fn(&mut Map<String, Value>)| {
            let mut members = members();
            members["verdict"] = json!(verdict);
            members["run"]["exit_code"] = json!(exit_code);
            change(&mut members);
            Value::Object(members).to_string()
        };
        let empty = |members: &mut Map<String, Value>| members["findings"] = json!([]);
        let waived = |members: &mut Map<String, Value>| {
            for finding in members["findings"].as_array_mut().expect("a list") {
                finding["status"] = json!("waived");
            }
        };
        let settled = |members: &mut Map<String, Value>| {
            empty(members);
            members["endpoints"] = json!([]);
            members["coverage"]["complete"] = json!(true);
            members["coverage"]["gaps"] = json!([]);
        };
        let whole = |members: &mut Map<String, Value>| {
            settled(members);
            let coverage = &mut members["coverage"];
            coverage["scanned"] = coverage["planned"].clone();
            (coverage["denied"], coverage["failed"]) = (json!(0), json!(0));
        };
        let lost = |members: &mut Map<String, Value>| {
            let gaps = members["coverage"]["gaps"].clone();
            whole(members);
            members["coverage"]["gaps"] = gaps;
        };
        type Change<'a> = &'a dyn Fn(&mut Map<String, Value>);
        let endless = |members: &mut Map<String, Value>| {
            whole(members);
            (members["coverage"]["denied"], members["coverage"]["failed"]) = (json!(u64::MAX), json!(1));
        };
        let accepted_by_nobody = |members: &mut Map<String, Value>| {
            let findings = members["findings"].clone();
            whole(members);
            members["findings"] = findings;
            waived(members);
            members["findings"].as_array_mut().expect("a list").iter_mut().for_each(|one| one["waiver"] = json!(null));
        };
        let refused: [(&str, u8, Change<'_>); 10] = [
            ("pass", 0, &endless),
            ("pass", 0, &settled),
            ("pass", 0, &accepted_by_nobody),
            ("pass", 0, &|_| {}),
            ("unknown", 3, &|_| {}),
            ("fail", 0, &|_| {}),
            ("pass", 0, &empty),
            ("pass", 4, &empty),
            ("pass", 0, &waived),
            ("pass", 0, &lost),
        ];
        for (verdict, exit_code, change) in refused {
            let error = told(&with(verdict, exit_code, change));
            assert!(error.contains(&format!("its verdict is `{verdict}` with exit code {exit_code}")), "{error}");
        }
        let taken: [(&str, u8, Change<'_>); 5] = [
            ("fail", 4, &|_| {}),
            // Cut down by hand: worse than what is left.
            ("fail", 4, &empty),
            ("unknown", 3, &empty),
            ("fail", 4, &whole),
            ("pass", 0, &whole),
        ];
        for (verdict, exit_code, change) in taken {
            let document = read(&with(verdict, exit_code, change)).expect(verdict);
            assert_eq!(document.summary.endpoints, document.endpoints.len());
        }
    }

    #[test]
    fn a_text_that_cannot_be_read_is_no_text_of_another_shape() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let error = read_from(SAMPLE.as_bytes()[..1_000].chain(Broken)).expect_err("it ends in the middle");
        assert!(matches!(error, ReadError::Unreadable(_)), "{error}");
    }
}
