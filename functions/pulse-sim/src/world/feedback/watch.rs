use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, EmailAddress},
    entry::{Entry, EntryId, Progress},
    feedback::FeedbackKind,
    ports::Mail,
};

use super::{stack::IntakeQueueStack, told::Told};
use crate::{
    ledger::MemoryLedger,
    time::VirtualTime,
    world::{
        faults::ActiveFaults,
        invariants::{InvariantChecker, Promise},
        mailing::READ_TO_SEND,
        panics::Panics,
    },
};

/// Within which what is told is on the ledger, while nothing is wrong: the mapping gathers for 20 s, and where few messages
/// wait a receive may find none of them now and then.
const HEARD_WITHIN: Duration = Duration::from_mins(1);

/// How long all has to have been well before that: a mapping takes up to a minute to be turned on.
const WELL_FOR: Duration = Duration::from_mins(2);

/// Watches what is told, and what comes of it.
#[derive(Clone)]
pub struct FeedbackWatch {
    pub(in crate::world) time: VirtualTime,
    pub(in crate::world) ledger: Arc<MemoryLedger>,
    pub(in crate::world) faults: Arc<ActiveFaults>,
    pub(in crate::world) panics: Panics,
    pub(in crate::world) checker: InvariantChecker,
    /// Whether each event is looked after: that takes time and memory.
    pub(in crate::world) is_thorough: bool,
    pub(in crate::world) seen: Arc<Mutex<Seen>>,
}

/// What was told, and heard.
#[derive(Default)]
pub(in crate::world) struct Seen {
    /// Whether payloads that nobody could read can be read by now.
    reads_all: bool,
    /// Who asked for no more mail, and since when that is on the ledger.
    silenced: BTreeMap<CustomerId, Timestamp>,
    /// Addresses that must not be mailed, since when that is on the ledger.
    bad: BTreeMap<String, Timestamp>,
    /// Who was ever told of so that they get no mail.
    without_mail: BTreeSet<CustomerId>,
    /// Whose mail was dropped.
    dropped: BTreeSet<EntryId>,
    pub(super) heard: BTreeMap<CustomerId, Vec<Told>>,
    /// Until when a worker held an entry as it was told of, be the claim given back before or not.
    put_off: BTreeMap<EntryId, Timestamp>,
    /// Entries as they were before anything was heard of them.
    pub(super) before: BTreeMap<EntryId, Entry>,
}

/// What is missing on the ledger of something that was told.
enum Missing {
    Nothing,
    /// A worker has the entry until then.
    Until(Timestamp),
    Something(Promise, String),
}

impl FeedbackWatch {
    /// From now on, what nobody could read can be read: the parser is mended.
    pub fn mend(&self) {
        self.seen().reads_all = true;
    }

    /// From now on, there is again something that nobody can read.
    pub fn break_parser(&self) {
        self.seen().reads_all = false;
    }

    pub(super) fn reads_all(&self) -> bool {
        self.seen().reads_all
    }

    /// Whether something was told by which this customer gets no mail.
    #[must_use]
    pub fn is_without_mail(&self, customer: &CustomerId) -> bool {
        self.seen().without_mail.contains(customer)
    }

    /// Whether it was heard that the provider dropped a mail of this entry.
    #[must_use]
    pub fn is_dropped(&self, entry: &EntryId) -> bool {
        self.seen().dropped.contains(entry)
    }

    /// Whether a provider's word of this entry's mail was heard.
    #[must_use]
    pub fn is_heard_of(&self, entry: &EntryId) -> bool {
        let seen = self.seen();
        seen.heard.get(&entry.customer).is_some_and(|all| all.iter().any(|told| told.entry() == Some(entry)))
    }

    /// Something is told, whether it can be read at once or only once the parser is mended.
    pub(super) fn told(&self, told: &Told) {
        if told.opt_out().is_some() || told.bad_address().is_some() {
            self.seen().without_mail.extend(told.customer().cloned());
        }
    }

    /// Something is put on a queue. If all is well, it is on the ledger within a minute.
    pub(super) fn handed_over(&self, told: &Told, stack: &IntakeQueueStack) {
        if !self.is_thorough || !self.is_well_for(WELL_FOR) || stack.queue.depth().visible > 0 {
            return;
        }
        let (this, told, well_since) = (self.clone(), told.clone(), self.faults.well_since());
        let _ = self.time.spawn(async move {
            let mut looks_at = this.time.now() + HEARD_WITHIN;
            loop {
                this.time.sleep_until(looks_at).await;
                if this.faults.well_since() != well_since || this.panics.are_planned() {
                    return;
                }
                match this.missing(&told) {
                    Missing::Nothing => return,
                    Missing::Until(until) => looks_at = until + HEARD_WITHIN,
                    Missing::Something(promise, what) => {
                        return this.checker.saw(promise, told.customer(), this.time.now(), what);
                    }
                }
            }
        });
    }

    fn is_well_for(&self, length: Duration) -> bool {
        let now = self.time.now();
        let is_long = |since| Duration::try_from(now.duration_since(since)).is_ok_and(|age| age >= length);
        !self.panics.are_planned() && self.faults.well_since().is_some_and(is_long)
    }

    fn missing(&self, told: &Told) -> Missing {
        let now = self.time.now();
        if let Some((customer, at)) = told.opt_out() {
            let said_at = |customer: &pulse_core::customer::Customer| customer.consent.record()?.as_of;
            let Some(customer) = self.ledger.peek_customer(customer) else { return Missing::Nothing };
            if said_at(&customer) < Some(at) {
                let what =
                    format!("{} unsubscribed at {at:.0}, and the ledger doesn't know a minute later", customer.id);
                return Missing::Something(Promise::SilenceAfterOptOut, what);
            }
        }
        if let Some(address) = told.bad_address() {
            let known = self.ledger.peek_suppression(address);
            if known.is_none_or(|known| known.in_force(now).is_empty()) {
                let what = "an address isn't suppressed a minute after it was told that it is to be".to_owned();
                return Missing::Something(Promise::NobodyAgainstTheirWill, what);
            }
        }
        told.entry().map_or(Missing::Nothing, |entry| self.missing_of(entry, now))
    }

    fn missing_of(&self, id: &EntryId, now: Timestamp) -> Missing {
        let Some(entry) = self.ledger.peek_entry(id) else { return Missing::Nothing };
        // What was told of a mail that was dropped says nothing of the one that was sent in its place.
        if self.is_dropped(id) {
            return Missing::Nothing;
        }
        if let Some(until) = entry.lease_until().filter(|until| *until > now) {
            return Missing::Until(until);
        }
        let comes_back_at = self.seen().put_off.get(id).copied();
        if let Some(until) = comes_back_at.filter(|until| *until + HEARD_WITHIN > now) {
            return Missing::Until(until);
        }
        let is_in_doubt = match entry.progress() {
            Progress::Indeterminate { .. } | Progress::Unconfirmed { .. } => true,
            Progress::Claimed { .. } | Progress::Waiting => entry.in_doubt_since().is_some(),
            _ => false,
        };
        if is_in_doubt {
            let what = format!("{id} is {} and in doubt a minute after its provider told of it", entry.state());
            return Missing::Something(Promise::DoubtEnds, what);
        }
        Missing::Nothing
    }

    /// Something is about to be heard.
    pub(super) fn about_to_hear(&self, told: &Told) {
        let Some(id) = told.entry().filter(|_| self.is_thorough) else { return };
        let is_known = self.seen().before.contains_key(id);
        let now = self.time.now();
        let entry = if is_known { None } else { self.ledger.peek_entry(id) };
        if let Some(entry) = entry.filter(|entry| entry.lease_until().is_none_or(|until| until <= now)) {
            self.seen().before.insert(id.clone(), entry);
        }
    }

    /// A worker has the entry: what is told of it comes back then.
    pub(super) fn put_off(&self, told: &Told, until: Timestamp) {
        if let Some(id) = told.entry().filter(|_| self.is_thorough) {
            self.seen().put_off.insert(id.clone(), until);
        }
    }

    /// It was heard: what follows from it must follow from now on.
    pub(super) fn heard(&self, told: &Told) {
        let now = self.time.now();
        let opt_out = told.opt_out().filter(|(customer, at)| {
            let known = self.ledger.peek_customer(customer);
            // Unless they want mail again since.
            known.is_some_and(|known| known.consent.record().and_then(|record| record.as_of) <= Some(*at))
        });
        let mut seen = self.seen();
        if let Some((customer, _)) = opt_out {
            seen.silenced.entry(customer.clone()).or_insert(now);
        }
        if let Some(address) = told.bad_address() {
            seen.bad.entry(key(address)).or_insert(now);
        }
        if let Told::Event(event) = told
            && let (FeedbackKind::Rejected { .. }, Some(entry)) = (&event.kind, &event.about.entry)
        {
            seen.dropped.insert(entry.clone());
        }
        if let Some(customer) = told.customer().filter(|_| self.is_thorough) {
            seen.heard.entry(customer.clone()).or_default().push(told.clone());
        }
    }

    /// A customer wants mail again.
    pub(in crate::world) fn wants_mail_again(&self, customer: &CustomerId) {
        self.seen().silenced.remove(customer);
    }

    /// A mail is begun: nobody may get it who asked for none, and no address that is known to be bad.
    pub(in crate::world) fn look_at(&self, mail: &Mail) {
        let now = self.time.now();
        let is_over = |since: &Timestamp| now.duration_since(*since).unsigned_abs() > READ_TO_SEND;
        let customer = &mail.entry.customer;
        let seen = self.seen();
        let is_silenced = seen.silenced.get(customer).is_some_and(is_over);
        let is_bad = !seen.bad.is_empty() && seen.bad.get(&key(&mail.to)).is_some_and(is_over);
        drop(seen);
        if is_silenced {
            let what = format!("{} is mailed to someone who unsubscribed", mail.entry);
            self.checker.saw(Promise::SilenceAfterOptOut, Some(customer), now, what);
        }
        if is_bad {
            let what = format!("{} is mailed to an address that bounced or complained", mail.entry);
            self.checker.saw(Promise::NobodyAgainstTheirWill, Some(customer), now, what);
        }
    }

    pub(super) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(address: &EmailAddress) -> String {
    address.expose().to_lowercase()
}
