use std::fmt;

use serde::{Deserialize, Serialize};

use crate::parse::ParseError;

/// The URL of a webhook. Whoever operates the receiver may have put a token into it, so it is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// A URL that was looked at: what may be called is for whoever calls to say.
    #[must_use]
    pub fn new(url: String) -> Self {
        Self(url)
    }

    /// The URL, to call it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The host that is called, with its port if it is a special one: what of the URL may be shown.
    #[must_use]
    pub fn host(&self) -> &str {
        let after_scheme = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
        authority.rsplit('@').next().unwrap_or_default()
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookUrl(..)")
    }
}

/// Where word goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Target {
    /// To a URL, by Standard Webhooks.
    Webhook {
        /// The URL.
        url: WebhookUrl,
        /// The name of the secret with the keys that it is signed by.
        secret: String,
    },
    /// To a topic of the account's.
    Sns {
        /// Its ARN.
        topic: String,
    },
    /// To an event bus of the account's.
    EventBridge {
        /// Its name.
        bus: String,
    },
    /// Somewhere that a newer release knows: nothing is told there by this one, and all waits.
    #[serde(other)]
    Unknown,
}

impl Target {
    /// The word for its kind.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Sns { .. } => "sns",
            Self::EventBridge { .. } => "eventbridge",
            Self::Unknown => "unknown",
        }
    }

    /// A topic of the account's, by its ARN.
    ///
    /// # Errors
    /// When it is no topic's ARN, or a FIFO topic's.
    pub fn topic(arn: &str) -> Result<Self, ParseError> {
        let bad = |problem| Err(ParseError::new("topic", problem));
        let parts: Vec<_> = arn.split(':').collect();
        let ["arn", partition, "sns", region, account, name] = parts[..] else {
            return bad("is no ARN as in arn:aws:sns:eu-west-1:123456789012:pulse-facts");
        };
        let is_account = account.len() == 12 && account.chars().all(|digit| digit.is_ascii_digit());
        if partition.is_empty() || region.is_empty() || !is_account {
            return bad("is no ARN as in arn:aws:sns:eu-west-1:123456789012:pulse-facts");
        }
        if name.strip_suffix(".fifo").is_some() {
            return bad("is a FIFO topic's, which takes other calls: name a standard one");
        }
        if !is_name(name, &['-', '_']) {
            return bad("is named by other characters than letters, digits, hyphens and underscores");
        }
        Ok(Self::Sns { topic: arn.to_owned() })
    }

    /// An event bus of the account's, by its name.
    ///
    /// # Errors
    /// When no bus has such a name (Amazon `EventBridge` API Reference, `PutEvents`: `EventBusName`).
    pub fn bus(name: &str) -> Result<Self, ParseError> {
        if is_name(name, &['-', '_', '.', '/']) {
            return Ok(Self::EventBridge { bus: name.to_owned() });
        }
        let problem = "must be a name, not an ARN: 1 to 256 letters, digits, dots, slashes, hyphens and underscores";
        Err(ParseError::new("event bus", problem))
    }

    /// Where it is, as far as it may be shown: a host, or a topic's or a bus's name.
    #[must_use]
    pub fn place(&self) -> &str {
        match self {
            Self::Webhook { url, .. } => url.host(),
            Self::Sns { topic } => topic.rsplit(':').next().unwrap_or_default(),
            Self::EventBridge { bus } => bus,
            Self::Unknown => "a place that this release doesn't know",
        }
    }

    /// The name of the secret that its word is signed with, if it is signed.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::Webhook { secret, .. } => Some(secret),
            Self::Sns { .. } | Self::EventBridge { .. } | Self::Unknown => None,
        }
    }
}

/// As AWS has them: of 256 characters at most.
fn is_name(text: &str, besides: &[char]) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || besides.contains(&letter);
    (1..=256).contains(&text.len()) && text.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_url_the_host_is_shown_and_nothing_else() {
        for (url, host) in [
            ("https://hooks.example/t0ken?key=t0ken", "hooks.example"),
            ("https://hooks.example:8443/t0ken", "hooks.example:8443"),
            ("https://hooks.example?key=t0ken", "hooks.example"),
            ("https://hooks.example#t0ken", "hooks.example"),
            ("https://t0ken@hooks.example/", "hooks.example"),
            ("https://[2606:4700::1111]:444/t0ken@x", "[2606:4700::1111]:444"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ] {
            let url = WebhookUrl::new(url.to_owned());
            assert_eq!(url.host(), host);
            assert!(!format!("{url:?}").contains("t0ken"));
        }
    }

    #[test]
    fn topics_are_told_by_arn_and_buses_by_name() {
        let topic = Target::topic("arn:aws-cn:sns:cn-north-1:123456789012:pulse_facts-2").unwrap();
        assert_eq!((topic.kind(), topic.place(), topic.secret()), ("sns", "pulse_facts-2", None));
        for bad in [
            "",
            "pulse-facts",
            "arn:aws:sqs:eu-west-1:123456789012:pulse-facts",
            "arn:aws:sns:eu-west-1:12345:pulse-facts",
            "arn:aws:sns:eu-west-1:123456789012:",
            "arn:aws:sns:eu-west-1:123456789012:pulse-facts.fifo",
            "arn:aws:sns:eu-west-1:123456789012:pulse-facts:8a2c",
        ] {
            assert!(Target::topic(bad).is_err(), "{bad}");
        }
        assert_eq!(Target::bus("default").unwrap().place(), "default");
        assert!(Target::bus("aws.partner/example.com/1").is_ok());
        for bad in ["", "arn:aws:events:eu-west-1:123456789012:event-bus/default", "my bus", &"b".repeat(257)] {
            assert!(Target::bus(bad).is_err(), "{bad}");
        }
    }
}
