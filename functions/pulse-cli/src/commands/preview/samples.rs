//! Made-up customers, whom the letters of all languages are shown by.

use jiff::{SignedDuration, Timestamp};
use pulse_core::{
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    parse::ParseError,
    score::{Band, Score, ScoreValue},
    slot::Slot,
};

/// Where the customers of a letter live, and what they are called there.
pub(super) struct Home {
    pub(super) locale: &'static str,
    zone: &'static str,
    currency: &'static str,
    /// In the script of the place, and in another.
    names: [&'static str; 2],
}

/// A place for each language that has letters; for one that isn't here, whatever its tag says.
pub(super) fn home(language: &'static str) -> Home {
    match language {
        "ar" => {
            Home {
                locale: "ar-EG", zone: "Africa/Cairo", currency: "EGP", names: ["فاطمة الزهراء", "Ada O'Brien"]
            }
        }
        "ja" => Home { locale: "ja-JP", zone: "Asia/Tokyo", currency: "JPY", names: ["山田 太郎", "Zoë Brontë"] },
        "en" => Home {
            locale: "en-IE", zone: "Europe/Dublin", currency: "EUR", names: ["Ada O'Brien", "ליאור כהן"]
        },
        locale => Home {
            locale,
            zone: "America/Argentina/Buenos_Aires",
            currency: "USD",
            names: ["Ömer Şahin", "محمود درويش"],
        },
    }
}

/// One letter to show.
pub(super) struct Sample {
    pub(super) title: &'static str,
    pub(super) customer: Customer,
    pub(super) score: Score,
    pub(super) previous: Option<Score>,
    /// Whether there is a link to unsubscribe by.
    pub(super) has_link: bool,
}

/// One of each kind that a letter can be of.
pub(super) fn samples(home: &Home, now: Timestamp) -> Result<Vec<Sample>, ParseError> {
    let [own, foreign] = home.names;
    let long = "Maria Aparecida de Albuquerque e Vasconcelos Figueiredo Montenegro de la Santísima Trinidad y Todos los Santos";
    let loan = |name, before, now| (name, Product::Loan, before, now);
    let card = |name, before, now| (name, Product::Card, before, now);
    let cases = [
        ("The first score", loan(own, None, 642)),
        ("Up by one, a name of another script", card(foreign, Some(711), 712)),
        ("Up by two", loan(own, Some(712), 714)),
        ("Up by three", card(own, Some(714), 717)),
        ("Down by twelve", loan(own, Some(717), 705)),
        ("The same as last month, a name that shows nothing", card("\u{200b}", Some(705), 705)),
        ("Down from the top to the bottom, a long name", loan(long, Some(1000), 0)),
        ("A name that looks like a link", card("www.evil.example", Some(700), 800)),
    ];
    let linked = cases.into_iter().map(|(title, case)| sample(title, home, case, now));
    let unlinked = sample("Of a deployment that has no link to unsubscribe by", home, loan(own, Some(642), 642), now);
    let unlinked = unlinked.map(|sample| Sample { has_link: false, ..sample });
    linked.chain([unlinked]).collect()
}

fn sample(
    title: &'static str,
    home: &Home,
    (name, product, previous, value): (&str, Product, Option<u32>, u32),
    now: Timestamp,
) -> Result<Sample, ParseError> {
    let score = |value, as_of| {
        let band = if value < 650 { "Fair" } else { "Good" };
        Ok(Score { value: ScoreValue::parse(value)?, band: Band::parse(band)?, as_of })
    };
    let id = CustomerId::parse("made-up")?;
    let zone = Zone::parse(home.zone)?;
    let currency = Currency::parse(home.currency)?;
    let customer = Customer {
        slot: Slot::of_sign_up(&id, now, &zone),
        id,
        name: PersonName::parse(name)?,
        contact: Contact::Email(EmailAddress::parse("made-up@example.com")?),
        product,
        balance: Money { minor: 1_234_560, currency },
        locale: Locale::parse(home.locale)?,
        zone,
        signed_up_at: now,
        standing: Standing::Active,
        consent: Consent::default(),
        mark: ProfileMark::default(),
    };
    let month_ago = now - SignedDuration::from_hours(30 * 24);
    let previous = previous.map(|value| score(value, month_ago)).transpose()?;
    Ok(Sample { title, customer, score: score(value, now)?, previous, has_link: true })
}
