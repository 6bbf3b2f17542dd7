//! A seed's customers.

use jiff::Timestamp;
use pulse_core::{
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, OptOutMark, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    slot::Slot,
};

use super::generate::ZONES;
use crate::random::{Randomness, Stream};

/// The id of customer `number`.
pub(super) fn id(number: u32) -> CustomerId {
    CustomerId::parse(&format!("c{number}")).expect("letters and digits")
}

/// Whether customer `number` is there only once they join.
#[must_use]
pub fn joins_later(number: u32) -> bool {
    number % 20 == 19
}

/// Customer `number` of a seed: always the same one, however many there are.
///
/// # Panics
/// Never: everything in it can be parsed.
#[must_use]
pub fn person(seed: u64, number: u32) -> Customer {
    let random = Randomness::of_seed(seed).stream(&format!("customer {number}"));
    let id = id(number);
    let zone = random.pick(&ZONES).and_then(|zone| Zone::parse(zone).ok()).unwrap_or(Zone::UTC);
    let signed_up_at = sign_up(&random);
    Customer {
        name: PersonName::parse("Ada").expect("a name"),
        contact: contact(&random, number),
        product: if number.is_multiple_of(3) { Product::Card } else { Product::Loan },
        balance: Money { minor: 123_456, currency: Currency::parse("EUR").expect("a currency") },
        locale: Locale::parse(if number % 4 == 1 { "en-JP" } else { "en-IE" }).expect("a locale"),
        slot: Slot::of_sign_up(&id, signed_up_at, &zone),
        zone,
        signed_up_at,
        standing: Standing::Active,
        consent: Consent::of_mark(if random.chance(0.03) { OptOutMark::Yes } else { OptOutMark::No }),
        mark: ProfileMark::default(),
        id,
    }
}

/// A moment of 2024.
fn sign_up(random: &Stream) -> Timestamp {
    let second = 1_704_067_200 + random.below(366 * 86_400);
    Timestamp::from_second(i64::try_from(second).unwrap_or_default()).unwrap_or_default()
}

fn contact(random: &Stream, number: u32) -> Contact {
    if random.chance(0.02) {
        return Contact::Unusable;
    }
    address(number, 0)
}

/// The address that customer `number` has after moving so often.
pub(super) fn address(number: u32, moves: u32) -> Contact {
    let text = format!("c{number}.{moves}@example.com");
    EmailAddress::parse(&text).map_or(Contact::Unusable, Contact::Email)
}
