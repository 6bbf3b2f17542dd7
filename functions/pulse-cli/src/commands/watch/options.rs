use std::time::Duration;

use clap::Args;
use pulse_core::control::Actor;

use crate::text;

/// What `pulse watch` takes.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Keys: p pauses a stage, R resumes one, r reads all figures now, ? shows the keys, q ends.\n\
                        Without a terminal, or for scripts: `pulse status --json`.")]
pub struct Options {
    /// How often the figures of stages and queues are read, as in 5s or 1m.
    #[arg(long, value_name = "LENGTH", default_value = "5s", value_parser = every)]
    pub(super) every: Duration,

    /// How often the entries are counted, which costs some thousand read units for 600,000 customers.
    #[arg(long, value_name = "LENGTH", default_value = "5m", value_parser = count_every)]
    pub(super) count_every: Duration,

    /// Who pauses, when the key p does.
    #[arg(long, value_name = "NAME", env = "USER", default_value = "someone")]
    pub(super) by: Actor,
}

fn every(text: &str) -> Result<Duration, String> {
    at_least(text, Duration::from_secs(2), "2 seconds")
}

fn count_every(text: &str) -> Result<Duration, String> {
    at_least(text, Duration::from_secs(30), "30 seconds")
}

fn at_least(text: &str, least: Duration, in_words: &str) -> Result<Duration, String> {
    let length = text::length(text)?;
    if length < least { Err(format!("is shorter than {in_words}")) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_every_two_seconds_at_most() {
        assert_eq!([every("2s"), every("1m")], [Ok(Duration::from_secs(2)), Ok(Duration::from_mins(1))]);
        for bad in ["1s", "0s", "-5s", "5", "often"] {
            assert!(every(bad).is_err(), "{bad}");
        }
        assert_eq!(count_every("5m"), Ok(Duration::from_mins(5)));
        assert!(count_every("29s").is_err());
    }
}
