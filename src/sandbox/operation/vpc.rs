//! VPC, version 2016-04-28: RPC with its parameters in the query, wrapped lists, page numbers.

use std::borrow::Cow;

use super::{Call, Listing, Numbers, Operation, Paging};
use crate::sandbox::{
    collection::{Kind, Wanted},
    host::Product,
    reply::ApiError,
};

pub(super) static OPERATIONS: &[Operation] = &[
    Operation::new(Product::Vpc, "DescribeEipAddresses", eip_addresses)
        .needs_region()
        .not_found("InvalidAllocationId.NotFound", 404),
    Operation::new(Product::Vpc, "DescribeVpcs", vpcs).needs_region().not_found("InvalidVpcID.NotFound", 404),
    Operation::new(Product::Vpc, "DescribeVSwitches", vswitches).not_found("InvalidVSwitchId.NotFound", 404),
];

fn eip_addresses(call: &Call<'_>) -> Result<String, ApiError> {
    let numbers = Paging::Numbers(Numbers::usual(100, 10));
    let mut more = Vec::new();
    // The parameter is a boolean and the field a number.
    if let Some(managed) = call.boolean("ServiceManaged")? {
        let position = Kind::Eip.spec().filters.iter().position(|filter| filter.parameter == "ServiceManagedNumber");
        more.extend(position.map(|filter| Wanted { filter, values: vec![u8::from(managed).to_string()] }));
    }
    Listing::new(Kind::Eip, "EipAddresses.EipAddress", numbers).answer_with(call, more, |text| Cow::Borrowed(text))
}

fn vpcs(call: &Call<'_>) -> Result<String, ApiError> {
    Listing::new(Kind::Vpc, "Vpcs.Vpc", Paging::Numbers(Numbers::usual(50, 10))).answer(call)
}

fn vswitches(call: &Call<'_>) -> Result<String, ApiError> {
    if call.param("RegionId").is_none() && call.param("VpcId").is_none() {
        return Err(ApiError::missing("RegionId"));
    }
    Listing::new(Kind::VSwitch, "VSwitches.VSwitch", Paging::Numbers(Numbers::usual(50, 10))).answer(call)
}
