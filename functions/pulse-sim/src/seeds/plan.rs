use std::time::Duration;

use jiff::Timestamp;
use pulse_core::{quiet_hours::QuietHours, stage::StageName};

use super::fault::{Act, Fault, Kind};
use crate::world::{Faults, FeedbackFaults, Noise, ProviderFaults, RecipientWays, SimulatedMailProvider};

/// Days at the end in which nothing goes wrong any more, and all must come right.
pub(super) const CALM_DAYS: u32 = 6;

/// What happens in a seed's month.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultPlan {
    /// The number that decides it.
    pub seed: u64,
    /// The first moment.
    pub starts: Timestamp,
    /// How many customers there are at most, numbered from 0.
    pub customers: u32,
    /// How many days it lasts.
    pub days: u32,
    /// The email provider's ways.
    pub mail_provider: SimulatedMailProvider,
    /// How recipients and their servers take mails.
    pub recipients: RecipientWays,
    /// Hours without mail, if any.
    pub quiet_hours: Option<QuietHours>,
    /// The chance that a message is delivered twice, or a delete forgotten.
    pub duplicates: f64,
    /// Whether other systems are told of what happens.
    pub has_endpoints: bool,
    /// Whether campaigns are started, whose messages have groups.
    pub has_campaigns: bool,
    /// What goes wrong, with its number, by which it can be left out.
    pub faults: Vec<(usize, Fault)>,
}

impl FaultPlan {
    /// A plan in which nothing goes wrong.
    #[must_use]
    pub fn calm(seed: u64, customers: u32, days: u32) -> Self {
        let starts = Timestamp::UNIX_EPOCH + Duration::from_hours(24 * 20_758); // 2026-11-01
        Self {
            seed,
            starts,
            customers,
            days,
            mail_provider: SimulatedMailProvider::Deduplicating,
            recipients: RecipientWays::default(),
            quiet_hours: None,
            duplicates: 0.0,
            has_endpoints: false,
            has_campaigns: false,
            faults: Vec::new(),
        }
    }

    /// The command that lives through it, as far as it says nothing of single faults.
    #[must_use]
    pub fn command(&self) -> String {
        let beside: Vec<_> = [(self.has_campaigns, "campaigns"), (self.has_endpoints, "endpoints")]
            .into_iter()
            .filter_map(|(has, name)| has.then_some(name))
            .collect();
        let with = if beside.is_empty() { String::new() } else { format!(" --with {}", beside.join(",")) };
        format!("pulse simulate --seed {} --customers {} --days {}{with}", self.seed, self.customers, self.days)
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

    /// Whether a campaign calls a partner.
    #[must_use]
    pub fn calls(&self) -> bool {
        self.faults.iter().any(|(_, fault)| {
            matches!(&fault.kind, Kind::Once(Act::Campaign(act)) if act.campaign.plan.has(StageName::Call))
        })
    }

    /// Whether nothing happens that could lose a message or fail a worker.
    #[must_use]
    pub fn is_gentle(&self) -> bool {
        let is_gentle = |kind: &Kind| matches!(kind, Kind::Pause(_) | Kind::Once(Act::Campaign(_)));
        self.duplicates == 0.0 && self.faults.iter().all(|(_, fault)| is_gentle(&fault.kind))
    }

    /// Whether nothing happens but what Pulse lets no message die of: pauses of either kind, deployments,
    /// and providers and other systems that are out of order.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        self.duplicates == 0.0
            && self.faults.iter().all(|(_, fault)| {
                fault.kind.pauses().is_some()
                    || matches!(
                        fault.kind,
                        Kind::Outage(..) | Kind::Once(Act::Deploy | Act::Redrive(_) | Act::Campaign(_))
                    )
                    || matches!(fault.kind, Kind::Endpoint(_, faults) if faults.rejected == 0.0)
            })
    }

    /// Whether a provider may do late what it was asked.
    #[must_use]
    pub fn has_late_mail(&self) -> bool {
        self.faults.iter().any(|(_, fault)| matches!(&fault.kind, Kind::Unreliable(_, faults) if faults.late > 0.0))
    }
}

/// What goes wrong while these faults last.
pub(crate) fn active_faults<'f>(faults: impl Iterator<Item = &'f Fault>) -> Faults {
    let mut now = Faults::default();
    for fault in faults {
        match &fault.kind {
            Kind::Ledger(noise) => now.ledger = louder(now.ledger, *noise),
            Kind::Queues(noise) => now.queue = louder(now.queue, *noise),
            Kind::Deaths(chance) => now.death = now.death.max(*chance),
            Kind::TickDeaths(chance) => now.tick_death = now.tick_death.max(*chance),
            Kind::BadAnswers(chance) => now.bad_answer = now.bad_answer.max(*chance),
            Kind::Unreliable(stage, faults) => {
                let provider = &mut now.providers[*stage];
                *provider = less_reliable(*provider, *faults);
            }
            Kind::Outage(stage, down) => now.providers[*stage].down = Some(*down),
            Kind::NothingScheduled => now.nothing_scheduled = true,
            Kind::LostBatches(chance) => now.lost_batch = now.lost_batch.max(*chance),
            Kind::Feedback(faults) => now.feedback = worse(now.feedback, *faults),
            Kind::Recipients(ways) => now.recipients = Some(*ways),
            Kind::IntakeOff | Kind::IntakeThrottled(_) => now.feedback.is_held_up = true,
            Kind::SchedulerCutOff
            | Kind::SchedulerRefused(_)
            | Kind::Pause(_)
            | Kind::Disable(_)
            | Kind::Throttle(..)
            | Kind::Panic(..)
            | Kind::Panics(..)
            | Kind::Disorder(_)
            | Kind::Endpoint(..)
            | Kind::Once(_) => {}
        }
    }
    now
}

fn less_reliable(one: ProviderFaults, other: ProviderFaults) -> ProviderFaults {
    ProviderFaults {
        down: one.down.or(other.down),
        retry: one.retry.max(other.retry),
        fail: one.fail.max(other.fail),
        answer_lost: one.answer_lost.max(other.answer_lost),
        late: one.late.max(other.late),
        slower: one.slower.max(other.slower),
    }
}

fn worse(one: FeedbackFaults, other: FeedbackFaults) -> FeedbackFaults {
    FeedbackFaults {
        lost: one.lost.max(other.lost),
        late: one.late.max(other.late),
        repeated: one.repeated.max(other.repeated),
        strangers: one.strangers.max(other.strangers),
        unreadable: one.unreadable.max(other.unreadable),
        is_held_up: one.is_held_up || other.is_held_up,
    }
}

fn louder(one: Noise, other: Noise) -> Noise {
    Noise { refused: one.refused.max(other.refused), answer_lost: one.answer_lost.max(other.answer_lost) }
}
