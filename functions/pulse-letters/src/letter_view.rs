use std::cmp::Ordering;

use icu_calendar::Gregorian;
use icu_datetime::{FixedCalendarDateTimeFormatter, fieldsets::YM, input::Date};
use icu_locale_core::Locale as IcuLocale;
use icu_plurals::{PluralCategory, PluralRules};
use pulse_core::{
    customer::{Product, Zone},
    failure::Cause,
    ports::{Letter, RenderError},
    run::RunId,
    score::Score,
};
use serde::Serialize;

use crate::{
    autolink::unlinked,
    localized::{Localized, offset_in_words},
    plain::neutral,
    zone_city::city_of,
};

/// Everything a template may show, as text that is ready to be shown.
///
/// What strangers wrote (the name, the provider's band) has been through [`neutral`] and [`unlinked`]; HTML templates
/// escape it besides.
#[derive(Serialize)]
pub(super) struct LetterView {
    /// The letter's language, as its folder is called.
    language: &'static str,
    /// `ltr` or `rtl`: the direction of that language.
    pub(super) dir: &'static str,
    /// Nothing for a customer whose name shows nothing.
    name: Option<String>,
    /// `loan` or `card`: each language has its own words for it.
    product: &'static str,
    /// The run's month, such as `November 2026`.
    month: String,
    score: String,
    score_max: String,
    /// The score as a share of the largest one, 0 to 100.
    percent: u16,
    /// As the provider says it, in whatever language.
    band: String,
    change: Change,
    balance: String,
    currency: String,
    as_of: String,
    /// The clocks that `as_of` is told by.
    zone: Clocks,
    /// Where to unsubscribe: a URL that no text and no HTML has to escape. Nothing where one can only reply.
    unsubscribe_url: Option<String>,
}

#[derive(Serialize)]
struct Change {
    /// `first`, `same`, `up` or `down`.
    kind: &'static str,
    /// By how much.
    points: String,
    /// The plural form that this many points take: `zero`, `one`, `two`, `few`, `many` or `other` (CLDR). No language has all.
    plural: &'static str,
}

#[derive(Serialize)]
struct Clocks {
    /// In the letter's language; nothing for UTC.
    city: Option<String>,
    /// `UTC`, `UTC+2`, `UTC−3:30`.
    offset: String,
}

impl LetterView {
    /// What a letter in `language` shows. Dates and numbers are of that language, as it is written where the customer lives.
    pub(super) fn of(letter: &Letter<'_>, language: &'static str) -> Result<Self, RenderError> {
        let customer = letter.customer;
        let cannot = |cause: String| RenderError(Cause::new(cause));
        let ways = Localized::of(language, &customer.locale)
            .map_err(|error| cannot(format!("no formats of {language} for {}: {error}", customer.locale)))?;
        let tag = ways.tag();
        let as_of = ways
            .moment(letter.score.as_of, &customer.zone)
            .ok_or_else(|| cannot(format!("the score's moment {} is out of range", letter.score.as_of)))?;
        let shown = |text: &str| Some(unlinked(&neutral(text, ""))).filter(|text| !text.is_empty());
        Ok(Self {
            language,
            dir: ways.direction(),
            name: shown(customer.name.expose()),
            product: kind(customer.product),
            month: month(letter.run, &tag).ok_or_else(|| cannot(format!("no month of {} for {tag}", letter.run)))?,
            score: ways.number(letter.score.value.expose()),
            score_max: ways.number(1000_u16),
            percent: letter.score.value.expose() / 10,
            band: shown(letter.score.band.expose()).unwrap_or_else(|| "-".to_owned()),
            change: Change::between(letter.previous, letter.score, &ways, &tag),
            balance: ways.amount(customer.balance),
            currency: customer.balance.currency.to_string(),
            as_of,
            zone: Clocks::of(&customer.zone, letter.score, &tag),
            unsubscribe_url: letter.unsubscribe.map(|link| link.expose().to_owned()),
        })
    }
}

/// What templates tell products by.
pub(super) fn kind(product: Product) -> &'static str {
    match product {
        Product::Loan => "loan",
        Product::Card => "card",
    }
}

/// A run's month with its year.
fn month(run: RunId, tag: &IcuLocale) -> Option<String> {
    let first = run.first_day()?;
    let months = FixedCalendarDateTimeFormatter::<Gregorian, YM>::try_new(tag.into(), YM::long()).ok()?;
    let date = Date::try_new_gregorian(first.year().into(), u8::try_from(first.month()).ok()?, 1).ok()?;
    Some(months.format(&date).to_string())
}

impl Change {
    fn between(previous: Option<&Score>, now: &Score, ways: &Localized, tag: &IcuLocale) -> Self {
        let now = now.value.expose();
        let before = previous.map(|score| score.value.expose());
        let points = before.map_or(0, |before| now.abs_diff(before));
        let kind = match before.map(|before| now.cmp(&before)) {
            None => "first",
            Some(Ordering::Equal) => "same",
            Some(Ordering::Greater) => "up",
            Some(Ordering::Less) => "down",
        };
        let rules = PluralRules::try_new_cardinal(tag.into());
        let plural = match rules.map_or(PluralCategory::Other, |rules| rules.category_for(points)) {
            PluralCategory::Zero => "zero",
            PluralCategory::One => "one",
            PluralCategory::Two => "two",
            PluralCategory::Few => "few",
            PluralCategory::Many => "many",
            PluralCategory::Other => "other",
        };
        Self { kind, points: ways.number(points), plural }
    }
}

impl Clocks {
    fn of(zone: &Zone, score: &Score, tag: &IcuLocale) -> Self {
        // A minus sign, after which no line ends as it does after a hyphen.
        let offset = offset_in_words(zone.rules().to_offset(score.as_of).seconds()).replace('-', "\u{2212}");
        Self { city: city_of(zone, tag), offset }
    }
}
