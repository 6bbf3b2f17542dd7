//! A redrive by the ledger, as an order.

use futures::{StreamExt as _, stream};

use super::{
    OrderError, OrderState,
    carrier::{Claimed, Worked},
    progress::Fate,
};
use crate::{entry::StageName, failure::Cause, message::WorkMessage, ports::TallyKey, run::RunId};

/// Entries of a step.
const STEP: u64 = 200;

/// Entries that are counted at most, of those that are more than were previewed.
const COUNTED: usize = 10_000;

/// Messages that are sent side by side.
const AT_ONCE: usize = 16;

/// Entries are dealt with by customer, and written down with the last of them: whoever goes on from there may queue a step's
/// entries once more, which does no harm, and counts them once.
pub(super) async fn carry_out(claimed: &mut Claimed<'_>, stage: StageName, run: RunId) -> Result<Worked, OrderError> {
    let (round, key) = (claimed.round, TallyKey::Failed(stage));
    loop {
        if claimed.is_out_of_time() {
            return Ok(Worked::OutOfTime);
        }
        let tried = claimed.order.progress.looked_at();
        let left = claimed.order.expected().saturating_sub(tried).min(STEP);
        let after = claimed.order.place.after.clone();
        if left == 0 {
            let more = round.listing.closed_entries(run, key, after.as_ref(), COUNTED).await?.len() as u64;
            return Ok(Worked::Ended(if more == 0 { OrderState::Done } else { OrderState::AsksAgain { more } }));
        }
        let limit = usize::try_from(left).unwrap_or(usize::MAX);
        let entries = round.listing.closed_entries(run, key, after.as_ref(), limit).await?;
        let Some(last) = entries.last() else { return Ok(Worked::Ended(OrderState::Done)) };
        let mut next = claimed.order.next(claimed.now());
        next.place.after = Some(last.addressee());
        next.place.failures = 0;
        let sends = stream::iter(entries).map(async |id| round.queues[stage].send(&WorkMessage::for_entry(&id)).await);
        let sent: Vec<_> = sends.buffered(AT_ONCE).collect().await;
        // With a queue that takes none of them something is wrong, and they are tried again.
        if let Some(Err(error)) = sent.first()
            && sent.iter().all(Result::is_err)
        {
            return Err(error.clone().into());
        }
        for sent in sent {
            let fate = sent.map_or_else(|error| Fate::Failed(Cause::new(error.to_string())), |()| Fate::Moved);
            next.progress.count(&fate);
        }
        claimed.save(next).await?;
    }
}
