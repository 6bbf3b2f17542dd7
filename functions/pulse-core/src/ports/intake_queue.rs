//! What comes in from outside, as its queues hold it.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use strum::VariantArray;

use super::{DeadLetter, Payload};
use crate::{failure::Cause, feedback::FeedbackSource};

/// A queue of the intake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, VariantArray)]
pub enum IntakeQueue {
    /// What providers tell of mails, and partners of customers.
    Feedback,
    /// Opt-outs by one click, which wait for nothing else.
    Unsubscribe,
}

impl IntakeQueue {
    /// All of them.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Feedback => "feedback",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

impl fmt::Display for IntakeQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The way that a message came in. `Debug` shows neither token nor name.
#[derive(Clone, PartialEq, Eq)]
pub enum Route {
    /// From SES, by its topic: whoever else publishes to it, the queue's policy keeps out.
    Ses,
    /// `/hooks/PROVIDER`: from whoever says to be that provider.
    Hook(FeedbackSource),
    /// `/partners/NAME`: from whoever says to be that partner.
    Partner(String),
    /// `/u/TOKEN`: from whoever has that token.
    Unsubscribe(String),
}

/// The message attribute that names the way.
const ROUTE: &str = "route";

/// The message attribute with the moment at which the intake took it, in milliseconds since 1970. A message that is brought
/// back from the dead letters keeps it, where SQS counts from then.
const RECEIVED_AT: &str = "received-at";

/// What stands before each value that may be empty, as SQS takes no empty ones.
const PREFIX: &str = "v:";

impl Route {
    /// The way that a message's attributes name. SES's have none.
    ///
    /// # Errors
    /// When it is no way that this release knows.
    pub fn of(attributes: &BTreeMap<String, String>) -> Result<Self, Cause> {
        let Some(route) = attributes.get(ROUTE) else { return Ok(Self::Ses) };
        let unknown = || Cause::new("It came in by a way that this release doesn't know.");
        match route.split_once('/').ok_or_else(unknown)? {
            // SES's events come by their topic alone: what says so here is unsigned.
            ("hooks", name) => match FeedbackSource::of_word(name) {
                Some(source) if source != FeedbackSource::Ses => Ok(Self::Hook(source)),
                _ => Err(Cause::new("It came in as of a provider that this release doesn't know.")),
            },
            ("partners", name) => Ok(Self::Partner(name.to_owned())),
            ("u", token) => Ok(Self::Unsubscribe(token.to_owned())),
            _ => Err(unknown()),
        }
    }

    /// Who it is from, in a word for logs and metrics.
    #[must_use]
    pub fn source(&self) -> &'static str {
        match self {
            Self::Ses => FeedbackSource::Ses.as_str(),
            Self::Hook(source) => source.as_str(),
            Self::Partner(_) => "partner",
            Self::Unsubscribe(_) => "unsubscribe",
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({})", self.source())
    }
}

impl Payload {
    /// What a message holds, by its body, its attributes, and the moment at which SQS says that it was sent.
    #[must_use]
    pub fn of_message(body: String, attributes: &BTreeMap<String, String>, sent_at: Timestamp) -> Self {
        let given = |value: &String| value.strip_prefix(PREFIX).filter(|value| !value.is_empty()).map(str::to_owned);
        let mut headers = BTreeMap::new();
        for (name, value) in attributes.iter().filter(|(name, _)| !matches!(name.as_str(), ROUTE | RECEIVED_AT)) {
            if let Some(value) = given(value) {
                headers.insert(name.to_ascii_lowercase(), value);
            }
        }
        let taken = attributes.get(RECEIVED_AT).and_then(given).and_then(|millis| millis.parse().ok());
        let taken = taken.and_then(|millis| Timestamp::from_millisecond(millis).ok());
        // SES's events have no route, and are as SNS has them. A body that was taken before there was a prefix has none.
        let bare = body.strip_prefix(PREFIX).filter(|_| attributes.contains_key(ROUTE)).map(str::to_owned);
        let body = bare.unwrap_or(body);
        Self { body, headers, received_at: taken.unwrap_or(sent_at) }
    }
}

impl DeadLetter {
    /// The attributes with which it is sent again: with the moment at which it first came in.
    #[must_use]
    pub fn attributes_to_send(&self) -> BTreeMap<String, String> {
        let mut attributes = self.attributes.clone();
        let taken = attributes.entry(RECEIVED_AT.to_owned()).or_default();
        if taken.strip_prefix(PREFIX).is_none_or(str::is_empty) {
            *taken = format!("{PREFIX}{}", self.sent_at.as_millisecond());
        }
        attributes
    }
}

/// Tells whether letters of the intake can be read by this release: as the feedback function reads them, but without
/// its secrets, so that signatures aren't looked at.
pub trait IntakeReader: Send + Sync {
    /// Reads a letter that can be sent back; with what has to be done first, if that can be told.
    ///
    /// # Errors
    /// With the cause for which it can't be read, without anything of what is in it.
    fn read(&self, letter: &DeadLetter) -> Result<Option<Cause>, Cause>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn each_way_in_is_told_from_the_others_and_what_says_it_is_ses_is_not() {
        let of = |route| Route::of(&attributes(&[("route", route)]));
        assert_eq!(Route::of(&attributes(&[("content-type", "v:x")])), Ok(Route::Ses));
        assert_eq!(of("hooks/mailgun"), Ok(Route::Hook(FeedbackSource::Mailgun)));
        assert_eq!(of("partners/acme"), Ok(Route::Partner("acme".into())));
        assert_eq!(of("u/1.ada.code"), Ok(Route::Unsubscribe("1.ada.code".into())));
        for bad in ["", "hooks", "hooks/ses", "hooks/mailgun/x", "hooks/", "elsewhere/x"] {
            assert!(of(bad).is_err(), "{bad}");
        }
        assert_eq!(format!("{:?}", of("u/1.ada.code").unwrap()), "Route(unsubscribe)");
    }

    #[test]
    fn headers_are_those_that_a_request_had_whatever_their_capitals() {
        let sent_at = Timestamp::from_millisecond(1_795_000_000_123).unwrap();
        let all = attributes(&[
            ("route", "partners/acme"),
            ("received-at", "v:1795000000000"),
            ("Webhook-Id", "v:msg_1"),
            ("webhook-id", "v:"),
            ("content-type", "v:v:odd"),
        ]);
        let payload = Payload::of_message("{}".into(), &all, sent_at);
        let expected = attributes(&[("content-type", "v:odd"), ("webhook-id", "msg_1")]);
        assert_eq!((payload.headers, payload.received_at.as_millisecond()), (expected, 1_795_000_000_000));
        let without = attributes(&[("received-at", "v:")]);
        assert_eq!(Payload::of_message(String::new(), &without, sent_at).received_at, sent_at);
    }

    #[test]
    fn a_body_is_what_was_posted_whichever_release_took_it() {
        let body = |pairs: &[(&str, &str)], body: &str| {
            Payload::of_message(body.into(), &attributes(pairs), Timestamp::UNIX_EPOCH).body
        };
        let posted = [("route", "hooks/mailgun")];
        assert_eq!(body(&posted, "v:"), "");
        assert_eq!(body(&posted, "v:v:{}"), "v:{}");
        assert_eq!(body(&posted, "{\"v:\": 1}"), "{\"v:\": 1}");
        assert_eq!(body(&[], "v:{}"), "v:{}");
    }

    #[test]
    fn a_letter_that_is_sent_again_keeps_the_moment_at_which_it_came_in() {
        let sent_at = Timestamp::from_millisecond(1_795_000_000_123).unwrap();
        let again = |pairs: &[(&str, &str)]| {
            let receipt = crate::ports::Receipt("r".into());
            let attributes = attributes(pairs);
            let letter =
                DeadLetter { id: "m".into(), receipt, body: "x".into(), sent_at, undelivered: None, attributes };
            let later = sent_at + jiff::SignedDuration::from_hours(99);
            Payload::of_message(letter.body.clone(), &letter.attributes_to_send(), later).received_at.as_millisecond()
        };
        assert_eq!(again(&[("received-at", "v:1795000000000")]), 1_795_000_000_000);
        for without in [&[][..], &[("received-at", "v:")]] {
            assert_eq!(again(without), 1_795_000_000_123);
        }
    }
}
