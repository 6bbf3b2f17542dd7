//! Customers with names and addresses that nobody else has, so that they can be looked for.

use pulse_core::{
    customer::{CustomerId, EmailAddress, PersonName, Product},
    entry::EntryId,
    ports::{Mail, Rendered, ScoreRequest},
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
    EntryId {
        customer: CustomerId::parse(&format!("c-{number}")).expect("a customer id"),
        run: RunId::parse("2026-11").expect("a run id"),
    }
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
