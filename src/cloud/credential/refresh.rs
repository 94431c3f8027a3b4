//! Keeps temporary keys fresh: one fetch at a time, ten minutes before they end.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::{CredentialError, Credentials, Provider};
use crate::cloud::context::Context;

/// Keys are fetched anew this long before they end.
pub(super) const MARGIN: TimeDelta = TimeDelta::minutes(10);
/// Where a refresh failed and the old keys still hold, the next try comes no sooner.
const PAUSE: Duration = Duration::from_secs(60);

/// Something that can be asked for keys again and again.
pub(super) trait Fetch: Send + Sync {
    /// Fetches a fresh pair.
    fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>>;

    /// The source as the user knows it.
    fn name(&self) -> &str;
}

/// Keys in hand.
struct Held {
    keys: Arc<Credentials>,
    /// From here on they are to be renewed; `None`: never.
    renew_at: Option<DateTime<Utc>>,
    /// The cloud refused them as expired.
    refused: bool,
}

/// A provider over something that can be asked again. Whoever comes while keys are being fetched waits for that fetch.
pub(super) struct Refreshing<F> {
    context: Context,
    fetch: F,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// No try before this, while the old keys hold.
    paused_until: Option<Duration>,
}

impl<F: Fetch> Refreshing<F> {
    pub(super) fn new(context: Context, fetch: F) -> Self {
        Self { context, fetch, state: Mutex::default() }
    }

    async fn current(&self) -> Result<Arc<Credentials>, CredentialError> {
        let mut state = self.state.lock().await;
        let now = self.context.clock.now();
        if let Some(held) = &state.held
            && !held.refused
            && (held.renew_at.is_none_or(|renew_at| now < renew_at) || self.paused(&state, held, now))
        {
            return Ok(Arc::clone(&held.keys));
        }
        match self.fetch.fetch().await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                let renew_at = keys.expiration.map(|end| renew_at(now, end));
                state.paused_until = None;
                state.held = Some(Held { keys: Arc::clone(&keys), renew_at, refused: false });
                Ok(keys)
            }
            Err(error) => match &state.held {
                Some(held) if holds(held, now) => {
                    let keys = Arc::clone(&held.keys);
                    // They are used until they end.
                    tracing::warn!(
                        event = "keys-not-renewed",
                        outcome = "failed",
                        reason = %error,
                        source = self.fetch.name(),
                    );
                    state.paused_until = Some(self.context.clock.monotonic() + PAUSE);
                    Ok(keys)
                }
                _ => Err(error),
            },
        }
    }

    /// True if a try to renew failed just now and the keys still hold.
    fn paused(&self, state: &State, held: &Held, now: DateTime<Utc>) -> bool {
        holds(held, now) && state.paused_until.is_some_and(|until| self.context.clock.monotonic() < until)
    }
}

/// True if nobody refused the keys and they have not ended.
fn holds(held: &Held, now: DateTime<Utc>) -> bool {
    !held.refused && held.keys.expiration.is_none_or(|end| now < end)
}

/// When to renew keys that end at `end`. Keys that come with less than twice the margin are used for half of what they
/// have left, or they would be fetched for every call.
fn renew_at(now: DateTime<Utc>, end: DateTime<Utc>) -> DateTime<Utc> {
    (end - MARGIN).max(now + (end - now) / 2)
}

impl<F: Fetch> Provider for Refreshing<F> {
    fn credentials(&self) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>> {
        Box::pin(self.current())
    }

    fn invalidate<'a>(&'a self, used: &'a Credentials) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut state = self.state.lock().await;
            // A pair that was replaced meanwhile is none of ours any more.
            if let Some(held) = &mut state.held
                && same(&held.keys, used)
            {
                held.refused = true;
            }
        })
    }

    fn describe(&self) -> String {
        self.fetch.name().to_owned()
    }
}

/// True for one and the same pair. Temporary key ids are unique to their session.
pub(super) fn same(left: &Credentials, right: &Credentials) -> bool {
    std::ptr::eq(left, right) || left.access_key_id == right.access_key_id && left.expiration == right.expiration
}
