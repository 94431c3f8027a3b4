//! What is a plan, and what is none: every byte counts, and nothing readable may differ from what is carried out.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::{
    model::{AclId, EipId, LoadBalancerId, RegionId},
    remediate::{Endpoint, Target},
};

fn target(endpoint: Endpoint) -> Target {
    Target { account: "1000000000000001".into(), region: RegionId::from("cn-hangzhou"), endpoint }
}

fn unbind(intent: &str, endpoint: Endpoint, canary: bool) -> Action {
    Action {
        intent: intent.to_owned(),
        target: target(endpoint),
        change: Change::Unbind { eip: EipId::from("eip-1"), address: "203.0.113.7".to_owned() },
        load_balancer: LoadBalancerId::from("lb-1"),
        clusters: vec!["c1".to_owned()],
        evidence: vec!["sha256:proof".to_owned()],
        environment: "dev".to_owned(),
        group: "m1".to_owned(),
        canary,
    }
}

fn fence(before: AclSetting, entries: usize) -> Action {
    let entries = (0..entries).map(|at| format!("198.51.100.{at}/32")).collect();
    let change = Change::Fence { port: 15011, before, entries };
    Action { change, ..unbind("i2", Endpoint::Pilot("m2".into()), false) }
}

fn planned(action: Action) -> Planned {
    let proof = Proof { digest: "sha256:proof".to_owned(), text: vec!["everybody has a private path".to_owned()] };
    let finding = FindingRef { fingerprint: "v1:ab".to_owned(), rule_id: "stale-exposure".to_owned() };
    Planned::of(action, "plan-1", "mesh one".to_owned(), vec![finding], proof).expect("there are such calls")
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("it is well made").to_utc()
}

pub(crate) fn document() -> Document {
    Document {
        schema: SCHEMA.to_owned(),
        tool_version: TOOL_VERSION.to_owned(),
        tool_digest: "sha256:4".to_owned(),
        id: "plan-1".to_owned(),
        account: "1000000000000001".into(),
        run: RunRef {
            id: "run-1".to_owned(),
            taken_at: at("2026-06-01T00:00:00Z"),
            snapshot_digest: "sha256:1".to_owned(),
            rules_digest: "sha256:2".to_owned(),
        },
        policy_digest: "sha256:3".to_owned(),
        not_before: at("2026-06-01T00:10:00Z"),
        expires: at("2026-06-01T04:10:00Z"),
        planner: Planner { name: "ada".to_owned(), arn: "acs:ram::1000000000000001:user/ada".to_owned() },
        ticket: "CAB-1234".to_owned(),
        actions: vec![planned(unbind("i1", Endpoint::Pilot("m1".into()), true)), planned(fence(AclSetting::off(), 2))],
        left_out: Vec::new(),
        checksum: String::new(),
    }
}

#[test]
fn a_plan_is_read_back() {
    let bytes = document().to_bytes();
    let read = Document::read(&bytes).expect("it is a plan");
    assert_eq!(read.actions, document().actions);
    assert_eq!(read.to_bytes(), bytes);
    let plan = read.plan(Mode::Attended, Limits { per_run: 1, per_day: 1, per_environment: BTreeMap::new() });
    assert_eq!((plan.id.as_str(), plan.actions.len()), ("plan-1", 2));
    assert_eq!((plan.expires.0 - plan.not_before.0) / 1000, 4 * 3600);
}

#[test]
fn every_byte_counts() {
    let bytes = document().to_bytes();
    for position in 0..bytes.len() {
        let flip = [0x01, 0x02, 0x20, 0x80][position % 4];
        let mut changed = bytes.clone();
        changed[position] ^= flip;
        assert!(Document::read(&changed).is_err(), "byte {position} ^ {flip:#x}");
    }
    for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(Document::read(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    for (from, to) in [("\n}\n", "\n}\n\n"), ("\n}\n", "\n}"), ("{\n", "{ \n"), ("\"id\"", "\"more\": 1,\n  \"id\"")] {
        let text = String::from_utf8(bytes.clone()).expect("it is text").replacen(from, to, 1);
        assert!(Document::read(text.as_bytes()).is_err(), "{from:?} as {to:?}");
    }
}

#[test]
fn no_letter_of_a_name_is_obeyed() {
    let mut hostile = document();
    hostile.actions[0].name = "\u{1b}[2J\u{7f}\u{9b}\u{202e}\u{200b}网格\u{1f600}\"\\".to_owned();
    let bytes = hostile.to_bytes();
    assert!(bytes.iter().all(|byte| matches!(byte, b'\n' | b' '..=b'~')));
    assert_eq!(Document::read(&bytes).expect("it is a plan").actions, hostile.actions);
}

/// Who changes a plan and makes its checksum anew still cannot make what is read differ from what is done.
#[test]
fn what_is_readable_is_what_is_done() {
    let forged = |pointer: &str, value: Value| {
        let mut tree = serde_json::to_value(document()).expect("it is JSON");
        *tree.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        let document: Document = serde_json::from_value(tree).unwrap_or_else(|error| panic!("{pointer}: {error}"));
        Document::read(&document.to_bytes())
    };
    let inconsistent = |what| Refused::Inconsistent { intent: "i1".to_owned(), what };
    for (pointer, value, what) in [
        ("/actions/0/kind", json!("fence"), "kind"),
        ("/actions/0/endpoint_id", json!("1000000000000001/cn-hangzhou/mesh/m9/istio-pilot"), "endpoint_id"),
        ("/actions/0/canary", json!(false), "canary"),
        ("/actions/0/budget_class", json!("prod"), "budget_class"),
        ("/actions/0/before", json!("nothing"), "before"),
        ("/actions/0/after", json!("nothing"), "after"),
        ("/actions/0/proof/digest", json!("sha256:other"), "proof"),
        ("/actions/0/proof/text", json!([]), "proof"),
        ("/actions/0/calls/change/0/operation", json!("vpc:ReleaseEipAddress"), "calls"),
        ("/actions/0/calls/change/0/parameters/ServiceMeshId", json!("m9"), "calls"),
        ("/actions/0/calls/inverse", json!([]), "calls"),
        ("/actions/0/action/target/endpoint", json!({"pilot": "m9"}), "endpoint_id"),
        ("/actions/0/action/change/unbind/eip", json!("eip-9"), "before"),
        ("/actions/0/action/environment", json!("prod"), "budget_class"),
        ("/account", json!("1000000000000002"), "account"),
        ("/id", json!("plan-2"), "calls"),
    ] {
        assert_eq!(forged(pointer, value), Err(inconsistent(what)), "{pointer}");
    }
    assert_eq!(forged("/actions", json!([])), Err(Refused::Empty));
    assert_eq!(forged("/expires", json!("2026-06-02T00:10:01Z")), Err(Refused::Span));
    assert!(forged("/expires", json!("2026-06-02T00:10:00Z")).is_ok());
    assert_eq!(forged("/expires", json!("2026-06-01T00:10:00Z")), Err(Refused::Span));
    assert_eq!(
        forged("/schema", json!("portcullis.plan/v2")),
        Err(Refused::Schema { found: "portcullis.plan/v2".into() })
    );
    assert_eq!(forged("/tool_version", json!("9.9.9")), Err(Refused::ToolVersion { found: "9.9.9".to_owned() }));
}

#[test]
fn only_the_first_action_is_the_canary_and_no_endpoint_comes_twice() {
    let mut two = document();
    two.actions.swap(0, 1);
    assert!(matches!(Document::read(&two.to_bytes()), Err(Refused::Inconsistent { what: "canary", .. })));
    let mut same_intent = document();
    same_intent.actions[1] = planned(unbind("i1", Endpoint::Pilot("m9".into()), false));
    assert_eq!(Document::read(&same_intent.to_bytes()), Err(Refused::Twice("i1".to_owned())));
    let mut same_endpoint = document();
    same_endpoint.actions[1] = planned(unbind("i9", Endpoint::Pilot("m1".into()), false));
    assert_eq!(Document::read(&same_endpoint.to_bytes()), Err(Refused::Twice("i9".to_owned())));
}

/// What would be part of lines, tags and names of ours.
#[test]
fn ids_are_words() {
    let with = |id: &str, intent: &str| {
        let mut plan = Document { id: id.to_owned(), ..document() };
        plan.actions[0].action.intent = intent.to_owned();
        Document::read(&plan.to_bytes())
    };
    for wrong in ["", "p\nexit 0: done", "p q", "\u{1b}[2J", &"p".repeat(81)] {
        assert!(matches!(with(wrong, "i1"), Err(Refused::NoWord { what: "id", .. })), "{wrong:?}");
        assert!(matches!(with("plan-1", wrong), Err(Refused::NoWord { what: "intent", .. })), "{wrong:?}");
    }
    assert!(with("plan-1", "i1").is_ok());
}

#[test]
fn what_is_none_is_refused() {
    for text in ["", "{}", "[]", "null", "portcullis", r#"{"schema": 1}"#] {
        assert!(matches!(Document::read(text.as_bytes()), Err(Refused::NotAPlan(_))), "{text}");
    }
    assert_eq!(Document::read(&vec![b' '; LARGEST + 1]), Err(Refused::TooLarge));
    let hostile = Document::read(br#"{"schema": "\u001b[2J\u202e", "tool_version": ""}"#);
    assert_eq!(hostile, Err(Refused::Schema { found: r"\u{1b}[2J\u{202e}".to_owned() }));
}

#[test]
fn it_is_valid_for_a_time_and_an_account() {
    let plan = document();
    let begins = at("2026-06-01T00:10:00Z");
    let ends = at("2026-06-01T04:10:00Z");
    let moment = TimeDelta::milliseconds(1);
    assert_eq!(plan.check_time(begins, begins), Ok(()));
    assert_eq!(plan.check_time(ends - moment, ends - moment), Ok(()));
    assert!(matches!(plan.check_time(begins - moment, begins), Err(Refused::NotYet(_))));
    assert!(matches!(plan.check_time(ends - moment, ends), Err(Refused::Expired(_))));
    assert_eq!(plan.check_account(&"1000000000000001".into()), Ok(()));
    assert!(matches!(plan.check_account(&"1000000000000002".into()), Err(Refused::OtherAccount { .. })));
}

/// Names and parameters by alibaba-api.md 1.5, 2.4, 7.1 and 18.
#[test]
fn calls_are_those_of_the_vendor() {
    let told = |calls: &[crate::remediate::Call]| -> Vec<String> {
        let call = |call: &crate::remediate::Call| {
            let parameters: Vec<String> =
                call.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{} {}", call.operation, parameters.join(" "))
        };
        calls.iter().map(call).collect()
    };
    let of = |endpoint| Calls::of(&unbind("i1", endpoint, true), "plan-1").expect("there are such calls");
    let pilot = of(Endpoint::Pilot("m1".into()));
    assert_eq!(told(&pilot.change), ["servicemesh:ModifyPilotEipResource Operation=UnBindEip ServiceMeshId=m1"]);
    assert_eq!(
        told(&pilot.inverse),
        ["servicemesh:ModifyPilotEipResource EipId=eip-1 Operation=BindEip ServiceMeshId=m1"]
    );
    let token = "(made when it is sent)";
    assert_eq!(
        told(&pilot.prepare),
        [
            format!("vpc:DeletionProtection ClientToken={token} InstanceId=eip-1 ProtectionEnable=true RegionId=cn-hangzhou Type=EIP"),
            "vpc:TagResources RegionId=cn-hangzhou ResourceId.1=eip-1 ResourceType=EIP Tag.1.Key=portcullis:plan Tag.1.Value=plan-1".to_owned(),
        ]
    );
    assert_eq!(pilot.clear.len(), 2);
    let canary = of(Endpoint::CanaryPilot("m1".into()));
    assert_eq!(
        told(&canary.change),
        ["servicemesh:ModifyPilotEipResource IsCanary=true Operation=UnBindEip ServiceMeshId=m1"]
    );
    let api_server = of(Endpoint::MeshApiServer("m1".into()));
    assert_eq!(
        told(&api_server.inverse),
        ["servicemesh:ModifyApiServerEipResource ApiServerEipId=eip-1 Operation=BindEip ServiceMeshId=m1"]
    );
    let cluster = of(Endpoint::ClusterApiServer("c1".into()));
    assert_eq!(told(&cluster.change), [format!("cs:ModifyCluster api_server_eip=false client_token=\"{token}\"")]);
}

#[test]
fn a_fence_makes_a_list_of_its_own_and_gives_back_what_was() {
    let acl = |kind, id: &str| AclSetting { on: true, kind, ids: vec![AclId::from(id)] };
    let calls = |before| Calls::of(&fence(before, 51), "plan-1");
    let off = calls(AclSetting::off()).expect("there are such calls");
    let operations: Vec<&str> = off.prepare.iter().map(|call| call.operation.as_str()).collect();
    assert_eq!(
        operations,
        ["slb:CreateAccessControlList", "slb:AddAccessControlListEntry", "slb:AddAccessControlListEntry"],
        "at most 50 entries a call"
    );
    let set = &off.change[0].parameters;
    assert_eq!(
        (set["AclStatus"].as_str(), set["AclType"].as_str(), set["AclId"].as_str()),
        ("on", "white", "portcullis-i2")
    );
    assert_eq!(off.inverse[0].parameters["AclStatus"], "off");
    let black = calls(acl(AclKind::Black, "acl-1")).expect("there are such calls");
    let back = &black.inverse[0].parameters;
    assert_eq!((back["AclType"].as_str(), back["AclId"].as_str()), ("black", "acl-1"));
    assert_eq!(black.clear[0].operation, "slb:DeleteAccessControlList");
    let several = AclSetting { ids: vec![AclId::from("acl-1"), AclId::from("acl-2")], ..acl(AclKind::White, "") };
    assert_eq!(calls(several), Err(NoSuchCall::AclCount(2)), "what could not be given back is not planned");
}
