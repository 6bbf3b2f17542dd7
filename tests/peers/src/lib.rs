//! What a function of the score stage talks to, in whatever language it is written, and what it takes to work on batches.

mod attributes;
pub mod function;
mod ledger;
pub mod measure;
mod month;
mod queues;
mod stand_in;
pub mod table;
mod tally;
