//! What becomes of a customer by what a source tells of them: decided here for the enrolment, which carries it out, and
//! for whoever only wants to know.

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    customer::{ConsentEffect, Customer, Standing},
    slot::Slot,
};

/// What enrolling does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A customer who was not on the roster.
    New,
    /// A customer whose profile or schedule was another.
    Changed,
    /// Nothing: all was so already.
    Unchanged,
    /// Someone who has left: no schedule, no open entry.
    Closed,
    /// None of the facts, as newer ones are known.
    Older,
    /// Nothing: the customer asked to be forgotten, and stays so.
    Forgotten,
}

/// What becomes of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterChange {
    /// The profile as it is to be. It has the version of the one before.
    pub after: Customer,
    /// What that is, called by its name.
    pub outcome: Outcome,
    /// What becomes of consent, where that is worth telling.
    pub consent: Option<ConsentEffect>,
}

impl RosterChange {
    /// What becomes of the profile `before` when a roster that tells of the moment `as_of` says `told`.
    ///
    /// Facts are ordered by the moments that their sources tell of, and so is consent by itself: a file that is older
    /// than the profile changes no fact of it, and yet opts out whoever nothing newer was said of.
    #[must_use]
    pub fn of(before: Option<&Customer>, told: &Customer, as_of: Timestamp) -> Self {
        if let Some(before) = before.filter(|before| before.is_forgotten()) {
            return Self { after: before.clone(), outcome: Outcome::Forgotten, consent: None };
        }
        let known = before.map(|before| before.consent.clone()).unwrap_or_default();
        let (consent, effect) = known.after_roster(told.consent.mark(), as_of);
        let Some(before) = before else {
            let mut after = Customer { consent, ..told.clone() };
            after.mark.as_of = Some(as_of);
            let outcome = if after.standing == Standing::Closed { Outcome::Closed } else { Outcome::New };
            let effect = effect.map(|effect| match effect {
                ConsentEffect::Empty => ConsentEffect::EmptyOfNew,
                other => other,
            });
            return Self { after, outcome, consent: effect };
        };
        let mut mark = before.mark.clone();
        let is_older = mark.as_of > Some(as_of);
        let facts = if is_older { before.clone() } else { with_newer_of_partners(told, before, as_of) };
        if !is_older {
            mark.as_of = Some(as_of);
        }
        mark.settled &= (facts.standing, &facts.slot) == (before.standing, &before.slot);
        let after = Customer { consent, mark, ..facts };
        let outcome = match after.standing {
            _ if is_older => Outcome::Older,
            Standing::Closed => Outcome::Closed,
            Standing::Active if after.is_like(before) => Outcome::Unchanged,
            Standing::Active => Outcome::Changed,
        };
        Self { after, outcome, consent: effect }
    }
}

/// What a roster tells, with those facts of the profile that partners told of a later moment.
fn with_newer_of_partners(told: &Customer, before: &Customer, as_of: Timestamp) -> Customer {
    let is_newer = |fact| before.mark.told_at(fact) > Some(as_of);
    let mut facts = told.clone();
    if is_newer(|mark| mark.contact) {
        facts.contact.clone_from(&before.contact);
    }
    if is_newer(|mark| mark.zone) {
        facts.slot = Slot::of_sign_up(&told.id, told.signed_up_at, &before.zone);
        facts.zone.clone_from(&before.zone);
    }
    if is_newer(|mark| mark.standing) {
        facts.standing = before.standing;
    }
    facts
}
