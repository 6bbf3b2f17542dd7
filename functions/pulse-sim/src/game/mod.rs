//! A game day: a stack under virtual time whose faults are thrown by hand, and that someone operates meanwhile.
//!
//! Whatever is done at a virtual moment is done there and takes no other time than it waits for. So the same seed, and the
//! same at the same moments, come to the same: [`GameDay::digest`] tells.

mod faults;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use pulse_core::stage::StageName;

pub use self::faults::{FaultPlace, GameFault};
use crate::{
    month::{self, Proof, Scenario},
    queue::Disorder,
    scheduler::TargetFailure,
    seeds::{self, Act, Fault, Kind},
    world::{Production, Promise, Record, Violation, World, WorldSettings},
};

/// Up to so many customers, each thing that is told of a mail is looked after, and each snapshot held against the ledger.
const THOROUGH: u32 = 50_000;

/// Promises that are watched all the time. The others are about how a month ends.
pub const WATCHED: [Promise; 9] = [
    Promise::OneMail,
    Promise::LanesHeld,
    Promise::RightMail,
    Promise::NobodyAgainstTheirWill,
    Promise::SilenceAfterOptOut,
    Promise::PanicsStayAlone,
    Promise::ClaimsAreLeft,
    Promise::FewRepeats,
    Promise::SnapshotIsTrue,
];

/// A stack, and what is done to it.
pub struct GameDay {
    /// What the game is played on.
    pub world: Arc<World>,
    scenario: Scenario,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is to be done when, in the order in which it was said.
    agenda: BTreeMap<(Timestamp, u64), Turn>,
    said: u64,
    lasting: BTreeMap<&'static str, Lasting>,
}

#[derive(Debug, Clone, Copy)]
enum Turn {
    Begins(&'static GameFault, Option<Duration>),
    /// Ends a fault, if that is when it ends still.
    Ends(&'static GameFault),
    Flow(StageName, bool),
}

/// A fault that lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lasting {
    /// Which one.
    pub fault: &'static GameFault,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself, if it does.
    pub until: Option<Timestamp>,
}

impl GameDay {
    /// A scenario's stack before its first moment. Its outages are faults that are thrown in time.
    ///
    /// # Panics
    /// When the simulator itself is broken.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        let settings = WorldSettings {
            thorough: scenario.customers <= THOROUGH,
            record: Record::Digest,
            ..month::settings(&scenario)
        };
        let world = World::new(settings, Arc::new(Production));
        month::enroll(&scenario, &world);
        let day = Self { world, scenario, state: Mutex::default() };
        for (stage, plan) in &day.scenario.stages {
            let down = GameFault::named(&format!("{stage}-down"));
            for outage in &plan.outages {
                let begins = down.map(|down| Turn::Begins(down, Some(outage.lasts)));
                day.state().plan(day.scenario.starts + outage.from, begins);
            }
            for pause in &plan.pauses {
                day.state().plan(day.scenario.starts + pause.from, [Turn::Flow(stage, false)]);
                day.state().plan(day.scenario.starts + pause.to(), [Turn::Flow(stage, true)]);
            }
        }
        day
    }

    /// How far virtual time has got.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.world.time.now()
    }

    /// Lets virtual time pass until then, and does on the way what is to be done.
    pub fn advance_to(&self, moment: Timestamp) {
        loop {
            let turn = self.state().next_until(moment);
            let Some((at, turn)) = turn else { break };
            self.world.run_until(at);
            match turn {
                Turn::Begins(fault, lasts) => self.throw(fault, lasts),
                Turn::Ends(fault) => {
                    let is_so_still = self.state().lasting.get(&*fault.name).is_some_and(|one| one.until == Some(at));
                    if is_so_still {
                        self.mend(fault);
                    }
                }
                Turn::Flow(stage, flowing) => self.world.set_flowing(stage, flowing),
            }
        }
        self.world.run_until(moment);
    }

    /// Throws a fault, which ends by itself after so long, or once it is [mended](Self::mend). One that lasts already lasts for
    /// so long from now on.
    pub fn throw(&self, fault: &'static GameFault, lasts: Option<Duration>) {
        let now = self.now();
        if let Kind::Once(act) = &fault.kind {
            return self.act(act);
        }
        let until = lasts.and_then(|lasts| now.checked_add(lasts).ok());
        let before = self.state().lasting.insert(&fault.name, Lasting { fault, since: now, until });
        if let Some(until) = until {
            self.state().plan(until, [Turn::Ends(fault)]);
        }
        if before.is_none() {
            match &fault.kind {
                // The scheduler's is kept as one, below.
                Kind::SchedulerCutOff | Kind::SchedulerRefused(_) => {}
                Kind::Disable(stage) => self.world.switch_by_hand(*stage, false),
                Kind::Feedback(faults) if faults.unreadable > 0.0 => self.world.feedback.break_parser(),
                kind => seeds::begin(&self.world, kind, Timestamp::MAX),
            }
        }
        self.apply();
    }

    /// Ends a fault that lasts.
    pub fn mend(&self, fault: &'static GameFault) {
        if self.state().lasting.remove(&*fault.name).is_none() {
            return;
        }
        match &fault.kind {
            Kind::Disable(stage) => self.world.switch_by_hand(*stage, true),
            Kind::Feedback(faults) if faults.unreadable > 0.0 => self.world.feedback.mend(),
            // Whoever operates the stack sees to what is still held.
            kind => seeds::end(&self.world, kind, true),
        }
        self.apply();
    }

    /// The faults that last, in the order of all of them.
    #[must_use]
    pub fn lasting(&self) -> Vec<Lasting> {
        let state = self.state();
        GameFault::all().iter().filter_map(|fault| state.lasting.get(&*fault.name).copied()).collect()
    }

    /// What goes wrong all the time is what the faults that last make of it, together.
    fn apply(&self) {
        let (now, lasting) = (self.now(), self.lasting());
        let faults: Vec<_> = lasting
            .iter()
            .map(|one| Fault { at: Duration::ZERO, lasts: Duration::ZERO, kind: one.fault.kind.clone() })
            .collect();
        self.world.faults.set(seeds::active_faults(faults.iter()));
        let kinds = || lasting.iter().map(|one| &one.fault.kind);
        let failing = kinds().find_map(|kind| match kind {
            Kind::SchedulerCutOff => Some(TargetFailure::Unreachable),
            Kind::SchedulerRefused(how) => Some(*how),
            _ => None,
        });
        self.world.scheduler.set_target_failing(
            failing.unwrap_or(TargetFailure::Unreachable),
            if failing.is_some() { Timestamp::MAX } else { now },
        );
        let panics = kinds().filter_map(|kind| match kind {
            Kind::Panics(place, one_in) => Some((*place, *one_in)),
            _ => None,
        });
        self.world.panics.set_on_one_in(panics.collect());
        let disorder = kinds().find_map(|kind| match kind {
            Kind::Disorder(disorder) => Some(*disorder),
            _ => None,
        });
        self.world.set_disorder(disorder.unwrap_or_default());
    }

    fn act(&self, act: &Act) {
        match act {
            Act::Deploy => self.world.deploy(),
            Act::Purge(stage) => {
                self.world.stack(*stage).queue.purge();
            }
            _ => {}
        }
    }

    /// How everyone stands who was due by an hour ago, with the letters of all dead-letter queues, those in somebody's hands too.
    #[must_use]
    pub fn proof(&self) -> Proof {
        let intake = self.world.intake.queues();
        let stages = self.world.stacks.values().map(|stack| &stack.dlq);
        let all = stages.chain(intake.iter().map(|stack| &stack.dlq)).chain([&self.world.schedule_dlq]);
        let letters = all.map(|dlq| dlq.depth()).map(|depth| (depth.visible + depth.in_flight) as u64).sum();
        Proof { dead_letters: letters, ..month::proof(&self.scenario, &self.world) }
    }

    /// Promises that were broken so far, each once for a customer, or for what it is about.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let mut violations = self.world.checker.violations();
        for stage in self.world.settings.deployed().iter() {
            let (peak, most) = (self.world.lanes(stage).peak, self.world.most_lanes(stage));
            if peak > most {
                let what = format!("the {stage} provider saw {peak} calls at once on {most} lanes");
                violations.push(Violation { promise: Promise::LanesHeld, customer: None, at: self.now(), what });
            }
        }
        let mut seen = BTreeSet::new();
        violations.retain(|one| {
            seen.insert((one.promise, one.customer.as_ref().map_or_else(|| one.what.clone(), ToString::to_string)))
        });
        violations
    }

    /// A digest of what happened so far.
    ///
    /// # Panics
    /// Never: one is kept.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.world.trace.digest().expect("one is kept")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for GameDay {
    fn drop(&mut self) {
        self.world.time.end();
    }
}

impl State {
    fn plan(&mut self, at: Timestamp, turns: impl IntoIterator<Item = Turn>) {
        for turn in turns {
            self.agenda.insert((at, self.said), turn);
            self.said += 1;
        }
    }

    fn next_until(&mut self, moment: Timestamp) -> Option<(Timestamp, Turn)> {
        let next = self.agenda.first_entry().filter(|next| next.key().0 <= moment)?;
        let at = next.key().0;
        Some((at, next.remove()))
    }
}

impl World {
    /// From now on, all queues are as disorderly as this.
    fn set_disorder(&self, disorder: Disorder) {
        let stages = self.stacks.values().map(|stack| &stack.queue);
        let intake = self.intake.queues();
        stages.chain(intake.iter().map(|stack| &stack.queue)).for_each(|queue| queue.set_disorder(disorder));
    }
}
