//! What is remembered of a stage from one tick to the next.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use pulse_core::{
    entry::StageName,
    failure::Cause,
    ports::{LedgerError, StageMemory},
};

use super::{
    DynamoDbLedger,
    attributes::{Attributes, text},
    keys::{self, Key},
};

const HELD_UP_AT: &str = "held_up_at";

#[async_trait]
impl StageMemory for DynamoDbLedger {
    async fn held_up_at(&self, stage: StageName) -> Result<Option<Timestamp>, LedgerError> {
        let key = Key::held_up(stage);
        let name = key.to_string();
        let Some(row) = self.row(key).await? else { return Ok(None) };
        let moment = text(&row, HELD_UP_AT).parse();
        moment.map(Some).map_err(|_| LedgerError::Broken(Cause::new(format!("Row {name} holds no moment: delete it."))))
    }

    async fn remember_held_up(&self, stage: StageName, at: Timestamp) -> Result<(), LedgerError> {
        let Key { pk, sk } = Key::held_up(stage);
        let fields = [("pk", pk), ("sk", sk), (HELD_UP_AT, keys::sortable(at))];
        let row: Attributes = fields.map(|(name, text)| (name.to_owned(), AttributeValue::S(text))).into();
        self.put(row).await
    }
}
