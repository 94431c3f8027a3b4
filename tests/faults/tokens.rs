//! A session token that expires in the middle of a scan: one that can be renewed is, once; what is
//! left of a scan whose token cannot be renewed is unknown.

use std::sync::Arc;

use portcullis::cloud::{
    client::Account,
    credential::{Credentials, Provider, RoleToAssume, StaticProvider, assume_role},
};
use serde_json::{Value, json};

use crate::{
    harness::{Case, Cloud, block_on, fault, judge_as},
    standing::Standing,
};

/// A scan with a role's session; the fault kills its token at the first detail of a cluster.
fn cloud(faults: Value) -> Cloud {
    let mut document = Case::named("token-expires").document;
    document["accounts"][0]["roles"] = json!(["portcullis-audit"]);
    document["faults"] = faults;
    Cloud::start(&document)
}

fn session(cloud: &Cloud) -> Arc<dyn Provider> {
    let role = RoleToAssume::new("acs:ram::1000000000000001:role/portcullis-audit".to_owned());
    assume_role(&cloud.client, Arc::new(cloud.provider()), role).unwrap()
}

fn calls(cloud: &Cloud, action: &str) -> usize {
    cloud.server.journal().iter().filter(|entry| entry.action == action).count()
}

#[test]
fn a_token_that_can_be_renewed_is_renewed_once_and_nothing_is_lost() {
    let calm = cloud(json!([]));
    let before = block_on(judge_as(&calm, Account::new("role", session(&calm)), &[])).unwrap();
    assert_eq!(before.said.exit, 1);
    assert_eq!(calls(&calm, "AssumeRole"), 1);

    let cloud = cloud(json!([fault("DescribeClusterDetail", "expired-token", 1)]));
    let after = block_on(judge_as(&cloud, Account::new("role", session(&cloud)), &[])).unwrap();
    assert!(cloud.server.journal().iter().any(|entry| entry.code == "InvalidSecurityToken.Expired"));
    assert_eq!(after.said, before.said);
    assert_eq!(calls(&cloud, "AssumeRole"), 2);
}

#[test]
fn a_token_that_cannot_be_renewed_leaves_the_rest_unknown() {
    let calm = cloud(json!([]));
    let before = block_on(judge_as(&calm, Account::new("role", session(&calm)), &[])).unwrap();

    let cloud = cloud(json!([fault("DescribeClusterDetail", "expired-token", 1)]));
    let after = block_on(async {
        let held = session(&cloud).credentials().await.unwrap();
        let credentials = Credentials {
            access_key_id: held.access_key_id.clone(),
            access_key_secret: held.access_key_secret.clone(),
            security_token: held.security_token.clone(),
            expiration: held.expiration,
        };
        let provider = StaticProvider::new("a token from the environment", credentials);
        judge_as(&cloud, Account::new("token", Arc::new(provider)), &[]).await.unwrap()
    });
    let (before, standing) = (Standing::of(&before.report), Standing::of(&after.report));
    assert_eq!(standing.better_than(&before), [""; 0]);
    assert!(standing.has_new_gap(&before));
    assert!(matches!(after.said.exit, 3 | 4), "exit {}", after.said.exit);
    // No detail came; a cluster that was not listed before the token died is behind a page that did not come.
    let missing = |action: &str| after.said.gaps.iter().filter(|gap| gap.contains(action)).count();
    let listed = after.said.endpoints.len();
    assert!(listed > 0);
    assert_eq!(missing("DescribeClusterDetail"), listed);
    assert!(listed == 2 || missing("DescribeClustersV1") > 0, "{:?}", after.said.gaps);
}
