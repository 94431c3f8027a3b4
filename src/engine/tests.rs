//! The engine as a whole: built-in rules, bounds, hostile, broken and misspelt rules.

mod staleness;

use std::{collections::BTreeSet, sync::OnceLock};

use proptest::prelude::*;

use super::{
    Language, RuleSet, SubjectKind,
    condition::{Answer, Condition, FactSource},
    facts::{End, FactTable, FactValue, Judged},
    guard,
};
use crate::{
    findings::{Finding, FindingStatus},
    model::{
        AccessRow, AclJudgement, Bounds, Endpoint, EndpointJudgement, EndpointKind, Exposure, Family, Judgements,
        PortVerdict, ResourceJudgement, ResourceKind, Severity, Shared, Sign, Staleness, StalenessVerdict,
        UnclaimedBalancerJudgement,
    },
};

/// The built-in rules, loaded once for all tests.
fn rules() -> &'static RuleSet {
    static RULES: OnceLock<RuleSet> = OnceLock::new();
    RULES.get_or_init(|| RuleSet::embedded().unwrap_or_else(|errors| panic!("the built-in rules are wrong:\n{errors}")))
}

fn row(port: u16, lower: PortVerdict, upper: PortVerdict) -> AccessRow {
    AccessRow {
        protocol: "tcp".to_owned(),
        port,
        family: Family::Ipv4,
        verdict: if lower == upper { lower } else { PortVerdict::Unknown },
        verdict_bounds: Bounds { lower, upper },
        complete: lower == upper,
        untrusted: Shared::default(),
        untrusted_lower: Shared::default(),
        untrusted_all_gates: Shared::default(),
        witness: None,
        blame: Shared::default(),
        fix_set: Shared::default(),
        gates: Vec::new(),
    }
}

fn endpoint(exposure: Exposure, access: Vec<AccessRow>) -> EndpointJudgement {
    EndpointJudgement {
        endpoint: Endpoint {
            account_id: "1000000000000001".into(),
            region_id: "cn-hangzhou".into(),
            resource_kind: ResourceKind::Mesh,
            resource_id: "c08".to_owned(),
            kind: EndpointKind::IstioPilot,
        },
        resource_name: "prod".to_owned(),
        tags: Default::default(),
        protected_by: Vec::new(),
        exposure,
        signs: if exposure == Exposure::Exposed { vec![Sign::PublicEndpoint] } else { Vec::new() },
        contradictions: Vec::new(),
        unread: Vec::new(),
        public_address: None,
        private_address: None,
        eip_id: None,
        product_eip_id: None,
        load_balancer_id: None,
        access,
        staleness: Staleness::plain(StalenessVerdict::Unknown, 0, ""),
        bound_by: None,
        changing: Default::default(),
    }
}

fn evaluate(endpoint: EndpointJudgement) -> Vec<(String, FindingStatus, Severity)> {
    let judgements = Judgements { endpoints: vec![endpoint], ..Judgements::default() };
    let mut found: Vec<_> = rules()
        .evaluate(&judgements)
        .into_iter()
        .map(|finding| (finding.rule_id, finding.status, finding.severity))
        .collect();
    found.sort();
    found
}

/// What is told of an open port is what certainly holds; a port that could not be decided is told
/// as such.
#[test]
fn an_open_port_beside_one_that_is_not_known_does_not_speak_for_it() {
    let nets = |text: &str| -> Shared<ipnet::IpNet> { vec![text.parse().expect("it is written there")].into() };
    let open = AccessRow {
        untrusted: nets("198.51.100.0/24"),
        untrusted_lower: nets("198.51.100.0/25"),
        witness: Some("198.51.100.1".parse().expect("it is written there")),
        blame: vec!["sgr-open".to_owned()].into(),
        ..row(15011, PortVerdict::Open, PortVerdict::Open)
    };
    let unknown = AccessRow {
        untrusted: nets("0.0.0.0/0"),
        witness: Some("1.0.0.1".parse().expect("it is written there")),
        blame: vec!["sgr-unread".to_owned()].into(),
        ..row(15012, PortVerdict::Restricted, PortVerdict::Open)
    };
    let judgements =
        Judgements { endpoints: vec![endpoint(Exposure::Exposed, vec![unknown, open])], ..Judgements::default() };
    let findings = rules().evaluate(&judgements);
    let found =
        findings.iter().find(|finding| finding.rule_id == "control-plane-open-to-untrusted").expect("it was found");
    assert_eq!(found.status, FindingStatus::Open);
    for certain in ["tcp/15011 over IPv4", "198.51.100.0/25", "198.51.100.1,", "sgr-open"] {
        assert!(found.message.contains(certain), "{certain}: {}", found.message);
    }
    for possible in ["15012", "0.0.0.0/0", "198.51.100.0/24", "1.0.0.1", "sgr-unread"] {
        assert!(!found.message.contains(possible), "{possible}: {}", found.message);
    }
    assert!(found.evidence.iter().any(|line| line.contains("tcp/15012 over IPv4 is unknown")), "{:?}", found.evidence);
}

#[test]
fn every_example_of_every_rule_turns_out_as_written() {
    let report = rules().check();
    let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(report.rules >= 18 && report.examples >= 2 * report.rules);
}

#[test]
fn the_exposure_family_speaks_chinese_and_falls_back_to_english() {
    let rules = rules();
    for rule in rules.rules().filter(|rule| rule.path.starts_with("exposure/")) {
        assert_ne!(rule.text(Language::Zh), rule.text(Language::En), "{} has no Chinese texts", rule.id);
        assert_ne!(rule.message(Language::Zh), rule.message(Language::En), "{}", rule.id);
    }
    let english_only = rules.get("mesh-audit-log-off").expect("it is built in");
    assert_eq!(english_only.text(Language::Zh), english_only.text(Language::En));
}

/// Facts that no built-in rule needs: they are there for users' rules.
const FOR_USERS: &[&str] = &[
    "endpoint.account_id",
    "endpoint.deciding",
    "endpoint.private_address",
    "endpoint.region_id",
    "endpoint.resource_id",
    "endpoint.untrusted",
    "endpoint.resource_kind",
    "endpoint.resource_name",
    "endpoint.tags",
    "security-group.account_id",
    "security-group.name",
    "security-group.region_id",
    "security-group.security_group_id",
    "security-group.tags",
    "security-group.world_open",
    "acl.account_id",
    "acl.acl_id",
    "acl.name",
    "acl.region_id",
    "load-balancer.account_id",
    "load-balancer.load_balancer_id",
    "load-balancer.name",
    "load-balancer.region_id",
    "load-balancer.tags",
    "eip.account_id",
    "eip.addresses",
    "eip.eip_id",
    "eip.endpoints",
    "eip.region_id",
    "eip.subject",
    "eip.unclaimed_balancers",
    "mesh.account_id",
    "mesh.name",
    "mesh.region_id",
    "mesh.resource_id",
    "mesh.state",
    "mesh.tags",
];

#[test]
fn every_fact_is_documented_and_used_or_listed_as_one_for_users() {
    let rules = rules();
    let mut used = BTreeSet::new();
    for rule in rules.rules() {
        let conditions = std::iter::once(&rule.condition).chain(rule.severity_when.iter().map(|(when, _)| when));
        let mut names: Vec<&str> = conditions.flat_map(|condition| condition.facts().iter().copied()).collect();
        names.extend(rule.messages.open.facts());
        names.extend(rule.messages.unknown.iter().flat_map(|template| template.facts()));
        names.extend(rule.evidence.iter().map(String::as_str));
        used.extend(names.into_iter().map(|name| format!("{}.{name}", rule.subject)));
    }
    let reference = rules.reference();
    let mut unused = BTreeSet::new();
    for subject in SubjectKind::ALL.into_iter().filter(|subject| *subject != SubjectKind::Cluster) {
        for fact in FactTable::of(subject).facts {
            assert!(fact.doc.trim().ends_with('.'), "{} is not documented in a sentence", fact.name);
            assert!(reference.contains(&format!("| `{}` |", fact.name)), "{} is not in the reference", fact.name);
            let name = format!("{subject}.{}", fact.name);
            if !used.contains(&name) {
                unused.insert(name);
            }
        }
    }
    let listed: BTreeSet<String> = FOR_USERS.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(unused, listed);
}

#[test]
fn the_type_of_every_fact_is_the_type_of_its_value() {
    let endpoint = endpoint(Exposure::Exposed, vec![row(15011, PortVerdict::Open, PortVerdict::Open)]);
    let table = FactTable::of(SubjectKind::Endpoint);
    for fact in table.facts {
        for end in End::BOTH {
            let value = fact.read(Judged::Endpoint(&endpoint), end).expect("the subject is of this kind");
            assert!(matches(&fact.ty, &value), "{}: {value:?}", fact.name);
        }
        assert!(fact.bounded || fact.read(Judged::Endpoint(&endpoint), End::Lower).is_some());
    }
}

fn matches(ty: &super::facts::FactType, value: &FactValue) -> bool {
    use super::facts::FactType as Type;
    match (ty, value) {
        (Type::Bool, FactValue::Bool(_))
        | (Type::Int, FactValue::Int(_))
        | (Type::Text, FactValue::Text(_))
        | (Type::Texts, FactValue::Texts(_))
        | (Type::Whole, FactValue::Whole(_))
        | (Type::Ints, FactValue::Ints(_))
        | (Type::Map, FactValue::Map(_))
        | (Type::Ports, FactValue::Ports(_)) => true,
        (Type::Word(words), FactValue::Text(text)) => words.contains(&text.as_str()),
        (Type::Words(words), FactValue::Texts(texts)) => texts.iter().all(|text| words.contains(&text.as_str())),
        _ => false,
    }
}

#[test]
fn the_words_of_facts_are_those_of_judgements() {
    use super::facts::FactType;
    let words = |subject, name| match FactTable::of(subject).get(name).map(|fact| &fact.ty) {
        Some(FactType::Word(words) | FactType::Words(words)) => words.to_vec(),
        other => panic!("{name} is {other:?}"),
    };
    let endpoint = SubjectKind::Endpoint;
    let all = |list: Vec<&'static str>| list;
    assert_eq!(words(endpoint, "kind"), all(EndpointKind::ALL.iter().map(|word| word.as_str()).collect()));
    assert_eq!(words(endpoint, "exposure"), all(Exposure::ALL.iter().map(|word| word.as_str()).collect()));
    assert_eq!(words(endpoint, "signs"), all(Sign::ALL.iter().map(|word| word.as_str()).collect()));
    assert_eq!(words(endpoint, "staleness"), all(StalenessVerdict::ALL.iter().map(|word| word.as_str()).collect()));
    let enforcements: Vec<_> = crate::model::Enforcement::ALL.iter().map(|word| word.as_str()).collect();
    assert_eq!(words(SubjectKind::SecurityGroup, "enforcement"), enforcements);
}

#[test]
fn an_open_port_is_critical_and_public() {
    let found = evaluate(endpoint(Exposure::Exposed, vec![row(15011, PortVerdict::Open, PortVerdict::Open)]));
    let wanted = [
        ("control-plane-open-to-untrusted".to_owned(), FindingStatus::Open, Severity::Critical),
        ("control-plane-public-eip".to_owned(), FindingStatus::Open, Severity::Medium),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn a_private_endpoint_has_no_findings_and_an_unknown_one_has_unknown_findings() {
    assert_eq!(evaluate(endpoint(Exposure::Private, Vec::new())), []);
    let found = evaluate(endpoint(Exposure::Unknown, Vec::new()));
    let wanted = [
        ("control-plane-open-to-untrusted".to_owned(), FindingStatus::Unknown, Severity::Critical),
        ("control-plane-public-eip".to_owned(), FindingStatus::Unknown, Severity::Medium),
    ];
    assert_eq!(found, wanted);
}

#[test]
fn one_rule_speaks_of_each_undecided_port() {
    // Lower end, upper end, the rule that says unknown.
    let cases = [
        (PortVerdict::Restricted, PortVerdict::Open, "control-plane-open-to-untrusted"),
        (PortVerdict::Unverified, PortVerdict::Open, "control-plane-open-to-untrusted"),
        (PortVerdict::Restricted, PortVerdict::Unverified, "control-plane-unverified-gate"),
        (PortVerdict::PrivateOnly, PortVerdict::Unverified, "control-plane-unverified-gate"),
        (PortVerdict::Restricted, PortVerdict::PrivateOnly, "control-plane-private-sources-only"),
        (PortVerdict::Unknown, PortVerdict::Unknown, "control-plane-open-to-untrusted"),
    ];
    for (lower, upper, rule) in cases {
        let found = evaluate(endpoint(Exposure::Exposed, vec![row(6443, lower, upper)]));
        let unknown: Vec<_> =
            found.iter().filter(|found| found.1 == FindingStatus::Unknown).map(|found| found.0.as_str()).collect();
        assert_eq!(unknown, [rule], "{lower} to {upper}");
    }
}

#[test]
fn a_verdict_that_is_unknown_though_the_ends_agree_is_never_clean() {
    let mut hidden = row(6443, PortVerdict::Restricted, PortVerdict::Restricted);
    hidden.verdict = PortVerdict::Unknown;
    let found = evaluate(endpoint(Exposure::Exposed, vec![hidden]));
    assert!(
        found.iter().any(|found| found.0 == "control-plane-open-to-untrusted" && found.1 == FindingStatus::Unknown)
    );
    let nothing_said = evaluate(endpoint(Exposure::Exposed, Vec::new()));
    assert!(nothing_said.iter().any(|found| found.0 == "control-plane-open-to-untrusted"));
}

#[test]
fn findings_do_not_depend_on_the_order_of_subjects() {
    let mut judgements = mixed();
    let forward = rules().evaluate(&judgements);
    judgements.endpoints.reverse();
    judgements.resources.reverse();
    assert_eq!(forward, rules().evaluate(&judgements));
    assert!(forward.len() > 4);
    assert!(forward.is_sorted_by(|a: &Finding, b| a.severity >= b.severity));
}

fn mixed() -> Judgements {
    let verdicts = [PortVerdict::Open, PortVerdict::Unverified, PortVerdict::Restricted];
    let endpoints = verdicts
        .into_iter()
        .enumerate()
        .map(|(index, verdict)| {
            let mut judgement = endpoint(Exposure::Exposed, vec![row(15010, verdict, verdict)]);
            judgement.endpoint.resource_id = format!("c{index}");
            judgement
        })
        .collect();
    let resource = |id: &str, enabled| ResourceJudgement {
        account_id: "1".into(),
        region_id: "cn-hangzhou".into(),
        resource_kind: ResourceKind::Mesh,
        resource_id: id.to_owned(),
        name: String::new(),
        tags: Default::default(),
        state: "running".to_owned(),
        exposed: Bounds::exact(false),
        audit_enabled: enabled,
    };
    Judgements {
        endpoints,
        acls: vec![AclJudgement {
            account_id: "1".into(),
            region_id: "cn-hangzhou".into(),
            acl_id: "lb-1/6443".to_owned(),
            resource_kind: ResourceKind::LoadBalancer,
            name: String::new(),
            endpoints: Vec::new(),
            listeners: vec!["lb-1/6443".to_owned()],
            enabled_but_empty: Bounds::exact(true),
            black_list: false,
            admits_untrusted: Bounds::exact(false),
            untrusted: Vec::new(),
            untrusted_anyhow: None,
            missing_required: Vec::new(),
            unresolved: Vec::new(),
        }],
        unclaimed_balancers: vec![UnclaimedBalancerJudgement {
            account_id: "1".into(),
            region_id: "cn-hangzhou".into(),
            load_balancer_id: "lb-2".to_owned(),
            name: "x\u{202e}\n".to_owned(),
            tags: Default::default(),
            public_address: "8.8.8.8".to_owned(),
            eip_id: None,
            control_plane_ports: vec![15011],
            looks_like_control_plane: Bounds::exact(true),
        }],
        resources: vec![resource("c1", Bounds::exact(false)), resource("c2", Bounds { lower: false, upper: true })],
        ..Judgements::default()
    }
}

#[test]
fn names_from_the_cloud_are_escaped_in_messages() {
    let finding = rules()
        .evaluate(&mixed())
        .into_iter()
        .find(|finding| finding.rule_id == "control-plane-balancer-unclaimed")
        .expect("the balancer is unclaimed");
    assert!(finding.message.contains(r#""x\u{202e}\u{a}""#), "{}", finding.message);
    assert_eq!(finding.subject.resource_kind, ResourceKind::LoadBalancer);
}

/// A user's rule; `{}` is the condition.
fn user_rule(id: &str, condition: &str) -> (String, String) {
    let text = format!(
        "id: {id}\ntitle: t\nsubject: endpoint\nseverity: low\nfinds: f\nwhy: w\ncondition: {}\nmessage: \"{{subject}}\"\n\
         remedy: r\nexamples:\n  failing: [{{name: a, facts: {{exposed: true}}}}]\n  passing: [{{name: b, facts: {{exposed: \
         false}}}}]\n",
        serde_json::Value::from(condition)
    );
    (format!("my-rules/{id}.yaml"), text)
}

fn load_errors(extra: Vec<(String, String)>) -> Vec<String> {
    RuleSet::load(extra).expect_err("it must be refused").0.iter().map(ToString::to_string).collect()
}

#[test]
fn users_add_rules_and_the_digest_tells() {
    let with = RuleSet::load(vec![user_rule("mine", "exposed")]).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(with.get("mine").is_some_and(|rule| !rule.built_in));
    assert!(with.check().failures.is_empty());
    assert_ne!(with.digest(), rules().digest());
    assert_eq!(rules().digest(), rules().digest());
}

#[test]
fn all_errors_of_all_files_are_reported_together_with_their_place() {
    let misspelt = user_rule("b-rule", "exposde");
    let mut unknown_key = user_rule("c-rule", "exposed");
    unknown_key.1.push_str("titel: t\n");
    let twice = user_rule("control-plane-public-eip", "exposed");
    let misnamed = ("my-rules/other.yaml".to_owned(), user_rule("d-rule", "exposed").1);
    let empty = ("my-rules/e.yaml".to_owned(), String::new());
    let errors = load_errors(vec![misspelt, unknown_key, twice, misnamed, empty]);
    let all = errors.join("\n");
    for wanted in [
        "my-rules/b-rule.yaml:7:12: there is no fact `exposde` about this subject (endpoint); did you mean `exposed`?",
        "my-rules/c-rule.yaml:13:1: unknown key `titel`; did you mean `title`?",
        "my-rules/control-plane-public-eip.yaml: the id `control-plane-public-eip` belongs to a built-in rule",
        "my-rules/other.yaml:1:5: the id is `d-rule`, but the file is named `other`",
        "my-rules/e.yaml: the file is empty",
    ] {
        assert!(all.contains(wanted), "{wanted}\nis not in\n{all}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_at_load_time() {
    let long = format!("exposed{}", " || exposed".repeat(300));
    let cases = [
        ("exposure == \"exposd\"", "never occurs here"),
        ("kind in [\"istio-pilot\", \"istio\"]", "never occurs here"),
        ("\"public-ip\" in signs", "never occurs here"),
        ("ports.exists(p, p.verdikt == \"open\")", "no member `verdikt`; did you mean `verdict`?"),
        ("ports.exists(p, q.port == 1)", "there is no fact `q`"),
        ("ports.exists(p, p.verdict == \"opne\")", "never occurs here"),
        ("exposed == \"yes\"", "cannot be applied"),
        ("resource_name", "must be true or false"),
        ("size(ports)", "must be true or false"),
        ("tags", "must be true or false"),
        ("resource_name.startsWidth(\"a\")", "no function `startsWidth` in rules; did you mean `startsWith`?"),
        ("timestamp(\"2026-01-01T00:00:00Z\") > timestamp(\"2026-01-01T00:00:00Z\")", "no function `timestamp`"),
        ("resource_name.matches(\"(\")", "the pattern is not valid"),
        ("resource_name.matches(resource_id)", "must be written out"),
        ("exposed &&", "cannot be parsed"),
        ("{\"a\": 1}.a == 1", "cannot be written here"),
        ("exposed ? 1 : 2", "must be true or false"),
        ("1.5 > 1.0", "only texts, whole numbers"),
        ("ports.all(a, ports.all(b, ports.all(c, a.port == b.port)))", "more than 2 levels"),
        (&long, "the limit is"),
    ];
    for (condition, wanted) in cases {
        let errors = load_errors(vec![user_rule("mine", condition)]).join("\n");
        assert!(errors.contains(wanted), "{condition}: {errors}");
    }
}

#[test]
fn what_people_write_is_accepted() {
    for condition in [
        "exposed && \"env\" in tags && tags[\"env\"] != \"dev\"",
        "exposed && has(tags.env) && tags.env == \"prod\"",
        "exposed && ports.filter(p, p.verdict == \"open\").map(p, p.port).exists(n, n > 6000)",
        "exposed && size(untrusted) + 1 > 2 && !resource_name.matches(\"^test-[0-9]+$\")",
        "exposed && ports.exists_one(p, p.port == 6443 && p.untrusted.all(u, u.endsWith(\"/32\")))",
        "(exposed ? size(ports) : 0) >= 1",
        "exposed && signs == [\"public-flag\"]",
    ] {
        let errors = match RuleSet::load(vec![user_rule("mine", condition)]) {
            Ok(_) => continue,
            Err(errors) => errors.to_string(),
        };
        // The example gives `exposed` only, which is the one complaint that is right.
        assert!(errors.lines().all(|line| line.contains("lacks the fact")), "{condition}: {errors}");
    }
}

#[test]
fn hostile_rule_files_end_neither_the_process_nor_the_patience() {
    let nested = "ports.map(a, ".repeat(6) + "1" + &")".repeat(6);
    let hostile = [
        format!("{}1{}", "(".repeat(3_000), ")".repeat(3_000)),
        format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000)),
        ["1"; 6_000].join("+"),
        format!("a{}", ".b".repeat(20_000)),
        nested,
        format!("{}{}", "[".repeat(20), "]".repeat(20)),
        "exposed ".repeat(200),
        format!("[{}] == []", ["1"; 80].join(",")),
        "\u{0}".to_owned(),
        "\"".repeat(1_000),
        "!".repeat(190) + "exposed",
        "-".repeat(190) + "1",
    ];
    let table = FactTable::of(SubjectKind::Endpoint);
    let threads = guard::threads().expect("threads");
    for source in &hostile {
        // What matters is that it returns; all but the last two must be refused.
        let compiled = threads.install(|| Condition::compile(source, table));
        let harmless = source.starts_with('!');
        assert!(compiled.is_err() || harmless, "{}", &source.chars().take(40).collect::<String>());
    }
    let deep_yaml = ("my-rules/deep.yaml".to_owned(), "[".repeat(10_000));
    let bomb = (
        "my-rules/bomb.yaml".to_owned(),
        "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]\n".to_owned(),
    );
    let large = ("my-rules/large.yaml".to_owned(), "#".repeat(300_000));
    assert_eq!(load_errors(vec![deep_yaml, bomb, large]).len(), 3);
}

#[test]
fn an_error_at_evaluation_is_an_unknown_finding_and_never_a_pass() {
    // The tag is not there, the division is by zero, the sum overflows.
    for condition in [
        "tags[\"env\"] == \"dev\" && exposed",
        "1 / (size(ports) - size(ports)) == 0 && exposed",
        "9223372036854775807 + size(resource_id) > 0 && exposed",
    ] {
        let (path, text) = user_rule("mine", condition);
        let text =
            text.replace("facts: {exposed: true}", "facts: {exposed: true, tags: {}, ports: [], resource_id: a}");
        let text =
            text.replace("facts: {exposed: false}", "facts: {exposed: true, tags: {}, ports: [], resource_id: a}");
        let rules = RuleSet::load(vec![(path, text)]).unwrap_or_else(|errors| panic!("{errors}"));
        // A false on either side of `&&` would settle it, so the endpoint is exposed.
        let judgements = Judgements { endpoints: vec![endpoint(Exposure::Exposed, Vec::new())], ..Default::default() };
        let findings = rules.evaluate(&judgements);
        let mine = findings.iter().find(|finding| finding.rule_id == "mine");
        let mine = mine.unwrap_or_else(|| panic!("{condition} passed"));
        assert_eq!(mine.status, FindingStatus::Unknown, "{condition}");
        assert!(mine.message.starts_with("The rule could not be decided"), "{}", mine.message);
        assert_eq!(rules.check().failures.len(), 2, "an example that ends in an error has not turned out as written");
    }
}

/// Facts with the same value at both ends but for the one called `exposed`.
struct Given {
    lower: bool,
    upper: bool,
}

impl FactSource for Given {
    fn fact(&self, name: &str, end: End) -> Option<FactValue> {
        (name == "exposed").then_some(FactValue::Bool(if end == End::Lower { self.lower } else { self.upper }))
    }
}

/// An endpoint and its facts.
struct Subject(EndpointJudgement);

impl FactSource for Subject {
    fn fact(&self, name: &str, end: End) -> Option<FactValue> {
        FactTable::of(SubjectKind::Endpoint).get(name)?.read(Judged::Endpoint(&self.0), end)
    }
}

proptest! {
    #[test]
    fn both_ends_decide(lower: bool, upper: bool, negate: bool) {
        let source = if negate { "!exposed" } else { "exposed" };
        let condition = Condition::compile(source, FactTable::of(SubjectKind::Endpoint)).expect("it is well-formed");
        let wanted = match (lower != negate, upper != negate) {
            (true, true) => Answer::True,
            (false, false) => Answer::False,
            _ => Answer::Undecided,
        };
        prop_assert_eq!(condition.ask(&Given { lower, upper }), wanted);
    }

    #[test]
    fn the_exposure_rules_never_say_less_than_the_verdicts(verdicts in proptest::collection::vec((0_usize..4, 0_usize..4), 1..5)) {
        const SCALE: [PortVerdict; 4] =
            [PortVerdict::Restricted, PortVerdict::PrivateOnly, PortVerdict::Unverified, PortVerdict::Open];
        let rows: Vec<_> = verdicts.iter().map(|&(a, b)| row(6443, SCALE[a.min(b)], SCALE[a.max(b)])).collect();
        let found = evaluate(endpoint(Exposure::Exposed, rows.clone()));
        let status = |rule: &str| found.iter().find(|found| found.0 == rule).map(|found| found.1);
        let certain = rows.iter().any(|row| row.verdict_bounds.lower == PortVerdict::Open);
        let possible = rows.iter().any(|row| row.verdict_bounds.upper == PortVerdict::Open);
        let wanted = match (certain, possible) {
            (true, _) => Some(FindingStatus::Open),
            (false, true) => Some(FindingStatus::Unknown),
            (false, false) => None,
        };
        prop_assert_eq!(status("control-plane-open-to-untrusted"), wanted);
        // Every port whose ends differ is spoken of by some unknown or open finding.
        if rows.iter().any(|row| row.verdict == PortVerdict::Unknown) {
            let spoken = found.iter().any(|found| found.0 != "control-plane-public-eip");
            prop_assert!(spoken);
        }
    }

    /// One evaluation stands for both ends only where the other one would have said the same.
    #[test]
    fn both_ends_at_once_say_what_each_says(
        verdicts in proptest::collection::vec((0_usize..4, 0_usize..4), 0..4),
        exposure in prop::sample::select(vec![Exposure::Exposed, Exposure::Private, Exposure::Unknown]),
    ) {
        const SCALE: [PortVerdict; 4] =
            [PortVerdict::Restricted, PortVerdict::PrivateOnly, PortVerdict::Unverified, PortVerdict::Open];
        let rows = verdicts.iter().map(|&(a, b)| row(6443, SCALE[a.min(b)], SCALE[a.max(b)])).collect();
        let subject = Subject(endpoint(exposure, rows));
        for rule in rules().rules.iter().filter(|rule| rule.subject == SubjectKind::Endpoint) {
            for condition in [&rule.condition].into_iter().chain(rule.severity_when.iter().map(|(when, _)| when)) {
                let each = End::BOTH.map(|end| condition.at(&subject, end));
                prop_assert_eq!(condition.at_both(&subject), each, "{}", condition.source());
            }
        }
    }

    #[test]
    fn no_text_makes_the_guard_or_the_parser_panic(source in "[a-z0-9 .,()\\[\\]{}&|!?:<>=+*/%'\"\\\\-]{0,120}") {
        let table = FactTable::of(SubjectKind::Endpoint);
        if let Err(message) = rules().threads.install(|| Condition::compile(&source, table)) {
            prop_assert!(!message.contains("panic"), "{source}: {message}");
        }
    }
}

#[test]
fn only_plain_yaml_is_read() {
    let (path, text) = user_rule("mine", "exposed");
    let cases = [
        (text.replace("title: t", "title: &t t"), "anchor"),
        (text.clone() + "title: again\n", "duplicate mapping key: title"),
        (text.replace("severity: low", "severity: bad"), "unknown variant `bad`, expected one of info"),
        (text.clone() + "---\n" + &text, "mine.yaml"),
        (text.replace("facts: {exposed: true}", "facts: {exposed: yes}"), "must be true or false"),
        (text.replace("facts: {exposed: true}", "facts: {exposed: true, kind: istio}"), "must be one of"),
        (
            text.replace("facts: {exposed: true}", "facts: {exposed: true, kind: {lower: x, upper: y}}"),
            "never uncertain",
        ),
        (
            text.replace("facts: {exposed: true}", "facts: {exposed: true, ports: [{port: 1}]}"),
            "without `port` or `verdict`",
        ),
        (text.replace("facts: {exposed: true}", "facts: {exposed: true, prots: []}"), "did you mean `ports`?"),
        (
            text.replace("facts: {exposed: false}", "facts: {exposed: false}, status: open"),
            "neither status nor severity",
        ),
        (text.replace("[{name: b, facts: {exposed: false}}]", "[]"), "needs a passing example"),
    ];
    for (text, wanted) in cases {
        let errors = load_errors(vec![(path.clone(), text.clone())]).join("\n");
        assert!(errors.contains(wanted), "{wanted}\nis not in\n{errors}\n{text}");
    }
}

#[test]
fn an_example_that_turns_out_otherwise_fails_the_check() {
    let (path, text) = user_rule("mine", "!exposed");
    let report = RuleSet::load(vec![(path, text)]).unwrap_or_else(|errors| panic!("{errors}")).check();
    let lines: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "my-rules/mine.yaml:11:13: mine: example \"a\": expected an open finding, found no finding",
            "my-rules/mine.yaml:12:13: mine: example \"b\": expected no finding, found an open finding",
        ]
        .map(|line| line.replace(":13:", ":"))
    );
}

/// Words of a list that have a digit: ids of controls.
fn ids_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-.".contains(c)));
    words.map(|word| word.trim_end_matches('.')).filter(|word| word.contains(|c: char| c.is_ascii_digit())).collect()
}

#[test]
fn a_pack_names_each_control_that_it_lists_and_no_other() {
    for pack in rules().packs() {
        let listed: BTreeSet<&str> = pack.controls.iter().map(|control| control.id.as_str()).collect();
        assert_eq!(ids_in(&pack.lists), listed, "{}", pack.id);
        assert_eq!(ids_in(&pack.zh.lists), listed, "{}", pack.id);
        assert!(pack.source.contains("paraphrases") || pack.source.contains("translations of ours"), "{}", pack.id);
        assert!(pack.zh.source.contains("标题由我们意译"), "{}", pack.id);
        let about: BTreeSet<&String> = pack.about.keys().collect();
        let used: BTreeSet<&String> = pack.controls.iter().flat_map(|control| &control.rules).collect();
        assert_eq!(about, used, "{}: what each of its rules is evaluated on is known", pack.id);
        for page in &pack.source_pages {
            assert!(
                page.url.starts_with("https://") && page.version.contains(|c: char| c.is_ascii_digit()),
                "{page:?}"
            );
        }
    }
}

#[test]
fn a_pack_is_whole_in_chinese_and_its_own_words_are_no_markup() {
    let han = |text: &str| text.contains(|c: char| ('\u{4e00}'..='\u{9fff}').contains(&c));
    for pack in rules().packs() {
        let zh = pack.in_language(Language::Zh);
        for text in [&zh.source, &zh.lists, &zh.leaves_out] {
            assert!(han(text), "{}: {text}", pack.id);
        }
        for (english, chinese) in pack.controls.iter().zip(&zh.controls) {
            assert!(han(&chinese.title) && !han(&english.title), "{}:{}", pack.id, english.id);
            assert_eq!(chinese.rules.is_empty(), han(&chinese.why_not), "{}:{}", pack.id, english.id);
            assert_eq!((&chinese.id, &chinese.rules, &chinese.kinds), (&english.id, &english.rules, &english.kinds));
            // "(meshes only)" and its like are said in both, or a pass says more in one.
            assert_eq!(english.title.contains("only"), chinese.title.contains('仅'), "{}:{}", pack.id, english.id);
        }
        for pack in [pack, &zh] {
            let of_controls = pack.controls.iter().flat_map(|control| [&control.title, &control.why_not]);
            let own = [&pack.title, &pack.edition, &pack.source, &pack.lists, &pack.leaves_out]
                .into_iter()
                .chain(of_controls);
            for text in own {
                let markup = text.contains(|c: char| "`*<>|[]\\#~$@".contains(c)) || text.contains("__");
                assert!(!markup, "{}: {text}", pack.id);
            }
        }
    }
}

#[test]
fn a_pack_without_a_public_page_or_in_one_language_is_refused() {
    let pack = "id: mine\ntitle: t\nedition: e\nsource: s\n\
                source_pages: [{url: https://example.test/ids, version: \"1\"}]\nlists: l\nleaves_out: o\n\
                zh: {title: t, edition: e, source: s, lists: l, leaves_out: o}\n\
                controls: [{id: \"1\", title: t, why_not: no, zh: {title: t, why_not: no}}]\n";
    let load = |text: &str| match RuleSet::from_files(&[], &[("packs/mine.yaml", text)], Vec::new()) {
        Ok(rules) => format!("{} packs", rules.packs().len()),
        Err(errors) => errors.to_string(),
    };
    assert_eq!(load(pack), "1 packs");
    for (from, to, wanted) in [
        ("[{url: https://example.test/ids, version: \"1\"}]", "[]", "names no public page"),
        ("https://example.test/ids", "http://example.test/ids", "without https"),
        (", version: \"1\"", "", "version"),
        ("{title: t, why_not: no}", "{title: t}", "says `why_not` in one language only"),
        (", zh: {title: t, why_not: no}", "", "zh"),
        ("why_not: no, ", "", "why there is none"),
    ] {
        assert!(pack.contains(from), "{from}");
        let told = load(&pack.replacen(from, to, 1));
        assert!(told.contains("packs/mine.yaml") && told.contains(wanted), "{wanted}: {told}");
    }
}
