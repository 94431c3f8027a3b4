//! The client's calls against the simulated cloud, over real HTTP, on the world of the conformance
//! test: what is in the world arrives, in every paging dialect, and what is missing is noticed.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{net::SocketAddr, path::Path, sync::Arc};

use chrono::{DateTime, Utc};
use portcullis::{
    cloud::{
        api::{
            actiontrail,
            cbn::{self, transit_router as tr},
            cs, privatelink, servicemesh,
            sls::{self, AuditUser, FlowSource, Hour, Window},
            vpc::{self, acl, gateway, route},
            vpcpeer,
            wire::{Field, Problems},
        },
        client::{Account, Client, RetrySettings, Settings},
        context::{Context, HttpSettings},
        credential::{Credentials, StaticProvider},
        endpoint::Endpoints,
        error::{CallError, Class},
        log,
        page::{self, Listing, Page, Paging},
        request::ReadRequest,
    },
    sandbox::{Behaviour, LOG_QUERIES, Server, World},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const REGION: &str = "cn-hangzhou";

struct Cloud {
    server: Server,
    client: Client,
    account: Account,
}

impl Cloud {
    fn new(world: World) -> Self {
        let server = Server::start(world, SocketAddr::from(([127, 0, 0, 1], 0)), None).unwrap();
        let endpoints = Endpoints::default().with_endpoint_url(&server.url()).unwrap();
        let retry = RetrySettings { least: 0, share: 0.0, ..RetrySettings::default() };
        let settings = Settings { retry, ..Settings::for_endpoints(&endpoints) };
        let client = Client::new(Context::real(HttpSettings::default()).unwrap(), endpoints, settings);
        let key = server.first_access_key().unwrap();
        let credentials = Credentials {
            access_key_id: key.access_key_id.clone(),
            access_key_secret: key.access_key_secret.clone().into(),
            security_token: None,
            expiration: None,
        };
        let account = Account::new("test", Arc::new(StaticProvider::new("world", credentials)));
        Self { server, client, account }
    }

    /// The world of the conformance test, one item a page.
    fn conformance() -> Self {
        let world = World::from_file(Path::new("tests/conformance/world.json")).unwrap();
        Self::new(world.with_behaviour(Behaviour { page_cap: 1, ..Behaviour::default() }))
    }

    /// That world with faults, and pages as large as they may be.
    fn with_faults(faults: Value) -> Self {
        let world = World::from_file(Path::new("tests/conformance/world.json")).unwrap();
        Self::new(world.with_faults(faults).unwrap())
    }

    async fn list<P: Page>(&self, request: &ReadRequest, paging: Paging) -> Result<Listing<P>, CallError> {
        page::read::<P>(&self.client, &self.account, request, paging).await
    }

    /// The items of a list without problems.
    async fn items<T, P>(&self, request: &ReadRequest, paging: Paging) -> Vec<T>
    where
        P: Page<Item = Field<T>, Head = Problems>,
        T: Clone,
    {
        let listing = self.list::<P>(request, paging).await.unwrap();
        assert!(listing.head.is_empty(), "{}", listing.head.summary());
        listing.items.iter().map(|item| item.value().unwrap().clone()).collect()
    }

    async fn one<T: DeserializeOwned>(&self, request: &ReadRequest) -> T {
        self.client.read(&self.account, request).await.unwrap().parse().unwrap()
    }
}

fn text(field: &Field<String>) -> &str {
    field.value().map_or("", String::as_str)
}

/// The texts of a field over items.
macro_rules! texts {
    ($items:expr, $field:ident) => {
        $items.iter().map(|item| text(&item.$field)).collect::<Vec<_>>()
    };
}

#[tokio::test]
async fn networks_and_routes_arrive() {
    let cloud = Cloud::conformance();
    let vpcs = cloud.items::<_, vpc::Vpcs>(&vpc::describe_vpcs(REGION), vpc::PAGING).await;
    assert_eq!(texts!(vpcs, cidr_block), ["10.0.0.0/16"]);
    let mut problems = Problems::default();
    assert_eq!(vpcs[0].secondary_cidr_blocks.clone().required("", None, &mut problems), ["10.1.0.0/16"]);
    let switches = cloud.items::<_, vpc::VSwitches>(&vpc::describe_v_switches(REGION), vpc::PAGING).await;
    let table = switches[0].route_table.clone().read("", &mut problems).unwrap();
    assert_eq!((text(&switches[0].network_acl_id), text(&table.route_table_id)), ("nacl-1", "vtb-1"));

    let tables = cloud.items::<_, route::RouteTables>(&route::describe_route_table_list(REGION), vpc::PAGING).await;
    assert_eq!(texts!(tables, route_table_id), ["vtb-1", "vtb-2"]);
    let request = route::describe_route_entry_list(REGION, "vtb-1");
    let entries = cloud.items::<_, route::RouteEntries>(&request, route::ROUTE_ENTRIES_PAGING).await;
    assert_eq!(texts!(entries, destination_cidr_block), ["10.0.0.0/24", "10.2.0.0/16", "10.3.0.0/16"]);
    assert_eq!(texts!(entries, status), ["Available", "Available", "Pending"]);
    let hops = entries[2].next_hops.clone().required("", None, &mut problems);
    assert_eq!(hops.iter().map(|hop| hop.enabled.value().unwrap().0).collect::<Vec<_>>(), [true, false]);
    let asked = cloud.server.journal().into_iter().filter(|entry| entry.action == "DescribeRouteEntryList");
    assert_eq!(asked.map(|entry| entry.params["MaxResult"].clone()).collect::<Vec<_>>(), ["100", "100", "100"]);
    let request = route::describe_route_entry_list(REGION, "vtb-9");
    let gone = cloud.list::<route::RouteEntries>(&request, route::ROUTE_ENTRIES_PAGING);
    assert!(gone.await.is_err(), "a table of another region is no empty table");

    let interfaces = route::describe_router_interfaces(REGION);
    let interfaces = cloud.items::<_, route::RouterInterfaces>(&interfaces, vpc::PAGING).await;
    assert_eq!(texts!(interfaces, status), ["Active", "Inactive"]);
    assert_eq!(interfaces[1].opposite_interface_status, Field::Missing);
    assert!(problems.is_empty());
}

#[tokio::test]
async fn gateways_and_filters_arrive_without_secrets() {
    let cloud = Cloud::conformance();
    let nats = cloud.items::<_, gateway::NatGateways>(&gateway::describe_nat_gateways(REGION), vpc::PAGING).await;
    assert_eq!(texts!(nats, nat_gateway_id), ["ngw-1"]);
    let request = gateway::describe_snat_entries_of(REGION, "ngw-1");
    let entries = cloud.items::<_, gateway::SnatTableEntries>(&request, vpc::PAGING).await;
    assert_eq!(texts!(entries, snat_ip), ["203.0.113.10,203.0.113.12"]);
    let vpns = cloud.items::<_, gateway::VpnGateways>(&gateway::describe_vpn_gateways(REGION), vpc::PAGING).await;
    assert_eq!(texts!(vpns, ssl_vpn), ["disable"]);
    let request = gateway::describe_vpn_connections(REGION);
    let connections = cloud.items::<_, gateway::VpnConnections>(&request, vpc::PAGING).await;
    assert_eq!(texts!(connections, status), ["ipsec_sa_established"]);
    let shown = format!("{connections:?}");
    assert!(shown.contains("tun-1") && !shown.contains("testpsk") && !shown.contains("testauthkey"), "{shown}");

    let one: acl::NetworkAclAttributes = cloud.one(&acl::describe_network_acl_attributes(REGION, "nacl-1")).await;
    let mut problems = Problems::default();
    let one = one.network_acl_attribute.read("NetworkAclAttribute", &mut problems).unwrap();
    assert_eq!(text(&one.network_acl_id), "nacl-1");
    let entries = one.egress_acl_entries.required("EgressAclEntries", None, &mut problems);
    assert_eq!(texts!(entries, policy), ["drop"]);
    let logs = cloud.items::<_, vpc::FlowLogs>(&vpc::describe_flow_logs(REGION), vpc::PAGING).await;
    assert_eq!((text(&logs[0].project_name), text(&logs[0].status)), ("flow", "Active"));
    assert!(problems.is_empty());
}

#[tokio::test]
async fn peerings_and_endpoints_arrive() {
    let cloud = Cloud::conformance();
    let request = vpcpeer::list_vpc_peer_connections(REGION);
    let peerings = cloud.items::<_, vpcpeer::VpcPeerConnections>(&request, vpcpeer::PAGING).await;
    assert_eq!(texts!(peerings, status), ["Activated", "Accepting"]);
    let other = vpcpeer::list_vpc_peer_connections("eu-central-1");
    let other = cloud.items::<_, vpcpeer::VpcPeerConnections>(&other, vpcpeer::PAGING).await;
    assert_eq!(texts!(other, instance_id), ["pcc-1"]);
    let request = privatelink::list_vpc_endpoints(REGION);
    let endpoints = cloud.items::<_, privatelink::Endpoints>(&request, privatelink::PAGING).await;
    assert_eq!(
        (texts!(endpoints, endpoint_status), texts!(endpoints, connection_status)),
        (vec!["Active"], vec!["Connected"])
    );
    let all = cloud
        .items::<_, privatelink::EndpointServices>(
            &privatelink::list_vpc_endpoint_services(REGION),
            privatelink::PAGING,
        )
        .await;
    assert_eq!((texts!(all, service_id), texts!(all, service_status)), (vec!["epsrv-1"], vec!["Active"]));
    let request = privatelink::list_vpc_endpoint_service_resources(REGION, "epsrv-1");
    let resources = cloud.items::<_, privatelink::ServiceResources>(&request, privatelink::PAGING).await;
    assert_eq!(texts!(resources, resource_id), ["lb-1"]);
}

#[tokio::test]
async fn enterprise_networks_arrive() {
    let cloud = Cloud::conformance();
    let request = cbn::describe_cen_attached_child_instances("cen-1");
    let children = cloud.items::<_, cbn::ChildInstances>(&request, cbn::PAGING).await;
    assert_eq!(texts!(children, child_instance_id), ["vpc-1", "vbr-1"]);
    let request = cbn::describe_cen_inter_region_bandwidth_limits("cen-1");
    let limits = cloud.items::<_, cbn::BandwidthLimits>(&request, cbn::PAGING).await;
    assert_eq!(limits[0].bandwidth_limit, Field::Value(5));
    let maps = cloud.items::<_, cbn::RouteMaps>(&cbn::describe_cen_route_maps("cen-1"), cbn::ROUTE_MAPS_PAGING).await;
    assert_eq!((text(&maps[0].map_result), &maps[0].priority), ("Deny", &Field::Value(3)));
    let request = cbn::describe_cen_attached_child_instances("cen-9");
    let gone = cloud.list::<cbn::ChildInstances>(&request, cbn::PAGING);
    assert_eq!(gone.await.unwrap_err().class, Class::NotFound);
}

#[tokio::test]
async fn transit_routers_arrive() {
    let cloud = Cloud::conformance();
    let routers = cloud.items::<_, tr::TransitRouters>(&tr::list_transit_routers("cen-1"), cbn::PAGING).await;
    assert_eq!(texts!(routers, transit_router_id), ["tr-1", "tr-2"]);
    let request = tr::list_transit_router_vpc_attachments("tr-1");
    let vpcs = cloud.items::<_, tr::VpcAttachments>(&request, tr::ATTACHMENTS_PAGING).await;
    assert_eq!(texts!(vpcs, status), ["Attached", "Attaching"]);
    for router in ["tr-1", "tr-2"] {
        let request = tr::list_transit_router_peer_attachments(router);
        let peers = cloud.items::<_, tr::PeerAttachments>(&request, tr::ATTACHMENTS_PAGING).await;
        assert_eq!(texts!(peers, peer_transit_router_region_id), ["eu-central-1"]);
    }
    let request = tr::list_transit_router_vpn_attachments("tr-1");
    let vpns = cloud.items::<_, tr::VpnAttachments>(&request, tr::ATTACHMENTS_PAGING).await;
    let request = tr::list_transit_router_vbr_attachments("tr-1");
    let vbrs = cloud.items::<_, tr::VbrAttachments>(&request, tr::ATTACHMENTS_PAGING).await;
    assert_eq!((texts!(vpns, vpn_id), texts!(vbrs, vbr_id)), (vec!["vco-1"], vec!["vbr-1"]));

    let request = tr::list_transit_router_route_tables("tr-1");
    let tables = cloud.items::<_, tr::TransitRouterRouteTables>(&request, tr::ROUTES_PAGING).await;
    assert_eq!(texts!(tables, transit_router_route_table_type), ["System", "Custom"]);
    let request = tr::list_associations_of_attachment("tr-attach-1");
    let associations = cloud.items::<_, tr::Associations>(&request, tr::ASSOCIATIONS_PAGING).await;
    assert_eq!(texts!(associations, transit_router_route_table_id), ["vtb-tr-1"]);
    let none = tr::list_associations_of_attachment("tr-attach-2");
    assert!(cloud.items::<_, tr::Associations>(&none, tr::ASSOCIATIONS_PAGING).await.is_empty());
    let unknown = tr::list_associations_of_attachment("tr-attach-99");
    let unknown = cloud.list::<tr::Associations>(&unknown, tr::ASSOCIATIONS_PAGING).await.unwrap();
    assert_eq!(unknown.head.summary(), "TransitRouterAssociations is missing");

    let request = tr::list_propagations_to_table("vtb-tr-1");
    let learned = cloud.items::<_, tr::Propagations>(&request, tr::ASSOCIATIONS_PAGING).await;
    assert_eq!(texts!(learned, transit_router_attachment_id), ["tr-attach-1", "tr-attach-5"]);
    assert_eq!(texts!(learned, status), ["Active", "Enabling"]);
    let none = tr::list_propagations_to_table("vtb-tr-2");
    assert!(cloud.items::<_, tr::Propagations>(&none, tr::ASSOCIATIONS_PAGING).await.is_empty());
    let unknown = tr::list_propagations_to_table("vtb-tr-99");
    let unknown = cloud.list::<tr::Propagations>(&unknown, tr::ASSOCIATIONS_PAGING).await.unwrap();
    assert_eq!(unknown.head.summary(), "TransitRouterPropagations is missing");

    let request = tr::list_transit_router_route_entries("vtb-tr-1");
    let entries = cloud.items::<_, tr::TransitRouterRouteEntries>(&request, tr::ROUTES_PAGING).await;
    assert_eq!(texts!(entries, status), ["Active", "Rejected"]);
}

#[tokio::test]
async fn a_hole_in_a_list_is_no_list() {
    for (action, kind) in [
        ("DescribeRouteEntryList", "empty-page"),
        ("ListVpcPeerConnections", "missing-field"),
        ("ListTransitRouterRouteEntries", "deny"),
        ("DescribeVSwitches", "shift-page"),
        ("DescribeSnatTableEntries", "wrong-type"),
    ] {
        let field = match action {
            "ListVpcPeerConnections" => "VpcPeerConnects",
            _ => "SnatTableEntries",
        };
        let cloud = Cloud::with_faults(json!([{"action": action, "kind": kind, "field": field}]));
        macro_rules! is_whole {
            ($page:ty, $request:expr, $paging:expr) => {
                cloud.list::<$page>(&$request, $paging).await.is_ok_and(|listing| listing.head.is_empty())
            };
        }
        let whole = match action {
            "DescribeRouteEntryList" => {
                is_whole!(
                    route::RouteEntries,
                    route::describe_route_entry_list(REGION, "vtb-1"),
                    route::ROUTE_ENTRIES_PAGING
                )
            }
            "ListVpcPeerConnections" => {
                is_whole!(vpcpeer::VpcPeerConnections, vpcpeer::list_vpc_peer_connections(REGION), vpcpeer::PAGING)
            }
            "DescribeVSwitches" => is_whole!(vpc::VSwitches, vpc::describe_v_switches(REGION), vpc::PAGING),
            "DescribeSnatTableEntries" => {
                is_whole!(gateway::SnatTableEntries, gateway::describe_snat_entries_of(REGION, "ngw-1"), vpc::PAGING)
            }
            _ => is_whole!(
                tr::TransitRouterRouteEntries,
                tr::list_transit_router_route_entries("vtb-tr-1"),
                tr::ROUTES_PAGING
            ),
        };
        assert!(!whole, "{action} with {kind}");
    }
}

#[tokio::test]
async fn the_services_opinion_of_a_mesh_arrives() {
    let cloud = Cloud::conformance();
    let mut problems = Problems::default();
    let apart: servicemesh::UnconnectedClusters = cloud.one(&servicemesh::describe_cens("cmesh1")).await;
    assert_eq!(apart.clusters.required("Clusters", None, &mut problems), ["c2"]);
    let request = servicemesh::describe_service_mesh_clusters("cmesh1");
    let candidates = cloud.items::<_, servicemesh::Candidates>(&request, servicemesh::CANDIDATES_PAGING).await;
    assert_eq!(texts!(candidates, cluster_id), ["c2", "c3"]);
    assert!(candidates.iter().all(|candidate| candidate.forbidden_flag == Field::Value(2)));
    let proxies: servicemesh::ProxyStatus = cloud.one(&servicemesh::describe_service_mesh_proxy_status("cmesh1")).await;
    assert_eq!(texts!(proxies.proxy_status.required("ProxyStatus", None, &mut problems), proxy_id), ["p1"]);
    assert!(problems.is_empty());
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().with_timezone(&Utc)
}

#[tokio::test]
async fn the_audit_trail_is_read_whole_and_newest_first() {
    let cloud = Cloud::conformance();
    let (from, to) = (at("2026-01-01T00:00:00Z"), at("2026-01-31T00:00:00Z"));
    let request = actiontrail::lookup_events(REGION, "ModifyPilotEipResource", from, to);
    let events = cloud.items::<_, actiontrail::Events>(&request, actiontrail::PAGING).await;
    assert_eq!(texts!(events, event_id), ["e-2", "e-1"]);
    let mut problems = Problems::default();
    let who = events[1].user_identity.clone().read("userIdentity", &mut problems).unwrap();
    assert_eq!((text(&who.r#type), text(&who.user_name)), ("ram-user", "alice"));
    let before = at("2026-01-02T00:00:00Z");
    let request = actiontrail::lookup_events(REGION, "ModifyPilotEipResource", from, before);
    assert!(cloud.items::<_, actiontrail::Events>(&request, actiontrail::PAGING).await.is_empty());
}

const FLOW: Window<'_> =
    Window { region: REGION, project: "flow", logstore: "vpc-1", from: 1_767_300_000, to: 1_767_303_600 };
const AUDIT: Window<'_> = Window { project: "k8s-log-c1", logstore: "audit-c1", ..FLOW };

#[tokio::test]
async fn logs_are_aggregated_by_the_documented_queries() {
    let cloud = Cloud::conformance();
    let request = sls::flow_sources(FLOW, "vpc-1", "203.0.113.7".parse().unwrap(), &[15011, 15012]);
    let flows = log::read::<FlowSource>(&cloud.client, &cloud.account, &request).await.unwrap();
    let rows: Vec<_> =
        flows.rows.iter().map(|row| (text(&row.source), &row.records, &row.bytes, &row.last_seen)).collect();
    // The records of another port and another VPC, the refused one and the one at the window's end are
    // left out.
    let value = Field::Value;
    assert_eq!(
        rows,
        [
            ("192.0.2.1", &value(2), &value(300), &value(1_767_300_120)),
            ("192.0.2.2", &value(1), &value(50), &value(1_767_300_060))
        ]
    );
    assert!(!flows.is_cut);

    for (v_switch, expected) in [
        (None, (1_767_300_000, 1_767_300_300, 1)),
        (Some("vsw-1"), (1_767_300_000, 1_767_300_120, 0)),
        (Some("vsw-2"), (1_767_300_180, 1_767_300_300, 1)),
    ] {
        let request = sls::flow_hours(FLOW, "vpc-1", v_switch);
        let hours = log::read::<Hour>(&cloud.client, &cloud.account, &request).await.unwrap();
        let rows: Vec<_> = hours.rows.iter().map(|row| (&row.first_seen, &row.last_seen, &row.skipped)).collect();
        let (first, last, skipped) = expected;
        // 1 767 300 000 is no whole number of hours, and no record begins in the next one.
        assert_eq!(rows, [(&value(first), &value(last), &value(skipped))]);
    }
    for none in [sls::flow_hours(FLOW, "vpc-3", None), sls::flow_hours(FLOW, "vpc-2", Some("vsw-1"))] {
        assert!(log::read::<Hour>(&cloud.client, &cloud.account, &none).await.unwrap().rows.is_empty());
    }
    // Another query than the documented one, however it came about.
    for request in
        [sls::flow_hours(FLOW, "vpc-1' OR '' = '", None), sls::flow_hours(FLOW, "vpc-1", Some("' OR '' = '"))]
    {
        let error = log::read::<Hour>(&cloud.client, &cloud.account, &request).await.unwrap_err();
        assert_eq!(error.code, "InvalidQueryString");
    }

    let users = log::read::<AuditUser>(&cloud.client, &cloud.account, &sls::audit_users(AUDIT)).await.unwrap();
    let rows: Vec<_> = users.rows.iter().map(|row| (text(&row.sources), text(&row.username), &row.requests)).collect();
    assert_eq!(
        rows,
        [
            ("[\"198.51.100.9\"]", "system:anonymous", &value(1)),
            ("[\"203.0.113.50\",\"10.0.0.1\"]", "alice", &value(3))
        ]
    );

    let hours = log::read::<Hour>(&cloud.client, &cloud.account, &sls::audit_hours(AUDIT)).await.unwrap();
    let rows: Vec<_> = hours.rows.iter().map(|row| (&row.first_seen, &row.last_seen)).collect();
    assert_eq!(rows, [(&value(1_767_300_010), &value(1_767_300_040))]);

    for (window, code) in [
        (Window { project: "nobody", ..FLOW }, "ProjectNotExist"),
        (Window { logstore: "nothing", ..FLOW }, "LogStoreNotExist"),
    ] {
        let error = log::read::<AuditUser>(&cloud.client, &cloud.account, &sls::audit_users(window)).await.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (Class::NotFound, code));
    }
    let request = sls::audit_users(Window { project: "evil.test/", ..FLOW });
    let error = log::read::<AuditUser>(&cloud.client, &cloud.account, &request);
    assert_eq!(error.await.unwrap_err().class, Class::Request);
}

#[tokio::test]
async fn partial_and_refused_log_queries_are_no_answers() {
    let cloud = Cloud::with_faults(json!([{"action": "GetLogsV2", "kind": "empty-page", "times": 1}]));
    let users = log::read::<AuditUser>(&cloud.client, &cloud.account, &sls::audit_users(AUDIT)).await.unwrap();
    assert_eq!(users.rows.len(), 2);
    assert_eq!(cloud.server.journal().len(), 2);
    let cloud = Cloud::with_faults(json!([{"action": "GetLogsV2", "kind": "deny"}]));
    let error = log::read::<AuditUser>(&cloud.client, &cloud.account, &sls::audit_users(AUDIT)).await.unwrap_err();
    assert_eq!(error.class, Class::Denied);
    assert!(error.advice.contains("log:GetLogStoreLogs"), "{}", error.advice);
    let cloud = Cloud::with_faults(json!([{"action": "GetLogsV2", "kind": "inner-403"}]));
    assert!(log::read::<AuditUser>(&cloud.client, &cloud.account, &sls::audit_users(AUDIT)).await.is_err());
}

#[tokio::test]
async fn clusters_say_where_they_log() {
    let cloud = Cloud::conformance();
    let audit: cs::AuditProject = cloud.one(&cs::get_cluster_audit_project(REGION, "c1")).await;
    assert_eq!((audit.audit_enabled, text(&audit.sls_project_name)), (Field::Value(true), "k8s-log-c1"));
    let audit: cs::AuditProject = cloud.one(&cs::get_cluster_audit_project(REGION, "c2")).await;
    assert_eq!(audit.audit_enabled, Field::Value(false));
}

#[test]
fn each_side_and_the_document_have_the_same_queries() {
    assert_eq!(
        LOG_QUERIES,
        [sls::FLOW_SOURCES, sls::FLOW_HOURS, sls::SWITCH_HOURS, sls::AUDIT_USERS, sls::AUDIT_HOURS]
    );
    let document = std::fs::read_to_string("docs/evidence.md").unwrap();
    let blocks: Vec<&str> = document.split("```").skip(1).step_by(2).collect();
    let queries: Vec<&str> = blocks.iter().filter_map(|block| block.strip_prefix("sql\n")).map(str::trim).collect();
    assert_eq!(queries, LOG_QUERIES);
    for query in LOG_QUERIES {
        assert!(query.ends_with(&format!("LIMIT {}", sls::MOST_ROWS)), "{query}");
    }
}
