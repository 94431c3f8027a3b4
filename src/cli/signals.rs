//! Being asked to end. The first time, whoever works stops after what is under way, so that what
//! was read is kept; the second time, everything ends at once.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

use super::{end_now, exit::Exit, terminal};

/// Says whether the program was asked to end, and by whom.
#[derive(Clone, Default)]
pub(crate) struct Stop {
    token: CancellationToken,
    /// Exit code of the signal; 0 before any.
    code: Arc<AtomicU8>,
}

impl Stop {
    /// Begins to listen. Must be called within the runtime.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let stop = Self::default();
        let watched = stop.clone();
        let next = signals()?;
        tokio::spawn(async move {
            let mut next = next;
            loop {
                let exit = next.next().await;
                if watched.token.is_cancelled() {
                    end_now(exit);
                }
                watched.code.store(exit.code(), Ordering::SeqCst);
                watched.token.cancel();
                terminal::stderr_line("stopping after what is under way; once more ends at once");
            }
        });
        Ok(stop)
    }

    /// Done when somebody asked.
    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// How the program should end, if it was asked to.
    pub(crate) fn exit(&self) -> Option<Exit> {
        Exit::from_code(self.code.load(Ordering::SeqCst)).filter(|exit| *exit != Exit::Clean)
    }
}

/// The signals that ask to end.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
fn signals() -> std::io::Result<Signals> {
    use tokio::signal::unix::{SignalKind, signal};
    Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
}

#[cfg(not(unix))]
fn signals() -> std::io::Result<Signals> {
    Ok(Signals {})
}

impl Signals {
    #[cfg(unix)]
    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> Exit {
        let _ = tokio::signal::ctrl_c().await;
        Exit::Interrupted
    }
}

/// A runtime for the commands that talk to a network, and their work run on it.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(work);
    // A look-up of a name that hangs in the system's resolver must not hold up the end.
    runtime.shutdown_background();
    Ok(done)
}
