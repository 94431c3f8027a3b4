//! The engine of `path` against a literal reader, over random small networks.

mod connectivity_reader;
mod connectivity_worlds;

use std::collections::BTreeMap;

use connectivity_reader::{Misreading, Reading};
use connectivity_worlds::{Random, in_ipv6, question, refuse};
use portcullis::analysis::{
    access::Format,
    connectivity::{AllPairs, DataPlaneEnd, MeshEnd, PairCounts, PathQuestion, Verdict, answer},
};
use proptest::prelude::*;
use serde_json::Value;

fn engine(question: &Value) -> Vec<Reading> {
    let mut out = Vec::new();
    answer(question.to_string().as_bytes(), &mut out, Format::JsonLines).expect("memory can be read and written");
    let answer: Value = serde_json::from_slice(&out).expect("answers are JSON");
    let pairs = answer["Pairs"].as_array().unwrap_or_else(|| panic!("no answer: {answer}"));
    let texts = |value: &Value| {
        value.as_array().expect("a list").iter().map(|one| one.as_str().expect("a text").to_owned()).collect()
    };
    pairs
        .iter()
        .map(|pair| Reading {
            verdict: pair["Verdict"].as_str().expect("a text").to_owned(),
            reasons: texts(&pair["Reasons"]),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_the_literal_reader(seed in any::<u64>(), refusals in any::<bool>()) {
        let mut question = question(seed);
        if refusals {
            refuse(&mut question, &mut Random::new(!seed), false);
        }
        prop_assert_eq!(engine(&question), connectivity_reader::read(&question, None), "{}", question);
    }

    #[test]
    fn ipv6_is_walked_as_ipv4_is(seed in any::<u64>()) {
        let mut question = question(seed);
        // Without a known address the mesh is asked about in IPv4.
        if question["Pairs"][0]["Mesh"]["PrivateIp"].is_null() {
            question["Pairs"][0]["Mesh"]["PrivateIp"] = "10.0.1.6".into();
        }
        let six = in_ipv6(&question);
        prop_assert_eq!(engine(&six), connectivity_reader::read(&six, None), "{}", six);
    }

    /// What was refused may hide the answer, never turn it round; whether the objects are still in
    /// the question or not. (It may also hide a doubt: an unread table delivers to a vSwitch of the
    /// VPC, where a read one may hold a longer route.)
    #[test]
    fn reading_more_never_turns_the_answer_round(seed in any::<u64>(), hide in any::<bool>()) {
        let full = question(seed);
        let mut partial = full.clone();
        refuse(&mut partial, &mut Random::new(!seed), hide);
        for (full, partial) in engine(&full).into_iter().zip(engine(&partial)) {
            let told = |reading: &Reading| reading.verdict != "Unknown";
            prop_assert!(
                !(told(&full) && told(&partial)) || partial.verdict == full.verdict,
                "all read: {:?}\nrefused: {:?}\n{}", full, partial, question(seed)
            );
        }
    }

    #[test]
    fn the_order_of_input_does_not_matter(seed in any::<u64>()) {
        let question = question(seed);
        let mut other = question.clone();
        let random = &mut Random::new(!seed);
        for (name, list) in other["Topology"].as_object_mut().expect("an object") {
            let items = list.as_array_mut().expect("a list");
            random.shuffle(items);
            if name == "RouteTables" {
                for table in items {
                    random.shuffle(table["RouteEntrys"].as_array_mut().expect("a list"));
                }
            }
        }
        let answered = |question: &Value| {
            let mut out = Vec::new();
            answer(question.to_string().as_bytes(), &mut out, Format::Text).expect("memory can be read and written");
            String::from_utf8(out).expect("answers are UTF-8")
        };
        prop_assert_eq!(answered(&question), answered(&other));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn classes_say_what_walks_say(seed in any::<u64>(), refusals in any::<bool>(), plain in any::<bool>()) {
        let mut question = question(seed);
        if plain {
            // Without filters and PrivateLink classes decide alone.
            for switch in question["Topology"]["VSwitches"].as_array_mut().expect("a list") {
                switch.as_object_mut().expect("an object").remove("NetworkAclId");
            }
            question["Topology"]["VpcEndpoints"] = Value::Array(Vec::new());
        }
        if refusals {
            refuse(&mut question, &mut Random::new(!seed), false);
        }
        let saved = PathQuestion::parse(&question.to_string()).expect("the question is understood");
        let topology = saved.topology();
        let all = AllPairs::new(&topology, 15012);
        let ids = ["vsw-m", "vsw-d", "vsw-x", "vsw-y"];
        let mut counts = PairCounts::default();
        for (source, target) in ids.into_iter().flat_map(|one| ids.map(|other| (one, other))) {
            let mesh = MeshEnd { v_switch_id: target.into(), port: 15012, ..MeshEnd::default() };
            let cluster = DataPlaneEnd { v_switch_id: source.into(), ..DataPlaneEnd::default() };
            let walked = topology.verdict(&mesh, &cluster);
            prop_assert_eq!(all.verdict(source, target), Some(walked), "{} -> {}: {}", source, target, question);
            match walked {
                Verdict::Connected => counts.connected += 1,
                Verdict::Blocked => counts.blocked += 1,
                Verdict::Partial => counts.partial += 1,
                Verdict::Unknown => counts.unknown += 1,
            }
        }
        prop_assert_eq!(all.count(), counts);
    }
}

/// The networks are worth reading: every verdict and most reasons occur, and each mistake shows.
#[test]
fn the_random_networks_tell_every_misreading_from_the_truth() {
    let mut caught: BTreeMap<String, usize> = BTreeMap::new();
    let mut verdicts: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..300 {
        let mut question = question(seed);
        if seed % 4 == 0 {
            refuse(&mut question, &mut Random::new(!seed), true);
        }
        let truth = connectivity_reader::read(&question, None);
        for reading in &truth {
            *verdicts.entry(reading.verdict.clone()).or_default() += 1;
            for reason in &reading.reasons {
                let code = reason.rsplit(':').find(|part| part.contains('@')).unwrap_or(reason);
                *verdicts.entry(code.split('@').next().unwrap_or_default().to_owned()).or_default() += 1;
            }
        }
        for misreading in Misreading::ALL {
            let differs = connectivity_reader::read(&question, Some(misreading)) != truth;
            *caught.entry(format!("{misreading:?}")).or_default() += usize::from(differs);
        }
    }
    assert!(caught.values().all(|count| *count >= 3), "{caught:?}");
    assert!(
        ["Connected", "Blocked", "Partial", "Unknown"].iter().all(|one| verdicts.get(*one) >= Some(&10)),
        "{verdicts:?}"
    );
    assert!(verdicts.len() >= 40, "{} of all codes occur: {verdicts:?}", verdicts.len());
}
