//! What the feedback function is: the batches of the intake's queues, each message read by itself.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use pulse_core::{
    backoff::wait_before_retry,
    failure::Cause,
    panics,
    ports::{Clock as _, IntakeQueue, Payload, Receipt, Route, StageQueue as _, Visibility},
    troubles::ForgedWatch,
};

use crate::{
    batch::{self, BatchError},
    clock::SystemClock,
    config::FeedbackConfig,
    sdk::{self, SdkConfig},
    sqs::SqsQueue,
    telemetry::Metrics,
};

/// Messages that are read side by side.
const IN_FLIGHT: usize = 4;

/// No message is begun when less is left of the invocation: one takes seconds at most.
const CLOSING_TIME: Duration = Duration::from_secs(20);

/// Whoever is given up comes back this soon, for the queue to move it to its dead letters.
const GIVE_UP_WAIT: Duration = Duration::from_secs(1);

/// How long what can't be read waits for its next try, which doubles up to [`LONGEST_REREAD`]: a release that reads it may
/// be on its way, but it isn't to be looked for in the dead letters for long.
const FIRST_REREAD: Duration = Duration::from_secs(10);
const LONGEST_REREAD: Duration = Duration::from_mins(2);

/// What came in.
#[derive(Debug, Clone)]
pub struct IntakeMessage {
    /// SQS's id of it.
    pub id: String,
    /// By which way, if this release knows it.
    pub route: Result<Route, Cause>,
    /// Its body and headers, byte for byte.
    pub payload: Payload,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is written down, or there was nothing to write.
    Done,
    /// It is from someone else than it says, and goes. The cause quotes nothing of it.
    Forged(Cause),
    /// It is to come back then, as there is something to wait for.
    Later {
        /// No sooner than this: what it waits for isn't there before.
        until: Timestamp,
        /// What for.
        cause: Cause,
    },
    /// It can't be read, and stays: a later release may.
    Unreadable(Cause),
    /// It couldn't be written down, and is tried again.
    Failed(Cause),
}

/// Where the feedback function works.
pub struct IntakeHost {
    queues: Vec<(IntakeQueue, SqsQueue, String)>,
    max_receive_count: u32,
    metrics: Metrics,
    forged: Mutex<ForgedWatch>,
}

struct Received {
    message: IntakeMessage,
    queue: IntakeQueue,
    receipt: Receipt,
    receive_count: u32,
}

impl IntakeHost {
    /// A host with its clients.
    #[must_use]
    pub fn new(aws: &SdkConfig, config: &FeedbackConfig) -> Self {
        let client = sdk::sqs_client(&sdk::for_worker(aws));
        let queues = IntakeQueue::ALL.iter().zip(&config.queue_urls).map(|(&queue, url)| {
            let name = url.rsplit('/').next().unwrap_or_default().to_owned();
            (queue, SqsQueue::of_intake(client.clone(), queue, url), name)
        });
        Self {
            queues: queues.collect(),
            max_receive_count: config.max_receive_count,
            metrics: Metrics::new(config.stack.clone(), config.detailed_metrics),
            forged: Mutex::default(),
        }
    }

    /// Has `take` read each message of a batch, and answers which must come back. A panic is one message's failure.
    /// `deadline` is the Runtime API's, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the event is no batch of the intake's queues.
    pub async fn work<Taking>(
        &self,
        event: SqsEvent,
        deadline: u64,
        take: impl Fn(IntakeMessage) -> Taking,
    ) -> Result<SqsBatchResponse, BatchError>
    where
        Taking: Future<Output = Taken>,
    {
        let received = event.records.into_iter().map(|record| self.received(record)).collect::<Result<Vec<_>, _>>()?;
        let start_by = batch::deadline(deadline).checked_sub(CLOSING_TIME).unwrap_or(Timestamp::MIN);
        let (forged, unfinished): (Vec<_>, Vec<_>) = stream::iter(received)
            .map(|received| self.one(received, start_by, &take))
            .buffer_unordered(IN_FLIGHT)
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .unzip();
        self.count_forged(forged.into_iter().flatten());
        let unfinished: Vec<_> = unfinished.into_iter().flatten().collect();
        self.hide(&unfinished).await;
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = unfinished.into_iter().map(|(_, id, _)| batch::failure(id)).collect();
        Ok(response)
    }

    /// Who a forged message says to be from, if it is one; and the message with its wait, if it must come back.
    async fn one<Taking>(
        &self,
        received: Received,
        start_by: Timestamp,
        take: &impl Fn(IntakeMessage) -> Taking,
    ) -> (Option<&'static str>, Option<(IntakeQueue, String, Visibility)>)
    where
        Taking: Future<Output = Taken>,
    {
        let Received { message, queue, receipt, receive_count } = received;
        let id = message.id.clone();
        let source = message.route.as_ref().map_or("unknown", Route::source);
        let now = SystemClock.now();
        let back = |hidden_for| Some((queue, id.clone(), Visibility { receipt: receipt.clone(), hidden_for }));
        if now > start_by {
            return (None, back(GIVE_UP_WAIT));
        }
        let taken = panics::catch(take(message)).await.unwrap_or_else(Taken::Failed);
        let wait = wait(&taken, &id, now, receive_count, self.max_receive_count);
        match &taken {
            Taken::Done => tracing::debug!(message_id = id, source, "read"),
            Taken::Later { until, cause } => tracing::info!(message_id = id, source, %until, %cause, "comes back"),
            Taken::Forged(cause) => {
                tracing::warn!(message_id = id, source, %cause, "forged, and dropped");
                return (Some(source), None);
            }
            Taken::Unreadable(cause) => {
                tracing::error!(message_id = id, source, receive_count, %cause, "can't be read");
            }
            Taken::Failed(cause) => {
                tracing::warn!(message_id = id, source, receive_count, %cause, "can't be written down");
            }
        }
        (None, wait.and_then(back))
    }

    fn received(&self, record: SqsMessage) -> Result<Received, BatchError> {
        let (receive_count, sent_at) = batch::received(&record)?;
        let arn = record.event_source_arn.as_deref().unwrap_or_default();
        let name = arn.rsplit(':').next().unwrap_or_default();
        let (queue, ..) = self.queues.iter().find(|(.., of)| of == name).ok_or(BatchError("queue of the intake"))?;
        let text = |(name, value): (String, aws_lambda_events::event::sqs::SqsMessageAttribute)| {
            Some((name, value.string_value?))
        };
        let attributes: BTreeMap<_, _> = record.message_attributes.into_iter().filter_map(text).collect();
        Ok(Received {
            queue: *queue,
            receive_count,
            receipt: Receipt(record.receipt_handle.ok_or(BatchError("receiptHandle"))?),
            message: IntakeMessage {
                id: record.message_id.ok_or(BatchError("messageId"))?,
                route: Route::of(&attributes),
                payload: Payload::of_message(record.body.unwrap_or_default(), &attributes, sent_at),
            },
        })
    }

    async fn hide(&self, unfinished: &[(IntakeQueue, String, Visibility)]) {
        for (queue, at_sqs, _) in &self.queues {
            let changes: Vec<_> =
                unfinished.iter().filter(|(of, ..)| of == queue).map(|(.., change)| change.clone()).collect();
            if !changes.is_empty()
                && let Err(error) = at_sqs.hide(&changes).await
            {
                // They come back all the same, only at another time.
                tracing::warn!(%error, messages = changes.len(), "couldn't change visibility");
            }
        }
    }

    /// Counts mails that a provider accepted and then didn't send.
    pub fn count_dropped(&self, mails: u64) {
        self.metrics.dropped(SystemClock.now(), usize::try_from(mails).unwrap_or(usize::MAX));
    }

    fn count_forged(&self, sources: impl Iterator<Item = &'static str>) {
        let mut forged: BTreeMap<&str, u64> = BTreeMap::new();
        for source in sources {
            *forged.entry(source).or_default() += 1;
        }
        for (source, count) in forged {
            let now = SystemClock.now();
            let is_told = self.forged.lock().unwrap_or_else(PoisonError::into_inner).count(count, now);
            self.metrics.forged(source, now, count, is_told);
        }
    }
}

/// For how long a message is to be hidden; nothing, if it may go.
fn wait(taken: &Taken, id: &str, now: Timestamp, receive_count: u32, max_receive_count: u32) -> Option<Duration> {
    let wait = match taken {
        Taken::Done | Taken::Forged(_) => return None,
        _ if receive_count >= max_receive_count => GIVE_UP_WAIT,
        Taken::Later { until, .. } => {
            Duration::try_from(until.duration_since(now)).unwrap_or_default().max(GIVE_UP_WAIT)
        }
        Taken::Unreadable(_) => {
            FIRST_REREAD.saturating_mul(1 << receive_count.saturating_sub(1).min(16)).min(LONGEST_REREAD)
        }
        Taken::Failed(_) => wait_before_retry(id, receive_count, None),
    };
    Some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_795_000_000).unwrap()
    }

    #[test]
    fn what_is_read_goes_and_what_is_not_comes_back_later_and_later_until_it_is_given_up() {
        let cause = || Cause::new("It is no JSON.");
        let waits = |taken: &Taken| (1..=10).map(|n| wait(taken, "m", now(), n, 10)).collect::<Vec<_>>();
        assert!(waits(&Taken::Done).iter().chain(&waits(&Taken::Forged(cause()))).all(Option::is_none));
        let seconds: Vec<_> =
            waits(&Taken::Unreadable(cause())).into_iter().map(|wait| wait.unwrap().as_secs()).collect();
        assert_eq!(seconds, [10, 20, 40, 80, 120, 120, 120, 120, 120, 1]);
        let failed: Vec<_> = waits(&Taken::Failed(cause())).into_iter().map(Option::unwrap).collect();
        assert!(failed[..4].is_sorted() && failed[3] > Duration::from_mins(10) && failed[9] == GIVE_UP_WAIT);
    }

    #[test]
    fn what_waits_for_a_moment_comes_back_then() {
        let later = |until| Taken::Later { until, cause: Cause::new("A worker has its entry.") };
        let until = now() + jiff::SignedDuration::from_secs(140);
        assert_eq!(wait(&later(until), "m", now(), 3, 10), Some(Duration::from_secs(140)));
        assert_eq!(wait(&later(now()), "m", until, 3, 10), Some(GIVE_UP_WAIT));
    }
}
