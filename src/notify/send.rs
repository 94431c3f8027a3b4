//! Sends each channel its message: a deadline for each try, few tries, and an outcome for the report whatever happens.
//!
//! A try that fails for a reason that may pass is made again: no connection, no answer, a status that says so, and every
//! answer that was understood and is a refusal, since the services give some of them when they are merely busy. What
//! went wrong is told in words of this program: errors of a library could repeat an address, which is a secret.

use std::time::Duration;

use futures::future::join_all;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::{
    Change, Channel, SecretSource, Settings, Unset,
    address::{Address, BadAddress},
    dingtalk, feishu,
    message::{Message, Notice, RunMessage, chosen},
    slack, webhook,
};
use crate::{
    cloud::context::{Context, HeaderText, HttpError, HttpRequest, HttpResponse, Method},
    findings::Run,
};

/// Tries of one message.
const TRIES: u32 = 3;

/// How long one try may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// Before the second try; before the third it is four times that. As much again is left to chance.
const PAUSE: Duration = Duration::from_millis(500);

/// A service that wants to be left alone for longer is.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What became of one channel's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// There was nothing to tell.
    Unchanged,
    /// Something kept the message from being sent that is no failure.
    Skipped(String),
    Failed(String),
}

impl Outcome {
    /// The word of reports.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Unchanged => "unchanged",
            Self::Skipped(_) => "skipped",
            Self::Failed(_) => "failed",
        }
    }

    /// Why nothing was sent that should have been.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Sent | Self::Unchanged => None,
            Self::Skipped(reason) | Self::Failed(reason) => Some(reason),
        }
    }
}

/// One channel's outcome, in the order of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub channel: Channel,
    pub outcome: Outcome,
}

/// Whom a message may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Everybody,
    /// Receivers on this machine only: nobody is to be woken by a simulated cloud.
    ThisMachine,
}

/// Tells every channel what it wants to know of `changes`. Channels that cannot be used are told of also where there is
/// nothing to tell, so that a mistake is found before the message that matters.
pub async fn tell(
    context: &Context,
    settings: &[Settings],
    run: &Run,
    changes: &[Change<'_>],
    reach: Reach,
    stop: &CancellationToken,
) -> Vec<Delivery> {
    let each = settings.iter().map(|settings| async move {
        let work = one(context, settings, run, changes, reach);
        let outcome = stop.run_until_cancelled(work).await;
        let outcome = outcome.unwrap_or_else(|| Outcome::Failed("the program was asked to end".to_owned()));
        Delivery { channel: settings.channel, outcome }
    });
    join_all(each).await
}

async fn one(context: &Context, settings: &Settings, run: &Run, changes: &[Change<'_>], reach: Reach) -> Outcome {
    let line = match Line::open(context, settings) {
        Ok(line) => line,
        Err(error) => return Outcome::Failed(error.to_string()),
    };
    let changes = chosen(changes, settings.min_severity, &settings.on);
    if changes.is_empty() {
        return Outcome::Unchanged;
    }
    line.tell(context, &Message::Changes(RunMessage { run, changes, details: settings.details }), reach).await
}

/// Tells every channel the same, whatever it wants to know of findings.
pub async fn announce(context: &Context, settings: &[Settings], notice: &Notice, reach: Reach) -> Vec<Delivery> {
    let each = settings.iter().map(|settings| async move {
        let outcome = match Line::open(context, settings) {
            Ok(line) => line.tell(context, &Message::Notice(notice), reach).await,
            Err(error) => Outcome::Failed(error.to_string()),
        };
        Delivery { channel: settings.channel, outcome }
    });
    join_all(each).await
}

/// Why a channel cannot be used.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Unset(#[from] Unset),
    #[error(transparent)]
    Address(#[from] BadAddress),
    #[error("no key is configured for it")]
    NoKey,
}

/// A way to one receiver, with its secrets.
struct Line {
    address: Address,
    spoken: Spoken,
}

/// How the receiver is spoken to.
enum Spoken {
    DingTalk { key: SecretString },
    Feishu { key: Option<SecretString> },
    Slack,
    Webhook { key: SecretString },
}

impl Line {
    fn open(context: &Context, settings: &Settings) -> Result<Self, Unusable> {
        let read = |source: &SecretSource| source.read(&*context.env, &*context.files);
        let address = read(&settings.address)?;
        let address = Address::check(settings.channel, &address)?;
        let key = settings.key.as_ref().map(read).transpose()?;
        let spoken = match settings.channel {
            Channel::DingTalk => Spoken::DingTalk { key: key.ok_or(Unusable::NoKey)? },
            Channel::Feishu => Spoken::Feishu { key },
            Channel::Slack => Spoken::Slack,
            Channel::Webhook => Spoken::Webhook { key: key.ok_or(Unusable::NoKey)? },
        };
        Ok(Self { address, spoken })
    }

    /// Sends one message, to whom it may be sent.
    async fn tell(&self, context: &Context, message: &Message<'_>, reach: Reach) -> Outcome {
        if reach == Reach::ThisMachine && !self.address.is_loopback() {
            return Outcome::Skipped("of a simulated cloud, receivers on this machine only are told".to_owned());
        }
        match self.send(context, message).await {
            Ok(()) => Outcome::Sent,
            Err((tries, failure)) => {
                let tries = if tries == 1 { "1 try".to_owned() } else { format!("{tries} tries") };
                Outcome::Failed(format!("{} ({tries})", failure.reason))
            }
        }
    }

    /// Tries until the message is taken; on failure, says after how many tries.
    async fn send(&self, context: &Context, message: &Message<'_>) -> Result<(), (u32, Failure)> {
        let mut pause = PAUSE;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let begun = context.clock.monotonic();
            let outcome = self.attempt(context, message).await;
            let took_ms = u64::try_from((context.clock.monotonic() - begun).as_millis()).unwrap_or(u64::MAX);
            let failure = match outcome {
                Ok(()) => {
                    self.log(message, attempt, took_ms, "sent", "");
                    return Ok(());
                }
                Err(failure) => failure,
            };
            self.log(message, attempt, took_ms, "failed", &failure.reason);
            let wait = failure.wait.unwrap_or(pause + context.random.up_to(pause));
            if !failure.again || attempt >= TRIES || wait > LONGEST_PAUSE {
                return Err((attempt, failure));
            }
            context.clock.sleep(wait).await;
            pause *= 4;
        }
    }

    fn log(&self, message: &Message<'_>, attempt: u32, took_ms: u64, outcome: &str, reason: &str) {
        let run = message.delivery();
        let channel = self.channel().as_str();
        tracing::info!(event = "message-ended", run, attempt, took_ms, outcome, reason, channel);
    }

    async fn attempt(&self, context: &Context, message: &Message<'_>) -> Result<(), Failure> {
        let post = self.post(context, message);
        let mut headers = vec![
            ("content-type", HeaderText::Plain("application/json; charset=utf-8".to_owned())),
            ("user-agent", HeaderText::Plain(format!("portcullis/{}", env!("CARGO_PKG_VERSION")))),
        ];
        headers.extend(post.headers);
        let request = HttpRequest {
            method: Method::Post,
            url: post.url,
            headers,
            body: post.body.into_bytes(),
            deadline: Some(DEADLINE),
            is_fresh: false,
        };
        let response = context.http.send(request).await.map_err(|error| Failure::of_transport(&error))?;
        self.read(&response)
    }

    fn channel(&self) -> Channel {
        match self.spoken {
            Spoken::DingTalk { .. } => Channel::DingTalk,
            Spoken::Feishu { .. } => Channel::Feishu,
            Spoken::Slack => Channel::Slack,
            Spoken::Webhook { .. } => Channel::Webhook,
        }
    }

    fn post(&self, context: &Context, message: &Message<'_>) -> Post {
        let now = context.clock.now();
        match &self.spoken {
            Spoken::DingTalk { key } => dingtalk::post(message, &self.address, key, now),
            Spoken::Feishu { key } => feishu::post(message, &self.address, key.as_ref(), now),
            Spoken::Slack => slack::post(message, &self.address),
            Spoken::Webhook { key } => webhook::post(message, &self.address, key, now),
        }
    }

    fn read(&self, response: &HttpResponse) -> Result<(), Failure> {
        if !(200..300).contains(&response.status) {
            return Err(Failure::of_status(response, matches!(self.spoken, Spoken::Slack)));
        }
        let read = match &self.spoken {
            Spoken::DingTalk { .. } => dingtalk::read(response),
            Spoken::Feishu { .. } => feishu::read(response),
            Spoken::Slack => slack::read(response),
            Spoken::Webhook { .. } => Ok(()),
        };
        read.map_err(|refusal| Failure { reason: refusal.to_string(), again: true, wait: None })
    }
}

/// What is posted.
pub(super) struct Post {
    pub(super) url: String,
    /// Beside those that every message has.
    pub(super) headers: Vec<(&'static str, HeaderText)>,
    pub(super) body: String,
}

/// An answer with a good status that says no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the answer is none that the service gives")]
    NotUnderstood,
    #[error("the service answered {name} {code}: {hint}")]
    Code { name: &'static str, code: i64, hint: &'static str },
    #[error("the service answered {0}")]
    Word(String),
}

/// Why a try failed, and whether another may help.
#[derive(Debug)]
struct Failure {
    reason: String,
    again: bool,
    /// How long the service wants to be left alone.
    wait: Option<Duration>,
}

impl Failure {
    fn of_status(response: &HttpResponse, has_words: bool) -> Self {
        let status = response.status;
        let again = status == 429 || status >= 500;
        let wait = response.header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let word = if has_words { slack::word(&response.body) } else { None };
        let word = word.map(|word| format!(" ({word})")).unwrap_or_default();
        Self { reason: format!("the receiver answered with status {status}{word}"), again, wait }
    }

    /// In words without a host: the name of an operator's own receiver may be as secret as the rest of its address.
    fn of_transport(error: &HttpError) -> Self {
        let (reason, again) = match error {
            HttpError::UnknownHost { .. } => ("its host does not exist", false),
            HttpError::Dns { .. } => ("its host cannot be resolved", true),
            HttpError::ForbiddenAddress { .. } => ("its host leads to an address that no request may go to", false),
            HttpError::Connect { .. } => ("no connection could be made", true),
            HttpError::Tls { .. } => ("TLS failed: the certificate or the handshake was refused", false),
            HttpError::Reset { .. } | HttpError::ResetMidBody { .. } => ("the connection broke", true),
            HttpError::Timeout { .. } => ("no answer came in time", true),
            HttpError::TooLarge { .. } => ("the answer is larger than allowed, or compressed", false),
            HttpError::BadRequest { .. } => ("nothing can be sent to its address as it is written", false),
        };
        Self { reason: reason.to_owned(), again, wait: None }
    }
}
