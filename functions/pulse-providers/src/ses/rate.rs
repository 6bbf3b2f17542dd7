//! A sending rate, kept by waiting.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// A token bucket that holds one second's worth of mails, and at least one (Amazon SES Developer
/// Guide, "Service quotas": the rate may be exceeded for a short while only).
#[derive(Debug)]
pub struct SendingRate {
    /// Between two mails.
    interval: Duration,
    /// How far ahead of its time a mail may be: what the bucket holds beyond one.
    ahead: Duration,
    /// When the next mail would be due if all had kept to the interval.
    next: Mutex<Option<Instant>>,
}

impl SendingRate {
    /// So many mails a second. `None` unless that is a number above zero.
    #[must_use]
    pub fn per_second(rate: f64) -> Option<Self> {
        let interval = Duration::try_from_secs_f64(1.0 / rate).ok()?;
        if rate <= 0.0 || interval.is_zero() {
            return None;
        }
        Some(Self { interval, ahead: Duration::from_secs(1).saturating_sub(interval), next: Mutex::new(None) })
    }

    /// Waits for a mail's turn.
    ///
    /// # Errors
    /// With the wait, when it would be longer than `patience`. The turn is not taken then.
    pub async fn turn(&self, patience: Duration) -> Result<(), Duration> {
        let turn = self.take(Instant::now(), patience)?;
        sleep_until(turn).await;
        Ok(())
    }

    fn take(&self, now: Instant, patience: Duration) -> Result<Instant, Duration> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let due = next.map_or(now, |next| next.max(now));
        let turn = now.max(due.checked_sub(self.ahead).unwrap_or(now));
        let wait = turn - now;
        if wait > patience {
            return Err(wait);
        }
        *next = Some(due + self.interval);
        Ok(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    /// The seconds after which each of `mails` that come at once has its turn.
    fn turns(rate: f64, mails: usize) -> Vec<f64> {
        let rate = SendingRate::per_second(rate).unwrap();
        let now = Instant::now();
        let turn = |_| (rate.take(now, LONG).unwrap() - now).as_secs_f64();
        (0..mails).map(turn).collect()
    }

    #[test]
    fn a_second_s_worth_goes_at_once_and_the_rest_at_the_rate() {
        assert_eq!(turns(4.0, 7), [0.0, 0.0, 0.0, 0.0, 0.25, 0.5, 0.75]);
    }

    #[test]
    fn less_than_one_a_second_is_kept_too() {
        assert_eq!(turns(0.5, 3), [0.0, 2.0, 4.0]);
    }

    #[test]
    fn a_turn_beyond_patience_is_told_and_not_taken() {
        let rate = SendingRate::per_second(0.5).unwrap();
        let now = Instant::now();
        assert!(rate.take(now, Duration::ZERO).is_ok());
        let wait = Duration::from_secs(2);
        for _ in 0..3 {
            assert_eq!(rate.take(now, Duration::from_secs(1)), Err(wait));
        }
        assert_eq!(rate.take(now, wait), Ok(now + wait));
    }

    #[test]
    fn an_idle_while_saves_up_one_second_s_worth_only() {
        let rate = SendingRate::per_second(2.0).unwrap();
        let start = Instant::now();
        rate.take(start, LONG).unwrap();
        let later = start + Duration::from_mins(1);
        let turns: Vec<_> = (0..4).map(|_| (rate.take(later, LONG).unwrap() - later).as_millis()).collect();
        assert_eq!(turns, [0, 0, 500, 1000]);
    }

    #[test]
    fn a_rate_must_be_a_number_above_zero() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(SendingRate::per_second(bad).is_none(), "{bad}");
        }
    }
}
