//! What a seed's plan has in it.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use pulse_core::{
    customer::Zone,
    entry::{Plan, StageName},
    ports::DlqName,
    quiet_hours::QuietHours,
    stage::StageSet,
};

use super::{
    fault::{Act, Fault, Kind},
    plan::{CALM_DAYS, FaultPlan},
};
use crate::{
    random::{Randomness, Stream},
    scheduler::TargetFailure,
    world::{Down, FeedbackFaults, Noise, Ordered, PanicPlace, ProviderFaults, RecipientWays, SimulatedMailProvider},
};

const HOUR: Duration = Duration::from_hours(1);

/// First moments: a plain month, both clock changes of Europe and America, a February, a year's end.
const STARTS: [&str; 6] = [
    "2026-11-01T00:00:00Z",
    "2026-03-20T00:00:00Z",
    "2026-10-10T00:00:00Z",
    "2027-02-01T00:00:00Z",
    "2026-12-10T00:00:00Z",
    "2028-02-05T00:00:00Z",
];

/// Zones that customers live in and move to.
pub(super) const ZONES: [&str; 8] = [
    "Europe/Dublin",
    "America/New_York",
    "Asia/Tokyo",
    "Pacific/Auckland",
    "Pacific/Honolulu",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "UTC",
];

impl FaultPlan {
    /// A seed's plan.
    ///
    /// # Panics
    /// With fewer than 8 days: nothing could go wrong in them.
    #[must_use]
    pub fn of_seed(seed: u64, customers: u32, days: u32) -> Self {
        assert!(days > CALM_DAYS + 1, "a seed needs 8 days at least");
        let random = Randomness::of_seed(seed).stream("plan");
        let mut plan = Self::calm(seed, customers, days);
        stack(&random, &mut plan);
        plan.faults = faults(&random, &mut plan).into_iter().enumerate().collect();
        plan.recipients = recipients(&Randomness::of_seed(seed).stream("recipients of the plan"));
        plan.with_later_faults("aws", refusals).with_later_faults("feedback", feedback)
    }

    /// The same with code that panics on a few customers.
    #[must_use]
    pub fn with_panics(self) -> Self {
        self.with_later_faults("panics", panics)
    }

    /// The same with redrives that operators order, and ticks that die while they carry them out.
    #[must_use]
    pub fn with_orders(self) -> Self {
        self.with_later_faults("orders", orders)
    }

    /// The same with other systems that are told of what happens, and have faults of their own.
    #[must_use]
    pub fn with_endpoints(self) -> Self {
        Self { has_endpoints: true, ..self }.with_later_faults("endpoints", super::endpoints::faults)
    }

    /// The same with campaigns that operators start beside the month.
    #[must_use]
    pub fn with_campaigns(mut self) -> Self {
        self.has_campaigns = true;
        let random = Randomness::of_seed(self.seed).stream("campaigns");
        let later = super::campaigns::campaigns(&random, &self);
        let number = self.faults.iter().map(|(number, _)| number + 1).max().unwrap_or(0);
        self.faults.extend((number..).zip(later));
        if self.calls() { self.with_later_faults("partner", partner) } else { self }
    }

    /// The same with more faults. They are picked from a stream of their own and come last, so that whatever else
    /// happens, and its numbers, are as without. A month in which only what is harmless happens stays so.
    fn with_later_faults(mut self, stream: &str, pick: fn(&Stream, Duration) -> Vec<Fault>) -> Self {
        if !self.is_harmless() {
            let random = Randomness::of_seed(self.seed).stream(stream);
            let later = pick(&random, self.calm_from());
            let number = self.faults.iter().map(|(number, _)| number + 1).max().unwrap_or(0);
            self.faults.extend((number..).zip(later));
        }
        self
    }
}

/// When, with whom, and how queues behave.
fn stack(random: &Stream, plan: &mut FaultPlan) {
    if let Some(starts) = random.pick(&STARTS).and_then(|starts| starts.parse::<Timestamp>().ok()) {
        plan.starts = starts;
    }
    if random.chance(0.3) {
        plan.mail_provider = SimulatedMailProvider::Forgetful;
    }
    if random.chance(0.3) {
        plan.quiet_hours = QuietHours::parse("21:00-08:00").ok().flatten();
    }
    plan.duplicates = if random.chance(0.5) { random.unit() * 0.03 } else { 0.0 };
}

/// What goes wrong before all is calm. In a fifth of the months, nothing does that a message could die of.
fn faults(random: &Stream, plan: &mut FaultPlan) -> Vec<Fault> {
    let calm_from = plan.calm_from();
    if random.chance(0.2) {
        plan.duplicates = 0.0;
        return harmless(random, calm_from);
    }
    let mut faults = Vec::new();
    for stage in Plan::MONTHLY.steps() {
        if random.chance(0.5) {
            faults.push(windowed(random, calm_from, 3 * 24 * HOUR, Kind::Pause(stage)));
        }
        if random.chance(0.3) {
            let reserved = u32::try_from(random.below(3)).unwrap_or(0);
            faults.push(windowed(random, calm_from, 24 * HOUR, Kind::Throttle(stage, reserved)));
        }
        for _ in 0..random.below(3) {
            faults.push(windowed(random, calm_from, 12 * HOUR, Kind::Outage(stage, down(random))));
        }
        if random.chance(0.6) {
            faults.push(windowed(random, calm_from, calm_from, Kind::Unreliable(stage, unreliable(random, stage))));
        }
    }
    let out_of_reach = Noise { refused: 1.0, answer_lost: 0.0 };
    for kind in [Kind::Ledger(out_of_reach), Kind::Queues(out_of_reach)] {
        if random.chance(0.2) {
            faults.push(windowed(random, calm_from, 6 * HOUR, kind));
        }
    }
    for kind in noises(random) {
        faults.push(windowed(random, calm_from, 10 * 24 * HOUR, kind));
    }
    for _ in 0..random.below(20) {
        let at = random.between(Duration::ZERO, calm_from);
        faults.push(Fault { at, lasts: Duration::ZERO, kind: Kind::Once(act(random)) });
    }
    faults.sort_by_key(|fault| fault.at);
    keep_pauses_apart(&mut faults);
    faults
}

/// Whoever ends a pause ends it for everyone: two of the same stage at once would be an operators' quarrel.
fn keep_pauses_apart(faults: &mut Vec<Fault>) {
    let mut until = BTreeMap::new();
    faults.retain(|fault| {
        let Some(stage) = fault.kind.pauses() else { return true };
        let is_apart = until.get(&stage).is_none_or(|until| *until < fault.at);
        if is_apart {
            // Whoever undoes one looks at it for a while.
            until.insert(stage, fault.at + fault.lasts + HOUR);
        }
        is_apart
    });
}

/// What operators and providers do to a stack in which all else is well.
fn harmless(random: &Stream, calm_from: Duration) -> Vec<Fault> {
    let mut faults = Vec::new();
    for stage in Plan::MONTHLY.steps() {
        for _ in 0..random.below(3) {
            let kind = match random.below(3) {
                0 => Kind::Pause(stage),
                1 => Kind::Disable(stage),
                _ => Kind::Throttle(stage, 0),
            };
            faults.push(windowed(random, calm_from, 3 * 24 * HOUR, kind));
        }
        for _ in 0..random.below(4) {
            faults.push(windowed(random, calm_from, 24 * HOUR, Kind::Outage(stage, down(random))));
        }
    }
    for _ in 0..random.below(4) {
        let at = random.between(Duration::ZERO, calm_from);
        faults.push(Fault { at, lasts: Duration::ZERO, kind: Kind::Once(Act::Deploy) });
    }
    faults.sort_by_key(|fault| fault.at);
    keep_pauses_apart(&mut faults);
    faults
}

fn windowed(random: &Stream, calm_from: Duration, longest: Duration, kind: Kind) -> Fault {
    let at = random.between(Duration::ZERO, calm_from.saturating_sub(HOUR));
    let lasts = random.between(Duration::from_mins(10), longest).min(calm_from.saturating_sub(at));
    Fault { at, lasts, kind }
}

/// Code that panics on a few customers, for long enough that some of them are due then.
fn panics(random: &Stream, calm_from: Duration) -> Vec<Fault> {
    let one = |_| {
        let place = random.pick(&PanicPlace::OF_STAGES).copied().unwrap_or(PanicPlace::Scored);
        let who = u32::try_from(random.below(1 << 20)).unwrap_or(0);
        windowed(random, calm_from, calm_from, Kind::Panic(place, who))
    };
    (0..random.below(12)).map(one).collect()
}

/// What goes wrong at the campaigns' partner, and with the stage that calls it.
fn partner(random: &Stream, calm_from: Duration) -> Vec<Fault> {
    let stage = StageName::Call;
    let mut faults = Vec::new();
    if random.chance(0.3) {
        faults.push(windowed(random, calm_from, 24 * HOUR, Kind::Pause(stage)));
    }
    if random.chance(0.3) {
        faults.push(windowed(random, calm_from, 24 * HOUR, Kind::Throttle(stage, 1)));
    }
    for _ in 0..random.below(4) {
        faults.push(windowed(random, calm_from, 6 * HOUR, Kind::Outage(stage, down(random))));
    }
    if random.chance(0.8) {
        faults.push(windowed(random, calm_from, calm_from, Kind::Unreliable(stage, unreliable(random, stage))));
    }
    faults
}

/// What AWS refuses for good, or loses on the way.
fn refusals(random: &Stream, calm_from: Duration) -> Vec<Fault> {
    let mut faults = Vec::new();
    for how in [TargetFailure::Refused, TargetFailure::RoleBroken] {
        if random.chance(0.2) {
            faults.push(windowed(random, calm_from, 2 * 24 * HOUR, Kind::SchedulerRefused(how)));
        }
    }
    if random.chance(0.4) {
        faults.push(windowed(random, calm_from, 10 * 24 * HOUR, Kind::LostBatches(random.unit() * 0.3)));
    }
    faults
}

/// How a month's recipients are: most months have a few of each kind, and more than any house has.
fn recipients(random: &Stream) -> RecipientWays {
    let some = |most: f64| if random.chance(0.7) { random.unit() * most } else { 0.0 };
    RecipientWays {
        hard: some(0.04),
        soft: some(0.1),
        reputation: some(0.05),
        rejected: some(0.03),
        delayed: some(0.1),
        complaints: some(0.03),
        clicks: some(0.1),
    }
}

/// What goes wrong with what is told of mails.
fn feedback(random: &Stream, calm_from: Duration) -> Vec<Fault> {
    let mut faults = Vec::new();
    if random.chance(0.6) {
        let some = |most: f64| if random.chance(0.5) { random.unit() * most } else { 0.0 };
        let told = FeedbackFaults {
            lost: some(0.6),
            late: some(0.6),
            repeated: some(0.6),
            strangers: some(0.4),
            ..FeedbackFaults::default()
        };
        faults.push(windowed(random, calm_from, calm_from, Kind::Feedback(told)));
    }
    if random.chance(0.3) {
        let told = FeedbackFaults { unreadable: random.unit(), ..FeedbackFaults::default() };
        faults.push(windowed(random, calm_from, 2 * 24 * HOUR, Kind::Feedback(told)));
    }
    if random.chance(0.3) {
        faults.push(windowed(random, calm_from, 6 * 24 * HOUR, Kind::IntakeOff));
    }
    if random.chance(0.3) {
        let reserved = u32::try_from(random.below(3)).unwrap_or(0);
        faults.push(windowed(random, calm_from, 24 * HOUR, Kind::IntakeThrottled(reserved)));
    }
    for _ in 0..random.below(8) {
        let who = u32::try_from(random.below(1 << 20)).unwrap_or(0);
        let at = random.between(Duration::ZERO, calm_from);
        faults.push(Fault { at, lasts: Duration::ZERO, kind: Kind::Once(Act::Click(who)) });
    }
    for _ in 0..random.below(4) {
        let who = u32::try_from(random.below(1 << 20)).unwrap_or(0);
        faults.push(windowed(random, calm_from, calm_from, Kind::Panic(PanicPlace::Heard, who)));
    }
    faults
}

/// Redrives that operators order, and ticks that die while they carry them out.
fn orders(random: &Stream, calm_from: Duration) -> Vec<Fault> {
    let mut faults = Vec::new();
    if random.chance(0.3) {
        faults.push(windowed(random, calm_from, 4 * 24 * HOUR, Kind::TickDeaths(random.unit() * 0.02)));
    }
    if random.chance(0.8) {
        // Most of them find no letter.
        for _ in 0..=random.below(30) {
            let at = random.between(Duration::ZERO, calm_from);
            let cancelled_after =
                random.chance(0.3).then(|| random.between(Duration::from_secs(1), Duration::from_mins(30)));
            let act = Act::Order(ordered(random), cancelled_after);
            faults.push(Fault { at, lasts: Duration::ZERO, kind: Kind::Once(act) });
        }
    }
    faults
}

fn ordered(random: &Stream) -> Ordered {
    let stage = if random.chance(0.5) { StageName::Score } else { StageName::Email };
    match random.below(5) {
        0 | 1 => Ordered::Letters(DlqName::Stage(stage)),
        2 => Ordered::Refused(stage),
        3 => Ordered::Run(stage),
        _ => {
            let moves_entries =
                |queue: &DlqName| queue.stage().is_none_or(|stage| StageName::OF_ENTRIES.contains(&stage));
            let all: Vec<_> = DlqName::of(StageSet::of_every_stack()).filter(moves_entries).collect();
            Ordered::Letters(random.pick(&all).copied().unwrap_or(DlqName::Schedules))
        }
    }
}

fn noises(random: &Stream) -> Vec<Kind> {
    let noise = |most: f64| Noise { refused: random.unit() * most, answer_lost: random.unit() * most };
    let mut noises = Vec::new();
    if random.chance(0.5) {
        noises.push(Kind::Ledger(noise(0.1)));
    }
    if random.chance(0.5) {
        noises.push(Kind::Queues(noise(0.1)));
    }
    if random.chance(0.5) {
        noises.push(Kind::Deaths(random.unit() * 0.02));
    }
    if random.chance(0.3) {
        noises.push(Kind::BadAnswers(random.unit() * 0.2));
    }
    if random.chance(0.3) {
        noises.push(Kind::SchedulerCutOff);
    }
    if random.chance(0.2) {
        noises.push(Kind::NothingScheduled);
    }
    noises
}

fn down(random: &Stream) -> Down {
    match random.below(4) {
        0 => Down::Refusing,
        1 => Down::Hanging,
        2 => Down::Limiting(random.between(Duration::from_secs(1), 2 * HOUR)),
        _ => Down::Failing,
    }
}

fn unreliable(random: &Stream, stage: StageName) -> ProviderFaults {
    ProviderFaults {
        down: None,
        retry: random.unit() * 0.2,
        fail: if random.chance(0.3) { random.unit() * 0.02 } else { 0.0 },
        answer_lost: random.unit() * 0.1,
        late: if stage == StageName::Email && random.chance(0.5) { random.unit() * 0.05 } else { 0.0 },
        slower: 0.0,
    }
}

fn act(random: &Stream) -> Act {
    let who = u32::try_from(random.below(1 << 20)).unwrap_or(0);
    let stage = if random.chance(0.5) { StageName::Score } else { StageName::Email };
    match random.below(16) {
        0 => Act::Purge(stage),
        1 | 2 => Act::Redrive(stage),
        3 => Act::Settle,
        4 => Act::Deploy,
        5 => Act::LoseSchedule(who),
        6 => Act::DisableSchedule(who),
        7 => Act::Leave(who),
        8 => Act::Join(who),
        9 => Act::OptOut(who),
        10 => Act::OptIn(who),
        11 => match random.pick(&ZONES).and_then(|zone| Zone::parse(zone).ok()) {
            Some(zone) => Act::Move(who, zone),
            None => Act::NewAddress(who),
        },
        12 => Act::NewAddress(who),
        13 | 14 => Act::Repeat(stage, who),
        _ => Act::Garbage(stage),
    }
}
