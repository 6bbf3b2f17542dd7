//! Bugs, planted one by one in what is shipped. Competing systems have had each of them.

mod batches;
mod campaigns;
mod endpoints;
mod ledgers;
mod mails;
mod snapshots;
mod ticks;

use std::sync::Arc;

use async_trait::async_trait;
use pulse_core::{
    entry::StageName,
    message::WorkMessage,
    ports::{QueueError, ScoreError, ScoreRequest, Scorer, StageQueue, Visibility},
    score::Score,
    stage::{EmailPolicy, Stage},
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
    ledgers::{ForgetsNextMonth, MailsOldScores, NeverAudits, RemembersProfiles, TakesBackNextMonth},
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
        let mut ports = WorldPorts { scorer: Arc::new(early), ..ports.clone() };
        ports.queues[StageName::Email] = Arc::new(Nowhere);
        Production.score(&ports)
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
