use std::collections::BTreeMap;

use jiff::Timestamp;
use pulse_core::{
    control::Note,
    customer::EmailAddress,
    failure::Cause,
    feedback::FeedbackSource,
    orders::OrderAction,
    ports::{LedgerError, ProviderRelease, SuppressionFound},
    suppression::{Evidence, InForce, Release, Scope, Suppression, SuppressionReason, change_suppression},
};
use serde::Serialize;

use crate::{App, SettingsError};

/// The part of a digest that is shown: enough to tell two apart, and no more than that.
pub(crate) const SHOWN: usize = 12;

/// Addresses that must not be mailed, none of which is known to whoever looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuppressionsReport {
    /// How many there are, by the worst reason of each.
    pub by_reason: BTreeMap<SuppressionReason, u64>,
    /// How many were released.
    pub released: u64,
    /// Those that were suppressed or released last.
    pub newest: Vec<SuppressionListed>,
    /// When it was looked up.
    #[serde(skip)]
    pub at: Timestamp,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuppressionListed {
    /// The beginning of the digest under which it is kept.
    pub digest: String,
    /// What is kept.
    #[serde(flatten)]
    pub state: SuppressionState,
}

/// Whether an address is suppressed, and by what. The address isn't in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SuppressionState {
    /// What holds, the worst first.
    pub in_force: Vec<InForce>,
    /// Who released it last, if someone did.
    pub released: Option<Release>,
}

impl SuppressionState {
    /// What is kept, as of `now`.
    #[must_use]
    pub fn of(suppression: &Suppression, now: Timestamp) -> Self {
        Self { in_force: suppression.in_force(now), released: suppression.release().cloned() }
    }
}

/// What came of releasing an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReleaseReport {
    /// What held it.
    pub before: Vec<InForce>,
    /// What came of it at the provider.
    pub at_provider: AtProvider,
}

/// What becomes of an address on the provider's own list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AtProvider {
    /// It was on SES's, and isn't any more.
    Released,
    /// It wasn't on SES's.
    NotHeld,
    /// Marketing Cloud's can be changed by hand alone.
    ByHand,
}

/// Why an address couldn't be released. Doing it again is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// The ledger can't be used. The provider has released it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It can't be read by which provider mails go. Nothing was done.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The provider can't be asked to. Nothing was done.
    #[error("Nothing was released: {0}")]
    Provider(Cause),
}

impl App {
    /// Counts suppressed addresses, and lists the newest.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn suppressions(&self, newest: usize) -> Result<SuppressionsReport, LedgerError> {
        let at = self.clock().now();
        let found = self.ports.suppressions.suppressions(at, newest).await?;
        let listed = |SuppressionFound { digest, suppression }| SuppressionListed {
            digest: digest.chars().take(SHOWN).collect(),
            state: SuppressionState::of(&suppression, at),
        };
        let newest = found.newest.into_iter().map(listed).collect();
        Ok(SuppressionsReport { by_reason: found.by_reason, released: found.released, newest, at })
    }

    /// Whether an address is suppressed, and by what. None if nothing is kept of it.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn suppression(&self, address: &EmailAddress) -> Result<Option<SuppressionState>, LedgerError> {
        let known = self.ports.ledger.suppression(address).await?;
        Ok(known.map(|known| SuppressionState::of(&known, self.clock().now())))
    }

    /// Suppresses an address, as an operator says.
    ///
    /// # Errors
    /// When the ledger can't be used. Do it again.
    pub async fn suppress(&self, address: &EmailAddress, note: &Note) -> Result<SuppressionState, LedgerError> {
        let at = self.clock().now();
        let cause = Some(Cause::new(format!("{}: {note}", self.actor.as_str())));
        let evidence = Evidence { at, scope: Scope::All, cause };
        let known = change_suppression(&*self.ports.ledger, address, |known| {
            known.with(SuppressionReason::Operator, evidence.clone())
        });
        Ok(SuppressionState::of(&known.await?, at))
    }

    /// Lets an address be mailed again, whatever suppressed it: at SES first, which would drop the next mail after
    /// accepting it, and then on the ledger. What happened before this counts no more, whenever it is told.
    ///
    /// # Errors
    /// As [`ReleaseError`] says.
    pub async fn release(&self, address: &EmailAddress, note: &Note) -> Result<ReleaseReport, ReleaseError> {
        let released = self.release_now(address, note).await;
        match self.ports.suppressions.digest_of(address).await {
            Ok(digest) => {
                let digest = digest.chars().take(SHOWN).collect();
                self.leave_order(OrderAction::Release { digest }, Some(note), &released).await;
            }
            Err(error) => tracing::warn!(%error, "it isn't kept among the orders who did this"),
        }
        released
    }

    async fn release_now(&self, address: &EmailAddress, note: &Note) -> Result<ReleaseReport, ReleaseError> {
        let at_provider = match self.settings.rules().await?.email.provider {
            FeedbackSource::Ses => {
                match self.ports.ses_suppressions.release(address).await.map_err(ReleaseError::Provider)? {
                    ProviderRelease::Released => AtProvider::Released,
                    ProviderRelease::NotHeld => AtProvider::NotHeld,
                }
            }
            FeedbackSource::MarketingCloud | FeedbackSource::Mailgun => AtProvider::ByHand,
        };
        let at = self.clock().now();
        let ledger = &*self.ports.ledger;
        let before = ledger.suppression(address).await?.map(|known| known.in_force(at)).unwrap_or_default();
        let release = Release { at, by: self.actor.clone(), note: note.clone() };
        change_suppression(ledger, address, |known| {
            let is_held = !known.in_force(Timestamp::MIN).is_empty();
            if is_held { known.released(release.clone()) } else { known }
        })
        .await?;
        Ok(ReleaseReport { before, at_provider })
    }
}
