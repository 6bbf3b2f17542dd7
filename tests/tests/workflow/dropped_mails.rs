//! Mails that the provider accepted and then didn't send.

use std::time::Duration;

use pulse_core::{
    drop_watch::{DropWatch, Looked},
    entry::StageName,
    failure::Cause,
    ports::{Clock as _, DroppedMail, Ledger as _, LedgerReports as _},
};
use pulse_tests::in_memory_stack::{InMemoryStack, customer, entry_id};

fn watch(stack: &InMemoryStack) -> DropWatch {
    DropWatch::new(stack.mailer.clone(), stack.ledger.clone(), stack.ledger.clone(), stack.clock.clone())
}

fn news(mails: usize) -> Looked {
    Looked { noted: mails, news: mails }
}

async fn mailed(customers: usize) -> InMemoryStack {
    let stack = InMemoryStack::new();
    let customers: Vec<_> = (0..customers).map(|number| customer(&format!("c-{number}"))).collect();
    stack.enroll(&customers).await;
    for customer in &customers {
        stack.fire(customer);
    }
    stack.invoke(StageName::Score).await;
    stack.invoke(StageName::Email).await;
    stack
}

fn dropped(stack: &InMemoryStack, number: usize) {
    let entry = entry_id(&format!("c-{number}"), "2026-11");
    let cause = Cause::new("The provider gives subscriber error 17, AttributeValueMaxLength.");
    stack.mailer.drop_accepted(DroppedMail { entry, at: stack.clock.now(), cause });
}

async fn notes(stack: &InMemoryStack, number: usize) -> Vec<String> {
    let customer = customer(&format!("c-{number}")).id;
    stack.ledger.activities(&customer).await.unwrap().into_iter().map(|note| note.what).collect()
}

#[tokio::test]
async fn a_mail_that_was_dropped_fails_after_all_and_is_noted_with_its_customer() {
    let stack = mailed(2).await;
    dropped(&stack, 1);
    let watch = watch(&stack);
    assert_eq!(watch.look().await, Ok(news(1)));
    assert_eq!((watch.take_news(), watch.take_news()), (1, 0));
    let expected = "Run 2026-11: the mail was accepted, and then not sent. The provider gives subscriber error 17, \
                    AttributeValueMaxLength.";
    assert_eq!(notes(&stack, 1).await, [expected]);
    assert_eq!(notes(&stack, 0).await, [""; 0]);
    assert_eq!(stack.state("c-1", "2026-11").await, "failed");
    assert_eq!(stack.state("c-0", "2026-11").await, "sent");
}

#[tokio::test]
async fn a_mail_that_a_worker_has_is_looked_at_again() {
    let stack = InMemoryStack::new();
    stack.enroll(&[customer("c-0")]).await;
    stack.fire(&customer("c-0"));
    stack.invoke(StageName::Score).await;
    let (now, until) = (stack.clock.now(), stack.clock.now() + Duration::from_mins(2));
    let entry = stack.entry("c-0", "2026-11").await;
    stack.ledger.apply(&entry.claim(StageName::Email, now, until).unwrap()).await.unwrap();
    dropped(&stack, 0);
    let watch = watch(&stack);
    watch.look().await.unwrap();
    assert_eq!(stack.state("c-0", "2026-11").await, "sending");
    stack.clock.advance(Duration::from_mins(2));
    watch.look_if_due().await.unwrap();
    assert_eq!(stack.state("c-0", "2026-11").await, "failed");
}

#[tokio::test]
async fn what_was_dropped_long_ago_is_noted_and_no_news() {
    let stack = mailed(1).await;
    dropped(&stack, 0);
    stack.clock.advance(Duration::from_hours(1));
    assert_eq!(watch(&stack).look().await, Ok(Looked { noted: 1, news: 0 }));
}

#[tokio::test]
async fn whoever_begins_anew_notes_nothing_twice() {
    let stack = mailed(1).await;
    dropped(&stack, 0);
    for _ in 0..2 {
        assert_eq!(watch(&stack).look().await, Ok(news(1)));
    }
    assert_eq!(notes(&stack, 0).await.len(), 1);
}

#[tokio::test]
async fn the_provider_is_asked_every_quarter_of_an_hour_and_told_what_is_new() {
    let stack = mailed(3).await;
    let watch = watch(&stack);
    dropped(&stack, 0);
    assert_eq!(watch.look_if_due().await, Ok(news(1)));
    dropped(&stack, 1);
    stack.clock.advance(Duration::from_mins(14));
    assert_eq!(watch.look_if_due().await, Ok(news(0)), "it isn't time");
    assert_eq!(watch.look().await, Ok(news(1)), "someone asks for it");
    dropped(&stack, 2);
    stack.clock.advance(Duration::from_mins(15));
    assert_eq!(watch.look_if_due().await, Ok(news(1)));
    assert_eq!(notes(&stack, 2).await.len(), 1);
}

#[tokio::test]
async fn a_long_list_is_read_a_part_at_a_time_and_goes_on_where_it_ended() {
    let stack = mailed(1).await;
    for _ in 0..450 {
        dropped(&stack, 0);
        stack.clock.advance(Duration::from_secs(1));
    }
    let watch = watch(&stack);
    assert_eq!(
        [watch.look().await, watch.look().await, watch.look().await],
        [Ok(news(200)), Ok(news(200)), Ok(news(50))]
    );
}
