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
    entry::{Awaited, Entry, EntryId, PackedEntry, Position, Progress, StageName, TallyKey},
    feedback::FeedbackCounts,
    orders::{Order, OrderId},
    ports::{Activity, COUNTED_PARTS, Clock as _, OpenKey, RosterCount, RunCounts},
    run::RunId,
    snapshot::{Point, Snapshot},
    suppression::Suppression,
};

use super::{
    campaigns::CampaignRows,
    index_lag::{CampaignIndex, IndexLag},
    profiles::{Commons, PackedProfile},
    run_reports::part_of,
    stages::Minutes,
    units::{IndexRows, LedgerUse, Write},
};

/// All rows, the index of open entries, and how many rows there are of what.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// Hashed the same in every process: what is done with all rows is done in the same order.
    by_id: HashMap<CustomerId, Account, FixedState>,
    /// What customers have in common.
    commons: Commons,
    open: BTreeMap<(StageName, Awaited), BTreeSet<Place>>,
    /// How many open entries of months there are by run and place, so that nobody has to count.
    counts_of_open: BTreeMap<(RunId, StageName, Awaited), u64>,
    /// How many closed ones.
    counts_of_closed: BTreeMap<(RunId, TallyKey), u64>,
    roster: RosterCount,
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

/// What is kept of one customer, packed: there may be ten million of them.
#[derive(Debug, Default)]
struct Account {
    profile: Option<Box<PackedProfile>>,
    /// The oldest run first, and within it by item.
    entries: Vec<PackedEntry>,
}

impl Account {
    /// At which place an entry is, or belongs.
    fn place_of(&self, id: &EntryId) -> Result<usize, usize> {
        self.entries.binary_search_by(|known| (known.run(), known.item()).cmp(&(id.run, id.item)))
    }
}

/// Where an open entry of a month is in the index, among those of its stage that wait for the same: since when, and whose it
/// is. Months have no items.
type Place = (Timestamp, CustomerId, RunId);

impl Accounts {
    pub(super) fn customer(&self, id: &CustomerId) -> Option<Customer> {
        let (id, account) = self.by_id.get_key_value(id)?;
        Some(self.commons.unpack(id, account.profile.as_deref()?))
    }

    /// The version of a profile, or 0 if there is none.
    pub(super) fn version_of(&self, id: &CustomerId) -> u64 {
        self.by_id.get(id).and_then(|account| account.profile.as_ref()).map_or(0, |profile| profile.version)
    }

    pub(super) fn put_customer(&mut self, customer: &Customer, write: Write) {
        let packed = Box::new(self.commons.pack(customer));
        let account = self.by_id.entry(customer.id.clone());
        let id = account.key().clone();
        let before = account.or_default().profile.replace(packed).map(|before| before.standing);
        if before != Some(customer.standing) {
            if let Some(before) = before {
                *of_standing(&mut self.roster, before) -= 1;
            }
            *of_standing(&mut self.roster, customer.standing) += 1;
            match customer.standing {
                Standing::Active => self.active.insert(id),
                Standing::Closed => self.active.remove(&id),
            };
        }
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

    pub(super) fn roster(&self) -> RosterCount {
        self.roster
    }

    pub(super) fn customers(&self) -> impl Iterator<Item = Customer> {
        let profiles = self.by_id.iter().filter_map(|(id, account)| Some((id, account.profile.as_deref()?)));
        profiles.map(|(id, profile)| self.commons.unpack(id, profile))
    }

    /// Whose profiles have this standing: in no order, but always the same one.
    pub(super) fn customers_of(&self, standing: Standing) -> impl Iterator<Item = &CustomerId> {
        let is_of =
            move |account: &Account| account.profile.as_ref().is_some_and(|profile| profile.standing == standing);
        self.by_id.iter().filter(move |(_, account)| is_of(account)).map(|(id, _)| id)
    }

    /// A customer's entries, the newest first.
    pub(super) fn entries_of(&self, customer: &CustomerId) -> impl Iterator<Item = Entry> {
        let known = self.by_id.get_key_value(customer).into_iter();
        known.flat_map(|(id, account)| account.entries.iter().rev().map(|entry| entry.unpack(id)))
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.packed().map(|(id, entry)| entry.unpack(id))
    }

    /// The entries of a run, as they are packed.
    pub(super) fn entries_in(&self, run: RunId) -> impl Iterator<Item = (&CustomerId, &PackedEntry)> {
        self.packed().filter(move |(_, entry)| entry.run() == run)
    }

    fn packed(&self) -> impl Iterator<Item = (&CustomerId, &PackedEntry)> {
        self.by_id.iter().flat_map(|(id, account)| account.entries.iter().map(move |entry| (id, entry)))
    }

    /// Where a campaign's entries are, as far as the indexes show it by now.
    pub(super) fn campaign_index(&mut self, run: RunId) -> Option<&CampaignIndex> {
        let index = &mut self.campaigns.get_mut(&run)?.index;
        if let Some(lag) = &self.index_lag {
            index.catch_up(lag.clock.now());
        }
        Some(index)
    }

    pub(super) fn entry(&self, id: &EntryId) -> Option<Entry> {
        let (customer, account) = self.by_id.get_key_value(&id.customer)?;
        Some(account.entries[account.place_of(id).ok()?].unpack(customer))
    }

    /// The version of an entry, if there is one.
    pub(super) fn version_of_entry(&self, id: &EntryId) -> Option<u64> {
        let account = self.by_id.get(&id.customer)?;
        Some(account.entries[account.place_of(id).ok()?].version())
    }

    pub(super) fn put_new(&mut self, entry: &Entry, write: Write) -> bool {
        let is_new = self.version_of_entry(entry.id()).is_none();
        if is_new {
            self.put(entry, write);
        } else {
            self.used.write(write, IndexRows::NONE);
        }
        is_new
    }

    pub(super) fn put(&mut self, entry: &Entry, write: Write) {
        let id = entry.id();
        let account = self.by_id.entry(id.customer.clone());
        let customer = account.key().clone();
        let account = account.or_default();
        let before = match account.place_of(id) {
            Ok(at) => {
                let before = std::mem::replace(&mut account.entries[at], PackedEntry::of(entry));
                Some(before.position())
            }
            Err(at) => {
                account.entries.reserve_exact(1);
                account.entries.insert(at, PackedEntry::of(entry));
                None
            }
        };
        let index_rows = if id.run.is_campaign() {
            let rows = self.campaigns.entry(id.run).or_default();
            rows.moved(before, entry, self.index_lag.as_ref())
        } else {
            self.moved(&customer, id.run, before, entry.position())
        };
        self.written(entry, write, index_rows);
    }

    /// Moves an entry of a month in the indexes, and says how many of their rows that takes.
    fn moved(&mut self, customer: &CustomerId, run: RunId, before: Option<Position>, after: Position) -> IndexRows {
        // A row that stays in the same place of a keys-only index costs nothing there.
        let mut rows = IndexRows::NONE;
        if before == Some(after) {
            return rows;
        }
        if let Some(before) = before {
            *self.count_of(run, before) -= 1;
        }
        *self.count_of(run, after) += 1;
        let place = |position| match position {
            Position::Open { stage, awaited, since } => Some(((stage, awaited), since)),
            Position::Closed(_) => None,
        };
        if let Some((kind, since)) = before.and_then(place) {
            self.open.entry(kind).or_default().remove(&(since, customer.clone(), run));
        }
        if let Some((kind, since)) = place(after) {
            self.open.entry(kind).or_default().insert((since, customer.clone(), run));
        }
        let is_closed = |position| matches!(position, Position::Closed(_));
        let stays_closed = before.is_some_and(is_closed) && is_closed(after);
        for position in before.into_iter().chain([after]).filter(|_| !stays_closed) {
            match position {
                Position::Open { .. } => rows.open += 1,
                Position::Closed(_) => rows.tally += 1,
            }
        }
        rows
    }

    fn count_of(&mut self, run: RunId, position: Position) -> &mut u64 {
        match position {
            Position::Open { stage, awaited, .. } => self.counts_of_open.entry((run, stage, awaited)).or_default(),
            Position::Closed(key) => self.counts_of_closed.entry((run, key)).or_default(),
        }
    }

    fn written(&mut self, entry: &Entry, write: Write, index_rows: IndexRows) {
        let key = || (entry.id().run, entry.id().clone());
        if matches!(entry.progress(), Progress::Indeterminate { .. }) {
            self.indeterminate.insert(key());
        } else if !self.indeterminate.is_empty() {
            self.indeterminate.remove(&key());
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
    ) -> impl Iterator<Item = EntryId> {
        let waiting = self.open.get(&(stage, awaited)).into_iter().flatten();
        waiting.take_while(move |(since, ..)| *since <= before).map(id_of)
    }

    /// All open entries.
    pub(super) fn open(&self) -> impl Iterator<Item = EntryId> {
        self.open.values().flatten().map(id_of)
    }

    /// A run's entries by where they are, and how many open entries all months have, of some parts of the customers.
    pub(super) fn count(&self, parts: &Range<u64>, run: RunId, now: Timestamp) -> (RunCounts, u64) {
        if *parts == (0..COUNTED_PARTS) { self.count_all(run, now) } else { self.count_parts(parts, run, now) }
    }

    fn count_parts(&self, parts: &Range<u64>, run: RunId, now: Timestamp) -> (RunCounts, u64) {
        let (mut counts, mut open) = (RunCounts::default(), 0);
        for (_, account) in self.by_id.iter().filter(|(id, _)| parts.contains(&part_of(id))) {
            if let Some(profile) = &account.profile {
                *of_standing(&mut counts.roster, profile.standing) += 1;
            }
            for entry in account.entries.iter().filter(|entry| !entry.run().is_campaign()) {
                let is_of_run = entry.run() == run;
                match entry.position() {
                    Position::Open { stage, awaited, since } => {
                        open += 1;
                        let key = OpenKey { stage, awaited, is_due: since <= now };
                        if is_of_run {
                            *counts.open.entry(key).or_default() += 1;
                        }
                    }
                    Position::Closed(key) if is_of_run => *counts.closed.entry(key).or_default() += 1,
                    Position::Closed(_) => {}
                }
            }
        }
        (counts, open)
    }

    fn count_all(&self, run: RunId, now: Timestamp) -> (RunCounts, u64) {
        let mut counts = RunCounts { roster: self.roster, ..RunCounts::default() };
        for ((of, stage, awaited), all) in &self.counts_of_open {
            let (stage, awaited) = (*stage, *awaited);
            if *of != run || *all == 0 {
                continue;
            }
            let waiting = self.open.get(&(stage, awaited)).into_iter().flatten();
            let due = waiting.take_while(|(since, ..)| *since <= now).filter(|(.., of)| *of == run).count() as u64;
            let by_due = [(true, due), (false, all - due)].into_iter().filter(|(_, count)| *count > 0);
            counts.open.extend(by_due.map(|(is_due, count)| (OpenKey { stage, awaited, is_due }, count)));
        }
        let closed = self.counts_of_closed.iter().filter(|((of, _), count)| *of == run && **count > 0);
        counts.closed = closed.map(|((_, key), count)| (*key, *count)).collect();
        (counts, self.open.values().map(BTreeSet::len).sum::<usize>() as u64)
    }
}

fn id_of((_, customer, run): &Place) -> EntryId {
    EntryId::of(customer.clone(), *run)
}

fn of_standing(roster: &mut RosterCount, standing: Standing) -> &mut u64 {
    match standing {
        Standing::Active => &mut roster.active,
        Standing::Closed => &mut roster.closed,
    }
}
