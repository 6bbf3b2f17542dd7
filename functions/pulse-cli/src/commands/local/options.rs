use std::{net::IpAddr, path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use pulse_local::standins::{MailFates, MailShare, ReceiverFault};
use pulse_roster::RosterFormat;

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

    /// How that roster is written.
    #[command(flatten)]
    pub format: RosterFormat,

    /// Mean time that the scoring stand-in takes, lognormal.
    #[arg(long, value_name = "SECONDS", default_value = "2.4", value_parser = latency, allow_hyphen_values = true)]
    pub score_latency: Duration,

    /// Mean time that the email stand-in takes, lognormal.
    #[arg(long, value_name = "SECONDS", default_value = "3.3", value_parser = latency, allow_hyphen_values = true)]
    pub email_latency: Duration,

    /// Mean time that the stand-in of a partner takes which campaigns may call, lognormal.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = latency, allow_hyphen_values = true)]
    pub partner_latency: Duration,

    /// As whom the email stand-in answers and tells what became of mails.
    #[arg(long, value_name = "PROVIDER", value_enum, default_value_t)]
    pub mail_provider: StandInProvider,

    /// How many of the mails come back: half of these as there is no such mailbox, three in ten as it is full, two in ten
    /// as the sender is distrusted. It is the same customers each time. Of 1,000 mails and more, Pulse holds its email stage
    /// when above 5% have no mailbox, or above 0.3% are called spam, as it does in earnest.
    #[arg(long, value_name = "PERCENT", default_value = "2%", allow_hyphen_values = true)]
    pub bounces: MailShare,

    /// How many of the mails that arrive are called spam. Marketing Cloud tells that as an unsubscription.
    #[arg(long, value_name = "PERCENT", default_value = "0.1%", allow_hyphen_values = true)]
    pub complaints: MailShare,

    /// Of how many of the others the link to unsubscribe is clicked.
    #[arg(long, value_name = "PERCENT", default_value = "1%", allow_hyphen_values = true)]
    pub clicks: MailShare,

    /// How long after a mail Pulse is told what became of it, on average; complaints and clicks come twice as late. Above 2m
    /// it isn't waited for with the summary.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = event_delay, allow_hyphen_values = true)]
    pub event_delay: Duration,

    /// Have the stack tell nobody of what happens, for it to tell those alone whom you add by `pulse --local endpoint add`.
    #[arg(long, conflicts_with = "receiver_fault")]
    pub no_receiver: bool,

    /// How the receiver fails from the beginning, that is the other system that the stack tells of what happens: down, silent,
    /// slow, lost-answers, nonsense, or a status from 300 to 599. On its page it is mended, or told to fail otherwise.
    #[arg(long, value_name = "FAULT")]
    pub receiver_fault: Option<ReceiverFault>,

    /// The emulator's port on 127.0.0.1.
    #[arg(long, value_name = "PORT", default_value_t = 4566, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,

    /// Take the functions' programs from this folder, such as target/release, instead of building them.
    #[arg(long, value_name = "FOLDER")]
    pub functions: Option<PathBuf>,

    /// Under which name or address the functions reach the providers' stand-ins [default: host.docker.internal with
    /// LocalStack, whose functions are containers; or else 127.0.0.1].
    #[arg(long, value_name = "HOST", env = "PULSE_STAND_INS_HOST", value_parser = host)]
    pub stand_ins_host: Option<String>,

    /// On which address of this machine the stand-ins listen [default: for containers, the one that Docker's bridge
    /// has, if it has one; or else 127.0.0.1]. On another, such as 0.0.0.0, others may call them.
    #[arg(long, value_name = "ADDRESS", env = "PULSE_STAND_INS_BIND")]
    pub stand_ins_bind: Option<IpAddr>,

    /// Who fires the customers' schedules. `auto` leaves it to an emulator that is known to.
    #[arg(long, value_name = "WHO", value_enum, default_value_t)]
    pub schedules_by: SchedulesBy,

    /// End when everyone is accounted for: status 0 if every promise held, 3 if rows of the roster were left out, 4 if a
    /// promise was broken.
    #[arg(long)]
    pub exit: bool,
}

/// The email provider that the stand-in is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum StandInProvider {
    /// Amazon SES, which tells by a topic.
    #[default]
    Ses,
    /// Salesforce Marketing Cloud, which tells by a webhook.
    MarketingCloud,
}

impl Options {
    /// What is to become of mails.
    #[must_use]
    pub fn fates(&self) -> MailFates {
        let &Self { bounces, complaints, clicks, event_delay, .. } = self;
        MailFates { bounces, complaints, clicks, event_delay }
    }
}

/// Who fires schedules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SchedulesBy {
    /// Pulse, unless the emulator is known to.
    #[default]
    Auto,
    /// The emulator.
    Emulator,
    /// Pulse.
    Pulse,
}

/// What may stand between `http://` and a port.
fn host(text: &str) -> Result<String, String> {
    let is_name = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    if text.is_empty() || !is_name {
        return Err("must be a host's name or IPv4 address, without a port".into());
    }
    Ok(text.to_owned())
}

/// Seconds from 0 to 10: the clients give up after 20, and a lognormal tail is long.
fn latency(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.trim_end_matches('s').parse().ok();
    match seconds {
        Some(seconds) if (0.0..=10.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("must be seconds from 0 to 10, such as 2.4".into()),
    }
}

/// A whole number of seconds, minutes or hours, up to the two weeks for which providers tell of a mail.
fn event_delay(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_hours(14 * 24);
    let refused = || "must be a time from 0s to 336h, such as 30s, 5m or 2h".to_owned();
    let unit = text.chars().next_back().ok_or_else(refused)?;
    let digits = &text[..text.len() - unit.len_utf8()];
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(refused()),
    };
    let number: u64 = Some(digits)
        .filter(|d| d.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|d| d.parse().ok())
        .ok_or_else(refused)?;
    let delay = Duration::from_secs(number.checked_mul(seconds).ok_or_else(refused)?);
    if delay <= LONGEST { Ok(delay) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_nothing_is_refused_in_plain_words() {
        #[derive(Debug, clap::Parser)]
        struct Line {
            #[command(flatten)]
            options: Options,
        }
        for (option, bad, words) in [
            ("--event-delay", "-3s", "must be a time from 0s to 336h"),
            ("--email-latency", "-1", "must be seconds from 0 to 10"),
            ("--score-latency", "-1s", "must be seconds from 0 to 10"),
            ("--bounces", "-2%", "must be a percentage from 0% to 100%"),
            (
                "--receiver-fault",
                "200",
                "must be down, silent, slow, lost-answers, nonsense, or a status from 300 to 599",
            ),
        ] {
            let line = <Line as clap::Parser>::try_parse_from(["local", option, bad]);
            let refused = line.map(|line| line.options.event_delay).unwrap_err().to_string();
            assert!(refused.contains(words) && !refused.contains("tip"), "{refused}");
        }
    }

    #[test]
    fn an_event_delay_is_a_number_with_its_unit() {
        for (text, seconds) in [("0s", 0), ("30s", 30), ("5m", 300), ("2h", 7200), ("336h", 1_209_600)] {
            assert_eq!(event_delay(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in [
            "",
            "30",
            "s",
            "-1s",
            "+1s",
            "1.5s",
            "1d",
            "337h",
            "30 s",
            "99999999999999999999h",
            "18446744073709551615h",
            "5µ",
        ] {
            assert!(event_delay(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_no_url() {
        for good in ["host.docker.internal", "172.17.0.1", "localhost"] {
            assert_eq!(host(good).as_deref(), Ok(good));
        }
        for bad in ["", "http://localhost", "localhost:80", "a b", "a/b"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }

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
