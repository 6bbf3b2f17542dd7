//! The ledger as the stages use it.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::try_join_all;
use pulse_core::{
    customer::{Customer, CustomerId, EmailAddress},
    delivery::Delivery,
    entry::{Change, Entry, EntryId},
    ports::{Activity, Ledger, LedgerError},
    suppression::Suppression,
};
use serde::de::DeserializeOwned;

use super::{
    DynamoDbLedger,
    attributes::Attributes,
    keys::{self, Key},
    refusals, rows,
};

#[async_trait]
impl Ledger for DynamoDbLedger {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        let row = self.row(Key::profile(id)).await?;
        row.as_ref().map(rows::parse).transpose()
    }

    async fn save_with_word(&self, customer: &Customer, word: &[Delivery]) -> Result<bool, LedgerError> {
        let mut customer = customer.clone();
        customer.mark.version += 1;
        let row = rows::customer(&customer)?;
        match word {
            [] => self.put_version(customer.mark.version, row).await,
            word => self.put_profile_with_word(customer.mark.version, row, word).await,
        }
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        let row = self.row(Key::entry(id)).await?;
        row.as_ref().map(rows::parse).transpose()
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.newest_of(customer, keys::RUN, None).await
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        self.put_new(entry).await
    }

    async fn write_change(&self, change: &Change) -> Result<(), LedgerError> {
        match change.deliveries() {
            [] => self.put_change(change).await,
            _ => self.put_together(change).await,
        }
    }

    /// Under the digests of all keys, and of early releases, which had none: what a newer row says counts with them.
    async fn suppression(&self, address: &EmailAddress) -> Result<Option<Suppression>, LedgerError> {
        let keys = Key::suppressions(address, self.keys.get().await?.as_ref());
        let rows = try_join_all(keys.into_iter().map(|key| self.row(key))).await?;
        let mut known = rows.iter().map(|row| row.as_ref().map(rows::parse::<Suppression>).transpose());
        let newest = known.next().transpose()?.flatten();
        let mut older = None::<Suppression>;
        for row in known {
            older = match (older, row?) {
                (Some(older), Some(row)) => Some(older.joined(row)),
                (older, row) => older.or(row),
            };
        }
        Ok(match (newest, older) {
            (newest, None) => newest,
            (newest, Some(older)) => Some(newest.unwrap_or_default().joined(older)),
        })
    }

    async fn save_suppression(&self, address: &EmailAddress, suppression: &Suppression) -> Result<bool, LedgerError> {
        let mut suppression = suppression.clone();
        suppression.version += 1;
        let row = rows::suppression(&Key::suppression(address, self.keys.get().await?.as_ref()), &suppression)?;
        self.put_version(suppression.version, row).await
    }

    async fn note(&self, activity: &Activity) -> Result<(), LedgerError> {
        self.put(rows::activity(activity)?).await
    }
}

impl DynamoDbLedger {
    pub(super) async fn row(&self, key: Key) -> Result<Option<Attributes>, LedgerError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .consistent_read(true)
            .set_return_consumed_capacity(self.reads.asks_for())
            .key("pk", AttributeValue::S(key.pk))
            .key("sk", AttributeValue::S(key.sk));
        let answer = get.send().await.map_err(|error| refusals::of_call(&error))?;
        self.reads.add(answer.consumed_capacity());
        Ok(answer.item)
    }

    /// A customer's rows whose sort key begins with `kind`, the last first, at most `limit`.
    pub(super) async fn newest_of<T: DeserializeOwned>(
        &self,
        customer: &CustomerId,
        kind: &str,
        limit: Option<i32>,
    ) -> Result<Vec<T>, LedgerError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .set_return_consumed_capacity(self.reads.asks_for())
            .key_condition_expression("pk = :pk AND begins_with(sk, :kind)")
            .expression_attribute_values(":pk", AttributeValue::S(keys::partition(customer)))
            .expression_attribute_values(":kind", AttributeValue::S(kind.to_owned()))
            .scan_index_forward(false);
        let mut found = Vec::new();
        let mut pages = query.set_limit(limit).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = self.read_page(page)?;
            for row in page.items() {
                found.push(rows::parse(row)?);
            }
            if limit.is_some() {
                break; // A page of `limit` rows is all that was asked for.
            }
        }
        Ok(found)
    }
}
