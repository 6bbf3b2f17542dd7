//! A letter, of what a roster and the scoring provider may say.

use std::sync::LazyLock;

use pulse_core::{
    campaign::CampaignLetter,
    customer::{Currency, Customer, Locale, Money, PersonName, Product, Zone},
    entry::Plan,
    ports::{CampaignMail, Letter, Rendered, Renderer as _},
    roster::RosterRow,
    run::RunId,
    score::{Band, Score, ScoreValue},
    unsubscribe::UnsubscribeUrl,
};
use pulse_letters::MinijinjaRenderer;

/// A line each: name, band, locale, zone, currency, balance, score, last month's score. Lines that follow are an operator's
/// letter of a campaign.
///
/// # Panics
/// When a letter can't be written, or a name or a band adds markup, lines or control characters to it; or when a campaign's
/// letter that is taken can't be written to this customer.
pub fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let lines: Vec<&str> = text.split('\n').collect();
    let Some(given) = Given::read(&lines) else { return };
    let Some(letter) = given.write(&given.name, &given.score.band) else {
        panic!("a letter can't be written");
    };
    let plain = PersonName::parse("Ada").ok().zip(Band::parse("Good").ok());
    let Some(plain) = plain.and_then(|(name, band)| given.write(&name, &band)) else {
        panic!("a plain letter can't be written");
    };
    for mark in ['<', '>', '"'] {
        let count = |letter: &Rendered| letter.html.matches(mark).count();
        // A name that shows nothing is left out, with the markup around it.
        assert!(count(&letter) <= count(&plain), "a name or a band adds markup");
    }
    assert_eq!(letter.text.lines().count(), plain.text.lines().count(), "a name or a band adds a line");
    check_content(&letter);
    if let Ok(campaign) = CampaignLetter::parse([("en", lines[8..].join("\n"))]) {
        check_campaign(&given, &campaign);
    }
}

fn check_content(letter: &Rendered) {
    let stray = |c: char| c.is_control() && c != '\n';
    assert!(!letter.text.contains(stray) && !letter.html.contains(stray), "a control character is left");
    assert!(!letter.subject.is_empty() && !letter.subject.contains(char::is_control), "the subject is no line");
}

/// Whatever the operator wrote: it is refused, or it is written to everyone, on lines that mail takes and with the link below it.
fn check_campaign(given: &Given, letter: &CampaignLetter) {
    let Some(renderer) = &*RENDERER else { panic!("there is no renderer") };
    if renderer.check(letter, Plan::MONTHLY, false).is_err() {
        return;
    }
    let Some(mail) = given.write_campaign(letter) else {
        panic!("a letter of a campaign that was taken can't be written");
    };
    check_content(&mail);
    assert!(mail.text.lines().chain(mail.html.lines()).all(|line| line.len() <= 998), "a line is too long");
    assert!(mail.text.lines().any(|line| line.starts_with(LINK)), "there is no link to unsubscribe by");
}

static RENDERER: LazyLock<Option<MinijinjaRenderer>> = LazyLock::new(|| MinijinjaRenderer::new().ok());

const LINK: &str = "https://pulse.example/u";

struct Given {
    name: PersonName,
    locale: Locale,
    zone: Zone,
    balance: Money,
    score: Score,
    previous: Option<Score>,
}

impl Given {
    fn read(lines: &[&str]) -> Option<Self> {
        let &[name, band, locale, zone, currency, balance, score, previous, ..] = lines else { return None };
        let score_of = |text: &str| {
            Some(Score {
                value: ScoreValue::parse(text.parse().ok()?).ok()?,
                band: Band::parse(band).ok()?,
                as_of: "2026-11-03T08:15:00Z".parse().ok()?,
            })
        };
        Some(Self {
            name: PersonName::parse(name).ok()?,
            locale: Locale::parse(locale).ok()?,
            zone: Zone::parse(zone).ok()?,
            balance: Money::parse(balance, Currency::parse(currency).ok()?).ok()?,
            score: score_of(score)?,
            previous: score_of(previous),
        })
    }

    fn customer(&self, name: &PersonName) -> Option<Customer> {
        let row = RosterRow {
            id: "c-1",
            name: "Ada",
            email: "ada@example.com",
            product: "loan",
            balance: "1",
            currency: "EUR",
            locale: "en-IE",
            time_zone: "UTC",
            signed_up_at: "2024-05-10",
            status: "active",
            opted_out: "no",
        };
        let mut customer = row.parse(&Zone::UTC).ok()?;
        customer.name = name.clone();
        customer.product = Product::Loan;
        customer.locale = self.locale.clone();
        customer.zone = self.zone.clone();
        customer.balance = self.balance;
        Some(customer)
    }

    fn write_campaign(&self, letter: &CampaignLetter) -> Option<Rendered> {
        let (customer, link) = (self.customer(&self.name)?, UnsubscribeUrl::parse(LINK).ok()?.placeholder());
        let (score, unsubscribe) = (Some(&self.score), Some(&link));
        RENDERER
            .as_ref()?
            .render_campaign(&CampaignMail {
                customer: &customer,
                letter,
                score,
                reference: None,
                item: None,
                unsubscribe,
            })
            .ok()
    }

    fn write(&self, name: &PersonName, band: &Band) -> Option<Rendered> {
        let customer = self.customer(name)?;
        let score = Score { band: band.clone(), ..self.score.clone() };
        let link = UnsubscribeUrl::parse(LINK).ok()?.placeholder();
        let letter = Letter {
            customer: &customer,
            run: RunId::parse("2026-11").ok()?,
            score: &score,
            previous: self.previous.as_ref(),
            unsubscribe: Some(&link),
        };
        RENDERER.as_ref()?.render(&letter).ok()
    }
}
