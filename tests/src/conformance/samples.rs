//! Customers and entries to work with.
#![expect(clippy::missing_panics_doc, reason = "the arguments are the tests' own")]

use jiff::{Timestamp, ToSpan as _};
use pulse_core::{
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    entry::{Change, Entry, EntryId, SkipReason, StageName},
    failure::Cause,
    run::RunId,
    score::{Band, Score, ScoreValue},
    slot::Slot,
};

/// The moment when samples are due.
#[must_use]
pub fn due() -> Timestamp {
    "2026-11-03T10:00:00Z".parse().unwrap()
}

/// A customer id.
#[must_use]
pub fn id(text: &str) -> CustomerId {
    CustomerId::parse(text).unwrap()
}

/// A run id.
#[must_use]
pub fn run(text: &str) -> RunId {
    RunId::parse(text).unwrap()
}

/// An active customer, with a name that breaks naive code.
#[must_use]
pub fn customer(customer: &str) -> Customer {
    let (id, zone) = (id(customer), Zone::parse("Australia/Lord_Howe").unwrap());
    let signed_up_at = "2021-07-30T23:59:59.123456789Z".parse().unwrap();
    Customer {
        slot: Slot::of_sign_up(&id, signed_up_at, &zone),
        id,
        name: PersonName::parse("Zoë \"{{x}}\" <O'Brien> 山田 \u{1F600}").unwrap(),
        contact: Contact::Email(EmailAddress::parse("zoe@example.com").unwrap()),
        product: Product::Card,
        balance: Money::parse("-1234.56", Currency::parse("EUR").unwrap()).unwrap(),
        locale: Locale::parse("zh-Hant-TW").unwrap(),
        zone,
        signed_up_at,
        standing: Standing::Active,
        consent: Consent::default(),
        mark: ProfileMark::default(),
    }
}

/// A score.
#[must_use]
pub fn score(value: u32) -> Score {
    Score {
        value: ScoreValue::parse(value).unwrap(),
        band: Band::parse("good").unwrap(),
        as_of: "2026-11-03T09:59:59.5Z".parse().unwrap(),
    }
}

/// An entry of `2026-11` that waits for its slot.
#[must_use]
pub fn scheduled(customer: &str) -> Entry {
    scheduled_in(customer, "2026-11", due())
}

/// An entry that waits for its slot.
#[must_use]
pub fn scheduled_in(customer: &str, month: &str, at: Timestamp) -> Entry {
    let id = EntryId::of(id(customer), run(month));
    Entry::scheduled(id, at, Some(score(500)))
}

/// Last month's entry and this month's, as a change that opens it has them.
#[must_use]
pub fn next_of(entry: &Entry) -> Entry {
    let id = EntryId { run: entry.id().run.next(), ..entry.id().clone() };
    Entry::scheduled(id, entry.scheduled_at() + 720.hours(), entry.score().cloned())
}

/// Claims for scoring.
#[must_use]
pub fn claim_score(entry: &Entry) -> Change {
    entry.claim(StageName::Score, due(), due() + 2.minutes()).unwrap()
}

/// Claims for sending.
#[must_use]
pub fn claim_send(entry: &Entry) -> Change {
    entry.claim(StageName::Email, due(), due() + 2.minutes()).unwrap()
}

/// The changes that lead an entry that waits for its slot to where `end` says.
#[must_use]
pub fn way_to(end: End, entry: &Entry) -> Vec<Change> {
    let now = due() + 3.seconds();
    let cause = || Cause::new("The provider answered 500.");
    let scoring = claim_score(entry);
    let scored = scoring.after().record_score(score(640), now).unwrap();
    let sending = claim_send(scored.after());
    let way = |changes: &[&Change]| changes.iter().copied().cloned().collect();
    match end {
        End::Scheduled => vec![],
        End::Skipped(reason) => vec![entry.skip(reason, now, None).unwrap()],
        End::Scoring => vec![scoring],
        End::Troubled => way(&[&scoring, &scoring.after().release(cause(), now).unwrap()]),
        End::Failed(StageName::Score) => {
            way(&[&scoring, &scoring.after().fail(StageName::Score, cause(), now, None).unwrap()])
        }
        End::Scored => way(&[&scoring, &scored]),
        End::Sending => way(&[&scoring, &scored, &sending]),
        End::Sent => {
            let sent = sending.after().record_sent("m-1".to_owned(), now, None).unwrap();
            way(&[&scoring, &scored, &sending, &sent])
        }
        End::Failed(StageName::Email) => {
            let failed = sending.after().fail(StageName::Email, cause(), now, None).unwrap();
            way(&[&scoring, &scored, &sending, &failed])
        }
        End::Failed(StageName::Deliver | StageName::Call) => unreachable!("a month's entry is never there"),
        End::Unknown => {
            let lost = sending.after().mark_indeterminate(cause(), now, None).unwrap();
            way(&[&scoring, &scored, &sending, &lost])
        }
    }
}

/// Where an entry may end up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Waiting for its slot.
    Scheduled,
    /// Being scored.
    Scoring,
    /// Waiting again, after a failed attempt.
    Troubled,
    /// Waiting to be mailed.
    Scored,
    /// Being mailed.
    Sending,
    /// Mailed.
    Sent,
    /// Not to be mailed.
    Skipped(SkipReason),
    /// Given up.
    Failed(StageName),
    /// Of unknown fate.
    Unknown,
}

/// One of each.
pub const ENDS: [End; 14] = [
    End::Scheduled,
    End::Scoring,
    End::Troubled,
    End::Scored,
    End::Sending,
    End::Sent,
    End::Skipped(SkipReason::Closed),
    End::Skipped(SkipReason::OptedOut),
    End::Skipped(SkipReason::BadAddress),
    End::Skipped(SkipReason::Suppressed),
    End::Skipped(SkipReason::AddressRefused),
    End::Failed(StageName::Score),
    End::Failed(StageName::Email),
    End::Unknown,
];
