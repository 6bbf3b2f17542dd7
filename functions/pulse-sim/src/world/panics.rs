//! Code that panics on a customer.

use std::{
    fmt, panic,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use pulse_core::{
    customer::CustomerId,
    entry::EntryId,
    feedback::FeedbackSource,
    ports::{
        Accepted, Letter, Mail, MailLookup, Mailer, Recall, RenderError, Rendered, Renderer, ScoreError, ScoreRequest,
        Scorer, SendError,
    },
    score::Score,
};

use super::ports::WorldPorts;

/// Where in a customer's month the code panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanicPlace {
    /// Once the scoring provider has answered, before that is on the ledger.
    Scored,
    /// While the mail is written, before it is claimed.
    Written,
    /// Once the email provider has answered, before that is on the ledger.
    Mailed,
    /// Once what was told of their mail is on the ledger, before its message is gone.
    Heard,
}

impl PanicPlace {
    /// Those in a stage.
    pub const OF_STAGES: [Self; 3] = [Self::Scored, Self::Written, Self::Mailed];
}

impl fmt::Display for PanicPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scored => "once they are scored",
            Self::Written => "while their mail is written",
            Self::Mailed => "once they are mailed",
            Self::Heard => "once it is heard of their mail",
        })
    }
}

/// On whom the code panics now.
#[derive(Debug, Clone, Default)]
pub struct Panics(Arc<Mutex<Vec<(PanicPlace, CustomerId)>>>);

/// What a planned panic carries.
pub(super) struct PlannedPanic;

impl Panics {
    /// From now on, the code panics there on this customer.
    pub fn begin(&self, place: PanicPlace, customer: CustomerId) {
        self.all().push((place, customer));
    }

    /// From now on, it does so for one reason less.
    pub fn end(&self, place: PanicPlace, customer: &CustomerId) {
        let mut all = self.all();
        if let Some(which) = all.iter().position(|(at, who)| *at == place && who == customer) {
            all.swap_remove(which);
        }
    }

    /// Whether the code panics on anyone now.
    pub(super) fn are_planned(&self) -> bool {
        !self.all().is_empty()
    }

    /// Ports whose users panic, if any do now.
    pub(super) fn around(&self, ports: WorldPorts) -> WorldPorts {
        if !self.are_planned() {
            return ports;
        }
        WorldPorts {
            scorer: Arc::new(Around { inner: ports.scorer, panics: self.clone() }),
            renderer: Arc::new(Around { inner: ports.renderer, panics: self.clone() }),
            mailer: Arc::new(Around { inner: ports.mailer, panics: self.clone() }),
            ..ports
        }
    }

    /// Panics past the panic hook: nobody has to read of what is planned.
    pub(super) fn strike(&self, place: PanicPlace, customer: &CustomerId) {
        let strikes = self.all().iter().any(|(at, who)| *at == place && who == customer);
        if strikes {
            panic::resume_unwind(Box::new(PlannedPanic));
        }
    }

    fn all(&self) -> MutexGuard<'_, Vec<(PanicPlace, CustomerId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A port whose user panics.
struct Around<P: ?Sized> {
    inner: Arc<P>,
    panics: Panics,
}

#[async_trait]
impl Scorer for Around<dyn Scorer> {
    async fn score(&self, request: &ScoreRequest) -> Result<Score, ScoreError> {
        let answer = self.inner.score(request).await;
        self.panics.strike(PanicPlace::Scored, &request.entry.customer);
        answer
    }
}

impl Renderer for Around<dyn Renderer> {
    fn render(&self, letter: &Letter<'_>) -> Result<Rendered, RenderError> {
        self.panics.strike(PanicPlace::Written, &letter.customer.id);
        self.inner.render(letter)
    }
}

#[async_trait]
impl Mailer for Around<dyn Mailer> {
    async fn send(&self, mail: &Mail) -> Result<Accepted, SendError> {
        let answer = self.inner.send(mail).await;
        self.panics.strike(PanicPlace::Mailed, &mail.entry.customer);
        answer
    }

    fn source(&self) -> FeedbackSource {
        self.inner.source()
    }

    fn recall(&self) -> Recall {
        self.inner.recall()
    }

    async fn look_up(&self, entry: &EntryId) -> Result<MailLookup, SendError> {
        self.inner.look_up(entry).await
    }
}
