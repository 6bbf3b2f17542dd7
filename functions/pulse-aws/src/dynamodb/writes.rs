//! Writes under a condition: one row, or a few in a transaction.

use std::iter;

use aws_sdk_dynamodb::{
    error::BuildError,
    operation::put_item::{PutItemError, builders::PutItemFluentBuilder},
    types::{AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, builders::PutBuilder},
};
use pulse_core::{
    campaign::CampaignChange,
    control::Control,
    delivery::Delivery,
    entry::{Change, Entry, StageName},
    failure::Cause,
    ports::LedgerError,
};

use super::{
    DynamoDbLedger,
    attributes::Attributes,
    refusals::{self, Cancelled},
    rows,
};

const AT_VERSION: &str = "#version = :expected";
const UNVERSIONED: &str = "attribute_not_exists(#version)";
const ABSENT: &str = "attribute_not_exists(pk)";

/// Whether a write under a condition was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteOutcome {
    Written,
    ConditionUnmet,
}

impl DynamoDbLedger {
    pub(super) async fn put(&self, row: Attributes) -> Result<(), LedgerError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(row));
        put.send().await.map(drop).map_err(|error| refusals::of_call(&error))
    }

    /// Puts a stage's control row over the one of the version before. False if another is there.
    pub(super) async fn put_control(&self, stage: StageName, control: &Control) -> Result<bool, LedgerError> {
        self.put_version(control.version, rows::control(stage, control)?).await
    }

    /// Puts a row of this version over the one of the version before. False if another is there. The first version may
    /// replace a row without one: profiles of the first release have none.
    pub(super) async fn put_version(&self, version: u64, row: Attributes) -> Result<bool, LedgerError> {
        let put = self.client.put_item().expression_attribute_names("#version", "version");
        let put = match version.checked_sub(1) {
            None | Some(0) => put.condition_expression(UNVERSIONED),
            Some(before) => put
                .condition_expression(AT_VERSION)
                .expression_attribute_values(":expected", AttributeValue::N(before.to_string())),
        };
        let outcome = self.put_if(put, row).await?;
        Ok(outcome == WriteOutcome::Written)
    }

    /// Puts a profile of this version over the one of the version before, and deliveries with it. False, and nothing is put,
    /// if another is there.
    pub(super) async fn put_profile_with_word(
        &self,
        version: u64,
        row: Attributes,
        word: &[Delivery],
    ) -> Result<bool, LedgerError> {
        let profile = self.put_row(row).expression_attribute_names("#version", "version");
        let profile = match version.checked_sub(1) {
            None | Some(0) => profile.condition_expression(UNVERSIONED),
            Some(before) => profile
                .condition_expression(AT_VERSION)
                .expression_attribute_values(":expected", AttributeValue::N(before.to_string())),
        };
        let mut puts = vec![profile];
        for delivery in word {
            puts.push(self.put_row(rows::delivery(delivery)?));
        }
        match self.transact(puts).await {
            Ok(()) => Ok(true),
            Err(Cancelled::First) => Ok(false),
            Err(Cancelled::Otherwise(error)) => Err(error),
        }
    }

    /// Puts a row unless there is one of its key. False if there is.
    pub(super) async fn put_unless_there(&self, row: Attributes) -> Result<bool, LedgerError> {
        let put = self.client.put_item().condition_expression(ABSENT);
        Ok(self.put_if(put, row).await? == WriteOutcome::Written)
    }

    /// Puts a campaign over the one of the version before, with its event and its deliveries. False, and nothing is put, if
    /// another is there.
    pub(super) async fn put_campaign(&self, change: &CampaignChange) -> Result<bool, LedgerError> {
        let campaign = change.after();
        let row = self.put_row(rows::campaign(campaign)?);
        let row = match campaign.version {
            1 => row.condition_expression(ABSENT),
            version => row
                .condition_expression(AT_VERSION)
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":expected", AttributeValue::N((version - 1).to_string())),
        };
        let mut puts = vec![row, self.put_row(rows::campaign_record(campaign.run, change.record())?)];
        for delivery in change.deliveries() {
            puts.push(self.put_row(rows::delivery(delivery)?));
        }
        match self.transact(puts).await {
            Ok(()) => Ok(true),
            Err(Cancelled::First) => Ok(false),
            Err(Cancelled::Otherwise(error)) => Err(error),
        }
    }

    /// Puts a new entry. False if there is one of that id.
    pub(super) async fn put_new(&self, entry: &Entry) -> Result<bool, LedgerError> {
        self.put_unless_there(rows::entry(entry)?).await
    }

    /// Writes a change that nothing is written with.
    pub(super) async fn put_change(&self, change: &Change) -> Result<(), LedgerError> {
        let put = self
            .client
            .put_item()
            .condition_expression(AT_VERSION)
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":expected", expected(change));
        match self.put_if(put, rows::entry(change.after())?).await? {
            WriteOutcome::Written => Ok(()),
            WriteOutcome::ConditionUnmet => Err(LedgerError::Conflict(change.after().id().into())),
        }
    }

    /// Writes a change and its deliveries, all or nothing. The SDK gives every transaction a token, so sending it again is harmless.
    pub(super) async fn put_together(&self, change: &Change) -> Result<(), LedgerError> {
        match self.transact(self.puts_of(change)?).await {
            Ok(()) => Ok(()),
            Err(Cancelled::Otherwise(error)) => Err(error),
            Err(Cancelled::First) => Err(LedgerError::Conflict(change.after().id().into())),
        }
    }

    async fn transact(&self, puts: Vec<PutBuilder>) -> Result<(), Cancelled> {
        let write = |put: PutBuilder| Ok(TransactWriteItem::builder().put(put.build()?).build());
        let writes: Result<Vec<_>, _> = puts.into_iter().map(write).collect();
        let writes = writes.map_err(|error| Cancelled::Otherwise(incomplete(&error)))?;
        let transaction = self.client.transact_write_items().set_transact_items(Some(writes));
        transaction.send().await.map(drop).map_err(|error| refusals::of_transaction(&error))
    }

    fn puts_of(&self, change: &Change) -> Result<Vec<PutBuilder>, LedgerError> {
        let after = self
            .put_row(rows::entry(change.after())?)
            .condition_expression(AT_VERSION)
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":expected", expected(change));
        let word = change.deliveries().iter().map(|delivery| Ok(self.put_row(rows::delivery(delivery)?)));
        iter::once(Ok(after)).chain(word).collect()
    }

    fn put_row(&self, row: Attributes) -> PutBuilder {
        Put::builder().table_name(&self.table).set_item(Some(row))
    }

    /// Puts a row under `put`'s condition. Where the condition doesn't hold because an earlier
    /// attempt of this very call wrote the row, the row was written.
    async fn put_if(&self, put: PutItemFluentBuilder, row: Attributes) -> Result<WriteOutcome, LedgerError> {
        let id = AttributeValue::S(self.write_ids.next());
        let result = put
            .table_name(&self.table)
            .set_item(Some(row))
            .item(rows::WRITE_ID, id.clone())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = result else {
            return Ok(WriteOutcome::Written);
        };
        let Some(PutItemError::ConditionalCheckFailedException(unmet)) = error.as_service_error() else {
            return Err(refusals::of_call(&error));
        };
        let is_ours = unmet.item().and_then(|row| row.get(rows::WRITE_ID)) == Some(&id);
        Ok(if is_ours { WriteOutcome::Written } else { WriteOutcome::ConditionUnmet })
    }
}

fn expected(change: &Change) -> AttributeValue {
    AttributeValue::N(change.expected_version().to_string())
}

fn incomplete(error: &BuildError) -> LedgerError {
    LedgerError::Broken(Cause::new(format!("The transaction can't be built: {error}.")))
}
