//! The token by which a customer unsubscribes with one click (RFC 8058): it names the customer, and nobody else can make it;
//! and the link that it is in.

mod link;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    customer::CustomerId,
    keys::{KeyId, KeyRing, Purpose},
};

pub use self::link::{UnsubscribeLink, UnsubscribeLinks, UnsubscribeUrl};

/// Bytes of the code in a token: 160 bits, which nobody guesses (RFC 8058, 3.1, asks for a "hard-to-forge" part).
const CODE_BYTES: usize = 20;

/// Makes and reads tokens: `KEY.CUSTOMER.CODE`, in letters that stand in a path as they are. A token has no address in it
/// and no end, as people unsubscribe by mails of long ago.
#[derive(Debug, Clone)]
pub struct UnsubscribeTokens(KeyRing);

impl UnsubscribeTokens {
    /// Tokens of a deployment.
    #[must_use]
    pub fn new(keys: KeyRing) -> Self {
        Self(keys)
    }

    /// The customer's token.
    ///
    /// # Panics
    /// Never: the newest key is on the ring.
    #[must_use]
    pub fn token(&self, customer: &CustomerId) -> String {
        let key = self.0.newest();
        let code = self.0.code(key, Purpose::Unsubscription, customer.as_str()).expect("the newest key");
        format!("{key}.{customer}.{}", URL_SAFE_NO_PAD.encode(&code[..CODE_BYTES]))
    }

    /// Whose token it is. None for what no key of this deployment made.
    #[must_use]
    pub fn customer(&self, token: &str) -> Option<CustomerId> {
        let mut parts = token.split('.');
        let (number, customer, code) = (parts.next()?, parts.next()?, parts.next()?);
        let key: KeyId = number.parse().ok()?;
        let customer = CustomerId::parse(customer).ok()?;
        let code = URL_SAFE_NO_PAD.decode(code).ok()?;
        let is_whole = parts.next().is_none() && code.len() == CODE_BYTES && key.to_string() == number;
        let is_ours = is_whole && self.0.is_code(key, Purpose::Unsubscription, customer.as_str(), &code);
        is_ours.then_some(customer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(json: &str) -> UnsubscribeTokens {
        UnsubscribeTokens::new(KeyRing::parse(&json.into()).unwrap())
    }

    const OLD: &str = r#"{"1": "0123456789abcdef0123456789abcdef"}"#;
    const BOTH: &str = r#"{"1": "0123456789abcdef0123456789abcdef", "2": "abcdef0123456789abcdef0123456789"}"#;
    const NEW: &str = r#"{"2": "abcdef0123456789abcdef0123456789"}"#;

    #[test]
    fn a_token_names_its_customer_while_its_key_is_known() {
        let ada = CustomerId::parse("loan_0001-x").unwrap();
        let token = tokens(OLD).token(&ada);
        assert_eq!(tokens(OLD).customer(&token), Some(ada.clone()));
        assert_eq!(tokens(BOTH).customer(&token), Some(ada.clone()));
        assert_eq!(tokens(NEW).customer(&token), None);
        assert_eq!(tokens(NEW).customer(&tokens(BOTH).token(&ada)), Some(ada));
        assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{token}");
        // Whoever makes links of plain text leaves out a mark that ends one.
        assert!(token.ends_with(|c: char| c.is_ascii_alphanumeric()), "{token}");
    }

    #[test]
    fn what_was_changed_cut_or_lengthened_is_no_token() {
        let token = tokens(OLD).token(&CustomerId::parse("ada").unwrap());
        let (start, code) = token.rsplit_once('.').unwrap();
        let other = token.replace(".ada.", ".bob.");
        let bads = [
            String::new(),
            "..".to_owned(),
            other,
            token.replacen('1', "2", 1),
            format!("{token}."),
            format!("{token}A"),
            format!("{start}."),
            format!("{start}.{}", &code[..code.len() - 4]),
            format!("+{token}"),
        ];
        for bad in bads {
            assert_eq!(tokens(OLD).customer(&bad), None, "{bad}");
        }
    }
}
