use std::fmt;

/// What a receiver tells a webhook from another by: the same however often it is sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebhookId(String);

/// Why a text is no id of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a webhook's id has 1 to 256 of the characters A-Z, a-z, 0-9, _, - and /")]
pub struct WebhookIdError;

impl WebhookId {
    /// Reads an id. There is no full stop in it: what is signed is `id.timestamp.body`, and with one in the id the same
    /// signature would be good for another timestamp and body.
    ///
    /// # Errors
    /// When it is empty, longer than 256 characters, or has others than A-Z, a-z, 0-9, _, - and /.
    pub fn parse(text: &str) -> Result<Self, WebhookIdError> {
        let fits = (1..=256).contains(&text.len());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-/".contains(&byte);
        if fits && text.bytes().all(is_plain) { Ok(Self(text.to_owned())) } else { Err(WebhookIdError) }
    }

    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_can_neither_move_the_parts_of_what_is_signed_nor_break_a_header() {
        assert!(
            WebhookId::parse("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W").is_ok()
                && WebhookId::parse("c-1/2026-11/7/sent").is_ok()
                && WebhookId::parse(&"a".repeat(256)).is_ok()
        );
        for bad in ["", "a.b", "a b", "a\r\nb", "é", "ada@example.com", &"a".repeat(257)] {
            assert_eq!(WebhookId::parse(bad), Err(WebhookIdError), "{bad}");
        }
    }
}
