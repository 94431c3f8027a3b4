//! What analysis says of small clouds that differ in one thing each.

mod acl;
mod cloud;
mod exposure;
mod gates;
mod security_group;
mod staleness;
mod unclaimed;
mod unread;
mod what_if;
