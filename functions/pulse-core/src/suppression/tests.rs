use jiff::ToSpan as _;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

fn now() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().unwrap()
}

fn evidence(at: Timestamp) -> Evidence {
    Evidence { at, scope: Scope::All, cause: None }
}

fn release(at: Timestamp) -> Release {
    Release { at, by: "ops".into(), note: Note::parse("They asked for it.").unwrap() }
}

fn held(suppression: &Suppression, at: Timestamp) -> Option<SuppressionReason> {
    suppression.holds(FeedbackSource::Ses, at)
}

#[test]
fn it_holds_until_it_is_released_and_again_by_what_happens_afterwards() {
    let bounced = Suppression::of(SuppressionReason::HardBounce, evidence(now()));
    assert_eq!(held(&bounced, now() + 9000.hours()), Some(SuppressionReason::HardBounce));
    let released = bounced.released(release(now() + 1.hour()));
    assert_eq!(held(&released, now() + 2.hours()), None);
    // The same event, told once more, and another.
    let told_again = released.with(SuppressionReason::HardBounce, evidence(now()));
    assert_eq!(held(&told_again, now() + 2.hours()), None);
    let again = told_again.with(SuppressionReason::HardBounce, evidence(now() + 3.hours()));
    assert_eq!(held(&again, now() + 4.hours()), Some(SuppressionReason::HardBounce));
}

#[test]
fn soft_bounces_are_forgotten_after_ninety_days() {
    let soft = Suppression::of(SuppressionReason::SoftBounces, evidence(now()));
    let until = now() + (90 * 24).hours();
    assert_eq!(held(&soft, until - 1.second()), Some(SuppressionReason::SoftBounces));
    assert_eq!(held(&soft, until), None);
    assert_eq!(soft.in_force(now())[0].until, Some(until));
}

#[test]
fn what_one_provider_refuses_another_may_take() {
    let scope = Scope::Provider(FeedbackSource::Ses);
    let refused = Suppression::of(SuppressionReason::Refused, Evidence { scope, ..evidence(now()) });
    assert_eq!(refused.holds(FeedbackSource::Ses, now()), Some(SuppressionReason::Refused));
    assert_eq!(refused.holds(FeedbackSource::MarketingCloud, now()), None);
    let complained = refused.with(SuppressionReason::Complaint, evidence(now()));
    assert_eq!(complained.holds(FeedbackSource::MarketingCloud, now()), Some(SuppressionReason::Complaint));
}

#[test]
fn a_row_of_an_early_release_holds_until_it_is_released() {
    let old: Suppression = serde_json::from_str(r#"{"pk": "SUPP#1", "why": "It bounced."}"#).unwrap();
    assert_eq!(held(&old, now()), Some(SuppressionReason::Refused));
    let joined = Suppression::default().joined(old.clone());
    assert_eq!(held(&joined, now()), Some(SuppressionReason::Refused));
    let released = Suppression::default().released(release(now())).joined(old);
    assert_eq!(held(&released, now()), None);
    // It is written as a row of today, and says the same.
    let read: Suppression = serde_json::from_str(&serde_json::to_string(&joined).unwrap()).unwrap();
    assert_eq!(read, joined);
}

#[derive(Debug, Clone)]
enum Told {
    Reason(SuppressionReason, i64),
    Release(i64),
}

fn told() -> impl Strategy<Value = Told> {
    let reasons = [SuppressionReason::Complaint, SuppressionReason::HardBounce, SuppressionReason::Refused];
    prop_oneof![
        3 => (select(reasons.to_vec()), 0..5_i64).prop_map(|(reason, hour)| Told::Reason(reason, hour)),
        1 => (0..5_i64).prop_map(Told::Release),
    ]
}

fn all(told: &[Told]) -> Suppression {
    told.iter().fold(Suppression::default(), |known, told| match told {
        Told::Reason(reason, hour) => known.with(*reason, evidence(now() + hour.hours())),
        Told::Release(hour) => known.released(release(now() + hour.hours())),
    })
}

proptest! {
    #[test]
    fn the_order_in_which_it_is_told_does_not_matter(
        (told, again) in vec(told(), 1..8).prop_flat_map(|told| {
            let twice: Vec<_> = told.iter().chain(&told).cloned().collect();
            (Just(told), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(all(&told), all(&again));
    }
}
