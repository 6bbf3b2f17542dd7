use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures::FutureExt as _;
use jiff::Timestamp;
use pulse_core::{
    control::{Console, ConsolePause},
    customer::{Consent, ConsentRecord, ConsentSource, Contact, Customer, CustomerId, Standing},
    delivery::EndpointControl,
    enrollment::{Enrollment, EnrollmentError},
    entry::{EntryId, Plan, Progress, StageName},
    ports::{Controls as _, EndpointControls as _, Ledger as _, Queues, ScheduleError, StageQueue},
    replay::Replay,
    settlement::{Settlement, SettlementOutcome},
    stage::PerStage,
};

use super::{
    build::World,
    distant::DistantLedger,
    endpoints::{EndpointFaults, SimulatedEndpoint},
    feedback::deploy_intake,
    lanes::LaneUse,
    stage_stack::StageStack,
    start::{TAKEN, mapping_settings},
};

/// How long to wait before a change that couldn't be written down is tried again.
const BUSY: Duration = Duration::from_secs(5);

/// What operators and customers can do.
impl World {
    /// A stage.
    #[must_use]
    pub fn stack(&self, stage: StageName) -> &StageStack {
        &self.stacks[stage]
    }

    /// How a stage's provider was used so far.
    #[must_use]
    pub fn lanes(&self, stage: StageName) -> LaneUse {
        match stage {
            StageName::Score => self.scorer.lanes(),
            StageName::Email => self.mailer.lanes(),
            StageName::Deliver => self.endpoints.lanes(),
            StageName::Call => self.partner.lanes(),
        }
    }

    /// Runs until `moment`.
    pub fn run_until(&self, moment: Timestamp) {
        self.time.run_until(moment);
    }

    /// Writes a line of the trace.
    pub fn line(&self, what: impl FnOnce() -> String) {
        self.trace.line(self.time.now(), what);
    }

    /// From now on, this goes wrong at the endpoint of this number.
    pub fn trouble_endpoint(&self, which: usize, faults: EndpointFaults) {
        if let Some(SimulatedEndpoint { endpoint, .. }) = self.settings.endpoints.get(which) {
            self.endpoints.set(&endpoint.name, faults);
        }
    }

    /// From now on, nothing does; and whoever operates Pulse takes it back if it had asked not to be called again.
    pub fn mend_endpoint(self: &Arc<Self>, which: usize) {
        self.trouble_endpoint(which, EndpointFaults::default());
        let Some(SimulatedEndpoint { endpoint, .. }) = self.settings.endpoints.get(which).cloned() else { return };
        let world = Arc::clone(self);
        let _ = self.time.spawn(async move {
            // As long as an invocation may still hear that it is gone.
            world.time.sleep(world.settings.stages[StageName::Deliver].function_timeout).await;
            loop {
                let control = world.ledger.endpoint_control(&endpoint.name).await.unwrap_or_default();
                let after = EndpointControl { version: control.version + 1, gone: None, ..control.clone() };
                let is_done = control.gone.is_none()
                    || world.ledger.save_endpoint_control(&endpoint.name, &after).await == Ok(true);
                if is_done {
                    return;
                }
                world.time.sleep(BUSY).await;
            }
        });
    }

    /// Pauses a stage, or resumes it, as the product does it: again, until it is written down.
    pub fn set_flowing(self: &Arc<Self>, stage: StageName, flowing: bool) {
        self.line(|| format!("the {stage} stage is {}", if flowing { "resumed" } else { "paused" }));
        let world = Arc::clone(self);
        let _ = self.time.spawn(async move {
            let ports = world.operator_ports();
            while !world.product.set_flowing(&ports, world.stack(stage), flowing).await {
                world.time.sleep(BUSY).await;
            }
        });
    }

    /// Enables a stage's mapping in the console, or disables it: again, until AWS takes it.
    pub fn switch_by_hand(self: &Arc<Self>, stage: StageName, on: bool) {
        let world = Arc::clone(self);
        let _ = self.time.spawn(async move {
            while world.stack(stage).mapping.set_enabled(on).is_err() {
                world.time.sleep(BUSY).await;
            }
        });
    }

    /// Resumes a stage that someone had paused in the console when a deployment undid what they did there.
    pub fn resume_what_was_kept(self: &Arc<Self>, stage: StageName) {
        let world = Arc::clone(self);
        let _ = self.time.spawn(async move {
            // Whoever raises the concurrency looks at the stage a while later.
            world.time.sleep(Duration::from_mins(5)).await;
            let kept = |console: ConsolePause| console.how == Console::KeptAfterDeployment;
            if world.ledger.control(stage).await.is_ok_and(|control| control.console.is_some_and(kept)) {
                world.set_flowing(stage, true);
            }
        });
    }

    /// Deploys: everything is as the template says, and functions start anew.
    ///
    /// # Panics
    /// When Lambda refuses the template's mappings.
    pub fn deploy(&self) {
        self.line(|| "a deployment".to_owned());
        *self.deployed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.time.now());
        for name in self.settings.deployed().iter() {
            let stack = &self.stacks[name];
            let stage = &self.settings.stages[name];
            stack.function.set_reserved_concurrency(Some(stage.maximum_concurrency));
            stack.function.deploy();
            let in_flight = u32::try_from(stage.worker.in_flight).unwrap_or(u32::MAX);
            self.lane_control.deploy(name, in_flight, stage.maximum_concurrency);
            stack.mapping.deploy(mapping_settings(&self.settings, stage)).expect(TAKEN);
        }
        deploy_intake(&self.intake_function, &self.intake);
    }

    /// Moves a stage's dead letters back to its queue, as the console's redrive does.
    pub fn redrive(&self, stage: StageName) -> usize {
        let stack = self.stack(stage);
        let moved = stack.dlq.move_to(&stack.queue);
        if moved > 0 {
            self.line(|| format!("{moved} dead letters of the {stage} stage are redriven"));
        }
        moved
    }

    /// Moves the intake's dead letters back to its queues.
    pub fn redrive_intake(&self) -> usize {
        let moved = self.intake.queues().iter().map(|stack| stack.dlq.move_to(&stack.queue)).sum();
        if moved > 0 {
            self.line(|| format!("{moved} dead letters of the intake are redriven"));
        }
        moved
    }

    /// Enables the intake's mappings in the console, or disables them.
    pub fn switch_intake_by_hand(self: &Arc<Self>, on: bool) {
        for which in 0..self.intake_function.mappings.len() {
            let world = Arc::clone(self);
            let _ = self.time.spawn(async move {
                while world.intake_function.mappings[which].set_enabled(on).is_err() {
                    world.time.sleep(BUSY).await;
                }
            });
        }
    }

    /// The ledger, from where an operator is.
    fn operator_ledger(&self) -> DistantLedger {
        DistantLedger { ledger: Arc::clone(&self.ledger), way: Arc::new(self.operator_way.clone()) }
    }

    /// Queues failed entries again from the ledger: their messages may be gone.
    pub async fn replay_failed(&self) {
        let ledger = self.operator_ledger();
        let queues: Queues = PerStage::from_fn(|stage| -> Arc<dyn StageQueue> { self.stacks[stage].queue.clone() });
        let replay = Replay { listing: &ledger, queues: &queues };
        let mut failed = BTreeSet::new();
        self.ledger.for_each_entry(|entry| {
            // What a campaign has closed stays so.
            if let Progress::Failed { .. } = entry.progress()
                && !entry.id().run.is_campaign()
            {
                failed.insert((entry.id().run, entry.at()));
            }
        });
        for (run, stage) in failed {
            let replayed = replay.failed(run, stage, usize::MAX).await;
            self.line(|| format!("failed entries of run {run} are queued to {stage} again: {replayed:?}"));
        }
    }

    /// Plays back what the scheduler couldn't deliver.
    pub fn replay_schedules(&self) -> usize {
        self.schedule_dlq.move_to(&self.stacks[Plan::MONTHLY.first()].queue)
    }

    /// Puts a customer on the roster, or brings them in line, by the use case that `pulse enroll` has.
    /// What fails is done again, as operators do, but for what the scheduler refuses for good.
    pub async fn enroll(&self, customer: &Customer) {
        let known = self.customer(&customer.id).await.map(|known| known.consent).unwrap_or_default();
        let (consent, _) = known.after_roster(customer.consent.mark(), self.time.now());
        let fit = customer.standing == Standing::Active && !consent.opted_out();
        if let Contact::Email(address) = &customer.contact {
            self.mailer.set_address(&customer.id, address.clone());
        }
        if fit {
            self.mailer.set_fit(&customer.id, true);
        }
        let ports = self.operator_ports();
        self.presence.change_begins(&customer.id, customer.standing);
        let is_taken = loop {
            match self.product.enroll(&ports, customer, self.time.now()).await {
                Ok(_) => break true,
                Err(EnrollmentError::Schedule(ScheduleError::Refused { .. })) => break false,
                Err(_) => self.time.sleep(Duration::from_secs(30)).await,
            }
        };
        self.presence.change_ends(&customer.id, is_taken.then_some(customer.standing), self.time.now());
        if !is_taken {
            return;
        }
        if !fit {
            self.mailer.set_fit(&customer.id, false);
        }
    }

    /// A customer asks for no more mail, or for mail again. What fails is done again.
    pub async fn hear(&self, id: &CustomerId, opted_out: bool) {
        let at = self.time.now();
        let record = ConsentRecord { by: ConsentSource::Customer, as_of: Some(at), proof: None };
        let word = Consent::said(opted_out, record);
        let standing = self.customer(id).await.map(|customer| customer.standing);
        if !opted_out {
            self.feedback.wants_mail_again(id);
        }
        if !opted_out && standing == Some(Standing::Active) {
            self.mailer.set_fit(id, true);
        }
        let ledger = self.operator_ledger();
        let clock = self.time.clock().clone();
        let enrollment = Enrollment { ledger: &ledger, schedules: &*self.scheduler, clock: &*clock };
        while enrollment.hear(id, &word).await.is_err() {
            self.time.sleep(Duration::from_secs(30)).await;
        }
        if opted_out {
            self.mailer.set_fit(id, false);
        }
    }

    /// Puts a customer on the roster before anything goes wrong, in no time.
    ///
    /// # Panics
    /// Never: the ledger in memory takes everyone.
    pub fn enroll_at_once(&self, customer: &Customer) {
        let clock = self.time.clock().clone();
        let enrollment = Enrollment { ledger: &*self.ledger, schedules: &*self.scheduler, clock: &*clock };
        let enrolled = enrollment
            .enroll(customer, self.time.now())
            .now_or_never()
            .expect("nothing in memory has to be waited for");
        enrolled.expect("the ledger in memory takes everyone");
    }

    /// From now on, holds the provider's mails to this customer against what the profile says: whether
    /// they may get any, and where.
    pub fn note_fitness(&self, customer: &Customer) {
        if let Contact::Email(address) = &customer.contact {
            self.mailer.set_address(&customer.id, address.clone());
        }
        self.mailer.set_fit(&customer.id, customer.standing == Standing::Active && !customer.consent.opted_out());
    }

    /// Whether the ledger has this entry.
    #[must_use]
    pub fn has_entry(&self, id: &EntryId) -> bool {
        self.ledger.entry(id).now_or_never().and_then(Result::ok).flatten().is_some()
    }

    /// A customer's profile.
    pub async fn customer(&self, id: &CustomerId) -> Option<Customer> {
        self.ledger.customer(id).await.ok().flatten()
    }

    /// Changes a customer as `change` says.
    pub async fn change(&self, id: &CustomerId, change: impl FnOnce(&mut Customer)) {
        if let Some(mut customer) = self.customer(id).await {
            change(&mut customer);
            self.enroll(&customer).await;
        }
    }

    /// Looks every mail of unknown fate up at the provider, and settles it by what is found there.
    pub async fn settle_unknown(&self) -> usize {
        let mut unknown: Vec<EntryId> = Vec::new();
        self.ledger.for_each_entry(|entry| {
            if matches!(entry.progress(), Progress::Indeterminate { .. }) {
                unknown.push(entry.id().clone());
            }
        });
        unknown.sort();
        let ledger = self.operator_ledger();
        let clock = self.time.clock().clone();
        let queues = PerStage::from_fn(|stage| &*self.stacks[stage].queue as &dyn StageQueue);
        let settlement = Settlement { ledger: &ledger, queues, clock: &*clock };
        for id in &unknown {
            let outcome = match self.mailer.look_up(id) {
                Some(provider_id) => SettlementOutcome::Sent { provider_id },
                None => SettlementOutcome::NotSent,
            };
            let settled = settlement.settle(id, &outcome, "Looked up at the provider.").await;
            self.line(|| format!("{id} is settled: {settled:?}"));
        }
        unknown.len()
    }
}
