//! Which hosts are asked: on the internet, and within a VPC.

use crate::scratch::{Run, Sandbox, Scratch};

const HOME: [(&str, &str); 2] = [("ALIBABA_CLOUD_ENDPOINT_TYPE", "vpc"), ("ALIBABA_CLOUD_STS_REGION", "eu-central-1")];

/// The hosts in the simulated cloud's journal, which knows the vendor's hosts from a table of its own.
fn hosts(scratch: &Scratch) -> Vec<String> {
    let mut hosts: Vec<String> = scratch
        .read("journal.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("one JSON object a line"))
        .map(|request| request["host"].as_str().expect("a host").to_owned())
        .collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

#[test]
fn within_a_vpc_the_same_is_found_through_the_vpc_s_hosts_alone() {
    let scratch = Scratch::new();
    let sandbox = Sandbox::start(&scratch, "demo");
    let arguments = ["scan", "--no-store", "-o", "json"];
    let run = Run::from(sandbox.command(&scratch, &arguments).envs(HOME).output().expect("the program starts"));
    assert_eq!(run.code, 4, "{}", run.stderr);
    let hosts = hosts(&scratch);
    assert!(hosts.iter().all(|host| host.contains("-vpc.") || host.contains(".vpc-proxy.")), "{hosts:?}");
    assert!(hosts.iter().any(|host| host == "sts-vpc.eu-central-1.aliyuncs.com"), "{hosts:?}");
    assert!(hosts.iter().any(|host| host == "servicemesh.vpc-proxy.aliyuncs.com"), "{hosts:?}");
    assert!(hosts.iter().any(|host| host == "cs-anony-vpc.cn-hangzhou.aliyuncs.com"), "{hosts:?}");
    let public = Run::from(sandbox.command(&scratch, &arguments).output().expect("the program starts"));
    assert_eq!(run.json()["findings"], public.json()["findings"]);
    // Peerings are asked for at one host for all, which has none within a VPC: the one that may not be read anyway.
    let of_peerings = |gap: &serde_json::Value| gap["product"] == "vpcpeer";
    let gaps = |run: &Run| run.json()["coverage"]["gaps"].as_array().expect("a list").clone();
    let (peerings, others): (Vec<_>, Vec<_>) = gaps(&run).into_iter().partition(of_peerings);
    let (public_peerings, public_others): (Vec<_>, Vec<_>) = gaps(&public).into_iter().partition(of_peerings);
    assert_eq!(others, public_others);
    let states = |gaps: &[serde_json::Value]| gaps.iter().map(|gap| gap["state"].clone()).collect::<Vec<_>>();
    assert_eq!((states(&peerings), states(&public_peerings)), (vec!["failed".into()], vec!["denied".into()]));
    for count in ["planned", "scanned"] {
        assert_eq!(run.json()["coverage"][count], public.json()["coverage"][count]);
    }
}

#[test]
fn a_vpc_without_the_hosts_that_are_needed_is_refused_before_anybody_is_asked() {
    let scratch = Scratch::new();
    let sandbox = Sandbox::start(&scratch, "empty");
    for (home, told) in [
        (&HOME[..1], &["VPC endpoint of sts", "ALIBABA_CLOUD_STS_REGION"][..]),
        (&[HOME[0], ("ALIBABA_CLOUD_STS_REGION", "ap-northeast-1")], &["servicemesh", "ap-northeast-1", "`endpoints`"]),
        (&[("ALIBABA_CLOUD_ENDPOINT_TYPE", "vcp")], &["vcp", "ALIBABA_CLOUD_ENDPOINT_TYPE", "`vpc`"]),
    ] {
        for command in ["scan", "doctor"] {
            let output = sandbox.command(&scratch, &[command]).envs(home.iter().copied()).output();
            let run = Run::from(output.expect("the program starts"));
            assert_eq!(run.code, 2, "{}", run.stderr);
            for part in told {
                assert!(run.stderr.contains(part), "{part}: {}", run.stderr);
            }
        }
    }
    assert_eq!(hosts(&scratch), [""; 0]);
}
