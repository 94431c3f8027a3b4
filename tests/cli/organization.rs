//! `organization` of the configuration: which accounts of a resource directory are scanned, as whom, and what is
//! said of those that are not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::scratch::{Run, Sandbox, Scratch};

const MANAGEMENT: &str = "1000000000000001";

/// A managing account and three members in two folders, each with a public cluster and nothing in front of it.
fn world() -> Value {
    let member = |id: &str, folder: &str, tag: &str| {
        json!({"AccountId": id, "DisplayName": id, "FolderId": folder, "Status": "CreateSuccess", "Type": "CloudAccount",
            "ResourceDirectoryPath": format!("rd-1/r-1/fd-top/{folder}/{id}"), "Tags": {"Tag": [{"Key": "env", "Value": tag}]}})
    };
    let mut accounts: Vec<Value> = (1..=4).map(account).collect();
    accounts[0]["access_keys"] = json!([{"access_key_id": "testid", "access_key_secret": "testsecret"}]);
    accounts[0]["resourcedirectory"] = json!({"accounts": [
        member("1000000000000002", "fd-a", "prod"), member("1000000000000003", "fd-b", "prod"),
        member("1000000000000004", "fd-b", "dev")]});
    json!({"world": "portcullis.world/v1", "accounts": accounts})
}

fn account(number: usize) -> Value {
    let (cluster, balancer) = (format!("c{number}"), format!("lb-{number}"));
    let address = format!("203.0.113.{number}");
    json!({
        "account_id": format!("100000000000000{number}"), "roles": ["audit"], "regions": ["cn-hangzhou"],
        "cs": {
            "clusters": [{"cluster_id": cluster, "name": cluster, "region_id": "cn-hangzhou", "state": "running", "cluster_type": "ManagedKubernetes",
                "profile": "Default", "vpc_id": format!("vpc-{number}"), "vswitch_ids": [format!("vsw-{number}")], "security_group_id": "", "ip_stack": "ipv4",
                "meta_data": "{\"Capabilities\":{\"PublicSLB\":true}}", "external_loadbalancer_id": balancer, "container_cidr": "172.20.0.0/16",
                "master_url": json!({"api_server_endpoint": format!("https://{address}:6443"), "intranet_api_server_endpoint": "https://10.0.0.9:6443"}).to_string()}],
            "resources": {(cluster.as_str()): []},
        },
        "slb": {
            "load_balancers": [{"LoadBalancerId": balancer, "LoadBalancerName": "", "Address": address, "AddressType": "internet", "AddressIPVersion": "ipv4",
                "LoadBalancerStatus": "active", "RegionId": "cn-hangzhou", "NetworkType": "classic", "VpcId": "", "VSwitchId": ""}],
            "listeners": [{"LoadBalancerId": balancer, "ListenerPort": 6443, "ListenerProtocol": "tcp", "Status": "running", "AclStatus": "off", "AclType": "",
                "AclId": "", "AclIds": [], "RegionId": "cn-hangzhou"}],
        },
    })
}

/// Scans the world as the organization says, and expects the code.
fn scan(world: &Value, organization: &str, code: i32) -> (Run, Value) {
    let scratch = Scratch::new();
    scratch.write("world.json", &world.to_string());
    scratch.write("portcullis.yaml", &format!("version: 1\norganization:\n  role_name: audit\n{organization}"));
    let run = scratch.expect(code, &["scan", "--sandbox", "world.json", "--no-store", "-o", "json"]);
    let report = run.json();
    (run, report)
}

/// The clusters that were judged.
fn judged(report: &Value) -> BTreeSet<String> {
    let endpoints = report["endpoints"].as_array().expect("there is a list").iter();
    let id = |endpoint: &Value| endpoint["resource_id"].as_str().expect("it has a resource").to_owned();
    endpoints.map(id).collect()
}

/// Account, operation, resource and state of every gap.
fn gaps(report: &Value) -> BTreeSet<String> {
    let gaps = report["coverage"]["gaps"].as_array().expect("there is a list").iter();
    let word = |gap: &Value, key: &str| gap[key].as_str().unwrap_or_default().to_owned();
    let told = |gap: &Value| ["account_id", "operation", "resource_id", "state"].map(|key| word(gap, key)).join(" ");
    gaps.map(told).collect()
}

fn set<const N: usize>(items: [&str; N]) -> BTreeSet<String> {
    items.into_iter().map(str::to_owned).collect()
}

#[test]
fn every_member_and_the_managing_account_are_scanned() {
    let (_, report) = scan(&world(), "", 1);
    assert_eq!(judged(&report), set(["c1", "c2", "c3", "c4"]));
    assert_eq!(gaps(&report), set([]));
    let callers = report["run"]["caller"].as_array().expect("there are callers");
    let arns: BTreeSet<&str> = callers.iter().filter_map(|caller| caller["arn"].as_str()).collect();
    assert_eq!(
        arns,
        [
            "acs:ram::1000000000000001:user/testid",
            "acs:ram::1000000000000002:assumed-role/audit/portcullis",
            "acs:ram::1000000000000003:assumed-role/audit/portcullis",
            "acs:ram::1000000000000004:assumed-role/audit/portcullis",
        ]
        .into()
    );
}

#[test]
fn accounts_are_picked_by_id_folder_and_tag_and_the_others_are_in_the_ledger() {
    let left_out = |id: &str| format!("{id} GetCallerIdentity  excluded");
    let all = ["1000000000000001", "1000000000000002", "1000000000000003", "1000000000000004"];
    for (picks, clusters) in [
        ("  include: ['1000000000000002', '1000000000000004']\n", &["c2", "c4"][..]),
        ("  include: [fd-b]\n", &["c3", "c4"]),
        ("  include: [fd-top]\n", &["c2", "c3", "c4"]),
        ("  include: [fd-b, '1000000000000001']\n  exclude: ['tag:env=dev']\n", &["c1", "c3"]),
        ("  exclude: ['tag:env']\n", &["c1"]),
        ("  exclude: [fd-a]\n  session_name: nightly\n", &["c1", "c3", "c4"]),
    ] {
        let (_, report) = scan(&world(), picks, 1);
        assert_eq!(judged(&report), clusters.iter().map(|id| (*id).to_owned()).collect(), "{picks}");
        let read = |id: &&str| clusters.contains(&format!("c{}", &id[id.len() - 1..]).as_str());
        assert_eq!(gaps(&report), all.iter().filter(|id| !read(id)).map(|id| left_out(id)).collect(), "{picks}");
        assert_eq!(report["coverage"]["complete"], true, "{picks}");
    }
}

#[test]
fn what_was_included_and_does_not_exist_is_not_taken_for_read() {
    let (_, report) = scan(&world(), "  include: ['1000000000000002', '1000000000000077', fd-none]\n", 4);
    assert_eq!(judged(&report), set(["c2"]));
    let missing = |name: &str| format!("{MANAGEMENT} ListAccounts {name} failed");
    assert!([missing("1000000000000077"), missing("fd-none")].iter().all(|gap| gaps(&report).contains(gap)));
    let (run, _) = scan(&world(), "  exclude: [fd-none]\n", 1);
    assert!(run.stderr.contains("`organization.exclude`, line 4, leaves nothing out: fd-none"), "{}", run.stderr);
}

#[test]
fn an_account_that_is_asked_for_and_not_picked_is_told_why() {
    let asked = |world: &Value, organization: &str, id: &str, code: i32| {
        let scratch = Scratch::new();
        scratch.write("world.json", &world.to_string());
        scratch.write("portcullis.yaml", &format!("version: 1\norganization:\n  role_name: audit\n{organization}"));
        scratch.expect(code, &["scan", "--sandbox", "world.json", "--no-store", "--account", id]).stderr
    };
    let told = asked(&world(), "  exclude: ['1000000000000002']\n", "1000000000000002", 2);
    assert!(told.contains("`organization.exclude`, line 4") && !told.contains("no key leads"), "{told}");
    let picked = "  include: ['1000000000000003', '1000000000000077']\n";
    let told = asked(&world(), picked, "1000000000000002", 2);
    assert!(told.contains("nothing in `organization.include` names it"), "{told}");
    let told = asked(&world(), picked, "1000000000000077", 2);
    assert!(told.contains("the directory has no such account") && !told.contains("could not all be listed"), "{told}");
    // Where the list was refused, it may be one of those that nobody saw.
    let mut refused = world();
    refused["faults"] = json!([{"action": "ListAccounts", "kind": "deny", "times": 0}]);
    let told = asked(&refused, "", "1000000000000077", 5);
    assert!(told.contains("could not all be listed"), "{told}");
}

#[test]
fn an_account_that_is_named_elsewhere_is_not_left_out() {
    let accounts = "accounts:\n  - role_arn: acs:ram::1000000000000003:role/audit\n";
    let scratch = Scratch::new();
    scratch.write("world.json", &world().to_string());
    let settings = format!("version: 1\n{accounts}organization: {{role_name: audit, exclude: [fd-b]}}\n");
    scratch.write("portcullis.yaml", &settings);
    let server = Sandbox::start(&scratch, "world.json");
    let mut command = server.command(&scratch, &["scan", "--no-store", "-o", "json"]);
    let run = Run::from(command.output().expect("the program starts"));
    let report = run.json();
    assert_eq!(judged(&report), set(["c1", "c2", "c3"]), "{}", run.stderr);
    assert_eq!(gaps(&report), set(["1000000000000004 GetCallerIdentity  excluded"]));
}

/// Without the folders above an account's own, nobody knows whether a picked folder holds it.
#[test]
fn a_folder_is_not_picked_by_halves() {
    let mut world = world();
    let members = &mut world["accounts"][0]["resourcedirectory"]["accounts"];
    members[2].as_object_mut().expect("a member").remove("ResourceDirectoryPath");
    let (_, report) = scan(&world, "  include: [fd-b]\n", 4);
    assert!(gaps(&report).contains(&format!("{MANAGEMENT} ListAccounts  failed")), "{:?}", gaps(&report));
    let (_, report) = scan(&world, "  include: ['tag:env=dev']\n", 1);
    assert_eq!(judged(&report), set(["c4"]));
}

#[test]
fn one_account_that_refuses_hides_no_other() {
    let deny = |id: &str| json!({"action": "*", "account_id": id, "kind": "deny", "times": 0});
    let mut denied = world();
    denied["faults"] = json!([deny("1000000000000003")]);
    let (_, report) = scan(&denied, "", 4);
    assert!(judged(&report).is_superset(&set(["c1", "c2", "c4"])));
    assert!(gaps(&report).iter().all(|gap| gap.starts_with("1000000000000003 ")), "{:?}", gaps(&report));

    let mut without_role = world();
    without_role["accounts"][2]["roles"] = json!(["another"]);
    let (_, report) = scan(&without_role, "", 4);
    assert_eq!(judged(&report), set(["c1", "c2", "c4"]));
    assert_eq!(gaps(&report), set(["1000000000000003 GetCallerIdentity  failed"]));
}

/// Whichever account of many it is.
#[test]
fn one_denied_account_of_many_hides_no_other() {
    let scratch = Scratch::new();
    scratch.write("portcullis.yaml", "version: 1\norganization: {role_name: portcullis-audit}\n");
    // `PORTCULLIS_ACCOUNTS=1000` for so many of them.
    let all = std::env::var("PORTCULLIS_ACCOUNTS").ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(60);
    let size =
        format!("generated:accounts={all},meshes=0,clusters={all},groups=0,rules=0,eips=0,regions=1,exposed=100");
    for denied in [2, all / 2 + 1, all] {
        let world = format!("{size},denied={denied}");
        let report = scratch.expect(4, &["scan", "--sandbox", &world, "--no-store", "-o", "json"]).json();
        assert_eq!(judged(&report).len() as u64, all - 1, "{denied}");
        let id = format!("{}", 1_000_000_000_000_000_u64 + denied);
        assert!(gaps(&report).iter().all(|gap| gap.starts_with(&id)) && !gaps(&report).is_empty(), "{denied}");
    }
}

#[test]
fn where_the_list_is_refused_the_own_account_is_read_and_the_rest_is_unknown() {
    for action in ["ListAccounts", "GetResourceDirectory"] {
        let mut refused = world();
        refused["faults"] = json!([{"action": action, "kind": "deny", "times": 0}]);
        let (_, report) = scan(&refused, "", 4);
        assert_eq!(judged(&report).contains("c2"), action != "ListAccounts", "{action}");
        // One that is included by its number can be read all the same.
        let (_, report_of_one) = scan(&refused, "  include: ['1000000000000002']\n", 4);
        assert_eq!(judged(&report_of_one), set(["c2"]), "{action}");
        let told = gaps(&report_of_one);
        assert!(told.contains(&format!("{MANAGEMENT} {action}  denied")), "{told:?}");
        assert!(!told.iter().any(|gap| gap.contains("1000000000000002")), "{told:?}");
        assert!(judged(&report).contains("c1"), "{action}");
        assert_eq!(gaps(&report), set([&format!("{MANAGEMENT} {action}  denied")]), "{action}");
    }
}

#[test]
fn an_account_outside_a_directory_says_so() {
    let mut alone = world();
    alone["accounts"][0].as_object_mut().expect("it is an object").remove("resourcedirectory");
    let (run, report) = scan(&alone, "", 4);
    assert_eq!(judged(&report), set(["c1"]));
    assert!(run.stdout.contains("ResourceDirectoryNotInUse"), "{}", run.stdout);
}

/// Found = planted over an organization: every exposed cluster of every account, and no other.
#[test]
fn a_generated_organization_is_scanned_whole() {
    let scratch = Scratch::new();
    scratch.write("portcullis.yaml", "version: 1\norganization: {role_name: portcullis-audit}\n");
    let world = "generated:accounts=7,meshes=9,clusters=40,groups=15,rules=100,eips=20,regions=3,exposed=30";
    let report = scratch.run(&["scan", "--sandbox", world, "--no-store", "-o", "json"]).json();
    let endpoints = report["endpoints"].as_array().expect("there is a list");
    let accounts: BTreeSet<&str> = endpoints.iter().filter_map(|endpoint| endpoint["account_id"].as_str()).collect();
    assert_eq!(accounts.len(), 7);
    assert_eq!(judged(&report).len(), 49);
    assert_eq!(gaps(&report), set([]));
}

#[test]
fn the_settings_say_who_is_scanned() {
    let scratch = Scratch::new();
    scratch.write(
        "portcullis.yaml",
        "version: 1\norganization:\n  role_name: audit\n  external_id: not-to-be-shown\n  include: [fd-a]\n  roots:\n    - profile: main\n    - {profile: abroad, site: international}\n",
    );
    let told = scratch.expect(0, &["doctor", "--config"]).stdout;
    let line = told.lines().find(|line| line.starts_with("organization")).unwrap_or_default();
    for part in [
        "role audit",
        "with an external id",
        "of profile main",
        "of profile abroad at the international site",
        "only [fd-a]",
    ] {
        assert!(line.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("not-to-be-shown"), "{told}");
}

/// Two organizations under one roof: each is listed by a profile of its own, at the hosts of its site, and an account of
/// one is never read with keys of the other.
#[test]
fn profiles_list_an_organization_each_at_their_sites() {
    let mut world = world();
    let mut abroad = [account(5), account(6)];
    abroad[0]["access_keys"] = json!([{"access_key_id": "abroadid", "access_key_secret": "abroadsecret"}]);
    abroad[0]["resourcedirectory"] =
        json!({"accounts": [{"AccountId": "1000000000000006", "Status": "CreateSuccess", "Type": "CloudAccount"}]});
    world["accounts"].as_array_mut().expect("a list").extend(abroad);
    let scratch = Scratch::new();
    scratch.write("world.json", &world.to_string());
    let keys = |name: &str, id: &str, secret: &str| json!({"name": name, "mode": "AK", "access_key_id": id, "access_key_secret": secret, "region_id": "cn-hangzhou"});
    let profiles = json!({"current": "main", "profiles": [keys("main", "testid", "testsecret"), keys("abroad", "abroadid", "abroadsecret")]});
    std::fs::create_dir(scratch.path(".aliyun")).expect("a folder");
    scratch.write(".aliyun/config.json", &profiles.to_string());
    let roots = "  roots:\n    - profile: main\n    - {profile: abroad, site: international}\n";
    scratch.write("portcullis.yaml", &format!("version: 1\norganization:\n  role_name: audit\n{roots}"));
    let server = Sandbox::start(&scratch, "world.json");
    let mut command = server.command(&scratch, &["scan", "--no-store", "-o", "json"]);
    command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_ID").env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    let run = Run::from(command.output().expect("the program starts"));
    let report = run.json();
    assert_eq!(judged(&report), set(["c1", "c2", "c3", "c4", "c5", "c6"]), "{}", run.stderr);
    assert_eq!(gaps(&report), set([]));
    let callers = report["run"]["caller"].as_array().expect("there are callers");
    let arns: Vec<&str> = callers.iter().filter_map(|caller| caller["arn"].as_str()).collect();
    assert!(arns.contains(&"acs:ram::1000000000000005:user/abroadid"), "{arns:?}");
    assert!(arns.contains(&"acs:ram::1000000000000006:assumed-role/audit/portcullis"), "{arns:?}");
    let journal = scratch.read("journal.jsonl");
    let calls: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let listed = calls.iter().filter(|call| call["action"] == "ListAccounts");
    let by: BTreeSet<_> = listed.map(|call| (call["account_id"].as_str(), call["host"].as_str())).collect();
    let expected = [
        (Some(MANAGEMENT), Some("resourcedirectory.aliyuncs.com")),
        (Some("1000000000000005"), Some("resourcedirectory-intl.aliyuncs.com")),
    ];
    assert_eq!(by, expected.into());
}

#[test]
fn doctor_says_what_the_lister_needs_and_what_every_member_answers() {
    let scratch = Scratch::new();
    scratch.write("world.json", &world().to_string());
    scratch.write("portcullis.yaml", "version: 1\norganization: {role_name: audit}\n");
    let told = scratch.expect(0, &["doctor", "--sandbox", "world.json"]).stdout;
    assert_eq!(told.matches("Account  10000000000000").count(), 4, "{told}");
    let answers: Vec<&str> = told.lines().filter(|line| line.starts_with("resourcemanager:")).collect();
    assert_eq!(answers.len(), 2, "{told}");
    assert!(answers.iter().all(|line| line.trim_end().ends_with("yes")), "{answers:?}");
    let policy = scratch.expect(0, &["doctor", "--policy"]).json();
    assert_eq!(
        policy["Statement"][1]["Action"],
        json!(["resourcemanager:GetResourceDirectory", "resourcemanager:ListAccounts", "sts:AssumeRole"])
    );
}

/// A world whose clusters, with everything in their VPCs, belong to another account than its meshes.
fn split(world: &str) -> Value {
    let mut world: Value = serde_json::from_str(world).expect("a shipped world");
    let mesh_side = world["accounts"][0].clone();
    let mut cluster_side = mesh_side.clone();
    let own = mesh_side["account_id"].as_str().expect("it has an id").to_owned();
    let other = "1000000000000002";
    let is_cluster_side = |item: &Value| {
        let vpc = ["VpcId", "vpc_id"].iter().find_map(|key| item[*key].as_str());
        vpc.is_some_and(|vpc| vpc.ends_with("-d"))
    };
    cluster_side["account_id"] = other.into();
    cluster_side["roles"] = json!(["audit"]);
    let fields = cluster_side.as_object_mut().expect("an object");
    fields.remove("access_keys");
    fields.remove("servicemesh");
    for (side, keep) in [(&mut world["accounts"][0], false), (&mut cluster_side, true)] {
        for (product, collections) in
            [("cs", &["clusters"][..]), ("ecs", &["security_groups"]), ("vpc", &["vpcs", "vswitches", "route_tables"])]
        {
            for collection in collections {
                let items = side[product][*collection].as_array_mut().expect("the world has some");
                items.retain(|item| is_cluster_side(item) == keep);
            }
        }
        // A peering is shown to both of its owners.
        for peering in side["vpcpeer"]["connections"].as_array_mut().expect("the world has some") {
            let owner_of = |end: &str| {
                if peering[end]["VpcId"].as_str().is_some_and(|vpc| vpc.ends_with("-d")) { other } else { &own }
            };
            let (requester, accepter) = (owner_of("Vpc").to_owned(), owner_of("AcceptingVpc").to_owned());
            peering["OwnerId"] = json!(requester.parse::<u64>().expect("digits"));
            peering["AcceptingOwnerUid"] = json!(accepter.parse::<u64>().expect("digits"));
        }
    }
    let mesh_only = |fields: &mut Value, product: &str| drop(fields.as_object_mut().map(|map| map.remove(product)));
    mesh_only(&mut cluster_side, "slb");
    cluster_side["vpc"]["eips"] = json!([]);
    world["accounts"][0]["resourcedirectory"] = json!({"accounts": [{"AccountId": other, "Status": "CreateSuccess"}]});
    world["accounts"].as_array_mut().expect("a list").push(cluster_side);
    world
}

/// Need and path of every consumer.
fn consumers(report: &Value) -> BTreeSet<String> {
    let endpoints = report["endpoints"].as_array().expect("there is a list").iter();
    let all = endpoints.flat_map(|endpoint| endpoint["staleness"]["consumers"].as_array().into_iter().flatten());
    all.map(|consumer| format!("{} {} {}", consumer["id"], consumer["need"], consumer["connectivity"])).collect()
}

/// Who owns what decides nothing: the paths between accounts are those within one.
#[test]
fn a_path_is_the_same_whoever_owns_its_ends() {
    let whole = include_str!("../../src/sandbox/worlds/path-peering/world.json");
    let scratch = Scratch::new();
    scratch.write("world.json", whole);
    let within_one = scratch.run(&["scan", "--sandbox", "world.json", "--no-store", "-o", "json"]).json();
    scratch.write("world.json", &split(whole).to_string());
    let alone = scratch.run(&["scan", "--sandbox", "world.json", "--no-store", "-o", "json"]).json();
    scratch.write("portcullis.yaml", "version: 1\norganization: {role_name: audit}\n");
    let together = scratch.run(&["scan", "--sandbox", "world.json", "--no-store", "-o", "json"]).json();
    assert_eq!(consumers(&together), consumers(&within_one));
    assert!(consumers(&within_one).iter().any(|told| told.contains("\"not-needed\" \"connected\"")));
    // Without the other account nobody knows where the clusters are: nothing is stale.
    assert!(consumers(&alone).iter().all(|told| told.contains("\"undetermined\"")), "{:?}", consumers(&alone));
}
