//! What a session that changes something may do: the reads of a scan, the writes of its plan, and those that the open cases of
//! the account may need, which are carried on before anything is begun.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{apply, verify::row_of};
use crate::{
    cli::{connect::Rights, desk::Desk, exit::Failure, policy},
    model::AccountId,
    remediate::{Action, Change, Endpoint, Plan},
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

/// The actions that something is open about in an account, whoever began them.
pub(super) async fn open_actions(desk: &Desk, account: &AccountId) -> Result<Vec<Action>, Failure> {
    let mut open = Vec::new();
    for target in apply::account(desk, account).await?.pending().into_keys() {
        open.extend(row_of(desk, &target).await?.open.map(|case| case.opened.action));
    }
    Ok(open)
}

/// For one plan, and for what is open beside it: their writes, on their resources where the product can tell them apart.
pub(super) fn of_plan(plan: &Plan, beside: &[Action]) -> Rights {
    let mut open = BTreeSet::new();
    let (mut clusters, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    for action in plan.actions.iter().map(AsRef::as_ref).chain(beside) {
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
        held.push(json!({"Effect": "Allow", "Action": more_reads(), "Resource": "*"}));
        held.extend(statements);
    }
    policy.to_string()
}

/// What is read beside what a scan reads, of the products whose reads a scan's session names one by one.
fn more_reads() -> Vec<String> {
    let scanned: BTreeSet<String> = scan::permissions().into_iter().map(|permission| permission.action).collect();
    let by_name = |action: &String| ["cs:", "servicemesh:"].iter().any(|product| action.starts_with(product));
    policy::remediation_reads().into_iter().filter(|action| by_name(action) && !scanned.contains(action)).collect()
}

/// 2 to 64 of what the token service takes.
fn session_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "@.-_=".contains(c) { c } else { '-' };
    let name: String = text.chars().map(plain).take(64).collect();
    if name.len() < 2 { "portcullis".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use super::*;
    use crate::{
        model::EipId,
        remediate::{CloudTime, Limits, Mode, Target},
    };

    fn action(endpoint: Endpoint, eip: &str) -> Action {
        Action {
            intent: eip.to_owned(),
            target: Target { account: ACCOUNT.into(), region: "cn-shanghai".into(), endpoint },
            change: Change::Unbind { eip: EipId::from(eip), address: "203.0.113.8".to_owned() },
            load_balancer: "lb-1".into(),
            clusters: Vec::new(),
            evidence: Vec::new(),
            environment: "dev".to_owned(),
            group: "group".to_owned(),
            canary: false,
        }
    }

    const ACCOUNT: &str = "1000000000000001";

    fn plan(action: Action) -> Plan {
        Plan {
            id: "plan".to_owned(),
            account: ACCOUNT.into(),
            not_before: CloudTime(0),
            expires: CloudTime(1),
            mode: Mode::Attended,
            limits: Limits { per_run: 1, per_day: 1, per_environment: BTreeMap::new() },
            actions: vec![Arc::new(action)],
        }
    }

    /// A case that soaks may need its way back, and its insurance taken away, while another plan is carried out.
    #[test]
    fn what_is_open_beside_the_plan_may_be_taken_back() {
        let plan = plan(action(Endpoint::Pilot("c0mesh".into()), "eip-pilot"));
        let cluster = "acs:cs:cn-shanghai:1000000000000001:cluster/c2api";
        let alone = of_plan(&plan, &[]).policy;
        assert!(!alone.contains("cs:ModifyCluster") && !alone.contains("eip-api"), "{alone}");
        let both = of_plan(&plan, &[action(Endpoint::ClusterApiServer("c2api".into()), "eip-api")]).policy;
        for part in ["cs:ModifyCluster", cluster, "eip/eip-api", "eip/eip-pilot", "ModifyPilotEipResource"] {
            assert!(both.contains(part), "{part}: {both}");
        }
        assert!(both.len() <= LONGEST, "{}", both.len());
    }

    #[test]
    fn a_session_for_anything_fits() {
        let rights = of_whatever_is_open("verify");
        assert!(rights.policy.len() <= LONGEST, "{}", rights.policy.len());
        for action in ALL {
            assert!(rights.policy.contains(action), "{action}");
        }
        assert!(rights.policy.contains("InvokeApiServer"), "what a scan is denied, a change is denied too");
    }

    /// Whatever the errand, its session may make every read that its role may.
    #[test]
    fn a_session_may_read_what_the_guards_go_by() {
        let allows = |policy: &Value, action: &str| {
            let statements = policy["Statement"].as_array().expect("a list").iter();
            let allowed = statements.filter(|one| one["Effect"] == "Allow");
            let mut patterns = allowed.flat_map(|one| one["Action"].as_array().expect("a list"));
            patterns.any(|pattern| {
                let pattern = pattern.as_str().expect("text");
                pattern.strip_suffix('*').map_or(pattern == action, |start| action.starts_with(start))
            })
        };
        let plan = plan(action(Endpoint::Pilot("c0mesh".into()), "eip-pilot"));
        for rights in [of_plan(&plan, &[]), of_whatever_is_open("verify")] {
            assert!(rights.policy.len() <= LONGEST, "{}", rights.policy.len());
            let policy: Value = serde_json::from_str(&rights.policy).expect("it is JSON");
            for read in policy::remediation_reads() {
                assert!(allows(&policy, &read), "{read}: {policy}");
            }
        }
    }

    #[test]
    fn names_are_what_the_token_service_takes() {
        assert_eq!(session_name("plan 1/ü"), "plan-1--");
        assert_eq!(session_name(""), "portcullis");
        assert_eq!(session_name(&"x".repeat(100)).len(), 64);
    }
}
