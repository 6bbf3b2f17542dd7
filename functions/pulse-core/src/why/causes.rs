use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;

use crate::{
    entry::{Entry, EntryId, StageName},
    failure::Cause,
    ports::{Ledger, LedgerError},
};

/// Entries that are read side by side.
const AT_ONCE: usize = 64;

/// Entries that are named for a cause.
const EXAMPLES: usize = 3;

/// What was looked at for its causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SampleOf {
    /// Entries that the stage gave up.
    Failed,
    /// Entries that are due.
    Due,
}

/// What went wrong with entries of a stage, as far as they were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CauseSample {
    /// The entries that were read.
    pub of: SampleOf,
    /// Of which stage.
    pub stage: StageName,
    /// How many there are.
    pub entries: u64,
    /// How many of them were read.
    pub read: u64,
    /// What went wrong with those, the most frequent first.
    pub causes: Vec<CauseCount>,
}

/// How often something went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CauseCount {
    /// The cause, in words for an operator.
    pub cause: Cause,
    /// With how many entries.
    pub entries: u64,
    /// Some of them.
    pub examples: Vec<EntryId>,
}

impl CauseSample {
    /// Whether there are more entries than were read.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.read < self.entries
    }
}

/// Reads entries in whole, those that are there.
pub(super) async fn read_all(ledger: &dyn Ledger, ids: Vec<EntryId>) -> Result<Vec<Entry>, LedgerError> {
    let reads = stream::iter(ids).map(async |id| ledger.entry(&id).await).buffered(AT_ONCE);
    reads.try_filter_map(async |entry| Ok(entry)).try_collect().await
}

/// Groups what went wrong with entries, as `cause_of` says.
pub(super) fn grouped(entries: &[Entry], cause_of: impl Fn(&Entry) -> Option<&Cause>) -> Vec<CauseCount> {
    let mut by_cause: BTreeMap<&str, CauseCount> = BTreeMap::new();
    for entry in entries {
        let Some(cause) = cause_of(entry) else { continue };
        let new = || CauseCount { cause: cause.clone(), entries: 0, examples: Vec::new() };
        let count = by_cause.entry(cause.as_str()).or_insert_with(new);
        count.entries += 1;
        if count.examples.len() < EXAMPLES {
            count.examples.push(entry.id().clone());
        }
    }
    let mut counts: Vec<_> = by_cause.into_values().collect();
    counts.sort_by_key(|count| std::cmp::Reverse(count.entries));
    counts
}
