//! Reads a JSON report back, a record at a time: its text is never in memory whole, and what records hold alike is held
//! once.

use std::io::Read;

use serde::de::DeserializeOwned;

use super::{
    ReadError, escape,
    v1::{self, CoverageV1, Document, EndpointV1, FindingV1, Known, RunV1, SummaryV1},
};
use crate::{findings::RunVerdict, pieces::Pieces};

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
pub fn read_from(text: impl Read) -> Result<Document<'static>, ReadError> {
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
    fn take<R: Read>(&mut self, name: &str, pieces: &mut Pieces<R>) -> Result<(), ReadError> {
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
        // The list counts: an older report has no `undecided`, and a report that was cut down by hand has old counts.
        document.summary.count(&document.findings);
        Ok(document)
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
fn list<T: DeserializeOwned + Send, R: Read>(
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
