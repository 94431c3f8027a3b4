//! Readings of a simulated cloud, part by part: each is what the world holds, or unread, and never a default.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod stage;
mod world;

use self::stage::{Setup, Stage, cluster_api_server, fence, mesh_api_server, pilot};
use crate::remediate::{Action, ReadFor, guard::Moment};

/// The worlds in which each change may be made.
fn worlds() -> [(Setup, Action); 4] {
    [
        (Setup::of(world::quiet()), pilot()),
        (Setup::of(world::logged()), mesh_api_server()),
        (Setup::of(world::logged()), cluster_api_server()),
        (Setup::of(world::needed()), fence()),
    ]
}

/// Every guard lets each change pass, before it is prepared and before it is signed.
#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_well_every_guard_lets_it_pass() {
    for (setup, action) in worlds() {
        let stage = Stage::new(setup);
        for (what, moment) in [(ReadFor::Guards, Moment::First), (ReadFor::Recheck, Moment::Signing)] {
            let began = std::time::Instant::now();
            let readings = stage.read(what, &action).await;
            let judged = stage.judge(&readings, &action, moment);
            println!(
                "{what:?} {:?}: {:?} after {} calls",
                action.target.endpoint,
                began.elapsed(),
                stage.server.journal().len()
            );
            assert!(judged.is_ok(), "{judged:#?}\n{readings:#?}");
        }
        assert_eq!(stage.writes(), 0);
    }
}
