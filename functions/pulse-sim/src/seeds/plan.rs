use std::time::Duration;

use jiff::Timestamp;
use pulse_core::quiet_hours::QuietHours;

use super::{
    fault::{Act, Fault, Kind},
    generate,
};
use crate::{random::Randomness, world::MailProvider};

/// Days at the end in which nothing goes wrong any more, and all must come right.
const CALM_DAYS: u32 = 6;

/// What happens in a seed's month.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The number that decides it.
    pub seed: u64,
    /// The first moment.
    pub starts: Timestamp,
    /// How many customers there are at most, numbered from 0.
    pub customers: u32,
    /// How many days it lasts.
    pub days: u32,
    /// The email provider's ways.
    pub mail_provider: MailProvider,
    /// Hours without mail, if any.
    pub quiet_hours: Option<QuietHours>,
    /// The chance that a message is delivered twice, or a delete forgotten.
    pub duplicates: f64,
    /// What goes wrong, with its number, by which it can be left out.
    pub faults: Vec<(usize, Fault)>,
}

impl Plan {
    /// A seed's plan.
    ///
    /// # Panics
    /// With fewer than 8 days: nothing could go wrong in them.
    #[must_use]
    pub fn of_seed(seed: u64, customers: u32, days: u32) -> Self {
        assert!(days > CALM_DAYS + 1, "a seed needs 8 days at least");
        let random = Randomness::of_seed(seed).stream("plan");
        let mut plan = Self::calm(seed, customers, days);
        generate::house(&random, &mut plan);
        plan.faults = generate::faults(&random, &mut plan).into_iter().enumerate().collect();
        plan
    }

    /// A plan in which nothing goes wrong.
    #[must_use]
    pub fn calm(seed: u64, customers: u32, days: u32) -> Self {
        let starts = Timestamp::UNIX_EPOCH + Duration::from_hours(24 * 20_758); // 2026-11-01
        Self {
            seed,
            starts,
            customers,
            days,
            mail_provider: MailProvider::Deduplicating,
            quiet_hours: None,
            duplicates: 0.0,
            faults: Vec::new(),
        }
    }

    /// The same with code that panics on a few customers. They are picked from a stream of their own and come last, so
    /// that whatever else happens, and its numbers, are as without. A month in which only what is harmless happens stays
    /// so.
    #[must_use]
    pub fn with_panics(mut self) -> Self {
        if !self.is_harmless() {
            let random = Randomness::of_seed(self.seed).stream("panics");
            let panics = generate::panics(&random, self.calm_from());
            let number = self.faults.iter().map(|(number, _)| number + 1).max().unwrap_or(0);
            self.faults.extend((number..).zip(panics));
        }
        self
    }

    /// The same with these faults only.
    #[must_use]
    pub fn with_only(mut self, faults: &[usize]) -> Self {
        self.faults.retain(|(number, _)| faults.contains(number));
        self
    }

    /// The customer that a fault means: faults are made for any number of customers.
    #[must_use]
    pub fn number(&self, who: u32) -> u32 {
        who % self.customers.max(1)
    }

    /// When nothing goes wrong any more, from the start.
    #[must_use]
    pub fn calm_from(&self) -> Duration {
        Duration::from_hours(24 * u64::from(self.days - CALM_DAYS))
    }

    /// When it is over.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.starts + Duration::from_hours(24 * u64::from(self.days))
    }

    /// Whether nothing happens that could lose a message or fail a worker.
    #[must_use]
    pub fn is_gentle(&self) -> bool {
        self.duplicates == 0.0 && self.faults.iter().all(|(_, fault)| matches!(fault.kind, Kind::Pause(_)))
    }

    /// Whether nothing happens but what Pulse lets no message die of: pauses of either kind, deployments,
    /// and providers that are out of order.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        self.duplicates == 0.0
            && self.faults.iter().all(|(_, fault)| {
                fault.kind.pauses().is_some()
                    || matches!(fault.kind, Kind::Outage(..) | Kind::Once(Act::Deploy | Act::Redrive(_)))
            })
    }

    /// Whether a provider may do late what it was asked.
    #[must_use]
    pub fn has_late_mail(&self) -> bool {
        self.faults.iter().any(|(_, fault)| matches!(&fault.kind, Kind::Unreliable(_, weather) if weather.late > 0.0))
    }
}
