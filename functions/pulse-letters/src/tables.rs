//! Written by `.ci/tables.py`: change that, not this.
//!
//! Source: Unicode CLDR 48.2.0 (`cldr-core` and `cldr-numbers-full` on npm; licence Unicode-3.0).

/// Locales whose amounts of money have separators of their own: between groups of digits, and before the decimals. Empty
/// where numbers' own serve (`currencyGroup` and `currencyDecimal`, UTS #35 part 3, "Number Symbols").
#[rustfmt::skip]
pub(super) const OF_MONEY: &[(&str, &str, &str)] = &[
    ("de-AT", ".", ""),
    ("fr-CH", "", "."),
];

/// Regions that CLDR has an English of.
pub(super) const WITH_ENGLISH: &str = "\
    001 150 AE AG AI AS AT AU BB BE BI BM BS BW BZ CA CC CH CK CM CX CY CZ DE DG DK DM EE ER ES FI FJ FK FM \
    FR GB GD GE GG GH GI GM GS GU GY HK HU ID IE IL IM IN IO IT JE JM JP KE KI KN KY LC LR LS LT LV MG MH MO \
    MP MS MT MU MV MW MY NA NF NG NL NO NR NU NZ PG PH PK PL PN PR PT PW RO RW SB SC SD SE SG SH SI SK SL SS \
    SX SZ TC TK TO TT TV TZ UA UG UM US VC VG VI VU WS ZA ZM ZW";

/// The regions of Europe (UN M49 150).
pub(super) const EUROPE: &str = "\
    AD AL AT AX BA BE BG BY CH CQ CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV MC MD \
    ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK";

/// Regions that tell time by twelve hours (`timeData`; all others by 24).
pub(super) const TWELVE_HOURS: &str = "\
    419 AE AG AL AR AS AU BB BD BH BM BN BO BS BT CA CL CO CR CU CY DJ DM DO DZ EC EG EH ER ET FJ FM GD GH \
    GM GR GT GU GY HK HN IN IQ JM JO KH KI KN KP KR KW KY LB LC LR LS LY MH MO MP MR MW MX MY NA NI NZ OM PA \
    PE PG PH PK PR PS PW PY QA SA SB SD SG SL SO SS SV SY SZ TC TD TN TO TT TW UM US UY VC VE VG VI VU WS YE \
    ZM";
