use std::{path::PathBuf, time::Duration};

use clap::Args;

/// What `pulse local` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// How many customers: the first of the roster, and the roster again under other ids if it has
    /// fewer [default: the roster as it is].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub customers: Option<u32>,

    /// A roster of your own (CSV) [default: infra/roster.csv].
    #[arg(long, value_name = "FILE")]
    pub roster: Option<PathBuf>,

    /// Mean time that the scoring stand-in takes, lognormal.
    #[arg(long, value_name = "SECONDS", default_value = "2.4", value_parser = latency)]
    pub score_latency: Duration,

    /// Mean time that the email stand-in takes, lognormal.
    #[arg(long, value_name = "SECONDS", default_value = "3.3", value_parser = latency)]
    pub email_latency: Duration,

    /// The emulator's port on 127.0.0.1.
    #[arg(long, value_name = "PORT", default_value_t = 4566, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,

    /// Take the functions' programs from this folder, such as target/release, instead of building them.
    #[arg(long, value_name = "FOLDER")]
    pub functions: Option<PathBuf>,

    /// End when everyone is accounted for: status 0 if every promise held, 4 if not.
    #[arg(long)]
    pub exit: bool,
}

/// Seconds from 0 to 10: the clients give up after 20, and a lognormal tail is long.
fn latency(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.trim_end_matches('s').parse().ok();
    match seconds {
        Some(seconds) if (0.0..=10.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("must be seconds from 0 to 10, such as 2.4".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_seconds_within_reason() {
        assert_eq!(latency("2.4"), Ok(Duration::from_millis(2400)));
        assert_eq!(latency("0"), Ok(Duration::ZERO));
        assert_eq!(latency("1s"), Ok(Duration::from_secs(1)));
        for bad in ["", "fast", "-1", "11", "NaN"] {
            assert!(latency(bad).is_err(), "{bad}");
        }
    }
}
