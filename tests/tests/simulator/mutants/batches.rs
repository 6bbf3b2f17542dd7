//! Bugs in how a batch is worked on.

use std::{
    any::Any,
    future::{self, poll_fn},
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures::{FutureExt as _, future::join_all};
use jiff::Timestamp;
use pulse_core::{
    entry::StageName,
    failure::Cause,
    message::WorkMessage,
    ports::{CampaignMail, Letter, RenderError, Rendered, Renderer},
    stage::{EmailPolicy, Lane, RawMessage, Stage, Task, Verdict, Worked, WorkerSettings},
};
use pulse_sim::world::{Production, SystemUnderTest, WorldPorts};

/// Starts the whole batch at once and waits for all of it.
pub(crate) struct StartsTheWholeBatch;

#[async_trait]
impl SystemUnderTest for StartsTheWholeBatch {
    async fn work(
        &self,
        stage: Box<dyn Stage>,
        _: StageName,
        ports: &WorldPorts,
        _: WorkerSettings,
        messages: Vec<RawMessage>,
        deadline: Timestamp,
    ) -> Worked {
        let one = async |raw: RawMessage| {
            let message = WorkMessage::parse(&raw.body, raw.sent_at).ok()?;
            let RawMessage { receive_count, sent_at, .. } = raw;
            let (first_receive, lane) = (receive_count <= 1, Lane::default());
            let task = Task { message, first_receive, sent_at, lease_until: deadline, start_by: deadline, lane };
            let is_done = match stage.handle(&task).await {
                Verdict::HandOn { stage, message } => ports.queues[stage].send(&message).await.is_ok(),
                verdict => verdict == Verdict::Done,
            };
            (!is_done).then_some(raw.message_id)
        };
        let unfinished = join_all(messages.into_iter().map(one)).await.into_iter().flatten().collect();
        Worked { unfinished, ..Worked::default() }
    }
}

/// Has no eye on panics: one of a message ends the whole invocation.
pub(crate) struct LetsPanicsOut;

#[async_trait]
impl SystemUnderTest for LetsPanicsOut {
    async fn work(
        &self,
        stage: Box<dyn Stage>,
        name: StageName,
        ports: &WorldPorts,
        settings: WorkerSettings,
        messages: Vec<RawMessage>,
        deadline: Timestamp,
    ) -> Worked {
        let thrown = Thrown::default();
        let stage = Box::new(Throws { stage, thrown: Arc::clone(&thrown) });
        let mut work = Production.work(stage, name, ports, settings, messages, deadline);
        poll_fn(move |context| {
            let polled = work.poll_unpin(context);
            let panic = thrown.lock().expect("not poisoned").take();
            panic.map_or(polled, |panic| resume_unwind(panic))
        })
        .await
    }
}

/// What a panic carries, on its way past the worker.
type Thrown = Arc<Mutex<Option<Box<dyn Any + Send>>>>;

struct Throws {
    stage: Box<dyn Stage>,
    thrown: Thrown,
}

#[async_trait]
impl Stage for Throws {
    async fn handle(&self, task: &Task) -> Verdict {
        match AssertUnwindSafe(self.stage.handle(task)).catch_unwind().await {
            Ok(verdict) => verdict,
            Err(panic) => {
                *self.thrown.lock().expect("not poisoned") = Some(panic);
                future::pending().await
            }
        }
    }

    async fn give_up(&self, message: &WorkMessage, cause: &Cause) {
        self.stage.give_up(message, cause).await;
    }

    async fn put_off(&self, message: &WorkMessage, cause: &Cause, patience: Duration) -> bool {
        self.stage.put_off(message, cause, patience).await
    }
}

/// Panics when it is to write a mail.
pub(crate) struct Panics;

impl SystemUnderTest for Panics {
    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        Production.email(&WorldPorts { renderer: Arc::new(Self), ..ports.clone() }, policy)
    }
}

impl Renderer for Panics {
    fn render(&self, _: &Letter<'_>) -> Result<Rendered, RenderError> {
        panic!("a bug")
    }

    fn render_campaign(&self, _: &CampaignMail<'_>) -> Result<Rendered, RenderError> {
        panic!("a bug")
    }
}

/// Catches a panic where it is easy: around the batch, all of which then comes back.
pub(crate) struct GivesTheBatchBack;

#[async_trait]
impl SystemUnderTest for GivesTheBatchBack {
    async fn work(
        &self,
        stage: Box<dyn Stage>,
        name: StageName,
        ports: &WorldPorts,
        settings: WorkerSettings,
        messages: Vec<RawMessage>,
        deadline: Timestamp,
    ) -> Worked {
        let unfinished = messages.iter().map(|raw| raw.message_id.clone()).collect();
        let work = LetsPanicsOut.work(stage, name, ports, settings, messages, deadline);
        let worked = AssertUnwindSafe(work).catch_unwind().await;
        worked.unwrap_or(Worked { unfinished, ..Worked::default() })
    }
}
