//! Made-up customers, whom the letters of all languages are shown by.

use jiff::{SignedDuration, Timestamp};
use pulse_core::{
    customer::{Customer, Product},
    parse::ParseError,
    score::Score,
};
use pulse_letters::made_up::{Home, LONG_NAME, NO_NAME, score};

/// One letter to show.
pub(super) struct Sample {
    pub(super) title: &'static str,
    pub(super) customer: Customer,
    pub(super) score: Score,
    pub(super) previous: Option<Score>,
    /// Whether there is a link to unsubscribe by.
    pub(super) has_link: bool,
}

/// One of each kind that a letter can be of.
pub(super) fn samples(home: &Home, now: Timestamp) -> Result<Vec<Sample>, ParseError> {
    let [own, foreign] = home.names;
    let loan = |name, before, now| (name, Product::Loan, before, now);
    let card = |name, before, now| (name, Product::Card, before, now);
    let cases = [
        ("The first score", loan(own, None, 642)),
        ("Up by one, a name of another script", card(foreign, Some(711), 712)),
        ("Up by two", loan(own, Some(712), 714)),
        ("Up by three", card(own, Some(714), 717)),
        ("Down by twelve", loan(own, Some(717), 705)),
        ("The same as last month, a name that shows nothing", card(NO_NAME, Some(705), 705)),
        ("Down from the top to the bottom, a long name", loan(LONG_NAME, Some(1000), 0)),
        ("A name that looks like a link", card("www.evil.example", Some(700), 800)),
    ];
    let linked = cases.into_iter().map(|(title, case)| sample(title, home, case, now));
    let unlinked = sample("Of a deployment that has no link to unsubscribe by", home, loan(own, Some(642), 642), now);
    let unlinked = unlinked.map(|sample| Sample { has_link: false, ..sample });
    linked.chain([unlinked]).collect()
}

fn sample(
    title: &'static str,
    home: &Home,
    (name, product, previous, value): (&str, Product, Option<u32>, u32),
    now: Timestamp,
) -> Result<Sample, ParseError> {
    let customer = home.customer(name, product, now)?;
    let month_ago = now - SignedDuration::from_hours(30 * 24);
    let previous = previous.map(|value| score(value, month_ago)).transpose()?;
    Ok(Sample { title, customer, score: score(value, now)?, previous, has_link: true })
}
