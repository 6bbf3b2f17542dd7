//! Which addresses are suppressed by what is told, and for how long.

use std::time::Duration;

use jiff::ToSpan as _;
use pulse_core::{
    control::Note,
    customer::{Contact, Customer, EmailAddress, Product},
    failure::Cause,
    feedback::{About, BounceKind, FeedbackKind, Heard},
    ports::{Clock as _, Ledger as _, LedgerReports as _},
    suppression::{Release, SuppressionReason, change_suppression},
};
use pulse_tests::in_memory_stack::{InMemoryStack, customer};

use super::{RUN, address, after, bounced, event, hear, holds, listener, months};

#[tokio::test]
async fn bounces_and_complaints_suppress_the_address_they_tell_of_and_reputation_does_not() {
    let cases = [
        (bounced(BounceKind::Hard), Some(SuppressionReason::HardBounce)),
        (FeedbackKind::Complained, Some(SuppressionReason::Complaint)),
        (bounced(BounceKind::Soft), None),
        (bounced(BounceKind::Reputation), None),
        (FeedbackKind::Delayed, None),
        (
            FeedbackKind::Rejected { cause: Cause::new("No such address."), invalid_address: true },
            Some(SuppressionReason::Refused),
        ),
    ];
    for (kind, reason) in cases {
        let stack = after([]).await;
        hear(&stack, kind.clone()).await;
        assert_eq!(holds(&stack, &address()).await, reason, "{kind:?}");
    }
    // The address that the event names, and not the one that the customer has by now.
    let stack = after([]).await;
    let old = EmailAddress::parse("old@example.com").unwrap();
    let mut told = event(bounced(BounceKind::Hard), RUN, stack.clock.now());
    told.about.address = Some(old.clone());
    listener(&stack).hear(&told).await.unwrap();
    assert_eq!(holds(&stack, &old).await, Some(SuppressionReason::HardBounce));
    assert_eq!(holds(&stack, &address()).await, None);
}

/// The customer's address is another from now on, by a roster of this moment.
pub(super) async fn move_away(stack: &InMemoryStack) -> EmailAddress {
    let new = EmailAddress::parse("new@example.com").unwrap();
    stack.enroll(&[Customer { contact: Contact::Email(new.clone()), ..customer("c-1") }]).await;
    new
}

async fn notes(stack: &InMemoryStack) -> Vec<String> {
    stack.ledger.activities(&customer("c-1").id).await.unwrap().into_iter().map(|note| note.what).collect()
}

#[tokio::test]
async fn what_tells_no_address_suppresses_the_customers_only_if_the_mail_went_there_for_sure() {
    let kinds = [
        bounced(BounceKind::Hard),
        FeedbackKind::Complained,
        FeedbackKind::Rejected { cause: Cause::new("No such address."), invalid_address: true },
    ];
    for kind in kinds {
        // Another address since the mail: neither is suppressed, and the mail's fate and the reason are told.
        let stack = after([]).await;
        stack.clock.advance(Duration::from_hours(1));
        let new = move_away(&stack).await;
        stack.clock.advance(Duration::from_hours(48));
        for _ in 0..2 {
            let listener = listener(&stack);
            listener.hear(&event(kind.clone(), RUN, "2026-12-01T00:00:00Z".parse().unwrap())).await.unwrap();
        }
        assert_eq!((holds(&stack, &address()).await, holds(&stack, &new).await), (None, None), "{kind:?}");
        assert!(!stack.entry("c-1", RUN).await.feedback().is_empty());
        let notes = notes(&stack).await;
        let told = notes.iter().filter(|note| note.starts_with("Run 2026-11: ses told of a mail (")).count();
        assert_eq!(told, 1, "{notes:?}");
        assert!(!notes.concat().contains('@'), "{notes:?}");
        // A mail of after that is to the new one.
        stack.fire(&customer("c-1"));
        stack.drain().await;
        let at = stack.entry("c-1", "2026-12").await.scheduled_at() + 1.minute();
        listener(&stack).hear(&event(kind.clone(), "2026-12", at)).await.unwrap();
        assert!(holds(&stack, &new).await.is_some(), "{kind:?}");
        assert_eq!(holds(&stack, &address()).await, None);
    }
}

#[tokio::test]
async fn an_address_that_changed_about_when_the_mail_went_or_of_which_it_is_not_known_since_when_is_not_suppressed() {
    let complain = async |stack: &InMemoryStack| {
        stack.fire(&customer("c-1"));
        stack.drain().await;
        hear(stack, FeedbackKind::Complained).await;
    };
    let slot = InMemoryStack::with_forgetful_mailer();
    slot.enroll(&[customer("c-1")]).await;
    let slot = slot.entry("c-1", RUN).await.scheduled_at();
    for (minutes, is_sure) in [(14, false), (15, true)] {
        let stack = InMemoryStack::with_forgetful_mailer();
        stack.enroll(&[customer("c-1")]).await;
        stack.clock.advance((slot - minutes.minutes()).duration_since(stack.clock.now()).unsigned_abs());
        let new = move_away(&stack).await;
        complain(&stack).await;
        assert_eq!(holds(&stack, &new).await.is_some(), is_sure, "{minutes} minutes before the slot");
    }
    // What else changes of a profile says nothing of its address.
    let stack = InMemoryStack::with_forgetful_mailer();
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.drain().await;
    let product = Product::Card;
    stack.enroll(&[Customer { product, ..customer("c-1") }]).await;
    hear(&stack, FeedbackKind::Complained).await;
    assert_eq!(holds(&stack, &address()).await, Some(SuppressionReason::Complaint));
    // As an earlier release wrote it.
    let stack = InMemoryStack::with_forgetful_mailer();
    stack.enroll(&[customer("c-1")]).await;
    stack.rewrite(&customer("c-1")).await;
    complain(&stack).await;
    assert_eq!(holds(&stack, &address()).await, None);
    // The next roster writes it down.
    stack.clock.advance(Duration::from_hours(24));
    stack.enroll(&[customer("c-1")]).await;
    stack.fire(&customer("c-1"));
    stack.drain().await;
    listener(&stack).hear(&event(FeedbackKind::Complained, "2026-12", stack.clock.now())).await.unwrap();
    assert_eq!(holds(&stack, &address()).await, Some(SuppressionReason::Complaint));
}

#[tokio::test]
async fn who_unsubscribes_at_the_provider_is_opted_out_or_if_only_the_address_is_told_suppressed() {
    let stack = after([]).await;
    let mut told = event(FeedbackKind::Unsubscribed, RUN, stack.clock.now());
    told.about = About { address: Some(address()), ..About::default() };
    assert_eq!(listener(&stack).hear(&told).await, Ok(Heard::NoEntry));
    assert_eq!(holds(&stack, &address()).await, Some(SuppressionReason::Unsubscribed));
    // One that the provider calls by an id which nobody here has.
    let stack = after([]).await;
    told.about.customer = Some(customer("c-9").id);
    assert_eq!(listener(&stack).hear(&told).await, Ok(Heard::NoEntry));
    assert_eq!(holds(&stack, &address()).await, Some(SuppressionReason::Unsubscribed));
    let stack = after([]).await;
    assert_eq!(hear(&stack, FeedbackKind::Unsubscribed).await, Heard::Done);
    assert!(stack.ledger.customer(&customer("c-1").id).await.unwrap().unwrap().consent.opted_out());
    assert_eq!(holds(&stack, &address()).await, None);
}

#[tokio::test]
async fn three_runs_in_a_row_that_come_back_suppress_for_ninety_days_in_whatever_order_they_are_told() {
    for order in [["2026-11", "2026-12", "2027-01"], ["2027-01", "2026-11", "2026-12"]] {
        let stack = months(3).await;
        for run in order {
            assert_eq!(holds(&stack, &address()).await, None);
            let at = stack.entry("c-1", run).await.scheduled_at() + 1.hour();
            listener(&stack).hear(&event(bounced(BounceKind::Soft), run, at)).await.unwrap();
        }
        assert_eq!(holds(&stack, &address()).await, Some(SuppressionReason::SoftBounces));
        // The second turns out to have arrived.
        let at = stack.entry("c-1", "2026-12").await.scheduled_at() + 5.hours();
        listener(&stack).hear(&event(FeedbackKind::Delivered, "2026-12", at)).await.unwrap();
        assert_eq!(holds(&stack, &address()).await, None);
    }
    let stack = months(3).await;
    for run in ["2026-11", "2026-12", "2027-01"] {
        let at = stack.entry("c-1", run).await.scheduled_at() + 1.hour();
        listener(&stack).hear(&event(bounced(BounceKind::Soft), run, at)).await.unwrap();
    }
    stack.clock.advance(Duration::from_hours(91 * 24));
    assert_eq!(holds(&stack, &address()).await, None);
}

#[tokio::test]
async fn soft_bounces_are_counted_by_address_and_anew_after_a_release() {
    let stack = months(4).await;
    let old = EmailAddress::parse("old@example.com").unwrap();
    let told = async |run: &str, address: &EmailAddress| {
        let at = stack.entry("c-1", run).await.scheduled_at() + 1.hour();
        let mut told = event(bounced(BounceKind::Soft), run, at);
        told.about.address = Some(address.clone());
        listener(&stack).hear(&told).await.unwrap();
    };
    told("2026-11", &old).await;
    told("2026-12", &old).await;
    told("2027-01", &address()).await;
    assert_eq!((holds(&stack, &old).await, holds(&stack, &address()).await), (None, None));
    told("2027-01", &old).await;
    assert_eq!(holds(&stack, &old).await, Some(SuppressionReason::SoftBounces));
    let at = stack.entry("c-1", "2027-01").await.scheduled_at() + 2.hours();
    let note = Note::parse("They asked for it.").unwrap();
    change_suppression(&*stack.ledger, &old, |known| {
        known.released(Release { at, by: "ops".into(), note: note.clone() })
    })
    .await
    .unwrap();
    told("2027-02", &old).await;
    assert_eq!(holds(&stack, &old).await, None);
}
