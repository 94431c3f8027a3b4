//! What writes do, when it shows, and what the way back restores.

use portcullis::{
    cloud::{
        api::{
            servicemesh,
            slb::{self as slb_reads, ListenerAttribute},
            vpc as vpc_reads,
            write::{
                cs,
                servicemesh::{Slot, bind_eip, unbind_eip},
                slb::{self, AccessControl, AclType, Entry, Family},
                vpc,
            },
        },
        page,
        write::WriteRequest,
    },
    sandbox::Behaviour,
};
use serde_json::json;

use crate::harness::{Cloud, PERMIT, REGION, bind_pilot, text, unbind_pilot, world};

fn pair(left: &str, right: &str) -> (String, String) {
    (left.to_owned(), right.to_owned())
}

#[tokio::test]
async fn an_eip_leaves_in_two_steps_and_every_read_sees_it() {
    let cloud = Cloud::new();
    let start = cloud.server.snapshot();
    cloud.acked(unbind_pilot()).await;
    // Accepted is not done: the EIP is on its way, the mesh still shows it.
    assert_eq!(cloud.binding("eip-pilot").await, pair("Unassociating", "lb-pilot"));
    assert_eq!(cloud.pilot().await, json!(["eip-pilot", true, "203.0.113.1:15011"]));
    cloud.pass();
    assert_eq!(cloud.binding("eip-pilot").await, pair("Available", ""));
    assert_eq!(cloud.pilot().await, json!(["", false, ""]));
    let listed = cloud.read(servicemesh::describe_service_meshes()).await;
    assert_eq!(listed["ServiceMeshes"][0]["Spec"]["LoadBalancer"]["PilotPublicEip"], json!(false));
    assert_eq!(listed["ServiceMeshes"][0]["Endpoints"]["PublicPilotEndpoint"], json!(""));
    let on_balancer = cloud.read(vpc_reads::describe_eip_addresses_of(REGION, "lb-pilot")).await;
    assert_eq!(on_balancer["TotalCount"], json!(0));
    // The others stay as they are.
    assert_eq!(cloud.binding("eip-canary").await, pair("InUse", "lb-canary"));

    cloud.acked(bind_pilot("eip-pilot")).await;
    assert_eq!(cloud.binding("eip-pilot").await, pair("Associating", "lb-pilot"));
    assert_eq!(cloud.pilot().await, json!(["", false, ""]));
    cloud.pass();
    assert_eq!(cloud.pilot().await, json!(["eip-pilot", true, "203.0.113.1:15011"]));
    assert_eq!(cloud.server.snapshot(), start, "the same EIP on the same slot is the world that was");
    assert_eq!(
        cloud.changes(),
        [
            "eip-pilot eip-unassociating",
            "eip-pilot eip-available",
            "m1 unbound",
            "eip-pilot eip-associating",
            "eip-pilot eip-in-use",
            "m1 bound"
        ]
    );
}

#[tokio::test]
async fn every_slot_has_an_eip_of_its_own() {
    for (slot, eip, balancer) in
        [(Slot::CanaryPilot, "eip-canary", "lb-canary"), (Slot::ApiServer, "eip-api", "lb-api")]
    {
        let cloud = Cloud::new();
        let start = cloud.server.snapshot();
        cloud.acked(unbind_eip(&PERMIT, "m1", slot)).await;
        cloud.pass();
        assert_eq!(cloud.binding(eip).await, pair("Available", ""), "{slot:?}");
        let mesh = cloud.mesh("m1").await.to_string();
        assert!(!mesh.contains(eip) && mesh.contains("eip-pilot"), "{slot:?}: {mesh}");
        cloud.acked(bind_eip(&PERMIT, "m1", slot, eip)).await;
        cloud.pass();
        assert_eq!(cloud.binding(eip).await, pair("InUse", balancer), "{slot:?}");
        assert_eq!(cloud.server.snapshot(), start, "{slot:?}");
    }
}

#[tokio::test]
async fn binding_over_an_eip_unbinds_it_first() {
    let cloud = Cloud::new();
    cloud.acked(bind_pilot("eip-spare")).await;
    assert_eq!(cloud.binding("eip-pilot").await, pair("Unassociating", "lb-pilot"));
    assert_eq!(cloud.binding("eip-spare").await, pair("Available", ""));
    cloud.pass();
    assert_eq!(cloud.binding("eip-pilot").await, pair("Available", ""));
    assert_eq!(cloud.binding("eip-spare").await, pair("Associating", "lb-pilot"));
    cloud.pass();
    assert_eq!(cloud.pilot().await, json!(["eip-spare", true, "203.0.113.9:15011"]));
}

#[tokio::test]
async fn unbinding_what_is_not_bound_is_taken_and_does_nothing() {
    let cloud = Cloud::new();
    cloud.acked(unbind_pilot()).await;
    cloud.pass();
    let empty = cloud.server.snapshot();
    cloud.acked(unbind_pilot()).await;
    cloud.pass();
    assert_eq!(cloud.server.snapshot(), empty);
}

#[tokio::test]
async fn a_clusters_eip_goes_with_a_task_and_a_rolling_update() {
    let cloud = Cloud::new();
    let start = cloud.server.snapshot();
    let unbind = || cs::unbind_api_server_eip(&PERMIT, REGION, "c1", "token-1");
    let task = cloud.acked(unbind()).await.text("task_id").unwrap().to_owned();
    assert_eq!(
        (cloud.task(&task).await.as_str(), cloud.cluster("c1").await["state"].clone()),
        ("running", json!("updating"))
    );
    // The same token is the same request: the same task, and no second effect.
    assert_eq!(cloud.acked(unbind()).await.text("task_id"), Some(task.as_str()));
    let other = cs::bind_api_server_eip(&PERMIT, REGION, "c1", "eip-spare", "token-1");
    assert_eq!(cloud.refused(other).await.0, "IdempotentParameterMismatch");
    cloud.pass();
    assert_eq!(cloud.binding("eip-cluster").await, pair("Available", ""));
    let cluster = cloud.cluster("c1").await;
    assert_eq!(cluster["master_url"], json!(r#"{"intranet_api_server_endpoint":"https://192.168.0.4:6443"}"#));
    assert_eq!(cluster["meta_data"], json!(r#"{"Capabilities":{"PublicSLB":false}}"#));
    // The EIP is gone and the API server is still rolled.
    assert_eq!((cloud.task(&task).await.as_str(), cluster["state"].clone()), ("running", json!("updating")));
    let early = cs::bind_api_server_eip(&PERMIT, REGION, "c1", "eip-cluster", "token-2");
    assert_eq!(cloud.refused(early).await, ("OperationConflict".to_owned(), "rejected"));
    cloud.pass();
    assert_eq!(
        (cloud.task(&task).await.as_str(), cloud.cluster("c1").await["state"].clone()),
        ("success", json!("running"))
    );
    assert_eq!(cloud.changes().iter().filter(|change| *change == "eip-cluster eip-unassociating").count(), 1);

    let bind = cs::bind_api_server_eip(&PERMIT, REGION, "c1", "eip-cluster", "token-3");
    let task = cloud.acked(bind).await.text("task_id").unwrap().to_owned();
    cloud.pass();
    cloud.pass();
    assert_eq!(cloud.task(&task).await, "success");
    assert_eq!(cloud.server.snapshot(), start);
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let cloud = Cloud::new();
    let start = cloud.server.snapshot();
    let mesh = |id: &str| unbind_eip(&PERMIT, id, Slot::Pilot);
    let cluster = |id: &str| cs::unbind_api_server_eip(&PERMIT, REGION, id, "t");
    let protect = |id: &str, enable| vpc::eip_deletion_protection(&PERMIT, REGION, id, enable, "t");
    let cases: Vec<(WriteRequest, &str, &str)> = vec![
        (mesh("m9"), "ServiceMesh.NotFound", "rejected"),
        (mesh("m-upgrading"), "StatusForbidden", "ambiguous"),
        // Locked EIPs refuse, by the one error that is documented.
        (mesh("m-locked"), "ERR500", "ambiguous"),
        (bind_pilot("eip-api"), "IncorrectEipStatus", "ambiguous"),
        (bind_pilot("eip-elsewhere"), "InvalidAllocationId.NotFound", "ambiguous"),
        (bind_pilot("eip-9"), "InvalidAllocationId.NotFound", "ambiguous"),
        (cluster("c9"), "ErrorClusterNotFound", "rejected"),
        (cluster("c-dedicated"), "Operation.Forbidden", "rejected"),
        (cluster("c-busy"), "OperationConflict", "rejected"),
        (protect("eip-9", true), "DeletionProtection.ResourceNotExist", "rejected"),
        (protect("eip-prepaid", true), "DeletionProtection.PrePaidNotSupport", "rejected"),
        (protect("eip-pilot", false), "DeletionProtection.AlreadyDisabled", "rejected"),
        (protect("eip-elsewhere", true), "DeletionProtection.ResourceNotExist", "rejected"),
        (vpc::tag_eip(&PERMIT, REGION, "eip-9", "k", "v"), "InvalidResourceId.NotFound", "rejected"),
        (slb::delete_acl(&PERMIT, REGION, "acl-9"), "AclNotExist", "rejected"),
        (slb::delete_acl(&PERMIT, REGION, "acl-theirs"), "AclInUsed", "rejected"),
        (slb::create_acl(&PERMIT, REGION, "theirs", Family::Ipv4), "InvalidParameter.AclName", "ambiguous"),
        (listener("lb-9", 15011, on("acl-theirs")), "InvalidLoadBalancerId.NotFound", "rejected"),
        (listener("lb-pilot", 80, on("acl-theirs")), "InvalidParameter", "ambiguous"),
        (listener("lb-pilot", 15011, on("acl-9")), "AclNotExist", "rejected"),
    ];
    for (write, code, word) in cases {
        let what = format!("{} of {}", write.operation().action(), write.resource_id());
        assert_eq!(cloud.refused(write).await, (code.to_owned(), word), "{what}");
    }
    cloud.pass();
    assert_eq!((cloud.server.snapshot(), cloud.changes()), (start, Vec::new()));
    assert!(cloud.effects(20).await.iter().all(|effect| effect == "refused"));
}

#[tokio::test]
async fn protection_is_set_once_and_keeps_an_eip_from_being_released() {
    let actors = json!([{"at": {"action": "DescribeServiceMeshes", "nth": 1}, "do": "release", "eip": "eip-spare"},
        {"at": {"action": "DescribeServiceMeshes", "nth": 2}, "do": "release", "eip": "eip-spare"}]);
    let cloud = Cloud::with_actors(actors);
    let protect = |enable, token: &str| vpc::eip_deletion_protection(&PERMIT, REGION, "eip-spare", enable, token);
    cloud.acked(protect(true, "1")).await;
    assert_eq!(cloud.eip("eip-spare").await["DeletionProtection"], json!(true));
    // A repetition is the first request; another request for the same is an error.
    cloud.acked(protect(true, "1")).await;
    let again = cloud.refused(protect(true, "2")).await;
    assert_eq!(again, ("DeletionProtection.AlreadyEnabled".to_owned(), "rejected"));
    cloud.read(servicemesh::describe_service_meshes()).await;
    cloud.pass();
    assert_eq!(cloud.binding("eip-spare").await.0, "Available");
    cloud.acked(protect(false, "3")).await;
    cloud.read(servicemesh::describe_service_meshes()).await;
    assert_eq!(cloud.binding("eip-spare").await.0, "Releasing");
    cloud.pass();
    assert_eq!(cloud.eip("eip-spare").await, json!(null));
}

#[tokio::test]
async fn tags_are_put_beside_others_and_taken_off_again() {
    let cloud = Cloud::new();
    let start = cloud.server.snapshot();
    for value in ["plan-1", "plan-2"] {
        cloud.acked(vpc::tag_eip(&PERMIT, REGION, "eip-pilot", "portcullis:plan", value)).await;
    }
    let tags = cloud.eip("eip-pilot").await["Tags"]["Tag"].clone();
    assert_eq!(tags, json!([{"Key": "env", "Value": "prod"}, {"Key": "portcullis:plan", "Value": "plan-2"}]));
    cloud.acked(vpc::untag_eip(&PERMIT, REGION, "eip-pilot", "portcullis:plan")).await;
    assert_eq!(cloud.server.snapshot(), start);
}

fn on(acl: &str) -> AccessControl {
    AccessControl::On { acl_type: AclType::White, acl_id: acl.to_owned() }
}

fn listener(balancer: &str, port: u16, control: AccessControl) -> WriteRequest {
    slb::set_tcp_listener_access_control(&PERMIT, REGION, balancer, port, &control)
}

#[tokio::test]
async fn a_fence_is_put_up_and_taken_down() {
    let undos = [AccessControl::Off, AccessControl::On { acl_type: AclType::Black, acl_id: "acl-theirs".to_owned() }];
    for undo in undos {
        let cloud = Cloud::new();
        cloud.acked(listener("lb-pilot", 15011, undo.clone())).await;
        let start = cloud.server.snapshot();
        let attribute = || async {
            let request = slb_reads::describe_tcp_listener_attribute(REGION, "lb-pilot", 15011);
            cloud.client().read(cloud.account(), &request).await.unwrap().parse::<ListenerAttribute>().unwrap()
        };
        let before = attribute().await;
        let created = cloud.acked(slb::create_acl(&PERMIT, REGION, "portcullis-1", Family::Ipv4)).await;
        let acl = created.text("AclId").unwrap().to_owned();
        let entry = |cidr: &str| Entry { cidr: cidr.to_owned(), comment: "office".to_owned() };
        let entries = [entry("203.0.113.0/24"), entry("100.104.0.0/16")];
        cloud.acked(slb::add_acl_entries(&PERMIT, REGION, &acl, &entries)).await;
        // Adding what is there adds nothing.
        cloud.acked(slb::add_acl_entries(&PERMIT, REGION, &acl, &entries[..1])).await;
        let held = cloud.read(slb_reads::describe_access_control_list_attribute(REGION, &acl)).await;
        assert_eq!(held["TotalAclEntry"], json!(2), "{held}");
        cloud.acked(listener("lb-pilot", 15011, on(&acl))).await;
        let fenced = attribute().await;
        assert_eq!(
            (fenced.text("AclStatus"), fenced.text("AclType"), fenced.text("AclId")),
            (Some("on"), Some("white"), Some(acl.as_str()))
        );
        assert_eq!(fenced.beside_access_control(), before.beside_access_control());
        assert!(fenced.beside_access_control().contains_key("Status"), "there is something to compare");
        let held = cloud.read(slb_reads::describe_access_control_list_attribute(REGION, &acl)).await;
        assert_eq!(held["RelatedListeners"]["RelatedListener"][0]["ListenerPort"], json!(15011));
        assert_eq!(cloud.refused(slb::delete_acl(&PERMIT, REGION, &acl)).await.0, "AclInUsed");

        cloud.acked(listener("lb-pilot", 15011, undo.clone())).await;
        cloud.acked(slb::delete_acl(&PERMIT, REGION, &acl)).await;
        assert_eq!(cloud.server.snapshot(), start, "{undo:?}");
    }
}

#[tokio::test]
async fn entries_are_blocks_of_the_lists_family() {
    let cloud = Cloud::new();
    let created = cloud.acked(slb::create_acl(&PERMIT, REGION, "six", Family::Ipv6)).await;
    let acl = created.text("AclId").unwrap().to_owned();
    for (cidr, is_taken) in
        [("2001:db8::/32", true), ("203.0.113.0/24", false), ("2001:db8::1", false), ("::/129", false), ("x/8", false)]
    {
        let entries = [Entry { cidr: cidr.to_owned(), comment: String::new() }];
        let outcome = cloud.send(slb::add_acl_entries(&PERMIT, REGION, &acl, &entries)).await;
        assert_eq!(matches!(outcome, portcullis::cloud::write::Outcome::Acked(_)), is_taken, "{cidr}: {outcome:?}");
    }
    let many: Vec<Entry> =
        (0..51).map(|n| Entry { cidr: format!("2001:db8:{n:x}::/48"), comment: String::new() }).collect();
    assert_eq!(cloud.refused(slb::add_acl_entries(&PERMIT, REGION, &acl, &many)).await.0, "InvalidParameter.AclEntrys");
    cloud.acked(slb::add_acl_entries(&PERMIT, REGION, &acl, &many[..50])).await;
}

#[tokio::test]
async fn a_list_whose_id_was_lost_is_found_by_its_name() {
    let cloud = Cloud::with_faults(json!([{"kind": "garbage", "action": "CreateAccessControlList"}]));
    assert_eq!(cloud.refused(slb::create_acl(&PERMIT, REGION, "portcullis-1", Family::Ipv4)).await.1, "ambiguous");
    let request = slb_reads::describe_access_control_lists_named(REGION, "portcullis-1");
    let paging = page::Paging::page_number(slb_reads::ACLS_PAGE_SIZE);
    let found = page::read::<slb_reads::AccessControlLists>(cloud.client(), cloud.account(), &request, paging).await;
    assert_eq!(found.unwrap().items.len(), 1);
}

#[tokio::test]
async fn the_worlds_time_can_run_faster() {
    let behaviour = Behaviour { bind_delay_ms: 60_000, time_scale: 10_000_000, ..Behaviour::default() };
    let cloud = Cloud::of(world().with_behaviour(behaviour));
    cloud.acked(unbind_pilot()).await;
    // A minute of the world's time is six microseconds of ours.
    assert_eq!(text(&cloud.eip("eip-pilot").await["Status"]), "Available");
}
