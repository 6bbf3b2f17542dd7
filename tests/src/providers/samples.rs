//! Customers with names and addresses that nobody else has, so that they can be looked for.

use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, EmailAddress, PersonName, Product},
    delivery::{Endpoint, EndpointName, FactKind, Target},
    entry::EntryId,
    ports::{Mail, PartnerRequest, Rendered, ScoreRequest, Word},
    run::RunId,
    unsubscribe::UnsubscribeUrl,
};

/// A name that breaks naive code.
pub const NAME: &str = "Zoë \"<b>\" O’Brien-李 \\ {{ name }}";
/// What no cause may show: parts of [`mail`] that are personal.
pub const PERSONAL: [&str; 5] =
    ["personal-address", "O’Brien", "confidential-subject", "confidential-body", "unsubscribes-nobody"];

/// The November entry of customer `c-{number}`.
///
/// # Panics
/// Never: its parts are well formed.
#[must_use]
pub fn entry(number: usize) -> EntryId {
    EntryId::of(
        CustomerId::parse(&format!("c-{number}")).expect("a customer id"),
        RunId::parse("2026-11").expect("a run id"),
    )
}

/// A request for that entry's score.
#[must_use]
pub fn request(number: usize) -> ScoreRequest {
    ScoreRequest {
        entry: entry(number),
        product: if number.is_multiple_of(2) { Product::Loan } else { Product::Card },
        trace: None,
    }
}

/// What a partner is asked for that entry.
///
/// # Panics
/// Never: it is a moment.
#[must_use]
pub fn errand(number: usize) -> PartnerRequest {
    let asked_at = "2026-11-03T10:00:00Z".parse().expect("a moment");
    PartnerRequest { entry: entry(number), asked_at, trace: None }
}

/// That entry's mail.
///
/// # Panics
/// Never: its parts are well formed.
#[must_use]
pub fn mail(number: usize) -> Mail {
    let address = format!("personal-address+{number}@example.com");
    Mail {
        entry: entry(number),
        to: EmailAddress::parse(&address).expect("an address"),
        name: PersonName::parse(NAME).expect("a name"),
        content: Rendered {
            subject: format!("confidential-subject {number}: Ihr Überblick – 你好"),
            html: format!("<p title=\"&quot;\">confidential-body {number} Grüße 🎉</p>\n"),
            text: format!("confidential-body {number}\r\n.\r\nGrüße 🎉\n"),
            language: "de".to_owned(),
        },
        unsubscribe: UnsubscribeUrl::parse(&format!("https://pulse.example/{number}/u"))
            .ok()
            .map(|url| url.placeholder()),
        trace: None,
    }
}

/// Word that the mail of that entry was sent.
#[must_use]
pub fn word(number: u64) -> Word {
    let at = Timestamp::from_second(1_794_000_000).unwrap_or_default();
    Word {
        id: format!("c-{number}/2026-11/7/sent"),
        event_type: FactKind::Sent.event_type(),
        as_of: at,
        written_at: at,
        body: format!(
            r#"{{"type":"mail.sent","data":{{"customer":"c-{number}","note":"confidential-note Grüße 🎉"}}}}"#
        ),
        trace: None,
    }
}

/// An endpoint that is told of all facts.
///
/// # Panics
/// Never: its parts are well formed.
#[must_use]
pub fn endpoint(target: Target) -> Endpoint {
    let name = EndpointName::parse("crm").expect("a name");
    Endpoint::new(name, target, FactKind::ALL.iter().copied(), "ops".into(), Timestamp::UNIX_EPOCH)
}
