//! What a bounce says of its address, by the enhanced status code (RFC 3463, RFC 5248) and, where that says too little, by
//! the words that large receivers use. What isn't clear counts as the more harmless: a soft bounce is forgotten again, a
//! hard one isn't.

use std::{fmt, str::FromStr};

use pulse_core::feedback::BounceKind::{self, Hard, Reputation, Soft};

/// An enhanced status code, such as `5.1.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EnhancedStatus {
    class: u8,
    subject: u16,
    detail: u16,
}

impl EnhancedStatus {
    /// The first code that stands in a text by itself. An IP address isn't one.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        Self::all(text).next()
    }

    fn all(text: &str) -> impl Iterator<Item = Self> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
        words.filter_map(|word| word.trim_end_matches('.').parse().ok())
    }

    /// What the code says of the address, if it says that clearly.
    fn kind(self) -> Option<BounceKind> {
        let fits = |code: &&(u8, u16, Option<u16>, BounceKind)| {
            (code.0, code.1) == (self.class, self.subject) && code.2.is_none_or(|detail| detail == self.detail)
        };
        CODES.iter().find(fits).map(|code| code.3)
    }
}

impl FromStr for EnhancedStatus {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |part: Option<&str>, longest| {
            let part =
                part.filter(|part| (1..=longest).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()));
            part.and_then(|part| part.parse::<u16>().ok()).ok_or(())
        };
        let mut parts = text.trim().split('.');
        let class = number(parts.next(), 1)?;
        let (subject, detail) = (number(parts.next(), 3)?, number(parts.next(), 3)?);
        let class = u8::try_from(class).ok().filter(|class| [2, 4, 5].contains(class)).ok_or(())?;
        if parts.next().is_some() { Err(()) } else { Ok(Self { class, subject, detail }) }
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// Codes that say clearly what they say. `None` stands for every detail of the subject. The first that fits counts.
const CODES: &[(u8, u16, Option<u16>, BounceKind)] = &[
    (5, 1, Some(1), Hard),       // bad destination mailbox address
    (5, 1, Some(2), Hard),       // bad destination system address
    (5, 1, Some(3), Hard),       // bad destination mailbox address syntax
    (5, 1, Some(6), Hard),       // the mailbox has moved, with no forwarding address
    (5, 1, Some(7), Reputation), // bad sender's mailbox address syntax
    (5, 1, Some(8), Reputation), // bad sender's system address
    (5, 1, Some(10), Hard),      // null MX (RFC 7505); Exchange Online: recipient not found
    (5, 4, Some(4), Hard),       // unable to route
    (5, 4, Some(310), Hard),     // Exchange Online: the DNS domain doesn't exist
    (5, 7, Some(13), Soft),      // the recipient's account is disabled
    (4, 7, None, Reputation),    // security or policy, for now: greylisting, rates, blocks
    (5, 7, None, Reputation),    // security or policy
    (4, 6, None, Reputation),    // the mail's content or form
    (5, 6, None, Reputation),
];

/// Codes under which receivers say all sorts of things, so that the words have to tell.
const VAGUE: &[(u16, Option<u16>)] = &[(0, None), (1, Some(0)), (2, Some(1)), (4, Some(1)), (5, None)];

/// Words of receivers that distrust the sender or the mail, in lower case.
const DISTRUST: &[&str] = &[
    "greylist",
    "graylist",
    "grey-list",
    "blacklist",
    "blocklist",
    "block list",
    "blocked",
    "spamhaus",
    "spam",
    "s3140",
    "s3150",
    "tss0",
    "ts0",
    "reputation",
    "dmarc",
    "dkim",
    "unauthenticated",
    "unsolicited",
    "rate limit",
    "too many connections",
    "too many messages",
    "too many recipients",
    "policy reasons",
    "by policy",
    "not allowed to send",
    "relay access denied",
    "client host rejected",
    "sender rejected",
    "reverse dns",
    "dns ptr",
    "ptr record",
    "spf record",
    "virus",
];

/// Words for a mailbox that can't take mail for now.
const FULL: &[&str] = &["over quota", "overquota", "quota exceeded", "mailbox full", "mailbox is full", "insufficient"];

/// Words for a mailbox that isn't there.
const ABSENT: &[&str] = &[
    "user unknown",
    "unknown user",
    "no such user",
    "nosuchuser",
    "no such recipient",
    "unknown recipient",
    "recipient unknown",
    "no mailbox here",
    "mailbox not found",
    "address not found",
    "user not found",
    "user not exist",
    "this user doesn't have a",
    "does not exist",
    "doesn't exist",
    "invalid mailbox",
    "invalid recipient",
];

/// What a bounce says of its address: by the code, and by what the receiving server said. None of that is kept.
///
/// A code that a mail server reports in a field of its own goes before those in its text, unless it says no more than that
/// the mail wasn't delivered (X.0.0). That the sender is distrusted, or that a mailbox is full, counts wherever it is said.
#[must_use]
pub fn bounce_kind(status: Option<EnhancedStatus>, diagnostic: &str) -> BounceKind {
    let said = said(diagnostic);
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if says(DISTRUST) || EnhancedStatus::all(&said).any(|status| status.kind() == Some(Reputation)) {
        return Reputation;
    }
    if says(FULL) {
        return Soft;
    }
    let status = status.filter(|status| status.subject != 0).or_else(|| EnhancedStatus::find(&said)).or(status);
    if let Some(kind) = status.and_then(EnhancedStatus::kind) {
        return kind;
    }
    let is_for_good = match status {
        Some(EnhancedStatus { class, subject, detail }) => {
            class == 5 && VAGUE.iter().any(|vague| vague.0 == subject && vague.1.is_none_or(|of| of == detail))
        }
        None => {
            said.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| ["550", "551", "553", "554"].contains(&word))
        }
    };
    if is_for_good && says(ABSENT) { Hard } else { Soft }
}

/// A diagnostic in lower case without the addresses in it, whose letters are no words of the server's. No more than a
/// server says.
fn said(diagnostic: &str) -> String {
    let end = diagnostic.char_indices().nth(2000).map_or(diagnostic.len(), |(end, _)| end);
    let words = diagnostic[..end].split_whitespace().filter(|word| !word.contains('@'));
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As receivers say it; the addresses are made up.
    const REAL: &[(&str, BounceKind)] = &[
        ("550-5.1.1 The email account that you tried to reach does not exist. NoSuchUser - gsmtp", Hard),
        ("smtp; 550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown in virtual mailbox table", Hard),
        ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", Hard),
        ("smtp; 5.1.2 (bad destination system: no such domain)", Hard),
        ("550 5.4.4 Unable to route: Host or domain name not found", Hard),
        ("550 5.4.310 DNS domain example.invalid does not exist [Message=InfoDomainNonexistent]", Hard),
        ("554 delivery error: dd This user doesn't have a yahoo.com account (ada@example.com) [0]", Hard),
        ("550 User not exist", Hard),
        ("550 5.2.1 <ada@example.com>... User Unknown", Hard),
        ("550 5.5.0 Requested action not taken: mailbox unavailable", Soft),
        ("550 5.5.0 No such user here", Hard),
        ("550 No Such User Here", Hard),
        ("550 Requested action not taken: mailbox unavailable", Soft),
        ("550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", Soft),
        ("550 5.2.1 The email account that you tried to reach is disabled. gsmtp", Soft),
        ("552-5.2.2 The recipient's inbox is out of storage space. OverQuotaPerm - gsmtp", Soft),
        ("452 4.2.2 The email account that you tried to reach is over quota", Soft),
        ("552 5.2.2 Mailbox size limit exceeded: user does not exist any more soon", Soft),
        ("554 5.4.14 Hop count exceeded - possible mail loop ATTR34", Soft),
        ("554 5.4.6 Too many hops", Soft),
        ("4.4.7 Message expired: unable to deliver in 840 minutes", Soft),
        ("421 4.4.2 Connection dropped", Soft),
        ("552 5.3.4 Message size exceeds fixed limit", Soft),
        ("550 5.0.0 user unknown", Hard),
        ("451 4.3.0 Temporary lookup failure; user unknown", Soft),
        ("550-5.7.26 This mail has been blocked because the sender is unauthenticated.", Reputation),
        ("421-4.7.28 Gmail has detected an unusual rate of unsolicited mail", Reputation),
        ("550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. (S3140)", Reputation),
        ("421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to user complaints", Reputation),
        ("450 4.2.0 <ada@example.com>: Recipient address rejected: Greylisted", Reputation),
        ("451 4.7.1 Greylisting in action, please come back later", Reputation),
        ("451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (AS761)", Reputation),
        ("550 5.0.0 mailbox full, or no such user", Soft),
        ("550 5.1.8 Sender address rejected: Domain not found", Reputation),
        ("550 5.1.1 rejected: 192.0.2.1 is listed at spamhaus", Reputation),
        ("550 5.1.1 <spam-blocked@example.com>: unknown", Hard),
        ("550 5.6.0 Headers too large", Reputation),
        ("550 5.1.1 <ada@example.com> - 192.0.2.1 has sent to too many recipients this hour.", Reputation),
        ("550 5.1.0 <bounce@example.net> sender rejected. AUP#CDRBL", Reputation),
        ("550 Denied by policy", Reputation),
        ("554-Bad DNS PTR resource record.", Reputation),
        ("554 5.0.0 <ada@example.com>: Relay access denied", Reputation),
        ("550 Virus detected", Reputation),
        ("525 5.7.13 Disabled recipient address", Soft),
        ("421 4.4.7 Delivery expired; last said: 450 4.7.1 try later", Reputation),
        ("", Soft),
    ];

    #[test]
    fn what_receivers_say_is_held_against_an_address_only_where_there_is_none() {
        for (diagnostic, kind) in REAL {
            assert_eq!(bounce_kind(None, diagnostic), *kind, "{diagnostic}");
        }
    }

    #[test]
    fn the_code_of_a_field_of_its_own_goes_before_one_in_the_text() {
        assert_eq!(bounce_kind("5.1.1".parse().ok(), "550 4.2.2"), Hard);
        assert_eq!(bounce_kind("4.2.2".parse().ok(), "550 5.1.1"), Soft);
    }

    #[test]
    fn a_code_that_says_nothing_gives_way_to_the_text() {
        assert_eq!(bounce_kind("5.0.0".parse().ok(), "550 5.1.1 <ada@example.com>: rejected"), Hard);
        assert_eq!(bounce_kind("5.0.0".parse().ok(), "550 5.2.2 rejected"), Soft);
        assert_eq!(bounce_kind("5.0.0".parse().ok(), "550 rejected: user unknown"), Hard);
        assert_eq!(bounce_kind("5.1.1".parse().ok(), "550 5.7.1 can't determine who sent this"), Reputation);
        assert_eq!(bounce_kind("4.4.7".parse().ok(), "450 4.7.1 access denied"), Reputation);
        assert_eq!(bounce_kind("5.1.1".parse().ok(), "552 5.2.2 Over quota"), Soft);
    }

    #[test]
    fn a_code_is_found_by_itself_alone() {
        let found = |text| EnhancedStatus::find(text).map(|status| status.to_string());
        assert_eq!(found("smtp; 550-5.1.1 no").as_deref(), Some("5.1.1"));
        assert_eq!(found("at 5.1.1.9: (5.4.310)").as_deref(), Some("5.4.310"));
        for none in ["5.1", "5.1.1.9", "3.1.1", "9.9.9", "v5.1.1", "5.1.1234", "5..1", "٥.١.١"] {
            assert_eq!(found(none), None, "{none}");
        }
    }

    #[test]
    fn every_code_says_something_harmless_where_rfc_3463_is_not_clear() {
        for (class, subject, detail) in (0..=9).flat_map(|s| (0..=999).map(move |d| (5, s, d))) {
            let kind = bounce_kind(Some(EnhancedStatus { class, subject, detail }), "");
            let clear = matches!((subject, detail), (1, 1 | 2 | 3 | 6 | 10) | (4, 4 | 310));
            assert_eq!(kind == Hard, clear, "5.{subject}.{detail}");
        }
        for (subject, detail) in (0..=9).flat_map(|s| (0..=99).map(move |d| (s, d))) {
            assert_ne!(bounce_kind(Some(EnhancedStatus { class: 4, subject, detail }), "no such user"), Hard);
        }
    }
}
