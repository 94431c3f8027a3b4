//! Which signatures count: over these bytes, by those who may, by nobody twice, and not by who made the plan.

use super::*;
use crate::{
    remediate::document::{Planned, tests::document},
    seal::SigningKey,
};

struct Desk {
    bytes: Vec<u8>,
    document: Document,
    approvers: Vec<Approver>,
    needed: Needed,
}

fn key() -> SigningKey {
    SigningKey::generate().expect("there is randomness").0
}

fn approver(name: &str, key: &SigningKey) -> Approver {
    Approver { name: name.to_owned(), public_key: key.public_key(), arn: None }
}

impl Desk {
    fn of(approvers: Vec<Approver>) -> Self {
        let document = document();
        let production_environments = ["prod".to_owned()].into();
        let needed = Needed { any: 1, production: 2, production_environments };
        Self { bytes: document.to_bytes(), document, approvers, needed }
    }

    fn sign(&self, key: &SigningKey) -> (String, Vec<u8>) {
        let id = key.public_key().id().to_string();
        (id, Detached::new(PAYLOAD_TYPE, &self.bytes, key).to_json().into_bytes())
    }

    fn count(&self, signatures: &[(String, Vec<u8>)]) -> Votes {
        Votes::count(&self.bytes, &self.document, signatures, &self.approvers, &self.needed)
    }

    fn why(&self, signature: (String, Vec<u8>)) -> String {
        let votes = self.count(&[signature]);
        assert!(!votes.is_enough());
        votes.votes[0].counts.clone().expect_err("it counts")
    }
}

#[test]
fn people_are_counted_and_not_files() {
    let (one, two) = (key(), key());
    let desk = Desk::of(vec![approver("Bo", &one), approver("Cy", &two), approver("bo ", &key())]);
    let (first, second) = (desk.sign(&one), desk.sign(&two));
    assert_eq!(desk.count(&[]).valid(), 0);
    assert!(!desk.count(&[]).is_enough());
    let votes = desk.count(&[first.clone(), first.clone(), second]);
    let told: Vec<_> = votes.votes.iter().map(|vote| vote.counts.is_ok()).collect();
    assert_eq!(told, [true, false, true]);
    assert_eq!((votes.valid(), votes.needed), (2, 1));
}

#[test]
fn a_second_key_of_the_same_person_is_no_second_person() {
    let (one, other) = (key(), key());
    let desk = Desk::of(vec![approver("Bo", &one), approver(" bo", &other)]);
    assert_eq!(desk.count(&[desk.sign(&one), desk.sign(&other)]).valid(), 1);
}

#[test]
fn production_needs_two() {
    let (one, two) = (key(), key());
    let mut desk = Desk::of(vec![approver("Bo", &one), approver("Cy", &two)]);
    for planned in &mut desk.document.actions {
        planned.action.environment = "prod".to_owned();
        *planned = Planned { budget_class: "prod".to_owned(), ..planned.clone() };
    }
    desk.bytes = desk.document.to_bytes();
    Document::read(&desk.bytes).expect("it is a plan");
    assert!(!desk.count(&[desk.sign(&one)]).is_enough());
    assert!(desk.count(&[desk.sign(&one), desk.sign(&two)]).is_enough());
}

/// `ada` planned it, as `acs:ram::1000000000000001:user/ada`.
#[test]
fn nobody_approves_their_own() {
    let own = key();
    for (name, arn) in [("Ada", None), ("someone", Some("acs:ram::1000000000000001:user/ada".to_owned()))] {
        let desk = Desk::of(vec![Approver { arn, ..approver(name, &own) }]);
        assert!(desk.why(desk.sign(&own)).contains("nobody approves their own"), "{name}");
    }
}

#[test]
fn what_does_not_count_says_why() {
    let (known, stranger) = (key(), key());
    let desk = Desk::of(vec![approver("Bo", &known)]);
    assert!(desk.why(desk.sign(&stranger)).contains("not made with any known key"));
    assert!(desk.why(("x".to_owned(), b"{}".to_vec())).contains("no signature"));
    let other_bytes = Detached::new(PAYLOAD_TYPE, b"another plan", &known).to_json().into_bytes();
    assert!(desk.why(("x".to_owned(), other_bytes)).contains("over another file"));
    let other_type = Detached::new("application/json", &desk.bytes, &known).to_json().into_bytes();
    assert!(desk.why(("x".to_owned(), other_type)).contains("something else"));
}

#[test]
fn a_byte_of_the_plan_or_of_the_signature_undoes_it() {
    let known = key();
    let mut desk = Desk::of(vec![approver("Bo", &known)]);
    let signature = desk.sign(&known);
    assert!(desk.count(std::slice::from_ref(&signature)).is_enough());
    let at = signature.1.len() - 10;
    let mut changed = signature.clone();
    changed.1[at] ^= 1;
    assert!(!desk.count(&[changed]).is_enough());
    for position in (0..desk.bytes.len()).step_by(7) {
        desk.bytes[position] ^= 1;
        assert!(!desk.count(std::slice::from_ref(&signature)).is_enough(), "{position}");
        desk.bytes[position] ^= 1;
    }
}
