//! Where campaigns are kept, and their entries by the indexes.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use futures::future::try_join_all;
use jiff::Timestamp;
use pulse_core::{
    campaign::{
        AudiencePart, Campaign, CampaignChange, CampaignLetter, CampaignPace, CampaignRecord, PartId, PlannedParts,
    },
    customer::CustomerId,
    entry::{Addressee, Entry, EntryId, StageName},
    ports::{Awaited, CampaignEntries, Campaigns, LedgerError, TallyKey},
    run::RunId,
};

use super::{
    DynamoDbLedger,
    attributes::text,
    keys::{self, CAMPAIGN_SHARDS, Key},
    listing::entry_of,
    reports::unknown,
    rows::{self, KeptLetter, KeptPlan},
};

#[async_trait]
impl Campaigns for DynamoDbLedger {
    async fn campaign(&self, run: RunId) -> Result<Option<Campaign>, LedgerError> {
        let row = self.row(Key::campaign(run)).await?;
        row.as_ref().map(rows::parse).transpose()
    }

    async fn save_campaign(&self, change: &CampaignChange) -> Result<bool, LedgerError> {
        self.put_campaign(change).await
    }

    async fn campaign_records(&self, run: RunId) -> Result<Vec<CampaignRecord>, LedgerError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .set_return_consumed_capacity(self.reads.asks_for())
            .key_condition_expression("pk = :pk AND begins_with(sk, :kind)")
            .expression_attribute_values(":pk", AttributeValue::S(keys::campaign_partition(run)))
            .expression_attribute_values(":kind", AttributeValue::S(keys::EVENT.to_owned()));
        let rows = self.read_rows(query, usize::MAX, |row| Some(rows::parse(row))).await?;
        rows.into_iter().collect()
    }

    async fn campaigns(&self, limit: usize) -> Result<Vec<RunId>, LedgerError> {
        let query = self
            .index("tally")
            .key_condition_expression("tally_shard = :shard")
            .expression_attribute_values(":shard", AttributeValue::S(keys::CAMPAIGNS.to_owned()))
            .scan_index_forward(false);
        self.read_rows(query, limit, |row| keys::campaign_of(text(row, "pk"))).await
    }

    /// Two queries of a partition each: a read unit finds that there are none.
    async fn live_campaigns(&self, since: Timestamp) -> Result<Vec<RunId>, LedgerError> {
        let after = |shard: &str, since: Timestamp| {
            let query = self
                .index("open")
                .key_condition_expression("open_shard = :shard AND open_due > :since")
                .expression_attribute_values(":shard", AttributeValue::S(shard.to_owned()))
                .expression_attribute_values(":since", AttributeValue::S(keys::sortable(since)));
            self.read_rows(query, usize::MAX, |row| keys::campaign_of(text(row, "pk")))
        };
        let open = after(keys::CAMPAIGNS, Timestamp::UNIX_EPOCH);
        let (mut live, over) = futures::try_join!(open, after(keys::CAMPAIGNS_OVER, since))?;
        live.extend(over);
        Ok(live)
    }

    async fn campaign_letter(&self, run: RunId, digest: &str) -> Result<Option<CampaignLetter>, LedgerError> {
        let row = self.row(Key::campaign_letter(run, digest)).await?;
        let kept: Option<KeptLetter> = row.as_ref().map(rows::parse).transpose()?;
        Ok(kept.map(|kept| kept.letter))
    }

    async fn put_campaign_letter(&self, run: RunId, letter: &CampaignLetter) -> Result<(), LedgerError> {
        self.put(rows::campaign_letter(run, letter)?).await
    }

    async fn audience_part(&self, run: RunId, part: PartId) -> Result<Option<AudiencePart>, LedgerError> {
        let row = self.row(Key::audience_part(run, part)).await?;
        row.as_ref().map(rows::parse).transpose()
    }

    async fn put_audience_part(&self, run: RunId, id: PartId, part: &AudiencePart) -> Result<bool, LedgerError> {
        self.put_unless_there(rows::audience_part(run, id, part)?).await
    }

    async fn planned_parts(&self, run: RunId) -> Result<PlannedParts, LedgerError> {
        let row = self.row(Key::planned(run)).await?;
        let kept: Option<KeptPlan> = row.as_ref().map(rows::parse).transpose()?;
        Ok(kept.map(|kept| kept.planned).unwrap_or_default())
    }

    async fn save_planned_parts(&self, run: RunId, planned: &PlannedParts) -> Result<bool, LedgerError> {
        self.put_version(u64::from(planned.parts), rows::planned(run, *planned)?).await
    }

    async fn pace(&self, run: RunId) -> Result<CampaignPace, LedgerError> {
        let row = self.row(Key::pace(run)).await?;
        let pace: Option<CampaignPace> = row.as_ref().map(rows::parse).transpose()?;
        Ok(pace.unwrap_or_default())
    }

    async fn save_pace(&self, run: RunId, pace: &CampaignPace) -> Result<bool, LedgerError> {
        self.put_version(pace.version, rows::pace(run, pace)?).await
    }
}

#[async_trait]
impl CampaignEntries for DynamoDbLedger {
    async fn entries_in_campaigns(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.newest_of(customer, keys::CAMPAIGN, None).await
    }

    async fn waiting_in_campaign(
        &self,
        run: RunId,
        stage: StageName,
        awaited: Awaited,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<EntryId>, LedgerError> {
        let prefix = keys::waiting_prefix(stage, awaited);
        let until = format!("{prefix}{}", keys::sortable(before));
        let share = limit.div_ceil(usize::try_from(CAMPAIGN_SHARDS).unwrap_or(1));
        let shards = (0..CAMPAIGN_SHARDS).map(|shard| {
            let query = self
                .index("open")
                .key_condition_expression("open_shard = :shard AND open_due BETWEEN :from AND :until")
                .expression_attribute_values(":shard", AttributeValue::S(keys::campaign_shard(run, shard)))
                .expression_attribute_values(":from", AttributeValue::S(prefix.clone()))
                .expression_attribute_values(":until", AttributeValue::S(until.clone()));
            self.read_rows(query, share, |row| Some((text(row, "open_due").to_owned(), entry_of(row)?)))
        });
        let mut found: Vec<_> = try_join_all(shards).await?.into_iter().flatten().collect();
        found.sort();
        found.truncate(limit);
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }

    fn parts_of_campaign(&self) -> u64 {
        CAMPAIGN_SHARDS
    }

    async fn open_in_part(&self, run: RunId, part: u64, limit: usize) -> Result<Vec<EntryId>, LedgerError> {
        let query = self
            .index("open")
            .key_condition_expression("open_shard = :shard")
            .expression_attribute_values(":shard", AttributeValue::S(keys::campaign_shard(run, part)));
        self.read_rows(query, limit, entry_of).await
    }

    async fn open_counts(&self, run: RunId) -> Result<BTreeMap<(StageName, Awaited), u64>, LedgerError> {
        let all = [Awaited::First, Awaited::Again, Awaited::Deferred, Awaited::Held];
        let places = StageName::OF_ENTRIES.iter().flat_map(|stage| all.map(|awaited| (*stage, awaited)));
        let counted = places.flat_map(|place| (0..CAMPAIGN_SHARDS).map(move |shard| (place, shard))).map(
            async |(place, shard)| {
                let prefix = keys::waiting_prefix(place.0, place.1);
                let count = self.count_waiting(run, shard, prefix.clone(), keys::after_all_of(&prefix)).await?;
                Ok::<_, LedgerError>((place, count))
            },
        );
        let mut counts = BTreeMap::new();
        for (place, count) in try_join_all(counted).await?.into_iter().filter(|(_, count)| *count > 0) {
            *counts.entry(place).or_default() += count;
        }
        Ok(counts)
    }

    async fn put_off_in_campaign(&self, run: RunId, stage: StageName, now: Timestamp) -> Result<u64, LedgerError> {
        let prefix = keys::waiting_prefix(stage, Awaited::Deferred);
        let from = keys::after_all_of(&format!("{prefix}{}", keys::sortable(now)));
        let counted =
            (0..CAMPAIGN_SHARDS).map(|shard| self.count_waiting(run, shard, from.clone(), keys::after_all_of(&prefix)));
        Ok(try_join_all(counted).await?.into_iter().sum())
    }

    async fn closed_counts(&self, run: RunId) -> Result<BTreeMap<TallyKey, u64>, LedgerError> {
        let shards = (0..CAMPAIGN_SHARDS).map(|shard| self.count_by_prefix(keys::campaign_shard(run, shard), ""));
        let mut counts = BTreeMap::new();
        for (prefix, count) in try_join_all(shards).await?.into_iter().flatten() {
            *counts.entry(keys::outcome_of(&prefix).ok_or_else(|| unknown(&prefix))?).or_default() += count;
        }
        Ok(counts)
    }

    async fn closed_in_part(&self, run: RunId, part: u64) -> Result<Vec<(TallyKey, Addressee)>, LedgerError> {
        let query = self
            .index("tally")
            .key_condition_expression("tally_shard = :shard")
            .expression_attribute_values(":shard", AttributeValue::S(keys::campaign_shard(run, part)))
            .projection_expression("pk, sk, tally_key");
        self.read_rows(query, usize::MAX, |row| {
            let (outcome, _) = text(row, "tally_key").rsplit_once('#')?;
            Some((keys::outcome_of(outcome)?, entry_of(row)?.addressee()))
        })
        .await
    }
}

impl DynamoDbLedger {
    /// What waits in a partition of the index `open`, by sort keys.
    async fn count_waiting(&self, run: RunId, shard: u64, from: String, until: String) -> Result<u64, LedgerError> {
        let query = self
            .index("open")
            .key_condition_expression("open_shard = :shard AND open_due BETWEEN :from AND :until")
            .expression_attribute_values(":shard", AttributeValue::S(keys::campaign_shard(run, shard)))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":until", AttributeValue::S(until))
            .select(Select::Count);
        let mut count = 0;
        let mut pages = query.into_paginator().send();
        while let Some(page) = pages.next().await {
            count += u64::from(self.read_page(page)?.count().unsigned_abs());
        }
        Ok(count)
    }
}
