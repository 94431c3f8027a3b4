//! What if: a topology with one object more or less. What does not change is shared, so that many
//! changes can be tried on one large network.

use std::{collections::HashMap, sync::Arc};

use crate::model::{
    RouteEntry, RouteTableId, RouterInterface, RouterInterfaceId, TransitRouterAssociation, TransitRouterAttachment,
    TransitRouterAttachmentId, TransitRouterRouteEntry, TransitRouterRouteTableId, VpcEndpoint, VpcEndpointId, VpcPeer,
    VpcPeerId,
};

use super::{
    table::TrTable,
    topology::{Grouped, Named, Topology},
};

/// An object that a topology can do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'p> {
    VpcPeer(&'p VpcPeerId),
    RouterInterface(&'p RouterInterfaceId),
    Attachment(&'p TransitRouterAttachmentId),
    /// Of an attachment, whatever the table.
    Association(&'p TransitRouterAttachmentId),
    /// All entries of a table for a block, as the API writes it.
    RouteEntry(&'p RouteTableId, &'p str),
    TransitRouterRouteEntry(&'p TransitRouterRouteTableId, &'p str),
    VpcEndpoint(&'p VpcEndpointId),
}

/// An object that can be put into a topology. One with the same id gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addition<'a> {
    VpcPeer(&'a VpcPeer),
    RouterInterface(&'a RouterInterface),
    Attachment(&'a TransitRouterAttachment),
    Association(&'a TransitRouterAssociation),
    /// Into a table that is there.
    RouteEntry(&'a RouteTableId, &'a RouteEntry),
    TransitRouterRouteEntry(&'a TransitRouterRouteEntry),
    VpcEndpoint(&'a VpcEndpoint),
}

impl<'a> Topology<'a> {
    /// The topology without an object; itself where there is none such.
    #[must_use]
    pub fn without(&self, part: Part<'_>) -> Self {
        let mut changed = self.clone();
        match part {
            Part::VpcPeer(id) => {
                remove(&mut changed.peers, id.as_str());
                drop_from(&mut changed.peers_of, |peer| peer.instance_id == *id);
            }
            Part::RouterInterface(id) => {
                remove(&mut changed.interfaces, id.as_str());
                drop_from(&mut changed.interfaces_of, |one| one.router_interface_id == *id);
            }
            Part::Attachment(id) => {
                remove(&mut changed.attachments, id.as_str());
                drop_from(&mut changed.attachments_of, |one| one.transit_router_attachment_id == *id);
                drop_from(&mut changed.links_of, |one| one.transit_router_attachment_id == *id);
            }
            Part::Association(id) => {
                Arc::make_mut(&mut changed.associations).remove(id.as_str());
            }
            Part::RouteEntry(id, block) => {
                if let Some(table) = Arc::make_mut(&mut changed.tables).get_mut(id.as_str()) {
                    let others = table.entries.iter().filter(|entry| entry.destination_cidr_block != block);
                    *table = Arc::new(table.with_entries(others.copied().collect()));
                }
            }
            Part::TransitRouterRouteEntry(id, block) => {
                if let Some(table) = Arc::make_mut(&mut changed.tr_tables).get_mut(id.as_str()) {
                    let others = table.entries.iter().filter(|entry| entry.destination_cidr_block != block);
                    *table = Arc::new(TrTable::new(others.copied().collect()));
                }
            }
            Part::VpcEndpoint(id) => drop_from(&mut changed.endpoints, |endpoint| endpoint.endpoint_id == *id),
        }
        changed
    }

    /// The topology with an object more.
    #[must_use]
    pub fn with(&self, addition: Addition<'a>) -> Self {
        match addition {
            Addition::VpcPeer(peer) => {
                let mut changed = self.without(Part::VpcPeer(&peer.instance_id));
                Arc::make_mut(&mut changed.peers).insert(peer.instance_id.as_str(), peer);
                add_to(&mut changed.peers_of, [peer.vpc_id.as_str(), peer.accepting_vpc_id.as_str()], peer);
                changed
            }
            Addition::RouterInterface(one) => {
                let mut changed = self.without(Part::RouterInterface(&one.router_interface_id));
                Arc::make_mut(&mut changed.interfaces).insert(one.router_interface_id.as_str(), one);
                add_to(&mut changed.interfaces_of, [one.vpc_id.as_str()], one);
                changed
            }
            Addition::Attachment(one) => {
                let mut changed = self.without(Part::Attachment(&one.transit_router_attachment_id));
                Arc::make_mut(&mut changed.attachments).insert(one.transit_router_attachment_id.as_str(), one);
                add_to(&mut changed.attachments_of, [one.vpc_id.as_str()], one);
                if one.resource_type.eq_ignore_ascii_case("TR") {
                    let ends = [one.transit_router_id.as_str(), one.peer_transit_router_id.as_str()];
                    add_to(&mut changed.links_of, ends, one);
                }
                changed
            }
            Addition::Association(one) => {
                let mut changed = self.clone();
                add_to(&mut changed.associations, [one.transit_router_attachment_id.as_str()], one);
                changed
            }
            Addition::RouteEntry(id, entry) => {
                let mut changed = self.clone();
                if let Some(table) = Arc::make_mut(&mut changed.tables).get_mut(id.as_str()) {
                    let entries = table.entries.iter().copied().chain([entry]);
                    *table = Arc::new(table.with_entries(entries.collect()));
                }
                changed
            }
            Addition::TransitRouterRouteEntry(entry) => {
                let mut changed = self.clone();
                let id = entry.transit_router_route_table_id.as_str();
                let tables = Arc::make_mut(&mut changed.tr_tables);
                let known = tables.get(id).map_or(&[][..], |table| &table.entries);
                let entries = known.iter().copied().chain([entry]).collect();
                tables.insert(id, Arc::new(TrTable::new(entries)));
                changed
            }
            Addition::VpcEndpoint(endpoint) => {
                let mut changed = self.without(Part::VpcEndpoint(&endpoint.endpoint_id));
                add_to(&mut changed.endpoints, [endpoint.vpc_id.as_str()], endpoint);
                changed
            }
        }
    }
}

fn remove<T>(named: &mut Named<'_, T>, id: &str) {
    if named.contains_key(id) {
        Arc::make_mut(named).remove(id);
    }
}

fn drop_from<T>(grouped: &mut Grouped<'_, T>, is_gone: impl Fn(&T) -> bool) {
    if grouped.values().flatten().any(|item| is_gone(item)) {
        Arc::make_mut(grouped).values_mut().for_each(|items| items.retain(|item| !is_gone(item)));
    }
}

fn add_to<'a, T: Ord>(grouped: &mut Grouped<'a, T>, owners: impl IntoIterator<Item = &'a str>, item: &'a T) {
    let grouped: &mut HashMap<&'a str, Vec<&'a T>> = Arc::make_mut(grouped);
    for owner in owners.into_iter().filter(|owner| !owner.is_empty()) {
        let items = grouped.entry(owner).or_default();
        let place = items.partition_point(|known| *known < item);
        items.insert(place, item);
    }
}
