//! PrivateLink: endpoints in a consumer's network, services in front of a balancer. Flat lists.

use serde::Deserialize;

use super::{
    paged::page_of,
    wire::{Field, object_elements},
};
use crate::cloud::{
    page::Paging,
    request::{Operation, Product, ReadRequest},
};

/// Endpoints, by token.
pub const LIST_VPC_ENDPOINTS: Operation = Operation::rpc_query(Product::Privatelink, "ListVpcEndpoints");
/// Endpoint services, by token.
pub const LIST_VPC_ENDPOINT_SERVICES: Operation = Operation::rpc_query(Product::Privatelink, "ListVpcEndpointServices");
/// The balancers behind one service, by token.
pub const LIST_VPC_ENDPOINT_SERVICE_RESOURCES: Operation =
    Operation::rpc_query(Product::Privatelink, "ListVpcEndpointServiceResources");

/// How the lists are paged.
pub const PAGING: Paging = Paging::next_token(1000);

/// Asks for the endpoints of a region. The page driver adds the token.
pub fn list_vpc_endpoints(region: &str) -> ReadRequest {
    regional(LIST_VPC_ENDPOINTS, region)
}

/// Asks for the endpoints in a network. The page driver adds the token.
pub fn list_vpc_endpoints_of(region: &str, vpc_id: &str) -> ReadRequest {
    list_vpc_endpoints(region).param("VpcId", vpc_id).resource(vpc_id)
}

/// Asks for the endpoint services of a region. The page driver adds the token.
pub fn list_vpc_endpoint_services(region: &str) -> ReadRequest {
    regional(LIST_VPC_ENDPOINT_SERVICES, region)
}

/// Asks for one endpoint service by way of the list. The page driver adds the token.
pub fn list_vpc_endpoint_service(region: &str, service_id: &str) -> ReadRequest {
    list_vpc_endpoint_services(region).param("ServiceId", service_id).resource(service_id)
}

/// Asks for the balancers behind one service. The page driver adds the token.
pub fn list_vpc_endpoint_service_resources(region: &str, service_id: &str) -> ReadRequest {
    regional(LIST_VPC_ENDPOINT_SERVICE_RESOURCES, region).param("ServiceId", service_id).resource(service_id)
}

fn regional(operation: Operation, region: &str) -> ReadRequest {
    ReadRequest::new(operation, region).param("RegionId", region)
}

page_of! {
    /// One page of `ListVpcEndpoints`.
    Endpoints { endpoints: "Endpoints" of Endpoint } by endpoint_id, token
}

/// An endpoint. It is a private path only if it is `Active` and `Connected`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Endpoint {
    pub endpoint_id: Field<String>,
    pub endpoint_domain: Field<String>,
    /// `Interface`, `Reverse`, `GatewayLoadBalancer`.
    pub endpoint_type: Field<String>,
    /// `Creating`, `Active`, `Pending`, `Deleting`.
    pub endpoint_status: Field<String>,
    /// `Pending`, `Connecting`, `Connected`, `Disconnecting`, `Disconnected`, `Deleting`, `ServiceDeleted`.
    pub connection_status: Field<String>,
    /// `Normal`, or locked for debts.
    pub endpoint_business_status: Field<String>,
    pub service_id: Field<String>,
    pub service_name: Field<String>,
    pub service_region_id: Field<String>,
    pub vpc_id: Field<String>,
    pub region_id: Field<String>,
}
object_elements!(Endpoint, EndpointService, ServiceResource);

page_of! {
    /// One page of `ListVpcEndpointServices`.
    EndpointServices { services: "Services" of EndpointService } by service_id, token
}

/// An endpoint service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EndpointService {
    pub service_id: Field<String>,
    pub service_name: Field<String>,
    /// `Creating`, `Pending`, `Active`, `Deleting`.
    pub service_status: Field<String>,
    /// `Normal`, or locked for debts.
    pub service_business_status: Field<String>,
    /// `slb`, `alb`, `nlb`, `gwlb`.
    pub service_resource_type: Field<String>,
    pub region_id: Field<String>,
}

page_of! {
    /// One page of `ListVpcEndpointServiceResources`.
    ServiceResources { resources: "Resources" of ServiceResource } by fn resource_id, token
}

/// The same balancer stands once for each zone.
fn resource_id(resource: &ServiceResource) -> String {
    let text = |field: &Field<String>| field.value().cloned().unwrap_or_default();
    format!("{}/{}", text(&resource.resource_id), text(&resource.zone_id))
}

/// A balancer behind a service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceResource {
    pub resource_id: Field<String>,
    /// `slb`, `nlb` and others.
    pub resource_type: Field<String>,
    pub zone_id: Field<String>,
    pub vpc_id: Field<String>,
    pub ip: Field<String>,
}
