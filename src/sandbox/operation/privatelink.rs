//! PrivateLink, version 2020-04-15: RPC with its parameters in the query, flat lists, tokens.

use super::{Listing, Operation, Paging, Tokens};
use crate::sandbox::{host::Product, kind::Kind};

pub(super) static OPERATIONS: &[Operation] = &[
    Operation::list(Product::PrivateLink, "ListVpcEndpoints", Listing::new(Kind::Endpoint, "Endpoints", TOKENS))
        .needs_region()
        .not_found("EndpointNotFound", 404),
    Operation::item(Product::PrivateLink, "GetVpcEndpointAttribute", Kind::Endpoint, "EndpointId")
        .needs_region()
        .not_found("EndpointNotFound", 404),
    Operation::list(
        Product::PrivateLink,
        "ListVpcEndpointServices",
        Listing::new(Kind::EndpointService, "Services", TOKENS),
    )
    .needs_region()
    .not_found("EndpointServiceNotFound", 404),
    Operation::list(
        Product::PrivateLink,
        "ListVpcEndpointServiceResources",
        Listing::new(Kind::EndpointResource, "Resources", UNCOUNTED).of(Kind::EndpointService, "ServiceId"),
    )
    .needs_region()
    .not_found("EndpointServiceNotFound", 404),
];

const TOKENS: Paging = Paging::Tokens(Tokens::usual(1, 1000, 50).counted());

const UNCOUNTED: Paging = Paging::Tokens(Tokens { echoes_size: true, ..Tokens::usual(1, 1000, 50) });
