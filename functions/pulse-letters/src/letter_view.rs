use std::cmp::Ordering;

use pulse_core::{
    customer::Product,
    failure::Cause,
    ports::{Letter, RenderError},
    score::Score,
};
use serde::Serialize;

use crate::{
    localized::{Localized, zone_in_words},
    plain::neutral,
};

/// The templates' words are English.
const LANGUAGE: &str = "en";

/// Everything a template may show, as text that is ready to be shown.
///
/// What strangers wrote (the name, the provider's band) has been through [`neutral`]; HTML templates
/// escape it besides.
#[derive(Serialize)]
pub(super) struct LetterView {
    name: String,
    /// `loan` or `card`: the noun in a sentence.
    product: &'static str,
    /// The run's month in English, such as `November 2026`.
    month: String,
    score: String,
    score_max: String,
    /// The score as a share of the largest one, 0 to 100.
    percent: u16,
    band: String,
    change: Change,
    balance: String,
    currency: String,
    as_of: String,
    /// The clocks that `as_of` is told by.
    zone: String,
    /// The tag that dates and numbers are written by.
    locale: String,
    /// `ltr` or `rtl`.
    dir: &'static str,
}

#[derive(Serialize)]
struct Change {
    /// `first`, `same`, `up` or `down`.
    kind: &'static str,
    /// By how much.
    points: String,
    /// `point` or `points`.
    unit: &'static str,
}

impl LetterView {
    pub(super) fn of(letter: &Letter<'_>) -> Result<Self, RenderError> {
        let customer = letter.customer;
        let cannot = |cause: String| RenderError(Cause::new(cause));
        let ways = Localized::of(LANGUAGE, &customer.locale)
            .map_err(|error| cannot(format!("no formats of {LANGUAGE} for the locale {}: {error}", customer.locale)))?;
        let as_of = ways
            .moment(letter.score.as_of, &customer.zone)
            .ok_or_else(|| cannot(format!("the score's moment {} is out of range", letter.score.as_of)))?;
        Ok(Self {
            name: neutral(customer.name.expose(), "there"),
            product: match customer.product {
                Product::Loan => "loan",
                Product::Card => "card",
            },
            month: letter.run.first_day().strftime("%B %Y").to_string(),
            score: ways.number(letter.score.value.expose()),
            score_max: ways.number(1000_u16),
            percent: letter.score.value.expose() / 10,
            band: neutral(letter.score.band.expose(), "no band"),
            change: Change::between(letter.previous, letter.score, &ways),
            balance: ways.amount(customer.balance),
            currency: customer.balance.currency.to_string(),
            as_of,
            zone: zone_in_words(&customer.zone, letter.score.as_of),
            dir: ways.direction(),
            locale: ways.tag(),
        })
    }
}

impl Change {
    fn between(previous: Option<&Score>, now: &Score, ways: &Localized) -> Self {
        let now = now.value.expose();
        let before = previous.map(|score| score.value.expose());
        let points = before.map_or(0, |before| now.abs_diff(before));
        let kind = match before.map(|before| now.cmp(&before)) {
            None => "first",
            Some(Ordering::Equal) => "same",
            Some(Ordering::Greater) => "up",
            Some(Ordering::Less) => "down",
        };
        let unit = if points == 1 { "point" } else { "points" };
        Self { kind, points: ways.number(points), unit }
    }
}
