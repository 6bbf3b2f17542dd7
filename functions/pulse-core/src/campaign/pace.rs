use std::num::NonZeroU64;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Campaign;

/// A campaign's day.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// A campaign is counted every fifth minute, as counting what is open of a large one takes read units: when its last count is
/// as old as this, by ticks that come some seconds early or late.
const JUDGED_AFTER: SignedDuration = SignedDuration::from_secs(5 * 60 - 30);

/// A count that is older than this says nothing of how fast a campaign goes now: it was held in between.
const LATELY: SignedDuration = SignedDuration::from_mins(16);

/// How fast a campaign goes: a row of its own beside the campaign's, which is what its events make of it and nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignPace {
    /// How often it was written: each write is on the version that was read.
    pub version: u64,
    /// The day whose entries are counted, of those since the campaign's start. The first is 0.
    pub day: u64,
    /// Entries that were begun on that day, or may have been: they are counted before they are.
    pub begun: u64,
    /// When it was last counted how many entries need nothing more for now, and how many those were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<(Timestamp, u64)>,
}

/// Where a campaign's entries stand, as far as its deadline is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Remaining {
    /// All that it has.
    pub all: u64,
    /// Those that are open.
    pub open: u64,
    /// Those of them that are put off until a later hour.
    pub put_off: u64,
    /// Those of these that are put off until after the deadline.
    pub too_late: u64,
    /// Those of them that were never dispatched, or are held again.
    pub held: u64,
}

impl Campaign {
    /// Which of its days it is at a moment: days of 24 hours since it was started.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> u64 {
        let since = self.started_at.map_or(SignedDuration::ZERO, |started_at| at.duration_since(started_at));
        since.as_hours().max(0).unsigned_abs() / DAY.as_hours().unsigned_abs()
    }

    /// When such a day is over.
    pub(super) fn day_ends(&self, day: u64) -> Timestamp {
        let lasts = i32::try_from(day + 1).ok().and_then(|days| DAY.checked_mul(days));
        let ends = self.started_at.zip(lasts).and_then(|(started_at, lasts)| started_at.checked_add(lasts).ok());
        ends.unwrap_or(Timestamp::MAX)
    }
}

impl CampaignPace {
    /// How many entries may yet be begun on the day that it is at `now`. None, if as many as there are.
    #[must_use]
    pub fn left(&self, campaign: &Campaign, now: Timestamp) -> Option<u64> {
        let a_day = campaign.request.a_day.map(NonZeroU64::get)?;
        Some(match campaign.day(now) {
            today if today > self.day => a_day,
            today if today == self.day => a_day.saturating_sub(self.begun),
            // Another clock is ahead of this one.
            _ => 0,
        })
    }

    /// The next version, by which so many more are begun on the day that it is at `now`.
    #[must_use]
    pub fn begin(&self, campaign: &Campaign, now: Timestamp, entries: u64) -> Self {
        let day = campaign.day(now);
        let begun = if day == self.day { self.begun } else { 0 };
        Self { version: self.version + 1, day, begun: begun + entries, ..*self }
    }

    /// The next version, by which so many of its day weren't begun after all.
    #[must_use]
    pub fn give_back(&self, entries: u64) -> Self {
        Self { version: self.version + 1, begun: self.begun.saturating_sub(entries), ..*self }
    }

    /// Whether it is time to count the campaign again.
    pub(super) fn is_judged_at(&self, now: Timestamp) -> bool {
        self.counted.is_none_or(|(then, _)| now.duration_since(then) >= JUDGED_AFTER)
    }

    /// The next version, and whether the campaign will have entries open at its deadline: because those that wait for nothing
    /// take longer, as fast as it went lately and as fast as it went since its start; because its days don't suffice; or because
    /// some are put off until after it.
    ///
    /// What is put off until an hour before the deadline, or left for another day, isn't waited for. Of its speed nothing is said
    /// until it has been counted twice.
    pub(super) fn judge(&self, campaign: &Campaign, at: Remaining, now: Timestamp) -> (Self, bool) {
        let left = self.left(campaign, now);
        let for_later_days = left.map_or(0, |left| at.held.saturating_sub(left));
        let due = at.open.saturating_sub(at.put_off).saturating_sub(for_later_days);
        let through = at.all.saturating_sub(due);
        let next = Self { version: self.version + 1, counted: Some((now, through)), ..*self };
        let (Some(deadline), Some(started_at)) = (campaign.request.deadline, campaign.started_at) else {
            return (next, false);
        };
        let later_days = campaign.day(deadline.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(deadline));
        let later_days = later_days.saturating_sub(campaign.day(now));
        let of_later_days = campaign.request.a_day.map_or(0, |a_day| a_day.get().saturating_mul(later_days));
        let days_suffice = for_later_days <= of_later_days;
        let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64().max(1.0);
        let lately = self.counted.filter(|(then, _)| *then < now && now.duration_since(*then) <= LATELY);
        // Where more are due than before, an hour or a day began for them: the next time tells.
        let lately = lately.and_then(|(then, before)| Some(through.checked_sub(before)? as f64 / seconds(then, now)));
        let on_average = through as f64 / seconds(started_at, now);
        let is_slow = lately
            .is_some_and(|lately| due as f64 > lately.max(on_average) * deadline.duration_since(now).as_secs_f64());
        (next, is_slow || !days_suffice || at.too_late > 0)
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan as _;

    use super::*;
    use crate::campaign::tests::started;

    fn start() -> Timestamp {
        "2026-11-03T21:30:00Z".parse().unwrap()
    }

    fn a_day(entries: u64) -> Campaign {
        let mut campaign = started(start());
        campaign.request.deadline = Some(start() + 96.hours());
        campaign.request.a_day = NonZeroU64::new(entries);
        campaign
    }

    #[test]
    fn a_day_that_nothing_was_begun_on_adds_nothing_to_the_next() {
        let campaign = a_day(1_000);
        let pace = CampaignPace::default().begin(&campaign, start() + 1.minute(), 300);
        assert_eq!(pace.left(&campaign, start() + 2.minutes()), Some(700));
        assert_eq!(pace.left(&campaign, start() + (24 * 60 - 1).minutes()), Some(700));
        // It was held for days: its sixth is a day as any other.
        for days in [1, 5] {
            assert_eq!(pace.left(&campaign, start() + (24 * days).hours()), Some(1_000));
        }
        let sixth = pace.begin(&campaign, start() + 121.hours(), 1_000);
        assert_eq!((sixth.version, sixth.day, sixth.begun), (2, 5, 1_000));
        assert_eq!(sixth.left(&campaign, start() + 122.hours()), Some(0));
        assert_eq!(sixth.give_back(40).left(&campaign, start() + 122.hours()), Some(40));
        // A clock that is behind begins nothing of a day that is over.
        assert_eq!(sixth.left(&campaign, start() + 119.hours()), Some(0));
        assert_eq!(campaign.day_ends(5), start() + 144.hours());
        assert_eq!(pace.left(&started(start()), start()), None);
    }

    /// What is said of a campaign of 5,000 at such minutes after its start, where so many are open, put off and held then.
    fn judged(campaign: &Campaign, counts: &[(i64, u64, u64, u64)]) -> Vec<bool> {
        let mut pace = CampaignPace::default();
        let judged = counts.iter().map(|(minutes, open, put_off, held)| {
            let at = Remaining { all: 5_000, open: *open, put_off: *put_off, too_late: 0, held: *held };
            let (next, is_late) = pace.judge(campaign, at, start() + minutes.minutes());
            pace = next;
            is_late
        });
        judged.collect()
    }

    #[test]
    fn a_campaign_is_counted_every_fifth_minute_whatever_its_ticks_seconds() {
        let mut pace = CampaignPace::default();
        let ticks = [0, 59, 121, 180, 239, 299, 360, 420, 481, 540, 601];
        let counted = ticks.into_iter().filter(|second| {
            let (now, at) =
                (start() + second.seconds(), Remaining { all: 10, open: 10, put_off: 0, too_late: 0, held: 10 });
            let is_judged = pace.is_judged_at(now);
            if is_judged {
                pace = pace.judge(&due_in(90), at, now).0;
            }
            is_judged
        });
        assert_eq!(counted.collect::<Vec<i64>>(), [0, 299, 601]);
    }

    fn due_in(minutes: i64) -> Campaign {
        let mut campaign = started(start());
        campaign.request.deadline = Some(start() + minutes.minutes());
        campaign
    }

    #[test]
    fn a_campaign_is_late_if_it_goes_too_slowly_lately_and_on_average() {
        let campaign = due_in(90);
        // 280 in five minutes, of 5,000 in 90: too slow by little, and by enough.
        assert_eq!(judged(&campaign, &[(5, 4_720, 0, 0), (10, 4_430, 0, 0)]), [false, false]);
        assert_eq!(judged(&campaign, &[(5, 4_730, 0, 0), (10, 4_470, 0, 0)]), [false, true]);
        // It stood still for five minutes, and can still make it.
        assert_eq!(judged(&campaign, &[(30, 1_000, 0, 0), (35, 1_000, 0, 0)]), [false, false]);
        assert_eq!(judged(&campaign, &[(85, 1_000, 0, 0), (89, 800, 0, 0)]), [false, true]);
    }

    #[test]
    fn a_campaign_that_is_begun_in_quiet_hours_is_not_late_for_that() {
        // All is dispatched and put off by the night, and goes out from eight in the morning on.
        let night = [(5, 5_000, 1_500, 3_500), (10, 5_000, 3_000, 2_000), (60, 5_000, 5_000, 0), (65, 5_000, 5_000, 0)];
        let morning = [(630, 5_000, 0, 0), (635, 4_600, 0, 0), (640, 3_800, 0, 0)];
        let all: Vec<_> = night.into_iter().chain(morning).collect();
        assert_eq!(judged(&due_in(15 * 60), &all), [false; 7]);
        // At 400 in five minutes, 4,600 take an hour.
        assert_eq!(judged(&due_in(11 * 60), &all), [false, false, false, false, false, true, true]);
    }

    #[test]
    fn a_campaign_is_late_if_someone_s_night_ends_after_its_deadline() {
        let at = |too_late| Remaining { all: 10, open: 4, put_off: 4, too_late, held: 0 };
        let judged = [0, 1].map(|late| CampaignPace::default().judge(&due_in(90), at(late), start() + 5.minutes()).1);
        assert_eq!(judged, [false, true]);
    }

    #[test]
    fn what_is_left_for_another_day_is_waited_for_only_if_the_days_suffice() {
        let spent = |campaign: &Campaign| {
            let pace = CampaignPace::default().begin(campaign, start(), campaign.request.a_day.unwrap().get());
            let at = Remaining { all: 5_000, open: 3_500, put_off: 0, too_late: 0, held: 3_500 };
            let (pace, first) = pace.judge(campaign, at, start() + 5.hours());
            [first, pace.judge(campaign, at, start() + 305.minutes()).1]
        };
        // Of four days, three are left.
        assert_eq!(spent(&a_day(1_500)), [false, false]);
        assert_eq!(spent(&a_day(1_000)), [true, true]);
    }
}
