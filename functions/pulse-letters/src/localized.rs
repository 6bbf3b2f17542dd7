//! Dates and numbers as a customer's locale writes them (Unicode CLDR, by way of ICU4X).

use icu_calendar::Gregorian;
use icu_datetime::{
    DateTimeFormatterLoadError, FixedCalendarDateTimeFormatter,
    fieldsets::YMDT,
    input::{Date, DateTime, Time},
    options::TimePrecision,
};
use icu_decimal::{DecimalFormatter, input::Decimal, options::DecimalFormatterOptions};
use icu_locale_core::Locale as IcuLocale;
use jiff::Timestamp;
use pulse_core::customer::{Locale, Money, Zone};

/// Languages written from right to left when their tag names no script.
const RIGHT_TO_LEFT: [&str; 13] = ["ar", "arc", "azb", "ckb", "dv", "fa", "he", "iw", "ks", "ps", "sd", "ug", "ur"];

/// Scripts written from right to left.
const RIGHT_TO_LEFT_SCRIPTS: [&str; 9] = ["adlm", "arab", "aran", "hebr", "mand", "nkoo", "rohg", "syrc", "thaa"];

/// What a letter needs to know of one locale.
///
/// Only the Gregorian calendar is compiled in: the words around the dates are English, and a second
/// calendar would say another year there, at the price of its data in every Lambda.
pub(super) struct Localized {
    numbers: DecimalFormatter,
    moments: FixedCalendarDateTimeFormatter<Gregorian, YMDT>,
}

impl Localized {
    /// The ways of `locale`; of its language where its region is unknown; of the root locale, which
    /// writes ISO-like dates, where ICU knows neither.
    ///
    /// # Errors
    /// When the data compiled in doesn't hold the root locale, which a test rules out.
    pub(super) fn of(locale: &Locale) -> Result<Self, DateTimeFormatterLoadError> {
        let tag = IcuLocale::try_from_str(locale.as_str()).unwrap_or(IcuLocale::UNKNOWN);
        let moment = YMDT::long().with_time_precision(TimePrecision::Minute);
        Ok(Self {
            numbers: DecimalFormatter::try_new((&tag).into(), DecimalFormatterOptions::default())
                .map_err(DateTimeFormatterLoadError::Data)?,
            moments: FixedCalendarDateTimeFormatter::try_new((&tag).into(), moment)?,
        })
    }

    /// A whole number.
    pub(super) fn number(&self, number: impl Into<Decimal>) -> String {
        self.numbers.format(&number.into()).to_string()
    }

    /// An amount with as many decimals as its currency has, without the currency.
    pub(super) fn amount(&self, money: Money) -> String {
        let mut amount = Decimal::from(money.minor);
        amount.multiply_pow10(-i16::from(money.currency.decimals()));
        self.number(amount)
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

/// `rtl` or `ltr`, the values of HTML's `dir`.
pub(super) fn direction(locale: &Locale) -> &'static str {
    let tag = locale.as_str().to_ascii_lowercase();
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    let rtl = match parts.find(|part| part.len() == 4) {
        Some(script) => RIGHT_TO_LEFT_SCRIPTS.contains(&script),
        None => RIGHT_TO_LEFT.contains(&language),
    };
    if rtl { "rtl" } else { "ltr" }
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
