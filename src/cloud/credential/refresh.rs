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

/// Keys that are no older were fetched just now.
const NEW: Duration = Duration::from_secs(60);

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
    /// When they came, by the monotonic clock.
    fetched: Duration,
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
        match self.renewed(&mut state).await {
            Ok(keys) => Ok(keys),
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

    /// Fetches keys, and holds them. Those before stay where that fails.
    async fn renewed(&self, state: &mut State) -> Result<Arc<Credentials>, CredentialError> {
        let now = self.context.clock.now();
        let keys = Arc::new(self.fetch.fetch().await?);
        let renew_at = keys.expiration.map(|end| renew_at(now, end));
        let before = state.held.as_ref().filter(|held| same(&held.keys, &keys));
        // Some sources hand out what they have until it is about to end.
        let fetched = before.map_or_else(|| self.context.clock.monotonic(), |held| held.fetched);
        *state = State {
            held: Some(Held { keys: Arc::clone(&keys), fetched, renew_at, refused: false }),
            paused_until: None,
        };
        Ok(keys)
    }

    async fn lasting_until(&self, until: DateTime<Utc>) -> Result<Arc<Credentials>, CredentialError> {
        let mut state = self.state.lock().await;
        if let Some(keys) = self.lasting_of(&state, until) {
            return Ok(keys);
        }
        let keys = self.renewed(&mut state).await?;
        match keys.expiration {
            Some(end) if self.lasting_of(&state, until).is_none() => {
                Err(super::ends_too_early(self.fetch.name().to_owned(), end))
            }
            _ => Ok(keys),
        }
    }

    /// The keys in hand, if they last or are new.
    fn lasting_of(&self, state: &State, until: DateTime<Utc>) -> Option<Arc<Credentials>> {
        let held = state.held.as_ref().filter(|held| !held.refused)?;
        let lasts = held.keys.expiration.is_none_or(|end| end >= until);
        let is_new = self.context.clock.monotonic().saturating_sub(held.fetched) < NEW;
        (lasts || is_new).then(|| Arc::clone(&held.keys))
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

    fn lasting(&self, until: DateTime<Utc>) -> BoxFuture<'_, Result<Arc<Credentials>, CredentialError>> {
        Box::pin(self.lasting_until(until))
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

#[cfg(test)]
mod tests {
    //! Keys that have to last: those in hand where they do, else new ones, else none.

    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use std::sync::Mutex as StdMutex;

    use super::*;
    use crate::cloud::{context::RealClock, credential::source::failed, testing};

    /// Hands out keys by name, each with the minutes that it has left; then nothing more.
    struct Scripted(StdMutex<Vec<(&'static str, i64)>>);

    impl Fetch for Scripted {
        fn fetch(&self) -> BoxFuture<'_, Result<Credentials, CredentialError>> {
            Box::pin(async {
                let next = self.0.lock().unwrap().pop();
                let (name, minutes) = next.ok_or_else(|| failed("script", "there are no more"))?;
                Ok(Credentials {
                    access_key_id: name.to_owned(),
                    access_key_secret: "secret".into(),
                    security_token: None,
                    // The same name is the same pair.
                    expiration: Some(DateTime::UNIX_EPOCH + TimeDelta::days(40_000) + TimeDelta::minutes(minutes)),
                })
            })
        }

        fn name(&self) -> &str {
            "script"
        }
    }

    /// When keys end that have so many minutes left.
    fn end(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(40_000) + TimeDelta::minutes(minutes)
    }

    fn keys(mut script: Vec<(&'static str, i64)>) -> Refreshing<Scripted> {
        script.reverse();
        let http = testing::Unreachable;
        Refreshing::new(testing::context(http, RealClock::default()), Scripted(StdMutex::new(script)))
    }

    async fn lasting(keys: &Refreshing<Scripted>, minutes: i64) -> Result<String, String> {
        let pair = keys.lasting(end(minutes)).await;
        pair.map(|pair| pair.access_key_id.clone()).map_err(|error| error.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_last_are_used_and_others_are_renewed() {
        let keys = keys(vec![("a", 60), ("b", 15), ("c", 15), ("d", 90)]);
        assert_eq!(keys.credentials().await.unwrap().access_key_id, "a");
        tokio::time::advance(NEW).await;
        assert_eq!(lasting(&keys, 18).await.unwrap(), "a");
        // New ones will do, however long they live: they can be had, and were, just now.
        assert_eq!(lasting(&keys, 61).await.unwrap(), "b");
        assert_eq!(lasting(&keys, 61).await.unwrap(), "b");
        tokio::time::advance(NEW).await;
        assert_eq!(lasting(&keys, 61).await.unwrap(), "c");
        tokio::time::advance(NEW).await;
        assert_eq!(lasting(&keys, 15).await.unwrap(), "c");
        assert_eq!(lasting(&keys, 61).await.unwrap(), "d");
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_end_and_are_not_renewed_do_not_last() {
        let keys = keys(vec![("a", 10), ("a", 10)]);
        assert_eq!(keys.credentials().await.unwrap().access_key_id, "a");
        tokio::time::advance(NEW).await;
        let same = lasting(&keys, 18).await.unwrap_err();
        assert!(same.contains("there are no others yet"), "{same}");
        let none = lasting(&keys, 18).await.unwrap_err();
        assert!(none.contains("there are no more"), "{none}");
        // For what is shorter they are as good as before.
        assert_eq!(keys.credentials().await.unwrap().access_key_id, "a");
        assert_eq!(lasting(&keys, 10).await.unwrap(), "a");
    }
}
