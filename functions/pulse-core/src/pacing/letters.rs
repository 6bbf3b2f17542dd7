use std::time::Duration;

use async_trait::async_trait;

use super::{MayPass, Pace};
use crate::ports::{
    DeadLetter, DeadLetters, DlqName, MoveProgress, MoveStart, MoveTicket, QueueError, Rate, Receipt, Sleeper,
};

/// A dead-letter queue, asked at a pace that it bears.
pub struct PacedDeadLetters<'a> {
    letters: &'a dyn DeadLetters,
    sleeper: &'a dyn Sleeper,
    pace: Pace,
    stop: &'a (dyn Fn() -> bool + Sync),
}

impl<'a> PacedDeadLetters<'a> {
    /// The same queue. Once `stop` says so, nothing is asked for again.
    #[must_use]
    pub fn new(letters: &'a dyn DeadLetters, sleeper: &'a dyn Sleeper, stop: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self { letters, sleeper, pace: Pace::default(), stop }
    }

    async fn call<T, F>(&self, call: impl Fn() -> F + Send + Sync) -> Result<T, QueueError>
    where
        T: Send,
        F: Future<Output = Result<T, QueueError>> + Send,
    {
        unless_stopped(&self.pace, self.sleeper, self.stop, self.letters.name().as_str(), call).await
    }
}

/// A call at its pace, which isn't made again once `stop` says so.
pub(crate) async fn unless_stopped<T, E, F>(
    pace: &Pace,
    sleeper: &dyn Sleeper,
    stop: &(dyn Fn() -> bool + Sync),
    key: &str,
    call: impl Fn() -> F + Send + Sync,
) -> Result<T, E>
where
    T: Send,
    E: MayPass + Send,
    F: Future<Output = Result<T, E>> + Send,
{
    let call = || {
        let answer = call();
        async move { answer.await.map_err(|error| Stoppable { error, stop }) }
    };
    pace.call(sleeper, key, call).await.map_err(|stopped| stopped.error)
}

struct Stoppable<'a, E> {
    error: E,
    stop: &'a (dyn Fn() -> bool + Sync),
}

impl<E: MayPass> MayPass for Stoppable<'_, E> {
    fn may_pass(&self) -> bool {
        self.error.may_pass() && !(self.stop)()
    }
}

#[async_trait]
impl DeadLetters for PacedDeadLetters<'_> {
    fn name(&self) -> DlqName {
        self.letters.name()
    }

    async fn count(&self) -> Result<u64, QueueError> {
        self.call(|| self.letters.count()).await
    }

    async fn hidden(&self) -> Result<u64, QueueError> {
        self.call(|| self.letters.hidden()).await
    }

    async fn take(&self, most: usize, hidden_for: Duration) -> Result<Vec<DeadLetter>, QueueError> {
        self.call(|| self.letters.take(most, hidden_for)).await
    }

    async fn hide(&self, receipts: &[Receipt], hidden_for: Duration) -> Result<(), QueueError> {
        self.call(|| self.letters.hide(receipts, hidden_for)).await
    }

    async fn delete(&self, receipts: &[Receipt]) -> Result<(), QueueError> {
        self.call(|| self.letters.delete(receipts)).await
    }

    async fn send_back(&self, letter: &DeadLetter) -> Result<(), QueueError> {
        self.call(|| self.letters.send_back(letter)).await
    }

    async fn start_move(&self, rate: Option<Rate>) -> Result<MoveStart, QueueError> {
        self.call(|| self.letters.start_move(rate)).await
    }

    async fn follow_move(&self, ticket: &MoveTicket) -> Result<MoveProgress, QueueError> {
        self.call(|| self.letters.follow_move(ticket)).await
    }
}
