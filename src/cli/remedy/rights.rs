//! What a session that changes something may do: the reads of a scan, and the writes of its plan.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    cli::connect::Rights,
    remediate::{Change, Endpoint, Plan},
    scan,
};

/// The token service takes no longer one.
const LONGEST: usize = 2048;

/// The shortest that there is: a session ends soon after its errand.
const DURATION_SECONDS: u32 = 900;

/// Every write that there is, in few words.
const ALL: [&str; 6] = [
    "servicemesh:Modify*EipResource",
    "cs:ModifyCluster",
    "vpc:DeletionProtection",
    "vpc:*TagResources",
    "slb:*AccessControlList*",
    "slb:SetLoadBalancerTCPListenerAttribute",
];

/// For one plan: its writes, on its resources where the product can tell them apart.
pub(super) fn of_plan(plan: &Plan) -> Rights {
    let mut open = BTreeSet::new();
    let (mut clusters, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    for action in &plan.actions {
        let (region, account) = (&action.target.region, &plan.account);
        match &action.change {
            Change::Unbind { eip, .. } => {
                addresses.insert(format!("acs:vpc:{region}:{account}:eip/{eip}"));
                match &action.target.endpoint {
                    Endpoint::Pilot(_) | Endpoint::CanaryPilot(_) => {
                        open.insert("servicemesh:ModifyPilotEipResource");
                    }
                    Endpoint::MeshApiServer(_) => {
                        open.insert("servicemesh:ModifyApiServerEipResource");
                    }
                    Endpoint::ClusterApiServer(cluster) => {
                        clusters.insert(format!("acs:cs:{region}:{account}:cluster/{cluster}"));
                    }
                }
            }
            Change::Fence { .. } => {
                open.extend(["slb:*AccessControlList*", "slb:SetLoadBalancerTCPListenerAttribute"]);
            }
        }
    }
    let mut statements = Vec::new();
    let mut allow = |actions: Vec<&str>, resources: Value| {
        statements.push(json!({"Effect": "Allow", "Action": actions, "Resource": resources}));
    };
    if !open.is_empty() {
        allow(open.into_iter().collect(), json!("*"));
    }
    if !clusters.is_empty() {
        allow(vec!["cs:ModifyCluster"], json!(clusters));
    }
    if !addresses.is_empty() {
        allow(vec!["vpc:DeletionProtection", "vpc:*TagResources"], json!(addresses));
    }
    rights(statements, &plan.id)
}

/// For whatever is open: any of the writes.
pub(super) fn of_whatever_is_open(what: &str) -> Rights {
    rights(vec![all()], what)
}

fn all() -> Value {
    json!({"Effect": "Allow", "Action": ALL, "Resource": "*"})
}

fn rights(statements: Vec<Value>, name: &str) -> Rights {
    let mut policy = with(statements);
    if policy.len() > LONGEST {
        // Too many resources to name; the role's own policy names them.
        policy = with(vec![all()]);
    }
    Rights { policy, session_name: session_name(name), duration_seconds: DURATION_SECONDS }
}

fn with(statements: Vec<Value>) -> String {
    let reads = scan::session_policy();
    let Ok(mut policy) = serde_json::from_str::<Value>(&reads) else { return reads };
    if let Some(held) = policy.get_mut("Statement").and_then(Value::as_array_mut) {
        held.extend(statements);
    }
    policy.to_string()
}

/// 2 to 64 of what the token service takes.
fn session_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "@.-_=".contains(c) { c } else { '-' };
    let name: String = text.chars().map(plain).take(64).collect();
    if name.len() < 2 { "portcullis".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_for_anything_fits() {
        let rights = of_whatever_is_open("verify");
        assert!(rights.policy.len() <= LONGEST, "{}", rights.policy.len());
        for action in ALL {
            assert!(rights.policy.contains(action), "{action}");
        }
        assert!(rights.policy.contains("InvokeApiServer"), "what a scan is denied, a change is denied too");
    }

    #[test]
    fn names_are_what_the_token_service_takes() {
        assert_eq!(session_name("plan 1/ü"), "plan-1--");
        assert_eq!(session_name(""), "portcullis");
        assert_eq!(session_name(&"x".repeat(100)).len(), 64);
    }
}
