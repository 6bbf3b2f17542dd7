//! Open entries against the roster.

use super::{AuditCursor, AuditError, AuditReport, Walk, look::About};
use crate::customer::CustomerId;

/// Customers of the roster that are read together.
const PAGE: usize = 10_000;

/// Suspects that are looked at before the cursor moves.
const CHUNK: usize = 1_000;

impl Walk<'_> {
    /// One part of the ledger. Its open entries are sorted and its roster comes sorted, so that one walk over both tells
    /// who is only in one: of ten million customers, an eighth's ids are held, some 80 MB. An audit that goes on walks the
    /// part from its beginning, and looks at nobody up to `after` again.
    pub(super) async fn entries_of(&self, part: u64, after: Option<CustomerId>) -> Result<(), AuditError> {
        let listing = self.audit.listing;
        let open = listing.open_entries(part).await?.into_iter().filter(|entry| entry.run.is_monthly());
        let mut open: Vec<_> = open.map(|entry| entry.customer).collect();
        open.sort_unstable();
        let mut open = open.into_iter().peekable();
        let is_new = |id: &CustomerId| after.as_ref().is_none_or(|after| id > after);
        let mut last: Option<CustomerId> = None;
        loop {
            let page = listing.active_page(part, "", last.as_ref(), PAGE).await?;
            let is_last_page = page.len() < PAGE;
            let mut suspects = Vec::new();
            for id in &page {
                while let Some(stray) = open.next_if(|open| open < id) {
                    suspects.push(stray);
                }
                if open.next_if_eq(id).is_none() {
                    suspects.push(id.clone());
                }
                // Who has two open entries is one customer.
                while open.next_if_eq(id).is_some() {}
            }
            if is_last_page {
                suspects.extend(open.by_ref());
            }
            suspects.retain(is_new);
            suspects.dedup();
            last = page.last().cloned().or(last);
            let mut customers: Vec<_> = page.into_iter().filter(is_new).collect();
            for chunk in suspects.chunks(CHUNK) {
                let report = self.look_at(chunk.to_vec(), About::Entries).await?;
                let after = chunk.last().cloned();
                let beyond = customers.partition_point(|id| Some(id) <= after.as_ref());
                let looked_at = customers.drain(..beyond).count() as u64;
                let report = AuditReport { customers: looked_at, ..report };
                self.checkpoints.done(report, 0, AuditCursor::Entries { part, after });
                self.checkpoints.save_if_due().await?;
            }
            let report = AuditReport { customers: customers.len() as u64, ..AuditReport::default() };
            let part_done = AuditCursor::Entries { part: part + 1, after: None };
            let cursor = match customers.pop() {
                _ if is_last_page => part_done,
                Some(id) => AuditCursor::Entries { part, after: Some(id) },
                None => self.checkpoints.read(|checkpoint| checkpoint.cursor.clone()),
            };
            self.checkpoints.done(report, 0, cursor);
            self.checkpoints.save_if_due().await?;
            self.tell();
            if is_last_page {
                return Ok(());
            }
        }
    }
}
