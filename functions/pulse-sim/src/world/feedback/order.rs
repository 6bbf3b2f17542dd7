//! The same events in another order give the same ledger.

use futures::FutureExt as _;
use pulse_core::{
    customer::{Consent, Customer, ProfileMark},
    entry::Entry,
    feedback::FeedbackListener,
    ports::Ledger as _,
};
use std::{collections::BTreeSet, sync::Arc};

use super::told::Told;
use crate::{
    ledger::MemoryLedger,
    random::{Randomness, Stream},
    world::{Promise, World, WorldPorts},
};

impl World {
    /// Hears all that was heard of each customer once more, on copies of what was on the ledger before: as it came, and
    /// shuffled, with repetitions. Both must come to the same.
    ///
    /// # Panics
    /// Never: the ledger in memory takes everything.
    pub fn check_order_of_events(&self) {
        let random = Randomness::of_seed(self.settings.seed).stream("order");
        let (heard, before) = {
            let mut seen = self.feedback.seen();
            (std::mem::take(&mut seen.heard), std::mem::take(&mut seen.before))
        };
        for (id, told) in heard {
            let Some(customer) = self.ledger.peek_customer(&id) else { continue };
            let entries: Vec<_> = before.values().filter(|entry| entry.id().customer == id).collect();
            let came = self.heard_in_order(&customer, &entries, &told);
            let shuffled = self.heard_in_order(&customer, &entries, &shuffled(&told, &random));
            if came != shuffled {
                let what = format!("what was told of {id} comes to {came:?}, and in another order to {shuffled:?}");
                self.checker.saw(Promise::OrderDoesNotMatter, Some(&id), self.time.now(), what);
            }
        }
    }

    /// What is on a ledger of this customer alone once all of it was heard.
    fn heard_in_order(&self, customer: &Customer, entries: &[&Entry], told: &[Told]) -> Vec<String> {
        let ledger = Arc::new(MemoryLedger::default());
        let fresh = Customer { consent: Consent::default(), mark: ProfileMark::default(), ..customer.clone() };
        ledger.save_customer(&fresh).now_or_never().expect("at once").expect("taken");
        for entry in entries {
            ledger.open(entry).now_or_never().expect("at once").expect("taken");
        }
        let ports = WorldPorts { ledger: ledger.clone(), feedback_log: ledger.clone(), ..self.operator_ports() };
        let listener = FeedbackListener::new(&*ledger, &*ledger, &*ports.clock);
        for told in told {
            let heard = self.product.hear(&ports, &listener, told).now_or_never();
            heard.expect("at once").expect("the ledger in memory takes everything");
        }
        let now = self.time.now();
        let mut all = Vec::new();
        for entry in entries {
            let entry = ledger.peek_entry(entry.id()).expect("it is there");
            let closes = entry.is_closed_by_feedback();
            all.push(format!("{} {:?} {:?} {closes}", entry.id(), entry.progress(), entry.feedback()));
        }
        let addresses = told.iter().filter_map(Told::address).map(|address| (address.digest(), address));
        for (_, address) in addresses.collect::<std::collections::BTreeMap<_, _>>() {
            let known = ledger.peek_suppression(address);
            all.push(format!("{:?}", known.map(|known| known.in_force(now)).unwrap_or_default()));
        }
        all.push(format!("{:?}", ledger.peek_customer(&customer.id).map(|customer| customer.consent)));
        all
    }
}

/// All of it in another order, some of it again.
fn shuffled(told: &[Told], random: &Stream) -> Vec<Told> {
    let mut places = BTreeSet::new();
    for number in 0..told.len() {
        for _ in 0..=random.below(3) {
            places.insert((random.below(u64::MAX), number));
        }
    }
    places.into_iter().map(|(_, number)| told[number].clone()).collect()
}
