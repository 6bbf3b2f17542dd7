//! Roster rows: from columns of text to a [`Customer`].

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
};

use crate::{
    customer::{
        Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, PersonName, Product,
        Standing, Zone,
    },
    failure::Cause,
    parse::ParseError,
    slot::{FIRST_HOUR, Slot},
    stable_hash::stable_hash,
};

/// One customer as a roster gives them: the columns as text, white space around them ignored.
///
/// `Debug` is left out on purpose: nearly all of this is personal data.
#[derive(Clone, Copy, Default)]
pub struct RosterRow<'a> {
    /// The customer's id.
    pub id: &'a str,
    /// The name that the mail greets.
    pub name: &'a str,
    /// Where the mail goes. May be anything, see [`Contact::Unusable`].
    pub email: &'a str,
    /// `loan` or `card`.
    pub product: &'a str,
    /// What they owe: a decimal number such as `1234.56`.
    pub balance: &'a str,
    /// The balance's currency, such as `EUR`.
    pub currency: &'a str,
    /// A language tag such as `en-IE`.
    pub locale: &'a str,
    /// An IANA name such as `Europe/Dublin`. Empty stands for the roster's default zone.
    pub time_zone: &'a str,
    /// A moment with its offset (`2024-05-10T14:41:00+01:00`) or a date (`2024-05-10`).
    pub signed_up_at: &'a str,
    /// `active` or `closed`.
    pub status: &'a str,
    /// `yes`, `no`, `true`, `false`, or nothing, which is no.
    pub opted_out: &'a str,
}

/// The columns of a roster, in the order in which their problems are told.
pub const COLUMNS: [&str; 11] = [
    "id",
    "name",
    "email",
    "product",
    "balance",
    "currency",
    "locale",
    "time_zone",
    "signed_up_at",
    "status",
    "opted_out",
];

/// What is wrong with one column of a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{column}: {cause}")]
pub struct RowProblem {
    /// One of [`COLUMNS`].
    pub column: &'static str,
    /// Why it can't be taken. Never quotes the column.
    pub cause: Cause,
}

impl RosterRow<'_> {
    /// Makes a customer of the row.
    ///
    /// An email address that can't be mailed doesn't spoil a row: the customer is one still, with
    /// [`Contact::Unusable`]. A sign-up date without a time gets a minute of that day that is always
    /// the same for a customer's id, so that a roster of dates isn't due all at once.
    ///
    /// # Errors
    /// Every bad column, not only the first.
    pub fn parse(&self, default_zone: &Zone) -> Result<Customer, Vec<RowProblem>> {
        let mut problems = Problems(Vec::new());
        let id = problems.take("id", CustomerId::parse(self.id.trim()));
        let name = problems.take("name", PersonName::parse(self.name));
        let product = problems.take("product", Product::parse(&word(self.product)));
        let currency = problems.take("currency", Currency::parse(self.currency.trim()));
        // Without its currency an amount has no number of decimals to be checked against.
        let balance = currency.and_then(|currency| {
            problems.take("balance", Money::parse(self.balance.trim(), currency))
        });
        let locale = problems.take("locale", Locale::parse(self.locale.trim()));
        let zone = problems.take("time_zone", zone(self.time_zone.trim(), default_zone));
        let signed_up = problems.take("signed_up_at", SignUp::parse(self.signed_up_at.trim()));
        let standing = problems.take("status", standing(&word(self.status)));
        let opted_out = problems.take("opted_out", opted_out(&word(self.opted_out)));

        let parts = (
            id, name, product, balance, locale, zone, signed_up, standing, opted_out,
        );
        let (
            Some(id),
            Some(name),
            Some(product),
            Some(balance),
            Some(locale),
            Some(zone),
            Some(signed_up),
            Some(standing),
            Some(opted_out),
        ) = parts
        else {
            return Err(problems.in_order());
        };
        let signed_up_at = signed_up
            .moment(&id, &zone)
            .map_err(|problem| vec![RowProblem::new("signed_up_at", &problem)])?;
        Ok(Customer {
            slot: Slot::of_sign_up(&id, signed_up_at, &zone),
            id,
            name,
            contact: contact(self.email.trim()),
            product,
            balance,
            locale,
            zone,
            signed_up_at,
            standing,
            opted_out,
        })
    }
}

impl RowProblem {
    fn new(column: &'static str, problem: &ParseError) -> Self {
        let cause = Cause::new(problem.to_string());
        Self { column, cause }
    }
}

struct Problems(Vec<RowProblem>);

impl Problems {
    fn take<T>(&mut self, column: &'static str, read: Result<T, ParseError>) -> Option<T> {
        read.map_err(|problem| self.0.push(RowProblem::new(column, &problem)))
            .ok()
    }

    fn in_order(mut self) -> Vec<RowProblem> {
        self.0
            .sort_by_key(|problem| COLUMNS.iter().position(|&column| column == problem.column));
        self.0
    }
}

/// A column whose words are ours, not the customer's: their case doesn't matter.
fn word(text: &str) -> String {
    text.trim().to_ascii_lowercase()
}

fn contact(text: &str) -> Contact {
    EmailAddress::parse(text).map_or(Contact::Unusable, Contact::Email)
}

fn zone(text: &str, default: &Zone) -> Result<Zone, ParseError> {
    match text {
        "" => Ok(default.clone()),
        name => Zone::parse(name),
    }
}

fn standing(word: &str) -> Result<Standing, ParseError> {
    match word {
        "active" => Ok(Standing::Active),
        "closed" => Ok(Standing::Closed),
        _ => Err(ParseError::new(
            "status",
            "is neither 'active' nor 'closed'",
        )),
    }
}

fn opted_out(word: &str) -> Result<bool, ParseError> {
    match word {
        "yes" | "true" => Ok(true),
        "no" | "false" | "" => Ok(false),
        // Not a no: a mail to someone who asked for none would be worse than a row to mend.
        _ => Err(ParseError::new(
            "opted-out mark",
            "is none of yes, no, true, false",
        )),
    }
}

enum SignUp {
    Moment(Timestamp),
    Day(Date),
}

impl SignUp {
    fn parse(text: &str) -> Result<Self, ParseError> {
        let bad = |problem: &str| Err(ParseError::new("sign-up moment", problem));
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(Self::Moment(moment));
        }
        if text.parse::<DateTime>().is_err() {
            return bad(
                "is neither a date such as 2024-05-10 nor a moment such as 2024-05-10T14:41:00+01:00",
            );
        }
        match text.parse::<Date>() {
            Ok(day) if text.len() == "2024-05-10".len() => Ok(Self::Day(day)),
            // Whose clock was it? A guess could be a day off.
            _ => bad("has a time of day but no offset; write it as 2024-05-10T14:41:00+01:00"),
        }
    }

    fn moment(self, id: &CustomerId, zone: &Zone) -> Result<Timestamp, ParseError> {
        let day = match self {
            Self::Moment(moment) => return Ok(moment),
            Self::Day(day) => day,
        };
        let first = i64::from(FIRST_HOUR) * 60;
        let minutes = (24 * 60 - first).unsigned_abs();
        let spread = stable_hash("sign-up-minute", id.as_str()) % minutes;
        let minute = first + i64::try_from(spread).unwrap_or(0);
        let local = DateTime::from_parts(day, jiff::civil::Time::midnight())
            .checked_add(jiff::SignedDuration::from_mins(minute));
        local
            .and_then(|local| zone.rules().to_timestamp(local))
            .map_err(|_| ParseError::new("sign-up moment", "is out of range"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADA: RosterRow<'_> = RosterRow {
        id: "c-1",
        name: "Ada O'Brien",
        email: "ada@example.com",
        product: "loan",
        balance: "1234.56",
        currency: "EUR",
        locale: "en-IE",
        time_zone: "Asia/Tokyo",
        signed_up_at: "2024-05-10T22:41:17Z",
        status: "active",
        opted_out: "",
    };

    fn parse(row: RosterRow<'_>) -> Result<Customer, Vec<RowProblem>> {
        row.parse(&Zone::parse("Europe/Dublin").unwrap())
    }

    fn bad_columns(row: RosterRow<'_>) -> Vec<&'static str> {
        parse(row)
            .unwrap_err()
            .iter()
            .map(|problem| problem.column)
            .collect()
    }

    #[test]
    fn a_row_becomes_a_customer_with_a_slot_of_their_own() {
        let ada = parse(ADA).unwrap();
        assert_eq!(ada.id.as_str(), "c-1");
        assert_eq!(ada.name.expose(), "Ada O'Brien");
        assert_eq!(ada.balance.minor, 123_456);
        assert_eq!(ada.zone.name(), "Asia/Tokyo");
        assert_eq!(
            (ada.slot.day(), ada.slot.hour(), ada.slot.minute()),
            (11, 7, 41)
        );
        assert_eq!((ada.standing, ada.opted_out), (Standing::Active, false));
        assert!(matches!(ada.contact, Contact::Email(_)));
    }

    #[test]
    fn space_around_a_column_and_the_case_of_our_own_words_do_not_matter() {
        let ada = parse(ADA).unwrap();
        let loose = RosterRow {
            id: " c-1 ",
            product: "Loan ",
            status: " ACTIVE",
            opted_out: "No",
            ..ADA
        };
        assert_eq!(parse(loose).unwrap(), ada);
    }

    #[test]
    fn a_bad_address_does_not_spoil_the_row() {
        for email in ["", "nobody", "a@b.co,c@d.ee", "a@b.co\r\nBcc: x@y.zz"] {
            let customer = parse(RosterRow { email, ..ADA }).unwrap();
            assert_eq!(customer.contact, Contact::Unusable, "{email}");
        }
    }

    #[test]
    fn every_bad_column_is_told_in_the_order_of_the_columns() {
        assert_eq!(
            bad_columns(RosterRow::default()),
            [
                "id",
                "name",
                "product",
                "currency",
                "locale",
                "signed_up_at",
                "status"
            ]
        );
        let row = RosterRow {
            balance: "12,50",
            time_zone: "Mars/Base",
            opted_out: "maybe",
            ..ADA
        };
        assert_eq!(bad_columns(row), ["balance", "time_zone", "opted_out"]);
        assert_eq!(
            bad_columns(RosterRow {
                balance: "1.005",
                ..ADA
            }),
            ["balance"]
        );
    }

    #[test]
    fn an_empty_zone_is_the_rosters_own() {
        assert_eq!(
            parse(RosterRow {
                time_zone: " ",
                ..ADA
            })
            .unwrap()
            .zone
            .name(),
            "Europe/Dublin"
        );
    }

    #[test]
    fn only_a_clear_yes_opts_out_and_only_a_clear_no_does_not() {
        for (text, expected) in [
            ("yes", true),
            ("TRUE", true),
            ("no", false),
            ("false", false),
            ("", false),
        ] {
            assert_eq!(
                parse(RosterRow {
                    opted_out: text,
                    ..ADA
                })
                .unwrap()
                .opted_out,
                expected,
                "{text}"
            );
        }
        for text in ["y", "1", "opted out"] {
            assert_eq!(
                bad_columns(RosterRow {
                    opted_out: text,
                    ..ADA
                }),
                ["opted_out"],
                "{text}"
            );
        }
    }

    #[test]
    fn dates_without_a_time_stay_on_their_day_and_are_spread_over_it() {
        let mut minutes = std::collections::BTreeSet::new();
        for n in 0..200 {
            let id = format!("c-{n}");
            let row = RosterRow {
                id: &id,
                signed_up_at: "2024-05-10",
                ..ADA
            };
            let customer = parse(row).unwrap();
            let local = customer.zone.rules().to_datetime(customer.signed_up_at);
            assert_eq!(local.date(), jiff::civil::date(2024, 5, 10));
            assert_eq!(
                (customer.slot.day(), customer.slot.hour()),
                (10, local.hour())
            );
            minutes.insert((local.hour(), local.minute()));
            assert_eq!(parse(row).unwrap(), customer);
        }
        assert!(minutes.len() > 150, "{} different minutes", minutes.len());
    }

    #[test]
    fn a_time_of_day_without_an_offset_is_not_guessed_at() {
        let problems = |text| {
            parse(RosterRow {
                signed_up_at: text,
                ..ADA
            })
            .unwrap_err()
        };
        for text in ["2024-05-10T14:41:00", "2024-05-10 14:41"] {
            assert!(
                problems(text)[0].to_string().contains("no offset"),
                "{text}"
            );
        }
        for text in ["", "10/05/2024", "2024-02-30", "yesterday", "-009999-01-01"] {
            assert_eq!(problems(text)[0].column, "signed_up_at", "{text}");
        }
        assert!(
            parse(RosterRow {
                signed_up_at: "2024-02-29T23:59:60+05:45",
                ..ADA
            })
            .is_ok()
        );
    }

    #[test]
    fn causes_never_quote_the_row() {
        let secret = "zq7secret";
        let row = RosterRow {
            id: "zq7secret zq7secret",
            name: "zq7secret\n",
            balance: secret,
            time_zone: secret,
            signed_up_at: secret,
            status: secret,
            opted_out: secret,
            product: secret,
            locale: "zq7secret-zq7secret",
            ..ADA
        };
        let row = RosterRow {
            name: "zq7\tsecret",
            ..row
        };
        let problems = parse(row).unwrap_err();
        assert_eq!(problems.len(), 9);
        for problem in problems {
            assert!(!problem.to_string().contains("zq7"), "{problem}");
        }
    }

    proptest! {
        #[test]
        fn no_text_whatever_makes_the_parser_panic(
            texts in prop::collection::vec(any::<String>(), 11),
            signed_up_at in r"-?[0-9]{4,6}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?",
            balance in r"-?[0-9]{0,22}\.?[0-9]{0,4}",
        ) {
            let row = RosterRow {
                id: &texts[0], name: &texts[1], email: &texts[2], product: &texts[3],
                balance: &texts[4], currency: &texts[5], locale: &texts[6], time_zone: &texts[7],
                signed_up_at: &texts[8], status: &texts[9], opted_out: &texts[10],
            };
            if let Err(problems) = parse(row) {
                prop_assert!(!problems.is_empty());
            }
            let _ = parse(RosterRow { signed_up_at: &signed_up_at, balance: &balance, email: &texts[2], ..ADA });
        }
    }
}
