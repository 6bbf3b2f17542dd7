//! What a person sees while it runs.

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, bail};
use console::style;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use pulse_aws::{
    clock::SystemClock,
    stack::{Stack, depths},
};
use pulse_core::{
    customer::CustomerId,
    entry::StageName,
    ports::{Clock as _, Ledger, LedgerReports as _, StageLanes, Tally, TallyKey},
};
use pulse_local::{standins::RequestMeter, step::Progress};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{
    customers::Demo,
    patience::{Patience, Sight, Standstill, Stopped},
    providers::Providers,
    surroundings::Surroundings,
};

const BETWEEN_SAMPLES: Duration = Duration::from_millis(50);
const SAMPLES_PER_LOOK: u64 = 10;

/// Customers that are looked at side by side.
const AT_ONCE: usize = 16;

/// Shows the steps of bringing Pulse up.
pub(super) struct Steps {
    bar: ProgressBar,
    started: Instant,
}

impl Steps {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        if io::stderr().is_terminal() {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { bar, started: Instant::now() }
    }

    pub(super) fn listener(&self) -> Progress {
        let bar = self.bar.clone();
        Arc::new(move |step| {
            let text = step.to_string();
            // Without a terminal, a line for each step; cargo's own lines would be hundreds.
            if bar.is_hidden() && !text.contains(": ") {
                eprintln!("{text}");
            }
            bar.set_message(text);
        })
    }

    pub(super) fn done(&self, text: &str) {
        self.bar.finish_and_clear();
        let seconds = self.started.elapsed().as_secs_f64();
        eprintln!("{} {text} ({seconds:.0} s)", style("✓").for_stderr().green());
    }
}

/// For how long at least one call was in flight at a provider.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Busy(pub(super) Duration);

impl Busy {
    fn sample(&mut self, meter: &RequestMeter, since: Duration) {
        if meter.in_flight() > 0 {
            self.0 += since;
        }
    }
}

/// What following the customers brought to light.
pub(super) struct Followed {
    pub(super) score: Busy,
    pub(super) email: Busy,
    pub(super) score_lanes: StageLanes,
    pub(super) email_lanes: StageLanes,
    pub(super) took: Duration,
}

/// Shows the customers' way through the stages until the ledger adds up.
///
/// # Errors
/// When nothing moves that should; with what didn't come.
pub(super) async fn follow(
    stack: &Stack,
    demo: &Demo,
    providers: &Providers,
    surroundings: &Surroundings,
) -> Result<Followed> {
    let (score_lanes, email_lanes) = tokio::try_join!(stack.lanes(StageName::Score), stack.lanes(StageName::Email))?;
    let ledger = stack.ledger()?;
    let started = Instant::now();
    let mut followed =
        Followed { score: Busy::default(), email: Busy::default(), score_lanes, email_lanes, took: Duration::ZERO };
    let bars = Bars::new(demo.customers.len() as u64)?;
    let mut ticks = interval(BETWEEN_SAMPLES);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last_sample = started;
    let mut patience = Patience::new(demo.last_due_in(SystemClock.now()));
    let mut open: Vec<_> = demo.customers.iter().map(|customer| customer.id.clone()).collect();
    for sample in 0_u64.. {
        ticks.tick().await;
        let since = last_sample.elapsed();
        last_sample += since;
        followed.score.sample(providers.score.meter(), since);
        followed.email.sample(providers.mail.meter(), since);
        if sample % SAMPLES_PER_LOOK != 0 {
            continue;
        }
        let mut places = Places::of(&ledger.tally(SystemClock.now()).await?, demo);
        if places.closed == demo.customers.len() as u64 {
            // The tally counts whomever somebody else enrols meanwhile, too.
            open = still_open(&ledger, open).await?;
            places.closed -= open.len() as u64;
        }
        bars.show(places, providers, &followed);
        if open.is_empty() {
            break;
        }
        let (score_calls, mail_calls) = (providers.score.meter().calls(), providers.mail.meter().calls());
        let sight = Sight { places, score_calls, mail_calls };
        if let Some(standstill) = patience.look(sight, started.elapsed()) {
            bars.clear();
            bail!(stopped(standstill, places, stack, demo, providers, surroundings).await?);
        }
    }
    bars.clear();
    followed.took = started.elapsed();
    Ok(followed)
}

/// Those of them whose entry of this month isn't closed yet.
async fn still_open(ledger: &dyn Ledger, customers: Vec<CustomerId>) -> Result<Vec<CustomerId>> {
    let open = stream::iter(customers).map(async |customer| {
        let now = SystemClock.now();
        let entries = ledger.entries(&customer).await?;
        let is_closed = entries.iter().any(|entry| !entry.tally_key(now).is_open());
        Ok((!is_closed).then_some(customer))
    });
    open.buffer_unordered(AT_ONCE).try_filter_map(async |open| Ok(open)).try_collect().await
}

async fn stopped(
    standstill: Standstill,
    places: Places,
    stack: &Stack,
    demo: &Demo,
    providers: &Providers,
    surroundings: &Surroundings,
) -> Result<String> {
    let customers = demo.customers.len() as u64;
    let depths = depths(stack).await?;
    let queues = || depths.iter().filter(|depth| !depth.dead_letters);
    let stopped = Stopped {
        standstill,
        customers,
        open: customers - places.closed,
        waiting: queues().map(|depth| depth.waiting).sum(),
        in_flight: queues().map(|depth| depth.in_flight).sum(),
        fires: surroundings.fires,
        score_url: &providers.score.url(),
        advice: &surroundings.advice(),
    };
    Ok(stopped.words())
}

/// How many customers have come how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Places {
    due: u64,
    past_scoring: u64,
    closed: u64,
}

impl Places {
    fn of(tally: &Tally, demo: &Demo) -> Self {
        let all = demo.customers.len() as u64;
        let count = |tally: &Tally, wanted: fn(TallyKey) -> bool| -> u64 {
            tally.0.iter().filter(|((_, key), _)| wanted(*key)).map(|(_, count)| count).sum()
        };
        let is_closed = |key: TallyKey| !key.is_open();
        // Only this month's entries are closed or due; next month's are neither.
        let closed = count(tally, is_closed).saturating_sub(count(&demo.before, is_closed)).min(all);
        let to_score = count(tally, |key| key == TallyKey::Due(StageName::Score));
        let to_email = count(tally, |key| key == TallyKey::Due(StageName::Email));
        Self { due: (closed + to_score + to_email).min(all), past_scoring: (closed + to_email).min(all), closed }
    }
}

struct Bars {
    all: MultiProgress,
    due: ProgressBar,
    score: ProgressBar,
    email: ProgressBar,
    told: ProgressBar,
}

impl Bars {
    fn new(customers: u64) -> Result<Self> {
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("  {prefix:9} {bar:40.cyan/black} {pos:>6}/{len}  {msg}")?;
        let bar = |name: &'static str| {
            let bar = ProgressBar::new(customers).with_style(style.clone()).with_prefix(name);
            all.add(bar)
        };
        let (due, score, email, told) = (bar("due"), bar("scored"), bar("mailed"), bar("told of"));
        if all.is_hidden() {
            eprintln!("Waiting for {customers} customers' schedules to fire and for their mails.");
        }
        Ok(Self { all, due, score, email, told })
    }

    fn show(&self, places: Places, providers: &Providers, followed: &Followed) {
        self.due.set_position(places.due);
        self.due.set_message(if places.due == places.closed { "schedules fire at the full minute" } else { "" });
        self.score.set_position(places.past_scoring);
        self.score.set_message(lanes(providers.score.meter(), &followed.score_lanes));
        self.email.set_position(places.closed);
        self.email.set_message(lanes(providers.mail.meter(), &followed.email_lanes));
        let events = providers.mail.events();
        self.told.set_length(events.planned);
        self.told.set_position(events.told);
        self.told.set_message("events of what became of mails");
    }

    fn clear(&self) {
        for bar in [&self.due, &self.score, &self.email, &self.told] {
            bar.finish_and_clear();
        }
        let _ = self.all.clear();
    }
}

fn lanes(meter: &RequestMeter, lanes: &StageLanes) -> String {
    format!("{:>2} of {} lanes busy", meter.in_flight(), lanes.count())
}

#[cfg(test)]
mod tests {
    use pulse_core::{
        entry::{Entry, EntryId, SkipReason},
        run::RunId,
    };
    use pulse_sim::ledger::MemoryLedger;

    use super::*;

    #[tokio::test]
    async fn whoever_was_enrolled_by_somebody_else_is_not_counted() {
        let ledger = MemoryLedger::default();
        let id = |name: &str| CustomerId::parse(name).unwrap();
        for (name, is_closed) in [("c-1", true), ("c-2", false), ("someone-elses", true)] {
            let due = SystemClock.now() - Duration::from_mins(1);
            let entry = Entry::scheduled(EntryId::of(id(name), RunId::parse("2026-11").unwrap()), due, None);
            ledger.open(&entry).await.unwrap();
            if is_closed {
                ledger.apply(&entry.skip(SkipReason::OptedOut, due, None).unwrap()).await.unwrap();
            }
        }
        let open = still_open(&ledger, vec![id("c-1"), id("c-2")]).await.unwrap();
        assert_eq!(open, [id("c-2")]);
    }
}
