//! How fast we ask. One bucket per (account, product, region, operation), since the cloud counts that
//! way and does not say how much it allows.
//!
//! A bucket starts with a few calls at a time and lets the number grow with each success, so that it
//! learns of a low limit cheaply. When the cloud throttles, the rate is set to half of what got
//! through in the last second; it recovers quickly to just below that figure and then probes upwards,
//! slowly at first. Throttled replies to calls that were under way when the rate was cut do not cut
//! it again. Where several cuts follow each other without a success, the bucket pauses for longer and
//! longer, so that a minute's quota that is used up costs a handful of calls and not hundreds.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use super::{context::Clock, request::Product};

/// Limits of the limiter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Highest rate of a bucket, in calls a second.
    pub ceiling: f64,
    /// The rate, in calls a second, below which a bucket is pushed only by several cuts in a row.
    pub floor: f64,
    /// The rate below which a bucket is never pushed.
    pub lowest: f64,
    /// Most calls of a bucket under way at a time.
    pub window: u32,
    /// Most calls under way at a time, all buckets together.
    pub in_flight: usize,
    /// How long a bucket that had successes may be throttled without another before its calls give
    /// up. More than a minute, since the cloud counts many operations by the minute.
    pub patience: Duration,
    /// The same for a bucket that never had a success.
    pub cold_patience: Duration,
}

impl Default for Settings {
    /// For the real cloud, whose limits we share with Terraform, other tools and people.
    fn default() -> Self {
        Self {
            ceiling: 20.0,
            floor: 5.0,
            lowest: 0.5,
            window: 8,
            in_flight: 64,
            patience: Duration::from_secs(75),
            cold_patience: Duration::from_secs(20),
        }
    }
}

impl Settings {
    /// For a simulated cloud on this machine, which nobody else uses.
    pub fn loopback() -> Self {
        Self {
            ceiling: 5_000.0,
            window: 64,
            in_flight: 128,
            patience: Duration::from_secs(10),
            cold_patience: Duration::from_secs(3),
            ..Self::default()
        }
    }
}

/// What a bucket is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) account: Arc<str>,
    pub(super) product: Product,
    pub(super) region: String,
    pub(super) action: &'static str,
}

/// Calls under way at the start, before a bucket has learnt anything.
const FIRST_WINDOW: f64 = 8.0;

/// Throttled attempts after which a call may give up, if the bucket's patience is at an end.
const FEWEST_ATTEMPTS: u32 = 5;

/// All buckets.
pub(super) struct Limiter {
    clock: Arc<dyn Clock>,
    settings: Settings,
    buckets: Mutex<HashMap<Key, Arc<Bucket>>>,
    in_flight: Semaphore,
}

impl Limiter {
    pub(super) fn new(clock: Arc<dyn Clock>, settings: Settings) -> Self {
        let in_flight = Semaphore::new(settings.in_flight.max(1));
        Self { clock, settings, buckets: Mutex::default(), in_flight }
    }

    /// Waits for the bucket's turn.
    pub(super) async fn turn(&self, key: &Key) -> Turn {
        let bucket = self.bucket(key);
        let turn = {
            let _first_in_line = bucket.line.lock().await;
            loop {
                // Bound first: the guard must not live through the waits below.
                let begun = lock(&bucket.state).try_begin(self.clock.monotonic(), &self.settings);
                match begun {
                    Ok(begun) => break begun,
                    Err(Wait::ForSlot) => bucket.freed.notified().await,
                    Err(Wait::For(duration)) => self.clock.sleep(duration).await,
                }
            }
        };
        Turn { bucket, begun: turn, clock: Arc::clone(&self.clock), settings: self.settings }
    }

    /// Waits until few enough calls are under way in all. Taken after credentials are at hand, since
    /// getting those may need a call of its own.
    pub(super) async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed, so this is always `Some`.
        self.in_flight.acquire().await.ok()
    }

    fn bucket(&self, key: &Key) -> Arc<Bucket> {
        let mut buckets = lock(&self.buckets);
        if let Some(bucket) = buckets.get(key) {
            return Arc::clone(bucket);
        }
        let bucket = Arc::new(Bucket::new(&self.settings));
        buckets.insert(key.clone(), Arc::clone(&bucket));
        bucket
    }
}

/// The state behind a lock; it is whole between any two statements, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Bucket {
    /// Held by the first in line; the others queue behind it in order of arrival.
    line: tokio::sync::Mutex<()>,
    /// Rung when a call ends.
    freed: Notify,
    state: Mutex<State>,
}

impl Bucket {
    fn new(settings: &Settings) -> Self {
        Self { line: tokio::sync::Mutex::new(()), freed: Notify::new(), state: Mutex::new(State::new(settings)) }
    }
}

/// Why a call cannot begin yet.
#[derive(Debug, PartialEq)]
enum Wait {
    ForSlot,
    For(Duration),
}

/// The arithmetic of one bucket. Times are [`Clock::monotonic`].
#[derive(Debug)]
struct State {
    under_way: u32,
    /// How many may be under way.
    window: f64,
    /// Calls a second.
    rate: f64,
    /// What got through a second when we were last throttled; `None` if we never were.
    allowed: Option<f64>,
    /// When the next call may begin.
    next: Duration,
    last_cut: Option<Duration>,
    last_growth: Duration,
    first_use: Option<Duration>,
    /// When calls of the last second succeeded.
    successes: VecDeque<Duration>,
    ever_succeeded: bool,
    /// Cuts since the last success.
    cuts_in_a_row: u32,
    /// Successes since the last cut.
    successes_in_a_row: u32,
    /// The rate that a cut leaves at least. Goes down from [`Settings::floor`] with cuts in a row and
    /// back up with successes: where half of all calls are throttled at any rate, going slower buys
    /// nothing.
    floor: f64,
    /// When throttling without success began; moved on by the waits that the server asked for.
    stalled_since: Option<Duration>,
    /// A call has given up since the last success: others need not be patient again.
    given_up: bool,
}

impl State {
    fn new(settings: &Settings) -> Self {
        Self {
            under_way: 0,
            window: FIRST_WINDOW.min(f64::from(settings.window)),
            rate: settings.ceiling,
            allowed: None,
            next: Duration::ZERO,
            last_cut: None,
            last_growth: Duration::ZERO,
            first_use: None,
            successes: VecDeque::new(),
            ever_succeeded: false,
            cuts_in_a_row: 0,
            successes_in_a_row: 0,
            floor: settings.floor,
            stalled_since: None,
            given_up: false,
        }
    }

    fn try_begin(&mut self, now: Duration, settings: &Settings) -> Result<Duration, Wait> {
        if f64::from(self.under_way) >= self.window.floor().max(1.0) {
            return Err(Wait::ForSlot);
        }
        if now < self.next {
            return Err(Wait::For(self.next - now));
        }
        // Timers are late by a millisecond or two; what they are late by is not lost to the rate.
        let slack = Duration::from_millis(5);
        self.next = self.next.max(now.saturating_sub(slack)) + self.interval();
        self.under_way += 1;
        self.first_use.get_or_insert(now);
        debug_assert!(self.rate <= settings.ceiling, "the rate stays under its ceiling");
        Ok(now)
    }

    fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate)
    }

    fn end(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    fn succeed(&mut self, now: Duration, settings: &Settings) {
        self.ever_succeeded = true;
        self.cuts_in_a_row = 0;
        self.successes_in_a_row += 1;
        if self.successes_in_a_row.is_multiple_of(3) {
            self.floor = (self.floor * 2.0).min(settings.floor);
        }
        self.stalled_since = None;
        self.given_up = false;
        self.window = (self.window + 1.0).min(f64::from(settings.window));
        self.successes.push_back(now);
        self.forget_before(now.saturating_sub(Duration::from_secs(1)));
        self.grow(now, settings);
    }

    fn forget_before(&mut self, moment: Duration) {
        while self.successes.front().is_some_and(|time| *time < moment) {
            self.successes.pop_front();
        }
    }

    /// Raises the rate by the time that has passed since it last was: in about a second back to 95 %
    /// of what was allowed, then by 2 % a second, and ever faster once eight seconds went well.
    fn grow(&mut self, now: Duration, settings: &Settings) {
        let passed = now.saturating_sub(self.last_growth).as_secs_f64().min(1.0);
        self.last_growth = now;
        let (Some(allowed), Some(cut)) = (self.allowed, self.last_cut) else { return };
        let step = if self.rate < 0.95 * allowed {
            (0.5 * allowed * passed).min(0.95 * allowed - self.rate)
        } else {
            let quiet = now.saturating_sub(cut).as_secs_f64() - 8.0;
            let share = 0.02 * (quiet.max(0.0) / 4.0).exp2();
            self.rate.max(1.0) * share.min(0.5) * passed
        };
        self.rate = (self.rate + step).min(settings.ceiling);
    }

    /// Takes note that a call begun at `begun` was throttled. True if calls should give up.
    fn throttle(
        &mut self,
        begun: Duration,
        now: Duration,
        hint: Option<Duration>,
        attempts: u32,
        settings: &Settings,
    ) -> bool {
        let stalled_since = *self.stalled_since.get_or_insert(now);
        let was_under_way = self.last_cut.is_some_and(|cut| begun < cut);
        if !was_under_way {
            self.cut(now, settings);
        }
        if let Some(hint) = hint {
            if now + hint > self.next {
                let moved = hint.min(now + hint - self.next);
                self.stalled_since = Some(stalled_since + moved);
            }
            self.next = self.next.max(now + hint);
        }
        let patience = if self.ever_succeeded { settings.patience } else { settings.cold_patience };
        let waited = now.saturating_sub(stalled_since);
        let give_up = self.given_up || (attempts >= FEWEST_ATTEMPTS && waited >= patience);
        self.given_up |= give_up;
        give_up
    }

    fn cut(&mut self, now: Duration, settings: &Settings) {
        self.forget_before(now.saturating_sub(Duration::from_secs(1)));
        self.cuts_in_a_row += 1;
        self.successes_in_a_row = 0;
        if self.cuts_in_a_row > 1 {
            self.floor = (self.floor / 2.0).max(settings.lowest);
        }
        let age = self.first_use.map_or(1.0, |first| now.saturating_sub(first).as_secs_f64());
        let measured = self.successes.len() as f64 / age.clamp(0.25, 1.0);
        // One bad second says little against what was learnt before it.
        let allowed = measured.max(self.allowed.map_or(0.0, |before| 0.8 * before)).min(self.rate.max(measured));
        let allowed = if allowed > 0.0 { allowed } else { self.rate / 2.0 }.max(self.floor);
        self.allowed = Some(allowed);
        self.rate = (allowed / 2.0).max(self.floor).min(settings.ceiling);
        self.window = (self.window / 2.0).max(1.0);
        self.last_cut = Some(now);
        self.last_growth = now;
        let pause = if self.cuts_in_a_row > 1 { pause(self.cuts_in_a_row) } else { Duration::ZERO };
        self.next = (now + self.interval().min(Duration::from_secs(1))).max(now + pause);
    }
}

/// How long a bucket rests after so many cuts without a success: 250 ms, doubling up to 8 s.
fn pause(cuts: u32) -> Duration {
    Duration::from_millis(250 << cuts.saturating_sub(2).min(5))
}

/// The right to send one call, until dropped.
pub(super) struct Turn {
    bucket: Arc<Bucket>,
    begun: Duration,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

impl Turn {
    /// The call got through, whatever the reply says.
    pub(super) fn succeeded(self) {
        lock(&self.bucket.state).succeed(self.clock.monotonic(), &self.settings);
    }

    /// The cloud said that we ask too often. True if the call should not be tried again: the bucket
    /// has been throttled for longer than there is patience, without any success.
    pub(super) fn throttled(self, hint: Option<Duration>, attempts: u32) -> bool {
        let now = self.clock.monotonic();
        lock(&self.bucket.state).throttle(self.begun, now, hint, attempts, &self.settings)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.bucket.state).end();
        self.bucket.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures::future::join_all;
    use tokio::time::Instant;

    use super::*;
    use crate::cloud::{
        client,
        testing::{account, client_with, fault, json, list},
    };

    /// What a simulated scan of `reads` reads cost.
    struct Cost {
        lost: usize,
        sent: u64,
        took: Duration,
    }

    /// Reads `reads` times, all at once, from a server that answers after `latency` and lets a request
    /// through if `allow` does, given the time and the request's number.
    async fn scan(
        settings: Settings,
        reads: usize,
        latency: Duration,
        allow: impl FnMut(Duration, u64) -> bool + Send + 'static,
    ) -> Cost {
        let start = Instant::now();
        let allow = Mutex::new(allow);
        let settings = client::Settings { throttle: settings, ..client::Settings::default() };
        let client = client_with(settings, latency, move |number, _| {
            let allowed = lock(&allow)(start.elapsed(), number);
            if allowed { json(200, "{}") } else { fault(400, "Throttling.User") }
        });
        let (account, request) = (account(), list());
        let outcomes = join_all((0..reads).map(|_| client.read(&account, &request))).await;
        let lost = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        Cost { lost, sent: client.stats().api_calls, took: start.elapsed() }
    }

    /// Allows `limit` requests in each window of time.
    fn windowed(limit: u64, window: Duration) -> impl FnMut(Duration, u64) -> bool {
        let (mut current, mut used) = (u128::MAX, 0);
        move |now, _| {
            let this = now.as_nanos() / window.as_nanos();
            if this != current {
                (current, used) = (this, 0);
            }
            used += 1;
            used <= limit
        }
    }

    /// A token bucket with room for one second's worth.
    fn token_bucket(per_second: f64) -> impl FnMut(Duration, u64) -> bool {
        let (mut level, mut last) = (per_second, Duration::ZERO);
        move |now, _| {
            level = (level + (now - last).as_secs_f64() * per_second).min(per_second);
            last = now;
            let allowed = level >= 1.0;
            if allowed {
                level -= 1.0;
            }
            allowed
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_reads_pass_a_bucket_of_five_a_second() {
        let latency = Duration::from_millis(30);
        let windows = scan(Settings::loopback(), 10_000, latency, windowed(5, Duration::from_secs(1))).await;
        let tokens = scan(Settings::default(), 10_000, latency, token_bucket(5.0)).await;
        for (name, cost) in [("windows", windows), ("tokens", tokens)] {
            let amplification = cost.sent as f64 / 10_000.0;
            let stretch = cost.took.as_secs_f64() / 2_000.0;
            assert_eq!(cost.lost, 0, "{name}");
            assert!(amplification <= 1.2, "{name}: amplification {amplification}");
            assert!(stretch <= 1.3, "{name}: {stretch} times the permitted time");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_higher_limit_is_found_and_used() {
        let latency = Duration::from_millis(30);
        let cost = scan(Settings::loopback(), 4_000, latency, windowed(100, Duration::from_secs(1))).await;
        assert_eq!(cost.lost, 0);
        assert!(cost.sent <= 4_800, "{} requests", cost.sent);
        assert!(cost.took <= Duration::from_secs(52), "{:?}", cost.took);
    }

    #[tokio::test(start_paused = true)]
    async fn a_minutes_quota_that_is_used_up_is_waited_for() {
        let latency = Duration::from_millis(30);
        let mut settings = Settings::default();
        for ceiling in [20.0, 200.0] {
            settings.ceiling = ceiling;
            let cost = scan(settings, 1_000, latency, windowed(200, Duration::from_secs(60))).await;
            assert_eq!(cost.lost, 0);
            assert!(cost.sent <= 1_200, "{} requests", cost.sent);
            assert!(cost.took <= Duration::from_secs(5 * 60), "{:?}", cost.took);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_second_request_may_be_throttled() {
        let cost = scan(Settings::default(), 500, Duration::from_millis(30), |_, number| number % 2 == 1).await;
        assert_eq!(cost.lost, 0);
        assert!(cost.took <= Duration::from_secs(600), "{:?}", cost.took);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_holds_back_a_cloud_that_does_not_throttle() {
        let latency = Duration::from_millis(30);
        let cost = scan(Settings::loopback(), 2_000, latency, |_, _| true).await;
        // 64 at a time, 30 ms each.
        let bound = Duration::from_millis(2_000 * 30 / 64);
        assert!(cost.took <= bound.mul_f64(1.3), "{:?} for {bound:?}", cost.took);
        let cost = scan(Settings::default(), 200, latency, |_, _| true).await;
        assert!(cost.took <= Duration::from_secs(13), "{:?}", cost.took);
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_under_way_than_the_window_allows() {
        let (now, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let limiter = Arc::new(Limiter::new(
            Arc::new(crate::cloud::context::RealClock::default()),
            Settings { ceiling: 1e6, window: 12, ..Settings::default() },
        ));
        let key = Key { account: "a".into(), product: Product::Ecs, region: "r".into(), action: "X" };
        join_all((0..200).map(|_| async {
            let turn = limiter.turn(&key).await;
            most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(10)).await;
            now.fetch_sub(1, Ordering::Relaxed);
            turn.succeeded();
        }))
        .await;
        assert_eq!(most.load(Ordering::Relaxed), 12);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_lifted_is_noticed() {
        let mut limited = windowed(5, Duration::from_secs(1));
        let allow = move |now: Duration, number| now > Duration::from_secs(60) || limited(now, number);
        let cost = scan(Settings::loopback(), 3_000, Duration::from_millis(30), allow).await;
        assert_eq!(cost.lost, 0);
        assert!(cost.took <= Duration::from_secs(120), "{:?}", cost.took);
    }
}
