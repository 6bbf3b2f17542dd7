use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::{
    customer::CustomerId,
    ports::{LedgerError, RunReports},
    run::RunId,
};

/// Parts of the roster that are read side by side: memory for half of it, for half of the time.
const AT_ONCE: usize = 4;

/// Customers without an entry in a run, by why.
#[derive(Debug, Default)]
pub(super) struct Outside {
    pub(super) left_before: u64,
    pub(super) in_later_run: u64,
    pub(super) in_earlier_run: u64,
    pub(super) without_entry: Vec<CustomerId>,
}

/// Finds out who is on the roster and has no entry in a run.
pub(super) async fn outside(ledger: &dyn RunReports, run: RunId) -> Result<Outside, LedgerError> {
    let parts = stream::iter(0..ledger.parts()).map(|part| of_part(ledger, part, run)).buffer_unordered(AT_ONCE);
    let mut all = parts
        .try_fold(Outside::default(), async |mut all, part| {
            all.left_before += part.left_before;
            all.in_later_run += part.in_later_run;
            all.in_earlier_run += part.in_earlier_run;
            all.without_entry.extend(part.without_entry);
            Ok(all)
        })
        .await?;
    all.without_entry.sort();
    Ok(all)
}

async fn of_part(ledger: &dyn RunReports, part: u64, run: RunId) -> Result<Outside, LedgerError> {
    let (active, left, closed, open) = futures::try_join!(
        ledger.active_customers(part),
        ledger.closed_customers(part),
        ledger.closed_in_run(part, run),
        ledger.open_entries(part),
    )?;
    let mut inside: HashSet<CustomerId, FixedState> = closed.into_iter().collect();
    let mut elsewhere: HashMap<CustomerId, RunId, FixedState> = HashMap::default();
    for entry in open {
        if entry.run == run {
            inside.insert(entry.customer);
        } else if entry.run.is_monthly() {
            elsewhere.insert(entry.customer, entry.run);
        }
    }
    let mut found = Outside {
        left_before: left.into_iter().filter(|customer| !inside.contains(customer)).count() as u64,
        ..Outside::default()
    };
    for customer in active.into_iter().filter(|customer| !inside.contains(customer)) {
        match elsewhere.get(&customer) {
            Some(other) if *other > run => found.in_later_run += 1,
            Some(_) => found.in_earlier_run += 1,
            None => found.without_entry.push(customer),
        }
    }
    Ok(found)
}
