use std::fmt;

use super::UnsubscribeTokens;
use crate::{customer::CustomerId, parse::ParseError};

/// So that with a token and a header's name it stays below the 996 characters that Amazon SES takes of a header (SES API v2
/// Reference, `MessageHeader`).
const LONGEST_URL: usize = 255;

/// Where customers unsubscribe: `https://HOST/u`, below which each has a page of their own.
///
/// It stands in headers, HTML and plain text as it is, so that it keeps to letters, digits and the marks `-`, `.`, `_`, `~`,
/// `:` and `/`, which mean nothing to any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsubscribeUrl(String);

impl UnsubscribeUrl {
    /// Reads the part of all links that is before the token. RFC 8058, 3.1, wants https; plain http is taken of this machine
    /// only, where the local environment is.
    ///
    /// # Errors
    /// When it is no such URL.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let refused = |problem: &str| Err(ParseError::new("unsubscribe URL", problem));
        let of_this_machine = |rest: &&str| matches!(rest.split([':', '/']).next(), Some("localhost" | "127.0.0.1"));
        let plain = || text.strip_prefix("http://").filter(of_this_machine);
        let Some(rest) = text.strip_prefix("https://").or_else(plain) else {
            return refused("must begin with https://");
        };
        if !rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return refused("has no host");
        }
        if !rest.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/".contains(c)) {
            return refused("may have only letters, digits, '-', '.', '_', '~', ':' and '/'");
        }
        if text.len() > LONGEST_URL {
            return refused("is longer than 255 characters");
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    /// A link that looks like a customer's and unsubscribes nobody, for letters that are only looked at.
    #[must_use]
    pub fn placeholder(&self) -> UnsubscribeLink {
        // A token begins with the number of a key.
        self.link("preview.made-up.unsubscribes-nobody")
    }

    fn link(&self, token: &str) -> UnsubscribeLink {
        UnsubscribeLink(format!("{}/{token}", self.0))
    }
}

/// Where one customer unsubscribes. Whoever has it can do so: it goes into their mail, and `Debug` doesn't show it.
#[derive(Clone, PartialEq, Eq)]
pub struct UnsubscribeLink(String);

impl UnsubscribeLink {
    /// The URL.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UnsubscribeLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnsubscribeLink(..)")
    }
}

/// Makes each customer's link.
#[derive(Debug, Clone)]
pub struct UnsubscribeLinks {
    url: UnsubscribeUrl,
    tokens: UnsubscribeTokens,
}

impl UnsubscribeLinks {
    /// Links of a deployment.
    #[must_use]
    pub fn new(url: UnsubscribeUrl, tokens: UnsubscribeTokens) -> Self {
        Self { url, tokens }
    }

    /// The customer's.
    #[must_use]
    pub fn of(&self, customer: &CustomerId) -> UnsubscribeLink {
        self.url.link(&self.tokens.token(customer))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::KeyRing;

    fn tokens() -> UnsubscribeTokens {
        let keys = r#"{"4294967295": "0123456789abcdef0123456789abcdef"}"#;
        UnsubscribeTokens::new(KeyRing::parse(&keys.into()).unwrap())
    }

    #[test]
    fn a_url_of_https_is_taken_and_of_http_on_this_machine_only() {
        let longest = format!("https://{}", "a".repeat(LONGEST_URL - 8));
        for url in ["https://a.example/u", "https://a.example:8443/prod/u", "http://localhost:4566/_x/u", &longest] {
            assert!(UnsubscribeUrl::parse(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "a.example/u",
            "http://a.example/u",
            "http://localhost.example/u",
            "HTTPS://a.example",
            "https://",
            "https:///u",
            "https://:80/u",
            "https://user@a.example/u",
            "https://a.example/u?token=",
            "https://a.example/u#",
            "https://a.example/u\r\nBcc:x",
            "https://a.example/u>,<mailto:x",
            "https://a.example/u v",
            "https://ä.example/u",
            &format!("{longest}a"),
        ] {
            let refused = UnsubscribeUrl::parse(url).unwrap_err().to_string();
            assert!(refused.starts_with("unsubscribe URL ") && !refused.contains("a.example"), "{url}: {refused}");
        }
    }

    #[test]
    fn a_placeholder_unsubscribes_nobody_and_a_link_is_not_shown() {
        let url = UnsubscribeUrl::parse("https://a.example/u/").unwrap();
        let placeholder = url.placeholder();
        let token = placeholder.expose().strip_prefix("https://a.example/u/").unwrap();
        assert_eq!(tokens().customer(token), None);
        let link = UnsubscribeLinks::new(url, tokens()).of(&CustomerId::parse("c-1").unwrap());
        assert_eq!(format!("{link:?}"), "UnsubscribeLink(..)");
    }

    proptest! {
        #[test]
        fn whatever_the_url_and_the_customer_a_link_adds_nothing_to_header_markup_or_line(
            url in "https?://[ -~\\r\\n\u{e9}]{0,300}", id in "[A-Za-z0-9_-]{1,48}",
        ) {
            let id = CustomerId::parse(&id).unwrap();
            let Ok(base) = UnsubscribeUrl::parse(&url) else { return Ok(()) };
            prop_links(base, &id)?;
        }

        #[test]
        fn a_link_reads_back_to_its_customer(host in "[a-z][a-z0-9.-]{0,60}", path in "[A-Za-z0-9._~/-]{0,180}", id in "[A-Za-z0-9_-]{1,48}") {
            let id = CustomerId::parse(&id).unwrap();
            prop_links(UnsubscribeUrl::parse(&format!("https://{host}/{path}")).unwrap(), &id)?;
        }
    }

    fn prop_links(base: UnsubscribeUrl, id: &CustomerId) -> Result<(), TestCaseError> {
        let link = UnsubscribeLinks::new(base, tokens()).of(id);
        let link = link.expose();
        prop_assert!(link.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"'&,;%()".contains(&byte)), "{}", link);
        prop_assert!("List-Unsubscribe".len() + "<>".len() + link.len() <= 996);
        let (_, token) = link.rsplit_once('/').unwrap();
        prop_assert_eq!(tokens().customer(token), Some(id.clone()));
        Ok(())
    }
}
