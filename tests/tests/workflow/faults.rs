//! Faults of all kinds, picked at random: nobody lost, nobody mailed twice.

use std::time::Duration;

use proptest::prelude::*;
use pulse_core::{
    customer::Customer,
    entry::{EntryId, StageName},
    failure::Cause,
    ports::{Ledger as _, ScoreError, SendError},
    tick::Swept,
};
use pulse_sim::mailer::InjectedFailure;
use pulse_tests::in_memory_stack::{InMemoryStack, customer};

const CUSTOMERS: usize = 6;

/// Something that goes wrong with a customer, or with the stack.
#[derive(Debug, Clone)]
enum Fault {
    ScoreRetry(usize),
    ScoreFail(usize),
    MailRetry(usize),
    MailFail(usize),
    AnswerLost(usize),
    FatesDown,
    Duplicate(usize),
    EmailDuplicate(usize),
    /// A batch that is received by a worker which dies at once.
    Vanish(StageName),
    /// A batch that a worker gets with too little time.
    Late(StageName),
    Work(StageName),
    Wait(u64),
    RedriveAll,
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let who = 0..CUSTOMERS;
    let stage = prop_oneof![Just(StageName::Score), Just(StageName::Email)];
    let fault = prop_oneof![
        3 => who.clone().prop_map(Fault::ScoreRetry),
        1 => who.clone().prop_map(Fault::ScoreFail),
        3 => who.clone().prop_map(Fault::MailRetry),
        1 => who.clone().prop_map(Fault::MailFail),
        2 => who.clone().prop_map(Fault::AnswerLost),
        1 => Just(Fault::FatesDown),
        2 => who.clone().prop_map(Fault::Duplicate),
        2 => who.prop_map(Fault::EmailDuplicate),
        2 => stage.clone().prop_map(Fault::Vanish),
        1 => stage.clone().prop_map(Fault::Late),
        4 => stage.prop_map(Fault::Work),
        2 => (1_u64..5000).prop_map(Fault::Wait),
        1 => Just(Fault::RedriveAll),
    ];
    prop::collection::vec(fault, 0..60)
}

fn entry_of(customer: &Customer) -> EntryId {
    pulse_tests::in_memory_stack::entry_id(customer.id.as_str(), "2026-11")
}

async fn inflict(stack: &InMemoryStack, customers: &[Customer], fault: Fault) {
    let cause = || Cause::new("It went wrong.");
    match fault {
        Fault::ScoreRetry(n) => {
            stack.scorer.fail_next_of(&entry_of(&customers[n]), [ScoreError::Retry { after: None, cause: cause() }]);
        }
        Fault::ScoreFail(n) => {
            stack.scorer.fail_next_of(&entry_of(&customers[n]), [ScoreError::Fail { cause: cause() }]);
        }
        Fault::MailRetry(n) => {
            let error = SendError::Retry { after: None, cause: cause() };
            stack.mailer.fail_next_of(&entry_of(&customers[n]), [InjectedFailure::Refused(error)]);
        }
        Fault::MailFail(n) => {
            let error = SendError::Fail { cause: cause() };
            stack.mailer.fail_next_of(&entry_of(&customers[n]), [InjectedFailure::Refused(error)]);
        }
        Fault::AnswerLost(n) => stack.mailer.fail_next_of(&entry_of(&customers[n]), [InjectedFailure::AnswerLost]),
        Fault::FatesDown => {
            stack.mailer.fail_next_fates(vec![SendError::Retry { after: None, cause: cause() }; 3]);
        }
        Fault::Duplicate(n) => stack.fire_at(customers[n].id.as_str(), "2026-11-10T11:30:00Z".parse().unwrap()),
        Fault::EmailDuplicate(n) => {
            let body = format!(r#"{{"v":1,"customer":"{}","run":"2026-11"}}"#, customers[n].id);
            stack.email.queue.send_body(&body);
        }
        Fault::Vanish(stage) => drop(stack.receive(stage)),
        Fault::Late(stage) => {
            stack.work_until(stage, stack.receive(stage), Duration::from_secs(5)).await;
        }
        Fault::Work(stage) => {
            stack.invoke(stage).await;
        }
        Fault::Wait(seconds) => stack.clock.advance(Duration::from_secs(seconds)),
        Fault::RedriveAll => redrive(stack),
    }
}

fn redrive(stack: &InMemoryStack) {
    stack.score.dlq.move_to(&stack.score.queue);
    stack.email.dlq.move_to(&stack.email.queue);
}

async fn suffer(stack: InMemoryStack, faults: Vec<Fault>) -> Result<(), TestCaseError> {
    let customers: Vec<_> = (0..CUSTOMERS).map(|n| customer(&format!("c-{n}"))).collect();
    stack.enroll(&customers).await;
    for customer in &customers {
        stack.fire(customer);
    }
    for fault in faults {
        inflict(&stack, &customers, fault).await;
    }
    stack.drain().await;
    for customer in &customers {
        let entry = stack.entry(customer.id.as_str(), "2026-11").await;
        let state = entry.state();
        let mails = stack.mailer.accepted_of(&entry_of(customer));
        prop_assert!(mails <= 1, "{} has {mails} mails and is {state:?}", customer.id);
        match state {
            "sent" => prop_assert_eq!(mails, 1, "{} is sent", customer.id),
            // A worker that was killed on the last receive leaves the claim, and the message in the dead-letter queue.
            "unknown" | "sending" => {}
            // Given up, or put off, before the provider could be asked: the next try asks first.
            "failed" | "scored" if entry.in_doubt_since().is_some() => {}
            _ => prop_assert_eq!(mails, 0, "{} is {:?}", customer.id, state),
        }
    }
    // What failed is in a dead-letter queue, and an operator's redrive brings it to its end; what was put off is woken.
    for _ in 0..200 {
        let swept = stack.sweep().await;
        let nothing_woken = swept.iter().all(|stage| matches!(stage.swept, Swept::Done { woken: 0, .. }));
        if nothing_woken && stack.score.dlq.depth().visible + stack.email.dlq.depth().visible == 0 {
            break;
        }
        redrive(&stack);
        stack.drain().await;
    }
    for customer in &customers {
        let id = entry_of(customer);
        let state = stack.ledger.entry(&id).await.unwrap().unwrap().state();
        let over = matches!(state, "sent" | "unknown");
        prop_assert!(over, "{} is {state:?} after everything was redriven", customer.id);
        prop_assert!(stack.mailer.accepted_of(&id) <= 1);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_goes_wrong_nobody_is_lost_and_nobody_is_mailed_twice_by_a_provider_with_keys(faults in faults()) {
        block_on(suffer(InMemoryStack::new(), faults))?;
    }

    #[test]
    fn whatever_goes_wrong_nobody_is_lost_and_nobody_is_mailed_twice_by_a_provider_without_keys(faults in faults()) {
        block_on(suffer(InMemoryStack::with_forgetful_mailer(), faults))?;
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
