use proptest::prelude::*;

use super::*;
use crate::plan::FUNCTION_TIMEOUT;

fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// 10,000 items of a minute each.
fn campaign(bound: Bound) -> Campaign {
    Campaign {
        stage: StageName::Score,
        items: NonZeroU32::new(10_000).unwrap(),
        each: minutes(1),
        bound,
        in_flight: None,
        call_timeout: None,
        utilisation: Utilisation::default(),
    }
}

fn within(minutes: u64) -> Bound {
    Bound::Within { within: Duration::from_mins(minutes), allowed: None }
}

fn refused(campaign: &Campaign) -> String {
    campaign.plan().unwrap_err().to_string()
}

#[test]
fn ten_thousand_items_of_a_minute_end_within_ninety_with_140_lanes() {
    let plan = campaign(within(90)).plan().unwrap();
    // 10,000 x 60 s / 5,400 s are 112 lanes, and 139 if they are to be busy for 0.8 of the time.
    assert_eq!((plan.way.lanes.maximum_concurrency(), plan.way.lanes.in_flight()), (7, 20));
    // 600,000 s / 140 / 0.8.
    assert_eq!((plan.way.takes.as_secs(), plan.in_sequence), (5_357, minutes(10_000)));
    let [before, at] = [6, 7].map(|at| {
        *plan.frontier.iter().find(|point| point.lanes.maximum_concurrency() == at).expect("a point of the frontier")
    });
    assert_eq!((before.in_time, at.in_time, at.takes, at.allowed), (Some(false), Some(true), plan.way.takes, None));
}

#[test]
fn a_call_of_a_minute_needs_a_longer_timeout_a_longer_function_and_more_calls_in_flight() {
    let settings = StageSettings::for_calls(minutes(1), None, None).unwrap();
    // 12 rounds of 60 s, 120 s for a call that hangs, and 9 s to end; with 19 in flight 13 rounds would take 909 s.
    assert_eq!((settings.call_timeout, settings.in_flight, settings.batch), (minutes(2), 20, 240));
    assert_eq!((settings.function_needs(minutes(1)), settings.function_timeout), (seconds(849), seconds(850)));
    assert_eq!((settings.visibility_timeout(), settings.back_after()), (seconds(5_160), seconds(870)));
    // 900 s, the waits between five tries of 1,700 s, and five tries.
    assert_eq!(settings.sweep_grace(), seconds(900 + 1_700 + 5 * 850));
}

#[test]
fn as_few_calls_in_flight_as_are_shipped_take_a_smaller_batch() {
    let way = Campaign { in_flight: Some(4), ..campaign(within(90)) }.plan().unwrap().way;
    assert_eq!((way.settings.batch, way.settings.function_timeout, way.lanes.count()), (48, seconds(850), 140));
    let chosen = campaign(within(90));
    let others = chosen.other_ways(&chosen.plan().unwrap().way);
    let told = |way: &Way| (way.settings.in_flight, way.settings.batch, way.settings.function_timeout.as_secs());
    assert_eq!(others.iter().map(told).collect::<Vec<_>>(), [(4, 48, 850), (80, 240, 310)]);
}

#[test]
fn calls_that_fit_need_nothing_but_lanes() {
    let short = Campaign { each: Duration::from_millis(3_300), ..campaign(within(30)) };
    let way = short.plan().unwrap().way;
    assert_eq!((way.settings, short.other_ways(&way)), (StageSettings::SHIPPED, vec![]));
    // 33,000 s / 1,800 s / 0.8 are 23 lanes.
    assert_eq!(way.lanes.count(), 24);
    // Calls of 6 s fit with more of them in flight alone.
    let settings = StageSettings::for_calls(seconds(6), None, None).unwrap();
    assert_eq!(settings, StageSettings { in_flight: 6, ..StageSettings::SHIPPED });
    assert_eq!(settings.function_timeout, FUNCTION_TIMEOUT);
}

#[test]
fn lanes_that_are_given_say_how_long_it_takes() {
    let plan = campaign(Bound::Lanes(100)).plan().unwrap();
    // 5 x 20, all that are allowed.
    assert_eq!((plan.way.lanes.count(), plan.way.takes.as_secs()), (100, 7_500));
    let allowed: Vec<_> = plan.frontier.iter().filter(|point| point.allowed == Some(true)).collect();
    assert_eq!(allowed.last().map(|point| point.lanes.count()), Some(100));
    assert!(plan.frontier.len() > allowed.len(), "{:?}", plan.frontier);
    // Too few for two invocations of seven calls.
    let few = campaign(Bound::Lanes(10)).plan().unwrap().way;
    assert_eq!((few.lanes.count(), few.settings.in_flight, few.settings.batch), (10, 5, 60));
    assert!(refused(&campaign(Bound::Lanes(5))).contains("the fewest are 6"));
}

#[test]
fn few_items_in_large_batches_keep_few_lanes_busy() {
    let few = |bound| Campaign { items: NonZeroU32::new(100).unwrap(), ..campaign(bound) };
    // One batch, which takes 5 rounds, whatever the lanes.
    assert_eq!(few(Bound::Lanes(700)).plan().unwrap().way.takes, minutes(6));
    // So more calls in flight are what is bought: 3 rounds.
    let way = few(within(4)).plan().unwrap().way;
    assert_eq!((way.settings.in_flight, way.takes), (34, minutes(4)));
    assert!(refused(&Campaign { in_flight: Some(7), ..few(within(4)) }).contains("keep 34 or more calls in flight"));
}

#[test]
fn what_cannot_be_is_refused_with_its_arithmetic_and_what_would_do() {
    let of = |each, bound| Campaign { each, ..campaign(bound) };
    let with = |in_flight, bound| Campaign { in_flight: Some(in_flight), ..campaign(bound) };
    let waited = |each, call_timeout| Campaign { call_timeout: Some(call_timeout), ..of(each, within(90)) };
    let allowed = Bound::Within { within: minutes(90), allowed: Some(100) };
    for (refused, words) in [
        (refused(&of(seconds(460), within(90))), "doesn't fit a function: Lambda runs one for 15.0 min at most"),
        (refused(&of(minutes(15), within(90))), "less than the 15.0 min"),
        (refused(&of(Duration::ZERO, within(90))), "from 0.001 s"),
        (refused(&waited(minutes(1), seconds(50))), "given up after 50 s"),
        (refused(&waited(minutes(1), seconds(900))), "Wait less for it"),
        (refused(&of(minutes(4), within(3))), "nothing can end within 180 s: one call takes 240 s"),
        (refused(&with(7, within(12))), "with 7 calls in flight in each of the 1000 invocations"),
        (refused(&with(7, within(12))), "they take 13.0 min: keep 22 or more calls in flight"),
        (refused(&campaign(within(1))), "allow it more time"),
        (refused(&campaign(allowed)), "140 lanes, and 100 are allowed, which take 2.1 h"),
        (refused(&with(2, within(90))), "fewer than 3"),
    ] {
        assert!(refused.contains(words), "{words} isn't in {refused}");
    }
    assert!(of(seconds(440), within(900)).plan().is_ok());
}

proptest! {
    #[test]
    fn more_lanes_are_never_slower_and_the_fewest_that_are_told_are_the_fewest(
        items in 1u32..200_000, millis in 1u64..400_000, given in 1u64..2_000, utilisation in 0.05f64..=1.0,
        in_flight in proptest::option::of(3u32..=80),
    ) {
        let campaign = Campaign {
            items: NonZeroU32::new(items).unwrap(),
            each: Duration::from_millis(millis),
            in_flight,
            utilisation: Utilisation::parse(utilisation).unwrap(),
            ..campaign(within(given))
        };
        let settings = campaign.settings(in_flight).unwrap();
        prop_assert!(settings.fit(campaign.each) && settings.function_timeout <= LONGEST_FUNCTION);
        let times: Vec<_> = MAXIMUM_CONCURRENCY.map(|at| campaign.takes(settings, at)).collect();
        prop_assert!(times.is_sorted_by(|one, next| one >= next));
        // Nothing takes less than its calls side by side.
        let least = campaign.each.as_secs_f64() * f64::from(items.div_ceil(1_000 * settings.in_flight));
        prop_assert!(times.last().unwrap().as_secs_f64() >= least);
        match campaign.plan() {
            Ok(plan) => {
                let at = plan.way.lanes.maximum_concurrency();
                prop_assert!(plan.way.takes <= minutes(given));
                prop_assert!(at == 2 || campaign.takes(plan.way.settings, at - 1) > minutes(given));
                prop_assert!(plan.way.settings.fit(campaign.each));
            }
            Err(CampaignError::TooSoon { soonest, .. }) => prop_assert!(soonest > minutes(given)),
            Err(error) => prop_assert_eq!(
                error, CampaignError::ShorterThanACall { within: minutes(given), each: campaign.each }
            ),
        }
    }
}
