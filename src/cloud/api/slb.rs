//! Classic load balancers (CLB), their listeners and access control lists.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    paged::page_of,
    wire::{Field, List, Problems, Tag, object_elements},
};
use crate::cloud::{
    page::Page,
    request::{Operation, Product, ReadRequest},
};

/// Balancers, by page.
pub const DESCRIBE_LOAD_BALANCERS: Operation = Operation::rpc_query(Product::Slb, "DescribeLoadBalancers");
/// Listeners of up to ten balancers, by token.
pub const DESCRIBE_LOAD_BALANCER_LISTENERS: Operation =
    Operation::rpc_query(Product::Slb, "DescribeLoadBalancerListeners");
/// The entries of one access control list, by page.
pub const DESCRIBE_ACCESS_CONTROL_LIST_ATTRIBUTE: Operation =
    Operation::rpc_query(Product::Slb, "DescribeAccessControlListAttribute");
/// Access control lists of one region, by page.
pub const DESCRIBE_ACCESS_CONTROL_LISTS: Operation = Operation::rpc_query(Product::Slb, "DescribeAccessControlLists");
/// Everything of one TCP listener.
pub const DESCRIBE_LOAD_BALANCER_TCP_LISTENER_ATTRIBUTE: Operation =
    Operation::rpc_query(Product::Slb, "DescribeLoadBalancerTCPListenerAttribute");

/// Most balancers that one call may name.
pub const BALANCERS_PER_CALL: usize = 10;
/// Balancers per page.
pub const BALANCERS_PAGE_SIZE: u32 = 100;
/// Listeners per page.
pub const LISTENERS_PAGE_SIZE: u32 = 100;
/// Access control lists per page.
pub const ACLS_PAGE_SIZE: u32 = 50;
/// Entries of an access control list per page.
pub const ENTRIES_PAGE_SIZE: u32 = 50;

/// Asks for the balancers with a public address of their own. One with an EIP bound to it is not
/// among them: it stays `intranet`.
pub fn describe_internet_load_balancers(region: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_LOAD_BALANCERS, region).param("RegionId", region).param("AddressType", "internet")
}

/// Asks for up to [`BALANCERS_PER_CALL`] balancers by id.
pub fn describe_load_balancers(region: &str, ids: &[String]) -> ReadRequest {
    ReadRequest::new(DESCRIBE_LOAD_BALANCERS, region)
        .param("RegionId", region)
        .param("LoadBalancerId", ids.join(","))
        .resource(&ids.join(","))
}

/// Asks for the listeners of up to [`BALANCERS_PER_CALL`] balancers. The page driver adds the token.
pub fn describe_load_balancer_listeners(region: &str, ids: &[String]) -> ReadRequest {
    ReadRequest::new(DESCRIBE_LOAD_BALANCER_LISTENERS, region)
        .param("RegionId", region)
        .list("LoadBalancerId", ids)
        .resource(&ids.join(","))
}

/// Asks for the entries of one access control list. The page driver adds the page.
pub fn describe_access_control_list_attribute(region: &str, id: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_ACCESS_CONTROL_LIST_ATTRIBUTE, region)
        .param("RegionId", region)
        .param("AclId", id)
        .resource(id)
}

/// Asks for the access control lists of a region that have a name. The page driver adds the page.
pub fn describe_access_control_lists_named(region: &str, name: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_ACCESS_CONTROL_LISTS, region)
        .param("RegionId", region)
        .param("AclName", name)
        .resource(name)
}

/// Asks for everything of one TCP listener. The other protocols have operations of their own; no control plane uses them.
pub fn describe_tcp_listener_attribute(region: &str, load_balancer_id: &str, port: u16) -> ReadRequest {
    ReadRequest::new(DESCRIBE_LOAD_BALANCER_TCP_LISTENER_ATTRIBUTE, region)
        .param("RegionId", region)
        .param("LoadBalancerId", load_balancer_id)
        .param("ListenerPort", port)
        .resource(load_balancer_id)
}

/// Everything that one listener is set to, but what differs from reply to reply: what a change of one setting must leave
/// as it is. Whichever settings there are is the vendor's matter, so they are not typed.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "BTreeMap<String, serde_json::Value>")]
pub struct ListenerAttribute(BTreeMap<String, serde_json::Value>);

impl From<BTreeMap<String, serde_json::Value>> for ListenerAttribute {
    fn from(mut settings: BTreeMap<String, serde_json::Value>) -> Self {
        settings.remove("RequestId");
        Self(settings)
    }
}

/// The settings of a listener that are its access control.
const ACCESS_CONTROL: [&str; 4] = ["AclId", "AclIds", "AclStatus", "AclType"];

impl ListenerAttribute {
    /// A setting that is text; `None` where it is missing or another kind of value.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(serde_json::Value::as_str)
    }

    /// The port that the listener is on; `None` where the reply does not say it.
    pub fn port(&self) -> Option<u64> {
        self.0.get("ListenerPort").and_then(serde_json::Value::as_u64)
    }

    /// The settings beside the access control, each as JSON.
    pub fn beside_access_control(&self) -> BTreeMap<String, String> {
        let beside = self.0.iter().filter(|(name, _)| !ACCESS_CONTROL.contains(&name.as_str()));
        beside.map(|(name, value)| (name.clone(), value.to_string())).collect()
    }
}

page_of! {
    /// One page of `DescribeAccessControlLists`.
    AccessControlLists { acls: "Acls" of AccessControlList } by acl_id, numbered
}

/// An access control list in the list of them, without its entries.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AccessControlList {
    pub acl_id: Field<String>,
    pub acl_name: Field<String>,
    /// `ipv4` or `ipv6`.
    #[serde(rename = "AddressIPVersion")]
    pub address_ip_version: Field<String>,
}

page_of! {
    /// One page of `DescribeLoadBalancers`.
    LoadBalancers { load_balancers: "LoadBalancers" of LoadBalancer } by load_balancer_id, numbered
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LoadBalancer {
    pub load_balancer_id: Field<String>,
    pub load_balancer_name: Field<String>,
    pub region_id: Field<String>,
    pub address: Field<String>,
    /// `internet` or `intranet`.
    pub address_type: Field<String>,
    /// `ipv4` or `ipv6`.
    #[serde(rename = "AddressIPVersion")]
    pub address_ip_version: Field<String>,
    pub load_balancer_status: Field<String>,
    pub vpc_id: Field<String>,
    pub tags: List<Tag>,
}
object_elements!(LoadBalancer, Listener, AclEntry, AccessControlList);

page_of! {
    /// One page of `DescribeLoadBalancerListeners`.
    Listeners { listeners: "Listeners" of Listener } by fn listener_id, token
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Listener {
    pub load_balancer_id: Field<String>,
    pub listener_port: Field<u16>,
    /// A number, negative where each backend server has a port of its own.
    pub backend_server_port: Field<String>,
    /// The group of servers to which it forwards, each on a port of its own.
    #[serde(rename = "VServerGroupId")]
    pub v_server_group_id: Field<String>,
    /// `tcp`, `udp`, `http`, `https`.
    pub listener_protocol: Field<String>,
    /// `running` or `stopped`.
    pub status: Field<String>,
    /// `on` or `off`.
    pub acl_status: Field<String>,
    /// `white` or `black`.
    pub acl_type: Field<String>,
    pub acl_id: Field<String>,
    pub acl_ids: List<String>,
}

/// One page of `DescribeAccessControlListAttribute`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AccessControlListAttribute {
    pub acl_id: Field<String>,
    pub acl_name: Field<String>,
    #[serde(rename = "AddressIPVersion")]
    pub address_ip_version: Field<String>,
    pub total_acl_entry: Field<u64>,
    pub acl_entrys: List<AclEntry>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AclEntry {
    #[serde(rename = "AclEntryIP")]
    pub acl_entry_ip: Field<Box<str>>,
}

impl Page for AccessControlListAttribute {
    type Item = Field<AclEntry>;
    /// The list without entries.
    type Head = (Problems, Self);

    fn id(item: &Self::Item) -> String {
        item.value().and_then(|entry| entry.acl_entry_ip.value()).map(ToString::to_string).unwrap_or_default()
    }

    fn total(&self) -> Option<u64> {
        self.total_acl_entry.value().copied()
    }

    fn split(mut self) -> (Self::Head, Vec<Self::Item>) {
        let total = self.total();
        let (problems, entries) = std::mem::take(&mut self.acl_entrys).into_page("AclEntrys", total);
        ((problems, self), entries)
    }
}

/// One port may serve TCP and UDP.
fn listener_id(listener: &Listener) -> String {
    let text = |field: &Field<String>| field.value().cloned().unwrap_or_default();
    let port = listener.listener_port.value().copied().unwrap_or_default();
    format!("{}/{}/{port}", text(&listener.load_balancer_id), text(&listener.listener_protocol))
}
