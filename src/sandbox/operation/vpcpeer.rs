//! VPC peering, version 2022-01-01: one host for all regions, parameters in the form, tokens.

use super::{Listing, Operation};
use crate::sandbox::{host::Product, kind::Kind};

pub(super) static OPERATIONS: &[Operation] = &[
    Operation::list(
        Product::VpcPeer,
        "ListVpcPeerConnections",
        Listing::by_token(Kind::Peering, "VpcPeerConnects", 100, 20),
    )
    .reads_form()
    .not_found(GONE, 404),
    Operation::item(Product::VpcPeer, "GetVpcPeerConnectionAttribute", Kind::Peering, "InstanceId")
        .reads_form()
        .not_found(GONE, 404),
];

const GONE: &str = "ResourceNotFound.InstanceId";
