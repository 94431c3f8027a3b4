//! Through transit routers: attachment, association, one table, and perhaps the next router.

use crate::model::{TransitRouterAttachment, TransitRouterAttachmentId};

use super::{
    table::{TrWay, prefix},
    topology::{Family, VpcNode},
    verdict::{Code, Hop},
    walk::{Entrance, Outcome, Place, Walk, stop},
};

impl<'t, 'a, A: Family> Walk<'t, 'a, A> {
    pub(super) fn through_attachment(&mut self, vpc: &VpcNode<'a>, id: &'a str) -> Outcome<'a> {
        let attachment = match self.attachment(id) {
            Ok(attachment) => attachment,
            Err(outcome) => return outcome,
        };
        if !attachment.resource_type.eq_ignore_ascii_case("VPC") || attachment.vpc_id.as_str() != vpc.id {
            return stop(Code::DanglingNextHop, id);
        }
        if !attachment.status.eq_ignore_ascii_case("Attached") {
            return stop(Code::AttachmentNotAttached, id);
        }
        self.enter(attachment.transit_router_id.as_str(), attachment)
    }

    fn attachment(&self, id: &'a str) -> Result<&'a TransitRouterAttachment, Outcome<'a>> {
        let found = self.topology.attachments.get(id).copied();
        if self.topology.is_unread(found, |found| &found.scope, "ListTransitRouterVpcAttachments", id) {
            return Err(stop(Code::AttachmentUnreadable, id));
        }
        found.ok_or_else(|| stop(Code::DanglingNextHop, id))
    }

    /// Comes into a router through an attachment.
    fn enter(&mut self, router: &'a str, attachment: &'a TransitRouterAttachment) -> Outcome<'a> {
        let found = self.topology.routers.get(router).copied();
        let unread = self.topology.is_unread(found, |found| &found.scope, "ListTransitRouters", router);
        match found {
            Some(found) if !unread && found.status.eq_ignore_ascii_case("Active") => {}
            Some(_) if !unread => return stop(Code::TransitRouterDown, router),
            _ => return stop(Code::TransitRouterUnreadable, router),
        }
        match self.associated_table(router, attachment) {
            Ok(table) => self.look_up_transit(router, table),
            Err(outcome) => outcome,
        }
    }

    /// The one table of the router in which packets from the attachment are looked up.
    fn associated_table(
        &self,
        router: &'a str,
        attachment: &'a TransitRouterAttachment,
    ) -> Result<&'a str, Outcome<'a>> {
        let id = attachment.transit_router_attachment_id.as_str();
        let action = "ListTransitRouterRouteTableAssociations";
        if self.topology.is_refused(&attachment.scope, action, id) {
            return Err(stop(Code::AssociationUnreadable, id));
        }
        let mut unnamed = None;
        for association in self.topology.associations.get(id).map_or(&[][..], Vec::as_slice) {
            if !association.status.eq_ignore_ascii_case("Active") {
                continue;
            }
            let table = association.transit_router_route_table_id.as_str();
            match self.topology.tr_table_names.get(table) {
                Some(named) if named.transit_router_id.as_str() == router => return Ok(table),
                Some(_) => {}
                None => unnamed = unnamed.or(Some(table)),
            }
        }
        // A table that is not in the list may be of this router.
        Err(unnamed.map_or_else(|| stop(Code::NoAssociation, id), |table| stop(Code::TrRouteTableUnreadable, table)))
    }

    pub(super) fn look_up_transit(&mut self, router: &'a str, id: &'a str) -> Outcome<'a> {
        if self.visited.contains(&Place::TrTable(id)) {
            return stop(Code::RoutingLoop, id);
        }
        self.visited.push(Place::TrTable(id));
        let named = self.topology.tr_table_names.get(id).copied();
        let table = self.topology.tr_tables.get(id);
        let refused = self.topology.is_unread(named, |named| &named.scope, "ListTransitRouterRouteEntries", id);
        if refused || table.is_some_and(|table| !table.is_readable) {
            return stop(Code::TrRouteTableUnreadable, id);
        }
        let Some(table) = table else { return self.without_route(router, id) };
        let (route, stretch) = table.route(self.packet.destination);
        self.narrow_destination(stretch);
        let Some(route) = route else {
            let (dead, stretch) = table.dead(self.packet.destination);
            self.narrow_destination(stretch);
            return dead.map_or_else(|| self.without_route(router, id), |code| stop(code, id));
        };
        match &route.way {
            TrWay::BlackHole => stop(Code::BlackHole, id),
            TrWay::Other(kind) => stop(Code::UnsupportedNextHop, kind.clone()),
            TrWay::Attachments(all) => {
                let prefix = prefix(route.block);
                self.each(all.iter().copied(), Code::TrNoRoute, id, |walk, attachment| {
                    let attachment_id = attachment.as_str();
                    walk.hops.push(Hop::Transit { router, table: id, prefix, attachment: attachment_id });
                    walk.leave_router(router, attachment)
                })
            }
        }
    }

    /// No entry of the table is for the destination; another table of the router may have one.
    fn without_route(&mut self, router: &'a str, id: &'a str) -> Outcome<'a> {
        let topology = self.topology;
        let mut elsewhere = false;
        for (other, named) in topology.tr_table_names.iter() {
            let Some(table) = topology.tr_tables.get(other) else { continue };
            let refused = topology.is_refused(&named.scope, "ListTransitRouterRouteEntries", other);
            if *other == id || named.transit_router_id.as_str() != router || refused {
                continue;
            }
            let (route, stretch) = table.route(self.packet.destination);
            self.narrow_destination(stretch);
            elsewhere |= route.is_some();
        }
        stop(if elsewhere { Code::WrongTrTable } else { Code::TrNoRoute }, id)
    }

    fn leave_router(&mut self, router: &'a str, id: &'a TransitRouterAttachmentId) -> Outcome<'a> {
        let id = id.as_str();
        let attachment = match self.attachment(id) {
            Ok(attachment) => attachment,
            Err(outcome) => return outcome,
        };
        if !attachment.status.eq_ignore_ascii_case("Attached") {
            return stop(Code::AttachmentNotAttached, id);
        }
        let (own, peer) = (attachment.transit_router_id.as_str(), attachment.peer_transit_router_id.as_str());
        match attachment.resource_type.to_ascii_uppercase().as_str() {
            "VPC" if own == router => {
                self.arrive(attachment.vpc_id.as_str(), Entrance::TransitRouter(&attachment.v_switch_ids))
            }
            "TR" if own == router => self.enter(peer, attachment),
            "TR" if peer == router => self.enter(own, attachment),
            "VPC" | "TR" => stop(Code::DanglingNextHop, id),
            "VBR" | "VPN" => stop(Code::OnPremises, id),
            _ => stop(Code::UnsupportedNextHop, attachment.resource_type.as_str()),
        }
    }
}
