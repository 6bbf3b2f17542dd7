use std::{fmt, time::Duration};

use super::settings::LONGEST_FUNCTION;
use crate::{
    lanes::{LanesError, MAXIMUM_CONCURRENCY},
    plan::CapacityRemedy,
    stage::CLOSING_TIME,
};

/// A campaign that can't be planned, or not so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CampaignError {
    /// A call takes no time, or longer than any function runs.
    #[error("a call of {} can't be planned with: it must take from 0.001 s to less than the {} for which Lambda runs a \
        function", Length(*.0), Length(LONGEST_FUNCTION))]
    Each(Duration),
    /// No function has the time for a call.
    #[error(
        "a call of {} doesn't fit a function: Lambda runs one for {} at most, and a batch takes the time of one call, the \
         {} for which another is waited, and {} to end. Wait less for it (--call-timeout), have each item take several \
         calls, or let the provider answer later", Length(*each), Length(LONGEST_FUNCTION), Length(*call_timeout),
        Length(CLOSING_TIME)
    )]
    TooLong {
        /// How long a call takes.
        each: Duration,
        /// For how long it is waited for.
        call_timeout: Duration,
    },
    /// Calls would be given up that take no longer than most.
    #[error("a call takes {} on average, and would be given up after {}: wait for it for longer, such as twice its mean",
        Length(*each), Length(*call_timeout))]
    Impatient {
        /// How long a call takes.
        each: Duration,
        /// For how long it would be waited for.
        call_timeout: Duration,
    },
    /// Not even one item could end in time.
    #[error("nothing can end within {}: one call takes {} on average. Allow it more time", Length(*within),
        Length(*each))]
    ShorterThanACall {
        /// The time that is allowed.
        within: Duration,
        /// How long a call takes.
        each: Duration,
    },
    /// Lambda doesn't make so many invocations at once.
    #[error(
        "{items} items can't end within {}: with {in_flight} calls in flight in each of the {} invocations that Lambda makes \
         at once at most, they take {}: {}", Length(*within), MAXIMUM_CONCURRENCY.end(), Length(*soonest),
        CapacityRemedy(*enough)
    )]
    TooSoon {
        /// How many items.
        items: u32,
        /// The time that is allowed.
        within: Duration,
        /// With so many calls in flight.
        in_flight: u32,
        /// How long they take with all that Lambda has.
        soonest: Duration,
        /// The fewest calls in flight with which they could end in time.
        enough: Option<u32>,
    },
    /// The provider doesn't bear so many calls at once.
    #[error(
        "that takes {needed} lanes, and {allowed} are allowed{}: allow it that long (--within), or ask the provider for \
         {needed}", with_allowed.map_or(String::new(), |takes| format!(", which take {}", Length(takes)))
    )]
    NotAllowed {
        /// Lanes that it takes.
        needed: u32,
        /// Lanes that may be had.
        allowed: u32,
        /// How long it takes with these, where they can be set.
        with_allowed: Option<Duration>,
    },
    /// The lanes can't be set.
    #[error(transparent)]
    Lanes(#[from] LanesError),
}

/// A length of time, in an error's words.
struct Length(Duration);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        match self.0.as_secs() {
            0..300 => write!(f, "{seconds} s"),
            300..7_200 => write!(f, "{:.1} min", seconds / 60.0),
            _ => write!(f, "{:.1} h", seconds / 3_600.0),
        }
    }
}
