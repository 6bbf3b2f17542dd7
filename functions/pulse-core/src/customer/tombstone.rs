//! What stays of a customer who asked to be forgotten.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Consent, ConsentRecord, ConsentSource, Contact, Currency, Customer, Locale, Money, PersonName};
use super::{Product, ProfileMark, Standing, Zone};
use crate::{
    control::{Actor, Note},
    slot::Slot,
};

/// That someone asked to be forgotten. It stands on a profile of which all else is blank, so that no roster and no partner
/// brings them back, that runs go on adding up, and that releases which know nothing of it find a customer who has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The moment from which on nothing of them was kept.
    pub at: Timestamp,
    /// Who saw to it.
    pub by: Actor,
    /// Why, and how it was asked for. Without personal data.
    pub note: Note,
}

impl Customer {
    /// Whether nothing but a tombstone is left of them.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        self.mark.forgotten.is_some()
    }

    /// The tombstone of this customer: their id, the version of the profile, and nothing that they said or that was said
    /// of them.
    ///
    /// # Panics
    /// Never: what is blank can be read.
    #[must_use]
    pub fn forgotten(&self, tombstone: Tombstone) -> Self {
        let euro = Currency::parse("EUR").expect("a currency");
        // What they asked for themselves outlasts it, should they come back.
        let was_asked =
            self.consent.opted_out() && self.consent.record().is_some_and(|record| record.by != ConsentSource::Roster);
        let record = ConsentRecord { by: ConsentSource::Operator, as_of: Some(tombstone.at), proof: None };
        let consent = if was_asked { self.consent.clone() } else { Consent::said(true, record) };
        Self {
            id: self.id.clone(),
            name: PersonName::parse("-").expect("a name"),
            contact: Contact::Unusable,
            product: Product::Loan,
            balance: Money::parse("0", euro).expect("an amount"),
            locale: Locale::parse("en").expect("a language"),
            zone: Zone::UTC,
            signed_up_at: Timestamp::UNIX_EPOCH,
            slot: Slot::of_sign_up(&self.id, Timestamp::UNIX_EPOCH, &Zone::UTC),
            standing: Standing::Closed,
            consent,
            mark: ProfileMark {
                version: self.mark.version,
                as_of: Some(tombstone.at),
                forgotten: Some(tombstone),
                ..ProfileMark::default()
            },
        }
    }

    /// The same customer as someone who has left and of whom nothing is known but what they asked for, so that the next that
    /// a roster tells of them brings them back.
    #[must_use]
    pub fn let_back(&self) -> Self {
        let mark = ProfileMark { version: self.mark.version, settled: true, ..ProfileMark::default() };
        let forgotten_at = self.mark.forgotten.as_ref().map(|tombstone| tombstone.at);
        let is_of_tombstone = self
            .consent
            .record()
            .is_none_or(|record| record.by == ConsentSource::Operator && record.as_of == forgotten_at);
        let consent = if is_of_tombstone { Consent::default() } else { self.consent.clone() };
        Self { consent, mark, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::customer::{CustomerId, EmailAddress};

    fn ada() -> Customer {
        let zone = Zone::parse("Europe/Dublin").unwrap();
        let id = CustomerId::parse("c-1").unwrap();
        let signed_up_at = "2024-05-10T14:41:00Z".parse().unwrap();
        Customer {
            name: PersonName::parse("Ada Lovelace").unwrap(),
            contact: Contact::Email(EmailAddress::parse("ada@example.com").unwrap()),
            product: Product::Card,
            balance: Money::parse("77.31", Currency::parse("GBP").unwrap()).unwrap(),
            locale: Locale::parse("cy-GB").unwrap(),
            slot: Slot::of_sign_up(&id, signed_up_at, &zone),
            zone,
            signed_up_at,
            standing: Standing::Active,
            consent: Consent::default(),
            mark: ProfileMark { version: 7, settled: true, ..ProfileMark::default() },
            id,
        }
    }

    #[test]
    fn of_a_forgotten_customer_the_id_the_version_and_the_tombstone_stay() {
        let at = "2026-11-26T10:00:00Z".parse().unwrap();
        let tombstone = Tombstone { at, by: "aoife".into(), note: Note::parse("asked by letter").unwrap() };
        let gone = ada().forgotten(tombstone.clone());
        assert!(gone.is_forgotten() && gone.consent.opted_out() && !gone.mark.settled);
        assert_eq!((gone.id.clone(), gone.standing, gone.mark.version), (ada().id, Standing::Closed, 7));
        let row = serde_json::to_string(&gone).unwrap();
        for personal in ["Ada", "example.com", "77", "GBP", "cy-GB", "Dublin", "2024", "card"] {
            assert!(!row.contains(personal), "{personal} in {row}");
        }
        assert_eq!(serde_json::from_str::<Customer>(&row).unwrap(), gone);
        // Whoever they were, what stays is the same.
        let other = Customer { name: PersonName::parse("Bob").unwrap(), product: Product::Loan, ..ada() };
        assert_eq!(other.forgotten(tombstone), gone);
        let back = gone.let_back();
        assert!(!back.is_forgotten() && !back.consent.opted_out() && back.standing == Standing::Closed);
    }
}
