//! The runner on rows that are no entries: it knows nothing of customers' months.

use std::sync::Mutex;

use futures::FutureExt as _;

use super::*;
use crate::{
    customer::CustomerId,
    entry::IllegalTransition,
    message::Turn,
    ports::{QueueError, StageQueue, Visibility},
    run::RunId,
    stage::Lane,
};

/// Something that is delivered to another system.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parcel {
    claimed: bool,
    failing: bool,
    done: bool,
    version: u64,
}

const WAITING: Parcel = Parcel { claimed: false, failing: false, done: false, version: 1 };

impl Parcel {
    fn next(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut after = Self { version: self.version + 1, ..self.clone() };
        change(&mut after);
        after
    }
}

impl Row for Parcel {
    type Change = Self;

    fn after(change: &Self) -> &Self {
        change
    }

    fn into_after(change: Self) -> Self {
        change
    }

    fn waits_for(&self) -> Option<StageName> {
        (!self.done).then_some(Delivery::STAGE)
    }

    fn failing_since(&self, _: Timestamp) -> Option<Timestamp> {
        self.failing.then_some(Timestamp::UNIX_EPOCH)
    }

    fn message(&self) -> WorkMessage {
        message()
    }

    fn claim(&self, _: StageName, _: Timestamp, _: Timestamp) -> Result<Self, IllegalTransition> {
        Ok(self.next(|after| after.claimed = true))
    }

    fn release(&self, _: Option<Duration>, _: Cause, _: Timestamp) -> Result<Self, IllegalTransition> {
        Ok(self.next(|after| (after.claimed, after.failing) = (false, true)))
    }

    fn release_in_doubt(&self, cause: Cause, now: Timestamp) -> Result<Self, IllegalTransition> {
        Row::release(self, None, cause, now)
    }

    fn put_off(&self, _: StageName, cause: Cause, now: Timestamp) -> Result<Self, IllegalTransition> {
        Row::release(self, None, cause, now)
    }
}

/// All parcels: one.
#[derive(Default)]
struct Parcels(Mutex<Vec<Parcel>>);

impl Parcels {
    fn now(&self) -> Parcel {
        self.0.lock().unwrap().last().cloned().unwrap_or(WAITING)
    }
}

#[async_trait]
impl Rows for Parcels {
    type Row = Parcel;
    type Subject = ();

    async fn find(&self, _: &WorkMessage) -> Result<Option<((), Parcel)>, LedgerError> {
        Ok(Some(((), self.now())))
    }

    async fn write(&self, written: &Written<Parcel>, _: Timestamp) -> Result<(), LedgerError> {
        self.0.lock().unwrap().push(written.change.clone());
        Ok(())
    }

    fn fail(
        &self,
        _: StageName,
        _: &((), Parcel),
        _: &Cause,
        _: Timestamp,
    ) -> Result<Written<Parcel>, IllegalTransition> {
        unreachable!("no test gives a parcel up")
    }

    fn resolve(
        &self,
        _: StageName,
        ((), parcel): &((), Parcel),
        _: Resolution,
        _: Timestamp,
    ) -> Result<Written<Parcel>, IllegalTransition> {
        Ok(parcel.next(|after| after.done = true).into())
    }
}

/// Delivers it, as often as the provider says so.
struct Delivery {
    parcels: Parcels,
    answer: Result<(), CallError>,
}

#[async_trait]
impl Step for Delivery {
    const STAGE: StageName = StageName::ALL[0];
    type Rows = Parcels;
    type Request = ();
    type Output = ();

    fn rows(&self) -> &Parcels {
        &self.parcels
    }

    async fn load(&self, message: &WorkMessage) -> Result<Option<((), Parcel)>, Verdict> {
        Ok(self.parcels.find(message).await?)
    }

    fn decide(&self, ((), parcel): &((), Parcel), _: &Facts, _: Timestamp) -> Decision {
        if parcel.done { Decision::Nothing } else { Decision::Call }
    }

    fn request(&self, _: &((), Parcel), _: Option<TraceHeader>) -> Result<(), Cause> {
        Ok(())
    }

    async fn call(&self, (): &()) -> Result<(), CallError> {
        self.answer.clone()
    }

    fn complete(&self, work: &((), Parcel), (): (), now: Timestamp) -> Result<Parcel, IllegalTransition> {
        let written = self.parcels.resolve(Self::STAGE, work, Resolution::Accepted { provider_id: String::new() }, now);
        Ok(written?.change)
    }
}

struct Nobody;

#[async_trait]
impl StageQueue for Nobody {
    async fn send(&self, _: &WorkMessage) -> Result<(), QueueError> {
        panic!("a parcel is handed on to nobody")
    }

    async fn hide(&self, _: &[Visibility]) -> Result<(), QueueError> {
        Ok(())
    }
}

struct Standstill;

impl Clock for Standstill {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

fn message() -> WorkMessage {
    let customer = CustomerId::parse("p-1").unwrap();
    WorkMessage::of_turn(customer, Turn::Run { run: RunId::parse("2026-11").unwrap(), item: None })
}

fn run(answer: Result<(), CallError>) -> (Verdict, Vec<Parcel>) {
    run_by(Timestamp::MAX, answer)
}

fn run_by(start_by: Timestamp, answer: Result<(), CallError>) -> (Verdict, Vec<Parcel>) {
    let runner = StageRunner {
        step: Delivery { parcels: Parcels::default(), answer },
        queue: Arc::new(Nobody),
        clock: Arc::new(Standstill),
    };
    let task = Task {
        message: message(),
        first_receive: true,
        sent_at: Timestamp::UNIX_EPOCH,
        lease_until: Timestamp::UNIX_EPOCH,
        start_by,
        lane: Lane::default(),
    };
    let verdict = runner.handle(&task).now_or_never().unwrap();
    let written = runner.step.parcels.0.lock().unwrap().clone();
    (verdict, written)
}

#[test]
fn a_parcel_is_claimed_delivered_and_done() {
    let (verdict, written) = run(Ok(()));
    assert_eq!(verdict, Verdict::Done);
    let claimed = Parcel { claimed: true, version: 2, ..WAITING };
    assert_eq!(written, [claimed.clone(), Parcel { done: true, version: 3, ..claimed }]);
}

#[test]
fn a_call_that_would_end_after_the_invocation_is_not_begun_and_nothing_is_claimed() {
    let (verdict, written) = run_by(Timestamp::MIN, Ok(()));
    assert_eq!((verdict, written), (Verdict::no_time(), vec![]));
    let (verdict, _) = run_by(Timestamp::UNIX_EPOCH, Ok(()));
    assert_eq!(verdict, Verdict::Done);
}

#[test]
fn a_parcel_whose_receiver_is_busy_is_released_for_another_try() {
    let cause = Cause::new("The receiver is busy.");
    let after = Some(Duration::from_secs(30));
    let (verdict, written) = run(Err(CallError::Retry { after, cause: cause.clone() }));
    assert_eq!(verdict, Verdict::Retry { wait: Wait::Backoff(after), cause });
    assert_eq!(written.last(), Some(&Parcel { failing: true, version: 3, ..WAITING }));
}

#[test]
fn a_refusal_that_a_step_makes_nothing_of_is_its_failure() {
    let cause = Cause::new("The receiver wants none.");
    let (verdict, _) = run(Err(CallError::Refused { cause: cause.clone() }));
    assert_eq!(verdict, Verdict::Fail { cause });
}
