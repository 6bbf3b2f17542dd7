use jiff::Timestamp;
use pulse_core::{
    advice::Advice,
    customer::{Customer, CustomerId, Standing},
    entry::Entry,
    ports::{Activity, Schedules as _},
    slot::Slot,
};
use serde::Serialize;

use crate::{App, ReadError, UnknownCustomer};

/// What is known of a customer.
#[derive(Debug, Clone, Serialize)]
pub struct CustomerReport {
    /// The customer as the roster has them.
    pub profile: Customer,
    /// When their live schedule is due, if they have one.
    pub schedule: Option<Slot>,
    /// Their entries, the newest run first.
    pub entries: Vec<Entry>,
    /// What was noted of them, the newest first.
    pub activities: Vec<Activity>,
    /// When all this was looked up.
    #[serde(skip)]
    pub at: Timestamp,
}

impl CustomerReport {
    /// What to do next: a schedule that isn't as the profile says is mended by enrolling the customer again.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        let expected = (self.profile.standing == Standing::Active).then_some(&self.profile.slot);
        let is_amiss = self.schedule.as_ref() != expected;
        is_amiss.then(|| Advice::Enroll { customer: self.profile.id.clone() })
    }
}

impl App {
    /// A customer's profile, as the roster has it.
    ///
    /// # Errors
    /// When the ledger can't be read, or nobody has this id.
    pub async fn profile(&self, id: &CustomerId) -> Result<Customer, ReadError> {
        let customer = self.ports.ledger.customer(id).await?;
        Ok(customer.ok_or_else(|| UnknownCustomer(id.clone()))?)
    }

    /// A customer's profile, entries, history and schedule.
    ///
    /// # Errors
    /// When the ledger or the schedule can't be read, or nobody has this id.
    pub async fn customer(&self, id: &CustomerId) -> Result<CustomerReport, ReadError> {
        let profile = self.profile(id).await?;
        let (mut entries, in_campaigns, activities) = futures::try_join!(
            self.ports.ledger.entries(id),
            self.ports.in_campaigns.entries_in_campaigns(id),
            self.ports.reports.activities(id)
        )?;
        entries.extend(in_campaigns);
        let schedule = self.schedules().get(id).await?.map(|schedule| schedule.slot);
        Ok(CustomerReport { profile, schedule, entries, activities, at: self.clock().now() })
    }
}
