use std::fmt;

use serde::{Deserialize, Serialize};

use super::tables::{CURRENCIES, CURRENCIES_OF, WITHOUT_MINOR_UNIT};
use crate::parse::ParseError;

/// An ISO 4217 code of a currency or fund, such as `EUR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads the code of a currency that a balance can be in: one of ISO 4217's list one with a minor unit.
    ///
    /// # Errors
    /// For a code that was withdrawn or never given, for metals and units of account, and for what is no code.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let bad = |problem: String| Err(ParseError::new("currency", problem));
        let Ok(currency) = Self::try_from(text.to_owned()) else {
            return bad("is not a code such as EUR".to_owned());
        };
        if currency.minor_unit().is_some() {
            return Ok(currency);
        }
        if WITHOUT_MINOR_UNIT.split(' ').any(|code| code == text) {
            return bad("is a metal, a unit of account or a test code by ISO 4217: nobody owes it".to_owned());
        }
        bad(format!("is not in use: ISO 4217's list of {CURRENCIES_OF} doesn't have it"))
    }

    /// How many decimals the currency has: its minor unit by ISO 4217, and two where it has none any more.
    #[must_use]
    pub fn decimals(self) -> u8 {
        self.minor_unit().unwrap_or(2)
    }

    fn minor_unit(self) -> Option<u8> {
        let has = |codes: &str| codes.split(' ').any(|code| code.as_bytes() == self.0);
        CURRENCIES.iter().find(|(_, codes)| has(codes)).map(|&(decimals, _)| decimals)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&b| write!(f, "{}", char::from(b)))
    }
}

/// Of a profile: a currency may have been withdrawn since.
impl TryFrom<String> for Currency {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(ParseError::new("currency", "is not a code such as EUR")),
        }
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

/// An amount in one currency. Pulse never converts: a customer sees their own currency only.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Money {
    /// The amount in the currency's minor unit (cents, yen, fils).
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// Reads a decimal number such as `1234.5`. Decimals that the currency doesn't have may be zeros only.
    ///
    /// # Errors
    /// When the text isn't such a number or is too large.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, ParseError> {
        let bad = |problem: &str| Err(ParseError::new("amount", problem));
        let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || digits.ends_with('.') {
            return bad("is not a decimal number such as 1234.56");
        }
        let decimals = usize::from(currency.decimals());
        let (fraction, beyond) = fraction.split_at(decimals.min(fraction.len()));
        if beyond.bytes().any(|b| b != b'0') {
            return bad("has more decimals than its currency");
        }
        match format!("{sign}{whole}{fraction:0<decimals$}").parse() {
            Ok(minor) => Ok(Self { minor, currency }),
            Err(_) => bad("is larger than any balance"),
        }
    }
}

/// An amount with the number of decimals that it was written with, which ISO may change.
#[derive(Serialize, Deserialize)]
struct Stored {
    minor: i64,
    currency: Currency,
    decimals: Option<u8>,
}

impl From<Money> for Stored {
    fn from(Money { minor, currency }: Money) -> Self {
        Self { minor, currency, decimals: Some(currency.decimals()) }
    }
}

impl From<Stored> for Money {
    fn from(Stored { minor, currency, decimals }: Stored) -> Self {
        let then = decimals.unwrap_or_else(|| match &currency.0 {
            // The first release took these for currencies with cents, and wrote no number of decimals.
            b"CLF" | b"UYI" | b"UYW" => 2,
            _ => currency.decimals(),
        });
        let now = currency.decimals();
        let factor = 10_i64.saturating_pow(u32::from(now.abs_diff(then)));
        let minor = if now >= then { minor.saturating_mul(factor) } else { minor / factor };
        Self { minor, currency }
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Money(.. {})", self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(text: &str, code: &str) -> Result<i64, String> {
        let money = Currency::parse(code).and_then(|currency| Money::parse(text, currency));
        money.map(|money| money.minor).map_err(|error| error.to_string())
    }

    #[test]
    fn amounts_are_exact_in_the_currencys_minor_unit() {
        for (text, code, expected) in [
            ("1234.5", "EUR", 123_450),
            ("-0.07", "USD", -7),
            ("-0.00", "EUR", 0),
            ("0012.50", "EUR", 1250),
            ("98000", "JPY", 98_000),
            ("1.234", "KWD", 1234),
            ("12.50", "KWD", 12_500),
            ("1234.5678", "CLF", 12_345_678),
            ("1234.56", "CLF", 12_345_600),
            ("10.1234", "UYW", 101_234),
            ("1234.56", "CHW", 123_456),
            ("92233720368547758.07", "EUR", i64::MAX),
            ("-92233720368547758.08", "EUR", i64::MIN),
            // Software that keeps two decimals of everything writes them for yen, too.
            ("149191.00", "JPY", 149_191),
            ("100.00", "ISK", 100),
            ("100.00", "UYI", 100),
            ("12.5000", "EUR", 1250),
        ] {
            assert_eq!(minor(text, code), Ok(expected), "{text} {code}");
        }
    }

    #[test]
    fn what_is_no_amount_of_its_currency_is_refused() {
        for (text, code) in [("1.5", "JPY"), ("10.50", "JPY"), ("100.55", "UYI"), ("1.234", "EUR"), ("1.00001", "CLF")]
        {
            assert!(minor(text, code).unwrap_err().contains("more decimals"), "{text} {code}");
        }
        for text in ["", ".5", "5.", "1,5", "1e3", "--1", "+5.00", "(5.00)", "−5.00", "1.234,56", "٥٫٠٠", "1.2.3", "-"]
        {
            assert!(minor(text, "EUR").unwrap_err().contains("not a decimal number"), "{text}");
        }
        for text in ["99999999999999999999", "92233720368547758.08", "-92233720368547758.09"] {
            assert!(minor(text, "EUR").unwrap_err().contains("larger"), "{text}");
        }
    }

    #[test]
    fn a_balance_is_in_a_currency_that_is_in_use() {
        for code in ["EUR", "CLF", "UYW", "UYI", "XAF", "XCD", "XCG", "USN", "COU"] {
            assert!(Currency::parse(code).is_ok(), "{code}");
        }
        for code in ["HRK", "BGN", "ANG", "DEM", "EUU", "ZZZ", "VEF"] {
            assert!(Currency::parse(code).unwrap_err().to_string().contains("not in use"), "{code}");
        }
        for code in ["XXX", "XTS", "XAU", "XDR"] {
            assert!(Currency::parse(code).unwrap_err().to_string().contains("nobody owes it"), "{code}");
        }
        for code in ["", "eur", "EU", "EURO", "€", "E R"] {
            assert!(Currency::parse(code).unwrap_err().to_string().contains("not a code"), "{code}");
        }
    }

    #[test]
    fn a_profile_in_a_currency_that_was_withdrawn_since_is_still_read() {
        let money: Money = serde_json::from_str(r#"{"minor":750,"currency":"HRK"}"#).unwrap();
        assert_eq!((money.minor, money.currency.decimals()), (750, 2));
    }

    #[test]
    fn a_profile_keeps_its_amount_when_the_currency_has_other_decimals_than_it_was_written_with() {
        let minor = |stored: &str| serde_json::from_str::<Money>(stored).unwrap().minor;
        assert_eq!(minor(r#"{"minor":123456,"currency":"CLF"}"#), 12_345_600);
        assert_eq!(minor(r#"{"minor":10000,"currency":"UYI"}"#), 100);
        assert_eq!(minor(r#"{"minor":98000,"currency":"JPY"}"#), 98_000);
        assert_eq!(minor(r#"{"minor":12345678,"currency":"CLF","decimals":4}"#), 12_345_678);
        assert_eq!(minor(r#"{"minor":12345,"currency":"EUR","decimals":3}"#), 1_234);
        let money = Money::parse("1234.5678", Currency::parse("CLF").unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<Money>(&serde_json::to_string(&money).unwrap()).unwrap(), money);
    }
}
