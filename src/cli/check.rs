//! `portcullis check`: a Terraform plan judged as a scan judges a cloud.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use chrono::Utc;

use super::{
    Done,
    args::{CheckArgs, JudgingArgs, StoreArgs},
    conclude::{self, Conclusion},
    exit::{Exit, Failure, fail},
    notify::Telling,
    pipeline::{Kept, Reading},
    report,
    terminal::Terminal,
};
use crate::{
    findings::WAIVER_UNUSED,
    notify::Reach,
    plan_input::{self, NOWHERE, Place, Planned},
};

/// A plan larger than this is none: the largest ones known have a hundredth of it.
const LARGEST: u64 = 1 << 30;

pub(crate) fn run(args: &CheckArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let targets = report::targets(&args.outputs, None)?;
    if args.outputs.outputs.iter().any(|asked| asked.bundle().is_some()) {
        return fail(Exit::Usage, "what is planned is no evidence of what is there: leave the bundle out");
    }
    if let Some(path) = args.baseline.as_deref().filter(|path| !path.is_file()) {
        let path = path.display();
        return fail(Exit::Usage, format!("cannot read the baseline {path}: name a JSON report of an earlier check"));
    }
    let mut config = conclude::settings(&args.config, &args.policy, None, terminal)?;
    // What is only planned was seen by no log, and is no news.
    config.evidence.files.clear();
    config.notify.clear();
    // Waivers are about what is there; that a plan does not need one says nothing of it.
    config.rules.disable.push(WAIVER_UNUSED.id.to_owned());
    let judging = JudgingArgs {
        evidence_files: Vec::new(),
        policy: args.policy.clone(),
        baseline: args.baseline.as_ref().map(|path| path.display().to_string()),
    };
    let conclusion = Conclusion::new(&judging, &StoreArgs { store: None }, None, targets, config, terminal)?;
    let planned = planned(args)?;
    let nothing = if planned.resources == 0 { ": there is nothing to judge" } else { "" };
    terminal.notice(&format!(
        "resources in the plan: {}; of types that say what is exposed, or to whom: {}{nothing}",
        planned.resources, planned.looked_at
    ));
    let reading =
        Reading { inventory: planned.inventory, api_calls: 0, retries: 0, kept: Kept::default(), ended: None };
    let telling = Telling { reach: Reach::ThisMachine, from_snapshot: true };
    Ok(conclusion.conclude(reading, None, telling)?.done)
}

fn planned(args: &CheckArgs) -> Result<Planned, Failure> {
    let place = Place {
        account_id: args.account.as_deref().unwrap_or(NOWHERE).into(),
        region_id: args.region.as_deref().unwrap_or(NOWHERE).into(),
    };
    let told = |error: anyhow::Error| Failure {
        exit: Exit::Usage,
        error: error.context(format!("cannot judge the plan {}", name(&args.plan))),
    };
    let text = text(&args.plan).map_err(|error| told(error.into()))?;
    plan_input::read(&text, &place, Utc::now()).map_err(|error| told(error.into()))
}

fn name(path: &Path) -> String {
    if path == Path::new("-") { "on standard input".to_owned() } else { path.display().to_string() }
}

fn text(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(LARGEST + 1).read_to_end(&mut text)?
    } else {
        if path.is_dir() {
            return Err(io::Error::other("it is a folder; name the file that `terraform show -json` was written to"));
        }
        File::open(path)?.take(LARGEST + 1).read_to_end(&mut text)?
    };
    if read as u64 > LARGEST {
        return Err(io::Error::other("it is larger than 1 GiB; is it what `terraform show -json` printed?"));
    }
    Ok(text)
}
