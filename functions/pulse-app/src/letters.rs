use pulse_core::{
    dead_letters::{DeadLetterError, DeadLetterReport, Redrive, RedriveOrder, RedriveProgress, Redriven, Survey},
    pacing::PacedDeadLetters,
    ports::DlqName,
};
use serde::Serialize;

use crate::App;

/// What is in a dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLettersOf {
    /// The queue's name.
    pub queue: DlqName,
    /// What was found.
    #[serde(flatten)]
    pub report: DeadLetterReport,
}

/// What became of dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LettersReport {
    /// Of which queue.
    pub queue: DlqName,
    /// Whether nothing was done, and it was only told what would be.
    pub dry_run: bool,
    /// What became of them.
    #[serde(flatten)]
    pub redriven: Redriven,
}

impl App {
    /// Looks at the letters of one dead-letter queue, or of all, at no more than `limit` of each, and puts them back.
    ///
    /// # Errors
    /// When a queue or the ledger can't be used.
    pub async fn dead_letters(
        &self,
        only: Option<DlqName>,
        limit: usize,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<DeadLettersOf>, DeadLetterError> {
        let mut found = Vec::new();
        let deployed = self.ports.stages.deployed();
        only.and_then(DlqName::stage).map_or(Ok(()), |stage| deployed.require(stage))?;
        for queue in DlqName::of(deployed).filter(|queue| only.is_none_or(|only| only == *queue)) {
            let letters = PacedDeadLetters::new(self.ports.dead_letters.get(queue), &*self.ports.sleeper, stop);
            let survey = Survey {
                letters: &letters,
                ledger: &*self.ports.ledger,
                deliveries: &*self.ports.deliveries,
                intake: &*self.ports.intake,
            };
            found.push(DeadLettersOf { queue, report: survey.look(limit, stop).await? });
        }
        Ok(found)
    }

    /// Brings the letters of a dead-letter queue back to their stage, or tells what that would do. `watch` hears how
    /// far it is; when `stop` says so, it ends early.
    ///
    /// # Errors
    /// When a move task can't be started or followed. What goes wrong later is in the report.
    pub async fn redrive(
        &self,
        queue: DlqName,
        order: &RedriveOrder,
        watch: &mut (dyn FnMut(RedriveProgress) + Send),
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<LettersReport, DeadLetterError> {
        queue.stage().map_or(Ok(()), |stage| self.ports.stages.deployed().require(stage))?;
        let redrive = Redrive {
            letters: self.ports.dead_letters.get(queue),
            queue: queue.stage().map(|stage| &*self.ports.queues[stage]),
            ledger: &*self.ports.ledger,
            deliveries: &*self.ports.deliveries,
            intake: &*self.ports.intake,
            sleeper: &*self.ports.sleeper,
        };
        let redriven = redrive.run(order, watch, stop).await?;
        Ok(LettersReport { queue, dry_run: order.dry_run, redriven })
    }
}
