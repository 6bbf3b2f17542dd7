//! What came of a month, held against what must always hold.

use std::{collections::BTreeMap, time::Duration};

use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{
    customer::{Contact, Customer, CustomerId, Standing},
    entry::{Entry, Progress, SkipReason, StageName},
    ports::Schedules as _,
};

use super::{
    endpoints,
    fault::{Act, Kind},
    people,
    plan::FaultPlan,
};
use crate::world::{Promise, World};

/// How long before the end an entry must have been due to be done by then.
const TIME_TO_END: Duration = Duration::from_hours(48);

/// By how much a slot moves at most as its customer moves to another zone.
const SLOT_MOVES: Duration = Duration::from_hours(36);

/// How long a doubt of which nobody tells may last: a day, and until the next look at old doubts, which a few of them may
/// miss while something waits to be read.
const DOUBT_LASTS: Duration = Duration::from_mins(24 * 60 + 45);

/// What must hold at every moment.
pub(super) fn on_the_way(world: &World, plan: &FaultPlan) {
    if !plan.is_harmless() {
        return;
    }
    for stack in world.stacks.values() {
        let dead = stack.dlq.depth().visible;
        if dead > 0 {
            let what =
                format!("{dead} messages of the {} stage are dead-lettered though no message failed", stack.name);
            world.checker.saw(Promise::HealthyStayAlive, None, world.time.now(), what);
        }
    }
    for stack in world.intake.queues() {
        let dead = stack.dlq.depth().visible;
        if dead > 0 {
            let what =
                format!("{dead} messages of the {} queue are dead-lettered though no message failed", stack.name);
            world.checker.saw(Promise::HealthyStayAlive, None, world.time.now(), what);
        }
    }
}

/// A day after all is calm, no doubt is older than a day.
pub(super) fn doubts_have_ended(world: &World, calm_from: Timestamp) {
    let now = world.time.now();
    if now < calm_from + DOUBT_LASTS {
        return;
    }
    let mut old = Vec::new();
    world.ledger.for_each_entry(|entry| {
        if matches!(entry.progress(), Progress::Indeterminate { at, .. } if *at + DOUBT_LASTS < now) {
            old.push(entry.id().clone());
        }
    });
    old.sort();
    for id in old {
        let what = format!("{id} is of unknown fate for more than a day");
        world.checker.saw(Promise::DoubtEnds, Some(&id.customer), now, what);
    }
}

/// Whether something has begun that isn't written down yet: a worker has an entry or will try it again, or the provider has
/// a mail that the ledger doesn't know of. What nobody has taken up by now is late, and not waited for.
pub(super) fn is_under_way(world: &World) -> bool {
    let mut is_under_way = false;
    world.ledger.for_each_entry(|entry| {
        let is_begun = entry.is_open() && entry.claims() > 0;
        is_under_way |= is_begun || is_mailed_only(world, entry);
    });
    is_under_way
}

/// Whether the provider has a mail of an entry that doesn't say so.
fn is_mailed_only(world: &World, entry: &Entry) -> bool {
    !knows_of_its_mail(entry) && world.mailer.mails_of(entry.id()) > 0
}

/// Whether an entry says that a mail went out, or may have, or that there is none.
fn knows_of_its_mail(entry: &Entry) -> bool {
    use Progress::{Done, Indeterminate, Skipped, Unconfirmed};
    matches!(entry.progress(), Done { .. } | Skipped { .. } | Indeterminate { .. } | Unconfirmed { .. })
}

/// What must hold once all is calm again.
pub(super) fn at_the_end(world: &World, plan: &FaultPlan) {
    on_the_way(world, plan);
    doubts_have_ended(world, plan.starts + plan.calm_from());
    lanes(world);
    world.check_orders();
    world.check_campaigns();
    let expired = world.stacks.values().map(|stack| stack.queue.expired()).sum::<u64>();
    if plan.is_gentle() && expired == 0 && world.watch.repeated() > 0 {
        let what = format!("the sweep sent {} messages though none was lost", world.watch.repeated());
        world.checker.saw(Promise::FewRepeats, None, world.time.now(), what);
    }
    let mut entries: BTreeMap<CustomerId, Vec<Entry>> = BTreeMap::new();
    world.ledger.for_each_entry(|entry| {
        entries.entry(entry.id().customer.clone()).or_default().push(entry.clone());
    });
    let mut customers: BTreeMap<CustomerId, Customer> = BTreeMap::new();
    world.ledger.for_each_customer(|customer| {
        customers.insert(customer.id.clone(), customer.clone());
    });
    let check = Check { world, plan, due_by: plan.ends() - TIME_TO_END };
    for customer in customers.values() {
        // Entries of campaigns come last.
        let all = entries.get(&customer.id).map_or(&[][..], Vec::as_slice);
        let (months, in_campaigns) = all.split_at(all.partition_point(|entry| !entry.id().run.is_campaign()));
        check.customer(customer, months);
        for entry in in_campaigns {
            world.check_entry_in_campaign(entry, plan.has_late_mail());
        }
    }
    check.everyone_is_there(&customers);
    endpoints::check(world, plan, check.due_by);
    check.mails_are_on_the_ledger(&entries);
    world.check_partner();
}

fn lanes(world: &World) {
    for &name in StageName::ALL {
        let (used, lanes) = (world.lanes(name), world.settings.stages[name].lanes());
        if used.peak as usize > lanes {
            let what = format!("the {name} provider saw {} calls at once on {lanes} lanes", used.peak);
            world.checker.saw(Promise::LanesHeld, None, world.time.now(), what);
        }
    }
}

struct Check<'a> {
    world: &'a World,
    plan: &'a FaultPlan,
    /// What was due by then must be done.
    due_by: Timestamp,
}

impl Check<'_> {
    fn saw(&self, promise: Promise, customer: &CustomerId, what: String) {
        self.world.checker.saw(promise, Some(customer), self.world.time.now(), what);
    }

    fn everyone_is_there(&self, customers: &BTreeMap<CustomerId, Customer>) {
        for number in (0..self.plan.customers).filter(|number| !people::joins_later(*number)) {
            let id = people::id(number);
            if !customers.contains_key(&id) {
                self.saw(Promise::NobodyLost, &id, format!("{id} is not on the roster any more"));
            }
        }
    }

    fn customer(&self, customer: &Customer, entries: &[Entry]) {
        let id = &customer.id;
        let slot = self.world.scheduler.get(id).now_or_never().and_then(Result::ok).flatten();
        let open: Vec<_> = entries.iter().filter(|entry| entry.is_open()).collect();
        if customer.standing == Standing::Active {
            if slot.is_none_or(|schedule| schedule.slot != customer.slot) {
                let what = format!("{id} has no live schedule at their slot");
                self.saw(Promise::OneScheduleOneEntry, id, what);
            }
            if open.len() != 1 {
                let what = format!("{id} has {} open entries", open.len());
                self.saw(Promise::OneScheduleOneEntry, id, what);
            }
        } else if slot.is_some() {
            self.saw(Promise::OneScheduleOneEntry, id, format!("{id} has left and has a schedule"));
        }
        for pair in entries.windows(2) {
            if pair[1].id().run != pair[0].id().run.next() {
                let what = format!("{id} has no entry between {} and {}", pair[0].id().run, pair[1].id().run);
                self.saw(Promise::OneScheduleOneEntry, id, what);
            }
        }
        for entry in entries {
            self.entry(customer, entry);
        }
    }

    fn entry(&self, customer: &Customer, entry: &Entry) {
        let id = entry.id();
        let mails = self.world.mailer.mails_of(id);
        match entry.progress() {
            // Until its provider tells that it was dropped, if it ever does.
            Progress::Done { .. } if self.world.mailer.dropped_all(id) => {}
            // For good: whoever knows why it was dropped orders a further mail.
            Progress::Failed { .. } if entry.is_closed_by_feedback() && self.world.mailer.dropped_all(id) => {}
            // A worker that died with its claim may have sent it or not: nobody takes that for a mail that wasn't sent.
            Progress::Indeterminate { .. } | Progress::Unconfirmed { .. }
                if self.world.mailer.was_asked(id) || !self.plan.is_harmless() =>
            {
                self.told_of(entry);
            }
            Progress::Done { .. } if mails == 0 => {
                self.saw(Promise::NobodyLost, &id.customer, format!("{id} is sent, and the provider has no mail"));
            }
            Progress::Skipped { reason, .. } => {
                if *reason == SkipReason::Closed && self.is_missed(entry) {
                    let what = format!("{id} is skipped ({reason}), and they were back before their slot");
                    self.saw(Promise::NobodyLost, &id.customer, what);
                }
                if !self.may_skip(customer, *reason) {
                    let what = format!("{id} is skipped ({reason}) for no reason");
                    self.saw(Promise::NobodyLost, &id.customer, what);
                }
                if mails > 0 && !self.plan.has_late_mail() {
                    self.saw(Promise::NobodyLost, &id.customer, format!("{id} is skipped, and has a mail"));
                }
            }
            Progress::Done { .. } => {}
            _ if entry.scheduled_at() < self.due_by => {
                let what = format!("{id} was due {:.0} and is {} at the end", entry.scheduled_at(), entry.state());
                self.saw(Promise::NobodyLost, &id.customer, what);
            }
            _ => {}
        }
    }

    /// Whether someone was there at an entry's slot, and before it could have moved to another run with their zone. An entry
    /// whose mail may be out stays as it is.
    fn is_missed(&self, entry: &Entry) -> bool {
        let may_be_mailed = entry.in_doubt_since().is_some() || !entry.feedback().is_empty();
        !may_be_mailed && self.world.presence.was_there(&entry.id().customer, entry.scheduled_at() - SLOT_MOVES)
    }

    /// Of an entry of unknown fate, nothing may have been heard.
    fn told_of(&self, entry: &Entry) {
        let id = entry.id();
        if self.world.feedback.is_heard_of(id) && !self.world.feedback.is_dropped(id) {
            let what = format!("{id} is {} though its provider told of it", entry.state());
            self.saw(Promise::DoubtEnds, &id.customer, what);
        }
    }

    /// Whether someone ever did what would be a reason.
    fn may_skip(&self, customer: &Customer, reason: SkipReason) -> bool {
        let did = |wanted: fn(&Act) -> Option<u32>| {
            self.plan.faults.iter().any(|(_, fault)| match &fault.kind {
                Kind::Once(act) => wanted(act).is_some_and(|who| people::id(self.plan.number(who)) == customer.id),
                _ => false,
            })
        };
        match reason {
            SkipReason::Closed => did(|act| if let Act::Leave(who) = act { Some(*who) } else { None }),
            SkipReason::OptedOut => {
                let number = customer.id.as_str().trim_start_matches('c').parse().unwrap_or(0);
                people::person(self.plan.seed, number).consent.opted_out()
                    || self.world.feedback.is_without_mail(&customer.id)
                    || did(|act| if let Act::OptOut(who) = act { Some(*who) } else { None })
            }
            SkipReason::BadAddress => {
                customer.contact == Contact::Unusable
                    || did(|act| if let Act::NewAddress(who) = act { Some(*who) } else { None })
            }
            SkipReason::Suppressed => self.world.feedback.is_without_mail(&customer.id),
            // The last is campaigns' alone.
            SkipReason::AddressRefused | SkipReason::FrequencyCap => false,
        }
    }

    fn mails_are_on_the_ledger(&self, entries: &BTreeMap<CustomerId, Vec<Entry>>) {
        let mut unrecorded = Vec::new();
        self.world.mailer.for_each_accepted(|id, mails| {
            let entry = entries.get(&id.customer).and_then(|all| all.iter().find(|entry| entry.id() == id));
            if entry.is_none_or(|entry| !knows_of_its_mail(entry)) && mails > 0 {
                unrecorded.push(id.clone());
            }
        });
        unrecorded.sort();
        for id in unrecorded {
            self.saw(Promise::NobodyLost, &id.customer, format!("{id} has a mail that the ledger doesn't know"));
        }
    }
}
