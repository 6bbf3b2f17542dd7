//! What operators ask: counts over the indexes, and a customer's notes.

use std::{collections::BTreeMap, ops::Range};

use async_trait::async_trait;
use futures::future::try_join_all;
use jiff::Timestamp;
use pulse_core::{
    customer::CustomerId,
    entry::{Plan, StageName},
    failure::Cause,
    ports::{Activity, Awaited, LedgerError, LedgerReports, RosterCount, Tally, TallyKey},
    run::RunId,
};

use super::{
    DynamoDbLedger,
    keys::{self, SHARDS},
};

/// The most notes that are told of a customer.
const NOTES: i32 = 100;

type Counts = BTreeMap<(RunId, TallyKey), u64>;

#[async_trait]
impl LedgerReports for DynamoDbLedger {
    async fn tally(&self, now: Timestamp) -> Result<Tally, LedgerError> {
        let shards = keys::all_awaited().flat_map(|awaited| (0..SHARDS).map(move |shard| (awaited, shard)));
        let open = try_join_all(shards.map(|(awaited, shard)| self.open_of_shard(awaited, shard, now)));
        let closed = try_join_all((0..SHARDS).map(|shard| self.closed_of_shard(shard)));
        let (open, closed) = futures::try_join!(open, closed)?;
        let mut tally = Counts::new();
        for (key, count) in open.into_iter().chain(closed).flatten() {
            *tally.entry(key).or_default() += count;
        }
        Ok(Tally(tally))
    }

    async fn roster(&self) -> Result<RosterCount, LedgerError> {
        self.roster_in(0..SHARDS).await
    }

    async fn activities(&self, customer: &CustomerId) -> Result<Vec<Activity>, LedgerError> {
        self.newest_of(customer, keys::ACTIVITY, Some(NOTES)).await
    }
}

impl DynamoDbLedger {
    /// The roster's customers in some of its partitions.
    pub(super) async fn roster_in(&self, shards: Range<u64>) -> Result<RosterCount, LedgerError> {
        let shards = shards.map(|shard| self.count_by_prefix(keys::roster_shard(shard), ""));
        let mut roster = RosterCount::default();
        for (prefix, count) in try_join_all(shards).await?.into_iter().flatten() {
            match prefix.as_str() {
                "ACTIVE" => roster.active += count,
                "CLOSED" => roster.closed += count,
                _ => return Err(unknown(&prefix)),
            }
        }
        Ok(roster)
    }

    async fn open_of_shard(
        &self,
        (stage, awaited): (StageName, Awaited),
        shard: u64,
        now: Timestamp,
    ) -> Result<Counts, LedgerError> {
        let counts = self.count_open(keys::open_shard(stage, awaited, shard), &keys::sortable(now)).await?;
        let mut by_run = Counts::new();
        for ((sk, due), count) in counts {
            let run = sk.strip_prefix(keys::RUN).and_then(|run| RunId::parse(run).ok());
            // The index doesn't say which plan an entry has: whatever waits for the first stage of the month does
            // so for its own first.
            let key = TallyKey::of_open(stage, stage == Plan::MONTHLY.first(), due);
            *by_run.entry((run.ok_or_else(|| unknown(&sk))?, key)).or_default() += count;
        }
        Ok(by_run)
    }

    async fn closed_of_shard(&self, shard: u64) -> Result<Counts, LedgerError> {
        let counts = self.count_by_prefix(keys::closed_shard(shard), "").await?;
        counts
            .into_iter()
            .map(|(prefix, count)| Ok((keys::parse_outcome(&prefix).ok_or_else(|| unknown(&prefix))?, count)))
            .collect()
    }
}

pub(super) fn unknown(key: &str) -> LedgerError {
    LedgerError::Broken(Cause::new(format!(
        "An index holds the key {key}, which this release doesn't know. Use the release that wrote it."
    )))
}
