//! Why a text is not taken for a plan, and what to do about it.

use std::{error::Error, fmt};

/// How to get what is read here.
const HOW: &str = "make it with `terraform plan -out=tfplan` and `terraform show -json tfplan > tfplan.json`";

/// Nothing of the text was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// There is nothing in it.
    Empty,
    /// The file that `terraform plan -out` writes.
    Binary,
    /// Text of another encoding, as a shell's redirection makes it.
    Utf16,
    /// The stream of events that `terraform plan -json` prints.
    Events,
    /// No JSON; with what the parser says.
    NotJson(String),
    /// JSON, but neither a plan nor a state.
    NotAPlan(String),
    /// Of a version that this program does not know.
    Version(String),
    /// A part of it has another shape than Terraform writes.
    Shape { place: String, problem: String },
}

impl PlanError {
    pub(super) fn shape(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Shape { place: place.into(), problem: problem.into() }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "it is empty; {HOW}"),
            Self::Binary => write!(f, "it is a plan in Terraform's own binary form; {HOW}"),
            Self::Utf16 => write!(
                f,
                "it is UTF-16 text, as the redirection of Windows PowerShell writes it; write UTF-8, for instance with \
                 `terraform show -json tfplan | Out-File -Encoding utf8 tfplan.json`"
            ),
            Self::Events => {
                write!(f, "it is the log of `terraform plan -json`, which does not hold the planned values; {HOW}")
            }
            Self::NotJson(why) => write!(f, "it is no JSON ({why}); {HOW}"),
            Self::NotAPlan(why) => write!(f, "it is JSON, but no plan of Terraform: {why}; {HOW}"),
            Self::Version(version) if version.starts_with("0.") => write!(
                f,
                "its format_version is {version}: a Terraform before 1.1 made it, whose format was not settled yet; plan with \
                 Terraform 1.1 or later, and take what its `terraform show -json` prints"
            ),
            Self::Version(version) => write!(
                f,
                "its format_version is {version}, and this version of portcullis reads 1.x only; use a version of \
                 portcullis that knows it"
            ),
            Self::Shape { place, problem } => {
                write!(f, "{place}: {problem}, which is not what Terraform writes; {HOW}")
            }
        }
    }
}

impl Error for PlanError {}
