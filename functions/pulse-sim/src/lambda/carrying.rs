//! A batch on its way through the function.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use pulse_core::{
    ports::{Receipt, StageQueue as _, Visibility},
    stage::RawMessage,
};

use super::{
    function::InvokeError,
    gathering::Batch,
    mapping::{Answer, Mapping},
};
use crate::queue::Received;

/// How long a throttled batch waits before it is tried again, the first time and at most. AWS says only
/// that it backs off.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

impl Mapping {
    /// Hands a batch to the function, as often as it takes until it runs, and deletes what the function
    /// has dealt with.
    pub(super) async fn carry(self: Arc<Self>, batch: Batch) {
        let messages: Vec<_> =
            batch.messages.iter().map(|message| (message.id.clone(), message.receipt.clone())).collect();
        let answer = if self.handler.is_reached() { self.hand_over(batch).await } else { None };
        let done = answer.map_or_else(Vec::new, |answer| answer.dealt_with(&messages));
        if !done.is_empty() {
            self.queue.delete_all(done);
        }
        self.change(|reading| reading.carried -= 1);
    }

    /// Hands a few messages to the function past the mapping, as someone does who receives them, invokes
    /// it with them, and deletes what it has dealt with. Gives how many there were, and how many must
    /// come back.
    ///
    /// # Errors
    /// When the function had no answer. The messages appear again, at once if it never ran.
    pub async fn hand_over_a_few(&self, most: usize) -> Result<(usize, usize), InvokeError> {
        let received = self.queue.receive(most);
        if received.is_empty() {
            return Ok((0, 0));
        }
        let messages: Vec<_> = received.iter().map(|message| (message.id.clone(), message.receipt.clone())).collect();
        let batch = received.into_iter().map(raw_message).collect();
        let ended = self.function.invoke(|invocation| self.handler.handle(batch, invocation)).await;
        let done = match &ended {
            Ok(answer) => answer.dealt_with(&messages),
            Err(error) => {
                if *error == InvokeError::Throttled {
                    let at_once = |(_, receipt): &(String, Receipt)| Visibility {
                        receipt: receipt.clone(),
                        hidden_for: Duration::ZERO,
                    };
                    let _ = self.queue.hide(&messages.iter().map(at_once).collect::<Vec<_>>()).await;
                }
                return Err(*error);
            }
        };
        let failed = messages.len() - done.len();
        self.queue.delete_all(done);
        Ok((messages.len(), failed))
    }

    /// AWS Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": a batch that is
    /// throttled is tried again until its messages are visible again, and then dropped; a batch whose
    /// invocation failed isn't tried again. Gives the function's answer, if it had one.
    async fn hand_over(&self, batch: Batch) -> Option<Answer> {
        let mut messages = Some(batch.messages.into_iter().map(raw_message).collect());
        let mut wait = FIRST_WAIT;
        loop {
            let (handler, messages) = (&self.handler, &mut messages);
            let code = |invocation| handler.handle(messages.take().unwrap_or_default(), invocation);
            let ended = self.function.invoke(code).await;
            if let Ok(answer @ Answer::Payload(_)) = ended {
                return Some(answer);
            }
            self.change(|reading| reading.concurrency.back_off(self.time.now()));
            if ended != Err(InvokeError::Throttled) {
                return None;
            }
            if !self.wait_while_hidden(batch.visible_at, wait).await {
                self.change(|reading| reading.counted.dropped += 1);
                return None;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Waits for about so long. False if the messages are visible again by then.
    async fn wait_while_hidden(&self, visible_at: Timestamp, wait: Duration) -> bool {
        let again_at = self.time.now().saturating_add(self.random.between(wait / 2, wait));
        let again_at = again_at.unwrap_or(Timestamp::MAX).min(visible_at);
        self.time.sleep_until(again_at).await;
        again_at < visible_at
    }
}

fn raw_message(received: Received) -> RawMessage {
    RawMessage {
        message_id: received.id,
        receipt: received.receipt,
        body: received.body,
        receive_count: received.receive_count,
        sent_at: received.sent_at,
        trace: None,
    }
}
