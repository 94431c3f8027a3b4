//! What is said of ACLs themselves.

use crate::model::{
    AclJudgement, Bounds, Listener,
    Reading::{Unread, Value},
    ResourceKind,
};

use super::cloud::{Cloud, guarded, listener};

const YES: Bounds<bool> = Bounds { lower: true, upper: true };
const NO: Bounds<bool> = Bounds { lower: false, upper: false };
const MAYBE: Bounds<bool> = Bounds { lower: false, upper: true };

fn exposed(listeners: Vec<Listener>) -> Cloud {
    Cloud::new()
        .cluster(|cluster| cluster.api_server.public_endpoint = Value("https://203.0.113.8:6443".into()))
        .eip("eip-2", "203.0.113.8", "lb-cluster")
        .clb("lb-cluster", listeners)
}

fn judged(cloud: &Cloud) -> Vec<AclJudgement> {
    cloud.judge().acls
}

fn only(cloud: &Cloud) -> AclJudgement {
    let mut acls = judged(cloud);
    assert_eq!(acls.len(), 1, "{acls:#?}");
    acls.remove(0)
}

#[test]
fn a_white_list_wider_than_the_allowlist() {
    let cloud = exposed(vec![guarded(6443, "white", &["acl-1"])])
        .acl("acl-1", &["100.104.0.0/16", "8.8.8.0/24", "9.9.9.0/24"])
        .trust("8.8.8.0/24");
    let acl = only(&cloud);
    assert_eq!((acl.acl_id.as_str(), acl.resource_kind), ("acl-1", ResourceKind::Acl));
    assert_eq!(acl.admits_untrusted, YES);
    assert_eq!(acl.untrusted.iter().map(ToString::to_string).collect::<Vec<_>>(), ["9.9.9.0/24", "100.104.0.0/16"]);
    assert_eq!((acl.enabled_but_empty, acl.black_list), (NO, false));
    assert_eq!(acl.listeners, ["lb-cluster/6443"]);
    assert_eq!(acl.endpoints, ["1000000000000001/cn-hangzhou/cluster/cluster-1/cluster-api-server"]);
    assert!(acl.missing_required.is_empty());
}

fn anyhow(acl: &AclJudgement) -> Vec<String> {
    acl.untrusted_anyhow.iter().flatten().map(ToString::to_string).collect()
}

/// A black list and an empty list hold nobody in, whatever stands in them.
#[test]
fn whom_a_list_lets_through_however_it_is_used() {
    let used = |kind: &str, ids: &[&str], entries: &[&str]| {
        let cloud = exposed(vec![guarded(6443, kind, ids)]).trust("128.0.0.0/1").acl("acl-1", entries);
        anyhow(&only(&cloud))
    };
    assert_eq!(used("white", &["acl-1"], &["8.8.8.0/24", "192.0.2.0/24"]), ["8.8.8.0/24"]);
    assert_eq!(used("white", &["acl-1"], &[]), ["0.0.0.0/1"]);
    assert_eq!(used("black", &["acl-1"], &["64.0.0.0/2"]), ["0.0.0.0/2"]);
    assert_eq!(used("white", &[], &[]), ["0.0.0.0/1"]);
    assert_eq!(used("white", &["acl-2"], &[]), ["0.0.0.0/1"], "not read");
    assert_eq!(used("grey", &["acl-1"], &["8.8.8.0/24"]), ["0.0.0.0/1"], "an unknown word");
    assert_eq!(used("white", &["acl-1"], &["8.8.8.0/24", "?"]), ["0.0.0.0/1"], "an entry not understood");
}

#[test]
fn private_and_trusted_sources_are_no_strangers() {
    let cloud =
        exposed(vec![guarded(6443, "white", &["acl-1"])]).acl("acl-1", &["10.0.0.0/8", "8.8.8.8"]).trust("8.8.8.0/24");
    assert_eq!(only(&cloud).admits_untrusted, NO);
}

#[test]
fn the_vendors_range_is_missed() {
    let missing = |entries: &[&str]| {
        let cloud = exposed(vec![guarded(6443, "white", &["acl-1"])]).acl("acl-1", entries);
        only(&cloud).missing_required.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(missing(&["10.0.0.0/8"]), ["100.104.0.0/16"]);
    assert_eq!(missing(&["100.104.0.0/17"]), ["100.104.0.0/16"]);
    assert!(missing(&["100.104.0.0/17", "100.104.128.0/17"]).is_empty());
    assert!(missing(&["100.64.0.0/10"]).is_empty());
    assert!(missing(&[]).is_empty(), "an empty list forwards everything");
    assert!(missing(&["rubbish"]).is_empty(), "the entry may be the range");
    let black = exposed(vec![guarded(6443, "black", &["acl-1"])]).acl("acl-1", &["10.0.0.0/8"]);
    assert!(only(&black).missing_required.is_empty());
    let second = exposed(vec![guarded(6443, "white", &["acl-1", "acl-2"])])
        .acl("acl-1", &["10.0.0.0/8"])
        .acl("acl-2", &["100.104.0.0/16"]);
    assert!(judged(&second).iter().all(|acl| acl.missing_required.is_empty()));
}

#[test]
fn switched_on_and_empty() {
    let empty = |kind, acls: &[(&str, &[&str])], ids: &[&str]| {
        let mut cloud = exposed(vec![guarded(6443, kind, ids)]);
        for (id, entries) in acls {
            cloud = cloud.acl(id, entries);
        }
        judged(&cloud).into_iter().map(|acl| (acl.acl_id, acl.enabled_but_empty)).collect::<Vec<_>>()
    };
    assert_eq!(empty("white", &[("acl-1", &[])], &["acl-1"]), [("acl-1".into(), YES)]);
    assert_eq!(empty("black", &[("acl-1", &[])], &["acl-1"]), [("acl-1".into(), YES)]);
    assert_eq!(
        empty("white", &[("acl-1", &[]), ("acl-2", &["8.8.8.8"])], &["acl-1", "acl-2"]),
        [("acl-1".into(), NO), ("acl-2".into(), NO)]
    );
    assert_eq!(
        empty("white", &[("acl-1", &[])], &["acl-1", "acl-2"]),
        [("acl-1".into(), MAYBE), ("acl-2".into(), MAYBE)]
    );
}

#[test]
fn switched_on_without_any_list_is_said_of_the_listener() {
    let acl = only(&exposed(vec![guarded(6443, "white", &[])]));
    assert_eq!((acl.acl_id.as_str(), acl.resource_kind), ("lb-cluster/6443", ResourceKind::LoadBalancer));
    assert_eq!(acl.enabled_but_empty, YES);
}

#[test]
fn black_lists_are_named_and_admit_nobody_by_themselves() {
    let acl = only(&exposed(vec![guarded(6443, "Black", &["acl-1"])]).acl("acl-1", &["8.8.8.8"]));
    assert!(acl.black_list);
    assert_eq!(acl.admits_untrusted, NO);
}

#[test]
fn what_could_not_be_read_is_between_bounds() {
    let acl = only(&exposed(vec![guarded(6443, "white", &["acl-1"])]));
    assert_eq!((acl.enabled_but_empty, acl.admits_untrusted), (MAYBE, MAYBE));
    assert_eq!(acl.unresolved, ["acl-1"]);
    let acl = only(&exposed(vec![guarded(6443, "white", &["acl-1"])]).acl("acl-1", &["10.0.0.0/8", "rubbish"]));
    assert_eq!((acl.enabled_but_empty, acl.admits_untrusted), (NO, MAYBE));
    assert_eq!(acl.unresolved, ["rubbish"]);
}

#[test]
fn only_what_is_switched_on_in_front_of_an_exposed_endpoint_counts() {
    let mut stopped = guarded(443, "white", &["acl-1"]);
    stopped.status = "stopped".into();
    let off = Listener { acl_status: Value("off".into()), ..guarded(444, "white", &["acl-1"]) };
    let unread = Listener { acl_status: Unread, ..guarded(445, "white", &["acl-1"]) };
    let cloud = exposed(vec![listener(6443), stopped, off, unread]).acl("acl-1", &["8.8.8.8"]);
    assert!(judged(&cloud).is_empty());
    let private = Cloud::new()
        .cluster(|_| {})
        .clb("lb-cluster", vec![guarded(6443, "white", &["acl-1"])])
        .acl("acl-1", &["8.8.8.8"]);
    assert!(judged(&private).is_empty());
}
