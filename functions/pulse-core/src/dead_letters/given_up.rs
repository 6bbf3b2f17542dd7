use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::{DeadLetterError, cursor::DlqCursor, survey::AT_ONCE};
use crate::{
    delivery::{Delivery, DeliveryId, DeliveryProgress, EndpointName},
    message::WorkMessage,
    ports::{DeadLetter, DeadLetters, Deliveries},
};

/// Word that the deliver stage gave up, by its letters: on the ledger no list has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenUpWord {
    /// The deliveries, each once.
    pub deliveries: Vec<Delivery>,
    /// How many letters were looked at.
    pub looked_at: usize,
    /// Whether there are more.
    pub more: bool,
}

impl GivenUpWord {
    /// Looks at no more than `limit` letters, or fewer when `stop` says so, and puts them back, whatever happens. What an
    /// endpoint has by now, or needn't have, is left out.
    ///
    /// # Errors
    /// When the queue or the ledger can't be used.
    pub async fn find(
        letters: &dyn DeadLetters,
        deliveries: &dyn Deliveries,
        endpoint: Option<&EndpointName>,
        limit: usize,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, DeadLetterError> {
        let mut round = DlqCursor::of(letters, Timestamp::MAX);
        let found = Self::read(&mut round, deliveries, endpoint, limit, stop).await;
        round.end().await;
        found
    }

    async fn read(
        round: &mut DlqCursor<'_>,
        deliveries: &dyn Deliveries,
        endpoint: Option<&EndpointName>,
        limit: usize,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, DeadLetterError> {
        let (mut found, mut looked_at) = (BTreeMap::new(), 0);
        let more = loop {
            let page = round.next(AT_ONCE).await?;
            for letter in &page {
                round.keep(letter);
            }
            if page.is_empty() || looked_at >= limit || stop() {
                break !page.is_empty();
            }
            looked_at += page.len();
            let ids = page.iter().filter_map(word_of).filter(|id| endpoint.is_none_or(|name| id.endpoint == *name));
            let reads = stream::iter(ids).map(async |id| deliveries.delivery(&id).await).buffered(AT_ONCE);
            let read: Vec<_> = reads.try_collect().await?;
            let is_done = |delivery: &Delivery| {
                matches!(delivery.progress(), DeliveryProgress::Delivered { .. } | DeliveryProgress::Superseded { .. })
            };
            let left = read.into_iter().flatten().filter(|delivery| !is_done(delivery));
            found.extend(left.map(|delivery| (delivery.id(), delivery)));
        };
        Ok(Self { deliveries: found.into_values().collect(), looked_at, more })
    }
}

/// Which delivery a letter is of, if it can be read.
fn word_of(letter: &DeadLetter) -> Option<DeliveryId> {
    WorkMessage::parse(&letter.body, letter.sent_at).ok()?.delivery().ok().cloned()
}
