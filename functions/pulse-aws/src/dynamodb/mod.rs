//! The ledger on `DynamoDB`.
