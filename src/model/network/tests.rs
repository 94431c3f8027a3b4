//! The nouns read what questions and snapshots write.

use super::*;
use crate::model::{AccountId, RegionId, Scope};

fn network(text: &str) -> Network {
    let mut network: Network = serde_json::from_str(text).expect("the text is a network");
    network.sort();
    network
}

#[test]
fn replies_are_read_however_they_are_wrapped() {
    let bare = network(
        r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "OwnerId": 7, "RegionId": "cn-a",
             "SecondaryCidrBlocks": ["10.8.0.0/16"]}],
            "RouteTables": [{"RouteTableId": "vtb-1", "VpcId": "vpc-1", "RouteEntrys": [
             {"DestinationCidrBlock": "10.9.0.0/16", "Status": "Available", "NextHops": [
              {"NextHopType": "VpcPeer", "NextHopId": "pcc-1", "Enabled": 0, "Weight": 100}]}]}]}"#,
    );
    let wrapped = network(
        r#"{"Vpcs": {"Vpc": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "AccountId": "7", "RegionId": "cn-a",
             "SecondaryCidrBlocks": {"SecondaryCidrBlock": ["10.8.0.0/16"]}}]}, "VSwitches": null,
            "RouteTables": [{"RouteTableId": "vtb-1", "VpcId": "vpc-1", "RouteEntrys": {"RouteEntry": [
             {"DestinationCidrBlock": "10.9.0.0/16", "Status": "Available", "NextHops": {"NextHop": [
              {"NextHopType": "VpcPeer", "NextHopId": "pcc-1", "Enabled": "0"}]}}]}}]}"#,
    );
    assert_eq!(bare, wrapped);
    assert_eq!(bare.vpcs[0].scope, Scope { account_id: AccountId::from("7"), region_id: RegionId::from("cn-a") });
    assert!(!bare.route_tables[0].route_entrys[0].next_hops[0].enabled);
}

/// One by one, as they were once saved, they do not tell which tables were asked: networks that were saved with them are as
/// good as before.
#[test]
fn saved_propagations_are_passed_over() {
    let with = network(
        r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}],
            "TransitRouterRouteTablePropagations": [
             {"TransitRouterAttachmentId": "att-1", "TransitRouterRouteTableId": "tr-1-sys", "Status": "Active"}],
            "Unavailable": [{"Action": "ListTransitRouterRouteTablePropagations", "ResourceId": "tr-1-sys"}]}"#,
    );
    assert_eq!(with.vpcs, network(r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]}"#).vpcs);
    // As a snapshot has it, on a line of its own.
    let alone = network(
        r#"{"TransitRouterRouteTablePropagations": [
             {"TransitRouterAttachmentId": "att-1", "TransitRouterRouteTableId": "tr-1-sys", "Status": "Active"}]}"#,
    );
    assert!(alone.is_empty());
}

#[test]
fn what_would_mean_blocked_by_its_absence_is_required() {
    for text in [
        r#"{"Vpcs": [{}]}"#,
        r#"{"Vpcs": [{"VpcId": ""}]}"#,
        r#"{"RouteTables": [{"RouteTableId": "vtb-1", "VpcId": "vpc-1"}]}"#,
        r#"{"VpcPeers": [{"InstanceId": "pcc-1", "VpcId": "a", "AcceptingVpcId": "b"}]}"#,
        r#"{"NetworkAcls": [{"NetworkAclId": "nacl-1", "IngressAclEntries": []}]}"#,
        r#"{"Vpcs": {"Vpc": [], "TotalCount": 3}}"#,
        r#"{"Unavailable": [{"Action": "ListVpcEndpoints"}]}"#,
        r#"{"VpcEndpointServices": [{"ServiceId": "s", "ServiceStatus": "Active", "Ports": [70000]}]}"#,
    ] {
        assert!(serde_json::from_str::<Network>(text).is_err(), "{text}");
    }
}

#[test]
fn nouns_survive_being_written() {
    fn there_and_back<T: Serialize + for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug>(noun: &T) {
        let text = serde_json::to_string(noun).expect("nouns can be written");
        assert_eq!(&serde_json::from_str::<T>(&text).expect("what was written can be read"), noun, "{text}");
    }
    let all = network(include_str!("sample.json"));
    each_list!(&all, list => {
        assert!(!list.is_empty(), "the sample has no {}", std::any::type_name_of_val(list));
        list.iter().for_each(there_and_back);
    });
    there_and_back(&all.refused);
}

#[test]
fn order_and_repeats_do_not_matter() {
    let all = network(include_str!("sample.json"));
    let mut twice = all.clone();
    twice.merge(all.clone());
    twice.vpcs.reverse();
    twice.sort();
    assert_eq!(twice, all);
    assert!(Network::default().is_empty() && !all.is_empty());
}

#[test]
fn a_refusal_covers_its_object_in_its_scope() {
    let scope = |account: &str, region: &str| Scope { account_id: account.into(), region_id: region.into() };
    let refused: Refused = [("A", "x", scope("", "")), ("A", "*", scope("1", "cn-a")), ("B", "y", scope("1", ""))]
        .into_iter()
        .map(|(action, id, scope)| Refusal { action: action.into(), resource_id: id.into(), scope })
        .collect();
    assert!(refused.covers(&scope("9", "cn-z"), "A", "x"));
    assert!(refused.covers(&scope("1", "cn-a"), "A", "other"));
    assert!(refused.covers(&Scope::default(), "A", "other"), "an object of unknown scope may be in any");
    assert!(!refused.covers(&scope("1", "cn-b"), "A", "other"));
    assert!(refused.covers(&scope("1", "cn-q"), "B", "y") && !refused.covers(&scope("2", "cn-q"), "B", "y"));
    assert!(!refused.covers(&Scope::default(), "C", "x"));
}

#[test]
fn pieces_add_up_to_the_whole() {
    let all = network(include_str!("sample.json"));
    let mut whole = Network { refused: all.refused.clone(), ..Network::default() };
    for piece in all.pieces() {
        let text = serde_json::to_string(&piece).expect("pieces can be written");
        whole.merge(serde_json::from_str(&text).expect("what was written can be read"));
    }
    whole.sort();
    assert_eq!(whole, all);
}

#[test]
fn what_was_never_asked_is_refused() {
    let read = [("DescribeVSwitches", "vpc-1"), ("DescribeVSwitches", "vpc-2"), ("ListVpcEndpoints", "vpc-1")];
    let refused = Refused::all_but(read.map(|(action, object)| (action.into(), object.into())));
    let covers = |action, object| refused.covers(&Scope::default(), action, object);
    assert!(!covers("DescribeVSwitches", "vpc-1"));
    assert!(!covers("DescribeVSwitches", "vpc-2"));
    assert!(covers("DescribeVSwitches", "vpc-3"));
    assert!(covers("ListVpcEndpoints", "vpc-2"));
    assert!(covers("DescribeRouteEntryList", "vpc-1"));
}
