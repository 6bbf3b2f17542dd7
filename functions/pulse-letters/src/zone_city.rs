//! What a time zone's city is called in a letter's language (CLDR's exemplar cities, by way of ICU4X).

use icu_datetime::{NoCalendarFormatter, fieldsets::zone::ExemplarCity};
use icu_locale_core::Locale as IcuLocale;
use icu_time::zone::IanaParser;
use pulse_core::customer::Zone;

/// The city whose clocks the zone's are; nothing for UTC and other zones without one.
pub(super) fn city_of(zone: &Zone, language: &IcuLocale) -> Option<String> {
    let (area, city) = zone.name().rsplit_once('/')?;
    if area == "Etc" {
        return None;
    }
    let id = IanaParser::new().parse(zone.name());
    let cities = NoCalendarFormatter::try_new(language.into(), ExemplarCity).ok();
    match cities {
        Some(cities) if !id.is_unknown() => Some(cities.format(&id.without_offset()).to_string()),
        _ => Some(city.replace('_', " ")),
    }
}
