//! The least-privilege policies: for the identity that scans, for the one that closes, and for the one that takes back what
//! was closed on a cluster.
//!
//! Closing and opening a cluster's API server are one action; a condition tells them apart, so that who closes cannot open.
//! The actions of Service Mesh have neither such a condition nor resources.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use serde_json::{Value, json};

use crate::{
    cloud::{
        api::{
            cs, servicemesh, slb,
            write::{self, OPERATIONS},
        },
        request::Product,
    },
    config::Config,
    scan::{self, Permission},
};

/// Whose policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
    /// Reads what a scan reads.
    Scan,
    /// Reads what remediation reads, and closes.
    Remediate,
    /// Binds the EIP of a cluster's API server again, beside `remediate` and while a change is being taken back.
    Rollback,
}

/// What a scan never needs and a later, wider grant must not give it.
const NEVER_SCANNED: [&str; 9] = [
    "servicemesh:DescribeServiceMeshKubeconfig",
    "servicemesh:InvokeApiServer",
    "servicemesh:Modify*",
    "servicemesh:Update*",
    "cs:DescribeClusterUserKubeconfig",
    "cs:DescribeClusterV2UserKubeconfig",
    "cs:Modify*",
    "vpc:ReleaseEipAddress",
    "vpc:UnassociateEipAddress",
];

/// What remediation never does, whatever else its role is granted: hand out or revoke the key of a cluster, lose an
/// address, delete, or grant.
const NEVER_REMEDIATED: [&str; 10] = [
    "ram:*",
    "vpc:ReleaseEipAddress",
    "vpc:UnassociateEipAddress",
    "servicemesh:Delete*",
    "servicemesh:RevokeKubeconfig",
    "servicemesh:DescribeServiceMeshKubeconfig",
    "servicemesh:InvokeApiServer",
    "cs:Delete*",
    "cs:DescribeClusterUserKubeconfig",
    "cs:DescribeClusterV2UserKubeconfig",
];

/// Writes the policy of a role; where there is an organization, that of a scan is for the identity that lists it. Its roles
/// need the first statement and the last.
pub(crate) fn write(role: Role, config: &Config, out: &mut dyn Write) -> io::Result<()> {
    let statements = match role {
        Role::Scan => scan_statements(config.organization.is_some()),
        Role::Remediate => remediate_statements(),
        Role::Rollback => rollback_statements(),
    };
    serde_json::to_writer_pretty(&mut *out, &json!({"Version": "1", "Statement": statements}))?;
    writeln!(out)
}

fn scan_statements(has_organization: bool) -> Vec<Value> {
    let names = |permissions: Vec<Permission>| permissions.into_iter().map(|permission| permission.action).collect();
    let mut statements = vec![allow(names(scan::permissions()), "*", json!({}))];
    if has_organization {
        statements.push(allow(names(scan::organization_permissions()), "*", json!({})));
    }
    statements.push(deny(&NEVER_SCANNED));
    statements
}

fn remediate_statements() -> Vec<Value> {
    let writes_of = |product: Product| -> Vec<String> {
        OPERATIONS.iter().filter(|known| known.product() == product).map(|known| known.ram_action()).collect()
    };
    let closes = json!({"cs:EnableApiServerEip": "false"});
    vec![
        allow(remediation_reads(), "*", json!({})),
        // Neither of the two knows resources.
        allow(writes_of(Product::Servicemesh), "*", json!({})),
        allow(writes_of(Product::Cs), CLUSTERS, closes),
        allow(writes_of(Product::Vpc), "acs:vpc:*:*:eip/*", json!({})),
        allow(writes_of(Product::Slb), "*", json!({})),
        deny(&NEVER_REMEDIATED),
    ]
}

fn rollback_statements() -> Vec<Value> {
    let mut opens =
        allow(vec![write::cs::MODIFY_CLUSTER.ram_action()], CLUSTERS, json!({"cs:EnableApiServerEip": "true"}));
    // To be narrowed to the EIPs of the plan.
    opens["Condition"]["StringLike"] = json!({"cs:ApiServerEipId": "eip-*"});
    vec![opens, deny(&NEVER_REMEDIATED)]
}

/// To be narrowed to the region, account and clusters that may be changed.
const CLUSTERS: &str = "acs:cs:*:*:cluster/*";

/// What a scan reads, and what tells whether a change was made and was left alone.
pub(super) fn remediation_reads() -> Vec<String> {
    let more = [
        cs::DESCRIBE_CLUSTER_TASKS,
        servicemesh::DESCRIBE_SERVICE_MESH_PROXY_STATUS,
        slb::DESCRIBE_ACCESS_CONTROL_LISTS,
        slb::DESCRIBE_LOAD_BALANCER_TCP_LISTENER_ATTRIBUTE,
    ];
    let scanned = scan::permissions().into_iter().map(|permission| permission.action);
    let all: BTreeSet<String> = scanned.chain(more.iter().map(|operation| operation.ram_action())).collect();
    all.into_iter().collect()
}

/// What remediation changes with.
pub(super) fn remediation_writes() -> Vec<String> {
    OPERATIONS.iter().map(|operation| operation.ram_action()).collect()
}

/// Over HTTPS, and under further conditions on flags.
fn allow(actions: Vec<String>, resource: &str, flags: Value) -> Value {
    let mut condition = json!({"Bool": {"acs:SecureTransport": "true"}});
    for (key, value) in flags.as_object().into_iter().flatten() {
        condition["Bool"][key] = value.clone();
    }
    json!({"Effect": "Allow", "Action": actions, "Resource": resource, "Condition": condition})
}

fn deny(actions: &[&str]) -> Value {
    json!({"Effect": "Deny", "Action": actions, "Resource": "*"})
}
