use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    DeadLetterError,
    cursor::DlqCursor,
    diagnosis::{Diagnosis, Source},
};
use crate::{
    customer::CustomerId,
    entry::{EntryId, ItemId},
    failure::Cause,
    ports::{DeadLetter, DeadLetters, Deliveries, IntakeReader, Ledger},
    run::RunId,
};

/// Letters that are looked at side by side: as many as SQS hands out at once.
pub(super) const AT_ONCE: usize = 10;

/// Examples that are told of a cause.
const EXAMPLES: usize = 3;

/// The use case that looks at a dead-letter queue and changes nothing.
#[derive(Clone, Copy)]
pub struct Survey<'a> {
    /// The queue.
    pub letters: &'a dyn DeadLetters,
    /// Where the causes are.
    pub ledger: &'a dyn Ledger,
    /// And of word for endpoints.
    pub deliveries: &'a dyn Deliveries,
    /// What reads letters of the intake, whose causes are in themselves.
    pub intake: &'a dyn IntakeReader,
}

/// What is in a dead-letter queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DeadLetterReport {
    /// How many letters were looked at.
    pub looked_at: usize,
    /// Whether there are more.
    pub more: bool,
    /// They, by cause: the most frequent first.
    pub causes: Vec<CauseGroup>,
}

/// Letters that died of the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CauseGroup {
    /// Of what.
    pub cause: Cause,
    /// What else the first of them says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Cause>,
    /// Their number.
    pub count: usize,
    /// When the first of them was first queued.
    pub first: Timestamp,
    /// When the last of them was first queued.
    pub last: Timestamp,
    /// Whose some of them are.
    pub examples: Vec<Example>,
}

/// Whose a letter is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// Whose turn it was.
    pub customer: CustomerId,
    /// In which run, as far as that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// About which item, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
}

impl Example {
    /// That of an entry.
    pub(super) fn of_entry(id: &EntryId) -> Self {
        Self { customer: id.customer.clone(), run: Some(id.run), item: id.item }
    }

    /// That of a customer, of whatever run.
    pub(super) fn of_customer(customer: CustomerId) -> Self {
        Self { customer, run: None, item: None }
    }
}

impl Survey<'_> {
    /// Looks at no more than `limit` letters, or fewer when `stop` says so, and puts them back, whatever
    /// happens.
    ///
    /// # Errors
    /// When the queue or the ledger can't be used.
    pub async fn look(
        &self,
        limit: usize,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<DeadLetterReport, DeadLetterError> {
        let mut round = DlqCursor::of(self.letters, Timestamp::MAX);
        let report = self.read(&mut round, limit, stop).await;
        round.end().await;
        report
    }

    async fn read(
        &self,
        round: &mut DlqCursor<'_>,
        limit: usize,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<DeadLetterReport, DeadLetterError> {
        let mut groups = BTreeMap::new();
        let mut report = DeadLetterReport::default();
        loop {
            if stop() {
                report.more = true;
                break;
            }
            // When all that was asked for is seen, one more tells whether there is more.
            let left = limit.saturating_sub(report.looked_at);
            let page = round.next(left.clamp(1, AT_ONCE)).await?;
            for letter in &page {
                round.keep(letter);
            }
            if page.is_empty() || left == 0 {
                report.more = !page.is_empty();
                break;
            }
            report.looked_at += page.len();
            for (letter, diagnosis) in self.diagnose_all(page).await? {
                add(&mut groups, &letter, diagnosis);
            }
        }
        report.causes = groups.into_values().collect();
        report.causes.sort_by_key(|group| std::cmp::Reverse(group.count));
        Ok(report)
    }

    async fn diagnose_all(&self, page: Vec<DeadLetter>) -> Result<Vec<(DeadLetter, Diagnosis)>, DeadLetterError> {
        let source =
            Source { ledger: self.ledger, deliveries: self.deliveries, intake: self.intake, dlq: self.letters.name() };
        let diagnoses = stream::iter(page).map(async |letter| {
            let diagnosis = source.diagnose(&letter).await?;
            Ok((letter, diagnosis))
        });
        diagnoses.buffered(AT_ONCE).try_collect().await
    }
}

fn add(groups: &mut BTreeMap<String, CauseGroup>, letter: &DeadLetter, diagnosis: Diagnosis) {
    let Diagnosis { cause, detail, whose, .. } = diagnosis;
    let group = groups.entry(cause.as_str().to_owned()).or_insert_with(|| CauseGroup {
        cause,
        detail,
        count: 0,
        first: letter.sent_at,
        last: letter.sent_at,
        examples: Vec::new(),
    });
    group.count += 1;
    group.first = group.first.min(letter.sent_at);
    group.last = group.last.max(letter.sent_at);
    if let Some(whose) = whose
        && group.examples.len() < EXAMPLES
    {
        group.examples.push(whose);
    }
}
