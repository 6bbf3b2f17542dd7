//! For how long what should come may stay away, and what is said then.

use std::time::Duration;

/// From the minute of the last schedule to the first call. On AWS as with an emulator that heeds it, a batch is
/// collected for 60 s; `LocalStack` polls 10 s after an empty poll; then an execution environment starts. The rest is
/// for a slow machine.
const TO_THE_FIRST_CALL: Duration = Duration::from_mins(5);

/// Longer than the queues' visibility timeout, which is the longest that a healthy message can stay out of sight.
const TO_A_CHANGE: Duration = Duration::from_mins(15);

/// What is looked at for movement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight<P> {
    pub(super) places: P,
    pub(super) score_calls: u64,
    pub(super) mail_calls: u64,
}

/// Why the wait is at an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standstill {
    /// The scoring provider was never called.
    NoCall,
    /// It was, and then nothing moved.
    NoChange,
}

/// Waits no longer than makes sense. Times are since the wait began.
pub(super) struct Patience<P> {
    due: Duration,
    changed: Duration,
    seen: Option<Sight<P>>,
}

impl<P: PartialEq + Copy> Patience<P> {
    /// For schedules of which the last comes due at `due`.
    pub(super) fn new(due: Duration) -> Self {
        Self { due, changed: Duration::ZERO, seen: None }
    }

    /// Takes note of what is seen at `now`, and says whether that is all that will come.
    pub(super) fn look(&mut self, sight: Sight<P>, now: Duration) -> Option<Standstill> {
        if self.seen != Some(sight) {
            (self.seen, self.changed) = (Some(sight), now);
        }
        if sight.score_calls == 0 {
            return (now > self.due + TO_THE_FIRST_CALL).then_some(Standstill::NoCall);
        }
        (now.saturating_sub(self.changed) > TO_A_CHANGE).then_some(Standstill::NoChange)
    }
}

/// What a run has come to when the wait ends.
pub(super) struct Stopped<'a> {
    pub(super) standstill: Standstill,
    pub(super) customers: u64,
    pub(super) open: u64,
    pub(super) waiting: u64,
    pub(super) in_flight: u64,
    /// Whether Pulse was to fire the schedules.
    pub(super) fires: bool,
    pub(super) score_url: &'a str,
    pub(super) advice: &'a str,
}

impl Stopped<'_> {
    /// What didn't come, and what to do.
    pub(super) fn words(&self) -> String {
        let Self { customers, open, waiting, in_flight, score_url, advice, .. } = self;
        match self.standstill {
            Standstill::NoCall if waiting + in_flight == 0 => {
                let minutes = TO_THE_FIRST_CALL.as_secs() / 60;
                let next = if self.fires {
                    "see above why `pulse local` could not fire them, and in the emulator's log whether the functions fail"
                } else {
                    "if the emulator doesn't fire them, run this again with --schedules-by pulse"
                };
                format!("No schedule has led to a call within {minutes} minutes, and no message is queued: {next}.")
            }
            Standstill::NoCall => format!(
                "No call has reached the scoring stand-in at {score_url} within {} minutes of the schedules, with {waiting} messages waiting and {in_flight} with the functions: {advice}.",
                TO_THE_FIRST_CALL.as_secs() / 60
            ),
            Standstill::NoChange => format!(
                "Nothing has moved for {} minutes, and {open} of {customers} customers are not accounted for, with {waiting} messages waiting and {in_flight} with the functions: look at `pulse --local status` and `pulse --local why` while the emulator runs, and at its log.",
                TO_A_CHANGE.as_secs() / 60
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn minutes(minutes: u64) -> Duration {
        Duration::from_mins(minutes)
    }

    fn sight(places: u64, score_calls: u64) -> Sight<u64> {
        Sight { places, score_calls, mail_calls: 0 }
    }

    #[test]
    fn without_a_call_the_wait_ends_some_minutes_after_the_schedules_whatever_else_moves() {
        let mut patience = Patience::new(minutes(2));
        for minute in 0..=7 {
            assert_eq!(patience.look(sight(minute, 0), minutes(minute)), None, "{minute}");
        }
        assert_eq!(patience.look(sight(8, 0), minutes(8)), Some(Standstill::NoCall));
    }

    #[test]
    fn with_calls_it_lasts_for_as_long_as_anything_moves_and_not_for_ever() {
        let mut patience = Patience::new(minutes(2));
        assert_eq!(patience.look(sight(0, 1), minutes(6)), None);
        assert_eq!(patience.look(sight(0, 2), minutes(20)), None);
        assert_eq!(patience.look(sight(0, 2), minutes(35)), None);
        assert_eq!(patience.look(sight(0, 2), minutes(36)), Some(Standstill::NoChange));
    }

    fn stopped(standstill: Standstill, waiting: u64, fires: bool) -> String {
        let (score_url, advice) = ("http://host.docker.internal:1/v1/scores", "see in the emulator's log");
        let counts = Stopped { standstill, customers: 9, open: 4, waiting, in_flight: 0, fires, score_url, advice };
        counts.words()
    }

    #[test]
    fn what_did_not_come_is_said_with_what_to_do() {
        assert!(stopped(Standstill::NoCall, 0, false).contains("run this again with --schedules-by pulse"));
        assert!(stopped(Standstill::NoCall, 0, true).contains("see above why `pulse local` could not fire them"));
        let unreached = stopped(Standstill::NoCall, 9, true);
        assert!(
            unreached.contains("stand-in at http://host.docker.internal:1") && unreached.contains("9 messages waiting")
        );
        let stuck = stopped(Standstill::NoChange, 3, true);
        assert!(stuck.contains("4 of 9 customers") && stuck.contains("pulse --local why"), "{stuck}");
    }
}
