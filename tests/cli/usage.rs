//! Help, and wrong input of every kind: each gets a message that says what to do, and code 2.

use crate::scratch::{EMPTY_WORLD, OPEN_WORLD, Scratch};

#[test]
fn help_and_version_go_to_stdout() {
    let scratch = Scratch::new();
    for arguments in
        [&["--help"][..], &["scan", "--help"], &["help", "scan"], &["--version"], &["rules", "list", "--help"]]
    {
        let run = scratch.expect(0, arguments);
        assert!(!run.stdout.is_empty() && run.stderr.is_empty(), "{arguments:?}: {}", run.stderr);
    }
    let help = scratch.run(&["scan", "--help"]).stdout;
    for option in
        ["--sandbox", "--endpoint-url", "--trusted", "--from", "--save", "--output", "--fail-on", "--no-store"]
    {
        assert!(help.contains(option), "{option} is not in the help");
    }
}

#[test]
fn a_bundle_is_offered_by_whoever_makes_one_and_nowhere_else() {
    let scratch = Scratch::new();
    scratch.write("plan.json", "{}");
    for command in ["scan", "merge", "report", "check"] {
        let makes_one = command != "check";
        let help = scratch.expect(0, &[command, "--help"]).stdout;
        assert_eq!(help.contains("bundle"), makes_one, "{command}: {help}");
        assert!(help.contains("csv-endpoints") && help.contains("repeatable"), "{command}: {help}");
        // The list of what can be named is that of the help.
        let plan: &[&str] = if makes_one { &[] } else { &["plan.json"] };
        let unknown = scratch.expect(2, &[&[command, "-o", "xml"], plan].concat()).stderr;
        assert!(unknown.contains("csv-endpoints"), "{command}: {unknown}");
        assert_eq!(unknown.contains("bundle=DIR"), makes_one, "{command}: {unknown}");
    }
    let slip = scratch.expect(2, &["report", "-o", "bundel=there"]).stderr;
    assert!(slip.contains("did you mean `bundle=DIR`"), "{slip}");
}

#[test]
fn wrong_arguments_end_with_2_and_advice() {
    let scratch = Scratch::new();
    scratch.write("world.json", EMPTY_WORLD);
    for (arguments, advice) in [
        (&[][..], "Usage"),
        (&["scna"], "scan"),
        (&["scan", "--regoin", "cn-hangzhou"], "--region"),
        (&["scan", "--fail-on", "hihg"], "did you mean `high`"),
        (&["scan", "--fail-on", "low", "--fail-on", "high"], "cannot be used multiple times"),
        (&["scan", "-o", "jsn"], "did you mean `json`"),
        (&["scan", "-o", "xlsx"], "table"),
        (&["scan", "-o", "json="], "empty"),
        (&["scan", "-o", "json", "-o", "csv"], "FORMAT=PATH"),
        (&["scan", "-o", "json=report", "-o", "csv=./report"], "two outputs would go to"),
        (&["scan", "--region", ""], "empty"),
        // Row 63: keys come from the environment, a file or a role, and never from where every process sees them.
        (&["scan", "--access-key-id", "LTAI5tExample"], "unexpected argument"),
        (&["scan", "--access-key-secret", "hunter2"], "unexpected argument"),
        // Row 62: nothing switches the check of certificates off.
        (&["scan", "--insecure"], "unexpected argument"),
        (&["scan", "--no-verify-ssl"], "unexpected argument"),
        (&["scan", "--region", "CN_hangzhou"], "like `cn-hangzhou`"),
        (&["scan", "--region", "cn hangzhou"], "like `cn-hangzhou`"),
        (&["scan", "--account", "12"], "16 digits"),
        (&["scan", "--sandbox", "nowhere"], "demo"),
        (&["scan", "--sandbox", "--endpoint-url", "http://127.0.0.1:1"], "cannot be used with"),
        (&["scan", "--from", "x", "--sandbox"], "cannot be used with"),
        (&["scan", "--sandbox", "world.json", "--region", "cn-hangzou"], "did you mean \"cn-hangzhou\""),
        (&["scan", "--sandbox", "world.json", "--trusted", "0.0.0.0/0"], "everyone"),
        (&["scan", "--sandbox", "world.json", "--trusted", "10.0.0.0/33"], "33"),
        (&["scan", "--sandbox", "world.json", "--trusted", "0.0.0.0/1", "128.0.0.0/1"], "trusted"),
        (&["scan", "--sandbox", "world.json", "--trusted", "@nothing.txt"], "nothing.txt"),
        (&["scan", "--sandbox", "world.json", "--rules", "nowhere"], "nowhere"),
        (&["scan", "--sandbox", "world.json", "--store", "postgres://u:hunter2@h"], "names no database"),
        (&["scan", "--sandbox", "world.json", "--store", "postgres://u@h/d?password=hunter2"], "PGPASSWORD"),
        (&["scan", "-c", "missing.yaml"], "missing.yaml"),
        (&["scan", "--endpoint-url", "http://example.com"], "loopback"),
        (&["scan", "--from", "world.json"], "snapshot"),
        (&["scan", "--sandbox", "world.json", "--shard", "0/3"], "--run"),
        (&["scan", "--sandbox", "world.json", "--run", "nightly"], "--shard"),
        (&["scan", "--sandbox", "world.json", "--wait", "5"], "--shard"),
        (&["scan", "--shard", "0/0", "--run", "x"], "at least one shard"),
        (&["scan", "--shard", "3/3", "--run", "x"], "counted from 0: the last one of 3 is 2/3"),
        (&["scan", "--shard", "0/1001", "--run", "x"], "at most 1000"),
        (&["scan", "--shard", "1", "--run", "x"], "written like `0/3`"),
        (&["scan", "--shard=-1/3", "--run", "x"], "written like `0/3`"),
        (&["scan", "--shard", "+1/3", "--run", "x"], "written like `0/3`"),
        (&["scan", "--shard", "99999999999/3", "--run", "x"], "written like `0/3`"),
        (&["scan", "--shard", "$JOB_COMPLETION_INDEX/3", "--run", "x"], "written like `0/3`"),
        (&["scan", "--shard", "0/3", "--run", ""], "letters, digits"),
        (&["scan", "--shard", "0/3", "--run", "a b"], "letters, digits"),
        (&["scan", "--shard", "0/3", "--run", "x", "-o", "json"], "cannot be used with"),
        (&["scan", "--shard", "0/3", "--run", "x", "--no-store"], "cannot be used with"),
        (&["scan", "--shard", "0/3", "--run", "x", "--trusted", "10.0.0.0/8"], "cannot be used with"),
        (&["merge"], "--run"),
        (&["merge", "--run", "nightly"], "no shard of the run nightly has begun in this store"),
        (&["merge", "--run", "nightly", "--store", "runs.db"], "`runs.db` names no store"),
        (&["report", "nothing"], "portcullis history"),
        (&["report", "nothing.json"], "no report file `nothing.json`"),
        (&["report"], "portcullis scan"),
        (&["diff", "older", "newer"], "no run `older`"),
        (&["rules", "show", "zzz"], "portcullis rules list"),
        (&["report", "world.json"], "not a JSON report"),
        (&["scan", "--sandbox", "world.json", "--store", "runs.db"], "`runs.db` names no store"),
        (&["history", "-n", "0"], "1 or more"),
        (&["diff"], "portcullis scan"),
        (&["history"], "portcullis scan"),
        (&["history", "v1:0"], "fingerprint"),
        (&["rules", "show", "control-plane-open"], "control-plane-open-to-untrusted"),
        (&["access", "missing.json"], "missing.json"),
        (&["access", "."], "folder"),
        (&["path", "missing.json"], "missing.json"),
        (&["completions", "fsh"], "fish"),
        (&["sandbox", "--listen", "0.0.0.0:0"], "loopback"),
        (&["sandbox", "--world", "nowhere"], "demo"),
    ] {
        let run = scratch.expect(2, arguments);
        assert!(run.stderr.contains(advice), "{arguments:?} does not say {advice:?}:\n{}", run.stderr);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
        assert!(run.closing().starts_with("exit 2: "), "{arguments:?}: {}", run.closing());
        assert!(run.stdout.is_empty(), "{arguments:?}: {}", run.stdout);
    }
}

#[test]
fn every_mistake_of_the_configuration_is_told_at_once() {
    let scratch = Scratch::new();
    scratch.write("portcullis.yaml", "version: 1\nregoins: [cn-hangzhou]\nfail_on: worst\n");
    let run = scratch.expect(2, &["scan", "--sandbox", "empty"]);
    for part in ["portcullis.yaml", "regoins", "regions", "worst"] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
}

#[test]
fn a_configured_rule_that_does_not_exist_is_refused() {
    let scratch = Scratch::new();
    scratch.write("portcullis.yaml", "version: 1\nrules:\n  disable: [control-plane-open]\n");
    let run = scratch.expect(2, &["scan", "--sandbox", "empty"]);
    for part in
        ["portcullis.yaml:3:13", "there is no rule `control-plane-open`", "did you mean `control-plane-open-to-"]
    {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }

    // With every other mistake at once; those that the gate itself evaluates are suggested as well.
    let rules =
        "version: 1\nregoins: []\nrules:\n  disable: [control-plane-public-epi]\n  severity: {waiver-unusd: info}\n";
    scratch.write("portcullis.yaml", rules);
    for command in [&["scan", "--sandbox", "empty"][..], &["doctor", "--config"]] {
        let run = scratch.expect(2, command);
        for part in
            ["`regoins`", "there is no rule `control-plane-public-epi`", "did you mean `waiver-unused`", ":5:14"]
        {
            assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
        }
    }
}

#[test]
fn a_rule_of_one_s_own_folder_is_known_wherever_the_folder_is_named() {
    let scratch = Scratch::new();
    let own = include_str!("../../rules/exposure/control-plane-public-eip.yaml")
        .replace("control-plane-public-eip", "my-own-rule");
    std::fs::create_dir(scratch.path("mine")).expect("a folder");
    scratch.write("mine/my-own-rule.yaml", &own);
    scratch.write("portcullis.yaml", "version: 1\nrules:\n  disable: [my-own-rule]\n");
    let run = scratch.expect(2, &["scan", "--sandbox", "empty", "--no-store"]);
    assert!(run.stderr.contains("there is no rule `my-own-rule`"), "{}", run.stderr);
    scratch.expect(0, &["scan", "--sandbox", "empty", "--no-store", "--rules", "mine"]);
    scratch.write("portcullis.yaml", "version: 1\nrules:\n  dirs: [mine]\n  disable: [my-own-rule]\n");
    scratch.expect(0, &["scan", "--sandbox", "empty", "--no-store"]);
}

#[test]
fn a_waiver_for_a_rule_that_does_not_exist_is_refused_at_its_place() {
    let scratch = Scratch::new();
    scratch.write("portcullis.yaml", "version: 1\nwaivers: waivers.yaml\n");
    let ends = (chrono::Utc::now() + chrono::TimeDelta::days(30)).date_naive();
    let waiver = format!(
        "version: 1\nwaivers:\n  - select: {{account: \"1000000000000001\", region: cn-hangzhou, resource: c1, rule: waiver-unusd}}\n    \
         reason: because\n    owner: me\n    expires: {ends}\n"
    );
    scratch.write("waivers.yaml", &waiver);
    let run = scratch.expect(2, &["scan", "--sandbox", "empty"]);
    for part in ["waivers.yaml:3:", "there is no rule `waiver-unusd`", "did you mean `waiver-unused`"] {
        assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
    }
}

#[test]
fn a_question_that_nobody_asked_is_not_answered_in_silence() {
    let scratch = Scratch::new();
    scratch.write("empty.jsonl", "\n");
    for file in ["empty.jsonl", "-"] {
        let run = scratch.expect(0, &["access", file]);
        assert!(run.stdout.is_empty() && run.stderr.contains("no question to answer"), "{file}: {}", run.stderr);
    }
    scratch.write("one.jsonl", "not JSON\n");
    let run = scratch.expect(2, &["access", "one.jsonl"]);
    assert!(run.stderr.contains("1 question was not understood"), "{}", run.stderr);
}

#[test]
fn a_home_that_cannot_be_written_is_told_with_a_way_out() {
    let scratch = Scratch::new();
    scratch.write("data", "a file stands where the folder would be");
    let run = scratch.expect(11, &["scan", "--sandbox", "empty"]);
    assert!(run.stderr.contains("--store sqlite:PATH") && run.stderr.contains("--no-store"), "{}", run.stderr);
    assert!(!run.stdout.is_empty(), "what was read is reported all the same");
    // Nothing is kept there, and nothing is made to read it.
    let run = scratch.expect(2, &["history"]);
    assert!(run.stderr.contains("no run is stored yet") && run.stderr.contains("--store"), "{}", run.stderr);
    scratch.expect(0, &["scan", "--sandbox", "empty", "--no-store"]);
}

#[test]
fn a_drawn_mistake_says_error_once() {
    let scratch = Scratch::new();
    let run = scratch.expect(2, &["scan", "--sandbox", "empty", "--trusted", "10.0.0.0/33"]);
    assert!(run.stderr.starts_with("error: prefix 33 exceeds 32"), "{}", run.stderr);
}

#[test]
fn without_credentials_the_answer_is_5_and_says_what_to_do() {
    let scratch = Scratch::new();
    let run = scratch.expect(5, &["scan"]);
    assert!(run.stderr.contains("ALIBABA_CLOUD_ACCESS_KEY_ID"), "{}", run.stderr);
    assert!(run.stdout.is_empty());
}

#[test]
fn rules_are_listed_shown_and_checked() {
    let scratch = Scratch::new();
    assert!(scratch.expect(0, &["rules", "list"]).stdout.contains("control-plane-open-to-untrusted"));
    let shown = scratch.expect(0, &["rules", "show", "control-plane-open-to-untrusted"]).stdout;
    for part in ["Finds", "Why it matters", "What to do", "Condition", "Examples"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(scratch.expect(0, &["rules", "show", "waiver-expired"]).stdout.contains("expires"));
    assert!(scratch.expect(0, &["rules", "check"]).stdout.contains("all as written"));
    std::fs::create_dir(scratch.path("mine")).expect("a folder");
    scratch.write("mine/broken.yaml", "id: [");
    let run = scratch.expect(2, &["rules", "check", "--rules", "mine"]);
    assert!(run.stderr.contains("broken.yaml"), "{}", run.stderr);
}

#[test]
fn completions_and_the_manual_know_every_command() {
    let scratch = Scratch::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = scratch.expect(0, &["completions", shell]).stdout;
        assert!(script.contains("history") && script.contains("explain") && script.contains("endpoint-url"), "{shell}");
    }
    let manual = scratch.expect(0, &["man"]).stdout;
    assert!(manual.starts_with(".ie") || manual.contains(".TH"), "{manual}");
    assert!(manual.contains("DOCTOR") && manual.contains("EXPLAIN") && manual.contains("endpoint"));
}

#[test]
fn doctor_prints_policy_and_settings_without_asking_anybody() {
    let scratch = Scratch::new();
    let policy = scratch.expect(0, &["doctor", "--policy"]).json();
    let actions = policy["Statement"][0]["Action"].as_array().expect("a list");
    assert!(actions.iter().any(|action| action == "vpc:DescribeEipAddresses"));
    assert!(!policy.to_string().contains("sts:"));
    scratch.write("portcullis.yaml", "version: 1\nfail_on: high\n");
    let settings = scratch.expect(0, &["doctor", "--config"]).stdout;
    assert!(
        settings.lines().any(|line| line.starts_with("fail_on") && line.contains("high") && line.contains("line 2"))
    );
}

/// The line about one permission.
fn line<'t>(text: &'t str, action: &str) -> &'t str {
    text.lines().find(|line| line.starts_with(action)).unwrap_or_else(|| panic!("{action} is not in {text}"))
}

#[test]
fn doctor_says_who_i_am_what_may_be_read_and_the_policy_to_grant() {
    let scratch = Scratch::new();
    scratch.write("world.json", OPEN_WORLD);
    let run = scratch.expect(0, &["doctor", "--sandbox", "world.json"]);
    assert!(
        run.stdout.contains("acs:ram::")
            && run.stdout.contains("Nothing is missing")
            && run.stdout.contains("not asked may still be refused"),
        "{}",
        run.stdout
    );
    assert!(line(&run.stdout, "cs:DescribeClusterDetail").contains("yes"), "{}", run.stdout);
    assert!(line(&run.stdout, "slb:DescribeAccessControlListAttribute").contains("not asked"), "{}", run.stdout);
    let policy = scratch.expect(0, &["doctor", "--policy"]);
    assert!(run.stdout.ends_with(&policy.stdout), "{}", run.stdout);
    for action in policy.json()["Statement"][0]["Action"].as_array().expect("a list") {
        line(&run.stdout, action.as_str().expect("an action"));
    }
}

#[test]
fn doctor_names_every_missing_permission_whatever_it_is_about() {
    let scratch = Scratch::new();
    for (action, permission) in [
        ("DescribeServiceMeshes", "servicemesh:DescribeServiceMeshes"),
        ("DescribeClustersV1", "cs:DescribeClustersV1"),
        ("DescribeClusterDetail", "cs:DescribeClusterDetail"),
        ("DescribeEipAddresses", "vpc:DescribeEipAddresses"),
        ("ListLoadBalancers", "nlb:ListLoadBalancers"),
        ("GetLoadBalancerAttribute", "nlb:GetLoadBalancerAttribute"),
    ] {
        scratch.write("denied.json", &crate::scratch::with_fault(OPEN_WORLD, action, "deny"));
        let run = scratch.expect(3, &["doctor", "--sandbox", "denied.json"]);
        let line = line(&run.stdout, permission);
        assert!(line.contains("no in ") && line.contains("denied (Forbidden.RAM)"), "{line}");
        assert!(run.stdout.contains(&format!("{permission}: the permission is missing")), "{}", run.stdout);
        assert!(!run.stdout.contains("Nothing is missing"), "{}", run.stdout);
    }
    scratch.write("failed.json", &crate::scratch::with_fault(OPEN_WORLD, "ListListeners", "garbage"));
    let run = scratch.expect(3, &["doctor", "--sandbox", "failed.json"]);
    assert!(run.stdout.contains("nlb:ListListeners: the read failed"), "{}", run.stdout);
}

#[test]
fn doctor_looks_at_every_region_and_only_at_the_accounts_that_were_named() {
    let scratch = Scratch::new();
    let run = scratch.expect(3, &["doctor", "--sandbox", "demo"]);
    let eips = line(&run.stdout, "vpc:DescribeEipAddresses");
    assert!(eips.contains("no in cn-shanghai: denied") && eips.contains("2 others could be read"), "{eips}");
    assert!(line(&run.stdout, "slb:DescribeAccessControlListAttribute").contains("no in eu-central-1"));
    let run = scratch.expect(3, &["doctor", "--sandbox", "demo", "--region", "cn-hangzhou", "eu-central-1"]);
    assert!(line(&run.stdout, "vpc:DescribeEipAddresses").contains("yes"), "{}", run.stdout);
    scratch.expect(2, &["doctor", "--sandbox", "demo", "--account", "1234567890123456"]);
}

#[test]
fn every_wrong_block_is_told_at_once_with_its_place() {
    let scratch = Scratch::new();
    scratch.write("world.json", EMPTY_WORLD);
    let run = scratch.expect(
        2,
        &["scan", "--sandbox", "world.json", "--trusted", "10.0.0.0/33", "192.0.2.0/24", "--trusted", "10.0.0.5/8"],
    );
    assert!(run.stderr.contains("--trusted:1:1") && run.stderr.contains("--trusted:3:1"), "{}", run.stderr);
    assert!(!run.stderr.contains("error: error"), "{}", run.stderr);
}

#[test]
fn an_allowlist_entry_that_is_listed_twice_or_has_expired_gets_a_notice() {
    let scratch = Scratch::new();
    scratch.write("world.json", EMPTY_WORLD);
    scratch
        .write("portcullis.yaml", "version: 1\ntrusted:\n  - {cidr: 192.0.2.0/24, name: old, expires: 2020-01-31}\n");
    let run = scratch
        .expect(0, &["scan", "--sandbox", "world.json", "--trusted", "203.0.113.0/24", "--trusted", "203.0.113.0/25"]);
    assert!(run.stderr.contains("--trusted:2: 203.0.113.0/25 is part of 203.0.113.0/24"), "{}", run.stderr);
    assert!(run.stderr.contains("192.0.2.0/24 \"old\" expired on 2020-01-31"), "{}", run.stderr);
}

/// What a scan would refuse, the check before it refuses too, and asks nobody.
#[test]
fn doctor_reads_everything_that_a_scan_reads() {
    let scratch = Scratch::new();
    scratch.write("bad.yaml", "version: 1\nwaivers:\n  - reason: x\n");
    for (config, words) in [
        ("waivers: bad.yaml\n", "a waiver needs"),
        ("rules: {dirs: [nowhere]}\n", "nowhere"),
        ("evidence: {files: [nowhere.jsonl]}\n", "nowhere.jsonl"),
    ] {
        scratch.write("portcullis.yaml", &format!("version: 1\n{config}"));
        for command in [&["scan", "--sandbox", "empty", "--no-store"][..], &["doctor", "--sandbox", "empty"]] {
            let run = scratch.expect(2, command);
            assert!(run.stderr.contains(words) && run.stdout.is_empty(), "{command:?}: {}", run.stderr);
        }
    }
}
