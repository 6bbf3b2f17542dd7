//! What is done with one letter, whoever does it.

use super::{
    Meant, Redrive,
    diagnosis::{Diagnosis, Remedy, Source},
    outcome::Handled,
    redrive::Stop,
};
use crate::{
    entry::{Entry, SkipReason},
    failure::Cause,
    message::WorkMessage,
    pacing::{MayPass, Pace, unless_stopped},
    ports::{DeadLetter, LedgerError},
};

/// Handles letters one by one. A queue or a ledger that can't be used for a moment is waited for, until it is to stop.
pub(crate) struct Handling<'a> {
    pub(crate) redrive: Redrive<'a>,
    /// Of what is sent, no more in any second than was ordered.
    pub(crate) sends: Pace,
    pub(crate) asks: Pace,
    pub(crate) stop: Stop<'a>,
}

/// What is to become of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It isn't meant.
    Other,
    /// It would only die again.
    Stuck(Cause),
    /// It couldn't be looked at.
    Failed(Cause),
    /// It goes.
    Goes(Remedy),
}

impl Handling<'_> {
    /// Looks at a letter.
    pub(crate) async fn judge(&self, letter: &DeadLetter, meant: Meant<'_>) -> Verdict {
        let Redrive { ledger, deliveries, intake, letters, .. } = self.redrive;
        let source = Source { ledger, deliveries, intake, dlq: letters.name() };
        let diagnosis = self.patiently(&self.asks, &letter.id, || source.diagnose(letter)).await;
        let Diagnosis { cause, endpoint, remedy, .. } = match diagnosis {
            Ok(diagnosis) => diagnosis,
            Err(error) => return Verdict::Failed(Cause::new(error.to_string())),
        };
        match remedy {
            _ if !meant.matches(&cause, endpoint.as_ref()) => Verdict::Other,
            Remedy::Stay => Verdict::Stuck(cause),
            remedy => Verdict::Goes(remedy),
        }
    }

    /// Does what is to be done for a letter. It may be deleted then, unless that failed.
    pub(crate) async fn carry_out(&self, letter: &DeadLetter, remedy: Remedy) -> Handled {
        let done = match remedy {
            Remedy::Stay => Err(Cause::new("It would only die again.")),
            Remedy::Done => Ok(Handled::Done),
            Remedy::Close(entry) => self.close(&entry).await,
            Remedy::Redrive(message) => self.send(&message).await,
            Remedy::SendBack => self.send_back(letter).await,
        };
        done.unwrap_or_else(Handled::Failed)
    }

    async fn send_back(&self, letter: &DeadLetter) -> Result<Handled, Cause> {
        let letters = self.redrive.letters;
        let sent = self.patiently(&self.sends, &letter.id, || letters.send_back(letter)).await;
        sent.map(|()| Handled::Redriven).map_err(|error| Cause::new(error.to_string()))
    }

    async fn send(&self, message: &WorkMessage) -> Result<Handled, Cause> {
        let queue = self.redrive.queue.ok_or_else(|| Cause::new("These letters are no stage's."))?;
        let sent = self.patiently(&self.sends, &message.about.to_string(), || queue.send(message)).await;
        sent.map(|()| Handled::Redriven).map_err(|error| Cause::new(error.to_string()))
    }

    async fn close(&self, entry: &Entry) -> Result<Handled, Cause> {
        let Redrive { ledger, sleeper, .. } = self.redrive;
        let skipped = entry.skip(SkipReason::Closed, sleeper.now(), None);
        let change = skipped.map_err(|error| Cause::new(error.to_string()))?;
        match self.patiently(&self.asks, entry.id().customer.as_str(), || ledger.apply(&change)).await {
            Ok(()) => Ok(Handled::Closed),
            // A worker has it now, or it was closed by a try whose answer was lost: let the stage see.
            Err(LedgerError::Conflict(_)) => self.send(&WorkMessage::for_entry(entry.id())).await,
            Err(error) => Err(Cause::new(error.to_string())),
        }
    }

    async fn patiently<T, E, F>(&self, pace: &Pace, key: &str, call: impl Fn() -> F + Send + Sync) -> Result<T, E>
    where
        T: Send,
        E: MayPass + Send,
        F: Future<Output = Result<T, E>> + Send,
    {
        unless_stopped(pace, self.redrive.sleeper, self.stop, key, call).await
    }
}
