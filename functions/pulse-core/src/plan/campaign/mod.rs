//! The arithmetic of a campaign: lanes against time, for items that each take one call.
//!
//! Two things bound it. Lanes carry 1 / mean calls a second each, of which the utilisation is planned with. And work comes in
//! batches: an invocation makes the calls of its batch before it takes another, so a few items in large batches keep few
//! lanes busy, however many there are.

mod refusal;
mod settings;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, num::NonZeroU32, time::Duration};

use serde::Serialize;

use super::{SHIPPED_IN_FLIGHT, Utilisation, WINDOW};
use crate::{
    lanes::{IN_FLIGHT, Lanes, MAXIMUM_CONCURRENCY},
    stage::StageName,
};

pub use refusal::CampaignError;
pub use settings::{LONGEST_FUNCTION, StageSettings};

/// So many items, each of which takes one call of a stage's provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// The stage that makes the calls.
    pub stage: StageName,
    /// How many items.
    pub items: NonZeroU32,
    /// How long a call takes, on average.
    pub each: Duration,
    /// What is given: the time, the lanes, or both.
    pub bound: Bound,
    /// Calls that an invocation keeps in flight. Without it, the fewest that are enough.
    pub in_flight: Option<u32>,
    /// For how long a call is waited for. Without it, as long as today, or for twice the mean of a longer call.
    pub call_timeout: Option<Duration>,
    /// How much of the lanes may be used.
    pub utilisation: Utilisation,
}

/// What a campaign is bound by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// It has to end within this time, with the fewest lanes that do it.
    Within {
        /// What all calls were to end within.
        within: Duration,
        /// The most lanes that the provider bears.
        allowed: Option<u32>,
    },
    /// It has this many lanes.
    Lanes(u32),
}

/// A way to carry a campaign out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Way {
    /// What the stage has to be set to.
    pub settings: StageSettings,
    /// With so many lanes.
    pub lanes: Lanes,
    /// How long all items take then.
    pub takes: Duration,
}

/// A point of the frontier: so many lanes, so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CampaignPoint {
    /// With so many lanes.
    pub lanes: Lanes,
    /// How long all items take.
    pub takes: Duration,
    /// Whether that is soon enough, where a time is given.
    pub in_time: Option<bool>,
    /// Whether the provider bears so many, where that is known.
    pub allowed: Option<bool>,
}

/// What a campaign takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CampaignPlan {
    /// How long the items take one after the other.
    pub in_sequence: Duration,
    /// With the fewest lanes that end it in time, or with the lanes that there are.
    #[serde(flatten)]
    pub way: Way,
    /// For how long the queue has to hide what was received.
    pub visibility_timeout: Duration,
    /// After how long, at most, the messages of a killed worker come back.
    pub back_after: Duration,
    /// Lanes against time with the same settings, the fewest lanes first.
    pub frontier: Vec<CampaignPoint>,
}

impl Campaign {
    /// Plans it.
    ///
    /// # Errors
    /// When it can't end in time, or the calls don't fit a function, or there can't be such lanes.
    pub fn plan(&self) -> Result<CampaignPlan, CampaignError> {
        let way = self.way()?;
        Ok(CampaignPlan {
            in_sequence: self.each.saturating_mul(self.items.get()),
            way,
            visibility_timeout: way.settings.visibility_timeout(),
            back_after: way.settings.back_after(),
            frontier: self.frontier(way),
        })
    }

    /// Other ways to the same end, where more has to be set for it than lanes: with as many calls in flight as are
    /// shipped, in smaller batches, and with more, for which a function need not run so long.
    #[must_use]
    pub fn other_ways(&self, than: &Way) -> Vec<Way> {
        let is_shipped =
            StageSettings { in_flight: than.settings.in_flight, ..StageSettings::SHIPPED } == than.settings;
        if self.in_flight.is_some() || is_shipped {
            return Vec::new();
        }
        let others = [SHIPPED_IN_FLIGHT, 20, *IN_FLIGHT.end()].into_iter();
        others
            .filter(|in_flight| *in_flight != than.settings.in_flight)
            .filter_map(|in_flight| Self { in_flight: Some(in_flight), ..self.clone() }.way().ok())
            .collect()
    }

    fn way(&self) -> Result<Way, CampaignError> {
        match self.bound {
            Bound::Lanes(allowed) => self.with_lanes(allowed),
            Bound::Within { within, allowed } => {
                let way = self.in_time(within)?;
                let needed = way.lanes.count();
                match allowed.filter(|allowed| needed > *allowed) {
                    None => Ok(way),
                    Some(allowed) => {
                        let with_allowed = self.with_lanes(allowed).ok().map(|way| way.takes);
                        Err(CampaignError::NotAllowed { needed, allowed, with_allowed })
                    }
                }
            }
        }
    }

    /// With as many of these lanes as can be split.
    fn with_lanes(&self, allowed: u32) -> Result<Way, CampaignError> {
        let mut settings = self.settings(self.in_flight)?;
        // So many have to be possible with some calls in flight.
        Lanes::closest(allowed, self.in_flight, settings.in_flight)?;
        // Two invocations are the fewest. Rather than none, each keeps fewer calls in flight.
        let half = allowed / MAXIMUM_CONCURRENCY.start();
        if self.in_flight.is_none() && half < settings.in_flight && IN_FLIGHT.contains(&half) {
            settings = self.settings(Some(half))?;
        }
        let most = MAXIMUM_CONCURRENCY.end() * settings.in_flight;
        let lanes = Lanes::closest(allowed.min(most), Some(settings.in_flight), settings.in_flight)?;
        Ok(Way { settings, lanes, takes: self.takes(settings, lanes.maximum_concurrency()) })
    }

    /// With the fewest lanes that are enough.
    fn in_time(&self, within: Duration) -> Result<Way, CampaignError> {
        let settings = self.settings(self.in_flight)?;
        if within < self.each {
            return Err(CampaignError::ShorterThanACall { within, each: self.each });
        }
        let with = |in_flight| self.fewest(self.settings(Some(in_flight)).ok()?, within);
        settings::choice(self.in_flight, settings.in_flight).find_map(with).ok_or_else(|| CampaignError::TooSoon {
            items: self.items.get(),
            within,
            in_flight: settings.in_flight,
            soonest: self.takes(settings, *MAXIMUM_CONCURRENCY.end()),
            enough: IN_FLIGHT.into_iter().find(|in_flight| with(*in_flight).is_some()),
        })
    }

    fn settings(&self, in_flight: Option<u32>) -> Result<StageSettings, CampaignError> {
        if let Some(in_flight) = in_flight {
            Lanes::new(*MAXIMUM_CONCURRENCY.start(), in_flight)?;
        }
        StageSettings::for_calls(self.each, self.call_timeout, in_flight)
    }

    fn fewest(&self, settings: StageSettings, within: Duration) -> Option<Way> {
        if self.takes(settings, *MAXIMUM_CONCURRENCY.end()) > within {
            return None;
        }
        MAXIMUM_CONCURRENCY.into_iter().find_map(|invocations| {
            let takes = self.takes(settings, invocations);
            let lanes = Lanes::new(invocations, settings.in_flight).ok().filter(|_| takes <= within)?;
            Some(Way { settings, lanes, takes })
        })
    }

    /// How long all items take with so many invocations at once.
    fn takes(&self, settings: StageSettings, invocations: u32) -> Duration {
        let lanes = self.utilisation.of(f64::from(invocations * settings.in_flight));
        let shared = f64::from(self.items.get()) * self.each.as_secs_f64() / lanes;
        // What is off a whole number of milliseconds is the arithmetic's.
        let shared = Duration::try_from_secs_f64((shared * 1_000.0).round() / 1_000.0).unwrap_or(Duration::MAX);
        // The last messages are no full batch, which is waited for.
        shared.max(self.in_batches(settings, invocations) + WINDOW)
    }

    /// How long the batches take, one after the other in each invocation. The last holds what is left over.
    fn in_batches(&self, settings: StageSettings, invocations: u32) -> Duration {
        let (full, rest) = (self.items.get() / settings.batch, self.items.get() % settings.batch);
        let takes = |messages| settings.batch_takes(self.each, messages);
        let whole = takes(settings.batch);
        (whole * full.div_ceil(invocations)).max(whole * (full / invocations) + takes(rest))
    }

    /// Fewer lanes and more, by parts of those of `way`, and the next fewer.
    fn frontier(&self, way: Way) -> Vec<CampaignPoint> {
        let at = way.lanes.maximum_concurrency();
        let around =
            [at / 4, at / 2, at * 3 / 4, at - 1, at, (at * 5).div_ceil(4), (at * 3).div_ceil(2), at * 2, at * 4];
        let (within, allowed) = match self.bound {
            Bound::Within { within, allowed } => (Some(within), allowed),
            Bound::Lanes(allowed) => (None, Some(allowed)),
        };
        let around: BTreeSet<u32> = around.into_iter().filter(|at| MAXIMUM_CONCURRENCY.contains(at)).collect();
        let point = |invocations| {
            let lanes = Lanes::new(invocations, way.settings.in_flight).ok()?;
            let takes = self.takes(way.settings, invocations);
            let in_time = within.map(|within| takes <= within);
            let allowed = allowed.map(|allowed| lanes.count() <= allowed);
            Some(CampaignPoint { lanes, takes, in_time, allowed })
        };
        around.into_iter().filter_map(point).collect()
    }
}
