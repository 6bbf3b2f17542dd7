//! Schedules against the roster.

use std::collections::BTreeMap;

use futures::{StreamExt as _, future::try_join_all, stream::FuturesUnordered};

use super::{AuditCursor, AuditDepth, AuditError, AuditReport, Walk, look::About, shards, shards::Shard};
use crate::{
    customer::{CustomerId, Standing},
    ports::{SchedulePage, Schedules as _},
};

/// Shards that are listed side by side: at 150 ms a page, twice what the quota lets.
const AT_ONCE: usize = 12;

/// Names in a shard, at most. A dozen shards' rosters are held at once, some 80 bytes a name: 48 MB.
const NAMES: usize = 50_000;

/// Suspects in a shard, at most: a dozen shards' are looked at and repaired within an invocation, so that the cursor
/// moves in each, whatever is wrong.
const SUSPECTS: usize = 2_500;

/// What is known of a shard.
enum ShardState {
    Waiting,
    UnderWay,
    Done(Piece),
}

/// A shard that is done.
struct Piece {
    report: AuditReport,
    customers: u64,
}

impl Walk<'_> {
    /// All schedules with names from `from` on. Shards are done in any order, and the cursor follows the first that isn't.
    pub(super) async fn schedules_from(&self, from: &str) -> Result<(), AuditError> {
        let waiting = |shard| (shard, ShardState::Waiting);
        let mut front: BTreeMap<_, _> = shards::covering(from).map(waiting).collect();
        let mut under_way = FuturesUnordered::new();
        loop {
            let next = front.iter_mut().filter(|(_, work)| matches!(work, ShardState::Waiting));
            for (shard, work) in next.take(AT_ONCE - under_way.len()) {
                *work = ShardState::UnderWay;
                under_way.push(self.shard(shard.clone()));
            }
            let Some((shard, done)) = under_way.next().await else { return Ok(()) };
            if let Some(piece) = done? {
                front.insert(shard, ShardState::Done(piece));
            } else {
                front.remove(&shard);
                front.extend(shard.split().map(waiting));
            }
            let (mut report, mut customers) = (AuditReport::default(), 0);
            while let Some(first) = front.first_entry() {
                let ShardState::Done(piece) = first.get() else { break };
                report.merge(piece.report.clone());
                customers += piece.customers;
                first.remove();
            }
            let first = front.first_key_value().map(|(shard, _)| shard.prefix.clone());
            let cursor = first.map_or(AuditCursor::Done, |from| AuditCursor::Schedules { from });
            self.checkpoints.done(report, customers, cursor);
            self.checkpoints.save_if_due().await?;
            self.tell();
        }
    }

    /// What a shard holds, or nothing if it is to be split.
    async fn shard(&self, shard: Shard) -> (Shard, Result<Option<Piece>, AuditError>) {
        let piece = if shard.is_alone { self.alone(&shard.prefix).await } else { self.under(&shard).await };
        (shard, piece)
    }

    async fn alone(&self, name: &str) -> Result<Option<Piece>, AuditError> {
        let Ok(id) = CustomerId::parse(name) else { return Ok(None) };
        let customer = self.audit.ledger.customer(&id).await?;
        let customers = u64::from(customer.is_some_and(|customer| customer.standing == Standing::Active));
        let read_in_whole = customers * u64::from(self.is_read_in_whole(&id));
        let report = AuditReport { read_in_whole, ..self.look_at(vec![id], About::Schedules).await? };
        Ok(Some(Piece { report, customers }))
    }

    async fn under(&self, shard: &Shard) -> Result<Option<Piece>, AuditError> {
        let names = if self.depth == AuditDepth::Everyone { SUSPECTS } else { NAMES };
        let is_too_many = |found: usize, most: usize| found > most && shard.can_be_split();
        let Some(roster) = self.roster_under(shard, names).await? else { return Ok(None) };
        let customers = roster.len() as u64;
        let mut suspects: Vec<_> = roster.iter().filter(|id| self.is_read_in_whole(id)).cloned().collect();
        let read_in_whole = suspects.len() as u64;
        let mut unscheduled = Unscheduled::of(roster);
        let (mut listed, mut page) = (0, None);
        loop {
            let SchedulePage { customers, next } = self.schedules.list(&shard.prefix, page).await?;
            listed += customers.len();
            suspects.extend(customers.into_iter().filter(|id| !unscheduled.strike_off(id)));
            if is_too_many(listed, names) || is_too_many(suspects.len(), SUSPECTS) {
                return Ok(None);
            }
            page = next;
            if page.is_none() {
                break;
            }
        }
        suspects.extend(unscheduled.left());
        suspects.sort_unstable();
        suspects.dedup();
        if is_too_many(suspects.len(), SUSPECTS) {
            return Ok(None);
        }
        let report = self.look_at(suspects, About::Schedules).await?;
        Ok(Some(Piece { report: AuditReport { read_in_whole, ..report }, customers }))
    }

    /// The customers under a prefix, or nothing if they are too many for one shard. The parts of the ledger are as large
    /// as each other, by and by: one that is half as large again as its share tells that.
    async fn roster_under(&self, shard: &Shard, names: usize) -> Result<Option<Vec<CustomerId>>, AuditError> {
        let listing = self.audit.listing;
        let parts = listing.parts();
        let of_a_part = usize::try_from(parts).map_or(names, |parts| (names * 3 / 2).div_ceil(parts.max(1)));
        let limit = if shard.can_be_split() { of_a_part } else { usize::MAX };
        let pages = try_join_all((0..parts).map(|part| listing.active_page(part, &shard.prefix, None, limit))).await?;
        let is_cut = pages.iter().any(|page| page.len() >= limit);
        Ok((!is_cut).then(|| pages.into_iter().flatten().collect()))
    }
}

/// The customers of a shard whose schedule isn't found yet.
struct Unscheduled {
    /// In their order.
    roster: Vec<CustomerId>,
    is_found: Vec<bool>,
    next: usize,
}

impl Unscheduled {
    fn of(mut roster: Vec<CustomerId>) -> Self {
        // Each part of the ledger comes in order: this merges them.
        roster.sort();
        Self { is_found: vec![false; roster.len()], roster, next: 0 }
    }

    /// Whether it was one of them. Schedules come in the order of their names, as a rule, so that most are where they are
    /// expected.
    fn strike_off(&mut self, id: &CustomerId) -> bool {
        let is_next = self.roster.get(self.next) == Some(id);
        let at = if is_next { Ok(self.next) } else { self.roster.binary_search(id) };
        self.next = at.map_or_else(|at| at, |at| at + 1);
        at.is_ok_and(|at| !std::mem::replace(&mut self.is_found[at], true))
    }

    fn left(self) -> impl Iterator<Item = CustomerId> {
        self.roster.into_iter().zip(self.is_found).filter(|(_, is_found)| !is_found).map(|(id, _)| id)
    }
}
