use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    audit::{Audit, AuditError, AuditReport, Depth},
    control::{Note, Pause, Pausing, PausingError, ProviderWatch},
    entry::StageName,
    stage::{Delivery, EmailPolicy, EmailStage, ScoreStage, Stage, Worked, Worker, WorkerSettings},
    tick::{Keep, Round, StageRound, Sweep, SweepPolicy},
};

use super::{house::House, ports::Ports};

/// The code that a world runs: what is shipped, unless a test plants a bug to see it caught.
#[async_trait]
pub trait Product: Send + Sync {
    /// The score stage.
    fn score(&self, ports: &Ports) -> Box<dyn Stage> {
        Box::new(ScoreStage {
            ledger: Arc::clone(&ports.ledger),
            scorer: Arc::clone(&ports.scorer),
            email_queue: Arc::clone(&ports.email_queue),
            clock: Arc::clone(&ports.clock),
        })
    }

    /// The email stage.
    fn email(&self, ports: &Ports, policy: EmailPolicy) -> Box<dyn Stage> {
        Box::new(EmailStage {
            ledger: Arc::clone(&ports.ledger),
            mailer: Arc::clone(&ports.mailer),
            renderer: Arc::clone(&ports.renderer),
            score_queue: Arc::clone(&ports.score_queue),
            clock: Arc::clone(&ports.clock),
            policy,
        })
    }

    /// Works on a batch until `deadline`, and says which messages must come back.
    async fn work(
        &self,
        stage: Box<dyn Stage>,
        name: StageName,
        ports: &Ports,
        settings: WorkerSettings,
        deliveries: Vec<Delivery>,
        deadline: Timestamp,
    ) -> Worked {
        let queue = match name {
            StageName::Score => &ports.score_queue,
            StageName::Email => &ports.email_queue,
        };
        let provider = ProviderWatch {
            stage: name,
            meter: &ports.meter,
            log: &*ports.outcomes,
            controls: &*ports.controls,
            policy: ports.breaker,
        };
        let worker = Worker { stage: &*stage, queue: &**queue, clock: &*ports.clock, settings, provider };
        worker.work(deliveries, deadline).await
    }

    /// What is done every minute.
    async fn tick(&self, ports: &Ports, policy: SweepPolicy) -> [StageRound; 2] {
        let sweep = Sweep {
            ledger: &*ports.ledger,
            open: &*ports.open,
            stages: &*ports.stages,
            memory: &*ports.memory,
            score_queue: &*ports.score_queue,
            email_queue: &*ports.email_queue,
            clock: &*ports.clock,
            policy,
        };
        let keep = Keep {
            stages: &*ports.stages,
            controls: &*ports.controls,
            outcomes: &*ports.outcomes,
            clock: &*ports.clock,
            policy: ports.breaker,
        };
        Round { keep, sweep }.run().await
    }

    /// What is done every day.
    async fn audit(&self, ports: &Ports, depth: Depth) -> Result<AuditReport, AuditError> {
        let audit = Audit {
            ledger: &*ports.ledger,
            listing: &*ports.listing,
            schedules: &*ports.schedules,
            clock: &*ports.clock,
            depth,
            repair: true,
        };
        audit.run(&mut |_| {}).await
    }

    /// Pauses a stage, or resumes it. Says whether it was written down: the rest is the tick's.
    async fn set_flowing(&self, ports: &Ports, house: &House, flowing: bool) -> bool {
        let pausing = Pausing { stages: &*ports.stages, controls: &*ports.controls, clock: &*ports.clock };
        let done = if flowing {
            pausing.resume(house.name).await.map(drop)
        } else {
            let note = Note::parse("A pause of the plan.").expect("a note");
            let pause = Pause { by: "operator".to_owned(), note, since: ports.clock.now(), until: None };
            pausing.pause(house.name, &pause).await
        };
        !matches!(done, Err(PausingError::Ledger(_) | PausingError::Contended(_)))
    }
}

/// What is shipped.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shipped;

impl Product for Shipped {}
