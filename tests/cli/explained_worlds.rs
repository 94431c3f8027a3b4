//! From a simulated cloud through the store to `explain`: what its endpoints are told to be, and why.

use crate::scratch::Scratch;

/// A scan of a shipped world that leaves its run in the store, with what its ledger trusts.
fn scanned(world: &str, code: i32, trusted: &[&str]) -> Scratch {
    let scratch = Scratch::new();
    let mut arguments = vec!["scan", "--sandbox", world];
    trusted.iter().for_each(|cidr| arguments.extend(["--trusted", cidr]));
    scratch.expect(code, &arguments);
    scratch
}

fn explained(scratch: &Scratch, subject: &str) -> String {
    scratch.expect(0, &["explain", subject]).stdout
}

/// What the lines say that begin with a label, each behind so many spaces.
fn says<'a>(text: &'a str, indent: usize, label: &str) -> Vec<&'a str> {
    let begin = format!("{}{label}", " ".repeat(indent));
    text.lines().filter_map(|line| line.strip_prefix(&begin)).map(str::trim).collect()
}

/// The paragraph of one consumer.
fn consumer<'a>(text: &'a str, id: &str) -> &'a str {
    let paragraphs = text.split("\n\n");
    let begin = format!("  cluster {id}");
    paragraphs.into_iter().find(|one| one.starts_with(&begin)).unwrap_or_else(|| panic!("no {id}:\n{text}"))
}

/// One endpoint for each word, as the demo's ledger has it.
#[test]
fn each_word_of_the_demo_is_told_with_its_reason_and_consumers() {
    let scratch = scanned("demo", 4, &[]);

    let stale = explained(&scratch, "c9d3412021444315a010ee904ecf172c7/istio-pilot");
    assert_eq!(says(&stale, 2, "Verdict "), ["stale: nobody needs it, medium confidence (0.85)"], "{stale}");
    assert_eq!(says(&stale, 2, "Why "), ["every data-plane cluster has private connectivity"]);
    let near = consumer(&stale, "ccf117ea330d3f2ee93f8f72de528e62c");
    assert_eq!(says(near, 4, "Public path"), ["not needed, medium confidence (0.85)"]);
    assert_eq!(says(near, 4, "Private path"), ["connected, in the same VPC"]);
    assert!(!stale.contains("But first") && !stale.contains("Proposed allowlist"), "{stale}");

    let required = explained(&scratch, "cacbf4ece30ed2e58b72c2cb50c689dd6/istio-pilot");
    assert_eq!(says(&required, 2, "Verdict "), ["required: somebody needs it, medium confidence (0.80)"], "{required}");
    assert_eq!(says(&required, 2, "Why "), ["a data-plane cluster needs the public path"]);
    let far = consumer(&required, "c4b0f1e63a8e75d9260cb7d18f5a93e2c");
    assert_eq!(says(far, 4, "Public path"), ["needed, medium confidence (0.80)"]);
    assert_eq!(says(far, 4, "Private path"), ["blocked"]);
    assert_eq!(
        says(far, 6, "Breaks at"),
        ["forward:LeavesToInternet@ngw-gw8z7x3c9v5b1n6m0a", "return:NoRoute@vtb-gw8n5d1t7y3rj9eus"]
    );
    for near in ["cd908d6a9427ae9ccd04113c30cfd6f87", "cb8e8e82e47a952481fbc5b4712cde9f4"] {
        assert_eq!(says(consumer(&required, near), 4, "Public path"), ["not needed, medium confidence (0.85)"]);
    }
    assert_eq!(says(&required, 2, "Admits"), ["198.51.100.60/32"]);

    let orphaned = explained(&scratch, "cc6c4b68f13e26facb960a2a3ce1a9a87/istio-pilot");
    let verdict = ["orphaned: nobody is left who could need it, medium confidence (0.85)"];
    assert_eq!(says(&orphaned, 2, "Verdict "), verdict, "{orphaned}");
    assert_eq!(says(&orphaned, 2, "Why "), ["no data-plane cluster is left"]);
    assert_eq!(says(&orphaned, 2, "Consumers"), ["none are known"]);

    let unknown = explained(&scratch, "c93732328e55dd12497130274eb3bd16d/istio-pilot");
    assert_eq!(says(&unknown, 2, "Verdict "), ["unknown, low confidence (0.30)"], "{unknown}");
    assert_eq!(says(&unknown, 2, "Why "), ["whether a data-plane cluster needs the public path cannot be told"]);
    assert!(unknown.contains("read the VPC peering pcc-gw8u3i9o5p1a7s2d6f"), "{unknown}");
    let dark = consumer(&unknown, "c8e37a5b1d9f2460c7b3e81a5d4f69027");
    assert_eq!(says(dark, 4, "Public path"), ["undetermined, low confidence (0.30)"]);
    assert_eq!(says(dark, 4, "Private path"), ["unknown"]);

    // Of an API server without any log nothing was weighed.
    let unasked = explained(&scratch, "c758b10fc1ce5b55ea59138e549bedd18/cluster-api-server");
    assert_eq!(says(&unasked, 2, "Verdict "), ["unknown"], "{unasked}");
    assert!(unasked.contains("audit log of c758b10fc1ce5b55ea59138e549bedd18"), "{unasked}");
}

#[test]
fn the_platform_is_quoted_where_it_disagrees_and_nowhere_else() {
    let scratch = scanned("platform-disagrees", 1, &["203.0.113.0/24", "10.0.0.0/8", "172.16.0.0/12"]);
    for (mesh, quote) in [
        ("mesh-joined", &[][..]),
        ("mesh-peered", &["DescribeCens lists ack-peered as not connected to the mesh's VPC by CEN"]),
        ("mesh-candidate", &["ForbiddenFlag 2 says that ack-candidate has no private connection"]),
        ("mesh-apart", &[]),
    ] {
        let subject = format!("{mesh}/istio-pilot");
        let text = explained(&scratch, &subject);
        assert_eq!(says(&text, 2, "Platform says"), quote, "{text}");
        let json = scratch.expect(0, &["explain", &subject, "--format", "json"]).json();
        let quoted = &json["endpoints"][0]["endpoint"]["staleness"]["platform_disagrees"];
        assert_eq!(*quoted, serde_json::json!(quote), "{mesh}");
    }
}

#[test]
fn nothing_is_commanded_while_an_address_of_a_consumer_may_be_missing() {
    let scratch = scanned("egress-refused", 4, &["203.0.113.0/24", "10.0.0.0/8", "172.16.0.0/12"]);
    for (mesh, complete) in [("mesh-known", true), ("mesh-snat", false), ("mesh-eips", false)] {
        let json = scratch.expect(0, &["explain", &format!("{mesh}/istio-pilot"), "--format", "json"]).json();
        let story = &json["endpoints"][0];
        assert_eq!(story["endpoint"]["staleness"]["verdict"], "required", "{mesh}");
        assert_eq!(story["endpoint"]["staleness"]["proposal_complete"], complete, "{mesh}");
        let commands = story["narrowing"]["commands"].as_array().expect("a list");
        assert_eq!(!commands.is_empty(), complete, "{mesh}: {commands:?}");
        let text = explained(&scratch, &format!("{mesh}/istio-pilot"));
        assert_eq!(text.contains("aliyun "), complete, "{text}");
    }
}

/// Why a transit router's table has no route is asked where one is missing, and is what would open the path.
#[test]
fn a_route_that_is_not_propagated_is_told_with_what_would_mend_it() {
    let scratch = scanned("path-transit-router", 4, &["203.0.113.0/24", "10.0.0.0/8", "172.16.0.0/12"]);
    let text = explained(&scratch, "mesh-wrong-table/istio-pilot");
    let cluster = consumer(&text, "ack-wrong-table");
    assert_eq!(says(cluster, 6, "Breaks at"), ["forward:WrongTrTable@vtb-tr-wrong-table-iso"], "{text}");
    assert!(cluster.contains("propagate att-wrong-table-m to vtb-tr-wrong-table-iso"), "{text}");
    assert!(cluster.contains("add route in vtb-tr-wrong-table-iso: 10.0.1.0/24 -> att-wrong-table-m"), "{text}");
}
