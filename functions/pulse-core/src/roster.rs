//! Roster rows: from columns of text to a [`Customer`].

use crate::{
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, OptOutMark, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    failure::Cause,
    parse::ParseError,
    slot::Slot,
};

mod address;
mod doubts;
mod sign_up;
#[cfg(test)]
mod tests;

use sign_up::SignUp;

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
    /// What they owe: a decimal number such as `1234.56`, to the currency's minor unit.
    pub balance: &'a str,
    /// The balance's currency: an ISO 4217 code in use, such as `EUR`.
    pub currency: &'a str,
    /// A language tag such as `en-IE`, in any spelling that [`Locale::parse`] reads.
    pub locale: &'a str,
    /// An IANA name such as `Europe/Dublin`. Empty stands for the roster's default zone.
    pub time_zone: &'a str,
    /// A moment with its offset (`2024-05-10T14:41:00+01:00`) or a date (`2024-05-10`).
    pub signed_up_at: &'a str,
    /// `active` or `closed`.
    pub status: &'a str,
    /// `yes`, `no`, `true`, `false`, or nothing, which says nothing: see [`Consent`].
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
    /// Whether the row says clearly that the customer asked for no more mail, be the rest of it as it may.
    #[must_use]
    pub fn opts_out(&self) -> bool {
        opted_out(&word(self.opted_out)) == Ok(OptOutMark::Yes)
    }

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
        let balance =
            currency.and_then(|currency| problems.take("balance", Money::parse(self.balance.trim(), currency)));
        let locale = problems.take("locale", Locale::parse(self.locale.trim()));
        let zone = problems.take("time_zone", zone(self.time_zone.trim(), default_zone));
        let signed_up = problems.take("signed_up_at", SignUp::parse(self.signed_up_at.trim()));
        let standing = problems.take("status", standing(&word(self.status)));
        let opted_out = problems.take("opted_out", opted_out(&word(self.opted_out)));

        let parts = (id, name, product, balance, locale, zone, signed_up, standing, opted_out);
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
        let signed_up_at =
            signed_up.moment(&id, &zone).map_err(|problem| vec![RowProblem::new("signed_up_at", &problem)])?;
        Ok(Customer {
            slot: Slot::of_sign_up(&id, signed_up_at, &zone),
            id,
            name,
            contact: self.address().map_or(Contact::Unusable, Contact::Email),
            product,
            balance,
            locale,
            zone,
            signed_up_at,
            standing,
            consent: Consent::of_mark(opted_out),
            mark: ProfileMark::default(),
        })
    }

    /// The address that mail goes to, its domain in A-labels.
    ///
    /// # Errors
    /// Why nothing can be mailed to it: the customer is one all the same, with [`Contact::Unusable`].
    pub fn address(&self) -> Result<EmailAddress, ParseError> {
        address::read(self.email.trim())
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
        read.map_err(|problem| self.0.push(RowProblem::new(column, &problem))).ok()
    }

    fn in_order(mut self) -> Vec<RowProblem> {
        self.0.sort_by_key(|problem| COLUMNS.iter().position(|&column| column == problem.column));
        self.0
    }
}

/// A column whose words are ours, not the customer's: their case doesn't matter.
fn word(text: &str) -> String {
    text.trim().to_ascii_lowercase()
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
        _ => Err(ParseError::new("status", "is neither 'active' nor 'closed'")),
    }
}

fn opted_out(word: &str) -> Result<OptOutMark, ParseError> {
    match word {
        "yes" | "true" => Ok(OptOutMark::Yes),
        "no" | "false" => Ok(OptOutMark::No),
        "" => Ok(OptOutMark::Empty),
        // Not a no: a mail to someone who asked for none would be worse than a row to mend.
        _ => Err(ParseError::new("opted-out mark", "is none of yes, no, true, false")),
    }
}
