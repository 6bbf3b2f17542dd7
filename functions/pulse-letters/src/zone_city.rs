//! What a time zone's city is called in a letter's language (CLDR's exemplar cities, by way of ICU4X).

use icu_datetime::{NoCalendarFormatter, fieldsets::zone::ExemplarCity};
use icu_locale_core::Locale as IcuLocale;
use icu_time::zone::iana::IanaParserExtended;
use pulse_core::customer::Zone;

/// The city whose clocks the zone's are, by its name of today: Kolkata of `Asia/Calcutta`. Nothing for UTC and other zones
/// without one.
pub(super) fn city_of(zone: &Zone, language: &IcuLocale) -> Option<String> {
    let known = IanaParserExtended::new().parse(zone.name());
    let name = if known.time_zone.is_unknown() { zone.name() } else { known.canonical };
    let (area, city) = name.rsplit_once('/')?;
    if area == "Etc" || !zone.is_place() {
        return None;
    }
    let cities = NoCalendarFormatter::try_new(language.into(), ExemplarCity).ok();
    match cities {
        Some(cities) if !known.time_zone.is_unknown() => {
            Some(cities.format(&known.time_zone.without_offset()).to_string())
        }
        _ => Some(city.replace('_', " ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_told_by_the_name_that_its_city_has_today() {
        let english = IcuLocale::try_from_str("en-IE").unwrap();
        for (zone, city) in [
            ("Europe/Kiev", Some("Kyiv")),
            ("Europe/Kyiv", Some("Kyiv")),
            ("Asia/Calcutta", Some("Kolkata")),
            ("Asia/Saigon", Some("Ho Chi Minh City")),
            ("America/Buenos_Aires", Some("Buenos Aires")),
            ("America/Godthab", Some("Nuuk")),
            ("US/Pacific", Some("Los Angeles")),
            ("Japan", Some("Tokyo")),
            ("Europe/Belfast", Some("London")),
            ("EST", None),
            ("EST5EDT", None),
            ("CET", None),
            ("Etc/GMT+5", None),
            ("GMT", None),
            ("Zulu", None),
        ] {
            assert_eq!(city_of(&Zone::parse(zone).unwrap(), &english).as_deref(), city, "{zone}");
        }
    }
}
