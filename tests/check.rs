//! `portcullis check` against plans in the shape that Terraform 1.9 prints. What each must come to was worked out from the
//! provider's documentation (see `src/plan_input`) before the program was asked.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod published;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use published::Published;
use serde_json::Value;
use tempfile::TempDir;

/// An empty folder to run the program in, where nothing is configured.
struct Scratch(TempDir);

struct Told {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

fn plan(name: &str) -> String {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans").join(name);
    path.with_extension("json").to_str().unwrap().to_owned()
}

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(arguments).current_dir(self.0.path()).env_clear().env("HOME", self.0.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> Told {
        let output = self.command(arguments).stdin(Stdio::null()).output().unwrap();
        Told {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The JSON report of a plan, which must end with the code.
    fn check(&self, code: i32, name: &str, more: &[&str]) -> Value {
        let plan = plan(name);
        let told = self.run(&[&["check", &plan, "-o", "json"], more].concat());
        assert_eq!(told.code, code, "{name} {more:?}\n{}{}", told.stdout, told.stderr);
        let report = told.json();
        assert_eq!(Published::report().complaints(&report), Vec::<String>::new());
        assert_eq!(report["run"]["exit_code"], code);
        report
    }

    fn refused(&self, text: &[u8]) -> String {
        let path = self.0.path().join("plan.json");
        std::fs::write(&path, text).unwrap();
        let told = self.run(&["check", "plan.json"]);
        assert_eq!(told.code, 2, "{}{}", told.stdout, told.stderr);
        assert_eq!(told.stdout, "");
        told.stderr
    }
}

fn list<'a>(report: &'a Value, name: &str) -> &'a [Value] {
    report[name].as_array().unwrap()
}

fn endpoint<'a>(report: &'a Value, resource: &str, kind: &str) -> &'a Value {
    let mut found = list(report, "endpoints").iter().filter(|it| it["resource_id"] == resource && it["kind"] == kind);
    let only = found.next().unwrap_or_else(|| panic!("no {kind} of {resource} in {report:#}"));
    assert!(found.next().is_none());
    only
}

/// Rule, resource and status of all findings.
fn findings(report: &Value) -> Vec<(&str, &str, &str)> {
    list(report, "findings")
        .iter()
        .map(|it| {
            (it["rule_id"].as_str().unwrap(), it["resource_id"].as_str().unwrap(), it["status"].as_str().unwrap())
        })
        .collect()
}

/// Operation, resource and code of all gaps.
fn gaps(report: &Value) -> Vec<(&str, &str, &str)> {
    let gaps = report["coverage"]["gaps"].as_array().unwrap().iter();
    gaps.map(|it| {
        (it["operation"].as_str().unwrap(), it["resource_id"].as_str().unwrap(), it["code"].as_str().unwrap())
    })
    .collect()
}

#[test]
fn a_managed_cluster_is_public_unless_somebody_writes_that_it_is_not() {
    const SHOP: &str = "module.shop.alicloud_cs_managed_kubernetes.this[0]";
    let report = Scratch::new().check(4, "managed-default", &[]);
    assert_eq!(list(&report, "endpoints").len(), 1);
    let shop = endpoint(&report, SHOP, "cluster-api-server");
    assert_eq!(shop["exposure"], "exposed");
    assert_eq!(shop["signs"], serde_json::json!(["public-flag"]));
    assert_eq!(shop["resource_name"], "shop");
    assert_eq!(shop["region_id"], "cn-hangzhou");
    assert_eq!(shop["account_id"], "-");
    // The balancer is made at apply, and its listener's ACL with it.
    assert_eq!(shop["access"][0]["verdict"], "unknown");
    assert_eq!(shop["access"][0]["port"], 6443);
    assert!(findings(&report).contains(&("control-plane-public-eip", SHOP, "open")));
    assert!(findings(&report).contains(&("control-plane-open-to-untrusted", SHOP, "unknown")));
    assert_eq!(gaps(&report), [("alicloud_cs_managed_kubernetes", SHOP, "not-in-plan")]);
    let message = report["coverage"]["gaps"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("slb_internet_enabled is true, which is its default; "), "{message}");
}

#[test]
fn what_is_written_as_private_passes() {
    let report = Scratch::new().check(0, "private", &[]);
    assert_eq!(report["verdict"], "pass");
    assert_eq!(report["summary"]["private"], 5);
    assert_eq!(report["summary"]["endpoints"], 5);
    assert_eq!(findings(&report), []);
    assert_eq!(gaps(&report), []);
    // The provider takes its region from a variable of the root module.
    for endpoint in list(&report, "endpoints") {
        assert_eq!(endpoint["region_id"], "eu-central-1");
    }
    // A serverless cluster is private where nothing is written.
    let jobs = endpoint(&report, "alicloud_cs_serverless_kubernetes.jobs", "cluster-api-server");
    assert_eq!(jobs["exposure"], "private");
}

#[test]
fn both_entrances_of_a_mesh_are_public_where_its_block_says_so() {
    const CORE: &str = "alicloud_service_mesh_service_mesh.core";
    let report = Scratch::new().check(4, "mesh-public", &[]);
    for kind in ["istio-pilot", "mesh-api-server"] {
        let entrance = endpoint(&report, CORE, kind);
        assert_eq!(entrance["exposure"], "exposed");
        assert_eq!(entrance["signs"], serde_json::json!(["public-flag"]));
        assert_eq!(entrance["region_id"], "cn-shanghai");
        assert_eq!(entrance["access"][0]["verdict"], "unknown");
    }
    assert_eq!(list(&report, "endpoints").len(), 2, "a new mesh has no canary pilot");
    assert_eq!(gaps(&report), [("alicloud_service_mesh_service_mesh", CORE, "not-in-plan")]);
    let message = report["coverage"]["gaps"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("api_server_public_eip is true, pilot_public_eip is true; "), "{message}");
}

#[test]
fn what_is_known_only_after_apply_is_unknown() {
    const SILENT: &str = "alicloud_service_mesh_service_mesh.silent";
    const LATER: &str = "alicloud_cs_managed_kubernetes.later";
    let scratch = Scratch::new();
    let report = scratch.check(3, "known-after-apply", &["--region", "cn-beijing", "--account", "1000000000000001"]);
    assert_eq!(report["verdict"], "unknown");
    assert_eq!(report["summary"]["unknown"], 3);
    assert_eq!(endpoint(&report, LATER, "cluster-api-server")["region_id"], "cn-beijing");
    assert_eq!(endpoint(&report, LATER, "cluster-api-server")["account_id"], "1000000000000001");
    let known_later = "known-after-apply";
    assert_eq!(
        gaps(&report),
        [
            ("alicloud_cs_managed_kubernetes", LATER, known_later),
            ("alicloud_service_mesh_service_mesh", SILENT, known_later)
        ]
    );
    let messages: Vec<&str> =
        report["coverage"]["gaps"].as_array().unwrap().iter().map(|gap| gap["message"].as_str().unwrap()).collect();
    assert!(messages[0].starts_with("slb_internet_enabled is known only after apply"), "{messages:?}");
    assert!(messages[1].starts_with("load_balancer is known only after apply"), "{messages:?}");
}

const FENCED: &str = "alicloud_cs_managed_kubernetes.fenced";

#[test]
fn a_security_group_of_another_module_fences_a_network_load_balancer() {
    let scratch = Scratch::new();
    let report = scratch.check(1, "nlb-fenced", &[]);
    let row = &endpoint(&report, FENCED, "cluster-api-server")["access"][0];
    assert_eq!(row["verdict"], "open");
    assert_eq!(row["untrusted"], serde_json::json!(["101.37.12.0/24"]));
    assert_eq!(row["gates"][0]["kind"], "nlb-security-groups");
    assert_eq!(row["gates"][0]["id"], "alicloud_nlb_load_balancer.api");

    let trusted = ["--trusted", "101.37.12.0/24"];
    let report = scratch.check(1, "nlb-fenced", &trusted);
    let fenced = endpoint(&report, FENCED, "cluster-api-server");
    assert_eq!(fenced["exposure"], "exposed");
    assert_eq!(fenced["access"][0]["verdict"], "restricted");
    let severities: Vec<&str> =
        list(&report, "findings").iter().map(|finding| finding["severity"].as_str().unwrap()).collect();
    assert!(severities.iter().all(|severity| ["low", "info"].contains(severity)), "{report:#}");
    // Nobody but the trusted gets in, so that a pipeline may go on.
    scratch.check(0, "nlb-fenced", &[trusted.as_slice(), &["--fail-on", "medium"]].concat());
}

#[test]
fn the_rule_that_makes_the_hole_is_named_by_its_address() {
    let report = Scratch::new().check(1, "nlb-hole", &["--trusted", "101.37.12.0/24"]);
    let row = &endpoint(&report, FENCED, "cluster-api-server")["access"][0];
    assert_eq!(row["verdict"], "open");
    assert_eq!(row["untrusted"], serde_json::json!(["128.0.0.0/1"]));
    let blamed = row["blame"].as_array().unwrap();
    let hole = r#"module.network.module.fence.alicloud_security_group_rule.rules["extra"]"#;
    assert_eq!(blamed.iter().map(|id| id.as_str().unwrap()).collect::<Vec<_>>(), [hole]);
    let open = ("control-plane-open-to-untrusted", FENCED, "open");
    assert!(findings(&report).contains(&open), "{report:#}");
}

#[test]
fn an_acl_and_its_attached_entries_filter_what_an_eip_brings() {
    let scratch = Scratch::new();
    let report = scratch.check(1, "classic-balancers", &["--trusted", "101.37.12.0/24", "100.104.0.0/16"]);
    let classic = endpoint(&report, "alicloud_cs_managed_kubernetes.classic", "cluster-api-server");
    assert_eq!(classic["exposure"], "exposed");
    assert_eq!(classic["signs"], serde_json::json!(["eip-on-load-balancer"]));
    assert_eq!(classic["load_balancer_id"], "alicloud_slb_load_balancer.api");
    assert_eq!(classic["eip_id"], "alicloud_eip_address.api");
    assert_eq!(classic["access"].as_array().unwrap().len(), 1);
    assert_eq!(classic["access"][0]["verdict"], "restricted");
    // The other one looks like an API server, and no cluster names it.
    let stray = ("control-plane-balancer-unclaimed", "alicloud_slb_load_balancer.stray", "open");
    assert!(findings(&report).contains(&stray), "{report:#}");
    assert_eq!(gaps(&report), []);

    let report = scratch.check(1, "classic-balancers", &[]);
    let classic = endpoint(&report, "alicloud_cs_managed_kubernetes.classic", "cluster-api-server");
    assert_eq!(classic["access"][0]["verdict"], "open");
    assert_eq!(classic["access"][0]["untrusted"], serde_json::json!(["100.104.0.0/16", "101.37.12.0/24"]));
}

#[test]
fn an_entry_and_an_association_that_nobody_knows_yet_keep_it_open() {
    let report = Scratch::new().check(4, "classic-later", &["--trusted", "101.37.12.0/24", "100.104.0.0/16"]);
    let classic = endpoint(&report, "alicloud_cs_managed_kubernetes.classic", "cluster-api-server");
    assert_eq!(classic["exposure"], "exposed");
    assert_eq!(classic["access"][0]["verdict"], "unknown");
    assert_eq!(gaps(&report), [("alicloud_eip_association", "alicloud_eip_association.stray", "known-after-apply")]);
}

#[test]
fn a_cluster_that_is_there_is_judged_by_what_the_cloud_said_of_it() {
    let report = Scratch::new().check(4, "existing", &[]);
    let exposure = |name: &str| {
        let address = format!("alicloud_cs_managed_kubernetes.{name}");
        endpoint(&report, &address, "cluster-api-server")["exposure"].as_str().unwrap().to_owned()
    };
    assert_eq!(exposure("quiet"), "private");
    assert_eq!(exposure("bound-by-hand"), "exposed");
    // The provider does not carry the switch out for a cluster that is there.
    assert_eq!(exposure("switched-off"), "unknown");
    assert_eq!(list(&report, "endpoints").len(), 3, "one is destroyed");
    let switched =
        ("alicloud_cs_managed_kubernetes", "alicloud_cs_managed_kubernetes.switched-off", "known-after-apply");
    assert!(gaps(&report).contains(&switched), "{report:#}");
}

#[test]
fn an_eip_that_leads_to_an_api_server_is_found_by_reference() {
    const SIDE: &str = "alicloud_cs_managed_kubernetes.side";
    let report = Scratch::new().check(4, "eip-association", &[]);
    let side = endpoint(&report, SIDE, "cluster-api-server");
    assert_eq!(side["exposure"], "exposed");
    assert_eq!(side["signs"], serde_json::json!(["eip-on-load-balancer"]));
    assert_eq!(side["eip_id"], "alicloud_eip_address.door");
    // A balancer that is not in the plan may be anybody's; a virtual machine is no control plane.
    assert_eq!(
        gaps(&report),
        [
            ("alicloud_cs_managed_kubernetes", SIDE, "not-in-plan"),
            ("alicloud_eip_association", "lb-bp1zzzzzzzzzzzzzzzzz9", "not-in-plan"),
        ]
    );
}

#[test]
fn a_plan_without_anything_of_interest_is_clean_and_says_so() {
    let scratch = Scratch::new();
    let report = scratch.check(0, "nothing", &[]);
    assert_eq!(report["summary"]["endpoints"], 0);
    let told = scratch.run(&["check", &plan("nothing")]);
    assert_eq!(told.code, 0);
    assert!(told.stdout.contains("PASS"), "{}", told.stdout);
}

#[test]
fn what_is_sensitive_is_judged_as_unknown_and_printed_nowhere() {
    let scratch = Scratch::new();
    scratch.check(3, "sensitive", &[]);
    for format in ["table", "json", "jsonl", "csv", "csv-endpoints", "sarif", "ocsf", "html", "junit", "markdown"] {
        let told = scratch.run(&["check", &plan("sensitive"), "-o", format]);
        assert_eq!(told.code, 3);
        assert!(!format!("{}{}", told.stdout, told.stderr).contains("s3cr3t"), "{format}: {}", told.stdout);
    }
}

#[test]
fn a_state_is_judged_as_it_is() {
    let report = Scratch::new().check(4, "state", &[]);
    let live = endpoint(&report, "alicloud_cs_managed_kubernetes.live", "cluster-api-server");
    assert_eq!(live["exposure"], "exposed");
    assert_eq!(live["public_address"], "198.51.100.9");
    assert_eq!(live["region_id"], "-");
}

#[test]
fn a_plan_comes_from_standard_input_too() {
    let scratch = Scratch::new();
    let mut child = scratch
        .command(&["check", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&std::fs::read(plan("private")).unwrap()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
}

#[test]
fn every_format_names_the_terraform_address() {
    let scratch = Scratch::new();
    for format in ["table", "json", "jsonl", "csv", "csv-endpoints", "sarif", "ocsf", "html", "junit", "markdown"] {
        let told = scratch.run(&["check", &plan("managed-default"), "-o", format]);
        assert_eq!(told.code, 4, "{format}");
        let is_there = told.stdout.contains("module.shop.alicloud_cs_managed_kubernetes.this[0]")
            || told.stdout.contains(r"module.shop.alicloud\_cs\_managed\_kubernetes.this\[0\]");
        assert!(is_there, "{format}: {}", told.stdout);
    }
}

#[test]
fn a_waiver_and_an_allowlist_take_terraform_addresses() {
    let scratch = Scratch::new();
    let config =
        format!("version: 1\ntrusted:\n  - cidr: 101.37.12.0/24\n    resources: ['{FENCED}']\nwaivers: waivers.yaml\n");
    std::fs::write(scratch.0.path().join("portcullis.yaml"), config).unwrap();
    let end = chrono::Utc::now().date_naive() + chrono::Days::new(200);
    let waivers = format!(
        "version: 1\nwaivers:\n  - select: {{account: '1000000000000001', region: cn-hangzhou, kind: cluster, resource: \
         '{FENCED}'}}\n    reason: meant\n    owner: me@example.com\n    expires: {end}\n"
    );
    std::fs::write(scratch.0.path().join("waivers.yaml"), waivers).unwrap();
    let report = scratch.check(0, "nlb-fenced", &["--account", "1000000000000001"]);
    assert_eq!(endpoint(&report, FENCED, "cluster-api-server")["access"][0]["verdict"], "restricted");
    assert!(findings(&report).iter().all(|(.., status)| *status == "waived"), "{report:#}");
    // That another plan does not need it is no reason to delete it.
    assert_eq!(findings(&scratch.check(0, "private", &[])), []);
}

#[test]
fn an_earlier_check_is_a_baseline() {
    let scratch = Scratch::new();
    let told = scratch.run(&["check", &plan("nlb-hole"), "-o", "json=before.json"]);
    assert_eq!(told.code, 1, "{}", told.stderr);
    scratch.check(0, "nlb-hole", &["--baseline", "before.json"]);
    let told = scratch.run(&["check", &plan("nlb-hole"), "--baseline", "latest"]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("cannot read the baseline latest"), "{}", told.stderr);
}

#[test]
fn nothing_is_kept_and_nothing_is_written() {
    let scratch = Scratch::new();
    scratch.check(4, "managed-default", &[]);
    assert_eq!(std::fs::read_dir(scratch.0.path()).unwrap().count(), 0);
}

#[test]
fn what_is_no_plan_is_refused_with_what_to_do() {
    let scratch = Scratch::new();
    for (text, said) in [
        (b"".as_slice(), "it is empty"),
        (b"PK\x03\x04tfplan", "binary form"),
        (b"\xff\xfe{\0}\0", "UTF-16"),
        (b"Terraform used the selected providers", "it is no JSON"),
        (b"{\"@level\":\"info\",\"@message\":\"Terraform 1.9.8\"}\n{\"@level\":\"info\"}\n", "terraform plan -json"),
        (b"[]", "it holds no object"),
        (b"{}", "no format_version"),
        (b"{\"version\":4,\"terraform_version\":\"1.9.8\",\"lineage\":\"x\",\"resources\":[]}", "terraform.tfstate"),
        (b"{\"format_version\":\"2.0\"}", "format_version is 2.0"),
        (b"{\"format_version\":\"0.2\"}", "Terraform before 1.1"),
        (b"{\"format_version\":\"1.2\"}", "neither planned_values nor values"),
        (b"\"\xc3\x28\"", "it is no JSON"),
    ] {
        let told = scratch.refused(text);
        assert!(told.contains("cannot judge the plan plan.json"), "{told}");
        assert!(told.contains(said), "{said}: {told}");
        assert!(told.contains("terraform show -json") || told.contains("version of portcullis"), "{told}");
    }
    let deep =
        format!("{{\"format_version\":\"1.2\",\"planned_values\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(scratch.refused(deep.as_bytes()).contains("recursion limit"));
    let told = scratch.run(&["check", "missing.json"]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("cannot judge the plan missing.json"), "{}", told.stderr);
    let told = scratch.run(&["check", "."]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("it is a folder"), "{}", told.stderr);
}

#[test]
fn where_nothing_is_planned_there_is_nothing_to_judge() {
    let scratch = Scratch::new();
    for text in [
        // What is printed of an empty state, and of a plan of an empty configuration.
        r#"{"format_version":"1.0"}"#,
        r#"{"format_version":"1.2","terraform_version":"1.9.8","planned_values":{"root_module":{}},"configuration":{"root_module":{}},"complete":true,"errored":false}"#,
    ] {
        std::fs::write(scratch.0.path().join("plan.json"), text).unwrap();
        let told = scratch.run(&["check", "plan.json", "--output", "json"]);
        assert_eq!(told.code, 0, "{text}: {}", told.stderr);
        let (report, counts) = (told.json(), "resources in the plan: 0;");
        assert_eq!((&report["verdict"], &report["summary"]["endpoints"]), (&"pass".into(), &0.into()), "{text}");
        assert!(told.stderr.contains(counts) && told.stderr.contains("there is nothing to judge"), "{}", told.stderr);
    }
    // What has lost a part, or is the answer of another command.
    for text in [
        r#"{"format_version":"1.0""#,
        r#"{"format_version":"1.1"}"#,
        r#"{"format_version":"1.0","terraform_version":"1.1.0","resource_changes":[]}"#,
        r#"{"format_version":"1.0","provider_schemas":{}}"#,
        r#"{"format_version":"1.0","valid":true,"error_count":0,"warning_count":0,"diagnostics":[]}"#,
        r#"{"format_version":"1.0","schema":"portcullis.report/v1"}"#,
    ] {
        scratch.refused(text.as_bytes());
    }
}

#[test]
fn a_plan_that_contradicts_itself_is_refused() {
    let scratch = Scratch::new();
    let mut twice: Value = serde_json::from_slice(&std::fs::read(plan("nothing")).unwrap()).unwrap();
    let resources = twice["planned_values"]["root_module"]["resources"].as_array_mut().unwrap();
    let first = resources[0].clone();
    resources.push(first);
    assert!(scratch.refused(twice.to_string().as_bytes()).contains("alicloud_vpc.main: it is there twice"));
}

#[test]
fn a_plan_that_is_not_whole_is_unknown() {
    let scratch = Scratch::new();
    for (flag, value) in [("errored", true), ("complete", false)] {
        let mut partial: Value = serde_json::from_slice(&std::fs::read(plan("nothing")).unwrap()).unwrap();
        partial[flag] = Value::Bool(value);
        std::fs::write(scratch.0.path().join("plan.json"), partial.to_string()).unwrap();
        let told = scratch.run(&["check", "plan.json"]);
        assert_eq!(told.code, 3, "{flag}: {}", told.stdout);
    }
}

#[test]
fn a_bundle_of_what_is_only_planned_is_refused() {
    let told = Scratch::new().run(&["check", &plan("nothing"), "-o", "bundle=there"]);
    assert_eq!(told.code, 2);
    assert!(told.stderr.contains("no evidence"), "{}", told.stderr);
}

/// A plan with a part of it replaced.
fn with(name: &str, pointers: &[&str], value: &Value) -> Value {
    let mut changed: Value = serde_json::from_slice(&std::fs::read(plan(name)).unwrap()).unwrap();
    for pointer in pointers {
        *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} of {name}")) = value.clone();
    }
    changed
}

impl Scratch {
    fn check_value(&self, code: i32, plan: &Value) -> Value {
        std::fs::write(self.0.path().join("changed.json"), plan.to_string()).unwrap();
        let told = self.run(&["check", "changed.json", "-o", "json", "--trusted", "101.37.12.0/24"]);
        assert_eq!(told.code, code, "{}{}", told.stdout, told.stderr);
        told.json()
    }
}

#[test]
fn an_id_is_followed_through_variables_and_outputs_of_modules() {
    const SIDE: &str = "module.ack.alicloud_cs_managed_kubernetes.side";
    let report = Scratch::new().check(4, "eip-modules", &[]);
    let side = endpoint(&report, SIDE, "cluster-api-server");
    assert_eq!(side["exposure"], "exposed");
    assert_eq!(side["eip_id"], r#"module.doors[0].module.door["a.b"].alicloud_eip_address.this"#);
    assert_eq!(gaps(&report), [("alicloud_cs_managed_kubernetes", SIDE, "not-in-plan")]);
}

#[test]
fn a_rule_that_may_belong_to_another_group_decides_nothing() {
    const RULES: &str = "/configuration/root_module/module_calls/network/module/module_calls/fence/module/resources/1";
    let scratch = Scratch::new();
    let fenced: Value = serde_json::from_slice(&std::fs::read(plan("nlb-fenced")).unwrap()).unwrap();
    assert_eq!(fenced.pointer(RULES).unwrap()["address"], "alicloud_security_group_rule.rules");
    let references = format!("{RULES}/expressions/security_group_id/references");
    for elsewhere in [
        serde_json::json!(["each.value.group", "each.value"]),
        serde_json::json!(["local.groups"]),
        serde_json::json!([
            "alicloud_security_group.this[0].id",
            "alicloud_security_group.this[0]",
            "data.alicloud_security_groups.all"
        ]),
    ] {
        let report = scratch.check_value(4, &with("nlb-fenced", &[&references], &elsewhere));
        assert_eq!(endpoint(&report, FENCED, "cluster-api-server")["access"][0]["verdict"], "unknown", "{elsewhere}");
    }
}

/// A list that is known after apply may hold, beside the planned resource that it refers to, a constant: that leaves no trace.
#[test]
fn a_list_that_is_known_after_apply_is_not_what_it_refers_to() {
    let first = "/configuration/root_module/resources";
    for (name, kind, argument, one, cluster) in [
        (
            "nlb-fenced",
            "alicloud_nlb_load_balancer",
            "security_group_ids",
            ("alicloud_nlb_load_balancer_security_group_attachment", "security_group_id"),
            FENCED,
        ),
        (
            "classic-balancers",
            "alicloud_slb_listener",
            "acl_ids",
            ("alicloud_slb_listener", "acl_id"),
            "alicloud_cs_managed_kubernetes.classic",
        ),
    ] {
        let mut later: Value = serde_json::from_slice(&std::fs::read(plan(name)).unwrap()).unwrap();
        let mut moved = None;
        let resources = later.pointer_mut(first).unwrap().as_array_mut().unwrap();
        for resource in resources.iter_mut().filter(|resource| resource["type"] == one.0) {
            if let Some(expression) = resource["expressions"].as_object_mut().unwrap().remove(one.1) {
                moved = Some(expression);
            }
        }
        // What was attached stays a resource of the plan, of which nothing is written; it is taken out.
        if kind != one.0 {
            resources.retain(|resource| resource["type"] != one.0);
            for place in ["/planned_values/root_module/resources", "/resource_changes"] {
                let resources = later.pointer_mut(place).unwrap().as_array_mut().unwrap();
                resources.retain(|resource| resource["type"] != one.0);
            }
        }
        let resources = later.pointer_mut(first).unwrap().as_array_mut().unwrap();
        let target = resources.iter_mut().find(|it| it["type"] == kind && it["name"] == "api").unwrap();
        target["expressions"][argument] = moved.unwrap();
        let scratch = Scratch::new();
        std::fs::write(scratch.0.path().join("changed.json"), later.to_string()).unwrap();
        let trusted = ["--trusted", "101.37.12.0/24", "100.104.0.0/16"];
        let told = scratch.run(&[&["check", "changed.json", "-o", "json"], trusted.as_slice()].concat());
        assert_eq!(told.code, 4, "{name}: {}", told.stderr);
        assert_eq!(endpoint(&told.json(), cluster, "cluster-api-server")["access"][0]["verdict"], "unknown", "{name}");
    }
}

/// An EIP in a zone makes a private network balancer public: where none is written there is none, and where one is, it is
/// not nothing for being unknown.
#[test]
fn an_eip_of_a_zone_that_is_not_known_yet_is_not_none() {
    let mut private: Value = serde_json::from_slice(&std::fs::read(plan("nlb-fenced")).unwrap()).unwrap();
    for resource in private["planned_values"]["root_module"]["resources"].as_array_mut().unwrap() {
        if resource["type"] == "alicloud_nlb_load_balancer" {
            resource["values"]["address_type"] = "Intranet".into();
        }
    }
    let about = |plan: &Value| {
        let scratch = Scratch::new();
        std::fs::write(scratch.0.path().join("changed.json"), plan.to_string()).unwrap();
        let report = scratch.run(&["check", "changed.json", "-o", "json"]).json();
        let messages = report["coverage"]["gaps"].as_array().unwrap().iter();
        messages.filter(|gap| gap["message"].to_string().contains("zone_mappings")).count()
    };
    assert_eq!(about(&private), 0);
    let mut zone = private.clone();
    let mut whole = private;
    for change in zone["resource_changes"].as_array_mut().unwrap() {
        if change["type"] == "alicloud_nlb_load_balancer" {
            change["change"]["after_unknown"]["zone_mappings"][0]["allocation_id"] = true.into();
        }
    }
    for resource in zone.pointer_mut("/configuration/root_module/resources").unwrap().as_array_mut().unwrap() {
        if resource["type"] == "alicloud_nlb_load_balancer" {
            resource["expressions"]["zone_mappings"][0]["allocation_id"] =
                serde_json::json!({"references": ["local.eip"]});
        }
    }
    assert_eq!(about(&zone), 1);
    for change in whole["resource_changes"].as_array_mut().unwrap() {
        if change["type"] == "alicloud_nlb_load_balancer" {
            change["change"]["after_unknown"]["zone_mappings"] = true.into();
            change["change"]["after"].as_object_mut().unwrap().remove("zone_mappings");
        }
    }
    for resource in whole["planned_values"]["root_module"]["resources"].as_array_mut().unwrap() {
        if resource["type"] == "alicloud_nlb_load_balancer" {
            resource["values"].as_object_mut().unwrap().remove("zone_mappings");
        }
    }
    assert_eq!(about(&whole), 1);
}

#[test]
fn a_group_that_is_not_in_the_plan_decides_nothing() {
    let mut plan: Value = serde_json::from_slice(&std::fs::read(plan("nlb-fenced")).unwrap()).unwrap();
    for change in plan["resource_changes"].as_array_mut().unwrap() {
        if change["type"] == "alicloud_nlb_load_balancer" {
            let unknown = change["change"]["after_unknown"].as_object_mut().unwrap();
            unknown.remove("security_group_ids").unwrap();
        }
    }
    for resource in plan["planned_values"]["root_module"]["resources"].as_array_mut().unwrap() {
        if resource["type"] == "alicloud_nlb_load_balancer" {
            resource["values"]["security_group_ids"] = serde_json::json!(["sg-bp1yyyyyyyyyyyyyyyyy1"]);
        }
    }
    let report = Scratch::new().check_value(4, &plan);
    let row = &endpoint(&report, FENCED, "cluster-api-server")["access"][0];
    assert_eq!(row["verdict"], "unknown");
    let read = "sg-bp1yyyyyyyyyyyyyyyyy1, module.network.module.fence.alicloud_security_group.this[0]";
    assert_eq!(row["gates"][0]["note"], format!("{read}; sg-bp1yyyyyyyyyyyyyyyyy1 could not be read"));
}

#[test]
fn a_type_that_is_not_judged_makes_the_answer_unknown() {
    let mut fleet: Value = serde_json::from_slice(&std::fs::read(plan("nothing")).unwrap()).unwrap();
    for place in ["/planned_values/root_module/resources/0", "/resource_changes/0"] {
        let resource = fleet.pointer_mut(place).unwrap();
        resource["type"] = "alicloud_ack_one_cluster".into();
        resource["address"] = "alicloud_ack_one_cluster.main".into();
    }
    let report = Scratch::new().check_value(3, &fleet);
    assert_eq!(gaps(&report), [("alicloud_ack_one_cluster", "alicloud_ack_one_cluster.main", "not-read")]);
}

/// What leads from the internet to something private, unless it cannot be a control plane.
#[test]
fn a_way_in_that_is_not_judged_makes_the_answer_unknown() {
    let anycast = "alicloud_eipanycast_anycast_eip_address_attachment";
    for (kind, values, is_judged) in [
        ("alicloud_forward_entry", serde_json::json!({"ip_protocol": "tcp", "internal_port": "6443"}), false),
        ("alicloud_forward_entry", serde_json::json!({"ip_protocol": "any", "internal_port": "any"}), false),
        ("alicloud_forward_entry", serde_json::json!({"ip_protocol": "tcp", "internal_port": "15000/15020"}), false),
        ("alicloud_forward_entry", serde_json::json!({"ip_protocol": "tcp"}), false),
        ("alicloud_forward_entry", serde_json::json!({"ip_protocol": "tcp", "internal_port": "8080"}), true),
        ("alicloud_forward_entry", serde_json::json!({"ip_protocol": "udp", "internal_port": "any"}), true),
        ("alicloud_ga_endpoint_group", serde_json::json!({"endpoint_configurations": [{"type": "SLB"}]}), false),
        (
            "alicloud_ga_endpoint_group",
            serde_json::json!({"endpoint_configurations": [{"type": "ECS"}, {"type": "Domain"}]}),
            false,
        ),
        ("alicloud_ga_endpoint_group", serde_json::json!({}), false),
        ("alicloud_ga_endpoint_group", serde_json::json!({"endpoint_configurations": []}), false),
        ("alicloud_ga_endpoint_group", serde_json::json!({"endpoint_configurations": [{"type": "ECS"}]}), true),
        ("alicloud_ga_basic_endpoint", serde_json::json!({"endpoint_type": "NLB"}), false),
        ("alicloud_ga_basic_endpoint", serde_json::json!({"endpoint_type": "ENI"}), true),
        ("alicloud_ga_basic_endpoint_group", serde_json::json!({"endpoint_type": "SLB"}), false),
        (
            "alicloud_ga_basic_endpoint_group",
            serde_json::json!({"endpoint_type": null, "endpoint_address": null}),
            true,
        ),
        (
            "alicloud_ga_basic_endpoint_group",
            serde_json::json!({"endpoint_type": null, "endpoint_address": "lb-1"}),
            false,
        ),
        ("alicloud_ga_basic_endpoint", serde_json::json!({"endpoint_type": null}), false),
        ("alicloud_ga_custom_routing_endpoint", serde_json::json!({}), false),
        ("alicloud_forward_entry", serde_json::json!({"ip_protocol": "tcp", "internal_port": "65535/1"}), false),
        (anycast, serde_json::json!({"bind_instance_type": "SlbInstance"}), false),
        (anycast, serde_json::json!({"bind_instance_type": "NetworkInterface"}), true),
    ] {
        let mut way: Value = serde_json::from_slice(&std::fs::read(plan("nothing")).unwrap()).unwrap();
        let address = format!("{kind}.main");
        for (place, holds) in
            [("/planned_values/root_module/resources/0", "/values"), ("/resource_changes/0", "/change/after")]
        {
            let resource = way.pointer_mut(place).unwrap();
            resource["type"] = kind.into();
            resource["address"] = address.as_str().into();
            *resource.pointer_mut(holds).unwrap() = values.clone();
        }
        let report = Scratch::new().check_value(if is_judged { 0 } else { 3 }, &way);
        let expected = if is_judged { vec![] } else { vec![(kind, address.as_str(), "not-read")] };
        assert_eq!(gaps(&report), expected, "{kind} {values}");
    }
}

#[test]
fn what_terraform_forgets_without_destroying_it_is_unknown() {
    let mut forgotten: Value = serde_json::from_slice(&std::fs::read(plan("existing")).unwrap()).unwrap();
    let changes = forgotten["resource_changes"].as_array_mut().unwrap();
    changes.retain(|change| change["name"] == "gone");
    changes[0]["change"]["actions"] = serde_json::json!(["forget"]);
    forgotten["planned_values"]["root_module"] = serde_json::json!({});
    // Some versions of Terraform list it without values.
    let mut listed = forgotten.clone();
    listed["planned_values"]["root_module"] = serde_json::json!({"resources": [{
        "address": "alicloud_cs_managed_kubernetes.gone", "mode": "managed", "type": "alicloud_cs_managed_kubernetes",
        "name": "gone"
    }]});
    Scratch::new().check_value(3, &listed);
    let report = Scratch::new().check_value(3, &forgotten);
    assert_eq!(
        gaps(&report),
        [("alicloud_cs_managed_kubernetes", "alicloud_cs_managed_kubernetes.gone", "incomplete-plan")]
    );
}

/// Of a resource of which nothing is known before apply, Terraform prints no `values` at all.
#[test]
fn what_has_no_values_yet_is_unknown_and_does_not_hide_the_rest() {
    const CLUSTER: &str = "alicloud_cs_managed_kubernetes";
    const ADDRESS: &str = "alicloud_cs_managed_kubernetes.api";
    let read = |name: &str| -> Value { serde_json::from_slice(&std::fs::read(plan(name)).unwrap()).unwrap() };
    let without_values = |plan: &mut Value, kind: &str, unknown: Value| {
        let resource = serde_json::json!({
            "address": format!("{kind}.api"), "mode": "managed", "type": kind, "name": "api", "schema_version": 0,
            "provider_name": "registry.terraform.io/hashicorp/null", "sensitive_values": {}
        });
        let mut change = resource.clone();
        change["change"] = serde_json::json!({
            "actions": ["create"], "before": null, "after": {}, "after_unknown": unknown, "before_sensitive": false,
            "after_sensitive": {}
        });
        plan["planned_values"]["root_module"]["resources"].as_array_mut().unwrap().push(resource);
        plan["resource_changes"].as_array_mut().unwrap().push(change);
    };
    let scratch = Scratch::new();
    let mut harmless = read("nothing");
    without_values(&mut harmless, "null_resource", serde_json::json!({"id": true, "triggers": true}));
    assert_eq!(gaps(&scratch.check_value(0, &harmless)), []);

    let mut cluster = read("nothing");
    let all = ["id", "name", "slb_internet_enabled", "connections", "slb_id", "vswitch_ids", "security_group_id"];
    let all: serde_json::Map<String, Value> = all.into_iter().map(|name| (name.to_owned(), true.into())).collect();
    without_values(&mut cluster, CLUSTER, all.into());
    let report = scratch.check_value(3, &cluster);
    assert_eq!(endpoint(&report, ADDRESS, "cluster-api-server")["exposure"], "unknown");

    // Nothing says what becomes of it: it may be anything.
    cluster["resource_changes"].as_array_mut().unwrap().pop();
    let report = scratch.check_value(4, &cluster);
    assert!(gaps(&report).contains(&(CLUSTER, ADDRESS, "incomplete-plan")), "{report:#}");

    let state = serde_json::json!({"format_version": "1.0", "values": cluster["planned_values"]});
    let report = scratch.check_value(4, &state);
    assert!(gaps(&report).contains(&(CLUSTER, ADDRESS, "incomplete-plan")), "{report:#}");
}

#[test]
fn it_says_what_it_looked_at() {
    let told = Scratch::new().run(&["check", &plan("private")]);
    assert!(
        told.stderr.contains("resources in the plan: 6; of types that say what is exposed, or to whom: 6"),
        "{}",
        told.stderr
    );
    let told = Scratch::new().run(&["check", &plan("nothing")]);
    assert!(
        told.stderr.contains("resources in the plan: 1; of types that say what is exposed, or to whom: 0"),
        "{}",
        told.stderr
    );
}

const CLASSIC: &str = "alicloud_cs_managed_kubernetes.classic";

/// The planned and the configured balancers of the cluster of `classic-balancers`.
const CONFIGS: [&str; 2] = ["values/control_plane_endpoints_config", "expressions/control_plane_endpoints_config"];

/// That plan with one more balancer in front of the cluster, which is private and stands first.
fn second_front() -> Value {
    let mut changed: Value = serde_json::from_slice(&std::fs::read(plan("classic-balancers")).unwrap()).unwrap();
    for (list, config) in
        [("/planned_values/root_module/resources", CONFIGS[0]), ("/configuration/root_module/resources", CONFIGS[1])]
    {
        for resource in changed.pointer_mut(list).unwrap().as_array_mut().unwrap() {
            if resource["address"] == CLASSIC {
                let fronts = resource.pointer_mut(&format!("/{config}/0/load_balancers_config")).unwrap();
                let fronts = fronts.as_array_mut().unwrap();
                let first = fronts[0].clone();
                fronts.insert(0, first);
            }
        }
    }
    for change in changed["resource_changes"].as_array_mut().unwrap() {
        if change["address"] == CLASSIC {
            let unknown = &mut change["change"]["after_unknown"]["control_plane_endpoints_config"];
            let unknown = unknown[0]["load_balancers_config"].as_array_mut().unwrap();
            let first = unknown[0].clone();
            unknown.insert(0, first);
        }
    }
    for resource in changed.pointer_mut("/configuration/root_module/resources").unwrap().as_array_mut().unwrap() {
        if resource["address"] == CLASSIC {
            resource["expressions"]["control_plane_endpoints_config"][0]["load_balancers_config"][0]["load_balancer_id"] =
                serde_json::json!({"constant_value": null});
        }
    }
    changed
}

#[test]
fn the_balancer_that_is_public_counts_wherever_it_stands() {
    let report = Scratch::new().check_value(4, &second_front());
    let classic = endpoint(&report, CLASSIC, "cluster-api-server");
    assert_eq!(classic["exposure"], "exposed");
    assert_eq!(classic["load_balancer_id"], "alicloud_slb_load_balancer.api");
}

#[test]
fn a_balancer_that_is_not_in_the_plan_may_be_public() {
    let mut foreign = second_front();
    let resources = foreign.pointer_mut("/planned_values/root_module/resources").unwrap().as_array_mut().unwrap();
    // Without the EIP, nothing but the balancer in another hand is left.
    resources.retain(|resource| resource["type"] != "alicloud_eip_association");
    for resource in resources {
        if resource["address"] == CLASSIC {
            resource["values"]["control_plane_endpoints_config"][0]["load_balancers_config"][0]["load_balancer_id"] =
                "lb-bp1xxxxxxxxxxxxxxxxx1".into();
        }
    }
    let changes = foreign["resource_changes"].as_array_mut().unwrap();
    changes.retain(|change| change["type"] != "alicloud_eip_association");
    for change in changes {
        if change["address"] == CLASSIC {
            let unknown = &mut change["change"]["after_unknown"]["control_plane_endpoints_config"];
            unknown[0]["load_balancers_config"][0].as_object_mut().unwrap().remove("load_balancer_id");
        }
    }
    let report = Scratch::new().check_value(3, &foreign);
    assert_eq!(endpoint(&report, CLASSIC, "cluster-api-server")["exposure"], "unknown");
    assert_eq!(gaps(&report), [("alicloud_cs_managed_kubernetes", CLASSIC, "known-after-apply")]);
}

#[test]
fn modules_that_pass_everything_on_to_everything_are_not_followed_for_ever() {
    // Each module passes both of its variables on in both of those of the next: two to the power of thirty ways.
    let passed = serde_json::json!({"references": ["var.a", "var.b"]});
    let mut module = serde_json::json!({"resources": [{
        "address": "alicloud_eip_association.this", "mode": "managed", "type": "alicloud_eip_association", "name": "this",
        "provider_config_key": "alicloud", "expressions": {"instance_id": passed}
    }]});
    let mut address = String::new();
    for depth in 0..30 {
        module =
            serde_json::json!({"module_calls": {"m": {"expressions": {"a": passed, "b": passed}, "module": module}}});
        address = format!("{address}{}module.m", if depth == 0 { "" } else { "." });
    }
    let resource = format!("{address}.alicloud_eip_association.this");
    let mut planned = serde_json::json!({"address": address, "resources": [{
        "address": resource, "mode": "managed", "type": "alicloud_eip_association", "name": "this", "values": {}
    }]});
    while let Some((parent, _)) = address.rsplit_once(".module.") {
        address = parent.to_owned();
        planned = serde_json::json!({"address": address, "child_modules": [planned]});
    }
    let plan = serde_json::json!({
        "format_version": "1.2", "terraform_version": "1.9.8",
        "planned_values": {"root_module": {"child_modules": [planned]}},
        "resource_changes": [{
            "address": resource, "mode": "managed", "type": "alicloud_eip_association", "name": "this",
            "change": {"actions": ["create"], "before": null, "after": {}, "after_unknown": {"instance_id": true}}
        }],
        "configuration": {"root_module": module}
    });
    let report = Scratch::new().check_value(3, &plan);
    assert_eq!(gaps(&report), [("alicloud_eip_association", resource.as_str(), "known-after-apply")]);
}
