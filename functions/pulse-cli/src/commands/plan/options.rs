use std::{num::NonZeroU32, time::Duration};

use anyhow::Result;
use clap::{ArgGroup, Args};
use pulse_core::plan::{Calls, Campaign, Demand, PlanError, Utilisation};

use super::campaign::CampaignOptions;

/// What `pulse plan` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Catching up: pulse plan --customers 600000 --backlog 60000 --within 24h\nA campaign:  pulse plan --items \
                        10000 --each 60s --within 90m",
    group(ArgGroup::new("late").args(["backlog", "items"])),
    group(ArgGroup::new("bound").args(["within", "lanes"]).multiple(true))
)]
pub struct Options {
    /// Customers on the roster.
    #[arg(long, value_name = "N", default_value_t = 600_000, value_parser = clap::value_parser!(u32).range(1..))]
    customers: u32,

    /// Days in which each is due once.
    #[arg(long, value_name = "N", default_value = "30", value_parser = days)]
    days: NonZeroU32,

    /// Mean time of a scoring call, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "2.4", value_parser = seconds)]
    score_latency: Duration,

    /// Mean time of a send, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "3.3", value_parser = seconds)]
    email_latency: Duration,

    /// Scoring calls that an invocation keeps in flight.
    #[arg(long, value_name = "N", default_value_t = 4)]
    score_in_flight: u32,

    /// Sends that an invocation keeps in flight.
    #[arg(long, value_name = "N", default_value_t = 4)]
    email_in_flight: u32,

    /// How much of the lanes to plan with. The rest is for slow days, second tries and uneven batches.
    #[arg(long, value_name = "SHARE", default_value_t = 0.8)]
    utilisation: f64,

    /// Customers who are late.
    #[arg(long, value_name = "N", default_value_t = 0)]
    backlog: u64,

    /// In which they are to be done, beside those who are due, or the items of a campaign: as in 90m, 24h or 2d.
    #[arg(long, value_name = "TIME", requires = "late", value_parser = length, allow_hyphen_values = true)]
    within: Option<Duration>,

    #[command(flatten)]
    campaign: CampaignOptions,
}

/// What is to be planned.
#[derive(Debug)]
pub(super) enum Wanted {
    /// The months' runs.
    Months(Demand),
    /// A campaign.
    Campaign(Campaign),
}

impl Options {
    /// What is wished for.
    pub(super) fn wanted(&self) -> Result<Wanted> {
        let campaign = self.campaign.campaign(self.within, Utilisation::parse(self.utilisation)?)?;
        Ok(match campaign {
            Some(campaign) => Wanted::Campaign(campaign),
            None => Wanted::Months(self.demand()?),
        })
    }

    fn demand(&self) -> Result<Demand, PlanError> {
        Ok(Demand {
            customers: self.customers,
            days: self.days,
            score: Calls::new(self.score_latency, self.score_in_flight)?,
            email: Calls::new(self.email_latency, self.email_in_flight)?,
            backlog: self.backlog,
            within: self.within,
            utilisation: Utilisation::parse(self.utilisation)?,
        })
    }
}

fn days(text: &str) -> Result<NonZeroU32, String> {
    text.parse().ok().filter(|days: &NonZeroU32| days.get() <= 400).ok_or_else(|| "must be from 1 to 400".into())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| "is no number of seconds, as in 2.4".into())
}

fn length(text: &str) -> Result<Duration, String> {
    let seconds_of = |unit| match unit {
        's' => Some(1.0),
        'm' => Some(60.0),
        'h' => Some(3_600.0),
        'd' => Some(86_400.0),
        _ => None,
    };
    let read = || {
        let unit = text.chars().last()?;
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Duration::try_from_secs_f64(number * seconds_of(unit)?).ok().filter(|length| !length.is_zero())
    };
    read().ok_or_else(|| "is no length of time: write it as 90m, 24h or 2d".into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use pulse_core::{
        entry::StageName,
        plan::{Bound, CapacityPlan},
    };

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn options(line: &str) -> Result<Options, String> {
        let line = Line::try_parse_from(std::iter::once("plan").chain(line.split_whitespace()));
        line.map(|line| line.options).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_the_roster_that_this_project_began_with() {
        let plan = |line| CapacityPlan::of(&options(line).unwrap().demand().unwrap()).unwrap();
        assert_eq!(plan(""), plan("--customers 600000 --score-latency 2.4 --email-latency 3.3 --days 30"));
        assert_eq!(format!("{:.0}", plan("").in_sequence_a_day), "15158");
    }

    #[test]
    fn a_campaign_is_planned_by_its_items_and_nothing_of_the_months() {
        let wanted = |line: &str| options(line).map(|options| options.wanted().map_err(|error| error.to_string()));
        let campaign = |line: &str| match wanted(line) {
            Ok(Ok(Wanted::Campaign(campaign))) => campaign,
            other => panic!("{line} is no campaign: {other:?}"),
        };
        let minutes = Duration::from_mins;
        let one = campaign("--items 10000 --each 60s --within 90m");
        assert_eq!((one.stage, one.items.get(), one.each), (StageName::Email, 10_000, minutes(1)));
        assert_eq!(one.bound, Bound::Within { within: minutes(90), allowed: None });
        let one =
            campaign("--items 9 --each 20ms --within 5m --lanes 140 --in-flight 8 --call-timeout 3m --stage score");
        assert_eq!(one.bound, Bound::Within { within: minutes(5), allowed: Some(140) });
        assert_eq!((one.in_flight, one.call_timeout, one.stage), (Some(8), Some(minutes(3)), StageName::Score));
        assert_eq!(campaign("--items 9 --each 1m --lanes 20 --utilisation 1").bound, Bound::Lanes(20));
        for (line, words) in [
            ("--items 9 --within 90m", "--each"),
            ("--items 9 --each 1m", "--within <TIME>|--lanes <N>"),
            ("--items 0 --each 1m --lanes 20", "non-zero"),
            ("--each 1m", "--items"),
            ("--lanes 20", "--items"),
            ("--stage score", "--items"),
            ("--in-flight 8 --customers 9", "--items"),
            ("--items 9 --each 1m --lanes 20 --customers 9", "cannot be used with"),
            ("--items 9 --each 1m --within 1h --backlog 9", "cannot be used with"),
            ("--items 9 --each 1m --within 1h --score-in-flight 9", "cannot be used with"),
            ("--within 90m", "--backlog"),
        ] {
            let refused = options(line).unwrap_err();
            assert!(refused.contains(words), "{words} isn't in {refused}");
        }
        let refused = wanted("--items 9 --each 1m --lanes 20 --stage deliver").unwrap().unwrap_err();
        assert!(refused.contains("--stage email, score or call"), "{refused}");
        assert!(matches!(wanted("--backlog 9 --within 90m"), Ok(Ok(Wanted::Months(_)))));
    }

    #[test]
    fn lengths_of_time_have_a_unit() {
        let hours = Duration::from_hours;
        assert_eq!([length("90m"), length("24h"), length("1.5d")], [Ok(hours(3) / 2), Ok(hours(24)), Ok(hours(36))]);
        for bad in ["", "24", "h", "-1h", "0m", "1w", "2é", "infd"] {
            assert!(length(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(options("--within 24h").is_err() && options("--days 0").is_err() && options("--customers 0").is_err());
        let refused = |line| options(line).unwrap().demand().unwrap_err().to_string();
        assert!(refused("--score-in-flight 2").contains("fewer than 3"));
        assert!(refused("--email-latency 9").contains("keep 8 or more"), "{}", refused("--email-latency 9"));
        assert!(refused("--utilisation 80").contains("0.8"));
    }
}
