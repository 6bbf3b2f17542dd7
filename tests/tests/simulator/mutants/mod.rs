//! Bugs, planted one by one in what is shipped. Competing systems have had each of them.

mod batches;
mod campaigns;
mod endpoints;
mod ledgers;
mod mails;
mod snapshots;
mod ticks;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use pulse_core::{
    entry::StageName,
    failure::Cause,
    message::WorkMessage,
    ports::{QueueError, ScoreError, ScoreRequest, Scorer, StageQueue, Visibility},
    score::Score,
    stage::{EmailPolicy, Stage, Task, Verdict},
    tick::{ReconcileError, StageRound, SweepPolicy, Swept},
};
use pulse_sim::world::{Production, SystemUnderTest, WorldPorts};

pub(crate) use self::{
    batches::{GivesTheBatchBack, LetsPanicsOut, Panics, StartsTheWholeBatch},
    campaigns::{
        BelievesEveryRefusal, DispatchesUnsealed, ForgetsItsDay, HedgesItsCalls, KeepsACounter, KeepsACursor,
        MakesAKeyForEachTry, NumbersParts, PassesItemsOver, ReapsByAge, TakesItemsForOne,
    },
    endpoints::{
        BelievesRefusals, HoldsNobody, NeverLooksAfterEndpoints, SendsOutOfOrder, SharesNoLanes,
        TakesFailuresForAnswers, TellsNobody,
    },
    ledgers::{MailsOldScores, NeverAudits, NextMonth, RemembersProfiles, TakesBackNextMonth},
    mails::{NeverAsks, RecordsBeforeSending, SendsAgainBlindly, SendsWithoutAClaim},
    snapshots::{CountsOnce, ReportsHalf},
    ticks::{BlamesTheMessage, ForgetsPauses, ReconcilesNothing, SweepsBlindly, SweepsEveryMinute},
};

fn no_round() -> Vec<StageRound> {
    let round = |stage: &StageName| StageRound {
        stage: *stage,
        reconciled: Err(ReconcileError::Contended(*stage)),
        swept: Swept::Paused,
    };
    StageName::ALL.iter().map(round).collect()
}

/// What is shipped, without the tick.
pub(crate) struct WithoutSweep<P>(pub(crate) P);

#[async_trait]
impl<P: SystemUnderTest> SystemUnderTest for WithoutSweep<P> {
    fn score(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        self.0.score(ports)
    }

    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        self.0.email(ports, policy)
    }

    async fn tick(&self, _: &WorldPorts, _: SweepPolicy) -> Vec<StageRound> {
        no_round()
    }
}

/// Queues the email before the score is written: whoever is quick finds nothing to mail.
pub(crate) struct QueuesTheEmailFirst;

impl SystemUnderTest for QueuesTheEmailFirst {
    fn score(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        let early =
            TellsEarly { scorer: Arc::clone(&ports.scorer), queue: Arc::clone(&ports.queues[StageName::Email]) };
        Box::new(HandsNothingOn(Production.score(&WorldPorts { scorer: Arc::new(early), ..ports.clone() })))
    }
}

struct HandsNothingOn(Box<dyn Stage>);

#[async_trait]
impl Stage for HandsNothingOn {
    async fn handle(&self, task: &Task) -> Verdict {
        match self.0.handle(task).await {
            Verdict::HandOn { .. } => Verdict::Done,
            verdict => verdict,
        }
    }

    async fn give_up(&self, message: &WorkMessage, cause: &Cause) {
        self.0.give_up(message, cause).await;
    }

    async fn put_off(&self, message: &WorkMessage, cause: &Cause, patience: Duration) -> bool {
        self.0.put_off(message, cause, patience).await
    }
}

struct TellsEarly {
    scorer: Arc<dyn Scorer>,
    queue: Arc<dyn StageQueue>,
}

#[async_trait]
impl Scorer for TellsEarly {
    async fn score(&self, request: &ScoreRequest) -> Result<Score, ScoreError> {
        let _ = self.queue.send(&WorkMessage::for_entry(&request.entry)).await;
        self.scorer.score(request).await
    }
}

/// A queue that takes everything and has nothing.
pub(crate) struct Nowhere;

#[async_trait]
impl StageQueue for Nowhere {
    async fn send(&self, _: &WorkMessage) -> Result<(), QueueError> {
        Ok(())
    }

    async fn hide(&self, _: &[Visibility]) -> Result<(), QueueError> {
        Ok(())
    }
}
