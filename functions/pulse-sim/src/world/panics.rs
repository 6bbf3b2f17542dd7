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
        Accepted, CampaignMail, Letter, Mail, MailLookup, Mailer, Recall, RenderError, Rendered, Renderer, ScoreError,
        ScoreRequest, Scorer, SendError,
    },
    score::Score,
    stable_hash::stable_hash,
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
pub struct Panics(Arc<Mutex<Planned>>);

#[derive(Debug, Default)]
struct Planned {
    on: Vec<(PanicPlace, CustomerId)>,
    /// On one of so many customers.
    on_one_in: Vec<(PanicPlace, u64)>,
}

/// What a planned panic carries.
pub(super) struct PlannedPanic;

impl Panics {
    /// From now on, the code panics there on this customer.
    pub fn begin(&self, place: PanicPlace, customer: CustomerId) {
        self.planned().on.push((place, customer));
    }

    /// From now on, it does so for one reason less.
    pub fn end(&self, place: PanicPlace, customer: &CustomerId) {
        let on = &mut self.planned().on;
        if let Some(which) = on.iter().position(|(at, who)| *at == place && who == customer) {
            on.swap_remove(which);
        }
    }

    /// From now on, the code panics on one of so many customers, always the same ones, at these places and nowhere else.
    pub fn set_on_one_in(&self, places: Vec<(PanicPlace, u64)>) {
        self.planned().on_one_in = places;
    }

    /// Whether the code panics on anyone now.
    pub(super) fn are_planned(&self) -> bool {
        let planned = self.planned();
        !planned.on.is_empty() || !planned.on_one_in.is_empty()
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
        let planned = self.planned();
        let strikes = planned.on.iter().any(|(at, who)| *at == place && who == customer)
            || planned.on_one_in.iter().any(|(at, one_in)| *at == place && is_one_in(*one_in, customer));
        drop(planned);
        if strikes {
            panic::resume_unwind(Box::new(PlannedPanic));
        }
    }

    fn planned(&self) -> MutexGuard<'_, Planned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_one_in(one_in: u64, customer: &CustomerId) -> bool {
    stable_hash(customer.as_str(), "panics").is_multiple_of(one_in.max(1))
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

    fn render_campaign(&self, mail: &CampaignMail<'_>) -> Result<Rendered, RenderError> {
        self.panics.strike(PanicPlace::Written, &mail.customer.id);
        self.inner.render_campaign(mail)
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
