//! The store's own thread: a store may not be used on a thread that drives the network, and what is read must be kept
//! while more is being read.

use std::{
    sync::mpsc::{Sender, channel},
    thread,
};

use tokio::sync::oneshot;

use crate::{
    cli::exit::{Exit, Failure, OrExit, fail},
    store::{Store, StoreError},
};

/// What is to be done with the store.
type Job = Box<dyn FnOnce(&mut dyn Store) + Send>;

/// Where work for the store is handed in.
#[derive(Clone)]
pub(crate) struct Desk {
    jobs: Sender<Job>,
}

impl Desk {
    /// Has something done with the store, and waits for the answer.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |store| {
            // Nobody waits any more where the work was given up.
            let _ = answer.send(work(store));
        });
        let Ok(()) = self.jobs.send(job) else { return gone() };
        match answered.await {
            Ok(done) => done.or_exit(Exit::Output),
            Err(_) => gone(),
        }
    }
}

impl Desk {
    /// As [`ask`](Self::ask), where nothing else can be done meanwhile.
    pub(crate) fn ask_and_wait<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = channel();
        let job: Job = Box::new(move |store| {
            // Nobody waits any more where the work was given up.
            let _ = answer.send(work(store));
        });
        let Ok(()) = self.jobs.send(job) else { return gone() };
        match answered.recv() {
            Ok(done) => done.or_exit(Exit::Output),
            Err(_) => gone(),
        }
    }
}

fn gone<T>() -> Result<T, Failure> {
    fail(Exit::Internal, "nobody works for the store any more")
}

/// Does `work` on another thread and serves its desk on this one, until the work has ended.
pub(crate) fn serve<T: Send>(
    store: &mut dyn Store,
    work: impl FnOnce(Desk) -> Result<T, Failure> + Send,
) -> Result<T, Failure> {
    let (jobs, waiting) = channel::<Job>();
    thread::scope(|scope| {
        let worker = scope.spawn(move || work(Desk { jobs }));
        for job in waiting {
            job(store);
        }
        worker.join().unwrap_or_else(|_| fail(Exit::Internal, "the work ended in an internal error"))
    })
}
