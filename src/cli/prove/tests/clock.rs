//! The cloud's time, by replies that cut it to seconds and come from gateways that do not agree to the second.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use futures::{FutureExt, future::BoxFuture};

use super::{
    stage::{Setup, Stage, pilot},
    world,
};
use crate::{
    cloud::context::{HeaderText, Http, HttpError, HttpRequest, HttpResponse},
    remediate::{ReadFor, ReadWorld},
};

/// Stands before the network and dates the replies that tell the time, one after the other.
struct Dated {
    inner: Arc<dyn Http>,
    dates: Mutex<Vec<DateTime<Utc>>>,
}

impl Http for Dated {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let tells = request.headers.iter().any(|(name, value)| {
            *name == "x-acs-action" && matches!(value, HeaderText::Plain(text) if text == "GetCallerIdentity")
        });
        let date = tells.then(|| self.dates.lock().unwrap().remove(0));
        async move {
            let mut response = self.inner.send(request).await?;
            if let Some(date) = date {
                response.headers.retain(|(name, _)| name != "date");
                response.headers.push(("date".to_owned(), date.to_rfc2822()));
            }
            Ok(response)
        }
        .boxed()
    }
}

/// A guard that lets something pass since its time has come must not refuse it a moment later.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_certain_of_the_time_never_goes_back() {
    let now = Utc::now().with_nanosecond(0).unwrap();
    let dates: Vec<DateTime<Utc>> = [0, -1, 0, 7, 6].map(|seconds| now + TimeDelta::seconds(seconds)).into();
    let stage =
        Stage::through(Setup::of(world::quiet()), |inner| Arc::new(Dated { inner, dates: Mutex::new(dates.clone()) }));
    let mut last: Option<crate::remediate::ClockReading> = None;
    for date in dates {
        let clock = stage.read(ReadFor::Clock, &pilot()).await.clock.unwrap();
        let (at, told) = (stage.prover.now(), u64::try_from(date.timestamp_millis()).unwrap());
        if let Some(last) = last {
            assert!(clock.earliest(at) >= last.earliest(at), "{date}: {clock:?} after {last:?}");
        }
        assert!(clock.earliest(at).0 >= told && clock.latest(at).0 >= told + 1000, "{date}: {clock:?}");
        assert!(clock.earliest(at) <= clock.latest(at), "{date}: {clock:?}");
        last = Some(clock);
    }
}
