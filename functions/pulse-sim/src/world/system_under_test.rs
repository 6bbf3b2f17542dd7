use std::{future::pending, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    audit::{Audit, AuditDepth, AuditEnd, AuditError, AuditName, AuditStart},
    campaign::{Campaign, CampaignRound, CampaignStart, CampaignStepped},
    control::{Note, Pause},
    customer::Customer,
    delivery::EndpointRound,
    enrollment::{Enrolled, Enrollment, EnrollmentError},
    entry::StageName,
    feedback::{FeedbackListener, Heard, ReputationBreaker},
    orders::{OrderRound, OrderStepped},
    pausing::{Pausing, PausingError},
    ports::LedgerError,
    snapshot::{SnapshotError, SnapshotRound, SnapshotTaken},
    stage::{
        CallStep, DeliverStep, EmailPolicy, EmailStep, Entries, Lines, Moves, ProviderWatch, RawMessage, ScoreStep,
        Stage, StageRunner, Watch, Worked, Worker, WorkerSettings,
    },
    tick::{DoubtSweep, FeedbackRound, FeedbackRounds, MappingReconciler, Round, StageRound, Sweep, SweepPolicy},
};

use super::{feedback::Told, ports::WorldPorts, stage_stack::StageStack};
use crate::{dead_letters::MemoryReader, ledger::RowForm};

/// The code that a world runs: what is shipped, unless a test plants a bug to see it caught.
#[async_trait]
pub trait SystemUnderTest: Send + Sync {
    /// The form in which entries are written down, if they are to be.
    fn row_form(&self) -> Option<RowForm> {
        None
    }

    /// A stage, as its function has it.
    fn stage(&self, name: StageName, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        match name {
            StageName::Score => self.score(ports),
            StageName::Email => self.email(ports, policy),
            StageName::Deliver => self.deliver(ports),
            StageName::Call => self.call(ports),
        }
    }

    /// The score stage.
    fn score(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        let step =
            ScoreStep { entries: entries(ports), scorer: Arc::clone(&ports.scorer), clock: Arc::clone(&ports.clock) };
        Box::new(StageRunner {
            step,
            queue: Arc::clone(&ports.queues[StageName::Score]),
            clock: Arc::clone(&ports.clock),
        })
    }

    /// The email stage.
    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        let step = EmailStep {
            entries: entries(ports),
            mailer: Arc::clone(&ports.mailer),
            renderer: Arc::clone(&ports.renderer),
            policy,
            links: None,
        };
        Box::new(StageRunner {
            step,
            queue: Arc::clone(&ports.queues[StageName::Email]),
            clock: Arc::clone(&ports.clock),
        })
    }

    /// The call stage.
    fn call(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        let step = CallStep { entries: entries(ports), partner: Arc::clone(&ports.partner) };
        Box::new(StageRunner {
            step,
            queue: Arc::clone(&ports.queues[StageName::Call]),
            clock: Arc::clone(&ports.clock),
        })
    }

    /// The deliver stage.
    fn deliver(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        let step = DeliverStep {
            lines: Lines { deliveries: Arc::clone(&ports.deliveries) },
            desk: Arc::clone(&ports.endpoint_desk),
            courier: Arc::clone(&ports.courier),
            ledger: Arc::clone(&ports.ledger),
            campaigns: Arc::clone(&ports.campaigns),
            clock: Arc::clone(&ports.clock),
        };
        Box::new(StageRunner {
            step,
            queue: Arc::clone(&ports.queues[StageName::Deliver]),
            clock: Arc::clone(&ports.clock),
        })
    }

    /// Works on a batch until `deadline`, and says which messages must come back.
    async fn work(
        &self,
        stage: Box<dyn Stage>,
        name: StageName,
        ports: &WorldPorts,
        settings: WorkerSettings,
        messages: Vec<RawMessage>,
        deadline: Timestamp,
    ) -> Worked {
        let provider = ProviderWatch {
            stage: name,
            meter: &ports.meter,
            log: &*ports.outcomes,
            controls: &*ports.controls,
            policy: ports.breaker,
        };
        let provider: &dyn Watch = match name.spec().moves {
            Moves::Entries => &provider,
            Moves::Deliveries => &*ports.endpoint_desk,
        };
        let queues = &ports.queues;
        let worker = Worker { stage: &*stage, queue: &*queues[name], queues, clock: &*ports.clock, settings, provider };
        worker.work(messages, deadline).await
    }

    /// What is done every minute.
    async fn tick(&self, ports: &WorldPorts, policy: SweepPolicy) -> Vec<StageRound> {
        let sweep = Sweep {
            ledger: &*ports.ledger,
            open: &*ports.open,
            stages: &*ports.stages,
            memory: &*ports.memory,
            queues: &ports.queues,
            clock: &*ports.clock,
            policy,
        };
        Round { reconciler: reconciler(ports), sweep, is_thorough: false }.run().await
    }

    /// What a tick does about endpoints.
    async fn look_after_endpoints(&self, ports: &WorldPorts, policy: SweepPolicy) {
        let round = EndpointRound {
            endpoints: &*ports.endpoints,
            controls: &*ports.endpoint_controls,
            deliveries: &*ports.deliveries,
            queue: &*ports.queues[StageName::Deliver],
            stages: &*ports.stages,
            memory: &*ports.memory,
            clock: &*ports.clock,
            breaker: ports.breaker,
            policy,
        };
        // What can't be done now is done by the next tick.
        let _ = round.run().await;
    }

    /// Brings what was told into the ledger.
    async fn hear(&self, _: &WorldPorts, listener: &FeedbackListener<'_>, told: &Told) -> Result<Heard, LedgerError> {
        told.reach(listener).await
    }

    /// What a tick does about what is told of mails.
    async fn look_after_feedback(&self, ports: &WorldPorts) -> FeedbackRounds {
        let doubts = DoubtSweep {
            ledger: &*ports.ledger,
            listing: &*ports.listing,
            campaigns: &*ports.campaigns,
            intake: &*ports.intake,
            clock: &*ports.clock,
        };
        let reputation = ReputationBreaker {
            log: &*ports.feedback_log,
            campaigns: &*ports.campaigns,
            controls: &*ports.controls,
            clock: &*ports.clock,
            policy: ports.reputation,
        };
        FeedbackRound { doubts, reputation }.run().await
    }

    /// Starts a campaign. None, if there is one of its name.
    async fn start_campaign(&self, ports: &WorldPorts, start: &CampaignStart) -> Result<Option<Campaign>, LedgerError> {
        start.write(&*ports.campaigns).await
    }

    /// What a tick does for campaigns, until then at the latest.
    async fn look_after_campaigns(&self, ports: &WorldPorts, until: Timestamp) -> Vec<CampaignStepped> {
        campaign_round(ports).run(until).await
    }

    /// What a tick does for orders, until then at the latest.
    async fn carry_out_orders(&self, ports: &WorldPorts, until: Timestamp) -> Vec<OrderStepped> {
        OrderRound {
            orders: &*ports.orders,
            ledger: &*ports.ledger,
            deliveries: &*ports.deliveries,
            listing: &*ports.listing,
            queues: &ports.queues,
            dead_letters: &ports.dead_letters,
            intake: &MemoryReader,
            sleeper: &*ports.sleeper,
        }
        .run(until)
        .await
    }

    /// Counts for everyone who looks, where it is time for it.
    async fn take_snapshot(&self, ports: &WorldPorts) -> Result<Option<SnapshotTaken>, SnapshotError> {
        let round = SnapshotRound {
            stages: &*ports.stages,
            controls: &*ports.controls,
            outcomes: &*ports.outcomes,
            ledger: &*ports.ledger,
            open: &*ports.open,
            reports: &*ports.reports,
            feedback: &*ports.feedback_log,
            campaigns: &*ports.campaigns,
            reputation: ports.reputation,
            gauges: &*ports.gauges,
            snapshots: &*ports.snapshots,
            clock: &*ports.clock,
            budget: ports.count_budget,
            endpoints: &[],
        };
        round.run().await
    }

    /// What is done every day, and every quarter of an hour until it is finished.
    async fn audit(&self, ports: &WorldPorts, start: AuditStart, depth: AuditDepth) -> Result<AuditEnd, AuditError> {
        let audit = Audit {
            ledger: &*ports.ledger,
            listing: &*ports.listing,
            schedules: &*ports.schedules,
            log: &*ports.audits,
            sleeper: &*ports.sleeper,
            name: AuditName::Daily,
            depth,
            repair: true,
        };
        audit.run(start, pending(), &|_| {}).await
    }

    /// Enrols a customer as a roster tells of them that is of the moment `as_of`.
    async fn enroll(&self, ports: &WorldPorts, told: &Customer, as_of: Timestamp) -> Result<Enrolled, EnrollmentError> {
        let enrollment = Enrollment { ledger: &*ports.ledger, schedules: &*ports.schedules, clock: &*ports.clock };
        enrollment.enroll(told, as_of).await
    }

    /// Pauses a stage, or resumes it. Says whether it was written down: the rest is the tick's.
    async fn set_flowing(&self, ports: &WorldPorts, stack: &StageStack, flowing: bool) -> bool {
        let pausing = Pausing { reconciler: reconciler(ports) };
        let done = if flowing {
            let note = Note::parse("The plan goes on.").expect("a note");
            pausing.resume(stack.name, Some((&"operator".into(), &note))).await.map(drop)
        } else {
            let note = Note::parse("A pause of the plan.").expect("a note");
            let pause = Pause { by: "operator".into(), note, since: ports.clock.now(), until: None };
            pausing.pause(stack.name, &pause).await.map(drop)
        };
        done.as_ref().err().is_none_or(PausingError::is_written_down)
    }
}

/// What is shipped.
#[derive(Debug, Clone, Copy, Default)]
pub struct Production;

impl SystemUnderTest for Production {}

/// Entries, as an invocation has them.
fn entries(ports: &WorldPorts) -> Entries {
    let WorldPorts { ledger, campaign_book, in_campaigns, .. } = ports.clone();
    Entries { ledger, campaigns: campaign_book, in_campaigns }
}

/// What a tick does for campaigns, with the ports of an invocation.
pub(super) fn campaign_round(ports: &WorldPorts) -> CampaignRound<'_> {
    CampaignRound {
        campaigns: &*ports.campaigns,
        entries: &*ports.in_campaigns,
        ledger: &*ports.ledger,
        listing: &*ports.listing,
        stages: &*ports.stages,
        controls: &*ports.controls,
        outcomes: &*ports.outcomes,
        queues: &ports.queues,
        book: &ports.endpoint_book,
        clock: &*ports.clock,
        probes: ports.breaker.probes,
        sizes: ports.audience,
    }
}

fn reconciler(ports: &WorldPorts) -> MappingReconciler<'_> {
    MappingReconciler {
        stages: &*ports.stages,
        controls: &*ports.controls,
        outcomes: &*ports.outcomes,
        clock: &*ports.clock,
        policy: ports.breaker,
    }
}
