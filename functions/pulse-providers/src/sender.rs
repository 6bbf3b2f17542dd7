//! Who the mails are from.

use std::fmt::{self, Write as _};

use pulse_core::{customer::EmailAddress, parse::ParseError};

/// The From of every mail: `pulse@example.com` or `Pulse <pulse@example.com>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Sender {
    name: Option<String>,
    address: EmailAddress,
}

impl Sender {
    /// Reads an address, or a name with an address in angle brackets.
    ///
    /// # Errors
    /// When the address is none, or the name has a control character or an angle bracket.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let text = text.trim();
        let Some((name, address)) = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) else {
            let address = EmailAddress::parse(text)?;
            return Ok(Self { name: None, address });
        };
        let name = name.trim();
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        if name.chars().any(|c| c.is_control() || matches!(c, '<' | '>')) {
            return Err(ParseError::new("sender", "has a control character or an angle bracket in its name"));
        }
        Ok(Self { name: (!name.is_empty()).then(|| name.to_owned()), address: EmailAddress::parse(address.trim())? })
    }

    /// The address without the name.
    #[must_use]
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }

    /// The value of a From header. A name of more than plain words is put in encoded words (RFC
    /// 2047), as SES asks (Amazon SES API v2 Reference, `SendEmail`, `FromEmailAddress`).
    #[must_use]
    pub fn header(&self) -> String {
        let address = self.address.expose();
        match &self.name {
            None => address.to_owned(),
            Some(name) if name.chars().all(|c| c.is_ascii_alphanumeric() || c == ' ') => {
                format!("{name} <{address}>")
            }
            Some(name) => format!("{} <{address}>", encoded_words(name)),
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender(..)")
    }
}

/// RFC 2047, "Q" encoding: each word has at most 75 characters and only whole letters of the text.
fn encoded_words(text: &str) -> String {
    const ROOM: usize = 75 - "=?utf-8?q?".len() - "?=".len();
    let mut words = vec![String::new()];
    for letter in text.chars() {
        let encoded = encoded_letter(letter);
        if words.last().is_some_and(|word| word.len() + encoded.len() > ROOM) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push_str(&encoded);
        }
    }
    let words: Vec<_> = words.iter().map(|word| format!("=?utf-8?q?{word}?=")).collect();
    words.join(" ")
}

fn encoded_letter(letter: char) -> String {
    match letter {
        ' ' => "_".to_owned(),
        c if c.is_ascii_alphanumeric() => c.to_string(),
        c => c.encode_utf8(&mut [0; 4]).bytes().fold(String::new(), |mut encoded, byte| {
            let _ = write!(encoded, "={byte:02X}");
            encoded
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> String {
        Sender::parse(text).unwrap().header()
    }

    #[test]
    fn plain_names_and_addresses_stay_as_they_are() {
        assert_eq!(header("pulse@example.com"), "pulse@example.com");
        assert_eq!(header("Pulse <pulse@example.com>"), "Pulse <pulse@example.com>");
        assert_eq!(header("<pulse@example.com>"), "pulse@example.com");
    }

    #[test]
    fn other_names_become_encoded_words() {
        assert_eq!(header("Crédit & Co <p@example.com>"), "=?utf-8?q?Cr=C3=A9dit_=26_Co?= <p@example.com>");
        assert_eq!(header("\"Pulse, Inc.\" <p@example.com>"), "=?utf-8?q?Pulse=2C_Inc=2E?= <p@example.com>");
        let long = header(&format!("{} <p@example.com>", "é".repeat(40)));
        for word in long.split(' ').filter(|word| word.starts_with("=?")) {
            assert!(word.len() <= 75 && word.ends_with("?="), "{word}");
        }
        assert_eq!(long.matches("=C3=A9").count(), 40);
    }

    #[test]
    fn a_sender_without_an_address_is_refused() {
        for bad in ["", "Pulse", "Pulse <>", "Pulse <a@b.co>, <c@d.ee>", "P\r\nBcc: x <a@b.co>"] {
            assert!(Sender::parse(bad).is_err(), "{bad}");
        }
    }
}
