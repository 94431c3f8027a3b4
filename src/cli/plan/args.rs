//! What may stand behind `portcullis plan`.

use std::path::PathBuf;

use chrono::TimeDelta;
use clap::{Args, ValueHint};

use crate::{
    cli::{
        args::{ConfigArgs, StoreArgs, account_id, not_empty, region_id},
        output::Place,
        suggest,
    },
    model::EndpointKind,
    remediate::{
        document::LONGEST,
        select::{Dimension, Selector},
    },
};

#[derive(Clone, Debug, Args)]
pub(crate) struct PlanArgs {
    /// A run's id or its beginning, or `latest`
    #[arg(default_value = "latest", value_name = "RUN")]
    pub(crate) run: String,
    /// Plan from a saved snapshot, judged now, instead of a run
    #[arg(long, value_name = "SNAPSHOT", value_hint = ValueHint::FilePath, conflicts_with = "run")]
    pub(crate) from: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    /// How long the plan is valid: minutes or hours, as in `90m` or `4h`; at most 24h
    #[arg(long, value_name = "TIME", default_value = "4h", value_parser = validity)]
    pub(crate) expires: TimeDelta,
    /// Who makes the plan, and may therefore not approve it [default: the user of this session]
    #[arg(long, value_name = "NAME", value_parser = not_empty)]
    pub(crate) planner: Option<String>,
    /// What asks for the change, a ticket's number for example: it stands in the plan, which is approved with it, and in the
    /// journal of whoever carries it out
    #[arg(long, value_name = "TEXT", value_parser = ticket)]
    pub(crate) ticket: Option<String>,
    /// Form, and where to: text (default), json, which is the plan that `approve` and `apply` take, or markdown; repeatable
    #[arg(long = "output", short, visible_alias = "format", value_name = "FORMAT[=PATH]", value_parser = Output::parse)]
    pub(crate) outputs: Vec<Output>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

/// Which endpoints are meant. Without any of these nothing is.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectionArgs {
    /// Everything that can be planned, as far as the other options do not say less
    #[arg(long)]
    all: bool,
    /// Only these endpoints: their ids as reports have them, or RESOURCE/KIND
    #[arg(long = "endpoint", value_name = "ID", num_args = 1.., value_parser = not_empty)]
    endpoints: Option<Vec<String>>,
    /// Only endpoints of these meshes and clusters
    #[arg(long = "resource", value_name = "ID", num_args = 1.., value_parser = not_empty)]
    resources: Option<Vec<String>>,
    /// Only this account: a plan is about one
    #[arg(long = "account", value_name = "ID", num_args = 1.., value_parser = account_id)]
    accounts: Option<Vec<String>>,
    /// Only these regions
    #[arg(long = "region", value_name = "ID", num_args = 1.., value_parser = region_id)]
    regions: Option<Vec<String>>,
    /// Only this kind of endpoint
    #[arg(long = "kind", value_name = "KIND", num_args = 1.., value_parser = kind)]
    kinds: Option<Vec<String>>,
    /// Only this kind of change: unbind or fence
    #[arg(long = "action", value_name = "ACTION", num_args = 1.., value_parser = ["unbind", "fence"])]
    actions: Option<Vec<String>>,
    /// Only endpoints with these findings: fingerprints, or their beginning
    #[arg(long = "finding", value_name = "FINGERPRINT", num_args = 1.., value_parser = fingerprint)]
    findings: Option<Vec<String>>,
    /// Only these environments, by the tag of the configuration; `untagged` is what has none
    #[arg(long = "environment", value_name = "NAME", num_args = 1.., value_parser = not_empty)]
    environments: Option<Vec<String>>,
}

impl SelectionArgs {
    pub(crate) fn selector(&self) -> Selector {
        let given = [
            (Dimension::Endpoint, &self.endpoints),
            (Dimension::Resource, &self.resources),
            (Dimension::Account, &self.accounts),
            (Dimension::Region, &self.regions),
            (Dimension::Kind, &self.kinds),
            (Dimension::Action, &self.actions),
            (Dimension::Finding, &self.findings),
            (Dimension::Environment, &self.environments),
        ];
        let nothing = if self.all { Selector::everything() } else { Selector::default() };
        given.into_iter().fold(nothing, |selector, (dimension, words)| match words {
            Some(words) => selector.only(dimension, words.iter().map(|word| word.trim().to_owned())),
            None => selector,
        })
    }
}

/// Characters of a ticket.
const TICKET: usize = 200;

fn ticket(text: &str) -> Result<String, String> {
    let text = not_empty(text)?.trim().to_owned();
    match text.chars().count() > TICKET || text.chars().any(char::is_control) {
        true => Err(format!("a ticket is one line of at most {TICKET} characters: name it, and tell the rest there")),
        false => Ok(text),
    }
}

/// A form of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
    Markdown,
}

/// One `--output`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) form: Form,
    pub(crate) place: Place,
}

impl Output {
    const FORMS: [(&'static str, Form); 3] = [("text", Form::Text), ("json", Form::Json), ("markdown", Form::Markdown)];

    fn parse(text: &str) -> Result<Self, String> {
        let (word, path) = match text.split_once('=') {
            Some((word, path)) => (word, Some(path)),
            None => (text, None),
        };
        let Some((_, form)) = Self::FORMS.iter().find(|(known, _)| *known == word) else {
            let hint =
                if path.is_none() && word.contains(['.', '/']) { "; to name a file, write `json=FILE`" } else { "" };
            return Err(format!("{}{hint}", suggest::unknown("format", word, Self::FORMS.map(|(known, _)| known))));
        };
        let place = match path {
            None | Some("-" | "/dev/stdout") => Place::Stdout,
            Some("") => return Err("the path behind `=` is empty: name a file, or leave `=` out".to_owned()),
            Some(path) => Place::File(path.into()),
        };
        Ok(Self { form: *form, place })
    }
}

fn kind(text: &str) -> Result<String, String> {
    match EndpointKind::ALL.iter().find(|kind| kind.as_str() == text) {
        Some(kind) => Ok(kind.as_str().to_owned()),
        None => Err(suggest::unknown("kind of endpoint", text, EndpointKind::ALL.iter().map(|kind| kind.as_str()))),
    }
}

/// `v1:` and at least eight digits: less could mean many.
fn fingerprint(text: &str) -> Result<String, String> {
    let digits = text.trim().strip_prefix("v1:").unwrap_or(text.trim());
    if digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(format!("v1:{}", digits.to_ascii_lowercase()));
    }
    Err("a fingerprint is written like `v1:` and its digits, at least the first eight".to_owned())
}

fn validity(text: &str) -> Result<TimeDelta, String> {
    let wrong = || "write minutes or hours, as in `90m` or `4h`; a plan is valid for at most 24h".to_owned();
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse::<i64>().ok()).flatten()
    };
    let span = match (text.strip_suffix('m'), text.strip_suffix('h')) {
        (Some(minutes), _) => number(minutes).map(TimeDelta::minutes),
        (_, Some(hours)) => number(hours).map(TimeDelta::hours),
        _ => None,
    };
    span.filter(|span| *span > TimeDelta::zero() && *span <= LONGEST).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_valid_for_up_to_a_day() {
        assert_eq!(validity("4h"), Ok(TimeDelta::hours(4)));
        assert_eq!(validity("90m"), Ok(TimeDelta::minutes(90)));
        assert_eq!(validity("24h"), Ok(TimeDelta::hours(24)));
        assert_eq!(validity("1440m"), Ok(TimeDelta::hours(24)));
        for wrong in ["", "4", "0h", "25h", "1441m", "-1h", "1.5h", "1d", "h", "99999999999h", "+4h", " 4h"] {
            assert!(validity(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_fingerprint_is_not_a_letter() {
        assert_eq!(fingerprint("v1:0123ABCD"), Ok("v1:0123abcd".to_owned()));
        assert_eq!(fingerprint("0123abcd"), Ok("v1:0123abcd".to_owned()));
        for wrong in ["", "v1:", "v1:0123abc", "v1:zzzzzzzz"] {
            assert!(fingerprint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_is_no_format() {
        assert_eq!(Output::parse("json=p.json").map(|it| it.form), Ok(Form::Json));
        assert!(Output::parse("plan.json").is_err_and(|why| why.contains("json=FILE")));
        assert!(Output::parse("json=").is_err());
    }
}
