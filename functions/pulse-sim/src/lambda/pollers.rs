//! The pollers of a mapping, and the polls that nobody answers.

use jiff::Timestamp;

/// How many long polls a mapping has open while it reads.
pub(super) const POLLERS: usize = 5;

/// The longest that `ReceiveMessage` waits for a message, in nanoseconds (Amazon SQS Developer Guide, "Amazon SQS short
/// and long polling").
const LONG_POLL: u64 = 20_000_000_000;

/// Long polls that end empty are counted, not made.
#[derive(Debug, Default)]
pub(super) struct Pollers {
    /// When each was answered last; none while they don't poll.
    since: Option<[Timestamp; POLLERS]>,
    empty: u64,
}

impl Pollers {
    /// They poll from now on, if they didn't.
    pub(super) fn resume(&mut self, now: Timestamp) {
        self.since.get_or_insert([now; POLLERS]);
    }

    /// They start no more polls. Those that they have open end empty.
    pub(super) fn pause(&mut self, now: Timestamp) {
        for since in self.since.take().into_iter().flatten() {
            self.empty += elapsed(since, now).div_ceil(LONG_POLL);
        }
    }

    /// One is answered with messages.
    pub(super) fn answer(&mut self, poller: usize, now: Timestamp) {
        if let Some(since) = self.since.as_mut().map(|since| &mut since[poller]) {
            self.empty += whole_polls(*since, now);
            *since = now;
        }
    }

    /// How many polls have ended empty.
    pub(super) fn empty(&self, now: Timestamp) -> u64 {
        self.empty + self.since.iter().flatten().map(|since| whole_polls(*since, now)).sum::<u64>()
    }
}

fn whole_polls(since: Timestamp, now: Timestamp) -> u64 {
    elapsed(since, now) / LONG_POLL
}

fn elapsed(since: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.duration_since(since).as_nanos()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn five_idle_pollers_make_nine_hundred_calls_an_hour() {
        let mut pollers = Pollers::default();
        pollers.resume(at(0));
        pollers.resume(at(1800));
        assert_eq!(pollers.empty(at(3600)), 900);
        pollers.pause(at(3600));
        assert_eq!(pollers.empty(at(7200)), 900);
    }

    #[test]
    fn a_poll_that_is_answered_starts_anew_and_one_that_is_open_at_a_pause_counts() {
        let mut pollers = Pollers::default();
        pollers.resume(at(0));
        (0..POLLERS).for_each(|poller| pollers.answer(poller, at(19)));
        assert_eq!(pollers.empty(at(38)), 0);
        pollers.answer(0, at(60));
        assert_eq!(pollers.empty(at(60)), 2 * 5);
        pollers.pause(at(61));
        assert_eq!(pollers.empty(at(61)), 2 + 1 + 4 * 3);
    }
}
