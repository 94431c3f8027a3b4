//! `portcullis sandbox`: serves a simulated cloud until it is asked to end.

use std::io;

use super::{
    args::SandboxArgs,
    exit::{Exit, Failure, OrExit, Outcome},
    signals::{self, Stop},
    terminal::Terminal,
};
use crate::sandbox::{self, World};

pub(crate) fn run(args: &SandboxArgs, terminal: &Terminal) -> Outcome {
    let world = world(&args.world, terminal)?;
    signals::block_on(async {
        let stop = Stop::listen().or_exit(Exit::Internal)?;
        let token = stop.token();
        let told = sandbox::serve(world, args.listen, args.journal.as_deref(), io::stdout(), token.cancelled())
            .await
            .or_exit(Exit::Usage)?;
        told.iter().for_each(|line| terminal.notice(line));
        Ok(Exit::Clean)
    })
    .or_exit(Exit::Internal)?
}

/// A shipped world, or a world file; what it holds that nobody serves is told.
pub(crate) fn world(name: &str, terminal: &Terminal) -> Result<World, Failure> {
    let world = World::open(name).or_exit(Exit::Usage)?;
    for warning in world.warnings() {
        terminal.notice(warning);
    }
    Ok(world)
}
