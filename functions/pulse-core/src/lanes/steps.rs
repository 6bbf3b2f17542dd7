use super::Lanes;
use crate::ports::{LaneSettings, Step};

/// The way from one number of lanes to another.
///
/// At no moment of it are there more calls at once than before or after, does the mapping make more invocations than
/// the function may have, which Lambda would throttle, or are there more instances than the provider's rate is
/// divided by. As invocations live on with the settings that they were started with, what was lowered counts as
/// lowered only once they have ended. Every prefix of the way is safe, so it may be broken off.
///
/// A function that has no reserved concurrency gets none: the account may have none to give, and the mapping's maximum
/// bounds the lanes all the same.
#[must_use]
pub fn steps(now: &LaneSettings, wanted: Lanes) -> Vec<Step> {
    let mut way = Way { at: *now, steps: Vec::new() };
    let most = now.maximum_concurrency.max(wanted.maximum_concurrency());
    let fewer = wanted.maximum_concurrency() < now.maximum_concurrency;
    if now.reserved_concurrency.is_some_and(|reserved| reserved < most) {
        way.reserve(most);
    }
    if fewer {
        way.maximum(wanted.maximum_concurrency());
    }
    let wait_with_calls = fewer && wanted.in_flight() > now.in_flight;
    let in_flight = if wait_with_calls { now.in_flight } else { wanted.in_flight() };
    way.configure(in_flight, most);
    let lowered = fewer || way.at.in_flight < now.in_flight || way.at.rate_divisor > now.rate_divisor;

    let before = way.steps.len();
    way.configure(wanted.in_flight(), wanted.maximum_concurrency());
    way.maximum(wanted.maximum_concurrency());
    way.reserve(wanted.maximum_concurrency());
    if lowered && way.steps.len() > before {
        way.steps.insert(before, Step::Drain);
    }
    if now.changed_lately && !way.steps.is_empty() {
        way.steps.insert(0, Step::Drain);
    }
    way.steps
}

struct Way {
    at: LaneSettings,
    steps: Vec<Step>,
}

impl Way {
    fn reserve(&mut self, invocations: u32) {
        if self.at.reserved_concurrency.is_some_and(|reserved| reserved != invocations) {
            self.at.reserved_concurrency = Some(invocations);
            self.steps.push(Step::Reserve(invocations));
        }
    }

    fn maximum(&mut self, invocations: u32) {
        if self.at.maximum_concurrency != invocations {
            self.at.maximum_concurrency = invocations;
            self.steps.push(Step::Maximum(invocations));
        }
    }

    fn configure(&mut self, in_flight: u32, rate_divisor: u32) {
        let rate_divisor = self.at.rate_divisor.map(|_| rate_divisor);
        if (self.at.in_flight, self.at.rate_divisor) != (in_flight, rate_divisor) {
            (self.at.in_flight, self.at.rate_divisor) = (in_flight, rate_divisor);
            self.steps.push(Step::Configure { in_flight, rate_divisor });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn settings(maximum_concurrency: u32, in_flight: u32) -> LaneSettings {
        LaneSettings {
            maximum_concurrency,
            reserved_concurrency: Some(maximum_concurrency),
            in_flight,
            rate_divisor: None,
            enabled: true,
            changed_lately: false,
        }
    }

    fn way(now: LaneSettings, maximum_concurrency: u32, in_flight: u32) -> Vec<Step> {
        steps(&now, Lanes::new(maximum_concurrency, in_flight).unwrap())
    }

    #[test]
    fn up_begins_with_the_reservation_and_down_ends_with_it() {
        assert_eq!(way(settings(5, 4), 8, 4), [Step::Reserve(8), Step::Maximum(8)]);
        assert_eq!(way(settings(8, 4), 5, 4), [Step::Maximum(5), Step::Drain, Step::Reserve(5)]);
        assert_eq!(way(settings(5, 4), 5, 4), []);
    }

    #[test]
    fn calls_in_flight_change_on_the_side_on_which_there_are_fewer_lanes() {
        let calls = |in_flight| Step::Configure { in_flight, rate_divisor: None };
        assert_eq!(way(settings(5, 4), 2, 10), [Step::Maximum(2), Step::Drain, calls(10), Step::Reserve(2)]);
        assert_eq!(way(settings(2, 10), 5, 4), [Step::Reserve(5), calls(4), Step::Drain, Step::Maximum(5)]);
    }

    #[test]
    fn where_nothing_is_reserved_nothing_is_reserved_anew() {
        let now = LaneSettings { reserved_concurrency: None, ..settings(5, 4) };
        assert_eq!(way(now, 8, 4), [Step::Maximum(8)]);
        assert_eq!(way(now, 3, 4), [Step::Maximum(3)]);
    }

    #[test]
    fn the_rate_is_divided_anew_before_there_are_more_to_share_it() {
        let now = LaneSettings { rate_divisor: Some(5), ..settings(5, 4) };
        let shared = |rate_divisor| Step::Configure { in_flight: 4, rate_divisor: Some(rate_divisor) };
        assert_eq!(way(now, 8, 4), [Step::Reserve(8), shared(8), Step::Drain, Step::Maximum(8)]);
        assert_eq!(way(now, 3, 4), [Step::Maximum(3), Step::Drain, shared(3), Step::Reserve(3)]);
    }

    /// The worst that can be since the last drain.
    #[derive(Debug, Clone, Copy)]
    struct Worst {
        running: u32,
        calls: u32,
        rate_divisor: Option<u32>,
    }

    impl Worst {
        fn of(at: &LaneSettings) -> Self {
            Self { running: at.maximum_concurrency, calls: at.in_flight, rate_divisor: at.rate_divisor }
        }

        fn with(self, at: &LaneSettings) -> Self {
            Self {
                running: self.running.max(at.maximum_concurrency),
                calls: self.calls.max(at.in_flight),
                rate_divisor: self.rate_divisor.min(at.rate_divisor),
            }
        }
    }

    fn apply(at: &mut LaneSettings, step: Step) {
        match step {
            Step::Reserve(invocations) => at.reserved_concurrency = Some(invocations),
            Step::Maximum(invocations) => at.maximum_concurrency = invocations,
            Step::Configure { in_flight, rate_divisor } => (at.in_flight, at.rate_divisor) = (in_flight, rate_divisor),
            Step::Drain => {}
        }
    }

    fn any_settings() -> impl Strategy<Value = LaneSettings> {
        let reserved = prop_oneof![Just(None), (0u32..60).prop_map(Some)];
        let rate_divisor = prop_oneof![Just(None), (1u32..60).prop_map(Some)];
        (2u32..50, reserved, 1u32..30, rate_divisor, any::<bool>(), any::<bool>()).prop_map(
            |(maximum_concurrency, reserved, in_flight, rate_divisor, enabled, changed_lately)| LaneSettings {
                maximum_concurrency,
                // What is shipped: the same. What somebody has set: anything.
                reserved_concurrency: reserved.map(|r| if r % 2 == 0 { maximum_concurrency } else { r }),
                in_flight,
                rate_divisor: rate_divisor.map(|s| if s % 2 == 0 { maximum_concurrency } else { s }),
                enabled,
                changed_lately,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn no_step_of_the_way_throttles_or_lets_more_calls_through_than_before_or_after(
            now in any_settings(), maximum in 2u32..50, calls in 3u32..30, lately in (2u32..50, 1u32..30, 1u32..60),
        ) {
            let wanted = Lanes::new(maximum, calls).unwrap();
            let allowed = now.lanes().max(wanted.count());
            let mut at = now;
            let mut worst = Worst::of(&now);
            if now.changed_lately {
                let (running, calls, rate_divisor) = lately;
                let before = LaneSettings {
                    maximum_concurrency: running, in_flight: calls, rate_divisor: now.rate_divisor.map(|_| rate_divisor), ..now
                };
                worst = worst.with(&before);
            }
            let way = steps(&now, wanted);
            let first = usize::from(now.changed_lately);
            for (n, step) in way.iter().enumerate() {
                apply(&mut at, *step);
                worst = if *step == Step::Drain { Worst::of(&at) } else { worst.with(&at) };
                // Before its first step, it can't mend what was amiss.
                if n < first { continue; }
                prop_assert!(worst.running * worst.calls <= allowed, "{step:?} of {way:?}");
                prop_assert!(at.reserved_concurrency.is_none_or(|r| r >= worst.running), "{step:?} of {way:?}");
                let share_well = now.rate_divisor.is_none_or(|rate_divisor| rate_divisor >= now.maximum_concurrency);
                prop_assert!(!share_well || worst.rate_divisor.is_none_or(|s| s >= worst.running), "{step:?} of {way:?}");
            }
            let rate_divisor = now.rate_divisor.map(|_| maximum);
            let end = LaneSettings {
                maximum_concurrency: maximum, reserved_concurrency: now.reserved_concurrency.map(|_| maximum), in_flight: calls, rate_divisor, ..now
            };
            prop_assert_eq!(at, end);
        }
    }
}
