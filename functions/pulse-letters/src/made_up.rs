//! Made-up customers, by whom letters are shown and checked before anyone gets one.

use jiff::Timestamp;
use pulse_core::{
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    entry::{ItemId, Reference},
    parse::ParseError,
    score::{Band, Score, ScoreValue},
    slot::Slot,
};

/// A name that shows nothing.
pub const NO_NAME: &str = "\u{200b}";

/// A name as long as people's are.
pub const LONG_NAME: &str =
    "Maria Aparecida de Albuquerque e Vasconcelos Figueiredo Montenegro de la Santísima Trinidad y Todos los Santos";

/// Where customers live who read a language, and what they are called there.
pub struct Home {
    /// What they read, and where.
    pub locale: String,
    zone: &'static str,
    currency: &'static str,
    /// In the script of the place, and in another.
    pub names: [&'static str; 2],
}

impl Home {
    /// A place where a language is read; for one that isn't here, whatever its tag says.
    #[must_use]
    pub fn of(language: &str) -> Self {
        let (locale, zone, currency, names) = match language {
            "ar" => ("ar-EG", "Africa/Cairo", "EGP", ["فاطمة الزهراء", "Ada O'Brien"]),
            "ja" => ("ja-JP", "Asia/Tokyo", "JPY", ["山田 太郎", "Zoë Brontë"]),
            "en" => ("en-IE", "Europe/Dublin", "EUR", ["Ada O'Brien", "ליאור כהן"]),
            other => (other, "America/Argentina/Buenos_Aires", "USD", ["Ömer Şahin", "محمود درويش"]),
        };
        Self { locale: locale.to_owned(), zone, currency, names }
    }

    /// Someone who lives there.
    ///
    /// # Errors
    /// When the name is none, or the language isn't known.
    pub fn customer(&self, name: &str, product: Product, now: Timestamp) -> Result<Customer, ParseError> {
        let id = CustomerId::parse("made-up")?;
        let zone = Zone::parse(self.zone)?;
        Ok(Customer {
            slot: Slot::of_sign_up(&id, now, &zone),
            id,
            name: PersonName::parse(name)?,
            contact: Contact::Email(EmailAddress::parse("made-up@example.com")?),
            product,
            balance: Money { minor: 1_234_560, currency: Currency::parse(self.currency)? },
            locale: Locale::parse(&self.locale)?,
            zone,
            signed_up_at: now,
            standing: Standing::Active,
            consent: Consent::default(),
            mark: ProfileMark::default(),
        })
    }
}

/// A score, and what a provider might call it.
///
/// # Errors
/// When there is no such score.
pub fn score(value: u32, as_of: Timestamp) -> Result<Score, ParseError> {
    let band = if value < 650 { "Fair" } else { "Good" };
    Ok(Score { value: ScoreValue::parse(value)?, band: Band::parse(band)?, as_of })
}

/// What a partner might call an invoice.
///
/// # Errors
/// When that is none.
pub fn reference() -> Result<Reference, ParseError> {
    Reference::parse("INV-2026-0042")
}

/// A reference that becomes longest: digits are kept from being taken for a telephone number's.
///
/// # Errors
/// When that is none.
pub(crate) fn longest_reference() -> Result<Reference, ParseError> {
    Reference::parse(&"0".repeat(Reference::LONGEST))
}

/// An item that a campaign might be about.
///
/// # Errors
/// When that is none.
pub fn item() -> Result<ItemId, ParseError> {
    ItemId::parse("2026-0042")
}

/// An item that becomes longest, as a reference does.
///
/// # Errors
/// When that is none.
pub(crate) fn longest_item() -> Result<ItemId, ParseError> {
    ItemId::parse(&"0".repeat(ItemId::LONGEST))
}

/// Names that become longest: by what escaping, by word joiners, by UTF-8.
pub(crate) fn longest_names() -> impl Iterator<Item = String> {
    ["'", "/", "'@", "&a.", "𝟏", "𝟏.", "a:", "👩", "ﷺ", "W"].into_iter().map(|unit| {
        let letters = unit.chars().cycle().take(200);
        letters.collect()
    })
}
