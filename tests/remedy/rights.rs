//! What a role is assumed for: the plan, and what is open beside it.

use std::fs;

use serde_json::json;

use super::{stage::Stage, world};

/// The newest session's policy.
fn policy(stage: &Stage) -> String {
    let assumed = stage.server.journal().into_iter().rev().find(|entry| entry.action == "AssumeRole").unwrap();
    assumed.params["Policy"].clone()
}

/// A case that soaks is carried on by whoever changes something next, and may need its way back then.
#[test]
fn a_session_covers_what_is_open_beside_its_plan() {
    let mut world = world::logged();
    world["accounts"][0]["roles"] = json!(["remedy"]);
    let stage = Stage::new(&world);
    let text = fs::read_to_string(stage.path("portcullis.yaml")).unwrap();
    let role = format!("accounts: [{{role_arn: 'acs:ram::{}:role/remedy'}}]\n", world::ACCOUNT);
    fs::write(stage.path("portcullis.yaml"), text + &role).unwrap();
    stage.plan(vec![world::cluster_api_server()]);
    let first = stage.apply(&[]);
    assert_eq!(first.code, 0, "{first:#?}");
    let cluster = format!("acs:cs:{}:{}:cluster/c2api", world::REGION, world::ACCOUNT);
    let held = policy(&stage);
    assert!(held.contains(&cluster) && !held.contains("ModifyPilotEipResource"), "{held}");
    stage.plan_called("second", vec![world::pilot()], chrono::Utc::now() - chrono::TimeDelta::minutes(1));
    let second = stage.reach(&["apply", "second.json", "--approval", "second.json.sig"]);
    assert_eq!(second.code, 0, "{second:#?}");
    let held = policy(&stage);
    for part in ["servicemesh:ModifyPilotEipResource", "cs:ModifyCluster", &cluster, "eip/eip-api", "eip/eip-pilot"] {
        assert!(held.contains(part), "{part}: {held}");
    }
}
