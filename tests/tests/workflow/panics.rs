//! Code that panics: one message's failure, and nobody else's.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures::{FutureExt as _, future};
use pulse_core::{
    entry::{Progress, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::Clock as _,
    stage::{Meter, MeteredScorer, Stage, Task, Verdict, Worker},
};
use pulse_sim::{
    mailer::MemoryMailer,
    provider::{Leg, SimulatedLatency},
    scorer::MemoryScorer,
};
use pulse_tests::in_memory_stack::{InMemoryStack, SETTINGS, customer};

const PANIC: &str = "A panic in the code.";

/// Calls of which these, counted from 1, panic on their way back: the provider has done its work.
fn panicking(these: impl Fn(u32) -> bool + Send + Sync + 'static) -> SimulatedLatency {
    let calls = AtomicU32::new(0);
    SimulatedLatency::new(move |at| {
        if at == Leg::Back && these(calls.fetch_add(1, Relaxed) + 1) {
            return async { panic!("a planned one") }.boxed();
        }
        future::ready(()).boxed()
    })
}

fn with_scorer(latency: SimulatedLatency) -> InMemoryStack {
    InMemoryStack::with(|clock| MemoryScorer::new(clock).with_latency(latency), MemoryMailer::deduplicating())
}

/// A stack whose email provider can be `asked` for a mail, or not.
fn mailing_with(asked: bool, latency: SimulatedLatency) -> InMemoryStack {
    let mailer = if asked { MemoryMailer::deduplicating() } else { MemoryMailer::forgetful() };
    InMemoryStack::with(|clock| MemoryScorer::new(clock), mailer.with_latency(latency))
}

#[tokio::test]
async fn a_panic_costs_its_79_neighbours_nothing() {
    let stack = with_scorer(panicking(|call| call == 40));
    let customers: Vec<_> = (0..80).map(|n| customer(&format!("c-{n}"))).collect();
    stack.enroll(&customers).await;
    for customer in &customers {
        stack.fire_at(customer.id.as_str(), stack.clock.now());
    }
    let meter = Arc::new(Meter::default());
    let scorer = MeteredScorer { scorer: stack.scorer.clone(), meter: Arc::clone(&meter), clock: stack.clock.clone() };
    let mut stage = stack.score_stage();
    stage.step.scorer = Arc::new(scorer);
    let worker = Worker {
        stage: &stage,
        queue: &*stack.score.queue,
        queues: &stack.queues,
        clock: &*stack.clock,
        settings: SETTINGS,
        provider: &stack.watch(StageName::Score, &meter),
    };
    let done = worker.work(stack.receive(StageName::Score), stack.clock.now() + Duration::from_mins(2)).await;

    assert_eq!(done.unfinished.len(), 1);
    assert_eq!(stack.email.queue.depth().visible, 79);
    // It says nothing of the provider, and no call is taken to be under way for ever.
    assert_eq!((done.calls.outcomes.calls, done.calls.outcomes.failures), (79, 0));
    assert_eq!(meter.read().under_way, 0);
    stack.drain().await;
    assert_eq!(stack.mailer.accepted().len(), 80);
}

#[tokio::test]
async fn a_message_that_always_panics_is_dead_with_its_cause_on_the_ledger_after_its_last_receive() {
    let stack = with_scorer(panicking(|call| call <= 5));
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.drain().await;
    let Progress::Failed { cause, .. } = stack.progress("c-1", "2026-11").await else { panic!("not failed") };
    assert_eq!(cause.as_str(), PANIC);
    // None of its receives found an entry that its own worker still held.
    assert_eq!(stack.scorer.calls().values().sum::<u64>(), 5);
    assert_eq!(stack.score.dlq.move_to(&stack.score.queue), 1);
    stack.drain().await;
    assert_eq!(stack.mails("c-1"), 1);
}

#[tokio::test]
async fn a_mail_that_went_out_before_the_panic_never_goes_out_again() {
    for asked in [true, false] {
        let stack = mailing_with(asked, panicking(|call| call == 1));
        stack.enroll(&[customer("c-1")]).await;
        stack.fire(&customer("c-1"));
        stack.invoke(StageName::Score).await;
        stack.invoke(StageName::Email).await;
        assert_eq!(stack.state("c-1", "2026-11").await, "sending");
        stack.drain().await;
        let settled = stack.state("c-1", "2026-11").await;
        assert_eq!(settled, if asked { "sent" } else { "unknown" });
        assert_eq!((stack.mails("c-1"), stack.email.dlq.depth().visible), (1, 0));
    }
}

#[tokio::test]
async fn a_mail_whose_last_receive_panics_is_in_doubt_and_a_redrive_asks_for_it_first() {
    for asked in [true, false] {
        let stack = mailing_with(asked, panicking(|call| call == 1));
        stack.enroll(&[customer("c-1")]).await;
        stack.fire(&customer("c-1"));
        stack.invoke(StageName::Score).await;
        let mut deliveries = stack.receive(StageName::Email);
        deliveries[0].receive_count = SETTINGS.max_receive_count;
        stack.work(StageName::Email, deliveries.clone()).await;
        let failed = stack.entry("c-1", "2026-11").await;
        assert!((failed.state(), failed.at()) == ("failed", StageName::Email) && failed.in_doubt_since().is_some());
        deliveries[0].receive_count = 1;
        stack.work(StageName::Email, deliveries).await;
        let settled = stack.state("c-1", "2026-11").await;
        assert_eq!(settled, if asked { "sent" } else { "unknown" });
        assert_eq!(stack.mails("c-1"), 1);
    }
}

/// Panics whatever it is asked to do.
struct Hopeless;

#[async_trait]
impl Stage for Hopeless {
    async fn handle(&self, _: &Task) -> Verdict {
        panic!("handling")
    }

    async fn give_up(&self, _: &WorkMessage, _: &Cause) {
        panic!("giving up")
    }

    async fn put_off(&self, _: &WorkMessage, _: &Cause, _: Duration) -> bool {
        panic!("putting off")
    }
}

#[tokio::test]
async fn code_that_panics_when_it_gives_up_too_keeps_no_message_from_the_dead_letter_queue() {
    let stack = InMemoryStack::new();
    for name in ["c-1", "c-2"] {
        stack.fire_at(name, stack.clock.now());
    }
    let meter = Meter::default();
    let worker = Worker {
        stage: &Hopeless,
        queue: &*stack.score.queue,
        queues: &stack.queues,
        clock: &*stack.clock,
        settings: SETTINGS,
        provider: &stack.watch(StageName::Score, &meter),
    };
    for _ in 0..SETTINGS.max_receive_count {
        let deliveries = stack.receive(StageName::Score);
        assert_eq!(deliveries.len(), 2);
        let done = worker.work(deliveries, stack.clock.now() + Duration::from_mins(2)).await;
        assert_eq!(done.unfinished.len(), 2);
        stack.clock.advance(Duration::from_hours(1));
    }
    assert_eq!(stack.receive(StageName::Score), []);
    assert_eq!(stack.score.dlq.depth().visible, 2);
}
