use std::fmt;

use pulse_core::{
    advice::Advice,
    customer::{Customer, CustomerId},
    entry::Entry,
    ports::{Letter, RenderError, Renderer},
    run::RunId,
    score::{Band, Score, ScoreValue},
};
use serde::Serialize;

use crate::{App, ReadError, SettingsError};

/// Which mail of a customer is looked at.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MailQuestion {
    /// Of which run. Without it, of the latest that has a score.
    pub run: Option<RunId>,
    /// A score that is pretended, for a customer who has none yet.
    pub pretended: Option<(ScoreValue, Band)>,
}

/// A customer's mail, as it was or would be sent. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct PreviewedMail {
    /// Of which run.
    pub run: RunId,
    /// The subject line, as the recipient reads it.
    pub subject: String,
    /// The body that most programs show: it is to be shown in a sandbox alone.
    pub html: String,
    /// The body for programs that show no HTML.
    pub text: String,
    /// In which of the letters' languages it is, as a tag.
    pub language: String,
    /// The customer's locale, if there are no letters in its language.
    pub for_want_of: Option<String>,
    /// What is in it to unsubscribe by.
    pub unsubscribe: PreviewedUnsubscribe,
}

/// What is in a mail that is only looked at to unsubscribe by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviewedUnsubscribe {
    /// A link that unsubscribes nobody, where the customer's mail has theirs.
    Placeholder,
    /// No link: customers of this deployment reply.
    Reply,
}

/// Why a mail can't be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The ledger can't be read, or nobody has this id.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Nothing but a tombstone is left of them.
    #[error("Customer {0} was forgotten: there is nobody to write to")]
    Forgotten(CustomerId),
    /// There is no score to tell.
    #[error("Customer {customer} has no score {}yet", .run.map(|run| format!("in run {run} ")).unwrap_or_default())]
    NoScore {
        /// Whose mail was asked for.
        customer: CustomerId,
        /// In which run, if it was asked for one.
        run: Option<RunId>,
    },
    /// It can't be read how the mails' links begin.
    #[error("Whether letters have a link can't be told: {0}")]
    Settings(#[from] SettingsError),
    /// It can't be written.
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl MailError {
    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Read(error) => error.advice(),
            Self::NoScore { .. } => Some(Advice::PretendScore),
            Self::Forgotten(_) | Self::Settings(_) | Self::Render(_) => None,
        }
    }
}

impl fmt::Debug for PreviewedMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreviewedMail").field("run", &self.run).finish_non_exhaustive()
    }
}

impl App {
    /// A customer's mail, as it was or would be sent, but for the link that would unsubscribe whoever opens it.
    ///
    /// # Errors
    /// As [`MailError`] says.
    pub async fn preview_mail(
        &self,
        renderer: &dyn Renderer,
        id: &CustomerId,
        question: &MailQuestion,
    ) -> Result<PreviewedMail, MailError> {
        let customer = self.profile(id).await?;
        if customer.is_forgotten() {
            return Err(MailError::Forgotten(customer.id));
        }
        let entries = self.ports.ledger.entries(id).await.map_err(ReadError::from)?;
        let (run, score, previous) = self.choose(question, &customer, &entries)?;
        // The customer's own link would opt them out for whoever opens it.
        let link = self.settings.unsubscribe_url().await?.map(|url| url.placeholder());
        let letter =
            Letter { customer: &customer, run, score: &score, previous: previous.as_ref(), unsubscribe: link.as_ref() };
        let mail = renderer.render(&letter)?;
        Ok(PreviewedMail {
            run,
            subject: mail.subject,
            html: mail.html,
            text: mail.text,
            for_want_of: (!renderer.is_in_language_of(&customer.locale)).then(|| customer.locale.to_string()),
            language: mail.language,
            unsubscribe: if link.is_some() { PreviewedUnsubscribe::Placeholder } else { PreviewedUnsubscribe::Reply },
        })
    }

    /// The run, its score, and the score before.
    fn choose(
        &self,
        question: &MailQuestion,
        customer: &Customer,
        entries: &[Entry],
    ) -> Result<(RunId, Score, Option<Score>), MailError> {
        let wanted = |entry: &&Entry| question.run.is_none_or(|run| entry.id().run == run);
        if let Some((value, band)) = &question.pretended {
            let entry = entries.iter().find(wanted);
            let now = self.ports.sleeper.now();
            let score = Score { value: *value, band: band.clone(), as_of: now };
            let run = entry.map_or_else(|| RunId::of(now, customer.zone.rules()), |entry| entry.id().run);
            return Ok((run, score, entry.and_then(Entry::previous).cloned()));
        }
        let scored = entries.iter().filter(wanted).find_map(|entry| Some((entry, entry.score()?)));
        let Some((entry, score)) = scored else {
            return Err(MailError::NoScore { customer: customer.id.clone(), run: question.run });
        };
        Ok((entry.id().run, score.clone(), entry.previous().cloned()))
    }
}
