//! What people are told while something is carried out: queued, sent beside it, and never waited for by what is carried out.

use std::time::Duration;

use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

use super::words;
use crate::{
    cli::terminal::Terminal,
    cloud::context::Context,
    notify::{self, Delivery, Outcome, Reach, Settings},
    remediate::Notice,
};

/// How long the end of the program waits for messages that are on their way.
const LAST_WORDS: Duration = Duration::from_secs(30);

/// Messages on their way.
pub(crate) struct Notices {
    queue: UnboundedSender<notify::Notice>,
    sending: JoinHandle<Vec<Delivery>>,
}

impl Notices {
    /// Begins to send. Must be called within the runtime.
    pub(super) fn begin(context: &Context, channels: &[Settings], reach: Reach) -> Self {
        let (queue, waiting) = unbounded_channel();
        Self { queue, sending: tokio::spawn(send(context.clone(), channels.to_vec(), reach, waiting)) }
    }

    /// Takes a message, and goes on.
    pub(super) fn queue(&self, notice: &Notice) {
        // Nobody takes it where sending has ended in an internal error, which is told at the end.
        let _ = self.queue.send(told(notice));
    }

    /// Waits for what is on its way, and says who was not told.
    pub(super) async fn end(self, terminal: &Terminal) {
        drop(self.queue);
        let why = match tokio::time::timeout(LAST_WORDS, self.sending).await {
            Ok(Ok(deliveries)) => return not_told(&deliveries, terminal),
            Ok(Err(_)) => "an internal error",
            Err(_) => "it took too long",
        };
        terminal.warning(&format!("not everybody was told: {why}"));
    }
}

async fn send(
    context: Context,
    channels: Vec<Settings>,
    reach: Reach,
    mut waiting: UnboundedReceiver<notify::Notice>,
) -> Vec<Delivery> {
    let mut all = Vec::new();
    while let Some(notice) = waiting.recv().await {
        all.extend(notify::announce(&context, &channels, &notice, reach).await);
    }
    all
}

/// Says on stderr who was not told.
pub(super) fn not_told(deliveries: &[Delivery], terminal: &Terminal) {
    for delivery in deliveries {
        match &delivery.outcome {
            Outcome::Failed(why) => terminal.warning(&format!("{} was not told: {why}", delivery.channel)),
            Outcome::Skipped(why) => terminal.notice(&format!("{} was not told: {why}", delivery.channel)),
            Outcome::Sent | Outcome::Unchanged => {}
        }
    }
}

fn told(notice: &Notice) -> notify::Notice {
    let (title, target, intent, text) = match notice {
        Notice::Attention { target, intent, flag } => {
            ("a change needs attention now", target, intent, words::flags([flag]).join("; "))
        }
        Notice::RollingBack { target, intent, why } => ("a change is taken back", target, intent, why.clone()),
        Notice::Closed { target, intent, outcome } => {
            ("a change has ended", target, intent, words::outcome(outcome).to_owned())
        }
    };
    notify::Notice {
        delivery: uuid::Uuid::now_v7().to_string(),
        title: title.to_owned(),
        head: format!("{} in account {} ({intent})", words::target(target), target.account),
        lines: vec![text],
    }
}
