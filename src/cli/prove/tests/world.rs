//! The cloud of the tests of the program, made ready for a signature: what insures the way back is there.

use serde_json::{Value, json};

#[path = "../../../../tests/remedy/cloud.rs"]
mod cloud;

pub(super) use cloud::{ACCOUNT, CLUSTER_API, FAR_EGRESS, MESH_API, PILOT, REGION};

/// Whose tag the EIPs bear.
pub(super) const PLAN: &str = "plan-1";

fn insured(mut world: Value) -> Value {
    for eip in world["accounts"][0]["vpc"]["eips"].as_array_mut().unwrap() {
        eip["DeletionProtection"] = json!(true);
        eip["Tags"] = json!({"Tag": [{"Key": "portcullis:plan", "Value": PLAN}]});
    }
    world
}

/// The world without logs: small, for what does not go by them.
pub(super) fn quiet() -> Value {
    insured(cloud::quiet())
}

/// With audit logs of the API servers.
pub(super) fn logged() -> Value {
    insured(cloud::logged())
}

/// Without the peering: the far cluster needs the pilot in public. A fence's list is made.
pub(super) fn needed() -> Value {
    let mut world = insured(cloud::needed());
    world["accounts"][0]["slb"]["acls"] = json!([{"AclId": "acl-1", "AclName": "portcullis-intent-1", "AddressIPVersion": "ipv4",
        "RegionId": REGION,
        "AclEntrys": {"AclEntry": [{"AclEntryIP": "10.1.0.0/16"}, {"AclEntryIP": format!("{FAR_EGRESS}/32")}]}}]);
    world
}
