//! Evidence from logs: asked for on the command line or in the configuration, kept in snapshots, and
//! read from files.

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::scratch::{Run, Sandbox, Scratch};

const WORLD: &str = include_str!("../../src/sandbox/worlds/cluster-acl-field/world.json");
const CLUSTER: &str = "c24aaaaaaaaaaaaaaaaaaaaaaaaaaaa01";

/// Five minutes more, as a log is delivered late: a record of this second may be after the window.
fn hours_ago(hours: i64) -> String {
    (Utc::now() - TimeDelta::hours(hours) - TimeDelta::minutes(5)).timestamp().to_string()
}

fn request(source: &str, user: &str, hours: i64) -> Value {
    json!({"__time__": hours_ago(hours), "stage": "ResponseComplete", "sourceIPs": format!("[\"{source}\"]"), "user.username": user,
        "userAgent": "kubectl", "responseStatus.code": "200"})
}

/// The audit log: a node all the time, and alice from the internet.
fn audit() -> Vec<Value> {
    let node = (0..30 * 24).map(|hours| request("10.0.0.20", "system:node:n1", hours));
    node.chain([request("198.51.100.20", "alice", 48)]).collect()
}

/// A world with an exposed cluster, its audit log, and who bound its EIP.
fn world() -> String {
    let mut world: Value = serde_json::from_str(WORLD).expect("a world is JSON");
    let at = (Utc::now() - TimeDelta::days(5)).to_rfc3339_opts(SecondsFormat::Secs, true);
    world["accounts"][0]["sls"] = json!({"logs": {format!("k8s-log-{CLUSTER}/audit-{CLUSTER}"): audit()}});
    world["accounts"][0]["actiontrail"] = json!({"events": [{"eventId": "E-7", "eventName": "ModifyCluster", "eventTime": at,
        "acsRegion": "cn-hangzhou", "sourceIpAddress": "198.51.100.30", "userIdentity": {"type": "ram-user", "userName": "carol"},
        "requestParameterJson": json!({"ClusterId": CLUSTER, "api_server_eip": true, "api_server_eip_id": "eip-m"}).to_string()}]});
    world.to_string()
}

fn endpoint(run: &Run) -> Value {
    let report = run.json();
    let all = report["endpoints"].as_array().expect("a list").clone();
    all.into_iter().find(|one| one["exposure"] == "exposed").expect("one is exposed")
}

#[test]
fn a_scan_with_evidence_says_who_uses_an_api_server_and_who_bound_its_eip() {
    let scratch = Scratch::new();
    scratch.write("world.json", &world());
    let run = scratch.expect(
        1,
        &[
            "scan",
            "--sandbox",
            "world.json",
            "--evidence",
            "--save",
            "snapshot",
            "-o",
            "json=report.json",
            "-o",
            "json",
        ],
    );
    let seen = endpoint(&run);
    assert_eq!(seen["bound_by"]["user"], "carol");
    assert_eq!(seen["bound_by"]["event_name"], "ModifyCluster");
    assert_eq!(seen["staleness"]["verdict"], "required");
    assert_eq!(seen["staleness"]["proposed_allowlist"], json!(["198.51.100.20/32"]));
    assert_eq!(seen["staleness"]["incomplete_logs"], json!([]));
    let text = scratch.expect(0, &["explain", CLUSTER, "--run", "report.json"]).stdout;
    assert!(text.contains("carol at ") && text.contains("event E-7"), "{text}");
    let again = scratch.expect(1, &["scan", "--from", "snapshot", "--no-store", "-o", "json"]);
    assert_eq!(endpoint(&again), seen);
}

/// Operations on logs that a scan asked.
fn asked(scratch: &Scratch, arguments: &[&str]) -> Vec<String> {
    let sandbox = Sandbox::start(scratch, "world.json");
    let output = sandbox.command(scratch, &[&["scan", "--no-store"], arguments].concat()).output();
    let run = Run::from(output.expect("the program starts"));
    assert_eq!(run.code, 1, "{}", run.stderr);
    let operations = ["DescribeFlowLogs", "GetClusterAuditProject", "GetLogsV2", "LookupEvents"];
    let journal = scratch.read("journal.jsonl");
    operations.into_iter().filter(|name| journal.contains(&format!("\"{name}\""))).map(str::to_owned).collect()
}

#[test]
fn logs_are_read_where_the_command_line_or_the_configuration_says_so() {
    let all = ["GetClusterAuditProject", "GetLogsV2", "LookupEvents"];
    for (evidence, arguments, expected) in [
        ("{}", &[][..], &[][..]),
        ("{}", &["--evidence"], &all),
        ("{audit_logs: always}", &[], &all),
        ("{audit_logs: never}", &["--evidence"], &all[2..]),
        ("{flow_logs: never, audit_logs: never}", &[], &[]),
    ] {
        let scratch = Scratch::new();
        scratch.write("world.json", &world());
        scratch.write("portcullis.yaml", &format!("version: 1\nevidence: {evidence}\n"));
        assert_eq!(asked(&scratch, arguments), expected, "{evidence} {arguments:?}");
    }
}

/// Two hours of silence of a server that never rests: who came then is in no log.
#[test]
fn a_hole_in_a_log_is_in_the_report() {
    let scratch = Scratch::new();
    let records = audit().into_iter().enumerate().filter(|(hours, _)| !(200..202).contains(hours));
    let lines: String = records.map(|(_, record)| format!("{record}\n")).collect();
    let name = format!("audit-{CLUSTER}.jsonl");
    scratch.write(&name, &lines);
    let scan = ["scan", "--sandbox", "cluster-acl-field", "--no-store", "--evidence-file", &name];
    let seen = endpoint(&scratch.expect(1, &[&scan[..], &["-o", "json", "-o", "json=report.json"]].concat()));
    assert_eq!(seen["staleness"]["proposal_complete"], false);
    let told = seen["staleness"]["incomplete_logs"][0].as_str().expect("one log").to_owned();
    assert!(told.contains(CLUSTER) && told.contains("no record from 20"), "{told}");
    let text = scratch.expect(0, &["explain", CLUSTER, "--run", "report.json"]).stdout;
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&text).contains(&words(&told[told.find("no record").expect("it is told")..])), "{text}");
}

#[test]
fn exported_logs_count_as_read_ones_do() {
    let scratch = Scratch::new();
    let lines: String = audit().iter().map(|record| format!("{record}\n")).collect();
    let name = format!("audit-{CLUSTER}.jsonl");
    scratch.write(&name, &lines);
    let arguments = ["scan", "--sandbox", "cluster-acl-field", "--no-store", "-o", "json"];
    let from_option = scratch.expect(1, &[&arguments[..], &["--evidence-file", &name]].concat());
    assert_eq!(endpoint(&from_option)["staleness"]["verdict"], "required");
    scratch.write("portcullis.yaml", &format!("version: 1\nevidence: {{files: [{name}]}}\n"));
    let from_configuration = scratch.expect(1, &arguments);
    assert_eq!(endpoint(&from_configuration)["staleness"], endpoint(&from_option)["staleness"]);
}

#[test]
fn a_log_that_is_not_understood_is_refused_before_anybody_is_asked() {
    let scratch = Scratch::new();
    scratch
        .write("flows.csv", "srcaddr,dstaddr,dstport,bytes,start,end,action\n198.51.100.1,nobody,15012,1,1,2,ACCEPT\n");
    for (arguments, told) in [
        (&["--evidence-file", "flows.csv"][..], &["flows.csv", "line 2", "dstaddr"][..]),
        (&["--evidence-file", "missing.csv"], &["missing.csv"]),
        (&["--evidence", "--from", "snapshot"], &["--evidence", "--from"]),
    ] {
        let run = scratch.expect(2, &[&["scan", "--no-store"], arguments].concat());
        assert!(told.iter().all(|part| run.stderr.contains(part)), "{}", run.stderr);
    }
    let scan = ["scan", "--sandbox", "empty", "--no-store", "--evidence-file", "audit-c9.jsonl"];
    scratch.write("audit-c9.jsonl", "");
    assert!(scratch.expect(0, &scan).stderr.contains("c9"), "a file of nobody's is told");
}
