//! The plan of a campaign for the terminal.

use std::{fmt::Write as _, time::Duration};

use console::style;
use pulse_app::PlannedCampaign;
use pulse_core::{
    bill::Bill,
    entry::StageName,
    plan::{Bound, Campaign, CampaignPoint, LONGEST_FUNCTION, StageSettings, Utilisation, WINDOW, Way},
    stage::CLOSING_TIME,
    tick::SweepPolicy,
};

use super::{RESERVABLE, text::lanes_of};
use crate::{
    bill::bill as bill_text,
    output::{Table, heading},
    text::{decimal, grouped, lasting},
};

/// The plan, the lanes first.
pub(super) fn text(campaign: &Campaign, planned: &PlannedCampaign) -> String {
    let way = &planned.plan.way;
    let items = grouped(u64::from(campaign.items.get()));
    let mut text =
        heading(&format!("{items} items, each a call of {} by the {} stage", time(campaign.each), campaign.stage));
    text += &summary(campaign, planned);
    text += &heading("\nLanes against time");
    text += &frontier(way, &planned.plan.frontier, campaign.bound);
    if (StageSettings { in_flight: way.settings.in_flight, ..StageSettings::SHIPPED }) != way.settings {
        text += &heading("\nTo be set first");
        text += &to_be_set_first(campaign, planned);
    }
    text += &to_set(campaign, way);
    text += &heading("\nBill at public prices, beside the months' runs");
    text += &bill_text(&planned.bill);
    text += "  Reckoned without faults, with these lanes and full batches. The provider's price isn't in it, nor what comes after: mails' events, other systems' deliveries.\n";
    if let Some(stage) = &planned.stage_bill {
        text += &heading(&format!("\nHaving the {} stage, a month", campaign.stage));
        text += &bill_text(stage);
    }
    text += &distributed_map(&planned.distributed_map);
    text
}

fn summary(campaign: &Campaign, planned: &PlannedCampaign) -> String {
    let Way { lanes, takes, .. } = planned.plan.way;
    let mut table = Table::default()
        .row("in sequence", format!("{}, one after the other", time(planned.plan.in_sequence)))
        .row("planned with", format!("{} of the lanes, the rest is headroom", decimal(share(campaign.utilisation))));
    match campaign.bound {
        Bound::Within { within, allowed } => {
            let bears = allowed.map_or(String::new(), |allowed| format!(", with {} or fewer", lanes_of(allowed)));
            table.push("to end within", format!("{}{bears}", time(within)));
            table.push("needed", format!("{}, the fewest that do: {}", lanes_of(lanes.count()), time(takes)));
        }
        Bound::Lanes(allowed) => {
            let used =
                if lanes.count() == allowed { String::new() } else { format!(", {} of them used", lanes.count()) };
            table.push("with", format!("{}{used}: {}", lanes_of(allowed), time(takes)));
        }
    }
    let rate = f64::from(lanes.count()) / campaign.each.as_secs_f64();
    table.push(
        "the provider sees",
        format!("{} calls at once and {} a second at most", grouped(lanes.count().into()), decimal(rate)),
    );
    table.render()
}

fn share(utilisation: Utilisation) -> f64 {
    utilisation.of(1.0)
}

fn frontier(way: &Way, points: &[CampaignPoint], bound: Bound) -> String {
    let mut table = Table::default();
    for point in points {
        let remark = match (point.in_time, point.allowed) {
            (_, Some(false)) => "  more than the provider bears",
            (Some(false), _) => "  too late",
            _ if point.lanes == way.lanes && matches!(bound, Bound::Lanes(_)) => "  with these lanes",
            _ if point.lanes == way.lanes => "  the fewest in time",
            _ => "",
        };
        let lanes = point.lanes;
        let count = format!("{:>6} lanes", grouped(lanes.count().into()));
        let split =
            format!("MaximumConcurrency {} x {}", grouped(lanes.maximum_concurrency().into()), lanes.in_flight());
        table.push(count, format!("{split:<27}  {:>9}{remark}", time(point.takes)));
    }
    table.render()
}

/// The settings that calls of that length need, with the arithmetic.
fn to_be_set_first(campaign: &Campaign, planned: &PlannedCampaign) -> String {
    let (shipped, each) = (StageSettings::SHIPPED, campaign.each);
    let settings = planned.plan.way.settings;
    let spec = campaign.stage.spec();
    let rounds = settings.batch.div_ceil(settings.in_flight);
    let of_a_batch = format!(
        "{rounds} x {} + {} for a call that hangs + {} to end = {}, of at most {}",
        seconds(each),
        seconds(settings.call_timeout),
        seconds(CLOSING_TIME),
        seconds(settings.function_needs(each)),
        seconds(LONGEST_FUNCTION),
    );
    let hidden = format!("of {}Queue: 6 x {} + {}", spec.title, seconds(settings.function_timeout), seconds(WINDOW));
    let grace = SweepPolicy::default().grace.as_secs() / 60;
    let minutes = settings.sweep_grace().as_secs().div_ceil(60);
    let mut table = Table::default();
    let mut change = |what: &str, from: u64, to: u64, why: &str| {
        if from != to {
            table.push(what, format!("{from} -> {to}  {why}"));
        }
    };
    change(
        campaign.stage.spec().timeout_variable,
        shipped.call_timeout.as_secs(),
        settings.call_timeout.as_secs(),
        "for how long a call is waited for",
    );
    change("Timeout", shipped.function_timeout.as_secs(), settings.function_timeout.as_secs(), &of_a_batch);
    change(
        "VisibilityTimeout",
        shipped.visibility_timeout().as_secs(),
        settings.visibility_timeout().as_secs(),
        &hidden,
    );
    change("BatchSize", shipped.batch.into(), settings.batch.into(), "of the queue's event source mapping");
    change("SweepGraceMinutes", grace, minutes.max(grace), "the tick waits for five tries before it sends another");
    let mut text = table.render();
    if each > shipped.call_timeout {
        let _ =
            writeln!(text, "  As the template ships it, a call is given up after {}.", seconds(shipped.call_timeout));
    }
    if !shipped.fit(each) {
        let _ = writeln!(
            text,
            "  As the template ships it, a batch of {} with {} calls in flight takes {} and more, of {} for the function.",
            shipped.batch,
            shipped.in_flight,
            time(shipped.batch_takes(each, shipped.batch)),
            seconds(shipped.function_timeout),
        );
    }
    let _ = writeln!(
        text,
        "  These stand in infra/template; `pulse lanes` sets lanes alone. A killed worker's messages come back after {}.",
        time(planned.plan.back_after)
    );
    for other in &planned.other_ways {
        let Way { settings, lanes, takes } = other.way;
        let _ = writeln!(
            text,
            "  Or --in-flight {}: batches of {}, Timeout {}, {} lanes, {}, ${:.2}",
            settings.in_flight,
            settings.batch,
            settings.function_timeout.as_secs(),
            grouped(lanes.count().into()),
            time(takes),
            other.dollars
        );
    }
    text
}

fn to_set(campaign: &Campaign, way: &Way) -> String {
    let mut text = heading("\nTo set it");
    let lanes = way.lanes;
    let _ = writeln!(text, "  pulse lanes {} {} --in-flight {}", campaign.stage, lanes.count(), lanes.in_flight());
    text += "  Who is due in these hours takes some of these lanes too: `pulse plan` without --items says how many.\n";
    if campaign.stage == StageName::Email {
        let rate = (f64::from(lanes.count()) / campaign.each.as_secs_f64()).ceil();
        let _ =
            writeln!(text, "  With Amazon SES, the account must be allowed {rate:.0} mails a second: SesRate says so.");
    }
    if lanes.maximum_concurrency() > RESERVABLE {
        let warning = format!(
            "  The stage reserves {} concurrent executions, and an account has {RESERVABLE} to reserve unless it asks for \
             more.\n",
            grouped(lanes.maximum_concurrency().into())
        );
        text += &style(warning).yellow().to_string();
    }
    text
}

fn distributed_map(bill: &Bill) -> String {
    let cost = |what| bill.lines.iter().filter(|line| line.what == what).map(|line| line.cost).sum::<f64>();
    format!(
        "  As a distributed map of Step Functions it is ${:.2}: ${:.2} for two state transitions an item, and ${:.2} for a\n  \
         function of 128 MB that waits for each call.\n",
        bill.total,
        cost("State transitions"),
        cost("Lambda duration"),
    )
}

fn seconds(length: Duration) -> String {
    format!("{} s", decimal(length.as_secs_f64()))
}

/// A length of time, to a tenth of a minute where minutes are what is compared.
fn time(length: Duration) -> String {
    match length.as_secs() {
        0 => format!("{} ms", length.as_millis()),
        1..120 => format!("{} s", decimal(length.as_secs_f64())),
        120..7_200 => format!("{:.1} min", length.as_secs_f64() / 60.0),
        _ => lasting(length),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn shown(adjust: impl FnOnce(&mut Campaign)) -> String {
        let mut campaign = Campaign {
            stage: StageName::Score,
            items: NonZeroU32::new(10_000).unwrap(),
            each: Duration::from_mins(1),
            bound: Bound::Within { within: Duration::from_mins(90), allowed: None },
            in_flight: None,
            call_timeout: None,
            utilisation: Utilisation::default(),
        };
        adjust(&mut campaign);
        text(&campaign, &PlannedCampaign::of(&campaign).unwrap())
    }

    #[track_caller]
    fn assert_shows(text: &str, wanted: &[&str]) {
        for words in wanted {
            assert!(text.contains(words), "{words:?} isn't in {text}");
        }
    }

    #[test]
    fn lanes_are_shown_against_time_with_the_command_to_type() {
        let text = shown(|_| ());
        assert_shows(
            &text,
            &[
                "10,000 items, each a call of 60 s by the score stage",
                "6.9 days, one after the other",
                "140 lanes, the fewest that do: 89.3 min",
                "   120 lanes  MaximumConcurrency 6 x 20    104.2 min  too late\n",
                "   140 lanes  MaximumConcurrency 7 x 20     89.3 min  the fewest in time\n",
                "  pulse lanes score 140 --in-flight 20\n",
                "2.33 a second",
            ],
        );
        assert!(!text.contains("SES"), "{text}");
        assert!(shown(|campaign| campaign.stage = StageName::Email).contains("allowed 3 mails a second"));
    }

    #[test]
    fn what_a_long_call_needs_is_shown_with_its_arithmetic_and_other_ways() {
        let text = shown(|_| ());
        assert_shows(
            &text,
            &[
                "SCORE_TIMEOUT_SECONDS  20 -> 120",
                "300 -> 850  12 x 60 s + 120 s for a call that hangs + 9 s to end = 849 s, of at most 900 s",
                "1860 -> 5160  of ScoreQueue: 6 x 850 s + 60 s",
                "ships it, a call is given up after 20 s.",
                "SweepGraceMinutes      75 -> 115",
                "ships it, a batch of 240 with 4 calls in flight takes 60.0 min and more, of 300 s for the function.",
                "come back after 14.5 min",
                "Or --in-flight 4: batches of 48, Timeout 850, 140 lanes, 89.3 min, $",
                "Or --in-flight 80: batches of 240, Timeout 310, 160 lanes",
            ],
        );
        assert!(!text.contains("BatchSize"), "{text}");
        assert!(shown(|campaign| campaign.in_flight = Some(4)).contains("BatchSize              240 -> 48"));
        let short = shown(|campaign| campaign.each = Duration::from_secs(3));
        assert!(!short.contains("To be set first"), "{short}");
        let slower = shown(|campaign| (campaign.each, campaign.in_flight) = (Duration::from_secs(8), Some(4)));
        assert!(slower.contains("takes 8.0 min and more"), "{slower}");
        assert!(!slower.contains("given up after"), "{slower}");
        let patient = shown(|campaign| {
            (campaign.each, campaign.call_timeout) = (Duration::from_secs(1), Some(Duration::from_mins(1)));
        });
        assert!(patient.contains("20 -> 60") && !patient.contains("As the template ships it"), "{patient}");
    }

    #[test]
    fn lanes_that_the_provider_bears_are_told_from_those_that_it_does_not() {
        let text = shown(|campaign| campaign.bound = Bound::Lanes(100));
        assert_shows(&text, &["100 lanes: 2.1 h", "2.1 h  with these lanes", "more than the provider bears"]);
    }

    #[test]
    fn the_bill_stands_beside_that_of_a_distributed_map() {
        assert_shows(
            &shown(|_| ()),
            &["all together", "As a distributed map of Step Functions it is $1.75: $0.50 for two state transitions"],
        );
    }

    #[test]
    fn what_an_account_cannot_reserve_is_told() {
        let text = shown(|campaign| campaign.bound = Bound::Lanes(20_000));
        assert!(text.contains("The stage reserves 1,000 concurrent executions"), "{text}");
        assert!(!shown(|_| ()).contains("The stage reserves"));
    }
}
