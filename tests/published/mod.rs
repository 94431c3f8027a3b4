//! The schemas of our own JSON that docs/ publishes, as somebody applies them who has nothing but the files.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use jsonschema::{Registry, Validator};
use serde_json::Value;

/// A published schema.
pub struct Published(Validator);

impl Published {
    /// Of a whole report.
    pub fn report() -> Self {
        Self(jsonschema::validator_for(&report_schema()).unwrap())
    }

    /// Of a line of a report in JSON Lines.
    #[allow(dead_code, reason = "not every test that has reports has lines")]
    pub fn line() -> Self {
        let schema: Value = serde_json::from_str(include_str!("../../docs/report-line.schema.json")).unwrap();
        // Where a file beside the other is for who reads files without a place of their own.
        let beside = "json-schema:///report.schema.json";
        let registry = Registry::new().add(beside, report_schema()).unwrap().prepare().unwrap();
        Self(jsonschema::options().with_registry(&registry).build(&schema).unwrap())
    }

    /// Of a plan file.
    #[allow(dead_code, reason = "not every test that has reports has plans")]
    pub fn plan() -> Self {
        let schema: Value = serde_json::from_str(include_str!("../../docs/plan.schema.json")).unwrap();
        Self(jsonschema::validator_for(&schema).unwrap())
    }

    /// What the schema has against the value; nothing if it is valid.
    pub fn complaints(&self, value: &Value) -> Vec<String> {
        self.0.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }
}

fn report_schema() -> Value {
    serde_json::from_str(include_str!("../../docs/report.schema.json")).unwrap()
}
