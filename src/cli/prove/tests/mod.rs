//! Readings of a simulated cloud, part by part: each is what the world holds, or unread, and never a default.

#![allow(clippy::print_stdout, reason = "figures, for whoever asks for them with --nocapture")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clock;
mod drift;
mod drive;
mod fields;
mod stage;
mod world;

use self::stage::{Setup, Stage, cluster_api_server, fence, mesh_api_server, pilot};
use crate::remediate::{Action, Pace, ReadFor, guard::Moment};

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

/// With answers that take as long as from another region, what a signature rests on is read well within its age.
#[tokio::test(flavor = "multi_thread")]
async fn a_recheck_is_quick_enough_to_sign_on() {
    for (mut setup, action) in worlds() {
        setup.latency_ms = 30;
        let stage = Stage::new(setup);
        stage.read(ReadFor::Guards, &action).await;
        let calls = stage.server.journal().len();
        let began = std::time::Instant::now();
        let readings = stage.read(ReadFor::Recheck, &action).await;
        let took = began.elapsed();
        println!("recheck of {:?}: {took:?}, {} calls", action.target.endpoint, stage.server.journal().len() - calls);
        assert_eq!(stage.judge(&readings, &action, Moment::Signing), Ok(()), "{took:?}");
        assert!(took < Pace::default().proof_age, "{took:?}");
    }
}
