//! Golden texts of one plan in every form, with names that a terminal, Markdown or a chat would obey. `PORTCULLIS_BLESS=1`
//! writes them anew.

use std::{fs, path::Path};

use super::*;
use crate::remediate::{LeftOut, document, document::Reason};

/// What a resource may be called by somebody who means harm.
const HOSTILE: &str = "\u{1b}[2J<b>`x`|[y](http://evil.test) @all\u{202e}";

fn plan() -> Document {
    let mut plan = document::tests::document();
    plan.actions[1].name = HOSTILE.to_owned();
    plan.ticket = format!("CAB-1234 {HOSTILE}");
    plan.left_out = vec![LeftOut {
        endpoint_id: "1000000000000001/cn-hangzhou/cluster/k1/cluster-api-server".to_owned(),
        name: HOSTILE.to_owned(),
        reasons: vec![
            Reason {
                why: "k1 is tagged `portcullis:protect`".to_owned(),
                until: "its owner takes the tag away".to_owned(),
            },
            Reason {
                why: "its state is updating, not running".to_owned(),
                until: "a new scan sees it running".to_owned(),
            },
        ],
    }];
    plan
}

fn draft(means_nothing: bool) -> Draft {
    Draft {
        candidates: Vec::new(),
        left_out: Vec::new(),
        possible: vec![("1000000000000001/cn-hangzhou/mesh/m1/istio-pilot".to_owned(), "unbind")],
        strangers: Vec::new(),
        account: "1000000000000001".into(),
        means_nothing,
    }
}

fn check(name: &str, came: &[u8]) {
    let golden = Path::new("src/cli/plan/golden").join(name);
    if env::var_os("PORTCULLIS_BLESS").is_some() {
        fs::write(&golden, came).expect("it can be written");
    }
    let wanted = fs::read(&golden).unwrap_or_default();
    assert_eq!(String::from_utf8_lossy(came), String::from_utf8_lossy(&wanted), "{name}");
}

#[test]
fn every_form_is_as_it_was_agreed() {
    let (document, draft) = (plan(), draft(false));
    let cautions =
        vec!["There is no change window: nothing is changed before `remediation.windows` has one.".to_owned()];
    let page = Page { document: &document, draft: &draft, cautions };
    let (mut wide, mut narrow, mut marked) = (Vec::new(), Vec::new(), Vec::new());
    text::write(&page, &mut wide, &Options::default()).expect("it can be written");
    text::write(&page, &mut narrow, &Options { width: Some(80), color: false }).expect("it can be written");
    markdown::write(&page, &mut marked).expect("it can be written");
    check("plan.txt", &wide);
    check("plan-80.txt", &narrow);
    check("plan.md", &marked);
    check("plan.json", &document.to_bytes());
    let json = document.to_bytes();
    for bytes in [&wide, &narrow, &marked, &json] {
        let text = String::from_utf8_lossy(bytes);
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    }
    let marked = String::from_utf8_lossy(&marked);
    assert!(!marked.contains("<b>") && !marked.contains("[y](") && !marked.contains("@all"), "{marked}");
}

#[test]
fn a_plan_of_nothing_says_what_there_could_be() {
    let mut document = plan();
    document.actions.clear();
    document.left_out.clear();
    let draft = draft(true);
    let page = Page { document: &document, draft: &draft, cautions: Vec::new() };
    let mut out = Vec::new();
    text::write(&page, &mut out, &Options { width: Some(80), color: false }).expect("it can be written");
    check("nothing.txt", &out);
}

/// A decision that changes makes another policy, and where things are kept does not.
#[test]
fn the_digest_of_the_policy_is_about_decisions() {
    let digest = |text: &str| {
        let config = config::parse("c", text.as_bytes(), Path::new("/a"), &|_| None).expect("it is well made");
        policy_digest(&config).unwrap_or_else(|failure| panic!("{:#}", failure.error))
    };
    let plain = digest("version: 1\n");
    for same in [
        "version: 1\nstore: {url: \"sqlite:other.db\"}\n",
        "version: 1\nremediation: {lease: {kill_file: STOP}}\n",
        "version: 1\nfail_on: high\n",
        "version: 1\nremediation: {budgets: {per_run: 1}}\n",
        "version: 1\nremediation: {windows: [{zone: UTC, days: [mon], from: \"10:00\", to: \"11:00\"}]}\n",
        "version: 1\nremediation: {approvers: [{name: a, public_key: \"ed25519:/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=\"}]}\n",
    ] {
        assert_eq!(digest(same), plain, "{same}");
    }
    for other in [
        "version: 1\ntrusted: [203.0.113.0/24]\n",
        "version: 1\nregions: [cn-hangzhou]\n",
        "version: 1\nconsumers: {c1: [{name: ci, vpc_id: vpc-1}]}\n",
        "version: 1\nremediation: {environments: {tag: stage}}\n",
        "version: 1\nrules: {disable: [stale-exposure]}\n",
    ] {
        assert_ne!(digest(other), plain, "{other}");
    }
}
