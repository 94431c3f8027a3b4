//! Virtual Private Cloud: elastic IPs.

use serde::Deserialize;

use super::wire::{Field, Lenient, List, Problems, Tag, element_id, object_elements};
use crate::cloud::{
    page::Page,
    request::{Operation, Product, ReadRequest},
};

/// Elastic IPs of one region, by page.
pub const DESCRIBE_EIP_ADDRESSES: Operation = Operation::rpc_query(Product::Vpc, "DescribeEipAddresses");

/// Items per page; the default is 10.
pub const EIPS_PAGE_SIZE: u32 = 100;

/// Asks for the elastic IPs of a region. The page driver adds the page.
pub fn describe_eip_addresses(region: &str) -> ReadRequest {
    ReadRequest::new(DESCRIBE_EIP_ADDRESSES, region).param("RegionId", region)
}

/// One page of `DescribeEipAddresses`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EipAddresses {
    pub total_count: Field<u64>,
    pub eip_addresses: List<EipAddress>,
}

/// An elastic IP.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EipAddress {
    pub allocation_id: Field<String>,
    pub ip_address: Field<String>,
    pub region_id: Field<String>,
    /// `Associating`, `Unassociating`, `InUse`, `Available`, `Releasing`.
    pub status: Field<String>,
    pub instance_id: Field<String>,
    pub instance_type: Field<String>,
    pub private_ip_address: Field<String>,
    /// 0 or 1 here, a boolean elsewhere.
    pub service_managed: Field<Lenient>,
    pub tags: List<Tag>,
}
object_elements!(EipAddress);

impl Page for EipAddresses {
    type Item = Field<EipAddress>;
    type Head = Problems;

    fn id(item: &Self::Item) -> String {
        element_id(item, |eip| &eip.allocation_id)
    }

    fn total(&self) -> Option<u64> {
        self.total_count.value().copied()
    }

    fn split(self) -> (Problems, Vec<Self::Item>) {
        let total = self.total();
        self.eip_addresses.into_page("EipAddresses", total)
    }
}
