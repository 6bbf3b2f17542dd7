//! Closing what is open of a campaign that is over.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{AT_ONCE, Campaign, CampaignRound, RoundError, minute};
use crate::{
    entry::{Entry, EntryId, Queueing, StageName},
    failure::Cause,
    ports::LedgerError,
};

/// Entries that are closed at a time, before it is looked whether there is time for more.
const CLOSED_AT_A_TIME: usize = 500;

/// How long a campaign that is over waits for calls that are under way. A call ends within 20 seconds, and what came of it is
/// written down at once: a worker that hasn't by then is dead.
const LAST_CALLS: Duration = Duration::from_mins(2);

impl CampaignRound<'_> {
    /// Closes what is open of a campaign that is over or was cancelled, but for what a worker has in hand: that is passed over,
    /// however much of it the index names first. Its parts take turns, so that the index bears the writes, and another is the
    /// first each minute.
    pub(super) async fn close_open(&self, campaign: &Campaign, until: Timestamp) -> Result<usize, RoundError> {
        let (parts, first) = (self.entries.parts_of_campaign(), minute(self.clock.now()));
        let in_turn = (0..parts).map(|part| ((first + part) % parts, HashSet::new()));
        let (mut closed, mut in_turn): (_, VecDeque<_>) = (0, in_turn.collect());
        while let Some((part, mut left)) = in_turn.pop_front() {
            let limit = CLOSED_AT_A_TIME + left.len();
            let open = self.entries.open_in_part(campaign.run, part, limit).await?;
            let is_all = open.len() < limit;
            let new: Vec<_> = open.into_iter().filter(|id| !left.contains(id)).collect();
            let tried = stream::iter(new).map(async |id| (self.close(campaign, &id).await, id));
            let mut tried = tried.buffer_unordered(AT_ONCE);
            while let Some((is_closed, id)) = tried.next().await {
                closed += usize::from(is_closed);
                if !is_closed {
                    // A worker has it, or the index doesn't know better yet.
                    left.insert(id);
                }
            }
            if self.clock.now() >= until {
                break;
            }
            if !is_all {
                in_turn.push_back((part, left));
            }
        }
        Ok(closed)
    }

    async fn close(&self, campaign: &Campaign, id: &EntryId) -> bool {
        let closed = async {
            let Some(entry) = self.ledger.entry(id).await?.filter(Entry::is_open) else { return Ok(false) };
            let now = self.clock.now();
            let over_since = match &campaign.cancelled {
                Some(cancelled) => Some(cancelled.at),
                None => campaign.request.deadline,
            };
            let waited =
                over_since.is_none_or(|since| now >= since.saturating_add(LAST_CALLS).unwrap_or(Timestamp::MAX));
            if entry.lease_until().is_some_and(|until| until > now) && !waited {
                return Ok(false);
            }
            let cause = campaign.cancelled.is_none().then(|| evidence(&entry, now));
            let Ok(change) = entry.close_with_campaign(cause, now) else { return Ok(false) };
            self.ledger.apply(&change).await?;
            Ok::<_, LedgerError>(true)
        };
        match closed.await {
            Ok(is_closed) => is_closed,
            // A worker was faster.
            Err(LedgerError::Conflict(_)) => false,
            Err(error) => {
                tracing::warn!(entry = %id, %error, "couldn't be closed");
                false
            }
        }
    }
}

/// How far an entry had got that is abandoned.
fn evidence(entry: &Entry, now: Timestamp) -> Cause {
    let stage = entry.at();
    let claims = entry.claims();
    Cause::new(match (entry.queueing(), entry.failure_streak(), entry.lease_until()) {
        (_, _, Some(until)) if until > now => {
            format!("A worker of the {stage} stage took it and didn't say what came of it.")
        }
        (_, _, Some(_)) => {
            format!("It was claimed {claims} times, and the last worker of the {stage} stage died with it.")
        }
        (_, Some(streak), None) => format!("It was tried {claims} times. {}", streak.cause),
        (Queueing::Held, None, None) => format!("It wasn't dispatched to the {stage} stage before the deadline."),
        (Queueing::Deferred, None, None) if stage == StageName::Call => "Its partner had it under way.".to_owned(),
        (Queueing::Deferred, None, None) => format!("It was put off in the {stage} stage until after the deadline."),
        (Queueing::Pending | Queueing::Requeued { .. }, None, None) => {
            format!("It waited in the {stage} stage's queue, and no worker took it before the deadline.")
        }
    })
}
