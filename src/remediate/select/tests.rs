//! Saying nothing selects nothing, and what goes into one plan, in which order.

use super::*;
use crate::{
    model::{AccountId, Endpoint, RegionId, ResourceKind},
    remediate::{Change, Target, document::Proof},
};

fn names(words: &[(Dimension, &str)]) -> Names {
    let mut names = Names::default();
    for (dimension, word) in words {
        names.0.entry(*dimension).or_default().insert((*word).to_owned());
    }
    names
}

fn pilot() -> Names {
    names(&[
        (Dimension::Endpoint, "1/cn-hangzhou/mesh/m1/istio-pilot"),
        (Dimension::Endpoint, "m1/istio-pilot"),
        (Dimension::Resource, "m1"),
        (Dimension::Account, "1"),
        (Dimension::Region, "cn-hangzhou"),
        (Dimension::Kind, "istio-pilot"),
        (Dimension::Action, "unbind"),
        (Dimension::Finding, "v1:0123456789"),
        (Dimension::Environment, "dev"),
    ])
}

fn only(dimension: Dimension, words: &[&str]) -> Selector {
    Selector::default().only(dimension, words.iter().map(|word| (*word).to_owned()))
}

/// Every dimension absent or empty, with and without *everything*: 2^8 of each. Alone *everything*, with nothing that says
/// less, is something.
#[test]
fn every_set_of_absent_and_empty_selectors_selects_nothing() {
    let mut looked_at = 0;
    for set in 0..1u32 << Dimension::ALL.len() {
        for base in [Selector::default(), Selector::everything()] {
            let empty = Dimension::ALL.iter().enumerate().filter(|(at, _)| set & 1 << at != 0).map(|(_, one)| *one);
            let selector = empty.fold(base.clone(), |selector, one| selector.only(one, []));
            let is_everything = set == 0 && base == Selector::everything();
            assert_eq!(selector.picks(&pilot()), is_everything, "{selector:?}");
            assert_eq!(selector.picks_but_for_action(&pilot()), is_everything, "{selector:?}");
            assert_eq!(selector.means_nothing(), !is_everything, "{selector:?}");
            looked_at += 1;
        }
    }
    assert_eq!(looked_at, 512);
}

/// One dimension that says something does not rescue one that is empty.
#[test]
fn an_empty_selector_beside_a_good_one_selects_nothing() {
    for good in Dimension::ALL {
        for empty in Dimension::ALL.into_iter().filter(|one| *one != good) {
            let selector = only(good, &["m1", "1", "dev", "unbind"]).only(empty, []);
            assert!(!selector.picks(&pilot()) && selector.means_nothing(), "{good:?} {empty:?}");
        }
    }
}

#[test]
fn every_dimension_that_is_spoken_of_has_to_agree() {
    for (dimension, word) in [
        (Dimension::Endpoint, "1/cn-hangzhou/mesh/m1/istio-pilot"),
        (Dimension::Endpoint, "m1/istio-pilot"),
        (Dimension::Resource, "m1"),
        (Dimension::Account, "1"),
        (Dimension::Region, "cn-hangzhou"),
        (Dimension::Kind, "istio-pilot"),
        (Dimension::Action, "unbind"),
        (Dimension::Finding, "v1:01234567"),
        (Dimension::Environment, "dev"),
    ] {
        assert!(only(dimension, &[word]).picks(&pilot()), "{word}");
        assert!(only(dimension, &["other", word]).picks(&pilot()), "one of several: {word}");
        assert!(
            !only(dimension, &[word]).only(Dimension::Region, ["eu-central-1".to_owned()]).picks(&pilot())
                || dimension == Dimension::Region
        );
        let beginning = &word[..word.len() - 1];
        let is_prefix_known = dimension == Dimension::Finding;
        assert_eq!(only(dimension, &[beginning]).picks(&pilot()), is_prefix_known, "a part is no name: {beginning}");
        assert!(!only(dimension, &[""]).picks(&pilot()), "{dimension:?}");
    }
    let fenced = only(Dimension::Resource, &["m1"]).only(Dimension::Action, ["fence".to_owned()]);
    assert!(!fenced.picks(&pilot()) && fenced.picks_but_for_action(&pilot()));
}

#[test]
fn words_that_nothing_has_are_told() {
    let selector = only(Dimension::Resource, &["m1", "m9"]).only(Dimension::Region, ["cn-hangzou".to_owned()]);
    let strangers = selector.strangers([&pilot()].into_iter());
    assert_eq!(strangers, [(Dimension::Resource, "m9".to_owned()), (Dimension::Region, "cn-hangzou".to_owned())]);
}

#[test]
fn the_environment_is_the_tags() {
    let production = ["prod".to_owned()].into();
    let of = |tags: &[(&str, &str)]| {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        environment(&tags, "env", &production)
    };
    assert_eq!(of(&[]), UNTAGGED);
    assert_eq!(of(&[("env", " ")]), UNTAGGED);
    assert_eq!(of(&[("other", "prod")]), UNTAGGED);
    assert_eq!(of(&[("Env", " Prod ")]), "prod");
    assert_eq!(of(&[("env", "dev"), ("ENV", "prod")]), "prod", "two that disagree: the one that needs more care");
}

fn candidate(resource: &str, environment: &str, group: &str) -> Candidate {
    let judged = Endpoint {
        account_id: AccountId::from("1"),
        region_id: RegionId::from("cn-hangzhou"),
        resource_kind: ResourceKind::Mesh,
        resource_id: resource.to_owned(),
        kind: EndpointKind::IstioPilot,
    };
    Candidate {
        name: String::new(),
        proposal: Proposal {
            target: Target::of(&judged),
            change: Change::Unbind { eip: "eip-1".into(), address: "203.0.113.7".to_owned() },
            load_balancer: "lb-1".into(),
            clusters: Vec::new(),
            findings: Vec::new(),
            proof: Proof { digest: "sha256:1".to_owned(), text: vec!["because".to_owned()] },
        },
        environment: environment.to_owned(),
        group: group.to_owned(),
    }
}

#[test]
fn the_lowest_environment_comes_first_and_the_first_is_the_canary() {
    let order = ["dev", "test", "prod"].map(str::to_owned);
    let all = vec![
        candidate("m1", "prod", "m1"),
        candidate("m2", UNTAGGED, "m2"),
        candidate("m3", "test", "m3"),
        candidate("m4", "dev", "m4"),
        candidate("m0", "prod", "m0"),
    ];
    let (ordered, left) = arrange(all, &order);
    let owners: Vec<&str> = ordered.iter().map(|one| one.proposal.target.endpoint.owner()).collect();
    assert_eq!(owners, ["m4", "m3", "m0", "m1", "m2"]);
    assert!(left.is_empty());
    let (planned, left) = actions(ordered, "plan-1", "sha256:snapshot");
    assert!(left.is_empty());
    let canaries: Vec<bool> = planned.iter().map(|one| one.canary).collect();
    assert_eq!(canaries, [true, false, false, false, false]);
    let intents: Vec<&str> = planned.iter().map(|one| one.action.intent.as_str()).collect();
    assert_eq!(intents, ["plan-1-01", "plan-1-02", "plan-1-03", "plan-1-04", "plan-1-05"]);
    assert_eq!(planned[0].action.evidence, ["sha256:1", "sha256:snapshot"]);
}

#[test]
fn of_a_group_there_is_one() {
    let (ordered, left) = arrange(vec![candidate("m2", "dev", "m1"), candidate("m1", "dev", "m1")], &[]);
    assert_eq!(ordered.len(), 1);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].endpoint_id, "1/cn-hangzhou/mesh/m2/istio-pilot");
    assert!(left[0].reasons[0].until.contains("25 hours"));
}

#[test]
fn a_mesh_and_its_clusters_hang_together() {
    let mut groups = Groups::default();
    groups.join("m2", "c1");
    groups.join("m1", "c2");
    assert_eq!(groups.name("c1"), groups.name("m2"));
    assert_ne!(groups.name("c1"), groups.name("c2"));
    assert_eq!(groups.name("c9"), "c9");
    groups.join("m1", "c1");
    for id in ["m1", "m2", "c1", "c2"] {
        assert_eq!(groups.name(id), groups.name("m1"), "{id}");
    }
}
