//! Dates and numbers as a letter's language writes them where its reader lives (Unicode CLDR, by way of ICU4X).

use std::fmt;

use icu_calendar::Gregorian;
use icu_datetime::{
    DateTimeFormatterLoadError, FixedCalendarDateTimeFormatter,
    fieldsets::YMDT,
    input::{Date, DateTime, Time},
    options::TimePrecision,
};
use icu_decimal::{DecimalFormatter, input::Decimal, options::DecimalFormatterOptions, parts};
use icu_locale::{LocaleDirectionality, LocaleExpander};
use icu_locale_core::{LanguageIdentifier, Locale as IcuLocale, langid};
use jiff::Timestamp;
use pulse_core::customer::{Locale, Money, Zone};
use writeable::{Part, PartsWrite, Writeable as _};

use crate::tables::{EUROPE, OF_MONEY, TWELVE_HOURS, WITH_ENGLISH};

/// What a letter needs to know of one language and region.
///
/// Only the Gregorian calendar is compiled in: a second one would say another year beside the run's month, at the price of
/// its data in every Lambda.
pub(super) struct Localized {
    tag: LanguageIdentifier,
    numbers: DecimalFormatter,
    /// Between groups of digits and before the decimals of money; empty where numbers' own serve.
    of_money: (&'static str, &'static str),
    moments: FixedCalendarDateTimeFormatter<Gregorian, YMDT>,
}

impl Localized {
    /// The ways of a letter in `language` to a customer. Words, digits and the order of a date are the language's, as it is
    /// written in the customer's region; a number is separated as in the customer's own language, `1.234,56` in Brazil.
    ///
    /// Where CLDR has no English of a region, dates are of European or international English and not of the American that
    /// `en` alone stands for, and the clock has as many hours as there.
    ///
    /// # Errors
    /// When the data compiled in doesn't hold the language, which a test rules out.
    pub(super) fn of(language: &str, customer: &Locale) -> Result<Self, DateTimeFormatterLoadError> {
        let language = LanguageIdentifier::try_from_str(language).unwrap_or(langid!("en"));
        let own = canonical(customer);
        let mut likely = own.clone();
        LocaleExpander::new_extended().maximize(&mut likely);
        let tag = LanguageIdentifier { region: likely.region, ..language };

        let region = likely.region.map(|region| region.to_string()).unwrap_or_default();
        let is_in = |regions: &str| regions.split(' ').any(|other| other == region);
        let words = if tag.language != langid!("en").language || region.is_empty() || is_in(WITH_ENGLISH) {
            tag.to_string()
        } else {
            let english = if is_in(EUROPE) { "en-150" } else { "en-001" };
            let hours = if is_in(TWELVE_HOURS) { "h12" } else { "h23" };
            format!("{english}-u-hc-{hours}")
        };
        let numbers = if own.language.is_unknown() || own.language == tag.language { tag.clone() } else { own };
        let locale = |tag: &str| IcuLocale::try_from_str(tag).unwrap_or(IcuLocale::UNKNOWN);
        let digits = if numbers.language == tag.language { "" } else { "-u-nu-latn" };
        let moment = YMDT::long().with_time_precision(TimePrecision::Minute);
        Ok(Self {
            numbers: DecimalFormatter::try_new(
                (&locale(&format!("{numbers}{digits}"))).into(),
                DecimalFormatterOptions::default(),
            )
            .map_err(DateTimeFormatterLoadError::Data)?,
            of_money: separators(&numbers),
            moments: FixedCalendarDateTimeFormatter::try_new((&locale(&words)).into(), moment)?,
            tag,
        })
    }

    /// The language and the region, such as `en-TR`.
    pub(super) fn tag(&self) -> IcuLocale {
        self.tag.clone().into()
    }

    /// The direction that the language runs in: `rtl` or `ltr`, the values of HTML's `dir`.
    pub(super) fn direction(&self) -> &'static str {
        direction(&self.tag)
    }

    /// A whole number.
    pub(super) fn number(&self, number: impl Into<Decimal>) -> String {
        self.numbers.format(&number.into()).to_string()
    }

    /// An amount with as many decimals as its currency has, without the currency.
    pub(super) fn amount(&self, money: Money) -> String {
        let mut amount = Decimal::from(money.minor);
        amount.multiply_pow10(-i16::from(money.currency.decimals()));
        let mut written = Amount { text: String::new(), separators: self.of_money };
        // Writing into a string can't fail.
        let _ = self.numbers.format(&amount).write_to_parts(&mut written);
        written.text
    }

    /// A moment on the clocks of `zone`; nothing outside the years 1 to 9999.
    pub(super) fn moment(&self, moment: Timestamp, zone: &Zone) -> Option<String> {
        let local = zone.rules().to_datetime(moment);
        let (date, time) = (local.date(), local.time());
        let unsigned = |part: i8| u8::try_from(part).ok();
        let year = i32::from(date.year());
        let input = DateTime {
            date: Date::try_new_gregorian(year, unsigned(date.month())?, unsigned(date.day())?).ok()?,
            time: Time::try_new(unsigned(time.hour())?, unsigned(time.minute())?, 0, 0).ok()?,
        };
        Some(self.moments.format(&input).to_string())
    }
}

fn canonical(locale: &Locale) -> LanguageIdentifier {
    LanguageIdentifier::try_from_str(locale.canonical().as_str()).unwrap_or(LanguageIdentifier::UNKNOWN)
}

/// The separators that money has of its own in a language and region. The script, where one is named, is its usual one.
fn separators(tag: &LanguageIdentifier) -> (&'static str, &'static str) {
    let bare = LanguageIdentifier { script: None, ..tag.clone() }.to_string();
    let own = OF_MONEY.iter().find(|(tag, ..)| *tag == bare);
    own.map_or(("", ""), |&(_, group, decimal)| (group, decimal))
}

/// A number with some of its separators replaced.
struct Amount {
    text: String,
    separators: (&'static str, &'static str),
}

impl fmt::Write for Amount {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.write_str(text)
    }
}

impl PartsWrite for Amount {
    type SubPartsWrite = Self;

    fn with_part(&mut self, part: Part, mut write: impl FnMut(&mut Self) -> fmt::Result) -> fmt::Result {
        let (group, decimal) = self.separators;
        let own = [(parts::GROUP, group), (parts::DECIMAL, decimal)];
        match own.into_iter().find(|(of, own)| *of == part && !own.is_empty()) {
            Some((_, own)) => fmt::Write::write_str(self, own),
            None => write(self),
        }
    }
}

/// The direction that a language runs in by its tag alone, whatever the reader's region.
pub(super) fn direction_of(language: &Locale) -> &'static str {
    direction(&canonical(language))
}

/// `rtl` or `ltr`: the direction of the script that a language is likely to be written in.
fn direction(tag: &LanguageIdentifier) -> &'static str {
    if LocaleDirectionality::new_extended().is_right_to_left(tag) { "rtl" } else { "ltr" }
}

/// `UTC`, `UTC+2`, `UTC-3:30`.
pub(super) fn offset_in_words(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, 0) => "UTC".to_owned(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    use pulse_core::customer::Currency;

    use super::*;

    fn ways(language: &str, customer: &str) -> Localized {
        Localized::of(language, &Locale::try_from(customer.to_owned()).unwrap()).unwrap()
    }

    fn moment(language: &str, customer: &str) -> String {
        let moment = ways(language, customer).moment("2026-11-26T13:05:00Z".parse().unwrap(), &Zone::UTC);
        // Between the time and its am or pm CLDR has narrow no-break spaces.
        moment.unwrap().replace(['\u{202f}', '\u{a0}'], " ")
    }

    fn amount(language: &str, customer: &str, amount: &str) -> String {
        let money = Money::parse(amount, Currency::parse("EUR").unwrap()).unwrap();
        ways(language, customer).amount(money).replace(['\u{202f}', '\u{a0}'], " ").replace('\u{2212}', "-")
    }

    #[test]
    fn dates_are_in_the_letters_language_as_it_is_written_in_the_customers_region() {
        for (customer, expected) in [
            ("en-US", "November 26, 2026 at 1:05 PM"),
            ("en-GB", "26 November 2026 at 13:05"),
            ("en-IE", "26 November 2026 at 13:05"),
            ("en-AU", "26 November 2026 at 1:05 pm"),
            ("en-PR", "November 26, 2026 at 1:05 PM"),
            ("es-US", "November 26, 2026 at 1:05 PM"),
            ("de-DE", "26 November 2026 at 13:05"),
            ("de", "26 November 2026 at 13:05"),
            // Regions that CLDR has no English of.
            ("tr-TR", "26 November 2026 at 13:05"),
            ("tr", "26 November 2026 at 13:05"),
            ("hr-HR", "26 November 2026 at 13:05"),
            ("pt-BR", "26 November 2026 at 13:05"),
            ("th-TH", "26 November 2026 at 13:05"),
            ("ar-EG", "26 November 2026 at 1:05 pm"),
            ("ko-KR", "26 November 2026 at 1:05 pm"),
            ("es-419", "26 November 2026 at 1:05 pm"),
            ("en-TR", "26 November 2026 at 13:05"),
            // Tags of profiles of earlier releases.
            ("iw-IL", "26 November 2026 at 13:05"),
            ("en-UK", "26 November 2026 at 13:05"),
            ("eng-GB", "26 November 2026 at 13:05"),
            ("xx-YY", "26 November 2026 at 13:05"),
            ("tlh", "November 26, 2026 at 1:05 PM"),
            ("und", "November 26, 2026 at 1:05 PM"),
        ] {
            assert_eq!(moment("en", customer), expected, "{customer}");
        }
        assert_eq!(moment("ja", "ja-JP"), "2026年11月26日 13:05");
        assert_eq!(moment("ja", "jpn"), "2026年11月26日 13:05");
        assert_eq!(moment("de", "gsw-LI"), "26. November 2026 um 13:05");
        assert_eq!(ways("en", "tr").tag().to_string(), "en-TR");
        assert_eq!((ways("en", "ar-EG").direction(), ways("ar", "ar-EG").direction()), ("ltr", "rtl"));
        assert_eq!(ways("zh-Hant", "zh-HK").tag().to_string(), "zh-Hant-HK");
    }

    #[test]
    fn no_letter_is_ever_dated_in_the_root_form() {
        for customer in
            ["iw-IL", "in-ID", "tl-PH", "mo-MD", "sh-RS", "deu-DE", "eng-GB", "xx", "qaa-Qaaa-999", "UND", "vo"]
        {
            for language in ["en", "ar", "ja", "de"] {
                assert!(!moment(language, customer).contains("M11"), "{language} {customer}");
            }
        }
    }

    #[test]
    fn amounts_have_the_separators_of_money_in_the_language_and_region() {
        for (language, customer, expected) in [
            ("de", "de-AT", "-1.234.567,89"),
            ("de", "de-Latn-AT", "-1.234.567,89"),
            ("de", "de-DE", "-1.234.567,89"),
            ("de", "de-CH", "-1'234'567.89"),
            ("fr", "fr-FR", "-1 234 567,89"),
            ("pl", "pl-PL", "-1 234 567,89"),
            ("pt", "pt-BR", "-1.234.567,89"),
            ("en", "en-IN", "-12,34,567.89"),
            ("hi", "hi-IN", "-12,34,567.89"),
            ("en", "de-AT", "-1.234.567,89"),
            ("en", "en-AT", "-1.234.567,89"),
            // In English as in the customer's own language.
            ("en", "pl-PL", "-1 234 567,89"),
            ("en", "de-CH", "-1'234'567.89"),
            ("en", "pt-BR", "-1.234.567,89"),
            ("en", "tr-TR", "-1.234.567,89"),
            ("en", "ne-NP", "-12,34,567.89"),
            ("en", "en-TR", "-1,234,567.89"),
            ("en", "xx-YY", "-1,234,567.89"),
        ] {
            assert_eq!(amount(language, customer, "-1234567.89"), expected, "{language} {customer}");
        }
        let swiss = amount("fr", "fr-CH", "1234567.89");
        assert!(swiss.ends_with("567.89"), "{swiss}");
        assert!(amount("en", "fr-CH", "1234567.89").ends_with("567.89"));
        // A number is no amount.
        assert!(ways("fr", "fr-CH").numbers.format(&"1.5".parse().unwrap()).to_string().contains(','));
    }

    #[test]
    fn four_digits_are_grouped_where_the_language_groups_them() {
        for (language, customer, expected) in [
            ("es", "es-ES", "1234,56"),
            ("es", "es-MX", "1,234.56"),
            ("pl", "pl-PL", "1234,56"),
            ("pt", "pt-PT", "1234,56"),
            ("pt", "pt-BR", "1.234,56"),
            ("de", "de-AT", "1.234,56"),
            ("en", "en-IE", "1,234.56"),
            ("en", "pl-PL", "1234,56"),
            ("en", "ar-EG", "1,234.56"),
        ] {
            assert_eq!(amount(language, customer, "1234.56"), expected, "{language} {customer}");
        }
        assert_eq!(amount("es", "es-ES", "12345.67"), "12.345,67");
    }

    #[test]
    fn digits_are_those_of_the_letters_language() {
        assert_eq!(ways("ar", "ar-EG").number(742_u16), "٧٤٢");
        assert_eq!(ways("ar", "ar-AE").number(742_u16), "742");
        for customer in ["ar-EG", "fa-IR", "mr-IN", "my-MM", "ckb-IQ"] {
            assert_eq!(ways("en", customer).number(742_u16), "742", "{customer}");
        }
    }

    #[test]
    fn a_tags_direction_is_that_of_its_likely_script() {
        let of = |tag: &str| direction(&canonical(&Locale::try_from(tag.to_owned()).unwrap()));
        for tag in [
            "yi",
            "yi-US",
            "ji-US",
            "pa-PK",
            "uz-AF",
            "lrc-IR",
            "mzn-IR",
            "nqo-GN",
            "ff-Adlm-GN",
            "ku-IQ",
            "ms-Arab-BN",
            "az-Arab",
            "az-IR",
            "he-IL",
            "iw",
            "skr-PK",
            "pnb-PK",
            "ug-CN",
            "bal-PK",
            "syr-IQ",
            "rhg-BD",
            "UR-pk",
            "ar",
            "fa-AF",
            "ckb",
            "dv-MV",
            "sd-PK",
            "ks",
            "und-Hebr",
            "en-Arab",
        ] {
            assert_eq!(of(tag), "rtl", "{tag}");
        }
        for tag in [
            "en",
            "ks-Deva-IN",
            "ar-Latn",
            "ug-KZ",
            "pa-IN",
            "uz-UZ",
            "ku-TR",
            "tr-TR",
            "ja",
            "und",
            "xx-YY",
            "sd-Deva",
        ] {
            assert_eq!(of(tag), "ltr", "{tag}");
        }
    }
}
