//! Cloud Enterprise Network, version 2017-09-12: one host for all regions, RPC with its parameters in
//! the query. The older operations wrap their lists and go by page number, those of transit routers
//! are flat and go by token.

use std::borrow::Cow;

use super::{Body, Call, Listing, Operation};
use crate::sandbox::{collection::Wanted, host::Product, kind::Kind, reply::ApiError};

pub(super) static OPERATIONS: &[Operation] = &[
    listed("DescribeCens", Listing::numbered(Kind::Cen, "Cens.Cen", 50, 10)),
    listed(
        "DescribeCenAttachedChildInstances",
        Listing::numbered(Kind::CenChild, "ChildInstances.ChildInstance", 50, 10).of(Kind::Cen, "CenId"),
    ),
    listed(
        "DescribeCenInterRegionBandwidthLimits",
        Listing::numbered(Kind::CenBandwidth, "CenInterRegionBandwidthLimits.CenInterRegionBandwidthLimit", 50, 10)
            .any_of(&["CenId"]),
    ),
    listed(
        "DescribeCenBandwidthPackages",
        Listing::numbered(Kind::CenPackage, "CenBandwidthPackages.CenBandwidthPackage", 50, 10),
    ),
    listed(
        "DescribeCenRouteMaps",
        Listing::numbered(Kind::CenRouteMap, "RouteMaps.RouteMap", 50, 10).of(Kind::Cen, "CenId"),
    ),
    listed(
        "ListTransitRouters",
        Listing::numbered(Kind::TransitRouter, "TransitRouters", 50, 10).of(Kind::Cen, "CenId"),
    ),
    listed("ListTransitRouterVpcAttachments", attachments(Kind::TrVpcAttachment)),
    listed("ListTransitRouterPeerAttachments", attachments(Kind::TrPeerAttachment)),
    listed("ListTransitRouterVpnAttachments", attachments(Kind::TrVpnAttachment)),
    listed("ListTransitRouterVbrAttachments", attachments(Kind::TrVbrAttachment)),
    listed(
        "ListTransitRouterRouteTables",
        Listing::by_token(Kind::TrRouteTable, "TransitRouterRouteTables", 100, 20)
            .of(Kind::TransitRouter, "TransitRouterId"),
    ),
    Operation::new(Product::Cbn, "ListTransitRouterRouteTableAssociations", associations),
    Operation::new(Product::Cbn, "ListTransitRouterRouteTablePropagations", propagations),
    Operation::new(Product::Cbn, "ListTransitRouterRouteEntries", route_entries)
        .not_found("InvalidTransitRouterRouteTableId.NotFound", 404),
];

const fn listed(action: &'static str, listing: Listing) -> Operation {
    // The vendor's words for a CEN that does not exist.
    Operation::list(Product::Cbn, action, listing).not_found("ParameterCenInstanceId", 400)
}

const fn attachments(kind: Kind) -> Listing {
    Listing::by_token(kind, "TransitRouterAttachments", 100, 20).any_of(&["TransitRouterId", "CenId", "RegionId"])
}

fn associations(call: &Call<'_>) -> Result<String, ApiError> {
    of_table_or_attachment(call, Listing::by_token(Kind::TrAssociation, "TransitRouterAssociations", 100, 50))
}

fn propagations(call: &Call<'_>) -> Result<String, ApiError> {
    of_table_or_attachment(call, Listing::by_token(Kind::TrPropagation, "TransitRouterPropagations", 100, 50))
}

/// An id that does not exist gives a reply without list and without error.
fn of_table_or_attachment(call: &Call<'_>, listing: Listing) -> Result<String, ApiError> {
    let listing = listing.any_of(&["TransitRouterRouteTableId", "TransitRouterAttachmentId"]);
    let table = call.param("TransitRouterRouteTableId");
    let attachment = call.param("TransitRouterAttachmentId");
    let knows_table = |id| call.account.collection(Kind::TrRouteTable).find(id, None).next().is_some();
    let is_known = table.is_none_or(knows_table) && attachment.is_none_or(|id| knows_attachment(call, id));
    if is_known { listing.answer(call) } else { Ok(Body::new(call.request_id).finish()) }
}

fn knows_attachment(call: &Call<'_>, id: &str) -> bool {
    let kinds = [Kind::TrVpcAttachment, Kind::TrPeerAttachment, Kind::TrVpnAttachment, Kind::TrVbrAttachment];
    kinds.into_iter().any(|kind| call.account.collection(kind).iter().any(|item| *item.id == *id))
}

/// Shows active entries only, unless the request asks for another status or for all.
fn route_entries(call: &Call<'_>) -> Result<String, ApiError> {
    call.item(Kind::TrRouteTable, "TransitRouterRouteTableId")?;
    let listing = Listing::by_token(Kind::TrRouteEntry, "TransitRouterRouteEntries", 100, 20);
    let status = Kind::TrRouteEntry.spec().filter("TransitRouterRouteEntryStatus");
    let more = match call.param("TransitRouterRouteEntryStatus") {
        None => status.map(|filter| Wanted { filter, values: vec!["Active".to_owned()] }),
        Some(_) => None,
    };
    listing.answer_with(call, more.into_iter().collect(), |text| Cow::Borrowed(text))
}
