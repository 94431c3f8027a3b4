//! The operations that are used, one file per product: how each is asked, and the shape of its
//! reply. Field names are the vendor's; what they mean for us is decided in `scan`.

pub mod actiontrail;
pub mod cbn;
pub mod cs;
pub mod ecs;
pub mod nlb;
mod paged;
pub mod privatelink;
pub mod resource_directory;
pub mod servicemesh;
pub mod slb;
pub mod sls;
pub mod sts;
pub mod vpc;
pub mod vpcpeer;
pub mod wire;
pub mod write;
