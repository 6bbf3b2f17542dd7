use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, EmailAddress},
    entry::EntryId,
    failure::Cause,
    feedback::{About, Bounce, BounceKind, Feedback, FeedbackKind, FeedbackListener, FeedbackSource, Heard},
    ports::LedgerError,
};

/// What a message of the intake tells, once a parser has read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A provider tells of a mail.
    Event(Feedback),
    /// A customer unsubscribed with one click.
    Click {
        /// By the id that the roster has.
        customer: CustomerId,
        /// By the clock of whoever wrote it down.
        at: Timestamp,
    },
}

/// What stands before a payload that no parser can read, until the parser is mended.
pub(super) const UNREADABLE: char = '?';

/// What stands before a payload that isn't signed by whom it says to be from.
pub(super) const FORGED: char = '!';

impl Told {
    /// The customer, if it names one.
    #[must_use]
    pub fn customer(&self) -> Option<&CustomerId> {
        match self {
            Self::Event(event) => {
                event.about.entry.as_ref().map(|entry| &entry.customer).or(event.about.customer.as_ref())
            }
            Self::Click { customer, .. } => Some(customer),
        }
    }

    /// The mail's entry, if it tells of a mail.
    #[must_use]
    pub fn entry(&self) -> Option<&EntryId> {
        match self {
            Self::Event(event) if event.kind != FeedbackKind::Unsubscribed => event.about.entry.as_ref(),
            _ => None,
        }
    }

    /// When someone asked for no more mail, if they did.
    #[must_use]
    pub fn opt_out(&self) -> Option<(&CustomerId, Timestamp)> {
        match self {
            Self::Click { customer, at } => Some((customer, *at)),
            Self::Event(event) if event.kind == FeedbackKind::Unsubscribed => Some((self.customer()?, event.at)),
            Self::Event(_) => None,
        }
    }

    /// The address that must not be mailed any more, if it says so.
    #[must_use]
    pub fn bad_address(&self) -> Option<&EmailAddress> {
        let Self::Event(event) = self else { return None };
        let is_bad = match &event.kind {
            FeedbackKind::Complained => true,
            FeedbackKind::Bounced(bounce) => bounce.kind == BounceKind::Hard,
            FeedbackKind::Rejected { invalid_address, .. } => *invalid_address,
            _ => false,
        };
        event.about.address.as_ref().filter(|_| is_bad)
    }

    /// The address that it names.
    #[must_use]
    pub fn address(&self) -> Option<&EmailAddress> {
        match self {
            Self::Event(event) => event.about.address.as_ref(),
            Self::Click { .. } => None,
        }
    }

    /// Brings it into the ledger.
    ///
    /// # Errors
    /// When the ledger can't be used.
    pub async fn reach(&self, listener: &FeedbackListener<'_>) -> Result<Heard, LedgerError> {
        match self {
            Self::Event(event) => listener.hear(event).await,
            Self::Click { customer, at } => {
                let is_known = listener.unsubscribe(customer, Cause::new("A click."), *at).await?;
                Ok(if is_known { Heard::Done } else { Heard::NoEntry })
            }
        }
    }

    /// It as a message's body, whose form is the simulator's own.
    pub(super) fn body(&self) -> String {
        match self {
            Self::Click { customer, at } => format!("click {} - {customer} - - -", at.as_nanosecond()),
            Self::Event(Feedback { source, id, about, kind, at }) => {
                let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
                let entry = about.entry.as_ref();
                let customer = or_none(entry.map(|entry| entry.customer.to_string()));
                let run = or_none(entry.map(|entry| match &entry.item {
                    None => entry.run.to_string(),
                    Some(item) => format!("{}/{item}", entry.run),
                }));
                let address = or_none(about.address.as_ref().map(|address| address.expose().to_owned()));
                format!("{} {} {id} {customer} {run} {source} {address}", word_of(kind), at.as_nanosecond())
            }
        }
    }

    /// What a body tells.
    pub(super) fn read(body: &str) -> Option<Self> {
        let mut parts = body.split(' ');
        let mut next = || parts.next();
        let (word, at, id) = (next()?, next()?, next()?);
        let at = Timestamp::from_nanosecond(at.parse().ok()?).ok()?;
        let customer = next()?;
        if word == "click" {
            return Some(Self::Click { customer: CustomerId::parse(customer).ok()?, at });
        }
        let (run, source, address) = (next()?, next()?, next()?);
        let entry = match run {
            "-" => None,
            run => {
                let (run, item) = run.split_once('/').map_or((run, None), |(run, item)| (run, Some(item)));
                Some(EntryId::parse(customer, run, item)?)
            }
        };
        let about = About {
            entry,
            provider_id: Some(id.split('.').next()?.to_owned()),
            address: EmailAddress::parse(address).ok(),
            customer: None,
        };
        let source = FeedbackSource::of_word(source)?;
        Some(Self::Event(Feedback { source, id: id.to_owned(), about, kind: kind_of(word)?, at }))
    }
}

fn word_of(kind: &FeedbackKind) -> &'static str {
    match kind {
        FeedbackKind::Accepted => "accepted",
        FeedbackKind::Delivered => "delivered",
        FeedbackKind::Delayed => "delayed",
        FeedbackKind::Bounced(Bounce { kind: BounceKind::Hard, .. }) => "hard",
        FeedbackKind::Bounced(Bounce { kind: BounceKind::Soft, .. }) => "soft",
        FeedbackKind::Bounced(Bounce { kind: BounceKind::Reputation, .. }) => "reputation",
        FeedbackKind::Complained => "complained",
        FeedbackKind::Rejected { invalid_address: true, .. } => "invalid",
        FeedbackKind::Rejected { .. } => "rejected",
        FeedbackKind::Unsubscribed => "unsubscribed",
    }
}

fn kind_of(word: &str) -> Option<FeedbackKind> {
    let bounced = |kind, status: &str| FeedbackKind::Bounced(Bounce { kind, status: Some(status.to_owned()) });
    let rejected = |invalid_address| FeedbackKind::Rejected {
        cause: Cause::new("The provider found something in it."),
        invalid_address,
    };
    Some(match word {
        "accepted" => FeedbackKind::Accepted,
        "delivered" => FeedbackKind::Delivered,
        "delayed" => FeedbackKind::Delayed,
        "hard" => bounced(BounceKind::Hard, "5.1.1"),
        "soft" => bounced(BounceKind::Soft, "4.2.2"),
        "reputation" => bounced(BounceKind::Reputation, "5.7.1"),
        "complained" => FeedbackKind::Complained,
        "invalid" => rejected(true),
        "rejected" => rejected(false),
        "unsubscribed" => FeedbackKind::Unsubscribed,
        _ => return None,
    })
}

/// An event of this word.
pub(super) fn event(word: &str, id: String, about: About, source: FeedbackSource, at: Timestamp) -> Told {
    let kind = kind_of(word).expect("a word of an event");
    Told::Event(Feedback { source, id, about, kind, at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_tells_what_was_put_into_it() {
        let at: Timestamp = "2026-11-03T10:00:00.000000001Z".parse().unwrap();
        let customer = CustomerId::parse("c1").unwrap();
        let entry = EntryId::parse("c1", "invoices", Some("I-1")).unwrap();
        let address = EmailAddress::parse("c1.0@example.com").unwrap();
        let about =
            About { entry: Some(entry), provider_id: Some("m1".into()), address: Some(address), customer: None };
        let words = "accepted delivered delayed hard soft reputation complained invalid rejected unsubscribed";
        let told = words.split(' ').map(|word| event(word, "m1.2".into(), about.clone(), FeedbackSource::Ses, at));
        for told in told.chain([Told::Click { customer, at }]) {
            assert_eq!(Told::read(&told.body()), Some(told));
        }
        assert_eq!(Told::read("{}"), None);
    }
}
