use std::fmt;

use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// An ISO 4217 currency code such as `EUR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads three capital letters.
    ///
    /// # Errors
    /// For anything else.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        match text.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(ParseError::new("currency", "is not a code such as EUR")),
        }
    }

    /// How many decimals the currency has (ISO 4217 minor unit).
    #[must_use]
    pub fn decimals(self) -> u8 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG" | b"RWF" | b"UGX"
            | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            _ => 2,
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&b| write!(f, "{}", char::from(b)))
    }
}

impl TryFrom<String> for Currency {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.to_string()
    }
}

/// An amount in one currency. Pulse never converts: a customer sees their own currency only.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// The amount in the currency's minor unit (cents, yen, fils).
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// Reads a decimal number such as `1234.5` with no more decimals than the currency has.
    ///
    /// # Errors
    /// When the text isn't such a number or is too large.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, ParseError> {
        let bad = || ParseError::new("amount", "is not a decimal number such as 1234.56");
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let decimals = usize::from(currency.decimals());
        if fraction.len() > decimals {
            return Err(ParseError::new("amount", "has more decimals than its currency"));
        }
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || digits.ends_with('.') {
            return Err(bad());
        }
        let minor: i64 = format!("{whole}{fraction:0<decimals$}").parse().map_err(|_| bad())?;
        Ok(Self { minor: if negative { -minor } else { minor }, currency })
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

    #[test]
    fn amounts_are_exact_in_the_currencys_minor_unit() {
        let minor = |text, code| Money::parse(text, Currency::parse(code).unwrap()).map(|m| m.minor);
        assert_eq!(minor("1234.5", "EUR"), Ok(123_450));
        assert_eq!(minor("-0.07", "USD"), Ok(-7));
        assert_eq!(minor("98000", "JPY"), Ok(98_000));
        assert_eq!(minor("1.234", "KWD"), Ok(1234));
        for bad in ["", ".5", "5.", "1,5", "1e3", "1.234", "--1", "99999999999999999999"] {
            assert!(minor(bad, "EUR").is_err(), "{bad}");
        }
        assert!(minor("1.5", "JPY").is_err());
    }
}
