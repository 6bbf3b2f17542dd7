use futures::{future::try_join_all, try_join};
use jiff::Timestamp;
use pulse_core::{
    advice::Advice,
    control::Note,
    customer::CustomerId,
    entry::{EntryId, ItemId, Progress},
    failure::Cause,
    orders::OrderAction,
    ports::{LedgerError, Tally, TallyKey},
    run::RunId,
    settlement::{Settled, Settlement, SettlementError, SettlementOutcome},
    stage::PerStage,
    tick::DOUBTS_LOOK_BACK,
};
use serde::{Serialize, Serializer};

use crate::App;

/// The most mails of a run that are listed.
const LISTED: usize = 1_000;

/// Entries that are read side by side.
const AT_ONCE: usize = 16;

/// A mail of which it isn't known whether it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnsettledMail {
    /// The customer that it is of.
    pub customer: CustomerId,
    /// In which run.
    pub run: RunId,
    /// About which item, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    /// Under which key the provider may have it.
    pub key: String,
    /// Since when that isn't known.
    pub since: Timestamp,
    /// The cause, in words for an operator.
    pub cause: Cause,
}

impl UnsettledMail {
    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> Advice {
        Advice::Settle { customer: self.customer.clone(), run: self.run, item: self.item }
    }
}

/// The mails of which it isn't known whether they were accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unsettled {
    /// They, as far as they are listed.
    pub mails: Vec<UnsettledMail>,
    /// How many there are.
    pub all: u64,
}

/// Mails of which it isn't known whether the provider has them, of whatever run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubts {
    /// Its word is waited for.
    pub indeterminate: Unsettled,
    /// Nobody told for a day, and nothing is waited for. Whoever knows can settle them still.
    pub unconfirmed: Unsettled,
}

/// What settling did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettleReport {
    /// Whose mail.
    pub customer: CustomerId,
    /// In which run.
    pub run: RunId,
    /// About which item, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    /// What was done.
    #[serde(rename = "outcome", serialize_with = "outcome")]
    pub settled: Settled,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn outcome<S: Serializer>(settled: &Settled, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match settled {
        Settled::Sent => "sent",
        Settled::Queued => "queued",
        Settled::Failed => "failed",
        Settled::Already => "already-sent",
    })
}

impl App {
    /// Lists the mails of which it isn't known whether they were accepted: of all months, and of campaigns that aren't over or
    /// were over lately.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn unsettled(&self) -> Result<Unsettled, LedgerError> {
        let (tally, campaigns) = try_join!(self.tally(), self.campaigns_of_doubts())?;
        self.mails_of(&tally, &campaigns, TallyKey::Indeterminate).await
    }

    /// Lists those as well of which nobody told for a day. Counts once for both, which costs what counting does.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn doubts(&self) -> Result<Doubts, LedgerError> {
        let (tally, campaigns) = try_join!(self.tally(), self.campaigns_of_doubts())?;
        let mails = |doubt| self.mails_of(&tally, &campaigns, doubt);
        let (indeterminate, unconfirmed) = try_join!(mails(TallyKey::Indeterminate), mails(TallyKey::Unconfirmed))?;
        Ok(Doubts { indeterminate, unconfirmed })
    }

    async fn tally(&self) -> Result<Tally, LedgerError> {
        self.ports.reports.tally(self.clock().now()).await
    }

    /// The tally has months alone. Tick ends the doubts of the same campaigns.
    async fn campaigns_of_doubts(&self) -> Result<Vec<RunId>, LedgerError> {
        let since = self.clock().now().saturating_sub(DOUBTS_LOOK_BACK).unwrap_or(Timestamp::MIN);
        self.ports.campaigns.live_campaigns(since).await
    }

    async fn mails_of(&self, tally: &Tally, campaigns: &[RunId], doubt: TallyKey) -> Result<Unsettled, LedgerError> {
        let months = tally.0.iter().filter(|((_, key), _)| *key == doubt);
        let months = months.map(|((run, _), count)| (*run, Some(*count)));
        let mut all = 0;
        let mut mails = Vec::new();
        for (run, counted) in months.chain(campaigns.iter().map(|run| (*run, None))) {
            let ids = self.ports.reports.closed_entries(run, doubt, None, LISTED).await?;
            all += match counted {
                Some(counted) => counted,
                // A campaign is counted only where the list is cut: that reads all that it has closed.
                None if ids.len() < LISTED => ids.len() as u64,
                None => self.ports.in_campaigns.closed_counts(run).await?.get(&doubt).copied().unwrap_or_default(),
            };
            for ids in ids.chunks(AT_ONCE) {
                let read = try_join_all(ids.iter().map(|id| self.unsettled_mail(id))).await?;
                mails.extend(read.into_iter().flatten());
            }
        }
        Ok(Unsettled { mails, all })
    }

    async fn unsettled_mail(&self, id: &EntryId) -> Result<Option<UnsettledMail>, LedgerError> {
        let Some(entry) = self.ports.ledger.entry(id).await? else { return Ok(None) };
        // The list may be some seconds old.
        let (Progress::Indeterminate { cause, at, .. } | Progress::Unconfirmed { cause, at }) = entry.progress() else {
            return Ok(None);
        };
        let EntryId { customer, run, item } = id.clone();
        Ok(Some(UnsettledMail { customer, run, item, key: id.message_key(), since: *at, cause: cause.clone() }))
    }

    /// Records what became of a mail of which it isn't known whether it was accepted. The note is kept with the
    /// customer.
    ///
    /// # Errors
    /// As [`SettlementError`] says.
    pub async fn settle(
        &self,
        id: &EntryId,
        outcome: &SettlementOutcome,
        note: &Note,
    ) -> Result<SettleReport, SettlementError> {
        let settled = self.settle_now(id, outcome, note).await;
        let EntryId { customer, run, item } = id.clone();
        let sent = matches!(outcome, SettlementOutcome::Sent { .. });
        self.leave_order(OrderAction::Settle { customer, run, item, sent }, Some(note), &settled).await;
        settled
    }

    async fn settle_now(
        &self,
        id: &EntryId,
        outcome: &SettlementOutcome,
        note: &Note,
    ) -> Result<SettleReport, SettlementError> {
        let settlement = Settlement {
            ledger: &*self.ports.ledger,
            queues: PerStage::from_fn(|stage| &*self.ports.queues[stage]),
            clock: self.clock(),
        };
        let settled = settlement.settle(id, outcome, note.as_str()).await?;
        let EntryId { customer, run, item } = id.clone();
        Ok(SettleReport { customer, run, item, settled })
    }
}
