//! The hand that writes: an order of a machine becomes one signed request, which is sent once.
//!
//! What is sent is made by [`wire`](super::wire), which plans show too. What was signed is kept here until it is sent or
//! another is signed; it cannot be copied, and what the machine holds of it is a name.

#[cfg(test)]
mod tests;

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{CloudTime, Heard, Pace, Purpose, SignOrder, Signed, Target, wire::write_request};
use crate::cloud::{
    client::{Account, Client},
    write::{Outcome, SignedWrite},
};

/// How long keys are waited for beside a reading, which must not become old by it.
const KEYS_PATIENCE: Duration = Duration::from_secs(2);

/// Signs and sends for one account.
#[derive(Debug)]
pub struct Hand {
    client: Client,
    account: Account,
    /// How long an answer is waited for.
    deadline: Duration,
    /// How long what was sent may take effect.
    fence: Duration,
    /// Signed, and not sent.
    kept: Option<(String, SignedWrite)>,
    signed: u64,
}

/// What was heard, and the cloud's id of the call, which may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub heard: Heard,
    pub request_id: String,
}

impl Hand {
    pub fn new(client: Client, account: Account, pace: &Pace) -> Self {
        Self { client, account, deadline: pace.call_deadline, fence: pace.fence(), kept: None, signed: 0 }
    }

    /// Renews keys that will not last, so that what is signed next need not wait for it.
    pub async fn prepare(&self) {
        let now = self.client.context().clock.now() + self.client.clock_skew().unwrap_or_default();
        let keys = self.account.provider().lasting(self.settled_by(now));
        // Whoever signs is told what fails.
        let _ = tokio::time::timeout(KEYS_PATIENCE, keys).await;
    }

    /// When nothing of a request can happen any more that is signed then: so long is it watched, and taken back if need be.
    fn settled_by(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        at + self.deadline + self.fence
    }

    /// Signs an order, with the time that it bears. Nothing is sent.
    ///
    /// # Errors
    /// In words: no endpoint, no keys, keys that end before what they sign is settled and that cannot be renewed. For the way
    /// back they need to outlive the call only: it does not wait for better ones.
    pub async fn sign(&mut self, target: &Target, order: SignOrder) -> Result<Signed, String> {
        self.kept = None;
        let at = date(order.at()).ok_or("the time to sign with is none")?;
        let write = write_request(&order, &target.region, &token(&order)).map_err(|error| error.to_string())?;
        let write = write.of_plan(order.plan());
        let write = match keys_must_last(&order) {
            true => write.with_keys_until(self.settled_by(at)),
            false => write,
        };
        let signed = self.client.sign_write(&self.account, write, at).await.map_err(|error| error.to_string())?;
        // Keys that end in the middle would leave a doubt that need not be.
        if signed.keys_end().is_some_and(|end| end <= at + self.deadline) {
            return Err("the keys end before the call could".to_owned());
        }
        self.signed += 1;
        let name = self.signed.to_string();
        self.kept = Some((name.clone(), signed));
        Ok(Signed::new(order, name))
    }

    /// Sends what was signed last, once.
    pub async fn send(&mut self, signed: &Signed) -> Answer {
        let Some((_, write)) = self.kept.take().filter(|(name, _)| name == signed.signature()) else {
            // It was dropped unsent, here and for good.
            return Answer { heard: Heard::Refused("not-sent".to_owned()), request_id: String::new() };
        };
        match tokio::time::timeout(self.deadline, self.client.send_write(write)).await {
            Ok(outcome) => Answer { request_id: outcome.request_id().to_owned(), heard: heard(outcome) },
            Err(_) => Answer { heard: Heard::Lost("no answer in time".to_owned()), request_id: String::new() },
        }
    }
}

/// An outage does not wait for better keys.
fn keys_must_last(order: &SignOrder) -> bool {
    order.purpose() != Some(Purpose::Undo)
}

fn heard(outcome: Outcome) -> Heard {
    match outcome {
        Outcome::Acked(_) => Heard::Accepted,
        Outcome::Rejected(failure) => Heard::Refused(failure.code),
        Outcome::Ambiguous(failure) => Heard::Lost(format!("{}: {}", failure.code, failure.reason)),
    }
}

fn date(at: CloudTime) -> Option<DateTime<Utc>> {
    i64::try_from(at.0).ok().and_then(DateTime::from_timestamp_millis)
}

/// One token for one order: the same request twice would be one, and another order is another request.
fn token(order: &SignOrder) -> String {
    use sha2::{Digest, Sha256};
    let write = order.write();
    let what = format!("{}|{:?}|{:?}|{}", write.intent, write.write, order.request(), order.at().0);
    data_encoding::HEXLOWER.encode(&Sha256::digest(what.as_bytes())[..16])
}
