use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;

use crate::ports::{DeadLetter, DeadLetters, QueueError, Receipt};

/// For how long letters are out of sight while they are looked at. When `pulse` is killed, they are back
/// after this long.
const HIDDEN_FOR: Duration = Duration::from_mins(10);

/// One round through a dead-letter queue: every letter once. Those that are kept are put back at the end.
pub(super) struct DlqCursor<'a> {
    letters: &'a dyn DeadLetters,
    /// Letters that were seen and stay, by their ids.
    kept: BTreeMap<String, Receipt>,
    /// Letters that were first queued later aren't meant.
    until: Timestamp,
    newer: u64,
    /// Letters in a row that were seen before.
    familiar: usize,
}

impl<'a> DlqCursor<'a> {
    /// A round past letters that were first queued at `until` or before. Else what is redriven and dies
    /// again at once would keep a round going for ever.
    pub(super) fn of(letters: &'a dyn DeadLetters, until: Timestamp) -> Self {
        Self { letters, kept: BTreeMap::new(), until, newer: 0, familiar: 0 }
    }

    /// The next letters that weren't seen before, at most `most`. None when there are no more.
    pub(super) async fn next(&mut self, most: usize) -> Result<Vec<DeadLetter>, QueueError> {
        loop {
            let page = self.letters.take(most, HIDDEN_FOR).await?;
            if page.is_empty() {
                return Ok(page);
            }
            let mut fresh = Vec::new();
            for letter in page {
                // A long round meets its first letters again, when they come back in sight.
                match self.kept.get_mut(&letter.id) {
                    Some(receipt) => {
                        *receipt = letter.receipt;
                        self.familiar += 1;
                    }
                    None if letter.sent_at > self.until => {
                        self.keep(&letter);
                        self.newer += 1;
                    }
                    None => fresh.push(letter),
                }
            }
            if !fresh.is_empty() {
                self.familiar = 0;
                return Ok(fresh);
            }
            if self.familiar > self.kept.len() {
                return Ok(fresh);
            }
        }
    }

    /// Keeps a letter out of sight until the end.
    pub(super) fn keep(&mut self, letter: &DeadLetter) {
        self.kept.insert(letter.id.clone(), letter.receipt.clone());
    }

    /// How many letters were passed by because they were queued too late.
    pub(super) fn newer(&self) -> u64 {
        self.newer
    }

    /// Puts back what was kept.
    pub(super) async fn end(self) {
        let receipts: Vec<_> = self.kept.into_values().collect();
        if let Err(error) = self.letters.put_back(&receipts).await {
            tracing::warn!(%error, "letters that were looked at are back in {} minutes", HIDDEN_FOR.as_secs() / 60);
        }
    }
}
