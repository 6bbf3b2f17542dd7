use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::{Bound, Range},
};

use foldhash::fast::FixedState;
use jiff::Timestamp;
use pulse_core::{
    audit::{AuditCheckpoint, AuditName},
    control::Control,
    customer::{Customer, CustomerId, Standing},
    delivery::{Delivery, Endpoint, EndpointControl, EndpointName, FactId, Line},
    entry::{Awaited, Entry, EntryId, Position, Progress, StageName},
    feedback::FeedbackCounts,
    orders::{Order, OrderId},
    ports::{Activity, Clock as _},
    run::RunId,
    snapshot::{Point, Snapshot},
    suppression::Suppression,
};

use super::{
    campaigns::CampaignRows,
    index_lag::{CampaignIndex, IndexLag},
    run_reports::part_of,
    stages::Minutes,
    units::{IndexRows, LedgerUse, Write},
};

/// All rows, and the index of open entries.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// Hashed the same in every process: what is done with all rows is done in the same order.
    by_id: HashMap<CustomerId, Account, FixedState>,
    open: BTreeSet<Place>,
    /// Who is active, in the order of their ids: listed page by page.
    active: BTreeSet<CustomerId>,
    /// Entries of unknown fate, which are looked for again and again.
    pub(super) indeterminate: BTreeSet<(RunId, EntryId)>,
    /// By digests of addresses.
    pub(super) suppressed: BTreeMap<String, Suppression>,
    /// The body that a token came with, and until when that counts.
    pub(super) tokens: BTreeMap<String, (String, Timestamp)>,
    /// By the hour.
    pub(super) feedback: BTreeMap<(RunId, Timestamp), FeedbackCounts>,
    /// By moment and words, so that the same note made twice is one.
    pub(super) notes: BTreeMap<CustomerId, BTreeMap<(Timestamp, String), Activity>>,
    pub(super) held_up: BTreeMap<StageName, Timestamp>,
    pub(super) controls: BTreeMap<StageName, Control>,
    pub(super) orders: BTreeMap<OrderId, Order>,
    pub(super) endpoints: BTreeMap<EndpointName, Endpoint>,
    pub(super) deliveries: BTreeMap<Line, BTreeMap<FactId, Delivery>>,
    /// What waits for each endpoint, as the index has it.
    pub(super) waiting_deliveries: BTreeMap<EndpointName, BTreeSet<(Awaited, Timestamp, FactId)>>,
    pub(super) endpoint_controls: BTreeMap<EndpointName, EndpointControl>,
    pub(super) endpoint_outcomes: BTreeMap<EndpointName, Minutes>,
    pub(super) audits: BTreeMap<AuditName, AuditCheckpoint>,
    /// By the minute.
    pub(super) outcomes: BTreeMap<StageName, Minutes>,
    pub(super) snapshot: Option<Snapshot>,
    pub(super) snapshot_wanted_at: Option<Timestamp>,
    /// By the beginnings of their five minutes.
    pub(super) points: BTreeMap<Timestamp, Point>,
    pub(super) campaigns: BTreeMap<RunId, CampaignRows>,
    pub(super) index_lag: Option<IndexLag>,
    pub(super) used: LedgerUse,
}

/// What is kept of one customer.
#[derive(Debug, Default)]
struct Account {
    customer: Option<Customer>,
    /// The oldest run first, and within it by item.
    entries: Vec<Entry>,
}

/// Where an open entry is in the index.
type Place = (StageName, Awaited, Timestamp, EntryId);

fn place(entry: &Entry) -> Option<Place> {
    if entry.id().run.is_campaign() {
        return None;
    }
    match entry.position() {
        Position::Open { stage, awaited, since } => Some((stage, awaited, since, entry.id().clone())),
        Position::Closed(_) => None,
    }
}

impl Accounts {
    pub(super) fn customer(&self, id: &CustomerId) -> Option<&Customer> {
        self.by_id.get(id)?.customer.as_ref()
    }

    pub(super) fn put_customer(&mut self, customer: &Customer, write: Write) {
        match customer.standing {
            Standing::Active => self.active.insert(customer.id.clone()),
            Standing::Closed => self.active.remove(&customer.id),
        };
        let account = self.by_id.entry(customer.id.clone()).or_default();
        let before = account.customer.replace(customer.clone()).map(|before| before.standing);
        let index_rows = match before {
            None => 1,
            Some(standing) if standing == customer.standing => 0,
            Some(_) => 2,
        };
        if write == Write::Transaction {
            self.used.transaction();
        }
        self.used.write(write, IndexRows::tally(index_rows));
    }

    /// The active customers whose ids begin so, in order, from the one after `after` on.
    pub(super) fn active_after<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&CustomerId>,
    ) -> impl Iterator<Item = &'a CustomerId> {
        let from = match after {
            Some(after) if after.as_str() >= prefix => Bound::Excluded(after.clone()),
            _ => CustomerId::parse(prefix).map_or(Bound::Unbounded, Bound::Included),
        };
        self.active.range((from, Bound::Unbounded)).take_while(move |id| id.as_str().starts_with(prefix))
    }

    pub(super) fn customers(&self) -> impl Iterator<Item = &Customer> {
        self.by_id.values().filter_map(|account| account.customer.as_ref())
    }

    pub(super) fn entries_of(&self, customer: &CustomerId) -> &[Entry] {
        self.by_id.get(customer).map_or(&[], |account| &account.entries)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.by_id.values().flat_map(|account| &account.entries)
    }

    /// Index rows that a count of a run reads: of what is open, of what is closed in the run, and of the roster.
    pub(super) fn rows_to_count(&self, parts: &Range<u64>, run: RunId) -> [usize; 3] {
        let is_of_parts = |id: &CustomerId| parts.contains(&part_of(id));
        let closed = self.entries().filter(|entry| entry.id().run == run && !entry.is_open());
        [
            self.open().filter(|id| is_of_parts(&id.customer)).count(),
            closed.filter(|entry| is_of_parts(&entry.id().customer)).count(),
            self.by_id.keys().filter(|id| is_of_parts(id)).count(),
        ]
    }

    /// Where a campaign's entries are, as far as the indexes show it by now.
    pub(super) fn campaign_index(&mut self, run: RunId) -> Option<&CampaignIndex> {
        let index = &mut self.campaigns.get_mut(&run)?.index;
        if let Some(lag) = &self.index_lag {
            index.catch_up(lag.clock.now());
        }
        Some(index)
    }

    pub(super) fn entry(&self, id: &EntryId) -> Option<&Entry> {
        self.entries_of(&id.customer).iter().rev().find(|entry| entry.id() == id)
    }

    pub(super) fn put_new(&mut self, entry: &Entry, write: Write) -> bool {
        let is_new = self.entry(entry.id()).is_none();
        if is_new {
            self.put(entry, write);
        } else {
            self.used.write(write, IndexRows::NONE);
        }
        is_new
    }

    pub(super) fn put(&mut self, entry: &Entry, write: Write) {
        let account = self.by_id.entry(entry.id().customer.clone()).or_default();
        let at = account.entries.partition_point(|known| known.id() < entry.id());
        let known = account.entries.get_mut(at).filter(|known| known.id() == entry.id());
        let (before, was_closed) = known.as_ref().map_or((None, false), |known| (place(known), !known.is_open()));
        if entry.id().run.is_campaign() {
            let moved_from = known.as_ref().map(|known| known.position());
            let rows = self.campaigns.entry(entry.id().run).or_default();
            let index_rows = rows.moved(moved_from, entry, self.index_lag.as_ref());
            match known {
                Some(known) => known.clone_from(entry),
                None => account.entries.insert(at, entry.clone()),
            }
            return self.written(entry, write, index_rows);
        }
        match known {
            Some(known) => known.clone_from(entry),
            None => account.entries.insert(at, entry.clone()),
        }
        let after = place(entry);
        // A row that stays in the same place of a keys-only index costs nothing there.
        let mut index_rows = IndexRows::tally(u64::from(was_closed == entry.is_open()));
        if before != after {
            index_rows.open += u64::from(before.is_some()) + u64::from(after.is_some());
            if let Some(before) = before {
                self.open.remove(&before);
            }
            self.open.extend(after);
        }
        self.written(entry, write, index_rows);
    }

    fn written(&mut self, entry: &Entry, write: Write, index_rows: IndexRows) {
        let key = (entry.id().run, entry.id().clone());
        if matches!(entry.progress(), Progress::Indeterminate { .. }) {
            self.indeterminate.insert(key);
        } else if !self.indeterminate.is_empty() {
            self.indeterminate.remove(&key);
        }
        if write == Write::Transaction && entry.version() > 1 {
            self.used.transaction();
        }
        self.used.write(write, index_rows);
    }

    /// The open entries of a stage that wait since `before` or longer, the longest waiting first.
    pub(super) fn overdue(
        &self,
        stage: StageName,
        awaited: Awaited,
        before: Timestamp,
    ) -> impl Iterator<Item = &EntryId> {
        self.from(stage, awaited).take_while(move |place| place.2 <= before).map(|place| &place.3)
    }

    /// All open entries.
    pub(super) fn open(&self) -> impl Iterator<Item = &EntryId> {
        self.open.iter().map(|place| &place.3)
    }

    fn from(&self, stage: StageName, awaited: Awaited) -> impl Iterator<Item = &Place> {
        let lowest = (stage, awaited, Timestamp::MIN, lowest_id());
        self.open.range(lowest..).take_while(move |place| place.0 == stage && place.1 == awaited)
    }
}

/// An id that sorts before all others, or among the first: no moment is as early as the one beside it.
fn lowest_id() -> EntryId {
    use pulse_core::run::RunId;
    let customer = CustomerId::parse("-").expect("an id");
    EntryId::of(customer, RunId::parse("0001-01").expect("a run"))
}
