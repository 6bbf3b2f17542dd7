//! What enrolling a roster would do, asked without doing it.

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use pulse_core::{
    customer::Customer,
    enrollment::{Enrolled, Outcome, RosterChange},
    failure::Cause,
    ports::{Ledger, LedgerError},
};

use super::{AT_ONCE, Counts};

/// What would become of one row.
#[derive(Debug)]
pub struct Foreseen<Origin> {
    /// Where the customer comes from.
    pub origin: Origin,
    /// What the row says.
    pub told: Customer,
    /// What would become of them.
    pub enrolled: Enrolled,
    /// The profile that they would have.
    pub after: Customer,
}

/// What [`App::enroll`](crate::App::enroll) would do, by the same rules, told for each customer in the order of the
/// roster, and `refuse` those whose profile can't be read. Without a ledger everyone is taken for new. Whom the scheduler
/// would refuse, only the scheduler knows.
///
/// # Errors
/// When the ledger can't be read.
pub async fn foresee<Origin>(
    ledger: Option<&dyn Ledger>,
    customers: impl Iterator<Item = (Origin, Customer)>,
    as_of: Timestamp,
    watch: &mut dyn FnMut(&Foreseen<Origin>),
    refuse: &mut dyn FnMut(Origin, &Cause),
) -> Result<Counts, LedgerError> {
    let mut foreseen = stream::iter(customers)
        .map(async |(origin, told)| {
            let before = match ledger {
                Some(ledger) => match ledger.customer(&told.id).await {
                    Err(LedgerError::Unreadable(cause)) => return Ok(Err((origin, cause))),
                    read => read?,
                },
                None => None,
            };
            let RosterChange { after, outcome, consent } = RosterChange::of(before.as_ref(), &told, as_of);
            let enrolled =
                Enrolled { outcome, consent, opted_out: after.consent.opted_out() && outcome != Outcome::Forgotten };
            Ok(Ok(Foreseen { origin, told, enrolled, after }))
        })
        .buffered(AT_ONCE);
    let mut counts = Counts::default();
    while let Some(foreseen) = foreseen.next().await {
        match foreseen? {
            Ok(foreseen) => {
                counts.add(foreseen.enrolled, &foreseen.told);
                watch(&foreseen);
            }
            Err((origin, cause)) => refuse(origin, &cause),
        }
    }
    Ok(counts)
}
