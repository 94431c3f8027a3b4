//! `--what-if`: who would gain and who would lose by a change.

use serde_json::Value;

use crate::scratch::Scratch;

/// An EIP that exposes a pilot, and the endpoint, as a report has them.
fn exposed(scratch: &Scratch) -> (String, String) {
    let arguments = ["scan", "--sandbox", "demo", "--no-store", "--save", "cloud.snapshot", "-o", "json"];
    let report: Value = crate::scratch::report(&scratch.run(&arguments).stdout);
    let endpoints = report["endpoints"].as_array().expect("there are endpoints");
    let found = endpoints
        .iter()
        .find(|endpoint| endpoint["kind"] == "istio-pilot" && endpoint["signs"].to_string().contains("\"eip-id\""))
        .expect("a pilot has an EIP that its mesh names");
    let text = |name: &str| found[name].as_str().expect("it is text").to_owned();
    (text("eip_id"), text("id"))
}

#[test]
fn an_unbound_eip_makes_the_endpoint_private_and_everybody_loses_access() {
    let scratch = Scratch::new();
    let (eip, endpoint) = exposed(&scratch);
    let unbind = format!("unbind:{eip}");
    let told = scratch.run(&["scan", "--sandbox", "demo", "--no-store", "--what-if", &unbind]);
    assert!(told.stdout.contains(&format!("unbind {eip}")), "{}", told.stdout);
    assert!(told.stdout.contains("exposed -> private"), "{}", told.stdout);
    assert!(told.stdout.contains("Lose access"), "{}", told.stdout);

    let arguments = ["scan", "--from", "cloud.snapshot", "--no-store", "--what-if", &unbind, "-o", "json"];
    let answer: Value = serde_json::from_str(&scratch.run(&arguments).stdout).expect("the answer is JSON");
    assert_eq!(answer["schema"], "portcullis.what-if/v1");
    let changes = answer["endpoints"].as_array().expect("it lists endpoints");
    let change = changes.iter().find(|change| change["id"] == endpoint.as_str()).expect("it is among them");
    assert_eq!(change["exposure"]["after"], "private");
    assert_eq!(change["ports"][0]["gain"].as_array().map(Vec::len), Some(0));
    assert_ne!(change["ports"][0]["lose"].as_array().map(Vec::len), Some(0));

    let of_one = scratch.run(&["explain", &endpoint, "--from", "cloud.snapshot", "--what-if", &unbind]);
    assert!(of_one.stdout.contains("exposed -> private"), "{}", of_one.stdout);
    let as_it_is = scratch.run(&["explain", &endpoint, "--from", "cloud.snapshot"]);
    assert!(as_it_is.stdout.contains("exposed"), "{}", as_it_is.stdout);
}

#[test]
fn what_cannot_be_thought_of_is_refused() {
    let scratch = Scratch::new();
    for (change, says) in [
        ("unbind", "is no change"),
        ("unbind:eip-nobody", "no such EIP was read"),
        ("drop-rule:sgr-nobody", "no rule that was read"),
        ("add-cidr:acl-1,1.2.3.4/8", "1.0.0.0/8 is the whole block"),
    ] {
        let told = scratch.expect(2, &["scan", "--sandbox", "demo", "--no-store", "--what-if", change]);
        assert!(told.stderr.contains(says), "{change}: {}", told.stderr);
        assert_eq!(told.stdout, "", "{change}");
    }
    let twice = ["-o", "json", "-o", "table=a.txt"];
    let arguments = [&["scan", "--sandbox", "demo", "--no-store", "--what-if", "unbind:e"][..], &twice].concat();
    scratch.expect(2, &arguments);
    scratch.expect(2, &["explain", "x", "--what-if", "unbind:e"]);
}

#[test]
fn a_question_is_not_kept_as_a_run() {
    let scratch = Scratch::new();
    let (eip, _) = exposed(&scratch);
    scratch.run(&["scan", "--sandbox", "demo", "--what-if", &format!("unbind:{eip}")]);
    scratch.expect(2, &["report", "latest"]);
}

/// What becomes of each consumer, by its id.
fn outcomes(scratch: &Scratch, changes: &[&str]) -> Vec<(String, String)> {
    let changes: Vec<&str> = changes.iter().flat_map(|change| ["--what-if", *change]).collect();
    let arguments = [&["scan", "--sandbox", "path-peering", "--no-store", "-o", "json"][..], &changes].concat();
    let answer: Value = serde_json::from_str(&scratch.run(&arguments).stdout).expect("the answer is JSON");
    let endpoints = answer["endpoints"].as_array().expect("it lists endpoints").iter();
    let consumers = endpoints.flat_map(|endpoint| endpoint["consumers"].as_array().into_iter().flatten());
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    consumers.map(|consumer| (text(&consumer["id"]), text(&consumer["outcome"]))).collect()
}

#[test]
fn a_consumer_whose_private_path_goes_as_well_is_cut_off() {
    let scratch = Scratch::new();
    let of = |outcome: &str| vec![("ack-both".to_owned(), outcome.to_owned())];
    assert_eq!(outcomes(&scratch, &["unbind:eip-both"]), of("keeps-private-path"));
    assert_eq!(outcomes(&scratch, &["remove:pcc-both"]), of("loses-private-path"));
    assert_eq!(outcomes(&scratch, &["remove:pcc-both", "unbind:eip-both"]), of("cut-off"));
    assert_eq!(outcomes(&scratch, &["unbind:eip-both", "remove:pcc-both"]), of("cut-off"));
}

/// Removing an attachment takes what it announced with it.
#[test]
fn without_its_attachment_a_cluster_loses_its_private_path() {
    let scratch = Scratch::new();
    let arguments = ["scan", "--sandbox", "path-transit-router", "--no-store", "-o", "json"];
    let report: Value = crate::scratch::report(&scratch.run(&arguments).stdout);
    let consumers = report["endpoints"].as_array().expect("there are endpoints").iter();
    let consumers = consumers.flat_map(|endpoint| endpoint["staleness"]["consumers"].as_array().into_iter().flatten());
    let connected = consumers.filter(|consumer| consumer["via"] == "route");
    let hop = connected.filter_map(|consumer| consumer["forward"][0].as_str()).next().expect("one is connected");
    let attachment = hop.rsplit(':').next().expect("the hop names the attachment");
    let change = format!("remove:{attachment}");
    let told = scratch.run(&["scan", "--sandbox", "path-transit-router", "--no-store", "--what-if", &change]);
    assert!(told.stdout.contains("loses its private path"), "{}", told.stdout);
    assert!(told.stdout.contains("connected -> blocked"), "{}", told.stdout);
}
